/* cli/known_good_view.h - what files of the daemon's machine say of the values in an answer: known-good lists, and places. */
#ifndef CIRT_CLI_KNOWN_GOOD_VIEW_H
#define CIRT_CLI_KNOWN_GOOD_VIEW_H

#include <jansson.h>

struct screen;

/* Blocks of an answer; nothing where nothing is known. */
void known_good_view(struct screen *screen, const json_t *answer);

#endif
