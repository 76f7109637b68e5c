/* cli/help_cmd.h - help, the man page, completion and version: all out of the table of commands. */
#ifndef CIRT_CLI_HELP_CMD_H
#define CIRT_CLI_HELP_CMD_H

struct command;
struct session;

int help_cmd_help(struct session *session);
int help_cmd_version(struct session *session);
int help_cmd_completion(struct session *session);
int help_cmd_complete(struct session *session);

/* What `cirt help COMMAND` prints. */
void help_cmd_print(struct session *session, const struct command *command);

#endif
