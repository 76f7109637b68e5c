/*
 * cirtd/stages/fetch_stuck.h - files of a drop folder that could not be opened or moved. They are left out for a while, so that they hold
 * up no other, and what was done with them is remembered, so that it is neither done nor counted again.
 */
#ifndef CIRT_CIRTD_STAGES_FETCH_STUCK_H
#define CIRT_CIRTD_STAGES_FETCH_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/attr.h"

/* A file is the same while its inode, size and time of change are. */
struct fetch_stuck_file {
    char *name;
    struct stat file;
    int64_t until_ms;  /* of timestamp_monotonic_ms(): when it is tried again */
    int64_t report_id; /* which it is stored as; 0: it is not */
    bool is_told;      /* that it was refused */
};

struct fetch_stuck {
    struct fetch_stuck_file *items;
    size_t count, capacity;
};

/* Does the name stand for that file, as it was then? */
bool fetch_stuck_is_at(int dir, const char *name, const struct stat *file);

/* The list's own, till it is changed; NULL: it is not among them. The second: what the name stands for. */
struct fetch_stuck_file *fetch_stuck_find(const struct fetch_stuck *stuck, const struct stat *file);
struct fetch_stuck_file *fetch_stuck_find_at(const struct fetch_stuck *stuck, int dir, const char *name);

/* Adds the file, or changes what is known of it. False: there are too many. */
bool fetch_stuck_set(struct fetch_stuck *stuck, const char *name, const struct stat *file, int64_t report_id, int64_t until_ms) MUST_CHECK;

/* Those that were moved, removed, or replaced by a newer one. */
void fetch_stuck_forget_gone(struct fetch_stuck *stuck, int dir);

void fetch_stuck_clear(struct fetch_stuck *stuck);

#endif
