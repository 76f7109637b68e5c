/* cli/report_cmd.h - commands on reports; submit and "report new" are in submit_cmd.h. */
#ifndef CIRT_CLI_REPORT_CMD_H
#define CIRT_CLI_REPORT_CMD_H

struct session;

int report_cmd_ls(struct session *session);
int report_cmd_show(struct session *session);
int report_cmd_raw(struct session *session);
int report_cmd_replay(struct session *session);
int report_cmd_accept(struct session *session);
int report_cmd_reject(struct session *session);

#endif
