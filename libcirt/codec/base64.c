#include "codec/base64.h"

#include <string.h>

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16;
        if (i + 1 < size)
            group |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < size)
            group |= bytes[i + 2];
        buf_add_char(out, LETTERS[group >> 18]);
        buf_add_char(out, LETTERS[group >> 12 & 63]);
        buf_add_char(out, i + 1 < size ? LETTERS[group >> 6 & 63] : '=');
        buf_add_char(out, i + 2 < size ? LETTERS[group & 63] : '=');
    }
}

bool base64_decode(const char *text, unsigned char *bytes, size_t size_max, size_t *size)
{
    size_t length = strlen(text), used = 0;
    size_t padding = length ? strlen(text + strcspn(text, "=")) : 0;
    if (length % 4 || padding > 2 || (padding == 2 && text[length - 1] != '='))
        return false;
    unsigned group = 0;
    for (size_t i = 0; i < length; i++) {
        const char *letter = text[i] == '=' ? LETTERS : strchr(LETTERS, text[i]);
        if (!letter)
            return false;
        group = group << 6 | (unsigned)(letter - LETTERS);
        if (i % 4 != 3)
            continue;
        size_t wanted = i + 1 == length ? 3 - padding : 3;
        if (wanted > size_max - used)
            return false;
        for (size_t k = 0; k < wanted; k++)
            bytes[used++] = (unsigned char)(group >> (16 - 8 * k) & 0xFF);
        group = 0;
    }
    *size = used;
    return true;
}
