#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "cirtd/config.h"

static const char whole[] = "run = \"/run/x\"\n"
                            "site { name = \"XX\" prefix = \"XX-CERT\" domain = \"xx.example\" }\n"
                            "database { host = \"/run/pg\" }\n"
                            "intake { workers = 3 }\n"
                            "seal { gnupg = \"/secret/home\" key = \"ABCD\" }\n";

static void a_role_sees_its_own_part(void **state)
{
    UNUSED(state);
    struct err err;
    struct config *config = NULL;
    assert_true(config_read("test", whole, CONFIG_DATABASE | CONFIG_INTAKE, false, &config, &err));
    assert_string_equal(config->site_prefix, "XX-CERT");
    assert_string_equal(config->database_port, "5432");
    assert_int_equal(config->intake_workers, 3);
    assert_int_equal(config->document_max, 16 * 1024 * 1024);
    assert_null(config->seal_gnupg);
    config_free(config);
}

static void what_is_handed_over_holds_no_more(void **state)
{
    UNUSED(state);
    struct err err;
    char *part = NULL;
    struct config *config = NULL;
    assert_true(config_part("test", whole, CONFIG_DATABASE | CONFIG_INTAKE, "pass \"word\"", &part, &err));
    assert_null(strstr(part, "secret"));
    assert_true(config_read("part", part, CONFIG_DATABASE | CONFIG_INTAKE, true, &config, &err));
    assert_string_equal(config->database_password, "pass \"word\"");
    config_free(config);
    free(part);
}

static void more_than_its_part_is_refused(void **state)
{
    UNUSED(state);
    struct err err;
    struct config *config = NULL;
    assert_false(config_read("test", whole, CONFIG_DATABASE | CONFIG_INTAKE, true, &config, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_non_null(strstr(err.text, "seal is too much"));
}

static void expect_error(const char *text, const char *said)
{
    struct err err = {0};
    struct config *config = NULL;
    assert_false(config_read("file", text, CONFIG_ALL, false, &config, &err));
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.text, said))
        fail_msg("'%s' does not say '%s'", err.text, said);
}

static void errors_say_where_and_what(void **state)
{
    UNUSED(state);
    expect_error("run = \"/x\"\nbogus = 1\n", "file:2: no such option 'bogus'");
    expect_error("run = \"/x\"\n", "site.name is missing");
    expect_error("site { name = \"X\" prefix = \"X-C\" domain = \"x\" }\nintake { workers = 99 }",
                 "intake.workers is 99, not within 1..16");
    expect_error("site { name = \"X\" prefix = \"X-C\" domain = \"x\" }\nlog = \"loud\"", "log is error, warn, info or debug, not loud");
    expect_error("site { name = \"X\" prefix = \"X-C\" domain = \"x\" }\nseal { gnupg = \"/x\" }", "seal.key is missing");
    expect_error("\nsite { name = = }", "file:2:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_sees_its_own_part),
        cmocka_unit_test(what_is_handed_over_holds_no_more),
        cmocka_unit_test(more_than_its_part_is_refused),
        cmocka_unit_test(errors_say_where_and_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
