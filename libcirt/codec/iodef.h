/*
 * codec/iodef.h - IODEF in XML: v2 (RFC 7970), and v1 (RFC 5070) on import. docs/FORMATS.md section IODEF says what becomes what, and what
 * a round trip loses.
 */
#ifndef CIRT_CODEC_IODEF_H
#define CIRT_CODEC_IODEF_H

#include "codec/codec.h"
#include "codec/xml.h"

#define IODEF_SPACE      "urn:ietf:params:xml:ns:iodef-2.0"
#define IODEF_SPACE_V1   "urn:ietf:params:xml:ns:iodef-1.0"
#define IODEF_ENUM_SPACE "urn:ietf:params:xml:ns:iodef-enum-1.0" /* RFC 7495 */
#define IODEF_DSIG_SPACE "http://www.w3.org/2000/09/xmldsig#"
#define IODEF_SCI_SPACE  "urn:ietf:params:xml:ns:iodef-sci-1.0" /* RFC 7203 */

/* Stands before the place in errors of the content. */
#define IODEF_NAME "IODEF"
/* AdditionalData of our own carries this formatid, so that other teams' members of the same name stay what they are. */
#define IODEF_FORMAT_ID "cirt"

extern const struct codec iodef_codec;

/* Decodes an IODEF-Document element inside a larger document (RID). format is what report->format shall say. The tree's is_used
 * marks change; the report keeps nothing of it. Places in errors are those of the larger document. */
bool iodef_decode_element(struct xml_element *document, const char *format, const struct codec_limits *limits, struct report **out,
                          struct err *err) MUST_CHECK;

#endif
