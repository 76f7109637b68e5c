/* cli/rule_cmd.h - trying rules, what they swallowed; the second person of rules and suppressions. */
#ifndef CIRT_CLI_RULE_CMD_H
#define CIRT_CLI_RULE_CMD_H

#include <jansson.h>

#include "cli/screen.h"

struct session;

int rule_cmd_test(struct session *session);
int rule_cmd_swallowed(struct session *session);
/* Of the record that the command is about: rules or a suppression. */
int rule_cmd_approve(struct session *session);
int rule_cmd_refuse(struct session *session);

/* A line for what waits for a second person, a set's new text or a suppression; nothing for anything else. */
void rule_cmd_waiting(struct screen *screen, const json_t *record);

#endif
