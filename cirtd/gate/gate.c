#include "cirtd/gate/gate.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timestamp.h"
#include "cirtd/gate/gate_conn.h"
#include "cirtd/gate/gate_state.h"

/* ACCEPT_MAX: connections taken before others get their turn; SWEEP_MS: how late a time limit may be noticed. */
enum { SWEEP_MS = 100, ACCEPT_MAX = 4, BACKLOG = 1024, SIGNALS = 3, HEAD_ROOM = 2 * MESSAGE_HEAD_MAX };

/* The whole process of a gate. */
struct server {
    struct gate gate;
    const struct gate_config *config; /* the newest */
    struct event *signals[SIGNALS];
    struct event *sweep;
    int64_t drain_until_ms;
};

void gate_defaults(struct gate_config *config)
{
    *config = (struct gate_config){.limits = {.connections_max = 4096,
                                              .connections_per_address_max = 256,
                                              .handshakes_max = 256,
                                              .requests_max = 1024,
                                              .requests_per_address_max = 256,
                                              .body_max = UINT64_C(1) << 30,
                                              .desk_body_max = UINT64_C(4) << 20,
                                              .spool_max = UINT64_C(4) << 30,
                                              .handshake_ms = 10000,
                                              .handshake_crowded_ms = 1000,
                                              .head_ms = 10000,
                                              .idle_ms = 60000,
                                              .body_grace_ms = 10000,
                                              .body_rate_min = 1024,
                                              .worker_ms = 60000,
                                              .connection_age_ms = 3600000,
                                              .drain_ms = 10000}};
}

static const char *kind_name(enum message_listener kind)
{
    return kind == MESSAGE_FEEDS ? "feeds" : kind == MESSAGE_ANALYSTS ? "analysts" : "rid";
}

/* Takes one connection; false where none is waiting, or none can be taken now. */
static bool accept_one(struct gate_listener *listener)
{
    struct gate *gate = listener->gate;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    char text[INET6_ADDRSTRLEN];
    const char *reason = NULL;
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        log_error("accept_failed", "listener=%s error=%s", listener->name, log_quote(strerror(errno)));
        event_del(&listener->acceptable); /* until the next sweep: the backlog holds them */
    }
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    struct gate_limits_address *address = gate_limits_enter(gate->addresses, &gate->limits, (struct sockaddr *)&peer, &reason);
    if (address && gate->stats.handshakes >= gate->limits.handshakes_max && !gate_conn_push_out(gate, address, timestamp_monotonic_ms())) {
        gate_limits_leave(gate->addresses, address);
        address = NULL;
        reason = "too many handshakes";
    }
    if (address) {
        gate_conn_new(listener, fd, (struct sockaddr *)&peer, address);
        return true;
    }
    gate_limits_text((struct sockaddr *)&peer, text, sizeof text);
    gate->stats.connections_refused_total++;
    gate_stats_refused(&gate->stats, timestamp_monotonic_ms(), "connection_refused", listener->name, text, 0, reason);
    close(fd);
    return true;
}

static void on_acceptable(evutil_socket_t fd, short what, void *owner)
{
    UNUSED(fd);
    UNUSED(what);
    for (int i = 0; i < ACCEPT_MAX && accept_one(owner); i++)
        ;
}

/* Makes the socket; *port is where it listens in the end. */
static bool open_socket(const struct gate_listener_config *config, int *fd, int *port, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char service[16];
    int on = 1;
    bool ok = false;

    snprintf(service, sizeof service, "%d", config->port);
    int problem = getaddrinfo(config->address, service, &hints, &found);
    if (problem)
        return err_set(err, ERR_INPUT, "cannot listen on %s port %d: %s", config->address, config->port, gai_strerror(problem));
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        err_set(err, ERR_INTERNAL, "no socket for %s: %s", config->address, strerror(errno));
        goto done;
    }
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Accepted sockets inherit it. Without it each answer may wait 40 ms for the client's delayed acknowledgement. */
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(*fd, found->ai_addr, found->ai_addrlen) != 0 || listen(*fd, BACKLOG) != 0 ||
        getsockname(*fd, (struct sockaddr *)&bound, &size) != 0) {
        err_set(err, ERR_INPUT, "cannot listen on %s port %d: %s", config->address, config->port, strerror(errno));
        close(*fd);
        *fd = -1;
        goto done;
    }
    /* sin_port and sin6_port stand at the same place. */
    *port = ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
    ok = true;
done:
    freeaddrinfo(found);
    return ok;
}

static bool open_listeners(struct gate *gate, const struct gate_config *config, int *ports, struct err *err)
{
    if (config->listener_count == 0 || config->listener_count > GATE_LISTENERS_MAX)
        return err_set(err, ERR_INPUT, "a gate has 1 to %d listeners", GATE_LISTENERS_MAX);
    for (size_t i = 0; i < config->listener_count; i++) {
        struct gate_listener *listener = &gate->listeners[i];
        *listener = (struct gate_listener){.gate = gate, .kind = config->listeners[i].kind, .fd = -1};
        listener->name = kind_name(listener->kind);
        gate->listener_count++;
        if (!mtls_server_new(&config->listeners[i].tls, &listener->tls, err) ||
            !open_socket(&config->listeners[i], &listener->fd, &ports[i], err))
            return err_context(err, "listener %s", listener->name);
        event_assign(&listener->acceptable, gate->base, listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
        event_priority_set(&listener->acceptable, GATE_PRIORITY_NEWCOMERS);
        event_add(&listener->acceptable, NULL);
        if (*mtls_context_warning(listener->tls))
            log_warn("crl_old", "listener=%s warning=%s", listener->name, log_quote(mtls_context_warning(listener->tls)));
    }
    return true;
}

static void close_listeners(struct gate *gate)
{
    for (size_t i = 0; i < gate->listener_count; i++) {
        struct gate_listener *listener = &gate->listeners[i];
        if (listener->fd >= 0) {
            event_del(&listener->acceptable);
            close(listener->fd);
        }
        listener->fd = -1;
    }
}

static bool new_contexts(const struct gate *gate, const struct gate_config *config, struct mtls_context **contexts, struct err *err)
{
    if (config->listener_count != gate->listener_count)
        return err_set(err, ERR_INPUT, "another number of listeners needs a restart");
    for (size_t i = 0; i < gate->listener_count; i++)
        if (!mtls_server_new(&config->listeners[i].tls, &contexts[i], err))
            return err_context(err, "listener %s", gate->listeners[i].name);
    return true;
}

/* All or nothing: with one file wrong the gate goes on with what it has. Connections that are open keep their session. */
static bool gate_reload(struct server *server, struct err *err)
{
    struct gate *gate = &server->gate;
    const struct gate_config *fresh = server->config;
    struct mtls_context *contexts[GATE_LISTENERS_MAX] = {NULL};

    if (fresh->load)
        fresh = fresh->load(fresh->owner, err);
    if (!fresh)
        return false;
    bool ok = new_contexts(gate, fresh, contexts, err);
    for (size_t i = 0; i < gate->listener_count; i++) {
        struct mtls_context *unused = ok ? gate->listeners[i].tls : contexts[i];
        if (ok)
            gate->listeners[i].tls = contexts[i];
        mtls_context_free(unused);
    }
    if (!ok)
        return false;
    server->config = fresh;
    gate->limits = fresh->limits;
    gate->spool.max = fresh->limits.spool_max;
    return true;
}

static void on_signal(evutil_socket_t number, short what, void *owner)
{
    struct server *server = owner;
    struct err err;
    UNUSED(what);

    if (number == SIGHUP) {
        if (gate_reload(server, &err))
            log_info("reloaded", "listeners=%zu", server->gate.listener_count);
        else
            log_error("reload_failed", "%s", log_err(&err));
    } else if (!server->gate.is_draining) {
        log_info("stopping", "signal=%d connections=%zu", (int)number, server->gate.stats.connections);
        server->drain_until_ms = timestamp_monotonic_ms() + server->gate.limits.drain_ms;
        close_listeners(&server->gate);
        gate_conn_drain(&server->gate);
        if (!server->gate.conns)
            event_base_loopbreak(server->gate.base);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *owner)
{
    struct server *server = owner;
    struct gate *gate = &server->gate;
    int64_t now_ms = timestamp_monotonic_ms();
    UNUSED(fd);
    UNUSED(what);

    gate_conn_sweep(gate, now_ms);
    for (size_t i = 0; i < gate->listener_count; i++)
        if (gate->listeners[i].fd >= 0 && !event_pending(&gate->listeners[i].acceptable, EV_READ, NULL))
            event_add(&gate->listeners[i].acceptable, NULL);
    if (gate->is_draining && (!gate->conns || now_ms >= server->drain_until_ms))
        event_base_loopbreak(gate->base);
}

static struct event_base *new_base(void)
{
    struct event_config *settings = event_config_new();
    struct event_base *base = NULL;

    /* After each step of a newcomer (a handshake takes most of a millisecond) the loop looks whether a client or worker has something. */
    if (settings && event_config_set_max_dispatch_interval(settings, NULL, 1, GATE_PRIORITY_NEWCOMERS) == 0)
        base = event_base_new_with_config(settings);
    if (settings)
        event_config_free(settings);
    if (!base || event_base_priority_init(base, GATE_PRIORITIES) != 0)
        BUG("libevent gives no event base");
    return base;
}

static void start(struct server *server)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    static const struct timeval every = {.tv_usec = SWEEP_MS * 1000};
    struct gate *gate = &server->gate;
    const struct gate_config *config = server->config;

    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SIGNALS; i++) {
        server->signals[i] = evsignal_new(gate->base, numbers[i], on_signal, server);
        event_add(server->signals[i], NULL);
    }
    server->sweep = event_new(gate->base, -1, EV_PERSIST, on_sweep, server);
    event_priority_set(server->sweep, GATE_PRIORITY_CLIENTS);
    event_add(server->sweep, &every);
    if (config->intake_count)
        gate->intake = gate_worker_pool_new(gate->base, "intake", config->intake_sockets, config->intake_count, config->limits.requests_max,
                                            &gate->stats, &gate->stats.intake_workers);
    if (config->desk_count)
        gate->desk = gate_worker_pool_new(gate->base, "desk", config->desk_sockets, config->desk_count, config->limits.requests_max,
                                          &gate->stats, &gate->stats.desk_workers);
}

static void stop(struct server *server)
{
    struct gate *gate = &server->gate;

    close_listeners(gate);
    gate_conn_drop_all(gate, "the gate stops");
    gate_worker_pool_free(gate->intake);
    gate_worker_pool_free(gate->desk);
    for (size_t i = 0; i < gate->listener_count; i++)
        mtls_context_free(gate->listeners[i].tls);
    for (int i = 0; i < SIGNALS; i++)
        if (server->signals[i])
            event_free(server->signals[i]);
    if (server->sweep)
        event_free(server->sweep);
    event_base_free(gate->base);
    gate_limits_table_free(gate->addresses);
    buf_clear(&gate->output);
    buf_clear(&gate->text);
    free(server);
}

bool gate_run(const struct gate_config *config, struct err *err)
{
    struct server *server = mem_calloc(1, sizeof *server);
    struct gate *gate = &server->gate;
    int ports[GATE_LISTENERS_MAX] = {0};

    server->config = config;
    gate->limits = config->limits;
    gate->spool = (struct gate_spool){.dir = config->spool_dir, .max = config->limits.spool_max};
    gate->addresses = gate_limits_table_new();
    gate->base = new_base();
    buf_init(&gate->output, MESSAGE_INLINE_BODY_MAX + HEAD_ROOM);
    buf_init(&gate->text, MESSAGE_INLINE_BODY_MAX);
    bool ok = gate_body_check_spool(&gate->spool, err) && open_listeners(gate, config, ports, err);
    if (ok) {
        start(server);
        for (size_t i = 0; i < gate->listener_count; i++)
            log_info("listening", "listener=%s address=%s port=%d", gate->listeners[i].name, config->listeners[i].address, ports[i]);
        if (config->on_ready)
            config->on_ready(config->owner, ports, gate->listener_count);
        event_base_dispatch(gate->base);
    }
    stop(server);
    return ok;
}
