/* tests/support/file.h - whole files, for tests that read the corpus in place. */
#ifndef CIRT_TESTS_SUPPORT_FILE_H
#define CIRT_TESTS_SUPPORT_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

/* Its bytes, the caller's, with a NUL behind them that size does not count; NULL where it cannot be read. */
static inline char *file_read(const char *path, size_t *size)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    *size = 0;
    if (!file)
        return NULL;
    char *bytes = fstat(fileno(file), &about) == 0 ? mem_calloc((size_t)about.st_size + 1, 1) : NULL;
    if (bytes)
        *size = fread(bytes, 1, (size_t)about.st_size, file);
    fclose(file);
    return bytes;
}

/* As that with nothing behind its bytes: a sanitizer sees who reads on. */
static inline char *file_read_exact(const char *path, size_t *size)
{
    char *whole = file_read(path, size), *exact = whole ? mem_calloc(*size, 1) : NULL;
    if (exact && *size)
        memcpy(exact, whole, *size);
    free(whole);
    return exact;
}

#endif
