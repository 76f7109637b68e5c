/* Shadowserver daily reports: RFC 4180 CSV, columns by name (they move without notice), one statement a row. */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "base/timestamp_read.h"
#include "codec/codec.h"
#include "codec/shadowserver_table.h"
#include "model/rsit.h"

/* Columns are appended without notice, and rows may lag behind their header: the 2018 ssl_poodle reports lack the last two. */
enum { COLUMNS_MAX = 1000, RAGGED_MAX = 2 };

struct header_column {
    char *name;
    const struct shadowserver_column *column;
    enum sighting_role role;
};

/* One field of the row being read: a place in the row's text. */
struct field {
    size_t start, size;
};

struct codec_stream {
    struct codec_limits limits;
    struct codec_sink sink;
    struct csv_parser parser;
    struct report *report;
    char type[64];
    const struct shadowserver_type *facts; /* NULL: the type is unknown */
    struct header_column *header;
    size_t header_count;
    bool has_address; /* the header names an address column */
    struct buf row;   /* the fields' texts, each with a NUL behind it */
    struct field *fields;
    size_t field_count, field_capacity;
    size_t line, row_line, batch_line; /* the one being read; where the row and the batch began */
    size_t batch_rows, batch_bytes;    /* read since the last batch went out, bad ones too */
    bool in_row;
    struct buf extra;
    struct err err; /* what stopped us inside libcsv's callbacks, which cannot say so themselves */
    bool failed;
};

static bool fail(struct codec_stream *stream, enum err_code code, size_t line, const char *text)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    stream->failed = true;
    return err_set_at(&stream->err, code, at, "%s", text);
}

/* --- the header --- */

static bool is_named(const struct codec_stream *stream, const char *name)
{
    for (size_t i = 0; i < stream->header_count; i++)
        if (str_equal(stream->header[i].name, name))
            return true;
    return false;
}

static enum sighting_role side_role(const struct codec_stream *stream, enum column_side side)
{
    switch (side) {
    case SIDE_SOURCE:
        return stream->facts ? stream->facts->source_role : ROLE_SOURCE;
    case SIDE_TARGET:
        return stream->facts ? stream->facts->target_role : ROLE_TARGET;
    case SIDE_INFRASTRUCTURE:
        return ROLE_INFRASTRUCTURE;
    case SIDE_OTHER:
        break;
    }
    return ROLE_OTHER;
}

/* In the referer reports the problem host has columns of its own and there is no src_ip; elsewhere http_referer_ip is a detail. */
static const struct shadowserver_column *find_column(const struct codec_stream *stream, const char *name, bool by_referer)
{
    static const char referer[] = "http_referer_";
    char source[100];
    if (by_referer && str_starts(name, referer)) {
        snprintf(source, sizeof source, "src_%s", name + strlen(referer));
        name = source;
    }
    return shadowserver_table_column(name, stream->type);
}

/* For who watches whether they change. */
static void name_columns(struct codec_stream *stream)
{
    struct buf names;
    buf_init(&names, 64 * 1024);
    for (size_t i = 0; i < stream->header_count; i++)
        buf_printf(&names, i ? ",%s" : "%s", stream->header[i].name);
    stream->report->columns = arena_strdup(stream->report->arena, buf_text(&names));
    stream->report->columns_of = arena_strdup(stream->report->arena, stream->type);
    buf_clear(&names);
}

static bool read_header(struct codec_stream *stream)
{
    if (stream->field_count > COLUMNS_MAX)
        return fail(stream, ERR_LIMIT, stream->row_line, "more than 1000 columns");
    stream->header = mem_calloc(stream->field_count, sizeof *stream->header);
    for (size_t i = 0; i < stream->field_count; i++) {
        const char *name = buf_text(&stream->row) + stream->fields[i].start;
        stream->header[i].name = mem_strdup(i == 0 && str_starts(name, "\xef\xbb\xbf") ? name + 3 : name);
        str_lower(stream->header[i].name);
        stream->header_count++;
        if (!str_is_utf8(stream->header[i].name, strlen(stream->header[i].name), NULL))
            return fail(stream, ERR_INPUT, stream->row_line, "the name of a column is not UTF-8");
    }
    bool by_referer = !is_named(stream, "ip") && !is_named(stream, "src_ip");
    bool has_time = false, has_observable = false;
    for (size_t i = 0; i < stream->header_count; i++) {
        struct header_column *header = &stream->header[i];
        header->column = find_column(stream, header->name, by_referer);
        header->role = side_role(stream, header->column->side);
        has_time = has_time || header->column->meaning == COLUMN_TIME;
        stream->has_address = stream->has_address || header->column->meaning == COLUMN_ADDRESS;
        has_observable = has_observable || header->column->meaning == COLUMN_OBSERVABLE;
    }
    name_columns(stream);
    if (!has_time)
        return fail(stream, ERR_INPUT, stream->row_line, "the header has no column \"timestamp\"");
    if (!stream->has_address && !has_observable)
        return fail(stream, ERR_INPUT, stream->row_line, "the header has no column that holds an address");
    return true;
}

/* --- a row --- */

/* Adds "name":"value" with what is not UTF-8 replaced: banners hold anything, and the bytes themselves are kept with the report. */
static void keep(struct codec_stream *stream, const char *name, const char *value, size_t size)
{
    struct buf *extra = &stream->extra;
    buf_add_char(extra, extra->size ? ',' : '{');
    str_add_json(extra, name);
    buf_add_char(extra, ':');
    if (str_is_utf8(value, size, NULL)) {
        str_add_json(extra, value);
        return;
    }
    struct buf clean;
    buf_init(&clean, size * 3);
    for (const char *end = value + size; value < end;) {
        uint32_t code_point;
        size_t length = *value ? str_next_code_point(value, end, &code_point) : 1;
        if (*value && code_point != 0xfffd)
            buf_add(&clean, value, length);
        else
            buf_add_text(&clean, "\xef\xbf\xbd");
        value += length;
    }
    str_add_json(extra, buf_text(&clean));
    buf_clear(&clean);
}

/* How feeds write "none" in a column that has no other way. */
static bool is_absent(const char *text)
{
    static const char *const absent[] = {"", "-", "n/a", "null", "none", "0.0.0.0", "::"};
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (str_equal_nocase(text, absent[i]))
            return true;
    return false;
}

static bool read_time(struct codec_stream *stream, struct observation *observation, const char *text)
{
    observation->time_text = arena_strdup(report_row_arena(stream->report), text);
    observation->time_rule = "utc-assumed";
    return timestamp_parse_utc(text, &observation->time) || timestamp_read(text, &observation->time, &observation->time_rule);
}

/* Kept whole as well: a tag says more than the CVE in it. */
static void read_tags(struct codec_stream *stream, struct observation *observation, const char *text)
{
    char tag[32];
    for (const char *at = text; *at; at += strspn(at, ";, ")) {
        size_t size = strcspn(at, ";, ");
        if (size < sizeof tag && str_starts_nocase(at, "cve-")) {
            snprintf(tag, sizeof tag, "%.*s", (int)size, at);
            UNUSED(report_add_sighting(stream->report, observation, OBSERVABLE_CVE, ROLE_OTHER, tag));
        }
        at += size;
    }
}

static bool read_address(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    if (is_absent(text))
        return true;
    /* The blocklist names networks in its column "ip". */
    enum observable_type type = strchr(text, '/') ? OBSERVABLE_CIDR : strchr(text, ':') ? OBSERVABLE_IPV6 : OBSERVABLE_IPV4;
    return report_add_sighting(stream->report, observation, type, role, text);
}

/* A network of one address says what the column "ip" said. */
static bool add_observable(struct codec_stream *stream, struct observation *observation, enum observable_type type, enum sighting_role role,
                           const char *text)
{
    if (!report_add_sighting(stream->report, observation, type, role, text))
        return false;
    const struct sighting *added = &observation->sightings[observation->sighting_count - 1];
    for (const struct sighting *at = observation->sightings; at < added; at++) {
        if (at->type == added->type && at->role == added->role && str_equal(at->value, added->value)) {
            observation->sighting_count--;
            break;
        }
    }
    return true;
}

static void set_class(struct codec_stream *stream, struct observation *observation, const char *text)
{
    observation->class_claim = arena_strdup(report_row_arena(stream->report), text);
    const char *class_name = rsit_find(text);
    if (class_name)
        observation->class_name = class_name;
}

/* False: the value is not what the column promises, and the row cannot be trusted. */
static bool read_field(struct codec_stream *stream, struct observation *observation, const struct header_column *header, const char *text,
                       size_t size)
{
    const struct shadowserver_column *column = header->column;
    int64_t number;
    switch (column->meaning) {
    case COLUMN_TIME:
        return read_time(stream, observation, text);
    case COLUMN_ADDRESS:
        return read_address(stream, observation, header->role, text);
    case COLUMN_PORT:
        if (!str_to_int64(text, 0, 65535, &number))
            return is_absent(text);
        *(column->side == SIDE_SOURCE ? &observation->source_port : &observation->target_port) = (int)number;
        return true;
    case COLUMN_PROTOCOL:
        observation->protocol = arena_strdup(report_row_arena(stream->report), text);
        str_lower((char *)observation->protocol);
        return str_is_utf8(text, size, NULL);
    case COLUMN_COUNT:
        if (str_to_int64(text, 1, INT64_MAX, &number)) {
            observation->count = number;
            return true;
        }
        break;
    case COLUMN_CLASS:
        set_class(stream, observation, text);
        return str_is_utf8(text, size, NULL);
    case COLUMN_TAGS:
        read_tags(stream, observation, text);
        break;
    case COLUMN_OBSERVABLE:
        if (is_absent(text) || add_observable(stream, observation, column->type, header->role, text))
            return true;
        break;
    case COLUMN_GUESS:
        if (is_absent(text) || report_add_guessed(stream->report, observation, header->role, text))
            return true;
        break;
    case COLUMN_KEPT:
        break;
    }
    keep(stream, header->name, text, size);
    return true;
}

/* Fields behind the last column of the header. */
static void keep_unnamed(struct codec_stream *stream)
{
    char name[40];
    for (size_t i = stream->header_count; i < stream->field_count; i++) {
        snprintf(name, sizeof name, "field %zu", i + 1);
        if (stream->fields[i].size)
            keep(stream, name, buf_text(&stream->row) + stream->fields[i].start, stream->fields[i].size);
    }
}

/* What is wrong with the row, or NULL. Fills the observation and stream->extra. */
static const char *row_fault(struct codec_stream *stream, struct observation *observation, struct buf *fault)
{
    size_t count = stream->field_count < stream->header_count ? stream->field_count : stream->header_count;
    for (size_t i = 0; i < count; i++) {
        const char *text = buf_text(&stream->row) + stream->fields[i].start;
        size_t size = stream->fields[i].size;
        const struct header_column *header = &stream->header[i];
        if (!size)
            continue;
        bool is_kept = header->column->meaning == COLUMN_KEPT;
        if ((is_kept || !memchr(text, '\0', size)) && read_field(stream, observation, header, text, size))
            continue;
        buf_printf(fault, "column \"%.60s\" holds no valid value", header->name);
        return buf_text(fault);
    }
    keep_unnamed(stream);
    if (observation->time == TIMESTAMP_NONE)
        return "has no timestamp";
    if (!observation->sighting_count)
        return "names nothing: no address, domain, URL or hash";
    return NULL;
}

/* A bad row leaves no trace but its rejection. */
static void reject(struct codec_stream *stream, const char *why)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", stream->row_line);
    report_reject(stream->report, at, why);
}

/* Also gives back the memory of the batch. */
static bool hand_over(struct codec_stream *stream)
{
    stream->batch_rows = stream->batch_bytes = 0;
    bool ok = stream->sink.on_report(stream->sink.context, stream->report, stream->batch_line, NULL, 0, &stream->err);
    report_drop_observations(stream->report);
    stream->failed = stream->failed || !ok;
    return ok;
}

static bool read_row(struct codec_stream *stream)
{
    size_t columns = stream->header_count, fields = stream->field_count;
    if (fields > columns + RAGGED_MAX || fields + RAGGED_MAX < columns) {
        char why[80];
        snprintf(why, sizeof why, "has %zu fields where the header has %zu", fields, columns);
        reject(stream, why);
        return true;
    }
    if (!stream->batch_rows)
        stream->batch_line = stream->row_line;
    stream->batch_rows++;
    stream->batch_bytes += stream->row.size;
    struct observation *observation = report_add_observation(stream->report);
    observation->class_claim = stream->report->class_claim;
    observation->class_name = stream->report->class_name;
    buf_reset(&stream->extra);
    struct buf fault;
    buf_init(&fault, 200);
    const char *why = row_fault(stream, observation, &fault);
    if (why) {
        stream->report->observation_count--;
        reject(stream, why);
    } else if (stream->extra.size) {
        buf_add_char(&stream->extra, '}');
        observation->extra = arena_strndup(report_row_arena(stream->report), stream->extra.bytes, stream->extra.size);
    }
    buf_clear(&fault);
    bool is_full = stream->batch_rows >= CODEC_BATCH || stream->batch_bytes > stream->limits.document_bytes_max;
    return !is_full || hand_over(stream);
}

/* --- libcsv's callbacks --- */

static void on_field(void *bytes, size_t size, void *context)
{
    struct codec_stream *stream = context;
    if (stream->failed)
        return;
    if (stream->field_count > COLUMNS_MAX) {
        fail(stream, ERR_LIMIT, stream->row_line, "more than 1000 columns");
        return;
    }
    stream->fields = mem_grow(stream->fields, &stream->field_capacity, stream->field_count, sizeof *stream->fields);
    stream->fields[stream->field_count++] = (struct field){.start = stream->row.size, .size = size};
    if (!(!size || buf_add(&stream->row, bytes, size)) || !buf_add_char(&stream->row, '\0'))
        fail(stream, ERR_LIMIT, stream->row_line, "the row is too long");
}

static void on_row(int end, void *context)
{
    struct codec_stream *stream = context;
    UNUSED(end);
    if (!stream->failed && stream->field_count) {
        if (stream->header)
            read_row(stream);
        else
            read_header(stream);
    }
    stream->field_count = 0;
    buf_reset(&stream->row);
    stream->in_row = false;
}

/* --- the stream --- */

static void read_hints(struct codec_stream *stream, const struct codec_hints *hints)
{
    char date[11] = "";
    if (!shadowserver_table_file_name(hints ? hints->name : NULL, stream->type, sizeof stream->type, date))
        stream->type[0] = '\0';
    struct report *report = stream->report;
    if (!stream->type[0]) {
        report->summary = "Shadowserver report";
        return;
    }
    stream->facts = shadowserver_table_type(stream->type);
    report->class_claim = arena_strdup(report->arena, stream->type);
    report->class_name = stream->facts ? stream->facts->class_name : NULL;
    report->summary = arena_printf(report->arena, "Shadowserver %s%s%s", stream->type, *date ? " of " : "", date);
}

static struct codec_stream *open_stream(const struct codec_limits *limits, const struct codec_hints *hints, const struct codec_sink *sink)
{
    struct codec_stream *stream = mem_calloc(1, sizeof *stream);
    stream->limits = *limits;
    stream->sink = *sink;
    stream->report = report_new("shadowserver");
    stream->line = stream->batch_line = 1;
    buf_init(&stream->row, limits->document_bytes_max + COLUMNS_MAX + 1);
    buf_init(&stream->extra, limits->document_bytes_max < SIZE_MAX / 16 ? limits->document_bytes_max * 8 : SIZE_MAX / 2);
    if (csv_init(&stream->parser, 0) != 0)
        BUG("csv_init failed");
    read_hints(stream, hints);
    return stream;
}

static void close_stream(struct codec_stream *stream)
{
    if (!stream)
        return;
    for (size_t i = 0; i < stream->header_count; i++)
        free(stream->header[i].name);
    free(stream->header);
    free(stream->fields);
    buf_clear(&stream->row);
    buf_clear(&stream->extra);
    csv_free(&stream->parser);
    report_free(stream->report);
    free(stream);
}

static bool is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", bytes[i]) || !bytes[i])
            return false;
    return true;
}

/* libcsv does not count lines: it gets them one by one (or in parts), and we note where a row began. */
static bool parse_part(struct codec_stream *stream, const char *bytes, size_t size)
{
    if (!stream->in_row && !is_blank(bytes, size)) {
        stream->in_row = true;
        stream->row_line = stream->line;
    }
    if (csv_parse(&stream->parser, bytes, size, on_field, on_row, stream) != size)
        return fail(stream, ERR_INTERNAL, stream->line, "out of memory in libcsv");
    if (!stream->failed && stream->row.size + stream->parser.entry_pos > stream->limits.document_bytes_max)
        return fail(stream, ERR_LIMIT, stream->row_line, "the row is too long");
    return !stream->failed;
}

/* So that a row without an end is noticed before it has been copied whole. */
enum { PART_MAX = 64 * 1024 };

static bool feed(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    while (size) {
        const char *end = memchr(bytes, '\n', size < PART_MAX ? size : PART_MAX);
        size_t part = end ? (size_t)(end - bytes) + 1 : size < PART_MAX ? size : PART_MAX;
        if (!parse_part(stream, bytes, part)) {
            *err = stream->err;
            return false;
        }
        if (end)
            stream->line++;
        bytes += part;
        size -= part;
    }
    return true;
}

static bool finish(struct codec_stream *stream, struct err *err)
{
    enum { FIELD_BEGUN = 2 }; /* libcsv's: it has no call that tells an open quote without its strict mode */
    bool is_cut = stream->parser.quoted && stream->parser.pstate == FIELD_BEGUN;
    if (!is_cut && csv_fini(&stream->parser, on_field, on_row, stream) != 0)
        fail(stream, ERR_INTERNAL, stream->line, "out of memory in libcsv");
    if (!stream->failed && !stream->header)
        fail(stream, ERR_INPUT, is_cut ? stream->row_line : 1, "there is no header line");
    if (!stream->failed && is_cut)
        reject(stream, "a quote is never closed: the end of the document is missing");
    if (!stream->failed)
        hand_over(stream);
    if (stream->failed)
        *err = stream->err;
    return !stream->failed;
}

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    char type[64], date[11];
    bool named = hints && shadowserver_table_file_name(hints->name, type, sizeof type, date) && strstr(hints->name, ".csv");
    const char *end = memchr(bytes, '\n', size);
    size_t length = end ? (size_t)(end - bytes) : size;
    if (!memmem(bytes, length, "timestamp", 9) || !memchr(bytes, ',', length) || memchr(bytes, '{', length) || memchr(bytes, '<', length))
        return 0;
    bool has_address = memmem(bytes, length, "ip", 2) != NULL;
    return named ? 95 : has_address ? 70 : 20;
}

extern const struct codec shadowserver_codec;
const struct codec shadowserver_codec = {
    .name = "shadowserver",
    .media_type = "text/csv",
    .media_types_too = "application/csv",
    .standard = "Shadowserver daily reports (CSV, RFC 4180)",
    .summary = "Shadowserver report, one CSV with a header line",
    .shape = CODEC_ROWS,
    .probe = probe,
    .open = open_stream,
    .feed = feed,
    .finish = finish,
    .close = close_stream,
};
