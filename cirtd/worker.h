/*
 * cirtd/worker.h - the loop of intake and desk: gates connect over a Unix socket; all requests that wait are taken at once, handed
 * over together, and answered each.
 */
#ifndef CIRT_CIRTD_WORKER_H
#define CIRT_CIRTD_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/role.h"
#include "wire/message.h"

enum { WORKER_BATCH_MAX = 256, WORKER_BATCH_BYTES_MAX = 8 * 1024 * 1024 };

struct worker;

/* One waiting request. message borrows from the request; body_fd is closed by the loop after the handler. */
struct worker_request {
    struct message_request message;
    struct worker *worker;
    int connection; /* which gate */
    bool is_answered;
    void *packet;
};

/* status with an inline or large body; headers as in struct message_response. Once a request; a gate that is gone is no error. */
void worker_answer(struct worker_request *request, int status, const char *content_type, const char *headers, const char *body,
                   size_t size);
/* application/problem+json (RFC 9457). members: further members with a leading comma (",\"at\":\"line 7\""), or "". */
void worker_problem(struct worker_request *request, int status, const char *detail, const char *members);
/* The same of 429 and 503, with so many seconds in Retry-After. */
void worker_problem_later(struct worker_request *request, int status, int seconds, const char *detail);
/* The same for an err: INPUT 400, NOT_FOUND 404, CONFLICT 409, DENIED 403, LIMIT 413, AGAIN 503 with Retry-After, INTERNAL 500 (its text is
 * logged and not told). */
void worker_problem_err(struct worker_request *request, const struct err *err);

/* Called with 1..WORKER_BATCH_MAX requests. Must answer every one; what it leaves gets 500. */
typedef void (*worker_handler)(void *context, struct worker_request *requests, size_t count);
/* Called when nothing waits for a while (a second), and after SIGHUP with is_reload. May be NULL. */
typedef void (*worker_idle)(void *context, bool is_reload);

/* Listens on RUN/<role>/<instance>.sock until SIGTERM; then answers what waits and returns true. Only processes of user ids in
 * allowed_users (names, NULL-terminated) or of our own may connect. */
bool worker_loop(const struct role_context *role, const char *const *allowed_users, worker_handler handler, worker_idle idle, void *context,
                 struct err *err) MUST_CHECK;

#endif
