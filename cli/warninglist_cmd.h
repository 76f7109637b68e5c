/* cli/warninglist_cmd.h - known-good lists, from files in MISP's warninglist format. */
#ifndef CIRT_CLI_WARNINGLIST_CMD_H
#define CIRT_CLI_WARNINGLIST_CMD_H

struct session;

int warninglist_cmd_import(struct session *session);

#endif
