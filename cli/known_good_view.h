/* cli/known_good_view.h - what of an answer stands on known-good lists, and where it says so. */
#ifndef CIRT_CLI_KNOWN_GOOD_VIEW_H
#define CIRT_CLI_KNOWN_GOOD_VIEW_H

#include <jansson.h>

struct screen;

/* A block of a case or report; nothing where nothing is on a list. */
void known_good_view(struct screen *screen, const json_t *answer);

#endif
