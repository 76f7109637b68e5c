/*
 * codec/mail_xarf.h - X-ARF 0.1 and 0.2: a part of a mail, "report.txt", that says in YAML what the mail says in words. Mails of that kind
 * bear "X-XARF: PLAIN", "SECURE" (then they are signed as a whole) or "BULK" (then there are several), the oldest "X-ARF: yes". All it
 * says is the sender's claim; its Schema-URL is never fetched.
 */
#ifndef CIRT_CODEC_MAIL_XARF_H
#define CIRT_CODEC_MAIL_XARF_H

#include <stdbool.h>

#include "codec/codec.h"
#include "codec/mime.h"

/* Not in the registry: there is no such document without its mail. decode() gives an observation for each document of the YAML stream.
 * ERR_INPUT with the line for wrong YAML, tags, anchors and aliases; with the field for what is missing. */
extern const struct codec mail_xarf_codec;

/* Text that has the fields of X-ARF at the start of lines. */
bool mail_xarf_is(const char *bytes, size_t size);

/* The part is such a report: by its name or the mail's header, and by what stands in it. */
bool mail_xarf_is_part(const struct mime *mime, const struct mime_part *part);

#endif
