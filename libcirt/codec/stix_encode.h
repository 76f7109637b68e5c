/* codec/stix_encode.h - a report as a STIX 2.1 bundle. */
#ifndef CIRT_CODEC_STIX_ENCODE_H
#define CIRT_CODEC_STIX_ENCODE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/report.h"

/* Adds the bundle: who wrote it, a report, its observations as observed-data, indicators and vulnerabilities, and the TLP objects they are
 * marked with. The same report is always written the same, with the same ids. ERR_INPUT where it has no time; ERR_LIMIT where the buffer
 * is full. */
bool stix_encode(const struct report *report, struct buf *out, struct err *err) MUST_CHECK;

#endif
