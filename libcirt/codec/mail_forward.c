#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/extract.h"
#include "codec/mail_reading.h"
#include "codec/mime_body.h"
#include "codec/xarf.h"

enum { FORWARDS_MAX = 50, RECEIVED_MAX = 30, ENCODED_DEPTH_MAX = 3 };

/* --- which text is whose --- */

size_t mail_forward_extract(struct mail_reading *reading, size_t start, size_t end, struct observation *observation)
{
    size_t count = 0;
    for (size_t i = 0; start < end; i++) {
        while (i < reading->forward_count && reading->forwards[i].end <= start)
            i++;
        bool has_next = i < reading->forward_count && reading->forwards[i].start < end;
        size_t stop = has_next ? reading->forwards[i].start : end;
        char *piece = stop > start ? mem_calloc(stop - start + 1, 1) : NULL;
        if (piece) {
            memcpy(piece, reading->text.bytes + start, stop - start);
            count += extract_observables(piece, reading->report, observation);
            free(piece);
        }
        start = has_next ? reading->forwards[i].end : end;
    }
    return count;
}

/* The range, in place of those within it. */
static void add_range(struct mail_reading *reading, size_t start, size_t end)
{
    while (reading->forward_count > 0 && reading->forwards[reading->forward_count - 1].start >= start)
        reading->forward_count--;
    reading->forwards = arena_grow(reading->report->arena, reading->forwards, &reading->forward_capacity, reading->forward_count,
                                   sizeof *reading->forwards);
    reading->forwards[reading->forward_count++] = (struct mail_range){.start = start, .end = end};
}

/* --- what its header says --- */

static void add_addresses(struct report *report, struct observation *observation, const struct mime *mime, const struct mime_part *inner,
                          const char *field, enum sighting_role role)
{
    size_t count;
    struct mime_address *addresses = mime_addresses(mime, inner, field, &count);
    for (size_t i = 0; i < count && i < 5; i++)
        UNUSED(report_add_sighting(report, observation, OBSERVABLE_EMAIL, role, addresses[i].address));
}

/* An address that somebody else could have, too, says nothing. */
static bool is_private(const char *text)
{
    static const char *const prefixes[] = {"10.", "127.", "192.168.", "169.254.", "0."};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (str_starts(text, prefixes[i]))
            return true;
    return str_starts(text, "172.") && atoi(text + 4) >= 16 && atoi(text + 4) < 32;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", or the bare address. */
static void add_address(struct report *report, struct observation *observation, const char *text, size_t size, enum sighting_role role)
{
    if (size > 5 && strncasecmp(text, "IPv6:", 5) == 0)
        text += 5, size -= 5;
    char *copy = arena_strndup(report_row_arena(report), text, size);
    if (strchr(copy, ':'))
        UNUSED(strchr("23", *copy) && report_add_sighting(report, observation, OBSERVABLE_IPV6, role, copy));
    else if (!is_private(copy))
        UNUSED(report_add_sighting(report, observation, OBSERVABLE_IPV4, role, copy));
}

/* The addresses in "from host (name [address]) by ...", "from host (address) by ..." (Exchange), "from name (HELO host) (address)" (qmail):
 * what the relays saw, as far as they are to be believed. */
static void add_relays(struct report *report, struct observation *observation, const struct mime *mime, const struct mime_part *inner)
{
    const char *raw;
    for (unsigned n = 0; n < RECEIVED_MAX && (raw = mime_header(mime, inner, "Received", n)); n++) {
        const char *by = strstr(raw, " by "), *end = by ? by : raw + strlen(raw);
        for (const char *open = strchr(raw, '['); open && open < end; open = strchr(open + 1, '['))
            add_address(report, observation, open + 1, strcspn(open + 1, "]"), ROLE_OTHER);
        for (const char *open = strchr(raw, '('); open && open < end; open = strchr(open + 1, '('))
            add_address(report, observation, open + 1, strcspn(open + 1, " )[]"), ROLE_OTHER);
    }
    raw = mime_header(mime, inner, "X-Originating-IP", 0);
    if (raw) {
        raw += strspn(raw, "[ ");
        add_address(report, observation, raw, strcspn(raw, "] ,"), ROLE_SOURCE);
    }
}

static void set_header(json_t *object, const char *name, const struct mime *mime, const struct mime_part *inner, const char *field)
{
    const char *value = mime_header_text(mime, inner, field);
    if (!str_is_empty(value))
        json_object_set_new(object, name, json_string(value));
}

/* sender: what its From is: the source of what is in it, unless it only passes another on. */
static void add_observation(struct mail_reading *reading, const struct mime_part *inner, const char *path, size_t start,
                            enum sighting_role sender)
{
    struct report *report = reading->report;
    struct arena *arena = report_row_arena(report);
    struct observation *observation = report_add_observation(report);
    json_t *told = json_pack("{s:s}", "path", path), *extra = json_object();
    set_header(told, "from", reading->mime, inner, "From");
    set_header(told, "reply_to", reading->mime, inner, "Reply-To");
    set_header(told, "subject", reading->mime, inner, "Subject");
    set_header(told, "message_id", reading->mime, inner, "Message-ID");
    set_header(told, "date", reading->mime, inner, "Date");
    json_object_set_new(extra, "forwarded", told);
    char *text = json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS);
    observation->extra = arena_strdup(arena, text);
    if (mime_date(reading->mime, inner, &observation->time, &observation->time_rule))
        observation->time_text = arena_strdup(arena, mime_header_text(reading->mime, inner, "Date"));
    add_addresses(report, observation, reading->mime, inner, "From", sender);
    add_addresses(report, observation, reading->mime, inner, "Reply-To", ROLE_OTHER);
    add_relays(report, observation, reading->mime, inner);
    if (!reading->is_aside)
        mail_forward_extract(reading, start, reading->text.size, observation);
    xarf_unique(observation);
    if (observation->sighting_count == 0)
        report->observation_count--;
    free(text);
    json_decref(extra);
}

/* --- reading it --- */

/* What came back with a delivery report or a receipt: our own mail mostly, and nobody's report. */
static bool is_returned(const struct mime *mime, const struct mime_part *part)
{
    const struct mime_part *above = part->parent == MIME_NONE ? NULL : &mime->parts[part->parent];
    const char *type = above && str_equal(above->type, "multipart/report") ? mime_parameter(mime, above, "report-type") : NULL;
    return str_equal_nocase(type, "delivery-status") || str_equal_nocase(type, "disposition-notification");
}

static void read_message(struct mail_reading *reading, int index, const char *path, bool returned, enum mail_cover cover)
{
    static const char *const fields[] = {"From", "Date", "Subject"};
    const struct mime_part *inner = &reading->mime->parts[index];
    mail_parts_mark(reading, path, cover);
    size_t start = reading->text.size;
    mail_parts_add(reading, returned ? "[returned message]\n" : "[forwarded message]\n");
    size_t head = reading->text.size;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const char *value = mime_header_text(reading->mime, inner, fields[i]);
        char *line = value ? mem_printf("%s: %s\n", fields[i], value) : NULL;
        if (line)
            mail_parts_add(reading, line);
        free(line);
    }
    mail_parts_list(reading, path, "message/rfc822", cover, head);
    size_t before = reading->forward_total;
    mail_parts_read(reading, index, cover);
    enum sighting_role sender = reading->forward_total == before ? ROLE_SOURCE : ROLE_OTHER;
    bool is_read = !returned && reading->forward_total++ < FORWARDS_MAX;
    if (is_read)
        add_observation(reading, inner, path, start, sender);
    /* What one too many says stays with the mail that brings it. */
    if (!reading->is_aside && (is_read || returned))
        add_range(reading, start, reading->text.size);
}

/* A mail that is transfer-encoded has its structure in bytes of its own, and its paths continue behind a colon. */
static bool read_encoded(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover)
{
    struct buf body;
    struct mime *mime = NULL;
    struct err err;
    buf_init(&body, part->body_size + 1);
    mime_body(reading->mime, part, &body);
    bool ok = mime_parse(buf_text(&body), body.size, reading->limits->depth_max, &mime, &err);
    if (ok) {
        for (size_t i = 0; i < mime->part_count; i++)
            mime->parts[i].path = arena_printf(mime->arena, "%s:%s", part->path, mime->parts[i].path);
        struct mail_reading inner = *reading;
        inner.mime = mime;
        inner.layers = mail_layers_of(mime, NULL);
        inner.hints = NULL;
        inner.depth++;
        read_message(&inner, 0, part->path, is_returned(reading->mime, part), cover);
        mail_layers_free((struct mail_layers *)(uintptr_t)inner.layers);
        mime_free(mime);
        inner.mime = reading->mime;
        inner.layers = reading->layers;
        inner.hints = reading->hints;
        inner.depth--;
        *reading = inner;
    }
    buf_clear(&body);
    return ok;
}

void mail_forward_read(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover)
{
    if (part->first_child != MIME_NONE)
        read_message(reading, part->first_child, part->path, is_returned(reading->mime, part), cover);
    else if (reading->depth >= ENCODED_DEPTH_MAX || !read_encoded(reading, part, cover))
        mail_file_read(reading, part, cover, false);
}
