/* codec/stix_encode.h - a report as a STIX 2.1 bundle. */
#ifndef CIRT_CODEC_STIX_ENCODE_H
#define CIRT_CODEC_STIX_ENCODE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/report.h"

/* Adds the bundle: who wrote it, a report, its observations as observed-data, indicators and vulnerabilities, and the TLP objects they are
 * marked with. The same report is always written the same, with the same ids. ERR_INPUT where it has no time; ERR_LIMIT where the buffer
 * is full. */
/* A value that stands in several pieces is an object in each, under the label that it has there: who writes a value twice under two labels
 * writes one piece. */
extern const struct codec_pieces stix_pieces;
/* The same in one. */
bool stix_encode(const struct report *report, struct buf *out, struct err *err) MUST_CHECK;

#endif
