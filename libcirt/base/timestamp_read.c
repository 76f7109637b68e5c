#include "base/timestamp_read.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/timestamp.h"

enum { TEXT_MAX = 64 };

/* 2001-09-09, when ten digits began: what is before is no time but a counter or a zero; and 2201. */
#define EPOCH_MIN INT64_C(1000000000)
#define EPOCH_MAX INT64_C(7289654399)

/* What was found in the text so far. */
struct moment {
    int year, month, day, hour, minute, second;
    int64_t microseconds, offset; /* offset east of UTC in seconds */
    bool has_zone;
};

static bool take_digits(const char **text, int least, int most, int *value)
{
    int number = 0, count = 0;
    for (; count < most && isdigit((unsigned char)**text); count++)
        number = number * 10 + (*(*text)++ - '0');
    *value = number;
    return count >= least;
}

static bool take_one(const char **text, const char *allowed)
{
    if (**text == '\0' || !strchr(allowed, **text))
        return false;
    (*text)++;
    return true;
}

static void skip_blanks(const char **text)
{
    *text += strspn(*text, " \t");
}

/* The calendar is timestamp.c's: one writes what it reads. */
static bool finish(const struct moment *m, int64_t *moment)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", m->year, m->month, m->day, m->hour, m->minute, m->second);
    if (!timestamp_parse_rfc3339(text, moment))
        return false;
    *moment += m->microseconds - m->offset * TIMESTAMP_SECOND;
    return true;
}

static void take_fraction(const char **text, int64_t *microseconds)
{
    const char *at = *text;
    int64_t unit = 100000;
    *microseconds = 0;
    if (!take_one(&at, ".,") || !isdigit((unsigned char)*at))
        return;
    for (; isdigit((unsigned char)*at); at++, unit /= 10)
        *microseconds += (*at - '0') * unit;
    *text = at;
}

/* "10:00", "10:00:00", "10:00:00.123", with AM or PM. */
static bool take_clock(const char **text, struct moment *m)
{
    if (!take_digits(text, 1, 2, &m->hour) || !take_one(text, ":") || !take_digits(text, 2, 2, &m->minute))
        return false;
    if (take_one(text, ":")) {
        if (!take_digits(text, 2, 2, &m->second))
            return false;
        take_fraction(text, &m->microseconds);
    }
    const char *at = *text;
    skip_blanks(&at);
    if ((strncasecmp(at, "am", 2) == 0 || strncasecmp(at, "pm", 2) == 0) && !isalpha((unsigned char)at[2])) {
        if (m->hour < 1 || m->hour > 12)
            return false;
        m->hour = m->hour % 12 + (tolower((unsigned char)*at) == 'p' ? 12 : 0);
        *text = at + 2;
    }
    return m->hour <= 23 && m->minute <= 59 && m->second <= 60;
}

/* "Z", "+01:00", "+0100", "+01", and names: those of RFC 5322. False where something stands there that is no zone. */
static bool take_zone(const char **text, struct moment *m)
{
    static const struct {
        const char *name;
        int hours;
    } names[] = {{"UTC", 0},  {"GMT", 0},  {"UT", 0},   {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    const char *at = *text;
    skip_blanks(&at);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t size = strlen(names[i].name);
        if (strncasecmp(at, names[i].name, size) != 0 || isalpha((unsigned char)at[size]))
            continue;
        m->has_zone = true;
        m->offset = names[i].hours * 3600;
        *text = at + size;
        /* "UTC+01:00" says something else than its name. */
        return **text != '+' && **text != '-';
    }
    int hours, minutes = 0, sign = *at == '-' ? -1 : 1;
    if (!take_one(&at, "+-"))
        return true;
    if (!take_digits(&at, 2, 2, &hours) || (take_one(&at, ":"), isdigit((unsigned char)*at) && !take_digits(&at, 2, 2, &minutes)) ||
        hours > 23 || minutes > 59)
        return false;
    m->has_zone = true;
    m->offset = sign * (hours * 3600 + minutes * 60);
    *text = at;
    return true;
}

/* "CEST", a name that says nothing certain, since several use it or it is not known here. True: there was one. */
static bool skip_zone_name(const char **text, const struct moment *m)
{
    const char *at = *text;
    skip_blanks(&at);
    size_t size = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (m->has_zone || size < 3 || size > 5 || (at[size] && at[size] != ' '))
        return false;
    *text = at + size;
    return true;
}

static bool take_month_name(const char **text, int *month)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (size_t i = 0; i < ARRAY_SIZE(months); i++) {
        if (strncasecmp(*text, months[i], 3) != 0)
            continue;
        *month = (int)i + 1;
        *text += 3;
        while (isalpha((unsigned char)**text)) /* "November" */
            (*text)++;
        return true;
    }
    return false;
}

static bool is_day_name(const char *text)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (size_t i = 0; i < ARRAY_SIZE(days); i++)
        if (strncasecmp(text, days[i], 3) == 0)
            return true;
    return false;
}

/* --- the forms; each false where it is not that one --- */

static bool read_iso(const char *text, struct moment *m, const char **rule)
{
    if (!take_digits(&text, 4, 4, &m->year) || !strchr("-/.", *text) || !*text)
        return false;
    const char separator[] = {*text++, '\0'};
    if (!take_digits(&text, 1, 2, &m->month) || !take_one(&text, separator) || !take_digits(&text, 1, 2, &m->day))
        return false;
    *rule = "date-only";
    if (*text == '\0')
        return true;
    if (!take_one(&text, "Tt "))
        return false;
    skip_blanks(&text);
    if (!take_clock(&text, m) || !take_zone(&text, m))
        return false;
    skip_zone_name(&text, m);
    if (*text)
        return false;
    *rule = m->has_zone ? "rfc3339" : "utc-assumed";
    return true;
}

static bool read_basic(const char *text, struct moment *m, const char **rule)
{
    size_t digits = strspn(text, "0123456789");
    if (digits != 8 && digits != 14)
        return false;
    if (!take_digits(&text, 4, 4, &m->year) || !take_digits(&text, 2, 2, &m->month) || !take_digits(&text, 2, 2, &m->day))
        return false;
    *rule = "date-only";
    if (*text == '\0')
        return true;
    if (digits == 8 && !take_one(&text, "Tt"))
        return false;
    if (!take_digits(&text, 2, 2, &m->hour) || !take_digits(&text, 2, 2, &m->minute) || !take_digits(&text, 2, 2, &m->second))
        return false;
    take_fraction(&text, &m->microseconds);
    if (!take_zone(&text, m) || *text || m->hour > 23 || m->minute > 59 || m->second > 60)
        return false;
    *rule = m->has_zone ? "iso-basic" : "iso-basic-utc-assumed";
    return true;
}

/* "Fri, 20 Nov 2026 10:00:00 +0100", "20-Nov-2026 10:00"; comments in parentheses behind it go. */
static bool read_rfc5322(const char *text, struct moment *m, const char **rule)
{
    if (is_day_name(text)) {
        text += strcspn(text, ", ");
        take_one(&text, ",");
        skip_blanks(&text);
    }
    if (isalpha((unsigned char)*text)) { /* "Mar  1 2026 02:13:35 +0100", as syslog begins */
        if (!take_month_name(&text, &m->month) || !take_one(&text, " ") || (skip_blanks(&text), !take_digits(&text, 1, 2, &m->day)) ||
            (take_one(&text, ","), !take_one(&text, " ")))
            return false;
    } else if (!take_digits(&text, 1, 2, &m->day) || !take_one(&text, " -") || !take_month_name(&text, &m->month) ||
               !take_one(&text, " -")) {
        return false;
    }
    const char *start = text;
    if (!take_digits(&text, 2, 4, &m->year))
        return false;
    if (text - start == 2) /* RFC 5322, 4.3 */
        m->year += m->year < 50 ? 2000 : 1900;
    skip_blanks(&text);
    if (!take_clock(&text, m) || !take_zone(&text, m))
        return false;
    skip_blanks(&text);
    *rule = m->has_zone ? "rfc5322" : "rfc5322-utc-assumed";
    if (!m->has_zone && isalpha((unsigned char)*text)) /* a name that is no zone we know */
        text += strcspn(text, " (");
    skip_blanks(&text);
    return *text == '\0' || *text == '(';
}

static bool read_clf(const char *text, struct moment *m, const char **rule)
{
    bool bracket = take_one(&text, "[");
    *rule = "clf";
    return take_digits(&text, 2, 2, &m->day) && take_one(&text, "/") && take_month_name(&text, &m->month) && take_one(&text, "/") &&
           take_digits(&text, 4, 4, &m->year) && take_one(&text, ":") && take_clock(&text, m) && take_zone(&text, m) && m->has_zone &&
           (!bracket || take_one(&text, "]")) && *text == '\0';
}

/* "Fri Nov 20 10:00:00 2026", "Fri Nov 20 10:00:00 UTC 2026", "Fri Nov 20 10:00:00 2026 UTC" */
static bool read_asctime(const char *text, struct moment *m, const char **rule)
{
    if (!is_day_name(text))
        return false;
    text += strcspn(text, " ");
    skip_blanks(&text);
    if (!take_month_name(&text, &m->month))
        return false;
    skip_blanks(&text);
    if (!take_digits(&text, 1, 2, &m->day))
        return false;
    skip_blanks(&text);
    if (!take_clock(&text, m) || !take_zone(&text, m))
        return false;
    bool is_named = skip_zone_name(&text, m);
    skip_blanks(&text);
    if (!take_digits(&text, 4, 4, &m->year) || (!m->has_zone && !is_named && !take_zone(&text, m)))
        return false;
    is_named = is_named || skip_zone_name(&text, m);
    *rule = is_named ? "asctime-utc-assumed" : "asctime";
    return *text == '\0';
}

/* Two numbers before the year: which is the day may be open. Points are read as day first: nobody writes months first with them. */
static bool read_local(const char *text, struct moment *m, const char **rule)
{
    int first, second;
    if (!take_digits(&text, 1, 2, &first) || !*text || !strchr("/.-", *text))
        return false;
    const char separator[] = {*text++, '\0'};
    if (!take_digits(&text, 1, 2, &second) || !take_one(&text, separator) || !take_digits(&text, 4, 4, &m->year))
        return false;
    if (*text) {
        take_one(&text, ",");
        skip_blanks(&text);
        if (!take_clock(&text, m) || !take_zone(&text, m) || *text)
            return false;
    }
    bool is_month_first = second > 12;
    *rule = is_month_first ? "month-first" : first > 12 || first == second || *separator == '.' ? "day-first" : "day-first-assumed";
    m->day = is_month_first ? second : first;
    m->month = is_month_first ? first : second;
    return true;
}

static bool read_epoch(const char *text, int64_t *moment, const char **rule)
{
    static const struct {
        size_t digits;
        const char *rule;
        int64_t units; /* a second */
    } forms[] = {{10, "epoch", 1}, {13, "epoch-ms", 1000}, {16, "epoch-us", 1000000}, {19, "epoch-ns", 1000000000}};
    size_t digits = strspn(text, "0123456789");
    char number[20];
    int64_t value, fraction = 0;
    const char *rest = text + digits;
    take_fraction(&rest, &fraction);
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        if (digits != forms[i].digits || *rest || (i > 0 && rest != text + digits))
            continue;
        memcpy(number, text, digits);
        number[digits] = '\0';
        if (!str_to_int64(number, forms[i].units * EPOCH_MIN, INT64_MAX, &value) || value / forms[i].units > EPOCH_MAX)
            return false;
        *moment = forms[i].units <= TIMESTAMP_SECOND ? value * (TIMESTAMP_SECOND / forms[i].units) + fraction : value / 1000;
        *rule = forms[i].rule;
        return true;
    }
    return false;
}

bool timestamp_read(const char *text, int64_t *moment, const char **rule)
{
    static bool (*const forms[])(const char *, struct moment *, const char **) = {read_iso, read_basic,   read_rfc5322,
                                                                                  read_clf, read_asctime, read_local};
    char plain[TEXT_MAX];
    const char *found = NULL;
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1]))
        size--;
    if (size == 0 || size >= sizeof plain)
        return false;
    memcpy(plain, text, size);
    plain[size] = '\0';
    if (read_epoch(plain, moment, rule))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct moment m = {0};
        if (forms[i](plain, &m, &found) && finish(&m, moment)) {
            *rule = found;
            return true;
        }
    }
    return false;
}
