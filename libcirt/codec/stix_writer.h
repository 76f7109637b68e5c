/*
 * codec/stix_writer.h - a bundle in the making: what the parts of the encoder share. stix_writer.c: objects and their ids;
 * stix_writer_values.c: observables; stix_writer_observation.c: indicators, vulnerabilities, observed data; stix_encode.c: the document.
 */
#ifndef CIRT_CODEC_STIX_WRITER_H
#define CIRT_CODEC_STIX_WRITER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/timestamp.h"
#include "codec/stix_id.h"
#include "model/report.h"

struct stix_writer {
    const struct report *report; /* its head */
    /* of the piece at hand */
    size_t number;       /* observations before it */
    json_t *objects;     /* all but observables and frame, in order */
    json_t *observables; /* by id, in order */
    json_t *labels;      /* of the observables, by id */
    json_t *references;  /* ids for the report */
    json_t *seeds;       /* how often an object of that content was written */
    json_t *cves;        /* those that have their vulnerability */
    char moment[TIMESTAMP_TEXT_SIZE], creator[STIX_ID_SIZE];
    bool is_labelled[TLP_RED + 1];
};

/* Nothing for NULL and "". */
void stix_writer_set_text(json_t *object, const char *name, const char *text);
/* RFC 3339 with at least milliseconds, as created and modified want it. */
void stix_writer_moment(int64_t moment, char text[TIMESTAMP_TEXT_SIZE]);
/* As it was written, where the schema takes that and it is the same moment. */
void stix_writer_set_time(json_t *object, const char *name, int64_t moment, const char *written);
json_t *stix_writer_extension(void);
void stix_writer_set_extension(json_t *object, json_t *extension); /* takes the extension over */
json_t *stix_writer_class_labels(const char *class_name);
void stix_writer_set_labels(json_t *object, json_t *labels); /* takes the labels over */

void stix_writer_mark(struct stix_writer *writer, json_t *object, enum tlp label);
/* A value's own label, also where it is wider than the report's: it is said of the value, not of what happened. */
enum tlp stix_writer_label(const struct stix_writer *writer, const struct sighting *sighting);
/* The object's id follows from what it says, from whose and which report it is in, and from how often the same was said there before. */
void stix_writer_name(struct stix_writer *writer, const char *type, const json_t *body, char id[STIX_ID_SIZE]);
/* Takes body over, puts the common properties before it, and lists it. The object stays the writer's. */
json_t *stix_writer_add_object(struct stix_writer *writer, const char *type, const char *id, enum tlp label, json_t *body);
/* The same, named by what it says, and part of the report. Its id, which lives as long as the object. */
const char *stix_writer_add_statement(struct stix_writer *writer, const char *type, enum tlp label, json_t *body);

/* The same value has one object, as strict as the strictest of its uses. Takes contributing over. */
const char *stix_writer_values_observable(struct stix_writer *writer, const char *type, json_t *contributing, enum tlp label);
/* The observables of the observation into references, and beside them into values what we say about each. */
void stix_writer_values_add(struct stix_writer *writer, const struct observation *observation, json_t *references, json_t *values);
/* Who talked to whom, for those who do not read our extension. False where STIX cannot say it. */
bool stix_writer_values_traffic(struct stix_writer *writer, const struct observation *observation, json_t *references);

void stix_writer_observation_add(struct stix_writer *writer, const struct observation *observation);

#endif
