#include "cirtd/key_facts.h"

#include "base/timestamp.h"

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
