/* codec/iodef_encode.h - a report as an IODEF v2 document for peers. */
#ifndef CIRT_CODEC_IODEF_ENCODE_H
#define CIRT_CODEC_IODEF_ENCODE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/report.h"

/*
 * Adds one document with one Incident, valid by the schema of RFC 7970. report->reference and reference_issuer become the IncidentID
 * and time the GenerationTime: ERR_INPUT where one is missing, since IODEF has no document without them. Writes all it is given:
 * what may go to that peer is decided before. ERR_LIMIT where out is full.
 */
bool iodef_encode(const struct report *report, struct buf *out, struct err *err);

#endif
