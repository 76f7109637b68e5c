/* codec/schemeless.h - what is called a URL and has no scheme. */
#ifndef CIRT_CODEC_SCHEMELESS_H
#define CIRT_CODEC_SCHEMELESS_H

#include <stdbool.h>

#include "model/report.h"

/*
 * "198.51.100.7:8080/x", "www.a.example/x": which URL it would be, nobody said, so the text stays one, and its host is a value beside it,
 * added after it; but that is not what was marked, since others' pages may be there, too. False, and nothing added, where there is no host
 * with a port or path.
 */
bool schemeless_add(struct report *report, struct observation *observation, enum sighting_role role, const char *text);

#endif
