/*
 * codec/mime.h - the structure of a mail: where each part begins and ends in the stored bytes.
 *
 * A boundary scanner of our own cuts the parts, because what a signature covers must be the bytes as they came (GMime writes parts
 * anew). GMime decodes header values and names charsets, and gives a second opinion on the structure: a part where both do not see
 * the same is never "agreed", and so never counts as covered by a signature.
 * Standards: RFC 5322, RFC 2045, RFC 2046 section 5.1, RFC 2047, RFC 2231.
 */
#ifndef CIRT_CODEC_MIME_H
#define CIRT_CODEC_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { MIME_DEPTH_MAX = 20, MIME_PARTS_MAX = 1000, MIME_HEADER_SIZE_MAX = 256 * 1024, MIME_NONE = -1 };

struct mime_part {
    const char *path;      /* "1" is the root, "1.2" its second child */
    int parent;            /* index in parts, or MIME_NONE */
    int first_child, next; /* next: the following sibling */
    unsigned depth, child_count;
    size_t header_at, header_size; /* in the bytes, without the empty line */
    size_t body_at, body_size;     /* as encoded; without the line end that belongs to a boundary */
    const char *type;              /* "text/plain", lower case; what RFC 2045 assumes where it is absent or broken */
    const char *boundary;          /* or NULL; likewise below */
    const char *protocol;          /* of multipart/signed and multipart/encrypted, lower case */
    const char *charset;
    const char *name;        /* file name, decoded UTF-8: may hold anything */
    const char *disposition; /* lower case */
    const char *encoding;    /* lower case; "7bit" where absent */
    bool is_broken;          /* a multipart without boundary, delimiter or end, or a header said twice with different values */
};

struct mime {
    struct arena *arena;
    const char *bytes; /* borrowed from the caller of mime_parse() */
    size_t size;
    struct mime_part *parts; /* in document order, parts[0] the root; a message has its inner message as only child */
    size_t part_count, part_capacity;
    struct mime_opinion *opinion; /* GMime's, once somebody asked */
};

/*
 * Finds the structure. bytes must outlive *out, which the caller frees. Broken boundaries are borne: what cannot be cut stays one part.
 * ERR_INPUT where there is no header field at all; ERR_LIMIT beyond depth_max (at most MIME_DEPTH_MAX), MIME_PARTS_MAX or
 * MIME_HEADER_SIZE_MAX. err->at is the part's path.
 */
bool mime_parse(const char *bytes, size_t size, unsigned depth_max, struct mime **out, struct err *err) MUST_CHECK;
void mime_free(struct mime *mime); /* NULL is fine */

/*
 * Whether GMime sees this part at the same place, and in it the same children, each beginning at the same place; what is in the children is
 * a question about them. It is asked once, when somebody first wants to know; never about a mail that is made to exhaust it (groups within
 * groups of addresses, boundaries without number): nothing in that is agreed.
 */
bool mime_is_agreed(const struct mime *mime, const struct mime_part *part);

/* A mail within the mail: message/rfc822, message/global, message/news. Where it is transfer-encoded it has no child: it is no structure of
 * these bytes. */
bool mime_is_message(const struct mime_part *part);

/* Where the header at the start of bytes ends, as mime_parse() sees it (no mbox line): its size without the empty line, and where the body
 * begins. False where it begins with no field. */
bool mime_head(const char *bytes, size_t size, size_t *header_size, size_t *body_at);
/* Behind the field that begins at `at`, with its folded lines. */
size_t mime_field_end(const char *bytes, size_t at, size_t end);

/* The n-th (from 0) field of that name in the part's header, unfolded, otherwise as it came (bytes, not always UTF-8); the arena's. NULL
 * where there is none. */
const char *mime_header(const struct mime *mime, const struct mime_part *part, const char *name, unsigned n);
/* The first such field with RFC 2047 words decoded, as one line of UTF-8. */
const char *mime_header_text(const struct mime *mime, const struct mime_part *part, const char *name);

/* A field as it stands in the header. */
struct mime_field {
    const char *name; /* not NUL-terminated */
    size_t name_size;
    const char *value; /* behind the colon, folded as it came; likewise */
    size_t value_size;
};
/* The field at or behind *at, which starts as 0 and moves on; false behind the last. Lines that are no field are passed over. */
bool mime_next_field(const struct mime *mime, const struct mime_part *part, size_t *at, struct mime_field *out);
bool mime_field_is(const struct mime_field *field, const char *name);
/* The value unfolded, the arena's. */
const char *mime_field_value(const struct mime *mime, const struct mime_field *field);
/* As mime_header_text() has it, of a field of that part's header. */
const char *mime_field_text(const struct mime *mime, const struct mime_part *part, const struct mime_field *field);

/* A parameter of the part's Content-Type (RFC 2231 decoded, one line of UTF-8), the arena's; NULL where there is none. */
const char *mime_parameter(const struct mime *mime, const struct mime_part *part, const char *name);

/* One mail address: both are UTF-8 in the arena, address "" where there was only a name. */
struct mime_address {
    const char *name; /* or NULL */
    const char *address;
};
/* All addresses in all fields of that name, groups opened; *count of them, in the arena. */
struct mime_address *mime_addresses(const struct mime *mime, const struct mime_part *part, const char *name, size_t *count);

/* A date as RFC 5322 section 3.3 writes it, and as mailers do; comments do not count. *rule as timestamp_read() names it. */
bool mime_date_text(const char *text, int64_t *moment, const char **rule);

/* The Date field; false where it is absent or no date. */
bool mime_date(const struct mime *mime, const struct mime_part *part, int64_t *moment, const char **rule);

/* What a signature over this part covers: header, empty line and body as stored, every line end CRLF (RFC 3156 section 5). False when
 * out is full. */
bool mime_signed_bytes(const struct mime *mime, const struct mime_part *part, struct buf *out);

#endif
