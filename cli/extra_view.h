/* cli/extra_view.h - what a report says that has no place of its own (extra). */
#ifndef CIRT_CLI_EXTRA_VIEW_H
#define CIRT_CLI_EXTRA_VIEW_H

#include <jansson.h>

struct screen;

/* A block of an answer: a name and value a line, the first ones; nothing where nothing more was said. */
void extra_view(struct screen *screen, const json_t *answer);

#endif
