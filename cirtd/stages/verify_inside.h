/*
 * cirtd/stages/verify_inside.h - verify.c is the stage; verify_parts.c checks signatures, many of a claim at once; verify_verdict.c says
 * what they mean for the mail.
 */
#ifndef CIRT_CIRTD_STAGES_VERIFY_INSIDE_H
#define CIRT_CIRTD_STAGES_VERIFY_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "cirtd/public_keys.h"
#include "cirtd/stage.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"
#include "store/verdict_store.h"

enum { VERIFY_SIGNATURES_MAX = 64, VERIFY_OFFERED_MAX = 64 };

/* A signed part of a to_verify row. Strings and bytes are of the parts' arena. */
struct verify_part {
    int64_t id; /* of the row */
    int64_t step;
    const char *path; /* NULL: the row has no parts */
    const char *kind, *protocol;
    const unsigned char *bytes, *signature;
    size_t size, signature_size;
    json_t *found; /* what its signatures are, where it was looked at already */
};

/* Those of some rows of the claim at hand. */
struct verify_parts {
    struct arena *arena;
    struct verify_part *items;
    size_t count;
};

struct verify_job;
struct verify {
    struct openpgp *openpgp;
    struct smime *smime;
    struct public_keys keys;
    struct verify_parts parts;
    struct verify_job **jobs; /* of the transaction, to be judged together at its end */
    size_t job_count, job_capacity;
    struct verdict_batch *verdicts;
    bool has_keys;                                            /* taken since the last claim */
    int64_t files_stamp;                                      /* of the CA and CRL files, as they were read */
    char offered[VERIFY_OFFERED_MAX][SMIME_FINGERPRINT_SIZE]; /* certificates that were handed on lately */
    size_t next_offered;
    int64_t claimed, attempts; /* of the first row of the claim: the same again is a claim that was rolled back */
};

struct verify_job {
    struct stage_run *run;
    struct verify *verify;
    struct arena *arena;
    int64_t id, report_id;
    /* As decode wrote it (decode_mail.c):
     * {"from": [ADDRESS], "from_differs": BOOL, "named": [ADDRESS of Sender, Reply-To, the name in From], "to": [ADDRESS inside of what is
     * signed], "layers": [{"step", "path", "kind": "signed"|"encrypted"|"compressed", "protocol", "envelope", "sound", "opened",
     * "problem"}], "needed": [KEY], "found": [signature that was seen when its layer was opened, with "step", "path", "envelope"]} */
    json_t *message;
    json_t *found; /* array of the mail's signatures (cirtd/signatures.h), each with "step", "path", "envelope"; the outermost first */
};

/* Makes the parts of the job's row be at hand, with those of the rows of the claim behind it as far as memory allows; detached OpenPGP
 * signatures are checked in as few runs of gpg as can be. ERR_CONFLICT: the row is gone. */
bool verify_parts_load(struct verify_job *job, struct db_rows *claim, size_t row, struct err *err) MUST_CHECK;
void verify_parts_clear(struct verify_parts *parts);

/* Adds the signatures of the job's parts to job->found. */
bool verify_parts_check(struct verify_job *job, struct err *err) MUST_CHECK;

/* Takes out what is signed opaquely, or compressed, and hands it back for decoding. */
bool verify_parts_unwrap(struct verify_job *job, struct err *err) MUST_CHECK;

/* What was found of each of verify->jobs becomes its verdict, and the reports go on. */
bool verify_verdicts(struct verify *verify, struct stage_run *run, struct err *err) MUST_CHECK;

#endif
