/*
 * tests/support/mail_pki.h - throw-away CAs, mail certificates, CRLs and signatures of every shade, made anew by each test.
 *
 * Everything is made by OpenSSL's own calls, never by the code under test. What fails here aborts the test program.
 */
#ifndef CIRT_TESTS_MAIL_PKI_H
#define CIRT_TESTS_MAIL_PKI_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define MAIL_PKI_DAY (24 * 3600L)

/* A certificate and its key. */
struct mail_id {
    X509 *certificate;
    EVP_PKEY *key;
};

/* What to make; zero is a sensible choice for each but name. */
struct mail_spec {
    const char *name;   /* CN */
    const char *email;  /* emailAddress of the DN */
    const char *san;    /* as in openssl.cnf ("email:a@b.example") */
    const char *usage;  /* keyUsage; NULL: none */
    const char *ext;    /* extendedKeyUsage; NULL: none */
    const char *type;   /* "P-256" when NULL, "P-384", "RSA1024", "RSA2048", "ED25519", "DSA" is not made */
    long from, until;   /* days from today; 0 and 0: -1 and 365 */
    long serial;        /* 0: the next one */
    EVP_PKEY *key;      /* this one instead of a new one */
    const EVP_MD *hash; /* of the issuer's signature; NULL: SHA-256 */
    int is_ca;
};

static inline void mail_pki_must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "mail_pki: %s failed\n", what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static inline EVP_PKEY *mail_pki_key(const char *type)
{
    EVP_PKEY *key;
    if (type && strncmp(type, "RSA", 3) == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(type + 3));
    else if (type && strcmp(type, "ED25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", type ? type : "P-256");
    mail_pki_must(key != NULL, "key");
    return key;
}

static inline void mail_pki_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    if (!value)
        return;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    mail_pki_must(extension && X509_add_ext(certificate, extension, -1), value);
    X509_EXTENSION_free(extension);
}

/* issuer NULL: self-signed. */
static inline struct mail_id mail_pki_make(const struct mail_spec *spec, const struct mail_id *issuer)
{
    static long next = 1000;
    struct mail_id id = {X509_new(), spec->key ? spec->key : mail_pki_key(spec->type)};
    X509_NAME *name = X509_get_subject_name(id.certificate);
    long from = spec->from || spec->until ? spec->from : -1, until = spec->from || spec->until ? spec->until : 365;
    if (spec->key)
        EVP_PKEY_up_ref(spec->key);
    X509_set_version(id.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id.certificate), spec->serial ? spec->serial : next++);
    X509_gmtime_adj(X509_getm_notBefore(id.certificate), from * MAIL_PKI_DAY);
    X509_gmtime_adj(X509_getm_notAfter(id.certificate), until * MAIL_PKI_DAY);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec->name, -1, -1, 0);
    if (spec->email)
        X509_NAME_add_entry_by_txt(name, "emailAddress", V_ASN1_IA5STRING, (const unsigned char *)spec->email, -1, -1, 0);
    X509_set_issuer_name(id.certificate, issuer ? X509_get_subject_name(issuer->certificate) : name);
    X509_set_pubkey(id.certificate, id.key);
    X509 *above = issuer ? issuer->certificate : id.certificate;
    mail_pki_extend(id.certificate, above, NID_subject_key_identifier, "hash");
    mail_pki_extend(id.certificate, above, NID_basic_constraints, spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    mail_pki_extend(id.certificate, above, NID_key_usage, spec->is_ca ? "critical,keyCertSign,cRLSign" : spec->usage);
    mail_pki_extend(id.certificate, above, NID_ext_key_usage, spec->ext);
    mail_pki_extend(id.certificate, above, NID_subject_alt_name, spec->san);
    EVP_PKEY *by = issuer ? issuer->key : id.key;
    const EVP_MD *hash = EVP_PKEY_get_base_id(by) == EVP_PKEY_ED25519 ? NULL : spec->hash ? spec->hash : EVP_sha256();
    mail_pki_must(X509_sign(id.certificate, by, hash) > 0, "sign");
    return id;
}

static inline void mail_pki_free(struct mail_id *id)
{
    X509_free(id->certificate);
    EVP_PKEY_free(id->key);
    id->certificate = NULL;
    id->key = NULL;
}

/* DIR/NAME.crt with chain behind it, DIR/NAME.key. */
static inline void mail_pki_save(const char *dir, const char *name, const struct mail_id *id, X509 *chain)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.crt", dir, name);
    FILE *file = fopen(path, "we");
    mail_pki_must(file && PEM_write_X509(file, id->certificate) && (!chain || PEM_write_X509(file, chain)) && fclose(file) == 0, path);
    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    file = fopen(path, "we");
    mail_pki_must(file && chmod(path, 0600) == 0 && PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL) && fclose(file) == 0,
                  path);
}

static inline void mail_pki_write_pem(const char *path, X509 *const *certificates, size_t count)
{
    FILE *file = fopen(path, "we");
    mail_pki_must(file != NULL, path);
    for (size_t i = 0; i < count; i++)
        mail_pki_must(PEM_write_X509(file, certificates[i]), path);
    fclose(file);
}

/* A CRL of issuer over the serial numbers, to the end of the file at path. days: until its nextUpdate. */
static inline void mail_pki_add_crl(const char *path, const struct mail_id *issuer, const long *serials, size_t count, long days)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -10), *next = X509_gmtime_adj(NULL, days * MAIL_PKI_DAY);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, next);
    for (size_t i = 0; i < count; i++) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        ASN1_INTEGER_set(serial, serials[i]);
        X509_REVOKED_set_serialNumber(entry, serial);
        X509_REVOKED_set_revocationDate(entry, now);
        ASN1_INTEGER_free(serial);
        X509_CRL_add0_revoked(crl, entry);
    }
    X509_CRL_sort(crl);
    mail_pki_must(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0, "CRL");
    FILE *file = fopen(path, "ae");
    mail_pki_must(file && PEM_write_X509_CRL(file, crl) && fclose(file) == 0, path);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
}

/* How to sign; zero is a sensible choice. flags as of CMS_sign() (CMS_NOATTR, CMS_NOCERTS, CMS_CADES ...). */
struct mail_sign {
    const EVP_MD *hash; /* SHA-256 when NULL */
    unsigned flags;
    long made; /* days from today; 0: now */
    int is_opaque;
    X509 *beside; /* a further certificate to put in */
};

/* A CMS signature over bytes, DER; the caller frees it with OPENSSL_free(). ids: one or several signers. */
static inline unsigned char *mail_pki_sign(const struct mail_id *const *ids, size_t count, const void *bytes, size_t size,
                                           const struct mail_sign *how, size_t *out_size)
{
    unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP | how->flags | (how->is_opaque ? 0 : CMS_DETACHED);
    CMS_ContentInfo *object = CMS_sign(NULL, NULL, NULL, NULL, flags);
    BIO *content = BIO_new_mem_buf(bytes, (int)size);
    for (size_t i = 0; i < count; i++) {
        CMS_SignerInfo *signer = CMS_add1_signer(object, ids[i]->certificate, ids[i]->key, how->hash ? how->hash : EVP_sha256(), flags);
        mail_pki_must(signer != NULL, "signer");
        if (how->made) {
            ASN1_TIME *made = X509_gmtime_adj(NULL, how->made * MAIL_PKI_DAY);
            mail_pki_must(CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, made->type, made, -1), "time");
            ASN1_TIME_free(made);
        }
    }
    if (how->beside)
        mail_pki_must(CMS_add1_cert(object, how->beside), "certificate");
    if (count > 0) /* certs-only has nothing to end */
        mail_pki_must(CMS_final(object, content, NULL, flags), "signature");
    unsigned char *der = NULL;
    int der_size = i2d_CMS_ContentInfo(object, &der);
    mail_pki_must(der_size > 0, "DER");
    *out_size = (size_t)der_size;
    CMS_ContentInfo_free(object);
    BIO_free(content);
    return der;
}

/* --- DER by hand, for what OpenSSL does not make --- */

struct mail_der {
    unsigned char bytes[65536];
    size_t size;
};

static inline void mail_der_add(struct mail_der *der, const void *bytes, size_t size)
{
    mail_pki_must(size <= sizeof der->bytes - der->size, "room for DER");
    memcpy(der->bytes + der->size, bytes, size);
    der->size += size;
}

/* Puts all that stands behind `from` into one object of that tag. */
static inline void mail_der_wrap(struct mail_der *der, size_t from, unsigned char tag)
{
    size_t length = der->size - from;
    const unsigned char head[] = {tag, 0x82, (unsigned char)(length >> 8), (unsigned char)length};
    mail_pki_must(length < 65536 - 4 && der->size + 4 <= sizeof der->bytes, "room for DER");
    memmove(der->bytes + from + 4, der->bytes + from, length);
    memcpy(der->bytes + from, head, 4);
    der->size += 4;
}

static inline void mail_der_object(struct mail_der *der, int nid)
{
    unsigned char *bytes = NULL;
    int size = i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &bytes);
    mail_pki_must(size > 0, "OID");
    mail_der_add(der, bytes, (size_t)size);
    OPENSSL_free(bytes);
}

/* EncapsulatedContentInfo with data */
static inline void mail_der_data(struct mail_der *der, const void *bytes, size_t size)
{
    size_t start = der->size;
    mail_der_object(der, NID_pkcs7_data);
    size_t content = der->size;
    mail_der_add(der, bytes, size);
    mail_der_wrap(der, content, 0x04);
    mail_der_wrap(der, content, 0xA0);
    mail_der_wrap(der, start, 0x30);
}

/* ContentInfo around what stands in der as the content of a SEQUENCE */
static inline void mail_der_finish(struct mail_der *der, int nid)
{
    struct mail_der *inner = malloc(sizeof *inner);
    mail_pki_must(inner != NULL, "memory");
    mail_der_wrap(der, 0, 0x30);
    mail_der_wrap(der, 0, 0xA0);
    *inner = *der;
    der->size = 0;
    mail_der_object(der, nid);
    mail_der_add(der, inner->bytes, inner->size);
    mail_der_wrap(der, 0, 0x30);
    free(inner);
}

#endif
