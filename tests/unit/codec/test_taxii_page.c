/* The envelope of a TAXII page: where the next one is, whatever stands in the objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/taxii_page.h"

static void reads(const char *text, bool more, bool has_objects, const char *next)
{
    struct taxii_page page;
    struct err err = {0};
    if (!taxii_page_read(text, strlen(text), &page, &err))
        fail_msg("%s: %s %s", text, err.at, err.text);
    assert_int_equal(page.more, more);
    assert_int_equal(page.has_objects, has_objects);
    assert_string_equal(page.next, next);
}

static void test_reads(void **state)
{
    (void)state;
    reads("{}", false, false, "");
    reads(" { } \n", false, false, "");
    reads("{\"objects\":[]}", false, false, "");
    reads("{\"more\":false,\"objects\":[ ] }", false, false, "");
    reads("{\"more\":null,\"objects\":[ ] }", false, false, "");
    reads("{\"more\":true,\"next\":\"a b\",\"objects\":[{\"type\":\"x\"}]}", true, true, "a b");
    reads("{ \"objects\" : [1, -2.5e3, true, null, \"]\", {\"more\":true,\"next\":\"inner\"}] , \"next\" : null }", false, true, "");
    reads("{\"next\":\"\\\"\\\\\\/\\u0041\\n\",\"more\":true}", true, false, "\"\\/A\n");
    reads("{\"unknown\":\"\\ud83d\\ude00\",\"number\":12,\"word\":false,\"more\":true}", true, false, "");
    reads("{\"a very long name of a member that is none of ours\":{\"more\":false},\"more\":true}", true, false, "");
}

static void test_refuses(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{",
                                      "{\"more\":1}",
                                      "{\"more\":\"true\"}",
                                      "{\"next\":7}",
                                      "{\"next\":",
                                      "{\"next\":\"",
                                      "{\"a\":[1}",
                                      "{\"a\" 1}",
                                      "{\"a\":}",
                                      "{} {}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":[[[",
                                      "{\"next\":\"\\x\"}",
                                      "{\"next\":\"\\u12\"}",
                                      "{\"next\":\"\n\"}"};
    struct taxii_page page;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        if (!taxii_page_read(bad[i], strlen(bad[i]), &page, &err)) {
            assert_int_equal(err.code, ERR_INPUT);
            assert_memory_equal(err.at, "byte ", 5);
        } else if (strcmp(bad[i], "{\"a\":[1}") != 0) { /* brackets are only counted */
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void test_limits(void **state)
{
    static char text[TAXII_PAGE_NEXT_SIZE + 100];
    struct taxii_page page;
    struct err err = {0};
    (void)state;
    int size = snprintf(text, sizeof text, "{\"next\":\"%0*d\"}", TAXII_PAGE_NEXT_SIZE, 0);
    assert_false(taxii_page_read(text, (size_t)size, &page, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    /* A NUL is no blank, and nothing behind the end is looked at. */
    assert_false(taxii_page_read("{\0}", 3, &page, &err));
    assert_false(taxii_page_read("{}x", 3, &page, &err));
    assert_true(taxii_page_read("{}x", 2, &page, &err));
    for (size_t cut = 0; cut < 40; cut++) {
        static const char whole[] = "{\"more\":true,\"next\":\"\\u0041\",\"objects\":[1]}";
        (void)!taxii_page_read(whole, cut, &page, &err);
    }
}

/* Known are the numbers below 10. */
static bool is_small(void *context, const char *bytes, size_t size)
{
    (*(size_t *)context)++;
    return size == 1 && *bytes >= '0' && *bytes <= '9';
}

static void leaves_out(const char *text, size_t objects, const char *expected)
{
    struct buf page;
    size_t count = 0;
    buf_init(&page, 1000);
    assert_true(buf_add_text(&page, text));
    bool ok = taxii_page_leave_out(&page, is_small, &count);
    assert_int_equal(ok, expected != NULL);
    assert_string_equal(buf_text(&page), expected ? expected : text);
    assert_int_equal(page.size, strlen(expected ? expected : text));
    assert_int_equal(count, objects);
    buf_clear(&page);
}

static void test_leaves_out(void **state)
{
    (void)state;
    leaves_out("{\"objects\":[]}", 0, "{\"objects\":[]}");
    leaves_out("{\"objects\":[1,22,3]}", 3, "{\"objects\":[22]}");
    leaves_out(" {\"a\":[1], \"objects\" : [ 22 , 3 , {\"x\":[1,2]},4 ,\"]\" ] ,\"more\":true}\n", 5,
               " {\"a\":[1], \"objects\" : [22,{\"x\":[1,2]},\"]\"] ,\"more\":true}\n");
    leaves_out("{\"objects\":[1,2]}", 2, "{\"objects\":[]}");
    leaves_out("{\"more\":true}", 0, NULL);
    leaves_out("{}", 0, NULL);
    leaves_out("{\"objects\":{\"a\":1}}", 0, NULL);
    leaves_out("{\"objects\":[1}", 0, NULL);
    leaves_out("{\"objects\":[1,22}}", 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses), cmocka_unit_test(test_leaves_out),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
