/*
 * cirtd/share_document.h - the document that a share is: made of the items that were decided and of nothing else. desk asks what a format
 * can carry of them before they are ordered; the share stage writes what was ordered.
 */
#ifndef CIRT_CIRTD_SHARE_DOCUMENT_H
#define CIRT_CIRTD_SHARE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/losses.h"
#include "model/tlp.h"

/* As RFC 6545 has it, and unless something else is asked for. */
#define SHARE_FORMAT_RID "rid"
/* A hint for who named another. */
#define SHARE_FORMATS "one of rid json ndjson iodef iodef-json stix misp xarf; lists leave by cirt indicator export"

/* Whose case it is, and for whom. The strings are the caller's and live as long as the document. */
struct share_head {
    const char *format;             /* share_format_is_known() */
    const char *case_name, *prefix; /* the case's number, and who issued it */
    const char *team, *domain;      /* who writes */
    const char *peer, *rid_url;     /* who reads; rid_url may be NULL */
    enum tlp tlp;                   /* of the document */
    int64_t time;                   /* of the order, not the clock: written again it is the same document */
    int part;                       /* of several documents, each complete in itself: which; 0 or 1: the first */
    size_t bytes_max;               /* longer it is none: ERR_LIMIT; share_document_bytes_max() */
};

struct share_document;

/* "rid", or a format of codec/export.h that is a document and no list. */
bool share_format_is_known(const char *format);
/* As RFC 6545 has it: "text/xml"; else the format's own. */
const char *share_format_media_type(const char *format);

/* What a document may have: by HTTPS as much as a peer's cirt reads, by mail what an MTA takes as attachment, encoded and encrypted. */
size_t share_document_bytes_max(bool is_by_mail);

struct share_document *share_document_new(const struct share_head *head);
void share_document_free(struct share_document *document); /* NULL is fine */

/* The next item: "case", "note" or "sighting", and its content as share_candidates() has it. */
bool share_document_add(struct share_document *document, const char *kind, const char *ref, enum tlp tlp, const char *content,
                        struct err *err) MUST_CHECK;

/* After the last item: is_carried[i] of the i-th item that was added, and what else the format has no place for. ERR_INPUT where it can
 * say nothing of it. */
bool share_document_try(struct share_document *document, bool *is_carried, struct losses *losses, struct err *err) MUST_CHECK;

/* After the last item: the document. It was read back: it says all of the items, none under a wider label or as an indicator that it is
 * not, and nothing else. ERR_DENIED, ERR_INPUT where not. */
bool share_document_write(struct share_document *document, struct buf *out, struct err *err) MUST_CHECK;

#endif
