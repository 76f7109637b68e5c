#include "codec/extract.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/extract_clean.h"
#include "codec/extract_digest.h"
#include "codec/extract_unwrap.h"
#include "codec/extract_url.h"
#include "codec/extract_words.h"
#include "model/host_name.h"
#include "model/observable_address.h"
#include "model/observable_domain.h"
#include "model/observable_refang.h"
#include "model/observable_url.h"

enum { WORD_SIZE_MAX = 2048, CONTEXT_SIZE_MAX = 24 };

struct extraction {
    struct report *report;
    struct observation *observation;
    struct arena *scratch; /* of one word */
    size_t count;
    uint32_t *slots; /* of the observation's values, by their numbers from 1; 0: free */
    size_t slot_count, laid_out;
    char context[CONTEXT_SIZE_MAX + 1]; /* the word before, lower case (but "AS"), without what stands around it */
    bool was_defanged, was_escaped;     /* this word; by nothing but "\\" */
    bool is_alone, is_flow;             /* it is all of its line; " > " stands before or behind it */
    bool is_labelled;                   /* "outside:" stands directly before it */
    bool keeps_context;                 /* the word before speaks for the next one too: "sites a.example, b.example and c.example" */
};

/* A piece of a word between separators. */
struct token {
    char *text;
    char next; /* the separator behind it, or NUL */
};

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
    if (!extract_is_scheme(url, strcspn(url, ":")))
        return;
    extract_cut_url(url);
    url = unwrap(extraction, url, &raw);
    const char *value = observable_url(extraction->scratch, url);
    size_t before = extraction->count;
    if (!value || !add(extraction, OBSERVABLE_URL, url))
        return;
    if (raw && extraction->count > before) {
        char *original = arena_strdup(report_row_arena(extraction->report), raw);
        extract_cut_url(original);
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

static bool add_hash(struct extraction *extraction, const char *text)
{
    enum { MD5_SIZE = 32 };
    const char *colon = strchr(text, ':');
    bool is_pair = colon && colon - text == MD5_SIZE; /* of a user's password, as Windows keeps it */
    text = colon ? colon + 1 : text;
    if (extract_is_all(text, isxdigit) && (is_pair || extract_names_other_digest(extraction->context)))
        return true;
    /* All digits, or none, is a number or a word. */
    return extract_is_all(text, isxdigit) && !extract_is_all(text, isdigit) && !extract_is_all(text, isalpha) &&
           add(extraction, OBSERVABLE_MD5, text);
}

/* "198.51.100.7-198.51.100.9", "198.51.100.7-9", and of IPv6 what add_ipv6() takes. */
static bool add_range(struct extraction *extraction, char *text)
{
    char *dash = strchr(text, '-');
    const char *marks = strchr(text, ':') && strchr("23", *text) ? "0123456789abcdefABCDEF:.-" : "0123456789.-";
    if (!dash || strspn(text, marks) != strlen(text) || strchr(dash + 1, '-'))
        return false;
    *dash = '\0';
    bool is_range = report_add_range(extraction->report, extraction->observation, ROLE_OTHER, text, dash + 1);
    *dash = '-';
    extraction->count += is_range;
    return is_range;
}

/* size: of the address before "/". Firewalls write "outside:198.51.100.7/443": that is a port. */
static bool is_network(const struct extraction *extraction, const char *text, size_t size)
{
    enum observable_type type = OBSERVABLE_CIDR;
    const char *network = extract_is_all(text + size + 1, isdigit) ? observable_read(extraction->scratch, &type, text) : NULL;
    return network && (!extraction->is_labelled || strncmp(network, text, size + 1) == 0);
}

/* "version 198.51.100.7" is as certain as "PHP 8.1.2.1", "php: 198.51.100.7" is not. */
static bool is_version(const struct extraction *extraction, const char *text)
{
    enum { PRODUCT_FIRST_MAX = 30 };
    return extract_names_version(extraction->context) || (extract_names_product(extraction->context) && atoi(text) <= PRODUCT_FIRST_MAX);
}

/* "198.51.100.7", with a port, a prefix length or another address behind it; true where it looks like numbers with dots, whatever came of
 * it. */
static bool add_dotted(struct extraction *extraction, char *text)
{
    size_t size = strspn(text, "0123456789.");
    unsigned dots = 0;
    for (size_t i = 0; i < size; i++)
        dots += text[i] == '.';
    if (dots == 4 && extraction->is_flow && !text[size]) { /* "198.51.100.7.53 > 203.0.113.9.4444", as tcpdump writes ports */
        *strrchr(text, '.') = '\0';
        add_ipv4(extraction, text);
        return true;
    }
    /* A sentence behind it, without a blank. */
    if (dots == 4 && text[size - 1] == '.' && (text[size] & 0x80 || extract_begins_sentence(text + size))) {
        size--;
        dots--;
        text[size] = '\0';
    }
    bool is_before_ending = strchr("-:", text[size]) && extract_is_ending(text + size + (text[size] != '\0'), text[size]);
    if (dots == 3 && (text[size] == '&' || is_before_ending)) /* "ip=198.51.100.7&port=..." */
        text[size] = '\0';
    if (dots != 3 || (text[size] && text[size] != ':' && text[size] != '/'))
        return false;
    if (is_version(extraction, text) && !text[size]) {
        extraction->keeps_context = true;
        return true;
    }
    char *behind = text[size] == '/' ? text + size + 1 : NULL;
    if (behind && is_network(extraction, text, size)) {
        UNUSED(add(extraction, OBSERVABLE_CIDR, text));
        return true;
    }
    char *dash = text[size] == ':' ? text + size + 1 + strspn(text + size + 1, "0123456789") : NULL;
    if (dash && *dash == '-') { /* "198.51.100.34:443-198.51.100.35:80" */
        text[size] = '\0';
        behind = dash + 1;
    }
    if (behind || (text[size] == ':' && (strspn(text + size + 1, "0123456789") == strcspn(text + size + 1, "/"))))
        text[size] = '\0';
    add_ipv4(extraction, text);
    if (behind)
        UNUSED(add_dotted(extraction, behind));
    return true;
}

/* Only global unicast (2000::/3): "std::set" and times of day are no addresses. As tcpdump writes it, with a port behind ".". */
static bool add_ipv6(struct extraction *extraction, char *text)
{
    if (!strchr("23", *text) || !strchr(text, ':') || strspn(text, "0123456789abcdefABCDEF:/.") != strlen(text))
        return false;
    unsigned colons = 0;
    char *dot = strchr(text, '.');
    if (dot && extraction->is_flow && extract_is_all(dot + 1, isdigit))
        *dot = '\0';
    for (const char *at = text; *at; at++)
        colons += *at == ':';
    if (colons < 2 || (colons < 7 && !strstr(text, "::")))
        return false;
    UNUSED(add(extraction, strchr(text, '/') ? OBSERVABLE_CIDR : OBSERVABLE_IPV6, text));
    return true;
}

/* Pairs of digits, or three groups of four as Cisco writes it. */
static bool add_mac(struct extraction *extraction, const char *text)
{
    size_t size = strlen(text), step = size == 14 ? 5 : 3;
    if ((size != 17 && size != 14) || (size == 14 ? text[4] != '.' : text[2] != ':' && text[2] != '-'))
        return false;
    for (size_t i = step - 1; i < size; i += step)
        if (text[i] != text[step - 1])
            return false;
    /* "2024.0115.1030" is a date; what is sent to all has no address. */
    bool has_letter = text[strcspn(text, "abcdefABCDEF")] != '\0' || str_equal(extraction->context, "mac");
    return (size != 14 || has_letter) && (strspn(text, "fF:-.") == size || add(extraction, OBSERVABLE_MAC, text));
}

/* "AB:CD:...", as certificates' fingerprints are printed. */
static bool add_pairs(struct extraction *extraction, const char *text)
{
    size_t size = strlen(text), length = 0;
    if (size != 47 && size != 59 && size != 95) /* MD5, SHA-1, SHA-256 */
        return false;
    char *digits = arena_calloc(extraction->scratch, size, 1);
    for (size_t i = 0; i < size; i++) {
        if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
            return false;
        if (i % 3 != 2)
            digits[length++] = text[i];
    }
    return add_hash(extraction, digits);
}

/* "CVE-2026-0001/CVE-2026-0002", "CVE 2026-0001", "CVE_2026_0001", and "CVE2026-0001". Words may follow ("CVE-2026-0001-related"), but no
 * more digits. */
static bool add_cve(struct extraction *extraction, char *text)
{
    bool is_alone = str_equal(extraction->context, "cve") && strspn(text, "0123456789-") == strlen(text);
    size_t prefix = is_alone ? 0 : strncasecmp(text, "CVE", 3) == 0 ? 3 : SIZE_MAX;
    if (prefix == SIZE_MAX)
        return false;
    prefix += prefix && (text[prefix] == '-' || text[prefix] == '_');
    char *number = text + prefix;
    size_t size = strspn(number, "0123456789-_");
    char *next = number[size] == '/' ? number + size + 1 : NULL;
    while (size > 0 && !isdigit((unsigned char)number[size - 1]))
        size--;
    number[size] = '\0';
    for (char *at = strchr(number, '_'); at; at = strchr(at, '_'))
        *at = '-';
    bool is_cve = size && add(extraction, OBSERVABLE_CVE, arena_printf(extraction->scratch, "CVE-%s", number));
    return (next && add_cve(extraction, next)) || is_cve;
}

/* "AS64500" in capitals, "ASN 64500", "AS 64500": lower case, "as 5" and "AS 2026" are words. Of "AS64500-AS64510" the two. */
static bool add_asn(struct extraction *extraction, char *text)
{
    char *range = str_starts(text, "AS") ? strstr(text, "-AS") : NULL;
    if (range && strspn(text + 2, "0123456789") == (size_t)(range - text) - 2 && extract_is_all(range + 3, isdigit)) {
        *range = '\0';
        bool is_first = add_asn(extraction, text);
        return add_asn(extraction, range + 1) || is_first;
    }
    size_t prefix = str_starts(text, "ASN") ? 3 : str_starts(text, "AS") ? 2 : 0, size = strlen(text);
    bool is_year = size == 4 && (str_starts(text, "19") || str_starts(text, "20"));
    bool is_named = str_equal(extraction->context, "asn") || (str_equal(extraction->context, "AS") && size >= 4 && !is_year);
    if (!text[prefix] || !extract_is_all(text + prefix, isdigit) || (prefix == 0 && !is_named))
        return false;
    return add(extraction, OBSERVABLE_ASN, text + prefix);
}

/* With what "bitcoin:...?amount=1" asks for behind it, or without. */
static bool add_wallet(struct extraction *extraction, const char *text)
{
    size_t size = strcspn(text, "?");
    return size >= 26 && add(extraction, OBSERVABLE_CRYPTO, arena_strndup(extraction->scratch, text, size));
}

static bool add_email(struct extraction *extraction, char *text)
{
    size_t size = strcspn(text, "?");
    const char *host = memrchr(text, '@', size);
    if (!host || *text == '@')
        return false;
    text[size] = '\0';
    if (extract_names_message(extraction->context)) {
        extraction->keeps_context = true;
        return true;
    }
    const char *domain = observable_domain_strict(extraction->scratch, ++host);
    if (domain && (extraction->was_defanged || host_name_has_suffix(domain)))
        UNUSED(add(extraction, OBSERVABLE_EMAIL, text));
    else if (*host && strspn(host, "0123456789.") == strlen(host)) /* "root@198.51.100.7" */
        add_ipv4(extraction, host);
    return true;
}

/* Without what was written onto the name: "evil.example.hu-ról", "evil.example-hosted", a word of another script behind ".". False: it has
 * nothing such, or is no host without it. */
static bool cut_ending(struct extraction *extraction, char *text)
{
    char *last = strrchr(text, '.'), *end = last[1] & 0x80 ? last : strchr(last, '-');
    if (!end)
        return false;
    char mark = *end;
    *end = '\0';
    const char *domain = strchr(text, '.') ? observable_domain_strict(extraction->scratch, text) : NULL;
    if (domain && host_name_has_suffix(domain))
        return true;
    *end = mark;
    return false;
}

static void add_domain(struct extraction *extraction, char *text, char next)
{
    if (*text == '@' && !extraction->was_defanged)
        return; /* somebody's name at a social network */
    text += *text == '@';
    struct extract_name name = {.context = extraction->context,
                                .is_defanged = extraction->was_defanged,
                                .is_escaped = extraction->was_escaped,
                                .is_alone = extraction->is_alone};
    size_t size = strcspn(text, "/\\?");
    name.has_path = text[size] == '/' || text[size] == '\\';
    name.next = text[size] ? '\0' : next; /* of "a.example/x?y=z" it is not behind the name */
    text[size] = '\0';
    char *colon = strchr(text, ':');
    name.has_port = colon && colon[1] && extract_is_all(colon + 1, isdigit);
    if (name.has_port || (colon && extract_is_ending(colon + 1, ':')))
        *colon = '\0';
    if (!strchr(text, '.'))
        return;
    name.written = text;
    name.domain = observable_domain_strict(extraction->scratch, text);
    if ((!name.domain || !host_name_has_suffix(name.domain)) && cut_ending(extraction, text))
        name.domain = observable_domain_strict(extraction->scratch, text);
    if (!name.domain || !extract_is_domain(&name))
        return;
    UNUSED(add(extraction, OBSERVABLE_DOMAIN, name.domain));
    extraction->keeps_context = extract_names_host(extraction->context);
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
    if (!str_equal(extraction->context, "AS"))
        str_lower(extraction->context);
}

/* What may stand behind a label and its colon. */
static bool is_labelled(const char *label, const char *text)
{
    if (strchr(text, '@'))
        return extract_names_mail(label) || str_starts_nocase(text, "mailto:");
    /* "ab:cd:..." is a MAC address, or one of IPv6, itself. */
    if (extract_is_all(label, isxdigit) && strchr(text, ':'))
        return false;
    return strchr(text, '.') || strchr(text, ':') || strlen(text) >= 26 || str_starts_nocase(text, "CVE") ||
           (extract_is_all(text, isdigit) && str_starts_nocase(label, "AS"));
}

/* "domain:evil.example", "IP:198.51.100.7", "C2:evil.example": what is said before the colon is as a word before it. Past it, or text
 * itself. */
static char *skip_label(struct extraction *extraction, char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    if (size < 2 || size > 20 || !isalpha((unsigned char)*text) || text[size] != ':' || text[size + 1] == ':' ||
        str_starts_nocase(text, "tel:"))
        return text;
    char *label = arena_strndup(extraction->scratch, text, size), *behind = text + size + 1 + strspn(text + size + 1, "*_-.:`#~");
    if (!is_labelled(label, behind))
        return text;
    remember(extraction, str_equal_nocase(label, "as") ? "asn" : label);
    return behind;
}

/* "198.51.100.1#53", as name servers log it. */
static void cut_port(char *text)
{
    char *mark = strchr(text, '#');
    if (mark && mark[1] && extract_is_all(mark + 1, isdigit) && strspn(text, "0123456789abcdefABCDEF.:") == (size_t)(mark - text))
        *mark = '\0';
}

/* Without what is written around values: emphasis, AsciiDoc's "+...+", the "//" or "\\\\" before a host, "wget+" of a command in a query.
 */
static char *trim_token(char *text)
{
    size_t before = strspn(text, "*_-.:`#~");
    text += before - (before > 0 && extract_is_service(text + before - 1));
    size_t size = strlen(text), plus = strspn(text, "+");
    while (size > 0 && strchr("*_-.:`!?~", text[size - 1]))
        text[--size] = '\0';
    if (plus && plus < size && (text[size - 1] == '+' || !isdigit((unsigned char)text[plus]))) {
        while (text[size - 1] == '+')
            text[--size] = '\0';
        text += plus;
    }
    if (str_starts(text, "//") || str_starts(text, "\\\\")) {
        text += 2;
        text[strcspn(text, "\\")] = '\0';
    }
    plus = strcspn(text, "+");
    if (text[plus] && extract_is_command(text, plus)) {
        text += plus + 1;
        text[strcspn(text, "+")] = '\0';
    }
    return text;
}

/* The letter that Hebrew writes before a foreign word, and "-". */
static char *skip_prefix(char *text)
{
    size_t size = 0;
    while (size < 6 && (unsigned char)text[size] == 0xD7 && text[size + 1])
        size += 2;
    return size && text[size] == '-' && isalnum((unsigned char)text[size + 1]) ? text + size + 1 : text;
}

/* The digits of an OpenPGP key: behind a word that says so, or all capitals behind "fingerprint", where a certificate's are small. */
static bool is_key(const struct extraction *extraction, const char *text)
{
    text += 2 * str_starts(text, "0x");
    bool is_fingerprint = strlen(text) == 40 && !text[strcspn(text, "abcdef")] && str_equal(extraction->context, "fingerprint");
    return extract_is_all(text, isxdigit) && (is_fingerprint || extract_names_key(extraction->context));
}

static void add_token(struct extraction *extraction, struct token token)
{
    char *trimmed = skip_prefix(trim_token(token.text)), *text = skip_label(extraction, trimmed);
    text += extract_size_of_protocol(text);
    extraction->is_labelled = text != trimmed;
    cut_port(text);
    size_t size = strlen(text);
    if (size < 4 && !str_equal(extraction->context, "asn"))
        return;
    if (str_starts_nocase(text, "tel:"))
        UNUSED(add(extraction, OBSERVABLE_PHONE, text));
    else if (!is_key(extraction, text) && !add_cve(extraction, text) && !add_asn(extraction, text) && !add_range(extraction, text) &&
             !add_dotted(extraction, text) && !add_ipv6(extraction, text) && !add_mac(extraction, text) && !add_pairs(extraction, text) &&
             !add_hash(extraction, text) && !add_wallet(extraction, text) && !add_email(extraction, text))
        add_domain(extraction, text, token.next);
}

/* --- words --- */

/* The size of an address that somebody else's was packed into by who sent it, "=" and all ("bounces+1-ann=a.example@b.example"); else 0. */
static size_t size_of_packed(const char *text)
{
    size_t size = strcspn(text, ",;|()[]{}\"'");
    const char *local = memchr(text, '@', size), *equal = local ? memchr(text, '=', (size_t)(local - text)) : NULL;
    bool is_packed = equal && (memchr(text, '+', (size_t)(equal - text)) || str_starts_nocase(text, "SRS0=") ||
                               str_starts_nocase(text, "SRS1=") || str_starts_nocase(text, "bounce"));
    return is_packed ? size : 0;
}

/* Within what stands before "@" an apostrophe between letters parts nothing ("sean.o'connor@bank.example"). */
static size_t size_of_token(const char *text)
{
    enum { LOCAL_SIZE_MAX = 64 };
    size_t size = strcspn(text, separators);
    const char *local_end = memchr(text, '@', strnlen(text, LOCAL_SIZE_MAX + 1));
    while (local_end && size > 0 && text + size < local_end && text[size] == '\'' && isalnum((unsigned char)text[size - 1]) &&
           isalnum((unsigned char)text[size + 1]))
        size += 1 + strcspn(text + size + 1, separators);
    return size;
}

static void add_tokens(struct extraction *extraction, char *word)
{
    char before = '\0';
    for (char *at = word; *at;) {
        size_t packed = size_of_packed(at), length = packed ? packed : size_of_token(at);
        struct token token = {.text = at, .next = at[length]};
        at[length] = '\0';
        /* "=3D" is "=" in what was taken out of a mail as it was sent. */
        token.text += before == '=' && str_starts(at, "3D") ? 2 : 0;
        if (length)
            add_token(extraction, token);
        at += length + (token.next != '\0');
        before = token.next;
        if (length && (token.next == '=' || token.next == ',') && !extraction->keeps_context)
            remember(extraction, token.text);
    }
}

/* The URLs of a word with what may stand around them; what is before the first are tokens. */
static void add_part(struct extraction *extraction, const char *raw, size_t size)
{
    char *word = observable_refang(extraction->scratch, raw, size, &extraction->was_defanged);
    extraction->was_escaped =
        extraction->was_defanged && memchr(raw, '\\', size) && strcspn(arena_strndup(extraction->scratch, raw, size), "[({") == size;
    char *mark = strstr(word, "://"), *scheme = mark ? extract_start_of_scheme(word, mark) : NULL;
    while (scheme) {
        char *behind = scheme > word && scheme[-1] == '+' ? extract_cut_plus(word, scheme) : "";
        if (scheme > word)
            extract_cut_bracket(word, scheme);
        if (extract_is_scheme(scheme, (size_t)(mark - scheme))) {
            const char *whole = scheme == word && extraction->was_defanged ? arena_strndup(extraction->scratch, raw, size) : NULL;
            add_url(extraction, arena_strdup(extraction->scratch, scheme), whole);
        } else { /* nobody's scheme, but a host */
            char *host = arena_strdup(extraction->scratch, mark + 3);
            host[strcspn(host, "/?#\\")] = '\0';
            char *user = strrchr(host, '@');
            add_tokens(extraction, user ? user + 1 : host);
        }
        *scheme = '\0';
        mark = strstr(behind, "://");
        scheme = mark ? extract_start_of_scheme(behind, mark) : NULL;
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

/* The size of a digest that was broken into pieces; else 0. */
static size_t add_pieces(struct extraction *extraction, const char *text, const char *at)
{
    char whole[EXTRACT_DIGEST_SIZE];
    size_t size = extract_digest_halves(at, extraction->context, whole);
    size = size ? size : extract_digest_groups(text, at, whole);
    return size && (is_key(extraction, whole) || add_hash(extraction, whole)) ? size : 0;
}

/* The size of "198.51.100.0 - 198.51.100.255", as registries write what somebody has, where it is one network; else 0. */
static size_t add_inetnum(struct extraction *extraction, const char *at)
{
    static const char number[] = "0123456789.", mark[] = " - ";
    size_t quote = strchr("'\"(", *at) != NULL;
    at += quote;
    size_t first = strspn(at, number), second = strncmp(at + first, mark, 3) == 0 ? strspn(at + first + 3, number) : 0;
    if (first < 7 || second < 7 || first > 15 || second > 15)
        return 0;
    const char *values[OBSERVABLE_RANGE_MAX];
    enum observable_type types[OBSERVABLE_RANGE_MAX];
    const char *low = arena_strndup(extraction->scratch, at, first), *high = arena_strndup(extraction->scratch, at + first + 3, second);
    bool is_network = observable_address_range(extraction->scratch, low, high, values, types) == 1 && types[0] == OBSERVABLE_CIDR;
    return is_network && add(extraction, OBSERVABLE_CIDR, values[0]) ? quote + first + 3 + second : 0;
}

/* Past the end of a line, and past what quotes the next one ("> ") unless that ends there. */
static const char *next_line(const char *at)
{
    at += strspn(at, "\r\n");
    size_t quoted = *at == '>' ? strspn(at, "> \t") : 0;
    return at[quoted] && !strchr("\r\n", at[quoted]) ? at + quoted : at;
}

/* The size of what stands between "<" and ">" where it is a URL that lines were broken in (RFC 3986, appendix C), also lines of a
 * quotation; else 0. */
static size_t add_delimited(struct extraction *extraction, const char *text, const char *end)
{
    size_t length = 0;
    bool is_broken = false;
    const char *at = text;
    char *whole = is_start(text, end) ? arena_calloc(extraction->scratch, WORD_SIZE_MAX, 1) : NULL;
    while (whole && *at && !strchr("<> \t", *at) && length < WORD_SIZE_MAX) {
        if (*at == '\n' || *at == '\r') {
            is_broken = true;
            at = next_line(at);
        } else {
            whole[length++] = *at++;
        }
    }
    if (!is_broken || *at != '>')
        return 0;
    add_words(extraction, whole, length);
    return (size_t)(at - text);
}

static void take_word(struct extraction *extraction, const char *at, size_t size)
{
    const char *word = arena_strndup(extraction->scratch, at, size);
    bool is_row = extraction->keeps_context;
    extraction->keeps_context = false;
    add_words(extraction, at, size);
    if (is_row && extract_joins(word))
        extraction->keeps_context = true;
    else if (!extraction->keeps_context)
        remember(extraction, word);
}

size_t extract_observables(const char *text, struct report *report, struct observation *observation)
{
    static const char blanks[] = " \t\n\r<>";
    struct extraction extraction = {.report = report, .observation = observation, .scratch = arena_new()};
    char *clean = extract_clean(text);
    const char *end = clean + strlen(clean), *at = clean + strspn(clean, blanks);
    bool is_first = true, is_behind_arrow = false;
    while (*at && !is_full(&extraction)) {
        bool is_delimited = at > clean && at[-1] == '<';
        size_t taken = is_delimited ? add_delimited(&extraction, at, end) : add_inetnum(&extraction, at);
        taken = taken ? taken : add_pieces(&extraction, clean, at);
        size_t size = taken ? taken : strcspn(at, blanks), gap = strspn(at + size, blanks);
        bool is_last = !at[size + gap] || memchr(at + size, '\n', gap), is_before_arrow = gap == 3 && memcmp(at + size, " > ", 3) == 0;
        extraction.is_alone = is_first && is_last;
        extraction.is_flow = is_behind_arrow || is_before_arrow;
        if (!taken && size > 0 && size <= WORD_SIZE_MAX)
            take_word(&extraction, at, size);
        else if (!taken)
            add_list(&extraction, at, size);
        arena_reset(extraction.scratch);
        is_first = is_last || (is_first && size == 1);
        is_behind_arrow = is_before_arrow;
        at += size + gap;
    }
    if (*at && is_full(&extraction))
        report_reject(report, "text", EXTRACT_MAX_TEXT " values were found; the rest of it was not looked through");
    free(clean);
    free(extraction.slots);
    arena_free(extraction.scratch);
    return extraction.count;
}
