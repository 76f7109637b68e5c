/*
 * Mail that a machine writes, by the role clock: who reported by mail is told the number of the case (a tick), and what was ordered
 * (acknowledgements, warnings) gets its text from the site's templates and is sent (a queue).
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/outgoing.h"
#include "cirtd/outgoing_text.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"

enum { POLL_MS = 2000 };

/* The columns of `compose_claim`. */
enum { ID, ATTEMPTS, MAIL, OCCASION, LANG, SUBJECT, BODY };

static const struct outgoing_statements statements = {SQL_CLOCK_MAIL_OUTLINE, SQL_CLOCK_MAIL_ROUTES, SQL_CLOCK_MAIL_FILES};

/* --- acknowledgements --- */

static bool acknowledge(struct stage_run *run, struct db_rows *none, size_t row, struct err *err)
{
    const struct config *config = run->context->config;
    struct db_rows *rows = NULL;
    UNUSED(none);
    UNUSED(row);
    if (!config->outgoing_acknowledge)
        return true;
    db_text(run->params, config->outgoing_address);
    db_int4(run->params, config->acknowledge_per_domain_hour);
    db_int4(run->params, config->acknowledge_per_hour);
    if (!db_run(run->db, SQL_CLOCK_ACKNOWLEDGE, run->params, &rows, err))
        return false;
    if (db_get_int(rows, 0, 0) > 0)
        log_info("acknowledgements_ordered", "count=%lld", (long long)db_get_int(rows, 0, 0));
    if (db_get_bool(rows, 0, 1))
        run->due_ms = 0; /* more wait */
    db_rows_free(rows);
    return true;
}

const struct stage clock_acknowledge_stage = {.role = "clock", .is_tick = true, .poll_ms = POLL_MS, .work = acknowledge};

/* --- the text, and off it goes --- */

/* What was ordered without words gets those of the template. */
static bool set_text(struct stage_run *run, const struct db_rows *rows, size_t row, struct arena *arena, struct err *err)
{
    const struct config *config = run->context->config;
    const char *subject = db_get_text(rows, row, SUBJECT), *text = db_get_text(rows, row, BODY);
    struct outgoing_values values;
    if (str_is_empty(text) &&
        (!outgoing_text_values(run->db, run->params, SQL_CLOCK_MAIL_VARIABLES, db_get_int(rows, row, MAIL), arena, &values, err) ||
         !outgoing_text_render(config->outgoing_templates, db_get_text(rows, row, OCCASION), db_get_text(rows, row, LANG), &values, arena,
                               &subject, &text, err)))
        return false;
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(rows, row, MAIL));
    db_text(run->params, config->outgoing_address);
    db_text(run->params, subject);
    db_text(run->params, text);
    return db_run(run->db, SQL_CLOCK_MAIL_COMPOSED, run->params, NULL, err);
}

static bool send(struct stage_run *run, int64_t mail, struct arena *arena, struct err *err)
{
    struct outgoing outgoing;
    struct db_array payloads;
    json_t *pieces = NULL;
    if (!outgoing_read(run->db, run->params, &statements, mail, NULL, arena, &outgoing, err))
        return false;
    if (!outgoing.verdict.is_sendable)
        return err_set(err, ERR_DENIED, "%s", outgoing.verdict.text);
    const char *message_id = outgoing_message_id(arena, outgoing.sender);
    db_array_init(&payloads, DB_BYTES_ARRAY);
    bool ok = outgoing_pieces(&outgoing, message_id, timestamp_now(), &pieces, &payloads, err);
    char *text = ok ? json_dumps(pieces, JSON_COMPACT) : NULL;
    if (ok) {
        db_params_reset(run->params);
        db_int8(run->params, mail);
        db_text(run->params, message_id);
        db_text(run->params, text);
        db_array(run->params, &payloads);
        ok = db_run(run->db, SQL_CLOCK_MAIL_SEND, run->params, NULL, err);
    }
    free(text);
    json_decref(pieces);
    db_array_clear(&payloads);
    return ok;
}

static bool compose(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct arena *arena = arena_new();
    int64_t mail = db_get_int(rows, row, MAIL);
    bool ok = set_text(run, rows, row, arena, err) && send(run, mail, arena, err);
    if (ok)
        log_info("mail_composed", "mail=m%lld occasion=%s", (long long)mail, db_get_text(rows, row, OCCASION));
    arena_free(arena);
    return ok;
}

const struct stage clock_compose_stage = {
    .role = "clock",
    .listen = SQL_CLOCK_COMPOSE_LISTEN,
    .claim = SQL_CLOCK_COMPOSE_CLAIM,
    .settle = SQL_CLOCK_COMPOSE_SETTLE,
    .fail = SQL_CLOCK_COMPOSE_FAIL,
    .poll_ms = POLL_MS,
    .work = compose,
};
