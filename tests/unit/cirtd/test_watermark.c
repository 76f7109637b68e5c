/* Which file system counts: the fuller of PostgreSQL's two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "cirtd/watermark.h"

/* proc(5) has no space at all; where we are there is some. */
static const char full[] = "/proc", roomy[] = ".", missing[] = "/no/such/folder";

static bool has_space(const char *data, const char *wal, int64_t reserve_mb, enum watermark share)
{
    const struct config config = {.database_data = data, .database_wal = wal, .reserve_mb = reserve_mb};
    return watermark_has_space(&config, share);
}

static void the_fuller_counts(void **state)
{
    UNUSED(state);
    assert_true(has_space(roomy, NULL, 1, WATERMARK_FEEDS));
    assert_true(has_space(roomy, roomy, 1, WATERMARK_FEEDS));
    assert_false(has_space(full, NULL, 1, WATERMARK_FEEDS));
    assert_false(has_space(roomy, full, 1, WATERMARK_FEEDS));
    assert_false(has_space(full, roomy, 1, WATERMARK_FEEDS));
    assert_false(has_space(NULL, full, 1, WATERMARK_FEEDS));
    assert_false(has_space(missing, full, 1, WATERMARK_FEEDS));
}

static void feeds_are_refused_first(void **state)
{
    UNUSED(state);
    assert_false(has_space(roomy, full, 3, WATERMARK_FEEDS));
    assert_true(has_space(roomy, full, 3, WATERMARK_ANALYSTS)); /* a quarter of 3 MB is none */
    assert_false(has_space(roomy, full, 4, WATERMARK_ANALYSTS));
    assert_false(has_space(roomy, full, 2, WATERMARK_MAIL));
}

static void what_nobody_told_stops_nothing(void **state)
{
    UNUSED(state);
    assert_true(has_space(NULL, NULL, INT64_MAX, WATERMARK_FEEDS));
    assert_true(has_space(missing, NULL, INT64_MAX, WATERMARK_FEEDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_fuller_counts), cmocka_unit_test(feeds_are_refused_first),
                                       cmocka_unit_test(what_nobody_told_stops_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
