/*
 * codec/misp_own.h - what our own exports say in tags of the namespace "cirt" and in attributes marked with them, since MISP has no
 * place for it. Written by misp_encode.c:
 *   event:      cirt:event="1", cirt:reference, cirt:creator, cirt:lang, cirt:case-kind, cirt:class
 *   attribute:  cirt:observation="N": belongs to the N-th observation, "0" to the report itself
 *               cirt:is="description", "extra", "value" (of cirt:type) or "nothing": what its text is
 *               cirt:role, cirt:confidence, cirt:valid-until of the value
 *               cirt:count, cirt:protocol, cirt:source-port, cirt:target-port, cirt:time, cirt:class of the observation, on its first
 * Like all that a document says about itself these are claims, and say nothing that other formats could not.
 */
#ifndef CIRT_CODEC_MISP_OWN_H
#define CIRT_CODEC_MISP_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "codec/json_take.h"
#include "model/report.h"

/* True for an event that we wrote. */
bool misp_own_event(const json_t *event);

/* The head's own tags into the report; the event's bookkeeping goes, what else is in it stays. */
void misp_own_head(struct report *report, json_t *event);

/* The number of the observation that an attribute belongs to; -1 where it has none. */
int misp_own_number(const json_t *attribute);

/* Reads an attribute of number 0 into the report, another into take->observation. Takes all it knows out of the attribute. */
void misp_own_attribute(const struct json_take *take, int number);

#endif
