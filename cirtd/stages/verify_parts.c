#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/signatures.h"
#include "cirtd/stages/verify_inside.h"

/* Of parts in memory at once; a single row may have more. What comes out of an opaque or compressed one. */
enum { PARTS_BYTES_MAX = 16 * 1024 * 1024, CONTENT_SIZE_MAX = 48 * 1024 * 1024 };

/* The columns of `parts`, and the id in `claim`. */
enum { ROW, STEP, PATH, KIND, PROTOCOL, BYTES, SIGNATURE };
enum { ID };

/* --- at hand --- */

void verify_parts_clear(struct verify_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        json_decref(parts->items[i].found);
    arena_free(parts->arena);
    *parts = (struct verify_parts){.arena = NULL};
}

static bool is_loaded(const struct verify_job *job)
{
    for (size_t i = 0; i < job->verify->parts.count; i++)
        if (job->verify->parts.items[i].id == job->id)
            return true;
    return false;
}

static const unsigned char *keep_bytes(struct arena *arena, struct db_rows *rows, size_t row, int column, size_t *size)
{
    const unsigned char *bytes = db_get_bytes(rows, row, column, size);
    return bytes ? (const unsigned char *)arena_strndup(arena, (const char *)bytes, *size) : NULL;
}

static void keep_parts(struct verify_parts *parts, struct db_rows *rows)
{
    parts->arena = arena_new();
    parts->count = db_row_count(rows);
    parts->items = arena_calloc(parts->arena, parts->count + 1, sizeof *parts->items);
    for (size_t i = 0; i < parts->count; i++) {
        struct verify_part *part = &parts->items[i];
        part->id = db_get_int(rows, i, ROW);
        if (db_is_null(rows, i, PATH))
            continue;
        part->step = db_get_int(rows, i, STEP);
        part->path = arena_strdup(parts->arena, db_get_text(rows, i, PATH));
        part->kind = arena_strdup(parts->arena, db_get_text(rows, i, KIND));
        part->protocol = arena_strdup(parts->arena, db_get_text(rows, i, PROTOCOL));
        part->bytes = keep_bytes(parts->arena, rows, i, BYTES, &part->size);
        part->signature = keep_bytes(parts->arena, rows, i, SIGNATURE, &part->signature_size);
    }
}

static bool is_detached(const struct verify_part *part, const char *protocol)
{
    return str_equal(part->kind, "detached") && str_equal(part->protocol, protocol);
}

/* What fails here is tried again a part at a time, and fails there alone. */
static void check_together(struct verify *verify)
{
    struct verify_parts *parts = &verify->parts;
    struct openpgp_check *checks = mem_calloc(parts->count + 1, sizeof *checks);
    struct verify_part **checked = mem_calloc(parts->count + 1, sizeof *checked);
    struct err err;
    size_t count = 0;
    for (size_t i = 0; i < parts->count; i++) {
        struct verify_part *part = &parts->items[i];
        if (!is_detached(part, "openpgp"))
            continue;
        checks[count] = (struct openpgp_check){
            .bytes = part->bytes, .size = part->size, .signature = part->signature, .signature_size = part->signature_size};
        checked[count++] = part;
    }
    if (count > 1 && openpgp_verify_batch(verify->openpgp, checks, count, &err))
        for (size_t i = 0; i < count; i++)
            checked[i]->found = signatures_of_openpgp(&checks[i].out, checked[i]->bytes, checked[i]->size);
    free(checks);
    free(checked);
}

bool verify_parts_load(struct verify_job *job, struct db_rows *claim, size_t row, struct err *err)
{
    struct stage_run *run = job->run;
    struct db_array ids;
    struct db_rows *rows = NULL;
    if (is_loaded(job))
        return true;
    verify_parts_clear(&job->verify->parts);
    db_array_init(&ids, DB_INT8_ARRAY);
    for (size_t i = row; i < db_row_count(claim); i++)
        db_array_add_int8(&ids, db_get_int(claim, i, ID));
    db_params_reset(run->params);
    db_array(run->params, &ids);
    db_int8(run->params, PARTS_BYTES_MAX);
    bool ok = db_run(run->db, SQL_VERIFY_PARTS, run->params, &rows, err);
    if (ok) {
        keep_parts(&job->verify->parts, rows);
        check_together(job->verify);
        ok = is_loaded(job) || err_set(err, ERR_CONFLICT, "a later decoding of report r%lld replaced it", (long long)job->report_id);
    }
    db_rows_free(rows);
    db_array_clear(&ids);
    return ok;
}

/* --- checking --- */

static bool check_openpgp(struct verify_job *job, const struct verify_part *part, json_t **found, struct err *err)
{
    struct openpgp_signatures seen;
    if (!openpgp_verify_detached(job->verify->openpgp, part->bytes, part->size, part->signature, part->signature_size, &seen, err))
        return false;
    *found = signatures_of_openpgp(&seen, part->bytes, part->size);
    return true;
}

/* The certificates that signatures bring along: to answer by, once somebody pins them. */
static bool offer_certificates(struct verify_job *job, const struct smime_signatures *seen, struct err *err)
{
    struct verify *verify = job->verify;
    struct db_params *params = job->run->params;
    for (size_t i = 0; i < seen->count; i++) {
        const struct smime_certificate *certificate = &seen->items[i].certificate;
        bool was_offered = !certificate->der;
        for (size_t k = 0; k < VERIFY_OFFERED_MAX; k++)
            was_offered |= str_equal(verify->offered[k], certificate->fingerprint);
        if (was_offered)
            continue;
        db_params_reset(params);
        db_int8(params, job->report_id);
        db_text(params, "signature");
        db_bytes(params, certificate->der, certificate->der_size);
        if (!db_run(job->run->db, SQL_VERIFY_OFFER, params, NULL, err))
            return false;
        snprintf(verify->offered[verify->next_offered], SMIME_FINGERPRINT_SIZE, "%s", certificate->fingerprint);
        verify->next_offered = (verify->next_offered + 1) % VERIFY_OFFERED_MAX;
    }
    return true;
}

static bool check_smime(struct verify_job *job, const struct verify_part *part, json_t **found, struct err *err)
{
    struct smime_signatures *seen = mem_calloc(1, sizeof *seen);
    bool ok = smime_verify_detached(job->verify->smime, part->bytes, part->size, part->signature, part->signature_size, timestamp_now(),
                                    seen, err) &&
              offer_certificates(job, seen, err);
    if (ok)
        *found = signatures_of_smime(seen, part->bytes, part->size);
    smime_signatures_clear(seen);
    free(seen);
    return ok;
}

/* What nobody can be asked to look at (too many signers) is broken; other trouble is ours, and it is tried again. */
static bool check_part(struct verify_job *job, struct verify_part *part, struct err *err)
{
    bool is_openpgp = is_detached(part, "openpgp");
    if (part->found || (is_openpgp ? check_openpgp : check_smime)(job, part, &part->found, err))
        return true;
    if (err->code != ERR_INPUT && err->code != ERR_LIMIT)
        return false;
    part->found = json_pack("[o]", signatures_broken(part->protocol, err->text));
    return true;
}

static bool layer_is_envelope(const struct verify_job *job, const struct verify_part *part)
{
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(job->message, "layers"), i, layer)
    {
        if (json_integer_value(json_object_get(layer, "step")) == part->step && str_equal(signatures_text(layer, "path"), part->path))
            return json_is_true(json_object_get(layer, "envelope"));
    }
    return false;
}

static void add_found(struct verify_job *job, const struct verify_part *part)
{
    bool is_envelope = layer_is_envelope(job, part);
    size_t i;
    json_t *item;
    json_array_foreach(part->found, i, item)
    {
        if (json_array_size(job->found) == VERIFY_SIGNATURES_MAX)
            break;
        json_object_set_new(item, "step", json_integer(part->step));
        json_object_set_new(item, "path", json_string(part->path));
        json_object_set_new(item, "envelope", json_boolean(is_envelope));
        json_array_append(job->found, item);
    }
}

bool verify_parts_check(struct verify_job *job, struct err *err)
{
    for (size_t i = 0; i < job->verify->parts.count; i++) {
        struct verify_part *part = &job->verify->parts.items[i];
        if (part->id != job->id || !part->path)
            continue;
        if (!check_part(job, part, err))
            return false;
        add_found(job, part);
    }
    return true;
}

/* --- unwrapping --- */

static bool unwrap_openpgp(struct verify_job *job, const struct verify_part *part, struct buf *content, json_t **found, struct err *err)
{
    struct openpgp_signatures seen;
    if (!openpgp_verify_inline(job->verify->openpgp, part->bytes, part->size, content, &seen, err))
        return false;
    *found = signatures_of_openpgp(&seen, buf_text(content), content->size);
    return true;
}

static bool unwrap_smime(struct verify_job *job, const struct verify_part *part, struct buf *content, json_t **found, struct err *err)
{
    struct smime_signatures *seen = mem_calloc(1, sizeof *seen);
    bool ok = smime_verify_opaque(job->verify->smime, part->bytes, part->size, timestamp_now(), content, seen, err) &&
              offer_certificates(job, seen, err);
    if (ok)
        *found = signatures_of_smime(seen, buf_text(content), content->size);
    smime_signatures_clear(seen);
    free(seen);
    return ok;
}

static bool open_part(struct verify_job *job, const struct verify_part *part, struct buf *content, json_t **found, struct err *err)
{
    bool is_openpgp = str_equal(part->protocol, "openpgp");
    if (!str_equal(part->kind, "compressed"))
        return (is_openpgp ? unwrap_openpgp : unwrap_smime)(job, part, content, found, err);
    *found = json_array();
    return smime_uncompress(part->bytes, part->size, content, err);
}

static bool store_unwrapped(struct verify_job *job, const struct verify_part *part, const struct buf *content, const json_t *found,
                            const struct err *why, struct err *err)
{
    struct db_params *params = job->run->params;
    char *signatures = json_dumps(found, JSON_COMPACT);
    db_params_reset(params);
    db_int8(params, job->report_id);
    db_int4(params, (int32_t)part->step);
    db_text(params, part->path);
    db_bytes(params, content ? buf_text(content) : NULL, content ? content->size : 0);
    db_text(params, signatures);
    db_text(params, content ? NULL : why->text);
    bool ok = db_run(job->run->db, SQL_VERIFY_UNWRAPPED, params, NULL, err);
    free(signatures);
    return ok;
}

/* What cannot be taken out is no failure of ours: decode is told, and the signature counts as broken. */
static bool unwrap_part(struct verify_job *job, const struct verify_part *part, struct err *err)
{
    json_t *found = NULL;
    struct buf content;
    struct err why;
    bool ok = false;
    buf_init(&content, CONTENT_SIZE_MAX);
    bool is_open = open_part(job, part, &content, &found, &why);
    if (!is_open && why.code != ERR_INPUT && why.code != ERR_LIMIT) {
        *err = why;
        goto done;
    }
    if (!is_open) {
        log_info("not_unwrapped", "report=%lld %s", (long long)job->report_id, log_err(&why));
        json_decref(found);
        found = str_equal(part->kind, "compressed") ? json_array() : json_pack("[o]", signatures_broken(part->protocol, why.text));
    }
    ok = store_unwrapped(job, part, is_open ? &content : NULL, found, &why, err);
done:
    json_decref(found);
    buf_clear(&content);
    return ok;
}

bool verify_parts_unwrap(struct verify_job *job, struct err *err)
{
    for (size_t i = 0; i < job->verify->parts.count; i++) {
        const struct verify_part *part = &job->verify->parts.items[i];
        if (part->id == job->id && part->path && !unwrap_part(job, part, err))
            return false;
    }
    return true;
}
