/* Any packet on the socket between gate and worker: unpack never reads outside it, and what it takes packs to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/seqpacket.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct message_request request;
    struct message_response response;
    struct buf packet;
    struct err err;

    buf_init(&packet, SEQPACKET_SIZE_MAX);
    if (message_unpack_request(bytes, size, -1, &request, &err) && message_pack_request(&request, &packet, &err) &&
        (packet.size != size || memcmp(packet.bytes, bytes, size) != 0))
        abort();
    if (message_unpack_response(bytes, size, -1, &response, &err) && message_pack_response(&response, &packet, &err) &&
        (packet.size != size || memcmp(packet.bytes, bytes, size) != 0))
        abort();
    buf_clear(&packet);
    return 0;
}
