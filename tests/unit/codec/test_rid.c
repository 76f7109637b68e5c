/* codec/rid: the envelope around IODEF, and the answers to it. Samples of whole messages: test_registry.c. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/rid.h"
#include "support/file.h"

static const char iodef[] = "<?xml version='1.0' encoding='UTF-8'?>\n<x:IODEF-Document version='2.00' xmlns:x='" IODEF_SPACE "'>"
                            "<x:Incident purpose='reporting' restriction='amber'><x:IncidentID name='a.example'>7</x:IncidentID>"
                            "<x:GenerationTime>2026-01-01T00:00:00Z</x:GenerationTime><x:Description>a &lt; b</x:Description>"
                            "<x:Contact role='creator' type='organization'><x:ContactName>A</x:ContactName></x:Contact>"
                            "</x:Incident></x:IODEF-Document>";
static const struct rid_envelope envelope = {
    .node = "192.0.2.9",
    .region = "PeerToPeer",
    .traffic = "AudienceRestriction",
    .incident_id = "7",
    .incident_issuer = "a.example",
    .restriction = "private",
};
static struct err err;

static struct rid *parse(const struct buf *bytes)
{
    struct rid *message = NULL;
    err_clear(&err);
    if (!rid_parse(bytes->bytes, bytes->size, &codec_limits_default, &message, &err))
        fail_msg("%s: %s\n%s", err.at, err.text, buf_text(bytes));
    return message;
}

static void test_report_round_trip(void **state)
{
    UNUSED(state);
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_true(rid_encode_report(&envelope, iodef, strlen(iodef), &out, &err));
    struct rid *message = parse(&out);
    assert_int_equal(message->type, RID_REPORT);
    assert_string_equal(message->node, "192.0.2.9");
    assert_string_equal(message->incident_id, "7");
    assert_string_equal(message->incident_issuer, "a.example");
    assert_int_equal(message->region_count, 1);
    assert_string_equal(message->regions[0], "PeerToPeer");
    assert_string_equal(message->traffic[0], "AudienceRestriction");
    assert_string_equal(message->document_space, IODEF_SPACE);
    assert_string_equal(message->document_name, "IODEF-Document");
    struct report *report = NULL;
    assert_true(codec_decode(&iodef_codec, message->document, message->document_size, &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->reference, "7");
    assert_string_equal(report->description, "a < b");
    report_free(report);
    report = NULL;
    assert_true(codec_decode(&rid_codec, out.bytes, out.size, &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->format, "rid");
    assert_int_equal(report->tlp, TLP_AMBER);
    report_free(report);
    rid_free(message);
    buf_clear(&out);
}

/* What the envelope says binds, too; the stricter wins, for single values as well. */
static void test_the_envelope_restricts(void **state)
{
    UNUSED(state);
    static const struct {
        const char *restriction;
        enum tlp label;
    } rows[] = {
        {NULL, TLP_AMBER}, {"public", TLP_AMBER}, {"private", TLP_AMBER}, {"need-to-know", TLP_AMBER_STRICT}, {"default", TLP_AMBER}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rid_envelope other = envelope;
        struct report *report = NULL;
        struct buf out;
        buf_init(&out, 1 << 20);
        other.restriction = rows[i].restriction;
        assert_true(rid_encode_report(&other, iodef, strlen(iodef), &out, &err));
        assert_true(codec_decode(&rid_codec, out.bytes, out.size, &codec_limits_default, NULL, &report, &err));
        assert_int_equal(report->tlp, rows[i].label);
        report_free(report);
        buf_clear(&out);
    }
}

static void test_names_and_ipv6_as_node(void **state)
{
    UNUSED(state);
    static const char *const nodes[] = {"2001:db8::9", "rid.b.example"};
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        struct buf out;
        buf_init(&out, 1 << 20);
        struct rid_envelope other = {.node = nodes[i]};
        assert_true(rid_encode_acknowledgement(&other, RID_PENDING, RID_JUSTIFICATION_NONE, &out, &err));
        struct rid *message = parse(&out);
        assert_string_equal(message->node, nodes[i]);
        assert_null(message->incident_id);
        assert_string_equal(message->regions[0], "PeerToPeer");
        rid_free(message);
        buf_clear(&out);
    }
}

static void test_acknowledgement_round_trip(void **state)
{
    UNUSED(state);
    for (enum rid_status status = RID_APPROVED; status <= RID_PENDING; status++)
        for (enum rid_justification why = RID_JUSTIFICATION_NONE; why <= RID_JUSTIFICATION_OTHER; why++) {
            struct buf out;
            struct rid *message = NULL;
            buf_init(&out, 1 << 20);
            assert_true(rid_encode_acknowledgement(&envelope, status, why, &out, &err));
            assert_true(rid_parse_acknowledgement(out.bytes, out.size, &codec_limits_default, &message, &err));
            assert_int_equal(message->status, status);
            assert_int_equal(message->justification, why);
            assert_string_equal(message->incident_id, "7");
            assert_null(message->document);
            rid_free(message);
            buf_clear(&out);
        }
}

static void test_what_is_no_acknowledgement(void **state)
{
    UNUSED(state);
    struct buf out;
    struct rid *message = NULL;
    buf_init(&out, 1 << 20);
    assert_true(rid_encode_report(&envelope, iodef, strlen(iodef), &out, &err));
    assert_false(rid_parse_acknowledgement(out.bytes, out.size, &codec_limits_default, &message, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "Report"));
    assert_false(rid_parse(iodef, strlen(iodef), &codec_limits_default, &message, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.at, "RID, line 2, /IODEF-Document");
    assert_null(message);
    buf_clear(&out);
}

static void test_refuses_to_wrap_what_is_no_xml(void **state)
{
    UNUSED(state);
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_false(rid_encode_report(&envelope, "<a>", 3, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    buf_clear(&out);
}

/* Either codec reads what the other's media type may bring. */
static void test_bare_documents_and_envelopes_by_either_name(void **state)
{
    UNUSED(state);
    struct buf out;
    struct report *report = NULL;
    buf_init(&out, 1 << 20);
    assert_true(codec_decode(&rid_codec, iodef, strlen(iodef), &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->format, "iodef");
    report_free(report);
    assert_true(rid_encode_report(&envelope, iodef, strlen(iodef), &out, &err));
    assert_true(codec_decode(&iodef_codec, out.bytes, out.size, &codec_limits_default, NULL, &report, &err));
    assert_string_equal(report->format, "rid");
    report_free(report);
    buf_clear(&out);
}

static const struct {
    const char *name;
    enum rid_type type;
    bool has_document;
    const char *refusal; /* by the codec, which wants an IODEF document; NULL: read */
} examples[] = {
    {"rfc6545-01-RID.xml", RID_TRACE_REQUEST, true, NULL},         {"rfc6545-02-RID.xml", RID_ACKNOWLEDGEMENT, false, "Acknowledgement"},
    {"rfc6545-04-RID.xml", RID_INVESTIGATION_REQUEST, true, NULL}, {"rfc6545-05-RID.xml", RID_ACKNOWLEDGEMENT, false, "Acknowledgement"},
    {"rfc6545-07-RID.xml", RID_QUERY, false, "no document"},
};

/* Both report CERT-FOR-OUR-DOMAIN#207-1 or #208-1: an attack on 192.0.2.67 or logins, from 192.0.2.35 or 192.0.2.92. */
static void expect_example(const struct report *report)
{
    assert_non_null(strstr(report->reference, "CERT-FOR-OUR-DOMAIN"));
    assert_string_equal(report->reference_issuer, "CERT-FOR-OUR-DOMAIN");
    assert_int_equal(report->tlp, TLP_AMBER_STRICT);
    assert_true(report->observation_count >= 1);
    assert_true(report->observations[0].sighting_count >= 1);
}

/* All their envelopes are read, and the IODEF v1 documents in two of them. */
static void test_examples_of_the_standard(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        size_t size;
        char *path = mem_printf("%s/rid/rfc6545/%s", TEST_CORPUS, examples[i].name);
        char *bytes = file_read(path, &size);
        if (!bytes) {
            free(path);
            print_message("skipped: no corpus beside the sources\n");
            skip();
        }
        struct rid *message = NULL;
        if (!rid_parse(bytes, size, &codec_limits_default, &message, &err))
            fail_msg("%s: %s: %s", path, err.at, err.text);
        assert_int_equal(message->type, examples[i].type);
        assert_int_equal(message->document != NULL, examples[i].has_document);
        struct report *report = NULL;
        bool ok = codec_decode(&rid_codec, bytes, size, &codec_limits_default, NULL, &report, &err);
        if (ok != !examples[i].refusal)
            fail_msg("%s: %s: %s", path, err.at, err.text);
        if (ok)
            expect_example(report);
        else
            assert_non_null(strstr(err.text, examples[i].refusal));
        report_free(report);
        rid_free(message);
        free(bytes);
        free(path);
    }
}

static bool write_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "w");
    bool ok = file && fputs(buf_text(out), file) >= 0;
    if (file)
        ok = fclose(file) == 0 && ok;
    buf_reset(out);
    return ok;
}

/* With two file names: writes a Report and an Acknowledgement there, for tests/checks/xml_schema.sh. */
static int write_messages(const char *report, const char *acknowledgement)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    bool ok = rid_encode_report(&envelope, iodef, strlen(iodef), &out, &err) && write_file(report, &out) &&
              rid_encode_acknowledgement(&envelope, RID_DENIED, RID_ENCRYPTION, &out, &err) && write_file(acknowledgement, &out);
    buf_clear(&out);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_round_trip),
        cmocka_unit_test(test_the_envelope_restricts),
        cmocka_unit_test(test_names_and_ipv6_as_node),
        cmocka_unit_test(test_acknowledgement_round_trip),
        cmocka_unit_test(test_what_is_no_acknowledgement),
        cmocka_unit_test(test_refuses_to_wrap_what_is_no_xml),
        cmocka_unit_test(test_bare_documents_and_envelopes_by_either_name),
        cmocka_unit_test(test_examples_of_the_standard),
    };
    return argc > 2 ? write_messages(argv[1], argv[2]) : cmocka_run_group_tests(tests, NULL, NULL);
}
