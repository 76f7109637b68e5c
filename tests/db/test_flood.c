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

/* One document of `count` rows about the addresses NETWORK.i/24.host; its report. title: or NULL. */
static int64_t document_arrives(struct fixture *fixture, int64_t sender, const char *format, const char *title, const char *class_name,
                                const char *network, int first, int count)
{
    static int number;
    char address[40], document[40];
    struct err err;
    struct report_result result;
    struct report *report = report_new(format);
    report->summary = title;
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
                                       .format = format,
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

static int64_t rows_arrive(struct fixture *fixture, int64_t sender, const char *class_name, const char *network, int first, int count)
{
    return document_arrives(fixture, sender, "shadowserver", NULL, class_name, network, first, count);
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
        "SET search_path = cirt; DELETE FROM waiting_row; DELETE FROM class_setting WHERE class <> '*'; UPDATE incident_case SET join_key "
        "= NULL, "
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
    assert_case(late, "t.observations || ' ' || k.summary", "4503 Login Attempts: nobody's, from feed, more than 2,000 rows");
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

/* What another says of an address in the flood, in the same batch, has its own case. */
static void a_flood_takes_nobody_elses_rows_along(void **state)
{
    struct fixture *fixture = *state;
    int64_t first = fixture->feed < fixture->stranger ? fixture->feed : fixture->stranger;
    int64_t second = fixture->feed < fixture->stranger ? fixture->stranger : fixture->feed;
    int64_t flood = rows_arrive(fixture, first, "intrusion-attempts/brute-force", "100.68", 0, 250);
    int64_t other = rows_arrive(fixture, second, "intrusion-attempts/brute-force", "100.68", 0, 1);
    triage(fixture);
    assert_case(other, "k.join_key", "intrusion-attempts/brute-force 100.68.0.0/24");
    assert_case(flood, "k.join_key LIKE '% sender %'", "true");
}

/* Whom nobody knows may name every owner in every class in one document: few cases come of it, and none is lost. */
static void a_strangers_flood_of_owners_is_few_cases(void **state)
{
    struct fixture *fixture = *state;
    static const char *const classes[] = {"fraud/phishing", "intrusion-attempts/brute-force", "malicious-code/c2-server"};
    cluster_execute("SET search_path = cirt; INSERT INTO constituent (name) SELECT 'many-' || n FROM generate_series(0, 39) n;"
                    "INSERT INTO constituent_network (constituent_id, network) SELECT id, ('10.' || 200 + split_part(name, '-', 2)::int || "
                    "'.0.0/16')::cidr FROM"
                    " constituent WHERE name LIKE 'many-%'; INSERT INTO constituent_length VALUES (4, 16) ON CONFLICT DO NOTHING");
    for (int i = 0; i < 40; i++)
        for (size_t k = 0; k < ARRAY_SIZE(classes); k++) {
            char address[40];
            snprintf(address, sizeof address, "10.%d.0.7", 200 + i);
            arrive(fixture, &(struct letter){.class_name = classes[k],
                                             .format = "xarf",
                                             .channel = "mail",
                                             .sender = fixture->stranger,
                                             .assurance = "unknown",
                                             .sightings = {{"ipv4", "source", address}}});
            if (i == 9)
                triage(fixture);
        }
    triage(fixture);
    assert_true(cases_open() > 3 && cases_open() <= 28);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT sum(t.observations) FROM case_tally t JOIN incident_case k ON k.id = "
                                    "t.case_id AND k.state = 'new'"),
                     120);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.incident_case WHERE state = 'new' AND constituent_id IS NULL AND summary "
                                    "LIKE '%: many owners'', from who@example.org, % rows'"),
                     3);
    /* A feed's owners have a case each, and what has one is joined by anybody. */
    int64_t before = cases_open();
    int64_t theirs = triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.239.0.7"}}});
    assert_case(theirs, "(SELECT o.name FROM constituent o WHERE o.id = k.constituent_id)", "many-39");
    assert_int_equal(cases_open(), before + 1);
    assert_true(is_same_case(theirs, triaged(fixture, &(struct letter){.class_name = "fraud/phishing",
                                                                       .format = "xarf",
                                                                       .channel = "mail",
                                                                       .sender = fixture->stranger,
                                                                       .assurance = "unknown",
                                                                       .sightings = {{"ipv4", "source", "10.239.0.8"}}})));
    cluster_execute("SET search_path = cirt; DELETE FROM constituent_network WHERE constituent_id IN (SELECT id FROM constituent WHERE "
                    "name LIKE 'many-%')");
}

static int64_t document_triaged(struct fixture *fixture, int64_t sender, const char *format, const char *title, const char *network,
                                int count)
{
    int64_t id = document_arrives(fixture, sender, format, title, "malicious-code/c2-server", network, 0, count);
    triage(fixture);
    return id;
}

/* What one of us uploads, and what has a title, is one matter, as far as it is about nobody of ours. */
static void a_document_about_nobody_of_ours_is_one_case(void **state)
{
    struct fixture *fixture = *state;
    int64_t ours = document_triaged(fixture, fixture->analyst, "stix", NULL, "100.64", 11);
    assert_case(ours, "k.summary || ' ' || t.observations", "C2 Server: 11 addresses 11");
    assert_case(document_triaged(fixture, fixture->analyst, "misp", "OSINT: Campaign 0", "100.65", 11),
                "k.summary || ' ' || t.observations", "OSINT: Campaign 0 11");
    assert_case(document_triaged(fixture, fixture->feed, "misp", "OSINT: Campaign 1", "100.66", 30), "k.summary || ' ' || t.observations",
                "OSINT: Campaign 1 30");
    assert_int_equal(cases_open(), 3);
    /* More of it than triage takes at once is still one. */
    assert_case(document_triaged(fixture, fixture->analyst, "stix", "All of them", "100.67", 12000), "k.summary || ' ' || t.observations",
                "All of them 12000");
    /* Rows are rows, whoever uploads them, and so is a feed's document without a title. */
    document_triaged(fixture, fixture->analyst, "csv", NULL, "100.68", 3);
    assert_int_equal(cases_open(), 7);
    document_triaged(fixture, fixture->feed, "stix", NULL, "100.69", 3);
    assert_int_equal(cases_open(), 10);
    /* What has an open case by itself joins that; one value alone can be found by it. */
    int64_t known = document_triaged(fixture, fixture->analyst, "stix", "Some known", "100.68", 5);
    assert_case(known, "t.observations", "2 | 2 | 2 | 2");
    assert_case(known, "k.summary = 'Some known'", "false | false | false | true");
    int64_t single = document_triaged(fixture, fixture->analyst, "stix", "One", "100.70", 1);
    assert_true(is_same_case(single, document_triaged(fixture, fixture->feed, "shadowserver", NULL, "100.70", 1)));
    /* Owners' rows are their owners'. */
    assert_case(document_triaged(fixture, fixture->analyst, "stix", "Ours", "10.1", 5), "k.constituent_id IS NOT NULL", "true");
}

/* A feed's documents are as bounded as its rows, and a threshold is of rows: nothing ever joins a document. */
static void documents_are_no_flood(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("INSERT INTO cirt.class_setting (class, unowned, addresses) VALUES ('malicious-code/c2-server', 2, 50)");
    int64_t two = document_triaged(fixture, fixture->feed, "stix", "Two", "100.71", 2);
    assert_case(two, "k.summary", "Two");
    document_triaged(fixture, fixture->feed, "stix", "Three", "100.72", 3);
    assert_case(document_triaged(fixture, fixture->feed, "stix", "Sixty", "100.73", 60), "k.summary",
                "C2 Server: nobody's, from feed, 60 addresses");
    for (int i = 0; i < 4; i++) {
        char network[20];
        snprintf(network, sizeof network, "100.%d", 74 + i);
        assert_case(document_triaged(fixture, fixture->analyst, "stix", "Four", network, 4), "k.summary || ' ' || t.observations",
                    "Four 4");
    }
    assert_int_equal(cases_open(), 7);
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
    letter.tlp = TLP_AMBER_STRICT;
    letter.assurance = "unknown";
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    assert_case(first, "k.tlp || ' ' || k.assurance || ' ' || t.reports", "1 3 3");
}

/* A fresh row of a stranger beside a stale one of who may: the case that ended is not opened again. */
static void a_stale_row_lends_nobody_its_assurance(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    end_all("state = 'closed', closed = now() - interval '1 hour', resolution = 'fixed'");
    int64_t stale = arrive(fixture, &letter);
    char sql[120];
    snprintf(sql, sizeof sql, "UPDATE cirt.observation SET time = now() - interval '2 hours' WHERE report_id = %lld", (long long)stale);
    cluster_execute(sql);
    letter.assurance = "unknown";
    letter.sender = fixture->stranger;
    letter.format = "xarf";
    triaged(fixture, &letter);
    assert_case(first, "k.state", "closed");
}

/* Strangers' labels, urgency and limits count for a case only where nobody proves more: not of one that both open, nor of what waited. */
static void strangers_set_nothing_beside_others(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {
        .class_name = "fraud/phishing", .tlp = TLP_GREEN, .summary = "as agreed", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    struct letter junk = letter;
    junk.assurance = "unknown";
    junk.sender = fixture->stranger;
    junk.format = "xarf";
    junk.tlp = TLP_AMBER_STRICT;
    junk.summary = "panic";
    put_rules("rule \"panic\": summary:panic => priority:critical, severity:critical, pap:red\n", 93);
    int64_t first = arrive(fixture, &letter), other = arrive(fixture, &junk);
    char sql[120];
    snprintf(sql, sizeof sql, "UPDATE cirt.report_content SET pap = 4 WHERE report_id = %lld", (long long)other);
    cluster_execute(sql);
    triage(fixture);
    assert_true(is_same_case(first, other));
    assert_case(first, "concat_ws(' ', k.tlp, k.assurance, k.priority, coalesce(k.severity, 0), coalesce(k.pap, 0))", "1 3 2 0 0");
    /* Nor later, in one batch with a row of who may. */
    arrive(fixture, &letter);
    triaged(fixture, &junk);
    assert_case(first, "concat_ws(' ', k.tlp, k.assurance, k.priority, coalesce(k.severity, 0), coalesce(k.pap, 0), t.reports)",
                "1 3 2 0 0 4");
    cluster_execute("SET search_path = cirt; DELETE FROM rule_hits; DELETE FROM rule_set;"
                    "INSERT INTO class_setting (class, observations) VALUES ('fraud', 2)");
    letter.sightings[0][2] = junk.sightings[0][2] = "198.51.99.7";
    triaged(fixture, &junk);
    int64_t opened = triaged(fixture, &letter);
    assert_case(opened, "concat_ws(' ', k.tlp, k.assurance, t.waited)", "1 3 1");
}

/* What is RED is read by few, and others' rows are not hidden in it, whoever calls it RED, whichever comes first. */
static void red_hides_no_other_rows(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .tlp = TLP_GREEN, .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    struct letter red = letter, junk = letter;
    red.tlp = junk.tlp = TLP_RED;
    junk.assurance = "unknown";
    junk.sender = fixture->stranger;
    junk.format = "xarf";
    int64_t hidden = triaged(fixture, &junk), seen = triaged(fixture, &letter);
    assert_case(hidden, "k.tlp || ' ' || (SELECT count(*) FROM case_reader r WHERE r.case_id = k.id)", "4 2");
    assert_case(seen, "k.tlp", "1");
    /* From now on each has its own. */
    assert_true(is_same_case(hidden, triaged(fixture, &junk)));
    assert_true(is_same_case(hidden, triaged(fixture, &red)));
    assert_true(is_same_case(seen, triaged(fixture, &letter)));
    assert_case(seen, "k.tlp || ' ' || t.reports", "1 2");
    assert_case(hidden, "k.tlp || ' ' || t.reports", "4 3");
    /* In one batch, by a rule, and where few rows wait. */
    letter.sightings[0][2] = red.sightings[0][2] = "198.51.99.7";
    hidden = arrive(fixture, &red), seen = triaged(fixture, &letter);
    assert_false(is_same_case(hidden, seen));
    put_rules("rule \"quiet\": ip:198.51.98.0/24 summary:quiet => tlp:red\n", 94);
    letter.sightings[0][2] = "198.51.98.7";
    seen = triaged(fixture, &letter);
    letter.summary = "quiet";
    hidden = triaged(fixture, &letter);
    assert_case(seen, "k.tlp || ' ' || t.reports", "1 1");
    assert_case(hidden, "k.tlp || ' ' || t.reports", "4 1");
    letter.summary = NULL;
    cluster_execute("INSERT INTO cirt.class_setting (class, observations) VALUES ('fraud', 2)");
    letter.sightings[0][2] = red.sightings[0][2] = "198.51.97.7";
    triaged(fixture, &red);
    seen = triaged(fixture, &letter);
    assert_outcome(seen, "triaged below the threshold of fraud/phishing: 1 of 2 observations within 7 days");
    /* What an analyst makes RED is joined by nobody, and what ended as RED is opened again by what is RED alone. */
    triaged(fixture, &letter);
    cluster_execute("UPDATE cirt.incident_case SET tlp = 4 WHERE tlp = 1");
    int64_t next = triaged(fixture, &letter), last = triaged(fixture, &letter);
    assert_false(is_same_case(seen, last));
    assert_true(is_same_case(next, last));
    assert_case(last, "k.tlp || ' ' || t.reports", "1 2");
    end_all("state = 'closed', closed = now() - interval '1 hour', resolution = 'fixed'");
    assert_true(is_same_case(last, triaged(fixture, &letter)));
    assert_case(last, "k.state", "open");
    assert_case(seen, "k.state", "closed");
}

/* --- thresholds --- */

static void few_rows_wait_until_they_are_many(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "information-gathering/scanner", .tlp = TLP_AMBER, .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    cluster_execute("INSERT INTO cirt.class_setting (class, observations, addresses) VALUES ('information-gathering', 4, 3)");
    int64_t first = triaged(fixture, &letter);
    assert_case(first, "k.id", "");
    assert_outcome(first,
                   "triaged below the threshold of information-gathering/scanner: 1 of 4 observations and 1 of 3 addresses within 7 days");
    letter.tlp = TLP_GREEN;
    int64_t second = triaged(fixture, &letter), third = triaged(fixture, &letter), fourth = triaged(fixture, &letter);
    assert_outcome(fourth, "triaged below the threshold of information-gathering/scanner: 1 of 3 addresses within 7 days");
    letter.sightings[0][2] = "10.1.2.4";
    triaged(fixture, &letter);
    assert_int_equal(cases_open(), 0);
    assert_int_equal(cluster_number("SELECT sum(rows) FROM cirt.waiting_row"), 5);
    char *told = cluster_text("SELECT text FROM cirt.class_checks()");
    assert_string_equal(told, "5 observations of 5 reports in no case, most of information-gathering/scanner");
    free(told);
    letter.sightings[0][2] = "10.1.2.5";
    int64_t last = triaged(fixture, &letter);
    assert_int_equal(cases_open(), 1);
    assert_true(is_same_case(first, last) && is_same_case(second, third));
    assert_case(first, "k.tlp || ' ' || t.reports || ' ' || t.observations || ' ' || t.waited || ' ' || k.summary",
                "2 6 6 5 Scanning: Telecom A, 3 addresses");
    assert_outcome(first, "triaged");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.waiting_row"), 0);
    /* With a case there is nothing to wait for. */
    assert_true(is_same_case(first, triaged(fixture, &letter)));
}

/* A row that needs not wait opens the case: those that waited come along, and their label. */
static void what_waited_comes_along_with_its_label(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .tlp = TLP_AMBER_STRICT, .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    cluster_execute("INSERT INTO cirt.class_setting (class, observations) VALUES ('fraud', 5)");
    int64_t waits = triaged(fixture, &letter);
    put_rules("rule \"urgent\": ip:10.1.2.4 => priority:high\n", 9);
    letter.tlp = TLP_GREEN;
    letter.sightings[0][2] = "10.1.2.4";
    int64_t urgent = triaged(fixture, &letter);
    assert_true(is_same_case(waits, urgent));
    assert_case(urgent, "k.tlp || ' ' || t.waited", "3 1");
}

static void what_waited_too_long_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "information-gathering/scanner", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    cluster_execute("INSERT INTO cirt.class_setting (class, observations, window_days) VALUES ('information-gathering', 2, 3)");
    triaged(fixture, &letter);
    cluster_execute("UPDATE cirt.waiting_row SET since = now() - interval '3 days 1 minute'");
    int64_t second = triaged(fixture, &letter);
    assert_outcome(second, "triaged below the threshold of information-gathering/scanner: 1 of 2 observations within 3 days");
    assert_int_equal(cluster_number("SELECT done FROM cirt.clock_flood()"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.waiting_row"), 1);
    assert_case(triaged(fixture, &letter), "t.reports", "2");
}

static void some_never_wait(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("INSERT INTO cirt.class_setting (class, observations) VALUES ('fraud', 5), ('fraud/copyright', NULL);"
                    "UPDATE cirt.class_setting SET immediate = true WHERE class = 'fraud/copyright';"
                    "UPDATE cirt.class_setting SET sectors = '{energy,research}' WHERE class = '*'");
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    assert_case(triaged(fixture, &letter), "k.id", "");
    letter.sightings[0][2] = "10.1.7.3"; /* of a sector that says so */
    assert_case(triaged(fixture, &letter), "k.state", "new");
    letter.sightings[0][2] = "10.1.2.3";
    letter.class_name = "fraud/copyright";
    assert_case(triaged(fixture, &letter), "k.state", "new");
    letter.class_name = "fraud/phishing";
    letter.channel = "phone";
    letter.format = "json";
    letter.sender = fixture->analyst;
    assert_case(triaged(fixture, &letter), "k.state", "new");
    put_rules("rule \"urgent\": class:phishing => priority:high\n", 7);
    letter = (struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "203.0.113.9"}}};
    assert_case(triaged(fixture, &letter), "k.state || ' ' || k.priority", "new 2");
}

/* --- suppression --- */

static void what_is_suppressed_opens_no_case_and_is_kept(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute(
        "SET search_path = cirt; DELETE FROM suppressed_row; DELETE FROM suppression;"
        "INSERT INTO suppression (name, class, value, addr, until, reason) VALUES ('audit', 'information-gathering', "
        "'192.0.2.0/24', '192.0.2.0/24', now() + interval '1 day', 'yearly audit');"
        "INSERT INTO suppression (name, constituent_id, value, host, until, reason) SELECT 'shop', id, 'bank.example', "
        "'bank.example', now() + interval '1 day', 'known' FROM constituent WHERE name = 'bank';"
        "INSERT INTO suppression (name, class, until, reason) VALUES ('old', 'fraud', now() - interval '1 minute', 'over');"
        "INSERT INTO suppression (name, class, until, reason, ended) VALUES ('ended', 'fraud', now() + interval '1 day', 'x', now());"
        "INSERT INTO suppression (name, class, sender_id, until, reason) SELECT 'anna', 'malware', id, now() + interval '1 day', 'x' FROM "
        "sender LIMIT 1; UPDATE suppression SET approved = now();"
        "INSERT INTO suppression (name, class, until, reason) VALUES ('asked', 'fraud', now() + interval '1 day', 'no second person yet')");
    struct letter letter = {.class_name = "information-gathering/scanner", .sightings = {{"ipv4", "source", "192.0.2.7"}}};
    int64_t hidden = triaged(fixture, &letter);
    char expected[200], day[20], *text = cluster_text("SELECT to_char(now() + interval '1 day', 'YYYY-MM-DD')");
    snprintf(day, sizeof day, "%s", text);
    free(text);
    snprintf(expected, sizeof expected, "dropped suppression audit suppressed until %s: yearly audit", day);
    assert_outcome(hidden, expected);
    assert_case(hidden, "k.id", "");
    letter.class_name = "fraud/phishing";
    assert_case(triaged(fixture, &letter), "k.state", "new");
    letter = (struct letter){.class_name = "fraud/phishing", .sightings = {{"url", "source", "http://shop.bank.example/x"}}};
    assert_case(triaged(fixture, &letter), "k.id", "");
    letter.sightings[0][2] = "http://notbank.example/x";
    assert_case(triaged(fixture, &letter), "k.state", "new");
    /* A person is heard all the same. */
    assert_case(triaged(fixture, &(struct letter){.channel = "phone",
                                                  .format = "json",
                                                  .sender = fixture->analyst,
                                                  .class_name = "information-gathering/scanner",
                                                  .description = "look",
                                                  .sightings = {{"ipv4", "source", "192.0.2.7"}}}),
                "k.state", "new");
    assert_int_equal(cluster_number("SELECT rows FROM cirt.suppression WHERE name = 'audit'"), 1);
    assert_int_equal(cluster_number("SELECT sum(rows) FROM cirt.suppression"), 2);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.suppressed_row"), 2);
    /* What an analyst lets go is not suppressed again. */
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT cirt.report_release(%lld)::int", (long long)hidden);
    assert_int_equal(cluster_number(sql), 1);
    triage(fixture);
    assert_case(hidden, "k.state", "new");
}

/* Of a document only the rows that are named are suppressed. */
static void a_document_may_be_suppressed_in_part(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("SET search_path = cirt; DELETE FROM suppressed_row; DELETE FROM suppression;"
                    "INSERT INTO suppression (name, value, addr, until, reason) VALUES ('part', '10.1.7.0/24', '10.1.7.0/24', now() + "
                    "interval '1 day', 'part'); UPDATE suppression SET approved = now()");
    int64_t report = rows_triaged(fixture, "fraud/phishing", "10.1", 0, 250);
    assert_case(report, "t.observations", "249");
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.report_outcome WHERE state = 'triaged' AND reason LIKE 'suppressed until %'"), 1);
    char *numbers = cluster_text("SELECT observations::text FROM cirt.suppressed_row");
    assert_string_equal(numbers, "{[8,9)}");
    free(numbers);
    cluster_execute("DELETE FROM cirt.suppressed_row; DELETE FROM cirt.suppression");
}

/* --- statements --- */

static void the_same_again_is_counted_not_worked(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    cluster_execute("DELETE FROM cirt.statement");
    int64_t first = triaged(fixture, &letter);
    assert_case(first, "t.observations || ' ' || t.repeats", "1 0");
    triaged(fixture, &letter);
    arrive(fixture, &letter);
    triaged(fixture, &letter);
    assert_case(first, "t.observations || ' ' || t.repeats", "4 3");
    assert_int_equal(cluster_number("SELECT rows FROM cirt.statement"), 4);
    assert_int_equal(cluster_number("SELECT (last_seen > first_seen)::int FROM cirt.statement"), 1);
    /* Somebody else says so too: both are kept, there is nothing new to do. */
    letter.sender = cluster_number("SELECT (cirt.senders_of_addresses(ARRAY['other@example.org']))[1]");
    letter.format = "shadowserver";
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    assert_case(first, "t.observations || ' ' || t.repeats || ' ' || t.reports", "5 4 5");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.statement"), 2);
    letter.sightings[0][2] = "10.1.2.4";
    triaged(fixture, &letter);
    assert_case(first, "t.observations || ' ' || t.repeats", "6 4");
}

/* Many who say the same, one after the other, keep nobody who says it again from being triaged. */
static void a_crowd_says_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .format = "xarf", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    cluster_execute("DELETE FROM cirt.statement");
    for (int i = 0; i < 120; i++) {
        char sql[120];
        snprintf(sql, sizeof sql, "SELECT (cirt.senders_of_addresses(ARRAY['crowd%d@example.org']))[1]", i);
        letter.sender = cluster_number(sql);
        letter.assurance = "unknown";
        arrive(fixture, &letter);
    }
    triage(fixture);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.statement"), 120);
    for (int i = 0; i < 120; i++) {
        char sql[120];
        snprintf(sql, sizeof sql, "SELECT (cirt.senders_of_addresses(ARRAY['crowd%d@example.org']))[1]", i);
        letter.sender = cluster_number(sql);
        arrive(fixture, &letter);
    }
    triage(fixture);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.statement"), 120);
    assert_int_equal(cluster_number("SELECT sum(rows) FROM cirt.statement"), 240);
}

static void statements_are_carried_over_and_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    cluster_execute("DELETE FROM cirt.statement");
    int64_t first = triaged(fixture, &letter);
    cluster_execute("UPDATE cirt.statement SET bucket = bucket - 1, first_seen = now() - interval '40 days'");
    triaged(fixture, &letter);
    assert_case(first, "t.observations || ' ' || t.repeats", "2 1");
    assert_int_equal(cluster_number("SELECT rows FROM cirt.statement WHERE bucket = cirt.statement_bucket(now()) AND first_seen < now() - "
                                    "interval '39 days'"),
                     2);
    triaged(fixture, &letter);
    assert_int_equal(cluster_number("SELECT rows FROM cirt.statement WHERE bucket = cirt.statement_bucket(now())"), 3);
    cluster_execute("UPDATE cirt.statement SET bucket = bucket - 1");
    assert_int_equal(cluster_number("SELECT done FROM cirt.clock_flood()"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.statement"), 1);
}

/* --- ageing out --- */

static void what_is_seen_no_more_is_resolved(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    int64_t quiet = triaged(fixture, &letter);
    letter.sightings[0][2] = "10.1.7.3";
    int64_t touched = triaged(fixture, &letter);
    letter.sightings[0][2] = "203.0.113.3";
    int64_t recent = triaged(fixture, &letter);
    letter.class_name = "fraud/copyright";
    int64_t never = triaged(fixture, &letter);
    int64_t person = triaged(
        fixture,
        &(struct letter){
            .channel = "phone", .format = "json", .sender = fixture->analyst, .class_name = "fraud/phishing", .description = "help"});
    cluster_execute("SET search_path = cirt; INSERT INTO class_setting (class, age_days) VALUES ('fraud/copyright', 0);"
                    "UPDATE incident_case SET opened = now() - interval '31 days' WHERE state = 'new';"
                    "UPDATE case_tally SET last_seen = now() - interval '31 days'");
    char sql[300];
    snprintf(
        sql, sizeof sql,
        "UPDATE cirt.incident_case SET revision = 2 WHERE id IN (SELECT case_id FROM cirt.case_member WHERE report_id = %lld);"
        "UPDATE cirt.case_tally SET last_seen = now() - interval '29 days' WHERE case_id IN (SELECT case_id FROM cirt.case_member WHERE "
        "report_id = %lld)",
        (long long)touched, (long long)recent);
    cluster_execute(sql);
    assert_int_equal(cluster_number("SELECT done FROM cirt.clock_age()"), 1);
    assert_case(quiet, "concat_ws(' ', k.state, k.resolution, k.due, k.resolved IS NOT NULL)", "resolved t");
    assert_case(quiet, "(SELECT p.payload::json ->> 'text' FROM journal_payload p WHERE p.case_id = k.id ORDER BY seq DESC LIMIT 1)",
                "resolved: not seen for 30 days, and nobody has touched it");
    assert_case(touched, "k.state", "new");
    assert_case(recent, "k.state", "new");
    assert_case(never, "k.state", "new");
    assert_case(person, "k.state", "new");
    /* Seen again, it is open again. */
    letter = (struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    assert_true(is_same_case(quiet, triaged(fixture, &letter)));
    assert_case(quiet, "k.state", "open");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

/* What a feed sends without any row is kept; what a person writes, what says more than a feed always says, and an advisory is a case. */
static void a_feeds_empty_documents_open_no_case(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.format = "stix", .summary = "APT 0 at large"};
    int64_t report = triaged(fixture, &letter);
    assert_case(report, "k.id", "");
    assert_outcome(report, "triaged a document of a feed without any observation");
    letter.summary = NULL;
    letter.class_name = "malicious-code/c2-server";
    assert_case(triaged(fixture, &letter), "k.id", "");
    letter.summary = "a server of ours was taken";
    assert_case(triaged(fixture, &letter), "k.class", "malicious-code/c2-server");
    cluster_execute("UPDATE cirt.identity SET default_class = 'malicious-code/c2-server' WHERE login = 'feed'");
    assert_case(triaged(fixture, &letter), "k.id", "");
    cluster_execute("UPDATE cirt.identity SET default_class = NULL WHERE login = 'feed'");
    /* A table without rows says what it always says: its name, and the class of its kind. */
    letter = (struct letter){.format = "shadowserver", .summary = "scan_ssh of 2026-11-20", .class_name = "vulnerable/weak-crypto"};
    assert_case(triaged(fixture, &letter), "k.id", "");
    letter.format = "csv:c2-list";
    assert_case(triaged(fixture, &letter), "k.id", "");
    /* A rule may want it. */
    put_rules("rule \"all of stix\": format:stix => priority:high\n", 92);
    assert_case(triaged(fixture, &(struct letter){.format = "stix", .summary = "APT 1 at large"}), "k.priority", "2");
    cluster_execute("SET search_path = cirt; DELETE FROM rule_hits; DELETE FROM rule_set");
    assert_case(triaged(fixture, &(struct letter){.format = "mail", .channel = "mail", .description = "our format changes"}), "k.state",
                "new");
    assert_case(
        triaged(fixture, &(struct letter){.format = "stix", .channel = "mail", .sender = fixture->stranger, .assurance = "unknown"}),
        "k.state", "new");
    assert_case(triaged(fixture, &(struct letter){.format = "ndjson", .description = "come and see"}), "k.state", "new");
    assert_case(triaged(fixture, &(struct letter){.format = "ndjson"}), "k.id", "");
    assert_case(triaged(fixture, &(struct letter){.format = "json", .sender = fixture->analyst, .description = "look"}), "k.state", "new");
    report = arrive(fixture, &(struct letter){.format = "csaf", .summary = "an advisory"});
    char sql[120];
    snprintf(sql, sizeof sql, "UPDATE cirt.report_content SET case_kind = 'vulnerability' WHERE report_id = %lld", (long long)report);
    cluster_execute(sql);
    triage(fixture);
    assert_case(report, "k.kind", "vulnerability");
}

/* A document about no incident has cases of its own kind. */
static void the_kind_is_the_documents(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "vulnerable/vulnerable-system", .sightings = {{"ipv4", "source", "10.1.2.3"}}};
    int64_t incident = triaged(fixture, &letter);
    int64_t notice = arrive(fixture, &letter);
    char sql[120];
    snprintf(sql, sizeof sql, "UPDATE cirt.report_content SET case_kind = 'vulnerability' WHERE report_id = %lld", (long long)notice);
    cluster_execute(sql);
    triage(fixture);
    assert_case(incident, "k.kind", "incident");
    assert_case(notice, "k.kind || ' ' || (k.join_key LIKE '% vulnerability')", "vulnerability true");
    assert_false(is_same_case(incident, notice));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_flood_of_nobodys_addresses_is_one_case, clean_flood),
        cmocka_unit_test_setup(a_flood_takes_nobody_elses_rows_along, clean_flood),
        cmocka_unit_test_setup(a_strangers_flood_of_owners_is_few_cases, clean_flood),
        cmocka_unit_test_setup(a_document_about_nobody_of_ours_is_one_case, clean_flood),
        cmocka_unit_test_setup(documents_are_no_flood, clean_flood),
        cmocka_unit_test_setup(the_number_of_stray_cases_is_a_setting, clean_flood),
        cmocka_unit_test_setup(the_window_is_a_setting, clean_flood),
        cmocka_unit_test_setup(what_comes_back_opens_its_case_again, clean_flood),
        cmocka_unit_test_setup(what_ended_long_ago_or_as_nothing_stays_ended, clean_flood),
        cmocka_unit_test_setup(less_assurance_does_not_reopen, clean_flood),
        cmocka_unit_test_setup(late_rows_do_not_reopen, clean_flood),
        cmocka_unit_test_setup(assurance_is_kept_apart_in_a_chunk, clean_flood),
        cmocka_unit_test_setup(a_stale_row_lends_nobody_its_assurance, clean_flood),
        cmocka_unit_test_setup(strangers_set_nothing_beside_others, clean_flood),
        cmocka_unit_test_setup(red_hides_no_other_rows, clean_flood),
        cmocka_unit_test_setup(few_rows_wait_until_they_are_many, clean_flood),
        cmocka_unit_test_setup(what_waited_comes_along_with_its_label, clean_flood),
        cmocka_unit_test_setup(what_waited_too_long_does_not_count, clean_flood),
        cmocka_unit_test_setup(some_never_wait, clean_flood),
        cmocka_unit_test_setup(what_is_suppressed_opens_no_case_and_is_kept, clean_flood),
        cmocka_unit_test_setup(a_document_may_be_suppressed_in_part, clean_flood),
        cmocka_unit_test_setup(the_same_again_is_counted_not_worked, clean_flood),
        cmocka_unit_test_setup(a_crowd_says_the_same, clean_flood),
        cmocka_unit_test_setup(statements_are_carried_over_and_forgotten, clean_flood),
        cmocka_unit_test_setup(what_is_seen_no_more_is_resolved, clean_flood),
        cmocka_unit_test_setup(the_kind_is_the_documents, clean_flood),
        cmocka_unit_test_setup(a_feeds_empty_documents_open_no_case, clean_flood),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
