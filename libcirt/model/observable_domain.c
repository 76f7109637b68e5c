#include "model/observable_domain.h"

#include <ctype.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum { DOMAIN_SIZE_MAX = 253, LABEL_SIZE_MAX = 63 };

/* Letters, digits, "-" inside, and "_" (service names) in at least two labels; the last is no number, else it would be an address. */
static bool is_ascii_domain(const char *name)
{
    size_t label = 0, labels = 0;
    bool all_digits = true;
    for (const char *c = name;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > LABEL_SIZE_MAX || c[-1] == '-')
                return false;
            labels++;
            if (*c == '\0')
                return labels >= 2 && !all_digits && c - name <= DOMAIN_SIZE_MAX;
            label = 0;
            all_digits = true;
            continue;
        }
        if (!(isalnum((unsigned char)*c) || *c == '_' || (*c == '-' && label > 0)))
            return false;
        all_digits = all_digits && isdigit((unsigned char)*c);
        label++;
    }
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

const char *observable_domain_ascii(struct arena *arena, const char *text)
{
    uint8_t *ascii = NULL;
    if (is_ascii(text))
        return text;
    if (strlen(text) > DOMAIN_SIZE_MAX * 4 || !str_is_utf8(text, strlen(text), NULL) ||
        idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return NULL;
    const char *copy = arena_strdup(arena, (const char *)ascii);
    idn2_free(ascii);
    return copy;
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

const char *observable_domain_email(struct arena *arena, const char *text)
{
    const char *at = strrchr(text, '@');
    if (!at || at == text || at - text > 64)
        return NULL;
    for (const char *c = text; c < at; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("@<>()[],;:\\\"", *c))
            return NULL;
    if (!str_is_utf8(text, (size_t)(at - text), NULL))
        return NULL;
    const char *domain = observable_domain(arena, at + 1);
    return domain ? arena_printf(arena, "%.*s@%s", (int)(at - text), text, domain) : NULL;
}
