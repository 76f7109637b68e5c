/* STIX as tools write it that do not keep to every word of the standard: what is meant is clear, so it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/stix.h"
#include "support/stix_bundle.h"

#define OBJECT                                                                                                                             \
    "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-000000000001\","                         \
    "\"created\":\"2026-03-01T00:00:00.000Z\",\"modified\":\"2026-03-01T00:00:00.000Z\",\"pattern_type\":\"stix\",\"pattern\":"
#define VALID ",\"valid_from\":\"2026-03-01T00:00:00Z\""

/* Objects as a list with nothing around it. */
static void lists_of_objects_are_read(void **state)
{
    (void)state;
    static const char text[] = "[" OBJECT "\"[ipv4-addr:value = '192.0.2.1']\"" VALID "}," OBJECT
                               "\"[ipv4-addr:value = '192.0.2.2']\"" VALID ",\"confidence\":900}]";
    assert_ptr_equal(codec_probe(text, strlen(text), &(struct codec_hints){0}), &stix_codec);
    struct report *report = stix_decoded(text);
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->rejected_total, 1);
    assert_string_equal(report->rejections[0].at, "/1/confidence");
    assert_null(report->reference);
    report_free(report);
}

/* Without valid_from an indicator is as old as its object. */
static void valid_from_may_be_missing(void **state)
{
    (void)state;
    struct report *report = stix_decoded(OBJECT "\"[ipv4-addr:value = '192.0.2.1']\"}");
    assert_int_equal(report->observation_count, 1);
    assert_string_equal(report->observations[0].time_text, "2026-03-01T00:00:00.000Z");
    report_free(report);
}

/* The name of a host where a URL belongs is that name; what is neither is told. */
static void hosts_are_no_urls(void **state)
{
    (void)state;
    struct report *report = stix_decoded(OBJECT "\"[url:value = 'Bad.example.org'] OR [url:value = 'bad.example.org/x']\"" VALID "}");
    const struct observation *observation = &report->observations[0];
    assert_int_equal(observation->sighting_count, 1);
    assert_int_equal(observation->sightings[0].type, OBSERVABLE_DOMAIN);
    assert_string_equal(observation->sightings[0].value, "bad.example.org");
    assert_int_equal(observation->sightings[0].role, ROLE_INFRASTRUCTURE);
    assert_true(observation->sightings[0].is_indicator);
    assert_int_equal(report->rejected_total, 1);
    report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_objects_are_read),
        cmocka_unit_test(valid_from_may_be_missing),
        cmocka_unit_test(hosts_are_no_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
