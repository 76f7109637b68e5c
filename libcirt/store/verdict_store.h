/* store/verdict_store.h - verdicts on mails' protection into the database, many at a time; then the reports go on to triage. */
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
    struct db_list needed;            /* texts: ids of the keys that could open what is closed */
    struct db_list unknown;           /* texts: fingerprints or ids of the keys that signed and nobody vouches for */
    struct db_list payloads;          /* bytes: digests of what was signed well, to find replays by */
    struct db_list to;                /* texts: whom it is addressed to inside of what is signed */
};

/* Empties the lists; clear them in the end. */
void verdict_init(struct verdict *verdict);
void verdict_clear(struct verdict *verdict);

struct verdict_batch;
struct verdict_batch *verdict_batch_new(void);
void verdict_batch_free(struct verdict_batch *batch); /* NULL is fine */
void verdict_batch_reset(struct verdict_batch *batch);
/* Copies all of it. One verdict a report and batch. */
void verdict_batch_add(struct verdict_batch *batch, const struct verdict *verdict);
/* statement is `verdicts` of the caller's role; not run for an empty batch. The batch stays as it is. */
bool verdict_batch_store(struct db *db, enum sql_statement statement, struct verdict_batch *batch, struct err *err) MUST_CHECK;

#endif
