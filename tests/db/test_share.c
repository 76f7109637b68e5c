/* From an order to the outbox: the document says what was decided and nothing else; what may not go is refused whoever asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "cirtd/config.h"
#include "codec/rid.h"
#include "support/share_order.h"

/* --- documents --- */

static char *document_of(long long share)
{
    char query[200];
    snprintf(query, sizeof query,
             "SELECT convert_from(document, 'UTF8') FROM cirt.outbox WHERE share_id = %lld AND sha256 = sha256(document)", share);
    return cluster_text(query);
}

static struct report *read_document(const char *document)
{
    struct err err;
    struct report *report = NULL;
    struct codec_hints hints = {0};
    if (!codec_decode(&rid_codec, document, strlen(document), &codec_limits_default, &hints, &report, &err))
        fail_msg("%s: %s", err.at, err.text);
    return report;
}

static const struct sighting *find_value(const struct report *report, const char *value, const struct observation **where)
{
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t j = 0; j < report->observations[i].sighting_count; j++)
            if (str_equal(report->observations[i].sightings[j].value, value)) {
                *where = &report->observations[i];
                return &report->observations[i].sightings[j];
            }
    fail_msg("%s is not in the document", value);
    return NULL;
}

static size_t count_values(const struct report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        count += report->observations[i].sighting_count;
    return count;
}

static void expect_label(const struct report *report, const char *value, enum tlp wanted)
{
    const struct observation *where;
    const struct sighting *sighting = find_value(report, value, &where);
    assert_int_equal(sighting->tlp == TLP_NONE ? report->tlp : sighting->tlp, wanted);
}

static void a_document_says_what_was_decided(void **state)
{
    UNUSED(state);
    const struct observation *where;
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 0, NULL), test.see(%lld, 5, 4, 'kit.example.net', 2, NULL),"
        " test.see(%lld, 7, 3, 'victim@bank.example', 1, NULL, true), test.see(%lld, 1, 1, '192.0.2.99', 1, NULL),"
        " test.see(%lld, 14, 5, 'a  \"strange\" <agent> & more', 3, 'YY-CERT')",
        incident, incident, incident, incident, incident);
    long long shared = number("SELECT test.make_note(%lld, E' hosting <company> told\\r\\n& waits ', 1, true)", incident);
    run("SELECT test.make_note(%lld, 'do not name the customer', 1, false)", incident);
    run("UPDATE cirt.incident_case SET pap = 2 WHERE id = %lld", incident);
    long long share =
        number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share(%lld, 'YY-CERT', 3) AS id;"
               "SELECT test.add_case(id), test.add_sighting(id, 'ipv4', 'source', '192.0.2.1', 0),"
               " test.add_sighting(id, 'domain', 'infrastructure', 'kit.example.net', 2, true),"
               " test.add_sighting(id, 'user-agent', 'other', 'a  \"strange\" <agent> & more', 3), test.add_note(id, %lld) FROM s;"
               "COMMIT; SELECT id FROM s",
               incident, shared);
    expect_state(share, "queued");
    char *document = document_of(share);
    struct report *report = read_document(document);
    assert_int_equal(count_values(report), 3);
    expect_label(report, "192.0.2.1", TLP_CLEAR);
    expect_label(report, "kit.example.net", TLP_AMBER);
    expect_label(report, "a  \"strange\" <agent> & more", TLP_AMBER_STRICT);
    assert_int_equal(report->tlp, TLP_AMBER_STRICT);
    assert_int_equal(report->pap, TLP_AMBER);
    assert_true(find_value(report, "kit.example.net", &where)->is_indicator);
    assert_int_equal(where->count, 7);
    assert_int_equal(where->source_port, 443);
    assert_string_equal(where->protocol, "tcp");
    assert_string_equal(report->reference_issuer, "XX-CERT");
    assert_true(str_starts(report->reference, "XX-CERT-2026-"));
    assert_string_equal(report->class_name, "fraud/phishing");
    assert_string_equal(report->creator_name, "XX-CERT");
    assert_string_equal(report->creator_email, "incident@xx-cert.example");
    assert_non_null(strstr(report->description, "TLP:GREEN 2026-03-02T08:30:00Z\nhosting <company> told\n& waits"));
    assert_non_null(strstr(document, "2001:db8::1")); /* the Node of the envelope, without brackets */
    static const char *const home[] = {"192.0.2.99", "victim@bank.example",   "customer", "Rita",
                                       "somebody@",  "words of the reporter", "test-lead"};
    for (size_t i = 0; i < ARRAY_SIZE(home); i++)
        if (strstr(document, home[i]))
            fail_msg("'%s' is in the document", home[i]);
    assert_int_equal(number("SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", share), 0);
    report_free(report);
    free(document);
}

/* In any format: all of the values, none under a wider label or newly an indicator, no text that was not decided. */
static void every_format_says_what_was_decided(void **state)
{
    UNUSED(state);
    static const struct {
        const char *format, *media_type;
    } cases[] = {
        {"json", "application/json"}, {"ndjson", "application/x-ndjson"}, {"iodef", "application/xml"}, {"iodef-json", "application/json"},
        {"misp", "application/json"}, {"stix", "application/stix+json"},  {"xarf", "application/json"},
    };
    static const char *const home[] = {"192.0.2.99", "customer", "Rita", "somebody@", "words of the reporter", "test-lead"};
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 0, NULL), test.see(%lld, 5, 4, 'kit.example.net', 2, NULL),"
        " test.see(%lld, 5, 3, 'victim.example.net', 1, NULL), test.see(%lld, 1, 1, '192.0.2.99', 1, NULL)",
        incident, incident, incident, incident);
    long long shared = number("SELECT test.make_note(%lld, 'hosting <company> told', 1, true)", incident);
    run("SELECT test.make_note(%lld, 'do not name the customer', 1, false)", incident);
    run("UPDATE cirt.incident_case SET pap = 4 WHERE id = %lld", incident);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err;
        struct report *report = NULL;
        const struct observation *where;
        long long share =
            number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share_as(%lld, 'YY-CERT', 2, '%s') AS id;"
                   "SELECT test.add_case(id), test.add_sighting(id, 'ipv4', 'source', '192.0.2.1', 0),"
                   " test.add_sighting(id, 'domain', 'infrastructure', 'kit.example.net', 2, true),"
                   " test.add_sighting(id, 'domain', 'victim', 'victim.example.net', 1, true), test.add_note(id, %lld) FROM s;"
                   "COMMIT; SELECT id FROM s",
                   incident, cases[i].format, shared);
        expect_state(share, "queued");
        assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld AND media_type = '%s'", share, cases[i].media_type),
                         1);
        char *document = document_of(share);
        if (!codec_decode(codec_find(cases[i].format), document, strlen(document), &codec_limits_default, NULL, &report, &err))
            fail_msg("%s: %s: %s", cases[i].format, err.at, err.text);
        assert_int_equal(count_values(report), 3);
        assert_int_equal(report->tlp, TLP_AMBER);
        if (report->pap != TLP_RED)
            fail_msg("%s does not say PAP:RED", cases[i].format);
        expect_label(report, "kit.example.net", TLP_AMBER);
        const struct sighting *address = find_value(report, "192.0.2.1", &where),
                              *victim = find_value(report, "victim.example.net", &where);
        assert_false(address->is_indicator || victim->is_indicator);
        assert_true(find_value(report, "kit.example.net", &where)->is_indicator);
        assert_true(str_starts(report->reference, "XX-CERT-2026-"));
        assert_string_equal(report->reference_issuer, "XX-CERT");
        assert_non_null(strstr(report->description, "hosting <company> told"));
        for (size_t j = 0; j < ARRAY_SIZE(home); j++)
            if (strstr(document, home[j]))
                fail_msg("'%s' is in the document as %s", home[j], cases[i].format);
        report_free(report);
        free(document);
        run("DELETE FROM cirt.outbox WHERE share_id = %lld", share);
    }
}

/* What a format cannot say was told at the order; whatever got past that is refused. */
static void what_a_format_cannot_say_does_not_go(void **state)
{
    UNUSED(state);
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 15, 5, 'lonely.exe', 1, NULL)", incident);
    long long share =
        number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share_as(%lld, 'YY-CERT', 2, 'xarf') AS id;"
               "SELECT test.add_case(id), test.add_sighting(id, 'filename', 'other', 'lonely.exe', 1) FROM s; COMMIT; SELECT id FROM s",
               incident);
    expect_state(share, "failed");
    expect_error(share, "X-ARF needs");
    share =
        number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share_as(%lld, 'YY-CERT', 2, 'rpz') AS id; SELECT test.add_case(id) FROM s;"
               "COMMIT; SELECT id FROM s",
               incident);
    expect_state(share, "failed");
    expect_error(share, "nothing is shared as");
}

static long long order_of_one(long long incident, const char *peer)
{
    return number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share(%lld, '%s', 2) AS id; SELECT test.add_case(id) FROM s; COMMIT; "
                  "SELECT id FROM s",
                  incident, peer);
}

/* What holds at the order need not hold when the document is written. */
static void an_order_is_judged_again(void **state)
{
    UNUSED(state);
    static const struct {
        const char *change, *undo, *said;
    } cases[] = {
        {"UPDATE cirt.agreement SET valid_until = now() WHERE id = 2", "UPDATE cirt.agreement SET valid_until = 'infinity' WHERE id = 2",
         "the agreement ended"},
        {"UPDATE cirt.agreement SET enabled = false WHERE id = 2", "UPDATE cirt.agreement SET enabled = true WHERE id = 2",
         "no agreement in force"},
        {"UPDATE cirt.agreement SET ceiling = 0 WHERE id = 2", "UPDATE cirt.agreement SET ceiling = 3 WHERE id = 2", "ceiling"},
        {"UPDATE cirt.agreement SET classes = '{malicious-code,fraud/copyright}' WHERE id = 2",
         "UPDATE cirt.agreement SET classes = NULL WHERE id = 2", "does not cover fraud/phishing"},
        {"UPDATE cirt.peer SET enabled = false WHERE name = 'ZZ-CERT'", "UPDATE cirt.peer SET enabled = true WHERE name = 'ZZ-CERT'",
         "disabled"},
        {"UPDATE cirt.incident_case SET tlp = 4", "UPDATE cirt.incident_case SET tlp = 1", "TLP:RED"},
        {"UPDATE cirt.peer SET rid_url = NULL WHERE name = 'ZZ-CERT'",
         "UPDATE cirt.peer SET rid_url = 'https://zz-cert.example:4590/' WHERE name = 'ZZ-CERT'", "RID address"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
        long long share =
            number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share(%lld, 'ZZ-CERT', 2) AS id; SELECT test.add_case(id) FROM s; %s;"
                   "COMMIT; SELECT id FROM s",
                   incident, cases[i].change);
        expect_state(share, "failed");
        expect_error(share, cases[i].said);
        assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld", share), 0);
        cluster_execute(cases[i].undo);
    }
}

static void a_new_order_replaces_the_old(void **state)
{
    UNUSED(state);
    cluster_execute("DELETE FROM cirt.outbox");
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)"), share = order_of_one(incident, "YY-CERT");
    expect_state(share, "queued");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.7', 1, NULL)", incident);
    run("BEGIN; UPDATE cirt.share SET version = 2, state = 'planned' WHERE id = %lld; SELECT test.add_sighting(%lld, 'ipv4', 'source', "
        "'192.0.2.7', 1); COMMIT",
        share, share);
    expect_state(share, "queued");
    assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld", share), 2);
    assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld AND version = 2 AND position('192.0.2.7' IN "
                            "convert_from(document, 'UTF8')) > 0",
                            share),
                     1);
    assert_int_equal(number("SELECT count(*) FROM cirt.push_claim() c WHERE c.share_id = %lld AND c.stop = ''", share), 1);
    run("DELETE FROM cirt.outbox WHERE share_id = %lld", share);
}

/* --- what the database itself refuses --- */

static void expect_refused(long long incident, const char *sql, const char *why)
{
    char sqlstate[6], text[1200];
    snprintf(text, sizeof text,
             "DO $do$ DECLARE s bigint := test.make_share(%lld, 'YY-CERT', 3); BEGIN %s; EXCEPTION WHEN SQLSTATE 'CI422' THEN"
             " IF position('%s' IN SQLERRM) = 0 THEN RAISE EXCEPTION 'other reason: %%', SQLERRM USING ERRCODE = 'XX001'; END IF;"
             " RAISE EXCEPTION 'as it should' USING ERRCODE = 'XX002'; END $do$",
             incident, sql, why);
    if (cluster_may("postgres", text, sqlstate) || !str_equal(sqlstate, "XX002"))
        fail_msg("%s: SQLSTATE %s, not refused as '%s'", sql, sqlstate, why);
}

static void the_database_refuses_what_may_not_go(void **state)
{
    UNUSED(state);
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 4, NULL), test.see(%lld, 1, 1, '192.0.2.2', 3, NULL), test.see(%lld, 1, 1, '192.0.2.3', "
        "3, 'YY-CERT'),"
        " test.see(%lld, 1, 1, '192.0.2.4', 2, 'ZZ-CERT'), test.see(%lld, 7, 3, 'v@bank.example', 1, NULL, true),"
        " test.see(%lld, 1, 1, '192.0.2.5', 1, 'ZZ-CERT'), test.see(%lld, 1, 1, '192.0.2.2', 3, 'YY-CERT')",
        incident, incident, incident, incident, incident, incident, incident);
    long long note = number("SELECT test.make_note(%lld, 'stays', 1, false)", incident);
    char sql[300];
    expect_refused(incident, "PERFORM test.add_sighting(s, 'ipv4', 'source', '192.0.2.1', 4)", "TLP:RED");
    expect_refused(incident, "PERFORM test.add_sighting(s, 'ipv4', 'source', '192.0.2.1', 1)", "TLP:RED");
    expect_refused(incident, "PERFORM test.add_sighting(s, 'ipv4', 'source', '192.0.2.2', 3)", "TLP:AMBER+STRICT");
    expect_refused(incident, "PERFORM test.add_sighting(s, 'ipv4', 'source', '192.0.2.3', 1)", "its label is TLP:AMBER+STRICT");
    expect_refused(incident, "PERFORM test.add_sighting(s, 'ipv4', 'source', '192.0.2.4', 2)", "TLP:AMBER of another peer");
    expect_refused(incident, "PERFORM test.add_sighting(s, 'email', 'victim', 'v@bank.example', 1)", "personal");
    expect_refused(incident, "PERFORM test.add_sighting(s, 'ipv4', 'source', '203.0.113.1', 1)", "does not have it");
    expect_refused(incident, "PERFORM test.add_item(s, 'case', 'XX-CERT-2026-999999', '{}', 1)", "does not have it");
    expect_refused(incident, "UPDATE cirt.peer SET enabled = false WHERE name = 'YY-CERT'; PERFORM test.add_case(s)", "disabled");
    expect_refused(incident,
                   "UPDATE cirt.note SET share = true; UPDATE cirt.share SET state = 'queued' WHERE id = s; PERFORM test.add_case(s)",
                   "closed");
    expect_refused(incident, "UPDATE cirt.agreement SET ceiling = 0 WHERE id = 1; PERFORM test.add_case(s)", "ceiling");
    expect_refused(incident, "UPDATE cirt.agreement SET valid_until = now() WHERE id = 1; PERFORM test.add_case(s)",
                   "no agreement in force");
    expect_refused(incident, "UPDATE cirt.agreement SET valid_from = now() + interval '1 hour' WHERE id = 1; PERFORM test.add_case(s)",
                   "no agreement in force");
    expect_refused(incident, "UPDATE cirt.agreement SET enabled = false WHERE id = 1; PERFORM test.add_case(s)", "no agreement in force");
    expect_refused(incident, "UPDATE cirt.agreement SET is_current = false WHERE id = 1; PERFORM test.add_case(s)",
                   "no agreement in force");
    expect_refused(incident, "UPDATE cirt.agreement SET classes = '{malicious-code}' WHERE id = 1; PERFORM test.add_case(s)",
                   "does not cover");
    expect_refused(incident, "UPDATE cirt.share SET version = 2, tlp = 0 WHERE id = s; PERFORM test.add_case(s)", "does not fit");
    snprintf(sql, sizeof sql, "PERFORM test.add_note(s, %lld)", note);
    expect_refused(incident, sql, "not marked");
    /* one that goes does not carry one that stays */
    expect_refused(incident,
                   "INSERT INTO cirt.share_item (share_id, version, no, kind, ref, content, sha256, tlp) SELECT s, 1, n, 'sighting', v, c, "
                   "sha256(convert_to(c, 'UTF8')), t FROM (VALUES (1, 'a', "
                   "'192.0.2.5', 1),"
                   " (2, 'b', '192.0.2.1', 1)) x(n, v, a, t), LATERAL (SELECT '{\"type\":\"ipv4\",\"role\":\"source\",\"value\":\"' || a "
                   "|| '\"}' AS c) y",
                   "TLP:RED");
    /* and these go: the peer's own AMBER+STRICT, another's GREEN */
    run("DO $do$ DECLARE s bigint := test.make_share(%lld, 'YY-CERT', 3); BEGIN PERFORM test.add_sighting(s, 'ipv4', 'source', "
        "'192.0.2.3', 3);"
        " PERFORM test.add_sighting(s, 'ipv4', 'source', '192.0.2.5', 1); UPDATE cirt.share SET state = 'withdrawn' WHERE id = s; END $do$",
        incident);
}

static void nobody_writes_items_by_hand(void **state)
{
    UNUSED(state);
    char sqlstate[6];
    for (size_t i = 0; i < role_count; i++) {
        if (!role_table[i].database)
            continue;
        assert_false(
            cluster_may(role_table[i].database, "INSERT INTO cirt.share_item VALUES (1, 1, 1, 'case', 'x', '{}', '', 0)", sqlstate));
        assert_string_equal(sqlstate, "42501");
        assert_false(cluster_may(role_table[i].database, "UPDATE cirt.outbox SET document = ''", sqlstate));
        assert_string_equal(sqlstate, "42501");
    }
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)"), share = order_of_one(incident, "YY-CERT");
    expect_state(share, "queued");
    char sql[200];
    static const char *const tries[] = {"SET ROLE cirt_owner; UPDATE cirt.share_item SET content = '{}' WHERE share_id =",
                                        "SET ROLE cirt_owner; UPDATE cirt.share SET tlp = 0 WHERE id =",
                                        "SET ROLE cirt_owner; UPDATE cirt.share SET format = 'json' WHERE id =",
                                        "SET ROLE cirt_owner; UPDATE cirt.share SET peer_id = peer_id + 1 WHERE id ="};
    for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
        snprintf(sql, sizeof sql, "%s %lld", tries[i], share);
        assert_false(cluster_may("postgres", sql, sqlstate));
        assert_string_equal(sqlstate, "CI403");
    }
    snprintf(sql, sizeof sql, "SET ROLE cirt_owner; SELECT test.add_item(%lld, 'case', 'other', '{}', 1)", share);
    cluster_execute("GRANT USAGE ON SCHEMA test TO cirt_owner; GRANT EXECUTE ON FUNCTION test.add_item TO cirt_owner");
    assert_false(cluster_may("postgres", sql, sqlstate));
    assert_string_equal(sqlstate, "CI422");
}

static void an_order_of_nothing_fails(void **state)
{
    UNUSED(state);
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    long long share = number("SELECT test.make_share(%lld, 'YY-CERT', 2)", incident);
    expect_state(share, "failed");
    expect_error(share, "nothing");
}

/* The stage sees the share it opened, and no other. */
static void the_share_role_reads_one_share(void **state)
{
    UNUSED(state);
    char sqlstate[6], sql[200];
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    long long share = order_of_one(incident, "YY-CERT");
    expect_state(share, "queued");
    assert_true(cluster_may("share", "SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM cirt.releasable_share", sqlstate));
    snprintf(sql, sizeof sql, "SET cirt.share = '%lld'; SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM cirt.releasable_item i",
             share);
    assert_true(cluster_may("share", sql, sqlstate));
    assert_false(cluster_may("share", "SELECT * FROM cirt.share_item", sqlstate));
    assert_string_equal(sqlstate, "42501");
    assert_false(cluster_may("push", "SELECT * FROM cirt.outbox", sqlstate));
    assert_string_equal(sqlstate, "42501");
}

/* --- answers --- */

static void expect_answer(int status, const char *body, const char *wanted, const char *said)
{
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)"), share = order_of_one(incident, "YY-CERT");
    expect_state(share, "queued");
    run("SELECT test.answer(%lld, %d, convert_to($body$%s$body$, 'UTF8'))", share, status, body);
    char query[120];
    snprintf(query, sizeof query, "SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", share);
    assert_true(stage_child_reaches(query, "0"));
    expect_state(share, wanted);
    expect_error(share, said);
    run("DELETE FROM cirt.outbox WHERE share_id = %lld", share);
}

static void expect_acknowledgement(enum rid_status status, enum rid_justification why, const char *about, const char *wanted,
                                   const char *said)
{
    struct err err;
    struct buf body;
    const struct rid_envelope envelope = {.node = "192.0.2.1", .incident_id = about, .incident_issuer = about ? "XX-CERT" : NULL};
    buf_init(&body, 100000);
    assert_true(rid_encode_acknowledgement(&envelope, status, why, &body, &err));
    expect_answer(200, buf_text(&body), wanted, said);
    buf_clear(&body);
}

static void answers_decide(void **state)
{
    UNUSED(state);
    expect_acknowledgement(RID_APPROVED, RID_JUSTIFICATION_NONE, NULL, "acknowledged", "");
    expect_acknowledgement(RID_DENIED, RID_AUTHENTICATION_ORIGIN, NULL, "failed", "AuthenticationOrigin");
    expect_acknowledgement(RID_PENDING, RID_JUSTIFICATION_NONE, NULL, "sent", "not decided");
    expect_acknowledgement(RID_APPROVED, RID_JUSTIFICATION_NONE, "XX-CERT-2025-000001", "sent", "another case");
    expect_answer(200, "", "acknowledged", "");
    expect_answer(202, "", "sent", "not decided");
    expect_answer(200, "<html><body>Welcome</body></html>", "sent", "cannot be read");
    expect_answer(200, "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x>&a;</x>", "sent", "cannot be read");
    assert_int_equal(number("SELECT count(*) FROM cirt.share WHERE state = 'acknowledged' AND acknowledged IS NULL"), 0);
    assert_int_equal(number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

/* --- parts --- */

static long long order_of_three(const char *format)
{
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 1, NULL), test.see(%lld, 1, 1, '192.0.2.2', 1, NULL), test.see(%lld, 1, 1, '192.0.2.3', "
        "1, "
        "NULL)",
        incident, incident, incident);
    long long share = number("SELECT test.make_open_share(%lld, 'YY-CERT', 2, '%s')", incident, format);
    assert_int_equal(number("SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", share), 0);
    add_parts(share);
    return share;
}

static void expect_part(long long share, int part, const char *value)
{
    char query[200];
    snprintf(
        query, sizeof query,
        "SELECT CASE WHEN s.part = %d AND position('%s' IN convert_from(o.document, 'UTF8')) > 0 THEN s.state END FROM cirt.share s JOIN "
        "cirt.outbox o ON o.share_id = s.id WHERE s.id = %lld",
        part, value, share);
    assert_true(stage_child_reaches(query, "queued"));
    assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld", share), 1);
    assert_int_equal(number("SELECT count(*) FROM cirt.push_claim() c WHERE c.share_id = %lld AND c.stop IS NULL", share), 1);
}

/* As push does: the answer is noted, and the row goes. */
static void answer_part(long long share, int status, const char *body)
{
    run("BEGIN; SELECT cirt.push_answered(o.id, o.attempts, %d, convert_to($body$%s$body$, 'UTF8')) FROM cirt.outbox o WHERE "
        "o.share_id = %lld; SELECT cirt.push_settle(o.id, o.attempts) FROM cirt.outbox o WHERE o.share_id = %lld; COMMIT",
        status, body, share, share);
}

/* Each is a document of its own with the case in it, the next one is written when the peer has the one before. */
static void parts_go_one_after_another(void **state)
{
    UNUSED(state);
    cluster_execute("DELETE FROM cirt.outbox");
    long long share = order_of_three("rid");
    for (int part = 1; part <= 3; part++) {
        char value[20];
        snprintf(value, sizeof value, "192.0.2.%d", part);
        expect_part(share, part, value);
        char *document = document_of(share);
        struct report *report = read_document(document);
        assert_int_equal(count_values(report), 1);
        assert_true(str_starts(report->reference, "XX-CERT-2026-"));
        assert_string_equal(report->summary, "Phishing of example bank");
        report_free(report);
        free(document);
        answer_part(share, 200, "");
    }
    expect_state(share, "acknowledged");
    assert_int_equal(number("SELECT taken FROM cirt.share WHERE id = %lld", share), 3);
    assert_int_equal(number("SELECT count(*) FROM cirt.delivery d WHERE d.share_id = %lld AND d.part IN (1, 2, 3)", share), 3);
    assert_int_equal(
        number("SELECT count(*) FROM cirt.journal_payload j WHERE position('s%lld to YY-CERT: sent, part 3 of 3' IN j.payload) > 0", share),
        1);

    /* A peer that has one and does not say that it takes it gets the next one, and what it did not say is told. */
    share = order_of_three("json");
    expect_part(share, 1, "192.0.2.1");
    answer_part(share, 202, "");
    expect_part(share, 2, "192.0.2.2");
    answer_part(share, 200, "");
    expect_part(share, 3, "192.0.2.3");
    answer_part(share, 200, "");
    expect_state(share, "sent");
    char query[100];
    snprintf(query, sizeof query, "SELECT error FROM cirt.share WHERE id = %lld", share);
    assert_true(stage_child_reaches(query, "2 of 3 parts acknowledged"));
}

/* Each document is as strict as what is in it: as STIX, values that have another label than their document take several times the room. */
static void each_part_has_its_label(void **state)
{
    UNUSED(state);
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 1, NULL), test.see(%lld, 1, 1, '192.0.2.2', 2, NULL), test.see(%lld, 1, 1, '192.0.2.3', "
        "1, "
        "NULL)",
        incident, incident, incident);
    long long share = number("SELECT test.make_open_share(%lld, 'YY-CERT', 2, 'json')", incident);
    run("SELECT test.add_case(%lld), test.add_sighting(%lld, 'ipv4', 'source', '192.0.2.1', 1), test.add_sighting(%lld, 'ipv4', 'source', "
        "'192.0.2.2', 2, false, 2), test.add_sighting(%lld, 'ipv4', 'source', '192.0.2.3', 1, false, 3);"
        "UPDATE cirt.share SET parts = 3, labels = '{1,2,1}', ordered_to = NULL WHERE id = %lld",
        share, share, share, share, share);
    static const char *const labels[] = {"\"tlp\":\"green\"", "\"tlp\":\"amber\"", "\"tlp\":\"green\""};
    for (int part = 1; part <= 3; part++) {
        char value[20];
        snprintf(value, sizeof value, "192.0.2.%d", part);
        expect_part(share, part, value);
        char *document = document_of(share);
        assert_non_null(strstr(document, labels[part - 1]));
        assert_true(part == 2 || !strstr(document, labels[1]));
        free(document);
        answer_part(share, 200, "");
    }
    expect_state(share, "acknowledged");
}

/* What may not go any more stops what is left of it; a part that is refused, too. */
static void a_part_that_stays_stops_the_rest(void **state)
{
    UNUSED(state);
    long long share = order_of_three("json");
    expect_part(share, 1, "192.0.2.1");
    run("UPDATE cirt.sighting SET tlp = 3 WHERE value = '192.0.2.3'"); /* of part 3: part 1 and 2 still go */
    answer_part(share, 200, "");
    expect_part(share, 2, "192.0.2.2");
    answer_part(share, 200, "");
    expect_state(share, "failed");
    expect_error(share, "part 3 of 3: \"ipv4 source 192.0.2.3\" stays");
    assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld", share), 0);
    run("UPDATE cirt.sighting SET tlp = 1 WHERE value = '192.0.2.3'");
    share = order_of_three("json");
    expect_part(share, 1, "192.0.2.1");
    answer_part(share, 200, "");
    expect_part(share, 2, "192.0.2.2");
    answer_part(share, 403, "{\"detail\":\"no more of this\"}");
    expect_state(share, "failed");
    char query[100];
    snprintf(query, sizeof query, "SELECT error FROM cirt.share WHERE id = %lld", share);
    assert_true(stage_child_reaches(query, "part 2 of 3: YY-CERT answered 403: no more of this"));
    assert_int_equal(number("SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", share), 0);
}

/* Nothing of a case that turned out to be nothing is an indicator, also where that turns out while the document waits. */
static void a_false_positive_marks_nothing(void **state)
{
    UNUSED(state);
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 5, 4, 'wrong.example.net', 1, 'YY-CERT'); UPDATE cirt.sighting SET is_indicator = true WHERE value = "
        "'wrong.example.net'",
        incident);
    static const char marks[] =
        "SELECT set_config('cirt.viewer', (SELECT id::text FROM cirt.identity WHERE login = 'test-lead'), false);"
        "SELECT (k.content::json ->> 'indicator')::boolean::int FROM cirt.share_candidates((SELECT name FROM cirt.incident_case WHERE id = "
        "%lld), 'YY-CERT', NULL) k WHERE k.value = 'wrong.example.net'";
    long long share =
        number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_share_as(%lld, 'YY-CERT', 1, 'json') AS id;"
               "SELECT test.add_case(id), test.add_sighting(id, 'domain', 'infrastructure', 'wrong.example.net', 1, true) FROM "
               "s; COMMIT; SELECT id FROM s",
               incident);
    expect_state(share, "queued");
    assert_int_equal(number(marks, incident), 1);
    assert_int_equal(number("SELECT count(cirt.share_stops(%lld))", share), 0);
    run("UPDATE cirt.incident_case SET state = 'closed', resolution = 'false-positive', closed = now() WHERE id = %lld", incident);
    assert_int_equal(number(marks, incident), 0);
    assert_int_equal(number("SELECT (cirt.share_stops(%lld) LIKE '%%it is no indicator any more')::int", share), 1);
    run("DELETE FROM cirt.outbox WHERE share_id = %lld", share);
}

/* What ends whoever works on it, again and again, is given up, and does not take others with it. */
static void what_kills_its_worker_is_given_up(void **state)
{
    UNUSED(state);
    long long bad = number("SELECT test.make_open_share(test.make_case('fraud/phishing', 1), 'YY-CERT', 1, 'json')");
    run("BEGIN; DELETE FROM cirt.to_share; INSERT INTO cirt.to_share (kind, share_id, version, attempts, not_before) SELECT 'order', %lld, "
        "1, "
        "8, now() - interval '1 second'; COMMIT; NOTIFY cirt_share",
        bad);
    expect_state(bad, "failed");
    expect_error(bad, "its worker ended 8 times");
    assert_int_equal(number("SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", bad), 0);
    /* One that failed before is taken alone. */
    assert_int_equal(
        number(
            "BEGIN; DELETE FROM cirt.to_share; WITH d AS (INSERT INTO cirt.delivery (share_id, version, outcome) SELECT %lld, 1, 'x' FROM "
            "generate_series(1, 3) RETURNING id) INSERT INTO cirt.to_share (kind, share_id, version, delivery_id, attempts) SELECT "
            "'answer', %lld, 1, d.id, (row_number() OVER () = 2)::int FROM d; CREATE TEMP TABLE claimed AS SELECT attempts FROM "
            "cirt.share_claim(); DELETE FROM cirt.to_share; COMMIT; SELECT sum(attempts) FROM claimed",
            bad, bad),
        2);
}

/* An order that nobody ended is none, and the clock says so. */
static void an_order_that_was_left_goes_nowhere(void **state)
{
    UNUSED(state);
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    long long share = number("BEGIN; CREATE TEMP TABLE s AS SELECT test.make_open_share(%lld, 'YY-CERT', 2, 'rid') AS id;"
                             "SELECT test.add_case(id) FROM s; COMMIT; SELECT id FROM s",
                             incident);
    assert_int_equal(number("SELECT done FROM cirt.clock_expire()"), 0);
    assert_int_equal(number("SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", share), 0);
    run("UPDATE cirt.share SET ordered = now() - interval '2 hours' WHERE id = %lld", share);
    run("SELECT * FROM cirt.clock_expire()");
    expect_state(share, "failed");
    expect_error(share, "never ordered as a whole");
    assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld", share), 0);
}

/* A refusal says why where it can; whatever it says, the share has failed. */
static void a_refusal_says_why(void **state)
{
    UNUSED(state);
    static const struct {
        const char *body, *said;
    } cases[] = {
        {"{\"status\":403,\"detail\":\"this case is not yours\"}", "YY-CERT answered 403: this case is not yours"},
        {"<html>no</html>", "YY-CERT answered 403"},
        {"{\"detail\":7}", "YY-CERT answered 403"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        long long incident = number("SELECT test.make_case('fraud/phishing', 1)"), share = order_of_one(incident, "YY-CERT");
        char query[120];
        expect_state(share, "queued");
        run("UPDATE cirt.share SET state = 'failed', error = 'YY-CERT answered 403' WHERE id = %lld;"
            "WITH d AS (INSERT INTO cirt.delivery (share_id, version, status, outcome, answer) VALUES (%lld, 1, 403, 'answered',"
            " convert_to($body$%s$body$, 'UTF8')) RETURNING id)"
            " INSERT INTO cirt.to_share (kind, share_id, version, delivery_id) SELECT 'answer', %lld, 1, d.id FROM d; NOTIFY cirt_share",
            share, share, cases[i].body, share);
        snprintf(query, sizeof query, "SELECT count(*) FROM cirt.to_share WHERE share_id = %lld", share);
        assert_true(stage_child_reaches(query, "0"));
        expect_state(share, "failed");
        snprintf(query, sizeof query, "SELECT error FROM cirt.share WHERE id = %lld", share);
        char *error = cluster_text(query);
        assert_string_equal(error, cases[i].said);
        free(error);
        run("DELETE FROM cirt.outbox WHERE share_id = %lld", share);
    }
}

static int start(void **state)
{
    return share_order_start(state, TEST_DATA "/share/fixture.sql");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_says_what_was_decided),
        cmocka_unit_test(every_format_says_what_was_decided),
        cmocka_unit_test(what_a_format_cannot_say_does_not_go),
        cmocka_unit_test(an_order_is_judged_again),
        cmocka_unit_test(a_new_order_replaces_the_old),
        cmocka_unit_test(the_database_refuses_what_may_not_go),
        cmocka_unit_test(nobody_writes_items_by_hand),
        cmocka_unit_test(the_share_role_reads_one_share),
        cmocka_unit_test(answers_decide),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(an_order_of_nothing_fails),
        cmocka_unit_test(parts_go_one_after_another),
        cmocka_unit_test(each_part_has_its_label),
        cmocka_unit_test(a_part_that_stays_stops_the_rest),
        cmocka_unit_test(a_false_positive_marks_nothing),
        cmocka_unit_test(what_kills_its_worker_is_given_up),
        cmocka_unit_test(an_order_that_was_left_goes_nowhere),
    };
    return cmocka_run_group_tests(tests, start, share_order_stop);
}
