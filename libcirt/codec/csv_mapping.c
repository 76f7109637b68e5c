#include "codec/csv_mapping.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/csv_charset.h"
#include "model/rsit.h"

struct reader {
    struct arena *arena;
    struct csv_mapping *out;
    const char *at; /* in the line */
    size_t line;
    struct err *err;
};

static bool refuse(struct reader *reader, const char *why, const char *word)
{
    char at[40];
    snprintf(at, sizeof at, "line %zu", reader->line ? reader->line : 1); /* an empty text has one all the same */
    return err_set_at(reader->err, ERR_INPUT, at, word ? "%s: \"%.60s\"" : "%s", why, word);
}

/* --- words of a line --- */

static void skip_blanks(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t");
}

/* A word, or text in quotes with \ before a quote or backslash; NULL at the end of the line. Ends before a bare "=" too. */
static const char *next_word(struct reader *reader)
{
    skip_blanks(reader);
    if (!*reader->at)
        return NULL;
    char *word = arena_calloc(reader->arena, strlen(reader->at) + 1, 1), *end = word;
    if (*reader->at != '"') {
        size_t size = strcspn(reader->at, " \t=");
        size = size ? size : 1;
        memcpy(word, reader->at, size);
        reader->at += size;
        return word;
    }
    for (reader->at++; *reader->at && *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\' && (reader->at[1] == '"' || reader->at[1] == '\\'))
            reader->at++;
        *end++ = *reader->at;
    }
    if (*reader->at == '"')
        reader->at++;
    return word;
}

static bool next_is(struct reader *reader, const char *wanted)
{
    const char *word = next_word(reader);
    return word && str_equal(word, wanted);
}

/* The rest of the line, trimmed, without quotes around it. */
static const char *rest(struct reader *reader)
{
    skip_blanks(reader);
    size_t size = strlen(reader->at);
    while (size && isspace((unsigned char)reader->at[size - 1]))
        size--;
    if (size >= 2 && reader->at[0] == '"' && reader->at[size - 1] == '"')
        return arena_strndup(reader->arena, reader->at + 1, size - 2);
    return arena_strndup(reader->arena, reader->at, size);
}

/* --- settings: "key: value" --- */

static bool read_char(struct reader *reader, const char *key, const char *text, char *out)
{
    if (str_equal_nocase(text, "tab") || str_equal(text, "\\t"))
        *out = '\t';
    else if (str_equal_nocase(text, "blanks"))
        *out = ' ';
    else if (strlen(text) == 1 && *text != '"')
        *out = *text;
    else
        return refuse(reader, arena_printf(reader->arena, "%s is one character, tab, or blanks", key), text);
    return true;
}

/* A, B, C */
static bool read_names(struct reader *reader, const char *text, const char ***names, size_t *count, size_t *capacity)
{
    while (*text) {
        size_t size = strcspn(text, ","), length = size;
        const char *name = text + strspn(text, " \t");
        length -= (size_t)(name - text) < length ? (size_t)(name - text) : length;
        while (length && isspace((unsigned char)name[length - 1]))
            length--;
        if (*count == CSV_COLUMNS_MAX)
            return refuse(reader, "more than 1000 names", NULL);
        *names = arena_grow(reader->arena, *names, capacity, *count, sizeof **names);
        (*names)[(*count)++] = arena_strndup(reader->arena, name, length);
        text += size + (text[size] == ',');
    }
    return true;
}

static bool read_zone(struct reader *reader, const char *text)
{
    int hours, minutes, end = 0;
    char sign;
    if (str_equal_nocase(text, "utc"))
        return true;
    if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &end) != 3 || text[end] || (sign != '+' && sign != '-') || hours > 14 ||
        minutes > 59)
        return refuse(reader, "a zone is UTC or an offset like +03:00", text);
    reader->out->zone_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool read_setting(struct reader *reader, const char *key, const char *text)
{
    struct csv_mapping *out = reader->out;
    int64_t number;
    if (str_equal(key, "delimiter"))
        return read_char(reader, key, text, &out->form.delimiter);
    if (str_equal(key, "comment"))
        return read_char(reader, key, text, &out->form.comment);
    if (str_equal(key, "columns"))
        return read_names(reader, text, &out->names, &out->name_count, &out->name_capacity);
    if (str_equal(key, "absent"))
        return read_names(reader, text, &out->absent, &out->absent_count, &out->absent_capacity);
    if (str_equal(key, "skip")) {
        if (!str_to_int64(text, 0, 1000, &number))
            return refuse(reader, "skip is a number of lines, up to 1000", text);
        out->form.skip = (size_t)number;
        return true;
    }
    if (str_equal(key, "zone"))
        return read_zone(reader, text);
    if (str_equal(key, "header")) {
        out->has_header = str_equal(text, "yes");
        return out->has_header || str_equal(text, "no") || refuse(reader, "header is yes or no", text);
    }
    if (str_equal(key, "tlp"))
        return tlp_parse(text, &out->tlp) || refuse(reader, "a label is clear, green, amber, amber+strict or red", text);
    if (str_equal(key, "confidence")) {
        if (!str_to_int64(text, 0, 100, &number))
            return refuse(reader, "a confidence is a number from 0 to 100", text);
        out->confidence = (int)number;
        return true;
    }
    if (str_equal(key, "encoding")) {
        out->encoding = text;
        return csv_charset_is_known(text) ||
               refuse(reader, "no encoding of that name is known, such as utf-8, latin1 or windows-1250", text);
    }
    const char **place = str_equal(key, "summary")       ? &out->summary
                         : str_equal(key, "class")       ? &out->class_claim
                         : str_equal(key, "description") ? &out->description
                         : str_equal(key, "time-after")  ? &out->time_after
                                                         : NULL;
    if (!place || (place == &out->time_after && !*text))
        return refuse(reader,
                      "no such setting (encoding delimiter comment skip header columns absent zone time-after summary class description "
                      "tlp confidence)",
                      key);
    *place = text;
    if (place == &out->class_claim)
        out->class_line = reader->line;
    return true;
}

/* --- columns: column NAME = MEANING [indicator] [needed] [or keep] [split ";"] [format "%d/%m/%Y"] --- */

static const struct {
    const char *word;
    enum csv_meaning meaning;
} meanings[] = {{"ignore", CSV_IGNORED},
                {"keep", CSV_KEPT},
                {"time", CSV_TIME},
                {"class", CSV_CLASS},
                {"count", CSV_COUNT},
                {"protocol", CSV_PROTOCOL},
                {"description", CSV_DESCRIPTION},
                {"tlp", CSV_TLP},
                {"confidence", CSV_CONFIDENCE}};

/* "source.ip", "target.port", "infrastructure.domain", "victim.any" */
static bool read_sided(struct reader *reader, const char *word, struct csv_mapping_column *column)
{
    const char *dot = strchr(word, '.'), *what = dot ? dot + 1 : "";
    if (!dot || !sighting_role_parse(arena_strndup(reader->arena, word, (size_t)(dot - word)), &column->role))
        return refuse(reader,
                      "a meaning is time, class, count, protocol, description, tlp, confidence, keep, ignore, or ROLE.TYPE as source.ip",
                      word);
    if (str_equal(what, "port")) {
        column->meaning = CSV_PORT;
        return column->role == ROLE_SOURCE || column->role == ROLE_TARGET || refuse(reader, "only source and target have ports", word);
    }
    column->meaning = str_equal(what, "ip") ? CSV_ADDRESS : str_equal(what, "any") ? CSV_GUESSED : CSV_OBSERVABLE;
    return column->meaning != CSV_OBSERVABLE || observable_type_parse(what, &column->type) ||
           refuse(reader, "there is no such type of observable", what);
}

static bool read_meaning(struct reader *reader, const char *word, struct csv_mapping_column *column)
{
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
        if (str_equal(word, meanings[i].word)) {
            column->meaning = meanings[i].meaning;
            return true;
        }
    }
    return read_sided(reader, word, column);
}

static bool read_flag(struct reader *reader, const char *word, struct csv_mapping_column *column)
{
    if (str_equal(word, "indicator") && column->meaning >= CSV_ADDRESS) {
        column->is_indicator = true;
        return column->role != ROLE_VICTIM || refuse(reader, "a victim is never an indicator", NULL);
    }
    if (str_equal(word, "needed")) {
        column->is_needed = true;
        return true;
    }
    if (str_equal(word, "or")) {
        column->is_kept_otherwise = true;
        return next_is(reader, "keep") || refuse(reader, "after \"or\" comes keep", NULL);
    }
    const char **place = str_equal(word, "split") && column->meaning >= CSV_ADDRESS ? &column->separator
                         : str_equal(word, "format") && column->meaning == CSV_TIME ? &column->time_format
                                                                                    : NULL;
    if (!place)
        return refuse(reader,
                      "what follows a meaning is needed, or keep, indicator, split \";\" (of observables) or format \"%d/%m/%Y\" (of time)",
                      word);
    *place = next_word(reader);
    return (*place && **place) || refuse(reader, "a text in quotes must follow", word);
}

static bool read_column(struct reader *reader)
{
    struct csv_mapping *out = reader->out;
    struct csv_mapping_column column = {.name = next_word(reader), .line = reader->line, .role = ROLE_OTHER};
    const char *word;
    if (!column.name || !next_is(reader, "=") || !(word = next_word(reader)))
        return refuse(reader, "a column is written: column NAME = MEANING", NULL);
    if (csv_mapping_column(out, column.name))
        return refuse(reader, "the column has a meaning already", column.name);
    if (out->column_count == CSV_COLUMNS_MAX)
        return refuse(reader, "more than 1000 columns", NULL);
    if (!read_meaning(reader, word, &column))
        return false;
    while ((word = next_word(reader)))
        if (!read_flag(reader, word, &column))
            return false;
    out->columns = arena_grow(reader->arena, out->columns, &out->column_capacity, out->column_count, sizeof *out->columns);
    out->columns[out->column_count++] = column;
    return true;
}

const char *csv_mapping_hole(const char *text, const char **name, size_t *size)
{
    const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
    if (close) {
        *name = open + 1;
        *size = (size_t)(close - open) - 1;
    }
    return close ? open : NULL;
}

/* set MEANING = "TEXT" */
static bool read_set(struct reader *reader)
{
    struct csv_mapping *out = reader->out;
    struct csv_mapping_column set = {.name = next_word(reader), .line = reader->line, .role = ROLE_OTHER};
    const char *word;
    if (!set.name || !next_is(reader, "=") || !(set.text = next_word(reader)) || !*set.text)
        return refuse(reader, "a line of set is written: set MEANING = \"TEXT\", with {COLUMN} for what stands there", NULL);
    if (!read_meaning(reader, set.name, &set))
        return false;
    if (set.meaning == CSV_KEPT || set.meaning == CSV_IGNORED || set.meaning == CSV_TLP || set.meaning == CSV_CONFIDENCE)
        return refuse(reader, "what is set is time, class, count, protocol, description or ROLE.TYPE", set.name);
    while ((word = next_word(reader)))
        if (!read_flag(reader, word, &set))
            return false;
    if (out->set_count == CSV_SETS_MAX)
        return refuse(reader, "more than 16 lines of set", NULL);
    out->sets = arena_grow(reader->arena, out->sets, &out->set_capacity, out->set_count, sizeof *out->sets);
    out->sets[out->set_count++] = set;
    return true;
}

/* value COLUMN "their word" = OURS */
static bool read_value(struct reader *reader)
{
    struct csv_mapping *out = reader->out;
    struct csv_mapping_value value = {.line = reader->line, .column = next_word(reader), .text = next_word(reader)};
    if (!value.column || !value.text || !next_is(reader, "=") || !(value.meant = next_word(reader)))
        return refuse(reader, "a value is written: value COLUMN \"THEIRS\" = OURS", NULL);
    out->values = arena_grow(reader->arena, out->values, &out->value_capacity, out->value_count, sizeof *out->values);
    out->values[out->value_count++] = value;
    return true;
}

/* --- the text --- */

static bool read_line(struct reader *reader)
{
    skip_blanks(reader);
    if (!*reader->at || *reader->at == '#')
        return true;
    size_t size = strcspn(reader->at, ": \t=");
    const char *word = arena_strndup(reader->arena, reader->at, size);
    reader->at += size;
    if (*reader->at == ':') {
        reader->at++;
        return read_setting(reader, word, rest(reader));
    }
    if (str_equal(word, "column"))
        return read_column(reader);
    if (str_equal(word, "set"))
        return read_set(reader);
    if (str_equal(word, "value"))
        return read_value(reader);
    return refuse(reader, "a line is KEY: VALUE, column NAME = MEANING, set MEANING = \"TEXT\", or value COLUMN \"THEIRS\" = OURS", word);
}

static bool is_named(const struct csv_mapping *mapping, const char *name, size_t size)
{
    for (size_t i = 0; i < mapping->name_count; i++)
        if (strlen(mapping->names[i]) == size && strncasecmp(mapping->names[i], name, size) == 0)
            return true;
    return mapping->has_header;
}

/* Where the mapping names all columns itself, what it says of another is a slip. */
static bool check_names(struct reader *reader)
{
    const struct csv_mapping *out = reader->out;
    for (size_t i = 0; i < out->column_count; i++) {
        reader->line = out->columns[i].line;
        if (!is_named(out, out->columns[i].name, strlen(out->columns[i].name)))
            return refuse(reader, "is not among the columns", out->columns[i].name);
    }
    for (size_t i = 0; i < out->set_count; i++) {
        reader->line = out->sets[i].line;
        const char *at = out->sets[i].text, *name;
        size_t size;
        for (; (at = csv_mapping_hole(at, &name, &size)); at = name + size)
            if (!is_named(out, name, size))
                return refuse(reader, "is not among the columns", arena_strndup(reader->arena, name, size));
    }
    return true;
}

static bool check_class(struct reader *reader, size_t line, const char *text)
{
    if (!text || rsit_find(text))
        return true;
    reader->line = line;
    const char *nearest = rsit_nearest(text);
    return refuse(reader, nearest ? arena_printf(reader->arena, "there is no such class (is it %s?)", nearest) : "there is no such class",
                  text);
}

/* Our words for theirs must be ours: a slip would make all that they mean something else, without a fault in any row. */
static bool check_words(struct reader *reader)
{
    const struct csv_mapping *out = reader->out;
    enum tlp label;
    if (!check_class(reader, out->class_line, out->class_claim))
        return false;
    for (size_t i = 0; i < out->set_count; i++)
        if (out->sets[i].meaning == CSV_CLASS && !strchr(out->sets[i].text, '{') &&
            !check_class(reader, out->sets[i].line, out->sets[i].text))
            return false;
    for (size_t i = 0; i < out->value_count; i++) {
        const struct csv_mapping_value *value = &out->values[i];
        const struct csv_mapping_column *column = csv_mapping_column(out, value->column);
        if (!column || !*value->meant)
            continue;
        reader->line = value->line;
        if (column->meaning == CSV_TLP && !tlp_parse(value->meant, &label))
            return refuse(reader, "a label is clear, green, amber, amber+strict or red", value->meant);
        if (column->meaning == CSV_CLASS && !check_class(reader, value->line, value->meant))
            return false;
    }
    return true;
}

static bool check_whole(struct reader *reader)
{
    const struct csv_mapping *out = reader->out;
    bool has_observable = false;
    const char *name;
    size_t size;
    for (size_t i = 0; i < out->column_count; i++)
        has_observable = has_observable || out->columns[i].meaning >= CSV_ADDRESS;
    for (size_t i = 0; i < out->set_count; i++)
        has_observable = has_observable || (out->sets[i].meaning >= CSV_ADDRESS && csv_mapping_hole(out->sets[i].text, &name, &size));
    if (!out->has_header && !out->name_count)
        return refuse(reader, "without a header in the document the mapping must name its columns (columns: A, B, C)", NULL);
    if (!check_names(reader) || !check_words(reader))
        return false;
    return has_observable || refuse(reader, "no column holds an address, name, URL or hash", NULL);
}

bool csv_mapping_parse(const char *text, struct arena *arena, struct csv_mapping *out, struct err *err)
{
    struct reader reader = {.arena = arena, .out = out, .err = err};
    *out = (struct csv_mapping){.has_header = true, .tlp = TLP_NONE, .confidence = -1, .form = {.delimiter = ','}};
    if (strlen(text) > CSV_MAPPING_SIZE_MAX || !str_is_utf8(text, strlen(text), NULL)) {
        reader.line = 1;
        return refuse(&reader, "a mapping is UTF-8 text of at most 64 KiB", NULL);
    }
    while (*text) {
        size_t size = strcspn(text, "\r\n");
        reader.line++;
        reader.at = arena_strndup(arena, text, size);
        if (!read_line(&reader))
            return false;
        text += size + (text[size] == '\r' && text[size + 1] == '\n');
        text += *text != '\0';
    }
    return check_whole(&reader);
}

const struct csv_mapping_column *csv_mapping_column(const struct csv_mapping *mapping, const char *name)
{
    for (size_t i = 0; i < mapping->column_count; i++)
        if (str_equal_nocase(mapping->columns[i].name, name))
            return &mapping->columns[i];
    return NULL;
}

const char *csv_mapping_value(const struct csv_mapping *mapping, const char *column, const char *text)
{
    for (size_t i = 0; i < mapping->value_count; i++)
        if (str_equal_nocase(mapping->values[i].column, column) && str_equal_nocase(mapping->values[i].text, text))
            return mapping->values[i].meant;
    return text;
}

enum { RED_WORDS_MAX = 15, RED_WORD_SIZE_MAX = 40 };

bool csv_mapping_has_label(const struct csv_mapping *mapping)
{
    for (size_t i = 0; i < mapping->column_count; i++)
        if (mapping->columns[i].meaning == CSV_TLP)
            return true;
    return false;
}

static bool is_red_word(const struct csv_mapping *mapping, const struct csv_mapping_value *value)
{
    enum tlp label;
    const struct csv_mapping_column *column = csv_mapping_column(mapping, value->column);
    return column && column->meaning == CSV_TLP && tlp_parse(value->meant, &label) && label == TLP_RED &&
           strlen(value->text) <= RED_WORD_SIZE_MAX && *value->text;
}

struct tlp_search csv_mapping_search(const char *text, struct arena *arena)
{
    struct csv_mapping mapping;
    struct err ignored;
    bool is_known = text && csv_mapping_parse(text, arena, &mapping, &ignored);
    if (is_known && !csv_mapping_has_label(&mapping))
        return (struct tlp_search){.searched = 0};
    const char **words = arena_calloc(arena, RED_WORDS_MAX + 1, sizeof *words);
    size_t count = 0;
    words[count++] = "red";
    for (size_t i = 0; is_known && i < mapping.value_count && count < RED_WORDS_MAX; i++)
        if (is_red_word(&mapping, &mapping.values[i]))
            words[count++] = mapping.values[i].text;
    return (struct tlp_search){.words = words, .delimiter = is_known ? mapping.form.delimiter : ','};
}
