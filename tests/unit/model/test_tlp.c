#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/tlp.h"

static void read_and_write(void **state)
{
    UNUSED(state);
    for (enum tlp label = TLP_CLEAR; label <= TLP_RED; label++) {
        enum tlp read = TLP_NONE;
        assert_true(tlp_parse(tlp_name(label), &read));
        assert_int_equal(read, label);
        assert_true(tlp_parse(tlp_label(label), &read));
        assert_int_equal(read, label);
    }
    enum tlp label = TLP_NONE;
    assert_true(tlp_parse("tlp:White", &label));
    assert_int_equal(label, TLP_CLEAR);
    static const char *const bad[] = {"", "tlp:", "amber strict", "TLP: RED", "orange", "red "};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(tlp_parse(bad[i], &label));
    assert_false(tlp_parse(NULL, &label));
    assert_null(tlp_name(TLP_NONE));
    assert_string_equal(tlp_label(TLP_NONE), "");
}

static void strictness(void **state)
{
    UNUSED(state);
    assert_int_equal(tlp_strictest(TLP_AMBER, TLP_AMBER_STRICT), TLP_AMBER_STRICT);
    assert_int_equal(tlp_strictest(TLP_RED, TLP_CLEAR), TLP_RED);
    assert_int_equal(tlp_strictest(TLP_NONE, TLP_CLEAR), TLP_CLEAR);
}

static void any_label_in_any_case(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        enum tlp label;
    } texts[] = {
        {"[TLP:CLEAR] scan", TLP_CLEAR},
        {"[tlp:clear] scan", TLP_CLEAR},
        {"[Tlp:Clear] scan", TLP_CLEAR},
        {"[TLP:WHITE] scan", TLP_CLEAR},
        {"[tlp:white] scan", TLP_CLEAR},
        {"[TLP:White] scan", TLP_CLEAR},
        {"[TLP:GREEN] scan", TLP_GREEN},
        {"[tlp:green] scan", TLP_GREEN},
        {"[Tlp:gReEn] scan", TLP_GREEN},
        {"[TLP:AMBER] scan", TLP_AMBER},
        {"[tlp:amber] scan", TLP_AMBER},
        {"[TLP:Amber] scan", TLP_AMBER},
        {"[TLP:AMBER+STRICT]", TLP_AMBER_STRICT},
        {"[tlp:amber+strict]", TLP_AMBER_STRICT},
        {"[TLP:Amber+Strict]", TLP_AMBER_STRICT},
        {"[TLP:RED] scan", TLP_RED},
        {"[tlp:red] scan", TLP_RED},
        {"[tLP:rED] scan", TLP_RED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(tlp_in_text(texts[i].text), texts[i].label);
}

static void what_others_write(void **state)
{
    UNUSED(state);
    assert_int_equal(tlp_in_text("This is TLP:GREEN, that TLP: AMBER."), TLP_AMBER);
    assert_int_equal(tlp_in_text("tlp:amber+strict"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_in_text("{\"traffic_light_protocol\":\"amber\",\"x_tlp\":\"green\"}"), TLP_AMBER);
    assert_int_equal(tlp_in_text("TLP:REDUCED, TLP:orange, TLP"), TLP_NONE);
    static const char *const strict[] = {"TLP:AMBER-STRICT", "TLP: AMBER STRICT.",        "tlp:amber + strict",
                                         "TLP:AMBER_STRICT", "This is TLP:Amber+ Strict", "TLP:AMBERSTRICT"};
    for (size_t i = 0; i < ARRAY_SIZE(strict); i++)
        assert_int_equal(tlp_in_text(strict[i]), TLP_AMBER_STRICT);
    assert_int_equal(tlp_in_text("TLP:AMBER, strict rules for TLP:GREEN-STRICT"), TLP_AMBER);
    assert_int_equal(tlp_in_text(NULL), TLP_NONE);
    assert_true(tlp_red_in_bytes("{\"TLP\": \"Red\",\"x", 16));
    assert_true(tlp_red_in_bytes("a TLP:RED", 9) && tlp_red_in_bytes("TLP_RED", 7) && tlp_red_in_bytes("<tlp>red</tlp>", 14));
    assert_true(tlp_red_in_bytes("\0\0tlp: red\n", 11));
    assert_true(tlp_red_in_bytes("T\0L\0P\0:\0R\0E\0D\0", 14)); /* UTF-16, as Outlook keeps texts */
    assert_false(tlp_red_in_bytes("T\0L\0P\0:\0R\0E\0D\0U\0", 16));
    assert_false(tlp_red_in_bytes("TLP:REDUCED", 11) || tlp_red_in_bytes("tlpred", 6) || tlp_red_in_bytes("TLP:RED", 6));
    assert_false(tlp_red_in_bytes("tlp", 3) || tlp_red_in_bytes(NULL, 0));
    static const char *const red[] = {"<Incident purpose=\"reporting\" restriction=\"red\">",
                                      "{\"restriction\":\"red\"",
                                      "[\"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed\"",
                                      "[\"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1\"",
                                      "\"tlp\": {\"label\": \"RED\"",
                                      "\"restriction\": \"internal\""};
    static const char *const others[] = {"restriction=\"need-to-know\"",
                                         "restriction=\"reduced\"",
                                         "restriction=\"internally\"",
                                         "tlp=\"internal\"",
                                         "\"label\":\"red\"",
                                         "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"};
    for (size_t i = 0; i < ARRAY_SIZE(red); i++)
        assert_true(tlp_red_in_bytes(red[i], strlen(red[i])));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(tlp_red_in_bytes(others[i], strlen(others[i])));
    assert_int_equal(tlp_claimed("white"), TLP_CLEAR);
    assert_int_equal(tlp_claimed("TLP: RED"), TLP_RED);
    assert_int_equal(tlp_claimed("tlp:ex:chr"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed("TLP RED"), TLP_RED);
    assert_int_equal(tlp_claimed("TLP GREEN"), TLP_GREEN);
    assert_int_equal(tlp_claimed("tlp=white"), TLP_CLEAR);
    assert_int_equal(tlp_claimed("GREEN TLP"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed(" n/a"), TLP_NONE);
    assert_int_equal(tlp_claimed("-"), TLP_NONE);
    assert_int_equal(tlp_claimed("tlp:red+strict"), TLP_RED);
    assert_int_equal(tlp_claimed("reduced, shared"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed("TLP: GREEN"), TLP_GREEN);
    assert_int_equal(tlp_claimed("tlp:green, malware:x;PAP:CLEAR"), TLP_GREEN);
    assert_int_equal(tlp_claimed("tlp:green,tlp:amber,a:b"), TLP_AMBER);
    assert_int_equal(tlp_claimed("tlp:green,malware:red"), TLP_RED);
    assert_int_equal(tlp_claimed("tlp:green,internal"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed("tlp:green,marking:TLP:AMBER"), TLP_AMBER);
    assert_int_equal(tlp_claimed("tlp:green, not:to be shared"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed("malware:x"), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed(","), TLP_AMBER_STRICT);
    assert_int_equal(tlp_claimed(""), TLP_NONE);
    assert_int_equal(tlp_claimed(NULL), TLP_NONE);
}

/* Blanks around the colon, and colons of others, are the label as it is written: it widens, too. */
static void colons(void **state)
{
    UNUSED(state);
    static const char *const between[] = {":", ": ", ":  ", " : ", ":\t", ":\u00a0", "\uff1a", "\u00a0:\u202f", " \uff1a "};
    static const char *const names[] = {"CLEAR", "green", "AMBER", "Amber+Strict", "RED"};
    for (size_t i = 0; i < ARRAY_SIZE(between); i++)
        for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
            char text[80];
            snprintf(text, sizeof text, "This is TLP%s%s.", between[i], names[k]);
            assert_int_equal(tlp_in_text(text), k);
        }
}

/* Any other spelling narrows only. */
static void loose_spellings(void **state)
{
    UNUSED(state);
    static const char *const forms[] = {"TLP @",
                                        "TLP @ - abc",
                                        "TLP-@",
                                        "TLP=@",
                                        "_TLP_@.pdf",
                                        "TLP/@",
                                        "**TLP:** **@**",
                                        "TLP:**@**",
                                        "TLP:[@]",
                                        "(TLP (@))",
                                        "TLP:\r\n@",
                                        "TLP\n@",
                                        "> TLP:\n> @",
                                        "TLP|@|",
                                        "Traffic Light Protocol: @",
                                        "TLP is @",
                                        "TLP 2.0 label: @",
                                        "TLP2.0:@",
                                        "TLP \u2013 @",
                                        "TLP: \U0001f534 @",
                                        "TLP\t\t@",
                                        "\"tlp\": \"@\"",
                                        "T\u200bLP \"@\"",
                                        "TLP v2: @",
                                        "TLP v2 @",
                                        "TLPv2:@",
                                        "TLP 2.0: @",
                                        "TLP v2.0 @",
                                        "TLP (v2.0): @",
                                        "TLP version 2.0: @",
                                        "X-TLP-Level: @",
                                        "Distribution: @ (TLP)",
                                        "@ [TLP 2.0]",
                                        "**@** (TLP v2)"};
    static const char *const names[] = {"CLEAR", "green", "AMBER", "Amber-Strict", "RED"};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
            char text[80];
            size_t before = strcspn(forms[i], "@");
            snprintf(text, sizeof text, "%.*s%s%s", (int)before, forms[i], names[k], forms[i] + before + 1);
            assert_int_equal(tlp_in_text(text), k < TLP_AMBER ? TLP_NONE : (enum tlp)k);
        }
    assert_int_equal(tlp_in_text("\uff34\uff2c\uff30\uff1a\uff32\uff25\uff24"), TLP_RED);
    assert_int_equal(tlp_in_text("TLP:CLEAR, but the rest is TLP GREEN"), TLP_GREEN);
    static const char *const none[] = {
        "the TLP of red things", "HTLP RED",        "TLPRED",     "TLP. Red is", "TLP, red",
        "TLP redirect",          "TLP is not RED",  "TLP v3 RED", "TLP vRED",    "kindred (TLP)",
        "red hosts (TLP)",       "red (TLP later)", "(TLP)",      "red (TLP",    "TLP                                red"};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        assert_int_equal(tlp_in_text(none[i]), TLP_NONE);
}

static void several_in_one(void **state)
{
    UNUSED(state);
    static const char *const red[] = {"TLP: AMBER/RED",       "TLP:RED/AMBER", "TLP:GREEN / AMBER / RED",
                                      "TLP:AMBER+STRICT/RED", "TLP:AMBER-RED", "TLP AMBER|RED"};
    for (size_t i = 0; i < ARRAY_SIZE(red); i++)
        assert_int_equal(tlp_in_text(red[i]), TLP_RED);
    assert_int_equal(tlp_in_text("TLP:CLEAR/GREEN"), TLP_GREEN);
    assert_int_equal(tlp_in_text("TLP:CLEAR - Red Hat Security Advisory"), TLP_CLEAR);
    assert_int_equal(tlp_in_text("[TLP:GREEN] Red team"), TLP_GREEN);
    assert_int_equal(tlp_in_text("TLP:GREEN/internal"), TLP_GREEN);
}

static void red_is_found_in_pieces_of_any_size(void **state)
{
    char text[300];
    UNUSED(state);
    memset(text, 'x', sizeof text);
    memcpy(text + 150, "\"tlp\" : \"red\"", 13);
    for (size_t piece = 1; piece <= sizeof text; piece++) {
        struct tlp_search search = {.searched = 0};
        bool is_red = false;
        for (size_t at = 0; at < sizeof text; at += piece)
            is_red = tlp_search_red(&search, text + at, at + piece < sizeof text ? piece : sizeof text - at) || is_red;
        assert_true(is_red);
        assert_int_equal(search.searched, sizeof text);
    }
}

static bool is_red_table(const char *text, size_t piece)
{
    static const char *const words[] = {"red", "top", NULL};
    struct tlp_search search = {.words = words, .delimiter = ':'};
    bool is_red = false;
    for (size_t at = 0, size = strlen(text); at < size; at += piece)
        is_red = tlp_search_red(&search, text + at, at + piece < size ? piece : size - at) || is_red;
    return is_red;
}

static void red_is_found_in_fields_of_a_table(void **state)
{
    UNUSED(state);
    static const char *const red[] = {"addr,x\n45.1.1.1,red\n", "a;x\n\"RED\";b", "a\n1, Red ,2", "a:b\r\n1:top\r\n", "a\nred"};
    static const char *const others[] = {"addr,x\n45.1.1.1,reduced\n", "a\n1,red team,2\n", "colored,1\n", "red-1,stop,top.example\n"};
    for (size_t i = 0; i < ARRAY_SIZE(red); i++)
        for (size_t piece = 1; piece <= strlen(red[i]); piece++)
            assert_true(is_red_table(red[i], piece));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(is_red_table(others[i], strlen(others[i])));
    struct tlp_search search = {.searched = 0};
    assert_false(tlp_search_red(&search, red[0], strlen(red[0])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(read_and_write),
                                       cmocka_unit_test(strictness),
                                       cmocka_unit_test(any_label_in_any_case),
                                       cmocka_unit_test(what_others_write),
                                       cmocka_unit_test(colons),
                                       cmocka_unit_test(loose_spellings),
                                       cmocka_unit_test(several_in_one),
                                       cmocka_unit_test(red_is_found_in_pieces_of_any_size),
                                       cmocka_unit_test(red_is_found_in_fields_of_a_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
