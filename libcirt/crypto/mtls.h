/*
 * crypto/mtls.h - mutual TLS: contexts from files, sessions on non-blocking sockets, and the name we know a key by.
 *
 * A certificate's CA only filters. Who somebody is hangs on the SHA-256 of the public key (SubjectPublicKeyInfo, DER), which
 * mtls_*_key_sha256() give and the identity table registers. `cirt` and push are clients through libcurl and use only those.
 */
#ifndef CIRT_CRYPTO_MTLS_H
#define CIRT_CRYPTO_MTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum { MTLS_KEY_SIZE = 32, MTLS_TEXT_SIZE = 256 };

struct mtls_settings {
    const char *certificate_path; /* PEM, our certificate first, then its chain */
    const char *key_path;         /* PEM, not encrypted; refused where group or others may read it */
    const char *ca_path;          /* PEM, the CAs that certificates of the other side may come from */
    const char *crl_path;         /* PEM, one or more CRLs; NULL or "" for none */
    bool allow_tls12;             /* else 1.3 only */
    unsigned tickets;             /* session tickets after a handshake: 0 or 1. 0: no session is ever resumed */
};

struct mtls_context;

/*
 * A server asks each client for a certificate and lets it in without one (the caller then sees no key), but breaks the handshake with
 * an alert where a certificate is not from ca_path, not valid today, not for clients, or in a CRL of its issuer.
 * An issuer without a CRL is taken as one that revokes nothing; a CRL past its nextUpdate still counts, and mtls_context_warning() tells.
 * ERR_INPUT names the file and what is wrong with it.
 */
bool mtls_server_new(const struct mtls_settings *settings, struct mtls_context **context, struct err *err) MUST_CHECK;
void mtls_context_free(struct mtls_context *context); /* sessions of it live on */
/* What an operator should look at ("the CRL ... is past its nextUpdate"), or "". */
const char *mtls_context_warning(const struct mtls_context *context);

enum mtls_result {
    MTLS_DONE,
    MTLS_WANT_READ,  /* call again when the socket is readable */
    MTLS_WANT_WRITE, /* ... writable */
    MTLS_CLOSED,     /* the other side ended the session, or just went away */
    MTLS_FAILED      /* err tells; an alert went out where TLS has one */
};

struct mtls_session;
/* fd stays the caller's and must outlive the session. Never NULL. */
struct mtls_session *mtls_accept(struct mtls_context *context, int fd);
/* Frees; sends close_notify first where the session is whole and the socket takes it. */
void mtls_session_free(struct mtls_session *session);

enum mtls_result mtls_handshake(struct mtls_session *session, struct err *err) MUST_CHECK;
/* Up to size_max bytes, one record at most; *size is how many. */
enum mtls_result mtls_read(struct mtls_session *session, void *bytes, size_t size_max, size_t *size, struct err *err) MUST_CHECK;
/* Bytes already taken off the socket wait inside: it may not become readable again for them. */
bool mtls_has_pending(const struct mtls_session *session);
/* *written may be less than size. After WANT_* the same bytes must be given again (their address may change). */
enum mtls_result mtls_write(struct mtls_session *session, const void *bytes, size_t size, size_t *written, struct err *err) MUST_CHECK;

/* The key of the other side's verified certificate; false where it showed none. */
bool mtls_peer_key_sha256(const struct mtls_session *session, unsigned char key[MTLS_KEY_SIZE]);

/* That of the first certificate in a PEM file. ERR_INPUT where there is none, ERR_NOT_FOUND for a missing file. */
bool mtls_file_key_sha256(const char *path, unsigned char key[MTLS_KEY_SIZE], struct err *err) MUST_CHECK;
/* From when until when the first certificate of a PEM file is valid, as in base/timestamp.h. Errors as above. */
bool mtls_file_dates(const char *path, int64_t *from, int64_t *until, struct err *err) MUST_CHECK;

/* Whether PEM text is certificates and nothing else, as a file of CAs is: a private key in it must never be stored. Words between them are
 * fine. ERR_INPUT says what it holds instead. */
bool mtls_only_certificates(const char *pem, struct err *err) MUST_CHECK;

#endif
