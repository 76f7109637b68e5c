/*
 * base/mem.h - heap and arena memory. Exhaustion aborts: every input is bounded before it is read, every unit of
 * work is a transaction, so a restart is the cure and no caller carries an allocation-failure branch.
 */
#ifndef CIRT_BASE_MEM_H
#define CIRT_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

void *mem_calloc(size_t count, size_t size);
void *mem_realloc(void *block, size_t count, size_t size);
char *mem_strdup(const char *text);
char *mem_printf(const char *format, ...) PRINTF_LIKE(1, 2);

/* Makes room for one more element in a growing array: *items has *capacity slots of `size` bytes, `used` are taken. */
void *mem_grow(void *items, size_t *capacity, size_t used, size_t size);
/* What was freed goes back to the system: for after something large that was many small blocks, else the next large one comes on top. */
void mem_give_back(void);

/* An arena: many small blocks that die together. What it returns is zeroed, aligned, and the arena's. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *arena);  /* NULL is fine */
void arena_reset(struct arena *arena); /* keeps one block for reuse; everything handed out is dead */
void *arena_calloc(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);                /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *bytes, size_t size); /* always NUL-terminated */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* As mem_grow() inside an arena: the old array stays until the arena dies. */
void *arena_grow(struct arena *arena, void *items, size_t *capacity, size_t used, size_t size);

#endif
