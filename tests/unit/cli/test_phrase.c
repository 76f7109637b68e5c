/* cli/phrase: times, numbers and sizes as people say them, and days as people write them. In a zone with summer time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "cli/phrase.h"

static int64_t at(const char *text)
{
    int64_t moment;

    assert_true(timestamp_parse_rfc3339(text, &moment));
    return moment;
}

#define NOW at("2026-11-21T14:05:30+01:00")

static void due_says(const char *moment, const char *wanted)
{
    char text[PHRASE_SIZE];

    phrase_due(at(moment), NOW, text);
    assert_string_equal(text, wanted);
}

static void due_is_said_by_distance(void **state)
{
    (void)state;
    due_says("2026-11-21T13:45:00+01:00", "overdue 20m");
    due_says("2026-11-21T11:05:30+01:00", "overdue 3h");
    due_says("2026-11-18T14:05:30+01:00", "overdue 3d");
    due_says("2026-11-21T14:06:00+01:00", "in 30s");
    due_says("2026-11-21T16:01:30+01:00", "in 1h 56m");
    due_says("2026-11-21T23:59:00+01:00", "in 9h");
    due_says("2026-11-22T01:00:00+01:00", "in 10h");
    due_says("2026-11-22T12:00:00+01:00", "tomorrow");
    due_says("2026-11-24T12:00:00+01:00", "Tue");
    due_says("2026-12-24T12:00:00+01:00", "2026-12-24");
}

static void when_says(const char *moment, const char *wanted)
{
    char text[PHRASE_SIZE];

    phrase_when(at(moment), NOW, text);
    assert_string_equal(text, wanted);
}

static void when_is_said_by_the_calendar(void **state)
{
    (void)state;
    when_says("2026-11-21T00:00:00+01:00", "00:00");
    when_says("2026-11-20T23:59:59+01:00", "yesterday 23:59");
    when_says("2026-11-22T08:00:00+01:00", "tomorrow 08:00");
    when_says("2026-11-03T08:07:00+01:00", "3 Nov 08:07");
    when_says("2025-11-03T08:07:00+01:00", "2025-11-03");
    /* The day with 25 hours is one day. */
    when_says("2026-10-25T00:30:00+02:00", "25 Oct 00:30");
}

static void age_and_exact(void **state)
{
    char text[PHRASE_SIZE];

    (void)state;
    phrase_age(NOW - 10 * TIMESTAMP_SECOND, NOW, text);
    assert_string_equal(text, "10 s ago");
    phrase_age(NOW - 250 * TIMESTAMP_SECOND, NOW, text);
    assert_string_equal(text, "4 min ago");
    phrase_age(NOW - 21 * 86400 * TIMESTAMP_SECOND, NOW, text);
    assert_string_equal(text, "3 weeks ago");
    phrase_age(NOW - 103 * (int64_t)604800 * TIMESTAMP_SECOND, NOW, text);
    assert_string_equal(text, "103 weeks ago");
    phrase_age(NOW - 876 * (int64_t)604800 * TIMESTAMP_SECOND, NOW, text);
    assert_string_equal(text, "16 years ago");
    phrase_age(TIMESTAMP_NONE, NOW, text);
    assert_string_equal(text, "-");
    phrase_exact(NOW, text);
    assert_string_equal(text, "2026-11-21T14:05:30+01:00");
}

static void numbers_are_grouped(void **state)
{
    static const struct {
        int64_t number;
        const char *text;
    } rows[] = {{0, "0"}, {999, "999"}, {1204, "1,204"}, {-1204, "-1,204"}, {1000000, "1,000,000"}, {-100, "-100"}};
    char text[PHRASE_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        phrase_number(rows[i].number, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void bytes_are_rounded(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {14321, "14 kB"}, {999600, "1.0 MB"}, {INT64_C(5000000000), "5.0 GB"}};
    char text[PHRASE_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        phrase_bytes(rows[i].bytes, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void reads(const char *text, bool at_end, const char *wanted)
{
    char got[PHRASE_SIZE];
    int64_t moment;

    assert_true(phrase_read(text, NOW, at_end, &moment));
    phrase_exact(moment, got);
    assert_string_equal(got, wanted);
}

static void days_are_read_as_written(void **state)
{
    (void)state;
    reads("2h", false, "2026-11-21T16:05:30+01:00");
    reads("+1w", false, "2026-11-28T14:05:30+01:00");
    reads("18:30", false, "2026-11-21T18:30:00+01:00");
    reads("today", true, "2026-11-21T23:59:59+01:00");
    reads("tomorrow", false, "2026-11-22T00:00:00+01:00");
    reads("friday", false, "2026-11-27T00:00:00+01:00");
    reads("sat", false, "2026-11-28T00:00:00+01:00");
    reads("2027-03-31", true, "2027-03-31T23:59:59+02:00");
    reads("2027-02", true, "2027-02-28T23:59:59+01:00");
    reads("2027-02", false, "2027-02-01T00:00:00+01:00");
    reads("2027", true, "2027-12-31T23:59:59+01:00");
    reads("2026-11-25 14:05", true, "2026-11-25T14:05:00+01:00");
    reads("2026-11-25T14:05:00Z", false, "2026-11-25T15:05:00+01:00");
}

static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = {"", "soon", "2027-02-30", "2027-13", "25:00", "3", "fr", "2027-03-31x"};
    int64_t moment;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(phrase_read(bad[i], NOW, false, &moment));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_is_said_by_distance), cmocka_unit_test(when_is_said_by_the_calendar),
        cmocka_unit_test(age_and_exact),           cmocka_unit_test(numbers_are_grouped),
        cmocka_unit_test(bytes_are_rounded),       cmocka_unit_test(days_are_read_as_written),
        cmocka_unit_test(nonsense_is_refused),
    };

    /* Central European time, spelt out so that no zone database is needed. */
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
