/*
 * cli/printer.h - where results and errors go: as text for a person or as JSON for a program. A command hands over the answer and
 * says how a person would read it; it never asks which printer there is.
 */
#ifndef CIRT_CLI_PRINTER_H
#define CIRT_CLI_PRINTER_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/screen.h"

typedef void (*printer_render)(struct screen *screen, const json_t *answer, const void *context);

/* What went wrong, in three parts; borrowed. */
struct printer_problem {
    const char *what;     /* one sentence without a full stop; outside text in it is made harmless here */
    const char *where;    /* NULL or "" for none */
    const char *hint;     /* a command that can be pasted, or what to do; NULL for none */
    const json_t *answer; /* the daemon's problem+json, or NULL */
};

struct printer;
struct printer_kind {
    void (*value)(struct printer *printer, const json_t *answer, printer_render render, const void *context);
    void (*problem)(struct printer *printer, const struct printer_problem *problem);
};

struct printer {
    const struct printer_kind *kind;
    struct screen screen; /* stdout */
    bool is_stream;       /* JSON: one value a line, however wide the terminal */
};

extern const struct printer_kind printer_text_kind, printer_json_kind;

#endif
