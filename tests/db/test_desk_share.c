/* What may leave and what comes in: the desk's plan with its reasons, the order, the last line in SQL, accepting and declining. */
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

static int setup(void **state)
{
    struct desk_client *client = desk_client_new();
    json_decref(desk_client_post(client, "admin", 201, "/v1/peers", "{\"name\":\"YY-CERT\",\"rid_url\":\"https://rid.example/\"}"));
    json_decref(desk_client_post(client, "admin", 201, "/v1/peers", "{\"name\":\"WW-CERT\",\"rid_url\":\"https://rid.example/\"}"));
    json_decref(desk_client_post(client, "admin", 201, "/v1/peers", "{\"name\":\"VV-CERT\",\"rid_url\":\"https://rid.example/\"}"));
    json_decref(
        desk_client_post(client, "admin", 201, "/v1/agreements", "{\"peer\":\"YY-CERT\",\"until\":\"2099-01-01\",\"ceiling\":\"amber\"}"));
    json_decref(desk_client_post(client, "admin", 201, "/v1/agreements",
                                 "{\"peer\":\"VV-CERT\",\"from\":\"2001-01-01\",\"until\":\"2002-01-01\",\"ceiling\":\"amber\"}"));
    *state = client;
    return 0;
}

static json_t *order(void **state, int status, int64_t number, const char *body)
{
    char path[80];
    snprintf(path, sizeof path, "/v1/cases/%lld/shares", (long long)number);
    return desk_client_post(*state, "lead", status, path, body);
}

/* The reason why the item with that text stays, "" where it goes; of the first peer. */
static const char *reason_of(const json_t *answer, const char *text)
{
    const json_t *item, *items = json_object_get(json_array_get(json_object_get(answer, "items"), 0), "items");
    size_t i;
    json_array_foreach(items, i,
                       item) if (str_equal(desk_client_text(item, "text"), text)) return json_is_true(json_object_get(item, "goes"))
        ? ""
        : desk_client_text(item, "reason");
    fail_msg("no item \"%s\"", text);
    return NULL;
}

static int64_t case_with_all(void **state)
{
    static const char *const green[] = {"ipv4 198.51.100.7 source", "domain kit.example infrastructure", "email victim@bank.example victim",
                                        NULL};
    static const char *const theirs[] = {"ipv4 198.51.100.8 source", NULL};
    int64_t number = desk_client_case(*state, "to be shared", "amber");
    desk_client_report(number, "green", "feed", green);
    desk_client_report(number, "amber", "WW-CERT", theirs);
    json_decref(desk_client_edit(*state, "lead", 200, number, "note", "{\"text\":\"for partners\",\"share\":true}"));
    json_decref(desk_client_edit(*state, "lead", 200, number, "note", "{\"text\":\"stays here\"}"));
    json_decref(desk_client_edit(*state, "lead", 200, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "lead", 200, number, "note", "{\"text\":\"named persons\",\"tlp\":\"red\"}"));
    return number;
}

static void test_plan(void **state)
{
    int64_t number = case_with_all(state);
    json_t *plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}");
    assert_string_equal(reason_of(plan, "to be shared"), "");
    assert_string_equal(reason_of(plan, "198.51.100.7"), "");
    assert_string_equal(reason_of(plan, "kit.example"), "");
    assert_string_equal(reason_of(plan, "for partners"), "");
    assert_non_null(strstr(reason_of(plan, "198.51.100.8"), "another peer"));
    assert_non_null(strstr(reason_of(plan, "victim@bank.example"), "personal"));
    assert_non_null(strstr(reason_of(plan, "stays here"), "not marked"));
    assert_non_null(strstr(reason_of(plan, "named persons"), "TLP:RED"));
    json_decref(plan);
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true,\"only\":\"type:domain\"}");
    assert_string_equal(reason_of(plan, "kit.example"), "");
    assert_string_not_equal(reason_of(plan, "198.51.100.7"), "");
    json_decref(plan);
    /* Nothing wider than the case itself. */
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true,\"tlp\":\"green\"}");
    assert_string_not_equal(reason_of(plan, "to be shared"), "");
    assert_string_not_equal(reason_of(plan, "kit.example"), "");
    json_decref(plan);
    plan = order(state, 200, number, "{\"with\":[\"VV-CERT\"],\"dry_run\":true}");
    assert_non_null(strstr(reason_of(plan, "kit.example"), "ended"));
    json_decref(plan);
    plan = order(state, 200, number, "{\"with\":[\"WW-CERT\"],\"dry_run\":true}");
    assert_non_null(strstr(reason_of(plan, "kit.example"), "no agreement"));
    json_decref(plan);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.share"), 0);
    json_decref(order(state, 404, number, "{\"with\":[\"NO-CERT\"],\"dry_run\":true}"));
    json_decref(order(state, 422, number, "{\"with\":[]}"));
    json_decref(order(state, 422, number, "{\"with\":[\"VV-CERT\"]}"));
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"],\"tlp\":\"red\"}"));
    json_decref(order(state, 400, number, "{\"with\":[\"YY-CERT\"],\"only\":\"colour:red\"}"));
}

/* Whatever the format, the same items are decided; what it has no place for stays, and is said. */
static void test_format(void **state)
{
    static const char *const formats[] = {"rid", "json", "ndjson", "iodef", "iodef-json", "stix", "misp"};
    int64_t number = case_with_all(state);
    json_t *plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}"), *same;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        char *body = mem_printf("{\"with\":[\"YY-CERT\"],\"dry_run\":true,\"format\":\"%s\"}", formats[i]);
        same = order(state, 200, number, body);
        const json_t *of_peer = json_array_get(json_object_get(same, "items"), 0);
        assert_string_equal(desk_client_text(of_peer, "format"), formats[i]);
        assert_true(
            json_equal(json_object_get(of_peer, "items"), json_object_get(json_array_get(json_object_get(plan, "items"), 0), "items")));
        json_decref(same);
        free(body);
    }
    json_decref(plan);
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true,\"format\":\"misp\"}");
    assert_true(json_integer_value(
                    json_object_get(json_object_get(json_array_get(json_object_get(plan, "items"), 0), "not_carried"), "labels")) > 0);
    json_decref(plan);
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true,\"format\":\"xarf\",\"only\":\"kind:note\"}");
    assert_non_null(strstr(reason_of(plan, "for partners"), "X-ARF needs"));
    assert_non_null(strstr(reason_of(plan, "stays here"), "not marked"));
    json_decref(plan);
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"],\"format\":\"xarf\",\"only\":\"kind:note\"}"));
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"],\"format\":\"csv\"}"));
    json_decref(order(state, 400, number, "{\"with\":[\"YY-CERT\"],\"format\":7}"));
    /* What the peer's record says, unless the order does. */
    json_decref(desk_client_post(*state, "admin", 422, "/v1/peers/YY-CERT", "{\"format\":\"suricata\"}"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/YY-CERT", "{\"format\":\"stix\"}"));
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"]}");
    assert_string_equal(desk_client_text(json_array_get(json_object_get(plan, "items"), 0), "format"), "stix");
    json_decref(plan);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.share WHERE format = 'stix'"), 1);
    /* Where a peer has no address for that, it is said before, not after the order. */
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/YY-CERT", "{\"format\":null,\"rid_url\":null}"));
    plan = order(state, 422, number, "{\"with\":[\"YY-CERT\"]}");
    assert_non_null(strstr(desk_client_text(plan, "detail"), "no RID address"));
    json_decref(plan);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/YY-CERT", "{\"rid_url\":\"https://rid.example/\"}"));
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}");
    assert_string_equal(desk_client_text(json_array_get(json_object_get(plan, "items"), 0), "format"), "rid");
    json_decref(plan);
}

/* What the next document goes on behind, or "". */
static const char *next_of(const json_t *plan)
{
    const char *next = json_string_value(json_object_get(json_array_get(json_object_get(plan, "items"), 0), "next"));
    return next ? next : "";
}

static size_t count_of(const json_t *plan)
{
    return json_array_size(json_object_get(json_array_get(json_object_get(plan, "items"), 0), "items"));
}

static int64_t items_of_many(void)
{
    return cluster_number("SELECT count(*) FROM cirt.share_item t JOIN cirt.share s ON s.id = t.share_id AND s.version = t.version"
                          " JOIN cirt.incident_case c ON c.id = s.case_id WHERE c.summary = 'many'");
}

static void add_hosts(int from, int to)
{
    char *sql = mem_printf(
        "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, host, value)"
        " SELECT r.report_id, r.received, 1, r.origin, 5, 4, 1, false, false, 'h' || n || '.example', 'h' || n || '.example'"
        " FROM (SELECT * FROM cirt.sighting WHERE value = 'h0.example') r, generate_series(%d, %d) n",
        from, to);
    cluster_execute(sql);
    free(sql);
}

static json_t *all_of(void **state, int64_t number, int status)
{
    return order(state, status, number, "{\"with\":[\"YY-CERT\"]}");
}

static json_t *order_behind(void **state, int64_t number, int status, const char *options, const char *after)
{
    json_t *body = json_loads(options, 0, NULL);
    json_object_set_new(body, "with", json_pack("[s]", "YY-CERT"));
    json_object_set_new(body, "after", json_string(after));
    char *text = json_dumps(body, 0);
    json_t *answer = order(state, status, number, text);
    free(text);
    json_decref(body);
    return answer;
}

static int64_t of_many(const char *what)
{
    char *sql = mem_printf("SELECT %s FROM cirt.share s JOIN cirt.incident_case c ON c.id = s.case_id WHERE c.summary = 'many'", what);
    int64_t number = cluster_number(sql);
    free(sql);
    return number;
}

static const char waits[] = "(SELECT count(*) FROM cirt.to_share q WHERE q.share_id = s.id AND q.version = s.version)";

/* What is more than a document has goes as several, each ordered by itself; nothing leaves before the last is. */
static void test_many(void **state)
{
    enum { SOME = 6000, MOST = 20000 };
    static const char *const one[] = {"domain h0.example infrastructure", NULL};
    int64_t number = desk_client_case(*state, "many", "green");
    desk_client_report(number, "green", "feed", one);
    add_hosts(1, SOME - 1);
    json_t *plan = all_of(state, number, 200), *rest;
    assert_string_equal(next_of(plan), "");
    assert_int_equal(of_many("s.parts"), 1);
    json_decref(plan);
    assert_int_equal(items_of_many(), SOME + 1);
    add_hosts(SOME, MOST + 9);
    plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true,\"format\":\"json\"}");
    assert_int_equal(count_of(plan), MOST + 1);
    assert_int_equal(strncmp(next_of(plan), "domain infrastructure h", 23), 0);
    rest = order_behind(state, number, 200, "{\"dry_run\":true,\"format\":\"json\"}", next_of(plan));
    assert_int_equal(count_of(rest), 10);
    assert_string_equal(next_of(rest), "");
    json_decref(rest);
    json_decref(plan);
    assert_int_equal(items_of_many(), SOME + 1); /* of the first order */

    plan = all_of(state, number, 200);
    assert_int_equal(of_many("s.version"), 2);
    assert_int_equal(of_many(waits), 0);
    assert_int_equal(of_many("strpos(s.error, 'not ordered as a whole')"), 1);
    json_decref(order_behind(state, number, 409, "{}", "domain infrastructure h1.example"));
    json_decref(order_behind(state, number, 409, "{\"format\":\"json\"}", next_of(plan)));
    json_decref(order_behind(state, number, 409, "{\"only\":\"type:domain\"}", next_of(plan)));
    json_decref(order_behind(state, number, 422, "{}", "nothing of the kind"));
    cluster_execute("UPDATE cirt.share SET ordered = now() - interval '59 minutes' WHERE ordered_to IS NOT NULL");
    rest = order_behind(state, number, 200, "{}", next_of(plan));
    assert_int_equal(of_many("(s.ordered > now() - interval '1 minute')::int"), 1); /* what goes on was not left */
    assert_string_equal(desk_client_text(json_array_get(json_object_get(rest, "items"), 0), "state"), "planned");
    assert_int_equal(items_of_many(), MOST + 11);
    assert_int_equal(of_many("s.parts"), 2);
    assert_int_equal(
        of_many("(SELECT count(DISTINCT t.ref) FROM cirt.share_item t WHERE t.share_id = s.id AND t.version = 2 AND t.part = 2)"), 10);
    assert_int_equal(of_many(waits), 1);
    assert_int_equal(of_many("(s.error IS NOT NULL)::int"), 0);
    json_decref(order_behind(state, number, 409, "{}", next_of(plan)));
    json_decref(rest);
    json_decref(plan);

    /* A part of which nothing goes is none; each has its own label, the share the strictest of them. */
    cluster_execute("UPDATE cirt.sighting SET personal = true WHERE value = ANY (ARRAY(SELECT value FROM cirt.sighting WHERE host ~ "
                    "'^h[0-9]+[.]example$'"
                    " ORDER BY value DESC LIMIT 10))");
    plan = all_of(state, number, 200);
    json_decref(order_behind(state, number, 200, "{}", next_of(plan)));
    assert_int_equal(of_many("s.parts"), 1);
    assert_int_equal(of_many(waits), 1);
    json_decref(plan);
    cluster_execute("UPDATE cirt.sighting SET personal = false, tlp = 2 WHERE personal AND host ~ '^h[0-9]+[.]example$'");
    plan = all_of(state, number, 200);
    assert_int_equal(of_many("s.tlp"), 1);
    json_decref(order_behind(state, number, 200, "{}", next_of(plan)));
    assert_int_equal(of_many("s.tlp"), 2);
    assert_int_equal(of_many("(s.labels = '{1,2}')::int"), 1);
    json_decref(plan);
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"only\":\"domain:h1.example\"}"));
    assert_int_equal(items_of_many(), 2);
}

/* Where they are long there are fewer, and where the document would be too long still fewer; all of them have their turn. */
static void test_long(void **state)
{
    static const char *const one[] = {"domain long.example infrastructure", NULL}, *const formats[] = {"rid", "json", "xarf"};
    int64_t number = desk_client_case(*state, "long", "green");
    desk_client_report(number, "green", "feed", one);
    cluster_execute(
        "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, host, value)"
        " SELECT r.report_id, r.received, 1, r.origin, 6, 4, 1, false, false, 'long.example', 'http://long.example/' || n || repeat('x', "
        "8000)"
        " FROM (SELECT * FROM cirt.sighting WHERE value = 'long.example') r, generate_series(1, 1200) n");
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        char *options = mem_printf("{\"dry_run\":true,\"format\":\"%s\",\"with\":[\"YY-CERT\"]}", formats[i]);
        json_t *plan = order(state, 200, number, options);
        size_t values = count_of(plan) - 1, documents = 1;
        assert_true(values < 1100);
        while (*next_of(plan)) {
            json_t *rest = order_behind(state, number, 200, options, next_of(plan));
            json_decref(plan);
            plan = rest;
            values += count_of(plan);
            documents++;
        }
        assert_int_equal(values, 1201);
        assert_true(documents > 1 && documents < 9);
        json_decref(plan);
        free(options);
    }
}

static void test_order(void **state)
{
    char path[80];
    int64_t number = case_with_all(state);
    json_t *answer = order(state, 200, number, "{\"with\":[\"YY-CERT\",\"VV-CERT\"]}");
    const json_t *first = json_array_get(json_object_get(answer, "items"), 0),
                 *second = json_array_get(json_object_get(answer, "items"), 1);
    assert_string_equal(desk_client_text(first, "state"), "planned");
    assert_true(json_is_null(json_object_get(second, "share")));
    snprintf(path, sizeof path, "/v1/shares/%s", desk_client_text(first, "share"));
    json_t *share = desk_client_get(*state, "analyst", 200, path);
    assert_int_equal(json_array_size(json_object_get(share, "item_list")), 4);
    assert_string_equal(desk_client_text(share, "tlp"), "amber");
    json_decref(share);
    json_decref(answer);
    /* Ordered again: the next version of the same share. */
    answer = order(state, 200, number, "{\"with\":[\"yy-cert\"],\"only\":\"type:domain\"}");
    first = json_array_get(json_object_get(answer, "items"), 0);
    assert_string_equal(path + strlen("/v1/shares/"), desk_client_text(first, "share"));
    share = desk_client_get(*state, "analyst", 200, path);
    assert_int_equal(json_integer_value(json_object_get(share, "version")), 2);
    assert_int_equal(json_array_size(json_object_get(share, "item_list")), 2);
    json_decref(share);
    json_decref(answer);
    json_decref(desk_client_post(*state, "analyst", 403, "/v1/cases/1/shares", "{\"with\":[\"YY-CERT\"]}"));
}

/* A peer with a mail address and none for HTTPS: how a mail may go is told with what may go, and where it may not nothing is ordered. */
static void test_by_mail(void **state)
{
    static const char *const values[] = {"domain mailed.example infrastructure", NULL}, *const strict[] = {
                                                                                            "domain strict.example infrastructure", NULL};
    json_decref(desk_client_post(*state, "admin", 201, "/v1/peers", "{\"name\":\"MM-CERT\",\"mail\":\"soc@mm-cert.example\"}"));
    json_decref(desk_client_post(*state, "admin", 201, "/v1/agreements",
                                 "{\"peer\":\"MM-CERT\",\"until\":\"2099-01-01T00:00:00Z\",\"ceiling\":\"amber+strict\"}"));
    int64_t number = desk_client_case(*state, "by mail", "amber");
    desk_client_report(number, "amber", "feed", values);
    json_t *plan = order(state, 200, number, "{\"with\":[\"MM-CERT\"],\"dry_run\":true}");
    const json_t *peer = json_array_get(json_object_get(plan, "items"), 0);
    assert_string_equal(desk_client_text(peer, "by"), "mail");
    assert_string_equal(desk_client_text(peer, "to"), "soc@mm-cert.example");
    assert_string_equal(desk_client_text(peer, "format"), "iodef");
    assert_true(json_is_null(json_object_get(peer, "protection")) || !json_object_get(peer, "protection"));
    assert_non_null(strstr(reason_of(plan, "mailed.example"), "by mail: no usable key"));
    json_decref(plan);
    json_decref(order(state, 422, number, "{\"with\":[\"MM-CERT\"]}"));
    json_decref(order(state, 422, number, "{\"with\":[\"MM-CERT\"],\"by\":\"mail\",\"format\":\"rid\"}"));
    json_decref(order(state, 422, number, "{\"with\":[\"MM-CERT\"],\"by\":\"pigeon\"}"));
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"],\"by\":\"mail\",\"only\":\"type:ipv4\",\"tlp\":\"clear\"}"));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.mail WHERE occasion = 'share'"), 0);
    assert_int_equal(
        cluster_number(
            "SELECT count(*) FROM cirt.thread t JOIN cirt.contact c ON c.id = t.contact_id WHERE c.address = 'soc@mm-cert.example'"),
        0);
    json_decref(desk_client_post(*state, "lead", 200, "/v1/peers/MM-CERT/waiver",
                                 "{\"up_to\":\"amber\",\"until\":\"2027-12-01T00:00:00Z\",\"reason\":\"agreed\"}"));
    /* What goes by no mail that nobody decides on stays at home, the rest does not. */
    desk_client_report(number, "amber+strict", "feed", strict);
    cluster_execute(
        "UPDATE cirt.sighting SET origin = (SELECT s.id FROM cirt.sender s JOIN cirt.peer p ON p.id = s.peer_id WHERE p.name = 'MM-CERT') "
        "WHERE value = 'strict.example' AND EXISTS (SELECT FROM cirt.sender s JOIN cirt.peer p ON p.id = s.peer_id WHERE p.name = "
        "'MM-CERT')");
    plan = order(state, 200, number, "{\"with\":[\"MM-CERT\"],\"format\":\"stix\"}");
    peer = json_array_get(json_object_get(plan, "items"), 0);
    assert_string_equal(desk_client_text(peer, "protection"), "signed");
    assert_string_equal(reason_of(plan, "mailed.example"), "");
    assert_non_null(strstr(reason_of(plan, "strict.example"), "TLP:AMBER+STRICT"));
    json_decref(plan);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.share WHERE by_mail AND format = 'stix' AND state = 'planned'"), 1);
    assert_int_equal(cluster_number("SELECT (cirt.share_items_refused(id, version, 3) = 'TLP:AMBER+STRICT goes by no mail that nobody "
                                    "decides on')::int FROM cirt.share WHERE by_mail"),
                     1);
}

/* Whoever gets past the plan meets the same rules in the database. */
static void test_last_line(void **state)
{
    static const char *const strict[] = {"ipv4 198.51.100.91 source", NULL};
    int64_t number = desk_client_case(*state, "the last line", "amber");
    char sqlstate[6];
    desk_client_report(number, "amber+strict", "feed", strict);
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"]}"));
    static const char *const items[] = {"case", "sighting", "note"};
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        for (int tlp = 3; tlp <= 4; tlp++) {
            char *sql = mem_printf("INSERT INTO cirt.share_item (share_id, version, no, kind, ref, content, sha256, tlp)"
                                   " SELECT max(id), 1, 99, '%s', 'x', 'x', 'x', %d FROM cirt.share",
                                   items[i], tlp);
            assert_false(cluster_may("postgres", sql, sqlstate));
            assert_string_equal(sqlstate, "CI422");
            free(sql);
        }
    }
    char *sql =
        mem_printf("SET search_path = cirt; SELECT set_config('cirt.viewer', (SELECT id::text FROM identity WHERE login = 'lead'), false);"
                   "SELECT share_order('%lld', 'YY-CERT', a.id, a.version, 3, NULL, '[{\"kind\":\"sighting\",\"ref\":\"ipv4 source "
                   "198.51.100.91\"}]', 'rid', NULL, NULL, false)"
                   " FROM agreement a JOIN peer p ON p.id = a.peer_id WHERE p.name = 'YY-CERT'",
                   (long long)number);
    assert_false(cluster_may("postgres", sql, sqlstate));
    assert_string_equal(sqlstate, "CI422");
    free(sql);
}

/* A mark that was withdrawn, and one on a target, are no marks for a peer either; what may be done with a value goes with it. */
static void test_marks(void **state)
{
    static const char *const seen[] = {"domain withdrawn.example infrastructure", "domain marked.example infrastructure",
                                       "ipv4 198.51.100.77 target", NULL};
    int64_t number = desk_client_case(*state, "marks", "green");
    desk_client_report(number, "green", "feed", seen);
    cluster_execute("UPDATE cirt.sighting SET pap = 4 WHERE value = 'marked.example'");
    json_decref(
        desk_client_post(*state, "lead", 200, "/v1/indicators/withdraw", "{\"values\":[\"withdrawn.example\"],\"reason\":\"ours\"}"));
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"]}"));
    char *marks = cluster_text("SELECT string_agg(content::json ->> 'value', ' ' ORDER BY ref) FROM cirt.share_item"
                               " WHERE share_id = (SELECT max(id) FROM cirt.share) AND (content::json ->> 'indicator')::boolean");
    assert_string_equal(marks, "marked.example");
    free(marks);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.share_item WHERE share_id = (SELECT max(id) FROM cirt.share)"
                                    " AND content::json ->> 'pap' = 'red' AND content::json ->> 'value' = 'marked.example'"),
                     1);
    /* Withdrawn while the document waits. */
    assert_int_equal(cluster_number("SELECT (cirt.share_stops(max(id)) IS NOT NULL)::int FROM cirt.share"), 0);
    json_decref(desk_client_post(*state, "lead", 200, "/v1/indicators/withdraw", "{\"values\":[\"marked.example\"],\"reason\":\"ours\"}"));
    char *stop = cluster_text("SELECT cirt.share_stops(max(id)) FROM cirt.share");
    assert_non_null(strstr(stop, "no indicator any more"));
    free(stop);
}

/* The summary of a case that another peer's AMBER report opened is that peer's words. */
static void test_words_of_another_peer(void **state)
{
    static const char *const theirs[] = {"domain theirs.example infrastructure", NULL}, *const ours[] = {
                                                                                            "domain ours.example infrastructure", NULL};
    int64_t number = desk_client_case(*state, "Phishing at theirs.example", "amber");
    desk_client_report(number, "amber", "WW-CERT", theirs);
    desk_client_report(number, "green", "feed", ours);
    json_t *plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}");
    assert_non_null(strstr(reason_of(plan, "Phishing at theirs.example"), "another peer"));
    json_decref(plan);
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"]}"));
    char sqlstate[6];
    char *sql = mem_printf(
        "SET search_path = cirt; SELECT set_config('cirt.viewer', (SELECT id::text FROM identity WHERE login = 'lead'), false);"
        "INSERT INTO share (case_id, peer_id, agreement_id, agreement_version, tlp, state, ordered_by) SELECT c.id, a.peer_id, a.id, "
        "a.version, 2,"
        " 'planned', viewer() FROM incident_case c, agreement a JOIN peer p ON p.id = a.peer_id WHERE c.number = %lld AND p.name = "
        "'YY-CERT';"
        "INSERT INTO share_item (share_id, version, no, kind, ref, content, sha256, tlp) SELECT s.id, 1, 1, 'case', c.name, '{}',"
        " sha256('{}'), 2 FROM share s JOIN incident_case c ON c.id = s.case_id WHERE c.number = %lld",
        (long long)number, (long long)number);
    assert_false(cluster_may("postgres", sql, sqlstate));
    assert_string_equal(sqlstate, "CI422");
    free(sql);
}

/* A report of the case as one that came by mail: from that address on its envelope and in its head, with those who speak in it. */
static void make_letter(int64_t report, const char *author, const char *voices)
{
    char *sql = mem_printf("SET search_path = cirt; UPDATE report SET channel = 'mail', assurance = 'unknown',"
                           " sender_id = (senders_of_addresses(ARRAY['%s']))[1] WHERE id = %lld;"
                           "UPDATE sighting s SET origin = r.sender_id FROM report r WHERE r.id = s.report_id AND r.id = %lld;"
                           "INSERT INTO report_mail (report_id, received, mail_from, recipients, author, voices)"
                           " SELECT id, received, '<%s>', '{incident@xx.example}', lower('%s'), '{%s}' FROM report WHERE id = %lld",
                           author, (long long)report, (long long)report, author, author, voices, (long long)report);
    cluster_execute(sql);
    free(sql);
}

static void make_verdict(int64_t report, const char *summary, const char *covers, const char *fingerprint)
{
    char *sql = mem_printf(
        "INSERT INTO cirt.report_verdict (report_id, received, summary, encryption, covers, parts) SELECT id, received, '%s', 'none',"
        " '%s', '[{\"kind\": \"signed\", \"fingerprint\": \"%s\"}]' FROM cirt.report WHERE id = %lld",
        summary, covers, fingerprint, (long long)report);
    cluster_execute(sql);
    free(sql);
}

/* The origin of the value as the order knows it for that peer, and as the last line does. */
static void expect_origin(int64_t number, const char *peer, const char *value, const char *wanted)
{
    char *sql =
        mem_printf("SET search_path = cirt; SELECT set_config('cirt.viewer', (SELECT id::text FROM identity WHERE login = 'lead'), false);"
                   "SELECT coalesce(p.name, 'ours') FROM share_candidates('%lld', '%s', NULL) k LEFT JOIN peer p ON p.id = k.origin_peer"
                   " WHERE k.value = '%s'",
                   (long long)number, peer, value);
    char *origin = cluster_text(sql);
    if (!str_equal(origin, wanted))
        fail_msg("%s to %s is of %s, not of %s", value, peer, origin, wanted);
    free(origin);
    free(sql);
}

/* What a peer says by mail is its words as what it sends by TLS is: whoever else sends it on, and whether or not anything proves it. */
static void test_mail_of_a_peer(void **state)
{
    static const struct {
        const char *value, *author, *voices, *summary, *covers, *fingerprint, *to_others, *to_them;
    } letters[] = {
        {"plain.example", "Duty@WW-CERT.example", "", NULL, NULL, NULL, "WW-CERT", "ours"},
        {"signed.example", "duty@ww-cert.example", "", "verified", "whole", "ABCD0123456789ABCDEF0123456789ABCDEF0123", "WW-CERT",
         "WW-CERT"},
        {"part.example", "duty@ww-cert.example", "", "verified", "part", "ABCD0123456789ABCDEF0123456789ABCDEF0123", "WW-CERT", "ours"},
        {"forged.example", "duty@ww-cert.example", "", "bad", "whole", "ABCD0123456789ABCDEF0123456789ABCDEF0123", "WW-CERT", "ours"},
        {"contact.example", "ann@people.example", "", NULL, NULL, NULL, "WW-CERT", "ours"},
        {"within.example", "person@bank.example", "person@bank.example,duty@ww-cert.example", NULL, NULL, NULL, "WW-CERT", "ours"},
        {"passed-on.example", "person@bank.example", "person@bank.example", "not-sender", "whole",
         "ABCD0123456789ABCDEF0123456789ABCDEF0123", "WW-CERT", "ours"},
        {"nothing.example", "person@bank.example", "person@bank.example", "unprotected", "whole",
         "BEEF0123456789ABCDEF0123456789ABCDEF0123", "ours", "ours"},
    };
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/WW-CERT", "{\"mail\":\"duty@ww-cert.example\"}"));
    cluster_execute(
        "SET search_path = cirt; INSERT INTO contact (address, peer_id) SELECT 'ann@people.example', id FROM peer WHERE name = 'WW-CERT';"
        "INSERT INTO mail_key (fingerprint, armoured, peer_id, addresses) SELECT 'ABCD0123456789ABCDEF0123456789ABCDEF0123', 'x', id, "
        "'{duty@ww-cert.example}' FROM peer"
        " WHERE name = 'WW-CERT'");
    static const char *const ours[] = {"domain ours.example infrastructure", NULL};
    int64_t number = desk_client_case(*state, "letters", "amber");
    desk_client_report(number, "amber", "feed", ours);
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        char *observable = mem_printf("domain %s infrastructure", letters[i].value);
        int64_t report = desk_client_report(number, "amber", "feed", (const char *const[]){observable, NULL});
        make_letter(report, letters[i].author, letters[i].voices);
        if (letters[i].summary)
            make_verdict(report, letters[i].summary, letters[i].covers, letters[i].fingerprint);
        free(observable);
        expect_origin(number, "YY-CERT", letters[i].value, letters[i].to_others);
        expect_origin(number, "WW-CERT", letters[i].value, letters[i].to_them);
    }
    json_t *plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}");
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        assert_int_equal(strstr(reason_of(plan, letters[i].value), "another peer") != NULL, !str_equal(letters[i].to_others, "ours"));
    assert_string_equal(reason_of(plan, "letters"), "");
    json_decref(plan);
    /* The last line knows it too, also of what came after the order. What a stranger marks is no mark of ours. */
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"]}"));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.share_item WHERE share_id = (SELECT max(id) FROM cirt.share) AND"
                                    " (content::json ->> 'indicator')::boolean = (content::json ->> 'value' = 'nothing.example')"),
                     0);
    assert_int_equal(cluster_number("SELECT (cirt.share_stops(max(id)) IS NULL)::int FROM cirt.share"), 1);
    make_letter(desk_client_report(number, "amber", "feed", ours), "duty@ww-cert.example", "");
    char *stop = cluster_text("SELECT cirt.share_stops(max(id)) FROM cirt.share");
    assert_non_null(strstr(stop, "TLP:AMBER of another peer"));
    free(stop);
    /* A case that was opened from such a mail. */
    static const char *const theirs[] = {"domain opened.example infrastructure", NULL};
    number = desk_client_case(*state, "Phishing at opened.example", "amber");
    make_letter(desk_client_report(number, "amber", "feed", theirs), "duty@ww-cert.example", "");
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"]}"));
}

/* What was said under AMBER+STRICT goes back to who proved to have said it. */
static void test_strict_mail(void **state)
{
    static const struct {
        const char *value, *summary;
        bool goes;
    } letters[] = {{"proved.example", "verified", true}, {"claimed.example", "unprotected", false}};
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/YY-CERT", "{\"mail\":\"duty@yy-cert.example\"}"));
    cluster_execute("UPDATE cirt.agreement SET ceiling = 3");
    int64_t number = desk_client_case(*state, "strict letters", "amber");
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        char *observable = mem_printf("domain %s infrastructure", letters[i].value);
        int64_t report = desk_client_report(number, "amber+strict", "feed", (const char *const[]){observable, NULL});
        make_letter(report, "duty@yy-cert.example", "");
        make_verdict(report, letters[i].summary, "whole", "");
        free(observable);
    }
    json_t *plan = order(state, 200, number, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}");
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        assert_int_equal(reason_of(plan, letters[i].value)[0] == '\0', letters[i].goes);
    json_decref(plan);
    cluster_execute("UPDATE cirt.agreement SET ceiling = 2");
}

/* What a peer's feed brings is the peer's; a document that bears its name for a case too. */
static void test_feed_of_a_peer(void **state)
{
    static const char *const fetched[] = {"domain fetched.example infrastructure", NULL}, *const named[] = {
                                                                                              "domain named.example infrastructure", NULL};
    json_decref(desk_client_post(*state, "admin", 201, "/v1/feeds", "{\"name\":\"theirs\",\"push\":true}"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/WW-CERT", "{\"feeds\":[\"Theirs\"]}"));
    json_decref(desk_client_post(*state, "admin", 404, "/v1/peers/WW-CERT", "{\"feeds\":[\"none\"]}"));
    json_t *feed = desk_client_get(*state, "admin", 200, "/v1/feeds/theirs");
    assert_string_equal(desk_client_text(feed, "peer"), "WW-CERT");
    json_decref(feed);
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/WW-CERT", "{\"issuer_names\":[\"WW-CERT\"]}"));
    int64_t number = desk_client_case(*state, "fetched", "amber");
    desk_client_report(number, "amber", "theirs", fetched);
    int64_t report = desk_client_report(number, "amber", "feed", named);
    char *sql = mem_printf("UPDATE cirt.report_content SET reference_issuer = 'WW-CERT' WHERE report_id = %lld", (long long)report);
    cluster_execute(sql);
    free(sql);
    expect_origin(number, "YY-CERT", "fetched.example", "WW-CERT");
    expect_origin(number, "WW-CERT", "fetched.example", "WW-CERT");
    expect_origin(number, "YY-CERT", "named.example", "WW-CERT");
    expect_origin(number, "WW-CERT", "named.example", "ours");
    /* What it said by telephone. */
    static const char *const told[] = {"domain told.example infrastructure", NULL};
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/WW-CERT", "{\"mail\":\"duty@ww-cert.example\"}"));
    report = desk_client_report(number, "amber", "feed", told);
    sql = mem_printf("INSERT INTO cirt.report_reporter (report_id, received, email) SELECT id, received, 'Duty@WW-CERT.example' FROM "
                     "cirt.report WHERE id = %lld",
                     (long long)report);
    cluster_execute(sql);
    free(sql);
    expect_origin(number, "YY-CERT", "told.example", "WW-CERT");
    json_decref(desk_client_post(*state, "admin", 409, "/v1/peers/YY-CERT", "{\"feeds\":[\"theirs\"]}"));
    json_decref(desk_client_post(*state, "admin", 200, "/v1/peers/WW-CERT", "{\"feeds\":null}"));
    expect_origin(number, "YY-CERT", "fetched.example", "ours");
}

/* What may be done with it became less while the document waits. */
static void test_stricter_pap(void **state)
{
    static const char *const seen[] = {"domain quiet.example infrastructure", NULL};
    static const struct {
        const char *change;
        bool stops;
    } changes[] = {
        {"UPDATE cirt.incident_case SET pap = 1 WHERE summary = 'quiet'", false},
        {"UPDATE cirt.incident_case SET pap = 2 WHERE summary = 'quiet'", true},
        {"UPDATE cirt.incident_case SET pap = NULL WHERE summary = 'quiet'", false},
        {"UPDATE cirt.sighting SET pap = 1 WHERE value = 'quiet.example'", false},
        {"UPDATE cirt.sighting SET pap = 4 WHERE value = 'quiet.example'", true},
    };
    int64_t number = desk_client_case(*state, "quiet", "green");
    desk_client_report(number, "green", "feed", seen);
    cluster_execute("UPDATE cirt.incident_case SET pap = 1 WHERE summary = 'quiet'");
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"]}"));
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        cluster_execute(changes[i].change);
        char *stop = cluster_text("SELECT coalesce(cirt.share_stops(max(id)), '') FROM cirt.share");
        if (changes[i].stops != (strstr(stop, "PAP:") != NULL))
            fail_msg("%s: %s", changes[i].change, stop);
        free(stop);
    }
    /* Ordered anew it goes, and says so. */
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"]}"));
    assert_int_equal(cluster_number("SELECT (cirt.share_stops(max(id)) IS NULL)::int FROM cirt.share"), 1);
}

/* A value that is somebody's who was hurt elsewhere goes as what was seen, never as an indicator. */
static void test_victim_elsewhere(void **state)
{
    static const char *const seen[] = {"domain hurt.example infrastructure", "domain bad.example infrastructure", NULL},
                             *const victim[] = {"domain hurt.example victim", NULL}, *const target[] = {"domain bad.example target", NULL};
    int64_t number = desk_client_case(*state, "hurt elsewhere", "green");
    desk_client_report(number, "green", "feed", seen);
    desk_client_report(0, "green", "feed", victim);
    json_decref(order(state, 200, number, "{\"with\":[\"YY-CERT\"]}"));
    char *marks = cluster_text("SELECT string_agg(content::json ->> 'value', ' ' ORDER BY ref) FROM cirt.share_item"
                               " WHERE share_id = (SELECT max(id) FROM cirt.share) AND (content::json ->> 'indicator')::boolean");
    assert_string_equal(marks, "bad.example");
    free(marks);
    assert_int_equal(cluster_number("SELECT (cirt.share_stops(max(id)) IS NULL)::int FROM cirt.share"), 1);
    desk_client_report(0, "green", "feed", target);
    char *stop = cluster_text("SELECT cirt.share_stops(max(id)) FROM cirt.share");
    assert_non_null(strstr(stop, "victim's or target's"));
    free(stop);
}

static void test_drill(void **state)
{
    char path[80];
    int64_t number = desk_client_case(*state, "not real", "green");
    cluster_execute("SET search_path = cirt; INSERT INTO drill (id, name) VALUES (77, 'spring') ON CONFLICT DO NOTHING;"
                    "UPDATE incident_case SET drill_id = 77, name = 'EX-2026-000077' WHERE summary = 'not real'");
    snprintf(path, sizeof path, "/v1/cases/EX-2026-000077/shares");
    json_decref(desk_client_post(*state, "lead", 422, path, "{\"with\":[\"YY-CERT\"],\"dry_run\":true}"));
    json_decref(desk_client_post(*state, "lead", 422, path, "{\"with\":[\"YY-CERT\"]}"));
    char sqlstate[6];
    char *sql = mem_printf(
        "SET search_path = cirt; SELECT set_config('cirt.viewer', (SELECT id::text FROM identity WHERE login = 'lead'), false);"
        "INSERT INTO share (case_id, drill_id, peer_id, agreement_id, agreement_version, tlp, state, ordered_by) SELECT c.id, 77, "
        "a.peer_id, a.id,"
        " a.version, 2, 'planned', viewer() FROM incident_case c, agreement a JOIN peer p ON p.id = a.peer_id WHERE c.number = %lld AND"
        " p.name = 'YY-CERT';"
        "INSERT INTO share_item (share_id, version, no, kind, ref, content, sha256, tlp) SELECT s.id, 1, 1, 'case', c.name, '{}',"
        " sha256('{}'), 1 FROM share s JOIN incident_case c ON c.id = s.case_id WHERE c.number = %lld",
        (long long)number, (long long)number);
    assert_false(cluster_may("postgres", sql, sqlstate));
    assert_string_equal(sqlstate, "CI422");
    free(sql);
}

/* --- incoming --- */

static long long incoming_of(void **state, const char *theirs, const char *tlp)
{
    static const char *const seen[] = {"ipv4 198.51.100.120 source", NULL};
    char sql[400];
    (void)state;
    int64_t report = desk_client_report(0, tlp, "YY-CERT", seen);
    snprintf(sql, sizeof sql,
             "SET search_path = cirt; SELECT (incoming_insert(%lld, p.id, 'YY-CERT', '%s', cirt.tlp_number('%s'), 1)).incoming_id FROM "
             "peer p WHERE name = 'YY-CERT'",
             (long long)report, theirs, tlp);
    return cluster_number(sql);
}

static void test_accept(void **state)
{
    char path[80], name[60];
    long long id = incoming_of(state, "YY-1", "amber");
    snprintf(path, sizeof path, "/v1/incoming/i%lld", id);
    json_t *shown = desk_client_get(*state, "analyst", 200, path);
    assert_int_equal(json_array_size(json_object_get(shown, "observable_list")), 1);
    assert_string_equal(desk_client_text(shown, "theirs"), "YY-1");
    json_decref(shown);
    snprintf(path, sizeof path, "/v1/incoming/i%lld/accept", id);
    json_decref(desk_client_post(*state, "analyst", 403, path, "{}"));
    json_t *accepted = desk_client_post(*state, "lead", 200, path, "{\"case\":null}");
    assert_string_equal(desk_client_text(accepted, "state"), "accepted");
    snprintf(name, sizeof name, "%s", desk_client_text(accepted, "case"));
    json_decref(accepted);
    json_decref(desk_client_post(*state, "lead", 409, path, "{}"));
    /* By their number too; never wider than what they said. */
    json_t *found = desk_client_get(*state, "lead", 200, "/v1/cases/YY-1");
    assert_string_equal(desk_client_text(found, "id"), name);
    assert_string_equal(desk_client_text(found, "tlp"), "amber");
    assert_string_equal(desk_client_text(found, "class"), "fraud/phishing");
    int64_t number = json_integer_value(json_object_get(found, "number"));
    json_decref(found);
    json_decref(desk_client_edit(*state, "lead", 422, number, "tlp", "{\"tlp\":\"green\"}"));
    /* The next document of the same case joins it, and narrows it. */
    snprintf(path, sizeof path, "/v1/incoming/i%lld/accept", incoming_of(state, "YY-1", "amber+strict"));
    accepted = desk_client_post(*state, "lead", 200, path, "{}");
    assert_string_equal(desk_client_text(accepted, "case"), name);
    json_decref(accepted);
    found = desk_client_get(*state, "lead", 200, "/v1/cases/YY-1");
    assert_string_equal(desk_client_text(found, "tlp"), "amber+strict");
    assert_int_equal(json_array_size(json_object_get(found, "report_list")), 2);
    json_decref(found);
    /* What came from them strictly may go back to them only; and not under a ceiling below it. */
    json_decref(order(state, 422, number, "{\"with\":[\"YY-CERT\"]}"));
}

/* An earlier document of the same foreign case may be a case that is not for everybody: who does not see it adds nothing to it and
 * learns nothing of it. */
static void test_accept_into_what_is_hidden(void **state)
{
    char path[80], sql[300];
    long long first = incoming_of(state, "YY-3", "amber"), second = incoming_of(state, "YY-3", "amber");
    snprintf(path, sizeof path, "/v1/incoming/i%lld/accept", first);
    json_decref(desk_client_post(*state, "lead", 200, path, "{}"));
    snprintf(sql, sizeof sql,
             "UPDATE cirt.incident_case SET tlp = 4, state = 'closed', resolution = 'fixed', owner_id = (SELECT id FROM cirt.identity "
             "WHERE login = 'analyst') WHERE id = (SELECT "
             "case_id "
             "FROM cirt.incoming WHERE id = %lld)",
             first);
    cluster_execute(sql);
    snprintf(path, sizeof path, "/v1/incoming/i%lld/accept", second);
    json_decref(desk_client_post(*state, "lead", 404, path, "{}"));
    snprintf(sql, sizeof sql, "SELECT count(*) FROM cirt.incoming WHERE id = %lld AND state = 'new'", second);
    assert_int_equal(cluster_number(sql), 1);
}

static void test_decline(void **state)
{
    char path[80];
    long long id = incoming_of(state, "YY-2", "green");
    snprintf(path, sizeof path, "/v1/incoming/i%lld/decline", id);
    json_decref(desk_client_post(*state, "lead", 422, path, "{}"));
    json_t *declined = desk_client_post(*state, "lead", 200, path, "{\"reason\":\"not ours\"}");
    assert_string_equal(desk_client_text(declined, "state"), "declined");
    json_decref(declined);
    json_decref(desk_client_get(*state, "lead", 404, "/v1/cases/YY-2"));
    json_decref(desk_client_get(*state, "lead", 404, "/v1/incoming/i9999"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_by_mail),
        cmocka_unit_test(test_last_line),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_words_of_another_peer),
        cmocka_unit_test(test_mail_of_a_peer),
        cmocka_unit_test(test_strict_mail),
        cmocka_unit_test(test_feed_of_a_peer),
        cmocka_unit_test(test_stricter_pap),
        cmocka_unit_test(test_victim_elsewhere),
        cmocka_unit_test(test_drill),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_decline),
        cmocka_unit_test(test_accept_into_what_is_hidden),
    };
    return cmocka_run_group_tests(tests, setup, desk_client_teardown);
}
