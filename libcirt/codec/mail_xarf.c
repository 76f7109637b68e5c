#include "codec/mail_xarf.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/json_take.h"
#include "codec/mail_yaml.h"
#include "codec/mime_body.h"
#include "codec/xarf.h"
#include "model/rsit.h"

/* --- is it one --- */

enum { LOOK_AT = 16 * 1024 };

static bool has_line(const char *text, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, size) == 0 && line[size + strspn(line + size, " \t")] == ':')
            return true;
        if (!*line)
            break;
    }
    return false;
}

bool mail_xarf_is(const char *bytes, size_t size)
{
    char *text = mem_calloc(size < LOOK_AT ? size + 1 : LOOK_AT + 1, 1);
    memcpy(text, bytes, size < LOOK_AT ? size : LOOK_AT);
    bool is = has_line(text, "Report-Type") && has_line(text, "Source") && (has_line(text, "Category") || has_line(text, "Reported-From"));
    free(text);
    return is;
}

static bool is_announced(const struct mime *mime)
{
    static const char *const names[] = {"X-XARF", "X-ARF"};
    static const char *const words[] = {"PLAIN", "SECURE", "BULK", "yes"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = mime_header_text(mime, &mime->parts[0], names[i]);
        for (size_t k = 0; value && k < ARRAY_SIZE(words); k++)
            if (str_equal_nocase(value, words[k]))
                return true;
    }
    return false;
}

/* Of a part without a name the first line decides: the text for people is none, whatever it quotes. */
static bool begins_with_field(const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
    return str_starts(text, "---") || (size && text[size] == ':');
}

bool mail_xarf_is_part(const struct mime *mime, const struct mime_part *part)
{
    bool is_named = str_equal_nocase(part->name, "report.txt");
    if (!(is_named || is_announced(mime)) || !(str_equal(part->type, "text/plain") || str_ends(part->type, "yaml")))
        return false;
    struct buf body;
    struct mime_part start = *part;
    start.body_size = start.body_size < LOOK_AT ? start.body_size : LOOK_AT;
    buf_init(&body, 2 * LOOK_AT);
    mime_body(mime, &start, &body);
    bool is = mail_xarf_is(buf_text(&body), body.size) && (part->name || begins_with_field(buf_text(&body)));
    buf_clear(&body);
    return is;
}

/* --- one document --- */

/* The names we look for; their case varies. */
static const char *const names[] = {
    "Reported-From", "Category",    "Report-Type",      "Report-ID",        "Date",     "Source",      "Source-Type", "Source-Port",
    "Source-ASN",    "Destination", "Destination-Type", "Destination-Port", "Port",     "TLP",         "User-Agent",  "Occurrences",
    "Version",       "Schema-URL",  "Download-Link",    "Domain",           "Protocol", "Description", "URL",         "Attachment",
    "Service",
};

static json_t *canonical(const json_t *document)
{
    json_t *out = json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)document, name, value)
    {
        const char *known = name;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (str_equal_nocase(names[i], name))
                known = names[i];
        if (!json_object_get(out, known))
            json_object_set(out, known, value);
    }
    return out;
}

/* A type of source, and which values it means; none of them: whatever it looks like. */
static const struct {
    const char *word;
    enum observable_type type;
} source_types[] = {
    {"uri", OBSERVABLE_URL},         {"url", OBSERVABLE_URL},     {"domain", OBSERVABLE_DOMAIN},       {"domain-name", OBSERVABLE_DOMAIN},
    {"hostname", OBSERVABLE_DOMAIN}, {"email", OBSERVABLE_EMAIL}, {"email-address", OBSERVABLE_EMAIL},
};

static size_t take_end(const struct json_take *take, const char *name, const char *type_name, enum sighting_role role)
{
    const char *type = json_string_value(json_object_get(take->object, type_name));
    size_t added = 0;
    if (!json_object_get(take->object, name))
        return 0;
    for (size_t i = 0; type && i < ARRAY_SIZE(source_types); i++)
        if (str_equal_nocase(type, source_types[i].word))
            added = json_take_sightings(take, name, source_types[i].type, role);
    if (!added && type && (str_starts_nocase(type, "ip") || str_equal_nocase(type, "cidr")))
        added = json_take_addresses(take, name, role);
    if (!added && json_object_get(take->object, name))
        added = xarf_take_guessed(take, name, role);
    if (added)
        json_object_del(take->object, type_name);
    return added;
}

static bool take_date(struct observation *observation, json_t *document, struct arena *arena)
{
    const char *text = json_string_value(json_object_get(document, "Date"));
    if (!text)
        return true;
    if (!mime_date_text(text, &observation->time, &observation->time_rule))
        return false;
    observation->time_text = arena_strdup(arena, text);
    json_object_del(document, "Date");
    return true;
}

static void take_class(struct observation *observation, json_t *document, struct arena *arena)
{
    const char *category = json_take_text(document, "Category", arena), *type = json_take_text(document, "Report-Type", arena);
    observation->class_claim = category ? arena_printf(arena, "%s/%s", category, type) : type;
    observation->class_name = xarf_class_legacy(category, type);
    if (!observation->class_name)
        observation->class_name = rsit_claimed(type);
    if (!observation->class_name)
        observation->class_name = xarf_class_legacy(NULL, category);
}

static void take_numbers(struct observation *observation, json_t *document, struct arena *arena)
{
    int64_t number;
    if (json_take_number(document, "Source-Port", 0, 65535, &number))
        observation->source_port = (int)number;
    if (json_take_number(document, "Destination-Port", 0, 65535, &number) || json_take_number(document, "Port", 0, 65535, &number))
        observation->target_port = (int)number;
    UNUSED(json_take_number(document, "Occurrences", 1, INT64_MAX, &observation->count));
    const char *protocol = json_take_text(document, "Protocol", arena);
    if (!protocol)
        return;
    char *lower = arena_strdup(arena, protocol);
    str_lower(lower);
    observation->protocol = lower;
}

static void take_label(struct report *report, json_t *document)
{
    const json_t *said = json_object_get(document, "TLP");
    enum tlp label;
    report->tlp = tlp_strictest(report->tlp, json_take_claimed(said));
    if (tlp_parse(json_string_value(said), &label))
        json_object_del(document, "TLP");
}

static void write_extra(struct observation *observation, json_t *document, struct arena *arena)
{
    json_t *extra = json_object();
    json_object_set(extra, "xarf", document);
    observation->extra = json_take_rest(extra, arena);
    json_decref(extra);
}

static bool read_canonical(struct report *report, json_t *document, const struct json_place *place, struct err *err)
{
    struct arena *arena = report_row_arena(report);
    if (str_is_empty(json_string_value(json_object_get(document, "Report-Type"))))
        return xarf_fail(place, "Report-Type", err, "is missing");
    if (!json_object_get(document, "Source"))
        return xarf_fail(place, "Source", err, "is missing");
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = document, .place = place};
    struct json_place source = {.up = place, .name = "Source"}, date = {.up = place, .name = "Date"};
    take_class(observation, document, arena);
    size_t rejected = report->rejected_total;
    if (!take_end(&take, "Source", "Source-Type", ROLE_SOURCE) && json_object_get(document, "Source") && report->rejected_total == rejected)
        json_take_reject(report, &source, "is no address, network or name");
    take_end(&take, "Destination", "Destination-Type", ROLE_TARGET);
    xarf_spare_targets(observation);
    json_take_sightings(&take, "Download-Link", OBSERVABLE_URL, ROLE_SOURCE);
    json_take_sightings(&take, "URL", OBSERVABLE_URL, ROLE_SOURCE);
    json_take_sightings(&take, "Domain", OBSERVABLE_DOMAIN, ROLE_SOURCE);
    json_take_sightings(&take, "Source-ASN", OBSERVABLE_ASN, ROLE_SOURCE);
    if (!take_date(observation, document, arena))
        json_take_reject(report, &date, "is no time");
    take_numbers(observation, document, arena);
    take_label(report, document);
    observation->description = json_take_text(document, "Description", arena);
    write_extra(observation, document, arena);
    if (!report->class_claim) {
        report->class_claim = observation->class_claim;
        report->class_name = observation->class_name;
    }
    return true;
}

static bool read_document(struct report *report, const json_t *value, const struct json_place *place, struct err *err)
{
    if (!json_is_object(value))
        return json_value_fail(place, ERR_INPUT, err, "must be fields and their values");
    json_t *document = canonical(value);
    bool ok = read_canonical(report, document, place, err);
    json_decref(document);
    return ok;
}

/* --- the part --- */

/* Of several documents those that can be read are; of one its fault is the part's. */
static bool read_all(struct report *report, const json_t *documents, const struct codec_limits *limits, struct err *err)
{
    struct json_place top = {0};
    size_t i, count = json_array_size(documents);
    json_t *document;
    if (count == 0)
        return err_set_at(err, ERR_INPUT, "line 1", "there is no report in it");
    if (count > limits->observations_max)
        return err_set_at(err, ERR_LIMIT, "line 1", "more than %zu reports", limits->observations_max);
    json_array_foreach((json_t *)documents, i, document)
    {
        struct json_place place = {.up = &top, .index = i};
        bool ok = read_document(report, document, count > 1 ? &place : &top, err);
        if (!ok && count == 1)
            return false;
        if (!ok)
            report_reject(report, err->at, err->text);
    }
    return report->observation_count > 0;
}

/* A line "Name: value" as it was meant, the value in quotes; one that YAML gives another meaning (a list, a block of text, what is quoted
 * already) stays as it is. */
static void add_quoted(struct buf *out, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size), *value = colon ? colon + 1 : line, *end = line + size;
    while (value < end && strchr(" \t", *value))
        value++;
    while (end > value && strchr(" \t\r", end[-1]))
        end--;
    if (!colon || value == end || strchr(" \t:#-?&*!|>{[%@`\"'", *line) || strchr("&*!|>{[%@`\"'", *value)) {
        buf_add(out, line, size);
        return;
    }
    buf_add(out, line, (size_t)(colon - line));
    buf_add_text(out, ": '");
    for (; value < end; value++) {
        buf_add_char(out, *value);
        if (*value == '\'')
            buf_add_char(out, '\'');
    }
    buf_add_char(out, '\'');
}

/* Generators write values with ": " in them unquoted, which no YAML is. A value that goes on in the next line stays as it is. */
static bool read_repaired(const char *bytes, size_t size, json_t *documents)
{
    struct err err;
    struct buf text;
    if (memchr(bytes, '\0', size))
        return false;
    buf_init(&text, 2 * (size_t)MAIL_YAML_SIZE_MAX);
    for (const char *line = bytes, *end = bytes + size; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *next = newline ? newline + 1 : end;
        size_t length = (size_t)((newline ? newline : end) - line);
        if (next < end && strchr(" \t", *next))
            buf_add(&text, line, length);
        else
            add_quoted(&text, line, length);
        buf_add_char(&text, '\n');
        line = next;
    }
    json_t *repaired = json_array();
    bool ok = !text.full && mail_yaml_read(buf_text(&text), text.size, repaired, &err);
    if (ok) {
        json_array_clear(documents);
        json_array_extend(documents, repaired);
    }
    json_decref(repaired);
    buf_clear(&text);
    return ok;
}

static bool read_documents(const char *bytes, size_t size, json_t *documents, struct err *err)
{
    if (mail_yaml_read(bytes, size, documents, err))
        return true;
    return err->code == ERR_INPUT && read_repaired(bytes, size, documents);
}

/* What stands before a fault is a report all the same. */
static bool read_stream(struct report *report, const char *bytes, size_t size, const struct codec_limits *limits, struct err *err)
{
    json_t *documents = json_array();
    bool is_whole = read_documents(bytes, size, documents, err);
    bool ok = is_whole || json_array_size(documents) > 0;
    if (ok && !is_whole)
        report_reject(report, err->at, err->text);
    ok = ok && read_all(report, documents, limits, err);
    json_decref(documents);
    return ok;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    struct report *report = report_new("x-arf");
    bool ok = read_stream(report, bytes, size, limits, err);
    if (ok)
        *out = report;
    else
        report_free(report);
    return ok;
}

const struct codec mail_xarf_codec = {
    .name = "x-arf",
    .media_type = "text/plain",
    .standard = "X-ARF 0.1, 0.2",
    .summary = "abuse report in YAML",
    .shape = CODEC_WHOLE,
    .decode = decode,
};
