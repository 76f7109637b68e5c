/* codec/mail_keys.h - keys and certificates that came with a mail. Candidates only: who they belong to is for a person to say. */
#ifndef CIRT_CODEC_MAIL_KEYS_H
#define CIRT_CODEC_MAIL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/mime.h"

enum { MAIL_KEYS_MAX = 20 };

enum mail_key_source { MAIL_KEY_AUTOCRYPT = 1, MAIL_KEY_ATTACHED = 2 };

struct mail_key {
    enum mail_key_source source;
    bool is_certificate;    /* S/MIME: DER or PEM of certificates, or a CMS message that carries them; else OpenPGP, armoured or binary */
    const char *address;    /* Autocrypt: the address it is said to be for; else NULL */
    bool prefers_encrypted; /* Autocrypt: prefer-encrypt=mutual */
    const char *path;       /* attached: of the part; else NULL */
    const char *bytes;
    size_t size;
};

struct mail_keys {
    struct mail_key *items;
    size_t count;
};

/*
 * Autocrypt (Autocrypt 1.1 section 2): at most one, and only where the header is valid, is the only valid one, names the one From address
 * (from, lower case), and the mail is no multipart/report. Attached: application/pgp-keys and files that hold a public key block;
 * certificates (.cer, .crt, .p7c, application/pkix-cert, certs-only). Not those inside of forwarded mails. Secret keys are left out.
 */
void mail_keys_read(const struct mime *mime, const char *const *from, size_t from_count, struct arena *arena, struct mail_keys *out);

const char *mail_key_source_name(enum mail_key_source source); /* "autocrypt", "attachment" */

#endif
