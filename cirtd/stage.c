#include "cirtd/stage.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/selfcheck.h"

/* A transaction of many rows ends when it has taken so long: the lease of those behind is 15 s, and others wait for its locks. */
enum { AWAY_MS = 100, TRANSACTION_MS = 1000 };
/* How long rows may be waited for that share a transaction with others. How soon after its last work a stage looks again without a
 * notification: whoever adds rows where some wait already does not notify. */
enum { GATHER_MS_MAX = 50, LOOK_MS_MIN = 20 };
/* A further queue of a role that had nothing is asked again after so long, whatever goes on in the first. */
enum { FURTHER_MS = 50 };

static volatile sig_atomic_t stage_ending, stage_reload;

static void on_signal(int number)
{
    if (number == SIGHUP)
        stage_reload = 1;
    else
        stage_ending = 1;
}

void stage_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a sleeping poll() wakes */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool stage_is_ending(void)
{
    return stage_ending;
}

bool stage_take_reload(void)
{
    bool asked = stage_reload;
    stage_reload = 0;
    return asked;
}

struct db *stage_db(const struct role_context *context)
{
    const struct config *config = context->config;
    struct db_config db_config = {
        .host = config->database_host,
        .port = config->database_port,
        .name = config->database_name,
        .sslmode = config->database_sslmode,
        .password = config->database_password,
        .role = context->role->database,
    };
    return db_new(&db_config);
}

/* Says once that the database is away, and once that it is back. */
static void tell_trouble(bool *is_away, const struct err *err)
{
    if (err && !*is_away)
        log_warn("database_away", "%s", log_err(err));
    if (!err && *is_away)
        log_info("database_back", "%s", "");
    *is_away = err != NULL;
}

bool stage_connect(const struct role_context *context, struct db *db, struct err *err)
{
    bool is_away = false;
    while (!db_ready(db, err) || !selfcheck_rights(context->role, db, err)) {
        if (err->code != ERR_AGAIN)
            return false;
        tell_trouble(&is_away, err);
        if (stage_ending)
            return false;
        db_wait(db, 100);
    }
    tell_trouble(&is_away, NULL);
    return true;
}

static bool run_fail(const struct stage *stage, struct stage_run *run, int64_t id, int64_t attempts, const struct err *why)
{
    struct err err;
    bool is_final = why->code == ERR_INPUT || why->code == ERR_LIMIT || why->code == ERR_DENIED;
    char text[sizeof why->text + sizeof why->at + 4];
    snprintf(text, sizeof text, "%s%s%s", why->at, why->at[0] ? ": " : "", why->text);
    db_params_reset(run->params);
    db_int8(run->params, id);
    db_int4(run->params, (int32_t)attempts);
    db_text(run->params, text);
    db_bool(run->params, is_final);
    if (db_run(run->db, stage->fail, run->params, NULL, &err))
        return true;
    log_warn("fail_not_recorded", "id=%lld %s", (long long)id, log_err(&err));
    return false;
}

/* The rows first..first + count of the claim go, all of them or none: one that another worker has meanwhile is not ours to finish. */
static bool settle(const struct stage *stage, struct stage_run *run, struct db_rows *rows, size_t first, size_t count, struct err *err)
{
    struct db_array ids, attempts;
    struct db_rows *gone = NULL;
    db_array_init(&ids, DB_INT8_ARRAY);
    db_array_init(&attempts, DB_INT4_ARRAY);
    for (size_t row = first; row < first + count; row++) {
        db_array_add_int8(&ids, db_get_int(rows, row, 0));
        db_array_add_int4(&attempts, (int32_t)db_get_int(rows, row, 1));
    }
    db_params_reset(run->params);
    db_array(run->params, &ids);
    db_array(run->params, &attempts);
    bool ok = db_run(run->db, stage->settle, run->params, &gone, err);
    if (ok && db_row_count(gone) != count)
        ok = err_set(err, ERR_CONFLICT, "the lease ran out and another worker took it");
    db_rows_free(gone);
    db_array_clear(&ids);
    db_array_clear(&attempts);
    return ok;
}

static bool begin(const struct stage *stage, struct stage_run *run, struct err *err)
{
    if (stage->begin)
        stage->begin(run);
    return db_begin(run->db, err);
}

static bool finish(const struct stage *stage, struct stage_run *run, struct db_rows *rows, size_t first, size_t count, struct err *err)
{
    if (stage->finish && !stage->finish(run, err))
        return false;
    return settle(stage, run, rows, first, count, err) && db_commit(run->db, err);
}

/* Works on rows from `first` on in one transaction, until TRANSACTION_MS have passed; *done of them stand then. False: none does. */
static bool work_together(const struct stage *stage, struct stage_run *run, struct db_rows *rows, size_t first, size_t *done,
                          struct err *err)
{
    const int64_t end_ms = timestamp_monotonic_ms() + TRANSACTION_MS;
    size_t row = first;
    if (!begin(stage, run, err))
        return false;
    bool ok = true;
    do {
        db_params_reset(run->params);
        ok = stage->work(run, rows, row, err);
    } while (ok && ++row < db_row_count(rows) && timestamp_monotonic_ms() < end_ms);
    *done = row - first;
    if (ok && finish(stage, run, rows, first, *done, err))
        return true;
    db_rollback(run->db);
    return false;
}

static bool work_one(const struct stage *stage, struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    db_params_reset(run->params);
    if (stage->act && !stage->act(run, rows, row, err))
        return false;
    if (!begin(stage, run, err))
        return false;
    db_params_reset(run->params);
    if (stage->work(run, rows, row, err) && finish(stage, run, rows, row, 1, err))
        return true;
    db_rollback(run->db);
    return false;
}

/* False where the connection is gone: what was claimed comes back when its lease ends. */
static bool work_alone(const struct stage *stage, struct stage_run *run, struct db_rows *rows, size_t row)
{
    struct err err;
    err_clear(&err);
    if (work_one(stage, run, rows, row, &err))
        return true;
    log_event(err.code == ERR_AGAIN ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "work_failed", "id=%lld attempts=%lld %s",
              (long long)db_get_int(rows, row, 0), (long long)db_get_int(rows, row, 1), log_err(&err));
    if (!db_is_connected(run->db))
        return false;
    return err.code == ERR_CONFLICT || run_fail(stage, run, db_get_int(rows, row, 0), db_get_int(rows, row, 1), &err);
}

/* Together as long as all goes well; after the first fault each by itself, so that it is told which one has it, and the others go on. */
static bool work_claimed(const struct stage *stage, struct stage_run *run, struct db_rows *rows)
{
    bool is_together = stage->batch_rows > 0 && !stage->act && db_row_count(rows) > 1;
    for (size_t row = 0, done; row < db_row_count(rows); row += done) {
        struct err err;
        done = 0;
        if (is_together && work_together(stage, run, rows, row, &done, &err))
            continue;
        if (is_together)
            log_info("work_divided", "first=%lld rows=%zu %s", (long long)db_get_int(rows, row, 0), db_row_count(rows) - row,
                     log_err(&err));
        if (!db_is_connected(run->db))
            return false;
        is_together = false;
        done = 1;
        if (!work_alone(stage, run, rows, row))
            return false;
    }
    return true;
}

bool stage_work_due(const struct stage *stage, struct stage_run *run, struct err *err)
{
    for (;;) {
        struct db_rows *rows = NULL;
        if (!db_ready(run->db, err) || !db_run(run->db, stage->claim, NULL, &rows, err))
            return false;
        bool is_empty = db_row_count(rows) == 0, ok = work_claimed(stage, run, rows);
        db_rows_free(rows);
        if (!ok)
            return err_set(err, ERR_AGAIN, "the database went away");
        if (is_empty)
            return true;
    }
}

/* When to look again, where rows share transactions: see stage.h. */
static void gather(const struct stage *stage, struct stage_run *run, size_t count, int took_ms)
{
    if (stage->batch_rows == 0)
        return;
    if (count > 1 && count < (size_t)stage->batch_rows && took_ms <= GATHER_MS_MAX)
        run->rest_ms = took_ms;
    run->look_ms = count > 0 || run->look_ms == 0 ? LOOK_MS_MIN : 2 * run->look_ms;
    if (run->look_ms > stage->poll_ms)
        run->look_ms = stage->poll_ms;
}

/* One claim and its work. False where nothing was due. */
static bool turn(const struct stage *stage, struct stage_run *run, bool *is_away)
{
    struct err err;
    struct db_rows *rows = NULL;
    if (!db_ready(run->db, &err) || !db_run(run->db, stage->claim, NULL, &rows, &err)) {
        tell_trouble(is_away, &err);
        return false;
    }
    tell_trouble(is_away, NULL);
    size_t count = db_row_count(rows);
    int64_t begun_ms = timestamp_monotonic_ms();
    work_claimed(stage, run, rows);
    db_rows_free(rows);
    gather(stage, run, count, (int)(timestamp_monotonic_ms() - begun_ms));
    return count > 0;
}

static void tick(const struct stage *stage, struct stage_run *run, bool *is_away)
{
    struct err err;
    int64_t now_ms = timestamp_monotonic_ms();
    if (run->due_ms > now_ms)
        return;
    run->due_ms = now_ms + stage->poll_ms;
    db_params_reset(run->params);
    if (db_ready(run->db, &err) && db_begin(run->db, &err) && stage->work(run, NULL, 0, &err) && db_commit(run->db, &err)) {
        tell_trouble(is_away, NULL);
        return;
    }
    db_rollback(run->db);
    if (err.code == ERR_AGAIN)
        tell_trouble(is_away, &err);
    else
        log_error("tick_failed", "%s", log_err(&err));
}

/* What a role runs. */
struct loop {
    const struct stage *const *stages;
    size_t count;
    struct stage_run runs[STAGE_COUNT_MAX];
    struct db *db;
    bool is_away;
};

static bool start_all(struct loop *loop, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < loop->count; i++)
        ok = !loop->stages[i]->start || loop->stages[i]->start(&loop->runs[i], err);
    return ok;
}

static bool listen_all(struct loop *loop, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < loop->count; i++)
        ok = loop->stages[i]->is_tick || db_listen(loop->db, loop->stages[i]->listen, err);
    return ok;
}

/* How long there is nothing to do but for a notification; which may have been for the one that was skipped. */
static int sleep_ms(const struct loop *loop, bool was_skipped)
{
    int64_t shortest = was_skipped ? FURTHER_MS : INT32_MAX, now_ms = timestamp_monotonic_ms();
    for (size_t i = 0; i < loop->count; i++) {
        const struct stage *stage = loop->stages[i];
        int64_t wait = stage->is_tick ? loop->runs[i].due_ms - now_ms : stage->batch_rows > 0 ? loop->runs[i].look_ms : stage->poll_ms;
        shortest = wait < shortest ? wait : shortest;
    }
    return shortest > 0 ? (int)shortest : 0;
}

static bool ask(struct loop *loop, size_t i)
{
    struct stage_run *run = &loop->runs[i];
    bool is_busy = turn(loop->stages[i], run, &loop->is_away);
    run->due_ms = is_busy ? 0 : timestamp_monotonic_ms() + FURTHER_MS;
    return is_busy;
}

/* Each once; then a sleep where none had work. */
static void turn_all(struct loop *loop)
{
    bool is_busy = false, was_skipped = false;
    int rest_ms = 0;
    for (size_t i = 0; i < loop->count && !stage_ending; i++) {
        loop->runs[i].rest_ms = 0;
        if (loop->stages[i]->is_tick)
            tick(loop->stages[i], &loop->runs[i], &loop->is_away);
        else if (i == 0 || loop->runs[i].due_ms <= timestamp_monotonic_ms())
            is_busy = ask(loop, i) || is_busy;
        else
            was_skipped = true;
        rest_ms = loop->runs[i].rest_ms > rest_ms ? loop->runs[i].rest_ms : rest_ms;
    }
    if (stage_ending)
        return;
    if (loop->is_away)
        db_wait(loop->db, AWAY_MS);
    else if (!is_busy)
        db_wait(loop->db, sleep_ms(loop, was_skipped));
    else if (rest_ms > 0)
        poll(NULL, 0, rest_ms); /* not db_wait(): notifications are what there is too many of */
}

static void loop_open(struct loop *loop, const struct role_context *context)
{
    struct db_params *params = db_params_new();
    loop->db = stage_db(context);
    for (size_t i = 0; i < loop->count; i++)
        loop->runs[i] = (struct stage_run){.context = context, .db = loop->db, .params = params};
}

static void loop_close(struct loop *loop)
{
    for (size_t i = 0; i < loop->count; i++)
        if (loop->stages[i]->stop)
            loop->stages[i]->stop(&loop->runs[i]);
    db_params_free(loop->runs[0].params);
    db_free(loop->db);
}

bool stage_loop_all(const struct stage *const *stages, size_t count, const struct role_context *context, struct err *err)
{
    struct loop loop = {.stages = stages, .count = count};
    if (count == 0 || count > STAGE_COUNT_MAX)
        BUG("%zu stages in one role", count);
    loop_open(&loop, context);
    stage_signals();
    bool ok = start_all(&loop, err) && listen_all(&loop, err) && stage_connect(context, loop.db, err);
    while (ok && !stage_ending) {
        struct err reload_err;
        if (stage_take_reload() && !start_all(&loop, &reload_err))
            log_error("reload_failed", "%s", log_err(&reload_err));
        turn_all(&loop);
    }
    loop_close(&loop);
    return ok || stage_ending;
}

bool stage_loop(const struct stage *stage, const struct role_context *context, struct err *err)
{
    return stage_loop_all(&stage, 1, context, err);
}
