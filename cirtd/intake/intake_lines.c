/* NDJSON: a report a line, stored in batches of one transaction, a result a line. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/intake/intake_inside.h"
#include "crypto/digest.h"

/* ANSWER_MAX: results of some 1.4 million good lines. It is held twice for a moment, here and in the file that goes to the gate. */
enum { FLUSH_COUNT = 4000, FLUSH_BYTES = 16 * 1024 * 1024, ANSWER_MAX = 64 * 1024 * 1024 };

/* What is known of a line until its batch is stored. */
struct line {
    size_t number;
    char *error; /* of a bad line, as JSON text; NULL for a good one */
};

struct lines {
    struct intake *intake;
    struct intake_job *job;
    struct line *waiting;
    size_t waiting_count, waiting_capacity;
    size_t flush_count; /* 1 after a batch was refused: each line alone */
    struct buf answer;
};

static void forget(struct lines *lines)
{
    for (size_t i = 0; i < lines->waiting_count; i++)
        free(lines->waiting[i].error);
    lines->waiting_count = 0;
    report_batch_reset(lines->intake->batch);
}

static void add_result(struct lines *lines, const struct line *line, const struct report_result *result)
{
    bool is_bad = line->error && (!result->is_duplicate || result->is_malformed);
    int status = is_bad || result->is_malformed ? 400 : result->is_duplicate ? 200 : 201;
    buf_printf(&lines->answer, "{\"line\":%zu,\"status\":%d,\"report\":\"r%lld\"", line->number, status, (long long)result->id);
    if (is_bad)
        buf_add_text(&lines->answer, line->error);
    else if (status == 400)
        buf_add_text(&lines->answer, ",\"error\":\"kept as malformed when it came first; it can be replayed\"");
    intake_add_label(&lines->answer, lines->job, result);
    buf_add_text(&lines->answer, "}\n");
}

static bool flush(struct lines *lines, struct err *err)
{
    struct intake *intake = lines->intake;
    size_t count = report_batch_count(intake->batch);
    if (count == 0)
        return true;
    struct report_result *results = mem_calloc(count, sizeof *results);
    bool ok = db_ready(intake->db, err) && report_batch_store(intake->db, SQL_INTAKE_REPORTS_INSERT, intake->batch, results, err);
    if (!ok && err->code == ERR_AGAIN)
        ok = db_ready(intake->db, err) && report_batch_store(intake->db, SQL_INTAKE_REPORTS_INSERT, intake->batch, results, err);
    for (size_t i = 0; ok && i < count; i++)
        add_result(lines, &lines->waiting[i], &results[i]);
    free(results);
    forget(lines);
    if (ok && lines->answer.full)
        return err_set(err, ERR_LIMIT, "too many lines for one answer; send smaller bodies");
    return ok;
}

static bool add_line(struct lines *lines, size_t number, char *error, struct err *err)
{
    lines->waiting = mem_grow(lines->waiting, &lines->waiting_capacity, lines->waiting_count, sizeof *lines->waiting);
    lines->waiting[lines->waiting_count++] = (struct line){.number = number, .error = error};
    if (report_batch_count(lines->intake->batch) >= lines->flush_count || report_batch_size(lines->intake->batch) > FLUSH_BYTES)
        return flush(lines, err);
    return true;
}

static bool on_report(void *context, struct report *report, size_t number, const char *bytes, size_t size, struct err *err)
{
    struct lines *lines = context;
    struct report_envelope envelope;
    intake_job_envelope(lines->job, report, &envelope);
    envelope.format = report->format; /* a line may be a document of another format */
    digest_sha256(bytes, size, envelope.sha256);
    envelope.size = (int64_t)size;
    report_batch_add(lines->intake->batch, &envelope, report, bytes, size);
    return add_line(lines, number, NULL, err);
}

static bool on_bad_line(void *context, const struct err *why, size_t number, const char *bytes, size_t size, struct err *err)
{
    struct lines *lines = context;
    struct report_envelope envelope;
    intake_job_envelope(lines->job, NULL, &envelope);
    report_envelope_malformed(&envelope, why->text, why->at, bytes, size);
    digest_sha256(bytes, size, envelope.sha256);
    envelope.size = (int64_t)size;
    size_t kept = lines->job->caller->is_over_quota && size > 4096 ? 4096 : size;
    report_batch_add(lines->intake->batch, &envelope, NULL, bytes, kept);
    struct buf members;
    buf_init(&members, 4096);
    buf_add_text(&members, ",\"at\":");
    str_add_json(&members, why->at);
    buf_add_text(&members, ",\"error\":");
    str_add_json(&members, why->text);
    char *error = mem_strdup(buf_text(&members));
    buf_clear(&members);
    return add_line(lines, number, error, err);
}

static bool run(struct lines *lines, struct body *body, struct err *err)
{
    const struct codec_sink sink = {.context = lines, .on_report = on_report, .on_bad_line = on_bad_line};
    struct codec_stream *stream = lines->job->codec->open(&lines->intake->limits, NULL, &sink);
    const char *bytes = NULL;
    size_t size = 0;
    bool ok = true;
    do {
        ok = body_next(body, &bytes, &size, err) && lines->job->codec->feed(stream, bytes, size, err);
    } while (ok && size > 0);
    ok = ok && lines->job->codec->finish(stream, err) && flush(lines, err);
    lines->job->codec->close(stream);
    return ok;
}

/* What was stored before a failure stays: its sender gets no answer, repeats the body, and meets the digest. */
void intake_lines(struct intake *intake, struct intake_job *job, struct body *body)
{
    struct lines lines = {.intake = intake, .job = job, .flush_count = FLUSH_COUNT};
    struct err err;
    buf_init(&lines.answer, ANSWER_MAX);
    report_batch_reset(intake->batch);
    bool ok = run(&lines, body, &err);
    if (!ok && err.code != ERR_AGAIN && err.code != ERR_LIMIT && err.code != ERR_INPUT) {
        log_warn("batch_halved", "%s", log_err(&err));
        forget(&lines);
        buf_reset(&lines.answer);
        lines.flush_count = 1;
        body_rewind(body);
        ok = run(&lines, body, &err);
    }
    forget(&lines);
    if (ok) {
        worker_answer(job->request, 200, "application/x-ndjson", "", buf_text(&lines.answer), lines.answer.size);
    } else if (body_is_damaged(&err)) {
        job->error = err;
        intake_keep_malformed(intake, job, body);
    } else {
        worker_problem_err(job->request, &err);
    }
    free(lines.waiting);
    buf_clear(&lines.answer);
}
