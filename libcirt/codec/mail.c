#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/extract.h"
#include "codec/html_text.h"
#include "codec/mail_attachment.h"
#include "codec/mail_layers.h"
#include "codec/mime.h"
#include "codec/mime_body.h"

extern const struct codec mail_codec;

/* The readable text of one mail; what is longer is cut and stays readable in the stored bytes. */
enum { TEXT_SIZE_MAX = 1024 * 1024, SUMMARY_SIZE_MAX = 500, LISTED_MAX = 200 };

/* How the part at hand is protected. */
enum cover { COVER_NONE, COVER_PART, COVER_WHOLE };

struct reading {
    const struct mime *mime;
    const struct mail_layers *layers;
    const struct codec_limits *limits;
    struct report *report;
    struct buf text;
    bool is_cut, has_signed;
    json_t *attachments, *texts, *reports;
};

/* --- text --- */

static const char *cover_name(enum cover cover)
{
    static const char *const names[] = {"none", "part", "whole"};
    return names[cover];
}

static void add_text(struct reading *reading, const char *text)
{
    if (!buf_add_text(&reading->text, text))
        reading->is_cut = true;
}

/* Text under another protection than the rest never stands in it unmarked. */
static void add_mark(struct reading *reading, const struct mime_part *part, enum cover cover)
{
    if (reading->text.size > 0)
        add_text(reading, "\n\n");
    if (!reading->has_signed || cover == COVER_WHOLE)
        return;
    char *mark =
        mem_printf(cover == COVER_PART ? "[part %s: signed on its own, not with the message]\n" : "[part %s: not signed]\n", part->path);
    add_text(reading, mark);
    free(mark);
}

/* As much as there is room for, ending with a whole character. */
static void add_cut(struct reading *reading, const struct buf *text)
{
    size_t room = reading->text.size_max - reading->text.size, size = text->size;
    if (size > room) {
        reading->is_cut = true;
        size = room;
        while (size > 0 && ((unsigned char)text->bytes[size] & 0xc0) == 0x80)
            size--;
    }
    buf_add(&reading->text, buf_text(text), size);
}

static void read_text(struct reading *reading, const struct mime_part *part, enum cover cover)
{
    struct buf text, plain;
    buf_init(&text, 4 * part->body_size + 16);
    buf_init(&plain, 16 * part->body_size + 16);
    mime_body_text(reading->mime, part, &text);
    bool is_html = str_equal(part->type, "text/html");
    if (is_html)
        html_text(buf_text(&text), text.size, &plain);
    struct buf *chosen = is_html ? &plain : &text;
    while (chosen->size > 0 && strchr(" \t\n", chosen->bytes[chosen->size - 1]))
        chosen->bytes[--chosen->size] = '\0';
    if (chosen->size > 0) {
        add_mark(reading, part, cover);
        add_cut(reading, chosen);
        if (json_array_size(reading->texts) < LISTED_MAX)
            json_array_append_new(reading->texts,
                                  json_pack("{s:s, s:s, s:s}", "path", part->path, "type", part->type, "covered", cover_name(cover)));
    }
    buf_clear(&text);
    buf_clear(&plain);
}

/* --- parts --- */

static void read_attachment(struct reading *reading, const struct mime_part *part, enum cover cover)
{
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(reading->mime, part, &body);
    json_t *item = json_pack("{s:s, s:s, s:I, s:s}", "path", part->path, "type", part->type, "size", (json_int_t)body.size, "covered",
                             cover_name(cover));
    buf_clear(&body);
    if (part->name)
        json_object_set_new(item, "name", json_string(part->name));
    if (json_array_size(reading->attachments) < LISTED_MAX)
        json_array_append(reading->attachments, item);
    json_decref(item);
    json_t *told = mail_attachment_read(reading->mime, part, reading->limits, reading->report);
    if (told)
        json_array_append_new(reading->reports, told);
}

static const struct mail_layer *layer_of(const struct reading *reading, const struct mime_part *part)
{
    for (size_t i = 0; i < reading->layers->count; i++)
        if (str_equal(reading->layers->layers[i].path, part->path))
            return &reading->layers->layers[i];
    return NULL;
}

static void read_part(struct reading *reading, int index, enum cover cover);

static void read_children(struct reading *reading, const struct mime_part *part, enum cover cover)
{
    for (int child = part->first_child; child != MIME_NONE; child = reading->mime->parts[child].next)
        read_part(reading, child, cover);
}

/* How good a child of multipart/alternative is to read. */
static int rank(const struct mime_part *part)
{
    if (str_equal(part->type, "text/plain"))
        return 3;
    if (str_starts(part->type, "multipart/"))
        return 2;
    return str_equal(part->type, "text/html") ? 1 : 0;
}

static void read_alternative(struct reading *reading, const struct mime_part *part, enum cover cover)
{
    int best = part->first_child;
    for (int child = best; child != MIME_NONE; child = reading->mime->parts[child].next)
        if (rank(&reading->mime->parts[child]) > rank(&reading->mime->parts[best]))
            best = child;
    if (best != MIME_NONE)
        read_part(reading, best, cover);
}

static void read_signed(struct reading *reading, const struct mime_part *part, const struct mail_layer *layer, enum cover cover)
{
    if (!layer->is_sound)
        read_children(reading, part, cover);
    else
        read_part(reading, part->first_child, layer->is_envelope ? COVER_WHOLE : cover == COVER_NONE ? COVER_PART : cover);
}

static void read_forwarded(struct reading *reading, const struct mime_part *part, enum cover cover)
{
    static const char *const fields[] = {"From", "Date", "Subject"};
    const struct mime_part *inner = &reading->mime->parts[part->first_child];
    add_mark(reading, part, cover);
    add_text(reading, "[forwarded message]\n");
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const char *value = mime_header_text(reading->mime, inner, fields[i]);
        if (!value)
            continue;
        add_text(reading, fields[i]);
        add_text(reading, ": ");
        add_text(reading, value);
        add_text(reading, "\n");
    }
    read_part(reading, part->first_child, cover);
}

static bool is_shown(const struct mime_part *part)
{
    if (str_equal(part->disposition, "attachment"))
        return false;
    return str_equal(part->type, "text/plain") || (str_equal(part->type, "text/html") && !part->name) ||
           (!part->name && str_starts(part->type, "text/") && !codec_find_media_type(part->type));
}

/* Depth is bounded by mime_parse(). */
static void read_part(struct reading *reading, int index, enum cover cover)
{
    const struct mime_part *part = &reading->mime->parts[index];
    const struct mail_layer *layer = layer_of(reading, part);
    if (layer && layer->kind == MAIL_SIGNED)
        read_signed(reading, part, layer, cover);
    else if (layer && layer->is_sound)
        return; /* sealed: listed in extra, opened by another */
    else if (str_equal(part->type, "multipart/alternative"))
        read_alternative(reading, part, cover);
    else if (part->child_count > 0 && str_equal(part->type, "message/rfc822"))
        read_forwarded(reading, part, cover);
    else if (part->child_count > 0)
        read_children(reading, part, cover);
    else if (str_starts(part->type, "multipart/") || is_shown(part))
        read_text(reading, part, cover);
    else
        read_attachment(reading, part, cover);
}

/* --- head --- */

static const char *cut_line(struct arena *arena, const char *text, size_t size_max)
{
    size_t size = text ? strlen(text) : 0;
    if (str_is_empty(text))
        return NULL;
    if (size > size_max)
        for (size = size_max; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;)
            size--;
    return arena_strndup(arena, text, size);
}

/* "<a@b>" without its brackets. */
static const char *message_id(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    const char *start = strchr(text, '<');
    start = start ? start + 1 : text;
    size_t size = strcspn(start, "> ");
    return size > 0 && size < 1000 ? arena_strndup(arena, start, size) : NULL;
}

static void read_head(struct reading *reading)
{
    const struct mime *mime = reading->mime;
    const struct mime_part *root = &mime->parts[0];
    struct report *report = reading->report;
    size_t from_count;
    struct mime_address *from = mime_addresses(mime, root, "From", &from_count);
    report->summary = cut_line(report->arena, mime_header_text(mime, root, "Subject"), SUMMARY_SIZE_MAX);
    report->reference = message_id(report->arena, mime_header_text(mime, root, "Message-ID"));
    if (from_count > 0) {
        report->reporter_name = cut_line(report->arena, from[0].name, 200);
        report->reporter_email = cut_line(report->arena, from[0].address, 320);
    }
    if (mime_date(mime, root, &report->time)) {
        report->time_text = arena_strdup(report->arena, mime_header_text(mime, root, "Date"));
        report->time_rule = "rfc5322";
    }
}

/* The strictest label that stands in the text (TLP 2.0 asks mail to carry it in subject or body). */
static void read_label(struct report *report, const char *text)
{
    for (const char *at = text; at && (at = strcasestr(at, "TLP:")); at += 4) {
        char word[24];
        enum tlp label;
        size_t blanks = strspn(at + 4, " "), size = strspn(at + 4 + blanks, "ABCDEGHIMNRSTWLabcdeghimnrstwl+");
        if (blanks > 1 || size == 0 || size >= sizeof word)
            continue;
        memcpy(word, at + 4 + blanks, size);
        word[size] = '\0';
        if (tlp_parse(word, &label))
            report->tlp = tlp_strictest(report->tlp, label);
    }
}

/* --- extra --- */

static void set_addresses(json_t *object, const struct mime *mime, const char *field, const char *name)
{
    size_t count;
    struct mime_address *addresses = mime_addresses(mime, &mime->parts[0], field, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < LISTED_MAX; i++) {
        json_t *item = json_pack("{s:s}", "address", addresses[i].address);
        if (addresses[i].name)
            json_object_set_new(item, "name", json_string(addresses[i].name));
        json_array_append_new(list, item);
    }
    if (count > 0)
        json_object_set(object, name, list);
    json_decref(list);
}

static void set_references(json_t *object, const struct mime *mime)
{
    const char *text = mime_header_text(mime, &mime->parts[0], "References");
    json_t *list = json_array();
    while (text && (text = strchr(text, '<')) && json_array_size(list) < LISTED_MAX) {
        size_t size = strcspn(++text, "> ");
        json_array_append_new(list, json_stringn(text, size));
    }
    if (json_array_size(list) > 0)
        json_object_set(object, "references", list);
    json_decref(list);
}

static json_t *headers_of(const struct reading *reading)
{
    static const char *const addresses[][2] = {
        {"From", "from"}, {"Sender", "sender"}, {"Reply-To", "reply_to"}, {"To", "to"}, {"Cc", "cc"}};
    static const char *const texts[][2] = {
        {"Auto-Submitted", "auto_submitted"}, {"Precedence", "precedence"}, {"List-Id", "list_id"}, {"X-Mailer", "mailer"}};
    const struct mime *mime = reading->mime;
    json_t *headers = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
        set_addresses(headers, mime, addresses[i][0], addresses[i][1]);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *value = mime_header_text(mime, &mime->parts[0], texts[i][0]);
        if (!str_is_empty(value))
            json_object_set_new(headers, texts[i][1], json_string(value));
    }
    const char *parent = message_id(reading->report->arena, mime_header_text(mime, &mime->parts[0], "In-Reply-To"));
    if (parent)
        json_object_set_new(headers, "in_reply_to", json_string(parent));
    set_references(headers, mime);
    return headers;
}

static json_t *layers_told(const struct mail_layers *layers)
{
    json_t *list = json_array();
    for (size_t i = 0; i < layers->count; i++) {
        const struct mail_layer *layer = &layers->layers[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "path", layer->path, "kind",
                                              layer->kind == MAIL_SIGNED ? "signed" : "encrypted", "covers",
                                              layer->is_envelope ? "whole" : "part", "sound", layer->is_sound));
    }
    return list;
}

static void set_list(json_t *object, const char *name, json_t *list)
{
    if (json_array_size(list) > 0)
        json_object_set(object, name, list);
    json_decref(list);
}

static void write_extra(struct reading *reading)
{
    struct report *report = reading->report;
    json_t *extra = json_object();
    json_object_set_new(extra, "headers", headers_of(reading));
    set_list(extra, "attachments", reading->attachments);
    set_list(extra, "texts", reading->texts);
    set_list(extra, "attached_reports", reading->reports);
    set_list(extra, "protection", layers_told(reading->layers));
    if (reading->is_cut)
        json_object_set_new(extra, "text_is_cut", json_true());
    char *text = json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS);
    report->extra = arena_strdup(report->arena, text);
    free(text);
    json_decref(extra);
}

/* --- the codec --- */

static void read_observables(struct report *report)
{
    struct observation *observation = report_add_observation(report);
    size_t count = report->summary ? extract_observables(report->summary, report, observation) : 0;
    if (report->description)
        count += extract_observables(report->description, report, observation);
    observation->time = report->time;
    observation->time_text = report->time_text;
    observation->time_rule = report->time_rule;
    if (count == 0)
        report->observation_count--;
}

static bool mail_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                        struct report **out, struct err *err)
{
    struct mime *mime = NULL;
    UNUSED(hints);
    if (!mime_parse(bytes, size, limits->depth_max, &mime, err))
        return false;
    struct mail_layers *layers = mail_layers_of(mime);
    struct reading reading = {.mime = mime,
                              .layers = layers,
                              .limits = limits,
                              .report = report_new("mail"),
                              .attachments = json_array(),
                              .texts = json_array(),
                              .reports = json_array()};
    for (size_t i = 0; i < layers->count; i++)
        reading.has_signed |= layers->layers[i].kind == MAIL_SIGNED && layers->layers[i].is_sound;
    buf_init(&reading.text, TEXT_SIZE_MAX);
    read_head(&reading);
    read_part(&reading, 0, COVER_NONE);
    if (reading.text.size > 0)
        reading.report->description = arena_strndup(reading.report->arena, reading.text.bytes, reading.text.size);
    read_label(reading.report, reading.report->summary);
    read_label(reading.report, reading.report->description);
    read_observables(reading.report);
    write_extra(&reading);
    buf_clear(&reading.text);
    mail_layers_free(layers);
    mime_free(mime);
    *out = reading.report;
    return true;
}

/* Size of a header line's name where the name is one that mails have, else 0; *is_field says whether it is a field at all. */
static bool is_mail_field(const char *line, size_t size, bool *is_field)
{
    static const char *const known[] = {"From",         "To",           "Subject",      "Date",         "Message-ID", "Received",
                                        "Return-Path",  "Delivered-To", "MIME-Version", "Content-Type", "Reply-To",   "DKIM-Signature",
                                        "X-Original-To"};
    const char *colon = memchr(line, ':', size);
    size_t name_size = colon ? (size_t)(colon - line) : 0;
    *is_field = name_size > 0;
    for (size_t i = 0; i < name_size; i++)
        if (line[i] <= ' ' || line[i] == 0x7f || (unsigned char)line[i] >= 0x80)
            *is_field = false;
    for (size_t i = 0; *is_field && i < ARRAY_SIZE(known); i++)
        if (strlen(known[i]) == name_size && strncasecmp(line, known[i], name_size) == 0)
            return true;
    return false;
}

static int mail_probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    unsigned known = 0;
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(bytes + at, '\n', size - at);
        if (!newline)
            break; /* cut by the end of what was given */
        size_t next = (size_t)(newline - bytes) + 1;
        bool is_field;
        if (bytes[at] == '\n' || (bytes[at] == '\r' && next - at == 2))
            break;
        if (is_mail_field(bytes + at, next - at, &is_field))
            known++;
        bool is_folded = at > 0 && (bytes[at] == ' ' || bytes[at] == '\t');
        bool is_mbox = at == 0 && size > 5 && memcmp(bytes, "From ", 5) == 0;
        if (!is_field && !is_folded && !is_mbox)
            return 0;
        at = next;
    }
    if (known >= 2)
        return 90;
    bool is_told = hints && (str_equal_nocase(hints->media_type, "message/rfc822") || (hints->name && str_ends(hints->name, ".eml")));
    return known == 1 && is_told ? 60 : 0;
}

const struct codec mail_codec = {
    .name = "mail",
    .media_type = "message/rfc822",
    .standard = "RFC 5322, RFC 2045-2049, RFC 3156",
    .summary = "a mail: its text, the observables in it, and reports attached to it",
    .shape = CODEC_WHOLE,
    .probe = mail_probe,
    .decode = mail_decode,
};
