/* Signing and encrypting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/timestamp.h"
#include "crypto/smime_context.h"

/* DER of a SET is sorted. */
ASN1_ITEM_TEMPLATE(made_attributes) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, made_attributes, X509_ATTRIBUTE)
                                          static_ASN1_ITEM_TEMPLATE_END(made_attributes)

                                      /* --- signing --- */

                                      static const EVP_MD
                                      * digest_for(EVP_PKEY * key, char micalg[24])
{
    int bits = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? EVP_PKEY_get_bits(key) : 0;
    bool is_eddsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519; /* RFC 8419 section 3.1: SHA-512 */
    const char *name = is_eddsa || bits > 384 ? "sha-512" : bits > 256 ? "sha-384" : "sha-256";
    snprintf(micalg, 24, "%s", name);
    return is_eddsa || bits > 384 ? EVP_sha512() : bits > 256 ? EVP_sha384() : EVP_sha256();
}

/* What we can open, so that answers come as well protected as we can read. */
static bool add_capabilities(CMS_SignerInfo *signer)
{
    static const int ciphers[] = {NID_aes_256_gcm, NID_aes_128_gcm, NID_aes_256_cbc, NID_aes_128_cbc};
    STACK_OF(X509_ALGOR) *list = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof ciphers / sizeof ciphers[0]; i++)
        ok = CMS_add_simple_smimecap(&list, ciphers[i], -1) == 1;
    ok = ok && CMS_add_smimecap(signer, list) == 1;
    sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
    return ok;
}

static bool sign_attributes(CMS_SignerInfo *signer, EVP_PKEY *key)
{
    X509_ALGOR *algorithm = NULL;
    unsigned char *bytes = NULL, signature[128];
    size_t size = sizeof signature;
    STACK_OF(X509_ATTRIBUTE) *attributes = sk_X509_ATTRIBUTE_new_null();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    for (int i = 0; i < CMS_signed_get_attr_count(signer); i++)
        sk_X509_ATTRIBUTE_push(attributes, CMS_signed_get_attr(signer, i));
    int bytes_size = ASN1_item_i2d((ASN1_VALUE *)attributes, &bytes, ASN1_ITEM_rptr(made_attributes));
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, NULL, &algorithm);
    bool ok = bytes_size > 0 && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &size, bytes, (size_t)bytes_size) == 1 &&
              ASN1_STRING_set(CMS_SignerInfo_get0_signature(signer), signature, (int)size) == 1 &&
              X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(bytes);
    sk_X509_ATTRIBUTE_free(attributes);
    return ok;
}

/* RFC 8419 by hand: CMS_final() of OpenSSL 3.0 cannot sign with Ed25519. */
static bool finish_eddsa(CMS_SignerInfo *signer, EVP_PKEY *key, const EVP_MD *digest, const void *bytes, size_t size)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_size = 0;
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    bool ok = now && EVP_Digest(bytes, size, hash, &hash_size, digest, NULL) == 1 &&
              CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_contentType, V_ASN1_OBJECT, OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
              CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, hash, (int)hash_size) == 1 &&
              CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, now->type, now, -1) == 1 && sign_attributes(signer, key);
    ASN1_TIME_free(now);
    return ok;
}

static bool finish(CMS_ContentInfo *object, const void *bytes, size_t size)
{
    BIO *content = BIO_new_mem_buf(bytes, (int)size);
    bool ok = content && CMS_final(object, content, NULL, CMS_BINARY | CMS_DETACHED) == 1;
    BIO_free(content);
    return ok;
}

static bool make_signature(const struct smime_key *own, const void *bytes, size_t size, struct buf *out, char micalg[24], struct err *err)
{
    const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_PARTIAL;
    const EVP_MD *digest = digest_for(own->key, micalg);
    CMS_ContentInfo *object = CMS_sign(NULL, NULL, own->chain, NULL, flags);
    CMS_SignerInfo *signer =
        object ? CMS_add1_signer(object, own->certificate, own->key, digest, flags | CMS_NOSMIMECAP | CMS_CADES) : NULL;
    bool is_eddsa = EVP_PKEY_get_base_id(own->key) == EVP_PKEY_ED25519;
    bool ok = signer && add_capabilities(signer) &&
              (is_eddsa ? finish_eddsa(signer, own->key, digest, bytes, size) : finish(object, bytes, size));
    ok = ok ? smime_write(object, out, err) : err_set(err, ERR_INTERNAL, "OpenSSL cannot sign: %s", smime_reason());
    CMS_ContentInfo_free(object);
    ERR_clear_error();
    return ok;
}

/* Dates and revocation; whether there is a path to a CA is its readers' matter. */
static const char *unfit_now(struct smime *smime, X509 *certificate, int64_t now)
{
    struct smime_trust trust;
    smime_judge_certificate(smime, certificate, NULL, now, &trust);
    if (trust.is_revoked)
        return "it is revoked";
    if (trust.has_ended)
        return "it has ended";
    return trust.is_not_yet_valid ? "it is not valid yet" : NULL;
}

bool smime_sign_detached(struct smime *smime, const char *fingerprint, const void *bytes, size_t size, struct buf *cms, char micalg[24],
                         struct err *err)
{
    const struct smime_key *own = smime_find_key(smime, fingerprint);
    if (!own)
        return err_set(err, ERR_NOT_FOUND, "no own certificate %s", fingerprint);
    const char *unfit = smime_unfit_to_sign(own->certificate);
    if (!unfit)
        unfit = unfit_now(smime, own->certificate, timestamp_now());
    if (unfit)
        return err_set(err, ERR_NOT_FOUND, "the certificate %s cannot sign: %s", fingerprint, unfit);
    if (size > INT32_MAX)
        return err_set(err, ERR_LIMIT, "more than 2 GiB");
    return make_signature(own, bytes, size, cms, micalg, err);
}

/* --- encrypting --- */

/* A certificate that may be encrypted to now; the caller frees it. */
static X509 *usable_recipient(struct smime *smime, const struct smime_recipient *recipient, int64_t now, bool *takes_gcm, struct err *err)
{
    struct smime_certificate facts;
    X509 *certificate = smime_certificate_parse(recipient->certificate, recipient->size, err);
    if (!certificate)
        return NULL;
    smime_facts(certificate, &facts);
    const char *unfit = facts.can_encrypt ? unfit_now(smime, certificate, now) : "it is not for encrypting mail (key or keyUsage)";
    *takes_gcm = *takes_gcm && (recipient->takes_gcm || facts.takes_gcm);
    if (unfit) {
        err_set(err, ERR_NOT_FOUND, "the certificate %s (%s) cannot be used: %s", facts.fingerprint, facts.subject, unfit);
        X509_free(certificate);
        certificate = NULL;
    }
    smime_certificate_clear(&facts);
    return certificate;
}

static bool usable_recipients(struct smime *smime, const struct smime_recipient *recipients, size_t count, int64_t now,
                              STACK_OF(X509) * out, bool *takes_gcm, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        X509 *certificate = usable_recipient(smime, &recipients[i], now, takes_gcm, err);
        if (!certificate)
            return false;
        if (sk_X509_push(out, certificate) <= 0) {
            X509_free(certificate);
            return err_set(err, ERR_INTERNAL, "no memory for a certificate");
        }
    }
    return true;
}

/* RSA goes as PKCS #1 v1.5, which is all that many readers open; ECDH with SHA-256 in place of OpenSSL's SHA-1. */
static bool add_recipient(CMS_ContentInfo *object, X509 *certificate)
{
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(object, certificate, CMS_KEY_PARAM);
    if (!recipient || CMS_RecipientInfo_type(recipient) != CMS_RECIPINFO_AGREE)
        return recipient != NULL;
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
    return context && EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
}

static bool make_envelope(STACK_OF(X509) * recipients, bool takes_gcm, const void *bytes, size_t size, struct buf *out, struct err *err)
{
    BIO *content = BIO_new_mem_buf(bytes, (int)size);
    CMS_ContentInfo *object = CMS_encrypt(NULL, NULL, takes_gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc(), CMS_BINARY | CMS_PARTIAL);
    bool ok = content && object;
    for (int i = 0; ok && i < sk_X509_num(recipients); i++)
        ok = add_recipient(object, sk_X509_value(recipients, i));
    ok = ok && CMS_final(object, content, NULL, CMS_BINARY) == 1;
    ok = ok ? smime_write(object, out, err) : err_set(err, ERR_INTERNAL, "OpenSSL cannot encrypt: %s", smime_reason());
    CMS_ContentInfo_free(object);
    BIO_free(content);
    ERR_clear_error();
    return ok;
}

bool smime_encrypt(struct smime *smime, const struct smime_recipient *recipients, size_t recipient_count, const void *bytes, size_t size,
                   int64_t now, struct buf *cms, enum smime_kind *kind, struct err *err)
{
    bool takes_gcm = true;
    if (recipient_count == 0 || recipient_count > SMIME_RECIPIENTS_MAX)
        return err_set(err, ERR_LIMIT, "between 1 and %d recipients, not %zu", SMIME_RECIPIENTS_MAX, recipient_count);
    if (size > INT32_MAX)
        return err_set(err, ERR_LIMIT, "more than 2 GiB");
    STACK_OF(X509) *certificates = sk_X509_new_null();
    bool ok = usable_recipients(smime, recipients, recipient_count, now, certificates, &takes_gcm, err) &&
              make_envelope(certificates, takes_gcm, bytes, size, cms, err);
    *kind = takes_gcm ? SMIME_AUTH_ENVELOPED : SMIME_ENVELOPED;
    sk_X509_pop_free(certificates, X509_free);
    return ok;
}
