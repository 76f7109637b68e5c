/* model/observable_domain.h - the normal forms of domain names and mail addresses. */
#ifndef CIRT_MODEL_OBSERVABLE_DOMAIN_H
#define CIRT_MODEL_OBSERVABLE_DOMAIN_H

#include "base/mem.h"

/* A-labels by UTS #46 non-transitional, as browsers do (full-width letters and dots become plain ones; symbols are let through but in the
 * last label); text itself where it is ASCII. NULL where no mapping exists. */
const char *observable_domain_ascii(struct arena *arena, const char *text);

/* As above, in lower case, no dot at the end, two labels at least. NULL where it is none. */
const char *observable_domain(struct arena *arena, const char *text);

/* As above, but none with symbols or with a hyphen at a label's edge: for prose, where those are more often something else. */
const char *observable_domain_strict(struct arena *arena, const char *text);

/* The part behind "@" as a domain; before it as it came, since only its owner knows what is the same there (RFC 5321, 2.4); quoted
 * only where it must be. Also of "mailto:..." and "Name <...>". */
const char *observable_domain_email(struct arena *arena, const char *text);

#endif
