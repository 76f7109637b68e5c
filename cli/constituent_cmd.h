/* cli/constituent_cmd.h - constituents by the file, their history, and whose a value is. The records themselves: record_cmd.h. */
#ifndef CIRT_CLI_CONSTITUENT_CMD_H
#define CIRT_CLI_CONSTITUENT_CMD_H

#include "cli/options.h"

struct session;

extern const struct option_rule constituent_cmd_import_options[], constituent_cmd_export_options[], constituent_cmd_show_options[],
    constituent_cmd_who_options[];

int constituent_cmd_import(struct session *session);
int constituent_cmd_export(struct session *session);
int constituent_cmd_show(struct session *session);
int constituent_cmd_who(struct session *session);

#endif
