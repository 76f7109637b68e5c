#include "codec/mail_keys.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/base64.h"
#include "codec/mail_cms.h"
#include "codec/mail_pgp.h"
#include "codec/mime_body.h"

enum { HEADERS_MAX = 20, KEY_SIZE_MAX = 512 * 1024 };

static struct mail_key *add_key(struct arena *arena, struct mail_keys *out, enum mail_key_source source, const char *bytes, size_t size)
{
    if (out->count == MAIL_KEYS_MAX || size > KEY_SIZE_MAX)
        return NULL;
    if (!out->items)
        out->items = arena_calloc(arena, MAIL_KEYS_MAX, sizeof *out->items);
    struct mail_key *key = &out->items[out->count++];
    *key = (struct mail_key){.source = source, .bytes = arena_strndup(arena, bytes, size), .size = size};
    return key;
}

/* --- Autocrypt --- */

struct autocrypt {
    const char *address, *keydata;
    bool is_mutual;
};

/* Splits "name=value; ..." in place; false where the header must be ignored (Autocrypt 1.1 section 2.1). */
static bool read_attributes(char *text, struct autocrypt *out)
{
    for (char *next; text; text = next) {
        next = strchr(text, ';');
        if (next)
            *next++ = '\0';
        text += strspn(text, " \t");
        char *value = strchr(text, '=');
        if (!*text && !next)
            break;
        if (!value)
            return false;
        *value++ = '\0';
        text[strcspn(text, " \t")] = '\0';
        value += strspn(value, " \t");
        if (strcasecmp(text, "addr") == 0)
            out->address = value;
        else if (strcasecmp(text, "prefer-encrypt") == 0)
            out->is_mutual = strcasecmp(value, "mutual") == 0;
        else if (strcasecmp(text, "keydata") == 0)
            out->keydata = value;
        else if (text[0] != '_')
            return false; /* critical, and unknown */
    }
    return out->address && out->keydata;
}

static bool read_keydata(struct arena *arena, const char *keydata, char **bytes, size_t *size)
{
    char *packed = arena_calloc(arena, strlen(keydata) + 1, 1), *to = packed;
    for (; *keydata; keydata++)
        if (!isspace((unsigned char)*keydata))
            *to++ = *keydata;
    *bytes = arena_calloc(arena, strlen(packed) + 1, 1);
    return base64_decode(packed, (unsigned char *)*bytes, strlen(packed) + 1, size) && mail_pgp_peek(*bytes, *size) == MAIL_PGP_KEY;
}

static void trim(char *text)
{
    for (size_t size = strlen(text); size > 0 && isspace((unsigned char)text[size - 1]);)
        text[--size] = '\0';
}

static void read_autocrypt(const struct mime *mime, const char *from, struct arena *arena, struct mail_keys *out)
{
    const char *raw;
    struct autocrypt chosen = {.address = NULL};
    char *key = NULL;
    size_t key_size = 0;
    unsigned valid = 0;
    for (unsigned n = 0; n < HEADERS_MAX && (raw = mime_header(mime, &mime->parts[0], "Autocrypt", n)); n++) {
        struct autocrypt header = {.address = NULL};
        char *bytes;
        size_t size;
        if (!read_attributes(arena_strdup(arena, raw), &header))
            continue;
        char *address = arena_strdup(arena, header.address);
        trim(address);
        if (strcasecmp(address, from) != 0 || !read_keydata(arena, header.keydata, &bytes, &size))
            continue;
        chosen = header;
        key = bytes;
        key_size = size;
        valid++;
    }
    struct mail_key *added = valid == 1 ? add_key(arena, out, MAIL_KEY_AUTOCRYPT, key, key_size) : NULL;
    if (added) {
        added->address = arena_strdup(arena, from);
        added->prefers_encrypted = chosen.is_mutual;
    }
}

/* --- attached --- */

static bool has_one_of(const char *text, const char *const *words, bool at_end)
{
    size_t size = text ? strlen(text) : 0;
    for (; size && *words; words++) {
        size_t length = strlen(*words);
        if (at_end ? size > length && strcasecmp(text + size - length, *words) == 0 : strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

static bool may_be_key(const struct mime_part *part)
{
    static const char *const types[] = {"application/pgp-keys", "application/pgp", NULL};
    static const char *const extensions[] = {".asc", ".pgp", ".gpg", ".key", NULL};
    return has_one_of(part->type, types, false) || has_one_of(part->name, extensions, true);
}

static bool may_be_certificate(const struct mime_part *part)
{
    static const char *const types[] = {"application/pkix-cert",
                                        "application/x-x509-user-cert",
                                        "application/x-x509-email-cert",
                                        "application/pkcs7-mime",
                                        "application/x-pkcs7-mime",
                                        "application/x-pkcs7-certificates",
                                        NULL};
    static const char *const extensions[] = {".cer", ".crt", ".der", ".p7c", ".p7b", NULL};
    return has_one_of(part->type, types, false) || has_one_of(part->name, extensions, true);
}

static bool is_certificate(const struct buf *body)
{
    static const char pem[] = "-----BEGIN CERTIFICATE-----";
    const unsigned char *bytes = (const unsigned char *)buf_text(body);
    struct mail_cms cms = mail_cms_peek(buf_text(body), body->size);
    if (cms.type != MAIL_CMS_NONE)
        return cms.type == MAIL_CMS_SIGNED && !cms.has_content && !cms.has_signers;
    /* Certificate ::= SEQUENCE { tbsCertificate SEQUENCE ... */
    bool is_der = body->size > 6 && bytes[0] == 0x30 && bytes[1] == 0x82 && bytes[4] == 0x30;
    return is_der || memmem(bytes, body->size, pem, sizeof pem - 1);
}

/* Part of a forwarded mail: its keys are somebody else's. */
static bool is_forwarded(const struct mime *mime, const struct mime_part *part)
{
    for (int above = part->parent; above != MIME_NONE; above = mime->parts[above].parent)
        if (mime_is_message(&mime->parts[above]))
            return true;
    return false;
}

static void read_attached(const struct mime *mime, const struct mime_part *part, struct arena *arena, struct mail_keys *out)
{
    bool is_key = may_be_key(part), is_cert = may_be_certificate(part);
    if (part->child_count > 0 || (!is_key && !is_cert) || part->body_size > 2 * KEY_SIZE_MAX || is_forwarded(mime, part))
        return;
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(mime, part, &body);
    is_key = is_key && mail_pgp_peek(buf_text(&body), body.size) == MAIL_PGP_KEY;
    is_cert = !is_key && is_cert && is_certificate(&body);
    struct mail_key *key = is_key || is_cert ? add_key(arena, out, MAIL_KEY_ATTACHED, buf_text(&body), body.size) : NULL;
    if (key) {
        key->is_certificate = is_cert;
        key->path = arena_strdup(arena, part->path);
    }
    buf_clear(&body);
}

void mail_keys_read(const struct mime *mime, const char *const *from, size_t from_count, struct arena *arena, struct mail_keys *out)
{
    *out = (struct mail_keys){.count = 0};
    if (from_count == 1 && !str_is_empty(from[0]) && !str_equal(mime->parts[0].type, "multipart/report"))
        read_autocrypt(mime, from[0], arena, out);
    for (size_t i = 0; i < mime->part_count; i++)
        read_attached(mime, &mime->parts[i], arena, out);
}

const char *mail_key_source_name(enum mail_key_source source)
{
    return source == MAIL_KEY_AUTOCRYPT ? "autocrypt" : "attachment";
}
