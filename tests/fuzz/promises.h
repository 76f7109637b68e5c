/* fuzz/promises.h - what every decoder promises, whatever it reads. A broken promise ends the driver. */
#ifndef CIRT_FUZZ_PROMISES_H
#define CIRT_FUZZ_PROMISES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"

static inline void check_refusal(const struct err *err)
{
    if (err->code != ERR_INPUT && err->code != ERR_LIMIT)
        BUG("refused as %s: %s", err_code_name(err->code), err->text);
    if (!*err->at || !str_is_utf8(err->at, strlen(err->at), NULL) || !str_is_utf8(err->text, strlen(err->text), NULL))
        BUG("refused without a readable place: \"%s\": \"%s\"", err->at, err->text);
}

static inline void check_text(const char *text)
{
    if (text && !str_is_utf8(text, strlen(text), NULL))
        BUG("not UTF-8: %s", text);
}

static inline void check_report(const struct report *report)
{
    const char *const texts[] = {report->description,    report->summary,         report->lang,  report->class_claim,
                                 report->time_text,      report->reference,       report->extra, report->reporter_name,
                                 report->reporter_email, report->reference_issuer};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        check_text(texts[i]);
    for (size_t i = 0; i < report->observation_count; i++) {
        const struct observation *observation = &report->observations[i];
        check_text(observation->time_text);
        check_text(observation->class_claim);
        check_text(observation->description);
        check_text(observation->protocol);
        check_text(observation->extra);
        for (size_t k = 0; k < observation->sighting_count; k++)
            check_text(observation->sightings[k].value);
    }
}

/* --- streams: what comes out must not depend on where the chunks end --- */

static inline bool note_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct buf *said = context;
    struct err why = {0};
    UNUSED(err);
    check_report(report);
    buf_printf(said, "report of line %zu\n", first_line);
    buf_add(said, bytes, size);
    if (!codec_find("json")->encode(report, said, &why))
        buf_printf(said, "%s\n", why.text);
    for (size_t i = 0; i < report->rejection_count; i++)
        buf_printf(said, "%s: %s\n", report->rejections[i].at, report->rejections[i].text);
    buf_printf(said, "%zu rejected, columns %s\n", report->rejected_total, report->columns ? report->columns : "");
    return true;
}

static inline bool note_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    struct buf *said = context;
    UNUSED(err);
    check_refusal(why);
    buf_printf(said, "bad line %zu: %s: %s\n", line, why->at, why->text);
    buf_add(said, bytes, size);
    return true;
}

/* All that the stream says, as text. Chunks of 1 to 16 bytes, drawn from the seed; of any size where that is 0. */
static inline void read_stream(const struct codec *codec, const struct codec_limits *limits, const struct codec_hints *hints,
                               const char *bytes, size_t size, uint32_t seed, struct buf *said)
{
    struct err err = {0};
    struct codec_sink sink = {.context = said, .on_report = note_report, .on_bad_line = note_bad_line};
    struct codec_stream *stream = codec->open(limits, hints, &sink);
    bool ok = true, is_whole = seed == 0;
    buf_init(said, 64u << 20);
    for (size_t at = 0, chunk; ok && at < size; at += chunk) {
        seed = seed * 1664525 + 1013904223;
        chunk = is_whole ? size : 1 + (seed >> 28);
        chunk = chunk < size - at ? chunk : size - at;
        ok = codec->feed(stream, bytes + at, chunk, &err);
    }
    ok = ok && codec->finish(stream, &err);
    codec->close(stream);
    if (!ok) {
        check_refusal(&err);
        buf_printf(said, "refused: %s: %s\n", err.at, err.text);
    }
}

static inline void check_chunks(const struct codec *codec, const struct codec_limits *limits, const struct codec_hints *hints,
                                const char *bytes, size_t size)
{
    struct buf whole, parts;
    uint32_t seed = 1;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ (unsigned char)bytes[i]) * 16777619;
    read_stream(codec, limits, hints, bytes, size, 0, &whole);
    read_stream(codec, limits, hints, bytes, size, seed | 1, &parts);
    if (strcmp(buf_text(&whole), buf_text(&parts)) != 0 || whole.size != parts.size)
        BUG("chunks of the seed %u are read otherwise:\n%s\nand not\n%s", (unsigned)seed | 1, buf_text(&parts), buf_text(&whole));
    buf_clear(&whole);
    buf_clear(&parts);
}

#endif
