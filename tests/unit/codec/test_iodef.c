/* codec/iodef: what a peer's document becomes, and that nothing is lost on the way out and back. Samples: test_registry.c. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_json.h"
#include "support/file.h"
#include "support/report_dump.h"

enum { DOCUMENT_MAX = 4 << 20 };

static const struct codec_limits limits = {.document_bytes_max = DOCUMENT_MAX, .depth_max = 64, .observations_max = 1000};
static struct err err;

static struct report *decode(const char *text)
{
    struct report *report = NULL;
    err_clear(&err);
    if (!iodef_codec.decode(text, strlen(text), &limits, &(struct codec_hints){0}, &report, &err))
        assert_null(report);
    return report;
}

/* An Incident with the attributes, and content behind its Contact. */
static struct report *decode_incident(const char *attributes, const char *content)
{
    char *text = mem_printf("<IODEF-Document version='2.00' xmlns='" IODEF_SPACE "'><Incident purpose='reporting' %s>"
                            "<IncidentID name='a.example'>1</IncidentID><GenerationTime>2026-01-01T00:00:00Z</GenerationTime>"
                            "<Contact role='creator' type='organization'/>%s</Incident></IODEF-Document>",
                            attributes, content);
    struct report *report = decode(text);
    free(text);
    return report;
}

static void expect_label(const char *attributes, enum tlp label)
{
    struct report *report = decode_incident(attributes, "");
    assert_non_null(report);
    assert_int_equal(report->tlp, label);
    report_free(report);
}

static void test_labels_of_an_incident(void **state)
{
    UNUSED(state);
    expect_label("", TLP_AMBER);
    expect_label("restriction='default'", TLP_NONE);
    expect_label("restriction='white'", TLP_CLEAR);
    expect_label("restriction='public'", TLP_CLEAR);
    expect_label("restriction='green'", TLP_GREEN);
    expect_label("restriction='partner'", TLP_AMBER);
    expect_label("restriction='private'", TLP_AMBER);
    expect_label("restriction='need-to-know'", TLP_AMBER_STRICT);
    expect_label("restriction='red'", TLP_RED);
    expect_label("restriction='white' ext-restriction='TLP:CLEAR'", TLP_CLEAR);
    expect_label("restriction='red' ext-restriction='TLP:AMBER+STRICT'", TLP_AMBER_STRICT);
    expect_label("restriction='ext-value' ext-restriction='TLP:GREEN'", TLP_GREEN);
    expect_label("restriction='ext-value' ext-restriction='our eyes only'", TLP_AMBER_STRICT);
    /* A second label never widens the first. */
    expect_label("restriction='red' ext-restriction='TLP:CLEAR'", TLP_RED);
    expect_label("restriction='green' ext-restriction='TLP:RED'", TLP_RED);
}

/* The scale of numbers is open: with a point, up to 1, they are a share. */
static void test_confidence(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        int confidence;
        bool is_kept;
    } rows[] = {{"80", 80, false}, {"1", 1, false},    {"0.8", 80, true}, {"1.0", 100, true},
                {"0", 0, false},   {"75.5", 76, true}, {"101", -1, true}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *content =
            mem_printf("<IndicatorData><Indicator><IndicatorID name='a.example' version='1'>i</IndicatorID><Confidence rating='numeric'>"
                       "%s</Confidence><Observable><System><Node><Address category='ipv4-addr'>192.0.2.1</Address></Node></System>"
                       "</Observable></Indicator></IndicatorData>",
                       rows[i].text);
        struct report *report = decode_incident("", content);
        assert_non_null(report);
        assert_int_equal(report->observations[0].sightings[0].confidence, rows[i].confidence);
        assert_int_equal(report->observations[0].extra && strstr(report->observations[0].extra, "Confidence") != NULL, rows[i].is_kept);
        report_free(report);
        free(content);
    }
}

#define FLOW "<Flow><System category='source'><Node><Address category='ipv4-addr'>192.0.2.1</Address></Node></System></Flow>"

static void test_text_under_a_stricter_label_raises_the_report(void **state)
{
    UNUSED(state);
    struct report *report =
        decode_incident("restriction='green'", "<EventData restriction='red'><Description>secret</Description>" FLOW "</EventData>");
    assert_int_equal(report->tlp, TLP_RED);
    report_free(report);
    report = decode_incident("restriction='green'", "<EventData restriction='red'>" FLOW "</EventData>");
    assert_int_equal(report->tlp, TLP_GREEN);
    assert_int_equal(report->observations[0].sightings[0].tlp, TLP_RED);
    report_free(report);
    report =
        decode_incident("restriction='green'",
                        "<EventData>" FLOW "</EventData><AdditionalData dtype='string' name='x' restriction='amber'>y</AdditionalData>");
    assert_int_equal(report->tlp, TLP_AMBER);
    assert_int_equal(report->observations[0].sightings[0].tlp, TLP_GREEN);
    report_free(report);
}

/* "counter" of RFC 7970, "count" of RFC 8727, whatever the document is written in. */
static void test_counters_of_both_standards(void **state)
{
    UNUSED(state);
    static const struct {
        const char *type;
        int64_t count;
    } rows[] = {{"counter", 57}, {"count", 57}, {"average", 1}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *content = mem_printf("<EventData><Flow><System category='source'><Node><Address category='ipv4-addr'>192.0.2.1</Address>"
                                   "<Counter type='%s' unit='event'>57</Counter></Node></System></Flow></EventData>",
                                   rows[i].type);
        struct report *report = decode_incident("", content);
        assert_int_equal(report->observations[0].count, rows[i].count);
        report_free(report);
        free(content);
    }
}

static void test_a_victim_is_no_indicator(void **state)
{
    UNUSED(state);
    struct report *report =
        decode_incident("", "<EventData><Flow><System category='ext-value' ext-category='victim'><Node><Address "
                            "category='ipv4-addr' observable-id='v'>192.0.2.1</Address></Node></System></Flow></EventData>"
                            "<IndicatorData><Indicator><IndicatorID name='a' version='1'>i</IndicatorID>"
                            "<ObservableReference uid-ref='v'/></Indicator></IndicatorData>");
    assert_int_equal(report->observations[0].sightings[0].role, ROLE_VICTIM);
    assert_false(report->observations[0].sightings[0].is_indicator);
    report_free(report);
}

static void test_limits_of_observations_and_inheritance(void **state)
{
    UNUSED(state);
    struct buf text;
    buf_init(&text, DOCUMENT_MAX);
    for (size_t i = 0; i <= limits.observations_max; i++)
        buf_add_text(&text, "<EventData/>");
    assert_null(decode_incident("", buf_text(&text)));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_reset(&text);
    buf_add_text(&text, "<EventData>");
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, FLOW);
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, "<EventData/>");
    buf_add_text(&text, "</EventData>");
    assert_null(decode_incident("", buf_text(&text)));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_reset(&text);
    /* One long text counts as many elements. */
    buf_printf(&text, "<EventData><Flow><System><Node><Address>%*s</Address></Node></System></Flow>", 1000000, "x");
    for (int i = 0; i < 100; i++)
        buf_add_text(&text, "<EventData/>");
    buf_add_text(&text, "</EventData>");
    assert_null(decode_incident("", buf_text(&text)));
    assert_string_equal(err.text, "inner EventData inherit too much");
    buf_clear(&text);
}

static void add(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                const char *text, enum tlp tlp, bool is_indicator)
{
    assert_true(report_add_sighting(report, observation, type, role, text));
    observation->sightings[observation->sighting_count - 1].tlp = tlp;
    observation->sightings[observation->sighting_count - 1].is_indicator = is_indicator;
    observation->sightings[observation->sighting_count - 1].confidence = is_indicator ? (int)observation->sighting_count : -1;
    observation->sightings[observation->sighting_count - 1].valid_until =
        is_indicator && tlp != TLP_NONE ? 1798761600 * TIMESTAMP_SECOND : TIMESTAMP_NONE;
}

static void fill_observations(struct report *report)
{
    struct observation *o = report_add_observation(report);
    o->time = 1767225600 * TIMESTAMP_SECOND;
    o->time_text = "2026-01-01T01:00:00+01:00";
    o->time_rule = "rfc3339";
    o->class_claim = "botnet drone";
    o->class_name = "malicious-code/infected-system";
    o->description = "Two lines,\n  the second indented <&>";
    o->protocol = "udp";
    o->count = 42;
    o->source_port = 53;
    o->target_port = 0;
    o->extra = "{\"a\":{\"b\":[1,\"<\"]}}";
    add(report, o, OBSERVABLE_IPV4, ROLE_SOURCE, "192.0.2.1", TLP_NONE, true);
    add(report, o, OBSERVABLE_DOMAIN, ROLE_SOURCE, "a.example", TLP_NONE, false);
    add(report, o, OBSERVABLE_IPV6, ROLE_TARGET, "2001:db8::1", TLP_CLEAR, false);
    add(report, o, OBSERVABLE_CIDR, ROLE_TARGET, "2001:db8::/32", TLP_CLEAR, false);
    add(report, o, OBSERVABLE_CIDR, ROLE_INFRASTRUCTURE, "192.0.2.0/24", TLP_AMBER_STRICT, true);
    add(report, o, OBSERVABLE_EMAIL, ROLE_VICTIM, "x@b.example", TLP_RED, false);
    add(report, o, OBSERVABLE_URL, ROLE_OTHER, "http://a.example/?q=1&r=%202", TLP_GREEN, true);
    add(report, o, OBSERVABLE_ASN, ROLE_OTHER, "64500", TLP_GREEN, false);
    add(report, o, OBSERVABLE_MAC, ROLE_OTHER, "00:00:5e:00:53:01", TLP_GREEN, false);
    add(report, o, OBSERVABLE_CVE, ROLE_OTHER, "CVE-2024-1001", TLP_NONE, true);
    add(report, o, OBSERVABLE_CVE, ROLE_TARGET, "CVE-2024-1002", TLP_RED, false);
    add(report, o, OBSERVABLE_USER_AGENT, ROLE_SOURCE, "curl/8 (x; y)", TLP_NONE, true);
    add(report, o, OBSERVABLE_MD5, ROLE_INFRASTRUCTURE, "d41d8cd98f00b204e9800998ecf8427e", TLP_NONE, true);
    add(report, o, OBSERVABLE_SHA1, ROLE_INFRASTRUCTURE, "da39a3ee5e6b4b0d3255bfef95601890afd80709", TLP_NONE, false);
    add(report, o, OBSERVABLE_SHA256, ROLE_OTHER, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", TLP_RED, true);
    add(report, o, OBSERVABLE_SHA512, ROLE_OTHER,
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        TLP_RED, false);
    add(report, o, OBSERVABLE_FILENAME, ROLE_VICTIM, "rechnung \xC3\xBC.pdf", TLP_NONE, false);
    add(report, o, OBSERVABLE_COUNTRY, ROLE_SOURCE, "DE", TLP_NONE, false);
    add(report, o, OBSERVABLE_TEXT, ROLE_OTHER, "anything <else>", TLP_CLEAR, true);
    o = report_add_observation(report);
    o->protocol = "quic";
    o->count = 7;
    o = report_add_observation(report);
    o->target_port = 443;
    o->protocol = "tcp";
}

static struct report *full_report(void)
{
    struct report *report = report_new("iodef");
    report->description = "What happened";
    report->summary = "One line";
    report->lang = "sr-Latn";
    report->class_claim = "Phishing";
    report->class_name = "fraud/phishing";
    report->tlp = TLP_AMBER_STRICT;
    report->pap = TLP_GREEN;
    report->case_kind = "notice";
    report->time = 1767225600 * TIMESTAMP_SECOND + 5;
    report->time_text = "2026-01-01T00:00:00.000005Z";
    report->time_rule = "rfc3339";
    report->reference = "XX-CERT-2026-000042";
    report->reference_issuer = "xx-cert.example";
    report->reporter_name = "Jane Doe";
    report->reporter_email = "jane@example.org";
    report->creator_name = "XX-CERT \"duty\"";
    report->creator_email = "duty@xx-cert.example";
    report->extra = "{\"notes\":[\"one\",\"two\"]}";
    fill_observations(report);
    return report;
}

static int compare_sightings(const void *a, const void *b)
{
    return strcmp(((const struct sighting *)a)->value, ((const struct sighting *)b)->value);
}

/* Sightings have no order. */
static char *dump(struct report *report)
{
    for (size_t i = 0; i < report->observation_count; i++)
        if (report->observations[i].sighting_count)
            qsort(report->observations[i].sightings, report->observations[i].sighting_count, sizeof(struct sighting), compare_sightings);
    json_t *object = report_dump(report);
    char *text = report_dump_text(object);
    json_decref(object);
    return text;
}

static void expect_round_trip_by(const struct codec *codec, struct report *report)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    if (!codec->encode(report, &out, &err))
        fail_msg("%s", err.text);
    struct report *back = NULL;
    if (!codec_decode(codec, out.bytes, out.size, &limits, NULL, &back, &err))
        fail_msg("%s %s\n%s", err.at, err.text, buf_text(&out));
    back->format = report->format;
    char *before = dump(report), *after = dump(back);
    assert_string_equal(after, before);
    free(before);
    free(after);
    report_free(back);
    buf_clear(&out);
}

static void expect_round_trip(struct report *report)
{
    expect_round_trip_by(&iodef_codec, report);
    expect_round_trip_by(&iodef_json_codec, report);
}

static void test_nothing_is_lost_on_the_way(void **state)
{
    UNUSED(state);
    struct report *report = full_report();
    expect_round_trip(report);
    for (enum tlp label = TLP_NONE; label <= TLP_RED; label++) {
        report->tlp = label;
        expect_round_trip(report);
    }
    report_free(report);
}

static void test_encoding_needs_reference_and_time(void **state)
{
    UNUSED(state);
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    struct report *report = full_report();
    report->time = TIMESTAMP_NONE;
    assert_false(iodef_codec.encode(report, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    report->time = 0;
    report->reference = NULL;
    assert_false(iodef_codec.encode(report, &out, &err));
    assert_non_null(strstr(err.text, "IncidentID"));
    report->reference = "1";
    out.size_max = 100;
    assert_false(iodef_codec.encode(report, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    report_free(report);
    buf_clear(&out);
}

static char *slurp(const char *path)
{
    size_t size;
    char *bytes = file_read(path, &size);
    assert_non_null(bytes);
    return bytes;
}

/* --- what an IODEF document says of its systems, read a second time --- */

static bool has_role(const struct report *report, const char *text, enum sighting_role role)
{
    struct arena *arena = arena_new();
    bool found = false;
    for (size_t i = 0; i < report->observation_count && !found; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count && !found; k++) {
            const struct sighting *sighting = &report->observations[i].sightings[k];
            enum observable_type type = sighting->type;
            const char *value = observable_read(arena, &type, text);
            found = sighting->role == role && value && str_equal(value, sighting->value);
        }
    arena_free(arena);
    return found;
}

static size_t addresses_seen;

/* role ROLE_COUNT: of no system. */
static void expect_addresses(const struct report *report, const xmlNode *node, enum sighting_role role, const char *where)
{
    for (; node; node = node->next) {
        enum sighting_role inner = role;
        if (node->type != XML_ELEMENT_NODE)
            continue;
        xmlChar *category = xmlGetProp(node, (const xmlChar *)"category"), *spoofed = xmlGetProp(node, (const xmlChar *)"spoofed");
        if (xmlStrEqual(node->name, (const xmlChar *)"System") && (!category || !sighting_role_parse((const char *)category, &inner)))
            inner = ROLE_COUNT;
        if (xmlStrEqual(spoofed, (const xmlChar *)"yes"))
            inner = ROLE_VICTIM;
        if (xmlStrEqual(node->name, (const xmlChar *)"Address") && role != ROLE_COUNT && xmlStrstr(category, (const xmlChar *)"ip")) {
            xmlChar *text = xmlNodeGetContent(node);
            const char *value = (const char *)text + strspn((const char *)text, " \r\n\t");
            char *word = mem_printf("%.*s", (int)strcspn(value, " \r\n\t"), value);
            addresses_seen++;
            if (!strstr(word, "://") && !has_role(report, word, role))
                fail_msg("%s: %s is not %s", where, word, sighting_role_name(role));
            free(word);
            xmlFree(text);
        }
        xmlFree(category);
        xmlFree(spoofed);
        expect_addresses(report, node->children, inner, where);
    }
}

static void expect_facts(const struct report *report, const char *text, const char *where)
{
    xmlDoc *document = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
    assert_non_null(document);
    expect_addresses(report, xmlDocGetRootElement(document), ROLE_COUNT, where);
    xmlFreeDoc(document);
}

/* The examples of RFC 7970 and 8274, and those of version 1: RFC 5070 and 7203. */
static void test_examples_of_the_standards(void **state)
{
    UNUSED(state);
    glob_t found = {0};
    if (glob(TEST_CORPUS "/iodef2/rfc[0-9]*/*.xml", 0, NULL, &found) != 0) {
        print_message("skipped: no corpus beside the sources\n");
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *text = slurp(found.gl_pathv[i]);
        struct report *report = decode(text);
        if (!report)
            fail_msg("%s: %s %s", found.gl_pathv[i], err.at, err.text);
        expect_facts(report, text, found.gl_pathv[i]);
        /* Without a creator the issuer is written as one: there must be a Contact. */
        if (!report->creator_name && !report->creator_email)
            report->creator_name = report->reference_issuer;
        expect_round_trip(report);
        report_free(report);
        free(text);
    }
    globfree(&found);
    print_message("%zu addresses of systems, each in its role\n", addresses_seen);
    assert_true(addresses_seen >= 20);
}

static void expect_languages(const struct report *report, const struct codec *written_by)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    assert_true(written_by->encode(report, &out, &err));
    const char *const parts[] = {
        "Hame\xC3\xA7onnage contre une banque", "Phishing against a bank", "translation-id", "d1", "\"en\"", "\"fr\""};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (!strstr(buf_text(&out), parts[i]))
            fail_msg("%s: no %s in %s", written_by->name, parts[i], buf_text(&out));
    struct report *back = NULL;
    assert_true(codec_decode(written_by, out.bytes, out.size, &limits, NULL, &back, &err));
    assert_string_equal(back->description, "Hame\xC3\xA7onnage contre une banque\n\nPhishing against a bank");
    assert_string_equal(back->extra, report->extra);
    report_free(back);
    buf_clear(&out);
}

/* From XML to JSON to XML: each text keeps its language and id, as a Description of its own. */
static void test_languages_go_both_ways(void **state)
{
    UNUSED(state);
    struct report *report = decode_incident("restriction='green'", "<Description xml:lang='fr' translation-id='d1'>"
                                                                   "Hame\xC3\xA7onnage contre une banque</Description>"
                                                                   "<Description xml:lang='en' translation-id='d1'>Phishing against a bank"
                                                                   "</Description>");
    assert_non_null(report);
    struct buf json;
    buf_init(&json, DOCUMENT_MAX);
    assert_true(iodef_json_codec.encode(report, &json, &err));
    assert_non_null(strstr(buf_text(&json), "{\"value\":\"Phishing against a bank\",\"lang\":\"en\",\"translation-id\":\"d1\"}"));
    struct report *from_json = NULL;
    assert_true(codec_decode(&iodef_json_codec, json.bytes, json.size, &limits, NULL, &from_json, &err));
    expect_languages(from_json, &iodef_codec);
    expect_languages(from_json, &iodef_json_codec);
    report_free(from_json);
    report_free(report);
    buf_clear(&json);
}

/* The example of RFC 8727, and those of its working group, of which one is not valid by the schema in 20 places. */
static void test_json_examples(void **state)
{
    UNUSED(state);
    static const char *const examples[] = {"rfc8727-json/rfc8727-01.json", "draft-jsoniodef/example_Section7_1.txt",
                                           "draft-jsoniodef/LongExample_forVerification.txt"};
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        char *path = mem_printf("%s/iodef2/%s", TEST_CORPUS, examples[i]);
        if (access(path, R_OK) != 0) {
            free(path);
            print_message("skipped: no corpus beside the sources\n");
            skip();
        }
        char *text = slurp(path);
        struct report *report = NULL;
        assert_ptr_equal(codec_probe(text, strlen(text), NULL), &iodef_json_codec);
        if (!codec_decode(&iodef_json_codec, text, strlen(text), &limits, NULL, &report, &err))
            fail_msg("%s: %s %s", path, err.at, err.text);
        assert_string_equal(report->reference_issuer, "csirt.example.com");
        assert_string_equal(report->creator_email, "contact@csirt.example.com");
        assert_string_equal(report->reference, i == 2 ? "897923" : "492382");
        assert_int_equal(report->tlp, TLP_AMBER);             /* the last is green, but for a part that is private */
        report->rejected_total = report->rejection_count = 0; /* never written */
        expect_round_trip(report);
        report_free(report);
        free(text);
        free(path);
    }
}

/* A member's name stands in the places of all below it: it must not be copied to each in full. */
static void test_long_names_cost_little(void **state)
{
    UNUSED(state);
    struct buf text;
    buf_init(&text, DOCUMENT_MAX);
    buf_add_text(&text, "{\"version\":\"2.0\",\"");
    for (size_t i = 0; i < 1000000; i++)
        buf_add_char(&text, 'N');
    buf_add_text(&text, "\":[1");
    for (size_t i = 0; i < 100000; i++)
        buf_add_text(&text, ",{\"a\":1}");
    buf_add_text(&text, "],\"Incident\":[{}]}");
    struct report *report = NULL;
    assert_false(codec_decode(&iodef_json_codec, text.bytes, text.size, &limits, NULL, &report, &err));
    assert_string_equal(err.at, "IODEF, /Incident/0");
    buf_clear(&text);
}

/* With a file name: writes the full report there, for tests/checks/xml_schema.sh and json_schema.py. */
static int write_document(const struct codec *codec, const char *path)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    struct report *report = full_report();
    FILE *file = fopen(path, "w");
    bool ok = file && codec->encode(report, &out, &err) && fputs(buf_text(&out), file) >= 0;
    if (file)
        ok = fclose(file) == 0 && ok;
    report_free(report);
    buf_clear(&out);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_of_an_incident),
        cmocka_unit_test(test_confidence),
        cmocka_unit_test(test_text_under_a_stricter_label_raises_the_report),
        cmocka_unit_test(test_counters_of_both_standards),
        cmocka_unit_test(test_a_victim_is_no_indicator),
        cmocka_unit_test(test_limits_of_observations_and_inheritance),
        cmocka_unit_test(test_nothing_is_lost_on_the_way),
        cmocka_unit_test(test_encoding_needs_reference_and_time),
        cmocka_unit_test(test_examples_of_the_standards),
        cmocka_unit_test(test_languages_go_both_ways),
        cmocka_unit_test(test_json_examples),
        cmocka_unit_test(test_long_names_cost_little),
    };
    const struct codec *codec = argc > 2 ? codec_find(argv[2]) : &iodef_codec;
    return argc > 1 ? write_document(codec, argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
