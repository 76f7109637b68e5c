/*
 * S/MIME mails and keys that others made, where they lie (the corpus is not part of the project; its absence is told). What each row
 * expects was settled by its source: the file names of NSS, the pages of the attack collections, the texts of the RFCs.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "support/smime_site.h"

#define MAIL TEST_CORPUS "/mail/"

struct world {
    char base[64];
    struct smime *smime;
    char words[2048]; /* what was met on the way in, outermost first */
};

static bool is_absent(void)
{
    DIR *dir = opendir(MAIL "tb-smime");
    if (dir)
        closedir(dir);
    else
        print_message("skipped: no corpus in %s\n", MAIL);
    return dir == NULL;
}

static int64_t june(void)
{
    int64_t moment;
    assert_true(timestamp_parse_rfc3339("2026-06-01T00:00:00Z", &moment));
    return moment;
}

/* --- as little of MIME as these files need --- */

struct part {
    const char *head, *body, *end;
};

static struct part split(const char *bytes, size_t size)
{
    const char *lf = memmem(bytes, size, "\n\n", 2), *crlf = memmem(bytes, size, "\r\n\r\n", 4);
    const char *body = crlf && (!lf || crlf < lf) ? crlf + 4 : lf ? lf + 2 : bytes + size;
    return (struct part){bytes, body, bytes + size};
}

/* The Content-Type with its folded lines, lower case. */
static void content_type(const struct part *part, char out[512])
{
    size_t used = 0;
    bool is_in = false;
    for (const char *at = part->head; at < part->body;) {
        const char *stop = memchr(at, '\n', (size_t)(part->body - at)), *next = stop ? stop + 1 : part->body;
        is_in = (is_in && (*at == ' ' || *at == '\t')) || strncasecmp(at, "content-type:", 13) == 0;
        for (; is_in && at < next && used < 511; at++)
            out[used++] = *at;
        at = next;
    }
    out[used] = '\0';
}

static char *with_crlf(const char *bytes, size_t size, size_t *out_size)
{
    char *out = mem_calloc(2, size + 1);
    *out_size = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
            out[(*out_size)++] = '\r';
        out[(*out_size)++] = bytes[i];
    }
    return out;
}

static size_t decode_base64(const char *at, const char *end, unsigned char *out)
{
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    int size = 0, last = 0;
    EVP_DecodeInit(context);
    if (EVP_DecodeUpdate(context, out, &size, (const unsigned char *)at, (int)(end - at)) < 0)
        size = 0;
    EVP_DecodeFinal(context, out + size, &last);
    EVP_ENCODE_CTX_free(context);
    return (size_t)(size + last);
}

/* --- the way in --- */

static void say(struct world *world, const char *what, const char *detail)
{
    size_t used = strlen(world->words);
    snprintf(world->words + used, sizeof world->words - used, "%s%s%s%s", used ? " " : "", what, *detail ? ":" : "", detail);
}

static void say_signatures(struct world *world, struct smime_signatures *seen)
{
    if (seen->count == 0)
        say(world, "unsigned", "");
    for (size_t i = 0; i < seen->count; i++) {
        const struct smime_signature *item = &seen->items[i];
        bool is_good = item->status == SMIME_GOOD;
        assert_true(is_good == (item->is_sound && item->has_chain));
        say(world, smime_status_name(item->status), is_good ? item->certificate.addresses[0] : "");
    }
    smime_signatures_clear(seen);
}

static void walk(struct world *world, const char *bytes, size_t size);

static void walk_cms(struct world *world, const unsigned char *cms, size_t size)
{
    struct smime_signatures seen;
    struct smime_opened opened;
    enum smime_kind kind;
    struct buf content;
    struct err err;
    buf_init(&content, 4 * 1024 * 1024);
    if (!smime_kind_of(cms, size, &kind, &err)) {
        say(world, "no-cms", "");
    } else if (kind == SMIME_SIGNED) {
        bool ok = smime_verify_opaque(world->smime, cms, size, june(), &content, &seen, &err);
        say_signatures(world, &seen);
        if (ok)
            walk(world, buf_text(&content), content.size);
        else
            say(world, "no-content", "");
    } else if (kind == SMIME_ENVELOPED || kind == SMIME_AUTH_ENVELOPED) {
        bool ok = smime_decrypt(world->smime, cms, size, &content, &opened, &err);
        say(world, ok ? "opened" : err.code == ERR_NOT_FOUND ? "no-key" : "closed", "");
        if (ok)
            walk(world, buf_text(&content), content.size);
    } else {
        say(world, smime_kind_name(kind), "");
    }
    buf_clear(&content);
}

static void walk_signed(struct world *world, const struct part *part, const char *type)
{
    char boundary[128], value[100];
    struct smime_signatures seen;
    struct err err;
    const char *at = strcasestr(type, "boundary=");
    assert_non_null(at);
    assert_int_equal(sscanf(at + 9, at[9] == '"' ? "\"%99[^\"]" : "%99[^; \r\n]", value), 1);
    snprintf(boundary, sizeof boundary, "--%s", value);
    size_t length = strlen(boundary);
    const char *first = memmem(part->body, (size_t)(part->end - part->body), boundary, length);
    const char *from = first ? strchr(first, '\n') + 1 : part->end;
    const char *stop = memmem(from, (size_t)(part->end - from), boundary, length);
    assert_non_null(stop);
    const char *next = strchr(stop, '\n') + 1, *end = memmem(next, (size_t)(part->end - next), boundary, length);
    struct part proof = split(next, (size_t)((end ? end : part->end) - next));
    unsigned char *cms = mem_calloc(1, (size_t)(proof.end - proof.body) + 100);
    size_t cms_size = decode_base64(proof.body, proof.end, cms), size;
    const char *last = stop[-2] == '\r' ? stop - 2 : stop - 1;
    char *bytes = with_crlf(from, (size_t)(last - from), &size);
    assert_true(smime_verify_detached(world->smime, bytes, size, cms, cms_size, june(), &seen, &err));
    say_signatures(world, &seen);
    walk(world, bytes, size);
    free(bytes);
    free(cms);
}

static void walk(struct world *world, const char *bytes, size_t size)
{
    struct part part = split(bytes, size);
    char type[512];
    content_type(&part, type);
    if (strcasestr(type, "pkcs7-mime")) {
        unsigned char *cms = mem_calloc(1, (size_t)(part.end - part.body) + 100);
        walk_cms(world, cms, decode_base64(part.body, part.end, cms));
        free(cms);
    } else if (strcasestr(type, "multipart/signed") && strcasestr(type, "pkcs7-signature")) {
        walk_signed(world, &part, type);
    }
}

static const char *walk_file(struct world *world, const char *path)
{
    char *bytes = mem_calloc(1, 1024 * 1024);
    size_t size = site_read(path, bytes, 1024 * 1024 - 1);
    world->words[0] = '\0';
    walk(world, bytes, size);
    free(bytes);
    return world->words;
}

static void expect(struct world *world, const char *name, const char *words)
{
    char path[512];
    snprintf(path, sizeof path, MAIL "%s", name);
    if (strcmp(walk_file(world, path), words) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", name, world->words, words);
}

/* --- keys of others --- */

static void start(struct world *world)
{
    snprintf(world->base, sizeof world->base, "/tmp/smimeXXXXXX");
    assert_non_null(mkdtemp(world->base));
}

static void take_p12(const struct world *world, const char *folder, const char *name, const char *password)
{
    shell("umask 077; openssl pkcs12 -legacy -in '" MAIL "%s/%s.p12' -passin pass:%s -nodes -nocerts -out %s/%s.key 2>/dev/null && openssl "
          "pkcs12 -legacy -in '" MAIL "%s/%s.p12' -passin pass:%s -clcerts -nokeys -out %s/%s.crt 2>/dev/null",
          folder, name, password, world->base, name, folder, name, password, world->base, name);
}

static void finish(struct world *world)
{
    smime_close(world->smime);
    shell("rm -rf %s", world->base);
}

/* --- Thunderbird's, made by NSS and by OpenSSL --- */

/*
 * What was done first stands first in the name, so the way in is read from its end. NSS's script signed the encrypted ones (.env.dsig.)
 * over other bytes than it sent: the openssl command says so too.
 */
static void words_of_name(const char *name, char *words, size_t size)
{
    bool is_weak = strstr(name, "SHA1") != NULL, is_bad = strstr(name, ".bad.") || strstr(name, ".env.dsig.");
    const char *alice = is_bad ? "bad" : is_weak ? "error" : "good:alice@example.com", *dave = is_weak ? "error" : "good:dave@example.com";
    const char *sealed = strstr(name, ".env."), *signature = strstr(name, "sig.");
    bool is_sealed_first = sealed && signature && sealed < signature;
    snprintf(words, size, "%s%s%s%s%s", strstr(name, ".dave.") ? dave : "", strstr(name, ".dave.") ? " " : "",
             sealed && !is_sealed_first ? signature ? "opened " : "opened" : "", signature ? alice : "", is_sealed_first ? " opened" : "");
}

static void test_thunderbird(void **state)
{
    struct world world = {.smime = NULL};
    struct dirent **names;
    char words[256], name[300];
    UNUSED(state);
    if (is_absent())
        return;
    start(&world);
    take_p12(&world, "tb-smime", "Bob", "nss");
    world.smime = site_open(MAIL "tb-smime/TestCA.pem", NULL, world.base);
    int count = scandir(MAIL "tb-smime", &names, NULL, alphasort), mails = 0;
    for (int i = 0; i < count; i++) {
        if (str_ends(names[i]->d_name, ".eml")) {
            words_of_name(names[i]->d_name, words, sizeof words);
            snprintf(name, sizeof name, "tb-smime/%s", names[i]->d_name);
            expect(&world, name, words);
            mails++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(mails > 40);
    finish(&world);
}

static void test_interop(void **state)
{
    static const char *const rows[][2] = {
        {"tb-smime-interop/fran-ec_ossl-aes128-sha256.env", "opened"},
        {"tb-smime-interop/fran-ec_ossl-aes256-sha512.env", "opened"},
        {"tb-smime-interop/fran-oaep-label_ossl.env", "opened"},
        {"tb-smime-interop/fran-oaep-sha256hash-sha256mgf_ossl.env", "opened"},
        {"tb-smime-interop/fran-oaep-sha256hash_ossl.env", "opened"},
        {"tb-smime-interop/fran-oaep_ossl.env", "opened"},
        {"tb-smime/alice.env.eml", "no-key"},
        {"tb-smime-manual/outer-smime-bad-sig-inner-smime-enc.eml", "bad no-key"},
        {"tb-smime-manual/outer-smime-bad-sig-inner-smime-enc-sig.eml", "bad no-key"},
        {"tb-smime-manual/alice.env.mixed.dsig.SHA256.multipart.eml", "bad"},
        {"messagelib/smime-opaque-sign.mbox", "unknown-key"},
        {"messagelib/smime-encrypted.mbox", "no-key"},
        {"webklex/pec.eml", "error"}, /* its signature was blackened */
        {"tb-openpgp/outer-smime-bad-sig-inner-pgp-enc-sig.eml", "bad"},
    };
    struct world world = {.smime = NULL};
    UNUSED(state);
    if (is_absent())
        return;
    start(&world);
    take_p12(&world, "tb-smime-interop", "Fran", "nss");
    take_p12(&world, "tb-smime-interop", "Fran-ec", "nss");
    world.smime = site_open(MAIL "tb-smime/TestCA.pem", NULL, world.base);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect(&world, rows[i][0], rows[i][1]);
    finish(&world);
}

/* --- attacks --- */

/* Who the signer is said to be is checked against From elsewhere: here it must be Eve, whatever the mail pretends. */
static void test_spoofs(void **state)
{
#define CMS "spoof-johnny/01-cms/"
#define ID  "spoof-johnny/04-id/"
    static const char eve[] = "good:eve@bigcorporation.de";
    static const char *const rows[][2] = {
        {CMS "valid_email_from_manager.eml", "good:manager@bigcorporation.de"},
        {CMS "c1_eContent-confusion/eContent_confusion.eml", "error"},
        {CMS "c1_eContent-confusion/eContent_confusion_refinement.eml", "error"},
        {CMS "c2_multiple-signerInfos/multiple_signerInfos_prepend_johnny.eml", "bad good:eve@bigcorporation.de"},
        {CMS "c3_no-signerInfos/no_certificates/no_signerInfos_no_certificates_detached.eml", "unsigned"},
        {CMS "crashes/crash_01.eml", "error"},
        {"spoof-johnny/assets/valid-signed/eve-smime.eml", eve},
        {ID "i1-sender-signer-checks/i1-from-unequals-signer-smime.eml", eve},
        {ID "i2-display-name-confusion/i2-from-contains-signer-smime.eml", eve},
        {ID "i2-display-name-confusion/i2-from-is-nonexistent-smime.eml", eve},
        {ID "i2-display-name-confusion/i2-from-is-only-a-name-smime.eml", eve},
        {ID "i2-display-name-confusion/i2-from-is-sender-signer-b-smime.eml", eve},
        {ID "i2-display-name-confusion/i2-from-is-signer-sender-a-smime.eml", eve},
        {ID "i3-from-sender-confusion/i3-from-is-sender-sender-signer-smime.eml", eve},
        {ID "i3-from-sender-confusion/i3-from-is-sender-signer-sender-smime.eml", eve},
        {ID "i3-from-sender-confusion/i3-from-signer-others-sender-smime.eml", eve},
        {ID "i3-from-sender-confusion/i3-from1-sender-from2-signer-smime.eml", eve},
    };
    struct world world = {.smime = NULL};
    UNUSED(state);
    if (is_absent())
        return;
    start(&world);
    world.smime = site_open(MAIL "spoof-johnny/assets/certificates/intermediate_ca.crt", NULL, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect(&world, rows[i][0], rows[i][1]);
    finish(&world);
}

/* --- the RFCs --- */

/* RFC 4134 is of the time of SHA-1, DSA and 1024 bits: everything can be read, nothing counts. */
static void test_rfc4134(void **state)
{
    static const struct {
        const char *name;
        enum smime_kind kind;
    } rows[] = {{"4.3", SMIME_SIGNED},      {"4.4", SMIME_SIGNED},    {"4.6", SMIME_SIGNED}, {"4.7", SMIME_SIGNED}, {"4.10", SMIME_SIGNED},
                {"4.11", SMIME_CERTS_ONLY}, {"5.1", SMIME_ENVELOPED}, {"6.0", SMIME_OTHER},  {"7.2", SMIME_OTHER},  {"3.1", SMIME_OTHER}};
    struct world world = {.smime = NULL};
    struct smime_signatures seen;
    struct smime_opened opened;
    struct buf content;
    unsigned char bytes[16384], expected[100];
    char path[256];
    struct err err;
    UNUSED(state);
    if (is_absent())
        return;
    start(&world);
    shell("umask 077; cd " MAIL
          "rfc4134-smime-examples && openssl x509 -inform DER -in BobRSASignByCarl.cer -out %s/bob.crt && openssl pkey "
          "-inform DER -in BobPrivRSAEncrypt.pri -out %s/bob.key && openssl x509 -inform DER -in CarlRSASelf.cer >%s/ca.pem && openssl "
          "x509 -inform DER -in CarlDSSSelf.cer >>%s/ca.pem",
          world.base, world.base, world.base, world.base);
    snprintf(path, sizeof path, "%s/ca.pem", world.base);
    world.smime = site_open(path, NULL, world.base);
    buf_init(&content, 100000);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum smime_kind kind;
        snprintf(path, sizeof path, MAIL "rfc4134-smime-examples/%s.bin", rows[i].name);
        size_t size = site_read(path, bytes, sizeof bytes);
        assert_true(smime_kind_of(bytes, size, &kind, &err));
        assert_int_equal(kind, rows[i].kind);
        if (smime_verify_opaque(world.smime, bytes, size, june(), &content, &seen, &err)) {
            assert_true(seen.count > 0);
            for (size_t k = 0; k < seen.count; k++)
                assert_true(!seen.items[k].is_sound && (seen.items[k].status == SMIME_ERROR || seen.items[k].status == SMIME_UNKNOWN_KEY));
        }
        smime_signatures_clear(&seen);
        bool ok = smime_decrypt(world.smime, bytes, size, &content, &opened, &err);
        assert_int_equal(ok, kind == SMIME_ENVELOPED);
        if (ok) {
            size_t expected_size = site_read(MAIL "rfc4134-smime-examples/ExContent.bin", expected, sizeof expected);
            assert_int_equal(content.size, expected_size);
            assert_memory_equal(content.bytes, expected, expected_size);
            assert_string_equal(opened.needed[0], "CN=CarlRSA, serial 46346BC7800056BC11D36E2ECD5D71D0");
        }
    }
    buf_clear(&content);
    expect(&world, "rfc4134-smime-examples/4.9.eml", "error");
    expect(&world, "rfc4134-smime-examples/5.3.eml", "opened");
    finish(&world);
}

/* Without the margin they have in the RFC, to the end of file. */
static void take_pem(const struct world *world, const char *number, const char *file)
{
    shell("umask 077; sed 's/^ *//' " MAIL "rfc9216-smime-keys/%s-*.pem >>%s/%s", number, world->base, file);
}

static void test_rfc9216(void **state)
{
    static const struct {
        const char *name, *address, *algorithm;
        bool can_sign, can_encrypt;
    } rows[] = {{"4.1", "alice@smime.example", "RSA 2048", true, false},
                {"4.3", "alice@smime.example", "RSA 2048", false, true},
                {"5.1", "bob@smime.example", "RSA 2048", true, false},
                {"5.3", "bob@smime.example", "RSA 2048", false, true},
                {"7.1", "carlos@smime.example", "Ed25519", true, false},
                {"7.3", "carlos@smime.example", "X25519", false, false}, /* X25519: not in OpenSSL 3.0's CMS */
                {"8.1", "dana@smime.example", "Ed25519", true, false}};
    struct world world = {.smime = NULL};
    struct smime_certificate facts;
    struct smime_signatures seen;
    enum smime_status status;
    struct buf cms;
    char path[256], bytes[8192], why[SMIME_TEXT_SIZE], micalg[24];
    struct err err;
    UNUSED(state);
    if (is_absent())
        return;
    start(&world);
    take_pem(&world, "7.1", "carlos.crt");
    take_pem(&world, "7.2", "carlos.key");
    take_pem(&world, "4.1", "alice.crt");
    take_pem(&world, "4.2", "alice.key");
    take_pem(&world, "3.1", "ca.pem");
    take_pem(&world, "6.1", "ca.pem");
    snprintf(path, sizeof path, "%s/ca.pem", world.base);
    world.smime = site_open(path, NULL, world.base);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char file[16];
        snprintf(file, sizeof file, "%zu.pem", i);
        take_pem(&world, rows[i].name, file);
        snprintf(path, sizeof path, "%s/%s", world.base, file);
        size_t size = site_read(path, bytes, sizeof bytes);
        assert_true(smime_certificate_read(bytes, size, &facts, &err));
        assert_string_equal(facts.algorithm, rows[i].algorithm);
        assert_string_equal(facts.addresses[0], rows[i].address);
        assert_int_equal(facts.can_sign, rows[i].can_sign);
        assert_int_equal(facts.can_encrypt, rows[i].can_encrypt);
        smime_certificate_clear(&facts);
        assert_true(smime_check_certificate(world.smime, bytes, size, june(), &status, why, &err));
        assert_int_equal(status, rows[i].can_sign ? SMIME_GOOD : SMIME_ERROR);
    }
    buf_init(&cms, 20000);
    for (size_t i = 0; i < 2; i++) {
        buf_reset(&cms);
        assert_true(smime_sign_detached(world.smime, smime_identity(world.smime, i)->fingerprint, text, TEXT_SIZE, &cms, micalg, &err));
        assert_true(smime_verify_detached(world.smime, text, TEXT_SIZE, cms.bytes, cms.size, timestamp_now(), &seen, &err));
        assert_int_equal(seen.items[0].status, SMIME_GOOD);
        smime_signatures_clear(&seen);
    }
    buf_clear(&cms);
    finish(&world);
}

/* The mails of the header protection draft, signed with those keys. */
static void test_header_protection(void **state)
{
    struct world world = {.smime = NULL};
    UNUSED(state);
    if (is_absent())
        return;
    start(&world);
    shell("umask 077; cd %s && grep -v -- ----- " MAIL
          "protected-headers/bob.p12 | base64 -d >bob.p12 && openssl pkcs12 -legacy -in bob.p12 "
          "-passin pass:bob -nodes -nocerts -out bob.key && openssl pkcs12 -legacy -in bob.p12 -passin pass:bob -clcerts -nokeys -out "
          "bob.crt",
          world.base);
    world.smime = site_open(MAIL "protected-headers/sample-ca.pem", NULL, world.base);
    expect(&world, "notmuch/protected-headers/smime-multipart-signed.eml", "good:alice@smime.example");
    expect(&world, "notmuch/protected-headers/smime-onepart-signed.eml", "good:alice@smime.example");
    expect(&world, "notmuch/protected-headers/smime-sign+enc+legacy-disp.eml", "opened good:alice@smime.example");
    finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thunderbird), cmocka_unit_test(test_interop), cmocka_unit_test(test_spoofs),
        cmocka_unit_test(test_rfc4134),     cmocka_unit_test(test_rfc9216), cmocka_unit_test(test_header_protection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
