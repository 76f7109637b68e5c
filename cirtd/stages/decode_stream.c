#include "cirtd/stages/decode_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/gather.h"
#include "crypto/digest.h"

enum { LINES_COUNT = 1000, LINES_BYTES = 4 * 1024 * 1024, PARTS_VALUES = 20000 };

/* True where the decoder, or the archive, found fault with the document. */
static bool is_fault(const struct err *err)
{
    return err->code == ERR_INPUT || err->code == ERR_LIMIT;
}

/* All of the source through the codec, whatever its shape. */
static bool run_stream(struct decode_job *job, struct decode_source *source, const struct codec_sink *sink, struct err *err)
{
    struct codec_hints hints = {.name = job->name[0] ? job->name : NULL,
                                .media_type = db_get_text(job->rows, job->row, DECODE_MEDIA_TYPE),
                                .mapping = job->mapping};
    struct codec_stream *stream = job->codec->open(job->limits, &hints, sink);
    const char *bytes = NULL;
    size_t size = 0;
    bool ok;
    do {
        ok = decode_source_next(source, &bytes, &size, err) && (size == 0 || job->codec->feed(stream, bytes, size, err));
    } while (ok && size > 0);
    ok = ok && job->codec->finish(stream, err);
    job->codec->close(stream);
    return ok;
}

/* --- rows --- */

struct rows {
    struct decode_job *job;
    struct report_batch *batch;
    struct report *head; /* what the document says as a whole */
    bool has_head, is_wanted;
    int32_t next_no;
};

/* Takes the place of what an earlier decoding read. Not wanted: the report went through triage, and keeps what it had. */
static bool begin_rows(struct rows *rows, struct err *err)
{
    struct decode_job *job = rows->job;
    struct db_rows *answer = NULL;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    if (!db_run(job->run->db, SQL_DECODE_ROWS_BEGIN, job->run->params, &answer, err))
        return false;
    rows->is_wanted = db_get_bool(answer, 0, 0);
    rows->next_no = 1;
    db_rows_free(answer);
    return true;
}

static bool on_rows(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct rows *rows = context;
    struct report_envelope envelope;
    UNUSED(first_line);
    UNUSED(bytes);
    UNUSED(size);
    if (!rows->has_head)
        gather_head(rows->head, report);
    rows->has_head = true;
    gather_further(rows->head, report);
    decode_envelope(rows->job, rows->head, "received", "triage", NULL, &envelope);
    if (!rows->is_wanted)
        rows->next_no += (int32_t)report->observation_count;
    return !rows->is_wanted || report->observation_count == 0 ||
           report_batch_store_rows(rows->job->run->db, SQL_DECODE_ROWS, rows->batch, &envelope, report, &rows->next_no, err);
}

bool decode_stream_rows(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err)
{
    struct rows rows = {.job = job, .batch = report_batch_new(), .head = report_new(job->codec->name)};
    const struct codec_sink sink = {.context = &rows, .on_report = on_rows};
    struct err telling;
    bool ok = begin_rows(&rows, err);
    if (ok && !run_stream(job, source, &sink, err)) {
        ok = false;
        /* Half a document is none. */
        *is_malformed = is_fault(err);
        job->claims_red = rows.head->tlp == TLP_RED; /* by the rows that were refused */
        if (*is_malformed && !(begin_rows(&rows, &telling) && decode_tell_columns(job, rows.head, false, &telling))) {
            *is_malformed = false;
            *err = telling; /* the database's fault, not the document's: tried again */
        }
    }
    if (ok) {
        job->observations = rows.next_no - 1;
        decode_add(job, rows.head, "received", "triage", NULL);
        ok = decode_tell_columns(job, rows.head, true, err);
    }
    report_batch_free(rows.batch);
    report_free(rows.head);
    return ok;
}

bool decode_stream_parts(struct decode_job *job, struct report *report, struct err *err)
{
    struct rows rows = {.job = job};
    struct report_envelope envelope;
    size_t values = report->observation_count;
    for (size_t i = 0; i < report->observation_count; i++)
        values += report->observations[i].sighting_count;
    if (values < PARTS_VALUES)
        return true;
    if (!begin_rows(&rows, err))
        return false;
    if (!rows.is_wanted)
        return true;
    decode_envelope(job, report, "received", "triage", NULL, &envelope);
    rows.batch = report_batch_new();
    bool ok = report_batch_store_rows(job->run->db, SQL_DECODE_ROWS, rows.batch, &envelope, report, &rows.next_no, err);
    report_batch_free(rows.batch);
    job->observations = rows.next_no - 1;
    report_drop_observations(report);
    return ok;
}

/* --- lines --- */

struct lines {
    struct decode_job *job;
    struct report_batch *batch;
    int64_t stored, known, malformed;
    int64_t first, last; /* of the new reports */
};

static bool flush(struct lines *lines, struct err *err)
{
    size_t count = report_batch_count(lines->batch);
    if (count == 0)
        return true;
    struct report_result *results = mem_calloc(count, sizeof *results);
    bool ok = report_batch_store(lines->job->run->db, SQL_DECODE_LINE_REPORTS, lines->batch, results, err);
    for (size_t i = 0; ok && i < count; i++) {
        lines->known += results[i].is_duplicate;
        lines->stored += !results[i].is_duplicate;
        if (!results[i].is_duplicate && (!lines->first || results[i].id < lines->first))
            lines->first = results[i].id;
        if (!results[i].is_duplicate && results[i].id > lines->last)
            lines->last = results[i].id;
    }
    free(results);
    report_batch_reset(lines->batch);
    return ok;
}

/* The statement takes sender and channel from the report at hand, which the id names. */
static bool add_line(struct lines *lines, struct report_envelope *envelope, const struct report *report, const char *bytes, size_t size,
                     struct err *err)
{
    digest_sha256(bytes, size, envelope->sha256);
    envelope->size = (int64_t)size;
    report_batch_add(lines->batch, envelope, report, bytes, size);
    return (report_batch_count(lines->batch) < LINES_COUNT && report_batch_size(lines->batch) < LINES_BYTES) || flush(lines, err);
}

static bool on_line(void *context, struct report *report, size_t number, const char *bytes, size_t size, struct err *err)
{
    struct lines *lines = context;
    struct report_envelope envelope;
    UNUSED(number);
    decode_envelope(lines->job, report, "received", "triage", NULL, &envelope);
    envelope.format = report->format; /* a line may be a document of another format */
    return add_line(lines, &envelope, report, bytes, size, err);
}

static bool on_bad_line(void *context, const struct err *why, size_t number, const char *bytes, size_t size, struct err *err)
{
    struct lines *lines = context;
    struct report_envelope envelope;
    UNUSED(number);
    lines->malformed++;
    decode_envelope(lines->job, NULL, NULL, NULL, NULL, &envelope);
    report_envelope_malformed(&envelope, why->text, why->at, bytes, size);
    return add_line(lines, &envelope, NULL, bytes, size, err);
}

static bool tell_split(struct lines *lines, struct err *err)
{
    struct stage_run *run = lines->job->run;
    struct report *head = report_new(lines->job->codec->name);
    head->description =
        arena_printf(head->arena, "%lld lines, each a report of its own (r%lld to r%lld), %lld that came before, %lld that cannot be read",
                     (long long)(lines->stored + lines->known), (long long)lines->first, (long long)lines->last, (long long)lines->known,
                     (long long)lines->malformed);
    decode_add(lines->job, head, "received", "none", NULL);
    report_free(head);
    db_params_reset(run->params);
    db_int8(run->params, lines->job->report_id);
    return db_run(run->db, SQL_DECODE_SPLIT, run->params, NULL, err);
}

bool decode_stream_lines(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err)
{
    struct lines lines = {.job = job, .batch = report_batch_new()};
    const struct codec_sink sink = {.context = &lines, .on_report = on_line, .on_bad_line = on_bad_line};
    bool ok = run_stream(job, source, &sink, err);
    /* A line too long, say: what stood before it came well, and stays. */
    *is_malformed = !ok && is_fault(err);
    if (ok || *is_malformed) {
        struct err telling;
        bool is_flushed = flush(&lines, &telling);
        if (!is_flushed)
            *err = telling;
        *is_malformed = *is_malformed && is_flushed;
        ok = ok && is_flushed && tell_split(&lines, err);
    }
    report_batch_free(lines.batch);
    return ok;
}
