/* base/str.h - text: comparison, UTF-8, numbers, and making outside text harmless. */
#ifndef CIRT_BASE_STR_H
#define CIRT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

bool str_equal(const char *a, const char *b);          /* NULL equals only NULL */
bool str_equal_nocase(const char *a, const char *b);   /* ASCII only */
bool str_starts(const char *text, const char *prefix); /* no NULL starts or ends with anything */
bool str_starts_nocase(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
bool str_ends_nocase(const char *text, const char *suffix);
void str_lower(char *text);          /* ASCII, in place */
bool str_is_empty(const char *text); /* NULL, "" or only blanks */

/* Whole text as a decimal number within min..max; false, *value untouched, where it is anything else. */
bool str_to_int64(const char *text, int64_t min, int64_t max, int64_t *value) MUST_CHECK;

/* How many edits (insert, delete, replace, swap) lead from a to b; for "did you mean". */
unsigned str_distance(const char *a, const char *b);

/* True where all bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF) and none is NUL.
 * Otherwise *bad_at is the offset of the first wrong byte. bad_at may be NULL. */
bool str_is_utf8(const char *bytes, size_t size, size_t *bad_at);

/* One code point of well-formed UTF-8 at text; returns its length in bytes (0 at the end). A wrong byte gives U+FFFD, length 1. */
size_t str_next_code_point(const char *text, const char *end, uint32_t *code_point);

/* Columns the text takes in a terminal (0 for combining, 2 for wide). */
unsigned str_columns(const char *text);

/* Adds text for a terminal or a log line: control characters (ESC, C1, newlines unless keep_newlines, which makes line feeds of CRLF, too),
 * bidi overrides and wrong UTF-8 become U+FFFD or \n-like escapes, so that nothing outside can move the cursor or reorder a line. */
bool str_add_harmless(struct buf *buf, const char *text, bool keep_newlines);

/* Adds a JSON string with its quotes. */
bool str_add_json(struct buf *buf, const char *text);

/* Adds JSON text as it is, but for the characters that str_add_harmless() would not let through to a terminal: inside JSON strings, the
 * only place where they can stand, they become \uXXXX. The value stays the same to the byte. */
bool str_add_json_harmless(struct buf *buf, const char *json);

/* Lower-case hexadecimal of size bytes into out (2*size+1 bytes). */
void str_hex(const unsigned char *bytes, size_t size, char *out);
bool str_from_hex(const char *hex, unsigned char *bytes, size_t size) MUST_CHECK; /* exactly 2*size digits */

#endif
