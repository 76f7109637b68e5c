/* cirtd/intake/intake_inside.h - what the files of intake share. */
#ifndef CIRT_CIRTD_INTAKE_INSIDE_H
#define CIRT_CIRTD_INTAKE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "cirtd/intake/body.h"
#include "cirtd/role.h"
#include "cirtd/worker.h"
#include "codec/codec.h"
#include "store/report_store.h"
#include "wire/api.h"

/* Who calls, as registered at this moment. */
struct intake_caller {
    unsigned char key[MESSAGE_KEY_SIZE];
    bool is_known, is_enabled;
    int64_t sender_id, peer_id;
    char name[64]; /* login, or the peer's short name */
    char role[16];
    enum tlp default_tlp;
    char default_class[64]; /* "" for none */
    bool is_over_quota;     /* of malformed bytes kept today */
    bool has_confidence;
    int default_confidence;
    int rest_s;           /* a feed whose quota of the hour is used up: until the next; 0: none, or not yet */
    char quota[64];       /* of an hour, in words */
    bool is_paused;       /* a feed */
    int64_t document_max; /* of a feed, bytes; 0: no other than everybody's */
    char format[80];      /* of a feed: what its record says that its documents are; "" for none */
};

struct intake {
    const struct role_context *context;
    struct db *db;
    struct db_params *params;
    struct report_batch *batch;
    size_t stored_bytes; /* the largest batch of this turn */
    struct codec_limits limits;
    struct buf document; /* one whole document */
    char run_text[64];
    struct intake_refused { /* what a feed sent beyond its quota and is not told of yet */
        int64_t sender_id, documents, told_ms;
        const char *why;
    } refused;
};

/* One POST of a report, from its request to its answer. */
struct intake_job {
    struct worker_request *request;
    const struct intake_caller *caller;
    const struct codec *codec;
    bool is_packed;  /* the document came in an archive */
    bool is_unknown; /* it is none of the formats we read: error says so */
    bool claims_red; /* what cannot be read calls itself RED; of what is packed only what is inside counts */
    enum tlp tlp_asked;
    char name[256], channel[16], media_type[128];
    char format[80];         /* as it was named, or the codec's */
    char *mapping;           /* text of the mapping that format names, or NULL; the job's */
    char document_name[256]; /* of the file in the archive that it came in; else name */
    struct report *report;   /* decoded, or NULL */
    struct err error;        /* of a malformed one */
    char *bytes;             /* the document, the job's; NULL where the request's own body serves */
    const char *raw;         /* what is kept of the document: all, but for huge malformed ones */
    size_t raw_size;
    int64_t size; /* of the whole document */
    unsigned char sha256[REPORT_SHA256_SIZE];
};

/* Of Content-Type, without parameters, in lower case. */
void intake_job_media_type(struct intake_job *job);
/* Fills job's label, name, channel from the request; false after answering a refusal. */
bool intake_job_prepare(struct intake_job *job);
/* The codec for the document in body that begins with head, as the request names it or the bytes look. False after answering, or, not
 * answered, with job->is_unknown. */
bool intake_job_choose(struct intake *intake, struct intake_job *job, const struct body *body, const char *head, size_t head_size);
struct codec_hints intake_job_hints(const struct intake_job *job);
/* Sets job->claims_red of a document that cannot be read. */
void intake_search_red(struct intake_job *job, struct body *body);
/* The bytes of a document that cannot be read (job->error says why) are kept as a malformed report. Answers. */
void intake_keep_malformed(struct intake *intake, struct intake_job *job, struct body *body);
/* The envelope of a job, or of one line of it: bytes' digest and size are the caller's to set. */
void intake_job_envelope(const struct intake_job *job, const struct report *report, struct report_envelope *envelope);
/* How much of its bytes is stored: of what is malformed the beginning only, where its sender is over quota. */
size_t intake_job_kept(const struct intake_job *job);
void intake_job_clear(struct intake_job *job);

/* The answer to one stored report (contracts section 3: 201, 200, 400, or 415 where it is of no format we read). */
void intake_answer_stored(struct intake_job *job, const struct report_result *result, int64_t observations, const struct report *report);
/* Adds the member tlp where what came again was said to be stricter than what is stored, which stays as it is. */
void intake_add_label(struct buf *answer, const struct intake_job *job, const struct report_result *result);
/* A database error: 503, or 500. */
void intake_answer_trouble(struct intake *intake, struct worker_request *request, const struct err *err);

/* NDJSON: a report a line. Rows: one report, streamed. Both answer. */
void intake_lines(struct intake *intake, struct intake_job *job, struct body *body);
void intake_rows(struct intake *intake, struct intake_job *job, struct body *body);
/* Whole documents that have more values than should be sent to the database at once: the decoded job alone, in parts of one transaction.
 * Answers. */
bool intake_has_parts(const struct report *report);
void intake_parts(struct intake *intake, struct intake_job *job);
/* A RID message of a peer. Answers. */
void intake_rid(struct intake *intake, struct worker_request *request, const struct intake_caller *caller);
/* Whole documents that fit in memory: decoded jobs stored together; each answered. Halves the batch on an error. */
void intake_store_jobs(struct intake *intake, struct intake_job *jobs, size_t count);
/* When all requests of a turn are answered: what a large document took (its columns, libpq's copy of them) would lie beside the next one.
 */
void intake_give_back(struct intake *intake);

#endif
