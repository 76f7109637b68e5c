/* cli/cell.h - one cell of a table from one member of an answer. */
#ifndef CIRT_CLI_CELL_H
#define CIRT_CLI_CELL_H

#include <jansson.h>

#include "cli/screen.h"
#include "cli/table.h"

void cell_text(struct table *table, const struct screen *screen, const char *text);     /* harmless; NULL: "-" */
void cell_outside(struct table *table, const struct screen *screen, const char *text);  /* defanged */
void cell_plain(struct table *table, const struct screen *screen, const json_t *value); /* whatever it is, harmless */
void cell_number(struct table *table, const struct screen *screen, const json_t *item, const char *name);
void cell_when(struct table *table, const struct screen *screen, const json_t *item, const char *name);
/* The last day of what ends at a moment: of what ends with a day, that moment is the next one's beginning. */
void cell_last_day(struct table *table, const struct screen *screen, const json_t *item, const char *name);
/* Red once overdue, yellow within the hour. */
void cell_due(struct table *table, const struct screen *screen, const json_t *item, const char *name);
void cell_tlp(struct table *table, const struct screen *screen, const json_t *item, const char *name);
void cell_priority(struct table *table, const struct screen *screen, const json_t *item, const char *name);

/* An observable's value: addresses as they are, "AS64500", what can be clicked defanged. The caller's. */
char *cell_observable(const struct screen *screen, const char *type, const char *value);

#endif
