#include "codec/xml_text.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { DECLARATION_MAX = 256, ENCODING_SIZE = 40 };

static bool fail_at(struct err *err, enum err_code code, const char *text, const char *where, const char *what)
{
    unsigned line = 1;
    char at[32];
    for (const char *p = text; p < where; p++)
        line += *p == '\n';
    snprintf(at, sizeof at, "line %u", line);
    return err_set_at(err, code, at, "%s", what);
}

static bool add_code_point(struct buf *out, unsigned c)
{
    char utf8[4];
    size_t size;
    if (c < 0x80) {
        utf8[0] = (char)c;
        size = 1;
    } else if (c < 0x800) {
        utf8[0] = (char)(0xC0 | c >> 6);
        utf8[1] = (char)(0x80 | (c & 0x3F));
        size = 2;
    } else if (c < 0x10000) {
        utf8[0] = (char)(0xE0 | c >> 12);
        utf8[1] = (char)(0x80 | (c >> 6 & 0x3F));
        utf8[2] = (char)(0x80 | (c & 0x3F));
        size = 3;
    } else {
        utf8[0] = (char)(0xF0 | c >> 18);
        utf8[1] = (char)(0x80 | (c >> 12 & 0x3F));
        utf8[2] = (char)(0x80 | (c >> 6 & 0x3F));
        utf8[3] = (char)(0x80 | (c & 0x3F));
        size = 4;
    }
    return buf_add(out, utf8, size);
}

static unsigned unit_at(const unsigned char *bytes, bool big_endian)
{
    return big_endian ? (unsigned)bytes[0] << 8 | bytes[1] : (unsigned)bytes[1] << 8 | bytes[0];
}

static bool from_utf16(const unsigned char *bytes, size_t size, bool big_endian, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < size; i += 2) {
        unsigned c = i + 1 < size ? unit_at(bytes + i, big_endian) : 0;
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < size) {
            unsigned low = unit_at(bytes + i + 2, big_endian);
            c = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : 0;
            i += 2;
        }
        if (c == 0 || (c >= 0xD800 && c < 0xE000))
            return fail_at(err, ERR_INPUT, buf_text(out), buf_text(out) + out->size, "this is not well-formed UTF-16");
        if (!add_code_point(out, c))
            return err_set_at(err, ERR_LIMIT, "line 1", "the document is too large");
    }
    return true;
}

static bool from_latin1(const unsigned char *bytes, size_t size, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == 0)
            return fail_at(err, ERR_INPUT, buf_text(out), buf_text(out) + out->size, "a NUL byte");
        if (!add_code_point(out, bytes[i]))
            return err_set_at(err, ERR_LIMIT, "line 1", "the document is too large");
    }
    return true;
}

static bool from_utf8(const char *bytes, size_t size, struct buf *out, struct err *err)
{
    size_t bad_at;
    if (!str_is_utf8(bytes, size, &bad_at))
        return fail_at(err, ERR_INPUT, bytes, bytes + bad_at, "this is not UTF-8 (nor UTF-16)");
    return buf_add(out, bytes, size) || err_set_at(err, ERR_LIMIT, "line 1", "the document is too large");
}

/* The value of encoding="..." in <?xml ... ?>, or "". */
static void declared_encoding(const char *bytes, size_t size, char name[ENCODING_SIZE])
{
    char head[DECLARATION_MAX + 1];
    size_t length = size < DECLARATION_MAX ? size : DECLARATION_MAX;
    memcpy(head, bytes, length);
    head[length] = '\0';
    name[0] = '\0';
    char *end = strstr(head, "?>");
    if (!str_starts(head, "<?xml") || !end)
        return;
    *end = '\0';
    const char *value = strstr(head, "encoding");
    if (!value)
        return;
    value += strlen("encoding");
    value += strspn(value, " \t\r\n=");
    if (*value == '"' || *value == '\'')
        snprintf(name, ENCODING_SIZE, "%.*s", (int)strcspn(value + 1, "\"'"), value + 1);
}

static bool unknown_encoding(const char *encoding, struct err *err)
{
    char name[ENCODING_SIZE];
    xml_text_harmless(encoding, name, sizeof name);
    return err_set_at(err, ERR_INPUT, "line 1", "encoding \"%s\" is not read: use UTF-8 or UTF-16", name);
}

bool xml_text_to_utf8(const char *bytes, size_t size, struct buf *out, struct err *err)
{
    const unsigned char *b = (const unsigned char *)bytes;
    if (size >= 2 && ((b[0] == 0xFE && b[1] == 0xFF) || (b[0] == 0xFF && b[1] == 0xFE)))
        return from_utf16(b + 2, size - 2, b[0] == 0xFE, out, err);
    if (size >= 2 && ((b[0] == 0 && b[1] == '<') || (b[0] == '<' && b[1] == 0)))
        return from_utf16(b, size, b[0] == 0, out, err);
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        return from_utf8(bytes + 3, size - 3, out, err);
    char encoding[ENCODING_SIZE];
    declared_encoding(bytes, size, encoding);
    if (str_equal_nocase(encoding, "ISO-8859-1"))
        return from_latin1(b, size, out, err);
    if (encoding[0] && !str_equal_nocase(encoding, "UTF-8") && !str_equal_nocase(encoding, "US-ASCII") &&
        !str_equal_nocase(encoding, "ASCII") && !str_starts_nocase(encoding, "UTF-16"))
        return unknown_encoding(encoding, err);
    return from_utf8(bytes, size, out, err);
}

/* Behind the next `what`, or the end. */
static const char *skip_past(const char *p, const char *what)
{
    const char *found = strstr(p, what);
    return found ? found + strlen(what) : p + strlen(p);
}

static const char *skip_tag(const char *p, unsigned *attributes)
{
    *attributes = 0;
    while (*p && *p != '>') {
        if (*p == '"' || *p == '\'') {
            const char *close = strchr(p + 1, *p);
            if (!close)
                return p + strlen(p);
            p = close;
            ++*attributes;
        }
        p++;
    }
    return p;
}

bool xml_text_check(const char *text, unsigned attributes_max, struct err *err)
{
    unsigned attributes = 0;
    for (const char *p = strchr(text, '<'); p; p = strchr(p, '<')) {
        const char *tag = p;
        if (str_starts(p, "<!--"))
            p = skip_past(p + 4, "-->");
        else if (str_starts(p, "<![CDATA["))
            p = skip_past(p, "]]>");
        else if (str_starts(p, "<?"))
            p = skip_past(p, "?>");
        else if (str_starts_nocase(p, "<!DOCTYPE"))
            return fail_at(err, ERR_INPUT, text, tag, "a DOCTYPE is not allowed: documents with a DTD are refused");
        else
            p = skip_tag(p + 1, &attributes);
        if (tag[1] != '!' && tag[1] != '?' && attributes > attributes_max)
            return fail_at(err, ERR_LIMIT, text, tag, "an element with too many attributes");
    }
    return true;
}

void xml_text_harmless(const char *text, char *out, size_t size)
{
    struct buf harmless;
    buf_init(&harmless, size - 1);
    str_add_harmless(&harmless, text, false);
    memcpy(out, buf_text(&harmless), harmless.size + 1);
    buf_clear(&harmless);
}

bool xml_text_mentions(const char *bytes, size_t size, const char *text)
{
    char head[4097];
    size_t length = 0;
    for (size_t i = 0; i < size && length < sizeof head - 1; i++)
        if (bytes[i] && (unsigned char)bytes[i] < 0x80) /* UTF-16 shows as ASCII with NULs between */
            head[length++] = bytes[i];
    head[length] = '\0';
    return head[strspn(head, " \t\r\n")] == '<' && strstr(head, text);
}
