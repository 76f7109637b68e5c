#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"

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
    assert_true(timestamp_parse_utc("2026-11-21 10:16:18", &a));
    assert_true(timestamp_parse_rfc3339("2026-11-21T10:16:18Z", &b));
    assert_true(a == b);
    assert_false(timestamp_parse_utc("2026-11-21 10:16:18Z", &a));
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc3339), cmocka_unit_test(utc_assumed), cmocka_unit_test(durations),
                                       cmocka_unit_test(absent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
