#include "cirtd/gate/gate_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/gate/gate_http.h"
#include "cirtd/gate/gate_route.h"

/* TURNS_MAX: steps of one connection before the others get theirs. LINGER_MS: how long a client that is still sending may take to read
 * why it was refused; a close() with unread bytes would reset the connection and throw the answer away. */
enum { TURNS_MAX = 32, LINGER_MS = 2000, FILE_PART = 64 * 1024, WORKER_RATE_MIN = 128 * 1024 };

enum state { HANDSHAKE, IDLE, HEAD, BODY, WAITING, ANSWERING, LINGERING, CLOSED };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [HANDSHAKE] = {"handshake", TO(IDLE) | TO(LINGERING) | TO(CLOSED)},
    [IDLE] = {"idle", TO(HEAD) | TO(CLOSED)},
    [HEAD] = {"head", TO(BODY) | TO(ANSWERING) | TO(CLOSED)},
    [BODY] = {"body", TO(WAITING) | TO(ANSWERING) | TO(CLOSED)},
    [WAITING] = {"waiting", TO(ANSWERING) | TO(CLOSED)},
    [ANSWERING] = {"answering", TO(IDLE) | TO(LINGERING) | TO(CLOSED)},
    [LINGERING] = {"lingering", TO(CLOSED)},
    [CLOSED] = {"closed", 0},
};

struct gate_conn {
    struct gate *gate;
    struct gate_conn *next, *previous;
    enum message_listener listener;
    const char *listener_name;
    enum state state;
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

static void run(struct gate_conn *conn);

static uint64_t grace_for(const struct gate_conn *conn)
{
    const struct gate_limits *limits = &conn->gate->limits;

    return limits->body_grace_ms + conn->moved * 1000 / (limits->body_rate_min ? limits->body_rate_min : 1);
}

static int64_t time_for(const struct gate_conn *conn)
{
    const struct gate_limits *limits = &conn->gate->limits;

    switch (conn->state) {
    case HANDSHAKE:
        return limits->handshake_ms;
    case IDLE:
        return limits->idle_ms;
    case HEAD:
        return limits->head_ms;
    case BODY:
    case ANSWERING:
        return (int64_t)grace_for(conn);
    case WAITING:
        return limits->worker_ms + (int64_t)(conn->body.size * 1000 / WORKER_RATE_MIN);
    default:
        return LINGER_MS;
    }
}

static void gate_conn_enter(struct gate_conn *conn, enum state state)
{
    if (!(states[conn->state].next & TO(state)))
        BUG("a connection went from %s to %s", states[conn->state].name, states[state].name);
    if (conn->state == HANDSHAKE)
        conn->gate->stats.handshakes--;
    conn->state = state;
    conn->moved = 0;
    conn->entered_ms = timestamp_monotonic_ms();
    conn->deadline_ms = conn->entered_ms + time_for(conn);
}

static void count_moved(struct gate_conn *conn, size_t size)
{
    conn->moved += size;
    conn->deadline_ms = conn->entered_ms + (int64_t)grace_for(conn);
}

static void end_flight(struct gate_conn *conn)
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

static void gate_conn_drop(struct gate_conn *conn, const char *reason)
{
    struct gate *gate = conn->gate;

    if (conn->state == CLOSED)
        return;
    log_debug("connection_closed", "listener=%s peer=%s state=%s reason=%s", conn->listener_name, conn->peer, states[conn->state].name,
              log_quote(reason));
    end_flight(conn);
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
    gate_limits_leave(gate->addresses, conn->address);
    gate->stats.connections--;
    gate_conn_enter(conn, CLOSED);
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
    gate_conn_enter(conn, LINGERING);
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
        gate_conn_enter(conn, IDLE);
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

/* Writes what it can; *left is the rest. False: the connection is gone. */
static bool write_some(struct gate_conn *conn, const char *bytes, size_t size, size_t *left, enum mtls_result *result)
{
    struct err err;

    *result = MTLS_DONE;
    while (size > 0 && *result == MTLS_DONE) {
        size_t written;
        *result = mtls_write(conn->session, bytes, size, &written, &err);
        bytes += written;
        size -= written;
        conn->gate->stats.bytes_out_total += written;
        count_moved(conn, written);
    }
    *left = size;
    if (*result != MTLS_CLOSED && *result != MTLS_FAILED)
        return true;
    gate_conn_drop(conn, "the client went away before its answer");
    return false;
}

/* The next part of an answer in a file, behind what `out` holds. */
static bool read_answer(struct gate_conn *conn, struct buf *out)
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

/* Sends the answer whose head (and body, or its first part) stands in gate->output; what does not fit into the socket is kept. */
static void begin_answer(struct gate_conn *conn)
{
    struct buf *output = &conn->gate->output;
    enum mtls_result result;
    size_t left;

    end_flight(conn);
    gate_conn_enter(conn, ANSWERING);
    if (conn->answer_left && !read_answer(conn, output))
        return;
    if (!write_some(conn, output->bytes, output->size, &left, &result))
        return;
    if (left)
        buf_add(&conn->out, output->bytes + output->size - left, left);
}

static void answer_problem(struct gate_conn *conn, int status, const char *detail, const char *headers);

static void answer(struct gate_conn *conn, const struct message_response *response)
{
    struct gate *gate = conn->gate;
    bool has_body = conn->http.head.method != MESSAGE_HEAD && response->status != 204 && response->status != 304;

    buf_reset(&gate->output);
    if (!gate_reply_head(&gate->output, response, conn->keeps_alive, &gate->date)) {
        if (response->body_fd >= 0)
            close(response->body_fd);
        log_error("worker_answer_refused", "reason=\"its header fields break the head\"");
        answer_problem(conn, 500, "the worker's answer cannot be passed on", "");
        return;
    }
    gate->stats.requests_total[response->status]++;
    if (response->body_fd < 0 && has_body) {
        buf_add(&gate->output, response->body, response->body_size);
    } else if (response->body_fd >= 0 && has_body && response->body_size) {
        conn->answer_fd = response->body_fd;
        conn->answer_left = response->body_size;
        conn->answer_at = 0;
    } else if (response->body_fd >= 0) {
        close(response->body_fd);
    }
    begin_answer(conn);
}

static void answer_text(struct gate_conn *conn, int status, const char *content_type, const char *headers)
{
    struct buf *text = &conn->gate->text;
    struct message_response response = {
        .status = status, .content_type = content_type, .headers = headers, .body = buf_text(text), .body_size = text->size, .body_fd = -1};

    answer(conn, &response);
}

static void answer_problem(struct gate_conn *conn, int status, const char *detail, const char *headers)
{
    buf_reset(&conn->gate->text);
    gate_reply_problem(&conn->gate->text, status, detail);
    answer_text(conn, status, "application/problem+json", headers);
}

/* A problem of the gate's own. Where the client's body has not been read, the connection cannot be used again. */
static void refuse(struct gate_conn *conn, int status, const char *detail)
{
    struct gate *gate = conn->gate;
    char headers[64] = "", reason[256];
    size_t used;

    if (conn->state == HEAD) /* what stands there is of the request before */
        conn->http.head.method = 0;
    if (!conn->is_whole && conn->state == BODY && !conn->http.head.has_body)
        conn->is_whole = gate_http_feed(&conn->http, "", 0, &used) == GATE_HTTP_END;
    conn->keeps_alive = conn->keeps_alive && conn->is_whole;
    if (status == 503 || status == 429)
        snprintf(headers, sizeof headers, "Retry-After: 1\r\n");
    else if (status == 405)
        gate_reply_allow(conn->listener, conn->http.head.target, headers, sizeof headers);
    snprintf(reason, sizeof reason, "%s%s%s", detail, conn->state == BODY ? ": " : "", conn->state == BODY ? conn->http.head.target : "");
    gate_stats_refused(&gate->stats, conn->entered_ms, "http_refused", conn->listener_name, conn->peer, status, reason);
    answer_problem(conn, status, detail, headers);
}

static struct gate_worker_pool *pool_of(struct gate_conn *conn)
{
    return conn->route.endpoint->worker == API_DESK ? conn->gate->desk : conn->gate->intake;
}

static void send_continue(struct gate_conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    enum mtls_result result;
    size_t left;

    /* 25 bytes fit into any socket whose client reads its answers. */
    if (write_some(conn, text, sizeof text - 1, &left, &result) && left)
        gate_conn_drop(conn, "the client reads nothing");
}

/* A body worth refusing before it comes. A short one is read, so that the connection can go on after the refusal: a thousand clients must
 * not all shake hands again because a worker was restarted. */
static bool is_long(const struct gate_http_head *head)
{
    return head->expects_continue || head->is_chunked || head->content_length > MESSAGE_INLINE_BODY_MAX;
}

/* The head is here: refuses early what cannot go well, before the client sends its body. */
static void begin_request(struct gate_conn *conn)
{
    struct gate *gate = conn->gate;
    const struct gate_http_head *head = &conn->http.head;
    struct err err;

    gate_conn_enter(conn, BODY);
    conn->is_whole = false;
    conn->keeps_alive = head->keeps_alive && !gate->is_draining && conn->entered_ms - conn->born_ms < gate->limits.connection_age_ms;
    conn->route = gate_route_find(conn->listener, head, conn->has_key, conn->is_loopback);
    if (conn->route.status) {
        refuse(conn, conn->route.status, conn->route.detail);
        return;
    }
    enum api_worker worker = conn->route.endpoint->worker;
    if (head->content_length > (worker == API_INTAKE ? gate->limits.body_max : gate->limits.desk_body_max))
        refuse(conn, 413, "the body is longer than this site takes");
    else if (worker != API_GATE && !pool_of(conn))
        refuse(conn, 403, "this gate does not reach what serves this path");
    else if (worker != API_GATE && is_long(head) && !gate_worker_is_there(pool_of(conn)))
        refuse(conn, 503, "no worker is there to answer");
    else if (!gate_body_expect(&conn->body, head->content_length, &err))
        refuse(conn, 503, err.text);
    else if (head->expects_continue && head->has_body)
        send_continue(conn);
}

static void add_body(struct gate_conn *conn)
{
    const struct gate_limits *limits = &conn->gate->limits;
    struct err err;

    count_moved(conn, conn->http.piece_size);
    if (conn->body.size + conn->http.piece_size > (conn->route.endpoint->worker == API_INTAKE ? limits->body_max : limits->desk_body_max))
        refuse(conn, 413, "the body is longer than this site takes");
    else if (!gate_body_add(&conn->body, conn->http.piece, conn->http.piece_size, &err))
        refuse(conn, 503, err.text);
}

static void answer_health(struct gate_conn *conn)
{
    const struct gate *gate = conn->gate;
    bool has_intake = !gate->intake || gate_worker_is_there(gate->intake);
    bool has_desk = !gate->desk || gate_worker_is_there(gate->desk);
    bool is_ok = has_intake && has_desk && !gate->is_draining;

    buf_reset(&conn->gate->text);
    buf_printf(&conn->gate->text, "{\"status\":\"%s\"}\n",
               gate->is_draining ? "stopping"
               : !has_intake     ? "no intake worker"
               : !has_desk       ? "no desk worker"
                                 : "ok");
    answer_text(conn, is_ok ? 200 : 503, "application/json", is_ok ? "" : "Retry-After: 1\r\n");
}

static void answer_self(struct gate_conn *conn)
{
    struct gate *gate = conn->gate;
    const char *id = conn->route.endpoint->id;

    if (str_equal(id, "health")) {
        answer_health(conn);
    } else if (str_equal(id, "metrics")) {
        gate->stats.spooled_bytes = gate->spool.used;
        buf_reset(&gate->text);
        gate_stats_write(&gate->stats, &gate->text);
        answer_text(conn, 200, "text/plain; version=0.0.4; charset=utf-8", "");
    } else {
        buf_reset(&gate->text);
        answer_text(conn, 204, "", "");
    }
}

static void on_answer(struct gate_worker_job *job, const struct message_response *response)
{
    struct gate_conn *conn = (struct gate_conn *)(void *)((char *)job - offsetof(struct gate_conn, job));

    if (response)
        answer(conn, response);
    else
        refuse(conn, 503, "the worker went away before it answered");
    run(conn);
}

/* The request is whole: to a worker with it. */
static void dispatch(struct gate_conn *conn)
{
    const struct gate_http_head *head = &conn->http.head;
    struct message_request *request = &conn->job.request;
    struct err err;

    conn->is_whole = true;
    if (conn->route.endpoint->worker == API_GATE) {
        answer_self(conn);
        return;
    }
    *request = (struct message_request){.listener = conn->listener,
                                        .method = conn->route.method,
                                        .path = head->target,
                                        .content_type = head->content_type,
                                        .content_encoding = head->content_encoding,
                                        .if_match = head->if_match,
                                        .peer_address = conn->peer,
                                        .body_size = conn->body.size};
    memcpy(request->key, conn->key, sizeof request->key);
    conn->is_in_flight = gate_limits_begin(conn->address, &conn->gate->limits);
    if (!conn->is_in_flight)
        refuse(conn, 429, "too many requests from this address are under way");
    else if (!gate_body_finish(&conn->body, &request->body, &request->body_fd, &err))
        refuse(conn, 503, err.text);
    else if (!gate_worker_submit(pool_of(conn), &conn->job, &err))
        refuse(conn, err.code == ERR_AGAIN ? 503 : err.code == ERR_LIMIT ? 431 : 500, err.text);
    else
        gate_conn_enter(conn, WAITING);
}

static bool is_reading_state(enum state state)
{
    return state == IDLE || state == HEAD || state == BODY;
}

/* Gives bytes to the parser as long as a request is being read; returns how many it took. */
static size_t consume(struct gate_conn *conn, const char *bytes, size_t size)
{
    size_t done = 0;

    while (is_reading_state(conn->state)) {
        size_t used;
        enum gate_http_event event = gate_http_feed(&conn->http, bytes + done, size - done, &used);
        done += used;
        if (conn->state == IDLE && !(event == GATE_HTTP_MORE && gate_http_is_between(&conn->http)))
            gate_conn_enter(conn, HEAD);
        switch (event) {
        case GATE_HTTP_MORE:
            return done;
        case GATE_HTTP_HEAD:
            begin_request(conn);
            break;
        case GATE_HTTP_BODY:
            add_body(conn);
            break;
        case GATE_HTTP_END:
            dispatch(conn);
            break;
        case GATE_HTTP_BAD:
            conn->keeps_alive = conn->is_whole = false;
            refuse(conn, conn->http.status, conn->http.detail);
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
        if (conn->state != CLOSED)
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
    if (conn->state != CLOSED && used < size)
        buf_add(&conn->ahead, gate->input + used, size - used);
    /* A small request came whole in one record: the next read would only say "not yet". A body is worth trying. */
    if ((conn->state == IDLE || conn->state == HEAD) && !mtls_has_pending(conn->session)) {
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
    gate_conn_enter(conn, IDLE);
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
        if (!conn->out.size && !read_answer(conn, &conn->out))
            return false;
        if (!write_some(conn, conn->out.bytes, conn->out.size, &left, &result))
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

/* One step after the other, until an event is needed or others should have their turn. */
static void run(struct gate_conn *conn)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        bool goes_on = false;
        switch (conn->state) {
        case HANDSHAKE:
            goes_on = shake(conn);
            break;
        case IDLE:
        case HEAD:
        case BODY:
            goes_on = advance(conn);
            break;
        case ANSWERING:
            goes_on = flush(conn);
            break;
        case LINGERING:
            goes_on = linger(conn);
            break;
        default:
            break;
        }
        if (!goes_on)
            return;
    }
    if (conn->state != CLOSED && conn->state != WAITING)
        event_active(&conn->readable, EV_READ, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *owner)
{
    struct gate_conn *conn = owner;
    UNUSED(fd);
    UNUSED(what);

    /* The next request, or the end, before this one is answered: nothing is read until then. */
    if (conn->state == WAITING || (conn->state == ANSWERING && conn->is_reading && (conn->out.size || conn->answer_left))) {
        event_del(&conn->readable);
        conn->is_reading = false;
    }
    run(conn);
}

static void on_writable(evutil_socket_t fd, short what, void *owner)
{
    UNUSED(fd);
    UNUSED(what);
    run(owner);
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
    conn->job.on_answer = on_answer;
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
    conn->state = HANDSHAKE;
    conn->born_ms = conn->entered_ms = timestamp_monotonic_ms();
    conn->deadline_ms = conn->born_ms + time_for(conn);
    wait_readable(conn);
}

static void expire(struct gate_conn *conn)
{
    switch (conn->state) {
    case HANDSHAKE:
        conn->gate->stats.handshakes_failed_total++;
        gate_stats_refused(&conn->gate->stats, conn->deadline_ms, "tls_refused", conn->listener_name, conn->peer, 0,
                           "the handshake took too long");
        gate_conn_drop(conn, "the handshake took too long");
        break;
    case HEAD:
    case BODY:
        conn->keeps_alive = false;
        refuse(conn, 408, "the request took too long");
        run(conn);
        break;
    case WAITING:
        end_flight(conn);
        refuse(conn, 503, "no worker has answered in time");
        run(conn);
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
        if (conn->state == IDLE)
            run(conn);
        if (conn->state == IDLE || conn->state == HANDSHAKE)
            gate_conn_drop(conn, "the gate stops");
    }
}

void gate_conn_drop_all(struct gate *gate, const char *reason)
{
    while (gate->conns)
        gate_conn_drop(gate->conns, reason);
    gate_conn_sweep(gate, 0);
}
