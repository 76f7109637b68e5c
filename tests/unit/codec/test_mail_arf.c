/*
 * Abuse reports by mail: ARF (codec/mail_arf) and X-ARF 0.1 and 0.2 (codec/mail_xarf). Each mail of the corpus that has such a part gives
 * an observation of what stands there, read here a second time by looking for its lines. Samples of our own: test_registry.c.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/str.h"
#include "base/timestamp_read.h"
#include "codec/codec.h"
#include "codec/mail_arf.h"
#include "codec/mail_xarf.h"
#include "codec/mail_yaml.h"
#include "support/file.h"
#include "support/report_dump.h"

extern const struct codec mail_codec;

static struct err err;

static char *slurp(const char *path, size_t *size)
{
    char *bytes = file_read(path, size);
    assert_non_null(bytes);
    return bytes;
}

static struct report *decode(const struct codec *codec, const char *bytes, size_t size)
{
    struct report *report = NULL;
    err_clear(&err);
    if (!codec_decode(codec, bytes, size, &codec_limits_default, NULL, &report, &err))
        assert_null(report);
    return report;
}

/* --- the corpus --- */

/* Behind "Name:" at the start of a line from `at` on, in any case; "" where it is not there before `until`. */
static void line_value(const char *at, const char *until, const char *name, char value[400])
{
    size_t size = strlen(name);
    value[0] = '\0';
    for (const char *line = at; line && line < until; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, size) != 0 || line[size] != ':')
            continue;
        const char *text = line + size + 1;
        text += strspn(text, " ");
        snprintf(value, 400, "%.*s", (int)strcspn(text, "\r\n"), text);
        return;
    }
}

static const struct observation *find(const struct report *report, const char *member)
{
    for (size_t i = 0; i < report->observation_count; i++) {
        json_t *extra = report->observations[i].extra ? json_loads(report->observations[i].extra, 0, NULL) : NULL;
        bool is = json_object_get(extra, member) != NULL;
        json_decref(extra);
        if (is)
            return &report->observations[i];
    }
    return NULL;
}

static bool has_source(struct report *report, const struct observation *observation, const char *text)
{
    enum observable_type type;
    const char *value = observable_guess(report->arena, text, &type);
    for (size_t i = 0; value && i < observation->sighting_count; i++)
        if (observation->sightings[i].role == ROLE_SOURCE && observation->sightings[i].type == type &&
            str_equal(observation->sightings[i].value, value))
            return true;
    return false;
}

static size_t fields_seen;

/* A field as it came, or what its value became. */
static bool is_told(struct report *report, const json_t *dump, const char *value)
{
    size_t length = strlen(value);
    if (*value == '<' && value[length - 1] == '>') /* a mail address */
        return is_told(report, dump, arena_strndup(report->arena, value + 1, length - 2));
    enum observable_type type;
    int64_t moment;
    const char *rule, *normal = observable_guess(report->arena, value, &type);
    json_t *string = json_string(value);
    char time[TIMESTAMP_TEXT_SIZE] = "", *text = json_dumps(dump, 0), *escaped = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    if (timestamp_read(value, &moment, &rule))
        timestamp_format(moment, time);
    escaped[strlen(escaped) - 1] = '\0';
    bool found = strcasestr(text, escaped + 1) || (normal && strstr(text, normal)) || (*time && strstr(text, time));
    free(escaped);
    free(text);
    return found;
}

static void expect_fields(const char *path, const char *part, struct report *report, size_t *fields)
{
    json_t *dump = report_dump(report);
    const char *lf = strstr(part, "\n\n"), *crlf = strstr(part, "\n\r\n");
    const char *at = crlf && (!lf || crlf < lf) ? crlf + 3 : lf ? lf + 2 : "";
    while (*at && *at != '\n' && *at != '\r' && strncmp(at, "--", 2) != 0) {
        const char *colon = strchr(at, ':');
        size_t size = strcspn(at, "\n");
        char *value = colon && colon < at + size ? mem_printf("%.*s", (int)(size - (size_t)(colon - at) - 1), colon + 1) : mem_strdup("");
        char *trimmed = value + strspn(value, " \t");
        trimmed[strcspn(trimmed, "\r")] = '\0';
        bool is_folded = at[size] == '\n' && (at[size + 1] == ' ' || at[size + 1] == '\t');
        if (*trimmed && !is_folded && *at != ' ' && *at != '\t' && !is_told(report, dump, trimmed))
            fail_msg("%s: %.*s is lost", path, (int)size, at);
        ++*fields;
        free(value);
        at += size + (at[size] != '\0');
    }
    json_decref(dump);
}

static void expect_feedback(const char *path, const char *part, struct report *report)
{
    char type[400], source[400];
    const char *end = part + strlen(part);
    line_value(part, end, "Feedback-Type", type);
    line_value(part, end, "Source-IP", source);
    const struct observation *observation = find(report, "feedback_report");
    if (!observation)
        fail_msg("%s: no observation of its feedback report", path);
    if (!str_equal_nocase(observation->class_claim, type))
        fail_msg("%s: %s, not %s", path, observation->class_claim, type);
    if (source[0] && !has_source(report, observation, source))
        fail_msg("%s: %s is not its source", path, source);
    expect_fields(path, part, report, &fields_seen);
}

static void expect_xarf(const char *path, const char *part, struct report *report)
{
    char type[400], source[400];
    const char *end = part + strlen(part);
    line_value(part, end, "Report-Type", type);
    line_value(part, end, "Source", source);
    const struct observation *observation = find(report, "xarf");
    if (!observation)
        fail_msg("%s: no observation of its report", path);
    if (!str_ends(observation->class_claim, type))
        fail_msg("%s: %s, not %s", path, observation->class_claim, type);
    /* A URL may be folded in its transfer encoding. */
    if (!strchr(source, '=') && !has_source(report, observation, source))
        fail_msg("%s: %s is not its source", path, source);
    assert_non_null(observation->class_name);
    assert_true(observation->time != TIMESTAMP_NONE);
}

/* What the mail itself says stays the mail's. */
static void expect_mail(const char *path, const char *text, const struct report *report)
{
    char subject[400];
    line_value(text, strstr(text, "\n\n") ? strstr(text, "\n\n") : text + strlen(text), "Subject", subject);
    if (subject[0] && !report->summary)
        fail_msg("%s: no summary", path);
    assert_string_equal(report->format, "mail");
}

static const char *find_feedback(const char *text)
{
    const char *at = strcasestr(text, "\nContent-Type: message/feedback-report");
    return at ? at + 1 : NULL;
}

static const char *find_xarf(const char *text)
{
    const char *at = strstr(text, "report.txt\"");
    return at && strstr(at, "\nReport-Type:") ? at : NULL;
}

static void read_folder(const char *pattern, size_t *feedback, size_t *xarf)
{
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t size;
        char *text = slurp(found.gl_pathv[i], &size);
        const char *arf_part = find_feedback(text), *xarf_part = find_xarf(text);
        struct report *report = decode(&mail_codec, text, size);
        if (!report)
            fail_msg("%s: %s %s", found.gl_pathv[i], err.at, err.text);
        expect_mail(found.gl_pathv[i], text, report);
        if (arf_part)
            expect_feedback(found.gl_pathv[i], arf_part, report);
        if (xarf_part)
            expect_xarf(found.gl_pathv[i], xarf_part, report);
        *feedback += arf_part != NULL;
        *xarf += xarf_part != NULL;
        report_free(report);
        free(text);
    }
    globfree(&found);
}

static void test_mails_of_others(void **state)
{
    (void)state;
    size_t feedback = 0, xarf = 0;
    read_folder(TEST_CORPUS "/xarf/abuseio/*/*.eml", &feedback, &xarf);
    read_folder(TEST_CORPUS "/xarf/sisimai-arf/*.eml", &feedback, &xarf);
    read_folder(TEST_CORPUS "/xarf/rfc*/*.eml", &feedback, &xarf);
    read_folder(TEST_CORPUS "/xarf/mimekit/*.txt", &feedback, &xarf);
    if (!feedback) {
        print_message("skipped: no corpus beside the sources\n");
        skip();
    }
    print_message("%zu feedback reports with %zu fields, %zu X-ARF\n", feedback, fields_seen, xarf);
    assert_true(feedback >= 34 && fields_seen >= 300);
    assert_true(xarf >= 7);
}

/* --- refusals --- */

static void expect_refusal(const struct codec *codec, const char *text, const char *at, const char *why)
{
    struct report *report = decode(codec, text, strlen(text));
    if (report)
        fail_msg("accepted: %s", text);
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.at, at);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" is not in: %s", why, err.text);
}

/* Words beyond the standards' are read as other formats' are. */
static void test_classes_of_feedback(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"abuse", "abusive-content/spam"},
        {"spam", "abusive-content/spam"},
        {"Phishing", "fraud/phishing"},
        {"malware", "malicious-code/malware-distribution"},
        {"not-spam", NULL},
        {"something-new", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = mem_printf("Feedback-Type: %s\nVersion: 1\n", rows[i][0]);
        struct report *report = decode(&mail_arf_codec, text, strlen(text));
        assert_non_null(report);
        if (rows[i][1])
            assert_string_equal(report->class_name, rows[i][1]);
        else
            assert_null(report->class_name);
        assert_true(str_equal_nocase(report->class_claim, rows[i][0]));
        report_free(report);
        free(text);
    }
}

/* As in the example of RFC 5965. */
static void test_a_recipient_is_no_source(void **state)
{
    (void)state;
    static const char text[] =
        "Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <user@example.com>\nReported-URI: http://example.net/x\n"
        "Reported-URI: mailto:user@example.com\nReported-URI: mailto:other@example.com\n";
    struct report *report = decode(&mail_arf_codec, text, strlen(text));
    assert_non_null(report);
    const struct observation *observation = &report->observations[0];
    assert_int_equal(observation->sighting_count, 3);
    assert_string_equal(observation->sightings[0].value, "user@example.com");
    assert_int_equal(observation->sightings[0].role, ROLE_VICTIM);
    assert_string_equal(observation->sightings[1].value, "http://example.net/x");
    assert_string_equal(observation->sightings[2].value, "other@example.com");
    report_free(report);
}

/* Between angle brackets, and of schemes beside http; what is none of ours is told. Recipients may be redacted. */
static void test_uris_of_feedback(void **state)
{
    (void)state;
    static const char text[] = "Feedback-Type: abuse\nReported-URI: <http://evil.example.net/a>\n"
                               "Reported-URI: dns:bad.example.net\nReported-URI: dns://192.0.2.1/worse.example.net?type=A\n"
                               "Reported-URI: <mailto:mule@evil.example.net>\nReported-URI: mailto:redacted\n"
                               "Reported-URI: tel:+4930123456\n";
    static const char *const values[] = {"http://evil.example.net/a", "bad.example.net", "worse.example.net", "mule@evil.example.net"};
    struct report *report = decode(&mail_arf_codec, text, strlen(text));
    assert_non_null(report);
    const struct observation *observation = &report->observations[0];
    assert_int_equal(observation->sighting_count, ARRAY_SIZE(values));
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        assert_string_equal(observation->sightings[i].value, values[i]);
        assert_int_equal(observation->sightings[i].role, ROLE_SOURCE);
    }
    assert_string_equal(observation->extra, "{\"feedback_report\":{\"Reported-URI\":[\"mailto:redacted\",\"tel:+4930123456\"]}}");
    assert_int_equal(report->rejected_total, 1);
    report_free(report);
}

static void test_refusals_of_feedback(void **state)
{
    (void)state;
    expect_refusal(&mail_arf_codec, "User-Agent: x\nVersion: 1\n", "Feedback-Type", "is missing");
    expect_refusal(&mail_arf_codec, "Feedback-Type: abuse\nFeedback-Type: abuse\n", "Feedback-Type", "twice");
    expect_refusal(&mail_arf_codec, "Feedback-Type: abuse\nVersion: 2\n", "Version", "neither");
}

static void test_refusals_of_xarf(void **state)
{
    (void)state;
    static const char why[] = "tags, anchors and aliases";
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nSource: &a 192.0.2.1\n", "line 2", why);
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nSource: *a\n", "line 2", why);
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nSource: !!str 192.0.2.1\n", "line 2", why);
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nSource: ! 192.0.2.1\n", "line 2", why);
    expect_refusal(&mail_xarf_codec, "&a\nReport-Type: spam\nSource: 192.0.2.1\n", "line 1", why);
    expect_refusal(&mail_xarf_codec, "%TAG ! tag:x,2000:\n---\nReport-Type: spam\nSource: 192.0.2.1\n", "line 1", why);
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nreport-type: [a\n", "line 3", "no YAML");
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nReport-Type: spam\nSource: 192.0.2.1\n", "line 2", "twice");
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\nSource: \"a\\0b\"\n", "line 2", "NUL");
    expect_refusal(&mail_xarf_codec, "? [a]\n: b\n", "line 1", "word");
    expect_refusal(&mail_xarf_codec, "Report-Type: spam\n", "/Source", "is missing");
    expect_refusal(&mail_xarf_codec, "Source: 192.0.2.1\n", "/Report-Type", "is missing");
    expect_refusal(&mail_xarf_codec, "- a\n- b\n", "/", "fields");
    expect_refusal(&mail_xarf_codec, "---\n", "/", "fields");
}

/* What no YAML is because of a colon, beside what only YAML says. */
static void test_colons(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Custom: keep: it's\n",
        "Tags:\n  - a\n  - b: c\nCustom: keep: it's\r\n",
        "Tags:\n- a\nCustom: keep: it's\n",
        "Description: |\n  multi: line: text\n\n  line\nCustom: keep: it's",
        "Description: two\n  lines\nQuoted: \"a: b\"\nCustom:\tkeep: it's\n",
        "Custom: keep: it's\n---\nReport-Type: spam\nSource: 192.0.2.2\nCustom: b: c\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char *text = mem_printf("---\nReport-Type: spam\nSource: 192.0.2.1\n%s", texts[i]);
        struct report *report = decode(&mail_xarf_codec, text, strlen(text));
        if (!report)
            fail_msg("%s: %s %s", text, err.at, err.text);
        if (!strstr(report->observations[0].extra, "\"Custom\":\"keep: it's\""))
            fail_msg("%s: %s", text, report->observations[0].extra);
        assert_int_equal(report->rejected_total, 0);
        assert_int_equal(report->observation_count, i == ARRAY_SIZE(texts) - 1 ? 2 : 1);
        report_free(report);
        free(text);
    }
}

/* The category has the class where nobody knows the type. */
static void test_classes_of_xarf(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"fraud", "cryptocurrency-scam", "fraud/masquerade"},
        {"fraud", "phishing", "fraud/phishing"},
        {"abuse", "something-new", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text =
            mem_printf("Category: %s\nReport-Type: %s\nSource-Type: uri\nSource: https://evil.example.net/x\n", rows[i][0], rows[i][1]);
        struct report *report = decode(&mail_xarf_codec, text, strlen(text));
        assert_non_null(report);
        if (!str_equal(report->class_name, rows[i][2]))
            fail_msg("%s/%s: %s", rows[i][0], rows[i][1], report->class_name ? report->class_name : "none");
        report_free(report);
        free(text);
    }
}

static void test_a_fault_is_told_once(void **state)
{
    (void)state;
    static const char text[] = "Report-Type: login-attack\nSource-Type: ip-address\nSource: 192.0.2.300\n";
    struct report *report = decode(&mail_xarf_codec, text, strlen(text));
    assert_non_null(report);
    assert_int_equal(report->rejected_total, 1);
    assert_string_equal(report->rejections[0].at, "/Source");
    report_free(report);
}

static void test_limits_of_yaml(void **state)
{
    (void)state;
    struct buf text;
    json_t *out = json_array();
    buf_init(&text, 4 << 20);
    for (int i = 0; i < 100; i++)
        buf_add_char(&text, '[');
    assert_false(mail_yaml_read(text.bytes, text.size, out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_reset(&text);
    for (int i = 0; i <= MAIL_YAML_NODES_MAX; i++)
        buf_add_text(&text, "- a\n");
    assert_false(mail_yaml_read(text.bytes, text.size, out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_reset(&text);
    while (text.size <= MAIL_YAML_SIZE_MAX)
        buf_add_text(&text, "# nothing but a comment\n");
    assert_false(mail_yaml_read(text.bytes, text.size, out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(json_array_size(out), 0);
    json_decref(out);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mails_of_others),      cmocka_unit_test(test_classes_of_feedback),
        cmocka_unit_test(test_refusals_of_feedback), cmocka_unit_test(test_a_recipient_is_no_source),
        cmocka_unit_test(test_refusals_of_xarf),     cmocka_unit_test(test_uris_of_feedback),
        cmocka_unit_test(test_classes_of_xarf),      cmocka_unit_test(test_colons),
        cmocka_unit_test(test_a_fault_is_told_once), cmocka_unit_test(test_limits_of_yaml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
