/* An observation as STIX says it: an indicator, a vulnerability, or observed data with what is for detection in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/stix.h"
#include "codec/stix_observable.h"
#include "codec/stix_writer.h"

enum { NAME_SIZE_MAX = 120 };
static const json_int_t number_observed_max = 999999999;

/* --- what our extension says of an observation --- */

static json_t *statement_extension(const struct observation *observation)
{
    json_t *extension = stix_writer_extension();
    stix_writer_set_text(extension, "class", observation->class_claim ? observation->class_claim : observation->class_name);
    if (observation->time == TIMESTAMP_NONE)
        json_object_set_new(extension, "time_unknown", json_true());
    stix_writer_set_text(extension, "extra", observation->extra);
    return extension;
}

/* --- indicators --- */

static bool is_for_detection(const struct sighting *sighting)
{
    return sighting->is_indicator && sighting->role != ROLE_VICTIM;
}

/* A value's own label, on an object that says more than the value, would be that of what it says too. */
static bool would_mark_more(const struct stix_writer *writer, const struct observation *observation, enum tlp label)
{
    bool is_said = observation->description || observation->extra || observation->class_claim || observation->class_name;
    return is_said && label != TLP_NONE && label != writer->report->tlp;
}

/* All of it is one indicator that reads back as the same: what STIX calls an indicator without observed data. */
static bool is_pure_indicator(const struct stix_writer *writer, const struct observation *observation)
{
    const struct sighting *first = observation->sightings;
    if (!observation->sighting_count || observation->count != 1 || observation->protocol || observation->source_port >= 0 ||
        observation->target_port >= 0)
        return false;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (!is_for_detection(sighting) || sighting->role != stix_observable_pattern_role(sighting->type) || sighting->tlp != first->tlp ||
            sighting->confidence != first->confidence || sighting->valid_until != first->valid_until)
            return false;
    }
    if (would_mark_more(writer, observation, first->tlp))
        return false;
    int64_t from = observation->time == TIMESTAMP_NONE ? writer->report->time : observation->time;
    return first->valid_until == TIMESTAMP_NONE || first->valid_until > from;
}

static void cut_name(const char *value, char name[NAME_SIZE_MAX])
{
    size_t cut;
    snprintf(name, NAME_SIZE_MAX, "%s", value);
    if (!str_is_utf8(name, strlen(name), &cut))
        name[cut] = '\0';
}

/* Sightings that one indicator can hold: of one label, confidence and end. */
struct group {
    const struct sighting *like;
    struct buf pattern;
};

struct groups {
    struct group *items; /* heap */
    size_t count, capacity;
};

/* Every sighting for detection into its group, in order. */
static void gather_groups(const struct observation *observation, struct groups *groups)
{
    json_t *numbers = json_object();
    char key[64];
    *groups = (struct groups){0};
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (!is_for_detection(sighting))
            continue;
        snprintf(key, sizeof key, "%d %d %lld", (int)sighting->tlp, sighting->confidence, (long long)sighting->valid_until);
        json_int_t number = json_integer_value(json_object_get(numbers, key));
        if (!number) {
            groups->items = mem_grow(groups->items, &groups->capacity, groups->count, sizeof *groups->items);
            groups->items[groups->count++] = (struct group){.like = sighting};
            number = (json_int_t)groups->count;
            buf_init(&groups->items[number - 1].pattern, SIZE_MAX / 2);
            json_object_set_new(numbers, key, json_integer(number));
        }
        struct buf *pattern = &groups->items[number - 1].pattern;
        buf_add_text(pattern, pattern->size ? " OR " : "[");
        stix_observable_write_comparison(pattern, sighting);
    }
    json_decref(numbers);
}

static void clear_groups(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        buf_clear(&groups->items[i].pattern);
    free(groups->items);
}

/* An end before the beginning is no valid STIX: then it begins just before it ends. */
static void set_validity(const struct stix_writer *writer, json_t *body, const struct observation *observation, int64_t until)
{
    bool is_known = observation->time != TIMESTAMP_NONE;
    int64_t from = is_known ? observation->time : writer->report->time;
    if (until != TIMESTAMP_NONE && until <= from)
        stix_writer_set_time(body, "valid_from", until - TIMESTAMP_SECOND, NULL);
    else
        stix_writer_set_time(body, "valid_from", from, is_known ? observation->time_text : NULL);
    if (until != TIMESTAMP_NONE)
        stix_writer_set_time(body, "valid_until", until, NULL);
}

static json_t *indicator_body(const struct stix_writer *writer, const struct observation *observation, struct group *group)
{
    char name[NAME_SIZE_MAX];
    json_t *body = json_object();
    buf_add_char(&group->pattern, ']');
    cut_name(group->like->value, name);
    stix_writer_set_text(body, "name", name);
    stix_writer_set_text(body, "pattern", buf_text(&group->pattern));
    stix_writer_set_text(body, "pattern_type", "stix");
    set_validity(writer, body, observation, group->like->valid_until);
    if (group->like->confidence >= 0)
        json_object_set_new(body, "confidence", json_integer(group->like->confidence));
    stix_writer_set_labels(body, stix_writer_class_labels(observation->class_name));
    return body;
}

static void add_pure_indicator(struct stix_writer *writer, const struct observation *observation)
{
    struct groups groups;
    gather_groups(observation, &groups);
    json_t *body = indicator_body(writer, observation, &groups.items[0]);
    stix_writer_set_text(body, "description", observation->description);
    stix_writer_set_extension(body, statement_extension(observation));
    stix_writer_add_statement(writer, "indicator", stix_writer_label(writer, &observation->sightings[0]), body);
    clear_groups(&groups);
}

/* What of the observed data is for detection. */
static void add_indicators(struct stix_writer *writer, const struct observation *observation, const char *observed_id)
{
    struct groups groups;
    gather_groups(observation, &groups);
    for (size_t i = 0; i < groups.count; i++) {
        enum tlp label = stix_writer_label(writer, groups.items[i].like);
        json_t *body = indicator_body(writer, observation, &groups.items[i]);
        stix_writer_set_extension(body, stix_writer_extension());
        json_object_del(body, "labels"); /* the class is the observed data's, and under its label */
        const char *id = stix_writer_add_statement(writer, "indicator", label, body);
        stix_writer_add_statement(writer, "relationship", label,
                                  json_pack("{ss ss ss}", "relationship_type", "based-on", "source_ref", id, "target_ref", observed_id));
    }
    clear_groups(&groups);
}

/* --- vulnerabilities --- */

static json_t *vulnerability_body(const char *cve)
{
    return json_pack("{ss s[{ss ss}]}", "name", cve, "external_references", "source_name", "cve", "external_id", cve);
}

static bool is_pure_vulnerability(const struct stix_writer *writer, const struct observation *observation)
{
    const struct sighting *only = observation->sightings;
    return observation->sighting_count == 1 && only->type == OBSERVABLE_CVE && only->role == ROLE_OTHER && !only->is_indicator &&
           only->confidence < 0 && only->valid_until == TIMESTAMP_NONE && observation->count == 1 && !observation->protocol &&
           observation->source_port < 0 && observation->target_port < 0 && !would_mark_more(writer, observation, only->tlp);
}

static void add_pure_vulnerability(struct stix_writer *writer, const struct observation *observation)
{
    json_t *body = vulnerability_body(observation->sightings[0].value), *extension = statement_extension(observation);
    stix_writer_set_text(body, "description", observation->description);
    if (observation->time != TIMESTAMP_NONE)
        stix_writer_set_time(extension, "observed", observation->time, observation->time_text);
    stix_writer_set_extension(body, extension);
    stix_writer_add_statement(writer, "vulnerability", stix_writer_label(writer, &observation->sightings[0]), body);
}

/* CVE ids beside other values are observables of our own; others want them as vulnerabilities too, each once. */
static void add_vulnerabilities(struct stix_writer *writer, const struct observation *observation)
{
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (sighting->type != OBSERVABLE_CVE || json_object_get(writer->cves, sighting->value))
            continue;
        json_object_set_new(writer->cves, sighting->value, json_true());
        json_t *body = vulnerability_body(sighting->value), *extension = stix_writer_extension();
        json_object_set_new(extension, "in_observations", json_true());
        stix_writer_set_extension(body, extension);
        stix_writer_add_statement(writer, "vulnerability", stix_writer_label(writer, sighting), body);
    }
}

/* --- observed data --- */

static void set_port(json_t *extension, const char *name, int port)
{
    if (port >= 0)
        json_object_set_new(extension, name, json_integer(port));
}

/* When it was seen last, where that is told beside the first (codec/statements.h); else what is given. */
static int64_t last_observed(const struct observation *observation, int64_t first)
{
    json_t *extra = observation->extra ? json_loads(observation->extra, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(extra, "last"));
    int64_t last = first;
    bool is_later = text && timestamp_parse_rfc3339(text, &last) && last > first;
    json_decref(extra);
    return is_later ? last : first;
}

static void set_observed_time(const struct stix_writer *writer, json_t *body, const struct observation *observation)
{
    bool is_known = observation->time != TIMESTAMP_NONE;
    int64_t first = is_known ? observation->time : writer->report->time, last = last_observed(observation, first);
    stix_writer_set_time(body, "first_observed", first, is_known ? observation->time_text : NULL);
    stix_writer_set_time(body, "last_observed", last, is_known && last == first ? observation->time_text : NULL);
}

/* STIX wants something that was observed: where there is nothing but words, the words. */
static void add_observed_data(struct stix_writer *writer, const struct observation *observation)
{
    json_t *references = json_array(), *values = json_array(), *body = json_object(), *extension = statement_extension(observation);
    stix_writer_values_add(writer, observation, references, values);
    if (!stix_writer_values_traffic(writer, observation, references)) {
        stix_writer_set_text(extension, "protocol", observation->protocol);
        set_port(extension, "source_port", observation->source_port);
        set_port(extension, "target_port", observation->target_port);
    }
    stix_writer_set_text(extension, "description", observation->description);
    if (observation->count > number_observed_max)
        json_object_set_new(extension, "count", json_integer(observation->count));
    if (json_array_size(values))
        json_object_set(extension, "values", values);
    if (!json_array_size(references)) {
        json_array_append_new(references, json_string(stix_writer_values_observable(writer, STIX_OWN_TYPE, json_pack("{sb}", "nothing", 1),
                                                                                    writer->report->tlp)));
    }
    set_observed_time(writer, body, observation);
    json_object_set_new(body, "number_observed",
                        json_integer(observation->count > number_observed_max ? number_observed_max : observation->count));
    json_object_set(body, "object_refs", references);
    stix_writer_set_labels(body, stix_writer_class_labels(observation->class_name));
    stix_writer_set_extension(body, extension);
    json_decref(references);
    json_decref(values);
    const char *id = stix_writer_add_statement(writer, "observed-data", writer->report->tlp, body);
    add_indicators(writer, observation, id);
    add_vulnerabilities(writer, observation);
}

void stix_writer_observation_add(struct stix_writer *writer, const struct observation *observation)
{
    if (is_pure_indicator(writer, observation))
        add_pure_indicator(writer, observation);
    else if (is_pure_vulnerability(writer, observation))
        add_pure_vulnerability(writer, observation);
    else
        add_observed_data(writer, observation);
}
