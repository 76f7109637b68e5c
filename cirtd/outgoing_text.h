/* cirtd/outgoing_text.h - the text of a mail from the site's templates: FOLDER/LANGUAGE/OCCASION.txt (codec/mail_template.h). */
#ifndef CIRT_CIRTD_OUTGOING_TEXT_H
#define CIRT_CIRTD_OUTGOING_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/mail_template.h"
#include "store/db.h"

enum { OUTGOING_VALUES_MAX = 32, OUTGOING_TEXT_BYTES_MAX = 1024 * 1024 };

/* What a template may say, with room for a few more of the caller's own. */
struct outgoing_values {
    struct mail_template_value *items; /* OUTGOING_VALUES_MAX of them, in the arena */
    size_t count;
};

/* Reads mail_variables() of the mail by the role's own statement; observables come defanged. */
bool outgoing_text_values(struct db *db, struct db_params *params, enum sql_statement statement, int64_t mail, struct arena *arena,
                          struct outgoing_values *values, struct err *err) MUST_CHECK;
void outgoing_text_add(struct outgoing_values *values, const char *name, const char *value);

/* Renders the template of the occasion in the language, or in the next best. ERR_NOT_FOUND where there is none in any; ERR_INPUT where it
 * is wrong, with its place. subject and text in the arena. */
bool outgoing_text_render(const char *folder, const char *occasion, const char *language, const struct outgoing_values *values,
                          struct arena *arena, const char **subject, const char **text, struct err *err) MUST_CHECK;

#endif
