/*
 * Checks the signatures of mails. Holds public keys only; which key is whose is the pin in the database, read for each mail.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "crypto/openpgp.h"
#include "rules/signature.h"
#include "store/verdict_store.h"

/* The columns of `claim`. */
enum { ID, ATTEMPTS, REPORT, MESSAGE };

enum { SIGNATURES_MAX = 64 };

struct verify {
    struct openpgp *openpgp;
    int64_t keys_since; /* the newest change we have taken, microseconds */
};

/* One signature of the mail, wherever it stood. */
struct found {
    const char *path;
    bool is_envelope;
    struct openpgp_signature signature;
    struct signature_identity identity;
    bool has_identity;
};

struct verify_job {
    struct stage_run *run;
    struct arena *arena;
    int64_t id, report_id;
    json_t *message;
    struct found found[SIGNATURES_MAX];
    size_t count;
};

/* --- keys --- */

static bool take_new_keys(struct stage_run *run, struct err *err)
{
    struct verify *verify = run->state;
    struct db_rows *rows = NULL;
    db_params_reset(run->params);
    db_int8(run->params, verify->keys_since);
    if (!db_run(run->db, SQL_VERIFY_KEYS, run->params, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++) {
        struct openpgp_keys keys;
        const char *armoured = db_get_text(rows, i, 1);
        ok = openpgp_import(verify->openpgp, armoured, strlen(armoured), &keys, err);
        if (!ok && err->code != ERR_AGAIN) {
            /* One key that GnuPG does not take must not stop the others. */
            log_warn("key_not_taken", "fingerprint=%s %s", db_get_text(rows, i, 0), log_err(err));
            ok = true;
        }
        if (ok)
            verify->keys_since = db_get_int(rows, i, 2);
    }
    db_rows_free(rows);
    return ok;
}

/* --- finding --- */

static struct found *add_found(struct verify_job *job, const char *path, bool is_envelope)
{
    if (job->count == SIGNATURES_MAX)
        return NULL;
    struct found *found = &job->found[job->count++];
    *found = (struct found){
        .path = arena_strdup(job->arena, path), .is_envelope = is_envelope, .signature = {.status = OPENPGP_ERROR, .made = TIMESTAMP_NONE}};
    return found;
}

static bool layer_is_envelope(const struct verify_job *job, const char *path)
{
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(job->message, "layers"), i, layer)
    {
        if (str_equal(json_string_value(json_object_get(layer, "path")), path))
            return json_is_true(json_object_get(layer, "envelope"));
    }
    return false;
}

static bool check_parts(struct verify_job *job, struct err *err)
{
    const struct verify *verify = job->run->state;
    struct db_rows *rows = NULL;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->id);
    if (!db_run(job->run->db, SQL_VERIFY_PARTS, job->run->params, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < db_row_count(rows); i++) {
        struct openpgp_signatures seen;
        size_t size, signature_size;
        const char *path = db_get_text(rows, i, 0);
        const unsigned char *borrowed = db_get_bytes(rows, i, 2, &signature_size);
        const char *signature = arena_strndup(job->arena, (const char *)borrowed, signature_size);
        const unsigned char *bytes = db_get_bytes(rows, i, 1, &size);
        ok = openpgp_verify_detached(verify->openpgp, bytes, size, signature, signature_size, &seen, err);
        for (size_t k = 0; ok && k < seen.count; k++) {
            struct found *found = add_found(job, path, layer_is_envelope(job, path));
            if (found)
                found->signature = seen.items[k];
        }
    }
    db_rows_free(rows);
    return ok;
}

/* A structure that says it is signed and is not sound says nothing good. */
static void add_unsound(struct verify_job *job)
{
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(job->message, "layers"), i, layer)
    {
        bool is_signed = str_equal(json_string_value(json_object_get(layer, "kind")), "signed");
        if (is_signed && !json_is_true(json_object_get(layer, "sound")))
            add_found(job, json_string_value(json_object_get(layer, "path")), false);
    }
}

static void copy_text(char *to, size_t size, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(to, size, "%s", text ? text : "");
}

/* Signatures inside the encryption, as seal saw them: they hold everything that was encrypted, which is the whole. */
static void add_embedded(struct verify_job *job)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(job->message, "embedded"), i, item)
    {
        struct found *found = add_found(job, "1", true);
        if (!found)
            return;
        struct openpgp_signature *signature = &found->signature;
        const char *status = json_string_value(json_object_get(item, "status"));
        for (enum openpgp_status s = OPENPGP_GOOD; s <= OPENPGP_ERROR; s++)
            if (str_equal(status, openpgp_status_name(s)))
                signature->status = s;
        const char *key_now = json_string_value(json_object_get(item, "key_now"));
        for (enum openpgp_key_now k = OPENPGP_KEY_UNKNOWN; k <= OPENPGP_KEY_DISABLED; k++)
            if (key_now && str_equal(key_now, openpgp_key_now_name(k)))
                signature->key_now = k;
        copy_text(signature->fingerprint, sizeof signature->fingerprint, item, "fingerprint");
        copy_text(signature->signer, sizeof signature->signer, item, "signer");
        copy_text(signature->hash, sizeof signature->hash, item, "hash");
        copy_text(signature->algorithm, sizeof signature->algorithm, item, "algorithm");
        const json_t *made = json_object_get(item, "made");
        signature->made = json_is_integer(made) ? json_integer_value(made) : TIMESTAMP_NONE;
    }
}

/* --- whose --- */

static void give_identity(struct verify_job *job, const char *fingerprint, const char *name, const char *address)
{
    for (size_t i = 0; i < job->count; i++) {
        struct found *found = &job->found[i];
        if (strcmp(found->signature.fingerprint, fingerprint) != 0)
            continue;
        const char **addresses = arena_calloc(job->arena, found->identity.address_count + 1, sizeof *addresses);
        for (size_t k = 0; k < found->identity.address_count; k++)
            addresses[k] = found->identity.addresses[k];
        addresses[found->identity.address_count] = arena_strdup(job->arena, address);
        found->identity.addresses = addresses;
        found->identity.address_count++;
        found->identity.name = arena_strdup(job->arena, name);
        found->has_identity = true;
    }
}

static bool read_identities(struct verify_job *job, struct err *err)
{
    struct db_array fingerprints;
    struct db_rows *rows = NULL;
    db_array_init(&fingerprints, DB_TEXT_ARRAY);
    for (size_t i = 0; i < job->count; i++)
        db_array_add_text(&fingerprints, job->found[i].signature.fingerprint);
    db_params_reset(job->run->params);
    db_array(job->run->params, &fingerprints);
    bool ok = db_run(job->run->db, SQL_VERIFY_IDENTITIES, job->run->params, &rows, err);
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        give_identity(job, db_get_text(rows, i, 0), db_get_text(rows, i, 1), db_get_text(rows, i, 2));
    db_rows_free(rows);
    db_array_clear(&fingerprints);
    return ok;
}

/* --- verdict --- */

static enum signature_verdict verdict_of(enum openpgp_status status)
{
    enum signature_verdict verdict = SIGNATURE_ERROR;
    if (!signature_verdict_parse(openpgp_status_name(status), &verdict))
        BUG("no verdict for %s", openpgp_status_name(status));
    return verdict;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, text && *text ? json_string(text) : json_null());
}

static char *parts_text(const struct verify_job *job)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->count; i++) {
        const struct found *found = &job->found[i];
        const struct openpgp_signature *signature = &found->signature;
        json_t *item = json_object();
        char made[TIMESTAMP_TEXT_SIZE] = "";
        if (signature->made != TIMESTAMP_NONE)
            timestamp_format(signature->made, made);
        set_text(item, "path", found->path);
        json_object_set_new(item, "covered", json_boolean(found->is_envelope));
        set_text(item, "verdict", openpgp_status_name(signature->status));
        set_text(item, "fingerprint", signature->fingerprint[0] ? signature->fingerprint : signature->signer);
        set_text(item, "signer", found->has_identity ? found->identity.name : NULL);
        set_text(item, "key_now", openpgp_key_now_name(signature->key_now));
        set_text(item, "made", made);
        set_text(item, "hash", signature->hash);
        set_text(item, "algorithm", signature->algorithm);
        set_text(item, "error", signature->text);
        json_array_append_new(list, item);
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static int64_t signed_at(const struct verify_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->found[i].is_envelope)
            return job->found[i].signature.made;
    return TIMESTAMP_NONE;
}

/* The encrypted root, or else the first encrypted part there is. */
static bool read_cipher(const struct verify_job *job, struct signature_cipher *cipher)
{
    size_t i;
    json_t *layer;
    *cipher = (struct signature_cipher){.is_envelope = json_is_true(json_object_get(job->message, "has_cipher")),
                                        .is_opened = json_is_true(json_object_get(job->message, "is_opened"))};
    if (cipher->is_envelope)
        return true;
    json_array_foreach(json_object_get(job->message, "layers"), i, layer)
    {
        if (!str_equal(json_string_value(json_object_get(layer, "kind")), "encrypted"))
            continue;
        cipher->is_envelope = json_is_true(json_object_get(layer, "envelope"));
        return true;
    }
    return false;
}

static struct signature_result summarise(const struct verify_job *job, struct signature_part *parts)
{
    json_t *from = json_object_get(job->message, "from");
    size_t from_count = json_array_size(from);
    const char **addresses = arena_calloc(job->arena, from_count + 1, sizeof *addresses);
    for (size_t i = 0; i < from_count; i++)
        addresses[i] = json_string_value(json_array_get(from, i));
    for (size_t i = 0; i < job->count; i++) {
        const struct found *found = &job->found[i];
        parts[i] = (struct signature_part){.path = found->path,
                                           .is_envelope = found->is_envelope,
                                           .verdict = verdict_of(found->signature.status),
                                           .fingerprint = found->signature.fingerprint,
                                           .key_now = openpgp_key_now_name(found->signature.key_now),
                                           .identity = found->has_identity ? &found->identity : NULL};
    }
    struct signature_cipher cipher;
    bool has_cipher = read_cipher(job, &cipher);
    struct signature_mail mail = {.from = addresses,
                                  .from_count = from_count,
                                  .parts = parts,
                                  .part_count = job->count,
                                  .ciphers = &cipher,
                                  .cipher_count = has_cipher};
    return signature_summarise(&mail);
}

static bool store_verdict(struct verify_job *job, struct err *err)
{
    struct signature_part parts[SIGNATURES_MAX];
    struct signature_result result = summarise(job, parts);
    char *told = parts_text(job);
    struct verdict verdict = {.report_id = job->report_id,
                              .summary = signature_summary_name(result.summary),
                              .encryption = signature_encryption_name(result.encryption),
                              .covers = result.covers,
                              .signer = result.signer,
                              .fingerprint = result.fingerprint,
                              .key_now = result.key_now,
                              .signed_at = signed_at(job),
                              .parts = told,
                              .route = result.encryption == ENCRYPTION_UNDECRYPTABLE ? "hold" : "triage"};
    bool ok = verdict_store(job->run->db, SQL_VERIFY_VERDICT, job->run->params, &verdict, err);
    free(told);
    return ok;
}

/* --- the stage --- */

static bool verify_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct verify_job *job = mem_calloc(1, sizeof *job);
    job->run = run;
    job->arena = arena_new();
    job->id = db_get_int(rows, row, ID);
    job->report_id = db_get_int(rows, row, REPORT);
    job->message = json_loads(db_get_text(rows, row, MESSAGE), 0, NULL);
    bool ok = job->message ? true : err_set(err, ERR_INTERNAL, "the message is no JSON");
    ok = ok && take_new_keys(run, err) && check_parts(job, err);
    if (ok) {
        add_unsound(job);
        add_embedded(job);
        ok = read_identities(job, err) && store_verdict(job, err);
    }
    json_decref(job->message);
    arena_free(job->arena);
    free(job);
    return ok;
}

static bool verify_start(struct stage_run *run, struct err *err)
{
    struct verify *verify = run->state ? run->state : mem_calloc(1, sizeof *verify);
    run->state = verify;
    verify->keys_since = 0;
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
