/* codec/losses.h - a report in a format that cannot say all of it: written all the same, and what it does not say any more. */
#ifndef CIRT_CODEC_LOSSES_H
#define CIRT_CODEC_LOSSES_H

#include <stddef.h>

#include "base/attr.h"
#include "codec/codec.h"

/* How much of each. Of the document's own parts 0 or 1. */
struct losses {
    size_t values, roles, labels, marks, confidences, ends;             /* of sightings */
    size_t reference, class_name, summary, notes, kind, own_label, pap; /* of the document; notes: its description */
};

/* The members by name, for who tells them. */
struct losses_member {
    const char *name; /* "roles" */
    size_t offset;    /* of the size_t in struct losses */
};
extern const struct losses_member losses_members[];
extern const size_t losses_member_count;

/* What after, read from a document of before, does not say any more. Rejections of before count as values. */
void losses_count(const struct report *before, const struct report *after, struct losses *losses);

/* What is lost of another part of the same document: sums, of the document's own parts once. */
void losses_add(struct losses *losses, const struct losses *more);

/* Adds the document, and in *again (the caller's) what a reader has of it. Observations that the format cannot say at all (X-ARF needs a
 * source) go from the report, and their values count as its rejections. Errors as those of encode(). */
bool losses_write(struct report *report, const struct codec *codec, struct buf *out, struct report **again, struct err *err) MUST_CHECK;

#endif
