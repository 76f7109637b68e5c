#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/str.h"
#include "rules/dedupe.h"

struct row {
    const char *class_name;
    int64_t constituent;
    struct {
        enum sighting_role role;
        const char *text;
    } sightings[3];
    const char *key;
};

static void keys(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"fraud/phishing", 12, {{ROLE_SOURCE, "198.51.100.7"}}, "fraud/phishing constituent 12"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "198.51.100.7"}}, "fraud/phishing 198.51.100.0/24"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "198.51.100.99"}}, "fraud/phishing 198.51.100.0/24"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "2001:db8:1:2::9"}}, "fraud/phishing 2001:db8:1::/48"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "198.51.0.0/16"}}, "fraud/phishing 198.51.0.0/16"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "198.51.100.128/25"}}, "fraud/phishing 198.51.100.0/24"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "http://login.bank.example/x"}}, "fraud/phishing login.bank.example"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "a@bank.example"}, {ROLE_SOURCE, "198.51.100.7"}}, "fraud/phishing 198.51.100.0/24"},
        {"fraud/phishing", 0, {{ROLE_TARGET, "203.0.113.1"}, {ROLE_SOURCE, "evil.example"}}, "fraud/phishing evil.example"},
        {"fraud/phishing", 0, {{ROLE_OTHER, "evil.example"}, {ROLE_TARGET, "203.0.113.1"}}, "fraud/phishing 203.0.113.0/24"},
        {NULL, 0, {{ROLE_SOURCE, "evil.example"}}, "other/undetermined evil.example"},
        {"fraud/phishing", 0, {{ROLE_SOURCE, "CVE-2014-0160"}}, NULL},
        {"fraud/phishing", 0, {{0, NULL}}, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct report *report = report_new("native");
        struct observation *observation = report_add_observation(report);
        for (size_t s = 0; s < 3 && rows[i].sightings[s].text; s++)
            assert_true(report_add_guessed(report, observation, rows[i].sightings[s].role, rows[i].sightings[s].text));
        const char *key = dedupe_key(report->arena, rows[i].class_name, rows[i].constituent, observation);
        if (!str_equal(key, rows[i].key))
            fail_msg("row %zu gave %s, not %s", i, key ? key : "(none)", rows[i].key ? rows[i].key : "(none)");
        report_free(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
