/* cli/evidence_cmd.h - what is kept with a case: cirt evidence CASE ls|add|get|verify. */
#ifndef CIRT_CLI_EVIDENCE_CMD_H
#define CIRT_CLI_EVIDENCE_CMD_H

struct session;

/* The second operand is the verb. */
int evidence_cmd_evidence(struct session *session);

#endif
