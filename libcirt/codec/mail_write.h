/*
 * codec/mail_write.h - outgoing mail: the entity that is signed, the layers around it, the message.
 *
 *   signed only             payload -> (signature) -> mail_write_signed -> mail_write_message
 *   OpenPGP and encrypted   payload -> (sign and encrypt in one, RFC 3156 section 6.2) -> mail_write_encrypted -> mail_write_message
 *   S/MIME and encrypted    payload -> (signature) -> mail_write_signed -> (encrypt) -> mail_write_encrypted -> mail_write_message
 *
 * Everything is a function of its arguments, boundaries too, so that what was decided on is, byte for byte, what is signed and sent.
 * What is written is 7 bits, CRLF, without lines that a transport changes (codec/mime_encode.h). Header fields are protected as RFC 9788
 * says: the real ones stand in the payload (hp="clear" or "cipher"); outside of what is encrypted stands the reference instead of the
 * subject, and nothing but From, To, Cc, Date, Message-ID, In-Reply-To, References, Auto-Submitted, Autocrypt and the MIME fields. There is
 * no Bcc: a hidden recipient gets a message of his own.
 *
 * ERR_INPUT where the draft cannot be written (err->at: the field), ERR_LIMIT where out is full. What out held before stays before it.
 */
#ifndef CIRT_CODEC_MAIL_WRITE_H
#define CIRT_CODEC_MAIL_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/mail_field.h"

enum mail_write_scheme { MAIL_WRITE_OPENPGP = 1, MAIL_WRITE_SMIME = 2 };

struct mail_write_file {
    const char *name;       /* file name, UTF-8; slashes and backslashes are written as "_" */
    const char *media_type; /* "text/csv"; NULL, or one that may not be encoded (message, multipart): application/octet-stream */
    const void *bytes;
    size_t size;
};

struct mail_draft {
    struct mail_person from;
    const struct mail_person *to, *cc; /* none at all: "undisclosed-recipients:;" */
    size_t to_count, cc_count;
    const char *reference; /* "XX-CERT-2026-000042" or NULL; stands in brackets before the subject */
    const char *label;     /* "TLP:AMBER" or NULL; stands before the subject and at the start of the text */
    const char *subject;   /* a label or the reference at its beginning gives way to the draft's own */
    int64_t date;          /* microseconds */
    const char *message_id;
    const char *in_reply_to; /* or NULL */
    const char *const *references;
    size_t reference_count;
    const char *language; /* BCP 47 ("fr-CA") or NULL */
    const char *text;     /* UTF-8, LF or CRLF */
    const struct mail_write_file *files;
    size_t file_count;
    const void *autocrypt; /* our public key as OpenPGP packets, not armoured; NULL: none. Left out beyond 10 KiB when encoded, as readers
                            * need not take it (Autocrypt 1.1 section 2.1) */
    size_t autocrypt_size;
    const char *auto_submitted; /* NULL for what a person sends, "auto-replied" or "auto-generated" (RFC 3834) */
    bool is_encrypted;
};

/* Whether it is a language tag (BCP 47) that a mail may carry. */
bool mail_write_is_language(const char *tag);

/* The MIME entity that is signed, and encrypted: protected header fields, text, files. A text that begins with another label than the
 * draft's is refused. */
bool mail_write_payload(const struct mail_draft *draft, struct buf *out, struct err *err) MUST_CHECK;

/* The same but for the bytes: whether mail_write_payload() and mail_write_message() would take the draft. */
bool mail_write_check(const struct mail_draft *draft, struct err *err) MUST_CHECK;

/* multipart/signed (RFC 3156 section 5, RFC 8551 section 3.5.3) of the payload as it was signed and its detached signature: armoured for
 * OpenPGP, DER for S/MIME. hash: what the signature used ("sha256", "SHA512"). message_id: the draft's, for the boundary. */
bool mail_write_signed(enum mail_write_scheme scheme, const char *payload, size_t payload_size, const void *signature,
                       size_t signature_size, const char *hash, const char *message_id, struct buf *out, struct err *err) MUST_CHECK;

/* multipart/encrypted (RFC 3156 section 4) of an armoured message, or application/pkcs7-mime (RFC 8551 section 3.3) of DER: enveloped-data
 * or authEnveloped-data, whichever it is. */
bool mail_write_encrypted(enum mail_write_scheme scheme, const void *cipher, size_t cipher_size, const char *message_id, struct buf *out,
                          struct err *err) MUST_CHECK;

/* The whole message: outer header, then the entity that one of the two functions above made. */
bool mail_write_message(const struct mail_draft *draft, const char *entity, size_t entity_size, struct buf *out,
                        struct err *err) MUST_CHECK;

/* The subject as it is written: "[XX-CERT-2026-000042] TLP:AMBER Re: phishing". outside: as it stands in the outer header. */
void mail_write_subject(const struct mail_draft *draft, bool outside, struct buf *out);

/* What a reply's subject is: "Re: " and the subject without its own "Re:", reference and labels, made harmless, in one line. */
void mail_write_reply_subject(const char *subject, const char *reference, struct buf *out);

struct mail_quote {
    const char *name, *address; /* whom; either may be NULL */
    int64_t date;               /* microseconds, or TIMESTAMP_NONE */
    const char *text;           /* what may be quoted and nothing else: UTF-8, LF */
    size_t lines_max;
};

/* "2026-11-20 10:12 UTC, Alice <alice@yy.example>:" (no words, so no language), then the text with "> ", ended where its signature
 * ("-- ") begins or with "> [...]" at lines_max. Control characters and bidi overrides become U+FFFD. False when out is full. */
bool mail_write_quote(const struct mail_quote *quote, struct buf *out);

#endif
