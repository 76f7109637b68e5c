/*
 * tests/support/gate_fixture.h - a real gate_run() in a child with throw-away certificates, toy workers behind real SEQPACKET sockets, and
 * a TLS client that says what it saw. Included by one test program each.
 */
#ifndef CIRT_TESTS_GATE_FIXTURE_H
#define CIRT_TESTS_GATE_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pki.h"
#include "tls_client.h"

#include "base/log.h"
#include "base/seqpacket.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/gate/gate.h"
#include "wire/api.h"
#include "wire/message.h"

static char dir[] = "/tmp/cirt-gate-XXXXXX";

/* Path of a file in dir, in one of a few buffers. */
static inline const char *in_dir(const char *name)
{
    static char paths[64][PKI_PATH_SIZE];
    static unsigned turn;
    char *path = paths[turn++ % 64];
    snprintf(path, PKI_PATH_SIZE, "%s/%s", dir, name);
    return path;
}

/* ---- the toy worker: ?name= of the request says what it does ---- */

static inline void worker_answer(int fd, const struct message_request *request, const char *headers)
{
    struct message_response response = {.id = request->id, .status = 200, .content_type = "text/plain", .headers = headers, .body_fd = -1};
    char *body = malloc(request->body_size + 1);
    struct buf packet;
    struct err err;

    if (request->body)
        memcpy(body, request->body, request->body_size);
    else if (pread(request->body_fd, body, request->body_size, 0) != (ssize_t)request->body_size)
        response.status = 500;
    response.body = body;
    response.body_size = request->body_size;
    if (response.body_size > MESSAGE_INLINE_BODY_MAX && !message_body_to_fd(body, response.body_size, &response.body_fd, &err))
        abort();
    buf_init(&packet, SEQPACKET_SIZE_MAX);
    if (!message_pack_response(&response, &packet, &err) || !seqpacket_send(fd, packet.bytes, packet.size, response.body_fd, &err))
        fprintf(stderr, "toy worker: %s\n", err.text);
    if (response.body_fd >= 0)
        close(response.body_fd);
    buf_clear(&packet);
    free(body);
}

/* False: it plays dead. */
static inline bool worker_handle(int fd, const struct message_request *request)
{
    char what[40] = "", headers[400], key[2 * MESSAGE_KEY_SIZE + 1];

    if (!api_query_value(request->path, "name", what, sizeof what))
        what[0] = '\0';
    str_hex(request->key, MESSAGE_KEY_SIZE, key);
    snprintf(headers, sizeof headers, "X-Key: %s\r\nX-Seen: %d %d %s %s %s %s %s\r\n", key, request->listener, request->method,
             request->content_type, request->content_encoding, request->if_match, request->peer_address,
             request->body_fd < 0                    ? "inline"
             : write(request->body_fd, "x", 1) == -1 ? "file"
                                                     : "writable file");
    if (str_equal(what, "die"))
        return false;
    if (str_equal(what, "hang"))
        return true;
    if (str_equal(what, "slow"))
        usleep(400 * 1000);
    worker_answer(fd, request, str_equal(what, "broken") ? "X: y\r\n\r\nHTTP/1.1 200 OK\r\n" : headers);
    return true;
}

static inline void worker_serve(int fd)
{
    static char bytes[SEQPACKET_SIZE_MAX];
    struct message_request request;
    struct err err;
    size_t size;
    int passed;
    bool goes_on = true;

    while (goes_on && seqpacket_receive(fd, bytes, sizeof bytes, &size, &passed, &err) && size > 0) {
        goes_on = message_unpack_request(bytes, size, passed, &request, &err) && worker_handle(fd, &request);
        if (passed >= 0)
            close(passed);
    }
    close(fd);
}

static inline pid_t start_worker(const char *path)
{
    struct err err;
    int listening;
    bool ok = seqpacket_listen(path, 0600, &listening, &err);
    pid_t pid = ok ? fork() : -1;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fcntl(listening, F_SETFL, 0);
        for (;;) {
            int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0)
                worker_serve(fd);
        }
    }
    assert_true(ok);
    close(listening);
    return pid;
}

/* ---- the gate in a child ---- */

struct fixture {
    struct gate_config config;
    pid_t gate, intake, desk;
    int ports[GATE_LISTENERS_MAX];
    int ready_fd;
};

static inline void on_ready(void *owner, const int *ports, size_t count)
{
    struct fixture *fixture = owner;
    if (write(fixture->ready_fd, ports, count * sizeof *ports) < 0)
        _exit(1);
    close(fixture->ready_fd);
}

static inline struct mtls_settings server_tls(void)
{
    return (struct mtls_settings){
        .certificate_path = in_dir("gate.crt"), .key_path = in_dir("gate.key"), .ca_path = in_dir("ca.crt"), .crl_path = in_dir("ca.crl")};
}

/* FEEDS, ANALYSTS and RID in this order, quick limits. */
static inline void prepare(struct fixture *fixture)
{
    static const enum message_listener kinds[] = {MESSAGE_FEEDS, MESSAGE_ANALYSTS, MESSAGE_RID};

    memset(fixture, 0, sizeof *fixture);
    gate_defaults(&fixture->config);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        fixture->config.listeners[i] = (struct gate_listener_config){.kind = kinds[i], .address = "127.0.0.1", .tls = server_tls()};
    fixture->config.listener_count = ARRAY_SIZE(kinds);
    fixture->config.intake_sockets[0] = in_dir("intake.sock");
    fixture->config.intake_count = 1;
    fixture->config.desk_sockets[0] = in_dir("desk.sock");
    fixture->config.desk_count = 1;
    fixture->config.owner = fixture;
    fixture->config.on_ready = on_ready;
}

static inline void start_gate(struct fixture *fixture)
{
    int ready[2];

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    fixture->gate = fork();
    if (fixture->gate == 0) {
        struct err err;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        log_open("gate/test", getenv("CIRT_TEST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
        close(ready[0]);
        fixture->ready_fd = ready[1];
        bool ok = gate_run(&fixture->config, &err);
        if (!ok)
            fprintf(stderr, "gate: %s\n", err.text);
        _exit(ok ? 0 : 1);
    }
    close(ready[1]);
    ssize_t size = read(ready[0], fixture->ports, sizeof fixture->ports);
    close(ready[0]);
    assert_int_equal(size, fixture->config.listener_count * sizeof(int));
}

static inline void start(struct fixture *fixture)
{
    fixture->intake = start_worker(in_dir("intake.sock"));
    fixture->desk = start_worker(in_dir("desk.sock"));
    start_gate(fixture);
}

static inline int stop_process(pid_t pid, int number)
{
    int status = -1;
    if (pid > 0) {
        kill(pid, number);
        waitpid(pid, &status, 0);
    }
    return status;
}

static inline void stop(struct fixture *fixture)
{
    int status = stop_process(fixture->gate, SIGTERM);
    stop_process(fixture->intake, SIGKILL);
    stop_process(fixture->desk, SIGKILL);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- a client ---- */

struct client {
    int fd;
    struct tls_client tls;
    enum mtls_result result; /* of the last call */
    struct buf in;
};

/* From 127.0.0.`host`, which are addresses of their own to a gate. */
static inline int connect_tcp_from(unsigned host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 | host)};
    struct timeval limit = {.tv_sec = 10};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* as curl does */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline int connect_tcp(int port)
{
    return connect_tcp_from(1, port);
}

/* name NULL: no certificate. client->result tells how the handshake went. */
static inline void client_open(struct client *client, int port, const char *name)
{
    char certificate[PKI_PATH_SIZE], key[PKI_PATH_SIZE];

    memset(client, 0, sizeof *client);
    client->fd = connect_tcp(port);
    assert_true(client->fd >= 0);
    tls_client_open(&client->tls, client->fd, in_dir("ca.crt"), name ? pki_path(certificate, dir, name, "crt") : NULL,
                    name ? pki_path(key, dir, name, "key") : NULL, "localhost");
    client->result = tls_client_handshake(&client->tls);
    buf_init(&client->in, 8 << 20);
}

static inline void client_close(struct client *client)
{
    tls_client_close(&client->tls);
    close(client->fd);
    buf_clear(&client->in);
}

static inline void client_send(struct client *client, const char *bytes, size_t size)
{
    size_t written = 0;

    for (client->result = MTLS_DONE; size > 0 && client->result == MTLS_DONE; bytes += written, size -= written)
        client->result = tls_client_write(&client->tls, bytes, size, &written);
}

static inline void client_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

static inline bool client_fill(struct client *client)
{
    char *room = buf_reserve(&client->in, 65536);
    size_t size;

    assert_non_null(room);
    client->result = tls_client_read(&client->tls, room, 65536, &size);
    if (client->result == MTLS_DONE)
        buf_used(&client->in, size);
    return client->result == MTLS_DONE;
}

struct reply {
    int status;
    char head[4096];
    char *body; /* in the client's buffer: dead with the next call */
    size_t body_size;
    unsigned reads; /* how many TLS records it took */
};

/* Waits for one answer; status 0 where the connection ended first. */
static inline struct reply client_receive(struct client *client, bool has_body)
{
    struct reply reply = {0};
    const char *end;

    buf_consume(&client->in, 0);
    while (!client->in.size || !(end = strstr(client->in.bytes, "\r\n\r\n"))) {
        if (!client_fill(client))
            return reply;
        reply.reads++;
    }
    size_t head_size = (size_t)(end + 4 - client->in.bytes);
    assert_true(head_size < sizeof reply.head);
    memcpy(reply.head, client->in.bytes, head_size);
    const char *length = strstr(reply.head, "Content-Length: ");
    reply.body_size = has_body && length ? strtoul(length + 16, NULL, 10) : 0;
    while (client->in.size < head_size + reply.body_size) {
        if (!client_fill(client))
            return reply;
        reply.reads++;
    }
    reply.status = atoi(reply.head + 9);
    reply.body = malloc(reply.body_size + 1);
    assert_non_null(reply.body);
    memcpy(reply.body, client->in.bytes + head_size, reply.body_size);
    reply.body[reply.body_size] = '\0';
    buf_consume(&client->in, head_size + reply.body_size);
    return reply;
}

static inline struct reply client_ask(struct client *client, const char *method, const char *path, const char *headers, const char *body,
                                      size_t size)
{
    struct buf request;

    buf_init(&request, size + 65536);
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method, path, headers);
    if (body)
        buf_printf(&request, "Content-Length: %zu\r\n", size);
    buf_add_text(&request, "\r\n");
    if (body)
        buf_add(&request, body, size);
    client_send(client, request.bytes, request.size);
    buf_clear(&request);
    return client_receive(client, strcmp(method, "HEAD") != 0);
}

/* One request whose status and a piece of whose body are known. */
static inline void expect(struct client *client, const char *method, const char *path, const char *body, int status, const char *in_body)
{
    struct reply reply = client_ask(client, method, path, "Content-Type: application/json\r\n", body, body ? strlen(body) : 0);

    if (reply.status != status || (in_body && !strstr(reply.body, in_body)))
        fail_msg("%s %s gave %d, not %d: %s %s", method, path, reply.status, status, reply.head, reply.body ? reply.body : "");
    if (status >= 400)
        assert_non_null(strstr(reply.head, "application/problem+json"));
    free(reply.body);
}

#define REPORTS "/v1/reports"

static inline int fixture_setup(void **state)
{
    UNUSED(state);
    if (!mkdtemp(dir))
        return -1;
    signal(SIGPIPE, SIG_IGN);
    log_open("test", LOG_LEVEL_ERROR);
    pki_issue(dir, NULL, "ca", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(dir, NULL, "other", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "gate", PKI_SERVER, 2, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "feed", PKI_CLIENT, 10, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "analyst", PKI_CLIENT, 11, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "revoked", PKI_CLIENT, 12, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "expired", PKI_CLIENT, 13, -2 * PKI_DAY, -PKI_DAY);
    pki_issue(dir, "other", "stranger", PKI_CLIENT, 10, -PKI_DAY, PKI_DAY);
    pki_crl(dir, "ca", "ca", 12, PKI_DAY);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    UNUSED(state);
    char command[PKI_PATH_SIZE];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

#endif
