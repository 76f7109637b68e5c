/* cirtd/gate/gate_role.h - the two gates as roles: their part of the configuration into a struct gate_config. */
#ifndef CIRT_CIRTD_GATE_ROLE_H
#define CIRT_CIRTD_GATE_ROLE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"

bool gate_role_feeds(const struct role_context *context, struct err *err) MUST_CHECK;
bool gate_role_desk(const struct role_context *context, struct err *err) MUST_CHECK;

#endif
