/* base/buf.h - a growing byte buffer with a maximum given at birth. */
#ifndef CIRT_BASE_BUF_H
#define CIRT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
    char *bytes; /* always NUL-terminated behind `size` once anything was added; NULL before */
    size_t size, capacity, size_max;
    bool full; /* something did not fit; the buffer holds what came before */
};

void buf_init(struct buf *buf, size_t size_max);
void buf_clear(struct buf *buf); /* frees; the buffer may be used again */
void buf_reset(struct buf *buf); /* empties, keeps the memory */

/* These return false, and set buf->full, where the maximum would be passed; nothing is added then. A caller that
 * builds a long text may ignore each result and ask buf->full once at the end. */
bool buf_add(struct buf *buf, const void *bytes, size_t size);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_add_char(struct buf *buf, char c);
bool buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Room for `size` bytes at the end, or NULL beyond the maximum; buf_used() then says how many were written. */
char *buf_reserve(struct buf *buf, size_t size) MUST_CHECK;
void buf_used(struct buf *buf, size_t size);

/* Removes `size` bytes from the front. */
void buf_consume(struct buf *buf, size_t size);

/* The text, never NULL. */
const char *buf_text(const struct buf *buf);

#endif
