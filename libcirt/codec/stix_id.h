/* codec/stix_id.h - ids of STIX objects that follow from what they say. */
#ifndef CIRT_CODEC_STIX_ID_H
#define CIRT_CODEC_STIX_ID_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

enum { STIX_ID_SIZE = 96 };

/* The id of a cyber observable (STIX 2.1 section 2.9): type--UUIDv5 in OASIS' namespace over the canonical JSON (RFC 8785) of what
 * contributes to it. The same value has the same id everywhere. */
void stix_id_observable(char id[STIX_ID_SIZE], const char *type, const json_t *contributing);

/* The id of any other object: type-- and a UUIDv4 whose bits are taken from SHA-256 of the seed instead of chance, so that a document
 * written twice is the same. */
void stix_id_object(char id[STIX_ID_SIZE], const char *type, const void *seed, size_t size);

/* Adds strings, integers, true, false, null, arrays and objects as RFC 8785 wants them: members sorted, nothing escaped without need. */
void stix_id_canonical(const json_t *value, struct buf *out);

#endif
