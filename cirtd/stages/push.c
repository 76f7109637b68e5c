/*
 * Carries documents from the outbox to peers: RID over HTTPS (RFC 6546), and other documents by the same POST, with our certificate, to the
 * CA and the registered keys of the peer's record and nobody else. What a peer answers is kept as bytes: this role holds a key and a
 * network, so it reads nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "wire/http_client.h"

/* A claim is one row, leased for two minutes (push_claim()). */
enum { POLL_MS = 1000, CONNECT_MS = 10 * 1000, REQUEST_MS = 60 * 1000, ANSWER_MAX = 64 * 1024 };

/* The columns of `claim`. */
enum { ID, ATTEMPTS, SHARE, PEER, URL, CA, KEYS, DOCUMENT, MEDIA_TYPE, STOP, REASON };

struct push {
    struct http_client_answer answer; /* of the delivery at hand */
    bool has_answer;
};

static void forget(struct push *push)
{
    if (push->has_answer)
        http_client_answer_clear(&push->answer);
    push->has_answer = false;
}

static struct http_client_settings settings_of(const struct stage_run *run)
{
    return (struct http_client_settings){
        .cert_file = run->context->config->push_cert,
        .key_file = run->context->config->push_key,
        .connect_timeout_ms = CONNECT_MS,
        .timeout_ms = REQUEST_MS,
        .answer_bytes_max = ANSWER_MAX,
    };
}

/* The peer has the document, or will never take it; else it is tried again. */
static bool is_final(int status)
{
    return status < 500 && status != 408 && status != 425 && status != 429;
}

/* Only so much of what it says is kept. */
static bool keep_answer(void *context, const struct http_client_answer *head, const char *bytes, size_t size, struct err *err)
{
    struct http_client_answer *answer = context;
    size_t room = ANSWER_MAX - answer->body.size;
    UNUSED(head);
    buf_add(&answer->body, bytes, size < room ? size : room);
    return size < room || err_set(err, ERR_LIMIT, "the answer is larger than %d bytes", ANSWER_MAX);
}

static bool deliver(struct push *push, const struct http_client_settings *settings, const char *url, const char *media_type,
                    const void *bytes, size_t size, struct err *err)
{
    struct http_client *client = NULL;
    const struct http_client_request request = {.method = "POST",
                                                .url = url,
                                                .content_type = media_type,
                                                .accept = "text/xml, application/json",
                                                .body = bytes,
                                                .body_size = (int64_t)size,
                                                .body_fd = -1,
                                                .output_fd = -1,
                                                .on_body = keep_answer,
                                                .context = &push->answer};
    if (!http_client_open(settings, &client, err))
        return false;
    bool ok = http_client_send(client, &request, &push->answer, err);
    push->has_answer = true;
    http_client_close(client);
    /* Once it said that it has it, it gets it no second time, however the rest of its answer ends. */
    ok = ok || push->answer.status / 100 == 2;
    if (ok && !is_final(push->answer.status))
        ok = err_set(err, ERR_AGAIN, "answered %d", push->answer.status);
    return ok;
}

static bool address_is_complete(const struct db_rows *rows, size_t row, struct err *err)
{
    static const struct {
        int column;
        const char *what, *option;
    } needs[] = {{URL, "RID address", "--rid-url URL"}, {CA, "CA", "--ca FILE"}, {KEYS, "registered key", "--key SHA256"}};
    for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
        if (str_is_empty(db_get_text(rows, row, needs[i].column)))
            return err_set(err, ERR_AGAIN, "has no %s (cirt peer set %s %s)", needs[i].what, db_get_text(rows, row, PEER), needs[i].option);
    return true;
}

static bool act(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct push *push = run->state;
    struct http_client_settings settings = settings_of(run);
    size_t size = 0, key_bytes = 0;
    forget(push);
    if (!db_is_null(rows, row, STOP))
        return true;
    bool ok = address_is_complete(rows, row, err);
    if (ok) {
        /* The keys first, as a copy: the document's bytes are good until the next db_get_bytes() only. */
        const unsigned char *borrowed = db_get_bytes(rows, row, KEYS, &key_bytes);
        unsigned char *pins = mem_calloc(key_bytes + 1, 1);
        memcpy(pins, borrowed, key_bytes);
        settings.pin = pins;
        settings.pin_count = key_bytes / HTTP_CLIENT_PIN_SIZE;
        settings.ca_pem = db_get_text(rows, row, CA);
        const unsigned char *document = db_get_bytes(rows, row, DOCUMENT, &size);
        ok = deliver(push, &settings, db_get_text(rows, row, URL), db_get_text(rows, row, MEDIA_TYPE), document, size, err);
        free(pins);
    }
    if (ok)
        return true;
    /* Whatever stood in the way, our settings included, may be gone the next time; the document waits until it expires. */
    err->code = ERR_AGAIN;
    return err_context(err, "%s", db_get_text(rows, row, PEER));
}

static bool record_stop(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    const char *stop = db_get_text(rows, row, STOP), *reason = db_get_text(rows, row, REASON);
    if (*stop)
        log_error("not_delivered", "share=s%lld peer=%s state=%s %s", (long long)db_get_int(rows, row, SHARE), db_get_text(rows, row, PEER),
                  stop, log_quote(reason));
    db_int8(run->params, db_get_int(rows, row, ID));
    db_int4(run->params, (int32_t)db_get_int(rows, row, ATTEMPTS));
    db_text(run->params, stop);
    db_text(run->params, reason);
    return db_run(run->db, SQL_PUSH_STOPPED, run->params, NULL, err);
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct push *push = run->state;
    if (!db_is_null(rows, row, STOP))
        return record_stop(run, rows, row, err);
    log_event(push->answer.status / 100 == 2 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "delivered", "share=s%lld peer=%s status=%d",
              (long long)db_get_int(rows, row, SHARE), db_get_text(rows, row, PEER), push->answer.status);
    db_int8(run->params, db_get_int(rows, row, ID));
    db_int4(run->params, (int32_t)db_get_int(rows, row, ATTEMPTS));
    db_int4(run->params, push->answer.status);
    db_bytes(run->params, push->answer.body.size ? push->answer.body.bytes : "", push->answer.body.size);
    return db_run(run->db, SQL_PUSH_ANSWERED, run->params, NULL, err);
}

/* Certificate and key are read anew for each delivery; here only: can they be used at all. */
static bool start(struct stage_run *run, struct err *err)
{
    struct http_client *client = NULL;
    struct http_client_settings settings = settings_of(run);
    settings.ca_pem = "";
    if (!http_client_open(&settings, &client, err))
        return false;
    http_client_close(client);
    if (!run->state)
        run->state = mem_calloc(1, sizeof(struct push));
    return true;
}

static void stop(struct stage_run *run)
{
    struct push *push = run->state;
    if (!push)
        return;
    forget(push);
    free(push);
}

bool push_run(const struct role_context *context, struct err *err)
{
    static const struct stage stage = {
        .role = "push",
        .listen = SQL_PUSH_LISTEN,
        .claim = SQL_PUSH_CLAIM,
        .settle = SQL_PUSH_SETTLE,
        .fail = SQL_PUSH_FAIL,
        .poll_ms = POLL_MS,
        .act = act,
        .work = work,
        .start = start,
        .stop = stop,
    };
    const struct stage *const stages[] = {&stage, &push_mail_stage, &push_tell_stage};
    /* Without an MTA what is to be mailed waits. */
    bool has_mta = context->config->push_smtp != NULL;
    const struct stage *const without[] = {&stage, &push_tell_stage};
    return has_mta ? stage_loop_all(stages, ARRAY_SIZE(stages), context, err) : stage_loop_all(without, ARRAY_SIZE(without), context, err);
}
