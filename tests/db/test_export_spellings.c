/* Lists that block: what is a victim's, or everybody's own, is that in each of its spellings; and what PAP keeps out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "support/cluster.h"
#include "support/desk_client.h"

static void withheld_is(void **state, const char *filter, int victim, int known_good)
{
    json_t *head = desk_client_export(*state, "analyst", 201, "blocklist-url", NULL, filter), *withheld = json_object_get(head, "withheld");
    assert_int_equal(json_integer_value(json_object_get(withheld, "victim")), victim);
    assert_int_equal(json_integer_value(json_object_get(withheld, "known_good")), known_good);
    json_decref(head);
}

/* A server sees no fragment, and an empty query is none: all of these are the victim's page or site. */
static void test_victims_urls(void **state)
{
    static const char *const hurt[] = {"url http://shop.example/cart victim", "domain site.example victim",
                                       "url http://45.77.9.9/cart?#top target", NULL},
                             *const marked[] = {"url http://shop.example/cart#x source",
                                                "url http://shop.example/cart? source",
                                                "url http://shop.example/cart?#x source",
                                                "url http://shop.example/cart?a source",
                                                "url http://shop.example/cartoon source",
                                                "url http://site.example/? source",
                                                "url http://site.example/?# source",
                                                "url http://site.example/#x source",
                                                "url http://site.example/kit source",
                                                "url http://45.77.9.9/cart source",
                                                "url http://45.77.9.9/cart#x source",
                                                "url http://45.77.9.9/kit source",
                                                NULL};
    static const char left[] = "http://45.77.9.9/kit http://shop.example/cart?a http://shop.example/cartoon http://site.example/kit";
    char body[200];
    desk_client_report(0, "green", "feed", hurt);
    desk_client_report(0, "green", "feed", marked);
    desk_client_export_is(*state, "analyst", "blocklist-url", NULL, "type:url", left);
    desk_client_export_is(*state, "analyst", "suricata", NULL, "type:url", left);
    withheld_is(state, "type:url", 8, 0);
    /* In a list that blocks nothing the pages are left out as well. */
    desk_client_export_is(*state, "analyst", "csv", NULL, "domain:shop.example", "http://shop.example/cart?a http://shop.example/cartoon");
    snprintf(body, sizeof body, "{\"values\":[\"http://shop.example/cart#y\"],\"case\":%lld,\"reason\":\"why\"}",
             (long long)desk_client_case(*state, "another", "green"));
    json_decref(desk_client_post(*state, "analyst", 422, "/v1/indicators", body));
    cluster_execute("UPDATE cirt.sighting SET is_indicator = false");
}

/* What is written has none, once for all of its fragments, with the strictest of their labels, and is judged as what is written. */
static void test_no_fragments(void **state)
{
    static const char *const marked[] = {"url http://evil.example/kit#a source", "url http://evil.example/kit source",
                                         "url http://evil.example/#frag source", "url http://good.example/to#a source", NULL},
                             *const amber[] = {"url http://evil.example/kit#b source", NULL};
    desk_client_report(0, "green", "feed", marked);
    desk_client_report(0, "amber", "feed", amber);
    json_decref(desk_client_post(*state, "lead", 200, "/v1/warninglists",
                                 "{\"short_name\":\"pages\",\"name\":\"Pages\",\"description\":\"x\",\"version\":1,\"type\":\"string\","
                                 "\"matching_attributes\":[\"url\"],\"list\":[\"http://good.example/to\"]}"));
    desk_client_export_is(*state, "lead", "blocklist-url", "amber", "type:url", "http://evil.example/ http://evil.example/kit");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.export_item WHERE export_id = (SELECT max(id) FROM cirt.export)"
                                    " AND content::json ->> 'value' = 'http://evil.example/kit' AND content::json ->> 'tlp' = 'amber'"),
                     1);
    withheld_is(state, "type:url", 0, 1);
    desk_client_export_is(*state, "analyst", "csv", NULL, "domain:evil.example",
                          "http://evil.example/#frag http://evil.example/kit http://evil.example/kit#a");
    cluster_execute("UPDATE cirt.sighting SET is_indicator = false");
}

/* Fragments of one page that are looked at in several parts. */
static void test_fragments_of_parts(void **state)
{
    static const char *const marked[] = {"url http://evil.example/many source", NULL};
    int64_t report = desk_client_report(0, "green", "feed", marked);
    char sql[600];
    snprintf(sql, sizeof sql,
             "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, host, value)"
             " SELECT s.report_id, s.received, 1, s.origin, 6, 1, 1, false, true, s.host, s.value || '#' || n"
             " FROM cirt.sighting s, generate_series(1, 30000) n WHERE s.report_id = %lld; ANALYZE cirt.sighting",
             (long long)report);
    cluster_execute(sql);
    json_t *head = desk_client_export(*state, "lead", 202, "suricata", NULL, "type:url");
    char path[100];
    snprintf(path, sizeof path, "/v1/exports/%s/more", desk_client_text(head, "export"));
    json_decref(head);
    head = desk_client_post(*state, "lead", 201, path, "{}");
    assert_int_equal(json_integer_value(json_object_get(head, "count")), 1);
    json_decref(head);
    cluster_execute("UPDATE cirt.sighting SET is_indicator = false");
}

/* Addresses that are nobody's, or an IPv4 address in another spelling. What is for documentation is as any other. */
static void test_special_addresses(void **state)
{
    static const char *const marked[] = {"ipv6 2001:2::1 source",
                                         "cidr 2001:2::/48 source",
                                         "cidr 2001::/24 source",
                                         "ipv6 2001:10::1 source",
                                         "ipv6 2001:20::1 source",
                                         "cidr 2001:20::/28 source",
                                         "ipv6 2002:2d09:909::1 source",
                                         "cidr 2002:2d09:909::/48 source",
                                         "ipv6 2001:0:4136:e378:8000:63bf:d2f6:f6f6 source",
                                         "ipv6 ::ffff:0:2d09:909 source",
                                         "ipv6 fec0::1 source",
                                         "cidr fec0::/20 source",
                                         "ipv6 5f00::1 source",
                                         "ipv6 4000::1 source",
                                         "ipv6 64:ff9b::2d09:909 source",
                                         "ipv6 fe80::1 source",
                                         "ipv6 ff02::1 source",
                                         "ipv6 2001:3::1 source",
                                         "ipv6 2001:30::1 source",
                                         "ipv6 2001:db8::7 source",
                                         "ipv6 2003::1 source",
                                         "ipv6 2a02:77::9 source",
                                         "url http://[fec0::1]/x source",
                                         "url http://[2002:2d09:909::1]/x source",
                                         NULL};
    static const char left[] = "2001:30::1 2001:3::1 2001:db8::7 2003::1 2a02:77::9";
    desk_client_report(0, "green", "feed", marked);
    desk_client_export_is(*state, "analyst", "blocklist-ip", NULL, "", left);
    desk_client_export_is(*state, "analyst", "rpz", NULL, "", left);
    withheld_is(state, "", 0, (int)ARRAY_SIZE(marked) - 1 - 5);
    cluster_execute("UPDATE cirt.sighting SET is_indicator = false");
}

/* Names that each network answers for itself, and what the net itself stands on. */
static void test_special_names(void **state)
{
    static const char *const marked[] = {"domain home.arpa source",           "url http://router.home.arpa/x source",
                                         "domain 10.in-addr.arpa source",     "domain ipv4only.arpa source",
                                         "url http://printer.local/x source", "domain wpad.localdomain source",
                                         "domain db.corp.internal source",    "domain test.localhost source",
                                         "domain not.invalid source",         "domain notlocal.example source",
                                         "domain local.example source",       "domain arpa.test source",
                                         "url http://abc.onion/x source",     NULL};
    desk_client_report(0, "green", "feed", marked);
    desk_client_export_is(*state, "analyst", "suricata", NULL, "", "arpa.test local.example notlocal.example http://abc.onion/x");
    withheld_is(state, "", 0, 9);
    json_t *head = desk_client_export(*state, "analyst", 201, "csv", NULL, "");
    assert_int_equal(json_integer_value(json_object_get(head, "count")), 13);
    json_decref(head);
    cluster_execute("UPDATE cirt.sighting SET is_indicator = false");
}

/* A feed that names a constituent's own domain, or all of a network of his, would have him blocked as a whole. */
static void test_constituents(void **state)
{
    static const char *const marked[] = {"domain bank-b.example source",      "domain www.bank-b.example source",
                                         "url http://bank-b.example/ source", "url http://bank-b.example/kit source",
                                         "domain big.example source",         "domain notbig.example source",
                                         "cidr 45.78.0.0/16 source",          "cidr 45.78.1.0/24 source",
                                         "cidr 45.78.1.0/25 source",          "ipv4 45.78.1.9 source",
                                         "domain former.example source",      NULL};
    json_decref(
        desk_client_post(*state, "admin", 201, "/v1/constituents",
                         "{\"name\":\"bank-b\",\"domains\":[\"bank-b.example\",\"a.big.example\"],\"networks\":[\"45.78.1.0/24\"]}"));
    cluster_execute(
        "INSERT INTO cirt.constituent_domain (constituent_id, domain, since, until) "
        "SELECT id, 'former.example', now() - interval '9 days', now() - interval '1 day' FROM cirt.constituent WHERE name = 'bank-b'");
    desk_client_report(0, "green", "feed", marked);
    desk_client_export_is(*state, "analyst", "suricata", NULL, "",
                          "45.78.1.9 45.78.1.0/25 former.example notbig.example www.bank-b.example http://bank-b.example/kit");
    withheld_is(state, "", 5, 0);
    /* In a list that blocks nothing they are said. */
    desk_client_export_is(*state, "analyst", "csv", NULL, "domain:big.example", "big.example");
    cluster_execute("UPDATE cirt.sighting SET is_indicator = false");
}

static json_t *mark(void **state, int64_t number, const char *value)
{
    char body[300];
    snprintf(body, sizeof body, "{\"values\":[\"%s\"],\"case\":\"%lld\",\"reason\":\"why\",\"tlp\":\"green\"}", value, (long long)number);
    return desk_client_post(*state, "lead", 201, "/v1/indicators", body);
}

/* What may be done with it is said by the report of a value, by its case, and by an analyst's mark after both. */
static void test_pap(void **state)
{
    static const char *const seen[] = {"domain told.example infrastructure", NULL}, *const plain[] = {"domain plain.example infrastructure",
                                                                                                      NULL};
    int64_t careful = desk_client_case(*state, "they must not know", "green"), silent = desk_client_case(*state, "a rule said so", "green");
    desk_client_report(careful, "green", "feed", seen);
    desk_client_report(silent, "green", "feed", plain);
    cluster_execute("UPDATE cirt.sighting SET pap = 4, is_indicator = false WHERE value = 'told.example';"
                    "UPDATE cirt.incident_case SET pap = 4 WHERE summary = 'a rule said so';"
                    "INSERT INTO cirt.case_rule (case_id, set_name, version, rule, action, kind, value, place, opened, applied, "
                    "observations, report_id)"
                    "   SELECT id, 'triage', 1, 'quiet', 'pap:red', 'pap', 'red', 1, true, true, 1, 1 FROM cirt.incident_case WHERE "
                    "summary = 'a rule said so'");
    json_decref(mark(state, careful, "told.example"));
    json_decref(mark(state, silent, "unseen.example"));
    desk_client_export_is(*state, "analyst", "rpz", NULL, "domain:told.example OR domain:plain.example OR domain:unseen.example", "");
    desk_client_export_is(*state, "analyst", "csv", NULL, "domain:told.example OR domain:plain.example OR domain:unseen.example",
                          "plain.example told.example unseen.example");
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.export_item i WHERE i.export_id = (SELECT max(id) FROM cirt.export)"
                       " AND i.content::json ->> 'value' IN ('told.example', 'unseen.example') AND i.content::json ->> 'pap' = 'red'"),
        2);
}

/* A report's PAP says nothing of what other reports brought into its case, be it marked by them or there by an analyst. */
static void test_pap_of_one_report(void **state)
{
    static const char *const kept[] = {"domain kept.example infrastructure", NULL},
                             *const free_[] = {"domain free.example infrastructure", NULL},
                             *const told[] = {"domain both-said.example infrastructure", NULL};
    int64_t number = desk_client_case(*state, "nobody's, from feed", "green");
    int64_t report = desk_client_report(number, "green", "feed", kept), again = desk_client_report(number, "green", "feed", told);
    desk_client_report(number, "green", "feed", free_);
    desk_client_report(0, "green", "feed", told);
    char *sql = mem_printf("UPDATE cirt.sighting SET pap = 4 WHERE report_id IN (%lld, %lld);"
                           "UPDATE cirt.incident_case SET pap = 4 WHERE number = %lld",
                           (long long)report, (long long)again, (long long)number);
    cluster_execute(sql);
    free(sql);
    desk_client_export_is(*state, "analyst", "rpz", NULL, "domain:kept.example OR domain:free.example OR domain:both-said.example",
                          "free.example");
    json_decref(mark(state, number, "free.example"));
    desk_client_export_is(*state, "analyst", "rpz", NULL, "domain:free.example", "free.example");
}

/* A URL stands on an address, and that of a whole site is the site. */
static void test_known_good_urls(void **state)
{
    static const char *const marks[] = {"url http://192.88.110.5/ infrastructure",
                                        "url http://192.88.110.5/kit infrastructure",
                                        "url http://192.88.112.7/kit infrastructure",
                                        "url http://[::ffff:c058:6e06]/ infrastructure",
                                        "url http://[::ffff:c058:6e06]/kit infrastructure",
                                        "url http://kept.kgood.example/ infrastructure",
                                        "url http://kgood.example/ infrastructure",
                                        "url http://kgood.example/kit infrastructure",
                                        NULL};
    static const char *const lists[] = {"\"cidr\",\"matching_attributes\":[\"ip-dst\"],\"list\":[\"192.88.110.0/24\"]",
                                        "\"cidr\",\"matching_attributes\":[\"url\"],\"list\":[\"192.88.112.0/24\"]",
                                        "\"string\",\"matching_attributes\":[\"domain\"],\"list\":[\"kgood.example\"]"};
    desk_client_report(0, "green", "feed", marks);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        char *body = mem_printf("{\"short_name\":\"urls%zu\",\"name\":\"x\",\"type\":%s}", i, lists[i]);
        json_decref(desk_client_post(*state, "lead", 200, "/v1/warninglists", body));
        free(body);
    }
    desk_client_export_is(*state, "analyst", "blocklist-url", NULL,
                          "url:http://192.88.1* OR url:http://[::ffff:c058* OR url:http://kgood* OR url:http://kept.kgood*",
                          "http://192.88.110.5/kit http://[::ffff:c058:6e06]/kit http://kept.kgood.example/ http://kgood.example/kit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_victims_urls),
        cmocka_unit_test(test_no_fragments),
        cmocka_unit_test(test_fragments_of_parts),
        cmocka_unit_test(test_special_addresses),
        cmocka_unit_test(test_special_names),
        cmocka_unit_test(test_constituents),
        cmocka_unit_test(test_pap),
        cmocka_unit_test(test_pap_of_one_report),
        cmocka_unit_test(test_known_good_urls),
    };
    return cmocka_run_group_tests(tests, desk_client_setup, desk_client_teardown);
}
