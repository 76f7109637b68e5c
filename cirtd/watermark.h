/* cirtd/watermark.h - free space on PostgreSQL's file system: feeds are refused first, mail next, analysts last, so that it never runs
 * full. */
#ifndef CIRT_CIRTD_WATERMARK_H
#define CIRT_CIRTD_WATERMARK_H

#include <stdbool.h>

#include "cirtd/config.h"

/* What each leaves: a share of database.reserve_mb. */
enum watermark { WATERMARK_FEEDS = 1, WATERMARK_MAIL = 2, WATERMARK_ANALYSTS = 4 };

/* True where more than reserve_mb / share is free, or where nobody told which file system it is. Logs a refusal. */
bool watermark_has_space(const struct config *config, enum watermark share);

#endif
