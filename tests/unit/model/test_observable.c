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

static void check_forms(const struct row *rows, size_t count)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < count; i++) {
        const char *value = observable_normalise(arena, rows[i].type, rows[i].text);
        if (!str_equal(value, rows[i].value))
            fail_msg("%s %s gave %s", observable_type_name(rows[i].type), rows[i].text, value ? value : "(none)");
        /* A normal form is its own normal form. */
        if (value)
            assert_string_equal(observable_normalise(arena, rows[i].type, value), value);
    }
    arena_free(arena);
}

static void addresses(void **state)
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
        {OBSERVABLE_IPV4, "046.166.009.111", "46.166.9.111"},
        {OBSERVABLE_IPV4, "198.51.100.007", NULL},
        {OBSERVABLE_IPV4, "000.000.000.000", NULL},
        {OBSERVABLE_IPV6, "fe80::1%eth0", "fe80::1"},
        {OBSERVABLE_IPV6, "[2001:db8::1]", "2001:db8::1"},
        {OBSERVABLE_IPV6, "[2001:db8::1", NULL},
        {OBSERVABLE_IPV6, "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {OBSERVABLE_CIDR, "::ffff:198.51.100.7/120", "198.51.100.0/24"},
        {OBSERVABLE_CIDR, "::ffff:0:0/96", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7/24", "198.51.100.0/24"},
        {OBSERVABLE_CIDR, "198.51.100.255/25", "198.51.100.128/25"},
        {OBSERVABLE_CIDR, "2001:db8:ffff::/33", "2001:db8:8000::/33"},
        {OBSERVABLE_CIDR, "198.51.100.7/33", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7/255.255.255.0", "198.51.100.0/24"},
        {OBSERVABLE_CIDR, "198.51.100.7/255.0.255.0", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7/0.0.0.255", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7/0.0.0.0", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7/ffff::", NULL},
        {OBSERVABLE_CIDR, "2001:db8:ffff::/ffff:ffff:8000::", "2001:db8:8000::/33"},
        {OBSERVABLE_CIDR, "0.0.0.0/0", NULL},
        {OBSERVABLE_CIDR, "10.0.0.0/0", NULL},
        {OBSERVABLE_CIDR, "198.51.100.7", NULL},
        {OBSERVABLE_ASN, "AS64500", "64500"},
        {OBSERVABLE_ASN, "00064500", "64500"},
        {OBSERVABLE_ASN, "0", NULL},
        {OBSERVABLE_ASN, "AS1.10", "65546"},
        {OBSERVABLE_ASN, "asn 64500", "64500"},
        {OBSERVABLE_ASN, "1.65536", NULL},
        {OBSERVABLE_ASN, "64500.0", "64500"},
        {OBSERVABLE_ASN, "AS213035.0", "213035"},
        {OBSERVABLE_ASN, "6.0", "6"},
        {OBSERVABLE_ASN, "0.0", NULL},
        {OBSERVABLE_ASN, "AS0.64500", "64500"},
        {OBSERVABLE_ASN, "-1", NULL},
        {OBSERVABLE_ASN, "4294967296", NULL},
    };
    check_forms(rows, ARRAY_SIZE(rows));
}

static void names(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
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
        {OBSERVABLE_DOMAIN, "-a.example", "-a.example"},
        {OBSERVABLE_DOMAIN, "a-.tumblr.com", "a-.tumblr.com"},
        {OBSERVABLE_DOMAIN, "a.example-", NULL},
        {OBSERVABLE_DOMAIN, "a.-example", NULL},
        {OBSERVABLE_DOMAIN, "198.51.100.7-9", NULL},
        {OBSERVABLE_DOMAIN, "7-9.example", "7-9.example"},
        {OBSERVABLE_DOMAIN, "\U0001f4a9.la", "xn--ls8h.la"},
        {OBSERVABLE_DOMAIN, "I\u2764\ufe0f.ws.", "xn--i-7iq.ws"},
        {OBSERVABLE_DOMAIN, "\u2603\u3002b\u00fccher-.net", "xn--n3h.xn--bcher--3ya.net"},
        {OBSERVABLE_DOMAIN, "xn--n3h.b\u00fccher.net", "xn--n3h.xn--bcher-kva.net"},
        {OBSERVABLE_DOMAIN, "fa\u00df\u2603.net", "xn--fa-hia6419a.net"},
        {OBSERVABLE_DOMAIN, "evil.com\u2603", NULL},
        {OBSERVABLE_DOMAIN, "\u2488\u2603.net", NULL},  /* "1.☃.net" */
        {OBSERVABLE_DOMAIN, "\u2100\u2603.net", NULL},  /* "a/c☃.net" */
        {OBSERVABLE_DOMAIN, "\u2603\u200da.net", NULL}, /* a joiner */
        {OBSERVABLE_DOMAIN, "\u2603\u202e.net", NULL},  /* it turns the rest around */
        {OBSERVABLE_DOMAIN, "\u0300\u2603.net", NULL},  /* nothing to stand on */
        {OBSERVABLE_DOMAIN, "a..example", NULL},
        {OBSERVABLE_DOMAIN, "a b.example", NULL},
        {OBSERVABLE_DOMAIN, "198.51.100.7", NULL},
        {OBSERVABLE_DOMAIN, "\xff.example", NULL},
        {OBSERVABLE_DOMAIN, ".", NULL},
    };
    check_forms(rows, ARRAY_SIZE(rows));
}

static void urls(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {OBSERVABLE_URL, "HTTP://Login.Bank.Example:80/X?Y=Z#f", "http://login.bank.example/X?Y=Z#f"},
        {OBSERVABLE_URL, "https://a.example:8443", "https://a.example:8443/"},
        {OBSERVABLE_URL, "https://User:P@A.example/", "https://User:P@a.example/"},
        {OBSERVABLE_URL, "https:evil.example/x", "https://evil.example/x"},
        {OBSERVABLE_URL, "HTTP:198.51.100.7", "http://198.51.100.7/"},
        {OBSERVABLE_URL, "ftp:21", NULL},
        {OBSERVABLE_URL, "mailto:a.example", NULL},
        {OBSERVABLE_URL, "http://[::ffff:198.51.100.7]/", "http://[::ffff:c633:6407]/"},
        {OBSERVABLE_URL, "http://[::198.51.100.7]/", "http://[::c633:6407]/"},
        {OBSERVABLE_URL, "http://[::FFFF:0.0.1.2]:8080/", "http://[::ffff:0:102]:8080/"},
        {OBSERVABLE_URL, "http://i\u2764.ws/", "http://xn--i-7iq.ws/"},
        {OBSERVABLE_URL, "http://\u2603.net", "http://xn--n3h.net/"},
        {OBSERVABLE_URL, "http://-a.example.com/", "http://-a.example.com/"},
        {OBSERVABLE_URL, "http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"},
        {OBSERVABLE_URL, "http://198.51.100.7/x", "http://198.51.100.7/x"},
        {OBSERVABLE_URL, "http://a.example:99999/", NULL},
        {OBSERVABLE_URL, "http://a.example:8x/", NULL},
        {OBSERVABLE_URL, "http://a b.example/", NULL},
        {OBSERVABLE_URL, "http:///x", NULL},
        {OBSERVABLE_URL, "http://0x7f.1/", "http://127.0.0.1/"},
        {OBSERVABLE_URL, "http://3325256711/a", "http://198.51.100.7/a"},
        {OBSERVABLE_URL, "http://0306.063.0144.07", "http://198.51.100.7/"},
        {OBSERVABLE_URL, "http://198.51.25607/", "http://198.51.100.7/"},
        {OBSERVABLE_URL, "http://198.51.100.7./", "http://198.51.100.7/"},
        {OBSERVABLE_URL, "http://198.51.100.256/", NULL},
        {OBSERVABLE_URL, "http://1.2.3.4.5/", NULL},
        {OBSERVABLE_URL, "http://09.1.1.1/", NULL},
        {OBSERVABLE_URL, "http://0/", NULL},
        {OBSERVABLE_URL, "http://\xef\xbc\x91\xef\xbc\x99\xef\xbc\x98.51.100.7/", "http://198.51.100.7/"},
        {OBSERVABLE_URL, "http://%65vil.ex%61mple/", "http://evil.example/"},
        {OBSERVABLE_URL, "http://evil%2Eexample%2fx/", NULL},
        {OBSERVABLE_URL, "http://evil%00.example/", NULL},
        {OBSERVABLE_URL, "http://EVIL.example./", "http://evil.example/"},
        {OBSERVABLE_URL, "http:\\\\bank.example\\@evil.example\\x", "http://bank.example/@evil.example/x"},
        {OBSERVABLE_URL, "https:/evil.example/", "https://evil.example/"},
        {OBSERVABLE_URL, "http://@evil.example/", "http://evil.example/"},
        {OBSERVABLE_URL, "http://bank.example@evil.example/", "http://bank.example@evil.example/"},
        {OBSERVABLE_URL, "http://evil.example/a/./b/../c", "http://evil.example/a/c"},
        {OBSERVABLE_URL, "http://evil.example/../..", "http://evil.example/"},
        {OBSERVABLE_URL, "http://evil.example/a/%2e%2E/b/%2e", "http://evil.example/b/"},
        {OBSERVABLE_URL, "http://evil.example//a//", "http://evil.example//a//"},
        {OBSERVABLE_URL, "http://evil.example/%7euser/%2f%3a", "http://evil.example/~user/%2F%3A"},
        {OBSERVABLE_URL, "http://evil.example/100%/%zz%%34", "http://evil.example/100%25/%25zz%254"},
        {OBSERVABLE_URL, "http://evil.example/a b\"<\xc3\xbc>?q=\xc3\xbc'#\xc3\xbc",
         "http://evil.example/a%20b%22%3C%C3%BC%3E?q=%C3%BC%27#%C3%BC"},
        {OBSERVABLE_URL, "http://evil.exam\r\n ple/", NULL},
        {OBSERVABLE_URL, "http://evil.exam\r\n\tple/", "http://evil.example/"},
        {OBSERVABLE_URL,
         "http://b\xc3\xbc"
         "cher.example?x",
         "http://xn--bcher-kva.example/?x"},
        {OBSERVABLE_URL,
         "http://evil\xe3\x80\x82"
         "example/",
         "http://evil.example/"},
        {OBSERVABLE_URL, "http://ev\xc2\xadil.example/", "http://evil.example/"},
        {OBSERVABLE_URL, "tcp://evil.example:4444", "tcp://evil.example:4444"},
        {OBSERVABLE_URL, "evil.example:80", NULL},
        {OBSERVABLE_URL, "http:80", NULL},
        {OBSERVABLE_URL, "mailto:a@b.example", NULL},
        {OBSERVABLE_URL, "http://[::]/", NULL},
        {OBSERVABLE_URL, "http://[2001:db8::1", NULL},
        {OBSERVABLE_URL, "http://a.example/\n", "http://a.example/"},
        {OBSERVABLE_URL, "http://a.example/\x01", NULL},
        {OBSERVABLE_URL, "://a.example", NULL},
        {OBSERVABLE_EMAIL, "Victim@Bank.EXAMPLE", "Victim@bank.example"},
        {OBSERVABLE_EMAIL, "mailto:joe@bank.example?subject=x@y", "joe@bank.example"},
        {OBSERVABLE_EMAIL, "\"Joe @ bank\" <joe@Bank.example>", "joe@bank.example"},
        {OBSERVABLE_EMAIL, "<>", NULL},
        {OBSERVABLE_EMAIL, "@bank.example", NULL},
        {OBSERVABLE_EMAIL, "a@b@c.example", NULL},
        {OBSERVABLE_EMAIL, "a b@c.example", NULL},
        {OBSERVABLE_EMAIL, "\"a b\"@C.example", "\"a b\"@c.example"},
        {OBSERVABLE_EMAIL, "\"a.b\"@c.example", "a.b@c.example"},
        {OBSERVABLE_EMAIL, "\"\\a\\\" \\\\\"@c.example", "\"a\\\" \\\\\"@c.example"},
        {OBSERVABLE_EMAIL, "\"a@b\"@c.example", NULL},
        {OBSERVABLE_EMAIL, "\"a\"b\"@c.example", NULL},
        {OBSERVABLE_EMAIL, "\"a b\\\"@c.example", NULL},
        {OBSERVABLE_EMAIL, "\"Ann\" <a@c.example", NULL},
        {OBSERVABLE_EMAIL, "\"\"@c.example", NULL},
        {OBSERVABLE_EMAIL, "\"a\nb\"@c.example", NULL},
    };
    check_forms(rows, ARRAY_SIZE(rows));
}

static void identifiers(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {OBSERVABLE_MD5, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
        {OBSERVABLE_MD5, "d41d8cd98f00b204e9800998ecf8427", NULL},
        {OBSERVABLE_MD5, "md5:D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
        {OBSERVABLE_MD5, "00000000000000000000000000000000", NULL},
        {OBSERVABLE_CVE, "cve-2014-0160", "CVE-2014-0160"},
        {OBSERVABLE_CVE, "CVE-2014-016", NULL},
        {OBSERVABLE_CVE, "CVE-2014-0000160", "CVE-2014-0160"},
        {OBSERVABLE_CVE, "CVE-2021-044228", "CVE-2021-44228"},
        {OBSERVABLE_CVE, "CVE-2014-0160x", NULL},
        {OBSERVABLE_MAC, "AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f"},
        {OBSERVABLE_MAC, "aabb.ccdd.ee0f", "aa:bb:cc:dd:ee:0f"},
        {OBSERVABLE_MAC, "aabbccddee0f", "aa:bb:cc:dd:ee:0f"},
        {OBSERVABLE_MAC, "aa:bb:cc:dd:ee", NULL},
        {OBSERVABLE_MAC, "a:abbccddee:0f", NULL},
        {OBSERVABLE_MAC, "00:00:00:00:00:00", NULL},
        {OBSERVABLE_COUNTRY, "xx", "XX"},
        {OBSERVABLE_COUNTRY, "x1", NULL},
        {OBSERVABLE_COUNTRY, "uk", "GB"},
        {OBSERVABLE_COUNTRY, "EL", "GR"},
        {OBSERVABLE_TEXT, "  a b  ", "a b"},
        {OBSERVABLE_TEXT, "n/a", NULL},
        {OBSERVABLE_TEXT, "NULL", NULL},
        {OBSERVABLE_TEXT, "-", NULL},
        {OBSERVABLE_TEXT, "\xff", NULL},
        {OBSERVABLE_FILENAME, "", NULL},
        {OBSERVABLE_USER_AGENT, NULL, NULL},
    };
    check_forms(rows, ARRAY_SIZE(rows));
}

static void wallets_and_phones(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        /* The first is the genesis block's; the others stand in BIP 173, BIP 350, EIP-55 and the currencies' own documents. */
        {OBSERVABLE_CRYPTO, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {OBSERVABLE_CRYPTO, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", NULL},
        {OBSERVABLE_CRYPTO, "11A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", NULL},
        {OBSERVABLE_CRYPTO, "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG"},
        {OBSERVABLE_CRYPTO, "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa?amount=1", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {OBSERVABLE_CRYPTO, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
        {OBSERVABLE_CRYPTO, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", NULL},
        {OBSERVABLE_CRYPTO, "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", NULL},
        {OBSERVABLE_CRYPTO, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
         "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"},
        {OBSERVABLE_CRYPTO, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
        {OBSERVABLE_CRYPTO, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", NULL},
        {OBSERVABLE_CRYPTO, "0x0000000000000000000000000000000000000000", NULL},
        {OBSERVABLE_CRYPTO, "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
         "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"},
        {OBSERVABLE_CRYPTO, "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3I", NULL},
        {OBSERVABLE_CRYPTO, "wallet", NULL},
        {OBSERVABLE_PHONE, "+49 (0)30 123-456", "+4930123456"},
        {OBSERVABLE_PHONE, "0049 30 123456", "+4930123456"},
        {OBSERVABLE_PHONE, "tel:+49-30-123456;ext=12", "+4930123456"},
        {OBSERVABLE_PHONE, "030 123456", NULL},
        {OBSERVABLE_PHONE, "+0301234567", NULL},
        {OBSERVABLE_PHONE, "+4930123456789012", NULL},
        {OBSERVABLE_PHONE, "+49 CALL ME", NULL},
    };
    check_forms(rows, ARRAY_SIZE(rows));
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
        {OBSERVABLE_URL, "h**p[:]//login(dot)bank[.example", "http://login.bank.example/"},
        {OBSERVABLE_URL, "hXXps[://]evil[.]example", "https://evil.example/"},
        {OBSERVABLE_DOMAIN,
         "\xef\xbd\x85\xef\xbd\x96\xef\xbd\x89\xef\xbd\x8c\xef\xbc\x8e"
         "example",
         "evil.example"},
        {OBSERVABLE_PHONE, "+49 30 123456", "+4930123456"},
        {OBSERVABLE_CRYPTO, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {OBSERVABLE_SHA256, "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {OBSERVABLE_MD5, "D4:1D:8C:D9:8F:00:B2:04:E9:80:09:98:EC:F8:42:7E", "d41d8cd98f00b204e9800998ecf8427e"},
        {0, "d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42-7e", NULL},
        {OBSERVABLE_IPV6, "2001:db8::1/128", "2001:db8::1"},
        {0, "0049 30 123456", NULL},
        {0, "198.51.100.7-9", NULL},
        {0, "198.51.100.7-198.51.100.9", NULL},
        {0, "64500", NULL},
        {0, "deadbeef0123", NULL},
        {0, "phishing", NULL},
        {0, "two words", NULL},
        {0, "0.0.0.0", NULL},
        {OBSERVABLE_FILENAME, "Evil.EXE", "Evil.EXE"},
        {OBSERVABLE_FILENAME, "invoice[.]pdf", "invoice.pdf"},
        {OBSERVABLE_DOMAIN, "Update.zip", "update.zip"},
        {OBSERVABLE_DOMAIN, "exe.evil.example", "exe.evil.example"},
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

/* Nobody's address is none in any spelling; what only looks like it is not. */
static void absent_forms(void **state)
{
    static const char *const absent[] = {"",
                                         " ",
                                         "-",
                                         "N/A",
                                         "0.0.0.0",
                                         "000.000.000.000",
                                         "0.0.0.0/32",
                                         "0.0.0.0/0",
                                         "0.0.0.0:80",
                                         "::",
                                         "::0",
                                         "[::]",
                                         "[::]:443",
                                         "::/128",
                                         "::/0",
                                         "0:0:0:0:0:0:0:0",
                                         "0000:0000:0000:0000:0000:0000:0000:0000",
                                         "::ffff:0.0.0.0",
                                         "::FFFF:0:0"},
                             *const present[] = {"0",  "00",       "0.0.0", "0.0.0.0/8", "0.0.0.1",        "::1", "[::1]", "[",  "[:",
                                                 "[0", "00:00:00", "0:0",   "0.",        "::ffff:0.0.0.1", "f::", "/0",    "0/0"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (!observable_is_absent(absent[i]))
            fail_msg("\"%s\" is something", absent[i]);
    for (size_t i = 0; i < ARRAY_SIZE(present); i++)
        if (observable_is_absent(present[i]))
            fail_msg("\"%s\" is nothing", present[i]);
}

/* The type is a claim: what is near is put right, what is far is refused. */
static void readings(void **state)
{
    UNUSED(state);
    static const struct {
        enum observable_type claimed;
        const char *text;
        enum observable_type type;
        const char *value;
    } rows[] = {
        {OBSERVABLE_IPV4, "2001:DB8::1", OBSERVABLE_IPV6, "2001:db8::1"},
        {OBSERVABLE_IPV6, "::ffff:198.51.100.7", OBSERVABLE_IPV4, "198.51.100.7"},
        {OBSERVABLE_IPV4, "198.51.100.7/24", OBSERVABLE_CIDR, "198.51.100.0/24"},
        {OBSERVABLE_CIDR, "198.51.100.7/32", OBSERVABLE_IPV4, "198.51.100.7"},
        {OBSERVABLE_CIDR, "0.0.0.0/32", OBSERVABLE_CIDR, NULL},
        {OBSERVABLE_MD5, "da39a3ee5e6b4b0d3255bfef95601890afd80709", OBSERVABLE_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {OBSERVABLE_MD5, "evil.example", OBSERVABLE_MD5, NULL},
        {OBSERVABLE_IPV4, "evil.example", OBSERVABLE_IPV4, NULL},
        {OBSERVABLE_DOMAIN, "198.51.100.7", OBSERVABLE_DOMAIN, NULL},
        {OBSERVABLE_IPV4, "198[.]51[.]100[.]7", OBSERVABLE_IPV4, "198.51.100.7"},
        {OBSERVABLE_URL, "hxxp://198.51.100.7/", OBSERVABLE_URL, "http://198.51.100.7/"},
        {OBSERVABLE_URL, "hxxps[:]//evil[.]example/", OBSERVABLE_URL, "https://evil.example/"},
        {OBSERVABLE_URL, "hxxphttp://evil.example/[://]", OBSERVABLE_URL, "hxxphttp://evil.example/://"},
        {OBSERVABLE_URL, "hxxphttp://evil.example/://", OBSERVABLE_URL,
         "hxxphttp://evil.example/://"}, /* as it was written: nothing to undo */
        {OBSERVABLE_URL, "http://evil.example/a[.]b(at)c", OBSERVABLE_URL, "http://evil.example/a[.]b(at)c"},
        {OBSERVABLE_DOMAIN, "evil[.]example", OBSERVABLE_DOMAIN, "evil.example"},
        {OBSERVABLE_EMAIL, "mule[at]evil[.]example", OBSERVABLE_EMAIL, "mule@evil.example"},
        {OBSERVABLE_TEXT, "a[.]b", OBSERVABLE_TEXT, "a[.]b"},
        {OBSERVABLE_IPV4, "-", OBSERVABLE_IPV4, NULL},
        {OBSERVABLE_SHA1, NULL, OBSERVABLE_SHA1, NULL},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum observable_type type = rows[i].claimed;
        const char *value = observable_read(arena, &type, rows[i].text);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses),
                                       cmocka_unit_test(names),
                                       cmocka_unit_test(urls),
                                       cmocka_unit_test(identifiers),
                                       cmocka_unit_test(wallets_and_phones),
                                       cmocka_unit_test(guesses),
                                       cmocka_unit_test(absent_forms),
                                       cmocka_unit_test(readings),
                                       cmocka_unit_test(hosts),
                                       cmocka_unit_test(type_and_role_names),
                                       cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
