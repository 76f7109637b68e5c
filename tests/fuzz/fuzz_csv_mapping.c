/* A mapping up to the first NUL, the CSV that it is for behind: both as a stranger might write them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"
#include "promises.h"

static const struct codec_limits limits = {.document_bytes_max = 1u << 18, .depth_max = 64, .observations_max = 10000};
static const struct codec_limits short_lines = {.document_bytes_max = 100, .depth_max = 64, .observations_max = 10000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\0', size);
    size_t mapping_size = end ? (size_t)(end - data) : size;
    char *mapping = mem_printf("%.*s", (int)mapping_size, size ? (const char *)data : "");
    const struct codec_hints hints = {.name = "feed.csv", .mapping = mapping};
    struct report *report = NULL;
    struct err err = {0};
    size_t at = mapping_size + (end ? 1 : 0);
    const char *bytes = size ? (const char *)data + at : "";
    const struct codec *codec = codec_find("csv:any");
    if (codec_decode(codec, bytes, size - at, &limits, &hints, &report, &err)) {
        check_report(report);
        report_free(report);
    } else {
        check_refusal(&err);
    }
    check_chunks(codec, &limits, &hints, bytes, size - at);
    check_chunks(codec, &short_lines, &hints, bytes, size - at);
    free(mapping);
    return 0;
}
