#include "codec/native_encode.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/json_value.h"
#include "codec/native.h"

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

/* As it was written where that is RFC 3339, else as we understood it. */
static void set_time(json_t *object, int64_t time, const char *text, const char *rule)
{
    char formatted[TIMESTAMP_TEXT_SIZE];
    if (time == TIMESTAMP_NONE)
        return;
    timestamp_format(time, formatted);
    set_text(object, "time", text && str_equal(rule, "rfc3339") ? text : formatted);
}

/* What the format that the report came in had more. */
static void merge_extra(json_t *object, const char *text, bool of_observation)
{
    json_t *extra = text ? json_loads(text, 0, NULL) : NULL;
    native_drop_members(extra, of_observation);
    if (json_is_object(extra))
        json_value_merge_missing(object, extra);
    json_decref(extra);
}

/* An object without members says nothing and is left out. */
static void set_unless_empty(json_t *object, const char *name, json_t *value)
{
    if (json_is_array(value) ? json_array_size(value) : json_object_size(value))
        json_object_set_new(object, name, value);
    else
        json_decref(value);
}

static bool fits_end(const struct sighting *sighting)
{
    return (sighting->role == ROLE_SOURCE || sighting->role == ROLE_TARGET) && sighting->type != OBSERVABLE_TEXT &&
           sighting->tlp == TLP_NONE && !sighting->is_indicator && sighting->confidence < 0 && sighting->valid_until == TIMESTAMP_NONE;
}

/* One value stands alone, several in an array. */
static void add_to_end(json_t *end, const struct sighting *sighting)
{
    bool is_address = sighting->type == OBSERVABLE_IPV4 || sighting->type == OBSERVABLE_IPV6;
    const char *name = is_address ? "ip" : observable_type_name(sighting->type);
    json_t *there = json_object_get(end, name), *value = json_string(sighting->value);
    if (json_is_array(there)) {
        json_array_append_new(there, value);
    } else if (there) {
        json_t *both = json_array();
        json_array_append(both, there);
        json_array_append_new(both, value);
        json_object_set_new(end, name, both);
    } else {
        json_object_set_new(end, name, value);
    }
}

static json_t *encode_end(const struct observation *observation, enum sighting_role role, int port)
{
    json_t *end = json_object();
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (fits_end(&observation->sightings[i]) && observation->sightings[i].role == role)
            add_to_end(end, &observation->sightings[i]);
    if (port >= 0)
        json_object_set_new(end, "port", json_integer(port));
    return end;
}

static json_t *encode_sighting(const struct sighting *sighting)
{
    json_t *entry = json_object();
    set_text(entry, "type", observable_type_name(sighting->type));
    set_text(entry, "value", sighting->value);
    set_text(entry, "role", sighting_role_name(sighting->role));
    set_text(entry, "tlp", tlp_name(sighting->tlp));
    if (sighting->is_indicator)
        json_object_set_new(entry, "indicator", json_true());
    if (sighting->confidence >= 0)
        json_object_set_new(entry, "confidence", json_integer(sighting->confidence));
    if (sighting->valid_until != TIMESTAMP_NONE) {
        char until[TIMESTAMP_TEXT_SIZE];
        timestamp_format(sighting->valid_until, until);
        set_text(entry, "until", until);
    }
    return entry;
}

static json_t *encode_observation(const struct observation *observation)
{
    json_t *object = json_object(), *observables = json_array();
    set_time(object, observation->time, observation->time_text, observation->time_rule);
    set_text(object, "class", observation->class_claim ? observation->class_claim : observation->class_name);
    if (observation->count != 1)
        json_object_set_new(object, "count", json_integer(observation->count));
    set_text(object, "description", observation->description);
    set_text(object, "protocol", observation->protocol);
    set_unless_empty(object, "source", encode_end(observation, ROLE_SOURCE, observation->source_port));
    set_unless_empty(object, "target", encode_end(observation, ROLE_TARGET, observation->target_port));
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (!fits_end(&observation->sightings[i]))
            json_array_append_new(observables, encode_sighting(&observation->sightings[i]));
    set_unless_empty(object, "observables", observables);
    merge_extra(object, observation->extra, true);
    return object;
}

struct codec_writer {
    enum tlp pap;
    bool has_members, has_observations;
};

static void start_member(struct codec_writer *writer, struct buf *out, const char *name)
{
    buf_printf(out, "%s\"%s\":", writer->has_members ? "," : "", name);
    writer->has_members = true;
}

/* PAP is not known before the last observation. */
static json_t *encode_head(const struct report *report)
{
    json_t *object = json_object(), *reporter = json_object();
    set_text(object, "description", report->description);
    set_text(object, "summary", report->summary);
    set_text(object, "lang", report->lang);
    set_text(object, "class", report->class_claim ? report->class_claim : report->class_name);
    set_text(object, "tlp", tlp_name(report->tlp));
    set_text(object, "kind", report->case_kind);
    set_time(object, report->time, report->time_text, report->time_rule);
    set_text(object, "reference", report->reference);
    set_text(object, "reference_issuer", report->reference_issuer);
    set_text(reporter, "name", report->reporter_name);
    set_text(reporter, "email", report->reporter_email);
    set_unless_empty(object, "reporter", reporter);
    merge_extra(object, report->extra, false);
    return object;
}

static struct codec_writer *open_report(const struct report *head, const struct codec_out *out, struct err *err)
{
    UNUSED(err);
    struct codec_writer *writer = mem_calloc(1, sizeof *writer);
    json_t *object = encode_head(head);
    *writer = (struct codec_writer){.pap = head->pap, .has_members = json_object_size(object) > 0};
    buf_add_char(out->now, '{');
    json_value_write_members(object, out->now);
    json_decref(object);
    return writer;
}

static bool add_observations(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    UNUSED(err);
    writer->pap = tlp_strictest(writer->pap, piece->pap);
    for (size_t i = 0; i < piece->observation_count; i++) {
        json_t *observation = encode_observation(&piece->observations[i]);
        if (!writer->has_observations)
            start_member(writer, out->now, "observations");
        buf_add_char(out->now, writer->has_observations ? ',' : '[');
        writer->has_observations = true;
        json_value_write(observation, out->now);
        json_decref(observation);
    }
    return true;
}

static bool finish_report(struct codec_writer *writer, const struct codec_out *out, struct err *err)
{
    UNUSED(err);
    if (writer->has_observations)
        buf_add_char(out->now, ']');
    if (tlp_name(writer->pap)) {
        start_member(writer, out->now, "pap");
        buf_printf(out->now, "\"%s\"", tlp_name(writer->pap));
    }
    buf_add_text(out->now, "}\n");
    return true;
}

static void close_report(struct codec_writer *writer)
{
    free(writer);
}

const struct codec_pieces native_pieces = {open_report, add_observations, finish_report, close_report};

bool native_encode(const struct report *report, struct buf *out, struct err *err)
{
    return codec_write_whole(&native_pieces, report, out, err);
}
