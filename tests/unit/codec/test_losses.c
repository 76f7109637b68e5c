/* What a format cannot say: it does not stand in the document as something else, and is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "codec/losses.h"

static const char note[] = "told\x1b the \xEF\xBF\xBE hoster, and a blank behind \t\x07";

static void add(struct report *report, struct observation *observation, enum observable_type type, const char *value)
{
    assert_true(report_add_sighting(report, observation, type, ROLE_SOURCE, value));
    observation->sightings[observation->sighting_count - 1].is_indicator = true;
}

static struct report *new_report(void)
{
    struct report *report = report_new("json");
    report->reference = "XX-CERT-2026-000042";
    report->reference_issuer = "XX-CERT";
    report->creator_email = "incident@xx-cert.example";
    report->time = 1767225600 * TIMESTAMP_SECOND;
    report->summary = " two files ";
    report->description = note;
    return report;
}

/* What a reader has of it, and what it lost; the caller's. */
static struct report *read_again(struct report *report, const char *format, struct losses *losses)
{
    struct report *again = NULL;
    struct err err = {0};
    struct buf out;
    buf_init(&out, 1024 * 1024);
    if (!losses_write(report, codec_find(format), &out, &again, &err))
        fail_msg("%s: %s", format, err.text);
    losses_count(report, again, losses);
    buf_clear(&out);
    return again;
}

static size_t values_of(const struct report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        count += report->observations[i].sighting_count;
    return count;
}

/* XML holds no control character and no U+FFFE; with U+FFFD in its place a value would be another. */
static void test_no_value_becomes_another(void **state)
{
    static const char *const formats[] = {"iodef", "iodef-json", "json", "stix", "misp"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        size_t lost = str_starts(formats[i], "iodef") ? 3 : 0;
        struct losses losses;
        struct report *report = new_report();
        struct observation *observation = report_add_observation(report);
        add(report, observation, OBSERVABLE_DOMAIN, "kit.example");
        add(report, observation, OBSERVABLE_FILENAME, "ctl\x01x.exe");
        observation = report_add_observation(report);
        add(report, observation, OBSERVABLE_USER_AGENT, "UA\x1b");
        add(report, observation, OBSERVABLE_EMAIL, "a\xEF\xBF\xBE@b.example");
        struct report *again = read_again(report, formats[i], &losses);
        assert_int_equal(losses.values, lost);
        assert_int_equal(values_of(again), 4 - lost);
        assert_int_equal(losses.notes + losses.summary, 0);
        report_free(again);
        report_free(report);
    }
}

static void test_words(void **state)
{
    struct losses losses;
    struct report *report = new_report(), *again = new_report();
    UNUSED(state);
    again->description = "told\xEF\xBF\xBD the \xEF\xBF\xBD hoster, and a blank behind";
    again->summary = "two files";
    losses_count(report, again, &losses);
    assert_int_equal(losses.notes + losses.summary, 0);
    again->description = "told the hoster";
    again->summary = NULL;
    losses_count(report, again, &losses);
    assert_int_equal(losses.notes, 1);
    assert_int_equal(losses.summary, 1);
    report_free(again);
    report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_value_becomes_another),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
