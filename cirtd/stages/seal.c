/*
 * Opens what is encrypted to us. Holds the secret keys, so it parses nothing: ciphertext goes to GnuPG, the clear bytes go back to decode.
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

/* The columns of `claim`. */
enum { ID, ATTEMPTS, REPORT, STEP, PATH, PROTOCOL, BYTES };

enum { CLEAR_SIZE_MAX = 48 * 1024 * 1024 };

struct seal {
    struct openpgp *openpgp;
    struct public_keys keys; /* for signatures inside the encryption */
};

/* What came of it. clear NULL: it could not be opened, and why. */
static bool store_opened(struct stage_run *run, const struct db_rows *rows, size_t row, const struct buf *clear,
                         const struct openpgp_opened *opened, const struct err *why, struct err *err)
{
    struct db_array needed;
    json_t *list = signatures_of_openpgp(&opened->signatures, clear ? buf_text(clear) : "", clear ? clear->size : 0);
    char *signatures = json_dumps(list, JSON_COMPACT);
    db_array_init(&needed, DB_TEXT_ARRAY);
    for (size_t i = 0; i < opened->needed_count; i++)
        db_array_add_text(&needed, opened->needed[i]);
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(rows, row, REPORT));
    db_int4(run->params, (int32_t)db_get_int(rows, row, STEP));
    db_text(run->params, db_get_text(rows, row, PATH));
    db_bytes(run->params, clear ? buf_text(clear) : NULL, clear ? clear->size : 0);
    db_array(run->params, &needed);
    db_text(run->params, signatures);
    db_text(run->params, clear ? NULL : why->text);
    bool ok = db_run(run->db, SQL_SEAL_OPENED, run->params, NULL, err);
    db_array_clear(&needed);
    json_decref(list);
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
    if (!public_keys_take(&seal->keys, run, SQL_SEAL_KEYS, seal->openpgp, err))
        goto done;
    bool is_open = openpgp_decrypt(seal->openpgp, bytes, size, &clear, &opened, &why);
    if (!is_open && (why.code == ERR_AGAIN || why.code == ERR_INTERNAL)) {
        *err = why;
        goto done;
    }
    if (!is_open)
        log_info("not_opened", "report=%lld needed=%zu %s", (long long)db_get_int(rows, row, REPORT), opened.needed_count, log_err(&why));
    ok = store_opened(run, rows, row, is_open ? &clear : NULL, &opened, &why, err);
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
    memset(&seal->keys, 0, sizeof seal->keys);
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
