/* cli/feed_cmd.h - what is done with a feed beyond keeping its record (cli/record_cmd.h). */
#ifndef CIRT_CLI_FEED_CMD_H
#define CIRT_CLI_FEED_CMD_H

struct session;

int feed_cmd_pause(struct session *session);
int feed_cmd_resume(struct session *session);
int feed_cmd_show(struct session *session);
int feed_cmd_run(struct session *session);
int feed_cmd_seen(struct session *session);

#endif
