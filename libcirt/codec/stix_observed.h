/* codec/stix_observed.h - observed data and sightings as observations: what was seen, and of what it was a sign. */
#ifndef CIRT_CODEC_STIX_OBSERVED_H
#define CIRT_CODEC_STIX_OBSERVED_H

#include <stdbool.h>

#include "base/attr.h"
#include "codec/stix_read.h"

/* False with the reader's err set at a limit. */
bool stix_observed_read(struct stix_reader *reader, struct stix_object *observed) MUST_CHECK;
/* What was sighted, and where it was seen. Nothing here is for detection: that the indicator itself says. */
bool stix_observed_sighting(struct stix_reader *reader, struct stix_object *sighting) MUST_CHECK;

/* Network traffic and mails are to be read first: they know the roles of what else is listed. map: of STIX 2.0 objects, or NULL. */
bool stix_observed_tells_roles(const struct stix_reader *reader, const json_t *map, const char *id);

#endif
