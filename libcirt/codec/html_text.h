/*
 * codec/html_text.h - HTML made readable as plain text. No rendering, nothing fetched: tags go, scripts and styles go with their
 * content, entities are resolved, and the target of a link stands behind its text where the two differ.
 */
#ifndef CIRT_CODEC_HTML_TEXT_H
#define CIRT_CODEC_HTML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* html is UTF-8. False when out is full. */
bool html_text(const char *html, size_t size, struct buf *out);

#endif
