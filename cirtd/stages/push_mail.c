/*
 * Hands signed messages to the MTA: the second queue of the role push. What the MTA took is recorded before the next message is begun;
 * where the database is away at that moment it is kept here and recorded when it is back, not sent again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "wire/smtp_client.h"

/* The columns of `mail_claim`. */
enum { ID, ATTEMPTS, MAIL, SENDER, RECIPIENTS, MESSAGE_ID, BYTES, STOP };

/* A claim is leased for twenty minutes (mail_push_claim()), longer than one message may take. */
enum { POLL_MS = 1000, TELL_MS = 30 * 1000, CONNECT_MS = 10 * 1000, ANSWER_S = 300, MESSAGE_S = 900, PASSWORD_MAX = 1000 };

/* What the MTA said about a message. */
struct outcome {
    int64_t id;
    struct smtp_client_recipient *recipients;
    char *addresses; /* what their texts lie in */
    size_t count;
    bool is_answered;
};

/* The last of them are kept: one that was not recorded (the database went away, a deadlock) is recorded later, and not said again. */
enum { OUTCOMES = 64 };

struct courier {
    struct smtp_client *client;
    char *password;
    struct outcome outcomes[OUTCOMES];
    size_t next;
    struct outcome *now; /* of the message at hand */
};

static void forget(struct outcome *outcome)
{
    free(outcome->recipients);
    free(outcome->addresses);
    *outcome = (struct outcome){.id = 0};
}

/* "a@x b@y" */
static void take_recipients(struct outcome *outcome, const char *text)
{
    size_t capacity = 0;
    outcome->addresses = mem_strdup(text ? text : "");
    for (char *word = outcome->addresses; *word;) {
        outcome->recipients = mem_grow(outcome->recipients, &capacity, outcome->count, sizeof *outcome->recipients);
        outcome->recipients[outcome->count++] = (struct smtp_client_recipient){.address = word};
        word += strcspn(word, " ");
        if (*word)
            *word++ = '\0';
    }
}

static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    while (text && *text) {
        size_t end = strcspn(text, " ");
        if (end == size && memcmp(text, word, size) == 0)
            return true;
        text += end + (text[end] == ' ');
    }
    return false;
}

/* The MTA took this message, and the database does not know: who has it stands among those who wait. */
static bool is_unrecorded(const struct outcome *outcome, int64_t id, const char *waiting)
{
    for (size_t i = 0; outcome->is_answered && outcome->id == id && i < outcome->count; i++)
        if (outcome->recipients[i].code / 100 == 2 && has_word(waiting, outcome->recipients[i].address))
            return true;
    return false;
}

static struct outcome *find_unrecorded(struct courier *courier, int64_t id, const char *waiting)
{
    for (size_t i = 0; i < OUTCOMES; i++)
        if (is_unrecorded(&courier->outcomes[i], id, waiting))
            return &courier->outcomes[i];
    return NULL;
}

static bool act(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct courier *courier = run->state;
    const char *waiting = db_get_text(rows, row, RECIPIENTS);
    int64_t id = db_get_int(rows, row, ID);
    size_t size = 0;
    courier->now = find_unrecorded(courier, id, waiting);
    if (courier->now) {
        log_warn("mail_recorded_late", "mail=m%lld", (long long)db_get_int(rows, row, MAIL));
        return true;
    }
    courier->now = &courier->outcomes[courier->next++ % OUTCOMES];
    forget(courier->now);
    take_recipients(courier->now, waiting);
    courier->now->id = id;
    if (!db_is_null(rows, row, STOP) || courier->now->count == 0)
        return true;
    const unsigned char *bytes = db_get_bytes(rows, row, BYTES, &size);
    courier->now->is_answered =
        smtp_client_send(courier->client, db_get_text(rows, row, SENDER), courier->now->recipients, courier->now->count, bytes, size, err);
    return courier->now->is_answered;
}

static bool record_stop(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    const char *stop = db_get_text(rows, row, STOP);
    log_error("mail_not_sent", "mail=m%lld reason=%s", (long long)db_get_int(rows, row, MAIL), log_quote(stop));
    db_int8(run->params, db_get_int(rows, row, ID));
    db_int4(run->params, (int32_t)db_get_int(rows, row, ATTEMPTS));
    db_text(run->params, stop);
    return db_run(run->db, SQL_PUSH_MAIL_STOPPED, run->params, NULL, err);
}

static void log_answers(const struct outcome *outcome, int64_t mail)
{
    for (size_t i = 0; i < outcome->count; i++) {
        const struct smtp_client_recipient *recipient = &outcome->recipients[i];
        log_event(recipient->code / 100 == 2 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "mail_handed_over", "mail=m%lld code=%d answer=%s",
                  (long long)mail, recipient->code, log_quote(recipient->text));
    }
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    const struct outcome *outcome = ((struct courier *)run->state)->now;
    struct db_array addresses, codes, texts;
    if (!db_is_null(rows, row, STOP))
        return record_stop(run, rows, row, err);
    log_answers(outcome, db_get_int(rows, row, MAIL));
    db_array_init(&addresses, DB_TEXT_ARRAY);
    db_array_init(&codes, DB_INT4_ARRAY);
    db_array_init(&texts, DB_TEXT_ARRAY);
    for (size_t i = 0; i < outcome->count; i++) {
        db_array_add_text(&addresses, outcome->recipients[i].address);
        db_array_add_int4(&codes, outcome->recipients[i].code);
        db_array_add_text(&texts, outcome->recipients[i].text);
    }
    db_int8(run->params, db_get_int(rows, row, ID));
    db_int4(run->params, (int32_t)db_get_int(rows, row, ATTEMPTS));
    db_array(run->params, &addresses);
    db_array(run->params, &codes);
    db_array(run->params, &texts);
    bool ok = db_run(run->db, SQL_PUSH_MAIL_PUSHED, run->params, NULL, err);
    db_array_clear(&addresses);
    db_array_clear(&codes);
    db_array_clear(&texts);
    return ok;
}

/* --- the MTA of the configuration --- */

static void drop_client(struct courier *courier)
{
    smtp_client_close(courier->client);
    courier->client = NULL;
    if (courier->password)
        explicit_bzero(courier->password, strlen(courier->password));
    free(courier->password);
    courier->password = NULL;
}

static bool read_password(const struct config *config, struct courier *courier, struct err *err)
{
    if (!config->push_smtp_password_file)
        return true;
    if (!config_read_file(config->push_smtp_password_file, &courier->password, err))
        return false;
    courier->password[strcspn(courier->password, "\r\n")] = '\0';
    return *courier->password || err_set(err, ERR_INPUT, "%s is empty", config->push_smtp_password_file);
}

/* The password is read again with SIGHUP. */
static bool start(struct stage_run *run, struct err *err)
{
    const struct config *config = run->context->config;
    struct courier *courier = run->state ? run->state : mem_calloc(1, sizeof *courier);
    run->state = courier;
    drop_client(courier);
    if (!config->push_smtp)
        return true;
    if (!read_password(config, courier, err))
        return false;
    const struct smtp_client_settings settings = {.url = config->push_smtp,
                                                  .name = config->site_domain,
                                                  .user = config->push_smtp_user,
                                                  .password = courier->password,
                                                  .ca_file = config->push_smtp_ca,
                                                  .connect_timeout_ms = CONNECT_MS,
                                                  .answer_timeout_s = ANSWER_S,
                                                  .timeout_s = MESSAGE_S};
    return smtp_client_open(&settings, &courier->client, err);
}

static void stop(struct stage_run *run)
{
    struct courier *courier = run->state;
    if (!courier)
        return;
    drop_client(courier);
    for (size_t i = 0; i < OUTCOMES; i++)
        forget(&courier->outcomes[i]);
    free(courier);
}

const struct stage push_mail_stage = {
    .role = "push",
    .listen = SQL_PUSH_MAIL_LISTEN,
    .claim = SQL_PUSH_MAIL_CLAIM,
    .settle = SQL_PUSH_MAIL_SETTLE,
    .fail = SQL_PUSH_MAIL_FAIL,
    .poll_ms = POLL_MS,
    .act = act,
    .work = work,
    .start = start,
    .stop = stop,
};

/* Which MTA there is, for doctor; also that there is none. The first time after a start or a reload what waited for the one before is
 * tried. */
static bool tell(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    static char told;
    UNUSED(rows);
    UNUSED(row);
    db_text(run->params, run->context->config->push_smtp);
    db_bool(run->params, run->state == NULL);
    run->state = &told;
    return db_run(run->db, SQL_PUSH_MTA_TELL, run->params, NULL, err);
}

static bool tell_anew(struct stage_run *run, struct err *err)
{
    UNUSED(err);
    run->state = NULL;
    run->due_ms = 0;
    return true;
}

const struct stage push_tell_stage = {.role = "push", .is_tick = true, .poll_ms = TELL_MS, .work = tell, .start = tell_anew};
