/* codec/xml_json.h - what a reader of an XML tree did not understand, as JSON, so that nothing is lost. */
#ifndef CIRT_CODEC_XML_JSON_H
#define CIRT_CODEC_XML_JSON_H

#include <jansson.h>

#include "codec/xml.h"

/*
 * The parts of the element not marked is_used, or NULL where all is: an object with "@name" for attributes, "#text" for text ("#tail" for
 * text between children), and an array for the children of each name. An unused element without attributes and children is its text alone,
 * a string. Namespaces are dropped. The caller's (json_decref()).
 */
json_t *xml_json_rest(const struct xml_element *element);

/* How many bytes of memory that takes, about, with malloc's share: several times what it takes as elements, so to be asked before. */
size_t xml_json_weight(const struct xml_element *element);
enum { XML_JSON_MAX = 80 * 1024 * 1024 };

/* Marks its plain attribute of that name, where it has one. */
void xml_json_use_attribute(struct xml_element *element, const char *name);

/* Marks the element, all its attributes and everything below. */
void xml_json_use_all(struct xml_element *element);

#endif
