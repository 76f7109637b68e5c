/*
 * codec/mail_field.h - header fields of mail that we write: folded, 7 bits, and never more than the one field.
 *
 * A value with a control character (CR, LF and NUL are how fields are smuggled in) is refused, not repaired. Standards: RFC 5322
 * sections 2.2 and 3.6, RFC 2047 (UTF-8, in words of whole characters), RFC 2231 (parameters).
 *
 * All functions add one field, CRLF included, to out; a full buffer shows in out->full. `name` may be two names ("HP-Outer: To").
 * False with err->at the field's name: ERR_INPUT.
 */
#ifndef CIRT_CODEC_MAIL_FIELD_H
#define CIRT_CODEC_MAIL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct mail_person {
    const char *name;    /* UTF-8; NULL or "": none */
    const char *address; /* as a person writes it; the domain may be an internationalised one */
};

/* Unstructured text: Subject. Blanks in a row become one. */
bool mail_field_text(struct buf *out, const char *name, const char *value, struct err *err) MUST_CHECK;

/* From, To, Cc. Names in quotes or RFC 2047 words; each address as mail_field_address() writes it. */
bool mail_field_people(struct buf *out, const char *name, const struct mail_person *people, size_t count, struct err *err) MUST_CHECK;

/* Message-ID, In-Reply-To, References: each id with or without its angle brackets. They come from outside as a rule: what is no id
 * that could be written (blanks, not ASCII, too long) is left out, and the field where nothing is left; a control character is an error. */
bool mail_field_ids(struct buf *out, const char *name, const char *const *ids, size_t count, struct err *err) MUST_CHECK;

/* RFC 5322 section 3.3, in UTC. */
bool mail_field_date(struct buf *out, const char *name, int64_t moment, struct err *err) MUST_CHECK;

/* A value and its parameters on one or more lines: Content-Type, Content-Disposition. A parameter is quoted where it is ASCII, else
 * written as RFC 2231 says, in pieces where it is long. parameters: pairs of name and value, ended by NULL; a pair with value NULL is left
 * out. */
bool mail_field_with_parameters(struct buf *out, const char *name, const char *value, const char *const *parameters,
                                struct err *err) MUST_CHECK;

/* Adds the address as it goes into headers and envelopes: the local part as it is (quoted where it must be), the domain as A-labels in
 * lower case. ERR_INPUT where it is none; a local part that is not ASCII is refused, since no relay has to take it (RFC 6531). */
bool mail_field_address(struct buf *out, const char *address, struct err *err) MUST_CHECK;

/* Whether the text is an id as RFC 5322 section 3.6.4 has it, brackets included, short enough for a line. */
bool mail_field_is_id(const char *text);

#endif
