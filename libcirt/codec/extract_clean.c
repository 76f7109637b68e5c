#include "codec/extract_clean.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/host_name.h"
#include "model/observable_refang.h"

struct cleaner {
    const char *at, *end;
    char *start, *to;
    const char *wide;  /* behind the last dot of another script that was one within a name; NULL: there was none */
    bool was_unspaced; /* the last character was a letter of a script without blanks */
};

struct span {
    uint32_t first, last;
};

static bool is_among(uint32_t code_point, const struct span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code_point >= spans[i].first && code_point <= spans[i].last)
            return true;
    return false;
}

static bool takes_no_room(uint32_t code_point)
{
    static const struct span spans[] = {{0xAD, 0xAD},     {0x200B, 0x200F}, {0x202A, 0x202E},
                                        {0x2060, 0x2064}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};
    return is_among(code_point, spans, ARRAY_SIZE(spans));
}

/* Control characters (what was declared quoted-printable and is not has them), blanks, arrows, and the punctuation of other scripts that
 * ends a word or a sentence. */
static bool is_blank(uint32_t code_point)
{
    static const struct span spans[] = {{0x01, 0x09},     {0x0B, 0x0C},     {0x0E, 0x1F},     {0x7F, 0x9F},     {0xA0, 0xA0},
                                        {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2026, 0x2026}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                        {0x2190, 0x21FF}, {0x205F, 0x205F}, {0x3000, 0x3001}, {0xFF01, 0xFF01}, {0xFF08, 0xFF09},
                                        {0xFF0C, 0xFF0C}, {0xFF1B, 0xFF1B}, {0xFF1F, 0xFF1F}, {0xFF64, 0xFF65}, {0xFFFD, 0xFFFD},
                                        {0x055D, 0x055D}, {0x0589, 0x0589}, {0x060C, 0x060C}, {0x061B, 0x061B}, {0x061F, 0x061F},
                                        {0x06D4, 0x06D4}, {0x0964, 0x0965}, {0x104A, 0x104B}, {0x1361, 0x1368}, {0x17D4, 0x17D5}};
    return is_among(code_point, spans, ARRAY_SIZE(spans));
}

/* Bullets, section and reference marks, box drawing, private use (bullets of a word processor's symbol font). */
static bool is_mark(uint32_t code_point)
{
    static const struct span spans[] = {{0xA6, 0xA7},     {0xA9, 0xA9},     {0xAE, 0xAE},     {0xB0, 0xB0},     {0xB6, 0xB6},
                                        {0x2020, 0x2023}, {0x2025, 0x2025}, {0x2027, 0x2027}, {0x203B, 0x203B}, {0x2042, 0x2043},
                                        {0x204C, 0x204D}, {0x2217, 0x2219}, {0x22C5, 0x22C5}, {0x2300, 0x243F}, {0x2500, 0x25FF},
                                        {0xE000, 0xF8FF}, {0xFFE8, 0xFFEE}, {0xFFFC, 0xFFFC}};
    return is_among(code_point, spans, ARRAY_SIZE(spans));
}

/* Stars, check marks, emoji: there are hosts with these in their names. */
static bool is_picture(uint32_t code_point)
{
    static const struct span spans[] = {{0x2600, 0x27BF}, {0x2B00, 0x2BFF}, {0x1F000, 0x1FAFF}};
    return is_among(code_point, spans, ARRAY_SIZE(spans));
}

static bool is_dash(uint32_t code_point)
{
    return (code_point >= 0x2010 && code_point <= 0x2015) || code_point == 0x2212;
}

static bool is_quote(uint32_t code_point)
{
    static const struct span spans[] = {{0xAB, 0xAB}, {0xBB, 0xBB}, {0x2018, 0x201F}, {0x2039, 0x203A}, {0x3008, 0x3011}, {0x3014, 0x301B}};
    return is_among(code_point, spans, ARRAY_SIZE(spans));
}

/* Letters of scripts without blanks: Thai, Lao, Burmese, Khmer, CJK. */
static bool is_unspaced(uint32_t code_point)
{
    static const struct span spans[] = {{0x0E01, 0x0EFF}, {0x1000, 0x109F}, {0x1780, 0x17FF}, {0x2E80, 0x2FDF},  {0x3040, 0x9FFF},
                                        {0xAC00, 0xD7AF}, {0xF900, 0xFAFF}, {0xFF66, 0xFFDC}, {0x20000, 0x3FFFF}};
    return is_among(code_point, spans, ARRAY_SIZE(spans));
}

/* Particles and words of Japanese; names of pages are written in other letters, mostly. */
static bool is_hiragana(uint32_t code_point)
{
    return code_point >= 0x3041 && code_point <= 0x309F;
}

static bool is_plain(const struct cleaner *cleaner)
{
    return cleaner->to > cleaner->start && isalnum((unsigned char)cleaner->to[-1]);
}

/* The next character as ASCII has it, plain or full-width, any full stop as "."; 0 for any other, and at the end. */
static char next_plain(const char **at, const char *end)
{
    uint32_t next;
    if (*at == end)
        return 0;
    *at += str_next_code_point(*at, end, &next);
    next -= next >= 0xFF01 && next <= 0xFF5E ? 0xFEE0 : 0;
    return next == 0x3002 || next == 0xFF61 ? '.' : next < 0x80 ? (char)next : 0;
}

/* What follows is a letter or digit, plain or full-width. */
static bool is_before_letter(const char *at, const char *end)
{
    return isalnum((unsigned char)next_plain(&at, end));
}

static bool is_before_slash(const char *at, const char *end)
{
    uint32_t next;
    return at < end && (str_next_code_point(at, end, &next), next == '/' || next == 0xFF0F);
}

static void add(struct cleaner *cleaner, const char *text)
{
    cleaner->to = stpcpy(cleaner->to, text);
}

/* Behind "//" and before a path, and something follows. */
static bool is_within_host(const struct cleaner *cleaner)
{
    enum { HOST_SIZE_MAX = 255 };
    const char *first = cleaner->to - cleaner->start > HOST_SIZE_MAX ? cleaner->to - HOST_SIZE_MAX : cleaner->start, *at = cleaner->to;
    while (at > first && !strchr(" \t\r\n<>/?#", at[-1]))
        at--;
    return at - 1 > first && at[-1] == '/' && at[-2] == '/' && cleaner->at < cleaner->end && !strchr(" \t\r\n<>", *cleaner->at);
}

/* Between two l it is a letter of Catalan (RFC 5892, A.3). */
static bool is_middle_dot(const struct cleaner *cleaner, uint32_t code_point)
{
    bool is_letter =
        cleaner->to > cleaner->start && cleaner->at < cleaner->end && strchr("lL", cleaner->to[-1]) && strchr("lL", *cleaner->at);
    return (code_point == 0xB7 || code_point == 0x387) && !is_letter;
}

/* A mark parts words as "*" does, and says nothing; but "§" says that a number is a section's. False where it is none. */
static bool add_mark(struct cleaner *cleaner, uint32_t code_point)
{
    if (!is_mark(code_point) && !is_middle_dot(cleaner, code_point) && (!is_picture(code_point) || is_within_host(cleaner)))
        return false;
    add(cleaner, code_point == 0xA7 ? " § " : " * ");
    return true;
}

enum { NAME_SIZE_MAX = 253, LABEL_SIZE_MAX = 63 };

/* What was written last as far as it may be of a name, in lower case without brackets: its end where it is longer. */
static const char *read_name_before(const struct cleaner *cleaner, char name[NAME_SIZE_MAX + 1])
{
    char *to = name + NAME_SIZE_MAX;
    const char *from = cleaner->to;
    *to = '\0';
    for (; from > cleaner->start && to > name && (isalnum((unsigned char)from[-1]) || strchr("-_.[]", from[-1])); from--)
        if (!strchr("[]", from[-1]))
            *--to = (char)tolower((unsigned char)from[-1]);
    bool is_path = from > cleaner->start && from[-1] == '/' && (from - 1 == cleaner->start || from[-2] != '/');
    return is_path ? NULL : to;
}

/* Reads a label past its dot. False at the end of the name, and where it is a word that begins a sentence. */
static bool next_label(const char **at, const char *end, char label[LABEL_SIZE_MAX + 1])
{
    size_t size = 0;
    bool is_word = true;
    char c;
    while (c = next_plain(at, end), (isalnum((unsigned char)c) || c == '-') && size < LABEL_SIZE_MAX) {
        is_word = is_word && (size == 0 ? isupper((unsigned char)c) : islower((unsigned char)c));
        label[size++] = (char)tolower((unsigned char)c);
    }
    label[size] = '\0';
    if (c != '.')
        *at = end;
    return size > 0 && !is_word;
}

/* Does what follows end a name, at one of its dots? */
static bool is_before_suffix(const struct cleaner *cleaner)
{
    char name[2 + LABEL_SIZE_MAX + 1] = "x.";
    const char *at = cleaner->at;
    for (unsigned labels = 0; labels < 10 && next_label(&at, cleaner->end, name + 2); labels++)
        if (host_name_has_suffix(name))
            return true;
    return false;
}

/* Between plain characters: is it a dot of a name or an address, or the end of a sentence ("evil.example.cn" + U+3002 + "MD5")? Who hides
 * one dot so hides the others of a name too. */
static bool is_dot_of_name(const struct cleaner *cleaner)
{
    char name[NAME_SIZE_MAX + 1];
    const char *before = read_name_before(cleaner, name);
    if (!before || !*before)
        return false;
    if (strspn(before, "0123456789.") == strlen(before)) {
        const char *second = strchr(before, '.'), *third = second ? strchr(second + 1, '.') : NULL;
        const char *at = cleaner->at;
        if (third && strchr(third + 1, '.'))
            return false;
        if (isdigit((unsigned char)next_plain(&at, cleaner->end)))
            return true;
    }
    bool is_hidden = cleaner->wide && (size_t)(cleaner->to - cleaner->wide) <= strlen(before);
    return is_before_suffix(cleaner) && (is_hidden || !host_name_has_suffix(before));
}

/* Full-width forms, and the dots of other scripts. False where it is none. */
static bool add_narrow(struct cleaner *cleaner, uint32_t code_point)
{
    switch (code_point) {
    case 0x3002: /* ideographic full stops */
    case 0xFF61:
    case 0x2024: /* one dot leader */
    case 0xFF0E:
        if (is_plain(cleaner) && is_before_letter(cleaner->at, cleaner->end) && is_dot_of_name(cleaner)) {
            add(cleaner, "[.]");
            cleaner->wide = cleaner->to;
        } else {
            *cleaner->to++ = ' ';
        }
        return true;
    case 0xFF20:
        add(cleaner, "[@]");
        return true;
    case 0xFF1A:
        add(cleaner, is_before_slash(cleaner->at, cleaner->end) ? ":" : " ");
        return true;
    default:
        if (code_point < 0xFF01 || code_point > 0xFF5E)
            return false;
        *cleaner->to++ = (char)(code_point - 0xFEE0);
        return true;
    }
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* "evil [.] example": a mark with blanks on both sides, between letters, is taken without them. */
static void add_blanks(struct cleaner *cleaner)
{
    const char *behind = skip_blanks(cleaner->at, cleaner->end);
    size_t mark = observable_refang_mark(behind, (size_t)(cleaner->end - behind));
    const char *next = skip_blanks(behind + mark, cleaner->end);
    cleaner->was_unspaced = false;
    cleaner->at = behind;
    if (mark && next > behind + mark && is_plain(cleaner) && is_before_letter(next, cleaner->end)) {
        memcpy(cleaner->to, behind, mark);
        cleaner->to += mark;
        cleaner->at = next;
    } else {
        *cleaner->to++ = ' ';
    }
}

static void add_character(struct cleaner *cleaner)
{
    uint32_t code_point;
    const char *from = cleaner->at;
    cleaner->at += str_next_code_point(from, cleaner->end, &code_point);
    if (takes_no_room(code_point))
        return;
    bool was_unspaced = cleaner->was_unspaced;
    cleaner->was_unspaced = is_unspaced(code_point);
    bool is_behind_slash = cleaner->to > cleaner->start && cleaner->to[-1] == '/';
    if ((cleaner->was_unspaced && (is_plain(cleaner) || (is_behind_slash && is_hiragana(code_point)))) ||
        (was_unspaced && is_before_letter(from, cleaner->end)))
        *cleaner->to++ = ' ';
    if (is_blank(code_point)) {
        *cleaner->to++ = ' ';
    } else if (code_point == 0x2019 && is_plain(cleaner) && is_before_letter(cleaner->at, cleaner->end)) {
        *cleaner->to++ = '\'';
    } else if (is_dash(code_point)) {
        *cleaner->to++ = '-';
    } else if (is_quote(code_point)) {
        *cleaner->to++ = '"';
    } else if (!add_mark(cleaner, code_point) && !add_narrow(cleaner, code_point)) {
        memcpy(cleaner->to, from, (size_t)(cleaner->at - from));
        cleaner->to += cleaner->at - from;
    }
}

/* "&gt;" in a text that is no HTML: it was made for HTML, or taken out of it. */
static bool add_escaped(struct cleaner *cleaner)
{
    static const struct {
        const char *written;
        char means;
    } escapes[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&nbsp;", ' '}, {"&amp;", '&'}};
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
        if (str_starts(cleaner->at, escapes[i].written)) {
            cleaner->at += strlen(escapes[i].written);
            *cleaner->to++ = escapes[i].means;
            cleaner->was_unspaced = false;
            return true;
        }
    return false;
}

char *extract_clean(const char *text)
{
    size_t size = strlen(text);
    char *out = mem_calloc(2 * size + 1, 1);
    struct cleaner cleaner = {.at = text, .end = text + size, .start = out, .to = out};
    while (cleaner.at < cleaner.end) {
        if (*cleaner.at == ' ' || *cleaner.at == '\t')
            add_blanks(&cleaner);
        else if (*cleaner.at != '&' || !add_escaped(&cleaner))
            add_character(&cleaner);
    }
    *cleaner.to = '\0';
    return out;
}
