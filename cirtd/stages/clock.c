/* Clock: what happens because time passes. Each step is one idempotent statement, run again when its time has come. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"

enum { RETRY_MS = 60 * 1000 };

/*
 * To add a step: a function in sql/functions/072_clock.sql that says how much it did and whether more waits, its statement and grant, a row
 * here, a test in tests/db/test_clock.c.
 */
static const struct {
    const char *name; /* the word in the log */
    enum sql_statement statement;
    int every_s;
    enum log_level level; /* of what it did */
    bool is_alone;        /* takes locks that nothing else of this transaction may wait behind */
} steps[] = {
    {"partition_made", SQL_CLOCK_PARTITIONS, 3600, LOG_LEVEL_INFO, true},
    {"cases_escalated", SQL_CLOCK_ESCALATE, 2, LOG_LEVEL_INFO, false},
    {"waiting_ended", SQL_CLOCK_WAITING, 2, LOG_LEVEL_INFO, false},
    {"shares_expired", SQL_CLOCK_EXPIRE, 10, LOG_LEVEL_ERROR, false},
    {"mails_expired", SQL_CLOCK_EXPIRE_MAIL, 60, LOG_LEVEL_ERROR, false},
    {"digests_forgotten", SQL_CLOCK_DIGESTS, 3600, LOG_LEVEL_INFO, false},
    {"journal_anchored", SQL_CLOCK_ANCHOR, 300, LOG_LEVEL_INFO, false},
    {"cases_aged", SQL_CLOCK_AGE, 300, LOG_LEVEL_INFO, false},
    {"flood_forgotten", SQL_CLOCK_FLOOD, 600, LOG_LEVEL_INFO, false},
    {"rows_forgotten", SQL_CLOCK_FORGET, 3600, LOG_LEVEL_INFO, false},
    {"key_warnings", SQL_CLOCK_KEY_WARNINGS, 30, LOG_LEVEL_WARN, false},
    {"feeds_counted", SQL_CLOCK_FEEDS, 2, LOG_LEVEL_DEBUG, false},
    {"feed_notices", SQL_CLOCK_FEED_NOTICES, 10, LOG_LEVEL_WARN, false},
    {"keys_forgotten", SQL_CLOCK_KEYS_FORGOTTEN, 3600, LOG_LEVEL_INFO, false},
};

struct clock_state {
    int64_t due_ms[ARRAY_SIZE(steps)];
};

/* A step that fails must not stop the others: it waits a while, and the next turn begins behind it. */
static bool run_step(struct stage_run *run, size_t step, int64_t now_ms, int64_t *done, struct err *err)
{
    struct clock_state *state = run->state;
    struct db_rows *rows = NULL;
    state->due_ms[step] = now_ms + RETRY_MS;
    if (!db_run(run->db, steps[step].statement, NULL, &rows, err))
        return err_context(err, "%s", steps[step].name);
    *done = db_get_int(rows, 0, 0);
    state->due_ms[step] = db_get_bool(rows, 0, 1) ? now_ms : now_ms + steps[step].every_s * 1000;
    db_rows_free(rows);
    if (*done > 0)
        log_event(steps[step].level, steps[step].name, "count=%lld", (long long)*done);
    return true;
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct clock_state *state = run->state;
    int64_t now_ms = timestamp_monotonic_ms(), done = 0;
    UNUSED(rows);
    UNUSED(row);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (state->due_ms[i] > now_ms)
            continue;
        if (!run_step(run, i, now_ms, &done, err)) {
            /* Those before it are rolled back with it. */
            for (size_t before = 0; before < i; before++)
                state->due_ms[before] = now_ms;
            return false;
        }
        if (steps[i].is_alone && done > 0)
            return true;
    }
    return true;
}

/* Everything is due at once: at the start, and after SIGHUP. */
static bool start(struct stage_run *run, struct err *err)
{
    UNUSED(err);
    free(run->state);
    run->state = mem_calloc(1, sizeof(struct clock_state));
    return true;
}

static void stop(struct stage_run *run)
{
    free(run->state);
    run->state = NULL;
}

const struct stage clock_stage = {
    .role = "clock",
    .is_tick = true,
    .poll_ms = 2000,
    .work = work,
    .start = start,
    .stop = stop,
};

bool clock_run(const struct role_context *context, struct err *err)
{
    const struct stage *const stages[] = {&clock_stage, &clock_acknowledge_stage, &clock_compose_stage};
    return stage_loop_all(stages, ARRAY_SIZE(stages), context, err);
}
