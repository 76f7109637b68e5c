/*
 * cirtd/intake/intake.h - the role that takes documents in: decodes them, stores them, answers. One transaction for all that waits.
 */
#ifndef CIRT_CIRTD_INTAKE_H
#define CIRT_CIRTD_INTAKE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"

bool intake_run(const struct role_context *context, struct err *err) MUST_CHECK;

#endif
