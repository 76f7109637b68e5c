/*
 * base/timestamp.h - moments as Unix time in microseconds, int64_t. TIMESTAMP_NONE is "absent": never 0, never 1970.
 */
#ifndef CIRT_BASE_TIMESTAMP_H
#define CIRT_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define TIMESTAMP_NONE      INT64_MIN
#define TIMESTAMP_SECOND    INT64_C(1000000)
#define TIMESTAMP_TEXT_SIZE 40

int64_t timestamp_now(void);
/* Monotonic milliseconds, for timeouts only. */
int64_t timestamp_monotonic_ms(void);

/* RFC 3339 with any offset (also a blank for T, and lower case), seconds optional fraction behind a point; false for anything else,
 * also for dates that do not exist and years outside 1970..2200. */
bool timestamp_parse_rfc3339(const char *text, int64_t *moment) MUST_CHECK;

/* "YYYY-MM-DD HH:MM:SS" (blank or T, optional fraction), no zone: taken as UTC. */
bool timestamp_parse_utc(const char *text, int64_t *moment) MUST_CHECK;

/* Either of these in its form, but of a year outside 1970..2200, or the first moment of 1970: programs write 0001-01-01T00:00:00Z,
 * 9999-12-31T23:59:59Z and 1970-01-01T00:00:00Z for "never". */
bool timestamp_is_never(const char *text);

/* RFC 3339 UTC with "Z"; fraction only where there is one. */
void timestamp_format(int64_t moment, char text[TIMESTAMP_TEXT_SIZE]);

/* "90s", "15m", "2h", "3d", "2w" into seconds. */
bool timestamp_parse_duration(const char *text, int64_t *seconds) MUST_CHECK;

#endif
