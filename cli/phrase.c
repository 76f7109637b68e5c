#include "cli/phrase.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cli/words.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 7 * 86400 };

static struct tm local(int64_t moment)
{
    time_t seconds = (time_t)(moment / TIMESTAMP_SECOND);
    struct tm parts;

    localtime_r(&seconds, &parts);
    return parts;
}

/* Days between the local dates of two moments. */
static long days_apart(int64_t from, int64_t to)
{
    struct tm a = local(from), b = local(to);
    time_t noon_a, noon_b;

    a.tm_hour = b.tm_hour = 12;
    a.tm_min = b.tm_min = a.tm_sec = b.tm_sec = 0;
    a.tm_isdst = b.tm_isdst = -1;
    noon_a = mktime(&a);
    noon_b = mktime(&b);
    return (long)((noon_b - noon_a + (noon_b > noon_a ? HOUR : -HOUR)) / DAY);
}

static void span(int64_t seconds, char text[PHRASE_SIZE])
{
    if (seconds < MINUTE)
        snprintf(text, PHRASE_SIZE, "%" PRId64 "s", seconds);
    else if (seconds < HOUR)
        snprintf(text, PHRASE_SIZE, "%" PRId64 "m", seconds / MINUTE);
    else if (seconds < 6 * HOUR && seconds % HOUR >= MINUTE)
        snprintf(text, PHRASE_SIZE, "%" PRId64 "h %" PRId64 "m", seconds / HOUR, seconds % HOUR / MINUTE);
    else if (seconds < 2 * DAY)
        snprintf(text, PHRASE_SIZE, "%" PRId64 "h", seconds / HOUR);
    else if (seconds < 2 * WEEK)
        snprintf(text, PHRASE_SIZE, "%" PRId64 "d", seconds / DAY);
    else
        snprintf(text, PHRASE_SIZE, "%" PRId64 "w", seconds / WEEK);
}

static void format(int64_t moment, const char *pattern, char text[PHRASE_SIZE])
{
    struct tm parts = local(moment);

/* The patterns below are this file's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (strftime(text, PHRASE_SIZE, pattern, &parts) == 0)
        strcpy(text, "-");
#pragma GCC diagnostic pop
}

void phrase_due(int64_t moment, int64_t now, char text[PHRASE_SIZE])
{
    char length[PHRASE_SIZE];
    int64_t seconds;
    long days;

    if (moment == TIMESTAMP_NONE) {
        strcpy(text, "-");
        return;
    }
    seconds = (moment - now) / TIMESTAMP_SECOND;
    days = days_apart(now, moment);
    if (moment < now) {
        span(-seconds, length);
        snprintf(text, PHRASE_SIZE, _("overdue %.40s"), length);
    } else if (seconds < 12 * HOUR || days == 0) {
        span(seconds, length);
        snprintf(text, PHRASE_SIZE, _("in %.40s"), length);
    } else if (days == 1) {
        snprintf(text, PHRASE_SIZE, "%s", _("tomorrow"));
    } else {
        format(moment, days < 7 ? "%a" : "%Y-%m-%d", text);
    }
}

void phrase_when(int64_t moment, int64_t now, char text[PHRASE_SIZE])
{
    char clock[PHRASE_SIZE];
    long days;

    if (moment == TIMESTAMP_NONE) {
        strcpy(text, "-");
        return;
    }
    days = days_apart(now, moment);
    format(moment, "%H:%M", clock);
    if (days == 0)
        strcpy(text, clock);
    else if (days == -1)
        snprintf(text, PHRASE_SIZE, _("yesterday %.10s"), clock);
    else if (days == 1)
        snprintf(text, PHRASE_SIZE, _("tomorrow %.10s"), clock);
    else
        format(moment, labs(days) < 180 ? "%e %b %H:%M" : "%Y-%m-%d", text);
    if (*text == ' ')
        memmove(text, text + 1, strlen(text));
}

void phrase_day(int64_t moment, char text[PHRASE_SIZE])
{
    char clock[PHRASE_SIZE];

    if (moment == TIMESTAMP_NONE) {
        strcpy(text, "-");
        return;
    }
    format(moment, "%H:%M:%S", clock);
    format(moment, strcmp(clock, "00:00:00") == 0 || strcmp(clock, "23:59:59") == 0 ? "%Y-%m-%d" : "%Y-%m-%d %H:%M", text);
}

void phrase_age(int64_t moment, int64_t now, char text[PHRASE_SIZE])
{
    int64_t seconds;

    if (moment == TIMESTAMP_NONE) {
        strcpy(text, "-");
        return;
    }
    seconds = (now - moment) / TIMESTAMP_SECOND;
    if (seconds < 0)
        phrase_due(moment, now, text);
    else if (seconds < MINUTE)
        snprintf(text, PHRASE_SIZE, _("%d s ago"), (int)seconds);
    else if (seconds < HOUR)
        snprintf(text, PHRASE_SIZE, _("%d min ago"), (int)(seconds / MINUTE));
    else if (seconds < 2 * DAY)
        snprintf(text, PHRASE_SIZE, _("%dh ago"), (int)(seconds / HOUR));
    else if (seconds < 2 * WEEK)
        snprintf(text, PHRASE_SIZE, _("%d days ago"), (int)(seconds / DAY));
    else if (seconds < 104 * (int64_t)WEEK)
        snprintf(text, PHRASE_SIZE, _("%d weeks ago"), (int)(seconds / WEEK));
    else
        snprintf(text, PHRASE_SIZE, _("%d years ago"), (int)(seconds / (365 * (int64_t)DAY + DAY / 4)));
}

void phrase_exact(int64_t moment, char text[PHRASE_SIZE])
{
    char offset[PHRASE_SIZE];

    if (moment == TIMESTAMP_NONE) {
        strcpy(text, "-");
        return;
    }
    format(moment, "%z", offset); /* +0100 */
    format(moment, "%Y-%m-%dT%H:%M:%S", text);
    snprintf(text + strlen(text), 8, "%.3s:%.2s", offset, offset + 3);
}

void phrase_number(int64_t number, char text[PHRASE_SIZE])
{
    char digits[PHRASE_SIZE];
    char *out = text;
    size_t size;

    snprintf(digits, sizeof digits, "%" PRId64, number);
    size = strlen(digits);
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[i];
        if (i + 1 < size && (size - i - 1) % 3 == 0 && digits[i] != '-')
            *out++ = ',';
    }
    *out = '\0';
}

void phrase_bytes(int64_t bytes, char text[PHRASE_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
        value /= 1000;
    snprintf(text, PHRASE_SIZE, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static int64_t moment_of(struct tm *parts, bool at_end)
{
    if (at_end) {
        parts->tm_hour = 23;
        parts->tm_min = parts->tm_sec = 59;
    }
    parts->tm_isdst = -1;
    return (int64_t)mktime(parts) * TIMESTAMP_SECOND;
}

/* 0 sunday .. 6; -1 where the text is no day's name (three letters will do). */
static int weekday(const char *text)
{
    static const char *const names[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

    for (int i = 0; i < 7; i++)
        if (strlen(text) >= 3 && str_starts_nocase(names[i], text))
            return i;
    return -1;
}

static bool read_word(const char *text, int64_t now, bool at_end, int64_t *moment)
{
    struct tm day = local(now);
    int wanted = weekday(text);

    day.tm_hour = day.tm_min = day.tm_sec = 0;
    if (str_equal_nocase(text, "now")) {
        *moment = now;
        return true;
    }
    if (str_equal_nocase(text, "tomorrow"))
        day.tm_mday += 1;
    else if (str_equal_nocase(text, "yesterday"))
        day.tm_mday -= 1;
    else if (wanted >= 0)
        day.tm_mday += (wanted - day.tm_wday + 6) % 7 + 1; /* the next one, never today */
    else if (!str_equal_nocase(text, "today"))
        return false;
    *moment = moment_of(&day, at_end);
    return true;
}

/* Whole text in that strptime pattern? */
static bool matches(const char *text, const char *pattern, struct tm *parts)
{
    const char *end;

    memset(parts, 0, sizeof *parts);
    parts->tm_mday = 1;
    end = strptime(text, pattern, parts);
    return end && *end == '\0';
}

static bool read_date(const char *text, bool at_end, int64_t *moment)
{
    struct tm parts, given;

    if (matches(text, "%Y-%m-%d %H:%M", &parts) || matches(text, "%Y-%m-%dT%H:%M", &parts)) {
        at_end = false;
    } else if (!matches(text, "%Y-%m-%d", &parts)) {
        bool is_month = matches(text, "%Y-%m", &parts);
        if (!is_month && !(strlen(text) == 4 && matches(text, "%Y", &parts)))
            return false;
        if (at_end && is_month)
            parts.tm_mon += 1;
        else if (at_end)
            parts.tm_year += 1;
        parts.tm_mday = at_end ? 0 : 1; /* day 0 is the last of the month before */
        *moment = moment_of(&parts, at_end);
        return true;
    }
    given = parts;
    *moment = moment_of(&parts, at_end);
    return parts.tm_mday == given.tm_mday && parts.tm_mon == given.tm_mon; /* no 31 February */
}

bool phrase_read(const char *text, int64_t now, bool at_end, int64_t *moment)
{
    struct tm clock;
    int64_t seconds;

    if (timestamp_parse_rfc3339(text, moment) || read_word(text, now, at_end, moment) || read_date(text, at_end, moment))
        return true;
    if (timestamp_parse_duration(*text == '+' ? text + 1 : text, &seconds)) {
        *moment = now + seconds * TIMESTAMP_SECOND;
        return true;
    }
    if (matches(text, "%H:%M", &clock)) {
        struct tm day = local(now);
        day.tm_hour = clock.tm_hour;
        day.tm_min = clock.tm_min;
        day.tm_sec = 0;
        *moment = moment_of(&day, false);
        return true;
    }
    return false;
}
