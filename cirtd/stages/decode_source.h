/* cirtd/stages/decode_source.h - the bytes of a stored report as a stream, chunk by chunk, unpacked where the document is in an archive. */
#ifndef CIRT_CIRTD_STAGES_DECODE_SOURCE_H
#define CIRT_CIRTD_STAGES_DECODE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "cirtd/stages/decode_inside.h"

struct decode_source;
/* Reads the beginning. Borrows the job, and sets its name to the document's. first: the bytes, where the claim brought them; else NULL.
 * ERR_INPUT, ERR_LIMIT: the archive is broken. */
bool decode_source_open(struct decode_job *job, const void *first, size_t first_size, struct decode_source **out,
                        struct err *err) MUST_CHECK;
void decode_source_close(struct decode_source *source); /* NULL is fine */

/* The first bytes of the document, without taking them. */
const char *decode_source_head(const struct decode_source *source, size_t *size);
bool decode_source_is_packed(const struct decode_source *source);

/* The next piece, the source's until the next call; *size 0 at the end. */
bool decode_source_next(struct decode_source *source, const char **bytes, size_t *size, struct err *err) MUST_CHECK;
/* All that is left, added to out; ERR_LIMIT where it does not fit. */
bool decode_source_rest(struct decode_source *source, struct buf *out, struct err *err) MUST_CHECK;

#endif
