/* From flood to cases on a real PostgreSQL: what a class's settings make of many rows, and of few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/triage_fixture.h"

/* --- floods --- */

/* One document of `count` rows about the addresses NETWORK.i/24.host; its report. */
static int64_t rows_arrive(struct fixture *fixture, int64_t sender, const char *class_name, const char *network, int first, int count)
{
    static int number;
    char address[40], document[40];
    struct err err;
    struct report_result result;
    struct report *report = report_new("shadowserver");
    for (int i = first; i < first + count; i++) {
        snprintf(address, sizeof address, "%s.%d.%d", network, i % 250, 1 + i / 250);
        struct observation *observation = report_add_observation(report);
        observation->class_name = class_name;
        assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, address));
    }
    struct report_envelope envelope = {.route = "triage",
                                       .sender_id = sender,
                                       .channel = "https",
                                       .assurance = "pinned-key",
                                       .size = 4,
                                       .state = "received",
                                       .format = "shadowserver",
                                       .tlp = TLP_GREEN};
    snprintf(document, sizeof document, "rows %d", ++number);
    digest_sha256(document, strlen(document), envelope.sha256);
    report_batch_reset(fixture->batch);
    report_batch_add(fixture->batch, &envelope, report, document, strlen(document));
    if (!report_batch_store(fixture->intake, SQL_INTAKE_REPORTS_INSERT, fixture->batch, &result, &err))
        fail_msg("%s", err.text);
    report_free(report);
    return result.id;
}

static int64_t rows_triaged(struct fixture *fixture, const char *class_name, const char *network, int first, int count)
{
    int64_t id = rows_arrive(fixture, fixture->feed, class_name, network, first, count);
    triage(fixture);
    return id;
}

static int64_t cases_open(void)
{
    return cluster_number("SELECT count(*) FROM cirt.incident_case WHERE state IN ('new', 'open', 'waiting')");
}

static int clean_flood(void **state)
{
    cluster_execute(
        "SET search_path = cirt; DELETE FROM class_setting WHERE class <> '*'; UPDATE incident_case SET join_key = NULL, "
        "sender_id = NULL;"
        "UPDATE class_setting SET window_days = 7, observations = 1, addresses = 1, immediate = false, sectors = '{}', unowned = "
        "25, relapse_days = 14, age_days = 30, priority = NULL");
    return clean(state);
}

/* A few stray addresses have their case each; a flood of them shares one, and a key that has a case keeps it. */
static void a_flood_of_nobodys_addresses_is_one_case(void **state)
{
    struct fixture *fixture = *state;
    int64_t few = rows_triaged(fixture, "intrusion-attempts/brute-force", "100.64", 0, 25);
    assert_int_equal(cases_open(), 25);
    char *own = of_report(few, "CASE WHEN k.summary LIKE '%: ' || split_part(k.join_key, ' ', 2) || ', 100.64.%' THEN 1 END");
    assert_int_equal(strlen(own), 25 + 24 * 3);
    free(own);
    int64_t flood = rows_triaged(fixture, "intrusion-attempts/brute-force", "100.64", 0, 5000);
    assert_int_equal(cases_open(), 26);
    char *found = of_report(
        flood, "CASE WHEN k.join_key LIKE '% sender %' THEN (k.summary ~ '^Login Attempts: nobody''s, from feed, \\d{4} addresses$') "
               "|| ' ' || t.observations END");
    assert_string_equal(found, "true 4500");
    free(found);
    /* What comes after joins it, however little. */
    int64_t late = rows_triaged(fixture, "intrusion-attempts/brute-force", "100.65", 0, 3);
    assert_int_equal(cases_open(), 26);
    assert_case(late, "t.reports || ' ' || t.observations", "2 4503");
    /* Another class, another sender: their own few. */
    rows_triaged(fixture, "information-gathering/scanner", "100.66", 0, 3);
    assert_int_equal(cases_open(), 29);
    rows_arrive(fixture, fixture->stranger, "intrusion-attempts/brute-force", "100.67", 0, 3);
    triage(fixture);
    assert_int_equal(cases_open(), 32);
    /* Owners have their case whatever the flood. */
    assert_case(rows_triaged(fixture, "intrusion-attempts/brute-force", "10.1", 0, 250),
                "k.join_key LIKE '% constituent %' AND t.observations IN (1, 249)", "true | true");
}

static void the_number_of_stray_cases_is_a_setting(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("INSERT INTO cirt.class_setting (class, unowned) VALUES ('fraud', 0), ('fraud/phishing', 2)");
    rows_triaged(fixture, "fraud/masquerade", "100.64", 0, 1);
    assert_int_equal(cases_open(), 1);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.incident_case WHERE state = 'new' AND join_key LIKE 'fraud/masquerade sender %'"), 1);
    rows_triaged(fixture, "fraud/phishing", "100.64", 0, 2);
    assert_int_equal(cases_open(), 3);
    rows_triaged(fixture, "fraud/phishing", "100.65", 0, 2);
    assert_int_equal(cases_open(), 4);
    /* Rows that name nothing at all count as well. */
    for (int i = 0; i < 3; i++)
        triaged(fixture, &(struct letter){.class_name = "fraud/copyright", .description = "see there"});
    assert_int_equal(cases_open(), 5);
}

static void the_window_is_a_setting(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    cluster_execute("INSERT INTO cirt.class_setting (class, window_days, priority) VALUES ('fraud', 30, 1)");
    int64_t first = triaged(fixture, &letter);
    assert_case(first, "k.priority || ' ' || (k.due - k.opened)", "1 01:00:00");
    cluster_execute("UPDATE cirt.incident_case SET opened = now() - interval '29 days' WHERE state = 'new'");
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    cluster_execute("INSERT INTO cirt.class_setting (class, window_days) VALUES ('fraud/phishing', 28)");
    assert_false(is_same_case(first, triaged(fixture, &letter)));
}

/* --- relapse --- */

static void end_all(const char *how)
{
    char sql[300];
    snprintf(sql, sizeof sql, "UPDATE cirt.incident_case SET %s WHERE state IN ('new', 'open', 'waiting')", how);
    cluster_execute(sql);
}

static void what_comes_back_opens_its_case_again(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    end_all("state = 'closed', closed = now(), resolution = 'fixed', opened = now() - interval '20 days'");
    int64_t again = triaged(fixture, &letter);
    assert_true(is_same_case(first, again));
    assert_case(first, "concat_ws(' ', k.state, k.resolution, k.closed, k.due > now(), t.reports)", "open t 2");
    assert_case(first,
                "(SELECT p.payload::json ->> 'action' || ' ' || (p.payload::json ->> 'actor') || ' ' || (p.payload::json ->> 'text') "
                "FROM journal_payload p WHERE p.case_id = k.id ORDER BY seq DESC LIMIT 1)",
                "reopen triage opened it again, it was seen after its end: 1 observation of 1 report");
    /* From then on it is joined, old as it is. */
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    end_all("state = 'resolved', resolved = now()");
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    assert_case(first, "k.state", "open");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

static void what_ended_long_ago_or_as_nothing_stays_ended(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    static const char *const ends[] = {
        "state = 'closed', closed = now() - interval '14 days 1 minute', resolution = 'fixed'",
        "state = 'closed', closed = now(), resolution = 'false-positive'",
        "state = 'closed', closed = now(), resolution = 'not-ours'",
        "state = 'closed', closed = now(), resolution = 'duplicate'",
        "state = 'rejected', closed = now()",
    };
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        int64_t first = triaged(fixture, &letter);
        end_all(ends[i]);
        assert_false(is_same_case(first, triaged(fixture, &letter)));
        cluster_execute("UPDATE cirt.incident_case SET join_key = NULL, state = 'rejected', resolution = NULL");
    }
}

/* What proves less than what set the case does not open it again: it has a case of its own. */
static void less_assurance_does_not_reopen(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    end_all("state = 'closed', closed = now(), resolution = 'fixed'");
    letter.assurance = "certificate";
    int64_t lower = triaged(fixture, &letter);
    assert_false(is_same_case(first, lower));
    assert_case(first, "k.state", "closed");
    assert_case(lower, "k.state || ' ' || k.assurance", "new 2");
    letter.assurance = "pinned-key";
    assert_true(is_same_case(lower, triaged(fixture, &letter)));
}

/* Rows that tell of the time before the end are laid with the case and change nothing. */
static void late_rows_do_not_reopen(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    end_all("state = 'closed', closed = now() + interval '1 minute', resolution = 'fixed'");
    int64_t late = triaged(fixture, &letter);
    assert_true(is_same_case(first, late));
    assert_case(first, "k.state || ' ' || t.reports", "closed 2");
}

/* --- who may change what --- */

/* In one chunk with a row that may, a row of less assurance still may not narrow the label. */
static void assurance_is_kept_apart_in_a_chunk(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .tlp = TLP_GREEN, .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    arrive(fixture, &letter);
    letter.tlp = TLP_RED;
    letter.assurance = "unknown";
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    assert_case(first, "k.tlp || ' ' || k.assurance || ' ' || t.reports", "1 3 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_flood_of_nobodys_addresses_is_one_case, clean_flood),
        cmocka_unit_test_setup(the_number_of_stray_cases_is_a_setting, clean_flood),
        cmocka_unit_test_setup(the_window_is_a_setting, clean_flood),
        cmocka_unit_test_setup(what_comes_back_opens_its_case_again, clean_flood),
        cmocka_unit_test_setup(what_ended_long_ago_or_as_nothing_stays_ended, clean_flood),
        cmocka_unit_test_setup(less_assurance_does_not_reopen, clean_flood),
        cmocka_unit_test_setup(late_rows_do_not_reopen, clean_flood),
        cmocka_unit_test_setup(assurance_is_kept_apart_in_a_chunk, clean_flood),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
