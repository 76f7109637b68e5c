#include "cirtd/public_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* The columns of `keys`. */
enum { FINGERPRINT, PROTOCOL, TEXT, CHANGED };

static bool was_taken(const struct public_keys *keys, const char *fingerprint, int64_t changed)
{
    for (size_t i = 0; i < PUBLIC_KEYS_RECENT; i++)
        if (keys->recent[i].changed == changed && strcmp(keys->recent[i].fingerprint, fingerprint) == 0)
            return true;
    return false;
}

static void remember(struct public_keys *keys, const char *fingerprint, int64_t changed)
{
    snprintf(keys->recent[keys->next].fingerprint, sizeof keys->recent[0].fingerprint, "%s", fingerprint);
    keys->recent[keys->next].changed = changed;
    keys->next = (keys->next + 1) % PUBLIC_KEYS_RECENT;
    keys->since = changed;
}

static bool import(const char *protocol, const char *text, struct openpgp *openpgp, struct smime *smime, struct err *err)
{
    struct openpgp_keys *imported;
    if (!str_equal(protocol, "openpgp"))
        return !smime || smime_add_certificate(smime, text, strlen(text), err);
    imported = mem_calloc(1, sizeof *imported);
    bool ok = openpgp_import(openpgp, text, strlen(text), imported, err);
    free(imported);
    return ok;
}

bool public_keys_take(struct public_keys *keys, struct stage_run *run, enum sql_statement statement, struct openpgp *openpgp,
                      struct smime *smime, struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(run->params);
    db_int8(run->params, keys->since);
    if (!db_run(run->db, statement, run->params, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++) {
        const char *fingerprint = db_get_text(rows, i, FINGERPRINT);
        int64_t changed = db_get_int(rows, i, CHANGED);
        if (was_taken(keys, fingerprint, changed))
            continue;
        ok = import(db_get_text(rows, i, PROTOCOL), db_get_text(rows, i, TEXT), openpgp, smime, err);
        if (!ok && err->code != ERR_AGAIN) {
            log_warn("key_not_taken", "fingerprint=%s %s", fingerprint, log_err(err));
            ok = true;
        }
        if (ok)
            remember(keys, fingerprint, changed);
    }
    db_rows_free(rows);
    return ok;
}
