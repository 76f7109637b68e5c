/*
 * cli/table.h - fitted columns: each as wide as its widest cell; on a narrow terminal the flexible ones are cut with an ellipsis first, the
 * widest of them before the others, then columns leave by their rank, and those that have room beside what is left come back. Piped
 * (screen->columns 0): nothing is cut and nothing leaves, and one very long value does not push what stands behind it to the right in all
 * rows.
 */
#ifndef CIRT_CLI_TABLE_H
#define CIRT_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/screen.h"

struct table_column {
    const char *title; /* N_() */
    unsigned rank;     /* 0 stays; of the others, to 9, the highest leaves first */
    bool is_right;     /* numbers */
    bool is_flexible;  /* may be cut */
};

struct table;
/* columns are borrowed. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table); /* NULL is fine */
/* The next cell, row by row; text is copied and must be clean already (screen_clean). */
void table_add(struct table *table, enum style style, const char *text);
/* As table_add(), taking the memory of text. */
void table_take(struct table *table, enum style style, char *text);
void table_print(const struct table *table, struct screen *screen);
/* Without titles, from the column `margin` on; `name` stands in the margin of the first line. Columns without any text leave. */
void table_print_block(const struct table *table, struct screen *screen, const char *name, unsigned margin);

#endif
