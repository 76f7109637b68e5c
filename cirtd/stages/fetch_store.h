/* cirtd/stages/fetch_store.h - a document in a file becomes a report in the inbox: digest first, then its bytes in chunks, unread. */
#ifndef CIRT_CIRTD_STAGES_FETCH_STORE_H
#define CIRT_CIRTD_STAGES_FETCH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "store/db.h"

struct fetch_document {
    int64_t feed;
    int32_t attempts;              /* of the claim; 0: of a drop folder */
    const char *name, *media_type; /* or NULL */
    int fd;                        /* read from its start, whatever its position */
    int64_t size;
    unsigned char sha256[DIGEST_SHA256_SIZE];
};

/* Size and digest of what fd holds. ERR_LIMIT beyond size_max, ERR_INPUT where it is empty, ERR_INTERNAL where it cannot be read. */
bool fetch_store_digest(struct fetch_document *document, int64_t size_max, struct err *err) MUST_CHECK;

enum fetch_verdict { FETCH_STORED, FETCH_DUPLICATE, FETCH_REST, FETCH_OFF };
struct fetch_result {
    enum fetch_verdict verdict;
    int64_t report_id; /* STORED, DUPLICATE */
    int rest_s;        /* REST: the quota of the hour is used up */
};
/* In the caller's transaction. ERR_CONFLICT: the file changed since its digest was taken. */
bool fetch_store(struct db *db, struct db_params *params, const struct fetch_document *document, struct fetch_result *result,
                 struct err *err) MUST_CHECK;

#endif
