/* cli/mail_form.h - a mail as a person edits it: "To:", "Cc:", "Bcc:", "Subject:", "TLP:" and "Language:" lines, an empty line, the text.
 */
#ifndef CIRT_CLI_MAIL_FORM_H
#define CIRT_CLI_MAIL_FORM_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

extern const char mail_form_help[]; /* N_() */

/* A mail object of the API as such text, outside words made harmless; the caller's. */
char *mail_form_write(const json_t *mail);
/* The members to change, the caller's; NULL with err set (err->at: the line's name). Lines that are not there change nothing. */
json_t *mail_form_read(const char *text, struct err *err) MUST_CHECK;
/* "a@x" or "Name <a@x>"; a name that could be taken for an address or for several people stands in quotes. */
void mail_form_add_person(struct buf *out, const json_t *person);
/* Adds {"address", "name"} for each of "a@x", "Name <a@x>", parted by commas or semicolons. */
bool mail_form_people(const char *text, json_t *list, struct err *err) MUST_CHECK;

#endif
