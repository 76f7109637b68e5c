/* cli/field.h - members of an answer; absent, null and another type are all "not there". Borrowed from the object. */
#ifndef CIRT_CLI_FIELD_H
#define CIRT_CLI_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *field_text(const json_t *object, const char *name); /* NULL where not there */
const char *field_or(const json_t *object, const char *name, const char *otherwise);
int64_t field_number(const json_t *object, const char *name, int64_t otherwise);
bool field_is(const json_t *object, const char *name);            /* true only where it is true */
int64_t field_time(const json_t *object, const char *name);       /* TIMESTAMP_NONE where not there */
const json_t *field_list(const json_t *object, const char *name); /* an array; NULL (which jansson takes as empty) where not there */
const json_t *field_object(const json_t *object, const char *name);
/* A text, number or list of these as one text of the caller's ("a, b"); NULL where not there. */
char *field_plain(const json_t *value);

#endif
