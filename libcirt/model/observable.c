#include "model/observable.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "model/observable_address.h"
#include "model/observable_domain.h"
#include "model/observable_refang.h"
#include "model/observable_url.h"
#include "model/observable_wallet.h"
#include "model/public_suffix.h"

enum { GUESS_SIZE_MAX = 8192 };

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

/* --- hashes and identifiers --- */

static const struct {
    enum observable_type type;
    size_t digits;
} hashes[] = {{OBSERVABLE_MD5, 32}, {OBSERVABLE_SHA1, 40}, {OBSERVABLE_SHA256, 64}, {OBSERVABLE_SHA512, 128}};

/* "sha256:..." is the hash behind the colon. */
static const char *without_algorithm(const char *text)
{
    static const char *const names[] = {"md5", "sha1", "sha-1", "sha256", "sha-256", "sha512", "sha-512"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_starts_nocase(text, names[i]) && strchr(":=", text[strlen(names[i])]) && text[strlen(names[i])])
            return text + strlen(names[i]) + 1;
    return text;
}

/* "ab:cd:...", as the fingerprints of certificates are written; else the text itself. */
static const char *without_colons(struct arena *arena, const char *text)
{
    enum { SHORTEST = 3 * 16 - 1, LONGEST = 3 * 64 - 1 };
    size_t size = strlen(text), digits = 0;
    if (size < SHORTEST || size > LONGEST || size % 3 != 2)
        return text;
    for (size_t i = 2; i < size; i += 3)
        if (text[i] != ':')
            return text;
    char *out = arena_strdup(arena, text);
    for (size_t i = 0; i < size; i++)
        if (i % 3 != 2)
            out[digits++] = text[i];
    out[digits] = '\0';
    return out;
}

/* The hash of that type; all zeros is how some write none. */
static const char *normalise_hash(struct arena *arena, enum observable_type type, const char *text)
{
    size_t i = 0;
    while (hashes[i].type != type)
        i++;
    text = without_colons(arena, without_algorithm(text));
    if (strlen(text) != hashes[i].digits || strspn(text, "0123456789abcdefABCDEF") != hashes[i].digits ||
        strspn(text, "0") == hashes[i].digits)
        return NULL;
    char *copy = arena_strdup(arena, text);
    str_lower(copy);
    return copy;
}

static const char *guess_hash(struct arena *arena, const char *text, enum observable_type *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        const char *value = normalise_hash(arena, hashes[i].type, text);
        if (value) {
            *type = hashes[i].type;
            return value;
        }
    }
    return NULL;
}

/* The year, and the number with four digits at least and no more zeros before it than that takes. */
static const char *normalise_cve(struct arena *arena, const char *text)
{
    if (!str_starts_nocase(text, "CVE-"))
        return NULL;
    size_t year = strspn(text + 4, "0123456789");
    const char *number = text + 4 + year;
    size_t digits = *number == '-' ? strspn(number + 1, "0123456789") : 0;
    if (year != 4 || digits < 4 || digits > 19 || number[1 + digits])
        return NULL;
    for (number++; digits > 4 && *number == '0'; digits--)
        number++;
    return arena_printf(arena, "CVE-%.4s-%s", text + 4, number);
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

/* ISO 3166-1; the European Union writes two of its own. */
static const char *normalise_country(struct arena *arena, const char *text)
{
    if (strlen(text) != 2 || !isalpha((unsigned char)text[0]) || !isalpha((unsigned char)text[1]))
        return NULL;
    if (str_equal_nocase(text, "UK"))
        return "GB";
    if (str_equal_nocase(text, "EL"))
        return "GR";
    return arena_printf(arena, "%c%c", toupper((unsigned char)text[0]), toupper((unsigned char)text[1]));
}

static const char *normalise_text(struct arena *arena, const char *text)
{
    return str_is_utf8(text, strlen(text), NULL) ? arena_strdup(arena, text) : NULL;
}

static const char *skip_blanks(const char *text, size_t *size)
{
    static const char blanks[] = " \t\r\n\v\f";
    text += strspn(text, blanks);
    *size = strlen(text);
    while (*size && strchr(blanks, text[*size - 1]))
        --*size;
    return text;
}

/* 0.0.0.0 in any spelling: "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0", "000.000.000.000", "[::]:0", as a network of its own, with a port. */
static bool is_no_address(const char *text, size_t size)
{
    char copy[64], *end;
    if (size >= sizeof copy || (strspn(text, "0:.[]/fF") < size && !memchr(text, '.', size) && !memchr(text, ':', size)))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if ((end = strchr(copy, '/'))) {
        if (!str_equal(end, "/0") && !str_equal(end, "/32") && !str_equal(end, "/128"))
            return false;
        *end = '\0';
    }
    char *host = copy + (*copy == '[');
    end = *copy == '[' ? strchr(host, ']') : strchr(host, '.') ? strchr(strchr(host, '.'), ':') : NULL;
    if (*copy == '[' && !end)
        return false;
    if (end)
        *end = '\0';
    return observable_address_is_none(host);
}

bool observable_is_absent(const char *text)
{
    static const char *const absent[] = {"", "-", "n/a", "null", "none"};
    size_t size;
    text = skip_blanks(text, &size);
    if (!strchr("-nN0:[", size ? *text : '-'))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (strlen(absent[i]) == size && strncasecmp(text, absent[i], size) == 0)
            return true;
    return size > 1 && strchr("0:[", *text) && is_no_address(text, size);
}

/* Without the blanks around it; NULL for what senders write where they have nothing, and for what is too long to be copied here. */
static const char *trim_present(struct arena *arena, const char *text)
{
    size_t size;
    if (!text || strnlen(text, OBSERVABLE_TEXT_MAX + 1) > OBSERVABLE_TEXT_MAX || observable_is_absent(text))
        return NULL;
    text = skip_blanks(text, &size);
    return text[size] ? arena_strndup(arena, text, size) : text;
}

/* "+49 (0)30 123-456", "0049 30 ...", "tel:+49-30-...;ext=1" (RFC 3966); without the country it is no number of the world. */
static const char *normalise_phone(struct arena *arena, const char *text)
{
    char out[17] = "+";
    size_t size = 1;
    text += str_starts_nocase(text, "tel:") ? 4 : 0;
    if (*text != '+' && !str_starts(text, "00"))
        return NULL;
    for (text += *text == '+' ? 1 : 2; *text && *text != ';'; text++) {
        if (str_starts(text, "(0)"))
            text += 2;
        else if (isdigit((unsigned char)*text) && size < sizeof out - 1)
            out[size++] = *text;
        else if (!strchr(" ()-./\t", *text))
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
        return observable_address_ipv4(arena, text);
    case OBSERVABLE_IPV6:
        return observable_address_ipv6(arena, text);
    case OBSERVABLE_CIDR:
        return observable_address_cidr(arena, text);
    case OBSERVABLE_ASN:
        return observable_address_asn(arena, text);
    case OBSERVABLE_DOMAIN:
        return observable_domain(arena, text);
    case OBSERVABLE_URL:
        return observable_url(arena, text);
    case OBSERVABLE_EMAIL:
        return observable_domain_email(arena, text);
    case OBSERVABLE_MD5:
    case OBSERVABLE_SHA1:
    case OBSERVABLE_SHA256:
    case OBSERVABLE_SHA512:
        return normalise_hash(arena, type, text);
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
        return observable_wallet(arena, text);
    case OBSERVABLE_PHONE:
        return normalise_phone(arena, text);
    case OBSERVABLE_TYPE_COUNT:
        break;
    }
    return NULL;
}

static const char *read_plain(struct arena *arena, enum observable_type *type, const char *text)
{
    if (*type == OBSERVABLE_IPV4 || *type == OBSERVABLE_IPV6 || *type == OBSERVABLE_CIDR)
        return observable_address(arena, text, type);
    if (*type >= OBSERVABLE_MD5 && *type <= OBSERVABLE_SHA512)
        return guess_hash(arena, text, type);
    return observable_normalise(arena, *type, text);
}

/* A scheme that nobody has, so that nobody clicks. */
static bool has_broken_scheme(const char *text)
{
    return str_starts_nocase(text, "hxxp") || str_starts_nocase(text, "fxp") || str_starts_nocase(text, "meow:");
}

/* Within a family the value knows better than its column what it is; and what is no value as it stands may be one that was defanged. */
const char *observable_read(struct arena *arena, enum observable_type *type, const char *text)
{
    text = trim_present(arena, text);
    if (!text)
        return NULL;
    bool is_defangable = *type <= OBSERVABLE_CIDR || (*type >= OBSERVABLE_DOMAIN && *type <= OBSERVABLE_EMAIL);
    bool is_broken = *type == OBSERVABLE_URL && has_broken_scheme(text);
    const char *value = is_broken ? NULL : read_plain(arena, type, text);
    if (value || !is_defangable || strlen(text) > GUESS_SIZE_MAX)
        return value;
    bool was_defanged;
    text = observable_refang(arena, text, strlen(text), &was_defanged);
    return was_defanged || is_broken ? read_plain(arena, type, text) : NULL;
}

/* --- guessing --- */

/* "invoice.pdf", "evil.exe" are names of files, unless people can register below their last label (".zip", ".sh"). */
static bool is_filename(const char *domain)
{
    static const char *const extensions[] = {
        "7z",  "apk", "asp", "aspx", "bak",  "bat",  "bin",  "bmp",  "bz2",  "cab", "cfg", "class", "cmd", "cpl",  "csv", "dat",
        "dll", "dmg", "doc", "docm", "docx", "dotm", "eml",  "exe",  "elf",  "gif", "gz",  "hta",   "htm", "html", "ico", "img",
        "ini", "iso", "jar", "jpeg", "jpg",  "js",   "jse",  "json", "jsp",  "lnk", "log", "msi",   "msg", "ocx",  "odt", "pdf",
        "php", "png", "ppt", "pptm", "pptx", "ps1",  "psm1", "rar",  "rtf",  "scr", "svg", "sys",   "tar", "tgz",  "tmp", "txt",
        "vbe", "vbs", "vhd", "wsf",  "wsh",  "xls",  "xlsb", "xlsm", "xlsx", "xml", "xz",  "yaml",  "yml"};
    const char *last = strrchr(domain, '.') + 1;
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
        if (str_equal(last, extensions[i]))
            return !public_suffix_of(domain);
    return false;
}

const char *observable_guess(struct arena *arena, const char *text, enum observable_type *type)
{
    static const enum observable_type by_shape[] = {OBSERVABLE_URL,   OBSERVABLE_EMAIL,  OBSERVABLE_CVE,   OBSERVABLE_MAC,
                                                    OBSERVABLE_PHONE, OBSERVABLE_DOMAIN, OBSERVABLE_CRYPTO};
    text = trim_present(arena, text);
    if (!text || strlen(text) > GUESS_SIZE_MAX)
        return NULL;
    text = observable_refang(arena, text, strlen(text), NULL);
    const char *value = observable_address(arena, text, type);
    if (value || (value = guess_hash(arena, text, type)))
        return value;
    if (str_starts_nocase(text, "as") && (value = observable_address_asn(arena, text))) {
        *type = OBSERVABLE_ASN;
        return value;
    }
    for (size_t i = 0; i < ARRAY_SIZE(by_shape); i++) {
        /* Twelve bare hexadecimal digits may be anything, and dead.beef.cafe is a name too; so may digits behind two zeros. */
        if ((by_shape[i] == OBSERVABLE_MAC && !strpbrk(text, ":-")) || (by_shape[i] == OBSERVABLE_PHONE && !strchr(text, '+')))
            continue;
        if ((value = observable_normalise(arena, by_shape[i], text))) {
            *type = by_shape[i];
            if (*type == OBSERVABLE_DOMAIN && is_filename(value)) {
                *type = OBSERVABLE_FILENAME;
                return observable_normalise(arena, *type, text);
            }
            return value;
        }
    }
    return NULL;
}

const char *observable_host(struct arena *arena, enum observable_type type, const char *value)
{
    if (type == OBSERVABLE_DOMAIN)
        return value;
    if (type == OBSERVABLE_EMAIL)
        return strrchr(value, '@') ? strrchr(value, '@') + 1 : NULL;
    return type == OBSERVABLE_URL ? observable_url_host(arena, value) : NULL;
}
