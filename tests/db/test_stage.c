/* stage.c: the rows of a claim share a transaction while all goes well; when one fails, each is done by itself and only that one is told
 * of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "cirtd/stage.h"
#include "support/cluster.h"
#include "support/stage_child.h"

enum { ROWS = 10, NONE = 0 };

struct fixture {
    struct stage_run run;
    int64_t bad;        /* the report whose work fails; NONE */
    enum err_code code; /* with that */
    int64_t stolen;     /* the report that another worker takes meanwhile */
    useconds_t slow_us; /* for each row */
    int calls;
    bool collects; /* the marks are left at the end of the transaction */
    int64_t collected[64];
    size_t collected_count;
};

/* The first columns of decode's claim. */
enum { ID, ATTEMPTS, REPORT };

/* A row in to_open, whose xmin tells the transactions apart. */
static bool leave_mark(struct stage_run *run, int64_t report, struct err *err)
{
    struct db_array texts[3], bytes;
    static const char *const values[3] = {"1", "encrypted", "openpgp"};
    db_params_reset(run->params);
    db_int8(run->params, report);
    db_int4(run->params, 0);
    for (size_t i = 0; i < 3; i++) {
        db_array_init(&texts[i], DB_TEXT_ARRAY);
        db_array_add_text(&texts[i], values[i]);
        db_array(run->params, &texts[i]);
    }
    db_array_init(&bytes, DB_BYTES_ARRAY);
    db_array_add_bytes(&bytes, "x", 1);
    db_array(run->params, &bytes);
    bool ok = db_run(run->db, SQL_DECODE_TO_OPEN, run->params, NULL, err);
    for (size_t i = 0; i < 3; i++)
        db_array_clear(&texts[i]);
    db_array_clear(&bytes);
    return ok;
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct fixture *fixture = run->state;
    int64_t report = db_get_int(rows, row, REPORT);
    fixture->calls++;
    if (report == fixture->bad)
        return err_set(err, fixture->code, "report %lld is bad", (long long)report);
    if (report == fixture->stolen)
        cluster_execute("UPDATE cirt.inbox SET attempts = attempts + 1 WHERE report_id = 4 AND attempts = 1");
    usleep(fixture->slow_us);
    if (!fixture->collects)
        return leave_mark(run, report, err);
    fixture->collected[fixture->collected_count++] = report;
    return true;
}

static void begin(struct stage_run *run)
{
    struct fixture *fixture = run->state;
    fixture->collected_count = 0;
}

static bool finish(struct stage_run *run, struct err *err)
{
    struct fixture *fixture = run->state;
    bool ok = true;
    for (size_t i = 0; ok && i < fixture->collected_count; i++)
        ok = leave_mark(run, fixture->collected[i], err);
    return ok;
}

static void work_off(struct fixture *fixture, int batch_rows)
{
    const struct stage stage = {.role = "decode",
                                .listen = SQL_DECODE_LISTEN,
                                .claim = SQL_DECODE_CLAIM,
                                .settle = SQL_DECODE_SETTLE,
                                .fail = SQL_DECODE_FAIL,
                                .batch_rows = batch_rows,
                                .work = work,
                                .begin = begin,
                                .finish = finish};
    struct err err;
    fixture->calls = 0;
    if (!stage_work_due(&stage, &fixture->run, &err))
        fail_msg("%s", err.text);
}

static int set_up_all(void **state)
{
    static struct fixture fixture;
    const struct db_config config = {.host = cluster_host(), .name = "cirt", .role = "decode"};
    cluster_execute("SET search_path = cirt; INSERT INTO sender (address) VALUES ('a@yy.example');"
                    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
                    " SELECT n, now(), s.id, 'mail', 'unknown', sha256(n::text::bytea), 1 FROM generate_series(1, 10) n, sender s;"
                    "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed)"
                    " SELECT r.id, r.received, 'decoding', 'mail', 2, true FROM report r");
    fixture.run = (struct stage_run){.db = db_new(&config), .params = db_params_new(), .state = &fixture};
    *state = &fixture;
    return 0;
}

static int tear_down_all(void **state)
{
    struct fixture *fixture = *state;
    db_params_free(fixture->run.params);
    db_free(fixture->run.db);
    return 0;
}

static int set_up(void **state)
{
    struct fixture *fixture = *state;
    fixture->bad = fixture->stolen = NONE;
    fixture->code = ERR_INPUT;
    fixture->slow_us = 0;
    fixture->collects = false;
    cluster_execute("SET search_path = cirt; DELETE FROM to_open; DELETE FROM inbox;"
                    "INSERT INTO inbox (report_id, received) SELECT id, received FROM report ORDER BY id");
    return 0;
}

static void expect(const char *query, long long wanted)
{
    long long seen = cluster_number(query);
    if (seen != wanted)
        fail_msg("%s: %lld, not %lld", query, seen, wanted);
}

#define DONE         "SELECT count(*) FROM cirt.to_open"
#define TRANSACTIONS "SELECT count(DISTINCT xmin::text) FROM cirt.to_open"
#define WAITING      "SELECT count(*) FROM cirt.inbox WHERE failed IS NULL"

static void test_together(void **state)
{
    struct fixture *fixture = *state;
    work_off(fixture, 64);
    assert_int_equal(fixture->calls, ROWS);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, 1);
    expect(WAITING, 0);
}

static void test_not_batched(void **state)
{
    struct fixture *fixture = *state;
    work_off(fixture, 0);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, ROWS);
}

/* The fault is in the fourth: it is set aside, nothing of the first try stands, nobody else waits for anything. */
static void test_one_is_bad(void **state)
{
    struct fixture *fixture = *state;
    fixture->bad = 4;
    work_off(fixture, 64);
    assert_int_equal(fixture->calls, 4 + ROWS);
    expect(DONE, ROWS - 1);
    expect(TRANSACTIONS, ROWS - 1);
    expect(WAITING, 0);
    expect("SELECT count(*) FROM cirt.inbox WHERE failed IS NOT NULL AND report_id = 4 AND error = 'report 4 is bad'", 1);
    expect("SELECT attempts FROM cirt.inbox WHERE report_id = 4", 1);
}

/* As above, but it may go better later. */
static void test_one_comes_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->bad = 4;
    fixture->code = ERR_AGAIN;
    work_off(fixture, 64);
    expect(DONE, ROWS - 1);
    expect("SELECT count(*) FROM cirt.inbox WHERE failed IS NULL AND report_id = 4 AND not_before > now()", 1);
    fixture->bad = NONE;
    cluster_execute("UPDATE cirt.inbox SET not_before = now()");
    work_off(fixture, 64);
    expect(DONE, ROWS);
    expect(WAITING, 0);
}

/* Another worker has the fourth meanwhile: what was done for it here does not stand, what was done for the others does. */
static void test_one_is_stolen(void **state)
{
    struct fixture *fixture = *state;
    fixture->stolen = 4;
    work_off(fixture, 64);
    expect(DONE, ROWS - 1);
    expect("SELECT count(*) FROM cirt.to_open WHERE report_id = 4", 0);
    expect("SELECT attempts FROM cirt.inbox WHERE report_id = 4 AND failed IS NULL", 2);
}

/* A statement that fails spoils its transaction only. */
static void test_database_refuses_one(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute(
        "SET search_path = cirt; CREATE FUNCTION refuse_seven() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.report_id = 7 "
        "THEN RAISE EXCEPTION 'not seven' USING ERRCODE = 'CI422'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse_seven BEFORE INSERT ON to_open FOR EACH ROW EXECUTE FUNCTION refuse_seven()");
    work_off(fixture, 64);
    cluster_execute("DROP TRIGGER refuse_seven ON cirt.to_open");
    expect(DONE, ROWS - 1);
    expect(WAITING, 0);
    expect("SELECT count(*) FROM cirt.inbox WHERE failed IS NOT NULL AND report_id = 7 AND error LIKE '%not seven%'", 1);
}

/* As above, with what is written only at the end of the transaction: nothing twice, nothing of the first try. */
static void test_collected(void **state)
{
    struct fixture *fixture = *state;
    fixture->collects = true;
    fixture->bad = 4;
    work_off(fixture, 64);
    expect(DONE, ROWS - 1);
    expect(TRANSACTIONS, ROWS - 1);
    expect(WAITING, 0);
    set_up(state);
    fixture->collects = true;
    work_off(fixture, 64);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, 1);
}

/* What takes long does not hold up what is done. */
static void test_slow_work(void **state)
{
    struct fixture *fixture = *state;
    fixture->slow_us = 300000;
    work_off(fixture, 64);
    assert_int_equal(fixture->calls, ROWS);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, 3);
}

/* Nobody looks at the table until the connection, the caller's, is closed. */
static PGconn *hold(const char *table)
{
    char conninfo[CLUSTER_CONNINFO_SIZE], lock[100];
    PGconn *connection = PQconnectdb(cluster_conninfo("postgres", conninfo));
    snprintf(lock, sizeof lock, "BEGIN; LOCK TABLE %s", table);
    PQclear(PQexec(connection, lock));
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_INTRANS);
    return connection;
}

#define WAITING_OF_SHARE                                                                                                                   \
    "SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE usename = 'cirt_share' AND relation = "                     \
    "'pg_depend'::regclass "                                                                                                               \
    "AND NOT granted"

/* The connection may end while a role that has just started looks at its rights: it waits, as everywhere else. */
static void test_away_at_the_start(void **state)
{
    UNUSED(state);
    PGconn *depend = hold("pg_depend");
    pid_t child = stage_child_start("share", "");
    bool looks = stage_child_reaches(WAITING_OF_SHARE, "1");
    cluster_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cirt_share' AND wait_event_type = 'Lock'");
    bool looks_again = looks && stage_child_reaches(WAITING_OF_SHARE, "1");
    PQfinish(depend);
    assert_true(looks && looks_again);
    assert_true(stage_child_reaches("SELECT count(*) FROM pg_stat_activity WHERE usename = 'cirt_share' AND state = 'idle'", "1"));
    assert_true(stage_child_stop(child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_away_at_the_start),
        cmocka_unit_test_setup(test_together, set_up),
        cmocka_unit_test_setup(test_not_batched, set_up),
        cmocka_unit_test_setup(test_one_is_bad, set_up),
        cmocka_unit_test_setup(test_one_comes_again, set_up),
        cmocka_unit_test_setup(test_one_is_stolen, set_up),
        cmocka_unit_test_setup(test_database_refuses_one, set_up),
        cmocka_unit_test_setup(test_slow_work, set_up),
        cmocka_unit_test_setup(test_collected, set_up),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
