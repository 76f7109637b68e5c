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
    int64_t signed_at;                /* microseconds, or TIMESTAMP_NONE */
    const char *parts;                /* JSON array */
    const char *protocol, *algorithm; /* of the signature that speaks for the whole */
    struct db_array needed;           /* texts: ids of the keys that could open what is closed */
    struct db_array unknown;          /* texts: fingerprints or ids of the keys that signed and nobody vouches for */
    struct db_array payloads;         /* bytes: digests of what was signed well, to find replays by */
    struct db_array to;               /* texts: whom it is addressed to inside of what is signed */
};

/* Empties the arrays; clear them in the end. */
void verdict_init(struct verdict *verdict);
void verdict_clear(struct verdict *verdict);

/* statement is `verdict` of the caller's role. */
bool verdict_store(struct db *db, enum sql_statement statement, struct db_params *params, struct verdict *verdict,
                   struct err *err) MUST_CHECK;

#endif
