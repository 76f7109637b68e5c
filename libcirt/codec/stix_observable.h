/* codec/stix_observable.h - cyber observables and the paths of patterns as our observables, and back. */
#ifndef CIRT_CODEC_STIX_OBSERVABLE_H
#define CIRT_CODEC_STIX_OBSERVABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/attr.h"
#include "codec/stix_pattern.h"
#include "codec/stix_read.h"

/* Where the values of some observables go. */
struct stix_sight {
    struct stix_reader *reader;
    size_t observation;              /* its number in the report, from 0 */
    const struct stix_object *owner; /* the object that a place names */
    const json_t *map;               /* observed-data.objects of 2.0, in which ids are its keys; NULL: the document */
    json_t *taken;                   /* ids seen before, so that nothing is taken twice and circles end; the caller's */
    bool is_repeat;                  /* another statement has told of wrong values before */
    unsigned differing;              /* by stix_observable_differing() */
};

/* Of the network traffic among the references, and in the map: which of ports and protocol are not the same in all of it (bits, in an order
 * of its own). They are nobody's then, and stay in what is kept. */
unsigned stix_observable_differing(const struct stix_sight *sight, const json_t *references);

/* Adds what the observable of that id holds, and those it refers to: network-traffic and mails give roles and ports, all else that role.
 * False with err set at a limit. A value that is none is a rejection. */
bool stix_observable_sight(const struct stix_sight *sight, const char *id, enum sighting_role role) MUST_CHECK;

/* Adds the values of a pattern. Victims and recipients are never indicators; values of members of AND neither. What could not be taken is
 * appended to not_decomposed, as it is written. */
bool stix_observable_pattern(const struct stix_sight *sight, const struct stix_pattern *pattern, bool is_indicator,
                             json_t *not_decomposed) MUST_CHECK;

/* The object type of an observable, "ipv4-addr"; our own for what STIX has none for. */
const char *stix_observable_object_type(const struct sighting *sighting);

/* Its key among hashes, "SHA-256"; NULL for other types. */
const char *stix_observable_hash_key(enum observable_type type);

/* Adds the comparison that finds it: ipv4-addr:value = '192.0.2.1'. */
void stix_observable_write_comparison(struct buf *out, const struct sighting *sighting);

/* The role that stix_observable_pattern() gives to what stix_observable_write_comparison() wrote. */
enum sighting_role stix_observable_pattern_role(enum observable_type type);

#endif
