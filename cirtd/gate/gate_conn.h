/*
 * cirtd/gate/gate_conn.h - one client's connection: handshake, head, body, wait for the worker, answer, and again.
 *
 * One request at a time: while one is in flight nothing is read, so pipelined requests are answered in order and a client's memory here
 * is bounded. What becomes of a request: gate_request.h.
 */
#ifndef CIRT_GATE_CONN_H
#define CIRT_GATE_CONN_H

#include <stdint.h>
#include <sys/socket.h>

#include "cirtd/gate/gate_state.h"

/* Takes fd (non-blocking), which the limits have let in as `address`, and begins the handshake. */
void gate_conn_new(struct gate_listener *listener, int fd, const struct sockaddr *peer, struct gate_limits_address *address);

/* Makes room for a handshake of `address` where there are handshakes_max: the oldest unfinished one of the address that has most of them
   goes, at once where that has more than `address` would have, else after handshake_crowded_ms. False: it is younger. */
bool gate_conn_push_out(struct gate *gate, const struct gate_limits_address *address, int64_t now_ms) MUST_CHECK;

/* Ends every connection's wait that is over by now_ms (timestamp_monotonic_ms), and frees those that were dropped. */
void gate_conn_sweep(struct gate *gate, int64_t now_ms);

/* Idle ones are closed, the others after their answer. */
void gate_conn_drain(struct gate *gate);

void gate_conn_drop_all(struct gate *gate, const char *reason);

#endif
