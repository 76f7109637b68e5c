/* Lists by filter give what plain SQL over the tables gives, whether what they look for is rare or common, with a real PostgreSQL. */
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

/* 40 cases of phishing, each with a report of 100 observations and half of the next one's; of these one is RED and the lead's, and one in a
 * circle of the lead. Of 10,000 others only their tags, summaries and number count, and the last one of all has 3,000 sightings. */
static const char fixture[] =
    "SET search_path = cirt; SET session_replication_role = replica;"
    "INSERT INTO compartment VALUES (8, 'search');"
    "INSERT INTO compartment_member SELECT 8, id FROM identity WHERE login = 'lead';"
    "CREATE TEMP TABLE made AS SELECT i, nextval('report_id_seq') AS report_id, now() AS received, CASE i WHEN 5 THEN 4 ELSE 1 END AS tlp,"
    "   CASE i WHEN 6 THEN 8 ELSE 0 END AS compartment_id FROM generate_series(1, 40) i;"
    "INSERT INTO incident_case (id, number, name, state, class, priority, tlp, summary, owner_id, compartment_id) OVERRIDING SYSTEM VALUE"
    "   SELECT 900000 + i, 900000 + i, 'XX-CERT-9-' || i, 'open', 'fraud/phishing', 2, tlp, 'case ' || i || ' of the search', CASE WHEN i "
    "IN (5, 9) THEN"
    "   (SELECT id FROM identity WHERE login = 'lead') END, compartment_id FROM made;"
    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, compartment_id) SELECT report_id, received, 1, "
    "'https', 'pinned-key',"
    "   sha256(int8send(report_id)), 1, compartment_id FROM made;"
    "INSERT INTO report_content (report_id, received, state, tlp, tlp_assumed, class, observations) SELECT report_id, received, "
    "'received', tlp, false,"
    "   'fraud/phishing', 100 FROM made;"
    "INSERT INTO case_member (case_id, compartment_id, report_id, received, observations, since_seq)"
    "   SELECT 900000 + i, compartment_id, report_id, received, int4multirange(int4range(1, 21), int4range(30, 101)), 1 FROM made"
    "   UNION ALL SELECT 900000 + a.i, a.compartment_id, b.report_id, b.received, int4multirange(int4range(1, 51)), 1 FROM made a JOIN "
    "made b ON b.i = a.i + 1"
    "   WHERE b.i NOT IN (5, 6) AND a.i NOT IN (5, 6);"
    "INSERT INTO observation (report_id, received, no, source_port, target_port, compartment_id)"
    "   SELECT report_id, received, o, CASE WHEN i < 10 THEN 23 END, CASE i WHEN 7 THEN 100 + o END, compartment_id FROM made, "
    "generate_series(1, 100) o;"
    "INSERT INTO sighting (report_id, received, observation_no, origin, compartment_id, type, role, tlp, addr, host, value)"
    "   SELECT report_id, received, o, 1, compartment_id, x.type, 1, tlp, x.addr, x.host, coalesce(x.host, x.value) FROM made, "
    "generate_series(1, 100) o,"
    "   LATERAL (VALUES (1, ('10.50.' || i || '.' || o)::inet, NULL, '10.50.' || i || '.' || o),"
    "       (5, NULL, 'h' || o || '.c' || i || '.common.example', NULL), (4, NULL, NULL, '64777')) x(type, addr, host, value) WHERE i <> "
    "40;"
    "INSERT INTO sighting (report_id, received, observation_no, origin, compartment_id, type, role, tlp, addr, host, value)"
    "   SELECT report_id, received, 25, 1, compartment_id, 5, 1, tlp, NULL::inet, 'gap.rare.example', 'gap.rare.example' FROM made"
    "   UNION ALL SELECT report_id, received, 10 * i, 1, compartment_id, 5, 1, tlp, NULL, 'rare.example', 'rare.example' FROM made WHERE i "
    "IN (3, 5, 6, 7)"
    "   UNION ALL SELECT report_id, received, 12, 1, compartment_id, 3, 1, tlp, '10.50.8.0/23', NULL, '10.50.8.0/23' FROM made WHERE i = 11"
    "   UNION ALL SELECT report_id, received, 13, 1, compartment_id, 6, 1, tlp, NULL, 'www.bank.example', 'http://www.bank.example/Login' "
    "FROM made WHERE i = 12"
    "   UNION ALL SELECT report_id, received, 14, 1, compartment_id, 5, 1, tlp, NULL, 'www.bank.co.uk', 'www.bank.co.uk' FROM made WHERE i "
    "= 13"
    "   UNION ALL SELECT report_id, received, 15, 1, compartment_id, 2, 1, tlp, '2001:db8:7:1::5', NULL, '2001:db8:7:1::5' FROM made WHERE "
    "i = 14"
    /* In a case that the analyst sees, but for named readers. */
    "   UNION ALL SELECT report_id, received, 16, 1, compartment_id, 1, 1, 4, '192.0.2.9', NULL, '192.0.2.9' FROM made WHERE i = 15"
    "   UNION ALL SELECT report_id, received, 16, 1, compartment_id, 5, 1, 4, NULL, 'red.test', 'red.test' FROM made WHERE i = 15;"
    "INSERT INTO case_text (case_id, tlp, hash64, body) SELECT 900000 + i, tlp, n, 'commonword said ' || n FROM made, generate_series(1, "
    "60) n WHERE i <> 20"
    "   UNION ALL SELECT 900000 + i, tlp, 100, 'an oddword' FROM made WHERE i IN (3, 5, 6);"
    "INSERT INTO case_tag SELECT 900000 + i, 'few' FROM made WHERE i % 7 = 0;"
    "INSERT INTO incident_case (id, number, name, state, class, priority, tlp, summary, resolution, closed) OVERRIDING SYSTEM VALUE"
    "   SELECT 910000 + i, 910000 + i, 'XX-CERT-91-' || i, 'closed', 'other/other', 1 + (i = 10000)::int, 1, 'filler ' || i, 'fixed', "
    "now() FROM "
    "generate_series(1, 10000) i;"
    "INSERT INTO case_tag SELECT 900000 + i, 'Plenty' FROM made WHERE i % 2 = 0 UNION ALL SELECT 910000 + i, 'plenty' FROM "
    "generate_series(1, 3000) i;"
    "WITH r AS (INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size) SELECT nextval('report_id_seq'), now(), 1, "
    "'https', 'pinned-key', '', 1"
    "       RETURNING id, received),"
    "   c AS (INSERT INTO report_content (report_id, received, state, tlp, tlp_assumed, observations) SELECT id, received, 'received', 1, "
    "false, 3000 FROM r),"
    "   m AS (INSERT INTO case_member (case_id, report_id, received, observations, since_seq) SELECT 920000, id, received, '{[1,3001)}', 1 "
    "FROM r)"
    "   INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, host, value)"
    "   SELECT id, received, o, 1, 5, 1, 1, 'l' || o || '.late.example', 'l' || o || '.late.example' FROM r, generate_series(1, 3000) o"
    "   UNION ALL SELECT id, received, o, 1, 4, 1, 1, NULL, '64999' FROM r, generate_series(1, 3000) o;"
    "SELECT case_seen_add(array_agg(m.case_id), array_agg(m.compartment_id), array_agg(m.report_id), array_agg(m.received), "
    "array_agg(m.observations)) FROM case_member m;"
    "SET session_replication_role = DEFAULT; ANALYZE incident_case; ANALYZE sighting; ANALYZE case_member; ANALYZE case_text; ANALYZE "
    "case_tag";

static int setup(void **state)
{
    *state = desk_client_new();
    cluster_execute(fixture);
    return 0;
}

/* The numbers of all cases that a list has, over its pages, in their order. */
static char *listed(struct desk_client *client, const char *who, const char *filter)
{
    struct buf text;
    char *query = mem_strdup(filter);
    for (char *at = query; *at; at++)
        if (*at == ' ')
            *at = '+';
    buf_init(&text, 1024 * 1024);
    for (char *cursor = mem_strdup("0"); cursor;) {
        char *path = mem_printf("/v1/cases?sort=number&limit=500&cursor=%s&q=%s", cursor, query);
        json_t *answer = desk_client_get(client, who, 200, path), *item;
        size_t i;
        json_array_foreach(json_object_get(answer, "items"), i, item)
            buf_printf(&text, "%s%lld", text.size ? "," : "", (long long)json_integer_value(json_object_get(item, "number")));
        free(cursor);
        cursor = json_is_string(json_object_get(answer, "next")) ? mem_strdup(json_string_value(json_object_get(answer, "next"))) : NULL;
        json_decref(answer);
        free(path);
    }
    free(query);
    char *copy = mem_strdup(buf_text(&text));
    buf_clear(&text);
    return copy;
}

#define SEEN(condition)                                                                                                                    \
    "EXISTS (SELECT FROM cirt.case_member m JOIN cirt.sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no"      \
    " WHERE m.case_id = k.id AND (" condition "))"
#define BELOW(name)     "(s.host = '" name "' OR s.host LIKE '%." name "')"
#define SAID(condition) "EXISTS (SELECT FROM cirt.case_text t WHERE t.case_id = k.id AND " condition ")"
#define PORT(condition)                                                                                                                    \
    "EXISTS (SELECT FROM cirt.case_member m JOIN cirt.observation o ON o.report_id = m.report_id AND m.observations @> o.no"               \
    " WHERE m.case_id = k.id AND (" condition "))"
#define TAGGED(condition) "EXISTS (SELECT FROM cirt.case_tag t WHERE t.case_id = k.id AND " condition ")"

static const struct {
    const char *filter, *meaning;
} rows[] = {
    {"ip:10.50.3.7", SEEN("s.addr >>= '10.50.3.7'")},
    {"ip:10.50.9.7", SEEN("s.addr >>= '10.50.9.7'")}, /* a network that holds it too */
    {"ip:10.50.8.0/24,10.50.20.1", SEEN("s.addr && '10.50.8.0/24' OR s.addr = '10.50.20.1'")},
    {"ip:10.50.0.0/16", SEEN("s.addr && '10.50.0.0/16'")},
    {"ip:10.50.8.0/23", SEEN("s.addr && '10.50.8.0/23'")},
    {"ip:10.50.8.0/28,10.50.31.99", SEEN("s.addr && '10.50.8.0/28' OR s.addr = '10.50.31.99'")},
    {"ip:10.0.0.0/8", SEEN("s.addr && '10.0.0.0/8'")},
    {"ip:2001:db8:7::/48", SEEN("s.addr && '2001:db8:7::/48'")},
    {"ip:2001:db8:7:1::/64", SEEN("s.addr && '2001:db8:7:1::/64'")},
    {"ip:2001:db8:7:2::/64", "false"},
    {"domain:example", SEEN(BELOW("example"))},
    {"domain:co.uk", SEEN(BELOW("co.uk"))},
    {"domain:bank.co.uk", SEEN(BELOW("bank.co.uk"))},
    {"domain:other.co.uk", "false"},
    {"-ip:10.50.0.0/16", "NOT " SEEN("s.addr && '10.50.0.0/16'")},
    {"ip:none", "NOT " SEEN("s.type IN (1, 2, 3)")},
    {"domain:rare.example", SEEN(BELOW("rare.example"))},
    {"domain:common.example", SEEN(BELOW("common.example"))},
    {"-domain:common.example", "NOT " SEEN(BELOW("common.example"))},
    {"domain:c3.common.example", SEEN(BELOW("c3.common.example"))},
    {"domain:common.example domain:rare.example", SEEN(BELOW("common.example")) " AND " SEEN(BELOW("rare.example"))},
    {"domain:common.example -domain:rare.example", SEEN(BELOW("common.example")) " AND NOT " SEEN(BELOW("rare.example"))},
    {"(domain:rare.example OR ip:10.50.9.0/24)", "(" SEEN(BELOW("rare.example")) " OR " SEEN("s.addr && '10.50.9.0/24'") ")"},
    {"(domain:common.example,rare.example OR oddword)",
     "(" SEEN(BELOW("common.example") " OR " BELOW("rare.example")) " OR " SAID("t.body LIKE '%oddword%'") ")"},
    {"domain:none", "NOT " SEEN("s.host IS NOT NULL")},
    {"asn:64777", SEEN("s.type = 4 AND s.value = '64777'")},
    {"asn:64778", SEEN("s.type = 4 AND s.value = '64778'")},
    {"url:http://www.bank.example/Login", SEEN("s.value = 'http://www.bank.example/Login'")},
    {"url:http://www.bank*", SEEN("s.type = 6 AND s.value LIKE 'http://www.bank%'")},
    {"url:none", "NOT " SEEN("s.type = 6")},
    {"port:23", PORT("23 IN (o.source_port, o.target_port)")},
    {"port:120..130", PORT("o.source_port BETWEEN 120 AND 130 OR o.target_port BETWEEN 120 AND 130")},
    {"port:none", "NOT " PORT("coalesce(o.source_port, o.target_port) IS NOT NULL")},
    {"oddword", SAID("t.body LIKE '%oddword%'")},
    {"commonword", SAID("t.body LIKE '%commonword%'")},
    {"-commonword", "NOT " SAID("t.body LIKE '%commonword%'")},
    {"commonword oddword", SAID("t.body LIKE '%commonword%'") " AND " SAID("t.body LIKE '%oddword%'")},
    {"\"commonword said\" domain:common.example", SAID("t.body LIKE '%commonword said%'") " AND " SEEN(BELOW("common.example"))},
    {"\"said commonword\"", "false"},
    {"tag:few oddword", TAGGED("t.tag = 'few'") " AND " SAID("t.body LIKE '%oddword%'")},
    {"tag:few ip:10.50.8.0/23", TAGGED("t.tag = 'few'") " AND " SEEN("s.addr && '10.50.8.0/23'")},
    {"domain:rare.example ip:10.50.0.0/16 tag:few -oddword owner:none",
     SEEN(BELOW("rare.example")) " AND " SEEN("s.addr && '10.50.0.0/16'") " AND " TAGGED("t.tag = 'few'") " AND NOT " SAID(
         "t.body LIKE '%oddword%'") " AND k.owner_id IS NULL"},
    {"ip:10.50.3.0/24,10.50.9.0/24 (oddword OR tag:few) summary:search",
     SEEN("s.addr && '10.50.3.0/24' OR s.addr && '10.50.9.0/24'") " AND (" SAID("t.body LIKE '%oddword%'") " OR " TAGGED(
         "t.tag = 'few'") ")"},
    {"owner:lead domain:rare.example ip:10.50.0.0/16", "k.owner_id = (SELECT id FROM cirt.identity WHERE login = 'lead') AND " SEEN(
                                                           BELOW("rare.example")) " AND " SEEN("s.addr && '10.50.0.0/16'")},
    {"tag:few", TAGGED("t.tag = 'few'")},
    {"tag:plenty", TAGGED("lower(t.tag) = 'plenty'")},
    {"tag:FEW,plenty", TAGGED("lower(t.tag) IN ('few', 'plenty')")},
    {"-tag:plenty", "NOT " TAGGED("lower(t.tag) = 'plenty'")},
    {"summary:\"case 7 of\"", "k.summary LIKE '%case 7 of%'"},
    {"summary:\"of the search\"", "k.summary LIKE '%of the search%'"},
    {"-summary:filler", "k.summary NOT LIKE '%filler%'"},
    {"owner:lead", "k.owner_id = (SELECT id FROM cirt.identity WHERE login = 'lead')"},
    {"-owner:lead", "k.owner_id IS DISTINCT FROM (SELECT id FROM cirt.identity WHERE login = 'lead')"},
    {"owner:nobody", "false"},
    {"summary:filler tag:plenty class:other number:912900..",
     "k.number >= 912900 AND k.summary LIKE '%filler%' AND " TAGGED("lower(t.tag) = 'plenty'")},
};

/* The analyst sees neither the RED case nor that of the circle, nor anything through them. */
static void test_filters(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool is_other = strstr(rows[i].filter, "class:other") != NULL;
        char *filter = mem_printf("%s is:any%s", rows[i].filter, is_other ? "" : " class:fraud");
        char *lead = listed(*state, "lead", filter), *analyst = listed(*state, "analyst", filter);
        char *sql = mem_printf(
            "SELECT coalesce(string_agg(k.number::text, ',' ORDER BY k.number), '') FROM cirt.incident_case k WHERE k.number > 900000"
            " AND k.class = '%s' AND %s",
            is_other ? "other/other" : "fraud/phishing", rows[i].meaning);
        char *narrow = mem_printf("%s AND k.number NOT IN (900005, 900006)", sql);
        char *all = cluster_text(sql), *some = cluster_text(narrow);
        if (!str_equal(lead, all) || !str_equal(analyst, some))
            fail_msg("%s: lead %s, not %s; analyst %s, not %s", rows[i].filter, lead, all, analyst, some);
        free(filter);
        free(lead);
        free(analyst);
        free(sql);
        free(narrow);
        free(all);
        free(some);
    }
}

/* What is RED in a case that others see is found by those who are named only, however wide the question. */
static void test_red(void **state)
{
    static const char *const filters[] = {"ip:192.0.2.9", "ip:192.0.2.0/24", "ip:192.0.0.0/16", "domain:red.test", "domain:test"};
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        char *lead = listed(*state, "lead", filters[i]), *analyst = listed(*state, "analyst", filters[i]);
        assert_string_equal(lead, "900014,900015");
        assert_string_equal(analyst, "");
        free(lead);
        free(analyst);
    }
}

/* A feed's RED document of six rows: two in a case of the analyst's, three in one that he is not named for, and one that waits. */
static const char red_report[] =
    "SET search_path = cirt; SET session_replication_role = replica;"
    "INSERT INTO incident_case (id, number, name, state, class, priority, tlp, summary, owner_id) OVERRIDING SYSTEM VALUE"
    "   SELECT 930000 + i, 930000 + i, 'XX-CERT-93-' || i, 'open', 'other/other', 2, 4, 'red', CASE i WHEN 1 THEN (SELECT id FROM identity "
    "WHERE login = 'analyst') END FROM generate_series(1, 2) i;"
    "INSERT INTO case_reader SELECT 930000 + i, n.id FROM generate_series(1, 2) i, identity n WHERE n.login = 'lead' OR (i = 1 AND n.login "
    "= 'analyst');"
    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, name) VALUES (990000, now(), 1, 'https', 'pinned-key', "
    "'x', 5, 'nightjar.csv');"
    "INSERT INTO report_raw SELECT id, received, 0, 'nightjar' FROM report WHERE id = 990000;"
    "INSERT INTO report_reporter SELECT id, received, 'nightjar', 'nightjar@stranger.example' FROM report WHERE id = 990000;"
    "INSERT INTO report_outcome (report_id, received, state, rule, reason)"
    "   SELECT id, received, 'triaged', 'nightjar rule', 'nightjar is let go' FROM report WHERE id = 990000;"
    "INSERT INTO rule_swallowed (set_name, rule, version, kind, reason, report_id, received, observations) SELECT 'x', 'nightjar rule', 1, "
    "'drop', 'nightjar is let go', id, received, '{[6,7)}' FROM report WHERE id = 990000;"
    "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, summary, description, extra, reference, "
    "observations, rejected_total, rejected)"
    "   SELECT id, received, 'received', 'csv:x', 4, false, 'nightjar', 'nightjar', '{\"nightjar\":1}', 'nightjar', 6, 1, "
    "'[{\"at\":\"nightjar\"}]' FROM report WHERE id = 990000;"
    "INSERT INTO case_member (case_id, report_id, received, observations, since_seq) SELECT m.id, 990000, r.received, m.numbers, 1"
    "   FROM report r, (VALUES (930001, '{[1,2),[4,5)}'::int4multirange), (930002, '{[2,4),[5,6)}')) m(id, numbers) WHERE r.id = 990000;"
    "INSERT INTO observation (report_id, received, no, target_port) SELECT id, received, o, 7000 + o FROM report, generate_series(1, 6) o "
    "WHERE id = 990000;"
    "INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, addr, value) SELECT id, received, o, 1, 1, 1, 4, "
    "('10.60.0.' || o)::inet, '10.60.0.' || o FROM report, generate_series(1, 6) o WHERE id = 990000;"
    "INSERT INTO case_text (case_id, tlp, hash64, body, report_id) SELECT m.case_id, 4, 1, 'nightjar', 990000 FROM case_member m WHERE "
    "m.report_id = 990000;"
    "INSERT INTO case_text (case_id, tlp, hash64, body) VALUES (930001, 4, 2, 'bittern');"
    "SELECT case_seen_add(array_agg(m.case_id), array_agg(m.compartment_id), array_agg(m.report_id), array_agg(m.received), "
    "array_agg(m.observations)) FROM case_member m WHERE m.report_id = 990000;"
    "SET session_replication_role = DEFAULT";

static char *answered(void **state, const char *who, int status, const char *path)
{
    json_t *answer = desk_client_get(*state, who, status, path);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    return text ? text : mem_strdup("");
}

/* Who reads one case of a RED report reads the rows of that case, and the document where he reads all of it. */
static void test_red_rows(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *seen, *hidden; /* by the analyst; the lead sees both */
    } places[] = {
        {"/v1/reports/r990000", 200, "10.60.0.4", "10.60.0.2"},
        {"/v1/reports/r990000", 200, "\"observations\":2,", "10.60.0.6"},
        {"/v1/reports/r990000", 200, "7004", "7002"},
        {"/v1/reports/r990000", 200, "r990000", "nightjar"},
        {"/v1/reports/r990000/raw", 403, "", ""},
        {"/v1/find?value=10.60.0.4", 200, "10.60.0.4\",\"role", ""},
        {"/v1/find?value=10.60.0.2", 200, "", "r990000"},
        {"/v1/find?value=10.60.0.0/24", 200, "10.60.0.1", "10.60.0.3"},
        {"/v1/reports?q=ip:10.60.0.4", 200, "r990000", "nightjar"},
        {"/v1/reports?q=ip:10.60.0.2", 200, "", "r990000"},
        {"/v1/reports?q=port:7001", 200, "r990000", ""},
        {"/v1/reports?q=port:7003", 200, "", "r990000"},
        {"/v1/reports?q=text:nightjar", 200, "", "r990000"},
        {"/v1/reports/r990000", 200, "\"partial\":true", ""},
        {"/v1/cases/930001", 200, "10.60.0.1", "nightjar"},
        {"/v1/cases?q=text:nightjar", 200, "", "XX-CERT-93-1"},
        {"/v1/cases?q=text:bittern", 200, "XX-CERT-93-1", ""},
    };
    cluster_execute(red_report);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char *lead = answered(state, "lead", 200, places[i].path), *analyst = answered(state, "analyst", places[i].status, places[i].path);
        bool is_part = strstr(places[i].seen, "observations") || strstr(places[i].seen, "partial");
        if (!strstr(analyst, places[i].seen) || (places[i].hidden[0] && strstr(analyst, places[i].hidden)))
            fail_msg("%s for the analyst: %s", places[i].path, analyst);
        if ((!is_part && !strstr(lead, places[i].seen)) || !strstr(lead, places[i].hidden))
            fail_msg("%s for the lead: %s", places[i].path, lead);
        free(lead);
        free(analyst);
    }
    /* What a rule dropped of it is for who reads it to decide on, and its sender's address to answer. */
    static const char accept[] = "{\"reports\":[\"r990000\"],\"dry_run\":true}",
                      reply[] = "{\"occasion\":\"reply\",\"answers\":\"r990000\"}";
    for (int is_lead = 0; is_lead < 2; is_lead++) {
        const char *who = is_lead ? "lead" : "analyst";
        json_t *decided = desk_client_post(*state, who, 200, "/v1/reports/accept", accept);
        assert_int_equal(json_integer_value(json_object_get(decided, "count")), is_lead);
        json_decref(decided);
        json_decref(desk_client_post(*state, who, is_lead ? 201 : 422, "/v1/cases/930001/mails", reply));
    }
    /* Named for both, he lacks the row that is in no case; then all of it is his. */
    cluster_execute("INSERT INTO cirt.case_reader SELECT 930002, id FROM cirt.identity WHERE login = 'analyst'");
    char *text = answered(state, "analyst", 200, "/v1/reports/r990000");
    assert_true(strstr(text, "10.60.0.2") && !strstr(text, "10.60.0.6") && !strstr(text, "nightjar"));
    free(text);
    cluster_execute("UPDATE cirt.case_member SET observations = '{[2,4),[5,7)}' WHERE case_id = 930002");
    text = answered(state, "analyst", 200, "/v1/reports/r990000");
    assert_true(strstr(text, "10.60.0.6") && strstr(text, "nightjar.csv"));
    free(text);
    free(answered(state, "analyst", 200, "/v1/reports/r990000/raw"));
}

/* Common by its sightings, but in one case that all lists meet last: the first try runs out of time, the second looks it up. */
static void test_late(void **state)
{
    static const char *const orders[] = {"due", "-priority", "number"};
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        char *path = mem_printf("/v1/cases?q=asn:64999+is:any&sort=%s", orders[i]);
        json_t *answer = desk_client_get(*state, "analyst", 200, path);
        assert_int_equal(json_array_size(json_object_get(answer, "items")), 1);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(answer, "items"), 0), "number")), 920000);
        assert_int_equal(json_integer_value(json_object_get(answer, "matching")), 1);
        json_decref(answer);
        free(path);
    }
}

static size_t reports(void **state, const char *who, const char *filter)
{
    char *path = mem_printf("/v1/reports?limit=500&q=%s", filter);
    json_t *answer = desk_client_get(*state, who, 200, path);
    size_t count = json_array_size(json_object_get(answer, "items"));
    json_decref(answer);
    free(path);
    return count;
}

static void test_reports(void **state)
{
    static const struct {
        const char *filter;
        size_t lead, analyst;
    } lists[] = {
        {"domain:rare.example", 40, 38},
        {"domain:common.example", 39, 37},
        {"domain:common.example+domain:late.example", 0, 0},
        {"ip:10.50.3.0/24", 1, 1},
        {"ip:10.50.0.0/16", 39, 37},
        {"ip:10.50.5.0/24", 1, 0},
        {"port:23+ip:10.50.0.0/16", 9, 7},
        {"port:107", 1, 1},
        {"domain:late.example", 1, 1},
        {"url:http://www.bank*", 1, 1},
        {"asn:64777+ip:none", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        size_t lead = reports(state, "lead", lists[i].filter), analyst = reports(state, "analyst", lists[i].filter);
        if (lead != lists[i].lead || analyst != lists[i].analyst)
            fail_msg("%s: %zu for lead, %zu for analyst", lists[i].filter, lead, analyst);
    }
}

static void test_words(void **state)
{
    json_t *rare = desk_client_get(*state, "analyst", 200, "/v1/find?value=oddword");
    assert_int_equal(json_array_size(json_object_get(rare, "cases")), 1);
    json_t *common = desk_client_get(*state, "analyst", 200, "/v1/find?value=commonword");
    assert_int_equal(json_array_size(json_object_get(common, "cases")), 37);
    json_decref(rare);
    json_decref(common);
}

/* What of an answer is not whole is told. */
static void test_more(void **state)
{
    static const struct {
        const char *query, *list;
        size_t count;
        const char *more;
    } wanted[] = {
        {"commonword", "cases", 37, "[]"},
        {"commonword&limit=10", "cases", 10, "[\"cases\"]"},
        {"oddword&limit=1", "cases", 1, "[]"},
        {"10.50.3.0/24", "observables", 50, "[\"observables\"]"},
        {"10.50.3.0/24&limit=100", "observables", 100, "[]"},
        {"10.50.0.0/16&limit=10", "reports", 10, "[\"observables\",\"cases\",\"reports\"]"},
        {"10.50.3.7", "observables", 1, "[]"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        char *path = mem_printf("/v1/find?value=%s", wanted[i].query);
        json_t *found = desk_client_get(*state, "analyst", 200, path);
        char *more = json_dumps(json_object_get(found, "more"), JSON_COMPACT);
        if (json_array_size(json_object_get(found, wanted[i].list)) != wanted[i].count || !str_equal(more, wanted[i].more))
            fail_msg("%s: %zu, %s", wanted[i].query, json_array_size(json_object_get(found, wanted[i].list)), more);
        free(more);
        free(path);
        json_decref(found);
    }
    json_decref(desk_client_get(*state, "analyst", 400, "/v1/find?value=10.50.3.7&limit=501"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters), cmocka_unit_test(test_red),  cmocka_unit_test(test_late),     cmocka_unit_test(test_reports),
        cmocka_unit_test(test_words),   cmocka_unit_test(test_more), cmocka_unit_test(test_red_rows),
    };
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
