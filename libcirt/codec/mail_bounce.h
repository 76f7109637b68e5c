/*
 * codec/mail_bounce.h - what came back: delivery status notifications (RFC 3464, RFC 6533), what qmail, Exim, Exchange and the providers
 * send in their place, and disposition notifications (RFC 8098).
 */
#ifndef CIRT_CODEC_MAIL_BOUNCE_H
#define CIRT_CODEC_MAIL_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/mime.h"

enum { MAIL_BOUNCE_RECIPIENTS_MAX = 50 };

struct mail_bounce_recipient {
    const char *address; /* lower case */
    const char *action;  /* "failed", "delayed", "delivered", "relayed", "expanded"; of an MDN NULL */
    const char *status;  /* "5.1.1" (RFC 3463); of an MDN its disposition ("displayed"); or NULL */
    const char *reason;  /* one line, what the other side said; or NULL */
};

struct mail_bounce {
    const char *about; /* Message-ID of the mail it is about, without <>; or NULL */
    struct mail_bounce_recipient *recipients;
    size_t recipient_count;
};

/* Whether it is a bounce. has_null_sender: MAIL FROM:<>. Strings are the arena's. */
bool mail_bounce_read(const struct mime *mime, bool has_null_sender, struct arena *arena, struct mail_bounce *out);
/* Whether it is a disposition notification. */
bool mail_bounce_read_mdn(const struct mime *mime, struct arena *arena, struct mail_bounce *out);

#endif
