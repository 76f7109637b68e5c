#include "crypto/mtls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/mem.h"
#include "base/timestamp.h"

struct mtls_context {
    SSL_CTX *ssl;
    char warning[MTLS_TEXT_SIZE];
};

struct mtls_session {
    SSL *ssl;
    bool is_broken; /* after a fatal error OpenSSL forbids even the shutdown */
};

/* The last OpenSSL error as text, with the queue emptied: a left-over would spoil the next SSL_get_error(). */
static const char *openssl_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason ? reason : "unknown reason";
}

static bool set_file_error(struct err *err, const char *what, const char *path)
{
    return err_set(err, ERR_INPUT, "%s %s cannot be used: %s", what, path, openssl_reason());
}

/* A service must never stop to ask for a pass phrase on a terminal. */
static int no_pass_phrase(char *text, int size, int writing, void *owner)
{
    UNUSED(text);
    UNUSED(size);
    UNUSED(writing);
    UNUSED(owner);
    return 0;
}

static bool use_key(SSL_CTX *ssl, const char *path, struct err *err)
{
    struct stat st;
    bool ok = false;
    EVP_PKEY *key = NULL;
    FILE *file = fopen(path, "re");

    if (!file)
        return err_set(err, ERR_INPUT, "the private key %s cannot be read: %s", path, strerror(errno));
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        err_set(err, ERR_INPUT, "the private key %s is not a file", path);
        goto done;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        err_set(err, ERR_DENIED, "the private key %s may be read by others; chmod 600 %s", path, path);
        goto done;
    }
    key = PEM_read_PrivateKey(file, NULL, no_pass_phrase, NULL);
    if (!key || SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1) {
        set_file_error(err, "the private key", path);
        goto done;
    }
    ok = true;
done:
    EVP_PKEY_free(key);
    fclose(file);
    return ok;
}

/* True where the store holds a CRL of the certificate's issuer: then "no CRL" means it could not be used, and must count. */
static bool issuer_has_crl(X509_STORE_CTX *store)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    STACK_OF(X509_CRL) *found = X509_STORE_CTX_get1_crls(store, X509_get_issuer_name(certificate));
    bool has_crl = sk_X509_CRL_num(found) > 0;

    sk_X509_CRL_pop_free(found, X509_CRL_free);
    return has_crl;
}

/* A CRL somebody forgot to renew must not lock every partner out in the middle of an incident: what it lists stays revoked, and the
 * registered key decides anyway. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    int error = X509_STORE_CTX_get_error(store);

    if (ok)
        return 1;
    if (error == X509_V_ERR_CRL_HAS_EXPIRED || (error == X509_V_ERR_UNABLE_TO_GET_CRL && !issuer_has_crl(store))) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    return 0;
}

static void warn_of_old_crls(struct mtls_context *context, const char *path)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context->ssl));

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;
        if (next && X509_cmp_current_time(next) < 0)
            snprintf(context->warning, sizeof context->warning, "a CRL in %s is past its nextUpdate", path);
    }
}

static bool use_crl(struct mtls_context *context, const char *path, struct err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1)
        return set_file_error(err, "the CRL file", path);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    warn_of_old_crls(context, path);
    return true;
}

static bool use_files(struct mtls_context *context, const struct mtls_settings *settings, struct err *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context->ssl, settings->certificate_path) != 1)
        return set_file_error(err, "the certificate", settings->certificate_path);
    if (!use_key(context->ssl, settings->key_path, err))
        return false;
    if (SSL_CTX_load_verify_file(context->ssl, settings->ca_path) != 1)
        return set_file_error(err, "the CA file", settings->ca_path);
    return !settings->crl_path || !*settings->crl_path || use_crl(context, settings->crl_path, err);
}

static void set_tickets(SSL_CTX *ssl, unsigned tickets)
{
    static const unsigned char session_scope[] = "cirt";

    SSL_CTX_set_num_tickets(ssl, tickets ? 1 : 0);
    SSL_CTX_set_session_id_context(ssl, session_scope, sizeof session_scope - 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (!tickets)
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
}

bool mtls_server_new(const struct mtls_settings *settings, struct mtls_context **out, struct err *err)
{
    struct mtls_context *context = mem_calloc(1, sizeof *context);

    context->ssl = SSL_CTX_new(TLS_server_method());
    if (!context->ssl) {
        err_set(err, ERR_INTERNAL, "no TLS context: %s", openssl_reason());
        mtls_context_free(context);
        return false;
    }
    SSL_CTX_set_min_proto_version(context->ssl, settings->allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Thousands of idle connections must not hold two record buffers each; read-ahead takes header and record in one system call. */
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context->ssl, 1);
    if (!use_files(context, settings, err)) {
        mtls_context_free(context);
        return false;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_client_CA_list(context->ssl, SSL_load_client_CA_file(settings->ca_path));
    set_tickets(context->ssl, settings->tickets);
    *out = context;
    return true;
}

void mtls_context_free(struct mtls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

const char *mtls_context_warning(const struct mtls_context *context)
{
    return context->warning;
}

struct mtls_session *mtls_accept(struct mtls_context *context, int fd)
{
    struct mtls_session *session = mem_calloc(1, sizeof *session);

    session->ssl = SSL_new(context->ssl);
    if (!session->ssl || SSL_set_fd(session->ssl, fd) != 1)
        BUG("no TLS session: %s", openssl_reason());
    SSL_set_accept_state(session->ssl);
    return session;
}

void mtls_session_free(struct mtls_session *session)
{
    if (!session)
        return;
    if (!session->is_broken && SSL_is_init_finished(session->ssl))
        SSL_shutdown(session->ssl);
    ERR_clear_error();
    SSL_free(session->ssl);
    free(session);
}

static enum mtls_result fail(struct mtls_session *session, struct err *err)
{
    long verdict = SSL_get_verify_result(session->ssl);

    session->is_broken = true;
    if (verdict != X509_V_OK) {
        err_set(err, ERR_DENIED, "certificate refused: %s", X509_verify_cert_error_string(verdict));
        ERR_clear_error();
    } else {
        err_set(err, ERR_INPUT, "TLS failed: %s", openssl_reason());
    }
    return MTLS_FAILED;
}

/* result as an SSL_* call of 1 (done) or less returned it. */
static enum mtls_result outcome(struct mtls_session *session, int result, struct err *err)
{
    if (result > 0)
        return MTLS_DONE;
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return MTLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return MTLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return MTLS_CLOSED;
    case SSL_ERROR_SYSCALL: /* the connection was reset */
        session->is_broken = true;
        ERR_clear_error();
        return MTLS_CLOSED;
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            session->is_broken = true;
            ERR_clear_error();
            return MTLS_CLOSED;
        }
        return fail(session, err);
    }
}

enum mtls_result mtls_handshake(struct mtls_session *session, struct err *err)
{
    ERR_clear_error();
    return outcome(session, SSL_do_handshake(session->ssl), err);
}

enum mtls_result mtls_read(struct mtls_session *session, void *bytes, size_t size_max, size_t *size, struct err *err)
{
    *size = 0;
    ERR_clear_error();
    return outcome(session, SSL_read_ex(session->ssl, bytes, size_max, size), err);
}

bool mtls_has_pending(const struct mtls_session *session)
{
    return SSL_has_pending(session->ssl) == 1;
}

enum mtls_result mtls_write(struct mtls_session *session, const void *bytes, size_t size, size_t *written, struct err *err)
{
    *written = 0;
    ERR_clear_error();
    return outcome(session, SSL_write_ex(session->ssl, bytes, size, written), err);
}

/* SHA-256 of the SubjectPublicKeyInfo, DER. */
static bool key_sha256(const X509 *certificate, unsigned char key[MTLS_KEY_SIZE], struct err *err)
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool ok = size > 0 && EVP_Digest(der, (size_t)size, key, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return ok || err_set(err, ERR_INPUT, "the certificate has no usable public key: %s", openssl_reason());
}

bool mtls_peer_key_sha256(const struct mtls_session *session, unsigned char key[MTLS_KEY_SIZE])
{
    const X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    struct err err;

    return certificate && SSL_get_verify_result(session->ssl) == X509_V_OK && key_sha256(certificate, key, &err);
}

bool mtls_file_key_sha256(const char *path, unsigned char key[MTLS_KEY_SIZE], struct err *err)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL) : NULL;
    bool ok = certificate && key_sha256(certificate, key, err);

    if (!bio)
        err_set(err, ERR_NOT_FOUND, "the certificate %s cannot be read: %s", path, strerror(errno));
    else if (!certificate)
        err_set(err, ERR_INPUT, "%s holds no PEM certificate", path);
    ERR_clear_error();
    X509_free(certificate);
    BIO_free(bio);
    return ok;
}

static int64_t moment_of(const ASN1_TIME *time)
{
    struct tm parts;

    return ASN1_TIME_to_tm(time, &parts) ? (int64_t)timegm(&parts) * TIMESTAMP_SECOND : TIMESTAMP_NONE;
}

bool mtls_file_dates(const char *path, int64_t *from, int64_t *until, struct err *err)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL) : NULL;
    bool ok = certificate != NULL;

    if (!bio)
        err_set(err, ERR_NOT_FOUND, "the certificate %s cannot be read: %s", path, strerror(errno));
    else if (!certificate)
        err_set(err, ERR_INPUT, "%s holds no PEM certificate", path);
    if (certificate) {
        *from = moment_of(X509_get0_notBefore(certificate));
        *until = moment_of(X509_get0_notAfter(certificate));
        ok = (*from != TIMESTAMP_NONE && *until != TIMESTAMP_NONE) || err_set(err, ERR_INPUT, "%s has no readable dates", path);
    }
    ERR_clear_error();
    X509_free(certificate);
    BIO_free(bio);
    return ok;
}

bool mtls_only_certificates(const char *pem, struct err *err)
{
    static const char begin[] = "-----BEGIN ";
    size_t blocks = 0, certificates = 0;
    X509 *certificate;

    if (strstr(pem, "PRIVATE KEY"))
        return err_set(err, ERR_INPUT, "it holds a private key: only certificates belong there");
    for (const char *at = pem; (at = strstr(at, begin)); at += sizeof begin - 1)
        blocks++;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    for (; bio && (certificate = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL)); certificates++)
        X509_free(certificate);
    ERR_clear_error();
    BIO_free(bio);
    if (blocks == 0)
        return err_set(err, ERR_INPUT, "it holds no PEM certificate");
    return certificates == blocks ||
           err_set(err, ERR_INPUT, "block %zu of its %zu is no certificate that can be read", certificates + 1, blocks);
}
