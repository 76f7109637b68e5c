/*
 * codec/mail_template.h - mail from plain files: text -> subject and text. No files are read here.
 *
 *   # a comment, before the subject only
 *   Subject: Your report has been received
 *
 *   Thank you. {{team}} has registered it as case {{case}}.
 *   {{?due}}Please answer by {{due}}.
 *
 * {{name}} stands for a value. {{?name}} at the start of a line: the line stands only where that value is there and not empty; a blank line
 * behind lines that fell away falls with them. A value is data: it is never looked through for variables, control characters and bidi
 * overrides in it become U+FFFD, and in a language that is written from right to left it is wrapped line by line in U+2068 and U+2069 (FSI,
 * PDI), so that ids and addresses keep their order (Unicode UAX #9 section 2.4.2).
 *
 * The names are fixed (mail_template_names), so that a mistyped one is told from one that has no value; both are ERR_INPUT with err->at
 * "fr/notice.txt line 7".
 */
#ifndef CIRT_CODEC_MAIL_TEMPLATE_H
#define CIRT_CODEC_MAIL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum { MAIL_TEMPLATE_FOLDERS_MAX = 5, MAIL_TEMPLATE_FOLDER_SIZE = 36 };

/* Every variable there is, ended by NULL. To add one: here, in docs/OPERATIONS.md, and in who gives the values. */
extern const char *const mail_template_names[];

struct mail_template_value {
    const char *name;
    const char *value; /* UTF-8, LF; NULL: none */
};

/* file: what an error calls the template. subject gets one line without its LF; text what stands behind the blank line. */
bool mail_template_render(const char *file, const char *template_text, const char *language, const struct mail_template_value *values,
                          size_t value_count, struct buf *subject, struct buf *text, struct err *err) MUST_CHECK;

/* The folders to look into, in order: the contact's language, its base ("fr-CA": fr-ca, fr), the site's and its base, en; each once, lower
 * case. What is no language tag is passed over. Returns how many. */
size_t mail_template_folders(const char *contact_language, const char *site_language,
                             char folders[MAIL_TEMPLATE_FOLDERS_MAX][MAIL_TEMPLATE_FOLDER_SIZE]);

/* Whether the language is written from right to left, by its base or by its script ("ar", "az-Arab"). */
bool mail_template_is_right_to_left(const char *language);

#endif
