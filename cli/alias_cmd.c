#include "cli/alias_cmd.h"

#include "base/mem.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/record_cmd.h"
#include "cli/session.h"
#include "cli/words.h"

static const struct table_column unmapped_columns[] = {
    {N_("WORD"), 0, false, true},   {N_("SENDER"), 0, false, false}, {N_("COUNT"), 0, true, false},
    {N_("FIRST"), 2, false, false}, {N_("LAST"), 1, false, false},
};

static void unmapped_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_outside(table, screen, field_text(item, "word"));
    cell_text(table, screen, field_text(item, "sender"));
    cell_number(table, screen, item, "count");
    cell_when(table, screen, item, "first");
    cell_when(table, screen, item, "last");
}

int alias_cmd_ls(struct session *session)
{
    static const struct list_view view = {unmapped_columns, ARRAY_SIZE(unmapped_columns), unmapped_row,
                                          N_("Every word that came was known."), NULL};

    if (!options_has(&session->options, "unmapped"))
        return record_cmd_ls(session);
    return list_print(session, list_get(session, mem_strdup("/v1/aliases/unmapped")), &view, NULL);
}
