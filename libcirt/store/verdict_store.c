#include "store/verdict_store.h"

void verdict_init(struct verdict *verdict)
{
    db_array_init(&verdict->needed, DB_TEXT_ARRAY);
    db_array_init(&verdict->unknown, DB_TEXT_ARRAY);
    db_array_init(&verdict->payloads, DB_BYTES_ARRAY);
    db_array_init(&verdict->to, DB_TEXT_ARRAY);
}

void verdict_clear(struct verdict *verdict)
{
    db_array_clear(&verdict->needed);
    db_array_clear(&verdict->unknown);
    db_array_clear(&verdict->payloads);
    db_array_clear(&verdict->to);
}

bool verdict_store(struct db *db, enum sql_statement statement, struct db_params *params, struct verdict *verdict, struct err *err)
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
    db_text(params, verdict->protocol);
    db_text(params, verdict->algorithm);
    db_array(params, &verdict->needed);
    db_array(params, &verdict->unknown);
    db_array(params, &verdict->payloads);
    db_array(params, &verdict->to);
    return db_run(db, statement, params, NULL, err);
}
