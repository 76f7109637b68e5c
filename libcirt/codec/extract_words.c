#include "codec/extract_words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/host_name.h"
#include "model/public_suffix.h"

/* --- words before --- */

bool extract_is_all(const char *text, int (*is)(int))
{
    for (; *text; text++)
        if (!is((unsigned char)*text))
            return false;
    return true;
}

static bool is_listed(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(word, list[i]))
            return true;
    return false;
}

bool extract_names_host(const char *word)
{
    static const char *const words[] = {
        "domain",    "domains",  "hostname",   "hostnames", "host",     "hosts",   "site",   "sites",   "website", "websites", "fqdn",
        "subdomain", "visit",    "nameserver", "c2",        "c&c",      "cnc",     "dns",    "mx",      "ns",      "url",      "urls",
        "rdns",      "ptr",      "sni",        "cn",        "server",   "domaine", "domini", "dominio", "sitio",   "página",   "sito",
        "dominiu",   "domena",   "domenie",    "domeny",    "domenę",   "strona",  "strony", "stronie", "stronę",  "serwer",   "serwera",
        "doména",    "doménu",   "domen",      "domene",    "domenu",   "sajt",    "sajta",  "sajtu",   "domän",   "domänen",  "domäne",
        "seite",     "webseite", "nettside",   "domaines",  "домен",    "домена",  "домене", "домены",  "сайт",    "сайта",    "сайте",
        "сайты",     "域名",     "网站",       "网址",      "ドメイン", "サイト"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_names_version(const char *word)
{
    static const char *const words[] = {
        "versions", "ver",        "v",       "vers",    "release",   "releases", "build",     "builds",    "firmware", "fw",      "rev",
        "revision", "update",     "patch",   "section", "chapter",   "kapitel",  "abschnitt", "oid",       "rfc",      "driver",  "sdk",
        "clause",   "figure",     "table",   "versión", "versiones", "versione", "versioni",  "versionen", "versie",   "versies", "versão",
        "versiune", "versjon",    "wersja",  "wersji",  "wersję",    "verze",    "verzia",    "верси",     "версия",   "версии",  "версию",
        "版本",     "バージョン", "الإصدار", "§",       "upgrade",   "hotfix",   "article",   "assembly"};
    return str_ends(word, "version") || is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_names_product(const char *word)
{
    static const char *const words[] = {"php",    "openssl",    "libressl", "openssh",    "fortios",    "pan-os", "sonicos", "junos",
                                        "rails",  "struts",     "weblogic", "websphere",  "jre",        "jdk",    "log4j",   "coldfusion",
                                        "player", "phpmyadmin", "moveit",   "prestashop", "confluence", "snmp"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_names_message(const char *word)
{
    static const char *const words[] = {"message-id", "in-reply-to", "references", "content-id", "msgid", "resent-message-id", "cid"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_names_key(const char *word)
{
    static const char *const words[] = {"pgp", "gpg", "openpgp", "key", "keyid", "key-id", "fpr", "pgp-key", "schlüssel"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_names_other_digest(const char *word)
{
    static const char *const words[] = {"ja3", "ja3s", "ja4",    "hassh",  "hasshserver", "imphash",  "pehash",       "vhash", "telfhash",
                                        "lm",  "ntlm", "nthash", "lmhash", "mmh3",        "richhash", "authentihash", "dhash"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_is_ending(const char *text, char mark)
{
    static const char *const hungarian[] = {"ban", "ben", "ba",  "be",  "ból", "ből", "ra",  "re",   "ról", "ről", "on",
                                            "en",  "ön",  "nak", "nek", "tól", "től", "nál", "nél",  "hoz", "hez", "höz",
                                            "val", "vel", "es",  "as",  "os",  "ös",  "ig",  "ként", "ért"};
    static const char *const finnish[] = {"n", "na", "ta", "ssa", "sta", "lla", "lta", "lle", "een", "iin", "hin", "ksi"};
    return mark == ':' ? is_listed(text, finnish, ARRAY_SIZE(finnish)) : is_listed(text, hungarian, ARRAY_SIZE(hungarian));
}

bool extract_names_mail(const char *word)
{
    static const char *const words[] = {
        "email",       "e-mail",        "mail",    "from",   "to",      "cc",      "bcc",     "sender", "reply-to", "recipient", "mailto",
        "return-path", "envelope-from", "user",    "acct",   "account", "contact", "address", "sip",    "xmpp",     "jabber",    "rcpt",
        "de",          "von",           "adresse", "correo", "почта",   "smtp",    "login"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_joins(const char *word)
{
    static const char *const words[] = {"and", "or", "to", "through", "&", "und",  "oder", "bis", "et",  "ou",
                                        "à",   "y",  "o",  "e",       "i", "oraz", "lub",  "и",   "или", "до"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

bool extract_is_command(const char *text, size_t size)
{
    static const char *const commands[] = {"sh",    "bash",   "ash",     "cd",   "rm",     "cp",   "mv",    "cat",
                                           "chmod", "wget",   "curl",    "tftp", "ftpget", "echo", "nohup", "busybox",
                                           "perl",  "python", "python3", "php",  "exec",   "kill", "pkill"};
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strlen(commands[i]) == size && memcmp(commands[i], text, size) == 0)
            return true;
    return false;
}

bool extract_begins_sentence(const char *text)
{
    static const char *const endings[] = {"Final", "Alpha", "Beta", "Release", "Build", "Snapshot", "Candidate", "Patch", "Hotfix"};
    return isupper((unsigned char)*text) && extract_is_all(text, isalpha) && extract_is_all(text + 1, islower) &&
           !is_listed(text, endings, ARRAY_SIZE(endings));
}

size_t extract_size_of_protocol(const char *text)
{
    static const char *const protocols[] = {"tcp/", "udp/", "sctp/", "icmp/"};
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        const char *behind = text + strlen(protocols[i]);
        if (str_starts_nocase(text, protocols[i]) && isxdigit((unsigned char)*behind) && strpbrk(behind, ".:"))
            return strlen(protocols[i]);
    }
    return 0;
}

bool extract_is_service(const char *text)
{
    static const char *const services[] = {"_dmarc.", "_domainkey.", "_acme-challenge.", "_mta-sts.", "_spf.", "_dnslink."};
    for (size_t i = 0; i < ARRAY_SIZE(services); i++)
        if (str_starts_nocase(text, services[i]))
            return true;
    return false;
}

/* --- names --- */

/* Top levels that are as often the end of a file's name or of a name in a program. */
static bool is_file_suffix(const char *label)
{
    static const char *const labels[] = {"md", "py", "sh", "zip", "mov", "so", "app", "do", "pub", "cab", "java", "name"};
    return is_listed(label, labels, ARRAY_SIZE(labels)) || host_name_ends_as_file(label);
}

/* The same of countries whose names are met as often: there only what such a file is called tells it from a domain. */
static bool is_file_of_country(const char *domain, const char *last)
{
    static const char *const suffixes[] = {"pl", "rs", "ps", "cc", "am", "ac", "mk", "ml", "tf", "pm"};
    static const char *const files[] = {"main",   "lib",  "mod",    "build",  "setup",     "test",     "tests", "index", "install",
                                        "script", "run",  "start",  "config", "configure", "makefile", "cgi",   "admin", "login",
                                        "utils",  "util", "common", "init",   "perl",      "exploit",  "scan",  "bot"};
    size_t size = strcspn(domain, ".");
    if (domain + size + 1 != last || !is_listed(last, suffixes, ARRAY_SIZE(suffixes)))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (strlen(files[i]) == size && memcmp(files[i], domain, size) == 0)
            return true;
    return false;
}

/* A top level that is a word of its own where somebody forgot a blank ("done.it"). */
static bool is_word_suffix(const char *label)
{
    static const char *const labels[] = {"is",   "it",   "me",   "no",   "to",   "be",   "my",    "at",    "as",   "us",
                                         "by",   "in",   "id",   "io",   "now",  "here", "today", "how",   "new",  "one",
                                         "you",  "work", "live", "help", "open", "like", "link",  "click", "read", "call",
                                         "best", "cool", "et",   "ne",   "se",   "si",   "la",    "ms"};
    return is_listed(label, labels, ARRAY_SIZE(labels));
}

/* "com.android.providers.media", "org.apache.commons.io": a package of Java, reversed. */
static bool is_package(const char *domain, const char *last)
{
    static const char *const firsts[] = {"com.", "org.", "net.", "io.", "edu.", "gov."};
    for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
        if (str_starts(domain, firsts[i]) && domain + strlen(firsts[i]) < last)
            return strlen(last) > 3 || is_word_suffix(last) || firsts[i][0] == 'i';
    return false;
}

/* "Trojan.Win32.Zbot.de", "Backdoor.Linux.Mirai.ba" */
static bool is_malware(const char *written)
{
    static const char *const kinds[] = {"Trojan", "Backdoor", "Rootkit", "Exploit",    "HackTool", "Ransom", "Worm", "Virus",
                                        "Adware", "Spyware",  "Dropper", "Downloader", "HEUR",     "PUA",    "PUP",  "not-a-virus"};
    static const char *const platforms[] = {".Win32.", ".Win64.", ".MSIL.", ".Linux.", ".AndroidOS.", ".OSX.", ".VBS.", ".JS."};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_starts(written, kinds[i]))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
        if (strstr(written, platforms[i]))
            return true;
    return false;
}

/* "bank-secure.in", "evil99.io": nobody ends a sentence with it. */
static bool is_no_word(const char *domain, const char *last)
{
    size_t size = strcspn(domain, "-0123456789");
    return domain + size < last - 1;
}

static int is_small_or_mark(int c)
{
    return !isupper(c);
}

/* "z.B.de", "S.A.de": single letters with a capital among them, where somebody forgot a blank. */
static bool is_abbreviation(const char *written, const char *domain, const char *suffix)
{
    if (suffix - domain < 4)
        return false;
    for (const char *at = domain + 1; at < suffix; at += 2)
        if (*at != '.')
            return false;
    return !extract_is_all(written, is_small_or_mark);
}

/* What the second level of a country's is for. */
static bool is_second_level(const char *domain, const char *last)
{
    static const char *const labels[] = {".gov.", ".com.", ".org.", ".net.", ".edu.", ".co.", ".mil.", ".ac."};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        size_t size = strlen(labels[i]);
        if ((size_t)(last - domain) > size && memcmp(last - size, labels[i], size) == 0)
            return true;
    }
    return false;
}

static int is_capital_or_mark(int c)
{
    return !islower(c);
}

static bool is_meant(const struct extract_name *name, const char *last, const char *suffix)
{
    const char *written = name->written, *domain = name->domain;
    const char *ending = written + strlen(written) - (written[strlen(written) - 1] == '.');
    while (ending > written && ending[-1] != '.')
        ending--;
    if (str_starts(domain, "www."))
        return true;
    if (name->next == '(' || name->next == '=' || name->next == '[' || strchr(domain, '_') || is_malware(written) ||
        is_abbreviation(written, domain, suffix))
        return false;
    if (extract_is_all(ending, isalpha) && !extract_is_all(ending, islower))
        return extract_is_all(written, is_capital_or_mark) && str_equal(last, "com");
    /* "com.py" is nobody's file. */
    if (strchr(suffix, '.'))
        return true;
    if (is_file_suffix(last) || is_file_of_country(domain, last))
        return is_second_level(domain, last);
    if (strchr(domain, '.') + 1 < last)
        return !is_package(domain, last);
    if (is_word_suffix(last) || domain[1] == '.')
        return name->has_path || name->has_port || name->is_alone || is_no_word(domain, last);
    return true;
}

bool extract_is_domain(const struct extract_name *name)
{
    const char *suffix = public_suffix_of(name->domain), *last = strrchr(name->domain, '.') + 1;
    bool is_named = extract_names_host(name->context);
    if (name->is_defanged)
        return suffix ? (!name->is_escaped && name->next != '(') || is_named || is_meant(name, last, suffix)
                      : is_named || (!name->is_escaped && name->next != '(' && !host_name_ends_as_file(last));
    return suffix && (is_named || is_meant(name, last, suffix));
}
