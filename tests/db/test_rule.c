/* What rules do at triage beyond the first case (test_triage.c): to cases, to those who are told, to what they keep back; and that each
 * case can say so. */
#include "support/triage_fixture.h"

#include "cirtd/rule_facts.h"

static int clean_rules(void **state)
{
    cluster_execute("SET search_path = cirt; TRUNCATE case_rule, rule_swallowed, rule_notice; DELETE FROM to_compose; DELETE FROM mta;"
                    "UPDATE identity SET mail = 'anna@xx.example', level = 'duty' WHERE login = 'anna';"
                    "UPDATE identity SET mail = 'lead@xx.example', level = 'lead' WHERE login = 'lead';"
                    "UPDATE identity SET mail = 'admin@xx.example', level = 'duty' WHERE login = 'admin';"
                    "INSERT INTO mta (one, smtp, told) VALUES (true, 'smtp://127.0.0.1:25', now());");
    return clean(state);
}

/* The rows of case_rule of the report's case. */
static void assert_said(int64_t report, const char *expected, int line)
{
    char sql[600];
    snprintf(
        sql, sizeof sql,
        "SET search_path = cirt; SELECT string_agg(concat_ws(' ', r.set_name || '.' || r.rule, r.action, CASE WHEN r.opened THEN 'opened' "
        "END,"
        " CASE WHEN r.applied THEN 'applied' ELSE '(' || r.note || ')' END, r.observations), ' | ' ORDER BY r.since, r.place, r.action)"
        " FROM case_rule r WHERE r.case_id IN (SELECT m.case_id FROM case_member m WHERE m.report_id = %lld AND m.until IS NULL)",
        (long long)report);
    char *found = cluster_text(sql);
    if (!str_equal(found, expected))
        fail_msg("line %d: \"%s\", not \"%s\"", line, found, expected);
    free(found);
}

static void assert_text(const char *sql, const char *expected)
{
    char whole[700];
    snprintf(whole, sizeof whole, "SET search_path = cirt; SELECT %s", sql);
    char *found = cluster_text(whole);
    assert_string_equal(found, expected);
    free(found);
}

static const struct letter phish = {.class_name = "fraud/phishing", .tlp = TLP_GREEN, .sightings = {{"ipv4", "source", "198.51.100.7"}}};

static void a_case_is_opened(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"phish\": class:phishing => severity:HIGH, pap:amber, owner:anna, template:phishing, priority:critical, tag:a\n"
              "rule \"again\": class:fraud => severity:low, pap:green, tag:a, tag:b, template:phishing, queue:q\n"
              "template phishing: task \"ask the host\" due:4h, note \"the bank's desk knows\", task \"tell the bank\"\n",
              1);
    int64_t report = triaged(fixture, &phish);
    assert_case(report, "concat_ws(' ', k.severity, k.pap, k.priority, (SELECT i.login FROM identity i WHERE i.id = k.owner_id))",
                "2 2 1 anna");
    assert_case(report,
                "(SELECT string_agg(concat_ws(' ', x.text, x.due - k.opened), ', ' ORDER BY x.id) FROM task x WHERE x.case_id = k.id)",
                "ask the host 04:00:00, tell the bank");
    assert_case(report, "(SELECT string_agg(concat_ws(' ', n.text, n.tlp), ', ') FROM note n WHERE n.case_id = k.id)",
                "the bank's desk knows 1");
    assert_said(report,
                "default.phish severity:HIGH opened applied 1 | default.phish pap:amber opened applied 1 | default.phish owner:anna opened "
                "applied 1 | "
                "default.phish template:phishing opened applied 1 | default.phish priority:critical opened applied 1 | default.phish tag:a "
                "opened applied 1 | "
                "default.again tag:b opened applied 1 | default.again queue:q opened applied 1",
                __LINE__);
    assert_case(report,
                "(SELECT string_agg((p.payload::json ->> 'text'), '; ') FROM journal_payload p WHERE p.case_id = k.id AND p.payload::json "
                "->> 'action' = 'rule')",
                "rule \"phish\" of default: severity:HIGH, pap:amber, owner:anna, template:phishing, priority:critical, tag:a; rule "
                "\"again\" of default: tag:b, queue:q");
    /* What joins gets no second list of tasks, and the case no second entry. */
    int64_t other = triaged(fixture, &phish);
    assert_true(is_same_case(report, other));
    assert_case(report, "(SELECT count(*) FROM task x WHERE x.case_id = k.id)", "2");
    assert_case(report, "(SELECT count(*) FROM journal_payload p WHERE p.case_id = k.id AND p.payload::json ->> 'action' = 'rule')", "1");
    assert_case(report,
                "(SELECT string_agg(DISTINCT concat_ws(' ', r.observations, r.report_id - m.report_id), ',') FROM case_rule r WHERE "
                "r.case_id = k.id)",
                "2 0");
}

static void a_case_that_is_there_is_joined(void **state)
{
    struct fixture *fixture = *state;
    int64_t first = triaged(fixture, &phish);
    put_rules("rule \"late\": class:phishing => severity:medium, pap:red, owner:anna, template:t, queue:q, priority:low, tag:late\n"
              "template t: task \"x\"\n",
              1);
    int64_t second = triaged(fixture, &phish);
    assert_true(is_same_case(first, second));
    assert_case(second, "concat_ws(' ', k.severity, k.pap, k.queue, k.owner_id, (SELECT count(*) FROM task x WHERE x.case_id = k.id))",
                "3 4 national 0");
    assert_said(
        second,
        "default.late severity:medium applied 1 | default.late pap:red applied 1 | default.late owner:anna (it was open already) 1 | "
        "default.late template:t (it was open already) 1 | default.late queue:q (it was open already) 1 | "
        "default.late priority:low (it was higher already) 1 | default.late tag:late applied 1",
        __LINE__);
    /* In hand: its severity is its owner's. Less assurance changes nothing. */
    put_rules("rule \"more\": class:phishing => severity:critical\n", 2);
    cluster_execute("UPDATE cirt.incident_case SET owner_id = (SELECT id FROM cirt.identity WHERE login = 'anna') WHERE state = 'new'");
    triaged(fixture, &phish);
    assert_case(second, "k.severity", "3");
    cluster_execute("UPDATE cirt.incident_case SET owner_id = NULL WHERE state = 'new'");
    struct letter weak = phish;
    weak.assurance = "unknown";
    cluster_execute("UPDATE cirt.incident_case SET updated = now() - interval '1 hour'");
    triaged(fixture, &weak);
    assert_case(second, "k.severity", "3");
    assert_case(second, "(k.updated > now() - interval '1 minute')::int", "1"); /* its journal has an entry */
    triaged(fixture, &phish);
    assert_case(second, "k.severity", "1");
}

/* Lists are made by tags: a stranger must not move a case out of one, nor a feed undo what an analyst did. */
static void tags_are_of_who_proves_as_much(void **state)
{
    struct fixture *fixture = *state;
    static const char tags[] = "(SELECT string_agg(g.tag, ',' ORDER BY g.tag) FROM case_tag g WHERE g.case_id = k.id)";
    put_rules("rule \"feed\": assurance:pinned-key => tag:seen\nrule \"words\": assurance:unknown => tag:noise\n", 3);
    struct letter strong = phish, weak = phish;
    strong.class_name = weak.class_name = "malicious-code/c2-server";
    weak.assurance = "unknown";
    int64_t low = triaged(fixture, &weak);
    assert_case(low, tags, "noise");
    int64_t high = triaged(fixture, &strong);
    assert_true(is_same_case(low, high));
    assert_case(high, tags, "noise,seen");
    cluster_execute("DELETE FROM cirt.case_tag");
    triaged(fixture, &weak);
    triaged(fixture, &strong);
    assert_case(high, tags, "");

    strong.class_name = weak.class_name = "malicious-code/infected-system";
    high = triaged(fixture, &strong);
    low = triaged(fixture, &weak);
    assert_true(is_same_case(low, high));
    assert_case(high, tags, "seen");
    assert_said(high, "default.feed tag:seen opened applied 1 | default.words tag:noise (it rests on a channel that proves more) 1",
                __LINE__);
}

static void people_are_told(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"tell\": class:phishing => notify:lead, notify:DUTY, notify:soc@bank.example, notify:nobody\n", 1);
    int64_t report = triaged(fixture, &phish);
    assert_text("string_agg(r.address, ' ' ORDER BY r.address) FROM to_compose q JOIN mail_recipient r ON r.mail_id = q.mail_id",
                "admin@xx.example anna@xx.example lead@xx.example soc@bank.example");
    assert_text("bool_and(m.subject LIKE '[%-00%] opened by triage' AND m.body LIKE '%Class: fraud/phishing%Rule: tell%cirt show %' AND "
                "m.case_id IS NULL AND m.body NOT LIKE '%198.51%')"
                " FROM to_compose q JOIN mail m ON m.id = q.mail_id",
                "t");
    assert_said(report,
                "default.tell notify:lead opened applied 1 | default.tell notify:DUTY opened applied 1 | default.tell "
                "notify:soc@bank.example opened applied 1 | "
                "default.tell notify:nobody opened (nobody who may know of it) 1",
                __LINE__);
    /* Once a case and rule. */
    triaged(fixture, &phish);
    assert_text("count(*) FROM to_compose", "4");
    /* Narrower: without what it is about. RED: only those who read it, and no address outside. */
    cluster_execute("DELETE FROM cirt.to_compose");
    triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .tlp = TLP_AMBER, .sightings = {{"ipv4", "source", "198.51.99.7"}}});
    assert_text("bool_and(m.body NOT LIKE '%phishing%' AND m.body NOT LIKE '%tell%' AND m.subject NOT LIKE '%phishing%')::text || count(*) "
                "FROM to_compose q JOIN mail m ON m.id = q.mail_id",
                "true4");
    cluster_execute("DELETE FROM cirt.to_compose");
    triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .tlp = TLP_RED, .sightings = {{"ipv4", "source", "198.51.98.7"}}});
    assert_text("string_agg(r.address, ' ' ORDER BY r.address) FROM to_compose q JOIN mail_recipient r ON r.mail_id = q.mail_id",
                "admin@xx.example lead@xx.example");
    /* No flood, and nothing where there is no way out. */
    cluster_execute("DELETE FROM cirt.to_compose; INSERT INTO cirt.rule_notice (address, case_id) SELECT 'lead@xx.example', 1 FROM "
                    "generate_series(1, 60)");
    put_rules("rule \"tell\": class:phishing => notify:lead\n", 2);
    int64_t flooded = triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.97.7"}}});
    assert_text("count(*) FROM to_compose", "0");
    assert_said(flooded, "default.tell notify:lead opened (too many within the hour, or mail to it comes back) 1", __LINE__);
    cluster_execute("TRUNCATE cirt.rule_notice; UPDATE cirt.mta SET smtp = NULL");
    int64_t mute = triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.96.7"}}});
    assert_said(mute, "default.tell notify:lead opened (no MTA configured) 1", __LINE__);
    triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.96.7"}}});
    assert_said(mute, "default.tell notify:lead opened (no MTA configured) 2", __LINE__);
    assert_text("count(*) FROM journal_payload p WHERE p.payload::json ->> 'text' LIKE '%notify%' AND p.case_id = (SELECT max(id) FROM "
                "incident_case)",
                "0");
}

/* What a template laid down is nobody's touch. */
static void a_case_with_a_template_ages(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"steps\": class:phishing => template:steps\ntemplate steps: task \"call them\", note \"as ever\"\n", 3);
    int64_t aged = triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.95.7"}}});
    assert_case(aged, "(SELECT count(*) FROM task x WHERE x.case_id = k.id) + (SELECT count(*) FROM note x WHERE x.case_id = k.id)", "2");
    cluster_execute("SET search_path = cirt; UPDATE incident_case SET opened = now() - interval '90 days';"
                    "UPDATE case_tally SET last_seen = now() - interval '90 days'");
    cluster_execute("SELECT cirt.clock_age()");
    assert_case(aged, "k.state", "resolved");
}

static void what_is_kept_back_is_told(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"ours\": ip:192.0.2.0/24 => drop \"our scans\", priority:low\n"
              "rule \"wait\": ip:203.0.113.0/24 => hold\n"
              "rule \"all\": => tag:x\n",
              1);
    int64_t dropped = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    int64_t held = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "203.0.113.9"}}});
    int64_t passed = triaged(fixture, &phish);
    char expected[200];
    snprintf(expected, sizeof expected, "ours drop our scans r%lld {[1,2)} | wait hold r%lld {[1,2)}", (long long)dropped, (long long)held);
    assert_text("string_agg(concat_ws(' ', w.rule, w.kind, w.reason, 'r' || w.report_id, w.observations), ' | ' ORDER BY w.report_id) FROM "
                "rule_swallowed w",
                expected);
    assert_text("string_agg(h.rule || ' ' || h.hits, ', ' ORDER BY h.rule) FROM rule_hits h", "all 2, ours 1, wait 1");
    assert_case(passed, "(SELECT string_agg(r.rule, ',') FROM case_rule r WHERE r.case_id = k.id)", "all");
    /* Let go by an analyst it is triaged once more, and counts as one still. */
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT cirt.report_release(%lld)::int", (long long)held);
    assert_int_equal(cluster_number(sql), 1);
    triage(fixture);
    assert_case(held, "(SELECT string_agg(r.rule || ' ' || r.action, ',') FROM case_rule r WHERE r.case_id = k.id)", "all tag:x");
    assert_text("string_agg(h.rule || ' ' || h.hits, ', ' ORDER BY h.rule) FROM rule_hits h", "all 2, ours 1, wait 1");
    assert_text("count(*) FROM rule_swallowed", "2");
}

static void assert_checks(const char *who, const char *expected)
{
    char sql[500];
    snprintf(sql, sizeof sql,
             "SET search_path = cirt; SELECT set_config('cirt.viewer', id::text, false) FROM identity WHERE login = '%s';"
             "SELECT string_agg(concat_ws('; ', c.name || ': ' || c.text, c.hint), ' | ' ORDER BY c.name) FROM rule_checks() c",
             who);
    char *found = cluster_text(sql);
    assert_string_equal(found, expected);
    free(found);
}

/* Once, whatever rules dropped it, and not what was let go since; what is RED for whom it is for. */
static void what_is_dropped_counts_once(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"net\": ip:192.0.2.0/24 => drop \"ours\"\n"
              "rule \"one\": ip:192.0.2.9 => drop \"a scanner\"\n",
              8);
    int64_t first = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.10"}}});
    triaged(fixture, &(struct letter){.tlp = TLP_RED, .sightings = {{"ipv4", "source", "192.0.2.11"}}});
    assert_checks("anna",
                  "dropped by rules: 2 observations of 2 reports within a day, most by \"net\"; cirt rule swallowed 'net' --since 1d");
    assert_checks("lead",
                  "dropped by rules: 3 observations of 3 reports within a day, most by \"net\"; cirt rule swallowed 'net' --since 1d");
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT cirt.report_release(%lld)::int", (long long)first);
    assert_int_equal(cluster_number(sql), 1);
    triage(fixture);
    assert_checks("anna",
                  "dropped by rules: 1 observation of 1 report within a day, most by \"net\"; cirt rule swallowed 'net' --since 1d");
}

/* A report's own PAP counts for its case, a rule's on top of it; less assurance does not widen or narrow what is there. */
static void what_is_suppressed_is_told_until_it_is_over(void **state)
{
    struct fixture *fixture = *state;
    char text[400], *today = cluster_text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"), expected[300];
    snprintf(text, sizeof text,
             "rule \"over\": ip:192.0.2.0/24 => suppress \"last year's\" until:2020-12-31\n"
             "rule \"audit\": ip:203.0.113.0/24 => suppress \"yearly audit\" until:%s\n",
             today);
    put_rules(text, 7);
    int64_t over = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "192.0.2.9"}}});
    int64_t held = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "203.0.113.9"}}});
    assert_case(over, "k.class", "other/undetermined");
    snprintf(expected, sizeof expected, "audit suppress suppressed until %s: yearly audit r%lld {[1,2)}", today, (long long)held);
    assert_text("string_agg(concat_ws(' ', w.rule, w.kind, w.reason, 'r' || w.report_id, w.observations), ' | ') FROM rule_swallowed w",
                expected);
    snprintf(expected, sizeof expected, "dropped audit suppressed until %s: yearly audit", today);
    char sql[200];
    snprintf(sql, sizeof sql, "concat_ws(' ', o.state, o.rule, o.reason) FROM report_outcome o WHERE o.report_id = %lld", (long long)held);
    assert_text(sql, expected);
    assert_text("string_agg(h.rule || ' ' || h.hits, ', ') FROM rule_hits h", "audit 1");
    assert_checks("anna",
                  "dropped by rules: 1 observation of 1 report within a day, most by \"audit\"; cirt rule swallowed 'audit' --since 1d | "
                  "rules default: what \"over\" suppressed is over; take it out, or set another last day: cirt rule set default");
    free(today);
}

static void reports_have_a_pap(void **state)
{
    struct fixture *fixture = *state;
    char sql[200];
    int64_t report = arrive(fixture, &phish);
    snprintf(sql, sizeof sql, "UPDATE cirt.report_content SET pap = 1 WHERE report_id = %lld", (long long)report);
    cluster_execute(sql);
    triage(fixture);
    assert_case(report, "k.pap", "1");
    struct letter weak = phish;
    weak.assurance = "unknown";
    int64_t other = arrive(fixture, &weak);
    snprintf(sql, sizeof sql, "UPDATE cirt.report_content SET pap = 4 WHERE report_id = %lld", (long long)other);
    cluster_execute(sql);
    triage(fixture);
    assert_true(is_same_case(report, other));
    assert_case(report, "k.pap", "1");
    put_rules("rule \"a\": => pap:red", 1);
    triaged(fixture, &phish);
    assert_case(report, "k.pap", "4");
}

/* A rule's label is that of the values in the rows that it fits, and of the report where it fits all of it. */
static void labels_narrow_values(void **state)
{
    static const char labels[] = "(SELECT string_agg(s.value || ' ' || s.tlp, ', ' ORDER BY s.observation_no) || ' of ' || min(c.tlp)"
                                 " FROM sighting s JOIN report_content c ON c.report_id = s.report_id WHERE s.report_id = m.report_id)";
    struct fixture *fixture = *state;
    put_rules("rule \"quiet\": ip:192.0.2.1 => tlp:amber\nrule \"few\": ip:192.0.2.2 => tlp:red\nrule \"wide\": => tlp:clear", 31);
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
        " SELECT 9000002, now(), min(id), 'https', 'certificate', sha256('labels'), 1 FROM sender;"
        "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, observations)"
        " VALUES (9000002, now(), 'received', 'csv', 1, true, 3);"
        "INSERT INTO observation (report_id, received, no, class) SELECT 9000002, now(), n, 'fraud/copyright' FROM generate_series(1, 3) n;"
        "INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, addr, value)"
        " SELECT 9000002, now(), n, 1, 1, 1, 1, '192.0.2.0'::inet + n, '192.0.2.' || n FROM generate_series(1, 3) n;"
        "INSERT INTO to_triage (reports, received, observations) VALUES (int8multirange(int8range(9000002, 9000003)), now(), 3)");
    triage(fixture);
    assert_text("string_agg(k.tlp || ' ' || m.observations || ' ' || n.is_red, ', ' ORDER BY k.tlp) FROM case_member m JOIN incident_case "
                "k ON k.id = m.case_id"
                " JOIN case_network n ON n.case_id = k.id WHERE m.report_id = 9000002",
                "2 {[1,2),[3,4)} false, 4 {[2,3)} true");
    assert_text("string_agg(s.tlp::text, ' ' ORDER BY s.observation_no) || ' of ' || min(c.tlp) FROM sighting s JOIN report_content c ON "
                "c.report_id = s.report_id"
                " WHERE s.report_id = 9000002",
                "2 4 1 of 1");
    struct letter letter = {.class_name = "fraud/copyright",
                            .summary = "of it all",
                            .sightings = {{"ipv4", "source", "192.0.2.2"}, {"domain", "target", "a.example"}}};
    int64_t report = triaged(fixture, &letter);
    assert_case(report, labels, "192.0.2.2 4, a.example 4 of 4");
    /* The same again is the same statement. */
    int64_t again = triaged(fixture, &letter);
    assert_true(is_same_case(report, again));
    assert_case(again, "t.repeats", "1");
    /* Where somebody else's label is narrower, that one stays. */
    letter.tlp = TLP_RED;
    letter.sightings[0][2] = "192.0.2.1";
    assert_case(triaged(fixture, &letter), labels, "192.0.2.1 4, a.example 4 of 4");
    cluster_execute("SET search_path = cirt; DELETE FROM sighting WHERE report_id = 9000002; DELETE FROM observation WHERE report_id = "
                    "9000002;"
                    "DELETE FROM report_content WHERE report_id = 9000002; DELETE FROM report WHERE id = 9000002");
}

/* Sets are applied in the order of their names, to one decision. */
static void sets_work_together(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("SET search_path = cirt; INSERT INTO rule_set (name, version, text) VALUES "
                    "('a', 1, 'rule \"one\": class:phishing => queue:first, tag:t'), ('b', 1, 'rule \"one\": class:phishing => "
                    "queue:second, tag:t, tag:u, template:z' || E'\\ntemplate z: task \"z\"')");
    int64_t report = triaged(fixture, &phish);
    assert_case(report, "concat_ws(' ', k.queue, (SELECT x.text FROM task x WHERE x.case_id = k.id))", "first z");
    assert_said(report,
                "a.one queue:first opened applied 1 | a.one tag:t opened applied 1 | b.one tag:u opened applied 1 | b.one template:z "
                "opened applied 1",
                __LINE__);
    assert_text("string_agg(h.name || '.' || h.rule || ' ' || h.hits, ', ' ORDER BY h.name) FROM rule_hits h", "a.one 1, b.one 1");
}

/* Only what some rule mentions is asked for, and every field of rules is known. */
/* A large document in tables that nobody has analysed yet: the planner believes in one row. */
static void facts_of_a_large_document_come_soon(void **state)
{
    UNUSED(state);
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
        " SELECT 9000000, now(), min(id), 'https', 'certificate', sha256('x'), 1 FROM sender;"
        "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, observations)"
        " VALUES (9000000, now(), 'received', 'csv', 1, true, 40000);"
        "INSERT INTO observation (report_id, received, no, class) SELECT 9000000, now(), n, 'fraud/phishing' FROM generate_series(1, "
        "40000) n;"
        "INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, addr, value)"
        " SELECT 9000000, now(), n, 1, 1, 1, 1, '10.0.0.0'::inet + n, host('10.0.0.0'::inet + n) FROM generate_series(1, 40000) n;"
        "INSERT INTO to_triage (reports, received, observations) VALUES (int8multirange(int8range(9000000, 9000001)), now(), 40000)");
    assert_int_equal(cluster_number("SET search_path = cirt; SET statement_timeout = '5s';"
                                    "SELECT count(*) FROM triage_take((SELECT max(id) FROM to_triage), 4000);"
                                    "SELECT count(f.ord) + count(s.ord) FROM triage_rule_facts(true, true, true) f"
                                    " LEFT JOIN triage_rule_sightings('{1}', true) s ON s.ord = f.ord"),
                     8000);
    cluster_execute("SET search_path = cirt; DELETE FROM to_triage; DELETE FROM sighting WHERE report_id = 9000000; DELETE FROM "
                    "observation WHERE report_id = 9000000;"
                    "DELETE FROM report_content WHERE report_id = 9000000; DELETE FROM report WHERE id = 9000000");
}

/* Fifteen rules that fit independently of each other: almost every row of the chunk goes a way of its own. */
static void every_row_goes_its_own_way(void **state)
{
    struct fixture *fixture = *state;
    char text[1500] = "";
    for (int i = 0; i < 15; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "rule \"r%d\": description:bit%c => tag:t%d\n", i, 'a' + i, i);
    put_rules(text, 1);
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size)"
        " SELECT 9000001, now(), min(id), 'https', 'certificate', sha256('ways'), 1 FROM sender;"
        "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, observations)"
        " VALUES (9000001, now(), 'received', 'csv', 1, true, 17000);"
        "INSERT INTO observation (report_id, received, no, class, description) SELECT 9000001, now(), n, 'fraud/phishing',"
        " (SELECT string_agg('bit' || chr(97 + b), ' ') FROM generate_series(0, 14) b WHERE n & (1 << b) <> 0) FROM generate_series(1, "
        "17000) n;"
        "INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, addr, value)"
        " SELECT 9000001, now(), n, 1, 1, 1, 1, '10.1.0.7'::inet, '10.1.0.7' FROM generate_series(1, 17000) n;"
        "INSERT INTO to_triage (reports, received, observations) VALUES (int8multirange(int8range(9000001, 9000002)), now(), 17000)");
    triage(fixture);
    assert_case(9000001, "(SELECT count(*) FROM case_tag t WHERE t.case_id = k.id)", "15");
    cluster_execute("SET search_path = cirt; DELETE FROM sighting WHERE report_id = 9000001; DELETE FROM observation WHERE report_id = "
                    "9000001;"
                    "DELETE FROM report_content WHERE report_id = 9000001; DELETE FROM report WHERE id = 9000001");
}

static void facts_are_asked_for(void **state)
{
    UNUSED(state);
    struct rule_facts_wanted wanted;
    struct triage_rules *rules = NULL;
    struct err err;
    for (size_t i = 0; i < filter_field_count; i++)
        if ((filter_fields[i].objects & FILTER_RULE) && !rule_facts_know(filter_fields[i].name))
            fail_msg("%s is a field of rules, and nothing gives it a value", filter_fields[i].name);
    rule_facts_wanted_init(&wanted);
    assert_true(triage_rules_parse("rule \"a\": channel:mail sender:x => hold", &rules, &err));
    rule_facts_want(&wanted, rules);
    assert_false(wanted.text || wanted.observation || wanted.reporter || rule_facts_wants_sightings(&wanted));
    triage_rules_free(rules);
    assert_true(
        triage_rules_parse("rule \"a\": summary:x claimed.class:y claimed.reporter:z ip:192.0.2.1 domain:x.example => hold", &rules, &err));
    rule_facts_want(&wanted, rules);
    assert_true(wanted.text && wanted.observation && wanted.reporter && wanted.hosts);
    assert_int_equal(wanted.types.count, 3);
    triage_rules_free(rules);
    rule_facts_wanted_clear(&wanted);
}

/* One person may write a rule for a class: what has its class by a rule is not suppressed, nor what had it before. */
static void a_class_by_a_rule_is_not_suppressed(void **state)
{
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "192.0.2.7"}}};
    cluster_execute("INSERT INTO cirt.suppression (name, class, until, reason, approved) VALUES ('audit', 'information-gathering', now() + "
                    "interval '1 day', 'x', now())");
    put_rules("rule \"to\": ip:192.0.2.7 class:phishing => class:scanner\nrule \"from\": ip:192.0.2.8 class:scanner => class:phishing\n",
              1);
    assert_case(triaged(*state, &letter), "k.class", "information-gathering/scanner");
    letter = (struct letter){.class_name = "information-gathering/scanner", .sightings = {{"ipv4", "source", "192.0.2.8"}}};
    assert_case(triaged(*state, &letter), "k.class", "fraud/phishing");
    letter.sightings[0][2] = "192.0.2.9";
    assert_case(triaged(*state, &letter), "k.class", "");
    cluster_execute("SET search_path = cirt; DELETE FROM suppressed_row; DELETE FROM suppression");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_case_is_opened, clean_rules),
        cmocka_unit_test_setup(a_case_that_is_there_is_joined, clean_rules),
        cmocka_unit_test_setup(tags_are_of_who_proves_as_much, clean_rules),
        cmocka_unit_test_setup(people_are_told, clean_rules),
        cmocka_unit_test_setup(a_case_with_a_template_ages, clean_rules),
        cmocka_unit_test_setup(what_is_kept_back_is_told, clean_rules),
        cmocka_unit_test_setup(what_is_suppressed_is_told_until_it_is_over, clean_rules),
        cmocka_unit_test_setup(a_class_by_a_rule_is_not_suppressed, clean_rules),
        cmocka_unit_test_setup(what_is_dropped_counts_once, clean_rules),
        cmocka_unit_test_setup(reports_have_a_pap, clean_rules),
        cmocka_unit_test_setup(labels_narrow_values, clean_rules),
        cmocka_unit_test_setup(sets_work_together, clean_rules),
        cmocka_unit_test_setup(facts_of_a_large_document_come_soon, clean_rules),
        cmocka_unit_test_setup(every_row_goes_its_own_way, clean_rules),
        cmocka_unit_test(facts_are_asked_for),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
