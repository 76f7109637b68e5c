/*
 * Fetches what feeds do not bring themselves. The first process of the role watches drop folders; the others ask servers, one feed at a
 * time. This role has the network and the credentials of feeds, so it reads nothing: documents go into the inbox as bytes, for decode.
 */
#include "cirtd/stages/fetch_drop.h"
#include "cirtd/stages/stages.h"

bool fetch_run(const struct role_context *context, struct err *err)
{
    return context->instance == 1 ? fetch_drop_run(context, err) : stage_loop(&fetch_poll_stage, context, err);
}
