#include "cli/key_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/file.h"
#include "cli/words.h"
#include "crypto/key_block.h"

json_t *key_file_read(const char *path, struct err *err)
{
    struct key_block *block = NULL;
    struct buf bytes;
    json_t *list = NULL;

    err_clear(err);
    buf_init(&bytes, KEY_BLOCK_BYTES_MAX);
    if (file_bytes(path, &bytes, err)) {
        if (key_block_read(buf_text(&bytes), bytes.size, &block, err))
            list = json_array();
        else
            err_context(err, "%s", path);
    }
    for (size_t i = 0; block && i < block->count; i++)
        json_array_append_new(list, key_block_key_json(&block->items[i]));
    key_block_free(block);
    buf_clear(&bytes);
    return list;
}

bool key_file_merge(json_t *key, const char *known, struct err *err)
{
    const char *text = json_string_value(json_object_get(key, "armoured"));
    const char *fingerprint = json_string_value(json_object_get(key, "fingerprint"));
    struct key_block *block = NULL;
    json_t *merged;

    if (!str_equal(json_string_value(json_object_get(key, "protocol")), "openpgp") || str_equal(text, known))
        return true;
    if (!key_block_merge(fingerprint, known, text, &block, err))
        return err_context(err, "%s", fingerprint);
    merged = key_block_key_json(&block->items[0]);
    json_object_update(key, merged);
    json_decref(merged);
    key_block_free(block);
    return true;
}

json_t *key_file_record(const char *path, const char *address, struct err *err)
{
    json_t *list = key_file_read(path, err), *key, *addresses;

    if (!list)
        return NULL;
    key = json_incref(json_array_get(list, 0));
    if (json_array_size(list) != 1)
        err_set(err, ERR_INPUT, _("%s holds %zu keys: one a file, please"), path, json_array_size(list));
    else if (!str_equal(json_string_value(json_object_get(key, "protocol")), "openpgp"))
        err_set(err, ERR_INPUT, _("%s is a certificate: cirt key import %s, then cirt key pin"), path, path);
    else if (!address && json_array_size(json_object_get(key, "claims")) == 0 && !json_is_true(json_object_get(key, "revoked")))
        err_set(err, ERR_INPUT, _("the key in %s names no mail address: --mail ADDRESS says whose it is"), path);
    addresses = address ? json_string(address) : json_incref(json_array_get(json_object_get(key, "claims"), 0));
    /* A revoked key may name none any more: it comes for its revocation. */
    json_object_set_new(key, "addresses", addresses ? json_pack("[o]", addresses) : json_array());
    json_decref(list);
    if (err->code == ERR_NONE)
        return key;
    json_decref(key);
    return NULL;
}
