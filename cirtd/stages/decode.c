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
#include "cirtd/stages/decode_source.h"
#include "cirtd/stages/decode_stream.h"
#include "cirtd/stages/stages.h"
#include "codec/csv_mapping.h"
#include "codec/gather.h"

/* A table up to this size goes with others into one statement; a larger one is stored as it is read. */
enum { STREAM_FROM = 256 * 1024, HEAD_SIZE = 4096 };

struct decode {
    struct codec_limits limits;
    struct decode_batch *batch;
};

/* --- reading --- */

static struct codec_hints hints_of(const struct decode_job *job)
{
    return (struct codec_hints){.name = job->name[0] ? job->name : NULL,
                                .media_type = db_get_text(job->rows, job->row, DECODE_MEDIA_TYPE),
                                .mapping = job->mapping};
}

/* Where the format is csv:NAME. One that is gone leaves the document malformed, to be replayed when it is there again. */
static bool read_mapping(struct decode_job *job, struct err *err)
{
    struct db_rows *rows = NULL;
    const char *name = codec_mapping_name(db_get_text(job->rows, job->row, DECODE_FORMAT));
    if (!name || !str_equal(job->codec->name, "csv"))
        return true;
    db_params_reset(job->run->params);
    db_text(job->run->params, name);
    if (!db_run(job->run->db, SQL_DECODE_MAPPING, job->run->params, &rows, err))
        return false;
    job->mapping = db_is_null(rows, 0, 0) ? NULL : mem_strdup(db_get_text(rows, 0, 0));
    db_rows_free(rows);
    return true;
}

static const char *format_of(const struct decode_job *job)
{
    const char *format = db_get_text(job->rows, job->row, DECODE_FORMAT);
    return !job->codec ? NULL : codec_mapping_name(format) && str_equal(job->codec->name, "csv") ? format : job->codec->name;
}

static void choose_codec(struct decode_job *job, const char *head, size_t size)
{
    struct codec_hints hints = hints_of(job);
    const char *format = db_get_text(job->rows, job->row, DECODE_FORMAT);
    bool came_by_mail = str_equal(db_get_text(job->rows, job->row, DECODE_CHANNEL), "mail");
    job->codec = codec_find(came_by_mail ? "mail" : format);
    if (!job->codec)
        job->codec = codec_probe(head, size < HEAD_SIZE ? size : HEAD_SIZE, &hints);
    if (!job->codec)
        job->codec = codec_find_media_type(hints.media_type);
}

/* --- writing --- */

static enum tlp label_of(const struct decode_job *job, int column)
{
    return db_is_null(job->rows, job->row, column) ? TLP_NONE : (enum tlp)db_get_int(job->rows, job->row, column);
}

/* The document's own label and what was said when it came, the strictest; else the sender's; else amber, assumed. */
static enum tlp effective_tlp(const struct decode_job *job, const struct report *report, bool *is_assumed)
{
    enum tlp asked = label_of(job, DECODE_TLP), agreed = asked != TLP_NONE ? asked : label_of(job, DECODE_DEFAULT_TLP);
    enum tlp said = report ? tlp_strictest(report_label_agreed(report, agreed), asked) : agreed;
    bool is_red_unread = !report && job->claims_red && said != TLP_RED;
    *is_assumed = said == TLP_NONE || is_red_unread;
    return is_red_unread ? TLP_RED : said == TLP_NONE ? TLP_AMBER : said;
}

void decode_envelope(const struct decode_job *job, const struct report *report, const char *state, const char *route, const struct err *why,
                     struct report_envelope *envelope)
{
    *envelope = (struct report_envelope){.id = job->report_id,
                                         .route = route,
                                         .sender_id = db_get_int(job->rows, job->row, DECODE_SENDER),
                                         .name = job->name[0] ? job->name : NULL,
                                         .media_type = db_get_text(job->rows, job->row, DECODE_MEDIA_TYPE),
                                         .state = state,
                                         .format = format_of(job),
                                         .error = why ? why->text : NULL,
                                         .error_at = why ? why->at : NULL,
                                         .observations = report ? job->observations : 0,
                                         .default_class = db_get_text(job->rows, job->row, DECODE_DEFAULT_CLASS),
                                         .has_confidence = !db_is_null(job->rows, job->row, DECODE_CONFIDENCE),
                                         .default_confidence = (int)db_get_int(job->rows, job->row, DECODE_CONFIDENCE)};
    envelope->tlp = effective_tlp(job, report, &envelope->tlp_assumed);
    envelope->tlp_least = label_of(job, DECODE_TLP);
}

void decode_add(struct decode_job *job, const struct report *report, const char *state, const char *route, const struct err *why)
{
    struct report_envelope envelope;
    decode_envelope(job, report, state, route, why, &envelope);
    report_batch_add(decode_batch_content(job->batch), &envelope, report, NULL, 0);
}

static bool open_source(struct decode_job *job, struct decode_source **source, struct err *err)
{
    size_t size = 0;
    const unsigned char *bytes = db_get_bytes(job->rows, job->row, DECODE_RAW, &size);
    job->has_raw = bytes != NULL;
    return decode_source_open(job, bytes, size, source, err);
}

static bool claims_red(struct decode_job *job)
{
    struct arena *arena = arena_new();
    bool is_table = job->codec && str_equal(job->codec->name, "csv");
    struct tlp_search search = is_table ? csv_mapping_search(job->mapping, arena) : (struct tlp_search){.searched = 0};
    struct decode_source *source = NULL;
    struct err ignored;
    const char *bytes = NULL;
    size_t size = 0;
    bool is_red = false, ok = open_source(job, &source, &ignored);
    while (ok && !is_red && search.searched < TLP_SEARCHED_MAX && decode_source_next(source, &bytes, &size, &ignored) && size > 0)
        is_red = tlp_search_red(&search, bytes, size);
    decode_source_close(source);
    arena_free(arena);
    return is_red;
}

bool decode_tell_columns(struct decode_job *job, const struct report *report, bool is_read, struct err *err)
{
    struct stage_run *run = job->run;
    bool is_assumed;
    if (!report->columns)
        return true;
    /* What was refused may have come to no label yet: it is RED where it will be kept as such. */
    bool is_red = !is_read && (job->claims_red || claims_red(job));
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(job->rows, job->row, DECODE_SENDER));
    db_int8(run->params, job->report_id);
    db_text(run->params, report->columns_of);
    db_text(run->params, report->columns);
    db_bool(run->params, is_read);
    db_int2(run->params, (int16_t)(is_red ? TLP_RED : effective_tlp(job, report, &is_assumed)));
    return db_run(run->db, SQL_DECODE_COLUMNS, run->params, NULL, err);
}

/* Of a table that was refused. */
static bool tell_refused(struct decode_job *job, struct err *err)
{
    struct codec_hints hints = hints_of(job);
    struct gather gather = {.observations_max = SIZE_MAX};
    const struct codec_sink sink = gather_sink(&gather);
    struct codec_stream *stream = job->codec->open(job->limits, &hints, &sink);
    struct err known;
    UNUSED(job->codec->feed(stream, buf_text(&job->raw), job->raw.size, &known) && job->codec->finish(stream, &known));
    job->codec->close(stream);
    job->claims_red = gather.report && gather.report->tlp == TLP_RED;
    bool ok = !gather.report || decode_tell_columns(job, gather.report, false, err);
    report_free(gather.report);
    return ok;
}

/* What is read at once. */
static bool decode_whole(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err)
{
    struct report *report = NULL;
    struct codec_hints hints = hints_of(job);
    struct err telling;
    buf_clear(&job->raw);
    buf_init(&job->raw, job->limits->document_bytes_max);
    if (!decode_source_rest(source, &job->raw, err) ||
        !codec_decode(job->codec, buf_text(&job->raw), job->raw.size, job->limits, &hints, &report, err)) {
        *is_malformed = err->code == ERR_INPUT || err->code == ERR_LIMIT;
        if (*is_malformed && job->codec->shape == CODEC_ROWS && !tell_refused(job, &telling)) {
            *is_malformed = false; /* the database's fault, not the document's: tried again */
            *err = telling;
        }
        return false;
    }
    bool ok = decode_stream_parts(job, report, err);
    if (ok)
        decode_add(job, report, "received", "triage", NULL);
    ok = ok && decode_tell_columns(job, report, true, err);
    report_free(report);
    return ok;
}

/* Its layers are opened one by one: all of it has to be at hand. */
static bool decode_message(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err)
{
    buf_clear(&job->raw);
    buf_init(&job->raw, MAIL_SIZE_MAX);
    bool ok = decode_source_rest(source, &job->raw, err);
    *is_malformed = !ok && (err->code == ERR_INPUT || err->code == ERR_LIMIT);
    return ok && decode_mail(job, is_malformed, err);
}

/* A line that came with others and is read again, say: it is the report itself. */
static bool is_one_line(const char *head, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", head[size - 1]))
        size--;
    return !memchr(head, '\n', size);
}

static bool decode_document(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err)
{
    size_t size;
    const char *head = decode_source_head(source, &size);
    choose_codec(job, head, size);
    if (!job->codec) {
        *is_malformed = true;
        return err_set_at(err, ERR_INPUT, "Content-Type", "%s", CODEC_UNKNOWN);
    }
    if (str_equal(job->codec->name, "mail"))
        return decode_message(job, source, is_malformed, err);
    if (!read_mapping(job, err))
        return false;
    if (job->codec->shape == CODEC_LINES && !is_one_line(head, size))
        return decode_stream_lines(job, source, is_malformed, err);
    /* The whole of a stored document comes as one piece where it came with the claim. */
    bool is_small = job->has_raw && !decode_source_is_packed(source) && size < STREAM_FROM;
    if (job->codec->shape == CODEC_ROWS && !is_small)
        return decode_stream_rows(job, source, is_malformed, err);
    return decode_whole(job, source, is_malformed, err);
}

/* --- the stage --- */

/* why: in err, where another fault may come in its place. */
static bool keep_malformed(struct decode_job *job, struct err *err)
{
    job->claims_red = job->claims_red || claims_red(job);
    decode_add(job, NULL, "malformed", "none", err);
    if (!job->is_first)
        return true;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    db_int8(job->run->params, job->run->context->config->decode_malformed_quota_mb * 1024 * 1024);
    return db_run(job->run->db, SQL_DECODE_MALFORMED, job->run->params, NULL, err);
}

static bool decode_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct decode *decode = run->state;
    struct decode_job job = {.run = run,
                             .batch = decode->batch,
                             .limits = &decode->limits,
                             .rows = rows,
                             .row = row,
                             .report_id = db_get_int(rows, row, DECODE_REPORT),
                             .envelope_from = db_get_text(rows, row, DECODE_MAIL_FROM),
                             .is_first = db_get_bool(rows, row, DECODE_IS_FIRST),
                             .has_steps = db_get_bool(rows, row, DECODE_HAS_STEPS)};
    struct decode_source *source = NULL;
    bool is_malformed = false;
    buf_init(&job.raw, 0);
    bool ok = open_source(&job, &source, err);
    is_malformed = !ok && (err->code == ERR_INPUT || err->code == ERR_LIMIT);
    ok = ok && decode_document(&job, source, &is_malformed, err);
    if (is_malformed)
        ok = keep_malformed(&job, err);
    decode_source_close(source);
    buf_clear(&job.raw);
    free(job.mapping);
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
    decode->limits.document_bytes_max = (size_t)run->context->config->decode_document_max;
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
