#include "model/observable_domain.h"

#include <ctype.h>
#include <glib.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum { DOMAIN_SIZE_MAX = 253, LABEL_SIZE_MAX = 63 };

static bool has_hyphen_at_edge(const char *label, size_t size)
{
    return label[0] == '-' || label[size - 1] == '-';
}

/* Letters, digits, "-" and "_" (service names) in at least two labels; the last is no number, else it would be an address, and no range of
 * numbers (198.51.100.7-9); no top level has "-" at its edge. */
static bool is_ascii_domain(const char *name)
{
    if (strlen(name) > DOMAIN_SIZE_MAX)
        return false;
    for (const char *label = name;;) {
        size_t size = strcspn(label, ".");
        if (size == 0 || size > LABEL_SIZE_MAX)
            return false;
        for (size_t i = 0; i < size; i++)
            if (!isalnum((unsigned char)label[i]) && label[i] != '_' && label[i] != '-')
                return false;
        if (!label[size])
            return label > name && strspn(label, "0123456789-") < size && !has_hyphen_at_edge(label, size);
        label += size + 1;
    }
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* How often there stands between labels what IDNA's mapping makes "." of. */
static size_t count_dots(const char *text)
{
    size_t dots = 0;
    const char *end = text + strlen(text);
    while (text < end) {
        uint32_t c;
        text += str_next_code_point(text, end, &c);
        dots += text < end && (c == '.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61);
    }
    return dots;
}

/* libidn2 holds UTS #46 to IDNA2008's letters and hyphens; browsers, and those who sell such names, do not. What GLib makes of symbols and
 * hyphens is the same as theirs, but for joiners and for characters that hold a dot ("⒈"). No top level has any of these. */
static const char *ascii_of_symbols(struct arena *arena, const char *text)
{
    uint8_t *last = NULL;
    char *ascii = strstr(text, "\u200c") || strstr(text, "\u200d") ? NULL : g_hostname_to_ascii(text);
    const char *copy = ascii && count_dots(ascii) == count_dots(text) ? arena_strdup(arena, ascii) : NULL;
    const char *dot = copy ? strrchr(copy, '.') : NULL;
    if (!dot || idn2_lookup_u8((const uint8_t *)dot + 1, &last, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        copy = NULL;
    idn2_free(last);
    g_free(ascii);
    return copy;
}

/* *is_strict: each label is one of IDNA2008. */
static const char *to_ascii(struct arena *arena, const char *text, bool *is_strict)
{
    uint8_t *ascii = NULL;
    *is_strict = true;
    if (is_ascii(text))
        return text;
    if (strlen(text) > DOMAIN_SIZE_MAX * 4 || !str_is_utf8(text, strlen(text), NULL))
        return NULL;
    int status = idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    *is_strict = status == IDN2_OK;
    if (status == IDN2_DISALLOWED || status == IDN2_HYPHEN_STARTEND || status == IDN2_2HYPHEN)
        return ascii_of_symbols(arena, text);
    const char *copy = status == IDN2_OK ? arena_strdup(arena, (const char *)ascii) : NULL;
    idn2_free(ascii);
    return copy;
}

const char *observable_domain_ascii(struct arena *arena, const char *text)
{
    bool is_strict;
    return to_ascii(arena, text, &is_strict);
}

const char *observable_domain(struct arena *arena, const char *text)
{
    text = observable_domain_ascii(arena, text);
    if (!text)
        return NULL;
    size_t size = strlen(text);
    if (size && text[size - 1] == '.')
        size--;
    if (size == 0 || size > DOMAIN_SIZE_MAX)
        return NULL;
    char *name = arena_strndup(arena, text, size);
    str_lower(name);
    return is_ascii_domain(name) ? name : NULL;
}

const char *observable_domain_strict(struct arena *arena, const char *text)
{
    bool is_strict;
    text = to_ascii(arena, text, &is_strict);
    const char *name = text && is_strict ? observable_domain(arena, text) : NULL;
    for (const char *label = name; label; label = strchr(label, '.') ? strchr(label, '.') + 1 : NULL)
        if (has_hyphen_at_edge(label, strcspn(label, ".")))
            return NULL;
    return name;
}

/* The local part without what quotes it; NULL where it is no quoted-string of RFC 5321, section 4.1.2, or has "@" in it, which is nobody's.
 */
static const char *unquote(struct arena *arena, const char *local)
{
    size_t size = strlen(local);
    if (size < 3 || local[0] != '"' || local[size - 1] != '"')
        return NULL;
    char *plain = arena_calloc(arena, size, 1), *to = plain;
    for (const char *c = local + 1; c < local + size - 1; c++) {
        if (*c == '"' || (*c == '\\' && ++c == local + size - 1))
            return NULL;
        if ((unsigned char)*c < ' ' || *c == 0x7F || *c == '@')
            return NULL;
        *to++ = *c;
    }
    return plain;
}

static bool is_plain_local(const char *local)
{
    for (const char *c = local; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("@<>()[],;:\\\"", *c))
            return false;
    return true;
}

/* Quoted only where it must be. */
static const char *quote(struct arena *arena, const char *plain)
{
    if (is_plain_local(plain))
        return plain;
    char *quoted = arena_calloc(arena, 2 * strlen(plain) + 3, 1), *to = quoted;
    *to++ = '"';
    for (const char *c = plain; *c; c++) {
        if (*c == '"' || *c == '\\')
            *to++ = '\\';
        *to++ = *c;
    }
    *to = '"';
    return quoted;
}

/* What is within "mailto:joe@a.example?subject=x" and "Joe <joe@a.example>"; else the text itself. */
static const char *bare_address(struct arena *arena, const char *text)
{
    const char *open = strrchr(text, '<');
    if (str_starts_nocase(text, "mailto:"))
        return arena_strndup(arena, text + 7, strcspn(text + 7, "?"));
    return open && str_ends(text, ">") ? arena_strndup(arena, open + 1, strlen(open) - 2) : text;
}

const char *observable_domain_email(struct arena *arena, const char *text)
{
    text = bare_address(arena, text);
    const char *at = strrchr(text, '@');
    if (!at || at == text || at - text > 64 || !str_is_utf8(text, (size_t)(at - text), NULL))
        return NULL;
    const char *local = arena_strndup(arena, text, (size_t)(at - text)), *plain = is_plain_local(local) ? local : unquote(arena, local);
    const char *domain = plain ? observable_domain(arena, at + 1) : NULL;
    return domain ? arena_printf(arena, "%s@%s", plain == local ? local : quote(arena, plain), domain) : NULL;
}
