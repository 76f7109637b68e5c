/* Row formats: one report of any number of observations, read, stored and hashed in one pass and one transaction. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/intake/intake_inside.h"
#include "codec/gather.h"
#include "crypto/digest.h"
#include "rules/repeat.h"

struct rows {
    struct intake *intake;
    struct intake_job *job;
    int64_t id;
    int32_t next_no;  /* of the next observation, from 1 */
    int32_t chunk_no; /* of the next raw chunk, from 0 */
    struct buf chunk;
    struct digest *digest;
    int64_t size;
    struct report *head; /* what the document says as a whole, without rows */
    bool has_head;
    struct repeat_set *repeats;
    size_t repeated;
    bool is_refused; /* the document, not the database, is at fault */
};

/* A report with more values than this is written in parts. */
enum { PARTS_VALUES = 20000 };

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct rows *rows = context;
    struct report_envelope envelope;
    UNUSED(first_line);
    UNUSED(bytes);
    UNUSED(size);
    /* The decoder's report lives for one call; its head is the same in each, but for a label that rows may narrow. */
    if (!rows->has_head)
        gather_head(rows->head, report);
    rows->has_head = true;
    gather_further(rows->head, report);
    intake_job_envelope(rows->job, rows->head, &envelope);
    rows->repeated += repeat_count(rows->repeats, report);
    envelope.id = rows->id;
    return report->observation_count == 0 ||
           report_batch_store_rows(rows->intake->db, SQL_INTAKE_REPORT_ROWS, rows->intake->batch, &envelope, report, &rows->next_no, err);
}

static bool begin(struct rows *rows, struct err *err)
{
    struct db_rows *answer = NULL;
    if (!db_ready(rows->intake->db, err) || !db_begin(rows->intake->db, err) ||
        !db_run(rows->intake->db, SQL_INTAKE_REPORT_BEGIN, NULL, &answer, err))
        return false;
    rows->id = db_get_int(answer, 0, 0);
    db_rows_free(answer);
    return true;
}

static bool flush_chunk(struct rows *rows, struct err *err)
{
    db_params_reset(rows->intake->params);
    db_int8(rows->intake->params, rows->id);
    db_int4(rows->intake->params, rows->chunk_no++);
    db_bytes(rows->intake->params, rows->chunk.bytes ? rows->chunk.bytes : "", rows->chunk.size);
    bool ok = db_run(rows->intake->db, SQL_INTAKE_REPORT_RAW_ADD, rows->intake->params, NULL, err);
    buf_reset(&rows->chunk); /* only now: the parameter is the buffer's own bytes */
    return ok;
}

static bool add_piece(void *context, const char *bytes, size_t size, struct err *err)
{
    struct rows *rows = context;
    digest_add(rows->digest, bytes, size);
    rows->size += (int64_t)size;
    if (rows->chunk.size + size > REPORT_RAW_CHUNK && !flush_chunk(rows, err))
        return false;
    if (!buf_add(&rows->chunk, bytes, size))
        BUG("a piece beyond a chunk");
    return true;
}

/* The decoder's own complaints (ERR_INPUT, ERR_LIMIT while the database is fine) make the document malformed. */
static bool decode(struct rows *rows, struct body *body, struct err *err)
{
    struct codec_hints hints = intake_job_hints(rows->job);
    const struct codec *codec = rows->job->codec;
    const struct codec_sink sink = {.context = rows, .on_report = on_report};
    struct codec_stream *stream = codec->open(&rows->intake->limits, &hints, &sink);
    const char *bytes = NULL;
    size_t size = 0;
    bool ok = true;
    body_set_tap(body, add_piece, rows);
    do {
        ok = body_next(body, &bytes, &size, err);
        rows->is_refused = !ok && ((rows->job->is_packed && (err->code == ERR_INPUT || err->code == ERR_LIMIT)) || body_is_damaged(err));
        if (ok && size > 0) {
            ok = codec->feed(stream, bytes, size, err);
            rows->is_refused = !ok && (err->code == ERR_INPUT || err->code == ERR_LIMIT);
        }
    } while (ok && size > 0);
    if (ok) {
        ok = codec->finish(stream, err);
        rows->is_refused = !ok && (err->code == ERR_INPUT || err->code == ERR_LIMIT);
    }
    codec->close(stream);
    return ok;
}

static bool count_repeated(struct rows *rows, struct err *err)
{
    struct intake *intake = rows->intake;
    db_params_reset(intake->params);
    db_int8(intake->params, rows->job->caller->sender_id);
    db_int8(intake->params, rows->size);
    return db_run(intake->db, SQL_INTAKE_REPEATED, intake->params, NULL, err);
}

/* A feed whose columns changed is told of, whether the document could be read or was refused. */
static bool tell_columns(struct rows *rows, bool is_read, struct err *err)
{
    struct report_envelope envelope;
    struct intake *intake = rows->intake;
    if (!rows->head->columns || !str_equal(rows->job->caller->role, "feed"))
        return true;
    intake_job_envelope(rows->job, rows->head, &envelope);
    db_params_reset(intake->params);
    db_int8(intake->params, rows->job->caller->sender_id);
    db_text(intake->params, rows->head->columns_of);
    db_text(intake->params, rows->head->columns);
    db_bool(intake->params, is_read);
    /* What was refused may have come to no label yet: it is RED where it will be kept as such. */
    db_int2(intake->params, (int16_t)(rows->job->claims_red ? TLP_RED : envelope.tlp));
    return db_run(intake->db, SQL_INTAKE_COLUMNS, intake->params, NULL, err);
}

static bool finish(struct rows *rows, struct report_result *result, struct err *err)
{
    struct report_envelope envelope;
    struct intake *intake = rows->intake;
    if (!flush_chunk(rows, err))
        return false;
    intake_job_envelope(rows->job, rows->head, &envelope);
    envelope.id = rows->id;
    envelope.size = rows->size;
    envelope.observations = rows->next_no - 1;
    digest_finish(rows->digest, envelope.sha256);
    report_batch_reset(intake->batch);
    report_batch_add(intake->batch, &envelope, rows->head, NULL, 0);
    if (!report_batch_store(intake->db, SQL_INTAKE_REPORTS_INSERT, intake->batch, result, err))
        return false;
    /* Sent before: what this transaction wrote is not wanted, its count included. */
    if (result->is_duplicate) {
        db_rollback(intake->db);
        return count_repeated(rows, err);
    }
    return tell_columns(rows, true, err) && db_commit(intake->db, err);
}

bool intake_has_parts(const struct report *report)
{
    size_t values = report->observation_count;
    for (size_t i = 0; i < report->observation_count; i++)
        values += report->observations[i].sighting_count;
    return values >= PARTS_VALUES;
}

static bool store_parts(struct rows *rows, struct report_result *result, struct err *err)
{
    struct report_envelope envelope;
    struct intake *intake = rows->intake;
    if (!begin(rows, err))
        return false;
    intake_job_envelope(rows->job, rows->head, &envelope);
    envelope.id = rows->id;
    if (!report_batch_store_rows(intake->db, SQL_INTAKE_REPORT_ROWS, intake->batch, &envelope, rows->head, &rows->next_no, err))
        return false;
    report_drop_observations(rows->head);
    for (size_t done = 0, size = 0; done < rows->job->raw_size; done += size) {
        size = rows->job->raw_size - done < BODY_PIECE ? rows->job->raw_size - done : BODY_PIECE;
        if (!add_piece(rows, rows->job->raw + done, size, err))
            return false;
    }
    return finish(rows, result, err);
}

void intake_parts(struct intake *intake, struct intake_job *job)
{
    struct rows rows = {.intake = intake, .job = job, .next_no = 1, .digest = digest_new(), .head = job->report};
    struct err err;
    struct report_result result;
    buf_init(&rows.chunk, REPORT_RAW_CHUNK + BODY_PIECE);
    if (store_parts(&rows, &result, &err)) {
        intake_answer_stored(job, &result, rows.next_no - 1, job->report);
    } else {
        db_rollback(intake->db);
        intake_answer_trouble(intake, job->request, &err);
    }
    digest_free(rows.digest);
    buf_clear(&rows.chunk);
}

void intake_rows(struct intake *intake, struct intake_job *job, struct body *body)
{
    struct rows rows = {
        .intake = intake, .job = job, .next_no = 1, .digest = digest_new(), .head = report_new(NULL), .repeats = repeat_set_new()};
    struct err err;
    struct report_result result;
    buf_init(&rows.chunk, REPORT_RAW_CHUNK + BODY_PIECE);
    bool ok = begin(&rows, &err) && decode(&rows, body, &err) && finish(&rows, &result, &err);
    rows.head->duplicate_total = rows.repeated;
    if (ok) {
        intake_answer_stored(job, &result, rows.next_no - 1, rows.head);
    } else {
        db_rollback(intake->db);
        job->error = err;
        if (rows.is_refused) {
            job->claims_red = rows.head->tlp == TLP_RED; /* by the rows that were refused */
            intake_search_red(job, body);
        }
        if (rows.is_refused && tell_columns(&rows, false, &err))
            intake_keep_malformed(intake, job, body);
        else
            worker_problem_err(job->request, &err);
    }
    digest_free(rows.digest);
    report_free(rows.head);
    repeat_set_free(rows.repeats);
    buf_clear(&rows.chunk);
}
