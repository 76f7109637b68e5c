/* The values of an observation as observables of STIX. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/stix.h"
#include "codec/stix_observable.h"
#include "codec/stix_writer.h"

const char *stix_writer_values_observable(struct stix_writer *writer, const char *type, json_t *contributing, enum tlp label)
{
    char id[STIX_ID_SIZE];
    stix_id_observable(id, type, contributing);
    json_t *object = json_object_get(writer->observables, id);
    if (!object) {
        object = json_pack("{ss ss ss}", "type", type, "spec_version", "2.1", "id", id);
        json_object_update(object, contributing);
        if (str_equal(type, STIX_OWN_TYPE))
            json_object_set_new(object, "extensions", json_pack("{s{ss}}", STIX_EXTENSION_ID, "extension_type", "new-sco"));
        json_object_set_new(writer->observables, id, object);
        json_array_append_new(writer->references, json_string(id));
        json_object_set_new(writer->labels, id, json_integer(label));
    } else if (json_integer_value(json_object_get(writer->labels, id)) < (json_int_t)label) {
        json_object_set_new(writer->labels, id, json_integer(label));
    }
    json_decref(contributing);
    return json_string_value(json_object_get(object, "id"));
}

static void set_value(json_t *object, const struct sighting *sighting)
{
    const char *hash = stix_observable_hash_key(sighting->type);
    if (hash) {
        json_t *hashes = json_object_get(object, "hashes");
        if (!hashes) {
            hashes = json_object();
            json_object_set_new(object, "hashes", hashes);
        }
        json_object_set_new(hashes, hash, json_string(sighting->value));
    } else if (sighting->type == OBSERVABLE_FILENAME) {
        json_object_set_new(object, "name", json_string(sighting->value));
    } else if (sighting->type == OBSERVABLE_ASN) {
        json_object_set_new(object, "number", json_integer(strtoll(sighting->value, NULL, 10)));
    } else if (str_equal(stix_observable_object_type(sighting), STIX_OWN_TYPE)) {
        json_object_set_new(object, observable_type_name(sighting->type), json_string(sighting->value));
    } else {
        json_object_set_new(object, "value", json_string(sighting->value));
    }
}

static bool is_of_file(const struct sighting *sighting)
{
    return sighting->type == OBSERVABLE_FILENAME || stix_observable_hash_key(sighting->type);
}

static bool is_alike(const struct sighting *a, const struct sighting *b)
{
    return a->role == b->role && a->tlp == b->tlp && a->confidence == b->confidence && a->valid_until == b->valid_until;
}

/* A name and digests of one observation are of one file where each is there once and all are said alike; otherwise nobody knows which
 * belong together, and each is a file of its own. */
static bool is_one_file(const struct observation *observation)
{
    const struct sighting *first = NULL;
    bool is_there[OBSERVABLE_TYPE_COUNT] = {false};
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (!is_of_file(sighting))
            continue;
        if (is_there[sighting->type] || (first && !is_alike(first, sighting)))
            return false;
        is_there[sighting->type] = true;
        first = first ? first : sighting;
    }
    return first != NULL;
}

/* In a fixed order, so that the order of digests changes nothing. */
static json_t *whole_file(const struct observation *observation)
{
    json_t *file = json_object();
    for (int type = OBSERVABLE_MD5; type <= OBSERVABLE_FILENAME; type++)
        for (size_t i = 0; i < observation->sighting_count; i++)
            if ((int)observation->sightings[i].type == type && is_of_file(&observation->sightings[i]))
                set_value(file, &observation->sightings[i]);
    return file;
}

/* Two files may share what makes the id and differ in further digests: the object then has them all, in the same order as in whole_file().
 */
static void add_digests(json_t *file, const json_t *more)
{
    const json_t *there = json_object_get(file, "hashes");
    json_t *both = json_object();
    for (enum observable_type type = OBSERVABLE_MD5; type <= OBSERVABLE_SHA512; type++) {
        const char *key = stix_observable_hash_key(type);
        json_t *digest = json_object_get(there, key);
        digest = digest ? digest : json_object_get(more, key);
        if (digest)
            json_object_set(both, key, digest);
    }
    json_object_set_new(file, "hashes", both);
}

/* One digest is enough for an id, the first of MD5, SHA-1, SHA-256, SHA-512 (STIX 2.1 section 6.7). */
static const char *add_file(struct stix_writer *writer, json_t *file, enum tlp label)
{
    json_t *hashes = json_object_get(file, "hashes");
    const char *first = json_object_iter_key(json_object_iter(hashes));
    json_t *contributing = json_object(), *name = json_object_get(file, "name");
    char id[STIX_ID_SIZE];
    if (first)
        json_object_set_new(contributing, "hashes", json_pack("{sO}", first, json_object_get(hashes, first)));
    if (name)
        json_object_set(contributing, "name", name);
    stix_id_observable(id, "file", contributing);
    json_t *there = json_object_get(writer->observables, id);
    if (json_object_get(there, "hashes"))
        add_digests(there, hashes);
    const char *written = stix_writer_values_observable(writer, "file", contributing, label);
    if (!there)
        json_object_update(json_object_get(writer->observables, id), file);
    json_decref(file);
    return written;
}

static json_t *own_value(const struct sighting *sighting)
{
    json_t *value = json_pack("{ss}", "role", sighting_role_name(sighting->role));
    if (sighting->confidence >= 0)
        json_object_set_new(value, "confidence", json_integer(sighting->confidence));
    if (sighting->valid_until != TIMESTAMP_NONE)
        stix_writer_set_time(value, "valid_until", sighting->valid_until, NULL);
    return value;
}

void stix_writer_values_add(struct stix_writer *writer, const struct observation *observation, json_t *references, json_t *values)
{
    bool is_one = is_one_file(observation), is_file_done = false;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        enum tlp label = stix_writer_label(writer, sighting);
        const char *id;
        if (is_of_file(sighting) && is_one) {
            if (is_file_done)
                continue;
            is_file_done = true;
            id = add_file(writer, whole_file(observation), label);
        } else {
            json_t *contributing = json_object();
            set_value(contributing, sighting);
            id = stix_writer_values_observable(writer, stix_observable_object_type(sighting), contributing, label);
        }
        json_array_append_new(references, json_string(id));
        json_array_append_new(values, own_value(sighting));
    }
}

/* --- traffic --- */

static const char *end_of_traffic(struct stix_writer *writer, const struct observation *observation, enum sighting_role role)
{
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (sighting->role != role || (sighting->type != OBSERVABLE_IPV4 && sighting->type != OBSERVABLE_IPV6))
            continue;
        json_t *contributing = json_object();
        set_value(contributing, sighting);
        return stix_writer_values_observable(writer, stix_observable_object_type(sighting), contributing,
                                             stix_writer_label(writer, sighting));
    }
    return NULL;
}

static bool is_protocol(const char *text)
{
    return !str_is_empty(text) && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

bool stix_writer_values_traffic(struct stix_writer *writer, const struct observation *observation, json_t *references)
{
    if (!is_protocol(observation->protocol))
        return false;
    const char *from = end_of_traffic(writer, observation, ROLE_SOURCE), *to = end_of_traffic(writer, observation, ROLE_TARGET);
    if (!from && !to)
        return false;
    json_t *traffic = json_object();
    stix_writer_set_text(traffic, "src_ref", from);
    stix_writer_set_text(traffic, "dst_ref", to);
    if (observation->source_port >= 0)
        json_object_set_new(traffic, "src_port", json_integer(observation->source_port));
    if (observation->target_port >= 0)
        json_object_set_new(traffic, "dst_port", json_integer(observation->target_port));
    json_object_set_new(traffic, "protocols", json_pack("[s]", observation->protocol));
    json_array_append_new(references, json_string(stix_writer_values_observable(writer, "network-traffic", traffic, writer->report->tlp)));
    return true;
}
