#include "codec/iodef.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/iodef_encode.h"
#include "codec/iodef_event.h"
#include "codec/iodef_label.h"
#include "codec/iodef_v1.h"
#include "codec/rid.h"
#include "codec/xml_json.h"
#include "codec/xml_text.h"
#include "model/rsit.h"

/* One Incident's share of the observations, to put its label and class on them once the report's are known. */
struct incident_range {
    size_t first, count;
    enum tlp label;
    const char *class_claim, *class_name;
};

/* The only child of that name; NULL with err set where there is none, or more than one. */
static struct xml_element *need_one(struct iodef_reader *reader, struct xml_element *parent, const char *name)
{
    struct xml_element *child = xml_child(parent, IODEF_SPACE, name);
    if (!child) {
        xml_fail_missing(reader->err, IODEF_NAME, parent, name);
        return NULL;
    }
    if (xml_next(child)) {
        xml_fail(reader->err, ERR_INPUT, IODEF_NAME, xml_next(child), "a second %s", name);
        return NULL;
    }
    return child;
}

static struct xml_attribute *need_attribute(struct iodef_reader *reader, struct xml_element *element, const char *name)
{
    for (struct xml_attribute *a = element->attributes; a; a = a->next)
        if (!a->space[0] && str_equal(a->name, name) && !str_is_empty(a->value))
            return a;
    xml_fail(reader->err, ERR_INPUT, IODEF_NAME, element, "attribute %s is missing", name);
    return NULL;
}

/* The first Incident's number is the report's; those of further ones stay in extra. */
static bool read_id(struct iodef_reader *reader, struct xml_element *incident)
{
    struct report *report = reader->report;
    struct xml_element *id = need_one(reader, incident, "IncidentID");
    struct xml_attribute *name = id ? need_attribute(reader, id, "name") : NULL;
    if (!name)
        return false;
    const char *text = xml_text(report->arena, id);
    if (!text[0])
        return xml_fail(reader->err, ERR_INPUT, IODEF_NAME, id, "IncidentID is empty");
    if (report->reference)
        return true;
    report->reference = text;
    report->reference_issuer = arena_strdup(report->arena, name->value);
    name->is_used = id->is_used = true;
    return true;
}

static bool read_generation_time(struct iodef_reader *reader, struct xml_element *incident)
{
    struct report *report = reader->report;
    struct xml_element *element = need_one(reader, incident, "GenerationTime");
    int64_t time = TIMESTAMP_NONE;
    const char *text = NULL, *rule = NULL;
    if (!element || !iodef_event_time(reader, element, &time, &text, &rule))
        return false;
    if (report->time == TIMESTAMP_NONE) {
        report->time = time;
        report->time_text = text;
        report->time_rule = rule;
    }
    return true;
}

static const char *take_text(struct iodef_reader *reader, struct xml_element *element)
{
    const char *text = element ? xml_text(reader->report->arena, element) : "";
    if (element)
        element->is_used = true;
    return text[0] ? text : NULL;
}

/* Name and mail of the first contact in that role; what else is known of it stays in extra. */
static void take_contact(struct iodef_reader *reader, struct xml_element *contact, const char **name, const char **email)
{
    struct xml_element *mail = xml_child(contact, IODEF_SPACE, "Email");
    *name = take_text(reader, xml_child(contact, IODEF_SPACE, "ContactName"));
    if (mail)
        mail->is_used = true;
    *email = take_text(reader, mail ? xml_child(mail, IODEF_SPACE, "EmailTo") : NULL);
    contact->is_used = true;
    for (struct xml_attribute *a = contact->attributes; a; a = a->next)
        a->is_used = a->is_used || str_equal(a->name, "role") || (str_equal(a->name, "type") && !str_equal(a->value, "ext-value"));
}

static bool read_contacts(struct iodef_reader *reader, struct xml_element *incident)
{
    struct report *report = reader->report;
    struct xml_element *contact = xml_child(incident, IODEF_SPACE, "Contact");
    if (!contact)
        return xml_fail_missing(reader->err, IODEF_NAME, incident, "Contact");
    for (; contact; contact = xml_next(contact)) {
        struct xml_attribute *role = need_attribute(reader, contact, "role");
        if (!role || !need_attribute(reader, contact, "type"))
            return false;
        if (str_equal(role->value, "creator") && !report->creator_name && !report->creator_email)
            take_contact(reader, contact, &report->creator_name, &report->creator_email);
        else if (str_equal(role->value, "reporter") && !report->reporter_name && !report->reporter_email)
            take_contact(reader, contact, &report->reporter_name, &report->reporter_email);
    }
    return true;
}

/* Gathered, not joined one by one: a document may hold tens of thousands of Incidents. */
static void add_description(struct iodef_reader *reader, const char *text)
{
    if (!text)
        return;
    if (reader->description.size)
        buf_add_text(&reader->description, "\n\n");
    buf_add_text(&reader->description, text);
}

/* What IODEF has no place for, of the documents we write; a kind we do not know stays out. */
static void take_own_head(struct iodef_reader *reader, struct xml_element *incident)
{
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    struct report *report = reader->report;
    const char *pap = iodef_event_own_data(reader, incident, "pap"), *kind = iodef_event_own_data(reader, incident, "kind");
    enum tlp label;
    if (pap && tlp_parse(pap, &label))
        report->pap = tlp_strictest(report->pap, label);
    for (size_t i = 0; kind && !report->case_kind && i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i], kind))
            report->case_kind = kinds[i];
}

static void take_statement(struct iodef_reader *reader, struct xml_element *incident, const struct iodef_statement *statement)
{
    struct report *report = reader->report;
    add_description(reader, statement->description);
    if (!report->class_claim) {
        report->class_claim = statement->class_claim;
        report->class_name = statement->class_name;
    }
    const char *summary = iodef_event_own_data(reader, incident, "summary");
    report->summary = report->summary ? report->summary : summary;
    take_own_head(reader, incident);
    const char *lang = xml_attribute(incident, XML_SPACE_XML, "lang");
    report->lang = report->lang ? report->lang : arena_strdup(report->arena, lang);
}

static bool read_incident(struct iodef_reader *reader, struct xml_element *incident, struct incident_range *range)
{
    struct iodef_statement statement = {.time = TIMESTAMP_NONE};
    struct xml_attribute *purpose = need_attribute(reader, incident, "purpose");
    if (!purpose)
        return false;
    purpose->is_used = str_equal(purpose->value, "reporting");
    range->first = reader->report->observation_count;
    reader->named_count = 0;
    /* Without a restriction an Incident is private (RFC 7970 section 3.2); "default" leaves it to our agreement with the sender. */
    enum tlp unsaid = xml_attribute(incident, "", "restriction") ? TLP_NONE : TLP_AMBER;
    if (!iodef_label_read(incident, unsaid, &range->label, reader->err) || !read_id(reader, incident) ||
        !read_generation_time(reader, incident) || !read_contacts(reader, incident) || !iodef_event_statement(reader, incident, &statement))
        return false;
    take_statement(reader, incident, &statement);
    range->class_claim = statement.class_claim;
    range->class_name = statement.class_name;
    if (!iodef_event_read_all(reader, incident, &statement))
        return false;
    incident->is_used = true;
    range->count = reader->report->observation_count - range->first;
    return true;
}

/* The report takes the strictest label; what came from an Incident with a wider one keeps that. */
static void spread_label(struct report *report, const struct incident_range *range)
{
    if (range->label == report->tlp || range->label == TLP_NONE)
        return;
    for (size_t i = range->first; i < range->first + range->count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++)
            if (report->observations[i].sightings[k].tlp == TLP_NONE)
                report->observations[i].sightings[k].tlp = range->label;
}

/* Of several Incidents each has its own class, and what names none must not get that of another through the report. */
static void spread_class(struct report *report, const struct incident_range *range)
{
    for (size_t i = range->first; i < range->first + range->count; i++) {
        struct observation *observation = &report->observations[i];
        if (!observation->class_claim) {
            observation->class_claim = range->class_claim;
            observation->class_name = range->class_name;
        }
        if (!observation->class_name)
            report->class_claim = report->class_name = NULL;
    }
}

static void use_document_attributes(struct xml_element *document)
{
    document->is_used = true;
    for (struct xml_attribute *a = document->attributes; a; a = a->next)
        a->is_used = a->space[0] || str_equal(a->name, "version");
}

static void use_lang(struct xml_element *incident)
{
    for (struct xml_attribute *a = incident->attributes; a; a = a->next)
        if (str_equal(a->space, XML_SPACE_XML))
            a->is_used = true;
}

/* The extra of our own stands in the Incident, as all AdditionalData there. */
static bool take_extra(struct iodef_reader *reader, struct xml_element *document)
{
    use_document_attributes(document);
    for (struct xml_element *i = document->first; i; i = i->next)
        use_lang(i);
    const char *kept = iodef_event_own_data(reader, xml_child(document, IODEF_SPACE, "Incident"), "extra");
    return iodef_event_extra(reader, document, TLP_NONE, kept, &reader->report->extra);
}

static bool read_incidents(struct iodef_reader *reader, struct xml_element *document)
{
    struct report *report = reader->report;
    size_t count = 0, capacity = 0;
    struct incident_range *ranges = NULL;
    bool ok = true;
    for (struct xml_element *i = xml_child(document, IODEF_SPACE, "Incident"); i && ok; i = xml_next(i)) {
        ranges = mem_grow(ranges, &capacity, count, sizeof *ranges);
        ranges[count] = (struct incident_range){0};
        ok = read_incident(reader, i, &ranges[count]);
        report->tlp = ok ? tlp_strictest(report->tlp, ranges[count].label) : report->tlp;
        count++;
    }
    ok = ok && (count || xml_fail_missing(reader->err, IODEF_NAME, document, "Incident")) && take_extra(reader, document);
    report->tlp = tlp_strictest(report->tlp, reader->content_label);
    if (reader->description.size)
        report->description = arena_strdup(report->arena, buf_text(&reader->description));
    for (size_t i = 0; i < count && ok; i++) {
        spread_label(report, &ranges[i]);
        if (count > 1)
            spread_class(report, &ranges[i]);
    }
    free(ranges);
    return ok;
}

static bool check_version(struct iodef_reader *reader, struct xml_element *document)
{
    const char *version = xml_attribute(document, "", "version");
    if (!str_equal(document->name, "IODEF-Document"))
        return xml_fail(reader->err, ERR_INPUT, "IODEF", document, "this is no IODEF-Document but \"%.60s\"", document->name);
    /* The examples of RFC 6545 have the root in no namespace, and only what is in it in that of v1. */
    if (!document->space[0] && document->first && str_equal(document->first->name, "Incident"))
        document->space = document->first->space;
    bool is_v1 = str_equal(document->space, IODEF_SPACE_V1);
    if (!is_v1 && !str_equal(document->space, IODEF_SPACE))
        return xml_fail(reader->err, ERR_INPUT, "IODEF", document, "an unknown version is not read: the namespace is \"%.80s\", not %s",
                        document->space, IODEF_SPACE);
    if (version && !str_equal(version, is_v1 ? "1.00" : "2.00") && !str_equal(version, is_v1 ? "1.0" : "2.0"))
        return xml_fail(reader->err, ERR_INPUT, "IODEF", document, "IODEF version \"%.20s\" is not read: only 2.00, and 1.00 of RFC 5070",
                        version);
    return iodef_v1_upgrade(reader->report->arena, document, reader->err);
}

static bool read_document(struct iodef_reader *reader, struct xml_element *document)
{
    struct report *report = reader->report;
    report->time = TIMESTAMP_NONE;
    report->tlp = TLP_NONE;
    if (!check_version(reader, document))
        return false;
    report->lang = arena_strdup(report->arena, xml_attribute(document, XML_SPACE_XML, "lang"));
    return read_incidents(reader, document);
}

bool iodef_decode_element(struct xml_element *document, const char *format, const struct codec_limits *limits, struct report **out,
                          struct err *err)
{
    struct iodef_reader reader = {.report = report_new(format), .limits = limits, .err = err, .content_label = TLP_NONE};
    buf_init(&reader.description, limits->document_bytes_max * 2);
    bool ok = read_document(&reader, document);
    iodef_event_clear(&reader);
    if (ok)
        *out = reader.report;
    else
        report_free(reader.report);
    return ok;
}

static bool iodef_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                         struct report **out, struct err *err)
{
    struct xml_document *document = NULL;
    if (!xml_read(bytes, size, limits->depth_max, &document, err))
        return false;
    /* RID messages and bare documents travel under the same media types. */
    bool is_rid = xml_is(document->root, RID_SPACE, "RID");
    bool ok = is_rid || iodef_decode_element(document->root, "iodef", limits, out, err);
    xml_free(document);
    return is_rid ? rid_codec.decode(bytes, size, limits, hints, out, err) : ok;
}

static int iodef_probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    if (xml_text_mentions(bytes, size, IODEF_SPACE) || xml_text_mentions(bytes, size, IODEF_SPACE_V1))
        return 90;
    return xml_text_mentions(bytes, size, "IODEF-Document") ? 70 : 0;
}

const struct codec iodef_codec = {
    .name = "iodef",
    .media_type = "application/xml",
    .media_types_too = "application/iodef+xml",
    .standard = "RFC 7970",
    .summary = "IODEF in XML: incidents, events and indicators between CIRTs; v1 (RFC 5070) is read too",
    .shape = CODEC_WHOLE,
    .probe = iodef_probe,
    .decode = iodef_decode,
    .encode = iodef_encode,
    .pieces = &iodef_pieces,
};
