/* A case's document: what stood together in a report stands together again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "codec/statements.h"

struct building {
    struct report *report;
    struct statements *statements;
};

static int start(void **state)
{
    struct building *building = calloc(1, sizeof *building);
    building->report = report_new("json");
    building->statements = statements_new(building->report);
    *state = building;
    return 0;
}

static int end(void **state)
{
    struct building *building = *state;
    statements_free(building->statements);
    report_free(building->report);
    free(building);
    return 0;
}

static struct sighting value(enum observable_type type, enum sighting_role role, const char *text)
{
    return (struct sighting){.type = type, .role = role, .value = text, .tlp = TLP_GREEN, .confidence = -1, .valid_until = TIMESTAMP_NONE};
}

/* item as the API tells it, ' for ". */
static bool add(struct building *building, const char *item, const struct sighting *what, size_t count, const char *class_name)
{
    char *text = strdup(item);
    for (char *at = text; (at = strchr(at, '\'')); at++)
        *at = '"';
    json_t *read = json_loads(text, 0, NULL);
    assert_non_null(read);
    bool ok = statements_add(building->statements, read, what, count, class_name);
    json_decref(read);
    free(text);
    return ok;
}

static void add_value(struct building *building, enum sighting_role role, const char *text, const char *item)
{
    struct sighting what = value(OBSERVABLE_IPV4, role, text);
    assert_true(add(building, item, &what, 1, "ddos"));
}

static const struct observation *only_with(const struct report *report, const char *one, const char *other)
{
    const struct observation *found = NULL;
    for (size_t i = 0; i < report->observation_count; i++) {
        const struct observation *observation = &report->observations[i];
        bool has_one = false, has_other = other == NULL;
        for (size_t k = 0; k < observation->sighting_count; k++) {
            has_one |= str_equal(observation->sightings[k].value, one);
            has_other |= str_equal(observation->sightings[k].value, other);
        }
        if (has_one && has_other && (other || observation->sighting_count == 1)) {
            assert_null(found);
            found = observation;
        }
    }
    return found;
}

/* One source, two targets: who met whom, with when and how often. The same said again is the same statement. */
static void test_who_met_whom(void **state)
{
    struct building *building = *state;
    add_value(building, ROLE_SOURCE, "203.0.113.5",
              "{'statements': [{'in': '1.3', 'time': '2026-11-20T12:00:00Z', 'count': 5, 'protocol': 'tcp', 'target_port': 80},"
              " {'in': '1.2', 'time': '2026-11-20T11:00:00Z', 'count': 4, 'protocol': 'tcp', 'target_port': 443},"
              " {'in': '1.1', 'time': '2026-11-20T10:00:00Z', 'count': 3, 'protocol': 'tcp', 'target_port': 80}]}");
    add_value(building, ROLE_TARGET, "198.51.100.1",
              "{'statements': [{'in': '1.3', 'time': '2026-11-20T12:00:00Z', 'count': 5, 'protocol': 'tcp', 'target_port': 80},"
              " {'in': '1.1', 'time': '2026-11-20T10:00:00Z', 'count': 3, 'protocol': 'tcp', 'target_port': 80}]}");
    add_value(building, ROLE_TARGET, "198.51.100.2",
              "{'statements': [{'in': '1.2', 'time': '2026-11-20T11:00:00Z', 'count': 4, 'protocol': 'tcp', 'target_port': 443}]}");
    statements_finish(building->statements);
    assert_int_equal(building->report->observation_count, 2);
    const struct observation *first = only_with(building->report, "203.0.113.5", "198.51.100.1");
    const struct observation *second = only_with(building->report, "203.0.113.5", "198.51.100.2");
    char time[TIMESTAMP_TEXT_SIZE];
    timestamp_format(first->time, time);
    assert_string_equal(time, "2026-11-20T10:00:00Z");
    assert_string_equal(first->extra, "{\"last\":\"2026-11-20T12:00:00Z\"}");
    assert_int_equal(first->count, 8);
    assert_int_equal(first->target_port, 80);
    assert_string_equal(first->protocol, "tcp");
    assert_int_equal(second->count, 4);
    assert_int_equal(second->target_port, 443);
    assert_null(second->extra);
    assert_int_equal(second->sightings[0].tlp, TLP_GREEN);
}

/* At the same moment, but not together: nobody may read that one met the other. */
static void test_not_together(void **state)
{
    struct building *building = *state;
    add_value(building, ROLE_SOURCE, "203.0.113.5", "{'statements': [{'in': '1.1', 'time': '2026-11-20T10:00:00Z', 'count': 1}]}");
    add_value(building, ROLE_TARGET, "198.51.100.1", "{'statements': [{'in': '2.1', 'time': '2026-11-20T10:00:00Z', 'count': 1}]}");
    statements_finish(building->statements);
    assert_int_equal(building->report->observation_count, 2);
    assert_non_null(only_with(building->report, "203.0.113.5", NULL));
    assert_non_null(only_with(building->report, "198.51.100.1", NULL));
}

/* What was not told one by one is summed up; what nobody saw stands by itself. */
static void test_summed_up(void **state)
{
    struct building *building = *state;
    add_value(building, ROLE_SOURCE, "203.0.113.5",
              "{'statements': [{'in': '9.1', 'time': '2026-11-20T10:00:00Z', 'count': 2}],"
              " 'further': {'time': '2026-11-01T00:00:00Z', 'last': '2026-11-19T00:00:00Z', 'count': 70}}");
    add_value(building, ROLE_TARGET, "198.51.100.1", "{'statements': [{'in': '9.1', 'time': '2026-11-20T10:00:00Z', 'count': 2}]}");
    add_value(building, ROLE_OTHER, "198.51.100.9", "{'statements': null, 'further': null}");
    statements_finish(building->statements);
    assert_int_equal(building->report->observation_count, 3);
    assert_int_equal(only_with(building->report, "203.0.113.5", "198.51.100.1")->count, 2);
    const struct observation *rest = only_with(building->report, "203.0.113.5", NULL);
    assert_int_equal(rest->count, 70);
    assert_string_equal(rest->extra, "{\"last\":\"2026-11-19T00:00:00Z\"}");
    assert_int_equal(only_with(building->report, "198.51.100.9", NULL)->count, 1);
    assert_true(only_with(building->report, "198.51.100.9", NULL)->time == TIMESTAMP_NONE);
}

/* What stands beside a value goes with it, once, under the strictest label; values of different classes leave their statement without. */
static void test_beside(void **state)
{
    struct building *building = *state;
    struct sighting one[] = {value(OBSERVABLE_IPV4, ROLE_SOURCE, "203.0.113.5"), value(OBSERVABLE_ASN, ROLE_SOURCE, "64500")};
    struct sighting other[] = {value(OBSERVABLE_IPV4, ROLE_SOURCE, "203.0.113.6"), value(OBSERVABLE_ASN, ROLE_SOURCE, "64500")};
    static const char told[] = "{'statements': [{'in': '1.1', 'time': '2026-11-20T10:00:00Z', 'count': 1}]}";
    other[1].tlp = TLP_AMBER;
    assert_true(add(building, told, one, 2, "ddos"));
    assert_true(add(building, told, other, 2, "phishing"));
    statements_finish(building->statements);
    assert_int_equal(building->report->observation_count, 1);
    const struct observation *observation = building->report->observations;
    assert_int_equal(observation->sighting_count, 3);
    assert_null(observation->class_name);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(observation->sightings[i].tlp, observation->sightings[i].type == OBSERVABLE_ASN ? TLP_AMBER : TLP_GREEN);
    struct sighting none = value(OBSERVABLE_IPV4, ROLE_SOURCE, "no address");
    assert_false(add(building, told, &none, 1, "ddos"));
}

/* A value of a case has one class, its statements each their own: those of different classes are not one. */
static void test_classes(void **state)
{
    static const char told[] = "{'statements': [{'in': '1.1', 'time': '2026-11-20T10:00:00Z', 'count': 500, 'class': 'availability/ddos'},"
                               " {'in': '2.1', 'time': '2026-11-20T11:00:00Z', 'count': 1, 'class': 'information-gathering/scanner'}]}";
    struct building *building = *state;
    add_value(building, ROLE_SOURCE, "203.0.113.5", told);
    add_value(building, ROLE_TARGET, "198.51.100.1", told);
    statements_finish(building->statements);
    assert_int_equal(building->report->observation_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct observation *observation = &building->report->observations[i];
        assert_int_equal(observation->sighting_count, 2);
        assert_int_equal(observation->count, i ? 1 : 500);
        assert_string_equal(observation->class_name, i ? "information-gathering/scanner" : "availability/ddos");
    }
}

/* However often one value was seen, a document stays one that can be read: the values behind have a sum. */
static void test_too_many(void **state)
{
    enum { STATEMENTS = 60000 };
    struct building *building = *state;
    json_t *item = json_pack("{s:[]}", "statements"), *list = json_object_get(item, "statements");
    char name[32];
    for (int i = 0; i < STATEMENTS; i++) {
        snprintf(name, sizeof name, "1.%d", i);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:i, s:i}", "in", name, "time", "2026-11-20T10:00:00Z", "count", 1, "source_port", i));
    }
    struct sighting first = value(OBSERVABLE_IPV4, ROLE_SOURCE, "203.0.113.5"),
                    second = value(OBSERVABLE_IPV4, ROLE_TARGET, "198.51.100.1");
    assert_true(statements_add(building->statements, item, &first, 1, NULL));
    assert_true(statements_add(building->statements, item, &second, 1, NULL));
    json_decref(item);
    statements_finish(building->statements);
    assert_int_equal(building->report->observation_count, STATEMENTS + 1);
    assert_int_equal(only_with(building->report, "198.51.100.1", NULL)->count, STATEMENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_met_whom, start, end), cmocka_unit_test_setup_teardown(test_not_together, start, end),
        cmocka_unit_test_setup_teardown(test_summed_up, start, end),    cmocka_unit_test_setup_teardown(test_beside, start, end),
        cmocka_unit_test_setup_teardown(test_classes, start, end),      cmocka_unit_test_setup_teardown(test_too_many, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
