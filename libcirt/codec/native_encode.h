/* codec/native_encode.h - a report as native JSON; the names are those that native.h reads. */
#ifndef CIRT_CODEC_NATIVE_ENCODE_H
#define CIRT_CODEC_NATIVE_ENCODE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/report.h"

/* One line of JSON. */
extern const struct codec_pieces native_pieces;
/* The same in one. ERR_LIMIT where the buffer is full. */
bool native_encode(const struct report *report, struct buf *out, struct err *err) MUST_CHECK;

#endif
