#include "codec/misp_own.h"

#include <string.h>

#include "base/str.h"
#include "codec/misp_attribute.h"
#include "codec/misp_tag.h"
#include "model/rsit.h"

bool misp_own_event(const json_t *event)
{
    int64_t number;
    return misp_tag_own_number(event, "event", 1, 1, &number);
}

/* Takes out the tags that were understood; what others tagged stays. */
static void drop_own_tags(json_t *owner)
{
    static const char *const known[] = {MISP_TAG_OWN, "tlp:", "PAP:", "rsit:"};
    json_t *left = json_array(), *tag;
    size_t index;
    json_array_foreach(json_object_get(owner, "Tag"), index, tag)
    {
        const char *name = json_string_value(json_object_get(tag, "name"));
        bool is_known = false;
        for (size_t i = 0; name && i < ARRAY_SIZE(known); i++)
            is_known = is_known || str_starts(name, known[i]);
        if (!is_known)
            json_array_append(left, tag);
    }
    if (json_array_size(left))
        json_object_set(owner, "Tag", left);
    else
        json_object_del(owner, "Tag");
    json_decref(left);
}

/* The class of our tags: the word in cirt:class, the class in rsit:. */
static void read_class(const json_t *owner, struct arena *arena, const char **claim, const char **name)
{
    misp_tag_class(owner, arena, claim, name);
    *claim = misp_tag_own(owner, "class", arena);
}

void misp_own_head(struct report *report, json_t *event)
{
    static const char *const bookkeeping[] = {"id",
                                              "uuid",
                                              "org_id",
                                              "orgc_id",
                                              "published",
                                              "attribute_count",
                                              "analysis",
                                              "threat_level_id",
                                              "publish_timestamp",
                                              "distribution",
                                              "date",
                                              "sharing_group_id",
                                              "timestamp",
                                              "Orgc"};
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    struct arena *arena = report->arena;
    const char *reference = misp_tag_own(event, "reference", arena), *creator = misp_tag_own(event, "creator", arena),
               *kind = misp_tag_own(event, "case-kind", arena);
    report->reference = reference;
    report->creator_name = creator;
    report->lang = misp_tag_own(event, "lang", arena);
    read_class(event, arena, &report->class_claim, &report->class_name);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kind, kinds[i]))
            report->case_kind = kinds[i];
    for (size_t i = 0; i < ARRAY_SIZE(bookkeeping); i++)
        json_object_del(event, bookkeeping[i]);
    drop_own_tags(event);
}

int misp_own_number(const json_t *attribute)
{
    int64_t number = -1;
    return misp_tag_own_number(attribute, "observation", 0, INT32_MAX, &number) ? (int)number : -1;
}

/* --- an attribute --- */

static void read_port(const json_t *attribute, const char *name, int *port)
{
    int64_t number;
    if (misp_tag_own_number(attribute, name, 0, 65535, &number))
        *port = (int)number;
}

/* What the first attribute of an observation says of all of it. */
static void read_observation(const struct json_take *take)
{
    struct observation *observation = take->observation;
    struct arena *arena = report_row_arena(take->report);
    const char *time = misp_tag_own(take->object, "time", arena), *protocol = misp_tag_own(take->object, "protocol", arena);
    int64_t number, seconds;
    if (time && timestamp_parse_rfc3339(time, &observation->time)) {
        observation->time_text = time;
        observation->time_rule = "rfc3339";
    } else if (observation->time == TIMESTAMP_NONE && json_take_number(take->object, "timestamp", 1, 7258118400, &seconds)) {
        observation->time = seconds * TIMESTAMP_SECOND;
        observation->time_text = arena_printf(arena, "%lld", (long long)seconds);
        observation->time_rule = "unix";
    }
    if (protocol)
        observation->protocol = protocol;
    if (misp_tag_own_number(take->object, "count", 1, INT64_MAX, &number))
        observation->count = number;
    read_port(take->object, "source-port", &observation->source_port);
    read_port(take->object, "target-port", &observation->target_port);
    if (!observation->class_claim && !observation->class_name)
        read_class(take->object, arena, &observation->class_claim, &observation->class_name);
    if (!observation->description)
        observation->description = json_take_text(take->object, "comment", arena);
}

static void mark_sightings(const struct json_take *take, size_t before)
{
    struct arena *arena = report_row_arena(take->report);
    enum sighting_role role = ROLE_COUNT;
    const char *role_name = misp_tag_own(take->object, "role", arena), *until = misp_tag_own(take->object, "valid-until", arena);
    int64_t confidence = -1, end = TIMESTAMP_NONE;
    bool has_role = role_name && sighting_role_parse(role_name, &role);
    bool is_sure = misp_tag_own_number(take->object, "confidence", 0, 100, &confidence);
    bool has_end = until && timestamp_parse_rfc3339(until, &end);
    for (size_t i = before; i < take->observation->sighting_count; i++) {
        struct sighting *sighting = &take->observation->sightings[i];
        if (has_role)
            sighting->role = role;
        if (is_sure)
            sighting->confidence = (int)confidence;
        if (has_end)
            sighting->valid_until = end;
        sighting->is_indicator = sighting->is_indicator && sighting->role != ROLE_VICTIM;
    }
}

/* A value of a type that MISP has no name for. */
static bool read_value(const struct json_take *take)
{
    enum observable_type type;
    struct arena *arena = report_row_arena(take->report);
    const char *name = misp_tag_own(take->object, "type", arena), *value = json_string_value(json_object_get(take->object, "value"));
    size_t before = take->observation->sighting_count;
    if (!name || !value || !observable_type_parse(name, &type) ||
        !report_add_sighting(take->report, take->observation, type, ROLE_OTHER, value))
        return false;
    take->observation->sightings[before].is_indicator = misp_attribute_read_flag(take, "to_ids", false);
    json_object_del(take->object, "value");
    return true;
}

/* The JSON object that the attribute's value is, as text; NULL where it is none. */
static const char *take_object(json_t *attribute, struct arena *arena)
{
    const char *text = json_string_value(json_object_get(attribute, "value"));
    json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *object = json_is_object(value) ? json_take_rest(value, arena) : NULL;
    if (object)
        json_object_del(attribute, "value");
    json_decref(value);
    return object;
}

/* True where the text of the attribute is none that MISP knows. */
static bool read_text(const struct json_take *take, int number)
{
    struct arena *arena = number ? report_row_arena(take->report) : take->report->arena;
    const char *is = misp_tag_own(take->object, "is", arena);
    if (str_equal(is, "extra"))
        *(number ? &take->observation->extra : &take->report->extra) = take_object(take->object, arena);
    else if (str_equal(is, "description"))
        *(number ? &take->observation->description : &take->report->description) = json_take_text(take->object, "value", arena);
    else if (str_equal(is, "nothing"))
        json_object_del(take->object, "value");
    else
        return str_equal(is, "value") && number && read_value(take);
    return true;
}

void misp_own_attribute(const struct json_take *take, int number)
{
    static const char *const bookkeeping[] = {
        "id",           "type",      "category", "to_ids",           "uuid",    "event_id",
        "distribution", "timestamp", "comment",  "sharing_group_id", "deleted", "disable_correlation"};
    size_t before = number ? take->observation->sighting_count : 0;
    if (!read_text(take, number) && number)
        UNUSED(misp_attribute_read(take, NULL));
    if (number) {
        mark_sightings(take, before);
        read_observation(take);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bookkeeping); i++)
        json_object_del(take->object, bookkeeping[i]);
    drop_own_tags(take->object);
}
