#include "cirtd/worker.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seqpacket.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "wire/problem.h"

enum { CONNECTIONS_MAX = 16, IDLE_MS = 1000, SEND_MS_MAX = 5000, BUSY_REQUESTS = 8, GATHER_MS_MAX = 2 };

struct worker {
    int listen_fd;
    int connections[CONNECTIONS_MAX];
    size_t connection_count;
    uid_t *allowed;
    size_t allowed_count;
    struct worker_request requests[WORKER_BATCH_MAX];
    size_t request_count, bytes;
    int64_t gather_ms; /* before the next turn's requests are taken */
    char *packet;      /* SEQPACKET_SIZE_MAX */
    struct buf answer;
};

/* The path of a worker's socket; the caller's. */
static char *socket_path(const struct config *config, const char *role, int instance)
{
    return mem_printf("%s/%s/%d.sock", config->run, role, instance);
}

/* --- answering --- */

static void drop_connection(struct worker *worker, int fd)
{
    for (size_t i = 0; i < worker->connection_count; i++) {
        if (worker->connections[i] != fd)
            continue;
        close(fd);
        worker->connections[i] = worker->connections[--worker->connection_count];
        break;
    }
    for (size_t i = 0; i < worker->request_count; i++)
        if (worker->requests[i].connection == fd)
            worker->requests[i].connection = -1;
}

/* A gate that does not read its answers for seconds is broken; it is dropped, and connects again. */
static void send_answer(struct worker *worker, int fd, int body_fd)
{
    struct err err;
    for (int waited = 0; waited < SEND_MS_MAX; waited += 100) {
        if (seqpacket_send(fd, worker->answer.bytes, worker->answer.size, body_fd, &err))
            return;
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, 100) > 0 && wait.revents & (POLLERR | POLLHUP))
            break;
    }
    log_warn("answer_lost", "%s", log_err(&err));
    drop_connection(worker, fd);
}

void worker_answer(struct worker_request *request, int status, const char *content_type, const char *headers, const char *body, size_t size)
{
    struct err err;
    int body_fd = -1;
    if (request->is_answered)
        BUG("a request was answered twice");
    request->is_answered = true;
    if (request->connection < 0)
        return;
    struct message_response response = {.id = request->message.id,
                                        .status = status,
                                        .content_type = content_type,
                                        .headers = headers,
                                        .body = body,
                                        .body_size = size,
                                        .body_fd = -1};
    if (size > MESSAGE_INLINE_BODY_MAX) {
        if (!message_body_to_fd(body, size, &body_fd, &err)) {
            log_error("answer_failed", "%s", log_err(&err));
            return;
        }
        response.body = NULL;
        response.body_fd = body_fd;
    }
    buf_reset(&request->worker->answer);
    if (message_pack_response(&response, &request->worker->answer, &err))
        send_answer(request->worker, request->connection, body_fd);
    else
        log_error("answer_failed", "%s", log_err(&err));
    if (body_fd >= 0)
        close(body_fd);
}

static void answer_problem(struct worker_request *request, int status, const char *headers, const char *detail, const char *members)
{
    struct buf body;
    buf_init(&body, 64 * 1024);
    problem_begin(&body, status, detail);
    buf_add_text(&body, members);
    buf_add_char(&body, '}');
    worker_answer(request, status, "application/problem+json", headers, body.bytes, body.size);
    buf_clear(&body);
}

void worker_problem(struct worker_request *request, int status, const char *detail, const char *members)
{
    answer_problem(request, status, status == 503 || status == 429 ? "Retry-After: 2\r\n" : "", detail, members);
}

void worker_problem_later(struct worker_request *request, int status, int seconds, const char *detail)
{
    char headers[40];
    snprintf(headers, sizeof headers, "Retry-After: %d\r\n", seconds);
    answer_problem(request, status, headers, detail, "");
}

void worker_problem_err(struct worker_request *request, const struct err *err)
{
    static const int statuses[] = {
        [ERR_NONE] = 500,   [ERR_INPUT] = 400, [ERR_NOT_FOUND] = 404, [ERR_CONFLICT] = 409,
        [ERR_DENIED] = 403, [ERR_LIMIT] = 413, [ERR_AGAIN] = 503,     [ERR_INTERNAL] = 500,
    };
    struct buf members;
    buf_init(&members, 4096);
    if (err->at[0]) {
        buf_add_text(&members, ",\"at\":");
        str_add_json(&members, err->at);
    }
    int status = statuses[err->code];
    if (status == 500)
        log_error("request_failed", "path=%s %s", log_quote(request->message.path), log_err(err));
    worker_problem(request, status,
                   status == 500   ? "an error of ours; the log has more"
                   : status == 503 ? PROBLEM_AGAIN
                                   : err->text,
                   buf_text(&members));
    buf_clear(&members);
}

/* --- connections --- */

static bool find_allowed(struct worker *worker, const char *const *users, struct err *err)
{
    size_t count = 0;
    while (users[count])
        count++;
    worker->allowed = mem_calloc(count + 1, sizeof *worker->allowed);
    worker->allowed[worker->allowed_count++] = getuid();
    for (size_t i = 0; i < count; i++) {
        errno = 0;
        const struct passwd *user = getpwnam(users[i]);
        if (user)
            worker->allowed[worker->allowed_count++] = user->pw_uid;
        else if (errno)
            return err_set(err, ERR_INTERNAL, "user %s: %s", users[i], strerror(errno));
    }
    return true;
}

static bool may_connect(const struct worker *worker, int fd)
{
    struct err err;
    uid_t uid;
    if (!seqpacket_peer_uid(fd, &uid, &err))
        return false;
    for (size_t i = 0; i < worker->allowed_count; i++)
        if (worker->allowed[i] == uid)
            return true;
    log_error("connection_refused", "uid=%d", (int)uid);
    return false;
}

static void accept_connection(struct worker *worker)
{
    int fd = accept4(worker->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (worker->connection_count == CONNECTIONS_MAX || !may_connect(worker, fd)) {
        close(fd);
        return;
    }
    worker->connections[worker->connection_count++] = fd;
}

/* Takes one packet. False where there is none (or no more from this gate). */
static bool take_packet(struct worker *worker, int fd)
{
    struct err err;
    size_t size = 0;
    int body_fd = -1;
    if (!seqpacket_receive(fd, worker->packet, SEQPACKET_SIZE_MAX, &size, &body_fd, &err)) {
        if (err.code != ERR_AGAIN)
            drop_connection(worker, fd);
        return false;
    }
    if (size == 0) {
        drop_connection(worker, fd);
        return false;
    }
    struct worker_request *request = &worker->requests[worker->request_count];
    *request = (struct worker_request){.worker = worker, .connection = fd, .packet = mem_calloc(1, size)};
    memcpy(request->packet, worker->packet, size);
    if (!message_unpack_request(request->packet, size, body_fd, &request->message, &err)) {
        log_error("packet_refused", "%s", log_err(&err));
        free(request->packet);
        if (body_fd >= 0)
            close(body_fd);
        drop_connection(worker, fd);
        return false;
    }
    worker->request_count++;
    worker->bytes += size;
    return true;
}

static void take_waiting(struct worker *worker, const struct pollfd *polled, size_t count)
{
    worker->request_count = 0;
    worker->bytes = 0;
    /* Turn by turn, so that one busy gate does not keep the other out. */
    bool any = true;
    while (any && worker->request_count < WORKER_BATCH_MAX && worker->bytes < WORKER_BATCH_BYTES_MAX) {
        any = false;
        for (size_t i = 1; i < count && worker->request_count < WORKER_BATCH_MAX; i++)
            if (polled[i].revents && take_packet(worker, polled[i].fd))
                any = true;
    }
}

static void finish_requests(struct worker *worker)
{
    for (size_t i = 0; i < worker->request_count; i++) {
        struct worker_request *request = &worker->requests[i];
        if (!request->is_answered)
            worker_problem(request, 500, "the request was left without an answer", "");
        if (request->message.body_fd >= 0)
            close(request->message.body_fd);
        free(request->packet);
    }
    worker->request_count = 0;
}

static size_t fill_poll(const struct worker *worker, struct pollfd *polled)
{
    polled[0] = (struct pollfd){.fd = worker->listen_fd, .events = POLLIN};
    for (size_t i = 0; i < worker->connection_count; i++)
        polled[i + 1] = (struct pollfd){.fd = worker->connections[i], .events = POLLIN};
    return worker->connection_count + 1;
}

/* Requests that are worked together share a transaction, which costs as much as a dozen of them. Where many come at a time, as long as the
 * last ones took is waited for more; the processor is another's meanwhile. */
static void gather(const struct worker *worker)
{
    int64_t wait_ms = worker->gather_ms < GATHER_MS_MAX ? worker->gather_ms : GATHER_MS_MAX;
    if (wait_ms > 0 && !stage_is_ending())
        nanosleep(&(struct timespec){.tv_nsec = (long)wait_ms * 1000000}, NULL);
}

/* One wait and what came of it; returns how many requests there were. */
static size_t turn(struct worker *worker, int wait_ms, worker_handler handler, void *context)
{
    struct pollfd polled[CONNECTIONS_MAX + 1];
    size_t count = fill_poll(worker, polled);
    if (poll(polled, count, wait_ms) <= 0)
        return 0;
    gather(worker);
    take_waiting(worker, polled, count);
    size_t requests = worker->request_count;
    int64_t begun_ms = timestamp_monotonic_ms();
    if (requests)
        handler(context, worker->requests, requests);
    finish_requests(worker);
    worker->gather_ms = requests < BUSY_REQUESTS ? 0 : (timestamp_monotonic_ms() - begun_ms) / 2;
    if (polled[0].revents)
        accept_connection(worker);
    return requests;
}

bool worker_loop(const struct role_context *role, const char *const *allowed_users, worker_handler handler, worker_idle idle, void *context,
                 struct err *err)
{
    struct worker *worker = mem_calloc(1, sizeof *worker);
    char *path = socket_path(role->config, role->role->name, role->instance);
    worker->listen_fd = -1;
    worker->packet = mem_calloc(1, SEQPACKET_SIZE_MAX);
    buf_init(&worker->answer, SEQPACKET_SIZE_MAX);
    bool ok = find_allowed(worker, allowed_users, err) && seqpacket_listen(path, 0666, &worker->listen_fd, err);
    while (ok && !stage_is_ending()) {
        bool is_reload = stage_take_reload();
        if ((turn(worker, IDLE_MS, handler, context) == 0 || is_reload) && idle)
            idle(context, is_reload);
    }
    /* The gates are stopped before us: what still waits is answered. */
    while (ok && turn(worker, 0, handler, context) > 0)
        continue;
    for (size_t i = 0; i < worker->connection_count; i++)
        close(worker->connections[i]);
    if (worker->listen_fd >= 0)
        close(worker->listen_fd);
    buf_clear(&worker->answer);
    free(worker->allowed);
    free(worker->packet);
    free(worker);
    free(path);
    return ok;
}
