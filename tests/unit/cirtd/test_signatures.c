/* What verify and seal saw, in the JSON between the stages: nothing is lost on the way, and a replay is told from words signed anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "cirtd/signatures.h"

#define ALICE "D8692123C4065DEA5E0F3AB5249B39D24F25E3B6"
#define CERT  "5E884898DA28047151D0E56F8DC6292773603D0D6AABBDD62A11EF721D1542D8"

static struct openpgp_signatures openpgp_one(enum openpgp_status status, int64_t made)
{
    struct openpgp_signatures seen = {.count = 1};
    seen.items[0] = (struct openpgp_signature){
        .status = status, .fingerprint = ALICE, .hash = "SHA256", .algorithm = "EdDSA", .made = made, .key_now = OPENPGP_KEY_VALID};
    return seen;
}

static void test_openpgp(void **state)
{
    UNUSED(state);
    static const struct {
        enum openpgp_status status;
        enum signature_verdict verdict;
    } rows[] = {
        {OPENPGP_GOOD, SIGNATURE_GOOD},
        {OPENPGP_BAD, SIGNATURE_BAD},
        {OPENPGP_UNKNOWN_KEY, SIGNATURE_UNKNOWN_KEY},
        {OPENPGP_EXPIRED_KEY, SIGNATURE_EXPIRED_KEY},
        {OPENPGP_REVOKED_KEY, SIGNATURE_REVOKED_KEY},
        {OPENPGP_EXPIRED_SIGNATURE, SIGNATURE_EXPIRED},
        {OPENPGP_ERROR, SIGNATURE_ERROR},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct openpgp_signatures seen = openpgp_one(rows[i].status, 1700000000000000);
        json_t *list = signatures_of_openpgp(&seen, "x", 1), *item = json_array_get(list, 0);
        /* A pin makes no OpenPGP signature good. */
        assert_int_equal(signatures_verdict(item, false), rows[i].verdict);
        assert_int_equal(signatures_verdict(item, true), rows[i].verdict);
        assert_string_equal(signatures_text(item, "fingerprint"), ALICE);
        assert_string_equal(signatures_text(item, "signer"), "");
        assert_string_equal(signatures_text(item, "key_now"), "valid");
        assert_int_equal(signatures_made(item), 1700000000000000);
        json_decref(list);
    }
}

static json_t *smime_one(enum smime_status status, bool is_sound, bool has_chain)
{
    static struct smime_signatures seen;
    memset(&seen, 0, sizeof seen);
    seen.count = 1;
    struct smime_signature *signature = &seen.items[0];
    signature->status = status;
    signature->is_sound = is_sound;
    signature->has_chain = has_chain;
    signature->made = TIMESTAMP_NONE;
    strcpy(signature->certificate.fingerprint, CERT);
    strcpy(signature->certificate.addresses[0], "bob@bank-b.example");
    signature->certificate.address_count = 1;
    return signatures_of_smime(&seen, "x", 1);
}

/* A pinned certificate needs no CA; but nothing else that is wrong is made good by it. */
static void test_smime(void **state)
{
    UNUSED(state);
    static const struct {
        enum smime_status status;
        bool is_sound, has_chain;
        enum signature_verdict free, pinned;
    } rows[] = {
        {SMIME_GOOD, true, true, SIGNATURE_GOOD, SIGNATURE_GOOD},
        {SMIME_UNKNOWN_KEY, true, false, SIGNATURE_UNKNOWN_KEY, SIGNATURE_GOOD},
        {SMIME_UNKNOWN_KEY, false, false, SIGNATURE_UNKNOWN_KEY, SIGNATURE_UNKNOWN_KEY},
        {SMIME_BAD, false, true, SIGNATURE_BAD, SIGNATURE_BAD},
        {SMIME_EXPIRED_KEY, false, true, SIGNATURE_EXPIRED_KEY, SIGNATURE_EXPIRED_KEY},
        {SMIME_REVOKED_KEY, false, true, SIGNATURE_REVOKED_KEY, SIGNATURE_REVOKED_KEY},
        {SMIME_ERROR, false, false, SIGNATURE_ERROR, SIGNATURE_ERROR},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *list = smime_one(rows[i].status, rows[i].is_sound, rows[i].has_chain), *item = json_array_get(list, 0);
        assert_int_equal(signatures_verdict(item, false), rows[i].free);
        assert_int_equal(signatures_verdict(item, true), rows[i].pinned);
        assert_int_equal(json_is_true(json_object_get(item, "chain")), rows[i].has_chain);
        assert_string_equal(json_string_value(json_array_get(json_object_get(item, "addresses"), 0)), "bob@bank-b.example");
        assert_int_equal(signatures_made(item), TIMESTAMP_NONE);
        json_decref(list);
    }
}

static bool payload(enum openpgp_status status, int64_t made, const char *text, unsigned char digest[DIGEST_SHA256_SIZE])
{
    struct openpgp_signatures seen = openpgp_one(status, made);
    json_t *list = signatures_of_openpgp(&seen, text, strlen(text));
    bool ok = signatures_payload(json_array_get(list, 0), digest);
    json_decref(list);
    return ok;
}

static void test_payload(void **state)
{
    UNUSED(state);
    unsigned char one[DIGEST_SHA256_SIZE], other[DIGEST_SHA256_SIZE];
    assert_true(payload(OPENPGP_GOOD, 1, "block 198.51.100.1", one));
    assert_true(payload(OPENPGP_GOOD, 1, "block 198.51.100.1", other));
    assert_memory_equal(one, other, sizeof one);
    assert_true(payload(OPENPGP_GOOD, 2, "block 198.51.100.1", other));
    assert_memory_not_equal(one, other, sizeof one);
    assert_true(payload(OPENPGP_GOOD, 1, "block 198.51.100.2", other));
    assert_memory_not_equal(one, other, sizeof one);
    /* What anybody could have put there is nobody's words. */
    assert_false(payload(OPENPGP_BAD, 1, "block 198.51.100.1", other));
    assert_false(payload(OPENPGP_UNKNOWN_KEY, 1, "block 198.51.100.1", other));
}

static void test_broken(void **state)
{
    UNUSED(state);
    unsigned char digest[DIGEST_SHA256_SIZE];
    json_t *item = signatures_broken("smime", "not exactly two parts");
    assert_int_equal(signatures_verdict(item, true), SIGNATURE_ERROR);
    assert_string_equal(signatures_text(item, "error"), "not exactly two parts");
    assert_false(signatures_payload(item, digest));
    json_decref(item);
    /* Whatever stands in the database. */
    item = json_pack("{s:s, s:i, s:s}", "status", "splendid", "fingerprint", 7, "made", "yesterday");
    assert_int_equal(signatures_verdict(item, false), SIGNATURE_ERROR);
    assert_string_equal(signatures_text(item, "fingerprint"), "");
    assert_int_equal(signatures_made(item), TIMESTAMP_NONE);
    json_decref(item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_openpgp), cmocka_unit_test(test_smime), cmocka_unit_test(test_payload),
                                       cmocka_unit_test(test_broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
