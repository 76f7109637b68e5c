#include "cirtd/desk/desk_inside.h"

enum { OBSERVATIONS_SHOWN = 100 };

/* Orders it; the answer is the report as it is now. Whoever wants the new verdict asks again until signature.checked is another. */
static bool verify_report(struct desk_call *call, struct err *err)
{
    int64_t id;
    if (!desk_query_id(call, 'r', call->name, &id, err))
        return false;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_REPORT_VERIFY, NULL, err))
        return false;
    db_int8(call->params, id);
    db_int8(call->params, OBSERVATIONS_SHOWN);
    return desk_run_one(call, SQL_DESK_REPORT_SHOW, 202, "report", err);
}

const struct desk_route desk_verify_routes[] = {{"report_verify", verify_report}, {NULL, NULL}};
