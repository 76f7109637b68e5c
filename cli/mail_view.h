/* cli/mail_view.h - how a person reads mail that leaves: drafts, what would happen to them, and the threads of a case. */
#ifndef CIRT_CLI_MAIL_VIEW_H
#define CIRT_CLI_MAIL_VIEW_H

#include <jansson.h>

#include "cli/list.h"
#include "cli/screen.h"

extern const struct list_view mail_view_list;

/* One mail: who, how, when, attachments, text. */
void mail_view_show(struct screen *screen, const json_t *mail, const void *context);
/* Its text, as it leaves. */
void mail_view_text(struct screen *screen, const json_t *mail);
/* What sending would do: every recipient by name and how it gets there, who would get it in clear, warnings. context: the mail. */
void mail_view_preview(struct screen *screen, const json_t *preview, const void *context);
/* The threads of a case and what was said in them. context: the case as it was named. */
void mail_view_threads(struct screen *screen, const json_t *answer, const void *context);
/* What "tell" did, or (context not NULL) would do, for each reporter. */
void mail_view_told(struct screen *screen, const json_t *answer, const void *context);

/* "Alice Example <alice@yy.example>", harmless; the caller's. */
char *mail_view_person(const struct screen *screen, const json_t *person);

#endif
