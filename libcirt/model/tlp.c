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
    return tlp_parse(text, &label) ? label : tlp_strictest(TLP_AMBER_STRICT, tlp_in_text(text));
}

bool tlp_red_in_bytes(const char *bytes, size_t size)
{
    enum { LOOKED_AT = 64 * 1024, BETWEEN_MAX = 16 };
    if (size > LOOKED_AT)
        size = LOOKED_AT;
    for (size_t i = 0; i + 7 <= size; i++) {
        if (strncasecmp(bytes + i, "tlp", 3) != 0)
            continue;
        size_t at = i + 3, end = at + BETWEEN_MAX < size ? at + BETWEEN_MAX : size;
        while (at < end && bytes[at] && strchr(" \t\r\n\"':=_>-\\", bytes[at]))
            at++;
        if (at > i + 3 && at + 3 <= size && strncasecmp(bytes + at, "red", 3) == 0 &&
            (at + 3 == size || !isalnum((unsigned char)bytes[at + 3])))
            return true;
    }
    return false;
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
