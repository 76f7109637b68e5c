/* cli/url.h - paths of the API with outside values in them, percent-encoded. */
#ifndef CIRT_CLI_URL_H
#define CIRT_CLI_URL_H

#include <stdbool.h>

/* Each "{}" of the pattern is replaced by the next argument (const char *), encoded. The caller's. */
char *url_path(const char *pattern, ...);
/* path with ?name=value or &name=value behind it; takes path, gives a new one. value NULL: path as it is. */
char *url_with(char *path, const char *name, const char *value);

#endif
