/*
 * codec/csv_mapping.h - what the columns of a feed's CSV mean, as an operator wrote it down (docs/FORMATS.md, "csv"): a text, a setting a
 * line,
 *
 *   header: no                                     columns: first_seen, dst_ip, dst_port
 *   column dst_ip = source.ip indicator            value malware "heodo" = c2-server
 *   set source.asn = "64500"                       set source.ip = "{first}-{last}"
 */
#ifndef CIRT_CODEC_CSV_MAPPING_H
#define CIRT_CODEC_CSV_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/csv_stream.h"
#include "model/observable.h"
#include "model/tlp.h"

enum { CSV_MAPPING_SIZE_MAX = 64 * 1024, CSV_SETS_MAX = 16, CSV_SET_SIZE_MAX = 4096 };

enum csv_meaning {
    CSV_KEPT, /* no meaning of its own: goes to extra */
    CSV_IGNORED,
    CSV_TIME,
    CSV_CLASS,
    CSV_COUNT,
    CSV_PROTOCOL,
    CSV_DESCRIPTION,
    CSV_TLP,
    CSV_CONFIDENCE,
    CSV_PORT,
    CSV_ADDRESS,    /* "ip": an address, a network, a range a-b, or an address with its port */
    CSV_OBSERVABLE, /* of .type */
    CSV_GUESSED     /* "any": whatever it turns out to be */
};

struct csv_mapping_column {
    const char *name; /* of a `set` line: its meaning's word */
    size_t line;      /* of the mapping */
    const char *text; /* of a `set` line: with {COLUMN} for the fields; else NULL */
    enum csv_meaning meaning;
    enum sighting_role role; /* of observables and ports: source or target */
    enum observable_type type;
    bool is_indicator;
    bool is_needed;          /* a row without it is rejected */
    bool is_kept_otherwise;  /* what is no such value is kept and rejects no row */
    const char *separator;   /* several values in one field; NULL: one */
    const char *time_format; /* of strptime(3), or NULL: found out (timestamp_read) */
};

struct csv_mapping_value {
    size_t line; /* of the mapping */
    const char *column, *text, *meant;
};

struct csv_mapping {
    struct csv_form form;
    const char *encoding; /* one that csv_charset_is_known(), or NULL: UTF-8 */
    bool has_header;
    int zone_minutes;                                /* east of UTC, for times in time_format that do not say */
    const char *summary, *class_claim, *description; /* of the report; of each observation without its own; may be NULL */
    size_t class_line;                               /* where class_claim stands */
    enum tlp tlp;                                    /* TLP_NONE: not said */
    int confidence;                                  /* of sightings without one; -1 */
    const char **names;                              /* of the columns where there is no header, in order */
    size_t name_count, name_capacity;
    struct csv_mapping_column *columns;
    size_t column_count, column_capacity;
    struct csv_mapping_column *sets;
    size_t set_count, set_capacity;
    struct csv_mapping_value *values;
    size_t value_count, value_capacity;
    const char **absent; /* words that say that there is no value */
    size_t absent_count, absent_capacity;
    const char *time_after; /* in a line that is left out: the list's own time stands behind it; or NULL */
};

/* The next "{NAME}" in the text of a `set` line: where its brace stands, and the name; NULL where there is none. */
const char *csv_mapping_hole(const char *text, const char **name, size_t *size);

/* ERR_INPUT with the line as place. All in the arena. */
bool csv_mapping_parse(const char *text, struct arena *arena, struct csv_mapping *out, struct err *err) MUST_CHECK;

/* The column of that name (any case), or NULL where the mapping does not name it. */
const struct csv_mapping_column *csv_mapping_column(const struct csv_mapping *mapping, const char *name);

/* Whether a column of it holds labels. */
bool csv_mapping_has_label(const struct csv_mapping *mapping);

/* How a document that cannot be read by that mapping is searched: where the mapping names a label column (or is NULL, or cannot be read
 * itself), for fields that say RED by it. What the search needs is in the arena. */
struct tlp_search csv_mapping_search(const char *text, struct arena *arena);

/* What a field of the column says in our words: the text itself where no `value` line translates it. */
const char *csv_mapping_value(const struct csv_mapping *mapping, const char *column, const char *text);

#endif
