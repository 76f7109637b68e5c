/*
 * The event formats in JSON (IDEA0, IntelMQ, n6), each as lines and in the corpus: what IntelMQ's own tests expect its parsers to write is
 * read here, and every member of it is found again, in its place or in extra.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/codec.h"
#include "codec/json_peek.h"
#include "model/rsit.h"
#include "support/report_dump.h"

static struct report *decode_json(const char *format, const json_t *value, const char *where)
{
    struct report *report = NULL;
    struct err err = {0};
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    const struct codec *probed = codec_probe(text, strlen(text), NULL);
    if (!probed || !str_equal(probed->name, format))
        fail_msg("%s is taken for %s", where, probed ? probed->name : "nothing");
    if (!codec_decode(codec_find(format), text, strlen(text), &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: refused: %s: %s", where, err.at, err.text);
    free(text);
    return report;
}

static void skip_unless_there(const char *path)
{
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
}

/* --- labels --- */

#define IDEA    "{\"Format\":\"IDEA0\",\"ID\":\"a\",\"DetectTime\":\"2026-03-01T10:00:07Z\",\"Category\":[\"Recon.Scanning\"],\"TLP\":"
#define INTELMQ "{\"classification.type\":\"scanner\",\"time.source\":\"2026-03-01T10:00:07Z\",\"source.ip\":\"192.0.2.5\",\"tlp\":"
#define N6      "{\"category\":\"scanning\",\"time\":\"2026-03-01T10:00:07Z\",\"confidence\":\"low\",\"restriction\":"
#define CSAF                                                                                                                               \
    "{\"document\":{\"category\":\"csaf_base\",\"csaf_version\":\"2.1\",\"title\":\"t\",\"publisher\":{\"category\":\"vendor\","           \
    "\"name\":\"E\",\"namespace\":\"https://v.example\"},\"tracking\":{\"id\":\"E1\",\"status\":\"final\",\"version\":\"1\","              \
    "\"initial_release_date\":\"2026-03-01T10:00:00Z\",\"current_release_date\":\"2026-03-01T10:00:00Z\",\"revision_history\":["           \
    "{\"date\":\"2026-03-01T10:00:00Z\",\"number\":\"1\",\"summary\":\"first\"}]},\"distribution\":{\"tlp\":{\"label\":"

/* A label that is not written as it should be is one all the same. */
static void labels_of_other_shapes_bind(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text;
        enum tlp label;
    } rows[] = {
        {"idea", IDEA "\"GREEN\"}", TLP_GREEN},
        {"idea", IDEA "[\"GREEN\",\"RED\"]}", TLP_RED},
        {"idea", IDEA "[]}", TLP_NONE},
        {"idea", IDEA "null}", TLP_NONE},
        {"idea", IDEA "{\"label\":\"x\"}}", TLP_AMBER_STRICT},
        {"intelmq", INTELMQ "[\"RED\"]}", TLP_RED},
        {"intelmq", INTELMQ "3}", TLP_AMBER_STRICT},
        {"n6", N6 "\"public\"}", TLP_CLEAR},
        {"n6", N6 "[\"internal\"]}", TLP_RED},
        {"csaf", CSAF "\"AMBER\"}}}}", TLP_AMBER},
        {"csaf", CSAF "[\"AMBER\"]}}}}", TLP_RED},
        {"csaf", CSAF "null}}}}", TLP_NONE},
        {"csaf", CSAF "\"AMBER\"},\"sharing_group\":{\"id\":\"11111111-1111-4111-8111-111111111111\"}}}}", TLP_AMBER},
        {"csaf", CSAF "\"AMBER\"},\"sharing_group\":{\"id\":\"00000000-0000-0000-0000-000000000000\"}}}}", TLP_RED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct report *report = NULL;
        struct err err = {0};
        const struct codec *codec = codec_find(rows[i].format);
        if (!codec_decode(codec, rows[i].text, strlen(rows[i].text), &codec_limits_default, NULL, &report, &err))
            fail_msg("%s: refused: %s: %s", rows[i].text, err.at, err.text);
        if (report->tlp != rows[i].label)
            fail_msg("%s is \"%s\"", rows[i].text, tlp_label(report->tlp));
        report_free(report);
    }
}

#define XARF                                                                                                                               \
    "{\"xarf_version\":\"4.0.0\",\"report_id\":\"11111111-1111-4111-8111-111111111111\",\"category\":\"connection\","                      \
    "\"type\":\"scan\",\"source_identifier\":\"192.0.2.5\",\"reporter\":{\"org\":\"E\",\"contact\":\"a@b.example\","                       \
    "\"domain\":\"b.example\"},\"sender\":{\"org\":\"E\",\"contact\":\"a@b.example\",\"domain\":\"b.example\"},\"tags\":[\"tlp:green\"],"  \
    "\"timestamp\":\"2026-03-01T10:00:07Z\"}"

/* The bytes are kept as a whole, with what cannot be read of them. */
static void rejected_events_keep_their_label(void **state)
{
    (void)state;
    static const struct {
        const char *format, *good, *bad;
        enum tlp label;
    } rows[] = {
        {"idea", IDEA "\"GREEN\"}", "{\"DetectTime\":\"bad\",\"TLP\":\"RED\"}", TLP_RED},
        {"idea", IDEA "\"GREEN\"}", "{\"Tlp\":\"green\",\"tLP\":\"amber\"}", TLP_AMBER},
        {"idea", IDEA "\"GREEN\"}", "{\"DetectTime\":\"bad\"}", TLP_NONE},
        {"idea", IDEA "\"RED\"}", "7", TLP_RED},
        {"intelmq", INTELMQ "\"GREEN\"}", "{\"tlp\":\"RED\",\"time.source\":\"bad\"}", TLP_RED},
        {"intelmq", INTELMQ "\"CLEAR\"}", "{\"tlp\":\"GREEN\",\"time.source\":\"bad\"}", TLP_GREEN},
        {"intelmq", INTELMQ "\"GREEN\"}", "{\"tlp\":\"AMBER\",\"__type\":\"Report\"}", TLP_AMBER},
        {"n6", N6 "\"public\"}", "{\"category\":\"scanning\",\"time\":\"bad\",\"restriction\":\"internal\"}", TLP_RED},
        {"n6", N6 "\"public\"}", "{\"restriction\":\"need-to-know\"}", TLP_AMBER_STRICT},
        {"n6", N6 "\"public\"}", "{}", TLP_NONE},
        {"xarf", XARF, "{\"xarf_version\":\"4.0.0\",\"tags\":[\"tlp:red\"],\"timestamp\":\"bad\"}", TLP_RED},
        {"xarf", XARF, "{\"tags\":[\"tlp:amber\"]}", TLP_AMBER},
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        struct report *report = NULL;
        struct err err = {0};
        char text[2048];
        bool is_behind = i % 2;
        snprintf(text, sizeof text, "[%s,%s]", is_behind ? rows[i / 2].good : rows[i / 2].bad,
                 is_behind ? rows[i / 2].bad : rows[i / 2].good);
        if (!codec_decode(codec_find(rows[i / 2].format), text, strlen(text), &codec_limits_default, NULL, &report, &err))
            fail_msg("%s is refused: %s: %s", text, err.at, err.text);
        assert_int_equal(report->rejected_total, 1);
        if (report->tlp != rows[i / 2].label)
            fail_msg("%s is \"%s\"", text, tlp_label(report->tlp));
        report_free(report);
    }
}

/* --- looking at the first bytes --- */

static bool has(const char *text, const char *name)
{
    return json_peek_has(text, strlen(text), name);
}

static void only_the_top_counts(void **state)
{
    (void)state;
    assert_true(has(" {\"a\": [1, {\"b\": \"}\"}], \"Format\" : \"x\"}", "Format"));
    assert_false(has("{\"Format\": \"x\"}", "format"));
    assert_false(has("{\"a\": {\"b\": 1}, \"c\": \"\\\"b\\\":\"}", "b"));
    assert_true(has("\xef\xbb\xbf[ {\"b\": 1}, {\"c\": 1}]", "b"));
    assert_false(has("[{\"b\": 1}, {\"c\": 1}]", "c"));
    assert_true(has("{\"a\": 1, \"b\": \"cut he", "b"));
    assert_false(has("{\"a\": 1, \"b", "b"));
    assert_false(has("{\"b\": 1}\n{\"b\": 2}\n", "b"));
    assert_false(has("{\"b\"}", "b"));
    assert_false(has("[1, {\"b\": 1}]", "b"));
    assert_false(has("", "b"));
    assert_true(json_peek_is("{\"b\":\"xy\"}", 10, "b", "xy"));
    assert_false(json_peek_is("{\"b\":\"xyz\"}", 11, "b", "xy"));
    assert_false(json_peek_is("{\"b\":\"xy", 8, "b", "xy"));
}

/* --- lines --- */

struct lines {
    const char *formats[4];
    size_t reports, bad;
};

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct lines *lines = context;
    (void)bytes, (void)size, (void)err;
    assert_int_equal(first_line, lines->reports + 1);
    assert_string_equal(report->format, lines->formats[lines->reports++]);
    return true;
}

static bool on_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    struct lines *lines = context;
    (void)bytes, (void)size, (void)err;
    assert_int_equal(line, 5);
    assert_string_equal(why->at, "line 5");
    assert_string_equal(why->text, "/category: is missing");
    lines->bad++;
    return true;
}

static void each_line_is_read_as_what_it_is(void **state)
{
    (void)state;
    static const char text[] =
        "{\"classification.type\":\"scanner\",\"source.ip\":\"192.0.2.1\"}\n"
        "{\"Format\":\"IDEA0\",\"ID\":\"a\",\"DetectTime\":\"2026-03-02T08:00:00Z\",\"Category\":[\"Recon\"]}\n"
        "{\"id\":\"1\",\"source\":\"a.b\",\"confidence\":\"low\",\"category\":\"bots\",\"time\":\"2026-03-02T08:00:00Z\"}\n"
        "{\"description\":\"native\",\"observations\":[{\"source\":{\"ip\":\"192.0.2.1\"},\"classification.type\":\"scanner\"}]}\n"
        "{\"id\":\"1\",\"source\":\"a.b\",\"confidence\":\"low\",\"category\":null,\"time\":\"2026-03-02T08:00:00Z\"}\n";
    struct lines lines = {.formats = {"intelmq", "idea", "n6", "ndjson"}};
    const struct codec *codec = codec_probe(text, strlen(text), NULL);
    struct codec_sink sink = {.context = &lines, .on_report = on_report, .on_bad_line = on_bad_line};
    struct err err = {0};
    assert_string_equal(codec->name, "ndjson");
    struct codec_stream *stream = codec->open(&codec_limits_default, NULL, &sink);
    assert_true(codec->feed(stream, text, strlen(text), &err) && codec->finish(stream, &err));
    codec->close(stream);
    assert_int_equal(lines.reports, 4);
    assert_int_equal(lines.bad, 1);
}

/* One line alone, as a replay reads it: nothing of its report is lost on the way, and nothing points into what is gone. */
static void one_line_is_its_whole_report(void **state)
{
    (void)state;
    static const char text[] =
        "{\"Event\":{\"info\":\"x\",\"timestamp\":\"1772438400\",\"Orgc\":{\"name\":\"Example CERT\"},\"Tag\":[{\"name\":\"PAP:RED\"}],"
        "\"Attribute\":[{\"type\":\"url\",\"value\":\"HTTP://A.Example.net:80/%7Ex\"}]}}\n";
    struct report *report = NULL;
    struct err err = {0};
    assert_true(codec_decode(codec_find("ndjson"), text, strlen(text), &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->format, "misp");
    assert_string_equal(report->creator_name, "Example CERT");
    assert_int_equal(report->pap, TLP_RED);
    assert_int_equal(report->observation_count, 1);
    assert_string_equal(report->observations[0].sightings[0].value, "http://a.example.net/~x");
    assert_string_equal(report->observations[0].sightings[0].original, "HTTP://A.Example.net:80/%7Ex");
    report_free(report);
}

/* What a sender answers who has nothing new. */
static void no_events_are_no_mistake(void **state)
{
    (void)state;
    static const char *const formats[] = {"idea", "intelmq", "n6"};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct report *report = NULL;
        struct err err = {0};
        assert_true(codec_decode(codec_find(formats[i]), "[]", 2, &codec_limits_default, NULL, &report, &err));
        assert_int_equal(report->observation_count, 0);
        assert_int_equal(report->rejected_total, 0);
        report_free(report);
    }
}

static void many_events_are_a_limit(void **state)
{
    (void)state;
    static const char text[] = "[{\"classification.type\":\"scanner\"},{\"classification.type\":\"scanner\"}]";
    static const char sources[] = "{\"Format\":\"IDEA0\",\"ID\":\"a\",\"DetectTime\":\"2026-03-02T08:00:00Z\",\"Category\":[\"Recon\"],"
                                  "\"Source\":[{\"IP4\":[\"192.0.2.1\"]},{\"IP4\":[\"192.0.2.2\"]}]}";
    struct codec_limits limits = codec_limits_default;
    limits.observations_max = 1;
    struct report *report = NULL;
    struct err err = {0};
    assert_false(codec_decode(codec_find("intelmq"), text, strlen(text), &limits, NULL, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_false(codec_decode(codec_find("idea"), sources, strlen(sources), &limits, NULL, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

/* A test is what the document calls itself: it gives no class, and there is nothing else it could mark. */
static void never_is_no_time(void **state)
{
    UNUSED(state);
    static const char text[] =
        "{\"classification.type\":\"c2-server\",\"source.ip\":\"198.51.100.7\",\"time.source\":\"0001-01-01T00:00:00+00:00\","
        "\"time.observation\":\"2026-03-01T00:00:00+00:00\"}";
    struct report *report = NULL;
    struct err err;
    assert_true(codec_decode(codec_find("intelmq"), text, strlen(text), &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->observations[0].time_text, "2026-03-01T00:00:00+00:00");
    assert_non_null(strstr(report->observations[0].extra, "0001-01-01"));
    report_free(report);
}

static void a_test_marks_nothing(void **state)
{
    (void)state;
    static const char text[] = "{\"Format\":\"IDEA0\",\"ID\":\"a\",\"DetectTime\":\"2026-03-02T08:00:00Z\",\"Category\":[\"Test\"]}";
    struct report *report = NULL;
    struct err err = {0};
    assert_true(codec_decode(codec_find("idea"), text, strlen(text), &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->observations[0].class_claim, "Test");
    assert_null(report->observations[0].class_name);
    assert_null(report->case_kind);
    report_free(report);
}

/* What bots call is their master's; whom a scanner or the master calls is hurt, or a bot. */
static void what_bots_call_is_no_target(void **state)
{
    (void)state;
    static const struct {
        const char *category, *sources;
        enum sighting_role target;
    } cases[] = {
        {"Intrusion.Botnet", "{\"IP4\":[\"192.0.2.5\"]}", ROLE_INFRASTRUCTURE},
        {"Malware.Trojan", "{\"IP4\":[\"192.0.2.5\"]}", ROLE_INFRASTRUCTURE},
        {"Intrusion.Botnet", "{\"IP4\":[\"192.0.2.5\"],\"Type\":[\"CC\"]}", ROLE_TARGET},
        {"Intrusion.Botnet", "{\"IP4\":[\"192.0.2.5\"],\"Type\":[\"CC\"]},{\"IP4\":[\"192.0.2.6\"]}", ROLE_INFRASTRUCTURE},
        {"Intrusion.Botnet", "", ROLE_TARGET},
        {"Recon.Scanning", "{\"IP4\":[\"192.0.2.5\"]}", ROLE_TARGET},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = mem_printf("{\"Format\":\"IDEA0\",\"ID\":\"a\",\"DetectTime\":\"2026-03-02T08:00:00Z\",\"Category\":[\"%s\"],"
                                "\"Source\":[%s],\"Target\":[{\"IP4\":[\"198.51.100.7\"]}]}",
                                cases[i].category, cases[i].sources);
        struct report *report = NULL;
        struct err err = {0};
        assert_true(codec_decode(codec_find("idea"), text, strlen(text), &codec_limits_default, NULL, &report, &err));
        for (size_t k = 0; k < report->observation_count; k++) {
            const struct observation *observation = &report->observations[k];
            assert_int_equal(observation->sightings[observation->sighting_count - 1].role, cases[i].target);
        }
        report_free(report);
        free(text);
    }
}

/* --- IntelMQ in the corpus --- */

static bool is_seen(const struct observation *observation, const char *value)
{
    struct arena *arena = arena_new();
    enum observable_type type;
    const char *normal = observable_guess(arena, value, &type);
    bool seen = false;
    for (size_t i = 0; i < observation->sighting_count && !seen; i++)
        seen =
            str_equal(observation->sightings[i].value, normal ? normal : value) || str_equal_nocase(observation->sightings[i].value, value);
    arena_free(arena);
    return seen;
}

static const char *text_of(const json_t *value, char number[32])
{
    if (json_is_integer(value))
        snprintf(number, 32, "%lld", (long long)json_integer_value(value));
    return json_is_integer(value) ? number : json_string_value(value);
}

/* The member stands where it belongs, or in extra as it was. */
static void expect_member(const struct observation *observation, const json_t *extra, const char *name, const json_t *value,
                          const char *where)
{
    char number[32];
    int64_t time;
    const char *text = text_of(value, number);
    bool found = json_equal(json_object_get(extra, name), value);
    if (str_equal(name, "classification.type"))
        found = str_equal(observation->class_claim, text);
    else if (str_equal(name, "source.port") || str_equal(name, "destination.port"))
        found = json_integer_value(value) == (name[0] == 's' ? observation->source_port : observation->target_port);
    else if (str_equal(name, "time.source"))
        found = timestamp_parse_rfc3339(text, &time) && time == observation->time;
    else if (str_equal(name, "protocol.transport"))
        found = str_equal(observation->protocol, text);
    else if (str_equal(name, "event_description.text"))
        found = str_equal(observation->description, text);
    else if (str_equal(name, "feed.accuracy"))
        found = !observation->sighting_count || observation->sightings[0].confidence == (int)json_number_value(value);
    else if (str_equal(name, "time.observation"))
        found = found || (timestamp_parse_rfc3339(text, &time) && time == observation->time);
    else if (str_equal(text, "UK"))
        found = is_seen(observation, "GB");
    else if (!found && text)
        found = is_seen(observation, text);
    if (!found && !str_equal(name, "__type") && !json_is_null(value))
        fail_msg("%s: %s is gone", where, name);
}

static bool says_something(const json_t *value)
{
    return !json_is_null(value) && !(json_is_string(value) && !json_string_length(value)) &&
           !(json_is_array(value) && !json_array_size(value));
}

static void check_event(const json_t *event, const char *where)
{
    struct report *report = decode_json("intelmq", event, where);
    const char *name, *type = json_string_value(json_object_get(event, "classification.type"));
    json_t *value;
    assert_int_equal(report->observation_count, 1);
    const struct observation *observation = &report->observations[0];
    json_t *extra = observation->extra ? json_loads(observation->extra, 0, NULL) : json_object();
    assert_non_null(extra);
    /* "http://www..example.com/": no host at all. It stays in extra. */
    if (report->rejected_total && !strstr(where, "openphish__parser.expected"))
        fail_msg("%s: %s: %s", where, report->rejections[0].at, report->rejections[0].text);
    if (type && !observation->class_name)
        fail_msg("%s: no class for %s", where, type);
    json_object_foreach((json_t *)event, name, value)
    {
        if (says_something(value))
            expect_member(observation, extra, name, value, where);
    }
    json_decref(extra);
    report_free(report);
}

/* IntelMQ's tests build some of their events from a part that says only which feed it is. */
static bool is_template(const json_t *event)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)event, name, value)
    {
        if (!str_starts(name, "feed.") && !str_starts(name, "time.") && !str_starts(name, "__type") && !str_equal(name, "raw"))
            return false;
    }
    return true;
}

/* Whatever way the file has, each event in it. */
static size_t check_events_in(const json_t *value, const char *where)
{
    size_t count = 0, index;
    const char *name;
    json_t *member;
    if (json_is_object(value) && str_equal(json_string_value(json_object_get(value, "__type")), "Event")) {
        if (is_template(value))
            return 0;
        check_event(value, where);
        return 1;
    }
    json_array_foreach((json_t *)value, index, member)
    {
        count += check_events_in(member, where);
    }
    json_object_foreach((json_t *)value, name, member)
    {
        count += check_events_in(member, where);
    }
    return count;
}

static void every_event_of_intelmq_is_read_whole(void **state)
{
    (void)state;
    static const char *const patterns[] = {TEST_CORPUS "/feeds/intelmq-expected/*.json",
                                           TEST_CORPUS "/shadowserver/intelmq-3.2-expected/*.json"};
    size_t events = 0;
    skip_unless_there(TEST_CORPUS "/feeds/intelmq-expected");
    for (size_t i = 0; i < 2; i++) {
        glob_t found;
        assert_int_equal(glob(patterns[i], 0, NULL, &found), 0);
        for (size_t k = 0; k < found.gl_pathc; k++) {
            json_t *file = json_load_file(found.gl_pathv[k], 0, NULL);
            assert_non_null(file);
            events += check_events_in(file, found.gl_pathv[k]);
            json_decref(file);
        }
        globfree(&found);
    }
    assert_true(events > 250);
}

/* --- IDEA0 in the corpus --- */

static bool has_role(const struct observation *observation, const char *value, enum sighting_role role)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (observation->sightings[i].role == role && str_equal(observation->sightings[i].value, value))
            return true;
    return false;
}

/* Each address of a side has its role: whose it is, and who has nothing to do with it. */
static void expect_side(const struct observation *observation, const json_t *side, enum sighting_role role, const char *where)
{
    static const char *const names[] = {"IP4", "IP6", "Hostname", "URL", "Email"};
    if (json_is_true(json_object_get(side, "Spoofed")))
        role = ROLE_VICTIM;
    for (size_t i = 0; i < sizeof names / sizeof *names && !json_is_true(json_object_get(side, "Anonymised")); i++) {
        size_t k;
        json_t *value;
        json_array_foreach(json_object_get(side, names[i]), k, value)
        {
            const char *text = json_string_value(value);
            if (!strchr(text, '-') && !has_role(observation, text, role))
                fail_msg("%s: %s is not %s", where, text, sighting_role_name(role));
        }
    }
}

static void expect_sides(const struct report *report, const json_t *file, const char *where)
{
    const json_t *sources = json_object_get(file, "Source"), *targets = json_object_get(file, "Target");
    const char *time = json_string_value(json_object_get(file, "EventTime"));
    int64_t moment;
    if (!time)
        time = json_string_value(json_object_get(file, "DetectTime"));
    assert_true(timestamp_parse_rfc3339(time, &moment));
    for (size_t i = 0; i < report->observation_count; i++) {
        assert_int_equal(report->observations[i].time, moment);
        if (sources)
            expect_side(&report->observations[i], json_array_get(sources, i), ROLE_SOURCE, where);
        for (size_t k = 0; k < json_array_size(targets); k++)
            expect_side(&report->observations[i], json_array_get(targets, k), ROLE_TARGET, where);
    }
}

static void every_idea_of_the_corpus_is_read(void **state)
{
    (void)state;
    glob_t found;
    skip_unless_there(TEST_CORPUS "/idea");
    assert_int_equal(glob(TEST_CORPUS "/idea/[mn]*/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 14);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        json_t *file = json_load_file(found.gl_pathv[i], 0, NULL);
        assert_non_null(file);
        struct report *report = decode_json("idea", file, found.gl_pathv[i]);
        assert_string_equal(report->reference, json_string_value(json_object_get(file, "ID")));
        size_t sources = json_array_size(json_object_get(file, "Source"));
        assert_int_equal(report->observation_count, sources ? sources : 1);
        assert_true(report->observations[0].sighting_count > 0 || strstr(found.gl_pathv[i], "report2idea"));
        const char *category = json_string_value(json_array_get(json_object_get(file, "Category"), 0));
        assert_string_equal(report->observations[0].class_claim, category);
        if (!report->observations[0].class_name && !str_starts(category, "Anomaly."))
            fail_msg("%s: no class for %s", found.gl_pathv[i], category);
        expect_sides(report, file, found.gl_pathv[i]);
        report_free(report);
        json_decref(file);
    }
    globfree(&found);
}

/* IntelMQ's event and the IDEA0 it is turned into say the same. */
static void intelmq_and_its_idea_agree(void **state)
{
    (void)state;
    static const char path[] = TEST_CORPUS "/idea/intelmq/idea-expert-input-output.json";
    skip_unless_there(path);
    json_t *file = json_load_file(path, 0, NULL);
    struct report *event = decode_json("intelmq", json_object_get(file, "TEST_INPUT1"), "TEST_INPUT1"),
                  *idea = decode_json("idea", json_object_get(file, "TEST_OUTPUT1"), "TEST_OUTPUT1");
    const struct observation *from = &event->observations[0], *to = &idea->observations[0];
    assert_int_equal(from->time, to->time);
    assert_string_equal(from->class_name, to->class_name);
    assert_int_equal(from->target_port, to->target_port);
    assert_string_equal(from->protocol, to->protocol);
    assert_int_equal(to->sightings[0].confidence, 100);
    for (size_t i = 0; i < to->sighting_count; i++)
        assert_true(is_seen(from, to->sightings[i].value));
    report_free(event);
    report_free(idea);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_other_shapes_bind),
        cmocka_unit_test(rejected_events_keep_their_label),
        cmocka_unit_test(only_the_top_counts),
        cmocka_unit_test(each_line_is_read_as_what_it_is),
        cmocka_unit_test(one_line_is_its_whole_report),
        cmocka_unit_test(no_events_are_no_mistake),
        cmocka_unit_test(many_events_are_a_limit),
        cmocka_unit_test(a_test_marks_nothing),
        cmocka_unit_test(what_bots_call_is_no_target),
        cmocka_unit_test(never_is_no_time),
        cmocka_unit_test(every_event_of_intelmq_is_read_whole),
        cmocka_unit_test(every_idea_of_the_corpus_is_read),
        cmocka_unit_test(intelmq_and_its_idea_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
