/*
 * codec/mail_auth.h - what our own MTA found out about a mail: Authentication-Results (RFC 8601) and the marks of spam filters.
 *
 * The operator promises two things, and docs/OPERATIONS.md says how to keep them: the MTA removes Authentication-Results that already bear
 * its name when mail comes in (RFC 8601 section 5), and spam marks are its own filter's. Against a forgotten promise only the topmost
 * fields count: those with our name down to the first Received below them.
 */
#ifndef CIRT_CODEC_MAIL_AUTH_H
#define CIRT_CODEC_MAIL_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/mime.h"

enum { MAIL_AUTH_DKIM_MAX = 10 };

/* Results are the RFC's words: pass, fail, none, neutral, softfail, policy, temperror, permerror, ...; lower case. */
struct mail_auth {
    const char *dmarc, *dmarc_domain; /* or NULL; the domain is header.from's, lower case */
    const char *spf, *spf_domain;     /* smtp.mailfrom's domain, else smtp.helo's */
    struct {
        const char *result, *domain; /* header.d, else the domain of header.i; or NULL */
    } dkim[MAIL_AUTH_DKIM_MAX];
    size_t dkim_count;
    bool is_spam, has_spam; /* has_spam: a filter said whether it is */
    double spam_score;      /* where has_spam_score */
    bool has_spam_score;
};

/* The arena's strings. authserv_id NULL: no Authentication-Results are believed. */
void mail_auth_read(const struct mime *mime, const char *authserv_id, struct arena *arena, struct mail_auth *out);

/* The best of the DKIM results: "pass" where one passed, else the first; NULL where there is none. */
const char *mail_auth_dkim(const struct mail_auth *auth);

#endif
