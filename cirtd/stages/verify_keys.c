/*
 * Looks at pinned keys that came or changed: the desk took what it was told of them, GnuPG and OpenSSL say what is so. Public keys only, in
 * the home that verify checks signatures with. And when there is a new revocation list, at all certificates that are known.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/key_facts.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "crypto/key_block.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"

enum { FINGERPRINT, PROTOCOL, TEXT };

enum { POLL_MS = 3000 };

struct verify_keys {
    struct openpgp *openpgp;
    int64_t crl_stamp; /* of the revocation lists that the certificates were held against; 0: none yet */
};

static bool import(struct openpgp *openpgp, const char *fingerprint, const char *text, struct key_block **block, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    bool ok = openpgp_import(openpgp, text, strlen(text), keys, err);
    bool is_it = false;
    for (size_t i = 0; ok && i < keys->count; i++)
        is_it = is_it || str_equal(keys->items[i].fingerprint, fingerprint);
    if (ok && !is_it)
        ok = err_set(err, ERR_INPUT, "the text holds another key, %s", keys->items[0].fingerprint);
    free(keys);
    return ok && key_block_of_home(openpgp, fingerprint, block, err);
}

static bool read_certificate(const char *fingerprint, const char *text, struct key_block **block, struct err *err)
{
    if (!key_block_read(text, strlen(text), block, err))
        return false;
    if ((*block)->items[0].is_smime && str_equal((*block)->items[0].fingerprint, fingerprint))
        return true;
    err_set(err, ERR_INPUT, "the text holds another certificate, %s", (*block)->items[0].fingerprint);
    key_block_free(*block);
    *block = NULL;
    return false;
}

static bool look_at(struct stage_run *run, const char *fingerprint, const char *protocol, const char *text, struct err *err)
{
    struct verify_keys *keys = run->state;
    struct key_block *block = NULL;
    struct err why;
    bool ok = str_equal(protocol, "openpgp") ? import(keys->openpgp, fingerprint, text, &block, &why)
                                             : read_certificate(fingerprint, text, &block, &why);
    if (!ok && (why.code == ERR_AGAIN || why.code == ERR_INTERNAL)) {
        *err = why;
        return false;
    }
    if (!ok)
        log_warn("key_unusable", "fingerprint=%s %s", fingerprint, log_err(&why));
    if (ok && block->items[0].is_smime)
        keys->crl_stamp = 0; /* it may be in the lists already */
    ok = key_facts_confirm(run, fingerprint, block ? &block->items[0] : NULL, ok ? NULL : why.text, text, err);
    key_block_free(block);
    return ok;
}

static bool confirm_changed(struct stage_run *run, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!db_run(run->db, SQL_VERIFY_KEYS_UNCONFIRMED, NULL, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        ok = look_at(run, db_get_text(rows, i, FINGERPRINT), db_get_text(rows, i, PROTOCOL), db_get_text(rows, i, TEXT), err);
    db_rows_free(rows);
    return ok;
}

/* --- revocation lists --- */

static int64_t stamp_of(const char *path)
{
    struct stat status;
    if (str_is_empty(path) || stat(path, &status) != 0)
        return 0;
    return (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec + (int64_t)status.st_ino;
}

static bool hold_against(struct stage_run *run, struct smime *smime, const char *fingerprint, const char *text, struct err *err)
{
    enum smime_status status;
    char why[SMIME_TEXT_SIZE];
    struct err ignored;
    if (!smime_check_certificate(smime, text, strlen(text), timestamp_now(), &status, why, &ignored) || status != SMIME_REVOKED_KEY)
        return true;
    log_warn("certificate_revoked", "fingerprint=%s", fingerprint);
    db_params_reset(run->params);
    db_text(run->params, fingerprint);
    return db_run(run->db, SQL_VERIFY_KEY_REVOKED, run->params, NULL, err);
}

/* Lists that cannot be read are the queue's to complain about, which reads them too. */
static bool check_revocations(struct stage_run *run, struct err *err)
{
    const struct config *config = run->context->config;
    const struct smime_settings settings = {.ca_file = config->verify_smime_ca, .crl_file = config->verify_smime_crl};
    struct verify_keys *keys = run->state;
    int64_t stamp = stamp_of(settings.crl_file);
    struct smime *smime = NULL;
    struct db_rows *rows = NULL;
    struct err ignored;
    if (stamp == keys->crl_stamp || !smime_open(&settings, &smime, &ignored))
        return true;
    bool ok = db_run(run->db, SQL_VERIFY_CERTIFICATES, NULL, &rows, err);
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        ok = hold_against(run, smime, db_get_text(rows, i, 0), db_get_text(rows, i, 1), err);
    db_rows_free(rows);
    smime_close(smime);
    if (ok)
        keys->crl_stamp = stamp;
    return ok;
}

/* --- the stage --- */

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    UNUSED(rows);
    UNUSED(row);
    return confirm_changed(run, err) && check_revocations(run, err);
}

static bool start(struct stage_run *run, struct err *err)
{
    struct verify_keys *keys = run->state ? run->state : mem_calloc(1, sizeof *keys);
    run->state = keys;
    keys->crl_stamp = 0;
    return keys->openpgp || openpgp_open(run->context->config->verify_gnupg, &keys->openpgp, err);
}

static void stop(struct stage_run *run)
{
    struct verify_keys *keys = run->state;
    if (!keys)
        return;
    openpgp_close(keys->openpgp);
    free(keys);
}

const struct stage verify_keys_stage = {.role = "verify", .is_tick = true, .poll_ms = POLL_MS, .work = work, .start = start, .stop = stop};
