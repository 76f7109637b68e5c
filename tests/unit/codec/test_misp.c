/* MISP events: those of the corpus, what is written against its schema, and what must not happen to hostile or broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/codec.h"
#include "codec/misp_attribute.h"
#include "support/file.h"
#include "support/misp_event.h"
#include "support/report_dump.h"

#define EVENTS TEST_CORPUS "/misp/pymisp-tests"

static json_t *load(const char *path)
{
    json_t *file = json_load_file(path, 0, NULL);
    if (!file) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    return file;
}

static struct report *decode_json(const json_t *value, const char *where)
{
    char *text = json_dumps(value, JSON_COMPACT);
    const struct codec *probed = codec_probe(text, strlen(text), NULL);
    if (!probed || !str_equal(probed->name, "misp"))
        fail_msg("%s is taken for %s", where, probed ? probed->name : "nothing");
    struct report *report = misp_decoded(text, strlen(text), where);
    free(text);
    return report;
}

/* --- the corpus --- */

struct tally {
    size_t live, indicators, deleted;
};

static bool is_flagged(const json_t *object, const char *name)
{
    bool is_set = false;
    return misp_attribute_flag(object, name, &is_set) && is_set;
}

/* Attributes as MISP sees them, wherever they stand outside of proposals and related events. */
static void count_attributes(const json_t *value, bool is_deleted, struct tally *tally)
{
    const char *name;
    json_t *member;
    size_t index;
    json_array_foreach((json_t *)value, index, member)
    {
        count_attributes(member, is_deleted, tally);
    }
    json_object_foreach((json_t *)value, name, member)
    {
        bool is_gone = is_deleted || is_flagged(value, "deleted");
        size_t i;
        json_t *attribute;
        if (str_equal(name, "Event") || str_equal(name, "Object") || str_equal(name, "response"))
            count_attributes(member, is_gone, tally);
        if (!str_equal(name, "Attribute"))
            continue;
        json_array_foreach(member, i, attribute)
        {
            bool is_dead = is_gone || is_flagged(attribute, "deleted");
            tally->deleted += is_dead;
            tally->live += !is_dead;
            tally->indicators += !is_dead && is_flagged(attribute, "to_ids");
        }
    }
}

static size_t count_sightings(const struct report *report, size_t *indicators)
{
    size_t count = 0;
    *indicators = 0;
    for (size_t i = 0; i < report->observation_count; i++) {
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) {
            const struct sighting *sighting = &report->observations[i].sightings[k];
            *indicators += sighting->is_indicator;
            if (sighting->role == ROLE_VICTIM)
                assert_false(sighting->is_indicator);
            count++;
        }
    }
    return count;
}

static char *encode(const struct report *report)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 64u << 20);
    if (!codec_find("misp")->encode(report, &out, &err))
        fail_msg("cannot be written: %s", err.text);
    char *text = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return text;
}

/* What encode() cannot carry (docs/FORMATS.md) is made the same on both sides; all else must be equal. */
static void make_comparable(struct report *report)
{
    enum tlp other = report->tlp == TLP_NONE ? TLP_AMBER : report->tlp;
    report->reporter_name = report->creator_email = NULL;
    for (size_t i = 0; i < report->observation_count; i++) {
        struct observation *observation = &report->observations[i];
        if (observation->time == TIMESTAMP_NONE)
            observation->time = report->time / TIMESTAMP_SECOND * TIMESTAMP_SECOND;
        observation->time_text = observation->time_rule = NULL;
        for (size_t k = 0; k < observation->sighting_count; k++) {
            enum tlp label = observation->sightings[k].tlp;
            report->tlp = tlp_strictest(report->tlp, label == TLP_NONE ? other : label);
            observation->sightings[k].tlp = TLP_NONE;
        }
    }
    report->time_text = report->time_rule = NULL;
    report->rejected_total = report->rejection_count = 0;
    report->time = report->time / TIMESTAMP_SECOND * TIMESTAMP_SECOND;
    if (report->tlp == TLP_NONE)
        report->tlp = TLP_AMBER;
}

/* Says where two long texts part. */
static void expect_same_text(const char *one, const char *two, const char *where)
{
    size_t at = 0;
    while (one[at] && one[at] == two[at])
        at++;
    size_t from = at > 200 ? at - 200 : 0;
    if (one[at] || two[at])
        fail_msg("%s: before\n%.400s\nafter\n%.400s", where, one + from, two + from);
}

static void survives_writing(const struct codec *codec, const char *bytes, size_t size, const char *where)
{
    struct err err = {0};
    struct report *report = NULL;
    if (!codec_decode(codec, bytes, size, &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: %s: %s", where, err.at, err.text);
    if (report->time == TIMESTAMP_NONE)
        report->time = 1772438400 * TIMESTAMP_SECOND;
    if (!report->summary)
        report->summary = "a sample";
    if (!report->description)
        report->description = report->summary;
    char *text = encode(report);
    struct report *again = misp_decoded(text, strlen(text), where);
    char *second = encode(again);
    expect_same_text(text, second, where);
    free(second);
    report->format = again->format;
    make_comparable(report);
    make_comparable(again);
    json_t *before = report_dump(report), *after = report_dump(again);
    char *one = report_dump_text(before), *two = report_dump_text(after);
    expect_same_text(one, two, where);
    json_decref(before);
    json_decref(after);
    free(one);
    free(two);
    free(text);
    report_free(report);
    report_free(again);
}

/* What the types of MISP say about a value. */
static const struct {
    const char *type;
    enum sighting_role role;
} roles[] = {
    {"ip-src", ROLE_SOURCE},
    {"email-src", ROLE_SOURCE},
    {"ip-dst", ROLE_INFRASTRUCTURE},
    {"domain", ROLE_INFRASTRUCTURE},
    {"hostname", ROLE_INFRASTRUCTURE},
    {"url", ROLE_INFRASTRUCTURE},
    {"email-dst", ROLE_TARGET},
    {"md5", ROLE_OTHER},
    {"sha1", ROLE_OTHER},
    {"sha256", ROLE_OTHER},
    {"filename", ROLE_OTHER},
    {"vulnerability", ROLE_OTHER},
};

static size_t attributes_compared;

static const struct sighting *find_sighting(const struct report *report, enum sighting_role role, const char *text, bool is_indicator)
{
    struct arena *arena = arena_new();
    const struct sighting *found = NULL;
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) {
            const struct sighting *sighting = &report->observations[i].sightings[k];
            enum observable_type type = sighting->type;
            if (sighting->role != role || sighting->is_indicator != is_indicator)
                continue;
            const char *value = observable_read(arena, &type, text);
            found = value && str_equal(value, sighting->value) ? sighting : found;
        }
    arena_free(arena);
    return found;
}

static bool is_rejected(const struct report *report, const char *value)
{
    return report->rejected_total > 0 && report->extra && strstr(report->extra, value);
}

/* Each in its role, and for detection where it is marked. */
static void expect_attributes(const struct report *report, const json_t *attributes, const char *where)
{
    size_t i;
    json_t *attribute;
    json_array_foreach((json_t *)attributes, i, attribute)
    {
        const char *type = json_string_value(json_object_get(attribute, "type")),
                   *value = json_string_value(json_object_get(attribute, "value"));
        bool to_ids = is_flagged(attribute, "to_ids");
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++) {
            bool is_url = !str_equal(type, "url") || strstr(value, "://"); /* else it is what it may be */
            if (!str_equal(roles[k].type, type) || is_flagged(attribute, "deleted") || !is_url)
                continue;
            attributes_compared++;
            /* Who saw that it was nothing took it off again. */
            bool is_doubted = json_object_get(attribute, "Sighting") && find_sighting(report, roles[k].role, value, false);
            if (!find_sighting(report, roles[k].role, value, to_ids) && !is_doubted && !is_rejected(report, value))
                fail_msg("%s: %s %s is not %s%s", where, type, value, sighting_role_name(roles[k].role), to_ids ? ", for detection" : "");
        }
    }
}

static void check_event(const char *path)
{
    json_t *file = load(path);
    struct report *report = decode_json(file, path);
    struct tally tally = {0};
    size_t indicators;
    count_attributes(file, false, &tally);
    size_t sightings = count_sightings(report, &indicators);
    tally.live += json_object_get(file, "value") != NULL;
    /* A composite has two values, a comment none; and whatever is marked for detection is found, but for rejected and false ones. */
    assert_true(report->observation_count <= tally.live && sightings <= tally.live * 2);
    if (tally.indicators > 3 && indicators + 3 < tally.indicators)
        fail_msg("%s: %zu of %zu indicators are read", path, indicators, tally.indicators);
    assert_true(tally.indicators || !indicators);
    const json_t *event = json_object_get(file, "Event") ? json_object_get(file, "Event") : file;
    expect_attributes(report, json_object_get(event, "Attribute"), path);
    const char *info = json_string_value(json_object_get(event, "info"));
    if (info && *info)
        assert_string_equal(report->summary, info);
    if (json_string_value(json_object_get(event, "uuid")) && !json_object_get(event, "value"))
        assert_string_equal(report->reference, json_string_value(json_object_get(event, "uuid")));
    report_free(report);
    char *text = json_dumps(file, JSON_COMPACT);
    survives_writing(codec_find("misp"), text, strlen(text), path);
    free(text);
    json_decref(file);
}

/* Parts of MISP that are no events; a template; an empty object. */
static bool is_no_event(const char *path)
{
    static const char *const names[] = {"/galaxy.json", "/definition.json", "/simple.json", "/sharing_groups.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ends(path, names[i]))
            return true;
    return false;
}

static void every_event_of_the_corpus_is_read_and_written(void **state)
{
    (void)state;
    static const char *const patterns[] = {EVENTS "/*.json", EVENTS "/*/*.json", TEST_CORPUS "/feeds/intelmq/misp/*.json"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) != 0) {
            print_message("skipped: there is no %s\n", patterns[i]);
            skip();
        }
        for (size_t k = 0; k < found.gl_pathc; k++) {
            if (is_no_event(found.gl_pathv[k]))
                continue;
            check_event(found.gl_pathv[k]);
            count++;
        }
        globfree(&found);
    }
    print_message("%zu attributes of %zu events\n", attributes_compared, count);
    assert_true(count >= 20 && attributes_compared > 300);
}

static void what_is_no_event_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "[]", "{\"Event\":{\"System\":1},\"x\":[]}x", "{\"GalaxyCluster\":[]}",
                                        "{\"response\":\"no\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct report *report = NULL;
        struct err err = {0};
        assert_false(codec_decode(codec_find("misp"), texts[i], strlen(texts[i]), &codec_limits_default, NULL, &report, &err));
        assert_true(err.code == ERR_INPUT && *err.at);
    }
}

/* --- writing --- */

/* Our own samples of every format that is read, written as MISP. */
static void reports_of_other_formats_survive(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "iodef", "idea", "intelmq", "n6", "csaf", "misp"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        glob_t found;
        char *pattern = mem_printf("%s/%s/good/*", TEST_DATA, names[i]);
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t k = 0; k < found.gl_pathc; k++) {
            if (str_ends(found.gl_pathv[k], ".expected.json"))
                continue;
            size_t size;
            char *bytes = file_read(found.gl_pathv[k], &size);
            assert_non_null(bytes);
            survives_writing(codec_find(names[i]), bytes, size, found.gl_pathv[k]);
            free(bytes);
            count++;
        }
        globfree(&found);
        free(pattern);
    }
    assert_true(count > 20);
}

static void types_and_categories_are_pairs_of_misp(void **state)
{
    (void)state;
    json_t *file = load(TEST_CORPUS "/misp/schema/describeTypes.json");
    const json_t *pairs = json_object_get(json_object_get(file, "result"), "category_type_mappings");
    for (int type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
        for (int role = ROLE_SOURCE; role < ROLE_COUNT; role++) {
            const struct misp_attribute_type *as = misp_attribute_type((enum observable_type)type, (enum sighting_role)role);
            const json_t *types = json_object_get(pairs, as->category), *name;
            size_t index;
            bool found = false;
            json_array_foreach((json_t *)types, index, name)
            {
                found = found || str_equal(json_string_value(name), as->type);
            }
            if (!found)
                fail_msg("%s is no type of %s", as->type, as->category);
        }
    }
    json_decref(file);
}

/* What is written of a sample, as one line. */
static void write_line(const char *path, FILE *out)
{
    json_t *file = json_load_file(path, 0, NULL);
    char *bytes = json_dumps(file, 0);
    struct report *report = NULL;
    struct err err = {0};
    assert_true(codec_decode(codec_probe(bytes, strlen(bytes), NULL), bytes, strlen(bytes), &codec_limits_default, NULL, &report, &err));
    if (report->time == TIMESTAMP_NONE)
        report->time = 1772438400 * TIMESTAMP_SECOND;
    char *text = encode(report);
    fputs(text, out);
    free(text);
    free(bytes);
    report_free(report);
    json_decref(file);
}

/* python3-jsonschema has the last word, where it is there. */
static void what_is_written_is_valid(void **state)
{
    (void)state;
    static const char schema[] = TEST_CORPUS "/misp/schema/schema.json";
    if (access(schema, R_OK) != 0 || system("python3 -c 'import jsonschema' >/dev/null 2>&1") != 0) {
        print_message("skipped: no schema, or no python3-jsonschema\n");
        skip();
    }
    FILE *validator = popen("python3 -c 'import json, sys, jsonschema\n"
                            "check = jsonschema.Draft4Validator(json.load(open(sys.argv[1])))\n"
                            "for line in sys.stdin: check.validate(json.loads(line))' " TEST_CORPUS "/misp/schema/schema.json",
                            "w");
    glob_t found;
    assert_non_null(validator);
    assert_int_equal(glob(TEST_DATA "/misp/good/*.json", 0, NULL, &found), 0);
    assert_int_equal(glob(TEST_DATA "/intelmq/good/*.json", GLOB_APPEND, NULL, &found), 0);
    assert_int_equal(glob(TEST_DATA "/csaf/good/*.json", GLOB_APPEND, NULL, &found), 0);
    glob(EVENTS "/reportlab_testfiles/s*.json", GLOB_APPEND, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (!str_ends(found.gl_pathv[i], ".expected.json"))
            write_line(found.gl_pathv[i], validator);
    globfree(&found);
    assert_int_equal(pclose(validator), 0);
}

static void local_tags_stay_home(void **state)
{
    (void)state;
    struct report *report = misp_decoded_text(
        "{\"Event\":{\"info\":\"x\",\"date\":\"2026-03-02\",\"Tag\":[{\"name\":\"secret-a\",\"local\":1},{\"name\":\"open-a\"}],"
        "\"Attribute\":[{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcdef\",\"Tag\":["
        "{\"name\":\"secret-b\",\"local\":true},{\"name\":\"open-b\"}]}],"
        "\"Object\":[{\"name\":\"n\",\"Attribute\":[{\"type\":\"text\",\"value\":\"v\",\"Tag\":[{\"name\":\"secret-c\",\"local\":\"1\"}]}]}"
        "]}}");
    assert_non_null(strstr(report->extra, "secret-a"));
    char *text = encode(report);
    assert_null(strstr(text, "secret-"));
    assert_non_null(strstr(text, "open-a"));
    assert_non_null(strstr(text, "open-b"));
    free(text);
    report_free(report);
}

/* Names of persons and their numbers are kept, but no values; what is written as a mail address is one. */
static void persons_are_no_indicators(void **state)
{
    (void)state;
    static const char *const kept[] = {"full-name",       "first-name", "date-of-birth",         "email-src-display-name",
                                       "passport-number", "cc-number",  "whois-registrant-name", "email-dst-display-name",
                                       "jabber-id"};
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        char *text = mem_printf("{\"Attribute\":{\"type\":\"%s\",\"to_ids\":true,\"value\":\"Erika Mustermann\"}}", kept[i]);
        struct report *report = misp_decoded_text(text);
        assert_int_equal(report->rejected_total, 0);
        assert_int_equal(report->observation_count, 0);
        assert_non_null(strstr(report->extra, "Erika Mustermann"));
        report_free(report);
        free(text);
    }
    /* But an account that money went to is what banks look for. */
    struct report *report = misp_decoded_text("{\"Attribute\":{\"type\":\"iban\",\"to_ids\":true,\"value\":\"DE02120300000000202051\"}}");
    assert_true(report->observations[0].sightings[0].is_indicator);
    report_free(report);
    report = misp_decoded_text("{\"Attribute\":[{\"type\":\"eppn\",\"to_ids\":true,\"value\":\"alice@uni.example\"},"
                               "{\"type\":\"text\",\"category\":\"Person\",\"to_ids\":true,\"value\":\"a girl\"}]}");
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->observations[0].sightings[0].type, OBSERVABLE_EMAIL);
    assert_non_null(strstr(report->extra, "a girl"));
    report_free(report);
}

static void relations_say_which_side_a_host_is(void **state)
{
    (void)state;
    static const struct {
        const char *object, *relation, *type;
        enum sighting_role role;
        bool is_indicator;
    } rows[] = {
        {"network-connection", "hostname-src", "hostname", ROLE_SOURCE, true},
        {"network-socket", "hostname-src", "hostname", ROLE_SOURCE, true},
        {"network-socket", "hostname-dst", "hostname", ROLE_INFRASTRUCTURE, true},
        {"email", "received-header-hostname", "hostname", ROLE_OTHER, false},
        {"email", "received-header-ip", "ip-src", ROLE_OTHER, false},
        {"email", "ip-src", "ip-src", ROLE_SOURCE, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text =
            mem_printf("{\"Object\":{\"name\":\"%s\",\"Attribute\":[{\"type\":\"%s\",\"object_relation\":\"%s\",\"to_ids\":true,"
                       "\"value\":\"%s\"}]}}",
                       rows[i].object, rows[i].type, rows[i].relation, str_equal(rows[i].type, "ip-src") ? "192.0.2.1" : "mx.bank.example");
        struct report *report = misp_decoded_text(text);
        const struct sighting *sighting = &report->observations[0].sightings[0];
        assert_int_equal(sighting->role, rows[i].role);
        assert_int_equal(sighting->is_indicator, rows[i].is_indicator);
        report_free(report);
        free(text);
    }
}

/* What an event says of its confidence holds for attributes that say nothing of their own. */
static void confidence_of_the_event_holds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int first, second;
    } rows[] = {
        {"{\"Event\":{\"info\":\"x\",\"Tag\":[{\"name\":\"misp:confidence-level=\\\"usually-confident\\\"\"}],\"Attribute\":["
         "{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"Tag\":[{\"name\":\"misp:confidence-level=\\\"unconfident\\\"\"}]}],\"Object\":["
         "{\"name\":\"o\",\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"192.0.2.2\"}]}]}}",
         0, 75},
        {"{\"response\":[{\"Event\":{\"info\":\"x\",\"Tag\":[{\"name\":\"admiralty-scale:information-credibility=\\\"2\\\"\"}],"
         "\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\"}]}},{\"Event\":{\"info\":\"y\",\"Attribute\":["
         "{\"type\":\"ip-dst\",\"value\":\"192.0.2.2\"}]}}]}",
         70, -1},
        {"{\"response\":{\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"Event\":{\"Tag\":["
         "{\"name\":\"admiralty-scale:information-credibility=\\\"1\\\"\"}]}},{\"type\":\"ip-dst\",\"value\":\"192.0.2.2\"}]}}",
         90, -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct report *report = misp_decoded_text(rows[i].text);
        assert_int_equal(report->observation_count, 2);
        assert_int_equal(report->observations[0].sightings[0].confidence, rows[i].first);
        assert_int_equal(report->observations[1].sightings[0].confidence, rows[i].second);
        report_free(report);
    }
}

static void an_event_without_a_time_is_not_written(void **state)
{
    (void)state;
    struct report *report = misp_decoded_text("{\"Event\":{\"info\":\"x\"}}");
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1000000);
    assert_false(codec_find("misp")->encode(report, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    report->time = 1772438400 * TIMESTAMP_SECOND;
    buf_init(&out, 100);
    assert_false(codec_find("misp")->encode(report, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&out);
    report_free(report);
}

static void urls_without_a_scheme_are_names(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum observable_type type;
    } rows[] = {{"http://a.example.net/x", OBSERVABLE_URL}, {"www.a.example.net", OBSERVABLE_DOMAIN},
                {"/gate.php?id=", OBSERVABLE_TEXT},         {"198.51.100.7:8080/x.exe", OBSERVABLE_TEXT},
                {"www.a.example/gate", OBSERVABLE_TEXT},    {"a.example:8080", OBSERVABLE_TEXT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("{\"Attribute\":{\"type\":\"url\",\"to_ids\":true,\"value\":\"%s\"}}", rows[i].value);
        struct report *report = misp_decoded_text(text);
        assert_int_equal(report->rejected_total, 0);
        assert_int_equal(report->observation_count, 1);
        assert_int_equal(report->observations[0].sightings[0].type, rows[i].type);
        assert_string_equal(report->observations[0].sightings[0].value, rows[i].value);
        assert_true(report->observations[0].sightings[0].is_indicator);
        report_free(report);
        free(text);
    }
}

/* With and without colons, as other formats have them. */
static void fingerprints_of_certificates_are_hashes(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value;
        enum observable_type is;
        const char *hash;
    } rows[] = {
        {"x509-fingerprint-md5", "D4:1D:8C:D9:8F:00:B2:04:E9:80:09:98:EC:F8:42:7E", OBSERVABLE_MD5, "d41d8cd98f00b204e9800998ecf8427e"},
        {"x509-fingerprint-sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709", OBSERVABLE_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"x509-fingerprint-sha256", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", OBSERVABLE_SHA256,
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("{\"Attribute\":{\"type\":\"%s\",\"to_ids\":true,\"value\":\"%s\"}}", rows[i].type, rows[i].value);
        struct report *report = misp_decoded_text(text);
        assert_int_equal(report->observations[0].sightings[0].type, rows[i].is);
        assert_string_equal(report->observations[0].sightings[0].value, rows[i].hash);
        assert_true(report->observations[0].sightings[0].is_indicator);
        report_free(report);
        free(text);
    }
}

/* --- very long events --- */

static int64_t milliseconds_for(int attributes)
{
    struct buf text;
    buf_init(&text, codec_limits_default.document_bytes_max);
    buf_add_text(&text, "{\"Event\":{\"info\":\"x\",\"timestamp\":\"1772438400\",\"Attribute\":[");
    for (int i = 0; i < attributes; i++)
        buf_printf(
            &text,
            "%s{\"type\":\"ip-dst|port\",\"category\":\"Network activity\",\"to_ids\":true,\"value\":\"10.%d.%d.%d|%d\",\"comment\":\"\"}",
            i ? "," : "", i >> 16, i >> 8 & 255, i & 255, i & 65535);
    buf_add_text(&text, "]}}");
    assert_false(text.full);
    int64_t start = timestamp_monotonic_ms();
    struct report *report = misp_decoded(text.bytes, text.size, "many");
    int64_t took = timestamp_monotonic_ms() - start;
    assert_true(report->observation_count > (size_t)attributes - 2);
    report_free(report);
    buf_clear(&text);
    return took;
}

/* Eight times the length may take some eight times the time, not sixty-four. */
static void time_grows_with_the_length_only(void **state)
{
    (void)state;
    int64_t few = milliseconds_for(5000), many = milliseconds_for(40000);
    print_message("5,000 attributes: %lld ms, 40,000: %lld ms\n", (long long)few, (long long)many);
    assert_true(many < 24 * (few + 10));
}

/* Joined once: each with all before it would be gigabytes of these few megabytes. */
static void the_texts_of_many_events_are_joined(void **state)
{
    enum { COUNT = 4000, LENGTH = 1000 };
    struct buf text;
    UNUSED(state);
    buf_init(&text, 16 * 1024 * 1024);
    buf_add_text(&text, "{\"response\":[");
    for (int i = 0; i < COUNT; i++)
        buf_printf(&text, "%s{\"Event\":{\"info\":\"%0*d\",\"date\":\"2026-01-01\"}}", i ? "," : "", LENGTH, i);
    buf_add_text(&text, "]}");
    struct report *report = misp_decoded(buf_text(&text), text.size, "many events");
    assert_int_equal(strlen(report->description), COUNT * (LENGTH + 2) - 2);
    assert_int_equal(strlen(report->summary), LENGTH);
    report_free(report);
    buf_clear(&text);
}

static void too_many_attributes_are_a_limit(void **state)
{
    (void)state;
    static const char text[] =
        "{\"Event\":{\"info\":\"x\",\"Attribute\":[{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcdef\"},"
        "{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcde0\"}]}}";
    struct codec_limits limits = codec_limits_default;
    limits.observations_max = 1;
    struct report *report = NULL;
    struct err err = {0};
    assert_false(codec_decode(codec_find("misp"), text, strlen(text), &limits, NULL, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.at, "/Event/Attribute/1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_of_the_corpus_is_read_and_written),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(reports_of_other_formats_survive),
        cmocka_unit_test(types_and_categories_are_pairs_of_misp),
        cmocka_unit_test(what_is_written_is_valid),
        cmocka_unit_test(local_tags_stay_home),
        cmocka_unit_test(persons_are_no_indicators),
        cmocka_unit_test(relations_say_which_side_a_host_is),
        cmocka_unit_test(urls_without_a_scheme_are_names),
        cmocka_unit_test(fingerprints_of_certificates_are_hashes),
        cmocka_unit_test(confidence_of_the_event_holds),
        cmocka_unit_test(an_event_without_a_time_is_not_written),
        cmocka_unit_test(time_grows_with_the_length_only),
        cmocka_unit_test(too_many_attributes_are_a_limit),
        cmocka_unit_test(the_texts_of_many_events_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
