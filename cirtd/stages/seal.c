/*
 * Opens what is encrypted to us. Holds the secret keys, so it parses nothing: ciphertext goes to GnuPG, the clear bytes go back to decode.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "crypto/openpgp.h"

/* The columns of `claim`. */
enum { ID, ATTEMPTS, REPORT, PATH, BYTES };

enum { CLEAR_SIZE_MAX = 48 * 1024 * 1024 };

struct seal {
    struct openpgp *openpgp;
    int64_t keys_since; /* the newest change we have taken, microseconds: public keys, for signatures inside the encryption */
};

static bool take_new_keys(struct stage_run *run, struct err *err)
{
    struct seal *seal = run->state;
    struct db_rows *rows = NULL;
    db_params_reset(run->params);
    db_int8(run->params, seal->keys_since);
    if (!db_run(run->db, SQL_SEAL_KEYS, run->params, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++) {
        struct openpgp_keys keys;
        const char *armoured = db_get_text(rows, i, 1);
        ok = openpgp_import(seal->openpgp, armoured, strlen(armoured), &keys, err);
        if (!ok && err->code != ERR_AGAIN) {
            log_warn("key_not_taken", "fingerprint=%s %s", db_get_text(rows, i, 0), log_err(err));
            ok = true;
        }
        if (ok)
            seal->keys_since = db_get_int(rows, i, 2);
    }
    db_rows_free(rows);
    return ok;
}

static char *signatures_text(const struct openpgp_signatures *signatures)
{
    json_t *list = json_array();
    for (size_t i = 0; i < signatures->count; i++) {
        const struct openpgp_signature *signature = &signatures->items[i];
        const char *key_now = openpgp_key_now_name(signature->key_now);
        json_t *item =
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "status", openpgp_status_name(signature->status), "fingerprint", signature->fingerprint,
                      "signer", signature->signer, "hash", signature->hash, "algorithm", signature->algorithm);
        if (key_now)
            json_object_set_new(item, "key_now", json_string(key_now));
        if (signature->made != TIMESTAMP_NONE)
            json_object_set_new(item, "made", json_integer(signature->made));
        json_array_append_new(list, item);
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static bool store_opened(struct stage_run *run, int64_t report_id, const char *path, const struct buf *clear,
                         const struct openpgp_opened *opened, struct err *err)
{
    struct db_array needed;
    char *signatures = signatures_text(&opened->signatures);
    db_array_init(&needed, DB_TEXT_ARRAY);
    for (size_t i = 0; i < opened->needed_count; i++)
        db_array_add_text(&needed, opened->needed[i]);
    db_params_reset(run->params);
    db_int8(run->params, report_id);
    db_text(run->params, path);
    db_bytes(run->params, clear ? buf_text(clear) : NULL, clear ? clear->size : 0);
    db_array(run->params, &needed);
    db_text(run->params, signatures);
    bool ok = db_run(run->db, SQL_SEAL_OPENED, run->params, NULL, err);
    db_array_clear(&needed);
    free(signatures);
    return ok;
}

/* What cannot be opened is no failure of ours: the mail is kept, and decode is told. */
static bool seal_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct seal *seal = run->state;
    struct openpgp_opened opened;
    struct buf clear;
    struct err why;
    size_t size;
    bool ok = false;
    buf_init(&clear, CLEAR_SIZE_MAX);
    const unsigned char *bytes = db_get_bytes(rows, row, BYTES, &size);
    if (!take_new_keys(run, err))
        goto done;
    bool is_open = openpgp_decrypt(seal->openpgp, bytes, size, &clear, &opened, &why);
    if (!is_open && (why.code == ERR_AGAIN || why.code == ERR_INTERNAL)) {
        *err = why;
        goto done;
    }
    if (!is_open)
        log_info("not_opened", "report=%lld needed=%zu %s", (long long)db_get_int(rows, row, REPORT), opened.needed_count, log_err(&why));
    ok = store_opened(run, db_get_int(rows, row, REPORT), db_get_text(rows, row, PATH), is_open ? &clear : NULL, &opened, err);
done:
    if (clear.bytes)
        explicit_bzero(clear.bytes, clear.size);
    buf_clear(&clear);
    return ok;
}

static bool seal_start(struct stage_run *run, struct err *err)
{
    struct seal *seal = run->state ? run->state : mem_calloc(1, sizeof *seal);
    run->state = seal;
    seal->keys_since = 0;
    return seal->openpgp || openpgp_open(run->context->config->seal_gnupg, &seal->openpgp, err);
}

static void seal_stop(struct stage_run *run)
{
    struct seal *seal = run->state;
    if (!seal)
        return;
    if (seal->openpgp)
        openpgp_stop_agent(seal->openpgp);
    openpgp_close(seal->openpgp);
    free(seal);
}

bool seal_run(const struct role_context *context, struct err *err)
{
    static const struct stage stage = {.role = "seal",
                                       .listen = SQL_SEAL_LISTEN,
                                       .claim = SQL_SEAL_CLAIM,
                                       .settle = SQL_SEAL_SETTLE,
                                       .fail = SQL_SEAL_FAIL,
                                       .poll_ms = 2000,
                                       .is_batched = true,
                                       .work = seal_work,
                                       .start = seal_start,
                                       .stop = seal_stop};
    return stage_loop(&stage, context, err);
}
