/* model/rsit.h - Reference Security Incident Taxonomy, version 1003: "class/type", and the names others use for them. */
#ifndef CIRT_MODEL_RSIT_H
#define CIRT_MODEL_RSIT_H

#include <stddef.h>

struct rsit_class {
    const char *name; /* "fraud/phishing": what is stored */
    const char *text; /* "Phishing": what people read */
};

/* To add an alias: a row in rsit_aliases[] (rsit.c); to follow a new RSIT version: a row in rsit_classes[]. */
extern const struct rsit_class rsit_classes[];
extern const size_t rsit_class_count;

#define RSIT_UNDETERMINED "other/undetermined"
#define RSIT_TEST         "test/test"

/* The stored name for "fraud/phishing", "phishing", "Phishing", an alias ("ransomware", "botnet drone", ...), or an RSIT machine
 * tag (rsit:fraud="phishing"); any case, blanks, "-" and "_" alike. NULL where nothing fits. A bare class ("fraud") is NULL. */
const char *rsit_find(const char *text);

/* The same of a word in what somebody sent: a word for tests marks nothing, since whoever likes could call an incident so. */
const char *rsit_claimed(const char *text);

/* The nearest stored name, for "did you mean"; NULL where more than half of the text would be another. */
const char *rsit_nearest(const char *text);

#endif
