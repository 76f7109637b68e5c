#include "codec/mime.h"

#include <ctype.h>
#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/timestamp_read.h"
#include "codec/mime_body.h"

/* GMime's tables are made once for the process and never change after. */
static void library_init(void)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        g_mime_init();
        g_once_init_leave(&once, 1);
    }
}

/* --- header fields --- */

/* The end of the line at `at`: behind its LF, or `end`. */
static size_t line_end(const char *bytes, size_t at, size_t end)
{
    const char *newline = memchr(bytes + at, '\n', end - at);
    return newline ? (size_t)(newline - bytes) + 1 : end;
}

static bool is_empty_line(const char *bytes, size_t at, size_t next)
{
    return (next - at == 1 && bytes[at] == '\n') || (next - at == 2 && bytes[at] == '\r' && bytes[at + 1] == '\n');
}

/* Size of "Name:" at the start of a line, without the colon; 0 where the line is no field (RFC 5322 section 2.2). */
static size_t field_name_size(const char *line, size_t size)
{
    size_t at = 0;
    while (at < size && line[at] > ' ' && line[at] < 0x7f && line[at] != ':')
        at++;
    size_t name_size = at;
    while (at < size && (line[at] == ' ' || line[at] == '\t'))
        at++; /* obsolete syntax allows blanks before the colon */
    return at < size && line[at] == ':' ? name_size : 0;
}

/* Value of a field from its colon on: line ends of folding go, the blanks behind them stay. */
static char *unfold(struct arena *arena, const char *bytes, size_t size)
{
    char *value = arena_strndup(arena, bytes, size);
    char *to = value;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != '\r' && bytes[i] != '\n')
            *to++ = bytes[i] ? bytes[i] : ' ';
    while (to > value && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    *to = '\0';
    return value + strspn(value, " \t");
}

size_t mime_field_end(const char *bytes, size_t at, size_t end)
{
    do
        at = line_end(bytes, at, end);
    while (at < end && (bytes[at] == ' ' || bytes[at] == '\t'));
    return at;
}

bool mime_next_field(const struct mime *mime, const struct mime_part *part, size_t *at, struct mime_field *out)
{
    size_t end = part->header_at + part->header_size;
    for (size_t start = part->header_at + *at; start < end; start = part->header_at + *at) {
        const char *line = mime->bytes + start;
        size_t first = line_end(mime->bytes, start, end), next = mime_field_end(mime->bytes, start, end);
        *at = next - part->header_at;
        out->name = line;
        out->name_size = field_name_size(line, first - start);
        if (out->name_size == 0)
            continue;
        const char *colon = memchr(line, ':', first - start);
        out->value = colon + 1;
        out->value_size = (size_t)(mime->bytes + next - out->value);
        return true;
    }
    return false;
}

bool mime_field_is(const struct mime_field *field, const char *name)
{
    return strlen(name) == field->name_size && strncasecmp(field->name, name, field->name_size) == 0;
}

const char *mime_field_value(const struct mime *mime, const struct mime_field *field)
{
    return unfold(mime->arena, field->value, field->value_size);
}

const char *mime_header(const struct mime *mime, const struct mime_part *part, const char *name, unsigned n)
{
    struct mime_field field;
    for (size_t at = 0; mime_next_field(mime, part, &at, &field);)
        if (mime_field_is(&field, name) && n-- == 0)
            return mime_field_value(mime, &field);
    return NULL;
}

/* Well-formed UTF-8 in one line, whatever the library gave. */
static const char *clean_line(struct arena *arena, const char *text)
{
    struct buf out;
    buf_init(&out, 4 * strlen(text) + 1);
    for (const char *at = text, *end = text + strlen(text); at < end;) {
        uint32_t code_point;
        size_t size = str_next_code_point(at, end, &code_point);
        if (code_point == 0xFFFD)
            buf_add_text(&out, "\xef\xbf\xbd");
        else if (code_point < ' ')
            buf_add_char(&out, ' ');
        else
            buf_add(&out, at, size);
        at += size;
    }
    const char *line = arena_strdup(arena, buf_text(&out));
    buf_clear(&out);
    return line;
}

/* Bytes beyond ASCII in a header are UTF-8 (RFC 6532), or what mailers do that know of neither: the charset of the text below. */
static const char *header_utf8(const struct mime *mime, const struct mime_part *part, const char *raw)
{
    const char *charset = NULL;
    struct buf text;
    if (str_is_utf8(raw, strlen(raw), NULL) || strstr(raw, "=?"))
        return raw; /* encoded words name their charset, GMime guesses the rest */
    for (size_t i = (size_t)(part - mime->parts); !charset && i < mime->part_count; i++)
        charset = mime->parts[i].charset;
    buf_init(&text, 4 * strlen(raw) + 16);
    mime_text(charset, raw, strlen(raw), &text);
    const char *copy = arena_strdup(mime->arena, buf_text(&text));
    buf_clear(&text);
    return copy;
}

static const char *text_of(const struct mime *mime, const struct mime_part *part, const char *raw)
{
    library_init();
    raw = header_utf8(mime, part, raw);
    char *decoded = g_mime_utils_header_decode_text(NULL, raw);
    const char *line = clean_line(mime->arena, decoded);
    g_free(decoded);
    return line;
}

const char *mime_header_text(const struct mime *mime, const struct mime_part *part, const char *name)
{
    const char *raw = mime_header(mime, part, name, 0);
    return raw ? text_of(mime, part, raw) : NULL;
}

const char *mime_field_text(const struct mime *mime, const struct mime_part *part, const struct mime_field *field)
{
    return text_of(mime, part, mime_field_value(mime, field));
}

const char *mime_parameter(const struct mime *mime, const struct mime_part *part, const char *name)
{
    const char *raw = mime_header(mime, part, "Content-Type", 0);
    if (!raw)
        return NULL;
    library_init();
    GMimeContentType *type = g_mime_content_type_parse(NULL, raw);
    const char *value = g_mime_content_type_get_parameter(type, name);
    value = value ? clean_line(mime->arena, value) : NULL;
    g_object_unref(type);
    return value;
}

struct address_list {
    struct arena *arena;
    struct mime_address *items;
    size_t count, capacity;
};

static void addresses_gather(struct address_list *out, InternetAddressList *list, unsigned depth)
{
    for (int i = 0; list && i < internet_address_list_length(list); i++) {
        InternetAddress *item = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_GROUP(item)) {
            if (depth < 2)
                addresses_gather(out, internet_address_group_get_members(INTERNET_ADDRESS_GROUP(item)), depth + 1);
            continue;
        }
        const char *address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(item));
        const char *name = internet_address_get_name(item);
        out->items = arena_grow(out->arena, out->items, &out->capacity, out->count, sizeof *out->items);
        out->items[out->count++] = (struct mime_address){.name = name && *name ? clean_line(out->arena, name) : NULL,
                                                         .address = clean_line(out->arena, address ? address : "")};
    }
}

/* GMime reads groups within groups ("a: b: c:") by recursion; a few hundred colons are more than any mail has. */
enum { COLONS_MAX = 500, BOUNDARIES_MAX = 20 * MIME_PARTS_MAX };

static bool is_nested_deep(const char *value, size_t size)
{
    size_t colons = 0;
    for (size_t i = 0; i < size; i++)
        colons += value[i] == ':';
    return colons > COLONS_MAX;
}

struct mime_address *mime_addresses(const struct mime *mime, const struct mime_part *part, const char *name, size_t *count)
{
    struct address_list out = {.arena = mime->arena};
    const char *raw;
    library_init();
    for (unsigned n = 0; (raw = mime_header(mime, part, name, n)) && n < 20; n++) {
        if (is_nested_deep(raw, strlen(raw)))
            continue;
        InternetAddressList *list = internet_address_list_parse(NULL, header_utf8(mime, part, raw));
        addresses_gather(&out, list, 0);
        if (list)
            g_object_unref(list);
    }
    *count = out.count;
    return out.items;
}

/* Without comments, blanks and folds as one blank. False where it is too long for a date. */
static bool plain_date(const char *text, char *plain, size_t size)
{
    size_t used = 0, depth = 0;
    for (; *text; text++) {
        bool is_blank = strchr(" \t\r\n", *text) != NULL;
        depth += *text == '(';
        if (depth == 0 && !(is_blank && used > 0 && plain[used - 1] == ' ')) {
            if (used + 1 == size)
                return false;
            plain[used++] = *text;
            if (is_blank)
                plain[used - 1] = ' ';
        }
        depth -= *text == ')' && depth > 0;
    }
    plain[used] = '\0';
    return true;
}

bool mime_date_text(const char *text, int64_t *moment, const char **rule)
{
    enum { DATE_SIZE_MAX = 64 };
    char plain[DATE_SIZE_MAX];
    int64_t read;
    const char *read_by;
    if (!plain_date(text, plain, sizeof plain) || !timestamp_read(plain, &read, &read_by) || read <= 0)
        return false;
    *moment = read;
    *rule = read_by;
    return true;
}

bool mime_date(const struct mime *mime, const struct mime_part *part, int64_t *moment, const char **rule)
{
    const char *raw = mime_header(mime, part, "Date", 0);
    return raw && mime_date_text(raw, moment, rule);
}

/* --- structure --- */

static const char *lower_copy(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    char *copy = arena_strdup(arena, text);
    str_lower(copy);
    return copy;
}

static void read_type(struct mime *mime, struct mime_part *part, const char *fallback)
{
    const char *raw = mime_header(mime, part, "Content-Type", 0);
    part->type = fallback;
    if (!raw)
        return;
    const char *again = mime_header(mime, part, "Content-Type", 1);
    if (again && strcmp(again, raw) != 0)
        part->is_broken = true;
    GMimeContentType *type = g_mime_content_type_parse(NULL, header_utf8(mime, part, raw));
    char *name = g_mime_content_type_get_mime_type(type);
    part->type = lower_copy(mime->arena, clean_line(mime->arena, name));
    g_free(name);
    const char *boundary = g_mime_content_type_get_parameter(type, "boundary");
    const char *file = g_mime_content_type_get_parameter(type, "name");
    part->boundary = boundary && *boundary ? arena_strdup(mime->arena, boundary) : NULL;
    part->protocol = lower_copy(mime->arena, g_mime_content_type_get_parameter(type, "protocol"));
    part->charset = arena_strdup(mime->arena, g_mime_content_type_get_parameter(type, "charset"));
    part->name = file && *file ? clean_line(mime->arena, file) : NULL;
    g_object_unref(type);
}

static void read_disposition(struct mime *mime, struct mime_part *part)
{
    const char *raw = mime_header(mime, part, "Content-Disposition", 0);
    GMimeContentDisposition *disposition = raw ? g_mime_content_disposition_parse(NULL, header_utf8(mime, part, raw)) : NULL;
    if (!disposition)
        return;
    const char *word = g_mime_content_disposition_get_disposition(disposition);
    const char *file = g_mime_content_disposition_get_parameter(disposition, "filename");
    part->disposition = word ? lower_copy(mime->arena, clean_line(mime->arena, word)) : NULL;
    if (file && *file)
        part->name = clean_line(mime->arena, file);
    g_object_unref(disposition);
}

static void read_fields(struct mime *mime, struct mime_part *part, const char *fallback)
{
    read_type(mime, part, fallback);
    read_disposition(mime, part);
    const char *encoding = mime_header(mime, part, "Content-Transfer-Encoding", 0);
    const char *again = mime_header(mime, part, "Content-Transfer-Encoding", 1);
    if (again && strcmp(again, encoding) != 0)
        part->is_broken = true;
    part->encoding = "7bit";
    if (encoding)
        part->encoding = lower_copy(mime->arena, arena_strndup(mime->arena, encoding, strcspn(encoding, " \t;(")));
}

/* Some write a blank into the empty line: one of blanks before what is no field, nor goes on with one, ends the header, too. */
static bool is_blank_end(const char *bytes, size_t at, size_t next, size_t end)
{
    size_t blanks = at;
    while (blanks < next && (bytes[blanks] == ' ' || bytes[blanks] == '\t'))
        blanks++;
    return is_empty_line(bytes, blanks, next) && next < end && bytes[next] != ' ' && bytes[next] != '\t' &&
           !is_empty_line(bytes, next, line_end(bytes, next, end)) && field_name_size(bytes + next, end - next) == 0;
}

/* Sets header and body of the part in start..end. A part that does not begin with a field has an empty header. */
static bool cut_header(const struct mime *mime, struct mime_part *part, size_t start, size_t end, struct err *err)
{
    size_t at = start;
    part->header_at = start;
    if (start < end && !is_empty_line(mime->bytes, start, line_end(mime->bytes, start, end)) &&
        field_name_size(mime->bytes + start, end - start) == 0) {
        part->body_at = start;
        part->body_size = end - start;
        return true;
    }
    while (at < end) {
        size_t next = line_end(mime->bytes, at, end);
        if (is_empty_line(mime->bytes, at, next) || is_blank_end(mime->bytes, at, next, end)) {
            part->header_size = at - start;
            part->body_at = next;
            part->body_size = end - next;
            break;
        }
        at = next;
    }
    if (at >= end) {
        part->header_size = end - start;
        part->body_at = end;
    }
    if (part->header_size > MIME_HEADER_SIZE_MAX)
        return err_set_at(err, ERR_LIMIT, part->path, "a header of %zu bytes, at most %d are taken", part->header_size,
                          MIME_HEADER_SIZE_MAX);
    return true;
}

bool mime_head(const char *bytes, size_t size, size_t *header_size, size_t *body_at)
{
    struct mime mime = {.bytes = bytes, .size = size};
    struct mime_part part = {.path = "1"};
    struct err err;
    if (!cut_header(&mime, &part, 0, size, &err) || part.header_size == 0)
        return false;
    *header_size = part.header_size;
    *body_at = part.body_at;
    return true;
}

struct delimiter {
    size_t at, next; /* the line's start, and behind it */
    bool is_last;
};

/* The next line in at..end that is --boundary or --boundary--, blanks behind it borne (RFC 2046 section 5.1.1). */
static bool find_delimiter(const struct mime *mime, size_t at, size_t end, const char *boundary, struct delimiter *out)
{
    size_t size = strlen(boundary);
    size_t line_start = at;
    while (at < end) {
        const char *found = memmem(mime->bytes + at, end - at, boundary, size);
        if (!found)
            return false;
        size_t word = (size_t)(found - mime->bytes);
        at = word + 1;
        if (word < line_start + 2 || mime->bytes[word - 1] != '-' || mime->bytes[word - 2] != '-' ||
            (word - 2 > line_start && mime->bytes[word - 3] != '\n'))
            continue;
        size_t rest = word + size, next = line_end(mime->bytes, word, end);
        bool is_last = next - rest >= 2 && mime->bytes[rest] == '-' && mime->bytes[rest + 1] == '-';
        rest += is_last ? 2 : 0;
        while (rest < next && isspace((unsigned char)mime->bytes[rest]))
            rest++;
        if (rest != next)
            continue;
        *out = (struct delimiter){.at = word - 2, .next = next, .is_last = is_last};
        return true;
    }
    return false;
}

/* The line end before a delimiter belongs to the delimiter. */
static size_t before_delimiter(const struct mime *mime, size_t start, size_t at)
{
    if (at > start && mime->bytes[at - 1] == '\n')
        at--;
    if (at > start && mime->bytes[at - 1] == '\r')
        at--;
    return at;
}

struct scan {
    struct mime *mime;
    unsigned depth_max;
    struct err *err;
};

static bool scan_part(struct scan *scan, int parent, const char *fallback, size_t start, size_t end);

static bool scan_multipart(struct scan *scan, int index)
{
    struct mime *mime = scan->mime;
    struct mime_part part = mime->parts[index]; /* the array moves while children are added */
    size_t end = part.body_at + part.body_size;
    struct delimiter delimiter, next;
    const char *fallback = str_equal(part.type, "multipart/digest") ? "message/rfc822" : "text/plain";
    bool is_whole = false;
    if (!part.boundary || !find_delimiter(mime, part.body_at, end, part.boundary, &delimiter) || delimiter.is_last) {
        mime->parts[index].is_broken = true;
        return true;
    }
    while (!delimiter.is_last) {
        bool found = find_delimiter(mime, delimiter.next, end, part.boundary, &next);
        size_t child_end = found ? before_delimiter(mime, delimiter.next, next.at) : end;
        if (!scan_part(scan, index, fallback, delimiter.next, child_end))
            return false;
        if (!found)
            break;
        is_whole = next.is_last;
        delimiter = next;
    }
    if (!is_whole)
        mime->parts[index].is_broken = true;
    return true;
}

static struct mime_part *add_part(struct mime *mime, int parent)
{
    mime->parts = arena_grow(mime->arena, mime->parts, &mime->part_capacity, mime->part_count, sizeof *mime->parts);
    int index = (int)mime->part_count++;
    struct mime_part *part = &mime->parts[index];
    *part = (struct mime_part){.path = "1", .parent = parent, .first_child = MIME_NONE, .next = MIME_NONE};
    if (parent == MIME_NONE)
        return part;
    struct mime_part *above = &mime->parts[parent];
    int *link = &above->first_child;
    while (*link != MIME_NONE)
        link = &mime->parts[*link].next;
    *link = index;
    part->depth = above->depth + 1;
    part->path = arena_printf(mime->arena, "%s.%u", above->path, ++above->child_count);
    return part;
}

static bool scan_part(struct scan *scan, int parent, const char *fallback, size_t start, size_t end)
{
    struct mime *mime = scan->mime;
    if (mime->part_count == MIME_PARTS_MAX)
        return err_set_at(scan->err, ERR_LIMIT, mime->parts[parent].path, "more than %d parts", MIME_PARTS_MAX);
    int index = (int)mime->part_count;
    struct mime_part *part = add_part(mime, parent);
    if (part->depth > scan->depth_max)
        return err_set_at(scan->err, ERR_LIMIT, part->path, "parts are nested more than %u deep", scan->depth_max);
    if (!cut_header(mime, part, start, end, scan->err))
        return false;
    read_fields(mime, part, fallback);
    if (str_starts(part->type, "multipart/"))
        return scan_multipart(scan, index);
    bool is_plain = str_equal(part->encoding, "7bit") || str_equal(part->encoding, "8bit") || str_equal(part->encoding, "binary");
    if (mime_is_message(part) && is_plain)
        return scan_part(scan, index, "text/plain", part->body_at, end);
    return true;
}

/* --- the second opinion --- */

struct mime_opinion {
    bool *is_agreed; /* per part */
};

/* The line begins a field whose addresses GMime reads by itself, in every message's header. */
static bool is_address_field(const char *line, size_t size)
{
    static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc"};
    size_t name_size = field_name_size(line, size);
    for (size_t i = 0; name_size && i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == name_size && strncasecmp(line, names[i], name_size) == 0)
            return true;
    return false;
}

/* What could make GMime recurse or build parts without end, wherever it takes it for structure. */
static bool is_hostile(const struct mime *mime)
{
    size_t boundaries = 0;
    for (size_t at = 0, next; at < mime->size; at = next) {
        const char *line = mime->bytes + at;
        next = line_end(mime->bytes, at, mime->size);
        boundaries += next - at > 2 && line[0] == '-' && line[1] == '-';
        if (boundaries > BOUNDARIES_MAX)
            return true;
        if (!is_address_field(line, next - at))
            continue;
        next = mime_field_end(mime->bytes, at, mime->size);
        if (is_nested_deep(line, next - at))
            return true;
    }
    return false;
}

/* Where GMime saw the first field of these headers; -1 where it saw none. */
static int64_t first_offset(GMimeHeaderList *headers)
{
    int count = headers ? g_mime_header_list_get_count(headers) : 0;
    int64_t first = -1;
    for (int i = 0; i < count; i++) {
        int64_t offset = g_mime_header_get_offset(g_mime_header_list_get_header_at(headers, i));
        if (offset >= 0 && (first < 0 || offset < first))
            first = offset;
    }
    return first;
}

/* A message's fields stand in two lists: those about its content are its root's. */
static bool begins_there(const struct mime_part *part, GMimeObject *object, GMimeMessage *message, size_t shift)
{
    int64_t first = first_offset(g_mime_object_get_header_list(object));
    int64_t other = message ? first_offset(g_mime_object_get_header_list(GMIME_OBJECT(message))) : -1;
    if (first < 0 || (other >= 0 && other < first))
        first = other;
    return part->header_size == 0 ? first < 0 : first >= 0 && (size_t)first + shift == part->header_at;
}

static bool agree_leaf(const struct mime_part *part, GMimeObject *object, size_t shift)
{
    if (!GMIME_IS_PART(object) || part->child_count > 0)
        return false;
    GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(object));
    GMimeStream *stream = content ? g_mime_data_wrapper_get_stream(content) : NULL;
    if (!stream)
        return part->body_size == 0;
    return (size_t)stream->bound_start + shift == part->body_at && (size_t)stream->bound_end + shift == part->body_at + part->body_size;
}

/* Judges the part and all below it; returns whether it is the same part, at the same place, whatever is in it. */
static bool agree(const struct mime *mime, int index, GMimeObject *object, GMimeMessage *message, size_t shift)
{
    const struct mime_part *part = &mime->parts[index];
    GMimeContentType *type = g_mime_object_get_content_type(object);
    char *name = g_mime_content_type_get_mime_type(type);
    bool is_there = strcasecmp(name, part->type) == 0 && begins_there(part, object, message, shift), same = is_there;
    g_free(name);
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(object);
        int i = 0, count = g_mime_multipart_get_count(multipart);
        same = same && (unsigned)count == part->child_count;
        for (int child = part->first_child; child != MIME_NONE && i < count; child = mime->parts[child].next, i++)
            same = agree(mime, child, g_mime_multipart_get_part(multipart, i), NULL, shift) && same;
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
        GMimeObject *root = inner ? g_mime_message_get_mime_part(inner) : NULL;
        same = root && part->child_count == 1 && agree(mime, part->first_child, root, inner, shift) && same;
    } else {
        same = is_there = agree_leaf(part, object, shift) && is_there;
    }
    mime->opinion->is_agreed[index] = same && !part->is_broken;
    return is_there;
}

static void second_opinion(const struct mime *mime)
{
    size_t shift = mime->parts[0].header_at;
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mime->bytes + shift, mime->size - shift);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_format(parser, GMIME_FORMAT_MESSAGE);
    g_mime_parser_set_persist_stream(parser, TRUE);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    GMimeObject *root = message ? g_mime_message_get_mime_part(message) : NULL;
    if (root)
        UNUSED(agree(mime, 0, root, message, shift));
    if (message)
        g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
}

bool mime_is_agreed(const struct mime *mime, const struct mime_part *part)
{
    const bool *is_agreed = mime->opinion->is_agreed;
    if (!is_agreed) {
        is_agreed = mime->opinion->is_agreed = arena_calloc(mime->arena, mime->part_count, sizeof(bool));
        if (!is_hostile(mime))
            second_opinion(mime);
    }
    int index = (int)(part - mime->parts);
    for (; index != MIME_NONE && is_agreed[index]; index = mime->parts[index].parent)
        ;
    return index == MIME_NONE;
}

bool mime_is_message(const struct mime_part *part)
{
    return str_equal(part->type, "message/rfc822") || str_equal(part->type, "message/global") || str_equal(part->type, "message/news");
}

bool mime_parse(const char *bytes, size_t size, unsigned depth_max, struct mime **out, struct err *err)
{
    struct arena *arena = arena_new();
    struct mime *mime = arena_calloc(arena, 1, sizeof *mime);
    struct scan scan = {.mime = mime, .depth_max = depth_max < MIME_DEPTH_MAX ? depth_max : MIME_DEPTH_MAX, .err = err};
    *mime = (struct mime){.arena = arena, .bytes = bytes, .size = size, .opinion = arena_calloc(arena, 1, sizeof(struct mime_opinion))};
    library_init();
    /* An mbox line or a byte order mark above the header is what some exporters leave. */
    size_t start = size >= 5 && memcmp(bytes, "From ", 5) == 0 ? line_end(bytes, 0, size) : 0;
    start = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : start;
    bool ok = scan_part(&scan, MIME_NONE, "text/plain", start, size);
    if (ok && mime->parts[0].header_size == 0)
        ok = err_set_at(err, ERR_INPUT, "line 1", "no mail header");
    if (!ok) {
        mime_free(mime);
        return false;
    }
    *out = mime;
    return true;
}

bool mime_signed_bytes(const struct mime *mime, const struct mime_part *part, struct buf *out)
{
    size_t at = part->header_at, end = part->body_at + part->body_size;
    while (at < end) {
        size_t next = line_end(mime->bytes, at, end);
        size_t stop = next;
        bool has_newline = mime->bytes[next - 1] == '\n';
        if (has_newline)
            stop -= stop - at >= 2 && mime->bytes[next - 2] == '\r' ? 2 : 1;
        buf_add(out, mime->bytes + at, stop - at);
        if (has_newline)
            buf_add(out, "\r\n", 2);
        at = next;
    }
    return !out->full;
}

void mime_free(struct mime *mime)
{
    if (mime)
        arena_free(mime->arena);
}
