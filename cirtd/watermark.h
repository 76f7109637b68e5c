/*
 * cirtd/watermark.h - free space on PostgreSQL's file systems, that of its data and that of its WAL, which stops it altogether when it is
 * full: feeds are refused first, mail next, analysts last, so that neither ever is.
 */
#ifndef CIRT_CIRTD_WATERMARK_H
#define CIRT_CIRTD_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#include "cirtd/config.h"

/* What each leaves: a share of database.reserve_mb. */
enum watermark { WATERMARK_FEEDS = 1, WATERMARK_MAIL = 2, WATERMARK_ANALYSTS = 4 };

/* True where more than reserve_mb / share is free on both, or where nobody told which they are. Logs a refusal, one
 * every ten seconds. */
bool watermark_has_space(const struct config *config, enum watermark share);

#endif
