/*
 * bench_cms CA NAME...: verifies NAME.p7s over NAME.part with CMS_verify(), each parsed anew, and prints the seconds that took. What
 * tests/bench/mail compares the way from LMTP to the verdict with: files are read before the clock starts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

static BIO *load(const char *name, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", name, suffix);
    BIO *file = BIO_new_file(path, "rb"), *memory = BIO_new(BIO_s_mem());
    char block[4096];
    int got;
    if (!file) {
        fprintf(stderr, "bench_cms: %s cannot be read\n", path);
        exit(1);
    }
    while ((got = BIO_read(file, block, sizeof block)) > 0)
        BIO_write(memory, block, got);
    BIO_free(file);
    return memory;
}

int main(int argc, char **argv)
{
    struct timespec from, to;
    X509_STORE *store = X509_STORE_new();
    BIO **parts = calloc((size_t)argc, sizeof *parts), **proofs = calloc((size_t)argc, sizeof *proofs);
    if (argc < 3 || !X509_STORE_load_file(store, argv[1]) || !parts || !proofs) {
        fprintf(stderr, "usage: bench_cms CA NAME...\n");
        return 2;
    }
    X509_STORE_set_purpose(store, X509_PURPOSE_SMIME_SIGN);
    for (int i = 2; i < argc; i++) {
        parts[i] = load(argv[i], ".part");
        proofs[i] = load(argv[i], ".p7s");
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 2; i < argc; i++) {
        CMS_ContentInfo *cms = d2i_CMS_bio(proofs[i], NULL);
        if (!cms || CMS_verify(cms, NULL, store, parts[i], NULL, CMS_BINARY) != 1) {
            fprintf(stderr, "bench_cms: %s is not verified\n", argv[i]);
            return 1;
        }
        CMS_ContentInfo_free(cms);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.6f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    return 0;
}
