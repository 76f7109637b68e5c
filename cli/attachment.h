/* cli/attachment.h - files that go along in a request. */
#ifndef CIRT_CLI_ATTACHMENT_H
#define CIRT_CLI_ATTACHMENT_H

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* Adds {"name","media_type","base64"} of the file to list; its type by its ending. ERR_INPUT: no file that can be read; ERR_LIMIT: larger
 * than 10 MiB. */
bool attachment_read(const char *path, json_t *list, struct err *err) MUST_CHECK;

#endif
