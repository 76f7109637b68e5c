#include "cirtd/gate/gate_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timestamp.h"
#include "cirtd/gate/gate_conn_inside.h"
#include "cirtd/gate/gate_request.h"

/* TURNS_MAX: steps of one connection before the others get theirs. LINGER_MS: how long a client that is still sending may take to read
 * why it was refused; a close() with unread bytes would reset the connection and throw the answer away. */
enum { TURNS_MAX = 32, LINGER_MS = 2000, FILE_PART = 64 * 1024, WORKER_RATE_MIN = 128 * 1024 };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [CONN_HANDSHAKE] = {"handshake", TO(CONN_IDLE) | TO(CONN_LINGERING) | TO(CONN_CLOSED)},
    [CONN_IDLE] = {"idle", TO(CONN_HEAD) | TO(CONN_CLOSED)},
    [CONN_HEAD] = {"head", TO(CONN_BODY) | TO(CONN_ANSWERING) | TO(CONN_CLOSED)},
    [CONN_BODY] = {"body", TO(CONN_WAITING) | TO(CONN_ANSWERING) | TO(CONN_CLOSED)},
    [CONN_WAITING] = {"waiting", TO(CONN_ANSWERING) | TO(CONN_CLOSED)},
    [CONN_ANSWERING] = {"answering", TO(CONN_IDLE) | TO(CONN_LINGERING) | TO(CONN_CLOSED)},
    [CONN_LINGERING] = {"lingering", TO(CONN_CLOSED)},
    [CONN_CLOSED] = {"closed", 0},
};

static uint64_t grace_for(const struct gate_conn *conn)
{
    const struct gate_limits *limits = &conn->gate->limits;

    return limits->body_grace_ms + conn->moved * 1000 / (limits->body_rate_min ? limits->body_rate_min : 1);
}

static int64_t time_for(const struct gate_conn *conn)
{
    const struct gate_limits *limits = &conn->gate->limits;

    switch (conn->state) {
    case CONN_HANDSHAKE:
        return limits->handshake_ms;
    case CONN_IDLE:
        return limits->idle_ms;
    case CONN_HEAD:
        return limits->head_ms;
    case CONN_BODY:
    case CONN_ANSWERING:
        return (int64_t)grace_for(conn);
    case CONN_WAITING:
        return limits->worker_ms + (int64_t)(conn->body.size * 1000 / WORKER_RATE_MIN);
    default:
        return LINGER_MS;
    }
}

static void leave_handshake(struct gate_conn *conn)
{
    conn->gate->stats.handshakes--;
    gate_limits_handshake_ends(conn->address);
}

void gate_conn_enter(struct gate_conn *conn, enum gate_conn_state state)
{
    if (!(states[conn->state].next & TO(state)))
        BUG("a connection went from %s to %s", states[conn->state].name, states[state].name);
    if (conn->state == CONN_HANDSHAKE)
        leave_handshake(conn);
    conn->state = state;
    conn->moved = 0;
    conn->entered_ms = timestamp_monotonic_ms();
    conn->deadline_ms = conn->entered_ms + time_for(conn);
}

void gate_conn_moved(struct gate_conn *conn, size_t size)
{
    conn->moved += size;
    conn->deadline_ms = conn->entered_ms + (int64_t)grace_for(conn);
}

void gate_conn_end_flight(struct gate_conn *conn)
{
    gate_worker_cancel(&conn->job);
    if (conn->is_in_flight)
        gate_limits_end(conn->address);
    conn->is_in_flight = false;
}

static void close_answer_file(struct gate_conn *conn)
{
    if (conn->answer_fd >= 0)
        close(conn->answer_fd);
    conn->answer_fd = -1;
    conn->answer_left = 0;
}

void gate_conn_drop(struct gate_conn *conn, const char *reason)
{
    struct gate *gate = conn->gate;

    if (conn->state == CONN_CLOSED)
        return;
    log_debug("connection_closed", "listener=%s peer=%s state=%s reason=%s", conn->listener_name, conn->peer, states[conn->state].name,
              log_quote(reason));
    gate_conn_end_flight(conn);
    event_del(&conn->readable);
    event_del(&conn->writable);
    mtls_session_free(conn->session);
    conn->session = NULL;
    close(conn->fd);
    close_answer_file(conn);
    gate_http_clear(&conn->http);
    gate_body_clear(&conn->body);
    buf_clear(&conn->ahead);
    buf_clear(&conn->out);
    gate_conn_enter(conn, CONN_CLOSED);
    gate_limits_leave(gate->addresses, conn->address);
    gate->stats.connections--;
    *(conn->previous ? &conn->previous->next : &gate->conns) = conn->next;
    if (conn->next)
        conn->next->previous = conn->previous;
    /* Callers up the stack may still look at it: its memory goes with the next sweep. */
    conn->next = gate->dead;
    gate->dead = conn;
}

static void wait_readable(struct gate_conn *conn)
{
    if (!conn->is_reading)
        event_add(&conn->readable, NULL);
    conn->is_reading = true;
}

static void wait_for(struct gate_conn *conn, enum mtls_result result)
{
    if (result == MTLS_WANT_WRITE)
        event_add(&conn->writable, NULL);
    else
        wait_readable(conn);
}

/* The end of a connection whose client may still be sending: our half is closed, and what comes is read and thrown away for a while. */
static void begin_lingering(struct gate_conn *conn)
{
    mtls_session_free(conn->session);
    conn->session = NULL;
    shutdown(conn->fd, SHUT_WR);
    gate_conn_enter(conn, CONN_LINGERING);
}

static bool linger(struct gate_conn *conn)
{
    ssize_t size = read(conn->fd, conn->gate->input, sizeof conn->gate->input);

    if (size > 0)
        return true;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        wait_readable(conn);
    else
        gate_conn_drop(conn, "done");
    return false;
}

static bool shake(struct gate_conn *conn)
{
    struct gate *gate = conn->gate;
    struct err err;
    enum mtls_result result = mtls_handshake(conn->session, &err);

    switch (result) {
    case MTLS_DONE:
        gate->stats.handshakes_total++;
        conn->has_key = mtls_peer_key_sha256(conn->session, conn->key);
        /* It has shown who it is: from here on it goes before newcomers. */
        event_del(&conn->readable);
        conn->is_reading = false;
        event_priority_set(&conn->readable, GATE_PRIORITY_CLIENTS);
        event_priority_set(&conn->writable, GATE_PRIORITY_CLIENTS);
        gate_conn_enter(conn, CONN_IDLE);
        return true;
    case MTLS_WANT_READ:
    case MTLS_WANT_WRITE:
        wait_for(conn, result);
        return false;
    case MTLS_CLOSED:
        gate->stats.handshakes_failed_total++;
        gate_conn_drop(conn, "went away during the handshake");
        return false;
    default:
        gate->stats.handshakes_failed_total++;
        gate_stats_refused(&gate->stats, conn->entered_ms, "tls_refused", conn->listener_name, conn->peer, 0, err.text);
        begin_lingering(conn);
        return true;
    }
}

bool gate_conn_write(struct gate_conn *conn, const char *bytes, size_t size, size_t *left, enum mtls_result *result)
{
    struct err err;

    *result = MTLS_DONE;
    while (size > 0 && *result == MTLS_DONE) {
        size_t written;
        *result = mtls_write(conn->session, bytes, size, &written, &err);
        bytes += written;
        size -= written;
        conn->gate->stats.bytes_out_total += written;
        gate_conn_moved(conn, written);
    }
    *left = size;
    if (*result != MTLS_CLOSED && *result != MTLS_FAILED)
        return true;
    gate_conn_drop(conn, "the client went away before its answer");
    return false;
}

bool gate_conn_read_answer(struct gate_conn *conn, struct buf *out)
{
    size_t part = conn->answer_left < FILE_PART ? (size_t)conn->answer_left : FILE_PART;
    char *room = buf_reserve(out, part);
    ssize_t size = room ? pread(conn->answer_fd, room, part, (off_t)conn->answer_at) : -1;

    if (size <= 0) {
        gate_conn_drop(conn, "the answer's file is shorter than announced");
        return false;
    }
    buf_used(out, (size_t)size);
    conn->answer_at += (uint64_t)size;
    conn->answer_left -= (uint64_t)size;
    if (!conn->answer_left)
        close_answer_file(conn);
    return true;
}

static bool is_reading_state(enum gate_conn_state state)
{
    return state == CONN_IDLE || state == CONN_HEAD || state == CONN_BODY;
}

/* Gives bytes to the parser as long as a request is being read; returns how many it took. */
static size_t consume(struct gate_conn *conn, const char *bytes, size_t size)
{
    size_t done = 0;

    while (is_reading_state(conn->state)) {
        size_t used;
        enum gate_http_event event = gate_http_feed(&conn->http, bytes + done, size - done, &used);
        done += used;
        if (conn->state == CONN_IDLE && !(event == GATE_HTTP_MORE && gate_http_is_between(&conn->http)))
            gate_conn_enter(conn, CONN_HEAD);
        switch (event) {
        case GATE_HTTP_MORE:
            return done;
        case GATE_HTTP_HEAD:
            gate_request_begin(conn);
            break;
        case GATE_HTTP_BODY:
            gate_request_body(conn);
            break;
        case GATE_HTTP_END:
            gate_request_whole(conn);
            break;
        case GATE_HTTP_BAD:
            conn->keeps_alive = conn->is_whole = false;
            gate_request_refuse(conn, conn->http.status, conn->http.detail);
            break;
        }
    }
    return done;
}

/* Reads on. False: nothing more can be done before an event. */
static bool advance(struct gate_conn *conn)
{
    struct gate *gate = conn->gate;
    struct err err;
    size_t size;

    if (conn->ahead.size) {
        size = consume(conn, conn->ahead.bytes, conn->ahead.size);
        if (conn->state != CONN_CLOSED)
            buf_consume(&conn->ahead, size);
        if (!conn->ahead.size)
            buf_clear(&conn->ahead);
        return true;
    }
    enum mtls_result result = mtls_read(conn->session, gate->input, sizeof gate->input, &size, &err);
    if (result == MTLS_WANT_READ || result == MTLS_WANT_WRITE) {
        wait_for(conn, result);
        return false;
    }
    if (result != MTLS_DONE) {
        gate_conn_drop(conn, result == MTLS_CLOSED ? "the client closed it" : err.text);
        return false;
    }
    gate->stats.bytes_in_total += size;
    size_t used = consume(conn, gate->input, size);
    if (conn->state != CONN_CLOSED && used < size)
        buf_add(&conn->ahead, gate->input + used, size - used);
    /* A small request came whole in one record: the next read would only say "not yet". A body is worth trying. */
    if ((conn->state == CONN_IDLE || conn->state == CONN_HEAD) && !mtls_has_pending(conn->session)) {
        wait_readable(conn);
        return false;
    }
    return true;
}

static void end_answer(struct gate_conn *conn)
{
    if (!conn->keeps_alive || conn->gate->is_draining) {
        begin_lingering(conn);
        return;
    }
    gate_conn_enter(conn, CONN_IDLE);
    gate_http_rest(&conn->http);
    gate_body_reset(&conn->body);
    buf_clear(&conn->out);
}

/* Sends on. False: the socket is full, or the connection gone. */
static bool flush(struct gate_conn *conn)
{
    enum mtls_result result;
    size_t left;

    while (conn->out.size || conn->answer_left) {
        if (!conn->out.size && !gate_conn_read_answer(conn, &conn->out))
            return false;
        if (!gate_conn_write(conn, conn->out.bytes, conn->out.size, &left, &result))
            return false;
        buf_consume(&conn->out, conn->out.size - left);
        if (left) {
            wait_for(conn, result);
            return false;
        }
    }
    end_answer(conn);
    return true;
}

void gate_conn_run(struct gate_conn *conn)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        bool goes_on = false;
        switch (conn->state) {
        case CONN_HANDSHAKE:
            goes_on = shake(conn);
            break;
        case CONN_IDLE:
        case CONN_HEAD:
        case CONN_BODY:
            goes_on = advance(conn);
            break;
        case CONN_ANSWERING:
            goes_on = flush(conn);
            break;
        case CONN_LINGERING:
            goes_on = linger(conn);
            break;
        default:
            break;
        }
        if (!goes_on)
            return;
    }
    if (conn->state != CONN_CLOSED && conn->state != CONN_WAITING)
        event_active(&conn->readable, EV_READ, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *owner)
{
    struct gate_conn *conn = owner;
    UNUSED(fd);
    UNUSED(what);

    /* The next request, or the end, before this one is answered: nothing is read until then. */
    if (conn->state == CONN_WAITING || (conn->state == CONN_ANSWERING && conn->is_reading && (conn->out.size || conn->answer_left))) {
        event_del(&conn->readable);
        conn->is_reading = false;
    }
    gate_conn_run(conn);
}

static void on_writable(evutil_socket_t fd, short what, void *owner)
{
    UNUSED(fd);
    UNUSED(what);
    gate_conn_run(owner);
}

void gate_conn_new(struct gate_listener *listener, int fd, const struct sockaddr *peer, struct gate_limits_address *address)
{
    struct gate *gate = listener->gate;
    struct gate_conn *conn = mem_calloc(1, sizeof *conn);

    conn->gate = gate;
    conn->listener = listener->kind;
    conn->listener_name = listener->name;
    conn->fd = fd;
    conn->address = address;
    conn->answer_fd = -1;
    conn->is_loopback = gate_limits_is_loopback(peer);
    conn->job.on_answer = gate_request_answered;
    gate_limits_text(peer, conn->peer, sizeof conn->peer);
    gate_http_init(&conn->http);
    gate_body_init(&conn->body, &gate->spool);
    buf_init(&conn->ahead, GATE_INPUT_SIZE);
    buf_init(&conn->out, gate->output.size_max);
    event_assign(&conn->readable, gate->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    event_assign(&conn->writable, gate->base, fd, EV_WRITE, on_writable, conn);
    event_priority_set(&conn->readable, GATE_PRIORITY_NEWCOMERS);
    event_priority_set(&conn->writable, GATE_PRIORITY_NEWCOMERS);
    conn->session = mtls_accept(listener->tls, fd);
    conn->next = gate->conns;
    if (conn->next)
        conn->next->previous = conn;
    gate->conns = conn;
    gate->stats.connections++;
    gate->stats.connections_total++;
    gate->stats.handshakes++;
    gate_limits_handshake_begins(address);
    conn->state = CONN_HANDSHAKE;
    conn->born_ms = conn->entered_ms = timestamp_monotonic_ms();
    conn->deadline_ms = conn->born_ms + time_for(conn);
    wait_readable(conn);
}

static void end_handshake(struct gate_conn *conn, int64_t now_ms, const char *reason)
{
    conn->gate->stats.handshakes_failed_total++;
    gate_stats_refused(&conn->gate->stats, now_ms, "tls_refused", conn->listener_name, conn->peer, 0, reason);
    gate_conn_drop(conn, reason);
}

bool gate_conn_push_out(struct gate *gate, const struct gate_limits_address *address, int64_t now_ms)
{
    struct gate_conn *victim = NULL;
    size_t left = gate->stats.handshakes, most = 0;

    /* The newest connections stand first: those that are long in are not reached, and of one address the last seen is the oldest. */
    for (struct gate_conn *conn = gate->conns; conn && left > 0; conn = conn->next) {
        if (conn->state != CONN_HANDSHAKE)
            continue;
        left--;
        if (gate_limits_handshakes(conn->address) < most)
            continue;
        most = gate_limits_handshakes(conn->address);
        victim = conn;
    }
    if (!victim || (most <= gate_limits_handshakes(address) + 1 && now_ms - victim->born_ms < gate->limits.handshake_crowded_ms))
        return false;
    end_handshake(victim, now_ms, "the handshake was unfinished while others waited");
    return true;
}

static void expire(struct gate_conn *conn)
{
    switch (conn->state) {
    case CONN_HANDSHAKE:
        end_handshake(conn, conn->deadline_ms, "the handshake took too long");
        break;
    case CONN_HEAD:
    case CONN_BODY:
        conn->keeps_alive = false;
        gate_request_refuse(conn, 408, "the request took too long");
        gate_conn_run(conn);
        break;
    case CONN_WAITING:
        gate_conn_end_flight(conn);
        gate_request_refuse(conn, 503, "no worker has answered in time");
        gate_conn_run(conn);
        break;
    default:
        gate_conn_drop(conn, "nothing happened in time");
    }
}

void gate_conn_sweep(struct gate *gate, int64_t now_ms)
{
    struct gate_conn *next;

    /* What expires may be dropped, but nobody else: `next` stays in the list. */
    for (struct gate_conn *conn = gate->conns; conn; conn = next) {
        next = conn->next;
        if (now_ms >= conn->deadline_ms)
            expire(conn);
    }
    while (gate->dead) {
        next = gate->dead->next;
        free(gate->dead);
        gate->dead = next;
    }
}

void gate_conn_drain(struct gate *gate)
{
    struct gate_conn *next;

    gate->is_draining = true;
    for (struct gate_conn *conn = gate->conns; conn; conn = next) {
        next = conn->next;
        conn->keeps_alive = false;
        /* A request that lies in the socket was sent before its client could know that we stop: it is answered like those begun. */
        if (conn->state == CONN_IDLE)
            gate_conn_run(conn);
        if (conn->state == CONN_IDLE || conn->state == CONN_HANDSHAKE)
            gate_conn_drop(conn, "the gate stops");
    }
}

void gate_conn_drop_all(struct gate *gate, const char *reason)
{
    while (gate->conns)
        gate_conn_drop(gate->conns, reason);
    gate_conn_sweep(gate, 0);
}
