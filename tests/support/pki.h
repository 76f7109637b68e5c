/*
 * tests/support/pki.h - throw-away CAs, certificates and CRLs, made anew by each test in a directory of its own.
 *
 * NAME.crt and NAME.key stand for one identity. Keys are ECDSA P-256, mode 0600. What fails here aborts the test program.
 */
#ifndef CIRT_TESTS_PKI_H
#define CIRT_TESTS_PKI_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum pki_kind { PKI_CA, PKI_SERVER, PKI_CLIENT };
enum { PKI_PATH_SIZE = 512 };
#define PKI_DAY (24 * 3600L)

static inline void pki_must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "pki: %s failed\n", what);
        abort();
    }
}

static inline const char *pki_path(char path[PKI_PATH_SIZE], const char *dir, const char *name, const char *ending)
{
    pki_must(snprintf(path, PKI_PATH_SIZE, "%s/%s.%s", dir, name, ending) < PKI_PATH_SIZE, "path");
    return path;
}

static inline X509 *pki_load(const char *dir, const char *name, EVP_PKEY **key)
{
    char path[PKI_PATH_SIZE];
    FILE *file = fopen(pki_path(path, dir, name, "crt"), "re");
    pki_must(file != NULL, path);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    file = fopen(pki_path(path, dir, name, "key"), "re");
    pki_must(file != NULL, path);
    *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    pki_must(certificate && *key, "load");
    return certificate;
}

static inline void pki_save(const char *dir, const char *name, X509 *certificate, EVP_PKEY *key)
{
    char path[PKI_PATH_SIZE];
    FILE *file = fopen(pki_path(path, dir, name, "crt"), "we");
    pki_must(file && PEM_write_X509(file, certificate) && fclose(file) == 0, path);
    file = fopen(pki_path(path, dir, name, "key"), "we");
    pki_must(file && chmod(path, 0600) == 0 && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) && fclose(file) == 0, path);
}

static inline void pki_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    pki_must(extension && X509_add_ext(certificate, extension, -1), value);
    X509_EXTENSION_free(extension);
}

/* Makes NAME.crt and NAME.key; ca NULL: signed by itself. Valid from..to seconds from now. serial names it in a CRL. */
static inline void pki_issue(const char *dir, const char *ca, const char *name, enum pki_kind kind, long serial, long from, long to)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *ca_key = key;
    X509 *certificate = X509_new(), *ca_certificate = certificate;
    pki_must(key && certificate, "certificate");
    if (ca)
        ca_certificate = pki_load(dir, ca, &ca_key);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(ca_certificate));
    X509_set_pubkey(certificate, key);
    pki_extend(certificate, ca_certificate, NID_basic_constraints, kind == PKI_CA ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (kind == PKI_CA)
        pki_extend(certificate, ca_certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    else
        pki_extend(certificate, ca_certificate, NID_ext_key_usage, kind == PKI_SERVER ? "serverAuth" : "clientAuth");
    if (kind == PKI_SERVER)
        pki_extend(certificate, ca_certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    pki_must(X509_sign(certificate, ca_key, EVP_sha256()) > 0, "sign");
    pki_save(dir, name, certificate, key);
    if (ca) {
        X509_free(ca_certificate);
        EVP_PKEY_free(ca_key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* Makes NAME.crl of ca, revoking one serial number, with nextUpdate in `to` seconds. */
static inline void pki_crl(const char *dir, const char *ca, const char *name, long revoked_serial, long to)
{
    EVP_PKEY *key;
    X509 *certificate = pki_load(dir, ca, &key);
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -PKI_DAY), *next = X509_gmtime_adj(NULL, to);
    char path[PKI_PATH_SIZE];
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(certificate));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, next);
    ASN1_INTEGER_set(serial, revoked_serial);
    X509_REVOKED_set_serialNumber(revoked, serial);
    X509_REVOKED_set_revocationDate(revoked, now);
    X509_CRL_add0_revoked(crl, revoked);
    X509_CRL_sort(crl);
    pki_must(X509_CRL_sign(crl, key, EVP_sha256()) > 0, "sign the CRL");
    FILE *file = fopen(pki_path(path, dir, name, "crl"), "we");
    pki_must(file && PEM_write_X509_CRL(file, crl) && fclose(file) == 0, path);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

#endif
