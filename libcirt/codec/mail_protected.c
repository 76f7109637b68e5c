#include "codec/mail_protected.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { FIELDS_MAX = 100, FIELD_NAME_MAX = 80, LEGACY_LINES_MAX = 50 };

size_t mail_protected_begin(const struct mime *mime)
{
    static const char *const prefixes[] = {"Content-", "MIME-Version", MAIL_PROTECTED_PREFIX};
    const struct mime_part *root = &mime->parts[0];
    size_t end = root->header_at + root->header_size;
    for (size_t at = root->header_at; at < end; at = mime_field_end(mime->bytes, at, end))
        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
            if (end - at >= strlen(prefixes[i]) && strncasecmp(mime->bytes + at, prefixes[i], strlen(prefixes[i])) == 0)
                return at;
    return end;
}

static void read_scheme(const struct mime *mime, const struct mime_part *payload, struct mail_protected *out)
{
    const char *hp = mime_parameter(mime, payload, "hp");
    out->is_cipher = str_equal_nocase(hp, "cipher");
    if (out->is_cipher || str_equal_nocase(hp, "clear"))
        out->scheme = MAIL_PROTECTED_RFC9788;
    else if (str_equal_nocase(mime_parameter(mime, payload, "protected-headers"), "v1"))
        out->scheme = MAIL_PROTECTED_DRAFT;
}

/* What is read: the payload, and how its fields are named. */
struct inside {
    const struct mime *mime;
    const struct mime_part *payload;
    const char *prefix;
    struct arena *arena;
};

static const char *text_of(const struct inside *inside, const char *name)
{
    char field[FIELD_NAME_MAX];
    snprintf(field, sizeof field, "%s%s", inside->prefix, name);
    return arena_strdup(inside->arena, mime_header_text(inside->mime, inside->payload, field));
}

/* The one address in the inner From fields, or NULL. */
static const char *from_address(const struct inside *inside)
{
    char field[FIELD_NAME_MAX];
    size_t count;
    snprintf(field, sizeof field, "%sFrom", inside->prefix);
    struct mime_address *addresses = mime_addresses(inside->mime, inside->payload, field, &count);
    if (count != 1)
        return NULL;
    char *address = arena_strdup(inside->arena, addresses[0].address);
    str_lower(address);
    return address;
}

static void read_recipients(const struct inside *inside, struct mail_protected *out)
{
    static const char *const fields[] = {"To", "Cc"};
    struct mime_address *addresses[ARRAY_SIZE(fields)];
    size_t counts[ARRAY_SIZE(fields)], total = 0;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        char field[FIELD_NAME_MAX];
        snprintf(field, sizeof field, "%s%s", inside->prefix, fields[i]);
        addresses[i] = mime_addresses(inside->mime, inside->payload, field, &counts[i]);
        total += counts[i];
    }
    out->recipients = arena_calloc(inside->arena, total + 1, sizeof *out->recipients);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        for (size_t k = 0; k < counts[i]; k++) {
            char *address = arena_strdup(inside->arena, addresses[i][k].address);
            str_lower(address);
            out->recipients[out->recipient_count++] = address;
        }
    }
}

static bool has_field(const struct mail_protected *out, const char *name)
{
    for (size_t i = 0; i < out->field_count; i++)
        if (strcasecmp(out->fields[i], name) == 0)
            return true;
    return false;
}

static void read_names(const struct inside *inside, struct mail_protected *out)
{
    struct mime_field field;
    size_t prefix_size = strlen(inside->prefix);
    out->fields = arena_calloc(inside->arena, FIELDS_MAX, sizeof *out->fields);
    for (size_t at = 0; out->field_count < FIELDS_MAX && mime_next_field(inside->mime, inside->payload, &at, &field);) {
        const char *name = arena_strndup(inside->arena, field.name, field.name_size);
        if (!str_starts_nocase(name, inside->prefix) || str_starts_nocase(name, "Content-") || str_equal_nocase(name, "MIME-Version"))
            continue;
        name += prefix_size;
        /* HP-Outer tells what stood outside. */
        if (!has_field(out, name) && !str_equal_nocase(name, "HP-Outer"))
            out->fields[out->field_count++] = name;
    }
}

void mail_protected_read(const struct mime *mime, const struct mime_part *payload, bool has_prefix, const char *const *from,
                         size_t from_count, struct arena *arena, struct mail_protected *out)
{
    *out = (struct mail_protected){.scheme = MAIL_PROTECTED_NONE};
    read_scheme(mime, payload, out);
    if (out->scheme == MAIL_PROTECTED_NONE)
        return;
    struct inside inside = {.mime = mime, .payload = payload, .prefix = has_prefix ? MAIL_PROTECTED_PREFIX : "", .arena = arena};
    out->subject = text_of(&inside, "Subject");
    out->from = text_of(&inside, "From");
    out->from_address = from_address(&inside);
    out->to = text_of(&inside, "To");
    read_recipients(&inside, out);
    out->date = text_of(&inside, "Date");
    out->message_id = text_of(&inside, "Message-ID");
    out->in_reply_to = text_of(&inside, "In-Reply-To");
    out->references = text_of(&inside, "References");
    out->from_differs = out->from && (from_count != 1 || !str_equal(out->from_address, from[0]));
    const char *outer = mime_header_text(mime, &mime->parts[0], "Subject");
    out->subject_differs = out->subject && !str_equal(out->subject, outer);
    read_names(&inside, out);
}

/* --- legacy display --- */

bool mail_protected_is_legacy_part(const struct mime *mime, const struct mime_part *part)
{
    if (part->parent == MIME_NONE || part->child_count > 0 || !str_equal_nocase(mime_parameter(mime, part, "protected-headers"), "v1"))
        return false;
    const struct mime_part *above = &mime->parts[part->parent];
    return &mime->parts[above->first_child] == part && above->child_count > 1 && str_equal(above->type, "multipart/mixed") &&
           str_equal_nocase(mime_parameter(mime, above, "protected-headers"), "v1") &&
           (str_equal(part->type, "text/rfc822-headers") || str_equal(part->type, "text/plain"));
}

/* "Subject: x" lines and their folded ones, then an empty line; 0 where the text begins otherwise. */
static size_t pseudo_header_size(const char *text, size_t size)
{
    size_t at = 0;
    for (unsigned lines = 0; at < size && lines < LEGACY_LINES_MAX; lines++) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t next = newline ? (size_t)(newline - text) + 1 : size;
        if (text[at] == '\n')
            return lines > 0 ? next : 0;
        size_t name = strcspn(text + at, ": \t\n");
        bool is_folded = lines > 0 && (text[at] == ' ' || text[at] == '\t');
        if (!is_folded && (name == 0 || text[at + name] != ':'))
            return 0;
        at = next;
    }
    return 0;
}

static void strip_html(struct buf *text)
{
    static const char mark[] = "class=\"header-protection-legacy-display\"";
    char *found = strcasestr(text->bytes, mark);
    char *start = found;
    while (start && start > text->bytes && *start != '<')
        start--;
    char *end = found ? strcasestr(found, "</div>") : NULL;
    if (!end || strncasecmp(start, "<div", 4) != 0)
        return;
    end += strlen("</div>");
    memmove(start, end, text->size - (size_t)(end - text->bytes) + 1);
    text->size -= (size_t)(end - start);
}

void mail_protected_strip_legacy(const struct mime *mime, const struct mime_part *part, struct buf *text)
{
    if (text->size == 0 || !str_equal(mime_parameter(mime, part, "hp-legacy-display"), "1"))
        return;
    if (str_equal(part->type, "text/html"))
        strip_html(text);
    else if (str_equal(part->type, "text/plain"))
        buf_consume(text, pseudo_header_size(text->bytes, text->size));
}
