#include "codec/mime_encode.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "codec/base64.h"

enum { LINE_BYTES = MIME_ENCODE_LINE_MAX / 4 * 3 };

static size_t line_size(const char *text, size_t size)
{
    const char *newline = memchr(text, '\n', size);
    return newline ? (size_t)(newline - text) : size;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Lines that a mail server may change on the way: mbox quoting, the end of DATA. */
static bool is_touchy(const char *line, size_t size)
{
    return (size >= 5 && memcmp(line, "From ", 5) == 0) || (size == 1 && line[0] == '.');
}

static bool is_plain_line(const char *line, size_t size)
{
    if (size > MIME_ENCODE_LINE_MAX || (size && is_blank(line[size - 1])) || is_touchy(line, size) || memmem(line, size, "=_", 2))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((line[i] < ' ' && line[i] != '\t') || line[i] == 0x7F)
            return false; /* char may be signed: bytes from 0x80 on are below ' ' */
    return true;
}

const char *mime_encode_choose(const char *text, size_t size)
{
    bool is_plain = true;
    size_t foreign = 0;
    for (size_t at = 0, length; is_plain && at < size; at += length + 1) {
        length = line_size(text + at, size - at);
        is_plain = is_plain_line(text + at, length);
    }
    if (is_plain)
        return "7bit";
    for (size_t i = 0; i < size; i++)
        foreign += (unsigned char)text[i] >= 0x80;
    /* Where quoted-printable (3 for 1) becomes longer than base64 (4 for 3). */
    return foreign > size / 6 ? "base64" : "quoted-printable";
}

static void add_7bit(struct buf *out, const char *text, size_t size)
{
    for (size_t at = 0, length; at < size; at += length + 1) {
        length = line_size(text + at, size - at);
        buf_add(out, text + at, length);
        buf_add_text(out, "\r\n");
    }
}

static bool is_literal(const char *line, size_t size, size_t at)
{
    unsigned char c = (unsigned char)line[at];
    if (at == 0 && is_touchy(line, size))
        return false;
    if (is_blank(line[at]))
        return at + 1 < size;
    return c > ' ' && c < 0x7F && c != '=';
}

static void add_quoted_line(struct buf *out, const char *line, size_t size)
{
    size_t column = 0;
    for (size_t i = 0; i < size; i++) {
        bool literal = is_literal(line, size, i);
        size_t width = literal ? 1 : 3;
        /* A soft break takes one column; the line's last character may stand there instead. */
        if (column + width > MIME_ENCODE_LINE_MAX - (i + 1 < size)) {
            buf_add_text(out, "=\r\n");
            column = 0;
        }
        if (literal)
            buf_add_char(out, line[i]);
        else
            buf_printf(out, "=%02X", (unsigned char)line[i]);
        column += width;
    }
    buf_add_text(out, "\r\n");
}

static void add_quoted(struct buf *out, const char *text, size_t size)
{
    for (size_t at = 0, length; at < size; at += length + 1) {
        length = line_size(text + at, size - at);
        add_quoted_line(out, text + at, length);
    }
}

static void add_text_base64(struct buf *out, const char *text, size_t size)
{
    struct buf canonical; /* RFC 2045 section 6.8: line ends of text are CRLF before base64 */
    buf_init(&canonical, 2 * size + 2);
    add_7bit(&canonical, text, size);
    mime_encode_base64(out, buf_text(&canonical), canonical.size);
    buf_clear(&canonical);
}

void mime_encode_text(struct buf *out, const char *encoding, const char *text, size_t size)
{
    if (str_equal(encoding, "7bit"))
        add_7bit(out, text, size);
    else if (str_equal(encoding, "base64"))
        add_text_base64(out, text, size);
    else
        add_quoted(out, text, size);
}

void mime_encode_base64(struct buf *out, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    for (size_t at = 0; at < size; at += LINE_BYTES) {
        base64_encode(out, from + at, size - at < LINE_BYTES ? size - at : LINE_BYTES);
        buf_add_text(out, "\r\n");
    }
}
