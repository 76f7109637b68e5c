/*
 * Opens what is encrypted to us. Holds the secret keys, so it parses nothing: ciphertext goes to GnuPG or OpenSSL, the clear bytes go back
 * to decode.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "cirtd/public_keys.h"
#include "cirtd/signatures.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"

/* The columns of `claim`. */
enum { ID, ATTEMPTS, REPORT, STEP, PATH, PROTOCOL, BYTES };

enum { CLEAR_SIZE_MAX = 48 * 1024 * 1024 };

struct seal {
    struct openpgp *openpgp;
    struct smime *smime;
    struct public_keys keys; /* for signatures inside the encryption */
};

/* What came of opening one. */
struct opened {
    struct buf clear;
    bool is_open;
    struct err why;         /* where not */
    struct db_array needed; /* the keys that could */
    json_t *signatures;     /* inside the encryption */
};

static void open_openpgp(struct seal *seal, const void *bytes, size_t size, struct opened *out)
{
    struct openpgp_opened told;
    out->is_open = openpgp_decrypt(seal->openpgp, bytes, size, &out->clear, &told, &out->why);
    for (size_t i = 0; i < told.needed_count; i++)
        db_array_add_text(&out->needed, told.needed[i]);
    out->signatures = signatures_of_openpgp(&told.signatures, buf_text(&out->clear), out->clear.size);
}

/* CMS has no signatures inside an encryption: what was signed first is the next layer. */
static void open_smime(struct seal *seal, const void *bytes, size_t size, struct opened *out)
{
    struct smime_opened *told = mem_calloc(1, sizeof *told);
    out->is_open = smime_decrypt(seal->smime, bytes, size, &out->clear, told, &out->why);
    for (size_t i = 0; i < told->needed_count; i++)
        db_array_add_text(&out->needed, told->needed[i]);
    out->signatures = json_array();
    free(told);
}

static bool store_opened(struct stage_run *run, const struct db_rows *rows, size_t row, struct opened *opened, struct err *err)
{
    char *signatures = json_dumps(opened->signatures, JSON_COMPACT);
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(rows, row, REPORT));
    db_int4(run->params, (int32_t)db_get_int(rows, row, STEP));
    db_text(run->params, db_get_text(rows, row, PATH));
    db_bytes(run->params, opened->is_open ? buf_text(&opened->clear) : NULL, opened->is_open ? opened->clear.size : 0);
    db_array(run->params, &opened->needed);
    db_text(run->params, signatures);
    db_text(run->params, opened->is_open ? NULL : opened->why.text);
    bool ok = db_run(run->db, SQL_SEAL_OPENED, run->params, NULL, err);
    free(signatures);
    return ok;
}

/* What cannot be opened is no failure of ours: the mail is kept, and decode is told. */
static bool seal_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct seal *seal = run->state;
    struct opened opened = {.is_open = false};
    size_t size;
    bool ok = false;
    if (!public_keys_take(&seal->keys, run, SQL_SEAL_KEYS, seal->openpgp, NULL, err))
        return false;
    buf_init(&opened.clear, CLEAR_SIZE_MAX);
    db_array_init(&opened.needed, DB_TEXT_ARRAY);
    const unsigned char *bytes = db_get_bytes(rows, row, BYTES, &size);
    bool is_openpgp = strcmp(db_get_text(rows, row, PROTOCOL), "openpgp") == 0;
    (is_openpgp ? open_openpgp : open_smime)(seal, bytes, size, &opened);
    if (!opened.is_open && (opened.why.code == ERR_AGAIN || opened.why.code == ERR_INTERNAL)) {
        *err = opened.why;
        goto done;
    }
    if (!opened.is_open)
        log_info("not_opened", "report=%lld needed=%u %s", (long long)db_get_int(rows, row, REPORT), opened.needed.count,
                 log_err(&opened.why));
    ok = store_opened(run, rows, row, &opened, err);
done:
    if (opened.clear.bytes)
        explicit_bzero(opened.clear.bytes, opened.clear.size);
    buf_clear(&opened.clear);
    db_array_clear(&opened.needed);
    json_decref(opened.signatures);
    return ok;
}

static bool seal_start(struct stage_run *run, struct err *err)
{
    struct seal *seal = run->state ? run->state : mem_calloc(1, sizeof *seal);
    run->state = seal;
    memset(&seal->keys, 0, sizeof seal->keys);
    const struct config *config = run->context->config;
    struct smime_settings settings = {.identity_dir = config->seal_smime};
    if (!seal->openpgp && !openpgp_open(config->seal_gnupg, &seal->openpgp, err))
        return false;
    return seal->smime ? smime_reload(seal->smime, err) : smime_open(&settings, &seal->smime, err);
}

static void seal_stop(struct stage_run *run)
{
    struct seal *seal = run->state;
    if (!seal)
        return;
    if (seal->openpgp)
        openpgp_stop_agent(seal->openpgp);
    openpgp_close(seal->openpgp);
    smime_close(seal->smime);
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
                                       .batch_rows = 4,
                                       .work = seal_work,
                                       .start = seal_start,
                                       .stop = seal_stop};
    const struct stage *const stages[] = {&stage, &seal_sign_stage, &seal_keys_stage};
    return stage_loop_all(stages, ARRAY_SIZE(stages), context, err);
}
