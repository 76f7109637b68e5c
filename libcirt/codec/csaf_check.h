/*
 * codec/csaf_check.h - the tests of CSAF 2.0 that a document must pass to be one (section 6.1), as far as they say that it contradicts
 * itself about products: 6.1.1 to 6.1.7, what of 6.1.8 needs no look into vectors, and the profiles of 6.1.27. The others (sorting of
 * revisions, spelling of PURLs, computation of scores) are no reason to lose a warning.
 */
#ifndef CIRT_CODEC_CSAF_CHECK_H
#define CIRT_CODEC_CSAF_CHECK_H

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* root is a JSON object with an object "document". ERR_INPUT at the place of the first fault, or ERR_LIMIT where looking for faults
 * would take too long. */
bool csaf_check(const json_t *root, struct err *err) MUST_CHECK;

#endif
