#include "codec/gather.h"

#include <stdio.h>
#include <string.h>

void gather_observation(struct report *into, const struct observation *from)
{
    struct observation *to = report_add_observation(into);
    struct arena *arena = report_row_arena(into);
    *to = *from;
    to->time_text = arena_strdup(arena, from->time_text);
    to->time_rule = arena_strdup(arena, from->time_rule);
    to->class_claim = arena_strdup(arena, from->class_claim);
    to->class_name = arena_strdup(arena, from->class_name);
    to->description = arena_strdup(arena, from->description);
    to->protocol = arena_strdup(arena, from->protocol);
    to->extra = arena_strdup(arena, from->extra);
    to->sighting_count = report_take_room(into, from->sighting_count) ? from->sighting_count : 0;
    to->sighting_capacity = to->sighting_count;
    to->sightings = arena_calloc(arena, to->sighting_count, sizeof *to->sightings);
    for (size_t i = 0; i < to->sighting_count; i++) {
        to->sightings[i] = from->sightings[i];
        to->sightings[i].value = arena_strdup(arena, from->sightings[i].value);
        to->sightings[i].original = arena_strdup(arena, from->sightings[i].original);
    }
}

void gather_head(struct report *to, const struct report *from)
{
    struct arena *arena = to->arena;
    to->description = arena_strdup(arena, from->description);
    to->summary = arena_strdup(arena, from->summary);
    to->lang = arena_strdup(arena, from->lang);
    to->class_claim = arena_strdup(arena, from->class_claim);
    to->class_name = arena_strdup(arena, from->class_name);
    to->tlp = from->tlp;
    to->is_partly_labelled = from->is_partly_labelled;
    to->pap = from->pap;
    to->case_kind = arena_strdup(arena, from->case_kind);
    to->time = from->time;
    to->time_text = arena_strdup(arena, from->time_text);
    to->time_rule = arena_strdup(arena, from->time_rule);
    to->reference = arena_strdup(arena, from->reference);
    to->reference_issuer = arena_strdup(arena, from->reference_issuer);
    to->reporter_name = arena_strdup(arena, from->reporter_name);
    to->reporter_email = arena_strdup(arena, from->reporter_email);
    to->creator_name = arena_strdup(arena, from->creator_name);
    to->creator_email = arena_strdup(arena, from->creator_email);
    to->extra = arena_strdup(arena, from->extra);
    to->columns = arena_strdup(arena, from->columns);
    to->columns_of = arena_strdup(arena, from->columns_of);
}

void gather_further(struct report *to, const struct report *from)
{
    to->tlp = tlp_strictest(to->tlp, from->tlp);
    to->is_partly_labelled = to->is_partly_labelled || from->is_partly_labelled;
    for (size_t i = to->rejection_count; i < from->rejection_count; i++)
        report_reject(to, from->rejections[i].at, from->rejections[i].text);
    to->rejected_total = from->rejected_total;
}

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct gather *gather = context;
    UNUSED(bytes), UNUSED(size);
    char at[40];
    snprintf(at, sizeof at, "line %zu", first_line);
    if (gather->is_lines && gather->report_count)
        return err_set_at(err, ERR_INPUT, at, "a second report: only one is wanted here");
    if (!gather->report) {
        gather->report = report_new(report->format);
        gather_head(gather->report, report);
    }
    gather->report_count++;
    if (gather->report->observation_count + report->observation_count > gather->observations_max)
        return err_set_at(err, ERR_LIMIT, at, "more than %zu observations", gather->observations_max);
    for (size_t i = 0; i < report->observation_count; i++)
        gather_observation(gather->report, &report->observations[i]);
    gather_further(gather->report, report);
    return true;
}

static bool on_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    UNUSED(context), UNUSED(line), UNUSED(bytes), UNUSED(size);
    return err_set_at(err, why->code, why->at, "%s", why->text);
}

struct codec_sink gather_sink(struct gather *gather)
{
    return (struct codec_sink){.context = gather, .on_report = on_report, .on_bad_line = on_bad_line};
}
