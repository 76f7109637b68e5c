#include "codec/stix_role.h"

#include "base/str.h"
#include "codec/stix_fill.h"

/* Recipients of mail are targets, too, whatever was in it. */
static bool is_traffic_target(const struct sighting *sighting)
{
    return sighting->role == ROLE_TARGET && sighting->type != OBSERVABLE_EMAIL;
}

/* --- what the document marks --- */

static const char *value_key(struct buf *key, const struct sighting *sighting)
{
    buf_reset(key);
    buf_printf(key, "%d %s", (int)sighting->type, sighting->value);
    return buf_text(key);
}

static bool is_marked(const json_t *marked, struct buf *key, const struct sighting *sighting)
{
    return json_object_size(marked) && json_object_get(marked, value_key(key, sighting));
}

/* The values that are for detection anywhere in the document; the caller's. */
static json_t *marked_values(const struct report *report, struct buf *key)
{
    json_t *marked = json_object();
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++)
            if (report->observations[i].sightings[k].is_indicator)
                json_object_set_new(marked, value_key(key, &report->observations[i].sightings[k]), json_true());
    return marked;
}

static bool has_marked_source(const struct observation *observation, const json_t *marked, struct buf *key)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (observation->sightings[i].role == ROLE_SOURCE && is_marked(marked, key, &observation->sightings[i]))
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
                    const json_t *marked, struct buf *key)
{
    const char *of = stix_object_text(sighting->json, "sighting_of_ref");
    if (is_attack(observation->class_name))
        return false;
    if (str_starts(of, "malware--") || str_starts(of, "infrastructure--"))
        return true;
    return str_starts(of, "indicator--") && stix_object_find(&reader->document, of) && !has_marked_source(observation, marked, key);
}

static void settle(struct stix_reader *reader, size_t number)
{
    struct observation *observation = stix_fill_at(reader, number);
    for (size_t i = 0; i < observation->sighting_count && !reader->statements[number].is_own; i++)
        if (is_traffic_target(&observation->sightings[i]))
            observation->sightings[i].role = ROLE_INFRASTRUCTURE;
}

/* The observed data is a statement of its own, too. */
static void settle_sighting(struct stix_reader *reader, const struct stix_object *sighting, const json_t *marked, struct buf *key)
{
    size_t number = reader->observation_of[sighting->index], index;
    const json_t *element;
    if (!number || !is_call(reader, sighting, stix_fill_at(reader, number - 1), marked, key))
        return;
    settle(reader, number - 1);
    json_array_foreach(json_object_get(sighting->json, "observed_data_refs"), index, element)
    {
        const struct stix_object *observed = stix_object_find(&reader->document, json_string_value(element));
        size_t there = observed ? reader->observation_of[observed->index] : 0;
        if (there && !is_attack(stix_fill_at(reader, there - 1)->class_name))
            settle(reader, there - 1);
    }
}

static void settle_values(struct stix_reader *reader, size_t number, const json_t *marked, struct buf *key)
{
    struct observation *observation = stix_fill_at(reader, number);
    for (size_t i = 0; i < observation->sighting_count && !reader->statements[number].is_own; i++)
        if (is_traffic_target(&observation->sightings[i]) && is_marked(marked, key, &observation->sightings[i]))
            observation->sightings[i].role = ROLE_INFRASTRUCTURE;
}

void stix_role_settle(struct stix_reader *reader)
{
    struct buf key;
    buf_init(&key, SIZE_MAX / 2);
    json_t *marked = marked_values(reader->report, &key);
    for (size_t i = 0; i < reader->document.count; i++)
        if (str_equal(reader->document.items[i].type, "sighting"))
            settle_sighting(reader, &reader->document.items[i], marked, &key);
    for (size_t i = 0; i < reader->report->observation_count; i++) {
        if (is_infection(stix_fill_at(reader, i)->class_name))
            settle(reader, i);
        settle_values(reader, i, marked, &key);
    }
    json_decref(marked);
    buf_clear(&key);
}
