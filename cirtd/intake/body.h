/*
 * cirtd/intake/body.h - the bytes of a request as a stream, from memory or a descriptor. Content-Encoding is undone: what is below is what
 * was sent, and kept. A document that is a zip or gzip itself is unpacked for those who read it (codec/unpack.h).
 */
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

/* The next piece of the document: *bytes is the body's until the next call; *size 0 at the end. ERR_INPUT for a broken gzip or archive. */
bool body_next(struct body *body, const char **bytes, size_t *size, struct err *err) MUST_CHECK;
/* From the start again. */
void body_rewind(struct body *body);
/* From the start again, as if there were no Content-Encoding: what cannot be unpacked is kept as it is. */
void body_rewind_coded(struct body *body);
/* Whether that is why: the Content-Encoding is damaged. */
bool body_is_damaged(const struct err *err);

/* The same of what was sent; not mixed with body_next() but after a rewind. */
bool body_next_sent(struct body *body, const char **bytes, size_t *size, struct err *err) MUST_CHECK;
/* From now on tap sees what was sent, as body_next() comes by it; at the end of the document it has seen all. */
typedef bool (*body_tap)(void *context, const char *bytes, size_t size, struct err *err);
void body_set_tap(struct body *body, body_tap tap, void *context);

/* After the first body_next(): whether the document is inside an archive, and its name in there (else the name it was given), into out. */
bool body_is_packed(const struct body *body);
void body_document_name(const struct body *body, const char *name, char *out, size_t out_size);

/* All of the document, or of what was sent, into out (emptied first). */
bool body_whole(struct body *body, struct buf *out, struct err *err) MUST_CHECK;
bool body_whole_sent(struct body *body, struct buf *out, struct err *err) MUST_CHECK;

#endif
