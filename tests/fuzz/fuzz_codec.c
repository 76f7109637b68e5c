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
#include "promises.h"
#include "xml_mutate.h"

static const struct codec *chosen;
static const struct codec_limits limits = {.document_bytes_max = 1u << 20, .depth_max = 64, .observations_max = 10000};
static const struct codec_limits short_lines = {.document_bytes_max = 100, .depth_max = 64, .observations_max = 10000};
static struct codec_hints hints = {.name = "2026-01-01-scan_smb-example.csv"};

int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
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

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t changed = 0;
    mutate_state = seed;
    if (mutate_random(2))
        changed = size && *data == '<' ? xml_mutate(data, size, max_size) : json_mutate(data, size, max_size);
    return changed ? changed : LLVMFuzzerMutate(data, size, max_size);
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
    if (chosen->shape != CODEC_WHOLE) {
        check_chunks(chosen, &limits, &hints, bytes, size);
        check_chunks(chosen, &short_lines, &hints, bytes, size);
    }
    return 0;
}
