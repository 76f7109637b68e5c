/* What the generic walk of test_registry.c cannot see: limits, and JSONTestSuite where it is at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"
#include "codec/json_value.h"
#include "support/file.h"

static bool parses(const char *bytes, size_t size, struct err *err)
{
    json_t *value = NULL;
    bool ok = json_value_parse(bytes, size, &codec_limits_default, &value, err);
    json_decref(value);
    return ok;
}

static void deep_nesting_is_a_limit(void **state)
{
    (void)state;
    for (size_t depth = 60; depth < 200000; depth = depth * 2 + 1) {
        char *text = mem_calloc(depth + 1, 1);
        memset(text, '[', depth);
        struct err err = {0};
        assert_false(parses(text, depth, &err));
        assert_int_equal(err.code, depth > 64 ? ERR_LIMIT : ERR_INPUT);
        assert_true(*err.at);
        free(text);
    }
}

static void too_many_observations_are_a_limit(void **state)
{
    (void)state;
    struct codec_limits limits = codec_limits_default;
    limits.observations_max = 2;
    const char *text = "{\"observations\":[{},{},{}]}";
    struct report *report = NULL;
    struct err err = {0};
    assert_false(codec_decode(codec_find("json"), text, strlen(text), &limits, NULL, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.at, "/observations");
}

static void numbers_survive_being_written(void **state)
{
    (void)state;
    static const char text[] = "[0.1,1.0,-0.0,1e300,123456789.125,9007199254740993,-1,\"\\\"\\\\\\u0001\",{},[]]";
    struct err err = {0};
    json_t *value = NULL, *again = NULL;
    struct buf out;
    buf_init(&out, 1000);
    assert_true(json_value_parse(text, strlen(text), &codec_limits_default, &value, &err));
    assert_true(json_value_write(value, &out));
    assert_true(json_value_parse(out.bytes, out.size, &codec_limits_default, &again, &err));
    assert_true(json_equal(value, again));
    assert_non_null(strstr(buf_text(&out), "[0.1,1.0,"));
    json_decref(value);
    json_decref(again);
    buf_clear(&out);
}

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    (void)first_line, (void)err;
    struct buf *log = context;
    return buf_printf(log, "%s|%.*s;", report->description, (int)size, bytes);
}

static bool on_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    (void)bytes, (void)err;
    struct buf *log = context;
    return buf_printf(log, "%zu:%s:%zu;", line, err_code_name(why->code), size);
}

/* A line that is too long is told once, wherever the chunks end, and the next line is read again. */
static void a_line_beyond_the_limit_is_skipped(void **state)
{
    (void)state;
    static const char text[] =
        "{\"description\":\"a\"}\n{\"description\":\"0123456789012345678901234567890123456789\"}\n{\"description\":\"b\"}";
    struct codec_limits limits = codec_limits_default;
    limits.document_bytes_max = 30;
    const struct codec *codec = codec_find("ndjson");
    for (size_t chunk = 1; chunk <= sizeof text; chunk++) {
        struct buf log;
        buf_init(&log, 1000);
        struct err err = {0};
        struct codec_sink sink = {.context = &log, .on_report = on_report, .on_bad_line = on_bad_line};
        struct codec_stream *stream = codec->open(&limits, NULL, &sink);
        for (size_t at = 0; at < strlen(text); at += chunk)
            assert_true(codec->feed(stream, text + at, strlen(text) - at < chunk ? strlen(text) - at : chunk, &err));
        assert_true(codec->finish(stream, &err));
        codec->close(stream);
        assert_string_equal(buf_text(&log), "a|{\"description\":\"a\"};2:limit:30;b|{\"description\":\"b\"};");
        buf_clear(&log);
    }
}

static bool refuse_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    (void)context, (void)report, (void)first_line, (void)bytes, (void)size;
    return err_set(err, ERR_AGAIN, "the store is away");
}

static void a_sink_can_stop_the_stream(void **state)
{
    (void)state;
    static const char text[] = "{\"description\":\"a\"}\n{\"description\":\"b\"}\n";
    const struct codec *codec = codec_find("ndjson");
    struct codec_sink sink = {.on_report = refuse_report, .on_bad_line = on_bad_line};
    struct codec_stream *stream = codec->open(&codec_limits_default, NULL, &sink);
    struct err err = {0};
    assert_false(codec->feed(stream, text, strlen(text), &err));
    assert_int_equal(err.code, ERR_AGAIN);
    codec->close(stream);
}

/* n_: must be refused; y_: must be read (but for what we refuse on purpose); i_: either, without a crash. */
static void check_suite_file(const char *folder, const char *name)
{
    size_t size;
    char *path = mem_printf("%s/%s", folder, name), *bytes = file_read_exact(path, &size);
    assert_non_null(bytes);
    struct err err = {0};
    bool ok = parses(bytes, size, &err);
    bool refused_on_purpose = strstr(name, "duplicated_key") || strstr(name, "null_escape") || strstr(name, "escaped_null");
    if (name[0] == 'n' && ok)
        fail_msg("%s is accepted", name);
    if (name[0] == 'y' && !ok && !refused_on_purpose)
        fail_msg("%s is refused: %s: %s", name, err.at, err.text);
    if (!ok)
        assert_true((err.code == ERR_INPUT || err.code == ERR_LIMIT) && *err.at);
    struct report *report = NULL;
    if (codec_decode(codec_find("json"), bytes, size, &codec_limits_default, NULL, &report, &err))
        report_free(report);
    free(bytes);
    free(path);
}

static void json_testsuite(void **state)
{
    (void)state;
    static const char folder[] = TEST_CORPUS "/evil/json-testsuite";
    DIR *files = opendir(folder);
    if (!files) {
        print_message("skipped: %s is not there\n", folder);
        skip();
    }
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(files));) {
        if (str_ends(entry->d_name, ".json")) {
            check_suite_file(folder, entry->d_name);
            count++;
        }
    }
    closedir(files);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deep_nesting_is_a_limit),       cmocka_unit_test(too_many_observations_are_a_limit),
        cmocka_unit_test(numbers_survive_being_written), cmocka_unit_test(a_line_beyond_the_limit_is_skipped),
        cmocka_unit_test(a_sink_can_stop_the_stream),    cmocka_unit_test(json_testsuite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
