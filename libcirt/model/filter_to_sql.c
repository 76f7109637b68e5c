#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "model/filter_tree.h"

enum { ARRAY_SIZE_MAX = 1024 * 1024 };

struct compiler {
    struct filter *filter;
    filter_fragment fragment;
    void *context; /* of fragment */
    unsigned object, first_parameter;
    bool is_required; /* of the node that is compiled: above it are only ANDs */
    struct buf *sql;
    struct err *err;
};

static void add_parameter(struct compiler *compiler, enum filter_parameter_type type, const char *text)
{
    struct filter *filter = compiler->filter;
    filter->parameters =
        arena_grow(filter->arena, filter->parameters, &filter->parameter_capacity, filter->parameter_count, sizeof *filter->parameters);
    filter->parameters[filter->parameter_count++] = (struct filter_parameter){.type = type, .text = text};
}

/* Copies a fragment with its own $1 and $2 as the numbers that this use of it got. */
static bool add_fragment(struct compiler *compiler, const struct filter_field *field, const char *comparison, unsigned first)
{
    size_t at = first - compiler->first_parameter;
    struct filter_parameter *parameters = at < compiler->filter->parameter_count ? &compiler->filter->parameters[at] : NULL;
    const char *text = compiler->fragment(compiler->context, compiler->object, field->name, comparison, parameters, compiler->is_required);
    if (!text)
        return err_set(compiler->err, ERR_INTERNAL, "there is no SQL for %s.%s", field->name, comparison);
    buf_add_char(compiler->sql, '(');
    for (; *text; text++) {
        if (text[0] == '$' && (text[1] == '1' || text[1] == '2')) {
            buf_printf(compiler->sql, "$%u", first + (unsigned)(text[1] - '1'));
            text++;
        } else {
            buf_add_char(compiler->sql, *text);
        }
    }
    buf_add_char(compiler->sql, ')');
    return true;
}

static unsigned next_number(const struct compiler *compiler)
{
    return compiler->first_parameter + (unsigned)compiler->filter->parameter_count;
}

static void add_array_item(struct buf *array, const char *text)
{
    buf_add_text(array, array->size ? ",\"" : "{\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(array, '\\');
        buf_add_char(array, *text);
    }
    buf_add_char(array, '"');
}

/* {"a","b"} of all values that a term wants to be equal to, as a parameter; *added tells whether there were any. */
static bool add_equals(struct compiler *compiler, const struct filter_node *term, bool *added)
{
    struct buf array;
    buf_init(&array, ARRAY_SIZE_MAX);
    for (size_t i = 0; i < term->test_count; i++)
        if (term->tests[i].comparison == FILTER_EQUAL)
            add_array_item(&array, term->tests[i].text);
    *added = array.size > 0;
    buf_add_char(&array, '}');
    bool fits = !array.full;
    if (fits && *added)
        add_parameter(compiler, FILTER_PARAMETER_TEXT_ARRAY, arena_strdup(compiler->filter->arena, buf_text(&array)));
    buf_clear(&array);
    return fits || err_set(compiler->err, ERR_LIMIT, "the filter is too large");
}

static void add_range_end(struct compiler *compiler, enum filter_kind kind, int64_t value)
{
    struct arena *arena = compiler->filter->arena;
    enum filter_parameter_type type = kind == FILTER_TIME ? FILTER_PARAMETER_TIME : FILTER_PARAMETER_NUMBER;
    char text[TIMESTAMP_TEXT_SIZE];
    if (value == INT64_MIN || value == INT64_MAX) {
        add_parameter(compiler, type, NULL);
    } else if (kind == FILTER_TIME) {
        timestamp_format(value, text);
        add_parameter(compiler, type, arena_strdup(arena, text));
    } else {
        add_parameter(compiler, type, arena_printf(arena, "%lld", (long long)value));
    }
}

static bool compile_test(struct compiler *compiler, const struct filter_field *field, const struct filter_test *test)
{
    unsigned first = next_number(compiler);
    switch (test->comparison) {
    case FILTER_PREFIX:
        add_parameter(compiler, FILTER_PARAMETER_TEXT, test->text);
        return add_fragment(compiler, field, "prefix", first);
    case FILTER_CONTAINS:
        add_parameter(compiler, FILTER_PARAMETER_TEXT, test->text);
        return add_fragment(compiler, field, "text", first);
    case FILTER_RANGE:
        add_range_end(compiler, field->kind, test->from);
        add_range_end(compiler, field->kind, test->to);
        return add_fragment(compiler, field, "range", first);
    case FILTER_NONE:
        return add_fragment(compiler, field, "none", first);
    case FILTER_MATCHES: /* the parser gives none to what becomes SQL */
        return err_set(compiler->err, ERR_INTERNAL, "there is no SQL for a pattern");
    case FILTER_EQUAL:
        break;
    }
    return true;
}

static bool compile_term(struct compiler *compiler, const struct filter_node *term)
{
    const char *between = "(";
    unsigned first = next_number(compiler);
    bool has_equals;
    if (!add_equals(compiler, term, &has_equals))
        return false;
    for (size_t i = 0; i < term->test_count; i++)
        if (term->test_count > 1 && term->tests[i].comparison != FILTER_EQUAL)
            compiler->is_required = false;
    if (has_equals) {
        buf_add_text(compiler->sql, between);
        between = " OR ";
        if (!add_fragment(compiler, term->field, "equal", first))
            return false;
    }
    for (size_t i = 0; i < term->test_count; i++) {
        if (term->tests[i].comparison == FILTER_EQUAL)
            continue;
        buf_add_text(compiler->sql, between);
        between = " OR ";
        if (!compile_test(compiler, term->field, &term->tests[i]))
            return false;
    }
    buf_add_char(compiler->sql, ')');
    return true;
}

static bool compile_node(struct compiler *compiler, const struct filter_node *node)
{
    const char *between = "(";
    bool is_required = compiler->is_required && node->type == FILTER_NODE_AND; /* of its children */
    switch (node->type) {
    case FILTER_NODE_ALL:
        buf_add_text(compiler->sql, "true");
        return true;
    case FILTER_NODE_TERM:
        return compile_term(compiler, node);
    case FILTER_NODE_NOT:
        /* Not NOT: where a column is NULL the comparison is NULL, and what has no owner is not owned by bob. */
        buf_add_char(compiler->sql, '(');
        compiler->is_required = false;
        if (!compile_node(compiler, node->first))
            return false;
        buf_add_text(compiler->sql, " IS NOT TRUE)");
        return true;
    case FILTER_NODE_AND:
    case FILTER_NODE_OR:
        break;
    }
    for (const struct filter_node *child = node->first; child; child = child->next) {
        buf_add_text(compiler->sql, between);
        between = node->type == FILTER_NODE_AND ? " AND " : " OR ";
        compiler->is_required = is_required;
        if (!compile_node(compiler, child))
            return false;
    }
    buf_add_char(compiler->sql, ')');
    return true;
}

bool filter_to_sql(struct filter *filter, filter_fragment fragment, void *context, unsigned first_parameter, struct buf *sql,
                   const struct filter_parameter **parameters, size_t *parameter_count, struct err *err)
{
    struct compiler compiler = {.filter = filter,
                                .fragment = fragment,
                                .context = context,
                                .object = filter->object,
                                .first_parameter = first_parameter,
                                .is_required = true,
                                .sql = sql,
                                .err = err};
    filter->parameters = NULL;
    filter->parameter_count = filter->parameter_capacity = 0;
    if (!compile_node(&compiler, filter->root))
        return false;
    if (sql->full)
        return err_set(err, ERR_LIMIT, "the filter is too large");
    *parameters = filter->parameters;
    *parameter_count = filter->parameter_count;
    return true;
}
