/*
 * codec/taxii_page.h - what pages of a TAXII 2.1 collection (OASIS TAXII 2.1, section 3.7, the envelope) say about the next one. The
 * objects in them are somebody else's to read: this scanner keeps no tree and needs no memory, so that it can stand beside credentials.
 */
#ifndef CIRT_CODEC_TAXII_PAGE_H
#define CIRT_CODEC_TAXII_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum { TAXII_PAGE_NEXT_SIZE = 2048 };

struct taxii_page {
    bool more;
    bool has_objects;                /* at least one */
    char next[TAXII_PAGE_NEXT_SIZE]; /* opaque; "" for none */
};

/* ERR_INPUT with the place ("byte 17") where it is no JSON object, or these members are not what the standard says; ERR_LIMIT for a `next`
 * that is too long. */
bool taxii_page_read(const char *bytes, size_t size, struct taxii_page *page, struct err *err) MUST_CHECK;

/* Whether that object came before; asked once for each, in order. */
typedef bool (*taxii_page_is_known)(void *context, const char *bytes, size_t size);

/* Takes the objects that are known out of a page that taxii_page_read() took. False: they cannot be told apart (no reader of STIX takes
 * such a page either), and it stays as it is. */
bool taxii_page_leave_out(struct buf *page, taxii_page_is_known is_known, void *context) MUST_CHECK;

#endif
