/*
 * What IntelMQ makes of the same bytes, held against what we make of them: every field of every event that the corpus has. What differs
 * stands with its reason in tests/data/intelmq-differences.tsv: a difference that is not there fails, and so does a line there that no
 * event needs. Both ways: each fact of theirs is one of ours, and each value of ours stands somewhere in theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "base/timestamp_read.h"
#include "codec/base64.h"
#include "codec/codec.h"
#include "codec/csv_mapping.h"
#include "codec/shadowserver_table.h"
#include "model/rsit.h"
#include "support/file.h"

#define SHADOWSERVER TEST_CORPUS "/shadowserver"

/* --- the known differences --- */

enum { KNOWN_WHERE, KNOWN_FIELD, KNOWN_THEIRS, KNOWN_OURS, KNOWN_REASON, KNOWN_COLUMNS };

struct known {
    char *columns[KNOWN_COLUMNS]; /* patterns of fnmatch(3), and the word of the reason in docs/FORMATS.md */
    size_t met;
};

static struct {
    char *text;
    struct known known[400];
    size_t known_count, files, rows, fields, equal, differing, unexpected;
} state;

static int load_known(void **unused)
{
    UNUSED(unused);
    size_t size = 0;
    state.text = file_read(TEST_DATA "/intelmq-differences.tsv", &size);
    for (char *at = state.text, *line; at && (line = strsep(&at, "\n"));) {
        if (!*line || *line == '#')
            continue;
        struct known *known = &state.known[state.known_count++];
        assert_true(state.known_count < ARRAY_SIZE(state.known));
        for (size_t i = 0; i < KNOWN_COLUMNS; i++)
            known->columns[i] = strsep(&line, "\t");
        if (!known->columns[KNOWN_REASON] || line)
            fail_msg("a line of the table of differences has not five columns: %s", known->columns[KNOWN_WHERE]);
    }
    return 0;
}

static bool fits(const struct known *known, const char *const values[4])
{
    for (size_t i = 0; i < 4; i++)
        if (fnmatch(known->columns[i], values[i], 0) != 0)
            return false;
    return true;
}

/* ours NULL: the same. */
static void judge(const char *where, const char *field, const char *theirs, const char *ours)
{
    const char *const values[] = {where, field, theirs, ours};
    state.fields++;
    if (!ours) {
        state.equal++;
        return;
    }
    state.differing++;
    for (size_t i = 0; i < state.known_count; i++) {
        if (fits(&state.known[i], values)) {
            state.known[i].met++;
            return;
        }
    }
    state.unexpected++;
    print_message("%s\t%s\t%s\t%s\n", where, field, theirs, ours);
}

/* --- values --- */

static const char *text_of(const json_t *value)
{
    static char text[4][4000];
    static size_t next;
    char *out = text[next++ % 4];
    if (json_is_string(value))
        return json_string_value(value);
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    snprintf(out, sizeof text[0], "%s", dump);
    free(dump);
    return out;
}

static bool is_yes(const char *text, bool yes)
{
    static const char *const words[2][7] = {{"0", "n", "no", "false", "disabled"}, {"1", "y", "yes", "true", "enabled"}};
    for (size_t i = 0; words[yes][i]; i++)
        if (str_equal_nocase(text, words[yes][i]))
            return true;
    return false;
}

static bool is_number(const char *text, double number)
{
    char *end;
    double ours = strtod(text, &end);
    return end != text && !*end && ours == number;
}

static bool is_same_moment(const char *theirs, const char *ours)
{
    int64_t one, other;
    const char *rule;
    return timestamp_parse_rfc3339(theirs, &one) && timestamp_read(ours, &other, &rule) && one == other;
}

/* What IntelMQ turned into a number, a boolean or a time is the same as the text that we kept. */
static bool is_same(const json_t *theirs, const json_t *ours)
{
    if (json_equal(theirs, ours))
        return true;
    const char *text = text_of(ours);
    if (json_is_boolean(theirs))
        return is_yes(text, json_is_true(theirs));
    if (json_is_number(theirs))
        return is_number(text, json_number_value(theirs));
    return json_is_string(theirs) && (str_equal(text_of(theirs), text) || is_same_moment(text_of(theirs), text));
}

/* --- one observation against one event --- */

enum side { ANY, SOURCE, TARGET };

struct pair {
    const char *where;
    const struct report *report;
    const struct observation *observation;
    const json_t *event;
    json_t *extra;
};

static bool is_on_side(const struct sighting *sighting, enum side side)
{
    return side == ANY || (sighting->role != ROLE_OTHER && sighting->role != (side == SOURCE ? ROLE_TARGET : ROLE_SOURCE));
}

static bool is_value(const struct sighting *sighting, const char *text)
{
    struct arena *arena = arena_new();
    enum observable_type type = sighting->type;
    const char *normal = observable_read(arena, &type, text);
    bool same = normal && str_equal(normal, sighting->value);
    arena_free(arena);
    return same;
}

static bool has_value(const struct pair *pair, enum side side, const char *text)
{
    for (size_t i = 0; i < pair->observation->sighting_count; i++)
        if (is_on_side(&pair->observation->sightings[i], side) && is_value(&pair->observation->sightings[i], text))
            return true;
    return false;
}

static const char *where_else(const struct pair *pair, const char *text)
{
    const char *name;
    json_t *value;
    if (has_value(pair, ANY, text))
        return "in another role";
    json_object_foreach(pair->extra, name, value)
    {
        if (str_equal_nocase(text_of(value), text))
            return name;
    }
    if (pair->observation->class_claim && str_equal_nocase(pair->observation->class_claim, text))
        return "the class as claimed";
    return pair->report->reference && str_equal(pair->report->reference, text)  ? "the report's reference"
           : pair->report->extra && strstr(pair->report->extra, text)           ? "within the report's extra"
           : pair->observation->extra && strstr(pair->observation->extra, text) ? "within extra"
                                                                                : "-";
}

static void compare_value(const struct pair *pair, const char *field, const json_t *theirs, enum side side)
{
    const char *text = text_of(theirs);
    judge(pair->where, field, text, has_value(pair, side, text) ? NULL : where_else(pair, text));
}

static void compare_number(const struct pair *pair, const char *field, const json_t *theirs, int64_t ours)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)ours);
    bool same = str_equal(text_of(theirs), number);
    judge(pair->where, field, text_of(theirs), same ? NULL : ours == -1 ? "-" : number);
}

static void compare_time(const struct pair *pair, const char *field, const json_t *theirs)
{
    int64_t moment;
    char ours[TIMESTAMP_TEXT_SIZE] = "-";
    if (pair->observation->time != TIMESTAMP_NONE)
        timestamp_format(pair->observation->time, ours);
    bool same = timestamp_parse_rfc3339(text_of(theirs), &moment) && moment == pair->observation->time;
    judge(pair->where, field, text_of(theirs), same ? NULL : ours);
}

static void compare_class(const struct pair *pair, const char *field, const json_t *theirs)
{
    const char *named = pair->observation->class_name ? pair->observation->class_name : pair->report->class_name;
    const char *ours = named ? named : "-", *wanted = rsit_find(text_of(theirs));
    if (str_ends(field, "taxonomy"))
        judge(pair->where, field, text_of(theirs), str_starts(ours, text_of(theirs)) ? NULL : ours);
    else
        judge(pair->where, field, text_of(theirs), wanted && str_equal(wanted, ours) ? NULL : ours);
}

/* Under the column's name, whatever IntelMQ calls it: "extra.destination.sector" is "dst_sector". */
static const json_t *find_kept(const struct pair *pair, const char *field)
{
    static const char *const ways[][2] = {{"", ""},
                                          {"extra.source.", "src_"},
                                          {"extra.source.", ""},
                                          {"source.geolocation.", "src_"},
                                          {"source.geolocation.", ""},
                                          {"destination.geolocation.", "dst_"},
                                          {"extra.destination.", "dst_"},
                                          {"extra.destination.", "dest_"},
                                          {"destination.geolocation.", "dest_"},
                                          {"extra.", "src_"},
                                          {"extra.", ""}};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char name[200];
        if (!str_starts(field, ways[i][0]))
            continue;
        snprintf(name, sizeof name, "%s%s", ways[i][1], field + strlen(ways[i][0]));
        const json_t *kept = json_object_get(pair->extra, name);
        if (kept)
            return kept;
    }
    return NULL;
}

static void compare_kept(const struct pair *pair, const char *field, const json_t *theirs)
{
    const json_t *kept = find_kept(pair, field);
    const char *text = text_of(theirs);
    if (kept)
        judge(pair->where, field, text, is_same(theirs, kept) ? NULL : text_of(kept));
    else
        judge(pair->where, field, text, has_value(pair, ANY, text) ? NULL : where_else(pair, text));
}

static void compare_protocol(const struct pair *pair, const char *field, const json_t *theirs)
{
    const char *ours = pair->observation->protocol;
    judge(pair->where, field, text_of(theirs), ours && str_equal(ours, text_of(theirs)) ? NULL : ours ? ours : "-");
}

static void compare_field(const struct pair *pair, const char *field, const json_t *theirs)
{
    static const char *const about_the_message[] = {"__type", "raw", "feed.*", "time.observation"};
    static const char *const values[] = {"ip", "network", "asn", "geolocation.cc", "fqdn", "reverse_dns", "url", "account"};
    for (size_t i = 0; i < ARRAY_SIZE(about_the_message); i++)
        if (fnmatch(about_the_message[i], field, 0) == 0)
            return;
    const char *dot = strchr(field, '.');
    enum side side = str_starts(field, "source.") ? SOURCE : str_starts(field, "destination.") ? TARGET : ANY;
    for (size_t i = 0; side != ANY && i < ARRAY_SIZE(values); i++)
        if (str_equal(dot + 1, values[i])) {
            compare_value(pair, field, theirs, side);
            return;
        }
    if (str_equal(field, "source.port") || str_equal(field, "destination.port"))
        compare_number(pair, field, theirs, side == SOURCE ? pair->observation->source_port : pair->observation->target_port);
    else if (str_starts(field, "malware.hash."))
        compare_value(pair, field, theirs, ANY);
    else if (str_equal(field, "time.source"))
        compare_time(pair, field, theirs);
    else if (str_equal(field, "classification.type") || str_equal(field, "classification.taxonomy"))
        compare_class(pair, field, theirs);
    else if (str_equal(field, "protocol.transport"))
        compare_protocol(pair, field, theirs);
    else if (str_equal(field, "extra.count"))
        compare_number(pair, field, theirs, pair->observation->count);
    else if (str_equal(field, "extra.source.local_port") && !find_kept(pair, field))
        compare_number(pair, field, theirs, pair->observation->source_port);
    else if (str_equal(field, "event_description.text") && pair->observation->description)
        judge(pair->where, field, text_of(theirs),
              str_equal(pair->observation->description, text_of(theirs)) ? NULL : pair->observation->description);
    else
        compare_kept(pair, field, theirs);
}

/* A value of ours must come from somewhere. */
static void compare_sighting(const struct pair *pair, const struct sighting *sighting)
{
    const char *name;
    json_t *value;
    char field[80];
    json_object_foreach((json_t *)pair->event, name, value)
    {
        if (!str_starts(name, "feed.") && (is_value(sighting, text_of(value)) || str_equal_nocase(text_of(value), sighting->value)))
            return;
    }
    snprintf(field, sizeof field, "%s %s", sighting_role_name(sighting->role), observable_type_name(sighting->type));
    judge(pair->where, field, "-", sighting->value);
}

static void compare(const char *where, const struct report *report, const struct observation *observation, const json_t *event)
{
    struct pair pair = {where, report, observation, event, observation->extra ? json_loads(observation->extra, 0, NULL) : json_object()};
    const char *field;
    json_t *theirs;
    assert_true(json_is_object(pair.extra));
    state.rows++;
    json_object_foreach((json_t *)event, field, theirs)
    {
        compare_field(&pair, field, theirs);
    }
    for (size_t i = 0; i < observation->sighting_count; i++)
        compare_sighting(&pair, &observation->sightings[i]);
    json_decref(pair.extra);
}

/* --- Shadowserver --- */

static struct report *decode(const char *format, const char *bytes, size_t size, const char *name, const char *mapping)
{
    struct codec_hints hints = {.name = name, .mapping = mapping};
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec_find(format), bytes, size, &codec_limits_default, &hints, &report, &err))
        fail_msg("%s: %s: %s", name, err.at, err.text);
    return report;
}

/* IntelMQ 3.2 still reads some reports in their layout of 2019. */
static char *read_sample(const char *name, size_t *size)
{
    static const char *const folders[] = {"intelmq-3.2", "intelmq-2020-legacy"};
    char *bytes = NULL;
    for (size_t i = 0; i < 2 && !bytes; i++) {
        char *path = mem_printf(SHADOWSERVER "/%s/%s.csv", folders[i], name);
        bytes = file_read(path, size);
        free(path);
    }
    return bytes;
}

static void compare_report(const char *name, const json_t *events)
{
    size_t size = 0;
    char *bytes = read_sample(name, &size), *file_name = mem_printf("2026-01-01-%s-test.csv", name);
    char *where = mem_printf("shadowserver/%s", name);
    if (bytes) {
        struct report *report = decode("shadowserver", bytes, size, file_name, NULL);
        state.files++;
        /* IntelMQ's tests look at the first rows of a file only. */
        if (report->observation_count < json_array_size(events) || report->rejected_total)
            fail_msg("%s: %zu rows, %zu of them expected, %zu rejected", name, report->observation_count, json_array_size(events),
                     report->rejected_total);
        for (size_t i = 0; i < json_array_size(events); i++)
            compare(where, report, &report->observations[i], json_array_get(events, i));
        report_free(report);
    } else
        print_message("%s: the rows are not in the corpus\n", where);
    free(where);
    free(file_name);
    free(bytes);
}

static void skip_without(const char *path)
{
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
}

static void shadowserver_reports_say_what_intelmq_says(void **unused)
{
    UNUSED(unused);
    glob_t found;
    skip_without(SHADOWSERVER);
    assert_int_equal(glob(SHADOWSERVER "/intelmq-3.2-expected/*.expected.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        json_t *file = json_load_file(found.gl_pathv[i], 0, NULL), *events = json_object_get(file, "EVENTS");
        const char *base = strrchr(found.gl_pathv[i], '/') + 1;
        char *name = mem_printf("%.*s", (int)strcspn(base, "."), base);
        if (events)
            compare_report(name, events);
        free(name);
        json_decref(file);
    }
    globfree(&found);
}

/* The vendor says in its schema what class each type of report is of. */
static void types_have_the_class_that_their_vendor_gives(void **unused)
{
    UNUSED(unused);
    const char *type;
    json_t *facts;
    skip_without(SHADOWSERVER "/report_schema/reports.json");
    json_t *schema = json_load_file(SHADOWSERVER "/report_schema/reports.json", 0, NULL);
    assert_true(json_object_size(schema) > 150);
    json_object_foreach(schema, type, facts)
    {
        const char *class_type = json_string_value(json_object_get(facts, "classification.type"));
        char *where = mem_printf("vendor/%s", type);
        char *theirs = mem_printf("%s/%s", json_string_value(json_object_get(facts, "classification.taxonomy")), class_type);
        const struct shadowserver_type *ours = shadowserver_table_type(type);
        if (!ours)
            fail_msg("%s: no such type in our table", type);
        const char *wanted = str_equal(theirs, "other/blocklist") ? "other/other" : theirs;
        if (class_type)
            judge(where, "class", theirs, str_equal(wanted, ours->class_name) ? NULL : ours->class_name);
        free(theirs);
        free(where);
    }
    json_decref(schema);
}

/* --- feeds --- */

#define FEEDS TEST_CORPUS "/feeds"

/* file: in feeds/intelmq, or NULL: the member of the outputs' file that holds the input, as text or as what "raw" has in base64. */
static const struct feed {
    const char *name, *outputs, *file, *member, *format, *mapping, *events[3];
} feeds[] = {
    {"bambenek-c2-dom", "bambenek__parser", "bambenek/c2-dommasterlist.txt", NULL, "csv", "tests/data/csv/feeds", {"DOMAIN_EVENTS"}},
    {"bambenek-c2-ip", "bambenek__parser", "bambenek/c2-ipmasterlist.txt", NULL, "csv", "tests/data/csv/feeds", {"IP_EVENTS"}},
    {"bambenek-dga", "bambenek__parser", "bambenek/dga-feed.txt", NULL, "csv", "tests/data/csv/feeds", {"DGA_EVENTS"}},
    {"bruteforceblocker", "danger_rulez__parser", NULL, "RAW", "csv", "packaging/mappings", {"OUTPUT1", "OUTPUT2"}},
    {"cins-army", "ci_army__parser", NULL, "OUTPUT1", "csv", "packaging/mappings", {"OUTPUT1"}},
    {"cins-army", "ci_army__parser", NULL, "OUTPUT2", "csv", "packaging/mappings", {"OUTPUT2"}},
    {"dshield-as", "dshield__parser_asn", "dshield/asdetailsascii.html", NULL, "csv", "packaging/mappings", {"EVENTS"}},
    {"dshield-block", "dshield__parser_block", "dshield/block.txt", NULL, "csv", "packaging/mappings", {"EVENTS"}},
    {"misp", "misp__parser", "misp/misp_event.json", NULL, "misp", NULL, {"EXAMPLE_EVENT"}},
    {"n6", "n6__parser", NULL, "EXAMPLE_REPORT", "n6", NULL, {"EXAMPLE_EVENT"}},
    {"openphish", "openphish__parser", "openphish/feed.txt", NULL, "csv", "packaging/mappings", {"OUTPUT1", "OUTPUT2"}},
    {"ponmocup", "dyn__parser", "dyn/ponmocup-infected-domains-CIF-latest.txt", NULL, "csv", "tests/data/csv/feeds", {"EXAMPLE_EVENTS"}},
    {"proki", "cznic__parser_proki", "cznic/example_proki.json", NULL, "intelmq", NULL, {"EXAMPLE_EVENT"}},
    {"spamhaus-asndrop", "spamhaus__parser_drop", "spamhaus/asndrop.txt", NULL, "csv", "tests/data/csv/feeds", {"ASN_EVENTS"}},
    {"spamhaus-cert", "spamhaus__parser_cert", "spamhaus/cert.txt", NULL, "csv", "packaging/mappings", {"EXAMPLE_EVENTS_PARTS"}},
    {"spamhaus-drop", "spamhaus__parser_drop", "spamhaus/drop.txt", NULL, "csv", "packaging/mappings", {"NETWORK_EVENTS"}},
    {"turris-greylist", "turris__parser", NULL, "INPUT", "csv", "packaging/mappings", {"OUTPUT"}},
    {"vxvault", "vxvault__parser", NULL, "EXAMPLE_REPORT", "csv", "packaging/mappings", {"EXAMPLE_EVENT"}},
};

static char *unpack(const char *text, size_t *size)
{
    char *bytes = mem_calloc(strlen(text) + 1, 1);
    if (!base64_decode(text, (unsigned char *)bytes, strlen(text), size))
        fail_msg("no base64: %s", text);
    return bytes;
}

/* An API's answer around the events, which its operator takes off. */
static char *take_data(char *answer, size_t *size)
{
    json_t *whole = json_loads(answer, 0, NULL);
    char *data = json_dumps(json_object_get(whole, "data"), 0);
    *size = strlen(data);
    json_decref(whole);
    free(answer);
    return data;
}

static char *read_feed(const struct feed *feed, const json_t *outputs, size_t *size)
{
    const json_t *member = feed->member ? json_object_get(outputs, feed->member) : NULL;
    if (feed->file) {
        char *path = mem_printf(FEEDS "/intelmq/%s", feed->file), *bytes = file_read(path, size);
        free(path);
        return str_equal(feed->format, "intelmq") ? take_data(bytes, size) : bytes;
    }
    if (json_is_object(member))
        return unpack(json_string_value(json_object_get(member, "raw")), size);
    if (str_equal(feed->member, "RAW"))
        return unpack(json_string_value(member), size);
    *size = json_string_length(member);
    return mem_strdup(json_string_value(member));
}

/* The observation that is about what the event is about. */
static const struct observation *find_observation(const struct report *report, const json_t *event)
{
    static const char *const subjects[] = {"source.ip", "source.network", "source.fqdn", "source.url", "source.asn", "destination.fqdn"};
    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
        const json_t *subject = json_object_get(event, subjects[i]);
        for (size_t k = 0; subject && k < report->observation_count; k++) {
            struct pair pair = {.observation = &report->observations[k]};
            if (has_value(&pair, ANY, text_of(subject)))
                return pair.observation;
        }
    }
    return NULL;
}

static void compare_events(const char *where, const struct report *report, const json_t *events)
{
    size_t i;
    json_t *event;
    bool in_order = json_array_size(events) == report->observation_count;
    json_array_foreach((json_t *)events, i, event)
    {
        const struct observation *observation = in_order ? &report->observations[i] : find_observation(report, event);
        if (observation)
            compare(where, report, observation, event);
        else
            judge(where, "event", text_of(json_object_get(event, "source.url")), "-");
    }
}

static void compare_feed(const struct feed *feed)
{
    char *path = mem_printf(FEEDS "/intelmq-expected/%s.expected.json", feed->outputs), *where = mem_printf("feeds/%s", feed->name);
    char *mapping_path = mem_printf("%s/%s/%s.mapping", SOURCE_DIR, feed->mapping ? feed->mapping : "-", feed->name);
    json_t *outputs = json_load_file(path, 0, NULL);
    size_t size = 0, mapping_size = 0;
    char *bytes = read_feed(feed, outputs, &size), *mapping = feed->mapping ? file_read(mapping_path, &mapping_size) : NULL;
    const struct codec_hints hints = {.name = feed->name, .mapping = mapping};
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec_find(feed->format), bytes, size, &codec_limits_default, &hints, &report, &err)) {
        judge(where, "refused", err.at, err.text);
        report = report_new(feed->format);
    }
    state.files++;
    for (size_t i = 0; i < report->rejection_count; i++)
        judge(where, "rejected", report->rejections[i].at, report->rejections[i].text);
    for (size_t i = 0; i < ARRAY_SIZE(feed->events) && feed->events[i]; i++) {
        const json_t *events = json_object_get(outputs, feed->events[i]);
        json_t *list = json_is_array(events) ? json_incref((json_t *)events) : json_pack("[O]", events);
        compare_events(where, report, list);
        json_decref(list);
    }
    report_free(report);
    json_decref(outputs);
    free(mapping);
    free(bytes);
    free(mapping_path);
    free(where);
    free(path);
}

static void feeds_say_what_intelmq_says(void **unused)
{
    UNUSED(unused);
    skip_without(FEEDS);
    for (size_t i = 0; i < ARRAY_SIZE(feeds); i++)
        compare_feed(&feeds[i]);
}

static void shipped_mappings_are_right(void **unused)
{
    UNUSED(unused);
    glob_t found;
    assert_int_equal(glob(SOURCE_DIR "/packaging/mappings/*.mapping", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct arena *arena = arena_new();
        struct csv_mapping mapping;
        struct err err = {0};
        size_t size = 0;
        char *text = file_read(found.gl_pathv[i], &size);
        if (!csv_mapping_parse(text, arena, &mapping, &err))
            fail_msg("%s: %s: %s", found.gl_pathv[i], err.at, err.text);
        if (!mapping.class_claim || !rsit_find(mapping.class_claim))
            fail_msg("%s: no class", found.gl_pathv[i]);
        free(text);
        arena_free(arena);
    }
    globfree(&found);
}

/* What is of no format that we read, or is read by a mapping only, must not pass as something else. */
static void other_feeds_are_refused(void **unused)
{
    UNUSED(unused);
    glob_t found;
    size_t refused = 0;
    skip_without(FEEDS);
    assert_int_equal(glob(FEEDS "/intelmq/*/*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t size = 0;
        char *bytes = file_read(found.gl_pathv[i], &size);
        struct codec_hints hints = {.name = strrchr(found.gl_pathv[i], '/') + 1};
        const struct codec *codec = codec_probe(bytes, size, &hints);
        struct report *report = NULL;
        struct err err = {0};
        bool is_read = codec && codec_decode(codec, bytes, size, &codec_limits_default, &hints, &report, &err);
        if (is_read != (strstr(found.gl_pathv[i], "/misp/") != NULL))
            fail_msg("%s is read as %s", found.gl_pathv[i], codec ? codec->name : "nothing");
        refused += !is_read;
        report_free(report);
        free(bytes);
    }
    globfree(&found);
    assert_true(refused > 20);
}

/* --- the table --- */

static void every_line_of_the_table_is_needed(void **unused)
{
    UNUSED(unused);
    size_t idle = 0;
    skip_without(SHADOWSERVER);
    print_message("%zu files, %zu rows, %zu fields compared: %zu the same, %zu differ and are explained\n", state.files, state.rows,
                  state.fields, state.equal, state.differing - state.unexpected);
    for (size_t i = 0; i < state.known_count; i++) {
        if (state.known[i].met)
            continue;
        print_message("no longer so: %s %s %s %s\n", state.known[i].columns[0], state.known[i].columns[1], state.known[i].columns[2],
                      state.known[i].columns[3]);
        idle++;
    }
    if (state.unexpected || idle)
        fail_msg("%zu differences are not in tests/data/intelmq-differences.tsv, %zu lines there are needless", state.unexpected, idle);
}

static void every_reason_is_told(void **unused)
{
    UNUSED(unused);
    size_t size = 0;
    char *docs = file_read(SOURCE_DIR "/docs/FORMATS.md", &size);
    const char *section = strstr(docs, "## Where we differ from IntelMQ");
    assert_non_null(section);
    for (size_t i = 0; i < state.known_count; i++) {
        char *row = mem_printf("\n| %s |", state.known[i].columns[KNOWN_REASON]);
        if (!strstr(section, row))
            fail_msg("docs/FORMATS.md does not explain \"%s\"", state.known[i].columns[KNOWN_REASON]);
        free(row);
    }
    free(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shadowserver_reports_say_what_intelmq_says),
        cmocka_unit_test(types_have_the_class_that_their_vendor_gives),
        cmocka_unit_test(feeds_say_what_intelmq_says),
        cmocka_unit_test(shipped_mappings_are_right),
        cmocka_unit_test(other_feeds_are_refused),
        cmocka_unit_test(every_line_of_the_table_is_needed),
        cmocka_unit_test(every_reason_is_told),
    };
    return cmocka_run_group_tests(tests, load_known, NULL);
}
