/*
 * cirtd/mail/lmtp.h - the LMTP server on a Unix socket: libevent, one process, many connections. A message is answered only after
 * `store` says that it stands in the database.
 */
#ifndef CIRTD_MAIL_LMTP_H
#define CIRTD_MAIL_LMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/mail/lmtp_session.h"

/* What may change while the server runs. */
struct lmtp_names {
    const uid_t *user_ids; /* who may connect (SO_PEERCRED); others get 421 4.7.0 */
    size_t user_id_count;
    const char *domain;
    const char *const *local_parts;
    size_t local_part_count;
};

struct lmtp_config {
    const char *socket_path; /* made 0660; an old socket there is replaced. At most 107 bytes */
    gid_t socket_group;      /* the MTA's; (gid_t)-1 leaves it */
    const char *hostname;
    struct lmtp_names names;
    size_t size_max;          /* of one message; 0: 32 MiB */
    size_t memory_max;        /* of all messages under way; 0: 128 MiB, at least size_max */
    unsigned connections_max; /* 0: 64. More wait in the kernel's queue */
    unsigned idle_seconds;    /* 0: 300 (RFC 5321 section 4.5.3.2) */
    unsigned step_seconds;    /* 0: 600; for one command, or one message from its first byte to its last */
    /* 0: 20. Where all connections are taken, or three quarters of the memory, the one that has said nothing for the longest gives way
     * once that is so long. */
    unsigned patience_seconds;
    unsigned drain_seconds; /* 0: 10; how long SIGTERM waits for messages under way */
    /* Commits these messages, all or none: those of all connections that wait for it. One that fails is asked for again in halves, until
     * the bad message stands alone, but not with ERR_LIMIT. ERR_AGAIN -> 451 4.3.0, ERR_LIMIT -> 452 4.3.1, see lmtp_session_answer(). */
    bool (*store)(void *context, const struct lmtp_message *const *messages, size_t count, struct err *err);
    void *store_context;
    /* On SIGHUP: who may connect and which addresses are ours from now on, borrowed until the next call or the end; false leaves all as it
     * is. NULL: SIGHUP is nothing. Gets store_context. */
    bool (*reload)(void *context, struct lmtp_names *names, struct err *err);
    void (*on_ready)(void *context); /* once the socket listens; or NULL. Gets store_context */
};

/* Serves until SIGTERM or SIGINT: then takes no new connections, lets messages under way finish, tells the others 421 4.3.2 and returns
 * true. ERR_INTERNAL where the socket cannot be made. */
bool lmtp_run(const struct lmtp_config *config, struct err *err) MUST_CHECK;

#endif
