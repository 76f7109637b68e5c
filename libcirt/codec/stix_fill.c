#include "codec/stix_fill.h"

#include "base/str.h"
#include "codec/stix_extra.h"
#include "codec/stix_marking.h"
#include "model/rsit.h"

struct observation *stix_fill_at(const struct stix_reader *reader, size_t number)
{
    return &reader->report->observations[number];
}

bool stix_fill_add(struct stix_reader *reader, const struct stix_object *object, size_t *number)
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

void stix_fill_time(struct stix_reader *reader, size_t number, const json_t *object, const char *member)
{
    struct observation *observation = stix_fill_at(reader, number);
    observation->time = stix_object_time(object, member);
    if (observation->time == TIMESTAMP_NONE)
        return;
    observation->time_text = arena_strdup(report_row_arena(reader->report), stix_object_text(object, member));
    observation->time_rule = "rfc3339";
}

void stix_fill_keep(struct stix_reader *reader, size_t number, const char *name, const json_t *object)
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

void stix_fill_describe(struct stix_reader *reader, size_t number, const json_t *object)
{
    const char *text = stix_object_text(object, "description");
    stix_fill_at(reader, number)->description =
        arena_strdup(report_row_arena(reader->report), text ? text : stix_object_text(object, "name"));
}

void stix_fill_confidence(struct stix_reader *reader, size_t number, size_t first, const json_t *object)
{
    const json_t *confidence = json_object_get(object, "confidence");
    struct observation *observation = stix_fill_at(reader, number);
    for (size_t i = first; json_is_integer(confidence) && i < observation->sighting_count; i++)
        observation->sightings[i].confidence = (int)json_integer_value(confidence);
}

void stix_fill_references(struct stix_reader *reader, size_t number, const json_t *object)
{
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(object, "external_references"), index, element)
    {
        const char *source = stix_object_text(element, "source_name"), *id = stix_object_text(element, "external_id");
        bool is_cve = source && id && (str_equal_nocase(source, "cve") || str_starts_nocase(id, "cve-"));
        if (is_cve && ++reader->sighting_count < reader->limits->observations_max * STIX_SIGHTINGS_PER_OBSERVATION &&
            !report_add_sighting(reader->report, stix_fill_at(reader, number), OBSERVABLE_CVE, ROLE_OTHER, id))
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

void stix_fill_own(struct stix_reader *reader, size_t number, const json_t *object, const json_t *extension)
{
    struct observation *observation = stix_fill_at(reader, number);
    struct arena *arena = report_row_arena(reader->report);
    observation->class_claim = arena_strdup(arena, stix_object_text(extension, "class"));
    observation->class_name = observation->class_claim ? rsit_claimed(observation->class_claim) : NULL;
    if (json_is_true(json_object_get(extension, "time_unknown"))) {
        observation->time = TIMESTAMP_NONE;
        observation->time_text = observation->time_rule = NULL;
    }
    observation->extra = own_extra(reader, object, extension);
}
