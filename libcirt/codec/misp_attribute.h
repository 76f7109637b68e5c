/* codec/misp_attribute.h - the types of MISP's attributes and what they are to us. */
#ifndef CIRT_CODEC_MISP_ATTRIBUTE_H
#define CIRT_CODEC_MISP_ATTRIBUTE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"
#include "codec/json_take.h"
#include "model/report.h"

/*
 * Adds what the attribute in take->object says: a sighting, two of a composite type (filename|sha256), a port. Composite values split at
 * the last "|". On true its "value" is taken out; what says nothing to us (a comment, a link), or is no value of its type, stays
 * whole. In the latter case it is also counted as rejected. to_ids marks the values for detection, but never a victim's: object_name (of
 * the object that the attribute stands in; NULL outside of one) and the category say who that is, too.
 */
bool misp_attribute_read(const struct json_take *take, const char *object_name);

/* *is_set by true, 1, "1" and "true" in any case, and the same of false; what is absent, null or "" is false. False, *is_set untouched, for
 * anything else. */
bool misp_attribute_flag(const json_t *object, const char *name, bool *is_set) MUST_CHECK;

/* The flag of take->object; `otherwise` for what is none, which is counted as rejected. */
bool misp_attribute_read_flag(const struct json_take *take, const char *name, bool otherwise);

/* The type and category that a value of ours is written as; is_own where that says less than we know, so that our own tags must say it. */
struct misp_attribute_type {
    const char *type, *category;
    enum sighting_role role; /* what reading it gives */
    bool is_own;
};
const struct misp_attribute_type *misp_attribute_type(enum observable_type type, enum sighting_role role);

#endif
