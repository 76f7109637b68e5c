#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"
#include "codec/native.h"
#include "codec/native_encode.h"

struct codec_stream {
    struct codec_limits limits;
    struct codec_sink sink;
    struct buf held;  /* the start of a line whose end has not come yet */
    size_t line;      /* of the line being read, from 1 */
    bool is_skipping; /* the line was too long and has been reported; its rest is thrown away */
};

/* Two objects on two lines: no single JSON text looks like that. One object on one line may be either, and json goes first. */
static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    size_t start = native_skip_blanks(bytes, size);
    if (start == size || bytes[start] != '{')
        return 0;
    if (hints && hints->name && (str_ends(hints->name, ".ndjson") || str_ends(hints->name, ".jsonl")))
        return 90;
    const char *end = memchr(bytes + start, '\n', size - start);
    if (!end)
        return 10;
    size_t next = (size_t)(end - bytes) + 1;
    next += native_skip_blanks(bytes + next, size - next);
    size_t last = (size_t)(end - bytes);
    while (last > start && strchr(" \t\r", bytes[last - 1]))
        last--;
    return bytes[last - 1] == '}' && next < size && bytes[next] == '{' ? 80 : 10;
}

static struct codec_stream *open_stream(const struct codec_limits *limits, const struct codec_hints *hints, const struct codec_sink *sink)
{
    UNUSED(hints);
    struct codec_stream *stream = mem_calloc(1, sizeof *stream);
    stream->limits = *limits;
    stream->sink = *sink;
    stream->line = 1;
    buf_init(&stream->held, limits->document_bytes_max);
    return stream;
}

static void close_stream(struct codec_stream *stream)
{
    if (!stream)
        return;
    buf_clear(&stream->held);
    free(stream);
}

/* The place is the line; where in the line goes into the text. */
static bool bad_line(struct codec_stream *stream, const struct err *why, const char *bytes, size_t size, struct err *err)
{
    struct err placed;
    char at[40];
    snprintf(at, sizeof at, "line %zu", stream->line);
    const char *column = strstr(why->at, "column ");
    if (column || !*why->at || str_starts(why->at, "line "))
        err_set_at(&placed, why->code, at, "%s%s%s", column ? column : "", column ? ": " : "", why->text);
    else
        err_set_at(&placed, why->code, at, "%s: %s", why->at, why->text);
    return stream->sink.on_bad_line(stream->sink.context, &placed, stream->line, bytes, size, err);
}

/* A line may be one document of any JSON format that knows its own; all else is native. */
static bool decode_line(const char *bytes, size_t size, const struct codec_limits *limits, struct report **out, struct err *err)
{
    static const struct codec_hints hints = {0};
    const struct codec *codec = codec_probe(bytes, size, &hints);
    bool is_foreign = codec && codec->shape == CODEC_WHOLE && strcmp(codec->name, "json") != 0 && strcmp(codec->name, "mail") != 0;
    if (is_foreign)
        return codec_decode(codec, bytes, size, limits, &hints, out, err);
    if (!native_decode(bytes, size, "ndjson", limits, out, err))
        return false;
    report_label_words(*out);
    report_add_hosts(*out);
    return true;
}

static bool take_line(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    if (native_skip_blanks(bytes, size) == size)
        return true;
    struct report *report = NULL;
    struct err why;
    if (!decode_line(bytes, size, &stream->limits, &report, &why))
        return bad_line(stream, &why, bytes, size, err);
    if (!report_check_full(report, "", &why)) {
        report_free(report);
        return bad_line(stream, &why, bytes, size, err);
    }
    bool ok = stream->sink.on_report(stream->sink.context, report, stream->line, bytes, size, err);
    report_free(report);
    return ok;
}

/* Keeps a part of a line for the next feed. A line beyond the limit is reported with what was held of it. */
static bool hold(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    if (stream->is_skipping || buf_add(&stream->held, bytes, size))
        return true;
    stream->is_skipping = true;
    buf_add(&stream->held, bytes, stream->held.size_max - stream->held.size);
    struct err why;
    err_set(&why, ERR_LIMIT, "longer than %zu bytes", stream->limits.document_bytes_max);
    bool ok = bad_line(stream, &why, buf_text(&stream->held), stream->held.size, err);
    buf_reset(&stream->held);
    return ok;
}

static bool end_line(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    bool ok;
    if (stream->is_skipping) {
        ok = true;
    } else if (!stream->held.size && size <= stream->limits.document_bytes_max) {
        ok = take_line(stream, bytes, size, err);
    } else {
        ok = hold(stream, bytes, size, err);
        if (ok && !stream->is_skipping)
            ok = take_line(stream, buf_text(&stream->held), stream->held.size, err);
    }
    buf_reset(&stream->held);
    stream->is_skipping = false;
    stream->line++;
    return ok;
}

static bool feed(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    while (size) {
        const char *end = memchr(bytes, '\n', size);
        if (!end)
            return hold(stream, bytes, size, err);
        size_t length = (size_t)(end - bytes);
        if (!end_line(stream, bytes, length, err))
            return false;
        bytes += length + 1;
        size -= length + 1;
    }
    return true;
}

static bool finish(struct codec_stream *stream, struct err *err)
{
    return stream->held.size && !stream->is_skipping ? end_line(stream, "", 0, err) : true;
}

extern const struct codec ndjson_codec;
const struct codec ndjson_codec = {
    .name = "ndjson",
    .media_type = "application/x-ndjson",
    .media_types_too = "application/ndjson application/jsonl application/x-jsonlines",
    .standard = "docs/report.schema.json, a report a line",
    .summary = "native reports, or events of another JSON format, one object a line",
    .shape = CODEC_LINES,
    .probe = probe,
    .open = open_stream,
    .feed = feed,
    .finish = finish,
    .close = close_stream,
    .encode = native_encode,
    .pieces = &native_pieces,
};
