/* Several documents about one number: what a part is made of does not take the place of what another one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "codec/codec.h"
#include "model/report.h"

enum { ID_SIZE = 36 };

/* The identifier behind the first `mark` of the document that says one value of case 42. The caller's. */
static char *id_of(const char *format, int part, const char *mark, const char *domain)
{
    struct err err;
    struct buf out;
    struct report *report = report_new(format);
    report->part = part;
    report->reference = "XX-CERT-2026-000042";
    report->reference_issuer = "XX-CERT";
    report->summary = "Phishing of example bank";
    report->class_name = "fraud/phishing";
    report->tlp = TLP_GREEN;
    report->time = INT64_C(1772524800000000);
    struct observation *observation = report_add_observation(report);
    assert_true(report_add_sighting(report, observation, OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE, domain));
    buf_init(&out, 1024 * 1024);
    if (!codec_find(format)->encode(report, &out, &err))
        fail_msg("%s: %s", format, err.text);
    const char *found = strstr(buf_text(&out), mark);
    if (!found)
        fail_msg("no %s in %s", mark, buf_text(&out));
    char *id = strndup(found + strlen(mark), ID_SIZE);
    buf_clear(&out);
    report_free(report);
    return id;
}

static void each_part_is_an_object_of_its_own(void **state)
{
    UNUSED(state);
    static const struct {
        const char *format, *mark;
    } cases[] = {{"stix", "\"report--"}, {"misp", "\"uuid\":\""}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *whole = id_of(cases[i].format, 0, cases[i].mark, "one.example"),
             *first = id_of(cases[i].format, 1, cases[i].mark, "one.example"),
             *second = id_of(cases[i].format, 2, cases[i].mark, "two.example"),
             *third = id_of(cases[i].format, 3, cases[i].mark, "two.example");
        assert_string_equal(whole, first);
        assert_string_not_equal(first, second);
        assert_string_not_equal(second, third);
        free(whole);
        free(first);
        free(second);
        free(third);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_part_is_an_object_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
