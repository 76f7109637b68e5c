/*
 * codec/misp_forms.h - the forms in which MISP and what stands around it write one and the same thing become the one that the codec reads.
 */
#ifndef CIRT_CODEC_MISP_FORMS_H
#define CIRT_CODEC_MISP_FORMS_H

#include <jansson.h>

/* Makes lists that PHP wrote as objects ({"0": {...}, "2": {...}}) lists again, wherever lists of MISP stand. */
void misp_forms_restore_lists(json_t *value);

/* What stands in item beside its single attribute or object is of it: {"Attribute": {...}, "AttributeTag": [...], "Event": {...}}. Moved
 * into element; an event, an object and what element says itself stay. */
void misp_forms_lend(json_t *item, json_t *element);

/* Messages say beside an attribute or object that it was deleted, which itself may not. */
void misp_forms_mark_deleted(json_t *item);

#endif
