#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/words.h"

enum { GAP = 2, PIPED_MOST = 80, FLEXIBLE_LEAST = 24, BLOCK_FLEXIBLE_LEAST = 40, COLUMN_LEAST = 4, RANK_MAX = 9 };

struct cell {
    enum style style;
    char *text;
    unsigned columns;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count, cell_capacity;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = mem_calloc(1, sizeof *table);

    table->columns = columns;
    table->column_count = count;
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table);
}

void table_take(struct table *table, enum style style, char *text)
{
    table->cells = mem_grow(table->cells, &table->cell_capacity, table->cell_count, sizeof *table->cells);
    table->cells[table->cell_count++] = (struct cell){style, text, str_columns(text)};
}

void table_add(struct table *table, enum style style, const char *text)
{
    table_take(table, style, mem_strdup(text));
}

/* widths[i] 0: the column has left. */
static void measure(const struct table *table, unsigned *widths, bool has_titles, bool is_piped)
{
    for (size_t i = 0; i < table->column_count && has_titles; i++)
        widths[i] = str_columns(_(table->columns[i].title));
    for (size_t i = 0; i < table->cell_count; i++) {
        unsigned *width = &widths[i % table->column_count];
        unsigned columns = is_piped && table->cells[i].columns > PIPED_MOST ? PIPED_MOST : table->cells[i].columns;
        if (columns > *width)
            *width = columns;
    }
}

static unsigned total(const struct table *table, const unsigned *widths)
{
    unsigned sum = 0;

    for (size_t i = 0; i < table->column_count; i++)
        sum += widths[i] ? widths[i] + GAP : 0;
    return sum > GAP ? sum - GAP : 0;
}

/* Narrows the flexible columns down to `least`, the widest first; true where all fits then. */
static bool cut_flexible(const struct table *table, unsigned *widths, unsigned limit, unsigned least)
{
    for (unsigned sum = total(table, widths); sum > limit; sum--) {
        size_t widest = table->column_count;

        for (size_t i = 0; i < table->column_count; i++)
            if (table->columns[i].is_flexible && widths[i] > least && (widest == table->column_count || widths[i] > widths[widest]))
                widest = i;
        if (widest == table->column_count)
            return false;
        widths[widest]--;
    }
    return true;
}

static bool drop_one(const struct table *table, unsigned *widths)
{
    size_t worst = table->column_count;

    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i] && table->columns[i].rank && (worst == table->column_count || table->columns[i].rank > table->columns[worst].rank))
            worst = i;
    if (worst == table->column_count)
        return false;
    widths[worst] = 0;
    return true;
}

/* As wide as they would be, of those that are there. */
static void restore(const struct table *table, unsigned *widths, const unsigned *natural)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i])
            widths[i] = natural[i];
}

/* A wide column that left may have made room for narrower ones that left before it. */
static void bring_back(const struct table *table, unsigned *widths, const unsigned *natural, unsigned limit, unsigned least)
{
    size_t size = table->column_count * sizeof *widths;
    unsigned *tried = mem_calloc(table->column_count, sizeof *widths);

    for (unsigned rank = 1; rank <= RANK_MAX; rank++)
        for (size_t i = 0; i < table->column_count; i++) {
            if (widths[i] || table->columns[i].rank != rank || !natural[i])
                continue;
            memcpy(tried, widths, size);
            tried[i] = 1;
            restore(table, tried, natural);
            if (cut_flexible(table, tried, limit, least))
                memcpy(widths, tried, size);
        }
    free(tried);
}

static void fit(const struct table *table, unsigned *widths, unsigned limit, unsigned least)
{
    size_t size = table->column_count * sizeof *widths;
    unsigned *natural = mem_calloc(table->column_count, sizeof *widths);

    memcpy(natural, widths, size);
    while (!cut_flexible(table, widths, limit, least) && drop_one(table, widths))
        restore(table, widths, natural);
    bring_back(table, widths, natural, limit, least);
    cut_flexible(table, widths, limit, COLUMN_LEAST);
    free(natural);
}

static void print_cell(struct screen *screen, const struct table_column *column, enum style style, const char *text, unsigned width,
                       bool is_last)
{
    unsigned columns = str_columns(text), used = 0;
    const char *at = text, *end = text + strlen(text);

    if (column->is_right)
        screen_printf(screen, "%*s", columns < width ? (int)(width - columns) : 0, "");
    screen_text(screen, screen_style_start(screen, style));
    if (columns <= width || screen->columns == 0) {
        screen_text(screen, text);
        used = columns;
    } else {
        while (at < end) {
            char one[8] = "";
            uint32_t code_point;
            size_t size = str_next_code_point(at, end, &code_point);

            memcpy(one, at, size < sizeof one ? size : sizeof one - 1);
            if (used + str_columns(one) + 1 > width)
                break;
            used += str_columns(one);
            screen_text(screen, one);
            at += size;
        }
        screen_text(screen, "…");
        used++;
    }
    screen_text(screen, screen_style_end(screen, style));
    if (!column->is_right && !is_last)
        screen_printf(screen, "%*s", used < width ? (int)(width - used) : 0, "");
}

static void print_row(const struct table *table, const struct cell *cells, const unsigned *widths, struct screen *screen)
{
    size_t last = 0;
    bool is_first = true;

    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i])
            last = i;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!widths[i])
            continue;
        if (!is_first)
            screen_printf(screen, "%*s", GAP, "");
        is_first = false;
        print_cell(screen, &table->columns[i], cells ? cells[i].style : STYLE_DIM, cells ? cells[i].text : _(table->columns[i].title),
                   widths[i], i == last);
    }
    screen_text(screen, "\n");
}

void table_print(const struct table *table, struct screen *screen)
{
    unsigned *widths = mem_calloc(table->column_count, sizeof *widths);

    measure(table, widths, true, screen->columns == 0);
    if (screen->columns)
        fit(table, widths, screen->columns, FLEXIBLE_LEAST);
    print_row(table, NULL, widths, screen);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
        print_row(table, table->cells + i, widths, screen);
    free(widths);
}

void table_print_block(const struct table *table, struct screen *screen, const char *name, unsigned margin)
{
    unsigned *widths = mem_calloc(table->column_count, sizeof *widths);

    measure(table, widths, false, screen->columns == 0);
    if (screen->columns)
        fit(table, widths, screen->columns > margin ? screen->columns - margin : 1, BLOCK_FLEXIBLE_LEAST);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
        screen_style(screen, STYLE_DIM, i == 0 ? name : "");
        if (margin > 0)
            screen_pad(screen, margin);
        print_row(table, table->cells + i, widths, screen);
    }
    free(widths);
}
