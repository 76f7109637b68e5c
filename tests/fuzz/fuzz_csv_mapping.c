/* A mapping up to the first NUL, the CSV that it is for behind: both as a stranger might write them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"

static const struct codec_limits limits = {.document_bytes_max = 1u << 18, .depth_max = 64, .observations_max = 10000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\0', size);
    size_t mapping_size = end ? (size_t)(end - data) : size;
    char *mapping = mem_printf("%.*s", (int)mapping_size, size ? (const char *)data : "");
    const struct codec_hints hints = {.name = "feed.csv", .mapping = mapping};
    struct report *report = NULL;
    struct err err = {0};
    size_t at = mapping_size + (end ? 1 : 0);
    if (codec_decode(codec_find("csv:any"), size ? (const char *)data + at : "", size - at, &limits, &hints, &report, &err))
        report_free(report);
    else if (!*err.at || !*err.text || (err.code != ERR_INPUT && err.code != ERR_LIMIT))
        abort();
    free(mapping);
    return 0;
}
