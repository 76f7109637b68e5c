/* Opening, sealing, and what certificates say: against throw-away CAs, with the openssl command as second opinion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "support/smime_site.h"

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

/* --- opening --- */

static void test_openssl_command(void **state)
{
    static const struct {
        const char *options, *name;
        bool has_integrity;
    } rows[] = {{"-aes128", "alice", false},       {"-aes-256-gcm", "alice", true},
                {"-aes-128-gcm", "bob", true},     {"-aes256 -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256", "alice", false},
                {"-des3", "alice", false},         {"-aes256 -keyopt ecdh_kdf_md:sha512", "bob", false},
                {"-aes256 -keyid", "alice", false}};
    struct site *site = *state;
    struct smime_opened opened;
    struct buf clear;
    unsigned char der[8192];
    char path[96];
    struct err err;
    buf_init(&clear, 10000);
    snprintf(path, sizeof path, "%s/text", site->base);
    site_write(path, text, TEXT_SIZE);
    snprintf(path, sizeof path, "%s/sealed", site->base);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *keyopt = strstr(rows[i].options, "-keyopt") ? strstr(rows[i].options, "-keyopt") : "";
        shell("openssl cms -encrypt -binary %.*s -in %s/text -outform DER -out %s -recip %s/%s.crt %s 2>/dev/null",
              *keyopt ? (int)(keyopt - rows[i].options) : 64, rows[i].options, site->base, path, site->ids, rows[i].name, keyopt);
        size_t size = site_read(path, der, sizeof der);
        if (!smime_decrypt(site->ours, der, size, &clear, &opened, &err))
            fail_msg("%s: %s", rows[i].options, err.text);
        assert_string_equal(buf_text(&clear), text);
        assert_int_equal(opened.has_integrity, rows[i].has_integrity);
        assert_int_equal(opened.needed_count, 1);
        const struct smime_certificate *own = smime_identity(site->ours, strcmp(rows[i].name, "bob") == 0);
        char name[2 * SMIME_NAME_SIZE];
        bool by_id = strstr(rows[i].options, "-keyid") != NULL;
        snprintf(name, sizeof name, by_id ? "key id %s%s" : "%s, serial %s", by_id ? own->key_id : own->issuer, by_id ? "" : own->serial);
        assert_string_equal(opened.needed[0], name);
    }
    /* and the other way */
    for (size_t i = 0; i < 2; i++) {
        for (int takes_gcm = 0; takes_gcm < 2; takes_gcm++) {
            const struct smime_certificate *own = smime_identity(site->ours, i);
            struct smime_recipient recipient = {own->der, own->der_size, takes_gcm};
            enum smime_kind kind;
            buf_reset(&clear);
            assert_true(smime_encrypt(site->ours, &recipient, 1, text, TEXT_SIZE, timestamp_now(), &clear, &kind, &err));
            site_write(path, clear.bytes, clear.size);
            shell(
                "openssl cms -decrypt -binary -inform DER -in %s -inkey %s/%s.key -recip %s/%s.crt -out %s/opened && cmp %s/opened %s/text",
                path, site->ids, i ? "bob" : "alice", site->ids, i ? "bob" : "alice", site->base, site->base, site->base);
        }
    }
    buf_clear(&clear);
}

/* Whatever is wrong with key, padding or tag: one answer, and not a byte of the clear text. */
static void test_broken_ciphertext(void **state)
{
    struct site *site = *state;
    struct smime_opened opened;
    struct buf cms, clear;
    enum smime_kind kind;
    struct err err;
    char words[sizeof err.text] = "";
    char *large = mem_calloc(1, 5000);
    buf_init(&cms, 20000);
    buf_init(&clear, 20000);
    memset(large, 'x', 5000);
    for (int takes_gcm = 0; takes_gcm < 2; takes_gcm++) {
        const struct smime_certificate *own = smime_identity(site->ours, 0);
        struct smime_recipient recipient = {own->der, own->der_size, takes_gcm};
        buf_reset(&cms);
        assert_true(smime_encrypt(site->ours, &recipient, 1, large, 5000, timestamp_now(), &cms, &kind, &err));
        size_t refused = 0;
        for (size_t i = 100; i < cms.size; i += 37) {
            cms.bytes[i] ^= 1;
            if (smime_decrypt(site->ours, cms.bytes, cms.size, &clear, &opened, &err)) {
                assert_false(takes_gcm); /* CBC does not notice a change in the middle: has_integrity says so */
                assert_false(opened.has_integrity);
            } else {
                assert_int_equal(clear.size, 0);
                assert_int_equal(err.code, ERR_INPUT);
                if (opened.needed_count > 0 && opened.fingerprint[0]) { /* else the frame is broken, which everybody sees */
                    assert_true(!*words || strcmp(words, err.text) == 0);
                    strcpy(words, err.text);
                }
                refused++;
            }
            cms.bytes[i] ^= 1;
        }
        assert_true(refused > (takes_gcm ? 120 : 5));
        struct buf small;
        buf_init(&small, 100);
        assert_false(smime_decrypt(site->ours, cms.bytes, cms.size, &small, &opened, &err));
        assert_int_equal(err.code, ERR_LIMIT);
        assert_int_equal(small.size, 0);
        buf_clear(&small);
        for (size_t i = 0; i < cms.size; i += 13) {
            unsigned char *cut = mem_calloc(1, i + 1);
            memcpy(cut, cms.bytes, i);
            assert_false(smime_decrypt(site->ours, cut, i, &clear, &opened, &err));
            assert_int_equal(clear.size, 0);
            free(cut);
        }
    }
    assert_false(smime_decrypt(site->ours, text, TEXT_SIZE, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_INPUT);
    free(large);
    buf_clear(&cms);
    buf_clear(&clear);
}

static void deflate_data(struct mail_der *der, const void *bytes, size_t size)
{
    struct mail_der *packed = mem_calloc(1, sizeof *packed);
    uLongf packed_size = sizeof packed->bytes;
    assert_int_equal(compress2(packed->bytes, &packed_size, bytes, size, 9), Z_OK);
    der->size = 0;
    mail_der_add(der, "\x02\x01\x00", 3);
    size_t start = der->size;
    mail_der_add(der, "\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x03\x08", 13); /* id-alg-zlibCompress */
    mail_der_wrap(der, start, 0x30);
    mail_der_data(der, packed->bytes, packed_size);
    mail_der_finish(der, NID_id_smime_ct_compressedData);
    free(packed);
}

static void test_uncompress(void **state)
{
    enum { BOMB = 16 * 1024 * 1024 };
    struct mail_der *der = mem_calloc(1, sizeof *der);
    struct buf clear;
    enum smime_kind kind;
    struct err err;
    UNUSED(state);
    buf_init(&clear, 1024 * 1024);
    deflate_data(der, text, TEXT_SIZE);
    assert_true(smime_kind_of(der->bytes, der->size, &kind, &err));
    assert_int_equal(kind, SMIME_COMPRESSED);
    if (!smime_uncompress(der->bytes, der->size, &clear, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_text(&clear), text);
    der->bytes[der->size - 3] ^= 1; /* Adler-32 */
    assert_false(smime_uncompress(der->bytes, der->size, &clear, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(clear.size, 0);
    char *zeros = mem_calloc(1, BOMB);
    deflate_data(der, zeros, BOMB);
    assert_false(smime_uncompress(der->bytes, der->size, &clear, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(clear.size, 0);
    assert_false(smime_uncompress(text, TEXT_SIZE, &clear, &err));
    assert_int_equal(err.code, ERR_INPUT);
    free(zeros);
    free(der);
    buf_clear(&clear);
}

/* --- sealing --- */

static void test_recipients(void **state)
{
    static const char gcm[] = "DER:30:0D:30:0B:06:09:60:86:48:01:65:03:04:01:2E"; /* aes256-GCM */
    struct site *site = *state;
    struct mail_id fine = mail_pki_make(&(struct mail_spec){.name = "fine", .usage = "keyAgreement"}, &site->ca_id);
    struct mail_id modern = mail_pki_make(&(struct mail_spec){.name = "modern", .usage = "keyAgreement"}, &site->ca_id);
    struct mail_id signs = mail_pki_make(&(struct mail_spec){.name = "signs", .usage = "digitalSignature"}, &site->ca_id);
    struct mail_id old = mail_pki_make(&(struct mail_spec){.name = "old", .from = -100, .until = -1}, &site->ca_id);
    struct mail_id gone = mail_pki_make(&(struct mail_spec){.name = "gone", .serial = 99}, &site->root);
    struct mail_id ed = mail_pki_make(&(struct mail_spec){.name = "ed", .type = "ED25519"}, &site->ca_id);
    mail_pki_extend(modern.certificate, site->ca_id.certificate, NID_SMIMECapabilities, gcm);
    mail_pki_must(X509_sign(modern.certificate, site->ca_id.key, EVP_sha256()) > 0, "sign");
    mail_pki_add_crl(site->crl, &site->root, (const long[]){99}, 1, 30);
    struct smime *smime = site_open(site->ca, site->crl, NULL);
    const struct {
        const struct mail_id *id;
        const char *says; /* NULL: it can be encrypted to */
        enum smime_kind kind;
    } rows[] = {
        {&fine, NULL, SMIME_ENVELOPED}, {&modern, NULL, SMIME_AUTH_ENVELOPED}, {&signs, "not for encrypting", 0}, {&old, "has ended", 0},
        {&gone, "revoked", 0},          {&ed, "not for encrypting", 0}};
    struct buf cms;
    enum smime_kind kind;
    struct err err;
    buf_init(&cms, 20000);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned char *der = NULL, *also = NULL;
        int size = i2d_X509(rows[i].id->certificate, &der), also_size = i2d_X509(fine.certificate, &also);
        struct smime_recipient recipients[] = {{der, (size_t)size, false}, {also, (size_t)also_size, false}};
        buf_reset(&cms);
        bool ok = smime_encrypt(smime, recipients, 1, text, TEXT_SIZE, timestamp_now(), &cms, &kind, &err);
        assert_int_equal(ok, rows[i].says == NULL);
        if (ok) {
            assert_int_equal(kind, rows[i].kind);
            buf_reset(&cms); /* one that is not known to take GCM decides for all */
            assert_true(smime_encrypt(smime, recipients, 2, text, TEXT_SIZE, timestamp_now(), &cms, &kind, &err));
            assert_int_equal(kind, SMIME_ENVELOPED);
        } else {
            assert_int_equal(err.code, ERR_NOT_FOUND);
            assert_non_null(strstr(err.text, rows[i].says));
            assert_int_equal(cms.size, 0);
        }
        OPENSSL_free(der);
        OPENSSL_free(also);
    }
    assert_false(smime_encrypt(smime, NULL, 0, text, TEXT_SIZE, timestamp_now(), &cms, &kind, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    remove(site->crl);
    smime_close(smime);
    buf_clear(&cms);
    struct mail_id *all[] = {&fine, &modern, &signs, &old, &gone, &ed};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        mail_pki_free(all[i]);
}

/* Sign, encrypt, open, verify: the way of a mail between two contexts. */
static void test_round_trip(void **state)
{
    struct site *site = *state;
    struct smime_signatures seen;
    struct smime_opened opened;
    struct buf signature, sealed, clear;
    enum smime_kind kind;
    char micalg[24];
    struct err err;
    buf_init(&signature, 20000);
    buf_init(&sealed, 20000);
    buf_init(&clear, 20000);
    const struct smime_certificate *alice = smime_identity(site->ours, 0), *bob = smime_identity(site->ours, 1);
    assert_true(smime_sign_detached(site->ours, bob->fingerprint, text, TEXT_SIZE, &signature, micalg, &err));
    struct smime_recipient recipient = {alice->der, alice->der_size, true};
    assert_true(smime_encrypt(site->ours, &recipient, 1, signature.bytes, signature.size, timestamp_now(), &sealed, &kind, &err));
    assert_true(smime_decrypt(site->ours, sealed.bytes, sealed.size, &clear, &opened, &err));
    assert_int_equal(clear.size, signature.size);
    assert_true(smime_verify_detached(site->reader, text, TEXT_SIZE, clear.bytes, clear.size, timestamp_now(), &seen, &err));
    assert_int_equal(seen.items[0].status, SMIME_GOOD);
    assert_string_equal(seen.items[0].certificate.fingerprint, bob->fingerprint);
    smime_signatures_clear(&seen);
    assert_false(smime_sign_detached(site->ours, "00", text, TEXT_SIZE, &signature, micalg, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    buf_clear(&signature);
    buf_clear(&sealed);
    buf_clear(&clear);
}

/* --- own keys --- */

static void expect_refused(const char *dir, enum err_code code, const char *says)
{
    struct smime_settings settings = {.identity_dir = dir};
    struct smime *smime;
    struct err err;
    if (smime_open(&settings, &smime, &err))
        fail_msg("%s was taken", dir);
    if (err.code != code || !strstr(err.text, says))
        fail_msg("%s: %s", err_code_name(err.code), err.text);
}

static void test_identities(void **state)
{
    struct site *site = *state;
    struct mail_id one = mail_pki_make(&(struct mail_spec){.name = "one"}, &site->ca_id);
    struct mail_id two = mail_pki_make(&(struct mail_spec){.name = "two"}, &site->ca_id);
    struct err err;
    char dir[96], key[128], path[128];
    snprintf(dir, sizeof dir, "%s/own", site->base);
    expect_refused(dir, ERR_INPUT, "cannot be read");
    assert_int_equal(mkdir(dir, 0700), 0);
    mail_pki_save(dir, "one", &one, NULL);
    struct smime *smime = site_open(NULL, NULL, dir);
    assert_int_equal(smime_identity_count(smime), 1);
    assert_string_equal(smime_identity(smime, 0)->subject, "CN=one");

    mail_pki_save(dir, "two", &two, NULL);
    snprintf(key, sizeof key, "%s/two.key", dir);
    assert_int_equal(chmod(key, 0640), 0);
    expect_refused(dir, ERR_DENIED, "chmod 600");
    assert_false(smime_reload(smime, &err)); /* all stays as it was */
    assert_int_equal(smime_identity_count(smime), 1);
    assert_int_equal(chmod(key, 0600), 0);
    assert_true(smime_reload(smime, &err));
    assert_int_equal(smime_identity_count(smime), 2);

    mail_pki_save(dir, "two", &one, NULL);
    snprintf(path, sizeof path, "%s/two.crt", dir);
    mail_pki_write_pem(path, &two.certificate, 1);
    expect_refused(dir, ERR_INPUT, "does not belong");
    site_write(path, "nothing\n", 8);
    expect_refused(dir, ERR_INPUT, "cannot be used");
    remove(path);
    remove(key);
    assert_true(smime_reload(smime, &err));
    assert_int_equal(smime_identity_count(smime), 1);
    smime_close(smime);

    struct smime_settings settings = {.ca_file = path};
    assert_false(smime_open(&settings, &smime, &err));
    assert_int_equal(err.code, ERR_INPUT);
    site_write(path, "", 0);
    smime = site_open(path, path, NULL);
    smime_close(smime);
    mail_pki_free(&one);
    mail_pki_free(&two);
}

/* --- what certificates say --- */

static void test_addresses(void **state)
{
    struct site *site = *state;
    struct mail_spec spec = {.name = "Jos\xc3\xa9\x01",
                             .email = "DN@yy.example",
                             .san = "email:First@YY.example,email:second@yy.example,DNS:yy.example,email:no-at,email:a b@c.example,"
                                    "email:first@yy.example,otherName:1.3.6.1.5.5.7.8.9;UTF8:j\xf6rg@yy.example"};
    struct mail_id id = mail_pki_make(&spec, &site->ca_id);
    struct smime_certificate facts;
    struct err err;
    unsigned char *der = NULL;
    int size = i2d_X509(id.certificate, &der);
    assert_true(smime_certificate_read(der, (size_t)size, &facts, &err));
    assert_int_equal(facts.address_count, 4);
    assert_string_equal(facts.addresses[0], "first@yy.example");
    assert_string_equal(facts.addresses[1], "second@yy.example");
    assert_string_equal(facts.addresses[2], "j\xc3\xb6rg@yy.example");
    assert_string_equal(facts.addresses[3], "dn@yy.example");
    assert_string_equal(facts.subject, "emailAddress=DN@yy.example,CN=Jos\xc3\xa9\\01");
    assert_string_equal(facts.issuer, "CN=Mail CA");
    assert_string_equal(facts.algorithm, "EC P-256");
    assert_int_equal(facts.der_size, size);
    assert_memory_equal(facts.der, der, (size_t)size);
    assert_true(facts.can_sign && facts.can_encrypt && !facts.takes_gcm);
    assert_true(facts.not_before < timestamp_now() && facts.not_after > timestamp_now());
    smime_certificate_clear(&facts);
    assert_false(smime_certificate_read("x", 1, &facts, &err));
    assert_int_equal(err.code, ERR_INPUT);
    OPENSSL_free(der);
    mail_pki_free(&id);
}

static void test_certificates_read(void **state)
{
    struct site *site = *state;
    X509 *pair[] = {site->root.certificate, site->ca_id.certificate}, *many[40];
    struct smime_certificates *seen = mem_calloc(1, sizeof *seen);
    char bytes[65536], path[128];
    struct err err;
    snprintf(path, sizeof path, "%s/pair.pem", site->base);
    mail_pki_write_pem(path, pair, 2);
    size_t size = site_read(path, bytes, sizeof bytes);
    assert_true(smime_certificates_read(bytes, size, seen, &err));
    assert_int_equal(seen->count, 2);
    assert_string_equal(seen->items[1].subject, "CN=Mail CA");
    assert_false(seen->items[1].can_sign); /* a CA is for certificates */
    smime_certificates_clear(seen);

    shell("openssl crl2pkcs7 -nocrl -certfile %s -outform DER -out %s/pair.p7c", path, site->base);
    snprintf(path, sizeof path, "%s/pair.p7c", site->base);
    size = site_read(path, bytes, sizeof bytes);
    assert_true(smime_certificates_read(bytes, size, seen, &err));
    assert_int_equal(seen->count, 2);
    smime_certificates_clear(seen);

    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = site->root.certificate;
    snprintf(path, sizeof path, "%s/many.pem", site->base);
    mail_pki_write_pem(path, many, ARRAY_SIZE(many));
    size = site_read(path, bytes, sizeof bytes);
    assert_false(smime_certificates_read(bytes, size, seen, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(seen->count, 0);
    snprintf(path, sizeof path, "%s/alice.key", site->ids);
    size = site_read(path, bytes, sizeof bytes);
    assert_false(smime_certificates_read(bytes, size, seen, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(smime_certificates_read("", 0, seen, &err));
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_and_open), cmocka_unit_test(test_openssl_command), cmocka_unit_test(test_broken_ciphertext),
        cmocka_unit_test(test_uncompress),    cmocka_unit_test(test_recipients),      cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_identities),    cmocka_unit_test(test_addresses),       cmocka_unit_test(test_certificates_read),
    };
    return cmocka_run_group_tests(tests, site_set_up, site_tear_down);
}
