/*
 * crypto/smime.h - S/MIME (RFC 8551, RFC 8550) on CMS (RFC 5652, 5083, 5084, 3274, 8419), in process by OpenSSL.
 *
 * Whose a certificate is, is decided by the pin in our table or by a path to a CA of the site, and by the address in it; this file tells
 * the facts. No network: no OCSP, no fetched CRLs, no fetched issuers. MD5 and SHA-1 never count. Text of certificates is a claim of their
 * makers, well-formed UTF-8 but not harmless for a terminal.
 */
#ifndef CIRT_CRYPTO_SMIME_H
#define CIRT_CRYPTO_SMIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    SMIME_FINGERPRINT_SIZE = 65,
    SMIME_SIGNATURES_MAX = 8,
    SMIME_CERTIFICATES_MAX = 32, /* in one CMS object, and in one file */
    SMIME_ADDRESSES_MAX = 8,
    SMIME_ADDRESS_SIZE = 255,
    SMIME_NAME_SIZE = 256,
    SMIME_RECIPIENTS_MAX = 32,
    SMIME_TEXT_SIZE = 128
};

/* --- certificates --- */

struct smime_certificate {
    char fingerprint[SMIME_FINGERPRINT_SIZE];                /* SHA-256 of the DER, upper case hex; "" for no certificate */
    char subject[SMIME_NAME_SIZE], issuer[SMIME_NAME_SIZE];  /* as RFC 4514 writes a DN, cut where it is longer */
    char serial[SMIME_FINGERPRINT_SIZE];                     /* upper case hex */
    char key_id[SMIME_FINGERPRINT_SIZE];                     /* subjectKeyIdentifier, upper case hex; "" where it has none */
    char addresses[SMIME_ADDRESSES_MAX][SMIME_ADDRESS_SIZE]; /* rfc822Name and SmtpUTF8Mailbox, then emailAddress of the DN; lower case */
    size_t address_count;                                    /* those beyond the maximum are left out */
    int64_t not_before, not_after;                           /* microseconds; TIMESTAMP_NONE where unreadable: then it is never valid */
    char algorithm[24];                                      /* "RSA 2048", "EC P-256", "Ed25519" */
    bool can_sign, can_encrypt; /* by key, keyUsage and extendedKeyUsage (RFC 8550 section 4.4); says nothing of dates and CA */
    bool takes_gcm;             /* its sMIMECapabilities (RFC 4262) name AES-256-GCM */
    unsigned char *der;         /* owned */
    size_t der_size;
};

/* Frees what it owns and empties it. */
void smime_certificate_clear(struct smime_certificate *certificate);

/* The first certificate of a PEM text or of DER bytes. ERR_INPUT where there is none. Clear it in the end. */
bool smime_certificate_read(const void *bytes, size_t size, struct smime_certificate *out, struct err *err) MUST_CHECK;

struct smime_certificates {
    struct smime_certificate items[SMIME_CERTIFICATES_MAX];
    size_t count;
};
void smime_certificates_clear(struct smime_certificates *certificates);

/* All certificates of a PEM text, of DER bytes or of a CMS object (.p7b, .p7c, also those a signature brings along), CAs included.
 * ERR_INPUT where there is none, ERR_LIMIT for more than SMIME_CERTIFICATES_MAX. */
bool smime_certificates_read(const void *bytes, size_t size, struct smime_certificates *out, struct err *err) MUST_CHECK;

/* --- the context --- */

struct smime_settings {
    const char *ca_file;      /* PEM, the CAs a path may end in, roots or not; NULL, "" or an empty file: nothing chains */
    const char *crl_file;     /* PEM, any number of CRLs; NULL or "" for none */
    const char *identity_dir; /* NAME.crt (PEM, its chain behind it) beside NAME.key (PEM, not encrypted); NULL: no secret keys */
};

struct smime;

/*
 * ERR_INPUT or ERR_DENIED name the file and what is wrong with it: a key that group or others may read is refused, so is one that does not
 * belong to its certificate. An issuer without a CRL is taken as one that revokes nothing; a CRL past its nextUpdate still counts.
 * One context is for one thread.
 */
bool smime_open(const struct smime_settings *settings, struct smime **out, struct err *err) MUST_CHECK;
/* Reads the files again; on failure all stays as it was. What smime_add_certificate() added stays. */
bool smime_reload(struct smime *smime, struct err *err) MUST_CHECK;
void smime_close(struct smime *smime); /* NULL is fine */
/* What an operator should look at ("a CRL in ... is past its nextUpdate"), or "". */
const char *smime_warning(const struct smime *smime);

/* Own certificates with a secret key, by file name. Borrowed until the next reload. */
size_t smime_identity_count(const struct smime *smime);
const struct smime_certificate *smime_identity(const struct smime *smime, size_t i);

/* Makes a certificate known (DER or PEM), so that signatures that come without it can be checked. It is not trusted by this. */
bool smime_add_certificate(struct smime *smime, const void *bytes, size_t size, struct err *err) MUST_CHECK;

/* --- signatures --- */

enum smime_status {
    SMIME_GOOD,        /* sound, with a path to one of our CAs */
    SMIME_BAD,         /* the content is not what was signed */
    SMIME_UNKNOWN_KEY, /* no certificate of the signer, or one without a path to our CAs: see is_sound */
    SMIME_EXPIRED_KEY, /* its certificate, or a CA above it, had ended when the signature was made; or has ended, and it does not say when
                        */
    SMIME_REVOKED_KEY, /* in a CRL now: the time inside a signature is its maker's word, so no signature of that key counts */
    SMIME_ERROR        /* not to be checked, or not worth it: broken, weak digest or key, certificate not for signing mail; text tells */
};
const char *smime_status_name(enum smime_status status); /* "good", "bad", "unknown-key", "expired-key", "revoked-key", "error" */

enum smime_key_now { SMIME_KEY_UNKNOWN, SMIME_KEY_VALID, SMIME_KEY_EXPIRED, SMIME_KEY_REVOKED };
const char *smime_key_now_name(enum smime_key_now key_now); /* "valid", "expired", "revoked"; NULL for UNKNOWN */

struct smime_signature {
    enum smime_status status;
    bool is_sound;  /* all is right but perhaps the path to a CA: GOOD, or UNKNOWN_KEY that becomes good where the fingerprint is pinned */
    bool has_chain; /* there is a path to one of our CAs, whatever else the status says */
    struct smime_certificate certificate; /* of the signer; fingerprint "" where it is not known */
    char signer[2 * SMIME_NAME_SIZE];     /* as the signature names it: "ISSUER, serial HEX" or "key id HEX" */
    int64_t made;                         /* microseconds, as the signature says, or TIMESTAMP_NONE */
    char hash[24], algorithm[24];         /* "SHA256"; "RSA", "RSA-PSS", "ECDSA", "EdDSA", "DSA"; "" where unknown */
    enum smime_key_now key_now;           /* the certificate at `now`, whatever it was then */
    bool takes_gcm;                       /* the signed attributes name AES-256-GCM among what the signer can open */
    char text[SMIME_TEXT_SIZE];           /* why it is not good; "" for GOOD and BAD */
};

struct smime_signatures {
    struct smime_signature items[SMIME_SIGNATURES_MAX];
    size_t count; /* 0: nobody signed (no signerInfos). More than SMIME_SIGNATURES_MAX: one item with SMIME_ERROR */
};
void smime_signatures_clear(struct smime_signatures *signatures);

/*
 * Checks application/pkcs7-signature (DER or BER) over bytes as they were signed (MIME entity with CRLF). now: the moment for key_now
 * and for signatures without a signing time. true says only that it was looked at; what cannot be read at all, brings a content of its own,
 * or too many signers or certificates, is SMIME_ERROR. out must be cleared in the end, also after false (more than 2 GiB: ERR_LIMIT).
 * Whoever shows a message as signed wants every item good, and the sender's address in certificate.addresses or in the pin.
 */
bool smime_verify_detached(struct smime *smime, const void *bytes, size_t size, const void *cms, size_t cms_size, int64_t now,
                           struct smime_signatures *out, struct err *err) MUST_CHECK;

/* As above for signed-data that holds its content (application/pkcs7-mime): content gets the MIME entity that is signed, also where the
 * signatures are bad. ERR_INPUT: no signed-data, or without content. ERR_LIMIT: content is too small for it. */
bool smime_verify_opaque(struct smime *smime, const void *cms, size_t cms_size, int64_t now, struct buf *content,
                         struct smime_signatures *out, struct err *err) MUST_CHECK;

/* Would a signature of this certificate (DER or PEM), made now, be good? GOOD, UNKNOWN_KEY (no path), EXPIRED_KEY, REVOKED_KEY, ERROR; text
 * tells why not. */
bool smime_check_certificate(struct smime *smime, const void *bytes, size_t size, int64_t now, enum smime_status *status,
                             char text[SMIME_TEXT_SIZE], struct err *err) MUST_CHECK;

/* --- opening --- */

enum smime_kind { SMIME_SIGNED, SMIME_ENVELOPED, SMIME_AUTH_ENVELOPED, SMIME_COMPRESSED, SMIME_CERTS_ONLY, SMIME_OTHER };
const char *smime_kind_name(enum smime_kind kind); /* as the smime-type parameter: "signed-data", ...; "other" */

/* What a CMS object is, whatever its Content-Type said. ERR_INPUT where it is none. */
bool smime_kind_of(const void *cms, size_t size, enum smime_kind *kind, struct err *err) MUST_CHECK;

struct smime_opened {
    char needed[SMIME_RECIPIENTS_MAX][2 * SMIME_NAME_SIZE]; /* whom it is encrypted to: "ISSUER, serial HEX" or "key id HEX" */
    size_t needed_count;
    char fingerprint[SMIME_FINGERPRINT_SIZE]; /* the own certificate it was opened with, or "" */
    bool has_integrity;                       /* authEnveloped-data; enveloped-data (CBC) can be changed on its way (EFAIL) */
};

/*
 * Opens enveloped-data or authEnveloped-data into clear (a buf with its maximum; on failure it is emptied). Nothing comes out before all
 * of it was decrypted and the tag checked. ERR_NOT_FOUND: no secret key for it, see out->needed. ERR_INPUT: broken, in one and the same
 * words whatever was wrong with key or padding (RFC 3218). ERR_LIMIT: larger than clear may hold. out is filled in any case.
 */
bool smime_decrypt(struct smime *smime, const void *cms, size_t size, struct buf *clear, struct smime_opened *out,
                   struct err *err) MUST_CHECK;

/* Inflates compressed-data (RFC 3274) into clear. ERR_INPUT where it is broken, ERR_LIMIT where it is larger than clear may hold. */
bool smime_uncompress(const void *cms, size_t size, struct buf *clear, struct err *err) MUST_CHECK;

/* --- signing and sealing --- */

/* Signs with the own certificate of that fingerprint: detached signed-data, DER. micalg: for Content-Type ("sha-256"). ERR_NOT_FOUND: no
 * such certificate, or it cannot be used now. */
bool smime_sign_detached(struct smime *smime, const char *fingerprint, const void *bytes, size_t size, struct buf *cms, char micalg[24],
                         struct err *err) MUST_CHECK;

struct smime_recipient {
    const void *certificate; /* DER or PEM */
    size_t size;
    bool takes_gcm; /* known from a signature of its owner; the certificate's own word counts as well */
};

/*
 * Encrypts to all recipients, DER. AES-256-GCM (authEnveloped-data) where each of them is known to take it; else AES-256-CBC
 * (enveloped-data), because Outlook and Thunderbird cannot open the other. To sign and encrypt: sign first, encrypt the multipart/signed.
 * ERR_NOT_FOUND names the first certificate that cannot be used (expired, revoked, not for encryption): nothing is written then. *kind
 * becomes SMIME_ENVELOPED or SMIME_AUTH_ENVELOPED.
 */
bool smime_encrypt(struct smime *smime, const struct smime_recipient *recipients, size_t recipient_count, const void *bytes, size_t size,
                   int64_t now, struct buf *cms, enum smime_kind *kind, struct err *err) MUST_CHECK;

#endif
