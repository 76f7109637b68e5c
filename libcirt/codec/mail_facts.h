/*
 * codec/mail_facts.h - what a mail says about itself beside its content, for finding the case and for trust: numbers, tags, whether it is a
 * bounce or an automatic answer, what our own MTA found out, and keys that came with it. All claims but Authentication-Results.
 */
#ifndef CIRT_CODEC_MAIL_FACTS_H
#define CIRT_CODEC_MAIL_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "codec/codec.h"
#include "codec/mail_auth.h"
#include "codec/mail_bounce.h"
#include "codec/mail_keys.h"
#include "codec/mail_layers.h"

/* What the caller knows and the mail does not. */
struct mail_facts_context {
    struct mail_inside inside; /* what the document was taken out of: facts are read from the innermost one */
    const char *authserv_id;   /* how our MTA signs its Authentication-Results (RFC 8601 section 2.5); NULL: nobody is believed */
    const char *envelope_from; /* MAIL FROM, "" the null sender; NULL: not known, Return-Path is read instead */
};

enum mail_facts_kind {
    MAIL_KIND_MESSAGE,
    MAIL_KIND_AUTO_REPLY, /* RFC 3834, and the older forms: somebody's mailbox answered, nobody did */
    MAIL_KIND_LIST,       /* came over a mailing list, or in bulk with a way to leave it (List-Unsubscribe) */
    MAIL_KIND_BOUNCE,     /* RFC 3464, and what is meant so */
    MAIL_KIND_MDN         /* RFC 8098 */
};

struct mail_facts {
    struct arena *arena;                  /* owns all below */
    const char *message_id, *in_reply_to; /* without <>; or NULL */
    const char **references;
    size_t reference_count;
    const char **tags; /* what stands in [brackets] in the subject, outside and protected, each once, as written */
    size_t tag_count;
    const char *author; /* the only From address outside, lower case; NULL where there is none, are several, or it is longer than any is */
    enum mail_facts_kind kind;
    bool is_automatic; /* nobody wrote it by hand: never to be answered automatically. Of a message: a program's report (RFC 3834
                          auto-generated, or in bulk and over no list), a ticket system's mail, or no answer is wanted
                          (X-Auto-Response-Suppress) */
    bool has_null_sender;
    struct mail_bounce bounce; /* of a bounce or MDN */
    struct mail_auth auth;
    struct mail_keys keys;
};

/* Errors as mime_parse(). context may be NULL. *out is the caller's and borrows nothing. */
bool mail_facts_read(const char *bytes, size_t size, const struct codec_limits *limits, const struct mail_facts_context *context,
                     struct mail_facts **out, struct err *err) MUST_CHECK;
/* The same of a mail that is parsed already, with its layers. */
struct mail_facts *mail_facts_of(const struct mime *mime, const struct mail_layers *layers, const struct mail_facts_context *context);
void mail_facts_free(struct mail_facts *facts); /* NULL is fine */

const char *mail_facts_kind_name(enum mail_facts_kind kind); /* "message", "auto-reply", "list", "bounce", "mdn" */

#endif
