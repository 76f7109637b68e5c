/* cli/alias_cmd.h - the words of senders for classes: those of the operator, and those that nobody knows yet. */
#ifndef CIRT_CLI_ALIAS_CMD_H
#define CIRT_CLI_ALIAS_CMD_H

struct session;

int alias_cmd_ls(struct session *session);

#endif
