#include "model/tlp.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/observable.h"

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

/* --- in prose --- */

/* A character as ASCII writes it: blanks, colons, dashes, quotation marks, full-width forms; pictures are "*", what is left "?". */
static char plain_character(uint32_t code_point)
{
    static const struct {
        uint32_t first, last;
        char plain;
    } spans[] = {{0xA0, 0xA0, ' '},     {0x2000, 0x200A, ' '}, {0x202F, 0x202F, ' '}, {0x205F, 0x205F, ' '}, {0x3000, 0x3000, ' '},
                 {0x2236, 0x2236, ':'}, {0xA789, 0xA789, ':'}, {0xFE13, 0xFE13, ':'}, {0xFE55, 0xFE55, ':'}, {0x2010, 0x2015, '-'},
                 {0x2212, 0x2212, '-'}, {0xAB, 0xAB, '"'},     {0xBB, 0xBB, '"'},     {0x2018, 0x201F, '"'}, {0x2039, 0x203A, '"'},
                 {0x3008, 0x3011, '"'}, {0x2022, 0x2022, '*'}, {0x2190, 0x21FF, '*'}, {0x2500, 0x2BFF, '*'}, {0x1F000, 0x1FAFF, '*'}};
    if (code_point < 0x80)
        return (char)code_point;
    if (code_point >= 0xFF01 && code_point <= 0xFF5E)
        return (char)(code_point - 0xFEE0);
    for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
        if (code_point >= spans[i].first && code_point <= spans[i].last)
            return spans[i].plain;
    return '?';
}

static bool takes_no_room(uint32_t code_point)
{
    return code_point == 0xAD || code_point == 0xFEFF || (code_point >= 0x200B && code_point <= 0x200F) ||
           (code_point >= 0x202A && code_point <= 0x202E) || (code_point >= 0x2060 && code_point <= 0x206F) ||
           (code_point >= 0xFE00 && code_point <= 0xFE0F);
}

/* The caller's. */
static char *plain_text(const char *text)
{
    size_t size = strlen(text);
    char *plain = mem_calloc(size + 1, 1), *to = plain;
    for (const char *at = text, *end = text + size; at < end;) {
        uint32_t code_point;
        at += str_next_code_point(at, end, &code_point);
        if (!takes_no_room(code_point))
            *to++ = plain_character(code_point);
    }
    return plain;
}

/* The label that the text begins with, and what is behind it; "AMBER+STRICT" also with "-", "_", a blank or nothing for the plus. */
static enum tlp take_label(const char **text)
{
    static const struct {
        enum tlp label;
        const char *name;
    } words[] = {{TLP_CLEAR, "clear"}, {TLP_CLEAR, "white"}, {TLP_GREEN, "green"}, {TLP_AMBER, "amber"}, {TLP_RED, "red"}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!str_starts_nocase(*text, words[i].name))
            continue;
        const char *behind = *text + strlen(words[i].name), *strict = behind + strspn(behind, " +-_*(");
        bool is_strict = words[i].label == TLP_AMBER && str_starts_nocase(strict, "strict");
        if (!is_strict && isalpha((unsigned char)*behind))
            return TLP_NONE;
        *text = is_strict ? strict + strlen("strict") : behind;
        return is_strict ? TLP_AMBER_STRICT : words[i].label;
    }
    return TLP_NONE;
}

/* "AMBER/RED", "AMBER / RED", "AMBER-RED": the strictest. Words stand behind a dash between blanks: "TLP:CLEAR - Red Hat ...". */
static enum tlp strictest_of(const char *text)
{
    enum tlp strictest = take_label(&text), next = strictest;
    while (next != TLP_NONE) {
        const char *slash = text + strspn(text, " \t");
        if (*slash == '/')
            text = slash + 1 + strspn(slash + 1, " \t");
        else if (*text && strchr("-+|&", *text))
            text++;
        else
            break;
        next = take_label(&text);
        strictest = tlp_strictest(strictest, next);
    }
    return strictest;
}

/* "TLP:GREEN", with blanks around the colon. */
static enum tlp behind_colon(const char *text)
{
    text += strspn(text, " \t");
    return *text == ':' ? strictest_of(text + 1 + strspn(text + 1, " \t")) : TLP_NONE;
}

/* All that people and programs put between instead: "TLP RED", "TLP=RED", "**TLP:** **RED**", a line's end, "TLP 2.0 level: (RED)". */
static enum tlp behind_anything(const char *text)
{
    enum { MARKS_MAX = 16 };
    static const char *const words[] = {"2.0", "1.0", "v2.0", "v2", "v1.0", "v1", "version", "label", "level", "colour", "color", "is"};
    for (size_t i = 0; i < ARRAY_SIZE(words);) {
        size_t marks = strspn(text, " \t\r\n:=_-*()[]{}<>|/\\\"'`~#");
        text += marks;
        if (marks > MARKS_MAX)
            return TLP_NONE;
        for (i = 0; i < ARRAY_SIZE(words) && !str_starts_nocase(text, words[i]); i++)
            ;
        if (i == ARRAY_SIZE(words))
            return marks > 0 ? strictest_of(text) : TLP_NONE;
        text += strlen(words[i]);
    }
    return TLP_NONE;
}

/* "RED (TLP)", "AMBER+STRICT [TLP 2.0]": the label stands before the name, which begins at `at` and has nothing else in its brackets. */
static enum tlp before_brackets(const char *plain, const char *at, const char *behind)
{
    enum { LABEL_SIZE_MAX = 16 };
    behind += strspn(behind, " v.0123456789");
    if (at == plain || !strchr("([", at[-1]) || !strchr(")]", *behind) || !*behind)
        return TLP_NONE;
    const char *end = at - 1;
    while (end > plain && strchr(" *_\"", end[-1]))
        end--;
    for (const char *from = end; from > plain && end - from < LABEL_SIZE_MAX;) {
        const char *text = --from;
        bool is_word = from == plain || !isalnum((unsigned char)from[-1]);
        enum tlp label = is_word ? take_label(&text) : TLP_NONE;
        if (label != TLP_NONE && text == end)
            return label;
    }
    return TLP_NONE;
}

/* The strictest that stands behind that name anywhere, or before it in brackets; *loose: as it is not written, but meant. */
static void find_labels(const char *plain, const char *name, enum tlp *strict, enum tlp *loose)
{
    for (const char *at = plain; (at = strcasestr(at, name)); at += strlen(name)) {
        enum tlp label = behind_colon(at + strlen(name));
        *strict = tlp_strictest(*strict, label);
        if (label == TLP_NONE && (at == plain || !isalnum((unsigned char)at[-1]))) {
            *loose = tlp_strictest(*loose, behind_anything(at + strlen(name)));
            *loose = tlp_strictest(*loose, before_brackets(plain, at, at + strlen(name)));
        }
    }
}

/* Most texts say nothing of it, which is seen at once where they are ASCII. */
static bool may_say(const char *text)
{
    for (; *text; text++) {
        char c = (char)(*text | 0x20);
        if (*text & (char)0x80 || (c == 't' && (str_starts_nocase(text, "tlp") || str_starts_nocase(text, "traffic"))))
            return true;
    }
    return false;
}

enum tlp tlp_in_text(const char *text)
{
    enum tlp strict = TLP_NONE, loose = TLP_NONE;
    if (!text || !may_say(text))
        return TLP_NONE;
    char *plain = plain_text(text);
    find_labels(plain, "TLP", &strict, &loose);
    find_labels(plain, "Traffic Light Protocol", &loose, &loose);
    find_labels(plain, "traffic_light_protocol", &loose, &loose);
    free(plain);
    /* What may be meant otherwise makes nothing wider. */
    return strict == TLP_NONE && loose < TLP_AMBER ? TLP_NONE : tlp_strictest(strict, loose);
}

/* One of the tags in a field: "tlp:green", "TLP GREEN". True also for what is none, and says so by its form: "malware:x". */
static bool read_tag(const char *text, size_t size, enum tlp *label)
{
    char word[24];
    size_t at = 0;
    for (; size && isspace((unsigned char)text[size - 1]); size--) {
    }
    if (size < 3 || strncasecmp(text, "tlp", 3) != 0)
        return memchr(text, ':', size) && !memchr(text, ' ', size);
    for (at = 3; at < size && (isspace((unsigned char)text[at]) || strchr(":=-_", text[at])); at++) {
    }
    snprintf(word, sizeof word, "%.*s", (int)(size - at), text + at);
    enum tlp said;
    if (size - at >= sizeof word || !tlp_parse(word, &said))
        return false;
    *label = tlp_strictest(*label, said);
    return true;
}

/* TLP_NONE where no label is among them, or something that might be one. */
static enum tlp read_tags(const char *text)
{
    enum tlp label = TLP_NONE;
    while (*text) {
        size_t size = strcspn(text, ",;|");
        if (!read_tag(text, size, &label))
            return TLP_NONE;
        text += size;
        text += strspn(text, ",;| ");
    }
    return label;
}

enum tlp tlp_claimed(const char *text)
{
    enum tlp label;
    if (!text || observable_is_absent(text))
        return TLP_NONE;
    if (tlp_parse(text, &label))
        return label;
    for (const char *at = text; (at = strcasestr(at, "red")); at++)
        if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[3]))
            return TLP_RED;
    label = read_tags(text);
    return tlp_strictest(label != TLP_NONE ? label : TLP_AMBER_STRICT, tlp_in_text(text));
}

/* --- in bytes that nobody could read --- */

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

static bool is_red(const char *bytes, size_t size)
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

/* As it stands, and in UTF-16: what is left without its NULs. */
static bool is_red_anyhow(const struct tlp_search *search, const char *bytes, size_t size)
{
    if (is_red(bytes, size) || has_red_field(search, bytes, size))
        return true;
    if (size == 0 || !memchr(bytes, '\0', size))
        return false;
    char *narrow = mem_calloc(size, 1);
    size_t kept = 0;
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            narrow[kept++] = bytes[i];
    bool found = is_red(narrow, kept) || has_red_field(search, narrow, kept);
    free(narrow);
    return found;
}

bool tlp_red_in_bytes(const char *bytes, size_t size)
{
    static const struct tlp_search no_table = {.searched = 0};
    return is_red_anyhow(&no_table, bytes, size);
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
    return is_red_anyhow(search, seam, seam_size) || is_red_anyhow(search, bytes, size);
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
