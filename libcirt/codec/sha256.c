#include "codec/sha256.h"

#include <gmime/gmime.h>
#include <string.h>

void sha256_hex(const void *bytes, size_t size, char out[SHA256_HEX_SIZE])
{
    char *text = g_compute_checksum_for_data(G_CHECKSUM_SHA256, size ? bytes : (const void *)"", size);
    memcpy(out, text, SHA256_HEX_SIZE);
    g_free(text);
}
