/* crypto/digest.h - SHA-256 (FIPS 180-4), whole or in parts. */
#ifndef CIRT_CRYPTO_DIGEST_H
#define CIRT_CRYPTO_DIGEST_H

#include <stddef.h>

enum { DIGEST_SHA256_SIZE = 32 };

void digest_sha256(const void *bytes, size_t size, unsigned char digest[DIGEST_SHA256_SIZE]);

struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *digest, const void *bytes, size_t size);
void digest_finish(struct digest *digest, unsigned char out[DIGEST_SHA256_SIZE]); /* once */
void digest_free(struct digest *digest);                                          /* NULL is fine */

#endif
