#include "codec/iodef_json.h"

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

static bool decode_value(struct arena *arena, const json_t *value, const struct codec_limits *limits, struct report **out, struct err *err)
{
    struct xml_element *root;
    return iodef_json_read(arena, value, &root, err) && iodef_decode_element(root, "iodef-json", limits, out, err);
}

static bool iodef_json_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                              struct report **out, struct err *err)
{
    UNUSED(hints);
    json_t *value = NULL;
    if (!json_value_parse(bytes, size, limits, &value, err))
        return false;
    struct arena *arena = arena_new();
    bool ok = decode_value(arena, value, limits, out, err);
    arena_free(arena);
    json_decref(value);
    return ok;
}

static bool write_tree(const char *bytes, size_t size, struct buf *out, struct err *err)
{
    struct xml_document *document = NULL;
    if (!xml_read(bytes, size, XML_DEPTH_MAX, &document, err))
        return err_context(err, "the document to write as JSON");
    json_t *value = iodef_json_write(document->root);
    bool ok = json_value_write(value, out) && buf_add_char(out, '\n');
    json_decref(value);
    xml_free(document);
    return ok || err_set(err, ERR_LIMIT, "the IODEF document is larger than %zu bytes", out->size_max);
}

/* What may stand in a document, and where, the XML encoder decides for both. */
static bool iodef_json_encode(const struct report *report, struct buf *out, struct err *err)
{
    struct buf xml;
    buf_init(&xml, out->size_max * 2);
    bool ok = iodef_encode(report, &xml, err) && write_tree(xml.bytes, xml.size, out, err);
    buf_clear(&xml);
    return ok;
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
};
