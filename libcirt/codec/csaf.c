/*
 * CSAF 2.0 and 2.1 (OASIS): security advisories and VEX documents. They become reports about vulnerabilities: one observation a
 * vulnerability. What it says of products stays as it is, in extra: who is concerned is for people, or for rules, to find out.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/csaf_check.h"
#include "codec/json_peek.h"
#include "codec/json_take.h"

static const char class_name[] = "vulnerable/vulnerable-system";

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    if (!json_peek_has(bytes, size, "document") || json_peek_native(bytes, size))
        return 0;
    if (memmem(bytes, size, "\"csaf_version\"", 14))
        return 90;
    return json_peek_has(bytes, size, "vulnerabilities") || json_peek_has(bytes, size, "product_tree") ||
                   memmem(bytes, size, "\"category\"", 10)
               ? 60
               : 0;
}

struct csaf {
    struct report *report;
    json_t *root, *head, *tracking, *publisher; /* all within root */
    struct err *err;
};

static const struct json_place document = {0};
static const struct json_place head_place = {.up = &document, .name = "document"};
static const struct json_place tracking_place = {.up = &head_place, .name = "tracking"};
static const struct json_place publisher_place = {.up = &head_place, .name = "publisher"};

static bool fail_member(struct csaf *csaf, const struct json_place *place, const char *name, const char *text)
{
    struct json_place here = {.up = place, .name = name};
    return json_value_fail(&here, ERR_INPUT, csaf->err, "%s", text);
}

/* --- what must be there --- */

static bool need_texts(struct csaf *csaf, const json_t *object, const char *const *names, size_t count, const struct json_place *place)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *member = json_object_get(object, names[i]);
        if (!json_is_string(member) || str_is_empty(json_string_value(member)))
            return fail_member(csaf, place, names[i], member ? "must be a text" : "is missing");
    }
    return true;
}

static bool need_object(struct csaf *csaf, json_t *parent, const char *name, const struct json_place *place, json_t **out)
{
    *out = json_object_get(parent, name);
    return json_is_object(*out) ? true : fail_member(csaf, place, name, *out ? "must be an object" : "is missing");
}

/* What the schema wants of every document. */
static bool check_head(struct csaf *csaf)
{
    static const char *const head[] = {"category", "csaf_version", "title"}, *const publisher[] = {"category", "name", "namespace"},
                             *const tracking[] = {"id", "status", "version", "initial_release_date", "current_release_date"};
    if (!json_is_object(csaf->root))
        return json_value_fail(&document, ERR_INPUT, csaf->err, "must be an object");
    if (!need_object(csaf, csaf->root, "document", &document, &csaf->head) ||
        !need_texts(csaf, csaf->head, head, ARRAY_SIZE(head), &head_place) ||
        !need_object(csaf, csaf->head, "publisher", &head_place, &csaf->publisher) ||
        !need_texts(csaf, csaf->publisher, publisher, ARRAY_SIZE(publisher), &publisher_place) ||
        !need_object(csaf, csaf->head, "tracking", &head_place, &csaf->tracking) ||
        !need_texts(csaf, csaf->tracking, tracking, ARRAY_SIZE(tracking), &tracking_place))
        return false;
    const char *version = json_string_value(json_object_get(csaf->head, "csaf_version"));
    if (!str_equal(version, "2.0") && !str_equal(version, "2.1"))
        return fail_member(csaf, &head_place, "csaf_version", "must be \"2.0\" or \"2.1\"");
    const json_t *history = json_object_get(csaf->tracking, "revision_history");
    if (!json_array_size(history))
        return fail_member(csaf, &tracking_place, "revision_history", history ? "must be an array of one or more" : "is missing");
    const json_t *vulnerabilities = json_object_get(csaf->root, "vulnerabilities");
    if (vulnerabilities && !json_array_size(vulnerabilities))
        return fail_member(csaf, &document, "vulnerabilities", "must be an array of one or more");
    return true;
}

/* --- notes --- */

static bool is_about(const char *category)
{
    static const char *const categories[] = {"summary", "description", "details", "general"};
    for (size_t i = 0; category && i < ARRAY_SIZE(categories); i++)
        if (str_equal(category, categories[i]))
            return true;
    return false;
}

/* What a note says beside its text: whom it is for, which products. */
static void keep_rest(json_t *left, const json_t *note)
{
    json_t *rest = json_copy((json_t *)note);
    json_object_del(rest, "text");
    size_t named = !!json_object_get(rest, "category") + !!json_object_get(rest, "title");
    if (json_object_size(rest) > named)
        json_array_append(left, rest);
    json_decref(rest);
}

/* Takes the texts of the notes that say what it is about, each below its title; the others (legal disclaimers, ...) stay. */
static const char *take_notes(json_t *object, const char *title, struct arena *arena)
{
    json_t *notes = json_take_member(object, "notes"), *left = json_array(), *note;
    struct buf text;
    size_t index;
    buf_init(&text, SIZE_MAX / 2);
    buf_add_text(&text, title ? title : "");
    json_array_foreach(notes, index, note)
    {
        const char *heading = json_string_value(json_object_get(note, "title")),
                   *written = json_string_value(json_object_get(note, "text"));
        if (!written || !is_about(json_string_value(json_object_get(note, "category")))) {
            json_array_append(left, note);
            continue;
        }
        bool has_heading = !str_is_empty(heading) && !str_equal(heading, title);
        buf_printf(&text, "%s%s%s%s", text.size ? "\n\n" : "", has_heading ? heading : "", has_heading ? "\n" : "", written);
        keep_rest(left, note);
    }
    if (json_array_size(left))
        json_object_set(object, "notes", left);
    const char *all = str_is_empty(buf_text(&text)) ? NULL : arena_strdup(arena, buf_text(&text));
    buf_clear(&text);
    json_decref(left);
    json_decref(notes);
    return all;
}

/* --- the head --- */

/* WHITE GREEN AMBER RED; a label we do not know says more than none, so it is as strict as can be. So is the sharing group of 2.1 that has
 * nobody in it. */
static void read_label(struct csaf *csaf)
{
    json_t *distribution = json_object_get(csaf->head, "distribution"), *tlp = json_object_get(distribution, "tlp");
    const json_t *label = json_object_get(tlp, "label");
    const char *group = json_string_value(json_object_get(json_object_get(distribution, "sharing_group"), "id"));
    if (label && !json_is_null(label)) {
        if (tlp_parse(json_string_value(label), &csaf->report->tlp))
            json_object_del(tlp, "label");
        else
            csaf->report->tlp = TLP_RED;
    }
    if (str_equal(group, "00000000-0000-0000-0000-000000000000"))
        csaf->report->tlp = TLP_RED;
}

/* The standard's own name for the file, section 5.1. */
static void check_file_name(struct csaf *csaf, const char *given)
{
    struct arena *arena = csaf->report->arena;
    if (!given || !str_ends(given, ".json") || str_is_empty(csaf->report->reference))
        return;
    char *name = arena_printf(arena, "%s.json", csaf->report->reference), *to = name;
    bool is_replaced = false;
    for (const char *c = name; *c; c++) {
        bool is_plain = isalnum((unsigned char)*c) || *c == '+' || *c == '-' || (*c == '.' && str_equal(c, ".json"));
        if (is_plain)
            *to++ = (char)tolower((unsigned char)*c);
        else if (!is_replaced)
            *to++ = '_';
        is_replaced = !is_plain;
    }
    *to = '\0';
    if (!str_equal(name, given))
        json_object_set_new(csaf->head, "expected_file_name", json_string(name));
}

static bool read_head(struct csaf *csaf, const char *file_name)
{
    struct report *report = csaf->report;
    struct arena *arena = report->arena;
    report->case_kind = "vulnerability";
    report->class_name = class_name;
    report->summary = json_take_text(csaf->head, "title", arena);
    report->lang = json_take_text(csaf->head, "lang", arena);
    report->reference = json_take_text(csaf->tracking, "id", arena);
    report->reference_issuer = json_take_text(csaf->publisher, "namespace", arena);
    report->creator_name = json_take_text(csaf->publisher, "name", arena);
    report->description = take_notes(csaf->head, report->summary, arena);
    read_label(csaf);
    check_file_name(csaf, file_name);
    if (str_equal(json_string_value(json_object_get(csaf->head, "csaf_version")), "2.0"))
        json_object_del(csaf->head, "csaf_version");
    return json_take_time(csaf->tracking, &tracking_place, "current_release_date", arena, &report->time, &report->time_text,
                          &report->time_rule, csaf->err);
}

/* --- vulnerabilities --- */

static bool read_times(struct csaf *csaf, struct observation *observation, json_t *vulnerability, const struct json_place *place)
{
    static const char *const names[] = {"discovery_date", "release_date", "disclosure_date"};
    struct arena *arena = report_row_arena(csaf->report);
    for (size_t i = 0; i < ARRAY_SIZE(names) && observation->time == TIMESTAMP_NONE; i++)
        if (!json_take_time(vulnerability, place, names[i], arena, &observation->time, &observation->time_text, &observation->time_rule,
                            csaf->err))
            return false;
    if (observation->time != TIMESTAMP_NONE)
        return true;
    observation->time = csaf->report->time;
    observation->time_text = arena_strdup(arena, csaf->report->time_text);
    observation->time_rule = csaf->report->time_rule;
    return true;
}

static bool read_vulnerability(struct csaf *csaf, json_t *vulnerability, const struct json_place *place)
{
    struct report *report = csaf->report;
    struct arena *arena = report_row_arena(report);
    if (!json_is_object(vulnerability) || !json_object_size(vulnerability))
        return json_value_fail(place, ERR_INPUT, csaf->err, "must be an object that says something");
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = vulnerability, .place = place};
    observation->class_name = class_name;
    UNUSED(json_take_sightings(&take, "cve", OBSERVABLE_CVE, ROLE_OTHER));
    if (!read_times(csaf, observation, vulnerability, place))
        return false;
    observation->description = take_notes(vulnerability, json_take_text(vulnerability, "title", arena), arena);
    observation->extra = json_take_rest(vulnerability, arena);
    return true;
}

static bool read_vulnerabilities(struct csaf *csaf, const struct codec_limits *limits)
{
    struct json_place here = {.up = &document, .name = "vulnerabilities"};
    json_t *vulnerabilities = json_take_member(csaf->root, "vulnerabilities"), *vulnerability;
    size_t index;
    bool ok = json_array_size(vulnerabilities) <= limits->observations_max;
    if (!ok)
        json_value_fail(&here, ERR_LIMIT, csaf->err, "more than %zu vulnerabilities", limits->observations_max);
    json_array_foreach(vulnerabilities, index, vulnerability)
    {
        struct json_place inside = {.up = &here, .index = index};
        ok = ok && read_vulnerability(csaf, vulnerability, &inside);
    }
    json_decref(vulnerabilities);
    return ok;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    struct csaf csaf = {.err = err};
    if (!json_value_parse(bytes, size, limits, &csaf.root, err))
        return false;
    csaf.report = report_new("csaf");
    bool ok = check_head(&csaf) && csaf_check(csaf.root, err) && read_head(&csaf, hints->name) && read_vulnerabilities(&csaf, limits);
    if (ok) {
        csaf.report->extra = json_take_rest(csaf.root, csaf.report->arena);
        *out = csaf.report;
    } else {
        report_free(csaf.report);
    }
    json_decref(csaf.root);
    return ok;
}

extern const struct codec csaf_codec;
const struct codec csaf_codec = {
    .name = "csaf",
    .media_type = "application/json",
    .media_types_too = "application/csaf+json",
    .standard = "CSAF 2.0 and 2.1, OASIS",
    .summary = "CSAF advisory, as a report about vulnerabilities",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
};
