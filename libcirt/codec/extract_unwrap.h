/* codec/extract_unwrap.h - the link that a mail gateway hid behind its own: what somebody reports passed such gateways more often than not.
 */
#ifndef CIRT_CODEC_EXTRACT_UNWRAP_H
#define CIRT_CODEC_EXTRACT_UNWRAP_H

#include "base/mem.h"

/* The URL within that of Microsoft's Safe Links, Proofpoint's URL Defense (v1 to v3), Barracuda's, Cisco's or Symantec's; NULL where it is
 * none of these, or hides the other by more than writing it otherwise. In the arena. */
char *extract_unwrap(struct arena *arena, const char *url);

#endif
