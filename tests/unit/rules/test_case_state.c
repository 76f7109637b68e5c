#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/case_state.h"

/* A row a state to come from, a column a state to go to: n o w r c j m. */
static void all_moves(void **state)
{
    UNUSED(state);
    static const char *const expected[CASE_STATE_COUNT] = {
        [CASE_STATE_NEW] = ".xxxxxx",      [CASE_STATE_OPEN] = "..xxxxx",   [CASE_STATE_WAITING] = ".x.xxxx",
        [CASE_STATE_RESOLVED] = ".x..x.x", [CASE_STATE_CLOSED] = ".x.....", [CASE_STATE_REJECTED] = ".x.....",
        [CASE_STATE_MERGED] = ".x.....",
    };
    for (enum case_state from = 0; from < CASE_STATE_COUNT; from++) {
        for (enum case_state to = 0; to < CASE_STATE_COUNT; to++) {
            struct err err;
            bool may = expected[from][to] == 'x';
            assert_int_equal(case_state_may_move(from, to), may);
            assert_int_equal(case_state_check(case_state_name(from), case_state_name(to), "fixed", &err), may);
            if (!may)
                assert_int_equal(err.code, ERR_CONFLICT);
        }
    }
}

static void resolutions(void **state)
{
    UNUSED(state);
    struct err err;
    assert_false(case_state_check("open", "closed", NULL, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "fixed|mitigated|false-positive|not-ours|no-answer|duplicate"));
    assert_false(case_state_check("open", "closed", "bored", &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_true(case_state_check("open", "closed", "no-answer", &err));
    assert_true(case_state_check("open", "resolved", NULL, &err));
    char names[100];
    strcpy(names, case_state_resolutions());
    for (char *rest = names, *name; (name = strsep(&rest, "|"));)
        assert_true(case_state_is_resolution(name));
    assert_false(case_state_is_resolution(NULL));
}

static void names(void **state)
{
    UNUSED(state);
    struct err err;
    for (enum case_state each = 0; each < CASE_STATE_COUNT; each++) {
        enum case_state read = CASE_STATE_COUNT;
        assert_true(case_state_parse(case_state_name(each), &read));
        assert_int_equal(read, each);
        assert_int_equal(case_state_is_open(each), each <= CASE_STATE_WAITING);
    }
    assert_false(case_state_check("open", "done", NULL, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(case_state_check("odd", "open", NULL, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_moves), cmocka_unit_test(resolutions), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
