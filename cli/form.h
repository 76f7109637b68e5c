/* cli/form.h - the form of "report new": "Name: value" lines, an empty line, then free text; into a native JSON report. */
#ifndef CIRT_CLI_FORM_H
#define CIRT_CLI_FORM_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

extern const char form_template[];
extern const char form_help[]; /* N_() */

/* Whether nothing was written into it. */
bool form_is_empty(const char *text);
/* The native report as JSON text, the caller's; NULL with err set. is_plain: the whole text is the description. */
char *form_to_report(const char *text, bool is_plain, struct err *err) MUST_CHECK;

#endif
