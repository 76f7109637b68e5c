/* cirtd/gate/gate_reply.h - the bytes of an answer's head, and the gate's own problems (RFC 9457). */
#ifndef CIRT_GATE_REPLY_H
#define CIRT_GATE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attr.h"
#include "base/buf.h"
#include "wire/message.h"

/* The Date line, made once a second. Zeroed at first. */
struct gate_reply_date {
    time_t second;
    char line[64];
};

/* Adds status line, Date, Content-Type, Content-Length, Cache-Control, response->headers, Connection and the empty line. Nothing of the
 * body. False where the worker's fields would break the head (a CR, LF or unfinished line in the wrong place): answer 500 then. */
bool gate_reply_head(struct buf *out, const struct message_response *response, bool keeps_alive, struct gate_reply_date *date) MUST_CHECK;

/* Adds {"type":"about:blank","title":..,"status":..,"detail":..}. */
void gate_reply_problem(struct buf *out, int status, const char *detail);

/* "Allow: GET, HEAD, POST\r\n" for what listener serves at path; "" where it serves nothing. text of at least 64 bytes. */
void gate_reply_allow(enum message_listener listener, const char *path, char *text, size_t size);

#endif
