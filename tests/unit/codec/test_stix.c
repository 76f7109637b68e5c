/* STIX as it is read, beyond the samples: labels, versions, limits; and ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/stix.h"
#include "codec/stix_id.h"
#include "support/file.h"
#include "support/report_dump.h"
#include "support/stix_bundle.h"

#define CREATED      "\"created\":\"2026-03-01T00:00:00.000Z\",\"modified\":\"2026-03-01T00:00:00.000Z\""
#define TLP_WHITE_1  "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
#define TLP_AMBER_1  "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
#define TLP_CLEAR_2  "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
#define TLP_GREEN_2  "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
#define TLP_AMBER_2  "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
#define TLP_STRICT_2 "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
#define TLP_RED_2    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"

/* A bundle of the objects, which are joined by commas already. */
static char *bundle(const char *objects)
{
    return mem_printf("{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000000\",\"objects\":[%s]}", objects);
}

static struct report *decode_bundle(const char *objects)
{
    char *text = bundle(objects);
    struct report *report = stix_decoded(text);
    free(text);
    return report;
}

static void refused_bundle(const char *objects, const char *at)
{
    char *text = bundle(objects);
    struct report *report = NULL;
    struct err err = {0};
    assert_false(codec_decode(&stix_codec, text, strlen(text), &codec_limits_default, NULL, &report, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.at, at);
    free(text);
}

/* An indicator with that number in its id, that address, and further members. */
static char *indicator(int number, const char *address, const char *more)
{
    return mem_printf("{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-%012d\"," CREATED
                      ",\"pattern\":\"[ipv4-addr:value = '%s']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-03-01T00:00:00Z\"%s%s}",
                      number, address, *more ? "," : "", more);
}

static char *marked(int number, const char *marking)
{
    char *more = marking ? mem_printf("\"object_marking_refs\":[\"%s\"]", marking) : mem_strdup("");
    char *text = indicator(number, "192.0.2.1", more);
    free(more);
    return text;
}

/* --- labels --- */

static void label_of_two(const char *first_marking, const char *second_marking, enum tlp report_label, enum tlp first, enum tlp second)
{
    char *a = marked(1, first_marking), *b = marked(2, second_marking), *both = mem_printf("%s,%s", a, b);
    struct report *report = decode_bundle(both);
    assert_int_equal(report->tlp, report_label);
    assert_int_equal(report->observation_count, 2);
    assert_int_equal(report->observations[0].sightings[0].tlp, first);
    assert_int_equal(report->observations[1].sightings[0].tlp, second);
    report_free(report);
    free(a);
    free(b);
    free(both);
}

static void strictest_marking_wins(void **state)
{
    (void)state;
    label_of_two(TLP_CLEAR_2, TLP_WHITE_1, TLP_CLEAR, TLP_NONE, TLP_NONE);
    label_of_two(TLP_GREEN_2, TLP_STRICT_2, TLP_AMBER_STRICT, TLP_GREEN, TLP_NONE);
    label_of_two(TLP_RED_2, TLP_AMBER_1, TLP_RED, TLP_NONE, TLP_AMBER);
}

/* OASIS's object of each label, as it is published: its name is the label's only official spelling. */
static void the_objects_of_tlp_2_are_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        enum tlp label;
    } objects[] = {
        {TLP_CLEAR_2, TLP_CLEAR},         {TLP_GREEN_2, TLP_GREEN}, {TLP_AMBER_2, TLP_AMBER},
        {TLP_STRICT_2, TLP_AMBER_STRICT}, {TLP_RED_2, TLP_RED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        char *value = marked(1, objects[i].id);
        char *both = mem_printf("%s,{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":"
                                "\"2022-10-01T00:00:00.000Z\",\"name\":\"%s\",\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-"
                                "aab3-9e08dde9e88d\":{\"extension_type\":\"property-extension\",\"tlp_2_0\":\"%s\"}}}",
                                value, objects[i].id, tlp_label(objects[i].label), tlp_name(objects[i].label));
        struct report *report = decode_bundle(both);
        assert_int_equal(report->tlp, objects[i].label);
        report_free(report);
        free(both);
        free(value);
    }
}

static void unmarked_is_never_wider_than_agreed(void **state)
{
    (void)state;
    label_of_two(NULL, NULL, TLP_NONE, TLP_NONE, TLP_NONE);
    /* The agreement may be stricter than green: then the unmarked one must not become green. */
    label_of_two(NULL, TLP_GREEN_2, TLP_NONE, TLP_NONE, TLP_GREEN);
    label_of_two(NULL, TLP_RED_2, TLP_RED, TLP_NONE, TLP_NONE);
}

static void label_alone(const char *more, enum tlp label)
{
    char *text = indicator(1, "192.0.2.1", more);
    struct report *report = stix_decoded(text);
    assert_int_equal(report->tlp, label);
    report_free(report);
    free(text);
}

static void parts_are_marked_too(void **state)
{
    (void)state;
    label_alone("\"granular_markings\":[{\"marking_ref\":\"" TLP_RED_2 "\",\"selectors\":[\"description\"]}]", TLP_RED);
    label_alone("\"object_marking_refs\":[\"" TLP_AMBER_2 "\"],\"granular_markings\":[{\"marking_ref\":\"" TLP_CLEAR_2
                "\",\"selectors\":[\"pattern\"]}]",
                TLP_AMBER);
    label_alone("\"object_marking_refs\":[\"" TLP_CLEAR_2 "\",\"" TLP_STRICT_2 "\"]", TLP_AMBER_STRICT);
}

/* What is no TLP of ours is not let through as nothing. */
static void labels_that_are_written_otherwise_count(void **state)
{
    (void)state;
    label_alone("\"labels\":[\"tlp:red\"]", TLP_RED);
    label_alone("\"object_marking_refs\":[\"" TLP_GREEN_2 "\"],\"labels\":[\"phishing\",\"TLP:AMBER\"]", TLP_AMBER);
    label_alone("\"labels\":[\"tlp:ex:chr\"]", TLP_AMBER_STRICT);
    label_alone("\"object_marking_refs\":[\"marking-definition--826578e1-40ad-459f-bc73-ede076f81f37\"]", TLP_AMBER_STRICT);
    char *marked_object = marked(1, "marking-definition--00000000-0000-4000-8000-0000000000aa");
    char *objects = mem_printf("%s,{\"type\":\"marking-definition\",\"id\":\"marking-definition--00000000-0000-4000-8000-0000000000aa\","
                               "\"created\":\"2026-03-01T00:00:00.000Z\",\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"black\"}}",
                               marked_object);
    struct report *report = decode_bundle(objects);
    assert_int_equal(report->tlp, TLP_AMBER_STRICT);
    report_free(report);
    free(objects);
    free(marked_object);
}

/* One of several is left out, told and kept, with its label; but nothing is left out that might hide one, and not all. */
static void what_is_wrong_is_left_out_of_many(void **state)
{
    (void)state;
    static const char red[] = "\"object_marking_refs\":[\"" TLP_RED_2 "\"],\"confidence\":900";
    static const char hides[] = "\"object_marking_refs\":\"" TLP_RED_2 "\"";
    char *good = marked(1, TLP_GREEN_2), *bad = indicator(2, "192.0.2.2", red), *hiding = indicator(3, "192.0.2.3", hides);
    char *both = mem_printf("%s,%s,7", good, bad), *hidden = mem_printf("%s,%s", good, hiding), *none = mem_printf("%s,%s", bad, bad);
    struct report *report = decode_bundle(both);
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->rejected_total, 2);
    assert_string_equal(report->rejections[0].at, "/objects/1/confidence");
    assert_string_equal(report->rejections[1].at, "/objects/2");
    assert_int_equal(report->tlp, TLP_RED);
    assert_non_null(strstr(report->extra, "192.0.2.2"));
    assert_int_equal(report->withdrawn_count, 0);
    report_free(report);
    refused_bundle(hidden, "/objects/1/object_marking_refs");
    refused_bundle(none, "/objects/0/confidence");
    char *texts[] = {good, bad, hiding, both, hidden, none};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
}

/* An end far away is none; the object is kept as it is. */
static void never_is_no_time(void **state)
{
    (void)state;
    char *text = indicator(1, "192.0.2.1", "\"valid_until\":\"9999-12-31T23:59:59.999Z\"");
    struct report *report = stix_decoded(text);
    assert_true(report->observations[0].sightings[0].is_indicator);
    assert_true(report->observations[0].sightings[0].valid_until == TIMESTAMP_NONE);
    assert_non_null(strstr(report->observations[0].extra, "9999-12-31"));
    report_free(report);
    free(text);
}

static void markings_of_the_document_count(void **state)
{
    (void)state;
    char *marked_object = marked(1, "marking-definition--00000000-0000-4000-8000-0000000000aa");
    static const char *const definitions[] = {
        "\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"red\"}",
        ("\"name\":\"TLP:RED\",\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d\":{\"extension_type\":"
         "\"property-extension\",\"tlp_2_0\":\"red\"}}"),
        "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"TLP:RED\"}",
        "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"This is TLP:RED: for named recipients only\"}",
        "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"custom\"},\"x_opencti_definition\":\"TLP:RED\"",
        "\"definition_type\":\"TLP\",\"definition\":{\"TLP\":\"TLP:RED\"}",
        "\"definition_type\":\"TLP\",\"definition\":\"RED\"",
        "\"definition_type\":\"tlp-2-0\",\"definition\":{\"tlp_2_0\":\"red\"}",
        "\"definition_type\":\"iep\",\"definition\":{\"iep\":{\"tlp\":\"red\",\"encrypt_in_transit\":\"must\"}}",
        ("\"name\":\"IEP\",\"extensions\":{\"extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a\":{\"extension_type\":"
         "\"property-extension\",\"tlp\":\"red\"}}"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(definitions); i++) {
        char *objects =
            mem_printf("%s,{\"type\":\"marking-definition\",\"id\":\"marking-definition--00000000-0000-4000-8000-0000000000aa\","
                       "\"created\":\"2026-03-01T00:00:00.000Z\",%s}",
                       marked_object, definitions[i]);
        struct report *report = decode_bundle(objects);
        assert_int_equal(report->tlp, TLP_RED);
        report_free(report);
        free(objects);
    }
    free(marked_object);
}

/* A policy of which we know nothing restricts; a label, or a statement of rights, is what it says, whatever a tool adds to it. */
static void unknown_policies_restrict(void **state)
{
    (void)state;
    static const struct {
        const char *definition;
        enum tlp label;
    } cases[] = {
        {"\"extensions\":{\"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce\":{\"extension_type\":\"property-extension\"}}",
         TLP_AMBER_STRICT},
        {"\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"white\"},\"extensions\":{\"extension-definition--3a65884d-005a-4290-8335-"
         "cb2d778a83ce\":{\"extension_type\":\"property-extension\"}}",
         TLP_AMBER_STRICT},
        {"\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"green\"},\"extensions\":{\"extension-definition--00000000-0000-4000-8000-"
         "0000000000ff\":{\"id\":\"1\"}}",
         TLP_GREEN},
        {"\"definition_type\":\"statement\",\"definition\":{\"statement\":\"Copyright\"},\"extensions\":{\"extension-definition--00000000-"
         "0000-"
         "4000-8000-0000000000ff\":{\"id\":\"1\"}}",
         TLP_NONE},
        {"\"definition_type\":\"x-acme-policy\",\"definition\":{\"acme\":\"internal use only\"}", TLP_AMBER_STRICT},
        {"\"definition_type\":\"ais\",\"definition\":{\"ais-marking\":\"amber\",\"is_proprietary\":false}", TLP_AMBER_STRICT},
        {"\"definition_type\":\"TLP\",\"definition\":{\"TLP\":\"TLP:TEST\"}", TLP_AMBER_STRICT},
        {"\"definition_type\":\"statement\",\"definition\":{\"statement\":\"Copyright\"}", TLP_NONE},
        {"\"definition_type\":\"statement\",\"definition\":{\"statement\":\"TLP:AMBER STRICT\"}", TLP_AMBER_STRICT},
        {"\"definition_type\":\"statement\",\"definition\":{\"statement\":\"Copyright\",\"need\":\"to know\"}", TLP_AMBER_STRICT},
        {("\"definition_type\":\"statement\",\"definition\":{\"statement\":\"custom\"},\"x_opencti_definition_type\":\"ACME\","
          "\"x_opencti_definition\":\"ACME:SECRET\""),
         TLP_AMBER_STRICT},
        {"\"definition_type\":\"PAP\",\"definition\":{\"PAP\":\"PAP:GREEN\"}", TLP_NONE},
        {"\"name\":\"Internal\"", TLP_AMBER_STRICT},
        {"\"name\":\"PAP:AMBER\",\"extensions\":{\"extension-definition--00000000-0000-4000-8000-0000000000ff\":{\"id\":\"1\"}}", TLP_NONE},
    };
    char *marked_object = marked(1, "marking-definition--00000000-0000-4000-8000-0000000000aa");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *objects =
            mem_printf("%s,{\"type\":\"marking-definition\",\"id\":\"marking-definition--00000000-0000-4000-8000-0000000000aa\","
                       "\"created\":\"2026-03-01T00:00:00.000Z\",%s}",
                       marked_object, cases[i].definition);
        struct report *report = decode_bundle(objects);
        assert_int_equal(report->tlp, cases[i].label);
        report_free(report);
        free(objects);
    }
    free(marked_object);
}

/* What it says is on another page of the collection, or nowhere: that it restricts is all we know. Beside a label it is a statement of
 * rights. */
static void markings_that_are_not_here_restrict(void **state)
{
    (void)state;
    label_alone("\"object_marking_refs\":[\"marking-definition--00000000-0000-4000-8000-0000000000ab\"]", TLP_AMBER_STRICT);
    label_alone("\"granular_markings\":[{\"marking_ref\":\"marking-definition--00000000-0000-4000-8000-0000000000ab\",\"selectors\":["
                "\"pattern\"]}]",
                TLP_AMBER_STRICT);
    label_alone("\"object_marking_refs\":[\"marking-definition--00000000-0000-4000-8000-0000000000ab\",\"" TLP_GREEN_2 "\"]", TLP_GREEN);
}

#define OBSERVED                                                                                                                           \
    "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--00000000-0000-5000-8000-000000000009\",\"value\":\"192.0.2.1\"},"                         \
    "{\"type\":\"observed-data\",\"id\":\"observed-data--00000000-0000-4000-8000-000000000008\"," CREATED                                  \
    ",\"first_observed\":\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\",\"number_observed\":1,"                       \
    "\"object_refs\":[\"ipv4-addr--00000000-0000-5000-8000-000000000009\"],\"object_marking_refs\":[\"" TLP_AMBER_2 "\"]}"

/* What one object says under a label keeps it where another tells it again. */
static void labels_go_along_with_values(void **state)
{
    (void)state;
    char *red = marked(1, TLP_RED_2),
         *based = mem_printf(OBSERVED ",%s,{\"type\":\"relationship\",\"id\":\"relationship--00000000-0000-4000-"
                                      "8000-000000000007\"," CREATED ",\"relationship_type\":\"based-on\","
                                      "\"source_ref\":\"indicator--00000000-0000-4000-8000-000000000001\","
                                      "\"target_ref\":\"observed-data--00000000-0000-4000-8000-000000000008\"}",
                             red);
    struct report *report = decode_bundle(based);
    assert_int_equal(report->tlp, TLP_RED);
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->observations[0].sighting_count, 1);
    assert_int_equal(report->observations[0].sightings[0].tlp, TLP_NONE); /* as the report */
    assert_true(report->observations[0].sightings[0].is_indicator);
    report_free(report);
    char *sighted =
        mem_printf(OBSERVED ",%s,{\"type\":\"sighting\",\"id\":\"sighting--00000000-0000-4000-8000-000000000006\"," CREATED
                            ",\"sighting_of_ref\":\"malware--00000000-0000-4000-8000-000000000005\",\"observed_data_refs\":["
                            "\"observed-data--00000000-0000-4000-8000-000000000008\"],\"object_marking_refs\":[\"" TLP_CLEAR_2 "\"]}",
                   red);
    report = decode_bundle(sighted);
    assert_int_equal(report->observation_count, 3);
    assert_int_equal(report->observations[2].sightings[0].tlp, TLP_AMBER);
    report_free(report);
    free(red);
    free(based);
    free(sighted);
}

/* --- indicators --- */

static const struct sighting *only_sighting(const struct report *report)
{
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->observations[0].sighting_count, 1);
    return &report->observations[0].sightings[0];
}

static void confidence_and_end_are_the_indicators(void **state)
{
    (void)state;
    char *text = indicator(1, "192.0.2.1", "\"confidence\":70,\"valid_until\":\"2026-05-01T00:00:00Z\"");
    struct report *report = stix_decoded(text);
    int64_t until;
    assert_true(timestamp_parse_rfc3339("2026-05-01T00:00:00Z", &until));
    assert_int_equal(only_sighting(report)->confidence, 70);
    assert_int_equal(only_sighting(report)->valid_until, until);
    assert_true(only_sighting(report)->is_indicator);
    assert_int_equal(only_sighting(report)->role, ROLE_INFRASTRUCTURE);
    report_free(report);
    free(text);
}

static void is_only_kept(const char *more)
{
    char *void_one = indicator(1, "192.0.2.1", more), *other = indicator(2, "192.0.2.2", ""), *both = mem_printf("%s,%s", void_one, other);
    struct report *report = decode_bundle(both);
    assert_string_equal(only_sighting(report)->value, "192.0.2.2");
    assert_non_null(strstr(report->extra, "192.0.2.1"));
    report_free(report);
    free(void_one);
    free(other);
    free(both);
}

/* An indicator stands for itself where its observed data were taken back. */
static void void_basis_is_no_basis(const char *more)
{
    char *one = indicator(1, "192.0.2.2", "");
    char *objects = mem_printf(
        "{\"type\":\"observed-data\",\"id\":\"observed-data--00000000-0000-4000-8000-000000000008\"," CREATED
        ",\"first_observed\":\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\",\"number_observed\":1,"
        "\"object_refs\":[],%s},%s,{\"type\":\"relationship\",\"id\":\"relationship--00000000-0000-4000-8000-000000000007\"," CREATED
        ",\"relationship_type\":\"based-on\",\"source_ref\":\"indicator--00000000-0000-4000-8000-000000000001\","
        "\"target_ref\":\"observed-data--00000000-0000-4000-8000-000000000008\"}",
        more, one);
    struct report *report = decode_bundle(objects);
    assert_string_equal(only_sighting(report)->value, "192.0.2.2");
    report_free(report);
    free(one);
    free(objects);
}

static void revoked_and_benign_are_work_for_nobody(void **state)
{
    (void)state;
    void_basis_is_no_basis("\"revoked\":true");
    void_basis_is_no_basis("\"indicator_types\":[\"benign\"]");
    is_only_kept("\"revoked\":true");
    is_only_kept("\"indicator_types\":[\"benign\"]");
}

static void the_newest_version_counts(void **state)
{
    (void)state;
    char *old = indicator(1, "192.0.2.1", ""), *late = indicator(1, "192.0.2.2", "\"x\":1");
    char *newer = mem_strdup(late), *at = strstr(newer, "\"modified\":\"2026-03-01");
    memcpy(at, "\"modified\":\"2026-03-09", strlen("\"modified\":\"2026-03-09"));
    char *objects = mem_printf("%s,%s", newer, old);
    struct report *report = decode_bundle(objects);
    assert_string_equal(only_sighting(report)->value, "192.0.2.2");
    assert_non_null(strstr(report->extra, "192.0.2.1")); /* the older one is kept */
    report_free(report);
    free(old);
    free(late);
    free(newer);
    free(objects);
}

/* --- documents without objects --- */

static void is_without_objects(const char *more)
{
    char *text = mem_printf("{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000000\"%s}", more);
    assert_ptr_equal(codec_probe(text, strlen(text), &(struct codec_hints){0}), &stix_codec);
    struct report *report = stix_decoded(text);
    assert_int_equal(report->observation_count, 0);
    assert_int_equal(report->rejection_count, 0);
    assert_int_equal(report->tlp, TLP_NONE);
    assert_null(report->class_claim);
    assert_null(report->description);
    assert_null(report->summary);
    assert_string_equal(report->reference, "bundle--00000000-0000-4000-8000-000000000000");
    report_free(report);
    free(text);
}

/* What a server sends where there is nothing new. */
static void bundles_without_objects_state_nothing(void **state)
{
    (void)state;
    is_without_objects("");
    is_without_objects(",\"objects\":[]");
    is_without_objects(",\"spec_version\":\"2.0\",\"objects\":[]");
}

/* --- references --- */

static void circles_and_missing_targets_are_harmless(void **state)
{
    (void)state;
    struct report *report = decode_bundle(
        "{\"type\":\"domain-name\",\"id\":\"domain-name--00000000-0000-5000-8000-000000000001\",\"value\":\"a.example.net\","
        "\"resolves_to_refs\":[\"domain-name--00000000-0000-5000-8000-000000000002\",\"ipv4-addr--00000000-0000-5000-8000-00000000ffff\"]},"
        "{\"type\":\"domain-name\",\"id\":\"domain-name--00000000-0000-5000-8000-000000000002\",\"value\":\"b.example.net\","
        "\"resolves_to_refs\":[\"domain-name--00000000-0000-5000-8000-000000000001\",\"domain-name--00000000-0000-5000-8000-000000000002\"]"
        "},"
        "{\"type\":\"observed-data\",\"id\":\"observed-data--00000000-0000-4000-8000-000000000003\"," CREATED
        ",\"first_observed\":\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\",\"number_observed\":1,"
        "\"object_refs\":[\"domain-name--00000000-0000-5000-8000-000000000001\",\"url--00000000-0000-5000-8000-00000000ffff\"]}");
    assert_int_equal(report->observation_count, 1);
    assert_int_equal(report->observations[0].sighting_count, 2);
    report_free(report);
}

/* Everything refers to everything: bounded, not quadratic. */
static void dense_references_are_refused_in_time(void **state)
{
    (void)state;
    enum { OBSERVABLES = 4000, STATEMENTS = 20000 };
    struct buf text, list;
    struct report *report = NULL;
    struct err err = {0};
    buf_init(&text, 64u << 20);
    buf_init(&list, 64u << 20);
    buf_add_text(&text, "{\"type\":\"bundle\",\"objects\":[");
    for (int i = 0; i < OBSERVABLES; i++) {
        buf_printf(&text, "{\"type\":\"process\",\"id\":\"process--00000000-0000-5000-8000-%012d\",\"pid\":1},", i);
        buf_printf(&list, "%s\"process--00000000-0000-5000-8000-%012d\"", i ? "," : "", i);
    }
    buf_printf(&text,
               "{\"type\":\"observed-data\",\"id\":\"observed-data--00000000-0000-4000-8000-000000000000\"," CREATED
               ",\"first_observed\":\"2026-03-01T00:00:00Z\",\"last_observed\":\"2026-03-01T00:00:00Z\",\"number_observed\":1,"
               "\"object_refs\":[%s]}",
               buf_text(&list));
    for (int i = 0; i < STATEMENTS; i++)
        buf_printf(&text,
                   ",{\"type\":\"sighting\",\"id\":\"sighting--00000000-0000-4000-8000-%012d\"," CREATED
                   ",\"sighting_of_ref\":\"malware--00000000-0000-4000-8000-000000000000\",\"observed_data_refs\":[\"observed-data--"
                   "00000000-0000-4000-8000-000000000000\"]}",
                   i);
    buf_add_text(&text, "]}");
    clock_t start = clock();
    assert_false(codec_decode(&stix_codec, text.bytes, text.size, &codec_limits_default, NULL, &report, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
    buf_clear(&text);
    buf_clear(&list);
}

/* --- ids --- */

static void observables_have_the_ids_everybody_gives_them(void **state)
{
    (void)state;
    char id[STIX_ID_SIZE];
    json_t *value = json_pack("{ss}", "value", "198.51.100.3");
    stix_id_observable(id, "ipv4-addr", value);
    assert_string_equal(id, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"); /* computed apart, by RFC 9562 and RFC 8785 */
    json_decref(value);
}

static void canonical_json(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    json_t *value = json_pack("{s[iibn]sss{}}", "z", 1, -5, 1, "a", "\"\\/\b\f\n\r\t\x01\x7fé", "m");
    stix_id_canonical(value, &out);
    assert_string_equal(buf_text(&out), "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7fé\",\"m\":{},\"z\":[1,-5,true,null]}");
    json_decref(value);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strictest_marking_wins),
        cmocka_unit_test(the_objects_of_tlp_2_are_what_they_say),
        cmocka_unit_test(unmarked_is_never_wider_than_agreed),
        cmocka_unit_test(parts_are_marked_too),
        cmocka_unit_test(labels_that_are_written_otherwise_count),
        cmocka_unit_test(never_is_no_time),
        cmocka_unit_test(what_is_wrong_is_left_out_of_many),
        cmocka_unit_test(markings_of_the_document_count),
        cmocka_unit_test(unknown_policies_restrict),
        cmocka_unit_test(markings_that_are_not_here_restrict),
        cmocka_unit_test(labels_go_along_with_values),
        cmocka_unit_test(confidence_and_end_are_the_indicators),
        cmocka_unit_test(revoked_and_benign_are_work_for_nobody),
        cmocka_unit_test(the_newest_version_counts),
        cmocka_unit_test(bundles_without_objects_state_nothing),
        cmocka_unit_test(circles_and_missing_targets_are_harmless),
        cmocka_unit_test(dense_references_are_refused_in_time),
        cmocka_unit_test(observables_have_the_ids_everybody_gives_them),
        cmocka_unit_test(canonical_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
