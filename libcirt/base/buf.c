#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

void buf_init(struct buf *buf, size_t size_max)
{
    *buf = (struct buf){.size_max = size_max};
}

void buf_clear(struct buf *buf)
{
    free(buf->bytes);
    buf_init(buf, buf->size_max);
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    buf->full = false;
    if (buf->bytes)
        buf->bytes[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t size)
{
    if (size > buf->size_max - buf->size) {
        buf->full = true;
        return NULL;
    }
    size_t needed = buf->size + size + 1;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        buf->bytes = mem_realloc(buf->bytes, capacity, 1);
        buf->capacity = capacity;
    }
    return buf->bytes + buf->size;
}

void buf_used(struct buf *buf, size_t size)
{
    if (size >= buf->capacity - buf->size)
        BUG("buf_used: %zu bytes were never reserved", size);
    buf->size += size;
    buf->bytes[buf->size] = '\0';
}

bool buf_add(struct buf *buf, const void *bytes, size_t size)
{
    bool has_room = size < buf->capacity - buf->size && size <= buf->size_max - buf->size; /* nearly always */
    if (!has_room && !buf_reserve(buf, size))
        return false;
    if (size)
        memcpy(buf->bytes + buf->size, bytes, size);
    buf->size += size;
    buf->bytes[buf->size] = '\0';
    return true;
}

bool buf_add_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_add_char(struct buf *buf, char c)
{
    return buf_add(buf, &c, 1);
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *end = buf_reserve(buf, (size_t)size);
    if (end) {
        vsnprintf(end, (size_t)size + 1, format, again);
        buf_used(buf, (size_t)size);
    }
    va_end(again);
    return end != NULL;
}

void buf_consume(struct buf *buf, size_t size)
{
    if (size > buf->size)
        BUG("buf_consume: %zu of %zu bytes", size, buf->size);
    if (size == 0)
        return;
    memmove(buf->bytes, buf->bytes + size, buf->size - size);
    buf->size -= size;
    buf->bytes[buf->size] = '\0';
}

const char *buf_text(const struct buf *buf)
{
    return buf->bytes ? buf->bytes : "";
}
