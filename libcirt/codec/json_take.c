#include "codec/json_take.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/timestamp_read.h"

json_t *json_take_member(json_t *object, const char *name)
{
    json_t *value = json_incref(json_object_get(object, name));
    if (value)
        json_object_del(object, name);
    return value;
}

const char *json_take_scalar(const json_t *value, struct arena *arena)
{
    if (json_is_string(value))
        return arena_strndup(arena, json_string_value(value), json_string_length(value));
    if (!json_is_number(value))
        return NULL;
    struct buf buf;
    buf_init(&buf, 64);
    const char *text = json_value_write(value, &buf) ? arena_strdup(arena, buf_text(&buf)) : NULL;
    buf_clear(&buf);
    return text;
}

const char *json_take_text(json_t *object, const char *name, struct arena *arena)
{
    const char *text = json_take_scalar(json_object_get(object, name), arena);
    if (str_is_empty(text))
        return NULL;
    json_object_del(object, name);
    return text;
}

bool json_take_number(json_t *object, const char *name, int64_t min, int64_t max, int64_t *number)
{
    static const struct json_place nowhere = {0};
    struct err ignored;
    const json_t *value = json_object_get(object, name);
    if (!value || !json_value_number(value, &nowhere, min, max, number, &ignored))
        return false;
    json_object_del(object, name);
    return true;
}

bool json_take_time(json_t *object, const struct json_place *place, const char *name, struct arena *arena, int64_t *time, const char **text,
                    const char **rule, struct err *err)
{
    const json_t *value = json_object_get(object, name);
    const char *written = json_string_value(value);
    if (!value || json_is_null(value) || (written && (str_is_empty(written) || timestamp_is_never(written))))
        return true;
    if (!written || !timestamp_read(written, time, rule)) {
        struct json_place here = {.up = place, .name = name};
        return json_value_fail(&here, ERR_INPUT, err, "must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z");
    }
    *text = arena_strdup(arena, written);
    json_object_del(object, name);
    return true;
}

static bool says_nothing(const json_t *value)
{
    return json_is_null(value) || (json_is_string(value) && !json_string_length(value)) ||
           (json_is_array(value) && !json_array_size(value)) || (json_is_object(value) && !json_object_size(value));
}

void json_take_empty(json_t *object)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, name, value)
    {
        if (says_nothing(value))
            json_object_del(object, name);
    }
}

const char *json_take_rest(const json_t *object, struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, SIZE_MAX / 2); /* bounded by the document: escapes and numbers grow by a small factor only */
    const char *name, *between = "{";
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (says_nothing(value))
            continue;
        buf_add_text(&buf, between);
        str_add_json(&buf, name);
        buf_add_char(&buf, ':');
        json_value_write(value, &buf);
        between = ",";
    }
    const char *text = NULL;
    if (buf.size && buf_add_char(&buf, '}'))
        text = arena_strndup(arena, buf.bytes, buf.size);
    buf_clear(&buf);
    return text;
}

bool json_take_is_absent(const char *text)
{
    return str_is_empty(text) || observable_is_absent(text) || str_equal_nocase(text, "unknown");
}

void json_take_reject(struct report *report, const struct json_place *place, const char *text)
{
    struct err err;
    json_value_fail(place, ERR_INPUT, &err, "%s", text);
    report_reject(report, err.at, err.text);
}

bool json_take_address_text(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    enum observable_type type;
    struct arena *arena = report_row_arena(report);
    const char *dash = strchr(text, '-');
    if (strchr(text, '/'))
        return report_add_sighting(report, observation, OBSERVABLE_CIDR, role, text);
    if (dash)
        return report_add_range(report, observation, role, arena_strndup(arena, text, (size_t)(dash - text)), dash + 1);
    if (report_add_sighting(report, observation, OBSERVABLE_IPV4, role, text) ||
        report_add_sighting(report, observation, OBSERVABLE_IPV6, role, text))
        return true;
    /* What is left is an IPv4 address in IPv6's clothes. */
    const char *mapped = strchr(text, ':') ? observable_guess(arena, text, &type) : NULL;
    return mapped && type == OBSERVABLE_IPV4 && report_add_sighting(report, observation, type, role, mapped);
}

typedef bool (*text_adder)(const struct json_take *take, enum observable_type type, enum sighting_role role, const char *text);

static bool add_sighting(const struct json_take *take, enum observable_type type, enum sighting_role role, const char *text)
{
    return report_add_sighting(take->report, take->observation, type, role, text);
}

static bool add_address(const struct json_take *take, enum observable_type type, enum sighting_role role, const char *text)
{
    UNUSED(type);
    return json_take_address_text(take->report, take->observation, role, text);
}

/* True where nothing of the value needs keeping. */
static bool take_value(const struct json_take *take, const json_t *value, const struct json_place *place, text_adder add,
                       enum observable_type type, enum sighting_role role, size_t *added)
{
    const char *text = json_take_scalar(value, report_row_arena(take->report));
    if (says_nothing(value) || (text && json_take_is_absent(text)))
        return true;
    if (text && add(take, type, role, text)) {
        ++*added;
        return true;
    }
    char why[60];
    snprintf(why, sizeof why, "is no valid %s", add == add_address ? "IP address" : observable_type_name(type));
    json_take_reject(take->report, place, why);
    return false;
}

static size_t take_all(const struct json_take *take, const char *name, text_adder add, enum observable_type type, enum sighting_role role)
{
    json_t *value = json_take_member(take->object, name), *left = json_array(), *element;
    struct json_place here = {.up = take->place, .name = name};
    size_t added = 0, index;
    if (json_is_array(value)) {
        json_array_foreach(value, index, element)
        {
            struct json_place inside = {.up = &here, .index = index};
            if (!take_value(take, element, &inside, add, type, role, &added))
                json_array_append(left, element);
        }
    } else if (value && !take_value(take, value, &here, add, type, role, &added)) {
        json_object_set(take->object, name, value);
    }
    if (json_array_size(left))
        json_object_set(take->object, name, left);
    json_decref(left);
    json_decref(value);
    return added;
}

size_t json_take_sightings(const struct json_take *take, const char *name, enum observable_type type, enum sighting_role role)
{
    return take_all(take, name, add_sighting, type, role);
}

size_t json_take_addresses(const struct json_take *take, const char *name, enum sighting_role role)
{
    return take_all(take, name, add_address, OBSERVABLE_CIDR, role);
}

enum tlp json_take_claimed(const json_t *value)
{
    enum tlp label = TLP_NONE;
    size_t index;
    json_t *element;
    if (json_is_string(value))
        return tlp_claimed(json_string_value(value));
    json_array_foreach((json_t *)value, index, element) label = tlp_strictest(label, json_take_claimed(element));
    return json_is_array(value) || json_is_null(value) || !value ? label : TLP_AMBER_STRICT;
}

void json_take_label(struct report *report, struct observation *observation, enum tlp label)
{
    report->tlp = tlp_strictest(report->tlp, label);
    for (size_t i = 0; i < observation->sighting_count; i++)
        observation->sightings[i].tlp = tlp_strictest(observation->sightings[i].tlp, label);
}

void json_take_confidence(struct observation *observation, int confidence)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        observation->sightings[i].confidence = confidence;
}

/* How the events of a document are read. */
struct events {
    struct report *report;
    const struct codec_limits *limits;
    json_take_labeller label_of;
    json_take_reader read;
};

static bool read_array(const struct events *events, json_t *array, const struct json_place *document, struct err *err)
{
    struct report *report = events->report;
    enum tlp rejected = TLP_NONE; /* the labels of what is rejected */
    size_t index;
    json_t *event;
    bool any = false, has_unlabelled = false;
    if (json_array_size(array) > events->limits->observations_max)
        return json_value_fail(document, ERR_LIMIT, err, "more than %zu events", events->limits->observations_max);
    err_clear(err);
    json_array_foreach(array, index, event)
    {
        struct json_place here = {.up = document, .index = index};
        struct err why;
        size_t before = report->observation_count;
        enum tlp label = events->label_of ? events->label_of(event) : TLP_NONE;
        if (events->read(report, event, &here, &why)) {
            any = true;
        } else {
            report->observation_count = before;
            report_reject(report, why.at, why.text);
            rejected = tlp_strictest(rejected, label);
            has_unlabelled = has_unlabelled || label == TLP_NONE;
            if (err->code == ERR_NONE)
                *err = why;
        }
        json_value_drop(array, index);
    }
    if (!any && err->code != ERR_NONE)
        return false;
    err_clear(err);
    report->tlp = tlp_strictest(report->tlp, rejected);
    /* One without a label is as we agreed with the sender: the wide ones of others do not widen it. */
    report->is_partly_labelled = events->label_of && has_unlabelled;
    if (report->is_partly_labelled && report->tlp < TLP_AMBER)
        report->tlp = TLP_NONE;
    return true;
}

bool json_take_events(const char *bytes, size_t size, const char *format, const struct codec_limits *limits, json_take_labeller label_of,
                      json_take_reader read, struct report **out, struct err *err)
{
    static const struct json_place document = {0};
    json_t *root = NULL;
    if (!json_value_parse(bytes, size, limits, &root, err))
        return false;
    const struct events events = {.report = report_new(format), .limits = limits, .label_of = label_of, .read = read};
    struct report *report = events.report;
    bool ok = json_is_array(root) ? read_array(&events, root, &document, err) : read(report, root, &document, err);
    if (ok && report->observation_count > limits->observations_max)
        ok = json_value_fail(&document, ERR_LIMIT, err, "more than %zu observations", limits->observations_max);
    if (ok)
        *out = report;
    else
        report_free(report);
    json_decref(root);
    return ok;
}

bool json_take_labelled_events(const char *bytes, size_t size, const char *format, const struct codec_limits *limits,
                               json_take_labeller label_of, json_take_reader read, struct report **out, struct err *err)
{
    if (!json_take_events(bytes, size, format, limits, label_of, read, out, err))
        return false;
    report_settle_label(*out);
    return true;
}
