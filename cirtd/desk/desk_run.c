#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"

static bool settle(struct desk_call *call, enum sql_statement statement, bool ok, struct err *err)
{
    db_params_reset(call->params);
    if (!ok)
        desk_problem_take(&call->problem, statement, call->db, err);
    return ok;
}

bool desk_run(struct desk_call *call, enum sql_statement statement, struct db_rows **rows, struct err *err)
{
    return settle(call, statement, db_run(call->db, statement, call->params, rows, err), err);
}

bool desk_run_filtered(struct desk_call *call, enum sql_statement statement, const char *condition, struct db_rows **rows, struct err *err)
{
    return settle(call, statement, db_run_filtered(call->db, statement, condition, call->params, rows, err), err);
}

bool desk_run_one(struct desk_call *call, enum sql_statement statement, int status, const char *noun, struct err *err)
{
    struct db_rows *rows = NULL;
    bool ok = desk_run(call, statement, &rows, err);
    if (ok && (db_row_count(rows) == 0 || db_is_null(rows, 0, 0)))
        ok = err_set(err, ERR_NOT_FOUND, "there is no %s \"%.100s\"", noun, call->name);
    if (ok) {
        call->answer->status = status;
        buf_add_text(&call->answer->body, db_get_text(rows, 0, 0));
    }
    db_rows_free(rows);
    return ok;
}

const char *desk_query(struct desk_call *call, const char *name)
{
    size_t size = strlen(call->request->path) + 1;
    char *value = arena_calloc(call->arena, size, 1);
    return api_query_value(call->request->path, name, value, size) ? value : NULL;
}

bool desk_page_read(struct desk_call *call, struct desk_page *page, struct err *err)
{
    const char *limit = desk_query(call, "limit"), *cursor = desk_query(call, "cursor");
    *page = (struct desk_page){.limit = DESK_LIST_DEFAULT};
    if (limit && !str_to_int64(limit, 1, DESK_LIST_MAX, &page->limit))
        return err_set(err, ERR_INPUT, "limit is a number from 1 to %d", DESK_LIST_MAX);
    if (cursor && *cursor && !str_to_int64(cursor, 0, INT32_MAX, &page->offset))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no cursor: send the next of the page before", cursor);
    return true;
}

void desk_page_add(struct desk_call *call, const struct db_rows *rows, const struct desk_page *page)
{
    struct buf *body = &call->answer->body;
    size_t count = db_row_count(rows);
    call->answer->status = 200;
    buf_add_text(body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(body, i ? "," : "");
        buf_add_text(body, db_get_text(rows, i, 0));
    }
    if (page && count == (size_t)page->limit)
        buf_printf(body, "],\"next\":\"%lld\"", (long long)(page->offset + page->limit));
    else
        buf_add_text(body, "],\"next\":null");
}

bool desk_run_page(struct desk_call *call, enum sql_statement statement, const char *third, struct err *err)
{
    struct desk_page page;
    struct db_rows *rows = NULL;
    if (!desk_page_read(call, &page, err))
        return false;
    db_int8(call->params, page.limit);
    db_int8(call->params, page.offset);
    if (!third || *third)
        db_text(call->params, third);
    if (!desk_run(call, statement, &rows, err))
        return false;
    desk_page_add(call, rows, &page);
    buf_add_char(&call->answer->body, '}');
    db_rows_free(rows);
    return true;
}

bool desk_id(struct desk_call *call, char letter, const char *text, int64_t *id, struct err *err)
{
    const char *digits = text + ((*text | 0x20) == letter);
    UNUSED(call);
    return str_to_int64(digits, 1, INT64_MAX, id) ||
           err_set(err, ERR_NOT_FOUND, "there is no \"%.60s\": a number, or %c and a number", text, letter);
}

bool desk_text_array(struct desk_call *call, const char *member, const char **out, struct err *err)
{
    const json_t *list = json_object_get(call->body, member);
    struct buf text;
    size_t i;
    json_t *item;
    *out = NULL;
    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return err_set_at(err, ERR_INPUT, arena_printf(call->arena, "/%s", member), "%s must be a list", member);
    buf_init(&text, DESK_BODY_BYTES_MAX);
    buf_add_char(&text, '{');
    bool ok = true;
    json_array_foreach(list, i, item)
    {
        ok = ok && json_is_string(item);
        buf_add_text(&text, i ? ",\"" : "\"");
        for (const char *c = json_is_string(item) ? json_string_value(item) : ""; *c; c++) {
            if (*c == '"' || *c == '\\')
                buf_add_char(&text, '\\');
            buf_add_char(&text, *c);
        }
        buf_add_char(&text, '"');
    }
    buf_add_char(&text, '}');
    *out = arena_strdup(call->arena, buf_text(&text));
    buf_clear(&text);
    return ok || err_set_at(err, ERR_INPUT, arena_printf(call->arena, "/%s", member), "%s must be a list of texts", member);
}
