/* What is attached to a mail and cannot be read, or comes under a type that says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "model/tlp.h"

/* A mail with a text and that file. */
static struct report *read_attached(const char *type, const char *name, const char *content)
{
    struct report *report = NULL;
    struct err err;
    char *mail = mem_printf("From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
                            "--b\nContent-Type: text/plain\n\nsee attached\n"
                            "--b\nContent-Type: %s; name=\"%s\"\nContent-Disposition: attachment\n\n%s\n--b--\n",
                            type, name, content);
    if (!codec_decode(codec_find("mail"), mail, strlen(mail), &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: %s", err.at, err.text);
    free(mail);
    return report;
}

/* As alone it is malformed and RED. */
static void unread_is_what_it_calls_itself(void **state)
{
    static const struct {
        const char *type, *name, *content;
        size_t rejections;
    } red[] = {
        {"text/csv", "iocs.csv", "indicator,tlp\n45.59.2.1,TLP:RED\n", 1},
        {"application/json", "x.json", "{\"Event\":{\"info\":\"x\",\"Tag\":[{\"name\":\"tlp:red\"}],\"Attribute\":[{},]}}", 1},
        {"application/json", "x.json",
         "{\"type\":\"bundle\",\"id\":\"bundle--2081b848-c800-54ef-a746-aa5e22cebe39\",\"objects\":[{\"type\":\"indicator\",\"id\":"
         "\"indicator--2081b848-c800-54ef-a746-aa5e22cebe39\",\"created\":\"x\",\"object_marking_refs\":["
         "\"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed\"]}]}",
         1},
        {"application/xml", "x.xml",
         "<IODEF-Document version=\"2.00\" xmlns=\"urn:ietf:params:xml:ns:iodef-2.0\"><Incident purpose=\"reporting\" restriction=\"red\">"
         "<IncidentID name=\"a\">1</IncidentID></Incident></IODEF-Document>",
         1},
        {"application/x-ndjson", "x.ndjson", "{\"tlp\":\"red\",\"nothing\":1}\n{\"class\":\"phishing\",\"url\":\"http://evil.example/\"}\n",
         1},
        {"application/pdf", "x.pdf", "%PDF-1.7 (TLP:RED)", 0},
        {"application/pdf", "incident_TLP-RED.pdf", "%PDF-1.7", 0},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(red); i++) {
        struct report *report = read_attached(red[i].type, red[i].name, red[i].content);
        if (report->tlp != TLP_RED)
            fail_msg("%s", red[i].name);
        assert_true(report->rejection_count >= red[i].rejections);
        report_free(report);
    }
}

static void unread_without_a_label(void **state)
{
    static const struct {
        const char *type, *name, *content;
    } others[] = {
        {"text/csv", "iocs.csv", "indicator,tlp\n45.59.2.1,TLP:AMBER\n"},
        {"application/pdf", "x.pdf", "%PDF-1.7 (TLP:REDUCED)"},
        {"text/html", "x.html", "<style>.tlp-red {color: red}</style><p>nothing</p>"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct report *report = read_attached(others[i].type, others[i].name, others[i].content);
        assert_int_equal(report->tlp, TLP_NONE);
        report_free(report);
    }
}

/* The name says what the type does not. */
static void types_that_say_nothing(void **state)
{
    static const struct {
        const char *type, *name, *content;
    } read[] = {
        {"application/octet-stream", "fw.log", "TLP:RED 45.59.3.1\n"},
        {"text/x-log", "fw.log", "TLP:RED 45.59.3.1\n"},
        {"application/octet-stream", "FW.TXT", "TLP:RED 45.59.3.1\n"},
        {"application/octet-stream", "x.eml", "From: x@y.example.com\nSubject: z\n\nTLP:RED 45.59.3.1\n"},
        {"application/eml", "mail", "From: x@y.example.com\nSubject: z\n\nTLP:RED 45.59.3.1\n"},
    };
    static const char *const told[] = {"application/vnd.ms-excel", "application/octet-stream", "text/comma-separated-values", "text/csv"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(read); i++) {
        struct report *report = read_attached(read[i].type, read[i].name, read[i].content);
        assert_int_equal(report->tlp, TLP_RED);
        assert_true(report->observation_count > 0);
        const struct observation *observation = &report->observations[0];
        assert_string_equal(observation->sightings[observation->sighting_count - 1].value, "45.59.3.1");
        report_free(report);
    }
    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        struct report *report = read_attached(told[i], "iocs.csv", "indicator;note\n45.59.2.2;x\n");
        assert_int_equal(report->rejection_count, 1);
        report_free(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unread_is_what_it_calls_itself), cmocka_unit_test(unread_without_a_label),
                                       cmocka_unit_test(types_that_say_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
