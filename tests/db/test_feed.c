/* Feeds in the database: what is counted, which notices are raised and when they end, and that role fetch can do no more than it should. */
#include <setjmp.h>
#include <stdarg.h>
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
    assert_true(cluster_may(
        "fetch", "SELECT 1 / (verdict = 'stored')::int FROM cirt.fetch_report((SELECT 1::bigint), NULL, sha256('a'), 1, 'a', NULL)",
        sqlstate));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volume_is_compared_with_the_days_before),
        cmocka_unit_test(silence_is_told_and_ends),
        cmocka_unit_test(fetch_may_do_little),
        cmocka_unit_test(one_fetches_a_feed_at_a_time),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
