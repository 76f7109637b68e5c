#include "cli/place_view.h"

#include <stdio.h>

#include "base/attr.h"
#include "cli/cell.h"
#include "cli/field.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "cli/words.h"

enum { MARGIN = 13, SHOWN_MAX = 20 };

static void add_row(struct table *table, const struct screen *screen, const json_t *item)
{
    char asn[24] = "";
    int64_t number = field_number(item, "asn", 0);

    if (number > 0)
        snprintf(asn, sizeof asn, "AS%lld", (long long)number);
    cell_outside(table, screen, field_text(item, "value"));
    cell_outside(table, screen, field_text(item, "country"));
    cell_text(table, screen, asn);
    cell_outside(table, screen, field_text(item, "name"));
    cell_outside(table, screen, field_text(item, "network"));
    cell_outside(table, screen, field_text(item, "source"));
    cell_text(table, screen, field_text(item, "date"));
}

void place_view(struct screen *screen, const json_t *answer)
{
    static const struct table_column columns[] = {{"VALUE", 0, false, false}, {"COUNTRY", 0, false, false}, {"ASN", 0, false, false},
                                                  {"NAME", 1, false, true},   {"NETWORK", 3, false, false}, {"SOURCE", 0, false, false},
                                                  {"DATE", 2, false, false}};
    const json_t *list = field_list(answer, "places");
    size_t count = json_array_size(list);
    struct table *table;

    if (count == 0)
        return;
    table = table_new(columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < count && i < SHOWN_MAX; i++)
        add_row(table, screen, json_array_get(list, i));
    table_print_block(table, screen, _("places"), MARGIN);
    table_free(table);
}
