/*
 * STIX of others (../shared/corpus, skipped where it is not there): every good file is read, nothing of it is dropped, and what it says is
 * what its source says; every wrong one is refused at its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/stix.h"
#include "support/file.h"

#define CORPUS TEST_CORPUS "/stix21"

enum { GOOD_MIN = 44 };

static void skip_without_corpus(void)
{
    if (access(CORPUS, R_OK) != 0) {
        print_message("no corpus at " CORPUS ": skipped\n");
        skip();
    }
}

static char *read_file(const char *path)
{
    size_t size;
    char *text = file_read(path, &size);
    if (!text)
        fail_msg("%s cannot be read", path);
    return text;
}

static struct report *decode_file(const char *path)
{
    struct report *report = NULL;
    struct err err = {0};
    char *text = read_file(path);
    if (codec_probe(text, strlen(text), &(struct codec_hints){0}) != &stix_codec)
        fail_msg("%s is not recognised", path);
    if (!codec_decode(&stix_codec, text, strlen(text), &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: refused: %s: %s", path, err.at, err.text);
    free(text);
    return report;
}

static struct report *decode(const char *name)
{
    char *path = mem_printf(CORPUS "/%s", name);
    struct report *report = decode_file(path);
    free(path);
    return report;
}

/* --- all of them --- */

static bool is_kept(const struct report *report, const char *id)
{
    if (report->extra && strstr(report->extra, id))
        return true;
    for (size_t i = 0; i < report->observation_count; i++)
        if (report->observations[i].extra && strstr(report->observations[i].extra, id))
            return true;
    return false;
}

/* An object is there by its id; but markings that everybody has, and observables of which the value is all, need not be. */
static void nothing_is_dropped(const char *path, const struct report *report, const json_t *root)
{
    const json_t *objects = json_object_get(root, "objects");
    size_t index;
    json_t *object;
    json_array_foreach(objects, index, object)
    {
        const char *id = json_string_value(json_object_get(object, "id")), *type = json_string_value(json_object_get(object, "type"));
        bool is_value = !json_object_get(object, "created");
        if (!is_value && !str_equal(type, "marking-definition") && !is_kept(report, id))
            fail_msg("%s: %s is dropped", path, id);
    }
    if (!objects && !is_kept(report, json_string_value(json_object_get(root, "id"))))
        fail_msg("%s is dropped", path);
}

static size_t good_files;

static int visit(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)place;
    bool is_sample = kind == FTW_F && str_ends(path, ".json") && !strstr(path, "/schemas") && !strstr(path, "/test_schemas/") &&
                     !strstr(path, "/invalid_") && !str_ends(path, "_collection_1.json") && !str_ends(path, "_collection_2.json");
    if (!is_sample)
        return 0;
    struct report *report = decode_file(path);
    json_t *root = json_load_file(path, 0, NULL);
    nothing_is_dropped(path, report, root);
    json_decref(root);
    report_free(report);
    good_files++;
    return 0;
}

static void every_good_file_is_read_and_kept(void **state)
{
    (void)state;
    skip_without_corpus();
    good_files = 0;
    assert_int_equal(nftw(CORPUS, visit, 16, FTW_PHYS), 0);
    if (good_files < GOOD_MIN)
        fail_msg("only %zu files", good_files);
}

static void refuses(const char *name, const char *at, const char *why)
{
    char *path = mem_printf(CORPUS "/stix-validator/test_examples/%s", name), *text = read_file(path);
    struct report *report = NULL;
    struct err err = {0};
    assert_false(codec_decode(&stix_codec, text, strlen(text), &codec_limits_default, NULL, &report, &err));
    assert_string_equal(err.at, at);
    assert_non_null(strstr(err.text, why));
    free(text);
    free(path);
}

static void wrong_files_are_refused_at_their_place(void **state)
{
    (void)state;
    skip_without_corpus();
    refuses("invalid_timestamp.json", "/modified", "before created");
    refuses("invalid_identity.json", "/", "identity needs modified");
    refuses("invalid_braces.json", "line 1, column 1", "wrong JSON");
}

/* --- against MISP, from which some were made --- */

/* "ip-dst|port" and the like are not among the samples that both sides have. */
static const struct {
    const char *misp;
    enum observable_type type;
} misp_types[] = {
    {"AS", OBSERVABLE_ASN},          {"domain", OBSERVABLE_DOMAIN}, {"ip-dst", OBSERVABLE_IPV4},       {"md5", OBSERVABLE_MD5},
    {"sha1", OBSERVABLE_SHA1},       {"sha256", OBSERVABLE_SHA256}, {"filename", OBSERVABLE_FILENAME}, {"email-src", OBSERVABLE_EMAIL},
    {"email-dst", OBSERVABLE_EMAIL},
};

/* Where it stands more than once: the one for detection. */
static const struct sighting *find_value(const struct report *report, enum observable_type type, const char *value)
{
    struct arena *arena = arena_new();
    const char *normal = observable_normalise(arena, type, value);
    const struct sighting *found = NULL;
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) {
            const struct sighting *sighting = &report->observations[i].sightings[k];
            if (sighting->type == type && str_equal(sighting->value, normal) && (!found || sighting->is_indicator))
                found = sighting;
        }
    arena_free(arena);
    return found;
}

static size_t values_compared;

/* Of one object only what identifies it alone is for detection here, a digest or a sender, since STIX joins its properties by AND. */
static void compare_value(const struct report *report, enum observable_type type, const char *value, bool to_ids, bool is_alone)
{
    const struct sighting *sighting = find_value(report, type, value);
    if (!sighting)
        fail_msg("%s is missing", value);
    else if (is_alone ? sighting->is_indicator != to_ids : sighting->is_indicator && !to_ids)
        fail_msg("%s is %sfor detection", value, sighting->is_indicator ? "" : "not ");
    values_compared++;
}

static void compare_attribute(const struct report *report, const json_t *attribute, bool is_alone)
{
    const char *type = json_string_value(json_object_get(attribute, "type")),
               *value = json_string_value(json_object_get(attribute, "value"));
    bool to_ids = json_is_true(json_object_get(attribute, "to_ids"));
    char *bar = strchr(value, '|');
    if (str_equal(type, "domain|ip") && bar) {
        char *domain = mem_strdup(value);
        domain[bar - value] = '\0';
        compare_value(report, OBSERVABLE_DOMAIN, domain, to_ids, false);
        compare_value(report, OBSERVABLE_IPV4, bar + 1, to_ids, false);
        free(domain);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(misp_types); i++)
        if (str_equal(misp_types[i].misp, type))
            compare_value(report, misp_types[i].type, value, to_ids, is_alone);
}

static size_t compare_attributes(const struct report *report, const json_t *list, bool is_alone)
{
    size_t index;
    json_t *attribute;
    json_array_foreach(list, index, attribute)
    {
        compare_attribute(report, attribute, is_alone);
    }
    return json_array_size(list);
}

/* Whatever the nesting: lone attributes and objects, and how many statements these are. */
static size_t compare_misp(const struct report *report, const json_t *node)
{
    size_t count = 0, index;
    const char *name;
    json_t *child;
    if (json_is_object(node)) {
        count += compare_attributes(report, json_object_get(node, "Attribute"), true);
        json_t *object = json_object_get(node, "Object");
        if (json_is_object(object)) {
            compare_attributes(report, json_object_get(object, "Attribute"), false);
            count++;
        }
        json_object_foreach((json_t *)node, name, child)
        {
            if (!str_equal(name, "Object") && !str_equal(name, "Attribute"))
                count += compare_misp(report, child);
        }
    }
    json_array_foreach(node, index, child)
    {
        count += compare_misp(report, child);
    }
    return count;
}

static void says_what_misp_said(const char *name, const char *first_source, const char *second_source, bool is_all)
{
    struct report *report = decode(name);
    const char *const sources[] = {first_source, second_source};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(sources) && sources[i]; i++) {
        char *path = mem_printf(CORPUS "/misp-stix/%s", sources[i]);
        json_t *root = json_load_file(path, 0, NULL);
        assert_non_null(root);
        count += compare_misp(report, root);
        json_decref(root);
        free(path);
    }
    assert_true(count > 0);
    if (is_all)
        assert_int_equal(report->observation_count, count);
    assert_int_equal(report->rejected_total, 0);
    report_free(report);
}

static void documents_from_misp_say_what_the_events_said(void **state)
{
    (void)state;
    skip_without_corpus();
    values_compared = 0;
    says_what_misp_said("misp-stix/test_event1_stix21.json", "test_events_collection_1.json", NULL, true);
    says_what_misp_said("misp-stix/test_event2_stix20.json", "test_events_collection_2.json", NULL, true);
    says_what_misp_said("misp-stix/test_events_collection_stix21.json", "test_events_collection_1.json", "test_events_collection_2.json",
                        true);
    says_what_misp_said("misp-stix/test_attributes_collection_stix20.json", "test_attributes_collection_1.json", NULL, false);
    says_what_misp_said("misp-stix/test_attributes_collection_stix21.json", "test_attributes_collection_1.json", NULL, false);
    says_what_misp_said("misp-stix/test_objects_collection_stix20.json", "test_objects_collection_1.json", NULL, false);
    says_what_misp_said("misp-stix/test_objects_collection_stix21.json", "test_objects_collection_1.json", NULL, false);
    assert_true(values_compared >= 20);
}

/* The same event in 2.0 and in 2.1 is the same to us, but for what only 2.1 can say. */
static void versions_agree(void **state)
{
    (void)state;
    skip_without_corpus();
    struct report *old = decode("misp-stix/test_objects_collection_stix20.json"),
                  *new = decode("misp-stix/test_objects_collection_stix21.json");
    assert_int_equal(old->observation_count, new->observation_count);
    for (size_t i = 0; i < old->observation_count; i++) {
        const struct observation *a = &old->observations[i], *b = &new->observations[i];
        assert_int_equal(a->sighting_count, b->sighting_count);
        assert_int_equal(a->time, b->time);
        for (size_t k = 0; k < a->sighting_count; k++) {
            assert_string_equal(a->sightings[k].value, b->sightings[k].value);
            assert_int_equal(a->sightings[k].role, b->sightings[k].role);
            assert_int_equal(a->sightings[k].is_indicator, b->sightings[k].is_indicator);
        }
    }
    report_free(old);
    report_free(new);
}

/* --- single documents --- */

static size_t count_text(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

static void poison_ivy(void **state)
{
    (void)state;
    skip_without_corpus();
    struct report *report = decode("oasis-examples/threat-reports/poisonivy.json");
    json_t *root = json_load_file(CORPUS "/oasis-examples/threat-reports/poisonivy.json", 0, NULL), *object;
    size_t index, wanted = 0, found = 0, indicators = 0;
    json_array_foreach(json_object_get(root, "objects"), index, object)
    {
        const char *pattern = json_string_value(json_object_get(object, "pattern"));
        wanted += pattern ? count_text(pattern, "= '") : 0;
    }
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) {
            found += report->observations[i].sightings[k].type != OBSERVABLE_CVE;
            indicators += report->observations[i].sightings[k].is_indicator;
        }
    assert_int_equal(report->observation_count, 25 + 6); /* indicators, vulnerabilities */
    assert_int_equal(report->rejected_total, 1);         /* 'domain autuo.xicp.net' is none */
    assert_string_equal(report->rejections[0].at, "/objects/42/pattern");
    assert_int_equal(found + report->rejected_total, wanted);
    assert_int_equal(indicators, found);
    assert_non_null(find_value(report, OBSERVABLE_CVE, "CVE-2012-0158"));
    assert_string_equal(report->summary, "Poison Ivy: Assessing Damage and Extracting Intelligence");
    json_decref(root);
    report_free(report);
}

static void documentation_of_oasis(void **state)
{
    (void)state;
    skip_without_corpus();
    struct report *granular = decode("cti-documentation/using-granular-markings.json");
    assert_int_equal(granular->tlp, TLP_RED);
    assert_non_null(strstr(granular->observations[0].extra, "not_decomposed")); /* MATCHES */
    report_free(granular);
    struct report *amber = decode("cti-documentation/using-marking-definitions.json");
    assert_int_equal(amber->tlp, TLP_AMBER);
    assert_string_equal(amber->creator_name, "Stark Industries");
    assert_string_equal(amber->creator_email, "info@stark.com");
    report_free(amber);
    struct report *sighted = decode("cti-documentation/sighting-of-an-indicator.json");
    assert_int_equal(sighted->observation_count, 2);
    assert_true(sighted->observations[0].sightings[0].is_indicator);
    assert_false(sighted->observations[1].sightings[0].is_indicator);
    assert_string_equal(sighted->observations[1].sightings[0].value, sighted->observations[0].sightings[0].value);
    report_free(sighted);
    struct report *trojan = decode("cti-documentation/sighting-of-observed-data.json");
    assert_int_equal(trojan->observation_count, 3);
    assert_string_equal(trojan->observations[1].class_claim, "remote-access-trojan");
    assert_string_equal(trojan->observations[1].class_name, "malicious-code/infected-system");
    report_free(trojan);
}

static void envelopes_of_taxii(void **state)
{
    (void)state;
    skip_without_corpus();
    struct report *report = decode_file(TEST_CORPUS "/taxii21/taxii2client/get-object-response.json");
    assert_int_equal(report->observation_count, 1);
    assert_string_equal(report->observations[0].sightings[0].value, "d41d8cd98f00b204e9800998ecf8427e");
    assert_true(report->observations[0].sightings[0].is_indicator);
    report_free(report);
    /* A server's own collection holds three versions of an indicator and two of a malware: each counts once. */
    json_t *data = json_load_file(TEST_CORPUS "/taxii21/medallion/default_data.json", 0, NULL);
    json_t *collections = json_object_get(json_object_get(data, "trustgroup1"), "collections");
    char *text = json_dumps(json_array_get(collections, 2), 0);
    struct err err = {0};
    report = NULL;
    if (!codec_decode(&stix_codec, text, strlen(text), &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: %s", err.at, err.text);
    assert_int_equal(report->observation_count, 2);
    report_free(report);
    free(text);
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_good_file_is_read_and_kept),
        cmocka_unit_test(wrong_files_are_refused_at_their_place),
        cmocka_unit_test(documents_from_misp_say_what_the_events_said),
        cmocka_unit_test(versions_agree),
        cmocka_unit_test(poison_ivy),
        cmocka_unit_test(documentation_of_oasis),
        cmocka_unit_test(envelopes_of_taxii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
