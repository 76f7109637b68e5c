/*
 * cirtd/stages/fetch_trail.h - whether the pages of a TAXII collection lead anywhere. A server may send a client round in circles, or on
 * and on past pages without anything new; a run that is as long as it is honest must be let through. So of a run only one page is kept,
 * moved on at the 1st, 2nd, 4th, 8th ... that brings something (Brent's cycle detection): a circle of n pages is found after at most 3n.
 */
#ifndef CIRT_CIRTD_STAGES_FETCH_TRAIL_H
#define CIRT_CIRTD_STAGES_FETCH_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many pages in a row may bring nothing new. */
enum { FETCH_TRAIL_IDLE_MAX = 10, FETCH_TRAIL_MARK_SIZE = 8 };

/* All zero: no page has come. Kept in the database between pages, as it is. */
struct fetch_trail {
    uint32_t pages, idle; /* of this run: those with something new, and how many without are the last */
    unsigned char next[FETCH_TRAIL_MARK_SIZE], objects[FETCH_TRAIL_MARK_SIZE]; /* of the page that is kept: SHA-256, cut */
};

enum fetch_trail_verdict { FETCH_TRAIL_ON, FETCH_TRAIL_CIRCLE, FETCH_TRAIL_IDLE };

/* After each page of a run. next: what leads on from it, or NULL. objects (size bytes): what is the same for two pages only where their
 * objects are. is_idle: it had none, or only such as the page before. */
enum fetch_trail_verdict fetch_trail_step(struct fetch_trail *trail, const char *next, const void *objects, size_t size, bool is_idle);

#endif
