#include "codec/mail_pgp.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"

#define BEGIN           "-----BEGIN PGP "
#define SIGNATURE_BEGIN "-----BEGIN PGP SIGNATURE-----"

/* --- packets (RFC 9580 section 4) --- */

enum {
    TAG_SESSION_KEY = 1,
    TAG_SIGNATURE = 2,
    TAG_PASSWORD_KEY = 3,
    TAG_ONE_PASS = 4,
    TAG_SECRET_KEY = 5,
    TAG_PUBLIC_KEY = 6,
    TAG_COMPRESSED = 8,
    TAG_ENCRYPTED = 9,
    TAG_MARKER = 10,
    TAG_PROTECTED = 18,
    TAG_AEAD = 20,
    TAG_PADDING = 21
};

/* The packet at the start: its tag, and its whole size (more than `size` where it is cut, SIZE_MAX where only its end would tell).
 * False where there is none. */
static bool packet_read(const unsigned char *bytes, size_t size, unsigned *tag, size_t *packet_size)
{
    if (size < 2 || !(bytes[0] & 0x80))
        return false;
    size_t header = 2, length = bytes[1];
    *packet_size = (size_t)-1;
    if (bytes[0] & 0x40) {
        *tag = bytes[0] & 0x3f;
        if (length >= 224 && length < 255)
            return true; /* in parts */
        header = length < 192 ? 2 : length < 224 ? 3 : 6;
        if (size < header)
            return true;
        if (header == 3)
            length = ((length - 192) << 8) + bytes[2] + 192;
        else if (header == 6)
            length = (size_t)bytes[2] << 24 | (size_t)bytes[3] << 16 | (size_t)bytes[4] << 8 | bytes[5];
    } else {
        unsigned length_type = bytes[0] & 3;
        *tag = bytes[0] >> 2 & 0xf;
        if (length_type == 3)
            return true;
        header = length_type == 0 ? 2 : length_type == 1 ? 3 : 5;
        if (size < header)
            return true;
        for (size_t i = 2; i < header; i++)
            length = length << 8 | bytes[i];
    }
    *packet_size = header + length;
    return true;
}

static enum mail_pgp_kind kind_of_tag(unsigned tag)
{
    switch (tag) {
    case TAG_SESSION_KEY:
    case TAG_PASSWORD_KEY:
    case TAG_ENCRYPTED:
    case TAG_PROTECTED:
    case TAG_AEAD:
        return MAIL_PGP_ENCRYPTED;
    case TAG_ONE_PASS:
    case TAG_COMPRESSED:
        return MAIL_PGP_MESSAGE;
    case TAG_SIGNATURE:
        return MAIL_PGP_SIGNATURE;
    case TAG_PUBLIC_KEY:
        return MAIL_PGP_KEY;
    case TAG_SECRET_KEY:
        return MAIL_PGP_SECRET;
    default:
        return MAIL_PGP_NONE;
    }
}

static enum mail_pgp_kind peek_packets(const unsigned char *bytes, size_t size)
{
    enum mail_pgp_kind kind = MAIL_PGP_NONE;
    unsigned tag;
    size_t packet_size;
    for (size_t at = 0; at < size && packet_read(bytes + at, size - at, &tag, &packet_size); at += packet_size) {
        if (tag != TAG_MARKER && tag != TAG_PADDING) {
            /* Signatures alone are detached; before anything else they sign it. */
            if (kind == MAIL_PGP_SIGNATURE && tag != TAG_SIGNATURE)
                return MAIL_PGP_MESSAGE;
            kind = kind_of_tag(tag);
            if (kind != MAIL_PGP_SIGNATURE)
                return kind;
        }
        if (packet_size > size - at)
            break;
    }
    return kind;
}

/* --- armour (RFC 9580 section 6) --- */

/* The line at `at`: its end without line end and blanks before it; returns where the next begins. */
static size_t line_at(const char *text, size_t size, size_t at, size_t *end)
{
    const char *newline = memchr(text + at, '\n', size - at);
    size_t next = newline ? (size_t)(newline - text) + 1 : size;
    *end = newline ? next - 1 : next;
    while (*end > at && strchr(" \t\r", text[*end - 1]))
        (*end)--;
    return next;
}

static bool line_is(const char *text, size_t at, size_t end, const char *wanted)
{
    size_t size = strlen(wanted);
    return end - at == size && memcmp(text + at, wanted, size) == 0;
}

static const struct armour {
    const char *name;
    enum mail_pgp_kind kind;
} armours[] = {
    {"MESSAGE", MAIL_PGP_MESSAGE},      {"SIGNED MESSAGE", MAIL_PGP_CLEAR},     {"SIGNATURE", MAIL_PGP_SIGNATURE},
    {"PUBLIC KEY BLOCK", MAIL_PGP_KEY}, {"PRIVATE KEY BLOCK", MAIL_PGP_SECRET},
};

/* Which armour the line begins, or NULL. */
static const struct armour *armour_of(const char *text, size_t at, size_t end)
{
    static const size_t begin = sizeof BEGIN - 1;
    if (end - at < begin + 5 || memcmp(text + at, BEGIN, begin) != 0 || memcmp(text + end - 5, "-----", 5) != 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(armours); i++)
        if (line_is(text, at + begin, end - 5, armours[i].name))
            return &armours[i];
    return NULL;
}

static int base64_value(unsigned char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* What the armoured data in text (the lines between the first and the last) begins with. */
static enum mail_pgp_kind peek_armour(const char *text, size_t size)
{
    unsigned char first[96];
    size_t count = 0, at = 0, end = 0;
    unsigned bits = 0, held = 0;
    while (at < size) {
        size_t line = at;
        at = line_at(text, size, at, &end);
        if (end == line)
            break;
    }
    for (; at < size && count < sizeof first && text[at] != '='; at++) {
        int value = base64_value((unsigned char)text[at]);
        if (value < 0)
            continue;
        bits = (bits << 6 | (unsigned)value) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            first[count++] = (unsigned char)(bits >> held & 0xff);
        }
    }
    return peek_packets(first, count);
}

/* --- blocks --- */

bool mail_pgp_is_closed(enum mail_pgp_kind kind)
{
    return kind == MAIL_PGP_ENCRYPTED || kind == MAIL_PGP_MESSAGE;
}

static bool is_hash_header(const char *line, size_t size)
{
    static const char hash[] = "Hash: ";
    if (size <= sizeof hash - 1 || memcmp(line, hash, sizeof hash - 1) != 0)
        return false;
    for (size_t i = sizeof hash - 1; i < size; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/, ", line[i]) || !line[i])
            return false;
    return true;
}

/* The text of a cleartext signature, from behind its first line on. False where anything in it could be read in two ways. */
static bool read_clear(const char *text, size_t size, size_t at, struct mail_pgp_block *block)
{
    size_t end = at;
    bool is_sound = true;
    for (size_t line = at; at < size; line = at) {
        const char *newline = memchr(text + at, '\n', size - at);
        at = line_at(text, size, at, &end);
        if (end == line) {
            /* Really empty: what looks so may be text to another reader. */
            is_sound = is_sound && newline && (newline == text + line || (newline == text + line + 1 && text[line] == '\r'));
            break;
        }
        is_sound = is_sound && is_hash_header(text + line, end - line);
    }
    block->text_at = at;
    for (size_t line = at; line < size; line = at) {
        at = line_at(text, size, line, &end);
        if (line_is(text, line, end, SIGNATURE_BEGIN)) {
            block->text_end = line;
            return is_sound;
        }
        if (text[line] == '-' && !(line + 1 < size && text[line + 1] == ' '))
            is_sound = false;
    }
    block->text_end = size;
    return false;
}

/* Up to and with the line that ends the armour of that name; false where there is none. */
static bool find_end(const char *text, size_t size, size_t at, const char *name, size_t *data_end, size_t *end)
{
    static const char ending[] = "-----END PGP ";
    while (at < size) {
        size_t line = at;
        at = line_at(text, size, line, end);
        if (*end - line == sizeof ending - 1 + strlen(name) + 5 && memcmp(text + line, ending, sizeof ending - 1) == 0 &&
            memcmp(text + line + sizeof ending - 1, name, strlen(name)) == 0 && memcmp(text + *end - 5, "-----", 5) == 0) {
            *data_end = line;
            return true;
        }
    }
    *data_end = *end = size;
    return false;
}

static void read_block(const char *text, size_t size, size_t begin, size_t next, const struct armour *armour, struct mail_pgp_block *out)
{
    size_t data_end;
    *out = (struct mail_pgp_block){.kind = armour->kind, .at = begin, .is_sound = true};
    const char *name = armour->name;
    if (armour->kind == MAIL_PGP_CLEAR) {
        out->is_sound = read_clear(text, size, next, out);
        next = out->text_end;
        name = "SIGNATURE";
    }
    out->is_sound = find_end(text, size, next, name, &data_end, &out->end) && out->is_sound;
    if (armour->kind == MAIL_PGP_MESSAGE)
        out->kind = peek_armour(text + next, data_end - next);
}

bool mail_pgp_next(const char *text, size_t size, size_t from, struct mail_pgp_block *out)
{
    for (size_t at = from, next, end; at < size; at = next) {
        next = line_at(text, size, at, &end);
        const struct armour *armour = armour_of(text, at, end);
        if (armour) {
            read_block(text, size, at, next, armour, out);
            return true;
        }
    }
    return false;
}

bool mail_pgp_clear_text(const char *text, const struct mail_pgp_block *block, struct buf *out)
{
    for (size_t at = block->text_at, end; at < block->text_end;) {
        size_t line = at;
        at = line_at(text, block->text_end, line, &end);
        if (end - line >= 2 && text[line] == '-' && text[line + 1] == ' ')
            line += 2;
        else if (end - line == 1 && text[line] == '-')
            line = end; /* "- " whose blank was one at the line's end: an empty line */
        buf_add(out, text + line, end - line);
        if (at < block->text_end)
            buf_add_text(out, "\r\n");
    }
    return !out->full;
}

enum mail_pgp_kind mail_pgp_peek(const char *bytes, size_t size)
{
    size_t at = 0, end;
    while (at < size && strchr(" \t\r\n", bytes[at]) && bytes[at])
        at++;
    size_t next = at < size ? line_at(bytes, size, at, &end) : at;
    const struct armour *armour = at < size ? armour_of(bytes, at, end) : NULL;
    if (!armour)
        return peek_packets((const unsigned char *)bytes, size);
    if (armour->kind != MAIL_PGP_MESSAGE)
        return armour->kind;
    return peek_armour(bytes + next, size - next);
}
