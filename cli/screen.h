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

enum { SCREEN_SPAN_SIZE = 2 * PHRASE_SIZE + 2 };

struct screen {
    int fd;
    bool is_terminal;
    bool has_colour;  /* a terminal without NO_COLOR */
    bool exact;       /* --exact: times as RFC 3339, numbers ungrouped */
    bool raw;         /* --raw: outside text as it came */
    bool keeps_lines; /* what is written stands as it is, however long its lines: screen_wrap() does nothing */
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
/* Words from outside: defanged and harmless; NULL as "-". Lines beyond the first are kept where `lines`, indented by it;
 * on a terminal long ones are broken between words. */
void screen_outside(struct screen *screen, const char *text);
/* A line that has no blank to be broken at is broken where the terminal ends, and set in again: else the terminal would break it, and what
 * follows would stand at the margin, where our own words are. */
void screen_outside_lines(struct screen *screen, const char *text, unsigned indent);
/* Lines that we wrote ourselves, as rules are: each as it is, so that it can be taken from here. */
void screen_own_lines(struct screen *screen, const char *text, unsigned indent);
/* A value from outside within a line of ours: harmless, on a terminal cut after so many columns, and after two fifths of a line in any
 * case. */
void screen_value(struct screen *screen, const char *text, unsigned columns);
/* A value from outside to the end of the current line; broken as screen_outside_lines() does. Ends the line. */
void screen_value_line(struct screen *screen, const char *text, bool defang, unsigned indent);
/* Our own words, broken between words; the lines after the first are indented. The current line ends with them. */
void screen_words(struct screen *screen, const char *text, unsigned indent);
/* On a terminal: whole lines since the mark that do not fit are broken between words, and set in under their first one. */
void screen_wrap(struct screen *screen, size_t mark);
/* On standard error, at once: a remark beside the answer, which stays away from what a program reads; broken like the above. */
void screen_remark(const char *format, ...) PRINTF_LIKE(1, 2);
/* A remark that ends with a command: it stands whole on a line of its own where both do not fit on one, so that it can be pasted. */
void screen_remark_command(const char *remark, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same of a question, with the cursor behind it. */
void screen_ask(const char *question);
/* Ends the line. On a terminal what does not fit gives way to an ellipsis. */
void screen_end_line(struct screen *screen);
/* The end of a line so far: for screen_field(). */
size_t screen_mark(const struct screen *screen);
/* What stands since the mark begins a new line where it does not fit on this one. */
void screen_field(struct screen *screen, size_t mark);
/* The same, behind so many blanks there. */
void screen_field_indented(struct screen *screen, size_t mark, unsigned indent);
/* "TLP:AMBER" in the label's colour; NULL: "TLP:-". */
void screen_tlp(struct screen *screen, const char *tlp);
/* Fills up with blanks to that column of the current line, at least one. */
void screen_pad(struct screen *screen, unsigned column);
void screen_style(struct screen *screen, enum style style, const char *text); /* our own words in a style */

/* The same, as a string of the caller's for a table's cell. */
char *screen_clean(const struct screen *screen, const char *text, bool defang);

/* Times and numbers by the screen's own rules. */
void screen_due(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE]);
void screen_when(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE]);
/* "yesterday 19:47..22:48": of two times the second without the day where that is the same; one where both say the same. */
void screen_span(const struct screen *screen, int64_t first, int64_t last, char text[SCREEN_SPAN_SIZE]);
void screen_age(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE]);
void screen_number(const struct screen *screen, int64_t number, char text[PHRASE_SIZE]);

/* The escape sequence of a style, "" without colour; "" of STYLE_PLAIN ends one. */
const char *screen_style_start(const struct screen *screen, enum style style);
const char *screen_style_end(const struct screen *screen, enum style style);
enum style screen_tlp_style(const char *tlp); /* "amber+strict" */

#endif
