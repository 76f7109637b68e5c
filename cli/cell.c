#include "cli/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"

void cell_text(struct table *table, const struct screen *screen, const char *text)
{
    table_take(table, STYLE_PLAIN, screen_clean(screen, text, false));
}

void cell_outside(struct table *table, const struct screen *screen, const char *text)
{
    table_take(table, STYLE_PLAIN, screen_clean(screen, text, true));
}

void cell_plain(struct table *table, const struct screen *screen, const json_t *value)
{
    char *text = field_plain(value);

    cell_text(table, screen, text);
    free(text);
}

void cell_number(struct table *table, const struct screen *screen, const json_t *item, const char *name)
{
    char text[PHRASE_SIZE] = "-";
    int64_t number = field_number(item, name, INT64_MIN);

    if (number != INT64_MIN)
        screen_number(screen, number, text);
    table_add(table, STYLE_PLAIN, text);
}

void cell_when(struct table *table, const struct screen *screen, const json_t *item, const char *name)
{
    char text[PHRASE_SIZE];

    screen_when(screen, field_time(item, name), text);
    table_add(table, STYLE_PLAIN, text);
}

void cell_last_day(struct table *table, const struct screen *screen, const json_t *item, const char *name)
{
    char text[PHRASE_SIZE] = "-";
    int64_t end = field_time(item, name);

    if (end != TIMESTAMP_NONE)
        screen_when(screen, end - 1, text);
    table_add(table, STYLE_PLAIN, text);
}

void cell_due(struct table *table, const struct screen *screen, const json_t *item, const char *name)
{
    char text[PHRASE_SIZE];
    int64_t due = field_time(item, name);
    enum style style = STYLE_PLAIN;

    screen_due(screen, due, text);
    if (due != TIMESTAMP_NONE && due < screen->now)
        style = STYLE_RED;
    else if (due != TIMESTAMP_NONE && due < screen->now + 3600 * TIMESTAMP_SECOND)
        style = STYLE_YELLOW;
    table_add(table, style, text);
}

void cell_tlp(struct table *table, const struct screen *screen, const json_t *item, const char *name)
{
    const char *tlp = field_text(item, name);
    char *text = screen_clean(screen, tlp, false);

    for (char *c = text; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    table_take(table, screen_tlp_style(tlp), text);
}

void cell_priority(struct table *table, const struct screen *screen, const json_t *item, const char *name)
{
    const char *priority = field_text(item, name);

    if (str_equal(priority, "critical"))
        table_add(table, STYLE_RED, "crit");
    else if (str_equal(priority, "medium"))
        table_add(table, STYLE_PLAIN, "med");
    else
        cell_text(table, screen, priority);
}

char *cell_observable(const struct screen *screen, const char *type, const char *value)
{
    bool defang =
        !type || strcmp(type, "url") == 0 || strcmp(type, "domain") == 0 || strcmp(type, "email") == 0 || strcmp(type, "text") == 0;

    if (type && value && strcmp(type, "asn") == 0 && *value >= '0' && *value <= '9') {
        char *text = mem_printf("AS%s", value), *clean = screen_clean(screen, text, false);
        free(text);
        return clean;
    }
    return screen_clean(screen, value, defang);
}
