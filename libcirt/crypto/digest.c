#include "crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/err.h"

void digest_sha256(const void *bytes, size_t size, unsigned char digest[DIGEST_SHA256_SIZE])
{
    if (!SHA256(bytes, size, digest))
        BUG("SHA256");
}

struct digest *digest_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        BUG("EVP_DigestInit_ex");
    return (struct digest *)context;
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    if (EVP_DigestUpdate((EVP_MD_CTX *)digest, bytes, size) != 1)
        BUG("EVP_DigestUpdate");
}

void digest_finish(struct digest *digest, unsigned char out[DIGEST_SHA256_SIZE])
{
    if (EVP_DigestFinal_ex((EVP_MD_CTX *)digest, out, NULL) != 1)
        BUG("EVP_DigestFinal_ex");
}

void digest_free(struct digest *digest)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)digest);
}
