/* codec/mime_encode.h - content transfer encodings for mail that we write (RFC 2045 section 6), in the form that survives every
 * transport and needs no change to be signed (RFC 3156 section 3, RFC 8551 section 3.1): 7 bits, CRLF, lines of at most 76. */
#ifndef CIRT_CODEC_MIME_ENCODE_H
#define CIRT_CODEC_MIME_ENCODE_H

#include <stddef.h>

#include "base/buf.h"

enum { MIME_ENCODE_LINE_MAX = 76 };

/* The encoding that suits text with LF line ends: "7bit" where it needs none, "quoted-printable" where most of it stays readable,
 * "base64" otherwise. Never 7bit for what a transport may touch ("From ", a lone dot, blanks at a line's end) or what could be a
 * boundary of ours ("=_"). */
const char *mime_encode_choose(const char *text, size_t size);

/* Adds text with LF line ends in one of the three encodings above, ending with CRLF. */
void mime_encode_text(struct buf *out, const char *encoding, const char *text, size_t size);

/* Adds bytes as base64 in lines, each ending with CRLF. */
void mime_encode_base64(struct buf *out, const void *bytes, size_t size);

#endif
