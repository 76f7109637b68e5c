/*
 * cirtd/gate/gate_worker.h - the workers of one kind (intake or desk): one SEQPACKET connection each, requests to the least loaded.
 *
 * A request that no socket takes at the moment waits in a queue. The answers of a worker that goes away are answered by nobody: its
 * requests end with on_answer(job, NULL). Missing workers are looked for each 50 ms.
 */
#ifndef CIRT_GATE_WORKER_H
#define CIRT_GATE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/gate/gate_stats.h"
#include "wire/message.h"

struct event_base;
struct gate_worker_pool;

/* One request on its way; embedded in its connection, zeroed at first. */
struct gate_worker_job {
    struct message_request request; /* all but the id; what it borrows must live until on_answer or gate_worker_cancel */
    /* response NULL: the worker went away, or answered nonsense. response->body_fd is the callee's to close. */
    void (*on_answer)(struct gate_worker_job *job, const struct message_response *response);

    /* private */
    struct gate_worker_pool *pool; /* NULL: not submitted */
    struct gate_worker_job *next, *previous;
};

/* Looks for the workers at once. paths are borrowed. connected and queued: where to count. */
struct gate_worker_pool *gate_worker_pool_new(struct event_base *base, const char *kind, const char *const *paths, size_t count,
                                              size_t jobs_max, struct gate_stats *stats, size_t *connected);
void gate_worker_pool_free(struct gate_worker_pool *pool); /* no job may be under way. NULL is fine */

bool gate_worker_is_there(const struct gate_worker_pool *pool); /* at least one is connected. NULL: no */

/* ERR_AGAIN: no worker is there, or jobs_max are under way. ERR_LIMIT: it fits into no packet. on_answer is never called from inside. */
bool gate_worker_submit(struct gate_worker_pool *pool, struct gate_worker_job *job, struct err *err) MUST_CHECK;

/* Forgets the job; its answer will be dropped. Fine for one that is not submitted. */
void gate_worker_cancel(struct gate_worker_job *job);

#endif
