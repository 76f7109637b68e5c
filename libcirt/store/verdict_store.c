#include "store/verdict_store.h"

#include <stdlib.h>

#include "base/mem.h"

/* The arrays of verdicts_store() in sql/functions, in their order. */
enum column {
    REPORT,
    SUMMARY,
    ENCRYPTION,
    COVERS,
    SIGNER,
    FINGERPRINT,
    KEY_NOW,
    SIGNED_AT,
    PARTS,
    PROTOCOL,
    ALGORITHM,
    NEEDED,
    UNKNOWN,
    PAYLOADS,
    TO,
    COLUMN_COUNT
};

struct verdict_batch {
    struct db_array columns[COLUMN_COUNT];
    struct db_params *params;
};

void verdict_init(struct verdict *verdict)
{
    db_list_init(&verdict->needed);
    db_list_init(&verdict->unknown);
    db_list_init(&verdict->payloads);
    db_list_init(&verdict->to);
}

void verdict_clear(struct verdict *verdict)
{
    db_list_clear(&verdict->needed);
    db_list_clear(&verdict->unknown);
    db_list_clear(&verdict->payloads);
    db_list_clear(&verdict->to);
}

static enum db_array_kind kind_of(enum column column)
{
    if (column == REPORT)
        return DB_INT8_ARRAY;
    return column == SIGNED_AT ? DB_TIME_ARRAY : DB_TEXT_ARRAY;
}

struct verdict_batch *verdict_batch_new(void)
{
    struct verdict_batch *batch = mem_calloc(1, sizeof *batch);
    for (enum column i = 0; i < COLUMN_COUNT; i++)
        db_array_init(&batch->columns[i], kind_of(i));
    batch->params = db_params_new();
    return batch;
}

void verdict_batch_free(struct verdict_batch *batch)
{
    if (!batch)
        return;
    for (enum column i = 0; i < COLUMN_COUNT; i++)
        db_array_clear(&batch->columns[i]);
    db_params_free(batch->params);
    free(batch);
}

void verdict_batch_reset(struct verdict_batch *batch)
{
    for (enum column i = 0; i < COLUMN_COUNT; i++)
        db_array_reset(&batch->columns[i]);
}

void verdict_batch_add(struct verdict_batch *batch, const struct verdict *verdict)
{
    const char *const texts[COLUMN_COUNT] = {
        [SUMMARY] = verdict->summary, [ENCRYPTION] = verdict->encryption,   [COVERS] = verdict->covers,
        [SIGNER] = verdict->signer,   [FINGERPRINT] = verdict->fingerprint, [KEY_NOW] = verdict->key_now,
        [PARTS] = verdict->parts,     [PROTOCOL] = verdict->protocol,       [ALGORITHM] = verdict->algorithm,
    };
    db_array_add_int8(&batch->columns[REPORT], verdict->report_id);
    db_array_add_time(&batch->columns[SIGNED_AT], verdict->signed_at);
    for (enum column i = SUMMARY; i <= ALGORITHM; i++)
        if (i != SIGNED_AT)
            db_array_add_text(&batch->columns[i], texts[i]);
    db_array_add_list(&batch->columns[NEEDED], &verdict->needed);
    db_array_add_list(&batch->columns[UNKNOWN], &verdict->unknown);
    db_array_add_list(&batch->columns[PAYLOADS], &verdict->payloads);
    db_array_add_list(&batch->columns[TO], &verdict->to);
}

bool verdict_batch_store(struct db *db, enum sql_statement statement, struct verdict_batch *batch, struct err *err)
{
    if (batch->columns[REPORT].count == 0)
        return true;
    db_params_reset(batch->params);
    for (enum column i = 0; i < COLUMN_COUNT; i++)
        db_array(batch->params, &batch->columns[i]);
    return db_run(db, statement, batch->params, NULL, err);
}
