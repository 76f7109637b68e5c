/*
 * cli/screen.h - text for a person: what a terminal can show, and how outside text gets there. Everything is gathered and written
 * at the end, so that an error never stands behind half a table.
 */
#ifndef CIRT_CLI_SCREEN_H
#define CIRT_CLI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "cli/phrase.h"

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_YELLOW,
    STYLE_GREEN,
    STYLE_TLP_CLEAR,
    STYLE_TLP_GREEN,
    STYLE_TLP_AMBER,
    STYLE_TLP_RED
};

struct screen {
    int fd;
    bool is_terminal;
    bool has_colour;  /* a terminal without NO_COLOR */
    bool exact;       /* --exact: times as RFC 3339, numbers ungrouped */
    bool raw;         /* --raw: outside text as it came */
    unsigned columns; /* 0: unlimited (piped) */
    int64_t now;
    struct buf out;
};

void screen_open(struct screen *screen, int fd, bool exact, bool raw);
/* Writes what was gathered; false where that failed (errno is set). The screen may be used again. */
bool screen_flush(struct screen *screen) MUST_CHECK;
void screen_clear(struct screen *screen);

/* Our own words. */
void screen_text(struct screen *screen, const char *text);
void screen_printf(struct screen *screen, const char *format, ...) PRINTF_LIKE(2, 3);
/* Words from outside: defanged and harmless; NULL as "-". Lines beyond the first are kept where `lines`, indented by it. */
void screen_outside(struct screen *screen, const char *text);
void screen_outside_lines(struct screen *screen, const char *text, unsigned indent);
/* Fills up with blanks to that column of the current line, at least one. */
void screen_pad(struct screen *screen, unsigned column);
void screen_style(struct screen *screen, enum style style, const char *text); /* our own words in a style */

/* The same, as a string of the caller's for a table's cell. */
char *screen_clean(const struct screen *screen, const char *text, bool defang);

/* Times and numbers by the screen's own rules. */
void screen_due(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE]);
void screen_when(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE]);
void screen_age(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE]);
void screen_number(const struct screen *screen, int64_t number, char text[PHRASE_SIZE]);

/* The escape sequence of a style, "" without colour; "" of STYLE_PLAIN ends one. */
const char *screen_style_start(const struct screen *screen, enum style style);
const char *screen_style_end(const struct screen *screen, enum style style);
enum style screen_tlp_style(const char *tlp); /* "amber+strict" */

#endif
