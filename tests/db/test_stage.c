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

#include "cirtd/stage.h"
#include "support/cluster.h"

enum { ROWS = 10, NONE = 0 };

struct fixture {
    struct stage_run run;
    int64_t bad;        /* the report whose work fails; NONE */
    enum err_code code; /* with that */
    int64_t stolen;     /* the report that another worker takes meanwhile */
    useconds_t slow_us; /* for each row */
    int calls;
};

/* The first columns of decode's claim. */
enum { ID, ATTEMPTS, REPORT };

/* Leaves a row in to_open, whose xmin tells the transactions apart. */
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
    db_int8(run->params, report);
    db_text(run->params, "1");
    db_bytes(run->params, "x", 1);
    return db_run(run->db, SQL_DECODE_TO_OPEN, run->params, NULL, err);
}

static void work_off(struct fixture *fixture, bool is_batched)
{
    const struct stage stage = {.role = "decode",
                                .listen = SQL_DECODE_LISTEN,
                                .claim = SQL_DECODE_CLAIM,
                                .settle = SQL_DECODE_SETTLE,
                                .fail = SQL_DECODE_FAIL,
                                .is_batched = is_batched,
                                .work = work};
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
    work_off(fixture, true);
    assert_int_equal(fixture->calls, ROWS);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, 1);
    expect(WAITING, 0);
}

static void test_not_batched(void **state)
{
    struct fixture *fixture = *state;
    work_off(fixture, false);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, ROWS);
}

/* The fault is in the fourth: it is set aside, nothing of the first try stands, nobody else waits for anything. */
static void test_one_is_bad(void **state)
{
    struct fixture *fixture = *state;
    fixture->bad = 4;
    work_off(fixture, true);
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
    work_off(fixture, true);
    expect(DONE, ROWS - 1);
    expect("SELECT count(*) FROM cirt.inbox WHERE failed IS NULL AND report_id = 4 AND not_before > now()", 1);
    fixture->bad = NONE;
    cluster_execute("UPDATE cirt.inbox SET not_before = now()");
    work_off(fixture, true);
    expect(DONE, ROWS);
    expect(WAITING, 0);
}

/* Another worker has the fourth meanwhile: what was done for it here does not stand, what was done for the others does. */
static void test_one_is_stolen(void **state)
{
    struct fixture *fixture = *state;
    fixture->stolen = 4;
    work_off(fixture, true);
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
    work_off(fixture, true);
    cluster_execute("DROP TRIGGER refuse_seven ON cirt.to_open");
    expect(DONE, ROWS - 1);
    expect(WAITING, 0);
    expect("SELECT count(*) FROM cirt.inbox WHERE failed IS NOT NULL AND report_id = 7 AND error LIKE '%not seven%'", 1);
}

/* What takes long does not hold up what is done. */
static void test_slow_work(void **state)
{
    struct fixture *fixture = *state;
    fixture->slow_us = 300000;
    work_off(fixture, true);
    assert_int_equal(fixture->calls, ROWS);
    expect(DONE, ROWS);
    expect(TRANSACTIONS, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_together, set_up),      cmocka_unit_test_setup(test_not_batched, set_up),
        cmocka_unit_test_setup(test_one_is_bad, set_up),    cmocka_unit_test_setup(test_one_comes_again, set_up),
        cmocka_unit_test_setup(test_one_is_stolen, set_up), cmocka_unit_test_setup(test_database_refuses_one, set_up),
        cmocka_unit_test_setup(test_slow_work, set_up),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
