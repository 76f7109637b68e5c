#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"
#include "codec/extract.h"
#include "codec/mail_reading.h"
#include "codec/mail_voices.h"

extern const struct codec mail_codec;

enum { SUMMARY_SIZE_MAX = 500 };

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

static void read_head(struct mail_reading *reading)
{
    const struct mime *mime = reading->mime;
    const struct mime_part *root = &mime->parts[0];
    struct report *report = reading->report;
    size_t from_count;
    struct mime_address *from = mime_addresses(mime, root, "From", &from_count);
    /* What was encrypted says what the mail is about; of a signed one the verdict decides later (extra.protected). */
    bool is_inner = reading->hints && reading->hints->inside.is_encrypted && reading->layers->protected.subject;
    const char *subject = is_inner ? reading->layers->protected.subject : mime_header_text(mime, root, "Subject");
    report->summary = cut_line(report->arena, subject, SUMMARY_SIZE_MAX);
    report->reference = mail_extra_message_id(report->arena, mime_header_text(mime, root, "Message-ID"));
    if (from_count > 0) {
        report->reporter_name = cut_line(report->arena, from[0].name, 200);
        report->reporter_email = cut_line(report->arena, from[0].address, 320);
    }
    if (mime_date(mime, root, &report->time, &report->time_rule))
        report->time_text = arena_strdup(report->arena, mime_header_text(mime, root, "Date"));
}

/* TLP 2.0 asks mail to carry its label in subject or body. What quotes somebody's wide label, or passes on their mail, says nothing about
 * the mail itself. */
static enum tlp label_of(const char *text)
{
    enum tlp label = tlp_in_text(text);
    if (label == TLP_NONE || label >= TLP_AMBER)
        return label;
    struct buf own;
    buf_init(&own, strlen(text) + 1);
    for (const char *at = text, *next; *at; at = next) {
        next = at + strcspn(at, "\n");
        if (mail_voices_is_head(at, (size_t)(next - at)))
            break;
        next += *next == '\n';
        if (*at != '>')
            buf_add(&own, at, (size_t)(next - at));
    }
    label = tlp_in_text(buf_text(&own));
    buf_clear(&own);
    return label;
}

void mail_label_read(struct mail_reading *reading, const char *text)
{
    reading->own_label = tlp_strictest(reading->own_label, label_of(text));
    reading->report->tlp = tlp_strictest(reading->report->tlp, reading->own_label);
}

/* Those that people and programs write labels into; not who it is from and where it came through. */
static bool is_label_field(const char *name)
{
    static const char *const words[] = {"tlp",     "classif", "marking", "sensitiv", "confiden", "keyword",
                                        "comment", "topic",   "label",   "categor",  "tag",      "description"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

void mail_fields_read(struct mail_reading *reading, const struct mime_part *part)
{
    struct mime_field field;
    for (size_t at = 0; mime_next_field(reading->mime, part, &at, &field);) {
        char *name = mem_printf("%.*s", (int)field.name_size, field.name);
        /* The name is read with the value: in "X-TLP: RED" it is half of the label. */
        char *text = is_label_field(name) ? mem_printf("%s: %s", name, mime_field_text(reading->mime, part, &field)) : NULL;
        reading->field_label = tlp_strictest(reading->field_label, tlp_in_text(text));
        free(text);
        free(name);
    }
}

void mail_fields_label(struct report *report, enum tlp label)
{
    if (label >= TLP_AMBER || report->tlp != TLP_NONE)
        report->tlp = tlp_strictest(report->tlp, label);
}

/* --- the codec --- */

static void set_time(const struct report *report, struct observation *observation)
{
    observation->time = report->time;
    observation->time_text = report->time_text;
    observation->time_rule = report->time_rule;
}

/* Takes out of `observation` what `shown` has. */
static void drop_shown(struct observation *observation, const struct observation *shown)
{
    size_t kept = 0;
    const struct sighting **known = mem_calloc(shown->sighting_count + 1, sizeof *known);
    for (size_t i = 0; i < shown->sighting_count; i++)
        known[i] = &shown->sightings[i];
    qsort(known, shown->sighting_count, sizeof *known, report_compare_values);
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *wanted = &observation->sightings[i];
        if (!bsearch(&wanted, known, shown->sighting_count, sizeof *known, report_compare_values))
            observation->sightings[kept++] = *wanted;
    }
    observation->sighting_count = kept;
    free(known);
}

/* What the message says; what a mail forwarded in it says is an observation of its own already. True where it names anything. */
static bool read_observables(struct mail_reading *reading)
{
    struct report *report = reading->report;
    struct observation *observation = report_add_observation(report);
    size_t count = report->summary ? extract_observables(report->summary, report, observation) : 0;
    count += mail_forward_extract(reading, 0, reading->text.size, observation);
    set_time(report, observation);
    if (count == 0)
        report->observation_count--;
    return count > 0;
}

struct observation *mail_unshown_read(struct report *report, const struct buf *aside, bool has_shown, const char *extra)
{
    struct observation *observation = report_add_observation(report);
    extract_observables(buf_text(aside), report, observation);
    if (has_shown)
        drop_shown(observation, observation - 1);
    observation->extra = extra;
    if (observation->sighting_count > 0)
        return observation;
    report->observation_count--;
    return NULL;
}

void mail_unshown_label(struct report *report, const struct buf *aside)
{
    enum tlp label = label_of(buf_text(aside));
    if (label >= TLP_AMBER)
        report->tlp = tlp_strictest(report->tlp, label);
}

/* What the mail says of itself holds for what is attached to it. */
static void narrow_values(struct report *report, enum tlp label)
{
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++)
            if (report->observations[i].sightings[k].tlp != TLP_NONE)
                report->observations[i].sightings[k].tlp = tlp_strictest(report->observations[i].sightings[k].tlp, label);
}

static void read_mail(struct mail_reading *reading)
{
    const struct mail_hints *hints = reading->hints;
    struct report *report = reading->report;
    bool is_inside_signed = hints && hints->inside.is_signed;
    reading->has_signed = is_inside_signed;
    for (size_t i = 0; i < reading->layers->count; i++) {
        const struct mail_layer *layer = &reading->layers->layers[i];
        reading->has_signed |= layer->kind == MAIL_SIGNED && layer->is_sound && layer->form != MAIL_ATTACHED;
    }
    read_head(reading);
    mail_parts_read(reading, 0, is_inside_signed ? MAIL_COVER_WHOLE : MAIL_COVER_NONE);
    if (reading->text.size > 0)
        report->description = arena_strndup(report->arena, reading->text.bytes, reading->text.size);
    mail_label_read(reading, report->summary);
    mail_label_read(reading, report->description);
    enum tlp narrow = tlp_strictest(reading->field_label, label_of(buf_text(&reading->aside)));
    narrow_values(report, tlp_strictest(narrow, reading->own_label));
    mail_unshown_label(report, &reading->aside);
    mail_fields_label(report, reading->field_label);
    bool has_shown = read_observables(reading);
    struct observation *unshown = mail_unshown_read(report, &reading->aside, has_shown, "{\"shown\":false}");
    if (unshown)
        set_time(report, unshown);
    mail_opened_read(reading);
    report->is_partly_labelled =
        reading->own_label == TLP_NONE && narrow < TLP_AMBER && report->tlp != TLP_NONE; /* what is attached has it */
    mail_extra_write(reading);
}

static struct report *decode_parsed(const struct mime *mime, const struct mail_layers *layers, const struct mail_hints *hints,
                                    const struct codec_limits *limits)
{
    struct mail_reading reading = {.mime = mime,
                                   .layers = layers,
                                   .hints = hints,
                                   .limits = limits,
                                   .report = report_new("mail"),
                                   .attachments = json_array(),
                                   .texts = json_array(),
                                   .reports = json_array(),
                                   .opened = json_array(),
                                   .field_label = TLP_NONE,
                                   .own_label = TLP_NONE};
    buf_init(&reading.text, MAIL_TEXT_SIZE_MAX);
    buf_init(&reading.aside, MAIL_TEXT_SIZE_MAX);
    read_mail(&reading);
    buf_clear(&reading.text);
    buf_clear(&reading.aside);
    return reading.report;
}

static bool mail_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                        struct report **out, struct err *err)
{
    struct mime *mime = NULL;
    if (hints->mail && hints->mail->mime) {
        *out = decode_parsed(hints->mail->mime, hints->mail->layers, hints->mail, limits);
        return true;
    }
    if (!mime_parse(bytes, size, limits->depth_max, &mime, err))
        return false;
    struct mail_layers *layers = mail_layers_of(mime, hints->mail ? &hints->mail->inside : NULL);
    *out = decode_parsed(mime, layers, hints->mail, limits);
    mail_layers_free(layers);
    mime_free(mime);
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
    while (name_size > 0 && (line[name_size - 1] == ' ' || line[name_size - 1] == '\t')) /* RFC 5322, 4.5: "From : a@b.example" */
        name_size--;
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
    bool is_blank = false;
    size_t start = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (size_t at = start; at < size;) {
        const char *newline = memchr(bytes + at, '\n', size - at);
        size_t next = newline ? (size_t)(newline - bytes) + 1 : size; /* cut by the end of what was given */
        bool is_field;
        if (bytes[at] == '\n' || (bytes[at] == '\r' && next - at == 2))
            break;
        if (is_mail_field(bytes + at, next - at, &is_field))
            known++;
        bool is_folded = at > start && (bytes[at] == ' ' || bytes[at] == '\t');
        bool is_mbox = at == 0 && size > 5 && memcmp(bytes, "From ", 5) == 0;
        if (!is_field && !is_folded && !is_mbox && newline) {
            if (is_blank) /* instead of the empty line */
                break;
            return 0;
        }
        is_blank = is_folded;
        for (size_t i = at; is_blank && i < next; i++)
            is_blank = strchr(" \t\r\n", bytes[i]) && bytes[i];
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
    .standard = "RFC 5322, RFC 2045-2049, RFC 3156, RFC 8551, RFC 9788",
    .summary = "a mail: its text, the observables in it, and reports attached to it",
    .shape = CODEC_WHOLE,
    .probe = mail_probe,
    .decode = mail_decode,
};
