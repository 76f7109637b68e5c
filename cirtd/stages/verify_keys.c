/*
 * Looks at pinned keys that came or changed: the desk took what it was told of them, GnuPG and OpenSSL say what is so. Public keys only, in
 * the home that verify checks signatures with.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "cirtd/key_facts.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "crypto/key_block.h"
#include "crypto/openpgp.h"

enum { FINGERPRINT, PROTOCOL, TEXT };

enum { POLL_MS = 3000 };

/* state is the openpgp. */

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
    struct key_block *block = NULL;
    struct err why;
    bool ok = str_equal(protocol, "openpgp") ? import(run->state, fingerprint, text, &block, &why)
                                             : read_certificate(fingerprint, text, &block, &why);
    if (!ok && (why.code == ERR_AGAIN || why.code == ERR_INTERNAL)) {
        *err = why;
        return false;
    }
    if (!ok)
        log_warn("key_unusable", "fingerprint=%s %s", fingerprint, log_err(&why));
    ok = key_facts_confirm(run, fingerprint, block ? &block->items[0] : NULL, false, ok ? NULL : why.text, err);
    key_block_free(block);
    return ok;
}

static bool work(struct stage_run *run, struct db_rows *none, size_t row, struct err *err)
{
    struct db_rows *rows = NULL;
    UNUSED(none);
    UNUSED(row);
    if (!db_run(run->db, SQL_VERIFY_KEYS_UNCONFIRMED, NULL, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        ok = look_at(run, db_get_text(rows, i, FINGERPRINT), db_get_text(rows, i, PROTOCOL), db_get_text(rows, i, TEXT), err);
    db_rows_free(rows);
    return ok;
}

static bool start(struct stage_run *run, struct err *err)
{
    struct openpgp *openpgp = run->state;
    if (openpgp)
        return true;
    bool ok = openpgp_open(run->context->config->verify_gnupg, &openpgp, err);
    run->state = openpgp;
    return ok;
}

static void stop(struct stage_run *run)
{
    openpgp_close(run->state);
}

const struct stage verify_keys_stage = {.role = "verify", .is_tick = true, .poll_ms = POLL_MS, .work = work, .start = start, .stop = stop};
