/* crypto/smime_context.h - what the files of smime share; nobody else includes it. */
#ifndef CIRT_CRYPTO_SMIME_CONTEXT_H
#define CIRT_CRYPTO_SMIME_CONTEXT_H

#include <openssl/cms.h>
#include <openssl/x509_vfy.h>

#include "crypto/smime.h"

struct smime_key {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* what stood behind the certificate in its file */
    struct smime_certificate facts;
};

struct smime {
    char *ca_file, *crl_file, *identity_dir;
    X509_STORE *store;
    STACK_OF(X509) * known;
    struct smime_key *keys;
    size_t key_count, key_capacity;
    char warning[512];
};

/* --- smime.c --- */

/* The last OpenSSL error as text; empties the queue. */
const char *smime_reason(void);
/* The own key of that fingerprint, or NULL. */
const struct smime_key *smime_find_key(const struct smime *smime, const char *fingerprint);
/* DER or BER; trailing bytes are not looked at. NULL, with the queue emptied, where it is no CMS object. */
CMS_ContentInfo *smime_parse(const void *cms, size_t size);
/* The object in DER behind what stands in out. */
bool smime_write(const CMS_ContentInfo *object, struct buf *out, struct err *err) MUST_CHECK;

/* --- smime_certificate.c --- */

int64_t smime_moment(const ASN1_TIME *time); /* TIMESTAMP_NONE where unreadable */
void smime_facts(X509 *certificate, struct smime_certificate *out);
X509 *smime_certificate_parse(const void *bytes, size_t size, struct err *err);
/* "ISSUER, serial HEX" or "key id HEX"; issuer may be NULL where key_id is not. */
void smime_name_key(const X509_NAME *issuer, const ASN1_INTEGER *serial, const ASN1_OCTET_STRING *key_id, char *out, size_t out_size);
/* True where DER-encoded AlgorithmIdentifiers (a SEQUENCE OF them) name AES-256-GCM. */
bool smime_capabilities_take_gcm(const ASN1_STRING *capabilities);

/* --- smime_chain.c --- */

/* What is to say of a certificate at a moment. */
struct smime_trust {
    bool has_chain, is_revoked;
    bool has_ended, ca_has_ended, is_not_yet_valid;
    char why_no_chain[SMIME_TEXT_SIZE];
};

/* extra: certificates that came along, not trusted; may be NULL. */
void smime_judge_certificate(struct smime *smime, X509 *certificate, STACK_OF(X509) * extra, int64_t at, struct smime_trust *out);
/* Why a signature of this certificate's key is not to be counted, or NULL: key too short, no key for signing mail. */
const char *smime_unfit_to_sign(X509 *certificate);

#endif
