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
#include "model/report.h"

/* An empty one of that label; the strings may be NULL. */
struct report *document_new(const char *team, const char *reference, const char *tlp, int64_t time);

/* The team's own address for incidents, where its domain is known. */
void document_set_domain(struct report *report, const char *domain);

/* Adds an indicator as /v1/exports tells it, an observation of its own. False where it is none that can be written. */
bool document_add_indicator(struct report *report, const json_t *item);

/* Adds what was seen, as /v1/cases/{case}/observables tells it, an observation of its own; what cannot be written counts as rejected. */
void document_add_observable(struct report *report, const json_t *item);

/* A case as /v1/cases tells it, with notes that are marked for sharing only, and without values. team: whose number the case's id is. */
struct report *document_of_case(const json_t *answer, const char *team);

/* Adds the document without observations that the format cannot say (they go from the report), and into lost (cleared by the caller) what
 * it does not say any more, by reading it again: "2 values, 3 roles"; empty where all is there. */
bool document_write(struct report *report, const struct codec *codec, struct buf *out, struct buf *lost, struct err *err) MUST_CHECK;

/* Adds "2 values" or "the notes" to a list of what is lost: count of the member of that name (codec/losses.h). */
void document_tell_loss(struct buf *lost, const char *name, size_t count);

#endif
