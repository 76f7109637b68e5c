/* codec/stix.h - STIX 2.1 (OASIS) in and out, 2.0 in: what its files share. What becomes what: docs/FORMATS.md. */
#ifndef CIRT_CODEC_STIX_H
#define CIRT_CODEC_STIX_H

#include "codec/codec.h"

extern const struct codec stix_codec;

/* Our own extension (STIX 2.1 section 7.3): what a report says and STIX has no property for. As a property extension it stands in reports,
 * observed-data, indicators and vulnerabilities; as a new observable it is x-cirt-observable, with one property named as the type. */
#define STIX_EXTENSION_ID "extension-definition--7a7c1f52-9d2e-4b8c-a4c0-6f2b9e1d5c30"
#define STIX_AUTHOR_ID    "identity--3d1a7b0e-52c9-4f6d-8e14-b7a90c2f6d81" /* of the extension */
/* `created` of what has the same id in each document, since it must never change (STIX 2.1, 3.6). */
#define STIX_LONG_AGO "2026-01-01T00:00:00.000Z"
#define STIX_OWN_TYPE "x-cirt-observable"

#endif
