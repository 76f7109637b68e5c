/* Whose an observation is: on its day, of several owners, and how urgent that makes a case; with a real PostgreSQL. */
#include "support/triage_fixture.h"

#define OWNER "(SELECT name FROM constituent c WHERE c.id = k.constituent_id)"
#define OTHERS                                                                                                                             \
    "coalesce((SELECT string_agg(c.name, ' ' ORDER BY c.id) FROM case_owner o JOIN constituent c ON c.id = o.constituent_id WHERE "        \
    "o.case_id = k.id), '-')"

static int setup_owners(void **state)
{
    int failed = setup(state);
    cluster_execute(
        "SET search_path = cirt;"
        "INSERT INTO constituent (name, sector, criticality) VALUES ('old', NULL, NULL), ('new', NULL, NULL), ('plant', 'Energy', NULL), "
        "('shed', 'energy', 'low'), ('core', 'telecom', 'critical');"
        "INSERT INTO constituent_network (constituent_id, network, since, until, is_dated)"
        " SELECT id, '10.2.0.0/24', '2020-01-01', '2025-07-01', true FROM constituent WHERE name = 'old';"
        "INSERT INTO constituent_network (constituent_id, network, since, is_dated)"
        " SELECT id, '10.2.0.0/25', '2025-07-01', true FROM constituent WHERE name = 'new';"
        "INSERT INTO constituent_asn (constituent_id, asn, since, until) SELECT id, 64777, '2020-01-01', '2025-07-01' FROM constituent "
        "WHERE name = 'old';"
        "INSERT INTO constituent_domain (constituent_id, domain, since, until)"
        " SELECT id, 'moved.example', '2020-01-01', '2025-07-01' FROM constituent WHERE name = 'old';"
        "INSERT INTO constituent_domain (constituent_id, domain, since, is_dated)"
        " SELECT id, 'moved.example', '2025-07-01', true FROM constituent WHERE name = 'new';"
        "INSERT INTO constituent_network (constituent_id, network) SELECT id, n::cidr FROM constituent,"
        " unnest(ARRAY['10.3.0.0/24']) n WHERE name IN ('plant', 'bank', 'uni');"
        "INSERT INTO constituent_network (constituent_id, network) SELECT id, '10.4.1.0/24' FROM constituent WHERE name = 'plant';"
        "INSERT INTO constituent_network (constituent_id, network) SELECT id, '10.4.2.0/24' FROM constituent WHERE name = 'shed';"
        "INSERT INTO constituent_network (constituent_id, network) SELECT id, '10.4.3.0/24' FROM constituent WHERE name = 'core';");
    return failed;
}

/* A report whose observation was made at that time; NULL: it does not say. */
static int64_t observed(struct fixture *fixture, const char *type, const char *value, const char *class_name, const char *time)
{
    struct letter letter = {.class_name = class_name, .sightings = {{type, "source", value}}};
    int64_t id = arrive(fixture, &letter);
    char sql[200];
    if (time) {
        snprintf(sql, sizeof sql, "UPDATE cirt.observation SET time = '%s' WHERE report_id = %lld", time, (long long)id);
        cluster_execute(sql);
    }
    triage(fixture);
    return id;
}

static void ownership_is_that_of_the_day(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *type, *value, *time, *owner;
    } rows[] = {
        {"ipv4", "10.2.0.7", "2024-03-01", "old"},
        {"ipv4", "10.2.0.7", "2025-06-30 23:59:59+00", "old"},
        {"ipv4", "10.2.0.7", "2025-07-01", "new"},
        {"ipv4", "10.2.0.7", NULL, "new"},
        /* Nobody held it then: whose it is today. */
        {"ipv4", "10.2.0.7", "2019-01-01", "new"},
        /* Nobody holds it today: whose it was. */
        {"ipv4", "10.2.0.200", "2024-03-01", "old"},
        {"ipv4", "10.2.0.200", NULL, NULL},
        {"domain", "www.moved.example", "2024-03-01", "old"},
        {"domain", "www.moved.example", NULL, "new"},
        {"asn", "64777", "2024-03-01", "old"},
        {"asn", "64777", NULL, NULL},
        /* When it began is not known: it counts for the time before. */
        {"ipv4", "10.1.2.3", "2024-03-01", "tel-a"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t report = observed(fixture, rows[i].type, rows[i].value, NULL, rows[i].time);
        assert_case(report, OWNER, rows[i].owner ? rows[i].owner : "");
        clean(state);
    }
}

/* Who is disabled owns what was observed before, and nothing since. */
static void who_was_served_owned_it(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *type, *value, *time, *owner, *owner_again;
    } rows[] = {
        {"ipv4", "10.4.1.7", "2026-01-01", "plant", "plant"},
        {"ipv4", "10.4.1.7", "2026-02-01", "", "plant"},
        {"ipv4", "10.4.1.7", NULL, "", "plant"},
        {"ipv4", "10.2.0.7", "2024-03-01", "old", "old"},
        {"asn", "64777", "2024-03-01", "old", "old"},
        {"domain", "moved.example", "2024-03-01", "old", "old"},
        {"domain", "moved.example", "2025-06-01", "new", "old"},
    };
    cluster_execute("UPDATE cirt.constituent SET enabled = false WHERE name IN ('plant', 'old');"
                    "UPDATE cirt.constituent SET disabled_at = CASE name WHEN 'old' THEN '2025-05-01'::timestamptz ELSE '2026-01-15' END "
                    "WHERE NOT enabled");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_case(observed(fixture, rows[i].type, rows[i].value, NULL, rows[i].time), OWNER, rows[i].owner);
        clean(state);
    }
    cluster_execute("UPDATE cirt.constituent SET enabled = true");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_case(observed(fixture, rows[i].type, rows[i].value, NULL, rows[i].time), OWNER, rows[i].owner_again);
        clean(state);
    }
}

/* The most labels that are registered decide, whether or not somebody holds a name of one label. */
static void names_of_every_depth(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *type, *value, *owner, *owner_with_top;
    } rows[] = {
        {"domain", "www.shop.co.uk", "new", "new"},
        {"domain", "shop.co.uk", "new", "new"},
        {"domain", "workshop.co.uk", "old", "old"},
        {"domain", "co.uk", "old", "old"},
        {"domain", "a.b.deep.below.some.example", "plant", "plant"},
        {"domain", "below.some.example", "", "core"},
        {"domain", "bank.example", "bank", "bank"},
        {"url", "https://login.bank.example/x", "bank", "bank"},
        {"email", "who@bank.example", "bank", "bank"},
        {"domain", "otherbank.example", "", "core"},
        {"domain", "bank.example.net", "", ""},
    };
    cluster_execute("SET search_path = cirt;"
                    "INSERT INTO constituent_domain (constituent_id, domain) SELECT id, 'shop.co.uk' FROM constituent WHERE name = 'new';"
                    "INSERT INTO constituent_domain (constituent_id, domain) SELECT id, 'co.uk' FROM constituent WHERE name = 'old';"
                    "INSERT INTO constituent_domain (constituent_id, domain) SELECT id, 'deep.below.some.example' FROM constituent WHERE "
                    "name = 'plant'");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_case(observed(fixture, rows[i].type, rows[i].value, NULL, NULL), OWNER, rows[i].owner);
        clean(state);
    }
    cluster_execute("SET search_path = cirt;"
                    "INSERT INTO constituent_domain (constituent_id, domain) SELECT id, 'example' FROM constituent WHERE name = 'core'");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_case(observed(fixture, rows[i].type, rows[i].value, NULL, NULL), OWNER, rows[i].owner_with_top);
        clean(state);
    }
    cluster_execute("SET search_path = cirt; DELETE FROM constituent_domain WHERE domain IN ('shop.co.uk', 'co.uk', "
                    "'deep.below.some.example', 'example')");
}

static void several_hold_the_same(void **state)
{
    struct fixture *fixture = *state;
    int64_t first = observed(fixture, "ipv4", "10.3.0.7", "fraud/phishing", NULL);
    /* Who was registered first is named first; the others are owners, too. */
    assert_case(first, OWNER, "uni");
    assert_case(first, OTHERS, "bank plant");
    int64_t second = observed(fixture, "ipv4", "10.3.0.9", "fraud/phishing", NULL);
    assert_true(is_same_case(first, second));
    /* What is one's alone does not lie with what is shared. */
    int64_t alone = observed(fixture, "ipv4", "10.1.7.9", "fraud/phishing", NULL);
    assert_case(alone, OWNER, "uni");
    assert_case(alone, OTHERS, "-");
    assert_false(is_same_case(first, alone));
    /* The narrower network alone counts. */
    int64_t narrow = observed(fixture, "ipv4", "10.1.7.10", "fraud/phishing", NULL);
    assert_true(is_same_case(alone, narrow));
}

/* Rules and suppressions ask for any of the owners, not for the first alone. */
static void each_owner_is_a_fact(void **state)
{
    struct fixture *fixture = *state;
    put_rules("rule \"first\": constituent:uni => tag:first\nrule \"second\": constituent:plant sector:energy => tag:second\n"
              "rule \"none\": constituent:shed => tag:none\n",
              91);
    cluster_execute("UPDATE cirt.constituent SET sector = 'energy' WHERE name = 'plant'");
    int64_t shared = observed(fixture, "ipv4", "10.3.0.7", "fraud/phishing", NULL);
    assert_case(shared, "(SELECT string_agg(g.tag, ' ' ORDER BY g.tag) FROM case_tag g WHERE g.case_id = k.id)", "first second");
    int64_t alone = observed(fixture, "ipv4", "10.1.7.9", "fraud/phishing", NULL);
    assert_case(alone, "(SELECT string_agg(g.tag, ' ' ORDER BY g.tag) FROM case_tag g WHERE g.case_id = k.id)", "first");
    cluster_execute("SET search_path = cirt; DELETE FROM rule_hits; DELETE FROM rule_set;"
                    "INSERT INTO suppression (name, constituent_id, until, reason, approved)"
                    " SELECT 'works', id, now() + interval '1 day', 'works on the line', now() FROM constituent WHERE name = 'plant'");
    assert_case(observed(fixture, "ipv4", "10.3.0.7", "fraud/phishing", NULL), "k.id", "");
    assert_true(is_same_case(alone, observed(fixture, "ipv4", "10.1.7.9", "fraud/phishing", NULL)));
    cluster_execute("DELETE FROM cirt.suppressed_row; DELETE FROM cirt.suppression");
}

static void owners_make_cases_urgent(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *value, *class_name, *priority;
    } rows[] = {
        {"10.1.2.3", "fraud/phishing", "2"},
        {"10.4.1.7", "fraud/phishing", "1"},
        {"10.4.2.7", "fraud/phishing", "3"},
        {"10.4.3.7", "fraud/phishing", "1"},
        {"10.4.1.7", "abusive-content/spam", "3"},
        {"10.4.2.7", "abusive-content/spam", "4"},
        /* One of several owners is of a critical sector. */
        {"10.3.0.7", "abusive-content/spam", "3"},
        {"10.4.1.7", "malicious-code/c2-server", "1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_case(observed(fixture, "ipv4", rows[i].value, rows[i].class_name, NULL), "k.priority", rows[i].priority);
        clean(state);
    }
    cluster_execute("INSERT INTO cirt.setting (name, value) VALUES ('priority.sectors', 'research')");
    assert_case(observed(fixture, "ipv4", "10.4.1.7", "fraud/phishing", NULL), "k.priority", "2");
    assert_case(observed(fixture, "ipv4", "10.1.7.7", "fraud/phishing", NULL), "k.priority", "1");
    assert_case(observed(fixture, "ipv4", "10.1.7.7", "fraud/phishing", NULL), "k.due - k.opened", "01:00:00");
    cluster_execute("DELETE FROM cirt.setting");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ownership_is_that_of_the_day, clean), cmocka_unit_test_setup(names_of_every_depth, clean),
        cmocka_unit_test_setup(several_hold_the_same, clean),        cmocka_unit_test_setup(each_owner_is_a_fact, clean),
        cmocka_unit_test_setup(owners_make_cases_urgent, clean),     cmocka_unit_test_setup(who_was_served_owned_it, clean),
    };
    return cmocka_run_group_tests(tests, setup_owners, teardown);
}
