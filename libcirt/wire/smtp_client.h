/*
 * wire/smtp_client.h - hands messages to an MTA: the local one, or a submission host (RFC 5321, RFC 6409) with STARTTLS (RFC 3207) and
 * AUTH (RFC 4954). By libcurl, which only wire/ includes.
 *
 * What the MTA answers, recipient by recipient, is a success here: the code tells. False means that it was not reached, or the connection
 * broke before its last word; where that was after the data, nobody knows whether it has the message, and saying it again with the same
 * Message-ID is all that can be done. err->code is ERR_AGAIN then, ERR_INPUT for a setting that cannot be used.
 */
#ifndef CIRT_WIRE_SMTP_CLIENT_H
#define CIRT_WIRE_SMTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* Strings are borrowed for the life of the client. */
struct smtp_client_settings {
    const char *url;             /* "smtp://HOST[:PORT]", "smtps://HOST[:PORT]" (TLS from the start) */
    const char *name;            /* what we call ourselves (EHLO) */
    const char *user, *password; /* NULL: no AUTH */
    const char *ca_file;         /* PEM; NULL: the system's */
    long connect_timeout_ms, answer_timeout_s, timeout_s;
};

struct smtp_client;
/* Connects to nothing yet. Off the loopback interface TLS is a must; on it, it is used where ca_file is given or the URL says smtps. */
bool smtp_client_open(const struct smtp_client_settings *settings, struct smtp_client **out, struct err *err) MUST_CHECK;
void smtp_client_close(struct smtp_client *client); /* NULL is fine */

enum { SMTP_CLIENT_TEXT_SIZE = 400 };
struct smtp_client_recipient {
    const char *address;              /* as it goes into the envelope: ASCII, A-labels */
    int code;                         /* 250: the MTA has it; 4xx: later; 5xx: never */
    char text[SMTP_CLIENT_TEXT_SIZE]; /* its last line, "250 2.0.0 Ok: queued as 4B1C"; UTF-8, may hold anything else */
};

/* One message to all of them. sender "": the null path (bounces and what a machine writes). bytes: a whole message with CRLF. The
 * connection is kept for the next one. */
bool smtp_client_send(struct smtp_client *client, const char *sender, struct smtp_client_recipient *recipients, size_t count,
                      const void *bytes, size_t size, struct err *err) MUST_CHECK;

#endif
