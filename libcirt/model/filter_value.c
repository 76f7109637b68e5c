#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "model/filter_tree.h"
#include "model/observable.h"
#include "model/observable_refang.h"
#include "model/rsit.h"
#include "model/tlp.h"

#define DAY (86400 * TIMESTAMP_SECOND)

static const char *const priorities[] = {"critical", "high", "medium", "low"};

bool filter_value_priority(const char *name, int64_t *number)
{
    for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
        if (str_equal_nocase(name, priorities[i])) {
            *number = (int64_t)i + 1;
            return true;
        }
    }
    return false;
}

/* What one end of a range, or a value without "..", stands for: a moment, a day, a month; one number. Both ends included. */
struct span {
    int64_t first, last;
    bool is_relative; /* a duration from now */
};

/* --- time --- */

/* The midnight that begins this date in the context's zone. */
static bool midnight(const char *date, const struct filter_context *context, int64_t *moment)
{
    char text[32];
    if (strlen(date) != 10)
        return false;
    snprintf(text, sizeof text, "%sT00:00:00Z", date);
    if (!timestamp_parse_rfc3339(text, moment))
        return false;
    *moment -= context->zone_minutes * 60 * TIMESTAMP_SECOND;
    return true;
}

static bool day_span(const char *date, int days_later, const struct filter_context *context, struct span *span)
{
    if (!midnight(date, context, &span->first))
        return false;
    span->first += days_later * DAY;
    span->last = span->first + DAY - 1;
    return true;
}

/* "2026" or "2026-01". */
static bool year_or_month_span(const char *text, const struct filter_context *context, struct span *span)
{
    char first[32], after[32];
    int year, month;
    size_t digits = strspn(text, "0123456789");
    bool is_month = strlen(text) == 7 && text[4] == '-' && strspn(text + 5, "0123456789") == 2;
    if (digits != 4 || (text[4] && !is_month) || sscanf(text, "%4d", &year) != 1)
        return false;
    month = is_month ? (text[5] - '0') * 10 + text[6] - '0' : 1;
    int next_year = is_month && month < 12 ? year : year + 1;
    snprintf(first, sizeof first, "%04d-%02d-01", year, month);
    snprintf(after, sizeof after, "%04d-%02d-01", next_year, is_month && month < 12 ? month + 1 : 1);
    if (!midnight(first, context, &span->first) || !midnight(after, context, &span->last))
        return false;
    span->last--;
    return true;
}

/* "2026-01-05T10:30", seconds optional, in the context's zone. */
static bool local_time_span(const char *text, const struct filter_context *context, struct span *span)
{
    char full[32];
    size_t size = strlen(text);
    if (size != 16 && size != 19)
        return false;
    snprintf(full, sizeof full, "%s%s", text, size == 16 ? ":00" : "");
    if (!timestamp_parse_utc(full, &span->first))
        return false;
    span->first -= context->zone_minutes * 60 * TIMESTAMP_SECOND;
    span->last = span->first + (size == 16 ? 60 : 1) * TIMESTAMP_SECOND - 1;
    return true;
}

static bool named_span(const char *text, const struct filter_context *context, struct span *span)
{
    static const struct {
        const char *name;
        int days_later;
    } days[] = {{"yesterday", -1}, {"today", 0}, {"tomorrow", 1}};
    char today[TIMESTAMP_TEXT_SIZE];
    if (str_equal_nocase(text, "now")) {
        span->first = span->last = context->now;
        return true;
    }
    timestamp_format(context->now + context->zone_minutes * 60 * TIMESTAMP_SECOND, today);
    today[10] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(days); i++)
        if (str_equal_nocase(text, days[i].name))
            return day_span(today, days[i].days_later, context, span);
    return false;
}

/* Deadlines and ends lie ahead, all else lies behind: "3d" is in three days for the first and three days ago for the others. */
static bool looks_ahead(const struct filter_field *field)
{
    return str_equal(field->name, "due") || str_equal(field->name, "expires");
}

static bool relative_span(const struct filter_field *field, const char *text, const struct filter_context *context, struct span *span)
{
    bool has_sign = *text == '-' || *text == '+';
    bool is_ahead = has_sign ? *text == '+' : looks_ahead(field);
    int64_t seconds;
    if (!timestamp_parse_duration(text + has_sign, &seconds))
        return false;
    span->first = span->last = context->now + (is_ahead ? seconds : -seconds) * TIMESTAMP_SECOND;
    span->is_relative = true;
    return true;
}

static bool time_span(const struct filter_field *field, const char *text, const struct filter_context *context, struct span *span)
{
    if (relative_span(field, text, context, span) || named_span(text, context, span) || day_span(text, 0, context, span) ||
        year_or_month_span(text, context, span) || local_time_span(text, context, span))
        return true;
    if (!timestamp_parse_rfc3339(text, &span->first))
        return false;
    bool has_fraction = strchr(text, '.') != NULL;
    span->last = span->first + (has_fraction ? 0 : TIMESTAMP_SECOND - 1);
    return true;
}

/* --- values in an order --- */

/* "5", "-0.25": in thousandths. */
static bool score_parse(const char *text, int64_t *thousandths)
{
    enum { WHOLE_MAX = 1000000 };
    bool is_negative = *text == '-';
    const char *digits = text + is_negative, *dot = strchr(digits, '.');
    size_t whole_size = dot ? (size_t)(dot - digits) : strlen(digits), decimals = dot ? strlen(dot + 1) : 0;
    char whole[16], fraction[4] = "000";
    int64_t high, low;
    if (whole_size == 0 || whole_size >= sizeof whole || (dot && (decimals == 0 || decimals > 3)))
        return false;
    memcpy(whole, digits, whole_size);
    whole[whole_size] = '\0';
    memcpy(fraction, dot ? dot + 1 : "", decimals);
    if (!str_to_int64(whole, 0, WHOLE_MAX, &high) || !str_to_int64(fraction, 0, 999, &low))
        return false;
    *thousandths = (high * 1000 + low) * (is_negative ? -1 : 1);
    return true;
}

static bool span_parse(const struct filter_field *field, const char *text, const struct filter_context *context, struct span *span,
                       struct err *err)
{
    enum tlp label;
    span->is_relative = false;
    switch (field->kind) {
    case FILTER_TIME:
        return time_span(field, text, context, span) ||
               err_set(err, ERR_INPUT, "\"%.60s\" is no time: 2026-01-05, 2026-01, 2h, -3d, today, now, or RFC 3339", text);
    case FILTER_TLP:
        if (!tlp_parse(text, &label))
            return err_set(err, ERR_INPUT, "\"%.60s\" is no label: clear, green, amber, amber+strict or red", text);
        span->first = span->last = label;
        return true;
    case FILTER_PRIORITY:
        if (!filter_value_priority(text, &span->first))
            return err_set(err, ERR_INPUT, "\"%.60s\" is none of critical, high, medium, low", text);
        span->last = span->first;
        return true;
    case FILTER_SCORE:
        if (!score_parse(text, &span->first))
            return err_set(err, ERR_INPUT, "\"%.60s\" is neither yes nor no nor a score like 5 or 7.5", text);
        span->last = span->first;
        return true;
    default:
        if (!str_to_int64(text, 0, INT64_MAX / 2, &span->first))
            return err_set(err, ERR_INPUT, "\"%.60s\" is no number", text);
        span->last = span->first;
        return true;
    }
}

static bool is_reversed(enum filter_kind kind)
{
    return kind == FILTER_PRIORITY;
}

/* Critical is 1 and low is 4, but people count upwards: "high.." is high and critical. */
static void set_range(const struct filter_field *field, struct filter_test *test, int64_t from, int64_t to)
{
    test->comparison = FILTER_RANGE;
    if (is_reversed(field->kind)) {
        test->from = to == INT64_MAX ? INT64_MIN : to;
        test->to = from == INT64_MIN ? INT64_MAX : from;
    } else {
        test->from = from;
        test->to = to;
    }
}

/* "<x", "<=x", ">x", ">=x". */
static bool comparison_parse(const struct filter_field *field, const char *text, const struct filter_context *context,
                             struct filter_test *test, struct err *err)
{
    bool is_less = *text == '<', or_equal = text[1] == '=';
    struct span span;
    if (!span_parse(field, text + 1 + or_equal, context, &span, err))
        return false;
    int64_t step = is_reversed(field->kind) ? -1 : 1;
    if (is_less)
        set_range(field, test, INT64_MIN, or_equal ? span.last : span.first - step);
    else
        set_range(field, test, or_equal ? span.first : span.last + step, INT64_MAX);
    return true;
}

static bool range_parse(struct arena *arena, const struct filter_field *field, const char *text, const char *dots,
                        const struct filter_context *context, struct filter_test *test, struct err *err)
{
    struct span from = {.first = INT64_MIN}, to = {.last = INT64_MAX};
    const char *start = arena_strndup(arena, text, (size_t)(dots - text)), *end = dots + 2;
    if (*start == '\0' && *end == '\0')
        return err_set(err, ERR_INPUT, "a range needs at least one end");
    if ((*start && !span_parse(field, start, context, &from, err)) || (*end && !span_parse(field, end, context, &to, err)))
        return false;
    bool is_empty = is_reversed(field->kind) ? *start && *end && from.first < to.last : from.first > to.last;
    if (is_empty)
        return err_set(err, ERR_INPUT, "nothing lies in %.80s: the first end comes after the second", text);
    set_range(field, test, from.first, to.last);
    return true;
}

static bool ordered_parse(struct arena *arena, const struct filter_field *field, const char *text, const struct filter_context *context,
                          struct filter_test *test, struct err *err)
{
    struct span span;
    const char *dots = strstr(text, "..");
    if (*text == '<' || *text == '>')
        return comparison_parse(field, text, context, test, err);
    if (dots)
        return range_parse(arena, field, text, dots, context, test, err);
    if (field->kind == FILTER_SCORE && (str_equal_nocase(text, "yes") || str_equal_nocase(text, "no"))) {
        test->text = str_equal_nocase(text, "yes") ? "yes" : "no";
        return true;
    }
    if (!span_parse(field, text, context, &span, err))
        return false;
    if (field->kind == FILTER_SCORE) {
        set_range(field, test, span.first, span.last);
        return true;
    }
    if (field->kind == FILTER_TIME) {
        /* A duration alone is all the time between now and then: no case was opened at exactly "3d". */
        bool is_behind = span.is_relative && span.first < context->now;
        set_range(field, test, span.is_relative && !is_behind ? context->now : span.first, is_behind ? context->now : span.last);
        return true;
    }
    test->comparison = FILTER_EQUAL;
    test->text = arena_printf(arena, "%lld", (long long)span.first);
    test->from = test->to = span.first;
    return true;
}

/* --- names out of a fixed set --- */

static const char *const case_states[] = {"new", "open", "waiting", "resolved", "closed", "rejected", "merged", NULL};
static const char *const report_states[] = {"received", "decoding", "held", "triaged", "dropped", "malformed", NULL};
static const char *const case_kinds[] = {"incident", "vulnerability", "notice", "request", NULL};
static const char *const signatures[] = {"unprotected", "verified", "unknown-key", "not-sender", "bad",
                                         "expired",     "revoked",  "mixed",       "fresh",      NULL};
/* "none" is what has no value: what is not encrypted. */
static const char *const encryptions[] = {"part", "whole", "undecryptable", NULL};
static const char *const assurances[] = {"pinned-key", "certificate", "dmarc", "unknown", NULL};
static const char *const mail_kinds[] = {"message", "auto-reply", "list", "bounce", "mdn", NULL};
static const char *const case_is[] = {"open", "overdue", "mine", "any", "unowned", NULL};
static const char *const report_is[] = {"any", NULL};

static const struct {
    const char *field;
    unsigned objects;
    const char *const *names;
} name_sets[] = {
    {"state", FILTER_CASE, case_states},
    {"state", FILTER_REPORT, report_states},
    {"kind", FILTER_CASE, case_kinds},
    {"signed", FILTER_REPORT | FILTER_RULE, signatures},
    {"is", FILTER_CASE, case_is},
    {"is", FILTER_REPORT, report_is},
    {"kind", FILTER_REPORT | FILTER_RULE, mail_kinds},
    {"encryption", FILTER_REPORT | FILTER_RULE, encryptions},
    {"assurance", FILTER_REPORT | FILTER_RULE, assurances},
};

const char *const *filter_field_names(const char *field, unsigned object)
{
    for (size_t i = 0; i < ARRAY_SIZE(name_sets); i++)
        if (str_equal(name_sets[i].field, field) && (name_sets[i].objects & object))
            return name_sets[i].names;
    return NULL;
}

static bool name_check(const char *const *names, const char *text, struct err *err)
{
    const char *nearest = names[0];
    for (size_t i = 0; names[i]; i++) {
        if (str_equal_nocase(names[i], text))
            return true;
        if (str_distance(text, names[i]) < str_distance(text, nearest))
            nearest = names[i];
    }
    return err_set(err, ERR_INPUT, "\"%.60s\" is unknown here; did you mean \"%s\"?", text, nearest);
}

/* --- text --- */

static const char *lowered(struct arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    str_lower(copy);
    return copy;
}

/* Observables are stored in their normal form; what has none (a part of a URL before a star) stays as it was written. */
static const char *stored_form(struct arena *arena, const char *field, const char *text, bool is_prefix)
{
    static const struct {
        const char *field;
        enum observable_type type;
    } observables[] = {{"url", OBSERVABLE_URL}, {"email", OBSERVABLE_EMAIL}, {"cve", OBSERVABLE_CVE}, {"country", OBSERVABLE_COUNTRY}};
    for (size_t i = 0; !is_prefix && i < ARRAY_SIZE(observables); i++) {
        const char *normal = str_equal(field, observables[i].field) ? observable_normalise(arena, observables[i].type, text) : NULL;
        if (normal)
            return normal;
    }
    return str_equal(field, "is") || str_equal(field, "hash") || str_equal(field, "state") || str_equal(field, "kind") ||
                   str_equal(field, "signed") || str_equal(field, "encryption") || str_equal(field, "assurance") ||
                   str_equal(field, "auth") || str_equal(field, "author")
               ? lowered(arena, text)
               : text;
}

static bool text_parse(struct arena *arena, const struct filter_field *field, const struct filter_context *context,
                       const struct filter_word *word, struct filter_test *test, struct err *err)
{
    const char *text = word->text;
    if (str_equal(field->name, "owner") && !word->is_quoted && str_equal_nocase(text, "me")) {
        if (!context->me)
            return err_set(err, ERR_INPUT, "owner:me means nobody here");
        text = context->me;
    }
    for (size_t i = 0; i < ARRAY_SIZE(name_sets); i++)
        if (str_equal(name_sets[i].field, field->name) && (name_sets[i].objects & context->object) &&
            !name_check(name_sets[i].names, text, err))
            return false;
    test->comparison = word->has_star ? FILTER_PREFIX : FILTER_EQUAL;
    if (word->has_star)
        text = arena_strndup(arena, text, strlen(text) - 1);
    test->text = stored_form(arena, field->name, text, word->has_star);
    return true;
}

/* --- addresses, names, classes --- */

bool filter_value_network(const char *text, struct filter_network *network)
{
    char address[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "/");
    if (size >= sizeof address)
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    network->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int64_t longest = network->family == AF_INET6 ? 128 : 32, length = longest;
    if (inet_pton(network->family, address, network->bytes) != 1 ||
        (text[size] == '/' && !str_to_int64(text + size + 1, 0, longest, &length)))
        return false;
    network->length = (unsigned)length;
    return true;
}

static bool address_parse(struct arena *arena, const char *text, struct filter_test *test, struct err *err)
{
    enum observable_type type;
    const char *value = observable_guess(arena, text, &type);
    bool is_address = value && (type == OBSERVABLE_IPV4 || type == OBSERVABLE_IPV6 || type == OBSERVABLE_CIDR);
    test->text = is_address ? value : text;
    if ((!is_address && !str_equal(text, "0.0.0.0/0") && !str_equal(text, "::/0")) || !filter_value_network(test->text, &test->network))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no address and no network", text);
    return true;
}

static bool domain_parse(struct arena *arena, const char *text, struct filter_test *test, struct err *err)
{
    if (str_starts(text, "*."))
        text += 2;
    else if (*text == '.')
        text++;
    test->text = observable_normalise(arena, OBSERVABLE_DOMAIN, text);
    /* A single label is no name that anybody is seen with, but all below a top level is a fair question. */
    if (!test->text && *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen(text))
        test->text = lowered(arena, text);
    return test->text || err_set(err, ERR_INPUT, "\"%.60s\" is no domain name", text);
}

static bool class_parse(struct arena *arena, const char *text, struct filter_test *test, struct err *err)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < rsit_class_count; i++) {
        const char *name = rsit_classes[i].name;
        if (str_starts_nocase(name, text) && name[size] == '/') {
            test->comparison = FILTER_PREFIX;
            test->text = arena_strndup(arena, name, size + 1);
            return true;
        }
    }
    test->text = rsit_find(text);
    const char *nearest = test->text ? NULL : rsit_nearest(text);
    if (nearest)
        return err_set(err, ERR_INPUT, "\"%.60s\" is no RSIT class; did you mean \"%s\"?", text, nearest);
    return test->text || err_set(err, ERR_INPUT, "\"%.60s\" is no RSIT class", text);
}

bool filter_value_parse(struct arena *arena, const struct filter_field *field, const struct filter_context *context,
                        const struct filter_word *word, struct filter_test *test, struct err *err)
{
    *test = (struct filter_test){.comparison = FILTER_EQUAL};
    if (word->text[0] == '\0')
        return err_set(err, ERR_INPUT, "%s: needs a value; %s:none finds what has none", field->name, field->name);
    if (!word->is_quoted && str_equal_nocase(word->text, "none") && !str_equal(field->name, "is") && field->kind != FILTER_WORD) {
        test->comparison = FILTER_NONE;
        return true;
    }
    switch (field->kind) {
    case FILTER_TEXT:
        return text_parse(arena, field, context, word, test, err);
    case FILTER_NUMBER:
    case FILTER_TIME:
    case FILTER_TLP:
    case FILTER_PRIORITY:
    case FILTER_SCORE:
        return ordered_parse(arena, field, word->text, context, test, err);
    case FILTER_ADDRESS:
        return address_parse(arena, word->text, test, err);
    case FILTER_DOMAIN:
        return domain_parse(arena, word->text, test, err);
    case FILTER_ASN:
        test->text = observable_normalise(arena, OBSERVABLE_ASN, word->text);
        return test->text || err_set(err, ERR_INPUT, "\"%.60s\" is no AS number", word->text);
    case FILTER_CLASS:
        return class_parse(arena, word->text, test, err);
    case FILTER_WORD:
        test->comparison = FILTER_CONTAINS;
        /* Pasted as it was shown; rules see what somebody wrote. */
        test->text = context->object == FILTER_RULE ? word->text : observable_refang(arena, word->text, strlen(word->text), NULL);
        test->lower = lowered(arena, test->text);
        return true;
    }
    return err_set(err, ERR_INTERNAL, "field %s has no kind", field->name);
}
