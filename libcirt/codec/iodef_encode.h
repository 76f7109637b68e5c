/* codec/iodef_encode.h - a report as an IODEF v2 document for peers. */
#ifndef CIRT_CODEC_IODEF_ENCODE_H
#define CIRT_CODEC_IODEF_ENCODE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/report.h"

/*
 * Adds one document with one Incident, valid by the schema of RFC 7970. report->reference and reference_issuer become the IncidentID
 * and time the GenerationTime: ERR_INPUT where one is missing, since IODEF has no document without them. Writes all it is given:
 * what may go to that peer is decided before. ERR_LIMIT where out is full.
 */
extern const struct codec_pieces iodef_pieces;
/* The same in one. */
bool iodef_encode(const struct report *report, struct buf *out, struct err *err);

/* One with only the observations of piece, numbered from `number` on where 0 is the first: for who writes the document in another form. */
bool iodef_encode_piece(const struct report *head, const struct report *piece, size_t number, struct buf *out, struct err *err) MUST_CHECK;

#endif
