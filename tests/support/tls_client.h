/* tests/support/tls_client.h - the other side of crypto/mtls.h: a TLS client of plain OpenSSL, with a certificate or without. */
#ifndef CIRT_TESTS_SUPPORT_TLS_CLIENT_H
#define CIRT_TESTS_SUPPORT_TLS_CLIENT_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "crypto/mtls.h"

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    bool is_broken;   /* OpenSSL forbids even the shutdown */
    char reason[256]; /* of MTLS_FAILED */
};

/* On a socket of the caller's. certificate NULL: shows none. host: asked for where it is a name, and must stand in the server's
 * certificate; NULL: any name. */
static inline void tls_client_open(struct tls_client *client, int fd, const char *ca, const char *certificate, const char *key,
                                   const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    *client = (struct tls_client){.context = SSL_CTX_new(TLS_client_method())};
    assert_non_null(client->context);
    assert_int_equal(SSL_CTX_load_verify_file(client->context, ca), 1);
    if (certificate) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(client->context, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(client->context, key, SSL_FILETYPE_PEM), 1);
    }
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    client->ssl = SSL_new(client->context);
    assert_int_equal(SSL_set_fd(client->ssl, fd), 1);
    SSL_set_connect_state(client->ssl);
    if (host && inet_pton(AF_INET, host, address) == 1) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(client->ssl), host);
    } else if (host) {
        SSL_set_tlsext_host_name(client->ssl, host);
        SSL_set1_host(client->ssl, host);
    }
}

/* Says goodbye where it can. */
static inline void tls_client_close(struct tls_client *client)
{
    if (client->ssl && !client->is_broken && SSL_is_init_finished(client->ssl))
        SSL_shutdown(client->ssl);
    ERR_clear_error();
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    client->ssl = NULL;
    client->context = NULL;
}

/* As mtls.h has it; result as an SSL_* call returned it. */
static inline enum mtls_result tls_client_outcome(struct tls_client *client, int result)
{
    int why = result > 0 ? SSL_ERROR_NONE : SSL_get_error(client->ssl, result);
    bool is_end = why == SSL_ERROR_SYSCALL || ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

    ERR_error_string_n(ERR_peek_last_error(), client->reason, sizeof client->reason);
    ERR_clear_error();
    switch (why) {
    case SSL_ERROR_NONE:
        return MTLS_DONE;
    case SSL_ERROR_WANT_READ:
        return MTLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return MTLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return MTLS_CLOSED;
    default:
        client->is_broken = true;
        return is_end ? MTLS_CLOSED : MTLS_FAILED;
    }
}

static inline enum mtls_result tls_client_handshake(struct tls_client *client)
{
    return tls_client_outcome(client, SSL_do_handshake(client->ssl));
}

/* One record at most. */
static inline enum mtls_result tls_client_read(struct tls_client *client, void *bytes, size_t size_max, size_t *size)
{
    *size = 0;
    return tls_client_outcome(client, SSL_read_ex(client->ssl, bytes, size_max, size));
}

static inline enum mtls_result tls_client_write(struct tls_client *client, const void *bytes, size_t size, size_t *written)
{
    *written = 0;
    return tls_client_outcome(client, SSL_write_ex(client->ssl, bytes, size, written));
}

#endif
