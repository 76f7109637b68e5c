/*
 * cli/complete.h - what may stand in place of the last word: for the shell, out of the table of commands and, for cases, peers and
 * the like, out of the desk. Only words of letters, digits and "._:@+/,-" are given: what peers and reporters chose never reaches a
 * shell in any other form.
 */
#ifndef CIRT_CLI_COMPLETE_H
#define CIRT_CLI_COMPLETE_H

#include "cli/session.h"

/* words: what stands behind "cirt", the last one being completed. Prints one candidate a line. */
int complete_words(struct session *session, const char *const *words, size_t count);

#endif
