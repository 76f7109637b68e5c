/*
 * MISP core format: events with attributes and objects, as files, answers of the API ({"response": [...]}), messages, or single attributes
 * and objects. Numbers come as strings or as numbers. Each object is an observation, and so is each attribute outside of one that names a
 * value; all that says nothing to us, and all that is deleted or only proposed, stays in extra.
 */
#include <string.h>

#include "base/str.h"
#include "base/timestamp_read.h"
#include "codec/codec.h"
#include "codec/json_peek.h"
#include "codec/json_take.h"
#include "codec/misp_attribute.h"
#include "codec/misp_encode.h"
#include "codec/misp_forms.h"
#include "codec/misp_own.h"
#include "codec/misp_tag.h"

/* What MISP writes beside events: sightings, answers about errors, the manifest of a feed. None is read, but better refused as what it is.
 */
static bool is_other_document(const char *bytes, size_t size)
{
    bool is_error = json_peek_has(bytes, size, "name") && json_peek_has(bytes, size, "message") && json_peek_has(bytes, size, "url");
    return is_error || json_peek_has(bytes, size, "Sighting") ||
           (memmem(bytes, size, "\"Orgc\"", 6) && memmem(bytes, size, "\"threat_level_id\"", 17));
}

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    static const char *const names[] = {"Event", "Attribute", "Object", "ShadowAttribute", "threat_level_id", "Orgc"};
    if (json_peek_native(bytes, size))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (json_peek_has(bytes, size, names[i]))
            return 85;
    if (json_peek_has(bytes, size, "response"))
        return memmem(bytes, size, "\"Event\"", 7) || memmem(bytes, size, "\"Attribute\"", 11) ? 85 : 40;
    if (json_peek_has(bytes, size, "to_ids") && json_peek_has(bytes, size, "value"))
        return 75;
    return is_other_document(bytes, size) ? 40 : 0;
}

struct misp {
    struct report *report;
    const struct codec_limits *limits;
    json_t *rests;       /* what is left of each event, as {"Event": {...}}, an array */
    struct buf infos;    /* of the events so far, joined once: a document may hold tens of thousands */
    int own_number;      /* of the observation that our own attributes are being added to */
    bool has_unlabelled; /* an attribute without any label around it */
    int confidence;      /* of the event that is being read; -1 where it does not say */
    struct err *err;
};

static bool fail_member(struct misp *misp, const struct json_place *place, const char *name, const char *text)
{
    struct json_place here = {.up = place, .name = name};
    return json_value_fail(&here, ERR_INPUT, misp->err, "%s", text);
}

/* --- times --- */

enum { EPOCH_MAX = INT32_MAX }; /* no clock of MISP says more */

static void take_time(json_t *object, const char *name, struct arena *arena, int64_t *time, const char **text, const char **rule)
{
    int64_t moment;
    const char *how = NULL, *written = json_take_scalar(json_object_get(object, name), arena);
    /* A zero, which is 1970 once it is written as a date, is no time. */
    if (*time != TIMESTAMP_NONE || !written || !timestamp_read(written, &moment, &how) || moment == 0)
        return;
    *time = moment;
    *text = written;
    *rule = how;
    json_object_del(object, name);
}

static void take_epoch(json_t *object, const char *name, struct arena *arena, int64_t *time, const char **text, const char **rule)
{
    int64_t seconds;
    if (*time == TIMESTAMP_NONE && json_take_number(object, name, 1, EPOCH_MAX, &seconds)) {
        *time = seconds * TIMESTAMP_SECOND;
        *text = arena_printf(arena, "%lld", (long long)seconds);
        *rule = "unix";
    }
    take_time(object, name, arena, time, text, rule);
}

/* Left where it is. */
static int64_t epoch_of(const json_t *object, const char *name)
{
    static const struct json_place nowhere = {0};
    struct err ignored;
    int64_t seconds;
    return json_value_number(json_object_get(object, name), &nowhere, 1, EPOCH_MAX, &seconds, &ignored) ? seconds * TIMESTAMP_SECOND
                                                                                                        : TIMESTAMP_NONE;
}

/* first_seen is when it happened; timestamp is when somebody last touched it. */
static void read_time(json_t *object, struct arena *arena, struct observation *observation)
{
    take_time(object, "first_seen", arena, &observation->time, &observation->time_text, &observation->time_rule);
    take_epoch(object, "timestamp", arena, &observation->time, &observation->time_text, &observation->time_rule);
}

/* --- attributes --- */

/* Sightings of others: 0 seen, 1 false positive, 2 expired. A false positive is nothing to look for. */
static void read_reactions(const json_t *attribute, struct observation *observation, size_t before)
{
    const json_t *reaction;
    size_t index, seen = 0;
    int64_t end = TIMESTAMP_NONE;
    bool is_false = false;
    json_array_foreach(json_object_get(attribute, "Sighting"), index, reaction)
    {
        static const struct json_place nowhere = {0};
        struct err ignored;
        int64_t type = -1, seconds;
        if (!json_is_object(reaction) || !json_value_number(json_object_get(reaction, "type"), &nowhere, 0, 2, &type, &ignored))
            continue;
        seen += type == 0;
        is_false = is_false || type == 1;
        if (type == 2 && json_value_number(json_object_get(reaction, "date_sighting"), &nowhere, 1, EPOCH_MAX, &seconds, &ignored))
            end = seconds * TIMESTAMP_SECOND;
    }
    if (seen && observation->count < (int64_t)seen)
        observation->count = (int64_t)seen;
    for (size_t i = before; i < observation->sighting_count; i++) {
        observation->sightings[i].is_indicator = observation->sightings[i].is_indicator && !is_false;
        observation->sightings[i].valid_until = end;
    }
}

/* Which attribute marks the values from `before` on; what it says nothing of, or no longer marks, is taken back. */
static void name_indicators(struct misp *misp, const json_t *attribute, struct observation *observation, size_t before)
{
    const char *uuid = json_string_value(json_object_get(attribute, "uuid"));
    int64_t changed = epoch_of(attribute, "timestamp");
    bool is_marked = false;
    for (size_t i = before; observation && i < observation->sighting_count; i++) {
        observation->sightings[i].indicator_id = report_indicator_id(uuid);
        observation->sightings[i].indicator_time = changed;
        is_marked = is_marked || observation->sightings[i].is_indicator;
    }
    if (!is_marked)
        report_withdraw(misp->report, uuid, changed);
}

/* What a search of MISP found names the event it is of: that one's labels hold, too. */
static enum tlp label_around(struct misp *misp, const json_t *found, enum tlp around)
{
    const json_t *event = json_object_get(found, "Event");
    misp->report->pap = misp_tag_pap(event, misp->report->pap);
    return misp_tag_label(event, around);
}

/* Its own, else that of the event it was found in, or stands in. */
static int confidence_of(const struct misp *misp, const json_t *attribute)
{
    int confidence = misp_tag_confidence(attribute);
    if (confidence < 0)
        confidence = misp_tag_confidence(json_object_get(attribute, "Event"));
    return confidence < 0 ? misp->confidence : confidence;
}

/* What the attribute says of its values: label, confidence, what others saw; and of the observation, if nobody said it before. */
static void read_marks(struct misp *misp, const struct json_take *take, size_t before, enum tlp around)
{
    struct observation *observation = take->observation;
    struct arena *arena = report_row_arena(misp->report);
    enum tlp label = misp_tag_label(take->object, around);
    int confidence = confidence_of(misp, take->object);
    misp->has_unlabelled = misp->has_unlabelled || label == TLP_NONE;
    for (size_t i = before; i < observation->sighting_count; i++) {
        observation->sightings[i].tlp = label;
        observation->sightings[i].confidence = confidence;
    }
    read_reactions(take->object, observation, before);
    if (!observation->class_name)
        misp_tag_class(take->object, arena, &observation->class_claim, &observation->class_name);
}

static enum tlp note_label(struct misp *misp, const json_t *element, enum tlp around);

/* What analysts wrote about an element, and about these texts (a note on an opinion; the document's depth bounds that), is kept as it is.
 */
static void note_texts(struct misp *misp, const json_t *element, enum tlp around)
{
    static const char *const names[] = {"EventReport", "Note", "Opinion", "Relationship"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        json_t *texts = json_object_get(element, names[i]), *text;
        size_t index;
        /* A wide label of a text does not widen what it is about. */
        misp->has_unlabelled = misp->has_unlabelled || (around == TLP_NONE && (json_array_size(texts) || json_is_object(texts)));
        json_array_foreach(texts, index, text) note_label(misp, text, around);
        if (json_is_object(texts))
            note_label(misp, texts, around);
    }
}

/* Whatever becomes of the element, its words may stay in extra, which has the report's label. */
static enum tlp note_label(struct misp *misp, const json_t *element, enum tlp around)
{
    enum tlp label = misp_tag_label(element, around);
    misp->report->tlp = tlp_strictest(misp->report->tlp, label);
    misp->report->pap = misp_tag_pap(element, misp->report->pap);
    note_texts(misp, element, label);
    return label;
}

static const char *wrapped(const char *name, json_t *object, struct arena *arena)
{
    json_t *wrapper = json_object();
    json_take_empty(object);
    if (json_object_size(object))
        json_object_set(wrapper, name, object);
    const char *text = json_take_rest(wrapper, arena);
    json_decref(wrapper);
    return text;
}

static bool check_element(struct misp *misp, const json_t *element, const struct json_place *place)
{
    if (!json_is_object(element))
        return json_value_fail(place, ERR_INPUT, misp->err, "must be an object");
    if (misp->report->observation_count >= misp->limits->observations_max)
        return json_value_fail(place, ERR_LIMIT, misp->err, "more than %zu observations", misp->limits->observations_max);
    return true;
}

/* What calls itself deleted in words that we do not know is taken for it: such a value is not looked for. */
static bool is_deleted(struct misp *misp, json_t *element, const struct json_place *place)
{
    const struct json_take take = {.report = misp->report, .object = element, .place = place};
    return misp_attribute_read_flag(&take, "deleted", true);
}

/* An attribute must have a type and a value; one that has not is kept, but counts as rejected. */
static bool is_whole(struct misp *misp, const json_t *attribute, const struct json_place *place)
{
    static const struct {
        const char *name;
        bool may_be_number;
    } members[] = {{"type", false}, {"value", true}};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct json_place here = {.up = place, .name = members[i].name};
        const json_t *member = json_object_get(attribute, members[i].name);
        if (json_is_string(member) || (members[i].may_be_number && json_is_number(member)))
            continue;
        json_take_reject(misp->report, &here, member ? "must be a string" : "is missing");
        return false;
    }
    return true;
}

/* An attribute that one of our own exports wrote. */
static void read_own(struct misp *misp, json_t *attribute, const struct json_place *place, int number, bool *is_kept)
{
    struct report *report = misp->report;
    bool is_new = number && number != misp->own_number;
    struct observation *observation = is_new   ? report_add_observation(report)
                                      : number ? &report->observations[report->observation_count - 1]
                                               : NULL;
    struct json_take take = {.report = report, .observation = observation, .object = attribute, .place = place};
    if (number)
        misp->own_number = number;
    report->tlp = misp_tag_label(attribute, report->tlp);
    misp_own_attribute(&take, number);
    *is_kept = json_object_size(attribute) > 0;
}

static bool read_attribute(struct misp *misp, json_t *attribute, const struct json_place *place, enum tlp around, bool *is_kept)
{
    struct report *report = misp->report;
    *is_kept = true;
    if (!check_element(misp, attribute, place))
        return false;
    around = label_around(misp, attribute, around);
    note_label(misp, attribute, around);
    if (is_deleted(misp, attribute, place))
        return name_indicators(misp, attribute, NULL, 0), true;
    if (!is_whole(misp, attribute, place))
        return true;
    int number = misp_own_number(attribute);
    if (number >= 0)
        return read_own(misp, attribute, place, number, is_kept), true;
    misp->own_number = -1;
    json_t *value = json_incref(json_object_get(attribute, "value"));
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = attribute, .place = place};
    if (!misp_attribute_read(&take, NULL) || !observation->sighting_count) {
        report->observation_count--;
        json_object_set_new(attribute, "value", value);
        json_take_empty(attribute);
        return true;
    }
    json_decref(value);
    read_marks(misp, &take, 0, around);
    name_indicators(misp, attribute, observation, 0);
    read_time(attribute, report_row_arena(report), observation);
    observation->description = json_take_text(attribute, "comment", report_row_arena(report));
    observation->extra = wrapped("Attribute", attribute, report_row_arena(report));
    *is_kept = false;
    return true;
}

/* --- objects --- */

static bool read_members(struct misp *misp, const struct json_take *object, enum tlp around)
{
    struct json_place here = {.up = object->place, .name = "Attribute"};
    const char *name = json_string_value(json_object_get(object->object, "name"));
    json_t *attribute, *attributes = json_object_get(object->object, "Attribute");
    size_t index;
    if (attributes && !json_is_array(attributes))
        return json_value_fail(&here, ERR_INPUT, misp->err, "must be an array");
    json_array_foreach(attributes, index, attribute)
    {
        struct json_place inside = {.up = &here, .index = index};
        struct json_take take = {.report = misp->report, .observation = object->observation, .object = attribute, .place = &inside};
        size_t before = object->observation->sighting_count;
        if (!json_is_object(attribute))
            return json_value_fail(&inside, ERR_INPUT, misp->err, "must be an object");
        json_take_empty(attribute);
        note_label(misp, attribute, around);
        bool is_gone = is_deleted(misp, attribute, &inside);
        if (!is_gone && (!is_whole(misp, attribute, &inside) || !misp_attribute_read(&take, name)))
            continue;
        if (!is_gone)
            read_marks(misp, &take, before, around);
        name_indicators(misp, attribute, object->observation, before);
    }
    return true;
}

/* Of an object that was deleted. */
static void withdraw_members(struct misp *misp, const json_t *object, enum tlp around)
{
    const json_t *attribute;
    size_t index;
    json_array_foreach(json_object_get(object, "Attribute"), index, attribute)
    {
        note_label(misp, attribute, around);
        name_indicators(misp, attribute, NULL, 0);
    }
}

/* Its own time, else that of its first attribute. */
static void read_object_time(json_t *object, struct arena *arena, struct observation *observation)
{
    json_t *attribute;
    size_t index;
    read_time(object, arena, observation);
    json_array_foreach(json_object_get(object, "Attribute"), index, attribute)
    {
        read_time(attribute, arena, observation);
        return;
    }
}

static bool read_object(struct misp *misp, json_t *object, const struct json_place *place, enum tlp around, bool *is_kept)
{
    struct report *report = misp->report;
    *is_kept = true;
    if (!check_element(misp, object, place))
        return false;
    enum tlp label = note_label(misp, object, label_around(misp, object, around));
    if (is_deleted(misp, object, place)) {
        withdraw_members(misp, object, label);
        return true;
    }
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = object, .place = place};
    misp_tag_class(object, report_row_arena(report), &observation->class_claim, &observation->class_name);
    if (!read_members(misp, &take, label))
        return false;
    if (!observation->sighting_count && observation->source_port < 0 && observation->target_port < 0) {
        report->observation_count--;
        return true;
    }
    read_object_time(object, report_row_arena(report), observation);
    observation->description = json_take_text(object, "comment", report_row_arena(report));
    observation->extra = wrapped("Object", object, report_row_arena(report));
    *is_kept = false;
    return true;
}

/* --- an event --- */

typedef bool (*element_reader)(struct misp *misp, json_t *element, const struct json_place *place, enum tlp around, bool *is_kept);

/* An array of attributes or objects, or a single one. Those that stay are left in the event. */
static bool read_elements(struct misp *misp, json_t *event, const char *name, const struct json_place *place, enum tlp around,
                          element_reader read)
{
    struct json_place here = {.up = place, .name = name};
    json_t *elements = json_take_member(event, name), *left = json_array(), *element;
    size_t index;
    bool is_kept = false, ok = true;
    if (elements && !json_is_array(elements) && !json_is_null(elements)) {
        ok = read(misp, elements, &here, around, &is_kept);
        if (ok && is_kept)
            json_array_append(left, elements);
    }
    json_array_foreach(elements, index, element)
    {
        struct json_place inside = {.up = &here, .index = index};
        ok = ok && read(misp, element, &inside, around, &is_kept);
        if (ok && is_kept)
            json_array_append(left, element);
    }
    if (ok && json_array_size(left))
        json_object_set(event, name, left);
    json_decref(left);
    json_decref(elements);
    return ok;
}

/* "2026-03-01", where there is no time. */
static void read_date(struct report *report, json_t *event)
{
    const char *date = json_string_value(json_object_get(event, "date"));
    if (report->time != TIMESTAMP_NONE || !date || strlen(date) != 10)
        return;
    if (!timestamp_parse_utc(arena_printf(report->arena, "%sT00:00:00", date), &report->time))
        return;
    report->time_text = arena_strdup(report->arena, date);
    report->time_rule = "date";
}

static void join_info(struct misp *misp, const char *info)
{
    /* An event of ours said its text itself, in the place of its info. */
    if (misp->report->description) {
        buf_reset(&misp->infos);
        buf_add_text(&misp->infos, misp->report->description);
        misp->report->description = NULL;
    }
    if (info && misp->infos.size)
        buf_add_text(&misp->infos, "\n\n");
    if (info)
        buf_add_text(&misp->infos, info);
}

/* The head of the first event is the report's; of another the text is joined, and the rest stays. */
static void read_head(struct misp *misp, json_t *event, bool is_first)
{
    struct report *report = misp->report;
    struct arena *arena = report->arena;
    const char *info = json_take_text(event, "info", arena);
    join_info(misp, info);
    if (!is_first)
        return;
    json_t *owner = json_object_get(event, "Orgc");
    report->summary = info;
    report->reference = json_take_text(event, "uuid", arena);
    report->reference_issuer = json_is_object(owner) ? json_take_text(owner, "name", arena) : NULL;
    report->creator_name = report->reference_issuer;
    report->reporter_email =
        observable_normalise(arena, OBSERVABLE_EMAIL, json_string_value(json_object_get(event, "event_creator_email")));
    if (report->reporter_email)
        json_object_del(event, "event_creator_email");
    take_epoch(event, "timestamp", arena, &report->time, &report->time_text, &report->time_rule);
    take_epoch(event, "publish_timestamp", arena, &report->time, &report->time_text, &report->time_rule);
    read_date(report, event);
    misp_tag_class(event, arena, &report->class_claim, &report->class_name);
}

/* *label becomes the event's. */
static bool read_event(struct misp *misp, json_t *event, const struct json_place *place, enum tlp *label)
{
    struct report *report = misp->report;
    if (!json_is_object(event))
        return json_value_fail(place, ERR_INPUT, misp->err, "must be an event, an object");
    const json_t *tags = json_object_get(event, "Tag");
    if (json_is_number(tags) || json_is_boolean(tags))
        return fail_member(misp, place, "Tag", "must be an array");
    bool is_first = !json_array_size(misp->rests), is_own = misp_own_event(event);
    *label = note_label(misp, event, *label);
    misp->confidence = misp_tag_confidence(event);
    read_head(misp, event, is_first);
    if (is_own)
        misp_own_head(report, event);
    misp->own_number = -1;
    return read_elements(misp, event, "Attribute", place, *label, read_attribute) &&
           read_elements(misp, event, "Object", place, *label, read_object);
}

/* --- what a document may be --- */

static bool has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

static bool read_bare_event(struct misp *misp, json_t *event, const struct json_place *place)
{
    enum tlp label = TLP_NONE;
    bool ok = read_event(misp, event, place, &label);
    if (ok)
        json_array_append_new(misp->rests, json_pack("{sO}", "Event", event));
    return ok;
}

/* A single attribute or object, read as the only one of an event that says nothing else. */
static bool read_single(struct misp *misp, json_t *element, const struct json_place *place, const char *name, element_reader read)
{
    bool is_kept = false;
    json_t *event = json_object();
    misp->confidence = -1;
    bool ok = read(misp, element, place, TLP_NONE, &is_kept);
    if (ok && is_kept)
        json_object_set(event, name, element);
    if (ok)
        json_array_append_new(misp->rests, json_pack("{sO}", "Event", event));
    json_decref(event);
    return ok;
}

/* An event, and what MISP's messages (ZeroMQ, Kafka) say beside it of an attribute or object of it: its label holds for these, too. */
static bool read_message(struct misp *misp, json_t *item, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "Event"};
    json_t *attribute = json_object_get(item, "Attribute"), *object = json_object_get(item, "Object");
    if (json_is_object(attribute))
        misp_forms_lend(item, attribute);
    if (json_is_object(object) && json_is_object(attribute))
        json_object_set_new(item, "Attribute", json_pack("[O]", attribute));
    if (json_is_object(object))
        misp_forms_lend(item, object);
    enum tlp label = note_label(misp, item, TLP_NONE);
    if (!read_event(misp, json_object_get(item, "Event"), &here, &label) ||
        !read_elements(misp, item, "Attribute", place, label, read_attribute) ||
        !read_elements(misp, item, "Object", place, label, read_object))
        return false;
    json_array_append(misp->rests, item);
    return true;
}

/* A document without an event, or an event that does not say when: then when what is in it was seen. */
static void borrow_time(struct report *report)
{
    for (size_t i = 0; i < report->observation_count && report->time == TIMESTAMP_NONE; i++) {
        report->time = report->observations[i].time;
        report->time_text = arena_strdup(report->arena, report->observations[i].time_text);
        report->time_rule = arena_strdup(report->arena, report->observations[i].time_rule);
    }
}

static bool refuse_item(struct misp *misp, const json_t *item, const struct json_place *place)
{
    enum { UUID_SIZE = 36 };
    void *first = json_object_iter((json_t *)item);
    const char *text = "is no event, object or attribute of MISP";
    if (has(item, "Sighting"))
        text = "is a sighting of MISP, which names no value: its event or attribute does";
    else if (first && strlen(json_object_iter_key(first)) == UUID_SIZE && has(json_object_iter_value(first), "Orgc"))
        text = "is the manifest of a feed of MISP, which has no event in it: send the files that it names";
    else if (has(item, "message") && has(item, "url"))
        text = "is an answer about an error, no event of MISP";
    return json_value_fail(place, ERR_INPUT, misp->err, "%s", text);
}

static bool read_item(struct misp *misp, json_t *item, const struct json_place *place)
{
    static const char *const of_events[] = {"info", "Attribute", "Object", "ShadowAttribute", "Orgc", "threat_level_id"};
    if (!json_is_object(item))
        return json_value_fail(place, ERR_INPUT, misp->err, "must be an object");
    misp_forms_mark_deleted(item);
    if (has(item, "Event"))
        return read_message(misp, item, place);
    if (has(item, "type") && has(item, "value"))
        return read_single(misp, item, place, "Attribute", read_attribute);
    if (has(item, "template_uuid") && has(item, "Attribute"))
        return read_single(misp, item, place, "Object", read_object);
    for (size_t i = 0; i < ARRAY_SIZE(of_events); i++)
        if (has(item, of_events[i]))
            return read_bare_event(misp, item, place);
    return refuse_item(misp, item, place);
}

static bool read_items(struct misp *misp, json_t *items, const struct json_place *place)
{
    json_t *item;
    size_t index;
    if (!json_is_array(items))
        return read_item(misp, items, place);
    json_array_foreach(items, index, item)
    {
        struct json_place inside = {.up = place, .index = index};
        if (!read_item(misp, item, &inside))
            return false;
    }
    return true;
}

/* --- the whole --- */

/* One event as {"Event": {...}}, several as {"response": [{"Event": {...}}, ...]}: as MISP itself would put it. */
static const char *take_rests(struct misp *misp)
{
    struct arena *arena = misp->report->arena;
    json_t *only = json_array_get(misp->rests, 0);
    if (json_array_size(misp->rests) == 1) {
        json_take_empty(json_object_get(only, "Event"));
        return json_take_rest(only, arena);
    }
    json_t *all = json_pack("{sO}", "response", misp->rests);
    const char *text = json_take_rest(all, arena);
    json_decref(all);
    return text;
}

/* What an export of ours said in so many words, and what was left of its event. */
static const char *merged(const char *said, const char *left, struct arena *arena)
{
    if (!said || !left)
        return said ? said : left;
    json_t *all = json_loads(said, 0, NULL), *more = json_loads(left, 0, NULL);
    json_value_merge_missing(all, more);
    const char *text = json_take_rest(all, arena);
    json_decref(all);
    json_decref(more);
    return text;
}

/* A value that has the report's label needs none of its own. */
static void drop_same_labels(struct report *report)
{
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++)
            if (report->observations[i].sightings[k].tlp == report->tlp)
                report->observations[i].sightings[k].tlp = TLP_NONE;
}

/* As a search that found nothing answers: {"response": []}, {"response": {"Attribute": []}}. */
static bool says_nothing(const struct report *report)
{
    return !report->observation_count && !report->withdrawn_count && !report->rejected_total && !report->reference &&
           !report->description && !report->extra && report->time == TIMESTAMP_NONE;
}

static bool read_document(struct misp *misp, json_t *root)
{
    static const struct json_place document = {0};
    static const struct json_place response = {.up = &document, .name = "response"};
    struct report *report = misp->report;
    json_t *answer = json_object_get(root, "response");
    const struct json_place *place = answer ? &response : &document;
    misp_forms_restore_lists(root);
    if (!read_items(misp, answer ? answer : root, place))
        return false;
    if (!report->description && misp->infos.size)
        report->description = arena_strdup(report->arena, buf_text(&misp->infos));
    report->extra = merged(report->extra, take_rests(misp), report->arena);
    return !says_nothing(report) || json_value_fail(place, ERR_INPUT, misp->err, "there is no event in it");
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    json_t *root = NULL;
    if (!json_value_parse(bytes, size, limits, &root, err))
        return false;
    struct misp misp = {
        .report = report_new("misp"), .limits = limits, .rests = json_array(), .own_number = -1, .confidence = -1, .err = err};
    buf_init(&misp.infos, SIZE_MAX / 4);
    bool ok = read_document(&misp, root);
    if (ok) {
        /* What has no label is as we agreed with the sender: the wide ones of others do not widen it. */
        if (misp.has_unlabelled && misp.report->tlp < TLP_AMBER)
            misp.report->tlp = TLP_NONE;
        misp.report->is_partly_labelled = misp.has_unlabelled;
        drop_same_labels(misp.report);
        borrow_time(misp.report);
        *out = misp.report;
    } else {
        report_free(misp.report);
    }
    buf_clear(&misp.infos);
    json_decref(misp.rests);
    json_decref(root);
    return ok;
}

extern const struct codec misp_codec;
const struct codec misp_codec = {
    .name = "misp",
    .media_type = "application/json",
    .media_types_too = "application/vnd.misp+json",
    .standard = "MISP core format, draft-dulaunoy-misp-core-format",
    .summary = "MISP event with attributes and objects",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
    .encode = misp_encode,
    .pieces = &misp_pieces,
};
