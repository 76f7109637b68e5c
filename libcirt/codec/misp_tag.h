/* codec/misp_tag.h - what MISP says in tags (machine tags, namespace:predicate="value") and in "distribution". */
#ifndef CIRT_CODEC_MISP_TAG_H
#define CIRT_CODEC_MISP_TAG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"
#include "model/tlp.h"

/* The namespace of the tags in which our own exports say what MISP has no member for: cirt:role="victim". */
#define MISP_TAG_OWN "cirt:"

/*
 * The label of an event, object or attribute: the strictest of what is around it, its tlp: tags (local ones count too) and its
 * distribution. Both bind, so the stricter wins:
 *   0 own organisation, 4 sharing group: amber+strict | 1 this community: amber | 2 connected communities: green |
 *   3 all: no limit of its own, so green where there is no tag, since "all communities" is not the public | 5, absent: inherited
 * A tlp: tag or a distribution that we do not know is amber+strict.
 */
enum tlp misp_tag_label(const json_t *owner, enum tlp around);

/* The strictest of pap and the PAP: tags. */
enum tlp misp_tag_pap(const json_t *owner, enum tlp pap);

/* The tag that names a class, and the class: rsit: first, then other taxonomies of incidents, then a plain word. A tag for tests is
 * never one: what a document says about itself marks nothing. Both NULL where there is none. */
void misp_tag_class(const json_t *owner, struct arena *arena, const char **claim, const char **name);

/* 0..100 from misp:confidence-level, admiralty-scale (on the scale of STIX 2.1, appendix A); -1 where there is none. */
int misp_tag_confidence(const json_t *owner);

/* The value of our own tag cirt:NAME="value"; NULL where there is none. */
const char *misp_tag_own(const json_t *owner, const char *name, struct arena *arena);

/* The same as a whole number within min..max; false where there is none. */
bool misp_tag_own_number(const json_t *owner, const char *name, int64_t min, int64_t max, int64_t *number);

#endif
