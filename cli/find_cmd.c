#include "cli/find_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/case_view.h"
#include "cli/field.h"
#include "cli/known_good_view.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

static const struct table_column observable_columns[] = {
    {N_("TYPE"), 0, false, false},           {N_("VALUE"), 0, false, true},          {N_("ROLE"), 3, false, false},
    {N_("FIRST REPORTED"), 2, false, false}, {N_("LAST REPORTED"), 1, false, false}, {N_("TLP"), 4, false, false},
    {N_("CASES"), 0, false, false},
};

static void observable_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "type"));
    table_take(table, STYLE_PLAIN, cell_observable(screen, field_text(item, "type"), field_text(item, "value")));
    cell_text(table, screen, field_text(item, "role"));
    cell_when(table, screen, item, "first_seen");
    cell_when(table, screen, item, "last_seen");
    cell_tlp(table, screen, item, "tlp");
    cell_plain(table, screen, json_object_get(item, "cases"));
}

static const struct table_column report_columns[] = {
    {N_("REPORT"), 0, false, false}, {N_("RECEIVED"), 0, false, false}, {N_("SENDER"), 1, false, false},
    {N_("STATE"), 2, false, false},  {N_("SUMMARY"), 0, false, true},
};

static void report_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "id"));
    cell_when(table, screen, item, "received");
    cell_text(table, screen, field_text(item, "sender"));
    cell_text(table, screen, field_text(item, "state"));
    cell_outside(table, screen, field_text(item, "summary"));
}

static const struct table_column constituent_columns[] = {
    {N_("CONSTITUENT"), 0, false, false},
    {N_("TITLE"), 0, false, true},
    {N_("SECTOR"), 1, false, false},
};

static void constituent_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "name"));
    cell_text(table, screen, field_text(item, "title"));
    cell_text(table, screen, field_text(item, "sector"));
}

static const struct list_view observables = {observable_columns, ARRAY_SIZE(observable_columns), observable_row, NULL, NULL};
static const struct list_view reports = {report_columns, ARRAY_SIZE(report_columns), report_row, NULL, NULL};
static const struct list_view constituents = {constituent_columns, ARRAY_SIZE(constituent_columns), constituent_row, NULL, NULL};

/* Where a list of the answer is not whole. */
static void render_more(struct screen *screen, const json_t *answer, const char *member, int64_t limit)
{
    const json_t *more = field_list(answer, "more");

    for (size_t i = 0; i < json_array_size(more); i++) {
        if (!str_equal(json_string_value(json_array_get(more, i)), member))
            continue;
        size_t count = json_array_size(field_list(answer, member));
        if (limit < LIST_PAGE_MAX)
            screen_printf(screen, _("%zu shown, there are more: --limit %lld\n"), count,
                          (long long)(limit * 10 < LIST_PAGE_MAX ? limit * 10 : LIST_PAGE_MAX));
        else
            screen_printf(screen, _("%zu shown, there are more: look for less at a time, or by cirt ls and cirt report ls\n"), count);
    }
}

static void render(struct screen *screen, const json_t *answer, const void *context)
{
    const int64_t *limit = context;
    static const struct {
        const char *member;
        const struct list_view *view;
    } blocks[] = {{"observables", &observables}, {"cases", &case_view_list}, {"reports", &reports}, {"constituents", &constituents}};
    bool is_first = true;

    if (json_array_size(field_list(answer, "known_good")) + json_array_size(field_list(answer, "places")) > 0) {
        known_good_view(screen, answer);
        is_first = false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        const json_t *items = field_list(answer, blocks[i].member);
        if (json_array_size(items) == 0)
            continue;
        if (!is_first)
            screen_text(screen, "\n");
        is_first = false;
        list_table(screen, items, blocks[i].view);
        render_more(screen, answer, blocks[i].member, *limit);
    }
    if (is_first)
        screen_text(screen, _("Nothing here about it.\n"));
}

int find_cmd_find(struct session *session)
{
    /* Defanged or not: the daemon reads it as it reads prose. */
    const char *value = options_joined(&session->options, 0);
    char text[24];
    int64_t limit;
    json_t *answer;

    if (!list_limit(session, &limit))
        return session->exit_code;
    limit = limit < LIST_PAGE_MAX ? limit : LIST_PAGE_MAX;
    snprintf(text, sizeof text, "%lld", (long long)limit);
    answer = session_get(session, url_with(url_path("/v1/find?value={}", value), "limit", text));
    if (answer)
        session_print(session, answer, render, &limit);
    json_decref(answer);
    return session->exit_code;
}

static const struct table_column indicator_columns[] = {
    {N_("TYPE"), 0, false, false},        {N_("VALUE"), 0, false, true}, {N_("ROLE"), 4, false, false},  {N_("TLP"), 3, false, false},
    {N_("LAST MARKED"), 2, false, false}, {N_("CONF"), 5, true, false},  {N_("UNTIL"), 1, false, false}, {N_("CASES"), 0, false, false},
};

static void indicator_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "type"));
    table_take(table, STYLE_PLAIN, cell_observable(screen, field_text(item, "type"), field_text(item, "value")));
    cell_text(table, screen, field_text(item, "role"));
    cell_tlp(table, screen, item, "tlp");
    cell_when(table, screen, item, "last_seen");
    cell_number(table, screen, item, "confidence");
    cell_when(table, screen, item, "until");
    cell_plain(table, screen, json_object_get(item, "cases"));
}

int find_cmd_indicators(struct session *session)
{
    static const struct list_view view = {indicator_columns, ARRAY_SIZE(indicator_columns), indicator_row, N_("No indicators."), NULL};

    return list_print(session, list_get(session, url_path("/v1/indicators?q={}", options_joined(&session->options, 0))), &view, NULL);
}
