/* cirtd/stages/decode_inside.h - decode.c reads any document; decode_mail.c goes through the layers of mails. */
#ifndef CIRT_CIRTD_STAGES_DECODE_INSIDE_H
#define CIRT_CIRTD_STAGES_DECODE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "cirtd/stage.h"
#include "cirtd/stages/decode_batch.h"
#include "codec/codec.h"

/* The columns of `claim`. */
enum {
    DECODE_ID,
    DECODE_ATTEMPTS,
    DECODE_REPORT,
    DECODE_SENDER,
    DECODE_CHANNEL,
    DECODE_NAME,
    DECODE_MEDIA_TYPE,
    DECODE_FORMAT,
    DECODE_TLP,
    DECODE_DEFAULT_TLP,
    DECODE_DEFAULT_CLASS,
    DECODE_IS_FIRST,
    DECODE_MAIL_FROM,
    DECODE_RAW,
    DECODE_HAS_STEPS,
    DECODE_CONFIDENCE
};

/* One report at hand. */
struct decode_job {
    struct stage_run *run;
    struct decode_batch *batch; /* of the transaction: takes what is to be written */
    const struct codec_limits *limits;
    struct db_rows *rows; /* of `claim` */
    size_t row;
    int64_t report_id;
    const char *envelope_from; /* MAIL FROM, "" the null sender; NULL where it did not come by LMTP */
    bool has_steps;            /* something in it was opened, or tried */
    bool is_first;             /* it was never decoded; else what was read before stays till there is something better */
    struct buf raw;            /* unpacked where it came in an archive */
    char *mapping;             /* text of the mapping that the format names, or NULL */
    char name[256];            /* of the document, in its archive where it has one; "" for none */
    bool claims_red;           /* what cannot be read calls itself RED */
    bool has_raw;              /* its bytes came with the claim */
    int64_t observations;      /* that were stored while it was read; else 0 */
    const struct codec *codec;
};

/* How the report at hand is stored, or another that stands in it; report NULL, state, route, why: as in decode_add(). */
void decode_envelope(const struct decode_job *job, const struct report *report, const char *state, const char *route, const struct err *why,
                     struct report_envelope *envelope);

/* What was read is to be written: report NULL where it is malformed, then why says it. state, route: as struct report_envelope. */
void decode_add(struct decode_job *job, const struct report *report, const char *state, const char *route, const struct err *why);

/* A feed whose table has other columns than the last time is told of. is_read: false where the table was refused. */
bool decode_tell_columns(struct decode_job *job, const struct report *report, bool is_read, struct err *err) MUST_CHECK;

/*
 * Reads a mail as far as it is open: orders what is closed to be opened, or stores what it says and orders its signatures to be checked.
 * False with err as a stage's work; is_malformed: it is no mail, err says why, and nothing was written.
 */
bool decode_mail(struct decode_job *job, bool *is_malformed, struct err *err) MUST_CHECK;

#endif
