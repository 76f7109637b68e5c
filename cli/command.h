/* cli/command.h - one command of the table in commands.c: usage errors, help, completion and the man page come from it. */
#ifndef CIRT_CLI_COMMAND_H
#define CIRT_CLI_COMMAND_H

#include <stddef.h>

#include "cli/options.h"

struct session;
struct record_kind;

enum command_needs {
    COMMAND_NOTHING, /* works without a configuration */
    COMMAND_DESK     /* speaks to the desk (or, with a feed's profile, to the feeds' listener) */
};

enum { COMMAND_EXAMPLES_MAX = 5, COMMAND_MANY = 1000 };

struct command {
    const char *words;                   /* "report show" */
    int (*run)(struct session *session); /* returns the exit code */
    enum command_needs needs;
    const char *operands; /* "CASE [+T|-T...]", as help prints it; "" for none */
    size_t operands_least, operands_most;
    const struct option_rule *options;          /* NULL for none but the common ones */
    const char *summary;                        /* N_(): one line without a full stop */
    const char *examples[COMMAND_EXAMPLES_MAX]; /* at least one */
    const struct record_kind *record;           /* of record commands, else NULL */
    bool is_hidden;                             /* not in help: __complete */
};

#endif
