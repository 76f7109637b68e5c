/* One row a mail: what was found in it, and the one thing that may be said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "rules/signature.h"

#define ALICE     "D8692123C4065DEA5E0F3AB5249B39D24F25E3B6"
#define ALICE_TOO "5E884898DA28047151D0E56F8DC6292773603D0D6AABBDD62A11EF721D1542D8"
#define BOB       "EB85BB5FA33A75E15E944E63F231550C4F47E38E"

static const char *const alice_addresses[] = {"alice@yy.example", "team@yy.example"};
static const char *const bob_addresses[] = {"bob@zz.example"};
static const struct signature_identity alice = {"peer 1", "Alice of YY-CERT", alice_addresses, 2};
static const struct signature_identity alice_too = {"peer 1", "Alice of YY-CERT", alice_addresses, 1};
static const struct signature_identity bob = {"peer 2", "Bob of ZZ-CERT", bob_addresses, 1};
static const struct signature_identity nobody = {"contact 1", "no addresses", NULL, 0};

struct row {
    const char *what;
    const char *from[3];
    struct signature_part parts[3];
    const char *summary, *covers, *signer;
};

#define PART(envelope, found, key, who)                                                                                                    \
    {                                                                                                                                      \
        .path = "1", .is_envelope = envelope, .verdict = found, .fingerprint = key, .key_now = "valid", .identity = who                    \
    }

static const struct row rows[] = {
    {"plain mail", {"alice@yy.example"}, {{0}}, "unprotected", NULL, NULL},
    {"signed by its sender", {"alice@yy.example"}, {PART(true, SIGNATURE_GOOD, ALICE, &alice)}, "verified", "whole", "Alice of YY-CERT"},
    {"from another address of the same contact",
     {"Team@YY.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "verified",
     "whole",
     "Alice of YY-CERT"},
    {"signed by somebody else we know",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, BOB, &bob)},
     "not-sender",
     "whole",
     "Bob of ZZ-CERT"},
    {"two From addresses, the signer first",
     {"alice@yy.example", "boss@xx.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "not-sender",
     "whole",
     "Alice of YY-CERT"},
    {"two From addresses, both the signer's",
     {"alice@yy.example", "team@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "not-sender",
     "whole",
     "Alice of YY-CERT"},
    {"no From at all", {NULL}, {PART(true, SIGNATURE_GOOD, ALICE, &alice)}, "not-sender", "whole", "Alice of YY-CERT"},
    {"the address stands in the display name only",
     {"mallory@evil.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "not-sender",
     "whole",
     "Alice of YY-CERT"},
    {"From is a name without address", {""}, {PART(true, SIGNATURE_GOOD, ALICE, &alice)}, "not-sender", "whole", "Alice of YY-CERT"},
    {"an address that only begins alike",
     {"alice@yy.example.evil"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "not-sender",
     "whole",
     "Alice of YY-CERT"},
    {"contact without addresses",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &nobody)},
     "not-sender",
     "whole",
     "no addresses"},
    {"good, key pinned to nobody", {"alice@yy.example"}, {PART(true, SIGNATURE_GOOD, ALICE, NULL)}, "unknown-key", "whole", NULL},
    {"pinned by a short key id only",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, "249B39D24F25E3B6", &alice)},
     "unknown-key",
     "whole",
     NULL},
    {"no public key", {"alice@yy.example"}, {PART(true, SIGNATURE_UNKNOWN_KEY, "", NULL)}, "unknown-key", "whole", NULL},
    {"text changed", {"alice@yy.example"}, {PART(true, SIGNATURE_BAD, ALICE, &alice)}, "bad", "whole", NULL},
    {"weak hash or no packet", {"alice@yy.example"}, {PART(true, SIGNATURE_ERROR, ALICE, &alice)}, "bad", "whole", NULL},
    {"key had ended", {"alice@yy.example"}, {PART(true, SIGNATURE_EXPIRED_KEY, ALICE, &alice)}, "expired", "whole", NULL},
    {"signature had ended", {"alice@yy.example"}, {PART(true, SIGNATURE_EXPIRED, ALICE, &alice)}, "expired", "whole", NULL},
    {"key revoked", {"alice@yy.example"}, {PART(true, SIGNATURE_REVOKED_KEY, ALICE, &alice)}, "revoked", "whole", NULL},
    {"signed part inside an unsigned one, or below a prepended text, or a list's footer",
     {"alice@yy.example"},
     {PART(false, SIGNATURE_GOOD, ALICE, &alice)},
     "mixed",
     "part",
     NULL},
    {"a signed mail forwarded by somebody else",
     {"mallory@evil.example"},
     {PART(false, SIGNATURE_GOOD, ALICE, &alice)},
     "mixed",
     "part",
     NULL},
    {"part with a broken signature", {"alice@yy.example"}, {PART(false, SIGNATURE_BAD, ALICE, &alice)}, "bad", "part", NULL},
    {"part by an unknown key", {"alice@yy.example"}, {PART(false, SIGNATURE_UNKNOWN_KEY, "", NULL)}, "unknown-key", "part", NULL},
    {"two good signatures over the whole",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(true, SIGNATURE_GOOD, BOB, &bob)},
     "mixed",
     "whole",
     NULL},
    {"a good one beside a bad one",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(true, SIGNATURE_BAD, BOB, &bob)},
     "mixed",
     "whole",
     NULL},
    {"nested: the same key twice",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "verified",
     "whole",
     "Alice of YY-CERT"},
    {"nested: two keys of the same somebody, an OpenPGP key and a certificate",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(true, SIGNATURE_GOOD, ALICE_TOO, &alice_too)},
     "verified",
     "whole",
     "Alice of YY-CERT"},
    {"nested: two keys of the same somebody, one without the address",
     {"team@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(true, SIGNATURE_GOOD, ALICE_TOO, &alice_too)},
     "mixed",
     "whole",
     NULL},
    {"nested: both in the name of another",
     {"boss@xx.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(true, SIGNATURE_GOOD, ALICE, &alice)},
     "not-sender",
     "whole",
     "Alice of YY-CERT"},
    {"two bad ones",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_BAD, "", NULL), PART(true, SIGNATURE_ERROR, "", NULL)},
     "bad",
     "whole",
     NULL},
    {"two of unknown keys",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_UNKNOWN_KEY, "", NULL), PART(true, SIGNATURE_GOOD, BOB, NULL)},
     "unknown-key",
     "whole",
     NULL},
    {"bad in whole, a good forwarded mail within",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_BAD, ALICE, &alice), PART(false, SIGNATURE_GOOD, ALICE, &alice)},
     "bad",
     "whole",
     NULL},
    {"good in whole, a bad forwarded mail within",
     {"alice@yy.example"},
     {PART(true, SIGNATURE_GOOD, ALICE, &alice), PART(false, SIGNATURE_BAD, BOB, &bob)},
     "verified",
     "whole",
     "Alice of YY-CERT"},
    {"parts that differ",
     {"alice@yy.example"},
     {PART(false, SIGNATURE_BAD, ALICE, &alice), PART(false, SIGNATURE_UNKNOWN_KEY, "", NULL)},
     "mixed",
     "part",
     NULL},
};

static void expect_text(const char *what, const char *seen, const char *wanted)
{
    if (!seen != !wanted || (seen && strcmp(seen, wanted) != 0))
        fail_msg("%s: %s, not %s", what, seen ? seen : "NULL", wanted ? wanted : "NULL");
}

static void test_rows(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct signature_mail mail = {.from = rows[i].from, .parts = rows[i].parts};
        while (mail.from_count < 3 && rows[i].from[mail.from_count])
            mail.from_count++;
        while (mail.part_count < 3 && rows[i].parts[mail.part_count].path)
            mail.part_count++;
        struct signature_result result = signature_summarise(&mail);
        expect_text(rows[i].what, signature_summary_name(result.summary), rows[i].summary);
        expect_text(rows[i].what, result.covers, rows[i].covers);
        expect_text(rows[i].what, result.signer, rows[i].signer);
        expect_text(rows[i].what, signature_encryption_name(result.encryption), "none");
    }
}

/* A signed mail whose protected header has another sender than the outer one is nobody's. */
static void test_protected_from(void **state)
{
    UNUSED(state);
    static const char *const from[] = {"alice@yy.example"};
    static const struct signature_part part = PART(true, SIGNATURE_GOOD, ALICE, &alice);
    struct signature_mail mail = {.from = from, .from_count = 1, .parts = &part, .part_count = 1};
    assert_int_equal(signature_summarise(&mail).summary, SIGNATURE_VERIFIED);
    mail.from_differs = true;
    assert_int_equal(signature_summarise(&mail).summary, SIGNATURE_NOT_SENDER);
}

/* Of several signatures the outermost speaks; a key that is not valid any more is told whichever it is. */
static void test_which_speaks(void **state)
{
    UNUSED(state);
    static const char *const from[] = {"alice@yy.example"};
    struct signature_part parts[] = {PART(false, SIGNATURE_BAD, BOB, NULL), PART(true, SIGNATURE_GOOD, ALICE, &alice),
                                     PART(true, SIGNATURE_GOOD, ALICE_TOO, &alice_too)};
    struct signature_mail mail = {.from = from, .from_count = 1, .parts = parts, .part_count = 3};
    struct signature_result result = signature_summarise(&mail);
    assert_ptr_equal(result.part, &parts[1]);
    assert_string_equal(result.fingerprint, ALICE);
    assert_string_equal(result.key_now, "valid");
    parts[2].key_now = "revoked";
    assert_string_equal(signature_summarise(&mail).key_now, "revoked");
    parts[2].identity = &bob;
    assert_null(signature_summarise(&mail).part);
}

static void test_encryption(void **state)
{
    static const struct {
        struct signature_cipher ciphers[2];
        size_t count;
        const char *encryption;
    } cases[] = {
        {{{true, true}}, 1, "whole"},
        {{{true, false}}, 1, "undecryptable"},
        {{{false, false}}, 1, "part"},
        {{{false, true}, {true, true}}, 2, "whole"},
        {{{false, false}, {false, true}}, 2, "part"},
        {{{true, true}, {true, false}}, 2, "undecryptable"},
        {{{true, true}, {false, false}}, 2, "whole"},
    };
    static const char *const from[] = {"alice@yy.example"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct signature_mail mail = {.from = from, .from_count = 1, .ciphers = cases[i].ciphers, .cipher_count = cases[i].count};
        struct signature_result result = signature_summarise(&mail);
        assert_string_equal(signature_encryption_name(result.encryption), cases[i].encryption);
        assert_int_equal(result.summary, SIGNATURE_UNPROTECTED);
    }
}

static void test_names(void **state)
{
    UNUSED(state);
    for (enum signature_verdict verdict = SIGNATURE_GOOD; verdict <= SIGNATURE_ERROR; verdict++) {
        enum signature_verdict again;
        assert_true(signature_verdict_parse(signature_verdict_name(verdict), &again));
        assert_int_equal(again, verdict);
    }
    enum signature_verdict untouched;
    assert_false(signature_verdict_parse("GOOD", &untouched));
}

static enum signature_summary with_named(const char *const *named, size_t count)
{
    const char *from[] = {"alice@yy.example"};
    const struct signature_part part = PART(true, SIGNATURE_GOOD, ALICE, &alice);
    const struct signature_mail mail = {
        .from = from, .from_count = 1, .named = named, .named_count = count, .parts = &part, .part_count = 1};
    return signature_summarise(&mail).summary;
}

/* Sender, Reply-To and the name in From: the same person, a stranger (no id), somebody else we know. */
static void test_named(void **state)
{
    const char *const same[] = {"peer 1"}, *const other[] = {"peer 1", "contact 7"};
    UNUSED(state);
    assert_int_equal(with_named(NULL, 0), SIGNATURE_VERIFIED);
    assert_int_equal(with_named(same, 1), SIGNATURE_VERIFIED);
    assert_int_equal(with_named(other, 2), SIGNATURE_NOT_SENDER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),       cmocka_unit_test(test_protected_from),
                                       cmocka_unit_test(test_named),      cmocka_unit_test(test_which_speaks),
                                       cmocka_unit_test(test_encryption), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
