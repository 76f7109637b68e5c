/* Signatures: one signerInfo after the other, since CMS_verify() tells only of all together. */
#include <stdio.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "crypto/smime_context.h"

/* What is being checked. */
struct check {
    struct smime *smime;
    CMS_ContentInfo *object;
    STACK_OF(X509) * certificates; /* that came along */
    const unsigned char *bytes;    /* what is signed */
    size_t size;
    int64_t now;
};

/* The attributes as they were hashed: a SET in the order received, as OpenSSL itself takes them for verifying. */
ASN1_ITEM_TEMPLATE(received_attributes) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF | ASN1_TFLG_IMPTAG | ASN1_TFLG_UNIVERSAL, V_ASN1_SET,
                                                                received_attributes, X509_ATTRIBUTE)
    static_ASN1_ITEM_TEMPLATE_END(received_attributes)

        static void refuse(struct smime_signature * out, const char *text)
{
    out->status = SMIME_ERROR;
    snprintf(out->text, sizeof out->text, "%s", text);
}

/* --- what the signature says --- */

static const ASN1_STRING *attribute(const CMS_SignerInfo *signer, int nid, int type)
{
    return CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(nid), -3, type);
}

static int64_t signing_time(const CMS_SignerInfo *signer)
{
    const ASN1_TIME *time = attribute(signer, NID_pkcs9_signingTime, V_ASN1_UTCTIME);
    if (!time)
        time = attribute(signer, NID_pkcs9_signingTime, V_ASN1_GENERALIZEDTIME);
    return smime_moment(time);
}

static const char *algorithm_name(int nid)
{
    int digest, key;
    if (OBJ_find_sigid_algs(nid, &digest, &key) == 1)
        nid = key == NID_undef ? nid : key;
    switch (nid) {
    case NID_rsaEncryption:
        return "RSA";
    case NID_rsassaPss:
        return "RSA-PSS";
    case NID_X9_62_id_ecPublicKey:
        return "ECDSA";
    case NID_ED25519:
        return "EdDSA";
    case NID_dsa:
    case NID_dsa_2:
        return "DSA";
    default:
        return "";
    }
}

static bool is_weak(int digest)
{
    return digest == NID_sha1 || digest == NID_md5 || digest == NID_md2 || digest == NID_md4 || digest == NID_ripemd160 ||
           digest == NID_mdc2 || digest == NID_sha;
}

static bool is_strong(int digest)
{
    return digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512 || digest == NID_sha224 || digest == NID_sha512_256 ||
           digest == NID_sha3_256 || digest == NID_sha3_384 || digest == NID_sha3_512;
}

static int digest_of(CMS_SignerInfo *signer)
{
    X509_ALGOR *digest = NULL;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
    return digest ? OBJ_obj2nid(digest->algorithm) : NID_undef;
}

static void describe(CMS_SignerInfo *signer, struct smime_signature *out)
{
    X509_ALGOR *algorithm = NULL;
    ASN1_OCTET_STRING *key_id = NULL;
    X509_NAME *issuer = NULL;
    ASN1_INTEGER *serial = NULL;
    *out = (struct smime_signature){.status = SMIME_ERROR, .made = signing_time(signer)};
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, NULL, &algorithm);
    int digest = digest_of(signer);
    if (digest != NID_undef)
        snprintf(out->hash, sizeof out->hash, "%s", OBJ_nid2sn(digest));
    if (algorithm)
        snprintf(out->algorithm, sizeof out->algorithm, "%s", algorithm_name(OBJ_obj2nid(algorithm->algorithm)));
    if (CMS_SignerInfo_get0_signer_id(signer, &key_id, &issuer, &serial) == 1)
        smime_name_key(issuer, serial, key_id, out->signer, sizeof out->signer);
    const ASN1_STRING *capabilities = attribute(signer, NID_SMIMECapabilities, V_ASN1_SEQUENCE);
    out->takes_gcm = capabilities && smime_capabilities_take_gcm(capabilities);
}

/* --- the arithmetic --- */

enum sum { SUM_RIGHT, SUM_WRONG, SUM_IMPOSSIBLE };

static bool content_digest(const struct check *check, const EVP_MD *digest, unsigned char out[EVP_MAX_MD_SIZE], unsigned *size)
{
    return EVP_Digest(check->bytes, check->size, out, size, digest, NULL) == 1;
}

/* RFC 5652 section 11.1 and 11.2: the attributes are about this content, and about its type. */
static enum sum attributes_match(const struct check *check, CMS_SignerInfo *signer)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const ASN1_STRING *said = attribute(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
    const ASN1_OBJECT *type = CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
    const EVP_MD *algorithm = EVP_get_digestbynid(digest_of(signer));
    if (!said || !type || !algorithm || !content_digest(check, algorithm, digest, &size))
        return SUM_IMPOSSIBLE;
    if (OBJ_cmp(type, CMS_get0_eContentType(check->object)) != 0)
        return SUM_WRONG;
    return ASN1_STRING_length(said) == (int)size && memcmp(ASN1_STRING_get0_data(said), digest, size) == 0 ? SUM_RIGHT : SUM_WRONG;
}

/* RFC 8419. OpenSSL 3.0 has the algorithm, but CMS without it. */
static enum sum eddsa_over(EVP_PKEY *key, CMS_SignerInfo *signer, const unsigned char *bytes, size_t size)
{
    const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(signer);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    enum sum sum = SUM_IMPOSSIBLE;
    if (context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1)
        sum = EVP_DigestVerify(context, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), bytes, size) == 1
                  ? SUM_RIGHT
                  : SUM_WRONG;
    EVP_MD_CTX_free(context);
    return sum;
}

static enum sum eddsa_over_attributes(EVP_PKEY *key, CMS_SignerInfo *signer)
{
    STACK_OF(X509_ATTRIBUTE) *attributes = sk_X509_ATTRIBUTE_new_null();
    unsigned char *bytes = NULL;
    for (int i = 0; i < CMS_signed_get_attr_count(signer); i++)
        sk_X509_ATTRIBUTE_push(attributes, CMS_signed_get_attr(signer, i));
    int size = ASN1_item_i2d((ASN1_VALUE *)attributes, &bytes, ASN1_ITEM_rptr(received_attributes));
    enum sum sum = size > 0 ? eddsa_over(key, signer, bytes, (size_t)size) : SUM_IMPOSSIBLE;
    OPENSSL_free(bytes);
    sk_X509_ATTRIBUTE_free(attributes);
    return sum;
}

static enum sum outcome(int result)
{
    /* A signature that is no number, or too short a one, is as wrong as another. */
    bool is_wrong = result == 0 || ERR_GET_REASON(ERR_peek_last_error()) == CMS_R_VERIFICATION_FAILURE;
    ERR_clear_error();
    return result == 1 ? SUM_RIGHT : is_wrong ? SUM_WRONG : SUM_IMPOSSIBLE;
}

/* Without signed attributes the signature is over the content itself. Of the hashes that the object announces only the signer's is made:
 * CMS_dataInit() would make them all, a hundred thousand if somebody likes. */
static enum sum signs_content(const struct check *check, CMS_SignerInfo *signer)
{
    const EVP_MD *algorithm = EVP_get_digestbynid(digest_of(signer));
    BIO *content = BIO_new_mem_buf(check->bytes, (int)check->size), *hash = BIO_new(BIO_f_md());
    enum sum sum = SUM_IMPOSSIBLE;
    char part[4096];
    if (algorithm && content && hash && BIO_set_md(hash, algorithm) == 1) {
        BIO_push(hash, content);
        while (BIO_read(hash, part, sizeof part) > 0)
            ;
        sum = outcome(CMS_SignerInfo_verify_content(signer, hash));
    }
    BIO_free(hash);
    BIO_free(content);
    return sum;
}

/* A signature with attributes is one over their DER: without this, its owner could be shown as having signed those bytes as content. */
static bool looks_like_attributes(const struct check *check)
{
    const unsigned char *at = check->bytes;
    if (check->size == 0 || check->bytes[0] != (V_ASN1_SET | V_ASN1_CONSTRUCTED))
        return false;
    STACK_OF(X509_ATTRIBUTE) *found =
        (STACK_OF(X509_ATTRIBUTE) *)ASN1_item_d2i(NULL, &at, (long)check->size, ASN1_ITEM_rptr(received_attributes));
    bool is_one = found != NULL;
    sk_X509_ATTRIBUTE_pop_free(found, X509_ATTRIBUTE_free);
    ERR_clear_error();
    return is_one;
}

static enum sum verify_with(const struct check *check, CMS_SignerInfo *signer, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (!key)
        return SUM_IMPOSSIBLE;
    bool is_eddsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    CMS_SignerInfo_set1_signer_cert(signer, certificate);
    if (CMS_signed_get_attr_count(signer) < 0) {
        if (looks_like_attributes(check))
            return SUM_IMPOSSIBLE;
        return is_eddsa ? eddsa_over(key, signer, check->bytes, check->size) : signs_content(check, signer);
    }
    enum sum sum = attributes_match(check, signer);
    if (sum == SUM_RIGHT)
        sum = is_eddsa ? eddsa_over_attributes(key, signer) : outcome(CMS_SignerInfo_verify(signer));
    return sum;
}

/* --- the certificate --- */

/* RFC 5035: where the signed attributes name the certificate by its hash, no other one with the same key will do. */
static bool is_named_certificate(const CMS_SignerInfo *signer, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const EVP_MD *algorithm = EVP_sha256();
    const ASN1_STRING *named = attribute(signer, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE);
    if (!named)
        return true;
    const unsigned char *at = ASN1_STRING_get0_data(named), *end = at + ASN1_STRING_length(named);
    long length = 0;
    int tag = 0, class = 0;
    /* SEQUENCE { certs SEQUENCE OF ESSCertIDv2 { [hashAlgorithm,] certHash, ... } }: the first one is the signer's. */
    for (int depth = 0; depth < 3; depth++)
        if (ASN1_get_object(&at, &length, &tag, &class, end - at) & 0x80 || tag != V_ASN1_SEQUENCE)
            return false;
    if (at < end && *at == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED)) {
        X509_ALGOR *hash = d2i_X509_ALGOR(NULL, &at, end - at);
        algorithm = hash ? EVP_get_digestbyobj(hash->algorithm) : NULL;
        X509_ALGOR_free(hash);
    }
    if (!algorithm || at >= end || ASN1_get_object(&at, &length, &tag, &class, end - at) & 0x80 || tag != V_ASN1_OCTET_STRING)
        return false;
    return X509_digest(certificate, algorithm, digest, &size) == 1 && length == (long)size && memcmp(at, digest, size) == 0;
}

/* Several certificates may bear the name: the one whose key made the signature counts. */
static X509 *find_in(const struct check *check, STACK_OF(X509) * among, CMS_SignerInfo *signer, enum sum *sum)
{
    X509 *first = NULL;
    for (int i = 0; i < sk_X509_num(among); i++) {
        X509 *certificate = sk_X509_value(among, i);
        if (CMS_SignerInfo_cert_cmp(signer, certificate) != 0)
            continue;
        enum sum found = verify_with(check, signer, certificate);
        if (found == SUM_RIGHT && !is_named_certificate(signer, certificate))
            found = SUM_WRONG;
        if (found == SUM_RIGHT || !first) {
            *sum = found;
            first = certificate;
        }
        if (found == SUM_RIGHT)
            break;
    }
    return first;
}

/* One path serves both moments: revocation counts whenever it was, and what has ended by now is a matter of the certificate's own date. */
static void judge_certificate(const struct check *check, X509 *certificate, struct smime_signature *out)
{
    struct smime_trust trust;
    /* A signature of tomorrow is one of today with a wrong clock: it must not outlive a certificate by this. */
    bool has_time = out->made != TIMESTAMP_NONE && out->made < check->now;
    smime_judge_certificate(check->smime, certificate, check->certificates, has_time ? out->made : check->now, &trust);
    out->has_chain = trust.has_chain;
    out->key_now = trust.is_revoked                                             ? SMIME_KEY_REVOKED
                   : smime_moment(X509_get0_notAfter(certificate)) < check->now ? SMIME_KEY_EXPIRED
                                                                                : SMIME_KEY_VALID;
    if (out->status != SMIME_GOOD)
        return;
    if (trust.is_revoked) {
        out->status = SMIME_REVOKED_KEY;
        snprintf(out->text, sizeof out->text, "the certificate, or a CA above it, is revoked");
    } else if (trust.has_ended || trust.ca_has_ended) {
        out->status = SMIME_EXPIRED_KEY;
        snprintf(out->text, sizeof out->text, "%s had ended %s", trust.has_ended ? "the certificate" : "a CA above the certificate",
                 has_time ? "when it was signed" : "by now, and the signature has no time");
    } else if (trust.is_not_yet_valid) {
        refuse(out, "signed before the certificate was valid");
    } else {
        out->is_sound = true;
        out->status = trust.has_chain ? SMIME_GOOD : SMIME_UNKNOWN_KEY;
        snprintf(out->text, sizeof out->text, "%s", trust.why_no_chain);
    }
}

static const char *unfit_digest(CMS_SignerInfo *signer)
{
    int digest = digest_of(signer);
    if (is_weak(digest))
        return "made with a hash that is broken (SHA-1, MD5 or older)";
    return is_strong(digest) ? NULL : "made with a hash that is not known here";
}

static void judge_signer(const struct check *check, CMS_SignerInfo *signer, struct smime_signature *out)
{
    enum sum sum = SUM_IMPOSSIBLE;
    describe(signer, out);
    X509 *certificate = find_in(check, check->certificates, signer, &sum);
    if (!certificate)
        certificate = find_in(check, check->smime->known, signer, &sum);
    if (!certificate) {
        out->status = SMIME_UNKNOWN_KEY;
        snprintf(out->text, sizeof out->text, "no certificate of the signer");
        return;
    }
    smime_facts(certificate, &out->certificate);
    const char *unfit = unfit_digest(signer);
    if (!unfit)
        unfit = smime_unfit_to_sign(certificate);
    if (sum == SUM_WRONG)
        out->status = SMIME_BAD;
    else if (unfit)
        refuse(out, unfit);
    else if (sum == SUM_IMPOSSIBLE)
        refuse(out, "the signature is broken or of a kind that is not known here");
    else
        out->status = SMIME_GOOD;
    judge_certificate(check, certificate, out);
}

static void refuse_all(struct smime_signatures *out, const char *text)
{
    if (out->count == 0) {
        out->count = 1;
        out->items[0] = (struct smime_signature){.made = TIMESTAMP_NONE};
    }
    for (size_t i = 0; i < out->count; i++) {
        out->items[i].is_sound = false;
        refuse(&out->items[i], text);
    }
}

static void judge_all(struct check *check, struct smime_signatures *out)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(check->object);
    int count = sk_CMS_SignerInfo_num(signers);
    check->certificates = CMS_get1_certs(check->object);
    if (count > SMIME_SIGNATURES_MAX)
        refuse_all(out, "more than 8 signatures at once");
    else if (sk_X509_num(check->certificates) > SMIME_CERTIFICATES_MAX)
        refuse_all(out, "more than 32 certificates beside the signature");
    else
        for (int i = 0; i < count; i++)
            judge_signer(check, sk_CMS_SignerInfo_value(signers, i), &out->items[out->count++]);
    sk_X509_pop_free(check->certificates, X509_free);
    ERR_clear_error();
}

/* --- the two forms --- */

static bool is_signed_data(const CMS_ContentInfo *object)
{
    return object && OBJ_obj2nid(CMS_get0_type(object)) == NID_pkcs7_signed;
}

/* RFC 8551 section 2.4.2: what S/MIME signs is a MIME entity, called data. */
static bool is_data(const CMS_ContentInfo *object)
{
    return OBJ_obj2nid(CMS_get0_eContentType((CMS_ContentInfo *)object)) == NID_pkcs7_data;
}

bool smime_verify_detached(struct smime *smime, const void *bytes, size_t size, const void *cms, size_t cms_size, int64_t now,
                           struct smime_signatures *out, struct err *err)
{
    out->count = 0;
    if (size > INT32_MAX)
        return err_set(err, ERR_LIMIT, "more than 2 GiB");
    struct check check = {.smime = smime, .object = smime_parse(cms, cms_size), .bytes = bytes, .size = size, .now = now};
    if (!is_signed_data(check.object)) {
        refuse_all(out, "no signature can be read here");
    } else {
        ASN1_OCTET_STRING **content = CMS_get0_content(check.object);
        judge_all(&check, out);
        if (content && *content)
            refuse_all(out, "the signature brings a content of its own beside the one that is shown");
        else if (out->count > 0 && !is_data(check.object))
            refuse_all(out, "something else than a MIME entity is signed");
    }
    CMS_ContentInfo_free(check.object);
    ERR_clear_error();
    return true;
}

static bool verify_content(struct check *check, struct buf *content, struct smime_signatures *out, struct err *err)
{
    ASN1_OCTET_STRING **inner = is_signed_data(check->object) ? CMS_get0_content(check->object) : NULL;
    if (!inner || !*inner)
        return err_set(err, ERR_INPUT, "this is no signed-data with a content, or broken");
    check->bytes = ASN1_STRING_get0_data(*inner);
    check->size = (size_t)ASN1_STRING_length(*inner);
    if (!buf_add(content, check->bytes, check->size))
        return err_set(err, ERR_LIMIT, "the signed content is larger than %zu bytes", content->size_max);
    judge_all(check, out);
    if (out->count > 0 && !is_data(check->object))
        refuse_all(out, "something else than a MIME entity is signed");
    return true;
}

bool smime_verify_opaque(struct smime *smime, const void *cms, size_t cms_size, int64_t now, struct buf *content,
                         struct smime_signatures *out, struct err *err)
{
    struct check check = {.smime = smime, .object = smime_parse(cms, cms_size), .now = now};
    out->count = 0;
    buf_reset(content);
    bool ok = verify_content(&check, content, out, err);
    CMS_ContentInfo_free(check.object);
    ERR_clear_error();
    return ok;
}

void smime_signatures_clear(struct smime_signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++)
        smime_certificate_clear(&signatures->items[i].certificate);
    signatures->count = 0;
}

bool smime_check_certificate(struct smime *smime, const void *bytes, size_t size, int64_t now, enum smime_status *status,
                             char text[SMIME_TEXT_SIZE], struct err *err)
{
    X509 *certificate = smime_certificate_parse(bytes, size, err);
    if (!certificate)
        return false;
    struct check check = {.smime = smime, .now = now};
    struct smime_signature signature = {.status = SMIME_GOOD, .made = TIMESTAMP_NONE};
    const char *unfit = smime_unfit_to_sign(certificate);
    if (unfit)
        refuse(&signature, unfit);
    judge_certificate(&check, certificate, &signature);
    *status = signature.status;
    memcpy(text, signature.text, SMIME_TEXT_SIZE);
    X509_free(certificate);
    return true;
}
