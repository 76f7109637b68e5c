/* cli/contact_cmd.h - contacts as people read them, and waivers of contacts and peers; the rest of a contact is a record (record_cmd.h). */
#ifndef CIRT_CLI_CONTACT_CMD_H
#define CIRT_CLI_CONTACT_CMD_H

struct session;

int contact_cmd_ls(struct session *session);
int contact_cmd_show(struct session *session);
int contact_cmd_waiver(struct session *session);
int contact_cmd_peer_waiver(struct session *session);

#endif
