/* cli/place_view.h - where addresses are, as files of the daemon's machine say. */
#ifndef CIRT_CLI_PLACE_VIEW_H
#define CIRT_CLI_PLACE_VIEW_H

#include <jansson.h>

struct screen;

/* A block of an answer; nothing where nothing is known. */
void place_view(struct screen *screen, const json_t *answer);

#endif
