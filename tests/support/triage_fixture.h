/*
 * tests/support/triage_fixture.h - for the db tests of triage: reports that arrive, triage that works them, and what came of it. Each
 * program has its own cluster.
 */
#ifndef CIRT_TESTS_SUPPORT_TRIAGE_FIXTURE_H
#define CIRT_TESTS_SUPPORT_TRIAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "cirtd/stages/stages.h"
#include "crypto/digest.h"
#include "store/report_store.h"
#include "support/cluster.h"

struct fixture {
    struct db *intake;
    struct report_batch *batch;
    struct stage_run run;
    int64_t feed, analyst, stranger; /* sender ids */
};

static inline struct db *open_as(const char *role)
{
    struct err err;
    struct db_config config = {.host = cluster_host(), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = role};
    struct db *db = db_new(&config);
    if (!db_ready(db, &err))
        fail_msg("%s", err.text);
    return db;
}

static inline int setup(void **state)
{
    struct fixture *fixture = mem_calloc(1, sizeof *fixture);
    struct err err;
    cluster_execute("SET search_path = cirt;"
                    "INSERT INTO identity (login, role) VALUES ('feed', 'feed'), ('anna', 'analyst'), ('lead', 'lead'), ('admin', "
                    "'admin'), ('late', 'lead');"
                    "UPDATE identity SET enabled = false WHERE login = 'late';"
                    "INSERT INTO constituent (name, title, sector) VALUES ('tel-a', 'Telecom A', 'telecom'), ('uni', NULL, 'research'), "
                    "('bank', 'The Bank', NULL);"
                    "INSERT INTO constituent_network SELECT id, '10.1.0.0/16' FROM constituent WHERE name = 'tel-a';"
                    "INSERT INTO constituent_network SELECT id, '10.1.7.0/24' FROM constituent WHERE name = 'uni';"
                    "INSERT INTO constituent_network SELECT id, '2001:db8:aa::/48' FROM constituent WHERE name = 'uni';"
                    "INSERT INTO constituent_asn SELECT id, 64501 FROM constituent WHERE name = 'tel-a';"
                    "INSERT INTO constituent_domain SELECT id, 'bank.example' FROM constituent WHERE name = 'bank';");
    fixture->intake = open_as("intake");
    fixture->batch = report_batch_new();
    fixture->run = (struct stage_run){.db = open_as("triage"), .params = db_params_new()};
    assert_true(triage_stage.start(&fixture->run, &err));
    fixture->feed = cluster_number("SELECT s.id FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE login = 'feed'");
    fixture->analyst = cluster_number("SELECT s.id FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE login = 'anna'");
    fixture->stranger = cluster_number("SELECT (cirt.senders_of_addresses(ARRAY['who@example.org']))[1]");
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    triage_stage.stop(&fixture->run);
    db_params_free(fixture->run.params);
    db_free(fixture->run.db);
    db_free(fixture->intake);
    report_batch_free(fixture->batch);
    free(fixture);
    return 0;
}

/* No cases, rules or reports that wait, as before each test. */
static inline int clean(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute(
        "SET search_path = cirt; TRUNCATE to_triage, report_outcome, case_member, case_network, case_name, case_tag, case_text, "
        "case_alias, case_reader, rule_hits, rule_set CASCADE;"
        "UPDATE incident_case SET state = 'rejected', waiting_for = NULL, waiting_until = NULL, join_key = NULL WHERE state IN "
        "('new', 'open', 'waiting');");
    report_batch_reset(fixture->batch);
    return 0;
}

/* --- reports --- */

struct letter {
    const char *channel, *assurance, *format; /* NULL: https, pinned-key, ndjson */
    int64_t sender;
    enum tlp tlp;
    const char *class_name, *summary, *description, *reference;
    const char *sightings[4][3]; /* type, role, value: of its one observation; none: no observation */
};

static inline void add_sighting(struct report *report, struct observation *observation, const char *const sighting[3])
{
    enum observable_type type = OBSERVABLE_TEXT;
    enum sighting_role role = ROLE_OTHER;
    assert_true(observable_type_parse(sighting[0], &type) && sighting_role_parse(sighting[1], &role));
    assert_true(report_add_sighting(report, observation, type, role, sighting[2]));
}

static inline struct report *written(const struct letter *letter)
{
    struct report *report = report_new(letter->format ? letter->format : "ndjson");
    report->class_name = letter->class_name;
    report->summary = letter->summary;
    report->description = letter->description;
    report->reference = letter->reference;
    if (letter->sightings[0][0]) {
        struct observation *observation = report_add_observation(report);
        observation->class_name = letter->class_name;
        for (size_t i = 0; i < ARRAY_SIZE(letter->sightings) && letter->sightings[i][0]; i++)
            add_sighting(report, observation, letter->sightings[i]);
    }
    return report;
}

/* Stores it as a new document, waiting for triage; its number. */
static inline int64_t arrive(struct fixture *fixture, const struct letter *letter)
{
    static int count;
    char document[40];
    struct err err;
    struct report_result result;
    snprintf(document, sizeof document, "document %d", ++count);
    struct report *report = written(letter);
    struct report_envelope envelope = {.route = "triage",
                                       .sender_id = letter->sender ? letter->sender : fixture->feed,
                                       .channel = letter->channel ? letter->channel : "https",
                                       .assurance = letter->assurance ? letter->assurance : "pinned-key",
                                       .size = (int64_t)strlen(document),
                                       .state = "received",
                                       .format = report->format,
                                       .tlp = letter->tlp == TLP_CLEAR ? TLP_GREEN : letter->tlp};
    digest_sha256(document, strlen(document), envelope.sha256);
    report_batch_reset(fixture->batch);
    report_batch_add(fixture->batch, &envelope, report, document, strlen(document));
    if (!report_batch_store(fixture->intake, SQL_INTAKE_REPORTS_INSERT, fixture->batch, &result, &err))
        fail_msg("%s", err.text);
    report_free(report);
    return result.id;
}

static inline void triage(struct fixture *fixture)
{
    struct err err;
    if (!stage_work_due(&triage_stage, &fixture->run, &err))
        fail_msg("%s", err.text);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.to_triage WHERE failed IS NOT NULL"), 0);
}

static inline int64_t triaged(struct fixture *fixture, const struct letter *letter)
{
    int64_t id = arrive(fixture, letter);
    triage(fixture);
    return id;
}

/* --- looking --- */

static inline char *of_report(int64_t report, const char *expression)
{
    char sql[1000];
    snprintf(sql, sizeof sql,
             "SET search_path = cirt; SELECT string_agg((%s)::text, ' | ' ORDER BY k.id) FROM case_member m JOIN incident_case k ON k.id = "
             "m.case_id"
             " JOIN case_tally t ON t.case_id = k.id WHERE m.report_id = %lld AND m.until IS NULL",
             expression, (long long)report);
    return cluster_text(sql);
}

#define assert_case(report, expression, expected) check_case(report, expression, expected, __LINE__)
static inline void check_case(int64_t report, const char *expression, const char *expected, int line)
{
    char *found = of_report(report, expression);
    if (!str_equal(found, expected))
        fail_msg("line %d: %s of the case of r%lld is \"%s\", not \"%s\"", line, expression, (long long)report, found, expected);
    free(found);
}

static inline bool is_same_case(int64_t a, int64_t b)
{
    char *one = of_report(a, "k.id"), *other = of_report(b, "k.id");
    bool is_same = str_equal(one, other) && *one;
    free(one);
    free(other);
    return is_same;
}

static inline char *outcome_of(int64_t report)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT concat_ws(' ', state, rule, reason) FROM cirt.report_outcome WHERE report_id = %lld",
             (long long)report);
    return cluster_text(sql);
}

static inline void assert_outcome(int64_t report, const char *expected)
{
    char *found = outcome_of(report);
    assert_string_equal(found, expected);
    free(found);
}

static inline void put_rules(const char *text, int version)
{
    char sql[2000];
    snprintf(sql, sizeof sql,
             "UPDATE cirt.rule_set SET is_current = false; INSERT INTO cirt.rule_set (name, version, text) VALUES ('default', %d, "
             "$rules$%s$rules$)",
             version, text);
    cluster_execute(sql);
}

#endif
