/* codec/xml_write.h - writes XML into a buffer, indented, always well-formed UTF-8. Errors show as buf->full. */
#ifndef CIRT_CODEC_XML_WRITE_H
#define CIRT_CODEC_XML_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/xml.h"

struct xml_write {
    struct buf *out;
    unsigned depth;
    bool is_tag_open; /* attributes may follow */
    bool has_text;    /* since the last start tag: its end tag follows at once */
};

/* Can XML 1.0 hold it? Not control characters, U+FFFE, U+FFFF. */
bool xml_write_is_character(uint32_t code_point);
/* All of the text, that is, unchanged; wrong UTF-8 is none. */
bool xml_write_can_hold(const char *text);

/* Starts with the XML declaration. */
void xml_write_start(struct xml_write *writer, struct buf *out);

/* name may carry a prefix ("ds:DigestValue"); the caller declares it by xml_write_attribute(writer, "xmlns:ds", ...). */
void xml_write_open(struct xml_write *writer, const char *name);
void xml_write_attribute(struct xml_write *writer, const char *name, const char *value); /* a NULL value writes nothing */
/* What XML cannot hold becomes U+FFFD. */
void xml_write_text(struct xml_write *writer, const char *text);
void xml_write_close(struct xml_write *writer, const char *name);
/* <name>text</name>; nothing where text is NULL. */
void xml_write_leaf(struct xml_write *writer, const char *name, const char *text);

/* The tree below (and with) element as it was read, without a declaration: every namespace it needs is declared. What only names a
 * prefix inside text or a value (xsi:type="p:T") loses its declaration. */
void xml_write_element(struct buf *out, const struct xml_element *element);

#endif
