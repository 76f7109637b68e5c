/* Messages that strangers made to be shown as what they are not, or to keep gpg busy for hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crypto/openpgp.h"
#include "support/shell.h"

static const char text[] = "Seen at 198.51.100.7\r\n";
enum { TEXT_SIZE = sizeof text - 1 };

struct homes {
    char base[64], ours[80];
    struct openpgp *team;
    char alice[OPENPGP_FINGERPRINT_SIZE];
};

static int set_up(void **state)
{
    static struct homes homes;
    struct openpgp_keys keys;
    struct err err;
    const char *base = getenv("TMPDIR");
    snprintf(homes.base, sizeof homes.base, "%s/pgpXXXXXX", base && strlen(base) < 40 ? base : "/tmp");
    assert_non_null(mkdtemp(homes.base));
    snprintf(homes.ours, sizeof homes.ours, "%s/o", homes.base);
    if (!openpgp_open(homes.ours, &homes.team, &err))
        fail_msg("%s", err.text);
    shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key 'Alice <alice@yy.example>' ed25519 sign never 2>/dev/null", homes.ours);
    assert_true(openpgp_secret_keys(homes.team, &keys, &err));
    strcpy(homes.alice, keys.items[0].fingerprint);
    shell("gpg --homedir %s --quiet --passphrase '' --quick-add-key %s cv25519 encr never 2>/dev/null", homes.ours, homes.alice);
    *state = &homes;
    return 0;
}

static int tear_down(void **state)
{
    struct homes *homes = *state;
    openpgp_stop_agent(homes->team);
    openpgp_close(homes->team);
    shell("rm -rf %s", homes->base);
    return 0;
}

static void read_file(const struct homes *homes, const char *name, struct buf *out)
{
    char path[128], bytes[16384];
    snprintf(path, sizeof path, "%s/%s", homes->base, name);
    FILE *file = fopen(path, "r");
    buf_reset(out);
    buf_add(out, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

/* Somebody's signature over nothing, behind a text that he never saw: of the second text gpg says no more than that it is an error. */
static void test_a_second_message_behind(void **state)
{
    static const char *const behind[] = {"empty.gpg", "literal.gpg", "cipher.gpg", "key.gpg"};
    struct homes *homes = *state;
    struct openpgp_opened opened;
    struct openpgp_signatures seen;
    struct buf first, second, clear;
    struct err err;
    buf_init(&first, 100000);
    buf_init(&second, 100000);
    buf_init(&clear, 10000);
    shell(
        "cd %s && gpg='gpg --homedir %s --quiet --yes --trust-model always' && echo evil >evil && : >empty && $gpg --recipient %s --output "
        "cipher.gpg "
        "--encrypt evil 2>/dev/null && $gpg --local-user %s --output empty.gpg --sign empty 2>/dev/null && $gpg --output literal.gpg "
        "--store evil "
        "2>/dev/null && $gpg --export %s >key.gpg",
        homes->base, homes->ours, homes->alice, homes->alice, homes->alice);
    for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
        read_file(homes, "cipher.gpg", &first);
        assert_true(openpgp_decrypt(homes->team, first.bytes, first.size, &clear, &opened, &err));
        read_file(homes, behind[i], &second);
        buf_add(&first, second.bytes, second.size);
        assert_false(openpgp_decrypt(homes->team, first.bytes, first.size, &clear, &opened, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_int_equal(clear.size, 0);
    }
    read_file(homes, "literal.gpg", &first);
    read_file(homes, "empty.gpg", &second);
    buf_add(&first, second.bytes, second.size);
    assert_false(openpgp_verify_inline(homes->team, first.bytes, first.size, &clear, &seen, &err));
    assert_int_equal(err.code, ERR_INPUT);
    buf_clear(&first);
    buf_clear(&second);
    buf_clear(&clear);
}

/* Few bytes that would keep gpg busy for hours: a compressed packet of a million heads of signatures, of a key id each. */
static void make_slow(const struct homes *homes, struct buf *out)
{
    char path[128], bytes[65536];
    snprintf(path, sizeof path, "%s/slow", homes->base);
    shell("python3 -c 'import sys, zlib; z = zlib.compressobj(9, zlib.DEFLATED, -15); sys.stdout.buffer.write(bytes([0xA3, 1]) + "
          "z.compress((bytes([0xC4, 13, 3, 0, 10, 22]) + b\"ABCDEFGH\" + bytes(1)) * 1000000) + z.flush())' >%s",
          path);
    FILE *file = fopen(path, "r");
    buf_add(out, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

static void test_what_takes_hours_is_cut(void **state)
{
    struct homes *homes = *state;
    struct openpgp_opened opened;
    struct openpgp_signatures seen;
    struct buf slow, clear, cipher;
    struct err err;
    const char *recipients[] = {homes->alice};
    buf_init(&slow, 65536);
    buf_init(&clear, 10000);
    make_slow(homes, &slow);
    assert_true(slow.size > 100 && slow.size < 60000);
    assert_false(openpgp_decrypt(homes->team, slow.bytes, slow.size, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_INPUT); /* it is none, which is seen before gpg gets it */
    assert_false(openpgp_verify_inline(homes->team, slow.bytes, slow.size, &clear, &seen, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(openpgp_verify_detached(homes->team, text, TEXT_SIZE, slow.bytes, slow.size, &seen, &err));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].status, OPENPGP_ERROR);
    assert_non_null(strstr(seen.items[0].text, "too long"));

    /* So many session keys for our own key, which would be tried one after another. */
    buf_init(&cipher, 100000);
    assert_true(openpgp_encrypt_sign(homes->team, NULL, recipients, 1, text, TEXT_SIZE, &cipher, &err));
    char path[128];
    snprintf(path, sizeof path, "%s/once", homes->base);
    FILE *file = fopen(path, "w");
    fwrite(cipher.bytes, 1, cipher.size, file);
    fclose(file);
    shell(
        "cd %s && gpg --homedir %s --yes --output once.gpg --dearmor once 2>/dev/null && size=$((2 + $(od -An -tu1 -j1 -N1 once.gpg))) && "
        "head -c $size "
        "once.gpg >key && for i in 1 2 3 4; do cat key key key key key key key key key key >keys && mv keys key; done && "
        "cat key once.gpg >many",
        homes->base, homes->ours);
    struct buf many;
    buf_init(&many, 4 * 1024 * 1024);
    snprintf(path, sizeof path, "%s/many", homes->base);
    file = fopen(path, "r");
    char bytes[65536];
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;)
        buf_add(&many, bytes, size);
    fclose(file);
    assert_true(many.size > 500000);
    assert_false(openpgp_decrypt(homes->team, many.bytes, many.size, &clear, &opened, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(clear.size, 0);
    buf_clear(&many);
    buf_clear(&cipher);
    buf_clear(&slow);
    buf_clear(&clear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_message_behind),
        cmocka_unit_test(test_what_takes_hours_is_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
