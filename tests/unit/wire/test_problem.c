/* wire/problem: what is refused is a JSON object whatever was said, with the phrase of its status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/problem.h"

static void titles_are_the_phrases_of_rfc_9110(void **state)
{
    (void)state;
    assert_string_equal(problem_title(400), "Bad Request");
    assert_string_equal(problem_title(413), "Content Too Large");
    assert_string_equal(problem_title(428), "Precondition Required");
    assert_string_equal(problem_title(503), "Service Unavailable");
    assert_string_equal(problem_title(504), "Gateway Timeout");
    assert_string_equal(problem_title(299), "Error");
}

static void detail_is_escaped(void **state)
{
    struct buf body;

    (void)state;
    buf_init(&body, 1000);
    problem_begin(&body, 409, "\"a\"\n");
    buf_add_char(&body, '}');
    assert_string_equal(buf_text(&body), "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,\"detail\":\"\\\"a\\\"\\n\"}");
    buf_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(titles_are_the_phrases_of_rfc_9110), cmocka_unit_test(detail_is_escaped)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
