#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"

static const char *object_name(unsigned object)
{
    return object == FILTER_CASE ? "case" : object == FILTER_REPORT ? "report" : "indicator";
}

static const char *fragment(unsigned object, const char *field, const char *comparison)
{
    for (size_t i = 0; i < sql_filter_text_count; i++) {
        const struct sql_filter_text *text = &sql_filter_texts[i];
        if (str_equal(text->object, object_name(object)) && str_equal(text->field, field) && str_equal(text->comparison, comparison))
            return text->text;
    }
    return NULL;
}

/* Common words are looked for in each case along the list; by index they would be found in most of them first. */
static const char *walking_fragment(unsigned object, const char *field, const char *comparison)
{
    const char *common = object == FILTER_CASE && str_equal(field, "text") ? fragment(object, field, "common") : NULL;
    return common ? common : fragment(object, field, comparison);
}

/* Drills are shown where they are named only. */
static const char *unnamed_drill(unsigned object, const struct filter *filter)
{
    return (object == FILTER_CASE || object == FILTER_REPORT) && !filter_mentions(filter, "drill") ? "v.drill_id = 0 AND " : "";
}

bool desk_list_query(struct desk_call *call, unsigned object, const char *text, struct desk_list_query *query, struct err *err)
{
    const struct filter_context context = {
        .object = object, .now = timestamp_now(), .zone_minutes = call->caller.zone_minutes, .me = call->caller.login};
    struct buf condition;
    *query = (struct desk_list_query){.filter = NULL};
    if (!filter_parse(text ? text : "", &context, &query->filter, err))
        return false;
    buf_init(&condition, 1024 * 1024);
    buf_add_text(&condition, unnamed_drill(object, query->filter));
    bool ok = filter_to_sql(query->filter, call->walks_words ? walking_fragment : fragment, 3, &condition, &query->parameters,
                            &query->parameter_count, err);
    query->condition = arena_strdup(call->arena, buf_text(&condition));
    buf_clear(&condition);
    if (ok && query->parameter_count + 2 > DB_PARAMETERS_MAX)
        ok = err_set(err, ERR_INPUT, "the filter has more than %d values", DB_PARAMETERS_MAX - 2);
    return ok;
}

bool desk_list_run(struct desk_call *call, unsigned object, enum sql_statement statement, const struct desk_page *page, size_t *count,
                   struct err *err)
{
    struct desk_list_query query;
    struct db_rows *rows = NULL;
    bool ok = desk_list_query(call, object, desk_query_text(call, "q"), &query, err);
    if (ok) {
        db_int8(call->params, page->limit);
        db_int8(call->params, page->offset);
        for (size_t i = 0; i < query.parameter_count; i++)
            db_text(call->params, query.parameters[i].text);
        ok = desk_run_filtered(call, statement, query.condition, &rows, err);
    }
    if (ok) {
        *count = db_row_count(rows);
        desk_page_add(call, rows, page);
    }
    db_rows_free(rows);
    filter_free(query.filter);
    return ok;
}
