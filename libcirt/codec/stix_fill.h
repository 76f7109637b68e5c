/* codec/stix_fill.h - what every kind of STIX statement fills into its observation, which is meant by its number in the report. */
#ifndef CIRT_CODEC_STIX_FILL_H
#define CIRT_CODEC_STIX_FILL_H

#include <stdbool.h>

#include "base/attr.h"
#include "codec/stix_read.h"

/* Good until the next observation is added. */
struct observation *stix_fill_at(const struct stix_reader *reader, size_t number);
/* A new one for the object. False with the reader's err set (ERR_LIMIT) where there are too many. */
bool stix_fill_add(struct stix_reader *reader, const struct stix_object *object, size_t *number) MUST_CHECK;

/* Its time, from that member; none where the object has none. */
void stix_fill_time(struct stix_reader *reader, size_t number, const json_t *object, const char *member);
/* For people: the description, else the name. */
void stix_fill_describe(struct stix_reader *reader, size_t number, const json_t *object);
/* On its sightings from `first` on. */
void stix_fill_confidence(struct stix_reader *reader, size_t number, size_t first, const json_t *object);
/* CVE ids among its external references are of what it says. */
void stix_fill_references(struct stix_reader *reader, size_t number, const json_t *object);
/* Class and extra as our own extension has them, and what others put into the object since. */
void stix_fill_own(struct stix_reader *reader, size_t number, const json_t *object, const json_t *extension);
/*
 * The object as it is, under that name; a second one of the name among stix_further. What stands in the observation word for word goes when
 * it is written (stix_statement_finish()).
 */
void stix_fill_keep(struct stix_reader *reader, size_t number, const char *name, const json_t *object);

#endif
