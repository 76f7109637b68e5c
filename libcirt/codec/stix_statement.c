#include "codec/stix_statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/stix_class.h"
#include "codec/stix_extra.h"
#include "codec/stix_marking.h"
#include "codec/stix_observable.h"
#include "model/rsit.h"

/* --- observations --- */

static struct observation *observation_at(const struct stix_reader *reader, size_t number)
{
    return &reader->report->observations[number];
}

static bool add_observation(struct stix_reader *reader, const struct stix_object *object, size_t *number)
{
    struct report *report = reader->report;
    if (report->observation_count >= reader->limits->observations_max)
        return stix_object_fail(object, NULL, ERR_LIMIT, reader->err, "more observations than the limit");
    *number = report->observation_count;
    report_add_observation(report);
    reader->statements = mem_grow(reader->statements, &reader->statement_capacity, *number, sizeof *reader->statements);
    reader->statements[*number] = (struct stix_statement){.label = stix_marking_label(&reader->document, object->json)};
    reader->observation_of[object->index] = *number + 1;
    return true;
}

static void set_time(struct stix_reader *reader, size_t number, const json_t *object, const char *member)
{
    struct observation *observation = observation_at(reader, number);
    observation->time = stix_object_time(object, member);
    if (observation->time == TIMESTAMP_NONE)
        return;
    observation->time_text = arena_strdup(report_row_arena(reader->report), stix_object_text(object, member));
    observation->time_rule = "rfc3339";
}

/* The object as it is; what stands in the observation word for word goes when it is written (drop_description()). */
static void keep_object(struct stix_reader *reader, size_t number, const char *name, const json_t *object)
{
    struct stix_statement *statement = &reader->statements[number];
    if (!statement->extra)
        statement->extra = json_object();
    if (!json_object_get(statement->extra, name)) {
        json_object_set(statement->extra, name, (json_t *)object);
        return;
    }
    json_t *further = json_object_get(statement->extra, "stix_further");
    if (!further) {
        further = json_array();
        json_object_set_new(statement->extra, "stix_further", further);
    }
    json_array_append(further, (json_t *)object);
}

/* For people: the description, else the name. */
static void describe(struct stix_reader *reader, size_t number, const json_t *object)
{
    const char *text = stix_object_text(object, "description");
    observation_at(reader, number)->description =
        arena_strdup(report_row_arena(reader->report), text ? text : stix_object_text(object, "name"));
}

static void set_confidence(struct stix_reader *reader, size_t number, size_t first, const json_t *object)
{
    const json_t *confidence = json_object_get(object, "confidence");
    struct observation *observation = observation_at(reader, number);
    for (size_t i = first; json_is_integer(confidence) && i < observation->sighting_count; i++)
        observation->sightings[i].confidence = (int)json_integer_value(confidence);
}

/* CVE ids among its external references are of what it says. */
static void add_references(struct stix_reader *reader, size_t number, const json_t *object)
{
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(object, "external_references"), index, element)
    {
        const char *source = stix_object_text(element, "source_name"), *id = stix_object_text(element, "external_id");
        bool is_cve = source && id && (str_equal_nocase(source, "cve") || str_starts_nocase(id, "cve-"));
        if (is_cve && ++reader->sighting_count < reader->limits->observations_max * STIX_SIGHTINGS_PER_OBSERVATION &&
            !report_add_sighting(reader->report, observation_at(reader, number), OBSERVABLE_CVE, ROLE_OTHER, id))
            continue; /* another numbering: it is kept as it is */
    }
}

/* What we wrote, and what others put into our objects since. */
static const char *own_extra(struct stix_reader *reader, const json_t *object, const json_t *extension)
{
    struct arena *arena = report_row_arena(reader->report);
    const char *text = arena_strdup(arena, stix_extra_own(reader, extension));
    json_t *rest = stix_extra_rest(object);
    if (!rest)
        return text;
    json_t *extra = text ? json_loads(text, 0, NULL) : json_object();
    json_object_set_new(extra, "stix_further", rest);
    text = stix_extra_text(extra, arena);
    json_decref(extra);
    return text;
}

static void take_own_class(struct stix_reader *reader, size_t number, const json_t *object, const json_t *extension)
{
    struct observation *observation = observation_at(reader, number);
    struct arena *arena = report_row_arena(reader->report);
    observation->class_claim = arena_strdup(arena, stix_object_text(extension, "class"));
    observation->class_name = observation->class_claim ? rsit_claimed(observation->class_claim) : NULL;
    if (json_is_true(json_object_get(extension, "time_unknown"))) {
        observation->time = TIMESTAMP_NONE;
        observation->time_text = observation->time_rule = NULL;
    }
    observation->extra = own_extra(reader, object, extension);
}

/* --- indicators --- */

static void reject_pattern(struct stix_reader *reader, const struct stix_object *indicator, const struct err *why)
{
    struct arena *arena = reader->report->arena;
    report_reject(reader->report, stix_object_place(indicator, "pattern", arena),
                  arena_printf(arena, "no STIX pattern: %s: %s", why->at, why->text));
}

/* Adds the pattern's values; what is not taken apart goes into *not_decomposed. */
static bool read_pattern(struct stix_reader *reader, const struct stix_object *indicator, size_t number, json_t *not_decomposed)
{
    const char *type = stix_object_text(indicator->json, "pattern_type"), *text = stix_object_text(indicator->json, "pattern");
    struct stix_pattern pattern;
    struct err why = {0};
    if (type && !str_equal(type, "stix")) {
        json_array_append_new(not_decomposed, json_string("pattern"));
        return true;
    }
    arena_reset(reader->scratch);
    if (!stix_pattern_parse(reader->scratch, text ? text : "", &pattern, &why)) {
        reject_pattern(reader, indicator, &why);
        json_array_append_new(not_decomposed, json_string("pattern"));
        return true;
    }
    struct stix_sight sight = {.reader = reader, .observation = number, .owner = indicator};
    return stix_observable_pattern(&sight, &pattern, true, not_decomposed);
}

static void keep_not_decomposed(struct stix_reader *reader, size_t number, json_t *list)
{
    struct stix_statement *statement = &reader->statements[number];
    if (json_array_size(list)) {
        if (!statement->extra)
            statement->extra = json_object();
        json_t *there = json_object_get(statement->extra, "not_decomposed");
        if (there)
            json_array_extend(there, list);
        else
            json_object_set(statement->extra, "not_decomposed", list);
    }
    json_decref(list);
}

/* The label, end and name of the indicator on the values it brought. */
static void mark_values(struct stix_reader *reader, const struct stix_object *indicator, size_t number, size_t first)
{
    struct observation *observation = observation_at(reader, number);
    int64_t end = stix_object_time(indicator->json, "valid_until");
    enum tlp label = stix_marking_label(&reader->document, indicator->json);
    for (size_t i = first; i < observation->sighting_count; i++) {
        observation->sightings[i].valid_until = end;
        observation->sightings[i].indicator_id = report_indicator_id(indicator->id);
        observation->sightings[i].tlp = tlp_strictest(observation->sightings[i].tlp, label);
    }
    set_confidence(reader, number, first, indicator->json);
}

static bool read_indicator(struct stix_reader *reader, struct stix_object *indicator)
{
    size_t number;
    const json_t *json = indicator->json, *extension = stix_extra_extension(json);
    json_t *not_decomposed = json_array();
    bool is_own = false;
    bool ok = add_observation(reader, indicator, &number) && read_pattern(reader, indicator, number, not_decomposed);
    if (ok) {
        mark_values(reader, indicator, number, 0);
        set_time(reader, number, json, stix_object_text(json, "valid_from") ? "valid_from" : "created");
        struct observation *observation = observation_at(reader, number);
        is_own = extension && !json_array_size(not_decomposed); /* what we write we can take apart */
        if (is_own) {
            observation->description = arena_strdup(report_row_arena(reader->report), stix_object_text(json, "description"));
            take_own_class(reader, number, json, extension);
            reader->statements[number].is_own = true;
        } else {
            describe(reader, number, json);
            stix_class_of(reader, indicator, &observation->class_claim, &observation->class_name);
            add_references(reader, number, json);
            keep_object(reader, number, "stix", json);
        }
        indicator->is_used = true;
    }
    if (ok && !is_own)
        keep_not_decomposed(reader, number, not_decomposed);
    else
        json_decref(not_decomposed);
    return ok;
}

/* --- indicators of observed data --- */

static void value_key(struct buf *key, const struct sighting *sighting)
{
    buf_reset(key);
    buf_printf(key, "%d %s", (int)sighting->type, sighting->value);
}

/* Values seen and asked for are marked; those only asked for stay at the end. The values of the indicator stand from `first` on. */
static void merge_values(struct observation *observation, size_t first, bool is_own)
{
    json_t *seen = json_object();
    struct buf key;
    buf_init(&key, SIZE_MAX / 2);
    for (size_t i = first; i-- > 0;) {
        value_key(&key, &observation->sightings[i]);
        json_object_set_new(seen, buf_text(&key), json_integer((json_int_t)i));
    }
    size_t kept = first;
    for (size_t i = first; i < observation->sighting_count; i++) {
        struct sighting *asked = &observation->sightings[i];
        value_key(&key, asked);
        const json_t *found = json_object_get(seen, buf_text(&key));
        if (!found) {
            observation->sightings[kept++] = *asked;
            continue;
        }
        struct sighting *there = &observation->sightings[json_integer_value(found)];
        there->tlp = is_own ? there->tlp : tlp_strictest(there->tlp, asked->tlp);
        there->is_indicator = there->is_indicator || (asked->is_indicator && there->role != ROLE_VICTIM);
        /* Where traffic went to, and what the sender wants found, is no victim's. */
        if (!is_own && asked->is_indicator && (there->role == ROLE_TARGET || there->role == ROLE_OTHER))
            there->role = asked->role;
        there->confidence = asked->confidence >= 0 ? asked->confidence : there->confidence;
        there->valid_until = asked->valid_until != TIMESTAMP_NONE ? asked->valid_until : there->valid_until;
        there->indicator_id = asked->indicator_id;
    }
    observation->sighting_count = kept;
    json_decref(seen);
    buf_clear(&key);
}

/* What the observed data left open. */
static void fill_in(struct stix_reader *reader, const struct stix_object *indicator, size_t number)
{
    struct observation *observation = observation_at(reader, number);
    if (!observation->description)
        describe(reader, number, indicator->json);
    if (!observation->class_claim)
        stix_class_of(reader, indicator, &observation->class_claim, &observation->class_name);
    add_references(reader, number, indicator->json);
    keep_object(reader, number, "stix_indicator", indicator->json);
}

static bool merge_indicator(struct stix_reader *reader, struct stix_object *indicator, size_t number)
{
    struct observation *observation = observation_at(reader, number);
    size_t first = observation->sighting_count;
    json_t *not_decomposed = json_array();
    bool is_own = stix_extra_extension(indicator->json) && reader->statements[number].is_own;
    if (!read_pattern(reader, indicator, number, not_decomposed)) {
        json_decref(not_decomposed);
        return false;
    }
    is_own = is_own && !json_array_size(not_decomposed);
    mark_values(reader, indicator, number, first);
    observation = observation_at(reader, number);
    reader->work += observation->sighting_count;
    if (reader->work > STIX_WORK_MAX) {
        json_decref(not_decomposed);
        return stix_object_fail(indicator, NULL, ERR_LIMIT, reader->err, "too many indicators are based on the same observed data");
    }
    merge_values(observation, first, is_own);
    if (is_own) {
        json_decref(not_decomposed);
    } else {
        fill_in(reader, indicator, number);
        keep_not_decomposed(reader, number, not_decomposed);
    }
    reader->observation_of[indicator->index] = number + 1;
    indicator->is_used = true;
    return true;
}

/* --- observed data --- */

/* Network traffic and mails first: they know the roles of what else is listed. */
static bool tells_roles(const struct stix_reader *reader, const json_t *map, const char *id)
{
    const struct stix_object *object = map ? NULL : stix_object_find(&reader->document, id);
    const char *type = stix_object_text(map ? json_object_get(map, id) : object ? object->json : NULL, "type");
    return str_equal(type, "network-traffic") || str_equal(type, "email-message");
}

static bool sight_reference(const struct stix_sight *sight, const char *id, bool wants_roles)
{
    if (!id || tells_roles(sight->reader, sight->map, id) != wants_roles)
        return true;
    return stix_observable_sight(sight, id, ROLE_OTHER);
}

static bool sight_references(const struct stix_sight *sight, const json_t *references)
{
    size_t index;
    json_t *element;
    const char *key;
    sight->reader->work += json_array_size(references) + json_object_size(sight->map);
    if (sight->reader->work > STIX_WORK_MAX)
        return stix_object_fail(sight->owner, NULL, ERR_LIMIT, sight->reader->err, "too much is referred to again and again");
    for (int pass = 1; pass >= 0; pass--) {
        json_array_foreach(references, index, element)
        {
            if (!sight_reference(sight, json_string_value(element), pass))
                return false;
        }
        json_object_foreach((json_t *)sight->map, key, element)
        {
            if (!sight_reference(sight, key, pass))
                return false;
        }
    }
    return true;
}

static void take_own_value(struct stix_reader *reader, size_t number, size_t first, const json_t *value)
{
    struct observation *observation = observation_at(reader, number);
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
        size_t first = observation_at(sight->reader, sight->observation)->sighting_count;
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
    struct observation *observation = observation_at(reader, number);
    struct arena *arena = report_row_arena(reader->report);
    const json_t *count = json_object_get(extension, "count");
    const char *protocol = stix_object_text(extension, "protocol");
    take_own_class(reader, number, object, extension);
    observation->description = arena_strdup(arena, stix_object_text(extension, "description"));
    observation->protocol = protocol ? arena_strdup(arena, protocol) : observation->protocol;
    take_own_port(extension, "source_port", &observation->source_port);
    take_own_port(extension, "target_port", &observation->target_port);
    if (json_is_integer(count) && json_integer_value(count) > 0)
        observation->count = json_integer_value(count);
    reader->statements[number].is_own = true;
}

static bool read_observed_data(struct stix_reader *reader, struct stix_object *observed)
{
    const json_t *json = observed->json, *extension = stix_extra_extension(json);
    const json_t *map = json_object_get(json, "objects"), *references = json_object_get(json, "object_refs");
    struct stix_sight sight = {.reader = reader, .owner = observed, .map = map, .taken = json_object()};
    bool ok = add_observation(reader, observed, &sight.observation);
    size_t number = sight.observation;
    if (ok)
        ok = extension ? sight_own(&sight, references, json_object_get(extension, "values")) : sight_references(&sight, references);
    json_decref(sight.taken);
    if (!ok)
        return false;
    set_time(reader, number, json, "first_observed");
    observation_at(reader, number)->count = json_integer_value(json_object_get(json, "number_observed"));
    if (extension) {
        take_own(reader, number, json, extension);
    } else {
        struct observation *observation = observation_at(reader, number);
        stix_class_of(reader, observed, &observation->class_claim, &observation->class_name);
        set_confidence(reader, number, 0, json);
        add_references(reader, number, json);
        keep_object(reader, number, "stix", json);
    }
    observed->is_used = true;
    return true;
}

/* --- sightings --- */

/* What is told again stays under the label it was told with. */
static void keep_label(struct stix_reader *reader, size_t number, size_t first, const json_t *source)
{
    struct observation *observation = observation_at(reader, number);
    enum tlp label = stix_marking_label(&reader->document, source);
    for (size_t i = first; i < observation->sighting_count; i++)
        observation->sightings[i].tlp = tlp_strictest(observation->sightings[i].tlp, label);
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

static bool sight_observed(struct stix_reader *reader, const struct stix_object *sighting, size_t number)
{
    size_t index;
    json_t *element;
    struct stix_sight sight = {.reader = reader, .observation = number, .owner = sighting, .taken = json_object(), .is_repeat = true};
    bool ok = true;
    json_array_foreach(json_object_get(sighting->json, "observed_data_refs"), index, element)
    {
        const struct stix_object *observed = stix_object_find(&reader->document, json_string_value(element));
        if (!ok || !observed)
            continue;
        size_t first = observation_at(reader, number)->sighting_count;
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
    struct observation *observation = observation_at(reader, number);
    const char *name = target ? stix_object_text(target->json, "name") : NULL;
    const char *text = stix_object_text(sighting, "description");
    const char *of = stix_object_text(sighting, "sighting_of_ref");
    if (text)
        observation->description = arena_strdup(arena, text);
    else
        observation->description =
            name ? arena_printf(arena, "sighting of %s %s", target->type, name) : arena_printf(arena, "sighting of %s", of);
}

/* What was sighted, and where it was seen. Nothing here is for detection: that the indicator itself says. */
static bool read_sighting(struct stix_reader *reader, struct stix_object *sighting)
{
    const json_t *json = sighting->json, *count = json_object_get(json, "count");
    size_t number;
    if (json_is_integer(count) && json_integer_value(count) == 0)
        return true; /* looked for and not seen: kept beside */
    const struct stix_object *target = stix_object_find(&reader->document, stix_object_text(json, "sighting_of_ref"));
    if (!add_observation(reader, sighting, &number) || !sight_target(reader, sighting, number, target) ||
        !sight_observed(reader, sighting, number))
        return false;
    set_time(reader, number, json,
             stix_object_text(json, "first_seen")  ? "first_seen"
             : stix_object_text(json, "last_seen") ? "last_seen"
                                                   : "created");
    struct observation *observation = observation_at(reader, number);
    if (json_is_integer(count) && json_integer_value(count) > 0)
        observation->count = json_integer_value(count);
    stix_class_of(reader, sighting, &observation->class_claim, &observation->class_name);
    if (target && !observation->class_claim)
        stix_class_of(reader, target, &observation->class_claim, &observation->class_name);
    describe_sighting(reader, number, json, target);
    set_confidence(reader, number, 0, json);
    keep_object(reader, number, "stix", json);
    sighting->is_used = true;
    return true;
}

/* --- vulnerabilities --- */

static bool read_vulnerability(struct stix_reader *reader, struct stix_object *vulnerability)
{
    const json_t *json = vulnerability->json, *extension = stix_extra_extension(json);
    size_t number;
    if (json_is_true(json_object_get(extension, "in_observations"))) {
        vulnerability->is_used = true;
        return true;
    }
    if (!add_observation(reader, vulnerability, &number))
        return false;
    struct observation *observation = observation_at(reader, number);
    add_references(reader, number, json);
    if (!observation->sighting_count &&
        !report_add_sighting(reader->report, observation, OBSERVABLE_CVE, ROLE_OTHER, stix_object_text(json, "name")))
        observation->description = arena_strdup(report_row_arena(reader->report), stix_object_text(json, "name"));
    for (size_t i = 0; i < observation->sighting_count; i++)
        observation->sightings[i].tlp = reader->statements[number].label;
    if (extension) {
        observation->description = arena_strdup(report_row_arena(reader->report), stix_object_text(json, "description"));
        set_time(reader, number, extension, "observed");
        take_own_class(reader, number, json, extension);
        reader->statements[number].is_own = true;
    } else {
        describe(reader, number, json);
        set_confidence(reader, number, 0, json);
        stix_class_of(reader, vulnerability, &observation->class_claim, &observation->class_name);
        keep_object(reader, number, "stix", json);
    }
    vulnerability->is_used = true;
    return true;
}

/* --- observables that stand for themselves --- */

/* Nobody says anything of it but that it is: an observation without a time, where it holds any value at all. */
static bool read_observable(struct stix_reader *reader, struct stix_object *object)
{
    struct stix_sight sight = {.reader = reader, .owner = object, .taken = json_object()};
    bool ok = add_observation(reader, object, &sight.observation) && stix_observable_sight(&sight, object->id, ROLE_OTHER);
    json_decref(sight.taken);
    if (!ok)
        return false;
    if (!observation_at(reader, sight.observation)->sighting_count) {
        reader->report->observation_count--;
        reader->observation_of[object->index] = 0;
    } else if (reader->statements[sight.observation].label == TLP_NONE) {
        reader->has_unmarked_value = true;
    }
    return true;
}

static bool read_observables(struct stix_reader *reader, bool wants_roles)
{
    for (size_t i = 0; i < reader->document.count; i++) {
        struct stix_object *object = &reader->document.items[i];
        bool is_open = !object->is_old && !object->is_seen && !object->is_used && !json_object_get(object->json, "created");
        if (is_open && tells_roles(reader, NULL, object->id) == wants_roles && !read_observable(reader, object))
            return false;
    }
    return true;
}

/* --- all of them --- */

static void link_objects(struct stix_reader *reader)
{
    struct stix_document *document = &reader->document;
    reader->links = mem_calloc(document->count, sizeof *reader->links);
    for (size_t i = document->count; i-- > 0;) { /* from the end, so that each list is in order */
        struct stix_object *relationship = &document->items[i];
        if (!str_equal(relationship->type, "relationship") || relationship->is_old)
            continue;
        const struct stix_object *source = stix_object_find(document, stix_object_text(relationship->json, "source_ref"));
        const struct stix_object *target = stix_object_find(document, stix_object_text(relationship->json, "target_ref"));
        if (!source || !target || json_is_true(json_object_get(relationship->json, "revoked")))
            continue;
        reader->links[reader->link_count++] =
            (struct stix_link){.relationship = relationship, .target = target, .next = reader->first_link[source->index]};
        reader->first_link[source->index] = reader->link_count;
    }
}

static bool has_word(const json_t *list, const char *word)
{
    size_t index;
    json_t *element;
    json_array_foreach(list, index, element)
    {
        if (str_equal(json_string_value(element), word))
            return true;
    }
    return false;
}

/* What its maker took back, or calls harmless, is work for nobody: it is kept beside. */
static bool is_void(const struct stix_object *object)
{
    return object->is_old || json_is_true(json_object_get(object->json, "revoked")) ||
           has_word(json_object_get(object->json, "indicator_types"), "benign");
}

/* The relationship by which the indicator rests on observed data of the document; NULL for none. */
static const struct stix_link *basis_of(const struct stix_reader *reader, const struct stix_object *indicator)
{
    for (size_t i = reader->first_link[indicator->index]; i; i = reader->links[i - 1].next) {
        const struct stix_link *link = &reader->links[i - 1];
        if (str_equal(link->target->type, "observed-data") && !is_void(link->target) &&
            str_equal(stix_object_text(link->relationship->json, "relationship_type"), "based-on"))
            return link;
    }
    return NULL;
}

static const struct {
    const char *type;
    bool (*read)(struct stix_reader *reader, struct stix_object *object);
} readers[] = {
    {"indicator", read_indicator},
    {"observed-data", read_observed_data},
    {"sighting", read_sighting},
    {"vulnerability", read_vulnerability},
};

static bool read_object(struct stix_reader *reader, struct stix_object *object)
{
    if (is_void(object) && !object->is_old && str_equal(object->type, "indicator"))
        report_withdraw(reader->report, object->id);
    if (is_void(object) || (str_equal(object->type, "indicator") && basis_of(reader, object)))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        if (str_equal(readers[i].type, object->type))
            return readers[i].read(reader, object);
    return true;
}

static bool merge_object(struct stix_reader *reader, struct stix_object *object)
{
    const struct stix_link *link = !is_void(object) && str_equal(object->type, "indicator") ? basis_of(reader, object) : NULL;
    if (!link)
        return true;
    if (!merge_indicator(reader, object, reader->observation_of[link->target->index] - 1))
        return false;
    if (stix_extra_extension(object->json))
        reader->document.items[link->relationship->index].is_used = true;
    return true;
}

bool stix_statement_read_all(struct stix_reader *reader)
{
    struct stix_document *document = &reader->document;
    reader->observation_of = mem_calloc(document->count, sizeof *reader->observation_of);
    reader->first_link = mem_calloc(document->count, sizeof *reader->first_link);
    reader->own_class = mem_calloc(document->count, sizeof *reader->own_class);
    reader->full_class = mem_calloc(document->count, sizeof *reader->full_class);
    link_objects(reader);
    for (size_t i = 0; i < document->count; i++)
        if (!read_object(reader, &document->items[i]))
            return false;
    for (size_t i = 0; i < document->count; i++)
        if (!merge_object(reader, &document->items[i]))
            return false;
    return read_observables(reader, true) && read_observables(reader, false);
}

static void finish_labels(struct stix_reader *reader, size_t number)
{
    struct observation *observation = observation_at(reader, number);
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct stix_statement *statement = &reader->statements[number];
        enum tlp label = statement->is_own ? TLP_NONE : statement->label; /* ours stand on the values themselves */
        label = tlp_strictest(observation->sightings[i].tlp, label);
        observation->sightings[i].tlp = label == reader->report->tlp ? TLP_NONE : label;
    }
}

/* The object without it, where the observation says the same. The caller's; the object is the document's and stays as it is. */
static json_t *without_description(json_t *object, const char *description)
{
    if (!json_is_object(object) || !str_equal(stix_object_text(object, "description"), description))
        return json_incref(object);
    json_t *copy = json_copy(object);
    json_object_del(copy, "description");
    return copy;
}

static void drop_description(json_t *extra, const char *description)
{
    const char *name;
    json_t *kept, *further;
    size_t index;
    if (!description)
        return;
    json_object_foreach(extra, name, kept)
    {
        json_object_set_new(extra, name, without_description(kept, description));
    }
    json_array_foreach(json_object_get(extra, "stix_further"), index, further)
    {
        json_array_set_new(json_object_get(extra, "stix_further"), index, without_description(further, description));
    }
}

void stix_statement_finish(struct stix_reader *reader)
{
    for (size_t i = 0; i < reader->report->observation_count; i++) {
        struct observation *observation = observation_at(reader, i);
        struct stix_statement *statement = &reader->statements[i];
        finish_labels(reader, i);
        if (!statement->is_own) {
            drop_description(statement->extra, observation->description);
            observation->extra = stix_extra_text(statement->extra, report_row_arena(reader->report));
        }
        json_decref(statement->extra);
        statement->extra = NULL;
    }
}

void stix_statement_clear(struct stix_reader *reader)
{
    for (size_t i = 0; reader->statements && i < reader->report->observation_count; i++)
        json_decref(reader->statements[i].extra);
    free(reader->statements);
    free(reader->observation_of);
    free(reader->first_link);
    free(reader->links);
    free(reader->own_class);
    free(reader->full_class);
}
