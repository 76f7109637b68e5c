/*
 * tests/support/smime_site.h - a root, a CA under it, and three people: alice (RSA), bob (P-256), carol (Ed25519). For one test program.
 */
#ifndef CIRT_TESTS_SMIME_SITE_H
#define CIRT_TESTS_SMIME_SITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "crypto/smime.h"
#include "support/mail_pki.h"
#include "support/shell.h"

static const char text[] = "Content-Type: text/plain\r\n\r\nSeen at 198.51.100.7\r\n";
enum { TEXT_SIZE = sizeof text - 1 };

/* A root, a CA under it, and people; our own context holds their keys, the reader's only the root. */
struct site {
    char base[64], ca[96], crl[96], ids[96];
    struct mail_id root, ca_id;
    struct smime *ours, *reader;
};

static inline struct mail_id site_person(const struct site *site, const char *name, const char *type)
{
    char san[96];
    snprintf(san, sizeof san, "email:%s@YY.example", name);
    struct mail_spec spec = {.name = name,
                             .san = san,
                             .usage = strcmp(type, "P-256") == 0     ? "digitalSignature,keyAgreement"
                                      : strcmp(type, "ED25519") == 0 ? "digitalSignature"
                                                                     : "digitalSignature,keyEncipherment",
                             .ext = "emailProtection",
                             .type = type};
    struct mail_id id = mail_pki_make(&spec, &site->ca_id);
    return id;
}

static inline struct smime *site_open(const char *ca, const char *crl, const char *ids)
{
    struct smime_settings settings = {.ca_file = ca, .crl_file = crl, .identity_dir = ids};
    struct smime *smime;
    struct err err;
    if (!smime_open(&settings, &smime, &err))
        fail_msg("%s", err.text);
    return smime;
}

static inline int site_set_up(void **state)
{
    static struct site site;
    static const char *const names[] = {"alice", "bob", "carol"}, *const types[] = {"RSA2048", "P-256", "ED25519"};
    snprintf(site.base, sizeof site.base, "/tmp/smimeXXXXXX");
    assert_non_null(mkdtemp(site.base));
    snprintf(site.ca, sizeof site.ca, "%s/ca.pem", site.base);
    snprintf(site.crl, sizeof site.crl, "%s/crl.pem", site.base);
    snprintf(site.ids, sizeof site.ids, "%s/ids", site.base);
    assert_int_equal(mkdir(site.ids, 0700), 0);
    site.root = mail_pki_make(&(struct mail_spec){.name = "Root", .is_ca = 1, .from = -4000, .until = 4000}, NULL);
    site.ca_id = mail_pki_make(&(struct mail_spec){.name = "Mail CA", .is_ca = 1, .from = -2000, .until = 2000}, &site.root);
    for (size_t i = 0; i < 3; i++) {
        struct mail_id id = site_person(&site, names[i], types[i]);
        mail_pki_save(site.ids, names[i], &id, site.ca_id.certificate);
        mail_pki_free(&id);
    }
    mail_pki_write_pem(site.ca, &site.root.certificate, 1);
    site.ours = site_open(site.ca, NULL, site.ids);
    site.reader = site_open(site.ca, "", NULL);
    *state = &site;
    return 0;
}

static inline int site_tear_down(void **state)
{
    struct site *site = *state;
    smime_close(site->ours);
    smime_close(site->reader);
    mail_pki_free(&site->root);
    mail_pki_free(&site->ca_id);
    shell("rm -rf %s", site->base);
    return 0;
}

static inline void site_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static inline size_t site_read(const char *path, void *bytes, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s is missing", path);
    size = fread(bytes, 1, size, file);
    fclose(file);
    return size;
}

#endif
