/* Mail that leaves: drafts and threads, the decision (C and SQL must agree), what seal and push are given, bounces, acknowledgements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "support/cluster.h"
#include "support/desk_client.h"

#define PATH "SET search_path = cirt; "

/* Every kind of counterparty there is. */
static const char world[] =
    PATH "INSERT INTO own_key (fingerprint, protocol, public_text, can_sign, can_decrypt, signs) VALUES (repeat('1', 40), 'openpgp', '', "
         "true, true, true),"
         " (repeat('2', 64), 'smime', '', true, true, true);"
         "INSERT INTO contact (address, name, lang) SELECT x || '@c.example', x, CASE x WHEN 'none' THEN 'fr' END FROM unnest(ARRAY['pgp', "
         "'smime', 'both', 'candidate',"
         " 'expired', 'revoked', 'distrusted', 'signs', 'none', 'waived', 'ended', 'green', 'disabled']) x;"
         "UPDATE contact SET enabled = false WHERE address = 'disabled@c.example';"
         "INSERT INTO contact (address, identity_id) SELECT 'ours@xx-cert.example', id FROM identity WHERE login = 'analyst2';"
         "INSERT INTO mail_key (fingerprint, protocol, contact_id, addresses, claims, armoured, pinned, can_encrypt, expires, revoked, "
         "distrusted)"
         " SELECT upper(left(encode(sha256(convert_to(k.p || k.a, 'UTF8')), 'hex'), 40)), k.p, CASE WHEN k.s <> 'candidate' THEN c.id END,"
         "  CASE WHEN k.s <> 'candidate' THEN ARRAY[c.address] ELSE '{}' END, ARRAY[c.address], 'text', CASE WHEN k.s <> 'candidate' THEN "
         "now() END, k.s <> 'signs',"
         "  CASE k.s WHEN 'expired' THEN now() - interval '1 day' END, CASE k.s WHEN 'revoked' THEN now() END, CASE k.s WHEN 'distrusted' "
         "THEN now() END"
         " FROM (VALUES ('pgp', 'openpgp', 'ok'), ('smime', 'smime', 'ok'), ('both', 'openpgp', 'ok'), ('both', 'smime', 'ok'), "
         "('candidate', 'openpgp', 'candidate'),"
         "  ('expired', 'openpgp', 'expired'), ('revoked', 'smime', 'revoked'), ('distrusted', 'openpgp', 'distrusted'), ('signs', "
         "'openpgp', 'signs'),"
         "  ('disabled', 'openpgp', 'ok')) k(a, p, s) JOIN contact c ON c.address = k.a || '@c.example';"
         "INSERT INTO mail_key (fingerprint, identity_id, addresses, armoured, pinned) SELECT repeat('A', 40), id, "
         "'{ours@xx-cert.example}', 'text', now() FROM identity WHERE"
         " login = 'analyst2';"
         "INSERT INTO waiver (contact_id, up_to, reason, granted_by, granted, until) SELECT c.id, w.up_to, 'r', i.id, now() - interval '2 "
         "days', now() + w.t FROM (VALUES"
         " ('waived', 2, interval '1 day'), ('ended', 2, interval '-1 day'), ('green', 1, interval '1 day')) w(a, up_to, t) JOIN contact c "
         "ON c.address = w.a || '@c.example'"
         " JOIN identity i ON i.login = 'lead'";

static int setup(void **state)
{
    *state = desk_client_new();
    cluster_execute(world);
    return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

PRINTF_LIKE(2, 3) static void expect(const char *wanted, const char *format, ...)
{
    char sql[4000];
    va_list args;
    size_t size = (size_t)snprintf(sql, sizeof sql, PATH);
    va_start(args, format);
    vsnprintf(sql + size, sizeof sql - size, format, args);
    va_end(args);
    char *got = cluster_text(sql);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s: '%s', not '%s'", sql, got, wanted);
    free(got);
}

PRINTF_LIKE(1, 2) static void execute(const char *format, ...)
{
    char sql[4000];
    va_list args;
    size_t size = (size_t)snprintf(sql, sizeof sql, PATH);
    va_start(args, format);
    vsnprintf(sql + size, sizeof sql - size, format, args);
    va_end(args);
    cluster_execute(sql);
}

/* A report by mail from that address, in the case; its number. */
static int64_t mail_from(int64_t number, const char *address, const char *tlp, const char *encryption)
{
    static const char *const none[] = {NULL};
    int64_t id = desk_client_report(number, tlp, "feed", none);
    execute("UPDATE report SET channel = 'mail' WHERE id = %lld; UPDATE report_content SET format = 'mail', summary = 'Re: TLP:AMBER kit', "
            "description = E'Bonjour\\n-- \\nme' "
            "WHERE report_id = %lld;"
            "INSERT INTO report_mail (report_id, received, mail_from, recipients, message_id, author) SELECT id, received, '%s', '{}', "
            "'id-%lld@out.example', '%s' FROM report "
            "WHERE id = %lld;"
            "INSERT INTO report_verdict (report_id, received, summary, encryption) SELECT id, received, 'unprotected', '%s' FROM report "
            "WHERE id = %lld",
            (long long)id, (long long)id, address, (long long)id, address, (long long)id, encryption, (long long)id);
    return id;
}

/* POST as `who`; the answer's. */
static json_t *post(void **state, const char *who, int status, const char *path, const char *revision, const char *body)
{
    int got;
    json_t *answer = desk_client_call(*state, who, MESSAGE_POST, path, revision, body, &got);
    if (got != status) {
        size_t size;
        fail_msg("%s: %d, not %d: %s", path, got, status, desk_client_bytes(*state, &size));
    }
    return answer;
}

/* A draft; its number. */
static int64_t draft(void **state, int64_t number, const char *body)
{
    char path[80];
    snprintf(path, sizeof path, "/v1/cases/%lld/mails", (long long)number);
    json_t *answer = post(state, "lead", 201, path, NULL, body);
    int64_t id = strtoll(text_of(answer, "id") + 1, NULL, 10);
    json_decref(answer);
    return id;
}

static json_t *mail_verb(void **state, const char *who, int status, int64_t id, const char *verb, const char *body)
{
    char path[80], revision[24], sql[80];
    snprintf(sql, sizeof sql, "SELECT revision FROM cirt.mail WHERE id = %lld", (long long)id);
    snprintf(revision, sizeof revision, "\"%lld\"", cluster_number(sql));
    snprintf(path, sizeof path, "/v1/mails/m%lld%s", (long long)id, verb);
    return post(state, who, status, path, revision, body);
}

/* Sends it, for seal to take at once. */
static void sent(void **state, int64_t id)
{
    json_decref(mail_verb(state, "lead", 200, id, "/send", "{}"));
    execute("UPDATE to_sign SET not_before = now() WHERE mail_id = %lld", (long long)id);
}

/* --- the decision --- */

/* What the preview said of everybody, and what the database says. */
static void compare(int64_t id, bool is_strict, const json_t *preview)
{
    char sql[400];
    size_t i;
    json_t *recipient;
    json_array_foreach(json_object_get(preview, "recipients"), i, recipient)
    {
        snprintf(sql, sizeof sql,
                 PATH "SELECT coalesce(CASE d.goes WHEN 'signed' THEN 'clear' ELSE d.goes END, 'stays') || ' ' || coalesce(d.fingerprint, "
                      "'-') FROM mail_decide(%lld, %s) d"
                      " JOIN mail_recipient r ON r.mail_id = %lld AND r.no = d.no AND r.address = '%s'",
                 (long long)id, is_strict ? "true" : "false", (long long)id, text_of(recipient, "address"));
        char *held = cluster_text(sql);
        const char *key = text_of(recipient, "key");
        char *said = mem_printf("%s %s", text_of(recipient, "goes"), *key ? key : "-");
        if (strcmp(held, said) != 0) {
            char *all = json_dumps(preview, 0);
            fail_msg("C says '%s', SQL '%s' of %s: %s", said, held, text_of(recipient, "address"), all);
        }
        free(held);
        free(said);
    }
}

static void try_one(void **state, int64_t number, int64_t answers, unsigned *seed)
{
    static const char *const people[] = {"pgp",  "smime",  "both",  "candidate", "expired",  "revoked", "distrusted", "signs",
                                         "none", "waived", "ended", "green",     "disabled", "pgp",     "waived",     "both"};
    static const char *const tlps[] = {"clear", "green", "amber", "amber", "amber+strict", "red"}, *const kinds[] = {"to", "to", "cc",
                                                                                                                     "bcc"};
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:[], s:[], s:[]}", "occasion", "mail", "text", "x", "tlp", tlps[rand_r(seed) % 6], "to", "cc", "bcc");
    bool is_strict = rand_r(seed) % 3 == 0;
    char report[24];
    snprintf(report, sizeof report, "r%lld", (long long)answers);
    for (int i = 0, count = 1 + rand_r(seed) % 3; i < count; i++) {
        char *address = mem_printf("%s@%s", people[rand_r(seed) % 16], "c.example");
        if (rand_r(seed) % 12 == 0) {
            free(address);
            address = mem_strdup(rand_r(seed) % 2 ? "incident@xx-cert.example" : "ours@xx-cert.example");
        }
        json_array_append_new(json_object_get(body, kinds[rand_r(seed) % 4]), json_string(address));
        free(address);
    }
    if (rand_r(seed) % 4 == 0)
        json_object_set_new(body, "answers", json_string(report));
    char *text = json_dumps(body, 0);
    int64_t id = draft(state, number, text);
    json_t *preview = mail_verb(state, "lead", 200, id, "/preview", is_strict ? "{\"strict\":true}" : "{}");
    compare(id, is_strict, preview);
    /* And it goes just where both say so. */
    json_decref(mail_verb(state, "lead", json_is_true(json_object_get(preview, "sendable")) ? 200 : 422, id, "/send",
                          is_strict ? "{\"strict\":true}" : "{}"));
    json_decref(preview);
    json_decref(body);
    free(text);
}

static void test_c_and_sql_agree(void **state)
{
    unsigned seed = 20261126;
    int64_t open = desk_client_case(*state, "open to all", "amber"), closed = desk_client_case(*state, "restricted", "amber");
    int64_t encrypted = mail_from(open, "pgp@c.example", "green", "whole"), other = mail_from(closed, "none@c.example", "green", "none");
    execute("INSERT INTO compartment VALUES (7, 'seven'); INSERT INTO compartment_member SELECT 7, id FROM identity WHERE login = 'lead';"
            "UPDATE thread SET compartment_id = 7 WHERE case_id = (SELECT id FROM incident_case WHERE number = %lld);"
            "ALTER TABLE case_member DROP CONSTRAINT case_member_case_id_drill_id_compartment_id_fkey;"
            "UPDATE incident_case SET compartment_id = 7 WHERE number = %lld; UPDATE case_member m SET compartment_id = 7 FROM "
            "incident_case c WHERE c.id = m.case_id AND "
            "c.number = %lld",
            (long long)closed, (long long)closed, (long long)closed);
    for (int i = 0; i < 100; i++)
        try_one(state, i % 4 ? open : closed, i % 4 ? encrypted : other, &seed);
    execute("DELETE FROM to_sign");
    expect("t", "SELECT count(*) FILTER (WHERE state = 'waiting') > 15 AND count(*) FILTER (WHERE state = 'draft') > 15 FROM mail");
}

/* What does not follow the decision is not taken, whoever says it. */
static void test_the_database_holds_it(void **state)
{
    int64_t number = desk_client_case(*state, "held", "amber");
    long long id = draft(state, number, "{\"occasion\":\"mail\",\"text\":\"x\",\"to\":[\"pgp@c.example\"],\"tlp\":\"amber\"}");
    execute(
        "CREATE FUNCTION test_send(p_mail bigint, p_viewer text, p_protection text, p_no int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM set_config('cirt.viewer', coalesce((SELECT id::text FROM cirt.identity WHERE login = p_viewer), ''), true);"
        " PERFORM cirt.mail_send(p_mail, 1, true, 'a@b', 60, jsonb_build_array(jsonb_build_object('protocol', 'openpgp', 'protection', "
        "p_protection,"
        " 'recipients', ARRAY[p_no], 'head', '')), ARRAY['x'::bytea]); RETURN 'sent'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$");
    expect("CI409", "SELECT test_send(%lld, 'lead', 'signed', 1)", id);    /* it is to be encrypted */
    expect("CI409", "SELECT test_send(%lld, 'lead', 'encrypted', 2)", id); /* to nobody there is */
    expect("CI409", "SELECT test_send(%lld, NULL, 'encrypted', 1)", id);   /* a person's mail is no machine's to send */
    execute("UPDATE mail SET tlp = 4 WHERE id = %lld", id);
    expect("CI422", "SELECT test_send(%lld, 'lead', 'encrypted', 1)", id);
    execute("UPDATE mail SET tlp = 2 WHERE id = %lld", id);
    /* Somebody else's case. */
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    expect("CI409", "SELECT test_send(%lld, 'analyst2', 'encrypted', 1)", id);
    expect("sent", "SELECT test_send(%lld, 'analyst', 'encrypted', 1)", id);
    execute("DELETE FROM to_sign");
}

/* --- seal --- */

#define CLAIM                                                                                                                              \
    "SELECT coalesce(string_agg(mail_id || ' ' || protocol || ' ' || protection || ' ' || cardinality(fingerprints), ',' ORDER BY id), "   \
    "'-') FROM mail_sign_claim()"

static void expect_refused(long long id, const char *why)
{
    expect("-", CLAIM);
    expect("failed", "SELECT state FROM mail WHERE id = %lld", id);
    expect("t", "SELECT error LIKE '%s' FROM mail WHERE id = %lld", why, id);
    expect("0", "SELECT count(*) FROM to_sign");
    expect("failed", "SELECT state FROM mail_recipient WHERE mail_id = %lld", id);
    expect("1",
           "SELECT count(*) FROM journal_payload WHERE payload::json ->> 'action' = 'mail failed' AND payload::json #>> '{details,mail}' = "
           "'m%lld'",
           id);
}

static const char green[] = "{\"occasion\":\"mail\",\"text\":\"x\",\"to\":[\"pgp@c.example\"],\"tlp\":\"green\"}";

static void test_seal_gets_what_was_decided(void **state)
{
    int64_t number = desk_client_case(*state, "to sign", "amber");
    long long id = draft(state, number,
                         "{\"occasion\":\"mail\",\"text\":\"x\",\"to\":[\"pgp@c.example\",\"smime@c.example\"],\"bcc\":[\"both@c.example\"]"
                         ",\"tlp\":\"amber\"}");
    char wanted[200];
    json_decref(mail_verb(state, "lead", 200, id, "/send", "{}"));
    expect("-", CLAIM); /* it can still be recalled */
    execute("UPDATE to_sign SET not_before = now()");
    /* Who sees each other's names and has the same kind of key; each hidden one alone. */
    snprintf(wanted, sizeof wanted, "%lld openpgp encrypted 1,%lld smime encrypted 1,%lld openpgp encrypted 1", id, id, id);
    expect(wanted, CLAIM);
    expect("signing", "SELECT state FROM mail WHERE id = %lld", id);
    json_decref(mail_verb(state, "lead", 409, id, "/recall", "{}"));
    expect("f", "SELECT bool_or(convert_from(payload, 'UTF8') || head LIKE '%%both@c.example%%') FROM mail_piece WHERE mail_id = %lld", id);
    execute("SELECT mail_signed(id, 1, 'whole') FROM to_sign ORDER BY id; SELECT mail_sign_settle(id, 1) FROM to_sign ORDER BY id");
    expect("queued", "SELECT state FROM mail WHERE id = %lld", id);
    expect("3", "SELECT count(*) FROM outbox_mail WHERE mail_id = %lld", id);
    execute("DELETE FROM outbox_mail");
}

static void test_seal_gets_nothing_else(void **state)
{
    int64_t number = desk_client_case(*state, "forged", "amber");
    long long id = draft(state, number, green);
    /* Another text than the one that was decided on. */
    sent(state, id);
    execute("ALTER TABLE mail_piece DISABLE TRIGGER mail_piece_fixed; UPDATE mail_piece SET payload = 'other', sha256 = sha256('other') "
            "WHERE mail_id = %lld;"
            "ALTER TABLE mail_piece ENABLE ALWAYS TRIGGER mail_piece_fixed",
            id);
    expect_refused(id, "it is not what was decided on%%");
    /* No entry in the journal; one that says something else. */
    sent(state, id = draft(state, number, green));
    execute("DELETE FROM journal_payload p USING mail m WHERE m.id = %lld AND p.case_id = m.case_id AND p.seq = m.journal_seq", id);
    expect_refused(id, "its entry in the journal is missing");
    sent(state, id = draft(state, number, green));
    execute("ALTER TABLE mail DISABLE TRIGGER mail_fixed; UPDATE mail SET journal_seq = journal_seq - 1 WHERE id = %lld; ALTER TABLE mail "
            "ENABLE ALWAYS TRIGGER mail_fixed",
            id);
    expect_refused(id, "its entry in the journal is missing");
    /* A key that was revoked after the decision. */
    sent(state, id = draft(state, number, green));
    execute("UPDATE mail_key SET revoked = now() WHERE addresses @> '{pgp@c.example}'");
    expect_refused(id, "the key %% is not usable any more");
    execute("UPDATE mail_key SET revoked = NULL WHERE addresses @> '{pgp@c.example}'");
    /* A row that nobody decided on cannot even be written by those who run. */
    char sqlstate[6];
    static const char *const roles[] = {"seal", "push", "desk", "clock", "decode", "triage"};
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        assert_false(cluster_may(roles[i], "INSERT INTO cirt.to_sign (mail_id, piece_no) VALUES (1, 1)", sqlstate));
        assert_string_equal(sqlstate, "42501");
    }
    execute(
        "DO $$ BEGIN UPDATE mail SET subject = 'x' WHERE id = %lld; RAISE 'it changed'; EXCEPTION WHEN SQLSTATE 'CI403' THEN NULL; END $$",
        id);
}

static void test_a_piece_that_kills_seal_is_given_up(void **state)
{
    long long id = draft(state, desk_client_case(*state, "deadly", "green"), green);
    sent(state, id);
    for (int i = 0; i < 8; i++) {
        expect("1", "SELECT count(*) FROM mail_sign_claim()");
        execute("UPDATE to_sign SET not_before = now()");
    }
    expect_refused(id, "its worker ended 8 times without an answer");
}

/* The clock too: a draft of a machine on which it dies again and again keeps no other from its text. */
static void test_a_draft_that_kills_the_clock_is_given_up(void **state)
{
    UNUSED(state);
    execute("SELECT mail_automatic('warning', NULL, NULL, 'none@c.example', 'en', 's', 'text')");
    for (int i = 0; i < 8; i++) {
        expect("1", "SELECT count(*) FROM mail_compose_claim()");
        execute("UPDATE to_compose SET not_before = now()");
    }
    expect("0", "SELECT count(*) FROM mail_compose_claim()");
    expect("dropped its worker ended 8 times without an answer", "SELECT state || ' ' || error FROM mail ORDER BY id DESC LIMIT 1");
    expect("0", "SELECT count(*) FROM to_compose");
}

static void test_recall(void **state)
{
    long long id = draft(state, desk_client_case(*state, "recalled", "green"), green);
    json_decref(mail_verb(state, "analyst2", 409, id, "/recall", "{}"));
    json_decref(mail_verb(state, "lead", 200, id, "/send", "{}"));
    json_decref(mail_verb(state, "lead", 409, id, "/send", "{}"));
    json_t *answer = mail_verb(state, "lead", 200, id, "/recall", "{}");
    assert_string_equal(text_of(answer, "state"), "recalled");
    json_decref(answer);
    expect("0", "SELECT count(*) FROM to_sign");
    json_decref(mail_verb(state, "lead", 200, id, "", "{\"text\":\"better\"}"));
    json_decref(mail_verb(state, "lead", 200, id, "/send", "{}"));
    json_decref(mail_verb(state, "lead", 200, id, "/recall", "{}"));
    json_decref(mail_verb(state, "lead", 200, id, "/send", "{}")); /* as it was */
    expect("mail,mail recalled,mail,mail recalled,mail",
           "SELECT string_agg(p.payload::json ->> 'action', ',' ORDER BY p.seq) FROM journal_payload p JOIN mail m ON m.case_id = "
           "p.case_id AND p.payload::json #>> "
           "'{details,mail}' = 'm' || m.id WHERE m.id = %lld",
           id);
    execute("DELETE FROM to_sign");
}

/* --- push --- */

/* A mail to these under that label, as seal leaves it. */
static long long queued_as(void **state, const char *to, const char *tlp)
{
    char *body = mem_printf("{\"occasion\":\"mail\",\"text\":\"x\",\"to\":%s,\"tlp\":\"%s\"}", to, tlp);
    long long id = draft(state, desk_client_case(*state, "to push", "green"), body);
    free(body);
    json_decref(mail_verb(state, "lead", 200, id, "/send", strcmp(tlp, "amber+strict") == 0 ? "{\"strict\":true}" : "{}"));
    execute("UPDATE to_sign SET not_before = now()");
    execute("SELECT count(*) FROM mail_sign_claim(); SELECT mail_signed(id, 1, 'whole') FROM to_sign ORDER BY id; SELECT "
            "mail_sign_settle(id, 1) FROM to_sign ORDER BY id");
    return id;
}

#define PUSHED                                                                                                                             \
    "SELECT mail_pushed(id, attempts, %s) FROM outbox_mail WHERE mail_id = %lld; SELECT mail_push_settle(id, attempts) FROM outbox_mail "  \
    "WHERE mail_id = %lld"

static long long queued(void **state, const char *to)
{
    return queued_as(state, to, "green");
}

static void expect_stop(const char *why)
{
    execute("UPDATE outbox_mail SET not_before = now(), leased_until = NULL");
    expect(why, "SELECT coalesce(stop, 'goes') FROM mail_push_claim()");
}

/* Days may lie between the decision and the MTA: what would not be decided any more does not go. */
static void test_what_waits_is_judged_again(void **state)
{
    queued_as(state, "[\"waived@c.example\"]", "amber");
    expect_stop("goes");
    execute("UPDATE contact SET enabled = false WHERE address = 'waived@c.example'");
    expect_stop("the contact is disabled");
    execute("UPDATE contact SET enabled = true WHERE address = 'waived@c.example';"
            "UPDATE waiver w SET ended = now() FROM contact c WHERE c.id = w.contact_id AND c.address = 'waived@c.example'");
    expect_stop("no usable key, and no leave to get it in clear");
    /* A key that came meanwhile makes no mail in clear of it that may go, and stops none that may. */
    execute("INSERT INTO mail_key (fingerprint, contact_id, addresses, armoured, pinned) SELECT repeat('B', 40), id, ARRAY[address], 'x', "
            "now() FROM contact WHERE address = 'waived@c.example'");
    expect_stop("the leave to get it in clear has ended");
    execute("INSERT INTO waiver (contact_id, up_to, reason, granted_by, until) SELECT contact_id, 2, 'again', granted_by, 'infinity' FROM "
            "waiver w JOIN contact c ON c.id "
            "= w.contact_id WHERE c.address = 'waived@c.example'");
    expect_stop("goes");
    execute("DELETE FROM waiver WHERE reason = 'again'; UPDATE waiver w SET ended = NULL FROM contact c WHERE c.id = w.contact_id AND "
            "c.address = 'waived@c.example'");
    expect_stop("goes");
    execute("DELETE FROM mail_key WHERE fingerprint = repeat('B', 40); DELETE FROM outbox_mail");

    queued_as(state, "[\"pgp@c.example\"]", "amber+strict");
    expect_stop("goes"); /* the decision on this very mail holds */
    execute("UPDATE mail_key k SET revoked = now() FROM contact c WHERE c.id = k.contact_id AND c.address = 'pgp@c.example'");
    expect("t", "SELECT stop LIKE 'the key %% is not usable any more' FROM (SELECT mail_way_stops(o.mail_id, o.piece_no) FROM outbox_mail "
                "o) x(stop)");
    execute("UPDATE mail_key k SET revoked = NULL FROM contact c WHERE c.id = k.contact_id AND c.address = 'pgp@c.example'; DELETE FROM "
            "outbox_mail");

    /* Our own key is seal's to miss: what is signed goes. */
    queued_as(state, "[\"smime@c.example\"]", "amber");
    expect_stop("goes");
    execute("UPDATE own_key SET gone = now()");
    expect_stop("goes");
    execute("UPDATE own_key SET gone = NULL; DELETE FROM outbox_mail");
    queued(state, "[\"none@c.example\"]");
    execute("UPDATE own_key SET gone = now()");
    expect_stop("goes");
    execute("UPDATE own_key SET gone = NULL; DELETE FROM outbox_mail");

    /* Two in one message: the reason is that of whom it is about, and nobody's once he has it. */
    queued(state, "[\"none@c.example\",\"ended@c.example\"]");
    execute("UPDATE contact SET enabled = false WHERE address = 'ended@c.example'");
    expect_stop("the contact is disabled");
    execute("UPDATE mail_recipient SET state = 'sent' WHERE address = 'ended@c.example' AND state = 'waiting'");
    expect_stop("goes");
    execute("UPDATE contact SET enabled = true WHERE address = 'ended@c.example'; DELETE FROM outbox_mail");
}

static void test_push_records_each_recipient(void **state)
{
    long long id = queued(state, "[\"none@c.example\",\"ended@c.example\",\"expired@c.example\"]");
    expect("1", "SELECT count(*) FROM mail_push_claim() WHERE cardinality(recipients) = 3 AND sender = 'incident@xx-cert.example' AND stop "
                "IS NULL");
    execute(PUSHED, "'{none@c.example,ended@c.example,expired@c.example}', '{250,450,550}', '{\"250 ok\",\"450 later\",\"550 no\"}'", id,
            id);
    expect("sent delayed failed", "SELECT string_agg(state, ' ' ORDER BY no) FROM mail_recipient WHERE mail_id = %lld", id);
    expect("queued 550 no", "SELECT state || ' ' || error FROM mail WHERE id = %lld", id);
    /* The rest later, and only the rest. */
    expect("0", "SELECT count(*) FROM mail_push_claim()");
    execute("UPDATE outbox_mail SET not_before = now()");
    expect("{ended@c.example}", "SELECT recipients FROM mail_push_claim()");
    execute(PUSHED, "'{ended@c.example}', '{250}', '{ok}'", id, id);
    expect("failed", "SELECT state FROM mail WHERE id = %lld", id); /* one of them did not get it */
    expect("0", "SELECT count(*) FROM outbox_mail");
}

static void test_the_mta_is_away(void **state)
{
    long long id = queued(state, "[\"none@c.example\"]"), other = queued(state, "[\"none@c.example\"]");
    execute("SELECT mta_tell('smtp://mta', false); SELECT count(*) FROM mail_push_claim(); SELECT mail_push_fail(id, attempts, 'refused', "
            "false) "
            "FROM outbox_mail WHERE attempts = 1");
    expect("refused", "SELECT error FROM mta");
    expect("f", "SELECT ok FROM mail_checks() WHERE name = 'mail out'");
    expect("0", "SELECT count(*) FROM mail_push_claim()"); /* the other waits too */
    execute("UPDATE outbox_mail SET not_before = now() WHERE mail_id = %lld; SELECT count(*) FROM mail_push_claim()", id);
    execute(PUSHED, "'{none@c.example}', '{250}', '{ok}'", id, id);
    expect("sent", "SELECT state FROM mail WHERE id = %lld", id);
    expect("t", "SELECT ok FROM mail_checks() WHERE name = 'mail out'");
    /* And goes now; after five days it is given up. */
    execute("UPDATE outbox_mail SET expires = now()");
    expect("expired", "SELECT stop FROM mail_push_claim()");
    execute("SELECT mail_push_stopped(id, attempts, 'expired'), mail_push_settle(id, attempts) FROM outbox_mail WHERE mail_id = %lld",
            other);
    expect("expired", "SELECT state FROM mail WHERE id = %lld", other);
}

/* Without push, or without an MTA, the clock gives it up. */
static void test_nobody_takes_it(void **state)
{
    long long id = queued(state, "[\"none@c.example\"]");
    execute("UPDATE outbox_mail SET expires = now() - interval '2 minutes'; SELECT clock_expire_mail()");
    expect("expired no MTA took it", "SELECT state || ' ' || error FROM mail WHERE id = %lld", id);
    expect("0", "SELECT count(*) FROM outbox_mail");
}

/* A lease is as good as the session that holds it: a killed push does not keep its mail for twenty minutes. */
static void test_a_dead_lease_is_none(void **state)
{
    char sqlstate[6];
    long long id = queued(state, "[\"none@c.example\"]");
    assert_true(cluster_may("push", "SELECT * FROM cirt.mail_push_claim()", sqlstate)); /* its session ends here */
    expect("t", "SELECT leased_until > now() + interval '10 minutes' FROM outbox_mail WHERE mail_id = %lld", id);
    for (int i = 0; i < 50 && cluster_number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") > 0; i++)
        execute("SELECT pg_sleep(0.1)");
    expect("2", "SELECT attempts FROM mail_push_claim()");
    execute("DELETE FROM outbox_mail");
}

/* --- what comes back --- */

static void test_bounces(void **state)
{
    long long id = queued(state, "[\"none@c.example\",\"ended@c.example\"]");
    execute("SELECT count(*) FROM mail_push_claim()");
    execute(PUSHED, "'{none@c.example,ended@c.example}', '{250,250}', '{ok,ok}'", id, id);
    execute("SELECT mail_bounced('<' || message_id || '>', 'None@c.example', '4.4.1', 'later') FROM mail WHERE id = %lld", id);
    expect("sent", "SELECT state FROM mail WHERE id = %lld", id);
    execute("SELECT mail_bounced(message_id, 'none@c.example', '5.1.1', 'no such user') FROM mail WHERE id = %lld", id);
    expect("bounced sent", "SELECT string_agg(state, ' ' ORDER BY no) FROM mail_recipient WHERE mail_id = %lld", id);
    expect("bounced 5.1.1 no such user", "SELECT state || ' ' || error FROM mail WHERE id = %lld", id);
    expect("5.1.1 no such user", "SELECT bounce FROM contact WHERE address = 'none@c.example' AND bounced IS NOT NULL");
    /* Not who never got it, and nothing that we did not send. */
    execute("SELECT mail_bounced(message_id, 'pgp@c.example', '5.1.1', 'x') FROM mail WHERE id = %lld; SELECT "
            "mail_bounced('nothing@of.ours', 'pgp@c.example', '5.1.1', 'x')",
            id);
    expect("0", "SELECT count(*) FROM contact WHERE address <> 'none@c.example' AND bounced IS NOT NULL");
    expect("1",
           "SELECT count(*) FROM journal_payload WHERE payload::json ->> 'action' = 'mail bounced' AND payload::json #>> '{details,mail}' "
           "= 'm%lld'",
           id);
    /* Who writes to it sees that. */
    json_t *preview = mail_verb(state, "lead", 200,
                                draft(state, desk_client_case(*state, "again", "green"),
                                      "{\"occasion\":\"mail\",\"text\":\"x\",\"to\":[\"none@c.example\"],\"tlp\":\"green\"}"),
                                "/preview", "{}");
    char *text = json_dumps(preview, 0);
    assert_non_null(strstr(text, "mail to it comes back since"));
    free(text);
    json_decref(preview);
    execute("UPDATE contact SET bounced = NULL, bounce = NULL");
}

/* --- threads --- */

static void test_which_thread(void **state)
{
    int64_t number = desk_client_case(*state, "two write", "amber");
    char path[80];
    snprintf(path, sizeof path, "/v1/cases/%lld/mails", (long long)number);
    json_decref(post(state, "lead", 422, path, NULL, "{\"occasion\":\"reply\"}")); /* nobody wrote */
    int64_t first = mail_from(number, "none@c.example", "green", "none");
    json_t *answer = post(state, "lead", 201, path, NULL, "{\"occasion\":\"reply\"}");
    assert_string_equal(text_of(answer, "contact"), "none@c.example");
    assert_string_equal(text_of(answer, "lang"), "fr");
    assert_string_equal(text_of(answer, "tlp"), "green"); /* what they said came as that */
    assert_string_equal(text_of(answer, "subject"), "Re: kit");
    assert_non_null(strstr(text_of(answer, "text"), "> Bonjour\n"));
    assert_null(strstr(text_of(answer, "text"), "> me"));
    json_decref(answer);
    expect("id-x@out.example", "SELECT regexp_replace(in_reply_to, '\\d+', 'x') FROM mail WHERE answers = %lld", (long long)first);
    mail_from(number, "green@c.example", "amber", "none");
    answer = post(state, "lead", 409, path, NULL, "{\"occasion\":\"reply\"}");
    assert_int_equal(json_array_size(json_object_get(answer, "threads")), 2);
    json_decref(answer);
    json_decref(post(state, "lead", 404, path, NULL, "{\"occasion\":\"reply\",\"thread\":\"pgp@c.example\"}"));
    answer = post(state, "lead", 201, path, NULL, "{\"occasion\":\"question\",\"thread\":\"green@c.example\",\"text\":\"Which port?\"}");
    assert_string_equal(text_of(answer, "contact"), "green@c.example");
    assert_non_null(strstr(text_of(answer, "text"), "need your help"));
    assert_non_null(strstr(text_of(answer, "text"), "Which port?"));
    json_decref(answer);
    answer = desk_client_get(*state, "auditor", 200, path);
    assert_int_equal(json_array_size(json_object_get(answer, "threads")), 2);
    json_decref(answer);
    json_decref(post(state, "auditor", 403, path, NULL, "{\"occasion\":\"reply\"}"));
}

/* A reply to what came encrypted quotes it, and does not go in clear unless somebody decides that. */
static void test_what_came_encrypted(void **state)
{
    int64_t number = desk_client_case(*state, "secret", "green");
    mail_from(number, "none@c.example", "green", "whole");
    long long id = draft(state, number, "{\"occasion\":\"reply\"}");
    json_t *answer = mail_verb(state, "lead", 422, id, "/send", "{}");
    assert_non_null(strstr(text_of(answer, "detail"), "none@c.example"));
    json_decref(answer);
    json_decref(mail_verb(state, "lead", 200, id, "/send", "{\"strict\":true}"));
    expect("t", "SELECT is_strict_decided FROM mail WHERE id = %lld", id);
    execute("DELETE FROM to_sign");
}

static void test_notes_stay(void **state)
{
    int64_t number = desk_client_case(*state, "notes", "green");
    json_decref(
        desk_client_edit(*state, "lead", 200, number, "note", "{\"text\":\"The source is Mr X of Bank B, do not name.\",\"tlp\":\"red\"}"));
    long long id = draft(state, number,
                         "{\"occasion\":\"mail\",\"tlp\":\"green\",\"to\":[\"pgp@c.example\"],\"text\":\"FYI: The source is Mr X of Bank "
                         "B, do not name. Bye\"}");
    json_t *answer = mail_verb(state, "lead", 422, id, "/send", "{}");
    assert_non_null(strstr(text_of(answer, "detail"), "repeats note"));
    json_decref(answer);
}

static void test_everybody_is_told_once(void **state)
{
    int64_t number = desk_client_case(*state, "to close", "amber");
    char path[80];
    snprintf(path, sizeof path, "/v1/cases/%lld/tell", (long long)number);
    mail_from(number, "none@c.example", "green", "none");
    mail_from(number, "none@c.example", "green", "none");
    mail_from(number, "pgp@c.example", "amber", "none");
    mail_from(number, "ended@c.example", "amber", "none"); /* no key, no waiver any more */
    json_t *answer = post(state, "lead", 200, path, NULL, "{\"dry_run\":true}");
    assert_int_equal(json_array_size(json_object_get(answer, "items")), 3);
    json_decref(answer);
    expect("0", "SELECT count(*) FROM mail m JOIN incident_case c ON c.id = m.case_id WHERE c.number = %lld", (long long)number);
    json_decref(post(state, "lead", 200, path, NULL, "{\"text\":\"The page is gone.\"}"));
    /* What others called the case goes under no wider label than its own. */
    expect("0", "SELECT count(*) FROM mail WHERE tlp < 2 AND body LIKE '%%to close%%'");
    expect("ended@c.example en draft,none@c.example fr waiting,pgp@c.example en waiting",
           "SELECT string_agg(r.address || ' ' || m.lang || ' ' || m.state, ',' ORDER BY r.address) FROM mail m JOIN mail_recipient r ON "
           "r.mail_id = m.id JOIN incident_case c ON"
           " c.id = m.case_id WHERE c.number = %lld AND m.body LIKE '%%The page is gone.%%'",
           (long long)number);
    answer = post(state, "lead", 200, path, NULL, "{\"dry_run\":true}");
    assert_int_equal(json_array_size(json_object_get(answer, "items")), 1); /* who was not told yet */
    json_decref(answer);
    execute("DELETE FROM to_sign");
}

static void test_drafts(void **state)
{
    int64_t number = desk_client_case(*state, "drafts", "green");
    long long id = draft(state, number,
                         "{\"occasion\":\"mail\",\"tlp\":\"green\",\"to\":[\"Bob B "
                         "<BOB@Bücher.example>\"],\"cc\":[{\"address\":\"pgp@c.example\",\"name\":\"P\"}],"
                         "\"subject\":\"S\",\"text\":\"x\",\"attachments\":[{\"name\":\"a.txt\",\"base64\":\"aGVsbG8=\"}]}");
    char path[80];
    int got;
    snprintf(path, sizeof path, "/v1/mails/m%lld", id);
    expect("bob@xn--bcher-kva.example", "SELECT address FROM mail_recipient WHERE mail_id = %lld AND no = 1", id);
    expect("hello", "SELECT convert_from(bytes, 'UTF8') FROM mail_attachment WHERE mail_id = %lld", id);
    json_decref(post(state, "lead", 428, path, NULL, "{\"text\":\"y\"}"));
    json_decref(post(state, "lead", 412, path, "\"7\"", "{\"text\":\"y\"}"));
    json_decref(post(state, "lead", 422, path, "\"1\"", "{\"to\":[\"no address\"]}"));
    json_t *answer = post(state, "analyst", 200, path, "\"1\"", "{\"text\":\"y\",\"cc\":[],\"to\":[\"pgp@c.example\"]}");
    assert_string_equal(text_of(answer, "text"), "y");
    assert_int_equal(json_array_size(json_object_get(answer, "recipients")), 1);
    assert_int_equal(json_array_size(json_object_get(answer, "attachments")), 1);
    json_decref(answer);
    answer = post(state, "analyst", 200, path, "\"2\"", "{\"attachments\":[{\"name\":\"b\",\"base64\":\"\"}]}");
    assert_int_equal(json_array_size(json_object_get(answer, "attachments")), 2);
    json_decref(answer);
    answer = post(state, "analyst", 200, path, "\"3\"", "{\"attachments\":[]}");
    assert_int_equal(json_array_size(json_object_get(answer, "attachments")), 0);
    json_decref(answer);
    answer = desk_client_get(*state, "lead", 200, "/v1/mails?state=draft&limit=500");
    assert_true(json_array_size(json_object_get(answer, "items")) > 1);
    json_decref(answer);
    json_decref(desk_client_call(*state, "lead", MESSAGE_DELETE, path, NULL, NULL, &got));
    assert_int_equal(got, 204);
    json_decref(mail_verb(state, "lead", 409, id, "/send", "{}"));
}

/* --- acknowledgements --- */

/* What became of a report from that address; more: what is said of it first. */
static void expect_acknowledged(void **state, const char *address, const char *more, const char *wanted)
{
    int64_t number = desk_client_case(*state, "reported", "amber"), id = mail_from(number, address, "amber", "none");
    execute("%s WHERE report_id = %lld", more, (long long)id);
    execute("SELECT mail_acknowledge('incident@xx-cert.example', 3, 5)");
    expect(wanted, "SELECT outcome FROM acknowledgement WHERE report_id = %lld", (long long)id);
}

static void test_whom_the_machine_answers(void **state)
{
    static const char pass[] = "UPDATE report_mail SET dmarc = 'pass'", nothing[] = "UPDATE report_mail SET spam = spam";
    static const char stranger[] = "sender not assured: no DMARC pass, no good signature, no known contact";
    execute("DELETE FROM acknowledgement; UPDATE report_mail SET looked_at = now(); UPDATE mta SET smtp = NULL");
    expect_acknowledged(state, "a@s.example", pass, "no MTA configured");
    execute("SELECT mta_tell('smtp://mta', false)");
    expect_acknowledged(state, "b@s.example", nothing, stranger);
    expect_acknowledged(state, "c@s.example", "UPDATE report_mail SET dmarc = 'fail'", stranger);
    expect_acknowledged(state, "pgp@c.example", nothing, "sent"); /* known */
    expect_acknowledged(state, "e@s.example", "UPDATE report_verdict SET summary = 'verified'", "sent");
    expect_acknowledged(state, "f@s.example", "UPDATE report_mail SET dmarc = 'pass', kind = 'auto-reply'", "written by a machine");
    expect_acknowledged(state, "g@s.example", "UPDATE report_mail SET dmarc = 'pass', mail_from = ''", "written by a machine");
    expect_acknowledged(state, "auto@s.example", "UPDATE report_mail SET dmarc = 'pass', is_automatic = true", "written by a machine");
    expect_acknowledged(state, "noreply@s.example", pass, "written by a machine");
    expect_acknowledged(state, "list-request@s.example", pass, "written by a machine");
    expect_acknowledged(state, "\"a b\"@s.example", pass, "");
    expect_acknowledged(state, "h@s.example", "UPDATE report_mail SET dmarc = 'pass', spam = true", "spam");
    expect_acknowledged(state, "incident@xx-cert.example", pass, "our own address");
    expect_acknowledged(state, "case+7@xx-cert.example", pass, "our own address");
    expect_acknowledged(state, "\"incident\"@xx-cert.example", pass, "our own address");
    expect_acknowledged(state, "disabled@c.example", pass, "the contact is disabled");
    expect_acknowledged(state, "i@s.example", pass, "sent");
    expect_acknowledged(state, "j@s.example", pass, "sent");
    expect_acknowledged(state, "k@s.example", pass, "3 were sent to its domain within the hour");
    expect_acknowledged(state, "l@t.example", pass, "sent");
    expect_acknowledged(state, "m@u.example", pass, "5 were sent within the hour");
    /* Once a case and sender; ordered as a machine's mail without a text, in their language. */
    execute("DELETE FROM acknowledgement");
    int64_t number = desk_client_case(*state, "twice", "amber"), id = mail_from(number, "none@c.example", "amber", "none");
    mail_from(number, "none@c.example", "amber", "none");
    execute("SELECT mail_acknowledge('incident@xx-cert.example', 3, 5)");
    expect("1 fr auto-replied clear",
           "SELECT count(*) || ' ' || min(m.lang) || ' ' || min(m.auto_submitted) || ' ' || tlp_name(min(m.tlp)) FROM mail m JOIN "
           "to_compose q ON"
           " q.mail_id = m.id WHERE m.answers IN (%lld, %lld)",
           (long long)id, (long long)id + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c_and_sql_agree),
        cmocka_unit_test(test_the_database_holds_it),
        cmocka_unit_test(test_seal_gets_what_was_decided),
        cmocka_unit_test(test_seal_gets_nothing_else),
        cmocka_unit_test(test_a_piece_that_kills_seal_is_given_up),
        cmocka_unit_test(test_a_draft_that_kills_the_clock_is_given_up),
        cmocka_unit_test(test_recall),
        cmocka_unit_test(test_what_waits_is_judged_again),
        cmocka_unit_test(test_push_records_each_recipient),
        cmocka_unit_test(test_the_mta_is_away),
        cmocka_unit_test(test_nobody_takes_it),
        cmocka_unit_test(test_a_dead_lease_is_none),
        cmocka_unit_test(test_bounces),
        cmocka_unit_test(test_which_thread),
        cmocka_unit_test(test_what_came_encrypted),
        cmocka_unit_test(test_notes_stay),
        cmocka_unit_test(test_everybody_is_told_once),
        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_whom_the_machine_answers),
    };
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
