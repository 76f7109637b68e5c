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
#include "codec/misp_tag.h"
#include "support/file.h"
#include "support/report_dump.h"

#define EVENTS TEST_CORPUS "/misp/pymisp-tests"

static struct report *decode(const char *text, size_t size, const char *where)
{
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec_find("misp"), text, size, &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: refused: %s: %s", where, err.at, err.text);
    return report;
}

static struct report *decode_text(const char *text)
{
    return decode(text, strlen(text), text);
}

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
    struct report *report = decode(text, strlen(text), where);
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
    struct report *again = decode(text, strlen(text), where);
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
    struct report *report = decode_text(
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

static void an_event_without_a_time_is_not_written(void **state)
{
    (void)state;
    struct report *report = decode_text("{\"Event\":{\"info\":\"x\"}}");
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
        struct report *report = decode_text(text);
        assert_int_equal(report->rejected_total, 0);
        assert_int_equal(report->observation_count, 1);
        assert_int_equal(report->observations[0].sightings[0].type, rows[i].type);
        assert_string_equal(report->observations[0].sightings[0].value, rows[i].value);
        assert_true(report->observations[0].sightings[0].is_indicator);
        report_free(report);
        free(text);
    }
}

/* --- labels --- */

static void the_stricter_of_tag_and_distribution_binds(void **state)
{
    (void)state;
    static const struct {
        const char *owner;
        enum tlp around, label;
    } rows[] = {
        {"{}", TLP_NONE, TLP_NONE},
        {"{}", TLP_GREEN, TLP_GREEN},
        {"{\"distribution\":\"0\"}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"distribution\":1}", TLP_NONE, TLP_AMBER},
        {"{\"distribution\":\"2\"}", TLP_NONE, TLP_GREEN},
        {"{\"distribution\":\"3\"}", TLP_NONE, TLP_GREEN},
        {"{\"distribution\":3,\"Tag\":[{\"name\":\"TLP:WHITE\"}]}", TLP_NONE, TLP_CLEAR},
        {"{\"distribution\":\"4\",\"Tag\":[{\"name\":\"tlp:clear\"}]}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"distribution\":\"5\"}", TLP_NONE, TLP_NONE},
        {"{\"distribution\":\"5\",\"Tag\":[{\"name\":\"tlp:clear\"}]}", TLP_AMBER, TLP_AMBER},
        {"{\"distribution\":\"9\"}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"distribution\":\"3\",\"Tag\":[{\"name\":\"tlp:green\"},{\"name\":\"tlp:red\",\"local\":1}]}", TLP_CLEAR, TLP_RED},
        {"{\"Tag\":[{\"name\":\"tlp:ex:chr\"}]}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"Tag\":{\"name\":\"tlp:red\"}}", TLP_NONE, TLP_RED},
        {"{\"Tag\":[\"tlp:red\"]}", TLP_NONE, TLP_RED},
        {"{\"distribution\":\"3\",\"tags\":[{\"name\":\"tlp:red\"}]}", TLP_NONE, TLP_RED},
        {"{\"Tag\":[{\"name\":\" tlp:red\"}]}", TLP_NONE, TLP_RED},
        {"{\"EventTag\":[{\"id\":\"1\",\"Tag\":{\"name\":\"tlp:red\"}}]}", TLP_GREEN, TLP_RED},
        {"{\"Tag\":[{\"name\":\"tlp:green\"}],\"AttributeTag\":[{\"Tag\":{\"name\":\"tlp:amber\"}}]}", TLP_NONE, TLP_AMBER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *owner = json_loads(rows[i].owner, 0, NULL);
        if (misp_tag_label(owner, rows[i].around) != rows[i].label)
            fail_msg("%s is %s", rows[i].owner, tlp_label(misp_tag_label(owner, rows[i].around)));
        json_decref(owner);
    }
}

/* Wide labels of texts that are only kept do not become those of an event that has none; empty lists of such texts say nothing. */
static void kept_texts_do_not_widen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tlp label;
    } rows[] = {
        {"{\"Event\":{\"info\":\"x\",\"Note\":[{\"note\":\"n\",\"distribution\":\"3\"}]}}", TLP_NONE},
        {"{\"Event\":{\"info\":\"x\",\"Note\":[{\"note\":\"n\",\"distribution\":\"0\"}]}}", TLP_AMBER_STRICT},
        {"{\"Event\":{\"info\":\"x\",\"EventReport\":[],\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"distribution\":\"2\"}"
         "]}}",
         TLP_GREEN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct report *report = decode_text(rows[i].text);
        if (report->tlp != rows[i].label)
            fail_msg("%s is %s", rows[i].text, tlp_label(report->tlp));
        report_free(report);
    }
}

/* Also what no observation is made of: its words stay in extra. */
static void what_is_only_kept_has_a_label_too(void **state)
{
    (void)state;
#define RED "\"Tag\":[{\"name\":\"tlp:red\"}]"
    static const char *const kept[] = {
        "\"Attribute\":[{\"type\":\"comment\",\"value\":\"secret\"," RED "}]",
        "\"Attribute\":[{\"type\":\"comment\"," RED "}]",
        "\"Attribute\":[{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcdef\",\"deleted\":true," RED "}]",
        "\"Object\":[{\"name\":\"n\",\"Attribute\":[{\"type\":\"text\",\"value\":\"secret\"," RED "}]}]",
        "\"Object\":[{\"name\":\"n\",\"deleted\":true,\"Attribute\":[{\"type\":\"text\",\"value\":\"secret\"," RED "}]}]",
        "\"EventReport\":[{\"name\":\"n\",\"content\":\"secret\"," RED "}]",
        "\"Note\":[{\"note\":\"secret\"," RED "}]",
        "\"Attribute\":[{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcdef\",\"Opinion\":[{\"opinion\":\"10\"," RED "}]}]",
        "\"Object\":[{\"name\":\"n\",\"Note\":[{\"Opinion\":[{\"comment\":\"secret\"," RED "}]}]}]",
    };
#undef RED
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char *text = mem_printf("{\"Event\":{\"info\":\"x\",\"Tag\":[{\"name\":\"tlp:green\"}],%s}}", kept[i]);
        struct report *report = decode_text(text);
        if (report->tlp != TLP_RED)
            fail_msg("%s is %s", text, tlp_label(report->tlp));
        report_free(report);
        free(text);
    }
}

/* As /attributes/restSearch and /objects/restSearch answer. */
static void what_a_search_found_has_the_labels_of_its_event(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"response\":{\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"203.0.113.7\",\"distribution\":\"5\",\"Event\":{\"info\":\"x\","
        "\"distribution\":\"0\","
        "\"Tag\":[{\"name\":\"PAP:RED\"}]}}]}}",
        "{\"response\":[{\"Object\":{\"name\":\"domain-ip\",\"template_uuid\":\"43b3b146-77eb-4931-b4cc-b66c60f28734\",\"distribution\":"
        "\"5\",\"Event\":{\"distribution\":"
        "\"0\",\"Tag\":[{\"name\":\"PAP:RED\"}]},\"Attribute\":[{\"type\":\"ip-dst\",\"object_relation\":\"ip\",\"value\":\"203.0.113.7\"}]"
        "}}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct report *report = decode(texts[i], strlen(texts[i]), "found");
        assert_int_equal(report->tlp, TLP_AMBER_STRICT);
        assert_int_equal(report->pap, TLP_RED);
        report_free(report);
    }
}

static void tags_that_name_a_class_do(void **state)
{
    (void)state;
    static const struct {
        const char *tag, *name;
    } rows[] = {
        {"rsit:malicious-code=\\\"c2-server\\\"", "malicious-code/c2-server"},
        {"circl:incident-classification=\\\"phishing\\\"", "fraud/phishing"},
        {"circl:incident-classification=\\\"information-leak\\\"", "information-content-security/data-leak"},
        {"circl:incident-classification=\\\"screenlocker\\\"", "malicious-code/infected-system"},
        {"europol-incident:malware=\\\"distribution\\\"", "malicious-code/malware-distribution"},
        {"CERT-XLM:malicious-code=\\\"ransomware\\\"", "malicious-code/infected-system"},
        {"CERT-XLM:fraud=\\\"phishing\\\"", "fraud/phishing"},
        {"ecsirt:intrusion-attempts=\\\"brute-force\\\"", "intrusion-attempts/brute-force"},
        {"misp-galaxy:tool=\\\"phishing\\\"", NULL},
        {"test", NULL},
        {"exercise", NULL},
        {"rsit:test=\\\"test\\\"", NULL},
        {"rsit:\\\"", NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("{\"Tag\":[{\"name\":\"%s\"},{},7]}", rows[i].tag);
        json_t *owner = json_loads(text, 0, NULL);
        const char *claim, *name;
        assert_non_null(owner);
        misp_tag_class(owner, arena, &claim, &name);
        if (!str_equal(name, rows[i].name))
            fail_msg("%s is %s", rows[i].tag, name ? name : "nothing");
        json_decref(owner);
        free(text);
    }
    arena_free(arena);
}

/* The host of a URL without a scheme is a value beside its text, but not what was marked. */
static void a_url_without_a_scheme_names_its_host(void **state)
{
    (void)state;
    static const struct {
        const char *value, *host;
    } rows[] = {{"198.51.100.7:8080/x.exe", "198.51.100.7"},
                {"198.51.100.7/x", "198.51.100.7"},
                {"www.a.example/gate", "www.a.example"},
                {"a.example:8080", "a.example"},
                {"a.example.net/gate?id=1", "a.example.net"},
                {"index.php/gate", NULL},
                {"setup.py?x", NULL},
                {"a.example:x", NULL},
                {"host:80/x", NULL},
                {"/gate.php", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("{\"Attribute\":{\"type\":\"url\",\"to_ids\":true,\"value\":\"%s\"}}", rows[i].value);
        struct report *report = decode_text(text);
        const struct observation *observation = &report->observations[0];
        assert_int_equal(observation->sighting_count, rows[i].host ? 2 : 1);
        assert_string_equal(observation->sightings[0].value, rows[i].value);
        assert_true(observation->sightings[0].is_indicator);
        if (rows[i].host) {
            assert_string_equal(observation->sightings[1].value, rows[i].host);
            assert_false(observation->sightings[1].is_indicator);
        }
        report_free(report);
        free(text);
    }
}

/* What MISP says that is no event is told as what it is, not as a broken report of ours. */
static void other_documents_of_misp_are_refused_as_such(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"{\"response\":[]}", "there is no event in it"},
        {"{\"response\":{\"Attribute\":[]}}", "there is no event in it"},
        {"{\"Sighting\":{\"type\":\"0\",\"attribute_id\":\"7\"}}", "is a sighting of MISP"},
        {"{\"saved\":false,\"name\":\"n\",\"message\":\"m\",\"url\":\"/events/add\"}", "is an answer about an error"},
        {"{\"00000000-0000-4000-8000-000000000001\":{\"info\":\"x\",\"Orgc\":{\"name\":\"n\"},\"threat_level_id\":\"1\"}}",
         "is the manifest of a feed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct report *report = NULL;
        struct err err = {0};
        const struct codec *codec = codec_probe(rows[i].text, strlen(rows[i].text), NULL);
        assert_string_equal(codec->name, "misp");
        assert_false(codec_decode(codec, rows[i].text, strlen(rows[i].text), &codec_limits_default, NULL, &report, &err));
        if (!strstr(err.text, rows[i].fault))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

/* As ZeroMQ says it: the event beside the attribute, and sometimes only the action says that it is gone. */
static void what_a_message_says_is_deleted_is_withdrawn(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true,\"deleted\":1},\"Event\":{\"info\":"
        "\"x\"}}",
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true},\"Event\":{\"info\":\"x\"},\"action\":"
        "\"delete\"}",
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true},\"action\":\"soft-delete\"}",
        "{\"Object\":{\"name\":\"n\",\"deleted\":\"True\"},\"Attribute\":[{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\"}],"
        "\"Event\":{\"info\":\"x\"}}",
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\"},\"Object\":{\"name\":null},"
        "\"Event\":{\"info\":\"x\"},\"action\":\"delete\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct report *report = decode_text(texts[i]);
        assert_int_equal(report->observation_count, 0);
        assert_int_equal(report->withdrawn_count, 1);
        assert_true(report->withdrawn[0].indicator_id == report_indicator_id("u"));
        assert_non_null(strstr(report->extra, "192.0.2.1"));
        report_free(report);
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
    struct report *report = decode(text.bytes, text.size, "many");
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
    struct report *report = decode(buf_text(&text), text.size, "many events");
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
        cmocka_unit_test(urls_without_a_scheme_are_names),
        cmocka_unit_test(an_event_without_a_time_is_not_written),
        cmocka_unit_test(the_stricter_of_tag_and_distribution_binds),
        cmocka_unit_test(what_a_search_found_has_the_labels_of_its_event),
        cmocka_unit_test(what_is_only_kept_has_a_label_too),
        cmocka_unit_test(kept_texts_do_not_widen),
        cmocka_unit_test(tags_that_name_a_class_do),
        cmocka_unit_test(a_url_without_a_scheme_names_its_host),
        cmocka_unit_test(what_a_message_says_is_deleted_is_withdrawn),
        cmocka_unit_test(other_documents_of_misp_are_refused_as_such),
        cmocka_unit_test(time_grows_with_the_length_only),
        cmocka_unit_test(too_many_attributes_are_a_limit),
        cmocka_unit_test(the_texts_of_many_events_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
