#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/str.h"
#include "codec/base64.h"
#include "codec/sha256.h"
#include "codec/xarf.h"

/* Text of an item that is kept beside the digest; the document itself is kept in any case. */
enum { TEXT_MAX = 16 * 1024 };

struct payload {
    unsigned char *bytes; /* heap */
    size_t size;
    bool is_plain; /* it came as text */
};

/* Names of version 3, and what they are called in version 4. */
static const char *const renamed[][2] = {
    {"ContentType", "content_type"}, {"Description", "description"}, {"Payload", "payload"}, {"Data", "payload"},
    {"FileName", "file_name"},       {"FileSize", "file_size"},
};

static void rename_members(json_t *item)
{
    for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
        json_t *value = json_take_member(item, renamed[i][0]);
        if (value && !json_object_get(item, renamed[i][1]))
            json_object_set(item, renamed[i][1], value);
        json_decref(value);
    }
}

/* Lines of base64 are common, though the schema knows none. */
static bool decode(const char *text, struct payload *out)
{
    size_t size = strlen(text), used = 0;
    char *packed = mem_calloc(size + 1, 1);
    for (const char *c = text; *c; c++)
        if (!strchr(" \t\r\n", *c))
            packed[used++] = *c;
    out->bytes = mem_calloc(size + 1, 1);
    bool ok = base64_decode(packed, out->bytes, size, &out->size);
    free(packed);
    return ok;
}

/* Version 3 says whether it is encoded; where it does not (Attachment's Data) and in version 4 it is. */
static bool read_payload(json_t *item, const char *text, struct payload *out)
{
    json_t *is_encoded = json_take_member(item, "Base64Encoded");
    out->is_plain = is_encoded && !json_is_true(is_encoded);
    json_decref(is_encoded);
    if (!out->is_plain)
        return decode(text, out);
    out->size = strlen(text);
    out->bytes = (unsigned char *)mem_strdup(text);
    return true;
}

static const struct {
    const char *name;
    GChecksumType type;
} algorithms[] = {{"md5", G_CHECKSUM_MD5}, {"sha1", G_CHECKSUM_SHA1}, {"sha256", G_CHECKSUM_SHA256}, {"sha512", G_CHECKSUM_SHA512}};

/* NULL, or what is wrong with the hash that came along. */
static const char *judge_hash(const char *hash, const struct payload *payload)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        size_t size = strlen(algorithms[i].name);
        if (strncasecmp(hash, algorithms[i].name, size) != 0 || hash[size] != ':')
            continue;
        char *digest = g_compute_checksum_for_data(algorithms[i].type, payload->bytes, payload->size);
        bool is_same = str_equal_nocase(digest, hash + size + 1);
        g_free(digest);
        return is_same ? NULL : "the hash is not that of the payload";
    }
    return "the hash is of no algorithm we know";
}

static bool is_text(const json_t *item, const struct payload *payload)
{
    const char *type = json_string_value(json_object_get(item, "content_type"));
    bool is_textual = payload->is_plain || (type && (str_starts_nocase(type, "text/") || str_equal_nocase(type, "message/rfc822")));
    size_t bad_at;
    return is_textual && payload->size <= TEXT_MAX && str_is_utf8((const char *)payload->bytes, payload->size, &bad_at);
}

static void describe(json_t *item, const struct payload *payload)
{
    char digest[SHA256_HEX_SIZE];
    const char *hash = json_string_value(json_object_get(item, "hash"));
    const char *warning = hash ? judge_hash(hash, payload) : NULL;
    sha256_hex(payload->bytes, payload->size, digest);
    json_object_set_new(item, "size", json_integer((json_int_t)payload->size));
    json_object_set_new(item, "sha256", json_string(digest));
    if (is_text(item, payload))
        json_object_set_new(item, "text", json_stringn((const char *)payload->bytes, payload->size));
    if (warning)
        json_object_set_new(item, "warning", json_string(warning));
    else
        json_object_del(item, "hash"); /* it says what sha256 says */
}

static void take_item(json_t *item)
{
    struct payload payload = {0};
    if (!json_is_object(item))
        return;
    rename_members(item);
    json_t *text = json_take_member(item, "payload");
    if (json_is_string(text) && read_payload(item, json_string_value(text), &payload))
        describe(item, &payload);
    else if (text) {
        json_object_set_new(item, "warning", json_string("the payload is no base64"));
        if (json_string_length(text) && json_string_length(text) <= TEXT_MAX)
            json_object_set(item, "text", text);
    }
    free(payload.bytes);
    json_decref(text);
}

void xarf_evidence_take(json_t *event, const char *name)
{
    json_t *list = json_take_member(event, name), *item;
    size_t i;
    json_array_foreach(list, i, item) take_item(item);
    if (list)
        json_object_set(event, "evidence", list);
    json_decref(list);
}

/* --- writing --- */

static json_t *write_item(const json_t *item)
{
    const char *text = json_string_value(json_object_get(item, "text")), *type = json_string_value(json_object_get(item, "content_type"));
    json_t *description = json_object_get(item, "description");
    char hash[SHA256_HEX_SIZE + 8] = "sha256:";
    struct buf payload;
    if (!text || !type)
        return NULL;
    buf_init(&payload, 2 * TEXT_MAX);
    base64_encode(&payload, (const unsigned char *)text, strlen(text));
    sha256_hex(text, strlen(text), hash + strlen(hash));
    json_t *out = json_pack("{ss ss ss si}", "content_type", type, "payload", buf_text(&payload), "hash", hash, "size", (int)strlen(text));
    if (json_is_string(description))
        json_object_set(out, "description", description);
    buf_clear(&payload);
    return out;
}

json_t *xarf_evidence_write(const json_t *list)
{
    enum { ITEMS_MAX = 50 };
    json_t *out = json_array(), *item;
    size_t i;
    json_array_foreach((json_t *)list, i, item)
    {
        json_t *written = json_array_size(out) < ITEMS_MAX ? write_item(item) : NULL;
        if (written)
            json_array_append_new(out, written);
    }
    if (json_array_size(out))
        return out;
    json_decref(out);
    return NULL;
}
