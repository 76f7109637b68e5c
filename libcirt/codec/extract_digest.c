#include "codec/extract_digest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static const char digits[] = "0123456789abcdefABCDEF", blanks[] = " \t\r\n";

size_t extract_digest_halves(const char *at, const char *context, char whole[EXTRACT_DIGEST_SIZE])
{
    enum { HALF = 32 };
    size_t first = strspn(at, digits), gap = strspn(at + first, blanks), second = strspn(at + first + gap, digits);
    bool is_named = str_equal(context, "sha256") || str_equal(context, "sha-256");
    if (!is_named || first != HALF || second != HALF || isalnum((unsigned char)at[first + gap + second]))
        return 0;
    memcpy(whole, at, HALF);
    memcpy(whole + HALF, at + first + gap, HALF);
    whole[2 * HALF] = '\0';
    return first + gap + second;
}

enum { GROUP = 8, GROUPS_MAX = 8 };

/* Places in memory, small numbers and what fills it, which are in a digest but by a rare chance. */
static bool is_of_memory(const char *at)
{
    return str_starts(at, "0000") || str_starts_nocase(at, "ffff");
}

static bool is_group(const char *at)
{
    return strspn(at, digits) == GROUP && !isalnum((unsigned char)at[GROUP]) && !is_of_memory(at);
}

/* More of a dump: another group, also on the next line; on the same one any number of hex, as the place in memory before it. Not "add", and
 * not the number in "SHA-256:". */
static bool is_more(const char *word, size_t size, bool is_same_line)
{
    enum { NUMBER_MIN = 4 };
    return size == GROUP || (is_same_line && size >= NUMBER_MIN && strcspn(word, "0123456789") < size);
}

static bool is_more_before(const char *text, const char *at)
{
    bool is_same_line = true;
    for (; at > text && strchr(" \t\r\n:", at[-1]); at--)
        is_same_line = is_same_line && at[-1] != '\n';
    const char *end = at;
    while (at > text && strchr(digits, at[-1]) && end - at <= GROUP)
        at--;
    bool is_word = at == text || !isalnum((unsigned char)at[-1]);
    return is_word && is_more(at, (size_t)(end - at), is_same_line);
}

static bool is_more_behind(const char *at)
{
    size_t gap = strspn(at, blanks), size = strspn(at + gap, digits);
    bool is_word = !at[gap + size] || strchr(blanks, at[gap + size]);
    return is_word && is_more(at + gap, size, !memchr(at, '\n', gap));
}

size_t extract_digest_groups(const char *text, const char *at, char whole[EXTRACT_DIGEST_SIZE])
{
    const char *end = at;
    size_t count = 0;
    for (const char *group = at; count < GROUPS_MAX && is_group(group); group = end + 1) {
        memcpy(whole + count++ * GROUP, group, GROUP);
        end = group + GROUP;
        if (*end != ' ')
            break;
    }
    whole[count * GROUP] = '\0';
    bool is_size = count == 4 || count == 5 || count == 8; /* MD5, SHA-1, SHA-256 */
    return is_size && !is_more_before(text, at) && !is_more_behind(end) ? (size_t)(end - at) : 0;
}
