#include "codec/stix_statement.h"

#include <stdlib.h>

#include "base/str.h"
#include "codec/stix_class.h"
#include "codec/stix_extra.h"
#include "codec/stix_fill.h"
#include "codec/stix_indicator.h"
#include "codec/stix_marking.h"
#include "codec/stix_observable.h"
#include "codec/stix_observed.h"
#include "codec/stix_role.h"

/* --- vulnerabilities --- */

static bool read_vulnerability(struct stix_reader *reader, struct stix_object *vulnerability)
{
    const json_t *json = vulnerability->json, *extension = stix_extra_extension(json);
    size_t number;
    if (json_is_true(json_object_get(extension, "in_observations"))) {
        vulnerability->is_used = true;
        return true;
    }
    if (!stix_fill_add(reader, vulnerability, &number))
        return false;
    struct observation *observation = stix_fill_at(reader, number);
    stix_fill_references(reader, number, json);
    if (!observation->sighting_count &&
        !report_add_sighting(reader->report, observation, OBSERVABLE_CVE, ROLE_OTHER, stix_object_text(json, "name")))
        observation->description = arena_strdup(report_row_arena(reader->report), stix_object_text(json, "name"));
    for (size_t i = 0; i < observation->sighting_count; i++)
        observation->sightings[i].tlp = reader->statements[number].label;
    if (extension) {
        observation->description = arena_strdup(report_row_arena(reader->report), stix_object_text(json, "description"));
        stix_fill_time(reader, number, extension, "observed");
        stix_fill_own(reader, number, json, extension);
        reader->statements[number].is_own = true;
    } else {
        stix_fill_describe(reader, number, json);
        stix_fill_confidence(reader, number, 0, json);
        stix_class_of(reader, vulnerability, &observation->class_claim, &observation->class_name);
        stix_fill_keep(reader, number, "stix", json);
    }
    vulnerability->is_used = true;
    return true;
}

/* --- observables that stand for themselves --- */

/* Nobody says anything of it but that it is: an observation without a time, where it holds any value at all. */
static bool read_observable(struct stix_reader *reader, struct stix_object *object)
{
    struct stix_sight sight = {.reader = reader, .owner = object, .taken = json_object()};
    bool ok = stix_fill_add(reader, object, &sight.observation) && stix_observable_sight(&sight, object->id, ROLE_OTHER);
    json_decref(sight.taken);
    if (!ok)
        return false;
    if (!stix_fill_at(reader, sight.observation)->sighting_count) {
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
        bool is_open = !object->is_old && !object->is_seen && !object->is_used && stix_object_is_observable(object);
        if (is_open && stix_observed_tells_roles(reader, NULL, object->id) == wants_roles && !read_observable(reader, object))
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
        if (!source || !target || stix_object_is_revoked(relationship))
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
    bool has_labels = stix_object_is_20(object) && str_equal(object->type, "indicator");
    return object->is_old || stix_object_is_revoked(object) || has_word(json_object_get(object->json, "indicator_types"), "benign") ||
           (has_labels && has_word(json_object_get(object->json, "labels"), "benign"));
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
    {"indicator", stix_indicator_read},
    {"observed-data", stix_observed_read},
    {"sighting", stix_observed_sighting},
    {"vulnerability", read_vulnerability},
};

static bool read_object(struct stix_reader *reader, struct stix_object *object)
{
    if (is_void(object) && !object->is_old && str_equal(object->type, "indicator"))
        report_withdraw(reader->report, object->id, object->modified);
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
    if (!stix_indicator_merge(reader, object, reader->observation_of[link->target->index] - 1))
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
    if (!read_observables(reader, true) || !read_observables(reader, false))
        return false;
    stix_role_settle(reader);
    return true;
}

static void finish_labels(struct stix_reader *reader, size_t number)
{
    struct observation *observation = stix_fill_at(reader, number);
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
        struct observation *observation = stix_fill_at(reader, i);
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
