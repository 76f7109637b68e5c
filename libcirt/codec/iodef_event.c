#include "codec/iodef_event.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_label.h"
#include "codec/iodef_sight.h"
#include "codec/iodef_texts.h"
#include "codec/xml_json.h"
#include "model/rsit.h"

/* An EventData with those around it: what they say holds for it too (RFC 7970 section 3.14.1). */
struct event {
    const struct event *outer;
    struct xml_element *element;
    enum tlp tlp;  /* TLP_NONE: as the incident */
    size_t weight; /* elements in it, outside inner events, and in those around it: what each inner one costs to read */
    struct iodef_statement statement;
};

void iodef_event_clear(struct iodef_reader *reader)
{
    free(reader->named);
    reader->named = NULL;
    buf_clear(&reader->description);
}

bool iodef_event_time(struct iodef_reader *reader, struct xml_element *element, int64_t *time, const char **text, const char **rule)
{
    const char *written = xml_text(reader->report->arena, element);
    if (timestamp_is_never(written))
        return true;
    if (timestamp_parse_rfc3339(written, time))
        *rule = "rfc3339";
    else if (timestamp_parse_utc(written, time)) /* xs:dateTime allows it */
        *rule = "utc-assumed";
    else
        return xml_fail(reader->err, ERR_INPUT, IODEF_NAME, element, "\"%.60s\" is no date and time", written);
    *text = written;
    element->is_used = true;
    return true;
}

const char *iodef_event_own_data(struct iodef_reader *reader, struct xml_element *element, const char *name)
{
    for (struct xml_element *data = xml_child(element, IODEF_SPACE, "AdditionalData"); data; data = xml_next(data))
        if (str_equal(xml_attribute(data, "", "formatid"), IODEF_FORMAT_ID) && str_equal(xml_attribute(data, "", "name"), name)) {
            xml_json_use_all(data);
            return xml_text(reader->report->arena, data);
        }
    return NULL;
}

/* In the language of the document, as it would be without saying so. */
static void use_text(struct xml_element *element)
{
    element->is_used = true;
    for (struct xml_attribute *a = element->attributes; a; a = a->next)
        a->is_used = a->is_used || (str_equal(a->space, XML_SPACE_XML) && str_equal(a->name, "lang"));
}

static void read_descriptions(struct iodef_reader *reader, struct xml_element *element, struct iodef_statement *statement)
{
    struct arena *arena = reader->report->arena;
    bool is_kept = iodef_texts_differ(element, reader->report->lang);
    struct buf all;
    buf_init(&all, reader->limits->document_bytes_max);
    for (struct xml_element *d = xml_child(element, IODEF_SPACE, "Description"); d; d = xml_next(d)) {
        const char *text = xml_text(arena, d);
        if (text[0] && all.size)
            buf_add_text(&all, "\n\n");
        buf_add_text(&all, text);
        if (!is_kept)
            use_text(d);
    }
    statement->description = all.size ? arena_strdup(arena, buf_text(&all)) : NULL;
    buf_clear(&all);
}

/* The first IncidentCategory whose name we know, else the first one. */
static struct xml_element *find_category(struct iodef_reader *reader, struct xml_element *element)
{
    struct xml_element *first = NULL;
    for (struct xml_element *a = xml_child(element, IODEF_SPACE, "Assessment"); a; a = xml_next(a))
        for (struct xml_element *c = xml_child(a, IODEF_SPACE, "IncidentCategory"); c; c = xml_next(c)) {
            if (rsit_claimed(xml_text(reader->report->arena, c)))
                return c;
            first = first ? first : c;
        }
    return first;
}

/* An impact of unknown type is what the schema wants beside a category: it says nothing. */
static void use_empty_impact(struct xml_element *assessment)
{
    for (struct xml_element *i = xml_child(assessment, IODEF_SPACE, "SystemImpact"); i; i = xml_next(i)) {
        struct xml_attribute *a = i->attributes;
        if (!i->first && (!a || (!a->next && str_equal(a->name, "type") && str_equal(a->value, "unknown"))))
            xml_json_use_all(i);
    }
    assessment->is_used = true;
}

/* Other teams put the RSIT name into AdditionalData under one of these names; ours is "rsit". */
static struct xml_element *find_rsit_data(struct iodef_reader *reader, struct xml_element *element)
{
    static const char *const names[] = {"rsit", "classification", "taxonomy"};
    for (struct xml_element *data = xml_child(element, IODEF_SPACE, "AdditionalData"); data; data = xml_next(data))
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            const char *name = xml_attribute(data, "", "name");
            if (name && str_equal_nocase(name, names[i]) && rsit_claimed(xml_text(reader->report->arena, data)))
                return data;
        }
    return NULL;
}

static void read_class(struct iodef_reader *reader, struct xml_element *element, struct iodef_statement *statement)
{
    struct xml_element *category = find_category(reader, element);
    struct xml_element *data = find_rsit_data(reader, element);
    const char *exact = data ? rsit_claimed(xml_text(reader->report->arena, data)) : NULL;
    if (!category && !exact)
        return;
    statement->class_claim = exact;
    if (data)
        xml_json_use_all(data);
    if (category) {
        statement->class_claim = xml_text(reader->report->arena, category);
        category->is_used = true;
        use_empty_impact(category->parent);
    }
    statement->class_name = exact ? exact : rsit_claimed(statement->class_claim);
}

static struct xml_element *find_time(struct xml_element *element)
{
    struct xml_element *time = xml_child(element, IODEF_SPACE, "DetectTime");
    return time ? time : xml_child(element, IODEF_SPACE, "StartTime");
}

bool iodef_event_statement(struct iodef_reader *reader, struct xml_element *element, struct iodef_statement *statement)
{
    struct xml_element *time = find_time(element);
    if (time && !iodef_event_time(reader, time, &statement->time, &statement->time_text, &statement->time_rule))
        return false;
    read_descriptions(reader, element, statement);
    read_class(reader, element, statement);
    return true;
}

static bool add_observation(struct iodef_reader *reader, struct xml_element *element, const struct iodef_statement *statement,
                            struct observation **out)
{
    if (reader->report->observation_count >= reader->limits->observations_max)
        return xml_fail(reader->err, ERR_LIMIT, IODEF_NAME, element, "more observations than the limit");
    struct observation *observation = *out = report_add_observation(reader->report);
    observation->time = statement->time;
    observation->time_text = statement->time_text;
    observation->time_rule = statement->time_rule;
    observation->class_claim = statement->class_claim;
    observation->class_name = statement->class_name;
    observation->description = statement->description;
    observation->count = 1;
    observation->source_port = observation->target_port = -1;
    return true;
}

static bool sight_flow(struct iodef_sight *sight, struct xml_element *flow)
{
    flow->is_used = true;
    for (struct xml_element *system = xml_child(flow, IODEF_SPACE, "System"); system; system = xml_next(system))
        if (!iodef_sight_system(sight, system))
            return false;
    return true;
}

static bool sight_records(struct iodef_sight *sight, struct xml_element *event)
{
    struct xml_element *record = xml_child(event, IODEF_SPACE, "Record");
    for (struct xml_element *m = xml_child(event, IODEF_SPACE, "Method"); m; m = xml_next(m))
        if (!iodef_sight_method(sight, m))
            return false;
    if (!record)
        return true;
    struct iodef_sight inner = *sight;
    if (!iodef_label_read(record, sight->tlp, &inner.tlp, sight->reader->err))
        return false;
    record->is_used = true;
    for (struct xml_element *data = xml_child(record, IODEF_SPACE, "RecordData"); data; data = xml_next(data))
        if (!iodef_sight_record(&inner, data))
            return false;
    return true;
}

/* All that the events around this one hold themselves; outermost first. */
static bool sight_outer(struct iodef_sight *sight, const struct event *event)
{
    if (!event)
        return true;
    if (!sight_outer(sight, event->outer))
        return false;
    sight->tlp = event->tlp;
    for (struct xml_element *flow = xml_child(event->element, IODEF_SPACE, "Flow"); flow; flow = xml_next(flow))
        if (!sight_flow(sight, flow))
            return false;
    return sight_records(sight, event->element);
}

/* How much is read again: elements, and their texts, which are copied. */
static size_t weight_of(const struct xml_element *element)
{
    enum { TEXT_WEIGHT = 8 };
    size_t weight = 1 + strlen(element->text) / TEXT_WEIGHT;
    for (const struct xml_element *child = element->first; child; child = child->next)
        weight += xml_is(child, IODEF_SPACE, "EventData") ? 1 : weight_of(child);
    return weight;
}

/* What an encoder of ours found no other place for. */
static void read_own_numbers(struct iodef_reader *reader, struct xml_element *event, struct observation *observation)
{
    static const char *const ports[] = {"source_port", "target_port"};
    int *const places[] = {&observation->source_port, &observation->target_port};
    int64_t number;
    observation->protocol = iodef_event_own_data(reader, event, "protocol");
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        const char *port = iodef_event_own_data(reader, event, ports[i]);
        if (port && str_to_int64(port, 0, 65535, &number))
            *places[i] = (int)number;
    }
    const char *count = iodef_event_own_data(reader, event, "count");
    if (count && str_to_int64(count, 1, INT64_MAX, &number))
        observation->count = number;
}

/* One observation: of the flow, or of an event without any. The first one also gets what belongs to the event as a whole. */
static bool read_flow(struct iodef_reader *reader, const struct event *event, struct xml_element *flow, bool is_first)
{
    struct observation *observation;
    struct xml_element *element = event->element;
    if (!add_observation(reader, element, &event->statement, &observation))
        return false;
    reader->work += event->outer ? event->outer->weight : 0;
    if (reader->work > IODEF_WORK_MAX)
        return xml_fail(reader->err, ERR_LIMIT, IODEF_NAME, element, "inner EventData inherit too much");
    read_own_numbers(reader, element, observation);
    struct iodef_sight sight = {.reader = reader, .observation = observation, .role = ROLE_OTHER, .network_role = ROLE_OTHER};
    if (!sight_outer(&sight, event->outer))
        return false;
    sight.tlp = event->tlp;
    if (flow && !sight_flow(&sight, flow))
        return false;
    return !is_first || sight_records(&sight, element);
}

static const char *dump(struct iodef_reader *reader, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    const char *copy = arena_strdup(reader->report->arena, text);
    free(text);
    return copy;
}

static bool is_restriction(const struct xml_attribute *attribute)
{
    return str_equal(attribute->name, "restriction") || str_equal(attribute->name, "ext-restriction");
}

/* Who reported, and the class: the report has no label of their own for them. */
static bool is_of_report(const struct xml_element *element)
{
    return (str_equal(element->name, "Contact") || str_equal(element->name, "Assessment")) && xml_attribute(element, "", "restriction");
}

/* What others write for a label: AdditionalData whose meaning is "tlp". A wide one is no reason for one. */
static enum tlp said_label(const struct xml_element *element, struct arena *arena)
{
    const char *meaning = str_equal(element->name, "AdditionalData") ? xml_attribute(element, "", "meaning") : NULL;
    enum tlp label = meaning && str_equal_nocase(meaning, "tlp") ? tlp_claimed(xml_text(arena, element)) : TLP_NONE;
    return label < TLP_AMBER ? TLP_NONE : label;
}

/* What stays in extra has no label of its own there, so the report must be as strict as the strictest of it. */
static bool raise_label(struct iodef_reader *reader, struct xml_element *element, enum tlp inherited)
{
    enum tlp label;
    if (!iodef_label_read(element, inherited, &label, reader->err))
        return false;
    reader->content_label = tlp_strictest(reader->content_label, said_label(element, reader->report->arena));
    bool is_kept = !element->is_used || is_of_report(element);
    for (const struct xml_attribute *a = element->attributes; a; a = a->next)
        is_kept = is_kept || (!a->is_used && !is_restriction(a));
    if (is_kept)
        reader->content_label = tlp_strictest(reader->content_label, label);
    for (struct xml_element *child = element->first; child; child = child->next)
        if (!raise_label(reader, child, label))
            return false;
    return true;
}

bool iodef_event_extra(struct iodef_reader *reader, struct xml_element *element, enum tlp label, const char *kept_text, const char **out)
{
    if (!raise_label(reader, element, label))
        return false;
    if (xml_json_weight(element) > XML_JSON_MAX)
        return xml_fail(reader->err, ERR_LIMIT, IODEF_NAME, element, "holds more that is unknown here than can be kept: send it in parts");
    json_t *kept = kept_text ? json_loads(kept_text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *rest = xml_json_rest(element);
    if (kept && json_is_object(kept)) {
        if (rest)
            iodef_texts_merge(kept, rest);
        json_decref(rest);
        rest = json_incref(kept);
    }
    *out = rest && json_object_size(rest) ? dump(reader, rest) : NULL;
    json_decref(rest);
    json_decref(kept);
    return true;
}

static bool read_leaf(struct iodef_reader *reader, const struct event *event)
{
    struct xml_element *flow = xml_child(event->element, IODEF_SPACE, "Flow");
    size_t first = reader->report->observation_count;
    if (!read_flow(reader, event, flow, true))
        return false;
    for (flow = flow ? xml_next(flow) : NULL; flow; flow = xml_next(flow))
        if (!read_flow(reader, event, flow, false))
            return false;
    event->element->is_used = true;
    const char *kept = iodef_event_own_data(reader, event->element, "extra");
    if (!iodef_event_extra(reader, event->element, event->tlp, kept, &reader->report->observations[first].extra))
        return false;
    if (event->statement.description)
        reader->content_label = tlp_strictest(reader->content_label, event->tlp);
    xml_json_use_all(event->element);
    return true;
}

/* What is said for all that is within, but no observation from the first-th on has since each says it otherwise, stays in extra. */

static void keep_time(struct iodef_reader *reader, struct xml_element *element, const struct iodef_statement *statement, size_t first)
{
    struct xml_element *time = find_time(element);
    for (size_t i = first; i < reader->report->observation_count; i++)
        if (str_equal(reader->report->observations[i].time_text, statement->time_text))
            return;
    if (time)
        time->is_used = false;
}

static void keep_descriptions(struct iodef_reader *reader, struct xml_element *element, const struct iodef_statement *statement,
                              size_t first)
{
    for (size_t i = first; i < reader->report->observation_count; i++)
        if (str_equal(reader->report->observations[i].description, statement->description))
            return;
    for (struct xml_element *d = xml_child(element, IODEF_SPACE, "Description"); d; d = xml_next(d))
        d->is_used = false;
}

static void keep_class(struct iodef_reader *reader, struct xml_element *element, const struct iodef_statement *statement, size_t first)
{
    struct xml_element *category = find_category(reader, element), *data = find_rsit_data(reader, element);
    for (size_t i = first; i < reader->report->observation_count; i++)
        if (str_equal(reader->report->observations[i].class_claim, statement->class_claim) &&
            str_equal(reader->report->observations[i].class_name, statement->class_name))
            return;
    if (category)
        category->is_used = false;
    if (!data)
        return;
    data->is_used = false;
    for (struct xml_attribute *a = data->attributes; a; a = a->next)
        a->is_used = false;
}

/* Only innermost events become observations: those around them are what they have in common. */
static bool read_event(struct iodef_reader *reader, struct xml_element *element, const struct event *outer,
                       const struct iodef_statement *from, enum tlp tlp)
{
    struct event event = {.outer = outer, .element = element, .statement = *from};
    if (!iodef_label_read(element, tlp, &event.tlp, reader->err) || !iodef_event_statement(reader, element, &event.statement))
        return false;
    struct xml_element *inner = xml_child(element, IODEF_SPACE, "EventData");
    size_t first = reader->report->observation_count;
    if (!event.statement.description)
        event.statement.description = from->description;
    if (!inner)
        return read_leaf(reader, &event);
    element->is_used = true;
    event.weight = weight_of(element) + (outer ? outer->weight : 0);
    for (; inner; inner = xml_next(inner))
        if (!read_event(reader, inner, &event, &event.statement, event.tlp))
            return false;
    keep_time(reader, element, &event.statement, first);
    keep_descriptions(reader, element, &event.statement, first);
    keep_class(reader, element, &event.statement, first);
    return true;
}

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct iodef_named *)a)->id, ((const struct iodef_named *)b)->id);
}

/* Marks all sightings of that id, also those an inner event inherited. False where there is none. */
static bool mark_indicator(struct iodef_reader *reader, const char *id, const struct iodef_marking *marking)
{
    if (!reader->named_count)
        return false;
    struct iodef_named key = {.id = id};
    struct iodef_named *end = reader->named + reader->named_count;
    struct iodef_named *found = bsearch(&key, reader->named, reader->named_count, sizeof key, compare_named);
    if (!found || found->is_marked)
        return found != NULL;
    while (found > reader->named && str_equal(found[-1].id, id))
        found--;
    for (; found < end && str_equal(found->id, id); found++) {
        struct sighting *sightings = reader->report->observations[found->observation].sightings + found->first;
        found->is_marked = true;
        for (size_t i = 0; i < found->count; i++)
            iodef_sight_mark(&sightings[i], marking);
    }
    return true;
}

/* Members of "and", "xor" and "not" are no indicators by themselves: seen, but not marked, and the expression stays in extra. */
static bool is_alternative(const struct xml_element *expression)
{
    const char *operator= xml_attribute(expression, "", "operator");
    bool is_single = expression->first && expression->first == expression->last;
    return str_equal(operator, "or") || (is_single && !str_equal(operator, "not"));
}

static bool read_observable_choice(struct iodef_sight *sight, struct xml_element *parent);

static bool read_expression(struct iodef_sight *sight, struct xml_element *expression)
{
    struct iodef_sight inner = *sight;
    if (str_equal(xml_attribute(expression, "", "operator"), "not"))
        return true;
    inner.is_indicator = sight->is_indicator && is_alternative(expression);
    return read_observable_choice(&inner, expression);
}

static bool read_observable_choice(struct iodef_sight *sight, struct xml_element *parent)
{
    for (struct xml_element *child = parent->first; child; child = child->next) {
        if (xml_is(child, IODEF_SPACE, "Observable") && !iodef_sight_observable(sight, child))
            return false;
        if (xml_is(child, IODEF_SPACE, "IndicatorExpression") && !read_expression(sight, child))
            return false;
        if (xml_is(child, IODEF_SPACE, "ObservableReference") && sight->is_indicator) {
            const char *id = xml_attribute(child, "", "uid-ref");
            if (id && mark_indicator(sight->reader, id, sight->marking))
                xml_json_use_all(child);
        }
    }
    return true;
}

/* The id we write for a reference ("indicator-" and the observable's id) says nothing more. */
static void use_own_id(struct iodef_reader *reader, struct xml_element *indicator, struct xml_element *id)
{
    struct xml_element *reference = xml_child(indicator, IODEF_SPACE, "ObservableReference");
    const char *uid = reference ? xml_attribute(reference, "", "uid-ref") : NULL;
    const char *text = xml_text(reader->report->arena, id);
    if (uid && reference->is_used && str_starts(text, "indicator-") && str_equal(text + strlen("indicator-"), uid))
        xml_json_use_all(id);
}

/* Ratings without a number are read as the middle of their part of the scale. RFC 7970 leaves the scale of numbers open: "0.8" is a share,
 * "1" and "80" are of 100. What was changed is kept, too. */
static int read_confidence(struct iodef_reader *reader, struct xml_element *confidence)
{
    static const struct {
        const char *rating;
        int value;
    } ratings[] = {{"low", 25}, {"medium", 50}, {"high", 75}};
    const char *rating = xml_attribute(confidence, "", "rating");
    const char *text = xml_text(reader->report->arena, confidence);
    char *end;
    double number = strtod(text, &end);
    if (str_equal(rating, "numeric") && text[0] && *end == '\0' && number >= 0 && number <= 100) {
        int value = (int)(number <= 1 && strchr(text, '.') ? number * 100 + 0.5 : number + 0.5);
        if (value == number)
            xml_json_use_all(confidence);
        return value;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ratings); i++)
        if (str_equal(ratings[i].rating, rating))
            return ratings[i].value;
    return -1;
}

static bool read_marking(struct iodef_reader *reader, struct xml_element *indicator, struct iodef_marking *marking)
{
    struct xml_element *confidence = xml_child(indicator, IODEF_SPACE, "Confidence"), *end = xml_child(indicator, IODEF_SPACE, "EndTime");
    const char *text, *rule;
    const char *own = iodef_event_own_data(reader, indicator, "confidence");
    int64_t number;
    marking->confidence = confidence ? read_confidence(reader, confidence) : -1;
    if (own && str_to_int64(own, 0, 100, &number))
        marking->confidence = (int)number;
    marking->valid_until = TIMESTAMP_NONE;
    return !end || iodef_event_time(reader, end, &marking->valid_until, &text, &rule);
}

static bool read_indicator(struct iodef_reader *reader, struct xml_element *indicator)
{
    struct iodef_statement statement = {.time = TIMESTAMP_NONE};
    struct iodef_marking marking;
    struct iodef_sight sight = {
        .reader = reader, .role = ROLE_OTHER, .network_role = ROLE_INFRASTRUCTURE, .is_indicator = true, .marking = &marking};
    struct xml_element *id = xml_child(indicator, IODEF_SPACE, "IndicatorID");
    if (!id)
        return xml_fail(reader->err, ERR_INPUT, IODEF_NAME, indicator, "IndicatorID is missing");
    if (!iodef_label_read(indicator, TLP_NONE, &sight.tlp, reader->err) || !read_marking(reader, indicator, &marking))
        return false;
    if (!add_observation(reader, indicator, &statement, &sight.observation) || !read_observable_choice(&sight, indicator))
        return false;
    indicator->is_used = true;
    use_own_id(reader, indicator, id);
    if (sight.observation->sighting_count == 0) {
        reader->report->observation_count--;
        return true;
    }
    struct xml_element *start = xml_child(indicator, IODEF_SPACE, "StartTime");
    struct observation *observation = sight.observation;
    if (start && !iodef_event_time(reader, start, &observation->time, &observation->time_text, &observation->time_rule))
        return false;
    read_descriptions(reader, indicator, &statement);
    observation->description = statement.description;
    if (!iodef_event_extra(reader, indicator, TLP_NONE, NULL, &observation->extra))
        return false;
    reader->content_label = tlp_strictest(reader->content_label, statement.description ? sight.tlp : TLP_NONE);
    xml_json_use_all(indicator);
    return true;
}

/* What the Incident as a whole says of the means (CVE ids, malware) belongs to no event: an observation of its own. */
static bool read_methods(struct iodef_reader *reader, struct xml_element *incident, const struct iodef_statement *common)
{
    struct iodef_sight sight = {.reader = reader, .role = ROLE_OTHER, .network_role = ROLE_OTHER, .tlp = TLP_NONE};
    struct xml_element *method = xml_child(incident, IODEF_SPACE, "Method");
    if (!method)
        return true;
    if (!add_observation(reader, incident, common, &sight.observation))
        return false;
    for (; method; method = xml_next(method))
        if (!iodef_sight_method(&sight, method))
            return false;
    if (sight.observation->sighting_count == 0)
        reader->report->observation_count--;
    return true;
}

bool iodef_event_read_all(struct iodef_reader *reader, struct xml_element *incident, const struct iodef_statement *statement)
{
    struct iodef_statement common = *statement;
    common.description = common.class_claim = common.class_name = NULL; /* the report's, or put in by it */
    size_t first = reader->report->observation_count;
    if (!read_methods(reader, incident, &common))
        return false;
    for (struct xml_element *e = xml_child(incident, IODEF_SPACE, "EventData"); e; e = xml_next(e))
        if (!read_event(reader, e, NULL, &common, TLP_NONE))
            return false;
    keep_time(reader, incident, statement, first);
    if (reader->named_count)
        qsort(reader->named, reader->named_count, sizeof *reader->named, compare_named);
    struct xml_element *data = xml_child(incident, IODEF_SPACE, "IndicatorData");
    if (!data)
        return true;
    data->is_used = true;
    for (struct xml_element *i = xml_child(data, IODEF_SPACE, "Indicator"); i; i = xml_next(i))
        if (!read_indicator(reader, i))
            return false;
    return true;
}
