/* codec/gather.h - a sink that puts everything a streaming decoder hands out into one report. */
#ifndef CIRT_CODEC_GATHER_H
#define CIRT_CODEC_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/codec.h"
#include "model/report.h"

struct gather {
    size_t observations_max; /* beyond: ERR_LIMIT */
    bool is_lines;           /* exactly one report is wanted; a bad line is an error */
    struct report *report;   /* what came, or NULL; the caller's */
    size_t report_count;
};

/* The sink that fills *gather. */
struct codec_sink gather_sink(struct gather *gather);

/* Copies everything but observations and rejections into a new report; and what a further call may bring, since a streaming decoder brings
 * the same report again and again: the rejections that `to` does not have yet, and a narrower label. */
void gather_head(struct report *to, const struct report *from);
void gather_further(struct report *to, const struct report *from);

/* A copy of the observation at the end of another report. */
void gather_observation(struct report *into, const struct observation *from);

#endif
