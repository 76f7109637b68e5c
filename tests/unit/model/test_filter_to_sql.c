/* What SQL a filter becomes, with fragments of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "model/filter.h"

static int64_t moment(const char *text)
{
    int64_t value = 0;
    if (!timestamp_parse_rfc3339(text, &value))
        fail_msg("%s is no time", text);
    return value;
}

static struct filter_context context_for(unsigned object)
{
    return (struct filter_context){.object = object, .now = moment("2026-03-10T12:00:00Z"), .zone_minutes = 120, .me = "lead"};
}

/* For each field and comparison a fragment that shows both, and its parameters. */
static const char *test_fragment(void *context, unsigned object, const char *field, const char *comparison,
                                 struct filter_parameter *parameters, bool is_required)
{
    UNUSED(context);
    UNUSED(is_required);
    UNUSED(parameters);
    static char text[128];
    static const char *const two[] = {"range"}, *const no[] = {"none"};
    UNUSED(object);
    const char *numbers = str_equal(comparison, two[0]) ? " $1 $2" : str_equal(comparison, no[0]) ? "" : " $1";
    snprintf(text, sizeof text, "%s.%s%s", field, comparison, numbers);
    return text;
}

static const char *no_fragment(void *context, unsigned object, const char *field, const char *comparison,
                               struct filter_parameter *parameters, bool is_required)
{
    UNUSED(context);
    UNUSED(is_required);
    UNUSED(parameters);
    UNUSED(object);
    UNUSED(field);
    UNUSED(comparison);
    return NULL;
}

/* The parameters joined by "|", NULL as "-". */
static void join(struct buf *out, const struct filter_parameter *parameters, size_t count)
{
    static const char types[] = {
        [FILTER_PARAMETER_TEXT] = 't', [FILTER_PARAMETER_TEXT_ARRAY] = 'a', [FILTER_PARAMETER_NUMBER] = 'n', [FILTER_PARAMETER_TIME] = 'd'};
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%c %s", i ? "|" : "", types[parameters[i].type], parameters[i].text ? parameters[i].text : "-");
}

static void sql_text(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *sql, *parameters;
    } rows[] = {
        {"", "true", ""},
        {"is:any", "true", ""},
        {"owner:me", "((owner.equal $3))", "a {\"lead\"}"},
        {"owner:none", "((owner.none))", ""},
        {"owner:none,bob", "((owner.equal $3) OR (owner.none))", "a {\"bob\"}"},
        {"tag:a,b*,\"c,d\"", "((tag.equal $3) OR (tag.prefix $4))", "a {\"a\",\"c,d\"}|t b"},
        {"tag:\"x\\\"y\\\\z\"", "((tag.equal $3))", "a {\"x\\\"y\\\\z\"}"},
        {"tag:'; tag:$1", "(((tag.equal $3)) AND ((tag.equal $4)))", "a {\"';\"}|a {\"$1\"}"},
        {"-owner:bob", "(((owner.equal $3)) IS NOT TRUE)", "a {\"bob\"}"},
        {"priority:high.. OR tlp:..green", "(((priority.range $3 $4)) OR ((tlp.range $5 $6)))", "n -|n 2|n -|n 1"},
        {"priority:high", "((priority.equal $3))", "a {\"2\"}"},
        {"tlp:red", "((tlp.equal $3))", "a {\"4\"}"},
        {"count:100..", "((count.range $3 $4))", "n 100|n -"},
        {"due:..2h", "((due.range $3 $4))", "d -|d 2026-03-10T14:00:00Z"},
        {"opened:2026-01", "((opened.range $3 $4))", "d 2025-12-31T22:00:00Z|d 2026-01-31T21:59:59.999999Z"},
        {"class:fraud,ransomware", "((class.equal $3) OR (class.prefix $4))", "a {\"malicious-code/infected-system\"}|t fraud/"},
        {"ip:198.51.100.9/24", "((ip.equal $3))", "a {\"198.51.100.0/24\"}"},
        {"domain:B\xc3\xbc"
         "cher.example",
         "((domain.equal $3))", "a {\"xn--bcher-kva.example\"}"},
        {"two words", "(((text.text $3)) AND ((text.text $4)))", "t two|t words"},
        {"is:overdue", "(((due.range $3 $4)) AND ((state.equal $5)))",
         "d -|d 2026-03-10T11:59:59.999999Z|a {\"new\",\"open\",\"waiting\"}"},
    };
    struct filter_context context = context_for(FILTER_CASE);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct filter *filter = NULL;
        struct err err;
        struct buf sql, joined;
        const struct filter_parameter *parameters;
        size_t count;
        buf_init(&sql, 4096);
        buf_init(&joined, 4096);
        assert_true(filter_parse(rows[i].text, &context, &filter, &err));
        /* Twice: compiling again starts anew. */
        assert_true(filter_to_sql(filter, test_fragment, NULL, 3, &sql, &parameters, &count, &err));
        buf_reset(&sql);
        assert_true(filter_to_sql(filter, test_fragment, NULL, 3, &sql, &parameters, &count, &err));
        join(&joined, parameters, count);
        assert_string_equal(buf_text(&sql), rows[i].sql);
        assert_string_equal(buf_text(&joined), rows[i].parameters);
        filter_free(filter);
        buf_clear(&sql);
        buf_clear(&joined);
    }
}

/* What the callback puts in the place of a parameter is what the statement gets. */
static const char *replaced_fragment(void *context, unsigned object, const char *field, const char *comparison,
                                     struct filter_parameter *parameters, bool is_required)
{
    UNUSED(is_required);
    UNUSED(object);
    (*(int *)context)++;
    if (str_equal(field, "ip") && str_equal(comparison, "equal")) {
        assert_string_equal(parameters->text, "{\"192.0.2.1\"}");
        parameters->text = "{7}";
        return "id = ANY ($1)";
    }
    return "x";
}

static void sql_faults_and_replaced_parameters(void **state)
{
    UNUSED(state);
    struct filter_context context = context_for(FILTER_CASE);
    struct filter *filter = NULL;
    struct err err;
    struct buf sql;
    const struct filter_parameter *parameters;
    size_t count;
    assert_true(filter_parse("tag:a (tag:b OR -tag:none)", &context, &filter, &err));
    buf_init(&sql, 4096);
    assert_false(filter_to_sql(filter, no_fragment, NULL, 1, &sql, &parameters, &count, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
    buf_clear(&sql);
    buf_init(&sql, 10);
    assert_false(filter_to_sql(filter, test_fragment, NULL, 1, &sql, &parameters, &count, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&sql);
    filter_free(filter);
    int asked = 0;
    buf_init(&sql, 4096);
    assert_true(filter_parse("ip:192.0.2.1,none due:..2026", &context, &filter, &err));
    assert_true(filter_to_sql(filter, replaced_fragment, &asked, 3, &sql, &parameters, &count, &err));
    assert_int_equal(asked, 3);
    assert_string_equal(buf_text(&sql), "(((id = ANY ($3)) OR (x)) AND ((x)))");
    assert_string_equal(parameters[0].text, "{7}");
    buf_clear(&sql);
    filter_free(filter);
}

static const char *required_fragment(void *context, unsigned object, const char *field, const char *comparison,
                                     struct filter_parameter *parameters, bool is_required)
{
    UNUSED(context);
    UNUSED(object);
    UNUSED(field);
    UNUSED(comparison);
    UNUSED(parameters);
    return is_required ? "must" : "may";
}

/* What every match has to meet is told from what is one of several ways, or denied. */
static void sql_required(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *sql;
    } rows[] = {
        {"tag:a,b", "((must))"},
        {"tag:a word", "(((must)) AND ((must)))"},
        {"tag:a OR tag:b", "(((may)) OR ((may)))"},
        {"tag:a (tag:b OR tag:c tag:d) tag:e", "(((must)) AND (((may)) OR (((may)) AND ((may)))) AND ((must)))"},
        {"-tag:a tag:b", "((((may)) IS NOT TRUE) AND ((must)))"},
        {"-(tag:a tag:b) tag:c", "(((((may)) AND ((may))) IS NOT TRUE) AND ((must)))"},
        {"tag:a,b* tag:c", "(((may) OR (may)) AND ((must)))"},
        {"tag:a,none tag:c", "(((may) OR (may)) AND ((must)))"},
    };
    struct filter_context context = context_for(FILTER_CASE);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct filter *filter = NULL;
        struct err err;
        struct buf sql;
        const struct filter_parameter *parameters;
        size_t count;
        buf_init(&sql, 4096);
        assert_true(filter_parse(rows[i].text, &context, &filter, &err));
        assert_true(filter_to_sql(filter, required_fragment, NULL, 1, &sql, &parameters, &count, &err));
        assert_string_equal(buf_text(&sql), rows[i].sql);
        filter_free(filter);
        buf_clear(&sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_text),
        cmocka_unit_test(sql_faults_and_replaced_parameters),
        cmocka_unit_test(sql_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
