#include "cirtd/gate/gate_request.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

/* Sends the answer whose head (and body, or its first part) stands in gate->output; what does not fit into the socket is kept. */
static void begin_answer(struct gate_conn *conn)
{
    struct buf *output = &conn->gate->output;
    enum mtls_result result;
    size_t left;

    gate_conn_end_flight(conn);
    gate_conn_enter(conn, CONN_ANSWERING);
    if (conn->answer_left && !gate_conn_read_answer(conn, output))
        return;
    if (!gate_conn_write(conn, output->bytes, output->size, &left, &result))
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

void gate_request_refuse(struct gate_conn *conn, int status, const char *detail)
{
    struct gate *gate = conn->gate;
    char headers[64] = "", reason[256];
    size_t used;

    if (conn->state == CONN_HEAD) /* what stands there is of the request before */
        conn->http.head.method = 0;
    if (!conn->is_whole && conn->state == CONN_BODY && !conn->http.head.has_body)
        conn->is_whole = gate_http_feed(&conn->http, "", 0, &used) == GATE_HTTP_END;
    conn->keeps_alive = conn->keeps_alive && conn->is_whole;
    if (status == 503 || status == 429)
        snprintf(headers, sizeof headers, "Retry-After: 1\r\n");
    else if (status == 405)
        gate_reply_allow(conn->listener, conn->http.head.target, headers, sizeof headers);
    snprintf(reason, sizeof reason, "%s%s%s", detail, conn->state == CONN_BODY ? ": " : "",
             conn->state == CONN_BODY ? conn->http.head.target : "");
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
    if (gate_conn_write(conn, text, sizeof text - 1, &left, &result) && left)
        gate_conn_drop(conn, "the client reads nothing");
}

/* A body worth refusing before it comes. A short one is read, so that the connection can go on after the refusal: a thousand clients must
 * not all shake hands again because a worker was restarted. */
static bool is_long(const struct gate_http_head *head)
{
    return head->expects_continue || head->is_chunked || head->content_length > MESSAGE_INLINE_BODY_MAX;
}

static uint64_t body_max(const struct gate_conn *conn)
{
    const struct gate_limits *limits = &conn->gate->limits;
    return conn->route.endpoint->worker == API_INTAKE ? limits->body_max : limits->desk_body_max;
}

static void refuse_long(struct gate_conn *conn, uint64_t max)
{
    char detail[80];
    snprintf(detail, sizeof detail, "the body is longer than the %llu bytes that this site takes", (unsigned long long)max);
    gate_request_refuse(conn, 413, detail);
}

void gate_request_begin(struct gate_conn *conn)
{
    struct gate *gate = conn->gate;
    const struct gate_http_head *head = &conn->http.head;
    struct err err;

    gate_conn_enter(conn, CONN_BODY);
    conn->is_whole = false;
    conn->keeps_alive = head->keeps_alive && !gate->is_draining && conn->entered_ms - conn->born_ms < gate->limits.connection_age_ms;
    conn->route = gate_route_find(conn->listener, head, conn->has_key, conn->is_loopback);
    if (conn->route.status) {
        gate_request_refuse(conn, conn->route.status, conn->route.detail);
        return;
    }
    enum api_worker worker = conn->route.endpoint->worker;
    if (head->content_length > body_max(conn))
        refuse_long(conn, body_max(conn));
    else if (worker != API_GATE && !pool_of(conn))
        gate_request_refuse(conn, 403, "this gate does not reach what serves this path");
    else if (worker != API_GATE && is_long(head) && !gate_worker_is_there(pool_of(conn)))
        gate_request_refuse(conn, 503, "no worker is there to answer");
    else if (!gate_body_expect(&conn->body, head->content_length, &err))
        gate_request_refuse(conn, 503, err.text);
    else if (head->expects_continue && head->has_body)
        send_continue(conn);
}

void gate_request_body(struct gate_conn *conn)
{
    struct err err;

    gate_conn_moved(conn, conn->http.piece_size);
    if (conn->body.size + conn->http.piece_size > body_max(conn))
        refuse_long(conn, body_max(conn));
    else if (!gate_body_add(&conn->body, conn->http.piece, conn->http.piece_size, &err))
        gate_request_refuse(conn, 503, err.text);
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

void gate_request_answered(struct gate_worker_job *job, const struct message_response *response)
{
    struct gate_conn *conn = (struct gate_conn *)(void *)((char *)job - offsetof(struct gate_conn, job));

    if (response)
        answer(conn, response);
    else
        gate_request_refuse(conn, 503, "the worker went away before it answered");
    gate_conn_run(conn);
}

void gate_request_whole(struct gate_conn *conn)
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
        gate_request_refuse(conn, 429, "too many requests from this address are under way");
    else if (!gate_body_finish(&conn->body, &request->body, &request->body_fd, &err))
        gate_request_refuse(conn, 503, err.text);
    else if (!gate_worker_submit(pool_of(conn), &conn->job, &err))
        gate_request_refuse(conn, err.code == ERR_AGAIN ? 503 : err.code == ERR_LIMIT ? 431 : 500, err.text);
    else
        gate_conn_enter(conn, CONN_WAITING);
}
