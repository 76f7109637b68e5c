/*
 * cirtd/stages/fetch_download.h - one document from a server into a file: conditional (ETag, Last-Modified), packed or not, and where it
 * broke off the rest of it the next time (RFC 9110, sections 13 and 14). Redirects are followed on the same host only: credentials go
 * nowhere else.
 */
#ifndef CIRT_CIRTD_STAGES_FETCH_DOWNLOAD_H
#define CIRT_CIRTD_STAGES_FETCH_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "wire/http_client.h"

struct fetch_download_order {
    struct http_client_settings settings; /* CA, certificate */
    const char *url;
    const char *accept;               /* or NULL */
    const char *const *headers;       /* credentials; NULL-terminated */
    const char *etag, *modified;      /* of what we have, or NULL */
    const char *spool;                /* folder of half-fetched documents */
    const char *name;                 /* of the file there; NULL: what breaks off is not kept */
    int64_t size_max;                 /* bytes, packed and unpacked */
    bool (*is_wanted)(void *context); /* or NULL; asked every few seconds: false gives up */
    void *context;
};

enum { FETCH_DOWNLOAD_ETAG_SIZE = 256 };

struct fetch_download {
    int status; /* 200, 304, 4xx, 5xx */
    int fd;     /* of 200: the document, unpacked; else -1. Unlinked already */
    char media_type[80], etag[FETCH_DOWNLOAD_ETAG_SIZE], modified[64];
    char added_last[64]; /* X-TAXII-Date-Added-Last */
    long retry_after_s;  /* -1: not said */
};

/* ERR_AGAIN: it broke off, or was not reached; ERR_LIMIT: too long; ERR_CONFLICT: not wanted any more; ERR_INPUT, ERR_DENIED as
 * http_client.h has them. The caller clears, on false too. */
bool fetch_download(const struct fetch_download_order *order, struct fetch_download *download, struct err *err) MUST_CHECK;
void fetch_download_clear(struct fetch_download *download);

#endif
