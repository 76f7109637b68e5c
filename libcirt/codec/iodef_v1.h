/* codec/iodef_v1.h - IODEF v1 (RFC 5070) as the v2 tree it means, so that one decoder reads both. Only for import. */
#ifndef CIRT_CODEC_IODEF_V1_H
#define CIRT_CODEC_IODEF_V1_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/xml.h"

/*
 * Changes the tree in place: names, attributes and wrappers become those of RFC 7970; what has no counterpart there stays as it is, for
 * the decoder to keep. New elements live in the arena, which must live as long as the tree is read. ERR_INPUT where there is no ReportTime.
 * A document of v2 may be given, too: what it calls by names that only v1 has is read as these.
 */
bool iodef_v1_upgrade(struct arena *arena, struct xml_element *document, struct err *err) MUST_CHECK;

#endif
