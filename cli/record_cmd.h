/*
 * cli/record_cmd.h - peers, agreements, constituents, rules, analysts, contacts and feeds: kept the same way, told apart by a table
 * (record_kind.h).
 */
#ifndef CIRT_CLI_RECORD_CMD_H
#define CIRT_CLI_RECORD_CMD_H

struct session;

int record_cmd_ls(struct session *session);
int record_cmd_show(struct session *session);
int record_cmd_add(struct session *session);
int record_cmd_set(struct session *session);
int record_cmd_rm(struct session *session);

/* "/v1/rules/triage": where the one that the operand names is. The caller's. */
char *record_cmd_path(const struct session *session);

#endif
