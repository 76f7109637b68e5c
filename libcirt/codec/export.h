/*
 * codec/export.h - lists out of reports: what a mail gateway, a resolver, a sensor or a spreadsheet reads. Pure, as the codecs.
 *
 * A list is written piece by piece: export_begin(), export_report() for as many reports as there are, in memory that does not grow with
 * the list. A document of a codec (codec/codec.h) is written whole. Both stand in one table.
 *
 * No value from outside ends a line, a field, a string or a comment: what cannot be written in a list's own syntax is left out and
 * counted. Only indicators become part of a block list, of whatever was given: never a victim or target.
 */
#ifndef CIRT_CODEC_EXPORT_H
#define CIRT_CODEC_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "codec/codec.h"
#include "model/report.h"

/* sids that Suricata leaves to local rules. */
enum { EXPORT_SID_FIRST = 1000000, EXPORT_SID_LAST = 1999999 };

/* What the list says of itself. The strings are the caller's and live as long as the writer. */
struct export_head {
    const char *team;  /* "XX-CERT" */
    enum tlp tlp;      /* the strictest label in it; TLP_NONE: not said */
    int64_t time;      /* when it was made: the zone's serial */
    int64_t sid_first; /* the first rule's number; 0: EXPORT_SID_FIRST */
};

struct export_writer;

struct export_format {
    const char *name; /* "rpz": what --format says */
    const char *media_type;
    const char *summary;       /* one line: what it carries */
    const struct codec *codec; /* a document, written whole; NULL: a list, and the members below */
    bool is_block_list;        /* machines act on it: indicators only, and nothing whose PAP forbids to block */
    void (*begin)(struct export_writer *writer, struct buf *out);
    /* False: this value has no place in such a list. */
    bool (*add)(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting, struct buf *out);
};

/* The formats, in the order in which help shows them. */
extern const struct export_format export_formats[];
extern const size_t export_format_count;
const struct export_format *export_find(const char *name); /* NULL where unknown */

struct export_writer {
    const struct export_format *format;
    struct export_head head;
    int64_t next_sid;
    size_t written, left_out;                    /* values */
    size_t left_out_type[OBSERVABLE_TYPE_COUNT]; /* of left_out */
};

/* format: a list's. Adds what stands before the values. */
void export_begin(struct export_writer *writer, const struct export_format *format, const struct export_head *head, struct buf *out);
/* Adds the values of the report, and counts. ERR_LIMIT where out is full. */
bool export_report(struct export_writer *writer, const struct report *report, struct buf *out, struct err *err) MUST_CHECK;

#endif
