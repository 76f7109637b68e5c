#include "codec/csv_rows.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

struct reader {
    csv_rows_take take;
    void *context;
    struct buf text; /* the cells of the row, each with a NUL behind it */
    size_t starts[CSV_ROWS_CELLS_MAX], count;
    size_t line, row_line; /* the one being read; where the row began, 0 between rows */
    struct err *err;
    bool failed;
};

static void fail(struct reader *reader, enum err_code code, const char *text)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", reader->row_line ? reader->row_line : reader->line);
    if (!reader->failed)
        err_set_at(reader->err, code, at, "%s", text);
    reader->failed = true;
}

static void cell(void *bytes, size_t size, void *context)
{
    struct reader *reader = context;
    if (reader->failed)
        return;
    if (reader->count == CSV_ROWS_CELLS_MAX)
        fail(reader, ERR_LIMIT, "more than 1000 columns");
    else if (!str_is_utf8(bytes, size, NULL))
        fail(reader, ERR_INPUT, "the text is not UTF-8");
    else {
        reader->starts[reader->count++] = reader->text.size;
        buf_add(&reader->text, bytes, size);
        buf_add_char(&reader->text, '\0');
    }
}

static void end_row(int delimiter, void *context)
{
    struct reader *reader = context;
    const char *cells[CSV_ROWS_CELLS_MAX];
    UNUSED(delimiter);
    for (size_t i = 0; i < reader->count; i++)
        cells[i] = buf_text(&reader->text) + reader->starts[i];
    if (!reader->failed && reader->count > 0 && !(reader->count == 1 && *cells[0] == '\0'))
        reader->failed = !reader->take(reader->context, reader->row_line, cells, reader->count, reader->err);
    buf_reset(&reader->text);
    reader->count = 0;
    reader->row_line = 0;
}

static char delimiter_of(const char *bytes, size_t size)
{
    static const char delimiters[] = ",;\t";
    size_t best = 0, most = 0, line = 0;
    while (line < size && bytes[line] != '\n')
        line++;
    for (size_t i = 0; i < sizeof delimiters - 1; i++) {
        size_t count = 0;
        for (size_t k = 0; k < line; k++)
            count += bytes[k] == delimiters[i];
        if (count > most) {
            most = count;
            best = i;
        }
    }
    return delimiters[best];
}

/* A line at a time, so that it is known where a row begins. */
static void parse(struct reader *reader, struct csv_parser *parser, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size && !reader->failed;) {
        const char *newline = memchr(bytes + done, '\n', size - done);
        size_t length = newline ? (size_t)(newline - bytes) + 1 - done : size - done;
        reader->line++;
        if (reader->row_line == 0)
            reader->row_line = reader->line;
        if (csv_parse(parser, bytes + done, length, cell, end_row, reader) != length)
            fail(reader, ERR_INPUT, "a quote that is not one of a pair");
        /* A blank line begins no row. */
        if (reader->count == 0 && length <= 2)
            reader->row_line = 0;
        done += length;
    }
    if (!reader->failed && csv_fini(parser, cell, end_row, reader) != 0)
        fail(reader, ERR_INPUT, "the last quote does not end");
}

bool csv_rows_read(const char *bytes, size_t size, csv_rows_take take, void *context, struct err *err)
{
    struct csv_parser parser;
    struct reader *reader = mem_calloc(1, sizeof *reader);
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    *reader = (struct reader){.take = take, .context = context, .err = err};
    buf_init(&reader->text, size + CSV_ROWS_CELLS_MAX + 1);
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        BUG("libcsv does not begin");
    csv_set_delim(&parser, (unsigned char)delimiter_of(bytes, size));
    parse(reader, &parser, bytes, size);
    csv_free(&parser);
    bool ok = !reader->failed;
    buf_clear(&reader->text);
    free(reader);
    return ok;
}
