/* MISP events: what labels bind, what is deleted, and what is no event. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/misp_tag.h"
#include "support/misp_event.h"

/* --- labels --- */

static void the_stricter_of_tag_and_distribution_binds(void **state)
{
    (void)state;
    static const struct {
        const char *owner;
        enum tlp around, label;
    } rows[] = {
        {"{}", TLP_NONE, TLP_NONE},
        {"{}", TLP_GREEN, TLP_GREEN},
        {"{\"distribution\":\"0\"}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"distribution\":1}", TLP_NONE, TLP_AMBER},
        {"{\"distribution\":\"2\"}", TLP_NONE, TLP_GREEN},
        {"{\"distribution\":\"3\"}", TLP_NONE, TLP_GREEN},
        {"{\"distribution\":3,\"Tag\":[{\"name\":\"TLP:WHITE\"}]}", TLP_NONE, TLP_CLEAR},
        {"{\"distribution\":\"4\",\"Tag\":[{\"name\":\"tlp:clear\"}]}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"distribution\":\"5\"}", TLP_NONE, TLP_NONE},
        {"{\"distribution\":\"5\",\"Tag\":[{\"name\":\"tlp:clear\"}]}", TLP_AMBER, TLP_AMBER},
        {"{\"distribution\":\"9\"}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"distribution\":\"3\",\"Tag\":[{\"name\":\"tlp:green\"},{\"name\":\"tlp:red\",\"local\":1}]}", TLP_CLEAR, TLP_RED},
        {"{\"Tag\":[{\"name\":\"tlp:ex:chr\"}]}", TLP_NONE, TLP_AMBER_STRICT},
        {"{\"Tag\":{\"name\":\"tlp:red\"}}", TLP_NONE, TLP_RED},
        {"{\"Tag\":[\"tlp:red\"]}", TLP_NONE, TLP_RED},
        {"{\"distribution\":\"3\",\"tags\":[{\"name\":\"tlp:red\"}]}", TLP_NONE, TLP_RED},
        {"{\"Tag\":[{\"name\":\" tlp:red\"}]}", TLP_NONE, TLP_RED},
        {"{\"EventTag\":[{\"id\":\"1\",\"Tag\":{\"name\":\"tlp:red\"}}]}", TLP_GREEN, TLP_RED},
        {"{\"Tag\":[{\"name\":\"tlp:green\"}],\"AttributeTag\":[{\"Tag\":{\"name\":\"tlp:amber\"}}]}", TLP_NONE, TLP_AMBER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *owner = json_loads(rows[i].owner, 0, NULL);
        if (misp_tag_label(owner, rows[i].around) != rows[i].label)
            fail_msg("%s is %s", rows[i].owner, tlp_label(misp_tag_label(owner, rows[i].around)));
        json_decref(owner);
    }
}

/* Wide labels of texts that are only kept do not become those of an event that has none; empty lists of such texts say nothing. */
static void kept_texts_do_not_widen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum tlp label;
    } rows[] = {
        {"{\"Event\":{\"info\":\"x\",\"Note\":[{\"note\":\"n\",\"distribution\":\"3\"}]}}", TLP_NONE},
        {"{\"Event\":{\"info\":\"x\",\"Note\":[{\"note\":\"n\",\"distribution\":\"0\"}]}}", TLP_AMBER_STRICT},
        {"{\"Event\":{\"info\":\"x\",\"EventReport\":[],\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"distribution\":\"2\"}"
         "]}}",
         TLP_GREEN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct report *report = misp_decoded_text(rows[i].text);
        if (report->tlp != rows[i].label)
            fail_msg("%s is %s", rows[i].text, tlp_label(report->tlp));
        report_free(report);
    }
}

/* Also what no observation is made of: its words stay in extra. */
static void what_is_only_kept_has_a_label_too(void **state)
{
    (void)state;
#define RED "\"Tag\":[{\"name\":\"tlp:red\"}]"
    static const char *const kept[] = {
        "\"Attribute\":[{\"type\":\"comment\",\"value\":\"secret\"," RED "}]",
        "\"Attribute\":[{\"type\":\"comment\"," RED "}]",
        "\"Attribute\":[{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcdef\",\"deleted\":true," RED "}]",
        "\"Object\":[{\"name\":\"n\",\"Attribute\":[{\"type\":\"text\",\"value\":\"secret\"," RED "}]}]",
        "\"Object\":[{\"name\":\"n\",\"deleted\":true,\"Attribute\":[{\"type\":\"text\",\"value\":\"secret\"," RED "}]}]",
        "\"EventReport\":[{\"name\":\"n\",\"content\":\"secret\"," RED "}]",
        "\"Note\":[{\"note\":\"secret\"," RED "}]",
        "\"Attribute\":[{\"type\":\"md5\",\"value\":\"0123456789abcdef0123456789abcdef\",\"Opinion\":[{\"opinion\":\"10\"," RED "}]}]",
        "\"Object\":[{\"name\":\"n\",\"Note\":[{\"Opinion\":[{\"comment\":\"secret\"," RED "}]}]}]",
    };
#undef RED
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char *text = mem_printf("{\"Event\":{\"info\":\"x\",\"Tag\":[{\"name\":\"tlp:green\"}],%s}}", kept[i]);
        struct report *report = misp_decoded_text(text);
        if (report->tlp != TLP_RED)
            fail_msg("%s is %s", text, tlp_label(report->tlp));
        report_free(report);
        free(text);
    }
}

/* As /attributes/restSearch and /objects/restSearch answer. */
static void what_a_search_found_has_the_labels_of_its_event(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"response\":{\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"203.0.113.7\",\"distribution\":\"5\",\"Event\":{\"info\":\"x\","
        "\"distribution\":\"0\","
        "\"Tag\":[{\"name\":\"PAP:RED\"}]}}]}}",
        "{\"response\":[{\"Object\":{\"name\":\"domain-ip\",\"template_uuid\":\"43b3b146-77eb-4931-b4cc-b66c60f28734\",\"distribution\":"
        "\"5\",\"Event\":{\"distribution\":"
        "\"0\",\"Tag\":[{\"name\":\"PAP:RED\"}]},\"Attribute\":[{\"type\":\"ip-dst\",\"object_relation\":\"ip\",\"value\":\"203.0.113.7\"}]"
        "}}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct report *report = misp_decoded(texts[i], strlen(texts[i]), "found");
        assert_int_equal(report->tlp, TLP_AMBER_STRICT);
        assert_int_equal(report->pap, TLP_RED);
        report_free(report);
    }
}

static void tags_that_name_a_class_do(void **state)
{
    (void)state;
    static const struct {
        const char *tag, *name;
    } rows[] = {
        {"rsit:malicious-code=\\\"c2-server\\\"", "malicious-code/c2-server"},
        {"circl:incident-classification=\\\"phishing\\\"", "fraud/phishing"},
        {"circl:incident-classification=\\\"information-leak\\\"", "information-content-security/data-leak"},
        {"circl:incident-classification=\\\"screenlocker\\\"", "malicious-code/infected-system"},
        {"europol-incident:malware=\\\"distribution\\\"", "malicious-code/malware-distribution"},
        {"CERT-XLM:malicious-code=\\\"ransomware\\\"", "malicious-code/infected-system"},
        {"CERT-XLM:fraud=\\\"phishing\\\"", "fraud/phishing"},
        {"ecsirt:intrusion-attempts=\\\"brute-force\\\"", "intrusion-attempts/brute-force"},
        {"misp-galaxy:tool=\\\"phishing\\\"", NULL},
        {"test", NULL},
        {"exercise", NULL},
        {"rsit:test=\\\"test\\\"", NULL},
        {"rsit:\\\"", NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("{\"Tag\":[{\"name\":\"%s\"},{},7]}", rows[i].tag);
        json_t *owner = json_loads(text, 0, NULL);
        const char *claim, *name;
        assert_non_null(owner);
        misp_tag_class(owner, arena, &claim, &name);
        if (!str_equal(name, rows[i].name))
            fail_msg("%s is %s", rows[i].tag, name ? name : "nothing");
        json_decref(owner);
        free(text);
    }
    arena_free(arena);
}

/* The host of a URL without a scheme is a value beside its text, but not what was marked. */
static void a_url_without_a_scheme_names_its_host(void **state)
{
    (void)state;
    static const struct {
        const char *value, *host;
    } rows[] = {{"198.51.100.7:8080/x.exe", "198.51.100.7"},
                {"198.51.100.7/x", "198.51.100.7"},
                {"www.a.example/gate", "www.a.example"},
                {"a.example:8080", "a.example"},
                {"a.example.net/gate?id=1", "a.example.net"},
                {"index.php/gate", NULL},
                {"setup.py?x", NULL},
                {"a.example:x", NULL},
                {"host:80/x", NULL},
                {"/gate.php", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = mem_printf("{\"Attribute\":{\"type\":\"url\",\"to_ids\":true,\"value\":\"%s\"}}", rows[i].value);
        struct report *report = misp_decoded_text(text);
        const struct observation *observation = &report->observations[0];
        assert_int_equal(observation->sighting_count, rows[i].host ? 2 : 1);
        assert_string_equal(observation->sightings[0].value, rows[i].value);
        assert_true(observation->sightings[0].is_indicator);
        if (rows[i].host) {
            assert_string_equal(observation->sightings[1].value, rows[i].host);
            assert_false(observation->sightings[1].is_indicator);
        }
        report_free(report);
        free(text);
    }
}

/* What MISP says that is no event is told as what it is, not as a broken report of ours. */
static void other_documents_of_misp_are_refused_as_such(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"{\"response\":[]}", "there is no event in it"},
        {"{\"response\":{\"Attribute\":[]}}", "there is no event in it"},
        {"{\"Sighting\":{\"type\":\"0\",\"attribute_id\":\"7\"}}", "is a sighting of MISP"},
        {"{\"saved\":false,\"name\":\"n\",\"message\":\"m\",\"url\":\"/events/add\"}", "is an answer about an error"},
        {"{\"00000000-0000-4000-8000-000000000001\":{\"info\":\"x\",\"Orgc\":{\"name\":\"n\"},\"threat_level_id\":\"1\"}}",
         "is the manifest of a feed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct report *report = NULL;
        struct err err = {0};
        const struct codec *codec = codec_probe(rows[i].text, strlen(rows[i].text), NULL);
        assert_string_equal(codec->name, "misp");
        assert_false(codec_decode(codec, rows[i].text, strlen(rows[i].text), &codec_limits_default, NULL, &report, &err));
        if (!strstr(err.text, rows[i].fault))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

/* As ZeroMQ says it: the event beside the attribute, and sometimes only the action says that it is gone. */
static void what_a_message_says_is_deleted_is_withdrawn(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true,\"deleted\":1},\"Event\":{\"info\":"
        "\"x\"}}",
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true},\"Event\":{\"info\":\"x\"},\"action\":"
        "\"delete\"}",
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true},\"action\":\"soft-delete\"}",
        "{\"Object\":{\"name\":\"n\",\"deleted\":\"True\"},\"Attribute\":[{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\"}],"
        "\"Event\":{\"info\":\"x\"}}",
        "{\"Attribute\":{\"uuid\":\"u\",\"type\":\"ip-dst\",\"value\":\"192.0.2.1\"},\"Object\":{\"name\":null},"
        "\"Event\":{\"info\":\"x\"},\"action\":\"delete\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct report *report = misp_decoded_text(texts[i]);
        assert_int_equal(report->observation_count, 0);
        assert_int_equal(report->withdrawn_count, 1);
        assert_true(report->withdrawn[0].indicator_id == report_indicator_id("u"));
        assert_non_null(strstr(report->extra, "192.0.2.1"));
        report_free(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stricter_of_tag_and_distribution_binds),
        cmocka_unit_test(what_a_search_found_has_the_labels_of_its_event),
        cmocka_unit_test(what_is_only_kept_has_a_label_too),
        cmocka_unit_test(kept_texts_do_not_widen),
        cmocka_unit_test(tags_that_name_a_class_do),
        cmocka_unit_test(a_url_without_a_scheme_names_its_host),
        cmocka_unit_test(what_a_message_says_is_deleted_is_withdrawn),
        cmocka_unit_test(other_documents_of_misp_are_refused_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
