/*
 * crypto/openpgp.h - OpenPGP by GnuPG on a GNUPGHOME of our own: what strangers made is checked and opened by runs of gpg itself, which
 * end; signing, encrypting and keys go through GPGME. openpgp*.c are the only includers of gpgme.h.
 *
 * No network: no dirmngr, no key retrieval. GnuPG's web of trust is off (direct): whom a key belongs to is decided by the pin in our
 * table, never here. Signatures over SHA-1, MD5 and RIPEMD-160 never count as good. Standards: RFC 9580, RFC 3156.
 */
#ifndef CIRT_CRYPTO_OPENPGP_H
#define CIRT_CRYPTO_OPENPGP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    OPENPGP_FINGERPRINT_SIZE = 65,
    OPENPGP_SIGNATURES_MAX = 8,
    OPENPGP_KEYS_MAX = 32,
    OPENPGP_SUBKEYS_MAX = 12,
    OPENPGP_ADDRESSES_MAX = 8,
    OPENPGP_ADDRESS_SIZE = 255
};

struct openpgp;

/*
 * Opens the home (made with mode 0700 where it is missing) and writes its gpg.conf: the options above must not depend on what stands
 * there. The path of the agent's socket must fit (home up to 80 bytes). One context is for one thread. ERR_INTERNAL where GnuPG is
 * missing or the home may be read by others.
 */
bool openpgp_open(const char *home, struct openpgp **out, struct err *err) MUST_CHECK;
/* Frees; stops no agent. NULL is fine. */
void openpgp_close(struct openpgp *openpgp);
/* Stops the gpg-agent of that home, which otherwise outlives us. */
void openpgp_stop_agent(struct openpgp *openpgp);

enum openpgp_status {
    OPENPGP_GOOD,
    OPENPGP_BAD,
    OPENPGP_UNKNOWN_KEY,
    OPENPGP_EXPIRED_KEY, /* the key had ended when the signature was made */
    OPENPGP_REVOKED_KEY, /* revoked now: when and why is not told by GnuPG, so no signature of it counts */
    OPENPGP_EXPIRED_SIGNATURE,
    OPENPGP_ERROR /* not to be checked: broken packet, weak hash, unusable key; text tells */
};
const char *openpgp_status_name(enum openpgp_status status); /* "good", "bad", "unknown-key", "expired-key", ... */

enum openpgp_key_now { OPENPGP_KEY_UNKNOWN, OPENPGP_KEY_VALID, OPENPGP_KEY_EXPIRED, OPENPGP_KEY_REVOKED, OPENPGP_KEY_DISABLED };
const char *openpgp_key_now_name(enum openpgp_key_now key_now); /* "valid", "expired", ...; NULL for UNKNOWN */

struct openpgp_signature {
    enum openpgp_status status;
    char fingerprint[OPENPGP_FINGERPRINT_SIZE]; /* of the primary key, upper case hex; "" where the key is unknown */
    char signer[OPENPGP_FINGERPRINT_SIZE];      /* of the key that signed; for an unknown key perhaps only its id */
    int64_t made;                               /* microseconds, as the signature says, or TIMESTAMP_NONE */
    char hash[24], algorithm[24];               /* "SHA256", "EdDSA"; "" where unknown */
    enum openpgp_key_now key_now;               /* the key at this moment, whatever it was then */
    char text[96];                              /* why, for OPENPGP_ERROR; else "" */
};

struct openpgp_signatures {
    struct openpgp_signature items[OPENPGP_SIGNATURES_MAX];
    size_t count; /* where there were more than OPENPGP_SIGNATURES_MAX, all of them are OPENPGP_ERROR */
};

/*
 * Checks a detached signature. true says only that GnuPG looked; the statuses say what it saw. A signature that cannot be read at all is
 * one item with OPENPGP_ERROR. ERR_AGAIN where GnuPG could not run. One run of gpg, and a listing of the keys after the keyring changed.
 * Several contexts, also of several processes, may use one home at the same time.
 */
bool openpgp_verify_detached(struct openpgp *openpgp, const void *bytes, size_t size, const void *signature, size_t signature_size,
                             struct openpgp_signatures *out, struct err *err) MUST_CHECK;

/* The same for many mails in as few runs of gpg as can be (64 a run): the run costs four times what its signature does. out of each check
 * is as openpgp_verify_detached() would have filled it, whatever the others were. */
struct openpgp_check {
    const void *bytes, *signature;
    size_t size, signature_size;
    struct openpgp_signatures out;
};
bool openpgp_verify_batch(struct openpgp *openpgp, struct openpgp_check *checks, size_t count, struct err *err) MUST_CHECK;

/*
 * Checks a clear-signed text or a signed, not encrypted message (armoured or binary) that is all of bytes but for blanks around it: text
 * outside of the armour is refused. content gets what is covered, as GnuPG gives it out, also where the signatures are bad; nothing else
 * of bytes is. out->count 0: nobody signed. ERR_INPUT: no such message, or broken. ERR_LIMIT: content is too small, or it is made
 * to take GnuPG hours. ERR_AGAIN as above.
 */
bool openpgp_verify_inline(struct openpgp *openpgp, const void *bytes, size_t size, struct buf *content, struct openpgp_signatures *out,
                           struct err *err) MUST_CHECK;

struct openpgp_opened {
    struct openpgp_signatures signatures; /* those inside the encryption */
    char needed[OPENPGP_KEYS_MAX][17];    /* the key ids it is encrypted to ("0000000000000000": hidden recipient) */
    size_t needed_count;
    bool has_integrity; /* MDC or AEAD; without it nothing is opened */
};

/*
 * Opens an encrypted message into clear (a buf with its maximum; on failure it is emptied). ERR_NOT_FOUND: no secret key for it, see
 * out->needed. ERR_INPUT: not an encrypted message, broken, or without integrity protection. ERR_LIMIT: the clear text is larger than
 * clear may hold, or it is made to take GnuPG hours. ERR_AGAIN where GnuPG could not run. out is filled in any case.
 */
bool openpgp_decrypt(struct openpgp *openpgp, const void *bytes, size_t size, struct buf *clear, struct openpgp_opened *out,
                     struct err *err) MUST_CHECK;

/* Signs with that key (full fingerprint), detached and armoured, into signature. micalg: for Content-Type ("pgp-sha256"), 24 bytes. */
bool openpgp_sign_detached(struct openpgp *openpgp, const char *fingerprint, const void *bytes, size_t size, struct buf *signature,
                           char micalg[24], struct err *err) MUST_CHECK;

/* Signs and encrypts to all the recipients (full fingerprints), armoured. signer NULL: encrypts only. ERR_NOT_FOUND names the first key
 * that is missing or unusable: nothing is written then. */
bool openpgp_encrypt_sign(struct openpgp *openpgp, const char *signer, const char *const *recipients, size_t recipient_count,
                          const void *bytes, size_t size, struct buf *out, struct err *err) MUST_CHECK;

/* What a block of public keys, or a home, holds. */
struct openpgp_keys {
    struct openpgp_key {
        char fingerprint[OPENPGP_FINGERPRINT_SIZE];
        char user_id[256];                                           /* the first; a claim of the key's maker */
        char addresses[OPENPGP_ADDRESSES_MAX][OPENPGP_ADDRESS_SIZE]; /* of all user ids that are not revoked, lower case */
        char key_ids[OPENPGP_SUBKEYS_MAX][17];                       /* 16 hex digits each: the primary, then the subkeys */
        size_t address_count, key_id_count;
        char algorithm[24];     /* of the primary: "rsa3072", "ed25519", "nistp256" */
        int64_t expires;        /* the primary; microseconds, TIMESTAMP_NONE for never */
        int64_t encrypts_until; /* where can_encrypt: the end of the last subkey (or primary) that does; TIMESTAMP_NONE for never */
        enum openpgp_key_now key_now;
        bool can_sign, can_encrypt; /* now */
        /* of own keys: the secret part is here, to open (also what was sent to an expired key) and to sign with now */
        bool can_decrypt, has_secret_signer;
    } items[OPENPGP_KEYS_MAX];
    size_t count;
};

/* Reads a block (armoured or binary) without importing it. ERR_INPUT where it holds no key, or a secret one. */
bool openpgp_fingerprint_of(struct openpgp *openpgp, const void *bytes, size_t size, struct openpgp_keys *out, struct err *err) MUST_CHECK;
/* As above, then imports with the keys' own signatures only. Again: takes what is new (expiry, revocation). ERR_LIMIT: they would take
 * GnuPG too long. */
bool openpgp_import(struct openpgp *openpgp, const void *bytes, size_t size, struct openpgp_keys *out, struct err *err) MUST_CHECK;
/* The keys with a secret part in this home. */
bool openpgp_secret_keys(struct openpgp *openpgp, struct openpgp_keys *out, struct err *err) MUST_CHECK;
/* Armoured public key. */
bool openpgp_export(struct openpgp *openpgp, const char *fingerprint, struct buf *out, struct err *err) MUST_CHECK;

#endif
