#include "codec/mail_bounce.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/mime_body.h"

enum { TEXT_SIZE_MAX = 64 * 1024, REASON_SIZE_MAX = 500, ADDRESS_SIZE_MAX = 320, REASON_LINES_MAX = 8, DEPTH_LOOKED_AT = 3 };

/* --- parts --- */

static const char *const status_types[] = {"message/delivery-status", "message/global-delivery-status", NULL};
static const char *const mdn_types[] = {"message/disposition-notification", "message/global-disposition-notification", NULL};
static const char *const returned_types[] = {"message/rfc822",         "message/global",         "text/rfc822-headers",
                                             "message/rfc822-headers", "message/global-headers", NULL};

/* The first part of one of the types that is not inside of a returned mail. */
static const struct mime_part *find_part(const struct mime *mime, const char *const *types)
{
    for (size_t i = 0; i < mime->part_count; i++) {
        const struct mime_part *part = &mime->parts[i];
        bool is_inner = part->parent != MIME_NONE && mime_is_message(&mime->parts[part->parent]);
        for (const char *const *type = types; part->depth <= DEPTH_LOOKED_AT && !is_inner && *type; type++)
            if (str_equal(part->type, *type))
                return part;
    }
    return NULL;
}

/* As much of the part's text as is looked at. */
static void read_text(const struct mime *mime, const struct mime_part *part, struct buf *out)
{
    struct mime_part start = *part;
    if (start.body_size > TEXT_SIZE_MAX)
        start.body_size = TEXT_SIZE_MAX;
    buf_init(out, 4 * TEXT_SIZE_MAX + 16);
    mime_body_text(mime, &start, out);
}

/* --- words --- */

static const char *line_copy(struct arena *arena, const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)*text))
        text++, size--;
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    if (size > REASON_SIZE_MAX)
        for (size = REASON_SIZE_MAX; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;)
            size--;
    char *copy = arena_calloc(arena, size + 1, 1), *to = copy;
    for (size_t i = 0; i < size; i++) {
        bool is_blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
        if (!is_blank || to[-1] != ' ') /* the first is none */
            *to++ = is_blank ? ' ' : text[i];
    }
    return copy;
}

/* "rfc822; a@b", "<a@b>": the address in lower case; NULL where there is none. */
static const char *address_copy(struct arena *arena, const char *text, size_t size)
{
    const char *semicolon = memchr(text, ';', size);
    if (semicolon) {
        size -= (size_t)(semicolon + 1 - text);
        text = semicolon + 1;
    }
    while (size > 0 && strchr(" \t<", *text))
        text++, size--;
    size_t length = 0;
    while (length < size && !strchr(" \t>,\n", text[length]))
        length++;
    const char *at = memchr(text, '@', length);
    if (!at || at == text || at + 1 == text + length || length > ADDRESS_SIZE_MAX)
        return NULL;
    char *address = arena_strndup(arena, text, length);
    str_lower(address);
    return address;
}

/* A status code of RFC 3463 in the text; else what an SMTP code of three digits comes to; NULL where there is none. */
static const char *status_in(struct arena *arena, const char *text)
{
    for (const char *at = text; *at; at++) {
        bool is_start = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '.');
        if (!is_start || !strchr("245", *at) || at[1] != '.')
            continue;
        size_t subject = strspn(at + 2, "0123456789");
        size_t detail = at[2 + subject] == '.' ? strspn(at + 3 + subject, "0123456789") : 0;
        const char *end = at + 3 + subject + detail;
        if (subject >= 1 && subject <= 3 && detail >= 1 && detail <= 3 && !isalnum((unsigned char)*end) &&
            !(*end == '.' && isdigit((unsigned char)end[1])))
            return arena_strndup(arena, at, (size_t)(end - at));
    }
    for (const char *at = text; *at; at++)
        if (strchr("45", *at) && isdigit((unsigned char)at[1]) && isdigit((unsigned char)at[2]) && !isalnum((unsigned char)at[3]) &&
            at[3] != '.' && (at == text || strchr(" \n\t:#", at[-1])))
            return *at == '5' ? "5.0.0" : "4.0.0";
    return NULL;
}

/* "<a@b>" without its brackets. */
static const char *id_copy(struct arena *arena, const char *text)
{
    const char *start = text ? strchr(text, '<') : NULL;
    size_t size = start ? strcspn(start + 1, "> \n") : 0;
    return size > 0 && size < 1000 ? arena_strndup(arena, start + 1, size) : NULL;
}

static struct mail_bounce_recipient *add_recipient(struct arena *arena, struct mail_bounce *out, const char *address)
{
    for (size_t i = 0; i < out->recipient_count; i++)
        if (str_equal(out->recipients[i].address, address))
            return &out->recipients[i];
    if (out->recipient_count == MAIL_BOUNCE_RECIPIENTS_MAX)
        return NULL;
    if (!out->recipients)
        out->recipients = arena_calloc(arena, MAIL_BOUNCE_RECIPIENTS_MAX, sizeof *out->recipients);
    out->recipients[out->recipient_count].address = address;
    return &out->recipients[out->recipient_count++];
}

/* --- fields in text (RFC 3464 section 2) --- */

/* The field that begins at `at` with that name: its value up to the end of its folded lines. */
static bool text_field(const char *at, const char *name, const char **value, size_t *size)
{
    size_t name_size = strlen(name);
    if (strncasecmp(at, name, name_size) != 0 || at[name_size] != ':')
        return false;
    const char *end = *value = at + name_size + 1;
    do
        end += strcspn(end, "\n") + (end[strcspn(end, "\n")] == '\n');
    while (*end == ' ' || *end == '\t');
    *size = (size_t)(end - *value);
    return true;
}

static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return *at ? at + 1 : at;
}

/* One group of fields (up to an empty line), about one recipient. */
struct group {
    const char *final, *original, *action, *status, *reason, *disposition;
};

static const char *read_group(struct arena *arena, const char *at, struct group *out)
{
    *out = (struct group){.final = NULL};
    for (; *at && *at != '\n'; at = next_line(at)) {
        const char *value;
        size_t size;
        if (text_field(at, "Final-Recipient", &value, &size))
            out->final = address_copy(arena, value, size);
        else if (text_field(at, "Original-Recipient", &value, &size))
            out->original = address_copy(arena, value, size);
        else if (text_field(at, "Action", &value, &size))
            out->action = line_copy(arena, value, size);
        else if (text_field(at, "Status", &value, &size))
            out->status = status_in(arena, line_copy(arena, value, size));
        else if (text_field(at, "Diagnostic-Code", &value, &size))
            out->reason = line_copy(arena, value, size);
        else if (text_field(at, "Disposition", &value, &size))
            out->disposition = line_copy(arena, value, size);
    }
    return *at ? at + 1 : at;
}

static const char *action_of(struct arena *arena, const char *claimed, const char *status)
{
    static const char *const known[] = {"failed", "delayed", "delivered", "relayed", "expanded"};
    for (size_t i = 0; claimed && i < ARRAY_SIZE(known); i++)
        if (str_starts_nocase(claimed, known[i]))
            return arena_strdup(arena, known[i]);
    return status && *status == '4' ? "delayed" : status && *status == '2' ? "delivered" : "failed";
}

/* Every group that names a recipient, whether a delivery-status part holds it or the text of a broken one. */
static void read_groups(struct arena *arena, const char *text, struct mail_bounce *out)
{
    struct group group;
    while (*text) {
        text = read_group(arena, text, &group);
        const char *address = group.final ? group.final : group.original;
        struct mail_bounce_recipient *to = address ? add_recipient(arena, out, address) : NULL;
        if (!to || to->action)
            continue;
        const char *reason = group.reason ? strchr(group.reason, ';') : NULL;
        to->reason = reason ? line_copy(arena, reason + 1, strlen(reason + 1)) : group.reason;
        to->status = group.status;
        /* "Status: 5.0.0" is what senders write who do not know; the other side's own word says more. */
        const char *said = to->reason && (!to->status || str_equal(to->status, "5.0.0")) ? status_in(arena, to->reason) : NULL;
        to->status = said ? said : to->status;
        to->action = action_of(arena, group.action, to->status);
    }
}

/* --- which mail --- */

static const char *id_in_text(struct arena *arena, const char *text)
{
    for (const char *at = text; *at; at = next_line(at)) {
        const char *value;
        size_t size;
        if (text_field(at, "Message-ID", &value, &size))
            return id_copy(arena, line_copy(arena, value, size));
    }
    return NULL;
}

static const char *returned_id(const struct mime *mime, struct arena *arena)
{
    const struct mime_part *part = find_part(mime, returned_types);
    if (!part)
        return NULL;
    if (part->first_child != MIME_NONE)
        return id_copy(arena, mime_header_text(mime, &mime->parts[part->first_child], "Message-ID"));
    struct buf text;
    read_text(mime, part, &text);
    const char *id = id_in_text(arena, buf_text(&text));
    buf_clear(&text);
    return id;
}

/* --- bounces that are no delivery-status --- */

/* What their texts say, in the words of qmail, Exim, sendmail, Exchange, Gmail, mail.ru, Yandex and the Japanese providers; lower case. */
static const char *const phrases[] = {
    "could not be delivered",
    "couldn't be delivered",
    "wasn't able to deliver",
    "was not able to deliver",
    "unable to deliver",
    "undeliverable",
    "undelivered",
    "delivery has failed",
    "delivery to the following recipient",
    "delivery failed",
    "failed permanently",
    "following address",
    "following recipient",
    "not yet been delivered",
    "returned to sender",
    "transcript of session follows",
    "does not exist",
    "\xd0\xbd\xd0\xb5 \xd0\xbc\xd0\xbe\xd0\xb6\xd0\xb5\xd1\x82 \xd0\xb1\xd1\x8b\xd1\x82\xd1\x8c", /* "cannot be" (Russian) */
    "\xe9\x85\x8d\xe4\xbf\xa1\xe3\x81\xa7\xe3\x81\x8d\xe3\x81\xbe\xe3\x81\x9b\xe3\x82\x93",       /* "could not be delivered" (Japanese) */
    "\xe9\x80\x81\xe4\xbf\xa1\xe3\x81\xa7\xe3\x81\x8d\xe3\x81\xbe\xe3\x81\x9b\xe3\x82\x93",       /* "could not be sent" (Japanese) */
    "\xe9\x80\x80\xe4\xbf\xa1",                                                                   /* "returned" (Chinese) */
};

static bool has_phrase(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
        if (strcasestr(text, phrases[i]))
            return true;
    return false;
}

static bool is_daemon(const struct mime *mime)
{
    static const char *const names[] = {"mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon", "microsoftexchange"};
    size_t count;
    struct mime_address *from = mime_addresses(mime, &mime->parts[0], "From", &count);
    for (size_t i = 0; count == 1 && i < ARRAY_SIZE(names); i++)
        if (str_starts_nocase(from[0].address, names[i]))
            return true;
    return false;
}

/* Where the returned mail begins in the text: what stands before it is the report. */
static size_t report_size(const char *text)
{
    static const char *const marks[] = {"------ This is a copy of",     "--- Below this line is a copy",
                                        "----- Original message -----", "   ----- Original message follows -----",
                                        "Original message headers:",    "----- Message header follows -----"};
    size_t size = strlen(text);
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        const char *found = strcasestr(text, marks[i]);
        if (found && (size_t)(found - text) < size)
            size = (size_t)(found - text);
    }
    return size;
}

/* A line that is about one address: alone, or followed by a colon and what went wrong. *rest is what follows. */
static const char *address_line(struct arena *arena, const char *line, size_t size, const char **rest)
{
    static const char delivered[] = "could not be delivered to:";
    const char *end = line + size, *found = size < 400 ? memmem(line, size, delivered + 1, sizeof delivered - 2) : NULL;
    const char *start = found ? found + sizeof delivered - 2 : line;
    while (start < end && strchr(" \t<", *start))
        start++;
    const char *stop = start;
    while (stop < end && !strchr(" \t>:,", *stop))
        stop++;
    const char *at = memchr(start, '@', (size_t)(stop - start));
    if (!at || at == start || at + 1 == stop)
        return NULL;
    *rest = stop + strspn(stop, "> \t");
    if (*rest > end)
        *rest = end;
    bool is_alone = *rest >= end || **rest == '\r' || **rest == '\n';
    if (!is_alone && **rest != ':' && strncmp(*rest, "...", 3) != 0 && **rest != '(')
        return NULL;
    return address_copy(arena, start, (size_t)(stop - start));
}

static bool is_blank_line(const char *line)
{
    return strspn(line, " \t\r") == strcspn(line, "\n");
}

/* What follows an address up to an empty line or the next address; of a lone address the next paragraph, without its heading. */
static const char *reason_after(struct arena *arena, const char *rest, const char *end)
{
    const char *at = rest;
    if (is_blank_line(rest) && is_blank_line(next_line(rest)))
        for (at = rest = next_line(rest); at < end && (is_blank_line(at) || strncmp(at + strspn(at, " "), "---", 3) == 0);)
            at = rest = next_line(at);
    for (unsigned lines = 0; at < end && lines < REASON_LINES_MAX; lines++) {
        const char *next = next_line(at);
        const char *unused;
        if (lines > 0 && (is_blank_line(at) || address_line(arena, at, strcspn(at, "\n"), &unused)))
            break;
        at = next;
    }
    if (at > end)
        at = end;
    while (rest < at && strchr(": \t\n.", *rest))
        rest++;
    return rest < at ? line_copy(arena, rest, (size_t)(at - rest)) : NULL;
}

static void read_report(struct arena *arena, const char *text, struct mail_bounce *out)
{
    const char *end = text + report_size(text);
    for (const char *line = text; line < end; line = next_line(line)) {
        const char *rest = NULL;
        const char *address = address_line(arena, line, strcspn(line, "\n"), &rest);
        struct mail_bounce_recipient *to = address ? add_recipient(arena, out, address) : NULL;
        const char *reason = to && !to->status ? reason_after(arena, rest, end) : NULL;
        const char *status = reason ? status_in(arena, reason) : NULL;
        if (!reason || (to->reason && !status))
            continue; /* Exchange says it twice: for people, then with the code */
        to->reason = reason;
        to->status = status;
    }
}

/* Exim names them; then only what the text says of these counts. */
static void read_failed_recipients(const struct mime *mime, struct arena *arena, struct mail_bounce *out)
{
    size_t count;
    struct mime_address *failed = mime_addresses(mime, &mime->parts[0], "X-Failed-Recipients", &count);
    for (size_t i = 0; i < count; i++) {
        const char *address = address_copy(arena, failed[i].address, strlen(failed[i].address));
        if (address)
            UNUSED(add_recipient(arena, out, address));
    }
}

static bool is_delay(const char *text)
{
    return strcasestr(text, "will be retried") || strcasestr(text, "will continue trying") || strcasestr(text, "warning only") ||
           strcasestr(text, "not yet been delivered");
}

/* The text that tells of it: the first readable part. */
static const struct mime_part *text_part(const struct mime *mime)
{
    for (size_t i = 0; i < mime->part_count; i++) {
        const struct mime_part *part = &mime->parts[i];
        if (part->child_count == 0 && (str_starts(part->type, "text/") || str_starts(part->type, "multipart/")))
            return part;
    }
    return NULL;
}

static void finish(struct mail_bounce *out, bool delayed)
{
    for (size_t i = 0; i < out->recipient_count; i++) {
        struct mail_bounce_recipient *to = &out->recipients[i];
        if (!to->action)
            to->action = delayed || (to->status && *to->status == '4') ? "delayed" : "failed";
    }
}

/* In words only. False where nothing in it says that a mail came back. */
static bool read_words(const struct mime *mime, bool has_null_sender, struct arena *arena, struct mail_bounce *out)
{
    bool has_failed = mime_header(mime, &mime->parts[0], "X-Failed-Recipients", 0) != NULL;
    const struct mime_part *part = text_part(mime);
    struct buf text;
    if (!part || !(has_failed || has_null_sender || is_daemon(mime)))
        return false;
    read_text(mime, part, &text);
    const char *subject = mime_header_text(mime, &mime->parts[0], "Subject");
    bool is_bounce = has_failed || has_phrase(buf_text(&text)) || (subject && has_phrase(subject));
    if (is_bounce) {
        read_failed_recipients(mime, arena, out);
        read_groups(arena, buf_text(&text), out);
        if (out->recipient_count == 0 || has_failed)
            read_report(arena, buf_text(&text), out);
        finish(out, is_delay(buf_text(&text)));
        out->about = returned_id(mime, arena);
        if (!out->about)
            out->about = id_in_text(arena, buf_text(&text));
    }
    buf_clear(&text);
    return is_bounce;
}

static void read_report_part(const struct mime *mime, const struct mime_part *part, struct arena *arena, struct mail_bounce *out)
{
    const struct mime_part *root = &mime->parts[0];
    struct buf text;
    /* Where its parts cannot be found, what it says stands in its text. */
    read_text(mime, part ? part : root->child_count ? &mime->parts[root->first_child] : root, &text);
    read_groups(arena, buf_text(&text), out);
    out->about = returned_id(mime, arena);
    if (!out->about && !part)
        out->about = id_in_text(arena, buf_text(&text));
    buf_clear(&text);
}

bool mail_bounce_read(const struct mime *mime, bool has_null_sender, struct arena *arena, struct mail_bounce *out)
{
    const struct mime_part *part = find_part(mime, status_types);
    const struct mime_part *root = &mime->parts[0];
    bool is_report =
        str_equal(root->type, "multipart/report") && str_equal_nocase(mime_parameter(mime, root, "report-type"), "delivery-status");
    *out = (struct mail_bounce){.about = NULL};
    if (!part && !is_report)
        return read_words(mime, has_null_sender, arena, out);
    read_report_part(mime, part, arena, out);
    /* One that names neither a recipient nor a mail tells nothing. */
    return out->about || out->recipient_count > 0;
}

bool mail_bounce_read_mdn(const struct mime *mime, struct arena *arena, struct mail_bounce *out)
{
    const struct mime_part *part = find_part(mime, mdn_types);
    struct buf text;
    struct group group;
    *out = (struct mail_bounce){.about = NULL};
    if (!part)
        return false;
    read_text(mime, part, &text);
    for (const char *at = buf_text(&text); *at; at = next_line(at)) {
        const char *value;
        size_t size;
        if (!out->about && text_field(at, "Original-Message-ID", &value, &size))
            out->about = id_copy(arena, line_copy(arena, value, size));
    }
    for (const char *at = buf_text(&text); *at;) {
        at = read_group(arena, at, &group);
        const char *address = group.final ? group.final : group.original;
        struct mail_bounce_recipient *to = address ? add_recipient(arena, out, address) : NULL;
        const char *type = group.disposition ? strchr(group.disposition, ';') : NULL;
        if (to && type)
            to->status = line_copy(arena, type + 1, strlen(type + 1));
    }
    if (!out->about)
        out->about = returned_id(mime, arena);
    buf_clear(&text);
    return true;
}
