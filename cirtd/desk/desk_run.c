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
    bool is_hurried = call->has_common && !call->looks_again;
    bool ok = settle(call, statement, db_run_filtered(call->db, statement, condition, call->params, rows, err), err);
    /* The short time is the list's: what follows in the transaction, and COMMIT, has the usual one. */
    return ok && (!is_hurried || desk_run(call, SQL_DESK_LOOK_END, NULL, err));
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
