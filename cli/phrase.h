/* cli/phrase.h - times, numbers and sizes as people say them. Pure: now is passed in, the zone is the process's (TZ). */
#ifndef CIRT_CLI_PHRASE_H
#define CIRT_CLI_PHRASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { PHRASE_SIZE = 64 };

/* Moments are microseconds as in base/timestamp.h; TIMESTAMP_NONE gives "-". */
void phrase_due(int64_t moment, int64_t now, char text[PHRASE_SIZE]);  /* "overdue 20m", "in 1h 56m", "tomorrow", "Fri", "2026-12-24" */
void phrase_when(int64_t moment, int64_t now, char text[PHRASE_SIZE]); /* "14:05", "yesterday 14:05", "24 Dec 14:05", "2025-12-24" */
void phrase_age(int64_t moment, int64_t now, char text[PHRASE_SIZE]);  /* "10 s ago", "4 min ago", "2h ago", "3 weeks ago" */
void phrase_day(int64_t moment, char text[PHRASE_SIZE]);   /* "2026-12-24", with the time of day where it is not the first or last second */
void phrase_exact(int64_t moment, char text[PHRASE_SIZE]); /* RFC 3339 in the local zone, with its offset */

void phrase_number(int64_t number, char text[PHRASE_SIZE]); /* "1,204" */
void phrase_bytes(int64_t bytes, char text[PHRASE_SIZE]);   /* "14 kB" */

/* What people write: RFC 3339; 2026, 2026-11, 2026-11-25, "2026-11-25 14:05"; 14:05 (today); today, tomorrow, friday; now; 2h, 3d, 1w
 * from now. A day without a time is its start, or with at_end its last second; a time of day that has passed today stays today. */
bool phrase_read(const char *text, int64_t now, bool at_end, int64_t *moment) MUST_CHECK;

#endif
