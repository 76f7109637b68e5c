/*
 * cirtd/gate/gate_request.h - what becomes of a request: refused, answered by the gate itself, or handed to a worker.
 *
 * Each may end the connection or bring it into another state; the caller looks at the state before it goes on.
 */
#ifndef CIRT_GATE_REQUEST_H
#define CIRT_GATE_REQUEST_H

#include "cirtd/gate/gate_conn_inside.h"

/* The head is here: refuses early what cannot go well, before the client sends its body. */
void gate_request_begin(struct gate_conn *conn);
/* A piece of the body is here, in conn->http. */
void gate_request_body(struct gate_conn *conn);
/* It is whole: to a worker with it. */
void gate_request_whole(struct gate_conn *conn);
/* A worker's answer; NULL where it went away. */
void gate_request_answered(struct gate_worker_job *job, const struct message_response *response);
/* A problem of the gate's own. Where the client's body has not been read, the connection cannot be used again. */
void gate_request_refuse(struct gate_conn *conn, int status, const char *detail);

#endif
