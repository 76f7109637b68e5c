/*
 * codec/json_take.h - reading a JSON document of a foreign format: a codec takes out of an object what it understands, and what is left
 * becomes `extra`. So nothing is dropped that nobody thought of.
 *
 * The functions without an error leave a member where it is unless it is what they look for: a number of the wrong shape is kept, not
 * refused. What a format cannot do without, its codec asks for and refuses.
 */
#ifndef CIRT_CODEC_JSON_TAKE_H
#define CIRT_CODEC_JSON_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"
#include "codec/json_value.h"
#include "model/report.h"

/* Removes the member and returns it (json_decref); NULL where there is none. */
json_t *json_take_member(json_t *object, const char *name);

/* The text of a string or a number, in the arena; NULL for anything else. */
const char *json_take_scalar(const json_t *value, struct arena *arena);

/* A string that is not blank, or a number as its text; else NULL. */
const char *json_take_text(json_t *object, const char *name, struct arena *arena);

/* A whole number within min..max, also as a string. */
bool json_take_number(json_t *object, const char *name, int64_t min, int64_t max, int64_t *number);

/* RFC 3339, or what else timestamp_read() knows, so that no event is lost for the form of its time. False, with an error at the member,
 * where it is there and is no such time; true and nothing changed where it is absent or null. */
bool json_take_time(json_t *object, const struct json_place *place, const char *name, struct arena *arena, int64_t *time, const char **text,
                    const char **rule, struct err *err) MUST_CHECK;

/* What is left, as the text of a JSON object; NULL where that is nothing. Members that are null or empty say nothing. */
const char *json_take_rest(const json_t *object, struct arena *arena);

/* Takes out the members of the object that are null or empty: they say nothing. */
void json_take_empty(json_t *object);

/* What senders write where they have no value: "", "-", "0.0.0.0", "n/a" and the like. */
bool json_take_is_absent(const char *text);

/* Where sightings are taken from and to. */
struct json_take {
    struct report *report;
    struct observation *observation;
    json_t *object;
    const struct json_place *place; /* of the object */
};

/* One value or an array of them becomes sightings of that type and role. What is no such value is counted as rejected, with its place,
 * and stays in the object; absent forms go without a word. Returns how many were added. */
size_t json_take_sightings(const struct json_take *take, const char *name, enum observable_type type, enum sighting_role role);

/* As above for addresses of either family, networks and ranges ("192.0.2.2-192.0.2.5"). */
size_t json_take_addresses(const struct json_take *take, const char *name, enum sighting_role role);

/* Adds what one text says: an address of either family, a network or a range. */
bool json_take_address_text(struct report *report, struct observation *observation, enum sighting_role role, const char *text);

/* Counts a rejection at the place. */
void json_take_reject(struct report *report, const struct json_place *place, const char *text);

/* The label that a member claims: of a list the strictest of its texts; anything that is no text is as strict as a word that none knows. */
enum tlp json_take_claimed(const json_t *value);

/* What holds for a whole observation, once its sightings are there: a label (the report takes the strictest of all), 0..100 how sure the
 * sender is. */
void json_take_label(struct report *report, struct observation *observation, enum tlp label);
void json_take_confidence(struct observation *observation, int confidence);

/* Reads one event into the report. The place has no `up` where it is the whole document. */
typedef bool (*json_take_reader)(struct report *report, json_t *event, const struct json_place *place, struct err *err);

/* The label that an event has of its own, whatever else is wrong with it; TLP_NONE for none. The event may be any value. */
typedef enum tlp (*json_take_labeller)(const json_t *event);

/* A document that is one event or an array of them. An event of several that cannot be read is counted as rejected; a document of
 * which nothing can be read is refused, with the first fault; an empty array says that there is nothing new. label_of, which may be NULL,
 * of events that have a label of their own each: an event that is rejected counts by it all the same, since the bytes are kept as a whole.
 */
bool json_take_events(const char *bytes, size_t size, const char *format, const struct codec_limits *limits, json_take_labeller label_of,
                      json_take_reader read, struct report **out, struct err *err) MUST_CHECK;
/* As above, and report_settle_label(). */
bool json_take_labelled_events(const char *bytes, size_t size, const char *format, const struct codec_limits *limits,
                               json_take_labeller label_of, json_take_reader read, struct report **out, struct err *err) MUST_CHECK;

#endif
