/*
 * STIX as it is written, and read again. With arguments (a folder, then files) it writes documents for tests/checks/stix_schema.py instead:
 * its own report, and every file read and written again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/stix.h"
#include "support/file.h"
#include "support/report_dump.h"
#include "support/stix_bundle.h"

static void add(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                const char *value, enum tlp tlp, bool is_indicator)
{
    assert_true(report_add_sighting(report, observation, type, role, value));
    struct sighting *sighting = &observation->sightings[observation->sighting_count - 1];
    sighting->tlp = tlp;
    sighting->is_indicator = is_indicator;
}

static void set_time(int64_t *time, const char **text, const char **rule, const char *written)
{
    assert_true(timestamp_parse_rfc3339(written, time));
    *text = written;
    *rule = "rfc3339";
}

static void add_flow(struct report *report)
{
    struct observation *observation = report_add_observation(report);
    set_time(&observation->time, &observation->time_text, &observation->time_rule, "2026-03-01T10:00:00.25Z");
    observation->class_claim = "brute force";
    observation->class_name = "intrusion-attempts/brute-force";
    observation->count = 5000000000;
    observation->description = "Log-ins over \"ssh\"";
    observation->protocol = "tcp";
    observation->source_port = 40000;
    observation->target_port = 22;
    observation->extra = "{\"severity\":\"high\",\"nested\":{\"a\":[1,2]}}";
    add(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "192.0.2.17", TLP_NONE, true);
    observation->sightings[0].confidence = 60;
    set_time(&observation->sightings[0].valid_until, &(const char *){NULL}, &(const char *){NULL}, "2026-06-01T00:00:00Z");
    add(report, observation, OBSERVABLE_ASN, ROLE_SOURCE, "64500", TLP_NONE, false);
    add(report, observation, OBSERVABLE_IPV6, ROLE_VICTIM, "2001:db8::22", TLP_RED, false);
    add(report, observation, OBSERVABLE_COUNTRY, ROLE_SOURCE, "XX", TLP_NONE, false);
    add(report, observation, OBSERVABLE_CVE, ROLE_OTHER, "CVE-2026-4242", TLP_NONE, false);
    add(report, observation, OBSERVABLE_IPV4, ROLE_TARGET, "192.0.2.17", TLP_NONE, false);
}

static void add_everything(struct report *report)
{
    static const struct {
        enum observable_type type;
        const char *value;
    } values[] = {
        {OBSERVABLE_IPV4, "198.51.100.1"},
        {OBSERVABLE_IPV6, "2001:db8::1"},
        {OBSERVABLE_CIDR, "203.0.113.0/24"},
        {OBSERVABLE_CIDR, "2001:db8:1::/48"},
        {OBSERVABLE_ASN, "64501"},
        {OBSERVABLE_DOMAIN, "kit.example.net"},
        {OBSERVABLE_URL, "http://kit.example.net/it's?a=\\b"},
        {OBSERVABLE_EMAIL, "bait@example.net"},
        {OBSERVABLE_MD5, "d41d8cd98f00b204e9800998ecf8427e"},
        {OBSERVABLE_MD5, "0cc175b9c0f1b6a831c399e269772661"},
        {OBSERVABLE_MAC, "00:11:22:33:44:55"},
        {OBSERVABLE_USER_AGENT, "curl/7 'x'"},
        {OBSERVABLE_FILENAME, "a \"b\".exe"},
        {OBSERVABLE_COUNTRY, "ZZ"},
        {OBSERVABLE_TEXT, "mutex:x"},
        {OBSERVABLE_PHONE, "+4312345678"},
    };
    for (int is_indicator = 0; is_indicator <= 1; is_indicator++) {
        struct observation *observation = report_add_observation(report);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
            bool is_network = values[i].type <= OBSERVABLE_EMAIL || values[i].type == OBSERVABLE_MAC;
            add(report, observation, values[i].type, is_network ? ROLE_INFRASTRUCTURE : ROLE_OTHER, values[i].value, TLP_NONE,
                is_indicator);
        }
    }
}

/* Everything that a report can say, in every shape an observation is written. */
static struct report *full_report(void)
{
    struct report *report = report_new("stix");
    report->summary = "Log-ins and a kit";
    report->description = "Seen at \"Example Bank\".";
    report->lang = "en";
    report->class_claim = "phish";
    report->class_name = "fraud/phishing";
    report->tlp = TLP_AMBER;
    report->pap = TLP_GREEN;
    report->case_kind = "notice";
    report->reference = "XX-CERT-2026-000042";
    report->reference_issuer = "cert.example";
    report->creator_name = "Example CSIRT";
    report->creator_email = "csirt@example.org";
    report->reporter_email = "soc@bank.example";
    report->extra = "{\"campaign\":\"x\"}";
    set_time(&report->time, &report->time_text, &report->time_rule, "2026-03-02T10:00:00Z");
    add_flow(report);
    add_everything(report);
    struct observation *file = report_add_observation(report); /* one file; no time */
    file->description = "Dropper";
    add(report, file, OBSERVABLE_MD5, ROLE_OTHER, "900150983cd24fb0d6963f7d28e17f72", TLP_NONE, true);
    add(report, file, OBSERVABLE_SHA256, ROLE_OTHER, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", TLP_NONE, false);
    add(report, file, OBSERVABLE_FILENAME, ROLE_OTHER, "abc.exe", TLP_NONE, false);
    struct observation *wide = report_add_observation(report); /* an indicator that may go further than its report */
    wide->description = "Only for partners";
    add(report, wide, OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE, "wide.example.net", TLP_GREEN, true);
    struct observation *strict = report_add_observation(report);
    strict->description = "For you alone";
    add(report, strict, OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE, "strict.example.net", TLP_AMBER_STRICT, true);
    struct observation *weakness = report_add_observation(report);
    set_time(&weakness->time, &weakness->time_text, &weakness->time_rule, "2026-02-01T00:00:00Z");
    weakness->description = "Overflow";
    add(report, weakness, OBSERVABLE_CVE, ROLE_OTHER, "CVE-2026-0001", TLP_NONE, false);
    report_add_observation(report)->description = "Words only";
    return report;
}

static void write_again(const struct report *report, struct buf *out)
{
    struct err err = {0};
    buf_init(out, 64u << 20);
    if (!stix_codec.encode(report, out, &err))
        fail_msg("not written: %s", err.text);
}

static void assert_same(const struct report *wanted, const struct report *found)
{
    json_t *a = report_dump(wanted), *b = report_dump(found);
    char *left = report_dump_text(a), *right = report_dump_text(b);
    assert_string_equal(left, right);
    assert_int_equal(wanted->pap, found->pap);
    assert_string_equal(wanted->case_kind ? wanted->case_kind : "", found->case_kind ? found->case_kind : "");
    for (size_t i = 0; i < wanted->observation_count; i++)
        for (size_t k = 0; k < wanted->observations[i].sighting_count; k++) {
            assert_int_equal(wanted->observations[i].sightings[k].confidence, found->observations[i].sightings[k].confidence);
            assert_int_equal(wanted->observations[i].sightings[k].valid_until, found->observations[i].sightings[k].valid_until);
        }
    free(left);
    free(right);
    json_decref(a);
    json_decref(b);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct report *report = full_report();
    struct buf first, second;
    write_again(report, &first);
    struct report *again = stix_decoded(buf_text(&first));
    assert_same(report, again);
    write_again(again, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    report_free(report);
    report_free(again);
    buf_clear(&first);
    buf_clear(&second);
}

/* The objects of TLP 2.0 that are written are the labels that are read. */
static void every_label_reads_back(void **state)
{
    (void)state;
    for (enum tlp label = TLP_CLEAR; label <= TLP_RED; label++) {
        struct report *report = full_report();
        report->tlp = label;
        for (size_t i = 0; i < report->observation_count; i++)
            for (size_t k = 0; k < report->observations[i].sighting_count; k++)
                report->observations[i].sightings[k].tlp = TLP_NONE;
        struct buf out;
        write_again(report, &out);
        struct report *again = stix_decoded(buf_text(&out));
        assert_int_equal(again->tlp, label);
        for (size_t i = 0; i < again->observation_count; i++)
            for (size_t k = 0; k < again->observations[i].sighting_count; k++)
                assert_int_equal(again->observations[i].sightings[k].tlp, TLP_NONE);
        report_free(report);
        report_free(again);
        buf_clear(&out);
    }
}

/* Goes through the indicators of a written document. */
static void victims_are_no_indicators(void **state)
{
    (void)state;
    struct report *report = full_report();
    struct observation *observation = &report->observations[0];
    for (size_t i = 0; i < observation->sighting_count; i++)
        observation->sightings[i].is_indicator = true;
    struct buf out;
    write_again(report, &out);
    json_t *root = json_loads(buf_text(&out), 0, NULL), *object;
    size_t index, indicators = 0;
    json_array_foreach(json_object_get(root, "objects"), index, object)
    {
        const char *pattern = json_string_value(json_object_get(object, "pattern"));
        indicators += pattern != NULL;
        assert_true(!pattern || !strstr(pattern, "2001:db8::22"));
    }
    assert_true(indicators > 4);
    json_decref(root);
    buf_clear(&out);
    report_free(report);
}

/* Objects of that type as JSON, in the order of the document; the caller's. */
static char *written_objects(const struct report *report, const char *type)
{
    struct buf out;
    write_again(report, &out);
    json_t *root = json_loads(buf_text(&out), 0, NULL), *found = json_array(), *object;
    size_t index;
    json_array_foreach(json_object_get(root, "objects"), index, object)
    {
        if (str_equal(json_string_value(json_object_get(object, "type")), type))
            json_array_append(found, object);
    }
    char *text = json_dumps(found, JSON_COMPACT);
    json_decref(found);
    json_decref(root);
    buf_clear(&out);
    return text;
}

/* What has the same id in two documents is made at the same moment in both, and our identity is the same as a whole. */
static void what_has_one_id_was_made_once(void **state)
{
    (void)state;
    struct report *report = full_report();
    report->reporter_email = NULL; /* somebody else, under the report's label */
    char *identity = written_objects(report, "identity");
    set_time(&report->time, &report->time_text, &report->time_rule, "2026-03-05T10:00:00Z");
    report->tlp = TLP_RED;
    char *again = written_objects(report, "identity");
    assert_string_equal(identity, again);
    assert_non_null(strstr(identity, "Example CSIRT"));
    free(identity);
    free(again);
    report_free(report);

    report = report_new("stix");
    report->is_list = true;
    set_time(&report->time, &report->time_text, &report->time_rule, "2026-03-05T10:00:00Z");
    struct observation *observation = report_add_observation(report);
    add(report, observation, OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE, "kit.example.net", TLP_NONE, true);
    char *created[2];
    for (size_t i = 0; i < 2; i++) { /* an earlier sighting came */
        set_time(&observation->time, &observation->time_text, &observation->time_rule, i ? "2026-02-01T00:00:00Z" : "2026-03-01T00:00:00Z");
        char *text = written_objects(report, "indicator");
        json_t *list = json_loads(text, 0, NULL), *indicator = json_array_get(list, 0);
        created[i] = mem_printf("%s %s", json_string_value(json_object_get(indicator, "id")),
                                json_string_value(json_object_get(indicator, "created")));
        assert_string_equal(json_string_value(json_object_get(indicator, "valid_from")), observation->time_text);
        json_decref(list);
        free(text);
    }
    assert_string_equal(created[0], created[1]);
    free(created[0]);
    free(created[1]);
    report_free(report);
}

static void without_a_time_nothing_is_written(void **state)
{
    (void)state;
    struct report *report = report_new("json");
    struct err err = {0};
    struct buf out;
    buf_init(&out, 1u << 20);
    report->description = "x";
    assert_false(stix_codec.encode(report, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    set_time(&report->time, &report->time_text, &report->time_rule, "2026-03-02T10:00:00Z");
    assert_true(stix_codec.encode(report, &out, &err));
    buf_clear(&out);
    buf_init(&out, 100);
    assert_false(stix_codec.encode(report, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&out);
    report_free(report);
}

/* Two files with one digest in common become one object, whose further digests always stand in the same order. */
/* A statement of a case says in `extra` when it was seen last. */
static void seen_for_a_while(void **state)
{
    UNUSED(state);
    struct report *report = report_new("json");
    struct err err = {0};
    struct buf out;
    report->tlp = TLP_GREEN;
    struct observation *observation = report_add_observation(report);
    set_time(&observation->time, &(const char *){NULL}, &(const char *){NULL}, "2026-03-02T06:00:00Z");
    report->time = observation->time;
    observation->extra = "{\"last\":\"2026-03-02T08:00:00Z\"}";
    add(report, observation, OBSERVABLE_IPV4, ROLE_SOURCE, "192.0.2.17", TLP_NONE, false);
    buf_init(&out, 1 << 20);
    assert_true(stix_codec.encode(report, &out, &err));
    json_t *bundle = json_loads(buf_text(&out), 0, NULL), *objects = json_object_get(bundle, "objects"), *object;
    size_t at, seen = 0;
    json_array_foreach(objects, at, object)
    {
        if (!str_equal(json_string_value(json_object_get(object, "type")), "observed-data"))
            continue;
        seen++;
        assert_string_equal(json_string_value(json_object_get(object, "first_observed")), "2026-03-02T06:00:00.000Z");
        assert_string_equal(json_string_value(json_object_get(object, "last_observed")), "2026-03-02T08:00:00.000Z");
    }
    assert_int_equal(seen, 1);
    json_decref(bundle);
    buf_clear(&out);
    report_free(report);
}

static void digests_keep_their_order(void **state)
{
    (void)state;
    static const char md5[] = "d41d8cd98f00b204e9800998ecf8427e", sha1[] = "da39a3ee5e6b4b0d3255bfef95601890afd80709",
                      sha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct report *report = report_new("json");
    struct buf first, second;
    set_time(&report->time, &report->time_text, &report->time_rule, "2026-03-02T10:00:00Z");
    struct observation *observation = report_add_observation(report);
    set_time(&observation->time, &observation->time_text, &observation->time_rule, "2026-03-01T10:00:00Z");
    add(report, observation, OBSERVABLE_MD5, ROLE_OTHER, md5, TLP_NONE, true);
    add(report, observation, OBSERVABLE_SHA256, ROLE_OTHER, sha256, TLP_NONE, false);
    observation = report_add_observation(report);
    set_time(&observation->time, &observation->time_text, &observation->time_rule, "2026-03-01T11:00:00Z");
    add(report, observation, OBSERVABLE_MD5, ROLE_OTHER, md5, TLP_NONE, true);
    add(report, observation, OBSERVABLE_SHA1, ROLE_OTHER, sha1, TLP_NONE, false);
    write_again(report, &first);
    struct report *again = stix_decoded(buf_text(&first)), *settled;
    write_again(again, &second);
    settled = stix_decoded(buf_text(&second));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(again->observations[i].sighting_count, 3);
        assert_int_equal(again->observations[i].sightings[1].type, OBSERVABLE_SHA1);
    }
    assert_same(again, settled);
    report_free(report);
    report_free(again);
    report_free(settled);
    buf_clear(&first);
    buf_clear(&second);
}

/* What others add to an object of ours is kept, and what they make of its pattern. */
static void what_others_did_to_our_objects_is_kept(void **state)
{
    (void)state;
    struct report *report = full_report(), *again;
    struct buf out;
    write_again(report, &out);
    json_t *root = json_loads(buf_text(&out), 0, NULL), *object;
    size_t index;
    json_array_foreach(json_object_get(root, "objects"), index, object)
    {
        if (strcmp(json_string_value(json_object_get(object, "type")), "observed-data") == 0)
            json_object_set_new(object, "x_opencti_score", json_integer(77));
        if (json_object_get(object, "pattern"))
            json_object_set_new(object, "pattern", json_string("[domain-name:value MATCHES 'changed']"));
    }
    char *text = json_dumps(root, 0);
    again = stix_decoded(text);
    assert_non_null(strstr(again->observations[0].extra, "\"x_opencti_score\":77"));
    assert_non_null(strstr(again->observations[0].extra, "\"severity\":\"high\""));
    assert_non_null(strstr(again->observations[2].extra, "MATCHES 'changed'"));
    free(text);
    json_decref(root);
    buf_clear(&out);
    report_free(report);
    report_free(again);
}

/* --- for the schema check --- */

static bool write_file(const char *folder, size_t number, const struct report *report)
{
    struct err err = {0};
    struct buf out;
    buf_init(&out, 64u << 20);
    bool ok = stix_codec.encode(report, &out, &err);
    if (ok) {
        char *path = mem_printf("%s/%03zu.json", folder, number);
        FILE *file = fopen(path, "w");
        ok = file && fputs(buf_text(&out), file) >= 0;
        if (file)
            fclose(file);
        free(path);
    } else {
        fprintf(stderr, "%03zu: not written: %s\n", number, err.text);
        ok = err.code == ERR_INPUT;
    }
    buf_clear(&out);
    return ok;
}

static bool read_and_write(const char *folder, size_t number, const char *path)
{
    size_t size;
    char *content = file_read(path, &size);
    struct report *report = NULL;
    struct err err = {0};
    if (!content)
        return false;
    bool ok = true;
    if (codec_decode(&stix_codec, content, size, &codec_limits_default, NULL, &report, &err))
        ok = write_file(folder, number, report);
    report_free(report);
    free(content);
    return ok;
}

static int write_documents(int argc, char **argv)
{
    struct report *report = full_report();
    bool ok = write_file(argv[1], 0, report);
    report_free(report);
    for (int i = 2; i < argc; i++)
        ok = read_and_write(argv[1], (size_t)i - 1, argv[i]) && ok;
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return write_documents(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),        cmocka_unit_test(every_label_reads_back),
        cmocka_unit_test(victims_are_no_indicators),         cmocka_unit_test(what_has_one_id_was_made_once),
        cmocka_unit_test(without_a_time_nothing_is_written), cmocka_unit_test(seen_for_a_while),
        cmocka_unit_test(digests_keep_their_order),          cmocka_unit_test(what_others_did_to_our_objects_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
