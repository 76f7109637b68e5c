#include "store/verdict_store.h"

bool verdict_store(struct db *db, enum sql_statement statement, struct db_params *params, const struct verdict *verdict, struct err *err)
{
    db_params_reset(params);
    db_int8(params, verdict->report_id);
    db_text(params, verdict->summary);
    db_text(params, verdict->encryption);
    db_text(params, verdict->covers);
    db_text(params, verdict->signer);
    db_text(params, verdict->fingerprint);
    db_text(params, verdict->key_now);
    db_time(params, verdict->signed_at);
    db_text(params, verdict->parts);
    db_text(params, verdict->route);
    return db_run(db, statement, params, NULL, err);
}
