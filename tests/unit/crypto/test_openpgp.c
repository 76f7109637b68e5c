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
#include "support/shell.h"

static const char text[] = "Content-Type: text/plain\r\n\r\nSeen at 198.51.100.7\r\n";
enum { TEXT_SIZE = sizeof text - 1 };

/* Two homes: the team's with secret keys, and one that only verifies. */
struct homes {
    char base[64], ours[80], public[80];
    struct openpgp *team, *reader;
    char alice[OPENPGP_FINGERPRINT_SIZE], old[OPENPGP_FINGERPRINT_SIZE];
};

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
    shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Alice <alice@yy.example>' ed25519 sign never 2>/dev/null", homes.ours);
    fingerprint_by_mail(homes.team, "alice@", homes.alice);
    shell("gpg --homedir %s --quiet --passphrase '' --quick-add-key %s cv25519 encr never 2>/dev/null", homes.ours, homes.alice);
    shell(
        "gpg --homedir %s --quiet --faked-system-time 20240101T000000! --passphrase '' --quick-gen-key 'Old <old@yy.example>' ed25519 sign "
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
    shell("rm -rf %s", homes->base);
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
    shell("gpg --homedir %s --quiet --yes %s --armor --output %s.sig --detach-sign %s 2>/dev/null", homes->ours, options, path, path);
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
    shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Rsa <rsa@yy.example>' rsa2048 sign never 2>/dev/null", homes->ours);
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
    snprintf(options, sizeof options, "--local-user %s --faked-system-time 20240110T000000!", homes->old);
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
    shell(
        "gpg --homedir %s --quiet --faked-system-time 20240101T000000! --passphrase '' --quick-gen-key 'Early <early@yy.example>' ed25519 "
        "sign "
        "never 2>/dev/null",
        homes->ours);
    char early[OPENPGP_FINGERPRINT_SIZE];
    fingerprint_by_mail(homes->team, "early@", early);
    snprintf(options, sizeof options, "--local-user %s --faked-system-time 20240105T000000! --default-sig-expire 2d", early);
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
    shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Gone <gone@yy.example>' ed25519 sign never 2>/dev/null", homes->ours);
    fingerprint_by_mail(homes->team, "gone@", revoked);
    assert_true(openpgp_sign_detached(homes->team, revoked, text, TEXT_SIZE, &signature, micalg, &err));
    shell("sed 's/^:-----BEGIN/-----BEGIN/' %s/openpgp-revocs.d/%s.rev | gpg --homedir %s --quiet --import 2>/dev/null", homes->ours,
          revoked, homes->ours);
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
    shell("echo hello | gpg --homedir %s --quiet --yes --rfc2440 --cipher-algo 3DES --disable-mdc --recipient %s --output %s --encrypt "
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
        shell("gpg --homedir %s --quiet %s --output %s --export-secret-keys %s 2>/dev/null", homes->ours, armoured ? "--armor" : "", path,
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

/* --- several at once --- */

static void add_check(struct openpgp_check *check, const void *bytes, size_t size, const struct buf *signature)
{
    *check = (struct openpgp_check){.bytes = bytes, .size = size, .signature = buf_text(signature), .signature_size = signature->size};
}

/* Each is judged as if it were alone, whatever stands beside it; what is not plain goes the long way round. */
static void test_batch(void **state)
{
    enum { PLAIN, TEXT_MODE, TWO, WEAK, GARBAGE, EMPTY, DAMAGED, KINDS, ROUNDS = 12 };
    static const enum openpgp_status expected[KINDS] = {OPENPGP_GOOD,  OPENPGP_GOOD,  OPENPGP_GOOD, OPENPGP_ERROR,
                                                        OPENPGP_ERROR, OPENPGP_ERROR, OPENPGP_ERROR};
    struct homes *homes = *state;
    struct openpgp_check *checks = mem_calloc(2 * KINDS * ROUNDS, sizeof *checks);
    struct buf signatures[KINDS];
    char options[300], rsa[OPENPGP_FINGERPRINT_SIZE];
    struct err err;
    for (size_t i = 0; i < KINDS; i++)
        buf_init(&signatures[i], 10000);
    fingerprint_by_mail(homes->team, "rsa@", rsa);
    snprintf(options, sizeof options, "--local-user %s", homes->alice);
    sign_by_gpg(homes, options, &signatures[PLAIN]);
    snprintf(options, sizeof options, "--local-user %s --textmode", homes->alice);
    sign_by_gpg(homes, options, &signatures[TEXT_MODE]);
    snprintf(options, sizeof options, "--local-user %s --local-user %s", homes->alice, rsa);
    sign_by_gpg(homes, options, &signatures[TWO]);
    snprintf(options, sizeof options, "--local-user %s --digest-algo SHA1", rsa);
    sign_by_gpg(homes, options, &signatures[WEAK]);
    buf_add_text(&signatures[GARBAGE], "-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCgAd\n-----END PGP SIGNATURE-----\n");
    buf_add(&signatures[DAMAGED], signatures[PLAIN].bytes, signatures[PLAIN].size);
    char *middle = strstr(signatures[DAMAGED].bytes, "\n\n") + 60;
    *middle = *middle == 'A' ? 'B' : 'A';
    size_t count = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < KINDS; i++) {
            add_check(&checks[count++], text, TEXT_SIZE, &signatures[i]);
            add_check(&checks[count++], text, TEXT_SIZE - 1, &signatures[i]);
        }
    }
    if (!openpgp_verify_batch(homes->team, checks, count, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        size_t kind = i / 2 % KINDS;
        bool is_changed = i % 2 != 0;
        assert_int_equal(checks[i].out.count, kind == TWO ? 2 : 1);
        for (size_t k = 0; k < checks[i].out.count; k++)
            assert_int_equal(checks[i].out.items[k].status, is_changed && kind <= WEAK ? OPENPGP_BAD : expected[kind]);
    }
    for (size_t i = 0; i < KINDS; i++)
        buf_clear(&signatures[i]);
    free(checks);
}

/* What another process does to the home counts in contexts that are open. */
static void test_keyring_changes(void **state)
{
    struct homes *homes = *state;
    struct buf signature;
    struct openpgp *late;
    struct err err;
    char home[100], options[200];
    buf_init(&signature, 10000);
    snprintf(options, sizeof options, "--local-user %s", homes->alice);
    sign_by_gpg(homes, options, &signature);
    snprintf(home, sizeof home, "%s/l", homes->base);
    assert_true(openpgp_open(home, &late, &err));
    assert_int_equal(verify(late, text, TEXT_SIZE, &signature).status, OPENPGP_UNKNOWN_KEY);
    shell("gpg --homedir %s --export %s 2>/dev/null | gpg --homedir %s --quiet --import 2>/dev/null", homes->ours, homes->alice, home);
    struct openpgp_signature seen = verify(late, text, TEXT_SIZE, &signature);
    assert_int_equal(seen.status, OPENPGP_GOOD);
    assert_string_equal(seen.fingerprint, homes->alice);
    shell("gpg --homedir %s --quiet --batch --yes --delete-keys %s 2>/dev/null", home, homes->alice);
    assert_int_equal(verify(late, text, TEXT_SIZE, &signature).status, OPENPGP_UNKNOWN_KEY);
    openpgp_stop_agent(late);
    openpgp_close(late);
    buf_clear(&signature);
}

/* Nine are more than anybody signs with: none counts, and the message is read all the same. */
static void test_too_many_signatures(void **state)
{
    struct homes *homes = *state;
    struct openpgp_signatures seen;
    struct openpgp_opened opened;
    struct buf one, many, clear;
    struct err err;
    char options[200], path[128], bytes[16384];
    buf_init(&one, 10000);
    buf_init(&many, 100000);
    buf_init(&clear, 10000);
    snprintf(options, sizeof options, "--no-armor --local-user %s", homes->alice);
    sign_by_gpg(homes, options, &one);
    for (int i = 0; i < 9; i++)
        buf_add(&many, one.bytes, one.size);
    assert_true(openpgp_verify_detached(homes->team, text, TEXT_SIZE, many.bytes, many.size, &seen, &err));
    assert_int_equal(seen.count, OPENPGP_SIGNATURES_MAX);
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(seen.items[i].status, OPENPGP_ERROR);
    snprintf(path, sizeof path, "%s/crowd", homes->base);
    for (int i = 0; i < 9; i++) {
        char mail[64], fingerprint[OPENPGP_FINGERPRINT_SIZE];
        snprintf(mail, sizeof mail, "crowd%d@yy.example", i);
        shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'C <%s>' ed25519 sign never 2>/dev/null", homes->ours, mail);
        fingerprint_by_mail(homes->team, mail, fingerprint);
    }
    shell(
        "echo hello | gpg --homedir %s --quiet --yes --trust-model always --recipient %s --output %s --sign --encrypt $(for i in 0 1 2 3 4 "
        "5 6 "
        "7 8; do echo \"--local-user crowd$i@yy.example\"; done) 2>/dev/null",
        homes->ours, homes->alice, path);
    FILE *file = fopen(path, "r");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (!openpgp_decrypt(homes->team, bytes, size, &clear, &opened, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_text(&clear), "hello\n");
    assert_int_equal(opened.signatures.count, OPENPGP_SIGNATURES_MAX);
    for (size_t i = 0; i < opened.signatures.count; i++)
        assert_int_equal(opened.signatures.items[i].status, OPENPGP_ERROR);
    buf_clear(&one);
    buf_clear(&many);
    buf_clear(&clear);
}

/* --- inline --- */

static void make_inline(const struct homes *homes, const char *options, struct buf *out)
{
    char path[128], bytes[8192];
    snprintf(path, sizeof path, "%s/inline", homes->base);
    shell("printf 'first line\\n- dashed\\nlast\\n' | gpg --homedir %s --quiet --yes --local-user %s --output %s %s 2>/dev/null",
          homes->ours, homes->alice, path, options);
    FILE *file = fopen(path, "r");
    buf_reset(out);
    buf_add(out, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

static void test_inline(void **state)
{
    static const char *const rows[] = {"--clearsign", "--armor --sign", "--sign", "--armor --sign --compress-level 0"};
    struct homes *homes = *state;
    struct openpgp_signatures seen;
    struct buf message, content;
    struct err err;
    buf_init(&message, 10000);
    buf_init(&content, 10000);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        make_inline(homes, rows[i], &message);
        if (!openpgp_verify_inline(homes->team, message.bytes, message.size, &content, &seen, &err))
            fail_msg("%s: %s", rows[i], err.text);
        assert_string_equal(buf_text(&content), "first line\n- dashed\nlast\n");
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.items[0].status, OPENPGP_GOOD);
        assert_string_equal(seen.items[0].fingerprint, homes->alice);
        struct buf small;
        buf_init(&small, 10);
        assert_false(openpgp_verify_inline(homes->team, message.bytes, message.size, &small, &seen, &err));
        assert_int_equal(err.code, ERR_LIMIT);
        buf_clear(&small);
    }
    make_inline(homes, rows[0], &message);
    *strstr(message.bytes, "last") = 'L';
    assert_true(openpgp_verify_inline(homes->team, message.bytes, message.size, &content, &seen, &err));
    assert_int_equal(seen.items[0].status, OPENPGP_BAD);
    buf_clear(&message);
    buf_clear(&content);
}

/* Nothing but the block: neither text around it nor a second block, nor anything that is not signed. */
static void test_inline_refuses(void **state)
{
    struct homes *homes = *state;
    struct openpgp_signatures seen;
    struct buf message, content, odd;
    struct err err;
    char path[128];
    buf_init(&message, 10000);
    buf_init(&content, 10000);
    buf_init(&odd, 30000);
    make_inline(homes, "--clearsign", &message);
    for (int i = 0; i < 5; i++) {
        buf_reset(&odd);
        buf_printf(&odd, "%s%s%s",
                   i == 0   ? "please read\n"
                   : i == 3 ? "\n \n"
                            : "",
                   message.bytes,
                   i == 1   ? "and this\n"
                   : i == 2 ? message.bytes
                   : i == 3 ? "\n\n"
                            : "");
        if (i == 4)
            odd.size -= 10; /* the end is missing */
        bool ok = openpgp_verify_inline(homes->team, odd.bytes, odd.size, &content, &seen, &err);
        assert_int_equal(ok, i == 3);
        assert_int_equal(content.size > 0, i == 3);
        if (!ok)
            assert_int_equal(err.code, ERR_INPUT);
    }
    const char *recipients[] = {homes->alice};
    buf_reset(&odd);
    assert_true(openpgp_encrypt_sign(homes->team, homes->alice, recipients, 1, text, TEXT_SIZE, &odd, &err));
    assert_false(openpgp_verify_inline(homes->team, odd.bytes, odd.size, &content, &seen, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(content.size, 0);
    assert_false(openpgp_verify_inline(homes->team, "", 0, &content, &seen, &err));
    /* literal data that nobody signed */
    snprintf(path, sizeof path, "%s/literal", homes->base);
    shell("echo hello | gpg --homedir %s --quiet --yes --output %s --store 2>/dev/null", homes->ours, path);
    char bytes[1000];
    FILE *file = fopen(path, "r");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (openpgp_verify_inline(homes->team, bytes, size, &content, &seen, &err))
        assert_int_equal(seen.count, 0);
    buf_clear(&message);
    buf_clear(&content);
    buf_clear(&odd);
}

/* --- keys --- */

static void test_curves(void **state)
{
    static const struct {
        const char *primary, *subkey, *algorithm, *name;
    } rows[] = {{"nistp256", "nistp256", "ECDSA", "nistp256"},
                {"nistp521", "nistp384", "ECDSA", "nistp521"},
                {"brainpoolP256r1", "brainpoolP384r1", "ECDSA", "brainpoolP256r1"},
                {"rsa2048", "rsa2048", "RSA", "rsa2048"},
                {"ed25519", "cv25519", "EdDSA", "ed25519"}};
    struct homes *homes = *state;
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct openpgp_opened opened;
    struct buf out, clear, armour;
    char fingerprint[OPENPGP_FINGERPRINT_SIZE], mail[64], micalg[24];
    struct err err;
    buf_init(&out, 100000);
    buf_init(&clear, 100000);
    buf_init(&armour, 100000);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        snprintf(mail, sizeof mail, "curve%zu@yy.example", i);
        shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'C <%s>' %s sign never 2>/dev/null", homes->ours, mail,
              rows[i].primary);
        fingerprint_by_mail(homes->team, mail, fingerprint);
        shell("gpg --homedir %s --quiet --passphrase '' --quick-add-key %s %s encr never 2>/dev/null", homes->ours, fingerprint,
              rows[i].subkey);
        buf_reset(&out);
        buf_reset(&armour);
        assert_true(openpgp_export(homes->team, fingerprint, &armour, &err));
        assert_true(openpgp_import(homes->reader, armour.bytes, armour.size, keys, &err));
        assert_string_equal(keys->items[0].algorithm, rows[i].name);
        assert_true(keys->items[0].can_encrypt && keys->items[0].can_sign && !keys->items[0].can_decrypt);
        assert_true(openpgp_sign_detached(homes->team, fingerprint, text, TEXT_SIZE, &out, micalg, &err));
        struct openpgp_signature seen = verify(homes->reader, text, TEXT_SIZE, &out);
        assert_int_equal(seen.status, OPENPGP_GOOD);
        assert_string_equal(seen.algorithm, rows[i].algorithm);
        assert_string_equal(seen.fingerprint, fingerprint);
        const char *recipients[] = {fingerprint};
        buf_reset(&out);
        assert_true(openpgp_encrypt_sign(homes->team, fingerprint, recipients, 1, text, TEXT_SIZE, &out, &err));
        assert_true(openpgp_decrypt(homes->team, out.bytes, out.size, &clear, &opened, &err));
        assert_string_equal(buf_text(&clear), text);
        assert_int_equal(opened.signatures.items[0].status, OPENPGP_GOOD);
        assert_string_equal(opened.signatures.items[0].algorithm, rows[i].algorithm);
    }
    buf_clear(&out);
    buf_clear(&clear);
    buf_clear(&armour);
    free(keys);
}

static void test_own_keys(void **state)
{
    struct homes *homes = *state;
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    bool seen_alice = false, seen_old = false;
    struct err err;
    assert_true(openpgp_secret_keys(homes->team, keys, &err));
    for (size_t i = 0; i < keys->count; i++) {
        const struct openpgp_key *key = &keys->items[i];
        if (strcmp(key->fingerprint, homes->alice) == 0) {
            seen_alice = true;
            assert_int_equal(key->key_id_count, 2);
            assert_string_equal(key->key_ids[0], homes->alice + 24);
            assert_true(key->can_decrypt && key->has_secret_signer && key->can_encrypt);
            assert_true(key->encrypts_until == TIMESTAMP_NONE && key->expires == TIMESTAMP_NONE);
            assert_int_equal(key->address_count, 1);
            assert_string_equal(key->addresses[0], "alice@yy.example");
        } else if (strcmp(key->fingerprint, homes->old) == 0) {
            seen_old = true;
            assert_true(!key->can_decrypt && !key->has_secret_signer && !key->can_encrypt && !key->can_sign);
            assert_int_equal(key->key_now, OPENPGP_KEY_EXPIRED);
        }
    }
    assert_true(seen_alice && seen_old);
    free(keys);
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
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_keyring_changes),
        cmocka_unit_test(test_too_many_signatures),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_inline_refuses),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_own_keys),
        cmocka_unit_test(test_home_must_be_private),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
