/* cirtd/intake/body.h - the bytes of a request as a stream: from memory or a descriptor, unpacked where they came as gzip. */
#ifndef CIRT_CIRTD_INTAKE_BODY_H
#define CIRT_CIRTD_INTAKE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/message.h"

enum { BODY_PIECE = 64 * 1024 };

struct body;
/* Borrows the request. ERR_INPUT (415 to the client) for an unknown Content-Encoding. size_max: of the unpacked bytes; beyond: ERR_LIMIT.
 */
bool body_open(const struct message_request *request, uint64_t size_max, struct body **out, struct err *err) MUST_CHECK;
void body_close(struct body *body); /* NULL is fine */

/* The next piece: *bytes is the body's until the next call; *size 0 at the end. ERR_INPUT for broken gzip. */
bool body_next(struct body *body, const char **bytes, size_t *size, struct err *err) MUST_CHECK;
/* From the start again. */
bool body_rewind(struct body *body, struct err *err) MUST_CHECK;

/* All of it into out (emptied first). */
bool body_whole(struct body *body, struct buf *out, struct err *err) MUST_CHECK;

#endif
