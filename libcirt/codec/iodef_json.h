/*
 * codec/iodef_json.h - IODEF v2 in JSON (RFC 8727). It is the same model as in XML, so both directions go through the XML codec's tree:
 * what is read becomes the tree of RFC 7970, what is written was that tree. docs/FORMATS.md, section IODEF, says what becomes what.
 */
#ifndef CIRT_CODEC_IODEF_JSON_H
#define CIRT_CODEC_IODEF_JSON_H

#include <jansson.h>

#include "codec/codec.h"
#include "codec/xml.h"

extern const struct codec iodef_json_codec;

/* The document as the tree of an IODEF-Document, wrappers put in again, each element with its JSON pointer. Lives in the arena; the
 * document's lists are emptied on the way (json_value_drop()). Unknown members become attributes or elements of their name, for the decoder
 * to keep. ERR_INPUT or ERR_LIMIT with the pointer. */
bool iodef_json_read(struct arena *arena, const json_t *document, struct xml_element **out, struct err *err) MUST_CHECK;

/* The tree of a document that iodef_encode() wrote, as RFC 8727 wants it. The caller's (json_decref). */
json_t *iodef_json_write(const struct xml_element *document);

#endif
