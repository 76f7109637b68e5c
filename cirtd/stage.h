/*
 * cirtd/stage.h - the one claim / work / settle loop. It knows no payload; it is the only caller of begin and commit outside
 * desk, intake and mail.
 *
 * A claim counts the attempt and leases the rows in a transaction of its own, so that a row that kills its worker is not taken for ever;
 * the work and its settling are one transaction, and settling checks that the lease is still ours: a second worker, or we after a
 * kill -9, can repeat the work but never do it twice. Where the stage is batched, one transaction holds as many rows of the claim as are
 * done within a second; when any of them fails it is rolled back, and each row is done by itself.
 */
#ifndef CIRT_CIRTD_STAGE_H
#define CIRT_CIRTD_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"
#include "store/db.h"

struct stage_run {
    const struct role_context *context;
    struct db *db;
    struct db_params *params; /* for the work's own statements; reset before each call */
    void *state;              /* the stage's own */
    int rest_ms;              /* set by the work: leave the processors to others for so long before the next claim */
    int64_t due_ms;           /* the loop's: when a tick, or a further queue, is due */
    int look_ms;              /* the loop's: how soon to look again without a notification */
};

struct stage {
    const char *role;
    enum sql_statement listen;
    /* No parameters. Leases some due rows, attempts + 1, and returns them: column 0 id, column 1 attempts, the rest is the work's. */
    enum sql_statement claim;
    /* ($1 bigint[] ids, $2 int[] attempts): removes the rows that still have those attempts; returns one row for each. */
    enum sql_statement settle;
    /* ($1 bigint id, $2 int attempts, $3 text error, $4 bool final): puts it back with a back-off, or sets it aside where final or tried
     * too often. */
    enum sql_statement fail;
    bool is_tick; /* no queue: work is called in a transaction every poll_ms; listen, claim, settle and fail are not used */
    int poll_ms;  /* how long to sleep at most without a notification */
    /* > 0: the rows of a claim, at most so many, may share a transaction. work then may be called for a row again after it was rolled back,
     * so that what it keeps beside the database must bear that. While several rows come a claim, but not so many, the stage waits as long
     * as the last ones took (50 ms at most), so that more come together: a transaction costs far more than a row. Not with act. */
    int batch_rows;
    /* Before the transaction, for an effect outside (push): may be NULL. False as in work. */
    bool (*act)(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err);
    /* In the transaction. ERR_AGAIN: later; ERR_INPUT, ERR_LIMIT, ERR_DENIED: set aside at once; others: tried again, then set aside. */
    bool (*work)(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err);
    /* For work that collects what it writes, to write that of many rows at once; both may be NULL. begin comes before the first row of each
     * transaction and forgets what an earlier one collected, finish after its last row, as work does. */
    void (*begin)(struct stage_run *run);
    bool (*finish)(struct stage_run *run, struct err *err);
    /* Once at the start, and after SIGHUP; may be NULL. Without a database connection. */
    bool (*start)(struct stage_run *run, struct err *err);
    void (*stop)(struct stage_run *run);
};

/* Until SIGTERM. False where it cannot start (configuration, rights). */
bool stage_loop(const struct stage *stage, const struct role_context *context, struct err *err) MUST_CHECK;

/* The same for a role with several queues or ticks: one claim of each in turn, on one connection. Each has a stage_run and so a state of
 * its own. */
enum { STAGE_COUNT_MAX = 4 };
bool stage_loop_all(const struct stage *const *stages, size_t count, const struct role_context *context, struct err *err) MUST_CHECK;

/* Claims and works until nothing is due, then returns: the loop without its sleeping, for tests. run has all but started state. False where
 * the database does not answer; work that fails is recorded as in the loop. */
bool stage_work_due(const struct stage *stage, struct stage_run *run, struct err *err) MUST_CHECK;

/* Signals of a role that blocks in the database: SIGTERM and SIGINT ask to end, SIGHUP to reload; both wake a sleeping poll. */
void stage_signals(void);
bool stage_is_ending(void);
bool stage_take_reload(void); /* true once after each SIGHUP */

/* The role's database connection, from its configuration. */
struct db *stage_db(const struct role_context *context);
/* Waits for the first connection and checks rights (selfcheck.h). False where the rights are not those embedded, or on SIGTERM (code
 * ERR_AGAIN then). */
bool stage_connect(const struct role_context *context, struct db *db, struct err *err) MUST_CHECK;

#endif
