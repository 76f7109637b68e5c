/* STIX as tools write it that do not keep to every word of the standard: what is meant is clear, so it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/stix.h"
#include "support/stix_bundle.h"

#define OBJECT                                                                                                                             \
    "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-000000000001\","                         \
    "\"created\":\"2026-03-01T00:00:00.000Z\",\"modified\":\"2026-03-01T00:00:00.000Z\",\"pattern_type\":\"stix\",\"pattern\":"
#define VALID ",\"valid_from\":\"2026-03-01T00:00:00Z\""

/* Objects as a list with nothing around it. */
static void lists_of_objects_are_read(void **state)
{
    (void)state;
    static const char text[] = "[" OBJECT "\"[ipv4-addr:value = '192.0.2.1']\"" VALID "}," OBJECT
                               "\"[ipv4-addr:value = '192.0.2.2']\"" VALID ",\"confidence\":900}]";
    assert_ptr_equal(codec_probe(text, strlen(text), &(struct codec_hints){0}), &stix_codec);
    struct report *report = stix_decoded(text);
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->rejected_total, 1);
    assert_string_equal(report->rejections[0].at, "/1/confidence");
    assert_null(report->reference);
    report_free(report);
}

/* Without valid_from an indicator is as old as its object. */
static void valid_from_may_be_missing(void **state)
{
    (void)state;
    struct report *report = stix_decoded(OBJECT "\"[ipv4-addr:value = '192.0.2.1']\"}");
    assert_int_equal(report->observation_count, 1);
    assert_string_equal(report->observations[0].time_text, "2026-03-01T00:00:00.000Z");
    report_free(report);
}

static void objects_are(const char *objects, const char *wanted);

/* The name of a host where a URL belongs is that name; one without a scheme is a text, and its host is seen with it, but not marked; what
 * is neither is told. */
static void hosts_are_no_urls(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *found;
        size_t rejected;
    } rows[] = {
        {"[url:value = 'Bad.example.org']", "domain bad.example.org !", 0},
        {"[url:value = '192.0.2.1']", "ipv4 192.0.2.1 !", 0},
        {"[url:value = '192.0.2.1/gate.php']", "text 192.0.2.1/gate.php !, ipv4 192.0.2.1", 0},
        {"[url:value = 'bad.example.org:8080/x']", "text bad.example.org:8080/x !, domain bad.example.org", 0},
        {"[url:value = 'bad.org/x']", "text bad.org/x !, domain bad.org", 0},
        {"[url:value = 'bad.org/x' AND url:value = 'a b']", "text bad.org/x, domain bad.org", 1},
        {"[url:value = '/gate.php']", "", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf found;
        buf_init(&found, 1000);
        char *text = mem_printf(OBJECT "\"%s\"" VALID "}", rows[i].pattern);
        struct report *report = stix_decoded(text);
        const struct observation *observation = &report->observations[0];
        for (size_t k = 0; k < observation->sighting_count; k++) {
            const struct sighting *sighting = &observation->sightings[k];
            buf_printf(&found, "%s%s %s%s", k ? ", " : "", observable_type_name(sighting->type), sighting->value,
                       sighting->is_indicator ? " !" : "");
            assert_int_equal(sighting->role, ROLE_INFRASTRUCTURE);
        }
        assert_string_equal(buf_text(&found), rows[i].found);
        assert_int_equal(report->rejected_total, rows[i].rejected);
        report_free(report);
        free(text);
        buf_clear(&found);
    }
    objects_are("{\"type\":\"url\",\"id\":\"url--1\",\"value\":\"bad.org/x\"}", "bad.org/x other, bad.org other");
}

/* Many write the paths of Windows as they are. */
static void backslashes_of_paths_are_kept(void **state)
{
    (void)state;
    struct report *report =
        stix_decoded(OBJECT "\"[file:name = 'C:\\\\Temp\\\\evil.exe'] OR [domain-name:value = 'b\\\\u00fccher.example']\"" VALID "}");
    const struct observation *observation = &report->observations[0];
    assert_int_equal(observation->sighting_count, 1);
    assert_string_equal(observation->sightings[0].value, "C:\\Temp\\evil.exe");
    assert_int_equal(report->rejected_total, 1);
    report_free(report);
}

/* Neither a value nor a fault; what names them is kept as it is. */
static void absent_values_are_none(void **state)
{
    (void)state;
    struct report *report = stix_decoded(
        "[" OBJECT "\"[ipv4-addr:value IN ('192.0.2.1', '0.0.0.0')] OR [domain-name:value = 'n/a']\"" VALID "},"
        "{\"type\":\"ipv6-addr\",\"spec_version\":\"2.1\",\"id\":\"ipv6-addr--00000000-0000-4000-8000-000000000009\",\"value\":\"::\"}]");
    assert_int_equal(report->rejected_total, 0);
    assert_int_equal(report->observations[0].sighting_count, 1);
    assert_string_equal(report->observations[0].sightings[0].value, "192.0.2.1");
    assert_non_null(strstr(report->observations[0].extra, "domain-name:value = 'n/a'"));
    assert_int_equal(report->observation_count, 1);
    assert_non_null(strstr(report->extra, "ipv6-addr--00000000-0000-4000-8000-000000000009"));
    report_free(report);
}

/* --- whole documents --- */

#define CREATED "\"created\":\"2026-03-01T00:00:00.000Z\",\"modified\":\"2026-03-01T00:00:00.000Z\""
#define SEEN    CREATED ",\"first_observed\":\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\",\"number_observed\":3"
#define UUID(n) "00000000-0000-4000-8000-00000000000" n
#define INDICATOR(n, more)                                                                                                                 \
    "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--" UUID(                                                          \
        n) "\"," CREATED ",\"pattern_type\":\"stix\",\"pattern\":\"[ipv4-addr:value = '192.0.2." n "']\"" VALID more "}"
#define ADDRESS(n, more) "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--" UUID(n) "\",\"value\":\"192.0.2." n "\"" more "}"
#define OBSERVED(more)   "{\"type\":\"observed-data\",\"spec_version\":\"2.1\",\"id\":\"observed-data--" UUID("0") "\"," SEEN "," more "}"

static struct report *decode_objects(const char *objects)
{
    char *text = mem_printf("{\"type\":\"bundle\",\"id\":\"bundle--" UUID("0") "\",\"objects\":[%s]}", objects);
    struct report *report = stix_decoded(text);
    free(text);
    return report;
}

/* The values of an observation, and their roles: "192.0.2.1 other, a.example source". */
static void observation_is(const struct report *report, size_t number, const char *wanted)
{
    struct buf text;
    buf_init(&text, 1u << 16);
    assert_true(number < report->observation_count);
    for (size_t i = 0; i < report->observations[number].sighting_count; i++) {
        const struct sighting *sighting = &report->observations[number].sightings[i];
        buf_printf(&text, "%s%s %s", i ? ", " : "", sighting->value, sighting_role_name(sighting->role));
        buf_add_text(&text, sighting->is_indicator ? " indicator" : "");
    }
    assert_string_equal(buf_text(&text), wanted);
    buf_clear(&text);
}

static void only_observation_is(const struct report *report, const char *wanted)
{
    assert_int_equal(report->observation_count, 1);
    observation_is(report, 0, wanted);
}

static void objects_are(const char *objects, const char *wanted)
{
    struct report *report = decode_objects(objects);
    only_observation_is(report, wanted);
    report_free(report);
}

static void bundles_within_are_read(void **state)
{
    (void)state;
    static const char list[] = "[{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[" INDICATOR(
        "1", "") "]},{\"type\":\"bundle\",\"id\":\"bundle--2\",\"objects\":[7," INDICATOR("2", "") "]}]";
    struct report *report = stix_decoded(list);
    assert_int_equal(report->observation_count, 2);
    assert_int_equal(report->rejected_total, 1);
    assert_string_equal(report->rejections[0].at, "/1/objects/0");
    assert_non_null(strstr(report->extra, "bundle--2"));
    report_free(report);
    report = decode_objects(
        "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":\"bundle\",\"id\":\"bundle--2\",\"objects\":[" INDICATOR(
            "1", ",\"labels\":[\"tlp:red\"]") "," INDICATOR("2", ",\"confidence\":900") "]}]}");
    only_observation_is(report, "192.0.2.1 infrastructure indicator");
    assert_int_equal(report->tlp, TLP_RED);
    assert_string_equal(report->rejections[0].at, "/objects/0/objects/0/objects/1/confidence");
    report_free(report);
    static const char wrong[] = "[{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[7]}]";
    struct err err = {0};
    assert_false(codec_decode(&stix_codec, wrong, strlen(wrong), &codec_limits_default, NULL, &report, &err));
    assert_string_equal(err.at, "/0/objects/0");
}

/* As deep as the parser lets it be, whatever is in it. */
static void bundles_end_somewhere(void **state)
{
    (void)state;
    enum { LEVELS = 31 };
    struct buf text;
    buf_init(&text, 1u << 16);
    for (int i = 0; i < LEVELS; i++)
        buf_printf(&text, "{\"type\":\"bundle\",\"id\":\"bundle--%d\",\"objects\":[", i);
    buf_add_text(&text, INDICATOR("1", ""));
    for (int i = 0; i < LEVELS; i++)
        buf_add_text(&text, "]}");
    struct report *report = stix_decoded(buf_text(&text));
    only_observation_is(report, "192.0.2.1 infrastructure indicator");
    report_free(report);
    buf_clear(&text);
}

static void null_is_absent_and_numbers_may_have_a_point(void **state)
{
    (void)state;
    struct report *report =
        decode_objects(INDICATOR("1", ",\"labels\":null,\"object_marking_refs\":null,\"lang\":null,\"confidence\":85.0"));
    only_observation_is(report, "192.0.2.1 infrastructure indicator");
    assert_int_equal(report->observations[0].sightings[0].confidence, 85);
    report_free(report);
    report = decode_objects("{\"type\":\"observed-data\",\"id\":\"observed-data--1\"," CREATED
                            ",\"first_observed\":\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\","
                            "\"number_observed\":3.0,\"object_refs\":[\"ipv4-addr--" UUID("1") "\"]}," ADDRESS("1", ""));
    assert_int_equal(report->observations[0].count, 3);
    report_free(report);
    report = stix_decoded("{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":null}");
    assert_int_equal(report->observation_count, 0);
    report_free(report);
}

/* --- observables --- */

static void observables_may_say_when_they_were_made(void **state)
{
    (void)state;
    objects_are(ADDRESS("1", "," CREATED), "192.0.2.1 other");
    objects_are("{\"type\":\"x-opencti-hostname\",\"id\":\"x-opencti-hostname--1\",\"value\":\"a.example\"," CREATED "}",
                "a.example other");
    struct report *report = decode_objects("{\"type\":\"x-acme-case\",\"id\":\"x-acme-case--1\",\"value\":\"a.example\"," CREATED "}");
    assert_int_equal(report->observation_count, 0);
    report_free(report);
}

/* A header is a list in 2.1, where 2.0 has a text. */
static void headers_are_lists_or_texts(void **state)
{
    (void)state;
    static const char *const agents[] = {"\"a/1\"", "[\"a/1\"]"};
    for (size_t i = 0; i < ARRAY_SIZE(agents); i++) {
        char *objects = mem_printf("{\"type\":\"network-traffic\",\"id\":\"network-traffic--1\",\"protocols\":[\"tcp\"],\"extensions\":{"
                                   "\"http-request-ext\":{\"request_header\":{\"User-Agent\":%s}}}}",
                                   agents[i]);
        objects_are(objects, "a/1 other");
        free(objects);
    }
}

/* From 192.0.2.1 to that address and port. */
static char *traffic(int number, const char *target, int port)
{
    return mem_printf("{\"type\":\"network-traffic\",\"id\":\"network-traffic--%d\",\"protocols\":[\"tcp\"],\"src_port\":1024,"
                      "\"src_ref\":\"ipv4-addr--" UUID("1") "\",\"dst_ref\":\"ipv4-addr--" UUID("%s") "\",\"dst_port\":%d}",
                      number, target, port);
}

/* One observation has one of each: what differs is nobody's, and stays in what is kept. */
static void ports_of_several_connections_do_not_mix(void **state)
{
    (void)state;
    static const char references[] = "\"object_refs\":[\"network-traffic--1\",\"network-traffic--2\",\"ipv4-addr--" UUID("3") "\"]";
    char *first = traffic(1, "2", 80), *second = traffic(2, "3", 443), *observed = mem_printf(OBSERVED("%s"), references);
    char *objects = mem_printf("%s,%s,%s,%s", observed, ADDRESS("1", "") "," ADDRESS("2", "") "," ADDRESS("3", ""), first, second);
    struct report *report = decode_objects(objects);
    only_observation_is(report, "192.0.2.1 source, 192.0.2.2 target, 192.0.2.3 target");
    assert_int_equal(report->observations[0].source_port, 1024);
    assert_int_equal(report->observations[0].target_port, -1);
    assert_string_equal(report->observations[0].protocol, "tcp");
    assert_non_null(strstr(report->extra, "443"));
    assert_non_null(strstr(report->extra, ":80"));
    report_free(report);
    char *texts[] = {first, second, observed, objects};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
}

/* Parts of a mail and files in an archive were observed with it. */
static void references_in_lists_and_extensions_are_followed(void **state)
{
    (void)state;
    objects_are(
        OBSERVED("\"object_refs\":[\"email-message--1\"]") ",{\"type\":\"email-message\",\"id\":\"email-message--1\",\"is_multipart\":"
                                                           "true,\"body_multipart\":[{\"body\":\"x\"},{\"body_raw_ref\":\"file--1\"}]},"
                                                           "{\"type\":\"file\",\"id\":\"file--1\",\"name\":\"a.exe\"}",
        "a.exe other");
    objects_are(
        "{\"type\":\"file\",\"id\":\"file--1\",\"name\":\"a.exe\"},{\"type\":\"file\",\"id\":\"file--2\",\"name\":\"a.zip\",\"extensions\":"
        "{\"archive-ext\":{\"contains_refs\":[\"file--1\"]}}}," OBSERVED("\"object_refs\":[\"file--2\"]"),
        "a.exe other, a.zip other");
}

static void objects_beside_references_are_both_read(void **state)
{
    (void)state;
    objects_are(OBSERVED("\"objects\":{},\"object_refs\":[\"ipv4-addr--" UUID("1") "\"]") "," ADDRESS("1", ""), "192.0.2.1 other");
    objects_are(OBSERVED("\"objects\":{\"0\":{\"type\":\"ipv4-addr\",\"value\":\"192.0.2.9\"}},\"object_refs\":[\"ipv4-addr--" UUID(
                    "1") "\"]") "," ADDRESS("1", ""),
                "192.0.2.1 other, 192.0.2.9 other");
}

/* --- indicators and sightings --- */

#define BASED_ON                                                                                                                           \
    "{\"type\":\"relationship\",\"id\":\"relationship--1\"," CREATED                                                                       \
    ",\"relationship_type\":\"based-on\",\"source_ref\":\"indicator--" UUID("1") "\",\"target_ref\":\"ipv4-addr--" UUID("1") "\"}"

/* One statement, not one of the indicator and another of the address. */
static void indicators_are_one_with_the_observable_they_rest_on(void **state)
{
    (void)state;
    objects_are(INDICATOR("1", "") "," ADDRESS("1", "") "," BASED_ON, "192.0.2.1 infrastructure indicator");
    struct report *report = decode_objects(INDICATOR("1", "") "," ADDRESS("1", ",\"labels\":[\"tlp:red\"]") "," BASED_ON);
    assert_int_equal(report->tlp, TLP_RED);
    report_free(report);
}

static void pattern_is(const char *pattern, const char *wanted)
{
    char *object = mem_printf(OBJECT "\"%s\"" VALID "}", pattern);
    objects_are(object, wanted);
    free(object);
}

/* As misp-stix and the standard's own examples write an address that malware calls. */
static void destinations_are_infrastructure(void **state)
{
    (void)state;
    pattern_is("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1']",
               "192.0.2.1 infrastructure indicator");
    pattern_is("[url:value = 'http://a.example/x' AND url:x_misp_host = 'a.example']", "http://a.example/x infrastructure indicator");
    struct report *report =
        stix_decoded(OBJECT "\"[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'a.example' AND "
                            "network-traffic:dst_port = '9090']\"" VALID "}");
    only_observation_is(report, "a.example infrastructure indicator");
    assert_int_equal(report->observations[0].target_port, 9090);
    assert_null(strstr(report->observations[0].extra, "not_decomposed"));
    report_free(report);
}

#define DIGEST "d41d8cd98f00b204e9800998ecf8427e"

/* The file of a process (binary_ref in 2.0), what is in a file, the files of an archive; the sections of a program are none. */
static void files_behind_references_are_files(void **state)
{
    (void)state;
    pattern_is("[process:image_ref.hashes.MD5 = '" DIGEST "']", DIGEST " other indicator");
    pattern_is("[process:binary_ref.hashes.'MD5' = '" DIGEST "' AND process:command_line = 'x -e']", DIGEST " other");
    pattern_is("[process:image_ref.name = 'evil.exe' OR process:binary_ref.name = 'bad.exe']",
               "evil.exe other indicator, bad.exe other indicator");
    pattern_is("[file:content_ref.hashes.MD5 = '" DIGEST "']", DIGEST " other indicator");
    pattern_is("[file:extensions.'archive-ext'.contains_refs[*].hashes.MD5 = '" DIGEST "']", DIGEST " other indicator");
    pattern_is("[file:extensions.'windows-pebinary-ext'.sections[*].hashes.MD5 = '" DIGEST "']", "");
}

/* 2.0 has the vocabulary of indicators in labels; those of 2.1 are anybody's words. */
static void benign_is_a_label_in_20(void **state)
{
    (void)state;
    struct report *report = stix_decoded("{\"type\":\"indicator\",\"id\":\"indicator--" UUID(
        "1") "\"," CREATED ",\"labels\":[\"benign\"],\"pattern\":\"[ipv4-addr:value = '192.0.2.1']\"" VALID "}");
    assert_int_equal(report->observation_count, 0);
    assert_int_equal(report->withdrawn_count, 1);
    report_free(report);
    objects_are(INDICATOR("1", ",\"labels\":[\"benign\"]"), "192.0.2.1 infrastructure indicator");
}

#define SIGHTING(more) "{\"type\":\"sighting\",\"spec_version\":\"2.1\",\"id\":\"sighting--1\"," CREATED ",\"count\":7," more "}"

/* OpenCTI calls a sighting negative that was none, and names an observable beside an indicator that does not exist. */
static void sightings_of_opencti(void **state)
{
    (void)state;
    static const char *const negative[] = {
        INDICATOR("1", "") "," SIGHTING("\"sighting_of_ref\":\"indicator--" UUID("1") "\",\"x_opencti_negative\":true"),
        INDICATOR("1", "") "," SIGHTING("\"sighting_of_ref\":\"indicator--" UUID(
            "1") "\",\"extensions\":{\"extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba\":{\"negative\":true}}")};
    for (size_t i = 0; i < ARRAY_SIZE(negative); i++)
        objects_are(negative[i], "192.0.2.1 infrastructure indicator");
    struct report *report = decode_objects(ADDRESS("1", "") "," SIGHTING(
        "\"sighting_of_ref\":\"indicator--c1034564-a9fb-429b-a1c1-c80116cc8e1e\",\"x_opencti_sighting_of_ref\":\"ipv4-addr--" UUID(
            "1") "\""));
    only_observation_is(report, "192.0.2.1 other");
    assert_int_equal(report->observations[0].count, 7);
    report_free(report);
}

/* --- whom traffic went to --- */

/* What observed traffic from 192.0.2.1 to 192.0.2.2 becomes beside these objects, which come behind it. */
static void traffic_is(const char *more_of_it, const char *beside, const char *wanted)
{
    char *connection = traffic(1, "2", 80), *observed = mem_printf(OBSERVED("\"object_refs\":[\"network-traffic--1\"]%s"), more_of_it);
    char *objects = mem_printf("%s,%s,%s%s", observed, ADDRESS("1", "") "," ADDRESS("2", ""), connection, beside);
    struct report *report = decode_objects(objects);
    observation_is(report, 0, wanted);
    for (size_t i = 1; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) /* a sighting says the same */
            assert_true((report->observations[i].sightings[k].role == ROLE_TARGET) == (strstr(wanted, "target") != NULL) ||
                        !str_equal(report->observations[i].sightings[k].value, "192.0.2.2"));
    report_free(report);
    free(connection);
    free(observed);
    free(objects);
}

#define SIGHTED(id)     "," SIGHTING("\"sighting_of_ref\":\"" id "\",\"observed_data_refs\":[\"observed-data--" UUID("0") "\"]")
#define MALWARE(types)  ",{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"malware--1\"," CREATED ",\"is_family\":false" types "}"
#define TO_TARGET       "192.0.2.1 source, 192.0.2.2 target"
#define TO_INFRA        "192.0.2.1 source, 192.0.2.2 infrastructure"
#define INDICATOR_ID(n) "indicator--" UUID(n)

static void what_bots_call_is_no_target(void **state)
{
    (void)state;
    traffic_is("", "", TO_TARGET);
    /* An indicator of the document for the address itself, sighted or not. */
    traffic_is("", "," INDICATOR("2", ""), TO_INFRA);
    traffic_is("", "," INDICATOR("2", "") SIGHTED(INDICATOR_ID("2")), TO_INFRA);
    traffic_is(",\"labels\":[\"scanner\"]", "," INDICATOR("2", ""), TO_INFRA);
    /* For something else that was sighted by it; but not for its source, and not where the indicator is not there. */
    traffic_is("", "," INDICATOR("9", "") SIGHTED(INDICATOR_ID("9")), TO_INFRA);
    traffic_is("", "," INDICATOR("9", ""), TO_TARGET);
    traffic_is("", "," INDICATOR("1", "") SIGHTED(INDICATOR_ID("1")), TO_TARGET);
    traffic_is("", SIGHTED(INDICATOR_ID("9")), TO_TARGET);
    traffic_is("", "," INDICATOR("9", ",\"labels\":[\"scanner\"]") SIGHTED(INDICATOR_ID("9")), TO_TARGET);
    /* Malware calls whom it knows, unless it is one that attacks. */
    traffic_is("", SIGHTED("malware--1"), TO_INFRA);
    traffic_is("", MALWARE(",\"malware_types\":[\"backdoor\"]") SIGHTED("malware--1"), TO_INFRA);
    traffic_is("", MALWARE(",\"malware_types\":[\"ddos\"]") SIGHTED("malware--1"), TO_TARGET);
    /* The class of the statement. */
    traffic_is(",\"labels\":[\"botnet\"]", "", TO_INFRA);
    traffic_is(",\"labels\":[\"brute-force\"]", "", TO_TARGET);
}

/* --- the head --- */

#define REPORT(n, more)                                                                                                                    \
    "{\"type\":\"report\",\"spec_version\":\"2.1\",\"id\":\"report--" UUID(                                                                \
        n) "\"," CREATED ",\"published\":\"2026-03-01T00:00:00Z\",\"object_refs\":[],\"name\":\"name " n "\",\"description\":\"text " n    \
           "\"" more "}"

static void what_was_taken_back_is_no_head(void **state)
{
    (void)state;
    struct report *report = decode_objects(REPORT("1", ",\"revoked\":true") "," REPORT("2", ""));
    assert_string_equal(report->summary, "name 2");
    assert_string_equal(report->description, "text 2");
    assert_non_null(strstr(report->extra, "text 1"));
    report_free(report);
}

#define WEAKNESS "{\"type\":\"vulnerability\",\"spec_version\":\"2.1\",\"id\":\"vulnerability--1\"," CREATED ",\"name\":\"CVE-2026-0001\"}"

static void malware_and_addresses_make_an_incident(void **state)
{
    (void)state;
    static const struct {
        const char *objects;
        bool is_advisory;
    } cases[] = {
        {WEAKNESS, true},
        {WEAKNESS ",{\"type\":\"software\",\"id\":\"software--1\",\"name\":\"x\"}", true},
        {WEAKNESS "," ADDRESS("1", ""), false},
        {WEAKNESS ",{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"malware--1\"," CREATED ",\"is_family\":true}", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct report *report = decode_objects(cases[i].objects);
        assert_int_equal(report->case_kind != NULL, cases[i].is_advisory);
        report_free(report);
    }
}

static void incidents_name_their_class_in_several_ways(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"incident_type\":\"phishing\"",
        ("\"extensions\":{\"extension-definition--ef765651-680c-498d-9894-99799f2fa126\":{\"extension_type\":\"property-extension\","
         "\"incident_types\":[\"major\",\"phishing\"]}}")};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        char *object =
            mem_printf("{\"type\":\"incident\",\"spec_version\":\"2.1\",\"id\":\"incident--1\"," CREATED ",\"name\":\"x\",%s}", members[i]);
        struct report *report = decode_objects(object);
        assert_string_equal(report->class_claim, "phishing");
        assert_string_equal(report->class_name, "fraud/phishing");
        report_free(report);
        free(object);
    }
}

/* Nothing is lost with it: the label is what counts. */
static void markings_may_be_undated(void **state)
{
    (void)state;
    struct report *report = decode_objects(INDICATOR(
        "1", ",\"object_marking_refs\":[\"marking-definition--1\"]") ",{\"type\":"
                                                                     "\"marking-definition\",\"id\":\"marking-definition--1\",\"definition_"
                                                                     "type\":\"tlp\",\"definition\":{\"tlp\":\"red\"}}");
    assert_int_equal(report->tlp, TLP_RED);
    report_free(report);
}

/* --- what is recognised --- */

static void documents_without_uuids_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_stix;
    } cases[] = {
        {"{\"objects\":[{\"type\":\"indicator\",\"id\":\"indicator--some-indicator\"}]}", true},
        {"{\"type\":\"indicator\",\"id\":\"indicator--acme-1\",\"description\":\"x\"}", true},
        {"{\"id\":\"411628bf\",\"objects\":[{\"id\":\"indicator--1\",\"type\":\"indicator\"}]}", true},
        {"{\"more\":false}", true},
        {"{\"objects\":[]}", true},
        {"[{\"type\":\"bundle\",\"id\":\"x\",\"objects\":[]}]", true},
        {"{\"description\":\"x\",\"type\":\"phishing\",\"id\":\"a--b\"}", false},
        {"{\"description\":\"x\",\"more\":true}", false},
        {"{\"observables\":[{\"value\":\"192.0.2.1\"}],\"objects\":[]}", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct codec *found = codec_probe(cases[i].text, strlen(cases[i].text), &(struct codec_hints){0});
        if ((found == &stix_codec) != cases[i].is_stix)
            fail_msg("%s is taken for %s", cases[i].text, found ? found->name : "nothing");
    }
    struct report *report = stix_decoded("{\"more\":false}");
    assert_int_equal(report->observation_count, 0);
    report_free(report);
}

/* Long texts are copied each time that somebody refers to them. */
static void what_is_referred_to_again_and_again_ends(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        int size, references;
    } many[] = {{"\"name\":\"x", 60000, 700}, {"\"name\":\"x\",\"labels\":[\"x", 1000000, 40}};
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        struct buf text;
        struct report *report = NULL;
        struct err err = {0};
        buf_init(&text, 4 * 1024 * 1024);
        buf_printf(&text, "[{\"type\":\"file\",\"id\":\"file--1\",%s%*s\"%s}", many[i].member, many[i].size, "", i ? "]" : "");
        for (int k = 0; k < many[i].references; k++)
            buf_printf(&text,
                       ",{\"type\":\"observed-data\",\"spec_version\":\"2.1\",\"id\":\"observed-data--00000000-0000-4000-8000-%012d\","
                       "\"created\":\"2026-03-01T00:00:00Z\",\"modified\":\"2026-03-01T00:00:00Z\",\"first_observed\":"
                       "\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\",\"number_observed\":1,"
                       "\"object_refs\":[\"file--1\"]}",
                       k);
        buf_add_text(&text, "]");
        assert_false(codec_decode(&stix_codec, buf_text(&text), text.size, &codec_limits_default, NULL, &report, &err));
        assert_int_equal(err.code, ERR_LIMIT);
        assert_string_equal(err.text, "too much is referred to again and again");
        buf_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_objects_are_read),
        cmocka_unit_test(valid_from_may_be_missing),
        cmocka_unit_test(hosts_are_no_urls),
        cmocka_unit_test(backslashes_of_paths_are_kept),
        cmocka_unit_test(absent_values_are_none),
        cmocka_unit_test(bundles_within_are_read),
        cmocka_unit_test(bundles_end_somewhere),
        cmocka_unit_test(null_is_absent_and_numbers_may_have_a_point),
        cmocka_unit_test(observables_may_say_when_they_were_made),
        cmocka_unit_test(headers_are_lists_or_texts),
        cmocka_unit_test(ports_of_several_connections_do_not_mix),
        cmocka_unit_test(references_in_lists_and_extensions_are_followed),
        cmocka_unit_test(objects_beside_references_are_both_read),
        cmocka_unit_test(indicators_are_one_with_the_observable_they_rest_on),
        cmocka_unit_test(destinations_are_infrastructure),
        cmocka_unit_test(files_behind_references_are_files),
        cmocka_unit_test(benign_is_a_label_in_20),
        cmocka_unit_test(sightings_of_opencti),
        cmocka_unit_test(what_bots_call_is_no_target),
        cmocka_unit_test(what_was_taken_back_is_no_head),
        cmocka_unit_test(malware_and_addresses_make_an_incident),
        cmocka_unit_test(incidents_name_their_class_in_several_ways),
        cmocka_unit_test(markings_may_be_undated),
        cmocka_unit_test(documents_without_uuids_are_recognised),
        cmocka_unit_test(what_is_referred_to_again_and_again_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
