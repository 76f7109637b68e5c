/* cli/commands.h - the table of commands. */
#ifndef CIRT_CLI_COMMANDS_H
#define CIRT_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command commands_table[];
extern const size_t commands_count;

/* Options that every command takes. */
extern const struct option_rule commands_common_options[];

/* The command whose words are the first of `words` (the longest match); *used is how many. NULL where there is none. */
const struct command *commands_find(const char *const *words, size_t count, size_t *used);
/* The nearest command's words for a wrong one; NULL where nothing is near. */
const char *commands_nearest(const char *words);

#endif
