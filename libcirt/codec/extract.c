#include "codec/extract.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

enum { WORD_SIZE_MAX = 2048 };

struct extraction {
    struct report *report;
    struct observation *observation;
    size_t count;
};

/* A word with its defanging undone. */
struct word {
    char text[WORD_SIZE_MAX + 8];
    bool was_defanged;
};

static void undo_defanging(const char *text, size_t size, struct word *word)
{
    static const struct {
        const char *written, *meant;
    } marks[] = {{"[.]", "."},  {"(.)", "."},  {"{.}", "."}, {"[dot]", "."}, {"(dot)", "."},   {"[@]", "@"},
                 {"[at]", "@"}, {"(at)", "@"}, {"[:]", ":"}, {"\\.", "."},   {"[://]", "://"}, {"[/]", "/"}};
    char *to = word->text;
    word->was_defanged = false;
    for (size_t at = 0; at < size;) {
        /* All marks begin with one of these. */
        size_t i = strchr("[({\\", text[at]) ? 0 : ARRAY_SIZE(marks);
        while (i < ARRAY_SIZE(marks) &&
               (strlen(marks[i].written) > size - at || strncasecmp(text + at, marks[i].written, strlen(marks[i].written)) != 0))
            i++;
        if (i < ARRAY_SIZE(marks)) {
            to = stpcpy(to, marks[i].meant);
            at += strlen(marks[i].written);
            word->was_defanged = true;
        } else {
            *to++ = text[at++];
        }
    }
    *to = '\0';
}

static bool has_value(const struct observation *observation, enum observable_type type, const char *value)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (observation->sightings[i].type == type && strcmp(observation->sightings[i].value, value) == 0)
            return true;
    return false;
}

static void add(struct extraction *extraction, enum observable_type type, const char *text)
{
    const char *value = observable_normalise(report_row_arena(extraction->report), type, text);
    if (!value || extraction->count == EXTRACT_MAX || has_value(extraction->observation, type, value))
        return;
    if (report_add_sighting(extraction->report, extraction->observation, type, ROLE_OTHER, value))
        extraction->count++;
}

/* An address that is somebody's: no loopback, no masks. */
static void add_ipv4(struct extraction *extraction, const char *text)
{
    if (!str_starts(text, "127.") && !str_starts(text, "0.") && !str_starts(text, "255."))
        add(extraction, OBSERVABLE_IPV4, text);
}

static void add_url(struct extraction *extraction, char *url)
{
    static const char *const schemes[] = {"http", "https", "ftp", "ftps", "sftp", "ws", "wss", "tcp", "udp", "ssh", "ldap", "smb", "rtsp"};
    if (str_starts_nocase(url, "hxxp"))
        url[1] = url[2] = 't';
    else if (str_starts_nocase(url, "fxp"))
        url[1] = 't';
    size_t size = strcspn(url, ":"), i = 0;
    while (i < ARRAY_SIZE(schemes) && (strlen(schemes[i]) != size || strncasecmp(url, schemes[i], size) != 0))
        i++;
    if (i == ARRAY_SIZE(schemes))
        return;
    /* What closes a sentence or a bracket opened before the URL is no part of it. */
    char *end = url + strlen(url);
    while (end > url && (strchr(".,;:!?'\"*_|]}", end[-1]) || (end[-1] == ')' && !strchr(url, '('))))
        *--end = '\0';
    struct arena *arena = report_row_arena(extraction->report);
    const char *value = observable_normalise(arena, OBSERVABLE_URL, url);
    if (!value)
        return;
    add(extraction, OBSERVABLE_URL, value);
    const char *host = observable_host(arena, OBSERVABLE_URL, value);
    if (host) {
        add(extraction, OBSERVABLE_DOMAIN, host);
        return;
    }
    /* The host is an address. */
    const char *start = strstr(value, "://") + 3, *stop = start + strcspn(start, "/?#");
    for (const char *at = start; at < stop; at++)
        if (*at == '@')
            start = at + 1;
    if (*start == '[')
        add(extraction, OBSERVABLE_IPV6, arena_strndup(arena, start + 1, strcspn(start + 1, "]")));
    else
        add_ipv4(extraction, arena_strndup(arena, start, strcspn(start, ":/?#")));
}

static bool is_all(const char *text, int (*is)(int))
{
    for (; *text; text++)
        if (!is((unsigned char)*text))
            return false;
    return true;
}

static bool add_hash(struct extraction *extraction, const char *text, size_t size)
{
    static const struct {
        size_t digits;
        enum observable_type type;
    } hashes[] = {{32, OBSERVABLE_MD5}, {40, OBSERVABLE_SHA1}, {64, OBSERVABLE_SHA256}, {128, OBSERVABLE_SHA512}};
    /* All digits, or none, is a number or a word. */
    if (!is_all(text, isxdigit) || is_all(text, isdigit) || is_all(text, isalpha))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
        if (hashes[i].digits == size)
            add(extraction, hashes[i].type, text);
    return true;
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
    if (text[size] == '/' && text[size + 1] && is_all(text + size + 1, isdigit)) {
        if (strcmp(text + size, "/32") != 0) {
            add(extraction, OBSERVABLE_CIDR, text);
            return true;
        }
        text[size] = '\0';
    }
    if (text[size] == ':' && is_all(text + size + 1, isdigit))
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
    add(extraction, strchr(text, '/') ? OBSERVABLE_CIDR : OBSERVABLE_IPV6, text);
    return true;
}

static void add_token(struct extraction *extraction, char *token, bool was_defanged)
{
    while (*token && strchr("*_-.:`#", *token))
        token++;
    size_t size = strlen(token);
    while (size > 0 && strchr("*_-.:`!?", token[size - 1]))
        token[--size] = '\0';
    if (size < 4)
        return;
    if (strncasecmp(token, "CVE-", 4) == 0)
        add(extraction, OBSERVABLE_CVE, token);
    else if (strncasecmp(token, "AS", 2) == 0 && is_all(token + 2, isdigit))
        add(extraction, OBSERVABLE_ASN, token + 2);
    else if (add_dotted(extraction, token) || add_ipv6(extraction, token) || add_hash(extraction, token, size))
        return;
    else if (strchr(token, '@'))
        add(extraction, OBSERVABLE_EMAIL, str_starts_nocase(token, "mailto:") ? token + 7 : token);
    else if (was_defanged && strchr(token, '.'))
        add(extraction, OBSERVABLE_DOMAIN, token);
}

/* A token that is a host with a path and was defanged ("evil[.]example/x") is its host. */
static void add_word(struct extraction *extraction, struct word *word)
{
    static const char separators[] = "=,;|()[]{}\"'";
    char *scheme = strstr(word->text, "://");
    char *rest = word->text, *saved = NULL;
    if (scheme) {
        while (scheme > word->text && isalpha((unsigned char)scheme[-1]))
            scheme--;
        add_url(extraction, scheme);
        *scheme = '\0';
    }
    for (char *token = strtok_r(rest, separators, &saved); token; token = strtok_r(NULL, separators, &saved)) {
        char *slash = strchr(token, '/');
        if (word->was_defanged && slash && !is_all(slash + 1, isdigit))
            *slash = '\0';
        add_token(extraction, token, word->was_defanged);
    }
}

size_t extract_observables(const char *text, struct report *report, struct observation *observation)
{
    static const char blanks[] = " \t\n\r<>";
    struct extraction extraction = {.report = report, .observation = observation};
    struct word *word = mem_calloc(1, sizeof *word);
    while (*text && extraction.count < EXTRACT_MAX) {
        size_t size = strcspn(text, blanks);
        if (size >= 4 && size <= WORD_SIZE_MAX) {
            undo_defanging(text, size, word);
            add_word(&extraction, word);
        }
        text += size;
        text += strspn(text, blanks);
    }
    free(word);
    return extraction.count;
}
