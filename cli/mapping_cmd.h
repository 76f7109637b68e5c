/* cli/mapping_cmd.h - what a mapping makes of somebody's CSV, tried here and not at the daemon. */
#ifndef CIRT_CLI_MAPPING_CMD_H
#define CIRT_CLI_MAPPING_CMD_H

struct session;

int mapping_cmd_try(struct session *session);

#endif
