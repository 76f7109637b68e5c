/*
 * One driver for every row of the codec registry: CIRT_FUZZ_CODEC names it ("list" prints the names). Beside crashes it looks for broken
 * promises: a refusal without a place, a stream that reads chunks otherwise than the whole, a report that does not survive being written.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"

static const struct codec *chosen;
static const struct codec_limits limits = {.document_bytes_max = 1u << 20, .depth_max = 64, .observations_max = 10000};
static struct codec_hints hints = {.name = "2026-01-01-scan_smb-example.csv"};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    UNUSED(argc), UNUSED(argv);
    const char *name = getenv("CIRT_FUZZ_CODEC");
    if (name && strcmp(name, "list") == 0) {
        for (size_t i = 0; i < codec_count; i++)
            puts(codec_registry[i]->name);
        exit(0);
    }
    chosen = codec_find(name);
    if (!chosen) {
        fprintf(stderr, "CIRT_FUZZ_CODEC must name a codec (\"list\" prints them)\n");
        exit(2);
    }
    if (str_equal(name, "csv"))
        hints.mapping = "column timestamp = time\ncolumn ip = source.ip\ncolumn url = source.url indicator split \";\"\ncolumn tlp = tlp\n"
                        "column malware = class\ncolumn port = source.port\nclass: c2-server\n";
    return 0;
}

static void check_refusal(const struct err *err)
{
    if (err->code != ERR_INPUT && err->code != ERR_LIMIT)
        BUG("refused as %s: %s", err_code_name(err->code), err->text);
    if (!*err->at || !str_is_utf8(err->at, strlen(err->at), NULL) || !str_is_utf8(err->text, strlen(err->text), NULL))
        BUG("refused without a readable place: \"%s\": \"%s\"", err->at, err->text);
}

static void check_text(const char *text)
{
    if (text && !str_is_utf8(text, strlen(text), NULL))
        BUG("not UTF-8: %s", text);
}

static void check_report(const struct report *report)
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

struct tally {
    size_t reports, observations, rejected, bad_lines, sightings;
};

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    UNUSED(first_line), UNUSED(bytes), UNUSED(size), UNUSED(err);
    struct tally *tally = context;
    check_report(report);
    tally->reports++;
    tally->observations += report->observation_count;
    for (size_t i = 0; i < report->observation_count; i++)
        tally->sightings += report->observations[i].sighting_count;
    tally->rejected = report->rejected_total;
    return true;
}

static bool on_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    UNUSED(line), UNUSED(bytes), UNUSED(size), UNUSED(err);
    struct tally *tally = context;
    check_refusal(why);
    tally->bad_lines++;
    return true;
}

static bool run_stream(const char *bytes, size_t size, size_t chunk, struct tally *tally)
{
    struct err err = {0};
    *tally = (struct tally){0};
    struct codec_sink sink = {.context = tally, .on_report = on_report, .on_bad_line = on_bad_line};
    struct codec_stream *stream = chosen->open(&limits, &hints, &sink);
    bool ok = true;
    for (size_t at = 0; ok && at < size; at += chunk)
        ok = chosen->feed(stream, bytes + at, size - at < chunk ? size - at : chunk, &err);
    ok = ok && chosen->finish(stream, &err);
    chosen->close(stream);
    if (!ok)
        check_refusal(&err);
    return ok;
}

static void check_chunks(const char *bytes, size_t size)
{
    struct tally whole, parts;
    bool ok = run_stream(bytes, size, size ? size : 1, &whole);
    if (run_stream(bytes, size, size % 13 + 1, &parts) != ok)
        BUG("chunks of %zu bytes decide otherwise", size % 13 + 1);
    if (ok && memcmp(&whole, &parts, sizeof whole) != 0)
        BUG("chunks of %zu bytes are read otherwise", size % 13 + 1);
}

/* --- written and read again --- */

/* Writes the report and reads that back; NULL where it is too large to be read. */
static struct report *write_and_read(const struct report *report, struct buf *out)
{
    struct err err = {0};
    struct report *again = NULL;
    buf_init(out, 64u << 20);
    if (!chosen->encode(report, out, &err)) {
        if (err.code != ERR_LIMIT && err.code != ERR_INPUT)
            BUG("cannot be written: %s", err.text);
    } else if (out->size <= limits.document_bytes_max && !codec_decode(chosen, out->bytes, out->size, &limits, &hints, &again, &err)) {
        BUG("what was written cannot be read: %s: %s\n%s", err.at, err.text, buf_text(out));
    }
    return again;
}

/* A format may have an order of its own (IODEF groups systems by flow), so that the first writing may still move things; from
 * the second on nothing changes any more. */
static void check_writing(const struct report *report)
{
    struct buf first, second, third;
    struct report *again = write_and_read(report, &first), *settled = NULL, *last = NULL;
    buf_init(&second, 0);
    buf_init(&third, 0);
    if (again)
        settled = write_and_read(again, &second);
    if (settled && strcmp(buf_text(&first), buf_text(&second)) != 0) {
        last = write_and_read(settled, &third);
        if (strcmp(buf_text(&second), buf_text(&third)) != 0)
            BUG("never written the same twice:\n%s\n%s", buf_text(&second), buf_text(&third));
    }
    report_free(again);
    report_free(settled);
    report_free(last);
    buf_clear(&first);
    buf_clear(&second);
    buf_clear(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const char *bytes = (const char *)input;
    struct report *report = NULL;
    struct err err = {0};
    UNUSED(codec_probe(bytes, size, &hints));
    if (codec_decode(chosen, bytes, size, &limits, &hints, &report, &err)) {
        check_report(report);
        if (chosen->encode)
            check_writing(report);
        report_free(report);
    } else {
        check_refusal(&err);
    }
    if (chosen->shape != CODEC_WHOLE)
        check_chunks(bytes, size);
    return 0;
}
