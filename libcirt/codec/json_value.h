/* codec/json_value.h - what the JSON formats share: strict parsing, places as JSON pointers (RFC 6901), a deterministic writer. */
#ifndef CIRT_CODEC_JSON_VALUE_H
#define CIRT_CODEC_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/codec.h"

/* Where a value stands. A chain on the stack, turned into text only when there is something to complain about. */
struct json_place {
    const struct json_place *up; /* NULL: the document itself */
    const char *name;            /* of a member; NULL: an element of an array */
    size_t index;
};

/* What the tree of a document may take in memory, reckoned before it is built; some 57,000 observations of the usual kind. */
enum { JSON_VALUE_TREE_MAX = 128 * 1024 * 1024 };

/* Whether it begins as an object or array in UTF-16 does, which RFC 8259 no longer allows. */
bool json_value_is_utf16(const char *bytes, size_t size);

/* Parses one JSON text (RFC 8259), a byte order mark before it allowed. *out is the caller's (json_decref). ERR_INPUT with
 * at "line 3, column 14" for wrong syntax, duplicate keys, wrong UTF-8, lone surrogates and NUL; ERR_LIMIT beyond
 * limits->document_bytes_max, depth_max or JSON_VALUE_TREE_MAX. */
bool json_value_parse(const char *bytes, size_t size, const struct codec_limits *limits, json_t **out, struct err *err) MUST_CHECK;
/* Empties the place of an array: what was read out of a large document makes room for what it became. */
void json_value_drop(const json_t *array, size_t index);

/* Sets ERR_INPUT (or another code) at the place's pointer ("/" for the document itself); returns false. */
bool json_value_fail(const struct json_place *place, enum err_code code, struct err *err, const char *format, ...) PRINTF_LIKE(4, 5);

/* A string copied into the arena; null is NULL. ERR_INPUT for anything else. */
bool json_value_text(const json_t *value, const struct json_place *place, struct arena *arena, const char **out,
                     struct err *err) MUST_CHECK;

/* An integer, or a string that is a decimal number, within min..max. */
bool json_value_number(const json_t *value, const struct json_place *place, int64_t min, int64_t max, int64_t *out,
                       struct err *err) MUST_CHECK;

/* Adds the value as compact JSON: members in their order, numbers with the fewest digits that give the same value back. False where
 * the buffer is full. */
bool json_value_write(const json_t *value, struct buf *out);
/* The members of an object, joined by commas, without its braces: for one that is written piece by piece. */
bool json_value_write_members(const json_t *object, struct buf *out);

/* Adds to `object` the members of `more` it lacks; goes into objects that both have. */
void json_value_merge_missing(json_t *object, json_t *more);

#endif
