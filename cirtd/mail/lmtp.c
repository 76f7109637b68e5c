#include "cirtd/mail/lmtp.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timestamp.h"

/* Beyond this many unsent bytes a client is not read from until it takes its replies. */
enum { REPLIES_WAITING_MAX = 64 * 1024, READ_SIZE = 64 * 1024, REPLIES_MAX = 4 * 1024 * 1024 };
/* What is stored together: so many messages, and no more bytes than these (a larger message goes alone). After so long a batch that fails
 * is not tried in halves any more: the client's patience is ten minutes (RFC 5321 section 4.5.3.2.6). */
enum { BATCH_COUNT_MAX = 64, BATCH_BYTES_MAX = 8 * 1024 * 1024, BATCH_TRY_MS = 10000, GATHER_MS_MAX = 5 };

struct server {
    const struct lmtp_config *config;
    struct lmtp_policy policy;
    struct lmtp_budget budget;
    struct lmtp_names names;
    unsigned connections_max, connection_count;
    struct timeval idle, drain;
    int64_t step_ms, patience_ms;
    struct event_base *events;
    struct evconnlistener *listener;
    struct event *on_terminate, *on_interrupt, *on_hangup, *drain_timer, *store_event, *watch_timer;
    struct connection *connections, *waiting, **waiting_end; /* waiting: whose messages are to be stored, the longest first */
    unsigned waiting_count;
    struct timeval gather; /* how long the first of them waits for others */
    bool is_draining;
};

struct connection {
    struct server *server;
    struct connection *previous, *next, *next_waiting;
    struct bufferevent *stream;
    struct lmtp_session *session;
    struct buf replies;
    uint64_t steps;            /* of the session, when it last came further: */
    int64_t step_ms, heard_ms; /* monotonic; when it last said anything */
    bool is_closing;           /* what is in the output goes, then the connection */
    bool is_waiting;           /* its message is to be stored; nothing more is taken from it till then */
};

static void leave_waiting(struct connection *connection)
{
    struct server *server = connection->server;
    struct connection **link = &server->waiting;
    while (*link != connection)
        link = &(*link)->next_waiting;
    *link = connection->next_waiting;
    if (!*link)
        server->waiting_end = link;
    connection->is_waiting = false;
    server->waiting_count--;
}

static void connection_drop(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->is_waiting)
        leave_waiting(connection);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    bufferevent_free(connection->stream);
    lmtp_session_free(connection->session);
    buf_clear(&connection->replies);
    free(connection);
    if (--server->connection_count == 0 && server->watch_timer)
        event_del(server->watch_timer);
    if (server->is_draining && server->connection_count == 0)
        event_base_loopbreak(server->events);
    else if (!server->is_draining && server->listener)
        evconnlistener_enable(server->listener);
}

static void send_replies(struct connection *connection)
{
    bufferevent_write(connection->stream, buf_text(&connection->replies), connection->replies.size);
    buf_reset(&connection->replies);
}

/* Stored together with the messages of others: at once where all connections wait, else after as long as the last transaction took, since
 * those that were answered then are sending again. One connection alone never waits. */
static void wait_for_store(struct connection *connection)
{
    struct server *server = connection->server;
    bool is_first = server->waiting == NULL;
    connection->is_waiting = true;
    connection->next_waiting = NULL;
    *server->waiting_end = connection;
    server->waiting_end = &connection->next_waiting;
    server->waiting_count++;
    if (server->waiting_count >= server->connection_count || server->waiting_count >= BATCH_COUNT_MAX)
        event_active(server->store_event, EV_TIMEOUT, 0);
    else if (is_first)
        evtimer_add(server->store_event, &server->gather);
}

static void store_batch(const struct lmtp_config *config, struct connection *const *batch, size_t count, int64_t end_ms)
{
    const struct lmtp_message *messages[BATCH_COUNT_MAX];
    struct err err;
    err_clear(&err);
    for (size_t i = 0; i < count; i++)
        messages[i] = lmtp_session_message(batch[i]->session);
    bool ok = config->store(config->store_context, messages, count, &err);
    if (!ok && count > 1 && err.code != ERR_LIMIT && timestamp_monotonic_ms() < end_ms) {
        store_batch(config, batch, count / 2, end_ms);
        store_batch(config, batch + count / 2, count - count / 2, end_ms);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!ok)
            log_warn("mail_not_stored", "size=%zu %s", messages[i]->size, log_err(&err));
        lmtp_session_answer(batch[i]->session, ok ? NULL : &err);
    }
}

/* Shuts the reading side; on_written() drops the connection when the last reply is gone. */
static void close_after_replies(struct connection *connection)
{
    connection->is_closing = true;
    bufferevent_disable(connection->stream, EV_READ);
    send_replies(connection);
}

static void say_goodbye(struct connection *connection)
{
    buf_printf(&connection->replies, "421 4.3.2 %s is shutting down\r\n", connection->server->config->hostname);
    close_after_replies(connection);
}

/* A server that ends says so where nothing is under way. */
static void send_or_end(struct connection *connection)
{
    if (connection->server->is_draining && lmtp_session_is_idle(connection->session))
        say_goodbye(connection);
    else
        send_replies(connection);
}

static void note_progress(struct connection *connection)
{
    uint64_t steps = lmtp_session_steps(connection->session);
    connection->heard_ms = timestamp_monotonic_ms();
    if (steps == connection->steps)
        return;
    connection->steps = steps;
    connection->step_ms = connection->heard_ms;
}

/* Feeds what has arrived, message after message, until nothing is left or the client should take its replies first. */
static void work(struct connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    while (!connection->is_closing && !connection->is_waiting && evbuffer_get_length(input) > 0 &&
           evbuffer_get_length(output) < REPLIES_WAITING_MAX) {
        size_t size = evbuffer_get_contiguous_space(input), used;
        enum lmtp_event event = lmtp_session_feed(connection->session, (const char *)evbuffer_pullup(input, (ev_ssize_t)size), size, &used);
        evbuffer_drain(input, used);
        note_progress(connection);
        if (event == LMTP_MESSAGE)
            wait_for_store(connection);
        if (event == LMTP_CLOSE)
            close_after_replies(connection);
        else
            send_or_end(connection);
    }
    if (!connection->is_closing && evbuffer_get_length(output) >= REPLIES_WAITING_MAX)
        bufferevent_disable(connection->stream, EV_READ);
}

/* The first of those that wait, as many as go together; *count of them. They wait no longer. */
static void take_batch(struct server *server, struct connection *batch[BATCH_COUNT_MAX], size_t *count)
{
    size_t bytes = 0;
    *count = 0;
    while (server->waiting && *count < BATCH_COUNT_MAX) {
        struct connection *connection = server->waiting;
        bytes += lmtp_session_message(connection->session)->size;
        if (*count > 0 && bytes > BATCH_BYTES_MAX)
            return;
        leave_waiting(connection);
        batch[(*count)++] = connection;
    }
}

/* Whoever comes to wait meanwhile waits for the next time. */
static void on_store(evutil_socket_t fd, short what, void *context)
{
    struct server *server = context;
    struct connection *batch[BATCH_COUNT_MAX];
    size_t count;
    UNUSED(fd);
    UNUSED(what);
    take_batch(server, batch, &count);
    int64_t begun_ms = timestamp_monotonic_ms();
    store_batch(server->config, batch, count, begun_ms + BATCH_TRY_MS);
    int64_t took_ms = timestamp_monotonic_ms() - begun_ms;
    server->gather.tv_usec = 1000 * (took_ms < GATHER_MS_MAX ? took_ms : GATHER_MS_MAX);
    evtimer_del(server->store_event);
    if (server->waiting)
        event_active(server->store_event, EV_TIMEOUT, 0);
    for (size_t i = 0; i < count; i++) {
        note_progress(batch[i]);
        send_or_end(batch[i]);
        work(batch[i]);
    }
}

static void on_readable(struct bufferevent *stream, void *context)
{
    UNUSED(stream);
    work(context);
}

static void on_written(struct bufferevent *stream, void *context)
{
    struct connection *connection = context;
    if (connection->is_waiting)
        return;
    if (connection->is_closing) {
        connection_drop(connection);
        return;
    }
    bufferevent_enable(stream, EV_READ);
    work(connection);
}

static void on_ended(struct bufferevent *stream, short what, void *context)
{
    struct connection *connection = context;
    if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING) && !connection->is_closing) {
        log_info("lmtp_idle", "seconds=%ld", (long)connection->server->idle.tv_sec);
        buf_printf(&connection->replies, "421 4.4.2 %s idle for too long\r\n", connection->server->config->hostname);
        close_after_replies(connection);
        return;
    }
    if ((what & BEV_EVENT_EOF) && (connection->is_waiting || evbuffer_get_length(bufferevent_get_output(stream)) > 0)) {
        connection->is_closing = true; /* a half-closed client still wants its answers */
        return;
    }
    connection_drop(connection);
}

/* --- clients that are slow, or do not move at all --- */

static void give_up(struct connection *connection, const char *why)
{
    char text[200];
    int size = snprintf(text, sizeof text, "421 4.4.2 %.100s %s\r\n", connection->server->config->hostname, why);
    ssize_t ignored = send(bufferevent_getfd(connection->stream), text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    UNUSED(ignored);
    log_info("lmtp_gave_up", "why=%s", log_quote(why));
    connection_drop(connection);
}

/* Nothing of theirs is lost by it: they have no answer yet, and come again. */
static bool may_give_way(const struct connection *connection, int64_t now_ms)
{
    return !connection->is_waiting && now_ms - connection->heard_ms >= connection->server->patience_ms;
}

static bool is_crowded(const struct server *server)
{
    return server->connection_count >= server->connections_max || server->budget.used > server->budget.max / 4 * 3;
}

static void on_watch(evutil_socket_t fd, short what, void *context)
{
    struct server *server = context;
    struct connection *next, *longest = NULL;
    int64_t now_ms = timestamp_monotonic_ms();
    UNUSED(fd);
    UNUSED(what);
    for (struct connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        if (!connection->is_waiting && now_ms - connection->step_ms >= server->step_ms)
            give_up(connection, "too slow");
        else if (may_give_way(connection, now_ms) && (!longest || connection->heard_ms <= longest->heard_ms))
            longest = connection;
    }
    if (longest && is_crowded(server))
        give_up(longest, "too quiet while others wait");
}

static bool may_connect(const struct server *server, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    for (size_t i = 0; i < server->names.user_id_count; i++)
        if (server->names.user_ids[i] == peer.uid)
            return true;
    log_warn("lmtp_refused", "uid=%ld", (long)peer.uid);
    return false;
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size, void *context)
{
    static const char refusal[] = "421 4.7.0 this user may not deliver here\r\n";
    struct server *server = context;
    UNUSED(address);
    UNUSED(size);
    if (!may_connect(server, fd)) {
        ssize_t ignored = send(fd, refusal, sizeof refusal - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        UNUSED(ignored);
        evutil_closesocket(fd);
        return;
    }
    struct connection *connection = mem_calloc(1, sizeof *connection);
    connection->server = server;
    connection->stream = bufferevent_socket_new(server->events, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!connection->stream)
        BUG("out of memory for a connection");
    buf_init(&connection->replies, REPLIES_MAX);
    connection->session = lmtp_session_new(&server->policy, &connection->replies);
    connection->step_ms = connection->heard_ms = timestamp_monotonic_ms();
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    if (server->connection_count++ == 0)
        event_add(server->watch_timer, &(struct timeval){.tv_sec = 1});
    if (server->connection_count >= server->connections_max)
        evconnlistener_disable(listener);
    bufferevent_setcb(connection->stream, on_readable, on_written, on_ended, connection);
    bufferevent_setwatermark(connection->stream, EV_READ, 0, READ_SIZE);
    bufferevent_set_timeouts(connection->stream, &server->idle, &server->idle);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
    send_replies(connection);
}

static void on_drained(evutil_socket_t fd, short what, void *context)
{
    struct server *server = context;
    UNUSED(fd);
    UNUSED(what);
    log_warn("lmtp_drain_ended", "connections=%u", server->connection_count);
    event_base_loopbreak(server->events);
}

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
    struct server *server = context;
    UNUSED(signal_number);
    UNUSED(what);
    if (server->is_draining)
        return;
    server->is_draining = true;
    evconnlistener_free(server->listener);
    server->listener = NULL;
    for (struct connection *connection = server->connections; connection; connection = connection->next)
        if (!connection->is_closing && lmtp_session_is_idle(connection->session))
            say_goodbye(connection);
    if (server->connection_count == 0)
        event_base_loopbreak(server->events);
    else
        evtimer_add(server->drain_timer, &server->drain);
}

static void set_names(struct server *server, const struct lmtp_names *names)
{
    server->names = *names;
    server->policy.domain = names->domain;
    server->policy.local_parts = names->local_parts;
    server->policy.local_part_count = names->local_part_count;
}

static void on_reload(evutil_socket_t signal_number, short what, void *context)
{
    struct server *server = context;
    struct lmtp_names names;
    struct err err;
    UNUSED(signal_number);
    UNUSED(what);
    err_clear(&err);
    if (!server->config->reload)
        return;
    if (!server->config->reload(server->config->store_context, &names, &err)) {
        log_error("reload_failed", "%s", log_err(&err));
        return;
    }
    set_names(server, &names);
    log_info("reloaded", "addresses=%zu users=%zu", names.local_part_count, names.user_id_count);
}

static bool socket_listen(const struct lmtp_config *config, int *out, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(config->socket_path) >= sizeof address.sun_path)
        return err_set(err, ERR_INTERNAL, "socket path %s is longer than %zu bytes", config->socket_path, sizeof address.sun_path - 1);
    strcpy(address.sun_path, config->socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "socket: %s", strerror(errno));
    if (unlink(config->socket_path) != 0 && errno != ENOENT)
        goto failed;
    /* The mode must be right from the first moment: others could connect between bind and chmod. */
    mode_t before = umask(0117);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound != 0 || (config->socket_group != (gid_t)-1 && chown(config->socket_path, (uid_t)-1, config->socket_group) != 0))
        goto failed;
    if (listen(fd, 128) != 0)
        goto failed;
    *out = fd;
    return true;
failed:
    err_set(err, ERR_INTERNAL, "LMTP socket %s: %s", config->socket_path, strerror(errno));
    close(fd);
    return false;
}

static void server_init(struct server *server, const struct lmtp_config *config)
{
    size_t size_max = config->size_max ? config->size_max : 32 * 1024 * 1024;
    size_t memory_max = config->memory_max ? config->memory_max : 128 * 1024 * 1024;
    *server = (struct server){
        .config = config,
        /* Twice a message: the buffer's capacity is a power of two. */
        .budget = {.max = memory_max > 2 * size_max ? memory_max : 2 * size_max + 64 * 1024},
        .connections_max = config->connections_max ? config->connections_max : 64,
        .idle = {.tv_sec = config->idle_seconds ? config->idle_seconds : 300},
        .drain = {.tv_sec = config->drain_seconds ? config->drain_seconds : 10},
        .step_ms = (config->step_seconds ? config->step_seconds : 600) * 1000LL,
        .patience_ms = (config->patience_seconds ? config->patience_seconds : 20) * 1000LL,
    };
    server->waiting_end = &server->waiting;
    server->policy = (struct lmtp_policy){.hostname = config->hostname, .size_max = size_max, .budget = &server->budget};
    set_names(server, &config->names);
}

static void server_clear(struct server *server)
{
    server->is_draining = true;
    while (server->connections)
        connection_drop(server->connections);
    if (server->listener)
        evconnlistener_free(server->listener);
    struct event *const events[] = {server->on_terminate, server->on_interrupt, server->on_hangup,
                                    server->drain_timer,  server->store_event,  server->watch_timer};
    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        if (events[i])
            event_free(events[i]);
    if (server->events)
        event_base_free(server->events);
}

/* The listener takes fd. */
static bool watch_for(struct server *server, int fd)
{
    server->listener = evconnlistener_new(server->events, on_connection, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    server->on_terminate = evsignal_new(server->events, SIGTERM, on_signal, server);
    server->on_interrupt = evsignal_new(server->events, SIGINT, on_signal, server);
    server->on_hangup = evsignal_new(server->events, SIGHUP, on_reload, server);
    server->drain_timer = evtimer_new(server->events, on_drained, server);
    server->store_event = evtimer_new(server->events, on_store, server);
    server->watch_timer = event_new(server->events, -1, EV_PERSIST, on_watch, server);
    return server->listener && server->on_terminate && server->on_interrupt && server->on_hangup && server->drain_timer &&
           server->store_event && server->watch_timer && event_add(server->on_terminate, NULL) == 0 &&
           event_add(server->on_interrupt, NULL) == 0 && event_add(server->on_hangup, NULL) == 0;
}

bool lmtp_run(const struct lmtp_config *config, struct err *err)
{
    struct server server;
    bool ok = false;
    int fd = -1;
    server_init(&server, config);
    signal(SIGPIPE, SIG_IGN);
    if (!socket_listen(config, &fd, err))
        goto done;
    server.events = event_base_new();
    if (!watch_for(&server, fd)) {
        err_set(err, ERR_INTERNAL, "libevent cannot be set up");
        goto done;
    }
    if (config->on_ready)
        config->on_ready(config->store_context);
    ok = event_base_dispatch(server.events) >= 0;
    if (!ok)
        err_set(err, ERR_INTERNAL, "the event loop failed: %s", strerror(errno));
    unlink(config->socket_path);
done:
    server_clear(&server);
    return ok;
}
