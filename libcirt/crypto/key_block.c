#include "crypto/key_block.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/smime.h"

enum { REMOVALS = 5 };

static struct key_block *block_new(size_t count)
{
    struct key_block *block = mem_calloc(1, sizeof *block);
    block->arena = arena_new();
    block->items = arena_calloc(block->arena, count, sizeof *block->items);
    return block;
}

void key_block_free(struct key_block *block)
{
    if (!block)
        return;
    arena_free(block->arena);
    free(block);
}

/* Any bytes as well-formed text. */
static const char *utf8(struct arena *arena, const char *text)
{
    const char *end = text + strlen(text);
    struct buf out;
    uint32_t code_point;
    if (str_is_utf8(text, strlen(text), NULL))
        return arena_strdup(arena, text);
    buf_init(&out, KEY_BLOCK_BYTES_MAX);
    for (size_t step; (step = str_next_code_point(text, end, &code_point)) != 0; text += step)
        if (code_point == 0xFFFD)
            buf_add_text(&out, "\xEF\xBF\xBD");
        else
            buf_add(&out, text, step);
    const char *copy = arena_strdup(arena, buf_text(&out));
    buf_clear(&out);
    return copy;
}

static const char **texts_new(struct arena *arena, size_t count)
{
    return arena_calloc(arena, count + 1, sizeof(const char *));
}

/* --- OpenPGP --- */

struct scratch {
    char path[32];
    struct openpgp *openpgp;
};

static bool scratch_open(struct scratch *scratch, struct err *err)
{
    scratch->openpgp = NULL;
    strcpy(scratch->path, "/tmp/cirt-key-XXXXXX");
    if (!mkdtemp(scratch->path))
        return err_set(err, ERR_INTERNAL, "%s cannot be made: %s", scratch->path, strerror(errno));
    return openpgp_open(scratch->path, &scratch->openpgp, err);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    UNUSED(status);
    UNUSED(kind);
    UNUSED(place);
    (void)remove(path); /* an agent that is ending takes its sockets away itself: that must not end the walk */
    return 0;
}

static void scratch_close(struct scratch *scratch)
{
    if (scratch->openpgp)
        openpgp_stop_agent(scratch->openpgp);
    openpgp_close(scratch->openpgp);
    for (int i = 0; i < REMOVALS && access(scratch->path, F_OK) == 0; i++)
        nftw(scratch->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void describe(struct arena *arena, const struct openpgp_key *key, const char *text, struct key_block_key *out)
{
    *out = (struct key_block_key){.fingerprint = arena_strdup(arena, key->fingerprint),
                                  .key_ids = texts_new(arena, key->key_id_count),
                                  .addresses = texts_new(arena, key->address_count),
                                  .user_id = utf8(arena, key->user_id),
                                  .expires = key->expires,
                                  .can_encrypt = key->can_encrypt,
                                  .is_revoked = key->key_now == OPENPGP_KEY_REVOKED,
                                  .text = text};
    for (size_t i = 0; i < key->key_id_count; i++)
        out->key_ids[out->key_id_count++] = arena_strdup(arena, key->key_ids[i]);
    for (size_t i = 0; i < key->address_count; i++)
        out->addresses[out->address_count++] = utf8(arena, key->addresses[i]);
    if (key->can_encrypt && key->encrypts_until != TIMESTAMP_NONE && (out->expires == TIMESTAMP_NONE || key->encrypts_until < out->expires))
        out->expires = key->encrypts_until;
}

static bool add_of_home(struct openpgp *openpgp, const char *fingerprint, struct key_block *block, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct buf text;
    buf_init(&text, KEY_BLOCK_KEY_BYTES_MAX);
    bool ok = openpgp_export(openpgp, fingerprint, &text, err) && openpgp_fingerprint_of(openpgp, buf_text(&text), text.size, keys, err);
    if (ok)
        describe(block->arena, &keys->items[0], arena_strdup(block->arena, buf_text(&text)), &block->items[block->count++]);
    buf_clear(&text);
    free(keys);
    return ok;
}

static bool finish(bool ok, struct key_block *block, struct key_block **out)
{
    if (ok)
        *out = block;
    else
        key_block_free(block);
    return ok;
}

bool key_block_of_home(struct openpgp *openpgp, const char *fingerprint, struct key_block **out, struct err *err)
{
    struct key_block *block = block_new(1);
    return finish(add_of_home(openpgp, fingerprint, block, err), block, out);
}

static bool read_openpgp(const void *bytes, size_t size, struct key_block **out, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct key_block *block = block_new(OPENPGP_KEYS_MAX);
    struct scratch scratch;
    bool ok = scratch_open(&scratch, err) && openpgp_import(scratch.openpgp, bytes, size, keys, err);
    for (size_t i = 0; ok && i < keys->count; i++)
        ok = add_of_home(scratch.openpgp, keys->items[i].fingerprint, block, err);
    scratch_close(&scratch);
    free(keys);
    return finish(ok, block, out);
}

bool key_block_merge(const char *fingerprint, const char *text, const char *other, struct key_block **out, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct key_block *block = block_new(1);
    struct scratch scratch;
    bool ok = scratch_open(&scratch, err) && openpgp_import(scratch.openpgp, text, strlen(text), keys, err) &&
              openpgp_import(scratch.openpgp, other, strlen(other), keys, err) && add_of_home(scratch.openpgp, fingerprint, block, err);
    if (ok && !str_equal(block->items[0].fingerprint, fingerprint))
        ok = err_set(err, ERR_INPUT, "the copies are not of one key");
    scratch_close(&scratch);
    free(keys);
    return finish(ok, block, out);
}

/* --- certificates --- */

static const char *pem_of(struct arena *arena, const struct smime_certificate *certificate)
{
    size_t size = 4 * ((certificate->der_size + 2) / 3);
    unsigned char *base64 = mem_calloc(1, size + 1);
    struct buf out;
    buf_init(&out, KEY_BLOCK_BYTES_MAX);
    EVP_EncodeBlock(base64, certificate->der, (int)certificate->der_size);
    buf_add_text(&out, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < size; at += 64)
        buf_printf(&out, "%.64s\n", (const char *)base64 + at);
    buf_add_text(&out, "-----END CERTIFICATE-----\n");
    const char *text = arena_strdup(arena, buf_text(&out));
    buf_clear(&out);
    free(base64);
    return text;
}

static void describe_certificate(struct arena *arena, const struct smime_certificate *certificate, struct key_block_key *out)
{
    char *id = mem_printf("%s, serial %s", certificate->issuer, certificate->serial);
    *out = (struct key_block_key){.is_smime = true,
                                  .fingerprint = arena_strdup(arena, certificate->fingerprint),
                                  .key_ids = texts_new(arena, 2),
                                  .key_id_count = 1,
                                  .addresses = texts_new(arena, certificate->address_count),
                                  .user_id = utf8(arena, certificate->subject),
                                  .expires = certificate->not_after,
                                  .can_encrypt = certificate->can_encrypt,
                                  .text = pem_of(arena, certificate)};
    out->key_ids[0] = utf8(arena, id);
    if (*certificate->key_id)
        out->key_ids[out->key_id_count++] = arena_printf(arena, "key id %s", certificate->key_id);
    for (size_t i = 0; i < certificate->address_count; i++)
        out->addresses[out->address_count++] = utf8(arena, certificate->addresses[i]);
    free(id);
}

static bool read_certificates(const void *bytes, size_t size, struct key_block **out, struct err *err)
{
    struct smime_certificates *found = mem_calloc(1, sizeof *found);
    struct key_block *block = block_new(SMIME_CERTIFICATES_MAX);
    bool ok = smime_certificates_read(bytes, size, found, err);
    for (size_t i = 0; ok && i < found->count; i++)
        if (found->items[i].address_count > 0 && found->items[i].der_size <= KEY_BLOCK_KEY_BYTES_MAX / 2)
            describe_certificate(block->arena, &found->items[i], &block->items[block->count++]);
    if (ok && block->count == 0)
        ok = err_set(err, ERR_INPUT, "no certificate here names a mail address");
    smime_certificates_clear(found);
    free(found);
    return finish(ok, block, out);
}

/* --- whatever it is --- */

static bool holds(const void *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

bool key_block_read(const void *bytes, size_t size, struct key_block **out, struct err *err)
{
    unsigned char first = size ? *(const unsigned char *)bytes : 0;
    if (size > KEY_BLOCK_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d bytes of keys", KEY_BLOCK_BYTES_MAX);
    if (holds(bytes, size, "PRIVATE KEY"))
        return err_set(err, ERR_INPUT, "a private key: it belongs to its owner alone and is not taken; what is wanted is the public one");
    if (holds(bytes, size, "-----BEGIN PGP PUBLIC KEY BLOCK-----") || (first & 0x80) != 0)
        return read_openpgp(bytes, size, out, err);
    if (holds(bytes, size, "-----BEGIN ") || first == 0x30)
        return read_certificates(bytes, size, out, err);
    return err_set(err, ERR_INPUT, "no key: wanted is an OpenPGP key (gpg --armor --export KEY) or a certificate (PEM, DER, .p7b)");
}

/* --- told as JSON --- */

static json_t *texts(const char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *moment(int64_t time)
{
    char text[TIMESTAMP_TEXT_SIZE];
    if (time == TIMESTAMP_NONE)
        return json_null();
    timestamp_format(time, text);
    return json_string(text);
}

json_t *key_block_key_json(const struct key_block_key *key)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:b, s:b, s:s}", "protocol", key->is_smime ? "smime" : "openpgp", "fingerprint",
                     key->fingerprint, "key_ids", texts(key->key_ids, key->key_id_count), "claims",
                     texts(key->addresses, key->address_count), "user_id", key->user_id, "expires", moment(key->expires), "can_encrypt",
                     key->can_encrypt, "revoked", key->is_revoked, "armoured", key->text);
}
