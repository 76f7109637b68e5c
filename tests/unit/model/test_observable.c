#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "model/observable.h"

struct row {
    enum observable_type type;
    const char *text, *value; /* NULL: refused */
};

static void normal_forms(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {OBSERVABLE_IPV4, " 198.51.100.7 ", "198.51.100.7"},
        {OBSERVABLE_IPV4, "198.051.100.7", NULL},
        {OBSERVABLE_IPV4, "0.0.0.0", NULL},
        {OBSERVABLE_IPV4, "256.1.1.1", NULL},
        {OBSERVABLE_IPV6, "2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"},
        {OBSERVABLE_IPV6, "::", NULL},
        {OBSERVABLE_IPV6, "::ffff:198.51.100.7", NULL},
        {OBSERVABLE_IPV6, "fe80::1%eth0", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7/24", "198.51.100.0/24"},
        {OBSERVABLE_CIDR, "198.51.100.255/25", "198.51.100.128/25"},
        {OBSERVABLE_CIDR, "2001:db8:ffff::/33", "2001:db8:8000::/33"},
        {OBSERVABLE_CIDR, "198.51.100.7/33", NULL},
        {OBSERVABLE_CIDR, "0.0.0.0/0", NULL},
        {OBSERVABLE_CIDR, "10.0.0.0/0", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7", NULL},
        {OBSERVABLE_ASN, "AS64500", "64500"},
        {OBSERVABLE_ASN, "00064500", "64500"},
        {OBSERVABLE_ASN, "0", NULL},
        {OBSERVABLE_ASN, "4294967296", NULL},
        {OBSERVABLE_DOMAIN, "WWW.Bank.Example.", "www.bank.example"},
        {OBSERVABLE_DOMAIN,
         "b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {OBSERVABLE_DOMAIN,
         "B\xc3\x9c"
         "CHER.example",
         "xn--bcher-kva.example"},
        {OBSERVABLE_DOMAIN, "_dmarc.bank.example", "_dmarc.bank.example"},
        {OBSERVABLE_DOMAIN, "localhost", NULL},
        {OBSERVABLE_DOMAIN, "-a.example", NULL},
        {OBSERVABLE_DOMAIN, "a-.example", NULL},
        {OBSERVABLE_DOMAIN, "a..example", NULL},
        {OBSERVABLE_DOMAIN, "a b.example", NULL},
        {OBSERVABLE_DOMAIN, "198.51.100.7", NULL},
        {OBSERVABLE_DOMAIN, "\xff.example", NULL},
        {OBSERVABLE_DOMAIN, ".", NULL},
        {OBSERVABLE_URL, "HTTP://Login.Bank.Example:80/X?Y=Z#f", "http://login.bank.example/X?Y=Z#f"},
        {OBSERVABLE_URL, "https://a.example:8443", "https://a.example:8443"},
        {OBSERVABLE_URL, "https://User:P@A.example/", "https://User:P@a.example/"},
        {OBSERVABLE_URL, "http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"},
        {OBSERVABLE_URL, "http://198.51.100.7/x", "http://198.51.100.7/x"},
        {OBSERVABLE_URL, "http://a.example:99999/", NULL},
        {OBSERVABLE_URL, "http://a.example:8x/", NULL},
        {OBSERVABLE_URL, "http://a b.example/", NULL},
        {OBSERVABLE_URL, "http:///x", NULL},
        {OBSERVABLE_URL, "http://[2001:db8::1", NULL},
        {OBSERVABLE_URL, "http://a.example/\n", "http://a.example/"},
        {OBSERVABLE_URL, "http://a.example/\x01", NULL},
        {OBSERVABLE_URL, "://a.example", NULL},
        {OBSERVABLE_EMAIL, "Victim@Bank.EXAMPLE", "Victim@bank.example"},
        {OBSERVABLE_EMAIL, "@bank.example", NULL},
        {OBSERVABLE_EMAIL, "a@b@c.example", NULL},
        {OBSERVABLE_EMAIL, "a b@c.example", NULL},
        {OBSERVABLE_MD5, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
        {OBSERVABLE_MD5, "d41d8cd98f00b204e9800998ecf8427", NULL},
        {OBSERVABLE_CVE, "cve-2014-0160", "CVE-2014-0160"},
        {OBSERVABLE_CVE, "CVE-2014-016", NULL},
        {OBSERVABLE_CVE, "CVE-2014-0160x", NULL},
        {OBSERVABLE_MAC, "AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f"},
        {OBSERVABLE_MAC, "aabb.ccdd.ee0f", "aa:bb:cc:dd:ee:0f"},
        {OBSERVABLE_MAC, "aabbccddee0f", "aa:bb:cc:dd:ee:0f"},
        {OBSERVABLE_MAC, "aa:bb:cc:dd:ee", NULL},
        {OBSERVABLE_MAC, "a:abbccddee:0f", NULL},
        {OBSERVABLE_MAC, "00:00:00:00:00:00", NULL},
        {OBSERVABLE_COUNTRY, "xx", "XX"},
        {OBSERVABLE_COUNTRY, "x1", NULL},
        {OBSERVABLE_TEXT, "  a b  ", "a b"},
        {OBSERVABLE_TEXT, "n/a", NULL},
        {OBSERVABLE_TEXT, "NULL", NULL},
        {OBSERVABLE_TEXT, "-", NULL},
        {OBSERVABLE_TEXT, "\xff", NULL},
        {OBSERVABLE_FILENAME, "", NULL},
        {OBSERVABLE_USER_AGENT, NULL, NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *value = observable_normalise(arena, rows[i].type, rows[i].text);
        if (!str_equal(value, rows[i].value))
            fail_msg("%s %s gave %s", observable_type_name(rows[i].type), rows[i].text, value ? value : "(none)");
        /* A normal form is its own normal form. */
        if (value)
            assert_string_equal(observable_normalise(arena, rows[i].type, value), value);
    }
    arena_free(arena);
}

static void guesses(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {OBSERVABLE_IPV4, "198.51.100.7", "198.51.100.7"},
        {OBSERVABLE_IPV4, "::ffff:198.51.100.7", "198.51.100.7"},
        {OBSERVABLE_IPV4, "198.51.100.7/32", "198.51.100.7"},
        {OBSERVABLE_IPV4, "198[.]51[.]100[.]7", "198.51.100.7"},
        {OBSERVABLE_IPV6, "2001:db8::1", "2001:db8::1"},
        {OBSERVABLE_CIDR, "198.51.100.0/24", "198.51.100.0/24"},
        {OBSERVABLE_ASN, "AS64500", "64500"},
        {OBSERVABLE_URL, "hxxp://login[.]bank[.]example/x", "http://login.bank.example/x"},
        {OBSERVABLE_EMAIL, "mailto:a@b.example", "a@b.example"},
        {OBSERVABLE_EMAIL, "a[@]b[.]example", "a@b.example"},
        {OBSERVABLE_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {OBSERVABLE_CVE, "CVE-2014-0160", "CVE-2014-0160"},
        {OBSERVABLE_DOMAIN, "dead.beef.cafe", "dead.beef.cafe"},
        {OBSERVABLE_DOMAIN, "as64500.example", "as64500.example"},
        {OBSERVABLE_MAC, "aa:bb:cc:dd:ee:0f", "aa:bb:cc:dd:ee:0f"},
        {0, "64500", NULL},
        {0, "deadbeef0123", NULL},
        {0, "phishing", NULL},
        {0, "two words", NULL},
        {0, "0.0.0.0", NULL},
        {0, "", NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum observable_type type = 0;
        const char *value = observable_guess(arena, rows[i].text, &type);
        if (!str_equal(value, rows[i].value) || type != rows[i].type)
            fail_msg("%s gave %d %s", rows[i].text, type, value ? value : "(none)");
    }
    arena_free(arena);
}

static void hosts(void **state)
{
    UNUSED(state);
    struct arena *arena = arena_new();
    assert_string_equal(observable_host(arena, OBSERVABLE_URL, "http://u@login.bank.example:8080/x"), "login.bank.example");
    assert_null(observable_host(arena, OBSERVABLE_URL, "http://198.51.100.7/x"));
    assert_null(observable_host(arena, OBSERVABLE_URL, "http://[2001:db8::1]/x"));
    assert_string_equal(observable_host(arena, OBSERVABLE_EMAIL, "a@bank.example"), "bank.example");
    assert_string_equal(observable_host(arena, OBSERVABLE_DOMAIN, "bank.example"), "bank.example");
    assert_null(observable_host(arena, OBSERVABLE_IPV4, "198.51.100.7"));
    arena_free(arena);
}

static void type_and_role_names(void **state)
{
    UNUSED(state);
    for (enum observable_type type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
        enum observable_type read = 0;
        assert_true(observable_type_parse(observable_type_name(type), &read));
        assert_int_equal(read, type);
    }
    for (enum sighting_role role = ROLE_SOURCE; role < ROLE_COUNT; role++) {
        enum sighting_role read = 0;
        assert_true(sighting_role_parse(sighting_role_name(role), &read));
        assert_int_equal(read, role);
    }
    enum observable_type type;
    assert_false(observable_type_parse("ip", &type));
    assert_null(observable_type_name(OBSERVABLE_TYPE_COUNT));
}

/* No type chokes on odd or huge text. */
static void hostile(void **state)
{
    UNUSED(state);
    struct arena *arena = arena_new();
    size_t size = 1024 * 1024;
    char *huge = malloc(size + 1);
    static const char fill[] = "a.[@:/\xc3\x28 1";
    for (size_t f = 0; f < sizeof fill - 1; f++) {
        memset(huge, fill[f], size);
        huge[size] = '\0';
        for (enum observable_type type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++)
            assert_null(observable_normalise(arena, type, huge));
        assert_null(observable_guess(arena, huge, &(enum observable_type){0}));
        arena_reset(arena);
    }
    free(huge);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normal_forms), cmocka_unit_test(guesses), cmocka_unit_test(hosts),
                                       cmocka_unit_test(type_and_role_names), cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
