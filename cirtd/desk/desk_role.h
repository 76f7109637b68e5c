/* cirtd/desk/desk_role.h - the desk as a role: from the analysts' gate over a Unix socket to desk_handle(), one request after the other. */
#ifndef CIRT_CIRTD_DESK_DESK_ROLE_H
#define CIRT_CIRTD_DESK_DESK_ROLE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"

bool desk_role_run(const struct role_context *context, struct err *err) MUST_CHECK;

#endif
