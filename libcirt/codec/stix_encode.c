#include "codec/stix_encode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/json_value.h"
#include "codec/sha256.h"
#include "codec/stix.h"
#include "codec/stix_marking.h"
#include "codec/stix_writer.h"

struct codec_writer {
    struct stix_writer parts;
    size_t observation_count;
    enum tlp pap;
    bool has_objects, has_references;
    char digest[SHA256_HEX_SIZE]; /* of all that was written, for the bundle's id */
};

/* --- report and people --- */

/* Its id follows from all that it says, so each document has the same object: no time and no label of the document's. */
static void add_identity(struct stix_writer *writer, const char *class, const char *role, const char *name, const char *email,
                         enum tlp label, char id[STIX_ID_SIZE])
{
    json_t *body = json_object(), *extension = stix_writer_extension();
    stix_writer_set_text(body, "name", str_is_empty(name) ? email : name);
    if (str_is_empty(name))
        json_object_set_new(extension, "nameless", json_true());
    stix_writer_set_text(body, "identity_class", class);
    if (role)
        json_object_set_new(body, "roles", json_pack("[s]", role));
    stix_writer_set_text(body, "contact_information", email);
    struct buf seed;
    buf_init(&seed, SIZE_MAX / 2);
    json_value_write(body, &seed);
    stix_id_object(id, "identity", buf_text(&seed), seed.size);
    buf_clear(&seed);
    stix_writer_set_extension(body, extension);
    stix_writer_set_text(body, "created", STIX_LONG_AGO);
    stix_writer_set_text(body, "modified", STIX_LONG_AGO);
    stix_writer_add_object(writer, "identity", id, label, body);
}

static void add_people(struct stix_writer *writer)
{
    const struct report *report = writer->report;
    char id[STIX_ID_SIZE];
    if (!str_is_empty(report->creator_name) || !str_is_empty(report->creator_email)) {
        add_identity(writer, "organization", NULL, report->creator_name, report->creator_email, TLP_NONE, id);
        strcpy(writer->creator, id);
    }
    if (!str_is_empty(report->reporter_name) || !str_is_empty(report->reporter_email))
        add_identity(writer, "individual", "reporter", report->reporter_name, report->reporter_email, report->tlp, id);
}

static json_t *report_extension(const struct report *report)
{
    json_t *extension = stix_writer_extension();
    if (str_is_empty(report->summary))
        json_object_set_new(extension, "unnamed", json_true());
    stix_writer_set_text(extension, "reference", report->reference);
    stix_writer_set_text(extension, "reference_issuer", report->reference_issuer);
    stix_writer_set_text(extension, "class", report->class_claim ? report->class_claim : report->class_name);
    stix_writer_set_text(extension, "case_kind", report->case_kind);
    stix_writer_set_text(extension, "extra", report->extra);
    return extension;
}

/* The number under which we and our peers know the case, for everybody. */
static void set_reference(json_t *body, const struct report *report)
{
    if (str_is_empty(report->reference))
        return;
    const char *issuer = str_is_empty(report->reference_issuer) ? "incident" : report->reference_issuer;
    json_object_set_new(body, "external_references", json_pack("[{ss ss}]", "source_name", issuer, "external_id", report->reference));
}

/* All but what it refers to. */
static json_t *report_body(const struct codec_writer *writer)
{
    const struct report *report = writer->parts.report;
    json_t *body = json_object(), *labels = stix_writer_class_labels(report->class_name);
    stix_writer_set_text(body, "name",
                         !str_is_empty(report->summary)     ? report->summary
                         : !str_is_empty(report->reference) ? report->reference
                                                            : "report");
    stix_writer_set_text(body, "description", report->description);
    stix_writer_set_time(body, "published", report->time, report->time_text);
    stix_writer_set_text(body, "lang", report->lang);
    if (writer->pap != TLP_NONE)
        json_array_append_new(labels, json_string(stix_marking_pap_text(writer->pap)));
    stix_writer_set_labels(body, labels);
    set_reference(body, report);
    stix_writer_set_extension(body, report_extension(report));
    return body;
}

/* --- the bundle --- */

static json_t *author(void)
{
    return json_pack("{ss ss ss ss ss ss ss}", "type", "identity", "spec_version", "2.1", "id", STIX_AUTHOR_ID, "created", STIX_LONG_AGO,
                     "modified", STIX_LONG_AGO, "name", "cirt", "identity_class", "system");
}

static json_t *extension_definition(void)
{
    return json_pack(
        "{ss ss ss ss ss ss ss ss ss ss s[ss]}", "type", "extension-definition", "spec_version", "2.1", "id", STIX_EXTENSION_ID, "created",
        STIX_LONG_AGO, "modified", STIX_LONG_AGO, "created_by_ref", STIX_AUTHOR_ID, "name", "cirt", "description",
        "What reports of cirt say and STIX has no property for: classes, roles, ports; and observables without a type", "schema",
        "docs/FORMATS.md of cirt, section stix", "version", "1.0.0", "extension_types", "property-extension", "new-sco");
}

static void mark_observables(struct stix_writer *parts)
{
    const char *id;
    json_t *object;
    json_object_foreach(parts->observables, id, object)
    {
        stix_writer_mark(parts, object, (enum tlp)json_integer_value(json_object_get(parts->labels, id)));
    }
}

static void write_object(struct codec_writer *writer, const json_t *object, struct buf *out)
{
    if (writer->has_objects)
        buf_add_char(out, ',');
    writer->has_objects = true;
    json_value_write(object, out);
}

static void write_objects(struct codec_writer *writer, const json_t *objects, struct buf *out)
{
    size_t index;
    json_t *object;
    json_array_foreach(objects, index, object) write_object(writer, object, out);
}

static void write_references(struct codec_writer *writer, struct buf *out)
{
    size_t index;
    json_t *id;
    json_array_foreach(writer->parts.references, index, id)
    {
        if (writer->has_references)
            buf_add_char(out, ',');
        writer->has_references = true;
        json_value_write(id, out);
    }
}

/* The same bytes in the same pieces give the same id. */
static void digest(struct codec_writer *writer, const struct buf *out, size_t start)
{
    char both[2 * SHA256_HEX_SIZE];
    memcpy(both, writer->digest, SHA256_HEX_SIZE);
    sha256_hex(out->size > start ? out->bytes + start : "", out->size > start ? out->size - start : 0, both + SHA256_HEX_SIZE);
    sha256_hex(both, sizeof both, writer->digest);
}

/* What the piece has brought goes out. */
static void flush(struct codec_writer *writer, const struct codec_out *out)
{
    struct stix_writer *parts = &writer->parts;
    size_t start = out->now->size;
    const char *id;
    json_t *object;
    mark_observables(parts);
    write_objects(writer, parts->objects, out->now);
    json_object_foreach(parts->observables, id, object) write_object(writer, object, out->now);
    write_references(writer, out->behind);
    digest(writer, out->now, start);
    json_array_clear(parts->objects);
    json_array_clear(parts->references);
    json_object_clear(parts->observables);
    json_object_clear(parts->labels);
    json_object_clear(parts->seeds);
    json_object_clear(parts->cves);
}

static struct codec_writer *open_bundle(const struct report *head, const struct codec_out *out, struct err *err)
{
    if (head->time == TIMESTAMP_NONE) {
        UNUSED(err_set(err, ERR_INPUT, "STIX needs to know when the report was made: it has no time"));
        return NULL;
    }
    struct codec_writer *writer = mem_calloc(1, sizeof *writer);
    struct stix_writer *parts = &writer->parts;
    *parts = (struct stix_writer){.report = head,
                                  .objects = json_array(),
                                  .observables = json_object(),
                                  .labels = json_object(),
                                  .references = json_array(),
                                  .seeds = json_object(),
                                  .cves = json_object()};
    writer->pap = head->pap;
    stix_writer_moment(head->time, parts->moment);
    json_array_append_new(parts->objects, author());
    json_array_append_new(parts->objects, extension_definition());
    add_people(parts);
    buf_add_text(out->now, "{\"type\":\"bundle\",\"objects\":[");
    flush(writer, out);
    return writer;
}

static bool add_observations(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    UNUSED(err);
    writer->pap = tlp_strictest(writer->pap, piece->pap);
    writer->parts.number = writer->observation_count;
    for (size_t i = 0; i < piece->observation_count; i++)
        stix_writer_observation_add(&writer->parts, &piece->observations[i]);
    writer->observation_count += piece->observation_count;
    flush(writer, out);
    return true;
}

/* The report, whose references stand behind. */
static void write_report(struct codec_writer *writer, const struct codec_out *out)
{
    struct stix_writer *parts = &writer->parts;
    char id[STIX_ID_SIZE];
    json_t *body = report_body(writer);
    /* Of a known number it is the same report, whatever has become of it. */
    json_t *name = str_is_empty(parts->report->reference) ? json_incref(body)
                   : parts->report->part > 1              ? json_sprintf("report part %d", parts->report->part)
                                                          : json_string("report");
    parts->number = 0;
    stix_writer_name(parts, "report", name, id);
    json_decref(name);
    const json_t *report = stix_writer_add_object(parts, "report", id, parts->report->tlp, body);
    size_t start = out->now->size;
    buf_add_text(out->now, writer->has_objects ? ",{" : "{");
    json_value_write_members(report, out->now);
    buf_add_text(out->now, ",\"object_refs\":[");
    digest(writer, out->now, start);
    json_array_clear(parts->objects);
}

static bool finish_bundle(struct codec_writer *writer, const struct codec_out *out, struct err *err)
{
    struct stix_writer *parts = &writer->parts;
    char id[STIX_ID_SIZE];
    UNUSED(err);
    write_report(writer, out);
    if (!writer->has_references)
        json_array_append_new(parts->references, json_string(STIX_EXTENSION_ID));
    write_references(writer, out->behind);
    buf_add_text(out->behind, "]}");
    for (int label = TLP_CLEAR; label <= TLP_RED; label++)
        if (parts->is_labelled[label])
            json_array_append_new(parts->objects, stix_marking_object((enum tlp)label));
    write_objects(writer, parts->objects, out->behind);
    stix_id_object(id, "bundle", writer->digest, strlen(writer->digest));
    buf_printf(out->behind, "],\"id\":\"%s\"}\n", id);
    return true;
}

static void close_bundle(struct codec_writer *writer)
{
    struct stix_writer *parts = &writer->parts;
    json_decref(parts->objects);
    json_decref(parts->observables);
    json_decref(parts->labels);
    json_decref(parts->references);
    json_decref(parts->seeds);
    json_decref(parts->cves);
    free(writer);
}

const struct codec_pieces stix_pieces = {open_bundle, add_observations, finish_bundle, close_bundle};

bool stix_encode(const struct report *report, struct buf *out, struct err *err)
{
    return codec_write_whole(&stix_pieces, report, out, err);
}
