/*
 * wire/http_client.h - one HTTPS request at a time, for cirt, push and fetch: HTTP/1.1 over TLS 1.2 or later, our certificate shown, the
 * other end known by its CA and, where given, by its pinned public key. Redirects are told, not followed; no proxy, nothing is unpacked,
 * no other protocol.
 * The only includer of curl.
 *
 * What failed, as err->code:
 *   ERR_AGAIN     not reached: name, connection, time, or the connection broke before an answer
 *   ERR_DENIED    refused by TLS, by them or by us (wrong CA, key, pin; expired). In TLS 1.3 their refusal comes with the first read
 *   ERR_LIMIT     the answer is larger than answer_bytes_max
 *   ERR_INPUT     a setting or the request is wrong (no such file, a private key that others may read)
 *   ERR_INTERNAL  anything else
 * Any HTTP status is a success here. Nothing is retried: the caller knows what may be said twice.
 */
#ifndef CIRT_WIRE_HTTP_CLIENT_H
#define CIRT_WIRE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum { HTTP_CLIENT_PIN_SIZE = 32, HTTP_CLIENT_SLOW = 256 };

/* Strings are borrowed for the life of the client. */
struct http_client_settings {
    const char *ca_file;      /* PEM; NULL where ca_pem is given */
    const char *ca_pem;       /* PEM text; NULL where ca_file is given */
    bool uses_system_ca;      /* instead of both */
    const char *cert_file;    /* PEM; NULL: no certificate is shown */
    const char *key_file;     /* PEM; must not be readable by others */
    const unsigned char *pin; /* SHA-256 of the other end's public key (SubjectPublicKeyInfo, DER), or NULL */
    size_t pin_count;         /* how many stand there one behind the other, of which it must have one; 0 means 1 */
    long connect_timeout_ms;
    long timeout_ms; /* of the whole request; 0: none, but nothing at all for 10 minutes gives up: a feed of a million rows is answered when
                        it is stored */
    long slow_s;     /* gives up where for so long fewer than HTTP_CLIENT_SLOW bytes a second came or went; 0: as slow as it is */
    size_t answer_bytes_max; /* of an answer kept in memory */
};

struct http_client;
/* Loads nothing yet but checks that the files can be read and that the key is private. */
bool http_client_open(const struct http_client_settings *settings, struct http_client **out, struct err *err) MUST_CHECK;
void http_client_close(struct http_client *client); /* NULL is fine */

struct http_client_answer;

/* A header of the answer that the caller wants to see; value becomes "" where it is absent or longer. */
struct http_client_wanted {
    const char *name;
    char *value;
    size_t size;
};

struct http_client_request {
    const char *method;                           /* "GET", "POST", "DELETE", ... */
    const char *url;                              /* https:// only */
    const char *content_type, *if_match, *accept; /* NULL: none */
    const char *content_encoding;                 /* "gzip" where the body is packed; NULL: it is not */
    const void *body;                             /* NULL: no body, or body_fd */
    int64_t body_size;
    int body_fd;                                                     /* -1, or a file of body_size bytes: read from its start */
    int output_fd;                                                   /* -1, or where the body of a 2xx answer goes instead of into memory */
    void (*on_progress)(void *context, int64_t sent, int64_t total); /* or NULL; also called while waiting */
    void *context;
    const char *const *headers; /* further ones, whole lines, NULL-terminated; or NULL */
    const struct http_client_wanted *wanted;
    size_t wanted_count;
    /* Or NULL: takes the body of a 2xx answer as it comes, head->status and the wanted headers being known. False, with err set, gives up.
     */
    bool (*on_body)(void *context, const struct http_client_answer *head, const char *bytes, size_t size, struct err *err);
    bool (*should_stop)(void *context); /* or NULL; asked now and then: true gives up with ERR_AGAIN */
};

struct http_client_answer {
    int status;            /* 200, ... */
    char content_type[80]; /* without parameters, lower case; "" for none */
    char location[1024];   /* "" for none */
    bool was_too_slow;     /* the request failed since its time, or that of slow_s, was over */
    long retry_after_s; /* -1 for none, at most a year; a date (RFC 9110, section 10.2.3) is counted from the answer's own, or from now */
    struct buf body;
};

/* The connection is kept for the next request. *answer is the caller's: http_client_answer_clear(), on false too. */
bool http_client_send(struct http_client *client, const struct http_client_request *request, struct http_client_answer *answer,
                      struct err *err) MUST_CHECK;
void http_client_answer_clear(struct http_client_answer *answer);

/* url (size bytes) becomes where `location` leads from it. ERR_DENIED where that is another host, port or scheme; ERR_INPUT where it is
 * nowhere. */
bool http_client_redirect(char *url, const char *location, size_t size, struct err *err) MUST_CHECK;

/* text percent-encoded for one segment or one query value: all but A-Z a-z 0-9 - . _ ~. */
bool http_client_add_escaped(struct buf *out, const char *text);

#endif
