/* codec/stix_extra.h - what has no place in a report: kept as text of JSON, and carried in our own extension. */
#ifndef CIRT_CODEC_STIX_EXTRA_H
#define CIRT_CODEC_STIX_EXTRA_H

#include <jansson.h>

#include "codec/stix_read.h"

/* Our own extension of the object, or NULL. */
const json_t *stix_extra_extension(const json_t *object);

/* A string of our own extension that is the text of a JSON object, as we wrote it; else NULL. */
const char *stix_extra_own(const struct stix_reader *reader, const json_t *extension);

/* The members of an object of our own that we did not write; NULL for none. The caller's. */
json_t *stix_extra_rest(const json_t *object);

/* As compact text in the arena; NULL for NULL or an empty object. */
const char *stix_extra_text(const json_t *extra, struct arena *arena);

#endif
