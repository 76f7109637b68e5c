/* Indicators: listed, marked and withdrawn by analysts, and made into lists that leave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "codec/export.h"
#include "model/observable.h"

enum { VALUES_MOST = 1000, EXPORT_PAGE = 2000, CASE_PAGE = 5000 };

static bool list_indicators(struct desk_call *call, struct err *err)
{
    struct desk_page page;
    size_t count;
    if (!desk_page_read(call, &page, err) || !desk_list_run(call, FILTER_INDICATOR, SQL_DESK_INDICATOR_LIST, &page, &count, err))
        return false;
    buf_add_char(&call->answer->body, '}');
    return true;
}

/* --- values that a person named --- */

/* As parameters: the types as an array, values and hosts as lists in JSON. In the call's arena. */
struct values {
    struct buf types;
    json_t *values, *hosts;
};

static bool add_value(struct desk_call *call, struct values *values, const char *type_name, const json_t *item, size_t number,
                      struct err *err)
{
    enum observable_type type = OBSERVABLE_TEXT;
    const char *at = arena_printf(call->arena, "/values/%zu", number), *text = json_string_value(item), *value;
    if (!text)
        return err_set_at(err, ERR_INPUT, at, "values is a list of texts");
    if (type_name && !observable_type_parse(type_name, &type))
        return desk_problem_set(call, 422, "ipv4, domain, url, sha256, ...: docs/NORMALISATION.md", err, "\"%.60s\" is no type", type_name);
    value = type_name ? observable_read(call->arena, &type, text) : observable_guess(call->arena, text, &type);
    if (!value)
        return desk_problem_set(call, 422, type_name ? NULL : "name its type: --type filename", err,
                                type_name ? "\"%.100s\" is no %.60s" : "\"%.100s\" is no address, name, URL, digest or the like", text,
                                type_name);
    buf_printf(&values->types, "%s%d", number ? "," : "{", (int)type);
    json_array_append_new(values->values, json_string(value));
    const char *host = observable_host(call->arena, type, value);
    json_array_append_new(values->hosts, host ? json_string(host) : json_null());
    return true;
}

static bool read_values(struct desk_call *call, struct values *values, struct err *err)
{
    const json_t *list = json_object_get(call->body, "values"), *item;
    const char *type_name;
    size_t i;
    buf_init(&values->types, 16 * 1024);
    values->values = json_array();
    values->hosts = json_array();
    if (!desk_body_text(call, "type", &type_name, err))
        return false;
    if (json_array_size(list) == 0 || json_array_size(list) > VALUES_MOST)
        return err_set_at(err, ERR_INPUT, "/values", "values is a list of 1 to %d texts", VALUES_MOST);
    json_array_foreach(list, i, item) if (!add_value(call, values, type_name, item, i, err)) return false;
    buf_add_char(&values->types, '}');
    return true;
}

static const char *dumped(struct desk_call *call, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    const char *kept = arena_strdup(call->arena, text);
    free(text);
    return kept;
}

static void bind_values(struct desk_call *call, const struct values *values)
{
    db_text(call->params, arena_strdup(call->arena, buf_text(&values->types)));
    db_text(call->params, dumped(call, values->values));
    db_text(call->params, dumped(call, values->hosts));
}

static void clear_values(struct values *values)
{
    buf_clear(&values->types);
    json_decref(values->values);
    json_decref(values->hosts);
}

static bool read_confidence(struct desk_call *call, const char **confidence, struct err *err)
{
    const json_t *number = json_object_get(call->body, "confidence");
    *confidence = NULL;
    if (!number || json_is_null(number))
        return true;
    if (!json_is_integer(number) || json_integer_value(number) < 0 || json_integer_value(number) > 100)
        return err_set_at(err, ERR_INPUT, "/confidence", "confidence is a number from 0 to 100");
    *confidence = arena_printf(call->arena, "%d", (int)json_integer_value(number));
    return true;
}

static bool add_indicators(struct desk_call *call, struct err *err)
{
    struct values values = {.values = NULL};
    const char *name, *role, *tlp, *until, *reason, *confidence;
    int64_t moment;
    bool ok = read_values(call, &values, err) && desk_body_case(call, &name, err) && desk_body_text(call, "role", &role, err) &&
              desk_body_text(call, "tlp", &tlp, err) && desk_body_text(call, "until", &until, err) &&
              desk_body_text(call, "reason", &reason, err) && read_confidence(call, &confidence, err);
    if (ok && str_is_empty(name))
        ok = desk_problem_set(call, 422, "cirt indicator add VALUE --case N -m WHY", err, "an indicator is marked in a case");
    if (ok && until && !timestamp_parse_rfc3339(until, &moment))
        ok = err_set_at(err, ERR_INPUT, "/until", "until is a time as RFC 3339 has it");
    if (ok) {
        db_text(call->params, name);
        bind_values(call, &values);
        db_text(call->params, role);
        db_text(call->params, tlp);
        db_text(call->params, confidence);
        db_text(call->params, until);
        db_text(call->params, reason);
        ok = desk_run_one(call, SQL_DESK_INDICATOR_ADD, 201, "case", err);
    }
    clear_values(&values);
    return ok;
}

static bool withdraw_indicators(struct desk_call *call, struct err *err)
{
    struct values values = {.values = NULL};
    const char *reason;
    bool ok = read_values(call, &values, err) && desk_body_text(call, "reason", &reason, err);
    if (ok) {
        bind_values(call, &values);
        db_text(call->params, reason);
        ok = desk_run_one(call, SQL_DESK_INDICATOR_WITHDRAW, 200, "indicator", err);
    }
    clear_values(&values);
    return ok;
}

/* --- lists that leave --- */

/* part: as export_next() made it, with the format and the filter of the list. What has ended is not in it unless the filter speaks of ends.
 */
static bool take_filtered(struct desk_call *call, const char *part, const struct desk_list_query *query, struct err *err)
{
    struct db_rows *rows = NULL;
    db_text(call->params, part);
    db_bool(call->params, filter_mentions(query->filter, "expires"));
    for (size_t i = 0; i < query->parameter_count; i++)
        db_text(call->params, query->parameters[i].text);
    bool ok = desk_run_filtered(call, SQL_DESK_EXPORT_TAKE, query->condition, &rows, err);
    if (ok) {
        json_t *head = json_loads(db_get_text(rows, 0, 0), 0, NULL);
        call->answer->status = json_is_true(json_object_get(head, "more")) ? 202 : 201;
        json_decref(head);
        buf_add_text(&call->answer->body, db_get_text(rows, 0, 0));
    }
    db_rows_free(rows);
    return ok;
}

static bool take_part(struct desk_call *call, enum sql_statement next, struct err *err)
{
    struct desk_list_query query = {.filter = NULL};
    struct db_rows *rows = NULL;
    if (!desk_run(call, next, &rows, err))
        return false;
    const char *part = arena_strdup(call->arena, db_get_text(rows, 0, 0));
    db_rows_free(rows);
    json_t *read = json_loads(part, 0, NULL);
    const char *whole = json_string_value(json_object_get(read, "whole"));
    bool ok = whole;
    if (whole) {
        call->answer->status = 201;
        buf_add_text(&call->answer->body, whole);
    } else
        ok = desk_list_query(call, FILTER_INDICATOR, json_string_value(json_object_get(read, "filter")), &query, err) &&
             take_filtered(call, part, &query, err);
    json_decref(read);
    filter_free(query.filter);
    return ok;
}

static bool make_export(struct desk_call *call, struct err *err)
{
    const char *text, *format_name, *tlp;
    if (!desk_body_text(call, "q", &text, err) || !desk_body_text(call, "format", &format_name, err) ||
        !desk_body_text(call, "tlp", &tlp, err))
        return false;
    const struct export_format *format = export_find(format_name);
    enum tlp label;
    if (!format)
        return desk_problem_set(call, 422, "the formats: cirt help indicator export, or docs/FORMATS.md", err, "\"%.60s\" is no format",
                                format_name ? format_name : "");
    if (tlp && !tlp_parse(tlp, &label))
        return desk_problem_set(call, 422, "one of clear, green, amber, amber+strict", err, "\"%.40s\" is no label", tlp);
    json_t *head = json_pack("{s:s, s:s?, s:s?, s:b}", "format", format->name, "filter", text, "tlp", tlp ? tlp_name(label) : NULL,
                             "blocks", format->is_block_list);
    db_text(call->params, dumped(call, head));
    json_decref(head);
    return take_part(call, SQL_DESK_EXPORT_BEGIN, err);
}

static bool make_more(struct desk_call *call, struct err *err)
{
    int64_t id;
    if (!desk_query_id(call, 'x', call->name, &id, err))
        return false;
    db_int8(call->params, id);
    return take_part(call, SQL_DESK_EXPORT_NEXT, err);
}

static bool export_is_whole(struct desk_call *call, int64_t id, struct err *err)
{
    struct db_rows *rows = NULL;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_EXPORT_EXISTS, &rows, err))
        return false;
    bool is_there = db_row_count(rows) > 0, is_whole = is_there && db_get_bool(rows, 0, 0);
    db_rows_free(rows);
    if (!is_there)
        return err_set(err, ERR_NOT_FOUND, "there is no export \"%.60s\"", call->name);
    return is_whole || desk_problem_set(call, 409, arena_printf(call->arena, "POST /v1/exports/%s/more", call->name), err,
                                        "export %.60s is not whole yet", call->name);
}

static bool page_export(struct desk_call *call, struct err *err)
{
    const char *cursor = desk_query_text(call, "cursor");
    struct buf *body = &call->answer->body;
    struct db_rows *rows = NULL;
    int64_t id, after = 0;
    if (cursor && *cursor && !str_to_int64(cursor, 0, INT32_MAX, &after))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no cursor: send the next of the page before", cursor);
    if (!desk_query_id(call, 'x', call->name, &id, err) || !export_is_whole(call, id, err))
        return false;
    db_int8(call->params, id);
    db_int8(call->params, after);
    db_int8(call->params, EXPORT_PAGE);
    if (!desk_run(call, SQL_DESK_EXPORT_PAGE, &rows, err))
        return false;
    size_t count = db_row_count(rows);
    desk_page_add(call, rows, NULL);
    if (count == EXPORT_PAGE) { /* instead of null */
        body->size -= strlen("null");
        buf_printf(body, "\"%lld\"", (long long)db_get_int(rows, count - 1, 1));
    }
    buf_add_char(body, '}');
    db_rows_free(rows);
    return true;
}

/* --- all of a case --- */

/* "5.4.d41d8cd98f00b204e9800998ecf8427e", as case_values() makes it. */
static bool is_case_cursor(const char *text)
{
    unsigned type, role;
    int size = 0;
    return sscanf(text, "%2u.%1u.%*32[0-9a-f]%n", &type, &role, &size) == 2 && size > 0 && text[size] == '\0';
}

static bool page_case(struct desk_call *call, struct err *err)
{
    const char *cursor = desk_query_text(call, "cursor"), *with_statements = desk_query_text(call, "statements");
    struct buf *body = &call->answer->body;
    struct db_rows *rows = NULL;
    db_text(call->params, call->name);
    db_text(call->params, cursor && *cursor ? cursor : NULL);
    db_int8(call->params, CASE_PAGE);
    db_bool(call->params, with_statements && str_equal(with_statements, "1"));
    if (cursor && *cursor && !is_case_cursor(cursor))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no cursor: send the next of the page before", cursor);
    if (!desk_run(call, SQL_DESK_CASE_OBSERVABLES, &rows, err))
        return false;
    size_t count = db_row_count(rows);
    desk_page_add(call, rows, NULL);
    if (count == CASE_PAGE) { /* instead of null */
        body->size -= strlen("null");
        buf_printf(body, "\"%s\"", db_get_text(rows, count - 1, 1));
    }
    buf_add_char(body, '}');
    db_rows_free(rows);
    return true;
}

const struct desk_route desk_indicator_routes[] = {
    {"indicator_list", list_indicators},
    {"indicator_add", add_indicators},
    {"indicator_withdraw", withdraw_indicators},
    {"export_make", make_export},
    {"export_more", make_more},
    {"export_page", page_export},
    {"case_observables", page_case},
    {NULL, NULL},
};
