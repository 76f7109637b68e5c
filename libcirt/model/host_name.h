/* model/host_name.h - what the end of a name says of it: a host's, or a file's. */
#ifndef CIRT_MODEL_HOST_NAME_H
#define CIRT_MODEL_HOST_NAME_H

#include <stdbool.h>

/* domain: in lower case. Whether it ends in a suffix that is delegated, or one that is known to be used within an organisation. */
bool host_name_has_suffix(const char *domain);

/* Whether the last label is a file's ending ("csv") that is no top level, or one that hardly anybody has. Any case. */
bool host_name_ends_as_file(const char *label);

#endif
