#include "codec/stix_encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/json_value.h"
#include "codec/stix.h"
#include "codec/stix_id.h"
#include "codec/stix_marking.h"
#include "codec/stix_observable.h"

enum { NAME_SIZE_MAX = 120 };
static const json_int_t number_observed_max = 999999999;

struct encoder {
    const struct report *report;
    json_t *objects;     /* all but observables and frame, in order */
    json_t *observables; /* by id, in order */
    json_t *labels;      /* of the observables, by id */
    json_t *references;  /* ids for the report */
    json_t *seeds;       /* how often an object of that content was written */
    json_t *cves;        /* those that have their vulnerability */
    char moment[TIMESTAMP_TEXT_SIZE], creator[STIX_ID_SIZE];
    bool is_labelled[TLP_RED + 1];
};

/* --- small things --- */

static void set_text(json_t *object, const char *name, const char *text)
{
    if (!str_is_empty(text))
        json_object_set_new(object, name, json_string(text));
}

/* RFC 3339 with at least milliseconds, as created and modified want it. */
static void format_moment(int64_t moment, char text[TIMESTAMP_TEXT_SIZE])
{
    timestamp_format(moment, text);
    size_t size = strlen(text);
    if (!strchr(text, '.') && size + 5 < TIMESTAMP_TEXT_SIZE)
        strcpy(text + size - 1, ".000Z");
}

/* As it was written, where the schema takes that and it is the same moment. */
static void set_time(json_t *object, const char *name, int64_t moment, const char *written)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t read;
    format_moment(moment, text);
    bool is_same = written && strlen(written) >= strlen("2026-01-31T12:00:00Z") && written[10] == 'T' && str_ends(written, "Z") &&
                   !strchr(written, 't') && timestamp_parse_rfc3339(written, &read) && read == moment;
    set_text(object, name, is_same ? written : text);
}

static json_t *new_extension(void)
{
    return json_pack("{ss}", "extension_type", "property-extension");
}

static void set_extension(json_t *object, json_t *extension)
{
    json_object_set_new(object, "extensions", json_pack("{so}", STIX_EXTENSION_ID, extension));
}

static void mark(struct encoder *encoder, json_t *object, enum tlp label)
{
    if (label == TLP_NONE)
        return;
    encoder->is_labelled[label] = true;
    json_object_set_new(object, "object_marking_refs", json_pack("[s]", stix_marking_id(label)));
}

/* The object's id follows from what it says, from whose and which report it is in, and from how often the same was said there before. */
static void choose_id(struct encoder *encoder, const char *type, const json_t *body, char id[STIX_ID_SIZE])
{
    const struct report *report = encoder->report;
    struct buf seed;
    buf_init(&seed, SIZE_MAX / 2);
    buf_printf(&seed, "%s\n%s\n", report->reference_issuer ? report->reference_issuer : "", report->reference ? report->reference : "");
    json_value_write(body, &seed);
    stix_id_object(id, type, buf_text(&seed), seed.size);
    json_int_t before = json_integer_value(json_object_get(encoder->seeds, id));
    json_object_set_new(encoder->seeds, id, json_integer(before + 1));
    if (before) {
        buf_printf(&seed, "\n%lld", (long long)before);
        stix_id_object(id, type, buf_text(&seed), seed.size);
    }
    buf_clear(&seed);
}

/* Takes body over, puts the common properties before it, and lists it. The object stays the encoder's. */
static json_t *add_object(struct encoder *encoder, const char *type, const char *id, enum tlp label, json_t *body)
{
    json_t *object = json_pack("{ss ss ss ss ss}", "type", type, "spec_version", "2.1", "id", id, "created", encoder->moment, "modified",
                               encoder->moment);
    if (encoder->creator[0])
        set_text(object, "created_by_ref", encoder->creator);
    mark(encoder, object, label);
    json_object_update(object, body);
    json_decref(body);
    json_array_append_new(encoder->objects, object);
    return object;
}

static const char *add_statement(struct encoder *encoder, const char *type, enum tlp label, json_t *body)
{
    char id[STIX_ID_SIZE];
    choose_id(encoder, type, body, id);
    const json_t *object = add_object(encoder, type, id, label, body);
    json_array_append_new(encoder->references, json_string(id));
    return json_string_value(json_object_get(object, "id"));
}

/* --- observables --- */

/* A value's own label, also where it is wider than the report's: it is said of the value, not of what happened. */
static enum tlp label_of(const struct encoder *encoder, const struct sighting *sighting)
{
    return sighting->tlp != TLP_NONE ? sighting->tlp : encoder->report->tlp;
}

/* The same value has one object, as strict as the strictest of its uses. Takes both over. */
static const char *add_observable(struct encoder *encoder, const char *type, json_t *contributing, enum tlp label)
{
    char id[STIX_ID_SIZE];
    stix_id_observable(id, type, contributing);
    json_t *object = json_object_get(encoder->observables, id);
    if (!object) {
        object = json_pack("{ss ss ss}", "type", type, "spec_version", "2.1", "id", id);
        json_object_update(object, contributing);
        if (str_equal(type, STIX_OWN_TYPE))
            json_object_set_new(object, "extensions", json_pack("{s{ss}}", STIX_EXTENSION_ID, "extension_type", "new-sco"));
        json_object_set_new(encoder->observables, id, object);
        json_array_append_new(encoder->references, json_string(id));
        json_object_set_new(encoder->labels, id, json_integer(label));
    } else if (json_integer_value(json_object_get(encoder->labels, id)) < (json_int_t)label) {
        json_object_set_new(encoder->labels, id, json_integer(label));
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

/* One digest is enough for an id, the first of MD5, SHA-1, SHA-256, SHA-512 (STIX 2.1 section 6.7). */
static const char *add_file(struct encoder *encoder, json_t *file, enum tlp label)
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
    /* Two files may share what makes the id and differ in further digests: the object then has them all. */
    json_t *there = json_object_get(encoder->observables, id);
    json_t *more = there ? json_object_get(there, "hashes") : NULL;
    if (more)
        json_object_update_missing(more, hashes);
    const char *written = add_observable(encoder, "file", contributing, label);
    if (!there)
        json_object_update(json_object_get(encoder->observables, id), file);
    json_decref(file);
    return written;
}

static json_t *own_value(const struct sighting *sighting)
{
    json_t *value = json_pack("{ss}", "role", sighting_role_name(sighting->role));
    if (sighting->confidence >= 0)
        json_object_set_new(value, "confidence", json_integer(sighting->confidence));
    if (sighting->valid_until != TIMESTAMP_NONE)
        set_time(value, "valid_until", sighting->valid_until, NULL);
    return value;
}

/* The observables of the observation into references, and beside them into values what we say about each. */
static void add_values(struct encoder *encoder, const struct observation *observation, json_t *references, json_t *values)
{
    bool is_one = is_one_file(observation), is_file_done = false;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        enum tlp label = label_of(encoder, sighting);
        const char *id;
        if (is_of_file(sighting) && is_one) {
            if (is_file_done)
                continue;
            is_file_done = true;
            id = add_file(encoder, whole_file(observation), label);
        } else {
            json_t *contributing = json_object();
            set_value(contributing, sighting);
            id = add_observable(encoder, stix_observable_object_type(sighting), contributing, label);
        }
        json_array_append_new(references, json_string(id));
        json_array_append_new(values, own_value(sighting));
    }
}

/* --- traffic --- */

static const char *end_of_traffic(struct encoder *encoder, const struct observation *observation, enum sighting_role role)
{
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (sighting->role != role || (sighting->type != OBSERVABLE_IPV4 && sighting->type != OBSERVABLE_IPV6))
            continue;
        json_t *contributing = json_object();
        set_value(contributing, sighting);
        return add_observable(encoder, stix_observable_object_type(sighting), contributing, label_of(encoder, sighting));
    }
    return NULL;
}

static bool is_protocol(const char *text)
{
    return !str_is_empty(text) && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* Who talked to whom, for those who do not read our extension. False where STIX cannot say it. */
static bool add_traffic(struct encoder *encoder, const struct observation *observation, json_t *references)
{
    if (!is_protocol(observation->protocol))
        return false;
    const char *from = end_of_traffic(encoder, observation, ROLE_SOURCE), *to = end_of_traffic(encoder, observation, ROLE_TARGET);
    if (!from && !to)
        return false;
    json_t *traffic = json_object();
    set_text(traffic, "src_ref", from);
    set_text(traffic, "dst_ref", to);
    if (observation->source_port >= 0)
        json_object_set_new(traffic, "src_port", json_integer(observation->source_port));
    if (observation->target_port >= 0)
        json_object_set_new(traffic, "dst_port", json_integer(observation->target_port));
    json_object_set_new(traffic, "protocols", json_pack("[s]", observation->protocol));
    json_array_append_new(references, json_string(add_observable(encoder, "network-traffic", traffic, encoder->report->tlp)));
    return true;
}

/* --- what our extension says of an observation --- */

static json_t *statement_extension(const struct observation *observation)
{
    json_t *extension = new_extension();
    set_text(extension, "class", observation->class_claim ? observation->class_claim : observation->class_name);
    if (observation->time == TIMESTAMP_NONE)
        json_object_set_new(extension, "time_unknown", json_true());
    set_text(extension, "extra", observation->extra);
    return extension;
}

/* For others: the class as MISP writes it too. */
static json_t *class_labels(const char *class_name)
{
    char tag[96];
    const char *slash = class_name ? strchr(class_name, '/') : NULL;
    if (!slash)
        return json_array();
    snprintf(tag, sizeof tag, "rsit:%.*s=\"%s\"", (int)(slash - class_name), class_name, slash + 1);
    return json_pack("[s]", tag);
}

static void set_labels(json_t *object, json_t *labels)
{
    if (json_array_size(labels))
        json_object_set(object, "labels", labels);
    json_decref(labels);
}

/* --- indicators --- */

static bool is_for_detection(const struct sighting *sighting)
{
    return sighting->is_indicator && sighting->role != ROLE_VICTIM;
}

/* A value's own label, on an object that says more than the value, would be that of what it says too. */
static bool would_mark_more(const struct encoder *encoder, const struct observation *observation, enum tlp label)
{
    bool is_said = observation->description || observation->extra || observation->class_claim || observation->class_name;
    return is_said && label != TLP_NONE && label != encoder->report->tlp;
}

/* All of it is one indicator that reads back as the same: what STIX calls an indicator without observed data. */
static bool is_pure_indicator(const struct encoder *encoder, const struct observation *observation)
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
    if (would_mark_more(encoder, observation, first->tlp))
        return false;
    int64_t from = observation->time == TIMESTAMP_NONE ? encoder->report->time : observation->time;
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
static void set_validity(const struct encoder *encoder, json_t *body, const struct observation *observation, int64_t until)
{
    bool is_known = observation->time != TIMESTAMP_NONE;
    int64_t from = is_known ? observation->time : encoder->report->time;
    if (until != TIMESTAMP_NONE && until <= from)
        set_time(body, "valid_from", until - TIMESTAMP_SECOND, NULL);
    else
        set_time(body, "valid_from", from, is_known ? observation->time_text : NULL);
    if (until != TIMESTAMP_NONE)
        set_time(body, "valid_until", until, NULL);
}

static json_t *indicator_body(const struct encoder *encoder, const struct observation *observation, struct group *group)
{
    char name[NAME_SIZE_MAX];
    json_t *body = json_object();
    buf_add_char(&group->pattern, ']');
    cut_name(group->like->value, name);
    set_text(body, "name", name);
    set_text(body, "pattern", buf_text(&group->pattern));
    set_text(body, "pattern_type", "stix");
    set_validity(encoder, body, observation, group->like->valid_until);
    if (group->like->confidence >= 0)
        json_object_set_new(body, "confidence", json_integer(group->like->confidence));
    set_labels(body, class_labels(observation->class_name));
    return body;
}

static void add_pure_indicator(struct encoder *encoder, const struct observation *observation)
{
    struct groups groups;
    gather_groups(observation, &groups);
    json_t *body = indicator_body(encoder, observation, &groups.items[0]);
    set_text(body, "description", observation->description);
    set_extension(body, statement_extension(observation));
    add_statement(encoder, "indicator", label_of(encoder, &observation->sightings[0]), body);
    clear_groups(&groups);
}

/* What of the observed data is for detection. */
static void add_indicators(struct encoder *encoder, const struct observation *observation, const char *observed_id)
{
    struct groups groups;
    gather_groups(observation, &groups);
    for (size_t i = 0; i < groups.count; i++) {
        enum tlp label = label_of(encoder, groups.items[i].like);
        json_t *body = indicator_body(encoder, observation, &groups.items[i]);
        set_extension(body, new_extension());
        json_object_del(body, "labels"); /* the class is the observed data's, and under its label */
        const char *id = add_statement(encoder, "indicator", label, body);
        add_statement(encoder, "relationship", label,
                      json_pack("{ss ss ss}", "relationship_type", "based-on", "source_ref", id, "target_ref", observed_id));
    }
    clear_groups(&groups);
}

/* --- vulnerabilities --- */

static json_t *vulnerability_body(const char *cve)
{
    return json_pack("{ss s[{ss ss}]}", "name", cve, "external_references", "source_name", "cve", "external_id", cve);
}

static bool is_pure_vulnerability(const struct encoder *encoder, const struct observation *observation)
{
    const struct sighting *only = observation->sightings;
    return observation->sighting_count == 1 && only->type == OBSERVABLE_CVE && only->role == ROLE_OTHER && !only->is_indicator &&
           only->confidence < 0 && only->valid_until == TIMESTAMP_NONE && observation->count == 1 && !observation->protocol &&
           observation->source_port < 0 && observation->target_port < 0 && !would_mark_more(encoder, observation, only->tlp);
}

static void add_pure_vulnerability(struct encoder *encoder, const struct observation *observation)
{
    json_t *body = vulnerability_body(observation->sightings[0].value), *extension = statement_extension(observation);
    set_text(body, "description", observation->description);
    if (observation->time != TIMESTAMP_NONE)
        set_time(extension, "observed", observation->time, observation->time_text);
    set_extension(body, extension);
    add_statement(encoder, "vulnerability", label_of(encoder, &observation->sightings[0]), body);
}

/* CVE ids beside other values are observables of our own; others want them as vulnerabilities too, each once. */
static void add_vulnerabilities(struct encoder *encoder, const struct observation *observation)
{
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (sighting->type != OBSERVABLE_CVE || json_object_get(encoder->cves, sighting->value))
            continue;
        json_object_set_new(encoder->cves, sighting->value, json_true());
        json_t *body = vulnerability_body(sighting->value), *extension = new_extension();
        json_object_set_new(extension, "in_observations", json_true());
        set_extension(body, extension);
        add_statement(encoder, "vulnerability", label_of(encoder, sighting), body);
    }
}

/* --- observed data --- */

static void set_port(json_t *extension, const char *name, int port)
{
    if (port >= 0)
        json_object_set_new(extension, name, json_integer(port));
}

static void set_observed_time(const struct encoder *encoder, json_t *body, const struct observation *observation)
{
    static const char *const names[] = {"first_observed", "last_observed"};
    bool is_known = observation->time != TIMESTAMP_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        set_time(body, names[i], is_known ? observation->time : encoder->report->time, is_known ? observation->time_text : NULL);
}

/* STIX wants something that was observed: where there is nothing but words, the words. */
static void add_observed_data(struct encoder *encoder, const struct observation *observation)
{
    json_t *references = json_array(), *values = json_array(), *body = json_object(), *extension = statement_extension(observation);
    add_values(encoder, observation, references, values);
    if (!add_traffic(encoder, observation, references)) {
        set_text(extension, "protocol", observation->protocol);
        set_port(extension, "source_port", observation->source_port);
        set_port(extension, "target_port", observation->target_port);
    }
    set_text(extension, "description", observation->description);
    if (observation->count > number_observed_max)
        json_object_set_new(extension, "count", json_integer(observation->count));
    if (json_array_size(values))
        json_object_set(extension, "values", values);
    if (!json_array_size(references)) {
        json_array_append_new(references,
                              json_string(add_observable(encoder, STIX_OWN_TYPE, json_pack("{sb}", "nothing", 1), encoder->report->tlp)));
    }
    set_observed_time(encoder, body, observation);
    json_object_set_new(body, "number_observed",
                        json_integer(observation->count > number_observed_max ? number_observed_max : observation->count));
    json_object_set(body, "object_refs", references);
    set_labels(body, class_labels(observation->class_name));
    set_extension(body, extension);
    json_decref(references);
    json_decref(values);
    const char *id = add_statement(encoder, "observed-data", encoder->report->tlp, body);
    add_indicators(encoder, observation, id);
    add_vulnerabilities(encoder, observation);
}

static void add_observation(struct encoder *encoder, const struct observation *observation)
{
    if (is_pure_indicator(encoder, observation))
        add_pure_indicator(encoder, observation);
    else if (is_pure_vulnerability(encoder, observation))
        add_pure_vulnerability(encoder, observation);
    else
        add_observed_data(encoder, observation);
}

/* --- report and people --- */

static void add_identity(struct encoder *encoder, const char *class, const char *role, const char *name, const char *email,
                         char id[STIX_ID_SIZE])
{
    json_t *body = json_object(), *extension = new_extension();
    set_text(body, "name", str_is_empty(name) ? email : name);
    if (str_is_empty(name))
        json_object_set_new(extension, "nameless", json_true());
    set_text(body, "identity_class", class);
    if (role)
        json_object_set_new(body, "roles", json_pack("[s]", role));
    set_text(body, "contact_information", email);
    struct buf seed;
    buf_init(&seed, SIZE_MAX / 2);
    json_value_write(body, &seed);
    stix_id_object(id, "identity", buf_text(&seed), seed.size);
    buf_clear(&seed);
    set_extension(body, extension);
    add_object(encoder, "identity", id, encoder->report->tlp, body);
}

static void add_people(struct encoder *encoder)
{
    const struct report *report = encoder->report;
    char id[STIX_ID_SIZE];
    if (!str_is_empty(report->creator_name) || !str_is_empty(report->creator_email)) {
        add_identity(encoder, "organization", NULL, report->creator_name, report->creator_email, id);
        strcpy(encoder->creator, id);
    }
    if (!str_is_empty(report->reporter_name) || !str_is_empty(report->reporter_email))
        add_identity(encoder, "individual", "reporter", report->reporter_name, report->reporter_email, id);
}

static json_t *report_extension(const struct report *report)
{
    json_t *extension = new_extension();
    if (str_is_empty(report->summary))
        json_object_set_new(extension, "unnamed", json_true());
    set_text(extension, "reference", report->reference);
    set_text(extension, "reference_issuer", report->reference_issuer);
    set_text(extension, "class", report->class_claim ? report->class_claim : report->class_name);
    set_text(extension, "case_kind", report->case_kind);
    set_text(extension, "extra", report->extra);
    return extension;
}

/* The number under which we and our peers know the case, for everybody. */
static void set_reference(json_t *body, const struct report *report)
{
    if (str_is_empty(report->reference))
        return;
    const char *issuer = str_is_empty(report->reference_issuer) ? "incident" : report->reference_issuer;
    json_object_set_new(body, "external_references", json_pack("[{ss ss}]", "source_name", issuer, "external_id", report->reference));
}

static void add_report(struct encoder *encoder)
{
    const struct report *report = encoder->report;
    char id[STIX_ID_SIZE];
    json_t *body = json_object(), *labels = class_labels(report->class_name);
    set_text(body, "name",
             !str_is_empty(report->summary)     ? report->summary
             : !str_is_empty(report->reference) ? report->reference
                                                : "report");
    set_text(body, "description", report->description);
    set_time(body, "published", report->time, report->time_text);
    set_text(body, "lang", report->lang);
    if (report->pap != TLP_NONE)
        json_array_append_new(labels, json_string(stix_marking_pap_text(report->pap)));
    set_labels(body, labels);
    set_reference(body, report);
    set_extension(body, report_extension(report));
    /* Of a known number it is the same report, whatever has become of it. */
    json_t *name = str_is_empty(report->reference) ? json_incref(body) : json_string("report");
    choose_id(encoder, "report", name, id);
    json_decref(name);
    if (!json_array_size(encoder->references))
        json_array_append_new(encoder->references, json_string(STIX_EXTENSION_ID));
    json_object_set(body, "object_refs", encoder->references);
    add_object(encoder, "report", id, report->tlp, body);
}

/* --- the bundle --- */

static json_t *author(void)
{
    return json_pack("{ss ss ss ss ss ss ss}", "type", "identity", "spec_version", "2.1", "id", STIX_AUTHOR_ID, "created",
                     "2026-01-01T00:00:00.000Z", "modified", "2026-01-01T00:00:00.000Z", "name", "cirt", "identity_class", "system");
}

static json_t *extension_definition(void)
{
    return json_pack(
        "{ss ss ss ss ss ss ss ss ss ss s[ss]}", "type", "extension-definition", "spec_version", "2.1", "id", STIX_EXTENSION_ID, "created",
        "2026-01-01T00:00:00.000Z", "modified", "2026-01-01T00:00:00.000Z", "created_by_ref", STIX_AUTHOR_ID, "name", "cirt", "description",
        "What reports of cirt say and STIX has no property for: classes, roles, ports; and observables without a type", "schema",
        "docs/FORMATS.md of cirt, section stix", "version", "1.0.0", "extension_types", "property-extension", "new-sco");
}

static void mark_observables(struct encoder *encoder)
{
    const char *id;
    json_t *object;
    json_object_foreach(encoder->observables, id, object)
    {
        mark(encoder, object, (enum tlp)json_integer_value(json_object_get(encoder->labels, id)));
    }
}

static json_t *all_objects(struct encoder *encoder)
{
    json_t *all = json_array(), *object;
    const char *id;
    mark_observables(encoder);
    json_array_append_new(all, author());
    json_array_append_new(all, extension_definition());
    for (int label = TLP_CLEAR; label <= TLP_RED; label++)
        if (encoder->is_labelled[label])
            json_array_append_new(all, stix_marking_object((enum tlp)label));
    json_array_extend(all, encoder->objects);
    json_object_foreach(encoder->observables, id, object)
    {
        json_array_append(all, object);
    }
    return all;
}

static bool write_bundle(struct encoder *encoder, struct buf *out, struct err *err)
{
    char id[STIX_ID_SIZE];
    struct buf text;
    json_t *objects = all_objects(encoder);
    buf_init(&text, out->size_max);
    bool ok = json_value_write(objects, &text);
    json_decref(objects);
    stix_id_object(id, "bundle", buf_text(&text), text.size);
    ok = ok && buf_printf(out, "{\"type\":\"bundle\",\"id\":\"%s\",\"objects\":", id) && buf_add(out, text.bytes, text.size) &&
         buf_add_text(out, "}\n");
    buf_clear(&text);
    return ok ? true : err_set(err, ERR_LIMIT, "the document would be larger than %zu bytes", out->size_max);
}

bool stix_encode(const struct report *report, struct buf *out, struct err *err)
{
    if (report->time == TIMESTAMP_NONE)
        return err_set(err, ERR_INPUT, "STIX needs to know when the report was made: it has no time");
    struct encoder encoder = {.report = report,
                              .objects = json_array(),
                              .observables = json_object(),
                              .labels = json_object(),
                              .references = json_array(),
                              .seeds = json_object(),
                              .cves = json_object()};
    format_moment(report->time, encoder.moment);
    add_people(&encoder);
    for (size_t i = 0; i < report->observation_count; i++)
        add_observation(&encoder, &report->observations[i]);
    add_report(&encoder);
    bool ok = write_bundle(&encoder, out, err);
    json_decref(encoder.objects);
    json_decref(encoder.observables);
    json_decref(encoder.labels);
    json_decref(encoder.references);
    json_decref(encoder.seeds);
    json_decref(encoder.cves);
    return ok;
}
