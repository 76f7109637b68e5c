/* Any bytes as a client may send them: the first byte says how they are cut; cut or whole, the gate must see the same requests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cirtd/gate/gate_http.h"

static void trace(const char *bytes, size_t size, size_t step, struct buf *out)
{
    struct gate_http http;
    enum gate_http_event event = GATE_HTTP_MORE;

    gate_http_init(&http);
    for (size_t at = 0; at < size && event != GATE_HTTP_BAD; at += step) {
        size_t part = size - at < step ? size - at : step, used;
        for (size_t done = 0; (event = gate_http_feed(&http, bytes + at + done, part - done, &used)) != GATE_HTTP_MORE; done += used) {
            if (event == GATE_HTTP_BAD) {
                buf_printf(out, "BAD %d %s", http.status, http.detail);
                break;
            }
            if (event == GATE_HTTP_HEAD)
                buf_printf(out, "HEAD %d %s %s %s %s %d%d%d%d|", http.head.method, http.head.target, http.head.content_type,
                           http.head.content_encoding, http.head.if_match, http.head.has_body, http.head.is_chunked,
                           http.head.expects_continue, http.head.keeps_alive);
            else if (event == GATE_HTTP_BODY)
                buf_add(out, http.piece, http.piece_size);
            else
                buf_add_text(out, "|END|");
        }
    }
    gate_http_clear(&http);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buf whole, cut;

    if (size < 2)
        return 0;
    buf_init(&whole, 8 << 20);
    buf_init(&cut, 8 << 20);
    trace((const char *)bytes + 1, size - 1, size, &whole);
    trace((const char *)bytes + 1, size - 1, (size_t)bytes[0] % 64 + 1, &cut);
    if (whole.size != cut.size || (whole.size && memcmp(whole.bytes, cut.bytes, whole.size) != 0))
        abort();
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
