/* Rule sets at the desk: the second person, counts over versions, trials that decide as triage would, what was swallowed, and what a case
 * tells. */
#include "support/desk_client.h"
#include "support/triage_fixture.h"

struct both {
    struct desk_client *desk;
    struct fixture *fixture;
};

static int setup_both(void **state)
{
    struct both *both = mem_calloc(1, sizeof *both);
    setup((void **)&both->fixture);
    both->desk = desk_client_new();
    *state = both;
    return 0;
}

static int teardown_both(void **state)
{
    struct both *both = *state;
    desk_client_free(both->desk);
    teardown((void **)&both->fixture);
    free(both);
    return 0;
}

/* Triage begins anew: it knows rules by the versions of their sets, which begin at 1 again. */
static int clean_both(void **state)
{
    struct both *both = *state;
    struct err err;
    cluster_execute(
        "SET search_path = cirt; TRUNCATE case_rule, rule_swallowed, rule_waiting, report, report_content, observation, sighting;"
        "DELETE FROM suppressed_row; DELETE FROM suppression; DELETE FROM approval WHERE action IN ('rule', 'suppression'); DELETE FROM "
        "journal_payload WHERE case_id = 0");
    triage_stage.stop(&both->fixture->run);
    assert_true(triage_stage.start(&both->fixture->run, &err));
    return clean((void **)&both->fixture);
}

static json_t *post(void **state, const char *who, int status, const char *path, json_t *body)
{
    struct both *both = *state;
    char *text = json_dumps(body, JSON_COMPACT);
    json_t *answer = desk_client_post(both->desk, who, status, path, text);
    free(text);
    json_decref(body);
    return answer;
}

static json_t *put(void **state, const char *who, const char *path, const char *text)
{
    bool is_new = str_equal(path, "/v1/rules");
    return post(state, who, is_new ? 201 : 200, path,
                is_new ? json_pack("{s:s, s:s}", "name", "site", "text", text) : json_pack("{s:s}", "text", text));
}

static json_t *show(void **state)
{
    struct both *both = *state;
    return desk_client_get(both->desk, "analyst", 200, "/v1/rules/site");
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_int_t number_at(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* version and text in force, who asks for another text, and what that drops. */
static void assert_set(void **state, json_int_t version, const char *asked_by, const char *drops, int line)
{
    json_t *set = show(state), *waiting = json_object_get(set, "waiting");
    char *found = json_dumps(json_object_get(waiting, "drops"), JSON_COMPACT | JSON_ENCODE_ANY);
    const char *asker = text_at(waiting, "asked_by");
    if (number_at(set, "version") != version || !str_equal(asker, asked_by) || (drops && !str_equal(found, drops)))
        fail_msg("line %d: version %lld, asked by %s: %s", line, (long long)number_at(set, "version"), asker ? asker : "nobody",
                 found ? found : "nothing");
    free(found);
    json_decref(set);
}

static json_int_t waiting_id(void **state)
{
    json_t *set = show(state);
    json_int_t id = number_at(json_object_get(set, "waiting"), "id");
    json_decref(set);
    return id;
}

static void approve(void **state, const char *who, int status, json_int_t id)
{
    json_decref(post(state, who, status, "/v1/rules/site/approve", json_pack("{s:I}", "id", id)));
}

static void a_drop_needs_a_second_person(void **state)
{
    struct both *both = *state;
    json_decref(put(state, "lead", "/v1/rules", "rule \"scan\": ip:192.0.2.0/24 => drop \"ours\"\nrule \"b\": => tag:b"));
    assert_set(state, 0, "lead", "[\"scan\"]", __LINE__);
    json_decref(desk_client_post(both->desk, "lead", 409, "/v1/rules", "{\"name\":\"site\",\"text\":\"\"}"));
    /* It is not in force. */
    int64_t report = triaged(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    assert_outcome(report, "triaged");
    approve(state, "lead", 403, waiting_id(state));
    approve(state, "analyst", 403, waiting_id(state));
    approve(state, "admin", 409, waiting_id(state) + 1);
    json_decref(post(state, "admin", 422, "/v1/rules/site/approve", json_object()));
    approve(state, "admin", 200, waiting_id(state));
    assert_set(state, 1, NULL, NULL, __LINE__);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.approval a JOIN cirt.identity i ON i.id = a.granted_by WHERE a.action = "
                                    "'rule' AND i.login = 'admin'"),
                     1);
    report = triaged(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    assert_outcome(report, "dropped scan ours");
    approve(state, "admin", 409, 1);
    json_decref(desk_client_post(both->desk, "admin", 404, "/v1/rules/none/approve", "{\"id\":1}"));

    /* What drops nothing new is in force at once; what drops more waits, and the old stays. */
    json_decref(put(state, "lead", "/v1/rules/site",
                    "# why\nrule \"h\": ip:192.0.2.7 => hold\n  rule \"scan\": ip:192.0.2.0/24 => drop \"ours\"\r\n"));
    assert_set(state, 2, NULL, NULL, __LINE__);
    json_decref(put(state, "lead", "/v1/rules/site", "rule \"h\": ip:192.0.2.7 => hold\nrule \"scan\": ip:192.0.0.0/16 => drop \"ours\""));
    assert_set(state, 2, "lead", "[\"scan\"]", __LINE__);
    /* Without the rule that guarded it, the same drop throws away more. */
    json_decref(put(state, "lead", "/v1/rules/site", "rule \"scan\": ip:192.0.2.0/24 => drop \"ours\""));
    assert_set(state, 2, "lead", "[\"scan\"]", __LINE__);
    json_decref(put(state, "lead", "/v1/rules/site", "rule \"scan\": ip:192.0.2.0/24 => drop \"ours\"\nrule \"h\": ip:192.0.2.7 => hold"));
    assert_set(state, 2, "lead", "[\"scan\"]", __LINE__);
    /* Hidden among other actions, behind an escaped quote, without a blank. */
    json_decref(put(state, "lead", "/v1/rules/site", "rule \"h\": ip:192.0.2.7 => hold\nrule \"a \\\"b\": channel:x=>tag:a,drop \"x\""));
    assert_set(state, 2, "lead", "[\"a \\\"b\"]", __LINE__);
    /* The one who read an older text does not approve the newer one. */
    json_int_t id = waiting_id(state);
    json_decref(put(state, "lead", "/v1/rules/site", "rule \"all\": => drop \"all\""));
    approve(state, "admin", 409, id);
    json_decref(post(state, "admin", 200, "/v1/rules/site/refuse", json_pack("{s:s}", "reason", "everything?")));
    assert_set(state, 2, NULL, NULL, __LINE__);
    json_decref(post(state, "admin", 409, "/v1/rules/site/refuse", json_object()));
    /* A good text takes the place of what waits. */
    json_decref(put(state, "lead", "/v1/rules/site", "rule \"all\": => drop \"all\""));
    json_t *set = put(state, "admin", "/v1/rules/site", "rule \"all\": => tag:all");
    const char *warning = json_string_value(json_array_get(json_object_get(set, "warnings"), 0));
    assert_non_null(strstr(warning ? warning : "-", "what lead asked for on 20"));
    assert_non_null(strstr(warning, "is gone with it"));
    json_decref(set);
    assert_set(state, 3, NULL, NULL, __LINE__);
    /* One that cannot be read changes nothing. */
    json_decref(desk_client_post(both->desk, "lead", 422, "/v1/rules/site", "{\"text\":\"rule \\\"all\\\": => tag\"}"));
    assert_set(state, 3, NULL, NULL, __LINE__);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_payload WHERE case_id = 0 AND payload::json ->> 'action' IN ('rule "
                                    "approve', 'rule refuse')"),
                     2);
}

/* Rules with hold of one set keep what the next would throw away: to take them away needs the second person, too. */
static void a_set_that_guards_another_needs_one(void **state)
{
    struct both *both = *state;
    int status;
    json_decref(
        desk_client_post(both->desk, "lead", 201, "/v1/rules", "{\"name\":\"first\",\"text\":\"rule \\\"h\\\": ip:192.0.2.7 => hold\"}"));
    json_decref(put(state, "lead", "/v1/rules", "rule \"scan\": ip:192.0.2.0/24 => drop \"ours\""));
    approve(state, "admin", 200, waiting_id(state));
    json_t *set = desk_client_post(both->desk, "lead", 200, "/v1/rules/first", "{\"text\":\"rule \\\"h\\\": ip:192.0.2.8 => hold\"}");
    const json_t *waiting = json_object_get(set, "waiting");
    assert_string_equal(json_string_value(json_array_get(json_object_get(waiting, "drops"), 0)), "scan of site");
    json_decref(desk_client_call(both->desk, "lead", MESSAGE_DELETE, "/v1/rules/first", NULL, NULL, &status));
    assert_int_equal(status, 409);
    json_decref(post(state, "admin", 200, "/v1/rules/first/approve", json_pack("{s:I}", "id", number_at(waiting, "id"))));
    json_decref(set);
    /* More holds, and a set behind the one that drops, take nobody's guard away. */
    set = desk_client_post(both->desk, "lead", 200, "/v1/rules/first",
                           "{\"text\":\"rule \\\"h\\\": ip:192.0.2.8 => hold\\nrule \\\"i\\\": => hold\"}");
    assert_true(json_is_null(json_object_get(set, "waiting")));
    json_decref(set);
    json_decref(desk_client_post(both->desk, "lead", 201, "/v1/rules", "{\"name\":\"zlast\",\"text\":\"rule \\\"z\\\": => hold\"}"));
    json_decref(desk_client_call(both->desk, "lead", MESSAGE_DELETE, "/v1/rules/zlast", NULL, NULL, &status));
    assert_int_equal(status, 204);
}

/* So does what suppresses; its last day is ahead, and within a year. */
static void suppressing_needs_a_second_person(void **state)
{
    struct both *both = *state;
    char *soon = cluster_text("SELECT to_char(now() + interval '30 days', 'YYYY-MM-DD')"), text[200];
    char *late = cluster_text("SELECT to_char(now() + interval '400 days', 'YYYY-MM-DD')");
    json_decref(post(state, "lead", 422, "/v1/rules",
                     json_pack("{s:s, s:s}", "name", "site", "text", "rule \"a\": => suppress \"x\" until:2020-01-01")));
    snprintf(text, sizeof text, "rule \"a\": => suppress \"x\" until:%s", late);
    json_decref(post(state, "lead", 422, "/v1/rules", json_pack("{s:s, s:s}", "name", "site", "text", text)));
    snprintf(text, sizeof text, "rule \"audit\": ip:192.0.2.0/24 => tag:a, suppress \"audit\" until:%s", soon);
    json_decref(put(state, "lead", "/v1/rules", text));
    assert_set(state, 0, "lead", "[\"audit\"]", __LINE__);
    approve(state, "admin", 200, waiting_id(state));
    json_t *set = show(state);
    assert_false(json_is_true(json_object_get(json_array_get(json_object_get(set, "rules"), 0), "over")));
    assert_int_equal(json_array_size(json_object_get(set, "over")), 0);
    json_decref(set);
    int64_t report = triaged(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    snprintf(text, sizeof text, "dropped audit suppressed until %s: audit", soon);
    assert_outcome(report, text);
    /* Over, it is told by those who list and show it. */
    cluster_execute("DELETE FROM cirt.rule_hits; UPDATE cirt.rule_set SET text = regexp_replace(text, 'until:.*', 'until:2020-12-31'), "
                    "version = 2 WHERE name = 'site'");
    set = show(state);
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(set, "rules"), 0), "over")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(set, "over"), 0)), "audit");
    json_decref(set);
    report = triaged(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    assert_outcome(report, "triaged audit");
    free(soon);
    free(late);
}

static json_t *suppression(void **state)
{
    struct both *both = *state;
    return desk_client_get(both->desk, "analyst", 200, "/v1/suppressions/audit");
}

static void assert_suppression(void **state, const char *expected, const char *asked_by, int line)
{
    json_t *one = suppression(state);
    const char *found = text_at(one, "state"), *asker = text_at(json_object_get(one, "waiting"), "asked_by");
    if (!str_equal(found, expected) || !str_equal(asker, asked_by))
        fail_msg("line %d: %s, asked by %s", line, found, asker ? asker : "nobody");
    json_decref(one);
}

static void decide_suppression(void **state, const char *who, int status, json_int_t more)
{
    json_t *one = suppression(state);
    json_int_t id = number_at(json_object_get(one, "waiting"), "id");
    json_decref(one);
    json_decref(post(state, who, status, "/v1/suppressions/audit/approve", json_pack("{s:I}", "id", id + more)));
}

static void set_end(void **state, const char *who, const char *days)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT cirt.time_text(now() + interval '%s')", days);
    char *until = cluster_text(sql);
    json_decref(post(state, who, 200, "/v1/suppressions/audit", json_pack("{s:s}", "until", until)));
    free(until);
}

static void a_suppression_needs_a_second_person(void **state)
{
    struct both *both = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "192.0.2.9"}}};
    char *until = cluster_text("SELECT cirt.time_text(now() + interval '30 days')");
    json_t *body = json_pack("{s:s, s:s, s:s, s:s}", "name", "audit", "value", "192.0.2.0/24", "until", until, "reason", "yearly");
    json_decref(post(state, "analyst", 403, "/v1/suppressions", json_incref(body)));
    json_decref(post(state, "lead", 201, "/v1/suppressions", body));
    assert_suppression(state, "waiting", "lead", __LINE__);
    assert_outcome(triaged(both->fixture, &letter), "triaged");
    decide_suppression(state, "lead", 403, 0);
    decide_suppression(state, "analyst", 403, 0);
    decide_suppression(state, "admin", 409, 1);
    json_decref(post(state, "admin", 422, "/v1/suppressions/audit/approve", json_object()));
    decide_suppression(state, "admin", 200, 0);
    assert_suppression(state, "active", NULL, __LINE__);
    json_t *one = suppression(state);
    assert_string_equal(text_at(one, "approved_by"), "admin");
    json_decref(one);
    triaged(both->fixture, &letter);
    assert_int_equal(cluster_number("SELECT rows FROM cirt.suppression WHERE name = 'audit'"), 1);
    /* A later end waits while the old one holds, a nearer one is there at once. */
    set_end(state, "admin", "60 days");
    assert_suppression(state, "active", "admin", __LINE__);
    assert_int_equal(cluster_number("SELECT (until < now() + interval '31 days')::int FROM cirt.suppression"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.suppression_checks() c WHERE c.name = 'suppression audit'"), 1);
    decide_suppression(state, "admin", 403, 0);
    one = suppression(state);
    char *later = cluster_text("SELECT 'second person: until ' || to_char(now() AT TIME ZONE 'UTC' + interval '60 days', 'YYYY-MM-DD')");
    assert_string_equal(text_at(one, "waits_for"), later);
    free(later);
    json_decref(one);
    /* Said, since another asked for what is gone. */
    char *nearer = cluster_text("SELECT cirt.time_text(now() + interval '20 days')");
    one = post(state, "admin", 200, "/v1/suppressions/audit", json_pack("{s:s}", "until", nearer));
    const char *gone = json_string_value(json_array_get(json_object_get(one, "warnings"), 0));
    assert_non_null(strstr(gone ? gone : "-", "admin asked for"));
    free(nearer);
    json_decref(one);
    assert_suppression(state, "active", NULL, __LINE__);
    assert_int_equal(cluster_number("SELECT (until < now() + interval '21 days')::int FROM cirt.suppression"), 1);
    set_end(state, "admin", "60 days");
    decide_suppression(state, "lead", 200, 0);
    assert_int_equal(cluster_number("SELECT (until > now() + interval '59 days')::int FROM cirt.suppression"), 1);
    /* Refused, the old end stays; one that never held is gone. */
    set_end(state, "lead", "90 days");
    json_decref(post(state, "admin", 200, "/v1/suppressions/audit/refuse", json_pack("{s:s}", "reason", "long enough")));
    json_decref(post(state, "admin", 409, "/v1/suppressions/audit/refuse", json_object()));
    assert_suppression(state, "active", NULL, __LINE__);
    json_decref(post(state, "lead", 201, "/v1/suppressions",
                     json_pack("{s:s, s:s, s:s, s:s}", "name", "all", "class", "fraud", "until", until, "reason", "x")));
    json_decref(post(state, "lead", 200, "/v1/suppressions/all/refuse", json_object()));
    json_decref(desk_client_get(both->desk, "analyst", 404, "/v1/suppressions/all"));
    free(until);
}

static void assert_reasons(void **state, const char *in_force, const char *waits, const char *waits_for)
{
    json_t *one = suppression(state);
    const char *waiting = text_at(json_object_get(one, "waiting"), "reason"), *what = text_at(one, "waits_for");
    assert_string_equal(text_at(one, "reason"), in_force);
    assert_true(str_equal(waiting, waits) && str_equal(what, waits_for));
    json_decref(one);
}

/* What the second person read is what stays, the reason too. */
static void another_reason_needs_a_second_person(void **state)
{
    char *until = cluster_text("SELECT cirt.time_text(now() + interval '30 days')"),
         *both = cluster_text("SELECT 'second person: until ' || to_char(now() AT TIME ZONE 'UTC' + interval '60 days', 'YYYY-MM-DD') || "
                              "' and another reason'");
    json_decref(post(state, "lead", 201, "/v1/suppressions",
                     json_pack("{s:s, s:s, s:s, s:s}", "name", "audit", "class", "fraud", "until", until, "reason", "yearly")));
    json_decref(post(state, "lead", 200, "/v1/suppressions/audit", json_pack("{s:s}", "reason", "daily")));
    assert_reasons(state, "daily", NULL, "second person");
    decide_suppression(state, "admin", 200, 0);
    json_decref(post(state, "lead", 200, "/v1/suppressions/audit", json_pack("{s:s}", "reason", "hourly")));
    assert_reasons(state, "daily", "hourly", "second person: another reason");
    set_end(state, "lead", "60 days");
    assert_reasons(state, "daily", "hourly", both);
    decide_suppression(state, "admin", 200, 0);
    assert_reasons(state, "hourly", NULL, NULL);
    assert_int_equal(cluster_number("SELECT (until > now() + interval '59 days')::int FROM cirt.suppression"), 1);
    free(until);
    free(both);
}

/* A report about the first `rows` addresses of 192.0.2.0/24, the fifth in a class of its own; it waits for triage. */
static void rows_wait(int report, int rows)
{
    char sql[1500];
    snprintf(sql, sizeof sql,
             "SET search_path = cirt; INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
             " SELECT %1$d, now(), min(id), 'https', 'certificate', sha256('rows %1$d'), 1 FROM sender;"
             "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, observations)"
             " VALUES (%1$d, now(), 'received', 'csv', 1, true, %2$d);"
             "INSERT INTO observation (report_id, received, no, class) SELECT %1$d, now(), n, CASE n WHEN 5 THEN "
             "'vulnerable/weak-crypto' ELSE 'fraud/phishing' END FROM generate_series(1, %2$d) n;"
             "INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, addr, value)"
             " SELECT %1$d, now(), n, 1, 1, 1, 1, ('192.0.2.' || n)::inet, '192.0.2.' || n FROM generate_series(1, %2$d) n;"
             "INSERT INTO to_triage (reports, received, observations) VALUES (int8multirange(int8range(%1$d, %1$d + 1)), now(), %2$d)",
             report, rows);
    cluster_execute(sql);
}

/* What no address can be, and a network whose address stands within it, are slips: 192.0.2.7/24 would suppress all of the /24. */
static void a_suppression_names_what_can_match(void **state)
{
    static const char *const wrong[] = {"300.1.2.3", "192.0.2.7/24", "192.0.2.7/99", "2001:db8:::1", "2001:db8::7/64"};
    char *until = cluster_text("SELECT cirt.time_text(now() + interval '30 days')");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        json_decref(post(state, "lead", 422, "/v1/suppressions",
                         json_pack("{s:s, s:s, s:s, s:s}", "name", "slip", "value", wrong[i], "until", until, "reason", "x")));
    static const char *const good[] = {"192.0.2.7/32", "2001:db8::/64", "aa:bb:cc:dd:ee:ff", "64501"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        char name[] = "good-0";
        name[5] = (char)('0' + i);
        json_decref(post(state, "lead", 201, "/v1/suppressions",
                         json_pack("{s:s, s:s, s:s, s:s}", "name", name, "value", good[i], "until", until, "reason", "x")));
    }
    cluster_execute("DELETE FROM cirt.suppression_waiting; DELETE FROM cirt.suppression WHERE name LIKE 'good-%'");
    free(until);
}

/* One row that is held holds its report, in a trial and in the list of what was kept back. */
static void a_trial_holds_whole_reports(void **state)
{
    struct both *both = *state;
    static const char text[] =
        "rule \"first\": ip:192.0.2.1 => drop \"ours\", priority:low\nrule \"hot\": class:phishing => priority:critical\n"
        "rule \"look\": ip:192.0.2.3 => hold \"look\"";
    rows_wait(9000004, 4);
    triage(both->fixture);
    json_t *trial = post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s, s:s}", "text", text, "against", "r9000004"));
    json_t *item = json_array_get(json_object_get(trial, "items"), 0);
    assert_int_equal(number_at(trial, "changed"), 4);
    assert_int_equal(json_array_size(json_object_get(trial, "items")), 1);
    assert_int_equal(number_at(item, "observations"), 4);
    assert_string_equal(text_at(item, "rule"), "look");
    assert_int_equal(json_object_size(json_object_get(item, "changes")), 1);
    assert_string_equal(text_at(json_object_get(json_object_get(item, "changes"), "kept"), "to"), "hold: look");
    json_decref(trial);
    put_rules(text, 1);
    rows_wait(9000005, 4);
    triage(both->fixture);
    assert_outcome(9000005, "held look look");
    /* Without the hold, the row that it kept is dropped and the others go on. */
    trial = post(
        state, "lead", 200, "/v1/rules/test",
        json_pack("{s:s, s:s, s:s}", "text", "rule \"first\": ip:192.0.2.1 => drop \"ours\"", "name", "default", "against", "r9000005"));
    assert_int_equal(number_at(trial, "changed"), 4);
    const json_t *one = json_array_get(json_object_get(trial, "items"), 0), *other = json_array_get(json_object_get(trial, "items"), 1);
    bool is_first = str_equal(text_at(one, "rule"), "first");
    assert_string_equal(text_at(is_first ? one : other, "rule"), "first");
    assert_string_equal(text_at(is_first ? other : one, "rule"), "look");
    json_decref(trial);
    json_t *list = desk_client_get(both->desk, "lead", 200, "/v1/swallowed?rule=look");
    assert_int_equal(number_at(json_array_get(json_object_get(list, "items"), 0), "observations"), 4);
    json_decref(list);
}

static void counts_outlive_versions(void **state)
{
    struct both *both = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    json_decref(put(state, "lead", "/v1/rules", "rule \"same\": class:phishing => tag:a\nrule \"other\": class:phishing => tag:b"));
    triaged(both->fixture, &letter);
    json_decref(
        put(state, "lead", "/v1/rules/site", "# new\nrule \"other\": class:fraud => tag:b\nrule \"same\": class:phishing => tag:a"));
    triaged(both->fixture, &letter);
    json_t *set = show(state), *rules = json_object_get(set, "rules");
    assert_string_equal(text_at(json_array_get(rules, 0), "name"), "other");
    assert_int_equal(number_at(json_array_get(rules, 0), "hits"), 1);
    assert_int_equal(number_at(json_array_get(rules, 1), "hits"), 2);
    assert_int_equal(number_at(json_array_get(rules, 1), "line"), 3);
    json_decref(set);
}

/* A document that was not understood: no trial looks at it. */
static void malformed(struct fixture *fixture)
{
    int64_t report = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.200"}}});
    char sql[160];

    snprintf(sql, sizeof sql,
             "UPDATE cirt.report_content SET state = 'malformed', error = 'bad', error_at = 'line 3' WHERE report_id = %lld",
             (long long)report);
    cluster_execute(sql);
}

/* A trial says what triage then does. */
static void trials_decide_as_triage(void **state)
{
    struct both *both = *state;
    json_decref(put(state, "lead", "/v1/rules", "rule \"q\": class:phishing => queue:old"));
    int64_t phish = triaged(
        both->fixture, &(struct letter){.class_name = "fraud/phishing",
                                        .summary = "please pay 100 EUR",
                                        .sightings = {{"ipv4", "source", "10.1.2.3"}, {"url", "source", "http://www.bank.example/x"}}});
    malformed(both->fixture);
    int64_t spam =
        triaged(both->fixture, &(struct letter){.class_name = "abusive-content/spam", .sightings = {{"ipv4", "source", "203.0.113.5"}}});
    int64_t closed =
        triaged(both->fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.1.2.9"}}});
    char sql[100];
    snprintf(sql, sizeof sql, "UPDATE cirt.report SET compartment_id = 77 WHERE id = %lld", (long long)closed);
    cluster_execute(sql);
    /* So many that some share a stretch of time with one that is looked at: that makes no sample of it. */
    for (int i = 0; i < 16; i++)
        malformed(both->fixture);
    static const char text[] =
        "rule \"bank\": domain:bank.example sector:research,telecom constituent:tel-a summary:/pay \\d+ eur/ sender:feed "
        "assurance:pinned-key => queue:banks, priority:critical, tag:+bank, template:t, notify:lead, severity:high, pap:amber, owner:anna\n"
        "rule \"mark\": class:spam => tag:spam\n"
        "rule \"junk\": class:spam ip:203.0.113.0/24 => drop \"junk\"\n"
        "rule \"idle\": format:iodef => hold\n"
        "template t: task \"x\"";
    json_t *trial =
        post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s, s:s, s:s}", "text", text, "name", "site", "against", "last 1h"));
    assert_true(json_is_true(json_object_get(trial, "replaces")));
    assert_false(json_is_true(json_object_get(trial, "sampled")));
    json_t *items = json_object_get(trial, "items");
    assert_int_equal(json_array_size(items), 2);
    json_t *first = json_array_get(items, 0), *second = json_array_get(items, 1);
    char *changes = json_dumps(json_object_get(first, "changes"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        changes,
        "{\"notify\":{\"from\":null,\"to\":\"lead\"},\"owner\":{\"from\":null,\"to\":\"anna\"},\"pap\":{\"from\":null,\"to\":\"amber\"},"
        "\"priority\":{\"from\":\"high\",\"to\":\"critical\"},\"queue\":{\"from\":\"old\",\"to\":\"banks\"},\"severity\":{\"from\":null,"
        "\"to\":\"high\"},"
        "\"tags\":{\"from\":null,\"to\":\"bank\"},\"template\":{\"from\":null,\"to\":\"t\"}}");
    free(changes);
    char name[32];
    snprintf(name, sizeof name, "r%lld", (long long)phish);
    assert_string_equal(text_at(first, "report"), name);
    assert_string_equal(text_at(first, "rule"), "bank");
    assert_non_null(text_at(first, "case"));
    assert_string_equal(text_at(json_object_get(json_object_get(second, "changes"), "kept"), "to"), "drop: junk");
    assert_string_equal(text_at(second, "rule"), "junk"); /* the one that drops, not the first that did anything */
    json_t *lines = json_object_get(trial, "rules");
    assert_int_equal(number_at(json_array_get(lines, 0), "hits"), 1);
    assert_int_equal(number_at(json_array_get(lines, 3), "hits"), 0);
    assert_int_equal(number_at(trial, "changed"), 2);
    json_decref(trial);
    /* What the viewer may not read is not looked at: it is of a circle. */
    snprintf(name, sizeof name, "r%lld", (long long)closed);
    json_decref(post(state, "admin", 404, "/v1/rules/test", json_pack("{s:s, s:s}", "text", text, "against", name)));
    /* As another set beside the one in force, which still puts it into its queue. */
    snprintf(name, sizeof name, "r%lld", (long long)phish);
    trial = post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s, s:s, s:s}", "text", text, "name", "zz", "against", name));
    assert_false(json_is_true(json_object_get(trial, "replaces")));
    first = json_object_get(json_array_get(json_object_get(trial, "items"), 0), "changes");
    assert_null(json_object_get(first, "queue"));
    assert_non_null(json_object_get(first, "severity"));
    json_decref(trial);
    /* Nothing was changed by trying; and put into force it does what was shown. */
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.rule_swallowed"), 0);
    put_rules(text, 9);
    int64_t again =
        triaged(both->fixture, &(struct letter){.class_name = "abusive-content/spam", .sightings = {{"ipv4", "source", "203.0.113.5"}}});
    assert_outcome(again, "dropped junk junk");
    UNUSED(spam);
    json_decref(post(state, "lead", 422, "/v1/rules/test", json_pack("{s:s, s:s}", "text", text, "against", "next week")));
}

/* What several reports brought into a case and would fare alike is one line, which tells how many they are. */
static void trials_count_reports(void **state)
{
    struct both *both = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "203.0.113.5"}}};
    char first[32];
    snprintf(first, sizeof first, "r%lld", (long long)triaged(both->fixture, &letter));
    triaged(both->fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "203.0.113.6"}}});
    json_t *trial = post(state, "lead", 200, "/v1/rules/test",
                         json_pack("{s:s, s:s}", "text", "rule \"a\": class:phishing => tag:x", "against", "last 1h"));
    json_t *item = json_array_get(json_object_get(trial, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(trial, "items")), 1);
    assert_string_equal(text_at(item, "report"), first);
    assert_int_equal(number_at(item, "reports"), 2);
    assert_int_equal(number_at(item, "observations"), 2);
    json_decref(trial);
}

/* A trial refuses what adding refuses, and tells whom nobody knows; so does adding. */
static void trials_find_faults(void **state)
{
    static const char *const wrong = "rule \"a\": constituent:tel-a => suppress \"x\" until:2020-01-01\nrule \"b\": clas:x => tag:y\n  "
                                     "rule \"c\": => tag:z, suppress \"x\" "
                                     "until:2090-01-01";
    static const char *const odd =
        "rule \"constituent:no\": constituent:nix,tel-* -constituent:NIX => owner:feed, notify:nowhere, tag:x # owner:none\n"
        "rule \"good\": constituent:tel-a => owner:anna, notify:lead, notify:a@b.example";
    static const struct {
        const char *at, *error;
    } found[] = {{"line 1, character 45", "what \"a\" suppresses is over already"},
                 {"line 2, character 11", NULL},
                 {"line 3, character 36", "what \"c\" suppresses does not end within a year"}};
    json_t *answer = post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s, s:s}", "text", wrong, "against", "last 1h"));
    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        json_t *line = json_array_get(json_object_get(answer, "rules"), i);
        assert_string_equal(text_at(line, "at"), found[i].at);
        assert_true(json_is_false(json_object_get(line, "ok")));
        if (found[i].error)
            assert_string_equal(text_at(line, "error"), found[i].error);
    }
    json_decref(answer);
    answer = post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s}", "text", odd));
    json_t *line = json_array_get(json_object_get(answer, "rules"), 0);
    assert_true(json_is_true(json_object_get(line, "ok")));
    assert_string_equal(
        text_at(line, "warning"),
        "no login and no level is \"nowhere\"; nobody who may own a case has the login \"feed\"; there is no constituent \"nix\"");
    assert_null(json_object_get(json_array_get(json_object_get(answer, "rules"), 1), "warning"));
    json_decref(answer);
    /* What can match nothing, and what counts for nothing. */
    static const char *const idle =
        "rule \"a\": sender:fede,*x,a@b.example known-good:nolist port:70000 => tag:x\n"
        "rule \"b\": cve:foo hash:zzz or email:foo -sender:lead => class:phishing, tag:x, class:spam, tag:y\n"
        "rule \"c\": format:yaml,csv:map,stix channel:pigeon,mail signed:well auth:dkim-neutral,dmarc-ok country:nl,nld => tag:z\n"
        "rule \"d\": -sector:fishing assurance:certificate,high encryption:none,rot13 => tag:z";
    answer = post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s}", "text", idle));
    assert_string_equal(text_at(json_array_get(json_object_get(answer, "rules"), 0), "warning"),
                        "nobody who sends is \"fede\"; there is no known-good list \"nolist\"; there is no port 70000");
    assert_string_equal(
        text_at(json_array_get(json_object_get(answer, "rules"), 1), "warning"),
        "\"foo\" is no CVE id; \"foo\" is no mail address; \"or\" is a word to look for; either of two is OR; \"zzz\" is no hash; "
        "of several class: only the first counts");
    assert_string_equal(
        text_at(json_array_get(json_object_get(answer, "rules"), 2), "warning"),
        "that is nothing that auth can be: \"dmarc-ok\"; that is nothing that channel can be: \"pigeon\"; that is nothing that "
        "country can be: \"nld\"; that is nothing that format can be: \"yaml\"; that is nothing that signed can be: \"well\"");
    assert_string_equal(
        text_at(json_array_get(json_object_get(answer, "rules"), 3), "warning"),
        "no constituent is of the sector \"fishing\"; that is nothing that assurance can be: \"high\"; that is nothing that "
        "encryption can be: \"rot13\"");
    json_decref(answer);
    answer = put(state, "lead", "/v1/rules", odd);
    assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 3);
    json_decref(answer);
}

/* Words that an operator gave a class are of that class in a trial too, and a trial counts no word again. */
static void trials_know_aliases(void **state)
{
    struct both *both = *state;
    cluster_execute("SET search_path = cirt; TRUNCATE class_alias, class_unmapped");
    int64_t report = arrive(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "203.0.113.5"}}});
    char path[200];
    snprintf(path, sizeof path, "UPDATE cirt.observation SET class = NULL, class_claim = 'bot drone' WHERE report_id = %lld",
             (long long)report);
    cluster_execute(path);
    triage(both->fixture);
    assert_int_equal(cluster_number("SELECT sum(count) FROM cirt.class_unmapped"), 1);
    snprintf(path, sizeof path, "r%lld", (long long)report);
    json_decref(post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s, s:s}", "text", "rule \"a\": => tag:x", "against", path)));
    assert_int_equal(cluster_number("SELECT sum(count) FROM cirt.class_unmapped"), 1);
    cluster_execute(
        "SET search_path = cirt; INSERT INTO class_alias (word, class) VALUES (class_word('bot drone'), 'malicious-code/infected-system')");
    json_t *trial =
        post(state, "lead", 200, "/v1/rules/test",
             json_pack("{s:s, s:s}", "text", "rule \"a\": class:infected-system claimed.class:\"bot drone\" => tag:x", "against", path));
    assert_int_equal(number_at(trial, "changed"), 1);
    json_decref(trial);
}

static void a_trial_is_bounded(void **state)
{
    struct both *both = *state;
    /* 30 reports of 1,000 rows: more than is looked at. */
    cluster_execute("SET search_path = cirt; DO $$ DECLARE r bigint; BEGIN FOR i IN 1..30 LOOP r := nextval('report_id_seq');"
                    "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size) VALUES (r, now(), 1, 'https', "
                    "'pinned-key', sha256(r::text::bytea), 1);"
                    "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, observations) VALUES (r, now(), "
                    "'received', 'csv', 1, true, 1000);"
                    "INSERT INTO observation (report_id, received, no, class, count) SELECT r, now(), n, "
                    "'intrusion-attempts/login-attempts', 1 FROM generate_series(1, 1000) n;"
                    "END LOOP; END $$");
    json_t *trial = post(state, "lead", 200, "/v1/rules/test",
                         json_pack("{s:s, s:s}", "text", "rule \"a\": format:csv => tag:x", "against", "last 1h"));
    assert_true(json_is_true(json_object_get(trial, "sampled")));
    assert_in_range(number_at(trial, "observations"), 10000, 20000);
    assert_int_equal(json_array_size(json_object_get(trial, "items")), number_at(trial, "reports"));
    json_decref(trial);
    /* One large report: its first rows. */
    char name[32];
    snprintf(name, sizeof name, "r%lld", (long long)cluster_number("SELECT max(id) FROM cirt.report"));
    cluster_execute("SET search_path = cirt; UPDATE report_content SET observations = 4000 WHERE report_id = (SELECT max(id) FROM report);"
                    "INSERT INTO observation (report_id, received, no, class, count) SELECT r.id, r.received, n, 'fraud/phishing', 1 FROM "
                    "report r, generate_series(1001, 4000) n WHERE r.id = (SELECT max(id) FROM report)");
    trial =
        post(state, "lead", 200, "/v1/rules/test", json_pack("{s:s, s:s}", "text", "rule \"a\": class:phishing => tag:x", "against", name));
    assert_int_equal(number_at(trial, "observations"), 2500);
    assert_int_equal(number_at(trial, "changed"), 1500);
    assert_true(json_is_true(json_object_get(trial, "sampled")));
    json_decref(trial);
    UNUSED(both);
}

static void what_was_swallowed(void **state)
{
    struct both *both = *state;
    put_rules("rule \"ours\": ip:192.0.2.0/24 => drop \"our scans\"\nrule \"wait\": ip:203.0.113.0/24 => hold \"look\"", 1);
    for (int i = 0; i < 3; i++)
        triaged(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}, {"domain", "target", "a.example"}}});
    triaged(both->fixture, &(struct letter){.tlp = TLP_RED, .sightings = {{"ipv4", "source", "192.0.2.10"}}});
    triaged(both->fixture, &(struct letter){.sightings = {{"ipv4", "source", "203.0.113.9"}}});
    json_t *list = desk_client_get(both->desk, "analyst", 200, "/v1/swallowed?rule=ours&since=1h&limit=2"),
           *item = json_array_get(json_object_get(list, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 2);
    assert_non_null(text_at(list, "next"));
    assert_string_equal(text_at(item, "did"), "drop");
    assert_string_equal(text_at(item, "reason"), "our scans");
    assert_string_equal(text_at(item, "state"), "dropped");
    assert_string_equal(text_at(item, "sender"), "feed");
    assert_int_equal(number_at(item, "observations"), 1);
    assert_int_equal(number_at(item, "in_cases"), 0);
    assert_int_equal(json_array_size(json_object_get(item, "values")), 2);
    json_decref(list);
    /* All of the set's rules; what is RED only for whom it is for. */
    list = desk_client_get(both->desk, "analyst", 200, "/v1/swallowed?rule=default");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 4);
    json_decref(list);
    list = desk_client_get(both->desk, "lead", 200, "/v1/swallowed?rule=default");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 5);
    json_decref(list);
    /* A name that nothing has is a typing error; a rule that swallowed nothing is not. */
    put_rules("rule \"idle \\\"one\\\"\": ip:198.51.100.0/24 => hold \"look\"", 2);
    json_decref(desk_client_get(both->desk, "analyst", 404, "/v1/swallowed?rule=nothing"));
    json_decref(desk_client_get(both->desk, "analyst", 200, "/v1/swallowed?rule=idle%20%22one%22"));
    list = desk_client_get(both->desk, "analyst", 200, "/v1/swallowed?rule=ours");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 3);
    json_decref(list);
    json_decref(desk_client_get(both->desk, "analyst", 422, "/v1/swallowed?rule=ours&since=soon"));
    json_decref(desk_client_get(both->desk, "analyst", 422, "/v1/swallowed"));
}

/* A report of five rows: three are dropped or suppressed by rules and a suppression, which it tells; accepted, only these go on. */
static void rows_are_let_go(void **state)
{
    struct both *both = *state;
    char text[200], path[64], *soon = cluster_text("SELECT to_char(now() + interval '30 days', 'YYYY-MM-DD')");
    snprintf(text, sizeof text,
             "rule \"ours\": ip:192.0.2.1 => drop \"our scans\"\nrule \"audit\": ip:192.0.2.2 => suppress \"audit\" until:%s", soon);
    put_rules(text, 1);
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO suppression (name, value, addr, until, reason, approved) VALUES ('part', '192.0.2.3', '192.0.2.3', now() + "
        "interval '1 day', 'part', now());"
        "INSERT INTO class_setting (class, observations) VALUES ('vulnerable/weak-crypto', 3)");
    rows_wait(9000002, 5);
    triage(both->fixture);
    assert_outcome(9000002, "triaged audit below the threshold of vulnerable/weak-crypto: 1 of 3 observations within 7 days");
    json_t *report = desk_client_get(both->desk, "analyst", 200, "/v1/reports/r9000002"), *aside = json_object_get(report, "set_aside");
    assert_int_equal(json_array_size(aside), 3);
    assert_string_equal(text_at(json_array_get(aside, 0), "rule"), "ours");
    assert_string_equal(text_at(json_array_get(aside, 0), "did"), "drop");
    assert_string_equal(text_at(json_array_get(aside, 1), "rule"), "audit");
    assert_string_equal(text_at(json_array_get(aside, 2), "suppression"), "part");
    assert_int_equal(number_at(json_array_get(aside, 2), "observations"), 1);
    json_decref(report);
    snprintf(path, sizeof path, "/v1/reports/accept");
    for (int again = 0; again < 2; again++) {
        json_t *done = post(state, "analyst", 200, path, json_pack("{s:[s]}", "reports", "r9000002"));
        assert_int_equal(number_at(done, "count"), again ? 0 : 1);
        json_decref(done);
    }
    triage(both->fixture);
    char *rows = cluster_text("SELECT range_agg(observations)::text FROM cirt.case_member WHERE report_id = 9000002");
    assert_string_equal(rows, "{[1,5)}");
    free(rows);
    assert_int_equal(
        cluster_number("SELECT sum(t.observations) FROM cirt.case_tally t JOIN cirt.case_member m ON m.case_id = t.case_id WHERE "
                       "m.report_id = 9000002"),
        4);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.waiting_row WHERE report_id = 9000002"), 1);
    assert_outcome(9000002, "triaged audit below the threshold of vulnerable/weak-crypto: 1 of 3 observations within 7 days");
    report = desk_client_get(both->desk, "analyst", 200, "/v1/reports/r9000002");
    assert_int_equal(json_array_size(json_object_get(report, "set_aside")), 0);
    assert_string_equal(text_at(report, "state"), "triaged");
    json_decref(report);
    json_t *list = desk_client_get(both->desk, "analyst", 200, "/v1/swallowed?rule=ours"),
           *item = json_array_get(json_object_get(list, "items"), 0);
    assert_int_equal(number_at(item, "observations"), 1);
    assert_int_equal(number_at(item, "in_cases"), 1);
    json_decref(list);
    /* Where none waits, it says what it was kept back for. */
    rows_wait(9000003, 4);
    triage(both->fixture);
    json_decref(post(state, "analyst", 200, path, json_pack("{s:[s]}", "reports", "r9000003")));
    triage(both->fixture);
    assert_outcome(9000003, "triaged ours let go after: our scans");
    cluster_execute("DELETE FROM cirt.waiting_row; DELETE FROM cirt.class_setting WHERE class = 'vulnerable/weak-crypto'");
    free(soon);
}

static void a_case_tells(void **state)
{
    struct both *both = *state;
    put_rules("rule \"bank\": class:phishing => priority:critical, queue:banks", 1);
    struct letter letter = {.class_name = "fraud/phishing", .tlp = TLP_GREEN, .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t report = triaged(both->fixture, &letter);
    put_rules("rule \"bank\": class:phishing => priority:critical, queue:banks\nrule \"late\": class:phishing => owner:anna", 2);
    triaged(both->fixture, &letter);
    char path[300], first[32];
    snprintf(path, sizeof path,
             "SELECT k.number FROM cirt.case_member m JOIN cirt.incident_case k ON k.id = m.case_id WHERE m.report_id = %lld",
             (long long)report);
    long long number = cluster_number(path);
    snprintf(path, sizeof path, "/v1/cases/%lld", number);
    json_t *shown = desk_client_get(both->desk, "analyst", 200, path), *rules = json_object_get(shown, "rule_list"),
           *bank = json_array_get(rules, 0);
    assert_int_equal(json_array_size(rules), 2);
    assert_string_equal(text_at(bank, "rule"), "bank");
    assert_string_equal(text_at(bank, "set"), "default");
    assert_true(json_is_true(json_object_get(bank, "opened")));
    assert_int_equal(number_at(bank, "observations"), 2);
    snprintf(first, sizeof first, "r%lld", (long long)report);
    assert_string_equal(text_at(bank, "report"), first);
    assert_string_equal(text_at(json_array_get(json_object_get(bank, "actions"), 1), "action"), "queue:banks");
    json_t *late = json_array_get(json_object_get(json_array_get(rules, 1), "actions"), 0);
    assert_true(json_is_false(json_object_get(late, "applied")));
    assert_string_equal(text_at(late, "note"), "it was open already");
    json_decref(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_drop_needs_a_second_person, clean_both),
        cmocka_unit_test_setup(a_set_that_guards_another_needs_one, clean_both),
        cmocka_unit_test_setup(suppressing_needs_a_second_person, clean_both),
        cmocka_unit_test_setup(a_suppression_needs_a_second_person, clean_both),
        cmocka_unit_test_setup(another_reason_needs_a_second_person, clean_both),
        cmocka_unit_test_setup(a_suppression_names_what_can_match, clean_both),
        cmocka_unit_test_setup(a_trial_holds_whole_reports, clean_both),
        cmocka_unit_test_setup(counts_outlive_versions, clean_both),
        cmocka_unit_test_setup(trials_decide_as_triage, clean_both),
        cmocka_unit_test_setup(what_was_swallowed, clean_both),
        cmocka_unit_test_setup(rows_are_let_go, clean_both),
        cmocka_unit_test_setup(a_case_tells, clean_both),
        cmocka_unit_test_setup(trials_count_reports, clean_both),
        cmocka_unit_test_setup(trials_find_faults, clean_both),
        cmocka_unit_test_setup(trials_know_aliases, clean_both),
        cmocka_unit_test_setup(a_trial_is_bounded, clean_both),
    };
    return cmocka_run_group_tests(tests, setup_both, teardown_both);
}
