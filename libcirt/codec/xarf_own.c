/* What X-ARF has no place for, in a member of our own; the document reads the same without it. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/xarf.h"
#include "model/rsit.h"

static void set_text(json_t *own, const char *name, const char *text)
{
    if (text)
        json_object_set_new(own, name, json_string(text));
}

static void set_time(json_t *own, const char *name, int64_t moment)
{
    char text[TIMESTAMP_TEXT_SIZE];
    if (moment == TIMESTAMP_NONE)
        return;
    timestamp_format(moment, text);
    set_text(own, name, text);
}

static json_t *write_sighting(const struct sighting *sighting)
{
    json_t *item = json_object();
    set_text(item, "type", observable_type_name(sighting->type));
    set_text(item, "role", sighting_role_name(sighting->role));
    set_text(item, "value", sighting->value);
    set_text(item, "tlp", tlp_name(sighting->tlp));
    if (sighting->is_indicator)
        json_object_set_new(item, "indicator", json_true());
    if (sighting->confidence >= 0)
        json_object_set_new(item, "confidence", json_integer(sighting->confidence));
    set_time(item, "valid_until", sighting->valid_until);
    return item;
}

static void set_object(json_t *own, const char *name, const char *text)
{
    json_t *object = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(object))
        json_object_set(own, name, object);
    json_decref(object);
}

void xarf_own_write(json_t *own, const struct report *report, const struct observation *observation)
{
    json_t *list = json_array();
    set_text(own, "reporter_name", report->reporter_name);
    set_text(own, "reporter_email", report->reporter_email);
    set_text(own, "creator_name", report->creator_name);
    set_text(own, "creator_email", report->creator_email);
    set_text(own, "reference", report->reference);
    set_text(own, "issuer", report->reference_issuer);
    set_text(own, "summary", report->summary);
    set_text(own, "description", report->description);
    set_text(own, "lang", report->lang);
    set_text(own, "class", report->class_name);
    set_text(own, "class_claim", report->class_claim);
    set_text(own, "pap", tlp_name(report->pap));
    set_text(own, "kind", report->case_kind);
    set_time(own, "time", report->time);
    set_object(own, "extra", report->extra);
    set_text(own, "observation_class", observation->class_name);
    set_text(own, "observation_claim", observation->class_claim);
    set_text(own, "observation_description", observation->description);
    set_text(own, "protocol", observation->protocol);
    json_object_set_new(own, "source_port", json_integer(observation->source_port));
    json_object_set_new(own, "target_port", json_integer(observation->target_port));
    for (size_t i = 0; i < observation->sighting_count; i++)
        json_array_append_new(list, write_sighting(&observation->sightings[i]));
    json_object_set_new(own, "observables", list);
}

/* --- reading --- */

static const char *text_of(struct arena *arena, const json_t *own, const char *name)
{
    return arena_strdup(arena, json_string_value(json_object_get(own, name)));
}

static int port_of(const json_t *own, const char *name)
{
    json_int_t port = json_is_integer(json_object_get(own, name)) ? json_integer_value(json_object_get(own, name)) : -1;
    return port >= 0 && port <= 65535 ? (int)port : -1;
}

static const char *class_of(const json_t *own, const char *name)
{
    const char *text = json_string_value(json_object_get(own, name));
    return text ? rsit_claimed(text) : NULL;
}

static void read_marks(struct sighting *sighting, const json_t *item)
{
    enum tlp label;
    const char *tlp = json_string_value(json_object_get(item, "tlp")), *until = json_string_value(json_object_get(item, "valid_until"));
    json_int_t confidence = json_integer_value(json_object_get(item, "confidence"));
    sighting->tlp = tlp && tlp_parse(tlp, &label) ? label : TLP_NONE;
    sighting->is_indicator = json_is_true(json_object_get(item, "indicator")) && sighting->role != ROLE_VICTIM;
    sighting->confidence = json_object_get(item, "confidence") && confidence >= 0 && confidence <= 100 ? (int)confidence : -1;
    if (!until || !timestamp_parse_rfc3339(until, &sighting->valid_until))
        sighting->valid_until = TIMESTAMP_NONE;
}

static void read_sighting(struct report *report, struct observation *to, const json_t *item)
{
    const char *type = json_string_value(json_object_get(item, "type")), *role = json_string_value(json_object_get(item, "role"));
    const char *value = json_string_value(json_object_get(item, "value"));
    enum observable_type parsed_type;
    enum sighting_role parsed_role;
    size_t before = to->sighting_count;
    if (type && role && value && observable_type_parse(type, &parsed_type) && sighting_role_parse(role, &parsed_role) &&
        report_add_sighting(report, to, parsed_type, parsed_role, value) && to->sighting_count > before)
        read_marks(&to->sightings[before], item);
}

/* Has the list a value that stands in the document itself, in whatever role? */
static bool has_value(const struct observation *list, const struct sighting *sighting)
{
    for (size_t i = 0; i < list->sighting_count; i++)
        if (list->sightings[i].type == sighting->type && str_equal(list->sightings[i].value, sighting->value))
            return true;
    return false;
}

/* The list says in which roles the values really stand. What it leaves out of the document's own values stays as it was read: nothing
 * that others see in it can be hidden from us. */
static void read_sightings(struct report *report, struct observation *observation, const json_t *list)
{
    struct observation own = {.time = TIMESTAMP_NONE};
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)list, i, item) read_sighting(report, &own, item);
    for (size_t k = 0; k < observation->sighting_count; k++) {
        const struct sighting *sighting = &observation->sightings[k];
        if (!has_value(&own, sighting))
            UNUSED(report_add_sighting(report, &own, sighting->type, sighting->role, sighting->value));
    }
    observation->sightings = own.sightings;
    observation->sighting_count = own.sighting_count;
    observation->sighting_capacity = own.sighting_capacity;
}

static void read_head(struct report *report, const json_t *own)
{
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    const char *kind = json_string_value(json_object_get(own, "kind")), *pap = json_string_value(json_object_get(own, "pap"));
    const char *time = json_string_value(json_object_get(own, "time"));
    report->reporter_name = text_of(report->arena, own, "reporter_name");
    report->reporter_email = text_of(report->arena, own, "reporter_email");
    report->creator_name = text_of(report->arena, own, "creator_name");
    report->creator_email = text_of(report->arena, own, "creator_email");
    report->reference = text_of(report->arena, own, "reference");
    report->reference_issuer = text_of(report->arena, own, "issuer");
    report->summary = text_of(report->arena, own, "summary");
    report->description = text_of(report->arena, own, "description");
    report->lang = text_of(report->arena, own, "lang");
    report->class_claim = text_of(report->arena, own, "class_claim");
    report->class_name = class_of(own, "class");
    for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i], kind))
            report->case_kind = kinds[i];
    if (!pap || !tlp_parse(pap, &report->pap))
        report->pap = TLP_NONE;
    if (time && timestamp_parse_rfc3339(time, &report->time)) {
        report->time_text = arena_strdup(report->arena, time);
        report->time_rule = "rfc3339";
    }
    if (json_is_object(json_object_get(own, "extra")))
        report->extra = json_take_rest(json_object_get(own, "extra"), report->arena);
}

void xarf_own_read(struct report *report, struct observation *observation, const json_t *own)
{
    struct arena *arena = report_row_arena(report);
    if (!json_is_object(own))
        return;
    read_head(report, own);
    observation->class_claim = text_of(arena, own, "observation_claim");
    observation->class_name = class_of(own, "observation_class");
    observation->description = text_of(arena, own, "observation_description");
    observation->protocol = text_of(arena, own, "protocol");
    observation->source_port = port_of(own, "source_port");
    observation->target_port = port_of(own, "target_port");
    read_sightings(report, observation, json_object_get(own, "observables"));
    if (json_is_true(json_object_get(own, "timeless"))) {
        observation->time = TIMESTAMP_NONE;
        observation->time_text = observation->time_rule = NULL;
    }
    /* Of a report that was none of X-ARF all that is left of the document was put there for the schema. */
    if (json_is_true(json_object_get(own, "foreign"))) {
        const json_t *extra = json_object_get(own, "observation_extra");
        observation->extra = json_is_object(extra) ? json_take_rest(extra, arena) : NULL;
    }
}
