/* Contacts, waivers and keys as desk, verify, seal and clock see them, with a real PostgreSQL. Texts of keys are only kept here: no GnuPG.
 */
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

/* Two keys whose last 16 digits are the same. */
#define KEY_A "AAAA000000000000000000001234567890ABCDEF"
#define KEY_B "BBBB000000000000000000001234567890ABCDEF"
#define KEY_C "CCCC00000000000000000000000000000000CCCC"
#define KEY_D "DDDD00000000000000000000000000000000DDDD"
#define KEY_E "EEEE00000000000000000000000000000000EEEE"
#define KEY_F "FFFF00000000000000000000000000000000FFFF"

static int setup(void **state)
{
    *state = desk_client_new();
    json_decref(
        desk_client_post(*state, "admin", 201, "/v1/peers", "{\"name\":\"YY-CERT\",\"title\":\"Team Y\",\"mail\":\"Team@yy.example\"}"));
    json_decref(desk_client_post(*state, "admin", 201, "/v1/peers", "{\"name\":\"ZZ-CERT\",\"mail\":\"team@zz.example\"}"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/analysts/analyst2", "{\"mail\":\"two@xx.example\"}"));
    json_decref(desk_client_post(
        *state, "admin", 201, "/v1/constituents",
        "{\"name\":\"bank\",\"lang\":\"fr\",\"contacts\":[{\"name\":\"SOC\",\"email\":\" Soc@Bank.example\"},{\"name\":\"No Address\"},"
        "{\"phone\":\"+1 555 0100\"}]}"));
    return 0;
}

/* What a call answers with in one member. */
static void expect(void **state, const char *who, int status, const char *path, const char *body, const char *member, const char *wanted)
{
    json_t *answer = body ? desk_client_post(*state, who, status, path, body) : desk_client_get(*state, who, status, path);
    if (member)
        assert_string_equal(desk_client_text(answer, member), wanted);
    json_decref(answer);
}

static void expect_gone(void **state, const char *who, int status, const char *path)
{
    int got;
    json_decref(desk_client_call(*state, who, MESSAGE_DELETE, path, NULL, NULL, &got));
    if (got != status)
        fail_msg("DELETE %s: %d, not %d", path, got, status);
}

static void add_key(void **state, const char *fingerprint, const char *claim, const char *more)
{
    char *body =
        mem_printf("{\"fingerprint\":\"%s\",\"armoured\":\"text of %s\",\"claims\":[\"%s\"],\"user_id\":\"X <%s>\",\"key_ids\":[\"%s\"]%s}",
                   fingerprint, fingerprint, claim, claim, fingerprint + 24, more);
    char *sql = mem_printf("SELECT count(*) FROM cirt.mail_key WHERE fingerprint = '%s'", fingerprint);
    json_t *answer = desk_client_post(*state, "analyst", cluster_number(sql) ? 200 : 201, "/v1/keys", body);
    json_decref(answer);
    free(sql);
    free(body);
}

static void expect_reason(const char *address, const char *part)
{
    char *sql = mem_printf("SET search_path = cirt; SELECT coalesce(fingerprint, reason) FROM contact_key('%s')", address);
    char *text = cluster_text(sql);
    if (!strstr(text, part))
        fail_msg("contact_key(%s): '%s' lacks '%s'", address, text, part);
    free(text);
    free(sql);
}

/* --- contacts --- */

static void test_contacts_follow_records(void **state)
{
    json_t *contact = desk_client_get(*state, "auditor", 200, "/v1/contacts/SOC%40bank.example");
    assert_string_equal(desk_client_text(contact, "address"), "soc@bank.example");
    assert_string_equal(desk_client_text(contact, "constituent"), "bank");
    assert_string_equal(desk_client_text(contact, "lang"), "fr");
    assert_true(json_is_true(json_object_get(contact, "known")));
    json_decref(contact);
    expect(state, "lead", 200, "/v1/contacts/team%40yy.example", NULL, "peer", "YY-CERT");
    expect(state, "lead", 200, "/v1/contacts/two%40xx.example", NULL, "analyst", "analyst2");
    /* It leaves the record and is only remembered; another address comes. */
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/bank", "{\"contacts\":[{\"email\":\"new@bank.example\"}]}"));
    contact = desk_client_get(*state, "lead", 200, "/v1/contacts/soc%40bank.example");
    assert_true(json_is_false(json_object_get(contact, "known")));
    assert_true(json_is_null(json_object_get(contact, "constituent")));
    json_decref(contact);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/bank",
                                 "{\"contacts\":[{\"name\":\"SOC\",\"email\":\"soc@bank.example\"}]}"));
    /* A disabled record vouches for nobody. */
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/ZZ-CERT", "{\"enabled\":false}"));
    contact = desk_client_get(*state, "lead", 200, "/v1/contacts/team%40zz.example");
    assert_true(json_is_false(json_object_get(contact, "known")));
    json_decref(contact);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/ZZ-CERT", "{\"enabled\":true}"));
    json_t *list = desk_client_get(*state, "lead", 200, "/v1/contacts?q=bank&known=true");
    assert_int_equal(desk_client_size(list, "items"), 1);
    json_decref(list);
    expect_gone(state, "analyst", 409, "/v1/contacts/soc%40bank.example");
}

static void test_contacts_by_hand(void **state)
{
    expect(state, "auditor", 403, "/v1/contacts", "{\"address\":\"r@example.net\"}", NULL, NULL);
    expect(state, "analyst", 422, "/v1/contacts", "{\"address\":\"r example.net\"}", "at", "/address");
    expect(state, "analyst", 422, "/v1/contacts", "{\"address\":\"r\\u001b@example.net\"}", "at", "/address");
    expect(state, "analyst", 422, "/v1/contacts", "{\"address\":\"r@example.net\",\"lang\":\"no such\"}", "at", "/lang");
    expect(state, "analyst", 422, "/v1/contacts", "{\"address\":\"r@example.net\",\"name\":\"a\\nb\"}", "at", "/name");
    expect(state, "analyst", 403, "/v1/contacts", "{\"address\":\"r@example.net\",\"peer\":\"YY-CERT\"}", NULL, NULL);
    expect(state, "analyst", 201, "/v1/contacts", "{\"address\":\"R@example.net\",\"name\":\"R\"}", "address", "r@example.net");
    expect(state, "analyst", 409, "/v1/contacts", "{\"address\":\"r@example.net\"}", NULL, NULL);
    expect(state, "analyst", 200, "/v1/contacts/r%40example.net", "{\"lang\":\"ar\",\"constituent\":\"bank\"}", "lang", "ar");
    expect(state, "analyst", 422, "/v1/contacts/r%40example.net", "{\"bounced\":true}", "at", "/bounced");
    cluster_execute("UPDATE cirt.contact SET bounced = now(), bounce = '5.1.1' WHERE address = 'r@example.net'");
    expect(state, "analyst", 200, "/v1/contacts/r%40example.net", "{\"bounced\":null}", "bounced", "(none)");
    expect_gone(state, "analyst", 204, "/v1/contacts/r%40example.net");
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/contacts/r%40example.net"));
}

static void test_waivers(void **state)
{
    static const char path[] = "/v1/contacts/soc%40bank.example/waiver";
    expect(state, "analyst", 403, path, "{\"up_to\":\"amber\",\"until\":\"2027-01-01\",\"reason\":\"x\"}", NULL, NULL);
    expect(state, "lead", 422, path, "{\"up_to\":\"red\",\"until\":\"2027-01-01\",\"reason\":\"x\"}", "at", "/up_to");
    expect(state, "lead", 422, path, "{\"up_to\":\"amber\",\"until\":\"2001-01-01\",\"reason\":\"x\"}", "at", "/until");
    expect(state, "lead", 422, path, "{\"up_to\":\"amber\",\"until\":\"2999-01-01\",\"reason\":\"x\"}", "at", "/until");
    char *until = cluster_text("SELECT (now() + interval '90 days')::date::text");
    char *body = mem_printf("{\"up_to\":\"amber\",\"until\":\"%s\",\"reason\":\"agreed by phone\"}", until);
    free(until);
    json_t *contact = desk_client_post(*state, "lead", 200, path, body);
    assert_int_equal(desk_client_size(contact, "waivers"), 1);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(contact, "waivers"), 0), "granted_by"), "lead");
    json_decref(contact);
    /* The next one takes its place. */
    contact = desk_client_post(*state, "admin", 200, path, body);
    assert_int_equal(desk_client_size(contact, "waivers"), 1);
    json_decref(contact);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT up_to FROM contact_waiver('soc@bank.example')"), 2);
    /* A peer's holds for its addresses. */
    json_decref(desk_client_post(*state, "lead", 200, "/v1/peers/YY-CERT/waiver", body));
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM contact_waiver('team@yy.example')"), 1);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM contact_waiver('team@zz.example')"), 0);
    json_t *peer = desk_client_get(*state, "auditor", 200, "/v1/peers/YY-CERT");
    assert_int_equal(desk_client_size(peer, "waivers"), 1);
    json_decref(peer);
    expect_gone(state, "analyst", 403, path);
    expect_gone(state, "lead", 204, path);
    expect_gone(state, "lead", 404, path);
    expect_gone(state, "lead", 204, "/v1/peers/YY-CERT/waiver");
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM contact_waiver('team@yy.example')"), 0);
    free(body);
}

/* --- keys --- */

static void test_candidates(void **state)
{
    expect(state, "auditor", 403, "/v1/keys", "{\"fingerprint\":\"" KEY_A "\",\"armoured\":\"x\"}", NULL, NULL);
    expect(state, "analyst", 422, "/v1/keys", "{\"fingerprint\":\"1234\",\"armoured\":\"x\"}", NULL, NULL);
    expect(state, "analyst", 422, "/v1/keys", "{\"fingerprint\":\"" KEY_A "\",\"armoured\":\"-----BEGIN PGP PRIVATE KEY BLOCK-----\"}",
           "at", "/armoured");
    char *big = mem_calloc(1, 530001), *body;
    memset(big, 'x', 530000);
    body = mem_printf("{\"fingerprint\":\"" KEY_A "\",\"armoured\":\"%s\"}", big);
    expect(state, "analyst", 413, "/v1/keys", body, NULL, NULL);
    free(body);
    free(big);
    add_key(state, KEY_A, "soc@bank.example", "");
    add_key(state, KEY_B, "soc@bank.example", "");
    expect_reason("soc@bank.example", "not pinned");
    expect_reason("nobody@bank.example", "no key");
    /* Who is meant is never guessed. */
    json_t *problem = desk_client_get(*state, "lead", 409, "/v1/keys/1234567890abcdef");
    assert_int_equal(desk_client_size(problem, "keys"), 2);
    json_decref(problem);
    json_decref(desk_client_get(*state, "lead", 409, "/v1/keys/soc%40bank.example"));
    json_decref(desk_client_get(*state, "lead", 404, "/v1/keys/0000000000000000"));
    json_decref(desk_client_get(*state, "lead", 404, "/v1/keys/%25"));
    expect(state, "lead", 200, "/v1/keys/AAAA%200000%200000%200000%200000%20%200000%201234%205678%2090AB%20CDEF", NULL, "text",
           "text of " KEY_A);
    /* Nothing of it counts. */
    assert_int_equal(
        cluster_number("SET search_path = cirt; SELECT count(*) FROM signer_identities(ARRAY['" KEY_A "']) WHERE NOT is_refused"), 0);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM pinned_keys(0)"), 0);
}

static void test_pin_to_contact(void **state)
{
    expect(state, "analyst", 422, "/v1/keys/1234567890ABCDEF/pin", "{\"contact\":\"soc@bank.example\"}", "at", "/key");
    expect(state, "analyst", 422, "/v1/keys/" KEY_A "/pin", "{}", NULL, NULL);
    expect(state, "analyst", 422, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"soc@bank.example\",\"peer\":\"YY-CERT\"}", NULL, NULL);
    /* A peer's or a colleague's address is no way round the second person. */
    expect(state, "analyst", 409, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"team@yy.example\"}", NULL, NULL);
    expect(state, "analyst", 409, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"two@xx.example\"}", NULL, NULL);
    expect(state, "analyst", 409, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"soc@bank.example\",\"addresses\":[\"team@yy.example\"]}", NULL,
           NULL);
    expect(state, "analyst", 200, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"Soc@bank.example\"}", "state", "pinned");
    expect_reason("soc@bank.example", KEY_A);
    expect(state, "lead", 200, "/v1/keys/soc%40bank.example", NULL, "fingerprint", KEY_A);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM pinned_keys(0)"), 1);
    /* It is somebody's now. */
    expect(state, "lead", 409, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"other@bank.example\"}", NULL, NULL);
    /* Who was not known is vouched for by the pin. */
    add_key(state, KEY_C, "stranger@example.net", ",\"can_encrypt\":false");
    expect(state, "analyst", 200, "/v1/keys/" KEY_C "/pin", "{\"contact\":\"stranger@example.net\"}", "state", "pinned");
    expect_reason("stranger@example.net", "signatures only");
    json_t *contact = desk_client_get(*state, "lead", 200, "/v1/contacts/stranger%40example.net");
    assert_true(json_is_true(json_object_get(contact, "known")));
    assert_int_equal(desk_client_size(contact, "keys"), 1);
    json_decref(contact);
}

static void test_pin_to_peer(void **state)
{
    add_key(state, KEY_D, "team@yy.example", "");
    expect(state, "analyst", 200, "/v1/keys/" KEY_D "/pin", "{\"peer\":\"YY-CERT\"}", "state", "asked");
    expect(state, "analyst", 200, "/v1/keys/" KEY_D "/pin", "{\"peer\":\"YY-CERT\"}", "state", "asked");
    expect_reason("team@yy.example", "second person");
    /* One of the two is a lead or an admin; and both say the same. */
    expect(state, "analyst2", 403, "/v1/keys/" KEY_D "/pin", "{\"peer\":\"YY-CERT\"}", NULL, NULL);
    expect(state, "lead", 200, "/v1/keys/" KEY_D "/pin", "{\"peer\":\"YY-CERT\",\"addresses\":[\"other@yy.example\"]}", "state", "asked");
    expect(state, "analyst", 200, "/v1/keys/" KEY_D "/pin", "{\"peer\":\"YY-CERT\"}", "state", "asked");
    expect(state, "lead", 200, "/v1/keys/" KEY_D "/pin", "{\"peer\":\"YY-CERT\"}", "state", "pinned");
    expect_reason("team@yy.example", KEY_D);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.approval WHERE action = 'key pin' AND granted_by <> asked_by AND subject LIKE '" KEY_D
                       "%'"),
        1);
    json_t *peer = desk_client_get(*state, "auditor", 200, "/v1/peers/YY-CERT");
    assert_string_equal(desk_client_text(json_array_get(json_object_get(peer, "mail_keys"), 0), "state"), "pinned");
    json_decref(peer);
    /* The record tells the same story: a new key waits, one that leaves is distrusted. */
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/YY-CERT",
                                 "{\"openpgp\":[{\"fingerprint\":\"" KEY_E
                                 "\",\"addresses\":[\"team@yy.example\"],\"armoured\":\"text of " KEY_E "\"}]}"));
    expect(state, "lead", 200, "/v1/keys/" KEY_D, NULL, "state", "distrusted");
    expect(state, "lead", 200, "/v1/keys/" KEY_E, NULL, "state", "asked");
    expect(state, "admin", 200, "/v1/keys/" KEY_E "/pin", "{\"peer\":\"YY-CERT\"}", "state", "asked");
    expect(state, "analyst", 200, "/v1/keys/" KEY_E "/pin", "{\"peer\":\"YY-CERT\"}", "state", "pinned");
    /* Somebody else's key does not come in through a record. */
    json_decref(desk_client_post(*state, "admin", 409, "/v1/peers/ZZ-CERT",
                                 "{\"openpgp\":[{\"fingerprint\":\"" KEY_E
                                 "\",\"addresses\":[\"team@zz.example\"],\"armoured\":\"text\"}]}"));
    /* Of our own people an admin says. */
    expect(state, "lead", 403, "/v1/keys/" KEY_D "/pin", "{\"analyst\":\"analyst2\"}", NULL, NULL);
    expect(state, "admin", 200, "/v1/keys/" KEY_D "/pin", "{\"analyst\":\"analyst2\"}", "state", "pinned");
}

static void test_distrust(void **state)
{
    expect(state, "auditor", 403, "/v1/keys/" KEY_A "/distrust", "{\"reason\":\"x\"}", NULL, NULL);
    expect(state, "analyst", 422, "/v1/keys/" KEY_A "/distrust", "{}", "at", "/reason");
    expect(state, "analyst", 409, "/v1/keys/1234567890ABCDEF/distrust", "{\"reason\":\"x\"}", NULL, NULL);
    expect(state, "analyst", 200, "/v1/keys/" KEY_A "/distrust", "{\"reason\":\"laptop stolen\"}", "state", "distrusted");
    expect_reason("soc@bank.example", "not pinned"); /* the other candidate may help */
    assert_int_equal(
        cluster_number("SET search_path = cirt; SELECT count(*) FROM signer_identities(ARRAY['" KEY_A "']) WHERE NOT is_refused"), 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_payload WHERE payload LIKE '%key distrust%laptop stolen%'"), 1);
    /* A newer copy makes it no better; a person does. */
    add_key(state, KEY_A, "soc@bank.example", ",\"expires\":\"2099-01-01T00:00:00Z\"");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "distrusted");
    expect(state, "analyst", 200, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"soc@bank.example\"}", "state", "pinned");
}

static void test_newer_copies(void **state)
{
    add_key(state, KEY_A, "soc@bank.example", ",\"expires\":\"2001-01-01T00:00:00Z\"");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "expired");
    expect_reason("soc@bank.example", "ended 2001-01-01");
    add_key(state, KEY_A, "soc@bank.example", ",\"expires\":null");
    expect_reason("soc@bank.example", KEY_A);
    /* verify's own look stands over what was said. */
    cluster_execute("SET search_path = cirt; SELECT key_confirmed('" KEY_A "', '{}', '{}', 'X', NULL, false, true, NULL, 'another key', "
                    "(SELECT x.armoured FROM mail_key x WHERE x.fingerprint = '" KEY_A "'))");
    expect_reason("soc@bank.example", "cannot be used: another key");
    cluster_execute("SET search_path = cirt; SELECT key_confirmed('" KEY_A
                    "', '{1234567890ABCDEF}', '{soc@bank.example}', 'X', NULL, false, true, NULL, NULL, "
                    "(SELECT x.armoured FROM mail_key x WHERE x.fingerprint = '" KEY_A "'))");
    expect_reason("soc@bank.example", KEY_A);
    /* Who says that it is revoked, where GnuPG finds nothing of it, is not believed for long. */
    add_key(state, KEY_A, "soc@bank.example", ",\"revoked\":true");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "revoked");
    cluster_execute("SET search_path = cirt; SELECT key_confirmed('" KEY_A
                    "', '{1234567890ABCDEF}', '{soc@bank.example}', 'X', NULL, false, true, NULL, NULL, "
                    "(SELECT x.armoured FROM mail_key x WHERE x.fingerprint = '" KEY_A "'))");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "pinned");
    add_key(state, KEY_A, "soc@bank.example", ",\"revoked\":true");
    /* What verify found in an older text, or with a newer copy while this one waits to be looked at, says nothing of this one. */
    cluster_execute("SET search_path = cirt; SELECT key_confirmed('" KEY_A
                    "', '{1234567890ABCDEF}', '{soc@bank.example}', 'X', NULL, false, true, NULL, NULL, 'an older text');"
                    "SELECT key_confirmed('" KEY_A
                    "', '{1234567890ABCDEF}', '{soc@bank.example}', 'X', NULL, false, true, 'a copy', NULL, NULL)");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "revoked");
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM keys_unconfirmed() WHERE fingerprint = '" KEY_A "'"), 1);
    cluster_execute("SET search_path = cirt; SELECT key_confirmed('" KEY_A
                    "', '{1234567890ABCDEF}', '{soc@bank.example}', 'X', NULL, true, true, NULL, NULL, "
                    "(SELECT x.armoured FROM mail_key x WHERE x.fingerprint = '" KEY_A "'))");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "revoked");
    add_key(state, KEY_A, "soc@bank.example", ",\"revoked\":false");
    expect(state, "lead", 200, "/v1/keys/" KEY_A, NULL, "state", "revoked");
    expect(state, "lead", 409, "/v1/keys/" KEY_A "/pin", "{\"contact\":\"soc@bank.example\"}", NULL, NULL);
    /* verify keeps it, so that it knows. */
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM pinned_keys(0) WHERE fingerprint = '" KEY_A "'"), 1);
}

/* As decode leaves a key and verify finds it. */
static void from_mail(const char *fingerprint, const char *claim, const char *text)
{
    char *sql = mem_printf("SET search_path = cirt; SELECT key_offer_add(7, 'autocrypt', '%s%s'); SELECT key_offer_claim();"
                           "SELECT key_candidate_add(o.id, '{\"fingerprint\": \"%s\", \"armoured\": \"%s\", \"claims\": [\"%s\"]}') FROM "
                           "key_offer o WHERE bytes IS NOT NULL;"
                           "SELECT key_offer_settle(ARRAY[o.id], ARRAY[o.attempts]) FROM key_offer o WHERE bytes IS NOT NULL",
                           fingerprint, text, fingerprint, text, claim);
    cluster_execute(sql);
    free(sql);
}

/* Strangers' mails bring candidates, a bounded number, and change no key that somebody decided about. */
static void test_keys_from_mail(void **state)
{
    from_mail(KEY_C, "evil@example.net", "another text");
    expect(state, "lead", 200, "/v1/keys/" KEY_C, NULL, "text", "text of " KEY_C);
    from_mail(KEY_B, "evil@example.net", "another text");
    expect(state, "lead", 200, "/v1/keys/" KEY_B, NULL, "text", "text of " KEY_B);
    for (int i = 0; i < 30; i++) {
        char fingerprint[41];
        snprintf(fingerprint, sizeof fingerprint, "%040X", i + 1);
        from_mail(fingerprint, "Flood@example.net", "text");
    }
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.mail_key WHERE claims = '{flood@example.net}'"), 20);
    expect(state, "lead", 200, "/v1/keys/000000000000001E", NULL, "source", "autocrypt");
    /* The same bytes again are nothing new; those of one that had to go are looked at again. */
    cluster_execute("SET search_path = cirt; SELECT key_offer_add(8, 'autocrypt', '000000000000000000000000000000000000001Etext')");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.key_offer WHERE bytes IS NOT NULL"), 0);
    cluster_execute("SET search_path = cirt; SELECT key_offer_add(8, 'autocrypt', '0000000000000000000000000000000000000001text')");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.key_offer WHERE bytes IS NOT NULL"), 1);
    cluster_execute("SET search_path = cirt; SELECT key_offer_add(8, 'autocrypt', convert_to(repeat('x', 70000), 'UTF8'))");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.key_offer WHERE bytes IS NOT NULL"), 1);
    cluster_execute("UPDATE cirt.mail_key SET seen = now() - interval '200 days' WHERE claims = '{flood@example.net}'");
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT done FROM clock_keys_forgotten()"), 20);
    char code[6];
    assert_false(cluster_may("verify", "SELECT cirt.key_pin('" KEY_C "', 'x@example.net', NULL, NULL, NULL)", code));
    assert_string_equal(code, "42501");
}

static void publish(const char *keys)
{
    char *sql = mem_printf("SET search_path = cirt; SELECT own_keys_publish('%s')", keys);
    cluster_execute(sql);
    free(sql);
}

static void test_own_keys(void **state)
{
    static const char one[] = "{\"fingerprint\": \"" KEY_F
                              "\", \"protocol\": \"openpgp\", \"key_ids\": [\"00000000FFFF0001\"], \"addresses\": [\"Us@xx.example\"],"
                              " \"user_id\": \"XX <us@xx.example>\", \"public_text\": \"ours\", \"expires\": null, \"can_sign\": true, "
                              "\"can_decrypt\": true, \"signs\": true}";
    char *list = mem_printf("[%s]", one);
    publish(list);
    publish(list);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.journal_payload WHERE payload LIKE '%\"own key\"%' AND payload LIKE '%" KEY_F "%'"), 1);
    json_t *keys = desk_client_get(*state, "auditor", 200, "/v1/keys?q=own");
    assert_int_equal(desk_client_size(keys, "items"), 1);
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(keys, "items"), 0), "signs")));
    json_decref(keys);
    expect_reason("us@xx.example", KEY_F);
    size_t size;
    json_decref(desk_client_get(*state, "analyst", 200, "/v1/keys/own/export"));
    assert_string_equal(desk_client_bytes(*state, &size), "ours\n");
    /* It is nobody else's. */
    expect(state, "analyst", 409, "/v1/keys", "{\"fingerprint\":\"" KEY_F "\",\"armoured\":\"x\"}", NULL, NULL);
    expect(state, "analyst", 409, "/v1/keys/" KEY_F "/pin", "{\"contact\":\"r@example.net\"}", NULL, NULL);
    expect(state, "analyst", 409, "/v1/keys/" KEY_F "/distrust", "{\"reason\":\"x\"}", NULL, NULL);
    publish("[]");
    expect(state, "lead", 200, "/v1/keys/" KEY_F, NULL, "state", "gone");
    publish(list);
    free(list);
}

static void test_warnings(void **state)
{
    cluster_execute("UPDATE cirt.own_key SET expires = now() + interval '6 days 1 hour' WHERE fingerprint = '" KEY_F "';"
                    "UPDATE cirt.mail_key SET expires = now() + interval '20 days' WHERE fingerprint = '" KEY_E "'");
    cluster_execute(
        "UPDATE cirt.identity SET level = 'duty', mail = 'duty@xx.example' WHERE login = 'analyst';"
        "INSERT INTO cirt.mta (smtp, told) VALUES ('smtp://127.0.0.1:25', now()) ON CONFLICT (one) DO UPDATE SET smtp = EXCLUDED.smtp");
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT done FROM clock_key_warnings()"), 2);
    /* One mail to who is on duty, which names no key. */
    assert_int_equal(
        cluster_number(
            "SELECT count(*) FROM cirt.mail m JOIN cirt.mail_recipient r ON r.mail_id = m.id WHERE m.occasion = 'warning' AND r.address = "
            "'duty@xx.example' AND m.body LIKE '%2, the first within 7 days.%' AND m.body NOT LIKE '%0000%'"),
        1);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT done FROM clock_key_warnings()"), 0);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.key_warning WHERE (fingerprint, days) IN (('" KEY_F "', 7), ('" KEY_E "', 30))"), 2);
    json_t *keys = desk_client_get(*state, "auditor", 200, "/v1/keys?expiring=30");
    assert_int_equal(desk_client_size(keys, "items"), 2);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(keys, "items"), 0), "fingerprint"), KEY_F);
    json_decref(keys);
    keys = desk_client_get(*state, "auditor", 200, "/v1/keys?expiring=10");
    assert_int_equal(desk_client_size(keys, "items"), 1);
    json_decref(keys);
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT count(*) FROM key_checks() WHERE name = 'our key 0000FFFF' AND NOT ok"),
                     1);
    assert_int_equal(
        cluster_number(
            "SET search_path = cirt; SELECT count(*) FROM key_checks() WHERE name = 'key of YY-CERT' AND ok AND hint LIKE '%refresh%'"),
        1);
    /* The next step, a new end, and what is over. */
    cluster_execute("UPDATE cirt.mail_key SET expires = expires - interval '10 days' WHERE fingerprint = '" KEY_E "';"
                    "UPDATE cirt.own_key SET expires = now() - interval '1 hour'");
    assert_int_equal(cluster_number("SET search_path = cirt; SELECT done FROM clock_key_warnings()"), 1);
    json_decref(desk_client_get(*state, "auditor", 400, "/v1/keys?expiring=soon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contacts_follow_records),
        cmocka_unit_test(test_contacts_by_hand),
        cmocka_unit_test(test_waivers),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_pin_to_contact),
        cmocka_unit_test(test_pin_to_peer),
        cmocka_unit_test(test_distrust),
        cmocka_unit_test(test_newer_copies),
        cmocka_unit_test(test_keys_from_mail),
        cmocka_unit_test(test_own_keys),
        cmocka_unit_test(test_warnings),
    };
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
