#include "codec/stix_observed.h"

#include <string.h>

#include "base/str.h"
#include "codec/stix_class.h"
#include "codec/stix_extra.h"
#include "codec/stix_fill.h"
#include "codec/stix_marking.h"
#include "codec/stix_observable.h"

#define OPENCTI_EXTENSION "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba"

bool stix_observed_tells_roles(const struct stix_reader *reader, const json_t *map, const char *id)
{
    const struct stix_object *object = map ? NULL : stix_object_find(&reader->document, id);
    const char *type = stix_object_text(map ? json_object_get(map, id) : object ? object->json : NULL, "type");
    return str_equal(type, "network-traffic") || str_equal(type, "email-message");
}

static bool sight_reference(const struct stix_sight *sight, const char *id, bool wants_roles)
{
    if (!id || stix_observed_tells_roles(sight->reader, sight->map, id) != wants_roles)
        return true;
    return stix_observable_sight(sight, id, ROLE_OTHER);
}

/* object_refs are of the document, the objects of 2.0 of their own map. */
static bool sight_references(const struct stix_sight *sight, const json_t *references)
{
    size_t index;
    json_t *element;
    const char *key;
    struct stix_sight listed = *sight, inner = *sight;
    listed.map = NULL;
    sight->reader->work += json_array_size(references) + json_object_size(sight->map);
    if (sight->reader->work > STIX_WORK_MAX)
        return stix_object_fail(sight->owner, NULL, ERR_LIMIT, sight->reader->err, "too much is referred to again and again");
    listed.differing = inner.differing = stix_observable_differing(sight, references);
    for (int pass = 1; pass >= 0; pass--) {
        json_array_foreach(references, index, element)
        {
            if (!sight_reference(&listed, json_string_value(element), pass))
                return false;
        }
        json_object_foreach((json_t *)sight->map, key, element)
        {
            if (!sight_reference(&inner, key, pass))
                return false;
        }
    }
    return true;
}

static void take_own_value(struct stix_reader *reader, size_t number, size_t first, const json_t *value)
{
    struct observation *observation = stix_fill_at(reader, number);
    const json_t *confidence = json_object_get(value, "confidence");
    const char *name = stix_object_text(value, "role");
    enum sighting_role role = ROLE_OTHER;
    if (!name || !sighting_role_parse(name, &role))
        role = ROLE_OTHER;
    for (size_t i = first; i < observation->sighting_count; i++) {
        observation->sightings[i].role = role;
        observation->sightings[i].valid_until = stix_object_time(value, "valid_until");
        if (json_is_integer(confidence) && json_integer_value(confidence) >= 0 && json_integer_value(confidence) <= 100)
            observation->sightings[i].confidence = (int)json_integer_value(confidence);
    }
}

/* Our values[] stands beside the first of object_refs; traffic comes behind them and only has the ports. */
static bool sight_own(const struct stix_sight *sight, const json_t *references, const json_t *values)
{
    size_t index;
    json_t *element;
    json_array_foreach(references, index, element)
    {
        const char *id = json_string_value(element);
        const json_t *value = json_array_get(values, index);
        size_t first = stix_fill_at(sight->reader, sight->observation)->sighting_count;
        if (value && id)
            json_object_del(sight->taken, id);
        if (id && !stix_observable_sight(sight, id, ROLE_OTHER))
            return false;
        if (value)
            take_own_value(sight->reader, sight->observation, first, value);
    }
    return true;
}

static void take_own_port(const json_t *extension, const char *name, int *port)
{
    const json_t *value = json_object_get(extension, name);
    if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= 65535)
        *port = (int)json_integer_value(value);
}

static void take_own(struct stix_reader *reader, size_t number, const json_t *object, const json_t *extension)
{
    struct observation *observation = stix_fill_at(reader, number);
    struct arena *arena = report_row_arena(reader->report);
    const json_t *count = json_object_get(extension, "count");
    const char *protocol = stix_object_text(extension, "protocol");
    stix_fill_own(reader, number, object, extension);
    observation->description = arena_strdup(arena, stix_object_text(extension, "description"));
    observation->protocol = protocol ? arena_strdup(arena, protocol) : observation->protocol;
    take_own_port(extension, "source_port", &observation->source_port);
    take_own_port(extension, "target_port", &observation->target_port);
    if (json_is_integer(count) && json_integer_value(count) > 0)
        observation->count = json_integer_value(count);
    reader->statements[number].is_own = true;
}

bool stix_observed_read(struct stix_reader *reader, struct stix_object *observed)
{
    const json_t *json = observed->json, *extension = stix_extra_extension(json);
    const json_t *map = json_object_get(json, "objects"), *references = json_object_get(json, "object_refs");
    struct stix_sight sight = {.reader = reader, .owner = observed, .map = map, .taken = json_object()};
    bool ok = stix_fill_add(reader, observed, &sight.observation);
    size_t number = sight.observation;
    if (ok)
        ok = extension ? sight_own(&sight, references, json_object_get(extension, "values")) : sight_references(&sight, references);
    json_decref(sight.taken);
    if (!ok)
        return false;
    stix_fill_time(reader, number, json, "first_observed");
    stix_fill_at(reader, number)->count = json_integer_value(json_object_get(json, "number_observed"));
    if (extension) {
        take_own(reader, number, json, extension);
    } else {
        struct observation *observation = stix_fill_at(reader, number);
        stix_class_of(reader, observed, &observation->class_claim, &observation->class_name);
        stix_fill_confidence(reader, number, 0, json);
        stix_fill_references(reader, number, json);
        stix_fill_keep(reader, number, "stix", json);
    }
    observed->is_used = true;
    return true;
}

/* --- sightings --- */

/* What is told again stays under the label it was told with. */
static void keep_label(struct stix_reader *reader, size_t number, size_t first, const json_t *source)
{
    struct observation *observation = stix_fill_at(reader, number);
    enum tlp label = stix_marking_label(&reader->document, source);
    for (size_t i = first; i < observation->sighting_count; i++)
        observation->sightings[i].tlp = tlp_strictest(observation->sightings[i].tlp, label);
}

/* OpenCTI: looked for and found to be harmless. */
static bool is_negative(const json_t *sighting)
{
    const json_t *more = json_object_get(json_object_get(sighting, "extensions"), OPENCTI_EXTENSION);
    return json_is_true(json_object_get(sighting, "x_opencti_negative")) || json_is_true(json_object_get(more, "negative"));
}

/* OpenCTI names an indicator that is not there where it was an observable that was sighted. */
static const struct stix_object *find_target(const struct stix_reader *reader, const json_t *sighting)
{
    const char *meant = stix_object_text(sighting, "x_opencti_sighting_of_ref");
    const struct stix_object *target = stix_object_find(&reader->document, meant);
    return target ? target : stix_object_find(&reader->document, stix_object_text(sighting, "sighting_of_ref"));
}

static bool sight_target(struct stix_reader *reader, const struct stix_object *sighting, size_t number, const struct stix_object *target)
{
    struct stix_pattern pattern;
    struct err ignored;
    const char *type = target ? stix_object_text(target->json, "pattern_type") : NULL;
    const char *text = target && (!type || str_equal(type, "stix")) ? stix_object_text(target->json, "pattern") : NULL;
    arena_reset(reader->scratch);
    if (!text || !stix_pattern_parse(reader->scratch, text, &pattern, &ignored))
        return true;
    reader->work += strlen(text) / 16;
    if (reader->work > STIX_WORK_MAX)
        return stix_object_fail(sighting, NULL, ERR_LIMIT, reader->err, "too many sightings of long patterns");
    json_t *not_decomposed = json_array(); /* stands with the indicator */
    struct stix_sight sight = {.reader = reader, .observation = number, .owner = sighting, .is_repeat = true};
    bool ok = stix_observable_pattern(&sight, &pattern, false, not_decomposed);
    json_decref(not_decomposed);
    keep_label(reader, number, 0, target->json);
    return ok;
}

static bool sight_observed(struct stix_reader *reader, const struct stix_object *sighting, size_t number, const struct stix_object *target)
{
    size_t index;
    json_t *element;
    struct stix_sight sight = {.reader = reader, .observation = number, .owner = sighting, .taken = json_object(), .is_repeat = true};
    bool ok = !target || !stix_object_is_observable(target) || stix_observable_sight(&sight, target->id, ROLE_OTHER);
    json_array_foreach(json_object_get(sighting->json, "observed_data_refs"), index, element)
    {
        const struct stix_object *observed = stix_object_find(&reader->document, json_string_value(element));
        if (!ok || !observed)
            continue;
        size_t first = stix_fill_at(reader, number)->sighting_count;
        sight.map = json_object_get(observed->json, "objects");
        if (sight.map)
            json_object_clear(sight.taken);
        ok = sight_references(&sight, json_object_get(observed->json, "object_refs"));
        keep_label(reader, number, first, observed->json);
    }
    json_decref(sight.taken);
    return ok;
}

static void describe_sighting(struct stix_reader *reader, size_t number, const json_t *sighting, const struct stix_object *target)
{
    struct arena *arena = report_row_arena(reader->report);
    struct observation *observation = stix_fill_at(reader, number);
    const char *name = target ? stix_object_text(target->json, "name") : NULL;
    const char *text = stix_object_text(sighting, "description");
    const char *of = target ? target->id : stix_object_text(sighting, "sighting_of_ref");
    if (text)
        observation->description = arena_strdup(arena, text);
    else
        observation->description =
            name ? arena_printf(arena, "sighting of %s %s", target->type, name) : arena_printf(arena, "sighting of %s", of);
}

bool stix_observed_sighting(struct stix_reader *reader, struct stix_object *sighting)
{
    const json_t *json = sighting->json, *count = json_object_get(json, "count");
    size_t number;
    if (is_negative(json) || (json_is_integer(count) && json_integer_value(count) == 0))
        return true; /* looked for and not seen: kept beside */
    const struct stix_object *target = find_target(reader, json);
    if (!stix_fill_add(reader, sighting, &number) || !sight_target(reader, sighting, number, target) ||
        !sight_observed(reader, sighting, number, target))
        return false;
    stix_fill_time(reader, number, json,
                   stix_object_text(json, "first_seen")  ? "first_seen"
                   : stix_object_text(json, "last_seen") ? "last_seen"
                                                         : "created");
    struct observation *observation = stix_fill_at(reader, number);
    if (json_is_integer(count) && json_integer_value(count) > 0)
        observation->count = json_integer_value(count);
    stix_class_of(reader, sighting, &observation->class_claim, &observation->class_name);
    if (target && !observation->class_claim)
        stix_class_of(reader, target, &observation->class_claim, &observation->class_name);
    describe_sighting(reader, number, json, target);
    stix_fill_confidence(reader, number, 0, json);
    stix_fill_keep(reader, number, "stix", json);
    sighting->is_used = true;
    return true;
}
