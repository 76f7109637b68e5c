/* cli/list.h - lists of the API: fetched page by page, printed as a table, or only the --fields asked for. */
#ifndef CIRT_CLI_LIST_H
#define CIRT_CLI_LIST_H

#include <jansson.h>

#include "cli/cell.h"
#include "cli/session.h"

enum { LIST_LIMIT_DEFAULT = 50, LIST_PAGE_MAX = 500 };

struct list_view {
    const struct table_column *columns;
    size_t column_count;
    void (*row)(struct table *table, const struct screen *screen, const json_t *item);
    const char *empty; /* N_(): what is said where there is nothing; NULL: the footer says it */
    void (*footer)(struct screen *screen, const json_t *answer, const void *context); /* or NULL */
};

/* --limit, or LIST_LIMIT_DEFAULT. False: told. */
bool list_limit(struct session *session, int64_t *limit) MUST_CHECK;
/* path (taken) with the --limit of the command line, as many pages as that needs; one answer. NULL: told. */
json_t *list_get(struct session *session, char *path) MUST_CHECK;
/* All pages of path (taken), whatever the command line says. NULL: told. */
json_t *list_get_all(struct session *session, char *path) MUST_CHECK;
/* Takes answer (NULL: only the exit code). */
int list_print(struct session *session, json_t *answer, const struct list_view *view, const void *context);
/* The same with a table of the caller's own where no --fields are asked for. */
int list_print_as(struct session *session, json_t *answer, printer_render table, const void *context);
/* A list inside an answer, or any array, as a table without footer. */
void list_table(struct screen *screen, const json_t *items, const struct list_view *view);

#endif
