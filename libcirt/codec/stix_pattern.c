#include "codec/stix_pattern.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { DEPTH_MAX = 64, SLICE_SIZE_MAX = 32, DETAILED_MAX = 32 };

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_NUMBER, TOKEN_TIME, TOKEN_BYTES, TOKEN_SYMBOL };

struct parser {
    struct arena *arena;
    const char *text, *at; /* the whole, and what comes after the token */
    enum token token;
    const char *start;  /* of the token */
    size_t size;        /* of the token */
    const char *end;    /* of the token before */
    const char *string; /* TOKEN_STRING: without quotes and escapes */
    unsigned depth;
    struct stix_pattern *out;
    size_t capacity;
    struct err *err;
};

static bool fail(const struct parser *parser, const char *what)
{
    char at[40], slice[SLICE_SIZE_MAX + 1];
    size_t size = parser->size < SLICE_SIZE_MAX ? parser->size : SLICE_SIZE_MAX;
    memcpy(slice, parser->start, size);
    slice[size] = '\0';
    size_t bad;
    if (!str_is_utf8(slice, size, &bad))
        slice[bad] = '\0'; /* cut inside a character */
    snprintf(at, sizeof at, "character %zu", (size_t)(parser->start - parser->text) + 1);
    if (parser->token == TOKEN_END)
        return err_set_at(parser->err, ERR_INPUT, at, "%s expected, not the end", what);
    return err_set_at(parser->err, ERR_INPUT, at, "%s expected, not \"%s\"", what, slice);
}

/* --- tokens --- */

static bool is_word_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_word_character(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* False where a comment never ends. */
static bool skip_blanks(struct parser *parser)
{
    for (;;) {
        parser->at += strspn(parser->at, " \t\r\n\v\f");
        if (str_starts(parser->at, "//")) {
            parser->at += strcspn(parser->at, "\r\n");
        } else if (str_starts(parser->at, "/*")) {
            const char *close = strstr(parser->at + 2, "*/");
            if (!close)
                return false;
            parser->at = close + 2;
        } else {
            return true;
        }
    }
}

static void set_token(struct parser *parser, enum token token, const char *end)
{
    parser->token = token;
    parser->size = (size_t)(end - parser->at);
    parser->at = end;
}

/* Only ' and \ are escaped; before anything else a "\" is itself, as those mean it who write C:\Temp. */
static bool read_string(struct parser *parser, const char *open, enum token token)
{
    const char *end = open + 1;
    while (*end && *end != '\'')
        end += end[0] == '\\' && end[1] ? 2 : 1;
    if (!*end) {
        parser->size = 1;
        return fail(parser, "a string that ends");
    }
    char *string = arena_calloc(parser->arena, (size_t)(end - open), 1), *to = string;
    for (const char *from = open + 1; from < end; from++) {
        if (str_starts(from, "\\'") || str_starts(from, "\\\\"))
            from++;
        *to++ = *from;
    }
    parser->string = string;
    set_token(parser, token, end + 1);
    return true;
}

static void read_number(struct parser *parser)
{
    const char *end = parser->at + (*parser->at == '-' || *parser->at == '+');
    end += strspn(end, "0123456789");
    if (*end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    set_token(parser, TOKEN_NUMBER, end);
}

static bool read_other(struct parser *parser)
{
    static const char *const pairs[] = {"==", "!=", "<>", "<=", ">="};
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        if (str_starts(parser->at, pairs[i])) {
            set_token(parser, TOKEN_SYMBOL, parser->at + 2);
            return true;
        }
    if (strchr("[]():.,*=<>", *parser->at)) {
        set_token(parser, TOKEN_SYMBOL, parser->at + 1);
        return true;
    }
    const char *next = parser->at + 1;
    while (((unsigned char)*next & 0xc0) == 0x80)
        next++;
    set_token(parser, TOKEN_SYMBOL, next);
    return fail(parser, "a pattern");
}

static bool next(struct parser *parser)
{
    parser->end = parser->at;
    bool is_open = !skip_blanks(parser);
    const char *at = parser->start = parser->at;
    parser->size = 0;
    if (is_open)
        return fail(parser, "a comment that ends");
    if (!*at) {
        parser->token = TOKEN_END;
        return true;
    }
    if (*at == '\'')
        return read_string(parser, at, TOKEN_STRING);
    if (at[1] == '\'' && strchr("thb", *at))
        return read_string(parser, at + 1, *at == 't' ? TOKEN_TIME : TOKEN_BYTES);
    if (isdigit((unsigned char)*at) || ((*at == '-' || *at == '+') && (isdigit((unsigned char)at[1]) || at[1] == '.'))) {
        read_number(parser);
        return true;
    }
    if (!is_word_start(*at))
        return read_other(parser);
    while (is_word_character(*at))
        at++;
    set_token(parser, TOKEN_WORD, at);
    return true;
}

static bool token_is(const struct parser *parser, enum token token, const char *text)
{
    return parser->token == token && strlen(text) == parser->size && strncasecmp(parser->start, text, parser->size) == 0;
}

static bool is_symbol(const struct parser *parser, const char *symbol)
{
    return token_is(parser, TOKEN_SYMBOL, symbol);
}

static bool is_word(const struct parser *parser, const char *word)
{
    return token_is(parser, TOKEN_WORD, word);
}

static bool expect_symbol(struct parser *parser, const char *symbol)
{
    char what[8];
    snprintf(what, sizeof what, "\"%s\"", symbol);
    return is_symbol(parser, symbol) ? next(parser) : fail(parser, what);
}

static bool expect_word(struct parser *parser, const char *word)
{
    return is_word(parser, word) ? next(parser) : fail(parser, word);
}

/* --- comparisons --- */

static bool is_digest(const struct stix_pattern_comparison *comparison)
{
    return str_starts(comparison->path, "hashes.");
}

/* network-traffic:dst_ref.type and dst_port beside dst_ref.value, url:x_misp_host beside value. */
static bool is_detail_of(const struct stix_pattern_comparison *detail, const struct stix_pattern_comparison *of)
{
    const char *path = detail->path, *value = of->path;
    if (!str_equal(detail->object_type, of->object_type) || detail->is_negated || detail->operator!= STIX_PATTERN_EQUAL || of->is_negated)
        return false;
    if (str_ends(path, "_ref.type")) {
        size_t same = strlen(path) - strlen("type");
        return strncmp(path, value, same) == 0 && str_equal(value + same, "value");
    }
    if (str_equal(path, "src_port") || str_equal(path, "dst_port"))
        return strncmp(path, value, strlen("src_")) == 0 && str_equal(value + strlen("src_"), "ref.value");
    return str_starts(path, "x_misp_") && str_equal(detail->object_type, "url") && str_equal(value, "value");
}

/* Of a few: nobody writes more by AND. */
static void mark_details(struct stix_pattern_comparison *comparisons, size_t count)
{
    for (size_t i = 0; i < count && count <= DETAILED_MAX; i++)
        for (size_t k = 0; k < count && !comparisons[i].is_detail; k++)
            comparisons[i].is_detail = is_detail_of(&comparisons[i], &comparisons[k]);
}

/* All from `first` on must hold together. Of the properties of one file its digest is enough to know it by. */
static void join(struct parser *parser, size_t first, bool is_within_object)
{
    struct stix_pattern_comparison *comparisons = parser->out->comparisons + first;
    const char *object_type = NULL;
    size_t count = parser->out->comparison_count - first, members = 0;
    bool is_one_object = is_within_object;
    if (is_within_object)
        mark_details(comparisons, count);
    for (size_t i = 0; i < count; i++) {
        if (comparisons[i].is_detail)
            continue;
        members++;
        is_one_object = is_one_object && (!object_type || str_equal(comparisons[i].object_type, object_type));
        object_type = comparisons[i].object_type;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_enough = is_one_object && (members == 1 || is_digest(&comparisons[i]));
        comparisons[i].is_alone = comparisons[i].is_alone && is_enough && !comparisons[i].is_detail;
    }
}

static bool read_component(struct parser *parser, struct buf *path)
{
    if (parser->token == TOKEN_STRING)
        buf_add_text(path, parser->string);
    else if (parser->token == TOKEN_WORD)
        buf_add(path, parser->start, parser->size);
    else
        return fail(parser, "a property");
    return next(parser);
}

static bool read_index(struct parser *parser, struct buf *path)
{
    if (!is_symbol(parser, "*") && parser->token != TOKEN_NUMBER)
        return fail(parser, "an index or \"*\"");
    buf_printf(path, "[%.*s]", (int)parser->size, parser->start);
    return next(parser) && expect_symbol(parser, "]");
}

static bool read_steps(struct parser *parser, struct buf *path)
{
    if (!read_component(parser, path))
        return false;
    for (;;) {
        bool is_step = is_symbol(parser, ".");
        if (!is_step && !is_symbol(parser, "["))
            return true;
        if (!next(parser))
            return false;
        if (is_step)
            buf_add_char(path, '.');
        if (is_step ? !read_component(parser, path) : !read_index(parser, path))
            return false;
    }
}

static bool read_path(struct parser *parser, struct stix_pattern_comparison *comparison)
{
    if (parser->token != TOKEN_WORD)
        return fail(parser, "an object path");
    comparison->text = parser->start;
    comparison->object_type = arena_strndup(parser->arena, parser->start, parser->size);
    if (!next(parser) || !expect_symbol(parser, ":"))
        return false;
    struct buf path;
    buf_init(&path, SIZE_MAX / 2);
    bool ok = read_steps(parser, &path);
    comparison->path = arena_strdup(parser->arena, buf_text(&path));
    buf_clear(&path);
    return ok;
}

static bool is_constant(const struct parser *parser)
{
    return (parser->token != TOKEN_WORD || is_word(parser, "true") || is_word(parser, "false")) && parser->token != TOKEN_SYMBOL &&
           parser->token != TOKEN_END;
}

static const char *constant_value(const struct parser *parser)
{
    if (parser->token == TOKEN_BYTES)
        return NULL;
    if (parser->token == TOKEN_STRING || parser->token == TOKEN_TIME)
        return parser->string;
    return arena_strndup(parser->arena, parser->start, parser->size);
}

static bool read_constant(struct parser *parser, struct stix_pattern_comparison *comparison)
{
    if (!is_constant(parser))
        return fail(parser, "a constant");
    const char **values = arena_calloc(parser->arena, 1, sizeof *values);
    values[0] = constant_value(parser);
    comparison->values = values;
    comparison->value_count = 1;
    return next(parser);
}

static bool read_set(struct parser *parser, struct stix_pattern_comparison *comparison)
{
    const char **values = NULL;
    size_t capacity = 0;
    if (!expect_symbol(parser, "("))
        return false;
    while (!is_symbol(parser, ")")) {
        if (comparison->value_count && !expect_symbol(parser, ","))
            return false;
        if (!is_constant(parser))
            return fail(parser, "a constant");
        values = arena_grow(parser->arena, values, &capacity, comparison->value_count, sizeof *values);
        values[comparison->value_count++] = constant_value(parser);
        if (!next(parser))
            return false;
    }
    comparison->values = values;
    return next(parser);
}

static const struct {
    const char *text;
    enum token token;
    enum stix_pattern_operator operator;
    bool is_negated;
} operators[] = {
    {"=", TOKEN_SYMBOL, STIX_PATTERN_EQUAL, false},
    {"==", TOKEN_SYMBOL, STIX_PATTERN_EQUAL, false},
    {"!=", TOKEN_SYMBOL, STIX_PATTERN_EQUAL, true},
    {"<>", TOKEN_SYMBOL, STIX_PATTERN_EQUAL, true},
    {"<", TOKEN_SYMBOL, STIX_PATTERN_ORDER, false},
    {"<=", TOKEN_SYMBOL, STIX_PATTERN_ORDER, false},
    {">", TOKEN_SYMBOL, STIX_PATTERN_ORDER, false},
    {">=", TOKEN_SYMBOL, STIX_PATTERN_ORDER, false},
    {"IN", TOKEN_WORD, STIX_PATTERN_IN, false},
    {"LIKE", TOKEN_WORD, STIX_PATTERN_LIKE, false},
    {"MATCHES", TOKEN_WORD, STIX_PATTERN_MATCHES, false},
    {"ISSUBSET", TOKEN_WORD, STIX_PATTERN_SUBSET, false},
    {"ISSUPERSET", TOKEN_WORD, STIX_PATTERN_SUPERSET, false},
};

static bool read_operator(struct parser *parser, struct stix_pattern_comparison *comparison)
{
    if (is_word(parser, "NOT")) {
        comparison->is_negated = true;
        if (!next(parser))
            return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
        if (token_is(parser, operators[i].token, operators[i].text)) {
            comparison->operator= operators[i].operator;
            comparison->is_negated = comparison->is_negated != operators[i].is_negated;
            return next(parser);
        }
    return fail(parser, "an operator");
}

static bool read_comparison(struct parser *parser)
{
    struct stix_pattern_comparison comparison = {.is_alone = true};
    const char *start = parser->start;
    bool is_existence = is_word(parser, "EXISTS");
    if (is_existence) {
        comparison.operator= STIX_PATTERN_EXISTS;
        if (!next(parser))
            return false;
    }
    if (!read_path(parser, &comparison) || (!is_existence && !read_operator(parser, &comparison)))
        return false;
    bool is_set = comparison.operator== STIX_PATTERN_IN;
    if (!is_existence && !(is_set ? read_set(parser, &comparison) : read_constant(parser, &comparison)))
        return false;
    comparison.text = start;
    comparison.text_size = (size_t)(parser->end - start);
    struct stix_pattern *out = parser->out;
    out->comparisons = arena_grow(parser->arena, out->comparisons, &parser->capacity, out->comparison_count, sizeof *out->comparisons);
    out->comparisons[out->comparison_count++] = comparison;
    return true;
}

/* --- what joins them --- */

static bool enter(struct parser *parser)
{
    if (parser->depth++ < DEPTH_MAX)
        return true;
    return err_set_at(parser->err, ERR_LIMIT, "character 1", "a pattern nested deeper than %d levels", DEPTH_MAX);
}

static bool read_alternatives(struct parser *parser);

static bool read_test(struct parser *parser)
{
    if (!is_symbol(parser, "("))
        return read_comparison(parser);
    bool ok = enter(parser) && next(parser) && read_alternatives(parser) && expect_symbol(parser, ")");
    parser->depth--;
    return ok;
}

static bool read_conjunction(struct parser *parser)
{
    size_t first = parser->out->comparison_count;
    bool is_joined = false;
    if (!read_test(parser))
        return false;
    while (is_word(parser, "AND")) {
        is_joined = true;
        if (!next(parser) || !read_test(parser))
            return false;
    }
    if (is_joined)
        join(parser, first, true);
    return true;
}

static bool read_alternatives(struct parser *parser)
{
    if (!read_conjunction(parser))
        return false;
    while (is_word(parser, "OR"))
        if (!next(parser) || !read_conjunction(parser))
            return false;
    return true;
}

static bool read_number_word(struct parser *parser, const char *unit)
{
    if (!next(parser))
        return false;
    return parser->token == TOKEN_NUMBER ? next(parser) && expect_word(parser, unit) : fail(parser, "a number");
}

/* 2.0 wrote a bare string here. */
static bool read_time(struct parser *parser)
{
    if (!next(parser))
        return false;
    return parser->token == TOKEN_TIME || parser->token == TOKEN_STRING ? next(parser) : fail(parser, "a time");
}

static bool read_qualifiers(struct parser *parser, size_t first)
{
    bool is_repeated = false;
    for (;;) {
        bool ok;
        if (is_word(parser, "WITHIN")) {
            ok = read_number_word(parser, "SECONDS");
        } else if (is_word(parser, "REPEATS")) {
            if (!is_repeated)
                join(parser, first, false);
            is_repeated = true; /* once is enough, however many stand here */
            ok = read_number_word(parser, "TIMES");
        } else if (is_word(parser, "START")) {
            ok = read_time(parser) && (is_word(parser, "STOP") ? read_time(parser) : fail(parser, "STOP"));
        } else {
            return true;
        }
        if (!ok)
            return false;
        parser->out->has_qualifiers = true;
    }
}

static bool read_sequence(struct parser *parser);

static bool read_observation(struct parser *parser)
{
    size_t first = parser->out->comparison_count;
    bool is_group = is_symbol(parser, "(");
    if (!is_group && !is_symbol(parser, "["))
        return fail(parser, "\"[\"");
    bool ok = enter(parser) && next(parser) &&
              (is_group ? read_sequence(parser) && expect_symbol(parser, ")") : read_alternatives(parser) && expect_symbol(parser, "]"));
    parser->depth--;
    return ok && read_qualifiers(parser, first);
}

/* The levels of precedence, loosest first. */
static const struct {
    const char *word;
    bool joins;
} levels[] = {{"FOLLOWEDBY", true}, {"OR", false}, {"AND", true}};

static bool read_level(struct parser *parser, size_t level)
{
    if (level == ARRAY_SIZE(levels))
        return read_observation(parser);
    size_t first = parser->out->comparison_count;
    bool is_joined = false;
    if (!read_level(parser, level + 1))
        return false;
    while (is_word(parser, levels[level].word)) {
        is_joined = levels[level].joins;
        if (!next(parser) || !read_level(parser, level + 1))
            return false;
    }
    if (is_joined)
        join(parser, first, false);
    return true;
}

static bool read_sequence(struct parser *parser)
{
    return read_level(parser, 0);
}

bool stix_pattern_parse(struct arena *arena, const char *text, struct stix_pattern *out, struct err *err)
{
    *out = (struct stix_pattern){0};
    struct parser parser = {.arena = arena, .text = text, .at = text, .start = text, .out = out, .err = err};
    if (!next(&parser) || !read_sequence(&parser))
        return false;
    return parser.token == TOKEN_END ? true : fail(&parser, "the end");
}

void stix_pattern_add_constant(struct buf *out, const char *value)
{
    buf_add_char(out, '\'');
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *value);
    }
    buf_add_char(out, '\'');
}
