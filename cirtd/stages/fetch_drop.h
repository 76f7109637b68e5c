/*
 * cirtd/stages/fetch_drop.h - drop folders: a folder a feed, into which other programs of this machine put files. A file is taken when its
 * writer has closed it or moved it in (inotify); one whose beginning we did not see when nobody has written to it for a while. Names that
 * begin with a dot or end as those of half-written files do are left alone, and so is what is no file.
 *
 * What is taken is committed first, then moved to done/ (or removed); what cannot be taken moves to failed/, with the reason beside it, and
 * so does what lies in done/ and turned out malformed when decode read it. A file that was committed and not moved, since we died in
 * between, is taken again and meets its digest. One that cannot be moved is left out for some minutes, and holds up no other.
 */
#ifndef CIRT_CIRTD_STAGES_FETCH_DROP_H
#define CIRT_CIRTD_STAGES_FETCH_DROP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"

/* Until SIGTERM. */
bool fetch_drop_run(const struct role_context *context, struct err *err) MUST_CHECK;

#endif
