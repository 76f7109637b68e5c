#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "base/timestamp_read.h"

static void rfc3339(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *formatted;
    } good[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"2026-02-28T23:30:00-02:00", "2026-03-01T01:30:00Z"},
        {"2024-02-29t12:00:00z", "2024-02-29T12:00:00Z"},
        {"2026-11-21 10:16:18.25+05:45", "2026-11-21T04:31:18.250000Z"},
        {"2026-11-21T10:16:18.1234567890Z", "2026-11-21T10:16:18.123456Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
        {"2200-12-31T00:00:00Z", "2200-12-31T00:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        int64_t moment;
        char text[TIMESTAMP_TEXT_SIZE];
        assert_true(timestamp_parse_rfc3339(good[i].text, &moment));
        timestamp_format(moment, text);
        assert_string_equal(text, good[i].formatted);
    }
    static const char *const bad[] = {
        "",
        "2026-11-21",
        "2026-11-21T10:16:18",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00Zx",
        "1969-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-1-1T00:00:00Z",
        " 2026-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int64_t moment;
        if (timestamp_parse_rfc3339(bad[i], &moment))
            fail_msg("%s was taken", bad[i]);
    }
}

static void utc_assumed(void **state)
{
    UNUSED(state);
    int64_t a, b;
    assert_true(timestamp_parse_utc("2026-11-21T10:16:18.123456", &a)); /* as Python's isoformat() has it */
    assert_true(timestamp_parse_rfc3339("2026-11-21T10:16:18.123456Z", &b));
    assert_int_equal(a, b);
    assert_true(timestamp_parse_utc("2026-11-21 10:16:18", &a));
    assert_true(timestamp_parse_rfc3339("2026-11-21T10:16:18Z", &b));
    assert_true(a == b);
    assert_false(timestamp_parse_utc("2026-11-21 10:16:18Z", &a));
}

static void never(void **state)
{
    UNUSED(state);
    static const char *const good[] = {"0001-01-01T00:00:00Z",      "9999-12-31T23:59:59.9999999Z", "1601-01-01 00:00:00",
                                       "2400-02-29T00:00:00+01:00", "1970-01-01T00:00:00Z",         "1970-01-01 01:00:00.000+01:00"};
    static const char *const bad[] = {
        "", "never", "2026-01-01T00:00:00Z", "9999-13-31T23:59:59Z", "9999-12-31", "9999-12-31T23:59:59Zx", "1970-01-01T00:00:01Z"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(timestamp_is_never(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(timestamp_is_never(bad[i]));
}

static void durations(void **state)
{
    UNUSED(state);
    int64_t seconds;
    assert_true(timestamp_parse_duration("90s", &seconds) && seconds == 90);
    assert_true(timestamp_parse_duration("2w", &seconds) && seconds == 14 * 86400);
    assert_true(timestamp_parse_duration("3d", &seconds) && seconds == 3 * 86400);
    static const char *const bad[] = {"", "h", "2", "-2h", "2H", "2hh", "1.5h", "99999999999999d", "2 h"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(timestamp_parse_duration(bad[i], &seconds));
}

static void absent(void **state)
{
    UNUSED(state);
    char text[TIMESTAMP_TEXT_SIZE] = "x";
    timestamp_format(TIMESTAMP_NONE, text);
    assert_string_equal(text, "");
}

/* As senders write them, with the rule that stands beside what was read. */
static void readings(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *formatted, *rule;
    } good[] = {
        {" 2026-11-20T10:00:00Z\n", "2026-11-20T10:00:00Z", "rfc3339"},
        {"2026-11-20 10:00:00 UTC", "2026-11-20T10:00:00Z", "rfc3339"},
        {"2026-11-20T10:00:00.5+0100", "2026-11-20T09:00:00.500000Z", "rfc3339"},
        {"2026-11-20 10:00:00 -03", "2026-11-20T13:00:00Z", "rfc3339"},
        {"2026-11-20 10:00:00.25", "2026-11-20T10:00:00.250000Z", "utc-assumed"},
        {"2026-11-20T10:00:00,5Z", "2026-11-20T10:00:00.500000Z", "rfc3339"},
        {"2026-11-20 10:00:00,25", "2026-11-20T10:00:00.250000Z", "utc-assumed"},
        {"2026-11-20 10:00", "2026-11-20T10:00:00Z", "utc-assumed"},
        {"2026/11/20 10:00:00", "2026-11-20T10:00:00Z", "utc-assumed"},
        {"20261120T100000Z", "2026-11-20T10:00:00Z", "iso-basic"},
        {"20261120100000", "2026-11-20T10:00:00Z", "iso-basic-utc-assumed"},
        {"2026-11-20", "2026-11-20T00:00:00Z", "date-only"},
        {"20261120", "2026-11-20T00:00:00Z", "date-only"},
        {"1795168800", "2026-11-20T10:00:00Z", "epoch"},
        {"1795168800.5", "2026-11-20T10:00:00.500000Z", "epoch"},
        {"1795168800123", "2026-11-20T10:00:00.123000Z", "epoch-ms"},
        {"1795168800123456", "2026-11-20T10:00:00.123456Z", "epoch-us"},
        {"1795168800123456789", "2026-11-20T10:00:00.123456Z", "epoch-ns"},
        {"Fri, 20 Nov 2026 10:00:00 +0100", "2026-11-20T09:00:00Z", "rfc5322"},
        {"Fri, 20 Nov 2026 10:00:00 GMT (winter)", "2026-11-20T10:00:00Z", "rfc5322"},
        {"20 Nov 26 10:00 EST", "2026-11-20T15:00:00Z", "rfc5322"},
        {"20-Nov-2026 10:00:00", "2026-11-20T10:00:00Z", "rfc5322-utc-assumed"},
        {"Fri, 20 Nov 2026 10:00:00 CET", "2026-11-20T10:00:00Z", "rfc5322-utc-assumed"},
        {"[20/Nov/2026:10:00:00 +0200]", "2026-11-20T08:00:00Z", "clf"},
        {"Fri Nov 20 10:00:00 2026", "2026-11-20T10:00:00Z", "asctime"},
        {"Fri Nov 20 10:00:00 PST 2026", "2026-11-20T18:00:00Z", "asctime"},
        {"Fri Nov 20 10:00:00 2026 UTC", "2026-11-20T10:00:00Z", "asctime"},
        {"Fri Nov 20 10:00:00 CET 2026", "2026-11-20T10:00:00Z", "asctime-utc-assumed"},
        {"Fri Nov 20 10:00:00 2026 CEST", "2026-11-20T10:00:00Z", "asctime-utc-assumed"},
        {"2026-11-20 10:00:00 CEST", "2026-11-20T10:00:00Z", "utc-assumed"},
        {"20/11/2026 10:00", "2026-11-20T10:00:00Z", "day-first"},
        {"11/20/2026 10:00:00 PM", "2026-11-20T22:00:00Z", "month-first"},
        {"5.6.2026", "2026-06-05T00:00:00Z", "day-first"},
        {"05/06/2026 12:00 am", "2026-06-05T00:00:00Z", "day-first-assumed"},
        {"06/06/2026", "2026-06-06T00:00:00Z", "day-first"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t moment;
        const char *rule = "none";
        char text[TIMESTAMP_TEXT_SIZE] = "";
        if (timestamp_read(good[i].text, &moment, &rule))
            timestamp_format(moment, text);
        if (strcmp(text, good[i].formatted) != 0 || strcmp(rule, good[i].rule) != 0)
            fail_msg("%s gave %s by %s", good[i].text, text, rule);
    }
    static const char *const bad[] = {"",
                                      "0",
                                      "-",
                                      "never",
                                      "2026-02-30",
                                      "2026-13-01 10:00:00",
                                      "1900-01-01",
                                      "2026-11-20 25:00:00",
                                      "123456789",
                                      "99999999999",
                                      "0000000000000",
                                      "20261120T1000",
                                      "31/02/2026",
                                      "13/13/2026",
                                      "2026-11-20 10:00:00 CEST?",
                                      "Nov 20 10:00:00",
                                      "10:00:00",
                                      "2026-11-20 10:00:00 UTC+01:00",
                                      "2026-11-20T10:00:00+1",
                                      "9999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t moment = 7;
        const char *rule = "none";
        if (timestamp_read(bad[i], &moment, &rule))
            fail_msg("%s was read by %s", bad[i], rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc3339),   cmocka_unit_test(utc_assumed), cmocka_unit_test(never),
                                       cmocka_unit_test(durations), cmocka_unit_test(readings),    cmocka_unit_test(absent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
