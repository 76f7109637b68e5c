/*
 * cirtd/places.h - where an address is and whose, out of MaxMind DB files on this machine. Nothing is asked for outside: the files are
 * mapped, and a look-up is a walk through one.
 */
#ifndef CIRT_CIRTD_PLACES_H
#define CIRT_CIRTD_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct places;
enum { PLACES_MAX = 8 };

struct place {
    const char *country; /* ISO 3166 alpha-2, or NULL */
    int64_t asn;         /* 0 where the file does not say */
    const char *name;    /* of the autonomous system, or NULL */
    const char *network; /* that the file has the address in, or NULL where that is all addresses */
    const char *source;  /* the file's kind, "GeoLite2-ASN"; with its name where another is of that kind */
    int64_t built;       /* of the file, microseconds */
};

/* paths is NULL-terminated; the first PLACES_MAX count. A file that cannot be opened is logged and left out, as the desk is worth more than
 * its maps, and so is one that is cut or half written later: each look-up asks whether the file has changed, and takes a newer one. */
struct places *places_new(const char *const *paths);
void places_free(struct places *places); /* NULL is fine */

/* What the files say about an address or network (its first address), one each that knows it; strings in the arena. Returns how many. */
size_t places_find(struct places *places, struct arena *arena, const char *address, struct place out[PLACES_MAX]);

/* The file at place i as it is now, for whoever watches: its path, and why it is left out (a static text; NULL where it is read). False
 * behind the last. */
bool places_check(struct places *places, size_t i, const char **path, const char **fault);

#endif
