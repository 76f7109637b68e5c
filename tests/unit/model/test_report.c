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
    const struct CMUnitTest tests[] = {cmocka_unit_test(starts_absent), cmocka_unit_test(sightings),
                                       cmocka_unit_test(rejections_and_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
