#include "codec/taxii_page.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct scan {
    const char *bytes;
    size_t size, at;
    struct err *err;
};

static bool fail(struct scan *scan, enum err_code code, const char *what)
{
    char place[40];
    snprintf(place, sizeof place, "byte %zu", scan->at);
    return err_set_at(scan->err, code, place, "%s", what);
}

static char peek(struct scan *scan)
{
    while (scan->at < scan->size && strchr(" \t\r\n", scan->bytes[scan->at]) && scan->bytes[scan->at])
        scan->at++;
    return scan->at < scan->size ? scan->bytes[scan->at] : '\0';
}

static bool expect(struct scan *scan, char wanted)
{
    if (peek(scan) != wanted)
        return fail(scan, ERR_INPUT, "this is no TAXII envelope");
    scan->at++;
    return true;
}

/* RFC 8259, section 7: the four digits behind \u. A `next` beyond ASCII is not taken apart: no server makes one. */
static bool read_hex(struct scan *scan, char *out)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = scan->at < scan->size ? scan->bytes[scan->at] : '\0';
        const char *digit = c ? strchr("0123456789abcdef", c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        if (!digit)
            return fail(scan, ERR_INPUT, "a broken \\u in a string");
        value = value * 16 + (unsigned)(digit - "0123456789abcdef");
        scan->at++;
    }
    *out = value > 0 && value < 128 ? (char)value : '?';
    return true;
}

static bool read_escape(struct scan *scan, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = scan->at < scan->size ? scan->bytes[scan->at++] : '\0';
    const char *found = c ? strchr(from, c) : NULL;
    if (c == 'u')
        return read_hex(scan, out);
    if (!found)
        return fail(scan, ERR_INPUT, "a broken escape in a string");
    *out = to[found - from];
    return true;
}

/* A string into out (NUL-terminated, what does not fit is left out); *is_whole says whether all of it fits. */
static bool read_string(struct scan *scan, char *out, size_t out_size, bool *is_whole)
{
    size_t used = 0;
    *is_whole = true;
    if (!expect(scan, '"'))
        return false;
    while (scan->at < scan->size && scan->bytes[scan->at] != '"') {
        char c = scan->bytes[scan->at++];
        if ((unsigned char)c < 0x20)
            return fail(scan, ERR_INPUT, "a control character in a string");
        if (c == '\\' && !read_escape(scan, &c))
            return false;
        if (used + 1 < out_size)
            out[used++] = c;
        else
            *is_whole = false;
    }
    out[used] = '\0';
    if (scan->at >= scan->size)
        return fail(scan, ERR_INPUT, "it ends within a string");
    scan->at++;
    return true;
}

/* Past one value of any kind; brackets are only counted: what decode reads it says what is wrong inside. */
static bool skip_value(struct scan *scan)
{
    size_t depth = 0;
    char ignored[1];
    bool is_whole;
    do {
        char c = peek(scan);
        if (c == '"') {
            if (!read_string(scan, ignored, sizeof ignored, &is_whole))
                return false;
            continue;
        }
        if (c == '\0')
            return fail(scan, ERR_INPUT, "it ends too early");
        if (depth == 0 && strchr(",]}:", c))
            return fail(scan, ERR_INPUT, "a value is missing");
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        scan->at++;
        while (depth == 0 && !strchr("]}", c) && scan->at < scan->size && scan->bytes[scan->at] &&
               !strchr(",]} \t\r\n", scan->bytes[scan->at]))
            scan->at++; /* the rest of a number or word */
    } while (depth > 0);
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    peek(scan);
    if (scan->size - scan->at < length || memcmp(scan->bytes + scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool read_next(struct scan *scan, struct taxii_page *page)
{
    bool is_whole;
    if (take_word(scan, "null"))
        return true;
    if (!read_string(scan, page->next, sizeof page->next, &is_whole))
        return false;
    return is_whole || fail(scan, ERR_LIMIT, "its `next` is too long");
}

static bool read_more(struct scan *scan, struct taxii_page *page)
{
    if (take_word(scan, "true"))
        page->more = true;
    else if (!take_word(scan, "false") && !take_word(scan, "null"))
        return fail(scan, ERR_INPUT, "`more` is neither true nor false");
    return true;
}

static bool read_objects(struct scan *scan, struct taxii_page *page)
{
    if (peek(scan) == '[') {
        size_t start = scan->at++;
        page->has_objects = peek(scan) != ']';
        scan->at = start;
    }
    return skip_value(scan);
}

static bool read_member(struct scan *scan, struct taxii_page *page)
{
    char name[16];
    bool is_whole;
    if (!read_string(scan, name, sizeof name, &is_whole) || !expect(scan, ':'))
        return false;
    if (is_whole && str_equal(name, "more"))
        return read_more(scan, page);
    if (is_whole && str_equal(name, "next"))
        return read_next(scan, page);
    if (is_whole && str_equal(name, "objects"))
        return read_objects(scan, page);
    return skip_value(scan);
}

/* --- its objects --- */

/* To the bracket that opens the list of objects; false where there is none. */
static bool find_objects(struct scan *scan)
{
    char name[16];
    bool is_whole;
    do {
        scan->at++; /* a brace or a comma */
        if (!read_string(scan, name, sizeof name, &is_whole) || !expect(scan, ':'))
            return false;
        if (is_whole && str_equal(name, "objects"))
            return peek(scan) == '[';
        if (!skip_value(scan))
            return false;
    } while (peek(scan) == ',');
    return false;
}

/* To the next object, which ends at scan->at then; false behind the last. */
static bool next_object(struct scan *scan, size_t *start)
{
    scan->at++; /* a bracket or a comma */
    char c = peek(scan);
    *start = scan->at;
    return c != ']' && skip_value(scan);
}

static bool ends_with_bracket(struct scan scan)
{
    size_t start;
    while (next_object(&scan, &start))
        if (peek(&scan) != ',')
            break;
    return peek(&scan) == ']';
}

bool taxii_page_leave_out(struct buf *page, taxii_page_is_known is_known, void *context)
{
    struct err ignored;
    struct scan scan = {.bytes = page->bytes, .size = page->size, .err = &ignored};
    size_t start;
    bool is_first = true;
    peek(&scan);
    if (!find_objects(&scan) || !ends_with_bracket(scan))
        return false;
    size_t to = scan.at + 1;
    while (next_object(&scan, &start)) {
        size_t size = scan.at - start;
        if (!is_known(context, page->bytes + start, size)) {
            if (!is_first)
                page->bytes[to++] = ',';
            is_first = false;
            memmove(page->bytes + to, page->bytes + start, size);
            to += size;
        }
        if (peek(&scan) != ',')
            break;
    }
    memmove(page->bytes + to, page->bytes + scan.at, page->size - scan.at + 1);
    page->size -= scan.at - to;
    return true;
}

/* --- the envelope --- */

bool taxii_page_read(const char *bytes, size_t size, struct taxii_page *page, struct err *err)
{
    struct scan scan = {.bytes = bytes, .size = size, .err = err};
    *page = (struct taxii_page){0};
    if (!expect(&scan, '{'))
        return false;
    if (peek(&scan) == '}') {
        scan.at++;
    } else {
        do {
            if (!read_member(&scan, page))
                return false;
            char c = peek(&scan);
            if (c != ',' && c != '}')
                return fail(&scan, ERR_INPUT, "between members stands a comma");
        } while (scan.bytes[scan.at++] == ',');
    }
    return peek(&scan) == '\0' && scan.at == scan.size ? true : fail(&scan, ERR_INPUT, "something follows the envelope");
}
