#include "codec/statements.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

/* TOGETHER_MOST: sightings in statements; the values behind them stand by themselves, so that a document stays one that can be read. */
enum { TOGETHER_MOST = 50000 };

/* Of each observation of the report. */
struct place {
    size_t number;
    int64_t last;                    /* TIMESTAMP_NONE where it was seen at no time */
    struct observation *observation; /* statements_finish() */
};

struct statements {
    struct report *report;
    json_t *numbers; /* of observations, by the name of their statement */
    struct place *places;
    size_t capacity, together;
};

/* When and how often, as an item tells it. */
struct seen {
    int64_t first, last, count;
};

struct statements *statements_new(struct report *report)
{
    struct statements *statements = mem_calloc(1, sizeof *statements);
    statements->report = report;
    statements->numbers = json_object();
    return statements;
}

void statements_free(struct statements *statements)
{
    if (!statements)
        return;
    json_decref(statements->numbers);
    free(statements->places);
    free(statements);
}

/* --- adding --- */

static int64_t time_of(const json_t *told, const char *name)
{
    int64_t time = TIMESTAMP_NONE;
    const char *text = json_string_value(json_object_get(told, name));
    return text && timestamp_parse_rfc3339(text, &time) ? time : TIMESTAMP_NONE;
}

static int port_of(const json_t *told, const char *name)
{
    const json_t *port = json_object_get(told, name);
    return json_is_integer(port) ? (int)json_integer_value(port) : -1;
}

/* Takes what is told of one more into it. */
static void add_seen(struct seen *seen, int64_t first, int64_t last, int64_t count)
{
    if (first != TIMESTAMP_NONE && (seen->first == TIMESTAMP_NONE || first < seen->first))
        seen->first = first;
    if (last != TIMESTAMP_NONE && (seen->last == TIMESTAMP_NONE || last > seen->last))
        seen->last = last;
    seen->count = count > INT64_MAX - seen->count ? INT64_MAX : seen->count + count;
}

static void add_told(struct seen *seen, const json_t *told)
{
    int64_t first = time_of(told, "time"), last = time_of(told, "last");
    add_seen(seen, first, last == TIMESTAMP_NONE ? first : last, json_integer_value(json_object_get(told, "count")));
}

static struct observation *add_observation(struct statements *statements, const struct seen *seen, const char *class_name)
{
    struct report *report = statements->report;
    statements->places = mem_grow(statements->places, &statements->capacity, report->observation_count, sizeof *statements->places);
    statements->places[report->observation_count] = (struct place){.number = report->observation_count, .last = seen->last};
    struct observation *observation = report_add_observation(report);
    observation->time = seen->first;
    observation->count = seen->count > 0 ? seen->count : 1;
    observation->class_claim = observation->class_name = class_name;
    return observation;
}

/* The one of that statement; a new one where no value named it before. */
static struct observation *observation_of(struct statements *statements, const json_t *told, const char *class_name)
{
    struct report *report = statements->report;
    const char *name = json_string_value(json_object_get(told, "in")), *own_class = json_string_value(json_object_get(told, "class"));
    const json_t *number = name ? json_object_get(statements->numbers, name) : NULL;
    if (number) {
        struct observation *known = &report->observations[json_integer_value(number)];
        if (!own_class && !str_equal(known->class_name, class_name))
            known->class_claim = known->class_name = NULL;
        return known;
    }
    struct seen seen = {TIMESTAMP_NONE, TIMESTAMP_NONE, 0};
    add_told(&seen, told);
    if (name)
        json_object_set_new(statements->numbers, name, json_integer((json_int_t)report->observation_count));
    struct observation *observation =
        add_observation(statements, &seen, own_class ? arena_strdup(report_row_arena(report), own_class) : class_name);
    observation->protocol = arena_strdup(report_row_arena(report), json_string_value(json_object_get(told, "protocol")));
    observation->source_port = port_of(told, "source_port");
    observation->target_port = port_of(told, "target_port");
    return observation;
}

static void add_sightings(struct statements *statements, struct observation *observation, const struct sighting *what, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = observation->sighting_count;
        if (!report_add_sighting(statements->report, observation, what[i].type, what[i].role, what[i].value) ||
            observation->sighting_count == at)
            continue;
        struct sighting *sighting = &observation->sightings[at];
        sighting->tlp = what[i].tlp;
        sighting->is_indicator = what[i].is_indicator;
        sighting->confidence = what[i].confidence;
        sighting->valid_until = what[i].valid_until;
    }
}

bool statements_add(struct statements *statements, const json_t *item, const struct sighting *what, size_t count, const char *class_name)
{
    const json_t *list = json_object_get(item, "statements"), *further = json_object_get(item, "further");
    enum observable_type type = what->type;
    struct seen rest = {TIMESTAMP_NONE, TIMESTAMP_NONE, 0};
    bool is_alone = !json_is_array(list) || statements->together >= TOGETHER_MOST;
    if (!observable_read(report_row_arena(statements->report), &type, what->value))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *told = json_array_get(list, i);
        if (is_alone)
            add_told(&rest, told);
        else
            add_sightings(statements, observation_of(statements, told, class_name), what, count);
        statements->together += count;
    }
    if (json_is_object(further))
        add_told(&rest, further);
    if (is_alone || json_is_object(further))
        add_sightings(statements, add_observation(statements, &rest, class_name), what, count);
    return true;
}

/* --- what says the same --- */

static int compare_sightings(const void *a, const void *b)
{
    const struct sighting *left = a, *right = b;
    if (left->type != right->type)
        return (int)left->type - (int)right->type;
    return left->role != right->role ? (int)left->role - (int)right->role : strcmp(left->value, right->value);
}

/* Sorted, and each value in each role once, under the strictest label: several addresses may be of one network. */
static void settle_sightings(struct observation *observation)
{
    size_t kept = 0;
    if (observation->sighting_count == 0)
        return;
    qsort(observation->sightings, observation->sighting_count, sizeof *observation->sightings, compare_sightings);
    for (size_t i = 1; i < observation->sighting_count; i++) {
        struct sighting *last = &observation->sightings[kept], *next = &observation->sightings[i];
        if (compare_sightings(last, next) == 0)
            last->tlp = tlp_strictest(last->tlp, next->tlp);
        else
            observation->sightings[++kept] = *next;
    }
    observation->sighting_count = kept + 1;
}

static int compare_texts(const char *left, const char *right)
{
    return strcmp(left ? left : "", right ? right : "");
}

/* 0: they say the same, at whatever time and however often. */
static int compare_content(const struct observation *left, const struct observation *right)
{
    int order = left->source_port != right->source_port ? left->source_port - right->source_port : left->target_port - right->target_port;
    order = order ? order : compare_texts(left->class_name, right->class_name);
    order = order ? order : compare_texts(left->protocol, right->protocol);
    for (size_t i = 0; order == 0 && i < left->sighting_count && i < right->sighting_count; i++)
        order = compare_sightings(&left->sightings[i], &right->sightings[i]);
    return order || left->sighting_count == right->sighting_count ? order : left->sighting_count < right->sighting_count ? -1 : 1;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    int order = compare_content(left->observation, right->observation);
    if (order)
        return order;
    return left->number < right->number ? -1 : 1;
}

/* Into the first of those that say the same; the others are left without values. */
static void join(struct report *report, const struct place *places, size_t count)
{
    struct observation *first = places->observation;
    struct seen seen = {TIMESTAMP_NONE, TIMESTAMP_NONE, 0};
    for (size_t i = 0; i < count; i++) {
        add_seen(&seen, places[i].observation->time, places[i].last, places[i].observation->count);
        if (i > 0)
            places[i].observation->sighting_count = 0;
    }
    first->time = seen.first;
    first->count = seen.count;
    if (seen.last != seen.first) {
        char last[TIMESTAMP_TEXT_SIZE];
        timestamp_format(seen.last, last);
        first->extra = arena_printf(report_row_arena(report), "{\"last\":\"%s\"}", last); /* nothing to escape */
    }
}

void statements_finish(struct statements *statements)
{
    struct report *report = statements->report;
    struct place *places = statements->places;
    size_t count = report->observation_count, kept = 0;
    for (size_t i = 0; i < count; i++) {
        places[i].observation = &report->observations[i];
        settle_sightings(places[i].observation);
    }
    if (count)
        qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && compare_content(places[i].observation, places[next].observation) == 0;)
            next++;
        join(report, &places[i], next - i);
    }
    for (size_t i = 0; i < count; i++)
        if (report->observations[i].sighting_count)
            report->observations[kept++] = report->observations[i];
    report->observation_count = kept;
}
