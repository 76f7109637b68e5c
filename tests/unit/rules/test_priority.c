#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "model/rsit.h"
#include "rules/priority.h"

static void names(void **state)
{
    UNUSED(state);
    for (int priority = PRIORITY_CRITICAL; priority <= PRIORITY_LOW; priority++) {
        int read = 0;
        assert_true(priority_parse(priority_name(priority), &read));
        assert_int_equal(read, priority);
    }
    int read;
    assert_true(priority_parse("HIGH", &read));
    assert_false(priority_parse("urgent", &read));
    assert_false(priority_parse(NULL, &read));
    assert_null(priority_name(0));
    assert_null(priority_name(5));
}

static void classes(void **state)
{
    UNUSED(state);
    assert_int_equal(priority_of_class("malicious-code/c2-server"), PRIORITY_CRITICAL);
    assert_int_equal(priority_of_class("fraud/phishing"), PRIORITY_HIGH);
    assert_int_equal(priority_of_class("availability/ddos"), PRIORITY_HIGH);
    assert_int_equal(priority_of_class("availability/misconfiguration"), PRIORITY_MEDIUM);
    assert_int_equal(priority_of_class("vulnerable/weak-crypto"), PRIORITY_MEDIUM);
    assert_int_equal(priority_of_class("test/test"), PRIORITY_LOW);
    assert_int_equal(priority_of_class("testing/x"), PRIORITY_MEDIUM);
    assert_int_equal(priority_of_class(NULL), PRIORITY_MEDIUM);
    for (size_t i = 0; i < rsit_class_count; i++)
        assert_non_null(priority_name(priority_of_class(rsit_classes[i].name)));
}

static void due(void **state)
{
    UNUSED(state);
    int64_t hour = 3600 * TIMESTAMP_SECOND;
    assert_true(priority_due(PRIORITY_CRITICAL, 7) == 7 + hour);
    assert_true(priority_due(PRIORITY_HIGH, 7) == 7 + 4 * hour);
    assert_true(priority_due(PRIORITY_MEDIUM, 7) == 7 + 24 * hour);
    assert_true(priority_due(PRIORITY_LOW, 7) == 7 + 120 * hour);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(classes), cmocka_unit_test(due)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
