/* How machine reports of a class become cases: the numbers that a site may set. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "model/rsit.h"
#include "rules/priority.h"

/* "fraud" where some class is "fraud/...", of any case; NULL otherwise. In the call's arena. */
static const char *type_name(struct desk_call *call, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < rsit_class_count; i++)
        if (str_starts_nocase(rsit_classes[i].name, text) && rsit_classes[i].name[size] == '/')
            return arena_printf(call->arena, "%.*s", (int)size, rsit_classes[i].name);
    return NULL;
}

/* A class, all of a type, or "*". */
static const char *setting_name(struct desk_call *call, const char *text, struct err *err)
{
    const char *name = str_equal(text, "*") ? "*" : rsit_find(text);
    if (!name)
        name = type_name(call, text);
    if (!name) {
        const char *nearest = rsit_nearest(text);
        desk_problem_set(call, 422, nearest, err, "\"%.60s\" is no class of the taxonomy, no type, and not *", text);
    }
    return name;
}

bool desk_class_name(struct desk_call *call, struct err *err)
{
    const char *text;
    if (!desk_body_text(call, "class", &text, err))
        return false;
    if (!text)
        return true;
    const char *name = setting_name(call, text, err);
    if (name && str_equal(name, "*"))
        json_object_set_new(call->body, "class", json_null());
    else if (name)
        json_object_set_new(call->body, "class", json_string(name));
    return name != NULL;
}

/* What there is where nothing is set; the wider ones have no priority of their own. */
static void add_priority(struct db_array *priorities, const char *name)
{
    if (strchr(name, '/'))
        db_array_add_int2(priorities, (int16_t)priority_of_class(name));
    else
        db_array_add_null(priorities);
}

static bool run_list(struct desk_call *call, const char *name, struct db_rows **rows, struct err *err)
{
    struct db_array names, priorities;
    db_array_init(&names, DB_TEXT_ARRAY);
    db_array_init(&priorities, DB_INT2_ARRAY);
    for (size_t i = 0; i < (name ? 1 : rsit_class_count + 1); i++) {
        const char *one = name ? name : i == 0 ? "*" : rsit_classes[i - 1].name;
        db_array_add_text(&names, one);
        add_priority(&priorities, one);
    }
    db_array(call->params, &names);
    db_array(call->params, &priorities);
    db_bool(call->params, name != NULL);
    bool ok = desk_run(call, SQL_DESK_CLASS_LIST, rows, err);
    db_array_clear(&names);
    db_array_clear(&priorities);
    return ok;
}

static bool list_classes(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    return run_list(call, NULL, &rows, err) && desk_page_answer(call, rows, err);
}

static bool show_class(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    const char *name = setting_name(call, call->name, err);
    if (!name || !run_list(call, name, &rows, err))
        return false;
    buf_add_text(&call->answer->body, db_get_text(rows, 0, 0));
    db_rows_free(rows);
    return true;
}

static bool set_class(struct desk_call *call, struct err *err)
{
    const char *name = setting_name(call, call->name, err);
    if (!name)
        return false;
    char *body = json_dumps(call->body, JSON_COMPACT);
    db_text(call->params, name);
    if (strchr(name, '/'))
        db_int2(call->params, (int16_t)priority_of_class(name));
    else
        db_null(call->params);
    db_text(call->params, body);
    bool ok = desk_run_one(call, SQL_DESK_CLASS_WRITE, 200, "class", err);
    free(body);
    return ok;
}

static bool remove_class(struct desk_call *call, struct err *err)
{
    const char *name = setting_name(call, call->name, err);
    if (!name)
        return false;
    db_text(call->params, name);
    if (!desk_run(call, SQL_DESK_CLASS_REMOVE, NULL, err))
        return false;
    call->answer->status = 204;
    call->answer->content_type = "";
    return true;
}

const struct desk_route desk_class_routes[] = {
    {"class_list", list_classes}, {"class_show", show_class}, {"class_set", set_class}, {"class_remove", remove_class}, {NULL, NULL}};
