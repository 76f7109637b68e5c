/* Signatures: against throw-away CAs made here, with the openssl command as second opinion. Mails of others stand in test_smime_corpus.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "crypto/smime.h"
#include "support/mail_pki.h"

static const char text[] = "Content-Type: text/plain\r\n\r\nSeen at 198.51.100.7\r\n";
enum { TEXT_SIZE = sizeof text - 1 };

/* A root, a CA under it, and people; our own context holds their keys, the reader's only the root. */
struct site {
    char base[64], ca[96], crl[96], ids[96];
    struct mail_id root, ca_id;
    struct smime *ours, *reader;
};

static void PRINTF_LIKE(1, 2) run(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    int status = system(command);
    if (status != 0)
        fail_msg("%s: status %d", command, status);
}

static struct mail_id make_person(const struct site *site, const char *name, const char *type)
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

static struct smime *open_context(const char *ca, const char *crl, const char *ids)
{
    struct smime_settings settings = {.ca_file = ca, .crl_file = crl, .identity_dir = ids};
    struct smime *smime;
    struct err err;
    if (!smime_open(&settings, &smime, &err))
        fail_msg("%s", err.text);
    return smime;
}

static int set_up(void **state)
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
        struct mail_id id = make_person(&site, names[i], types[i]);
        mail_pki_save(site.ids, names[i], &id, site.ca_id.certificate);
        mail_pki_free(&id);
    }
    mail_pki_write_pem(site.ca, &site.root.certificate, 1);
    site.ours = open_context(site.ca, NULL, site.ids);
    site.reader = open_context(site.ca, "", NULL);
    *state = &site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    smime_close(site->ours);
    smime_close(site->reader);
    mail_pki_free(&site->root);
    mail_pki_free(&site->ca_id);
    run("rm -rf %s", site->base);
    return 0;
}

static void verify(struct smime *smime, const void *bytes, size_t size, const struct buf *cms, struct smime_signatures *out)
{
    struct err err;
    if (!smime_verify_detached(smime, bytes, size, cms->bytes, cms->size, timestamp_now(), out, &err))
        fail_msg("%s", err.text);
}

static void test_sign_and_verify(void **state)
{
    static const char *const algorithms[] = {"RSA", "ECDSA", "EdDSA"}, *const hashes[] = {"SHA256", "SHA256", "SHA512"};
    static const char *const micalgs[] = {"sha-256", "sha-256", "sha-512"}, *const mails[] = {"alice@yy.example", "bob@yy.example",
                                                                                              "carol@yy.example"};
    struct site *site = *state;
    struct smime_signatures seen;
    char micalg[24];
    struct err err;
    assert_int_equal(smime_identity_count(site->ours), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct smime_certificate *own = smime_identity(site->ours, i);
        struct buf cms;
        buf_init(&cms, 20000);
        assert_true(own->can_sign);
        if (!smime_sign_detached(site->ours, own->fingerprint, text, TEXT_SIZE, &cms, micalg, &err))
            fail_msg("%s", err.text);
        assert_string_equal(micalg, micalgs[i]);

        verify(site->reader, text, TEXT_SIZE, &cms, &seen);
        assert_int_equal(seen.count, 1);
        const struct smime_signature *item = &seen.items[0];
        assert_int_equal(item->status, SMIME_GOOD);
        assert_true(item->is_sound && item->has_chain && item->takes_gcm);
        assert_string_equal(item->certificate.fingerprint, own->fingerprint);
        assert_string_equal(item->certificate.addresses[0], mails[i]);
        assert_string_equal(item->hash, hashes[i]);
        assert_string_equal(item->algorithm, algorithms[i]);
        assert_int_equal(item->key_now, SMIME_KEY_VALID);
        assert_string_equal(item->text, "");
        assert_true(timestamp_now() - item->made < 600 * TIMESTAMP_SECOND);
        smime_signatures_clear(&seen);

        verify(site->reader, text, TEXT_SIZE - 1, &cms, &seen);
        assert_int_equal(seen.items[0].status, SMIME_BAD);
        assert_false(seen.items[0].is_sound);
        smime_signatures_clear(&seen);
        buf_clear(&cms);
    }
}

static void test_seal_and_open(void **state)
{
    struct site *site = *state;
    struct smime_opened opened;
    enum smime_kind kind, is;
    struct buf cms, clear;
    struct err err;
    buf_init(&cms, 20000);
    buf_init(&clear, 20000);
    for (int takes_gcm = 0; takes_gcm < 2; takes_gcm++) {
        struct smime_recipient recipients[2];
        for (size_t i = 0; i < 2; i++) {
            const struct smime_certificate *own = smime_identity(site->ours, i);
            recipients[i] = (struct smime_recipient){own->der, own->der_size, takes_gcm};
        }
        buf_reset(&cms);
        if (!smime_encrypt(site->ours, recipients, 2, text, TEXT_SIZE, timestamp_now(), &cms, &kind, &err))
            fail_msg("%s", err.text);
        assert_true(smime_kind_of(cms.bytes, cms.size, &is, &err));
        assert_int_equal(is, takes_gcm ? SMIME_AUTH_ENVELOPED : SMIME_ENVELOPED);
        assert_int_equal(kind, is);

        if (!smime_decrypt(site->ours, cms.bytes, cms.size, &clear, &opened, &err))
            fail_msg("%s", err.text);
        assert_string_equal(buf_text(&clear), text);
        assert_int_equal(opened.needed_count, 2);
        assert_true(opened.has_integrity == takes_gcm);
        assert_string_equal(opened.fingerprint, smime_identity(site->ours, 0)->fingerprint);

        assert_false(smime_decrypt(site->reader, cms.bytes, cms.size, &clear, &opened, &err));
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_int_equal(opened.needed_count, 2);
        assert_non_null(strstr(opened.needed[1], "CN=Mail CA, serial "));
        assert_int_equal(clear.size, 0);
    }
    buf_clear(&cms);
    buf_clear(&clear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sign_and_verify), cmocka_unit_test(test_seal_and_open)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
