#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/json_value.h"
#include "codec/native.h"
#include "codec/native_encode.h"

/* Any JSON object might be one of ours; the names that only we use make it surer, formats with a mark of their own win. */
static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    if (json_value_is_utf16(bytes, size)) /* is refused as such */
        return 30;
    size_t start = native_skip_blanks(bytes, size);
    if (start == size || bytes[start] != '{')
        return 0;
    bool named = memmem(bytes, size, "\"observations\"", 14) || memmem(bytes, size, "\"description\"", 13);
    return named ? 50 : 30;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    return native_decode(bytes, size, "json", limits, out, err);
}

extern const struct codec json_codec;
const struct codec json_codec = {
    .name = "json",
    .media_type = "application/json",
    .standard = "docs/report.schema.json",
    .summary = "native report, one JSON object",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
    .encode = native_encode,
    .pieces = &native_pieces,
};
