#include "cirtd/stages/decode_batch.h"

#include <stdlib.h>

#include "base/mem.h"

/* The arrays of inbox_facts() and inbox_to_verify() in sql/functions, in their order. */
enum { F_REPORT, F_FACTS, F_COUNT };
enum { V_REPORT, V_MESSAGE, V_ORD, V_STEP, V_PATH, V_PROTOCOL, V_BYTES, V_SIGNATURE, V_COUNT };

static const enum db_array_kind fact_kinds[F_COUNT] = {DB_INT8_ARRAY, DB_TEXT_ARRAY};
static const enum db_array_kind verify_kinds[V_COUNT] = {DB_INT8_ARRAY, DB_TEXT_ARRAY, DB_INT4_ARRAY,  DB_INT4_ARRAY,
                                                         DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_BYTES_ARRAY, DB_BYTES_ARRAY};

/* Beyond so many bytes the memory of the arrays is given back. */
enum { KEPT_BYTES_MAX = 4 * 1024 * 1024 };

struct decode_batch {
    struct report_batch *content;
    struct db_array facts[F_COUNT], verify[V_COUNT];
    struct verdict_batch *verdicts;
    struct db_params *params;
};

static void arrays_init(struct db_array *arrays, const enum db_array_kind *kinds, int count)
{
    for (int i = 0; i < count; i++)
        db_array_init(&arrays[i], kinds[i]);
}

static void arrays_clear(struct db_array *arrays, int count)
{
    for (int i = 0; i < count; i++)
        db_array_clear(&arrays[i]);
}

static void arrays_reset(struct db_array *arrays, const enum db_array_kind *kinds, int count)
{
    for (int i = 0; i < count; i++) {
        bool is_large = arrays[i].buf.capacity > KEPT_BYTES_MAX;
        if (is_large)
            db_array_clear(&arrays[i]);
        if (is_large)
            db_array_init(&arrays[i], kinds[i]);
        else
            db_array_reset(&arrays[i]);
    }
}

struct decode_batch *decode_batch_new(void)
{
    struct decode_batch *batch = mem_calloc(1, sizeof *batch);
    batch->content = report_batch_new();
    batch->verdicts = verdict_batch_new();
    batch->params = db_params_new();
    arrays_init(batch->facts, fact_kinds, F_COUNT);
    arrays_init(batch->verify, verify_kinds, V_COUNT);
    return batch;
}

void decode_batch_free(struct decode_batch *batch)
{
    if (!batch)
        return;
    report_batch_free(batch->content);
    verdict_batch_free(batch->verdicts);
    db_params_free(batch->params);
    arrays_clear(batch->facts, F_COUNT);
    arrays_clear(batch->verify, V_COUNT);
    free(batch);
}

void decode_batch_reset(struct decode_batch *batch)
{
    report_batch_reset(batch->content);
    verdict_batch_reset(batch->verdicts);
    arrays_reset(batch->facts, fact_kinds, F_COUNT);
    arrays_reset(batch->verify, verify_kinds, V_COUNT);
}

struct report_batch *decode_batch_content(struct decode_batch *batch)
{
    return batch->content;
}

void decode_batch_add_facts(struct decode_batch *batch, int64_t report_id, const char *facts)
{
    db_array_add_int8(&batch->facts[F_REPORT], report_id);
    db_array_add_text(&batch->facts[F_FACTS], facts);
}

void decode_batch_add_verdict(struct decode_batch *batch, const struct verdict *verdict)
{
    verdict_batch_add(batch->verdicts, verdict);
}

void decode_batch_add_message(struct decode_batch *batch, int64_t report_id, const char *message)
{
    db_array_add_int8(&batch->verify[V_REPORT], report_id);
    db_array_add_text(&batch->verify[V_MESSAGE], message);
}

void decode_batch_add_part(struct decode_batch *batch, const struct decode_part *part)
{
    db_array_add_int4(&batch->verify[V_ORD], (int32_t)batch->verify[V_REPORT].count);
    db_array_add_int4(&batch->verify[V_STEP], part->step);
    db_array_add_text(&batch->verify[V_PATH], part->path);
    db_array_add_text(&batch->verify[V_PROTOCOL], part->protocol);
    db_array_add_bytes(&batch->verify[V_BYTES], part->bytes, part->size);
    db_array_add_bytes(&batch->verify[V_SIGNATURE], part->signature, part->signature_size);
}

static bool store_arrays(struct decode_batch *batch, struct db *db, enum sql_statement statement, struct db_array *arrays, int count,
                         struct err *err)
{
    if (arrays[0].count == 0)
        return true;
    db_params_reset(batch->params);
    for (int i = 0; i < count; i++)
        db_array(batch->params, &arrays[i]);
    return db_run(db, statement, batch->params, NULL, err);
}

static bool store_content(struct decode_batch *batch, struct db *db, struct err *err)
{
    size_t count = report_batch_count(batch->content);
    struct report_result *results = mem_calloc(count + 1, sizeof *results);
    bool ok = count == 0 || report_batch_store(db, SQL_DECODE_REPORTS_DECODED, batch->content, results, err);
    free(results);
    return ok;
}

bool decode_batch_store(struct decode_batch *batch, struct db *db, struct err *err)
{
    return store_content(batch, db, err) && store_arrays(batch, db, SQL_DECODE_FACTS, batch->facts, F_COUNT, err) &&
           store_arrays(batch, db, SQL_DECODE_TO_VERIFY, batch->verify, V_COUNT, err) &&
           verdict_batch_store(db, SQL_DECODE_VERDICTS, batch->verdicts, err);
}
