/* cli/indicator_cmd.h - marking and withdrawing indicators, and lists that leave. */
#ifndef CIRT_CLI_INDICATOR_CMD_H
#define CIRT_CLI_INDICATOR_CMD_H

struct session;

int indicator_cmd_add(struct session *session);
int indicator_cmd_rm(struct session *session);
int indicator_cmd_export(struct session *session);
/* cirt show CASE --format F */
int indicator_cmd_show_case(struct session *session);

#endif
