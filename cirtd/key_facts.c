#include "cirtd/key_facts.h"

#include "base/timestamp.h"

static json_t *texts(const char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *moment(int64_t time)
{
    char text[TIMESTAMP_TEXT_SIZE];
    if (time == TIMESTAMP_NONE)
        return json_null();
    timestamp_format(time, text);
    return json_string(text);
}

json_t *key_facts_json(const struct key_block_key *key)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:b, s:b, s:s}", "protocol", key->is_smime ? "smime" : "openpgp", "fingerprint",
                     key->fingerprint, "key_ids", texts(key->key_ids, key->key_id_count), "claims",
                     texts(key->addresses, key->address_count), "user_id", key->user_id, "expires", moment(key->expires), "can_encrypt",
                     key->can_encrypt, "revoked", key->is_revoked, "armoured", key->text);
}

static void add_texts(struct db_array *array, const char *const *items, size_t count)
{
    db_array_init(array, DB_TEXT_ARRAY);
    for (size_t i = 0; i < count; i++)
        db_array_add_text(array, items[i]);
}

bool key_facts_confirm(struct stage_run *run, const char *fingerprint, const struct key_block_key *key, const char *problem,
                       const char *looked, struct err *err)
{
    static const struct key_block_key none = {.expires = TIMESTAMP_NONE};
    struct db_array ids, claims;
    char expires[TIMESTAMP_TEXT_SIZE];
    key = key ? key : &none;
    add_texts(&ids, key->key_ids, key->key_id_count);
    add_texts(&claims, key->addresses, key->address_count);
    if (key->expires != TIMESTAMP_NONE)
        timestamp_format(key->expires, expires);
    db_params_reset(run->params);
    db_text(run->params, fingerprint);
    db_array(run->params, &ids);
    db_array(run->params, &claims);
    db_text(run->params, key->user_id);
    db_text(run->params, key->expires != TIMESTAMP_NONE ? expires : NULL);
    db_bool(run->params, key->is_revoked);
    db_bool(run->params, key->can_encrypt);
    db_text(run->params, looked ? NULL : key->text);
    db_text(run->params, problem);
    db_text(run->params, looked);
    bool ok = db_run(run->db, SQL_VERIFY_KEY_CONFIRMED, run->params, NULL, err);
    db_array_clear(&ids);
    db_array_clear(&claims);
    return ok;
}
