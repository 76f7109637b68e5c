#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void numbers(void **state)
{
    UNUSED(state);
    int64_t value = 7;
    assert_true(str_to_int64("42", 0, 100, &value));
    assert_int_equal(value, 42);
    assert_true(str_to_int64("-9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MIN);
    static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1x", "0x10", "101", "9223372036854775808", "--1"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        value = 7;
        assert_false(str_to_int64(bad[i], 0, 100, &value));
        assert_int_equal(value, 7);
    }
}

static void comparisons(void **state)
{
    UNUSED(state);
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_true(str_equal_nocase("TLP:Red", "tlp:rED"));
    assert_false(str_equal_nocase("red", "re"));
    assert_true(str_starts_nocase("AS64500", "as"));
    assert_false(str_starts("a", "as"));
    assert_true(str_ends("x.csv", ".csv"));
    assert_false(str_ends("csv", ".csv"));
    assert_false(str_starts(NULL, "as") || str_starts_nocase(NULL, "") || str_ends(NULL, ""));
    assert_true(str_is_empty(NULL));
    assert_true(str_is_empty(" \t\n"));
    assert_false(str_is_empty(" x "));
}

static void distances(void **state)
{
    UNUSED(state);
    assert_int_equal(str_distance("owner", "owner"), 0);
    assert_int_equal(str_distance("onwer", "owner"), 1);
    assert_int_equal(str_distance("", "tag"), 3);
    assert_int_equal(str_distance("sate", "state"), 1);
    assert_true(str_distance("priority", "phishing") > 3);
    char large[5000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_true(str_distance(large, "x") >= 4900);
}

static void utf8(void **state)
{
    UNUSED(state);
    static const struct {
        const char *bytes;
        size_t size, bad_at;
    } bad[] = {
        {"ab\xff", 3, 2},           {"\xc0\xaf", 2, 0}, {"\xe0\x80\x80", 3, 0}, {"\xed\xa0\x80", 3, 0}, {"\xf4\x90\x80\x80", 4, 0},
        {"a\xe2\x82", 3, 1},        {"a\0b", 3, 1},     {"\x80", 1, 0},         {"\xf0\x9f\x98", 3, 0}, {"x\xe2\x28\xa1", 4, 1},
        {"\xf8\x88\x80\x80", 4, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        size_t bad_at = 99;
        assert_false(str_is_utf8(bad[i].bytes, bad[i].size, &bad_at));
        assert_int_equal(bad_at, bad[i].bad_at);
    }
    static const char good[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf";
    assert_true(str_is_utf8(good, sizeof good - 1, NULL));
    static const char wrong[] = "\xff";
    uint32_t code_point;
    assert_int_equal(str_next_code_point(good + 3, good + sizeof good - 1, &code_point), 3);
    assert_int_equal(code_point, 0x20AC);
    assert_int_equal(str_next_code_point(wrong, wrong + 1, &code_point), 1);
    assert_int_equal(code_point, 0xFFFD);
}

static void columns(void **state)
{
    UNUSED(state);
    assert_int_equal(str_columns("abc"), 3);
    assert_int_equal(str_columns("e\xcc\x81"), 1);                /* e + combining acute */
    assert_int_equal(str_columns("\xe6\xbc\xa2\xe5\xad\x97"), 4); /* two Han */
    assert_int_equal(str_columns("\xf0\x9f\x98\x80"), 2);
    assert_int_equal(str_columns("\xd0\x94\xd0\xb0"), 2); /* Cyrillic */
}

typedef bool (*adder)(struct buf *buf, const char *text);

static bool add_line(struct buf *buf, const char *text)
{
    return str_add_harmless(buf, text, false);
}

static void check_added(adder add, const char *text, const char *expected)
{
    struct buf buf;
    buf_init(&buf, 4096);
    assert_true(add(&buf, text));
    assert_string_equal(buf_text(&buf), expected);
    buf_clear(&buf);
}

#define R "\xef\xbf\xbd"

static void harmless(void **state)
{
    UNUSED(state);
    check_added(add_line, "plain \xc3\xa9", "plain \xc3\xa9");
    check_added(add_line, "\x1b[2Jx", R "[2Jx");
    check_added(add_line, "a\nb\r\tc", "a\\nb\\r\\tc");
    check_added(add_line,
                "a\xe2\x80\xae"
                "b",
                "a" R "b"); /* right-to-left override */
    check_added(add_line,
                "a\xc2\x9b"
                "b",
                "a" R "b"); /* C1: CSI in one byte */
    check_added(add_line,
                "a\xff\xfe"
                "b\x7f",
                "a" R R "b" R);
    check_added(add_line, "\xe2\x80\xa8\xd8\x9c", R R); /* line separator, Arabic letter mark */
    struct buf small;
    buf_init(&small, 4);
    assert_false(str_add_harmless(&small, "123456", false));
    assert_true(small.full);
    buf_clear(&small);
    buf_init(&small, 40);
    assert_true(str_add_harmless(&small, "a\nb\x1b\r\nc\rd\r", true));
    assert_string_equal(buf_text(&small), "a\nb" R "\nc\\rd\\r");
    buf_clear(&small);
}

static void json(void **state)
{
    UNUSED(state);
    check_added(str_add_json, "a\"\\\n\x01/\xc3\xa9", "\"a\\\"\\\\\\n\\u0001/\xc3\xa9\"");
    check_added(str_add_json, "\xff", "\"" R "\"");
    check_added(str_add_json, "", "\"\"");
}

/* JSON on a terminal: nothing moves the cursor or turns a line around, and the value is the same. */
static void json_harmless(void **state)
{
    UNUSED(state);
    check_added(str_add_json_harmless,
                "{\"a\":\"\xc2\x9b"
                "31m \xe2\x80\xae\x7f \xc3\xa9 \xf3\xa0\x81\x81\"}",
                "{\"a\":\"\\u009b31m \\u202e\\u007f \xc3\xa9 \\udb40\\udc41\"}");
    check_added(str_add_json_harmless, "[1,\n \"\\u001b\"]", "[1,\n \"\\u001b\"]");
    check_added(str_add_json_harmless, "", "");
}

static void hex(void **state)
{
    UNUSED(state);
    char text[9];
    unsigned char bytes[4];
    str_hex((const unsigned char *)"\x00\xab\xff\x10", 4, text);
    assert_string_equal(text, "00abff10");
    assert_true(str_from_hex("00ABff10", bytes, 4));
    assert_memory_equal(bytes, "\x00\xab\xff\x10", 4);
    assert_false(str_from_hex("00abff1", bytes, 4));
    assert_false(str_from_hex("00abff1g", bytes, 4));
    assert_false(str_from_hex("00abff1000", bytes, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers), cmocka_unit_test(comparisons), cmocka_unit_test(distances),
        cmocka_unit_test(utf8),    cmocka_unit_test(columns),     cmocka_unit_test(harmless),
        cmocka_unit_test(json),    cmocka_unit_test(hex),         cmocka_unit_test(json_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
