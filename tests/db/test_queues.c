/* The queues inbox, to_verify and to_open: what a claim takes, and what becomes of a row that kills its worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/cluster.h"

enum { TRIES = 8 };

static const struct queue {
    const char *name, *claim, *columns, *values;
    int handful;
} queues[] = {
    {"inbox", "inbox_claim", "report_id, received", "n, now()", 64},
    {"to_verify", "to_verify_claim", "report_id, received, message", "n, now(), '{}'", 64},
    {"to_open", "to_open_claim", "report_id, received, path, protocol, bytes", "n, now(), '1', 'openpgp', ''", 4},
};

static int setup(void **state)
{
    (void)state;
    cluster_execute("SET search_path = cirt; INSERT INTO sender (address) VALUES ('a@yy.example');"
                    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
                    " SELECT n, now(), s.id, 'mail', 'unknown', sha256(n::text::bytea), 1 FROM generate_series(1, 100) n, sender s;"
                    "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed)"
                    " SELECT r.id, r.received, 'decoding', 'mail', 2, true FROM report r");
    return 0;
}

PRINTF_LIKE(1, 2) static long long number(const char *format, ...)
{
    char sql[500];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    return cluster_number(sql);
}

PRINTF_LIKE(1, 2) static void execute(const char *format, ...)
{
    char sql[500];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    cluster_execute(sql);
}

static long long claim(const struct queue *queue)
{
    return number("SELECT count(*) FROM cirt.%s()", queue->claim);
}

/* As many rows as in 1..count, fresh, and no others. */
static void fill(const struct queue *queue, int count)
{
    execute("DELETE FROM cirt.%s", queue->name);
    execute("INSERT INTO cirt.%s (%s) SELECT %s FROM generate_series(1, %d) n JOIN cirt.report r ON r.id = n", queue->name, queue->columns,
            queue->values, count);
    execute("UPDATE cirt.%s q SET received = r.received FROM cirt.report r WHERE r.id = q.report_id", queue->name);
}

static void let_lease_end(const struct queue *queue)
{
    execute("UPDATE cirt.%s SET not_before = now() - interval '1 second'", queue->name);
}

/* Fresh rows by the handful; claimed ones are another's until their lease ends. */
static void test_fresh(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        const struct queue *queue = &queues[i];
        fill(queue, queue->handful + 3);
        assert_int_equal(claim(queue), queue->handful);
        assert_int_equal(claim(queue), 3);
        assert_int_equal(claim(queue), 0);
        assert_int_equal(number("SELECT count(*) FROM cirt.%s WHERE not_before < now() + interval '20 seconds'", queue->name),
                         queue->handful + 3);
    }
}

/* A worker died over one of them: each comes back alone, before what is fresh. */
static void test_claimed_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        const struct queue *queue = &queues[i];
        fill(queue, 3);
        assert_int_equal(claim(queue), 3);
        execute("INSERT INTO cirt.%s (%s) SELECT %s FROM generate_series(4, 4) n", queue->name, queue->columns, queue->values);
        execute("UPDATE cirt.%s q SET received = r.received FROM cirt.report r WHERE r.id = q.report_id", queue->name);
        let_lease_end(queue);
        for (int n = 0; n < 3; n++) {
            assert_int_equal(claim(queue), 1);
            assert_int_equal(number("SELECT count(*) FROM cirt.%s WHERE attempts = 0", queue->name), 1);
        }
        assert_int_equal(claim(queue), 1);
        assert_int_equal(number("SELECT attempts FROM cirt.%s WHERE report_id = 4", queue->name), 1);
    }
}

/* One that kills its worker each time is set aside with a reason, and its neighbour is not. */
static void test_poison(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        const struct queue *queue = &queues[i];
        fill(queue, 2);
        assert_int_equal(claim(queue), 2);
        for (int n = 1; n < TRIES; n++) {
            execute("UPDATE cirt.%s SET not_before = now() - interval '1 second' WHERE report_id = 1", queue->name);
            assert_int_equal(claim(queue), 1);
        }
        let_lease_end(queue);
        assert_int_equal(claim(queue), 1);
        assert_int_equal(number("SELECT attempts FROM cirt.%s WHERE report_id = 2 AND failed IS NULL", queue->name), 2);
        assert_int_equal(
            number("SELECT attempts FROM cirt.%s WHERE report_id = 1 AND failed IS NOT NULL AND error LIKE '%%ended 8 times%%'",
                   queue->name),
            TRIES);
        let_lease_end(queue);
        assert_int_equal(claim(queue), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fresh), cmocka_unit_test(test_claimed_before), cmocka_unit_test(test_poison)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
