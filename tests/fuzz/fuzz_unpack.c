/*
 * Any bytes as a packed document: what comes out is within the size asked for, and the same whether the source gives all of it at once or
 * in small pieces; a refusal says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/unpack.h"

enum { SIZE_MAX_UNPACKED = 1 << 20 };

struct pieces {
    const char *bytes;
    size_t size, piece;
};

static bool next_piece(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct pieces *pieces = context;
    UNUSED(err);
    *bytes = pieces->bytes;
    *size = pieces->size < pieces->piece ? pieces->size : pieces->piece;
    pieces->bytes += *size;
    pieces->size -= *size;
    return true;
}

/* All that comes out into out; false where it was refused. */
static bool unpack_pieces(const char *input, size_t input_size, size_t piece, struct buf *out)
{
    struct pieces pieces = {.bytes = input, .size = input_size, .piece = piece};
    const struct unpack_source source = {.context = &pieces, .next = next_piece};
    struct unpack *unpack = NULL;
    struct err err = {0};
    const char *bytes;
    size_t size = 0;
    bool ok = unpack_open(&source, SIZE_MAX_UNPACKED, &unpack, &err);
    while (ok && (ok = unpack_next(unpack, &bytes, &size, &err)) && size > 0)
        buf_add(out, bytes, size);
    if (out->size > SIZE_MAX_UNPACKED)
        BUG("%zu bytes came out", out->size);
    if (!ok && ((err.code != ERR_INPUT && err.code != ERR_LIMIT) || !err.text[0]))
        BUG("refused as %s: %s", err_code_name(err.code), err.text);
    if (ok) {
        char name[64];
        unpack_document_name(unpack, "report.csv.gz", name, sizeof name);
        if (strlen(name) >= sizeof name)
            BUG("a name without an end");
    }
    unpack_close(unpack);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct buf whole, pieces, memory;
    struct err err = {0};
    char name[64] = "report.csv.gz";
    buf_init(&whole, 2 * SIZE_MAX_UNPACKED);
    buf_init(&pieces, 2 * SIZE_MAX_UNPACKED);
    buf_init(&memory, SIZE_MAX_UNPACKED);
    bool ok = unpack_pieces(bytes, size, size, &whole);
    if (unpack_pieces(bytes, size, 7, &pieces) != ok ||
        (ok && (whole.size != pieces.size || memcmp(buf_text(&whole), buf_text(&pieces), whole.size) != 0)))
        BUG("pieces are read otherwise than the whole");
    if (unpack_memory(bytes, size, &memory, name, sizeof name, &err) != ok && err.code != ERR_LIMIT)
        BUG("memory is read otherwise than a stream: %s", err.text);
    buf_clear(&whole);
    buf_clear(&pieces);
    buf_clear(&memory);
    return 0;
}
