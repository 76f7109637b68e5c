/* Keys in blocks of bytes: OpenPGP keys and certificates made here, in every form they come in, and what is no key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/key_block.h"

static char folder[64], fingerprint[OPENPGP_FINGERPRINT_SIZE];

PRINTF_LIKE(1, 2) static void run(const char *format, ...)
{
    char command[1200], whole[1400];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "cd %s && export GNUPGHOME=%s/gnupg && { %s; } >log 2>&1", folder, folder, command);
    if (system(whole) != 0)
        fail_msg("%s", command);
}

static struct buf slurp(const char *name)
{
    char path[120], block[4096];
    struct buf bytes;
    size_t got;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    buf_init(&bytes, 8 * 1024 * 1024);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buf_add(&bytes, block, got);
    fclose(file);
    return bytes;
}

static bool read_file(const char *name, struct key_block **block, struct err *err)
{
    struct buf bytes = slurp(name);
    err_clear(err);
    bool ok = key_block_read(buf_text(&bytes), bytes.size, block, err);
    buf_clear(&bytes);
    return ok;
}

static struct key_block *must_read(const char *name)
{
    struct key_block *block = NULL;
    struct err err;
    if (!read_file(name, &block, &err))
        fail_msg("%s: %s", name, err.text);
    return block;
}

static void must_refuse(const char *name, enum err_code code, const char *part)
{
    struct key_block *block = NULL;
    struct err err;
    if (read_file(name, &block, &err))
        fail_msg("%s was taken", name);
    if (err.code != code || !strstr(err.text, part))
        fail_msg("%s: code %d, %s", name, err.code, err.text);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/cirt-block-XXXXXX");
    assert_non_null(mkdtemp(folder));
    run("mkdir -m 700 gnupg");
    run("gpg --batch --passphrase '' --quick-gen-key 'Soc <Soc@bank.example>' ed25519 sign,cert 1y");
    run("gpg --with-colons -k | awk -F: '$1 == \"fpr\" {print $10; exit}' >fingerprint");
    struct buf text = slurp("fingerprint");
    snprintf(fingerprint, sizeof fingerprint, "%.40s", buf_text(&text));
    buf_clear(&text);
    run("gpg --batch --passphrase '' --quick-add-key %s cv25519 encr 30d", fingerprint);
    run("gpg --export %s >key.gpg; gpg --armor --export %s >key.asc; cp -a gnupg gnupg2", fingerprint, fingerprint);
    run("gpg --batch --passphrase '' --armor --export-secret-keys %s >secret.asc; gpg --batch --passphrase '' --export-secret-keys %s "
        ">secret.gpg",
        fingerprint, fingerprint);
    run("sed 's/^:---/---/' gnupg/openpgp-revocs.d/%s.rev | gpg --batch --import; gpg --armor --export %s >revoked.asc", fingerprint,
        fingerprint);
    run("gpgconf --kill gpg-agent; rm -rf gnupg; mv gnupg2 gnupg; gpg --batch --passphrase '' --quick-set-expire %s 5y; gpg --armor "
        "--export %s >longer.asc",
        fingerprint, fingerprint);
    run("gpgconf --kill gpg-agent");
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout cert.key -out cert.pem -days 90 -subj "
        "'/CN=Soc/O=Bank' "
        "-addext 'subjectAltName=email:soc@bank.example' -addext 'keyUsage=digitalSignature,keyAgreement'");
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 90 -subj '/CN=A CA'");
    run("openssl x509 -in cert.pem -outform DER -out cert.der; openssl crl2pkcs7 -nocrl -certfile cert.pem -certfile ca.pem -outform DER "
        "-out both.p7b");
    run("cat cert.pem cert.key >with-key.pem; head -c 5000000 /dev/zero >huge; echo hello >text; printf '\\231\\001\\002nonsense' "
        ">broken.gpg; : >empty");
    return 0;
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void test_openpgp(void **state)
{
    static const char *const forms[] = {"key.asc", "key.gpg"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct key_block *block = must_read(forms[i]);
        assert_int_equal(block->count, 1);
        const struct key_block_key *key = &block->items[0];
        assert_string_equal(key->fingerprint, fingerprint);
        assert_false(key->is_smime);
        assert_int_equal(key->key_id_count, 2);
        assert_string_equal(key->key_ids[0], fingerprint + 24);
        assert_int_equal(key->address_count, 1);
        assert_string_equal(key->addresses[0], "soc@bank.example");
        assert_string_equal(key->user_id, "Soc <Soc@bank.example>");
        assert_true(key->can_encrypt);
        assert_false(key->is_revoked);
        /* The part that encrypts ends first. */
        assert_true(key->expires < timestamp_now() + 31 * INT64_C(86400) * TIMESTAMP_SECOND);
        assert_true(str_starts(key->text, "-----BEGIN PGP PUBLIC KEY BLOCK-----"));
        key_block_free(block);
    }
}

static void test_merging(void **state)
{
    struct buf key = slurp("key.asc"), longer = slurp("longer.asc"), revoked = slurp("revoked.asc");
    struct key_block *block = NULL;
    struct err err;
    (void)state;
    assert_true(key_block_merge(fingerprint, buf_text(&key), buf_text(&revoked), &block, &err));
    assert_true(block->items[0].is_revoked);
    /* In whatever order: a later end does not take it back. */
    struct key_block *again = NULL;
    assert_true(key_block_merge(fingerprint, block->items[0].text, buf_text(&longer), &again, &err));
    assert_true(again->items[0].is_revoked);
    key_block_free(again);
    key_block_free(block);
    assert_true(key_block_merge(fingerprint, buf_text(&longer), buf_text(&key), &block, &err));
    assert_false(block->items[0].is_revoked);
    key_block_free(block);
    assert_false(key_block_merge(fingerprint, buf_text(&key), "nothing", &block, &err));
    assert_int_equal(err.code, ERR_INPUT);
    buf_clear(&key);
    buf_clear(&longer);
    buf_clear(&revoked);
}

static void test_certificates(void **state)
{
    static const char *const forms[] = {"cert.pem", "cert.der", "both.p7b"};
    char *first = NULL;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct key_block *block = must_read(forms[i]);
        assert_int_equal(block->count, 1); /* the CA names no address */
        const struct key_block_key *key = &block->items[0];
        assert_true(key->is_smime);
        assert_int_equal(strlen(key->fingerprint), 64);
        assert_string_equal(key->addresses[0], "soc@bank.example");
        assert_true(key->can_encrypt);
        assert_non_null(strstr(key->key_ids[0], ", serial "));
        first = first ? first : mem_strdup(key->text);
        assert_string_equal(key->text, first);
        key_block_free(block);
    }
    struct key_block *again = NULL;
    struct err err;
    assert_true(key_block_read(first, strlen(first), &again, &err));
    assert_string_equal(again->items[0].text, first);
    key_block_free(again);
    free(first);
}

static void test_refused(void **state)
{
    (void)state;
    must_refuse("secret.asc", ERR_INPUT, "private");
    must_refuse("secret.gpg", ERR_INPUT, "secret");
    must_refuse("with-key.pem", ERR_INPUT, "private");
    must_refuse("cert.key", ERR_INPUT, "private");
    must_refuse("ca.pem", ERR_INPUT, "names a mail address");
    must_refuse("huge", ERR_LIMIT, "more than");
    must_refuse("text", ERR_INPUT, "no key");
    must_refuse("empty", ERR_INPUT, "no key");
    must_refuse("broken.gpg", ERR_INPUT, "");
}

/* What GnuPG would sit over for hours is not taken, in whatever form; some hundred parts are nothing to it. */
static void test_many_parts(void **state)
{
    static const unsigned char part[] = {0xcd, 3, 'a', '@', 'b', 0xb4, 3, 'c', '@', 'd'}; /* two user ids, one with an old head */
    struct buf key = slurp("key.gpg");
    struct key_block *block = NULL;
    struct err err;
    (void)state;
    for (int i = 0; i < 200; i++)
        buf_add(&key, part, sizeof part);
    if (!key_block_read(key.bytes, key.size, &block, &err))
        fail_msg("%s", err.text);
    assert_int_equal(block->count, 1);
    key_block_free(block);
    for (int i = 0; i < 100000; i++)
        buf_add(&key, part, sizeof part);
    char path[120];
    snprintf(path, sizeof path, "%s/many.gpg", folder);
    FILE *file = fopen(path, "we");
    assert_int_equal(fwrite(key.bytes, 1, key.size, file), key.size);
    fclose(file);
    run("gpg --enarmor <many.gpg | sed 's/PGP ARMORED FILE/PGP PUBLIC KEY BLOCK/; s/^$/ \\t\\r/' >many.asc");
    must_refuse("many.asc", ERR_LIMIT, "longer than 2 seconds");
    /* As a compressed packet: few bytes, and no user id to be seen. */
    run("python3 -c 'import sys, zlib; z = zlib.compressobj(9, zlib.DEFLATED, -15); sys.stdout.buffer.write(bytes([0xA3, 1]) + "
        "z.compress(sys.stdin.buffer.read()) + z.flush())' <many.gpg >packed.gpg");
    must_refuse("packed.gpg", ERR_LIMIT, "longer than 2 seconds");
    buf_clear(&key);
}

/* Nothing stays behind of all that was read (others may be reading keys at the same time). */
static void test_no_traces(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "! find /tmp -maxdepth 1 -name 'cirt-key-*' -newer %s/empty ! -newer %s/log -mmin -1 | grep -q .",
             folder, folder);
    run("sleep 0.1; :");
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openpgp), cmocka_unit_test(test_merging),    cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_many_parts), cmocka_unit_test(test_no_traces),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
