#include "codec/mime_body.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define REPLACEMENT "\xef\xbf\xbd"

static int base64_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '/')
        return c == '+' ? 62 : 63;
    return -1;
}

/* Padding ends a group, not the body: some mailers join encoded pieces. */
static void base64_undo(const char *bytes, size_t size, struct buf *out)
{
    unsigned bits = 0, held = 0;
    char piece[1024];
    size_t count = 0;
    for (size_t i = 0; i < size && !out->full; i++) {
        int value = base64_value((unsigned char)bytes[i]);
        if (bytes[i] == '=')
            bits = held = 0;
        if (value < 0)
            continue;
        bits = (bits << 6 | (unsigned)value) & 0xffffff;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        piece[count++] = (char)(bits >> held & 0xff);
        if (count == sizeof piece) {
            buf_add(out, piece, count);
            count = 0;
        }
    }
    buf_add(out, piece, count);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* One encoded line without its line end (RFC 2045 section 6.7). True where it goes on with the next (soft break). */
static bool quoted_line_undo(const char *line, size_t size, struct buf *out)
{
    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
        size--;
    for (size_t i = 0; i < size; i++) {
        const char *equals = memchr(line + i, '=', size - i);
        size_t plain = equals ? (size_t)(equals - line) - i : size - i;
        buf_add(out, line + i, plain);
        i += plain;
        if (i == size)
            return false;
        if (i + 1 == size)
            return true;
        int high = hex_value(line[i + 1]), low = i + 2 < size ? hex_value(line[i + 2]) : -1;
        if (high < 0 || low < 0) {
            buf_add_char(out, '=');
            continue;
        }
        buf_add_char(out, (char)(high << 4 | low));
        i += 2;
    }
    return false;
}

static void quoted_undo(const char *bytes, size_t size, struct buf *out)
{
    for (size_t at = 0; at < size && !out->full;) {
        const char *newline = memchr(bytes + at, '\n', size - at);
        size_t next = newline ? (size_t)(newline - bytes) + 1 : size;
        size_t stop = newline ? next - 1 : next;
        bool has_return = newline && stop > at && bytes[stop - 1] == '\r';
        if (!quoted_line_undo(bytes + at, stop - at - has_return, out) && newline)
            buf_add_text(out, has_return ? "\r\n" : "\n");
        at = next;
    }
}

/* The lines between "begin 644 name" and "end"; each begins with its length. */
static void uu_undo(const char *bytes, size_t size, struct buf *out)
{
    bool is_begun = false;
    for (size_t at = 0, next; at < size && !out->full; at = next) {
        const char *line = bytes + at, *newline = memchr(line, '\n', size - at);
        next = newline ? (size_t)(newline - bytes) + 1 : size;
        size_t left = next - at;
        if (!is_begun) {
            is_begun = left > 6 && memcmp(line, "begin ", 6) == 0;
            continue;
        }
        if (left >= 3 && memcmp(line, "end", 3) == 0)
            return;
        size_t count = ((unsigned char)line[0] - ' ') & 63;
        for (size_t i = 1; count > 0 && i + 4 <= left; i += 4) {
            unsigned bits = 0;
            for (size_t k = 0; k < 4; k++)
                bits = bits << 6 | (((unsigned char)line[i + k] - ' ') & 63);
            for (unsigned k = 0; k < 3 && count > 0; k++, count--)
                buf_add_char(out, (char)(bits >> (16 - 8 * k) & 0xff));
        }
    }
}

static bool is_uu(const char *encoding)
{
    return str_equal(encoding, "x-uuencode") || str_equal(encoding, "uuencode") || str_equal(encoding, "x-uue");
}

bool mime_body(const struct mime *mime, const struct mime_part *part, struct buf *out)
{
    const char *bytes = mime->bytes + part->body_at;
    if (str_equal(part->encoding, "base64"))
        base64_undo(bytes, part->body_size, out);
    else if (str_equal(part->encoding, "quoted-printable"))
        quoted_undo(bytes, part->body_size, out);
    else if (is_uu(part->encoding))
        uu_undo(bytes, part->body_size, out);
    else
        buf_add(out, bytes, part->body_size);
    return !out->full;
}

/* A name that iconv may be given: no path, no "//" suffix. ISO-2022-CN-EXT is left out: its converter overflowed (CVE-2024-2961). */
static bool is_charset_name(const char *name)
{
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");
    return size > 0 && size < 40 && name[size] == '\0' && strncasecmp(name, "ISO-2022-CN", 11) != 0;
}

/* The superset that mailers mean (as browsers read them), or iconv's own name. */
static const char *iconv_name(const char *charset)
{
    static const char *const known[][2] = {
        {"iso-8859-1", "windows-1252"},
        {"latin1", "windows-1252"},
        {"gb2312", "gb18030"},
        {"gbk", "gb18030"},
        {"iso-8859-9", "windows-1254"},
        {"ks_c_5601-1987", "cp949"},
        {"euc-kr", "cp949"},
        {"shift_jis", "cp932"},
        {"x-sjis", "cp932"},
        {"iso-2022-jp", "iso-2022-jp-3"},
        {"x-gbk", "gb18030"},
        {"unicode-1-1-utf-7", "utf-7"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcasecmp(charset, known[i][0]) == 0)
            return known[i][1];
    return g_mime_charset_iconv_name(charset);
}

/* What is left once the charset proved wrong: ASCII stays. */
static void add_ascii(const char *bytes, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size && !out->full; i++)
        if ((unsigned char)bytes[i] < 0x80)
            buf_add_char(out, bytes[i]);
        else
            buf_add_text(out, REPLACEMENT);
}

static void convert(iconv_t converter, const char *bytes, size_t size, struct buf *out)
{
    enum { ERRORS_MAX = 20000 };
    char *in = (char *)bytes;
    for (unsigned errors = 0; size > 0 && !out->full;) {
        char piece[4096];
        char *to = piece;
        size_t room = sizeof piece;
        size_t done = iconv(converter, &in, &size, &to, &room);
        int why = errno;
        buf_add(out, piece, (size_t)(to - piece));
        if (done != (size_t)-1 || why == E2BIG)
            continue;
        buf_add_text(out, REPLACEMENT);
        if (why == EINVAL)
            return;
        in++;
        size--;
        if (++errors == ERRORS_MAX) {
            add_ascii(in, size, out);
            return;
        }
    }
}

static void add_utf8(const char *bytes, size_t size, struct buf *out)
{
    for (size_t bad; size > 0 && !out->full;) {
        if (str_is_utf8(bytes, size, &bad)) {
            buf_add(out, bytes, size);
            return;
        }
        buf_add(out, bytes, bad);
        buf_add_text(out, REPLACEMENT);
        bytes += bad + 1;
        size -= bad + 1;
    }
}

static bool is_high(char c)
{
    return (unsigned char)c >= 0x80;
}

/* Whether the bytes look like UTF-8 whatever they are called: well-formed, and not just ASCII. Text in an 8-bit charset hardly ever is. */
static bool is_surely_utf8(const char *bytes, size_t size)
{
    bool has_high = false;
    for (size_t i = 0; !has_high && i < size; i++)
        has_high = is_high(bytes[i]);
    return has_high && str_is_utf8(bytes, size, NULL);
}

/* Whether there are bytes beyond ASCII, more than a slip, and none is part of a character in UTF-8. */
static bool is_surely_not_utf8(const char *bytes, size_t size)
{
    enum { SLIPS_MAX = 2 };
    size_t high = 0;
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        uint32_t code_point;
        if (!is_high(*at)) {
            at++;
            continue;
        }
        high++;
        size_t length = str_next_code_point(at, end, &code_point);
        if (length > 1)
            return false;
        at++;
    }
    return high > SLIPS_MAX;
}

static bool is_one_of(const char *charset, const char *const *names)
{
    for (; charset && *names; names++)
        if (strcasecmp(charset, *names) == 0)
            return true;
    return false;
}

/* The charset to read it in: as claimed, unless the bytes plainly are something else; NULL where nothing usable is claimed. */
static const char *real_charset(const char *charset, const char *bytes, size_t size)
{
    static const char *const utf8[] = {"utf-8", "utf8", NULL};
    static const char *const western[] = {"us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252", "cp1252", NULL};
    if (!charset || !is_charset_name(charset))
        return NULL;
    if (is_one_of(charset, utf8))
        return is_surely_not_utf8(bytes, size) ? "windows-1252" : "utf-8";
    if (is_one_of(charset, western))
        return is_surely_utf8(bytes, size)                                                 ? "utf-8"
               : strcasecmp(charset, "us-ascii") == 0 || strcasecmp(charset, "ascii") == 0 ? NULL
                                                                                           : charset;
    return charset;
}

static void to_utf8(const char *claimed, const char *bytes, size_t size, struct buf *out)
{
    const char *charset = real_charset(claimed, bytes, size);
    if (str_equal(charset, "utf-8")) {
        add_utf8(bytes, size, out);
        return;
    }
    iconv_t converter = charset ? iconv_open("UTF-8", iconv_name(charset)) : (iconv_t)-1;
    if (converter == (iconv_t)-1) {
        if (str_is_utf8(bytes, size, NULL)) {
            buf_add(out, bytes, size);
            return;
        }
        converter = iconv_open("UTF-8", "WINDOWS-1252");
    }
    if (converter == (iconv_t)-1) {
        add_utf8(bytes, size, out);
        return;
    }
    convert(converter, bytes, size, out);
    iconv_close(converter);
}

/* CRLF and lone CR become LF, NUL becomes U+FFFD (PostgreSQL's text holds none). */
static void add_lines(const char *bytes, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size && !out->full; i++) {
        if (bytes[i] == '\0')
            buf_add_text(out, REPLACEMENT);
        else if (bytes[i] != '\r')
            buf_add_char(out, bytes[i]);
        else if (i + 1 == size || bytes[i + 1] != '\n')
            buf_add_char(out, '\n');
    }
}

bool mime_text(const char *charset, const char *bytes, size_t size, struct buf *out)
{
    struct buf text, again;
    buf_init(&text, 4 * size + 16);
    to_utf8(charset, bytes, size, &text);
    /* A converter's output is trusted by nobody. */
    buf_init(&again, text.size * 3 + 16);
    add_utf8(buf_text(&text), text.size, &again);
    add_lines(buf_text(&again), again.size, out);
    buf_clear(&again);
    buf_clear(&text);
    return !out->full;
}

/* What an HTML text says of its own charset, as browsers look for it; NULL where it says nothing. */
static const char *html_charset(struct arena *arena, const struct buf *body)
{
    enum { LOOK_AT = 2048 };
    char *start = arena_strndup(arena, buf_text(body), body->size < LOOK_AT ? body->size : LOOK_AT);
    const char *found = strcasestr(start, "charset=");
    if (!found)
        return NULL;
    found += strlen("charset=");
    found += strspn(found, "\"' ");
    return arena_strndup(arena, found, strcspn(found, "\"'; >/"));
}

bool mime_body_text(const struct mime *mime, const struct mime_part *part, struct buf *out)
{
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(mime, part, &body);
    const char *charset = part->charset;
    if (!charset && str_equal(part->type, "text/html"))
        charset = html_charset(mime->arena, &body);
    mime_text(charset, buf_text(&body), body.size, out);
    buf_clear(&body);
    return !out->full;
}
