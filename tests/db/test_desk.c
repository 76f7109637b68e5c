/* The desk with a real PostgreSQL: who may what, the verbs of case work, who sees what. Lists, search, records and sharing: test_desk_*.c.
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
#include "rules/priority.h"
#include "support/cluster.h"
#include "support/desk_client.h"
#include "wire/api.h"

static long long number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static long long entries_of(int64_t number)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM cirt.journal j JOIN cirt.incident_case c ON c.id = j.case_id WHERE c.number = %lld",
             (long long)number);
    return cluster_number(sql);
}

/* --- who may what --- */

static void test_me(void **state)
{
    json_t *me = desk_client_get(*state, "analyst", 200, "/v1/me");
    assert_string_equal(desk_client_text(me, "login"), "analyst");
    assert_string_equal(desk_client_text(me, "role"), "analyst");
    assert_string_equal(desk_client_text(me, "prefix"), "XX-CERT");
    assert_string_equal(desk_client_text(me, "version"), CIRT_VERSION);
    json_decref(me);
}

static void test_strangers(void **state)
{
    static const char *const who[] = {"nobody", "gone"};
    for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
        json_t *problem = desk_client_get(*state, who[i], 403, "/v1/me");
        assert_int_equal(number_of(problem, "status"), 403);
        json_decref(problem);
        json_decref(desk_client_get(*state, who[i], 403, "/v1/no-such-path"));
    }
    json_decref(desk_client_get(*state, "lead", 404, "/v1/no-such-path"));
    json_decref(desk_client_get(*state, "lead", 405, "/v1/cases/1/take"));
}

/* A path of the endpoint with its parameters filled in. */
static void path_of(const struct api_endpoint *endpoint, char path[200])
{
    const char *from = endpoint->path;
    char *to = path;
    while (*from) {
        if (*from == '{') {
            *to++ = '1';
            from += strcspn(from, "}") + 1;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    if (str_equal(endpoint->id, "find"))
        strcpy(to, "?value=198.51.100.200");
}

/* Each role at each endpoint: refused exactly where the table says so, and never an error of ours. */
static void test_permissions(void **state)
{
    static const char *const who[] = {"feed", "analyst", "lead", "auditor", "admin"};
    for (size_t i = 0; i < api_endpoint_count; i++) {
        const struct api_endpoint *endpoint = &api_endpoints[i];
        char path[200];
        if (endpoint->worker != API_DESK)
            continue;
        path_of(endpoint, path);
        for (size_t j = 0; j < ARRAY_SIZE(who); j++) {
            int status;
            json_decref(
                desk_client_call(*state, who[j], endpoint->method, path, NULL, endpoint->method == MESSAGE_POST ? "{}" : NULL, &status));
            bool may = api_role_may(who[j], endpoint->permission);
            if ((status == 403) == may || status >= 500)
                fail_msg("%s by %s: %d", endpoint->id, who[j], status);
        }
    }
}

/* --- the verbs --- */

static void test_revisions(void **state)
{
    int64_t number = desk_client_case(*state, "two at once", "amber");
    char path[100];
    int status;
    snprintf(path, sizeof path, "/v1/cases/%lld/priority", (long long)number);
    json_t *answer = desk_client_call(*state, "analyst", MESSAGE_POST, path, NULL, "{\"priority\":\"high\"}", &status);
    assert_int_equal(status, 428);
    json_decref(answer);
    answer = desk_client_call(*state, "analyst", MESSAGE_POST, path, "\"1\"", "{\"priority\":\"high\"}", &status);
    assert_int_equal(status, 200);
    assert_int_equal(number_of(answer, "revision"), 2);
    assert_string_equal(desk_client_text(answer, "priority"), "high");
    json_decref(answer);
    answer = desk_client_call(*state, "analyst2", MESSAGE_POST, path, "\"1\"", "{\"priority\":\"low\"}", &status);
    assert_int_equal(status, 412);
    assert_int_equal(number_of(answer, "revision"), 2);
    assert_string_equal(desk_client_text(answer, "changed_by"), "analyst");
    assert_true(str_starts(desk_client_text(answer, "change"), "priority high"));
    assert_true(json_is_string(json_object_get(answer, "changed_at")));
    json_decref(answer);
    answer = desk_client_call(*state, "analyst2", MESSAGE_POST, path, "seven", "{\"priority\":\"low\"}", &status);
    assert_int_equal(status, 400);
    json_decref(answer);
}

static void test_owner(void **state)
{
    int64_t number = desk_client_case(*state, "whose is it", "amber");
    json_t *answer = desk_client_edit(*state, "analyst", 200, number, "take", "{}");
    assert_string_equal(desk_client_text(answer, "owner"), "analyst");
    assert_string_equal(desk_client_text(answer, "state"), "open");
    json_decref(answer);
    answer = desk_client_edit(*state, "analyst2", 409, number, "take", "{}");
    assert_string_equal(desk_client_text(answer, "owner"), "analyst");
    assert_non_null(strstr(desk_client_text(answer, "hint"), "--steal"));
    json_decref(answer);
    json_decref(desk_client_edit(*state, "analyst2", 409, number, "priority", "{\"priority\":\"low\"}"));
    json_decref(desk_client_edit(*state, "analyst2", 200, number, "note", "{\"text\":\"a colleague's remark\"}"));
    json_decref(desk_client_edit(*state, "analyst2", 422, number, "take", "{\"steal\":true}"));
    answer = desk_client_edit(*state, "analyst2", 200, number, "take", "{\"steal\":true,\"reason\":\"shift\"}");
    assert_string_equal(desk_client_text(answer, "owner"), "analyst2");
    json_decref(answer);
    json_decref(desk_client_edit(*state, "lead", 422, number, "assign", "{\"to\":\"feed\"}"));
    json_decref(desk_client_edit(*state, "lead", 422, number, "assign", "{\"to\":\"gone\"}"));
    answer = desk_client_edit(*state, "lead", 200, number, "assign", "{\"to\":\"analyst\"}");
    assert_string_equal(desk_client_text(answer, "owner"), "analyst");
    json_decref(answer);
    answer = desk_client_edit(*state, "analyst", 200, number, "unassign", "{}");
    assert_true(json_is_null(json_object_get(answer, "owner")));
    json_decref(answer);
}

static void test_escalate(void **state)
{
    int64_t number = desk_client_case(*state, "bank", "amber");
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "analyst", 422, number, "escalate", "{\"to\":\"duty\"}"));
    json_decref(desk_client_edit(*state, "analyst", 422, number, "escalate", "{\"to\":\"moon\",\"reason\":\"x\"}"));
    /* One holds the level lead, nobody the level duty. */
    json_t *answer = desk_client_edit(*state, "analyst", 200, number, "escalate", "{\"to\":null,\"reason\":\"losses\"}");
    assert_string_equal(desk_client_text(answer, "level"), "lead");
    assert_string_equal(desk_client_text(answer, "owner"), "lead");
    json_decref(answer);
    answer = desk_client_edit(*state, "lead", 200, number, "escalate", "{\"to\":\"duty\",\"reason\":\"losses\"}");
    assert_string_equal(desk_client_text(answer, "level"), "duty");
    assert_true(json_is_null(json_object_get(answer, "owner")));
    json_decref(answer);
    answer = desk_client_edit(*state, "lead", 200, number, "escalate", "{\"to\":\"analyst2\",\"reason\":\"knows the bank\"}");
    assert_string_equal(desk_client_text(answer, "owner"), "analyst2");
    json_decref(answer);
}

/* The history tells a task by its place in the case, as people do; a task of another case is none. */
static void test_tasks(void **state)
{
    static const char *const refused[] = {"{}",
                                          "{\"add\":\" \\n\"}",
                                          "{\"add\":\"x\",\"done\":1}",
                                          "{\"done\":\"1\"}",
                                          "{\"add\":\"x\",\"due\":\"whenever\"}",
                                          "{\"due\":\"2099-01-05T12:00:00Z\"}"};
    int64_t other = desk_client_case(*state, "with two tasks", "amber"), number = desk_client_case(*state, "with one task", "amber");
    char path[60], body[40];
    json_decref(desk_client_edit(*state, "analyst", 200, other, "task", "{\"add\":\"first\"}"));
    json_decref(desk_client_edit(*state, "analyst2", 200, other, "task", "{\"add\":\"second\",\"due\":\"2099-01-05T12:00:00Z\"}"));
    json_decref(desk_client_edit(*state, "analyst", 200, number, "task", "{\"add\":\"only\"}"));
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        json_decref(desk_client_edit(*state, "analyst", 422, number, "task", refused[i]));
    json_decref(desk_client_edit(*state, "auditor", 403, number, "task", "{\"add\":\"x\"}"));
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)other);
    json_t *shown = desk_client_get(*state, "analyst", 200, path);
    json_t *list = json_object_get(shown, "task_list");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "number")), 1);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(desk_client_text(json_array_get(list, 1), "due"), "2099-01-05T12:00:00Z");
    snprintf(body, sizeof body, "{\"done\":%lld}", (long long)number_of(json_array_get(list, 1), "id"));
    json_decref(shown);
    json_decref(desk_client_edit(*state, "analyst", 404, number, "task", body));
    json_decref(desk_client_edit(*state, "analyst", 200, other, "task", body));
    json_decref(desk_client_edit(*state, "analyst", 409, other, "task", body));
    json_decref(desk_client_edit(*state, "analyst", 404, other, "task", "{\"done\":0}"));
    shown = desk_client_get(*state, "lead", 200, path);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(shown, "last"), 0), "text"), "did task 2");
    json_decref(shown);
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)number);
    shown = desk_client_get(*state, "lead", 200, path);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(shown, "last"), 0), "text"), "added task 1");
    json_decref(shown);
}

/* Each verb is one entry in the journal and one revision. */
static void test_verbs(void **state)
{
    static const struct {
        const char *verb, *body, *member, *wanted;
    } steps[] = {
        {"take", "{}", "owner", "analyst"},
        {"classify", "{\"class\":\"ddos\"}", "class", "availability/ddos"},
        {"priority", "{\"priority\":\"critical\"}", "priority", "critical"},
        {"summary", "{\"summary\":\"Gone elsewhere\"}", "summary", "Gone elsewhere"},
        {"tag", "{\"add\":[\"bank\",\"Zwei\"],\"remove\":[]}", "state", "open"},
        {"tag", "{\"remove\":[\"Zwei\"]}", "state", "open"},
        {"note", "{\"text\":\"called them\",\"tlp\":\"green\",\"share\":true}", "state", "open"},
        {"wait", "{\"for\":\"bank\",\"until\":\"2099-01-05T12:00:00Z\"}", "due", "2099-01-05T12:00:00Z"},
        {"state", "{\"state\":\"resolved\"}", "state", "resolved"},
        {"close", "{\"as\":\"fixed\",\"note\":\"kit is gone\"}", "state", "closed"},
        {"reopen", "{\"reason\":\"it is back\"}", "state", "open"},
        {"tlp", "{\"tlp\":\"amber+strict\"}", "tlp", "amber+strict"},
        {"tlp", "{\"tlp\":\"green\"}", "tlp", "green"},
    };
    int64_t number = desk_client_case(*state, "every verb", "amber");
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        json_t *answer = desk_client_edit(*state, "analyst", 200, number, steps[i].verb, steps[i].body);
        assert_string_equal(desk_client_text(answer, steps[i].member), steps[i].wanted);
        assert_int_equal(number_of(answer, "revision"), i + 2);
        assert_int_equal(entries_of(number), i + 2);
        json_decref(answer);
    }
    char path[60];
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)number);
    json_t *answer = desk_client_get(*state, "auditor", 200, path);
    assert_int_equal(json_array_size(json_object_get(answer, "note_list")), 2);
    assert_int_equal(json_array_size(json_object_get(answer, "tags")), 1);
    assert_string_equal(desk_client_text(json_array_get(json_object_get(answer, "last"), 0), "action"), "tlp");
    assert_true(json_is_null(json_object_get(answer, "resolution")));
    json_decref(answer);
}

static void test_refused_verbs(void **state)
{
    static const struct {
        const char *verb, *body;
        int status;
    } steps[] = {
        {"assign", "{\"to\":\"nosuch\"}", 422},
        {"unassign", "{}", 409},
        {"priority", "{\"priority\":\"urgent\"}", 422},
        {"priority", "{\"priority\":3}", 400},
        {"priority", "[1]", 400},
        {"summary", "{\"summary\":\" \"}", 422},
        {"priority", "{\"priority\":", 400},
        {"priority", "{\"priority\":\"low\",\"priority\":\"high\"}", 400},
        {"classify", "{\"class\":\"phising\"}", 422},
        {"classify", "{}", 422},
        {"tlp", "{\"tlp\":\"purple\"}", 422},
        {"tag", "{\"add\":[\"two words\"]}", 422},
        {"tag", "{\"add\":\"bank\"}", 400},
        {"tag", "{}", 400},
        {"note", "{\"text\":\"  \"}", 422},
        {"note", "{\"text\":\"x\",\"tlp\":\"red\",\"share\":true}", 422},
        {"state", "{\"state\":\"closed\"}", 422},
        {"state", "{\"state\":\"waiting\"}", 422},
        {"state", "{\"state\":\"new\"}", 409},
        {"state", "{\"state\":\"asleep\"}", 422},
        {"wait", "{\"for\":\"bank\"}", 422},
        {"wait", "{\"for\":\"bank\",\"until\":\"2001-01-01T00:00:00Z\"}", 422},
        {"wait", "{\"for\":\"bank\",\"until\":\"soon\"}", 422},
        {"close", "{}", 422},
        {"close", "{\"as\":\"bored\"}", 422},
        {"reopen", "{}", 409},
    };
    int64_t number = desk_client_case(*state, "nothing of this", "amber");
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        json_t *problem = desk_client_edit(*state, "analyst", steps[i].status, number, steps[i].verb, steps[i].body);
        assert_true(json_is_string(json_object_get(problem, "detail")));
        json_decref(problem);
    }
    assert_int_equal(entries_of(number), 1);
    json_decref(desk_client_edit(*state, "analyst", 404, 999999, "take", "{}"));
}

static void test_label_from_outside(void **state)
{
    static const char *const seen[] = {"ipv4 198.51.100.90 source", NULL};
    int64_t number = desk_client_case(*state, "from outside", "amber");
    desk_client_report(number, "amber", "feed", seen);
    json_t *problem = desk_client_edit(*state, "lead", 422, number, "tlp", "{\"tlp\":\"green\"}");
    assert_string_equal(desk_client_text(problem, "tlp"), "amber");
    json_decref(problem);
    json_decref(desk_client_edit(*state, "lead", 200, number, "tlp", "{\"tlp\":\"amber+strict\"}"));
    json_decref(desk_client_edit(*state, "lead", 200, number, "tlp", "{\"tlp\":\"amber\"}"));
}

/* --- who sees what --- */

static bool list_has(struct desk_client *client, const char *who, const char *path, const char *list, const char *member, const char *text)
{
    json_t *answer = desk_client_get(client, who, 200, path), *item;
    bool has = false;
    size_t i;
    json_array_foreach(json_object_get(answer, list), i, item) has = has || str_equal(desk_client_text(item, member), text);
    json_decref(answer);
    return has;
}

static void restrict_case(int64_t number, int64_t report, int64_t other)
{
    char *sql = mem_printf(
        "SET search_path = cirt; INSERT INTO compartment VALUES (7, 'quiet') ON CONFLICT DO NOTHING;"
        "INSERT INTO compartment_member SELECT 7, id FROM identity WHERE login IN ('lead', 'analyst') ON CONFLICT DO NOTHING;"
        "SET session_replication_role = replica;"
        "UPDATE incident_case SET compartment_id = 7 WHERE number = %lld;"
        "UPDATE case_member SET compartment_id = 7 WHERE report_id = %lld;"
        "UPDATE report SET compartment_id = 7 WHERE id = %lld; UPDATE sighting SET compartment_id = 7 WHERE report_id = %lld;"
        "INSERT INTO case_link (case_id, other_id, kind, since_seq) SELECT a.id, b.id, 'related', 1 FROM incident_case a, incident_case b"
        " WHERE a.number = %lld AND b.number = %lld",
        (long long)number, (long long)report, (long long)report, (long long)report, (long long)number, (long long)other);
    cluster_execute(sql);
    free(sql);
}

/* Nothing of a restricted case shows for who is not in the circle; all of it for who is. */
static void test_compartment(void **state)
{
    static const char *const seen[] = {"ipv4 198.51.100.66 source", "domain secret.example source", NULL};
    static const char *const who[] = {"lead", "analyst", "analyst2", "auditor", "admin"};
    json_t *start = desk_client_get(*state, "lead", 200, "/v1/changes");
    int64_t number = desk_client_case(*state, "quetzal affair", "amber"), other = desk_client_case(*state, "beside it", "amber");
    int64_t report = desk_client_report(number, "amber", "feed", seen);
    char text[120], changes[120], related[60], report_path[60], raw_path[60], show[100], journal[100];
    restrict_case(number, report, other);
    snprintf(text, sizeof text, "SELECT name FROM cirt.incident_case WHERE number = %lld", (long long)number);
    char *name = cluster_text(text);
    snprintf(changes, sizeof changes, "/v1/changes?after=%s&limit=500", desk_client_text(start, "next"));
    snprintf(related, sizeof related, "/v1/cases/%lld", (long long)other);
    snprintf(report_path, sizeof report_path, "/v1/reports/r%lld", (long long)report);
    snprintf(raw_path, sizeof raw_path, "/v1/reports/r%lld/raw", (long long)report);
    snprintf(show, sizeof show, "/v1/cases/%s", name);
    snprintf(journal, sizeof journal, "/v1/cases/%s/journal", name);
    const char *const direct[] = {show, journal, report_path, raw_path};
    const struct {
        const char *path, *list, *member, *text;
    } lists[] = {
        {"/v1/cases?q=is:any&limit=500", "items", "id", name},
        {"/v1/cases?q=quetzal", "items", "id", name},
        {"/v1/cases?q=ip:198.51.100.66", "items", "id", name},
        {"/v1/find?value=198.51.100.66", "cases", "id", name},
        {"/v1/find?value=198.51.100.66", "observables", "value", "198.51.100.66"},
        {"/v1/find?value=quetzal", "cases", "id", name},
        {"/v1/indicators?q=type:domain&limit=500", "items", "value", "secret.example"},
        {changes, "items", "id", name},
        {related, "related_list", "case", name},
    };
    for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
        bool in = i < 2;
        for (size_t j = 0; j < ARRAY_SIZE(direct); j++)
            json_decref(desk_client_get(*state, who[i], in ? 200 : 404, direct[j]));
        for (size_t j = 0; j < ARRAY_SIZE(lists); j++)
            if (list_has(*state, who[i], lists[j].path, lists[j].list, lists[j].member, lists[j].text) != in)
                fail_msg("%s: %s %s", who[i], lists[j].path, in ? "does not show what it should" : "shows what it must not");
    }
    json_decref(desk_client_edit(*state, "analyst2", 404, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "admin", 404, number, "note", "{\"text\":\"x\"}"));
    json_decref(desk_client_edit(*state, "lead", 422, number, "assign", "{\"to\":\"analyst2\"}"));
    json_decref(start);
    free(name);
}

static void test_red(void **state)
{
    char path[60];
    int64_t number = desk_client_case(*state, "for few", "amber");
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)number);
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "analyst", 200, number, "tlp", "{\"tlp\":\"red\"}"));
    json_decref(desk_client_get(*state, "analyst", 200, path));
    json_decref(desk_client_get(*state, "analyst2", 404, path));
    json_decref(desk_client_get(*state, "lead", 404, path));
    json_decref(desk_client_get(*state, "admin", 404, path));
    json_decref(desk_client_get(*state, "auditor", 404, path));
    /* To give it away names the next reader, and keeps the one who gave it. */
    json_decref(desk_client_edit(*state, "analyst", 200, number, "assign", "{\"to\":\"analyst2\"}"));
    json_decref(desk_client_get(*state, "analyst2", 200, path));
    json_decref(desk_client_get(*state, "analyst", 200, path));
    json_decref(desk_client_get(*state, "lead", 404, path));
    json_decref(desk_client_edit(*state, "analyst2", 200, number, "unassign", "{}"));
    json_decref(desk_client_get(*state, "analyst2", 200, path));
    json_decref(desk_client_edit(*state, "analyst2", 200, number, "tlp", "{\"tlp\":\"amber\"}"));
    json_decref(desk_client_get(*state, "lead", 200, path));
}

/* What a report says beside: of a value that is for few, to those; of much, that there is much. */
static void test_extra(void **state)
{
    static const char *const seen[] = {"domain one.example infrastructure", NULL};
    char path[60], sql[400];
    int64_t report = desk_client_report(0, "green", "feed", seen);
    snprintf(path, sizeof path, "/v1/reports/r%lld", (long long)report);
    snprintf(sql, sizeof sql,
             "UPDATE cirt.report_content SET extra = '{\"b\":1,\"a\":[2]}' WHERE report_id = %lld;"
             "UPDATE cirt.observation SET extra = '{\"score\":9.8}', class_claim = 'zombie' WHERE report_id = %lld",
             (long long)report, (long long)report);
    cluster_execute(sql);
    json_t *answer = desk_client_get(*state, "analyst", 200, path);
    const json_t *observation = json_array_get(json_object_get(answer, "observation_list"), 0);
    assert_int_equal(number_of(json_object_get(answer, "extra"), "b"), 1);
    assert_int_equal(number_of(answer, "extra_size"), 15);
    assert_true(json_is_real(json_object_get(json_object_get(observation, "extra"), "score")));
    assert_string_equal(desk_client_text(observation, "class_claim"), "zombie");
    json_decref(answer);

    snprintf(sql, sizeof sql,
             "UPDATE cirt.report_content SET extra = '{\"a\":\"' || repeat('x', 300000) || '\"}' WHERE report_id = %lld;"
             "UPDATE cirt.sighting SET tlp = 4 WHERE report_id = %lld",
             (long long)report, (long long)report);
    cluster_execute(sql);
    answer = desk_client_get(*state, "analyst", 200, path);
    observation = json_array_get(json_object_get(answer, "observation_list"), 0);
    assert_true(json_is_null(json_object_get(answer, "extra")));
    assert_int_equal(number_of(answer, "extra_size"), 300008);
    assert_int_equal(json_array_size(json_object_get(observation, "observables")), 0);
    assert_true(json_is_null(json_object_get(observation, "extra")));
    assert_true(json_is_null(json_object_get(observation, "extra_size")));
    assert_true(json_is_null(json_object_get(observation, "class_claim")));
    assert_string_equal(desk_client_text(observation, "class"), "fraud/phishing");
    json_decref(answer);
    answer = desk_client_get(*state, "lead", 200, path);
    observation = json_array_get(json_object_get(answer, "observation_list"), 0);
    assert_true(json_is_object(json_object_get(observation, "extra")));
    assert_string_equal(desk_client_text(observation, "class_claim"), "zombie");
    json_decref(answer);
}

/* There is no such case, whatever was planned of the statement after some calls. */
static void test_shares_of_no_case(void **state)
{
    for (int i = 0; i < 8; i++)
        json_decref(desk_client_get(*state, "analyst", 404, "/v1/shares?case=999999"));
}

static void test_red_note(void **state)
{
    char path[60];
    int64_t number = desk_client_case(*state, "a list in a note", "amber");
    snprintf(path, sizeof path, "/v1/cases/%lld", (long long)number);
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "analyst", 200, number, "note", "{\"text\":\"victim xylophon\",\"tlp\":\"red\"}"));
    const char *const paths[] = {path, "/v1/cases?q=xylophon"}, *const lists[] = {"note_list", "items"};
    for (size_t i = 0; i < 2; i++) {
        json_t *mine = desk_client_get(*state, "analyst", 200, paths[i]), *others = desk_client_get(*state, "analyst2", 200, paths[i]);
        assert_int_equal(json_array_size(json_object_get(mine, lists[i])), 1);
        assert_int_equal(json_array_size(json_object_get(others, lists[i])), 0);
        json_decref(mine);
        json_decref(others);
    }
}

/* --- history --- */

/* What an export holds is proved by a program that shares no code with us. */
static int verify_outside(struct desk_client *client)
{
    size_t size;
    const char *bytes = desk_client_bytes(client, &size);
    FILE *pipe = popen("python3 " SOURCE_DIR "/tests/support/verify-journal.py >/dev/null 2>&1", "w");
    assert_non_null(pipe);
    fwrite(bytes, 1, size, pipe);
    return pclose(pipe);
}

static void test_journal(void **state)
{
    char path[80], check[80], sql[500];
    int64_t number = desk_client_case(*state, "history", "amber");
    json_decref(desk_client_edit(*state, "analyst", 200, number, "take", "{}"));
    json_decref(desk_client_edit(*state, "analyst", 200, number, "tag", "{\"add\":[\"gr\\u00fcn\"]}"));
    snprintf(path, sizeof path, "/v1/cases/%lld/journal?export=1", (long long)number);
    snprintf(check, sizeof check, "/v1/journal/verify?case=%lld", (long long)number);
    json_t *export = desk_client_get(*state, "auditor", 200, path);
    assert_int_equal(json_array_size(json_object_get(export, "items")), 3);
    assert_int_equal(verify_outside(*state), 0);
    json_decref(export);
    json_t *verdict = desk_client_get(*state, "auditor", 200, check);
    assert_true(json_is_true(json_object_get(verdict, "ok")));
    assert_int_equal(number_of(verdict, "entries"), 3);
    json_decref(verdict);
    /* Whoever gets at the tables as superuser is found out, by us and by the others. */
    snprintf(sql, sizeof sql,
             "ALTER TABLE cirt.journal_payload DISABLE TRIGGER journal_payload_fixed;"
             "UPDATE cirt.journal_payload SET payload = replace(payload, 'took', 'lost') WHERE seq = 2 AND case_id ="
             " (SELECT id FROM cirt.incident_case WHERE number = %lld);"
             "ALTER TABLE cirt.journal_payload ENABLE ALWAYS TRIGGER journal_payload_fixed",
             (long long)number);
    cluster_execute(sql);
    verdict = desk_client_get(*state, "auditor", 200, check);
    assert_true(json_is_false(json_object_get(verdict, "ok")));
    assert_int_equal(number_of(json_array_get(json_object_get(verdict, "bad"), 0), "seq"), 2);
    json_decref(verdict);
    json_decref(desk_client_get(*state, "auditor", 200, path));
    assert_int_not_equal(verify_outside(*state), 0);
    verdict = desk_client_get(*state, "auditor", 200, "/v1/journal/verify");
    assert_true(json_is_false(json_object_get(verdict, "ok")));
    json_decref(verdict);
}

static void test_journal_is_closed(void **state)
{
    char code[6];
    (void)state;
    assert_false(cluster_may("desk", "DELETE FROM cirt.journal", code));
    assert_string_equal(code, "42501");
    assert_false(cluster_may("desk", "SELECT cirt.journal_append(1, 'x', 'y')", code));
    assert_string_equal(code, "42501");
    assert_false(cluster_may("desk", "SELECT * FROM cirt.incident_case", code));
    assert_string_equal(code, "42501");
    assert_false(cluster_may("postgres", "DELETE FROM cirt.journal", code));
    assert_string_equal(code, "CI403");
}

/* --- rules in SQL --- */

/* A row a state to come from, a column a state to go to: n o w r c j m. */
static void test_moves(void **state)
{
    static const struct {
        const char *name, *moves;
    } states[] = {
        {"new", ".xxxxxx"},    {"open", "..xxxxx"},     {"waiting", ".x.xxxx"}, {"resolved", ".x..x.x"},
        {"closed", ".x....."}, {"rejected", ".x....."}, {"merged", ".x....."},
    };
    char sql[100];
    (void)state;
    for (size_t from = 0; from < ARRAY_SIZE(states); from++) {
        for (size_t to = 0; to < ARRAY_SIZE(states); to++) {
            snprintf(sql, sizeof sql, "SELECT cirt.case_may_move('%s', '%s')::int", states[from].name, states[to].name);
            if (cluster_number(sql) != (states[from].moves[to] == 'x'))
                fail_msg("%s to %s", states[from].name, states[to].name);
        }
    }
}

/* The same in C. */
static void test_rules_agree(void **state)
{
    char sql[300];
    (void)state;
    for (int priority = 1; priority <= 4; priority++) {
        snprintf(sql, sizeof sql, "SELECT extract(epoch FROM cirt.case_due('new', %d, '1970-01-01 00:00:00+00', NULL))::bigint * 1000000",
                 priority);
        assert_int_equal(cluster_number(sql), priority_due(priority, 0));
        snprintf(sql, sizeof sql, "SELECT cirt.priority_name(%d)", priority);
        char *name = cluster_text(sql);
        assert_string_equal(name, priority_name(priority));
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_me),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_revisions),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_escalate),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_refused_verbs),
        cmocka_unit_test(test_label_from_outside),
        cmocka_unit_test(test_compartment),
        cmocka_unit_test(test_red),
        cmocka_unit_test(test_extra),
        cmocka_unit_test(test_shares_of_no_case),
        cmocka_unit_test(test_red_note),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_journal_is_closed),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_rules_agree),
        cmocka_unit_test(test_tasks),
    };
    return cmocka_run_group_tests(tests, desk_client_setup, desk_client_teardown);
}
