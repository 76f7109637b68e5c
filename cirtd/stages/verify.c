/*
 * Checks the signatures of mails, and takes out what is signed opaquely. Holds public keys only; which key is whose is the pin in the
 * database, read for each mail (verify_verdict.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/public_keys.h"
#include "cirtd/signatures.h"
#include "cirtd/stages/stages.h"
#include "cirtd/stages/verify_inside.h"
#include "crypto/openpgp.h"

/* The columns of `claim` and `parts`. */
enum { ID, ATTEMPTS, REPORT, MESSAGE, UNWRAPS };
enum { STEP, PATH, KIND, PROTOCOL, BYTES, SIGNATURE };

struct verify {
    struct openpgp *openpgp;
    struct public_keys keys;
    bool has_keys; /* taken since the last claim */
};

/* --- signed parts --- */

/* Takes the list's items over. */
static void add_found(struct verify_job *job, int64_t step, const char *path, bool is_envelope, json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_array_size(job->found) == VERIFY_SIGNATURES_MAX)
            break;
        json_object_set_new(item, "step", json_integer(step));
        json_object_set_new(item, "path", json_string(path));
        json_object_set_new(item, "envelope", json_boolean(is_envelope));
        json_array_append(job->found, item);
    }
    json_decref(list);
}

static bool layer_is_envelope(const struct verify_job *job, int64_t step, const char *path)
{
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(job->message, "layers"), i, layer)
    {
        if (json_integer_value(json_object_get(layer, "step")) == step && str_equal(signatures_text(layer, "path"), path))
            return json_is_true(json_object_get(layer, "envelope"));
    }
    return false;
}

static bool check_part(struct verify_job *job, struct db_rows *rows, size_t row, struct err *err)
{
    const struct verify *verify = job->run->state;
    struct openpgp_signatures seen;
    size_t size, signature_size;
    int64_t step = db_get_int(rows, row, STEP);
    const char *path = db_get_text(rows, row, PATH);
    const unsigned char *borrowed = db_get_bytes(rows, row, SIGNATURE, &signature_size);
    const char *signature = arena_strndup(job->arena, (const char *)borrowed, signature_size);
    const unsigned char *bytes = db_get_bytes(rows, row, BYTES, &size);
    if (!openpgp_verify_detached(verify->openpgp, bytes, size, signature, signature_size, &seen, err))
        return false;
    add_found(job, step, path, layer_is_envelope(job, step, path), signatures_of_openpgp(&seen, bytes, size));
    return true;
}

static bool check_parts(struct verify_job *job, struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->id);
    if (!db_run(job->run->db, SQL_VERIFY_PARTS, job->run->params, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        ok = check_part(job, rows, i, err);
    db_rows_free(rows);
    return ok;
}

/* What says that it is signed and is not sound says nothing good. */
static void add_unsound(struct verify_job *job)
{
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(job->message, "layers"), i, layer)
    {
        if (!str_equal(signatures_text(layer, "kind"), "signed") || json_is_true(json_object_get(layer, "sound")))
            continue;
        json_t *broken = json_pack("[o]", signatures_broken(signatures_text(layer, "protocol"), signatures_text(layer, "problem")));
        add_found(job, json_integer_value(json_object_get(layer, "step")), signatures_text(layer, "path"), false, broken);
    }
}

/* The signatures that were seen when their layer was opened: inside an encryption, and opaque ones. */
static void add_seen(struct verify_job *job)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(job->message, "found"), i, item)
    {
        if (json_array_size(job->found) < VERIFY_SIGNATURES_MAX)
            json_array_append(job->found, item);
    }
}

static int by_place(const void *a, const void *b)
{
    const json_t *one = *(json_t *const *)a, *other = *(json_t *const *)b;
    json_int_t step = json_integer_value(json_object_get(one, "step")), other_step = json_integer_value(json_object_get(other, "step"));
    if (step != other_step)
        return step < other_step ? -1 : 1;
    return strcmp(signatures_text(one, "path"), signatures_text(other, "path"));
}

/* The outermost first. */
static void sort_found(struct verify_job *job)
{
    size_t count = json_array_size(job->found);
    json_t *items[VERIFY_SIGNATURES_MAX];
    for (size_t i = 0; i < count; i++)
        items[i] = json_incref(json_array_get(job->found, i));
    qsort(items, count, sizeof items[0], by_place);
    for (size_t i = 0; i < count; i++)
        json_array_set_new(job->found, i, items[i]);
}

static bool verify_signatures(struct verify_job *job, struct err *err)
{
    add_seen(job);
    if (!check_parts(job, err))
        return false;
    add_unsound(job);
    sort_found(job);
    return verify_verdict(job, err);
}

/* --- the stage --- */

static bool verify_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct verify *verify = run->state;
    struct verify_job job = {.run = run, .id = db_get_int(rows, row, ID), .report_id = db_get_int(rows, row, REPORT)};
    /* Once a claim: a mail that came later than a key was claimed later. */
    verify->has_keys = row > 0 && verify->has_keys;
    if (!verify->has_keys && !public_keys_take(&verify->keys, run, SQL_VERIFY_KEYS, verify->openpgp, err))
        return false;
    verify->has_keys = true;
    job.arena = arena_new();
    job.found = json_array();
    job.message = json_loads(db_get_text(rows, row, MESSAGE), 0, NULL);
    bool ok = job.message ? verify_signatures(&job, err) : err_set(err, ERR_INTERNAL, "the message is no JSON");
    json_decref(job.found);
    json_decref(job.message);
    arena_free(job.arena);
    return ok;
}

static bool verify_start(struct stage_run *run, struct err *err)
{
    struct verify *verify = run->state ? run->state : mem_calloc(1, sizeof *verify);
    run->state = verify;
    memset(&verify->keys, 0, sizeof verify->keys);
    return verify->openpgp || openpgp_open(run->context->config->verify_gnupg, &verify->openpgp, err);
}

static void verify_stop(struct stage_run *run)
{
    struct verify *verify = run->state;
    if (!verify)
        return;
    if (verify->openpgp)
        openpgp_stop_agent(verify->openpgp);
    openpgp_close(verify->openpgp);
    free(verify);
}

bool verify_run(const struct role_context *context, struct err *err)
{
    static const struct stage stage = {.role = "verify",
                                       .listen = SQL_VERIFY_LISTEN,
                                       .claim = SQL_VERIFY_CLAIM,
                                       .settle = SQL_VERIFY_SETTLE,
                                       .fail = SQL_VERIFY_FAIL,
                                       .poll_ms = 2000,
                                       .is_batched = true,
                                       .work = verify_work,
                                       .start = verify_start,
                                       .stop = verify_stop};
    return stage_loop(&stage, context, err);
}
