#include "support/report_dump.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text && json_object_set_new(object, name, json_string(text)) != 0)
        BUG("%s is not UTF-8: %s", name, text);
}

static void set_time(json_t *object, int64_t time, const char *text, const char *rule)
{
    char formatted[TIMESTAMP_TEXT_SIZE];
    if (time != TIMESTAMP_NONE) {
        timestamp_format(time, formatted);
        set_text(object, "time", formatted);
    }
    set_text(object, "time_text", text);
    set_text(object, "time_rule", rule);
}

static void set_extra(json_t *object, const char *extra)
{
    if (!extra)
        return;
    json_t *value = json_loads(extra, JSON_REJECT_DUPLICATES, NULL);
    /* Text that is no JSON object breaks the promise of report.h and shows in the comparison. */
    json_object_set_new(object, "extra", json_is_object(value) ? value : json_pack("{ss}", "not a JSON object", extra));
}

static json_t *dump_sighting(const struct sighting *sighting)
{
    json_t *object = json_object();
    set_text(object, "type", observable_type_name(sighting->type));
    set_text(object, "role", sighting_role_name(sighting->role));
    set_text(object, "value", sighting->value);
    set_text(object, "tlp", tlp_name(sighting->tlp));
    if (sighting->is_indicator)
        json_object_set_new(object, "indicator", json_true());
    if (sighting->confidence != -1)
        json_object_set_new(object, "confidence", json_integer(sighting->confidence));
    if (sighting->valid_until != TIMESTAMP_NONE) {
        char until[TIMESTAMP_TEXT_SIZE];
        timestamp_format(sighting->valid_until, until);
        set_text(object, "valid_until", until);
    }
    return object;
}

static json_t *dump_observation(const struct observation *observation)
{
    json_t *object = json_object(), *sightings = json_array();
    set_time(object, observation->time, observation->time_text, observation->time_rule);
    set_text(object, "class_claim", observation->class_claim);
    set_text(object, "class", observation->class_name);
    json_object_set_new(object, "count", json_integer(observation->count));
    set_text(object, "description", observation->description);
    set_text(object, "protocol", observation->protocol);
    if (observation->source_port != -1)
        json_object_set_new(object, "source_port", json_integer(observation->source_port));
    if (observation->target_port != -1)
        json_object_set_new(object, "target_port", json_integer(observation->target_port));
    set_extra(object, observation->extra);
    for (size_t i = 0; i < observation->sighting_count; i++)
        json_array_append_new(sightings, dump_sighting(&observation->sightings[i]));
    json_object_set_new(object, "sightings", sightings);
    return object;
}

static void dump_observations(const struct report *report, json_t *array)
{
    for (size_t i = 0; i < report->observation_count; i++)
        json_array_append_new(array, dump_observation(&report->observations[i]));
}

static json_t *dump_rejections(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->rejection_count; i++)
        json_array_append_new(array, json_pack("{ssss}", "at", report->rejections[i].at, "text", report->rejections[i].text));
    return array;
}

static json_t *dump_head(const struct report *report)
{
    json_t *object = json_object();
    set_text(object, "format", report->format);
    set_text(object, "description", report->description);
    set_text(object, "summary", report->summary);
    set_text(object, "lang", report->lang);
    set_text(object, "class_claim", report->class_claim);
    set_text(object, "class", report->class_name);
    set_text(object, "tlp", tlp_name(report->tlp));
    set_text(object, "pap", tlp_name(report->pap));
    set_text(object, "case_kind", report->case_kind);
    set_time(object, report->time, report->time_text, report->time_rule);
    set_text(object, "reference", report->reference);
    set_text(object, "reference_issuer", report->reference_issuer);
    set_text(object, "reporter_name", report->reporter_name);
    set_text(object, "reporter_email", report->reporter_email);
    set_text(object, "creator_name", report->creator_name);
    set_text(object, "creator_email", report->creator_email);
    set_extra(object, report->extra);
    if (report->rejected_total) {
        json_object_set_new(object, "rejected_total", json_integer((json_int_t)report->rejected_total));
        json_object_set_new(object, "rejections", dump_rejections(report));
    }
    return object;
}

json_t *report_dump(const struct report *report)
{
    json_t *object = dump_head(report), *observations = json_array();
    dump_observations(report, observations);
    json_object_set_new(object, "observations", observations);
    return object;
}

/* --- streams --- */

struct collected {
    enum codec_shape shape;
    json_t *head, *observations; /* rows */
    json_t *reports, *bad_lines; /* lines */
};

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct collected *collected = context;
    UNUSED(err);
    if (collected->shape == CODEC_LINES) {
        json_t *dump = report_dump(report);
        json_object_set_new(dump, "line", json_integer((json_int_t)first_line));
        json_object_set_new(dump, "raw_size", json_integer((json_int_t)size));
        if (!bytes)
            json_object_set_new(dump, "raw", json_null());
        json_array_append_new(collected->reports, dump);
        return true;
    }
    json_decref(collected->head);
    collected->head = dump_head(report);
    dump_observations(report, collected->observations);
    return true;
}

static bool on_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    struct collected *collected = context;
    UNUSED(bytes), UNUSED(err);
    json_array_append_new(collected->bad_lines, json_pack("{sssssIsI}", "at", why->at, "text", why->text, "line", (json_int_t)line,
                                                          "raw_size", (json_int_t)size));
    return true;
}

static bool feed_in_chunks(const struct codec *codec, struct codec_stream *stream, const char *bytes, size_t size, size_t chunk,
                           struct err *err)
{
    while (size) {
        size_t part = chunk && chunk < size ? chunk : size;
        /* A copy of exactly that size, so that the sanitizer sees a read beyond it. */
        char *copy = mem_calloc(part, 1);
        memcpy(copy, bytes, part);
        bool ok = codec->feed(stream, copy, part, err);
        free(copy);
        if (!ok)
            return false;
        bytes += part;
        size -= part;
    }
    return codec->finish(stream, err);
}

static json_t *finish_collecting(struct collected *collected)
{
    json_t *result;
    if (collected->shape == CODEC_LINES) {
        result = json_pack("{sOsO}", "reports", collected->reports, "bad_lines", collected->bad_lines);
    } else {
        result = json_incref(collected->head);
        json_object_set(result, "observations", collected->observations);
    }
    return result;
}

static json_t *dump_stream(const struct codec *codec, const char *bytes, size_t size, const struct codec_hints *hints, size_t chunk,
                           struct err *err)
{
    struct collected collected = {
        .shape = codec->shape, .head = json_object(), .observations = json_array(), .reports = json_array(), .bad_lines = json_array()};
    struct codec_sink sink = {.context = &collected, .on_report = on_report, .on_bad_line = on_bad_line};
    struct codec_stream *stream = codec->open(&codec_limits_default, hints, &sink);
    bool ok = feed_in_chunks(codec, stream, bytes, size, chunk, err);
    codec->close(stream);
    json_t *result = ok ? finish_collecting(&collected) : NULL;
    json_decref(collected.head);
    json_decref(collected.observations);
    json_decref(collected.reports);
    json_decref(collected.bad_lines);
    return result;
}

json_t *report_dump_sample(const struct codec *codec, const char *bytes, size_t size, const struct codec_hints *hints, size_t chunk,
                           struct err *err)
{
    if (codec->shape != CODEC_WHOLE)
        return dump_stream(codec, bytes, size, hints, chunk, err);
    struct report *report = NULL;
    if (!codec_decode(codec, bytes, size, &codec_limits_default, hints, &report, err))
        return NULL;
    json_t *dump = report_dump(report);
    report_free(report);
    return dump;
}

char *report_dump_text(const json_t *dump)
{
    char *text = json_dumps(dump, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    char *with_end = mem_printf("%s\n", text ? text : "(a string in the report is not UTF-8)");
    free(text);
    return with_end;
}
