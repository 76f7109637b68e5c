#include "cirtd/stages/verify_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/signatures.h"
#include "rules/signature.h"
#include "store/verdict_store.h"

/* --- whose --- */

/* What the database says of one fingerprint. */
struct whose {
    const char *fingerprint;
    bool is_refused;
    struct signature_identity identity;
};

struct judging {
    struct verify_job *job;
    struct whose whose[VERIFY_SIGNATURES_MAX];
    size_t whose_count;
    struct signature_part parts[VERIFY_SIGNATURES_MAX]; /* beside job->found */
    size_t part_count;
    struct signature_mail mail;
    struct signature_result result;
};

static struct whose *whose_of(struct judging *judging, const char *fingerprint)
{
    for (size_t i = 0; i < judging->whose_count; i++)
        if (strcmp(judging->whose[i].fingerprint, fingerprint) == 0)
            return &judging->whose[i];
    return NULL;
}

static void add_address(struct judging *judging, struct signature_identity *identity, const char *address)
{
    struct arena *arena = judging->job->arena;
    const char **addresses = arena_calloc(arena, identity->address_count + 1, sizeof *addresses);
    for (size_t i = 0; i < identity->address_count; i++)
        addresses[i] = identity->addresses[i];
    addresses[identity->address_count++] = arena_strdup(arena, address);
    identity->addresses = addresses;
}

enum { FINGERPRINT, ID, NAME, ADDRESS, IS_REFUSED };

static void read_identity(struct judging *judging, const struct db_rows *rows, size_t row)
{
    struct arena *arena = judging->job->arena;
    struct whose *whose = whose_of(judging, db_get_text(rows, row, FINGERPRINT));
    if (!whose) {
        if (judging->whose_count == VERIFY_SIGNATURES_MAX)
            return;
        whose = &judging->whose[judging->whose_count++];
        *whose = (struct whose){
            .fingerprint = arena_strdup(arena, db_get_text(rows, row, FINGERPRINT)),
            .is_refused = db_get_bool(rows, row, IS_REFUSED),
            .identity = {.id = arena_strdup(arena, db_get_text(rows, row, ID)), .name = arena_strdup(arena, db_get_text(rows, row, NAME))}};
    }
    if (!db_is_null(rows, row, ADDRESS))
        add_address(judging, &whose->identity, db_get_text(rows, row, ADDRESS));
}

static bool read_identities(struct judging *judging, struct err *err)
{
    struct stage_run *run = judging->job->run;
    struct db_array fingerprints;
    struct db_rows *rows = NULL;
    size_t i;
    json_t *item;
    db_array_init(&fingerprints, DB_TEXT_ARRAY);
    json_array_foreach(judging->job->found, i, item) db_array_add_text(&fingerprints, signatures_text(item, "fingerprint"));
    db_params_reset(run->params);
    db_array(run->params, &fingerprints);
    bool ok = db_run(run->db, SQL_VERIFY_IDENTITIES, run->params, &rows, err);
    for (size_t row = 0; ok && row < db_row_count(rows); row++)
        read_identity(judging, rows, row);
    db_rows_free(rows);
    db_array_clear(&fingerprints);
    return ok;
}

/* --- by certificate --- */

static const char *only_from(const struct judging *judging)
{
    const json_t *from = json_object_get(judging->job->message, "from");
    return json_array_size(from) == 1 ? json_string_value(json_array_get(from, 0)) : NULL;
}

/* Who we know by that address, else the address itself. */
static bool name_address(struct judging *judging, const char *address, struct signature_identity *identity, struct err *err)
{
    struct verify_job *job = judging->job;
    struct db_rows *rows = NULL;
    db_params_reset(job->run->params);
    db_text(job->run->params, address);
    if (!db_run(job->run->db, SQL_VERIFY_CONTACT, job->run->params, &rows, err))
        return false;
    bool is_known = db_row_count(rows) > 0;
    identity->id = is_known ? arena_strdup(job->arena, db_get_text(rows, 0, 0)) : arena_printf(job->arena, "address %s", address);
    identity->name = arena_strdup(job->arena, is_known ? db_get_text(rows, 0, 1) : address);
    db_rows_free(rows);
    return true;
}

/* A certificate that nobody pinned, but a CA of ours speaks for: it is its addresses', and the one that is the sender's is told. */
static bool find_by_chain(struct judging *judging, const json_t *item, const struct signature_identity **out, struct err *err)
{
    const json_t *addresses = json_object_get(item, "addresses");
    const char *from = only_from(judging), *told = json_string_value(json_array_get(addresses, 0));
    if (!json_is_true(json_object_get(item, "chain")) || !told)
        return true;
    struct signature_identity *identity = arena_calloc(judging->job->arena, 1, sizeof *identity);
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *address = json_string_value(json_array_get(addresses, i));
        add_address(judging, identity, address);
        if (from && str_equal_nocase(address, from))
            told = address;
    }
    *out = identity;
    return name_address(judging, told, identity, err);
}

static bool fill_part(struct judging *judging, const json_t *item, struct err *err)
{
    struct signature_part *part = &judging->parts[judging->part_count++];
    *part = (struct signature_part){.path = signatures_text(item, "path"),
                                    .is_envelope = json_is_true(json_object_get(item, "envelope")),
                                    .fingerprint = signatures_text(item, "fingerprint"),
                                    .key_now = json_string_value(json_object_get(item, "key_now"))};
    const struct whose *whose = whose_of(judging, part->fingerprint);
    bool is_pinned = whose && !whose->is_refused;
    part->verdict = signatures_verdict(item, is_pinned);
    if (is_pinned)
        part->identity = &whose->identity;
    return whose || part->verdict != SIGNATURE_GOOD || find_by_chain(judging, item, &part->identity, err);
}

/* --- the parts --- */

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, text && *text ? json_string(text) : json_null());
}

static json_t *signature_told(const struct judging *judging, size_t index)
{
    const json_t *item = json_array_get(judging->job->found, index);
    const struct signature_part *part = &judging->parts[index];
    const char *fingerprint = signatures_text(item, "fingerprint");
    int64_t made = signatures_made(item);
    char time[TIMESTAMP_TEXT_SIZE] = "";
    if (made != TIMESTAMP_NONE)
        timestamp_format(made, time);
    json_t *told = json_pack("{s:s, s:I, s:s, s:b, s:s}", "kind", "signed", "step", json_integer_value(json_object_get(item, "step")),
                             "path", part->path, "covered", part->is_envelope, "verdict", signature_verdict_name(part->verdict));
    set_text(told, "protocol", signatures_text(item, "protocol"));
    set_text(told, "fingerprint", *fingerprint ? fingerprint : signatures_text(item, "signer"));
    set_text(told, "signer", part->identity ? part->identity->name : NULL);
    set_text(told, "key_now", part->key_now);
    set_text(told, "made", time);
    set_text(told, "hash", signatures_text(item, "hash"));
    set_text(told, "algorithm", signatures_text(item, "algorithm"));
    set_text(told, "error", signatures_text(item, "error"));
    return told;
}

/* What is encrypted: whether it could be opened. */
static json_t *cipher_told(const json_t *layer)
{
    json_t *told = json_pack("{s:s, s:I, s:s, s:b, s:s}", "kind", "encrypted", "step", json_integer_value(json_object_get(layer, "step")),
                             "path", signatures_text(layer, "path"), "covered", json_is_true(json_object_get(layer, "envelope")), "verdict",
                             json_is_true(json_object_get(layer, "opened")) ? "opened" : "closed");
    set_text(told, "protocol", signatures_text(layer, "protocol"));
    set_text(told, "error", signatures_text(layer, "problem"));
    return told;
}

static bool is_cipher(const json_t *layer)
{
    return str_equal(signatures_text(layer, "kind"), "encrypted");
}

static char *parts_text(const struct judging *judging)
{
    size_t i;
    json_t *layer, *list = json_array();
    for (i = 0; i < judging->part_count; i++)
        json_array_append_new(list, signature_told(judging, i));
    json_array_foreach(json_object_get(judging->job->message, "layers"), i, layer)
    {
        if (is_cipher(layer))
            json_array_append_new(list, cipher_told(layer));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

/* --- the whole --- */

static const char **strings_of(struct arena *arena, const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    const char **strings = arena_calloc(arena, *count + 1, sizeof *strings);
    for (size_t i = 0; i < *count; i++)
        strings[i] = json_string_value(json_array_get(list, i));
    return strings;
}

static void read_ciphers(struct judging *judging)
{
    struct verify_job *job = judging->job;
    const json_t *layers = json_object_get(job->message, "layers");
    struct signature_cipher *ciphers = arena_calloc(job->arena, json_array_size(layers) + 1, sizeof *ciphers);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        if (is_cipher(layer))
            ciphers[judging->mail.cipher_count++] =
                (struct signature_cipher){.is_envelope = json_is_true(json_object_get(layer, "envelope")),
                                          .is_opened = json_is_true(json_object_get(layer, "opened"))};
    }
    judging->mail.ciphers = ciphers;
}

static bool judge(struct judging *judging, struct err *err)
{
    struct verify_job *job = judging->job;
    size_t i;
    json_t *item;
    json_array_foreach(job->found, i, item)
    {
        if (!fill_part(judging, item, err))
            return false;
    }
    judging->mail.from = strings_of(job->arena, json_object_get(job->message, "from"), &judging->mail.from_count);
    judging->mail.from_differs = json_is_true(json_object_get(job->message, "from_differs"));
    judging->mail.parts = judging->parts;
    judging->mail.part_count = judging->part_count;
    read_ciphers(judging);
    judging->result = signature_summarise(&judging->mail);
    return true;
}

/* Fingerprints, or at least key ids, of the signers that nobody vouches for. */
static void add_unknown(const struct judging *judging, struct db_array *unknown)
{
    for (size_t i = 0; i < judging->part_count; i++) {
        const json_t *item = json_array_get(judging->job->found, i);
        const char *fingerprint = signatures_text(item, "fingerprint"), *signer = signatures_text(item, "signer");
        if (!judging->parts[i].identity && (*fingerprint || *signer))
            db_array_add_text(unknown, *fingerprint ? fingerprint : signer);
    }
}

static void add_payloads(const struct judging *judging, struct db_array *payloads)
{
    for (size_t i = 0; i < judging->part_count; i++) {
        unsigned char digest[DIGEST_SHA256_SIZE];
        if (judging->parts[i].is_envelope && signatures_payload(json_array_get(judging->job->found, i), digest))
            db_array_add_bytes(payloads, digest, sizeof digest);
    }
}

static void add_strings(struct db_array *array, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        db_array_add_text(array, json_string_value(json_array_get(list, i)));
}

static bool store(struct judging *judging, struct err *err)
{
    struct verify_job *job = judging->job;
    const struct signature_result *result = &judging->result;
    const json_t *speaks = result->part ? json_array_get(job->found, (size_t)(result->part - judging->parts)) : NULL;
    char *told = parts_text(judging);
    const char *hash = signatures_text(speaks, "hash"), *algorithm = signatures_text(speaks, "algorithm");
    struct verdict verdict = {.report_id = job->report_id,
                              .summary = signature_summary_name(result->summary),
                              .encryption = signature_encryption_name(result->encryption),
                              .covers = result->covers,
                              .signer = result->signer,
                              .fingerprint = result->fingerprint,
                              .key_now = result->key_now,
                              .signed_at = signatures_made(speaks),
                              .parts = told,
                              .protocol = json_string_value(json_object_get(speaks, "protocol")),
                              .algorithm = *algorithm ? arena_printf(job->arena, "%s%s%s", algorithm, *hash ? " " : "", hash) : NULL};
    verdict_init(&verdict);
    add_strings(&verdict.needed, json_object_get(job->message, "needed"));
    add_strings(&verdict.to, json_object_get(job->message, "to"));
    add_unknown(judging, &verdict.unknown);
    add_payloads(judging, &verdict.payloads);
    bool ok = verdict_store(job->run->db, SQL_VERIFY_VERDICT, job->run->params, &verdict, err);
    verdict_clear(&verdict);
    free(told);
    return ok;
}

bool verify_verdict(struct verify_job *job, struct err *err)
{
    struct judging *judging = arena_calloc(job->arena, 1, sizeof *judging);
    judging->job = job;
    return read_identities(judging, err) && judge(judging, err) && store(judging, err);
}
