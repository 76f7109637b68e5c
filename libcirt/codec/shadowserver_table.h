/*
 * codec/shadowserver_table.h - what the columns and report types of Shadowserver's daily reports mean: facts as data.
 *
 * Source: the vendor's own pages and schema (shadowserver.org/what-we-do/network-reporting, one page a type), and the older layouts
 * (2014-2020), which use other names for the same columns.
 */
#ifndef CIRT_CODEC_SHADOWSERVER_TABLE_H
#define CIRT_CODEC_SHADOWSERVER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/observable.h"

/* What a report type is about. */
struct shadowserver_type {
    const char *prefix;             /* of the type's name: the longest match counts */
    const char *class_name;         /* RSIT, or NULL where the type alone does not say */
    enum sighting_role source_role; /* of src_* and plain columns */
    enum sighting_role target_role; /* of dst_* columns: a sensor or sinkhole is infrastructure, not somebody hit */
};

/* The longest matching row, or NULL. IPv6 twins (scan6_, event6_, population6_, compromised_website6) match as their elders. */
const struct shadowserver_type *shadowserver_table_type(const char *type);

/* The type out of "2019-01-01-scan_smb-example-asn.csv.zip" (the text between the third and the fourth "-") or "scan_smb.csv"; a path
 * before it is ignored. False where the name does not say; date ("2019-01-01") is "" where it has none. */
bool shadowserver_table_file_name(const char *name, char *type, size_t type_size, char date[11]);

enum column_meaning {
    COLUMN_TIME,
    COLUMN_ADDRESS, /* ip: a row needs one where the header has such a column */
    COLUMN_PORT,
    COLUMN_PROTOCOL,
    COLUMN_COUNT,
    COLUMN_CLASS,
    COLUMN_TAGS,       /* ";"-separated, may hold CVE ids; also kept as it is */
    COLUMN_OBSERVABLE, /* of .type; kept as it is where it is no such value */
    COLUMN_GUESS,      /* an observable of whatever type it turns out to be */
    COLUMN_KEPT        /* no meaning of its own: goes to extra */
};

enum column_side { SIDE_SOURCE, SIDE_TARGET, SIDE_INFRASTRUCTURE, SIDE_OTHER };

struct shadowserver_column {
    const char *name;
    enum column_meaning meaning;
    enum column_side side;
    enum observable_type type;
    const char *only; /* a prefix of the types in which the name means this, or NULL for all */
};

/* The row for that column of that type ("" where unknown). Never NULL: what the table does not name is COLUMN_KEPT. */
const struct shadowserver_column *shadowserver_table_column(const char *name, const char *type);

#endif
