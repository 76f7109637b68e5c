/* cli/verify_cmd.h - a mail's protection judged anew. */
#ifndef CIRT_CLI_VERIFY_CMD_H
#define CIRT_CLI_VERIFY_CMD_H

struct session;

/* EXIT_DONE where it is verified now, EXIT_REFUSED where it is not. */
int verify_cmd_report(struct session *session);

#endif
