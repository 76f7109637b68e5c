/* Cases that share something rare, as their readers see them, with a real PostgreSQL. */
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

static int64_t case_with(void *state, const char *tlp, const char *sender, const char *observable)
{
    const char *const observables[] = {observable, NULL};
    int64_t number = desk_client_case(state, observable, tlp);
    desk_client_report(number, tlp, sender, observables);
    return number;
}

/* The case as who sees it; the caller's. */
static json_t *seen_by(void *state, const char *who, int64_t number)
{
    char path[60];
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)number);
    return desk_client_get(state, who, 200, path);
}

/* What relates a case to another in the eyes of who: "text; text", "" where nothing does. The caller's. */
static char *relation(void *state, const char *who, int64_t number, int64_t other)
{
    json_t *answer = seen_by(state, who, number);
    const json_t *list = json_object_get(answer, "related");
    char *text = mem_strdup("");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *reasons = json_object_get(item, "reasons");
        if (json_integer_value(json_object_get(item, "number")) != other)
            continue;
        for (size_t k = 0; k < json_array_size(reasons); k++) {
            char *longer =
                mem_printf("%s%s%s", text, k ? "; " : "", json_string_value(json_object_get(json_array_get(reasons, k), "text")));
            free(text);
            text = longer;
        }
    }
    json_decref(answer);
    return text;
}

static void assert_relation(void *state, const char *who, int64_t number, int64_t other, const char *expected)
{
    char *text = relation(state, who, number, other);
    if (!str_equal(text, expected))
        fail_msg("case %lld to %lld for %s: \"%s\", not \"%s\"", (long long)number, (long long)other, who, text, expected);
    free(text);
}

static size_t size_of(void *state, const char *who, int64_t number, const char *member)
{
    json_t *answer = seen_by(state, who, number);
    size_t count = json_array_size(json_object_get(answer, member));
    json_decref(answer);
    return count;
}

/* One pair of cases a kind of value. */
static void test_kinds(void **state)
{
    static const struct {
        const char *here, *there, *reason, *back;
    } rows[] = {
        {"ipv4 198.18.1.7 source", "ipv4 198.18.1.7 target", "198.18.1.7 in both", "198.18.1.7 in both"},
        {"ipv4 198.18.2.7 source", "cidr 198.18.2.0/24 source", "198.18.2.7 here is in 198.18.2.0/24 there",
         "198.18.2.0/24 here has 198.18.2.7 there in it"},
        {"cidr 198.18.3.0/24 source", "cidr 198.18.3.128/25 source", "198.18.3.0/24 here has 198.18.3.128/25 there in it",
         "198.18.3.128/25 here is in 198.18.3.0/24 there"},
        {"domain c2.related.example infrastructure", "domain c2.related.example source", "c2.related.example in both",
         "c2.related.example in both"},
        {"url http://kit.related.example/a source", "domain kit.related.example source",
         "kit.related.example here, kit.related.example there", "kit.related.example here, http://kit.related.example/a there"},
        {"url http://two.related.example/a source", "url http://two.related.example/a source", "http://two.related.example/a in both",
         "http://two.related.example/a in both"},
        {"email a@mail.related.example source", "email a@mail.related.example source", "a@mail.related.example in both",
         "a@mail.related.example in both"},
        {"md5 d41d8cd98f00b204e9800998ecf8427e other", "md5 d41d8cd98f00b204e9800998ecf8427e other",
         "d41d8cd98f00b204e9800998ecf8427e in both", "d41d8cd98f00b204e9800998ecf8427e in both"},
        /* Not alike: the same mail domain, the same AS, a name below, networks wider than /16. */
        {"email b@big.related.example source", "email c@big.related.example source", "", ""},
        {"asn 64999 source", "asn 64999 source", "", ""},
        {"domain a.up.related.example source", "domain up.related.example source", "", ""},
        {"ipv4 203.0.113.99 source", "cidr 203.0.0.0/14 source", "", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t here = case_with(*state, "amber", "feed", rows[i].here), there = case_with(*state, "amber", "feed", rows[i].there);
        assert_relation(*state, "analyst", here, there, rows[i].reason);
        assert_relation(*state, "analyst", there, here, rows[i].back);
    }
}

/* In more than n cases: common, relates none; what only strangers say counts for nothing. */
static void test_common(void **state)
{
    json_decref(desk_client_post(*state, "admin", 200, "/v1/settings/related.cases", "{\"value\":\"3\"}"));
    int64_t first = case_with(*state, "amber", "feed", "ipv4 198.18.50.1 source"), second = 0;
    for (int i = 0; i < 2; i++)
        second = case_with(*state, "amber", "feed", "ipv4 198.18.50.1 source");
    assert_relation(*state, "analyst", first, second, "198.18.50.1 in both");
    /* Twenty strangers, or one twenty times, do not make it common. */
    cluster_execute("INSERT INTO cirt.sender (address) SELECT 'stranger' || g || '@junk.example' FROM generate_series(1, 20) g");
    for (int i = 1; i <= 20; i++) {
        int64_t junk = case_with(*state, "amber", "feed", "ipv4 198.18.50.1 source");
        char *sql = mem_printf(
            "UPDATE cirt.sighting s SET origin = x.id FROM cirt.sender x, cirt.case_member m JOIN cirt.incident_case k ON k.id = m.case_id"
            " WHERE x.address = 'stranger%d@junk.example' AND k.number = %lld AND s.report_id = m.report_id",
            i, (long long)junk);
        cluster_execute(sql);
        free(sql);
    }
    assert_relation(*state, "analyst", first, second, "198.18.50.1 in both");
    assert_int_equal(size_of(*state, "analyst", first, "common"), 0);
    /* Nor does who writes a contact's address on the envelope, or into a mail that nothing proves. */
    cluster_execute("SET search_path = cirt; INSERT INTO contact (address, is_known) VALUES ('soc@known.example', true);"
                    "INSERT INTO sender (address) VALUES ('soc@known.example');"
                    "UPDATE sighting SET origin = (SELECT id FROM sender WHERE address = 'soc@known.example') WHERE origin IN (SELECT id "
                    "FROM sender WHERE address LIKE "
                    "'stranger%');"
                    "INSERT INTO report_mail (report_id, received, mail_from, recipients, author, dmarc)"
                    " SELECT DISTINCT s.report_id, s.received, 'soc@known.example', ARRAY['us@xx.example'],"
                    " CASE WHEN s.report_id % 2 = 0 THEN 'soc@known.example' ELSE 'soc@junk.example' END, CASE WHEN s.report_id % 2 = 0 "
                    "THEN 'none' ELSE 'pass' END"
                    " FROM sighting s WHERE s.origin = (SELECT id FROM sender WHERE address = 'soc@known.example')");
    assert_relation(*state, "analyst", first, second, "198.18.50.1 in both");
    assert_int_equal(size_of(*state, "analyst", first, "common"), 0);
    cluster_execute("UPDATE cirt.report_mail SET dmarc = 'pass', author = 'soc@known.example' WHERE mail_from = 'soc@known.example'");
    assert_int_equal(size_of(*state, "analyst", first, "common"), 1);
    cluster_execute("UPDATE cirt.report_mail SET dmarc = 'fail' WHERE mail_from = 'soc@known.example'");
    /* A fourth case by somebody we know does. */
    case_with(*state, "amber", "feed", "ipv4 198.18.50.1 source");
    assert_relation(*state, "analyst", first, second, "");
    assert_int_equal(size_of(*state, "analyst", first, "related"), 0);
    assert_int_equal(size_of(*state, "analyst", first, "common"), 1);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/settings/related.cases", "{\"value\":null}"));
    assert_relation(*state, "analyst", first, second, "198.18.50.1 in both");
}

/* Who may not see a case sees neither a link to it nor what it adds to a count. */
static void test_need_to_know(void **state)
{
    int64_t open = case_with(*state, "amber", "feed", "ipv4 198.18.60.1 source");
    int64_t red = case_with(*state, "red", "feed", "ipv4 198.18.60.1 source");
    assert_relation(*state, "lead", open, red, "198.18.60.1 in both");
    assert_relation(*state, "analyst", open, red, "");
    assert_int_equal(size_of(*state, "analyst", open, "related"), 0);
    json_t *before = seen_by(*state, "analyst", open);

    /* A circle the analyst is not in, with more cases than would make it common. */
    cluster_execute("INSERT INTO cirt.compartment VALUES (7, 'circle');"
                    "INSERT INTO cirt.compartment_member SELECT 7, id FROM cirt.identity WHERE login = 'lead'");
    for (int i = 0; i < 12; i++) {
        int64_t hidden = case_with(*state, "amber", "feed", "ipv4 198.18.60.1 source");
        char *sql = mem_printf(
            "SET session_replication_role = replica;"
            "UPDATE cirt.incident_case SET compartment_id = 7 WHERE number = %lld;"
            "UPDATE cirt.case_member m SET compartment_id = 7 FROM cirt.incident_case k WHERE k.id = m.case_id AND k.number = %lld;"
            "UPDATE cirt.sighting s SET compartment_id = 7 FROM cirt.case_member m WHERE m.compartment_id = 7 AND s.report_id = "
            "m.report_id;"
            "UPDATE cirt.report s SET compartment_id = 7 FROM cirt.case_member m WHERE m.compartment_id = 7 AND s.id = m.report_id",
            (long long)hidden, (long long)hidden);
        cluster_execute(sql);
        free(sql);
    }
    json_t *after = seen_by(*state, "analyst", open);
    assert_true(json_equal(json_object_get(before, "related"), json_object_get(after, "related")));
    assert_true(json_equal(json_object_get(before, "common"), json_object_get(after, "common")));
    assert_int_equal(json_array_size(json_object_get(after, "common")), 0);
    json_decref(before);
    json_decref(after);
    assert_int_equal(size_of(*state, "lead", open, "common"), 1);
}

/* What a known-good list names relates nothing, and stands in the case as such. */
static void test_known_good(void **state)
{
    int64_t here = case_with(*state, "amber", "feed", "ipv4 198.18.70.1 source");
    int64_t there = case_with(*state, "amber", "feed", "ipv4 198.18.70.1 source");
    assert_relation(*state, "analyst", here, there, "198.18.70.1 in both");
    cluster_execute("SET search_path = cirt;"
                    "INSERT INTO warninglist (name, title, kind, types, loaded) VALUES ('resolvers', 'Resolvers', 'cidr', '{1,2,3}', true);"
                    "INSERT INTO warninglist_network SELECT '198.18.70.0/24', id FROM warninglist WHERE name = 'resolvers'");
    assert_relation(*state, "analyst", here, there, "");
    assert_int_equal(size_of(*state, "analyst", here, "common"), 0);
}

static void test_settings(void **state)
{
    json_t *list = desk_client_get(*state, "analyst", 200, "/v1/settings?name=related.cases");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(list, "items"), 0), "default")), "10");
    json_decref(list);
    json_decref(desk_client_post(*state, "analyst", 403, "/v1/settings/related.cases", "{\"value\":\"3\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/settings/related.cases", "{\"value\":\"many\"}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/settings/related.cases", "{}"));
    json_decref(desk_client_post(*state, "admin", 404, "/v1/settings/colour", "{\"value\":\"red\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),      cmocka_unit_test(test_common),   cmocka_unit_test(test_need_to_know),
        cmocka_unit_test(test_known_good), cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, desk_client_setup, desk_client_teardown);
}
