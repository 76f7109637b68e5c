/*
 * decode, verify and seal as processes of their own against a real database: mails of every kind go into the inbox, and what comes out is
 * the verdict, the content and the way to triage. Keys are made here.
 */
#include <setjmp.h>
#include <signal.h>
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
#include "base/str.h"
#include "cirtd/role.h"
#include "crypto/openpgp.h"
#include "support/cluster.h"
#include "support/shell.h"

enum { STAGE_COUNT = 3 };

struct world {
    char base[64], team_home[80], verify_home[80], alice_home[80];
    struct openpgp *team, *alice;
    char team_key[OPENPGP_FINGERPRINT_SIZE], alice_key[OPENPGP_FINGERPRINT_SIZE], stranger_key[OPENPGP_FINGERPRINT_SIZE];
    pid_t stages[STAGE_COUNT];
    char *report; /* the id of the last mail */
};

static const char *const stage_names[STAGE_COUNT] = {"decode", "verify", "seal"};

static pid_t start_stage(const struct world *world, const char *name)
{
    pid_t process = fork();
    if (process != 0)
        return process;
    struct err err;
    const char *port = getenv("PGPORT");
    struct config config = {.site_name = "XX-CERT",
                            .run = world->base,
                            .database_host = cluster_host(),
                            .database_port = port ? port : "5432",
                            .database_name = "cirt",
                            .verify_gnupg = world->verify_home,
                            .seal_gnupg = world->team_home};
    struct role_context context = {.role = role_find(name), .instance = 1, .config = &config, .config_fd = -1};
    bool ok = context.role->run(&context, &err);
    if (!ok)
        fprintf(stderr, "%s: %s\n", name, err.text);
    _exit(ok ? 0 : 1);
}

static void make_key(const char *home, struct openpgp *openpgp, const char *name, char fingerprint[OPENPGP_FINGERPRINT_SIZE])
{
    struct openpgp_keys keys;
    struct err err;
    shell("gpg --homedir %s --quiet --passphrase '' --quick-gen-key '%s <%s@yy.example>' ed25519 sign never 2>/dev/null", home, name, name);
    assert_true(openpgp_secret_keys(openpgp, &keys, &err));
    for (size_t i = 0; i < keys.count; i++)
        if (str_starts(keys.items[i].user_id, name))
            strcpy(fingerprint, keys.items[i].fingerprint);
    shell("gpg --homedir %s --quiet --passphrase '' --quick-add-key %s cv25519 encr never 2>/dev/null", home, fingerprint);
}

static void pin(struct openpgp *openpgp, const char *fingerprint, const char *address)
{
    struct buf armour;
    struct err err;
    buf_init(&armour, 100000);
    assert_true(openpgp_export(openpgp, fingerprint, &armour, &err));
    char *sql = mem_printf(
        "INSERT INTO cirt.identity (login, name, role) VALUES ('alice', 'Alice', 'analyst');"
        "INSERT INTO cirt.mail_key (fingerprint, identity_id, addresses, armoured, pinned) SELECT '%s', id, ARRAY['%s'], '%s', now() FROM "
        "cirt.identity WHERE login = 'alice'",
        fingerprint, address, buf_text(&armour));
    cluster_execute(sql);
    free(sql);
    buf_clear(&armour);
}

static void let_know(struct openpgp *from, const char *fingerprint, struct openpgp *to)
{
    struct buf armour;
    struct openpgp_keys keys;
    struct err err;
    buf_init(&armour, 100000);
    assert_true(openpgp_export(from, fingerprint, &armour, &err));
    assert_true(openpgp_import(to, armour.bytes, armour.size, &keys, &err));
    buf_clear(&armour);
}

static int set_up(void **state)
{
    static struct world world;
    struct err err;
    strcpy(world.base, "/tmp/cirt-mail-XXXXXX");
    assert_non_null(mkdtemp(world.base));
    snprintf(world.team_home, sizeof world.team_home, "%s/t", world.base);
    snprintf(world.verify_home, sizeof world.verify_home, "%s/v", world.base);
    snprintf(world.alice_home, sizeof world.alice_home, "%s/a", world.base);
    assert_true(openpgp_open(world.team_home, &world.team, &err));
    assert_true(openpgp_open(world.alice_home, &world.alice, &err));
    make_key(world.team_home, world.team, "team", world.team_key);
    make_key(world.alice_home, world.alice, "alice", world.alice_key);
    make_key(world.alice_home, world.alice, "stranger", world.stranger_key);
    pin(world.alice, world.alice_key, "alice@yy.example");
    let_know(world.team, world.team_key, world.alice);
    for (size_t i = 0; i < STAGE_COUNT; i++)
        world.stages[i] = start_stage(&world, stage_names[i]);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    int bad = 0;
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        int status = 0;
        kill(world->stages[i], SIGTERM);
        waitpid(world->stages[i], &status, 0);
        bad |= status;
    }
    openpgp_stop_agent(world->team);
    openpgp_stop_agent(world->alice);
    openpgp_close(world->team);
    openpgp_close(world->alice);
    shell("rm -rf %s", world->base);
    free(world->report);
    return bad;
}

/* --- mails --- */

static void head(struct buf *mail, const char *from)
{
    buf_printf(
        mail, "From: %s\r\nTo: incident@xx.example\r\nSubject: about 198.51.100.7\r\nMessage-ID: <%ld@yy.example>\r\nMIME-Version: 1.0\r\n",
        from, random());
}

static const char signed_text[] = "Content-Type: text/plain\r\n\r\nThe host https://198.51.100.44/x is bad\r\n";

/* A multipart/signed entity by that key; is_broken changes a letter after signing. */
static void add_signed(struct world *world, struct buf *mail, const char *key, bool is_broken)
{
    struct buf signature;
    char micalg[24];
    struct err err;
    buf_init(&signature, 10000);
    if (!openpgp_sign_detached(world->alice, key, signed_text, sizeof signed_text - 1, &signature, micalg, &err))
        fail_msg("%s", err.text);
    char *text = mem_strdup(signed_text);
    if (is_broken)
        *strstr(text, "bad") = 'm';
    buf_printf(mail,
               "Content-Type: multipart/signed; micalg=%s; protocol=\"application/pgp-signature\"; boundary=s\r\n\r\n--s\r\n%s\r\n--s\r\n"
               "Content-Type: application/pgp-signature\r\n\r\n%s\r\n--s--\r\n",
               micalg, text, buf_text(&signature));
    free(text);
    buf_clear(&signature);
}

static void add_encrypted(struct world *world, struct buf *mail, const char *to, const char *signer, const struct buf *clear)
{
    struct buf cipher;
    struct err err;
    buf_init(&cipher, 100000);
    if (!openpgp_encrypt_sign(world->alice, signer, &to, 1, clear->bytes, clear->size, &cipher, &err))
        fail_msg("%s", err.text);
    buf_printf(mail,
               "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=e\r\n\r\n--e\r\n"
               "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--e\r\nContent-Type: "
               "application/octet-stream\r\n\r\n%s\r\n--e--\r\n",
               buf_text(&cipher));
    buf_clear(&cipher);
}

/* What the mail role does, in the superuser's words. */
static void deliver(struct world *world, const struct buf *mail)
{
    char *hex = mem_calloc(2 * mail->size + 1, 1);
    str_hex((const unsigned char *)buf_text(mail), mail->size, hex);
    free(world->report);
    world->report = cluster_text("SELECT nextval('cirt.report_id_seq')");
    char *sql = mem_printf(
        "BEGIN; SET LOCAL search_path = cirt;"
        "INSERT INTO sender (address) VALUES ('alice@yy.example') ON CONFLICT DO NOTHING;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size) SELECT %s, now(), id, 'mail', 'unknown', "
        "sha256('\\x%s'), %zu FROM sender WHERE address = 'alice@yy.example';"
        "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed) VALUES (%s, now(), 'decoding', 'mail', 2, true);"
        "INSERT INTO report_raw VALUES (%s, now(), 0, '\\x%s');"
        "INSERT INTO inbox (report_id, received) VALUES (%s, now()); NOTIFY cirt_inbox; COMMIT",
        world->report, hex, mail->size, world->report, world->report, hex, world->report);
    cluster_execute(sql);
    free(sql);
    free(hex);
}

/* Waits until the query, with {id} for the last mail's report, answers that. */
static void expect(struct world *world, const char *query, const char *wanted)
{
    const char *id = strstr(query, "{id}");
    char *sql = mem_printf("%.*s%s%s", (int)(id - query), query, world->report, id + 4), *seen = NULL;
    for (unsigned i = 0; i < 1000; i++) {
        free(seen);
        seen = cluster_text(sql);
        if (strcmp(seen, wanted) == 0)
            break;
        usleep(20000);
    }
    assert_string_equal(seen, wanted);
    free(seen);
    free(sql);
}

#define VERDICT                                                                                                                            \
    "SELECT concat_ws(' ', summary, encryption, coalesce(covers, '-'), coalesce(signer, '-'), coalesce(key_now, '-')) FROM "               \
    "cirt.report_verdict "                                                                                                                 \
    "WHERE report_id = {id}"
#define OBSERVABLES "SELECT string_agg(value, ' ' ORDER BY value) FROM cirt.sighting WHERE report_id = {id}"

static void expect_triage(struct world *world)
{
    expect(world, "SELECT count(*) FROM cirt.to_triage WHERE reports @> {id}::bigint", "1");
    expect(world, "SELECT state FROM cirt.report_content WHERE report_id = {id}", "received");
}

static struct buf mail_new(const char *from)
{
    struct buf mail;
    buf_init(&mail, 1024 * 1024);
    head(&mail, from);
    return mail;
}

static void test_plain(void **state)
{
    struct world *world = *state;
    struct buf mail = mail_new("person@telecom.example");
    buf_add_text(&mail, "\r\nSee https://evil.example/kit (TLP:GREEN)\r\n");
    deliver(world, &mail);
    expect(world, VERDICT, "unprotected none - - -");
    expect(world, OBSERVABLES, "198.51.100.7 evil.example https://evil.example/kit");
    expect(world, "SELECT tlp FROM cirt.report_content WHERE report_id = {id}", "1");
    expect(world, "SELECT email FROM cirt.report_reporter WHERE report_id = {id}", "person@telecom.example");
    expect(world, "SELECT voices FROM cirt.report_mail WHERE report_id = {id}", "{person@telecom.example}");
    expect_triage(world);
    buf_clear(&mail);
}

/* Whose words a mail passes on. */
static void test_voices(void **state)
{
    struct world *world = *state;
    struct buf mail = mail_new("person@telecom.example");
    buf_add_text(
        &mail,
        "Content-Type: multipart/mixed; boundary=v\r\n\r\n--v\r\n\r\nOn Monday, CERT YY <Duty@yy.example> wrote:\r\n> see ww@ww.example\r\n"
        "--v\r\nContent-Type: message/rfc822\r\n\r\nFrom: zz@zz.example\r\nTo: person@telecom.example\r\nSubject: "
        "x\r\n\r\nhello\r\n--v--\r\n");
    deliver(world, &mail);
    expect(world, "SELECT ARRAY(SELECT unnest(voices) ORDER BY 1) FROM cirt.report_mail WHERE report_id = {id}",
           "{duty@yy.example,person@telecom.example,zz@zz.example}");
    buf_clear(&mail);
}

static void test_signed(void **state)
{
    struct world *world = *state;
    struct row {
        const char *from;
        const char *key;
        bool is_broken;
        const char *verdict;
    } rows[] = {
        {"Alice <alice@yy.example>", world->alice_key, false, "verified none whole Alice valid"},
        {"Alice <alice@yy.example>", world->alice_key, true, "bad none whole - -"},
        {"director@bank.example", world->alice_key, false, "not-sender none whole Alice valid"},
        {"Alice <alice@yy.example>", world->stranger_key, false, "unknown-key none whole - -"},
        {"Alice <alice@yy.example>, x@y.example", world->alice_key, false, "not-sender none whole Alice valid"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf mail = mail_new(rows[i].from);
        add_signed(world, &mail, rows[i].key, rows[i].is_broken);
        deliver(world, &mail);
        expect(world, VERDICT, rows[i].verdict);
        expect_triage(world);
        buf_clear(&mail);
    }
    expect(world,
           "SELECT parts->0->>'path' || ' ' || (parts->0->>'covered') || ' ' || (parts->0->>'verdict') FROM cirt.report_verdict WHERE "
           "report_id = {id}",
           "1 true good");
}

static void test_encrypted(void **state)
{
    struct world *world = *state;
    struct buf mail = mail_new("Alice <alice@yy.example>"), clear;
    buf_init(&clear, 100000);
    /* signed and encrypted in one OpenPGP message */
    buf_add_text(&clear, signed_text);
    add_encrypted(world, &mail, world->team_key, world->alice_key, &clear);
    deliver(world, &mail);
    expect(world, VERDICT, "verified whole whole Alice valid");
    expect(world, "SELECT description FROM cirt.report_content WHERE report_id = {id}", "The host https://198.51.100.44/x is bad");
    expect_triage(world);
    /* a signed part inside the encryption */
    buf_clear(&mail);
    mail = mail_new("Alice <alice@yy.example>");
    buf_reset(&clear);
    add_signed(world, &clear, world->alice_key, false);
    add_encrypted(world, &mail, world->team_key, NULL, &clear);
    deliver(world, &mail);
    expect(world, VERDICT, "verified whole whole Alice valid");
    expect_triage(world);
    /* encrypted only */
    buf_clear(&mail);
    mail = mail_new("Alice <alice@yy.example>");
    buf_reset(&clear);
    buf_add_text(&clear, signed_text);
    add_encrypted(world, &mail, world->team_key, NULL, &clear);
    deliver(world, &mail);
    expect(world, VERDICT, "unprotected whole - - -");
    expect_triage(world);
    buf_clear(&mail);
    buf_clear(&clear);
}

static void test_undecryptable(void **state)
{
    struct world *world = *state;
    struct buf mail = mail_new("Alice <alice@yy.example>"), clear;
    buf_init(&clear, 100000);
    buf_add_text(&clear, signed_text);
    add_encrypted(world, &mail, world->stranger_key, NULL, &clear);
    deliver(world, &mail);
    expect(world, VERDICT, "unprotected undecryptable - - -");
    expect_triage(world);
    expect(world, "SELECT cardinality(needed_keys) FROM cirt.report_verdict WHERE report_id = {id}", "1");
    expect(world,
           "SELECT concat_ws(' ', p->>'kind', p->>'verdict', p->>'error') FROM cirt.report_verdict, jsonb_array_elements(parts) p WHERE "
           "report_id = "
           "{id}",
           "encrypted closed encrypted to keys we do not have");
    expect(world, "SELECT count(*) FROM cirt.report_clear WHERE report_id = {id} AND bytes IS NULL AND cardinality(needed_keys) = 1", "1");
    buf_clear(&mail);
    buf_clear(&clear);
}

static void test_malformed(void **state)
{
    struct world *world = *state;
    struct buf mail;
    buf_init(&mail, 1000);
    buf_add_text(&mail, "no header at all\r\n");
    deliver(world, &mail);
    expect(world, "SELECT state || ' ' || error_at || ' ' || error FROM cirt.report_content WHERE report_id = {id}",
           "malformed line 1 no mail header");
    buf_clear(&mail);
}

static void test_queues_are_empty(void **state)
{
    struct world *world = *state;
    expect(world,
           "SELECT (SELECT count(*) FROM cirt.inbox) + (SELECT count(*) FROM cirt.to_verify) + (SELECT count(*) FROM cirt.to_open) + "
           "(SELECT count(*) FROM cirt.signed_part) + 0 * {id}",
           "0");
}

/* Whoever gets hold of a stage gets the reports in its hands, and no others. */
static void a_stage_reaches_what_it_holds_only(void **state)
{
    UNUSED(state);
    static const struct {
        const char *role, *call;
    } calls[] = {
        {"decode", "SELECT cirt.reports_decoded(ARRAY[max(report_id)], '{none}', '{1}', '{}', '{}', '{}', '{}', '{}', '{}', '{received}', "
                   "'{json}', '{0}', '{f}',"
                   " '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{0}', '{0}', '{}', '{}', '{}', '{}', '{}', '{}', "
                   "'{}', '{}', '{}', '{}', '{}',"
                   " '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',"
                   " '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')"},
        {"decode", "SELECT cirt.inbox_to_verify(ARRAY[max(report_id)], '{\"{}\"}', '{}', '{}', '{}', '{}', '{}', '{}')"},
        {"decode", "SELECT cirt.inbox_to_open(max(report_id), 0, '{1}', '{encrypted}', '{openpgp}', '{x}')"},
        {"decode", "SELECT cirt.inbox_facts(ARRAY[max(report_id)], '{\"{}\"}')"},
        {"decode",
         "SELECT cirt.verdicts_store(ARRAY[max(report_id)], '{verified}', '{none}', '{whole}', '{x}', '{x}', '{NULL}', '{NULL}', '{[]}', "
         "'{openpgp}', '{x}', '{\"{}\"}', '{\"{}\"}', '{\"{}\"}', '{\"{}\"}')"},
        {"verify",
         "SELECT cirt.verdicts_store(ARRAY[max(report_id)], '{verified}', '{none}', '{whole}', '{x}', '{x}', '{NULL}', '{NULL}', '{[]}', "
         "'{openpgp}', '{x}', '{\"{}\"}', '{\"{}\"}', '{\"{}\"}', '{\"{}\"}')"},
        {"seal", "SELECT cirt.report_opened(max(report_id), 0, '1', 'other words', NULL, '[]', NULL)"},
        {"verify", "SELECT cirt.report_unwrapped(max(report_id), 0, '1', 'other words', '[]', NULL)"},
    };
    char sqlstate[6], *report = cluster_text("SELECT max(report_id) FROM cirt.report_raw");
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        const char *place = strstr(calls[i].call, "max(report_id)");
        char *sql = mem_printf("%.*s%s%s", (int)(place - calls[i].call), calls[i].call, report, place + strlen("max(report_id)"));
        assert_false(cluster_may(calls[i].role, sql, sqlstate));
        if (!str_equal(sqlstate, "CI403"))
            fail_msg("%s: %s", sql, sqlstate);
        free(sql);
    }
    static const char *const reads[] = {"inbox_chunk", "inbox_steps"};
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        char *sql = mem_printf("SELECT 1 / (count(*) = 0)::int FROM cirt.%s(%s%s)", reads[i], report, i == 0 ? ", 0" : "");
        assert_true(cluster_may("decode", sql, sqlstate));
        free(sql);
    }
    free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_voices),
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_undecryptable),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_queues_are_empty),
        cmocka_unit_test(a_stage_reaches_what_it_holds_only),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
