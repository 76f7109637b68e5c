#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void *mem_calloc(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block)
        BUG("out of memory: %zu x %zu bytes", count, size);
    return block;
}

void *mem_realloc(void *block, size_t count, size_t size)
{
    void *moved = reallocarray(block, count ? count : 1, size ? size : 1);
    if (!moved)
        BUG("out of memory: %zu x %zu bytes", count, size);
    return moved;
}

void mem_give_back(void)
{
    malloc_trim(0);
}

char *mem_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(mem_calloc(1, size), text, size);
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        BUG("out of memory in mem_printf");
    va_end(args);
    return text;
}

static size_t grown_capacity(size_t capacity)
{
    return capacity < 8 ? 8 : capacity * 2;
}

void *mem_grow(void *items, size_t *capacity, size_t used, size_t size)
{
    if (used < *capacity)
        return items;
    *capacity = grown_capacity(*capacity);
    return mem_realloc(items, *capacity, size);
}
