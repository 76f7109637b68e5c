#include "model/tlp.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static const struct {
    enum tlp label;
    const char *name, *text;
} labels[] = {
    {TLP_CLEAR, "clear", "TLP:CLEAR"}, {TLP_GREEN, "green", "TLP:GREEN"},
    {TLP_AMBER, "amber", "TLP:AMBER"}, {TLP_AMBER_STRICT, "amber+strict", "TLP:AMBER+STRICT"},
    {TLP_RED, "red", "TLP:RED"},
};

bool tlp_parse(const char *text, enum tlp *label)
{
    if (!text)
        return false;
    if (str_starts_nocase(text, "tlp:"))
        text += 4;
    if (str_equal_nocase(text, "white")) {
        *label = TLP_CLEAR;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        if (str_equal_nocase(text, labels[i].name)) {
            *label = labels[i].label;
            return true;
        }
    }
    return false;
}

/* What follows "AMBER": "+STRICT", also written "-STRICT", "_STRICT", " STRICT", " + STRICT". */
static bool is_strict(const char *text)
{
    return str_starts_nocase(text + strspn(text, " +-_"), "strict");
}

enum tlp tlp_in_text(const char *text)
{
    enum tlp strictest = TLP_NONE;
    for (const char *at = text; at && (at = strcasestr(at, "TLP:")); at += 4) {
        char word[8];
        enum tlp label;
        size_t blanks = strspn(at + 4, " "), size = strspn(at + 4 + blanks, "ABCDEGHILMNRTWabcdeghilmnrtw");
        if (blanks > 1 || size == 0 || size >= sizeof word)
            continue;
        memcpy(word, at + 4 + blanks, size);
        word[size] = '\0';
        if (tlp_parse(word, &label))
            strictest = tlp_strictest(strictest, label == TLP_AMBER && is_strict(at + 4 + blanks + size) ? TLP_AMBER_STRICT : label);
    }
    return strictest;
}

enum tlp tlp_claimed(const char *text)
{
    enum tlp label;
    if (str_is_empty(text))
        return TLP_NONE;
    if (tlp_parse(text, &label))
        return label;
    for (const char *at = text; (at = strcasestr(at, "red")); at++)
        if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[3]))
            return TLP_RED;
    return tlp_strictest(TLP_AMBER_STRICT, tlp_in_text(text));
}

static bool has_word(const char *at, const char *end, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && strncasecmp(at, word, size) == 0;
}

static bool is_word(const char *at, const char *end, const char *word)
{
    size_t size = strlen(word);
    return has_word(at, end, word) && (at + size == end || !isalnum((unsigned char)at[size]));
}

/* What stands between a name and its value, in any notation. NULL: nothing does. */
static const char *behind_marks(const char *at, const char *end)
{
    enum { BETWEEN_MAX = 16 };
    const char *from = at;
    while (at < end && at - from < BETWEEN_MAX && *at && strchr(" \t\r\n\"':=_>-\\{", *at))
        at++;
    return at > from ? at : NULL;
}

/* CSAF's label stands one level deeper. */
static bool says_red(const char *at, const char *end)
{
    at = behind_marks(at, end);
    if (at && has_word(at, end, "label"))
        at = behind_marks(at + strlen("label"), end);
    return at && is_word(at, end, "red");
}

/* n6's "internal". */
static bool says_internal(const char *at, const char *end)
{
    at = behind_marks(at, end);
    return at && is_word(at, end, "internal");
}

bool tlp_red_in_bytes(const char *bytes, size_t size)
{
    static const char *const names[] = {"tlp", "restriction"};
    /* STIX's marking definitions of TLP 2.0 and 1.0. */
    static const char *const markings[] = {"e828b379-4e03-4974-9ac4-e53a884c97c1", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"};
    const char *end = size > 0 ? bytes + size : bytes;
    for (const char *at = bytes; at < end; at++) {
        if (!strchr("tTrReE5", *at))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (has_word(at, end, names[i]) && says_red(at + strlen(names[i]), end))
                return true;
        if (has_word(at, end, "restriction") && says_internal(at + strlen("restriction"), end))
            return true;
        for (size_t i = 0; i < ARRAY_SIZE(markings); i++)
            if (has_word(at, end, markings[i]))
                return true;
    }
    return false;
}

static bool ends_field(const struct tlp_search *search, char c)
{
    return !c || c == search->delimiter || strchr(",;|\t\r\n\"", c);
}

/* Whether what stands from word to behind it is a field, but for blanks around it. Where the piece begins in it, the seam tells. */
static bool is_field(const struct tlp_search *search, const char *bytes, const char *word, const char *behind, const char *end)
{
    while (word > bytes && word[-1] == ' ' && search->delimiter != ' ')
        word--;
    while (behind < end && *behind == ' ' && search->delimiter != ' ')
        behind++;
    return word > bytes && ends_field(search, word[-1]) && (behind == end || ends_field(search, *behind));
}

static bool has_red_field(const struct tlp_search *search, const char *bytes, size_t size)
{
    const char *end = size > 0 ? bytes + size : bytes;
    for (size_t i = 0; search->words && search->words[i]; i++) {
        size_t length = strlen(search->words[i]);
        int first = tolower((unsigned char)search->words[i][0]);
        for (const char *at = bytes; at < end; at++)
            if (tolower((unsigned char)*at) == first && has_word(at, end, search->words[i]) &&
                is_field(search, bytes, at, at + length, end))
                return true;
    }
    return false;
}

bool tlp_search_red(struct tlp_search *search, const char *bytes, size_t size)
{
    char seam[2 * sizeof search->tail];
    size_t begun = size < sizeof search->tail ? size : sizeof search->tail, seam_size = search->tail_size + begun;
    memcpy(seam, search->tail, search->tail_size);
    memcpy(seam + search->tail_size, bytes, begun);
    const char *rest = size < sizeof search->tail ? seam : bytes;
    size_t rest_size = size < sizeof search->tail ? seam_size : size;
    search->searched += size;
    search->tail_size = rest_size < sizeof search->tail ? rest_size : sizeof search->tail;
    memcpy(search->tail, rest + rest_size - search->tail_size, search->tail_size);
    return tlp_red_in_bytes(seam, seam_size) || tlp_red_in_bytes(bytes, size) || has_red_field(search, seam, seam_size) ||
           has_red_field(search, bytes, size);
}

const char *tlp_name(enum tlp label)
{
    return label >= TLP_CLEAR && label <= TLP_RED ? labels[label].name : NULL;
}

const char *tlp_label(enum tlp label)
{
    return label >= TLP_CLEAR && label <= TLP_RED ? labels[label].text : "";
}

enum tlp tlp_strictest(enum tlp a, enum tlp b)
{
    return a > b ? a : b;
}
