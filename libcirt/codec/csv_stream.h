/* codec/csv_stream.h - the rows of a CSV document (RFC 4180) as a stream, each with the line it began on; limits on rows and columns. */
#ifndef CIRT_CODEC_CSV_STREAM_H
#define CIRT_CODEC_CSV_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"

enum { CSV_COLUMNS_MAX = 1000 };

/* Ends with a NUL that is not counted; may hold others. */
struct csv_field {
    const char *text;
    size_t size;
};

struct csv_form {
    char delimiter; /* ',' where 0; ' ': any number of blanks and tabs, also before the first field and behind the last */
    char comment;   /* lines that begin with it are left out; 0: none */
    size_t skip;    /* lines above all else that are left out */
};

/* Called for each line that was left out, with its first CSV_COMMENT_MAX bytes. */
enum { CSV_COMMENT_MAX = 500 };
typedef void (*csv_on_comment)(void *context, const char *text);

/* Called for each row that is not empty, with fields that live as long as the call. False stops, with err set. */
typedef bool (*csv_on_row)(void *context, const struct csv_field *fields, size_t count, size_t line, struct err *err);

struct csv_stream;
/* on_comment may be NULL. */
struct csv_stream *csv_stream_new(const struct codec_limits *limits, const struct csv_form *form, csv_on_row on_row,
                                  csv_on_comment on_comment, void *context);
void csv_stream_free(struct csv_stream *rows); /* NULL is fine */

/* ERR_LIMIT for a row longer than limits->document_bytes_max or with more than CSV_COLUMNS_MAX fields. */
bool csv_stream_feed(struct csv_stream *rows, const char *bytes, size_t size, struct err *err) MUST_CHECK;

/* The last row, which may lack its line feed. *cut_line: 0, or where a row began whose quote is never closed: it was left
 * out, and where it is not the first, the lines behind it are read as rows. */
bool csv_stream_finish(struct csv_stream *rows, size_t *cut_line, struct err *err) MUST_CHECK;

/* The row that was left out: what was read of its fields, each with a NUL behind it, and what its quote had swallowed of the line (of a
 * first row: of all lines); empty where none was. For who wants to know what it said, after csv_stream_finish(). */
const struct buf *csv_stream_cut(const struct csv_stream *rows);

/* A row of a text that is whole in memory, which began on that line: cells are UTF-8 and live as long as the call. False ends the reading,
 * with err set. */
typedef bool (*csv_take_cells)(void *context, size_t line, const char *const *cells, size_t count, struct err *err);
/* For tables of our own: every row, the header too; blank lines and a byte order mark are left out. The delimiter is what the first line
 * has most of: comma, semicolon or tab. ERR_INPUT with the line for text that is not UTF-8 or a quote that never ends, ERR_LIMIT as above,
 * or what take says. */
bool csv_stream_read(const char *bytes, size_t size, csv_take_cells take, void *context, struct err *err) MUST_CHECK;

/* The bytes of the row that is handed over, with separators: what it takes in memory. */
size_t csv_stream_row_size(const struct csv_stream *rows);

#endif
