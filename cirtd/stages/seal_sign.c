/*
 * Signs what leaves by mail, and encrypts it: the second queue of the role seal. It signs nothing but what the database hands over after
 * looking for the decision, its entry in the journal and the hash that the entry names; the hash is made anew here. It parses nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/public_keys.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "codec/mail_write.h"
#include "crypto/digest.h"
#include "crypto/openpgp.h"

/* The columns of `sign_claim`. */
enum { ID, ATTEMPTS, MAIL, PROTOCOL, PROTECTION, MESSAGE_ID, FINGERPRINTS, CERTIFICATES, HEAD, PAYLOAD, SHA256 };

enum { POLL_MS = 1000, MESSAGE_BYTES_MAX = 96 * 1024 * 1024, SIGNATURE_BYTES_MAX = 64 * 1024 };

struct signer {
    struct openpgp *openpgp;
    struct public_keys keys; /* whom it is encrypted to */
};

/* One piece at work. */
struct piece {
    const char *message_id, *payload;
    size_t size;
    const char **fingerprints; /* of the keys it is encrypted to, ours last */
    size_t fingerprint_count;
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
    size_t count = 0, capacity = 0;
    const char **others = words(arena, db_get_text(rows, row, FINGERPRINTS), &count);
    const unsigned char *payload = db_get_bytes(rows, row, PAYLOAD, &piece->size);
    if (!payload || !is_what_was_decided(payload, piece->size, db_get_text(rows, row, SHA256)))
        return err_set(err, ERR_DENIED, "this is not what was decided on: its hash is another one");
    if (str_equal(db_get_text(rows, row, PROTECTION), "encrypted") != (count > 0))
        return err_set(err, ERR_DENIED, "what is to be encrypted names no key, or the other way round");
    piece->payload = (const char *)payload;
    piece->message_id = db_get_text(rows, row, MESSAGE_ID);
    for (size_t i = 0; i <= count && count > 0; i++) {
        piece->fingerprints = arena_grow(arena, piece->fingerprints, &capacity, i, sizeof *piece->fingerprints);
        piece->fingerprints[i] = i < count ? others[i] : run->context->config->seal_key;
    }
    piece->fingerprint_count = count > 0 ? count + 1 : 0;
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

/* --- the work --- */

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
    bool ok = public_keys_take(&signer->keys, run, SQL_SEAL_KEYS, signer->openpgp, err) && read_piece(run, rows, row, arena, &piece, err) &&
              wrap_openpgp(run, &piece, &message, err) && store(run, rows, row, &message, err);
    if (ok)
        log_info("signed", "mail=m%lld protocol=%s protection=%s size=%zu", (long long)db_get_int(rows, row, MAIL),
                 db_get_text(rows, row, PROTOCOL), db_get_text(rows, row, PROTECTION), message.size);
    buf_clear(&message);
    arena_free(arena);
    return ok;
}

static bool start(struct stage_run *run, struct err *err)
{
    struct signer *signer = run->state ? run->state : mem_calloc(1, sizeof *signer);
    run->state = signer;
    memset(&signer->keys, 0, sizeof signer->keys);
    return signer->openpgp || openpgp_open(run->context->config->seal_gnupg, &signer->openpgp, err);
}

/* The agent is stopped by the other queue of the role. */
static void stop(struct stage_run *run)
{
    struct signer *signer = run->state;
    if (!signer)
        return;
    openpgp_close(signer->openpgp);
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
