/* codec/xarf: what the specification's own samples become, that a bad hash is a warning, and that writing loses only what FORMATS.md lists.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "codec/xarf.h"
#include "model/rsit.h"
#include "support/file.h"
#include "support/report_dump.h"

enum { DOCUMENT_MAX = 4 << 20 };
static struct err err;

static struct report *decode(const char *bytes, size_t size)
{
    struct report *report = NULL;
    err_clear(&err);
    if (!codec_decode(&xarf_codec, bytes, size, &codec_limits_default, NULL, &report, &err))
        assert_null(report);
    return report;
}

static char *slurp(const char *path)
{
    size_t size;
    char *bytes = file_read(path, &size);
    assert_non_null(bytes);
    return bytes;
}

static struct report *decode_file(const char *path)
{
    char *text = slurp(path);
    struct report *report = decode(text, strlen(text));
    free(text);
    return report;
}

/* The files of the corpus that match; skips the test where there are none. */
static glob_t find(const char *pattern)
{
    glob_t found = {0};
    char *path = mem_printf("%s/xarf/%s", TEST_CORPUS, pattern);
    int result = glob(path, 0, NULL, &found);
    free(path);
    if (result != 0) {
        print_message("skipped: no corpus beside the sources\n");
        skip();
    }
    return found;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* --- version 4 --- */

static const struct {
    const char *sample, *class_name, *source;
    int sightings;
} samples[] = {
    {"connection-ddos.json", "availability/ddos", "192.0.2.155", 2},
    {"connection-login-attack.json", "intrusion-attempts/brute-force", "198.51.100.77", 2},
    {"connection-port-scan.json", "information-gathering/scanner", "198.51.100.150", 2},
    {"connection-scraping.json", "information-gathering/scanner", "192.0.2.150", 3},
    {"connection-sql-injection.json", "intrusion-attempts/ids-alert", "192.0.2.45", 3},
    {"content-brand-infringement.json", "fraud/masquerade", "fake-apple-store.example.com", 2},
    {"content-csam.json", "abusive-content/violence", "198.51.100.42", 4},
    {"content-exposed-data.json", "information-content-security/data-leak", "198.51.100.99", 3},
    {"content-fraud.json", "fraud/masquerade", "crypto-scam-invest.example.com", 2},
    {"content-phishing.json", "fraud/phishing", "203.0.113.45", 3},
    {"content-remote-compromise.json", "intrusions/system-compromise", "compromised-blog.example.com", 3},
    {"copyright-copyright.json", "fraud/copyright", "198.51.100.75", 3},
    {"copyright-cyberlocker.json", "fraud/copyright", "file-sharing.example.com", 2},
    {"copyright-p2p.json", "fraud/copyright", "192.0.2.100", 1},
    {"copyright-ugc-platform.json", "fraud/copyright", "video-platform.example.com", 2},
    {"infrastructure-botnet.json", "malicious-code/infected-system", "198.51.100.25", 2},
    {"infrastructure-compromised-server.json", "intrusions/system-compromise", "203.0.113.150", 1},
    {"messaging-spam.json", "abusive-content/spam", "192.168.1.100", 2},
    {"reputation-blocklist.json", "malicious-code/c2-server", "203.0.113.200", 2},
    {"vulnerability-cve.json", "vulnerable/vulnerable-system", "172.16.1.200", 2},
    {"vulnerability-misconfiguration.json", "vulnerable/vulnerable-system", "192.0.2.75", 1},
};

static void expect_sample(const char *path, const struct report *report)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        if (!str_equal(samples[i].sample, base_name(path)))
            continue;
        const struct observation *observation = &report->observations[0];
        assert_int_equal(report->observation_count, 1);
        assert_string_equal(observation->class_name, samples[i].class_name);
        assert_string_equal(observation->sightings[0].value, samples[i].source);
        assert_int_equal(observation->sightings[0].role, ROLE_SOURCE);
        if (observation->sighting_count != (size_t)samples[i].sightings)
            fail_msg("%s: %zu sightings", path, observation->sighting_count);
        assert_int_equal(report->rejected_total, 0);
        return;
    }
    fail_msg("%s is not in the table of this test", path);
}

static void count_evidence(const struct report *report, size_t *items, size_t *warnings)
{
    json_t *extra = json_loads(report->observations[0].extra, 0, NULL), *item;
    size_t i;
    json_array_foreach(json_object_get(extra, "evidence"), i, item)
    {
        assert_true(json_is_string(json_object_get(item, "sha256")));
        assert_null(json_object_get(item, "payload"));
        ++*items;
        *warnings += json_object_get(item, "warning") != NULL;
    }
    json_decref(extra);
}

static void test_samples_of_version_4(void **state)
{
    UNUSED(state);
    glob_t found = find("xarf-spec/samples/v4/*.json");
    size_t items = 0, warnings = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct report *report = decode_file(found.gl_pathv[i]);
        if (!report)
            fail_msg("%s: %s %s", found.gl_pathv[i], err.at, err.text);
        expect_sample(found.gl_pathv[i], report);
        count_evidence(report, &items, &warnings);
        report_free(report);
    }
    assert_int_equal(found.gl_pathc, ARRAY_SIZE(samples));
    assert_int_equal(items, 22);
    assert_int_equal(warnings, 7); /* that many hashes of the specification are made up */
    globfree(&found);
}

/* --- version 3 --- */

/* Whom it is about is the source. */
static void expect_source(const char *path, const struct observation *observation)
{
    json_t *file = json_load_file(path, 0, NULL), *body = json_object_get(file, "Report");
    const char *address = json_string_value(json_object_get(body, "SourceIp")), *when = json_string_value(json_object_get(body, "Date"));
    int64_t moment;
    bool found = !address;
    for (size_t i = 0; i < observation->sighting_count; i++)
        found = found || (observation->sightings[i].role == ROLE_SOURCE && str_equal_nocase(observation->sightings[i].value, address));
    if (!found)
        fail_msg("%s: %s is not its source", path, address);
    assert_true(timestamp_parse_rfc3339(when, &moment) && moment == observation->time);
    json_decref(file);
}

static void test_good_samples_of_version_3(void **state)
{
    UNUSED(state);
    static const char *const patterns[] = {"abusix-v0-3/positive/3/*.json", "xarf-spec/samples/v3/*.json"};
    for (size_t k = 0; k < ARRAY_SIZE(patterns); k++) {
        glob_t found = find(patterns[k]);
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct report *report = decode_file(found.gl_pathv[i]);
            if (!report)
                fail_msg("%s: %s %s", found.gl_pathv[i], err.at, err.text);
            assert_int_equal(report->observation_count, 1);
            assert_int_equal(report->rejected_total, 0);
            assert_non_null(report->observations[0].class_name);
            assert_true(report->observations[0].time != TIMESTAMP_NONE);
            assert_true(report->observations[0].sighting_count >= 1);
            assert_true(report->reporter_name || report->reporter_email);
            expect_source(found.gl_pathv[i], &report->observations[0]);
            report_free(report);
        }
        globfree(&found);
    }
}

/* Nothing that can be acted on: it is taken, and says so. */
static void test_version_3_without_a_source(void **state)
{
    UNUSED(state);
    static const char text[] =
        "{\"Version\":\"3\",\"ReporterInfo\":{\"ReporterOrgEmail\":\"a@a.example\"},\"Report\":{\"ReportClass\":\"Messaging\","
        "\"ReportType\":\"spam\",\"Date\":\"2026-01-15T10:30:00Z\",\"Description\":\"words\"}}";
    struct report *report = decode(text, strlen(text));
    assert_non_null(report);
    assert_int_equal(report->observations[0].sighting_count, 0);
    assert_int_equal(report->rejected_total, 1);
    assert_string_equal(report->rejections[0].at, "/Report");
    report_free(report);
}

/* Not valid by the schema, but in parts that we do not read: kept as they are. */
static bool is_taken(const char *path)
{
    static const char *const names[] = {
        "invalid_additional_fields.json",                                   /* values of Custom */
        "invalid_email_as_identifier_potentially_compromised_account.json", /* an address where a name should be */
        "invalid_exploit_wrong_vector.json",                                /* CVSS */
        "invalid_exploit_wrong_version.json",                               /* the same */
        "invalid_internal_processing_wrong_data_type.json",                 /* InternalProcessing */
        "invalid_type.json",                                                /* a type nobody knows */
        "invalid_used_url_in_potentially_compromised_account.json",         /* a member more */
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_equal(base_name(path), names[i]))
            return true;
    return false;
}

static void test_bad_samples_of_version_3(void **state)
{
    UNUSED(state);
    glob_t found = find("abusix-v0-3/negative/3/*.json");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct report *report = decode_file(found.gl_pathv[i]);
        if ((report != NULL) != is_taken(found.gl_pathv[i]))
            fail_msg("%s: %s (%s %s)", found.gl_pathv[i], report ? "taken" : "refused", err.at, err.text);
        if (!report) {
            assert_int_equal(err.code, ERR_INPUT);
            assert_int_equal(err.at[0], '/');
        }
        report_free(report);
    }
    globfree(&found);
}

/* --- writing --- */

static void add(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                const char *text, enum tlp tlp, bool is_indicator)
{
    assert_true(report_add_sighting(report, observation, type, role, text));
    struct sighting *sighting = &observation->sightings[observation->sighting_count - 1];
    sighting->tlp = tlp;
    sighting->is_indicator = is_indicator;
    sighting->confidence = is_indicator ? 60 : -1;
    sighting->valid_until = is_indicator ? 1798761600 * TIMESTAMP_SECOND : TIMESTAMP_NONE;
}

/* A report of another format, with all that it can hold. */
static struct report *full_report(void)
{
    struct report *report = report_new("json");
    report->description = "What happened";
    report->summary = "One line";
    report->lang = "sr-Latn";
    report->class_claim = "Phishing";
    report->class_name = "fraud/phishing";
    report->tlp = TLP_AMBER_STRICT;
    report->pap = TLP_GREEN;
    report->case_kind = "notice";
    report->time = 1767225600 * TIMESTAMP_SECOND;
    report->time_text = "2026-01-01T00:00:00Z";
    report->time_rule = "rfc3339";
    report->reference = "XX-CERT-2026-000042";
    report->reference_issuer = "xx-cert.example";
    report->reporter_name = "Jane Doe";
    report->reporter_email = "jane@example.org";
    report->extra = "{\"notes\":[\"one\",\"two\"]}";
    struct observation *o = report_add_observation(report);
    o->time = 1767229200 * TIMESTAMP_SECOND;
    o->time_text = "2026-01-01T02:00:00+01:00";
    o->time_rule = "rfc3339";
    o->class_claim = "scan";
    o->class_name = "information-gathering/scanner";
    o->description = "Two lines,\n  the second indented";
    o->protocol = "tcp";
    o->count = 42;
    o->source_port = 53;
    o->target_port = 0;
    o->extra = "{\"a\":{\"b\":[1,\"<\"]},\"type\":\"mine\"}";
    add(report, o, OBSERVABLE_IPV4, ROLE_SOURCE, "192.0.2.1", TLP_NONE, true);
    add(report, o, OBSERVABLE_IPV4, ROLE_VICTIM, "192.0.2.2", TLP_RED, false);
    add(report, o, OBSERVABLE_IPV6, ROLE_TARGET, "2001:db8::1", TLP_CLEAR, false);
    add(report, o, OBSERVABLE_URL, ROLE_OTHER, "http://a.example/?q=1", TLP_GREEN, true);
    add(report, o, OBSERVABLE_ASN, ROLE_SOURCE, "64500", TLP_NONE, false);
    add(report, o, OBSERVABLE_CVE, ROLE_TARGET, "CVE-2024-1002", TLP_NONE, false);
    add(report, o, OBSERVABLE_MD5, ROLE_INFRASTRUCTURE, "d41d8cd98f00b204e9800998ecf8427e", TLP_NONE, true);
    add(report, o, OBSERVABLE_TEXT, ROLE_OTHER, "anything", TLP_NONE, false);
    return report;
}

static char *dump(const struct report *report)
{
    json_t *object = report_dump(report);
    json_object_del(object, "format");
    char *text = report_dump_text(object);
    json_decref(object);
    return text;
}

static void expect_round_trip(const struct report *report)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    if (!xarf_codec.encode(report, &out, &err))
        fail_msg("%s", err.text);
    struct report *back = decode(out.bytes, out.size);
    if (!back)
        fail_msg("%s %s\n%s", err.at, err.text, buf_text(&out));
    char *before = dump(report), *after = dump(back);
    assert_string_equal(after, before);
    free(before);
    free(after);
    report_free(back);
    buf_clear(&out);
}

static void test_nothing_is_lost_on_the_way(void **state)
{
    UNUSED(state);
    struct report *report = full_report();
    expect_round_trip(report);
    report->tlp = TLP_NONE;
    report->observations[0].time = TIMESTAMP_NONE;
    report->observations[0].time_text = report->observations[0].time_rule = NULL;
    report->observations[0].class_name = report->observations[0].class_claim = report->observations[0].description = NULL;
    expect_round_trip(report);
    struct observation *second = report_add_observation(report);
    add(report, second, OBSERVABLE_DOMAIN, ROLE_OTHER, "only.example", TLP_NONE, false);
    add(report, second, OBSERVABLE_DOMAIN, ROLE_TARGET, "hurt.example", TLP_NONE, false);
    expect_round_trip(report);
    struct observation *third = report_add_observation(report);
    add(report, third, OBSERVABLE_ASN, ROLE_SOURCE, "64500", TLP_NONE, false);
    expect_round_trip(report);
    report_free(report);
}

static void expect_written_source(const struct report *report, const char *wanted)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    assert_true(xarf_codec.encode(report, &out, &err));
    struct report *back = decode(out.bytes, out.size);
    assert_non_null(back);
    assert_int_equal(back->rejected_total, 0);
    if (!strstr(buf_text(&out), wanted))
        fail_msg("%s is not in: %s", wanted, buf_text(&out));
    report_free(back);
    buf_clear(&out);
}

/* An AS number where there is no address or name in that role, written so that it is known for one. */
static void test_source(void **state)
{
    UNUSED(state);
    struct report *report = full_report();
    struct observation *observation = &report->observations[0];
    observation->sighting_count = 0;
    add(report, observation, OBSERVABLE_ASN, ROLE_SOURCE, "64500", TLP_NONE, false);
    expect_written_source(report, "\"source_identifier\":\"AS64500\"");
    add(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "192.0.2.1", TLP_NONE, false);
    expect_written_source(report, "\"source_identifier\":\"192.0.2.1\"");
    report_free(report);
}

static void expect_refusal(struct report *report, const char *why)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    err_clear(&err);
    assert_false(xarf_codec.encode(report, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" is not in: %s", why, err.text);
    buf_clear(&out);
}

static void test_what_cannot_be_written(void **state)
{
    UNUSED(state);
    struct report *report = full_report();
    report->reporter_email = NULL;
    expect_refusal(report, "mail address");
    report->creator_email = "duty@xx-cert.example";
    report->time = report->observations[0].time = TIMESTAMP_NONE;
    expect_refusal(report, "a time");
    report->time = 0;
    report->observations[0].sighting_count = 0;
    expect_refusal(report, "source");
    /* Whoever reads it takes its source for the attacker. */
    add(report, &report->observations[0], OBSERVABLE_IPV4, ROLE_TARGET, "192.0.2.3", TLP_NONE, false);
    add(report, &report->observations[0], OBSERVABLE_EMAIL, ROLE_VICTIM, "hurt@example.org", TLP_NONE, false);
    expect_refusal(report, "source");
    report->observation_count = 0;
    expect_refusal(report, "observation");
    report_free(report);
}

/* A document of ours cannot hide from us what others read in it. */
static void test_own_member_hides_nothing(void **state)
{
    UNUSED(state);
    static const char text[] =
        "{\"xarf_version\":\"4.2.0\",\"report_id\":\"1\",\"timestamp\":\"2026-01-01T00:00:00Z\","
        "\"reporter\":{\"org\":\"A\",\"contact\":\"a@a.example\",\"domain\":\"a.example\"},"
        "\"sender\":{\"org\":\"A\",\"contact\":\"a@a.example\",\"domain\":\"a.example\"},"
        "\"source_identifier\":\"192.0.2.1\",\"category\":\"messaging\",\"type\":\"spam\","
        "\"cirt\":{\"observables\":[{\"type\":\"ipv4\",\"role\":\"victim\",\"value\":\"192.0.2.9\",\"indicator\":true}]}}";
    struct report *report = decode(text, strlen(text));
    assert_non_null(report);
    assert_int_equal(report->observations[0].sighting_count, 2);
    assert_string_equal(report->observations[0].sightings[1].value, "192.0.2.1");
    assert_false(report->observations[0].sightings[0].is_indicator);
    report_free(report);
}

static struct report *report_of(const char *members)
{
    char *text = mem_printf("{\"xarf_version\":\"4.2.0\",\"report_id\":\"1\",\"timestamp\":\"2026-01-01T00:00:00Z\","
                            "\"reporter\":{\"org\":\"A\",\"contact\":\"a@a.example\",\"domain\":\"a.example\"},"
                            "\"sender\":{\"org\":\"A\",\"contact\":\"a@a.example\",\"domain\":\"a.example\"},"
                            "\"category\":\"connection\",\"type\":\"ddos\",%s}",
                            members);
    struct report *report = decode(text, strlen(text));
    assert_non_null(report);
    free(text);
    return report;
}

/* Where there was only a target, it stands for the source that the schema wants; it attacked nobody. */
static void test_a_target_is_no_source(void **state)
{
    UNUSED(state);
    static const char *const alone[] = {
        "\"source_identifier\":\"192.0.2.1\",\"destination_ip\":\"192.0.2.1\"",
        "\"source_identifier\":\"2001:DB8::1\",\"destination_ip\":\"2001:db8:0::1\"",
        "\"source_identifier\":\"a@b.example\",\"smtp_to\":\"a@b.example\"",
        "\"source_identifier\":\"http://a.example/x\",\"url\":\"http://a.example/x\",\"target_url\":\"http://a.example/x\"",
    };
    for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
        struct report *report = report_of(alone[i]);
        assert_int_equal(report->observations[0].sighting_count, 1);
        assert_true(report->observations[0].sightings[0].role == ROLE_TARGET || report->observations[0].sightings[0].role == ROLE_VICTIM);
        report_free(report);
    }
    struct report *report = report_of("\"source_identifier\":\"192.0.2.1\",\"destination_ip\":\"192.0.2.2\"");
    assert_int_equal(report->observations[0].sighting_count, 2);
    report_free(report);
}

/* --- documents for tests/checks/xarf_schema.py --- */

static bool write_report(const struct report *report, const char *folder, const char *name)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    char *path = mem_printf("%s/%s", folder, name);
    bool ok = xarf_codec.encode(report, &out, &err);
    FILE *file = ok ? fopen(path, "w") : NULL;
    ok = file && fputs(buf_text(&out), file) >= 0;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (!ok)
        fprintf(stderr, "%s: %s\n", name, err.text);
    free(path);
    buf_clear(&out);
    return ok;
}

/* One of each class of RSIT: with all a report can hold, and with an address alone. */
static bool write_classes(const char *folder)
{
    bool ok = true;
    for (size_t i = 0; i < rsit_class_count && ok; i++)
        for (int is_bare = 0; is_bare < 2 && ok; is_bare++) {
            struct report *report = full_report();
            struct observation *observation = &report->observations[0];
            char *name = mem_printf("class-%zu-%d.json", i, is_bare);
            observation->class_name = observation->class_claim = rsit_classes[i].name;
            if (is_bare) {
                observation->sighting_count = 1;
                observation->protocol = observation->description = report->description = NULL;
            }
            ok = write_report(report, folder, name);
            free(name);
            report_free(report);
        }
    return ok;
}

/* The samples of the corpus, where there is one. */
static bool write_samples(const char *folder)
{
    glob_t found = {0};
    bool ok = true;
    if (glob(TEST_CORPUS "/xarf/xarf-spec/samples/v*/*.json", 0, NULL, &found) != 0)
        return true;
    for (size_t i = 0; i < found.gl_pathc && ok; i++) {
        struct report *report = decode_file(found.gl_pathv[i]);
        ok = report && write_report(report, folder, base_name(found.gl_pathv[i]));
        report_free(report);
    }
    globfree(&found);
    return ok;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_of_version_4),       cmocka_unit_test(test_good_samples_of_version_3),
        cmocka_unit_test(test_version_3_without_a_source), cmocka_unit_test(test_bad_samples_of_version_3),
        cmocka_unit_test(test_nothing_is_lost_on_the_way), cmocka_unit_test(test_source),
        cmocka_unit_test(test_what_cannot_be_written),     cmocka_unit_test(test_own_member_hides_nothing),
        cmocka_unit_test(test_a_target_is_no_source),
    };
    if (argc > 1)
        return write_classes(argv[1]) && write_samples(argv[1]) ? 0 : 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
