#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/report.h"

static void starts_absent(void **state)
{
    UNUSED(state);
    struct report *report = report_new("native");
    assert_string_equal(report->format, "native");
    assert_int_equal(report->tlp, TLP_NONE);
    assert_true(report->time == TIMESTAMP_NONE);
    struct observation *observation = report_add_observation(report);
    assert_true(observation->time == TIMESTAMP_NONE);
    assert_int_equal(observation->count, 1);
    assert_int_equal(observation->source_port, -1);
    assert_null(observation->class_claim);
    report_free(report);
    report_free(NULL);
}

static void sightings(void **state)
{
    UNUSED(state);
    struct report *report = report_new("native");
    struct observation *observation = report_add_observation(report);
    assert_true(report_add_sighting(report, observation, OBSERVABLE_DOMAIN, ROLE_SOURCE, "Bank.Example."));
    assert_false(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "0.0.0.0"));
    assert_true(report_add_guessed(report, observation, ROLE_TARGET, "::ffff:198.51.100.7"));
    assert_false(report_add_guessed(report, observation, ROLE_TARGET, "nothing"));
    assert_int_equal(observation->sighting_count, 2);
    assert_string_equal(observation->sightings[0].value, "bank.example");
    assert_int_equal(observation->sightings[0].tlp, TLP_NONE);
    assert_int_equal(observation->sightings[1].type, OBSERVABLE_IPV4);
    assert_int_equal(observation->sightings[1].role, ROLE_TARGET);
    report_free(report);
}

static void add_url(struct report *report, struct observation *observation, enum sighting_role role, const char *url, enum tlp tlp)
{
    assert_true(report_add_sighting(report, observation, OBSERVABLE_URL, role, url));
    observation->sightings[observation->sighting_count - 1].tlp = tlp;
    observation->sightings[observation->sighting_count - 1].is_indicator = true;
}

/* A URL at an address is found, owned and joined by that address, under the URL's label. */
static void addresses_of_urls(void **state)
{
    UNUSED(state);
    struct report *report = report_new("json");
    struct observation *observation = report_add_observation(report);
    assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "198.51.100.9"));
    add_url(report, observation, ROLE_INFRASTRUCTURE, "http://198.51.100.7:81/a", TLP_GREEN);
    add_url(report, observation, ROLE_VICTIM, "http://198.51.100.7/b", TLP_GREEN);
    add_url(report, observation, ROLE_VICTIM, "http://198.51.100.7/c", TLP_RED);
    add_url(report, observation, ROLE_INFRASTRUCTURE, "http://198.51.100.9/", TLP_RED);
    add_url(report, observation, ROLE_INFRASTRUCTURE, "http://evil7.example/198.51.100.3", TLP_NONE);
    add_url(report, observation, ROLE_TARGET, "https://[2001:DB8::0:1]/", TLP_NONE);
    add_url(report, observation, ROLE_TARGET, "https://[::ffff:198.51.100.8]/", TLP_NONE);
    size_t before = observation->sighting_count;
    report_add_hosts(report);
    static const struct sighting added[] = {
        {.type = OBSERVABLE_IPV4, .role = ROLE_VICTIM, .tlp = TLP_GREEN, .value = "198.51.100.7"},
        {.type = OBSERVABLE_IPV4, .role = ROLE_VICTIM, .tlp = TLP_RED, .value = "198.51.100.7"},
        {.type = OBSERVABLE_IPV4, .role = ROLE_TARGET, .tlp = TLP_NONE, .value = "198.51.100.8"},
        {.type = OBSERVABLE_IPV6, .role = ROLE_TARGET, .tlp = TLP_NONE, .value = "2001:db8::1"},
    };
    assert_int_equal(observation->sighting_count, before + ARRAY_SIZE(added));
    for (size_t i = 0; i < ARRAY_SIZE(added); i++) {
        const struct sighting *host = &observation->sightings[before + i];
        assert_int_equal(host->type, added[i].type);
        assert_int_equal(host->role, added[i].role);
        assert_int_equal(host->tlp, added[i].tlp);
        assert_string_equal(host->value, added[i].value);
        assert_false(host->is_indicator);
    }
    report_add_hosts(report);
    assert_int_equal(observation->sighting_count, before + ARRAY_SIZE(added));
    report_free(report);
}

/* Of a URL both are kept: where it leads, and how it was written. */
static void originals(void **state)
{
    UNUSED(state);
    struct report *report = report_new("json");
    struct observation *observation = report_add_observation(report);
    assert_true(report_add_sighting(report, observation, OBSERVABLE_URL, ROLE_SOURCE, " http://0xC6.51.100.7/%7ea "));
    assert_true(report_add_guessed(report, observation, ROLE_SOURCE, "hxxp://evil[.]example/"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_URL, ROLE_SOURCE, "http://evil.example/x"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_DOMAIN, ROLE_SOURCE, "EVIL.example"));
    assert_string_equal(observation->sightings[0].value, "http://198.51.100.7/~a");
    assert_string_equal(observation->sightings[0].original, "http://0xC6.51.100.7/%7ea");
    assert_string_equal(observation->sightings[1].value, "http://evil.example/");
    assert_string_equal(observation->sightings[1].original, "hxxp://evil[.]example/");
    assert_null(observation->sightings[2].original);
    assert_null(observation->sightings[3].original);
    report_free(report);
}

static void ranges(void **state)
{
    UNUSED(state);
    struct report *report = report_new("idea");
    struct observation *observation = report_add_observation(report);
    assert_true(report_add_range(report, observation, ROLE_SOURCE, "192.0.2.3", "192.0.2.8"));
    static const char *const expected[] = {"192.0.2.3", "192.0.2.4/30", "192.0.2.8"};
    assert_int_equal(observation->sighting_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(observation->sightings[i].value, expected[i]);
    assert_int_equal(observation->sightings[0].type, OBSERVABLE_IPV4);
    assert_true(report_add_range(report, observation, ROLE_SOURCE, "198.51.100.0", "198.51.100.255"));
    assert_string_equal(observation->sightings[3].value, "198.51.100.0/24");
    assert_true(report_add_range(report, observation, ROLE_SOURCE, "255.255.255.254", "255.255.255.255"));
    assert_string_equal(observation->sightings[4].value, "255.255.255.254/31");
    assert_true(report_add_range(report, observation, ROLE_SOURCE, "2001:db8::", "2001:db8::1:ffff"));
    assert_string_equal(observation->sightings[5].value, "2001:db8::/111");
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "192.0.2.9", "192.0.2.8"));
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "192.0.2.9", "8"));
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "192.0.2.9", "256"));
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "192", "9"));
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "192.0.2.9", "2001:db8::1"));
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "192.0.2.9", "there"));
    assert_int_equal(observation->sighting_count, 6);
    assert_false(report_add_range(report, observation, ROLE_SOURCE, "0.0.0.0", "255.255.255.255"));
    /* The worst that a range can be: every length but the longest twice. */
    size_t before = observation->sighting_count;
    assert_true(report_add_range(report, observation, ROLE_SOURCE, "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"));
    assert_int_equal(observation->sighting_count - before, 254);
    assert_true(report_add_range(report, observation, ROLE_SOURCE, "::ffff:192.0.2.7", "192.0.2.7"));
    assert_int_equal(observation->sightings[observation->sighting_count - 1].type, OBSERVABLE_IPV4);
    report_free(report);
}

/* A document of many such ranges would be gigabytes. */
static void ranges_have_an_end(void **state)
{
    UNUSED(state);
    struct report *report = report_new("idea");
    size_t count = 0;
    while (count < 10000 &&
           report_add_range(report, report_add_observation(report), ROLE_SOURCE, "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"))
        count++;
    assert_in_range(count, 700, 800);
    report_drop_observations(report);
    assert_true(report_add_range(report, report_add_observation(report), ROLE_SOURCE, "192.0.2.3", "192.0.2.8"));
    report_free(report);
}

static void statements(void **state)
{
    UNUSED(state);
    struct report *report = report_new("idea");
    for (int i = 0; i < 3; i++)
        report_add_observation(report);
    for (int i = 0; i < 3; i++)
        report_add_guessed(report, &report->observations[i], ROLE_SOURCE, "192.0.2.3");
    report->observations[1].time = 1;
    report->observations[1].count = 12;
    report->observations[2].source_port = 25;
    assert_true(report_statement(&report->observations[0]) == report_statement(&report->observations[1]));
    assert_true(report_statement(&report->observations[0]) != report_statement(&report->observations[2]));
    report_free(report);
}

static void rejections_and_batches(void **state)
{
    UNUSED(state);
    struct report *report = report_new("csv");
    for (int i = 0; i < 250; i++) {
        struct observation *observation = report_add_observation(report);
        assert_true(report_add_guessed(report, observation, ROLE_SOURCE, "198.51.100.7"));
        report_reject(report, "line 7", "no time");
    }
    assert_int_equal(report->observation_count, 250);
    assert_string_equal(report->observations[249].sightings[0].value, "198.51.100.7");
    report_drop_observations(report);
    assert_int_equal(report->observation_count, 0);
    assert_int_equal(report->rejected_total, 250);
    assert_int_equal(report->rejection_count, REPORT_REJECTIONS_KEPT);
    assert_string_equal(report->rejections[99].at, "line 7");
    assert_int_equal(report_add_observation(report)->count, 1);
    assert_int_equal(report->observation_count, 1);
    report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(starts_absent),
                                       cmocka_unit_test(sightings),
                                       cmocka_unit_test(addresses_of_urls),
                                       cmocka_unit_test(originals),
                                       cmocka_unit_test(ranges),
                                       cmocka_unit_test(ranges_have_an_end),
                                       cmocka_unit_test(statements),
                                       cmocka_unit_test(rejections_and_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
