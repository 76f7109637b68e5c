/* cli/document.h - what the API tells, as a report that the codecs write; and what a format could not carry. */
#ifndef CIRT_CLI_DOCUMENT_H
#define CIRT_CLI_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "codec/losses.h"
#include "codec/statements.h"
#include "model/report.h"

/* An empty one of that label; the strings may be NULL. */
struct report *document_new(const char *team, const char *reference, const char *tlp, int64_t time);

/* The team's own address for incidents, where its domain is known. */
void document_set_domain(struct report *report, const char *domain);

/* Adds an indicator as /v1/exports tells it, an observation of its own. False where it is none that can be written. */
bool document_add_indicator(struct report *report, const json_t *item);

/* Adds what was seen, as /v1/cases/{case}/observables tells it, an observation of its own; what cannot be written counts as rejected. */
void document_add_observable(struct report *report, const json_t *item);
/* The same told with its statements, in these: statements_finish() after the last. */
void document_add_statements(struct report *report, struct statements *statements, const json_t *item);

/* A case as /v1/cases tells it, with notes that are marked for sharing only, and without values. team: whose number the case's id is. */
struct report *document_of_case(const json_t *answer, const char *team);

/* A document of any length, page by page. Each page is also written by itself and read again, to know what the format does not say. */
struct document {
    const struct codec *codec;
    struct report *head; /* the caller's; without observations. Its rejections count what has no place in the document */
    struct codec_writer *writer;
    struct losses losses;
};

/* The observations of the page; the first may have none, and then head has a description. ERR_INPUT where the format cannot say such a
 * document at all. */
bool document_add_page(struct document *document, const struct report *page, const struct codec_out *out, struct err *err) MUST_CHECK;
/* After the last page, of which there is at least one. lost is cleared by the caller: "2 values, 3 roles"; empty where all is said. */
bool document_finish(struct document *document, const struct codec_out *out, struct buf *lost, struct err *err) MUST_CHECK;
void document_clear(struct document *document);

/* Adds "2 values" or "the notes" to a list of what is lost: count of the member of that name (codec/losses.h). */
void document_tell_loss(struct buf *lost, const char *name, size_t count);

#endif
