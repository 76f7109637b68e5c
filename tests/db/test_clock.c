/* The clock on a real PostgreSQL: what happens because time passes, once each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cirtd/stages/stages.h"
#include "support/cluster.h"

static int setup(void **state)
{
    struct stage_run *run = mem_calloc(1, sizeof *run);
    struct db_config config = {.host = cluster_host(), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = "clock"};
    *run = (struct stage_run){.db = db_new(&config), .params = db_params_new()};
    *state = run;
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO identity (login, role, level) VALUES ('lead', 'lead', 'lead'), ('duty', 'analyst', 'duty'), ('anna', 'analyst', NULL);"
        "INSERT INTO peer (name) VALUES ('YY-CERT');"
        "INSERT INTO agreement (id, version, peer_id, valid_from, valid_until, ceiling)"
        " SELECT 1, 1, id, now() - interval '1 day', now() + interval '1 year', 2 FROM peer;");
    return 0;
}

static int teardown(void **state)
{
    struct stage_run *run = *state;
    clock_stage.stop(run);
    db_params_free(run->params);
    db_free(run->db);
    free(run);
    return 0;
}

static void tick(struct stage_run *run)
{
    struct err err;
    if (!db_ready(run->db, &err) || !db_begin(run->db, &err) || !clock_stage.work(run, NULL, 0, &err) || !db_commit(run->db, &err))
        fail_msg("%s", err.text);
}

/* A turn in which every step is due. */
static void turn(struct stage_run *run)
{
    struct err err;
    assert_true(clock_stage.start(run, &err));
    tick(run);
}

/* A case of this number with columns set as in "state = 'waiting', due = ..."; its id. */
static long long add_case(int number, const char *columns)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "INSERT INTO cirt.incident_case (number, name, class, priority, tlp, summary) VALUES (%d, 'XX-CERT-2026-%06d', "
             "'fraud/phishing', 2, 2, 'x');"
             "UPDATE cirt.incident_case SET %s WHERE number = %d",
             number, number, columns, number);
    cluster_execute(sql);
    snprintf(sql, sizeof sql, "SELECT id FROM cirt.incident_case WHERE number = %d", number);
    return cluster_number(sql);
}

#define assert_of_case(id, expression, expected)                                                                                           \
    do {                                                                                                                                   \
        char sql_[900];                                                                                                                    \
        snprintf(sql_, sizeof sql_, "SET search_path = cirt; SELECT (%s)::text FROM incident_case k WHERE k.id = %lld", expression,        \
                 (long long)(id));                                                                                                         \
        char *found_ = cluster_text(sql_);                                                                                                 \
        assert_string_equal(found_, expected);                                                                                             \
        free(found_);                                                                                                                      \
    } while (0)

#define HISTORY                                                                                                                            \
    "(SELECT string_agg(p.payload::json ->> 'actor' || ' ' || (p.payload::json ->> 'action'), ', ' ORDER BY p.seq) FROM journal_payload "  \
    "p "                                                                                                                                   \
    "WHERE p.case_id = k.id)"

static void partitions_are_made_ahead(void **state)
{
    static const char sql[] =
        "SELECT count(*) FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE c.relname ~ '_20[0-9]{2}_[0-9]{2}$'";
    char *name = cluster_text("SELECT to_char(now() + interval '2 months', '\"cirt.sighting_\"YYYY_MM')"), drop[100];
    assert_int_equal(cluster_number(sql), 15);
    snprintf(drop, sizeof drop, "DROP TABLE %s", name);
    cluster_execute(drop);
    turn(*state);
    assert_int_equal(cluster_number(sql), 15);
    /* Rows of that month went into the default partition meanwhile: they stay there. */
    cluster_execute(drop);
    cluster_execute("INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, value) VALUES (1, now() + "
                    "interval '2 months', 1, 1, 1, 1, 1, 'x')");
    turn(*state);
    turn(*state);
    assert_int_equal(cluster_number(sql), 14);
    cluster_execute("DELETE FROM cirt.sighting_default");
    turn(*state);
    assert_int_equal(cluster_number(sql), 15);
    free(name);
}

static void late_cases_are_escalated(void **state)
{
    long long late = add_case(101, "due = now() - interval '5 minutes'"),
              later = add_case(102, "due = now() - interval '1 minute', level = 'lead'"),
              latest = add_case(103, "due = now() - interval '5 hours', level = 'lead', tlp = 4"),
              open = add_case(104, "due = now() - interval '1 day', state = 'open'"),
              early = add_case(105, "due = now() + interval '1 hour'"),
              top = add_case(106, "due = now() - interval '9 days', level = 'duty'");
    turn(*state);
    turn(*state);
    assert_of_case(late, "k.level || ' ' || k.state || ' ' || k.revision || ' ' || " HISTORY, "lead new 1 clock escalate");
    assert_of_case(later, "k.level || coalesce(" HISTORY ", '')", "lead");
    assert_of_case(latest, "k.level || ' ' || " HISTORY, "duty clock escalate");
    assert_of_case(latest,
                   "(SELECT string_agg(i.login, ',') FROM case_reader r JOIN identity i ON i.id = r.identity_id WHERE r.case_id = k.id)",
                   "duty");
    assert_of_case(open, "coalesce(k.level, 'none')", "none");
    assert_of_case(early, "coalesce(k.level, 'none')", "none");
    assert_of_case(top, "coalesce(" HISTORY ", 'nothing')", "nothing");
    cluster_execute("UPDATE cirt.incident_case SET due = now() - interval '4 hours 1 minute' WHERE number = 101");
    turn(*state);
    turn(*state);
    assert_of_case(late, "k.level || ' ' || " HISTORY, "duty clock escalate, clock escalate");
}

static void waiting_ends(void **state)
{
    long long over = add_case(201, "state = 'waiting', waiting_for = 'the bank', waiting_until = now() - interval '1 minute'"),
              waits = add_case(202, "state = 'waiting', waiting_for = 'the bank', waiting_until = now() + interval '1 minute'");
    turn(*state);
    turn(*state);
    assert_of_case(over, "k.state || ' ' || coalesce(k.waiting_for, 'nobody') || ' ' || (k.due > now()) || ' ' || " HISTORY,
                   "open nobody true clock state");
    assert_of_case(waits, "k.state || coalesce(" HISTORY ", '')", "waiting");
}

static void shares_expire(void **state)
{
    long long id = add_case(301, "state = 'open'");
    char sql[600];
    snprintf(sql, sizeof sql,
             "SET search_path = cirt; INSERT INTO share (case_id, peer_id, agreement_id, agreement_version, tlp, state, ordered_by) SELECT "
             "%lld, p.id, 1, 1, 2, 'queued', i.id"
             " FROM peer p, identity i WHERE i.login = 'lead'; INSERT INTO outbox (share_id, version, document, sha256, expires, error)"
             " SELECT id, 1, 'x', 'x', now() - interval '2 minutes', 'no route' FROM share",
             id);
    cluster_execute(sql);
    turn(*state);
    turn(*state);
    assert_of_case(id, "(SELECT s.state || ' ' || s.error FROM share s WHERE s.case_id = k.id) || ' ' || " HISTORY,
                   "expired never delivered: no route clock share expired");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.outbox"), 0);
}

/* What rules swallowed, what was suppressed, what was marked: as long as the reports are here. */
static void what_was_kept_of_reports_goes_with_them(void **state)
{
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO sender (address) VALUES ('feed@zz.example');"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size) SELECT n, now() - make_interval(days => 2000 - n),"
        " (SELECT min(id) FROM sender), 'mail', 'unknown', sha256(int4send(n)), 1 FROM generate_series(1990, 1999) n;"
        "INSERT INTO suppression (name, class, until, reason) SELECT 's' || n, 'fraud', now() + interval '1 day', 'x' FROM "
        "generate_series(1, 2) n;"
        "INSERT INTO rule_swallowed (set_name, rule, version, kind, report_id, received, observations)"
        " SELECT 'site', 'r', 1, 'drop', n, now(), '{[1,2)}' FROM generate_series(1980, 1999) n;"
        "INSERT INTO suppressed_row (suppression_id, report_id, received, observations)"
        " SELECT s.id, n, now(), '{[1,2)}' FROM suppression s, generate_series(1980, 1999) n;"
        "INSERT INTO known_good_mark (value_md5, type, list, entry, value, first)"
        " SELECT md5(n::text)::uuid, 1, 'l', n, n, now() - make_interval(days => n) FROM generate_series(1, 20) n;"
        "INSERT INTO class_unmapped (word, sender_id, count, last) VALUES ('old', 1, 1, now() - interval '91 days'), ('new', 1, 1, now())");
    turn(*state);
    char *left =
        cluster_text("SET search_path = cirt; SELECT concat_ws(' ', (SELECT count(*) || ' ' || min(report_id) FROM rule_swallowed),"
                     " (SELECT count(*) || ' ' || min(report_id) FROM suppressed_row), (SELECT count(*) FROM known_good_mark),"
                     " (SELECT string_agg(word, ',') FROM class_unmapped))");
    assert_string_equal(left, "10 1990 20 1990 10 new");
    free(left);
    /* Without any report nothing is known to be gone. */
    cluster_execute("TRUNCATE cirt.report");
    turn(*state);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.rule_swallowed"), 10);
    cluster_execute(
        "SET search_path = cirt; TRUNCATE rule_swallowed, suppressed_row, known_good_mark, class_unmapped; DELETE FROM suppression");
}

static void old_digests_go(void **state)
{
    cluster_execute("SET search_path = cirt; INSERT INTO report_digest SELECT report_week(now()) - w, 1, w, sha256(int4send(w)), w, now() "
                    "FROM generate_series(0, 9) w");
    turn(*state);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.report_digest"), 7);
    assert_int_equal(cluster_number("SELECT (max(cirt.report_week(now())) - min(week)) FROM cirt.report_digest"), 6);
}

/* What an anchor says can be computed again from the journal. */
static void the_journal_is_anchored(void **state)
{
    static const char anchors[] = "SELECT count(*) FROM cirt.journal_payload WHERE case_id = 0 AND payload::json ->> 'action' = 'anchor'";
    long long before = cluster_number(anchors), id = add_case(401, "state = 'open'");
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT cirt.journal_append(%lld, 'anna', 'note'), cirt.journal_append(%lld, 'anna', 'note')", id, id);
    cluster_execute(sql);
    cluster_execute("UPDATE cirt.journal_anchor SET at = now() - interval '2 hours'");
    turn(*state);
    turn(*state);
    assert_int_equal(cluster_number(anchors), before + 1);
    assert_int_equal(
        cluster_number("SET search_path = cirt; SELECT count(*) FROM (SELECT payload::json -> 'details' AS d FROM journal_payload WHERE "
                       "case_id = 0 AND payload::json ->> 'action' = 'anchor'"
                       " ORDER BY seq DESC LIMIT 1) a WHERE a.d ->> 'sha256' = (SELECT encode(sha256(string_agg(int8send(h.case_id) || "
                       "int8send(h.seq) || h.hash, '' ORDER BY h.case_id)), 'hex')"
                       " FROM (SELECT DISTINCT ON (case_id) * FROM journal j WHERE case_id <> 0 AND transaction >= (a.d ->> 'since')::xid8 "
                       "AND transaction < (a.d ->> 'through')::xid8"
                       " ORDER BY case_id, seq DESC) h)"),
        1);
    /* Nothing new: no anchor. */
    cluster_execute("UPDATE cirt.journal_anchor SET at = now() - interval '2 hours'");
    turn(*state);
    assert_int_equal(cluster_number(anchors), before + 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

/* A step that cannot be done is left for a while, and the others go on. */
static void one_step_does_not_stop_the_others(void **state)
{
    struct stage_run *run = *state;
    struct err err;
    cluster_execute("ALTER TABLE cirt.report_digest RENAME TO report_digest_away");
    long long over = add_case(501, "state = 'waiting', waiting_for = 'x', waiting_until = now() - interval '1 minute'");
    assert_true(clock_stage.start(run, &err));
    assert_true(db_ready(run->db, &err) && db_begin(run->db, &err));
    assert_false(clock_stage.work(run, NULL, 0, &err));
    db_rollback(run->db);
    tick(run);
    cluster_execute("ALTER TABLE cirt.report_digest_away RENAME TO report_digest");
    assert_of_case(over, "k.state", "open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_made_ahead),
        cmocka_unit_test(late_cases_are_escalated),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(shares_expire),
        cmocka_unit_test(old_digests_go),
        cmocka_unit_test(what_was_kept_of_reports_goes_with_them),
        cmocka_unit_test(the_journal_is_anchored),
        cmocka_unit_test(one_step_does_not_stop_the_others),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
