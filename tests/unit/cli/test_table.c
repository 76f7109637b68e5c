/* cli/table and cli/screen: what fits, what is cut, what leaves, and what outside text may do. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cli/table.h"

static const struct table_column columns[] = {
    {"NO", 0, true, false}, {"OWNER", 1, false, false}, {"STATE", 2, false, false}, {"SUMMARY", 0, false, true}};

static struct screen screen_of(unsigned width, bool raw)
{
    struct screen screen;
    int fd = open("/dev/null", O_WRONLY);

    screen_open(&screen, fd, false, raw);
    screen.columns = width;
    return screen;
}

static char *printed_as(const struct table_column *shape, unsigned width)
{
    struct screen screen = screen_of(width, false);
    struct table *table = table_new(shape, ARRAY_SIZE(columns));
    static const char *const cells[] = {"7",     "lead", "open",    "Phishing of a bank, 3 hosts, 1 peer report",
                                        "1,204", "-",    "waiting", "größer als 漢字"};
    char *text;

    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        table_add(table, STYLE_PLAIN, cells[i]);
    table_print(table, &screen);
    table_free(table);
    text = strdup(buf_text(&screen.out));
    screen_clear(&screen);
    close(screen.fd);
    return text;
}

static char *printed(unsigned width)
{
    return printed_as(columns, width);
}

static unsigned widest(const char *text)
{
    unsigned most = 0;

    while (*text) {
        size_t size = strcspn(text, "\n");
        char *line = strndup(text, size);
        unsigned columns_of_line = str_columns(line);
        most = columns_of_line > most ? columns_of_line : most;
        free(line);
        text += size + (text[size] == '\n');
    }
    return most;
}

static void piped_nothing_is_cut(void **state)
{
    char *text = printed(0);

    (void)state;
    assert_string_equal(text, "   NO  OWNER  STATE    SUMMARY\n"
                              "    7  lead   open     Phishing of a bank, 3 hosts, 1 peer report\n"
                              "1,204  -      waiting  größer als 漢字\n");
    free(text);
}

static void piped_one_long_value_moves_no_other_row(void **state)
{
    static const struct table_column two[] = {{"VALUE", 0, false, true}, {"ROLE", 0, false, false}};
    struct screen screen = screen_of(0, false);
    struct table *table = table_new(two, ARRAY_SIZE(two));
    char text[501] = "", expected[100];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    table_add(table, STYLE_PLAIN, text);
    table_add(table, STYLE_PLAIN, "source");
    table_add(table, STYLE_PLAIN, "short");
    table_add(table, STYLE_PLAIN, "target");
    table_print(table, &screen);
    snprintf(expected, sizeof expected, "\n%-80s  target\n", "short");
    assert_non_null(strstr(buf_text(&screen.out), "xxx  source\n"));
    assert_non_null(strstr(buf_text(&screen.out), expected));
    table_free(table);
    screen_clear(&screen);
    close(screen.fd);
}

static void narrow_cuts_the_summary_first(void **state)
{
    char *text = printed(50);

    (void)state;
    assert_int_equal(widest(text), 50);
    assert_non_null(strstr(text, "…"));
    assert_non_null(strstr(text, "STATE"));
    assert_non_null(strstr(text, "OWNER"));
    free(text);
}

static void narrower_lets_columns_leave_by_rank(void **state)
{
    char *text = printed(40);

    (void)state;
    assert_true(widest(text) <= 40);
    assert_null(strstr(text, "STATE"));
    assert_non_null(strstr(text, "OWNER"));
    free(text);
    text = printed(32);
    assert_true(widest(text) <= 32);
    assert_null(strstr(text, "OWNER"));
    assert_non_null(strstr(text, "SUMMARY"));
    free(text);
}

/* The column that may be cut may also be the one that leaves: it does not come back then. */
static void a_flexible_column_may_leave(void **state)
{
    struct table_column shape[ARRAY_SIZE(columns)];
    char *text;

    (void)state;
    memcpy(shape, columns, sizeof columns);
    shape[3].rank = 3;
    text = printed_as(shape, 40);
    assert_null(strstr(text, "SUMMARY"));
    assert_non_null(strstr(text, "OWNER"));
    free(text);
}

/* A wide column that leaves makes room for those behind it. */
static void what_has_room_stays(void **state)
{
    static const struct table_column shape[] = {
        {"NO", 0, true, false}, {"CLASS", 1, false, false}, {"STATE", 2, false, false}, {"SUMMARY", 0, false, true}};
    struct screen screen = screen_of(60, false);
    struct table *table = table_new(shape, ARRAY_SIZE(shape));

    (void)state;
    table_add(table, STYLE_PLAIN, "7");
    table_add(table, STYLE_PLAIN, "information-content-security/unauthorised-modification");
    table_add(table, STYLE_PLAIN, "waiting");
    table_add(table, STYLE_PLAIN, "Phishing of a bank, 3 hosts, 1 peer report");
    table_print(table, &screen);
    assert_null(strstr(buf_text(&screen.out), "CLASS"));
    assert_non_null(strstr(buf_text(&screen.out), "waiting"));
    assert_non_null(strstr(buf_text(&screen.out), "Phishing of a bank, 3 hosts"));
    assert_int_equal(widest(buf_text(&screen.out)), 55);
    table_free(table);
    screen_clear(&screen);
    close(screen.fd);
}

/* Of several that may be cut the widest is. */
static void the_widest_is_cut(void **state)
{
    static const struct table_column shape[] = {{"NAME", 0, false, false}, {"TITLE", 0, false, true}, {"NETWORKS", 0, false, true}};
    struct screen screen = screen_of(63, false);
    struct table *table = table_new(shape, ARRAY_SIZE(shape));

    (void)state;
    table_add(table, STYLE_PLAIN, "tel-a");
    table_add(table, STYLE_PLAIN, "Telecom A of the whole land");
    table_add(table, STYLE_PLAIN, "192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32");
    table_print(table, &screen);
    assert_non_null(strstr(buf_text(&screen.out), "Telecom A of the whole land  192.0.2.0/24, 198.51.100.0…\n"));
    table_free(table);
    screen_clear(&screen);
    close(screen.fd);
}

static void nothing_ever_wraps(void **state)
{
    (void)state;
    for (unsigned width = 20; width < 90; width++) {
        char *text = printed(width);
        assert_true(widest(text) <= width);
        free(text);
    }
}

static void outside_text_is_harmless(void **state)
{
    struct screen screen = screen_of(0, false);
    char *text = screen_clean(&screen, "a\033[2Jb\nhttp://evil.example/x \xe2\x80\xae", true);

    (void)state;
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\n'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "http://evil"));
    assert_non_null(strstr(text, "hxxp"));
    free(text);
    screen_clear(&screen);
    close(screen.fd);
}

static void raw_is_exact_and_absent_is_a_dash(void **state)
{
    struct screen screen = screen_of(0, true);
    char *text = screen_clean(&screen, "http://evil.example/x", true), *none = screen_clean(&screen, NULL, true);

    (void)state;
    assert_string_equal(text, "http://evil.example/x");
    assert_string_equal(none, "-");
    free(text);
    free(none);
    screen_clear(&screen);
    close(screen.fd);
}

static void a_pipe_has_no_colour(void **state)
{
    struct screen screen = screen_of(0, false);

    (void)state;
    assert_false(screen.has_colour);
    screen_style(&screen, STYLE_RED, "x");
    assert_string_equal(buf_text(&screen.out), "x");
    screen_clear(&screen);
    close(screen.fd);
}

static void a_block_has_no_titles_and_stays_in_its_margin(void **state)
{
    static const struct table_column block[] = {{"A", 0, false, false}, {"B", 1, false, false}, {"C", 0, false, true}};
    struct screen screen = screen_of(30, false);
    struct table *table = table_new(block, ARRAY_SIZE(block));
    static const char *const cells[] = {"url", "", "short", "ipv4", "", "much longer than the line is wide"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        table_add(table, STYLE_PLAIN, cells[i]);
    table_print_block(table, &screen, "seen", 8);
    assert_string_equal(buf_text(&screen.out), "seen    url   short\n"
                                               "        ipv4  much longer tha…\n");
    table_free(table);
    screen_clear(&screen);
    close(screen.fd);
}

static void colour_takes_no_room(void **state)
{
    struct screen screen = screen_of(12, false);

    (void)state;
    screen.has_colour = true;
    screen_style(&screen, STYLE_DIM, "name");
    screen_pad(&screen, 8);
    screen_text(&screen, "fits\n");
    screen_style(&screen, STYLE_RED, "twelve chars");
    screen_end_line(&screen);
    screen_style(&screen, STYLE_RED, "thirteen char");
    screen_end_line(&screen);
    assert_string_equal(buf_text(&screen.out), "\033[2mname\033[0m    fits\n"
                                               "\033[1;31mtwelve chars\033[0m\n"
                                               "\033[1;31mthirteen ch\033[0m…\n");
    screen_clear(&screen);
    close(screen.fd);
}

static void text_breaks_between_words(void **state)
{
    struct screen screen = screen_of(20, false);

    (void)state;
    screen_outside_lines(&screen, "one two three four five\r\n  list: six seven eight\nabcdefghijklmnopqrstuvwxyz", 2);
    assert_string_equal(buf_text(&screen.out), "  one two three four\n  five\n"
                                               "    list: six seven\n    eight\n"
                                               "  abcdefghijklmnopqr\n  stuvwxyz\n");
    screen_clear(&screen);
    screen.columns = 0;
    screen_outside_lines(&screen, "one two three four five six", 2);
    assert_string_equal(buf_text(&screen.out), "  one two three four five six\n");
    screen_clear(&screen);
    close(screen.fd);
}

/* No line of a sender's stands at the margin, where our own words are: neither by a line end of any kind, nor by going on until the
 * terminal breaks it, with or without blanks that are none. */
static void no_outside_text_reaches_the_margin(void **state)
{
    static const char *const texts[] = {
        "x\nSIGNED by us",
        "x\r\nSIGNED by us\rSIGNED",
        "x\vSIGNED\fSIGNED\x1b[1000DSIGNED\x1b[ESIGNED",
        "x\xc2\x85SIGNED\xe2\x80\xa8SIGNED\xe2\x80\xa9SIGNED",
        "xxxxxxxxxxxxxxxxxxSIGNED\xc2\xa0"
        "by\xc2\xa0us,\xc2\xa0key\xc2\xa0"
        "8A30",
        "xxxxxxxxxxxxxxxxxx\xe3\x85\xa4SIGNED\xe3\x85\xa4"
        "by\xe3\x85\xa4us",
        "                    SIGNED by us",
        "xxxxxxxxxxxxxxxxx                              SIGNED by us",
        "\t\t\t\tSIGNED by us",
        "\xe2\x80\xae"
        "yb dengis\xe2\x80\xac SIGNED by us and by others who are not here",
        "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2SIGNED",
    };
    struct screen screen = screen_of(20, false);

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int way = 0; way < 2; way++) {
            if (way == 0)
                screen_outside_lines(&screen, texts[i], 2);
            else {
                screen_text(&screen, "  From: ");
                screen_value_line(&screen, texts[i], true, 2);
            }
            for (char *line = strtok((char *)(uintptr_t)buf_text(&screen.out), "\n"); line; line = strtok(NULL, "\n"))
                if (strncmp(line, "  ", 2) != 0 || str_columns(line) > 20 || strchr(line, '\033') || strchr(line, '\r'))
                    fail_msg("text %zu, line \"%s\"", i, line);
            screen_clear(&screen);
        }
    }
    screen_value(&screen, "SIGNED by somebody who is not", 10);
    assert_string_equal(buf_text(&screen.out), "SIGNED …");
    screen_clear(&screen);
    close(screen.fd);
}

static void a_field_that_does_not_fit_begins_a_line(void **state)
{
    struct screen screen = screen_of(15, false);

    (void)state;
    for (int i = 0; i < 3; i++) {
        size_t mark = screen_mark(&screen);
        screen_text(&screen, "  owner x");
        screen_field(&screen, mark);
    }
    assert_string_equal(buf_text(&screen.out), "  owner x\nowner x\nowner x");
    screen_clear(&screen);
    for (int i = 0; i < 2; i++) {
        size_t mark = screen_mark(&screen);
        screen_text(&screen, "  owner x");
        screen_field_indented(&screen, mark, 4);
    }
    assert_string_equal(buf_text(&screen.out), "  owner x\n    owner x");
    screen_clear(&screen);
    close(screen.fd);
}

static void a_span_names_the_day_once(void **state)
{
    struct screen screen = screen_of(0, false);
    int64_t minute = 60 * TIMESTAMP_SECOND, noon = 1767268800 * (int64_t)TIMESTAMP_SECOND; /* 2026-01-01T12:00:00Z */
    char text[SCREEN_SPAN_SIZE];

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    screen.now = noon + 24 * 60 * minute;
    screen_span(&screen, noon, noon, text);
    assert_string_equal(text, "yesterday 12:00");
    screen_span(&screen, noon, noon + 5 * minute, text);
    assert_string_equal(text, "yesterday 12:00..12:05");
    screen_span(&screen, noon, screen.now, text);
    assert_string_equal(text, "yesterday 12:00..12:00");
    screen_clear(&screen);
    close(screen.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(piped_nothing_is_cut),
        cmocka_unit_test(piped_one_long_value_moves_no_other_row),
        cmocka_unit_test(narrow_cuts_the_summary_first),
        cmocka_unit_test(narrower_lets_columns_leave_by_rank),
        cmocka_unit_test(a_flexible_column_may_leave),
        cmocka_unit_test(what_has_room_stays),
        cmocka_unit_test(the_widest_is_cut),
        cmocka_unit_test(nothing_ever_wraps),
        cmocka_unit_test(outside_text_is_harmless),
        cmocka_unit_test(raw_is_exact_and_absent_is_a_dash),
        cmocka_unit_test(a_pipe_has_no_colour),
        cmocka_unit_test(a_block_has_no_titles_and_stays_in_its_margin),
        cmocka_unit_test(colour_takes_no_room),
        cmocka_unit_test(text_breaks_between_words),
        cmocka_unit_test(no_outside_text_reaches_the_margin),
        cmocka_unit_test(a_field_that_does_not_fit_begins_a_line),
        cmocka_unit_test(a_span_names_the_day_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
