/*
 * cirtd/gate/gate_http.h - HTTP/1.1 requests out of a stream of bytes (RFC 9112): strict, bounded, no I/O, never a body in memory.
 *
 * Refused rather than guessed, for each is a way to make two readers see two different requests: Content-Length with Transfer-Encoding,
 * either of them twice, a coding other than "chunked", a chunk that does not end in CRLF, a line that ends in a bare LF or CR, a folded
 * line, a blank before the colon, a body of HTTP/1.0 in chunks, no Host or two.
 */
#ifndef CIRT_GATE_HTTP_H
#define CIRT_GATE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum {
    GATE_HTTP_HEAD_MAX = 16 * 1024, /* request line and headers; as much again for chunk extensions and trailers */
    GATE_HTTP_TARGET_MAX = 4 * 1024,
    GATE_HTTP_HEADERS_MAX = 100
};

struct gate_http_head {
    int method;                                             /* enum message_method; 0 for one that we never serve (OPTIONS, PATCH, ...) */
    const char *target;                                     /* "/v1/reports?x=1", or "*". Of an absolute target only the path and query */
    const char *content_type, *content_encoding, *if_match; /* "" where absent */
    uint64_t content_length;                                /* 0 where chunked */
    bool has_body;                                          /* a Content-Length above 0, or chunks */
    bool is_chunked;
    bool expects_continue;
    bool keeps_alive; /* the client would send another request on this connection */
};

enum gate_http_event {
    GATE_HTTP_MORE, /* all bytes are used up */
    GATE_HTTP_HEAD, /* http->head is filled; its strings live until the next request's first byte */
    GATE_HTTP_BODY, /* http->piece, http->piece_size: the next part of the body, borrowed from the bytes given */
    GATE_HTTP_END,  /* the request is whole */
    GATE_HTTP_BAD   /* http->status and http->detail; nothing after this makes sense any more */
};

struct gate_http {
    struct gate_http_head head;
    const char *piece;
    size_t piece_size;
    int status;         /* 400, 414, 417, 431, 501, 505 */
    const char *detail; /* a fixed sentence */

    /* private */
    int phase;
    struct buf text;
    size_t line_size; /* bytes of the line being read */
    char previous;
    uint64_t left; /* of the body or chunk */
    size_t extra;  /* bytes of chunk sizes, extensions and trailers so far */
    unsigned digits;
};

void gate_http_init(struct gate_http *http);
void gate_http_clear(struct gate_http *http);

/*
 * Reads on in bytes; *used says how many it took. Call until GATE_HTTP_MORE or GATE_HTTP_BAD: HEAD is always followed by END sooner or
 * later, also with no further bytes. After END the next call begins the next request.
 */
enum gate_http_event gate_http_feed(struct gate_http *http, const char *bytes, size_t size, size_t *used) MUST_CHECK;

/* Gives back memory that a long head took; to be called while the connection is idle. The strings of the last head are dead then. */
void gate_http_rest(struct gate_http *http);

/* True between two requests: not one byte of the next has come. */
bool gate_http_is_between(const struct gate_http *http);

#endif
