/* cli/mail_cmd.h - reply, mail, notify, mails, draft, recall; and what close tells reporters. */
#ifndef CIRT_CLI_MAIL_CMD_H
#define CIRT_CLI_MAIL_CMD_H

#include <stdbool.h>

struct session;

int mail_cmd_reply(struct session *session);
int mail_cmd_mail(struct session *session);
int mail_cmd_notify(struct session *session);
int mail_cmd_mails(struct session *session);
int mail_cmd_recall(struct session *session);
int mail_cmd_draft_ls(struct session *session);
int mail_cmd_draft_show(struct session *session);
int mail_cmd_draft_edit(struct session *session);
int mail_cmd_draft_send(struct session *session);
int mail_cmd_draft_rm(struct session *session);

/* "close --tell-reporters": shows who would be told what and asks (false: told or "no"); then, once it is closed, tells them. */
bool mail_cmd_tell_asked(struct session *session);
int mail_cmd_tell(struct session *session);

#endif
