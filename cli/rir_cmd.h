/* cli/rir_cmd.h - the regional registries' files of what they handed out (delegated-extended). */
#ifndef CIRT_CLI_RIR_CMD_H
#define CIRT_CLI_RIR_CMD_H

struct session;

int rir_cmd_import(struct session *session);

#endif
