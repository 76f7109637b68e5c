/* cli/case_cmd.h - commands on cases. Each returns the exit code. */
#ifndef CIRT_CLI_CASE_CMD_H
#define CIRT_CLI_CASE_CMD_H

struct session;

int case_cmd_ls(struct session *session);
int case_cmd_show(struct session *session);
int case_cmd_take(struct session *session);
int case_cmd_assign(struct session *session);
int case_cmd_unassign(struct session *session);
int case_cmd_escalate(struct session *session);
int case_cmd_priority(struct session *session);
int case_cmd_summary(struct session *session);
int case_cmd_classify(struct session *session);
int case_cmd_tlp(struct session *session);
int case_cmd_tag(struct session *session);
int case_cmd_note(struct session *session);
int case_cmd_task(struct session *session);
int case_cmd_state(struct session *session);
int case_cmd_wait(struct session *session);
int case_cmd_close(struct session *session);
int case_cmd_reopen(struct session *session);

#endif
