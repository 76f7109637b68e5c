/* cirtd/gate/gate_conn_inside.h - a connection as gate_conn.c (its life) and gate_request.c (its requests) see it, and nobody else. */
#ifndef CIRT_GATE_CONN_INSIDE_H
#define CIRT_GATE_CONN_INSIDE_H

#include <netinet/in.h>
#include <stdint.h>

#include "cirtd/gate/gate_http.h"
#include "cirtd/gate/gate_route.h"
#include "cirtd/gate/gate_state.h"
#include "crypto/mtls.h"

enum gate_conn_state { CONN_HANDSHAKE, CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_WAITING, CONN_ANSWERING, CONN_LINGERING, CONN_CLOSED };

struct gate_conn {
    struct gate *gate;
    struct gate_conn *next, *previous;
    enum message_listener listener;
    const char *listener_name;
    enum gate_conn_state state;
    int64_t born_ms, entered_ms, deadline_ms;
    uint64_t moved; /* bytes of the body or answer since entered_ms */

    int fd;
    struct event readable, writable;
    bool is_reading; /* readable is added */
    struct mtls_session *session;
    struct gate_limits_address *address;
    char peer[INET6_ADDRSTRLEN];
    bool is_loopback;
    bool has_key;
    unsigned char key[MTLS_KEY_SIZE];

    struct gate_http http;
    struct gate_route route;
    struct gate_body body;
    struct gate_worker_job job;
    bool is_in_flight; /* counted with gate_limits_begin() */
    bool is_whole;     /* the request has been read to its end */
    bool keeps_alive;
    struct buf ahead; /* read with this request, but belongs to the next */
    struct buf out;   /* of the answer, what the socket did not take yet */
    int answer_fd;    /* and what comes behind it, or -1 */
    uint64_t answer_left, answer_at;
};

/* The only writer of the state, and the only exit. What was dropped may still be looked at: its memory goes with the next sweep. */
void gate_conn_enter(struct gate_conn *conn, enum gate_conn_state state);
void gate_conn_drop(struct gate_conn *conn, const char *reason);
/* One step after the other, until an event is needed or others should have their turn. */
void gate_conn_run(struct gate_conn *conn);

/* So many bytes of the body or answer went by: there is more time for the rest. */
void gate_conn_moved(struct gate_conn *conn, size_t size);
/* The request is with no worker any more. */
void gate_conn_end_flight(struct gate_conn *conn);
/* Writes what it can; *left is the rest. False: the connection is gone. */
bool gate_conn_write(struct gate_conn *conn, const char *bytes, size_t size, size_t *left, enum mtls_result *result);
/* The next part of an answer in a file, behind what `out` holds. False: the connection is gone. */
bool gate_conn_read_answer(struct gate_conn *conn, struct buf *out);

#endif
