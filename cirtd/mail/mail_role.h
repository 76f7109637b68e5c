/* cirtd/mail/mail_role.h - the role mail: LMTP in, one report and one inbox row a message. It looks at nothing in it. */
#ifndef CIRT_CIRTD_MAIL_ROLE_H
#define CIRT_CIRTD_MAIL_ROLE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"

bool mail_role_run(const struct role_context *context, struct err *err) MUST_CHECK;

#endif
