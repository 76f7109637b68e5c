/* Lists of reports by filter give what plain SQL over the tables gives, whether what they look for is rare or common, with a real
 * PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "support/cluster.h"
#include "support/desk_client.h"

/* 2,600 reports, of which what is said of the most is common and the rest rare. 300 is RED and the lead's, 600 in a circle of the lead;
 * both have what few have, and are in the case of others. */
static const char fixture[] =
    "SET search_path = cirt; SET session_replication_role = replica;"
    "INSERT INTO compartment VALUES (8, 'search');"
    "INSERT INTO compartment_member SELECT 8, id FROM identity WHERE login = 'lead';"
    "INSERT INTO constituent (id, name, sector) OVERRIDING SYSTEM VALUE VALUES (801, 'Plant', 'energy'), (802, 'plain', 'Telecom'), (803, "
    "'school', NULL);"
    "INSERT INTO incident_case (id, number, name, state, class, priority, tlp, summary, constituent_id, owner_id) OVERRIDING SYSTEM VALUE"
    "   SELECT 900000 + i, 900000 + i, 'XX-CERT-9-' || i, 'open', 'other/other', 2, CASE i WHEN 4 THEN 4 ELSE 1 END, 'case', (ARRAY[801, "
    "802, 803, 801])[i],"
    "   CASE i WHEN 4 THEN (SELECT id FROM identity WHERE login = 'lead') END FROM generate_series(1, 4) i;"
    "INSERT INTO case_tally (case_id, observations) VALUES (900001, 70007), (900002, 70001), (900004, 70009);"
    "INSERT INTO case_owner (case_id, constituent_id) VALUES (900001, 801), (900003, 801), (900003, 803);"
    "CREATE TEMP TABLE made AS SELECT i, nextval('report_id_seq') AS report_id, now() + i * interval '1 microsecond' AS received,"
    "   CASE i WHEN 300 THEN 4 ELSE 1 END AS tlp, CASE i WHEN 600 THEN 8 ELSE 0 END AS compartment_id FROM generate_series(1, 2600) i;"
    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, compartment_id) SELECT report_id, received,"
    "   (SELECT s.id FROM sender s JOIN identity n ON n.id = s.identity_id WHERE n.login = CASE WHEN i % 100 = 0 THEN 'analyst2' ELSE "
    "'feed' END),"
    "   'https', 'pinned-key', sha256(int8send(report_id)), 1, compartment_id FROM made;"
    "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, class, summary, description, observations) SELECT "
    "report_id, received,"
    "   CASE WHEN i % 500 = 0 AND i > 600 THEN 'malformed' WHEN i % 300 = 7 AND i < 1000 THEN 'decoding' ELSE 'received' END, CASE WHEN i "
    "% 100 = 0 THEN 'rid' ELSE 'json' END, tlp, "
    "false,"
    "   CASE WHEN i % 100 = 0 THEN 'fraud/phishing' WHEN i % 100 = 1 THEN 'fraud/copyright' WHEN i % 100 <> 2 THEN "
    "'vulnerable/ddos-amplifier' END,"
    "   CASE WHEN i % 100 = 0 THEN '50% rare' WHEN i % 100 <> 3 THEN 'a Common summary' END, CASE WHEN i % 300 = 0 THEN 'seldom said' ELSE "
    "'often SAID' END, "
    "1 FROM made;"
    "INSERT INTO report_outcome (report_id, received, state) SELECT report_id, received, CASE WHEN i % 250 = 0 THEN 'dropped' WHEN i % 400 "
    "= 0 THEN 'held'"
    "   ELSE 'triaged' END FROM made WHERE i % 300 <> 7;"
    "INSERT INTO inbox (report_id, received, failed) SELECT report_id, received, CASE WHEN i > 300 THEN now() END FROM made WHERE i % 300 "
    "= 7 AND i < 1000;"
    "INSERT INTO to_triage (reports, received, observations) SELECT range_agg(int8range(report_id, report_id + 1)), now(), count(*) FROM "
    "made "
    "WHERE i % 300 = 7 AND i > 1000;"
    "INSERT INTO case_member (case_id, compartment_id, report_id, received, observations, since_seq)"
    "   SELECT 900000 + CASE WHEN i = 300 THEN 4 WHEN i % 50 = 0 THEN 1 WHEN i % 70 = 1 THEN 3 ELSE 2 END, compartment_id, report_id, "
    "received,"
    "   '{[1,3)}'::int4multirange, 1 FROM made WHERE i % 9 <> 2 UNION ALL SELECT 900003, compartment_id, report_id, received, "
    "'{[1,2)}'::int4multirange, 1 FROM made WHERE "
    "i IN (300, 600);"
    "INSERT INTO observation (report_id, received, no, source_port, target_port, compartment_id) SELECT report_id, received, o, 23,"
    "   CASE WHEN i % 300 = 0 AND o = 1 THEN 4000 + i / 300 WHEN i % 300 = 0 AND o = 3 THEN 5000 + i / 300 END, compartment_id FROM made, "
    "generate_series(1, 3) o;"
    "SET session_replication_role = DEFAULT; ANALYZE report; ANALYZE report_content; ANALYZE report_outcome; ANALYZE observation; ANALYZE "
    "case_member";

static int setup(void **state)
{
    *state = desk_client_new();
    cluster_execute(fixture);
    return 0;
}

/* The numbers of all reports, or cases, that a list has over its pages, from the least. */
static char *listed(struct desk_client *client, const char *what, const char *who, const char *filter)
{
    bool is_case = str_equal(what, "cases");
    struct buf text;
    char *query = mem_strdup(filter);
    for (char *at = query; *at; at++)
        if (*at == ' ')
            *at = '+';
    buf_init(&text, 1024 * 1024);
    for (char *cursor = mem_strdup("0"); cursor;) {
        char *path = mem_printf("/v1/%s?limit=500&cursor=%s&q=%s", what, cursor, query);
        json_t *answer = desk_client_get(client, who, 200, path), *item;
        size_t i;
        json_array_foreach(json_object_get(answer, "items"), i, item)
            buf_printf(&text, "%s%lld", text.size ? "," : "",
                       is_case ? (long long)json_integer_value(json_object_get(item, "number")) : atoll(desk_client_text(item, "id") + 1));
        free(cursor);
        cursor = json_is_string(json_object_get(answer, "next")) ? mem_strdup(json_string_value(json_object_get(answer, "next"))) : NULL;
        json_decref(answer);
        free(path);
    }
    free(query);
    char *sql = mem_printf("SELECT coalesce(string_agg(x, ',' ORDER BY x::bigint), '') FROM string_to_table('%s', ',') x WHERE x <> ''",
                           buf_text(&text));
    char *sorted = cluster_text(sql);
    free(sql);
    buf_clear(&text);
    return sorted;
}

#define IN_CASE(condition)                                                                                                                 \
    "EXISTS (SELECT FROM cirt.case_member m JOIN cirt.incident_case k ON k.id = m.case_id LEFT JOIN cirt.constituent n ON n.id = "         \
    "k.constituent_id WHERE m.report_id = r.id AND (k.tlp < 4 OR '%s' = 'lead') AND (" condition "))"
#define OWNED(name)                                                                                                                        \
    "EXISTS (SELECT FROM cirt.case_owner w JOIN cirt.constituent q ON q.id = w.constituent_id WHERE w.case_id = k.id AND lower(q.name) = " \
    "'" name "')"
#define PORT(condition) "EXISTS (SELECT FROM cirt.observation b WHERE b.report_id = r.id AND (" condition "))"

/* c is the content, o the outcome; %s in a meaning is who asks. */
static const struct {
    const char *filter, *meaning;
} rows[] = {
    {"class:fraud/phishing", "c.class = 'fraud/phishing'"},
    {"class:fraud", "c.class LIKE 'fraud/%%'"},
    {"class:vulnerable", "c.class LIKE 'vulnerable/%%'"},
    {"class:vulnerable/ddos-amplifier,fraud/copyright", "c.class <> 'fraud/phishing'"},
    {"-class:vulnerable", "c.class IS NULL OR c.class LIKE 'fraud/%%'"},
    {"-class:fraud/phishing", "c.class IS DISTINCT FROM 'fraud/phishing'"},
    {"class:none", "c.class IS NULL"},
    {"class:availability", "false"},
    {"sender:analyst2",
     "r.sender_id = (SELECT s.id FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'analyst2')"},
    {"sender:FEED", "r.sender_id = (SELECT s.id FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE i.login = 'feed')"},
    {"sender:nobody", "false"},
    {"-sender:feed class:fraud/phishing", "c.class = 'fraud/phishing'"},
    {"state:malformed", "c.state = 'malformed'"},
    {"state:held", "c.state <> 'malformed' AND o.state = 'held'"},
    {"state:dropped", "c.state <> 'malformed' AND o.state = 'dropped'"},
    {"state:dropped,malformed", "c.state = 'malformed' OR o.state = 'dropped'"},
    {"state:held,triaged", "c.state <> 'malformed' AND o.state IN ('held', 'triaged')"},
    {"state:received", "c.state = 'received' AND o.state IS NULL"},
    {"state:decoding", "c.state = 'decoding' AND o.state IS NULL"},
    {"state:received,decoding", "c.state <> 'malformed' AND o.state IS NULL"},
    {"state:held,received", "c.state <> 'malformed' AND coalesce(o.state, c.state) IN ('held', 'received')"},
    {"state:received,triaged", "c.state <> 'malformed' AND coalesce(o.state, c.state) IN ('triaged', 'received')"},
    {"format:RID", "c.format = 'rid'"},
    {"format:json", "c.format = 'json'"},
    {"summary:RARE", "c.summary = '50%% rare'"},
    {"summary:\"0%25+r\"", "c.summary = '50%% rare'"},
    {"summary:common", "c.summary = 'a Common summary'"},
    {"-summary:common", "c.summary = '50%% rare' OR c.summary IS NULL"},
    {"summary:often", "c.summary IS NULL"},
    {"seldom", "c.description = 'seldom said'"},
    {"said", "true"},
    {"seldom class:fraud sender:analyst2", "c.description = 'seldom said'"},
    {"(seldom OR class:fraud/copyright)", "c.description = 'seldom said' OR c.class = 'fraud/copyright'"},
    {"constituent:plant", IN_CASE("lower(n.name) = 'plant' OR " OWNED("plant"))},
    {"constituent:school", IN_CASE("lower(n.name) = 'school' OR " OWNED("school"))},
    {"constituent:PLAIN", IN_CASE("lower(n.name) = 'plain'")},
    {"constituent:pla*", IN_CASE("lower(n.name) LIKE 'pla%%'")},
    {"constituent:none", "NOT " IN_CASE("n.id IS NOT NULL")},
    {"sector:energy", IN_CASE("n.sector = 'energy'")},
    {"sector:telecom", IN_CASE("n.sector = 'Telecom'")},
    {"sector:none", "NOT " IN_CASE("n.sector IS NOT NULL")},
    {"case:900001", IN_CASE("k.number = 900001")},
    {"case:900001,900003", IN_CASE("k.number IN (900001, 900003)")},
    {"case:900004", IN_CASE("k.number = 900004")},
    {"port:23", "true"},
    {"port:4001", PORT("b.target_port = 4001")},
    {"port:4001,5002", PORT("b.target_port IN (4001, 5002)")},
    {"port:4000..4003", PORT("b.target_port BETWEEN 4000 AND 4003")},
    {"port:5005..", PORT("b.target_port >= 5005")},
    {"port:..22", "false"},
    {"port:..23", "true"},
    {"port:23..30", "true"},
    {"port:70000", "false"},
    {"port:3000000000..", "false"},
    {"-port:3000000000..", "true"},
    {"-port:4000..4003 class:fraud/phishing", "c.class = 'fraud/phishing' AND NOT " PORT("b.target_port BETWEEN 4000 AND 4003")},
    {"port:4000..4003 class:fraud sender:analyst2 port:5000..5002", PORT("b.target_port IN (4001, 4002)")},
    {"port:4000..4003,5003", PORT("b.target_port BETWEEN 4000 AND 4003 OR b.target_port = 5003")},
};

static char *expected(const char *who, const char *meaning)
{
    char *condition = mem_printf("%s", meaning);
    /* Who asks, where the meaning wants it; %% is one everywhere. */
    struct buf text;
    buf_init(&text, 65536);
    for (const char *at = condition; *at; at++) {
        if (str_starts(at, "%s") || str_starts(at, "%%")) {
            buf_add_text(&text, at[1] == 's' ? who : "%");
            at++;
        } else {
            buf_add_char(&text, *at);
        }
    }
    char *sql = mem_printf(
        "SELECT coalesce(string_agg(r.id::text, ',' ORDER BY r.id), '') FROM cirt.report r JOIN cirt.report_content c ON c.report_id = r.id"
        " LEFT JOIN cirt.report_outcome o ON o.report_id = r.id WHERE (%s) AND ('%s' = 'lead' OR (c.tlp < 4 AND r.compartment_id = 0))",
        buf_text(&text), who);
    char *list = cluster_text(sql);
    free(condition);
    free(sql);
    buf_clear(&text);
    return list;
}

static void test_filters(void **state)
{
    static const char *const people[] = {"lead", "analyst"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t who = 0; who < ARRAY_SIZE(people); who++) {
            char *there = listed(*state, "reports", people[who], rows[i].filter), *wanted = expected(people[who], rows[i].meaning);
            if (!str_equal(there, wanted))
                fail_msg("%s for %s: %.300s, not %.300s", rows[i].filter, people[who], there, wanted);
            free(there);
            free(wanted);
        }
    }
}

/* A port of a report that is not for the analyst leads him to no case, though he sees the case. */
static void test_cases(void **state)
{
    static const struct {
        const char *filter, *lead, *analyst;
    } lists[] = {
        {"count:70007 is:any", "900001", "900001"},
        {"count:70000.. is:any", "900001,900002,900004", "900001,900002"},
        {"count:70002..80000 is:any", "900001,900004", "900001"},
        {"count:..0 number:900001..900004 is:any", "900003", "900003"},
        {"-count:70007,70009 number:900001..900004 is:any", "900002,900003", "900002,900003"},
        {"port:4001 is:any", "900003,900004", ""},
        {"port:4002 is:any", "900001,900003", ""},
        {"port:4001..4002 is:any", "900001,900003,900004", ""},
        {"port:4003 is:any", "900001", "900001"},
        {"port:5003 is:any", "", ""},
        {"port:23 is:any", "900001,900002,900003,900004", "900001,900002,900003"},
        {"sector:energy is:any", "900001,900004", "900001"},
        {"constituent:plant is:any", "900001,900003,900004", "900001,900003"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        char *lead = listed(*state, "cases", "lead", lists[i].filter), *analyst = listed(*state, "cases", "analyst", lists[i].filter);
        if (!str_equal(lead, lists[i].lead) || !str_equal(analyst, lists[i].analyst))
            fail_msg("%s: lead %s, analyst %s", lists[i].filter, lead, analyst);
        free(lead);
        free(analyst);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_filters), cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
