/*
 * cirtd/mail/lmtp_session.h - one LMTP conversation (RFC 2033, RFC 5321 grammar): bytes in, replies and messages out. No sockets, no
 * clock, no events: the server and the fuzz driver feed it.
 *
 * Speaks PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), ENHANCEDSTATUSCODES (RFC 2034). Only
 * CRLF "." CRLF ends a message: with a bare LF or CR there it goes on, so that no message can be smuggled into another.
 */
#ifndef CIRTD_MAIL_LMTP_SESSION_H
#define CIRTD_MAIL_LMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { LMTP_LINE_MAX = 2048, LMTP_RECIPIENTS_MAX = 100, LMTP_ADDRESS_MAX = 320, LMTP_FAULTS_MAX = 20 };

/* Bytes that all sessions together may hold; beyond it a message is answered with 452 and the MTA keeps it. */
struct lmtp_budget {
    size_t used, max;
};

/* What a session accepts. Borrowed for its life; names may change between calls (and what they point to live on), size_max may not. */
struct lmtp_policy {
    const char *hostname; /* in the greeting */
    const char *domain;   /* recipients' domain, any case */
    /* Local parts taken at that domain, any case, beside case+NUMBER and case+NAME. */
    const char *const *local_parts;
    size_t local_part_count;
    size_t size_max; /* of one message, in bytes after unstuffing */
    struct lmtp_budget *budget;
};

struct lmtp_message {
    const char *sender;            /* "" is the null sender */
    const char *const *recipients; /* accepted ones only, in order; without source routes and needless quotes */
    size_t recipient_count;
    const char *bytes; /* dots unstuffed, otherwise as it came */
    size_t size;
};

enum lmtp_event {
    LMTP_MORE,    /* everything was taken; send replies and wait for bytes */
    LMTP_MESSAGE, /* a whole message stands: store it, then lmtp_session_answer(); the rest of the bytes waits */
    LMTP_CLOSE    /* send replies, then close */
};

struct lmtp_session;
/* The greeting stands in replies afterwards. */
struct lmtp_session *lmtp_session_new(const struct lmtp_policy *policy, struct buf *replies);
void lmtp_session_free(struct lmtp_session *session); /* NULL is fine; gives its bytes back to the budget */

/* Takes bytes up to the next event; *used of them. Replies are added to the buf of lmtp_session_new(). Call again with the rest. */
enum lmtp_event lmtp_session_feed(struct lmtp_session *session, const char *bytes, size_t size, size_t *used);

/* The message of LMTP_MESSAGE; borrowed until lmtp_session_answer(). */
const struct lmtp_message *lmtp_session_message(const struct lmtp_session *session);
/* What became of it: one reply for each recipient. why NULL: stored (250 2.0.0); ERR_AGAIN 451 4.3.0, ERR_LIMIT 452 4.3.1, ERR_DENIED
 * 550 5.7.1, all else 451 4.3.0 (a mail is never refused for our own faults). */
void lmtp_session_answer(struct lmtp_session *session, const struct err *why);

/* True between messages: closing now loses nothing and keeps nobody waiting. */
bool lmtp_session_is_idle(const struct lmtp_session *session);

/* How many commands were answered and messages stored: a client that comes no further is slow. */
uint64_t lmtp_session_steps(const struct lmtp_session *session);

#endif
