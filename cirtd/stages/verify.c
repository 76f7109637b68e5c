/*
 * Checks the signatures of mails, and takes out what is signed opaquely. Holds public keys only; which key is whose is the pin in the
 * database, read for each mail (verify_verdict.c).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "cirtd/signatures.h"
#include "cirtd/stages/stages.h"
#include "cirtd/stages/verify_inside.h"

/* The columns of `claim`. */
enum { ID, ATTEMPTS, REPORT, MESSAGE, UNWRAPS };

/* --- the mail's signatures --- */

static void add_item(struct verify_job *job, json_t *item)
{
    if (json_array_size(job->found) < VERIFY_SIGNATURES_MAX)
        json_array_append(job->found, item);
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
        json_t *broken = signatures_broken(signatures_text(layer, "protocol"), signatures_text(layer, "problem"));
        json_object_set(broken, "step", json_object_get(layer, "step"));
        json_object_set(broken, "path", json_object_get(layer, "path"));
        add_item(job, broken);
        json_decref(broken);
    }
}

/* The signatures that were seen when their layer was opened: inside an encryption, and opaque ones. */
static void add_seen(struct verify_job *job)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(job->message, "found"), i, item)
    {
        add_item(job, item);
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

static bool look(struct verify_job *job, struct err *err)
{
    add_seen(job);
    if (!verify_parts_check(job, err))
        return false;
    add_unsound(job);
    sort_found(job);
    return true;
}

/* --- keys --- */

static int64_t stamp_of(const char *path)
{
    struct stat status;
    if (!path || stat(path, &status) != 0)
        return 0;
    return (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec + (int64_t)status.st_ino;
}

/* A CRL counts from the moment it lies there. */
static void take_new_files(struct stage_run *run)
{
    struct verify *verify = run->state;
    const struct config *config = run->context->config;
    struct err err;
    int64_t stamp = stamp_of(config->verify_smime_ca) ^ (stamp_of(config->verify_smime_crl) << 1);
    if (stamp == verify->files_stamp)
        return;
    verify->files_stamp = stamp;
    if (!smime_reload(verify->smime, &err))
        log_error("smime_not_reloaded", "%s", log_err(&err));
    else if (*smime_warning(verify->smime))
        log_warn("smime", "%s", smime_warning(verify->smime));
}

/* What a transaction that was rolled back told the database is to be told again. */
static void forget_rolled_back(struct verify *verify, const struct db_rows *rows)
{
    int64_t claimed = db_get_int(rows, 0, ID), attempts = db_get_int(rows, 0, ATTEMPTS);
    if (claimed == verify->claimed && attempts == verify->attempts)
        memset(verify->offered, 0, sizeof verify->offered);
    verify->claimed = claimed;
    verify->attempts = attempts;
}

/* Once a claim: a mail that came later than a key was claimed later. */
static bool take_new_keys(struct stage_run *run, const struct db_rows *rows, size_t row, struct err *err)
{
    struct verify *verify = run->state;
    if (row > 0 && verify->has_keys)
        return true;
    verify->has_keys = false;
    verify_parts_clear(&verify->parts);
    forget_rolled_back(verify, rows);
    if (!public_keys_take(&verify->keys, run, SQL_VERIFY_KEYS, verify->openpgp, verify->smime, err))
        return false;
    take_new_files(run);
    verify->has_keys = true;
    return true;
}

/* --- the stage --- */

static void free_job(struct verify_job *job)
{
    json_decref(job->found);
    json_decref(job->message);
    arena_free(job->arena);
    free(job);
}

static void add_job(struct verify *verify, struct verify_job *job)
{
    verify->jobs = mem_grow(verify->jobs, &verify->job_capacity, verify->job_count, sizeof(struct verify_job *));
    verify->jobs[verify->job_count++] = job;
}

static bool verify_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct verify *verify = run->state;
    struct verify_job *job = mem_calloc(1, sizeof *job);
    *job = (struct verify_job){.run = run, .verify = verify, .id = db_get_int(rows, row, ID), .report_id = db_get_int(rows, row, REPORT)};
    bool unwraps = db_get_bool(rows, row, UNWRAPS);
    bool ok = take_new_keys(run, rows, row, err) && verify_parts_load(job, rows, row, err);
    if (ok && unwraps) {
        ok = verify_parts_unwrap(job, err);
    } else if (ok) {
        job->arena = arena_new();
        job->found = json_array();
        job->message = json_loads(db_get_text(rows, row, MESSAGE), 0, NULL);
        ok = job->message ? look(job, err) : err_set(err, ERR_INTERNAL, "the message is no JSON");
    }
    if (ok && !unwraps)
        add_job(verify, job);
    else
        free_job(job);
    return ok;
}

static void verify_begin(struct stage_run *run)
{
    struct verify *verify = run->state;
    for (size_t i = 0; i < verify->job_count; i++)
        free_job(verify->jobs[i]);
    verify->job_count = 0;
    verdict_batch_reset(verify->verdicts);
}

static bool verify_finish(struct stage_run *run, struct err *err)
{
    return verify_verdicts(run->state, run, err);
}

static bool verify_start(struct stage_run *run, struct err *err)
{
    const struct config *config = run->context->config;
    struct smime_settings settings = {.ca_file = config->verify_smime_ca, .crl_file = config->verify_smime_crl};
    struct verify *verify = run->state ? run->state : mem_calloc(1, sizeof *verify);
    run->state = verify;
    if (!verify->verdicts)
        verify->verdicts = verdict_batch_new();
    memset(&verify->keys, 0, sizeof verify->keys);
    verify->files_stamp = 0;
    return (verify->openpgp || openpgp_open(config->verify_gnupg, &verify->openpgp, err)) &&
           (verify->smime || smime_open(&settings, &verify->smime, err));
}

static void verify_stop(struct stage_run *run)
{
    struct verify *verify = run->state;
    if (!verify)
        return;
    verify_begin(run);
    free(verify->jobs);
    verdict_batch_free(verify->verdicts);
    verify_parts_clear(&verify->parts);
    if (verify->openpgp)
        openpgp_stop_agent(verify->openpgp);
    openpgp_close(verify->openpgp);
    smime_close(verify->smime);
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
                                       .batch_rows = 64,
                                       .work = verify_work,
                                       .begin = verify_begin,
                                       .finish = verify_finish,
                                       .start = verify_start,
                                       .stop = verify_stop};
    const struct stage *const stages[] = {&stage, &verify_keys_stage, &verify_offer_stage};
    return stage_loop_all(stages, ARRAY_SIZE(stages), context, err);
}
