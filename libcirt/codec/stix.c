#include "codec/stix.h"

#include <string.h>

#include "base/str.h"
#include "codec/json_peek.h"
#include "codec/stix_class.h"
#include "codec/stix_encode.h"
#include "codec/stix_extra.h"
#include "codec/stix_marking.h"
#include "codec/stix_read.h"
#include "codec/stix_statement.h"
#include "model/rsit.h"

/* --- the head --- */

static bool is_container(const struct stix_object *object)
{
    return str_equal(object->type, "report") || str_equal(object->type, "grouping") || str_equal(object->type, "incident");
}

static bool is_void(const struct stix_object *object)
{
    return object->is_old || stix_object_is_revoked(object);
}

/* The object that speaks for the whole: a report before a grouping before an incident. NULL: there is none. */
static struct stix_object *find_head(struct stix_document *document)
{
    static const char *const types[] = {"report", "grouping", "incident"};
    for (size_t k = 0; k < ARRAY_SIZE(types); k++)
        for (size_t i = 0; i < document->count; i++)
            if (!is_void(&document->items[i]) && str_equal(document->items[i].type, types[k]))
                return &document->items[i];
    return NULL;
}

static void add_paragraph(struct buf *text, const char *paragraph)
{
    if (!paragraph)
        return;
    if (text->size)
        buf_add_text(text, "\n\n");
    buf_add_text(text, paragraph);
}

/* What the containers say, and what was noted: for people. The head's name is the summary. */
static void read_description(struct stix_reader *reader, const struct stix_object *head)
{
    struct report *report = reader->report;
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < reader->document.count; i++) {
        const struct stix_object *object = &reader->document.items[i];
        if (is_void(object))
            continue;
        if (is_container(object)) {
            if (object != head)
                add_paragraph(&text, stix_object_text(object->json, "name"));
            add_paragraph(&text, stix_object_text(object->json, "description"));
        } else if (str_equal(object->type, "note")) {
            add_paragraph(&text, stix_object_text(object->json, "abstract"));
            add_paragraph(&text, stix_object_text(object->json, "content"));
        }
    }
    report->description = text.size ? arena_strdup(report->arena, buf_text(&text)) : NULL;
    buf_clear(&text);
}

/* contact_information is free text; a mail address is one we can use. */
static const char *mail_of(const struct stix_reader *reader, const json_t *identity)
{
    const char *contact = stix_object_text(identity, "contact_information");
    return contact ? observable_normalise(reader->report->arena, OBSERVABLE_EMAIL, contact) : NULL;
}

/* We write somebody of whom only the address is known under that. */
static const char *name_of(const struct stix_reader *reader, const json_t *identity)
{
    bool is_nameless = json_is_true(json_object_get(stix_extra_extension(identity), "nameless"));
    return is_nameless ? NULL : arena_strdup(reader->report->arena, stix_object_text(identity, "name"));
}

static bool has_role(const json_t *identity, const char *role)
{
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(identity, "roles"), index, element)
    {
        if (str_equal(json_string_value(element), role))
            return true;
    }
    return false;
}

/* Who wrote the head, or the one who wrote the first object. */
static void read_creator(struct stix_reader *reader, const struct stix_object *head)
{
    struct report *report = reader->report;
    const char *id = head ? stix_object_text(head->json, "created_by_ref") : NULL;
    for (size_t i = 0; i < reader->document.count && !head && !id; i++)
        id = stix_object_text(reader->document.items[i].json, "created_by_ref");
    const struct stix_object *creator = stix_object_find(&reader->document, id);
    if (!creator || !str_equal(creator->type, "identity"))
        return;
    report->creator_name = name_of(reader, creator->json);
    report->creator_email = mail_of(reader, creator->json);
}

static void read_reporter(struct stix_reader *reader)
{
    struct report *report = reader->report;
    for (size_t i = 0; i < reader->document.count && !report->reporter_name; i++) {
        const struct stix_object *object = &reader->document.items[i];
        if (!object->is_old && str_equal(object->type, "identity") && has_role(object->json, "reporter")) {
            report->reporter_name = name_of(reader, object->json);
            report->reporter_email = mail_of(reader, object->json);
        }
    }
}

/* When the head was published, else the newest of all objects. */
static void read_time(struct stix_reader *reader, const struct stix_object *head)
{
    struct report *report = reader->report;
    const json_t *from = head ? head->json : NULL;
    const char *member = stix_object_text(from, "published") ? "published" : "modified";
    for (size_t i = 0; i < reader->document.count && !head; i++)
        if (!from || reader->document.items[i].modified > stix_object_time(from, "modified"))
            from = reader->document.items[i].json;
    if (!stix_object_text(from, member))
        member = "created"; /* a marking has no other */
    report->time = stix_object_time(from, member);
    if (report->time != TIMESTAMP_NONE) {
        report->time_text = arena_strdup(report->arena, stix_object_text(from, member));
        report->time_rule = "rfc3339";
    }
}

/* The head's id lasts; that of a bundle is another at each sending, but better than nothing. */
static void read_reference(struct stix_reader *reader, const struct stix_object *head)
{
    struct report *report = reader->report;
    const char *id = head ? head->id : stix_object_text(reader->document.frame, "id");
    if (!id && !reader->document.frame && reader->document.count == 1)
        id = reader->document.items[0].id;
    report->reference = arena_strdup(report->arena, id);
}

static void read_lang(struct stix_reader *reader, const struct stix_object *head)
{
    struct report *report = reader->report;
    report->lang = head ? arena_strdup(report->arena, stix_object_text(head->json, "lang")) : NULL;
    for (size_t i = 0; i < reader->document.count && !head && !report->lang; i++)
        report->lang = arena_strdup(report->arena, stix_object_text(reader->document.items[i].json, "lang"));
}

/* Only about weaknesses: an advisory, no incident. */
static bool is_advisory(const struct stix_reader *reader)
{
    static const char *const other[] = {"indicator", "observed-data", "sighting", "incident", "malware"};
    const struct stix_document *document = &reader->document;
    bool has_any = false;
    for (size_t i = 0; i < document->count; i++) {
        if (reader->observation_of[i] && stix_object_is_observable(&document->items[i]))
            return false;
        has_any = has_any || str_equal(document->items[i].type, "vulnerability");
        for (size_t k = 0; k < ARRAY_SIZE(other); k++)
            if (str_equal(document->items[i].type, other[k]))
                return false;
    }
    return has_any;
}

/* As with CSAF: what its observations are about needs no word of the sender's. */
static void mark_advisory(struct report *report)
{
    const char *class_name = rsit_find("vulnerable/vulnerable-system");
    report->case_kind = "vulnerability";
    if (!report->class_claim)
        report->class_name = class_name;
    for (size_t i = 0; i < report->observation_count; i++)
        if (!report->observations[i].class_claim)
            report->observations[i].class_name = class_name;
}

static const char *case_kind_of(const char *text)
{
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    for (size_t i = 0; text && i < ARRAY_SIZE(kinds); i++)
        if (str_equal(text, kinds[i]))
            return kinds[i];
    return NULL;
}

/* --- labels --- */

/* Its label is that of values alone, and stands on them: it says nothing that would go into the report. */
static bool is_labelled_itself(const struct stix_object *object)
{
    static const char *const words[] = {"class", "description", "extra"};
    const json_t *extension = stix_extra_extension(object->json);
    bool is_said = stix_object_text(object->json, "description") != NULL;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        is_said = is_said || stix_object_text(extension, words[i]);
    bool is_link = str_equal(object->type, "relationship"); /* of ours, where it is used */
    return object->is_used && !is_said && (extension || is_link || !json_object_get(object->json, "created"));
}

/* The strictest marking anywhere wins. Statements without one are as we agreed with the sender: where some are and all others have a wide
 * label, the report has none of its own, so that the agreed one counts and nothing is widened. */
static void read_labels(struct stix_reader *reader, bool is_own)
{
    static const char *const statements[] = {"indicator", "observed-data", "sighting", "vulnerability", "report",
                                             "grouping",  "incident",      "note",     "opinion"};
    struct report *report = reader->report;
    enum tlp strictest = reader->document.frame ? stix_marking_label(&reader->document, reader->document.frame) : TLP_NONE;
    bool is_part_unmarked = false;
    for (size_t i = 0; i < reader->document.count; i++) {
        const struct stix_object *object = &reader->document.items[i];
        enum tlp label = stix_marking_label(&reader->document, object->json);
        if (is_own && is_labelled_itself(object))
            continue;
        strictest = tlp_strictest(strictest, label);
        report->pap = tlp_strictest(report->pap, stix_marking_pap(&reader->document, object->json));
        for (size_t k = 0; label == TLP_NONE && k < ARRAY_SIZE(statements); k++)
            is_part_unmarked = is_part_unmarked || str_equal(object->type, statements[k]);
    }
    report->is_partly_labelled = is_part_unmarked || reader->has_unmarked_value;
    report->tlp = report->is_partly_labelled && strictest < TLP_AMBER ? TLP_NONE : strictest;
}

/* --- what is left --- */

static bool is_ours(const struct stix_object *object)
{
    return str_equal(object->id, STIX_AUTHOR_ID) || str_equal(object->id, STIX_EXTENSION_ID) ||
           (str_equal(object->type, "marking-definition") && stix_marking_is_fixed(object->id));
}

static json_t *kept_objects(struct stix_reader *reader)
{
    json_t *kept = json_array();
    for (size_t i = 0; i < reader->document.count; i++) {
        const struct stix_object *object = &reader->document.items[i];
        if (!object->is_used && !is_ours(object))
            json_array_append(kept, (json_t *)object->json);
    }
    return kept;
}

/* The frame's own members: id, spec_version, and what others put there. */
static json_t *kept_frame(const struct stix_reader *reader, bool is_own)
{
    json_t *frame = json_copy((json_t *)reader->document.frame);
    json_object_del(frame, "objects");
    json_object_del(frame, "type");
    if (is_own)
        json_object_del(frame, "id"); /* it follows from the rest */
    return frame;
}

static void set_unless_empty(json_t *object, const char *name, json_t *value)
{
    if (value && (json_is_array(value) ? json_array_size(value) : json_object_size(value)))
        json_object_set_new(object, name, value);
    else
        json_decref(value);
}

static void read_extra(struct stix_reader *reader, const struct stix_object *head, const json_t *extension)
{
    struct report *report = reader->report;
    const char *own = extension ? stix_extra_own(reader, extension) : NULL;
    json_t *extra = own ? json_loads(own, 0, NULL) : json_object(), *objects = kept_objects(reader);
    bool is_changed = json_array_size(objects) > 0;
    if (head && !extension) {
        json_t *copy = json_copy((json_t *)head->json);
        json_object_del(copy, "name");
        json_object_del(copy, "type");
        json_object_set_new(extra, "stix", copy);
    }
    if (extension) {
        json_t *rest = stix_extra_rest(head->json);
        is_changed = is_changed || rest;
        set_unless_empty(extra, "stix_further", rest);
    } else if (reader->document.frame) {
        set_unless_empty(extra, "stix_bundle", kept_frame(reader, false));
    }
    if (json_array_size(objects))
        json_object_set_new(extra, "stix_objects", objects);
    else
        json_decref(objects);
    report->extra = own && !is_changed ? arena_strdup(report->arena, own) : stix_extra_text(extra, report->arena);
    json_decref(extra);
}

/* --- documents of our own --- */

static const char *own_text(struct stix_reader *reader, const json_t *extension, const char *name)
{
    return arena_strdup(reader->report->arena, stix_object_text(extension, name));
}

static void read_own_head(struct stix_reader *reader, const struct stix_object *head, const json_t *extension)
{
    struct report *report = reader->report;
    report->reference = own_text(reader, extension, "reference");
    report->reference_issuer = own_text(reader, extension, "reference_issuer");
    report->class_claim = own_text(reader, extension, "class");
    report->class_name = report->class_claim ? rsit_claimed(report->class_claim) : NULL;
    report->case_kind = case_kind_of(stix_object_text(extension, "case_kind"));
    report->description = own_text(reader, head->json, "description");
    report->summary = json_is_true(json_object_get(extension, "unnamed")) ? NULL : own_text(reader, head->json, "name");
    for (size_t i = 0; i < reader->document.count; i++)
        if (str_equal(reader->document.items[i].type, "identity"))
            reader->document.items[i].is_used = stix_extra_extension(reader->document.items[i].json) != NULL;
}

static void read_head(struct stix_reader *reader)
{
    struct report *report = reader->report;
    struct stix_object *head = find_head(&reader->document);
    const json_t *extension = head ? stix_extra_extension(head->json) : NULL;
    read_labels(reader, extension != NULL);
    read_time(reader, head);
    read_lang(reader, head);
    read_creator(reader, head);
    read_reporter(reader);
    if (extension) {
        read_own_head(reader, head, extension);
    } else {
        read_reference(reader, head);
        read_description(reader, head);
        if (head) {
            report->summary = arena_strdup(report->arena, stix_object_text(head->json, "name"));
            stix_class_of(reader, head, &report->class_claim, &report->class_name);
        }
        if (is_advisory(reader))
            mark_advisory(report);
    }
    if (head)
        head->is_used = true;
    read_extra(reader, head, extension);
}

/* --- the codec --- */

static void reject_left_out(struct stix_reader *reader)
{
    struct err why;
    for (size_t i = 0; i < reader->document.count; i++)
        if (reader->document.items[i].is_left_out && !stix_object_is_whole(&reader->document.items[i], &why))
            report_reject(reader->report, why.at, why.text);
}

static bool read_document(struct stix_reader *reader, json_t *root)
{
    if (!stix_object_read(root, &reader->document, reader->err))
        return false;
    stix_marking_read(&reader->document);
    reject_left_out(reader);
    if (!stix_statement_read_all(reader))
        return false;
    read_head(reader);
    stix_statement_finish(reader);
    return true;
}

static bool stix_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                        struct report **out, struct err *err)
{
    UNUSED(hints);
    json_t *root = NULL;
    if (!json_value_parse(bytes, size, limits, &root, err))
        return false;
    struct stix_reader reader = {.report = report_new("stix"), .limits = limits, .err = err, .scratch = arena_new()};
    bool ok = read_document(&reader, root);
    stix_statement_clear(&reader);
    stix_object_clear(&reader.document);
    arena_free(reader.scratch);
    json_decref(root);
    if (ok)
        *out = reader.report;
    else
        report_free(reader.report);
    return ok;
}

/* The string behind a member's name, as it is written; *at: behind that. NULL for anything else. */
static const char *string_behind(const char **at, const char *end, size_t *size)
{
    while (*at < end && **at && strchr(" \t\r\n:", **at))
        ++*at;
    if (*at == end || **at != '"')
        return NULL;
    const char *text = ++*at, *close = memchr(text, '"', (size_t)(end - text));
    *at = close ? close : end;
    *size = (size_t)(*at - text);
    return close ? text : NULL;
}

/* "type": "indicator" in a document that has "id": "indicator--x". */
static bool has_type(const char *bytes, const char *end, const char *type, size_t type_size)
{
    size_t size;
    for (const char *at = bytes; (at = memmem(at, (size_t)(end - at), "\"type\"", 6));) {
        at += 6;
        const char *text = string_behind(&at, end, &size);
        if (text && size == type_size && memcmp(text, type, size) == 0)
            return true;
    }
    return false;
}

/* The first id of an object: a type, two dashes and what names it. */
static bool has_stix_id(const char *bytes, size_t size)
{
    const char *end = bytes + size;
    for (const char *at = bytes; (at = memmem(at, (size_t)(end - at), "\"id\"", 4));) {
        size_t id_size;
        at += 4;
        const char *id = string_behind(&at, end, &id_size), *dashes = id ? memmem(id, id_size, "--", 2) : NULL;
        if (dashes && dashes > id)
            return has_type(bytes, end, id, (size_t)(dashes - id));
    }
    return false;
}

/* How sure: above native JSON's 50 where it has an id or version as STIX writes it, above its 30 for an envelope without objects. */
static int stix_probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    if (json_peek_is(bytes, size, "type", "bundle"))
        return 95;
    bool is_object = json_peek_has(bytes, size, "type") && json_peek_has(bytes, size, "id");
    bool is_envelope = json_peek_has(bytes, size, "objects") || json_peek_has(bytes, size, "more");
    if (!is_object && !is_envelope)
        return 0;
    if (json_peek_is(bytes, size, "spec_version", "2.1"))
        return 90;
    if (has_stix_id(bytes, size))
        return 80;
    return is_envelope && !json_peek_native(bytes, size) ? 40 : 0;
}

const struct codec stix_codec = {
    .name = "stix",
    .media_type = "application/stix+json",
    .media_types_too = "application/json application/taxii+json application/vnd.oasis.stix+json",
    .standard = "STIX 2.1 and 2.0, OASIS",
    .summary = "STIX 2.1 and 2.0 bundles, TAXII envelopes and single objects: indicators, observed data, sightings, reports",
    .shape = CODEC_WHOLE,
    .probe = stix_probe,
    .decode = stix_decode,
    .encode = stix_encode,
    .pieces = &stix_pieces,
};
