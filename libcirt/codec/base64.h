/* codec/base64.h - RFC 4648 section 4. */
#ifndef CIRT_CODEC_BASE64_H
#define CIRT_CODEC_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

void base64_encode(struct buf *out, const unsigned char *bytes, size_t size);
/* Whole text without blanks, padded. False for anything else or more than size_max bytes. */
bool base64_decode(const char *text, unsigned char *bytes, size_t size_max, size_t *size) MUST_CHECK;

#endif
