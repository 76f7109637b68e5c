/*
 * codec/mail_voices.h - who speaks in a mail: those it names as authors, its own and those of the mails within it, and those whose words
 * its text passes on, by the head of a forwarded mail ("From: ...") or the line over a quotation ("... wrote:"). All claims: they say whose
 * words must not go on, never whose they are. A text that quotes nobody names nobody, however often an address stands in it.
 */
#ifndef CIRT_CODEC_MAIL_VOICES_H
#define CIRT_CODEC_MAIL_VOICES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "codec/mime.h"

/* Lower case, each once; those after the first 200 are not told. text: what the mail says, or NULL. All in the arena. */
const char **mail_voices(const struct mime *mime, const char *text, struct arena *arena, size_t *count);

/* Does the head of a mail that is passed on begin with this line ("From: ...", in the languages that mail programs write it in)? */
bool mail_voices_is_head(const char *line, size_t size);

#endif
