/* cirtd/stages/stages.h - the entries of the stages; each is one file here, and none includes another. */
#ifndef CIRT_CIRTD_STAGES_H
#define CIRT_CIRTD_STAGES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"
#include "cirtd/stage.h"

bool fetch_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool decode_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool verify_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool seal_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool triage_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool share_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool push_run(const struct role_context *context, struct err *err) MUST_CHECK;
bool clock_run(const struct role_context *context, struct err *err) MUST_CHECK;

/* What the two entries run, for tests. */
extern const struct stage triage_stage, clock_stage;

/* Further queues of a role, beside the one of its entry: see stage_loop_all(). */
extern const struct stage fetch_poll_stage, seal_sign_stage, push_mail_stage, push_tell_stage, clock_acknowledge_stage, clock_compose_stage;

/* What seal runs beside its queues: it tells of our own keys. What verify runs beside its queue: it looks at pinned keys, and at those that
 * mails brought along. */
extern const struct stage seal_keys_stage, verify_keys_stage, verify_offer_stage;

#endif
