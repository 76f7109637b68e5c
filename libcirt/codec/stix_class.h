/* codec/stix_class.h - what kind of incident STIX objects speak of. */
#ifndef CIRT_CODEC_STIX_CLASS_H
#define CIRT_CODEC_STIX_CLASS_H

#include "codec/stix_read.h"

/* The class that the object names among its types and labels, or that what it is related to names. */
void stix_class_of(const struct stix_reader *reader, const struct stix_object *object, const char **claim, const char **name);

#endif
