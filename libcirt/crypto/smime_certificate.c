/* What a certificate says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/smime_context.h"

enum { HEX_MAX = (SMIME_FINGERPRINT_SIZE - 1) / 2 };

int64_t smime_moment(const ASN1_TIME *time)
{
    struct tm parts;
    return time && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) * TIMESTAMP_SECOND : TIMESTAMP_NONE;
}

/* --- text --- */

static void hex_upper(const unsigned char *bytes, size_t size, char *out)
{
    str_hex(bytes, size, out);
    for (; *out; out++)
        if (*out >= 'a' && *out <= 'f')
            *out = (char)(*out - 'a' + 'A');
}

/* Cuts at out_size without cutting a character; "" where it is not UTF-8. */
static void copy_utf8(const char *bytes, size_t size, char *out, size_t out_size)
{
    if (size >= out_size)
        for (size = out_size - 1; size > 0 && ((unsigned char)bytes[size] & 0xC0) == 0x80; size--)
            ;
    if (!str_is_utf8(bytes, size, NULL))
        size = 0;
    memcpy(out, bytes, size);
    out[size] = '\0';
}

static void name_text(const X509_NAME *name, char *out, size_t out_size)
{
    char *bytes = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    out[0] = '\0';
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long size = BIO_get_mem_data(bio, &bytes);
        copy_utf8(bytes, size > 0 ? (size_t)size : 0, out, out_size);
    }
    BIO_free(bio);
}

/* A serial number or a key id. */
static void string_hex(const ASN1_STRING *string, char out[SMIME_FINGERPRINT_SIZE])
{
    int size = string ? ASN1_STRING_length(string) : 0;
    out[0] = '\0';
    if (size > 0)
        hex_upper(ASN1_STRING_get0_data(string), (size_t)size < HEX_MAX ? (size_t)size : HEX_MAX, out);
}

void smime_name_key(const X509_NAME *issuer, const ASN1_INTEGER *serial, const ASN1_OCTET_STRING *key_id, char *out, size_t out_size)
{
    char name[SMIME_NAME_SIZE], hex[SMIME_FINGERPRINT_SIZE];
    string_hex(issuer ? serial : key_id, hex);
    if (issuer) {
        name_text(issuer, name, sizeof name);
        snprintf(out, out_size, "%s, serial %s", name, hex);
    } else {
        snprintf(out, out_size, "key id %s", hex);
    }
}

/* --- addresses --- */

/* Control characters, blanks and angle brackets have no place in an address that is compared and shown. */
static bool is_address(const char *bytes, size_t size)
{
    size_t ats = 0;
    if (size == 0 || size >= SMIME_ADDRESS_SIZE || !str_is_utf8(bytes, size, NULL))
        return false;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)bytes[i] <= ' ' || bytes[i] == 0x7F || strchr("<>()\",;", bytes[i]))
            return false;
        ats += bytes[i] == '@';
    }
    return ats == 1 && bytes[0] != '@' && bytes[size - 1] != '@';
}

static void add_address(const ASN1_STRING *text, struct smime_certificate *out)
{
    const char *bytes = (const char *)ASN1_STRING_get0_data(text);
    size_t size = (size_t)ASN1_STRING_length(text);
    char address[SMIME_ADDRESS_SIZE];
    if (out->address_count == SMIME_ADDRESSES_MAX || !is_address(bytes, size))
        return;
    memcpy(address, bytes, size);
    address[size] = '\0';
    str_lower(address);
    for (size_t i = 0; i < out->address_count; i++)
        if (strcmp(out->addresses[i], address) == 0)
            return;
    strcpy(out->addresses[out->address_count++], address);
}

static void add_alternative_names(X509 *certificate, struct smime_certificate *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_EMAIL)
            add_address(name->d.rfc822Name, out);
        else if (name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == NID_id_on_SmtpUTF8Mailbox &&
                 name->d.otherName->value->type == V_ASN1_UTF8STRING)
            add_address(name->d.otherName->value->value.utf8string, out);
    }
    GENERAL_NAMES_free(names);
}

static void add_subject_addresses(X509 *certificate, struct smime_certificate *out)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0) {
        const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        if (ASN1_STRING_type(text) == V_ASN1_IA5STRING || ASN1_STRING_type(text) == V_ASN1_UTF8STRING)
            add_address(text, out);
    }
}

/* --- use --- */

static void algorithm_text(EVP_PKEY *key, char out[24])
{
    char curve[24];
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        snprintf(out, 24, "RSA %d", EVP_PKEY_get_bits(key));
        return;
    case EVP_PKEY_EC: {
        const char *nist = NULL;
        if (EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1)
            nist = EC_curve_nid2nist(OBJ_sn2nid(curve));
        else
            snprintf(curve, sizeof curve, "?");
        snprintf(out, 24, "EC %.20s", nist ? nist : curve);
        return;
    }
    case EVP_PKEY_DSA:
        snprintf(out, 24, "DSA %d", EVP_PKEY_get_bits(key));
        return;
    case EVP_PKEY_ED25519:
        strcpy(out, "Ed25519");
        return;
    case EVP_PKEY_X25519:
        strcpy(out, "X25519");
        return;
    default:
        strcpy(out, "?");
    }
}

static bool may_encrypt(X509 *certificate, EVP_PKEY *key)
{
    uint32_t usage = X509_get_key_usage(certificate), extended = X509_get_extended_key_usage(certificate);
    uint32_t needed = 0;
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        needed = KU_KEY_ENCIPHERMENT;
    else if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        needed = KU_KEY_AGREEMENT;
    /* Both are all ones where the extension is absent. */
    return (usage & needed) != 0 && (extended & (XKU_SMIME | XKU_ANYEKU)) != 0;
}

bool smime_capabilities_take_gcm(const ASN1_STRING *capabilities)
{
    const unsigned char *at = ASN1_STRING_get0_data(capabilities);
    X509_ALGORS *list = d2i_X509_ALGORS(NULL, &at, ASN1_STRING_length(capabilities));
    bool found = false;
    for (int i = 0; i < sk_X509_ALGOR_num(list); i++)
        found = found || OBJ_obj2nid(sk_X509_ALGOR_value(list, i)->algorithm) == NID_aes_256_gcm;
    sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
    return found;
}

static bool says_gcm(const X509 *certificate)
{
    int at = X509_get_ext_by_NID(certificate, NID_SMIMECapabilities, -1);
    return at >= 0 && smime_capabilities_take_gcm(X509_EXTENSION_get_data(X509_get_ext(certificate, at)));
}

void smime_facts(X509 *certificate, struct smime_certificate *out)
{
    unsigned char digest[32];
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    *out = (struct smime_certificate){.not_before = smime_moment(X509_get0_notBefore(certificate)),
                                      .not_after = smime_moment(X509_get0_notAfter(certificate))};
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size > 0) {
        out->der = mem_calloc(1, (size_t)size);
        out->der_size = (size_t)size;
        memcpy(out->der, der, (size_t)size);
        if (EVP_Digest(der, (size_t)size, digest, NULL, EVP_sha256(), NULL) == 1)
            hex_upper(digest, sizeof digest, out->fingerprint);
    }
    OPENSSL_free(der);
    name_text(X509_get_subject_name(certificate), out->subject, sizeof out->subject);
    name_text(X509_get_issuer_name(certificate), out->issuer, sizeof out->issuer);
    string_hex(X509_get0_serialNumber(certificate), out->serial);
    string_hex(X509_get0_subject_key_id(certificate), out->key_id);
    add_alternative_names(certificate, out);
    add_subject_addresses(certificate, out);
    algorithm_text(key, out->algorithm);
    out->can_sign = smime_unfit_to_sign(certificate) == NULL;
    out->can_encrypt = may_encrypt(certificate, key);
    out->takes_gcm = says_gcm(certificate);
    ERR_clear_error();
}

/* --- reading --- */

void smime_certificate_clear(struct smime_certificate *certificate)
{
    free(certificate->der);
    *certificate = (struct smime_certificate){.not_before = TIMESTAMP_NONE, .not_after = TIMESTAMP_NONE};
}

void smime_certificates_clear(struct smime_certificates *certificates)
{
    for (size_t i = 0; i < certificates->count; i++)
        smime_certificate_clear(&certificates->items[i]);
    certificates->count = 0;
}

static bool has_pem(const void *bytes, size_t size)
{
    static const char mark[] = "-----BEGIN ";
    return memmem(bytes, size, mark, sizeof mark - 1) != NULL;
}

/* No certificate of a PEM text is encrypted; and nothing here may stop to ask a terminal. */
static int no_pass_phrase(char *text, int size, int writing, void *owner)
{
    UNUSED(text);
    UNUSED(size);
    UNUSED(writing);
    UNUSED(owner);
    return 0;
}

static BIO *memory(const void *bytes, size_t size)
{
    return size > 0 && size <= INT32_MAX ? BIO_new_mem_buf(bytes, (int)size) : NULL;
}

X509 *smime_certificate_parse(const void *bytes, size_t size, struct err *err)
{
    X509 *certificate = NULL;
    if (has_pem(bytes, size)) {
        BIO *bio = memory(bytes, size);
        certificate = bio ? PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL) : NULL;
        BIO_free(bio);
    } else {
        const unsigned char *at = bytes;
        certificate = size > 0 && size <= INT32_MAX ? d2i_X509(NULL, &at, (long)size) : NULL;
    }
    if (!certificate)
        err_set(err, ERR_INPUT, "this holds no certificate that can be read: %s", smime_reason());
    ERR_clear_error();
    return certificate;
}

bool smime_certificate_read(const void *bytes, size_t size, struct smime_certificate *out, struct err *err)
{
    *out = (struct smime_certificate){.not_before = TIMESTAMP_NONE, .not_after = TIMESTAMP_NONE};
    X509 *certificate = smime_certificate_parse(bytes, size, err);
    if (!certificate)
        return false;
    smime_facts(certificate, out);
    X509_free(certificate);
    return true;
}

static bool add_certificate(struct smime_certificates *out, X509 *certificate, struct err *err)
{
    if (out->count == SMIME_CERTIFICATES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d certificates", SMIME_CERTIFICATES_MAX);
    smime_facts(certificate, &out->items[out->count++]);
    return true;
}

static bool add_all(struct smime_certificates *out, const CMS_ContentInfo *object, struct err *err)
{
    STACK_OF(X509) *certificates = CMS_get1_certs((CMS_ContentInfo *)object);
    bool ok = true;
    for (int i = 0; ok && i < sk_X509_num(certificates); i++)
        ok = add_certificate(out, sk_X509_value(certificates, i), err);
    sk_X509_pop_free(certificates, X509_free);
    return ok;
}

/* One PEM block of any kind; certificates and CMS objects are taken, others passed over. */
static bool add_block(struct smime_certificates *out, const char *name, const unsigned char *bytes, long size, struct err *err)
{
    bool ok = true;
    if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0) {
        X509 *certificate = d2i_X509(NULL, &bytes, size);
        ok = certificate ? add_certificate(out, certificate, err) : true;
        X509_free(certificate);
    } else if (strcmp(name, PEM_STRING_PKCS7) == 0 || strcmp(name, PEM_STRING_CMS) == 0) {
        CMS_ContentInfo *object = smime_parse(bytes, (size_t)size);
        ok = object ? add_all(out, object, err) : true;
        CMS_ContentInfo_free(object);
    }
    return ok;
}

static bool read_pem(struct smime_certificates *out, const void *bytes, size_t size, struct err *err)
{
    char *name, *header;
    unsigned char *data;
    long data_size;
    bool ok = true;
    BIO *bio = memory(bytes, size);
    while (ok && bio && PEM_read_bio(bio, &name, &header, &data, &data_size) == 1) {
        ok = add_block(out, name, data, data_size, err);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free(bio);
    return ok;
}

bool smime_certificates_read(const void *bytes, size_t size, struct smime_certificates *out, struct err *err)
{
    bool ok = true;
    const unsigned char *at = bytes;
    out->count = 0;
    X509 *certificate = NULL;
    CMS_ContentInfo *object = NULL;
    if (has_pem(bytes, size))
        ok = read_pem(out, bytes, size, err);
    else if (size > 0 && size <= INT32_MAX && (certificate = d2i_X509(NULL, &at, (long)size)))
        ok = add_certificate(out, certificate, err);
    else if ((object = smime_parse(bytes, size)))
        ok = add_all(out, object, err);
    X509_free(certificate);
    CMS_ContentInfo_free(object);
    ERR_clear_error();
    if (ok && out->count == 0)
        ok = err_set(err, ERR_INPUT, "this holds no certificate");
    if (!ok)
        smime_certificates_clear(out);
    return ok;
}
