/* codec/iodef_sight.h - the elements of IODEF that hold observables (System, RecordData, BulkObservable, ...) into sightings. */
#ifndef CIRT_CODEC_IODEF_SIGHT_H
#define CIRT_CODEC_IODEF_SIGHT_H

#include "codec/iodef_event.h"

/* What an Indicator says of the values it holds or names. */
struct iodef_marking {
    int confidence;      /* as in struct sighting */
    int64_t valid_until; /* the same */
};

/* Where sightings go, and what they get. */
struct iodef_sight {
    struct iodef_reader *reader;
    struct observation *observation;
    enum tlp tlp;                    /* of the element being read */
    enum sighting_role role;         /* where the element says none */
    enum sighting_role network_role; /* the same for addresses and names */
    bool is_indicator;
    const struct iodef_marking *marking; /* of the Indicator being read, else NULL */
};

/* Makes it an indicator, unless it is a victim: a victim never is one. */
void iodef_sight_mark(struct sighting *sighting, const struct iodef_marking *marking);

/* Each marks as used what it understood; what is no such value is counted as a rejection and left. False only with err set. */
bool iodef_sight_system(struct iodef_sight *sight, struct xml_element *system) MUST_CHECK;
bool iodef_sight_record(struct iodef_sight *sight, struct xml_element *record_data) MUST_CHECK;
bool iodef_sight_method(struct iodef_sight *sight, struct xml_element *method) MUST_CHECK;
/* The content of an Observable: one of the above, Address, DomainData, Service, EmailData, FileData, Reference or BulkObservable. */
bool iodef_sight_observable(struct iodef_sight *sight, struct xml_element *observable) MUST_CHECK;

bool iodef_sight_reference(struct iodef_sight *sight, struct xml_element *reference) MUST_CHECK;

/* Adds one value of that type that stands in element. *added: it was one; else nothing is said about it. False only with err set. */
bool iodef_sight_value(struct iodef_sight *sight, struct xml_element *element, enum observable_type type, const char *text,
                       bool *added) MUST_CHECK;

/* "tcp" for 6; NULL where the number has no name here. And back: -1. */
const char *iodef_sight_protocol_name(const char *number);
int iodef_sight_protocol_number(const char *name);

#endif
