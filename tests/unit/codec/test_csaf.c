/* CSAF 2.0: the examples and the validator's test files of the corpus, and documents made to be slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/codec.h"
#include "support/report_dump.h"

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* NULL where it is refused, with err. */
static struct report *decode_file(const char *path, struct err *err)
{
    json_t *file = json_load_file(path, 0, NULL);
    assert_non_null(file);
    char *text = json_dumps(file, JSON_COMPACT);
    struct codec_hints hints = {.name = base_name(path)};
    struct report *report = NULL;
    const struct codec *probed = codec_probe(text, strlen(text), &hints);
    if (!probed || !str_equal(probed->name, "csaf"))
        fail_msg("%s is taken for %s", path, probed ? probed->name : "nothing");
    if (!codec_decode(probed, text, strlen(text), &codec_limits_default, &hints, &report, err))
        report = NULL;
    free(text);
    json_decref(file);
    return report;
}

static size_t for_each(const char *pattern, void (*visit)(const char *path))
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped: there is no %s\n", pattern);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        visit(found.gl_pathv[i]);
    size_t count = found.gl_pathc;
    globfree(&found);
    return count;
}

/* What the document says, seen from its own side. */
static void says_what_its_source_says(const char *path)
{
    struct err err = {0};
    struct report *report = decode_file(path, &err);
    if (!report)
        fail_msg("%s: refused: %s: %s", path, err.at, err.text);
    json_t *file = json_load_file(path, 0, NULL), *head = json_object_get(file, "document"), *vulnerability;
    const char *label = json_string_value(json_object_get(json_object_get(json_object_get(head, "distribution"), "tlp"), "label"));
    enum tlp tlp = TLP_NONE;
    size_t index;
    assert_string_equal(report->case_kind, "vulnerability");
    assert_string_equal(report->summary, json_string_value(json_object_get(head, "title")));
    assert_string_equal(report->reference, json_string_value(json_object_get(json_object_get(head, "tracking"), "id")));
    assert_true(!label || tlp_parse(label, &tlp));
    assert_int_equal(report->tlp, tlp);
    assert_true(report->time != TIMESTAMP_NONE);
    assert_int_equal(report->observation_count, json_array_size(json_object_get(file, "vulnerabilities")));
    assert_int_equal(report->rejected_total, 0);
    json_array_foreach(json_object_get(file, "vulnerabilities"), index, vulnerability)
    {
        const char *cve = json_string_value(json_object_get(vulnerability, "cve"));
        const struct observation *observation = &report->observations[index];
        assert_int_equal(observation->sighting_count, cve ? 1 : 0);
        if (cve)
            assert_string_equal(observation->sightings[0].value, cve);
        if (cve)
            assert_false(observation->sightings[0].is_indicator);
        assert_string_equal(observation->class_name, "vulnerable/vulnerable-system");
    }
    json_decref(file);
    report_free(report);
}

static void every_example_is_read(void **state)
{
    (void)state;
    assert_true(for_each(TEST_CORPUS "/csaf/examples/csaf/*.json", says_what_its_source_says) >= 4);
    assert_true(for_each(TEST_CORPUS "/csaf/examples/csaf/csaf_vex/*.json", says_what_its_source_says) >= 8);
}

/* What breaks only a recommendation (6.2, 6.3) is a valid document, and so is one that was saved under another name. */
static void valid_documents_of_the_validator_are_read(void **state)
{
    (void)state;
    assert_true(for_each(TEST_CORPUS "/csaf/validator-tests/validator/data/*/*-11.json", says_what_its_source_says) >= 10);
    for_each(TEST_CORPUS "/csaf/validator-tests/validator/data/optional/*.json", says_what_its_source_says);
    for_each(TEST_CORPUS "/csaf/validator-tests/validator/data/informative/*.json", says_what_its_source_says);
    for_each(TEST_CORPUS "/csaf/validator-tests/filenames/data/*/*.json", says_what_its_source_says);
}

static void is_refused(const char *path)
{
    struct err err = {0};
    if (decode_file(path, &err))
        fail_msg("%s is accepted", path);
    assert_int_equal(err.code, ERR_INPUT);
    assert_true(err.at[0] == '/');
    /* "...-6-1-27-09-01.json" is about 6.1.27.9. */
    const char *name = strstr(base_name(path), "-6-1-") + 5;
    char *wanted = mem_printf("6.1.%d", atoi(name));
    if (!strstr(err.text, wanted))
        fail_msg("%s: refused for another reason: %s: %s", path, err.at, err.text);
    free(wanted);
}

static void invalid_documents_of_the_validator_are_refused(void **state)
{
    (void)state;
    assert_true(for_each(TEST_CORPUS "/csaf/validator-tests/validator/data/mandatory/*-01.json", is_refused) >= 10);
}

static void check_name(const char *path)
{
    struct err err = {0};
    struct report *report = decode_file(path, &err);
    assert_non_null(report);
    bool differs = strstr(report->extra, "expected_file_name") != NULL;
    /* "oasis____csaf_..." at its origin; the corpus made one "_" of four, and so a right name of a wrong one. */
    if (strstr(path, "-5-1-03.json")) {
        report_free(report);
        return;
    }
    if (differs != (strstr(path, "/invalid/") != NULL))
        fail_msg("%s: the name is %s", path, differs ? "complained about" : "accepted");
    report_free(report);
}

static void wrong_file_names_are_noted(void **state)
{
    (void)state;
    for_each(TEST_CORPUS "/csaf/validator-tests/filenames/data/*/*.json", check_name);
}

/* --- documents made to be slow --- */

#define HEAD(category)                                                                                                                     \
    "{\"document\":{\"category\":\"" category "\",\"csaf_version\":\"2.0\",\"title\":\"t\",\"publisher\":{\"category\":\"other\","         \
    "\"name\":\"n\",\"namespace\":\"https://n.example\"},\"tracking\":{\"id\":\"i\",\"status\":\"final\",\"version\":\"1\","               \
    "\"initial_release_date\":\"2026-03-01T10:00:00Z\",\"current_release_date\":\"2026-03-01T10:00:00Z\",\"revision_history\":[{}]}},"

static bool is_read_in_time(const struct buf *text, struct err *err)
{
    struct report *report = NULL;
    int64_t start = timestamp_monotonic_ms();
    bool ok = codec_decode(codec_find("csaf"), text->bytes, text->size, &codec_limits_default, NULL, &report, err);
    assert_true(timestamp_monotonic_ms() - start < 20000);
    report_free(report);
    return ok;
}

/* Each product on top of the one before: a chain as long as the document. */
static void long_chains_of_products_are_followed(void **state)
{
    (void)state;
    struct buf text;
    struct err err = {0};
    buf_init(&text, codec_limits_default.document_bytes_max);
    buf_add_text(&text,
                 HEAD("csaf_base") "\"product_tree\":{\"full_product_names\":[{\"product_id\":\"P0\",\"name\":\"n\"}],\"relationships\":[");
    for (int i = 1; i <= 50000; i++)
        buf_printf(
            &text,
            "%s{\"full_product_name\":{\"product_id\":\"P%d\"},\"product_reference\":\"P%d\",\"relates_to_product_reference\":\"P0\"}",
            i > 1 ? "," : "", 50001 - i, 50000 - i);
    buf_add_text(&text, "]}}");
    assert_false(text.full);
    if (!is_read_in_time(&text, &err))
        fail_msg("%s: %s", err.at, err.text);
    buf_clear(&text);
}

/* Thousands of vulnerabilities that all ask for the members of one large group. */
static void groups_are_not_unfolded_without_end(void **state)
{
    (void)state;
    struct buf text;
    struct err err = {0};
    buf_init(&text, codec_limits_default.document_bytes_max);
    buf_add_text(&text, HEAD("csaf_vex") "\"product_tree\":{\"full_product_names\":[{\"product_id\":\"P\",\"name\":\"n\"}],"
                                         "\"product_groups\":[{\"group_id\":\"G\",\"product_ids\":[\"P\"");
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, ",\"P\"");
    buf_add_text(&text, "]}]},\"vulnerabilities\":[");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text,
                   "%s{\"cve\":\"CVE-2026-%05d\",\"notes\":[{}],\"product_status\":{\"known_not_affected\":[\"P\"]},\"flags\":[{\"group_"
                   "ids\":[\"G\"]}]}",
                   i ? "," : "", i);
    buf_add_text(&text, "]}");
    assert_false(text.full);
    assert_false(is_read_in_time(&text, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_read),
        cmocka_unit_test(valid_documents_of_the_validator_are_read),
        cmocka_unit_test(invalid_documents_of_the_validator_are_refused),
        cmocka_unit_test(wrong_file_names_are_noted),
        cmocka_unit_test(long_chains_of_products_are_followed),
        cmocka_unit_test(groups_are_not_unfolded_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
