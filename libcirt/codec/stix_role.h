/* codec/stix_role.h - whom network traffic went to: dst_ref is a victim of attacks, but of what has caught something it is who gives the
 * orders. */
#ifndef CIRT_CODEC_STIX_ROLE_H
#define CIRT_CODEC_STIX_ROLE_H

#include "codec/stix_read.h"

/*
 * The target of traffic becomes infrastructure where the document says so: by an indicator for that value, by the class (infected-system,
 * c2-server), or by the sighting of malware, of infrastructure, or of an indicator of the document that does not find the source instead.
 * All statements must have been read; what our own extension says of roles stays.
 */
void stix_role_settle(struct stix_reader *reader);

#endif
