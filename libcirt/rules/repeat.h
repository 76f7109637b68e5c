/* rules/repeat.h - which observations of a document say the same thing again. */
#ifndef CIRT_RULES_REPEAT_H
#define CIRT_RULES_REPEAT_H

#include <stddef.h>

#include "model/report.h"

/* Remembers up to REPEAT_MAX statements (16 bytes each); beyond, repeats are no longer noticed. */
enum { REPEAT_MAX = 1 << 20 };
struct repeat_set;
struct repeat_set *repeat_set_new(void);
void repeat_set_free(struct repeat_set *set); /* NULL is fine */

/* How many of the report's observations say what one before said: same time, class, ports, protocol, text and sightings. */
size_t repeat_count(struct repeat_set *set, const struct report *report);

#endif
