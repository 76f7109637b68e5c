#include "cirtd/gate/gate_worker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/seqpacket.h"

/* RECEIVE_MAX: answers taken before clients get their turn again. */
enum { RECONNECT_MS = 50, RECEIVE_MAX = 64 };

struct gate_worker {
    struct gate_worker_pool *pool;
    const char *path;
    int fd; /* -1: not connected */
    struct event *readable, *writable;
    size_t outstanding;
    uint64_t load;      /* weights of what is outstanding */
    bool is_full;       /* its socket took no more; `writable` waits */
    bool is_known_lost; /* said so in the log */
};

/* Where an id leads: its lower half is an index here, its upper half must be the slot's generation. A slot whose job was cancelled stays
 * taken until its worker has answered: a worker that hangs must not look idle. */
struct slot {
    struct gate_worker_job *job;
    struct gate_worker *worker; /* NULL: in the queue, or free */
    uint32_t generation, next_free;
    uint64_t weight;
};

struct gate_worker_pool {
    const char *kind;
    struct event_base *base;
    struct event *retry;
    struct gate_stats *stats;
    size_t *connected;
    struct gate_worker *workers;
    size_t worker_count;
    struct slot *slots;
    uint32_t slot_count, first_free;
    struct gate_worker_job *first, *last; /* the queue */
    struct buf packet;
    char *received;
};

static void on_readable(evutil_socket_t fd, short what, void *owner);
static void on_writable(evutil_socket_t fd, short what, void *owner);

static void retry_soon(struct gate_worker_pool *pool)
{
    static const struct timeval delay = {.tv_usec = RECONNECT_MS * 1000};

    if (!evtimer_pending(pool->retry, NULL))
        evtimer_add(pool->retry, &delay);
}

static void connect_worker(struct gate_worker *worker)
{
    struct err err;

    if (!seqpacket_connect(worker->path, &worker->fd, &err)) {
        if (!worker->is_known_lost)
            log_warn("worker_missing", "kind=%s socket=%s %s", worker->pool->kind, log_quote(worker->path), log_err(&err));
        worker->is_known_lost = true;
        worker->fd = -1;
        retry_soon(worker->pool);
        return;
    }
    fcntl(worker->fd, F_SETFL, O_NONBLOCK);
    worker->readable = event_new(worker->pool->base, worker->fd, EV_READ | EV_PERSIST, on_readable, worker);
    worker->writable = event_new(worker->pool->base, worker->fd, EV_WRITE, on_writable, worker);
    event_priority_set(worker->readable, 0);
    event_priority_set(worker->writable, 0);
    event_add(worker->readable, NULL);
    worker->outstanding = 0;
    worker->load = 0;
    worker->is_full = worker->is_known_lost = false;
    ++*worker->pool->connected;
    log_info("worker_connected", "kind=%s socket=%s", worker->pool->kind, log_quote(worker->path));
}

static void queue_remove(struct gate_worker_job *job)
{
    struct gate_worker_pool *pool = job->pool;

    *(job->previous ? &job->previous->next : &pool->first) = job->next;
    *(job->next ? &job->next->previous : &pool->last) = job->previous;
    job->next = job->previous = NULL;
    pool->stats->queued--;
}

static void queue_append(struct gate_worker_job *job)
{
    struct gate_worker_pool *pool = job->pool;

    job->previous = pool->last;
    job->next = NULL;
    *(pool->last ? &pool->last->next : &pool->first) = job;
    pool->last = job;
    pool->stats->queued++;
}

static struct slot *slot_of(const struct gate_worker_job *job)
{
    return &job->pool->slots[(uint32_t)job->request.id];
}

/* A new generation, so that a late answer finds nobody. */
static void free_slot(struct gate_worker_pool *pool, struct slot *slot)
{
    if (slot->worker) {
        slot->worker->outstanding--;
        slot->worker->load -= slot->weight;
    }
    slot->worker = NULL;
    slot->job = NULL;
    slot->generation++;
    slot->next_free = pool->first_free;
    pool->first_free = (uint32_t)(slot - pool->slots);
}

static void detach(struct gate_worker_job *job)
{
    job->pool->stats->in_flight--;
    job->pool = NULL;
}

static void finish(struct gate_worker_pool *pool, struct slot *slot, const struct message_response *response)
{
    struct gate_worker_job *job = slot->job;

    free_slot(pool, slot);
    if (job) {
        detach(job);
        job->on_answer(job, response);
    } else if (response && response->body_fd >= 0) {
        close(response->body_fd);
    }
}

static void lose_worker(struct gate_worker *worker, const char *reason)
{
    struct gate_worker_pool *pool = worker->pool;
    size_t lost = worker->outstanding;

    event_free(worker->readable);
    event_free(worker->writable);
    close(worker->fd);
    worker->fd = -1;
    --*pool->connected;
    pool->stats->workers_lost_total++;
    log_warn("worker_lost", "kind=%s socket=%s outstanding=%zu reason=%s", pool->kind, log_quote(worker->path), lost, log_quote(reason));
    worker->is_known_lost = true;
    bool is_any_left = gate_worker_is_there(pool);
    for (uint32_t i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        bool is_waiting = slot->job && !slot->worker;
        if (is_waiting && !is_any_left)
            queue_remove(slot->job);
        if (slot->worker == worker || (is_waiting && !is_any_left))
            finish(pool, slot, NULL);
    }
    retry_soon(pool);
}

/* A worker that reads an upload of minutes must not get every second small request, to wait behind it. */
static uint64_t weight_of(const struct message_request *request)
{
    return 1 + request->body_size / MESSAGE_INLINE_BODY_MAX;
}

static struct gate_worker *least_loaded(struct gate_worker_pool *pool)
{
    struct gate_worker *best = NULL;

    for (size_t i = 0; i < pool->worker_count; i++) {
        struct gate_worker *worker = &pool->workers[i];
        if (worker->fd >= 0 && !worker->is_full && (!best || worker->load < best->load))
            best = worker;
    }
    return best;
}

enum sent { SENT, SENT_LATER, SENT_NEVER };

/* Packs and sends to whoever takes it. */
static enum sent send_job(struct gate_worker_job *job, struct err *err)
{
    struct gate_worker_pool *pool = job->pool;
    struct gate_worker *worker;

    if (!message_pack_request(&job->request, &pool->packet, err))
        return SENT_NEVER;
    while ((worker = least_loaded(pool))) {
        if (seqpacket_send(worker->fd, pool->packet.bytes, pool->packet.size, job->request.body_fd, err)) {
            slot_of(job)->worker = worker;
            worker->outstanding++;
            worker->load += slot_of(job)->weight = weight_of(&job->request);
            return SENT;
        }
        if (err->code != ERR_AGAIN)
            return SENT_NEVER;
        /* Full, or gone: the latter shows as readable with nothing to read. */
        worker->is_full = true;
        event_add(worker->writable, NULL);
    }
    return SENT_LATER;
}

static void flush_queue(struct gate_worker_pool *pool)
{
    struct err err;

    while (pool->first && least_loaded(pool)) {
        struct gate_worker_job *job = pool->first;
        enum sent sent = send_job(job, &err);
        if (sent == SENT_LATER)
            return;
        queue_remove(job);
        if (sent == SENT)
            continue;
        log_error("request_not_sent", "kind=%s %s", pool->kind, log_err(&err));
        finish(pool, slot_of(job), NULL);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *owner)
{
    struct gate_worker *worker = owner;
    UNUSED(fd);
    UNUSED(what);

    worker->is_full = false;
    flush_queue(worker->pool);
}

/* One packet is here. False: this worker cannot be believed any more. */
static bool take_answer(struct gate_worker *worker, size_t size, int fd, struct err *err)
{
    struct gate_worker_pool *pool = worker->pool;
    struct message_response response;

    if (!message_unpack_response(pool->received, size, fd, &response, err)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    uint32_t index = (uint32_t)response.id;
    struct slot *slot = index < pool->slot_count ? &pool->slots[index] : NULL;
    if (slot && slot->worker == worker && slot->generation == response.id >> 32) {
        finish(pool, slot, &response);
        return true;
    }
    if (fd >= 0)
        close(fd);
    return err_set(err, ERR_INPUT, "it answered what nobody asked it");
}

static void on_readable(evutil_socket_t fd, short what, void *owner)
{
    struct gate_worker *worker = owner;
    struct err err;
    UNUSED(what);

    for (int i = 0; i < RECEIVE_MAX; i++) {
        size_t size;
        int passed_fd = -1;
        if (!seqpacket_receive(fd, worker->pool->received, SEQPACKET_SIZE_MAX, &size, &passed_fd, &err)) {
            if (err.code != ERR_AGAIN)
                lose_worker(worker, err.text);
            break;
        }
        if (size == 0 || !take_answer(worker, size, passed_fd, &err)) {
            lose_worker(worker, size == 0 ? "it closed the connection" : err.text);
            break;
        }
    }
    flush_queue(worker->pool);
}

static void on_retry(evutil_socket_t fd, short what, void *owner)
{
    struct gate_worker_pool *pool = owner;
    UNUSED(fd);
    UNUSED(what);

    for (size_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].fd < 0)
            connect_worker(&pool->workers[i]);
    flush_queue(pool);
}

struct gate_worker_pool *gate_worker_pool_new(struct event_base *base, const char *kind, const char *const *paths, size_t count,
                                              size_t jobs_max, struct gate_stats *stats, size_t *connected)
{
    struct gate_worker_pool *pool = mem_calloc(1, sizeof *pool);

    *pool = (struct gate_worker_pool){.kind = kind,
                                      .base = base,
                                      .stats = stats,
                                      .connected = connected,
                                      .worker_count = count,
                                      .slot_count = (uint32_t)jobs_max,
                                      .workers = mem_calloc(count, sizeof *pool->workers),
                                      .slots = mem_calloc(jobs_max, sizeof *pool->slots),
                                      .received = mem_calloc(1, SEQPACKET_SIZE_MAX)};
    buf_init(&pool->packet, SEQPACKET_SIZE_MAX);
    pool->retry = evtimer_new(base, on_retry, pool);
    for (uint32_t i = 0; i < pool->slot_count; i++)
        pool->slots[i].next_free = i + 1;
    for (size_t i = 0; i < count; i++) {
        pool->workers[i] = (struct gate_worker){.pool = pool, .path = paths[i], .fd = -1};
        connect_worker(&pool->workers[i]);
    }
    return pool;
}

void gate_worker_pool_free(struct gate_worker_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->worker_count; i++) {
        if (pool->workers[i].fd < 0)
            continue;
        event_free(pool->workers[i].readable);
        event_free(pool->workers[i].writable);
        close(pool->workers[i].fd);
    }
    event_free(pool->retry);
    buf_clear(&pool->packet);
    free(pool->received);
    free(pool->workers);
    free(pool->slots);
    free(pool);
}

bool gate_worker_is_there(const struct gate_worker_pool *pool)
{
    for (size_t i = 0; pool && i < pool->worker_count; i++)
        if (pool->workers[i].fd >= 0)
            return true;
    return false;
}

bool gate_worker_submit(struct gate_worker_pool *pool, struct gate_worker_job *job, struct err *err)
{
    if (!gate_worker_is_there(pool))
        return err_set(err, ERR_AGAIN, "no worker is there to answer");
    if (pool->first_free >= pool->slot_count)
        return err_set(err, ERR_AGAIN, "too many requests are under way");
    struct slot *slot = &pool->slots[pool->first_free];
    job->request.id = (uint64_t)slot->generation << 32 | pool->first_free;
    pool->first_free = slot->next_free;
    slot->job = job;
    job->pool = pool;
    pool->stats->in_flight++;
    /* Those who wait already come first. */
    enum sent sent = pool->first ? SENT_LATER : send_job(job, err);
    if (sent == SENT_NEVER) {
        free_slot(pool, slot);
        detach(job);
    } else if (sent == SENT_LATER) {
        queue_append(job);
    }
    return sent != SENT_NEVER;
}

void gate_worker_cancel(struct gate_worker_job *job)
{
    if (!job->pool)
        return;
    struct slot *slot = slot_of(job);
    if (slot->worker) {
        slot->job = NULL;
    } else {
        queue_remove(job);
        free_slot(job->pool, slot);
    }
    detach(job);
}
