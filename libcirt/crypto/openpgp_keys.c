/* The keys of a home, and those in a block of bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/openpgp_context.h"

enum { LOOK_CPU_MS = 2000 };

enum openpgp_key_now openpgp_key_state(bool is_revoked, bool is_disabled, int64_t expires)
{
    if (is_revoked)
        return OPENPGP_KEY_REVOKED;
    if (is_disabled)
        return OPENPGP_KEY_DISABLED;
    if (expires != TIMESTAMP_NONE && expires <= timestamp_now())
        return OPENPGP_KEY_EXPIRED;
    return OPENPGP_KEY_VALID;
}

static int64_t subkey_expires(gpgme_subkey_t subkey)
{
    return subkey->expires > 0 ? (int64_t)subkey->expires * TIMESTAMP_SECOND : TIMESTAMP_NONE;
}

static void remember_key(struct openpgp *openpgp, gpgme_key_t key)
{
    for (gpgme_subkey_t subkey = key->subkeys; subkey; subkey = subkey->next) {
        openpgp->keys = mem_grow(openpgp->keys, &openpgp->key_capacity, openpgp->key_count, sizeof *openpgp->keys);
        struct openpgp_known *known = &openpgp->keys[openpgp->key_count++];
        *known = (struct openpgp_known){.expires = subkey_expires(subkey),
                                        .is_revoked = key->revoked || subkey->revoked,
                                        .is_disabled = key->disabled || subkey->disabled || key->invalid || subkey->invalid};
        int64_t primary_expires = subkey_expires(key->subkeys);
        if (primary_expires != TIMESTAMP_NONE && (known->expires == TIMESTAMP_NONE || primary_expires < known->expires))
            known->expires = primary_expires;
        snprintf(known->fingerprint, sizeof known->fingerprint, "%s", subkey->fpr ? subkey->fpr : "");
        snprintf(known->primary, sizeof known->primary, "%s", key->subkeys->fpr ? key->subkeys->fpr : "");
    }
}

/* Also what another process imported counts at once: GnuPG replaces the keyring with each change. */
static struct openpgp_stamp stamp_of(const struct openpgp *openpgp)
{
    struct stat status;
    char *path = mem_printf("%s/pubring.kbx", openpgp->home);
    struct openpgp_stamp stamp = {.inode = 0};
    if (stat(path, &status) == 0)
        stamp = (struct openpgp_stamp){status.st_ino, status.st_size, status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec};
    free(path);
    return stamp;
}

bool openpgp_refresh_known(struct openpgp *openpgp, struct err *err)
{
    struct openpgp_stamp now = stamp_of(openpgp);
    if (openpgp->has_keys && now.inode == openpgp->stamp.inode && now.size == openpgp->stamp.size && now.changed == openpgp->stamp.changed)
        return true;
    return openpgp_load_known(openpgp, err);
}

bool openpgp_load_known(struct openpgp *openpgp, struct err *err)
{
    gpgme_key_t key;
    openpgp->key_count = 0;
    openpgp->has_keys = false;
    openpgp->stamp = stamp_of(openpgp);
    gpgme_set_keylist_mode(openpgp->context, GPGME_KEYLIST_MODE_LOCAL);
    gpgme_error_t why = gpgme_op_keylist_start(openpgp->context, NULL, 0);
    while (!why && !(why = gpgme_op_keylist_next(openpgp->context, &key))) {
        remember_key(openpgp, key);
        gpgme_key_unref(key);
    }
    if (gpgme_err_code(why) != GPG_ERR_EOF)
        return openpgp_failed(err, ERR_AGAIN, "GnuPG cannot list keys", why);
    openpgp->has_keys = true;
    return true;
}

const struct openpgp_known *openpgp_find_known(const struct openpgp *openpgp, const char *fingerprint)
{
    for (size_t i = 0; i < openpgp->key_count; i++)
        if (strcasecmp(openpgp->keys[i].fingerprint, fingerprint) == 0)
            return &openpgp->keys[i];
    return NULL;
}

static void add_addresses(struct openpgp_key *item, gpgme_key_t key)
{
    for (gpgme_user_id_t id = key->uids; id; id = id->next) {
        bool is_known = !id->address || !*id->address || id->revoked || strlen(id->address) >= OPENPGP_ADDRESS_SIZE;
        for (size_t i = 0; !is_known && i < item->address_count; i++)
            is_known = str_equal_nocase(item->addresses[i], id->address);
        if (is_known || item->address_count == OPENPGP_ADDRESSES_MAX || !str_is_utf8(id->address, strlen(id->address), NULL))
            continue;
        strcpy(item->addresses[item->address_count], id->address);
        str_lower(item->addresses[item->address_count++]);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == TIMESTAMP_NONE || (b != TIMESTAMP_NONE && b < a) ? b : a;
}

static void add_subkey(struct openpgp_key *item, gpgme_key_t key, gpgme_subkey_t subkey)
{
    int64_t ends = earlier(subkey_expires(key->subkeys), subkey_expires(subkey));
    bool is_usable = openpgp_key_state(key->revoked || subkey->revoked,
                                       key->disabled || subkey->disabled || key->invalid || subkey->invalid, ends) == OPENPGP_KEY_VALID;
    if (item->key_id_count < OPENPGP_SUBKEYS_MAX && subkey->keyid)
        snprintf(item->key_ids[item->key_id_count++], sizeof item->key_ids[0], "%s", subkey->keyid);
    item->can_sign = item->can_sign || (is_usable && subkey->can_sign);
    item->can_decrypt = item->can_decrypt || (subkey->can_encrypt && subkey->secret);
    item->has_secret_signer = item->has_secret_signer || (is_usable && subkey->can_sign && subkey->secret);
    if (!is_usable || !subkey->can_encrypt)
        return;
    item->encrypts_until = !item->can_encrypt                                                 ? ends
                           : ends == TIMESTAMP_NONE || item->encrypts_until == TIMESTAMP_NONE ? TIMESTAMP_NONE
                           : ends > item->encrypts_until                                      ? ends
                                                                                              : item->encrypts_until;
    item->can_encrypt = true;
}

static void add_key(struct openpgp_keys *out, gpgme_key_t key)
{
    struct openpgp_key *item = &out->items[out->count++];
    gpgme_subkey_t primary = key->subkeys;
    *item = (struct openpgp_key){.expires = subkey_expires(primary), .encrypts_until = TIMESTAMP_NONE};
    snprintf(item->fingerprint, sizeof item->fingerprint, "%s", primary->fpr ? primary->fpr : "");
    snprintf(item->user_id, sizeof item->user_id, "%s", key->uids && key->uids->uid ? key->uids->uid : "");
    char *algorithm = gpgme_pubkey_algo_string(primary);
    snprintf(item->algorithm, sizeof item->algorithm, "%s", algorithm ? algorithm : "");
    gpgme_free(algorithm);
    item->key_now = openpgp_key_state(key->revoked, key->disabled || key->invalid, item->expires);
    add_addresses(item, key);
    for (gpgme_subkey_t subkey = primary; subkey; subkey = subkey->next)
        add_subkey(item, key, subkey);
}

/* Takes the keys of a listing that was started; ends it. */
static bool gather_keys(struct openpgp *openpgp, gpgme_error_t why, struct openpgp_keys *out, bool may_be_secret, struct err *err)
{
    gpgme_key_t key;
    bool ok = true;
    out->count = 0;
    while (!why && !(why = gpgme_op_keylist_next(openpgp->context, &key))) {
        if (!ok || !key->subkeys || !key->subkeys->fpr)
            ;
        else if (key->secret && !may_be_secret)
            ok = err_set(err, ERR_INPUT, "this holds a secret key, only public keys are taken");
        else if (out->count == OPENPGP_KEYS_MAX)
            ok = err_set(err, ERR_LIMIT, "more than %d keys", OPENPGP_KEYS_MAX);
        else
            add_key(out, key);
        gpgme_key_unref(key);
    }
    if (ok && gpgme_err_code(why) != GPG_ERR_EOF && gpgme_err_code(why) != GPG_ERR_NO_DATA)
        return openpgp_failed(err, ERR_AGAIN, "GnuPG cannot list keys", why);
    return ok;
}

bool openpgp_secret_keys(struct openpgp *openpgp, struct openpgp_keys *out, struct err *err)
{
    gpgme_set_keylist_mode(openpgp->context, GPGME_KEYLIST_MODE_LOCAL);
    return gather_keys(openpgp, gpgme_op_keylist_start(openpgp->context, NULL, 1), out, true, err);
}

bool openpgp_fingerprint_of(struct openpgp *openpgp, const void *bytes, size_t size, struct openpgp_keys *out, struct err *err)
{
    static const char secret[] = "-----BEGIN PGP PRIVATE KEY";
    gpgme_data_t data = NULL;
    if (memmem(bytes, size, secret, sizeof secret - 1))
        return err_set(err, ERR_INPUT, "this holds a secret key, only public keys are taken");
    if (!openpgp_input(bytes, size, &data, err))
        return false;
    gpgme_set_keylist_mode(openpgp->context, GPGME_KEYLIST_MODE_LOCAL);
    bool ok = gather_keys(openpgp, gpgme_op_keylist_from_data_start(openpgp->context, data, 0), out, false, err);
    gpgme_data_release(data);
    if (ok && out->count == 0)
        return err_set(err, ERR_INPUT, "this holds no OpenPGP key");
    return ok;
}

static bool was_taken(struct openpgp *openpgp, const char *fingerprint)
{
    gpgme_import_result_t result = gpgme_op_import_result(openpgp->context);
    for (gpgme_import_status_t one = result ? result->imports : NULL; one; one = one->next)
        if (one->fpr && !one->result && strcasecmp(one->fpr, fingerprint) == 0)
            return true;
    return false;
}

/* GnuPG's time grows with the square of a key's user ids, and a few compressed kilobytes hold hundred thousands: what it cannot look at
 * within two seconds of processor is not taken. GPGME would wait for it. */
static bool look_at_keys(const struct openpgp *openpgp, const void *bytes, size_t size, struct err *err)
{
    static const char *const args[] = {"--import-options", "show-only", "--import", "--", "-&4"};
    struct openpgp_run *run = mem_calloc(1, sizeof *run);
    openpgp_run_add(run, args, ARRAY_SIZE(args));
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = bytes, .size = size};
    run->cpu_ms_max = LOOK_CPU_MS;
    bool ok = openpgp_run_gpg(openpgp, run, err);
    if (ok && run->is_cut)
        ok = err_set(err, ERR_LIMIT, "keys that take GnuPG longer than %d seconds to look at are not taken", LOOK_CPU_MS / 1000);
    buf_clear(&run->status);
    free(run);
    return ok;
}

bool openpgp_import(struct openpgp *openpgp, const void *bytes, size_t size, struct openpgp_keys *out, struct err *err)
{
    gpgme_data_t data = NULL;
    if (!look_at_keys(openpgp, bytes, size, err) || !openpgp_fingerprint_of(openpgp, bytes, size, out, err) ||
        !openpgp_input(bytes, size, &data, err))
        return false;
    gpgme_error_t why = gpgme_op_import(openpgp->context, data);
    gpgme_data_release(data);
    if (why)
        return openpgp_failed(err, ERR_AGAIN, "GnuPG cannot import", why);
    for (size_t i = 0; i < out->count; i++)
        if (!was_taken(openpgp, out->items[i].fingerprint))
            return err_set(err, ERR_INPUT, "GnuPG does not take key %s (no valid self-signature, or an algorithm it does not know)",
                           out->items[i].fingerprint);
    return true;
}

bool openpgp_export(struct openpgp *openpgp, const char *fingerprint, struct buf *out, struct err *err)
{
    struct openpgp_sink sink = {.out = out};
    gpgme_data_t data = NULL;
    if (!openpgp_output(&sink, &data, err))
        return false;
    size_t before = out->size;
    gpgme_error_t why = gpgme_op_export(openpgp->context, fingerprint, GPGME_EXPORT_MODE_MINIMAL, data);
    gpgme_data_release(data);
    if (sink.is_full)
        return err_set(err, ERR_LIMIT, "key %s is too large", fingerprint);
    if (why)
        return openpgp_failed(err, ERR_AGAIN, "GnuPG cannot export", why);
    return out->size > before ? true : err_set(err, ERR_NOT_FOUND, "no key %s", fingerprint);
}
