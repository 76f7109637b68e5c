/* codec/mail_cms.h - what a CMS message is, seen from its first bytes (RFC 5652, RFC 5083, RFC 3274). No cryptography: shape only. */
#ifndef CIRT_CODEC_MAIL_CMS_H
#define CIRT_CODEC_MAIL_CMS_H

#include <stdbool.h>
#include <stddef.h>

enum mail_cms_type {
    MAIL_CMS_NONE,      /* no CMS, or a content type that mail has no use for */
    MAIL_CMS_SIGNED,    /* signedData */
    MAIL_CMS_ENVELOPED, /* envelopedData */
    MAIL_CMS_AUTH_ENVELOPED,
    MAIL_CMS_COMPRESSED
};

struct mail_cms {
    enum mail_cms_type type;
    bool has_content; /* signed: what is signed stands in it (opaque), not beside it */
    bool has_signers; /* signed: there is a SignerInfo; without any it only carries certificates (certs-only) */
};

/* DER or BER, indefinite lengths too. The smime-type parameter of a mail is a claim; this is what counts (RFC 8551 section 3.2.2). */
struct mail_cms mail_cms_peek(const char *bytes, size_t size);

#endif
