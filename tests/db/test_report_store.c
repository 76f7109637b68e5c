/* Reports into the database: what goes in comes out, the same bytes are one report, batches that overlap do not kill each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "store/report_store.h"
#include "support/cluster.h"

static struct db *open_intake(void)
{
    struct err err;
    struct db_config config = {.host = cluster_host(), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = "intake"};
    struct db *db = db_new(&config);
    if (!db_ready(db, &err))
        fail_msg("%s", err.text);
    return db;
}

static int64_t sender(const char *address)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT (cirt.senders_of_addresses(ARRAY['%s']))[1]", address);
    return cluster_number(sql);
}

static struct report_envelope envelope_of(int64_t sender_id, const char *bytes)
{
    struct report_envelope envelope = {.route = "triage",
                                       .sender_id = sender_id,
                                       .channel = "https",
                                       .assurance = "pinned-key",
                                       .size = (int64_t)strlen(bytes),
                                       .state = "received",
                                       .format = "json",
                                       .tlp = TLP_GREEN};
    digest_sha256(bytes, strlen(bytes), envelope.sha256);
    return envelope;
}

static void store(struct db *db, struct report_batch *batch, struct report_result *results)
{
    struct err err;
    if (!report_batch_store(db, SQL_INTAKE_REPORTS_INSERT, batch, results, &err))
        fail_msg("%s", err.text);
}

static void everything_comes_out_as_it_went_in(void **state)
{
    UNUSED(state);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result result;
    struct report *report = report_new("json");
    report->description = "Überfall, quoted \"so\" \\ and {so}";
    report->reporter_email = "who@example.org";
    report->creator_name = "The \"team\"";
    report->extra = "{\"more\":1}";
    report->time = INT64_C(1763719200123456);
    struct observation *observation = report_add_observation(report);
    observation->source_port = 4444;
    observation->count = 7;
    assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "198.51.100.7"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV6, ROLE_TARGET, "2001:db8::1"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_CIDR, ROLE_OTHER, "203.0.113.0/25"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_URL, ROLE_OTHER, "https://Login.Example.net/x"));
    struct report_envelope envelope = envelope_of(sender("a@one.example"), "document one");
    report_batch_add(batch, &envelope, report, "document one", 12);
    store(db, batch, &result);
    assert_false(result.is_duplicate);

    char sql[400];
    snprintf(
        sql, sizeof sql,
        "SELECT c.description || '|' || extract(epoch FROM c.time) || '|' || o.source_port || '|' || coalesce(o.target_port, -1) || '|' || "
        "o.count"
        " || '|' || p.email || '|' || c.extra || '|' || convert_from(w.bytes, 'UTF8') FROM cirt.report_content c JOIN cirt.observation o "
        "USING (report_id)"
        " JOIN cirt.report_reporter p USING (report_id) JOIN cirt.report_raw w USING (report_id) WHERE report_id = %lld",
        (long long)result.id);
    char *row = cluster_text(sql);
    assert_string_equal(row, "Überfall, quoted \"so\" \\ and {so}|1763719200.123456|4444|-1|7|who@example.org|"
                             "{\"creator\":{\"name\":\"The \\\"team\\\"\",\"email\":null},\"more\":1}|document one");
    free(row);
    snprintf(sql, sizeof sql,
             "SELECT string_agg(type || ' ' || role || ' ' || coalesce(addr::text, '-') || ' ' || coalesce(host, '-') || ' ' || tlp, ',' "
             "ORDER BY type)"
             " FROM cirt.sighting WHERE report_id = %lld",
             (long long)result.id);
    row = cluster_text(sql);
    assert_string_equal(row, "1 1 198.51.100.7/32 - 1,2 2 2001:db8::1/128 - 1,3 5 203.0.113.0/25 - 1,6 5 - login.example.net 1");
    free(row);
    report_free(report);
    report_batch_free(batch);
    db_free(db);
}

/* Handed over as TLP:AMBER+STRICT: a label inside that is wider does not make a hole in it; a stricter one stays. */
static void nothing_is_wider_than_was_asked_for(void **state)
{
    UNUSED(state);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result result;
    struct report *report = report_new("json");
    struct observation *observation = report_add_observation(report);
    static const enum tlp labels[] = {TLP_CLEAR, TLP_RED, TLP_NONE};
    static const char *const values[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, values[i]));
        observation->sightings[i].tlp = labels[i];
    }
    struct report_envelope envelope = envelope_of(sender("a@labels.example"), "labels");
    envelope.tlp = envelope.tlp_least = TLP_AMBER_STRICT;
    report_batch_add(batch, &envelope, report, "labels", 6);
    store(db, batch, &result);
    char *sql =
        mem_printf("SELECT string_agg(tlp::text, ' ' ORDER BY value) FROM cirt.sighting WHERE report_id = %lld", (long long)result.id);
    char *row = cluster_text(sql);
    assert_string_equal(row, "3 4 3");
    free(row);
    free(sql);
    report_free(report);
    report_batch_free(batch);
    db_free(db);
}

/* A victim, a mail address, and a text that has one in it. */
static void what_is_personal(void **state)
{
    UNUSED(state);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result result;
    struct report *report = report_new("json");
    struct observation *observation = report_add_observation(report);
    assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_VICTIM, "192.0.2.1"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "192.0.2.2"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_EMAIL, ROLE_SOURCE, "a@mail.example"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_TEXT, ROLE_OTHER, "Invoice for <joe.bloggs@bank.example>"));
    assert_true(report_add_sighting(report, observation, OBSERVABLE_TEXT, ROLE_OTHER, "@echo off; ping @home"));
    struct report_envelope envelope = envelope_of(sender("a@persons.example"), "persons");
    report_batch_add(batch, &envelope, report, "persons", 7);
    store(db, batch, &result);
    char *sql = mem_printf("SELECT string_agg(value, ', ' ORDER BY type) FROM cirt.sighting WHERE personal AND report_id = %lld",
                           (long long)result.id);
    char *row = cluster_text(sql);
    assert_string_equal(row, "192.0.2.1, a@mail.example, Invoice for <joe.bloggs@bank.example>");
    free(row);
    free(sql);
    report_free(report);
    report_batch_free(batch);
    db_free(db);
}

static void the_same_bytes_are_one_report(void **state)
{
    UNUSED(state);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result results[4];
    int64_t one = sender("a@two.example"), other = sender("b@two.example");
    struct report_envelope first = envelope_of(one, "same"), again = envelope_of(one, "same"), others = envelope_of(other, "same"),
                           different = envelope_of(one, "not the same");
    report_batch_add(batch, &first, NULL, "same", 4);
    report_batch_add(batch, &again, NULL, "same", 4);
    report_batch_add(batch, &others, NULL, "same", 4);
    report_batch_add(batch, &different, NULL, "not the same", 12);
    store(db, batch, results);
    assert_false(results[0].is_duplicate);
    assert_true(results[1].is_duplicate);
    assert_int_equal(results[0].id, results[1].id);
    assert_false(results[2].is_duplicate);
    assert_false(results[3].is_duplicate);

    struct report_result later[4];
    store(db, batch, later);
    for (int i = 0; i < 4; i++) {
        assert_true(later[i].is_duplicate);
        assert_int_equal(later[i].id, results[i].id);
    }
    report_batch_free(batch);
    db_free(db);
}

static void says(struct db *db, int64_t sender_id, const char *bytes, const char *name, const char *value, int64_t time)
{
    struct report_batch *batch = report_batch_new();
    struct report_result result;
    struct report *report = report_new("stix");
    if (value) {
        struct observation *observation = report_add_observation(report);
        assert_true(report_add_sighting(report, observation, OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE, value));
        observation->sightings[0].is_indicator = true;
        observation->sightings[0].indicator_id = report_indicator_id(name);
        observation->sightings[0].indicator_time = time;
    } else {
        report_withdraw(report, name, time);
    }
    struct report_envelope envelope = envelope_of(sender_id, bytes);
    report_batch_add(batch, &envelope, report, bytes, strlen(bytes));
    store(db, batch, &result);
    report_free(report);
    report_batch_free(batch);
}

/* What a sender says of an indicator, in the order in which it comes: a value, or NULL, and when that was changed. Then the values that
 * hold. */
static void what_was_changed_last_holds(void **state)
{
    UNUSED(state);
    enum { EARLIER = 100, LATER = 200, BEHIND = 300, NOT_SAID = 0 };
    static const struct {
        struct {
            const char *value;
            int time;
        } said[3];
        int count;
        const char *hold;
    } rows[] = {
        {{{"a.example", EARLIER}, {NULL, LATER}, {"a.example", EARLIER}}, 3, "-"}, /* revoked; an old version comes again */
        {{{NULL, LATER}, {"b.example", EARLIER}}, 2, "-"},                         /* the old version comes behind */
        {{{NULL, LATER}, {"c.example", LATER}}, 2, "c.example"},                   /* as old as its end: what came last */
        {{{"k.example", LATER}, {NULL, LATER}}, 2, "-"},
        {{{NULL, EARLIER}, {"d.example", LATER}}, 2, "d.example"}, /* marked again */
        {{{"e1.example", EARLIER}, {"e2.example", LATER}, {"e1.example", EARLIER}}, 3, "e2.example"},
        {{{"f.example", LATER}, {NULL, EARLIER}}, 2, "f.example"},         /* the end of an older version */
        {{{"g1.example", LATER}, {"g2.example", LATER}}, 2, "g2.example"}, /* of equals what came last */
        {{{"h1.example", LATER}, {"h2.example", NOT_SAID}}, 2, "h2.example"},
        {{{"i1.example", NOT_SAID}, {"i2.example", EARLIER}, {"i3.example", BEHIND}}, 3, "i3.example"},
    };
    struct db *db = open_intake();
    int64_t feed = sender("a@order.example");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char name[20], bytes[40], sql[200];
        snprintf(name, sizeof name, "indicator--%zu", i);
        for (int k = 0; k < rows[i].count; k++) {
            snprintf(bytes, sizeof bytes, "order %zu %d", i, k);
            says(db, feed, bytes, name, rows[i].said[k].value,
                 rows[i].said[k].time ? rows[i].said[k].time * TIMESTAMP_SECOND : TIMESTAMP_NONE);
        }
        snprintf(
            sql, sizeof sql,
            "SELECT coalesce(string_agg(DISTINCT value, ' '), '-') FROM cirt.sighting WHERE indicator_id = %lld AND valid_until IS NULL",
            (long long)report_indicator_id(name));
        char *row = cluster_text(sql);
        assert_string_equal(row, rows[i].hold);
        free(row);
    }
    /* A time that is still to come is when it came: what he says then is newer. */
    says(db, feed, "ahead 1", "ahead", "ahead1.example", INT64_C(7000000000) * TIMESTAMP_SECOND);
    says(db, feed, "ahead 2", "ahead", "ahead2.example", timestamp_now());
    char *row = cluster_text("SELECT string_agg(DISTINCT value, ' ') FROM cirt.sighting WHERE value LIKE 'ahead%' AND valid_until IS NULL");
    assert_string_equal(row, "ahead2.example");
    free(row);
    db_free(db);
}

/* Older than 30 days: a new report. In the bucket of another week, but younger: the old one. */
static void thirty_days_are_remembered(void **state)
{
    UNUSED(state);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result first, second;
    struct report_envelope envelope = envelope_of(sender("a@three.example"), "weekly");
    report_batch_add(batch, &envelope, NULL, "weekly", 6);
    store(db, batch, &first);
    cluster_execute("UPDATE cirt.report_digest SET week = week - 4, received = received - interval '28 days' WHERE sender_id ="
                    " (cirt.senders_of_addresses(ARRAY['a@three.example']))[1]");
    store(db, batch, &second);
    assert_true(second.is_duplicate);
    assert_int_equal(first.id, second.id);
    cluster_execute("UPDATE cirt.report_digest SET week = week - 1, received = received - interval '7 days' WHERE sender_id ="
                    " (cirt.senders_of_addresses(ARRAY['a@three.example']))[1]");
    store(db, batch, &second);
    assert_false(second.is_duplicate);
    report_batch_free(batch);
    db_free(db);
}

enum { OVERLAP_REPORTS = 300, OVERLAP_ROUNDS = 5, OVERLAP_PROCESSES = 4 };

/* Each process sends the same reports in another order, and some of its own. */
static void send_overlapping(int process, int64_t sender_id)
{
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result results[OVERLAP_REPORTS + 10];
    for (int round = 0; round < OVERLAP_ROUNDS; round++) {
        struct err err;
        report_batch_reset(batch);
        for (int i = 0; i < OVERLAP_REPORTS; i++) {
            char text[60];
            snprintf(text, sizeof text, "shared %d of round %d", (i * 7 + process * 101) % OVERLAP_REPORTS, round);
            struct report_envelope envelope = envelope_of(sender_id, text);
            report_batch_add(batch, &envelope, NULL, text, strlen(text));
        }
        for (int i = 0; i < 10; i++) {
            char text[60];
            snprintf(text, sizeof text, "own %d of process %d round %d", i, process, round);
            struct report_envelope envelope = envelope_of(sender_id, text);
            report_batch_add(batch, &envelope, NULL, text, strlen(text));
        }
        if (!report_batch_store(db, SQL_INTAKE_REPORTS_INSERT, batch, results, &err)) {
            fprintf(stderr, "process %d: %s\n", process, err.text);
            _exit(1);
        }
    }
    _exit(0);
}

static void overlapping_batches_lose_and_double_nothing(void **state)
{
    UNUSED(state);
    int64_t sender_id = sender("a@four.example");
    for (int i = 0; i < OVERLAP_PROCESSES; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            send_overlapping(i, sender_id);
    }
    for (int i = 0; i < OVERLAP_PROCESSES; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    long long expected = OVERLAP_ROUNDS * (OVERLAP_REPORTS + OVERLAP_PROCESSES * 10);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.report WHERE sender_id = (cirt.senders_of_addresses(ARRAY['a@four.example']))[1]"),
        expected);
    assert_int_equal(
        cluster_number(
            "SELECT count(DISTINCT sha256) FROM cirt.report WHERE sender_id = (cirt.senders_of_addresses(ARRAY['a@four.example']))[1]"),
        expected);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.report r JOIN cirt.to_triage t ON t.reports @> r.id"
                                    " WHERE sender_id = (cirt.senders_of_addresses(ARRAY['a@four.example']))[1]"),
                     expected);
}

/* The first of two, on the other side of the end of a week: its transaction is open for as long as the second needs to meet it. */
static pid_t store_slowly(int64_t sender_id, const char *bytes)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct err err;
    struct report_result result;
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_envelope envelope = envelope_of(sender_id, bytes);
    report_batch_add(batch, &envelope, NULL, bytes, strlen(bytes));
    bool ok = db_begin(db, &err) && report_batch_store(db, SQL_INTAKE_REPORTS_INSERT, batch, &result, &err);
    usleep(2000 * 1000);
    _exit(ok && db_commit(db, &err) ? 0 : 1);
}

static void the_end_of_a_week_doubles_nothing(void **state)
{
    UNUSED(state);
    static const char week[] =
        "CREATE OR REPLACE FUNCTION cirt.report_week(p_received timestamptz) RETURNS int LANGUAGE sql STABLE PARALLEL SAFE AS $$ ";
    struct report_result result;
    int status = -1;
    int64_t sender_id = sender("a@week.example");
    char *was = cluster_text("SELECT prosrc FROM pg_proc WHERE proname = 'report_week'"),
         *end = cluster_text("SELECT (now() + interval '1 second')::text"),
         *sql = mem_printf("%sSELECT CASE WHEN p_received < '%s' THEN 5000 ELSE 5001 END $$", week, end);
    cluster_execute(sql);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_envelope envelope = envelope_of(sender_id, "at midnight");
    report_batch_add(batch, &envelope, NULL, "at midnight", 11);
    pid_t first = store_slowly(sender_id, "at midnight");
    usleep(1500 * 1000);
    store(db, batch, &result);
    assert_true(waitpid(first, &status, 0) == first && status == 0);
    assert_true(result.is_duplicate);
    assert_int_equal(cluster_number("SELECT count(DISTINCT week) FROM cirt.report_digest WHERE sender_id = "
                                    "(cirt.senders_of_addresses(ARRAY['a@week.example']))[1]"),
                     1);
    free(sql);
    sql = mem_printf("%s%s $$", week, was);
    cluster_execute(sql);
    free(sql);
    free(was);
    free(end);
    report_batch_free(batch);
    db_free(db);
}

static void large_documents_come_in_chunks(void **state)
{
    UNUSED(state);
    struct db *db = open_intake();
    struct report_batch *batch = report_batch_new();
    struct report_result result;
    size_t size = 2 * REPORT_RAW_CHUNK + 17;
    char *bytes = mem_calloc(size + 1, 1);
    memset(bytes, 'x', size);
    struct report_envelope envelope = envelope_of(sender("a@five.example"), bytes);
    report_batch_add(batch, &envelope, NULL, bytes, size);
    store(db, batch, &result);
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) * 10000000 + sum(length(bytes)) FROM cirt.report_raw WHERE report_id = %lld",
             (long long)result.id);
    assert_int_equal(cluster_number(sql), 3 * 10000000LL + (long long)size);
    free(bytes);
    report_batch_free(batch);
    db_free(db);
}

/* Mails of one call: each its sender, recipients and bytes; the same twice is one; a large one comes in chunks; an empty one is kept. */
static void mails_come_together(void **state)
{
    UNUSED(state);
    char *told =
        cluster_text("SELECT string_agg(ord || ' ' || is_duplicate || ' ' || dense, ', ' ORDER BY ord) FROM (SELECT *, dense_rank() OVER "
                     "(ORDER BY report_id)"
                     " AS dense FROM cirt.mails_insert(ARRAY['B@mail.example', 'a@mail.example', 'b@MAIL.example', '', 'a@mail.example'],"
                     " ARRAY['i@us.example', 'case+1@us.example', 'case+2@us.example', 'i@us.example', 'i@us.example', 'j@us.example'], "
                     "ARRAY[1, 2, 1, 1, 1],"
                     " ARRAY['one', convert_to(repeat('x', 2500000), 'UTF8'), 'one', '', 'two']::bytea[])) x");
    assert_string_equal(told, "1 false 1, 2 false 2, 3 true 1, 4 false 3, 5 false 4");
    free(told);
    told = cluster_text("SELECT string_agg(concat_ws(' ', s.address, m.mail_from, r.size, array_to_string(m.recipients, '+'), (SELECT "
                        "string_agg(length(w.bytes)::text, '+'"
                        " ORDER BY w.no) FROM cirt.report_raw w WHERE w.report_id = r.id), (SELECT count(*) FROM cirt.inbox i WHERE "
                        "i.report_id = r.id)), ', ' ORDER BY r.id)"
                        " FROM cirt.report r JOIN cirt.sender s ON s.id = r.sender_id JOIN cirt.report_mail m ON m.report_id = r.id WHERE "
                        "r.channel = 'mail'");
    assert_string_equal(
        told, "b@mail.example B@mail.example 3 i@us.example 3 1, a@mail.example a@mail.example 2500000 case+1@us.example+case+2@us.example "
              "1048576+1048576+402848 1, <>  0 i@us.example 0 1, a@mail.example a@mail.example 3 j@us.example 3 1");
    free(told);
}

static void a_database_that_is_away_is_again(void **state)
{
    UNUSED(state);
    struct err err;
    struct db_config config = {.host = "/nonexistent", .port = "1", .name = "x", .role = "intake"};
    struct db *db = db_new(&config);
    assert_false(db_ready(db, &err));
    assert_int_equal(err.code, ERR_AGAIN);
    assert_false(db_is_connected(db));
    db_free(db);
}

/* A piece of a report that does not exist in the table's eyes: bytes NULL. */
static void send_faulty(struct db *db, struct db_params *params)
{
    struct err err;
    db_params_reset(params);
    db_int8(params, 1);
    db_int4(params, 0);
    db_null(params);
    assert_true(db_send(db, SQL_INTAKE_REPORT_RAW_ADD, params, &err));
}

/* What was sent without waiting fails with the next call, whichever that is, and never commits. */
static void what_was_sent_is_told_of_next(void **state)
{
    UNUSED(state);
    struct err err;
    struct db *db = open_intake();
    struct db_params *params = db_params_new();
    struct db_rows *rows = NULL;
    int64_t before = cluster_number("SELECT count(*) FROM cirt.report_raw");
    assert_true(db_begin(db, &err));
    send_faulty(db, params);
    assert_false(db_run(db, SQL_INTAKE_REPORT_BEGIN, NULL, &rows, &err));
    assert_non_null(strstr(err.text, "report_raw_add"));
    db_rollback(db);
    assert_true(db_begin(db, &err));
    send_faulty(db, params);
    assert_false(db_commit(db, &err));
    db_rollback(db);
    assert_true(db_begin(db, &err));
    send_faulty(db, params);
    db_rollback(db);
    assert_false(db_in_transaction(db));

    assert_true(db_begin(db, &err));
    for (int no = 0; no < 3; no++) {
        db_params_reset(params);
        db_int8(params, 1);
        db_int4(params, no);
        db_bytes(params, "abc", 3);
        assert_true(db_send(db, SQL_INTAKE_REPORT_RAW_ADD, params, &err));
    }
    assert_true(db_commit(db, &err));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.report_raw"), before + 3);
    cluster_execute("DELETE FROM cirt.report_raw WHERE report_id = 1");
    db_params_free(params);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_out_as_it_went_in),
        cmocka_unit_test(the_same_bytes_are_one_report),
        cmocka_unit_test(nothing_is_wider_than_was_asked_for),
        cmocka_unit_test(what_is_personal),
        cmocka_unit_test(what_was_changed_last_holds),
        cmocka_unit_test(thirty_days_are_remembered),
        cmocka_unit_test(overlapping_batches_lose_and_double_nothing),
        cmocka_unit_test(the_end_of_a_week_doubles_nothing),
        cmocka_unit_test(large_documents_come_in_chunks),
        cmocka_unit_test(what_was_sent_is_told_of_next),
        cmocka_unit_test(mails_come_together),
        cmocka_unit_test(a_database_that_is_away_is_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
