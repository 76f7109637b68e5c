/* tests/support/share_order.h - orders of tests/data/share/fixture.sql in a db test, with the share stage at work. */
#ifndef CIRT_TESTS_SUPPORT_SHARE_ORDER_H
#define CIRT_TESTS_SUPPORT_SHARE_ORDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cirtd/config.h"
#include "support/cluster.h"
#include "support/stage_child.h"

PRINTF_LIKE(1, 0) static inline char *format(const char *sql, va_list args)
{
    char text[2000];
    vsnprintf(text, sizeof text, sql, args);
    return mem_strdup(text);
}

static inline void run(const char *sql, ...) PRINTF_LIKE(1, 2);
static inline void run(const char *sql, ...)
{
    va_list args;
    va_start(args, sql);
    char *text = format(sql, args);
    va_end(args);
    cluster_execute(text);
    free(text);
}

static inline long long number(const char *sql, ...) PRINTF_LIKE(1, 2);
static inline long long number(const char *sql, ...)
{
    va_list args;
    va_start(args, sql);
    char *text = format(sql, args);
    va_end(args);
    long long value = cluster_number(text);
    free(text);
    return value;
}

static inline void expect_state(long long share, const char *wanted)
{
    char query[100];
    snprintf(query, sizeof query, "SELECT state FROM cirt.share WHERE id = %lld", share);
    assert_true(stage_child_reaches(query, wanted));
}

static inline void expect_error(long long share, const char *part)
{
    char query[100];
    snprintf(query, sizeof query, "SELECT error FROM cirt.share WHERE id = %lld", share);
    char *error = cluster_text(query);
    if (!strstr(error, part))
        fail_msg("'%s' does not say '%s'", error, part);
    free(error);
}

/* Three, of one value each. */
static inline void add_parts(long long share)
{
    run("SELECT test.add_case(%lld), test.add_sighting(%lld, 'ipv4', 'source', '192.0.2.1', 1), test.add_sighting(%lld, 'ipv4', 'source', "
        "'192.0.2.2', 1, false, 2), test.add_sighting(%lld, 'ipv4', 'source', '192.0.2.3', 1, false, 3);"
        "UPDATE cirt.share SET parts = 3, ordered_to = NULL WHERE id = %lld",
        share, share, share, share, share);
}

/* fixture: the path of that file. */
static inline int share_order_start(void **state, const char *fixture)
{
    static pid_t child;
    struct err err;
    char *sql = NULL;
    if (!config_read_file(fixture, &sql, &err))
        fail_msg("%s", err.text);
    cluster_execute("UPDATE cirt.site SET name = 'XX-CERT'");
    cluster_execute(sql);
    free(sql);
    child = stage_child_start("share", "");
    *state = &child;
    return 0;
}

static inline int share_order_stop(void **state)
{
    return stage_child_stop(*(pid_t *)*state) ? 0 : 1;
}

#endif
