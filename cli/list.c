#include "cli/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/url.h"
#include "cli/words.h"

bool list_limit(struct session *session, int64_t *limit)
{
    const char *text = options_text(&session->options, "limit");

    *limit = LIST_LIMIT_DEFAULT;
    if (!text || str_to_int64(text, 1, 1000000, limit))
        return true;
    session_fail(session, EXIT_USAGE, NULL, _("--limit takes a number from 1 on, not '%s'"), text);
    return false;
}

static json_t *page(struct session *session, const char *path, int64_t limit, const char *cursor)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)(limit > LIST_PAGE_MAX ? LIST_PAGE_MAX : limit));
    return session_get(session, url_with(url_with(mem_strdup(path), "limit", text), "cursor", cursor));
}

/* Adds another page to an answer, and where to go on from there. */
static void append(json_t *answer, json_t *more)
{
    json_array_extend(json_object_get(answer, "items"), json_object_get(more, "items"));
    json_object_set(answer, "next", json_array_size(json_object_get(more, "items")) ? json_object_get(more, "next") : json_null());
    json_decref(more);
}

json_t *list_get(struct session *session, char *path)
{
    json_t *answer = NULL;
    int64_t limit;

    if (list_limit(session, &limit))
        answer = page(session, path, limit, NULL);
    while (answer && field_text(answer, "next")) {
        json_t *items = json_object_get(answer, "items");
        int64_t left = limit - (int64_t)json_array_size(items);
        json_t *more;

        if (left <= 0)
            break;
        more = page(session, path, left, field_text(answer, "next"));
        if (!more) {
            json_decref(answer);
            answer = NULL;
            break;
        }
        append(answer, more);
    }
    free(path);
    return answer;
}

json_t *list_get_all(struct session *session, char *path)
{
    json_t *answer = session_get(session, mem_strdup(path));

    while (answer && field_text(answer, "next")) {
        json_t *more = session_get(session, url_with(mem_strdup(path), "cursor", field_text(answer, "next")));
        if (more)
            append(answer, more);
        else {
            json_decref(answer);
            answer = NULL;
        }
    }
    free(path);
    return answer;
}

void list_table(struct screen *screen, const json_t *items, const struct list_view *view)
{
    struct table *table = table_new(view->columns, view->column_count);

    for (size_t i = 0; i < json_array_size(items); i++)
        view->row(table, screen, json_array_get(items, i));
    table_print(table, screen);
    table_free(table);
}

struct list_context {
    const struct list_view *view;
    const void *context;
};

static void render(struct screen *screen, const json_t *answer, const void *context)
{
    const struct list_context *list = context;
    const json_t *items = field_list(answer, "items");
    size_t count = json_array_size(items);

    if (count > 0)
        list_table(screen, items, list->view);
    else if (list->view->empty)
        screen_printf(screen, "%s\n", _(list->view->empty));
    if (list->view->footer)
        list->view->footer(screen, answer, list->context);
    else if (count > 0 && field_text(answer, "next"))
        screen_printf(screen, _("%zu shown, there are more: --limit %zu\n"), count, count * 10);
}

/* --fields in the order given, exactly as they came but harmless: a line an item, columns parted by tabs when piped. */
static void render_fields(struct screen *screen, const json_t *answer, const void *context)
{
    const struct options *options = context;
    const json_t *items = field_list(answer, "items");

    screen->keeps_lines = true;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *name;
        for (size_t j = 0; (name = options_item(options, "fields", j)); j++) {
            char *plain = field_plain(json_object_get(json_array_get(items, i), name));
            char *text = screen_clean(screen, plain, false);
            screen_printf(screen, "%s%s", j ? "\t" : "", text);
            free(plain);
            free(text);
        }
        screen_text(screen, "\n");
    }
}

/* With --json --fields the items keep only these members. */
static void keep_fields(const struct options *options, json_t *answer)
{
    json_t *items = json_object_get(answer, "items");

    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *kept = json_object();
        const char *name;
        for (size_t j = 0; (name = options_item(options, "fields", j)); j++) {
            json_t *value = json_object_get(json_array_get(items, i), name);
            json_object_set_new(kept, name, value ? json_incref(value) : json_null());
        }
        json_array_set_new(items, i, kept);
    }
}

/* A name that no item has is a typing error, not an empty column. */
static bool fields_are_known(struct session *session, const json_t *items)
{
    const json_t *first = json_array_get(items, 0);
    const char *name, *known, *nearest = NULL;
    json_t *value;
    unsigned best = 4;

    for (size_t j = 0; first && (name = options_item(&session->options, "fields", j)); j++) {
        if (json_object_get(first, name))
            continue;
        json_object_foreach((json_t *)first, known, value)
        {
            unsigned distance = str_distance(name, known);
            if (distance < best) {
                best = distance;
                nearest = known;
            }
        }
        session_fail(session, EXIT_USAGE, NULL, nearest ? _("no field %s; did you mean %s?") : _("no field %s"), name, nearest);
        return false;
    }
    return true;
}

int list_print(struct session *session, json_t *answer, const struct list_view *view, const void *context)
{
    return list_print_as(session, answer, render, &(struct list_context){view, context});
}

int list_print_as(struct session *session, json_t *answer, printer_render table, const void *context)
{
    if (!answer)
        return session->exit_code;
    if (!options_has(&session->options, "fields"))
        session_print(session, answer, table, context);
    else if (fields_are_known(session, field_list(answer, "items"))) {
        if (session->has_json)
            keep_fields(&session->options, answer);
        session_print(session, answer, render_fields, &session->options);
    }
    json_decref(answer);
    return session->exit_code;
}
