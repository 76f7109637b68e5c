/* Any bytes as detached signature and as inline message: the little parsing that is done before gpg is asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/openpgp_context.h"

static void check_packet(const uint8_t *bytes, size_t size)
{
    struct openpgp_packet packet, again;
    if (openpgp_packet_signature(bytes, size, &packet)) {
        /* what was taken is itself one signature packet, the same */
        if (!openpgp_packet_signature(packet.bytes.bytes, packet.bytes.size, &again) || again.bytes.size != packet.bytes.size ||
            memcmp(again.bytes.bytes, packet.bytes.bytes, packet.bytes.size) != 0)
            abort();
        buf_clear(&again.bytes);
    }
    buf_clear(&packet.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    check_packet(bytes, size);
    (void)openpgp_packet_is_encryption(bytes, size);
    if (openpgp_packet_is_whole_block((const char *)bytes, size, "-----BEGIN PGP SIGNED MESSAGE-----", "-----END PGP SIGNATURE-----") &&
        !memmem(bytes, size, "-----END PGP SIGNATURE-----", 27))
        abort();
    return 0;
}
