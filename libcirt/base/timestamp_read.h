/*
 * base/timestamp_read.h - moments as senders write them, and the name of the rule by which they were read: it is stored beside the original
 * text, so that anybody can judge a doubtful one.
 */
#ifndef CIRT_BASE_TIMESTAMP_READ_H
#define CIRT_BASE_TIMESTAMP_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * Blanks around it do not count. False (nothing written) where it is none of these, names a day that does not exist, or a year outside
 * 1970..2200. *rule is a constant; "-assumed" in it says what was not written:
 *   "rfc3339"             2026-11-20T10:00:00Z, +01:00, +0100, +01, a blank before the zone, "UTC" or "GMT" as zone
 *   "utc-assumed"         the same without a zone, or with a name that is no zone we know (CEST);
 *                         without seconds, too; with "/" or "." in the date (2026/11/20, year first)
 *   "iso-basic"           20261120T100000Z
 *   "iso-basic-utc-assumed"   the same without zone; also 20261120100000
 *   "date-only"           2026-11-20, 20261120: its first moment in UTC
 *   "epoch"               seconds (10 digits, a fraction allowed)
 *   "epoch-ms", "epoch-us", "epoch-ns"   by the number of digits: 13, 16, 19
 *   "rfc5322"             Fri, 20 Nov 2026 10:00:00 +0100 (day name, seconds optional; month before the day, too; GMT, UT, EST...)
 *   "rfc5322-utc-assumed" the same without zone or with one that nobody knows
 *   "clf"                 20/Nov/2026:10:00:00 +0100, as web servers log
 *   "asctime"             Fri Nov 20 10:00:00 2026, UTC assumed; with a zone before or behind the year
 *   "asctime-utc-assumed" the same with a zone that nobody knows
 *   "day-first", "month-first"   20/11/2026 10:00, 11/20/2026 10:00: only one order is possible;
 *                         UTC assumed; AM and PM are read
 *   "day-first-assumed"   05/06/2026 10:00: it is ambiguous, read as 5 June;
 *                         where day and month are the same number it is "day-first"
 */
bool timestamp_read(const char *text, int64_t *moment, const char **rule) MUST_CHECK;

#endif
