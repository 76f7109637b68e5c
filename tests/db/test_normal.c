/* Words for classes and known-good lists on a real PostgreSQL: through the desk's API in, by triage applied, in the API's answers seen. */
#include "support/triage_fixture.h"

#include <dirent.h>

#include <jansson.h>

#include "support/desk_client.h"

struct site {
    struct fixture fixture;
    struct desk_client *client;
};

static int begin(void **state)
{
    struct site *site = mem_calloc(1, sizeof *site);
    struct err err;
    site->client = desk_client_new();
    site->fixture.intake = open_as("intake");
    site->fixture.batch = report_batch_new();
    site->fixture.run = (struct stage_run){.db = open_as("triage"), .params = db_params_new()};
    assert_true(triage_stage.start(&site->fixture.run, &err));
    site->fixture.feed = cluster_number("SELECT s.id FROM cirt.sender s JOIN cirt.identity i ON i.id = s.identity_id WHERE login = 'feed'");
    *state = site;
    return 0;
}

static int end(void **state)
{
    struct site *site = *state;
    triage_stage.stop(&site->fixture.run);
    db_params_free(site->fixture.run.params);
    db_free(site->fixture.run.db);
    db_free(site->fixture.intake);
    report_batch_free(site->fixture.batch);
    desk_client_free(site->client);
    free(site);
    return 0;
}

/* Files a report whose one statement has this word for its class, of which nothing is known; triaged. */
static int64_t triaged_labelled(struct site *site, const char *word, const char *value, enum tlp label)
{
    static int count;
    char document[40];
    struct err err;
    struct report_result result;
    snprintf(document, sizeof document, "word %d", ++count);
    struct report *report = report_new("csv");
    struct observation *observation = report_add_observation(report);
    observation->class_claim = word;
    assert_true(report_add_guessed(report, observation, ROLE_SOURCE, value));
    struct report_envelope envelope = {.route = "triage",
                                       .sender_id = site->fixture.feed,
                                       .channel = "https",
                                       .assurance = "pinned-key",
                                       .size = (int64_t)strlen(document),
                                       .state = "received",
                                       .format = "csv",
                                       .tlp = label};
    digest_sha256(document, strlen(document), envelope.sha256);
    report_batch_reset(site->fixture.batch);
    report_batch_add(site->fixture.batch, &envelope, report, document, strlen(document));
    if (!report_batch_store(site->fixture.intake, SQL_INTAKE_REPORTS_INSERT, site->fixture.batch, &result, &err))
        fail_msg("%s", err.text);
    report_free(report);
    triage(&site->fixture);
    return result.id;
}

static int64_t triaged_word(struct site *site, const char *word, const char *value)
{
    return triaged_labelled(site, word, value, TLP_GREEN);
}

static char *class_of(int64_t report)
{
    return of_report(report, "k.class");
}

#define assert_class(report, expected)                                                                                                     \
    do {                                                                                                                                   \
        char *found = class_of(report);                                                                                                    \
        assert_string_equal(found, expected);                                                                                              \
        free(found);                                                                                                                       \
    } while (0)

static void an_operators_words_decide(void **state)
{
    struct site *site = *state;
    assert_class(triaged_word(site, "Zombie  Host", "198.51.100.7"), "other/undetermined");
    assert_class(triaged_word(site, "zombie_host", "198.51.101.7"), "other/undetermined");
    assert_class(triaged_labelled(site, "operation nightfall", "198.51.105.7", TLP_RED), "other/undetermined"); /* not for all to read */
    json_t *list = desk_client_get(site->client, "analyst", 200, "/v1/aliases/unmapped");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    const json_t *first = json_array_get(json_object_get(list, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "word")), "zombie-host");
    assert_string_equal(json_string_value(json_object_get(first, "sender")), "feed");
    assert_int_equal(json_integer_value(json_object_get(first, "count")), 2);
    json_decref(list);

    json_decref(desk_client_post(site->client, "analyst", 403, "/v1/aliases", "{\"word\":\"zombie host\",\"class\":\"infected-system\"}"));
    json_decref(desk_client_post(site->client, "lead", 422, "/v1/aliases", "{\"word\":\"zombie host\",\"class\":\"no such class\"}"));
    json_decref(desk_client_post(site->client, "lead", 422, "/v1/aliases", "{\"word\":\" - \",\"class\":\"phishing\"}"));
    json_t *alias = desk_client_post(site->client, "lead", 201, "/v1/aliases", "{\"word\":\"Zombie Host\",\"class\":\"infected-system\"}");
    assert_string_equal(json_string_value(json_object_get(alias, "word")), "zombie-host");
    assert_string_equal(json_string_value(json_object_get(alias, "class")), "malicious-code/infected-system");
    json_decref(alias);
    json_decref(desk_client_post(site->client, "lead", 409, "/v1/aliases", "{\"word\":\"zombie-host\",\"class\":\"phishing\"}"));
    list = desk_client_get(site->client, "analyst", 200, "/v1/aliases/unmapped");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
    json_decref(list);

    /* Who throws away by the class is named: an alias takes one person. */
    put_rules("rule \"bots\": class:malicious-code sender:feed => drop \"known\"\nrule \"c2\": class:c2* => tag:x\n"
              "rule \"spam\": claimed.class:infected-system => drop \"x\"\n",
              8);
    cluster_execute(
        "INSERT INTO cirt.suppression (name, class, until, reason, approved) VALUES ('bots', 'malicious-code/infected-system', now() + "
        "interval '1 day', 'x', now())");
    alias = desk_client_post(site->client, "lead", 201, "/v1/aliases", "{\"word\":\"drone\",\"class\":\"infected-system\"}");
    char *warnings = json_dumps(json_object_get(alias, "warnings"), JSON_COMPACT);
    assert_string_equal(warnings,
                        "[\"the rule \\\"bots\\\" of default throws away by this class; what it takes: cirt rule swallowed default\","
                        "\"the suppression bots takes rows of this class: cirt suppression show bots\"]");
    free(warnings);
    json_decref(alias);
    cluster_execute("SET search_path = cirt; DELETE FROM rule_hits; DELETE FROM rule_set; DELETE FROM suppression; DELETE FROM class_alias "
                    "WHERE word = 'drone'");

    int64_t report = triaged_word(site, "ZOMBIE-HOST", "198.51.102.7");
    assert_class(report, "malicious-code/infected-system");
    assert_case(report, "k.join_key", "malicious-code/infected-system 198.51.102.0/24");
    json_decref(desk_client_post(site->client, "lead", 200, "/v1/aliases/zombie%20host", "{\"class\":\"c2-server\"}"));
    assert_class(triaged_word(site, "zombie host", "198.51.103.7"), "malicious-code/c2-server");
    int status;
    json_decref(desk_client_call(site->client, "lead", MESSAGE_DELETE, "/v1/aliases/zombie-host", NULL, NULL, &status));
    assert_int_equal(status, 204);
    assert_class(triaged_word(site, "zombie host", "198.51.104.7"), "other/undetermined");
    json_decref(desk_client_get(site->client, "lead", 404, "/v1/aliases/zombie-host"));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.journal_verify(NULL)"), 0);
}

/* A sender who makes words up fills no table; what it said before is still counted. */
static void made_up_words_are_bounded(void **state)
{
    struct site *site = *state;
    for (int round = 0; round < 3; round++) {
        struct err err;
        struct report_result result;
        char document[20];
        snprintf(document, sizeof document, "made up %d", round);
        struct report *report = report_new("csv");
        for (int i = 0; i < 900; i++) {
            struct observation *observation = report_add_observation(report);
            observation->class_claim = arena_printf(report_row_arena(report), "word %d", round < 2 ? round * 900 + i : i);
            assert_true(report_add_guessed(report, observation, ROLE_SOURCE, "198.51.100.7"));
        }
        struct report_envelope envelope = {.route = "triage",
                                           .sender_id = site->fixture.feed,
                                           .channel = "https",
                                           .assurance = "pinned-key",
                                           .size = (int64_t)strlen(document),
                                           .state = "received",
                                           .format = "csv",
                                           .tlp = TLP_GREEN};
        digest_sha256(document, strlen(document), envelope.sha256);
        report_batch_reset(site->fixture.batch);
        report_batch_add(site->fixture.batch, &envelope, report, document, strlen(document));
        if (!report_batch_store(site->fixture.intake, SQL_INTAKE_REPORTS_INSERT, site->fixture.batch, &result, &err))
            fail_msg("%s", err.text);
        report_free(report);
        triage(&site->fixture);
    }
    assert_true(cluster_number("SELECT count(*) FROM cirt.class_unmapped") <= 2000);
    assert_int_equal(cluster_number("SELECT count FROM cirt.class_unmapped WHERE word = 'word-7'"), 2);
    cluster_execute("DELETE FROM cirt.class_unmapped");
}

/* --- known-good lists --- */

#define LIST(name, type, attributes, entries)                                                                                              \
    "{\"short_name\":\"" name "\",\"name\":\"List " name "\",\"description\":\"x\",\"version\":20261120,\"type\":\"" type                  \
    "\",\"matching_attributes\":[" attributes "],\"list\":[" entries "]}"

static json_t *import(struct site *site, int status, const char *body)
{
    return desk_client_post(site->client, "lead", status, "/v1/warninglists", body);
}

/* "list entry" of each that the API finds for the value, parted by commas. */
static void found_for(struct site *site, const char *value, struct buf *out)
{
    char path[400];
    snprintf(path, sizeof path, "/v1/find?value=%s", value);
    json_t *answer = desk_client_get(site->client, "analyst", 200, path);
    const json_t *list = json_object_get(answer, "known_good"), *item;
    size_t i;
    buf_reset(out);
    json_array_foreach(list, i, item) buf_printf(out, "%s%s %s", i ? ", " : "", json_string_value(json_object_get(item, "list")),
                                                 json_string_value(json_object_get(item, "entry")));
    json_decref(answer);
}

/* Patterns that take long, to be made ready or on each value, take no more than their time. */
static void hostile_patterns_are_bounded(void **state)
{
    struct site *site = *state;
    int status;
    struct buf slow;
    buf_init(&slow, 64 * 1024);
    for (int i = 0; i < 30; i++)
        buf_add_text(&slow, "(a|b|c)*x?");
    char *entries = mem_printf("\"(%s){1,9}\",\"(?:(?=[ab]*c)a|(?=[ab]*d)b|(?![ab]*e)[ab])*z$\"", buf_text(&slow));
    char *body = mem_printf("{\"short_name\":\"slow\",\"name\":\"Slow\",\"description\":\"x\",\"version\":1,\"type\":\"regex\",\"matching_"
                            "attributes\":[\"url\"],"
                            "\"list\":[%s]}",
                            entries);
    json_t *list = import(site, 200, body);
    assert_int_equal(json_integer_value(json_object_get(list, "entries")), 1);
    assert_int_equal(json_integer_value(json_object_get(list, "skipped")), 1);
    json_decref(list);
    assert_int_equal(
        cluster_number(
            "SET statement_timeout = '20s'; SELECT count(*) FROM cirt.known_good(array_fill(6::smallint, ARRAY[2000]), ARRAY(SELECT "
            "'http://x.example/' || repeat('ab', 1000) || n FROM generate_series(1, 2000) n), array_fill('x.example'::text, ARRAY[2000]), "
            "array_fill(NULL::inet, ARRAY[2000]))"),
        0);
    json_decref(desk_client_call(site->client, "lead", MESSAGE_DELETE, "/v1/warninglists/slow", NULL, NULL, &status));
    assert_int_equal(status, 204);
    /* Names of a hundred labels are asked for no more of them than entries have. */
    json_decref(import(site, 200, LIST("ends", "hostname", "\"domain\"", "\"good.example\",\"other.good.example\"")));
    assert_int_equal(cluster_number("SELECT labels FROM cirt.warninglist WHERE name = 'ends'"), 3);
    assert_int_equal(
        cluster_number("SELECT count(*) FROM (SELECT array_agg(repeat('a.', 100) || 'x' || n || '.good.example') AS hosts FROM "
                       "generate_series(1, 2000) n) x,"
                       " cirt.known_good(array_fill(5::smallint, ARRAY[2000]), x.hosts, x.hosts, array_fill(NULL::inet, ARRAY[2000]))"),
        2000);
    json_decref(desk_client_call(site->client, "lead", MESSAGE_DELETE, "/v1/warninglists/ends", NULL, NULL, &status));
    free(entries);
    free(body);
    buf_clear(&slow);
}

static void lists_say_what_they_know(void **state)
{
    struct site *site = *state;
    json_decref(import(site, 200,
                       LIST("nets", "cidr", "\"ip-src\",\"domain|ip\"",
                            "\"203.0.113.0/24\",\"203.0.113.7\",\"2001:DB8::/32\",\"0.0.0.0/8\",\"nonsense\"")));
    json_decref(import(site, 200, LIST("hosts", "hostname", "\"domain\",\"url\"", "\"Good.Example\",\".Dotted.Example\",\"\"")));
    json_decref(import(site, 200, LIST("words", "string", "\"md5\",\"domain\"", "\"D41D8CD98F00B204E9800998ECF8427E\",\"exact.example\"")));
    json_decref(import(site, 200, LIST("parts", "substring", "\"url\"", "\"/Sandbox/\",\"ab\"")));
    json_t *regex =
        import(site, 200, LIST("forms", "regex", "\"email-src\"", "\"/^(abuse|noc)\\\\@.*$/i\",\"/(broken/\",\"/(a)\\\\1/\",\"/.*/\""));
    assert_int_equal(json_integer_value(json_object_get(regex, "entries")), 1);
    assert_int_equal(json_integer_value(json_object_get(regex, "skipped")), 3);
    json_decref(regex);
    /* With a flag that PHP has not, MISP finds nothing by it. */
    regex = import(site, 200, LIST("flags", "regex", "\"phone-number\"", "\"/((?:\\\\+|00)44)?07700900([0-9]{3})/g\""));
    assert_int_equal(json_integer_value(json_object_get(regex, "entries")), 0);
    assert_int_equal(json_integer_value(json_object_get(regex, "skipped")), 1);
    json_decref(regex);
    /* As PHP takes them: any mark around an expression; a path is none. */
    regex = import(site, 200, LIST("marks", "regex", "\"url\",\"ip-src\"", "\"#/(?:soc|cert)\\\\B/X\\\\z#i\",\"/gate/only/here\""));
    assert_int_equal(json_integer_value(json_object_get(regex, "entries")), 2);
    json_decref(regex);
    static const struct {
        const char *value, *found;
    } rows[] = {
        {"http%3A//x.example/gate/only/here", "marks /gate/only/here"},
        {"http%3A//x.example/gate/only/there", ""},
        {"203.0.113.7", "nets 203.0.113.0/24"},
        {"203.0.114.7", ""},
        {"203.0.113.0/25", "nets 203.0.113.0/24"},
        {"203.0.0.0/16", ""},
        {"2001:db8::9", "nets 2001:db8::/32"},
        {"good.example", "hosts good.example"},
        {"www.good.example", "hosts good.example"},
        {"notgood.example", ""},
        {"http%3A//a.b.dotted.example/x", "hosts dotted.example"},
        {"me%40good.example", ""},
        {"exact.example", "words exact.example"},
        {"sub.exact.example", ""},
        {"d41d8cd98f00b204e9800998ecf8427e", "words d41d8cd98f00b204e9800998ecf8427e"},
        {"http%3A//x.example/sandbox/1", "parts /sandbox/"},
        {"http%3A//x.example/ab", ""},
        {"Abuse%40isp.example", "forms (?i)^(abuse|noc)\\@.*$"},
        {"xabuse%40isp.example", ""},
        {"CVE-2014-0160", ""},
    };
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        found_for(site, rows[i].value, &out);
        if (!str_equal(buf_text(&out), rows[i].found))
            fail_msg("%s: %s, not %s", rows[i].value, buf_text(&out), rows[i].found);
    }
    buf_clear(&out);
    json_t *nets = desk_client_get(site->client, "auditor", 200, "/v1/warninglists/nets");
    assert_int_equal(json_integer_value(json_object_get(nets, "entries")), 4);
    assert_int_equal(json_integer_value(json_object_get(nets, "skipped")), 1);
    assert_string_equal(json_string_value(json_object_get(nets, "version")), "20261120");
    json_decref(nets);
}

static int64_t times_stated(struct site *site, const char *who, int64_t report)
{
    char path[60];
    snprintf(path, sizeof path, "/v1/reports/r%lld", (long long)report);
    json_t *shown = desk_client_get(site->client, who, 200, path);
    const json_t *observation = json_array_get(json_object_get(shown, "observation_list"), 0);
    int64_t times = json_integer_value(json_object_get(json_object_get(observation, "stated"), "times"));
    json_decref(shown);
    return times;
}

/* How often a sender stated something counts what is RED by itself, for those who may read it. */
static void red_statements_count_by_themselves(void **state)
{
    struct site *site = *state;
    struct letter letter = {
        .sender = site->fixture.feed, .tlp = TLP_GREEN, .class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "10.7.7.7"}}};
    int64_t open = triaged(&site->fixture, &letter);
    letter.tlp = TLP_RED;
    int64_t red = triaged(&site->fixture, &letter);
    triaged(&site->fixture, &letter);
    assert_int_equal(times_stated(site, "analyst", open), 1);
    assert_int_equal(times_stated(site, "lead", red), 2);
}

static void what_is_known_is_marked_and_stays(void **state)
{
    struct site *site = *state;
    struct letter letter = {.sender = site->fixture.feed,
                            .class_name = "malicious-code/c2-server",
                            .sightings = {{"ipv4", "source", "203.0.113.99"}, {"domain", "source", "evil.example"}}};
    int64_t report = triaged(&site->fixture, &letter);
    assert_case(report, "k.class", "malicious-code/c2-server");
    assert_int_equal(
        cluster_number("SELECT count(*) FROM cirt.known_good_mark WHERE list = 'nets' AND value = '203.0.113.99' AND type = 1"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.known_good_mark WHERE value = 'evil.example'"), 0);
    /* What few may see does not count for all, until others say it too. */
    struct letter red = {
        .sender = site->fixture.feed, .tlp = TLP_RED, .class_name = "availability/ddos", .sightings = {{"ipv4", "source", "203.0.113.98"}}};
    json_t *nets = desk_client_get(site->client, "auditor", 200, "/v1/warninglists/nets");
    int64_t marked = json_integer_value(json_object_get(nets, "marked"));
    json_decref(nets);
    for (int open = 0; open < 2; open++) {
        triaged(&site->fixture, &red);
        assert_int_equal(cluster_number("SELECT count(*) FROM cirt.known_good_mark WHERE value = '203.0.113.98'"), 1);
        nets = desk_client_get(site->client, "auditor", 200, "/v1/warninglists/nets");
        assert_int_equal(json_integer_value(json_object_get(nets, "marked")), marked + open);
        json_decref(nets);
        red.tlp = TLP_GREEN;
    }
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.sighting WHERE value = '203.0.113.99'"), 1);
    char path[60], *number = of_report(report, "k.number");
    snprintf(path, sizeof path, "/v1/reports/r%lld", (long long)report);
    json_t *shown = desk_client_get(site->client, "analyst", 200, path);
    assert_int_equal(json_array_size(json_object_get(shown, "known_good")), 1);
    json_decref(shown);
    snprintf(path, sizeof path, "/v1/cases/%s", number);
    shown = desk_client_get(site->client, "analyst", 200, path);
    const json_t *known = json_array_get(json_object_get(shown, "known_good"), 0);
    assert_string_equal(json_string_value(json_object_get(known, "value")), "203.0.113.99");
    assert_string_equal(json_string_value(json_object_get(known, "title")), "List nets");
    json_decref(shown);
    free(number);
}

static void rules_see_the_lists(void **state)
{
    struct site *site = *state;
    put_rules("rule \"known\": known-good:nets => priority:low, tag:known\nrule \"rest\": known-good:none => tag:rest\n", 1);
    struct letter letter = {
        .sender = site->fixture.feed, .class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "203.0.113.130"}}};
    int64_t known = triaged(&site->fixture, &letter);
    letter.sightings[0][2] = "198.18.1.1";
    int64_t other = triaged(&site->fixture, &letter);
    assert_case(known, "k.priority || ' ' || (SELECT string_agg(x.tag, ',') FROM case_tag x WHERE x.case_id = k.id)", "4 known");
    assert_case(other, "(SELECT string_agg(x.tag, ',') FROM case_tag x WHERE x.case_id = k.id)", "rest");
    cluster_execute("UPDATE cirt.rule_set SET is_current = false");
}

/* A longer list makes a rule throw away more, and no second person is asked: who imports it is told. */
static void rules_that_throw_away_by_a_list(void **state)
{
    struct site *site = *state;
    put_rules("rule \"ours\": known-good:others,lab-* -class:phishing => drop \"ours\"\nrule \"all\": known-good:nets => tag:known\n"
              "rule \"text\": \"known-good:nets\" => drop \"x known-good:nets\"\n",
              2);
    json_t *answer = import(site, 200, LIST("lab-nets", "cidr", "\"ip-dst\"", "\"203.0.113.128/25\"")), *warnings;
    warnings = json_object_get(answer, "warnings");
    assert_int_equal(json_array_size(warnings), 1);
    assert_true(str_starts(json_string_value(json_array_get(warnings, 0)), "the rule \"ours\" of "));
    json_decref(answer);
    answer = import(site, 200, LIST("laboratory", "cidr", "\"ip-dst\"", "\"203.0.113.128/25\""));
    assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 0);
    json_decref(answer);
    cluster_execute("UPDATE cirt.rule_set SET is_current = false; DELETE FROM cirt.warninglist WHERE name LIKE 'lab%'");
}

static void lists_come_anew_and_go(void **state)
{
    struct site *site = *state;
    json_decref(desk_client_post(site->client, "analyst", 403, "/v1/warninglists", LIST("mine", "string", "", "\"x\"")));
    json_decref(import(site, 422, LIST("bad", "fuzzy", "", "\"x\"")));
    json_decref(import(site, 422, LIST("Bad Name", "string", "", "\"x\"")));
    /* Of a kind of value that no report has: it is there, and says nothing. */
    json_t *foreign = import(site, 200, LIST("foreign", "string", "\"azure-application-id\"", "\"203.0.113.7\""));
    assert_int_equal(json_array_size(json_object_get(foreign, "types")), 0);
    assert_true(json_is_array(json_object_get(foreign, "types")));
    json_decref(foreign);
    json_decref(import(site, 202,
                       "{\"short_name\":\"nets\",\"name\":\"Networks\",\"type\":\"cidr\",\"more\":true,\"list\":[\"198.51.100.0/24\"]}"));
    struct buf out;
    buf_init(&out, 1000);
    found_for(site, "203.0.113.7", &out);
    assert_string_equal(buf_text(&out), "nets 203.0.113.0/24"); /* the older copy counts until the newer is here */
    found_for(site, "198.51.100.7", &out);
    assert_string_equal(buf_text(&out), "");
    json_decref(
        desk_client_post(site->client, "lead", 200, "/v1/warninglists/nets/entries", "{\"type\":\"cidr\",\"list\":[\"198.51.101.0/24\"]}"));
    found_for(site, "198.51.100.7", &out);
    assert_string_equal(buf_text(&out), "nets 198.51.100.0/24");
    found_for(site, "203.0.113.7", &out);
    assert_string_equal(buf_text(&out), "");
    json_decref(desk_client_post(site->client, "lead", 404, "/v1/warninglists/nets/entries", "{\"type\":\"cidr\",\"list\":[]}"));
    int status;
    json_decref(desk_client_call(site->client, "lead", MESSAGE_DELETE, "/v1/warninglists/nets", NULL, NULL, &status));
    assert_int_equal(status, 204);
    found_for(site, "198.51.100.7", &out);
    assert_string_equal(buf_text(&out), "");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.warninglist_network"), 0);
    buf_clear(&out);
}

/* Thousands of host names called substrings, as in MISP's disposable-email: hosts. Without a type entries are whole values. */
static void long_lists_of_names(void **state)
{
    struct site *site = *state;
    struct buf body, out;
    buf_init(&body, 1024 * 1024);
    buf_init(&out, 1000);
    buf_add_text(&body, "{\"short_name\":\"disposable\",\"name\":\"Mail\",\"version\":1,\"type\":\"substring\",\"matching_attributes\":"
                        "[\"email-src\",\"whois-registrant-email\",\"domain|ip\"],\"list\":[\"@\"");
    for (int i = 0; i < 3000; i++)
        buf_printf(&body, ",\"mail%d.example\"", i);
    buf_add_text(&body, "]}");
    json_t *list = import(site, 200, buf_text(&body));
    assert_int_equal(json_integer_value(json_object_get(list, "entries")), 3000);
    assert_int_equal(json_integer_value(json_object_get(list, "skipped")), 1);
    json_decref(list);
    found_for(site, "me%40mail2999.example", &out);
    assert_string_equal(buf_text(&out), "disposable mail2999.example");
    found_for(site, "bankmail2999.example", &out);
    assert_string_equal(buf_text(&out), "");
    json_decref(import(site, 200, "{\"short_name\":\"plain\",\"name\":\"Plain\",\"version\":\"1\",\"list\":[\"plain.example\"]}"));
    found_for(site, "plain.example", &out);
    assert_string_equal(buf_text(&out), "plain plain.example");
    static const char *const paths[] = {"/v1/warninglists/disposable", "/v1/warninglists/plain"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        int status;
        json_decref(desk_client_call(site->client, "lead", MESSAGE_DELETE, paths[i], NULL, NULL, &status));
        assert_int_equal(status, 204);
    }
    buf_clear(&body);
    buf_clear(&out);
}

/* Every list of MISP's that is here says something we match. */
static void misps_lists(void **state)
{
    struct site *site = *state;
    static const char folder[] = SOURCE_DIR "/../shared/corpus/misp/warninglists";
    DIR *directory = opendir(folder);
    size_t count = 0;
    if (!directory) {
        print_message("skipped: there is no %s\n", folder);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[500];
        snprintf(path, sizeof path, "%s/%s/list.json", folder, entry->d_name);
        json_t *list = entry->d_name[0] == '.' ? NULL : json_load_file(path, 0, NULL);
        if (!list)
            continue;
        json_object_set_new(list, "short_name", json_string(entry->d_name));
        char *body = json_dumps(list, JSON_COMPACT);
        json_t *answer = import(site, 200, body);
        if (json_integer_value(json_object_get(answer, "entries")) == 0)
            fail_msg("%s: nothing was taken", entry->d_name);
        count++;
        json_decref(answer);
        json_decref(list);
        free(body);
    }
    closedir(directory);
    assert_true(count >= 20);
    struct buf out;
    buf_init(&out, 1000);
    found_for(site, "10.1.2.3", &out);
    assert_string_equal(buf_text(&out), "rfc1918 10.0.0.0/8, rfc5735 10.0.0.0/8");
    found_for(site, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &out);
    assert_string_equal(buf_text(&out), "empty-hashes e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    found_for(site, "soc%40bank.example", &out);
    assert_true(str_starts(buf_text(&out), "common-contact-emails "));
    buf_clear(&out);
}

/* --- the registries' files --- */

static char *places_of(struct site *site, const char *path)
{
    json_t *answer = desk_client_get(site->client, "analyst", 200, path);
    char *text = json_dumps(json_object_get(answer, "places"), JSON_COMPACT);
    json_decref(answer);
    return text;
}

static void registries_say_where(void **state)
{
    struct site *site = *state;
    json_decref(desk_client_post(site->client, "analyst", 403, "/v1/registries", "{\"registry\":\"ripencc\",\"rows\":[]}"));
    json_decref(desk_client_post(site->client, "lead", 422, "/v1/registries", "{\"registry\":\"Ripe NCC\",\"rows\":[]}"));
    json_decref(desk_client_post(site->client, "lead", 202, "/v1/registries",
                                 "{\"registry\":\"ripencc\",\"serial\":\"20261120\",\"more\":true,\"rows\":["
                                 "[\"ipv4\",\"198.51.100.0\",\"768\",\"DE\",\"20200131\",\"allocated\"],"
                                 "[\"ipv4\",\"192.0.2.0\",\"256\",\"\",\"\",\"available\"],"
                                 "[\"ipv4\",\"999.0.2\",\"256\",\"DE\",\"20200131\",\"allocated\"],17,"
                                 "[\"ipv4\",\"256.0.2.0\",\"256\",\"DE\",\"20200131\",\"allocated\"],"
                                 "[\"ipv4\",\"255.255.255.0\",\"512\",\"DE\",\"20200131\",\"allocated\"],"
                                 "[\"ipv6\",\"2001:db9:::\",\"32\",\"DE\",\"20200131\",\"allocated\"],"
                                 "[\"ipv6\",\"2001:db9:1\",\"32\",\"DE\",\"20200131\",\"allocated\"]]}"));
    json_t *file = desk_client_post(site->client, "lead", 200, "/v1/registries/ripencc/rows",
                                    "{\"rows\":[[\"ipv6\",\"2001:db8::\",\"32\",\"FR\",\"20201399\",\"assigned\"],"
                                    "[\"asn\",\"64500\",\"10\",\"CH\",\"20200229\",\"allocated\"]]}");
    assert_int_equal(json_integer_value(json_object_get(file, "entries")), 3);
    assert_int_equal(json_integer_value(json_object_get(file, "skipped")), 7);
    json_decref(file);
    static const struct {
        const char *value, *country;
    } rows[] = {{"198.51.100.0", "\"country\":\"DE\""},
                {"198.51.102.255", "\"date\":\"2020-01-31\""},
                {"198.51.103.0", "[]"},
                {"198.51.99.255", "[]"},
                {"198.51.100.0/23", "\"source\":\"ripencc 20261120\""},
                {"198.51.100.0/22", "[]"},
                {"192.0.2.1", "[]"},
                {"2001:db8:ffff::1", "\"country\":\"FR\""},
                {"2001:db9::", "[]"},
                {"AS64509", "\"country\":\"CH\""},
                {"AS64510", "[]"},
                {"evil.example", "[]"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char path[100];
        snprintf(path, sizeof path, "/v1/find?value=%s", rows[i].value);
        char *text = places_of(site, path);
        if (!strstr(text, rows[i].country))
            fail_msg("%s: %s", rows[i].value, text);
        free(text);
    }
    /* A newer one that broke off takes nothing away. */
    json_decref(desk_client_post(site->client, "lead", 202, "/v1/registries",
                                 "{\"registry\":\"ripencc\",\"serial\":\"20261121\",\"more\":true,\"rows\":["
                                 "[\"ipv4\",\"198.51.100.0\",\"256\",\"AT\",\"20200131\",\"allocated\"]]}"));
    char *older = places_of(site, "/v1/find?value=198.51.100.0");
    assert_non_null(strstr(older, "\"country\":\"DE\""));
    free(older);
    json_t *list = desk_client_get(site->client, "analyst", 200, "/v1/registries"),
           *item = json_array_get(json_object_get(list, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    assert_string_equal(json_string_value(json_object_get(item, "serial")), "20261120");
    json_decref(list);
    /* In a case: of what its reports do not say. */
    struct letter letter = {
        .sender = site->fixture.feed, .class_name = "fraud/phishing", .sightings = {{"ipv4", "source", "198.51.101.9"}}};
    int64_t report = triaged(&site->fixture, &letter);
    char path[60], *number = of_report(report, "k.number");
    snprintf(path, sizeof path, "/v1/cases/%s", number);
    char *text = places_of(site, path);
    assert_non_null(strstr(text, "\"value\":\"198.51.101.9\""));
    assert_non_null(strstr(text, "198.51.100.0 - 198.51.102.255"));
    free(text);
    free(number);
    file = desk_client_post(site->client, "lead", 200, "/v1/registries/ripencc/rows",
                            "{\"rows\":[[\"asn\",\"64500\",\"1\",\"AT\",\"20200229\",\"allocated\"]]}");
    assert_int_equal(json_integer_value(json_object_get(file, "entries")), 2);
    assert_string_equal(json_string_value(json_object_get(file, "serial")), "20261121");
    json_decref(file);
    /* Neither an older one nor one that says nothing takes its place. */
    json_decref(desk_client_post(site->client, "lead", 409, "/v1/registries",
                                 "{\"registry\":\"ripencc\",\"serial\":\"20261120\",\"rows\":["
                                 "[\"ipv4\",\"198.51.100.0\",\"256\",\"CH\",\"20200131\",\"allocated\"]]}"));
    json_decref(desk_client_post(site->client, "lead", 422, "/v1/registries",
                                 "{\"registry\":\"ripencc\",\"serial\":\"20261122\",\"rows\":["
                                 "[\"ipv4\",\"198.51.100\",\"256\",\"CH\",\"20200131\",\"allocated\"]]}"));
    json_decref(desk_client_post(site->client, "lead", 422, "/v1/registries",
                                 "{\"registry\":\"ripencc\",\"serial\":\"new\",\"rows\":["
                                 "[\"ipv4\",\"198.51.100.0\",\"256\",\"CH\",\"20200131\",\"allocated\"]]}"));
    char *newer = places_of(site, "/v1/find?value=198.51.100.0");
    assert_non_null(strstr(newer, "\"country\":\"AT\""));
    free(newer);
    newer = places_of(site, "/v1/find?value=198.51.101.0");
    assert_string_equal(newer, "[]");
    free(newer);
    int status;
    json_decref(desk_client_call(site->client, "lead", MESSAGE_DELETE, "/v1/registries/ripencc", NULL, NULL, &status));
    assert_int_equal(status, 204);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.rir_range"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_operators_words_decide),
                                       cmocka_unit_test(made_up_words_are_bounded),
                                       cmocka_unit_test(hostile_patterns_are_bounded),
                                       cmocka_unit_test(lists_say_what_they_know),
                                       cmocka_unit_test(what_is_known_is_marked_and_stays),
                                       cmocka_unit_test(red_statements_count_by_themselves),
                                       cmocka_unit_test(rules_see_the_lists),
                                       cmocka_unit_test(rules_that_throw_away_by_a_list),
                                       cmocka_unit_test(lists_come_anew_and_go),
                                       cmocka_unit_test(long_lists_of_names),
                                       cmocka_unit_test(misps_lists),
                                       cmocka_unit_test(registries_say_where)};
    return cmocka_run_group_tests(tests, begin, end);
}
