#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 2200, DURATION_DAYS_MAX = 36500 };

int64_t timestamp_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIMESTAMP_SECOND + now.tv_nsec / 1000;
}

int64_t timestamp_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads exactly `digits` digits. */
static bool take_number(const char **text, int digits, int *value)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *text += digits;
    *value = number;
    return true;
}

static bool take_char(const char **text, const char *allowed)
{
    if (**text == '\0' || !strchr(allowed, **text))
        return false;
    (*text)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years count from March, so that the leap day is the last one. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = y / 400, year_of_era = y % 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static bool take_date(const char **text, int64_t *days)
{
    int year, month, day;
    if (!take_number(text, 4, &year) || !take_char(text, "-") || !take_number(text, 2, &month) || !take_char(text, "-") ||
        !take_number(text, 2, &day))
        return false;
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* A leap second (:60) becomes the next second's beginning, as POSIX time has none. */
static bool take_time(const char **text, int64_t *seconds)
{
    int hour, minute, second;
    if (!take_number(text, 2, &hour) || !take_char(text, ":") || !take_number(text, 2, &minute) || !take_char(text, ":") ||
        !take_number(text, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* The digits behind a point; beyond microseconds they are cut. */
static bool take_fraction(const char **text, int64_t *microseconds)
{
    *microseconds = 0;
    if (!take_char(text, "."))
        return true;
    int64_t unit = 100000;
    const char *start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
        *microseconds += (**text - '0') * unit;
    return *text > start;
}

static bool take_offset(const char **text, int64_t *seconds)
{
    int hour, minute;
    *seconds = 0;
    if (take_char(text, "Zz"))
        return true;
    int sign = **text == '-' ? -1 : 1;
    if (!take_char(text, "+-") || !take_number(text, 2, &hour) || !take_char(text, ":") || !take_number(text, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *seconds = sign * (hour * 3600 + minute * 60);
    return true;
}

bool timestamp_parse_rfc3339(const char *text, int64_t *moment)
{
    int64_t days, seconds, fraction, offset;
    if (!take_date(&text, &days) || !take_char(&text, "Tt ") || !take_time(&text, &seconds) || !take_fraction(&text, &fraction) ||
        !take_offset(&text, &offset) || *text)
        return false;
    *moment = (days * 86400 + seconds - offset) * TIMESTAMP_SECOND + fraction;
    return true;
}

bool timestamp_parse_utc(const char *text, int64_t *moment)
{
    int64_t days, seconds, fraction;
    if (!take_date(&text, &days) || !take_char(&text, "Tt ") || !take_time(&text, &seconds) || !take_fraction(&text, &fraction) || *text)
        return false;
    *moment = (days * 86400 + seconds) * TIMESTAMP_SECOND + fraction;
    return true;
}

bool timestamp_is_never(const char *text)
{
    char other[TIMESTAMP_TEXT_SIZE];
    int64_t moment;
    const char *behind = text;
    int year;
    if (!take_number(&behind, 4, &year) || strlen(behind) + 5 > sizeof other)
        return false;
    if (year >= YEAR_MIN && year <= YEAR_MAX)
        return (timestamp_parse_rfc3339(text, &moment) || timestamp_parse_utc(text, &moment)) && moment == 0;
    strcpy(other, "2000"); /* a leap year: every day of the other one is one of it */
    strcat(other, behind);
    return timestamp_parse_rfc3339(other, &moment) || timestamp_parse_utc(other, &moment);
}

void timestamp_format(int64_t moment, char text[TIMESTAMP_TEXT_SIZE])
{
    int64_t fraction = moment % TIMESTAMP_SECOND;
    time_t seconds = (time_t)(moment / TIMESTAMP_SECOND);
    if (fraction < 0) {
        fraction += TIMESTAMP_SECOND;
        seconds--;
    }
    struct tm tm;
    if (moment == TIMESTAMP_NONE || !gmtime_r(&seconds, &tm)) {
        text[0] = '\0';
        return;
    }
    size_t size = strftime(text, TIMESTAMP_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction)
        size += (size_t)snprintf(text + size, TIMESTAMP_TEXT_SIZE - size, ".%06d", (int)fraction);
    snprintf(text + size, TIMESTAMP_TEXT_SIZE - size, "Z");
}

bool timestamp_parse_duration(const char *text, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char number[16];
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits >= sizeof number || strlen(text) != digits + 1)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        int64_t count;
        if (units[i].unit != text[digits])
            continue;
        if (!str_to_int64(number, 0, DURATION_DAYS_MAX * INT64_C(86400) / units[i].seconds, &count))
            return false;
        *seconds = count * units[i].seconds;
        return true;
    }
    return false;
}
