/* cli/options: which words are options, which are operands, and how values are gathered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

static const struct option_rule own[] = {{"with", OPTION_MANY, "PEER...", ""}, {"contact", OPTION_WORDS, "WHO...", ""},
                                         {"tlp", OPTION_ONE, "L", ""},         {"message", OPTION_ONE, "TEXT", ""},
                                         {"dry-run", OPTION_SWITCH, NULL, ""}, {0}};
static const struct option_rule common[] = {{"json", OPTION_SWITCH, NULL, ""}, {"help", OPTION_SWITCH, NULL, ""}, {0}};
static const struct option_rule *const rules[] = {common, own, NULL};

/* Words end with NULL. */
static bool parse(struct options *options, struct err *err, const char *const *words)
{
    size_t count = 0;

    while (words[count])
        count++;
    memset(err, 0, sizeof *err);
    return options_parse(words, count, rules, options, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void values_equal(const struct options *options, const char *name, const char *const *wanted)
{
    size_t i = 0;

    for (; wanted[i]; i++)
        assert_string_equal(options_item(options, name, i), wanted[i]);
    assert_null(options_item(options, name, i));
}

static void with_is_the_same_in_three_forms(void **state)
{
    static const char *const wanted[] = {"YY-CERT", "ZZ-CERT", NULL};
    const char *const *forms[] = {WORDS("40", "--with", "YY-CERT", "ZZ-CERT"), WORDS("40", "--with", "YY-CERT,ZZ-CERT"),
                                  WORDS("--with", "YY-CERT", "--dry-run", "40", "--with", "ZZ-CERT"),
                                  WORDS("40", "--with=YY-CERT,ZZ-CERT")};
    struct options options;
    struct err err;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(parse(&options, &err, forms[i]));
        values_equal(&options, "with", wanted);
        assert_int_equal(options.operand_count, 1);
        assert_string_equal(options.operands[0], "40");
        options_clear(&options);
    }
}

static void other_dashes_are_operands(void **state)
{
    struct options options;
    struct err err;

    (void)state;
    assert_true(parse(&options, &err, WORDS("42", "-noise", "+bank", "-", "-x", "--json")));
    assert_int_equal(options.operand_count, 5);
    assert_string_equal(options.operands[1], "-noise");
    assert_string_equal(options.operands[3], "-");
    assert_true(options_has(&options, "json"));
    assert_string_equal(options_joined(&options, 1), "-noise +bank - -x");
    options_clear(&options);
}

static void two_dashes_end_options(void **state)
{
    struct options options;
    struct err err;

    (void)state;
    assert_true(parse(&options, &err, WORDS("--json", "--", "--tlp", "-m", "--")));
    assert_int_equal(options.operand_count, 3);
    assert_false(options_has(&options, "tlp"));
    options_clear(&options);
}

static void many_stops_at_dashes_and_words_keep_commas(void **state)
{
    static const char *const wanted[] = {"Abuse, first line <a@b.example>", "+228 1,2", NULL};
    struct options options;
    struct err err;

    (void)state;
    assert_true(parse(&options, &err, WORDS("--contact", wanted[0], wanted[1], "-m", "-5 degrees", "--with", "A", "-tag:x")));
    values_equal(&options, "contact", wanted);
    assert_string_equal(options_text(&options, "message"), "-5 degrees");
    assert_int_equal(options.operand_count, 1);
    assert_string_equal(options.operands[0], "-tag:x");
    options_clear(&options);
}

static void the_last_single_value_counts(void **state)
{
    struct options options;
    struct err err;

    (void)state;
    assert_true(parse(&options, &err, WORDS("--tlp", "red", "--tlp=green", "-h")));
    assert_string_equal(options_text(&options, "tlp"), "green");
    assert_true(options_has(&options, "help"));
    options_clear(&options);
}

static void wrong_options_are_named(void **state)
{
    struct options options;
    struct err err;

    (void)state;
    assert_false(parse(&options, &err, WORDS("--dryrun")));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "--dry-run"));
    options_clear(&options);
    assert_false(parse(&options, &err, WORDS("--with")));
    assert_non_null(strstr(err.text, "PEER"));
    options_clear(&options);
    assert_false(parse(&options, &err, WORDS("--json=1")));
    options_clear(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_is_the_same_in_three_forms), cmocka_unit_test(other_dashes_are_operands),
        cmocka_unit_test(two_dashes_end_options),          cmocka_unit_test(many_stops_at_dashes_and_words_keep_commas),
        cmocka_unit_test(the_last_single_value_counts),    cmocka_unit_test(wrong_options_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
