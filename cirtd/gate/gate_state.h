/* cirtd/gate/gate_state.h - what the files of the gate share while it runs: plain data, owned by gate_run(). */
#ifndef CIRT_GATE_STATE_H
#define CIRT_GATE_STATE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "cirtd/gate/gate.h"
#include "cirtd/gate/gate_body.h"
#include "cirtd/gate/gate_limits.h"
#include "cirtd/gate/gate_reply.h"
#include "cirtd/gate/gate_stats.h"
#include "cirtd/gate/gate_worker.h"

/* PRIORITY_CLIENTS: workers and those who are in. PRIORITY_NEWCOMERS: accept() and handshakes, a few at a time, so that a flood of them
 * does not stop the others. */
enum { GATE_PRIORITY_CLIENTS, GATE_PRIORITY_NEWCOMERS, GATE_PRIORITIES };
enum { GATE_INPUT_SIZE = 16 * 1024 };

struct gate_conn;
struct gate;

struct gate_listener {
    struct gate *gate;
    enum message_listener kind;
    const char *name; /* "feeds" */
    int fd;
    struct event acceptable;
    struct mtls_context *tls;
};

struct gate {
    struct event_base *base;
    struct gate_limits limits;
    struct gate_listener listeners[GATE_LISTENERS_MAX];
    size_t listener_count;
    struct gate_limits_table *addresses;
    struct gate_stats stats;
    struct gate_spool spool;
    struct gate_worker_pool *intake, *desk; /* NULL: this gate reaches none of them */
    struct gate_conn *conns, *dead;         /* open ones; closed ones whose memory goes with the next sweep */
    bool is_draining;

    /* Scratch for one callback. */
    struct buf output, text;
    struct gate_reply_date date;
    char input[GATE_INPUT_SIZE];
};

#endif
