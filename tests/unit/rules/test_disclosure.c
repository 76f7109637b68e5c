#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "rules/disclosure.h"

enum { OURS = 0, THEIRS = 7, OTHERS = 8 };

static const struct disclosure_peer peer = {.id = THEIRS, .name = "YY-CERT", .enabled = true};
static const struct disclosure_agreement amber = {.valid_from = 1000, .valid_until = 2000, .enabled = true, .ceiling = TLP_AMBER};
static const struct disclosure_item item = {
    .kind = DISCLOSURE_SIGHTING, .tlp = TLP_AMBER, .class_name = "fraud/phishing", .is_shareable = true};

/* Whether a row's label goes, for each ceiling: clear, green, amber, amber+strict. Labels: none, clear, green, amber, amber+strict, red. */
static void check_labels(int64_t origin, const char *const expected[6])
{
    for (int label = TLP_NONE; label <= TLP_RED; label++) {
        for (int ceiling = TLP_CLEAR; ceiling <= TLP_AMBER_STRICT; ceiling++) {
            struct disclosure_item tried = item;
            struct disclosure_agreement agreement = amber;
            tried.tlp = (enum tlp)label;
            tried.origin_peer = origin;
            agreement.ceiling = (enum tlp)ceiling;
            struct disclosure_verdict verdict = disclosure_decide(&tried, &agreement, &peer, 1500);
            if ((verdict.reason == DISCLOSURE_GOES) != (expected[label + 1][ceiling] == 'x'))
                fail_msg("origin %d, label %d, ceiling %d: %s", (int)origin, label, ceiling, verdict.text);
        }
    }
}

static void labels_and_ceilings(void **state)
{
    UNUSED(state);
    static const char *const ours[] = {"....", "xxxx", ".xxx", "..xx", "....", "...."};
    static const char *const theirs[] = {"....", "xxxx", ".xxx", "..xx", "...x", "...."};
    static const char *const others[] = {"....", "xxxx", ".xxx", "....", "....", "...."};
    check_labels(OURS, ours);
    check_labels(THEIRS, theirs);
    check_labels(OTHERS, others);
}

/* Nobody's peer number must not meet nobody's origin. */
static void unknown_peer_is_no_origin(void **state)
{
    UNUSED(state);
    struct disclosure_peer nobody = {.id = 0, .name = "X", .enabled = true};
    struct disclosure_agreement strict = amber;
    struct disclosure_item tried = item;
    strict.ceiling = TLP_AMBER_STRICT;
    tried.tlp = TLP_AMBER_STRICT;
    assert_int_equal(disclosure_decide(&tried, &strict, &nobody, 1500).reason, DISCLOSURE_LABEL_STRICT);
}

static void odd_values_stay(void **state)
{
    UNUSED(state);
    struct disclosure_item tried = item;
    struct disclosure_agreement agreement = amber;
    tried.tlp = (enum tlp)17;
    assert_int_equal(disclosure_decide(&tried, &agreement, &peer, 1500).reason, DISCLOSURE_LABEL_RED);
    tried.tlp = TLP_CLEAR;
    agreement.ceiling = TLP_NONE;
    assert_int_equal(disclosure_decide(&tried, &agreement, &peer, 1500).reason, DISCLOSURE_ABOVE_CEILING);
}

static void period(void **state)
{
    UNUSED(state);
    assert_int_equal(disclosure_decide(&item, &amber, &peer, 999).reason, DISCLOSURE_NOT_YET);
    assert_int_equal(disclosure_decide(&item, &amber, &peer, 1000).reason, DISCLOSURE_GOES);
    assert_int_equal(disclosure_decide(&item, &amber, &peer, 1999).reason, DISCLOSURE_GOES);
    assert_int_equal(disclosure_decide(&item, &amber, &peer, 2000).reason, DISCLOSURE_ENDED);
    assert_int_equal(disclosure_decide(&item, NULL, &peer, 1500).reason, DISCLOSURE_NO_AGREEMENT);
    struct disclosure_agreement off = amber;
    off.enabled = false;
    assert_int_equal(disclosure_decide(&item, &off, &peer, 1500).reason, DISCLOSURE_NO_AGREEMENT);
    struct disclosure_peer disabled = peer;
    disabled.enabled = false;
    assert_int_equal(disclosure_decide(&item, &amber, &disabled, 1500).reason, DISCLOSURE_PEER_DISABLED);
    assert_int_equal(disclosure_decide_peer(&amber, &peer, 1500).reason, DISCLOSURE_GOES);
    struct disclosure_agreement past = amber;
    assert_true(timestamp_parse_rfc3339("2026-10-31T00:00:00Z", &past.valid_until));
    assert_string_equal(disclosure_decide(&item, &past, &peer, past.valid_until).text, "the agreement ended 2026-10-31");
}

static void classes(void **state)
{
    UNUSED(state);
    static const char *const covered[] = {"fraud", "malicious-code/c2-server"};
    static const struct {
        const char *name;
        enum disclosure_reason reason;
    } rows[] = {
        {"fraud/phishing", DISCLOSURE_GOES},
        {"malicious-code/c2-server", DISCLOSURE_GOES},
        {"malicious-code/infected-system", DISCLOSURE_CLASS_NOT_COVERED},
        {"fraudulent/x", DISCLOSURE_CLASS_NOT_COVERED},
        {NULL, DISCLOSURE_CLASS_NOT_COVERED},
    };
    struct disclosure_agreement some = amber;
    some.classes = covered;
    some.class_count = ARRAY_SIZE(covered);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disclosure_item tried = item;
        tried.class_name = rows[i].name;
        assert_int_equal(disclosure_decide(&tried, &some, &peer, 1500).reason, rows[i].reason);
        assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_GOES);
    }
}

static void content(void **state)
{
    UNUSED(state);
    struct disclosure_item tried = item;
    tried.is_personal = true;
    assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_PERSONAL);
    tried = item;
    tried.is_restricted = true;
    assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_RESTRICTED);
    tried = item;
    tried.is_shareable = false;
    assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_GOES);
    tried.kind = DISCLOSURE_NOTE;
    assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_NOT_MARKED);
    tried.kind = DISCLOSURE_EVIDENCE;
    assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_NOT_MARKED);
    tried.is_shareable = true;
    assert_int_equal(disclosure_decide(&tried, &amber, &peer, 1500).reason, DISCLOSURE_GOES);
}

static void words(void **state)
{
    UNUSED(state);
    struct disclosure_item tried = item;
    tried.tlp = TLP_RED;
    assert_string_equal(disclosure_decide(&tried, &amber, &peer, 1500).text, "TLP:RED, named persons only");
    assert_string_equal(disclosure_decide(&item, &amber, &peer, 1500).text, "goes");
    assert_string_equal(disclosure_decide(&item, &amber, &peer, 1500).hint, "");
    assert_non_null(strstr(disclosure_decide(&item, &amber, &peer, 2500).hint, "cirt agreement show YY-CERT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_and_ceilings),
        cmocka_unit_test(unknown_peer_is_no_origin),
        cmocka_unit_test(odd_values_stay),
        cmocka_unit_test(period),
        cmocka_unit_test(classes),
        cmocka_unit_test(content),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
