#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DISTANCE_MAX = 64 };

struct code_range {
    uint32_t first, last;
};

/* Unicode 15, general categories Mn, Me and Cf, the ranges that occur in names and prose. */
static const struct code_range zero_width[] = {
    {0x00AD, 0x00AD}, {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2}, {0x05C4, 0x05C5},
    {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x06E7, 0x06E8}, {0x06EA, 0x06ED},
    {0x0711, 0x0711}, {0x0730, 0x074A}, {0x0900, 0x0902}, {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0951, 0x0957}, {0x0981, 0x0981}, {0x09BC, 0x09BC}, {0x09C1, 0x09C4}, {0x09CD, 0x09CD}, {0x0A3C, 0x0A51}, {0x0ABC, 0x0ABC},
    {0x0AC1, 0x0AC8}, {0x0ACD, 0x0ACD}, {0x0B3C, 0x0B3C}, {0x0B4D, 0x0B4D}, {0x0BCD, 0x0BCD}, {0x0C4D, 0x0C4D}, {0x0CCD, 0x0CCD},
    {0x0D4D, 0x0D4D}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x0EB1, 0x0EB1}, {0x0EB4, 0x0EBC}, {0x0EC8, 0x0ECD},
    {0x0F71, 0x0F84}, {0x102D, 0x1030}, {0x1039, 0x103A}, {0x135D, 0x135F}, {0x17B4, 0x17B5}, {0x17B7, 0x17BD}, {0x17C6, 0x17C6},
    {0x17C9, 0x17D3}, {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064}, {0x2066, 0x206F},
    {0x20D0, 0x20F0}, {0x302A, 0x302D}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0001, 0xE01EF},
};

/* Unicode 15, East Asian Width W and F. */
static const struct code_range double_width[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x2614, 0x2615},   {0x2648, 0x2653},
    {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26D4, 0x26D4},   {0x2705, 0x2705},
    {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320},
    {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3E0, 0x1F3F0}, {0x1F400, 0x1F4FC},
    {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F567}, {0x1F595, 0x1F596}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6D0, 0x1F6DF},
    {0x1F6EB, 0x1F6FC}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x2FFFD}, {0x30000, 0x3FFFD},
};

bool str_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool str_equal_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

bool str_starts(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_starts_nocase(const char *text, const char *prefix)
{
    while (text && *prefix && lower(*text) == lower(*prefix))
        text++, prefix++;
    return text && *prefix == '\0';
}

bool str_ends(const char *text, const char *suffix)
{
    size_t size = text ? strlen(text) : 0, end = strlen(suffix);
    return text && size >= end && strcmp(text + size - end, suffix) == 0;
}

bool str_ends_nocase(const char *text, const char *suffix)
{
    size_t size = text ? strlen(text) : 0, end = strlen(suffix);
    return text && size >= end && str_equal_nocase(text + size - end, suffix);
}

void str_lower(char *text)
{
    for (; *text; text++)
        *text = (char)lower(*text);
}

bool str_is_empty(const char *text)
{
    return !text || text[strspn(text, " \t\r\n\v\f")] == '\0';
}

bool str_to_int64(const char *text, int64_t min, int64_t max, int64_t *value)
{
    const char *digits = text + (*text == '-');
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno == ERANGE || number < min || number > max)
        return false;
    *value = number;
    return true;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned str_distance(const char *a, const char *b)
{
    /* Optimal string alignment over the first DISTANCE_MAX bytes; what is longer counts as so many inserts. */
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned m = (unsigned)(a_size < DISTANCE_MAX ? a_size : DISTANCE_MAX);
    unsigned n = (unsigned)(b_size < DISTANCE_MAX ? b_size : DISTANCE_MAX);
    unsigned d[DISTANCE_MAX + 1][DISTANCE_MAX + 1];
    for (unsigned i = 0; i <= m; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= n; j++)
        d[0][j] = j;
    for (unsigned i = 1; i <= m; i++) {
        for (unsigned j = 1; j <= n; j++) {
            unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);
            d[i][j] = least(d[i - 1][j - 1] + cost, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    size_t beyond = (a_size - m) > (b_size - n) ? (a_size - m) : (b_size - n);
    return d[m][n] + (unsigned)(beyond < UINT32_MAX / 2 ? beyond : UINT32_MAX / 2);
}

/* How many bytes the sequence with this lead byte has, and what its second byte may be (RFC 3629 section 4); 0: no lead byte. */
static size_t sequence_size(unsigned char lead, unsigned char *second_min, unsigned char *second_max)
{
    *second_min = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *second_max = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* The size of the well-formed sequence at bytes, or 0. */
static size_t sequence_at(const unsigned char *bytes, size_t left)
{
    unsigned char second_min, second_max;
    size_t size = sequence_size(bytes[0], &second_min, &second_max);
    if (size > left || (size > 1 && (bytes[1] < second_min || bytes[1] > second_max)))
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

bool str_is_utf8(const char *bytes, size_t size, size_t *bad_at)
{
    for (size_t i = 0; i < size;) {
        size_t step = bytes[i] == '\0' ? 0 : sequence_at((const unsigned char *)bytes + i, size - i);
        if (step == 0) {
            if (bad_at)
                *bad_at = i;
            return false;
        }
        i += step;
    }
    return true;
}

size_t str_next_code_point(const char *text, const char *end, uint32_t *code_point)
{
    static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    if (text >= end)
        return 0;
    const unsigned char *bytes = (const unsigned char *)text;
    size_t size = sequence_at(bytes, (size_t)(end - text));
    if (size == 0) {
        *code_point = 0xFFFD;
        return 1;
    }
    uint32_t value = bytes[0] & lead_bits[size];
    for (size_t i = 1; i < size; i++)
        value = value << 6 | (bytes[i] & 0x3F);
    *code_point = value;
    return size;
}

static bool in_ranges(const struct code_range *ranges, size_t count, uint32_t code_point)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code_point > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code_point >= ranges[low].first;
}

unsigned str_columns(const char *text)
{
    const char *end = text + strlen(text);
    unsigned columns = 0;
    uint32_t code_point;
    for (size_t step; (step = str_next_code_point(text, end, &code_point)) != 0; text += step) {
        if (code_point < 0x300)
            columns += code_point >= 0x20 && code_point != 0x7F && code_point != 0xAD;
        else if (in_ranges(double_width, ARRAY_SIZE(double_width), code_point))
            columns += 2;
        else
            columns += !in_ranges(zero_width, ARRAY_SIZE(zero_width), code_point);
    }
    return columns;
}

/* Characters that reorder or hide text (Unicode UAX #9, explicit and implicit marks), line and paragraph separators, tags, BOM. */
static bool is_deceptive(uint32_t c)
{
    return (c >= 0x80 && c <= 0x9F) || (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x206F) ||
           c == 0x061C || c == 0x2028 || c == 0x2029 || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE007F);
}

static bool add_harmless_ascii(struct buf *buf, char c, bool keep_newlines)
{
    if ((c >= 0x20 && c != 0x7F) || (keep_newlines && (c == '\n' || c == '\t')))
        return buf_add_char(buf, c);
    switch (c) {
    case '\n':
        return buf_add_text(buf, "\\n");
    case '\r':
        return buf_add_text(buf, "\\r");
    case '\t':
        return buf_add_text(buf, "\\t");
    default:
        return buf_add_text(buf, "\xEF\xBF\xBD");
    }
}

bool str_add_harmless(struct buf *buf, const char *text, bool keep_newlines)
{
    const char *end = text + strlen(text);
    uint32_t code_point;
    bool fits = true;
    for (size_t step; fits && (step = str_next_code_point(text, end, &code_point)) != 0; text += step) {
        if (keep_newlines && text[0] == '\r' && text[1] == '\n')
            continue;
        if (code_point < 0x80)
            fits = add_harmless_ascii(buf, *text, keep_newlines);
        else if (is_deceptive(code_point) || code_point == 0xFFFD)
            fits = buf_add_text(buf, "\xEF\xBF\xBD");
        else
            fits = buf_add(buf, text, step);
    }
    return fits;
}

/* c: of those that do not stand for themselves. */
static bool add_json_byte(struct buf *buf, unsigned char c)
{
    static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = memchr(named, c, sizeof named - 1);
    if (at)
        return buf_add_char(buf, '\\') && buf_add_char(buf, letters[at - named]);
    return buf_printf(buf, "\\u%04x", c);
}

/* How many bytes stand for themselves: most of most texts, and then copied at once. */
static size_t plain_json(const char *text)
{
    size_t size = 0;
    while (text[size] >= 0x20 && text[size] < 0x7F && text[size] != '"' && text[size] != '\\')
        size++;
    return size;
}

bool str_add_json(struct buf *buf, const char *text)
{
    const char *end = text + strlen(text);
    uint32_t code_point;
    bool fits = buf_add_char(buf, '"');
    while (fits && text < end) {
        size_t step = plain_json(text);
        if (step > 0)
            fits = buf_add(buf, text, step);
        else if ((step = str_next_code_point(text, end, &code_point)) && code_point < 0x80)
            fits = add_json_byte(buf, (unsigned char)*text);
        else if (step == 1)
            fits = buf_add_text(buf, "\xEF\xBF\xBD");
        else
            fits = buf_add(buf, text, step);
        text += step;
    }
    return fits && buf_add_char(buf, '"');
}

bool str_add_json_harmless(struct buf *buf, const char *json)
{
    const char *end = json + strlen(json), *plain = json;
    uint32_t code_point;
    bool fits = true;
    for (size_t step; fits && (step = str_next_code_point(json, end, &code_point)) != 0; json += step) {
        if (code_point != 0x7F && !is_deceptive(code_point))
            continue;
        fits = buf_add(buf, plain, (size_t)(json - plain));
        if (code_point >= 0x10000)
            fits = fits && buf_printf(buf, "\\u%04x\\u%04x", 0xD7C0 + (code_point >> 10), 0xDC00 + (code_point & 0x3FF));
        else
            fits = fits && buf_printf(buf, "\\u%04x", code_point);
        plain = json + step;
    }
    return fits && buf_add(buf, plain, (size_t)(end - plain));
}

void str_hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_from_hex(const char *hex, unsigned char *bytes, size_t size)
{
    if (strlen(hex) != size * 2)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(hex[i * 2]), low = hex_value(hex[i * 2 + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
