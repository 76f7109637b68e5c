/* cli/words.h - marks texts for translation: _() translates here and now, N_() marks a text that a table holds. */
#ifndef CIRT_CLI_WORDS_H
#define CIRT_CLI_WORDS_H

#include <libintl.h>

#define _(text)  gettext(text)
#define N_(text) text

#endif
