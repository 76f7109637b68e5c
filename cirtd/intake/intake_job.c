/* One report from request to answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/intake/intake_inside.h"
#include "codec/csv_mapping.h"
#include "crypto/digest.h"

enum { OVER_QUOTA_KEPT = 4096 };

static const char *const person_channels[] = {"phone", "walk-in", "chat", "letter"};

/* "TEXT/CSV; charset=utf-8" -> "text/csv" */
static void plain_media_type(const char *content_type, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)strcspn(content_type, "; \t"), content_type);
    str_lower(out);
}

static const struct codec *choose_codec(struct intake_job *job, const char *format, const char *head, size_t head_size)
{
    struct codec_hints hints = intake_job_hints(job);
    if (format[0]) {
        const struct codec *named = codec_find(format);
        if (!named)
            worker_problem(job->request, 400, "no such format; the formats: cirt help submit, or docs/FORMATS.md", ",\"at\":\"?format=\"");
        return named;
    }
    bool says_nothing = job->is_packed || !job->media_type[0] || str_equal(job->media_type, "application/octet-stream") ||
                        str_equal(job->media_type, "application/x-www-form-urlencoded") || str_equal(job->media_type, "text/plain");
    /* One media type may serve several formats (application/json, text/xml): what the bytes look like decides first. */
    const struct codec *probed = codec_probe(head, head_size, &hints);
    const struct codec *typed = says_nothing ? NULL : codec_find_media_type(job->media_type);
    const struct codec *codec = says_nothing || (probed && codec_has_media_type(probed, job->media_type)) ? probed : typed;
    job->is_unknown = !codec;
    if (!codec)
        err_set_at(&job->error, ERR_INPUT, "Content-Type", "%s", CODEC_UNKNOWN);
    return codec;
}

static bool read_channel(struct intake_job *job)
{
    if (!api_query_value(job->request->message.path, "channel", job->channel, sizeof job->channel)) {
        snprintf(job->channel, sizeof job->channel, "https");
        return true;
    }
    if (str_equal(job->caller->role, "feed")) {
        worker_problem(job->request, 403, "only analysts name a channel", ",\"at\":\"?channel=\"");
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(person_channels); i++)
        if (str_equal(job->channel, person_channels[i]))
            return true;
    worker_problem(job->request, 400, "channel is phone, walk-in, chat or letter", ",\"at\":\"?channel=\"");
    return false;
}

void intake_job_media_type(struct intake_job *job)
{
    plain_media_type(job->request->message.content_type, job->media_type, sizeof job->media_type);
}

bool intake_job_prepare(struct intake_job *job)
{
    const struct message_request *message = &job->request->message;
    char tlp[32];
    intake_job_media_type(job);
    if (!api_query_value(message->path, "name", job->name, sizeof job->name))
        job->name[0] = '\0';
    memcpy(job->document_name, job->name, sizeof job->document_name);
    if (api_query_value(message->path, "tlp", tlp, sizeof tlp) && !tlp_parse(tlp, &job->tlp_asked)) {
        worker_problem(job->request, 400, "tlp is clear, green, amber, amber+strict or red", ",\"at\":\"?tlp=\"");
        return false;
    }
    return read_channel(job);
}

/* False after answering: no such mapping, or no database. */
static bool read_mapping(struct intake *intake, struct intake_job *job)
{
    const char *name = codec_mapping_name(job->format);
    struct err err;
    struct db_rows *rows = NULL;
    if (!name)
        return true;
    db_params_reset(intake->params);
    db_text(intake->params, name);
    if (!db_ready(intake->db, &err) || !db_run(intake->db, SQL_INTAKE_MAPPING, intake->params, &rows, &err)) {
        intake_answer_trouble(intake, job->request, &err);
        return false;
    }
    const char *text = db_get_text(rows, 0, 0);
    job->mapping = text ? mem_strdup(text) : NULL;
    db_rows_free(rows);
    if (!text)
        worker_problem(job->request, 400, "no mapping of that name is registered here; cirt mapping ls", ",\"at\":\"?format=\"");
    return text != NULL;
}

/* Each line tells for itself what it is, so a feed whose record names a format may still send lines. */
static bool says_lines(const struct intake_job *job)
{
    const struct codec *typed = job->media_type[0] ? codec_find_media_type(job->media_type) : NULL;
    return typed && typed->shape == CODEC_LINES;
}

bool intake_job_choose(struct intake *intake, struct intake_job *job, const struct body *body, const char *head, size_t head_size)
{
    job->format[0] = '\0';
    if (head_size == 0) {
        worker_problem(job->request, 400, "the document is empty", "");
        return false;
    }
    job->is_packed = body_is_packed(body);
    body_document_name(body, job->name, job->document_name, sizeof job->document_name);
    if (!api_query_value(job->request->message.path, "format", job->format, sizeof job->format) && !says_lines(job))
        memcpy(job->format, job->caller->format, sizeof job->format);
    job->codec = choose_codec(job, job->format, head, head_size);
    if (!job->codec)
        return false;
    if (!job->format[0])
        snprintf(job->format, sizeof job->format, "%s", job->codec->name);
    return read_mapping(intake, job);
}

struct codec_hints intake_job_hints(const struct intake_job *job)
{
    return (struct codec_hints){.name = job->document_name[0] ? job->document_name : NULL,
                                .media_type = job->media_type[0] ? job->media_type : NULL,
                                .mapping = job->mapping};
}

/* Its own label, narrowed by ?tlp=; else ?tlp=; else the sender's; else amber, assumed. A parameter never widens. */
static enum tlp effective_tlp(const struct intake_job *job, const struct report *report, bool *is_assumed)
{
    enum tlp agreed = job->tlp_asked != TLP_NONE ? job->tlp_asked : job->caller->default_tlp;
    enum tlp said = report ? tlp_strictest(report_label_agreed(report, agreed), job->tlp_asked) : agreed;
    bool is_red_unread = !report && job->claims_red && said != TLP_RED;
    *is_assumed = said == TLP_NONE || is_red_unread;
    return is_red_unread ? TLP_RED : said == TLP_NONE ? TLP_AMBER : said;
}

void intake_job_envelope(const struct intake_job *job, const struct report *report, struct report_envelope *envelope)
{
    *envelope = (struct report_envelope){
        .route = "triage",
        .sender_id = job->caller->sender_id,
        .channel = job->channel,
        .assurance = "pinned-key",
        .name = job->name[0] ? job->name : NULL,
        .media_type = job->media_type[0] ? job->media_type : NULL,
        .state = "received",
        .format = !job->codec      ? NULL
                  : job->format[0] ? job->format
                                   : job->codec->name,
        .tlp_least = job->tlp_asked,
        .default_class = job->caller->default_class[0] ? job->caller->default_class : NULL,
    };
    envelope->has_confidence = job->caller->has_confidence;
    envelope->default_confidence = job->caller->default_confidence;
    envelope->tlp = effective_tlp(job, report, &envelope->tlp_assumed);
}

void intake_job_clear(struct intake_job *job)
{
    report_free(job->report);
    free(job->mapping);
    job->mapping = NULL;
    free(job->bytes);
    job->report = NULL;
    job->bytes = NULL;
}

/* --- answers --- */

void intake_answer_trouble(struct intake *intake, struct worker_request *request, const struct err *err)
{
    UNUSED(intake);
    worker_problem_err(request, err);
}

static void answer_malformed(struct intake_job *job, const struct report_result *result, bool is_malformed_now)
{
    struct buf members;
    buf_init(&members, 4096);
    if (is_malformed_now && job->error.at[0]) {
        buf_add_text(&members, ",\"at\":");
        str_add_json(&members, job->error.at);
    }
    buf_printf(&members, ",\"report\":\"r%lld\"", (long long)result->id);
    if (!result->is_duplicate && (int64_t)intake_job_kept(job) < job->size)
        buf_printf(&members, ",\"kept\":%zu", intake_job_kept(job));
    worker_problem(job->request, job->is_unknown ? 415 : 400,
                   is_malformed_now ? job->error.text : "kept as malformed when it came first; it can be replayed, in another format too",
                   buf_text(&members));
    buf_clear(&members);
}

void intake_add_label(struct buf *answer, const struct intake_job *job, const struct report_result *result)
{
    if (result->is_duplicate && result->tlp != TLP_NONE && tlp_strictest(result->tlp, job->tlp_asked) != result->tlp)
        buf_printf(answer, ",\"tlp\":\"%s\"", tlp_name(result->tlp));
}

void intake_answer_stored(struct intake_job *job, const struct report_result *result, int64_t observations, const struct report *report)
{
    bool is_malformed_now = job->error.code != ERR_NONE;
    if (is_malformed_now ? !result->is_duplicate || result->is_malformed : result->is_malformed) {
        answer_malformed(job, result, is_malformed_now);
        return;
    }
    struct buf body;
    buf_init(&body, 1024 * 1024);
    buf_printf(&body, "{\"report\":\"r%lld\",\"observations\":%lld,\"duplicates\":%lld,\"rejected\":[", (long long)result->id,
               (long long)observations, (long long)(report ? report->duplicate_total : 0));
    for (size_t i = 0; report && i < report->rejection_count; i++) {
        buf_add_text(&body, i ? ",{\"at\":" : "{\"at\":");
        str_add_json(&body, report->rejections[i].at);
        buf_add_text(&body, ",\"error\":");
        str_add_json(&body, report->rejections[i].text);
        buf_add_char(&body, '}');
    }
    buf_printf(&body, "],\"rejected_total\":%zu", report ? report->rejected_total : 0);
    /* Nothing is known of its observations yet. */
    if (!report && !result->is_duplicate)
        buf_add_text(&body, ",\"state\":\"decoding\"");
    intake_add_label(&body, job, result);
    buf_add_char(&body, '}');
    worker_answer(job->request, result->is_duplicate ? 200 : 201, "application/json", "", body.bytes, body.size);
    buf_clear(&body);
}

/* --- storing --- */

size_t intake_job_kept(const struct intake_job *job)
{
    bool is_short = !job->report && job->error.code != ERR_NONE && job->caller->is_over_quota;
    return is_short && job->raw_size > OVER_QUOTA_KEPT ? OVER_QUOTA_KEPT : job->raw_size;
}

static void add_job(struct intake *intake, const struct intake_job *job)
{
    struct report_envelope envelope;
    intake_job_envelope(job, job->report, &envelope);
    memcpy(envelope.sha256, job->sha256, sizeof envelope.sha256);
    envelope.size = job->size;
    if (job->error.code != ERR_NONE) {
        report_envelope_malformed(&envelope, job->error.text, job->error.at, job->raw, job->raw_size);
    } else if (!job->report) {
        envelope.route = "inbox";
        envelope.state = "decoding";
        envelope.tlp_assumed = job->tlp_asked == TLP_NONE; /* what was agreed gives way to its own */
    }
    report_batch_add(intake->batch, &envelope, job->report, job->raw, intake_job_kept(job));
}

static bool store_once(struct intake *intake, struct intake_job *jobs, size_t count, struct err *err)
{
    struct report_result results[WORKER_BATCH_MAX];
    report_batch_reset(intake->batch);
    for (size_t i = 0; i < count; i++)
        add_job(intake, &jobs[i]);
    if (!db_ready(intake->db, err) || !report_batch_store(intake->db, SQL_INTAKE_REPORTS_INSERT, intake->batch, results, err))
        return false;
    for (size_t i = 0; i < count; i++)
        intake_answer_stored(&jobs[i], &results[i], jobs[i].report ? (int64_t)jobs[i].report->observation_count : 0, jobs[i].report);
    size_t size = report_batch_size(intake->batch);
    intake->stored_bytes = size > intake->stored_bytes ? size : intake->stored_bytes;
    return true;
}

void intake_give_back(struct intake *intake)
{
    enum { LARGE = 4 * 1024 * 1024 };
    if (intake->stored_bytes >= LARGE) {
        report_batch_reset(intake->batch);
        db_give_back(intake->db);
        mem_give_back();
    }
    intake->stored_bytes = 0;
}

void intake_store_jobs(struct intake *intake, struct intake_job *jobs, size_t count)
{
    struct err err;
    if (count == 0)
        return;
    bool ok = store_once(intake, jobs, count, &err);
    /* A deadlock or a lost connection is worth one more try; the digest keeps it to one row. */
    if (!ok && err.code == ERR_AGAIN)
        ok = store_once(intake, jobs, count, &err);
    if (ok)
        return;
    if (err.code == ERR_AGAIN || count == 1) {
        for (size_t i = 0; i < count; i++)
            intake_answer_trouble(intake, jobs[i].request, &err);
        return;
    }
    log_warn("batch_halved", "count=%zu %s", count, log_err(&err));
    intake_store_jobs(intake, jobs, count / 2);
    intake_store_jobs(intake, jobs + count / 2, count - count / 2);
}

void intake_search_red(struct intake_job *job, struct body *body)
{
    struct arena *arena = arena_new();
    bool is_table = job->codec && str_equal(job->codec->name, "csv");
    struct tlp_search search = is_table ? csv_mapping_search(job->mapping, arena) : (struct tlp_search){.searched = 0};
    struct err ignored;
    const char *bytes = NULL;
    size_t size = 0;
    bool is_red = false;
    body_set_tap(body, NULL, NULL);
    body_rewind(body);
    while (!is_red && search.searched < TLP_SEARCHED_MAX && body_next(body, &bytes, &size, &ignored) && size > 0)
        is_red = tlp_search_red(&search, bytes, size);
    arena_free(arena);
    job->claims_red = job->claims_red || is_red;
}

/* Size, digest and as much as fits of what was sent: hash and size are of all. */
static bool hash_sent(struct intake *intake, struct intake_job *job, struct body *body, struct err *err)
{
    const char *bytes = NULL;
    size_t size = 0;
    bool ok;
    struct digest *digest = digest_new();
    buf_reset(&intake->document);
    job->size = 0;
    while ((ok = body_next_sent(body, &bytes, &size, err)) && size > 0) {
        digest_add(digest, bytes, size);
        job->size += (int64_t)size;
        buf_add(&intake->document, bytes, size);
    }
    digest_finish(digest, job->sha256);
    digest_free(digest);
    return ok;
}

void intake_keep_malformed(struct intake *intake, struct intake_job *job, struct body *body)
{
    struct err err;
    intake_search_red(job, body);
    body_rewind(body);
    bool ok = hash_sent(intake, job, body, &err);
    if (!ok && body_is_damaged(&err)) {
        body_rewind_coded(body);
        ok = hash_sent(intake, job, body, &err);
    }
    job->raw = buf_text(&intake->document);
    job->raw_size = intake->document.size;
    if (ok)
        intake_store_jobs(intake, job, 1);
    else
        worker_problem_err(job->request, &err);
}
