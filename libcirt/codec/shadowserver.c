/* Shadowserver daily reports: RFC 4180 CSV, columns by name (they move without notice), one statement a row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "base/timestamp_read.h"
#include "codec/codec.h"
#include "codec/csv_charset.h"
#include "codec/csv_report.h"
#include "codec/csv_stream.h"
#include "codec/extract_url.h"
#include "codec/shadowserver_table.h"
#include "model/rsit.h"

/* Columns are appended without notice, and rows may lag behind their header: the 2018 ssl_poodle reports lack the last two. */
enum { RAGGED_MAX = 2 };

struct header_column {
    char *name;
    const char *kept_as;
    const struct shadowserver_column *column;
    enum sighting_role role;
};

/* Columns that say more of what another one holds. */
static const char *const beside[] = {"http_host", "port", "cc_dns", "cc_port", "url_scheme", "ssl_cipher", "application"};
enum { HTTP_HOST, PORT, CC_DNS, CC_PORT, URL_SCHEME, SSL_CIPHER, APPLICATION };

struct codec_stream {
    struct csv_stream *rows;
    struct csv_charset *charset;
    struct csv_report into;
    char type[64];
    const struct shadowserver_type *facts; /* NULL: the type is unknown */
    struct header_column *header;
    size_t header_count;
    size_t beside[ARRAY_SIZE(beside)]; /* where they stand, header_count for nowhere */
    const struct csv_field *row;       /* the fields of the row being read */
    size_t row_count;
    bool has_time; /* the row says when, if only that nobody knows */
};

static bool refuse(size_t line, enum err_code code, const char *text, struct err *err)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    return err_set_at(err, code, at, "%s", text);
}

/* --- the header --- */

/* header_count where there is none. */
static size_t find_named(const struct codec_stream *stream, const char *name)
{
    size_t i = 0;
    while (i < stream->header_count && !str_equal(stream->header[i].name, name))
        i++;
    return i;
}

static bool is_named(const struct codec_stream *stream, const char *name)
{
    return find_named(stream, name) < stream->header_count;
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
    stream->into.report->columns = arena_strdup(stream->into.report->arena, buf_text(&names));
    stream->into.report->columns_of = arena_strdup(stream->into.report->arena, stream->type);
    buf_clear(&names);
}

static bool read_header(struct codec_stream *stream, const struct csv_field *fields, size_t count, size_t line, struct err *err)
{
    bool has_time = false, has_observable = false;
    stream->header = mem_calloc(count, sizeof *stream->header);
    for (size_t i = 0; i < count; i++) {
        struct header_column *header = &stream->header[i];
        size_t before = 0;
        header->name = mem_strdup(fields[i].text);
        str_lower(header->name);
        for (size_t k = 0; k < i; k++)
            before += str_equal(stream->header[k].name, header->name);
        header->kept_as = csv_report_kept_as(stream->into.report->arena, header->name, before);
        stream->header_count++;
        if (!str_is_utf8(header->name, strlen(header->name), NULL))
            return refuse(line, ERR_INPUT, "the name of a column is not UTF-8", err);
    }
    bool by_referer = !is_named(stream, "ip") && !is_named(stream, "src_ip");
    for (size_t i = 0; i < stream->header_count; i++) {
        struct header_column *header = &stream->header[i];
        header->column = find_column(stream, header->name, by_referer);
        header->role = side_role(stream, header->column->side);
        has_time = has_time || header->column->meaning == COLUMN_TIME;
        has_observable = has_observable || header->column->meaning == COLUMN_ADDRESS || header->column->meaning == COLUMN_OBSERVABLE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
        stream->beside[i] = find_named(stream, beside[i]);
    name_columns(stream);
    if (!has_time)
        refuse(line, ERR_INPUT, "no Shadowserver report: the header has no column \"timestamp\"; any other CSV needs a mapping, csv:NAME",
               err);
    else if (!has_observable)
        refuse(line, ERR_INPUT, "the header has no column that holds an address", err);
    return (has_time && has_observable) || csv_report_refuse(&stream->into);
}

/* --- a row --- */

/* "0", "1970-01-01 00:00:00": the row counts, and has no time. */
static bool is_no_time(const char *text)
{
    return !text[strspn(text, "0-/.:TZ ")] || timestamp_is_never(text);
}

static bool read_time(struct codec_stream *stream, struct observation *observation, const char *text)
{
    stream->has_time = true;
    if (is_no_time(text))
        return true;
    observation->time_text = arena_strdup(report_row_arena(stream->into.report), text);
    observation->time_rule = "utc-assumed";
    return timestamp_parse_utc(text, &observation->time) || timestamp_read(text, &observation->time, &observation->time_rule);
}

/* Kept whole as well: a tag says more than the CVE in it. Who scans for a hole finds those who came through it before, too. */
static void read_tags(struct codec_stream *stream, struct observation *observation, const char *text)
{
    char tag[32];
    for (const char *at = text; *at; at += strspn(at, ";, ")) {
        size_t size = strcspn(at, ";, ");
        if (size == strlen("webshell") && str_starts_nocase(at, "webshell"))
            observation->class_name = "intrusions/system-compromise";
        if (size < sizeof tag && str_starts_nocase(at, "cve-")) {
            snprintf(tag, sizeof tag, "%.*s", (int)size, at);
            UNUSED(report_add_sighting(stream->into.report, observation, OBSERVABLE_CVE, ROLE_OTHER, tag));
        }
        at += size;
    }
}

static bool read_address(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    if (observable_is_absent(text))
        return true;
    /* The blocklist names networks in its column "ip". */
    enum observable_type type = strchr(text, '/') ? OBSERVABLE_CIDR : strchr(text, ':') ? OBSERVABLE_IPV6 : OBSERVABLE_IPV4;
    return report_add_sighting(stream->into.report, observation, type, role, text);
}

static void set_class(struct codec_stream *stream, struct observation *observation, const char *text)
{
    observation->class_claim = arena_strdup(report_row_arena(stream->into.report), text);
    const char *class_name = rsit_claimed(text);
    if (class_name)
        observation->class_name = class_name;
}

/* The text of the row's field, "" where there is none. */
static const char *cell(const struct codec_stream *stream, size_t which)
{
    size_t at = stream->beside[which];
    return at < stream->header_count && at < stream->row_count ? stream->row[at].text : "";
}

/* "http://www.example:8080" of the site that has the URL, or of what a drone called; NULL where no host is told. A Host field has its port
 * itself. */
static const char *site_of(const struct codec_stream *stream, const struct header_column *header)
{
    const char *host = cell(stream, HTTP_HOST), *port = header->column->side == SIDE_SOURCE ? cell(stream, PORT) : "";
    const char *scheme = cell(stream, URL_SCHEME), *application = cell(stream, APPLICATION);
    int64_t number = 0;
    if (observable_is_absent(host)) {
        host = cell(stream, CC_DNS);
        port = cell(stream, CC_PORT);
    }
    if (observable_is_absent(host))
        return NULL;
    if (strchr(host, ':') || !str_to_int64(port, 1, 65535, &number))
        number = 0;
    bool is_tls = *cell(stream, SSL_CIPHER) || (*application ? str_equal_nocase(application, "https") : number == 443);
    const char *known = *scheme ? scheme : is_tls ? "https" : "http";
    if (!number || number == (is_tls ? 443 : 80))
        return arena_printf(report_row_arena(stream->into.report), "%s://%s", known, host);
    return arena_printf(report_row_arena(stream->into.report), "%s://%s:%d", known, host, (int)number);
}

/* "wget http://host/x.sh; sh x.sh": the first URL of a command. */
static void add_command(struct codec_stream *stream, struct observation *observation, const struct header_column *header, const char *text)
{
    struct arena *arena = report_row_arena(stream->into.report);
    char *command = arena_strdup(arena, text), *mark = strstr(command, "://");
    if (!mark)
        return;
    char *url = extract_start_of_scheme(command, mark);
    url[strcspn(url, " ")] = '\0';
    extract_cut_url(url);
    UNUSED(report_add_sighting(stream->into.report, observation, OBSERVABLE_URL, header->role, url));
}

/* A URL in several columns: the host's, and here "/path" or a request, "GET /path HTTP/1.1"; "GET http://host/path HTTP/1.1" needs none. */
static void add_request(struct codec_stream *stream, struct observation *observation, const struct header_column *header, const char *text)
{
    size_t method = *text == '/' ? 0 : strcspn(text, " ");
    if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < method) {
        add_command(stream, observation, header, text);
        return;
    }
    const char *target = text + method + (text[method] == ' '), *site = *target == '/' ? site_of(stream, header) : "";
    if (!site)
        return;
    const char *url = arena_printf(report_row_arena(stream->into.report), "%s%.*s", site, (int)strcspn(target, " "), target);
    UNUSED(report_add_sighting(stream->into.report, observation, OBSERVABLE_URL, header->role, url));
}

/* True: nothing is left to be kept. */
static bool read_guess(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    int port;
    if (observable_is_absent(text) || report_add_guessed(stream->into.report, observation, role, text))
        return true;
    const char *host = csv_report_before_port(report_row_arena(stream->into.report), text, &port);
    if (host)
        UNUSED(report_add_guessed(stream->into.report, observation, role, host));
    return false;
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
            return observable_is_absent(text);
        *(column->side == SIDE_SOURCE ? &observation->source_port : &observation->target_port) = (int)number;
        return true;
    case COLUMN_PROTOCOL:
        observation->protocol = arena_strdup(report_row_arena(stream->into.report), text);
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
        if (observable_is_absent(text) || report_add_sighting(stream->into.report, observation, column->type, header->role, text))
            return true;
        if (column->type == OBSERVABLE_URL)
            add_request(stream, observation, header, text);
        break;
    case COLUMN_GUESS:
        if (read_guess(stream, observation, header->role, text))
            return true;
        break;
    case COLUMN_KEPT:
        break;
    }
    csv_report_keep(&stream->into, header->kept_as, text, size);
    return true;
}

/* Fields behind the last column of the header. */
static void keep_unnamed(struct codec_stream *stream, const struct csv_field *fields, size_t count)
{
    char name[40];
    for (size_t i = stream->header_count; i < count; i++) {
        snprintf(name, sizeof name, "field %zu", i + 1);
        if (fields[i].size)
            csv_report_keep(&stream->into, name, fields[i].text, fields[i].size);
    }
}

/* What is wrong with the row, in fault, or NULL. */
static const char *row_fault(struct codec_stream *stream, struct observation *observation, const struct csv_field *fields, size_t count,
                             char fault[100])
{
    stream->row = fields;
    stream->row_count = count;
    stream->has_time = false;
    for (size_t i = 0; i < count && i < stream->header_count; i++) {
        const struct header_column *header = &stream->header[i];
        if (!fields[i].size)
            continue;
        bool is_kept = header->column->meaning == COLUMN_KEPT;
        if ((is_kept || !memchr(fields[i].text, '\0', fields[i].size)) &&
            read_field(stream, observation, header, fields[i].text, fields[i].size))
            continue;
        snprintf(fault, 100, "column \"%.60s\" holds no valid value", header->name);
        return fault;
    }
    keep_unnamed(stream, fields, count);
    if (!stream->has_time)
        return "has no timestamp";
    return observation->sighting_count ? NULL : "names nothing: no address, domain, URL or hash";
}

static bool on_row(void *context, const struct csv_field *fields, size_t count, size_t line, struct err *err)
{
    struct codec_stream *stream = context;
    char fault[100];
    if (!stream->header)
        return read_header(stream, fields, count, line, err);
    if (count > stream->header_count + RAGGED_MAX || count + RAGGED_MAX < stream->header_count) {
        snprintf(fault, sizeof fault, "has %zu fields where the header has %zu", count, stream->header_count);
        csv_report_reject(&stream->into, line, fault);
        return true;
    }
    struct observation *observation = csv_report_begin_row(&stream->into, line, csv_stream_row_size(stream->rows));
    return csv_report_end_row(&stream->into, row_fault(stream, observation, fields, count, fault), err);
}

/* --- the stream --- */

static void read_hints(struct codec_stream *stream, const struct codec_hints *hints)
{
    char date[11] = "";
    if (!shadowserver_table_file_name(hints ? hints->name : NULL, stream->type, sizeof stream->type, date))
        stream->type[0] = '\0';
    struct report *report = stream->into.report;
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
    static const struct csv_form form = {.delimiter = ','};
    struct codec_stream *stream = mem_calloc(1, sizeof *stream);
    csv_report_open(&stream->into, "shadowserver", limits, sink);
    stream->rows = csv_stream_new(limits, &form, on_row, NULL, stream);
    stream->charset = csv_charset_new(NULL, stream->rows);
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
    csv_charset_free(stream->charset);
    csv_stream_free(stream->rows);
    csv_report_close(&stream->into);
    free(stream);
}

static bool feed(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    return csv_charset_feed(stream->charset, bytes, size, err);
}

static bool finish(struct codec_stream *stream, struct err *err)
{
    size_t cut_line = 0;
    if (!csv_charset_finish(stream->charset, err) || !csv_stream_finish(stream->rows, &cut_line, err))
        return false;
    if (!stream->header)
        return refuse(cut_line ? cut_line : 1, ERR_INPUT, "there is no header line", err);
    if (cut_line)
        csv_report_reject(&stream->into, cut_line, "a quote is never closed: the row is left out");
    return csv_report_finish(&stream->into, err);
}

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    char type[64], date[11], text[4096 + 1];
    bool named = hints && shadowserver_table_file_name(hints->name, type, sizeof type, date) && strstr(hints->name, ".csv");
    text[csv_charset_look(bytes, size, text, sizeof text - 1)] = '\0';
    text[strcspn(text, "\n")] = '\0';
    str_lower(text);
    if (!strstr(text, "timestamp") || !strchr(text, ',') || strchr(text, '{') || strchr(text, '<'))
        return 0;
    return named ? 95 : strstr(text, "ip") ? 70 : 20;
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
