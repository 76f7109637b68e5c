/* codec/csv_rows.h - rows of an RFC 4180 text that is whole in memory, for tables of our own; feeds are streamed by their codec. */
#ifndef CIRT_CODEC_CSV_ROWS_H
#define CIRT_CODEC_CSV_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

enum { CSV_ROWS_CELLS_MAX = 1000 };

/* line: where the row begins, from 1. Cells are UTF-8 and the reader's. False (with err set) ends the reading. */
typedef bool (*csv_rows_take)(void *context, size_t line, const char *const *cells, size_t count, struct err *err);

/* Every row, the header too; blank lines and a byte order mark are left out. The delimiter is what the first line has most of: comma,
 * semicolon or tab. ERR_INPUT with the line for text that is not UTF-8 or not well quoted, ERR_LIMIT beyond CSV_ROWS_CELLS_MAX cells, or
 * what take says. */
bool csv_rows_read(const char *bytes, size_t size, csv_rows_take take, void *context, struct err *err) MUST_CHECK;

#endif
