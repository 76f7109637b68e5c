#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "rules/triage_rules.h"

/* An observation: class, channel, and an address. */
struct thing {
    const char *class_name, *channel, *ip;
};

static size_t get(const void *object, const char *field, struct filter_value *values, size_t max)
{
    const struct thing *thing = object;
    const char *text = str_equal(field, "class")     ? thing->class_name
                       : str_equal(field, "channel") ? thing->channel
                       : str_equal(field, "ip")      ? thing->ip
                                                     : NULL;
    if (!text || max == 0)
        return 0;
    values[0] = (struct filter_value){.text = text};
    return 1;
}

static struct triage_rules *parsed(const char *text)
{
    struct triage_rules *rules = NULL;
    struct err err;
    if (!triage_rules_parse(text, &rules, &err))
        fail_msg("%s: %s", err.at, err.text);
    return rules;
}

static const struct thing phish = {"fraud/phishing", "mail", "198.51.100.7"};

static void first_match_wins_per_action(void **state)
{
    UNUSED(state);
    struct arena *arena = arena_new();
    struct triage_decision decision;
    struct triage_rules *rules =
        parsed("# comment\n"
               "\n"
               "rule \"bank\": class:phishing ip:198.51.100.0/24 => priority:high, tag:+bank, tlp:amber # why\r\n"
               "rule \"other network\": ip:203.0.113.0/24 => priority:critical\n"
               "rule \"all \\\"phishing\\\"\": class:fraud=>priority:low,queue:fraud,tag:bank,tag:phish,tlp:green\n"
               "  rule \"late\": => queue:rest, assign:lead, class:ransomware, tlp:red");
    assert_int_equal(triage_rules_count(rules), 4);
    assert_string_equal(triage_rules_name(rules, 2), "all \"phishing\"");
    triage_rules_apply(rules, arena, &phish, get, &decision);
    assert_int_equal(decision.priority, 2);
    assert_string_equal(decision.queue, "fraud");
    assert_string_equal(decision.assign, "lead");
    assert_string_equal(decision.class_name, "malicious-code/infected-system");
    assert_int_equal(decision.tlp, TLP_RED);
    assert_int_equal(decision.tag_count, 2);
    assert_string_equal(decision.tags[0], "bank");
    assert_string_equal(decision.tags[1], "phish");
    assert_false(decision.hold || decision.drop);
    assert_string_equal(triage_rules_explain(&decision, arena), "line 3, rule \"bank\": priority:high\n"
                                                                "line 3, rule \"bank\": tag:+bank\n"
                                                                "line 3, rule \"bank\": tlp:amber\n"
                                                                "line 5, rule \"all \"phishing\"\": priority:low (decided before)\n"
                                                                "line 5, rule \"all \"phishing\"\": queue:fraud\n"
                                                                "line 5, rule \"all \"phishing\"\": tag:bank (decided before)\n"
                                                                "line 5, rule \"all \"phishing\"\": tag:phish\n"
                                                                "line 5, rule \"all \"phishing\"\": tlp:green (decided before)\n"
                                                                "line 6, rule \"late\": queue:rest (decided before)\n"
                                                                "line 6, rule \"late\": assign:lead\n"
                                                                "line 6, rule \"late\": class:ransomware\n"
                                                                "line 6, rule \"late\": tlp:red\n");
    triage_rules_free(rules);
    arena_free(arena);
}

static void hold_and_drop(void **state)
{
    UNUSED(state);
    struct arena *arena = arena_new();
    struct triage_decision decision;
    struct triage_rules *rules = parsed("rule \"a\": channel:feed => drop \"our => own, \\\"scans\\\"\", priority:low\n"
                                        "rule \"b\": channel:mail => hold\n"
                                        "rule \"c\": => drop \"rest\"\n"
                                        "rule \"d\": => tag:+seen\n");
    triage_rules_apply(rules, arena, &phish, get, &decision);
    assert_true(decision.hold);
    assert_false(decision.drop);
    assert_null(decision.reason);
    assert_int_equal(decision.tag_count, 1);
    const struct thing feed = {"test/test", "feed", NULL};
    triage_rules_apply(rules, arena, &feed, get, &decision);
    assert_true(decision.drop);
    assert_string_equal(decision.reason, "our => own, \"scans\"");
    /* The rest of the dropping rule still counts, the rules behind it do not. */
    assert_int_equal(decision.priority, 4);
    assert_int_equal(decision.tag_count, 0);
    triage_rules_free(rules);
    arena_free(arena);
}

static void no_rules(void **state)
{
    UNUSED(state);
    struct arena *arena = arena_new();
    struct triage_decision decision;
    struct triage_rules *rules = parsed("");
    triage_rules_apply(rules, arena, &phish, get, &decision);
    assert_int_equal(decision.priority, 0);
    assert_int_equal(decision.tlp, TLP_NONE);
    assert_null(decision.class_name);
    assert_string_equal(triage_rules_explain(&decision, arena), "");
    triage_rules_free(rules);
    triage_rules_free(NULL);
    arena_free(arena);
}

static void errors(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *at, *part;
    } rows[] = {
        {"\n# x\nrul \"a\": => hold", "line 3, character 1", "a line is"},
        {"rule a: => hold", "line 1, character 6", "name in quotes"},
        {"rule \"a: => hold", "line 1, character 6", "not closed"},
        {"rule \"\": => hold", "line 1, character 6", "1 to 100"},
        {"rule \"a\" => hold", "line 1, character 10", "\":\" is missing"},
        {"rule \"a\": class:fraud", "line 1, character 10", "\"=>\""},
        {"rule \"a\": => hold\nrule \"a\": => hold", "line 2, character 6", "another rule"},
        {"rule \"a\": clas:fraud => hold", "line 1, character 11", "\"class\""},
        {"rule \"\xc3\xa9\": text:\xc3\xa9 port:x => hold", "line 1, character 23", "number"},
        {"rule \"a\": owner:me => hold", "line 1, character 11", "rules has no \"owner\""},
        {"rule \"a\": (class:fraud => hold", "line 1, character 11", "not closed"},
        {"rule \"a\": =>", "line 1, character 13", "an action is missing"},
        {"rule \"a\": => hold,", "line 1, character 19", "an action is missing"},
        {"rule \"a\": => hold drop", "line 1, character 19", "commas"},
        {"rule \"a\": => priorty:high", "line 1, character 14", "\"priority\""},
        {"rule \"a\": => priority", "line 1, character 22", "needs a value"},
        {"rule \"a\": => priority:urgent", "line 1, character 23", "critical"},
        {"rule \"a\": => class:phising", "line 1, character 20", "fraud/phishing"},
        {"rule \"a\": => class:fraud", "line 1, character 20", "no RSIT class"},
        {"rule \"a\": => tlp:orange", "line 1, character 18", "label"},
        {"rule \"a\": => tag:-x", "line 1, character 18", "never take"},
        {"rule \"a\": => queue:A!", "line 1, character 20", "queue"},
        {"rule \"a\": => assign:", "line 1, character 21", "login"},
        {"rule \"a\": => drop", "line 1, character 14", "reason"},
        {"rule \"a\": => hold \"x", "line 1, character 19", "not closed"},
        {"rule \"a\": => hold\n\xff", "line 2", "UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct triage_rules *rules = NULL;
        struct err err = {0};
        if (triage_rules_parse(rows[i].text, &rules, &err))
            fail_msg("%s was taken", rows[i].text);
        if (err.code != ERR_INPUT || !str_equal(err.at, rows[i].at) || !strstr(err.text, rows[i].part))
            fail_msg("%s: %s at %s: %s", rows[i].text, err_code_name(err.code), err.at, err.text);
    }
}

static void limits(void **state)
{
    UNUSED(state);
    struct buf buf;
    struct triage_rules *rules = NULL;
    struct err err;
    buf_init(&buf, 4 * 1024 * 1024);
    for (int i = 0; i < TRIAGE_RULES_COUNT_MAX; i++)
        buf_printf(&buf, "rule \"%d\": => hold \"a\", hold \"b\"\n", i);
    assert_true(triage_rules_parse(buf_text(&buf), &rules, &err));
    triage_rules_free(rules);
    buf_add_text(&buf, "rule \"x\": => hold\n");
    assert_false(triage_rules_parse(buf_text(&buf), &rules, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_reset(&buf);
    while (buf.size <= TRIAGE_RULES_SIZE_MAX)
        buf_add_text(&buf, "# comment\n");
    assert_false(triage_rules_parse(buf_text(&buf), &rules, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    /* One line of very many quoted actions stays cheap. */
    buf_reset(&buf);
    buf_add_text(&buf, "rule \"x\": => hold");
    while (buf.size < TRIAGE_RULES_SIZE_MAX - 20)
        buf_add_text(&buf, ", hold \"a\"");
    assert_true(triage_rules_parse(buf_text(&buf), &rules, &err));
    triage_rules_free(rules);
    buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_match_wins_per_action), cmocka_unit_test(hold_and_drop),
                                       cmocka_unit_test(no_rules), cmocka_unit_test(errors), cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
