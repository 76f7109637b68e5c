#include "cirtd/signatures.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"

static void set_text(json_t *object, const char *member, const char *text)
{
    if (text && *text)
        json_object_set_new(object, member, json_string(text));
}

static json_t *payload_of(const void *payload, size_t size)
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    digest_sha256(payload, size, digest);
    str_hex(digest, sizeof digest, hex);
    return json_string(hex);
}

json_t *signatures_of_openpgp(const struct openpgp_signatures *seen, const void *payload, size_t size)
{
    json_t *list = json_array();
    for (size_t i = 0; i < seen->count; i++) {
        const struct openpgp_signature *signature = &seen->items[i];
        json_t *item = json_pack("{s:s, s:s}", "protocol", "openpgp", "status", openpgp_status_name(signature->status));
        set_text(item, "fingerprint", signature->fingerprint);
        set_text(item, "signer", signature->signer);
        set_text(item, "hash", signature->hash);
        set_text(item, "algorithm", signature->algorithm);
        set_text(item, "key_now", openpgp_key_now_name(signature->key_now));
        set_text(item, "error", signature->text);
        if (signature->made != TIMESTAMP_NONE)
            json_object_set_new(item, "made", json_integer(signature->made));
        json_object_set_new(item, "payload", payload_of(payload, size));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *addresses_of(const struct smime_certificate *certificate)
{
    json_t *list = json_array();
    for (size_t i = 0; i < certificate->address_count; i++)
        json_array_append_new(list, json_string(certificate->addresses[i]));
    return list;
}

json_t *signatures_of_smime(const struct smime_signatures *seen, const void *payload, size_t size)
{
    json_t *list = json_array();
    for (size_t i = 0; i < seen->count; i++) {
        const struct smime_signature *signature = &seen->items[i];
        json_t *item = json_pack("{s:s, s:s, s:b, s:b, s:o}", "protocol", "smime", "status", smime_status_name(signature->status), "sound",
                                 signature->is_sound, "chain", signature->has_chain, "addresses", addresses_of(&signature->certificate));
        set_text(item, "fingerprint", signature->certificate.fingerprint);
        set_text(item, "signer", signature->signer);
        set_text(item, "hash", signature->hash);
        set_text(item, "algorithm", signature->algorithm);
        set_text(item, "key_now", smime_key_now_name(signature->key_now));
        set_text(item, "error", signature->text);
        if (signature->made != TIMESTAMP_NONE)
            json_object_set_new(item, "made", json_integer(signature->made));
        json_object_set_new(item, "payload", payload_of(payload, size));
        json_array_append_new(list, item);
    }
    return list;
}

json_t *signatures_broken(const char *protocol, const char *why)
{
    json_t *item = json_pack("{s:s, s:s}", "protocol", protocol, "status", signature_verdict_name(SIGNATURE_ERROR));
    set_text(item, "error", why);
    return item;
}

const char *signatures_text(const json_t *signature, const char *member)
{
    const char *text = json_string_value(json_object_get(signature, member));
    return text ? text : "";
}

int64_t signatures_made(const json_t *signature)
{
    const json_t *made = json_object_get(signature, "made");
    return json_is_integer(made) ? json_integer_value(made) : TIMESTAMP_NONE;
}

enum signature_verdict signatures_verdict(const json_t *signature, bool is_pinned)
{
    enum signature_verdict verdict;
    if (is_pinned && json_is_true(json_object_get(signature, "sound")))
        return SIGNATURE_GOOD;
    return signature_verdict_parse(signatures_text(signature, "status"), &verdict) ? verdict : SIGNATURE_ERROR;
}

bool signatures_payload(const json_t *signature, unsigned char digest[DIGEST_SHA256_SIZE])
{
    const char *payload = signatures_text(signature, "payload");
    if (signatures_verdict(signature, true) != SIGNATURE_GOOD || !*payload)
        return false;
    char *text = mem_printf("%s %s %lld", payload, signatures_text(signature, "fingerprint"), (long long)signatures_made(signature));
    digest_sha256(text, strlen(text), digest);
    free(text);
    return true;
}
