/*
 * Tells the database which keys of ours there are: public parts, so that others can be given them, mail that nobody could open is tried
 * again when a new one comes, and somebody is warned before one ends. No other role can look into seal's homes.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/key_facts.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "crypto/key_block.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"

enum { POLL_MS = 10 * 1000, EVERY_MS = 10 * 60 * 1000 };

struct seal_keys {
    struct openpgp *openpgp;
    int64_t due_ms; /* told by then at the latest */
};

static json_t *describe(const struct key_block_key *key, bool can_sign, bool can_decrypt, bool signs)
{
    json_t *facts = key_block_key_json(key), *own;
    own = json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:b, s:b, s:b}", "fingerprint", json_object_get(facts, "fingerprint"),
                    "protocol", json_object_get(facts, "protocol"), "key_ids", json_object_get(facts, "key_ids"), "addresses",
                    json_object_get(facts, "claims"), "user_id", json_object_get(facts, "user_id"), "public_text",
                    json_object_get(facts, "armoured"), "expires", json_object_get(facts, "expires"), "revoked",
                    json_object_get(facts, "revoked"), "can_sign", can_sign, "can_decrypt", can_decrypt, "signs", signs);
    json_decref(facts);
    return own;
}

static bool add_openpgp(struct stage_run *run, json_t *list, struct err *err)
{
    struct seal_keys *keys = run->state;
    struct openpgp_keys *found = mem_calloc(1, sizeof *found);
    const char *signer = run->context->config->seal_key;
    bool ok = openpgp_secret_keys(keys->openpgp, found, err);
    for (size_t i = 0; ok && i < found->count; i++) {
        const struct openpgp_key *key = &found->items[i];
        struct key_block *block = NULL;
        ok = key_block_of_home(keys->openpgp, key->fingerprint, &block, err);
        if (ok)
            json_array_append_new(list, describe(&block->items[0], key->has_secret_signer, key->can_decrypt,
                                                 signer && str_equal_nocase(signer, key->fingerprint)));
        key_block_free(block);
    }
    free(found);
    return ok;
}

/* One that names no address is nobody's to write to. */
static void add_identity(struct stage_run *run, const struct smime_certificate *identity, json_t *list)
{
    const char *signer = run->context->config->seal_smime_key;
    struct key_block *block = NULL;
    struct err err;
    if (key_block_read(identity->der, identity->der_size, &block, &err))
        json_array_append_new(list, describe(&block->items[0], identity->can_sign, identity->can_encrypt,
                                             signer && str_equal_nocase(signer, identity->fingerprint)));
    else
        log_warn("own_certificate_not_told", "fingerprint=%s %s", identity->fingerprint, log_err(&err));
    key_block_free(block);
}

/* Opened anew each time: the folder may have changed. */
static bool add_smime(struct stage_run *run, json_t *list, struct err *err)
{
    const struct smime_settings settings = {.identity_dir = run->context->config->seal_smime};
    struct smime *smime = NULL;
    if (str_is_empty(settings.identity_dir))
        return true;
    if (!smime_open(&settings, &smime, err))
        return false;
    for (size_t i = 0; i < smime_identity_count(smime); i++)
        add_identity(run, smime_identity(smime, i), list);
    smime_close(smime);
    return true;
}

static bool publish(struct stage_run *run, const json_t *list, struct err *err)
{
    struct db_rows *rows = NULL;
    char *text = json_dumps(list, JSON_COMPACT);
    db_params_reset(run->params);
    db_text(run->params, text);
    bool ok = db_run(run->db, SQL_SEAL_OWN_KEYS, run->params, &rows, err);
    if (ok && db_get_int(rows, 0, 0) > 0)
        log_info("own_keys", "count=%zu new=%lld", json_array_size(list), (long long)db_get_int(rows, 0, 0));
    db_rows_free(rows);
    free(text);
    return ok;
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct seal_keys *keys = run->state;
    UNUSED(rows);
    UNUSED(row);
    if (timestamp_monotonic_ms() < keys->due_ms)
        return true;
    json_t *list = json_array();
    bool ok = add_openpgp(run, list, err) && add_smime(run, list, err) && publish(run, list, err);
    json_decref(list);
    if (ok)
        keys->due_ms = timestamp_monotonic_ms() + EVERY_MS;
    return ok;
}

/* At the start and after SIGHUP they are told at once. */
static bool start(struct stage_run *run, struct err *err)
{
    struct seal_keys *keys = run->state ? run->state : mem_calloc(1, sizeof *keys);
    run->state = keys;
    run->due_ms = keys->due_ms = 0;
    return keys->openpgp || openpgp_open(run->context->config->seal_gnupg, &keys->openpgp, err);
}

static void stop(struct stage_run *run)
{
    struct seal_keys *keys = run->state;
    if (!keys)
        return;
    openpgp_close(keys->openpgp);
    free(keys);
}

const struct stage seal_keys_stage = {.role = "seal", .is_tick = true, .poll_ms = POLL_MS, .work = work, .start = start, .stop = stop};
