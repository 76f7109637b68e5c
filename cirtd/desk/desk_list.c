#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"

static const char *object_name(unsigned object)
{
    return object == FILTER_CASE ? "case" : object == FILTER_REPORT ? "report" : "indicator";
}

static const char *find_fragment(unsigned object, const char *field, const char *comparison)
{
    for (size_t i = 0; i < sql_filter_text_count; i++) {
        const struct sql_filter_text *text = &sql_filter_texts[i];
        if (str_equal(text->object, object_name(object)) && str_equal(text->field, field) && str_equal(text->comparison, comparison))
            return text->text;
    }
    return NULL;
}

/* --- what is looked up before the list (sql/functions/060_find.sql, find_look) --- */

struct lookup {
    const char *field, *wanted; /* "ip", or "class.prefix"; the values as text, or as text of an array; of a range both ends in one */
    const char *found;          /* {ids}; NULL where they are too many */
    bool may_lead;
};
struct lookups {
    struct desk_call *call;
    struct lookup *items;
    size_t count, capacity;
    size_t written;               /* of them, in their order */
    const struct lookup *leading; /* the shortest of those that are required */
};

/* The form for common values of a term that is looked up, else NULL. */
static const char *common_form(unsigned object, const char *field, const char *comparison)
{
    const char *form = str_equal(comparison, "equal") || str_equal(comparison, "text") ? "common"
                       : str_equal(comparison, "prefix")                               ? "common_prefix"
                       : str_equal(comparison, "range")                                ? "common_range"
                                                                                       : NULL;
    return form ? find_fragment(object, field, form) : NULL;
}

static const char *or_null(const char *text)
{
    return text ? text : "NULL";
}

static void set_wanted(struct lookup *lookup, struct arena *arena, const char *field, const char *comparison,
                       const struct filter_parameter *parameters)
{
    bool is_range = str_equal(comparison, "range"), is_prefix = str_equal(comparison, "prefix");
    lookup->field = is_range || is_prefix ? arena_printf(arena, "%s.%s", field, comparison) : field;
    lookup->wanted =
        is_range ? arena_printf(arena, "{%s,%s}", or_null(parameters[0].text), or_null(parameters[1].text)) : parameters[0].text;
}

/* Found are the ids of what is listed (of an owner, his). */
static bool is_by_id(const char *fragment)
{
    return strncmp(fragment, "v.id = ", strlen("v.id = ")) == 0;
}

/* In the statement that decides. */
static bool is_asked_later(const struct lookups *lookups, const char *field)
{
    return lookups->call->keeps_state && str_equal(field, "state");
}

static const char *collect(void *context, unsigned object, const char *field, const char *comparison, struct filter_parameter *parameters,
                           bool is_required)
{
    struct lookups *lookups = context;
    const char *common = common_form(object, field, comparison), *text = find_fragment(object, field, comparison);
    if (common && is_asked_later(lookups, field))
        return common;
    if (common) {
        lookups->items = arena_grow(lookups->call->arena, lookups->items, &lookups->capacity, lookups->count, sizeof *lookups->items);
        struct lookup *lookup = &lookups->items[lookups->count++];
        *lookup = (struct lookup){.may_lead = is_required && is_by_id(text)};
        set_wanted(lookup, lookups->call->arena, field, comparison, parameters);
    }
    return text;
}

/* Of several lists of ids that are all required one leads: by two at once the index would be asked for each pair of them. */
static const char *write_term(void *context, unsigned object, const char *field, const char *comparison,
                              struct filter_parameter *parameters, bool is_required)
{
    struct lookups *lookups = context;
    const char *common = common_form(object, field, comparison), *text = find_fragment(object, field, comparison);
    if (common && is_asked_later(lookups, field))
        return common;
    if (common) {
        const struct lookup *lookup = &lookups->items[lookups->written++];
        if (!lookup->found)
            return common;
        parameters[0].text = lookup->found;
        if (is_required && is_by_id(text) && lookup != lookups->leading)
            return find_fragment(object, "found", str_equal(comparison, "range") ? "also_range" : "also");
    }
    return text;
}

static void choose_leading(struct lookups *lookups)
{
    for (size_t i = 0; i < lookups->count; i++) {
        const struct lookup *lookup = &lookups->items[i];
        if (lookup->may_lead && lookup->found && (!lookups->leading || strlen(lookup->found) < strlen(lookups->leading->found)))
            lookups->leading = lookup;
    }
}

static bool ask(struct lookups *lookups, unsigned object, struct err *err)
{
    struct desk_call *call = lookups->call;
    struct db_array fields, values;
    struct db_rows *rows = NULL;
    db_array_init(&fields, DB_TEXT_ARRAY);
    db_array_init(&values, DB_TEXT_ARRAY);
    for (size_t i = 0; i < lookups->count; i++) {
        db_array_add_text(&fields, lookups->items[i].field);
        db_array_add_text(&values, lookups->items[i].wanted);
    }
    db_text(call->params, object_name(object));
    db_array(call->params, &fields);
    db_array(call->params, &values);
    db_bool(call->params, call->looks_again);
    bool ok = desk_run(call, SQL_DESK_LOOK, &rows, err);
    for (size_t i = 0; ok && i < lookups->count; i++) {
        lookups->items[i].found = db_is_null(rows, i, 0) ? NULL : arena_strdup(call->arena, db_get_text(rows, i, 0));
        call->has_common = call->has_common || !lookups->items[i].found;
    }
    choose_leading(lookups);
    db_rows_free(rows);
    db_array_clear(&fields);
    db_array_clear(&values);
    return ok;
}

bool desk_look(struct desk_call *call, unsigned object, const char *field, const char *wanted, const char **found, struct err *err)
{
    struct lookup lookup = {.field = field, .wanted = wanted};
    struct lookups lookups = {.call = call, .items = &lookup, .count = 1};
    bool ok = ask(&lookups, object, err);
    *found = lookup.found;
    return ok;
}

/* Drills are shown where they are named only. */
static const char *unnamed_drill(unsigned object, const struct filter *filter)
{
    return (object == FILTER_CASE || object == FILTER_REPORT) && !filter_mentions(filter, "drill") ? "v.drill_id = 0 AND " : "";
}

static bool write_condition(struct desk_list_query *query, unsigned object, filter_fragment fragment, struct lookups *lookups,
                            struct buf *condition, struct err *err)
{
    buf_reset(condition);
    buf_add_text(condition, unnamed_drill(object, query->filter));
    return filter_to_sql(query->filter, fragment, lookups, 3, condition, &query->parameters, &query->parameter_count, err);
}

bool desk_list_query(struct desk_call *call, unsigned object, const char *text, struct desk_list_query *query, struct err *err)
{
    const struct filter_context context = {
        .object = object, .now = timestamp_now(), .zone_minutes = call->caller.zone_minutes, .me = call->caller.login};
    struct lookups lookups = {.call = call};
    struct buf condition;
    *query = (struct desk_list_query){.filter = NULL};
    if (!filter_parse(text ? text : "", &context, &query->filter, err))
        return false;
    buf_init(&condition, 1024 * 1024);
    bool ok = write_condition(query, object, collect, &lookups, &condition, err);
    if (ok && lookups.count > 0)
        ok = ask(&lookups, object, err) && write_condition(query, object, write_term, &lookups, &condition, err);
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
