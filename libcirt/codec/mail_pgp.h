/* codec/mail_pgp.h - OpenPGP in mail: armoured blocks in text, and what an OpenPGP message is by its packets (RFC 9580). Shape only. */
#ifndef CIRT_CODEC_MAIL_PGP_H
#define CIRT_CODEC_MAIL_PGP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum mail_pgp_kind {
    MAIL_PGP_NONE,      /* no OpenPGP, or nothing that protects anything (a bare literal) */
    MAIL_PGP_ENCRYPTED, /* begins with a session key or encrypted data */
    MAIL_PGP_MESSAGE,   /* signed (one-pass or old), or compressed, which hides a signed one: its content comes out by verifying it */
    MAIL_PGP_CLEAR,     /* the cleartext signature framework: text and signature in one block */
    MAIL_PGP_SIGNATURE, /* signatures alone: detached */
    MAIL_PGP_KEY,       /* public keys */
    MAIL_PGP_SECRET     /* somebody sent a secret key */
};

/* Armoured or binary. Of armour only what begins on the first line that is not blank. */
enum mail_pgp_kind mail_pgp_peek(const char *bytes, size_t size);

/* A message whose content is not readable as it stands. */
bool mail_pgp_is_closed(enum mail_pgp_kind kind);

/* An armoured block in text. */
struct mail_pgp_block {
    enum mail_pgp_kind kind;
    size_t at, end;           /* with its first and last line, without the line end behind it */
    bool is_sound;            /* has its end; of MAIL_PGP_CLEAR: only Hash headers, dashes escaped */
    size_t text_at, text_end; /* of MAIL_PGP_CLEAR: the text as it stands there, and where the armour of its signature begins */
};

/* The next block that begins at the start of a line at or behind `from`. A block without end goes up to the end of the text. */
bool mail_pgp_next(const char *text, size_t size, size_t from, struct mail_pgp_block *out);

/* What the signature of a MAIL_PGP_CLEAR block covers (RFC 9580 section 7): dash escapes undone, blanks at line ends gone, line ends CRLF,
 * none behind the last line. As a detached signature of type 0x01 over these bytes it verifies the same. False when out is full. */
bool mail_pgp_clear_text(const char *text, const struct mail_pgp_block *block, struct buf *out);

#endif
