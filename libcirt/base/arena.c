#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A small report (a line of NDJSON) fits the first block; each further one is twice as large. */
enum { BLOCK_SIZE_FIRST = 1024, BLOCK_SIZE = 16 * 1024, ALIGN = alignof(max_align_t) };

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* the newest first */
};

struct arena *arena_new(void)
{
    return mem_calloc(1, sizeof(struct arena));
}

static void blocks_free(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    blocks_free(arena->blocks);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    struct block *kept = arena->blocks;
    if (!kept)
        return;
    blocks_free(kept->next);
    kept->next = NULL;
    if (kept->size > BLOCK_SIZE) {
        free(kept);
        arena->blocks = NULL;
        return;
    }
    memset(kept->bytes, 0, kept->used);
    kept->used = 0;
}

static struct block *block_new(struct arena *arena, size_t size)
{
    struct block *block = mem_calloc(1, sizeof *block + size);
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

static size_t block_size(const struct block *newest, size_t wanted)
{
    size_t size = !newest ? BLOCK_SIZE_FIRST : newest->size < BLOCK_SIZE ? newest->size * 2 : BLOCK_SIZE;
    return wanted > size ? wanted : size;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t wanted;
    if (__builtin_mul_overflow(count, size, &wanted) || wanted > SIZE_MAX / 2)
        BUG("arena block of %zu x %zu bytes", count, size);
    wanted = (wanted + ALIGN - 1) / ALIGN * ALIGN;
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < wanted)
        block = block_new(arena, block_size(block, wanted));
    void *start = block->bytes + block->used;
    block->used += wanted;
    return start;
}

char *arena_strndup(struct arena *arena, const char *bytes, size_t size)
{
    char *copy = arena_calloc(arena, size + 1, 1);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_calloc(arena, (size_t)size + 1, 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

void *arena_grow(struct arena *arena, void *items, size_t *capacity, size_t used, size_t size)
{
    if (used < *capacity)
        return items;
    *capacity = *capacity < 2 ? 2 : *capacity * 2; /* most of what grows here, by the hundred thousand, holds one or two */
    void *grown = arena_calloc(arena, *capacity, size);
    if (used)
        memcpy(grown, items, used * size);
    return grown;
}
