/*
 * codec/mail_layers.h - the cryptographic structure of a mail, for the stages that verify and open it. The report itself comes out of
 * mail_codec (registry).
 *
 * The envelope is the chain of cryptographic layers from the root inward (RFC 9787); only it says something about the message. Layers
 * elsewhere (behind a list's footer, in a forwarded mail) say something about that part only.
 */
#ifndef CIRT_CODEC_MAIL_LAYERS_H
#define CIRT_CODEC_MAIL_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "codec/mime.h"

enum mail_layer_kind { MAIL_SIGNED = 1, MAIL_ENCRYPTED = 2 };

/* One PGP/MIME structure (RFC 3156). The bytes are the layers' arena's. */
struct mail_layer {
    enum mail_layer_kind kind;
    const char *path;    /* of the multipart/signed or multipart/encrypted */
    bool is_envelope;    /* part of the chain from the root: it holds every part of the message that is shown */
    bool is_sound;       /* exactly the two parts the RFC wants, structure agreed by both parsers */
    const char *content; /* signed: the covered bytes, line ends CRLF. encrypted: the OpenPGP message */
    size_t content_size;
    const char *signature; /* signed only: the signature, as it came (armoured or not) */
    size_t signature_size;
};

struct mail_layers {
    struct arena *arena;
    struct mail_layer *layers; /* in document order */
    size_t count, capacity;
    const char **from; /* the addresses of all From fields of the message, lower case; a verdict needs exactly one */
    size_t from_count;
};

/* Finds them. Errors as mime_parse(). *out is the caller's and borrows nothing. */
bool mail_layers_read(const char *bytes, size_t size, const struct codec_limits *limits, struct mail_layers **out,
                      struct err *err) MUST_CHECK;
/* The same of a mail that is parsed already. */
struct mail_layers *mail_layers_of(const struct mime *mime);
void mail_layers_free(struct mail_layers *layers); /* NULL is fine */

/*
 * The mail as it reads once its encrypted root was opened: the outer header without its Content- fields, then the clear MIME part.
 * Decoding and mail_layers_read() take the result as any mail. ERR_INPUT where the root of the mail is not encrypted (opening
 * anything else would let a stranger wrap a ciphertext into text of his own). Of the clear part's header only the Content- fields count:
 * who sent the mail is what the outer header says.
 */
bool mail_layers_open(const char *bytes, size_t size, const char *clear, size_t clear_size, struct buf *out, struct err *err) MUST_CHECK;

#endif
