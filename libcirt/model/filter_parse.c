#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/filter_tree.h"

struct parser {
    struct filter *filter;
    const struct filter_context *context;
    const char *text, *next; /* the whole filter; the first character not yet read */
    size_t tests;
    char *scratch; /* as large as the text: the word being read */
    struct err *err;
};

static bool parse_or(struct parser *parser, int depth, struct filter_node **out) MUST_CHECK;

/* --- errors with their place --- */

static const char *place(const struct parser *parser, const char *at, char buffer[32])
{
    size_t characters = 1;
    for (const char *c = parser->text; c < at; c++)
        characters += ((unsigned char)*c & 0xC0) != 0x80;
    snprintf(buffer, 32, "character %zu", characters);
    return buffer;
}

static bool fail(struct parser *parser, const char *at, enum err_code code, const char *text)
{
    char where[32];
    return err_set_at(parser->err, code, place(parser, at, where), "%s", text);
}

/* Gives an error that has none its place. */
static bool fail_value(struct parser *parser, const char *at)
{
    char where[32];
    snprintf(parser->err->at, sizeof parser->err->at, "%s", place(parser, at, where));
    return false;
}

/* --- nodes --- */

static struct filter_node *node_new(struct parser *parser, enum filter_node_type type)
{
    struct filter_node *node = arena_calloc(parser->filter->arena, 1, sizeof *node);
    node->type = type;
    return node;
}

static void add_child(struct filter_node *parent, struct filter_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

static void add_test(struct parser *parser, struct filter_node *term, struct filter_test test)
{
    term->tests = arena_grow(parser->filter->arena, term->tests, &term->test_capacity, term->test_count, sizeof *term->tests);
    term->tests[term->test_count++] = test;
}

static const struct filter_field *field_named(const char *name, size_t size)
{
    for (size_t i = 0; i < filter_field_count; i++)
        if (strlen(filter_fields[i].name) == size && strncasecmp(filter_fields[i].name, name, size) == 0)
            return &filter_fields[i];
    return NULL;
}

static struct filter_node *term_new(struct parser *parser, const char *field)
{
    struct filter_node *term = node_new(parser, FILTER_NODE_TERM);
    term->field = field_named(field, strlen(field));
    return term;
}

static void equal_to(struct parser *parser, struct filter_node *term, const char *text)
{
    add_test(parser, term, (struct filter_test){.comparison = FILTER_EQUAL, .text = text});
}

/* --- is:... stands for other terms --- */

static struct filter_node *is_open(struct parser *parser)
{
    struct filter_node *term = term_new(parser, "state");
    equal_to(parser, term, "new");
    equal_to(parser, term, "open");
    equal_to(parser, term, "waiting");
    return term;
}

static struct filter_node *is_overdue(struct parser *parser)
{
    struct filter_node *both = node_new(parser, FILTER_NODE_AND), *due = term_new(parser, "due");
    add_test(parser, due, (struct filter_test){.comparison = FILTER_RANGE, .from = INT64_MIN, .to = parser->context->now - 1});
    add_child(both, due);
    add_child(both, is_open(parser));
    return both;
}

static struct filter_node *is_unowned(struct parser *parser)
{
    struct filter_node *term = term_new(parser, "owner");
    add_test(parser, term, (struct filter_test){.comparison = FILTER_NONE});
    return term;
}

/* The names were checked by filter_value_parse(). */
static struct filter_node *expand_is(struct parser *parser, const char *name)
{
    if (str_equal_nocase(name, "open"))
        return is_open(parser);
    if (str_equal_nocase(name, "overdue"))
        return is_overdue(parser);
    if (str_equal_nocase(name, "unowned"))
        return is_unowned(parser);
    if (str_equal_nocase(name, "any"))
        return node_new(parser, FILTER_NODE_ALL);
    struct filter_node *term = term_new(parser, "owner");
    equal_to(parser, term, parser->context->me);
    return term;
}

static bool expand_term_is(struct parser *parser, const char *at, const struct filter_node *term, struct filter_node **out)
{
    struct filter_node *either = node_new(parser, FILTER_NODE_OR);
    for (size_t i = 0; i < term->test_count; i++) {
        if (str_equal_nocase(term->tests[i].text, "mine") && !parser->context->me)
            return fail(parser, at, ERR_INPUT, "is:mine means nobody here");
        add_child(either, expand_is(parser, term->tests[i].text));
    }
    *out = either->first == either->last ? either->first : either;
    return true;
}

/* --- words --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct parser *parser)
{
    while (is_blank(*parser->next))
        parser->next++;
}

/* Reads a "..." part; the opening quote is the next character. Returns the end of what it wrote, NULL where no quote closes it. */
static char *read_quoted(struct parser *parser, char *out)
{
    const char *c = parser->next + 1;
    for (; *c != '"'; c++) {
        if (*c == '\\' && c[1])
            c++;
        if (*c == '\0')
            return NULL;
        *out++ = *c;
    }
    parser->next = c + 1;
    return out;
}

/* One value: up to a blank, a parenthesis or a comma; parts of it may be quoted. A bare word keeps its commas. */
static bool read_word(struct parser *parser, bool stop_at_comma, struct filter_word *word)
{
    char *end = parser->scratch;
    *word = (struct filter_word){.text = ""};
    while (*parser->next && !is_blank(*parser->next) && !strchr("()", *parser->next) && !(stop_at_comma && *parser->next == ',')) {
        word->has_star = *parser->next == '*';
        if (*parser->next != '"') {
            *end++ = *parser->next++;
            continue;
        }
        const char *opened = parser->next;
        word->is_quoted = true;
        if (!(end = read_quoted(parser, end)))
            return fail(parser, opened, ERR_INPUT, "this quote is not closed");
    }
    word->text = arena_strndup(parser->filter->arena, parser->scratch, (size_t)(end - parser->scratch));
    return true;
}

/* --- terms --- */

/* The "/" that closes a pattern, or NULL; at is its first character. */
static const char *pattern_end(const char *at)
{
    for (; *at && *at != '/'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at : NULL;
}

/* /.../ as a value. Lists have none: PostgreSQL's regular expressions know no limit of work. */
static bool parse_pattern(struct parser *parser, struct filter_node *term)
{
    const char *at = parser->next, *text = at + 1, *end = pattern_end(text);
    size_t bad_at;
    if (!(parser->context->object & (FILTER_RULE | FILTER_ITEM)))
        return fail(parser, at, ERR_INPUT,
                    "patterns are for rules and shares; a list takes words and beginnings (url:x*). Quote it to search for the text");
    if (term->field->kind != FILTER_TEXT && term->field->kind != FILTER_WORD && term->field->kind != FILTER_DOMAIN)
        return fail(parser, at, ERR_INPUT, "only fields with text take a pattern");
    if (!end)
        return fail(parser, at, ERR_INPUT, "this pattern is not closed; quote it to search for the text");
    struct filter *filter = parser->filter;
    struct filter_pattern *pattern = filter_pattern_new(arena_strndup(filter->arena, text, (size_t)(end - text)), parser->err, &bad_at);
    if (!pattern)
        return fail_value(parser, text + bad_at);
    filter->patterns =
        arena_grow(filter->arena, filter->patterns, &filter->pattern_capacity, filter->pattern_count, sizeof *filter->patterns);
    filter->patterns[filter->pattern_count++] = pattern;
    add_test(parser, term, (struct filter_test){.comparison = FILTER_MATCHES, .pattern = pattern});
    parser->next = end + 1;
    if (*parser->next && !is_blank(*parser->next) && !strchr("),", *parser->next))
        return fail(parser, parser->next, ERR_INPUT, "a pattern ends with its \"/\"; a \"/\" inside is written \\/");
    return true;
}

static bool parse_value(struct parser *parser, struct filter_node *term, bool stop_at_comma)
{
    struct filter_word word;
    struct filter_test test;
    const char *at = parser->next;
    if (++parser->tests > FILTER_TESTS_MAX)
        return fail(parser, at, ERR_LIMIT, "the filter has too many values");
    if (*at == '/' && stop_at_comma)
        return parse_pattern(parser, term);
    if (!read_word(parser, stop_at_comma, &word))
        return false;
    if (!filter_value_parse(parser->filter->arena, term->field, parser->context, &word, &test, parser->err))
        return fail_value(parser, at);
    add_test(parser, term, test);
    return true;
}

static const char *object_name(unsigned object)
{
    switch (object) {
    case FILTER_CASE:
        return "cases";
    case FILTER_REPORT:
        return "reports";
    case FILTER_RULE:
        return "rules";
    case FILTER_INDICATOR:
        return "indicators";
    default:
        return "items";
    }
}

/* The beginning of a name is meant as that name. */
static unsigned field_distance(const char *written, const char *field)
{
    return str_starts_nocase(field, written) ? 0 : str_distance(written, field);
}

/* Among the fields of these objects. */
static const char *nearest_field(const char *written, unsigned objects)
{
    const char *nearest = NULL;
    for (size_t i = 0; i < filter_field_count; i++)
        if ((filter_fields[i].objects & objects) &&
            (!nearest || field_distance(written, filter_fields[i].name) < field_distance(written, nearest)))
            nearest = filter_fields[i].name;
    return nearest;
}

static bool fail_unknown(struct parser *parser, const char *name, size_t size)
{
    char text[200], written[64];
    snprintf(written, sizeof written, "%.*s", (int)(size < 40 ? size : 40), name);
    const char *nearest = nearest_field(written, parser->context->object), *elsewhere = nearest_field(written, ~0U);
    const struct filter_field *known = field_named(name, size);
    if (known && 2 * field_distance(written, nearest) > strlen(written)) /* a word of its own */
        snprintf(text, sizeof text, "%s have no \"%s\" (docs/FILTERS.md lists what they have)", object_name(parser->context->object),
                 known->name);
    else if (known)
        snprintf(text, sizeof text, "%s have no \"%s\"; the nearest field is \"%s\"", object_name(parser->context->object), known->name,
                 nearest);
    else if (field_distance(written, elsewhere) < field_distance(written, nearest))
        snprintf(text, sizeof text, "unknown field \"%s\"; did you mean \"%s\"? %s have none", written, elsewhere,
                 object_name(parser->context->object));
    else if (field_distance(written, nearest) >= strlen(written)) /* as far as any other word */
        snprintf(text, sizeof text, "unknown field \"%s\" (docs/FILTERS.md lists them). Quote it to search for the text", written);
    else
        snprintf(text, sizeof text, "unknown field \"%s\"; did you mean \"%s\"? Quote it to search for the text", written, nearest);
    return fail(parser, name, ERR_INPUT, text);
}

static bool parse_field_values(struct parser *parser, const struct filter_field *field, const char *at, struct filter_node **out)
{
    struct filter_node *term = node_new(parser, FILTER_NODE_TERM);
    term->field = field;
    parser->filter->mentioned |= UINT64_C(1) << (field - filter_fields);
    if (!parse_value(parser, term, true))
        return false;
    while (*parser->next == ',') {
        parser->next++;
        if (!parse_value(parser, term, true))
            return false;
    }
    if (str_equal(field->name, "is"))
        return expand_term_is(parser, at, term, out);
    *out = term;
    return true;
}

/* How long the field name before a ":" is; also before "<" and ">" where it is a known one ("count>100"). 0: a bare word, as are
 * the URLs and IPv6 addresses that people paste. */
static size_t field_size(const struct parser *parser)
{
    const char *name = parser->next;
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (size && name[0] >= '0' && name[0] <= '9')
        return 0;
    if (name[size] == ':')
        return str_starts(name + size, "://") || str_starts(name + size, "::") ? 0 : size;
    return size && (name[size] == '<' || name[size] == '>') && field_named(name, size) ? size : 0;
}

static bool parse_term(struct parser *parser, struct filter_node **out)
{
    const char *at = parser->next;
    size_t size = field_size(parser);
    if (*at == ':')
        return fail(parser, at, ERR_INPUT, "a field name is missing before \":\"");
    if (size == 0) {
        *out = term_new(parser, "text");
        parser->filter->mentioned |= UINT64_C(1) << ((*out)->field - filter_fields);
        return parse_value(parser, *out, false);
    }
    const struct filter_field *field = field_named(at, size);
    if (!field || !(field->objects & parser->context->object))
        return fail_unknown(parser, at, size);
    parser->next += size + (at[size] == ':');
    return parse_field_values(parser, field, at, out);
}

/* --- the grammar: or = and { "OR" and }; and = unary { ["AND"] unary }; unary = { "-" } ( "(" or ")" | term ) --- */

static bool is_keyword(const struct parser *parser, const char *keyword)
{
    size_t size = strlen(keyword);
    if (strncmp(parser->next, keyword, size) != 0)
        return false;
    char after = parser->next[size];
    return after == '\0' || is_blank(after) || after == '(' || after == ')';
}

static bool parse_parentheses(struct parser *parser, int depth, struct filter_node **out)
{
    const char *opened = parser->next++;
    if (depth >= FILTER_DEPTH_MAX)
        return fail(parser, opened, ERR_LIMIT, "parentheses are nested too deeply");
    if (!parse_or(parser, depth + 1, out))
        return false;
    if (*parser->next != ')')
        return fail(parser, opened, ERR_INPUT, "this parenthesis is not closed");
    parser->next++;
    return true;
}

static bool parse_unary(struct parser *parser, int depth, struct filter_node **out)
{
    bool is_negated = false;
    const char *at = parser->next;
    for (; *parser->next == '-'; parser->next++)
        is_negated = !is_negated;
    if (parser->next > at && (*parser->next == '\0' || is_blank(*parser->next) || *parser->next == ')'))
        return fail(parser, at, ERR_INPUT, "\"-\" stands alone");
    struct filter_node *inner;
    if (!(*parser->next == '(' ? parse_parentheses(parser, depth, &inner) : parse_term(parser, &inner)))
        return false;
    *out = inner;
    if (is_negated) {
        *out = node_new(parser, FILTER_NODE_NOT);
        add_child(*out, inner);
    }
    return true;
}

static bool ends_and(const struct parser *parser)
{
    return *parser->next == '\0' || *parser->next == ')' || is_keyword(parser, "OR");
}

static bool parse_and(struct parser *parser, int depth, struct filter_node **out)
{
    struct filter_node *all = node_new(parser, FILTER_NODE_AND), *child = NULL;
    skip_blanks(parser);
    const char *at = parser->next;
    bool wants_operand = true;
    while (!ends_and(parser)) {
        if (is_keyword(parser, "AND") && !wants_operand) {
            parser->next += 3;
            wants_operand = true;
        } else {
            if (!parse_unary(parser, depth, &child))
                return false;
            add_child(all, child);
            wants_operand = false;
        }
        skip_blanks(parser);
    }
    if (wants_operand)
        return fail(parser, all->first ? parser->next : at, ERR_INPUT, "something to look for is missing here");
    *out = all->first == all->last ? all->first : all;
    return true;
}

static bool parse_or(struct parser *parser, int depth, struct filter_node **out)
{
    struct filter_node *either = node_new(parser, FILTER_NODE_OR), *child;
    if (!parse_and(parser, depth, &child))
        return false;
    add_child(either, child);
    while (is_keyword(parser, "OR")) {
        parser->next += 2;
        if (!parse_and(parser, depth, &child))
            return false;
        add_child(either, child);
    }
    *out = either->first == either->last ? either->first : either;
    return true;
}

static bool parse_all(struct parser *parser)
{
    size_t bad_at, size = strnlen(parser->text, FILTER_SIZE_MAX + 1);
    if (size > FILTER_SIZE_MAX)
        return err_set(parser->err, ERR_LIMIT, "a filter has at most %d bytes", FILTER_SIZE_MAX);
    if (!str_is_utf8(parser->text, size, &bad_at))
        return fail(parser, parser->text + bad_at, ERR_INPUT, "the filter is not in UTF-8");
    if (str_is_empty(parser->text)) {
        parser->filter->root = node_new(parser, FILTER_NODE_ALL);
        return true;
    }
    parser->scratch = arena_calloc(parser->filter->arena, size + 1, 1);
    if (!parse_or(parser, 0, &parser->filter->root))
        return false;
    return *parser->next == '\0' || fail(parser, parser->next, ERR_INPUT, "this parenthesis was never opened");
}

bool filter_parse(const char *text, const struct filter_context *context, struct filter **out, struct err *err)
{
    struct filter *filter = mem_calloc(1, sizeof *filter);
    filter->arena = arena_new();
    filter->object = context->object;
    struct parser parser = {.filter = filter, .context = context, .text = text, .next = text, .err = err};
    if (!parse_all(&parser)) {
        filter_free(filter);
        return false;
    }
    *out = filter;
    return true;
}
