#include "cli/known_good_view.h"

#include <stdlib.h>

#include "base/str.h"
#include "cli/cell.h"
#include "cli/field.h"
#include "cli/place_view.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/words.h"

enum { MARGIN = 13, SHOWN_MAX = 20 };

static void add_unless(struct table *table, const struct screen *screen, bool is_known, const char *text)
{
    if (is_known)
        table_add(table, STYLE_PLAIN, "");
    else
        cell_outside(table, screen, text);
}

/* The entry where it is another than the value; the title only in the first row of a list. */
static void add_row(struct table *table, const struct screen *screen, const json_t *item, bool is_first)
{
    const char *value = field_text(item, "value"), *entry = field_text(item, "entry");

    table_take(table, STYLE_PLAIN, cell_observable(screen, field_text(item, "type"), value));
    add_unless(table, screen, str_equal(entry, value), entry);
    cell_outside(table, screen, field_text(item, "list"));
    add_unless(table, screen, !is_first, field_text(item, "title"));
}

static bool is_first_of_list(const json_t *list, size_t at)
{
    const char *name = field_text(json_array_get(list, at), "list");

    for (size_t i = 0; i < at; i++)
        if (str_equal(field_text(json_array_get(list, i), "list"), name))
            return false;
    return true;
}

/* List by list. */
static void lists(struct screen *screen, const json_t *answer)
{
    static const struct table_column columns[] = {
        {"VALUE", 0, false, true}, {"ENTRY", 1, false, false}, {"LIST", 0, false, false}, {"TITLE", 2, false, true}};
    const json_t *list = field_list(answer, "known_good");
    size_t count = json_array_size(list), shown = 0;
    struct table *table;

    if (count == 0)
        return;
    table = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count && shown < SHOWN_MAX; i++) {
        const char *name = field_text(json_array_get(list, i), "list");
        if (!is_first_of_list(list, i))
            continue;
        for (size_t k = i; k < count && shown < SHOWN_MAX; k++) {
            if (!str_equal(field_text(json_array_get(list, k), "list"), name))
                continue;
            add_row(table, screen, json_array_get(list, k), k == i);
            shown++;
        }
    }
    table_print_block(table, screen, _("known good"), MARGIN);
    table_free(table);
    if (count > SHOWN_MAX)
        screen_printf(screen, _("%*s... and %zu more (--json has all)\n"), MARGIN, "", count - SHOWN_MAX);
}

void known_good_view(struct screen *screen, const json_t *answer)
{
    lists(screen, answer);
    place_view(screen, answer);
}
