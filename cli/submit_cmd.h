/* cli/submit_cmd.h - reports on their way in: a file, standard input, or a form filled in by an analyst. */
#ifndef CIRT_CLI_SUBMIT_CMD_H
#define CIRT_CLI_SUBMIT_CMD_H

struct session;

int submit_cmd_submit(struct session *session);
int submit_cmd_report_new(struct session *session);

#endif
