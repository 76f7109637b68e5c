/* codec/csv_charset.h - a CSV that is no UTF-8, made UTF-8 as it comes: from the encoding its mapping names, or UTF-16 with a byte order
 * mark. */
#ifndef CIRT_CODEC_CSV_CHARSET_H
#define CIRT_CODEC_CSV_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "codec/csv_stream.h"

/* Whether a mapping may name it: iconv knows it. */
bool csv_charset_is_known(const char *encoding);

/* The beginning of a document that names no encoding as UTF-8, as far as it fits into out; returns its size. */
size_t csv_charset_look(const char *bytes, size_t size, char *out, size_t out_size);

struct csv_charset;
/* encoding is a known one, or NULL: UTF-8. rows gets the text, and must live as long. */
struct csv_charset *csv_charset_new(const char *encoding, struct csv_stream *rows);
void csv_charset_free(struct csv_charset *charset); /* NULL is fine */

/* What is not of the encoding becomes U+FFFD; where that is UTF-8 the bytes go on as they are. False as csv_stream_feed(). */
bool csv_charset_feed(struct csv_charset *charset, const char *bytes, size_t size, struct err *err) MUST_CHECK;
/* What was held back; csv_stream_finish() comes after. */
bool csv_charset_finish(struct csv_charset *charset, struct err *err) MUST_CHECK;

#endif
