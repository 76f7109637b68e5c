/* cirtd/stages/verify_inside.h - verify.c checks signatures; verify_verdict.c says what they mean for the mail. */
#ifndef CIRT_CIRTD_STAGES_VERIFY_INSIDE_H
#define CIRT_CIRTD_STAGES_VERIFY_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "cirtd/stage.h"

enum { VERIFY_SIGNATURES_MAX = 64 };

struct verify_job {
    struct stage_run *run;
    struct arena *arena;
    int64_t id, report_id;
    /* As decode wrote it (decode_mail.c):
     * {"from": [ADDRESS], "from_differs": BOOL, "to": [ADDRESS inside of what is signed],
     *  "layers": [{"step", "path", "kind": "signed"|"encrypted"|"compressed", "protocol", "envelope", "sound", "opened", "problem"}],
     *  "needed": [KEY], "found": [signature that was seen when its layer was opened, with "step", "path", "envelope"]} */
    json_t *message;
    json_t *found; /* array of the mail's signatures (cirtd/signatures.h), each with "step", "path", "envelope"; the outermost first */
};

/* The members of job->found become the verdict, and the report goes on. */
bool verify_verdict(struct verify_job *job, struct err *err) MUST_CHECK;

#endif
