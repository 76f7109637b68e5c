/* Triage on a real PostgreSQL: which observation comes into which case, and what becomes of it there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/triage_fixture.h"

/* --- tests --- */

static void same_key_joins(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    assert_case(first, "k.state || ' ' || k.class || ' ' || k.priority || ' ' || k.tlp || ' ' || k.summary",
                "new fraud/phishing 2 1 Phishing: 198.51.100.0/24, 198.51.100.7");
    assert_case(first, "k.due - k.opened", "04:00:00");
    assert_case(first, "k.name ~ '^XX-CERT-[0-9]{4}-[0-9]{6}$'", "true");
    assert_outcome(first, "triaged");
    letter.sightings[0][2] = "198.51.100.250";
    int64_t neighbour = triaged(fixture, &letter);
    assert_true(is_same_case(first, neighbour));
    assert_case(first, "t.reports || ' ' || t.observations", "2 2");
    assert_case(first, "(SELECT string_agg(p.payload::json ->> 'text', '; ' ORDER BY seq) FROM journal_payload p WHERE p.case_id = k.id)",
                "opened by triage: 1 observation of 1 report; joined 1 observation of 1 report");
    assert_case(neighbour, "m.observations || ' ' || m.since_seq", "{[1,2)} 2");
    letter.sightings[0][2] = "198.51.101.7";
    assert_false(is_same_case(first, triaged(fixture, &letter)));
    letter.sightings[0][2] = "198.51.100.7";
    letter.class_name = "abusive-content/spam";
    assert_false(is_same_case(first, triaged(fixture, &letter)));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

/* A case that goes on taking rows does not go on saying how many it began with. */
static void a_summary_follows_what_joins(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    triaged(fixture, &letter);
    assert_case(first, "t.observations || ' ' || k.summary", "2 Phishing: 198.51.100.0/24, 198.51.100.7");
    letter.sightings[0][2] = "198.51.100.8";
    triaged(fixture, &letter);
    assert_case(first, "k.summary", "Phishing: 198.51.100.0/24, 3 rows");
    for (int i = 0; i < 8; i++)
        arrive(fixture, &letter);
    triage(fixture);
    assert_case(first, "t.observations || ' ' || k.summary", "11 Phishing: 198.51.100.0/24, more than 10 rows");
    /* It is found by what it says. */
    assert_case(first, "(SELECT string_agg(x.body, ',') FROM case_text x WHERE x.case_id = k.id)",
                "Phishing: 198.51.100.0/24, more than 10 rows");
    /* A person's words stay. */
    struct letter words = {.channel = "phone",
                           .format = "json",
                           .sender = fixture->analyst,
                           .summary = "Bank asks for PIN",
                           .sightings = {{"ipv4", "source", "203.0.113.7"}}};
    int64_t said = triaged(fixture, &words);
    cluster_execute("UPDATE cirt.incident_case SET join_key = 'fraud/phishing 198.51.102.0/24' WHERE summary = 'Bank asks for PIN'");
    letter.sightings[0][2] = "198.51.102.1";
    triaged(fixture, &letter);
    assert_case(said, "t.observations || ' ' || k.summary", "2 Bank asks for PIN");
}

static void old_and_closed_cases_are_not_joined(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    cluster_execute("UPDATE cirt.incident_case SET opened = now() - interval '6 days 23 hours' WHERE state = 'new'");
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    cluster_execute("UPDATE cirt.incident_case SET opened = now() - interval '7 days 1 minute' WHERE state = 'new'");
    int64_t second = triaged(fixture, &letter);
    assert_false(is_same_case(first, second));
    cluster_execute("UPDATE cirt.incident_case SET state = 'resolved' WHERE state = 'new'");
    int64_t third = triaged(fixture, &letter);
    assert_false(is_same_case(second, third));
    cluster_execute("UPDATE cirt.incident_case SET state = 'waiting', waiting_for = 'x', waiting_until = now() WHERE state = 'new'");
    assert_true(is_same_case(third, triaged(fixture, &letter)));
}

static void keys_name_the_owner_or_what_is_near(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        struct letter letter;
        const char *constituent, *subject;
    } cases[] = {
        {{.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}}, NULL, "198.51.100.0/24"},
        {{.class_name = "fraud/phishing", .sightings = {{"ipv6", "source", "2001:db8:1:2::3"}}}, NULL, "2001:db8:1::/48"},
        {{.class_name = "fraud/phishing", .sightings = {{"cidr", "source", "203.0.113.128/25"}}}, NULL, "203.0.113.0/24"},
        {{.class_name = "fraud/phishing", .sightings = {{"cidr", "source", "192.0.0.0/9"}}}, NULL, "192.0.0.0/9"},
        {{.class_name = "fraud/phishing", .sightings = {{"url", "infrastructure", "http://Login.Shop.example/a"}}},
         NULL,
         "login.shop.example"},
        {{.class_name = "fraud/phishing", .sightings = {{"domain", "source", "a.example"}, {"ipv4", "target", "198.51.100.9"}}},
         NULL,
         "a.example"},
        {{.class_name = "fraud/phishing", .sightings = {{"domain", "source", "b.example"}, {"ipv4", "source", "198.51.100.9"}}},
         NULL,
         "198.51.100.0/24"},
        {{.class_name = "fraud/phishing", .sightings = {{"ipv4", "victim", "198.51.100.1"}, {"ipv4", "infrastructure", "203.0.113.1"}}},
         NULL,
         "203.0.113.0/24"},
        {{.class_name = "fraud/phishing", .sightings = {{"ipv4", "other", "198.51.100.1"}, {"ipv4", "target", "203.0.113.1"}}},
         NULL,
         "203.0.113.0/24"},
        {{.sightings = {{"ipv4", "source", "10.1.2.3"}}}, "tel-a", NULL},
        {{.sightings = {{"ipv4", "source", "10.1.7.3"}}}, "uni", NULL},
        {{.sightings = {{"ipv6", "source", "2001:db8:aa::5"}}}, "uni", NULL},
        {{.sightings = {{"ipv4", "source", "192.0.2.1"}, {"asn", "source", "64501"}}}, "tel-a", NULL},
        {{.sightings = {{"email", "victim", "joe@mail.bank.example"}}}, "bank", NULL},
        {{.sightings = {{"domain", "victim", "notbank.example"}}}, NULL, "notbank.example"},
        {{.sightings = {{"ipv4", "victim", "10.1.2.3"}, {"ipv4", "infrastructure", "10.1.7.1"}}}, "uni", NULL},
        {{.sightings = {{"ipv4", "source", "192.0.2.9"}, {"ipv4", "target", "10.1.2.3"}}}, "tel-a", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char sql[120], key[120];
        const char *class_name = cases[i].letter.class_name ? cases[i].letter.class_name : "other/undetermined";
        snprintf(key, sizeof key, "%s %s", class_name, cases[i].subject ? cases[i].subject : "");
        if (cases[i].constituent) {
            snprintf(sql, sizeof sql, "SELECT id FROM cirt.constituent WHERE name = '%s'", cases[i].constituent);
            snprintf(key, sizeof key, "%s constituent %lld", class_name, (long long)cluster_number(sql));
        }
        assert_case(triaged(fixture, &cases[i].letter), "k.join_key", key);
    }
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.incident_case WHERE state = 'new' AND summary LIKE 'Undetermined: Telecom A%'"), 1);
}

static void a_disabled_or_left_network_counts_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.sightings = {{"ipv4", "source", "10.1.7.3"}}};
    cluster_execute("UPDATE cirt.constituent_network SET until = now() WHERE network = '10.1.7.0/24'");
    assert_case(triaged(fixture, &letter), "(SELECT name FROM constituent c WHERE c.id = k.constituent_id)", "tel-a");
    cluster_execute("UPDATE cirt.constituent SET enabled = false WHERE name = 'tel-a'");
    assert_case(triaged(fixture, &letter), "k.join_key", "other/undetermined 10.1.7.0/24");
    cluster_execute("UPDATE cirt.constituent SET enabled = true; UPDATE cirt.constituent_network SET until = NULL");
}

static void a_person_has_a_case_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.channel = "phone",
                            .format = "json",
                            .sender = fixture->analyst,
                            .class_name = "fraud/phishing",
                            .description = "  Bank asks for PIN\nby mail",
                            .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter), second = triaged(fixture, &letter);
    assert_false(is_same_case(first, second));
    assert_case(first, "k.summary || ' ' || coalesce(k.join_key, 'no key')", "Bank asks for PIN no key");
    letter = (struct letter){.channel = "mail",
                             .format = "mail",
                             .assurance = "unknown",
                             .sender = fixture->stranger,
                             .summary = "Help",
                             .description = "I was robbed"};
    int64_t mail = triaged(fixture, &letter);
    assert_case(mail,
                "k.summary || ' ' || k.class || ' ' || m.observations || ' ' || t.reports || ' ' || t.observations || ' ' || k.assurance",
                "Help other/undetermined {} 1 0 0");
    assert_case(mail, "(SELECT string_agg(x.body, ',' ORDER BY x.body) FROM case_text x WHERE x.case_id = k.id)", "Help,I was robbed");
    /* Rows that an analyst uploads are a machine's. */
    letter = (struct letter){.format = "shadowserver", .sender = fixture->analyst, .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    assert_true(is_same_case(triaged(fixture, &letter), triaged(fixture, &letter)));
}

static void labels_narrow_and_assurance_holds(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.class_name = "fraud/phishing", .assurance = "dmarc-pass", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t first = triaged(fixture, &letter);
    assert_case(first, "k.tlp || ' ' || k.assurance || ' ' || k.revision", "1 1 1");
    letter.tlp = TLP_AMBER;
    triaged(fixture, &letter);
    assert_case(first, "k.tlp || ' ' || k.assurance || ' ' || k.revision", "2 1 1");
    letter.tlp = TLP_GREEN;
    letter.assurance = "pinned-key";
    triaged(fixture, &letter);
    assert_case(first, "k.tlp || ' ' || k.assurance", "2 3");
    letter.tlp = TLP_AMBER_STRICT;
    letter.assurance = "unknown";
    assert_true(is_same_case(first, triaged(fixture, &letter)));
    assert_case(first, "k.tlp || ' ' || k.assurance", "2 3");
    letter.assurance = "pinned-key";
    triaged(fixture, &letter);
    assert_case(first, "k.tlp || ' ' || k.assurance", "3 3");
    letter.tlp = TLP_RED;
    letter.summary = "for your eyes";
    int64_t red = triaged(fixture, &letter);
    assert_case(first, "k.tlp || ' ' || k.assurance", "3 3");
    /* Its own words are found by who reads the report. */
    assert_case(red,
                "(SELECT x.tlp || ' ' || (x.report_id = m.report_id) FROM case_text x WHERE x.case_id = k.id AND x.body = 'for your eyes')",
                "4 true");
    assert_case(red,
                "k.tlp || ' ' || (SELECT string_agg(i.login, ',' ORDER BY i.login) FROM case_reader r JOIN identity i ON i.id = "
                "r.identity_id WHERE r.case_id = k.id)",
                "4 admin,lead");
}

/* A version of an advisory; issued: a time in SQL. */
static int64_t advisory(struct fixture *fixture, const struct letter *letter, const char *issuer, const char *issued)
{
    char sql[200];
    int64_t report = arrive(fixture, letter);
    snprintf(sql, sizeof sql,
             "UPDATE cirt.report_content SET reference_issuer = '%s', case_kind = 'vulnerability', time = %s WHERE report_id = %lld",
             issuer, issued, (long long)report);
    cluster_execute(sql);
    return report;
}

static int64_t advisory_triaged(struct fixture *fixture, const struct letter *letter, const char *issuer, const char *issued)
{
    int64_t report = advisory(fixture, letter, issuer, issued);
    triage(fixture);
    return report;
}

static void versions_of_an_advisory_are_one_case(void **state)
{
    struct fixture *fixture = *state;
    static const char issuer[] = "https://psirt.example", other[] = "https://other.example", last_year[] = "now() - interval '1 year'";
    struct letter letter = {.format = "csaf",
                            .class_name = "vulnerable/vulnerable-system",
                            .summary = "A hole",
                            .reference = "EX-2026-1",
                            .sightings = {{"cve", "other", "CVE-2026-1000"}}};
    int64_t first = advisory_triaged(fixture, &letter, issuer, last_year);
    assert_case(first, "k.kind || ' ' || k.summary", "vulnerability A hole");
    cluster_execute("UPDATE cirt.incident_case SET opened = now() - interval '100 days' WHERE state = 'new'");
    letter.summary = "A hole, mended";
    assert_true(is_same_case(first, advisory_triaged(fixture, &letter, issuer, "now()")));
    assert_case(first, "k.summary || ' ' || t.reports", "A hole 2");
    assert_case(first, "(SELECT string_agg(p.payload::json ->> 'text', '; ' ORDER BY seq) FROM journal_payload p WHERE p.case_id = k.id)",
                "opened by triage: 1 observation of 1 report; joined 1 observation of 1 report");
    assert_false(is_same_case(first, advisory_triaged(fixture, &letter, other, "now()")));
    letter.reference = "EX-2026-2";
    assert_false(is_same_case(first, advisory_triaged(fixture, &letter, issuer, "now()")));
    letter.reference = "EX-2026-1";

    /* Who proves less has a case of his own, also in one chunk; and so has what is for few. */
    letter.assurance = "unknown";
    letter.sender = fixture->stranger;
    assert_false(is_same_case(first, advisory_triaged(fixture, &letter, issuer, "now()")));
    letter.reference = "EX-2026-3";
    int64_t forged = advisory(fixture, &letter, issuer, "now()");
    letter.assurance = NULL;
    letter.sender = fixture->feed;
    int64_t genuine = advisory_triaged(fixture, &letter, issuer, "now()");
    assert_false(is_same_case(forged, genuine));
    letter.tlp = TLP_RED;
    assert_false(is_same_case(genuine, advisory_triaged(fixture, &letter, issuer, "now()")));
    letter.tlp = TLP_GREEN;
    assert_true(is_same_case(genuine, advisory_triaged(fixture, &letter, issuer, "now()")));

    /* And who proves more. */
    letter.reference = "EX-2026-4";
    letter.assurance = "unknown";
    letter.sender = fixture->stranger;
    forged = advisory_triaged(fixture, &letter, issuer, last_year);
    letter.assurance = NULL;
    letter.sender = fixture->feed;
    int64_t late = advisory_triaged(fixture, &letter, issuer, last_year);
    assert_false(is_same_case(forged, late));

    /* What is newer than all that a case has opens it again, though it was issued before its end; what is older is laid with it. */
    cluster_execute("UPDATE cirt.incident_case SET state = 'closed', closed = now(), resolution = 'fixed' WHERE state = 'new'");
    assert_true(is_same_case(late, advisory_triaged(fixture, &letter, issuer, "now() - interval '1 hour'")));
    assert_case(late, "k.state", "open");
    letter.reference = "EX-2026-3";
    assert_true(is_same_case(genuine, advisory_triaged(fixture, &letter, issuer, last_year)));
    assert_case(genuine, "k.state", "closed");
    assert_true(is_same_case(genuine, advisory_triaged(fixture, &letter, issuer, "now()")));
    assert_case(genuine, "k.state", "open");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

/* No threshold keeps an advisory: nothing has as many addresses. */
static void an_advisory_never_waits(void **state)
{
    struct fixture *fixture = *state;
    struct letter letter = {.format = "csaf",
                            .class_name = "vulnerable/vulnerable-system",
                            .summary = "A hole",
                            .reference = "EX-2026-4",
                            .sightings = {{"cve", "other", "CVE-2026-1000"}}};
    cluster_execute("UPDATE cirt.class_setting SET observations = 5, addresses = 5 WHERE class = '*'");
    assert_case(advisory_triaged(fixture, &letter, "https://psirt.example", "now()"), "k.state", "new");
    cluster_execute("UPDATE cirt.class_setting SET observations = 1, addresses = 1 WHERE class = '*'");
}

static void rules_act(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"bank\": domain:bank.example => class:ransomware, priority:critical, queue:banks, tag:+bank, tag:+vip, assign:anna, "
              "tlp:amber\n"
              "rule \"scanner\": ip:192.0.2.0/24 port:..100 => drop \"our own scans\"\n"
              "rule \"sector\": sector:telecom constituent:tel-a count:1 channel:https sender:feed format:ndjson assurance:pinned-key => "
              "hold \"look first\"\n"
              "rule \"words\": \"quick fox\" -class:spam => tag:fox\n",
              1);
    int64_t bank = triaged(fixture, &(struct letter){.sightings = {{"url", "source", "http://www.bank.example/x"}}});
    assert_case(bank,
                "concat_ws(' ', k.class, k.priority, k.queue, k.tlp, m.rule, k.due - k.opened, (SELECT login FROM identity i WHERE i.id = "
                "k.owner_id), k.join_key LIKE 'malicious-code/%')",
                "malicious-code/infected-system 1 banks 2 bank 01:00:00 anna t");
    assert_case(bank, "(SELECT string_agg(g.tag, ',' ORDER BY g.tag) FROM case_tag g WHERE g.case_id = k.id)", "bank,vip");
    struct letter scan = {.sightings = {{"ipv4", "source", "192.0.2.77"}}};
    int64_t passed = triaged(fixture, &scan);
    assert_outcome(passed, "triaged");
    put_rules("rule \"scanner\": ip:192.0.2.0/24 => drop \"our own scans\"\n"
              "rule \"sector\": sector:telecom constituent:tel-a count:1 channel:https sender:feed format:ndjson assurance:pinned-key => "
              "hold \"look first\"\n"
              "rule \"words\": \"quick fox\" -class:spam => tag:fox\n",
              2);
    int64_t dropped = triaged(fixture, &scan);
    assert_outcome(dropped, "dropped scanner our own scans");
    assert_case(dropped, "k.id", "");
    int64_t held = triaged(fixture, &(struct letter){.sightings = {{"ipv4", "source", "10.1.2.3"}}});
    assert_outcome(held, "held sector look first");
    assert_case(held, "k.id", "");
    int64_t fox = triaged(fixture, &(struct letter){.description = "the quick fox jumps"});
    assert_case(fox, "(SELECT string_agg(g.tag, ',') FROM case_tag g WHERE g.case_id = k.id)", "fox");
    assert_int_equal(cluster_number("SELECT hits FROM cirt.rule_hits WHERE version = 2 AND rule = 'scanner'"), 1);
    assert_int_equal(cluster_number("SELECT sum(hits) FROM cirt.rule_hits WHERE version = 2"), 3);
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT cirt.report_release(%lld)::int", (long long)held);
    /* Let go, it says what it was held for, whatever rules say by then. */
    put_rules("rule \"all\": => drop \"all of it\"\n", 3);
    assert_int_equal(cluster_number(sql), 1);
    triage(fixture);
    assert_outcome(held, "triaged sector let go after: look first");
    assert_case(held, "t.reports || ' ' || t.observations", "1 1");
    assert_int_equal(cluster_number(sql), 0);
    snprintf(sql, sizeof sql, "SELECT cirt.report_release(%lld)::int", (long long)dropped);
    assert_int_equal(cluster_number(sql), 1);
    triage(fixture);
    assert_case(dropped, "k.join_key", "other/undetermined 192.0.2.0/24");
}

/* 30 rows that name no address, so many that they share a key, beside a scan that waits; the last one's report. */
static int64_t nameless_rows_triaged(struct fixture *fixture, const char *class_name, int64_t *scan)
{
    int64_t last = 0;
    *scan = arrive(fixture, &(struct letter){.class_name = "information-gathering/scanner", .sightings = {{"ipv4", "source", "10.1.2.3"}}});
    for (int i = 0; i < 30; i++)
        last = arrive(fixture, &(struct letter){.class_name = class_name, .sightings = {{"text", "other", "open resolver"}}});
    triage(fixture);
    return last;
}

static void what_names_no_address_does_not_wait_for_addresses(void **state)
{
    struct fixture *fixture = *state;
    int64_t scan;
    cluster_execute("SET search_path = cirt; INSERT INTO class_setting (class, addresses) VALUES ('information-gathering', 5), "
                    "('vulnerable', 5); INSERT INTO class_setting (class, observations) VALUES ('availability/outage', 31)");
    /* Of a class without a threshold; of one that asks for addresses. */
    int64_t free_of_it = nameless_rows_triaged(fixture, "availability/misconfiguration", &scan);
    assert_outcome(scan, "triaged below the threshold of information-gathering/scanner: 1 of 5 addresses within 7 days");
    assert_outcome(free_of_it, "triaged");
    assert_case(free_of_it, "t.observations", "30");
    assert_case(nameless_rows_triaged(fixture, "vulnerable/weak-crypto", &scan), "t.observations", "30");
    /* Of one that asks for rows they wait for these. Those that wait for addresses by an older version are let go. */
    int64_t waits = nameless_rows_triaged(fixture, "availability/outage", &scan);
    assert_outcome(waits, "triaged below the threshold of availability/outage: 30 of 31 observations within 7 days");
    static const char let_go[] =
        "psql -qX -v ON_ERROR_STOP=1 -c 'SET search_path = cirt' -f " SOURCE_DIR "/sql/migrations/0041_waiting_unnamed.sql";
    assert_int_equal(system(let_go), 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.to_triage"), 0);
    cluster_execute("UPDATE cirt.class_setting SET observations = 1 WHERE class = 'availability/outage'");
    assert_int_equal(system(let_go), 0);
    triage(fixture);
    assert_case(waits, "t.reports || ' ' || t.observations", "30 30");
    assert_outcome(waits, "triaged");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.waiting_row WHERE class = 'availability/outage'"), 0);
    cluster_execute("DELETE FROM cirt.waiting_row; DELETE FROM cirt.class_setting WHERE class <> '*'");
}

static void twice_is_once(void **state)
{
    struct fixture *fixture = *state;
    int64_t report = triaged(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}});
    char sql[300];
    snprintf(sql, sizeof sql,
             "INSERT INTO cirt.to_triage (reports, received, observations) SELECT int8multirange(int8range(id, id + 1)), received, 1 FROM "
             "cirt.report WHERE id = %lld",
             (long long)report);
    cluster_execute(sql);
    triage(fixture);
    assert_case(report, "t.reports || ' ' || t.observations || ' ' || (SELECT count(*) FROM journal j WHERE j.case_id = k.id)", "1 1 1");
    /* Leased to a worker that was killed: taken again when the lease is over, by then as a second try. */
    int64_t next = arrive(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.8"}}});
    cluster_execute("UPDATE cirt.to_triage SET attempts = 1, not_before = now() + interval '1 hour'");
    triage(fixture);
    assert_case(next, "k.id", "");
    cluster_execute("UPDATE cirt.to_triage SET not_before = now()");
    triage(fixture);
    assert_true(is_same_case(report, next));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.to_triage"), 0);
}

/* A document of 90,000 rows about two owners; its number. */
static int64_t arrive_large(struct fixture *fixture, const char *document)
{
    struct err err;
    struct report_result result;
    struct report *report = report_new("shadowserver");
    char address[40];
    for (int i = 0; i < 90000; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i % 2 ? 7 : 2, 1 + i / 400);
        struct observation *observation = report_add_observation(report);
        observation->class_name = "malicious-code/infected-system";
        assert_true(report_add_sighting(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, address));
    }
    struct report_envelope envelope = {.route = "triage",
                                       .sender_id = fixture->feed,
                                       .channel = "https",
                                       .assurance = "pinned-key",
                                       .size = (int64_t)strlen(document),
                                       .state = "received",
                                       .format = "shadowserver",
                                       .tlp = TLP_GREEN};
    digest_sha256(document, strlen(document), envelope.sha256);
    report_batch_reset(fixture->batch);
    report_batch_add(fixture->batch, &envelope, report, document, strlen(document));
    assert_true(report_batch_store(fixture->intake, SQL_INTAKE_REPORTS_INSERT, fixture->batch, &result, &err));
    report_free(report);
    return result.id;
}

/* What cases are found by says of their sightings neither less nor more than these (sql/functions/059_seen.sql). */
static void assert_summary(void)
{
    static const char *const sides[] = {"seen EXCEPT SELECT * FROM kept", "kept EXCEPT SELECT * FROM seen"};
    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        char *sql = mem_printf(
            "WITH member AS MATERIALIZED (SELECT m.case_id, m.report_id, m.compartment_id, generate_series(lower(r), upper(r) - 1) AS no "
            "FROM cirt.case_member m, unnest(m.observations) r), row_of AS MATERIALIZED (SELECT m.case_id, s.addr, s.host, s.tlp = "
            "4 OR s.compartment_id <> m.compartment_id AS is_red FROM member m JOIN cirt.sighting s ON s.report_id = m.report_id AND "
            "s.observation_no = m.no), "
            "seen AS (SELECT case_id, cirt.network_block(addr)::text AS what, bool_and(is_red) FROM row_of WHERE addr IS NOT "
            "NULL GROUP BY 1, 2 UNION ALL SELECT case_id, cirt.name_group(host), bool_and(is_red) FROM row_of WHERE host IS "
            "NOT NULL GROUP BY 1, 2), kept AS (SELECT case_id, network::text AS what, is_red FROM cirt.case_network UNION ALL "
            "SELECT case_id, name, is_red FROM cirt.case_name) SELECT count(*) FROM (SELECT * FROM %s) x",
            sides[i]);
        assert_int_equal(cluster_number(sql), 0);
        free(sql);
    }
}

/* It is worked in passes; many small ones in one. */
static void large_and_small(void **state)
{
    struct fixture *fixture = *state;
    int64_t large = arrive_large(fixture, "rows");
    triage(fixture);
    assert_outcome(large, "triaged");
    assert_case(large, "t.reports || ' ' || t.observations", "1 45000 | 1 45000");
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.case_member m, unnest(m.observations) r, generate_series(lower(r), upper(r) - 1)"),
        90000);
    assert_case(large, "(SELECT count(*) FROM journal j WHERE j.case_id = k.id)", "2 | 2");
    for (int i = 0; i < 60; i++)
        arrive(fixture, &(struct letter){.class_name = "abusive-content/spam", .sightings = {{"ipv4", "source", "10.1.2.9"}}});
    int64_t last = triaged(fixture, &(struct letter){.class_name = "abusive-content/spam", .sightings = {{"ipv4", "source", "10.1.2.9"}}});
    assert_case(last, "t.reports || ' ' || (SELECT count(*) FROM journal j WHERE j.case_id = k.id)", "61 1");
    assert_summary();
}

/* Several rows that cannot be worked: the good ones get through, the bad one is set aside alone with its error. */
/* PostgreSQL takes the words of a text up to 1 MiB only: a long mail in the largest letters, with hyphens, is triaged all the same. */
/* Each part of it is somebody's; it is triaged with the last one, whichever that is. */
static void several_share_a_large_one(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    int64_t large = arrive_large(fixture, "shared rows");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.to_triage"), 2);
    cluster_execute("UPDATE cirt.to_triage SET attempts = 1, not_before = now() + interval '1 hour' WHERE next_no = 60000");
    triage(fixture);
    assert_outcome(large, "");
    assert_case(large, "t.observations", "30000 | 30000");
    cluster_execute("UPDATE cirt.to_triage SET not_before = now()");
    triage(fixture);
    assert_outcome(large, "triaged");
    assert_case(large, "t.reports || ' ' || t.observations", "1 45000 | 1 45000");

    int64_t next = arrive_large(fixture, "rows of two workers");
    pid_t child = fork();
    if (child == 0) {
        struct stage_run run = {.db = open_as("triage"), .params = db_params_new()};
        _exit(!(triage_stage.start(&run, &err) && stage_work_due(&triage_stage, &run, &err)));
    }
    triage(fixture);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_outcome(next, "triaged");
    assert_case(next, "t.reports || ' ' || t.observations", "2 90000 | 2 90000");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.to_triage"), 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

static void the_longest_text_is_triaged(void **state)
{
    struct fixture *fixture = *state;
    static const char *const patterns[] = {"3-3 ", "1-1 "}; /* letters of a word */
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        struct buf text;
        buf_init(&text, 4 * 1024 * 1024);
        for (uint32_t word = 0; text.size < 1500 * 1000; word++)
            for (const char *c = patterns[i]; *c; c++)
                for (int letter = 0; letter < (*c > '0' ? *c - '0' : 1); letter++) {
                    uint32_t point =
                        0x20000 + (word * (uint32_t)(37 + 16 * letter) + (uint32_t)(c - patterns[i]) * (word / 40000 + 1)) % 40000;
                    if (*c < '0')
                        buf_add_char(&text, *c);
                    else
                        buf_printf(&text, "%c%c%c%c", 0xF0, (int)(0x80 | ((point >> 12) & 0x3F)), (int)(0x80 | ((point >> 6) & 0x3F)),
                                   (int)(0x80 | (point & 0x3F)));
                }
        int64_t report = triaged(fixture, &(struct letter){.description = buf_text(&text)});
        assert_outcome(report, "triaged");
        buf_clear(&text);
    }
}

static void a_bad_report_ends_alone(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    struct letter letter = {.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.100.7"}}};
    int64_t ids[7];
    char sql[300];
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = arrive(fixture, &letter);
    snprintf(
        sql, sizeof sql,
        "CREATE FUNCTION cirt.refuse_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.report_id = %lld THEN RAISE EXCEPTION "
        "'broken' USING ERRCODE = '22000'; END IF;"
        " RETURN NEW; END $$; CREATE TRIGGER refuse_it BEFORE INSERT ON cirt.report_outcome FOR EACH ROW EXECUTE FUNCTION cirt.refuse_it()",
        (long long)ids[4]);
    cluster_execute(sql);
    for (int i = 0; i < 20; i++) {
        assert_true(stage_work_due(&triage_stage, &fixture->run, &err));
        cluster_execute("UPDATE cirt.to_triage SET not_before = now()");
    }
    cluster_execute("DROP TRIGGER refuse_it ON cirt.report_outcome; DROP FUNCTION cirt.refuse_it()");
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        if (i != 4)
            assert_outcome(ids[i], "triaged");
    char *left = cluster_text(
             "SELECT string_agg(reports || ' ' || (failed IS NOT NULL) || ' ' || (error LIKE '%broken%'), ',') FROM cirt.to_triage"),
         expected[100];
    snprintf(expected, sizeof expected, "{[%lld,%lld)} true true", (long long)ids[4], (long long)ids[4] + 1);
    assert_string_equal(left, expected);
    free(left);
    snprintf(sql, sizeof sql, "SELECT cirt.report_release(%lld)::int", (long long)ids[4]);
    assert_int_equal(cluster_number(sql), 1);
    triage(fixture);
    assert_true(is_same_case(ids[0], ids[4]));
    assert_case(ids[0], "t.reports", "7");
}

/* Verbs of an analyst, each on one case, while triage joins and opens: nobody dies of a deadlock, nothing is counted wrong. */
static int work_as_analyst(void)
{
    int died = 0;
    for (int i = 0; i < 80; i++) {
        char sql[600], sqlstate[6];
        snprintf(sql, sizeof sql,
                 "BEGIN; SELECT set_config('cirt.viewer', (SELECT id::text FROM cirt.identity WHERE login = 'lead'), true);"
                 "SELECT cirt.case_priority(k.number::text, k.revision, 'high') FROM cirt.incident_case k WHERE k.state = 'new'"
                 " ORDER BY (k.number * %d) %% 7, k.number LIMIT 1; COMMIT",
                 i + 1);
        if (!cluster_may("postgres", sql, sqlstate))
            died += str_equal(sqlstate, "40P01") || str_starts(sqlstate, "XX");
    }
    return died;
}

static void desk_and_triage_work_side_by_side(void **state)
{
    struct fixture *fixture = *state;
    char address[20];
    pid_t child = fork();
    if (child == 0)
        _exit(work_as_analyst() != 0);
    for (int round = 0; round < 25; round++) {
        for (int i = 0; i < 8; i++) {
            snprintf(address, sizeof address, "203.0.%d.9", i);
            arrive(fixture, &(struct letter){.class_name = "fraud/phishing", .sightings = {{"ipv4", "source", address}}});
        }
        triage(fixture);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.incident_case k JOIN cirt.case_tally t ON t.case_id = k.id WHERE k.state = "
                                    "'new' AND t.reports = 25"),
                     8);
    assert_true(cluster_number("SELECT sum(revision) - count(*) FROM cirt.incident_case WHERE state = 'new'") > 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(same_key_joins, clean),
        cmocka_unit_test_setup(a_summary_follows_what_joins, clean),
        cmocka_unit_test_setup(old_and_closed_cases_are_not_joined, clean),
        cmocka_unit_test_setup(keys_name_the_owner_or_what_is_near, clean),
        cmocka_unit_test_setup(a_disabled_or_left_network_counts_no_more, clean),
        cmocka_unit_test_setup(a_person_has_a_case_of_their_own, clean),
        cmocka_unit_test_setup(labels_narrow_and_assurance_holds, clean),
        cmocka_unit_test_setup(versions_of_an_advisory_are_one_case, clean),
        cmocka_unit_test_setup(an_advisory_never_waits, clean),
        cmocka_unit_test_setup(rules_act, clean),
        cmocka_unit_test_setup(what_names_no_address_does_not_wait_for_addresses, clean),
        cmocka_unit_test_setup(twice_is_once, clean),
        cmocka_unit_test_setup(large_and_small, clean),
        cmocka_unit_test_setup(several_share_a_large_one, clean),
        cmocka_unit_test_setup(a_bad_report_ends_alone, clean),
        cmocka_unit_test_setup(the_longest_text_is_triaged, clean),
        cmocka_unit_test_setup(desk_and_triage_work_side_by_side, clean),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
