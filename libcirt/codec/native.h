/*
 * codec/native.h - reads the native report from a JSON value: what json.c and ndjson.c share. Names: docs/FORMATS.md, checked against
 * docs/report.schema.json.
 */
#ifndef CIRT_CODEC_NATIVE_H
#define CIRT_CODEC_NATIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/report.h"

/* One JSON text into a report of that format name. ERR_INPUT with a JSON pointer (or line and column) in at, or ERR_LIMIT. */
bool native_decode(const char *bytes, size_t size, const char *format, const struct codec_limits *limits, struct report **out,
                   struct err *err) MUST_CHECK;

/*
 * Takes out of an object that another format kept as extra, of an observation or of a report, what would be read as a member of ours: n6's
 * `source` is a text. NULL is fine.
 */
void native_drop_members(json_t *extra, bool of_observation);

/* How many of the first bytes' blanks (and a byte order mark) stand before the document. */
size_t native_skip_blanks(const char *bytes, size_t size);

#endif
