/*
 * cli/report_mail.h - a mail as it may be believed: first what its signature and encryption are worth, in words that no sender can write,
 * then what it says, part by part, each under what covers it. All that came from outside is set in; our own words stand at the margin.
 */
#ifndef CIRT_CLI_REPORT_MAIL_H
#define CIRT_CLI_REPORT_MAIL_H

#include <jansson.h>

#include "cli/screen.h"

/* One summary of the whole message (RFC 9787): only "verified" is shown as signed. Nothing of a report that is no mail. */
void report_mail_verdict(struct screen *screen, const json_t *report);
/* Header, what our own mail server says of it, signatures found, attachments, text; report.mail must be there. */
void report_mail_content(struct screen *screen, const json_t *report);

/* "5c1e…a07b" */
void report_mail_short(struct screen *screen, const char *hex);

#endif
