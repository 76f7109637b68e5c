/* codec/mime_body.h - what a mail part says once its transfer encoding (RFC 2045 section 6) and charset are undone. */
#ifndef CIRT_CODEC_MIME_BODY_H
#define CIRT_CODEC_MIME_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "codec/mime.h"

/* The body with base64, quoted-printable or uuencode undone, leniently: stray bytes are skipped. False when out is full. */
bool mime_body(const struct mime *mime, const struct mime_part *part, struct buf *out);

/* As above, then from its charset to well-formed UTF-8 with LF line ends; what cannot be read is U+FFFD. A body that claims no charset,
 * or us-ascii, or one nobody knows, is taken as UTF-8 where it is that, else as windows-1252; so is one that claims a western charset and
 * plainly is UTF-8, or the other way round. HTML without a charset may name it itself. False when out is full. */
bool mime_body_text(const struct mime *mime, const struct mime_part *part, struct buf *out);

/* The same for decoded bytes that are part of a body. charset may be NULL. */
bool mime_text(const char *charset, const char *bytes, size_t size, struct buf *out);

#endif
