#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "rules/repeat.h"

static void add(struct report *report, const char *address, int64_t time, int port)
{
    struct observation *observation = report_add_observation(report);
    observation->time = time;
    observation->source_port = port;
    assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, address));
}

static void the_same_statement_counts_once(void **state)
{
    UNUSED(state);
    struct report *report = report_new("json");
    struct repeat_set *set = repeat_set_new();
    add(report, "198.51.100.1", 1, 80);
    add(report, "198.51.100.1", 1, 80);
    add(report, "198.51.100.1", 2, 80);
    add(report, "198.51.100.1", 1, 81);
    add(report, "198.51.100.2", 1, 80);
    assert_int_equal(repeat_count(set, report), 1);
    /* The next batch of the same document: all were said before. */
    assert_int_equal(repeat_count(set, report), 5);
    repeat_set_free(set);
    report_free(report);
}

static void thousands_are_told_apart(void **state)
{
    UNUSED(state);
    struct report *report = report_new("json");
    struct repeat_set *set = repeat_set_new();
    for (int i = 0; i < 5000; i++) {
        char address[20];
        snprintf(address, sizeof address, "10.0.%d.%d", i / 250, i % 250 + 1);
        add(report, address, 1, i % 3);
    }
    assert_int_equal(repeat_count(set, report), 0);
    assert_int_equal(repeat_count(set, report), 5000);
    repeat_set_free(set);
    report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_statement_counts_once),
        cmocka_unit_test(thousands_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
