/* Against throw-away GnuPG homes: keys are made here by gpg itself, mails of others stand in tests/unit/cirtd/test_mail_verdicts.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "crypto/openpgp.h"

static const char text[] = "Content-Type: text/plain\r\n\r\nSeen at 198.51.100.7\r\n";
enum { TEXT_SIZE = sizeof text - 1 };

/* Two homes: the team's with secret keys, and one that only verifies. */
struct homes {
    char base[64], ours[80], public[80];
    struct openpgp *team, *reader;
    char alice[OPENPGP_FINGERPRINT_SIZE], old[OPENPGP_FINGERPRINT_SIZE];
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

static void fingerprint_by_mail(struct openpgp *openpgp, const char *mail, char fingerprint[OPENPGP_FINGERPRINT_SIZE])
{
    struct openpgp_keys keys;
    struct err err;
    assert_true(openpgp_secret_keys(openpgp, &keys, &err));
    for (size_t i = 0; i < keys.count; i++) {
        if (strstr(keys.items[i].user_id, mail)) {
            strcpy(fingerprint, keys.items[i].fingerprint);
            return;
        }
    }
    fail_msg("no key of %s", mail);
}

static int set_up(void **state)
{
    static struct homes homes;
    struct err err;
    const char *base = getenv("TMPDIR");
    snprintf(homes.base, sizeof homes.base, "%s/pgpXXXXXX", base && strlen(base) < 40 ? base : "/tmp");
    assert_non_null(mkdtemp(homes.base));
    snprintf(homes.ours, sizeof homes.ours, "%s/o", homes.base);
    snprintf(homes.public, sizeof homes.public, "%s/p", homes.base);
    if (!openpgp_open(homes.ours, &homes.team, &err) || !openpgp_open(homes.public, &homes.reader, &err))
        fail_msg("%s", err.text);
    run("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Alice <alice@yy.example>' ed25519 sign never 2>/dev/null", homes.ours);
    fingerprint_by_mail(homes.team, "alice@", homes.alice);
    run("gpg --homedir %s --quiet --passphrase '' --quick-add-key %s cv25519 encr never 2>/dev/null", homes.ours, homes.alice);
    run("gpg --homedir %s --quiet --faked-system-time 20240101T000000 --passphrase '' --quick-gen-key 'Old <old@yy.example>' ed25519 sign "
        "30d "
        "2>/dev/null",
        homes.ours);
    fingerprint_by_mail(homes.team, "old@", homes.old);
    *state = &homes;
    return 0;
}

static int tear_down(void **state)
{
    struct homes *homes = *state;
    openpgp_stop_agent(homes->team);
    openpgp_stop_agent(homes->reader);
    openpgp_close(homes->team);
    openpgp_close(homes->reader);
    run("rm -rf %s", homes->base);
    return 0;
}

static struct openpgp_signature verify(struct openpgp *openpgp, const void *bytes, size_t size, const struct buf *signature)
{
    struct openpgp_signatures out;
    struct err err;
    if (!openpgp_verify_detached(openpgp, bytes, size, buf_text(signature), signature->size, &out, &err))
        fail_msg("%s", err.text);
    assert_int_equal(out.count, 1);
    return out.items[0];
}

/* A signature made by gpg itself with further options. */
static void sign_by_gpg(const struct homes *homes, const char *options, struct buf *signature)
{
    char path[128], bytes[8192];
    snprintf(path, sizeof path, "%s/text", homes->base);
    FILE *file = fopen(path, "w");
    fwrite(text, 1, TEXT_SIZE, file);
    fclose(file);
    run("gpg --homedir %s --quiet --yes %s --armor --output %s.sig --detach-sign %s 2>/dev/null", homes->ours, options, path, path);
    strcat(path, ".sig");
    file = fopen(path, "r");
    buf_reset(signature);
    buf_add(signature, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

static void test_sign_and_verify(void **state)
{
    struct homes *homes = *state;
    struct buf signature, armour;
    struct openpgp_keys keys;
    char micalg[24];
    struct err err;
    buf_init(&signature, 10000);
    buf_init(&armour, 100000);
    assert_true(openpgp_sign_detached(homes->team, homes->alice, text, TEXT_SIZE, &signature, micalg, &err));
    assert_string_equal(micalg, "pgp-sha512");

    struct openpgp_signature seen = verify(homes->reader, text, TEXT_SIZE, &signature);
    assert_int_equal(seen.status, OPENPGP_UNKNOWN_KEY);
    assert_string_equal(seen.fingerprint, "");
    assert_true(strlen(seen.signer) >= 16);

    assert_true(openpgp_export(homes->team, homes->alice, &armour, &err));
    if (!openpgp_import(homes->reader, buf_text(&armour), armour.size, &keys, &err))
        fail_msg("%s", err.text);
    assert_int_equal(keys.count, 1);
    assert_string_equal(keys.items[0].fingerprint, homes->alice);
    assert_string_equal(keys.items[0].user_id, "Alice <alice@yy.example>");

    seen = verify(homes->reader, text, TEXT_SIZE, &signature);
    assert_int_equal(seen.status, OPENPGP_GOOD);
    assert_string_equal(seen.fingerprint, homes->alice);
    assert_string_equal(seen.hash, "SHA512");
    assert_string_equal(seen.algorithm, "EdDSA");
    assert_int_equal(seen.key_now, OPENPGP_KEY_VALID);
    assert_true(timestamp_now() - seen.made < 600 * TIMESTAMP_SECOND);

    seen = verify(homes->reader, text, TEXT_SIZE - 1, &signature);
    assert_int_equal(seen.status, OPENPGP_BAD);
    buf_clear(&signature);
    buf_clear(&armour);
}

static void test_unreadable_signatures(void **state)
{
    static const char *const rows[] = {"", "no signature", "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n",
                                       "\x88\x01"};
    struct homes *homes = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf signature;
        buf_init(&signature, 1000);
        buf_add_text(&signature, rows[i]);
        assert_int_equal(verify(homes->reader, text, TEXT_SIZE, &signature).status, OPENPGP_ERROR);
        buf_clear(&signature);
    }
}

static void test_weak_hash(void **state)
{
    struct homes *homes = *state;
    struct buf signature;
    char options[200];
    buf_init(&signature, 10000);
    run("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Rsa <rsa@yy.example>' rsa2048 sign never 2>/dev/null", homes->ours);
    char rsa[OPENPGP_FINGERPRINT_SIZE];
    fingerprint_by_mail(homes->team, "rsa@", rsa);
    snprintf(options, sizeof options, "--local-user %s --digest-algo SHA1", rsa);
    sign_by_gpg(homes, options, &signature);
    struct openpgp_signature seen = verify(homes->team, text, TEXT_SIZE, &signature);
    assert_int_equal(seen.status, OPENPGP_ERROR);
    assert_non_null(strstr(seen.text, "SHA-1"));
    buf_clear(&signature);
}

/* The key has ended today: what it signed before is good with key_now expired, and it signs no more. */
static void test_expired_key(void **state)
{
    struct homes *homes = *state;
    struct buf signature;
    char options[200];
    buf_init(&signature, 10000);
    snprintf(options, sizeof options, "--local-user %s --faked-system-time 20240110T000000", homes->old);
    sign_by_gpg(homes, options, &signature);
    struct openpgp_signature seen = verify(homes->team, text, TEXT_SIZE, &signature);
    assert_int_equal(seen.status, OPENPGP_GOOD);
    assert_int_equal(seen.key_now, OPENPGP_KEY_EXPIRED);
    char micalg[24];
    struct err err;
    buf_reset(&signature);
    assert_false(openpgp_sign_detached(homes->team, homes->old, text, TEXT_SIZE, &signature, micalg, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    buf_clear(&signature);
}

/* An expired key is the first that a new home sees: it is read and taken. */
static void test_expired_key_in_a_new_home(void **state)
{
    struct homes *homes = *state;
    struct openpgp *fresh;
    struct openpgp_keys keys;
    struct buf armour;
    struct err err;
    char home[100];
    buf_init(&armour, 100000);
    assert_true(openpgp_export(homes->team, homes->old, &armour, &err));
    snprintf(home, sizeof home, "%s/n", homes->base);
    assert_true(openpgp_open(home, &fresh, &err));
    if (!openpgp_fingerprint_of(fresh, armour.bytes, armour.size, &keys, &err))
        fail_msg("%s", err.text);
    assert_int_equal(keys.count, 1);
    assert_string_equal(keys.items[0].fingerprint, homes->old);
    assert_int_equal(keys.items[0].key_now, OPENPGP_KEY_EXPIRED);
    assert_true(openpgp_import(fresh, armour.bytes, armour.size, &keys, &err));
    openpgp_stop_agent(fresh);
    openpgp_close(fresh);
    buf_clear(&armour);
}

static void test_expired_signature(void **state)
{
    struct homes *homes = *state;
    struct buf signature;
    char options[200];
    buf_init(&signature, 10000);
    /* a signature that lived for two days, long ago: made by a key old enough */
    run("gpg --homedir %s --quiet --faked-system-time 20240101T000000 --passphrase '' --quick-gen-key 'Early <early@yy.example>' ed25519 "
        "sign "
        "never 2>/dev/null",
        homes->ours);
    char early[OPENPGP_FINGERPRINT_SIZE];
    fingerprint_by_mail(homes->team, "early@", early);
    snprintf(options, sizeof options, "--local-user %s --faked-system-time 20240105T000000 --default-sig-expire 2d", early);
    sign_by_gpg(homes, options, &signature);
    assert_int_equal(verify(homes->team, text, TEXT_SIZE, &signature).status, OPENPGP_EXPIRED_SIGNATURE);
    buf_clear(&signature);
}

static void test_revoked_key(void **state)
{
    struct homes *homes = *state;
    struct buf signature;
    char revoked[OPENPGP_FINGERPRINT_SIZE], micalg[24];
    struct err err;
    buf_init(&signature, 10000);
    run("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Gone <gone@yy.example>' ed25519 sign never 2>/dev/null", homes->ours);
    fingerprint_by_mail(homes->team, "gone@", revoked);
    assert_true(openpgp_sign_detached(homes->team, revoked, text, TEXT_SIZE, &signature, micalg, &err));
    run("sed 's/^:-----BEGIN/-----BEGIN/' %s/openpgp-revocs.d/%s.rev | gpg --homedir %s --quiet --import 2>/dev/null", homes->ours, revoked,
        homes->ours);
    struct openpgp *fresh;
    assert_true(openpgp_open(homes->ours, &fresh, &err));
    struct openpgp_signature seen = verify(fresh, text, TEXT_SIZE, &signature);
    assert_int_equal(seen.status, OPENPGP_REVOKED_KEY);
    assert_int_equal(seen.key_now, OPENPGP_KEY_REVOKED);
    openpgp_close(fresh);
    buf_clear(&signature);
}

static void test_encrypt_and_open(void **state)
{
    struct homes *homes = *state;
    struct buf cipher, clear;
    struct openpgp_opened opened;
    struct err err;
    const char *recipients[] = {homes->alice};
    buf_init(&cipher, 100000);
    buf_init(&clear, 1000);
    if (!openpgp_encrypt_sign(homes->team, homes->alice, recipients, 1, text, TEXT_SIZE, &cipher, &err))
        fail_msg("%s", err.text);
    if (!openpgp_decrypt(homes->team, buf_text(&cipher), cipher.size, &clear, &opened, &err))
        fail_msg("%s", err.text);
    assert_int_equal(clear.size, TEXT_SIZE);
    assert_memory_equal(clear.bytes, text, TEXT_SIZE);
    assert_true(opened.has_integrity);
    assert_int_equal(opened.needed_count, 1);
    assert_int_equal(opened.signatures.count, 1);
    assert_int_equal(opened.signatures.items[0].status, OPENPGP_GOOD);
    assert_string_equal(opened.signatures.items[0].fingerprint, homes->alice);

    assert_false(openpgp_decrypt(homes->reader, buf_text(&cipher), cipher.size, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(opened.needed_count, 1);
    assert_int_equal(strlen(opened.needed[0]), 16);
    assert_int_equal(clear.size, 0);

    /* one bit in the middle turned: nothing comes out */
    struct buf binary;
    buf_init(&binary, 100000);
    buf_add(&binary, buf_text(&cipher), cipher.size);
    char *middle = strstr(binary.bytes, "\n\n") + 200;
    *middle = *middle == 'A' ? 'B' : 'A';
    assert_false(openpgp_decrypt(homes->team, buf_text(&binary), binary.size, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(clear.size, 0);

    assert_false(openpgp_decrypt(homes->team, text, TEXT_SIZE, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_INPUT);
    buf_clear(&binary);
    buf_clear(&cipher);
    buf_clear(&clear);
}

static void test_bomb(void **state)
{
    enum { SIZE = 8 * 1024 * 1024 };
    struct homes *homes = *state;
    struct buf cipher, clear;
    struct openpgp_opened opened;
    struct err err;
    const char *recipients[] = {homes->alice};
    char *zeros = mem_calloc(1, SIZE);
    buf_init(&cipher, SIZE);
    buf_init(&clear, 1024 * 1024);
    assert_true(openpgp_encrypt_sign(homes->team, NULL, recipients, 1, zeros, SIZE, &cipher, &err));
    assert_true(cipher.size < 1024 * 1024);
    assert_false(openpgp_decrypt(homes->team, buf_text(&cipher), cipher.size, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(clear.size, 0);
    free(zeros);
    buf_clear(&cipher);
    buf_clear(&clear);
}

/* The classic: an encrypted message without MDC, made by gpg with the option that switches it off. */
static void test_without_integrity(void **state)
{
    struct homes *homes = *state;
    struct buf cipher, clear;
    struct openpgp_opened opened;
    struct err err;
    char path[128], bytes[8192];
    snprintf(path, sizeof path, "%s/nomdc", homes->base);
    buf_init(&cipher, 100000);
    buf_init(&clear, 100000);
    run("echo hello | gpg --homedir %s --quiet --yes --rfc2440 --cipher-algo 3DES --disable-mdc --recipient %s --output %s --encrypt "
        "2>/dev/null",
        homes->ours, homes->alice, path);
    FILE *file = fopen(path, "r");
    buf_add(&cipher, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
    unsigned char *head = (unsigned char *)cipher.bytes;
    assert_true(head[0] == 0x84 || head[0] == 0x85); /* the session key: tag 1 with a length of one or two bytes */
    size_t skipped = head[0] == 0x84 ? 2u + head[1] : 3u + head[1] * 256u + head[2];
    assert_int_equal(head[skipped], 0xc9); /* tag 9: encrypted data without integrity */
    assert_false(openpgp_decrypt(homes->team, buf_text(&cipher), cipher.size, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "integrity"));
    assert_int_equal(clear.size, 0);
    buf_clear(&cipher);
    buf_clear(&clear);
}

static void test_secret_keys_are_refused(void **state)
{
    struct homes *homes = *state;
    struct openpgp_keys keys;
    struct err err;
    char path[128], bytes[8192];
    for (unsigned armoured = 0; armoured < 2; armoured++) {
        snprintf(path, sizeof path, "%s/secret%u", homes->base, armoured);
        run("gpg --homedir %s --quiet %s --output %s --export-secret-keys %s 2>/dev/null", homes->ours, armoured ? "--armor" : "", path,
            homes->alice);
        FILE *file = fopen(path, "r");
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_false(openpgp_import(homes->reader, bytes, size, &keys, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.text, "secret"));
    }
    assert_true(openpgp_secret_keys(homes->reader, &keys, &err));
    assert_int_equal(keys.count, 0);
    assert_false(openpgp_fingerprint_of(homes->reader, "nonsense", 8, &keys, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void test_home_must_be_private(void **state)
{
    struct homes *homes = *state;
    struct openpgp *openpgp;
    struct err err;
    char path[128];
    snprintf(path, sizeof path, "%s/open", homes->base);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_false(openpgp_open(path, &openpgp, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_and_verify),
        cmocka_unit_test(test_unreadable_signatures),
        cmocka_unit_test(test_weak_hash),
        cmocka_unit_test(test_expired_key),
        cmocka_unit_test(test_expired_key_in_a_new_home),
        cmocka_unit_test(test_expired_signature),
        cmocka_unit_test(test_revoked_key),
        cmocka_unit_test(test_encrypt_and_open),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_without_integrity),
        cmocka_unit_test(test_secret_keys_are_refused),
        cmocka_unit_test(test_home_must_be_private),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
