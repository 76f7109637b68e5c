/*
 * Signs what leaves by mail, and encrypts it: the second queue of the role seal. It signs nothing but what the database hands over after
 * looking for the decision, its entry in the journal and the hash that the entry names; the hash is made anew here. It parses nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/public_keys.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "codec/mail_write.h"
#include "crypto/digest.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"

/* The columns of `sign_claim`. */
enum { ID, ATTEMPTS, MAIL, PROTOCOL, PROTECTION, MESSAGE_ID, FINGERPRINTS, CERTIFICATES, HEAD, PAYLOAD, SHA256 };

enum { POLL_MS = 1000, MESSAGE_BYTES_MAX = 96 * 1024 * 1024, SIGNATURE_BYTES_MAX = 64 * 1024 };

struct signer {
    struct openpgp *openpgp;
    struct smime *smime;
    struct public_keys keys; /* whom it is encrypted to */
};

/* One piece at work. */
struct piece {
    const char *message_id, *payload;
    size_t size;
    const char **fingerprints; /* of the keys it is encrypted to; none: it is signed only */
    size_t fingerprint_count;
    const char *certificates; /* S/MIME: the certificates of these fingerprints, PEM */
};

/* --- what was decided on, and nothing else --- */

static bool is_what_was_decided(const unsigned char *payload, size_t size, const char *wanted)
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    digest_sha256(payload, size, digest);
    str_hex(digest, sizeof digest, hex);
    return str_equal(hex, wanted);
}

/* "A B C" */
static const char **words(struct arena *arena, const char *text, size_t *count)
{
    size_t capacity = 0;
    const char **list = NULL;
    *count = 0;
    while (text && *text) {
        size_t size = strcspn(text, " ");
        list = arena_grow(arena, list, &capacity, *count, sizeof *list);
        list[(*count)++] = arena_strndup(arena, text, size);
        text += size + (text[size] == ' ');
    }
    return list;
}

static bool read_piece(const struct stage_run *run, struct db_rows *rows, size_t row, struct arena *arena, struct piece *piece,
                       struct err *err)
{
    size_t count = 0;
    const char **others = words(arena, db_get_text(rows, row, FINGERPRINTS), &count);
    const unsigned char *payload = db_get_bytes(rows, row, PAYLOAD, &piece->size);
    if (!payload || !is_what_was_decided(payload, piece->size, db_get_text(rows, row, SHA256)))
        return err_set(err, ERR_DENIED, "this is not what was decided on: its hash is another one");
    if (str_equal(db_get_text(rows, row, PROTECTION), "encrypted") != (count > 0))
        return err_set(err, ERR_DENIED, "what is to be encrypted names no key, or the other way round");
    piece->payload = (const char *)payload;
    piece->message_id = db_get_text(rows, row, MESSAGE_ID);
    piece->certificates = db_get_text(rows, row, CERTIFICATES);
    /* We read it too. A certificate of ours is not one of others' fingerprints: it is added where it is used. */
    if (count > 0 && str_equal(db_get_text(rows, row, PROTOCOL), "openpgp")) {
        piece->fingerprints = arena_calloc(arena, count + 1, sizeof *piece->fingerprints);
        memcpy(piece->fingerprints, others, count * sizeof *others);
        piece->fingerprints[count++] = run->context->config->seal_key;
    } else {
        piece->fingerprints = others;
    }
    piece->fingerprint_count = count;
    return true;
}

/* --- OpenPGP --- */

static bool wrap_openpgp(struct stage_run *run, const struct piece *piece, struct buf *out, struct err *err)
{
    struct signer *signer = run->state;
    const char *key = run->context->config->seal_key;
    struct buf made;
    char micalg[24];
    bool ok;
    buf_init(&made, piece->fingerprint_count ? MESSAGE_BYTES_MAX : SIGNATURE_BYTES_MAX);
    if (piece->fingerprint_count > 0)
        ok = openpgp_encrypt_sign(signer->openpgp, key, piece->fingerprints, piece->fingerprint_count, piece->payload, piece->size, &made,
                                  err) &&
             mail_write_encrypted(MAIL_WRITE_OPENPGP, made.bytes, made.size, piece->message_id, out, err);
    else
        ok = openpgp_sign_detached(signer->openpgp, key, piece->payload, piece->size, &made, micalg, err) &&
             mail_write_signed(MAIL_WRITE_OPENPGP, piece->payload, piece->size, made.bytes, made.size,
                               micalg + (str_starts(micalg, "pgp-") ? 4 : 0), piece->message_id, out, err);
    buf_clear(&made);
    return ok;
}

/* --- S/MIME --- */

static const struct smime_certificate *own_certificate(const struct signer *signer, const char *fingerprint)
{
    for (size_t i = 0; fingerprint && i < smime_identity_count(signer->smime); i++)
        if (str_equal_nocase(smime_identity(signer->smime, i)->fingerprint, fingerprint))
            return smime_identity(signer->smime, i);
    return NULL;
}

/* The certificates that were decided on, each of them, and ours. */
static bool add_recipients(const struct piece *piece, const struct smime_certificates *known, const struct smime_certificate *own,
                           struct smime_recipient *recipients, struct err *err)
{
    for (size_t i = 0; i < piece->fingerprint_count; i++) {
        size_t found = 0;
        while (found < known->count && !str_equal(known->items[found].fingerprint, piece->fingerprints[i]))
            found++;
        if (found == known->count)
            return err_set(err, ERR_NOT_FOUND, "the certificate %s is not there", piece->fingerprints[i]);
        recipients[i] = (struct smime_recipient){.certificate = known->items[found].der, .size = known->items[found].der_size};
    }
    recipients[piece->fingerprint_count] = (struct smime_recipient){.certificate = own->der, .size = own->der_size};
    return true;
}

static bool encrypt_smime(struct signer *signer, const struct piece *piece, const struct smime_certificate *own, const struct buf *entity,
                          struct buf *out, struct err *err)
{
    struct smime_certificates *known = mem_calloc(1, sizeof *known);
    struct smime_recipient *recipients = mem_calloc(piece->fingerprint_count + 1, sizeof *recipients);
    enum smime_kind kind;
    struct buf cms;
    buf_init(&cms, MESSAGE_BYTES_MAX);
    bool ok = smime_certificates_read(piece->certificates, strlen(piece->certificates), known, err) &&
              add_recipients(piece, known, own, recipients, err) &&
              smime_encrypt(signer->smime, recipients, piece->fingerprint_count + 1, entity->bytes, entity->size, timestamp_now(), &cms,
                            &kind, err) &&
              mail_write_encrypted(MAIL_WRITE_SMIME, cms.bytes, cms.size, piece->message_id, out, err);
    buf_clear(&cms);
    free(recipients);
    smime_certificates_clear(known);
    free(known);
    return ok;
}

/* "sha-256" as mail_write_signed() takes it. */
static void plain_hash(char micalg[24])
{
    char *dash = strchr(micalg, '-');
    if (dash)
        memmove(dash, dash + 1, strlen(dash));
}

static bool wrap_smime(struct stage_run *run, const struct piece *piece, struct buf *out, struct err *err)
{
    struct signer *signer = run->state;
    const struct smime_certificate *own = own_certificate(signer, run->context->config->seal_smime_key);
    struct buf signature, entity;
    char micalg[24];
    if (!own)
        return err_set(err, ERR_AGAIN, "no S/MIME certificate of ours signs (seal: smime, smime_key)");
    buf_init(&signature, SIGNATURE_BYTES_MAX);
    buf_init(&entity, MESSAGE_BYTES_MAX);
    bool ok = smime_sign_detached(signer->smime, own->fingerprint, piece->payload, piece->size, &signature, micalg, err);
    if (ok) {
        plain_hash(micalg);
        ok = mail_write_signed(MAIL_WRITE_SMIME, piece->payload, piece->size, signature.bytes, signature.size, micalg, piece->message_id,
                               piece->fingerprint_count > 0 ? &entity : out, err);
    }
    if (ok && piece->fingerprint_count > 0)
        ok = encrypt_smime(signer, piece, own, &entity, out, err);
    buf_clear(&signature);
    buf_clear(&entity);
    return ok;
}

/* --- the work --- */

static bool wrap(struct stage_run *run, const char *protocol, const struct piece *piece, struct buf *out, struct err *err)
{
    return str_equal(protocol, "smime") ? wrap_smime(run, piece, out, err) : wrap_openpgp(run, piece, out, err);
}

static bool store(struct stage_run *run, struct db_rows *rows, size_t row, const struct buf *message, struct err *err)
{
    if (message->full)
        return err_set(err, ERR_LIMIT, "the message is larger than %d bytes", MESSAGE_BYTES_MAX);
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(rows, row, ID));
    db_int4(run->params, (int32_t)db_get_int(rows, row, ATTEMPTS));
    db_bytes(run->params, message->bytes, message->size);
    return db_run(run->db, SQL_SEAL_SIGN_SIGNED, run->params, NULL, err);
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct signer *signer = run->state;
    struct arena *arena = arena_new();
    struct piece piece = {.size = 0};
    struct buf message;
    buf_init(&message, MESSAGE_BYTES_MAX);
    buf_add_text(&message, db_get_text(rows, row, HEAD));
    bool ok = public_keys_take(&signer->keys, run, SQL_SEAL_KEYS, signer->openpgp, NULL, err) &&
              read_piece(run, rows, row, arena, &piece, err) && wrap(run, db_get_text(rows, row, PROTOCOL), &piece, &message, err) &&
              store(run, rows, row, &message, err);
    if (ok)
        log_info("signed", "mail=m%lld protocol=%s protection=%s size=%zu", (long long)db_get_int(rows, row, MAIL),
                 db_get_text(rows, row, PROTOCOL), db_get_text(rows, row, PROTECTION), message.size);
    buf_clear(&message);
    arena_free(arena);
    return ok;
}

static bool start(struct stage_run *run, struct err *err)
{
    const struct smime_settings settings = {.identity_dir = run->context->config->seal_smime};
    struct signer *signer = run->state ? run->state : mem_calloc(1, sizeof *signer);
    run->state = signer;
    memset(&signer->keys, 0, sizeof signer->keys);
    if (!signer->openpgp && !openpgp_open(run->context->config->seal_gnupg, &signer->openpgp, err))
        return false;
    return signer->smime ? smime_reload(signer->smime, err) : smime_open(&settings, &signer->smime, err);
}

/* The agent is stopped by the other queue of the role. */
static void stop(struct stage_run *run)
{
    struct signer *signer = run->state;
    if (!signer)
        return;
    openpgp_close(signer->openpgp);
    smime_close(signer->smime);
    free(signer);
}

const struct stage seal_sign_stage = {
    .role = "seal",
    .listen = SQL_SEAL_SIGN_LISTEN,
    .claim = SQL_SEAL_SIGN_CLAIM,
    .settle = SQL_SEAL_SIGN_SETTLE,
    .fail = SQL_SEAL_SIGN_FAIL,
    .poll_ms = POLL_MS,
    .work = work,
    .start = start,
    .stop = stop,
};
