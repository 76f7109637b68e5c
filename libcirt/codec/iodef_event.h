/* codec/iodef_event.h - EventData and IndicatorData into observations: the part of the IODEF decoder that makes sightings. */
#ifndef CIRT_CODEC_IODEF_EVENT_H
#define CIRT_CODEC_IODEF_EVENT_H

#include "codec/codec.h"
#include "codec/xml.h"
#include "model/report.h"

/* Inherited parts are copied into each inner event: this many sightings an allowed observation, on average. */
enum { IODEF_SIGHTINGS_PER_OBSERVATION = 3, IODEF_WORK_MAX = 10000000 };

/* Sightings that an ObservableReference may name. */
struct iodef_named {
    const char *id; /* observable-id */
    size_t observation, first, count;
    bool is_marked;
};

struct iodef_reader {
    struct report *report;
    const struct codec_limits *limits;
    struct err *err;
    struct buf description;    /* of all Incidents */
    size_t sightings;          /* so far */
    enum tlp content_label;    /* the strictest of descriptions and extra, which have no label of their own; TLP_NONE at first */
    size_t work;               /* what was read again for inner events: elements and texts */
    struct iodef_named *named; /* heap; iodef_event_clear() */
    size_t named_count, named_capacity;
};

/* Description, time and class, as Incident and EventData both have them. */
struct iodef_statement {
    int64_t time;
    const char *time_text, *time_rule;
    const char *class_claim, *class_name;
    const char *description;
};

void iodef_event_clear(struct iodef_reader *reader);

/* Reads Description, the first of DetectTime and StartTime, IncidentCategory and the RSIT class of an Incident or EventData. What it
 * has not stays untouched in *statement, but the description. */
bool iodef_event_statement(struct iodef_reader *reader, struct xml_element *element, struct iodef_statement *statement) MUST_CHECK;

/* A time element's content. */
bool iodef_event_time(struct iodef_reader *reader, struct xml_element *element, int64_t *time, const char **text,
                      const char **rule) MUST_CHECK;

/* The content of AdditionalData of our own with that name among the children, marked as used; or NULL. */
const char *iodef_event_own_data(struct iodef_reader *reader, struct xml_element *element, const char *name);

/* What of the element nobody understood (xml_json_rest()), joined with kept_text, the "extra" of our own that came with it (or NULL);
 * NULL for nothing. label is what holds around the element. */
bool iodef_event_extra(struct iodef_reader *reader, struct xml_element *element, enum tlp label, const char *kept_text,
                       const char **out) MUST_CHECK;

/* All observations of an Incident. */
bool iodef_event_read_all(struct iodef_reader *reader, struct xml_element *incident, const struct iodef_statement *statement) MUST_CHECK;

#endif
