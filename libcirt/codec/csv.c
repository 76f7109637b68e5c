/* Any CSV by a mapping that an operator wrote (csv_mapping.h): one statement a row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "base/timestamp_read.h"
#include "codec/codec.h"
#include "codec/csv_charset.h"
#include "codec/csv_mapping.h"
#include "codec/csv_report.h"
#include "codec/csv_stream.h"
#include "codec/schemeless.h"
#include "model/rsit.h"

/* A column of the document; meaning NULL: the mapping does not name it. */
struct place {
    const char *name, *kept_as;
    const struct csv_mapping_column *meaning;
};

struct codec_stream {
    struct arena *arena;
    struct csv_mapping mapping;
    struct csv_stream *rows;
    struct csv_charset *charset;
    struct csv_report into;
    struct place *places;
    size_t place_count;
    unsigned taken;      /* meanings that the row has a value for: meaning_bit() */
    enum tlp strictest;  /* label of the rows, the mapping and what is left out so far */
    enum tlp above;      /* the strictest label in lines that were left out */
    bool has_unlabelled; /* a row without a label, and the mapping has none */
    struct buf filled;   /* see fill() */
    struct err refused;  /* what is wrong with the mapping: told when the first byte comes */
};

static bool refuse(size_t line, const char *text, const char *word, struct err *err)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    return err_set_at(err, ERR_INPUT, at, word ? "%s: \"%.60s\"" : "%s", text, word);
}

/* --- the header --- */

static bool has_place(const struct codec_stream *stream, const char *name)
{
    for (size_t i = 0; i < stream->place_count; i++)
        if (str_equal_nocase(stream->places[i].name, name))
            return true;
    return false;
}

static void add_place(struct codec_stream *stream, const char *name)
{
    size_t before = 0;
    for (size_t i = 0; i < stream->place_count; i++)
        before += str_equal(stream->places[i].name, name);
    stream->places[stream->place_count++] =
        (struct place){name, csv_report_kept_as(stream->arena, name, before), csv_mapping_column(&stream->mapping, name)};
}

/* The number of the column, or place_count. */
static size_t find_place(const struct codec_stream *stream, const char *name, size_t size)
{
    size_t i = 0;
    while (i < stream->place_count && (strlen(stream->places[i].name) != size || strncasecmp(stream->places[i].name, name, size) != 0))
        i++;
    return i;
}

/* What a line of set names must be there: half a value would be another value. */
static bool check_set(const struct codec_stream *stream, const struct csv_mapping_column *set, size_t line, struct err *err)
{
    const char *at = set->text, *name;
    size_t size;
    for (; (at = csv_mapping_hole(at, &name, &size)); at = name + size)
        if (find_place(stream, name, size) == stream->place_count)
            return refuse(line, "the document lacks a column that the mapping needs", arena_strndup(stream->arena, name, size), err);
    return true;
}

static bool is_a_feeds_column(const struct csv_mapping_column *column)
{
    return column->is_needed || column->meaning >= CSV_ADDRESS;
}

/* A feed that renamed its columns must not be read as if they were empty. */
static bool check_places(const struct codec_stream *stream, size_t line, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < stream->mapping.column_count; i++) {
        const struct csv_mapping_column *column = &stream->mapping.columns[i];
        bool is_there = has_place(stream, column->name);
        any = any || (is_there && is_a_feeds_column(column));
        if (!is_there && column->is_needed)
            return refuse(line, "the document lacks a column that the mapping needs", column->name, err);
    }
    for (size_t i = 0; i < stream->mapping.set_count; i++) {
        if (!check_set(stream, &stream->mapping.sets[i], line, err))
            return false;
        any = any || (stream->mapping.sets[i].meaning >= CSV_ADDRESS && strchr(stream->mapping.sets[i].text, '{'));
    }
    return any || refuse(line, "none of the columns that the mapping takes observables from is in the document", NULL, err);
}

/* For who watches whether they change. */
static void name_columns(struct codec_stream *stream)
{
    struct report *report = stream->into.report;
    struct buf names;
    buf_init(&names, 64 * 1024);
    for (size_t i = 0; i < stream->place_count; i++)
        buf_printf(&names, i ? ",%s" : "%s", stream->places[i].name);
    report->columns = arena_strdup(report->arena, buf_text(&names));
    report->columns_of = "csv";
    buf_clear(&names);
}

static bool take_names(struct codec_stream *stream, const struct csv_field *fields, size_t count, size_t line, struct err *err)
{
    stream->places = arena_calloc(stream->arena, count ? count : 1, sizeof *stream->places);
    for (size_t i = 0; i < count; i++) {
        const char *name = fields[i].text;
        if (!str_is_utf8(name, fields[i].size, NULL))
            return refuse(line, "the name of a column is not UTF-8", NULL, err);
        name += strspn(name, " \t");
        add_place(stream, arena_strdup(stream->arena, name));
    }
    name_columns(stream);
    return check_places(stream, line, err) || csv_report_refuse(&stream->into);
}

/* --- a row --- */

/* timegm(3) makes 1 March of 29 February 2026. */
static bool is_day(const struct tm *parts)
{
    struct tm day = {.tm_year = parts->tm_year, .tm_mon = parts->tm_mon, .tm_mday = parts->tm_mday};
    timegm(&day);
    return day.tm_mday == parts->tm_mday && day.tm_mon == parts->tm_mon;
}

/* strptime(3) with the whole text, in the mapping's zone. */
static bool read_by_format(const struct codec_stream *stream, const char *format, const char *text, int64_t *moment)
{
    struct tm parts = {.tm_mday = 1, .tm_isdst = -1};
    const char *end = strptime(text, format, &parts);
    if (!end || *end || !is_day(&parts))
        return false;
    bool has_zone = strstr(format, "%z") || strstr(format, "%s");
    int64_t offset = has_zone ? parts.tm_gmtoff : (int64_t)stream->mapping.zone_minutes * 60;
    if (strstr(format, "%s"))
        offset = 0;
    parts.tm_gmtoff = 0;
    int64_t seconds = (int64_t)timegm(&parts) - offset;
    if (seconds <= 0 || seconds > INT64_C(7258118400))
        return false;
    *moment = seconds * TIMESTAMP_SECOND;
    return true;
}

static bool read_time(struct codec_stream *stream, struct observation *observation, const struct csv_mapping_column *column,
                      const char *text)
{
    const char *rule = "mapping";
    if (!(column->time_format ? read_by_format(stream, column->time_format, text, &observation->time)
                              : timestamp_read(text, &observation->time, &rule)))
        return false;
    observation->time_text = arena_strdup(report_row_arena(stream->into.report), text);
    observation->time_rule = rule;
    return true;
}

/* "0", "0000-00-00 00:00:00", "1970-01-01 00:00:00": how databases write that there is none. */
static bool is_no_time(const char *text)
{
    return observable_is_absent(text) || (strchr(text, '0') && !text[strspn(text, "0-/.:TZ ")]) || timestamp_is_never(text);
}

static int *port_of(struct observation *observation, enum sighting_role role)
{
    return role == ROLE_SOURCE ? &observation->source_port : &observation->target_port;
}

/* What stands before a port, which the observation gets where it has none; else the text as it is. */
static const char *take_port(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    int port = -1;
    const char *before = csv_report_before_port(report_row_arena(stream->into.report), text, &port);
    if (before && *port_of(observation, role) == -1)
        *port_of(observation, role) = port;
    return before ? before : text;
}

/* "192.0.2.1-192.0.2.9"; false where text is no range. */
static bool add_range(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    const char *dash = strchr(text, '-');
    if (!dash)
        return false;
    size_t size = (size_t)(dash - text);
    while (size > 0 && text[size - 1] == ' ')
        size--;
    const char *first = arena_strndup(report_row_arena(stream->into.report), text, size);
    return report_add_range(stream->into.report, observation, role, first, dash + 1 + strspn(dash + 1, " "));
}

/* "192.0.2.1", "192.0.2.0/24", "192.0.2.1-192.0.2.9", "192.0.2.1:443" */
static bool add_address(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    struct arena *arena = report_row_arena(stream->into.report);
    if (strchr(text, '-'))
        return add_range(stream, observation, role, text);
    enum observable_type type = OBSERVABLE_TEXT;
    const char *value = observable_guess(arena, take_port(stream, observation, role, text), &type);
    return value && (type == OBSERVABLE_IPV4 || type == OBSERVABLE_IPV6 || type == OBSERVABLE_CIDR) &&
           report_add_sighting(stream->into.report, observation, type, role, value);
}

static bool add_guessed(struct codec_stream *stream, struct observation *observation, enum sighting_role role, const char *text)
{
    return report_add_guessed(stream->into.report, observation, role, text) || add_range(stream, observation, role, text) ||
           report_add_guessed(stream->into.report, observation, role, take_port(stream, observation, role, text));
}

static bool may_be_url(const struct csv_mapping_column *column)
{
    return column->meaning == CSV_GUESSED || (column->meaning == CSV_OBSERVABLE && column->type == OBSERVABLE_URL);
}

static bool add_one(struct codec_stream *stream, struct observation *observation, const struct csv_mapping_column *column, const char *text)
{
    size_t before = observation->sighting_count;
    bool ok = observable_is_absent(text)       ? true
              : column->meaning == CSV_ADDRESS ? add_address(stream, observation, column->role, text)
              : column->meaning == CSV_GUESSED ? add_guessed(stream, observation, column->role, text)
                                               : report_add_sighting(stream->into.report, observation, column->type, column->role, text);
    bool is_schemeless = !ok && may_be_url(column) && schemeless_add(stream->into.report, observation, column->role, text);
    for (size_t i = before; i < observation->sighting_count; i++) {
        observation->sightings[i].is_indicator = column->is_indicator && (!is_schemeless || i == before);
        observation->sightings[i].confidence = stream->mapping.confidence;
    }
    return ok || is_schemeless;
}

static bool add_observables(struct codec_stream *stream, struct observation *observation, const struct csv_mapping_column *column,
                            const char *text)
{
    if (!column->separator)
        return add_one(stream, observation, column, text);
    struct arena *arena = report_row_arena(stream->into.report);
    for (const char *at = text; *at;) {
        const char *end = strstr(at, column->separator);
        size_t size = end ? (size_t)(end - at) : strlen(at);
        const char *one = arena_strndup(arena, at, size);
        if (!str_is_empty(one) && !add_one(stream, observation, column, one + strspn(one, " ")))
            return false;
        at += size + (end ? strlen(column->separator) : 0);
    }
    return true;
}

static bool read_number(const char *text, int64_t max, int64_t *number)
{
    return str_to_int64(text, 0, max, number);
}

/* Of what a row has one: the first column that fills it counts. 0 of what it may have several. */
static unsigned meaning_bit(const struct csv_mapping_column *column)
{
    bool is_one = column->meaning > CSV_IGNORED && column->meaning < CSV_ADDRESS && column->meaning != CSV_TLP;
    return is_one ? 1u << (column->meaning + (column->meaning == CSV_PORT && column->role != ROLE_SOURCE)) : 0;
}

static bool is_blank(const struct csv_mapping_column *column, const char *text)
{
    return column->meaning == CSV_TIME ? is_no_time(text) : column->meaning == CSV_PORT && observable_is_absent(text);
}

/* False: the value is not what the mapping promises, and the row cannot be trusted. */
static bool read_field(struct codec_stream *stream, struct observation *observation, const struct csv_mapping_column *column,
                       const char *text, const char *as_it_came)
{
    struct arena *arena = report_row_arena(stream->into.report);
    const char *class_name;
    int64_t number;
    switch (column->meaning) {
    case CSV_TIME:
        return read_time(stream, observation, column, text) || (is_no_time(text) && !column->is_needed);
    case CSV_CLASS:
        /* What the mapping makes of it is the site's word. */
        class_name = str_equal(text, as_it_came + strspn(as_it_came, " \t")) ? rsit_claimed(text) : rsit_find(text);
        observation->class_claim = arena_strdup(arena, as_it_came);
        observation->class_name = class_name ? class_name : observation->class_name;
        return true;
    case CSV_COUNT:
        return read_number(text, INT64_MAX, &observation->count);
    case CSV_PROTOCOL:
        observation->protocol = arena_strdup(arena, text);
        str_lower((char *)observation->protocol);
        return true;
    case CSV_DESCRIPTION:
        observation->description = arena_strdup(arena, text);
        return true;
    case CSV_PORT:
        if (!read_number(text, 65535, &number))
            return observable_is_absent(text);
        *port_of(observation, column->role) = (int)number;
        return true;
    case CSV_ADDRESS:
    case CSV_OBSERVABLE:
    case CSV_GUESSED:
        return add_observables(stream, observation, column, text);
    case CSV_TLP: /* of all sightings of the row: after they are there */
    case CSV_CONFIDENCE:
    case CSV_KEPT:
    case CSV_IGNORED:
        break;
    }
    return true;
}

/* "90", "90%" */
static bool read_percent(const char *text, int64_t *number)
{
    char digits[8];
    size_t size = strcspn(text, "% ");
    if (size >= sizeof digits || text[size + strspn(text + size, " %")])
        return false;
    memcpy(digits, text, size);
    digits[size] = '\0';
    return read_number(digits, 100, number);
}

/* Also as one of several tags, and as others write it. */
static bool read_label(const char *text, enum tlp *label)
{
    *label = tlp_claimed(text);
    return observable_is_absent(text) || tlp_parse(text, label) || strcasestr(text, "tlp") || tlp_in_text(text) != TLP_NONE;
}

/* Label and confidence hold for all that the row names, wherever their columns stand. */
static bool apply_row_facts(struct observation *observation, const struct csv_mapping_column *column, const char *text)
{
    enum tlp tlp = TLP_NONE;
    int64_t number = 0;
    if (column->meaning == CSV_TLP ? !read_label(text, &tlp) : !read_percent(text, &number))
        return false;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        if (column->meaning == CSV_TLP)
            observation->sightings[i].tlp = tlp_strictest(observation->sightings[i].tlp, tlp);
        else
            observation->sightings[i].confidence = (int)number;
    }
    return true;
}

enum { FAULT_SIZE = 200, TOLD_MAX = 40 };

/* "column "ip" holds no valid value: "198.51.100.300"": who writes a mapping must see what it met. */
static const char *tell(char fault[FAULT_SIZE], const char *what, const char *name, const char *text)
{
    size_t size = strlen(text), told = 0;
    uint32_t code_point;
    while (told < size && told < TOLD_MAX)
        told += str_next_code_point(text + told, text + size, &code_point);
    int at = snprintf(fault, FAULT_SIZE, "%s \"%.60s\" holds no valid value", what, name);
    if (str_is_utf8(text, size, NULL))
        snprintf(fault + at, FAULT_SIZE - (size_t)at, ": \"%.*s%s\"", (int)told, text, told < size ? "..." : "");
    else
        snprintf(fault + at, FAULT_SIZE - (size_t)at, ": it is not UTF-8 (\"encoding:\" in the mapping says what else it is)");
    return fault;
}

/* The text of field i in our words, or NULL where it is empty or not there. */
static const char *text_of(const struct codec_stream *stream, const struct csv_field *fields, size_t count, size_t i)
{
    if (i >= count || str_is_empty(fields[i].text))
        return NULL;
    const char *text = fields[i].text + strspn(fields[i].text, " \t");
    for (size_t k = 0; k < stream->mapping.absent_count; k++)
        if (str_equal_nocase(stream->mapping.absent[k], text))
            return NULL;
    text = csv_mapping_value(&stream->mapping, stream->places[i].name, text);
    return *text ? text : NULL;
}

/* Of these U+FFFD for what cannot be read leaves something worth to have. */
static bool is_words(const struct csv_mapping_column *column)
{
    return column->meaning == CSV_DESCRIPTION || column->meaning == CSV_CLASS || column->meaning == CSV_PROTOCOL;
}

static const char *place_fault(struct codec_stream *stream, struct observation *observation, const struct csv_field *field, size_t i,
                               const char *text, char fault[FAULT_SIZE])
{
    const struct csv_mapping_column *column = stream->places[i].meaning;
    if (!text) {
        snprintf(fault, FAULT_SIZE, "column \"%.60s\" is empty", stream->places[i].name);
        return column && column->is_needed ? fault : NULL;
    }
    unsigned bit = column ? meaning_bit(column) : 0;
    if (!column || column->meaning == CSV_KEPT || (stream->taken & bit)) {
        csv_report_keep(&stream->into, stream->places[i].kept_as, field->text, field->size);
        return NULL;
    }
    const char *as_it_came = field->text;
    bool is_text = str_is_utf8(field->text, field->size, NULL);
    if (!is_text && is_words(column)) {
        is_text = true;
        as_it_came = csv_report_text(&stream->into, field->text, field->size);
        text = as_it_came + strspn(as_it_came, " \t");
    }
    if (is_text && read_field(stream, observation, column, text, as_it_came)) {
        stream->taken |= is_blank(column, text) ? 0 : bit;
        return NULL;
    }
    if (column->is_kept_otherwise) {
        csv_report_keep(&stream->into, stream->places[i].kept_as, field->text, field->size);
        return NULL;
    }
    return tell(fault, "column", stream->places[i].name, field->text);
}

/* The text of a line of set with the row's fields in it, until the next call; NULL where one of them is empty, or where it grows too long.
 */
static const char *fill(struct codec_stream *stream, const struct csv_mapping_column *set, const struct csv_field *fields, size_t count)
{
    const char *at = set->text, *name;
    size_t size;
    buf_reset(&stream->filled);
    for (const char *hole; (hole = csv_mapping_hole(at, &name, &size)); at = name + size + 1) {
        const char *text = text_of(stream, fields, count, find_place(stream, name, size));
        if (!text)
            return NULL;
        buf_add(&stream->filled, at, (size_t)(hole - at));
        buf_add_text(&stream->filled, text);
    }
    buf_add_text(&stream->filled, at);
    return stream->filled.full ? NULL : buf_text(&stream->filled);
}

/* Constants come last, and only to rows that name something themselves. */
static const char *set_fault(struct codec_stream *stream, struct observation *observation, const struct csv_field *fields, size_t count,
                             bool constants, char fault[FAULT_SIZE])
{
    for (size_t i = 0; i < stream->mapping.set_count; i++) {
        const struct csv_mapping_column *set = &stream->mapping.sets[i];
        if (constants != !strchr(set->text, '{'))
            continue;
        const char *text = fill(stream, set, fields, count);
        if (!text && set->is_needed) {
            snprintf(fault, FAULT_SIZE, "the setting \"%.60s\" is empty", set->name);
            return fault;
        }
        if (text && is_words(set))
            text = csv_report_text(&stream->into, text, strlen(text));
        bool ok = !text || (str_is_utf8(text, strlen(text), NULL) && read_field(stream, observation, set, text, text));
        if (!ok && !set->is_kept_otherwise)
            return tell(fault, "the setting", set->name, text);
    }
    return NULL;
}

/* --- labels --- */

static bool is_label_column(const struct csv_mapping_column *column)
{
    return column && column->meaning == CSV_TLP;
}

/* What the row's label is by its columns, even of one that is rejected: the document's bytes are kept as a whole. A word that none knows is
 * one. True: it has such a column. */
static bool row_label(const struct codec_stream *stream, const struct csv_field *fields, size_t count, enum tlp *label)
{
    bool has_column = false;
    *label = TLP_NONE;
    for (size_t i = 0; i < stream->place_count; i++) {
        if (!is_label_column(stream->places[i].meaning))
            continue;
        has_column = true;
        *label = tlp_strictest(*label, tlp_claimed(text_of(stream, fields, count, i)));
    }
    return has_column;
}

static void narrow(struct codec_stream *stream, enum tlp label)
{
    struct report *report = stream->into.report;
    stream->strictest = tlp_strictest(stream->strictest, label);
    enum tlp said = stream->has_unlabelled && stream->strictest < TLP_AMBER ? TLP_NONE : stream->strictest;
    report->tlp = report->tlp < TLP_AMBER ? said : tlp_strictest(report->tlp, said); /* words may have said more */
    report->is_partly_labelled = report->is_partly_labelled || stream->has_unlabelled;
}

/* The document is as narrow as the narrowest of its rows. A row without a label has the mapping's; without that it is as we agreed with the
 * sender: where the others' are wide, the document has none of its own. Returned is what a row without a label has of its own. */
static enum tlp narrow_by_row(struct codec_stream *stream, const struct csv_field *fields, size_t count)
{
    enum tlp label, given = TLP_NONE;
    if (!row_label(stream, fields, count, &label))
        return TLP_NONE;
    if (label == TLP_NONE)
        given = stream->mapping.tlp;
    stream->has_unlabelled = stream->has_unlabelled || (label == TLP_NONE && given == TLP_NONE);
    narrow(stream, tlp_strictest(label, given));
    return given;
}

/* A row that is rejected may have its fields in the wrong columns: each that is just a label is its label. */
static void narrow_by_field(struct codec_stream *stream, const char *text, size_t size)
{
    enum tlp label;
    char word[24];
    for (; size && strchr(" \t\r\n", *text); size--)
        text++;
    while (size && strchr(" \t\r\n", text[size - 1]))
        size--;
    if (size >= sizeof word)
        return;
    memcpy(word, text, size);
    word[size] = '\0';
    if (tlp_parse(word, &label))
        narrow(stream, label);
}

static void narrow_by_rejected(struct codec_stream *stream, const struct csv_field *fields, size_t count)
{
    if (!csv_mapping_has_label(&stream->mapping))
        return;
    for (size_t i = 0; i < count; i++)
        narrow_by_field(stream, fields[i].text, fields[i].size);
}

/* Of a row that was cut off: where its fields end is not sure, but at these characters they may. */
static void narrow_by_text(struct codec_stream *stream, const char *text, size_t size)
{
    const char marks[] = {',', ';', '|', '\t', '"', '\n', stream->mapping.form.delimiter, '\0'};
    if (!csv_mapping_has_label(&stream->mapping))
        return;
    for (size_t start = 0, at = 0; at <= size; at++) {
        if (at < size && text[at] && !strchr(marks, text[at]))
            continue;
        narrow_by_field(stream, text + start, at - start);
        start = at + 1;
    }
}

/* given: to those without a label. What stood above the rows is of all; those without a label are as the report. */
static void label_sightings(const struct codec_stream *stream, struct observation *observation, enum tlp given)
{
    for (size_t i = 0; i < observation->sighting_count; i++) {
        enum tlp *label = &observation->sightings[i].tlp;
        *label = *label == TLP_NONE ? given : *label;
        *label = *label == TLP_NONE ? TLP_NONE : tlp_strictest(*label, stream->above);
    }
}

static const char *row_fault(struct codec_stream *stream, struct observation *observation, const struct csv_field *fields, size_t count,
                             char fault[FAULT_SIZE])
{
    enum tlp given = narrow_by_row(stream, fields, count);
    stream->taken = 0;
    for (size_t i = 0; i < stream->place_count; i++) {
        const char *why = place_fault(stream, observation, &fields[i < count ? i : 0], i, text_of(stream, fields, count, i), fault);
        if (why)
            return why;
    }
    const char *why = set_fault(stream, observation, fields, count, false, fault);
    if (!why && !observation->sighting_count)
        why = "names nothing: no address, name, URL or hash";
    if (!why)
        why = set_fault(stream, observation, fields, count, true, fault);
    if (why)
        return why;
    for (size_t i = 0; i < stream->place_count; i++) {
        const struct csv_mapping_column *column = stream->places[i].meaning;
        const char *text = text_of(stream, fields, count, i);
        bool is_fact = text && column && (column->meaning == CSV_TLP || (stream->taken & meaning_bit(column) & 1u << CSV_CONFIDENCE));
        enum tlp known;
        if (is_fact && !apply_row_facts(observation, column, text))
            return tell(fault, "column", column->name, text);
        if (is_fact && column->meaning == CSV_TLP && !observable_is_absent(text) && !tlp_parse(text, &known))
            csv_report_keep(&stream->into, stream->places[i].kept_as, text, strlen(text));
        if (is_fact)
            stream->taken &= ~meaning_bit(column);
    }
    label_sightings(stream, observation, given);
    if (observation->time == TIMESTAMP_NONE && stream->into.report->time != TIMESTAMP_NONE) {
        observation->time = stream->into.report->time;
        observation->time_text = stream->into.report->time_text;
        observation->time_rule = stream->into.report->time_rule;
    }
    return NULL;
}

/* "# TLP:RED" narrows the document from there on; a wide one is no reason to give a label to what the mapping gave none. */
static void narrow_by_comment(struct codec_stream *stream, const char *text)
{
    struct report *report = stream->into.report;
    enum tlp label = tlp_in_text(text);
    stream->above = tlp_strictest(stream->above, label);
    stream->strictest = tlp_strictest(stream->strictest, label);
    if (label >= TLP_AMBER || (label != TLP_NONE && report->tlp != TLP_NONE))
        report->tlp = tlp_strictest(report->tlp, label);
}

/* "; Last-Modified: Mon, 14 Sep 2015 04:39:22 GMT": the first such line counts. */
static void on_comment(void *context, const char *text)
{
    struct codec_stream *stream = context;
    struct report *report = stream->into.report;
    narrow_by_comment(stream, text);
    const char *at = stream->mapping.time_after ? strcasestr(text, stream->mapping.time_after) : NULL;
    if (!at || report->time != TIMESTAMP_NONE)
        return;
    at += strlen(stream->mapping.time_after);
    const char *time_text = arena_strndup(report->arena, at + strspn(at, " \t"), strcspn(at + strspn(at, " \t"), "\r\n"));
    if (str_is_utf8(time_text, strlen(time_text), NULL) && timestamp_read(time_text, &report->time, &report->time_rule))
        report->time_text = time_text;
}

static bool on_row(void *context, const struct csv_field *fields, size_t count, size_t line, struct err *err)
{
    struct codec_stream *stream = context;
    char fault[FAULT_SIZE];
    if (!stream->places)
        return take_names(stream, fields, count, line, err);
    while (count > stream->place_count && !fields[count - 1].size) /* "a,b,,": of who saved a wider table */
        count--;
    if (count > stream->place_count) {
        snprintf(fault, sizeof fault, "has %zu fields where there are %zu columns", count, stream->place_count);
        UNUSED(narrow_by_row(stream, fields, count));
        narrow_by_rejected(stream, fields, count);
        csv_report_reject(&stream->into, line, fault);
        return true;
    }
    struct observation *observation = csv_report_begin_row(&stream->into, line, csv_stream_row_size(stream->rows));
    observation->description = stream->mapping.description;
    const char *why = row_fault(stream, observation, fields, count, fault);
    if (why)
        narrow_by_rejected(stream, fields, count);
    return csv_report_end_row(&stream->into, why, err);
}

/* --- the stream --- */

static struct codec_stream *open_stream(const struct codec_limits *limits, const struct codec_hints *hints, const struct codec_sink *sink)
{
    struct codec_stream *stream = mem_calloc(1, sizeof *stream);
    stream->arena = arena_new();
    buf_init(&stream->filled, CSV_SET_SIZE_MAX);
    csv_report_open(&stream->into, "csv", limits, sink);
    if (!hints || !hints->mapping)
        err_set_at(&stream->refused, ERR_INPUT,
                   "?format=", "a CSV needs a mapping that says what its columns mean: csv:NAME (cirt mapping ls)");
    else if (!csv_mapping_parse(hints->mapping, stream->arena, &stream->mapping, &stream->refused))
        err_context(&stream->refused, "the mapping");
    stream->rows = csv_stream_new(limits, &stream->mapping.form, on_row, on_comment, stream);
    stream->charset = csv_charset_new(stream->refused.code ? NULL : stream->mapping.encoding, stream->rows);
    struct report *report = stream->into.report;
    const struct csv_mapping *mapping = &stream->mapping;
    report->summary = arena_strdup(report->arena, mapping->summary ? mapping->summary : hints && hints->name ? hints->name : "CSV");
    report->class_claim = arena_strdup(report->arena, mapping->class_claim);
    report->class_name = mapping->class_claim ? rsit_find(mapping->class_claim) : NULL;
    stream->above = TLP_NONE;
    report->tlp = stream->strictest = stream->refused.code ? TLP_NONE : mapping->tlp;
    return stream;
}

static void close_stream(struct codec_stream *stream)
{
    if (!stream)
        return;
    csv_charset_free(stream->charset);
    csv_stream_free(stream->rows);
    csv_report_close(&stream->into);
    buf_clear(&stream->filled);
    arena_free(stream->arena);
    free(stream);
}

/* Without a header the mapping names the columns. */
static bool begin(struct codec_stream *stream, struct err *err)
{
    const struct csv_mapping *mapping = &stream->mapping;
    if (stream->refused.code) {
        *err = stream->refused;
        return false;
    }
    if (mapping->has_header || stream->places)
        return true;
    stream->places = arena_calloc(stream->arena, mapping->name_count, sizeof *stream->places);
    for (size_t i = 0; i < mapping->name_count; i++)
        add_place(stream, mapping->names[i]);
    return check_places(stream, 1, err);
}

static bool feed(struct codec_stream *stream, const char *bytes, size_t size, struct err *err)
{
    return begin(stream, err) && csv_charset_feed(stream->charset, bytes, size, err);
}

static bool finish(struct codec_stream *stream, struct err *err)
{
    size_t cut_line = 0;
    if (!begin(stream, err) || !csv_charset_finish(stream->charset, err) || !csv_stream_finish(stream->rows, &cut_line, err))
        return false;
    if (!stream->places)
        return refuse(cut_line ? cut_line : 1, "there is no header line", NULL, err);
    const struct buf *cut = csv_stream_cut(stream->rows);
    narrow_by_text(stream, buf_text(cut), cut->size);
    if (cut_line)
        csv_report_reject(&stream->into, cut_line, "a quote is never closed: the row is left out");
    return csv_report_finish(&stream->into, err);
}

/* Nothing about the bytes says which mapping is meant: this format is named. */
static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(bytes), UNUSED(size);
    return hints && hints->mapping ? 100 : 0;
}

extern const struct codec csv_codec;
const struct codec csv_codec = {
    .name = "csv",
    .media_type = "text/csv",
    .media_types_too = "text/tab-separated-values",
    .standard = "CSV (RFC 4180) with a mapping",
    .summary = "any CSV, by a mapping that says what its columns mean: csv:NAME",
    .shape = CODEC_ROWS,
    .probe = probe,
    .open = open_stream,
    .feed = feed,
    .finish = finish,
    .close = close_stream,
};
