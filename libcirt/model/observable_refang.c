#include "model/observable_refang.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct mark {
    const char *written, *meant;
};

static const struct mark marks[] = {
    {"[.]", "."},     {"(.)", "."},     {"{.}", "."},      {"[dot]", "."},    {"(dot)", "."}, {"{dot}", "."},   {"[punkt]", "."},
    {"[point]", "."}, {"[punto]", "."}, {"(punkt)", "."},  {"(point)", "."},  {"[@]", "@"},   {"(@)", "@"},     {"[at]", "@"},
    {"(at)", "@"},    {"{at}", "@"},    {"[:]", ":"},      {"(:)", ":"},      {"[::]", "::"}, {"(punto)", "."}, {"{punto}", "."},
    {"[ponto]", "."}, {"(ponto)", "."}, {"[arroba]", "@"}, {"(arroba)", "@"}, {"[-]", "-"},
};

/* These do not stand for one character, so blanks around them mean something. */
static const struct mark more_marks[] = {{"[://]", "://"},  {"[:/]/", "://"},   {"[/]", "/"},         {"[//]", "//"}, {"\\.", "."},
                                         {"[www]", "www"},  {"[http]", "http"}, {"[https]", "https"}, {"[s]:", "s:"}, {"(s)://", "s://"},
                                         {"s?://", "s://"}, {"\\[.\\]", "."},   {"\\/", "/"}};

static const struct mark *find_mark(const struct mark *among, size_t count, const char *text, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(among[i].written);
        if (length <= size && strncasecmp(text, among[i].written, length) == 0)
            return &among[i];
    }
    return NULL;
}

size_t observable_refang_mark(const char *text, size_t size)
{
    const struct mark *mark = size && strchr("[({", *text) ? find_mark(marks, ARRAY_SIZE(marks), text, size) : NULL;
    return mark ? strlen(mark->written) : 0;
}

/* "evil[.com" and "evil.]com": half a bracket between letters. Returns its size. */
static size_t half_mark(const char *start, const char *at, const char *end)
{
    bool is_half = end - at >= 3 && (memcmp(at, "[.", 2) == 0 || memcmp(at, ".]", 2) == 0);
    return is_half && at > start && isalnum((unsigned char)at[-1]) && isalnum((unsigned char)at[2]) ? 2 : 0;
}

/* The ASCII character that a full-width form (U+FF01..FF5E) or an ideographic full stop stands for, 0 for any other; *size in bytes. */
static char narrow(const char *at, const char *end, size_t *size)
{
    uint32_t code_point;
    if ((unsigned char)*at < 0xE3)
        return 0;
    *size = str_next_code_point(at, end, &code_point);
    if (code_point == 0x3002 || code_point == 0xFF61)
        return '.';
    return code_point >= 0xFF01 && code_point <= 0xFF5E ? (char)(code_point - 0xFEE0) : 0;
}

/* The scheme where it was made unusable; each as long as what it stands for, or longer. */
static const struct mark schemes[] = {{"hxxps", "https"},  {"hxxp", "http"},   {"h**ps", "https"}, {"h**p", "http"},   {"htxp", "http"},
                                      {"hxtp", "http"},    {"htxps", "https"}, {"hxtps", "https"}, {"h__ps", "https"}, {"h__p", "http"},
                                      {"hxxxps", "https"}, {"hxxxp", "http"},  {"meow", "http"},   {"fxps", "ftps"},   {"fxp", "ftp"},
                                      {"sxtp", "sftp"},    {"h00ps", "https"}, {"h00p", "http"}};

static char *start_of_scheme(char *text, char *colon)
{
    char *start = colon;
    while (start > text && (isalpha((unsigned char)start[-1]) || strchr("*_0", start[-1])))
        start--;
    return start + strspn(start, "*_0"); /* "*hxxp://..." is in bold */
}

/* "hxxp:\\host" as "hxxp://host"; "C:\\" stays. */
static bool refang_slashes(char *text)
{
    char *colon = strstr(text, ":\\\\");
    if (!colon || colon - start_of_scheme(text, colon) < 3)
        return false;
    memcpy(colon, "://", 3);
    return true;
}

/* In place; a scheme counts only before ":", with or without brackets, which are gone by now. */
static bool refang_scheme(char *text)
{
    char *colon = strstr(text, "://");
    if (!colon)
        return false;
    char *scheme = start_of_scheme(text, colon);
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if ((size_t)(colon - scheme) != strlen(schemes[i].written) ||
            strncasecmp(scheme, schemes[i].written, (size_t)(colon - scheme)) != 0)
            continue;
        size_t size = strlen(schemes[i].meant);
        memcpy(scheme, schemes[i].meant, size);
        memmove(scheme + size, colon, strlen(colon) + 1);
        return true;
    }
    return false;
}

char *observable_refang(struct arena *arena, const char *word, size_t size, bool *was_defanged)
{
    char *out = arena_calloc(arena, size + 1, 1), *to = out;
    const char *end = word + size;
    bool any = false;
    for (const char *at = word; at < end;) {
        const struct mark *mark = strchr("[({\\", *at) ? find_mark(marks, ARRAY_SIZE(marks), at, (size_t)(end - at)) : NULL;
        if (!mark && strchr("[\\(s", *at))
            mark = find_mark(more_marks, ARRAY_SIZE(more_marks), at, (size_t)(end - at));
        size_t taken = mark ? strlen(mark->written) : 0, wide = 0;
        char plain;
        if (mark) {
            to = stpcpy(to, mark->meant);
        } else if ((taken = half_mark(word, at, end)) > 0) {
            *to++ = '.';
        } else if ((plain = narrow(at, end, &wide))) {
            *to++ = plain;
            taken = wide;
        }
        any = any || (taken && !(mark && str_equal(mark->written, "\\/"))); /* JSON writes so, and hides nothing */
        if (!taken)
            *to++ = *at++;
        at += taken;
    }
    *to = '\0';
    any = refang_slashes(out) || any;
    any = refang_scheme(out) || any;
    if (was_defanged)
        *was_defanged = any;
    return out;
}
