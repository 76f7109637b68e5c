/* cli/file.h - small files, whole. */
#ifndef CIRT_CLI_FILE_H
#define CIRT_CLI_FILE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum { FILE_TEXT_MAX = 4 * 1024 * 1024 };

/* The text of path ("-": standard input), the caller's; NULL with err set where it cannot be read, is too long or holds NUL. */
char *file_text(const char *path, struct err *err) MUST_CHECK;

/* Any bytes into out, which has its maximum. False with err set: ERR_INPUT where it cannot be read, ERR_LIMIT where it is longer. */
bool file_bytes(const char *path, struct buf *out, struct err *err) MUST_CHECK;

#endif
