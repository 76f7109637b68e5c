/* cli/rule_cmd.h - what only rules have: trying them, the second person, what they swallowed. */
#ifndef CIRT_CLI_RULE_CMD_H
#define CIRT_CLI_RULE_CMD_H

#include <jansson.h>

#include "cli/screen.h"

struct session;

int rule_cmd_test(struct session *session);
int rule_cmd_approve(struct session *session);
int rule_cmd_refuse(struct session *session);
int rule_cmd_swallowed(struct session *session);

/* A line for a set whose new text waits for a second person; nothing for anything else. */
void rule_cmd_waiting(struct screen *screen, const json_t *record);

#endif
