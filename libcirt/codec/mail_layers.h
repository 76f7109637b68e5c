/*
 * codec/mail_layers.h - the cryptographic structure of a mail, for the stages that verify and open it. The report itself comes out of
 * mail_codec (registry).
 *
 * The envelope is the chain of cryptographic layers from the root inward (RFC 9787); only it says something about the message. Layers
 * elsewhere (behind a list's footer, in a forwarded mail, in an attached file) say something about that part only.
 *
 * A closed layer of the envelope hides what is in it until somebody with a key (or who can verify an opaque signature, or inflate) opens
 * it. The caller goes step by step: mail_layers_read(), open the closed envelope layer, mail_layers_open() makes the next document out of
 * it, mail_layers_read() of that, at most MAIL_STEPS_MAX times. Signed layers of each step are verified with the bytes of that step.
 *
 *     struct mail_hints hints = {0};
 *     for (;;) {
 *         mail_layers_read(bytes, size, limits, &hints.inside, &layers, err);
 *         const struct mail_layer *closed = mail_layers_closed(layers);
 *         if (!closed || hints.inside.steps == MAIL_STEPS_MAX || !(clear = ... open closed->content ...))
 *             break;
 *         mail_layers_open(bytes, size, closed->path, clear, clear_size, &hints.inside, &next, err);
 *         hints.inside.is_signed |= ... there were signatures in the OpenPGP message, too ...;
 *         bytes = next
 *     }
 *     codec_decode(&mail_codec, bytes, size, limits, &(struct codec_hints){.mail = &hints}, &report, err);
 *
 * Standards: RFC 3156, RFC 9580 section 6 and 7, RFC 8551, RFC 9787, RFC 9788.
 */
#ifndef CIRT_CODEC_MAIL_LAYERS_H
#define CIRT_CODEC_MAIL_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "codec/mail_protected.h"
#include "codec/mime.h"

enum { MAIL_STEPS_MAX = 6, MAIL_LAYERS_MAX = 100 };

enum mail_layer_kind { MAIL_SIGNED = 1, MAIL_ENCRYPTED = 2, MAIL_COMPRESSED = 3 };
enum mail_layer_protocol { MAIL_OPENPGP = 1, MAIL_SMIME = 2 };
enum mail_layer_form {
    MAIL_MULTIPART = 1, /* multipart/signed, multipart/encrypted, and the latter as Exchange mangles it */
    MAIL_OPAQUE = 2,    /* application/pkcs7-mime: one CMS message, whatever its smime-type says */
    MAIL_INLINE = 3,    /* an armoured block in a text part; in HTML only what is closed, and never the envelope */
    MAIL_ATTACHED = 4   /* a file: encrypted or signed, or a detached signature beside the file it is for */
};

/*
 * One layer. The bytes are the layers' arena's. What to do with it:
 *   signed, signature set            verify detached: content with signature (OpenPGP inline and multipart, attached .sig; S/MIME
 * multipart) signed, signature NULL, closed   verify; the clear bytes come out of it (CMS signedData; OpenPGP message that is signed or
 * compressed) encrypted, closed                decrypt (an OpenPGP message may hold signatures of its own) compressed, closed inflate (CMS
 * compressedData)
 */
struct mail_layer {
    enum mail_layer_kind kind;
    enum mail_layer_protocol protocol;
    enum mail_layer_form form;
    const char *path;         /* of the part it is; "1.2#1" is the first armoured block in part 1.2 where it is not the whole part */
    const char *covered_path; /* of the part its content is: the first child, the file, the block; path itself where it is closed */
    const char *name;         /* attached: the file's name without .asc, .gpg, .pgp, .sig; or NULL */
    bool is_envelope;         /* part of the chain from the root: it holds every part of the message that is shown */
    bool is_sound;            /* of the shape its standard wants, and cut at the same places by both parsers; else it has no bytes, and says
                                 nothing good */
    bool is_closed;           /* what it holds is not readable before it is opened */
    bool is_openable;    /* closed, sound, and may be opened: as envelope (mail_layers_open), or on its own (struct mail_opened). Never so
                            for encrypted parts elsewhere in the tree: that is how EFAIL wraps a stolen ciphertext */
    const char *problem; /* why it is not sound, for a person; else NULL */
    /* what is covered (multipart and inline: line ends CRLF; a file sent as text: LF), or the closed message as it came (armoured or
     * binary) */
    const char *content;
    size_t content_size;
    const char *signature; /* detached: the signature as it came (armoured, binary, DER); else NULL */
    size_t signature_size;
};

/* What the document at hand was taken out of: zeroed for a mail as it came, carried on by mail_layers_open(). */
struct mail_inside {
    unsigned steps;    /* layers opened on the way */
    bool is_encrypted; /* one of them was encrypted */
    bool is_signed; /* all of the document stands inside a signed layer that was left behind. Set it too where an OpenPGP message that was
                       opened held signatures */
};

/* An openable layer that is no envelope, opened: shown as a part of its own, never as the message's text (covert content). */
struct mail_opened {
    const char *path;  /* the layer's */
    const char *clear; /* what was in it; NULL where it could not be opened */
    size_t clear_size;
    const char *signatures; /* JSON text of what is known about the signatures in it, told as it is; or NULL */
};

/* What only the stages know about a mail that mail_codec decodes (codec_hints.mail). Zeroed: a mail as it came. */
struct mail_hints {
    struct mail_inside inside;
    const struct mail_opened *opened; /* paths are those of the document at hand */
    size_t opened_count;
    const struct mime *mime;          /* of the very bytes to decode, parsed already, with its layers: saves doing it again. Or NULL */
    const struct mail_layers *layers; /* NULL with mime */
};

struct mail_layers {
    struct arena *arena;
    struct mail_layer *layers; /* in document order, at most MAIL_LAYERS_MAX */
    size_t count, capacity;
    const char **from; /* the addresses of all From fields outside, lower case; a verdict needs exactly one */
    size_t from_count;
    const char *payload_path;        /* the part inside all layers of the envelope that are readable; NULL while the last one is closed */
    struct mail_protected protected; /* its header fields, where it has some */
    char payload_sha256[65]; /* of the bytes the outermost signature of the envelope covers, else of an opened payload as it stood in
                                its encryption; "" where nothing is signed or opened. For finding replays */
};

/* Finds them. Errors as mime_parse(). inside may be NULL (a mail as it came). *out is the caller's and borrows nothing. */
bool mail_layers_read(const char *bytes, size_t size, const struct codec_limits *limits, const struct mail_inside *inside,
                      struct mail_layers **out, struct err *err) MUST_CHECK;
/* The same of a mail that is parsed already. */
struct mail_layers *mail_layers_of(const struct mime *mime, const struct mail_inside *inside);
void mail_layers_free(struct mail_layers *layers); /* NULL is fine */

/* The closed envelope layer (there is one at most: the innermost), or NULL. */
const struct mail_layer *mail_layers_closed(const struct mail_layers *layers);
/* The layer of that path, or NULL. */
const struct mail_layer *mail_layers_find(const struct mail_layers *layers, const char *path);

const char *mail_layer_kind_name(enum mail_layer_kind kind);             /* "signed", "encrypted", "compressed" */
const char *mail_layer_protocol_name(enum mail_layer_protocol protocol); /* "openpgp", "smime" */
const char *mail_layer_form_name(enum mail_layer_form form);             /* "multipart", "opaque", "inline", "attached" */

/*
 * The mail as it reads once the closed envelope layer at `path` was opened: the outer header without its Content- fields, then the clear
 * MIME part (of an inline layer: the clear text). *inside (never NULL) is what `bytes` stands inside of, and becomes what the result does.
 * mail_layers_read() and mail_codec take the result as any mail. The clear part's own header fields are kept apart from the outer ones
 * (mail_protected): who sent the mail is what the outer header says.
 *
 * ERR_INPUT where `path` is no closed layer of the envelope (opening anything else would let a stranger wrap a ciphertext into text of his
 * own), ERR_LIMIT where the result does not fit into out.
 */
bool mail_layers_open(const char *bytes, size_t size, const char *path, const char *clear, size_t clear_size, struct mail_inside *inside,
                      struct buf *out, struct err *err) MUST_CHECK;

#endif
