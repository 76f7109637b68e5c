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

/* Who we know by an address. */
struct known {
    const char *address, *id, *name;
    bool is_refused;
};

/* The mails of a transaction: what is asked about their signers is asked once for all. */
struct judging {
    struct stage_run *run;
    struct arena *arena;
    struct verify_job *const *jobs;
    size_t job_count;
    struct whose *whose;
    struct known *known;
    size_t whose_count, known_count;
    struct verdict_batch *verdicts;
};

/* One of them. */
struct judged {
    struct judging *judging;
    struct verify_job *job;
    struct signature_part parts[VERIFY_SIGNATURES_MAX]; /* beside job->found */
    size_t part_count;
    struct signature_mail mail;
    struct signature_result result;
};

static struct whose *whose_of(const struct judging *judging, const char *fingerprint)
{
    for (size_t i = 0; i < judging->whose_count; i++)
        if (strcmp(judging->whose[i].fingerprint, fingerprint) == 0)
            return &judging->whose[i];
    return NULL;
}

static void add_address(struct arena *arena, struct signature_identity *identity, const char *address)
{
    const char **addresses = arena_calloc(arena, identity->address_count + 1, sizeof *addresses);
    for (size_t i = 0; i < identity->address_count; i++)
        addresses[i] = identity->addresses[i];
    addresses[identity->address_count++] = arena_strdup(arena, address);
    identity->addresses = addresses;
}

enum { FINGERPRINT, ID, NAME, ADDRESS, IS_REFUSED };

static void read_identity(struct judging *judging, const struct db_rows *rows, size_t row)
{
    struct arena *arena = judging->arena;
    struct whose *whose = whose_of(judging, db_get_text(rows, row, FINGERPRINT));
    if (!whose) {
        whose = &judging->whose[judging->whose_count++];
        *whose = (struct whose){
            .fingerprint = arena_strdup(arena, db_get_text(rows, row, FINGERPRINT)),
            .is_refused = db_get_bool(rows, row, IS_REFUSED),
            .identity = {.id = arena_strdup(arena, db_get_text(rows, row, ID)), .name = arena_strdup(arena, db_get_text(rows, row, NAME))}};
    }
    if (!db_is_null(rows, row, ADDRESS))
        add_address(arena, &whose->identity, db_get_text(rows, row, ADDRESS));
}

static bool ask(struct judging *judging, enum sql_statement statement, struct db_array *about, struct db_rows **rows, struct err *err)
{
    db_params_reset(judging->run->params);
    db_array(judging->run->params, about);
    return db_run(judging->run->db, statement, judging->run->params, rows, err);
}

static bool read_identities(struct judging *judging, struct err *err)
{
    struct db_array fingerprints;
    struct db_rows *rows = NULL;
    size_t k;
    json_t *item;
    db_array_init(&fingerprints, DB_TEXT_ARRAY);
    for (size_t i = 0; i < judging->job_count; i++)
        json_array_foreach(judging->jobs[i]->found, k, item) db_array_add_text(&fingerprints, signatures_text(item, "fingerprint"));
    bool ok = fingerprints.count == 0 || ask(judging, SQL_VERIFY_IDENTITIES, &fingerprints, &rows, err);
    size_t count = ok && rows ? db_row_count(rows) : 0;
    judging->whose = arena_calloc(judging->arena, count + 1, sizeof *judging->whose);
    for (size_t row = 0; row < count; row++)
        read_identity(judging, rows, row);
    db_rows_free(rows);
    db_array_clear(&fingerprints);
    return ok;
}

/* --- by certificate --- */

static const char *only_from(const struct verify_job *job)
{
    const json_t *from = json_object_get(job->message, "from");
    return json_array_size(from) == 1 ? json_string_value(json_array_get(from, 0)) : NULL;
}

/* A certificate that nobody pinned or refused, but a CA of ours speaks for. */
static bool counts_by_chain(const struct judging *judging, const json_t *item)
{
    return json_is_true(json_object_get(item, "chain")) && json_array_size(json_object_get(item, "addresses")) > 0 &&
           !whose_of(judging, signatures_text(item, "fingerprint"));
}

static void add_addresses(const struct judging *judging, const struct verify_job *job, struct db_array *addresses)
{
    size_t i, k;
    json_t *item, *address;
    json_array_foreach(job->found, i, item)
    {
        if (counts_by_chain(judging, item))
            json_array_foreach(json_object_get(item, "addresses"), k, address) db_array_add_text(addresses, json_string_value(address));
    }
    if (json_array_size(job->found) > 0)
        json_array_foreach(json_object_get(job->message, "named"), k, address) db_array_add_text(addresses, json_string_value(address));
}

/* Whom we know of those that a CA speaks for, and of those that signed mails name. */
static bool read_known(struct judging *judging, struct err *err)
{
    struct db_array addresses;
    struct db_rows *rows = NULL;
    db_array_init(&addresses, DB_TEXT_ARRAY);
    for (size_t i = 0; i < judging->job_count; i++)
        add_addresses(judging, judging->jobs[i], &addresses);
    bool ok = addresses.count == 0 || ask(judging, SQL_VERIFY_CONTACTS, &addresses, &rows, err);
    judging->known_count = ok && rows ? db_row_count(rows) : 0;
    judging->known = arena_calloc(judging->arena, judging->known_count + 1, sizeof *judging->known);
    for (size_t i = 0; i < judging->known_count; i++)
        judging->known[i] = (struct known){.address = arena_strdup(judging->arena, db_get_text(rows, i, 0)),
                                           .id = arena_strdup(judging->arena, db_get_text(rows, i, 1)),
                                           .name = arena_strdup(judging->arena, db_get_text(rows, i, 2)),
                                           .is_refused = db_get_bool(rows, i, 3)};
    db_rows_free(rows);
    db_array_clear(&addresses);
    return ok;
}

static const struct known *find_known(const struct judging *judging, const char *address)
{
    for (size_t i = 0; i < judging->known_count; i++)
        if (str_equal_nocase(judging->known[i].address, address))
            return &judging->known[i];
    return NULL;
}

/* It is its addresses', and the one that is the sender's is told: by the name we know it by, else as it is. An address that an analyst
 * disabled is nobody's: NULL. */
static const struct signature_identity *find_by_chain(const struct judged *judged, const json_t *item)
{
    const struct judging *judging = judged->judging;
    const json_t *addresses = json_object_get(item, "addresses");
    const char *from = only_from(judged->job), *told = json_string_value(json_array_get(addresses, 0));
    struct signature_identity *identity = arena_calloc(judging->arena, 1, sizeof *identity);
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *address = json_string_value(json_array_get(addresses, i));
        add_address(judging->arena, identity, address);
        if (from && str_equal_nocase(address, from))
            told = address;
    }
    const struct known *known = find_known(judging, told);
    identity->id = known ? known->id : arena_printf(judging->arena, "address %s", told);
    identity->name = known ? known->name : arena_strdup(judging->arena, told);
    return known && known->is_refused ? NULL : identity;
}

static void fill_part(struct judged *judged, const json_t *item)
{
    struct signature_part *part = &judged->parts[judged->part_count++];
    *part = (struct signature_part){.path = signatures_text(item, "path"),
                                    .is_envelope = json_is_true(json_object_get(item, "envelope")),
                                    .fingerprint = signatures_text(item, "fingerprint"),
                                    .key_now = json_string_value(json_object_get(item, "key_now"))};
    const struct whose *whose = whose_of(judged->judging, part->fingerprint);
    bool is_pinned = whose && !whose->is_refused;
    part->verdict = signatures_verdict(item, is_pinned);
    if (is_pinned)
        part->identity = &whose->identity;
    else if (part->verdict == SIGNATURE_GOOD && counts_by_chain(judged->judging, item))
        part->identity = find_by_chain(judged, item);
}

/* --- the parts --- */

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, text && *text ? json_string(text) : json_null());
}

static json_t *signature_told(const struct judged *judged, size_t index)
{
    const json_t *item = json_array_get(judged->job->found, index);
    const struct signature_part *part = &judged->parts[index];
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

static char *parts_text(const struct judged *judged)
{
    size_t i;
    json_t *layer, *list = json_array();
    for (i = 0; i < judged->part_count; i++)
        json_array_append_new(list, signature_told(judged, i));
    json_array_foreach(json_object_get(judged->job->message, "layers"), i, layer)
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

static void read_named(struct judged *judged)
{
    const struct judging *judging = judged->judging;
    const json_t *named = json_object_get(judged->job->message, "named");
    const char **ids = arena_calloc(judged->job->arena, json_array_size(named) + 1, sizeof *ids);
    for (size_t i = 0; i < json_array_size(named); i++) {
        const struct known *known = find_known(judging, json_string_value(json_array_get(named, i)));
        if (known)
            ids[judged->mail.named_count++] = known->id;
    }
    judged->mail.named = ids;
}

static void read_ciphers(struct judged *judged)
{
    struct verify_job *job = judged->job;
    const json_t *layers = json_object_get(job->message, "layers");
    struct signature_cipher *ciphers = arena_calloc(job->arena, json_array_size(layers) + 1, sizeof *ciphers);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        if (is_cipher(layer))
            ciphers[judged->mail.cipher_count++] =
                (struct signature_cipher){.is_envelope = json_is_true(json_object_get(layer, "envelope")),
                                          .is_opened = json_is_true(json_object_get(layer, "opened"))};
    }
    judged->mail.ciphers = ciphers;
}

static void judge(struct judged *judged)
{
    struct verify_job *job = judged->job;
    size_t i;
    json_t *item;
    json_array_foreach(job->found, i, item) fill_part(judged, item);
    judged->mail.from = strings_of(job->arena, json_object_get(job->message, "from"), &judged->mail.from_count);
    judged->mail.from_differs = json_is_true(json_object_get(job->message, "from_differs"));
    read_named(judged);
    judged->mail.parts = judged->parts;
    judged->mail.part_count = judged->part_count;
    read_ciphers(judged);
    judged->result = signature_summarise(&judged->mail);
}

/* Fingerprints, or at least key ids, of the signers that nobody vouches for. */
static void add_unknown(const struct judged *judged, struct db_list *unknown)
{
    for (size_t i = 0; i < judged->part_count; i++) {
        const json_t *item = json_array_get(judged->job->found, i);
        const char *fingerprint = signatures_text(item, "fingerprint"), *signer = signatures_text(item, "signer");
        if (!judged->parts[i].identity && (*fingerprint || *signer))
            db_list_add_text(unknown, *fingerprint ? fingerprint : signer);
    }
}

static void add_payloads(const struct judged *judged, struct db_list *payloads)
{
    for (size_t i = 0; i < judged->part_count; i++) {
        unsigned char digest[DIGEST_SHA256_SIZE];
        if (judged->parts[i].is_envelope && signatures_payload(json_array_get(judged->job->found, i), digest))
            db_list_add_bytes(payloads, digest, sizeof digest);
    }
}

static void add_strings(struct db_list *to, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        db_list_add_text(to, json_string_value(json_array_get(list, i)));
}

static void add_verdict(struct judged *judged)
{
    struct verify_job *job = judged->job;
    const struct signature_result *result = &judged->result;
    const json_t *speaks = result->part ? json_array_get(job->found, (size_t)(result->part - judged->parts)) : NULL;
    char *told = parts_text(judged);
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
    add_unknown(judged, &verdict.unknown);
    add_payloads(judged, &verdict.payloads);
    verdict_batch_add(judged->judging->verdicts, &verdict);
    verdict_clear(&verdict);
    free(told);
}

bool verify_verdicts(struct verify *verify, struct stage_run *run, struct err *err)
{
    struct judging judging = {
        .run = run, .arena = arena_new(), .jobs = verify->jobs, .job_count = verify->job_count, .verdicts = verify->verdicts};
    bool ok = read_identities(&judging, err) && read_known(&judging, err);
    for (size_t i = 0; ok && i < judging.job_count; i++) {
        struct judged *judged = arena_calloc(judging.arena, 1, sizeof *judged);
        judged->judging = &judging;
        judged->job = judging.jobs[i];
        judge(judged);
        add_verdict(judged);
    }
    ok = ok && verdict_batch_store(run->db, SQL_VERIFY_VERDICTS, verify->verdicts, err);
    arena_free(judging.arena);
    return ok;
}
