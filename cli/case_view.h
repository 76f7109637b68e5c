/* cli/case_view.h - how a person reads cases. */
#ifndef CIRT_CLI_CASE_VIEW_H
#define CIRT_CLI_CASE_VIEW_H

#include <jansson.h>

#include "cli/list.h"
#include "cli/screen.h"

/* The footer's context: NULL for a filter of one's own, anything else for the default selection. */
extern const struct list_view case_view_list;
/* Its tasks, as {"items": [..]}. */
void case_view_tasks(struct screen *screen, const json_t *answer, const void *context);
void case_view_show(struct screen *screen, const json_t *answer, const void *context);

#endif
