/*
 * codec/iodef_texts.h - texts in several languages (RFC 7970 section 2.4). A report has one description; where a document says it in more
 * than one language or with translation-ids, the parts stay in `extra` too (under Description), and go out again as they came.
 */
#ifndef CIRT_CODEC_IODEF_TEXTS_H
#define CIRT_CODEC_IODEF_TEXTS_H

#include <stdbool.h>

#include <jansson.h>

#include "codec/xml.h"
#include "codec/xml_write.h"

/* The children Description of the element say which language they are in, and it is not just the document's (or NULL). */
bool iodef_texts_differ(const struct xml_element *element, const char *document_lang);

/* Writes the Description elements: those in extra (of the report where is_incident, else of an observation) when together they are the
 * description, else the description alone. Returns what then is left of extra as JSON text, "" for nothing; the caller's (free). */
char *iodef_texts_write(struct xml_write *writer, const char *description, const char *extra, bool is_incident);

/* Adds to kept, the extra that we wrote once, what reading found beside it; parts of the first Incident are joined. */
void iodef_texts_merge(json_t *kept, json_t *found);

#endif
