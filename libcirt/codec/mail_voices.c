#include "codec/mail_voices.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"

enum { VOICES_MAX = 200, ADDRESS_MAX = 320, LABEL_MAX = 40, TAIL_MAX = 60 };

struct voices {
    struct arena *arena;
    const char **items;
    size_t count;
};

static void add(struct voices *voices, const char *address, size_t size)
{
    if (size == 0 || size > ADDRESS_MAX || voices->count == VOICES_MAX)
        return;
    char *lower = arena_strndup(voices->arena, address, size);
    str_lower(lower);
    for (size_t i = 0; i < voices->count; i++)
        if (str_equal(voices->items[i], lower))
            return;
    voices->items[voices->count++] = lower;
}

/* --- in fields --- */

static void add_field(struct voices *voices, const struct mime *mime, const struct mime_part *part, const char *name)
{
    size_t count;
    const struct mime_address *addresses = mime_addresses(mime, part, name, &count);
    for (size_t i = 0; i < count; i++)
        add(voices, addresses[i].address, strlen(addresses[i].address));
}

/* --- in the text --- */

/* What stands before the author in the head of a forwarded mail; lower case where there is one. */
static const char *const from_words[] = {
    "from",
    "von",
    "de",
    "da",
    "van",
    "fr\xc3\xa5n",
    "fra",
    "od",
    "expediteur",
    ("exp\xc3\xa9"
     "diteur"),
    "mittente",
    "remitente",
    "afzender",
    "absender",
    "l\xc3\xa4hett\xc3\xa4j\xc3\xa4",
    "saatja",
    "no",
    "nuo",
    "felad\xc3\xb3",
    "dari",
    "t\xe1\xbb\xab",
    "g\xc3\xb6nderen",
    "kimden",
    "\xd0\xbe\xd1\x82",                     /* Russian */
    "\xd0\x9e\xd1\x82",                     /* Russian, upper case */
    "\xd0\xb2\xd1\x96\xd0\xb4",             /* Ukrainian */
    "\xd0\x92\xd1\x96\xd0\xb4",             /* Ukrainian, upper case */
    "\xce\x91\xcf\x80\xcf\x8c",             /* Greek */
    "\xd9\x85\xd9\x86",                     /* Arabic */
    "\xd7\x9e\xd7\x90\xd7\xaa",             /* Hebrew */
    "\xe5\x8f\x91\xe4\xbb\xb6\xe4\xba\xba", /* Chinese */
    "\xe5\xaf\x84\xe4\xbb\xb6\xe8\x80\x85", /* Chinese, traditional */
    "\xe5\xb7\xae\xe5\x87\xba\xe4\xba\xba", /* Japanese */
    "\xeb\xb3\xb4\xeb\x82\xb8 \xec\x82\xac\xeb\x9e\x8c",
    "\xeb\xb3\xb4\xeb\x82\xb8\xec\x82\xac\xeb\x9e\x8c" /* Korean */
};

static const char wide_colon[] = "\xef\xbc\x9a";

static bool is_in_address(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+/=?^_`{|}~.-", c));
}

/* What looks like addresses. */
static void add_line(struct voices *voices, const char *line, size_t size)
{
    for (const char *at = memchr(line, '@', size), *end = line + size; at; at = memchr(at + 1, '@', (size_t)(end - at - 1))) {
        const char *start = at, *stop = at + 1;
        while (start > line && is_in_address(start[-1]) && at - start < ADDRESS_MAX)
            start--;
        while (stop < end && (is_in_address(*stop)) && !strchr("'*_|", *stop))
            stop++;
        while (stop > at + 1 && strchr(".-", stop[-1]))
            stop--;
        while (start < at && strchr("'*_|", *start))
            start++;
        if (start < at && stop > at + 1)
            add(voices, start, (size_t)(stop - start));
    }
}

static bool is_mark(char c)
{
    return c && strchr(" \t\r>*|_", c);
}

/* "From:" at its beginning, behind marks of quotation and of bold print. */
static bool is_from(const char *line, size_t size)
{
    const char *end = line + size, *colon = NULL;
    for (const char *p = line; p < end && p - line < LABEL_MAX && !colon; p++)
        if (*p == ':' || ((size_t)(end - p) >= strlen(wide_colon) && strncmp(p, wide_colon, strlen(wide_colon)) == 0))
            colon = p;
    while (colon && colon > line && is_mark(colon[-1]))
        colon--;
    for (size_t i = 0; colon && i < ARRAY_SIZE(from_words); i++)
        if (strlen(from_words[i]) == (size_t)(colon - line) && strncasecmp(line, from_words[i], (size_t)(colon - line)) == 0)
            return true;
    return false;
}

bool mail_voices_is_head(const char *line, size_t size)
{
    while (size > 0 && is_mark(*line))
        line++, size--;
    return is_from(line, size);
}

static bool ends_in_colon(const char *line, size_t size)
{
    while (size > 0 && is_mark(line[size - 1]))
        size--;
    return size > 0 && (line[size - 1] == ':' ||
                        (size >= strlen(wide_colon) && strncmp(line + size - strlen(wide_colon), wide_colon, strlen(wide_colon)) == 0));
}

/* "On Monday, Ann <ann@example.org> wrote:", the end perhaps on a line of its own. */
static void read_text(struct voices *voices, const char *text)
{
    const char *above = NULL;
    size_t above_size = 0;
    while (*text) {
        size_t whole = strcspn(text, "\n"), size = whole;
        const char *line = text;
        while (size > 0 && is_mark(*line))
            line++, size--;
        if (is_from(line, size) || ends_in_colon(line, size))
            add_line(voices, line, size);
        if (above && size <= TAIL_MAX && !memchr(line, '@', size) && ends_in_colon(line, size))
            add_line(voices, above, above_size);
        above = size ? line : NULL;
        above_size = size;
        text += whole + (text[whole] == '\n');
    }
}

const char **mail_voices(const struct mime *mime, const char *text, struct arena *arena, size_t *count)
{
    struct voices voices = {.arena = arena, .items = arena_calloc(arena, VOICES_MAX, sizeof *voices.items)};
    for (size_t i = 0; i < mime->part_count; i++) {
        add_field(&voices, mime, &mime->parts[i], "From");
        add_field(&voices, mime, &mime->parts[i], "Sender");
    }
    if (text)
        read_text(&voices, text);
    *count = voices.count;
    return voices.items;
}
