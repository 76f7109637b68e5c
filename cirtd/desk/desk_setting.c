/* What a site decides on: numbers and words with a default. */
#include <stdlib.h>

#include "cirtd/desk/desk_inside.h"

static bool list_settings(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    db_text(call->params, desk_query_text(call, "name"));
    if (!desk_run(call, SQL_DESK_SETTING_LIST, &rows, err))
        return false;
    desk_page_add(call, rows, NULL);
    buf_add_char(&call->answer->body, '}');
    db_rows_free(rows);
    return true;
}

static bool set_setting(struct desk_call *call, struct err *err)
{
    char *body = json_dumps(call->body, JSON_COMPACT);
    db_text(call->params, call->name);
    db_text(call->params, body);
    bool ok = desk_run_one(call, SQL_DESK_SETTING_WRITE, 200, "setting", err);
    free(body);
    return ok;
}

const struct desk_route desk_setting_routes[] = {
    {"setting_list", list_settings},
    {"setting_set", set_setting},
    {NULL, NULL},
};
