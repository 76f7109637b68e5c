/* cli/key_view.h - how keys are shown. */
#ifndef CIRT_CLI_KEY_VIEW_H
#define CIRT_CLI_KEY_VIEW_H

#include <jansson.h>

#include "cli/screen.h"
#include "cli/session.h"

enum { KEY_VIEW_GROUPS_SIZE = 96, KEY_VIEW_SHORT = 16 };

/* "8A30 1C2D ...": all digits in groups of four, with a wider gap in the middle, as GnuPG shows it to compare. */
void key_view_groups(const char *fingerprint, char text[KEY_VIEW_GROUPS_SIZE]);
/* "YY-CERT", "ama" or the address of what a key is pinned or asked for; NULL for none. Borrowed. */
const char *key_view_owner(const json_t *key);
/* The last 16 digits of its fingerprint: what people type; the desk refuses what fits two keys. Borrowed. */
const char *key_view_short(const json_t *key);
/* "pinned to the peer YY-CERT", "candidate": a clean string of the caller's. */
char *key_view_state(const struct screen *screen, const json_t *key);
/* "2027-03-31", "ended 3 Nov": of the caller's. */
char *key_view_end(const struct screen *screen, const json_t *key);

/* Takes answer, a list of keys. */
int key_view_list(struct session *session, json_t *answer, const char *empty);
void key_view_one(struct screen *screen, const json_t *key, const void *context);

#endif
