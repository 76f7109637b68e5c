#include "codec/stix_role.h"

#include <stdlib.h>

#include "base/str.h"
#include "codec/stix_fill.h"

/* Recipients of mail are targets, too, whatever was in it. */
static bool is_traffic_target(const struct sighting *sighting)
{
    return sighting->role == ROLE_TARGET && sighting->type != OBSERVABLE_EMAIL;
}

/* --- what the document marks --- */

/* The sightings that are for detection, in the order of their values. */
struct marked {
    const struct sighting **items; /* heap */
    size_t count;
};

static struct marked marked_values(const struct report *report)
{
    struct marked marked = {0};
    size_t capacity = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) {
            if (!report->observations[i].sightings[k].is_indicator)
                continue;
            marked.items = mem_grow(marked.items, &capacity, marked.count, sizeof *marked.items);
            marked.items[marked.count++] = &report->observations[i].sightings[k];
        }
    if (marked.count)
        qsort(marked.items, marked.count, sizeof *marked.items, report_compare_values);
    return marked;
}

static bool is_marked(const struct marked *marked, const struct sighting *sighting)
{
    return marked->count && bsearch(&sighting, marked->items, marked->count, sizeof *marked->items, report_compare_values);
}

static bool has_marked_source(const struct observation *observation, const struct marked *marked)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (observation->sightings[i].role == ROLE_SOURCE && is_marked(marked, &observation->sightings[i]))
            return true;
    return false;
}

/* --- what the statement is about --- */

static bool is_infection(const char *class_name)
{
    return str_equal(class_name, "malicious-code/infected-system") || str_equal(class_name, "malicious-code/c2-server");
}

/* Of scans, exploits and floods the target is hurt, whatever was sighted. */
static bool is_attack(const char *class_name)
{
    return str_starts(class_name, "information-gathering/") || str_starts(class_name, "intrusion-attempts/") ||
           str_starts(class_name, "availability/");
}

/* What was sighted is something that the source calls, as far as it is said. */
static bool is_call(const struct stix_reader *reader, const struct stix_object *sighting, const struct observation *observation,
                    const struct marked *marked)
{
    const char *of = stix_object_text(sighting->json, "sighting_of_ref");
    if (is_attack(observation->class_name))
        return false;
    if (str_starts(of, "malware--") || str_starts(of, "infrastructure--"))
        return true;
    return str_starts(of, "indicator--") && stix_object_find(&reader->document, of) && !has_marked_source(observation, marked);
}

/* The observed data of a sighting is a statement of its own, too. */
static void note_sighting(const struct stix_reader *reader, const struct stix_object *sighting, const struct marked *marked, bool *calls)
{
    size_t number = reader->observation_of[sighting->index], index;
    const json_t *element;
    if (!number || !is_call(reader, sighting, stix_fill_at(reader, number - 1), marked))
        return;
    calls[number - 1] = true;
    json_array_foreach(json_object_get(sighting->json, "observed_data_refs"), index, element)
    {
        const struct stix_object *observed = stix_object_find(&reader->document, json_string_value(element));
        size_t there = observed ? reader->observation_of[observed->index] : 0;
        if (there)
            calls[there - 1] = !is_attack(stix_fill_at(reader, there - 1)->class_name);
    }
}

static void settle(const struct stix_reader *reader, size_t number, bool is_all, const struct marked *marked)
{
    struct observation *observation = stix_fill_at(reader, number);
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (is_traffic_target(&observation->sightings[i]) && (is_all || is_marked(marked, &observation->sightings[i])))
            observation->sightings[i].role = ROLE_INFRASTRUCTURE;
}

void stix_role_settle(struct stix_reader *reader)
{
    size_t count = reader->report->observation_count;
    bool *calls = mem_calloc(count + 1, sizeof *calls);
    struct marked marked = marked_values(reader->report);
    for (size_t i = 0; i < reader->document.count; i++)
        if (str_equal(reader->document.items[i].type, "sighting"))
            note_sighting(reader, &reader->document.items[i], &marked, calls);
    for (size_t i = 0; i < count; i++)
        if (!reader->statements[i].is_own)
            settle(reader, i, calls[i] || is_infection(stix_fill_at(reader, i)->class_name), &marked);
    free(marked.items);
    free(calls);
}
