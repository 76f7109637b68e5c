#include "cirtd/intake/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/intake/intake_inside.h"
#include "cirtd/stage.h"
#include "cirtd/watermark.h"
#include "crypto/digest.h"

enum { PAUSED_S = 600, HEAD_SIZE = 4096, WHOLE_TOGETHER_MAX = 4 * 1024 * 1024 };
/* Unpacked bytes of a streamed document: with 300 bytes a row, 14 million rows. */
#define STREAM_BYTES_MAX (UINT64_C(4) * 1024 * 1024 * 1024)

/* --- who calls --- */

static const struct intake_caller *find_caller(const struct intake_caller *callers, size_t count, const unsigned char *key)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(callers[i].key, key, MESSAGE_KEY_SIZE) == 0)
            return &callers[i];
    return NULL;
}

static void read_caller(const struct db_rows *rows, size_t row, struct intake_caller *caller)
{
    caller->is_known = true;
    caller->is_enabled = db_get_bool(rows, row, 1);
    caller->sender_id = db_get_int(rows, row, 7);
    caller->peer_id = db_get_int(rows, row, 5);
    const char *name = db_is_null(rows, row, 3) ? db_get_text(rows, row, 6) : db_get_text(rows, row, 3);
    snprintf(caller->name, sizeof caller->name, "%s", name);
    snprintf(caller->role, sizeof caller->role, "%s", db_get_text(rows, row, 4));
    caller->default_tlp = db_is_null(rows, row, 8) ? TLP_NONE : (enum tlp)db_get_int(rows, row, 8);
    snprintf(caller->default_class, sizeof caller->default_class, "%s", db_is_null(rows, row, 9) ? "" : db_get_text(rows, row, 9));
    caller->is_over_quota = db_get_int(rows, row, 10) > db_get_int(rows, row, 11);
    caller->has_confidence = !db_is_null(rows, row, 12);
    caller->default_confidence = (int)db_get_int(rows, row, 12);
    caller->rest_s = (int)db_get_int(rows, row, 13);
    caller->is_paused = db_get_bool(rows, row, 14);
    caller->document_max = db_get_int(rows, row, 15);
    snprintf(caller->format, sizeof caller->format, "%s", db_is_null(rows, row, 16) ? "" : db_get_text(rows, row, 16));
    snprintf(caller->quota, sizeof caller->quota, "%s", db_get_text(rows, row, 17));
}

/* One look-up for all keys of the batch. callers has room for count. */
static bool read_callers(struct intake *intake, const struct worker_request *requests, size_t count, struct intake_caller *callers,
                         size_t *caller_count, struct err *err)
{
    struct db_array keys;
    struct db_rows *rows = NULL;
    db_array_init(&keys, DB_BYTES_ARRAY);
    *caller_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (find_caller(callers, *caller_count, requests[i].message.key))
            continue;
        struct intake_caller *caller = &callers[(*caller_count)++];
        *caller = (struct intake_caller){.default_tlp = TLP_NONE};
        memcpy(caller->key, requests[i].message.key, MESSAGE_KEY_SIZE);
        db_array_add_bytes(&keys, caller->key, MESSAGE_KEY_SIZE);
    }
    db_params_reset(intake->params);
    db_array(intake->params, &keys);
    db_int8(intake->params, intake->context->config->malformed_quota_mb * 1024 * 1024);
    bool ok = db_ready(intake->db, err) && db_run(intake->db, SQL_INTAKE_CALLERS, intake->params, &rows, err);
    for (size_t row = 0; ok && row < db_row_count(rows); row++) {
        unsigned char key[MESSAGE_KEY_SIZE];
        if (!str_from_hex(db_get_text(rows, row, 0), key, sizeof key))
            BUG("callers answered no key");
        read_caller(rows, row, (struct intake_caller *)(uintptr_t)find_caller(callers, *caller_count, key));
    }
    db_rows_free(rows);
    db_array_clear(&keys);
    return ok;
}

/* --- requests --- */

static bool is_allowed(const struct worker_request *request, const struct intake_caller *caller, enum api_permission permission)
{
    const char *why = !caller->is_known                         ? "unregistered"
                      : !caller->is_enabled                     ? "disabled"
                      : !api_role_may(caller->role, permission) ? "role"
                                                                : NULL;
    if (!why)
        return true;
    char key[2 * MESSAGE_KEY_SIZE + 1];
    str_hex(caller->key, MESSAGE_KEY_SIZE, key);
    log_warn("denied", "why=%s caller=%s role=%s key=%.16s address=%s path=%s", why, caller->is_known ? caller->name : "-",
             caller->is_known ? caller->role : "-", key, log_quote(request->message.peer_address), log_quote(request->message.path));
    return false;
}

static void answer_denied(struct worker_request *request, const struct intake_caller *caller)
{
    worker_problem(request, 403,
                   !caller->is_known     ? "this certificate's key is not registered here"
                   : !caller->is_enabled ? "this identity is disabled"
                                         : "this identity may not do that",
                   "");
}

static void answer_own_report(struct intake *intake, struct worker_request *request, const struct intake_caller *caller, const char *id)
{
    struct err err;
    struct db_rows *rows = NULL;
    int64_t number = 0;
    if ((id[0] != 'r' && id[0] != 'R') || !str_to_int64(id + 1, 1, INT64_MAX, &number)) {
        worker_problem(request, 404, "no such report", "");
        return;
    }
    db_params_reset(intake->params);
    db_int8(intake->params, number);
    db_int8(intake->params, caller->sender_id);
    if (!db_run(intake->db, SQL_INTAKE_REPORT_OF_SENDER, intake->params, &rows, &err))
        intake_answer_trouble(intake, request, &err);
    else if (db_row_count(rows) == 0 || db_is_null(rows, 0, 0))
        worker_problem(request, 404, "no such report", "");
    else
        worker_answer(request, 200, "application/json", "", db_get_text(rows, 0, 0), strlen(db_get_text(rows, 0, 0)));
    db_rows_free(rows);
}

/* People are refused last. */
static bool has_space(const struct intake *intake, const struct intake_caller *caller)
{
    bool is_person = !str_equal(caller->role, "feed") && !str_equal(caller->role, "peer");
    return watermark_has_space(intake->context->config, is_person ? WATERMARK_ANALYSTS : WATERMARK_FEEDS);
}

/* What is kept is what was sent, into job->bytes. */
static bool read_sent(struct intake *intake, struct intake_job *job, struct body *body, struct err *err)
{
    if (!body_whole_sent(body, &intake->document, err))
        return false;
    job->raw_size = intake->document.size;
    job->size = (int64_t)job->raw_size;
    job->bytes = mem_calloc(1, job->raw_size + 1);
    memcpy(job->bytes, buf_text(&intake->document), job->raw_size);
    job->raw = job->bytes;
    digest_sha256(job->raw, job->raw_size, job->sha256);
    return true;
}

/* A whole document: read, decoded, and left in *job for intake_store_jobs(). False where it was answered already. */
static bool decode_whole(struct intake *intake, struct intake_job *job, struct body *body)
{
    if (!read_sent(intake, job, body, &job->error)) {
        if (body_is_damaged(&job->error))
            intake_keep_malformed(intake, job, body);
        else
            worker_problem_err(job->request, &job->error);
        return false;
    }
    /* Mail is read by decode, which can hand its signed parts to verify. */
    if (str_equal(job->codec->name, "mail"))
        return true;
    struct codec_hints hints = intake_job_hints(job);
    if (job->is_packed)
        body_rewind(body);
    if ((job->is_packed && !body_whole(body, &intake->document, &job->error)) ||
        !codec_decode(job->codec, buf_text(&intake->document), intake->document.size, &intake->limits, &hints, &job->report, &job->error)) {
        job->report = NULL;
        job->claims_red = tlp_red_in_bytes(buf_text(&intake->document), intake->document.size);
    }
    if (!job->report || !intake_has_parts(job->report))
        return true;
    intake_parts(intake, job);
    return false;
}

/* By the codec that the document's first bytes ask for. True where job waits for intake_store_jobs(). */
static bool take_document(struct intake *intake, struct intake_job *job, struct body *body, const char *head, size_t head_size)
{
    if (!intake_job_choose(intake, job, body, head, head_size < HEAD_SIZE ? head_size : HEAD_SIZE)) {
        if (job->is_unknown)
            intake_keep_malformed(intake, job, body);
        return false;
    }
    body_rewind(body);
    if (job->codec->shape == CODEC_LINES)
        intake_lines(intake, job, body);
    else if (job->codec->shape == CODEC_ROWS)
        intake_rows(intake, job, body);
    else
        return decode_whole(intake, job, body);
    return false;
}

/* Takes one POST of a report as far as it goes alone. True where job waits for intake_store_jobs(). */
static bool take_report(struct intake *intake, struct intake_job *job)
{
    struct body *body = NULL;
    const char *head = NULL;
    size_t head_size = 0;
    bool waits = false;
    if (!intake_job_prepare(job))
        return false;
    if (!body_open(&job->request->message, STREAM_BYTES_MAX, &body, &job->error)) {
        worker_problem(job->request, 415, job->error.text, "");
        return false;
    }
    if (body_next(body, &head, &head_size, &job->error))
        waits = take_document(intake, job, body, head, head_size);
    else if (str_equal(job->error.at, "archive") || body_is_damaged(&job->error))
        intake_keep_malformed(intake, job, body);
    else
        worker_problem_err(job->request, &job->error);
    body_close(body);
    if (!waits)
        intake_job_clear(job);
    return waits;
}

static void tell_refused(struct intake *intake)
{
    struct intake_refused *refused = &intake->refused;
    struct err err;
    if (refused->documents == 0)
        return;
    db_params_reset(intake->params);
    db_int8(intake->params, refused->sender_id);
    db_int8(intake->params, refused->documents);
    db_text(intake->params, refused->why);
    if (!db_run(intake->db, SQL_INTAKE_REFUSED, intake->params, NULL, &err))
        log_warn("quota_not_told", "sender=%lld %s", (long long)refused->sender_id, log_err(&err));
    refused->documents = 0;
    refused->told_ms = timestamp_monotonic_ms();
}

/* Whoever looks after the feed is told: at once, then once a second, so that what is refused costs less than what is taken. */
static void count_refused(struct intake *intake, const struct intake_caller *caller, const char *why)
{
    struct intake_refused *refused = &intake->refused;
    if (refused->sender_id != caller->sender_id || refused->why != why) {
        tell_refused(intake);
        *refused = (struct intake_refused){.sender_id = caller->sender_id, .told_ms = INT64_MIN, .why = why};
    }
    refused->documents++;
    if (refused->told_ms == INT64_MIN || timestamp_monotonic_ms() - refused->told_ms >= 1000)
        tell_refused(intake);
}

/* A feed that is paused, or sent all that it may in an hour, or something longer than it may: answered. */
static bool is_beyond_quota(struct intake *intake, struct worker_request *request, const struct intake_caller *caller)
{
    static const char more[] = "more came than its quota of an hour: its sender is told to come again in the next";
    static const char longer[] = "a document was refused: it is longer than this feed's may be";
    char text[160];
    if (caller->is_paused) {
        worker_problem_later(request, 503, PAUSED_S, "this feed is paused here");
    } else if (caller->rest_s > 0) {
        snprintf(text, sizeof text, "this feed has sent all that it may in an hour: %s", caller->quota);
        worker_problem_later(request, 429, caller->rest_s, text);
    } else if (caller->document_max > 0 && (int64_t)request->message.body_size > caller->document_max) {
        snprintf(text, sizeof text, "the document has %zu bytes; one of this feed may have %lld", request->message.body_size,
                 (long long)caller->document_max);
        worker_problem(request, 413, text, "");
    } else {
        return false;
    }
    if (!caller->is_paused)
        count_refused(intake, caller, caller->rest_s > 0 ? more : longer);
    log_warn("quota", "feed=%s paused=%d rest_s=%d bytes=%zu", caller->name, caller->is_paused, caller->rest_s, request->message.body_size);
    return true;
}

/* True where the request became a waiting job. */
static bool take_request(struct intake *intake, struct worker_request *request, const struct intake_caller *caller, struct intake_job *job)
{
    struct api_match match;
    if (!api_find(request->message.listener, request->message.method, request->message.path, &match) || !match.endpoint) {
        worker_problem(request, 404, "no such resource", "");
        return false;
    }
    if (!is_allowed(request, caller, match.endpoint->permission)) {
        answer_denied(request, caller);
        return false;
    }
    if (match.endpoint->permission == API_OWN_REPORT) {
        answer_own_report(intake, request, caller, match.parameters[0]);
        return false;
    }
    if (is_beyond_quota(intake, request, caller))
        return false;
    if (!has_space(intake, caller)) {
        worker_problem(request, 503, "no space for reports at the moment", "");
        return false;
    }
    if (match.endpoint->permission == API_RID) {
        intake_rid(intake, request, caller);
        return false;
    }
    *job = (struct intake_job){.request = request, .caller = caller, .tlp_asked = TLP_NONE};
    return take_report(intake, job);
}

static void store_and_clear(struct intake *intake, struct intake_job *jobs, size_t *count, size_t *bytes)
{
    intake_store_jobs(intake, jobs, *count);
    for (size_t i = 0; i < *count; i++)
        intake_job_clear(&jobs[i]);
    *count = 0;
    *bytes = 0;
}

static void handle(void *context, struct worker_request *requests, size_t count)
{
    struct intake *intake = context;
    struct err err;
    struct intake_caller callers[WORKER_BATCH_MAX];
    struct intake_job jobs[WORKER_BATCH_MAX];
    size_t caller_count = 0, job_count = 0, bytes = 0;
    if (!read_callers(intake, requests, count, callers, &caller_count, &err)) {
        for (size_t i = 0; i < count; i++)
            intake_answer_trouble(intake, &requests[i], &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct intake_caller *caller = find_caller(callers, caller_count, requests[i].message.key);
        if (!take_request(intake, &requests[i], caller, &jobs[job_count]))
            continue;
        bytes += jobs[job_count++].raw_size;
        if (bytes > WHOLE_TOGETHER_MAX)
            store_and_clear(intake, jobs, &job_count, &bytes);
    }
    store_and_clear(intake, jobs, &job_count, &bytes);
    intake_give_back(intake);
}

static void idle(void *context, bool is_reload)
{
    struct intake *intake = context;
    struct err err;
    UNUSED(is_reload);
    /* Connected before the next request needs it. */
    if (!db_is_connected(intake->db) && db_ready(intake->db, &err))
        log_info("database_back", "%s", "");
    if (db_is_connected(intake->db))
        tell_refused(intake); /* the last of a flood, behind which nothing comes */
}

bool intake_run(const struct role_context *context, struct err *err)
{
    struct intake intake = {.context = context, .limits = codec_limits_default};
    intake.limits.document_bytes_max = (size_t)context->config->document_max;
    intake.db = stage_db(context);
    intake.params = db_params_new();
    intake.batch = report_batch_new();
    buf_init(&intake.document, intake.limits.document_bytes_max);
    const char *const users[] = {"cirt-gate-feeds", "cirt-gate-desk", NULL};
    stage_signals();
    bool ok = stage_connect(context, intake.db, err) && worker_loop(context, users, handle, idle, &intake, err);
    buf_clear(&intake.document);
    report_batch_free(intake.batch);
    db_params_free(intake.params);
    db_free(intake.db);
    return ok || stage_is_ending();
}
