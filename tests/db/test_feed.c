/* Feeds in the database: what is counted, which notices are raised and when they end, and that role fetch can do no more than it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cluster.h"

static int setup(void **state)
{
    (void)state;
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO identity (login, role) VALUES ('steady', 'feed'), ('quiet', 'feed'), ('poll', 'feed'), ('anna', 'analyst');"
        "UPDATE feed SET kind = 'drop' WHERE identity_id = (SELECT id FROM identity WHERE login = 'steady');"
        "UPDATE feed SET kind = 'https', url = 'https://feeds.example/x' WHERE identity_id = (SELECT id FROM identity WHERE login = "
        "'poll');");
    return 0;
}

static void add_rows(int hours_ago, int rows)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "INSERT INTO cirt.feed_count (sender_id, at, documents, rows) SELECT s.id, now() - interval '%d hours', 1, %d"
             " FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'steady'",
             hours_ago, rows);
    cluster_execute(sql);
}

static void tick(void)
{
    cluster_execute("SELECT cirt.clock_feeds(); SELECT cirt.clock_feed_notices()");
}

static long long open_notices(const char *login, const char *kind)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM cirt.feed_notice n JOIN cirt.identity i ON i.id = n.identity_id WHERE i.login = '%s' AND n.kind = '%s' "
             "AND n.ended IS NULL",
             login, kind);
    return cluster_number(sql);
}

static void volume_is_compared_with_the_days_before(void **state)
{
    (void)state;
    for (int day = 1; day <= 7; day++)
        add_rows(24 * day + 3, day == 4 ? 5000 : 100); /* one loud day does not move the median */
    add_rows(1, 200);
    tick();
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed_count"), 0);
    assert_int_equal(cluster_number("SELECT sum(rows) FROM cirt.feed_tally"), 5800);
    assert_int_equal(open_notices("steady", "volume"), 0); /* double is not more than double */
    add_rows(1, 1);
    tick();
    tick();
    assert_int_equal(open_notices("steady", "volume"), 1);
    /* Seen: not raised again the same day, whatever else comes. */
    cluster_execute("UPDATE cirt.feed_notice SET ended = now(), ended_by = (SELECT id FROM cirt.identity WHERE login = 'anna')");
    add_rows(1, 1000);
    tick();
    assert_int_equal(open_notices("steady", "volume"), 0);
}

static void silence_is_told_and_ends(void **state)
{
    (void)state;
    tick();
    assert_int_equal(open_notices("quiet", "silent"), 0); /* nothing is expected of it */
    cluster_execute(
        "UPDATE cirt.feed SET fresh_s = 5400; UPDATE cirt.identity SET created = now() - interval '2 hours' WHERE login = 'quiet'");
    tick();
    assert_int_equal(open_notices("quiet", "silent"), 1);
    assert_int_equal(open_notices("steady", "silent"), 0);
    /* The same again is nothing new. */
    cluster_execute("INSERT INTO cirt.feed_count (sender_id, documents, duplicates) SELECT s.id, 1, 1 FROM cirt.sender s JOIN "
                    "cirt.identity i ON i.id = s.identity_id"
                    " WHERE i.login = 'quiet'");
    tick();
    assert_int_equal(open_notices("quiet", "silent"), 1);
    /* Nor is what cannot be read; but it is told when the notice is raised. */
    cluster_execute("DELETE FROM cirt.feed_notice; INSERT INTO cirt.feed_count (sender_id, documents, malformed) SELECT s.id, 2, 2 FROM "
                    "cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'quiet'");
    tick();
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.feed_notice WHERE ended IS NULL AND text LIKE 'nothing new that can be read since %'"),
        1);
    cluster_execute("UPDATE cirt.feed SET paused = true WHERE identity_id = (SELECT id FROM cirt.identity WHERE login = 'quiet')");
    tick();
    assert_int_equal(open_notices("quiet", "silent"), 0);
}

static void fetch_may_do_little(void **state)
{
    static const char *const never[] = {"SELECT * FROM cirt.feed",           "SELECT * FROM cirt.report",
                                        "SELECT * FROM cirt.report_raw",     "UPDATE cirt.feed_state SET more = true",
                                        "SELECT * FROM cirt.inbox_claim()",  "SELECT cirt.report_raw_add(1, 0, 'x')",
                                        "SELECT cirt.feed_write(NULL, '{}')"};
    char sqlstate[6];
    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        assert_false(cluster_may("fetch", never[i], sqlstate));
        assert_string_equal(sqlstate, "42501");
    }
    /* Bytes only of the report that the same transaction has filed. */
    cluster_execute("SET search_path = cirt; INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
                    " SELECT 900001, now() - interval '1 minute', s.id, 'drop', 'certificate', sha256('x'), 1 FROM sender s LIMIT 1");
    assert_false(cluster_may("fetch", "SELECT cirt.fetch_raw_add(900001, 0, 'x')", sqlstate));
    assert_string_equal(sqlstate, "CI403");
    /* Nothing in the name of a feed that pushes, is paused, or is fetched without a claim. */
    assert_true(cluster_may("fetch",
                            "SELECT 1 / (verdict = 'off')::int FROM cirt.fetch_report((SELECT 2::bigint), NULL, sha256('a'), 1, 'a', NULL)",
                            sqlstate));
    assert_true(cluster_may("fetch",
                            "SELECT 1 / (verdict = 'off')::int FROM cirt.fetch_report((SELECT 3::bigint), NULL, sha256('a'), 1, 'a', NULL)",
                            sqlstate));
    /* Nor what is longer than its feed takes by now, whatever fetch has read of it. */
    cluster_execute("UPDATE cirt.feed SET document_bytes_max = 1000 WHERE identity_id = 1");
    assert_true(cluster_may(
        "fetch", "SELECT 1 / (verdict = 'off')::int FROM cirt.fetch_report((SELECT 1::bigint), NULL, sha256('a'), 1001, 'a', NULL)",
        sqlstate));
    assert_true(cluster_may(
        "fetch", "SELECT 1 / (verdict = 'stored')::int FROM cirt.fetch_report((SELECT 1::bigint), NULL, sha256('a'), 1000, 'a', NULL)",
        sqlstate));
    cluster_execute("UPDATE cirt.feed SET document_bytes_max = NULL WHERE identity_id = 1");
}

static void one_fetches_a_feed_at_a_time(void **state)
{
    char sqlstate[6];
    (void)state;
    /* A claim's lock ends with its connection: cluster_may()'s has ended. */
    assert_true(cluster_may("fetch", "SELECT 1 / (count(*) = 1)::int FROM cirt.fetch_claim()", sqlstate));
    assert_int_equal(
        cluster_number("SELECT attempts FROM cirt.feed_state s JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'poll'"), 1);
    /* It rests before it is tried again, since its worker died; asked for, it is at once. */
    assert_true(cluster_may("fetch", "SELECT 1 / (count(*) = 0)::int FROM cirt.fetch_claim()", sqlstate));
    cluster_execute(
        "UPDATE cirt.feed_state s SET asked = clock_timestamp() FROM cirt.identity i WHERE i.id = s.identity_id AND i.login = 'poll'");
    assert_true(cluster_may("fetch", "SELECT 1 / (count(*) = 1)::int FROM cirt.fetch_claim()", sqlstate));
}

/* Of a feed of which nothing can be read any more something comes all the same: it is not silent, and somebody must be told. */
static void what_cannot_be_read_is_told(void **state)
{
    static const char more[] = "INSERT INTO cirt.feed_count (sender_id, documents, malformed) SELECT s.id, %d, %d FROM cirt.sender s"
                               " JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'quiet'";
    char sql[300];
    (void)state;
    cluster_execute("DELETE FROM cirt.feed_tally");
    snprintf(sql, sizeof sql, more, 5, 2);
    cluster_execute(sql);
    tick();
    assert_int_equal(open_notices("quiet", "malformed"), 0); /* most of it can */
    snprintf(sql, sizeof sql, more, 1, 1);
    cluster_execute(sql);
    tick();
    tick();
    assert_int_equal(open_notices("quiet", "malformed"), 1);
    snprintf(sql, sizeof sql, more, 1, 0);
    cluster_execute(sql);
    tick();
    assert_int_equal(open_notices("quiet", "malformed"), 0);
}

/* Of a feed whose documents can be read, and most of their rows cannot. */
static void rows_that_cannot_be_read_are_told(void **state)
{
    static const char more[] =
        "INSERT INTO cirt.feed_count (sender_id, documents, rows, rejected) SELECT s.id, 1, %d, %d FROM cirt.sender s"
        " JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'quiet'";
    static const int counts[][3] = {{1, 9, 0}, {22, 12, 0}, {0, 9, 1}, {30, 0, 0}}; /* rows, rejected, told */
    char sql[300];
    (void)state;
    cluster_execute("DELETE FROM cirt.feed_tally");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        snprintf(sql, sizeof sql, more, counts[i][0], counts[i][1]);
        cluster_execute(sql);
        tick();
        assert_int_equal(open_notices("quiet", "rejected"), counts[i][2]);
        if (counts[i][2])
            assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed_notice WHERE text = 'rejects 30 of 53 rows of a day'"), 1);
    }
}

/* Told once, however often it is refused, and not again on the day on which somebody has seen it. */
static void beyond_its_quota_is_told(void **state)
{
    static const char refused[] = "SELECT cirt.feed_refused((SELECT s.id FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id"
                                  " WHERE i.login = 'quiet'), 7, 'too much')";
    char sqlstate[6];
    (void)state;
    cluster_execute("DELETE FROM cirt.feed_tally");
    assert_true(cluster_may("intake", "SELECT cirt.feed_refused(0, 1, 'nobody')", sqlstate));
    cluster_execute(refused);
    cluster_execute(refused);
    tick();
    assert_int_equal(open_notices("quiet", "quota"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed_notice WHERE ended IS NULL AND kind = 'quota' AND text = 'too much'"),
                     1);
    assert_int_equal(cluster_number("SELECT sum(refused) FROM cirt.feed_tally"), 14);
    cluster_execute("UPDATE cirt.feed_notice SET ended = now(), ended_by = (SELECT id FROM cirt.identity WHERE login = 'anna')");
    cluster_execute(refused);
    assert_int_equal(open_notices("quiet", "quota"), 0);
}

/* What stays malformed when it is read again was counted, and had its place in the quota, when it came. */
static void a_replay_in_vain_costs_nothing(void **state)
{
    static const char claim[] = "SET search_path = cirt; DELETE FROM inbox; INSERT INTO inbox (report_id, received, attempts)"
                                " SELECT id, received, 1 FROM report WHERE id = 900100";
    (void)state;
    cluster_execute(
        "SET search_path = cirt; DELETE FROM feed_count; DELETE FROM malformed_tally;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
        " SELECT 900100, now(), s.id, 'poll', 'certificate', sha256('y'), 5000 FROM sender s JOIN identity i ON i.id = s.identity_id"
        " WHERE i.login = 'poll';"
        "INSERT INTO report_content (report_id, received, state, tlp, tlp_assumed) SELECT id, received, 'decoding', 2, true FROM "
        "report WHERE id = 900100;"
        "INSERT INTO report_raw (report_id, received, no, bytes) SELECT id, received, 0, convert_to(repeat('x', 5000), 'UTF8') FROM "
        "report WHERE id = 900100");
    for (int times = 0; times < 3; times++) {
        cluster_execute(claim);
        cluster_execute("SET search_path = cirt; SELECT inbox_malformed(900100, 6000), feeds_decoded(ARRAY[r.id], ARRAY[r.received], "
                        "ARRAY[r.sender_id], '{malformed}', '{0}', '{0}') FROM report r WHERE r.id = 900100;"
                        "UPDATE report_content SET state = 'malformed', error = 'wrong' WHERE report_id = 900100");
        cluster_execute("UPDATE cirt.report_content SET state = 'decoding' WHERE report_id = 900100"); /* as report_replay() does */
    }
    assert_int_equal(cluster_number("SELECT length(bytes) FROM cirt.report_raw WHERE report_id = 900100"), 5000);
    assert_int_equal(cluster_number("SELECT sum(bytes) FROM cirt.malformed_tally"), 5000);
    assert_int_equal(cluster_number("SELECT sum(malformed) FROM cirt.feed_count"), 1);
    cluster_execute("DELETE FROM cirt.inbox; DELETE FROM cirt.feed_count");
}

static bool is_state(const char *login, const char *name)
{
    char sql[300];
    snprintf(
        sql, sizeof sql,
        "SET search_path = cirt; SET cirt.viewer = '1'; SELECT (feed_state_name(f) = '%s')::int FROM visible_feed f WHERE f.name = '%s'",
        name, login);
    return cluster_number(sql) == 1;
}

static void write_feed(const char *function, const char *login, const char *body)
{
    char sql[400];
    snprintf(sql, sizeof sql, "SET search_path = cirt; SET cirt.viewer = '1'; SELECT %s('%s'%s%s%s)", function, login, body ? ", '" : "",
             body ? body : "", body ? "'" : "");
    cluster_execute(sql);
}

/* What can be read after all is malformed no more, in the hour in which it came. */
static void a_replay_that_helps_is_counted(void **state)
{
    (void)state;
    cluster_execute(
        "SET search_path = cirt; DELETE FROM feed_count; DELETE FROM feed_tally;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
        " SELECT 900200, now() - interval '3 hours', s.id, 'poll', 'certificate', sha256('z'), 5 FROM sender s JOIN identity i ON "
        "i.id = s.identity_id WHERE i.login = 'poll';"
        "INSERT INTO report_content (report_id, received, state, tlp, tlp_assumed, error) SELECT id, received, 'decoding', 2, true, "
        "'wrong' FROM report WHERE id = 900200;"
        "INSERT INTO feed_count (sender_id, at, documents, malformed) SELECT sender_id, received, 1, 1 FROM report WHERE id = 900200;"
        "SELECT clock_feeds();"
        "SELECT feeds_decoded(ARRAY[r.id], ARRAY[r.received], ARRAY[r.sender_id], '{received}', '{7}', '{0}') FROM report r WHERE r.id "
        "= 900200; SELECT clock_feeds()");
    assert_int_equal(cluster_number("SELECT malformed FROM cirt.feed_tally WHERE documents = 1"), 0);
    /* And what decode comes to late, and cannot read, was malformed then. */
    cluster_execute(
        "SET search_path = cirt; UPDATE report_content SET error = NULL WHERE report_id = 900200;"
        "SELECT feeds_decoded(ARRAY[r.id], ARRAY[r.received], ARRAY[r.sender_id], '{malformed}', '{0}', '{0}') FROM report r WHERE "
        "r.id = 900200; SELECT clock_feeds(); UPDATE report_content SET error = 'wrong' WHERE report_id = 900200");
    assert_int_equal(cluster_number("SELECT malformed FROM cirt.feed_tally WHERE documents = 1"), 1);
    assert_int_equal(cluster_number("SELECT sum(rows) FROM cirt.feed_tally"), 7);
    cluster_execute("DELETE FROM cirt.feed_tally");
}

static long long claimed_label(const char *changes)
{
    char sql[500];
    snprintf(sql, sizeof sql, "SET search_path = cirt; DELETE FROM inbox; UPDATE report_content SET %s WHERE report_id = 900200", changes);
    cluster_execute(sql);
    cluster_execute("SET search_path = cirt; INSERT INTO inbox (report_id, received) SELECT id, received FROM report WHERE id = 900200");
    return cluster_number("SELECT coalesce(tlp, -1) FROM cirt.inbox_claim()");
}

/* A document that could not be read and called itself RED is no wider when it can be read; a label that is only the sender's is none. */
static void what_called_itself_red_stays_so(void **state)
{
    (void)state;
    assert_int_equal(claimed_label("state = 'decoding', tlp = 4, tlp_assumed = true"), 4);
    assert_int_equal(claimed_label("tlp = 2, tlp_assumed = true"), -1);
    assert_int_equal(claimed_label("tlp = 1, tlp_assumed = false"), 1);
    cluster_execute("UPDATE cirt.identity SET default_tlp = 4 WHERE login = 'poll'");
    assert_int_equal(claimed_label("tlp = 4, tlp_assumed = true"), -1);
    cluster_execute("UPDATE cirt.identity SET default_tlp = NULL WHERE login = 'poll'; DELETE FROM cirt.inbox");
}

/* A line that is read again by itself is told by its number in what was sent. */
static void lines_keep_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(cluster_number("SELECT (cirt.place_in_lines('line 4', 'ndjson', 'line 1, /tlp') = 'line 4, /tlp')::int"), 1);
    assert_int_equal(cluster_number("SELECT (cirt.place_in_lines('line 4', 'csv:x', 'line 1') = 'line 1')::int"), 1);
    assert_int_equal(cluster_number("SELECT (cirt.place_in_lines(NULL, 'ndjson', 'line 12') = 'line 12')::int"), 1);
}

/* What was tried in vain is not new, and what brought nothing was not tried in vain. */
static void a_state_says_how_it_went(void **state)
{
    static const char set[] = "UPDATE cirt.feed_state s SET %s FROM cirt.identity i WHERE i.id = s.identity_id AND i.login = 'poll'";
    static const struct {
        const char *change, *name;
    } rows[] = {{"failures = 0, error = NULL, ended = NULL, failed = NULL", "new"},
                {"failures = 1, error = 'it answered 404', failed = now()", "failed"},
                {"failures = 0, error = 'it answered 503 and asks to wait', failed = now()", "waiting"},
                {"error = NULL, ended = now() + interval '1 second'", "ok"}};
    char sql[400];
    (void)state;
    cluster_execute("UPDATE cirt.feed SET fresh_s = NULL; DELETE FROM cirt.feed_notice");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(sql, sizeof sql, set, rows[i].change);
        cluster_execute(sql);
        if (!is_state("poll", rows[i].name))
            fail_msg("%s", rows[i].name);
    }
}

/* A server that again and again asks to be left alone is left alone, longer each time, and that is told. */
static void who_asks_to_wait_for_ever_is_told(void **state)
{
    static const char polled[] = "SET search_path = cirt;"
                                 "SELECT fetch_polled(i.id, s.attempts, NULL, NULL, NULL, NULL, NULL, false, NULL, 0, NULL, %d, %s)"
                                 " FROM identity i JOIN feed_state s ON s.identity_id = i.id WHERE i.login = 'poll';"
                                 "SELECT fetch_settle(ARRAY[i.id], ARRAY[s.attempts]) FROM identity i JOIN feed_state s ON s.identity_id = "
                                 "i.id WHERE i.login = 'poll'";
    static const char rest[] =
        "SELECT round(extract(epoch FROM s.not_before - now())) FROM cirt.feed_state s JOIN cirt.identity i ON i.id = "
        "s.identity_id WHERE i.login = 'poll'";
    static const int rests_s[] = {30, 60, 120, 5000};
    char sql[600];
    (void)state;
    cluster_execute("UPDATE cirt.feed_state SET failures = 0, error = NULL, ended = NULL; DELETE FROM cirt.feed_notice;"
                    "UPDATE cirt.feed SET every_s = 7200");
    for (int i = 0; i < 4; i++) {
        snprintf(sql, sizeof sql, polled, i < 3 ? 1 : 5000, "true, 'it answered 503 and asks to wait'");
        cluster_execute(sql);
        assert_in_range(cluster_number(rest), rests_s[i] - 10, rests_s[i]);
        assert_true(is_state("poll", i < 2 ? "waiting" : "failing"));
    }
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.feed_checks() WHERE name = 'feed poll' AND text LIKE 'failing: not fetched 4 "
                       "times: it answered 503 and asks to wait'"),
        1);
    snprintf(sql, sizeof sql, polled, 0, "false, NULL");
    cluster_execute(sql);
    assert_int_equal(open_notices("poll", "failing"), 0);
}

/* A server that has more and no way to it, and a feed that nobody expects anything of at the moment. */
static void doctor_knows_what_is_missing(void **state)
{
    static const char polled[] =
        "SET search_path = cirt; SELECT fetch_polled(i.id, s.attempts, NULL, NULL, NULL, NULL, NULL, false, NULL, 0, NULL, 0, false, %s)"
        " FROM identity i JOIN feed_state s ON s.identity_id = i.id WHERE i.login = 'poll'";
    static const char checks[] = "SELECT count(*) FROM cirt.feed_checks() WHERE name = 'feed poll' AND text LIKE 'incomplete: %'";
    char sql[400];
    (void)state;
    snprintf(sql, sizeof sql, polled, "'it has more, but no way there'");
    cluster_execute(sql);
    assert_int_equal(cluster_number(checks), 1);
    assert_true(is_state("poll", "incomplete"));
    write_feed("feed_pause", "poll", "true");
    assert_int_equal(cluster_number(checks), 0);
    write_feed("feed_pause", "poll", "false");
    snprintf(sql, sizeof sql, polled, "NULL");
    cluster_execute(sql);
    assert_int_equal(cluster_number(checks), 0);
}

/* What a poll in vain comes between of goes on being told, until a run from the start has met nothing of the kind. */
static void what_is_kept_back_is_told_over_failures(void **state)
{
    static const char polled[] =
        "SET search_path = cirt; SELECT fetch_polled(i.id, s.attempts, NULL, NULL, NULL, NULL, NULL, %s, NULL, 0, NULL, %d, %s)"
        " FROM identity i JOIN feed_state s ON s.identity_id = i.id WHERE i.login = 'poll'";
    static const struct {
        const char *more;
        int rest_s;
        const char *error;
        int64_t notices;
    } polls[] = {{"true", 0, "false, 'it has more of 2026-01-01 than it gives at once'", 1},
                 {"false", 30, "true, 'it answered 503 and asks to wait'", 1},
                 {"true", 0, "false, NULL", 1},
                 {"false", 0, "false, NULL", 1}, /* the run that began with it ends here */
                 {"false", 30, "false, 'no space for reports at the moment'", 1},
                 {"true", 0, "false, NULL", 1},
                 {"false", 0, "false, NULL", 0}};
    char sql[400];
    (void)state;
    for (size_t i = 0; i < sizeof polls / sizeof polls[0]; i++) {
        snprintf(sql, sizeof sql, polled, polls[i].more, polls[i].rest_s, polls[i].error);
        cluster_execute(sql);
        if (open_notices("poll", "incomplete") != polls[i].notices)
            fail_msg("poll %zu", i);
    }
}

/* Which limit it is, how high, and how it is changed. */
static void notices_name_the_limit(void **state)
{
    char sqlstate[6];
    (void)state;
    cluster_execute("SET search_path = cirt; DELETE FROM feed_notice; UPDATE feed SET documents_per_hour = 3; DELETE FROM feed_count;"
                    "INSERT INTO feed_count (sender_id, documents) SELECT s.id, 3 FROM sender s JOIN identity i ON i.id = s.identity_id"
                    " WHERE i.login = 'steady'");
    assert_int_equal(cluster_number("SELECT is_over_quota::int FROM cirt.fetch_folders() WHERE name = 'steady'"), 1);
    assert_true(cluster_may(
        "fetch", "SELECT 1 / (verdict = 'rest')::int FROM cirt.fetch_report((SELECT 1::bigint), NULL, sha256('b'), 1, 'b', NULL)",
        sqlstate));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed_checks() WHERE text LIKE '%its 3 documents an hour are used up%' AND "
                                    "hint LIKE '%cirt feed set steady --documents-per-hour N%'"),
                     1);
    cluster_execute("UPDATE cirt.feed SET documents_per_hour = NULL");
    assert_int_equal(cluster_number("SELECT is_over_quota::int FROM cirt.fetch_folders() WHERE name = 'steady'"), 0);
    assert_true(cluster_may("fetch",
                            "SELECT cirt.fetch_refused(1, '', 'x was not taken'), cirt.fetch_refused(1, 'document_max', 'y is too long'), "
                            "cirt.fetch_refused(1, 'empty', 'z was not taken'), cirt.fetch_refused(1, 'unmoved', 'w was not taken')",
                            sqlstate));
    assert_int_equal(open_notices("steady", "unreadable"), 3);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed_checks() WHERE text = 'unreadable: w was not taken' AND hint NOT LIKE "
                                    "'%it lies in failed/%'"),
                     1);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.feed_checks() WHERE text = 'unreadable: z was not taken' AND hint LIKE '%wrote "
                       "nothing into it%'"),
        1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed_checks() WHERE hint LIKE '%--document-max N%'"), 1);
}

static void columns_come(const char *login, const char *columns, int tlp)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT cirt.feed_columns_seen(s.id, NULL, 'operation.csv', '%s', true, %d::smallint) FROM cirt.sender s JOIN cirt.identity i"
             " ON i.id = s.identity_id WHERE i.login = '%s'",
             columns, tlp, login);
    cluster_execute(sql);
}

static void assert_notices(const char *login, const char *expected)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT string_agg(concat_ws(': ', n.kind, n.subject, n.text), ' | ' ORDER BY n.kind, n.subject DESC) FROM cirt.feed_notice n "
             "JOIN cirt.identity i ON i.id = n.identity_id WHERE i.login = '%s' AND n.ended IS NULL",
             login);
    char *found = cluster_text(sql);
    assert_string_equal(found, expected);
    free(found);
}

/* Everybody reads notices, and they are mailed: they name no column and no file of what is RED. */
static void what_is_red_is_only_counted(void **state)
{
    (void)state;
    cluster_execute("SET search_path = cirt; DELETE FROM feed_notice; DELETE FROM feed_count; DELETE FROM feed_tally;"
                    "UPDATE identity SET default_tlp = 4 WHERE login = 'steady'");
    columns_come("steady", "ip,operation", 2);
    columns_come("steady", "ip,secret,port", 2);
    cluster_execute("SET search_path = cirt; SELECT fetch_refused(i.id, '', 'operation.csv was not taken'), fetch_refused(i.id, '', "
                    "'secret.csv was not taken') FROM identity i WHERE i.login = 'steady'");
    assert_notices("steady",
                   "columns: TLP:RED: the columns changed; new: 2; gone: 1; their names are TLP:RED | "
                   "unreadable: : 2 documents refused within a day, the last one since it cannot be read; file names are TLP:RED");
    /* Of another feed a document that says so itself; one that does not is not compared with it. */
    columns_come("quiet", "ip,agent", 4);
    columns_come("quiet", "ip,name", 2);
    assert_notices("quiet", "");
    columns_come("quiet", "ip", 4);
    columns_come("quiet", "ip", 2);
    assert_notices("quiet", "columns: operation.csv: the columns of operation.csv changed; gone: name | "
                            "columns: TLP:RED: the columns changed; gone: 1; their names are TLP:RED");
    cluster_execute("UPDATE cirt.identity SET default_tlp = NULL WHERE login = 'steady'");
}

static void what_never_brought_anything_goes_whole(void **state)
{
    (void)state;
    cluster_execute("SET search_path = cirt; INSERT INTO identity (login, role) VALUES ('root', 'admin'); INSERT INTO registered_key "
                    "(key_sha256, identity_id) SELECT sha256('k'), id FROM identity WHERE login = 'root'");
    cluster_execute("SET search_path = cirt; SET cirt.viewer = '1'; SELECT feed_write(NULL, '{\"name\": \"mistake\", \"drop\": true}')");
    write_feed("feed_remove", "mistake", NULL);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.identity WHERE login = 'mistake'"), 0);
    cluster_execute("UPDATE cirt.feed SET ca = 'x' WHERE kind = 'https'");
    write_feed("feed_remove", "poll", NULL);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.identity WHERE login = 'poll' AND NOT enabled"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.feed WHERE ca IS NOT NULL"), 0);
}

/* A weekly feed has days before, too. */
static void volume_of_a_weekly_feed(void **state)
{
    (void)state;
    cluster_execute("SET search_path = cirt; TRUNCATE feed_tally, feed_count, feed_notice");
    for (int week = 1; week <= 3; week++)
        add_rows(24 * 7 * week + 3, 100);
    add_rows(1, 200);
    tick();
    assert_int_equal(open_notices("steady", "volume"), 0);
    add_rows(1, 1);
    tick();
    assert_int_equal(open_notices("steady", "volume"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volume_is_compared_with_the_days_before),
        cmocka_unit_test(silence_is_told_and_ends),
        cmocka_unit_test(fetch_may_do_little),
        cmocka_unit_test(one_fetches_a_feed_at_a_time),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(rows_that_cannot_be_read_are_told),
        cmocka_unit_test(beyond_its_quota_is_told),
        cmocka_unit_test(a_replay_in_vain_costs_nothing),
        cmocka_unit_test(a_replay_that_helps_is_counted),
        cmocka_unit_test(what_called_itself_red_stays_so),
        cmocka_unit_test(lines_keep_their_numbers),
        cmocka_unit_test(a_state_says_how_it_went),
        cmocka_unit_test(who_asks_to_wait_for_ever_is_told),
        cmocka_unit_test(doctor_knows_what_is_missing),
        cmocka_unit_test(what_is_kept_back_is_told_over_failures),
        cmocka_unit_test(notices_name_the_limit),
        cmocka_unit_test(what_is_red_is_only_counted),
        cmocka_unit_test(what_never_brought_anything_goes_whole),
        cmocka_unit_test(volume_of_a_weekly_feed),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
