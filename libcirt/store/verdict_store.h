/* store/verdict_store.h - the verdict on a mail's protection into the database; then the report goes on to triage. */
#ifndef CIRT_STORE_VERDICT_STORE_H
#define CIRT_STORE_VERDICT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "store/db.h"

/* The names are those of rules/signature.h; NULL where there is nothing to say. */
struct verdict {
    int64_t report_id;
    const char *summary, *encryption, *covers, *signer, *fingerprint, *key_now;
    int64_t signed_at; /* microseconds, or TIMESTAMP_NONE */
    const char *parts; /* JSON array */
    const char *route; /* "triage", "hold" */
};

/* statement is `verdict` of the caller's role. */
bool verdict_store(struct db *db, enum sql_statement statement, struct db_params *params, const struct verdict *verdict,
                   struct err *err) MUST_CHECK;

#endif
