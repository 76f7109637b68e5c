/*
 * cirtd/stages/decode_batch.h - what decode found out about the reports of one transaction, collected to be written at once. What is added
 * is copied.
 */
#ifndef CIRT_CIRTD_STAGES_DECODE_BATCH_H
#define CIRT_CIRTD_STAGES_DECODE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "store/db.h"
#include "store/report_store.h"
#include "store/verdict_store.h"

struct decode_batch;
struct decode_batch *decode_batch_new(void);
void decode_batch_free(struct decode_batch *batch); /* NULL is fine */
void decode_batch_reset(struct decode_batch *batch);

/* Content: to be added to, one report each. */
struct report_batch *decode_batch_content(struct decode_batch *batch);
/* facts: JSON as sql/functions' inbox_facts() takes it. */
void decode_batch_add_facts(struct decode_batch *batch, int64_t report_id, const char *facts);
void decode_batch_add_verdict(struct decode_batch *batch, const struct verdict *verdict);

/* Signatures to be checked by verify: the mail, then its signed parts. message: JSON (verify_inside.h). */
void decode_batch_add_message(struct decode_batch *batch, int64_t report_id, const char *message);
struct decode_part {
    int32_t step;
    const char *path, *protocol;
    const void *bytes, *signature;
    size_t size, signature_size;
};
void decode_batch_add_part(struct decode_batch *batch, const struct decode_part *part); /* of the message added last */

/* All of it, in an order in which each finds what it rests on. */
bool decode_batch_store(struct decode_batch *batch, struct db *db, struct err *err) MUST_CHECK;

#endif
