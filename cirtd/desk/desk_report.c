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

const struct desk_route desk_report_routes[] = {
    {"report_list", list_reports}, {"report_show", show_report}, {"report_raw", get_raw}, {"report_replay", replay_report}, {NULL, NULL},
};
