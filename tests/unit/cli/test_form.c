/* cli/form: what an analyst fills in becomes a native report, or is refused with the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/form.h"

static void a_full_form_is_read(void **state)
{
    struct err err = {0};
    char *text = form_to_report("Reporter: Ama\nEmail: ama@bank.example\nClass: ransomware\nTLP: amber\nTime: 2026-11-21T10:00:00Z\n"
                                "Observables: 198.51.100.7, http://evil.example/x\n\nScreen shows a note.\nSecond line: with a colon\n",
                                false, &err);
    json_t *report = json_loads(text, 0, NULL), *list;

    (void)state;
    assert_string_equal(json_string_value(json_object_get(json_object_get(report, "reporter"), "email")), "ama@bank.example");
    assert_string_equal(json_string_value(json_object_get(report, "class")), "ransomware");
    assert_string_equal(json_string_value(json_object_get(report, "time")), "2026-11-21T10:00:00Z");
    assert_string_equal(json_string_value(json_object_get(report, "description")), "Screen shows a note.\nSecond line: with a colon");
    list = json_object_get(report, "observables");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "type")), "ipv4");
    json_decref(report);
    free(text);
}

static void empty_lines_stay_away(void **state)
{
    struct err err = {0};
    char *text = form_to_report("Reporter: \nClass:\n\nWords", false, &err);
    json_t *report = json_loads(text, 0, NULL);

    (void)state;
    assert_null(json_object_get(report, "reporter"));
    assert_null(json_object_get(report, "class"));
    json_decref(report);
    free(text);
}

static void plain_text_is_the_description(void **state)
{
    struct err err = {0};
    char *text = form_to_report("Caller: said \"help\"", true, &err);

    (void)state;
    assert_string_equal(text, "{\"description\":\"Caller: said \\\"help\\\"\"}");
    free(text);
}

static void mistakes_name_their_line(void **state)
{
    static const char *const bad[][2] = {{"Colour: red\n\nx", "Colour"},
                                         {"Observables: ?!\n\nx", "Observables"},
                                         {"Time: soon\n\nx", "Time"},
                                         {"just words\nmore", "just words"}};
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        memset(&err, 0, sizeof err);
        assert_null(form_to_report(bad[i][0], false, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(err.at, bad[i][1]);
    }
    assert_null(form_to_report(form_template, false, &err));
    assert_null(form_to_report("", true, &err));
    assert_null(form_to_report("\xff", true, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_form_is_read),
        cmocka_unit_test(empty_lines_stay_away),
        cmocka_unit_test(plain_text_is_the_description),
        cmocka_unit_test(mistakes_name_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
