/* Files of constituents, their history by day, and whose a value is, with a real PostgreSQL. */
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

static long long count_of(const json_t *answer, const char *member, const char *what)
{
    return (long long)json_integer_value(json_object_get(json_object_get(answer, member), what));
}

static const json_t *item_of(const json_t *answer, size_t index)
{
    return json_array_get(json_object_get(answer, "items"), index);
}

/* Brings in a list of items as two parts, the first with one item; the number of the import. */
static long long staged(void *state, const char *const *items)
{
    long long import = 0;
    for (size_t i = 0; items[i]; i++) {
        char *body = import ? mem_printf("{\"import\":%lld,\"items\":[%s]}", import, items[i]) : mem_printf("{\"items\":[%s]}", items[i]);
        json_t *answer = desk_client_post(state, "admin", 201, "/v1/imports", body);
        import = (long long)json_integer_value(json_object_get(answer, "import"));
        assert_true(import > 0);
        json_decref(answer);
        free(body);
    }
    return import;
}

static json_t *imported(void *state, int status, bool prune, bool is_dry, const char *const *items)
{
    char path[60], body[60];
    snprintf(path, sizeof path, "/v1/imports/%lld", staged(state, items));
    snprintf(body, sizeof body, "{\"prune\":%s,\"dry_run\":%s}", prune ? "true" : "false", is_dry ? "true" : "false");
    return desk_client_post(state, "admin", status, path, body);
}

static long long holdings(const char *condition)
{
    char *sql = mem_printf("SELECT count(*) FROM cirt.constituent_holding h JOIN cirt.constituent k ON k.id = h.constituent_id WHERE %s",
                           condition);
    long long count = cluster_number(sql);
    free(sql);
    return count;
}

static const char *const first_file[] = {
    "{\"name\":\"energy-a\",\"title\":\"Energy A\",\"sector\":\"energy\",\"criticality\":\"critical\",\"asns\":[\"AS64510\"],"
    "\"networks\":[\"198.18.0.0/24\",{\"value\":\"198.18.9.0/24\",\"from\":\"2019-01-01\",\"until\":\"2020-12-31\"}],"
    "\"contacts\":[{\"name\":\"SOC\",\"email\":\"soc@energy-a.example\"}]}",
    "{\"name\":\"energy-a\",\"networks\":[{\"value\":\"2001:DB8:0:0:E::/"
    "80\",\"from\":\"2021-06-01\"}],\"domains\":[\"B\\u00fccher.example\"]},"
    "{\"name\":\"water-b\",\"networks\":[\"198.18.0.0/24\",\"198.18.1.7\"]}",
    NULL};

static void test_import(void **state)
{
    long long entries = cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0");
    json_t *plan = imported(*state, 200, false, true, first_file);
    assert_true(json_is_false(json_object_get(plan, "applied")));
    assert_int_equal(count_of(plan, "constituents", "added"), 2);
    assert_int_equal(count_of(plan, "networks", "added"), 5);
    assert_int_equal(count_of(plan, "contacts", "added"), 1);
    json_decref(plan);
    /* A plan changes nothing. */
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.constituent WHERE name IN ('energy-a', 'water-b')"), 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0"), entries);

    plan = imported(*state, 200, false, false, first_file);
    assert_true(json_is_true(json_object_get(plan, "applied")));
    json_decref(plan);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0"), entries + 1);
    assert_int_equal(holdings("k.name = 'energy-a' AND h.value = '2001:db8:0:0:e::/80' AND h.since = '2021-06-01'"), 1);
    assert_int_equal(holdings("k.name = 'energy-a' AND h.value = 'xn--bcher-kva.example' AND h.until IS NULL"), 1);
    assert_int_equal(holdings("k.name = 'water-b' AND h.value = '198.18.1.7/32'"), 1);
    assert_int_equal(holdings("h.value = '198.18.9.0/24' AND h.until = '2021-01-01'"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.contact WHERE address = 'soc@energy-a.example' AND is_known"), 1);

    /* Once more: nothing is written, nothing new is said. */
    plan = imported(*state, 200, false, false, first_file);
    assert_int_equal(json_integer_value(json_object_get(plan, "total")), 0);
    assert_int_equal(count_of(plan, "networks", "unchanged"), 5);
    json_decref(plan);
    assert_int_equal(holdings("k.name IN ('energy-a', 'water-b')"), 7);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal WHERE case_id = 0"), entries + 1);
}

static void test_changes(void **state)
{
    static const char *const later[] = {
        "{\"name\":\"energy-a\",\"title\":\"Energy A plc\",\"networks\":[{\"value\":\"198.18.0.0/24\",\"from\":\"2018-05-01\"}],"
        "\"contacts\":[{\"email\":\"SOC@energy-a.example\",\"phone\":\"+441\"}]}",
        NULL};
    json_t *plan = imported(*state, 200, false, false, later);
    assert_int_equal(count_of(plan, "constituents", "changed"), 1);
    assert_int_equal(count_of(plan, "networks", "changed"), 1);
    assert_int_equal(count_of(plan, "networks", "ended"), 0);
    assert_int_equal(count_of(plan, "contacts", "changed"), 1);
    json_decref(plan);
    /* Its beginning was corrected, and what the file does not name stays. */
    assert_int_equal(holdings("k.name = 'energy-a' AND h.value = '198.18.0.0/24' AND h.since = '2018-05-01' AND h.until IS NULL"), 1);
    assert_int_equal(holdings("k.name = 'energy-a' AND h.until IS NULL"), 4);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.constituent_contact WHERE name = 'SOC' AND phone = '+441'"), 1);

    /* The whole register: networks that it leaves out end, kinds that it does not have stay, who is not in it is served no longer. */
    plan = imported(*state, 200, true, false, later);
    assert_int_equal(count_of(plan, "networks", "ended"), 3);
    assert_int_equal(count_of(plan, "asns", "ended"), 0);
    json_decref(plan);
    assert_int_equal(holdings("k.name = 'energy-a' AND h.kind = 1 AND h.until IS NULL"), 1);
    assert_int_equal(holdings("k.name = 'energy-a' AND h.kind = 2 AND h.until IS NULL"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.constituent WHERE name = 'water-b' AND NOT enabled"), 1);
    assert_int_equal(holdings("k.name = 'water-b' AND h.until IS NULL"), 0);
    plan = imported(*state, 200, true, false, later);
    assert_int_equal(json_integer_value(json_object_get(plan, "total")), 0);
    json_decref(plan);

    /* Who comes back holds again, and what was is still known. */
    plan = imported(*state, 200, false, false, first_file);
    json_decref(plan);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.constituent WHERE name = 'water-b' AND enabled"), 1);
    assert_int_equal(holdings("k.name = 'water-b' AND h.value = '198.18.0.0/24'"), 2);
}

static size_t owners(void *state, const char *query)
{
    char *path = mem_printf("/v1/owners?value=%s", query);
    json_t *found = desk_client_get(state, "analyst", 200, path);
    size_t count = json_array_size(json_object_get(found, "items"));
    json_decref(found);
    free(path);
    return count;
}

static void test_who(void **state)
{
    json_t *found = desk_client_get(*state, "analyst", 200, "/v1/owners?value=198.18.0.200");
    assert_int_equal(json_array_size(json_object_get(found, "items")), 2);
    /* Both hold the same network; who has held it longer comes first. */
    assert_string_equal(desk_client_text(item_of(found, 0), "constituent"), "energy-a");
    assert_string_equal(desk_client_text(item_of(found, 1), "constituent"), "water-b");
    assert_true(json_is_true(json_object_get(item_of(found, 1), "owner")));
    assert_string_equal(desk_client_text(item_of(found, 0), "match"), "198.18.0.0/24");
    json_decref(found);

    static const struct {
        const char *path;
        size_t count;
        const char *first;
    } rows[] = {
        {"/v1/owners?value=198.18.9.1", 0, NULL},
        {"/v1/owners?value=198.18.9.1&at=2020-12-31", 1, "energy-a"},
        {"/v1/owners?value=198.18.9.1&at=2021-01-01", 0, NULL},
        {"/v1/owners?value=198.18.9.1&at=2019-01-01T00%3A00%3A00Z", 1, "energy-a"},
        {"/v1/owners?value=AS64510", 1, "energy-a"},
        {"/v1/owners?value=www.b%C3%BCcher.example", 1, "energy-a"},
        {"/v1/owners?value=http%3A%2F%2Fwww.xn--bcher-kva.example%2Fx", 1, "energy-a"},
        {"/v1/owners?value=http%3A%2F%2F198.18.1.7%3A8080%2Fx", 1, "water-b"},
        {"/v1/owners?value=notb%C3%BCcher.example", 0, NULL},
        {"/v1/owners?value=198.18.0.0%2F16", 3, "energy-a"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        found = desk_client_get(*state, "analyst", 200, rows[i].path);
        if (json_array_size(json_object_get(found, "items")) != rows[i].count)
            fail_msg("%s: %zu", rows[i].path, json_array_size(json_object_get(found, "items")));
        if (rows[i].first)
            assert_string_equal(desk_client_text(item_of(found, 0), "constituent"), rows[i].first);
        json_decref(found);
    }
    json_decref(desk_client_get(*state, "analyst", 400, "/v1/owners?value=hello"));
    json_decref(desk_client_get(*state, "analyst", 400, "/v1/owners?value=198.18.9.1&at=soon"));
    /* Who is no longer served owns nothing from then on. */
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/energy-a", "{\"enabled\":false}"));
    found = desk_client_get(*state, "analyst", 200, "/v1/owners?value=198.18.0.200");
    assert_string_equal(desk_client_text(item_of(found, 0), "constituent"), "water-b");
    json_decref(found);
    assert_int_equal(owners(*state, "198.18.0.200&at=2020-12-31"), 2);
    assert_int_equal(owners(*state, "AS64510"), 0);
    assert_int_equal(owners(*state, "AS64510&at=2020-12-31"), 1);
    assert_int_equal(owners(*state, "xn--bcher-kva.example&at=2020-12-31"), 1);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/energy-a", "{\"enabled\":true}"));
    assert_int_equal(owners(*state, "AS64510"), 1);
}

/* What is wrong is told with its place, and nothing of the file is taken. */
/* Ranges are the fewest networks that cover just them; names have their normal form, by a file and one by one. */
static void test_normal_forms(void **state)
{
    static const char *const items[] = {
        "{\"name\":\"ranges\",\"networks\":[\"10.77.0.5-10.77.0.20\",\"2001:DB8:77::1 - 2001:db8:77::2\",\"10.77.1.0-10.77.1.255\"],"
        "\"domains\":[\"Bücher.EXAMPLE.\"]}",
        NULL};
    static const char *const wanted =
        "10.77.0.5/32 10.77.0.6/31 10.77.0.8/29 10.77.0.16/30 10.77.0.20/32 10.77.1.0/24 2001:db8:77::1/128 2001:db8:77::2/128";
    json_decref(imported(*state, 200, false, false, items));
    json_decref(desk_client_post(
        *state, "admin", 201, "/v1/constituents",
        "{\"name\":\"one\",\"networks\":[\"10.77.0.5-10.77.0.20\",\"2001:DB8:77::1 - 2001:db8:77::2\",\"10.77.1.0-10.77.1.255\"],"
        "\"domains\":[\"Bücher.EXAMPLE.\"],\"asns\":[\"AS64511\",64512]}"));
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "one" : "ranges";
        char *sql = mem_printf(
                 "SET search_path = cirt; SELECT (SELECT string_agg(network::text, ' ' ORDER BY network) FROM constituent_network WHERE "
                 "constituent_id = k.id) || ' ' || (SELECT string_agg(domain, ' ') FROM constituent_domain WHERE "
                 "constituent_id = k.id) FROM constituent k WHERE name = '%s'",
                 name),
             *found = cluster_text(sql), *expected = mem_printf("%s xn--bcher-kva.example", wanted);
        assert_string_equal(found, expected);
        free(sql);
        free(found);
        free(expected);
    }
    json_t *one = desk_client_get(*state, "admin", 200, "/v1/constituents/one");
    assert_int_equal(json_array_size(json_object_get(one, "asns")), 2);
    json_decref(one);
    json_t *problem = desk_client_post(*state, "admin", 422, "/v1/constituents/one", "{\"domains\":[\"-bad-\"]}");
    assert_string_equal(desk_client_text(problem, "at"), "/domains");
    json_decref(problem);
    json_decref(desk_client_post(*state, "admin", 422, "/v1/constituents/one", "{\"networks\":[\"10.77.0.7/24\"]}"));
    cluster_execute("SET search_path = cirt; DELETE FROM constituent_network WHERE constituent_id IN (SELECT id FROM constituent WHERE "
                    "name IN ('one', 'ranges'));"
                    "DELETE FROM constituent_domain WHERE constituent_id IN (SELECT id FROM constituent WHERE name IN ('one', 'ranges'));"
                    "DELETE FROM constituent_asn WHERE constituent_id IN (SELECT id FROM constituent WHERE name IN ('one', 'ranges'));"
                    "DELETE FROM constituent WHERE name IN ('one', 'ranges')");
}

static void test_faults(void **state)
{
    static const struct {
        const char *item, *error;
    } parts[] = {
        {"{\"at\":\"line 4\",\"name\":\"x\",\"networks\":[\"198.18.0.7/24\"]}", "no bits set behind it"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"networks\":[\"198.18.0.0/33\"]}", "no network"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"networks\":[\"198.18.0.9-198.18.0.7\"]}", "no network"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"networks\":[\"198.18.0.1-2001:db8::1\"]}", "no network"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"asns\":[4294967296]}", "no AS number"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"domains\":[\"-bad-\"]}", "no domain"},
        {"{\"at\":\"line 4\",\"name\":\"x y\"}", "no short name"},
        {"{\"at\":\"line 4\",\"networks\":[]}", "name is missing"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"criticality\":\"huge\"}", "no criticality"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"colour\":\"red\"}", "no member"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"networks\":[{\"value\":\"198.18.0.0/24\",\"from\":\"2020-02-30\"}]}",
         "neither a day nor a moment"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"networks\":[{\"value\":\"198.18.5.0/24\",\"from\":\"2021-01-01\",\"until\":\"2020-01-01\"}]}",
         "ends before it begins"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"contacts\":[{\"email\":\"nobody\"}]}", "no mail address"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"contacts\":[{\"email\":\"\\\"quo ted\\\"@odd.example\"}]}", "no mail address"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"contacts\":[{\"email\":\"jos\\u00e9@b\\u00fccher.example\"}]}", "no mail address"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"contacts\":[{\"name\":\"Evil\\nBcc: x\",\"email\":\"a@x.example\"}]}", "control character"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"contacts\":[{\"phone\":\"+49 30 123\\u001b\"}]}", "control character"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"title\":\"\\u001b]0;owned\\u0007\"}", "title has a control character"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"contacts\":[{\"phone\":\"+abc\"}]}", "no phone number"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"lang\":\"deutsch!\"}", "no language"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"sector\":\"ener gy\"}", "no sector"},
        {"{\"at\":\"line 4\",\"name\":\"x\",\"title\":7}", "no text"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        char *body = mem_printf("{\"items\":[%s,{\"name\":\"fine\"}]}", parts[i].item);
        json_t *problem = desk_client_post(*state, "admin", 422, "/v1/imports", body);
        assert_string_equal(desk_client_text(problem, "at"), "line 4");
        if (!strstr(desk_client_text(problem, "detail"), parts[i].error))
            fail_msg("%s: %s", parts[i].item, desk_client_text(problem, "detail"));
        assert_int_equal(json_array_size(json_object_get(problem, "errors")), 1);
        json_decref(problem);
        free(body);
    }
    static const char *const files[][4] = {
        {"title of x is \"B\" here and \"A\" before", "{\"at\":\"line 2\",\"name\":\"x\",\"title\":\"A\"}",
         "{\"at\":\"line 9\",\"name\":\"x\",\"title\":\"B\"}", NULL},
        {"twice at the same time",
         "{\"at\":\"line 2\",\"name\":\"x\",\"networks\":[{\"value\":\"198.18.5.0/24\",\"from\":\"2020-01-01\"}]}",
         "{\"at\":\"line 9\",\"name\":\"x\",\"networks\":[{\"value\":\"198.18.5.0/24\",\"from\":\"2021-01-01\"}]}", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        json_t *problem = imported(*state, 422, false, false, files[i] + 1);
        if (!str_equal(desk_client_text(problem, "at"), "line 9") || !strstr(desk_client_text(problem, "detail"), files[i][0]))
            fail_msg("%s: %s, %s", files[i][0], desk_client_text(problem, "at"), desk_client_text(problem, "detail"));
        json_decref(problem);
    }
    /* One alone by the same rules; a domain may be one of other letters. */
    json_decref(
        desk_client_post(*state, "admin", 422, "/v1/constituents", "{\"name\":\"x\",\"contacts\":[{\"email\":\"jos\\u00e9@x.example\"}]}"));
    json_decref(desk_client_post(*state, "admin", 422, "/v1/constituents", "{\"name\":\"x\",\"title\":\"a\\u0007\"}"));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.constituent WHERE name IN ('x', 'y', 'fine')"), 0);
    json_decref(desk_client_post(*state, "admin", 201, "/v1/constituents",
                                 "{\"name\":\"idn\",\"title\":\"B\\u00fccher\",\"contacts\":[{\"name\":\"Jos\\u00e9\","
                                 "\"email\":\"Soc@b\\u00fccher.example\"}]}"));
    /* An import is its admin's, and is done once. */
    json_decref(desk_client_post(*state, "analyst", 403, "/v1/imports", "{\"items\":[{\"name\":\"x\"}]}"));
    json_decref(desk_client_post(*state, "admin", 404, "/v1/imports/999999", "{}"));
}

/* What was held without a known beginning may end before we were told of it, and be given its beginning later. */
static void test_unknown_beginning(void **state)
{
    static const struct {
        const char *networks;
        long long added, changed;
        const char *wanted; /* rows of this network, all that there are */
    } rows[] = {
        {"{\"value\":\"198.18.30.0/24\"}", 1, 0, "NOT h.is_dated AND h.until IS NULL"},
        {"{\"value\":\"198.18.30.0/24\",\"until\":\"2020-06-30\"}", 0, 1,
         "NOT h.is_dated AND h.since = '2020-07-01' AND h.until = '2020-07-01'"},
        {"{\"value\":\"198.18.30.0/24\",\"until\":\"2020-06-30\"}", 0, 0, "NOT h.is_dated AND h.until = '2020-07-01'"},
        {"{\"value\":\"198.18.30.0/24\",\"from\":\"2019-01-01\",\"until\":\"2020-06-30\"}", 0, 1,
         "h.is_dated AND h.since = '2019-01-01' AND h.until = '2020-07-01'"},
        {"{\"value\":\"198.18.31.0/24\"}", 1, 0, "h.until IS NULL"},
        {"{\"value\":\"198.18.31.0/24\",\"from\":\"2019-01-01\",\"until\":\"2020-06-30\"}", 0, 1,
         "h.is_dated AND h.since = '2019-01-01' AND h.until = '2020-07-01'"},
        {"{\"value\":\"198.18.35.0/24\"}", 1, 0, "h.until IS NULL"},
        /* It ended, and began anew: the latest is what is held now. */
        {"{\"value\":\"198.18.35.0/24\",\"until\":\"2020-06-30\"},{\"value\":\"198.18.35.0/24\",\"from\":\"2021-01-01\"}", 1, 1,
         "(NOT h.is_dated AND h.until = '2020-07-01') OR (h.is_dated AND h.since = '2021-01-01' AND h.until IS NULL)"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *item = mem_printf("{\"at\":\"line 2\",\"name\":\"unknown\",\"networks\":[%s]}", rows[i].networks);
        const char *const items[] = {item, NULL};
        for (int is_dry = 1; is_dry >= 0; is_dry--) {
            json_t *plan = imported(*state, 200, false, is_dry, items);
            if (count_of(plan, "networks", "added") != rows[i].added || count_of(plan, "networks", "changed") != rows[i].changed)
                fail_msg("%zu, %s", i, rows[i].networks);
            json_decref(plan);
        }
        char *all = mem_printf("k.name = 'unknown' AND h.value = '%.14s'", strstr(rows[i].networks, "198.")),
             *wanted = mem_printf("%s AND (%s)", all, rows[i].wanted);
        if (holdings(wanted) < 1 || holdings(all) != holdings(wanted))
            fail_msg("%zu, %s: %lld of %lld", i, rows[i].networks, holdings(wanted), holdings(all));
        free(item);
        free(all);
        free(wanted);
    }
    assert_int_equal(owners(*state, "198.18.30.1&at=2018-12-31"), 0);
    assert_int_equal(owners(*state, "198.18.30.1&at=2020-06-30"), 1);
    assert_int_equal(owners(*state, "198.18.35.1&at=2018-12-31"), 1);
    assert_int_equal(owners(*state, "198.18.35.1&at=2020-12-31"), 0);
    assert_int_equal(owners(*state, "198.18.35.1&at=2021-01-01"), 1);
}

/* What was to begin later begins no second time: no owner is there twice. */
static void test_planned(void **state)
{
    static const struct {
        const char *networks, *error;
        long long rows;
    } rows[] = {
        {"{\"value\":\"198.18.32.0/24\",\"from\":\"2099-02-01\"}", NULL, 1},
        {"\"198.18.32.0/24\"", NULL, 2},
        {"\"198.18.32.0/24\"", NULL, 2},
        {"{\"value\":\"198.18.32.0/24\",\"from\":\"2021-02-01\",\"until\":\"2099-05-01\"}",
         "held by planned already, from 2099-02-01T00:00:00Z", 2},
        {"\"198.18.33.0/24\"", NULL, 1},
        {"{\"value\":\"198.18.33.0/24\",\"from\":\"2099-02-01\"}", "held by planned already", 1},
        {"{\"value\":\"198.18.33.0/24\",\"until\":\"2099-01-31\"},{\"value\":\"198.18.33.0/24\",\"from\":\"2099-02-01\"}", NULL, 2},
        {"{\"value\":\"198.18.36.0/24\",\"from\":\"2021-01-01\"}", NULL, 1},
        {"{\"value\":\"198.18.36.0/24\",\"until\":\"2020-06-30\"}", "needs the day on which it began", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *item = mem_printf("{\"at\":\"line 9\",\"name\":\"planned\",\"networks\":[%s]}", rows[i].networks);
        const char *const items[] = {item, NULL};
        json_t *answer = imported(*state, rows[i].error ? 422 : 200, false, false, items);
        if (rows[i].error &&
            (!str_equal(desk_client_text(answer, "at"), "line 9") || !strstr(desk_client_text(answer, "detail"), rows[i].error)))
            fail_msg("%zu: %s, %s", i, desk_client_text(answer, "at"), desk_client_text(answer, "detail"));
        char *all = mem_printf("k.name = 'planned' AND h.value = '%.14s'", strstr(rows[i].networks, "198."));
        if (holdings(all) != rows[i].rows)
            fail_msg("%zu, %s: %lld", i, rows[i].networks, holdings(all));
        json_decref(answer);
        free(item);
        free(all);
    }
    assert_int_equal(owners(*state, "198.18.32.1"), 1);
    assert_int_equal(owners(*state, "198.18.32.1&at=2099-03-01"), 1);
    assert_int_equal(owners(*state, "198.18.33.1&at=2099-03-01"), 1);

    /* By hand: what is planned stays, what is taken back was never held. */
    static const char *const items[] = {"{\"name\":\"hand\",\"networks\":[{\"value\":\"198.18.37.0/24\",\"from\":\"2099-02-01\"}]}", NULL};
    json_decref(imported(*state, 200, false, false, items));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/hand", "{\"networks\":[\"198.18.37.0/24\"]}"));
    assert_int_equal(holdings("k.name = 'hand' AND h.until = '2099-02-01'"), 1);
    assert_int_equal(owners(*state, "198.18.37.1&at=2099-03-01"), 1);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/constituents/hand", "{\"networks\":[]}"));
    assert_int_equal(owners(*state, "198.18.37.1&at=2099-03-01"), 0);
    json_t *all = desk_client_get(*state, "analyst", 200, "/v1/holdings?name=hand");
    assert_int_equal(json_array_size(json_object_get(item_of(all, 0), "history")), 1);
    json_decref(all);
}

static void test_history(void **state)
{
    json_t *all = desk_client_get(*state, "analyst", 200, "/v1/holdings?name=energy-a");
    const json_t *history = json_object_get(item_of(all, 0), "history");
    assert_int_equal(json_array_size(json_object_get(all, "items")), 1);
    assert_true(json_array_size(history) >= 5);
    bool was_seen = false;
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *held = json_array_get(history, i);
        was_seen = was_seen || (str_equal(desk_client_text(held, "value"), "198.18.9.0/24") &&
                                str_equal(desk_client_text(held, "until"), "2021-01-01T00:00:00Z"));
    }
    assert_true(was_seen);
    json_decref(all);
    json_decref(desk_client_get(*state, "analyst", 404, "/v1/holdings?name=nobody-of-ours"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_normal_forms),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_unknown_beginning),
        cmocka_unit_test(test_planned),
    };
    return cmocka_run_group_tests(tests, desk_client_setup, desk_client_teardown);
}
