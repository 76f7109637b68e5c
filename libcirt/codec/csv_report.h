/* codec/csv_report.h - rows that become observations of one report, handed over in batches: what the CSV codecs share. */
#ifndef CIRT_CODEC_CSV_REPORT_H
#define CIRT_CODEC_CSV_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/codec.h"

struct csv_report {
    struct report *report;
    struct codec_sink sink;
    size_t batch_bytes_max;
    size_t batch_line, batch_rows, batch_bytes; /* where the batch began; what was read since the last went out, bad rows too */
    size_t row_line;
    size_t batch_count; /* handed over */
    bool has_row;       /* one could be read */
    struct buf extra;   /* of the row: an open JSON object */
};

void csv_report_open(struct csv_report *into, const char *format, const struct codec_limits *limits, const struct codec_sink *sink);
void csv_report_close(struct csv_report *into);

/* A row that began on this line and takes so many bytes: its observation, with the report's class. */
struct observation *csv_report_begin_row(struct csv_report *into, size_t line, size_t size);
/* The value as UTF-8 without NULs: itself, or a copy that lives as long as the row, with U+FFFD for what is none. */
const char *csv_report_text(struct csv_report *into, const char *value, size_t size);
/* Adds "name":"value" to what is kept of the row; what is not UTF-8 is replaced: banners hold anything, and the bytes are kept with the
 * report. */
void csv_report_keep(struct csv_report *into, const char *name, const char *value, size_t size);
/* why NULL: the row is good; what it says twice is there once. Else it leaves no trace but its rejection. Hands the batch over where it is
 * full; false as the sink's. */
bool csv_report_end_row(struct csv_report *into, const char *why, struct err *err) MUST_CHECK;
void csv_report_reject(struct csv_report *into, size_t line, const char *why);
/* Also gives back the memory of the batch. */
bool csv_report_hand_over(struct csv_report *into, struct err *err) MUST_CHECK;
/* After the last row: hands over what is left. ERR_INPUT, with the first row's fault, where there are rows and none could be read. */
bool csv_report_finish(struct csv_report *into, struct err *err) MUST_CHECK;
/* The document is refused, by its header or all of its rows: hands over the names of its columns and its label, without rows, and answers
 * false. */
bool csv_report_refuse(struct csv_report *into);

/* What a column is kept as that stands behind so many of its name: "note", "note 2", ... In the arena, or the name itself. */
const char *csv_report_kept_as(struct arena *arena, const char *name, size_t before);

/* "192.0.2.1:443", "[2001:db8::1]:443", "c2.example.net:443": what stands before the port, in the arena, and the port; NULL where there is
 * none. */
const char *csv_report_before_port(struct arena *arena, const char *text, int *port);

#endif
