#include "codec/extract.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/extract_clean.h"
#include "codec/extract_unwrap.h"
#include "model/observable_address.h"
#include "model/observable_refang.h"
#include "model/observable_url.h"
#include "model/public_suffix.h"

enum { WORD_SIZE_MAX = 2048, CONTEXT_SIZE_MAX = 24 };

struct extraction {
    struct report *report;
    struct observation *observation;
    struct arena *scratch; /* of one word */
    size_t count;
    uint32_t *slots; /* of the observation's values, by their numbers from 1; 0: free */
    size_t slot_count, laid_out;
    char context[CONTEXT_SIZE_MAX + 1]; /* the word before, lower case, without what stands around it */
    bool was_defanged;                  /* this word */
};

/* A piece of a word between separators. */
struct token {
    char *text;
    char next; /* the separator behind it, or NUL */
};

/* --- what is known about words --- */

static bool is_listed(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(word, list[i]))
            return true;
    return false;
}

/* Before a name that might as well be something else. */
static bool names_host(const char *word)
{
    static const char *const words[] = {
        "domain",     "domains", "hostname", "hostnames", "host", "hosts", "site", "sites", "website", "websites", "fqdn",    "subdomain",
        "nameserver", "visit",   "c2",       "c&c",       "cnc",  "dns",   "mx",   "ns",    "domaine", "domaines", "dominio", "domini",
        "домен",      "сайт",    "域名",     "url",       "urls", "rdns",  "ptr",  "sni",   "cn",      "server",   "webseite"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

/* Before four numbers that are no address. */
static bool names_version(const char *word)
{
    static const char *const words[] = {"version",   "versions", "ver",  "v",        "vers",    "release", "releases", "build",   "builds",
                                        "firmware",  "fw",       "rev",  "revision", "update",  "patch",   "section",  "chapter", "kapitel",
                                        "abschnitt", "oid",      "rfc",  "driver",   "sdk",     "clause",  "figure",   "table",   "versión",
                                        "versione",  "версия",   "版本", "§",        "upgrade", "hotfix",  "article",  "assembly"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

static bool names_message(const char *word)
{
    static const char *const words[] = {"message-id", "in-reply-to", "references", "content-id", "msgid", "resent-message-id", "cid"};
    return is_listed(word, words, ARRAY_SIZE(words));
}

/* Top levels that are as often the end of a file's name or of a name in a program, ... */
static bool is_file_suffix(const char *label)
{
    static const char *const labels[] = {"md", "py", "sh", "pl", "rs", "ps",  "zip", "mov", "cc", "so",   "app",
                                         "am", "ac", "mk", "ml", "do", "pub", "cab", "tf",  "pm", "java", "name"};
    return is_listed(label, labels, ARRAY_SIZE(labels));
}

/* ... or a word of its own where somebody forgot a blank ("done.it"). */
static bool is_word_suffix(const char *label)
{
    static const char *const labels[] = {"is",   "it",   "me",   "no",   "to",   "be",   "my",    "at",    "as",   "us",
                                         "by",   "in",   "id",   "io",   "now",  "here", "today", "how",   "new",  "one",
                                         "you",  "work", "live", "help", "open", "like", "link",  "click", "read", "call",
                                         "best", "cool", "et",   "ne",   "se",   "si",   "la",    "ms"};
    return is_listed(label, labels, ARRAY_SIZE(labels));
}

/* --- adding --- */

/* FNV-1a of type and value. */
static uint64_t hash_of(enum observable_type type, const char *value)
{
    uint64_t hash = (UINT64_C(0xcbf29ce484222325) ^ (uint64_t)type) * UINT64_C(0x100000001b3);
    for (; *value; value++)
        hash = (hash ^ (unsigned char)*value) * UINT64_C(0x100000001b3);
    return hash;
}

/* The slot of the value, or the free one where it belongs. */
static size_t slot_of(const struct extraction *extraction, enum observable_type type, const char *value)
{
    const struct sighting *sightings = extraction->observation->sightings;
    size_t i = hash_of(type, value) & (extraction->slot_count - 1);
    for (; extraction->slots[i]; i = (i + 1) & (extraction->slot_count - 1))
        if (sightings[extraction->slots[i] - 1].type == type && strcmp(sightings[extraction->slots[i] - 1].value, value) == 0)
            break;
    return i;
}

/* Lays out what the observation has by now, with room for as much again. */
static void lay_out(struct extraction *extraction)
{
    const struct observation *observation = extraction->observation;
    size_t count = 256;
    while (count < 4 * (observation->sighting_count + 1))
        count *= 2;
    if (count > extraction->slot_count) {
        free(extraction->slots);
        extraction->slots = mem_calloc(count, sizeof *extraction->slots);
        extraction->slot_count = count;
        extraction->laid_out = 0;
    }
    for (; extraction->laid_out < observation->sighting_count; extraction->laid_out++) {
        const struct sighting *sighting = &observation->sightings[extraction->laid_out];
        extraction->slots[slot_of(extraction, sighting->type, sighting->value)] = (uint32_t)extraction->laid_out + 1;
    }
}

static bool has_value(struct extraction *extraction, enum observable_type type, const char *value)
{
    if (extraction->laid_out < extraction->observation->sighting_count || !extraction->slots)
        lay_out(extraction);
    return extraction->slots[slot_of(extraction, type, value)] != 0;
}

static bool is_full(const struct extraction *extraction)
{
    return extraction->count >= EXTRACT_MAX;
}

/* Whether text is of that type, whatever became of it. */
static bool add(struct extraction *extraction, enum observable_type type, const char *text)
{
    const char *value = observable_read(extraction->scratch, &type, text);
    if (!value)
        return false;
    if (!is_full(extraction) && !has_value(extraction, type, value) &&
        report_add_sighting(extraction->report, extraction->observation, type, ROLE_OTHER, text))
        extraction->count++;
    return true;
}

/* An address that is somebody's: no loopback, no masks, and no version (4.0.0.0). */
static void add_ipv4(struct extraction *extraction, const char *text)
{
    if (!str_starts(text, "127.") && !str_starts(text, "0.") && !str_starts(text, "255.") && !str_ends(text, ".0.0.0"))
        UNUSED(add(extraction, OBSERVABLE_IPV4, text));
}

/* --- URLs --- */

static bool is_scheme(const char *text, size_t size)
{
    static const char *const schemes[] = {"http", "https", "ftp",   "ftps", "sftp", "ws",     "wss", "tcp",        "udp",
                                          "ssh",  "ldap",  "ldaps", "smb",  "rtsp", "telnet", "rmi", "stratum+tcp"};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strlen(schemes[i]) == size && strncasecmp(schemes[i], text, size) == 0)
            return true;
    return false;
}

/* AsciiDoc has what is shown for a URL in brackets behind it; an IPv6 address has its own. */
static void cut_shown(char *url)
{
    char *host = strstr(url, "://"), *open = host ? host + 3 + strcspn(host + 3, "?#[") : NULL;
    if (!open || *open != '[' || open == host + 3 || open[-1] == '@')
        return;
    const char *close = strchr(open, ']');
    if (!close || !close[1 + strspn(close + 1, ".,;:!?'*_)")])
        *open = '\0';
}

/* How many more brackets it opens than it closes. */
static long open_brackets(const char *url)
{
    long open = 0;
    for (; *url; url++)
        open += (*url == '(') - (*url == ')');
    return open;
}

/* Cut where the URL ends: what closes a sentence, a quotation or a bracket that was opened before it is no part of it. */
static void cut_url(char *url)
{
    char *link = strstr(url, "](");
    if (link)
        *link = '\0';
    url[strcspn(url, "\"`|{}")] = '\0';
    cut_shown(url);
    char *end = url + strlen(url);
    for (long open = open_brackets(url); end > url && (strchr(".,;:!?'*_]", end[-1]) || (end[-1] == ')' && open < 0)); *--end = '\0')
        open += end[-1] == ')';
}

enum { WRAPPED_MAX = 4 };

/* What a gateway hid is what is meant; how it was written stays beside it. */
static char *unwrap(struct extraction *extraction, char *url, const char **raw)
{
    char *inner = url, *next;
    for (unsigned depth = 0; depth < WRAPPED_MAX && (next = extract_unwrap(extraction->scratch, inner)); depth++)
        inner = next;
    if (inner == url || !observable_url(extraction->scratch, inner))
        return url;
    *raw = *raw ? *raw : arena_strdup(extraction->scratch, url);
    return inner;
}

/* raw: the word as it was before its defanging was undone, where all of it is the URL; else NULL. */
static void add_url(struct extraction *extraction, char *url, const char *raw)
{
    if (!is_scheme(url, strcspn(url, ":")))
        return;
    cut_url(url);
    url = unwrap(extraction, url, &raw);
    const char *value = observable_url(extraction->scratch, url);
    size_t before = extraction->count;
    if (!value || !add(extraction, OBSERVABLE_URL, url))
        return;
    if (raw && extraction->count > before) {
        char *original = arena_strdup(report_row_arena(extraction->report), raw);
        cut_url(original);
        extraction->observation->sightings[extraction->observation->sighting_count - 1].original = original;
    }
    const char *host = observable_url_host(extraction->scratch, value), *address = observable_url_address(extraction->scratch, value);
    if (host)
        UNUSED(add(extraction, OBSERVABLE_DOMAIN, host));
    else if (address && strchr(address, ':'))
        UNUSED(add(extraction, OBSERVABLE_IPV6, address));
    else if (address)
        add_ipv4(extraction, address);
}

/* --- tokens: each true where the token is taken, or known to be nothing --- */

static bool is_all(const char *text, int (*is)(int))
{
    for (; *text; text++)
        if (!is((unsigned char)*text))
            return false;
    return true;
}

static bool add_hash(struct extraction *extraction, const char *text)
{
    const char *colon = strchr(text, ':');
    text = colon ? colon + 1 : text;
    /* All digits, or none, is a number or a word. */
    return is_all(text, isxdigit) && !is_all(text, isdigit) && !is_all(text, isalpha) && add(extraction, OBSERVABLE_MD5, text);
}

/* "198.51.100.7-198.51.100.9" */
static bool add_range(struct extraction *extraction, char *text)
{
    char *dash = strchr(text, '-');
    if (!dash || strspn(text, "0123456789.-") != strlen(text) || strchr(dash + 1, '-'))
        return false;
    *dash = '\0';
    bool is_range = report_add_range(extraction->report, extraction->observation, ROLE_OTHER, text, dash + 1);
    *dash = '-';
    extraction->count += is_range;
    return is_range;
}

/* "198.51.100.7", with a port or a prefix length behind it; true where it looks like numbers with dots, whatever came of it. */
static bool add_dotted(struct extraction *extraction, char *text)
{
    size_t size = strspn(text, "0123456789.");
    unsigned dots = 0;
    for (size_t i = 0; i < size; i++)
        dots += text[i] == '.';
    if (dots != 3 || (text[size] && text[size] != ':' && text[size] != '/'))
        return false;
    if (names_version(extraction->context) && !text[size])
        return true;
    if (text[size] == '/' && text[size + 1] && is_all(text + size + 1, isdigit)) {
        UNUSED(add(extraction, OBSERVABLE_CIDR, text));
        return true;
    }
    if (text[size] == '/' || (text[size] == ':' && (strspn(text + size + 1, "0123456789") == strcspn(text + size + 1, "/"))))
        text[size] = '\0';
    add_ipv4(extraction, text);
    return true;
}

/* Only global unicast (2000::/3): "std::set" and times of day are no addresses. */
static bool add_ipv6(struct extraction *extraction, const char *text)
{
    if (!strchr("23", *text) || !strchr(text, ':') || strspn(text, "0123456789abcdefABCDEF:/.") != strlen(text))
        return false;
    unsigned colons = 0;
    for (const char *at = text; *at; at++)
        colons += *at == ':';
    if (colons < 2 || (colons < 7 && !strstr(text, "::")))
        return false;
    UNUSED(add(extraction, strchr(text, '/') ? OBSERVABLE_CIDR : OBSERVABLE_IPV6, text));
    return true;
}

static bool add_mac(struct extraction *extraction, const char *text)
{
    if (strlen(text) != 17 || (text[2] != ':' && text[2] != '-'))
        return false;
    for (size_t i = 5; i < 17; i += 3)
        if (text[i] != text[2])
            return false;
    return add(extraction, OBSERVABLE_MAC, text);
}

/* "CVE-2026-0001/CVE-2026-0002", and "CVE 2026-0001". */
static bool add_cve(struct extraction *extraction, char *text)
{
    bool is_alone = str_equal(extraction->context, "cve") && strspn(text, "0123456789-") == strlen(text);
    if (!is_alone && strncasecmp(text, "CVE-", 4) != 0)
        return false;
    size_t size = strspn(text, "CVEcve-0123456789");
    char *next = text[size] == '/' ? text + size + 1 : NULL;
    text[size] = '\0';
    bool is_cve = add(extraction, OBSERVABLE_CVE, is_alone ? arena_printf(extraction->scratch, "CVE-%s", text) : text);
    return (next && add_cve(extraction, next)) || is_cve;
}

/* "AS64500" in capitals, "ASN 64500": lower case and "as 5" are words. */
static bool add_asn(struct extraction *extraction, const char *text)
{
    size_t prefix = str_starts(text, "ASN") ? 3 : str_starts(text, "AS") ? 2 : 0;
    if (!text[prefix] || !is_all(text + prefix, isdigit) || (prefix == 0 && !str_equal(extraction->context, "asn")))
        return false;
    return add(extraction, OBSERVABLE_ASN, text + prefix);
}

static bool add_email(struct extraction *extraction, char *text)
{
    if (str_starts_nocase(text, "mailto:"))
        text += 7;
    text[strcspn(text, "?")] = '\0';
    if (!strchr(text, '@') || *text == '@')
        return false;
    if (!names_message(extraction->context))
        UNUSED(add(extraction, OBSERVABLE_EMAIL, text));
    return true;
}

static int is_capital_or_mark(int c)
{
    return !islower(c);
}

/*
 * Whether a name that nobody defanged is meant as a domain. Prose is full of file names, abbreviations and missing blanks, so the suffix
 * must be one that ICANN delegates, in lower case, and where it is as often something else the word before or a third label must speak for
 * it.
 */
static bool is_meant(const struct extraction *extraction, const char *text, const char *domain, char next)
{
    const char *last = strrchr(domain, '.') + 1;
    const char *written = text + strlen(text) - (text[strlen(text) - 1] == '.');
    while (written > text && written[-1] != '.')
        written--;
    const char *suffix = public_suffix_of(domain);
    if (!suffix)
        return false;
    if (str_starts(domain, "www.") || names_host(extraction->context))
        return true;
    if (next == '(' || next == '=' || next == '[' || strchr(domain, '_'))
        return false;
    if (is_all(written, isalpha) && !is_all(written, islower))
        return is_all(text, is_capital_or_mark) && str_equal(last, "com");
    /* "com.py" is nobody's file. */
    if (strchr(suffix, '.'))
        return true;
    bool has_three = strchr(domain, '.') + 1 < last;
    return !is_file_suffix(last) && (has_three || (!is_word_suffix(last) && domain[1] != '.'));
}

static void add_domain(struct extraction *extraction, char *text, char next)
{
    if (*text == '@' && !extraction->was_defanged)
        return; /* somebody's name at a social network */
    text += *text == '@';
    text[strcspn(text, "/")] = '\0';
    char *colon = strchr(text, ':');
    if (colon && colon[1] && is_all(colon + 1, isdigit))
        *colon = '\0';
    if (!strchr(text, '.'))
        return;
    const char *domain = observable_normalise(extraction->scratch, OBSERVABLE_DOMAIN, text);
    if (domain && (extraction->was_defanged || is_meant(extraction, text, domain, next)))
        UNUSED(add(extraction, OBSERVABLE_DOMAIN, domain));
}

static const char separators[] = "=,;|()[]{}\"'";

static void remember(struct extraction *extraction, const char *text)
{
    while (*text && (strchr(separators, *text) || strchr("*_-.:`#", *text)))
        text++;
    size_t size = strcspn(text, separators);
    while (size > 0 && strchr("*_-.:`!?", text[size - 1]))
        size--;
    extraction->context[0] = '\0';
    if (size == 0 || size > CONTEXT_SIZE_MAX)
        return;
    memcpy(extraction->context, text, size);
    extraction->context[size] = '\0';
    str_lower(extraction->context);
}

/* "domain:evil.example", "IP:198.51.100.7": what is said before the colon is as a word before it. Past it, or text itself. */
static char *skip_label(struct extraction *extraction, char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
    if (size < 2 || size > 20 || text[size] != ':' || text[size + 1] == ':' || strchr(text, '@') || !strchr(text + size, '.') ||
        str_starts_nocase(text, "tel:"))
        return text;
    char *label = arena_strndup(extraction->scratch, text, size);
    remember(extraction, label);
    return text + size + 1 + strspn(text + size + 1, "*_-.:`#~");
}

/* "198.51.100.1#53", as name servers log it. */
static void cut_port(char *text)
{
    char *mark = strchr(text, '#');
    if (mark && mark[1] && is_all(mark + 1, isdigit) && strspn(text, "0123456789abcdefABCDEF.:") == (size_t)(mark - text))
        *mark = '\0';
}

static void add_token(struct extraction *extraction, struct token token)
{
    char *text = token.text;
    while (*text && strchr("*_-.:`#~", *text))
        text++;
    bool is_code = *text == '+' && text[1] && !isdigit((unsigned char)text[1]);
    text += is_code;
    size_t size = strlen(text);
    while (size > 0 && (strchr("*_-.:`!?~", text[size - 1]) || (is_code && text[size - 1] == '+')))
        text[--size] = '\0';
    text = skip_label(extraction, text);
    cut_port(text);
    size = strlen(text);
    if (size < 4 && !str_equal(extraction->context, "asn"))
        return;
    if (str_starts_nocase(text, "tel:"))
        UNUSED(add(extraction, OBSERVABLE_PHONE, text));
    else if (!add_cve(extraction, text) && !add_asn(extraction, text) && !add_range(extraction, text) && !add_dotted(extraction, text) &&
             !add_ipv6(extraction, text) && !add_mac(extraction, text) && !add_hash(extraction, text) &&
             !(size >= 26 && add(extraction, OBSERVABLE_CRYPTO, text)) && !add_email(extraction, text))
        add_domain(extraction, text, token.next);
}

/* --- words --- */

static void add_tokens(struct extraction *extraction, char *word)
{
    for (char *at = word; *at;) {
        size_t length = strcspn(at, separators);
        struct token token = {.text = at, .next = at[length]};
        at[length] = '\0';
        if (length)
            add_token(extraction, token);
        at += length + (token.next != '\0');
        if (length && (token.next == '=' || token.next == ','))
            remember(extraction, token.text);
    }
}

/* The URL of a word with what may stand around it; what is before it are tokens. */
static void add_part(struct extraction *extraction, const char *raw, size_t size)
{
    char *word = observable_refang(extraction->scratch, raw, size, &extraction->was_defanged);
    char *scheme = strstr(word, "://"), *behind = scheme ? scheme + 3 : NULL;
    while (scheme && scheme > word && (isalpha((unsigned char)scheme[-1]) || scheme[-1] == '+'))
        scheme--;
    if (scheme && *scheme == '+') { /* AsciiDoc has code in "+" */
        scheme++;
        size_t length = strlen(scheme);
        while (length && strchr("+`,;.)", scheme[length - 1]))
            scheme[--length] = '\0';
    }
    if (scheme && extraction->was_defanged && !is_scheme(scheme, (size_t)(behind - 3 - scheme))) {
        /* Nobody's scheme, but a host that somebody hid. */
        behind[strcspn(behind, "/?#\\")] = '\0';
        *scheme = '\0';
        add_tokens(extraction, behind);
    } else if (scheme) {
        const char *whole = scheme == word && extraction->was_defanged ? arena_strndup(extraction->scratch, raw, size) : NULL;
        add_url(extraction, arena_strdup(extraction->scratch, scheme), whole);
        *scheme = '\0';
    }
    add_tokens(extraction, word);
}

/* "[http://a.example](http://b.example)": from the last to the first where brackets part several URLs. */
static void add_word(struct extraction *extraction, const char *raw, size_t size)
{
    bool has_links = memmem(raw, size, "](", 2) != NULL, is_parted = false;
    char *word = has_links ? observable_refang(extraction->scratch, raw, size, NULL) : NULL, *first = word ? strstr(word, "://") : NULL;
    for (char *at = first ? word + strlen(word) : NULL; first && --at > first;) {
        if (at[0] != ']' || at[1] != '(' || !(is_parted || strstr(at, "://")))
            continue;
        is_parted = true;
        add_part(extraction, at + 2, strlen(at + 2));
        *at = '\0';
    }
    add_part(extraction, is_parted ? word : raw, is_parted ? strlen(word) : size);
}

/* --- words that are lists --- */

/* "http:", "hxxps[:]", ...: a URL begins here. */
static bool is_start(const char *text, const char *end)
{
    static const char *const words[] = {"http", "hxxp", "h**p", "htxp", "hxtp", "ftp", "fxp"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *at = text + strlen(words[i]);
        if (at >= end || strncasecmp(text, words[i], strlen(words[i])) != 0)
            continue;
        at += *at == 's' || *at == 'S';
        return at < end && (*at == ':' || (at + 1 < end && at[0] == '[' && at[1] == ':'));
    }
    return false;
}

static const char list_marks[] = ",;|'\"";

/* Where a URL within a list begins: behind one of the marks. */
static const char *find_start(const char *text, const char *end)
{
    for (const char *at = text + 1; at < end; at++)
        if (strchr(list_marks, at[-1]) && is_start(at, end))
            return at;
    return NULL;
}

/* What opened a URL closes it; else another URL does, unless the first is asked for it ("?u=a,http://b"). */
static const char *find_end(const char *url, const char *end, char opener)
{
    const char *close = opener ? memchr(url, opener, (size_t)(end - url)) : NULL;
    if (close)
        return close;
    const char *next = find_start(url, end);
    return next && !memchr(url, '?', (size_t)(next - url)) ? next - 1 : end;
}

/* "1,http://a.example/,http://b.example/", {"url":"http://a.example/","ip":"192.0.2.1"}: each for itself. */
static void add_words(struct extraction *extraction, const char *at, size_t size)
{
    char opener = '\0';
    for (const char *end = at + size; at < end;) {
        const char *stop = end;
        if (is_start(at, end)) {
            stop = find_end(at, end, opener);
            opener = '\0';
        } else {
            const char *start = find_start(at, end);
            stop = start ? start - 1 : end;
        }
        if (stop > at)
            add_word(extraction, at, (size_t)(stop - at));
        if (stop < end)
            opener = *stop;
        at = stop < end ? stop + 1 : end;
    }
}

/* How much of a list that is longer than any word is taken at once: up to the mark before its last URL there, else up to a mark; 0 where it
 * begins with something longer than that. */
static size_t part_of_list(const char *at, const char *end)
{
    size_t url = 0, mark = 0, size = (size_t)(end - at), before = strchr(list_marks, *at) != NULL;
    if (size <= WORD_SIZE_MAX)
        return size;
    if (is_start(at + before, end) && find_end(at + before, end, before ? *at : '\0') >= at + WORD_SIZE_MAX)
        return 0;
    for (size_t i = 1; i < WORD_SIZE_MAX; i++) {
        if (!strchr(list_marks, at[i]))
            continue;
        mark = i;
        url = is_start(at + i + 1, end) ? i : url;
    }
    return url ? url : mark;
}

/* Minified JSON, a line of many values: what stands between two marks and is longer than a word is none. */
static void add_list(struct extraction *extraction, const char *at, size_t size)
{
    const char *end = at + size;
    while (at < end && !is_full(extraction)) {
        size_t part = part_of_list(at, end);
        if (part)
            add_words(extraction, at, part);
        at += part ? part : WORD_SIZE_MAX;
        while (!part && at < end && !strchr(list_marks, *at))
            at++;
        arena_reset(extraction->scratch);
    }
}

/* The size of "198.51.100.0 - 198.51.100.255", as registries write what somebody has, where it is one network; else 0. */
static size_t add_inetnum(struct extraction *extraction, const char *at)
{
    static const char number[] = "0123456789.", mark[] = " - ";
    size_t first = strspn(at, number), second = strncmp(at + first, mark, 3) == 0 ? strspn(at + first + 3, number) : 0;
    if (first < 7 || second < 7 || first > 15 || second > 15)
        return 0;
    const char *values[OBSERVABLE_RANGE_MAX];
    enum observable_type types[OBSERVABLE_RANGE_MAX];
    const char *low = arena_strndup(extraction->scratch, at, first), *high = arena_strndup(extraction->scratch, at + first + 3, second);
    bool is_network = observable_address_range(extraction->scratch, low, high, values, types) == 1 && types[0] == OBSERVABLE_CIDR;
    return is_network && add(extraction, OBSERVABLE_CIDR, values[0]) ? first + 3 + second : 0;
}

/* The size of what stands between "<" and ">" where it is a URL that lines were broken in (RFC 3986, appendix C); else 0. */
static size_t add_delimited(struct extraction *extraction, const char *at, const char *end)
{
    size_t size = strcspn(at, "<> \t"), length = 0;
    if (at[size] != '>' || size > WORD_SIZE_MAX || !is_start(at, end) || !memchr(at, '\n', size))
        return 0;
    char *whole = arena_strndup(extraction->scratch, at, size);
    for (size_t i = 0; i < size; i++)
        if (at[i] != '\n' && at[i] != '\r')
            whole[length++] = at[i];
    add_words(extraction, whole, length);
    return size;
}

size_t extract_observables(const char *text, struct report *report, struct observation *observation)
{
    static const char blanks[] = " \t\n\r<>";
    struct extraction extraction = {.report = report, .observation = observation, .scratch = arena_new()};
    char *clean = extract_clean(text);
    const char *end = clean + strlen(clean);
    const char *at = clean;
    while (*at && !is_full(&extraction)) {
        bool is_delimited = at > clean && at[-1] == '<';
        size_t taken = is_delimited ? add_delimited(&extraction, at, end) : add_inetnum(&extraction, at);
        size_t size = taken ? taken : strcspn(at, blanks);
        if (!taken && size > 0 && size <= WORD_SIZE_MAX) {
            add_words(&extraction, at, size);
            char *word = arena_strndup(extraction.scratch, at, size);
            remember(&extraction, word);
        } else if (!taken) {
            add_list(&extraction, at, size);
        }
        arena_reset(extraction.scratch);
        at += size;
        at += strspn(at, blanks);
    }
    if (*at && is_full(&extraction))
        report_reject(report, "text", EXTRACT_MAX_TEXT " values were found; the rest of it was not looked through");
    free(clean);
    free(extraction.slots);
    arena_free(extraction.scratch);
    return extraction.count;
}
