/* cli/journal_cmd.h - the history of a case, its export, the check of the chain, and what changes now. */
#ifndef CIRT_CLI_JOURNAL_CMD_H
#define CIRT_CLI_JOURNAL_CMD_H

struct session;

int journal_cmd_journal(struct session *session);
int journal_cmd_verify(struct session *session);
int journal_cmd_watch(struct session *session);

#endif
