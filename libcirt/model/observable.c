#include "model/observable.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <idn2.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { DOMAIN_SIZE_MAX = 253, LABEL_SIZE_MAX = 63, URL_SIZE_MAX = 8192, TEXT_SIZE_MAX = 64 * 1024 };

static const char *const type_names[OBSERVABLE_TYPE_COUNT] = {
    [OBSERVABLE_IPV4] = "ipv4",         [OBSERVABLE_IPV6] = "ipv6",
    [OBSERVABLE_CIDR] = "cidr",         [OBSERVABLE_ASN] = "asn",
    [OBSERVABLE_DOMAIN] = "domain",     [OBSERVABLE_URL] = "url",
    [OBSERVABLE_EMAIL] = "email",       [OBSERVABLE_MD5] = "md5",
    [OBSERVABLE_SHA1] = "sha1",         [OBSERVABLE_SHA256] = "sha256",
    [OBSERVABLE_SHA512] = "sha512",     [OBSERVABLE_CVE] = "cve",
    [OBSERVABLE_MAC] = "mac",           [OBSERVABLE_USER_AGENT] = "user-agent",
    [OBSERVABLE_FILENAME] = "filename", [OBSERVABLE_COUNTRY] = "country",
    [OBSERVABLE_TEXT] = "text",         [OBSERVABLE_CRYPTO] = "crypto",
    [OBSERVABLE_PHONE] = "phone",
};

const char *observable_type_name(enum observable_type type)
{
    return type >= OBSERVABLE_IPV4 && type < OBSERVABLE_TYPE_COUNT ? type_names[type] : NULL;
}

bool observable_type_parse(const char *name, enum observable_type *type)
{
    for (size_t i = OBSERVABLE_IPV4; i < OBSERVABLE_TYPE_COUNT; i++) {
        if (str_equal_nocase(name, type_names[i])) {
            *type = (enum observable_type)i;
            return true;
        }
    }
    return false;
}

/* --- addresses --- */

static const char *normalise_ipv4(struct arena *arena, const char *text)
{
    struct in_addr address;
    char out[INET_ADDRSTRLEN];
    if (inet_pton(AF_INET, text, &address) != 1 || address.s_addr == 0)
        return NULL;
    return arena_strdup(arena, inet_ntop(AF_INET, &address, out, sizeof out));
}

static const char *normalise_ipv6(struct arena *arena, const char *text)
{
    struct in6_addr address;
    char out[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, text, &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_UNSPECIFIED(&address))
        return NULL;
    return arena_strdup(arena, inet_ntop(AF_INET6, &address, out, sizeof out));
}

/* The IPv4 address inside ::ffff:a.b.c.d, or NULL. */
static const char *mapped_ipv4(struct arena *arena, const char *text)
{
    struct in6_addr address;
    char out[INET_ADDRSTRLEN];
    if (inet_pton(AF_INET6, text, &address) != 1 || !IN6_IS_ADDR_V4MAPPED(&address))
        return NULL;
    return normalise_ipv4(arena, inet_ntop(AF_INET, &address.s6_addr[12], out, sizeof out));
}

static void clear_host_bits(unsigned char *bytes, size_t size, unsigned length)
{
    for (size_t i = 0; i < size; i++) {
        unsigned kept = length > i * 8 ? length - (unsigned)i * 8 : 0;
        if (kept < 8)
            bytes[i] = (unsigned char)(bytes[i] & (0xFF00 >> kept));
    }
}

/* A length of 0 names everybody, so it names nobody: refused. */
static const char *normalise_cidr(struct arena *arena, const char *text)
{
    const char *slash = strchr(text, '/');
    if (!slash || slash - text >= INET6_ADDRSTRLEN)
        return NULL;
    char address[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int64_t length;
    if (inet_pton(family, address, bytes) != 1 || !str_to_int64(slash + 1, 1, family == AF_INET ? 32 : 128, &length))
        return NULL;
    clear_host_bits(bytes, family == AF_INET ? 4 : 16, (unsigned)length);
    return arena_printf(arena, "%s/%d", inet_ntop(family, bytes, out, sizeof out), (int)length);
}

static const char *normalise_asn(struct arena *arena, const char *text)
{
    int64_t number;
    if (str_starts_nocase(text, "asn"))
        text += 3;
    else if (str_starts_nocase(text, "as"))
        text += 2;
    while (*text == ' ')
        text++;
    if (!str_to_int64(text, 1, UINT32_MAX, &number))
        return NULL;
    return arena_printf(arena, "%u", (unsigned)number);
}

/* --- names --- */

/* Letters, digits, "-" inside, and "_" (service names) in at least two labels; the last is no number, else it would be an address. */
static bool is_ascii_domain(const char *name)
{
    size_t label = 0, labels = 0;
    bool all_digits = true;
    for (const char *c = name;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > LABEL_SIZE_MAX || c[-1] == '-')
                return false;
            labels++;
            if (*c == '\0')
                return labels >= 2 && !all_digits && c - name <= DOMAIN_SIZE_MAX;
            label = 0;
            all_digits = true;
            continue;
        }
        if (!(isalnum((unsigned char)*c) || *c == '_' || (*c == '-' && label > 0)))
            return false;
        all_digits = all_digits && isdigit((unsigned char)*c);
        label++;
    }
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* UTS #46 non-transitional to A-labels, as browsers do. */
static const char *to_a_labels(struct arena *arena, const char *name)
{
    uint8_t *ascii = NULL;
    if (strlen(name) > DOMAIN_SIZE_MAX * 4 || !str_is_utf8(name, strlen(name), NULL) ||
        idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return NULL;
    const char *copy = arena_strdup(arena, (const char *)ascii);
    idn2_free(ascii);
    return copy;
}

static const char *normalise_domain(struct arena *arena, const char *text)
{
    if (!is_ascii(text) && !(text = to_a_labels(arena, text)))
        return NULL;
    size_t size = strlen(text);
    if (size && text[size - 1] == '.')
        size--;
    if (size == 0 || size > DOMAIN_SIZE_MAX)
        return NULL;
    char *name = arena_strndup(arena, text, size);
    str_lower(name);
    return is_ascii_domain(name) ? name : NULL;
}

static const char *normalise_email(struct arena *arena, const char *text)
{
    const char *at = strrchr(text, '@');
    if (!at || at == text || at - text > 64)
        return NULL;
    for (const char *c = text; c < at; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("@<>()[],;:\\\"", *c))
            return NULL;
    if (!str_is_utf8(text, (size_t)(at - text), NULL))
        return NULL;
    const char *domain = normalise_domain(arena, at + 1);
    return domain ? arena_printf(arena, "%.*s@%s", (int)(at - text), text, domain) : NULL;
}

/* --- URLs (RFC 3986), read as tolerantly as what phishing kits produce needs --- */

struct url_parts {
    const char *scheme, *user, *host, *port, *rest;
    size_t scheme_size, user_size, host_size, port_size;
};

static bool split_url(const char *text, struct url_parts *parts)
{
    const char *colon = strstr(text, "://");
    if (!colon || colon == text || !isalpha((unsigned char)*text))
        return false;
    for (const char *c = text; c < colon; c++)
        if (!isalnum((unsigned char)*c) && !strchr("+.-", *c))
            return false;
    const char *authority = colon + 3;
    const char *end = authority + strcspn(authority, "/?#\\");
    const char *at = memrchr(authority, '@', (size_t)(end - authority));
    const char *host = at ? at + 1 : authority;
    const char *host_end = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : memchr(host, ':', (size_t)(end - host));
    if (*host == '[' && !host_end)
        return false;
    if (*host == '[')
        host_end++;
    if (!host_end)
        host_end = end;
    *parts = (struct url_parts){.scheme = text, .scheme_size = (size_t)(colon - text), .user = authority, .host = host, .rest = end};
    parts->user_size = at ? (size_t)(at - authority) + 1 : 0;
    parts->host_size = (size_t)(host_end - host);
    if (host_end < end && *host_end != ':')
        return false;
    parts->port = host_end < end ? host_end + 1 : end;
    parts->port_size = (size_t)(end - parts->port);
    return true;
}

static const char *normalise_host(struct arena *arena, const char *host, size_t size)
{
    char *copy = arena_strndup(arena, host, size);
    if (size > 2 && copy[0] == '[') {
        copy[size - 1] = '\0';
        struct in6_addr address;
        char out[INET6_ADDRSTRLEN];
        if (inet_pton(AF_INET6, copy + 1, &address) != 1)
            return NULL;
        return arena_printf(arena, "[%s]", inet_ntop(AF_INET6, &address, out, sizeof out));
    }
    const char *address = normalise_ipv4(arena, copy);
    return address ? address : normalise_domain(arena, copy);
}

/* ":8443", or "" for none and for the scheme's own; NULL where it is no port. */
static const char *normalise_port(struct arena *arena, const char *scheme, const char *port, size_t size)
{
    static const struct {
        const char *scheme;
        int port;
    } defaults[] = {{"http", 80}, {"https", 443}, {"ftp", 21}, {"ws", 80}, {"wss", 443}};
    int64_t number;
    if (size == 0)
        return "";
    if (!str_to_int64(arena_strndup(arena, port, size), 0, 65535, &number))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (str_equal(scheme, defaults[i].scheme) && number == defaults[i].port)
            return "";
    return arena_printf(arena, ":%d", (int)number);
}

static const char *normalise_url(struct arena *arena, const char *text)
{
    struct url_parts parts;
    size_t size = strlen(text);
    if (size > URL_SIZE_MAX || !str_is_utf8(text, size, NULL) || !split_url(text, &parts))
        return NULL;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F)
            return NULL;
    char *scheme = arena_strndup(arena, parts.scheme, parts.scheme_size);
    str_lower(scheme);
    const char *host = normalise_host(arena, parts.host, parts.host_size);
    const char *port = normalise_port(arena, scheme, parts.port, parts.port_size);
    if (!host || !port)
        return NULL;
    return arena_printf(arena, "%s://%.*s%s%s%s", scheme, (int)parts.user_size, parts.user, host, port, parts.rest);
}

/* --- hashes and identifiers --- */

static const char *normalise_hex(struct arena *arena, const char *text, size_t digits)
{
    if (strlen(text) != digits || strspn(text, "0123456789abcdefABCDEF") != digits)
        return NULL;
    char *copy = arena_strdup(arena, text);
    str_lower(copy);
    return copy;
}

static const char *normalise_cve(struct arena *arena, const char *text)
{
    if (!str_starts_nocase(text, "CVE-"))
        return NULL;
    size_t year = strspn(text + 4, "0123456789");
    const char *number = text + 4 + year;
    size_t digits = *number == '-' ? strspn(number + 1, "0123456789") : 0;
    if (year != 4 || digits < 4 || digits > 19 || number[1 + digits])
        return NULL;
    return arena_printf(arena, "CVE-%s", text + 4);
}

/* aa:bb:cc:dd:ee:ff, aa-bb-.., aabb.ccdd.eeff or twelve digits. */
static const char *normalise_mac(struct arena *arena, const char *text)
{
    char digits[13];
    size_t size = strlen(text), used = 0;
    size_t group = size == 17 ? 2 : size == 14 ? 4 : 12;
    const char *separators = group == 2 ? ":-" : ".";
    for (size_t i = 0; i < size; i++) {
        if (i % (group + 1) == group ? !strchr(separators, text[i]) : !isxdigit((unsigned char)text[i]) || used >= 12)
            return NULL;
        if (i % (group + 1) != group)
            digits[used++] = text[i];
    }
    digits[used] = '\0';
    if (used != 12 || strspn(digits, "0") == 12)
        return NULL;
    str_lower(digits);
    return arena_printf(arena, "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", digits, digits + 2, digits + 4, digits + 6, digits + 8, digits + 10);
}

static const char *normalise_country(struct arena *arena, const char *text)
{
    if (strlen(text) != 2 || !isalpha((unsigned char)text[0]) || !isalpha((unsigned char)text[1]))
        return NULL;
    return arena_printf(arena, "%c%c", toupper((unsigned char)text[0]), toupper((unsigned char)text[1]));
}

static const char *normalise_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text);
    return size <= TEXT_SIZE_MAX && str_is_utf8(text, size, NULL) ? arena_strdup(arena, text) : NULL;
}

/* Without the blanks around it; NULL for what senders write where they have nothing. */
static const char *trim_present(struct arena *arena, const char *text)
{
    static const char *const absent[] = {"-", "0.0.0.0", "::", "n/a", "null", "none", "0.0.0.0/0", "::/0"};
    if (!text)
        return NULL;
    text += strspn(text, " \t\r\n\v\f");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n\v\f", text[size - 1]))
        size--;
    if (size == 0)
        return NULL;
    const char *trimmed = text[size] ? arena_strndup(arena, text, size) : text;
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (str_equal_nocase(trimmed, absent[i]))
            return NULL;
    return trimmed;
}

/* Base58, bech32 and hexadecimal addresses are letters and digits. */
static const char *normalise_crypto(struct arena *arena, const char *text)
{
    size_t size = 0;
    while (isalnum((unsigned char)text[size]))
        size++;
    return text[size] == '\0' && size >= 26 && size <= 120 ? arena_strdup(arena, text) : NULL;
}

/* "+49 (30) 123-456" -> "+4930123456"; without the country it is no number of the world. */
static const char *normalise_phone(struct arena *arena, const char *text)
{
    char out[17] = "+";
    size_t size = 1;
    if (*text++ != '+')
        return NULL;
    for (; *text; text++) {
        if (isdigit((unsigned char)*text) && size < sizeof out - 1)
            out[size++] = *text;
        else if (!strchr(" ()-./", *text))
            return NULL;
    }
    out[size] = '\0';
    return size >= 8 && out[1] != '0' ? arena_strdup(arena, out) : NULL;
}

const char *observable_normalise(struct arena *arena, enum observable_type type, const char *text)
{
    text = trim_present(arena, text);
    if (!text)
        return NULL;
    switch (type) {
    case OBSERVABLE_IPV4:
        return normalise_ipv4(arena, text);
    case OBSERVABLE_IPV6:
        return normalise_ipv6(arena, text);
    case OBSERVABLE_CIDR:
        return normalise_cidr(arena, text);
    case OBSERVABLE_ASN:
        return normalise_asn(arena, text);
    case OBSERVABLE_DOMAIN:
        return normalise_domain(arena, text);
    case OBSERVABLE_URL:
        return normalise_url(arena, text);
    case OBSERVABLE_EMAIL:
        return normalise_email(arena, text);
    case OBSERVABLE_MD5:
        return normalise_hex(arena, text, 32);
    case OBSERVABLE_SHA1:
        return normalise_hex(arena, text, 40);
    case OBSERVABLE_SHA256:
        return normalise_hex(arena, text, 64);
    case OBSERVABLE_SHA512:
        return normalise_hex(arena, text, 128);
    case OBSERVABLE_CVE:
        return normalise_cve(arena, text);
    case OBSERVABLE_MAC:
        return normalise_mac(arena, text);
    case OBSERVABLE_COUNTRY:
        return normalise_country(arena, text);
    case OBSERVABLE_USER_AGENT:
    case OBSERVABLE_FILENAME:
    case OBSERVABLE_TEXT:
        return normalise_text(arena, text);
    case OBSERVABLE_CRYPTO:
        return normalise_crypto(arena, text);
    case OBSERVABLE_PHONE:
        return normalise_phone(arena, text);
    case OBSERVABLE_TYPE_COUNT:
        break;
    }
    return NULL;
}

/* --- guessing --- */

/* Undoes the defanging that people write in prose: hxxp, [.], (.), [dot], [at], [@], [:]. */
static const char *refang(struct arena *arena, const char *text)
{
    static const struct {
        const char *written, *meant;
    } marks[] = {{"[.]", "."},  {"(.)", "."},  {"[dot]", "."}, {"(dot)", "."},  {"[@]", "@"},
                 {"[at]", "@"}, {"(at)", "@"}, {"[:]", ":"},   {"[://]", "://"}};
    char *out = arena_calloc(arena, strlen(text) + 1, 1), *end = out;
    if (str_starts_nocase(text, "hxxp")) {
        end = stpcpy(end, "http");
        text += 4;
    }
    while (*text) {
        size_t i = 0;
        while (i < ARRAY_SIZE(marks) && !str_starts_nocase(text, marks[i].written))
            i++;
        if (i < ARRAY_SIZE(marks)) {
            end = stpcpy(end, marks[i].meant);
            text += strlen(marks[i].written);
        } else {
            *end++ = *text++;
        }
    }
    *end = '\0';
    return out;
}

static const char *guess_address(struct arena *arena, const char *text, enum observable_type *type)
{
    const char *value;
    if ((value = normalise_ipv4(arena, text)) || (value = mapped_ipv4(arena, text))) {
        *type = OBSERVABLE_IPV4;
    } else if ((value = normalise_ipv6(arena, text))) {
        *type = OBSERVABLE_IPV6;
    } else if ((value = normalise_cidr(arena, text))) {
        bool is_v6 = strchr(value, ':') != NULL;
        *type = OBSERVABLE_CIDR;
        if (str_ends(value, is_v6 ? "/128" : "/32")) {
            *type = is_v6 ? OBSERVABLE_IPV6 : OBSERVABLE_IPV4;
            value = arena_strndup(arena, value, (size_t)(strchr(value, '/') - value));
        }
    }
    return value;
}

const char *observable_guess(struct arena *arena, const char *text, enum observable_type *type)
{
    static const enum observable_type by_shape[] = {OBSERVABLE_URL,  OBSERVABLE_EMAIL,  OBSERVABLE_MD5,
                                                    OBSERVABLE_SHA1, OBSERVABLE_SHA256, OBSERVABLE_SHA512,
                                                    OBSERVABLE_CVE,  OBSERVABLE_MAC,    OBSERVABLE_DOMAIN};
    text = trim_present(arena, text);
    if (!text || strlen(text) > URL_SIZE_MAX)
        return NULL;
    text = refang(arena, text);
    if (str_starts_nocase(text, "mailto:"))
        text += 7;
    const char *value = guess_address(arena, text, type);
    if (value)
        return value;
    if (str_starts_nocase(text, "as") && (value = normalise_asn(arena, text))) {
        *type = OBSERVABLE_ASN;
        return value;
    }
    for (size_t i = 0; i < ARRAY_SIZE(by_shape); i++) {
        /* Twelve bare hexadecimal digits may be anything, and dead.beef.cafe is a name too. */
        if (by_shape[i] == OBSERVABLE_MAC && !strpbrk(text, ":-"))
            continue;
        if ((value = observable_normalise(arena, by_shape[i], text))) {
            *type = by_shape[i];
            return value;
        }
    }
    return NULL;
}

const char *observable_host(struct arena *arena, enum observable_type type, const char *value)
{
    struct url_parts parts;
    if (type == OBSERVABLE_DOMAIN)
        return value;
    if (type == OBSERVABLE_EMAIL)
        return strrchr(value, '@') ? strrchr(value, '@') + 1 : NULL;
    if (type != OBSERVABLE_URL || !split_url(value, &parts))
        return NULL;
    return normalise_domain(arena, arena_strndup(arena, parts.host, parts.host_size));
}
