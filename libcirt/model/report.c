#include "model/report.h"

#include <stdlib.h>

/* What callers see, and behind it the arena that dies with each batch of observations. */
struct owned_report {
    struct report report; /* first: report_free() gets its address */
    struct arena *rows;
};

static struct owned_report *owner_of(struct report *report)
{
    return (struct owned_report *)report;
}

struct report *report_new(const char *format)
{
    struct owned_report *owned = mem_calloc(1, sizeof *owned);
    owned->rows = arena_new();
    struct report *report = &owned->report;
    report->arena = arena_new();
    report->format = arena_strdup(report->arena, format);
    report->tlp = TLP_NONE;
    report->time = TIMESTAMP_NONE;
    return report;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    arena_free(owner_of(report)->rows);
    arena_free(report->arena);
    free(owner_of(report));
}

struct arena *report_row_arena(struct report *report)
{
    return owner_of(report)->rows;
}

struct observation *report_add_observation(struct report *report)
{
    report->observations = arena_grow(report_row_arena(report), report->observations, &report->observation_capacity,
                                      report->observation_count, sizeof *report->observations);
    struct observation *added = &report->observations[report->observation_count++];
    *added = (struct observation){.time = TIMESTAMP_NONE, .count = 1, .source_port = -1, .target_port = -1};
    return added;
}

static bool add_value(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                      const char *value)
{
    if (!value)
        return false;
    observation->sightings = arena_grow(report_row_arena(report), observation->sightings, &observation->sighting_capacity,
                                        observation->sighting_count, sizeof *observation->sightings);
    observation->sightings[observation->sighting_count++] = (struct sighting){.type = type, .role = role, .value = value, .tlp = TLP_NONE};
    return true;
}

bool report_add_sighting(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                         const char *text)
{
    return add_value(report, observation, type, role, observable_normalise(report_row_arena(report), type, text));
}

bool report_add_guessed(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    enum observable_type type = OBSERVABLE_TEXT;
    const char *value = observable_guess(report_row_arena(report), text, &type);
    return add_value(report, observation, type, role, value);
}

void report_reject(struct report *report, const char *at, const char *text)
{
    report->rejected_total++;
    if (report->rejection_count >= REPORT_REJECTIONS_KEPT)
        return;
    report->rejections =
        arena_grow(report->arena, report->rejections, &report->rejection_capacity, report->rejection_count, sizeof *report->rejections);
    report->rejections[report->rejection_count++] =
        (struct rejection){.at = arena_strdup(report->arena, at), .text = arena_strdup(report->arena, text)};
}

void report_drop_observations(struct report *report)
{
    arena_reset(report_row_arena(report));
    report->observations = NULL;
    report->observation_count = 0;
    report->observation_capacity = 0;
}
