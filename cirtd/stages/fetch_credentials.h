/*
 * cirtd/stages/fetch_credentials.h - what a feed's server wants to see of us: a file in a folder that only fetch may read, named in the
 * feed's record. Lines of `name = value`, # begins a comment: user, password      HTTP Basic (RFC 7617) token               Authorization:
 * Bearer (RFC 6750) header              a whole header field, "X-Api-Key: 1234"; may come several times certificate, key    PEM files
 * beside this one: the client certificate
 */
#ifndef CIRT_CIRTD_STAGES_FETCH_CREDENTIALS_H
#define CIRT_CIRTD_STAGES_FETCH_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

enum { FETCH_CREDENTIALS_HEADERS_MAX = 8 };

struct fetch_credentials {
    char *headers[FETCH_CREDENTIALS_HEADERS_MAX + 1]; /* NULL-terminated */
    size_t header_count;
    char *cert_file, *key_file; /* paths, or NULL */
};

/* name NULL: none, which is fine. ERR_INPUT: no such file, others may read it, or a line is wrong; the text never quotes a value. The
 * caller clears, on false too. */
bool fetch_credentials_read(const char *folder, const char *name, struct fetch_credentials *credentials, struct err *err) MUST_CHECK;
void fetch_credentials_clear(struct fetch_credentials *credentials);

#endif
