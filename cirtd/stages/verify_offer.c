/*
 * Looks at the keys that mails brought along, with nobody waiting for it. They become candidates. Of a key that is pinned already its
 * owner's newer signatures are taken: a new end, a new part, a revocation.
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

/* The columns of `offer_claim`. */
enum { ID, ATTEMPTS, REPORT, SOURCE, BYTES };

enum { POLL_MS = 5000, KEYS_MAX = 8 };

/* state is the openpgp. */

/* GnuPG takes from the copy what the owner signed, and nothing else. */
static bool merge(struct stage_run *run, const struct key_block_key *key, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct key_block *merged = NULL;
    bool ok = openpgp_import(run->state, key->text, strlen(key->text), keys, err) &&
              key_block_of_home(run->state, key->fingerprint, &merged, err) &&
              key_facts_confirm(run, key->fingerprint, &merged->items[0], NULL, NULL, err);
    key_block_free(merged);
    free(keys);
    return ok;
}

static bool add(struct stage_run *run, int64_t offer, const struct key_block_key *key, struct err *err)
{
    json_t *facts = key_block_key_json(key);
    char *text = json_dumps(facts, JSON_COMPACT);
    struct db_rows *rows = NULL;
    db_params_reset(run->params);
    db_int8(run->params, offer);
    db_text(run->params, text);
    bool ok = db_run(run->db, SQL_VERIFY_CANDIDATE, run->params, &rows, err);
    if (ok && str_equal(db_get_text(rows, 0, 0), "pinned") && !key->is_smime)
        ok = merge(run, key, err);
    db_rows_free(rows);
    json_decref(facts);
    free(text);
    return ok;
}

/* What is no key, or is a secret one, is what strangers send: no fault of ours. */
static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct key_block *block = NULL;
    size_t size;
    const unsigned char *bytes = db_get_bytes(rows, row, BYTES, &size);
    if (!key_block_read(bytes, size, &block, err)) {
        if (err->code == ERR_AGAIN || err->code == ERR_INTERNAL)
            return false;
        log_info("offer_not_taken", "report=%lld source=%s %s", (long long)db_get_int(rows, row, REPORT), db_get_text(rows, row, SOURCE),
                 log_err(err));
        return true;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < block->count && i < KEYS_MAX; i++)
        ok = add(run, db_get_int(rows, row, ID), &block->items[i], err);
    key_block_free(block);
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

const struct stage verify_offer_stage = {.role = "verify",
                                         .listen = SQL_VERIFY_OFFER_LISTEN,
                                         .claim = SQL_VERIFY_OFFER_CLAIM,
                                         .settle = SQL_VERIFY_OFFER_SETTLE,
                                         .fail = SQL_VERIFY_OFFER_FAIL,
                                         .poll_ms = POLL_MS,
                                         .work = work,
                                         .start = start,
                                         .stop = stop};
