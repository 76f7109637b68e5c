/* codec/misp_encode.h - a report as an event of the MISP core format. */
#ifndef CIRT_CODEC_MISP_ENCODE_H
#define CIRT_CODEC_MISP_ENCODE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/report.h"

/*
 * Adds {"Event": {...}}, valid by the strict schema of PyMISP, with one attribute a value and no objects, which that schema does not have;
 * misp_own.h says what stands in tags of our own. ERR_INPUT where the report has no time, since an event must have one; an event without a
 * label is written as amber. Tags that are local, here or in extra, are left out. Writes all else it is given: what may go to that
 * peer is decided before. ERR_LIMIT where out is full.
 */
extern const struct codec_pieces misp_pieces;
/* The same in one. */
bool misp_encode(const struct report *report, struct buf *out, struct err *err);

#endif
