/* cli/file.h - small text files, whole. */
#ifndef CIRT_CLI_FILE_H
#define CIRT_CLI_FILE_H

#include "base/attr.h"
#include "base/err.h"

enum { FILE_TEXT_MAX = 4 * 1024 * 1024 };

/* The text of path ("-": standard input), the caller's; NULL with err set where it cannot be read, is too long or holds NUL. */
char *file_text(const char *path, struct err *err) MUST_CHECK;

#endif
