/* codec/stix_marking.h - TLP (1.0 and 2.0) and PAP as STIX marks objects with them. */
#ifndef CIRT_CODEC_STIX_MARKING_H
#define CIRT_CODEC_STIX_MARKING_H

#include <jansson.h>

#include "codec/stix_object.h"
#include "model/tlp.h"

/* Reads each marking-definition of the document once: thousands of objects may refer to a long one. Before those below. */
void stix_marking_read(struct stix_document *document);

/* The strictest label on the object or on any part of it (granular markings): by the fixed ids of TLP, or by a marking-definition of the
 * document. A policy in which there is no label is amber+strict, and so is what refers to nothing but markings that are not in the
 * document. TLP_NONE where it has none, or plain statements only: then it is as whoever sent it agreed with us. */
enum tlp stix_marking_label(const struct stix_document *document, const json_t *object);

/* The strictest PAP among its labels and markings; TLP_NONE for none. */
enum tlp stix_marking_pap(const struct stix_document *document, const json_t *object);

/* True for one of the TLP objects everybody has: it need not be kept. */
bool stix_marking_is_fixed(const char *id);

/* "PAP:AMBER". NULL for TLP_NONE. */
const char *stix_marking_pap_text(enum tlp pap);

/* The id of the TLP 2.0 object; NULL for TLP_NONE. */
const char *stix_marking_id(enum tlp label);

/* The TLP 2.0 object itself, the caller's. */
json_t *stix_marking_object(enum tlp label);

#endif
