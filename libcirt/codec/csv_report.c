#include "codec/csv_report.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { FEW = 16 };

void csv_report_open(struct csv_report *into, const char *format, const struct codec_limits *limits, const struct codec_sink *sink)
{
    *into = (struct csv_report){
        .report = report_new(format), .sink = *sink, .batch_bytes_max = limits->document_bytes_max, .batch_line = 1, .row_line = 1};
    buf_init(&into->extra, limits->document_bytes_max < SIZE_MAX / 16 ? limits->document_bytes_max * 8 : SIZE_MAX / 2);
}

void csv_report_close(struct csv_report *into)
{
    report_free(into->report);
    buf_clear(&into->extra);
}

struct observation *csv_report_begin_row(struct csv_report *into, size_t line, size_t size)
{
    if (!into->batch_rows)
        into->batch_line = line;
    into->row_line = line;
    into->batch_rows++;
    into->batch_bytes += size;
    buf_reset(&into->extra);
    struct observation *observation = report_add_observation(into->report);
    observation->class_claim = into->report->class_claim;
    observation->class_name = into->report->class_name;
    return observation;
}

const char *csv_report_text(struct csv_report *into, const char *value, size_t size)
{
    struct buf clean;
    if (str_is_utf8(value, size, NULL))
        return value;
    buf_init(&clean, size * 3);
    for (const char *end = value + size; value < end;) {
        uint32_t code_point;
        size_t length = *value ? str_next_code_point(value, end, &code_point) : 1;
        if (*value && code_point != 0xfffd)
            buf_add(&clean, value, length);
        else
            buf_add_text(&clean, "\xef\xbf\xbd");
        value += length;
    }
    const char *text = arena_strndup(report_row_arena(into->report), buf_text(&clean), clean.size);
    buf_clear(&clean);
    return text;
}

void csv_report_keep(struct csv_report *into, const char *name, const char *value, size_t size)
{
    buf_add_char(&into->extra, into->extra.size ? ',' : '{');
    str_add_json(&into->extra, name);
    buf_add_char(&into->extra, ':');
    str_add_json(&into->extra, csv_report_text(into, value, size));
}

void csv_report_reject(struct csv_report *into, size_t line, const char *why)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    report_reject(into->report, at, why);
}

bool csv_report_hand_over(struct csv_report *into, struct err *err)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", into->batch_line);
    into->batch_rows = into->batch_bytes = 0;
    into->batch_count++;
    bool ok =
        report_check_full(into->report, at, err) && into->sink.on_report(into->sink.context, into->report, into->batch_line, NULL, 0, err);
    report_drop_observations(into->report);
    return ok;
}

bool csv_report_refuse(struct csv_report *into)
{
    struct err ignored; /* the document's fault is told */
    bool ok = csv_report_hand_over(into, &ignored);
    UNUSED(ok);
    return false;
}

/* A mapping that does not fit, or a login page in place of a list: no good document that says nothing. */
bool csv_report_finish(struct csv_report *into, struct err *err)
{
    const struct report *report = into->report;
    if (into->has_row || report->rejected_total == 0)
        return csv_report_hand_over(into, err);
    const struct rejection *first = &report->rejections[0];
    if (report->rejected_total == 1)
        err_set_at(err, ERR_INPUT, first->at, "its only row could not be read: %s", first->text);
    else
        err_set_at(err, ERR_INPUT, first->at, "none of %zu rows could be read; the first: %s", report->rejected_total, first->text);
    return csv_report_refuse(into);
}

static int compare(const struct sighting *a, const struct sighting *b)
{
    return a->type != b->type   ? (a->type < b->type ? -1 : 1)
           : a->role != b->role ? (a->role < b->role ? -1 : 1)
                                : strcmp(a->value, b->value);
}

static int compare_places(const void *a, const void *b)
{
    const struct sighting *one = *(const struct sighting *const *)a, *other = *(const struct sighting *const *)b;
    int order = compare(one, other);
    return order ? order : one < other ? -1 : 1;
}

/* The first of each stays. A cell may hold ten thousands: sorted then, not each compared with each. */
static void find_repeated(struct sighting *sightings, size_t count, bool *is_repeated)
{
    if (count <= FEW) {
        for (size_t i = 1; i < count; i++)
            for (size_t k = 0; k < i && !is_repeated[i]; k++)
                is_repeated[i] = compare(&sightings[k], &sightings[i]) == 0;
        return;
    }
    const struct sighting **places = mem_calloc(count, sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = &sightings[i];
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 1; i < count; i++)
        is_repeated[places[i] - sightings] = compare(places[i - 1], places[i]) == 0;
    free(places);
}

/* What the row says twice is there once. */
static void drop_repeated(struct observation *observation)
{
    bool few[FEW] = {false},
         *is_repeated = observation->sighting_count <= FEW ? few : mem_calloc(observation->sighting_count, sizeof few[0]);
    size_t kept = 0;
    find_repeated(observation->sightings, observation->sighting_count, is_repeated);
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (!is_repeated[i])
            observation->sightings[kept++] = observation->sightings[i];
    observation->sighting_count = kept;
    if (is_repeated != few)
        free(is_repeated);
}

bool csv_report_end_row(struct csv_report *into, const char *why, struct err *err)
{
    struct report *report = into->report;
    struct observation *observation = &report->observations[report->observation_count - 1];
    if (into->extra.size) {
        buf_add_char(&into->extra, '}');
        observation->extra = arena_strndup(report_row_arena(report), into->extra.bytes, into->extra.size);
    }
    enum tlp label = report_label_row(report, observation);
    if (why) {
        report->observation_count--;
        csv_report_reject(into, into->row_line, why);
    } else {
        into->has_row = true;
        drop_repeated(observation);
        report_add_hosts_row(report, observation);
    }
    report_narrow(report, label);
    bool is_full = into->batch_rows >= CODEC_BATCH || into->batch_bytes > into->batch_bytes_max;
    return !is_full || csv_report_hand_over(into, err);
}

const char *csv_report_kept_as(struct arena *arena, const char *name, size_t before)
{
    return before ? arena_printf(arena, "%s %zu", name, before + 1) : name;
}

const char *csv_report_before_port(struct arena *arena, const char *text, int *port)
{
    const char *colon = strrchr(text, ':');
    int64_t number;
    if (!colon || colon == text || (strchr(text, ':') != colon && !(*text == '[' && colon[-1] == ']')) ||
        !str_to_int64(colon + 1, 0, 65535, &number))
        return NULL;
    *port = (int)number;
    return arena_strndup(arena, text, (size_t)(colon - text));
}
