/* cli/key_cmd.h - keys for mail: others' and our own. What a key says of its owner is shown as a claim. */
#ifndef CIRT_CLI_KEY_CMD_H
#define CIRT_CLI_KEY_CMD_H

struct session;

int key_cmd_ls(struct session *session);
int key_cmd_expiring(struct session *session);
int key_cmd_show(struct session *session);
int key_cmd_import(struct session *session);
int key_cmd_refresh(struct session *session);
int key_cmd_pin(struct session *session);
int key_cmd_distrust(struct session *session);
int key_cmd_export(struct session *session);

#endif
