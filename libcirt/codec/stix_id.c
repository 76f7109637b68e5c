#include "codec/stix_id.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/sha256.h"

enum { UUID_SIZE = 16, SHA1_SIZE = 20 };

/* 00abedb4-aa42-466c-9c01-fed23315a9b7 */
static const unsigned char observable_space[UUID_SIZE] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c,
                                                          0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};

static void canonical_string(const char *text, struct buf *out)
{
    static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\"; /* what has an escape of its own, and its letter */
    buf_add_char(out, '"');
    for (; *text; text++) {
        const char *found = named;
        while (*found && *found != *text)
            found += 2;
        if (*found) {
            buf_add_char(out, '\\');
            buf_add_char(out, found[1]);
        } else if ((unsigned char)*text < 0x20) {
            buf_printf(out, "\\u%04x", (unsigned)*text);
        } else {
            buf_add_char(out, *text);
        }
    }
    buf_add_char(out, '"');
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* By bytes, which for the names here (ASCII) is the order of UTF-16 that the RFC asks for. */
static void canonical_object(const json_t *object, struct buf *out)
{
    size_t count = 0;
    const char **names = mem_calloc(json_object_size(object) + 1, sizeof *names), *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        names[count++] = name;
    }
    qsort(names, count, sizeof *names, compare_names);
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_char(out, ',');
        canonical_string(names[i], out);
        buf_add_char(out, ':');
        stix_id_canonical(json_object_get(object, names[i]), out);
    }
    buf_add_char(out, '}');
    free(names);
}

static void canonical_array(const json_t *array, struct buf *out)
{
    size_t index;
    json_t *element;
    buf_add_char(out, '[');
    json_array_foreach(array, index, element)
    {
        if (index)
            buf_add_char(out, ',');
        stix_id_canonical(element, out);
    }
    buf_add_char(out, ']');
}

void stix_id_canonical(const json_t *value, struct buf *out)
{
    if (json_is_object(value))
        canonical_object(value, out);
    else if (json_is_array(value))
        canonical_array(value, out);
    else if (json_is_string(value))
        canonical_string(json_string_value(value), out);
    else if (json_is_integer(value))
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    else
        buf_add_text(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
}

static void write_id(char id[STIX_ID_SIZE], const char *type, unsigned char uuid[UUID_SIZE], unsigned version)
{
    char hex[2 * UUID_SIZE + 1];
    uuid[6] = (unsigned char)((uuid[6] & 0x0f) | (version << 4));
    uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80);
    str_hex(uuid, UUID_SIZE, hex);
    snprintf(id, STIX_ID_SIZE, "%.48s--%.8s-%.4s-%.4s-%.4s-%.12s", type, hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void stix_id_observable(char id[STIX_ID_SIZE], const char *type, const json_t *contributing)
{
    struct buf text;
    unsigned char digest[SHA1_SIZE];
    gsize size = sizeof digest;
    buf_init(&text, SIZE_MAX / 2);
    stix_id_canonical(contributing, &text);
    GChecksum *sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(sha1, observable_space, sizeof observable_space);
    g_checksum_update(sha1, (const guchar *)buf_text(&text), (gssize)text.size);
    g_checksum_get_digest(sha1, digest, &size);
    g_checksum_free(sha1);
    buf_clear(&text);
    write_id(id, type, digest, 5);
}

void stix_id_object(char id[STIX_ID_SIZE], const char *type, const void *seed, size_t size)
{
    char hex[SHA256_HEX_SIZE];
    unsigned char uuid[UUID_SIZE] = {0};
    sha256_hex(seed, size, hex);
    hex[2 * sizeof uuid] = '\0';
    if (!str_from_hex(hex, uuid, sizeof uuid))
        memset(uuid, 0, sizeof uuid); /* cannot be: a digest is hexadecimal */
    write_id(id, type, uuid, 4);
}
