#include "crypto/smime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/smime_context.h"

enum { KEYS_MAX = 64 };

const char *smime_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return reason ? reason : "unknown reason";
}

/* --- files --- */

/* A service must never stop to ask for a pass phrase on a terminal. */
static int no_pass_phrase(char *text, int size, int writing, void *owner)
{
    UNUSED(text);
    UNUSED(size);
    UNUSED(writing);
    UNUSED(owner);
    return 0;
}

static bool is_empty_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

static void warn_of_old_crls(struct smime *smime)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(smime->store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;
        if (next && X509_cmp_current_time(next) < 0)
            snprintf(smime->warning, sizeof smime->warning, "a CRL in %.400s is past its nextUpdate", smime->crl_file);
    }
}

static bool load_store(struct smime *smime, struct err *err)
{
    smime->store = X509_STORE_new();
    X509_LOOKUP *lookup = smime->store ? X509_STORE_add_lookup(smime->store, X509_LOOKUP_file()) : NULL;
    if (!lookup)
        return err_set(err, ERR_INTERNAL, "no certificate store: %s", smime_reason());
    if (!str_is_empty(smime->ca_file) && !is_empty_file(smime->ca_file) &&
        X509_load_cert_file(lookup, smime->ca_file, X509_FILETYPE_PEM) < 1)
        return err_set(err, ERR_INPUT, "the CA file %s cannot be used: %s", smime->ca_file, smime_reason());
    if (!str_is_empty(smime->crl_file) && !is_empty_file(smime->crl_file) &&
        X509_load_crl_file(lookup, smime->crl_file, X509_FILETYPE_PEM) < 1)
        return err_set(err, ERR_INPUT, "the CRL file %s cannot be used: %s", smime->crl_file, smime_reason());
    warn_of_old_crls(smime);
    return true;
}

static bool read_secret(struct smime_key *key, const char *path, struct err *err)
{
    struct stat status;
    bool ok = false;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_INPUT, "the private key %s cannot be read: %s", path, strerror(errno));
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode))
        err_set(err, ERR_INPUT, "the private key %s is not a file", path);
    else if (status.st_mode & (S_IRWXG | S_IRWXO))
        err_set(err, ERR_DENIED, "the private key %s may be read by others; chmod 600 %s", path, path);
    else if (!(key->key = PEM_read_PrivateKey(file, NULL, no_pass_phrase, NULL)))
        err_set(err, ERR_INPUT, "the private key %s cannot be used: %s", path, smime_reason());
    else if (X509_check_private_key(key->certificate, key->key) != 1)
        err_set(err, ERR_INPUT, "the private key %s does not belong to the certificate beside it", path);
    else
        ok = true;
    fclose(file);
    return ok;
}

static bool read_certificates(struct smime_key *key, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_INPUT, "the certificate %s cannot be read: %s", path, strerror(errno));
    key->certificate = PEM_read_X509(file, NULL, no_pass_phrase, NULL);
    key->chain = sk_X509_new_null();
    X509 *next = NULL;
    while (key->certificate && key->chain && sk_X509_num(key->chain) < SMIME_CERTIFICATES_MAX &&
           (next = PEM_read_X509(file, NULL, no_pass_phrase, NULL)))
        if (sk_X509_push(key->chain, next) <= 0)
            X509_free(next);
    fclose(file);
    if (!key->certificate)
        return err_set(err, ERR_INPUT, "the certificate %s cannot be used: %s", path, smime_reason());
    ERR_clear_error();
    return true;
}

static void free_key(struct smime_key *key)
{
    X509_free(key->certificate);
    EVP_PKEY_free(key->key);
    sk_X509_pop_free(key->chain, X509_free);
    smime_certificate_clear(&key->facts);
}

/* name ends in ".crt". */
static bool load_key(struct smime *smime, const char *name, struct err *err)
{
    if (smime->key_count == KEYS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d certificates in %s", KEYS_MAX, smime->identity_dir);
    smime->keys = mem_grow(smime->keys, &smime->key_capacity, smime->key_count, sizeof *smime->keys);
    struct smime_key *key = &smime->keys[smime->key_count++];
    *key = (struct smime_key){.certificate = NULL};
    char *certificate = mem_printf("%s/%s", smime->identity_dir, name);
    char *secret = mem_printf("%s/%.*s.key", smime->identity_dir, (int)(strlen(name) - 4), name);
    bool ok = read_certificates(key, certificate, err) && read_secret(key, secret, err);
    if (ok)
        smime_facts(key->certificate, &key->facts);
    free(certificate);
    free(secret);
    return ok;
}

static int is_certificate_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strlen(entry->d_name) > 4 && str_ends(entry->d_name, ".crt");
}

static bool load_keys(struct smime *smime, struct err *err)
{
    struct dirent **names = NULL;
    if (str_is_empty(smime->identity_dir))
        return true;
    int count = scandir(smime->identity_dir, &names, is_certificate_name, alphasort);
    if (count < 0)
        return err_set(err, ERR_INPUT, "the folder of S/MIME keys %s cannot be read: %s", smime->identity_dir, strerror(errno));
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && load_key(smime, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return ok;
}

static void drop_files(struct smime *smime)
{
    X509_STORE_free(smime->store);
    smime->store = NULL;
    for (size_t i = 0; i < smime->key_count; i++)
        free_key(&smime->keys[i]);
    free(smime->keys);
    smime->keys = NULL;
    smime->key_count = smime->key_capacity = 0;
    smime->warning[0] = '\0';
}

/* --- the context --- */

static bool load_files(struct smime *smime, struct err *err)
{
    ERR_clear_error();
    bool ok = load_store(smime, err) && load_keys(smime, err);
    ERR_clear_error();
    return ok;
}

bool smime_open(const struct smime_settings *settings, struct smime **out, struct err *err)
{
    struct smime *smime = mem_calloc(1, sizeof *smime);
    smime->ca_file = mem_strdup(settings->ca_file ? settings->ca_file : "");
    smime->crl_file = mem_strdup(settings->crl_file ? settings->crl_file : "");
    smime->identity_dir = mem_strdup(settings->identity_dir ? settings->identity_dir : "");
    smime->known = sk_X509_new_null();
    if (!smime->known)
        BUG("no memory for a stack of certificates");
    if (!load_files(smime, err)) {
        smime_close(smime);
        return false;
    }
    *out = smime;
    return true;
}

bool smime_reload(struct smime *smime, struct err *err)
{
    struct smime next = *smime;
    next.store = NULL;
    next.keys = NULL;
    next.key_count = next.key_capacity = 0;
    next.warning[0] = '\0';
    if (!load_files(&next, err)) {
        drop_files(&next);
        return false;
    }
    drop_files(smime);
    *smime = next;
    return true;
}

void smime_close(struct smime *smime)
{
    if (!smime)
        return;
    drop_files(smime);
    sk_X509_pop_free(smime->known, X509_free);
    free(smime->ca_file);
    free(smime->crl_file);
    free(smime->identity_dir);
    free(smime);
}

const char *smime_warning(const struct smime *smime)
{
    return smime->warning;
}

size_t smime_identity_count(const struct smime *smime)
{
    return smime->key_count;
}

const struct smime_certificate *smime_identity(const struct smime *smime, size_t i)
{
    return &smime->keys[i].facts;
}

const struct smime_key *smime_find_key(const struct smime *smime, const char *fingerprint)
{
    for (size_t i = 0; i < smime->key_count; i++)
        if (str_equal_nocase(smime->keys[i].facts.fingerprint, fingerprint))
            return &smime->keys[i];
    return NULL;
}

bool smime_add_certificate(struct smime *smime, const void *bytes, size_t size, struct err *err)
{
    X509 *certificate = smime_certificate_parse(bytes, size, err);
    if (!certificate)
        return false;
    for (int i = 0; i < sk_X509_num(smime->known); i++) {
        if (X509_cmp(sk_X509_value(smime->known, i), certificate) == 0) {
            X509_free(certificate);
            return true;
        }
    }
    if (sk_X509_push(smime->known, certificate) > 0)
        return true;
    X509_free(certificate);
    return err_set(err, ERR_INTERNAL, "no memory for a certificate");
}

/* --- objects --- */

CMS_ContentInfo *smime_parse(const void *cms, size_t size)
{
    const unsigned char *at = cms;
    CMS_ContentInfo *object = size > 0 && size <= INT32_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)size) : NULL;
    ERR_clear_error();
    return object;
}

bool smime_write(const CMS_ContentInfo *object, struct buf *out, struct err *err)
{
    int size = i2d_CMS_ContentInfo((CMS_ContentInfo *)object, NULL);
    if (size <= 0)
        return err_set(err, ERR_INTERNAL, "the CMS object cannot be written: %s", smime_reason());
    char *room = buf_reserve(out, (size_t)size);
    if (!room)
        return err_set(err, ERR_LIMIT, "the CMS object is larger than %zu bytes", out->size_max);
    unsigned char *at = (unsigned char *)room;
    size = i2d_CMS_ContentInfo((CMS_ContentInfo *)object, &at);
    if (size <= 0)
        return err_set(err, ERR_INTERNAL, "the CMS object cannot be written: %s", smime_reason());
    buf_used(out, (size_t)size);
    return true;
}

const char *smime_kind_name(enum smime_kind kind)
{
    static const char *const names[] = {"signed-data", "enveloped-data", "authEnveloped-data", "compressed-data", "certs-only", "other"};
    return names[kind];
}

static enum smime_kind signed_kind(CMS_ContentInfo *object)
{
    ASN1_OCTET_STRING **content = CMS_get0_content(object);
    bool is_empty = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(object)) <= 0 && (!content || !*content);
    return is_empty ? SMIME_CERTS_ONLY : SMIME_SIGNED;
}

bool smime_kind_of(const void *cms, size_t size, enum smime_kind *kind, struct err *err)
{
    CMS_ContentInfo *object = smime_parse(cms, size);
    if (!object)
        return err_set(err, ERR_INPUT, "this is no CMS object, or a broken one");
    switch (OBJ_obj2nid(CMS_get0_type(object))) {
    case NID_pkcs7_signed:
        *kind = signed_kind(object);
        break;
    case NID_pkcs7_enveloped:
        *kind = SMIME_ENVELOPED;
        break;
    case NID_id_smime_ct_authEnvelopedData:
        *kind = SMIME_AUTH_ENVELOPED;
        break;
    case NID_id_smime_ct_compressedData:
        *kind = SMIME_COMPRESSED;
        break;
    default:
        *kind = SMIME_OTHER;
    }
    CMS_ContentInfo_free(object);
    ERR_clear_error();
    return true;
}

/* --- names --- */

const char *smime_status_name(enum smime_status status)
{
    static const char *const names[] = {"good", "bad", "unknown-key", "expired-key", "revoked-key", "error"};
    return names[status];
}

const char *smime_key_now_name(enum smime_key_now key_now)
{
    static const char *const names[] = {NULL, "valid", "expired", "revoked"};
    return names[key_now];
}
