/*
 * codec/xml.h - XML from strangers as a small read-only tree. libxml2 is only called in xml.c, and sees nothing but checked UTF-8.
 *
 * No DTD at all (a document with a DOCTYPE is refused, so there are no entities beside the five of XML 1.0), no network, no
 * XInclude, no schema or stylesheet hints. UTF-8, UTF-16 (with or without byte order mark), US-ASCII and ISO-8859-1.
 */
#ifndef CIRT_CODEC_XML_H
#define CIRT_CODEC_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

/* What one document may hold; beyond is ERR_LIMIT. */
enum {
    XML_ELEMENTS_MAX = 500000,
    XML_ATTRIBUTES_MAX = 64, /* of one element, namespace declarations included */
    XML_ATTRIBUTES_ALL_MAX = 1000000,
    XML_NAMESPACES_MAX = 1000,
    XML_DEPTH_MAX = 200, /* whatever a caller asks for: reading and writing recurse */
    XML_PLACE_SIZE = 140
};

struct xml_attribute {
    const char *space; /* namespace name, "" for none */
    const char *name, *value;
    struct xml_attribute *next;
    bool is_used; /* for the reader of the tree: understood, see xml_json_rest() */
};

struct xml_element {
    const char *space;   /* namespace name, "" for none */
    const char *name;    /* without prefix */
    unsigned line;       /* of its start tag */
    const char *pointer; /* a tree that was made of JSON: where it stood (RFC 6901); else NULL */
    struct xml_element *parent, *first, *last, *next;
    struct xml_attribute *attributes;
    const char *text; /* before its first child, or all there is; "" for none */
    const char *tail; /* behind its end tag, inside its parent */
    bool is_used;     /* as for attributes: it and its text, not its attributes or children */
};

struct xml_document {
    struct arena *arena; /* everything below lives here */
    struct xml_element *root;
};

/* ERR_INPUT with the line in err->at, or ERR_LIMIT. On true *out is the caller's. */
bool xml_read(const char *bytes, size_t size, unsigned depth_max, struct xml_document **out, struct err *err) MUST_CHECK;
void xml_free(struct xml_document *document); /* NULL is fine */

/* The first child of that name and namespace, and the next one; NULL where there is none. */
struct xml_element *xml_child(const struct xml_element *parent, const char *space, const char *name);
struct xml_element *xml_next(const struct xml_element *element);
bool xml_is(const struct xml_element *element, const char *space, const char *name);

/* The value, or NULL. The namespace is "" for all plain attributes, XML_SPACE_XML for xml:lang. */
const char *xml_attribute(const struct xml_element *element, const char *space, const char *name);
#define XML_SPACE_XML "http://www.w3.org/XML/1998/namespace"

/* The element's own text in the arena: without blanks at both ends, or without any blank. Never NULL. */
const char *xml_text(struct arena *arena, const struct xml_element *element);
const char *xml_text_packed(struct arena *arena, const struct xml_element *element);

/* "line 14, /IODEF-Document/Incident[1]", or the JSON pointer; the front of a long path gives way to "...". */
void xml_place(const struct xml_element *element, char place[XML_PLACE_SIZE]);

/* err_set_at() with the place behind the standard's name ("IODEF, line 14, /IODEF-Document/Incident[1]"); what the document put into
 * the text is made harmless. */
bool xml_fail(struct err *err, enum err_code code, const char *standard, const struct xml_element *element, const char *format, ...)
    PRINTF_LIKE(5, 6);
/* That a child of that name is missing in parent; one of another namespace is named. */
bool xml_fail_missing(struct err *err, const char *standard, const struct xml_element *parent, const char *name);

#endif
