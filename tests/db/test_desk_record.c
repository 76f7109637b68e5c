/* The desk's records, lists by filter, search, reports, changes and doctor, with a real PostgreSQL. */
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
#include "model/filter.h"
#include "store/sql_statements.h"
#include "support/cluster.h"
#include "support/desk_client.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static long long site_entries(void)
{
    return cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0");
}

/* --- records --- */

static void test_peer(void **state)
{
    long long before = site_entries();
    json_decref(desk_client_post(
        *state, "admin", 201, "/v1/peers",
        "{\"name\":\"ZZ-CERT\",\"title\":\"Team Z\",\"rid_url\":\"https://z.example:4590/\",\"issuer_names\":[\"ZZ-CERT\",\"zz\"],"
        "\"keys\":[\"" KEY_A "\"],\"openpgp\":[{\"fingerprint\":\"8A30000000000000000000000000000000000001\","
        "\"addresses\":[\"Team@zz.example\"],\"armoured\":\"-----BEGIN\"}]}"));
    json_decref(desk_client_post(*state, "admin", 409, "/v1/peers", "{\"name\":\"ZZ-CERT\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/peers", "{\"name\":\"no good\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/peers", "{\"name\":\"YA-CERT\",\"colour\":\"red\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/peers", "{\"name\":\"YA-CERT\",\"url\":\"http://ya.example\"}"));
    static const char *const secret[] = {"url", "rid_url", "document_url"};
    for (size_t i = 0; i < ARRAY_SIZE(secret); i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"name\":\"YA-CERT\",\"%s\":\"https://us:secret@ya.example/x\"}", secret[i]);
        json_t *told = desk_client_post(*state, "admin", 422, "/v1/peers", body);
        assert_string_equal(desk_client_text(told, "detail"), "a password has no place in an address");
        json_decref(told);
    }
    json_decref(desk_client_post(*state, "admin", 409, "/v1/peers", "{\"name\":\"YB-CERT\",\"issuer_names\":[\"zz\"]}"));
    json_decref(desk_client_post(*state, "admin", 409, "/v1/peers", "{\"name\":\"YC-CERT\",\"issuer_names\":[\"XX-CERT\"]}"));
    json_decref(desk_client_post(*state, "admin", 409, "/v1/peers", "{\"name\":\"YD-CERT\",\"keys\":[\"" KEY_A "\"]}"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/ZZ-CERT", "{\"title\":\"Team of Z\",\"mail\":\"z@zz.example\"}"));
    json_t *peer = desk_client_get(*state, "analyst", 200, "/v1/peers/zz-cert");
    assert_string_equal(desk_client_text(peer, "title"), "Team of Z");
    assert_string_equal(desk_client_text(peer, "rid_url"), "https://z.example:4590/");
    assert_int_equal(desk_client_size(peer, "keys"), 1);
    assert_int_equal(desk_client_size(peer, "issuer_names"), 2);
    json_decref(peer);
    char *address = cluster_text("SELECT addresses[1] FROM cirt.mail_key WHERE fingerprint LIKE '8A30%'");
    assert_string_equal(address, "team@zz.example");
    free(address);
    int status;
    json_decref(desk_client_call(*state, "admin", MESSAGE_DELETE, "/v1/peers/ZZ-CERT", NULL, NULL, &status));
    assert_int_equal(status, 204);
    peer = desk_client_get(*state, "analyst", 200, "/v1/peers/ZZ-CERT");
    assert_true(json_is_false(json_object_get(peer, "enabled")));
    json_decref(peer);
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/peers/NO-CERT"));
    json_decref(desk_client_post(*state, "admin", 404, "/v1/peers/NO-CERT", "{\"title\":\"x\"}"));
    /* What was refused left nothing; what was done is written down. */
    /* The key waits for a second person, which is an entry of its own. */
    assert_int_equal(site_entries(), before + 4);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.peer WHERE name LIKE 'Y%'"), 0);
}

static void test_agreement(void **state)
{
    json_decref(desk_client_post(*state, "admin", 201, "/v1/peers", "{\"name\":\"AG-CERT\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/agreements", "{\"peer\":\"AG-CERT\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/agreements", "{\"peer\":\"NO-CERT\",\"until\":\"2099-01-01\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/agreements", "{\"peer\":\"AG-CERT\",\"until\":\"2001-01-01\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/agreements", "{\"peer\":\"AG-CERT\",\"until\":\"soon\"}"));
    json_decref(
        desk_client_post(*state, "admin", 422, "/v1/agreements", "{\"peer\":\"AG-CERT\",\"until\":\"2099-01-01\",\"ceiling\":\"red\"}"));
    json_t *agreement = desk_client_post(*state, "admin", 201, "/v1/agreements",
                                         "{\"peer\":\"AG-CERT\",\"until\":\"2099-01-01\",\"ceiling\":\"green\",\"classes\":[\"fraud\"]}");
    char path[60];
    snprintf(path, sizeof path, "/v1/agreements/%s", desk_client_text(agreement, "id"));
    assert_int_equal(json_integer_value(json_object_get(agreement, "version")), 1);
    json_decref(agreement);
    agreement = desk_client_post(*state, "admin", 200, path, "{\"ceiling\":\"amber\"}");
    assert_int_equal(json_integer_value(json_object_get(agreement, "version")), 2);
    assert_string_equal(desk_client_text(agreement, "ceiling"), "amber");
    assert_int_equal(desk_client_size(agreement, "classes"), 1);
    json_decref(agreement);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.agreement a JOIN cirt.peer p ON p.id = a.peer_id WHERE p.name = 'AG-CERT'"),
                     2);
}

static void test_constituent(void **state)
{
    json_decref(desk_client_post(
        *state, "admin", 201, "/v1/constituents",
        "{\"name\":\"telecom-z\",\"title\":\"Telecom Z\",\"networks\":[\"203.0.113.0/25\",\"2001:db8:9::/48\"],\"asns\":[64509],"
        "\"domains\":[\"Telecom-Z.example\"],\"contacts\":[{\"name\":\"NOC\",\"email\":\"noc@telecom-z.example\"}],\"sector\":"
        "\"telecommunications\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/constituents", "{\"name\":\"bad-net\",\"networks\":[\"203.0.113.7/25\"]}"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/telecom-z", "{\"networks\":[\"203.0.113.0/25\"]}"));
    /* As an import's: what is taken here can be exported and imported. */
    static const char *const wrong[][2] = {{"/contacts", "{\"contacts\":[{\"name\":\"Foo\",\"email\":\"notamail\"}]}"},
                                           {"/contacts", "{\"contacts\":[{\"phone\":\"+abc\"}]}"},
                                           {"/contacts", "{\"contacts\":\"noc@telecom-z.example\"}"},
                                           {"/lang", "{\"lang\":\"deutsch!\"}"},
                                           {"/sector", "{\"sector\":\"ener gy\"}"}};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        json_t *problem = desk_client_post(*state, "admin", 422, "/v1/constituents/telecom-z", wrong[i][1]);
        assert_string_equal(desk_client_text(problem, "at"), wrong[i][0]);
        json_decref(problem);
    }
    json_decref(
        desk_client_post(*state, "admin", 200, "/v1/constituents/telecom-z",
                         "{\"contacts\":[{\"phone\":\"+49 30 123456\"},{\"email\":\"noc@telecom-z.example\"}],\"lang\":\"de-AT\"}"));
    json_t *found = desk_client_get(*state, "analyst", 200, "/v1/find?value=203.0.113.9");
    assert_string_equal(desk_client_text(json_array_get(json_object_get(found, "constituents"), 0), "name"), "telecom-z");
    json_decref(found);
    found = desk_client_get(*state, "analyst", 200, "/v1/find?value=www.telecom-z.example");
    assert_int_equal(desk_client_size(found, "constituents"), 1);
    json_decref(found);
    found = desk_client_get(*state, "analyst", 200, "/v1/find?value=AS64509");
    assert_int_equal(desk_client_size(found, "constituents"), 1);
    json_decref(found);
    /* A page of them, where one is asked for. */
    json_decref(desk_client_post(*state, "admin", 201, "/v1/constituents", "{\"name\":\"telecom-zz\"}"));
    json_t *page = desk_client_get(*state, "analyst", 200, "/v1/constituents?limit=1");
    assert_int_equal(desk_client_size(page, "items"), 1);
    assert_string_equal(desk_client_text(page, "next"), "1");
    json_decref(page);
    page = desk_client_get(*state, "analyst", 200, "/v1/classes?limit=2&cursor=2");
    assert_int_equal(desk_client_size(page, "items"), 2);
    assert_string_equal(desk_client_text(page, "next"), "4");
    json_decref(page);
    page = desk_client_get(*state, "analyst", 200, "/v1/constituents");
    assert_true(desk_client_size(page, "items") > 1);
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
    page = desk_client_get(*state, "analyst", 200, "/v1/constituents?limit=1&cursor=1&q=TELECOM");
    assert_int_equal(desk_client_size(page, "items"), 1);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(page, "items"), 0), "name"), "telecom-zz");
    json_decref(page);
    page = desk_client_get(*state, "analyst", 200, "/v1/constituents?q=nobody");
    assert_int_equal(desk_client_size(page, "items"), 0);
    json_decref(page);
    /* What it held before is still known. */
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.constituent_network n JOIN cirt.constituent k ON k.id = n.constituent_id"
                                    " WHERE k.name = 'telecom-z' AND n.until IS NOT NULL"),
                     1);
}

static void test_rules(void **state)
{
    json_t *problem =
        desk_client_post(*state, "lead", 422, "/v1/rules", "{\"name\":\"mine\",\"text\":\"rule \\\"a\\\": colour:red => hold\"}");
    assert_true(str_starts(desk_client_text(problem, "at"), "line 1"));
    json_decref(problem);
    json_decref(
        desk_client_post(*state, "lead", 201, "/v1/rules",
                         "{\"name\":\"mine\",\"text\":\"# ours\\nrule \\\"banks\\\": class:phishing => priority:high, tag:+bank\\n\"}"));
    json_decref(desk_client_post(*state, "lead", 409, "/v1/rules", "{\"name\":\"mine\",\"text\":\"\"}"));
    json_decref(
        desk_client_post(*state, "lead", 200, "/v1/rules/mine", "{\"text\":\"rule \\\"banks\\\": class:phishing => priority:low\"}"));
    json_t *rules = desk_client_get(*state, "analyst", 200, "/v1/rules/mine");
    assert_int_equal(json_integer_value(json_object_get(rules, "version")), 2);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(rules, "rules"), 0), "name"), "banks");
    json_decref(rules);
    static const char *const seen[] = {"ipv4 198.51.100.44 source", NULL};
    char body[200];
    int64_t report = desk_client_report(0, "amber", "feed", seen);
    snprintf(body, sizeof body, "{\"text\":\"rule \\\"net\\\": ip:198.51.100.0/24 => queue:net\",\"against\":\"r%lld\"}",
             (long long)report);
    json_t *tried = desk_client_post(*state, "lead", 200, "/v1/rules/test", body);
    assert_int_equal(desk_client_size(tried, "items"), 1);
    json_t *queue = json_object_get(json_object_get(json_array_get(json_object_get(tried, "items"), 0), "changes"), "queue");
    assert_string_equal(desk_client_text(queue, "from"), "national");
    assert_string_equal(desk_client_text(queue, "to"), "net");
    json_decref(tried);
    tried = desk_client_post(*state, "lead", 200, "/v1/rules/test",
                             "{\"text\":\"rule \\\"net\\\" class:x => queue:net\\n\",\"against\":\"last 1d\"}");
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(tried, "rules"), 0), "ok")));
    json_decref(tried);
}

static void test_analyst(void **state)
{
    int status;
    json_decref(desk_client_post(*state, "admin", 201, "/v1/analysts",
                                 "{\"login\":\"shadow\",\"role\":\"feed\",\"default_tlp\":\"green\",\"keys\":[\"" KEY_B "\"]}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/analysts", "{\"login\":\"x\",\"role\":\"king\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/analysts", "{\"login\":\"me\",\"role\":\"analyst\"}"));
    json_decref(desk_client_post(*state, "admin", 409, "/v1/analysts", "{\"login\":\"shadow\",\"role\":\"feed\"}"));
    json_decref(desk_client_post(*state, "admin", 409, "/v1/analysts", "{\"login\":\"other\",\"role\":\"feed\",\"keys\":[\"" KEY_B "\"]}"));
    json_t *who = desk_client_get(*state, "auditor", 200, "/v1/analysts/shadow");
    assert_string_equal(desk_client_text(who, "default_tlp"), "green");
    json_decref(who);
    /* A disabled identity is refused at its next request. */
    json_decref(desk_client_get(*state, "analyst2", 200, "/v1/me"));
    json_decref(desk_client_call(*state, "admin", MESSAGE_DELETE, "/v1/analysts/analyst2", NULL, NULL, &status));
    assert_int_equal(status, 204);
    json_decref(desk_client_get(*state, "analyst2", 403, "/v1/me"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/analysts/analyst2", "{\"enabled\":true}"));
    json_decref(desk_client_post(*state, "admin", 409, "/v1/analysts/admin", "{\"role\":\"analyst\"}"));
    json_decref(desk_client_get(*state, "admin", 200, "/v1/me"));
}

/* --- filters --- */

/* Every field has every comparison its kind can ask for, and every fragment is SQL that desk may say. */
static void test_fragments(void **state)
{
    static const struct {
        const char *name, *from;
        unsigned object;
    } objects[] = {
        {"case", "SELECT FROM visible_case v", FILTER_CASE},
        {"report", "SELECT FROM visible_report v", FILTER_REPORT},
        {"indicator",
         "SELECT FROM (SELECT s.*, s.valid_until AS expires, ARRAY[s.report_id, s.observation_no] AS newest"
         " FROM visible_sighting s) v",
         FILTER_INDICATOR},
    };
    static const char *const wanted[][5] = {
        [FILTER_TEXT] = {"equal", "prefix", NULL},
        [FILTER_NUMBER] = {"equal", "range", "none", NULL},
        [FILTER_TIME] = {"range", "none", NULL},
        [FILTER_TLP] = {"equal", "range", NULL},
        [FILTER_PRIORITY] = {"equal", "range", "none", NULL},
        [FILTER_ADDRESS] = {"equal", "none", NULL},
        [FILTER_DOMAIN] = {"equal", "none", NULL},
        [FILTER_ASN] = {"equal", "none", NULL},
        [FILTER_CLASS] = {"equal", "prefix", "none", NULL},
        [FILTER_WORD] = {"text", NULL},
    };
    (void)state;
    setenv("PGOPTIONS", "-c search_path=cirt,pg_temp", 1);
    for (size_t o = 0; o < ARRAY_SIZE(objects); o++) {
        for (size_t i = 0; i < filter_field_count; i++) {
            if (!(filter_fields[i].objects & objects[o].object))
                continue;
            for (const char *const *comparison = wanted[filter_fields[i].kind]; *comparison; comparison++) {
                bool is_there = false;
                for (size_t j = 0; j < sql_filter_text_count; j++)
                    is_there = is_there || (str_equal(sql_filter_texts[j].object, objects[o].name) &&
                                            str_equal(sql_filter_texts[j].field, filter_fields[i].name) &&
                                            str_equal(sql_filter_texts[j].comparison, *comparison));
                if (!is_there)
                    fail_msg("sql/filters/%s.sql lacks %s.%s", objects[o].name, filter_fields[i].name, *comparison);
            }
        }
        for (size_t j = 0; j < sql_filter_text_count; j++) {
            char state_code[6], *message = NULL;
            if (!str_equal(sql_filter_texts[j].object, objects[o].name))
                continue;
            char *sql = mem_printf("%s WHERE %s", objects[o].from, sql_filter_texts[j].text);
            if (!cluster_prepares("desk", sql, state_code, &message))
                fail_msg("%s.%s.%s: %s", objects[o].name, sql_filter_texts[j].field, sql_filter_texts[j].comparison, message);
            free(message);
            free(sql);
        }
    }
    unsetenv("PGOPTIONS");
}

static size_t matches(void **state, const char *path)
{
    json_t *answer = desk_client_get(*state, "lead", 200, path);
    size_t count = desk_client_size(answer, "items");
    json_decref(answer);
    return count;
}

static void test_case_lists(void **state)
{
    static const char *const seen[] = {"ipv4 192.0.2.77 source", "url http://login.kit.example/a source", "asn 64777 source",
                                       "sha256 " KEY_A " other", NULL};
    int64_t number = desk_client_case(*state, "okapi at the bank", "green");
    desk_client_report(number, "green", "feed", seen);
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "analyst", 200, number, "tag", "{\"add\":[\"Okapi\"]}"));
    json_decref(desk_client_edit(*state, "analyst", 200, number, "priority", "{\"priority\":\"critical\"}"));
    static const struct {
        const char *path;
        size_t count;
    } lists[] = {
        {"/v1/cases?q=okapi", 1},
        {"/v1/cases?q=okapi%20is:open", 1},
        {"/v1/cases?q=okapi%20-is:open", 0},
        {"/v1/cases?q=okapi%20owner:analyst", 1},
        {"/v1/cases?q=okapi%20owner:none", 0},
        {"/v1/cases?q=okapi%20owner:me", 0},
        {"/v1/cases?q=tag:okapi", 1},
        {"/v1/cases?q=okapi%20-tag:okapi", 0},
        {"/v1/cases?q=ip:192.0.2.77", 1},
        {"/v1/cases?q=ip:192.0.2.0/24", 1},
        {"/v1/cases?q=ip:192.0.2.0/26", 0},
        {"/v1/cases?q=domain:kit.example", 1},
        {"/v1/cases?q=domain:it.example", 0},
        {"/v1/cases?q=url:http://login.kit.example/a", 1},
        {"/v1/cases?q=asn:64777", 1},
        {"/v1/cases?q=hash:" KEY_A, 1},
        {"/v1/cases?q=okapi%20priority:critical", 1},
        {"/v1/cases?q=okapi%20priority:..high", 0},
        {"/v1/cases?q=okapi%20tlp:..green", 1},
        {"/v1/cases?q=okapi%20class:fraud", 1},
        {"/v1/cases?q=okapi%20due:none", 0},
        {"/v1/cases?q=okapi%20opened:1h", 1},
        {"/v1/cases?q=okapi%20sort:x", 0},
    };
    for (size_t i = 0; i + 1 < ARRAY_SIZE(lists); i++) {
        size_t count = matches(state, lists[i].path);
        if (count != lists[i].count)
            fail_msg("%s: %zu instead of %zu", lists[i].path, count, lists[i].count);
    }
    json_t *problem = desk_client_get(*state, "lead", 400, "/v1/cases?q=ovner:me");
    assert_non_null(strstr(desk_client_text(problem, "detail"), "owner"));
    json_decref(problem);
    json_decref(desk_client_get(*state, "lead", 400, "/v1/cases?sort=colour"));
    json_decref(desk_client_get(*state, "lead", 400, "/v1/cases?limit=501"));
    json_decref(desk_client_get(*state, "lead", 400, "/v1/cases?cursor=x"));
}

/* Each order, forward and back, in pages: every case once. */
static void test_pages(void **state)
{
    static const char *const orders[] = {"due", "priority", "opened", "updated", "number"};
    for (int i = 0; i < 5; i++)
        desk_client_case(*state, "one of many", "amber");
    long long all = cluster_number("SELECT count(*) FROM cirt.incident_case WHERE tlp < 4");
    for (size_t i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
        char path[120], cursor[24] = "";
        long long seen = 0;
        for (;;) {
            snprintf(path, sizeof path, "/v1/cases?q=is:any&limit=3&sort=%s%s&cursor=%s", i % 2 ? "-" : "", orders[i / 2], cursor);
            json_t *answer = desk_client_get(*state, "lead", 200, path);
            seen += (long long)desk_client_size(answer, "items");
            bool is_last = json_is_null(json_object_get(answer, "next"));
            snprintf(cursor, sizeof cursor, "%s", desk_client_text(answer, "next"));
            json_decref(answer);
            if (is_last)
                break;
        }
        assert_int_equal(seen, all);
    }
}

/* A word in more cases than the index is asked for is still found. */
static void test_common_word(void **state)
{
    int64_t number = desk_client_case(*state, "everywhere numbat", "amber");
    cluster_execute("SET search_path = cirt; INSERT INTO case_text (case_id, tlp, hash64, body) SELECT max(id), 2, g, 'everywhere ' || g "
                    "FROM incident_case,"
                    " generate_series(1, 2100) g GROUP BY g");
    json_t *answer = desk_client_get(*state, "lead", 200, "/v1/cases?q=everywhere");
    assert_int_equal(desk_client_size(answer, "items"), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(answer, "items"), 0), "number")), number);
    json_decref(answer);
    answer = desk_client_get(*state, "lead", 200, "/v1/find?value=everywhere");
    assert_int_equal(desk_client_size(answer, "cases"), 1);
    json_decref(answer);
    /* Scripts without blanks: any part counts. */
    desk_client_case(*state, "\xe9\x8a\x80\xe8\xa1\x8c\xe9\x92\x93\xe9\xb1\xbc\xe6\xa1\x88\xe4\xbb\xb6", "amber");
    assert_int_equal(matches(state, "/v1/cases?q=%E9%92%93%E9%B1%BC"), 1);
}

/* --- reports, changes, doctor --- */

static void test_reports(void **state)
{
    static const char *const seen[] = {"ipv4 192.0.2.88 source", NULL};
    char path[100];
    size_t size;
    int64_t report = desk_client_report(0, "amber", "feed", seen);
    snprintf(path, sizeof path, "/v1/reports/r%lld", (long long)report);
    json_t *answer = desk_client_get(*state, "analyst", 200, path);
    assert_string_equal(desk_client_text(answer, "sender"), "feed");
    assert_string_equal(desk_client_text(answer, "state"), "received");
    assert_int_equal(desk_client_size(answer, "observation_list"), 1);
    json_decref(answer);
    snprintf(path, sizeof path, "/v1/reports/r%lld/raw", (long long)report);
    json_decref(desk_client_get(*state, "analyst", 200, path));
    assert_string_equal(desk_client_bytes(*state, &size), "hello");
    assert_int_equal(size, 5);
    assert_int_equal(matches(state, "/v1/reports?q=ip:192.0.2.88"), 1);
    char sql[200];
    snprintf(sql, sizeof sql,
             "INSERT INTO cirt.to_triage (reports, received, observations) SELECT int8multirange(int8range(id, id, '[]')), received, 1 "
             "FROM cirt.report WHERE id = %lld",
             (long long)report);
    cluster_execute(sql);
    assert_int_equal(matches(state, "/v1/reports?q=ip:192.0.2.88%20sender:feed%20state:received"), 1);
    assert_int_equal(matches(state, "/v1/reports?q=ip:192.0.2.88%20sender:nobody"), 0);
    snprintf(path, sizeof path, "/v1/reports/r%lld/replay", (long long)report);
    answer = desk_client_post(*state, "analyst", 409, path, "{}");
    assert_non_null(strstr(desk_client_text(answer, "detail"), "is received and stays as it is: replay reads malformed reports again"));
    json_decref(answer);
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/reports/r99999999"));
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/reports/x"));
    snprintf(sql, sizeof sql,
             "UPDATE cirt.report_content SET state = 'malformed', error = 'bad', error_at = 'line 3' WHERE report_id = %lld",
             (long long)report);
    cluster_execute(sql);
    json_decref(desk_client_post(*state, "auditor", 403, path, "{}"));
    answer = desk_client_post(*state, "analyst", 200, path, "{}");
    assert_string_equal(desk_client_text(answer, "state"), "decoding");
    json_decref(answer);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM cirt.inbox WHERE report_id = %lld", (long long)report);
    assert_int_equal(cluster_number(sql), 1);
}

/* One RED value among others: the bytes would say it, and so may the words of its observation. */
static void test_bytes_with_a_red_value(void **state)
{
    static const char *const seen[] = {"ipv4 192.0.2.90 source", "ipv4 192.0.2.91 source", NULL};
    char path[100], sql[400];
    int64_t report = desk_client_report(0, "green", "feed", seen);
    snprintf(sql, sizeof sql,
             "UPDATE cirt.observation SET description = 'codename kestrel' WHERE report_id = %lld; "
             "UPDATE cirt.sighting SET tlp = 4 WHERE report_id = %lld AND value = '192.0.2.91'",
             (long long)report, (long long)report);
    cluster_execute(sql);
    static const struct {
        const char *who;
        int status;
    } people[] = {{"lead", 200}, {"analyst", 403}, {"auditor", 403}};
    for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
        snprintf(path, sizeof path, "/v1/reports/r%lld/raw", (long long)report);
        json_decref(desk_client_get(*state, people[i].who, people[i].status, path));
        snprintf(path, sizeof path, "/v1/reports/r%lld", (long long)report);
        json_t *answer = desk_client_get(*state, people[i].who, 200, path);
        char *text = json_dumps(answer, 0);
        assert_int_equal(strstr(text, "kestrel") != NULL, people[i].status == 200);
        assert_int_equal(strstr(text, "192.0.2.91") != NULL, people[i].status == 200);
        free(text);
        json_decref(answer);
    }
}

/* Beyond the quota only the beginning of a malformed document is kept: that is not read as if it were the document. */
static void test_replay_of_a_part(void **state)
{
    static const char *const seen[] = {"ipv4 192.0.2.89 source", NULL};
    char path[100], sql[300];
    int64_t report = desk_client_report(0, "amber", "feed", seen);
    snprintf(
        sql, sizeof sql,
        "UPDATE cirt.report_content SET state = 'malformed' WHERE report_id = %lld; UPDATE cirt.report SET size = 9000 WHERE id = %lld",
        (long long)report, (long long)report);
    cluster_execute(sql);
    snprintf(path, sizeof path, "/v1/reports/r%lld/replay", (long long)report);
    json_t *answer = desk_client_post(*state, "analyst", 409, path, "{}");
    assert_non_null(strstr(desk_client_text(answer, "detail"), "only the first 5 of 9000 bytes"));
    json_decref(answer);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM cirt.inbox WHERE report_id = %lld", (long long)report);
    assert_int_equal(cluster_number(sql), 0);
}

static void test_changes(void **state)
{
    char path[200];
    json_t *start = desk_client_get(*state, "analyst", 200, "/v1/changes");
    assert_int_equal(desk_client_size(start, "items"), 0);
    int64_t number = desk_client_case(*state, "to be followed", "amber");
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    snprintf(path, sizeof path, "/v1/changes?limit=1&after=%s", desk_client_text(start, "next"));
    json_t *first = desk_client_get(*state, "analyst", 200, path);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(first, "items"), 0), "action"), "open");
    snprintf(path, sizeof path, "/v1/changes?after=%s", desk_client_text(first, "next"));
    json_t *second = desk_client_get(*state, "analyst", 200, path);
    assert_int_equal(desk_client_size(second, "items"), 1);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(second, "items"), 0), "action"), "take");
    snprintf(path, sizeof path, "/v1/changes?after=%s", desk_client_text(second, "next"));
    json_t *third = desk_client_get(*state, "analyst", 200, path);
    assert_int_equal(desk_client_size(third, "items"), 0);
    assert_string_equal(desk_client_text(third, "next"), desk_client_text(second, "next"));
    json_decref(start);
    json_decref(first);
    json_decref(second);
    json_decref(third);
    json_decref(desk_client_get(*state, "analyst", 400, "/v1/changes?after=yesterday"));
}

static const json_t *check_named(const json_t *answer, const char *name)
{
    const json_t *check;
    size_t i;
    json_array_foreach(json_object_get(answer, "checks"), i, check) if (str_equal(desk_client_text(check, "name"), name)) return check;
    fail_msg("doctor has no check \"%s\"", name);
    return NULL;
}

static void held_are(void **state, const char *who, const char *text)
{
    json_t *answer = desk_client_get(*state, who, 200, "/v1/doctor");
    assert_string_equal(desk_client_text(check_named(answer, "held reports"), "text"), text);
    json_decref(answer);
}

static void test_doctor(void **state)
{
    cluster_execute("INSERT INTO cirt.inbox (report_id, received, failed, error) VALUES (1, now(), now(), 'poison')");
    json_t *answer = desk_client_get(*state, "auditor", 200, "/v1/doctor");
    assert_true(json_is_true(json_object_get(check_named(answer, "schema"), "ok")));
    assert_true(json_is_true(json_object_get(check_named(answer, "outbox"), "ok")));
    assert_true(json_is_false(json_object_get(check_named(answer, "inbox"), "ok")));
    assert_true(json_is_string(json_object_get(check_named(answer, "inbox"), "hint")));
    assert_true(json_is_false(json_object_get(answer, "ok")));
    json_decref(answer);
    cluster_execute("DELETE FROM cirt.inbox WHERE error = 'poison'");
    /* What is held is counted for whom may see it. */
    static const char *const none[] = {NULL};
    static const char *const labels[] = {"green", "red"};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        char sql[200];
        snprintf(
            sql, sizeof sql,
            "INSERT INTO cirt.report_outcome (report_id, received, state) SELECT id, received, 'held' FROM cirt.report WHERE id = %lld",
            (long long)desk_client_report(0, labels[i], "feed", none));
        cluster_execute(sql);
    }
    held_are(state, "analyst", "1 wait for a decision");
    held_are(state, "lead", "2 wait for a decision");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer),        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_constituent), cmocka_unit_test(test_rules),
        cmocka_unit_test(test_analyst),     cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_case_lists),  cmocka_unit_test(test_pages),
        cmocka_unit_test(test_common_word), cmocka_unit_test(test_bytes_with_a_red_value),
        cmocka_unit_test(test_reports),     cmocka_unit_test(test_replay_of_a_part),
        cmocka_unit_test(test_changes),     cmocka_unit_test(test_doctor),
    };
    return cmocka_run_group_tests(tests, desk_client_setup, desk_client_teardown);
}
