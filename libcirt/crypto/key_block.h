/*
 * crypto/key_block.h - the public keys in a block of bytes, of whatever kind and form: OpenPGP armoured or binary, certificates as PEM, DER
 * or CMS (.p7b, .p7c). GnuPG reads OpenPGP in a home of its own that is gone afterwards: strangers' keys never come into the stages' homes.
 *
 * What a key says of its owner is a claim. A secret key is refused, never kept.
 */
#ifndef CIRT_CRYPTO_KEY_BLOCK_H
#define CIRT_CRYPTO_KEY_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "crypto/openpgp.h"

enum { KEY_BLOCK_BYTES_MAX = 4 * 1024 * 1024, KEY_BLOCK_KEY_BYTES_MAX = 512 * 1024 };

/* Strings are well-formed UTF-8, not harmless for a terminal. */
struct key_block_key {
    bool is_smime;
    const char *fingerprint; /* upper case hex */
    const char **key_ids;    /* of OpenPGP 16 hex digits each; of a certificate "ISSUER, serial HEX", as CMS names a recipient */
    const char **addresses;  /* lower case */
    size_t key_id_count, address_count;
    const char *user_id; /* the first, or the subject */
    int64_t expires;     /* of OpenPGP also where the part that encrypts ends earlier; TIMESTAMP_NONE for never */
    bool can_encrypt, is_revoked;
    const char *text; /* armoured, with the owner's own signatures only, or PEM */
};

struct arena;
struct key_block {
    struct arena *arena; /* owns all below */
    struct key_block_key *items;
    size_t count;
};

/* At least one key. Certificates without an address are left out: CAs come along in many files. ERR_INPUT: none, a secret one, or broken;
 * ERR_LIMIT: too large, too many, or made to take GnuPG hours. ERR_AGAIN where GnuPG could not run. */
bool key_block_read(const void *bytes, size_t size, struct key_block **out, struct err *err) MUST_CHECK;
/* One OpenPGP key with all that two copies of it say: a revocation, subkey or new end in either counts (GnuPG checks that the owner signed
 * it). Errors as above; ERR_INPUT also where one of the texts does not hold it. */
bool key_block_merge(const char *fingerprint, const char *text, const char *other, struct key_block **out, struct err *err) MUST_CHECK;
/* A key of a home as it is there now, after an import. */
bool key_block_of_home(struct openpgp *openpgp, const char *fingerprint, struct key_block **out, struct err *err) MUST_CHECK;
void key_block_free(struct key_block *block); /* NULL is fine */

/* {protocol, fingerprint, key_ids, claims, user_id, expires, can_encrypt, revoked, armoured}, as the desk and key_take() want it; the
 * caller's. */
json_t *key_block_key_json(const struct key_block_key *key);

#endif
