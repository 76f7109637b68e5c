#include "codec/iodef_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_encode.h"
#include "codec/json_value.h"
#include "codec/native.h"

static bool has_text(const char *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

/* No other format has these names; the native one has "observations" or "description" in small letters. */
static int iodef_json_probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    size_t start = native_skip_blanks(bytes, size);
    if (start == size || bytes[start] != '{' || !has_text(bytes, size, "\"Incident\"") || !has_text(bytes, size, "\"version\""))
        return 0;
    return has_text(bytes, size, "\"IncidentID\"") ? 90 : 60;
}

static bool iodef_json_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                              struct report **out, struct err *err)
{
    UNUSED(hints);
    struct xml_element *root;
    json_t *value = NULL;
    if (!json_value_parse(bytes, size, limits, &value, err))
        return false;
    struct arena *arena = arena_new();
    bool ok = iodef_json_read(arena, value, &root, err);
    json_decref(value); /* one tree makes room for the other */
    ok = ok && iodef_decode_element(root, "iodef-json", limits, out, err);
    arena_free(arena);
    return ok;
}

/* --- writing --- */

/* The tree of XML has a most of elements. */
enum { OBSERVATIONS_AT_ONCE = 500 };

struct codec_writer {
    struct report head;
    size_t observation_count;
    bool has_events, has_indicators;
};

/* What may stand in a document, and where, the XML encoder decides for both: its document with those observations, as JSON. The
 * caller's; NULL with err set. */
static json_t *write_tree(const struct report *head, const struct report *piece, size_t number, struct err *err)
{
    struct xml_document *document = NULL;
    json_t *value = NULL;
    struct buf xml;
    buf_init(&xml, SIZE_MAX / 4);
    if (iodef_encode_piece(head, piece, number, &xml, err)) {
        if (xml_read(xml.bytes, xml.size, XML_DEPTH_MAX, &document, err))
            value = iodef_json_write(document->root);
        else
            UNUSED(err_context(err, "the document to write as JSON"));
    }
    xml_free(document);
    buf_clear(&xml);
    return value;
}

static json_t *incident_of(const json_t *document)
{
    return json_array_get(json_object_get(document, "Incident"), 0);
}

static struct codec_writer *open_document(const struct report *head, const struct codec_out *out, struct err *err)
{
    static const struct report nothing = {.tlp = TLP_NONE, .pap = TLP_NONE};
    json_t *document = write_tree(head, &nothing, 0, err);
    if (!document)
        return NULL;
    struct codec_writer *writer = mem_calloc(1, sizeof *writer);
    json_t *incident = json_incref(incident_of(document));
    writer->head = *head;
    json_object_del(document, "Incident");
    json_object_del(incident, "AdditionalData"); /* has PAP, which is not known yet */
    buf_add_char(out->now, '{');
    json_value_write_members(document, out->now);
    buf_add_text(out->now, ",\"Incident\":[{");
    json_value_write_members(incident, out->now);
    json_decref(incident);
    json_decref(document);
    return writer;
}

static void add_list(const json_t *incident, const char *name, bool *has_some, struct buf *out)
{
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(incident, name), index, element)
    {
        if (*has_some)
            buf_add_char(out, ',');
        else
            buf_printf(out, ",\"%s\":[", name);
        *has_some = true;
        json_value_write(element, out);
    }
}

static bool add_some(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    struct report bare = writer->head;
    bare.description = bare.summary = bare.extra = NULL;
    json_t *document = write_tree(&bare, piece, writer->observation_count, err), *incident = incident_of(document);
    if (!document)
        return false;
    add_list(incident, "EventData", &writer->has_events, out->now);
    add_list(incident, "Indicator", &writer->has_indicators, out->behind);
    writer->observation_count += piece->observation_count;
    json_decref(document);
    return true;
}

static bool add_events(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    struct report some = *piece;
    bool ok = true;
    writer->head.pap = tlp_strictest(writer->head.pap, piece->pap);
    for (size_t at = 0; ok && at < piece->observation_count; at += some.observation_count) {
        size_t left = piece->observation_count - at;
        some.observations = &piece->observations[at];
        some.observation_count = left < OBSERVATIONS_AT_ONCE ? left : OBSERVATIONS_AT_ONCE;
        ok = add_some(writer, &some, out, err);
    }
    return ok;
}

static bool finish_document(struct codec_writer *writer, const struct codec_out *out, struct err *err)
{
    static const struct report nothing = {.tlp = TLP_NONE, .pap = TLP_NONE};
    bool has_data = false;
    json_t *document = write_tree(&writer->head, &nothing, 0, err);
    if (!document)
        return false;
    if (writer->has_events)
        buf_add_char(out->now, ']');
    if (writer->has_indicators)
        buf_add_char(out->behind, ']');
    add_list(incident_of(document), "AdditionalData", &has_data, out->behind);
    buf_add_text(out->behind, has_data ? "]}]}\n" : "}]}\n");
    json_decref(document);
    return true;
}

static void close_document(struct codec_writer *writer)
{
    free(writer);
}

static const struct codec_pieces pieces = {open_document, add_events, finish_document, close_document};

static bool iodef_json_encode(const struct report *report, struct buf *out, struct err *err)
{
    return codec_write_whole(&pieces, report, out, err);
}

const struct codec iodef_json_codec = {
    .name = "iodef-json",
    .media_type = "application/json",
    .media_types_too = "application/iodef+json",
    .standard = "RFC 8727",
    .summary = "IODEF v2 in JSON: the same model",
    .shape = CODEC_WHOLE,
    .probe = iodef_json_probe,
    .decode = iodef_json_decode,
    .encode = iodef_json_encode,
    .pieces = &pieces,
};
