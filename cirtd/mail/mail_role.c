#include "cirtd/mail/mail_role.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/mail/lmtp.h"
#include "cirtd/stage.h"
#include "cirtd/watermark.h"
#include "crypto/digest.h"
#include "store/report_store.h"

struct mail {
    const struct role_context *context;
    struct db *db;
    struct db_params *params;
    struct report_batch *batch;
};

/* The sender row of an envelope address; "<>" is the null sender's. */
static bool find_sender(struct mail *mail, const char *address, int64_t *sender_id, struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(mail->params);
    db_text(mail->params, address[0] ? address : "<>");
    if (!db_run(mail->db, SQL_MAIL_SENDER, mail->params, &rows, err))
        return false;
    *sender_id = db_get_int(rows, 0, 0);
    db_rows_free(rows);
    return true;
}

static bool record_envelope(struct mail *mail, const struct lmtp_message *message, int64_t report_id, struct err *err)
{
    struct db_array recipients;
    db_array_init(&recipients, DB_TEXT_ARRAY);
    for (size_t i = 0; i < message->recipient_count; i++)
        db_array_add_text(&recipients, message->recipients[i]);
    db_params_reset(mail->params);
    db_int8(mail->params, report_id);
    db_text(mail->params, message->sender);
    db_array(mail->params, &recipients);
    bool ok = db_run(mail->db, SQL_MAIL_ENVELOPE, mail->params, NULL, err);
    db_array_clear(&recipients);
    return ok;
}

static bool store_in_transaction(struct mail *mail, const struct lmtp_message *message, struct report_result *result, struct err *err)
{
    /* What a mail is worth shows only when it is decoded and verified; till then it is an unknown's, under the usual label. */
    struct report_envelope envelope = {.route = "inbox",
                                       .channel = "mail",
                                       .assurance = "unknown",
                                       .size = (int64_t)message->size,
                                       .media_type = "message/rfc822",
                                       .state = "decoding",
                                       .format = "mail",
                                       .tlp = TLP_AMBER,
                                       .tlp_assumed = true};
    digest_sha256(message->bytes, message->size, envelope.sha256);
    if (!find_sender(mail, message->sender, &envelope.sender_id, err))
        return false;
    report_batch_reset(mail->batch);
    report_batch_add(mail->batch, &envelope, NULL, message->bytes, message->size);
    return report_batch_store(mail->db, SQL_MAIL_REPORTS_INSERT, mail->batch, result, err) &&
           (result->is_duplicate || record_envelope(mail, message, result->id, err));
}

static bool store(void *context, const struct lmtp_message *message, struct err *err)
{
    struct mail *mail = context;
    struct report_result result;
    if (!watermark_has_space(mail->context->config, WATERMARK_MAIL))
        return err_set(err, ERR_LIMIT, "no space for mail at the moment");
    if (!db_ready(mail->db, err) || !db_begin(mail->db, err))
        return false;
    if (!store_in_transaction(mail, message, &result, err) || !db_commit(mail->db, err)) {
        db_rollback(mail->db);
        log_warn("mail_not_stored", "size=%zu %s", message->size, log_err(err));
        return false;
    }
    log_info("mail_stored", "report=r%lld size=%zu duplicate=%d", (long long)result.id, message->size, result.is_duplicate);
    return true;
}

/* The user ids of names; those that do not exist here are left out. */
static size_t find_users(const char **names, uid_t *uids, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; names[i] && count < max; i++) {
        const struct passwd *user = getpwnam(names[i]);
        if (user)
            uids[count++] = user->pw_uid;
        else
            log_warn("user_unknown", "user=%s", log_quote(names[i]));
    }
    return count;
}

/* "incident@xx-cert.example" gives the local part "incident"; case+NUMBER is always taken. ERR_INPUT for another domain than the first's.
 */
static bool read_addresses(struct arena *arena, const char **addresses, struct lmtp_config *lmtp, struct err *err)
{
    enum { PARTS_MAX = 64 };
    const char **parts = arena_calloc(arena, PARTS_MAX, sizeof *parts);
    for (size_t i = 0; addresses[i]; i++) {
        const char *at = strrchr(addresses[i], '@');
        if (!at || at == addresses[i] || (lmtp->domain && !str_equal_nocase(lmtp->domain, at + 1)) || lmtp->local_part_count == PARTS_MAX)
            return err_set(err, ERR_INPUT, "mail.addresses: '%s' is no address of the one domain", addresses[i]);
        lmtp->domain = at + 1;
        if (!str_starts(addresses[i], "case+"))
            parts[lmtp->local_part_count++] = arena_strndup(arena, addresses[i], (size_t)(at - addresses[i]));
    }
    lmtp->local_parts = parts;
    return lmtp->domain || err_set(err, ERR_INPUT, "mail.addresses is empty: which recipients are ours?");
}

static void on_ready(void *context)
{
    const struct mail *mail = context;
    log_info("listening", "socket=%s", log_quote(mail->context->config->mail_socket));
}

bool mail_role_run(const struct role_context *context, struct err *err)
{
    enum { USERS_MAX = 32 };
    uid_t uids[USERS_MAX];
    const struct config *config = context->config;
    struct arena *arena = arena_new();
    struct mail mail = {.context = context, .db = stage_db(context), .params = db_params_new(), .batch = report_batch_new()};
    struct lmtp_config lmtp = {.socket_path = config->mail_socket,
                               .socket_group = (gid_t)-1,
                               .user_ids = uids,
                               .user_id_count = find_users(config->mail_users, uids, USERS_MAX),
                               .hostname = config->site_domain,
                               .size_max = (size_t)config->mail_max,
                               .store = store,
                               .store_context = &mail,
                               .on_ready = on_ready};
    stage_signals();
    bool ok = read_addresses(arena, config->mail_addresses, &lmtp, err) && stage_connect(context, mail.db, err) && lmtp_run(&lmtp, err);
    report_batch_free(mail.batch);
    db_params_free(mail.params);
    db_free(mail.db);
    arena_free(arena);
    return ok || stage_is_ending();
}
