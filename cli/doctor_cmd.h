/* cli/doctor_cmd.h - what is wrong here: our own configuration first, then what the daemon says of itself. */
#ifndef CIRT_CLI_DOCTOR_CMD_H
#define CIRT_CLI_DOCTOR_CMD_H

struct session;

int doctor_cmd_doctor(struct session *session);

#endif
