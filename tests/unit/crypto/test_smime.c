/* Signatures: against throw-away CAs made here, with the openssl command as second opinion. Mails of others stand in test_smime_corpus.c.
 */
#include <limits.h>
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
#include "support/smime_site.h"

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

/* --- signatures of every shade, made by OpenSSL --- */

static struct smime_signatures verdict_of(struct smime *smime, const struct mail_id *id, const struct mail_sign *how)
{
    struct smime_signatures seen;
    struct err err;
    size_t size;
    unsigned char *cms = mail_pki_sign(&id, 1, text, TEXT_SIZE, how, &size);
    if (!smime_verify_detached(smime, text, TEXT_SIZE, cms, size, timestamp_now(), &seen, &err))
        fail_msg("%s", err.text);
    assert_int_equal(seen.count, 1);
    OPENSSL_free(cms);
    return seen;
}

#define MAIL_CERT .usage = "digitalSignature", .ext = "emailProtection", .san = "email:x@yy.example"

/* Each certificate, when it signs, and what that is worth. */
static void test_certificates(void **state)
{
    static const struct {
        struct mail_spec spec;
        struct mail_sign how;
        enum smime_status status;
        bool is_sound, has_chain;
        enum smime_key_now key_now;
        const char *says;
    } rows[] = {
        {{.name = "plain", MAIL_CERT}, {0}, SMIME_GOOD, true, true, SMIME_KEY_VALID, ""},
        {{.name = "no EKU", .usage = "nonRepudiation", .san = "email:x@yy.example"}, {0}, SMIME_GOOD, true, true, SMIME_KEY_VALID, ""},
        {{.name = "bare", .email = "x@yy.example"}, {0}, SMIME_GOOD, true, true, SMIME_KEY_VALID, ""},
        {{.name = "any EKU", .ext = "anyExtendedKeyUsage"}, {0}, SMIME_GOOD, true, true, SMIME_KEY_VALID, ""},
        {{.name = "P-521", MAIL_CERT, .type = "P-521"}, {.hash = NULL}, SMIME_GOOD, true, true, SMIME_KEY_VALID, ""},
        {{.name = "names itself", MAIL_CERT}, {.flags = CMS_CADES}, SMIME_GOOD, true, true, SMIME_KEY_VALID, ""},
        {{.name = "expired then", MAIL_CERT, .from = -900, .until = -400},
         {.made = -100},
         SMIME_EXPIRED_KEY,
         false,
         true,
         SMIME_KEY_EXPIRED,
         "the certificate had ended when"},
        {{.name = "expired now", MAIL_CERT, .from = -900, .until = -100}, {.made = -400}, SMIME_GOOD, true, true, SMIME_KEY_EXPIRED, ""},
        {{.name = "expired, no time", MAIL_CERT, .from = -900, .until = -100},
         {.flags = CMS_NOATTR},
         SMIME_EXPIRED_KEY,
         false,
         true,
         SMIME_KEY_EXPIRED,
         "has no time"},
        {{.name = "clock ahead", MAIL_CERT, .from = -900, .until = -100},
         {.made = 300},
         SMIME_EXPIRED_KEY,
         false,
         true,
         SMIME_KEY_EXPIRED,
         ""},
        {{.name = "too early", MAIL_CERT, .from = -10, .until = 100}, {.made = -50}, SMIME_ERROR, false, true, SMIME_KEY_VALID, "before"},
        {{.name = "encrypts only", .usage = "keyEncipherment", .ext = "emailProtection"},
         {0},
         SMIME_ERROR,
         false,
         true,
         SMIME_KEY_VALID,
         "keyUsage"},
        {{.name = "server", .usage = "digitalSignature", .ext = "serverAuth"},
         {0},
         SMIME_ERROR,
         false,
         true,
         SMIME_KEY_VALID,
         "extendedKeyUsage"},
        {{.name = "short", MAIL_CERT, .type = "RSA1024"}, {0}, SMIME_ERROR, false, false, SMIME_KEY_VALID, "shorter than 2048"},
    };
    struct site *site = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mail_id id = mail_pki_make(&rows[i].spec, &site->ca_id);
        struct mail_sign how = rows[i].how;
        how.beside = site->ca_id.certificate;
        struct smime_signatures seen = verdict_of(site->reader, &id, &how);
        const struct smime_signature *item = &seen.items[0];
        if (item->status != rows[i].status || item->is_sound != rows[i].is_sound || item->has_chain != rows[i].has_chain ||
            item->key_now != rows[i].key_now || !strstr(item->text, rows[i].says))
            fail_msg("%s: %s (%s), sound %d, chain %d, now %s", rows[i].spec.name, smime_status_name(item->status), item->text,
                     item->is_sound, item->has_chain, smime_key_now_name(item->key_now));
        smime_signatures_clear(&seen);
        mail_pki_free(&id);
    }
}

/* Without a path the arithmetic still tells, so that a pinned certificate can count. */
static void test_paths(void **state)
{
    struct site *site = *state;
    struct mail_id self = mail_pki_make(&(struct mail_spec){.name = "self", MAIL_CERT}, NULL);
    struct mail_id alice = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT}, &site->ca_id);
    struct mail_id forged_ca = mail_pki_make(&(struct mail_spec){.name = "Mail CA", .is_ca = 1}, NULL);
    struct mail_id forged = mail_pki_make(&(struct mail_spec){.name = "forged", MAIL_CERT}, &forged_ca);
    struct mail_id tls_ca = mail_pki_make(&(struct mail_spec){.name = "TLS CA", .is_ca = 1, .ext = "serverAuth"}, &site->root);
    struct mail_id by_tls = mail_pki_make(&(struct mail_spec){.name = "by TLS", MAIL_CERT}, &tls_ca);
    struct mail_id by_leaf = mail_pki_make(&(struct mail_spec){.name = "by leaf", MAIL_CERT}, &alice);
    struct mail_id old_ca = mail_pki_make(&(struct mail_spec){.name = "Old CA", .is_ca = 1, .from = -900, .until = -30}, &site->root);
    struct mail_id by_old = mail_pki_make(&(struct mail_spec){.name = "by old", MAIL_CERT, .from = -800, .until = 200}, &old_ca);
    struct mail_id new_ca = mail_pki_make(&(struct mail_spec){.name = "New CA", .is_ca = 1, .from = -30, .until = 900}, &site->root);
    struct mail_id by_new = mail_pki_make(&(struct mail_spec){.name = "by new", MAIL_CERT, .from = -800, .until = 200}, &new_ca);
    struct mail_id sha1_ca = mail_pki_make(&(struct mail_spec){.name = "SHA-1 CA", .is_ca = 1, .hash = EVP_sha1()}, &site->root);
    struct mail_id by_sha1 = mail_pki_make(&(struct mail_spec){.name = "by SHA-1", MAIL_CERT}, &sha1_ca);
    const struct {
        const struct mail_id *id;
        X509 *beside;
        long made;
        enum smime_status status;
        bool is_sound;
    } rows[] = {
        {&self, NULL, 0, SMIME_UNKNOWN_KEY, true},
        {&alice, site->ca_id.certificate, 0, SMIME_GOOD, true},
        {&alice, NULL, 0, SMIME_UNKNOWN_KEY, true}, /* its CA did not come along */
        {&forged, forged_ca.certificate, 0, SMIME_UNKNOWN_KEY, true},
        {&forged, site->ca_id.certificate, 0, SMIME_UNKNOWN_KEY, true},
        {&by_tls, tls_ca.certificate, 0, SMIME_UNKNOWN_KEY, true},
        {&by_leaf, alice.certificate, 0, SMIME_UNKNOWN_KEY, true},
        {&by_old, old_ca.certificate, 0, SMIME_EXPIRED_KEY, false},
        {&by_old, old_ca.certificate, -100, SMIME_GOOD, true},
        {&by_new, new_ca.certificate, -100, SMIME_GOOD, true},
        {&by_sha1, sha1_ca.certificate, 0, SMIME_UNKNOWN_KEY, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct smime_signatures seen =
            verdict_of(site->reader, rows[i].id, &(struct mail_sign){.beside = rows[i].beside, .made = rows[i].made});
        if (seen.items[0].status != rows[i].status || seen.items[0].is_sound != rows[i].is_sound)
            fail_msg("row %zu: %s (%s)", i, smime_status_name(seen.items[0].status), seen.items[0].text);
        assert_true(rows[i].status != SMIME_UNKNOWN_KEY || !seen.items[0].has_chain);
        smime_signatures_clear(&seen);
    }
    struct smime *nobody = site_open(NULL, NULL, NULL), *direct = NULL;
    struct smime_signatures seen = verdict_of(nobody, &alice, &(struct mail_sign){.beside = site->ca_id.certificate});
    assert_int_equal(seen.items[0].status, SMIME_UNKNOWN_KEY);
    smime_signatures_clear(&seen);
    /* a CA that is no root may be the anchor */
    char path[128];
    snprintf(path, sizeof path, "%s/direct.pem", site->base);
    mail_pki_write_pem(path, &site->ca_id.certificate, 1);
    direct = site_open(path, NULL, NULL);
    seen = verdict_of(direct, &alice, &(struct mail_sign){.beside = NULL});
    assert_int_equal(seen.items[0].status, SMIME_GOOD);
    smime_signatures_clear(&seen);
    smime_close(nobody);
    smime_close(direct);
    struct mail_id *all[] = {&self,   &alice,  &forged_ca, &forged,  &tls_ca, &by_tls, &by_leaf,
                             &old_ca, &by_old, &sha1_ca,   &by_sha1, &new_ca, &by_new};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mail_pki_free(all[i]);
}

static void test_revocation(void **state)
{
    struct site *site = *state;
    struct mail_id gone =
        mail_pki_make(&(struct mail_spec){.name = "gone", MAIL_CERT, .serial = 77, .from = -300, .until = 300}, &site->ca_id);
    struct mail_id still =
        mail_pki_make(&(struct mail_spec){.name = "still", MAIL_CERT, .serial = 78, .from = -300, .until = 300}, &site->ca_id);
    struct mail_id lost_ca =
        mail_pki_make(&(struct mail_spec){.name = "Lost CA", .is_ca = 1, .serial = 5, .from = -300, .until = 300}, &site->root);
    struct mail_id by_lost = mail_pki_make(&(struct mail_spec){.name = "by lost", MAIL_CERT, .from = -300, .until = 300}, &lost_ca);
    struct mail_id forger = mail_pki_make(&(struct mail_spec){.name = "Mail CA", .is_ca = 1}, NULL);
    struct smime_signatures seen;
    enum smime_status status;
    char why[SMIME_TEXT_SIZE];
    struct err err;
    /* before there is a CRL, nothing is revoked */
    seen = verdict_of(site->reader, &gone, &(struct mail_sign){.beside = site->ca_id.certificate});
    assert_int_equal(seen.items[0].status, SMIME_GOOD);
    smime_signatures_clear(&seen);

    mail_pki_add_crl(site->crl, &site->ca_id, (const long[]){76, 77}, 2, 30);
    mail_pki_add_crl(site->crl, &site->root, (const long[]){5}, 1, 30);
    struct smime *strict = site_open(site->ca, site->crl, NULL);
    assert_string_equal(smime_warning(strict), "");
    for (int i = 0; i < 2; i++) { /* also what it signed long before: the time is its own word */
        seen = verdict_of(strict, &gone, &(struct mail_sign){.beside = site->ca_id.certificate, .made = i ? -200 : 0});
        assert_int_equal(seen.items[0].status, SMIME_REVOKED_KEY);
        assert_int_equal(seen.items[0].key_now, SMIME_KEY_REVOKED);
        assert_false(seen.items[0].is_sound);
        smime_signatures_clear(&seen);
        seen = verdict_of(strict, &still, &(struct mail_sign){.beside = site->ca_id.certificate, .made = i ? -200 : 0});
        assert_int_equal(seen.items[0].status, SMIME_GOOD);
        smime_signatures_clear(&seen);
        seen = verdict_of(strict, &by_lost, &(struct mail_sign){.beside = lost_ca.certificate, .made = i ? -200 : 0});
        assert_int_equal(seen.items[0].status, SMIME_REVOKED_KEY);
        smime_signatures_clear(&seen);
    }
    /* without its CA the path is open and nobody can say that it is revoked: never good */
    seen = verdict_of(strict, &gone, &(struct mail_sign){.beside = NULL});
    assert_int_equal(seen.items[0].status, SMIME_UNKNOWN_KEY);
    smime_signatures_clear(&seen);

    /* the file changes: an old CRL still counts, and is told of; a CRL that its issuer did not sign makes nothing good */
    remove(site->crl);
    mail_pki_add_crl(site->crl, &site->ca_id, (const long[]){78}, 1, -1);
    assert_true(smime_reload(strict, &err));
    assert_non_null(strstr(smime_warning(strict), "nextUpdate"));
    unsigned char *der = NULL;
    int size = i2d_X509(still.certificate, &der);
    seen = verdict_of(strict, &still, &(struct mail_sign){.beside = site->ca_id.certificate});
    assert_int_equal(seen.items[0].status, SMIME_REVOKED_KEY);
    smime_signatures_clear(&seen);
    assert_true(smime_check_certificate(strict, der, (size_t)size, timestamp_now(), &status, why, &err));
    assert_int_equal(status, SMIME_UNKNOWN_KEY); /* its CA is not in the CA file */
    remove(site->crl);
    mail_pki_add_crl(site->crl, &forger, (const long[]){1}, 1, 30);
    assert_true(smime_reload(strict, &err));
    seen = verdict_of(strict, &still, &(struct mail_sign){.beside = site->ca_id.certificate});
    assert_true(seen.items[0].status != SMIME_GOOD);
    smime_signatures_clear(&seen);
    OPENSSL_free(der);
    remove(site->crl);
    smime_close(strict);
    struct mail_id *all[] = {&gone, &still, &lost_ca, &by_lost, &forger};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mail_pki_free(all[i]);
}

static void test_hashes(void **state)
{
    const struct {
        const EVP_MD *hash;
        const char *name;
        bool is_good;
    } rows[] = {{EVP_sha1(), "SHA1", false},    {EVP_md5(), "MD5", false},      {EVP_ripemd160(), "RIPEMD160", false},
                {EVP_sha384(), "SHA384", true}, {EVP_sha512(), "SHA512", true}, {EVP_sha224(), "SHA224", true}};
    struct site *site = *state;
    struct mail_id id = mail_pki_make(&(struct mail_spec){.name = "rsa", MAIL_CERT, .type = "RSA2048"}, &site->ca_id);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int plain = 0; plain < 2; plain++) {
            struct smime_signatures seen =
                verdict_of(site->reader, &id,
                           &(struct mail_sign){.hash = rows[i].hash, .beside = site->ca_id.certificate, .flags = plain ? CMS_NOATTR : 0});
            assert_int_equal(seen.items[0].status, rows[i].is_good ? SMIME_GOOD : SMIME_ERROR);
            assert_string_equal(seen.items[0].hash, rows[i].name);
            assert_true(rows[i].is_good || strstr(seen.items[0].text, "SHA-1"));
            assert_true(plain ? seen.items[0].made == TIMESTAMP_NONE : seen.items[0].made != TIMESTAMP_NONE);
            smime_signatures_clear(&seen);
        }
    }
    mail_pki_free(&id);
}

/* --- shapes --- */

static struct smime_signatures verify_bytes(struct smime *smime, const void *cms, size_t size)
{
    struct smime_signatures seen;
    struct err err;
    if (!smime_verify_detached(smime, text, TEXT_SIZE, cms, size, timestamp_now(), &seen, &err))
        fail_msg("%s", err.text);
    return seen;
}

static void test_several_signers(void **state)
{
    struct site *site = *state;
    struct mail_id a = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT}, &site->ca_id);
    struct mail_id b = mail_pki_make(&(struct mail_spec){.name = "b", MAIL_CERT, .type = "RSA2048"}, &site->ca_id);
    struct mail_id other = mail_pki_make(&(struct mail_spec){.name = "other", MAIL_CERT}, NULL);
    const struct mail_id *many[9] = {&a, &b, &other, &a, &b, &a, &b, &a, &b};
    size_t size;
    unsigned char *cms = mail_pki_sign(many, 3, text, TEXT_SIZE, &(struct mail_sign){.beside = site->ca_id.certificate}, &size);
    struct smime_signatures seen = verify_bytes(site->reader, cms, size);
    assert_int_equal(seen.count, 3);
    int good = 0, unknown = 0;
    for (size_t i = 0; i < 3; i++) { /* a SET has an order of its own */
        good += seen.items[i].status == SMIME_GOOD;
        unknown += seen.items[i].status == SMIME_UNKNOWN_KEY && strstr(seen.items[i].signer, "CN=other");
    }
    assert_int_equal(good, 2);
    assert_int_equal(unknown, 1);
    smime_signatures_clear(&seen);
    OPENSSL_free(cms);
    cms = mail_pki_sign(many, 9, text, TEXT_SIZE, &(struct mail_sign){.flags = CMS_NOCERTS}, &size);
    seen = verify_bytes(site->reader, cms, size);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].status, SMIME_ERROR);
    smime_signatures_clear(&seen);
    OPENSSL_free(cms);
    mail_pki_free(&a);
    mail_pki_free(&b);
    mail_pki_free(&other);
}

static void test_opaque(void **state)
{
    static const char elsewhere[] = "Content-Type: text/plain\r\n\r\nsomething else\r\n";
    struct site *site = *state;
    struct mail_id id = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT}, &site->ca_id);
    const struct mail_id *ids[] = {&id};
    struct smime_signatures seen;
    enum smime_kind kind;
    struct buf content;
    struct err err;
    size_t size;
    buf_init(&content, 1000);
    unsigned char *cms =
        mail_pki_sign(ids, 1, text, TEXT_SIZE, &(struct mail_sign){.is_opaque = 1, .beside = site->ca_id.certificate}, &size);
    assert_true(smime_kind_of(cms, size, &kind, &err));
    assert_int_equal(kind, SMIME_SIGNED);
    assert_true(smime_verify_opaque(site->reader, cms, size, timestamp_now(), &content, &seen, &err));
    assert_string_equal(buf_text(&content), text);
    assert_int_equal(seen.items[0].status, SMIME_GOOD);
    smime_signatures_clear(&seen);

    /* the same bytes beside it, or others: a detached signature has no content of its own */
    seen = verify_bytes(site->reader, cms, size);
    assert_int_equal(seen.items[0].status, SMIME_ERROR);
    assert_non_null(strstr(seen.items[0].text, "content of its own"));
    assert_false(seen.items[0].is_sound);
    smime_signatures_clear(&seen);
    assert_true(smime_verify_detached(site->reader, elsewhere, sizeof elsewhere - 1, cms, size, timestamp_now(), &seen, &err));
    assert_int_equal(seen.items[0].status, SMIME_ERROR);
    smime_signatures_clear(&seen);

    /* changed inside */
    unsigned char *at = memmem(cms, size, "Seen", 4);
    assert_non_null(at);
    *at = 's';
    assert_true(smime_verify_opaque(site->reader, cms, size, timestamp_now(), &content, &seen, &err));
    assert_int_equal(seen.items[0].status, SMIME_BAD);
    assert_int_equal(content.size, TEXT_SIZE);
    smime_signatures_clear(&seen);
    struct buf small;
    buf_init(&small, 10);
    assert_false(smime_verify_opaque(site->reader, cms, size, timestamp_now(), &small, &seen, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    OPENSSL_free(cms);

    /* a detached one has nothing to show */
    cms = mail_pki_sign(ids, 1, text, TEXT_SIZE, &(struct mail_sign){.beside = NULL}, &size);
    assert_false(smime_verify_opaque(site->reader, cms, size, timestamp_now(), &content, &seen, &err));
    assert_int_equal(err.code, ERR_INPUT);
    OPENSSL_free(cms);

    /* nobody signed */
    struct mail_der *der = mem_calloc(1, sizeof *der);
    mail_der_add(der, "\x02\x01\x01\x31\x00", 5);
    mail_der_data(der, text, TEXT_SIZE);
    mail_der_add(der, "\x31\x00", 2);
    mail_der_finish(der, NID_pkcs7_signed);
    assert_true(smime_kind_of(der->bytes, der->size, &kind, &err));
    assert_int_equal(kind, SMIME_SIGNED);
    assert_true(smime_verify_opaque(site->reader, der->bytes, der->size, timestamp_now(), &content, &seen, &err));
    assert_int_equal(seen.count, 0);
    assert_string_equal(buf_text(&content), text);
    free(der);
    cms = mail_pki_sign(ids, 0, text, TEXT_SIZE, &(struct mail_sign){.beside = id.certificate}, &size);
    assert_true(smime_kind_of(cms, size, &kind, &err));
    assert_int_equal(kind, SMIME_CERTS_ONLY);
    OPENSSL_free(cms);
    buf_clear(&content);
    mail_pki_free(&id);
}

static void test_certificates_left_out(void **state)
{
    struct site *site = *state;
    struct mail_id id = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT}, &site->ca_id);
    unsigned char *der = NULL;
    struct err err;
    int der_size = i2d_X509(id.certificate, &der);
    const struct mail_sign how = {.flags = CMS_NOCERTS};
    struct smime_signatures seen = verdict_of(site->reader, &id, &how);
    assert_int_equal(seen.items[0].status, SMIME_UNKNOWN_KEY);
    assert_false(seen.items[0].is_sound);
    assert_string_equal(seen.items[0].certificate.fingerprint, "");
    assert_non_null(strstr(seen.items[0].signer, "CN=Mail CA, serial "));
    assert_int_equal(seen.items[0].key_now, SMIME_KEY_UNKNOWN);
    smime_signatures_clear(&seen);
    assert_true(smime_add_certificate(site->reader, der, (size_t)der_size, &err));
    assert_true(smime_add_certificate(site->reader, der, (size_t)der_size, &err));
    seen = verdict_of(site->reader, &id, &how);
    assert_int_equal(seen.items[0].status, SMIME_UNKNOWN_KEY);
    assert_true(seen.items[0].is_sound);
    assert_int_equal(strlen(seen.items[0].certificate.fingerprint), 64);
    smime_signatures_clear(&seen);
    assert_true(smime_reload(site->reader, &err));
    seen = verdict_of(site->reader, &id, &(struct mail_sign){.flags = CMS_NOCERTS, .beside = site->ca_id.certificate});
    assert_int_equal(seen.items[0].status, SMIME_GOOD);
    smime_signatures_clear(&seen);
    OPENSSL_free(der);
    mail_pki_free(&id);
}

/* --- attacks --- */

/* A signature without attributes over bytes that are the attributes of another: the owner never saw these bytes as a text. */
static void test_attributes_as_content(void **state)
{
    struct site *site = *state;
    struct mail_id id = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT, .type = "RSA2048"}, &site->ca_id);
    const struct mail_id *ids[] = {&id};
    struct smime_signatures seen;
    unsigned char attributes[1024];
    size_t size, used = 0;
    struct err err;
    unsigned char *cms = mail_pki_sign(ids, 1, text, TEXT_SIZE, &(struct mail_sign){.beside = NULL}, &size);
    const unsigned char *at = cms;
    CMS_ContentInfo *object = d2i_CMS_ContentInfo(NULL, &at, (long)size);
    CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(object), 0);
    for (int i = 0; i < CMS_signed_get_attr_count(signer); i++) {
        unsigned char *to = attributes + 4 + used;
        used += (size_t)i2d_X509_ATTRIBUTE(CMS_signed_get_attr(signer, i), &to);
        assert_true(used < sizeof attributes - 200);
    }
    attributes[0] = 0x31;
    attributes[1] = 0x82;
    attributes[2] = (unsigned char)(used >> 8);
    attributes[3] = (unsigned char)used;
    CMS_ContentInfo_free(object);
    OPENSSL_free(cms);
    for (int is_text = 0; is_text < 2; is_text++) {
        cms = mail_pki_sign(ids, 1, is_text ? (const void *)text : attributes, is_text ? TEXT_SIZE : used + 4,
                            &(struct mail_sign){.flags = CMS_NOATTR, .beside = site->ca_id.certificate}, &size);
        assert_true(smime_verify_detached(site->reader, is_text ? (const void *)text : attributes, is_text ? TEXT_SIZE : used + 4, cms,
                                          size, timestamp_now(), &seen, &err));
        assert_int_equal(seen.items[0].status, is_text ? SMIME_GOOD : SMIME_ERROR);
        smime_signatures_clear(&seen);
        OPENSSL_free(cms);
    }
    mail_pki_free(&id);
}

/* Two certificates of one name and number: the key that signed decides, and where the signature names its certificate, that one. */
static void test_swapped_certificate(void **state)
{
    struct site *site = *state;
    struct mail_spec spec = {.name = "a", MAIL_CERT, .serial = 4711};
    struct mail_id first = mail_pki_make(&spec, &site->ca_id);
    struct mail_id other_key = mail_pki_make(&spec, &site->ca_id);
    struct mail_id same_key = mail_pki_make(&(struct mail_spec){.name = "b", MAIL_CERT, .serial = 4711, .key = first.key}, &site->ca_id);
    struct smime_signatures seen =
        verdict_of(site->reader, &first, &(struct mail_sign){.flags = CMS_NOCERTS, .beside = other_key.certificate});
    assert_int_equal(seen.items[0].status, SMIME_BAD);
    smime_signatures_clear(&seen);
    seen = verdict_of(site->reader, &first, &(struct mail_sign){.beside = other_key.certificate});
    assert_true(seen.items[0].is_sound);
    smime_signatures_clear(&seen);
    seen = verdict_of(site->reader, &first, &(struct mail_sign){.flags = CMS_NOCERTS | CMS_CADES, .beside = first.certificate});
    assert_true(seen.items[0].is_sound);
    smime_signatures_clear(&seen);
    seen = verdict_of(site->reader, &first, &(struct mail_sign){.flags = CMS_NOCERTS | CMS_CADES, .beside = same_key.certificate});
    assert_int_equal(seen.items[0].status, SMIME_BAD);
    smime_signatures_clear(&seen);
    mail_pki_free(&first);
    mail_pki_free(&other_key);
    mail_pki_free(&same_key);
}

/* Cut at each byte, and each byte changed: never good but where the change is outside of everything that counts. */
static void test_damage(void **state)
{
    struct site *site = *state;
    struct mail_id id = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT}, &site->ca_id);
    const struct mail_id *ids[] = {&id};
    struct smime_signatures seen;
    struct buf content;
    struct err err;
    size_t size;
    buf_init(&content, 10000);
    unsigned char *cms =
        mail_pki_sign(ids, 1, text, TEXT_SIZE, &(struct mail_sign){.is_opaque = 1, .beside = site->ca_id.certificate}, &size);
    for (size_t i = 0; i < size; i++) {
        unsigned char *cut = mem_calloc(1, i + 1);
        memcpy(cut, cms, i);
        assert_false(smime_verify_opaque(site->reader, cut, i, timestamp_now(), &content, &seen, &err));
        free(cut);
    }
    for (size_t i = 0; i < size; i++) {
        cms[i] ^= 0x20;
        if (smime_verify_opaque(site->reader, cms, size, timestamp_now(), &content, &seen, &err)) {
            for (size_t k = 0; k < seen.count; k++)
                assert_true(seen.items[k].status != SMIME_GOOD ||
                            (content.size == TEXT_SIZE && memcmp(content.bytes, text, TEXT_SIZE) == 0));
            smime_signatures_clear(&seen);
        }
        cms[i] ^= 0x20;
    }
    static const char *const junk[] = {"", "0", "\x30\x80", "hello, world", "\x30\x84\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        seen = verify_bytes(site->reader, junk[i], strlen(junk[i]));
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.items[0].status, SMIME_ERROR);
        smime_signatures_clear(&seen);
    }
    OPENSSL_free(cms);
    buf_clear(&content);
    mail_pki_free(&id);
}

/* The element at *at; it moves behind. DER with definite lengths. */
static const unsigned char *element(const unsigned char **at, long *head, long *size)
{
    const unsigned char *from = *at, *inside = from;
    int tag, class;
    if (ASN1_get_object(&inside, size, &tag, &class, LONG_MAX) & 0x80)
        fail_msg("no DER");
    *head = inside - from;
    *at = inside + *size;
    return inside;
}

static void wrap(struct buf *out, unsigned char tag, const struct buf *inside)
{
    const unsigned char head[] = {tag,
                                  0x84,
                                  (unsigned char)(inside->size >> 24),
                                  (unsigned char)(inside->size >> 16),
                                  (unsigned char)(inside->size >> 8),
                                  (unsigned char)inside->size};
    buf_reset(out);
    buf_add(out, head, sizeof head);
    buf_add(out, inside->bytes, inside->size);
}

/* The signed-data with its first digest algorithm named so many times. */
static void repeat_digest(const unsigned char *cms, int times, struct buf *out)
{
    struct buf part;
    const unsigned char *at = cms, *oid, *version, *set, *after;
    long head, size, whole;
    buf_init(&part, 16 * 1024 * 1024);
    oid = element(&at, &head, &whole); /* ContentInfo */
    const unsigned char *end = oid + whole;
    at = oid;
    element(&at, &head, &size);
    const unsigned char *explicit = at;
    at = element(&at, &head, &size);      /* [0] */
    version = element(&at, &head, &size); /* SignedData */
    at = version;
    element(&at, &head, &size);
    const unsigned char *digests = at;
    set = element(&at, &head, &size);
    after = at;
    for (int i = 0; i < times; i++)
        buf_add(&part, set, (size_t)size);
    wrap(out, 0x31, &part);
    buf_reset(&part);
    buf_add(&part, version, (size_t)(digests - version));
    buf_add(&part, out->bytes, out->size);
    buf_add(&part, after, (size_t)(end - after));
    wrap(out, 0x30, &part);
    buf_reset(&part);
    buf_add(&part, out->bytes, out->size);
    wrap(out, 0xA0, &part);
    buf_reset(&part);
    buf_add(&part, oid, (size_t)(explicit - oid));
    buf_add(&part, out->bytes, out->size);
    wrap(out, 0x30, &part);
    buf_clear(&part);
}

/* Each hash that is announced would go over the content, one inside the other: a stack of three hundred thousand. Only the signer's does.
 */
static void test_many_digests(void **state)
{
    struct site *site = *state;
    struct mail_id a = mail_pki_make(&(struct mail_spec){.name = "a", MAIL_CERT}, &site->ca_id);
    size_t size;
    struct buf cms;
    unsigned char *plain = mail_pki_sign((const struct mail_id *[]){&a}, 1, text, TEXT_SIZE,
                                         &(struct mail_sign){.beside = site->ca_id.certificate, .flags = CMS_NOATTR}, &size);
    buf_init(&cms, 16 * 1024 * 1024);
    repeat_digest(plain, 300000, &cms);
    struct smime_signatures seen = verify_bytes(site->reader, cms.bytes, cms.size);
    assert_int_equal(seen.count, 1);
    if (seen.items[0].status != SMIME_GOOD)
        fail_msg("%s", seen.items[0].text);
    smime_signatures_clear(&seen);
    buf_clear(&cms);
    OPENSSL_free(plain);
    mail_pki_free(&a);
}

/* --- second opinion --- */

/* What we sign, the openssl command verifies (but for Ed25519, which its CMS cannot); what it signs, we verify. */
static void test_openssl_command(void **state)
{
    struct site *site = *state;
    char micalg[24], der[4096];
    struct buf cms;
    struct err err;
    buf_init(&cms, 20000);
    char path[96];
    snprintf(path, sizeof path, "%s/text", site->base);
    site_write(path, text, TEXT_SIZE);
    for (size_t i = 0; i < 2; i++) {
        buf_reset(&cms);
        assert_true(smime_sign_detached(site->ours, smime_identity(site->ours, i)->fingerprint, text, TEXT_SIZE, &cms, micalg, &err));
        snprintf(path, sizeof path, "%s/sig", site->base);
        site_write(path, cms.bytes, cms.size);
        shell("openssl cms -verify -binary -cades -purpose smimesign -inform DER -in %s/sig -content %s/text -CAfile %s -out /dev/null "
              "2>/dev/null",
              site->base, site->base, site->ca);
    }
    snprintf(path, sizeof path, "%s/above.pem", site->base);
    mail_pki_write_pem(path, &site->ca_id.certificate, 1);
    snprintf(path, sizeof path, "%s/sig", site->base);
    static const char *const options[] = {"alice", "alice -keyopt rsa_padding_mode:pss", "bob", "alice -noattr", "bob -keyid"};
    static const char *const algorithms[] = {"RSA", "RSA-PSS", "ECDSA", "RSA", "ECDSA"};
    for (size_t i = 0; i < 5; i++) {
        const char *name = options[i];
        int length = (int)strcspn(name, " ");
        shell("openssl cms -sign -binary -inkey %s/%.*s.key -signer %s/%.*s.crt -certfile %s/above.pem %s -in %s/text -outform DER "
              "-out %s/sig",
              site->ids, length, name, site->ids, length, name, site->base, name + length, site->base, site->base);
        FILE *file = fopen(path, "re");
        size_t size = fread(der, 1, sizeof der, file);
        fclose(file);
        struct smime_signatures seen = verify_bytes(site->reader, der, size);
        if (seen.items[0].status != SMIME_GOOD)
            fail_msg("%s: %s", name, seen.items[0].text);
        assert_string_equal(seen.items[0].algorithm, algorithms[i]);
        smime_signatures_clear(&seen);
    }
    buf_clear(&cms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_and_verify),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_several_signers),
        cmocka_unit_test(test_many_digests),
        cmocka_unit_test(test_opaque),
        cmocka_unit_test(test_certificates_left_out),
        cmocka_unit_test(test_attributes_as_content),
        cmocka_unit_test(test_swapped_certificate),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_openssl_command),
    };
    return cmocka_run_group_tests(tests, site_set_up, site_tear_down);
}
