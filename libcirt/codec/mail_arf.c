#include "codec/mail_arf.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "codec/json_take.h"
#include "codec/mime.h"
#include "codec/mime_body.h"
#include "codec/xarf.h"
#include "model/rsit.h"

enum { BODY_MAX = 256 * 1024 };

/* One part being read. */
struct arf {
    struct report *report;
    struct observation *observation;
    struct mime *mime; /* of the fields */
    json_t *rest;      /* what has no place of its own */
};

static const struct {
    const char *type, *class_name; /* NULL: a word that names no abuse */
} types[] = {
    {"abuse", "abusive-content/spam"},
    {"fraud", "fraud/phishing"},
    {"virus", "malicious-code/malware-distribution"},
    {"malware", "malicious-code/malware-distribution"},
    {"auth-failure", "fraud/masquerade"}, /* RFC 6591: another wrote in the domain's name, or it is set up wrongly */
    {"other", "other/other"},
    {"opt-out", "abusive-content/spam"}, /* of the first drafts, and still sent */
    {"opt-out-list", "abusive-content/spam"},
    {"not-spam", NULL}, /* RFC 6430 */
};

static void read_type(struct arf *arf, const char *type)
{
    char *claim = arena_strdup(arf->report->arena, type);
    str_lower(claim);
    arf->observation->class_claim = arf->report->class_claim = claim;
    size_t i = 0;
    while (i < ARRAY_SIZE(types) && !str_equal(types[i].type, claim))
        i++;
    arf->observation->class_name = arf->report->class_name = i < ARRAY_SIZE(types) ? types[i].class_name : rsit_claimed(claim);
}

/* --- fields --- */

static void keep(struct arf *arf, const char *name, const char *value)
{
    json_t *list = json_object_get(arf->rest, name);
    if (!list) {
        list = json_array();
        json_object_set_new(arf->rest, name, list);
    }
    json_array_append_new(list, json_string(value));
}

/* "<a@b>", "rfc822; a@b" */
static const char *bare_address(struct arena *arena, const char *value)
{
    const char *semicolon = strchr(value, ';');
    value = semicolon ? semicolon + 1 : value;
    value += strspn(value, " \t<");
    return arena_strndup(arena, value, strcspn(value, "> \t"));
}

/* "192.0.2.1 (a comment)", "(a comment) 192.0.2.1", "[192.0.2.1]", "[IPv6:2001:db8::1]": RFC 5965 lets it be a literal, with comments. */
static const char *bare_literal(struct arena *arena, const char *value)
{
    const char *close = *value == '(' ? strchr(value, ')') : NULL;
    value = close ? close + 1 : value;
    value += strspn(value, " \t[");
    value += str_starts_nocase(value, "IPv6:") ? strlen("IPv6:") : 0;
    return arena_strndup(arena, value, strcspn(value, "]( \t"));
}

static bool take_source(struct arf *arf, const char *value)
{
    const char *address = bare_literal(arf->report->arena, value);
    if (json_take_address_text(arf->report, arf->observation, ROLE_SOURCE, address))
        return !strchr(value, '('); /* what a comment says is kept */
    if (!observable_is_absent(address))
        report_reject(arf->report, "Source-IP", "is no IP address");
    return false;
}

static bool take_sender(struct arf *arf, const char *value)
{
    return report_add_sighting(arf->report, arf->observation, OBSERVABLE_EMAIL, ROLE_SOURCE, bare_address(arf->report->arena, value));
}

/* Providers redact recipients: what is no address is no mistake. */
static bool take_recipient(struct arf *arf, const char *value)
{
    return report_add_sighting(arf->report, arf->observation, OBSERVABLE_EMAIL, ROLE_VICTIM, bare_address(arf->report->arena, value));
}

static bool take_domain(struct arf *arf, const char *value)
{
    return report_add_sighting(arf->report, arf->observation, OBSERVABLE_DOMAIN, ROLE_OTHER, value);
}

/* "dns:bad.example", "dns://192.0.2.1/bad.example?type=A" (RFC 4501) */
static const char *name_of_dns(struct arena *arena, const char *uri)
{
    const char *name = uri + strlen("dns:");
    if (str_starts(name, "//"))
        name += 2 + strcspn(name + 2, "/") + (strchr(name + 2, '/') != NULL);
    return arena_strndup(arena, name, strcspn(name, "?"));
}

/* Providers redact recipients, which may stand here, too. */
static bool take_uri(struct arf *arf, const char *value)
{
    struct arena *arena = arf->report->arena;
    const char *uri = *value == '<' ? arena_strndup(arena, value + 1, strcspn(value + 1, ">")) : value;
    enum observable_type type = strchr(uri, '@') && !strchr(uri, '/') ? OBSERVABLE_EMAIL : OBSERVABLE_URL;
    bool is_mail = str_starts_nocase(uri, "mailto:"), is_dns = str_starts_nocase(uri, "dns:");
    const char *text = is_dns ? name_of_dns(arena, uri) : uri;
    if (report_add_sighting(arf->report, arf->observation, is_dns ? OBSERVABLE_DOMAIN : type, ROLE_SOURCE, text))
        return true;
    if (!is_mail && !observable_is_absent(text))
        report_reject(arf->report, "Reported-URI", "is no URL, mail address or domain");
    return false;
}

static bool take_date(struct arf *arf, const char *value)
{
    struct observation *observation = arf->observation;
    if (observation->time != TIMESTAMP_NONE || !mime_date_text(value, &observation->time, &observation->time_rule))
        return false;
    observation->time_text = arena_strdup(arf->report->arena, value);
    return true;
}

static bool take_count(struct arf *arf, const char *value)
{
    return str_to_int64(value, 1, UINT32_MAX, &arf->observation->count);
}

static bool take_port(struct arf *arf, const char *value)
{
    int64_t port;
    if (arf->observation->source_port >= 0 || !str_to_int64(value, 0, 65535, &port))
        return false;
    arf->observation->source_port = (int)port;
    return true;
}

/* Those that may be there more than once are so in the standard; of others the first counts, and more are kept. */
static const struct {
    const char *name;
    bool (*take)(struct arf *arf, const char *value);
    bool is_repeatable;
} fields[] = {
    {"Source-IP", take_source, false},          {"Source-Port", take_port, false}, /* RFC 6692 */
    {"Original-Mail-From", take_sender, false}, {"Original-Rcpt-To", take_recipient, true}, {"Reported-Domain", take_domain, true},
    {"Reported-URI", take_uri, true},           {"DKIM-Domain", take_domain, false},        {"Arrival-Date", take_date, false},
    {"Received-Date", take_date, false}, /* the old name */
    {"Incidents", take_count, false},
};

static bool take_field(struct arf *arf, const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (!str_equal_nocase(fields[i].name, name))
            continue;
        bool is_again = !fields[i].is_repeatable && json_object_get(arf->rest, fields[i].name) != NULL;
        return !is_again && fields[i].take(arf, value);
    }
    return str_equal_nocase(name, "Feedback-Type");
}

/* Header bytes from anybody as one line of UTF-8. */
static const char *clean(struct arf *arf, const char *bytes, size_t size)
{
    struct buf text;
    buf_init(&text, 4 * size + 16);
    mime_text(NULL, bytes, size, &text);
    const char *copy = arena_strdup(arf->report->arena, buf_text(&text) + strspn(buf_text(&text), " \t"));
    buf_clear(&text);
    return copy;
}

static void read_fields(struct arf *arf)
{
    struct mime_field field;
    for (size_t at = 0; mime_next_field(arf->mime, &arf->mime->parts[0], &at, &field);) {
        const char *name = clean(arf, field.name, field.name_size), *raw = mime_field_value(arf->mime, &field);
        const char *value = clean(arf, raw, strlen(raw));
        if (!str_is_empty(value) && !take_field(arf, name, value))
            keep(arf, name, value);
    }
}

static void write_extra(struct arf *arf)
{
    json_t *extra = json_object();
    if (json_object_size(arf->rest))
        json_object_set(extra, "feedback_report", arf->rest);
    arf->observation->extra = json_take_rest(extra, arf->report->arena);
    json_decref(extra);
}

/* --- the part --- */

/* Some generators leave a line empty between the fields. */
static void without_empty_lines(const char *bytes, size_t size, struct buf *out)
{
    for (const char *line = bytes, *end = bytes + size; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *next = newline ? newline + 1 : end;
        bool is_empty = *line == '\n' || (*line == '\r' && next - line <= 2);
        if (!is_empty)
            buf_add(out, line, (size_t)(next - line));
        line = next;
    }
    buf_add_text(out, "\n\n");
}

static bool read_head(struct arf *arf, struct err *err)
{
    const struct mime_part *head = &arf->mime->parts[0];
    const char *type = mime_header_text(arf->mime, head, "Feedback-Type"), *version = mime_header_text(arf->mime, head, "Version");
    if (str_is_empty(type))
        return err_set_at(err, ERR_INPUT, "Feedback-Type", "is missing");
    if (mime_header(arf->mime, head, "Feedback-Type", 1))
        return err_set_at(err, ERR_INPUT, "Feedback-Type", "is there twice");
    if (!str_is_empty(version) && !str_equal(version, "1") && !str_equal(version, "1.0") && !str_equal(version, "0.1"))
        return err_set_at(err, ERR_INPUT, "Version", "is neither 1 nor 0.1");
    read_type(arf, type);
    return true;
}

static bool read_report(struct arf *arf, const char *bytes, size_t size, const struct codec_limits *limits, struct err *err)
{
    struct buf body;
    buf_init(&body, BODY_MAX + 2);
    without_empty_lines(bytes, size < BODY_MAX ? size : BODY_MAX, &body);
    bool ok = mime_parse(body.bytes, body.size, limits->depth_max, &arf->mime, err);
    ok = ok && read_head(arf, err);
    if (ok) {
        read_fields(arf);
        xarf_spare_targets(arf->observation); /* RFC 5965 has the recipient as Reported-URI, too */
        xarf_unique(arf->observation);
        write_extra(arf);
    }
    mime_free(arf->mime);
    buf_clear(&body);
    return ok;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    struct arf arf = {.report = report_new("arf"), .rest = json_object()};
    arf.observation = report_add_observation(arf.report);
    bool ok = read_report(&arf, bytes, size, limits, err);
    json_decref(arf.rest);
    if (ok)
        *out = arf.report;
    else
        report_free(arf.report);
    return ok;
}

const struct codec mail_arf_codec = {
    .name = "arf",
    .media_type = "message/feedback-report",
    .standard = "RFC 5965, RFC 6430, RFC 6591",
    .summary = "feedback report of a mail provider",
    .shape = CODEC_WHOLE,
    .decode = decode,
};
