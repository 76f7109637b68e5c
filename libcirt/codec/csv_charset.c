#include "codec/csv_charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define NO_CONVERTER ((iconv_t)-1)
#define REPLACEMENT  "\xef\xbf\xbd"

enum { HELD_MAX = 16 }; /* no encoding has longer characters */

struct csv_charset {
    struct csv_stream *rows;
    iconv_t converter; /* NO_CONVERTER: UTF-8 */
    size_t unit;       /* bytes of the encoding that can be skipped alone */
    bool has_begun;
    char held[HELD_MAX]; /* the begin of the document, or of a character */
    size_t held_size;
};

/* iso-8859-1 is what its users mean by it, as in mails. */
static const char *iconv_name(const char *encoding)
{
    bool is_latin1 = str_equal_nocase(encoding, "latin1") || str_equal_nocase(encoding, "iso-8859-1");
    return is_latin1 ? "windows-1252" : encoding;
}

/* No path and no "//" suffix; ISO-2022-CN-EXT is left out as in mails (CVE-2024-2961). */
bool csv_charset_is_known(const char *encoding)
{
    size_t size = strspn(encoding, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    if (size == 0 || size >= 40 || encoding[size] || strncasecmp(encoding, "ISO-2022-CN", 11) == 0)
        return false;
    iconv_t converter = iconv_open("UTF-8", iconv_name(encoding));
    if (converter == NO_CONVERTER)
        return false;
    iconv_close(converter);
    return true;
}

/* UTF-16, UCS-2BE, UTF32, UCS-4, ...: the number in the name tells. */
static size_t unit_of(const char *encoding)
{
    if (strncasecmp(encoding, "UTF", 3) != 0 && strncasecmp(encoding, "UCS", 3) != 0)
        return 1;
    const char *number = encoding + strcspn(encoding, "0123456789");
    return strncmp(number, "32", 2) == 0 || *number == '4' ? 4 : strncmp(number, "16", 2) == 0 || *number == '2' ? 2 : 1;
}

static void open_converter(struct csv_charset *charset, const char *encoding)
{
    charset->converter = iconv_open("UTF-8", iconv_name(encoding));
    charset->unit = unit_of(encoding);
}

struct csv_charset *csv_charset_new(const char *encoding, struct csv_stream *rows)
{
    struct csv_charset *charset = mem_calloc(1, sizeof *charset);
    charset->rows = rows;
    charset->converter = NO_CONVERTER;
    if (encoding && !str_equal_nocase(encoding, "utf-8") && !str_equal_nocase(encoding, "utf8"))
        open_converter(charset, encoding);
    charset->has_begun = charset->converter != NO_CONVERTER;
    return charset;
}

void csv_charset_free(struct csv_charset *charset)
{
    if (!charset)
        return;
    if (charset->converter != NO_CONVERTER)
        iconv_close(charset->converter);
    free(charset);
}

/* Up to the end, or to a character that is cut there. */
static bool convert(struct csv_charset *charset, char **at, size_t *size, struct err *err)
{
    while (*size) {
        char piece[16 * 1024], *to = piece;
        size_t room = sizeof piece;
        size_t done = iconv(charset->converter, at, size, &to, &room);
        int why = errno;
        if (!csv_stream_feed(charset->rows, piece, (size_t)(to - piece), err))
            return false;
        if (done != (size_t)-1 || why == E2BIG)
            continue;
        if (why == EINVAL && *size < HELD_MAX)
            return true;
        if (!csv_stream_feed(charset->rows, REPLACEMENT, strlen(REPLACEMENT), err))
            return false;
        size_t skipped = *size < charset->unit ? *size : charset->unit;
        *at += skipped;
        *size -= skipped;
    }
    return true;
}

static bool feed_converted(struct csv_charset *charset, const char *bytes, size_t size, struct err *err)
{
    char *at = (char *)bytes;
    while (size && charset->held_size) {
        charset->held[charset->held_size++] = *at++;
        size--;
        char *held = charset->held;
        if (!convert(charset, &held, &charset->held_size, err))
            return false;
        memmove(charset->held, held, charset->held_size);
    }
    if (!convert(charset, &at, &size, err))
        return false;
    if (size)
        memcpy(charset->held, at, size);
    charset->held_size = charset->held_size + size;
    return true;
}

static bool feed_on(struct csv_charset *charset, const char *bytes, size_t size, struct err *err)
{
    return charset->converter == NO_CONVERTER ? csv_stream_feed(charset->rows, bytes, size, err)
                                              : feed_converted(charset, bytes, size, err);
}

/* The mark of UTF-16 is nothing that text in UTF-8 begins with. */
static bool is_mark(char first, char second)
{
    return (first == '\xff' && second == '\xfe') || (first == '\xfe' && second == '\xff');
}

size_t csv_charset_look(const char *bytes, size_t size, char *out, size_t out_size)
{
    char *at = (char *)bytes, *to = out;
    size_t room = out_size;
    if (size < 2 || !is_mark(bytes[0], bytes[1])) {
        size_t copied = size < out_size ? size : out_size;
        memcpy(out, bytes, copied);
        return copied;
    }
    iconv_t converter = iconv_open("UTF-8", "UTF-16");
    if (converter == NO_CONVERTER)
        return 0;
    UNUSED(iconv(converter, &at, &size, &to, &room));
    iconv_close(converter);
    return out_size - room;
}

bool csv_charset_feed(struct csv_charset *charset, const char *bytes, size_t size, struct err *err)
{
    if (charset->has_begun || !size)
        return feed_on(charset, bytes, size, err);
    if (!charset->held_size && size == 1) {
        charset->held[charset->held_size++] = *bytes;
        return true;
    }
    char first = charset->held_size ? charset->held[0] : bytes[0], second = bytes[charset->held_size ? 0 : 1];
    size_t begun = charset->held_size;
    charset->has_begun = true;
    charset->held_size = 0;
    if (is_mark(first, second))
        open_converter(charset, "UTF-16");
    return (!begun || feed_on(charset, &first, 1, err)) && feed_on(charset, bytes, size, err);
}

bool csv_charset_finish(struct csv_charset *charset, struct err *err)
{
    char last[64], *to = last;
    size_t room = sizeof last;
    if (charset->converter == NO_CONVERTER)
        return csv_stream_feed(charset->rows, charset->held, charset->held_size, err);
    /* Some encodings keep a character back until they know that none joins it. */
    iconv(charset->converter, NULL, NULL, &to, &room);
    return csv_stream_feed(charset->rows, last, (size_t)(to - last), err) &&
           (!charset->held_size || csv_stream_feed(charset->rows, REPLACEMENT, strlen(REPLACEMENT), err));
}
