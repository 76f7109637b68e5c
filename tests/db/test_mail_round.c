/*
 * The way of a mail between decode, seal and verify as the database keeps it: a step goes on when all of it is open, whoever was last; what
 * is given up goes on as well; a verdict is written anew, and only what was held is triaged again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/cluster.h"

static int setup(void **state)
{
    UNUSED(state);
    cluster_execute("SET search_path = cirt; INSERT INTO sender (address) VALUES ('a@yy.example');"
                    "UPDATE site SET domain = 'xx.example';"
                    "INSERT INTO site (name, prefix, domain) SELECT 'XX', 'XX-CERT', 'xx.example' WHERE NOT EXISTS (SELECT FROM site);"
                    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
                    " SELECT n, now(), s.id, 'mail', 'unknown', sha256(n::text::bytea), 1 FROM generate_series(1, 40) n, sender s;"
                    "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed)"
                    " SELECT r.id, r.received, 'decoding', 'mail', 2, true FROM report r;"
                    "INSERT INTO report_mail (report_id, received, mail_from, recipients)"
                    " SELECT r.id, r.received, 'a@yy.example', '{incident@xx.example}' FROM report r");
    return 0;
}

PRINTF_LIKE(1, 2) static long long number(const char *format, ...)
{
    char sql[1000] = "SET search_path = cirt; ";
    va_list args;
    va_start(args, format);
    vsnprintf(sql + strlen(sql), sizeof sql - strlen(sql), format, args);
    va_end(args);
    return cluster_number(sql);
}

PRINTF_LIKE(2, 3) static void expect(const char *wanted, const char *format, ...)
{
    char sql[1000] = "SET search_path = cirt; ";
    va_list args;
    va_start(args, format);
    vsnprintf(sql + strlen(sql), sizeof sql - strlen(sql), format, args);
    va_end(args);
    char *got = cluster_text(sql);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s: %s, not %s", sql, got, wanted);
    free(got);
}

PRINTF_LIKE(1, 2) static void execute(const char *format, ...)
{
    char sql[2000] = "SET search_path = cirt; ";
    va_list args;
    va_start(args, format);
    vsnprintf(sql + strlen(sql), sizeof sql - strlen(sql), format, args);
    va_end(args);
    cluster_execute(sql);
}

/* decode has it in hand, orders what is closed, and is done with it. */
static void order(int report, const char *paths, const char *kinds, const char *protocols, const char *bytes)
{
    execute("INSERT INTO inbox (report_id, received, attempts) SELECT id, received, 1 FROM report WHERE id = %d; SELECT inbox_to_open(%d, "
            "0, '%s', '%s', '%s', '%s');"
            "DELETE FROM inbox WHERE report_id = %d",
            report, report, paths, kinds, protocols, bytes, report);
}

static void claim(void)
{
    execute("SELECT count(*) FROM to_open_claim(); SELECT count(*) FROM to_verify_claim()");
}

static void opened(int report, const char *path, const char *bytes)
{
    execute("SELECT report_opened(%d, 0, '%s', %s, '{0123456789ABCDEF}', '[]', 'no key'); DELETE FROM to_open WHERE report_id = %d AND "
            "path = '%s'",
            report, path, bytes, report, path);
}

static long long waiting(int report)
{
    return number("SELECT count(*) FROM inbox WHERE report_id = %d", report);
}

static void all_of_a_step_are_waited_for(void **state)
{
    UNUSED(state);
    order(1, "{1.2,1.3,1.4}", "{encrypted,encrypted,signed}", "{openpgp,smime,smime}", "{x,y,z}");
    claim();
    opened(1, "1.2", "'clear'");
    assert_int_equal(waiting(1), 0);
    execute("SELECT report_unwrapped(1, 0, '1.4', 'z', '[]', NULL); DELETE FROM to_verify WHERE report_id = 1");
    assert_int_equal(waiting(1), 0);
    opened(1, "1.3", "NULL");
    assert_int_equal(waiting(1), 1);
    expect("1.2 encrypted openpgp clear,1.3 encrypted smime no key,1.4 signed smime z",
           "SELECT string_agg(concat_ws(' ', path, kind, protocol, convert_from(bytes, 'UTF8'), CASE WHEN bytes IS NULL THEN problem END), "
           "',' ORDER BY path) "
           "FROM report_clear WHERE report_id = 1");
}

/* Each in a transaction that lasts: neither sees the other's row. */
static void open_slowly(const char *path, const char *call)
{
    if (fork() > 0)
        return;
    execute("BEGIN; %s; SELECT pg_sleep(0.4); DELETE FROM to_open WHERE report_id = 2 AND path = '%s'; COMMIT", call, path);
    _exit(0);
}

static void the_last_two_at_the_same_moment(void **state)
{
    UNUSED(state);
    order(2, "{1.2,1.3}", "{encrypted,encrypted}", "{openpgp,openpgp}", "{x,y}");
    claim();
    open_slowly("1.2", "SELECT report_opened(2, 0, '1.2', 'clear', '{}', '[]', NULL)");
    open_slowly("1.3", "SELECT report_opened(2, 0, '1.3', 'clear', '{}', '[]', NULL)");
    for (int i = 0; i < 2; i++) {
        int status;
        wait(&status);
        assert_int_equal(status, 0);
    }
    assert_int_equal(waiting(2), 1);
}

static void what_is_given_up_goes_on(void **state)
{
    UNUSED(state);
    order(3, "{1}", "{encrypted}", "{openpgp}", "{x}");
    claim();
    execute("SELECT to_open_fail(id, attempts, 'gpg broke', true) FROM to_open WHERE report_id = 3");
    assert_int_equal(waiting(3), 1);
    expect("gpg broke", "SELECT problem FROM report_clear WHERE report_id = 3 AND bytes IS NULL");
    expect("1", "SELECT count(*) FROM to_open WHERE report_id = 3 AND failed IS NOT NULL");
    /* one that its worker died of again and again */
    order(4, "{1}", "{signed}", "{smime}", "{x}");
    execute("UPDATE to_verify SET attempts = 8, not_before = now() WHERE report_id = 4");
    claim();
    assert_int_equal(waiting(4), 1);
    expect("its worker ended 8 times without an answer", "SELECT problem FROM report_clear WHERE report_id = 4");
    /* a verdict that nobody can give */
    execute("INSERT INTO to_verify (report_id, received, message, attempts) SELECT 5, received, '{}', 1 FROM report WHERE id = 5;"
            "SELECT to_verify_fail(id, attempts, 'gpg broke', true) FROM to_verify WHERE report_id = 5");
    expect("bad gpg broke", "SELECT summary || ' ' || (parts->0->>'error') FROM report_verdict WHERE report_id = 5");
    expect("1", "SELECT count(*) FROM to_triage WHERE reports @> 5::bigint");
    expect("received", "SELECT state FROM report_content WHERE report_id = 5");
}

static void judge_as(int report, const char *summary, const char *encryption, const char *payloads, const char *signed_at, const char *to,
                     const char *needed, const char *unknown)
{
    execute("INSERT INTO inbox (report_id, received, attempts) SELECT id, received, 1 FROM report WHERE id = %d;"
            "SELECT verdicts_store('{%d}', '{%s}', '{%s}', '{whole}', ARRAY[CASE '%s' WHEN 'verified' THEN 'Alice' END], '{F}', '{valid}', "
            "ARRAY[%s]::timestamptz[],"
            " '{[]}', '{openpgp}', '{EdDSA}', ARRAY['%s'], ARRAY['%s'], ARRAY[(%s)::bytea[]::text], ARRAY['%s']); DELETE FROM inbox WHERE "
            "report_id = %d AND attempts > 0",
            report, report, summary, encryption, summary, signed_at, needed, unknown, payloads, to, report);
}

static void judge_with(int report, const char *summary, const char *payloads, const char *signed_at, const char *to)
{
    judge_as(report, summary, "none", payloads, signed_at, to, "{}", "{}");
}

static void judge(int report, const char *summary)
{
    judge_with(report, summary, "'{}'", "now()", "{}");
}

static long long in_triage(int report)
{
    return number("SELECT count(*) FROM to_triage WHERE reports @> %d::bigint", report);
}

static void triaged(int report, const char *outcome)
{
    execute("DELETE FROM to_triage WHERE reports @> %d::bigint;"
            "INSERT INTO report_outcome (report_id, received, state) SELECT id, received, '%s' FROM report WHERE id = %d",
            report, outcome, report);
}

static void only_what_was_held_is_triaged_again(void **state)
{
    UNUSED(state);
    static const char *const outcomes[] = {"triaged", "dropped", "held"};
    for (int i = 0; i < 3; i++) {
        int report = 6 + i;
        judge(report, "unknown-key");
        assert_int_equal(in_triage(report), 1);
        triaged(report, outcomes[i]);
        assert_int_equal(number("SELECT reports_recheck(ARRAY[%d])", report), 1);
        assert_int_equal(number("SELECT reports_recheck(ARRAY[%d, %d])", report, report), 1);
        assert_int_equal(waiting(report), 1);
        execute("DELETE FROM inbox WHERE report_id = %d", report);
        judge(report, "unknown-key");
        assert_int_equal(in_triage(report), 0);
        judge(report, "verified");
        assert_int_equal(in_triage(report), i == 2);
        expect(i == 2 ? "" : outcomes[i], "SELECT max(state) FROM report_outcome WHERE report_id = %d", report);
    }
    expect("verified", "SELECT summary FROM report_verdict WHERE report_id = 6 ORDER BY checked DESC LIMIT 1");
    expect("3", "SELECT count(*) FROM report_verdict WHERE report_id = 6");
    /* what was not judged yet, and what is no mail */
    assert_int_equal(number("SELECT reports_recheck('{30, 4711}')"), 0);
    assert_int_equal(waiting(30), 0);
}

static void a_rule_holds_as_long_as_it_likes(void **state)
{
    UNUSED(state);
    judge(10, "unknown-key");
    triaged(10, "held");
    execute("UPDATE report_outcome SET rule = 'triage:3' WHERE report_id = 10");
    judge(10, "verified");
    assert_int_equal(in_triage(10), 0);
}

static void what_was_open_stays_open(void **state)
{
    UNUSED(state);
    order(11, "{1}", "{encrypted}", "{openpgp}", "{x}");
    claim();
    execute("SELECT report_opened(11, 0, '1', 'clear', '{}', '[{\"status\": \"good\"}]', NULL); DELETE FROM to_open WHERE report_id = 11;"
            "DELETE FROM inbox WHERE report_id = 11");
    judge(11, "verified");
    execute("SELECT reports_recheck('{11}'); DELETE FROM inbox WHERE report_id = 11");
    expect("true", "SELECT is_stale::text FROM report_clear WHERE report_id = 11");
    order(11, "{1}", "{encrypted}", "{openpgp}", "{x}");
    claim();
    opened(11, "1", "NULL");
    expect("clear good false", "SELECT concat_ws(' ', convert_from(bytes, 'UTF8'), signatures->0->>'status', is_stale::text) FROM "
                               "report_clear WHERE report_id = 11");
    assert_int_equal(waiting(11), 1);
}

#define PAYLOAD(letter) "ARRAY[sha256('" letter "')]"
#define COPY_OF         "SELECT coalesce(copy_of::text, '-') FROM report_verdict WHERE report_id = %d ORDER BY checked DESC LIMIT 1"

static void copies(void **state)
{
    UNUSED(state);
    judge_with(12, "verified", PAYLOAD("a"), "now()", "{}");
    judge_with(13, "verified", PAYLOAD("a"), "now()", "{}");
    judge_with(14, "not-sender", PAYLOAD("a"), "now()", "{}");
    judge_with(15, "verified", PAYLOAD("b"), "now()", "{}");
    expect("-", COPY_OF, 12);
    expect("12", COPY_OF, 13);
    expect("12", COPY_OF, 14);
    expect("-", COPY_OF, 15);
    /* judged again, it is still the first */
    judge_with(12, "verified", PAYLOAD("a"), "now()", "{}");
    expect("-", COPY_OF, 12);
    /* the thief was first */
    judge_with(16, "not-sender", PAYLOAD("c"), "now()", "{}");
    judge_with(17, "verified", PAYLOAD("c"), "now()", "{}");
    judge_with(16, "not-sender", PAYLOAD("c"), "now()", "{}");
    expect("17", COPY_OF, 16);
    expect("-", COPY_OF, 17);
    /* one of several layers is enough */
    judge_with(18, "verified", "ARRAY[sha256('d'), sha256('a')]", "now()", "{}");
    expect("12", COPY_OF, 18);
}

static void fresh(void **state)
{
    UNUSED(state);
    static const struct {
        const char *summary, *signed_at, *to, *fresh;
    } rows[] = {
        {"verified", "now()", "{incident@xx.example}", "true"},
        {"verified", "now()", "{b@yy.example,Incident@XX.example}", "true"},
        {"verified", "now()", "{case+42@xx.example}", "true"},
        {"verified", "now()", "{somebody@xx.example}", "false"},
        {"verified", "now()", "{}", "false"},
        {"verified", "now() - interval '23 hours 50 minutes'", "{incident@xx.example}", "true"},
        {"verified", "now() - interval '24 hours 10 minutes'", "{incident@xx.example}", "false"},
        {"verified", "now() + interval '4 minutes'", "{incident@xx.example}", "true"},
        {"verified", "now() + interval '10 minutes'", "{incident@xx.example}", "false"},
        {"verified", "NULL", "{incident@xx.example}", "false"},
        {"not-sender", "now()", "{incident@xx.example}", "false"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int report = 20 + (int)i;
        judge_with(report, rows[i].summary, "'{}'", rows[i].signed_at, rows[i].to);
        expect(rows[i].fresh, "SELECT is_fresh::text FROM report_verdict WHERE report_id = %d", report);
    }
    judge_with(32, "verified", PAYLOAD("f"), "now()", "{incident@xx.example}");
    judge_with(33, "verified", PAYLOAD("f"), "now()", "{incident@xx.example}");
    expect("false", "SELECT is_fresh::text FROM report_verdict WHERE report_id = 33");
}

/* The key was pinned while the mail was on its way: what verify saw is not what it would see now. */
static void a_key_that_was_faster(void **state)
{
    UNUSED(state);
    execute("INSERT INTO contact (address) VALUES ('alice@yy.example');"
            "INSERT INTO mail_key (fingerprint, contact_id, addresses, armoured, pinned, key_ids, changed) SELECT repeat('A', 40), id, "
            "'{alice@yy.example}', 'x', now(),"
            " '{AAAAAAAAAAAAAAAA,BBBBBBBBBBBBBBBB}', clock_timestamp() FROM contact");
    static const char *const named[] = {"{AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}", "{BBBBBBBBBBBBBBBB}", "{CCCCCCCCBBBBBBBBBBBBBBBB}"};
    for (int i = 0; i < 3; i++) {
        judge_as(34 + i, "unknown-key", "none", "'{}'", "now()", "{}", "{}", named[i]);
        assert_int_equal(waiting(34 + i), 1);
        execute("DELETE FROM inbox WHERE report_id = %d", 34 + i);
        /* once */
        judge_as(34 + i, "unknown-key", "none", "'{}'", "now()", "{}", "{}", named[i]);
        assert_int_equal(waiting(34 + i), 0);
    }
    judge_as(37, "unknown-key", "none", "'{}'", "now()", "{}", "{}", "{DDDDDDDDDDDDDDDD}");
    assert_int_equal(waiting(37), 0);
    /* our own, for what could not be opened; but a broken mail to us is broken the second time, too */
    execute("INSERT INTO own_key (fingerprint, protocol, key_ids, public_text, can_sign, can_decrypt) VALUES (repeat('E', 40), 'openpgp', "
            "'{EEEEEEEEEEEEEEEE}', 'x', true, true)");
    judge_as(38, "unprotected", "undecryptable", "'{}'", "NULL", "{}", "{EEEEEEEEEEEEEEEE}", "{}");
    assert_int_equal(waiting(38), 1);
    execute("DELETE FROM inbox WHERE report_id = 38");
    judge_as(38, "unprotected", "undecryptable", "'{}'", "NULL", "{}", "{EEEEEEEEEEEEEEEE}", "{}");
    assert_int_equal(waiting(38), 0);
    judge_as(39, "unprotected", "undecryptable", "'{}'", "NULL", "{}", "{FFFFFFFFFFFFFFFF}", "{}");
    assert_int_equal(waiting(39), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_step_are_waited_for),
        cmocka_unit_test(the_last_two_at_the_same_moment),
        cmocka_unit_test(what_is_given_up_goes_on),
        cmocka_unit_test(only_what_was_held_is_triaged_again),
        cmocka_unit_test(a_rule_holds_as_long_as_it_likes),
        cmocka_unit_test(what_was_open_stays_open),
        cmocka_unit_test(copies),
        cmocka_unit_test(fresh),
        cmocka_unit_test(a_key_that_was_faster),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
