/* codec/stix_read.h - what the files that read STIX carry along. */
#ifndef CIRT_CODEC_STIX_READ_H
#define CIRT_CODEC_STIX_READ_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "codec/codec.h"
#include "codec/stix_object.h"
#include "model/report.h"

/* What is known of an observation beside itself until the document is read to its end. */
struct stix_statement {
    enum tlp label; /* of the objects it comes from */
    json_t *extra;  /* what has no place in it; NULL for nothing */
    bool is_own;    /* our extension says all about it: nothing is guessed */
};

/* A class as an object names it. */
struct stix_class {
    bool is_known;           /* looked for before */
    const char *word, *name; /* the word that is a class of ours, and that; or NULL */
    const char *first_word;  /* what else might be meant as one */
};

struct stix_reader {
    struct report *report;
    const struct codec_limits *limits;
    struct err *err;
    struct arena *scratch; /* of the pattern at hand */
    struct stix_document document;
    struct stix_statement *statements; /* one an observation; heap */
    size_t statement_capacity;
    struct stix_class *own_class, *full_class; /* by index of the object: by itself, and by what it indicates; heap */
    size_t *observation_of;                    /* by index of the object: number of its observation, from 1; 0 for none; heap */
    size_t *first_link;                        /* by index of the object: its first relationship in links[], from 1; 0 for none; heap */
    struct stix_link {
        const struct stix_object *relationship, *target;
        size_t next;
    } * links; /* heap */
    size_t link_count;
    bool has_unmarked_value;     /* an observable that stands for itself has no label */
    size_t sighting_count, work; /* bounded, whatever refers to what */
};

/* Sightings a document may bring for each observation it may bring; and steps of looking for values to mark. */
enum { STIX_SIGHTINGS_PER_OBSERVATION = 3, STIX_WORK_MAX = 4000000 };

#endif
