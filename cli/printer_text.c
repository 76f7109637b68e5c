#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/printer.h"

enum { INDENT = 6 };

static void value(struct printer *printer, const json_t *answer, printer_render render, const void *context)
{
    size_t mark = screen_mark(&printer->screen);

    render(&printer->screen, answer, context);
    screen_wrap(&printer->screen, mark);
}

static void problem(struct printer *printer, const struct printer_problem *problem)
{
    struct screen screen;
    char *line;
    char *what = screen_clean(&printer->screen, problem->what, false);
    char *where = problem->where && *problem->where ? screen_clean(&printer->screen, problem->where, false) : NULL;
    char *hint = problem->hint && *problem->hint ? screen_clean(&printer->screen, problem->hint, false) : NULL;

    screen_open(&screen, STDERR_FILENO, false, false);
    line = where && !strstr(what, where) ? mem_printf("%s (%s)", what, where) : mem_strdup(what);
    screen_text(&screen, "cirt: ");
    screen_words(&screen, line, INDENT);
    if (hint) {
        screen_printf(&screen, "%*s", INDENT, "");
        screen_words(&screen, hint, INDENT);
    }
    free(line);
    if (!screen_flush(&screen))
        perror("cirt");
    screen_clear(&screen);
    free(what);
    free(where);
    free(hint);
}

const struct printer_kind printer_text_kind = {value, problem};
