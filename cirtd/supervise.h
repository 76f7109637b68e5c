/* cirtd/supervise.h - `cirtd run`: every role as a process of its own, restarted when it dies, stopped in order. */
#ifndef CIRT_CIRTD_SUPERVISE_H
#define CIRT_CIRTD_SUPERVISE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Until SIGTERM or SIGINT. SIGHUP: reads path again, hands each role its part anew and passes the signal on. As root each role gets its
 * own OS user (user_prefix + name); else all share ours. False where it cannot start, or where a role had to be killed at the end. */
bool supervise_run(const char *path, struct err *err) MUST_CHECK;

#endif
