/* model/observable_refang.h - defanging undone: hxxp, [.], (dot), [at], full-width letters and what else people write so that nobody
 * clicks. */
#ifndef CIRT_MODEL_OBSERVABLE_REFANG_H
#define CIRT_MODEL_OBSERVABLE_REFANG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/* A word without blanks, in the arena; never longer than it was. *was_defanged (may be NULL): whether there was anything to undo. */
char *observable_refang(struct arena *arena, const char *word, size_t size, bool *was_defanged);

/* The size of the mark at text that stands for a single ".", "@" or ":" ("[.]", "(dot)", "[at]", ...), 0 where none does. */
size_t observable_refang_mark(const char *text, size_t size);

#endif
