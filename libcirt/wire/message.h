/*
 * wire/message.h - what a gate and a worker (intake, desk) say to each other: one SEQPACKET packet a message.
 *
 * A request packet: struct message_request_head, then `path` (path and query as they came, NUL-terminated), `content type`,
 * `content encoding`, `if_match`, `peer address` (each NUL-terminated, "" for none), then the body where it fits, with a NUL behind it that
 * body_size does not count; a longer body comes as a read-only descriptor of an unlinked file, position 0. Integers are host order (same
 * machine). Strings and body borrow from the packet.
 */
#ifndef CIRT_WIRE_MESSAGE_H
#define CIRT_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum { MESSAGE_INLINE_BODY_MAX = 64 * 1024, MESSAGE_KEY_SIZE = 32, MESSAGE_HEAD_MAX = 16 * 1024 };

enum message_listener { MESSAGE_FEEDS = 1, MESSAGE_ANALYSTS = 2, MESSAGE_RID = 3 };
enum message_method { MESSAGE_GET = 1, MESSAGE_POST = 2, MESSAGE_HEAD = 3, MESSAGE_PUT = 4, MESSAGE_DELETE = 5 };

struct message_request {
    uint64_t id; /* the gate's; comes back in the answer */
    enum message_listener listener;
    enum message_method method;
    unsigned char key[MESSAGE_KEY_SIZE]; /* SHA-256 of the client certificate's public key (SubjectPublicKeyInfo, DER) */
    const char *path;                    /* "/v1/reports?format=iodef" */
    const char *content_type;            /* with parameters, or "" */
    const char *content_encoding;        /* "gzip" or "": the gate never touches a body, the worker unpacks it under its own limit */
    const char *if_match;                /* "" for none */
    const char *peer_address;            /* "203.0.113.7", for logs and limits */
    const char *body;                    /* NULL where body_fd holds it */
    size_t body_size;
    int body_fd; /* -1 for none. The receiver closes it */
};

struct message_response {
    uint64_t id;
    int status;               /* 200, ... */
    const char *content_type; /* "" for none */
    const char *headers;      /* further header lines, each with CRLF ("Retry-After: 5\r\n"), or "" */
    const char *body;         /* inline, or NULL with body_fd */
    size_t body_size;
    int body_fd; /* an answer beyond MESSAGE_INLINE_BODY_MAX: a memfd. The receiver closes it */
};

/* Packs into out (emptied first; a buf with at least SEQPACKET_SIZE_MAX); the caller sends out->bytes and body_fd. NULL strings count as
 * "". ERR_LIMIT where the strings together pass MESSAGE_HEAD_MAX or an inline body MESSAGE_INLINE_BODY_MAX: such a body must already be in
 * body_fd (message_body_to_fd). */
bool message_pack_request(const struct message_request *request, struct buf *out, struct err *err) MUST_CHECK;
bool message_pack_response(const struct message_response *response, struct buf *out, struct err *err) MUST_CHECK;
/* ERR_INPUT for anything that is not exactly such a packet, and for a descriptor that is no regular file of at least body_size bytes.
 * Strings borrow from bytes. fd -1 for none; on true it is in body_fd, on false it stays the caller's. */
bool message_unpack_request(const void *bytes, size_t size, int fd, struct message_request *request, struct err *err) MUST_CHECK;
bool message_unpack_response(const void *bytes, size_t size, int fd, struct message_response *response, struct err *err) MUST_CHECK;

/* Puts body into a sealed memfd, position 0; *fd is the caller's. */
bool message_body_to_fd(const char *body, size_t size, int *fd, struct err *err) MUST_CHECK;

#endif
