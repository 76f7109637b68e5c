/* cirtd/selfcheck.h - a role refuses to start with more than its row in role.c lists, and says what is too much. */
#ifndef CIRT_CIRTD_SELFCHECK_H
#define CIRT_CIRTD_SELFCHECK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"
#include "store/db.h"

/* Not uid 0, no capabilities, no descriptors but 0, 1, 2 and config_fd (-1 for none). ERR_DENIED. */
bool selfcheck_process(int config_fd, struct err *err) MUST_CHECK;

/* The login's rights in the database are exactly those of sql/grants/<role>.sql. ERR_DENIED, with the first that is too much or missing. */
bool selfcheck_rights(const struct role *role, struct db *db, struct err *err) MUST_CHECK;

#endif
