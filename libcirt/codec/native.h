/*
 * codec/native.h - the native report as a JSON value: what json.c and ndjson.c share. Names: docs/FORMATS.md, checked against
 * docs/report.schema.json.
 */
#ifndef CIRT_CODEC_NATIVE_H
#define CIRT_CODEC_NATIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/report.h"

/* One JSON text into a report of that format name. ERR_INPUT with a JSON pointer (or line and column) in at, or ERR_LIMIT. */
bool native_decode(const char *bytes, size_t size, const char *format, const struct codec_limits *limits, struct report **out,
                   struct err *err) MUST_CHECK;

/* One line of JSON. */
extern const struct codec_pieces native_pieces;
/* The same in one. ERR_LIMIT where the buffer is full. */
bool native_encode(const struct report *report, struct buf *out, struct err *err) MUST_CHECK;

/* How many of the first bytes' blanks (and a byte order mark) stand before the document. */
size_t native_skip_blanks(const char *bytes, size_t size);

#endif
