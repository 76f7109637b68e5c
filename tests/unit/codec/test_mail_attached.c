/* What is attached to a mail and cannot be read, or comes under a type that says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "model/tlp.h"

static struct report *read_mail(const char *mail)
{
    struct report *report = NULL;
    struct err err;
    if (!codec_decode(codec_find("mail"), mail, strlen(mail), &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: %s", err.at, err.text);
    return report;
}

static void assert_value(const struct report *report, const char *value)
{
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++)
            if (strcmp(report->observations[i].sightings[k].value, value) == 0)
                return;
    fail_msg("%s is not in it", value);
}

/* A mail with a text and that file. */
static struct report *read_attached(const char *type, const char *name, const char *content)
{
    char *mail = mem_printf("From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
                            "--b\nContent-Type: text/plain\n\nsee attached\n"
                            "--b\nContent-Type: %s; name=\"%s\"\nContent-Disposition: attachment\n\n%s\n--b--\n",
                            type, name, content);
    struct report *report = read_mail(mail);
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
        {"text/csv", "2026-03-01-scan_smb-x.csv", "timestamp,ip,tag\n2026-03-01 00:00:00,192.0.2.300,TLP:RED\n", 1},
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
        {"text/csv", "iocs.csv", "indicator,tlp\n45.59.2.1,TLP:GREEN\n"},
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
        assert_value(report, "45.59.2.2");
        report_free(report);
    }
}

/* A table of a team's own is refused, and read as the text that it is; what is none is not. */
static void tables_that_nobody_knows(void **state)
{
    UNUSED(state);
    struct report *report = read_attached("text/csv", "iocs.csv", "indicator;type;tlp\n45.59.2.1;ip;TLP:AMBER\n45.59.2.2;ip;TLP:GREEN\n");
    assert_int_equal(report->rejection_count, 1);
    assert_int_equal(report->tlp, TLP_AMBER);
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->observations[0].sighting_count, 2);
    assert_int_equal(report->observations[0].sightings[0].role, ROLE_OTHER);
    assert_string_equal(report->observations[0].extra, "{\"shown\":false}");
    assert_null(strstr(report->description, "45.59.2.1"));
    report_free(report);
    /* A spreadsheet. */
    report = read_mail("From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: application/vnd.ms-excel; name=iocs.csv\n"
                       "Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nUEsDBAAAIDE5OC41MS4xMDAuNyAK\n");
    assert_int_equal(report->rejection_count, 1);
    assert_int_equal(report->observation_count, 0);
    report_free(report);
    /* One that is known is read as that alone. */
    report = read_attached("text/csv", "iocs.csv", "timestamp,ip,class\n2026-11-27T10:00:00Z,45.59.2.1,phishing\n,45.59.2.2,\n");
    assert_int_equal(report->observation_count, 1);
    report_free(report);
}

/* Fields of the mail, of its parts, and of a mail within it. */
static void labels_in_fields(void **state)
{
    static const struct {
        const char *fields, *part, *text;
        enum tlp label;
    } mails[] = {
        {"X-TLP: RED\n", "", "see 198.51.100.7", TLP_RED},
        {"TLP: amber\n", "", "see 198.51.100.7", TLP_AMBER},
        {"X-Classification: TLP:RED\n", "", "x", TLP_RED},
        {"Keywords: scan\nKeywords: TLP:AMBER+STRICT\n", "", "x", TLP_AMBER_STRICT},
        {"Comments: TLP:RED\n", "", "x", TLP_RED},
        {"Thread-Topic: =?utf-8?Q?TLP=3ARED_f=C3=B6?=\n", "", "x", TLP_RED},
        {"", "Content-Description: TLP:RED indicators\n", "x", TLP_RED},
        {"X-TLP: RED\n", "", "TLP:GREEN", TLP_RED},
        {"X-TLP: GREEN\n", "Content-Description: TLP:CLEAR\n", "x", TLP_NONE},
        {"X-TLP: GREEN\n", "", "TLP:CLEAR", TLP_GREEN},
        {"X-TLP: CLEAR\n", "", "TLP:AMBER", TLP_AMBER},
        {"To: tlp-red@soc.example\nReferences: <tlp:red@soc.example>\n", "", "x", TLP_NONE},
        {"X-TLP-Team: red\nKeywords: red\n", "", "x", TLP_NONE},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(mails); i++) {
        char *mail = mem_printf("From: a@soc.example\nSubject: s\n%sMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
                                "--b\nContent-Type: text/plain\n\n%s\n--b\nContent-Type: application/pdf\n%s\n%%PDF-1.7\n--b--\n",
                                mails[i].fields, mails[i].text, mails[i].part);
        struct report *report = read_mail(mail);
        if (report->tlp != mails[i].label)
            fail_msg("%s%s", mails[i].fields, mails[i].part);
        report_free(report);
        free(mail);
    }
    struct report *report = read_attached("message/rfc822", "a.eml", "From: b@soc.example\nSubject: t\nX-TLP: RED\n\ntext");
    assert_int_equal(report->tlp, TLP_RED);
    report_free(report);
    /* It holds for values that bear a wider one, too. */
    report = read_mail("From: a@soc.example\nSubject: s\nX-TLP: RED\nMIME-Version: 1.0\nContent-Type: text/csv\n\n"
                       "timestamp,ip,class,tlp\n2026-11-27T10:00:00Z,45.59.2.1,phishing,green\n");
    assert_int_equal(report->tlp, TLP_RED);
    assert_true(report->observation_count > 0);
    for (size_t i = 0; i < report->observations[0].sighting_count; i++)
        assert_true(report->observations[0].sightings[i].tlp == TLP_NONE || report->observations[0].sightings[i].tlp == TLP_RED);
    report_free(report);
}

/* What is attached has its own label; the mail around it has what was agreed, where that is stricter. */
static void what_was_agreed_binds_beside_an_attached_label(void **state)
{
    static const char labelled[] =
        "From: a@soc.example\nSubject: TLP:AMBER\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nsee attached\n"
        "--b\nContent-Type: application/json\n\n{\"tlp\":\"amber\",\"description\":\"45.59.2.1\"}\n--b--\n";
    UNUSED(state);
    struct report *report = read_attached("application/json", "x.json", "{\"tlp\":\"amber\",\"description\":\"45.59.2.1\"}");
    assert_int_equal(report_label_agreed(report, TLP_NONE), TLP_AMBER);
    assert_int_equal(report_label_agreed(report, TLP_GREEN), TLP_AMBER);
    assert_int_equal(report_label_agreed(report, TLP_RED), TLP_RED);
    report_free(report);
    report = read_mail(labelled);
    assert_int_equal(report_label_agreed(report, TLP_RED), TLP_AMBER);
    report_free(report);
}

/* A label in what is not shown holds for values that bear a wider one. */
static void unshown_labels_narrow_values(void **state)
{
    UNUSED(state);
    struct report *report =
        read_mail("From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
                  "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\nsee attached\n"
                  "--c\nContent-Type: text/html\n\n<b>TLP:RED</b> see attached\n--c--\n"
                  "--b\nContent-Type: text/csv\n\ntimestamp,ip,class,tlp\n2026-11-27T10:00:00Z,45.59.2.1,phishing,green\n--b--\n");
    assert_int_equal(report->tlp, TLP_RED);
    assert_int_equal(report->observation_count, 1);
    for (size_t i = 0; i < report->observations[0].sighting_count; i++)
        assert_true(report->observations[0].sightings[i].tlp == TLP_NONE || report->observations[0].sightings[i].tlp == TLP_RED);
    report_free(report);
}

/* Those that get no observation of their own are read with the mail that brings them. */
static void each_of_many_mails_is_read(void **state)
{
    enum { MAILS = 60 };
    struct buf mail;
    char value[40];
    UNUSED(state);
    buf_init(&mail, 64 * 1024);
    buf_printf(&mail, "From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < MAILS; i++)
        buf_printf(&mail, "--b\nContent-Type: message/rfc822\n\nFrom: phisher@x%d.example\nSubject: t\n\nhttp://evil%d.example/%d\n", i, i,
                   i);
    buf_printf(&mail, "--b--\n");
    struct report *report = read_mail(buf_text(&mail));
    for (int i = 0; i < MAILS; i++) {
        snprintf(value, sizeof value, "http://evil%d.example/%d", i, i);
        assert_value(report, value);
    }
    report_free(report);
    buf_clear(&mail);
}

/* The bound of documents is not that of the mail. */
static void attached_documents_have_their_bound(void **state)
{
    static const char mail[] = "From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: application/json\n\n"
                               "{\"class\":\"phishing\",\"url\":\"http://evil.example/\",\"description\":\"%0400d\"}\n";
    struct codec_limits limits = codec_limits_default;
    struct err err;
    UNUSED(state);
    char *text = mem_printf(mail, 0);
    for (int i = 0; i < 2; i++) {
        struct report *report = NULL;
        limits.document_bytes_max = i == 0 ? 1000 : 300;
        assert_true(codec_decode(codec_find("mail"), text, strlen(text), &limits, NULL, &report, &err));
        assert_int_equal(report->rejected_total, i);
        if (i == 1)
            assert_non_null(strstr(report->rejections[0].text, "larger than 300 bytes"));
        report_free(report);
    }
    free(text);
}

/* What only the text put aside says, however much the shown one has. */
static void unshown_values_are_those_not_shown(void **state)
{
    struct buf mail;
    UNUSED(state);
    buf_init(&mail, 64 * 1024);
    buf_printf(&mail, "From: a@soc.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
                      "--b\nContent-Type: text/plain\n\n");
    for (int i = 0; i < 500; i++)
        buf_printf(&mail, "203.0.113.%d evil%d.example\n", i % 250, i);
    buf_printf(&mail, "--b\nContent-Type: text/html\n\n<p>203.0.113.7 198.51.100.9</p>\n--b--\n");
    struct report *report = read_mail(buf_text(&mail));
    const struct observation *last = &report->observations[report->observation_count - 1];
    assert_string_equal(last->extra, "{\"shown\":false}");
    assert_int_equal(last->sighting_count, 1);
    assert_string_equal(last->sightings[0].value, "198.51.100.9");
    report_free(report);
    buf_clear(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_of_many_mails_is_read),
                                       cmocka_unit_test(what_was_agreed_binds_beside_an_attached_label),
                                       cmocka_unit_test(unshown_labels_narrow_values),
                                       cmocka_unit_test(attached_documents_have_their_bound),
                                       cmocka_unit_test(unshown_values_are_those_not_shown),
                                       cmocka_unit_test(unread_is_what_it_calls_itself),
                                       cmocka_unit_test(unread_without_a_label),
                                       cmocka_unit_test(types_that_say_nothing),
                                       cmocka_unit_test(tables_that_nobody_knows),
                                       cmocka_unit_test(labels_in_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
