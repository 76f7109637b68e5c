#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "model/observable.h"
#include "model/observable_refang.h"

static bool show_me(struct desk_call *call, struct err *err)
{
    db_text(call->params, CIRT_VERSION);
    return desk_run_one(call, SQL_DESK_ME, 200, "identity", err);
}

static bool find_observable(struct desk_call *call, enum observable_type type, const char *value, int64_t limit, struct err *err)
{
    db_text(call->params, observable_type_name(type));
    db_text(call->params, value);
    db_text(call->params, observable_host(call->arena, type, value));
    db_int8(call->params, limit);
    return desk_run_one(call, SQL_DESK_FIND_OBSERVABLE, 200, "value", err) && desk_place_add(call, type, value, err);
}

static bool find_value(struct desk_call *call, struct err *err)
{
    const char *text = desk_query_text(call, "value");
    enum observable_type type;
    struct desk_page page;
    if (!desk_page_read(call, &page, err))
        return false;
    if (str_is_empty(text))
        return err_set(err, ERR_INPUT, "value is missing");
    const char *value = observable_guess(call->arena, text, &type);
    if (value)
        return find_observable(call, type, value, page.limit, err);
    const char *words = observable_refang(call->arena, text, strlen(text), NULL), *found;
    if (!desk_look(call, FILTER_CASE, "text", words, &found, err))
        return false;
    db_text(call->params, words);
    db_int8(call->params, page.limit);
    if (found)
        db_text(call->params, found);
    return desk_run_one(call, found ? SQL_DESK_FIND_WORDS : SQL_DESK_FIND_WORDS_COMMON, 200, "value", err);
}

/* "TRANSACTION-ENTRY": entries of transactions that still run are not shown yet, so that none is ever skipped. */
static bool parse_cursor(const char *cursor, char transaction[24], int64_t *entry)
{
    int64_t number;
    size_t size = strcspn(cursor, "-");
    if (size == 0 || size >= 24 || cursor[size] != '-')
        return false;
    memcpy(transaction, cursor, size);
    transaction[size] = '\0';
    return str_to_int64(transaction, 0, INT64_MAX, &number) && str_to_int64(cursor + size + 1, 0, INT64_MAX, entry);
}

static bool cursor_now(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!desk_run(call, SQL_DESK_CHANGES_NOW, &rows, err))
        return false;
    buf_printf(&call->answer->body, "{\"items\":[],\"next\":\"%s\"}", db_get_text(rows, 0, 0));
    db_rows_free(rows);
    return true;
}

static bool show_changes(struct desk_call *call, struct err *err)
{
    const char *after = desk_query_text(call, "after");
    char transaction[24];
    int64_t entry;
    struct desk_page page;
    struct db_rows *rows = NULL;
    if (!desk_page_read(call, &page, err))
        return false;
    if (!after || !*after)
        return cursor_now(call, err);
    if (!parse_cursor(after, transaction, &entry))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no cursor: send the next of the answer before", after);
    db_text(call->params, transaction);
    db_int8(call->params, entry);
    db_int8(call->params, page.limit);
    if (!desk_run(call, SQL_DESK_CHANGES, &rows, err))
        return false;
    struct buf *body = &call->answer->body;
    size_t count = db_row_count(rows);
    buf_add_text(body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(body, i ? "," : "");
        buf_add_text(body, db_get_text(rows, i, 0));
    }
    buf_add_text(body, "],\"next\":");
    str_add_json(body, count ? db_get_text(rows, count - 1, 1) : after);
    buf_add_char(body, '}');
    db_rows_free(rows);
    return true;
}

const struct desk_route desk_find_routes[] = {
    {"me", show_me},
    {"find", find_value},
    {"changes", show_changes},
    {NULL, NULL},
};
