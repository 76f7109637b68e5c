#include "model/observable_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/observable_domain.h"

enum { URL_SIZE_MAX = 8192 };

struct piece {
    const char *text;
    size_t size;
};

struct url {
    struct piece scheme, user, host, port, path, query, fragment; /* query and fragment with their mark */
    int default_port;                                             /* -1 where the scheme is none that browsers treat specially */
};

/* The schemes that the standard calls special, file excepted: it has no host. */
static const struct {
    const char *scheme;
    int port;
} special[] = {{"http", 80}, {"https", 443}, {"ftp", 21}, {"ws", 80}, {"wss", 443}};

static int default_port(struct piece scheme)
{
    for (size_t i = 0; i < ARRAY_SIZE(special); i++)
        if (strlen(special[i].scheme) == scheme.size && strncasecmp(special[i].scheme, scheme.text, scheme.size) == 0)
            return special[i].port;
    return -1;
}

static struct piece take_until(const char **at, const char *stops)
{
    struct piece piece = {.text = *at, .size = strcspn(*at, stops)};
    *at += piece.size;
    return piece;
}

static bool split_authority(struct piece authority, struct url *url)
{
    const char *end = authority.text + authority.size;
    const char *at = memrchr(authority.text, '@', authority.size);
    const char *host = at ? at + 1 : authority.text;
    size_t size = (size_t)(end - host);
    const char *host_end = *host == '[' ? memchr(host, ']', size) : memchr(host, ':', size);
    if (*host == '[' && !host_end)
        return false;
    host_end = host_end ? host_end + (*host == '[') : end;
    if (host_end < end && *host_end != ':')
        return false;
    url->user = (struct piece){authority.text, at ? (size_t)(at - authority.text) : 0};
    url->host = (struct piece){host, (size_t)(host_end - host)};
    url->port = host_end < end ? (struct piece){host_end + 1, (size_t)(end - host_end - 1)} : (struct piece){end, 0};
    return true;
}

/* Behind the scheme's ":" a browser takes any number of slashes of both kinds, or none; with none there must be a dot in the host, else
 * "ftp:21" would be a URL. */
static bool split(const char *text, struct url *url)
{
    *url = (struct url){.scheme = {text, strcspn(text, ":")}, .query = {"", 0}};
    if (text[url->scheme.size] != ':' || !isalpha((unsigned char)*text))
        return false;
    for (size_t i = 0; i < url->scheme.size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("+.-", text[i]))
            return false;
    url->default_port = default_port(url->scheme);
    bool is_special = url->default_port >= 0;
    const char *at = text + url->scheme.size + 1;
    size_t slashes = is_special ? strspn(at, "/\\") : str_starts(at, "//") ? 2 : 0;
    if (slashes == 0 && !is_special)
        return false;
    at += slashes;
    if (!split_authority(take_until(&at, is_special ? "/\\?#" : "/?#"), url))
        return false;
    url->path = take_until(&at, "?#");
    if (*at == '?')
        url->query = take_until(&at, "#");
    url->fragment = (struct piece){at, strlen(at)};
    return slashes || memchr(url->host.text, '.', url->host.size);
}

/* --- escapes --- */

static bool is_unreserved(unsigned char c)
{
    return isalnum(c) || (c && strchr("-._~", c));
}

/* The byte that "%hh" at text stands for, or -1. */
static int escaped_byte(const char *text, const char *end)
{
    unsigned char byte;
    char digits[3] = {0};
    if (end - text < 3 || *text != '%')
        return -1;
    memcpy(digits, text + 1, 2);
    return str_from_hex(digits, &byte, 1) ? byte : -1;
}

/* must: ASCII characters that have to be escaped; all others that are not ASCII are, too. */
static void add_escaped(struct buf *out, struct piece piece, const char *must)
{
    if (!piece.size)
        return; /* it may have no text at all */
    for (const char *at = piece.text, *end = at + piece.size; at < end; at++) {
        int byte = escaped_byte(at, end);
        unsigned char c = (unsigned char)*at;
        if (byte >= 0) {
            at += 2;
            if (is_unreserved((unsigned char)byte))
                buf_add_char(out, (char)byte);
            else
                buf_printf(out, "%%%02X", (unsigned)byte);
        } else if (c >= 0x80 || c == ' ' || c == '%' || strchr(must, c)) {
            buf_printf(out, "%%%02X", (unsigned)c);
        } else {
            buf_add_char(out, *at);
        }
    }
}

/* --- host --- */

/* A part of an address as C and browsers write numbers: 0x1f, 037, 31. */
static bool read_number(const char *text, size_t size, uint64_t *number)
{
    unsigned base = 10;
    *number = 0;
    if (size >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
        size -= 2;
    } else if (size >= 2 && text[0] == '0') {
        base = 8;
    }
    for (size_t i = 0; i < size; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, tolower((unsigned char)text[i]));
        if (!digit || digit - digits >= (int)base || *number > UINT32_MAX)
            return false;
        *number = *number * base + (uint64_t)(digit - digits);
    }
    return *number <= UINT32_MAX;
}

/* Whether the last label is a number: then the host is an IPv4 address or nothing. */
static bool ends_in_number(const char *host)
{
    size_t size = strlen(host);
    size_t start = size && host[size - 1] == '.' ? --size : size;
    uint64_t number;
    while (start > 0 && host[start - 1] != '.')
        start--;
    return start < size && (strspn(host + start, "0123456789") >= size - start || read_number(host + start, size - start, &number));
}

/* One to four parts; the last fills the bytes that are left. */
static const char *read_ipv4(struct arena *arena, const char *host)
{
    uint64_t parts[4], address = 0;
    size_t count = 0, size;
    for (; *host && count < 4; host += size + (host[size] == '.')) {
        size = strcspn(host, ".");
        if (size == 0 || !read_number(host, size, &parts[count++]))
            return NULL;
    }
    if (*host || count == 0)
        return NULL;
    for (size_t i = 0; i + 1 < count; i++) {
        if (parts[i] > 255)
            return NULL;
        address |= parts[i] << (24 - 8 * i);
    }
    if (parts[count - 1] >= UINT64_C(1) << (8 * (5 - count)))
        return NULL;
    address |= parts[count - 1];
    return address ? arena_printf(arena, "%u.%u.%u.%u", (unsigned)(address >> 24), (unsigned)(address >> 16 & 255),
                                  (unsigned)(address >> 8 & 255), (unsigned)(address & 255))
                   : NULL;
}

static const char *read_ipv6(struct arena *arena, const char *host)
{
    struct in6_addr address;
    char out[INET6_ADDRSTRLEN];
    const char *inside = arena_strndup(arena, host + 1, strlen(host) - 2);
    if (inet_pton(AF_INET6, inside, &address) != 1 || IN6_IS_ADDR_UNSPECIFIED(&address))
        return NULL;
    inet_ntop(AF_INET6, &address, out, sizeof out);
    if (!strchr(out, '.'))
        return arena_printf(arena, "[%s]", out);
    /* Browsers do not write the last four bytes as an IPv4 address. */
    const uint8_t *last = address.s6_addr + 12;
    return arena_printf(arena, "[%.*s:%x:%x]", (int)(strrchr(out, ':') - out), out, (unsigned)last[0] << 8 | last[1],
                        (unsigned)last[2] << 8 | last[3]);
}

static const char *unescape(struct arena *arena, struct piece piece)
{
    char *out = arena_strndup(arena, piece.text, piece.size), *to = out;
    for (const char *at = piece.text, *end = piece.size ? at + piece.size : at; at < end; at++) {
        int byte = escaped_byte(at, end);
        if (byte == 0)
            return NULL;
        at += byte > 0 ? 2 : 0;
        *to++ = byte > 0 ? (char)byte : *at;
    }
    *to = '\0';
    return out;
}

/* Full-width digits become digits in IDNA's mapping, so an address is looked for behind it. */
static const char *normalise_host(struct arena *arena, const struct url *url)
{
    const char *host = unescape(arena, url->host);
    if (!host)
        return NULL;
    size_t size = strlen(host);
    if (*host == '[')
        return size > 2 && host[size - 1] == ']' ? read_ipv6(arena, host) : NULL;
    host = observable_domain_ascii(arena, host);
    if (!host)
        return NULL;
    return ends_in_number(host) ? read_ipv4(arena, host) : observable_domain(arena, host);
}

/* ":8443", or "" for none and for the scheme's own; NULL where it is no port. */
static const char *normalise_port(struct arena *arena, const struct url *url)
{
    int64_t number;
    if (url->port.size == 0)
        return "";
    if (!str_to_int64(arena_strndup(arena, url->port.text, url->port.size), 0, 65535, &number))
        return NULL;
    return number == url->default_port ? "" : arena_printf(arena, ":%d", (int)number);
}

/* --- the rest --- */

/* "a/./b/../c" is "a/c". path begins with "/" or is empty. */
static void add_path(struct buf *out, const char *path)
{
    size_t root = out->size;
    while (*path == '/') {
        size_t size = strcspn(path + 1, "/");
        const char *segment = path + 1;
        bool is_last = segment[size] == '\0';
        path = segment + size;
        if (size == 2 && memcmp(segment, "..", 2) == 0) {
            while (out->size > root && out->bytes[--out->size] != '/')
                ;
        } else if (size != 1 || *segment != '.') {
            buf_add_char(out, '/');
            buf_add(out, segment, size);
            continue;
        }
        if (is_last)
            buf_add_char(out, '/');
    }
    if (out->size == root)
        buf_add_char(out, '/');
}

/* Line ends and tabs go, as in browsers: mail wraps URLs. NULL where other control characters stand in it. */
static const char *without_line_ends(struct arena *arena, const char *text)
{
    size_t size = strlen(text);
    if (size > URL_SIZE_MAX || !str_is_utf8(text, size, NULL))
        return NULL;
    char *out = arena_strdup(arena, text), *to = out;
    for (; *text; text++) {
        if (*text == '\t' || *text == '\r' || *text == '\n')
            continue;
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return NULL;
        *to++ = *text;
    }
    *to = '\0';
    return out;
}

static void add_rest(struct arena *arena, struct buf *out, const struct url *url)
{
    bool is_special = url->default_port >= 0;
    char *path = arena_strndup(arena, url->path.text, url->path.size);
    for (char *at = path; is_special && (at = strchr(at, '\\')); at++)
        *at = '/';
    struct buf escaped;
    buf_init(&escaped, (size_t)3 * URL_SIZE_MAX);
    add_escaped(&escaped, (struct piece){path, url->path.size}, "\"<>`{}^");
    if (is_special)
        add_path(out, buf_text(&escaped));
    else
        buf_add_text(out, buf_text(&escaped));
    buf_clear(&escaped);
    add_escaped(out, url->query, is_special ? "\"<>'" : "\"<>");
    add_escaped(out, url->fragment, "\"<>`");
}

const char *observable_url(struct arena *arena, const char *text)
{
    struct url url;
    text = without_line_ends(arena, text);
    if (!text || !split(text, &url))
        return NULL;
    char *scheme = arena_strndup(arena, url.scheme.text, url.scheme.size);
    str_lower(scheme);
    const char *host = normalise_host(arena, &url);
    const char *port = normalise_port(arena, &url);
    if (!host || !port)
        return NULL;
    struct buf out;
    buf_init(&out, URL_SIZE_MAX);
    buf_printf(&out, "%s://", scheme);
    if (url.user.size) {
        add_escaped(&out, url.user, "\"<>`{}^|\\/?#@[];=");
        buf_add_char(&out, '@');
    }
    buf_printf(&out, "%s%s", host, port);
    add_rest(arena, &out, &url);
    const char *value = out.full ? NULL : arena_strdup(arena, buf_text(&out));
    buf_clear(&out);
    return value;
}

const char *observable_url_host(struct arena *arena, const char *value)
{
    struct url url;
    return split(value, &url) ? observable_domain(arena, arena_strndup(arena, url.host.text, url.host.size)) : NULL;
}

const char *observable_url_address(struct arena *arena, const char *value)
{
    struct url url;
    if (!split(value, &url) || url.host.size < 2 || !strchr("0123456789]", url.host.text[url.host.size - 1]))
        return NULL;
    bool is_v6 = *url.host.text == '[';
    const char *host = arena_strndup(arena, url.host.text + is_v6, url.host.size - 2 * (size_t)is_v6);
    return is_v6 || (ends_in_number(host) && strspn(host, "0123456789.") == strlen(host)) ? host : NULL;
}
