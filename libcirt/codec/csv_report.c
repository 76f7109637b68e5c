#include "codec/csv_report.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

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

static void add_clean(struct buf *extra, const char *value, size_t size)
{
    struct buf clean;
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
    str_add_json(extra, buf_text(&clean));
    buf_clear(&clean);
}

void csv_report_keep(struct csv_report *into, const char *name, const char *value, size_t size)
{
    buf_add_char(&into->extra, into->extra.size ? ',' : '{');
    str_add_json(&into->extra, name);
    buf_add_char(&into->extra, ':');
    if (str_is_utf8(value, size, NULL))
        str_add_json(&into->extra, value);
    else
        add_clean(&into->extra, value, size);
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

bool csv_report_end_row(struct csv_report *into, const char *why, struct err *err)
{
    struct report *report = into->report;
    if (why) {
        report->observation_count--;
        csv_report_reject(into, into->row_line, why);
    } else if (into->extra.size) {
        buf_add_char(&into->extra, '}');
        report->observations[report->observation_count - 1].extra =
            arena_strndup(report_row_arena(report), into->extra.bytes, into->extra.size);
    }
    bool is_full = into->batch_rows >= CODEC_BATCH || into->batch_bytes > into->batch_bytes_max;
    return !is_full || csv_report_hand_over(into, err);
}

bool csv_report_is_absent(const char *text)
{
    static const char *const absent[] = {"", "-", "n/a", "null", "none", "0.0.0.0", "::"};
    if (!strchr("-nN0:", *text)) /* the end of a text counts as found */
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (str_equal_nocase(text, absent[i]))
            return true;
    return false;
}

/* Takes the newest sighting away again where the row has it already. */
static void drop_repeated(struct observation *observation)
{
    const struct sighting *added = &observation->sightings[observation->sighting_count - 1];
    for (const struct sighting *at = observation->sightings; at < added; at++) {
        if (at->type == added->type && at->role == added->role && str_equal(at->value, added->value)) {
            observation->sighting_count--;
            break;
        }
    }
}

bool csv_report_add(struct csv_report *into, struct observation *observation, enum observable_type type, enum sighting_role role,
                    const char *text)
{
    if (!report_add_sighting(into->report, observation, type, role, text))
        return false;
    drop_repeated(observation);
    return true;
}

bool csv_report_add_guessed(struct csv_report *into, struct observation *observation, enum sighting_role role, const char *text)
{
    if (!report_add_guessed(into->report, observation, role, text))
        return false;
    drop_repeated(observation);
    return true;
}
