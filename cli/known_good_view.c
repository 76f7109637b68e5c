#include "cli/known_good_view.h"

#include <stdlib.h>

#include "cli/cell.h"
#include "cli/field.h"
#include "cli/place_view.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/words.h"

enum { MARGIN = 13, SHOWN_MAX = 20 };

static void lists(struct screen *screen, const json_t *answer)
{
    static const struct table_column columns[] = {
        {"VALUE", 0, false, true}, {"LIST", 0, false, false}, {"ENTRY", 1, false, false}, {"TITLE", 2, false, true}};
    const json_t *list = field_list(answer, "known_good");
    size_t count = json_array_size(list);
    struct table *table;

    if (count == 0)
        return;
    table = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count && i < SHOWN_MAX; i++) {
        const json_t *item = json_array_get(list, i);
        table_take(table, STYLE_PLAIN, cell_observable(screen, field_text(item, "type"), field_text(item, "value")));
        cell_text(table, screen, field_text(item, "list"));
        cell_outside(table, screen, field_text(item, "entry"));
        cell_outside(table, screen, field_text(item, "title"));
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
