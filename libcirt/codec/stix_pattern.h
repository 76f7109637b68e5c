/*
 * codec/stix_pattern.h - STIX patterns (STIX 2.1 part 9; 2.0 part 5 is the same but for details) taken apart into their comparisons.
 * Pure: text to plain data; what a comparison means is the caller's.
 */
#ifndef CIRT_CODEC_STIX_PATTERN_H
#define CIRT_CODEC_STIX_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum stix_pattern_operator {
    STIX_PATTERN_EQUAL,
    STIX_PATTERN_IN,
    STIX_PATTERN_LIKE,
    STIX_PATTERN_MATCHES,
    STIX_PATTERN_SUBSET,
    STIX_PATTERN_SUPERSET,
    STIX_PATTERN_ORDER, /* < <= > >= */
    STIX_PATTERN_EXISTS
};

struct stix_pattern_comparison {
    const char *object_type; /* "file" */
    const char *path;        /* "hashes.SHA-256", "resolves_to_refs[*].value": without the quotes */
    enum stix_pattern_operator operator;
    bool is_negated; /* NOT, != */
    /* It alone makes the pattern match, or is the digest of the file or certificate that the pattern describes. Members of AND and
     * FOLLOWEDBY, and what must be seen several times, are not: each alone is not what was meant. */
    bool is_alone;
    /* A member of AND that says more of the value of another, and does not count as a member: what type an address is of, its port, MISP's
     * parts of a URL. */
    bool is_detail;
    const char *text;          /* the comparison as it is written, not NUL-terminated */
    size_t text_size;          /* in bytes */
    const char *const *values; /* strings without their quotes and escapes, numbers and the like as written; NULL for h'..' and b'..' */
    size_t value_count;
};

struct stix_pattern {
    struct stix_pattern_comparison *comparisons; /* in order */
    size_t comparison_count;
    bool has_qualifiers; /* START STOP, WITHIN, REPEATS */
};

/* Everything in *out is the arena's, but comparison.text, which points into text. ERR_INPUT with at "character 12" (from 1) where the
 * text is no pattern; ERR_LIMIT where it is nested too deep. Takes time in proportion to the text. */
bool stix_pattern_parse(struct arena *arena, const char *text, struct stix_pattern *out, struct err *err) MUST_CHECK;

/* Adds the value as a string constant: quoted, with \ and ' escaped. */
void stix_pattern_add_constant(struct buf *out, const char *value);

#endif
