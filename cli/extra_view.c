#include "cli/extra_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/screen.h"
#include "cli/words.h"

/* What lies deeper than DEPTH_MOST, or is longer, is shown as JSON, cut. */
enum { INDENT = 2, DEPTH_MOST = 5, LINES_MOST = 40, NAME_COLUMNS = 40, VALUE_MOST = 300 };

static void say(struct screen *screen, const char *name, const json_t *value, unsigned depth)
{
    unsigned indent = INDENT * (depth + 1);
    char *text = value ? field_plain(value) : NULL;

    screen_printf(screen, "%*s", (int)indent, "");
    screen_value(screen, name, NAME_COLUMNS);
    screen_text(screen, value ? ": " : ":\n");
    if (value) {
        char *shown = text && strlen(text) > VALUE_MOST ? mem_printf("%.*s...", VALUE_MOST, text) : mem_strdup(text ? text : "-");
        screen_value_line(screen, shown, true, indent + INDENT);
        free(shown);
    }
    free(text);
}

/* False when there is no more room: lines is what is left. */
static bool show(struct screen *screen, const char *name, const json_t *value, unsigned depth, unsigned *lines)
{
    const char *member;
    const json_t *item;
    size_t i;
    void *at;

    /* Each item of a list under the list's name. */
    if (json_is_array(value) && depth < DEPTH_MOST) {
        json_array_foreach(value, i, item) if (!show(screen, name, item, depth + json_is_array(item), lines)) return false;
        return true;
    }
    if (json_is_object(value) && json_object_size(value) == 0)
        return true;
    if (*lines == 0)
        return false;
    --*lines;
    if (!json_is_object(value) || depth >= DEPTH_MOST) {
        say(screen, name, value, depth);
        return true;
    }
    say(screen, name, NULL, depth);
    for (at = json_object_iter((json_t *)value); at; at = json_object_iter_next((json_t *)value, at)) {
        member = json_object_iter_key(at);
        if (!show(screen, member, json_object_iter_value(at), depth + 1, lines))
            return false;
    }
    return true;
}

static size_t count_more(const json_t *list)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        count += field_number(json_array_get(list, i), "extra_size", 0) > 0;
    return count;
}

void extra_view(struct screen *screen, const json_t *answer)
{
    const json_t *extra = field_object(answer, "extra");
    const char *id = field_or(answer, "id", "-");
    int64_t size = field_number(answer, "extra_size", 0);
    size_t more = count_more(field_list(answer, "observation_list"));
    unsigned lines = LINES_MOST;
    bool is_all = true;

    if (size <= 0 && !more)
        return;
    screen_text(screen, "\n");
    if (extra) {
        screen_text(screen, _("it also says:\n"));
        for (void *at = json_object_iter((json_t *)extra); at && is_all; at = json_object_iter_next((json_t *)extra, at))
            is_all = show(screen, json_object_iter_key(at), json_object_iter_value(at), 0, &lines);
    }
    if (!is_all)
        screen_printf(screen, _("… all of it: cirt report show %s --json\n"), id);
    if (!extra && size > 0)
        screen_printf(screen, _("it also says %lld bytes, too many to show: cirt report raw %s\n"), (long long)size, id);
    if (more)
        screen_printf(screen,
                      ngettext("%zu observation says more: cirt report show %s --json\n",
                               "%zu observations say more: cirt report show %s --json\n", more),
                      more, id);
}
