/* Lists that leave, and all of a case: who gets what, and what nobody gets. */
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

static const char *const green[] = {
    "ipv4 198.51.100.7 source", "domain kit.example infrastructure", "domain cdn.example infrastructure",     "ipv4 203.0.113.9 victim",
    "ipv4 203.0.113.10 target", "email mule@bank.example source",    "domain watched.example infrastructure", NULL};
static const char *const amber[] = {"domain amber.example infrastructure", NULL};
static const char *const strict[] = {"domain strict.example infrastructure", NULL};
static const char *const red[] = {"domain named.example infrastructure", NULL};
static int64_t case_number;

static int setup(void **state)
{
    struct desk_client *client = desk_client_new();
    *state = client;
    case_number = desk_client_case(client, "a kit", "green");
    desk_client_report(case_number, "green", "feed", green);
    desk_client_report(0, "amber", "feed", amber);
    desk_client_report(0, "amber+strict", "feed", strict);
    desk_client_report(0, "red", "feed", red);
    cluster_execute("UPDATE cirt.sighting SET personal = true WHERE value = 'mule@bank.example';"
                    "UPDATE cirt.sighting SET pap = 2 WHERE value = 'watched.example'");
    json_decref(desk_client_post(client, "lead", 200, "/v1/warninglists",
                                 "{\"short_name\":\"cdn\",\"name\":\"CDNs\",\"description\":\"x\",\"version\":1,\"type\":\"hostname\","
                                 "\"matching_attributes\":[\"domain\"],\"list\":[\"cdn.example\"]}"));
    return 0;
}

static json_t *make(void **state, const char *who, int status, const char *format, const char *tlp, const char *filter)
{
    return desk_client_export(*state, who, status, format, tlp, filter);
}

static json_t *page(void **state, const char *who, int status, const json_t *head)
{
    char path[100];
    snprintf(path, sizeof path, "/v1/exports/%s", json_string_value(json_object_get(head, "export")));
    return desk_client_get(*state, who, status, path);
}

static void has_values(void **state, const char *who, const char *format, const char *tlp, const char *filter, const char *wanted)
{
    desk_client_export_is(*state, who, format, tlp, filter, wanted);
}

static void withheld_is(void **state, const char *who, const char *format, const char *tlp, int label, int personal, int known_good,
                        int pap)
{
    json_t *head = make(state, who, 201, format, tlp, ""), *withheld = json_object_get(head, "withheld");
    assert_int_equal(json_integer_value(json_object_get(withheld, "label")), label);
    assert_int_equal(json_integer_value(json_object_get(withheld, "personal")), personal);
    assert_int_equal(json_integer_value(json_object_get(withheld, "known_good")), known_good);
    assert_int_equal(json_integer_value(json_object_get(withheld, "pap")), pap);
    json_decref(head);
}

/* Never a victim, a target, a person, what is known good; never more than the label allows, and RED not for who may read it either. */
static void test_what_leaves(void **state)
{
    has_values(state, "analyst", "csv", NULL, "", "198.51.100.7 kit.example watched.example");
    has_values(state, "analyst", "blocklist-domain", NULL, "", "198.51.100.7 kit.example");
    has_values(state, "analyst", "rpz", "green", "type:domain", "kit.example");
    has_values(state, "analyst", "csv", "clear", "", "");
    has_values(state, "lead", "csv", "amber", "type:domain", "amber.example kit.example watched.example");
    has_values(state, "lead", "stix", "amber+strict", "type:domain", "amber.example kit.example strict.example watched.example");
    withheld_is(state, "analyst", "csv", NULL, 2, 1, 1, 0);
    withheld_is(state, "analyst", "suricata", NULL, 2, 1, 1, 1);
    /* A lead reads the RED one: it is withheld from the list all the same. */
    withheld_is(state, "lead", "csv", "amber+strict", 1, 1, 1, 0);
    has_values(state, "lead", "csv", "amber+strict", "domain:named.example", "");
}

/* When its reports saw it, not when they came; the class of the last. What a RED report says beside a value that it gives free stays. */
static void test_what_is_said(void **state)
{
    static const struct {
        const char *change, *tlp, *value, *first, *class;
    } rows[] = {
        {"UPDATE cirt.observation o SET time = '2026-03-02T07:58:12Z' FROM cirt.sighting s WHERE s.value = 'kit.example' AND s.report_id = "
         "o.report_id",
         NULL, "kit.example", "2026-03-02T07:58:12Z", "fraud/phishing"},
        {"UPDATE cirt.observation o SET class = NULL, time = '2026-03-02T07:58:12Z' FROM cirt.sighting s WHERE s.value = 'amber.example' "
         "AND s.report_id = o.report_id",
         "amber", "amber.example", "2026-03-02T07:58:12Z", "fraud/phishing"},
        {"UPDATE cirt.report_content c SET tlp = 4 FROM cirt.sighting s WHERE s.value = 'amber.example' AND s.report_id = c.report_id",
         "amber", "amber.example", NULL, NULL},
        {"SET search_path = cirt; UPDATE report_content c SET tlp = 3 FROM sighting s WHERE s.value = 'amber.example' AND s.report_id = "
         "c.report_id; UPDATE observation o SET class = 'fraud/phishing' FROM sighting s WHERE s.value = 'amber.example' AND s.report_id = "
         "o.report_id",
         "amber", "amber.example", "2026-03-02T07:58:12Z", NULL},
        {"UPDATE cirt.report_content c SET tlp = 2 FROM cirt.sighting s WHERE s.value = 'amber.example' AND s.report_id = c.report_id",
         "amber", "amber.example", "2026-03-02T07:58:12Z", "fraud/phishing"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cluster_execute(rows[i].change);
        json_t *head = make(state, "lead", 201, "csv", rows[i].tlp, rows[i].value), *items = page(state, "lead", 200, head);
        const json_t *item = json_array_get(json_object_get(items, "items"), 0);
        const char *first = json_string_value(json_object_get(item, "first_seen"));
        assert_string_equal(json_string_value(json_object_get(item, "value")), rows[i].value);
        if (rows[i].first)
            assert_string_equal(first, rows[i].first);
        else
            assert_string_not_equal(first, "2026-03-02T07:58:12Z");
        assert_true(str_equal(json_string_value(json_object_get(item, "class")), rows[i].class));
        json_decref(items);
        json_decref(head);
    }
}

/* Anybody may mail a document that marks what it likes: it counts where we know whose word it is. */
static void test_whose_word(void **state)
{
    static const char *const marks[] = {"domain poison.example infrastructure", NULL};
    char sql[400];
    int64_t report = desk_client_report(case_number, "green", "feed", marks);
    cluster_execute("SET search_path = cirt; INSERT INTO sender (address) VALUES ('who@stranger.example')");
    snprintf(sql, sizeof sql,
             "SET search_path = cirt; UPDATE sighting SET origin = (SELECT id FROM sender WHERE address = 'who@stranger.example') WHERE "
             "report_id = %lld;"
             "INSERT INTO report_mail (report_id, received, mail_from, recipients, author, dmarc) SELECT id, received, "
             "'who@stranger.example', '{}', 'who@stranger.example', 'pass' FROM report WHERE id = %lld",
             (long long)report, (long long)report);
    cluster_execute(sql);
    has_values(state, "analyst", "blocklist-domain", NULL, "domain:poison.example", "");
    char path[60];
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)case_number);
    json_t *shown = desk_client_get(*state, "analyst", 200, path), *item;
    size_t i;
    json_array_foreach(json_object_get(shown, "indicator_list"), i, item)
    {
        assert_string_not_equal(json_string_value(json_object_get(item, "value")), "poison.example");
    }
    json_decref(shown);
    /* A contact whom somebody vouches for, and whose mail is theirs. */
    cluster_execute("INSERT INTO cirt.contact (address, is_known) VALUES ('who@stranger.example', true)");
    has_values(state, "analyst", "blocklist-domain", NULL, "domain:poison.example", "poison.example");
    cluster_execute("UPDATE cirt.report_mail SET dmarc = 'fail' WHERE author = 'who@stranger.example'");
    has_values(state, "analyst", "blocklist-domain", NULL, "domain:poison.example", "");
}

/* A network is not blocked with what is known good in it. */
static void test_known_good_within(void **state)
{
    static const char *const marks[] = {"cidr 192.88.98.0/23 source", "cidr 192.88.96.0/23 source", NULL};
    desk_client_report(0, "green", "feed", marks);
    json_decref(
        desk_client_post(*state, "lead", 200, "/v1/warninglists",
                         "{\"short_name\":\"dns\",\"name\":\"DNS\",\"description\":\"x\",\"version\":1,\"type\":\"cidr\","
                         "\"matching_attributes\":[\"ip-dst\"],\"list\":[\"192.88.99.255\", \"192.88.100.0/24\", \"192.88.95.0/24\"]}"));
    has_values(state, "analyst", "blocklist-ip", NULL, "ip:192.88.0.0/16", "192.88.96.0/23");
}

/* Nor, without any warninglist, what each site has for its own: a list that blocks it would cut off who takes it. */
static void test_everybodys_own(void **state)
{
    static const char *const marks[] = {"ipv4 127.0.0.1 source",     "cidr 10.1.2.0/24 source",
                                        "cidr 168.0.0.0/5 source",   "ipv6 fe80::1 source",
                                        "ipv4 192.168.4.4 source",   "url http://10.1.2.3/x infrastructure",
                                        "ipv4 9.255.255.255 source", NULL};
    static const char *const special[] = {"ipv4 100.64.1.1 source",
                                          "ipv4 192.0.0.8 source",
                                          "cidr 198.18.0.0/16 source",
                                          "cidr 100.0.0.0/8 source",
                                          "ipv6 64:ff9b::a00:1 source",
                                          "ipv6 64:ff9b:1::7 source",
                                          "ipv6 100::7 source",
                                          "ipv6 2002:a00:1::1 source",
                                          "cidr 2002::/16 source",
                                          "ipv6 2002:c612:1::1 source",
                                          "ipv6 2002:2d4d:1::1 source",
                                          "ipv4 198.20.0.1 source",
                                          "url http://127.0.0.1/x source",
                                          "url http://192.168.1.1:8080/ source",
                                          "url http://[fe80::1]/x source",
                                          "url http://[::ffff:c614:3]/x source",
                                          "url http://[::ffff:c0a8:101]/x source",
                                          "url http://100.64.0.1/ source",
                                          "url http://198.20.0.2/x source",
                                          NULL};
    static const char networks[] =
        "ip:100.0.0.0/8 OR ip:192.0.0.0/24 OR ip:198.16.0.0/12 OR ip:64:ff9b::/32 OR ip:100::/16 OR ip:2002::/16";
    static const char all[] = "ip:127.0.0.0/8 OR ip:10.0.0.0/8 OR ip:168.0.0.0/5 OR ip:fe80::/10 OR ip:192.168.0.0/16 OR ip:9.0.0.0/8";
    desk_client_report(0, "green", "feed", marks);
    has_values(state, "analyst", "blocklist-ip", NULL, all, "9.255.255.255");
    has_values(state, "analyst", "blocklist-url", NULL, all, "9.255.255.255");
    has_values(state, "analyst", "csv", NULL, "ip:127.0.0.0/8 OR ip:192.168.0.0/16", "127.0.0.1 192.168.4.4");
    desk_client_report(0, "green", "feed", special);
    has_values(state, "analyst", "suricata", NULL, networks, "198.20.0.1");
    has_values(state, "analyst", "blocklist-url", NULL, "type:url", "http://198.20.0.2/x http://[::ffff:c614:3]/x");
}

/* Nor is a domain in what blocks all below it: a zone, a rule. */
static void test_known_good_below(void **state)
{
    static const char *const marks[] = {"domain cloud.example infrastructure", "domain loud.example infrastructure",
                                        "domain deep.example infrastructure", "domain way.example infrastructure", NULL};
    static const char all[] = "domain:cloud.example OR domain:loud.example OR domain:deep.example OR domain:way.example";
    desk_client_report(0, "green", "feed", marks);
    json_decref(
        desk_client_post(*state, "lead", 200, "/v1/warninglists",
                         "{\"short_name\":\"clouds\",\"name\":\"Clouds\",\"type\":\"hostname\",\"matching_attributes\":[\"domain\"],"
                         "\"list\":[\"s3.cloud.example\"]}"));
    json_decref(
        desk_client_post(*state, "lead", 200, "/v1/warninglists",
                         "{\"short_name\":\"sites\",\"name\":\"Sites\",\"type\":\"string\",\"matching_attributes\":[\"domain\",\"url\"],"
                         "\"list\":[\"very.deep.example\",\"http://good.test/to?x.way.example\"]}"));
    has_values(state, "analyst", "rpz", NULL, all, "loud.example way.example");
    has_values(state, "analyst", "suricata", NULL, all, "loud.example way.example");
    has_values(state, "analyst", "csv", NULL, all, "cloud.example deep.example loud.example way.example");
}

#define EDGES(rest) "{\"short_name\":\"edges\",\"name\":\"Edges\",\"type\":\"hostname\",\"matching_attributes\":[\"domain\"]," rest "}"

static void edges_that_leave(void **state, const char *left)
{
    has_values(state, "analyst", "rpz", NULL, "domain:edge-a.example OR domain:edge-b.example", left);
    json_t *lists = desk_client_get(*state, "analyst", 200, "/v1/warninglists"), *list;
    size_t i, edges = 0;
    json_array_foreach(json_object_get(lists, "items"), i, list) edges +=
        str_equal(json_string_value(json_object_get(list, "name")), "edges");
    assert_int_equal(edges, 1);
    json_decref(lists);
}

/* A newer copy of which parts are missing, for a while or for good, lets nothing out that the older one knows. */
static void test_known_good_anew(void **state)
{
    static const char *const marks[] = {"domain edge-a.example infrastructure", "domain edge-b.example infrastructure", NULL};
    desk_client_report(0, "green", "feed", marks);
    json_decref(desk_client_post(*state, "lead", 202, "/v1/warninglists", EDGES("\"more\":true,\"list\":[\"edge-a.example\"]")));
    edges_that_leave(state, "edge-a.example edge-b.example");
    json_decref(desk_client_post(*state, "lead", 200, "/v1/warninglists", EDGES("\"list\":[\"edge-a.example\"]")));
    edges_that_leave(state, "edge-b.example");
    for (int i = 0; i < 2; i++) {
        json_decref(desk_client_post(*state, "lead", 202, "/v1/warninglists", EDGES("\"more\":true,\"list\":[\"edge-b.example\"]")));
        edges_that_leave(state, "edge-b.example");
    }
    json_decref(desk_client_post(*state, "lead", 200, "/v1/warninglists/edges/entries", "{\"type\":\"hostname\",\"list\":[]}"));
    edges_that_leave(state, "edge-a.example");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.warninglist WHERE name = 'edges'"), 1);
}

static void test_who_may(void **state)
{
    json_decref(make(state, "analyst", 403, "csv", "amber", ""));
    json_decref(make(state, "analyst", 403, "csv", "amber+strict", ""));
    json_decref(make(state, "lead", 422, "csv", "red", ""));
    json_decref(make(state, "auditor", 403, "csv", NULL, ""));
    json_decref(make(state, "feed", 403, "csv", NULL, ""));
    json_decref(make(state, "nobody", 403, "csv", NULL, ""));
    json_decref(make(state, "analyst", 422, "rpx", NULL, ""));
    json_decref(make(state, "analyst", 422, "csv", "purple", ""));
    json_decref(make(state, "analyst", 400, "csv", NULL, "colour:red"));
    /* Whose it is: another one's is absent, also for who may more. */
    json_t *head = make(state, "analyst", 201, "csv", NULL, "");
    json_decref(page(state, "analyst", 200, head));
    json_decref(page(state, "lead", 404, head));
    json_decref(page(state, "analyst2", 404, head));
    json_decref(page(state, "auditor", 403, head));
    json_decref(head);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.export x JOIN cirt.identity i ON i.id = x.made_by WHERE i.login NOT IN"
                                    " ('analyst', 'lead')"),
                     0);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.export"),
        cluster_number("SELECT count(*) FROM cirt.journal_payload WHERE case_id = 0 AND payload::json ->> 'action' = 'export'"));
}

#define AS_ANALYST                                                                                                                         \
    "SET search_path = cirt; SELECT set_config('cirt.viewer', (SELECT id::text FROM identity WHERE login = 'analyst'), false);"

/* Whoever gets past the desk's words meets the same in the database. */
static void test_last_line(void **state)
{
    (void)state;
    static const char *const tries[] = {"'{\"format\":\"csv\",\"tlp\":\"red\",\"blocks\":false}'",
                                        "'{\"format\":\"csv\",\"tlp\":\"amber\",\"blocks\":false}'"};
    static const char *const codes[] = {"CI422", "CI403"};
    char sqlstate[6], sql[700];
    for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
        snprintf(sql, sizeof sql, AS_ANALYST "SELECT export_begin(%s)", tries[i]);
        assert_false(cluster_may("postgres", sql, sqlstate));
        assert_string_equal(sqlstate, codes[i]);
    }
    /* A victim that is handed in by its role. */
    cluster_execute(AS_ANALYST
                    "SELECT export_take(p.part, ARRAY[5,5]::smallint[], ARRAY['a.example','b.example'], ARRAY[3,2]::smallint[], "
                    "ARRAY[0,0]::smallint[], ARRAY[NULL,NULL]::smallint[], ARRAY[NULL,NULL]::smallint[], ARRAY[NULL,NULL]::timestamptz[],"
                    " ARRAY[now(),now()], ARRAY[now(),now()], ARRAY['a.example','b.example'], ARRAY[NULL,NULL]::inet[], "
                    "ARRAY[false,false], ARRAY[NULL,NULL]::text[])"
                    " FROM (SELECT export_next(export_begin('{\"format\":\"csv\",\"blocks\":false,\"filter\":\"by hand\"}')) AS part) p");
    assert_int_equal(cluster_number("SELECT items FROM cirt.export WHERE filter = 'by hand'"), 0);
    assert_false(cluster_may("desk", "SELECT * FROM cirt.export_item", sqlstate));
    assert_string_equal(sqlstate, "42501");
    assert_false(cluster_may("share", "SELECT * FROM cirt.visible_export", sqlstate));
    assert_string_equal(sqlstate, "42501");
}

/* --- more than a part --- */

static json_t *more(void **state, const char *who, int status, const json_t *head)
{
    char path[100];
    snprintf(path, sizeof path, "/v1/exports/%s/more", json_string_value(json_object_get(head, "export")));
    return desk_client_post(*state, who, status, path, "{}");
}

static json_t *make_parts(void **state, json_t *head, size_t *parts)
{
    *parts = 1;
    while (json_is_true(json_object_get(head, "more"))) {
        char path[100];
        int status;
        snprintf(path, sizeof path, "/v1/exports/%s/more", json_string_value(json_object_get(head, "export")));
        json_t *next = desk_client_call(*state, "lead", MESSAGE_POST, path, NULL, "{}", &status);
        assert_int_equal(status, json_is_true(json_object_get(next, "more")) ? 202 : 201);
        json_decref(head);
        head = next;
        assert_true(++*parts < 20);
    }
    return head;
}

/* Every value of the list once, in the order of values. */
static size_t values_in_order(void **state, const json_t *head, const char *never)
{
    char path[100], last[200] = "", cursor[40] = "";
    size_t count = 0;
    do {
        snprintf(path, sizeof path, "/v1/exports/%s?cursor=%s", json_string_value(json_object_get(head, "export")), cursor);
        json_t *items = desk_client_get(*state, "lead", 200, path), *item;
        size_t i;
        json_array_foreach(json_object_get(items, "items"), i, item)
        {
            const char *value = json_string_value(json_object_get(item, "value"));
            assert_string_not_equal(value, never);
            if (strcmp(last, value) >= 0)
                fail_msg("%s stands behind %s", value, last);
            snprintf(last, sizeof last, "%s", value);
            count++;
        }
        const char *next = json_string_value(json_object_get(items, "next"));
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        json_decref(items);
    } while (cursor[0]);
    return count;
}

/* A part is a transaction of its own, and each value is judged as things stand in its part; nothing leaves before the list is whole. */
static void test_parts(void **state)
{
    enum { MANY = 30000 };
    static const char *const one[] = {"domain part00000.example infrastructure", NULL};
    char body[300], *last, sql[300];
    size_t parts;
    int64_t reports[2] = {desk_client_report(0, "green", "feed", one), desk_client_report(0, "green", "feed", one)};
    for (int i = 0; i < 2; i++) { /* the second says of every tenth that it is AMBER, of every hundredth that it is RED */
        char *insert = mem_printf(
            "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, host, value)"
            " SELECT r.report_id, r.received, 1, r.origin, 5, 4, CASE WHEN %d = 0 OR n %% 10 <> 0 THEN 1 WHEN n %% 100 = 0 THEN 4 ELSE 2 "
            "END,"
            " false, true, 'part' || lpad(n::text, 5, '0') || '.example', 'part' || lpad(n::text, 5, '0') || '.example'"
            " FROM (SELECT * FROM cirt.sighting WHERE report_id = %lld AND value LIKE 'part%%' LIMIT 1) r, generate_series(1, %d - 1) n",
            i, (long long)reports[i], MANY);
        cluster_execute(insert);
        free(insert);
    }
    cluster_execute("ANALYZE cirt.sighting");
    last = cluster_text(
        "SELECT value FROM cirt.sighting WHERE type = 5 AND value LIKE 'part____1%' ORDER BY hashtextextended(value, 0) DESC LIMIT 1");
    int64_t journal = cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0");
    json_t *head = make(state, "lead", 202, "csv", "amber", "part"), *unfinished = make(state, "lead", 202, "csv", NULL, "part");
    assert_true(json_integer_value(json_object_get(head, "looked_at")) > 0);
    json_decref(page(state, "lead", 409, head));
    json_decref(more(state, "analyst", 404, head));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0"), journal);

    cluster_execute("UPDATE cirt.identity SET role = 'analyst' WHERE login = 'lead'");
    json_decref(more(state, "lead", 403, head)); /* AMBER is no longer his to give */
    cluster_execute("UPDATE cirt.identity SET role = 'lead' WHERE login = 'lead'");
    snprintf(body, sizeof body, "{\"values\":[\"%s\"],\"reason\":\"down\"}", last);
    json_decref(desk_client_post(*state, "analyst", 200, "/v1/indicators/withdraw", body));

    head = make_parts(state, head, &parts);
    assert_int_equal(parts, 2 * MANY / 20000 + 1);
    json_t *again = more(state, "lead", 201, head); /* the answer was lost: it is given again, and nothing is done twice */
    assert_true(json_equal(again, head));
    json_decref(again);
    assert_int_equal(json_integer_value(json_object_get(head, "count")), MANY - MANY / 100);
    assert_string_equal(json_string_value(json_object_get(head, "tlp")), "amber");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(head, "withheld"), "label")), MANY / 100 - 1);
    assert_int_equal(values_in_order(state, head, last), MANY - MANY / 100);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0"), journal + 2);

    /* A day later it is gone, and goes from the store; so does what was never whole. */
    cluster_execute("UPDATE cirt.export SET made = made - interval '25 hours'");
    json_decref(page(state, "lead", 404, head));
    json_decref(more(state, "lead", 404, unfinished));
    snprintf(sql, sizeof sql, "SELECT count(*) FROM cirt.export WHERE at_type IS NOT NULL");
    assert_int_equal(cluster_number(sql), 1);
    while (cluster_number("SELECT more::int FROM cirt.clock_forget()"))
        continue;
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.export_item"), 0);
    assert_int_equal(cluster_number(sql), 0);
    json_decref(unfinished);
    json_decref(head);
    free(last);
}

/* --- marked and withdrawn --- */

static void test_marks(void **state)
{
    char body[300];
    static const char *const refused[] = {
        "\"values\":[\"203.0.113.9\"],\"reason\":\"a victim\"",
        "\"values\":[\"203.0.113.10\"],\"reason\":\"a target\"",
        "\"values\":[\"new.example\"],\"reason\":\" \"",
        "\"values\":[\"new.example\"],\"reason\":\"why\",\"role\":\"victim\"",
        "\"values\":[\"kit.example\"],\"reason\":\"why\",\"tlp\":\"clear\"",
        "\"values\":[\"new.example\"],\"reason\":\"why\",\"until\":\"2001-01-01T00:00:00Z\"",
    };
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        snprintf(body, sizeof body, "{%s,\"case\":\"%lld\"}", refused[i], (long long)case_number);
        json_decref(desk_client_post(*state, "analyst", 422, "/v1/indicators", body));
    }
    snprintf(body, sizeof body, "{\"values\":[\"new.example\"],\"case\":\"%lld\",\"reason\":\"why\",\"tlp\":\"green\",\"confidence\":80}",
             (long long)case_number);
    json_decref(desk_client_post(*state, "auditor", 403, "/v1/indicators", body));
    json_decref(desk_client_post(*state, "analyst", 201, "/v1/indicators", body));
    has_values(state, "analyst2", "blocklist-domain", NULL, "type:domain", "kit.example new.example");
    json_decref(
        desk_client_post(*state, "analyst", 404, "/v1/indicators/withdraw", "{\"values\":[\"unheard.example\"],\"reason\":\"why\"}"));
    json_decref(desk_client_post(*state, "analyst", 422, "/v1/indicators/withdraw", "{\"values\":[\"kit.example\"],\"reason\":\"\"}"));
    json_decref(desk_client_post(*state, "analyst", 200, "/v1/indicators/withdraw", "{\"values\":[\"kit.example\"],\"reason\":\"down\"}"));
    has_values(state, "analyst2", "blocklist-domain", NULL, "type:domain", "new.example");
}

/* The last entry of the case's journal, with its details. */
static void told_is(int64_t number, const char *action, const char *held, const char *never)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT p.payload FROM cirt.journal_payload p JOIN cirt.incident_case c ON c.id = p.case_id WHERE c.number = %lld ORDER BY "
             "p.seq DESC LIMIT 1",
             (long long)number);
    char *told = cluster_text(sql);
    if (!strstr(told, action) || !strstr(told, held) || (never && strstr(told, never)))
        fail_msg("case %lld, not %s, %s without %s: %s", (long long)number, action, held, never ? never : "-", told);
    free(told);
}

/* Everybody who sees a case reads its journal: it says neither what is RED in it, nor why, nor what was withdrawn with it in another case.
 */
static void test_journal_names_nothing_red(void **state)
{
    char body[300];
    int64_t open = desk_client_case(*state, "for all", "amber"), closed = desk_client_case(*state, "for few", "red");
    static const char marking[] = "{\"values\":[%s],\"case\":%lld,\"reason\":\"%s\"%s}";
    snprintf(body, sizeof body, marking, "\"source-x.example\"", (long long)open, "an informant", ",\"tlp\":\"red\"");
    json_decref(desk_client_post(*state, "lead", 201, "/v1/indicators", body));
    told_is(open, "\"indicator\"", "marks 1 TLP:RED value as indicator\"", "source-x");
    told_is(open, "\"indicator\"", "\"marks\": [", "informant");
    snprintf(body, sizeof body, marking, "\"open-x.example\",\"open-y.example\"", (long long)open, "a sinkhole", "");
    json_decref(desk_client_post(*state, "lead", 201, "/v1/indicators", body));
    told_is(open, "\"indicator\"", "marks open-x.example, open-y.example as indicators: a sinkhole", NULL);
    snprintf(body, sizeof body, marking, "\"secret-y.example\"", (long long)closed, "an informant", "");
    json_decref(desk_client_post(*state, "lead", 201, "/v1/indicators", body));
    told_is(closed, "\"indicator\"", "marks secret-y.example as indicator: an informant", NULL);
    json_decref(desk_client_post(*state, "lead", 200, "/v1/indicators/withdraw",
                                 "{\"values\":[\"secret-y.example\",\"open-x.example\"],\"reason\":\"he was wrong\"}"));
    told_is(open, "indicator withdrawn", "\"open-x.example\"", "secret-y");
    told_is(open, "indicator withdrawn", "open-x.example", "wrong");
    told_is(closed, "indicator withdrawn", "secret-y.example: he was wrong", "open-x");
    json_decref(desk_client_post(*state, "lead", 200, "/v1/indicators/withdraw",
                                 "{\"values\":[\"source-x.example\",\"open-y.example\"],\"reason\":\"he was wrong\"}"));
    told_is(open, "indicator withdrawn", "open-y.example and 1 TLP:RED value", "source-x");
    told_is(open, "indicator withdrawn", "\"marks\": [", "wrong");
}

/* --- all of a case --- */

static json_t *observables(void **state, const char *who, int status, const char *cursor)
{
    char path[200];
    snprintf(path, sizeof path, "/v1/cases/%lld/observables?cursor=%s", (long long)case_number, cursor);
    return desk_client_get(*state, who, status, path);
}

static const json_t *item_of(const json_t *answer, const char *value)
{
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(answer, "items"), i,
                       item) if (str_equal(json_string_value(json_object_get(item, "value")), value)) return item;
    return NULL;
}

static void test_case_values(void **state)
{
    json_t *answer = observables(state, "auditor", 200, "");
    assert_int_equal(json_array_size(json_object_get(answer, "items")), 8); /* the seven that were seen, and new.example */
    assert_true(json_is_true(json_object_get(item_of(answer, "198.51.100.7"), "indicator")));
    assert_true(json_is_true(json_object_get(item_of(answer, "new.example"), "indicator")));
    assert_int_equal(json_integer_value(json_object_get(item_of(answer, "new.example"), "confidence")), 80);
    assert_true(json_is_false(json_object_get(item_of(answer, "kit.example"), "indicator"))); /* withdrawn */
    assert_true(json_is_false(json_object_get(item_of(answer, "203.0.113.9"), "indicator"))); /* a victim */
    assert_null(item_of(answer, "amber.example"));
    json_decref(answer);
    /* How it was seen: numbers are added up, however large, and a port counts where all name it. */
    cluster_execute("UPDATE cirt.observation SET count = 9223372036854775807, protocol = 'tcp', source_port = 4444 FROM cirt.sighting s"
                    " WHERE s.value = 'kit.example' AND s.report_id = observation.report_id");
    answer = observables(state, "auditor", 200, "");
    assert_true(json_integer_value(json_object_get(item_of(answer, "kit.example"), "count")) == INT64_MAX);
    assert_string_equal(json_string_value(json_object_get(item_of(answer, "kit.example"), "protocol")), "tcp");
    assert_int_equal(json_integer_value(json_object_get(item_of(answer, "kit.example"), "source_port")), 4444);
    assert_true(json_is_null(json_object_get(item_of(answer, "kit.example"), "target_port")));
    assert_true(json_is_null(json_object_get(item_of(answer, "new.example"), "count"))); /* nobody saw it */
    assert_true(json_is_null(json_object_get(item_of(answer, "kit.example"), "statements")));
    json_decref(answer);
    /* For a document: where it stood, one by one. */
    answer = observables(state, "auditor", 200, "&statements=1");
    const json_t *statements = json_object_get(item_of(answer, "kit.example"), "statements");
    assert_int_equal(json_array_size(statements), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(statements, 0), "source_port")), 4444);
    assert_true(json_is_string(json_object_get(json_array_get(statements, 0), "in")));
    assert_true(json_is_null(json_object_get(item_of(answer, "new.example"), "statements")));
    assert_true(json_is_string(json_object_get(json_object_get(item_of(answer, "new.example"), "further"), "time")));
    json_decref(answer);
    json_decref(observables(state, "auditor", 400, "no%20cursor"));
    json_decref(observables(state, "auditor", 400, "1.2"));
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/cases/999999/observables"));
}

/* More than a page: each value once, none left out. RED in the case is not for everybody. */
static void test_case_pages(void **state)
{
    enum { MANY = 12345 };
    char cursor[100] = "";
    json_t *seen = json_object();
    size_t pages = 0;
    cluster_execute(
        "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, host, value)"
        " SELECT r.report_id, r.received, 1, r.origin, 5, 4, 1, false, false, 'h' || n || '.example', 'h' || n || '.example'"
        " FROM (SELECT * FROM cirt.sighting WHERE value = 'kit.example') r, generate_series(1, 12345) n;"
        "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, host, value)"
        " SELECT r.report_id, r.received, 1, r.origin, 5, 4, 4, false, false, 'secret.example', 'secret.example'"
        " FROM cirt.sighting r WHERE value = 'kit.example'");
    do {
        json_t *answer = observables(state, "analyst", 200, cursor), *item;
        size_t i;
        json_array_foreach(json_object_get(answer, "items"), i, item)
        {
            const char *value = json_string_value(json_object_get(item, "value"));
            if (json_object_get(seen, value))
                fail_msg("%s is there twice", value);
            json_object_set_new(seen, value, json_true());
        }
        snprintf(cursor, sizeof cursor, "%s",
                 json_is_string(json_object_get(answer, "next")) ? json_string_value(json_object_get(answer, "next")) : "");
        pages++;
        json_decref(answer);
    } while (cursor[0] && pages < 10);
    assert_int_equal(pages, 3);
    assert_int_equal(json_object_size(seen), MANY + 8);
    assert_null(json_object_get(seen, "secret.example"));
    json_decref(seen);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.sighting WHERE value = 'secret.example'"), 1);
}

static json_t *mark(void **state, int64_t number, const char *value)
{
    char body[300];
    snprintf(body, sizeof body, "{\"values\":[\"%s\"],\"case\":\"%lld\",\"reason\":\"why\",\"tlp\":\"green\"}", value, (long long)number);
    return desk_client_post(*state, "lead", 201, "/v1/indicators", body);
}

/* What stands in a compartment goes into no list, whoever asks. */
static void test_compartment(void **state)
{
    static const char *const inside[] = {"domain inside.example infrastructure", "domain both.example infrastructure", NULL},
                             *const outside[] = {"domain both.example infrastructure", NULL};
    desk_client_report(0, "green", "feed", inside);
    desk_client_report(0, "green", "feed", outside);
    int64_t number = desk_client_case(*state, "in a circle", "green");
    cluster_execute("SET search_path = cirt; SET session_replication_role = replica; INSERT INTO compartment VALUES (7, 'quiet') ON "
                    "CONFLICT DO NOTHING;"
                    "INSERT INTO compartment_member SELECT 7, id FROM identity WHERE login = 'lead' ON CONFLICT DO NOTHING;"
                    "UPDATE sighting s SET compartment_id = 7 WHERE s.report_id = (SELECT x.report_id FROM sighting x WHERE x.value = "
                    "'inside.example');"
                    "UPDATE incident_case SET compartment_id = 7 WHERE summary = 'in a circle'");
    json_decref(mark(state, number, "marked-inside.example"));
    has_values(state, "lead", "csv", NULL, "domain:inside.example OR domain:both.example OR domain:marked-inside.example", "both.example");
}

/* Declined, not decided on yet, held or dropped: nobody took it on. What of such a report is in a case all the same counts. */
static void test_not_taken_on(void **state)
{
    static const char *const states[] = {"held", "dropped"};
    static const char *const shown[] = {"domain aside.example infrastructure", NULL};
    char sql[400];
    has_values(state, "analyst", "csv", NULL, "domain:aside.example", "");
    int64_t report = desk_client_report(0, "green", "feed", shown);
    has_values(state, "analyst", "csv", NULL, "domain:aside.example", "aside.example");
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        snprintf(sql, sizeof sql,
                 "INSERT INTO cirt.report_outcome (report_id, received, state) SELECT id, received, '%s' FROM cirt.report WHERE id = %lld"
                 " ON CONFLICT (report_id) DO UPDATE SET state = EXCLUDED.state",
                 states[i], (long long)report);
        cluster_execute(sql);
        has_values(state, "analyst", "csv", NULL, "domain:aside.example", "");
        has_values(state, "analyst", "rpz", NULL, "domain:aside.example", "");
        json_t *list = desk_client_get(*state, "analyst", 200, "/v1/indicators?q=domain:aside.example");
        assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
        json_decref(list);
    }
    snprintf(sql, sizeof sql,
             "INSERT INTO cirt.case_member (case_id, drill_id, compartment_id, report_id, received, observations, since_seq)"
             " SELECT c.id, c.drill_id, c.compartment_id, r.id, r.received, '{[1,2)}', 1 FROM cirt.incident_case c, cirt.report r"
             " WHERE c.number = %lld AND r.id = %lld",
             (long long)case_number, (long long)report);
    cluster_execute(sql);
    has_values(state, "analyst", "csv", NULL, "domain:aside.example", "aside.example");
}

static void expect_victims(void **state, const char *format, int wanted)
{
    json_t *head = make(state, "analyst", 201, format, NULL, "domain:both-ways.example OR ip:203.0.113.0/24 OR ip:2001:db8:5::/48");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(head, "withheld"), "victim")), wanted);
    json_decref(head);
}

/* Whoever was hurt stands in no list, whatever is said of the value elsewhere; and the list says how many it left out for that. */
static void test_victims_elsewhere(void **state)
{
    static const char
        *const marked[] = {"domain both-ways.example infrastructure",
                           "ipv4 203.0.113.77 source",
                           "cidr 203.0.113.64/27 source",
                           "cidr 203.0.113.128/25 source",
                           "cidr 2001:db8:5::/48 source",
                           NULL},
               *const hurt[] = {"domain both-ways.example victim", "ipv4 203.0.113.77 target", "ipv6 2001:db8:5::1 victim", NULL},
               *const said[] = {"domain said.example infrastructure", NULL}, *const claimed[] = {"domain said.example victim", NULL};
    char body[300];
    desk_client_report(0, "green", "feed", marked);
    has_values(state, "analyst", "csv", NULL, "domain:both-ways.example OR ip:203.0.113.64/26 OR ip:2001:db8:5::/48",
               "203.0.113.77 2001:db8:5::/48 203.0.113.64/27 both-ways.example");
    expect_victims(state, "csv", 0);
    desk_client_report(case_number, "green", "feed", hurt);
    has_values(state, "analyst", "csv", NULL, "domain:both-ways.example OR ip:203.0.113.0/24 OR ip:2001:db8:5::/48", "203.0.113.128/25");
    has_values(state, "analyst", "blocklist-ip", NULL, "ip:203.0.113.0/24", "203.0.113.128/25");
    expect_victims(state, "csv", 4);
    snprintf(body, sizeof body, "{\"values\":[\"both-ways.example\"],\"case\":%lld,\"reason\":\"why\"}",
             (long long)desk_client_case(*state, "another", "green"));
    json_decref(desk_client_post(*state, "analyst", 422, "/v1/indicators", body));
    /* A stranger cannot take his own off the lists; but what is a constituent's is left alone, whoever says that it was hurt. */
    desk_client_report(0, "green", "feed", said);
    int64_t report = desk_client_report(0, "green", "feed", claimed);
    snprintf(body, sizeof body,
             "UPDATE cirt.sighting SET origin = (cirt.senders_of_addresses(ARRAY['nobody@said.example']))[1] WHERE report_id = %lld",
             (long long)report);
    cluster_execute(body);
    has_values(state, "analyst", "csv", NULL, "domain:said.example", "said.example");
    json_decref(desk_client_post(*state, "admin", 201, "/v1/constituents", "{\"name\":\"said\",\"domains\":[\"said.example\"]}"));
    has_values(state, "analyst", "csv", NULL, "domain:said.example", "");
    /* What not everybody may know is no reason that everybody sees. */
    cluster_execute("UPDATE cirt.sighting SET tlp = 4 WHERE role IN (2, 3) AND value = 'both-ways.example'");
    has_values(state, "analyst", "csv", NULL, "domain:both-ways.example", "both-ways.example");
    cluster_execute("UPDATE cirt.sighting SET tlp = 1 WHERE role IN (2, 3) AND value = 'both-ways.example'");
}

/* Nor is blocked what would take a victim with it: a domain above its name or its URL's, the address its URL stands on, an
   address within its network. */
static void test_victims_behind(void **state)
{
    static const char *const marked[] = {"domain hosting.example infrastructure",
                                         "domain shops.example infrastructure",
                                         "domain posts.example infrastructure",
                                         "domain hostings.example infrastructure",
                                         "ipv4 45.77.0.9 source",
                                         "cidr 45.77.0.64/26 source",
                                         "ipv4 45.77.1.9 source",
                                         "ipv4 45.77.2.9 source",
                                         "ipv4 45.77.2.90 source",
                                         "ipv6 2a02:77::9 source",
                                         "url http://shop.hosting.example/ infrastructure",
                                         "url http://shop.hosting.example/kit?a infrastructure",
                                         "url http://shop.hosting.example/?a infrastructure",
                                         "url http://hosting.example/ infrastructure",
                                         "url https://45.77.2.9:8080/ infrastructure",
                                         "url http://45.77.0.1/ infrastructure",
                                         "url http://45.77.3.9/ infrastructure",
                                         "url http://[2a02:77::9]/kit infrastructure",
                                         NULL},
                             *const hurt[] = {"domain shop.hosting.example target",
                                              "url http://shops.example/index.php target",
                                              "url http://user@45.77.2.9:8080/login victim",
                                              "url https://[2a02:77::9]/ target",
                                              "email boss@posts.example victim",
                                              "cidr 45.77.0.0/24 victim",
                                              "ipv4 45.77.3.9 victim",
                                              NULL};
    static const char all[] = "ip:45.77.0.0/16 OR domain:hosting.example OR domain:hostings.example OR "
                              "domain:shops.example OR domain:posts.example OR ip:2a02:77::/32 OR type:url";
    static const char left[] = "45.77.1.9 45.77.2.90 hostings.example http://198.20.0.2/x http://[2a02:77::9]/kit http://[::ffff:c614:3]/x "
                               "http://hosting.example/ "
                               "http://shop.hosting.example/?a http://shop.hosting.example/kit?a";
    desk_client_report(0, "green", "feed", marked);
    desk_client_report(case_number, "green", "feed", hurt);
    has_values(state, "analyst", "rpz", NULL, all, left);
    has_values(state, "analyst", "suricata", NULL, all, left);
    /* A list that blocks nothing still says them. */
    has_values(state, "analyst", "csv", NULL, "type:domain (domain:hosting.example OR domain:shops.example)",
               "hosting.example shops.example");
}

/* A case that somebody makes RED keeps home what is in it, though its reports say GREEN: also from the lists of those who do not see it. */
static void test_closed_case(void **state)
{
    static const char *const seen[] = {"domain hushed.example infrastructure", NULL};
    int64_t number = desk_client_case(*state, "hushed", "green");
    desk_client_report(number, "green", "feed", seen);
    json_decref(mark(state, number, "hushed-too.example"));
    has_values(state, "analyst", "csv", NULL, "domain:hushed.example OR domain:hushed-too.example", "hushed-too.example hushed.example");
    json_decref(desk_client_edit(*state, "lead", 200, number, "tlp", "{\"tlp\":\"red\"}"));
    has_values(state, "analyst", "csv", NULL, "domain:hushed.example OR domain:hushed-too.example", "");
    has_values(state, "lead", "csv", "amber+strict", "domain:hushed.example OR domain:hushed-too.example", "");
    json_t *head = make(state, "analyst", 201, "csv", NULL, "domain:hushed.example");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(head, "withheld"), "label")), 1);
    json_decref(head);
    /* What a RED report gives free is its sender's to give. */
    cluster_execute("UPDATE cirt.report_content c SET tlp = 4 FROM cirt.sighting s WHERE s.value = 'hushed.example' AND s.report_id = "
                    "c.report_id");
    has_values(state, "lead", "csv", NULL, "domain:hushed.example", "hushed.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_leaves),
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_who_may),
        cmocka_unit_test(test_last_line),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_journal_names_nothing_red),
        cmocka_unit_test(test_case_values),
        cmocka_unit_test(test_case_pages),
        cmocka_unit_test(test_compartment),
        cmocka_unit_test(test_whose_word),
        cmocka_unit_test(test_known_good_within),
        cmocka_unit_test(test_everybodys_own),
        cmocka_unit_test(test_not_taken_on),
        cmocka_unit_test(test_victims_elsewhere),
        cmocka_unit_test(test_victims_behind),
        cmocka_unit_test(test_closed_case),
        cmocka_unit_test(test_known_good_anew),
        cmocka_unit_test(test_known_good_below),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
