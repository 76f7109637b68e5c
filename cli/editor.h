/* cli/editor.h - text that a person writes in $VISUAL or $EDITOR; from standard input where that is no terminal. */
#ifndef CIRT_CLI_EDITOR_H
#define CIRT_CLI_EDITOR_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Puts what a person wrote and what could not be sent into a file of theirs; its name, the caller's, or NULL. */
char *editor_keep(const char *text);

/* Starts with `start` and, below a scissors line, `help`; what stands above that line comes back, trailing blanks off, the caller's.
 * start may hold outside words (made harmless): what editors would obey as a modeline is disarmed while it is edited. */
bool editor_text(const char *start, const char *help, char **text, struct err *err) MUST_CHECK;

/* The text with a U+2060 in what vim, Kate or Emacs take for a modeline, and back; the first is the caller's. */
char *editor_disarm(const char *text);
void editor_rearm(char *text);

#endif
