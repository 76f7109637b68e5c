/* cli/share_cmd.h - what leaves the house, and what comes in from peers. */
#ifndef CIRT_CLI_SHARE_CMD_H
#define CIRT_CLI_SHARE_CMD_H

struct session;

int share_cmd_share(struct session *session);
int share_cmd_shares(struct session *session);
int share_cmd_incoming_ls(struct session *session);
int share_cmd_incoming_show(struct session *session);
int share_cmd_incoming_accept(struct session *session);
int share_cmd_incoming_decline(struct session *session);

#endif
