#include "codec/csv_stream.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* A line is looked at whole, or after so many bytes, so that a row without an end is noticed before it has been copied whole; never where a
 * chunk happens to end. */
enum { PART_MAX = 64 * 1024 };

/* libcsv's states, which it has no calls for. */
enum { ROW_NOT_BEGUN = 0, FIELD_BEGUN = 2, FIELD_MIGHT_HAVE_ENDED = 3 };

/* One field of the row being read: a place in the row's text. */
struct place {
    size_t start, size;
};

struct csv_stream {
    size_t row_bytes_max;
    struct csv_form form;
    char separator;
    struct csv_parser parser;
    csv_on_row on_row;
    csv_on_comment on_comment;
    void *context;
    struct buf row;     /* the fields' texts, each with a NUL behind it */
    struct buf comment; /* of the line that is left out */
    struct buf cut;     /* csv_stream_cut() */
    struct buf part;    /* the beginning of a line whose rest has not come */
    struct buf single;  /* a part whose fields stand between blanks */
    bool is_quoted, has_text, has_gap;
    struct buf doubled; /* a part whose quotes are escaped otherwise */
    enum { HELD_NONE, HELD_BACKSLASH, HELD_QUOTE } held;
    bool is_escaping; /* the line */
    struct place *places;
    size_t count, capacity;
    struct csv_field fields[CSV_COLUMNS_MAX];
    size_t line, row_line; /* the one being read; where the row began */
    bool has_line_end;     /* the part that is read is the last of its line */
    size_t mark_seen;      /* bytes of a byte order mark; 3: behind it, or there was none */
    bool in_comment, at_line_start;
    bool has_row;   /* one was handed over */
    bool is_second; /* what a quote had swallowed is being read */
    struct err err; /* what stopped us inside libcsv's callbacks, which cannot say so themselves */
    bool failed;
};

static bool fail(struct csv_stream *rows, enum err_code code, size_t line, const char *text)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    rows->failed = true;
    return err_set_at(&rows->err, code, at, "%s", text);
}

/* --- libcsv's callbacks --- */

static void on_field(void *bytes, size_t size, void *context)
{
    struct csv_stream *rows = context;
    if (rows->failed)
        return;
    if (rows->count == CSV_COLUMNS_MAX) {
        fail(rows, ERR_LIMIT, rows->row_line, "more than 1000 columns");
        return;
    }
    rows->places = mem_grow(rows->places, &rows->capacity, rows->count, sizeof *rows->places);
    rows->places[rows->count++] = (struct place){.start = rows->row.size, .size = size};
    if (!(!size || buf_add(&rows->row, bytes, size)) || !buf_add_char(&rows->row, '\0'))
        fail(rows, ERR_LIMIT, rows->row_line, "the row is too long");
}

static void on_end_of_row(int end, void *context)
{
    struct csv_stream *rows = context;
    UNUSED(end);
    if (!rows->failed && rows->count) {
        rows->has_row = true;
        for (size_t i = 0; i < rows->count; i++)
            rows->fields[i] = (struct csv_field){buf_text(&rows->row) + rows->places[i].start, rows->places[i].size};
        rows->failed = !rows->on_row(rows->context, rows->fields, rows->count, rows->row_line, &rows->err);
    }
    rows->count = 0;
    buf_reset(&rows->row);
    rows->row_line = rows->line; /* a carriage return ends a row, and the next may begin behind it */
}

/* --- making one --- */

static void start_parser(struct csv_stream *rows)
{
    if (csv_init(&rows->parser, 0) != 0)
        BUG("csv_init failed");
    csv_set_delim(&rows->parser, (unsigned char)rows->separator);
}

struct csv_stream *csv_stream_new(const struct codec_limits *limits, const struct csv_form *form, csv_on_row on_row,
                                  csv_on_comment on_comment, void *context)
{
    struct csv_stream *rows = mem_calloc(1, sizeof *rows);
    rows->row_bytes_max = limits->document_bytes_max;
    rows->form = *form;
    rows->separator = form->delimiter == ' ' ? '\t' : form->delimiter ? form->delimiter : ',';
    rows->on_row = on_row;
    rows->on_comment = on_comment;
    rows->context = context;
    rows->line = rows->row_line = 1;
    rows->at_line_start = true;
    buf_init(&rows->row, limits->document_bytes_max + 1);
    buf_init(&rows->comment, CSV_COMMENT_MAX);
    buf_init(&rows->cut, SIZE_MAX / 2); /* the row and what it swallowed are bounded */
    buf_init(&rows->part, PART_MAX);
    buf_init(&rows->single, PART_MAX + 1);
    buf_init(&rows->doubled, PART_MAX + 3);
    start_parser(rows);
    return rows;
}

void csv_stream_free(struct csv_stream *rows)
{
    if (!rows)
        return;
    free(rows->places);
    buf_clear(&rows->row);
    buf_clear(&rows->comment);
    buf_clear(&rows->cut);
    buf_clear(&rows->part);
    buf_clear(&rows->single);
    buf_clear(&rows->doubled);
    csv_free(&rows->parser);
    free(rows);
}

size_t csv_stream_row_size(const struct csv_stream *rows)
{
    return rows->row.size;
}

/* --- fields between blanks --- */

/* The part with a tab for each run of blanks between fields. */
static void single_blanks(struct csv_stream *rows, const char *bytes, size_t size)
{
    buf_reset(&rows->single);
    for (size_t i = 0; i < size; i++) {
        bool is_blank = bytes[i] == ' ' || bytes[i] == '\t', ends_line = bytes[i] == '\n' || bytes[i] == '\r';
        if (is_blank && !rows->is_quoted) {
            rows->has_gap = true;
            continue;
        }
        if (rows->has_gap && rows->has_text && !ends_line)
            buf_add_char(&rows->single, '\t');
        rows->has_gap = false;
        rows->has_text = !ends_line || rows->is_quoted;
        rows->is_quoted = rows->is_quoted != (bytes[i] == '"');
        buf_add_char(&rows->single, bytes[i]);
    }
}

/* --- quotes escaped with a backslash --- */

/*
 * "Basic realm=\"x\"", which RFC 4180 writes with two quotes each. A quote behind a backslash that has text behind it can only be escaped,
 * and then so are the others of the line; "C:\dir\", is a field that ends in a backslash. What is not decided yet is held back.
 */
static void add_quote(struct csv_stream *rows, char next)
{
    rows->is_escaping = rows->is_escaping || !(next == '"' || next == '\r' || next == '\n' || next == rows->separator);
    buf_add(&rows->doubled, rows->is_escaping ? "\"\"" : "\\\"", 2);
    rows->held = HELD_NONE;
}

static void add_behind_backslash(struct csv_stream *rows, char c)
{
    rows->held = HELD_NONE;
    if (c == '"' && rows->is_escaping)
        add_quote(rows, c);
    else if (c == '"')
        rows->held = HELD_QUOTE;
    else {
        buf_add_char(&rows->doubled, '\\');
        buf_add_char(&rows->doubled, c);
    }
}

/* The part with such quotes doubled. */
static void double_quotes(struct csv_stream *rows, const char *bytes, size_t size)
{
    buf_reset(&rows->doubled);
    for (size_t i = 0; i < size; i++) {
        if (rows->held == HELD_QUOTE)
            add_quote(rows, bytes[i]);
        if (rows->held == HELD_BACKSLASH)
            add_behind_backslash(rows, bytes[i]);
        else if (bytes[i] == '\\')
            rows->held = HELD_BACKSLASH;
        else
            buf_add_char(&rows->doubled, bytes[i]);
    }
}

/* --- text behind a closing quote --- */

static bool is_blank(const struct csv_stream *rows, char c)
{
    return (c == ' ' || c == '\t') && c != rows->separator;
}

static bool ends_field(const struct csv_stream *rows, char c)
{
    return c == rows->separator || c == '\r' || c == '\n';
}

/*
 * Whether a quote with text behind it, rest, ended the quoted text, as of "Evil" Corp; else it is one that nobody escaped, as in
 * "the "Evil" corporation". It did where no quote follows in the line, or the next begins another field.
 */
static bool left_quotes(const struct csv_stream *rows, const char *rest, const char *end)
{
    const char *next = memchr(rest + 1, '"', (size_t)(end - rest) - 1), *before = next;
    if (!next)
        return rows->has_line_end;
    do
        before--;
    while (before > rest && is_blank(rows, *before));
    return *before == rows->separator && next + 1 < end && !ends_field(rows, next[1]);
}

/* What follows is plain text of the same field, and the quote is none of it. */
static void leave_quotes(struct csv_parser *parser)
{
    unsigned char *quote = parser->entry_buf + parser->entry_pos - parser->spaces - 1;
    memmove(quote, quote + 1, parser->spaces);
    parser->entry_pos--;
    parser->pstate = FIELD_BEGUN;
    parser->quoted = 0;
}

static bool parse_bytes(struct csv_stream *rows, const char *bytes, size_t size)
{
    return csv_parse(&rows->parser, bytes, size, on_field, on_end_of_row, rows) == size ||
           fail(rows, ERR_INTERNAL, rows->line, "out of memory in libcsv");
}

/* Quote by quote: libcsv stays within quotes whatever follows the closing one, over all lines to the next. */
static bool parse_quotes(struct csv_stream *rows, const char *bytes, size_t size)
{
    const char *end = bytes + size;
    bool ok = true;
    while (ok && bytes < end) {
        const char *quote = memchr(bytes, '"', (size_t)(end - bytes));
        size_t count = (size_t)((quote ? quote + 1 : end) - bytes);
        if (rows->parser.pstate == FIELD_MIGHT_HAVE_ENDED) {
            bool is_text = !ends_field(rows, *bytes) && (*bytes != '"' || rows->parser.spaces > 0);
            if (is_blank(rows, *bytes))
                count = 1;
            else if (is_text && left_quotes(rows, bytes, end))
                leave_quotes(&rows->parser);
        }
        ok = parse_bytes(rows, bytes, count);
        bytes += count;
    }
    return ok;
}

static bool parse(struct csv_stream *rows, const char *bytes, size_t size)
{
    bool ends_line = bytes[size - 1] == '\n';
    if (rows->form.delimiter == ' ') {
        single_blanks(rows, bytes, size);
        bytes = rows->single.bytes;
        size = rows->single.size;
        if (!size)
            return true;
    }
    if (rows->held || memchr(bytes, '\\', size)) {
        double_quotes(rows, bytes, size);
        bytes = rows->doubled.bytes;
        size = rows->doubled.size;
    }
    rows->is_escaping = rows->is_escaping && !ends_line;
    return size == 0 || parse_quotes(rows, bytes, size); /* a backslash alone is held */
}

static bool parse_held(struct csv_stream *rows)
{
    static const char *const texts[] = {[HELD_NONE] = "", [HELD_BACKSLASH] = "\\", [HELD_QUOTE] = "\\\""};
    const char *text = texts[rows->held];
    return parse_bytes(rows, text, strlen(text));
}

/* --- the stream --- */

static void leave_out(struct csv_stream *rows, const char *bytes, size_t size)
{
    size_t room = CSV_COMMENT_MAX - rows->comment.size;
    UNUSED(buf_add(&rows->comment, bytes, size < room ? size : room));
    rows->in_comment = !rows->at_line_start && rows->in_comment;
    if (!rows->at_line_start)
        return;
    if (rows->on_comment)
        rows->on_comment(rows->context, buf_text(&rows->comment));
    buf_reset(&rows->comment);
}

/* "sep=;" in the first line, by which Excel is told: no row, and it says better than who configured us what stands between the fields. */
static bool takes_separator(struct csv_stream *rows, const char *bytes, size_t size)
{
    bool ends = size > 5 && size < 8 && bytes[5] == (size == 6 ? '\n' : '\r');
    if (rows->line != 1 || !ends || strncasecmp(bytes, "sep=", 4) != 0 || strchr("\"\r\n", bytes[4]) || rows->form.delimiter == ' ')
        return false;
    rows->separator = bytes[4];
    csv_set_delim(&rows->parser, (unsigned char)rows->separator);
    return true;
}

/* libcsv does not count lines: it gets them one by one (or in parts), and we note where a row began. */
static bool parse_part(struct csv_stream *rows, const char *bytes, size_t size, bool has_line_end)
{
    bool in_row = rows->parser.pstate != ROW_NOT_BEGUN, ok = true;
    if (rows->at_line_start && !in_row) {
        rows->in_comment = rows->form.comment && bytes[0] == rows->form.comment;
        rows->is_quoted = false;
    }
    rows->at_line_start = bytes[size - 1] == '\n';
    rows->has_line_end = has_line_end;
    if (rows->in_comment || rows->line <= rows->form.skip) {
        leave_out(rows, bytes, size);
    } else if (!takes_separator(rows, bytes, size)) {
        if (!in_row)
            rows->row_line = rows->line;
        ok = parse(rows, bytes, size) && !rows->failed;
    }
    rows->line += rows->at_line_start;
    return ok &&
           (rows->row.size + rows->parser.entry_pos <= rows->row_bytes_max || fail(rows, ERR_LIMIT, rows->row_line, "the row is too long"));
}

/* A byte order mark is no part of the first field: behind it a quote opens as ever. */
static void skip_mark(struct csv_stream *rows, const char **bytes, size_t *size)
{
    static const char mark[] = "\xef\xbb\xbf";
    for (; rows->mark_seen < 3 && *size && **bytes == mark[rows->mark_seen]; (*bytes)++, (*size)--)
        rows->mark_seen++;
    if (rows->mark_seen >= 3 || !*size)
        return;
    buf_add(&rows->part, mark, rows->mark_seen); /* what began like one was none */
    rows->mark_seen = 3;
}

bool csv_stream_feed(struct csv_stream *rows, const char *bytes, size_t size, struct err *err)
{
    bool ok = true;
    skip_mark(rows, &bytes, &size);
    while (ok && size) {
        size_t room = PART_MAX - rows->part.size, most = size < room ? size : room;
        const char *end = memchr(bytes, '\n', most);
        size_t count = end ? (size_t)(end - bytes) + 1 : most;
        bool is_part = end || count == room;
        if (is_part && !rows->part.size) {
            ok = parse_part(rows, bytes, count, end != NULL);
        } else {
            buf_add(&rows->part, bytes, count);
            ok = !is_part || parse_part(rows, rows->part.bytes, rows->part.size, end != NULL);
            if (is_part)
                buf_reset(&rows->part);
        }
        bytes += count;
        size -= count;
    }
    if (!ok)
        *err = rows->err;
    return ok;
}

/* *is_cut: a quote is not closed, and its row was not handed over. What it swallowed has no quotes, which would have ended it: only in a
 * line beyond PART_MAX is there another, whose row is handed over as it is. */
static bool end_rows(struct csv_stream *rows, bool *is_cut)
{
    if ((rows->part.size && !parse_part(rows, rows->part.bytes, rows->part.size, true)) || !parse_held(rows))
        return false;
    buf_reset(&rows->part);
    rows->held = HELD_NONE;
    *is_cut = rows->parser.quoted && rows->parser.pstate == FIELD_BEGUN && !rows->is_second;
    return (*is_cut || csv_fini(&rows->parser, on_field, on_end_of_row, rows) == 0 ||
            fail(rows, ERR_INTERNAL, rows->line, "out of memory in libcsv")) &&
           !rows->failed;
}

/* A quote that nobody closed has swallowed all that is behind it: the lines behind its own are rows. */
static bool read_swallowed(struct csv_stream *rows)
{
    struct err ignored;
    const char *text = (const char *)rows->parser.entry_buf, *line = memchr(text, '\n', rows->parser.entry_pos);
    size_t size = line ? rows->parser.entry_pos - (size_t)(++line - text) : 0;
    if (!size)
        return true;
    char *swallowed = mem_calloc(1, size);
    memcpy(swallowed, line, size);
    rows->line = rows->row_line + 1;
    for (size_t i = 0; i < rows->row.size; i++)
        rows->line += rows->row.bytes[i] == '\n';
    csv_free(&rows->parser);
    start_parser(rows);
    rows->is_second = rows->at_line_start = true;
    rows->is_escaping = rows->has_text = rows->has_gap = false;
    rows->count = 0;
    buf_reset(&rows->row);
    bool ok = csv_stream_feed(rows, swallowed, size, &ignored), is_cut;
    free(swallowed);
    return ok && end_rows(rows, &is_cut);
}

static void keep_cut(struct csv_stream *rows)
{
    const char *text = (const char *)rows->parser.entry_buf;
    size_t size = rows->parser.entry_pos;
    const char *line = rows->has_row && size ? memchr(text, '\n', size) : NULL;
    if (rows->row.size)
        buf_add(&rows->cut, rows->row.bytes, rows->row.size);
    if (size)
        buf_add(&rows->cut, text, line ? (size_t)(line - text) : size);
}

const struct buf *csv_stream_cut(const struct csv_stream *rows)
{
    return &rows->cut;
}

bool csv_stream_finish(struct csv_stream *rows, size_t *cut_line, struct err *err)
{
    bool is_cut = false, ok = end_rows(rows, &is_cut);
    *cut_line = is_cut ? rows->row_line : 0;
    if (is_cut)
        keep_cut(rows);
    if (ok && is_cut && rows->has_row)
        ok = read_swallowed(rows);
    if (!ok)
        *err = rows->err;
    return ok;
}

/* --- a text that is whole --- */

struct whole {
    csv_take_cells take;
    void *context;
};

static bool take_whole_row(void *context, const struct csv_field *fields, size_t count, size_t line, struct err *err)
{
    const struct whole *whole = context;
    const char *cells[CSV_COLUMNS_MAX];
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    for (size_t i = 0; i < count; i++) {
        if (!str_is_utf8(fields[i].text, fields[i].size, NULL))
            return err_set_at(err, ERR_INPUT, at, "the text is not UTF-8");
        cells[i] = fields[i].text;
    }
    return (count == 1 && *cells[0] == '\0') || whole->take(whole->context, line, cells, count, err);
}

static char delimiter_of(const char *bytes, size_t size)
{
    static const char delimiters[] = ",;\t";
    const char *end = size ? memchr(bytes, '\n', size) : NULL;
    size_t length = end ? (size_t)(end - bytes) : size, best = 0, most = 0;
    for (size_t i = 0; i < sizeof delimiters - 1; i++) {
        size_t count = 0;
        for (size_t k = 0; k < length; k++)
            count += bytes[k] == delimiters[i];
        if (count > most) {
            most = count;
            best = i;
        }
    }
    return delimiters[best];
}

bool csv_stream_read(const char *bytes, size_t size, csv_take_cells take, void *context, struct err *err)
{
    struct whole whole = {take, context};
    const struct csv_form form = {.delimiter = delimiter_of(bytes, size)};
    struct csv_stream *rows = csv_stream_new(&codec_limits_default, &form, take_whole_row, NULL, &whole);
    size_t cut_line = 0;
    char at[40];
    bool ok = csv_stream_feed(rows, bytes, size, err) && csv_stream_finish(rows, &cut_line, err);
    csv_stream_free(rows);
    snprintf(at, sizeof at, "line %zu", cut_line);
    return ok && (!cut_line || err_set_at(err, ERR_INPUT, at, "a quote that does not end"));
}
