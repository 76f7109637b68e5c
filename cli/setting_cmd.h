/* cli/setting_cmd.h - what a site decides on: cirt setting ls|set. */
#ifndef CIRT_CLI_SETTING_CMD_H
#define CIRT_CLI_SETTING_CMD_H

#include "cli/options.h"

struct session;

extern const struct option_rule setting_cmd_set_options[];

int setting_cmd_ls(struct session *session);
int setting_cmd_set(struct session *session);

#endif
