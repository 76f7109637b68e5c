#include "codec/extract_unwrap.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"
#include "codec/base64.h"

/* In place; what is no escape stays. */
static void decode_percent(char *text)
{
    char *to = text;
    for (const char *at = text; *at;) {
        unsigned char byte;
        char digits[3] = {at[0] ? at[1] : '\0', at[0] && at[1] ? at[2] : '\0', '\0'};
        if (*at == '%' && str_from_hex(digits, &byte, 1) && byte) {
            *to++ = (char)byte;
            at += 3;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
}

/* The parameter of the query, undecoded; "name" as "u=". */
static char *parameter(struct arena *arena, const char *url, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = strchr(url, '?'); at; at = strchr(at + 1, '&'))
        if (strncasecmp(at + 1, name, size) == 0)
            return arena_strndup(arena, at + 1 + size, strcspn(at + 1 + size, "&#"));
    return NULL;
}

static char *of_parameter(struct arena *arena, const char *url, const char *name)
{
    char *inner = parameter(arena, url, name);
    if (inner)
        decode_percent(inner);
    return inner;
}

static char *of_safe_links(struct arena *arena, const char *url)
{
    return of_parameter(arena, url, "url=");
}

static char *of_u(struct arena *arena, const char *url)
{
    return of_parameter(arena, url, "u=");
}

static char *of_a(struct arena *arena, const char *url)
{
    return of_parameter(arena, url, "a=");
}

/* "https-3A__evil.example_x" */
static char *of_defense_2(struct arena *arena, const char *url)
{
    char *inner = parameter(arena, url, "u=");
    for (char *at = inner; inner && *at; at++)
        *at = *at == '-' ? '%' : *at == '_' ? '/' : *at;
    if (inner)
        decode_percent(inner);
    return inner;
}

/* How many characters a star stands for: itself, or what the letter behind a second one says ("**A" two, "**B" three). 0: no such letter.
 */
static size_t starred(const char *star, size_t *taken)
{
    static const char lengths[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    *taken = star[1] == '*' ? 3 : 1;
    if (*taken == 1)
        return 1;
    const char *found = star[2] ? strchr(lengths, star[2]) : NULL;
    return found ? (size_t)(found - lengths) + 2 : 0;
}

/* So many characters of UTF-8, in bytes; 0 where there are fewer. */
static size_t characters_size(const char *text, size_t count)
{
    size_t size = 0;
    for (; count && text[size]; count--)
        for (size++; ((unsigned char)text[size] & 0xc0) == 0x80;)
            size++;
    return count ? 0 : size;
}

/* "__https://evil.example/?a*b__;Iw!!...": stars are the characters behind the semicolon, in base64 for URLs. */
static char *of_defense_3(struct arena *arena, const char *url)
{
    const char *start = strstr(url, "/v3/__"), *end = start ? strstr(start + 6, "__;") : NULL;
    if (!end)
        return NULL;
    start += 6;
    size_t size = strcspn(end + 3, "!"), known = 0;
    char *code = arena_calloc(arena, size + 4, 1), *hidden = arena_calloc(arena, size + 1, 1);
    memcpy(code, end + 3, size);
    for (size_t i = 0; i < size; i++)
        code[i] = code[i] == '-' ? '+' : code[i] == '_' ? '/' : code[i];
    for (; size % 4; size++)
        code[size] = '=';
    code[size] = '\0';
    if (!base64_decode(code, (unsigned char *)hidden, size, &known) || memchr(hidden, '\0', known))
        return NULL;
    hidden[known] = '\0';
    char *inner = arena_calloc(arena, (size_t)(end - start) + known + 1, 1), *to = inner;
    while (start < end) {
        if (*start != '*') {
            *to++ = *start++;
            continue;
        }
        size_t taken, bytes = characters_size(hidden, starred(start, &taken));
        if (!bytes)
            return NULL;
        memcpy(to, hidden, bytes);
        to += bytes;
        hidden += bytes;
        start += taken;
    }
    *to = '\0';
    return inner;
}

/* "/token/https%3A%2F%2Fevil.example" */
static char *of_last_segment(struct arena *arena, const char *url)
{
    const char *slash = strrchr(url, '/');
    char *inner = slash ? arena_strdup(arena, slash + 1) : NULL;
    if (inner)
        decode_percent(inner);
    return inner;
}

/* Of a host whatever stands before it counts, too. */
static const struct {
    const char *host, *path;
    char *(*read)(struct arena *arena, const char *url);
} wrappers[] = {
    {"safelinks.protection.outlook.com", "/", of_safe_links},
    {"urldefense.proofpoint.com", "/v1/", of_u},
    {"urldefense.proofpoint.com", "/v2/", of_defense_2},
    {"urldefense.com", "/v3/", of_defense_3},
    {"urldefense.us", "/v3/", of_defense_3},
    {"urldefense.proofpoint.com", "/v3/", of_defense_3},
    {"linkprotect.cudasvc.com", "/", of_a},
    {"secure-web.cisco.com", "/", of_last_segment},
    {"clicktime.symantec.com", "/", of_u},
};

static bool is_at(const char *url, const char *host, const char *path)
{
    const char *start = strstr(url, "://");
    if (!start)
        return false;
    start += 3;
    const char *end = start + strcspn(start, "/?#"), *rest = end;
    size_t wanted = strlen(host);
    while (end > start && isdigit((unsigned char)end[-1]))
        end--;
    end = end > start && end[-1] == ':' ? end - 1 : rest;
    size_t size = (size_t)(end - start);
    return size >= wanted && strncasecmp(end - wanted, host, wanted) == 0 && (size == wanted || end[-(ptrdiff_t)wanted - 1] == '.') &&
           str_starts(rest, path);
}

char *extract_unwrap(struct arena *arena, const char *url)
{
    for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++) {
        char *inner = is_at(url, wrappers[i].host, wrappers[i].path) ? wrappers[i].read(arena, url) : NULL;
        if (inner && (str_starts_nocase(inner, "http:") || str_starts_nocase(inner, "https:")))
            return inner;
    }
    return NULL;
}
