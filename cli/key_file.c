#include "cli/key_file.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/file.h"
#include "cli/words.h"
#include "codec/base64.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"

/* ---- JSON of what keys say: any bytes become text ---- */

static json_t *claim(const char *text)
{
    const char *end = text + strlen(text);
    struct buf out;
    json_t *value;
    uint32_t code_point;

    buf_init(&out, KEY_FILE_BYTES_MAX);
    for (size_t step; (step = str_next_code_point(text, end, &code_point)) != 0; text += step)
        if (code_point == 0xFFFD)
            buf_add_text(&out, "\xEF\xBF\xBD");
        else
            buf_add(&out, text, step);
    value = json_string(buf_text(&out));
    buf_clear(&out);
    return value ? value : json_string("");
}

static json_t *moment(int64_t time)
{
    char text[TIMESTAMP_TEXT_SIZE];

    if (time == TIMESTAMP_NONE)
        return json_null();
    timestamp_format(time, text);
    return json_string(text);
}

/* ---- OpenPGP ---- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    UNUSED(status);
    UNUSED(kind);
    UNUSED(place);
    return remove(path);
}

struct home {
    char path[32];
    struct openpgp *openpgp;
};

static bool home_open(struct home *home, struct err *err)
{
    strcpy(home->path, "/tmp/cirt-key-XXXXXX");
    home->openpgp = NULL;
    if (!mkdtemp(home->path))
        return err_set(err, ERR_INTERNAL, _("%s cannot be made: %s"), home->path, strerror(errno));
    return openpgp_open(home->path, &home->openpgp, err);
}

static void home_close(struct home *home)
{
    if (home->openpgp)
        openpgp_stop_agent(home->openpgp);
    openpgp_close(home->openpgp);
    nftw(home->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* "Team <team@yy.example>" or "team@yy.example"; NULL where there is no address. */
static json_t *address_of(const char *user_id)
{
    const char *open = strrchr(user_id, '<'), *close = open ? strchr(open, '>') : NULL;

    if (close)
        return json_stringn(open + 1, (size_t)(close - open - 1));
    return strchr(user_id, '@') && !strchr(user_id, ' ') ? json_string(user_id) : NULL;
}

static json_t *describe_openpgp(const struct openpgp_key *key, const char *text)
{
    size_t size = strlen(key->fingerprint);
    json_t *claims = json_array(), *ids = json_array(), *address = address_of(key->user_id);

    if (address)
        json_array_append_new(claims, address);
    if (size == 40)
        json_array_append_new(ids, json_string(key->fingerprint + 24));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:s}", "protocol", "openpgp", "fingerprint", key->fingerprint, "key_ids", ids,
                     "claims", claims, "user_id", claim(key->user_id), "expires", moment(key->expires), "revoked",
                     key->key_now == OPENPGP_KEY_REVOKED, "armoured", text);
}

/* The key as the home has it now. */
static json_t *from_home(struct home *home, const char *fingerprint, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct buf text;
    json_t *key = NULL;

    buf_init(&text, KEY_FILE_KEY_BYTES_MAX);
    if (openpgp_export(home->openpgp, fingerprint, &text, err) &&
        openpgp_fingerprint_of(home->openpgp, buf_text(&text), text.size, keys, err))
        key = describe_openpgp(&keys->items[0], buf_text(&text));
    else if (err->code == ERR_LIMIT)
        err_set(err, ERR_LIMIT, _("key %s has more than %d kB: a key like that is not taken"), fingerprint, KEY_FILE_KEY_BYTES_MAX / 1024);
    buf_clear(&text);
    free(keys);
    return key;
}

static json_t *read_openpgp(const struct buf *bytes, struct err *err)
{
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    struct home home;
    json_t *list = json_array(), *key;
    bool ok = home_open(&home, err) && openpgp_import(home.openpgp, buf_text(bytes), bytes->size, keys, err);

    for (size_t i = 0; ok && i < keys->count; i++) {
        key = from_home(&home, keys->items[i].fingerprint, err);
        ok = key && json_array_append_new(list, key) == 0;
    }
    home_close(&home);
    free(keys);
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

bool key_file_merge(json_t *key, const char *known, struct err *err)
{
    const char *text = json_string_value(json_object_get(key, "armoured"));
    const char *fingerprint = json_string_value(json_object_get(key, "fingerprint"));
    struct openpgp_keys *keys;
    struct home home;
    json_t *merged = NULL;

    if (!str_equal(json_string_value(json_object_get(key, "protocol")), "openpgp"))
        return true;
    keys = mem_calloc(1, sizeof *keys);
    if (home_open(&home, err) && openpgp_import(home.openpgp, known, strlen(known), keys, err) &&
        openpgp_import(home.openpgp, text, strlen(text), keys, err))
        merged = from_home(&home, fingerprint, err);
    home_close(&home);
    free(keys);
    if (!merged)
        return false;
    json_object_update(key, merged);
    json_decref(merged);
    return true;
}

/* ---- S/MIME ---- */

static char *pem_of(const struct smime_certificate *certificate)
{
    struct buf base64, out;
    char *text;

    buf_init(&base64, KEY_FILE_BYTES_MAX);
    buf_init(&out, KEY_FILE_BYTES_MAX);
    base64_encode(&base64, certificate->der, certificate->der_size);
    buf_add_text(&out, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < base64.size; at += 64)
        buf_printf(&out, "%.64s\n", buf_text(&base64) + at);
    buf_add_text(&out, "-----END CERTIFICATE-----\n");
    text = mem_strdup(buf_text(&out));
    buf_clear(&base64);
    buf_clear(&out);
    return text;
}

static json_t *describe_certificate(const struct smime_certificate *certificate)
{
    char *pem = pem_of(certificate), *id = mem_printf("%s, serial %s", certificate->issuer, certificate->serial);
    json_t *claims = json_array(), *key;

    for (size_t i = 0; i < certificate->address_count; i++)
        json_array_append_new(claims, claim(certificate->addresses[i]));
    key = json_pack("{s:s, s:s, s:[o], s:o, s:o, s:o, s:b, s:b, s:s}", "protocol", "smime", "fingerprint", certificate->fingerprint,
                    "key_ids", claim(id), "claims", claims, "user_id", claim(certificate->subject), "expires",
                    moment(certificate->not_after), "can_encrypt", certificate->can_encrypt, "revoked", false, "armoured", pem);
    free(pem);
    free(id);
    return key;
}

/* CAs come along in many files: whoever has no address is nobody we write to. */
static json_t *read_smime(const struct buf *bytes, struct err *err)
{
    struct smime_certificates *found = mem_calloc(1, sizeof *found);
    json_t *list = json_array();

    if (smime_certificates_read(buf_text(bytes), bytes->size, found, err))
        for (size_t i = 0; i < found->count; i++)
            if (found->items[i].address_count > 0)
                json_array_append_new(list, describe_certificate(&found->items[i]));
    if (json_array_size(list) == 0 && err->code == ERR_NONE)
        err_set(err, ERR_INPUT, _("no certificate in it names a mail address"));
    smime_certificates_clear(found);
    free(found);
    if (json_array_size(list) > 0)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- files ---- */

static bool holds(const struct buf *bytes, const char *text)
{
    return memmem(buf_text(bytes), bytes->size, text, strlen(text)) != NULL;
}

static json_t *read_bytes(const struct buf *bytes, struct err *err)
{
    unsigned char first = bytes->size ? (unsigned char)bytes->bytes[0] : 0;

    if (holds(bytes, "PRIVATE KEY")) {
        err_set(err, ERR_INPUT, _("a private key: it belongs to its owner alone and is not taken; what is wanted is the public one"));
        return NULL;
    }
    if (holds(bytes, "-----BEGIN PGP PUBLIC KEY BLOCK-----") || (first & 0x80) != 0)
        return read_openpgp(bytes, err);
    if (holds(bytes, "-----BEGIN ") || first == 0x30)
        return read_smime(bytes, err);
    err_set(err, ERR_INPUT, _("no key: wanted is an OpenPGP key (gpg --armor --export KEY) or a certificate (PEM, DER, .p7b)"));
    return NULL;
}

json_t *key_file_read(const char *path, struct err *err)
{
    struct buf bytes;
    json_t *list = NULL;

    err_clear(err);
    buf_init(&bytes, KEY_FILE_BYTES_MAX);
    if (file_bytes(path, &bytes, err)) {
        list = read_bytes(&bytes, err);
        if (!list)
            err_context(err, "%s", path);
    }
    buf_clear(&bytes);
    return list;
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
    else if (!address && json_array_size(json_object_get(key, "claims")) == 0)
        err_set(err, ERR_INPUT, _("the key in %s names no mail address: --mail ADDRESS says whose it is"), path);
    addresses = address ? json_string(address) : json_incref(json_array_get(json_object_get(key, "claims"), 0));
    if (addresses)
        json_object_set_new(key, "addresses", json_pack("[o]", addresses));
    json_decref(list);
    if (err->code == ERR_NONE)
        return key;
    json_decref(key);
    return NULL;
}
