/* What must not get out by mail: another's words, words of a higher label, what came encrypted from nobody knows whom, notes; and who may
 * not decide that something goes. */
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

static const char world[] = PATH
    "INSERT INTO own_key (fingerprint, protocol, public_text, can_sign, can_decrypt, signs) VALUES (repeat('1', 40), 'openpgp', '', true, "
    "true, true);"
    "INSERT INTO contact (address) VALUES ('b@out.example')";

/* The verdict of a mail: its columns summary, encryption, covers, parts. */
static const char plain[] = "'unprotected', 'none', NULL, '[]'";
static const char sealed[] = "'unprotected', 'whole', NULL, '[{\"kind\":\"encrypted\",\"covered\":true,\"step\":0,\"path\":\"1\"}]'";
static const char signed_inside[] =
    "'verified', 'whole', 'whole', '[{\"kind\":\"signed\",\"covered\":true,\"step\":0,\"path\":\"1\",\"verdict\":"
    "\"good\"},{\"kind\":\"encrypted\",\"covered\":true,\"step\":0,\"path\":\"1\"}]'";
static const char signed_outside[] =
    "'verified', 'whole', 'whole', '[{\"kind\":\"signed\",\"covered\":true,\"step\":0,\"path\":\"1\",\"verdict\":\"good\"},"
    "{\"kind\":\"encrypted\",\"covered\":true,\"step\":0,\"path\":\"1.1\"}]'";

static int setup(void **state)
{
    *state = desk_client_new();
    cluster_execute(world);
    return 0;
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

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* A mail from that address with a subject, "TEXT of" that subject, in the case; its number. */
static int64_t mail_from(int64_t number, const char *address, const char *subject, const char *tlp, const char *verdict)
{
    static const char *const none[] = {NULL};
    int64_t id = desk_client_report(number, tlp, "feed", none);
    execute("UPDATE report SET channel = 'mail' WHERE id = %lld; UPDATE report_content SET format = 'mail', summary = '%s', description = "
            "'TEXT of %s' WHERE "
            "report_id = %lld; INSERT INTO report_mail (report_id, received, mail_from, recipients, message_id, author) SELECT id, "
            "received, '%s', '{}', "
            "'%lld@out.example', '%s' FROM report WHERE id = %lld;"
            "INSERT INTO report_verdict (report_id, received, summary, encryption, covers, parts) SELECT id, received, %s FROM report "
            "WHERE id = %lld",
            (long long)id, subject, subject, (long long)id, address, (long long)id, address, (long long)id, verdict, (long long)id);
    return id;
}

/* A case as the first of its reports made it. */
static int64_t case_of(void **state, const char *address, const char *subject, const char *tlp, const char *verdict, int64_t *report)
{
    int64_t number = desk_client_case(*state, subject, tlp);
    *report = mail_from(number, address, subject, tlp, verdict);
    return number;
}

static json_t *drafted(void **state, int64_t number, const char *body)
{
    char path[80];
    snprintf(path, sizeof path, "/v1/cases/%lld/mails", (long long)number);
    return desk_client_post(*state, "lead", 201, path, body);
}

/* The draft that the body makes holds (or not) that in its subject or text. */
static void expect_in(void **state, int64_t number, const char *body, const char *words, bool wanted)
{
    json_t *mail = drafted(state, number, body);
    bool found = strstr(text_of(mail, "subject"), words) || strstr(text_of(mail, "text"), words);
    if (found != wanted)
        fail_msg("%s: %s \"%s\": %s / %s", body, found ? "holds" : "lacks", words, text_of(mail, "subject"), text_of(mail, "text"));
    json_decref(mail);
}

/* The last answer holds (or not) that. */
static void expect_bytes(const struct desk_client *client, const char *words, bool wanted)
{
    size_t size;
    const char *bytes = desk_client_bytes(client, &size);
    char *text = mem_printf("%.*s", (int)size, bytes);
    if (!strstr(text, words) == wanted)
        fail_msg("%s \"%s\": %s", wanted ? "lacks" : "holds", words, text);
    free(text);
}

/* --- labels --- */

static void test_the_label_rises_with_what_is_answered(void **state)
{
    int64_t first, number = case_of(state, "a@out.example", "open", "green", plain, &first);
    json_t *mail = drafted(state, number, "{\"occasion\":\"reply\"}");
    assert_string_equal(text_of(mail, "tlp"), "green");
    json_decref(mail);
    mail_from(number, "a@out.example", "Re: strict", "amber+strict", plain);
    mail = drafted(state, number, "{\"occasion\":\"reply\"}");
    assert_string_equal(text_of(mail, "tlp"), "amber+strict");
    assert_non_null(strstr(text_of(mail, "text"), "> TEXT of Re: strict"));
    json_decref(mail);
    mail_from(number, "a@out.example", "Re: red", "red", plain);
    mail = drafted(state, number, "{\"occasion\":\"reply\"}");
    assert_string_equal(text_of(mail, "tlp"), "red"); /* which never leaves */
    json_decref(mail);
    /* A lower one is chosen: then neither their text nor their subject goes with it. */
    expect_in(state, number, "{\"occasion\":\"reply\",\"tlp\":\"green\"}", "red", false);
    expect_in(state, number, "{\"occasion\":\"reply\",\"tlp\":\"green\"}", "TEXT of", false);
    expect_in(state, number, "{\"occasion\":\"mail\",\"tlp\":\"green\",\"thread\":\"a@out.example\",\"text\":\"x\"}", "red", false);
    /* Where nobody said a label, it is only assumed: their own words may go back at the one that was chosen. */
    execute("UPDATE report_content SET tlp = 2, tlp_assumed = true WHERE summary = 'Re: red'");
    expect_in(state, number, "{\"occasion\":\"reply\",\"tlp\":\"green\"}", "> TEXT of Re: red", true);
}

static void test_templates_say_what_the_label_carries(void **state)
{
    int64_t first, number = case_of(state, "a@out.example", "phone of the minister", "amber", plain, &first);
    static const char notice[] = "{\"occasion\":\"notice\",\"to\":[\"b@out.example\"],\"tlp\":\"%s\"}";
    char body[200];
    snprintf(body, sizeof body, notice, "amber");
    expect_in(state, number, body, "minister", true);
    snprintf(body, sizeof body, notice, "green");
    expect_in(state, number, body, "minister", false);
    expect_in(state, number, "{\"occasion\":\"mail\",\"to\":[\"b@out.example\"],\"tlp\":\"green\",\"text\":\"x\"}", "minister", false);
    expect_in(state, number, "{\"occasion\":\"question\",\"to\":[\"c@out.example\"],\"tlp\":\"green\",\"text\":\"x\"}", "minister", false);
}

/* Whoever is told of his machines is told of many, in the order of their addresses, and how many there are besides. */
static void test_notices_say_how_much_there_is(void **state)
{
    static const char *const one[] = {"ipv4 10.9.0.2 source", NULL};
    static const char notice[] = "{\"occasion\":\"notice\",\"to\":[\"b@out.example\"]}";
    int64_t number = desk_client_case(*state, "many machines", "green"), report = desk_client_report(number, "green", "feed", one);
    execute("INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, personal, addr, value)"
            " SELECT s.report_id, s.received, s.observation_no, s.origin, s.type, s.role, s.tlp, false, s.addr + n, host(s.addr + n)"
            " FROM sighting s, generate_series(1, 399) n WHERE s.report_id = %lld",
            (long long)report);
    expect_in(state, number, notice, "10.9.0.9\n10.9.0.10\n", true);
    expect_in(state, number, notice, "10.9.1.145\n", true);
    expect_in(state, number, notice, "(+", false);
    execute("INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, personal, addr, value)"
            " SELECT s.report_id, s.received, s.observation_no, s.origin, s.type, s.role, s.tlp, false, s.addr + 1000, host(s.addr + 1000)"
            " FROM sighting s WHERE s.report_id = %lld",
            (long long)report);
    expect_in(state, number, notice, "\n… (+300)", true);
    /* URLs of the greatest length leave room in the mail, too. */
    number = desk_client_case(*state, "long addresses", "green");
    report = desk_client_report(number, "green", "feed", one);
    execute("INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, personal, host, value)"
            " SELECT s.report_id, s.received, s.observation_no, s.origin, 6, s.role, s.tlp, false, 'x.example', 'https://x.example/' || "
            "to_char(n, 'FM000') || repeat('.', 8000) FROM sighting s, generate_series(1, 200) n WHERE s.report_id = %lld",
            (long long)report);
    expect_in(state, number, notice, "/011", true);
    expect_in(state, number, notice, "\n… (+188)", true);
}

/* A RED mail in a case that everybody sees: who may not read it learns neither its words nor with whom there is one. */
static void test_a_red_mail_gives_no_name_to_its_thread(void **state)
{
    int64_t number = desk_client_case(*state, "amber words", "amber");
    char path[80], body[200];
    json_decref(drafted(state, number,
                        "{\"occasion\":\"mail\",\"to\":[\"r@out.example\"],\"subject\":\"RED CONDOR\",\"tlp\":\"red\",\"text\":\"x\"}"));
    snprintf(path, sizeof path, "/v1/cases/%lld/mails", (long long)number);
    json_decref(desk_client_get(*state, "analyst", 200, path));
    expect_bytes(*state, "r@out.example", false);
    expect_bytes(*state, "CONDOR", false);
    json_decref(desk_client_post(*state, "analyst", 404, path, "{\"occasion\":\"mail\",\"thread\":\"r@out.example\",\"text\":\"x\"}"));
    json_decref(desk_client_get(*state, "lead", 200, path));
    expect_bytes(*state, "r@out.example", true);
    expect_in(state, number, "{\"occasion\":\"mail\",\"thread\":\"r@out.example\",\"text\":\"x\"}", "CONDOR", false);
    /* Whoever writes to them himself has a thread with them. */
    snprintf(body, sizeof body, "{\"occasion\":\"mail\",\"to\":[\"r@out.example\"],\"text\":\"x\"}");
    json_t *mail = desk_client_post(*state, "analyst", 201, path, body);
    assert_string_equal(text_of(mail, "tlp"), "amber");
    json_decref(mail);
    json_decref(desk_client_get(*state, "analyst2", 200, path));
    expect_bytes(*state, "r@out.example", true);
    expect_bytes(*state, "CONDOR", false);
}

/* --- another's words --- */

static void test_a_reporter_hears_his_own_words_only(void **state)
{
    int64_t first, number = case_of(state, "a@out.example", "a whistle", "amber", signed_inside, &first);
    mail_from(number, "d@out.example", "their page", "amber", plain);
    json_t *closing = drafted(state, number, "{\"occasion\":\"closing\",\"thread\":\"d@out.example\",\"text\":\"Solved.\"}");
    json_decref(closing);
    char path[80];
    snprintf(path, sizeof path, "/v1/cases/%lld/tell", (long long)number);
    json_decref(desk_client_post(*state, "lead", 200, path, "{\"text\":\"Solved.\"}"));
    char *told = cluster_text("SELECT string_agg(m.subject || m.body, '') FROM cirt.mail m JOIN cirt.mail_recipient r ON r.mail_id = m.id "
                              "WHERE m.occasion = 'closing' "
                              "AND m.answers IS NOT NULL AND r.address = 'd@out.example'");
    assert_non_null(strstr(told, "their page"));
    assert_null(strstr(told, "whistle"));
    free(told);
}

/* Who sends us another's ciphertext gets nothing of what it says: no text, no subject, by no template. */
/* To a peer no mail is composed of what another peer said under AMBER: neither its values nor its words. */
static void test_a_peer_hears_no_other_peer(void **state)
{
    static const char *const theirs[] = {"domain theirs.example infrastructure", NULL}, *const ours[] = {
                                                                                            "domain ours.example infrastructure", NULL};
    json_decref(desk_client_post(*state, "admin", 201, "/v1/peers", "{\"name\":\"WW-CERT\",\"mail\":\"duty@ww.example\"}"));
    json_decref(desk_client_post(*state, "admin", 201, "/v1/peers", "{\"name\":\"YY-CERT\",\"mail\":\"duty@yy.example\"}"));
    int64_t number = desk_client_case(*state, "words of WW", "amber");
    desk_client_report(number, "amber", "WW-CERT", theirs);
    desk_client_report(number, "amber", "feed", ours);
    static const char to_yy[] = "{\"occasion\":\"notice\",\"to\":[\"duty@yy.example\"],\"tlp\":\"amber\"}",
                      to_ww[] = "{\"occasion\":\"notice\",\"to\":[\"duty@ww.example\"],\"tlp\":\"amber\"}",
                      to_both[] = "{\"occasion\":\"notice\",\"to\":[\"b@out.example\",\"duty@yy.example\"],\"tlp\":\"amber\"}",
                      to_other[] = "{\"occasion\":\"notice\",\"to\":[\"b@out.example\"],\"tlp\":\"amber\"}";
    expect_in(state, number, to_yy, "words of WW", false);
    expect_in(state, number, to_yy, "theirs", false);
    expect_in(state, number, to_yy, "ours", true);
    expect_in(state, number, to_both, "theirs", false);
    expect_in(state, number, to_ww, "words of WW", true);
    expect_in(state, number, to_ww, "theirs", true);
    expect_in(state, number, to_other, "theirs", true);
}

static void test_nothing_is_decrypted_for_others(void **state)
{
    const char *const verdicts[] = {sealed, signed_outside};
    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
        int64_t first, number = case_of(state, "m@out.example", "stolen words", "amber", verdicts[i], &first);
        expect_in(state, number, "{\"occasion\":\"reply\"}", "stolen", false);
        expect_in(state, number, "{\"occasion\":\"question\",\"text\":\"x\"}", "stolen", false);
        expect_in(state, number, "{\"occasion\":\"closing\",\"text\":\"x\"}", "stolen", false);
        expect_in(state, number, "{\"occasion\":\"mail\",\"thread\":\"m@out.example\",\"text\":\"x\"}", "stolen", false);
        expect_in(state, number, "{\"occasion\":\"notice\",\"to\":[\"b@out.example\"]}", "stolen", false);
    }
    int64_t first, number = case_of(state, "a@out.example", "own words", "amber", signed_inside, &first);
    expect_in(state, number, "{\"occasion\":\"reply\"}", "> TEXT of own words", true);
    expect_in(state, number, "{\"occasion\":\"reply\"}", "Re: own words", true);
}

/* --- notes --- */

static void test_notes_stay_whatever_their_label(void **state)
{
    int64_t number = desk_client_case(*state, "notes", "green");
    json_decref(
        desk_client_edit(*state, "lead", 200, number, "note", "{\"text\":\"We suspect the administrator himself.\",\"tlp\":\"green\"}"));
    json_decref(desk_client_edit(*state, "lead", 200, number, "note", "{\"text\":\"The page is offline since noon.\",\"share\":true}"));
    static const char *const texts[] = {"Hello,\\n\\nWe suspect\\nthe  administrator himself.\\n",
                                        "> We suspect the\\n> administrator himself."};
    for (size_t i = 0; i < ARRAY_SIZE(texts) + 1; i++) {
        char body[300], path[80];
        int status;
        snprintf(body, sizeof body, "{\"occasion\":\"mail\",\"to\":[\"b@out.example\"],\"tlp\":\"green\",\"text\":\"%s\"}",
                 i < ARRAY_SIZE(texts) ? texts[i] : "The page is offline since noon.");
        json_t *mail = drafted(state, number, body);
        snprintf(path, sizeof path, "/v1/mails/%s/send", text_of(mail, "id"));
        json_decref(desk_client_call(*state, "lead", MESSAGE_POST, path, "\"1\"", "{}", &status));
        assert_int_equal(status, i < ARRAY_SIZE(texts) ? 422 : 200);
        json_decref(mail);
    }
}

/* --- who decides --- */

/* The clock sends what machines write. It stands for nobody: neither does it read what people write, nor send it. */
static void test_no_role_but_desk_stands_for_a_person(void **state)
{
    int64_t number = desk_client_case(*state, "a draft", "green");
    json_t *mail = drafted(state, number, "{\"occasion\":\"mail\",\"to\":[\"b@out.example\"],\"tlp\":\"green\",\"text\":\"not decided\"}");
    const char *id = text_of(mail, "id") + 1;
    char sql[600], sqlstate[6];
    long long lead = cluster_number("SELECT id FROM cirt.identity WHERE login = 'lead'");
    snprintf(sql, sizeof sql, PATH "SET cirt.viewer = '%lld'; SELECT 1 / (SELECT count(*) FROM mail_outline(%s))", lead, id);
    assert_false(cluster_may("clock", sql, sqlstate));
    assert_string_equal(sqlstate, "22012"); /* none */
    snprintf(sql, sizeof sql,
             PATH
             "SET cirt.viewer = '%lld'; SELECT mail_send(%s, 1, false, 'a@b', 0, '[{\"protocol\":\"openpgp\",\"protection\":\"signed\","
             "\"recipients\":[1],\"head\":\"\"}]', ARRAY['anything'::bytea])",
             lead, id);
    assert_false(cluster_may("clock", sql, sqlstate));
    assert_string_equal(sqlstate, "CI409");
    char *count = cluster_text("SELECT count(*) FROM cirt.to_sign q JOIN cirt.mail m ON m.id = q.mail_id WHERE m.body = 'not decided'");
    assert_string_equal(count, "0");
    free(count);
    json_decref(mail);
}

/* --- whom we know --- */

static void test_correspondents_of_a_restricted_case(void **state)
{
    int64_t number = desk_client_case(*state, "restricted", "green");
    json_decref(drafted(state, number, "{\"occasion\":\"mail\",\"to\":[\"informant@out.example\"],\"tlp\":\"green\",\"text\":\"x\"}"));
    json_decref(desk_client_get(*state, "analyst", 200, "/v1/contacts/informant@out.example"));
    execute("SET session_replication_role = replica; INSERT INTO compartment VALUES (9, 'nine'); INSERT INTO compartment_member SELECT 9, "
            "id FROM identity WHERE login "
            "= 'lead'; UPDATE incident_case SET compartment_id = 9 WHERE number = %lld; UPDATE mail m SET compartment_id = 9 FROM "
            "incident_case c WHERE c.id = "
            "m.case_id AND c.number = %lld",
            (long long)number, (long long)number);
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/contacts/informant@out.example"));
    json_decref(desk_client_get(*state, "lead", 200, "/v1/contacts/informant@out.example"));
}

static void test_an_address_that_cannot_be_answered(void **state)
{
    int64_t number = desk_client_case(*state, "odd", "green");
    char path[80];
    mail_from(number, "\"jo hn\"@out.example", "odd", "green", plain);
    snprintf(path, sizeof path, "/v1/cases/%lld/mails", (long long)number);
    json_decref(desk_client_post(*state, "lead", 422, path, "{\"occasion\":\"reply\"}"));
    json_decref(
        desk_client_post(*state, "lead", 422, path,
                         "{\"occasion\":\"mail\",\"text\":\"x\",\"to\":[\"b@out.example\",{\"address\":\"\\\"jo hn\\\"@out.example\"}]}"));
    json_decref(desk_client_post(*state, "lead", 422, path,
                                 "{\"occasion\":\"mail\",\"text\":\"x\",\"to\":[{\"address\":\"\\\"jo hn\\\"@out.example\"}]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_peer_hears_no_other_peer),
        cmocka_unit_test(test_the_label_rises_with_what_is_answered),
        cmocka_unit_test(test_templates_say_what_the_label_carries),
        cmocka_unit_test(test_notices_say_how_much_there_is),
        cmocka_unit_test(test_a_reporter_hears_his_own_words_only),
        cmocka_unit_test(test_nothing_is_decrypted_for_others),
        cmocka_unit_test(test_notes_stay_whatever_their_label),
        cmocka_unit_test(test_no_role_but_desk_stands_for_a_person),
        cmocka_unit_test(test_a_red_mail_gives_no_name_to_its_thread),
        cmocka_unit_test(test_correspondents_of_a_restricted_case),
        cmocka_unit_test(test_an_address_that_cannot_be_answered),
    };
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
