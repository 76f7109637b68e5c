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

struct mail {
    const struct role_context *context;
    struct db *db;
    struct db_params *params;
    struct config *reloaded; /* what the names borrow from after a SIGHUP */
    struct arena *arena;     /* of the names in use */
};

/* What of the messages goes to the database: an array a parameter. */
enum { M_FROM, M_RECIPIENTS, M_RECIPIENT_COUNT, M_BYTES, M_COUNT };

static void add_message(struct db_array columns[M_COUNT], const struct lmtp_message *message)
{
    db_array_add_text(&columns[M_FROM], message->sender);
    for (size_t i = 0; i < message->recipient_count; i++)
        db_array_add_text(&columns[M_RECIPIENTS], message->recipients[i]);
    db_array_add_int4(&columns[M_RECIPIENT_COUNT], (int32_t)message->recipient_count);
    db_array_add_bytes(&columns[M_BYTES], message->bytes ? message->bytes : "", message->size);
}

static bool store(void *context, const struct lmtp_message *const *messages, size_t count, struct err *err)
{
    static const enum db_array_kind kinds[M_COUNT] = {DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_INT4_ARRAY, DB_BYTES_ARRAY};
    struct mail *mail = context;
    struct db_array columns[M_COUNT];
    struct db_rows *rows = NULL;
    if (!watermark_has_space(mail->context->config, WATERMARK_MAIL))
        return err_set(err, ERR_LIMIT, "no space for mail at the moment");
    for (int i = 0; i < M_COUNT; i++)
        db_array_init(&columns[i], kinds[i]);
    for (size_t i = 0; i < count; i++)
        add_message(columns, messages[i]);
    db_params_reset(mail->params);
    for (int i = 0; i < M_COUNT; i++)
        db_array(mail->params, &columns[i]);
    /* One statement is its own transaction: when it has answered, the messages stand. */
    bool ok = db_ready(mail->db, err) && db_run(mail->db, SQL_MAIL_INSERT, mail->params, &rows, err);
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        log_info("mail_stored", "report=r%lld size=%zu duplicate=%d", (long long)db_get_int(rows, i, 1),
                 messages[db_get_int(rows, i, 0) - 1]->size, db_get_bool(rows, i, 2));
    db_rows_free(rows);
    for (int i = 0; i < M_COUNT; i++)
        db_array_clear(&columns[i]);
    return ok;
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
static bool read_addresses(struct arena *arena, const char **addresses, struct lmtp_names *names, struct err *err)
{
    enum { PARTS_MAX = 64 };
    const char **parts = arena_calloc(arena, PARTS_MAX, sizeof *parts);
    for (size_t i = 0; addresses[i]; i++) {
        const char *at = strrchr(addresses[i], '@');
        if (!at || at == addresses[i] || (names->domain && !str_equal_nocase(names->domain, at + 1)) ||
            names->local_part_count == PARTS_MAX)
            return err_set(err, ERR_INPUT, "mail.addresses: '%s' is no address of the one domain", addresses[i]);
        names->domain = at + 1;
        if (!str_starts(addresses[i], "case+"))
            parts[names->local_part_count++] = arena_strndup(arena, addresses[i], (size_t)(at - addresses[i]));
    }
    names->local_parts = parts;
    return names->domain || err_set(err, ERR_INPUT, "mail.addresses is empty: which recipients are ours?");
}

/* Borrows from config and lives as long as arena. */
static bool read_names(struct arena *arena, const struct config *config, struct lmtp_names *names, struct err *err)
{
    enum { USERS_MAX = 32 };
    uid_t *uids = arena_calloc(arena, USERS_MAX, sizeof *uids);
    *names = (struct lmtp_names){.user_ids = uids};
    names->user_id_count = find_users(config->mail_users, uids, USERS_MAX);
    return read_addresses(arena, config->mail_addresses, names, err);
}

static bool reload(void *context, struct lmtp_names *names, struct err *err)
{
    struct mail *mail = context;
    struct config *config = NULL;
    struct arena *arena = arena_new();
    if (!role_reload(mail->context, &config, err) || !read_names(arena, config, names, err)) {
        config_free(config);
        arena_free(arena);
        return false;
    }
    config_free(mail->reloaded);
    arena_free(mail->arena);
    mail->reloaded = config;
    mail->arena = arena;
    return true;
}

static void on_ready(void *context)
{
    const struct mail *mail = context;
    log_info("listening", "socket=%s", log_quote(mail->context->config->mail_socket));
}

bool mail_role_run(const struct role_context *context, struct err *err)
{
    const struct config *config = context->config;
    struct mail mail = {.context = context, .db = stage_db(context), .params = db_params_new(), .arena = arena_new()};
    struct lmtp_config lmtp = {.socket_path = config->mail_socket,
                               .socket_group = (gid_t)-1,
                               .hostname = config->site_domain,
                               .size_max = (size_t)config->mail_max,
                               .store = store,
                               .store_context = &mail,
                               .reload = reload,
                               .on_ready = on_ready};
    stage_signals();
    bool ok = read_names(mail.arena, config, &lmtp.names, err) && stage_connect(context, mail.db, err) && lmtp_run(&lmtp, err);
    db_params_free(mail.params);
    db_free(mail.db);
    config_free(mail.reloaded);
    arena_free(mail.arena);
    return ok || stage_is_ending();
}
