/*
 * codec/mail_protected.h - header fields that stand inside the cryptographic envelope (RFC 9788, and the draft before it that older
 * Enigmail, Thunderbird, K-9 and KMail write). They are covered as the payload is; fields outside never are.
 */
#ifndef CIRT_CODEC_MAIL_PROTECTED_H
#define CIRT_CODEC_MAIL_PROTECTED_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/mime.h"

enum mail_protected_scheme {
    MAIL_PROTECTED_NONE,
    MAIL_PROTECTED_RFC9788, /* hp="clear" or hp="cipher" on the payload's Content-Type */
    MAIL_PROTECTED_DRAFT    /* protected-headers="v1" */
};

struct mail_protected {
    enum mail_protected_scheme scheme;
    bool is_cipher;      /* hp="cipher": meant for an encrypted mail */
    const char *subject; /* one line of UTF-8; NULL where it does not stand inside; likewise below */
    const char *from;    /* as written; from_address is its one address, lower case, or NULL where there is not exactly one */
    const char *from_address;
    const char *to, *date, *message_id, *in_reply_to, *references;
    const char **recipients; /* the addresses in To and Cc, lower case */
    size_t recipient_count;
    bool from_differs;    /* the inner From is not the one outer From address */
    bool subject_differs; /* the outer Subject is another (a replaced one, mostly) */
    const char **fields;  /* names of all fields inside, as written, each once */
    size_t field_count;
};

/* What mail_layers_open() puts before the names of the clear part's own fields; dropped from mails as they come. */
#define MAIL_PROTECTED_PREFIX "X-Cirt-Inside-"

/* Where in an opened document what was inside begins: behind the outer fields. */
size_t mail_protected_begin(const struct mime *mime);

/*
 * Reads the payload's fields. has_prefix: the payload is the root of an opened document. from/from_count: the outer From addresses, lower
 * case. Strings live in the arena.
 */
void mail_protected_read(const struct mime *mime, const struct mime_part *payload, bool has_prefix, const char *const *from,
                         size_t from_count, struct arena *arena, struct mail_protected *out);

/* A copy of the subject and so on for people that stands in the payload for readers that know nothing of protected headers:
 * true where the whole part is one (draft). */
bool mail_protected_is_legacy_part(const struct mime *mime, const struct mime_part *part);
/* Takes it off the beginning of the part's decoded text (RFC 9788 section 5.2.2; text/plain and text/html with hp-legacy-display="1"). */
void mail_protected_strip_legacy(const struct mime *mime, const struct mime_part *part, struct buf *text);

#endif
