#include "codec/stix_indicator.h"

#include "base/str.h"
#include "codec/stix_class.h"
#include "codec/stix_extra.h"
#include "codec/stix_fill.h"
#include "codec/stix_marking.h"
#include "codec/stix_observable.h"

static void reject_pattern(struct stix_reader *reader, const struct stix_object *indicator, const struct err *why)
{
    struct arena *arena = reader->report->arena;
    report_reject(reader->report, stix_object_place(indicator, "pattern", arena),
                  arena_printf(arena, "no STIX pattern: %s: %s", why->at, why->text));
}

/* Adds the pattern's values; what is not taken apart goes into *not_decomposed. */
static bool read_pattern(struct stix_reader *reader, const struct stix_object *indicator, size_t number, json_t *not_decomposed)
{
    const char *type = stix_object_text(indicator->json, "pattern_type"), *text = stix_object_text(indicator->json, "pattern");
    struct stix_pattern pattern;
    struct err why = {0};
    if (type && !str_equal(type, "stix")) {
        json_array_append_new(not_decomposed, json_string("pattern"));
        return true;
    }
    arena_reset(reader->scratch);
    if (!stix_pattern_parse(reader->scratch, text ? text : "", &pattern, &why)) {
        reject_pattern(reader, indicator, &why);
        json_array_append_new(not_decomposed, json_string("pattern"));
        return true;
    }
    struct stix_sight sight = {.reader = reader, .observation = number, .owner = indicator};
    return stix_observable_pattern(&sight, &pattern, true, not_decomposed);
}

static void keep_not_decomposed(struct stix_reader *reader, size_t number, json_t *list)
{
    struct stix_statement *statement = &reader->statements[number];
    if (json_array_size(list)) {
        if (!statement->extra)
            statement->extra = json_object();
        json_t *there = json_object_get(statement->extra, "not_decomposed");
        if (there)
            json_array_extend(there, list);
        else
            json_object_set(statement->extra, "not_decomposed", list);
    }
    json_decref(list);
}

/* The label, end and name of the indicator on the values it brought. */
static void mark_values(struct stix_reader *reader, const struct stix_object *indicator, size_t number, size_t first)
{
    struct observation *observation = stix_fill_at(reader, number);
    int64_t end = stix_object_time(indicator->json, "valid_until");
    enum tlp label = stix_marking_label(&reader->document, indicator->json);
    for (size_t i = first; i < observation->sighting_count; i++) {
        observation->sightings[i].valid_until = end;
        observation->sightings[i].indicator_id = report_indicator_id(indicator->id);
        observation->sightings[i].indicator_time = indicator->modified;
        observation->sightings[i].tlp = tlp_strictest(observation->sightings[i].tlp, label);
    }
    stix_fill_confidence(reader, number, first, indicator->json);
}

/* --- what it rests on --- */

static void value_key(struct buf *key, const struct sighting *sighting)
{
    buf_reset(key);
    buf_printf(key, "%d %s", (int)sighting->type, sighting->value);
}

/* Values seen and asked for are marked; those only asked for stay at the end. The values of the indicator stand from `first` on. */
static void merge_values(struct observation *observation, size_t first, bool is_own)
{
    json_t *seen = json_object();
    struct buf key;
    buf_init(&key, SIZE_MAX / 2);
    for (size_t i = first; i-- > 0;) {
        value_key(&key, &observation->sightings[i]);
        json_object_set_new(seen, buf_text(&key), json_integer((json_int_t)i));
    }
    size_t kept = first;
    for (size_t i = first; i < observation->sighting_count; i++) {
        struct sighting *asked = &observation->sightings[i];
        value_key(&key, asked);
        const json_t *found = json_object_get(seen, buf_text(&key));
        if (!found) {
            observation->sightings[kept++] = *asked;
            continue;
        }
        struct sighting *there = &observation->sightings[json_integer_value(found)];
        there->tlp = is_own ? there->tlp : tlp_strictest(there->tlp, asked->tlp);
        there->is_indicator = there->is_indicator || (asked->is_indicator && there->role != ROLE_VICTIM);
        /* Where traffic went to, and what the sender wants found, is no victim's. */
        if (!is_own && asked->is_indicator && (there->role == ROLE_TARGET || there->role == ROLE_OTHER))
            there->role = asked->role;
        there->confidence = asked->confidence >= 0 ? asked->confidence : there->confidence;
        there->valid_until = asked->valid_until != TIMESTAMP_NONE ? asked->valid_until : there->valid_until;
        there->indicator_id = asked->indicator_id;
        there->indicator_time = asked->indicator_time;
    }
    observation->sighting_count = kept;
    json_decref(seen);
    buf_clear(&key);
}

/* The observables that it is based on, as OpenCTI has it where nobody says when they were observed. */
static bool sight_basis(struct stix_reader *reader, const struct stix_object *indicator, size_t number)
{
    struct stix_sight sight = {.reader = reader, .observation = number, .owner = indicator, .taken = json_object()};
    bool ok = true;
    for (size_t i = reader->first_link[indicator->index]; ok && i; i = reader->links[i - 1].next) {
        const struct stix_link *link = &reader->links[i - 1];
        if (stix_object_is_observable(link->target) &&
            str_equal(stix_object_text(link->relationship->json, "relationship_type"), "based-on"))
            ok = stix_observable_sight(&sight, link->target->id, ROLE_OTHER);
    }
    json_decref(sight.taken);
    return ok;
}

bool stix_indicator_read(struct stix_reader *reader, struct stix_object *indicator)
{
    size_t number, first = 0;
    const json_t *json = indicator->json, *extension = stix_extra_extension(json);
    json_t *not_decomposed = json_array();
    bool is_own = false;
    bool ok = stix_fill_add(reader, indicator, &number) && sight_basis(reader, indicator, number);
    if (ok) {
        first = stix_fill_at(reader, number)->sighting_count;
        ok = read_pattern(reader, indicator, number, not_decomposed);
    }
    if (ok) {
        mark_values(reader, indicator, number, first);
        if (first)
            merge_values(stix_fill_at(reader, number), first, false);
        stix_fill_time(reader, number, json, stix_object_text(json, "valid_from") ? "valid_from" : "created");
        struct observation *observation = stix_fill_at(reader, number);
        is_own = extension && !json_array_size(not_decomposed); /* what we write we can take apart */
        if (is_own) {
            observation->description = arena_strdup(report_row_arena(reader->report), stix_object_text(json, "description"));
            stix_fill_own(reader, number, json, extension);
            reader->statements[number].is_own = true;
        } else {
            stix_fill_describe(reader, number, json);
            stix_class_of(reader, indicator, &observation->class_claim, &observation->class_name);
            stix_fill_references(reader, number, json);
            stix_fill_keep(reader, number, "stix", json);
        }
        indicator->is_used = true;
    }
    if (ok && !is_own)
        keep_not_decomposed(reader, number, not_decomposed);
    else
        json_decref(not_decomposed);
    return ok;
}

/* --- those that rest on observed data --- */

/* What the observed data left open. */
static void fill_in(struct stix_reader *reader, const struct stix_object *indicator, size_t number)
{
    struct observation *observation = stix_fill_at(reader, number);
    if (!observation->description)
        stix_fill_describe(reader, number, indicator->json);
    if (!observation->class_claim)
        stix_class_of(reader, indicator, &observation->class_claim, &observation->class_name);
    stix_fill_references(reader, number, indicator->json);
    stix_fill_keep(reader, number, "stix_indicator", indicator->json);
}

bool stix_indicator_merge(struct stix_reader *reader, struct stix_object *indicator, size_t number)
{
    struct observation *observation = stix_fill_at(reader, number);
    size_t first = observation->sighting_count;
    json_t *not_decomposed = json_array();
    bool is_own = stix_extra_extension(indicator->json) && reader->statements[number].is_own;
    if (!read_pattern(reader, indicator, number, not_decomposed)) {
        json_decref(not_decomposed);
        return false;
    }
    is_own = is_own && !json_array_size(not_decomposed);
    mark_values(reader, indicator, number, first);
    observation = stix_fill_at(reader, number);
    reader->work += observation->sighting_count;
    if (reader->work > STIX_WORK_MAX) {
        json_decref(not_decomposed);
        return stix_object_fail(indicator, NULL, ERR_LIMIT, reader->err, "too many indicators are based on the same observed data");
    }
    merge_values(observation, first, is_own);
    if (is_own) {
        json_decref(not_decomposed);
    } else {
        fill_in(reader, indicator, number);
        keep_not_decomposed(reader, number, not_decomposed);
    }
    reader->observation_of[indicator->index] = number + 1;
    indicator->is_used = true;
    return true;
}
