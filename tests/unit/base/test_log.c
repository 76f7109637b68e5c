#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/log.h"

/* What the calls in between wrote to stderr. */
static int saved_stderr, log_pipe[2];

static void capture(void)
{
    assert_int_equal(pipe(log_pipe), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(log_pipe[1], STDERR_FILENO);
    close(log_pipe[1]);
}

static const char *captured(void)
{
    static char text[16384];
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    ssize_t size = read(log_pipe[0], text, sizeof text - 1);
    close(log_pipe[0]);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void levels_and_form(void **state)
{
    UNUSED(state);
    unsetenv("JOURNAL_STREAM");
    log_open("intake/1", LOG_LEVEL_INFO);
    capture();
    log_debug("hidden", "x=1");
    log_info("report_stored", "report=r%d", 81);
    const char *text = captured();
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "Z info intake/1 report_stored report=r81\n"));
}

static void journal(void **state)
{
    UNUSED(state);
    setenv("JOURNAL_STREAM", "8:1", 1);
    capture();
    log_open("gate", LOG_LEVEL_ERROR);
    log_error("gone", "%s", "");
    assert_string_equal(captured(), "<3>gate gone\n");
    unsetenv("JOURNAL_STREAM");
}

static void outside_text(void **state)
{
    UNUSED(state);
    assert_string_equal(log_quote("a\"b\nc\x1b"), "\"a\\\"b\\\\nc\xef\xbf\xbd\"");
    const char *a = log_quote("a"), *b = log_quote("b"), *c = log_quote("c"), *d = log_quote("d");
    assert_string_equal(a, "\"a\"");
    assert_string_equal(b, "\"b\"");
    assert_string_equal(c, "\"c\"");
    assert_string_equal(d, "\"d\"");
    char large[5000];
    memset(large, '"', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_true(strlen(log_quote(large)) < 1400);
    struct err err;
    err_set_at(&err, ERR_INPUT, "line 7", "no \"time\"");
    assert_string_equal(log_err(&err), "code=input at=\"line 7\" error=\"no \\\"time\\\"\"");
}

static void long_line(void **state)
{
    UNUSED(state);
    char large[20000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    capture();
    log_error("large", "%s", large);
    const char *text = captured();
    assert_true(strlen(text) <= 8192);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_and_form), cmocka_unit_test(journal), cmocka_unit_test(outside_text),
                                       cmocka_unit_test(long_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
