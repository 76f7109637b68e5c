/* cli/find_cmd.h - all about one value, and the list of indicators. */
#ifndef CIRT_CLI_FIND_CMD_H
#define CIRT_CLI_FIND_CMD_H

struct session;

int find_cmd_find(struct session *session);
int find_cmd_indicators(struct session *session);

#endif
