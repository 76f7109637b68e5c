/* codec/sha256.h - SHA-256 for naming content (FIPS 180-4). The layer has no OpenSSL; GLib, which GMime brings, has this one. */
#ifndef CIRT_CODEC_SHA256_H
#define CIRT_CODEC_SHA256_H

#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 };

/* Lower-case hexadecimal with a NUL. */
void sha256_hex(const void *bytes, size_t size, char out[SHA256_HEX_SIZE]);

#endif
