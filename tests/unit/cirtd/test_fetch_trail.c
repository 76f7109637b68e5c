/* cirtd/stages/fetch_trail: runs that lead nowhere end, honest ones never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cirtd/stages/fetch_trail.h"

/* A page of which the server says where the next one is, and which objects it has. */
static enum fetch_trail_verdict step(struct fetch_trail *trail, int next, int objects)
{
    char name[20];
    snprintf(name, sizeof name, "page %d", next);
    return fetch_trail_step(trail, name, &objects, sizeof objects, false);
}

/* After how many pages it ends; `circle` of them follow upon `before` others. */
static int pages_until_end(int before, int circle, bool is_same_next)
{
    struct fetch_trail trail = {0};
    for (int i = 0; i < 100000; i++) {
        int page = i < before ? i : before + (i - before) % circle;
        if (step(&trail, is_same_next ? page : i, page) == FETCH_TRAIL_CIRCLE)
            return i + 1;
    }
    return 0;
}

static void circles_are_found(void **state)
{
    (void)state;
    assert_in_range(pages_until_end(0, 2, true), 3, 6);
    assert_in_range(pages_until_end(0, 2, false), 3, 6); /* always a new `next`, the same objects again */
    assert_in_range(pages_until_end(1000, 1000, true), 2001, 6000);
    assert_in_range(pages_until_end(3, 1000, false), 1004, 3009);
}

/* Empty pages in between do not hide it. */
static void a_circle_with_gaps_is_found(void **state)
{
    struct fetch_trail trail = {0};
    enum fetch_trail_verdict verdict = FETCH_TRAIL_ON;
    char next[20];
    (void)state;
    for (int i = 0; i < 100 && verdict == FETCH_TRAIL_ON; i++) {
        verdict = step(&trail, 2 * i, i % 2);
        snprintf(next, sizeof next, "page %d", 2 * i + 1);
        if (verdict == FETCH_TRAIL_ON)
            verdict = fetch_trail_step(&trail, next, NULL, 0, true);
    }
    assert_int_equal(verdict, FETCH_TRAIL_CIRCLE);
}

static void a_long_way_is_gone(void **state)
{
    struct fetch_trail trail = {0};
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(step(&trail, i, i), FETCH_TRAIL_ON);
}

/* A few pages without anything new are a server's that filters; what never ends is none. */
static void idle_pages_are_borne_with_for_a_while(void **state)
{
    struct fetch_trail trail = {0};
    char next[20];
    (void)state;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < FETCH_TRAIL_IDLE_MAX; i++) {
            snprintf(next, sizeof next, "empty %d", round * 1000 + i);
            assert_int_equal(fetch_trail_step(&trail, next, NULL, 0, true), FETCH_TRAIL_ON);
        }
        assert_int_equal(step(&trail, round, round), FETCH_TRAIL_ON);
    }
    for (int i = 0; i < FETCH_TRAIL_IDLE_MAX; i++)
        assert_int_equal(fetch_trail_step(&trail, NULL, NULL, 0, true), FETCH_TRAIL_ON);
    assert_int_equal(fetch_trail_step(&trail, NULL, NULL, 0, true), FETCH_TRAIL_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_are_found),
        cmocka_unit_test(a_circle_with_gaps_is_found),
        cmocka_unit_test(a_long_way_is_gone),
        cmocka_unit_test(idle_pages_are_borne_with_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
