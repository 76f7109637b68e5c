/* codec/xml_text.h - bytes of a document into UTF-8, and a first look at them before a parser does. */
#ifndef CIRT_CODEC_XML_TEXT_H
#define CIRT_CODEC_XML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Adds the document in UTF-8 without byte order mark. The encoding is what XML 1.0 appendix F and the declaration say; anything but
 * UTF-8, UTF-16, US-ASCII and ISO-8859-1, and any wrong byte, is ERR_INPUT with its line. */
bool xml_text_to_utf8(const char *bytes, size_t size, struct buf *out, struct err *err) MUST_CHECK;

/* Refuses a DOCTYPE (ERR_INPUT) and a start tag with more than attributes_max attributes (ERR_LIMIT; libxml2 compares each with each
 * before it calls back), with the line. Well-formedness is left to the parser. */
bool xml_text_check(const char *text, unsigned attributes_max, struct err *err) MUST_CHECK;

/* Text from the document for a message, at most size - 1 bytes: always UTF-8, without control characters. A character cut in two by
 * the caller's "%.60s" becomes U+FFFD. */
void xml_text_harmless(const char *text, char *out, size_t size);

/* For probes: the start of a document, at most 4 KiB of it in any of these encodings, begins like XML and has the ASCII text in it. */
bool xml_text_mentions(const char *bytes, size_t size, const char *text);

#endif
