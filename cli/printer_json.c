#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/printer.h"

enum { LINE_MAX = 256 * 1024 * 1024 };

static void value(struct printer *printer, const json_t *answer, printer_render render, const void *context)
{
    bool wide = printer->screen.is_terminal && !printer->is_stream;
    char *text = json_dumps(answer, JSON_ENCODE_ANY | (wide ? JSON_INDENT(2) : 0));

    UNUSED(render);
    UNUSED(context);
    str_add_json_harmless(&printer->screen.out, text ? text : "null");
    screen_text(&printer->screen, "\n");
    free(text);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text && *text && !json_object_get(object, name))
        json_object_set_new(object, name, json_string(text));
}

/* RFC 9457, on stderr: the daemon's own problem where there is one, with what we know besides. */
static void problem(struct printer *printer, const struct printer_problem *problem)
{
    json_t *object = problem->answer ? json_deep_copy(problem->answer) : json_object();
    struct buf line;
    char *text;

    UNUSED(printer);
    set_text(object, "type", "about:blank");
    set_text(object, "title", problem->what);
    set_text(object, "detail", problem->what);
    set_text(object, "at", problem->where);
    set_text(object, "hint", problem->hint);
    text = json_dumps(object, JSON_COMPACT);
    buf_init(&line, LINE_MAX);
    str_add_json_harmless(&line, text ? text : "{}");
    fprintf(stderr, "%s\n", buf_text(&line));
    buf_clear(&line);
    free(text);
    json_decref(object);
}

const struct printer_kind printer_json_kind = {value, problem};
