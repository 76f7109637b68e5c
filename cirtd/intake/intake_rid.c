/* What a peer sends becomes `incoming`: a RID Report, answered by an Acknowledgement (RFC 6545, RFC 6546), or a document of another format,
 * answered as that of a feed. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/intake/intake_inside.h"
#include "codec/iodef.h"
#include "codec/rid.h"
#include "crypto/digest.h"

static void acknowledge(struct worker_request *request, const struct rid *rid, enum rid_status status, enum rid_justification justification)
{
    struct err err;
    struct buf body;
    buf_init(&body, 64 * 1024);
    const struct rid_envelope envelope = {
        .node = request->message.peer_address,
        .incident_id = rid ? rid->incident_id : NULL,
        .incident_issuer = rid ? rid->incident_issuer : NULL,
    };
    if (rid_encode_acknowledgement(&envelope, status, justification, &body, &err))
        worker_answer(request, 200, "text/xml", "", body.bytes, body.size);
    else
        worker_problem_err(request, &err);
    buf_clear(&body);
}

/* May this peer send this case? ERR_DENIED where not. */
static bool check_issuer(struct intake *intake, const struct intake_caller *caller, const struct report *report, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!report->reference || !report->reference_issuer)
        return err_set(err, ERR_INPUT,
                       "the document does not name the case it is about, and whose number that is (IODEF: IncidentID with name)");
    db_params_reset(intake->params);
    db_int8(intake->params, caller->peer_id);
    db_text(intake->params, report->reference_issuer);
    db_text(intake->params, report->reference);
    if (!db_run(intake->db, SQL_INTAKE_ISSUER_MAY, intake->params, &rows, err))
        return false;
    const char *verdict = db_get_text(rows, 0, 0);
    bool ok = str_equal(verdict, "yes");
    if (str_equal(verdict, "long"))
        err_set(err, ERR_INPUT, "the IncidentID is longer than 500 bytes");
    else if (!ok)
        err_set(err, ERR_DENIED,
                str_equal(verdict, "name") ? "%s may not issue case names of %s" : "%s did not deliver this case of %s first", caller->name,
                report->reference_issuer);
    db_rows_free(rows);
    return ok;
}

static size_t count_items(const struct report *report)
{
    size_t items = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        items += report->observations[i].sighting_count;
    return items;
}

static bool file_incoming(struct intake *intake, const struct intake_job *job, int64_t report_id, enum tlp tlp, struct err *err)
{
    const struct report *report = job->report;
    db_params_reset(intake->params);
    db_int8(intake->params, report_id);
    db_int8(intake->params, job->caller->peer_id);
    db_text(intake->params, report->reference_issuer);
    db_text(intake->params, report->reference);
    db_int2(intake->params, (int16_t)tlp);
    db_int4(intake->params, (int32_t)count_items(report));
    return db_run(intake->db, SQL_INTAKE_INCOMING_INSERT, intake->params, NULL, err);
}

/* The document byte for byte, with its verified sender, and what was read out of it: one transaction. */
static bool store(struct intake *intake, struct intake_job *job, struct report_result *result, struct err *err)
{
    struct report_envelope envelope;
    intake_job_envelope(job, job->report, &envelope);
    memcpy(envelope.sha256, job->sha256, sizeof envelope.sha256);
    envelope.size = job->size;
    envelope.route = "hold";
    if (!job->report)
        report_envelope_malformed(&envelope, job->error.text, job->error.at, job->raw, job->raw_size);
    report_batch_reset(intake->batch);
    report_batch_add(intake->batch, &envelope, job->report, job->raw, intake_job_kept(job));
    if (!db_begin(intake->db, err))
        return false;
    if (report_batch_store(intake->db, SQL_INTAKE_REPORTS_INSERT, intake->batch, result, err) &&
        (result->is_duplicate || !job->report || file_incoming(intake, job, result->id, envelope.tlp, err)) && db_commit(intake->db, err))
        return true;
    db_rollback(intake->db);
    return false;
}

/* What it says is not taken; how far it may be read still holds for what is kept of it. */
static void give_up_report(struct intake_job *job)
{
    job->tlp_asked = tlp_strictest(job->tlp_asked, job->report->tlp);
    report_free(job->report);
    job->report = NULL;
}

static void take_report(struct intake *intake, struct intake_job *job, const struct rid *rid)
{
    struct err err;
    struct report_result result;
    enum rid_justification justification = RID_JUSTIFICATION_NONE;
    struct codec_hints hints = {0};
    if (!codec_decode(job->codec, job->raw, job->raw_size, &intake->limits, &hints, &job->report, &job->error)) {
        job->report = NULL;
        justification = RID_UNRECOGNIZED_FORMAT;
    } else if (!check_issuer(intake, job->caller, job->report, &job->error)) {
        if (job->error.code == ERR_AGAIN) {
            worker_problem_err(job->request, &job->error);
            return;
        }
        log_warn("incoming_refused", "peer=%s %s", job->caller->name, log_err(&job->error));
        justification = job->error.code == ERR_DENIED ? RID_AUTHENTICATION_ORIGIN : RID_CANNOT_PROCESS;
        give_up_report(job);
    }
    if (!store(intake, job, &result, &err)) {
        worker_problem_err(job->request, &err);
        return;
    }
    log_info("incoming", "peer=%s report=r%lld duplicate=%d", job->caller->name, (long long)result.id, result.is_duplicate);
    /* The same bytes may have been refused when they came first; only what is filed is acknowledged. */
    if (job->report && !result.is_malformed)
        acknowledge(job->request, rid, RID_APPROVED, RID_JUSTIFICATION_NONE);
    else
        acknowledge(job->request, rid, RID_DENIED, job->report ? RID_CANNOT_PROCESS : justification);
}

/* --- documents that are no RID message --- */

/* RID is XML. A bare IODEF document is told by its own media types and looks. */
static bool is_other_document(const struct intake_job *job, const char *head, size_t head_size)
{
    const struct codec_hints hints = intake_job_hints(job);
    const struct codec *probed = codec_probe(head, head_size, &hints);
    if (!job->media_type[0] || probed == &rid_codec || codec_has_media_type(&rid_codec, job->media_type))
        return false;
    return probed == &iodef_codec || !codec_has_media_type(&iodef_codec, job->media_type);
}

static void take_document(struct intake *intake, struct intake_job *job, struct body *body)
{
    struct err err;
    struct report_result result;
    job->codec = NULL;
    if (!intake_job_choose(intake, job, body, job->raw, job->raw_size))
        return;
    struct codec_hints hints = intake_job_hints(job);
    if (str_equal(job->codec->name, "mail") || job->codec == &rid_codec) {
        worker_problem(job->request, 415, "a peer's document is no mail; a RID message is sent as text/xml", "");
        return;
    }
    if (!codec_decode(job->codec, job->raw, job->raw_size, &intake->limits, &hints, &job->report, &job->error)) {
        job->report = NULL;
    } else if (!check_issuer(intake, job->caller, job->report, &job->error)) {
        log_warn("incoming_refused", "peer=%s %s", job->caller->name, log_err(&job->error));
        give_up_report(job);
    }
    if (job->error.code == ERR_AGAIN || !store(intake, job, &result, &err)) {
        worker_problem_err(job->request, job->error.code == ERR_AGAIN ? &job->error : &err);
        return;
    }
    log_info("incoming", "peer=%s format=%s report=r%lld duplicate=%d", job->caller->name, job->format, (long long)result.id,
             result.is_duplicate);
    if (job->error.code == ERR_DENIED)
        worker_problem_err(job->request, &job->error);
    else
        intake_answer_stored(job, &result, job->report ? (int64_t)job->report->observation_count : 0, job->report);
}

/* What a peer asks for (InvestigationRequest, TraceRequest, Query, ...) is done by people: it is denied, and kept where they find it. */
static void deny_other(struct intake *intake, struct intake_job *job, const struct rid *rid)
{
    struct err err;
    struct report_result result;
    struct codec_hints hints = {0};
    if (codec_decode(job->codec, job->raw, job->raw_size, &intake->limits, &hints, &job->report, &err))
        give_up_report(job);
    else
        job->report = NULL;
    err_set_at(&job->error, ERR_INPUT, "RIDPolicy", "a message of type %.60s, which was denied: only a Report is taken by itself",
               rid->type_name);
    if (!store(intake, job, &result, &err)) {
        worker_problem_err(job->request, &err);
        return;
    }
    log_info("rid_denied", "peer=%s type=%s report=r%lld", job->caller->name, log_quote(rid->type_name), (long long)result.id);
    acknowledge(job->request, rid, RID_DENIED, RID_CANNOT_PROCESS);
}

/* A RID message, from its first byte to its answer. */
static void take_message(struct intake *intake, struct intake_job *job)
{
    struct rid *rid = NULL;
    snprintf(job->media_type, sizeof job->media_type, "text/xml");
    if (!rid_parse(job->raw, job->raw_size, &intake->limits, &rid, &job->error)) {
        intake_store_jobs(intake, job, 1);
    } else if (rid->type != RID_REPORT) {
        deny_other(intake, job, rid);
    } else {
        take_report(intake, job, rid);
    }
    rid_free(rid);
}

void intake_rid(struct intake *intake, struct worker_request *request, const struct intake_caller *caller)
{
    struct err err;
    struct body *body = NULL;
    struct intake_job job = {.request = request, .caller = caller, .tlp_asked = TLP_NONE, .codec = &rid_codec, .channel = "rid"};
    intake_job_media_type(&job);
    if (!body_open(&request->message, intake->limits.document_bytes_max, &body, &err) || !body_whole(body, &intake->document, &err)) {
        worker_problem_err(request, &err);
    } else {
        job.raw = buf_text(&intake->document);
        job.raw_size = intake->document.size;
        job.size = (int64_t)job.raw_size;
        digest_sha256(job.raw, job.raw_size, job.sha256);
        if (is_other_document(&job, job.raw, job.raw_size))
            take_document(intake, &job, body);
        else
            take_message(intake, &job);
    }
    intake_job_clear(&job);
    body_close(body);
}
