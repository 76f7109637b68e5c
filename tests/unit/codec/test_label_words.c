/* A label that stands where a format has none, in words or in a member it does not know, narrows the report; what is said of one value,
 * that one. Wide ones do nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "codec/codec.h"

#define IODEF(label, inside)                                                                                                               \
    "<?xml version=\"1.0\"?><IODEF-Document version=\"2.00\" xmlns=\"urn:ietf:params:xml:ns:iodef-2.0\"><Incident purpose=\"reporting\" "  \
    "restriction=\"" label "\"><IncidentID name=\"cert.example.org\">1</IncidentID><GenerationTime>2026-11-27T10:00:00Z</GenerationTime>"  \
    "<Contact role=\"creator\" type=\"organization\"><ContactName>C</ContactName></Contact>" inside                                        \
    "<EventData><Flow><System category=\"source\"><Node><Address category=\"ipv4-addr\">198.51.100.1</Address></Node></System></Flow>"     \
    "</EventData></Incident></IODEF-Document>"
#define MISP(info, tag, attribute)                                                                                                         \
    "{\"Event\":{\"info\":\"" info "\",\"distribution\":\"3\",\"Tag\":[{\"name\":\"tlp:green\"}," tag                                      \
    "],\"Attribute\":[{\"type\":\"ip-dst\",\"category\":\"Network activity\",\"to_ids\":true,\"value\":\"198.51.100.1\"" attribute         \
    "},{\"type\":\"ip-dst\",\"category\":\"Network activity\",\"to_ids\":true,\"value\":\"198.51.100.2\"}]}}"
#define STIX(frame, indicator)                                                                                                             \
    "{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000001\"" frame                                                   \
    ",\"objects\":[{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-000000000002\","           \
    "\"created\":"                                                                                                                         \
    "\"2026-11-26T10:00:00Z\",\"modified\":\"2026-11-26T10:00:00Z\",\"pattern\":\"[ipv4-addr:value = '198.51.100.1']\",\"pattern_type\":"  \
    "\"stix\",\"valid_from\":\"2026-11-26T10:00:00Z\"" indicator "}]}"
#define IDEA(inside)                                                                                                                       \
    "{\"Format\":\"IDEA0\",\"ID\":\"00000000-0000-4000-8000-000000000003\",\"DetectTime\":\"2026-11-26T10:00:00Z\",\"Category\":"          \
    "[\"Recon.Scanning\"],\"Source\":[{\"IP4\":[\"198.51.100.1\"]}]" inside "}"
#define RED_MARKING "[\"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed\"]"

/* first: what the first value of the report may be seen by, own label or the report's; last: the last one's. */
static const struct {
    const char *format, *name, *document;
    enum tlp report, first, last;
} documents[] = {
    {"json", NULL, "{\"description\":\"TLP:RED, for you alone\",\"tlp\":\"green\",\"observables\":[{\"value\":\"198.51.100.1\"}]}", TLP_RED,
     TLP_RED, TLP_RED},
    {"json", NULL, "{\"description\":\"x\",\"tlp\":\"clear\",\"tags\":[\"tlp-red\"],\"observables\":[{\"value\":\"198.51.100.1\"}]}",
     TLP_RED, TLP_RED, TLP_RED},
    {"json", NULL, "{\"description\":\"was TLP:CLEAR once\",\"observables\":[{\"value\":\"198.51.100.1\"}]}", TLP_NONE, TLP_NONE, TLP_NONE},
    {"json", NULL,
     "{\"tlp\":\"green\",\"observations\":[{\"description\":\"TLP:AMBER\",\"source\":{\"ip\":\"198.51.100.1\"}},"
     "{\"source\":{\"ip\":\"198.51.100.2\"}}]}",
     TLP_AMBER, TLP_AMBER, TLP_GREEN},
    {"json", NULL,
     "{\"tlp\":\"amber\",\"description\":\"TLP:AMBER as it says\",\"observables\":[{\"value\":\"198.51.100.1\",\"tlp\":\"green\"}]}",
     TLP_AMBER, TLP_GREEN, TLP_GREEN},
    {"ndjson", NULL, "{\"description\":\"x\",\"traffic_light_protocol\":\"red\",\"observables\":[{\"value\":\"198.51.100.1\"}]}\n", TLP_RED,
     TLP_RED, TLP_RED},
    {"iodef", NULL, IODEF("green", ""), TLP_GREEN, TLP_GREEN, TLP_GREEN},
    {"iodef", NULL, IODEF("green", "<Description>TLP:RED do not share</Description>"), TLP_RED, TLP_RED, TLP_RED},
    {"iodef", NULL,
     IODEF("green", "<Contact role=\"reporter\" type=\"person\" restriction=\"red\"><ContactName>Jane</ContactName></Contact>"), TLP_RED,
     TLP_GREEN, TLP_GREEN},
    {"iodef", NULL, IODEF("green", "<Assessment restriction=\"red\"><IncidentCategory>phishing</IncidentCategory></Assessment>"), TLP_RED,
     TLP_GREEN, TLP_GREEN},
    {"iodef", NULL, IODEF("green", "<AdditionalData dtype=\"string\" meaning=\"TLP\">RED</AdditionalData>"), TLP_RED, TLP_GREEN, TLP_GREEN},
    {"iodef", NULL, IODEF("ext-value\" ext-restriction=\"TLP Red", ""), TLP_RED, TLP_RED, TLP_RED},
    {"iodef", NULL, IODEF("ext-value\" ext-restriction=\"ours", ""), TLP_AMBER_STRICT, TLP_AMBER_STRICT, TLP_AMBER_STRICT},
    {"misp", NULL, MISP("x", "{\"name\":\"a\"}", ""), TLP_GREEN, TLP_GREEN, TLP_GREEN},
    {"misp", NULL, MISP("TLP:RED x", "{\"name\":\"a\"}", ""), TLP_RED, TLP_RED, TLP_RED},
    {"misp", NULL, MISP("x", "{\"name\":\"our:tlp=\\\"red\\\"\"}", ""), TLP_RED, TLP_RED, TLP_RED},
    {"misp", NULL, MISP("x", "{\"name\":\"a\"}", ",\"comment\":\"TLP:RED - do not share\""), TLP_RED, TLP_RED, TLP_GREEN},
    {"misp", NULL, MISP("x", "{\"name\":\"a\"}", ",\"ShadowAttribute\":[{\"Tag\":[{\"name\":\"tlp:red\"}]}]"), TLP_RED, TLP_RED, TLP_GREEN},
    {"stix", NULL, STIX("", ",\"name\":\"TLP:RED c2\""), TLP_RED, TLP_RED, TLP_RED},
    {"stix", NULL, STIX("", ",\"labels\":[\"tlp-red\"]"), TLP_RED, TLP_RED, TLP_RED},
    {"stix", NULL, STIX("", ",\"x_tlp\":\"red\""), TLP_RED, TLP_RED, TLP_RED},
    {"stix", NULL, STIX(",\"object_marking_refs\":" RED_MARKING, ""), TLP_RED, TLP_RED, TLP_RED},
    {"idea", NULL, IDEA(",\"_CESNET\":{\"TLP\":\"RED\"}"), TLP_RED, TLP_RED, TLP_RED},
    {"intelmq", NULL,
     "[{\"feed.name\":\"f\",\"source.ip\":\"198.51.100.1\",\"time.source\":\"2026-11-26T10:00:00Z\",\"tlp\":\"GREEN\",\"extra.tlp\":"
     "\"RED\"},"
     "{\"feed.name\":\"f\",\"source.ip\":\"198.51.100.2\",\"time.source\":\"2026-11-26T10:00:00Z\",\"tlp\":\"GREEN\"}]",
     TLP_RED, TLP_RED, TLP_GREEN},
    {"n6", NULL,
     "{\"id\":\"00000000000000000000000000000001\",\"source\":\"s.c\",\"category\":\"cnc\",\"confidence\":\"low\",\"restriction\":"
     "\"public\","
     "\"time\":\"2026-11-26T10:00:00Z\",\"address\":[{\"ip\":\"198.51.100.1\"}],\"tlp\":\"red\"}",
     TLP_RED, TLP_RED, TLP_RED},
    {"shadowserver", "2026-11-26-scan_rdp-xx.csv",
     "timestamp,ip,port,tag\n2026-11-26 10:00:00,198.51.100.1,3389,tlp:red\n2026-11-26 10:00:00,198.51.100.2,3389,rdp\n", TLP_RED, TLP_RED,
     TLP_RED},
};

static enum tlp seen_by(const struct report *report, const struct sighting *sighting)
{
    return sighting->tlp == TLP_NONE ? report->tlp : sighting->tlp;
}

static void test_words(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        const char *text = documents[i].document;
        const struct codec_hints hints = {.name = documents[i].name};
        struct report *report = NULL;
        struct err err;
        if (!codec_decode(codec_find(documents[i].format), text, strlen(text), &codec_limits_default, &hints, &report, &err))
            fail_msg("%zu, %s: %s: %s", i, documents[i].format, err.at, err.text);
        const struct observation *last = &report->observations[report->observation_count - 1];
        enum tlp first_label = seen_by(report, &report->observations[0].sightings[0]);
        enum tlp last_label = seen_by(report, &last->sightings[0]);
        if (report->tlp != documents[i].report || first_label != documents[i].first || last_label != documents[i].last)
            fail_msg("%zu, %s: report %d, first %d, last %d", i, documents[i].format, report->tlp, first_label, last_label);
        report_free(report);
    }
}

/* What has no label is as we agreed with the sender: a label of others, or among words, does not widen that. */
static void test_agreed(void **state)
{
    UNUSED(state);
    static const char mapping[] = "column ip = source.ip\ncolumn tlp = tlp\n";
    static const struct {
        const char *format, *document;
        enum tlp agreed, expected;
    } rows[] = {
        {"csv", "ip,tlp\n198.51.100.1,amber\n198.51.100.2,\n", TLP_RED, TLP_RED},
        {"csv", "ip,tlp\n198.51.100.1,amber\n198.51.100.2,\n", TLP_GREEN, TLP_AMBER},
        {"csv", "ip,tlp\n198.51.100.1,amber\n198.51.100.2,\n", TLP_NONE, TLP_AMBER},
        {"csv", "ip,tlp\n198.51.100.1,green\n198.51.100.2,\n", TLP_CLEAR, TLP_CLEAR},
        {"csv", "ip,tlp\n198.51.100.1,amber\n198.51.100.2,green\n", TLP_RED, TLP_AMBER},
        {"json", "{\"tlp\":\"green\",\"description\":\"198.51.100.1\"}", TLP_RED, TLP_GREEN},
        {"n6",
         "[{\"id\":\"a\",\"source\":\"s\",\"restriction\":\"need-to-know\",\"category\":\"bots\",\"time\":\"2026-11-20T10:00:00Z\","
         "\"address\":[{\"ip\":\"198.51.100.1\"}]}]",
         TLP_RED, TLP_AMBER_STRICT},
        {"misp", MISP("see TLP:AMBER", "{\"name\":\"x\"}", ""), TLP_RED, TLP_AMBER},
        {"stix", STIX("", ",\"description\":\"TLP:AMBER please\""), TLP_RED, TLP_RED},
        {"stix", STIX("", ""), TLP_RED, TLP_RED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct codec_hints hints = {.mapping = mapping};
        struct report *report = NULL;
        struct err err;
        if (!codec_decode(codec_find(rows[i].format), rows[i].document, strlen(rows[i].document), &codec_limits_default, &hints, &report,
                          &err))
            fail_msg("%zu: %s: %s", i, err.at, err.text);
        if (report_label_agreed(report, rows[i].agreed) != rows[i].expected)
            fail_msg("%zu: %d", i, report_label_agreed(report, rows[i].agreed));
        report_free(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_agreed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
