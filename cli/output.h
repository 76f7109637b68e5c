/* cli/output.h - where a document goes: a file that is there whole or not at all, or standard output. */
#ifndef CIRT_CLI_OUTPUT_H
#define CIRT_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct output {
    FILE *file;
    const char *path; /* NULL: standard output */
    char *unfinished; /* where it is written until it is whole */
    FILE *behind;     /* or NULL: a file without a name */
    bool is_terminal; /* what a terminal would act on is made harmless */
    bool has_written;
};

/* path NULL or "-": standard output. ERR_INPUT where it cannot be written. */
bool output_open(struct output *output, const char *path, struct err *err) MUST_CHECK;
/* Writes what is in the buffer and empties it. */
bool output_write(struct output *output, struct buf *bytes, struct err *err) MUST_CHECK;
/* The same, to stand behind all that output_write() brings until output_finish(). */
bool output_write_behind(struct output *output, struct buf *bytes, struct err *err) MUST_CHECK;
/* What stands behind is written, and the file takes its name. */
bool output_finish(struct output *output, struct err *err) MUST_CHECK;
/* After output_finish(), or to give up: an unfinished file goes. */
void output_close(struct output *output);

#endif
