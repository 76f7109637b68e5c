#include "codec/native.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "codec/json_take.h"
#include "codec/json_value.h"
#include "model/rsit.h"

/* What one decode carries along. */
struct native {
    const struct codec_limits *limits;
    struct report *report;
    struct arena *arena; /* the report's for its head, the rows' for observations */
    struct buf *extra;   /* of the object being read: members that have no place of their own */
    bool has_absent;     /* the observation being read names a value that is none */
    enum tlp stray;      /* labels where none belongs: of the object being read, */
    enum tlp head_stray; /* of the report itself, */
    enum tlp strictest;  /* of all */
};

struct member;
typedef bool (*member_reader)(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                              struct err *err);

/* A known member: how it is read, and where it goes within the target struct. */
struct member {
    const char *name;
    member_reader read;
    size_t offset;
};

/* --- labels where none belongs --- */

/* A member that we do not know, but whose name says what was meant. As deep as the document may be. */
static enum tlp stray_label(const char *name, const json_t *value)
{
    enum tlp label = str_equal_nocase(name, "tlp") ? json_take_claimed(value) : TLP_NONE;
    const char *inner_name;
    size_t index;
    json_t *inner;
    json_object_foreach((json_t *)value, inner_name, inner) label = tlp_strictest(label, stray_label(inner_name, inner));
    json_array_foreach((json_t *)value, index, inner) label = tlp_strictest(label, stray_label("", inner));
    return label;
}

/* Never widened: without a label it is as we agreed with the sender, which a wide one is no reason to change. */
static enum tlp narrowed(enum tlp own, enum tlp label)
{
    return own == TLP_NONE && label < TLP_AMBER ? TLP_NONE : tlp_strictest(own, label);
}

static void narrow_head(struct native *native)
{
    native->head_stray = native->strictest = native->stray;
    native->report->tlp = narrowed(native->report->tlp, native->stray);
    native->stray = TLP_NONE;
}

static void narrow_observation(struct native *native, struct observation *observation)
{
    enum tlp label = tlp_strictest(native->head_stray, native->stray);
    for (size_t i = 0; i < observation->sighting_count; i++) {
        enum tlp own = observation->sightings[i].tlp == TLP_NONE ? native->report->tlp : observation->sightings[i].tlp;
        if (narrowed(own, label) != own)
            observation->sightings[i].tlp = narrowed(own, label);
    }
    native->strictest = tlp_strictest(native->strictest, native->stray);
    native->stray = TLP_NONE;
}

/* --- members --- */

static bool keep_extra(struct native *native, const char *name, const json_t *value, const struct json_place *place, struct err *err)
{
    struct buf *extra = native->extra;
    native->stray = tlp_strictest(native->stray, stray_label(name, value));
    bool kept = (!extra->size || extra->bytes[extra->size - 1] == '{' || buf_add_char(extra, ',')) && str_add_json(extra, name) &&
                buf_add_char(extra, ':') && json_value_write(value, extra);
    return kept ? true : json_value_fail(place, ERR_LIMIT, err, "too much unknown content");
}

static const struct member *find_member(const struct member *members, const char *name)
{
    for (; members->name; members++)
        if (members->name[0] == name[0] && strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

static bool read_members(struct native *native, const json_t *object, const struct member *members, void *target,
                         const struct json_place *place, struct err *err)
{
    if (!json_is_object(object))
        return json_value_fail(place, ERR_INPUT, err, "must be an object");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        struct json_place here = {.up = place, .name = name};
        const struct member *member = find_member(members, name);
        if (member ? !member->read(native, value, &here, target, member->offset, err) : !keep_extra(native, name, value, &here, err))
            return false;
    }
    return true;
}

/* As read_members(), for an object inside an observation or report: what is unknown in it is kept under the object's name. */
static bool read_inner(struct native *native, const json_t *object, const struct member *members, void *target,
                       const struct json_place *place, struct err *err)
{
    if (json_is_null(object))
        return true;
    struct buf *extra = native->extra;
    size_t before = extra->size;
    if (before)
        buf_add_char(extra, ',');
    str_add_json(extra, place->name);
    buf_add_text(extra, ":{");
    size_t empty = extra->size;
    if (!read_members(native, object, members, target, place, err))
        return false;
    if (extra->size == empty) {
        extra->size = before;
        extra->bytes[before] = '\0';
    } else {
        buf_add_char(extra, '}');
    }
    return extra->full ? json_value_fail(place, ERR_LIMIT, err, "too much unknown content") : true;
}

/* The buffer's members as the text of an object, NULL for none. */
static const char *take_extra(const struct buf *extra, struct arena *arena)
{
    if (!extra->size)
        return NULL;
    char *text = arena_calloc(arena, extra->size + 3, 1);
    text[0] = '{';
    memcpy(text + 1, extra->bytes, extra->size);
    text[extra->size + 1] = '}';
    return text;
}

/* --- readers of single members --- */

static bool read_text(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                      struct err *err)
{
    return json_value_text(value, place, native->arena, (const char **)((char *)target + offset), err);
}

static bool read_number_within(const json_t *value, const struct json_place *place, int64_t min, int64_t max, int64_t *number,
                               struct err *err)
{
    return json_is_null(value) || json_value_number(value, place, min, max, number, err);
}

static bool read_time(struct native *native, const json_t *value, const struct json_place *place, int64_t *time, const char **text,
                      const char **rule, struct err *err)
{
    if (!json_value_text(value, place, native->arena, text, err))
        return false;
    if (*text && timestamp_is_never(*text))
        *text = NULL;
    if (!*text)
        return true;
    *rule = "rfc3339";
    if (timestamp_parse_rfc3339(*text, time))
        return true;
    *rule = "utc-assumed";
    if (timestamp_parse_utc(*text, time))
        return true;
    return json_value_fail(place, ERR_INPUT, err, "must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z");
}

static bool read_report_time(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                             struct err *err)
{
    UNUSED(offset);
    struct report *report = target;
    return read_time(native, value, place, &report->time, &report->time_text, &report->time_rule, err);
}

static bool read_observation_time(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                                  struct err *err)
{
    UNUSED(offset);
    struct observation *observation = target;
    return read_time(native, value, place, &observation->time, &observation->time_text, &observation->time_rule, err);
}

static bool read_tlp(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                     struct err *err)
{
    UNUSED(native);
    enum tlp *tlp = (enum tlp *)((char *)target + offset);
    const char *text = json_string_value(value);
    if (json_is_null(value) || (text && (observable_is_absent(text) || tlp_parse(text, tlp))))
        return true;
    return json_value_fail(place, ERR_INPUT, err, "must be clear, green, amber, amber+strict or red");
}

static bool read_pap(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                     struct err *err)
{
    enum tlp *pap = (enum tlp *)((char *)target + offset);
    if (read_tlp(native, value, place, target, offset, err) && *pap != TLP_AMBER_STRICT)
        return true;
    return json_value_fail(place, ERR_INPUT, err, "must be clear, green, amber or red");
}

static bool read_count(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                       struct err *err)
{
    UNUSED(native);
    return read_number_within(value, place, 1, INT64_MAX, (int64_t *)((char *)target + offset), err);
}

static bool read_email(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                       struct err *err)
{
    const char **email = (const char **)((char *)target + offset);
    if (!json_value_text(value, place, native->arena, email, err) || !*email)
        return *email == NULL;
    *email = observable_normalise(native->arena, OBSERVABLE_EMAIL, *email);
    return *email ? true : json_value_fail(place, ERR_INPUT, err, "must be a mail address");
}

static const struct member reporter_members[] = {
    {"name", read_text, offsetof(struct report, reporter_name)}, {"email", read_email, offsetof(struct report, reporter_email)}, {0}};

static bool read_reporter(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                          struct err *err)
{
    UNUSED(offset);
    return read_inner(native, value, reporter_members, target, place, err);
}

/* --- source, target, observables --- */

static bool add_address(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    if (!strchr(text, ':'))
        return report_add_sighting(report, observation, OBSERVABLE_IPV4, role, text);
    if (report_add_sighting(report, observation, OBSERVABLE_IPV6, role, text))
        return true;
    return str_starts_nocase(text, "::ffff:") && report_add_sighting(report, observation, OBSERVABLE_IPV4, role, text + strlen("::ffff:"));
}

/* A network, or a range of addresses: "198.51.100.5-198.51.100.20". */
static bool add_network(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    const char *dash = strchr(text, '-');
    if (!dash)
        return report_add_sighting(report, observation, OBSERVABLE_CIDR, role, text);
    size_t size = (size_t)(dash - text);
    while (size && text[size - 1] == ' ')
        size--;
    return report_add_range(report, observation, role, arena_strndup(report_row_arena(report), text, size),
                            dash + 1 + strspn(dash + 1, " "));
}

/* "ip" is either family; everything else is named as observable_type_name() has it. */
static bool member_type(const char *name, bool *is_address, enum observable_type *type)
{
    *is_address = strcmp(name, "ip") == 0;
    if (*is_address)
        return true;
    if (strcmp(name, "hostname") == 0)
        name = "domain";
    return strcmp(name, "text") != 0 && observable_type_parse(name, type);
}

static bool add_value(struct native *native, struct observation *observation, const char *name, bool is_address, enum observable_type type,
                      enum sighting_role role, const json_t *value, const struct json_place *place, struct err *err)
{
    char number[24];
    const char *text = json_string_value(value);
    if (json_is_integer(value) && type == OBSERVABLE_ASN && !is_address) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = number;
    }
    if (json_is_null(value))
        return true;
    if (!text)
        return json_value_fail(place, ERR_INPUT, err, "must be a string");
    if (observable_is_absent(text)) {
        native->has_absent = true;
        return true;
    }
    bool added = is_address                ? add_address(native->report, observation, role, text)
                 : type == OBSERVABLE_CIDR ? add_network(native->report, observation, role, text)
                                           : report_add_sighting(native->report, observation, type, role, text);
    return added ? true : json_value_fail(place, ERR_INPUT, err, "is no valid %s", is_address ? "IP address" : name);
}

/* One value or a list of them. */
static bool add_values(struct native *native, struct observation *observation, const char *name, enum sighting_role role,
                       const json_t *value, const struct json_place *place, bool *known, struct err *err)
{
    bool is_address;
    enum observable_type type = OBSERVABLE_TEXT;
    *known = member_type(name, &is_address, &type);
    if (!*known)
        return true;
    if (!json_is_array(value))
        return add_value(native, observation, name, is_address, type, role, value, place, err);
    size_t index;
    json_t *element;
    json_array_foreach(value, index, element)
    {
        struct json_place here = {.up = place, .index = index};
        if (!add_value(native, observation, name, is_address, type, role, element, &here, err))
            return false;
    }
    return true;
}

static bool read_end_member(struct native *native, struct observation *observation, enum sighting_role role, const char *name,
                            const json_t *value, const struct json_place *place, struct err *err)
{
    if (strcmp(name, "port") == 0) {
        int64_t port = -1;
        if (!read_number_within(value, place, 0, 65535, &port, err))
            return false;
        *(role == ROLE_SOURCE ? &observation->source_port : &observation->target_port) = (int)port;
        return true;
    }
    bool known;
    if (!add_values(native, observation, name, role, value, place, &known, err))
        return false;
    return known || keep_extra(native, name, value, place, err);
}

/* source{} or target{}: which, says the offset (a sighting_role). */
static bool read_end(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t role, struct err *err)
{
    if (json_is_null(value))
        return true;
    if (!json_is_object(value))
        return json_value_fail(place, ERR_INPUT, err, "must be an object");
    struct buf *outer = native->extra, inner;
    buf_init(&inner, outer->size_max);
    native->extra = &inner;
    bool ok = true;
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member)
    {
        struct json_place here = {.up = place, .name = name};
        ok = ok && read_end_member(native, target, (enum sighting_role)role, name, member, &here, err);
    }
    native->extra = outer;
    if (ok && inner.size && !buf_printf(outer, "%s\"%s\":{%s}", outer->size ? "," : "", place->name, buf_text(&inner)))
        ok = json_value_fail(place, ERR_LIMIT, err, "too much unknown content");
    buf_clear(&inner);
    return ok;
}

/* One element of observables[]. */
struct entry {
    const char *type, *value, *role;
    enum tlp tlp;
    bool is_indicator;
    int confidence;
    int64_t until;
};

static bool read_indicator(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                           struct err *err)
{
    UNUSED(native);
    if (!json_is_boolean(value) && !json_is_null(value))
        return json_value_fail(place, ERR_INPUT, err, "must be true or false");
    *(bool *)((char *)target + offset) = json_is_true(value);
    return true;
}

/* These came later than the format: what is none of ours is kept like any member that we do not know, as it was before. */
static bool read_confidence(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                            struct err *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 100)
        return json_is_null(value) || keep_extra(native, place->name, value, place, err);
    *(int *)((char *)target + offset) = (int)json_integer_value(value);
    return true;
}

static bool read_until(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                       struct err *err)
{
    if (!json_is_string(value) || !timestamp_parse_rfc3339(json_string_value(value), (int64_t *)((char *)target + offset)))
        return json_is_null(value) || keep_extra(native, place->name, value, place, err);
    return true;
}

static bool read_kind(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                      struct err *err)
{
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_equal(json_string_value(value), kinds[i])) {
            *(const char **)((char *)target + offset) = kinds[i];
            return true;
        }
    return json_is_null(value) || keep_extra(native, place->name, value, place, err);
}

static const struct member entry_members[] = {{"type", read_text, offsetof(struct entry, type)},
                                              {"value", read_text, offsetof(struct entry, value)},
                                              {"role", read_text, offsetof(struct entry, role)},
                                              {"tlp", read_tlp, offsetof(struct entry, tlp)},
                                              {"indicator", read_indicator, offsetof(struct entry, is_indicator)},
                                              {"confidence", read_confidence, offsetof(struct entry, confidence)},
                                              {"until", read_until, offsetof(struct entry, until)},
                                              {0}};

static bool fail_member(const struct json_place *place, const char *name, struct err *err, const char *text)
{
    struct json_place here = {.up = place, .name = name};
    return json_value_fail(&here, ERR_INPUT, err, "%s", text);
}

static bool add_entry(struct native *native, struct observation *observation, const struct entry *entry, const struct json_place *place,
                      struct err *err)
{
    if (!entry->value)
        return fail_member(place, "value", err, "is missing");
    enum sighting_role role = ROLE_OTHER;
    if (entry->role && !sighting_role_parse(entry->role, &role))
        return fail_member(place, "role", err, "must be source, target, victim, infrastructure or other");
    size_t before = observation->sighting_count;
    enum observable_type type;
    bool added;
    if (observable_is_absent(entry->value)) {
        native->has_absent = true;
        return true;
    }
    if (!entry->type)
        added = report_add_guessed(native->report, observation, role, entry->value) ||
                add_network(native->report, observation, role, entry->value);
    else if (strcmp(entry->type, "ip") == 0)
        added = add_address(native->report, observation, role, entry->value);
    else if (observable_type_parse(entry->type, &type) && type == OBSERVABLE_CIDR)
        added = add_network(native->report, observation, role, entry->value);
    else if (observable_type_parse(entry->type, &type))
        added = report_add_sighting(native->report, observation, type, role, entry->value);
    else
        return fail_member(place, "type", err, "is no known type of observable");
    if (!added)
        return fail_member(place, "value", err, entry->type ? "is no valid value of its type" : "is of no known type; name it in \"type\"");
    for (size_t i = before; i < observation->sighting_count; i++) {
        observation->sightings[i].tlp = entry->tlp;
        observation->sightings[i].is_indicator = entry->is_indicator;
        observation->sightings[i].confidence = entry->confidence;
        observation->sightings[i].valid_until = entry->until;
    }
    return true;
}

/* The extra of an observation is one text, so what is unknown in the n-th observable stands under "observables/n". */
static bool read_observable(struct native *native, struct observation *observation, const json_t *value, const struct json_place *place,
                            struct err *err)
{
    struct entry entry = {.tlp = TLP_NONE, .confidence = -1, .until = TIMESTAMP_NONE};
    struct buf *outer = native->extra, inner;
    buf_init(&inner, outer->size_max);
    native->extra = &inner;
    bool ok = read_members(native, value, entry_members, &entry, place, err);
    native->extra = outer;
    if (ok && inner.size && !buf_printf(outer, "%s\"observables/%zu\":{%s}", outer->size ? "," : "", place->index, buf_text(&inner)))
        ok = json_value_fail(place, ERR_LIMIT, err, "too much unknown content");
    buf_clear(&inner);
    return ok && add_entry(native, observation, &entry, place, err);
}

static bool read_observables(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                             struct err *err)
{
    UNUSED(offset);
    if (json_is_null(value))
        return true;
    if (!json_is_array(value))
        return json_value_fail(place, ERR_INPUT, err, "must be an array");
    size_t index;
    json_t *element;
    json_array_foreach(value, index, element)
    {
        struct json_place here = {.up = place, .index = index};
        if (!read_observable(native, target, element, &here, err))
            return false;
    }
    return true;
}

/* --- observations --- */

static const struct member observation_members[] = {{"time", read_observation_time, 0},
                                                    {"class", read_text, offsetof(struct observation, class_claim)},
                                                    {"count", read_count, offsetof(struct observation, count)},
                                                    {"description", read_text, offsetof(struct observation, description)},
                                                    {"protocol", read_text, offsetof(struct observation, protocol)},
                                                    {"source", read_end, ROLE_SOURCE},
                                                    {"target", read_end, ROLE_TARGET},
                                                    {"observables", read_observables, 0},
                                                    {0}};

/* Takes what was unknown in the observation; goes without it, and tells, where it named values that are absent and says nothing else. */
static void finish_observation(struct native *native, struct observation *observation, const struct json_place *place)
{
    observation->extra = take_extra(native->extra, native->arena);
    buf_reset(native->extra);
    narrow_observation(native, observation);
    bool is_nothing = native->has_absent && !observation->sighting_count && !observation->class_claim && !observation->description &&
                      observation->time == TIMESTAMP_NONE && !observation->extra;
    native->has_absent = false;
    if (!is_nothing)
        return;
    native->report->observation_count--;
    json_take_reject(native->report, place, "names nothing: all its values are absent");
}

static bool read_observation(struct native *native, const json_t *value, const struct json_place *place, struct err *err)
{
    struct observation *observation = report_add_observation(native->report);
    if (!read_members(native, value, observation_members, observation, place, err))
        return false;
    observation->class_name = observation->class_claim ? rsit_claimed(observation->class_claim) : NULL;
    finish_observation(native, observation, place);
    return true;
}

static bool read_observations(struct native *native, const json_t *value, const struct json_place *place, struct err *err)
{
    if (!json_is_array(value))
        return json_value_fail(place, ERR_INPUT, err, "must be an array");
    if (json_array_size(value) > native->limits->observations_max)
        return json_value_fail(place, ERR_LIMIT, err, "more than %zu observations", native->limits->observations_max);
    size_t index;
    json_t *element;
    json_array_foreach(value, index, element)
    {
        struct json_place here = {.up = place, .index = index};
        if (!read_observation(native, element, &here, err))
            return false;
        json_value_drop(value, index);
    }
    return true;
}

/* observables[] of the report itself: one more observation, which says nothing but them. */
static bool read_own_observables(struct native *native, const json_t *value, const struct json_place *place, struct err *err)
{
    if (json_is_array(value) && !json_array_size(value))
        return true;
    struct observation *observation = report_add_observation(native->report);
    if (!read_observables(native, value, place, observation, 0, err))
        return false;
    finish_observation(native, observation, place);
    return true;
}

/* --- the report --- */

static bool read_later(struct native *native, const json_t *value, const struct json_place *place, void *target, size_t offset,
                       struct err *err)
{
    UNUSED(native), UNUSED(value), UNUSED(place), UNUSED(target), UNUSED(offset), UNUSED(err);
    return true;
}

/* observations and observables come after the head, whatever their order, so that a document's own order changes nothing. */
static const struct member report_members[] = {{"description", read_text, offsetof(struct report, description)},
                                               {"summary", read_text, offsetof(struct report, summary)},
                                               {"lang", read_text, offsetof(struct report, lang)},
                                               {"class", read_text, offsetof(struct report, class_claim)},
                                               {"tlp", read_tlp, offsetof(struct report, tlp)},
                                               {"pap", read_pap, offsetof(struct report, pap)},
                                               {"kind", read_kind, offsetof(struct report, case_kind)},
                                               {"time", read_report_time, 0},
                                               {"reference", read_text, offsetof(struct report, reference)},
                                               {"reference_issuer", read_text, offsetof(struct report, reference_issuer)},
                                               {"reporter", read_reporter, 0},
                                               {"observations", read_later, 0},
                                               {"observables", read_later, 0},
                                               {0}};

static bool read_report(struct native *native, const json_t *root, struct err *err)
{
    static const struct json_place document = {0};
    struct report *report = native->report;
    native->arena = report->arena;
    if (!read_members(native, root, report_members, report, &document, err))
        return false;
    report->class_name = report->class_claim ? rsit_claimed(report->class_claim) : NULL;
    report->extra = take_extra(native->extra, native->arena);
    buf_reset(native->extra);
    narrow_head(native);
    native->arena = report_row_arena(report);
    const json_t *observations = json_object_get(root, "observations"), *observables = json_object_get(root, "observables");
    struct json_place here = {.up = &document, .name = "observations"};
    if (observations && !json_is_null(observations) && !read_observations(native, observations, &here, err))
        return false;
    here.name = "observables";
    if (observables && !json_is_null(observables) && !read_own_observables(native, observables, &here, err))
        return false;
    report_narrow(report, narrowed(report->tlp, native->strictest));
    if (report->observation_count || !str_is_empty(report->description))
        return true;
    if (report->rejected_total)
        return json_value_fail(&document, ERR_INPUT, err, "names nothing: all its values are absent");
    return json_value_fail(&document, ERR_INPUT, err,
                           "needs a description or observations to be our own JSON, as which it is read where no other format is "
                           "recognised: name its format by --format (?format=)");
}

bool native_decode(const char *bytes, size_t size, const char *format, const struct codec_limits *limits, struct report **out,
                   struct err *err)
{
    json_t *root = NULL;
    if (!json_value_parse(bytes, size, limits, &root, err))
        return false;
    struct buf extra;
    buf_init(&extra, limits->document_bytes_max < SIZE_MAX / 8 ? limits->document_bytes_max * 2 + 64 : SIZE_MAX / 2);
    struct native native = {.limits = limits, .report = report_new(format), .extra = &extra, .stray = TLP_NONE};
    bool ok = read_report(&native, root, err);
    if (ok)
        *out = native.report;
    else
        report_free(native.report);
    buf_clear(&extra);
    json_decref(root);
    return ok;
}

size_t native_skip_blanks(const char *bytes, size_t size)
{
    size_t i = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < size && strchr(" \t\r\n", bytes[i]) && bytes[i])
        i++;
    return i;
}

/* --- for the writer --- */

/* Of what another format kept under `source`, `target` or `reporter`: only what means nothing there. */
static void drop_known(json_t *inner, bool is_end)
{
    const char *name;
    json_t *value;
    void *next;
    bool is_address;
    enum observable_type type;
    json_object_foreach_safe(inner, next, name, value)
    {
        if (is_end ? str_equal(name, "port") || member_type(name, &is_address, &type) : find_member(reporter_members, name) != NULL)
            json_object_del(inner, name);
    }
}

void native_drop_members(json_t *extra, bool of_observation)
{
    const struct member *members = of_observation ? observation_members : report_members;
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(extra, next, name, value)
    {
        const struct member *member = find_member(members, name);
        bool is_inner = member && (member->read == read_end || member->read == read_reporter) && json_is_object(value);
        if (is_inner)
            drop_known(value, member->read == read_end);
        else if (member && member->read != read_kind)
            json_object_del(extra, name);
    }
}
