#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "codec/codec.h"

static bool list_reports(struct desk_call *call, struct err *err)
{
    struct desk_page page;
    size_t count;
    if (!desk_page_read(call, &page, err) || !desk_list_run(call, FILTER_REPORT, SQL_DESK_REPORT_LIST, &page, &count, err))
        return false;
    buf_add_char(&call->answer->body, '}');
    return true;
}

enum { OBSERVATIONS_DEFAULT = 100, OBSERVATIONS_MOST = 10000 };

static bool show_report(struct desk_call *call, struct err *err)
{
    const char *wanted = desk_query_text(call, "observations");
    int64_t id, most = OBSERVATIONS_DEFAULT;
    if (!desk_query_id(call, 'r', call->name, &id, err))
        return false;
    if (wanted && !str_to_int64(wanted, 0, OBSERVATIONS_MOST, &most))
        return err_set_at(err, ERR_INPUT, "?observations=", "a number from 0 to %d", OBSERVATIONS_MOST);
    db_int8(call->params, id);
    db_int8(call->params, most);
    return desk_run_one(call, SQL_DESK_REPORT_SHOW, 200, "report", err);
}

/* Some chunks at a time, so that the row set in memory stays small beside the bytes. *last: the number of the last chunk read. */
static bool add_chunks(struct desk_call *call, int64_t id, int32_t *last, bool *is_end, struct err *err)
{
    struct db_rows *rows = NULL;
    db_int8(call->params, id);
    db_int4(call->params, *last);
    if (!desk_run(call, SQL_DESK_REPORT_RAW, &rows, err))
        return false;
    size_t count = db_row_count(rows);
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const unsigned char *bytes = db_get_bytes(rows, i, 1, &size);
        buf_add(&call->answer->body, bytes, size);
        *last = (int32_t)db_get_int(rows, i, 0);
    }
    *is_end = count == 0;
    db_rows_free(rows);
    return true;
}

static bool get_raw(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    int64_t id, size;
    int32_t last = -1;
    bool is_end = false;
    if (!desk_query_id(call, 'r', call->name, &id, err))
        return false;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_REPORT_SIZE, &rows, err))
        return false;
    bool is_there = db_row_count(rows) > 0;
    size = is_there ? db_get_int(rows, 0, 0) : 0;
    db_rows_free(rows);
    if (!is_there)
        return err_set(err, ERR_NOT_FOUND, "there is no report \"%.60s\"", call->name);
    if (size > DESK_RAW_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the report has %lld bytes, more than one answer holds", (long long)size);
    buf_clear(&call->answer->body);
    buf_init(&call->answer->body, DESK_RAW_BYTES_MAX);
    while (!is_end)
        if (!add_chunks(call, id, &last, &is_end, err))
            return false;
    if (last < 0 && size > 0)
        return err_set(err, ERR_DENIED, "the bytes of %.60s hold a value that is for named persons only (TLP:RED)", call->name);
    call->answer->content_type = "application/octet-stream";
    call->answer->status = 200;
    return true;
}

static bool replay_report(struct desk_call *call, struct err *err)
{
    const char *format;
    int64_t id;
    if (!desk_query_id(call, 'r', call->name, &id, err) || !desk_body_text(call, "format", &format, err))
        return false;
    if (format && !codec_find(format))
        return desk_problem_set(call, 422, "the formats: cirt help submit, or docs/FORMATS.md", err, "\"%.60s\" is no format", format);
    db_int8(call->params, id);
    db_text(call->params, format);
    return desk_run(call, SQL_DESK_REPORT_REPLAY, NULL, err) && show_report(call, err);
}

/* --- letting go and turning away what is held --- */

enum { DECIDED_MOST = 10000 };

/* ["r1","r2"] of the body as {1,2}; NULL where none were named. In the call's arena. */
static bool named_reports(struct desk_call *call, const char **out, struct err *err)
{
    const json_t *list = json_object_get(call->body, "reports");
    struct buf text;
    size_t i;
    json_t *item;
    *out = NULL;
    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list) || json_array_size(list) > DECIDED_MOST)
        return err_set_at(err, ERR_INPUT, "/reports", "a list of at most %d reports", DECIDED_MOST);
    buf_init(&text, DESK_BODY_BYTES_MAX);
    buf_add_char(&text, '{');
    bool ok = true;
    json_array_foreach(list, i, item)
    {
        int64_t id = 0;
        ok = ok && json_is_string(item) && desk_query_id(call, 'r', json_string_value(item), &id, err);
        buf_printf(&text, "%s%lld", i ? "," : "", (long long)id);
    }
    buf_add_char(&text, '}');
    *out = arena_strdup(call->arena, buf_text(&text));
    buf_clear(&text);
    return ok || err->code != 0 || err_set_at(err, ERR_INPUT, "/reports", "reports is a list of ids: \"r81\"");
}

static bool answer_decided(struct desk_call *call, bool ok, struct db_rows *rows)
{
    if (ok) {
        call->answer->status = 200;
        buf_add_text(&call->answer->body, db_get_text(rows, 0, 0));
    }
    db_rows_free(rows);
    return ok;
}

/* What the filter finds among the held ones, or where it names a state among the dropped ones too. */
static bool decide_filtered(struct desk_call *call, const char *verb, const char *options, const char *text, struct err *err)
{
    struct desk_list_query query;
    struct db_rows *rows = NULL;
    call->keeps_state = true;
    bool ok = desk_list_query(call, FILTER_REPORT, text, &query, err);
    if (ok) {
        const char *condition =
            arena_printf(call->arena, "%s%s", filter_mentions(query.filter, "state") ? "" : "v.state = 'held' AND ", query.condition);
        db_text(call->params, verb);
        db_text(call->params, options);
        for (size_t i = 0; i < query.parameter_count; i++)
            db_text(call->params, query.parameters[i].text);
        ok = desk_run_filtered(call, SQL_DESK_REPORTS_DECIDE_FILTERED, condition, &rows, err);
    }
    filter_free(query.filter);
    return answer_decided(call, ok, rows);
}

static bool decide_named(struct desk_call *call, const char *verb, const char *options, const char *reports, struct err *err)
{
    struct db_rows *rows = NULL;
    db_text(call->params, verb);
    db_text(call->params, options);
    db_text(call->params, reports);
    bool ok = desk_run(call, SQL_DESK_REPORTS_DECIDE, &rows, err);
    return answer_decided(call, ok, rows);
}

static bool decide(struct desk_call *call, const char *verb, const char *reason, struct err *err)
{
    const char *filter, *reports;
    bool is_dry = false;
    if (!desk_body_bool(call, "dry_run", &is_dry, err) || !desk_body_text(call, "q", &filter, err) || !named_reports(call, &reports, err))
        return false;
    if ((filter != NULL) == (reports != NULL))
        return desk_problem_set(call, 422, NULL, err, "either reports, a list of ids, or q, a filter");
    json_t *object = json_pack("{s:s?, s:b}", "reason", reason, "dry_run", is_dry);
    char *options = json_dumps(object, JSON_COMPACT);
    bool ok = filter ? decide_filtered(call, verb, options, filter, err) : decide_named(call, verb, options, reports, err);
    free(options);
    json_decref(object);
    return ok;
}

static bool accept_reports(struct desk_call *call, struct err *err)
{
    return decide(call, "accept", NULL, err);
}

static bool reject_reports(struct desk_call *call, struct err *err)
{
    const char *reason;
    if (!desk_body_text(call, "reason", &reason, err))
        return false;
    if (str_is_empty(reason))
        return desk_problem_set(call, 422, "cirt report reject ... -m WHY", err, "turning reports away needs a reason");
    return decide(call, "reject", reason, err);
}

/* --- reading many again --- */

static bool replay_filtered(struct desk_call *call, const char *format, const char *is_dry, const char *text, struct err *err)
{
    struct desk_list_query query;
    struct db_rows *rows = NULL;
    bool ok = desk_list_query(call, FILTER_REPORT, text, &query, err);
    if (ok) {
        db_text(call->params, format);
        db_text(call->params, is_dry);
        for (size_t i = 0; i < query.parameter_count; i++)
            db_text(call->params, query.parameters[i].text);
        ok = desk_run_filtered(call, SQL_DESK_REPORTS_REPLAY_FILTERED, query.condition, &rows, err);
    }
    filter_free(query.filter);
    return answer_decided(call, ok, rows);
}

/* {"q": FILTER} or {"reports": [..]}: of the malformed ones. */
static bool replay_reports(struct desk_call *call, struct err *err)
{
    const char *filter, *reports, *format;
    struct db_rows *rows = NULL;
    bool is_dry = false;
    if (!desk_body_bool(call, "dry_run", &is_dry, err) || !desk_body_text(call, "q", &filter, err) ||
        !desk_body_text(call, "format", &format, err) || !named_reports(call, &reports, err))
        return false;
    if (format && !codec_find(format))
        return desk_problem_set(call, 422, "the formats: cirt help submit, or docs/FORMATS.md", err, "\"%.60s\" is no format", format);
    if ((filter != NULL) == (reports != NULL))
        return desk_problem_set(call, 422, NULL, err, "either reports, a list of ids, or q, a filter");
    if (filter)
        return replay_filtered(call, format, is_dry ? "true" : "false", filter, err);
    db_text(call->params, format);
    db_text(call->params, is_dry ? "true" : "false");
    db_text(call->params, reports);
    bool ok = desk_run(call, SQL_DESK_REPORTS_REPLAY, &rows, err);
    return answer_decided(call, ok, rows);
}

const struct desk_route desk_report_routes[] = {
    {"report_list", list_reports},
    {"report_show", show_report},
    {"report_raw", get_raw},
    {"report_replay", replay_report},
    {"reports_replay", replay_reports},
    {"report_accept", accept_reports},
    {"report_reject", reject_reports},
    {NULL, NULL},
};
