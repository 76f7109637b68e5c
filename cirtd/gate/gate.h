/*
 * cirtd/gate/gate.h - the gate: takes connections, ends TLS, frames HTTP, holds the limits, and hands whole requests to workers.
 *
 * It knows no database, parses no body and decides no permission: it tells the worker which key the client has proved. Which workers it
 * can reach at all is what its configuration names: the gate for feeds and peers is given no desk socket.
 */
#ifndef CIRT_GATE_GATE_H
#define CIRT_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "crypto/mtls.h"
#include "wire/message.h"

enum { GATE_LISTENERS_MAX = 4, GATE_WORKERS_MAX = 16 };

/* gate_defaults() fills them; zero is never "unlimited". */
struct gate_limits {
    size_t connections_max;             /* beyond: closed before TLS */
    size_t connections_per_address_max; /* one IPv4 address or one IPv6 /64; beyond: closed before TLS */
    size_t handshakes_max;              /* unfinished at a time; beyond: instead of one of the address with most, or closed before TLS */
    size_t requests_max;                /* with workers or waiting for one; beyond: 503 */
    size_t requests_per_address_max;    /* beyond: 429 */
    uint64_t body_max;                  /* for intake, in bytes; beyond: 413 */
    uint64_t desk_body_max;             /* for desk */
    uint64_t spool_max;                 /* all bodies that are in files, together; beyond: 503 */
    unsigned handshake_ms;
    unsigned handshake_crowded_ms; /* after this another takes its place where there are handshakes_max and no address has more */
    unsigned head_ms;              /* from the first byte of a request to the end of its head; beyond: 408 */
    unsigned idle_ms;              /* between two requests */
    unsigned body_grace_ms;        /* a body, or a client reading an answer, has this and then ... */
    unsigned body_rate_min;        /* ... must have moved so many bytes a second since it began; below: 408 */
    unsigned worker_ms;            /* for a worker's answer, and a second more for each 128 KiB of the body; beyond: 503 */
    unsigned connection_age_ms;    /* an older connection is closed after its answer, so that certificates are looked at again */
    unsigned drain_ms;             /* after SIGTERM */
};

struct gate_listener_config {
    enum message_listener kind;
    const char *address; /* "0.0.0.0", "::", "127.0.0.1", ... */
    int port;            /* 0: a free one, told to on_ready */
    struct mtls_settings tls;
};

struct gate_config {
    struct gate_listener_config listeners[GATE_LISTENERS_MAX];
    size_t listener_count;
    /* One connection for each entry; workers that share a listening socket are named as often as there are workers. */
    const char *intake_sockets[GATE_WORKERS_MAX];
    size_t intake_count;
    const char *desk_sockets[GATE_WORKERS_MAX];
    size_t desk_count;
    const char *spool_dir; /* for bodies beyond 64 KiB, private to this gate; NULL or "": in memory files */
    struct gate_limits limits;

    /*
     * Called on SIGHUP: a fresh configuration, valid like the first until the next call or the end, or NULL with *err. Taken from it are
     * limits, certificates, CAs and CRLs; addresses, sockets, spool_dir and requests_max need a restart. What fails leaves all as it was.
     * NULL: only the files are read again.
     */
    const struct gate_config *(*load)(void *owner, struct err *err);
    /* Called once when every listener takes connections; ports in the order of listeners. May be NULL. */
    void (*on_ready)(void *owner, const int *ports, size_t count);
    void *owner;
};

/* Zeroes config and fills in the limits. */
void gate_defaults(struct gate_config *config);

/*
 * Serves until SIGTERM or SIGINT: then no new connections, requests in flight are finished (drain_ms), and it returns true.
 * Handles SIGTERM, SIGINT and SIGHUP, ignores SIGPIPE. False, before any connection was taken, where an address, certificate or
 * spool_dir cannot be used. Missing workers are no error: they are looked for each 50 ms, and requests get 503 meanwhile.
 */
bool gate_run(const struct gate_config *config, struct err *err) MUST_CHECK;

#endif
