#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/gather.h"

const struct codec_limits codec_limits_default = {
    .document_bytes_max = 16u * 1024 * 1024,
    .depth_max = 64,
    .observations_max = 100000,
};

extern const struct codec json_codec;
extern const struct codec mail_codec;
extern const struct codec ndjson_codec;
extern const struct codec shadowserver_codec;
extern const struct codec csv_codec;
extern const struct codec iodef_codec;
extern const struct codec iodef_json_codec;
extern const struct codec xarf_codec;
extern const struct codec rid_codec;
extern const struct codec csaf_codec;
extern const struct codec idea_codec;
extern const struct codec intelmq_codec;
extern const struct codec misp_codec;
extern const struct codec n6_codec;
extern const struct codec stix_codec;

/* To add one: codec.h says what to do. On equal sureness the first wins. */
/* clang-format off */
const struct codec *const codec_registry[] = {
    &json_codec,
    &ndjson_codec,
    &shadowserver_codec,
    &csv_codec,
    &iodef_codec,
    &iodef_json_codec,
    &xarf_codec,
    &rid_codec,
    &mail_codec,
    &csaf_codec,
    &idea_codec,
    &intelmq_codec,
    &misp_codec,
    &n6_codec,
    &stix_codec,
};
/* clang-format on */
const size_t codec_count = ARRAY_SIZE(codec_registry);

const struct codec *codec_find(const char *name)
{
    if (codec_mapping_name(name))
        return &csv_codec;
    for (size_t i = 0; name && i < codec_count; i++)
        if (str_equal(codec_registry[i]->name, name))
            return codec_registry[i];
    return NULL;
}

const char *codec_mapping_name(const char *format)
{
    return format && str_starts(format, "csv:") && format[4] ? format + 4 : NULL;
}

/* True where the blank-separated list holds the word, any case. */
static bool list_has(const char *list, const char *word)
{
    size_t size = strlen(word);
    while (list && *list) {
        size_t length = strcspn(list, " ");
        if (length == size && strncasecmp(list, word, size) == 0)
            return true;
        list += length;
        list += strspn(list, " ");
    }
    return false;
}

bool codec_has_media_type(const struct codec *codec, const char *media_type)
{
    if (strcasecmp(media_type, "text/json") == 0) /* as it was called before it was registered */
        media_type = "application/json";
    return list_has(codec->media_type, media_type) || list_has(codec->media_types_too, media_type);
}

const struct codec *codec_find_media_type(const char *media_type)
{
    for (size_t i = 0; media_type && *media_type && i < codec_count; i++)
        if (codec_has_media_type(codec_registry[i], media_type))
            return codec_registry[i];
    return NULL;
}

const struct codec *codec_probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    enum { LOOK_AT = 4096 };
    const struct codec *surest = NULL;
    int most = 0;
    for (size_t i = 0; i < codec_count; i++) {
        int sure = codec_registry[i]->probe(bytes, size < LOOK_AT ? size : LOOK_AT, hints);
        if (sure > most) {
            most = sure;
            surest = codec_registry[i];
        }
    }
    return surest;
}

static bool decode_stream(const struct codec *codec, const char *bytes, size_t size, const struct codec_limits *limits,
                          const struct codec_hints *hints, struct report **out, struct err *err)
{
    struct gather gather = {.observations_max = limits->observations_max, .is_lines = codec->shape == CODEC_LINES};
    struct codec_sink sink = gather_sink(&gather);
    struct codec_stream *stream = codec->open(limits, hints, &sink);
    bool ok = codec->feed(stream, bytes, size, err) && codec->finish(stream, err);
    codec->close(stream);
    if (ok && !gather.report)
        ok = err_set_at(err, ERR_INPUT, "line 1", "there is no report in it");
    if (ok)
        *out = gather.report;
    else
        report_free(gather.report);
    return ok;
}

/* Rows are bounded one by one. */
static size_t size_max(const struct codec *codec, const struct codec_limits *limits)
{
    return codec == &mail_codec ? MAIL_SIZE_MAX : codec->shape == CODEC_ROWS ? SIZE_MAX : limits->document_bytes_max;
}

bool codec_decode(const struct codec *codec, const char *bytes, size_t size, const struct codec_limits *limits,
                  const struct codec_hints *hints, struct report **out, struct err *err)
{
    enum { LARGE = 1024 * 1024 };
    static const struct codec_hints no_hints = {0};
    if (!hints)
        hints = &no_hints;
    if (size > size_max(codec, limits))
        return err_set_at(err, ERR_LIMIT, "line 1", "larger than %zu bytes", size_max(codec, limits));
    if (size > LARGE)
        mem_give_back();
    bool ok = codec->shape == CODEC_WHOLE ? codec->decode(bytes, size, limits, hints, out, err)
                                          : decode_stream(codec, bytes, size, limits, hints, out, err);
    /* Streams do it themselves; so does a mail, which knows its recipients and what is quoted from its words. */
    if (ok && codec->shape == CODEC_WHOLE && codec != &mail_codec) {
        report_label_words(*out);
        report_add_hosts(*out);
    }
    if (size > LARGE)
        mem_give_back(); /* its tree: the report is yet to be laid out for the database beside it */
    if (!ok || report_check_full(*out, "line 1", err))
        return ok;
    report_free(*out);
    *out = NULL;
    return false;
}

bool codec_write_whole(const struct codec_pieces *pieces, const struct report *report, struct buf *out, struct err *err)
{
    struct buf behind;
    const struct codec_out both = {.now = out, .behind = &behind};
    buf_init(&behind, out->size_max);
    bool ok = codec_write_opened(pieces, pieces->open(report, &both, err), report, &both, err);
    buf_clear(&behind);
    return ok;
}

bool codec_write_opened(const struct codec_pieces *pieces, struct codec_writer *writer, const struct report *report,
                        const struct codec_out *out, struct err *err)
{
    bool ok = writer && pieces->add(writer, report, out, err) && pieces->finish(writer, out, err);
    if (ok && (out->now->full || out->behind->full || !buf_add(out->now, buf_text(out->behind), out->behind->size)))
        ok = err_set(err, ERR_LIMIT, "the document would be larger than %zu bytes", out->now->size_max);
    if (writer)
        pieces->close(writer);
    return ok;
}
