/*
 * Decodes what lies in the inbox: mail as it came or as seal opened it, and whatever is replayed. Sees the worst bytes and has no key:
 * signed parts are cut out for verify, what is encrypted for seal (decode_mail.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cirtd/stage.h"
#include "cirtd/stages/decode_inside.h"
#include "cirtd/stages/stages.h"
#include "codec/unpack.h"

/* What came in was bounded by the door it came through; this bounds what is read at once. */
enum { DOCUMENT_SIZE_MAX = 64 * 1024 * 1024 };

/* The columns of `claim`. */
enum {
    ID,
    ATTEMPTS,
    REPORT,
    SENDER,
    CHANNEL,
    NAME,
    MEDIA_TYPE,
    FORMAT,
    TLP,
    DEFAULT_TLP,
    DEFAULT_CLASS,
    IS_FIRST,
    MAIL_FROM,
    RAW,
    HAS_STEPS
};

struct decode {
    struct codec_limits limits;
    struct decode_batch *batch;
};

/* --- reading --- */

static bool read_bytes(struct decode_job *job, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!db_is_null(job->rows, job->row, RAW)) {
        size_t size;
        const unsigned char *bytes = db_get_bytes(job->rows, job->row, RAW, &size);
        buf_add(&job->raw, bytes, size);
        return true;
    }
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    if (!db_run(job->run->db, SQL_DECODE_BYTES, job->run->params, &rows, err))
        return false;
    for (size_t i = 0; i < db_row_count(rows); i++) {
        size_t size;
        const unsigned char *bytes = db_get_bytes(rows, i, 0, &size);
        buf_add(&job->raw, bytes, size);
    }
    db_rows_free(rows);
    return true;
}

/* A document that came in an archive is decoded as what is in there; a mail never is one itself. */
static bool unpack(struct decode_job *job, struct err *err)
{
    const char *name = db_get_text(job->rows, job->row, NAME);
    struct buf document;
    snprintf(job->name, sizeof job->name, "%s", name ? name : "");
    if (!unpack_format(buf_text(&job->raw), job->raw.size))
        return true;
    buf_init(&document, job->limits->document_bytes_max);
    bool ok = unpack_memory(buf_text(&job->raw), job->raw.size, &document, job->name, sizeof job->name, err);
    buf_clear(&job->raw);
    job->raw = document;
    return ok;
}

static struct codec_hints hints_of(const struct decode_job *job)
{
    return (struct codec_hints){.name = job->name[0] ? job->name : NULL, .media_type = db_get_text(job->rows, job->row, MEDIA_TYPE)};
}

static void choose_codec(struct decode_job *job)
{
    struct codec_hints hints = hints_of(job);
    const char *format = db_get_text(job->rows, job->row, FORMAT);
    bool came_by_mail = str_equal(db_get_text(job->rows, job->row, CHANNEL), "mail");
    job->codec = codec_find(came_by_mail ? "mail" : format);
    if (!job->codec)
        job->codec = codec_probe(buf_text(&job->raw), job->raw.size, &hints);
    if (!job->codec)
        job->codec = codec_find_media_type(hints.media_type);
}

/* --- writing --- */

/* The document's own label and what was said when it came, the strictest; else the sender's; else amber, assumed. */
static enum tlp effective_tlp(const struct decode_job *job, const struct report *report, bool *is_assumed)
{
    enum tlp said = report ? report->tlp : TLP_NONE;
    if (!db_is_null(job->rows, job->row, TLP))
        said = tlp_strictest(said, (enum tlp)db_get_int(job->rows, job->row, TLP));
    if (said == TLP_NONE && !db_is_null(job->rows, job->row, DEFAULT_TLP))
        said = (enum tlp)db_get_int(job->rows, job->row, DEFAULT_TLP);
    *is_assumed = said == TLP_NONE;
    return *is_assumed ? TLP_AMBER : said;
}

void decode_add(struct decode_job *job, const struct report *report, const char *state, const char *route, const struct err *why)
{
    struct report_envelope envelope = {.id = job->report_id,
                                       .route = route,
                                       .sender_id = db_get_int(job->rows, job->row, SENDER),
                                       .state = state,
                                       .format = job->codec ? job->codec->name : NULL,
                                       .error = why ? why->text : NULL,
                                       .error_at = why ? why->at : NULL,
                                       .default_class = db_get_text(job->rows, job->row, DEFAULT_CLASS)};
    envelope.tlp = effective_tlp(job, report, &envelope.tlp_assumed);
    envelope.tlp_least = db_is_null(job->rows, job->row, TLP) ? TLP_NONE : (enum tlp)db_get_int(job->rows, job->row, TLP);
    report_batch_add(decode_batch_content(job->batch), &envelope, report, NULL, 0);
}

static bool decode_document(struct decode_job *job, bool *is_malformed, struct err *err)
{
    struct codec_hints hints = hints_of(job);
    struct report *report = NULL;
    *is_malformed = true;
    if (!job->codec)
        return err_set_at(err, ERR_INPUT, "Content-Type", "this is none of the formats we read");
    if (!codec_decode(job->codec, buf_text(&job->raw), job->raw.size, job->limits, &hints, &report, err)) {
        *is_malformed = err->code == ERR_INPUT || err->code == ERR_LIMIT;
        return false;
    }
    *is_malformed = false;
    decode_add(job, report, "received", "triage", NULL);
    report_free(report);
    return true;
}

/* --- the stage --- */

static bool decode_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct decode *decode = run->state;
    struct decode_job job = {.run = run,
                             .batch = decode->batch,
                             .limits = &decode->limits,
                             .rows = rows,
                             .row = row,
                             .report_id = db_get_int(rows, row, REPORT),
                             .envelope_from = db_get_text(rows, row, MAIL_FROM),
                             .is_first = db_get_bool(rows, row, IS_FIRST),
                             .has_steps = db_get_bool(rows, row, HAS_STEPS)};
    bool is_malformed = false;
    buf_init(&job.raw, SIZE_MAX / 4);
    bool ok = read_bytes(&job, err);
    if (ok && !unpack(&job, err)) {
        ok = false;
        is_malformed = true;
    } else if (ok) {
        choose_codec(&job);
        bool is_mail = job.codec && str_equal(job.codec->name, "mail");
        ok = is_mail ? decode_mail(&job, &is_malformed, err) : decode_document(&job, &is_malformed, err);
    }
    if (is_malformed) {
        decode_add(&job, NULL, "malformed", "none", err);
        ok = true;
    }
    buf_clear(&job.raw);
    return ok;
}

static void decode_begin(struct stage_run *run)
{
    struct decode *decode = run->state;
    decode_batch_reset(decode->batch);
}

static bool decode_finish(struct stage_run *run, struct err *err)
{
    struct decode *decode = run->state;
    return decode_batch_store(decode->batch, run->db, err);
}

static bool decode_start(struct stage_run *run, struct err *err)
{
    UNUSED(err);
    if (run->state)
        return true;
    struct decode *decode = mem_calloc(1, sizeof *decode);
    decode->limits = codec_limits_default;
    decode->limits.document_bytes_max = DOCUMENT_SIZE_MAX;
    decode->batch = decode_batch_new();
    run->state = decode;
    return true;
}

static void decode_stop(struct stage_run *run)
{
    struct decode *decode = run->state;
    if (!decode)
        return;
    decode_batch_free(decode->batch);
    free(decode);
}

bool decode_run(const struct role_context *context, struct err *err)
{
    static const struct stage stage = {.role = "decode",
                                       .listen = SQL_DECODE_LISTEN,
                                       .claim = SQL_DECODE_CLAIM,
                                       .settle = SQL_DECODE_SETTLE,
                                       .fail = SQL_DECODE_FAIL,
                                       .poll_ms = 2000,
                                       .batch_rows = 64,
                                       .work = decode_work,
                                       .begin = decode_begin,
                                       .finish = decode_finish,
                                       .start = decode_start,
                                       .stop = decode_stop};
    return stage_loop(&stage, context, err);
}
