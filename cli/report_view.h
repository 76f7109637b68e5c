/* cli/report_view.h - reports as text: the list, and all about one. */
#ifndef CIRT_CLI_REPORT_VIEW_H
#define CIRT_CLI_REPORT_VIEW_H

#include "cli/list.h"

enum { REPORT_VIEW_OBSERVATIONS = 10 }; /* how many are shown where nobody said how many */

extern const struct list_view report_view_list;
/* With the reason, for what waits, was dropped or could not be read: where all items are so (and there are some). */
extern const struct list_view report_view_held;
bool report_view_are_held(const json_t *answer);
/* What held or dropped it, why, and what to do. False: nothing did, and nothing is written. */
bool report_view_reason(struct screen *screen, const json_t *answer);
/* "case XX-CERT-2026-000042", "5 cases: ...": which it is in; the caller's, or NULL. */
char *report_view_cases(const json_t *answer);
/* A printer_render of one report; context: int64_t, how many observations, or NULL. */
void report_view_render(struct screen *screen, const json_t *answer, const void *context);

#endif
