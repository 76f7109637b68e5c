/* Decrypting and inflating. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "crypto/smime_context.h"

/* One text for everything that a sender could tell apart by trying (RFC 3218: the million message attack). */
static const char broken[] = "this cannot be opened: broken, or made for another key than it says";

/* --- who it is for --- */

static void add_needed(struct smime_opened *out, const X509_NAME *issuer, const ASN1_INTEGER *serial, const ASN1_OCTET_STRING *key_id)
{
    if (out->needed_count < SMIME_RECIPIENTS_MAX)
        smime_name_key(issuer, serial, key_id, out->needed[out->needed_count++], sizeof out->needed[0]);
}

static void list_agreed(CMS_RecipientInfo *recipient, struct smime_opened *out)
{
    STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(recipient);
    for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
        ASN1_OCTET_STRING *key_id = NULL;
        X509_NAME *issuer = NULL;
        ASN1_INTEGER *serial = NULL;
        if (CMS_RecipientEncryptedKey_get0_id(sk_CMS_RecipientEncryptedKey_value(keys, i), &key_id, NULL, NULL, &issuer, &serial) == 1)
            add_needed(out, issuer, serial, key_id);
    }
}

static void list_needed(CMS_ContentInfo *object, struct smime_opened *out)
{
    STACK_OF(CMS_RecipientInfo) *recipients = CMS_get0_RecipientInfos(object);
    for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); i++) {
        CMS_RecipientInfo *recipient = sk_CMS_RecipientInfo_value(recipients, i);
        ASN1_OCTET_STRING *key_id = NULL;
        X509_NAME *issuer = NULL;
        ASN1_INTEGER *serial = NULL;
        if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_AGREE)
            list_agreed(recipient, out);
        else if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_TRANS &&
                 CMS_RecipientInfo_ktri_get0_signer_id(recipient, &key_id, &issuer, &serial) == 1)
            add_needed(out, issuer, serial, key_id);
    }
}

static bool is_agreed_for(CMS_RecipientInfo *recipient, X509 *certificate)
{
    STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(recipient);
    for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); i++)
        if (CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(keys, i), certificate) == 0)
            return true;
    return false;
}

static bool is_for(CMS_ContentInfo *object, X509 *certificate)
{
    STACK_OF(CMS_RecipientInfo) *recipients = CMS_get0_RecipientInfos(object);
    for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); i++) {
        CMS_RecipientInfo *recipient = sk_CMS_RecipientInfo_value(recipients, i);
        int type = CMS_RecipientInfo_type(recipient);
        if ((type == CMS_RECIPINFO_TRANS && CMS_RecipientInfo_ktri_cert_cmp(recipient, certificate) == 0) ||
            (type == CMS_RECIPINFO_AGREE && is_agreed_for(recipient, certificate)))
            return true;
    }
    return false;
}

static const struct smime_key *find_own(const struct smime *smime, CMS_ContentInfo *object)
{
    for (size_t i = 0; i < smime->key_count; i++)
        if (is_for(object, smime->keys[i].certificate))
            return &smime->keys[i];
    return NULL;
}

/* --- opening --- */

/* CMS_decrypt() writes while it reads: its output stays here until the end of the ciphertext, or its tag, was found right. With a
 * certificate given, a key that does not unwrap is replaced by a random one, so that its failure looks like any other. */
static bool open_with(const struct smime_key *own, CMS_ContentInfo *object, struct buf *clear, struct err *err)
{
    char *bytes = NULL;
    bool ok = false;
    BIO *out = BIO_new(BIO_s_mem());
    if (!out || CMS_decrypt(object, own->key, own->certificate, NULL, out, 0) != 1) {
        err_set(err, ERR_INPUT, "%s", broken);
        goto done;
    }
    long size = BIO_get_mem_data(out, &bytes);
    if (size > 0 && !buf_add(clear, bytes, (size_t)size))
        err_set(err, ERR_LIMIT, "the clear text is larger than %zu bytes", clear->size_max);
    else
        ok = true;
done:
    BIO_free(out);
    ERR_clear_error();
    return ok;
}

bool smime_decrypt(struct smime *smime, const void *cms, size_t size, struct buf *clear, struct smime_opened *out, struct err *err)
{
    bool ok = false;
    *out = (struct smime_opened){.has_integrity = false};
    buf_reset(clear);
    CMS_ContentInfo *object = smime_parse(cms, size);
    int type = object ? OBJ_obj2nid(CMS_get0_type(object)) : NID_undef;
    if (type != NID_pkcs7_enveloped && type != NID_id_smime_ct_authEnvelopedData) {
        err_set(err, ERR_INPUT, "this is no encrypted CMS object, or a broken one");
        goto done;
    }
    list_needed(object, out);
    const struct smime_key *own = find_own(smime, object);
    if (!own) {
        err_set(err, ERR_NOT_FOUND, "encrypted to keys we do not have");
        goto done;
    }
    memcpy(out->fingerprint, own->facts.fingerprint, sizeof out->fingerprint);
    out->has_integrity = type == NID_id_smime_ct_authEnvelopedData;
    ok = open_with(own, object, clear, err);
done:
    if (!ok)
        buf_reset(clear);
    CMS_ContentInfo_free(object);
    ERR_clear_error();
    return ok;
}

/* --- compressed-data --- */

enum { PART = 16384 };

static bool inflate_all(const ASN1_OCTET_STRING *packed, struct buf *clear, struct err *err)
{
    z_stream stream = {.next_in = (Bytef *)ASN1_STRING_get0_data(packed), .avail_in = (uInt)ASN1_STRING_length(packed)};
    unsigned char part[PART];
    int result = Z_OK;
    bool ok = true;
    if (inflateInit(&stream) != Z_OK)
        return err_set(err, ERR_INTERNAL, "zlib does not start");
    while (ok && result == Z_OK) {
        stream.next_out = part;
        stream.avail_out = sizeof part;
        result = inflate(&stream, Z_NO_FLUSH);
        if (!buf_add(clear, part, sizeof part - stream.avail_out))
            ok = err_set(err, ERR_LIMIT, "the content is larger than %zu bytes", clear->size_max);
    }
    inflateEnd(&stream);
    return ok && result != Z_STREAM_END ? err_set(err, ERR_INPUT, "the compressed content is broken") : ok;
}

bool smime_uncompress(const void *cms, size_t size, struct buf *clear, struct err *err)
{
    buf_reset(clear);
    CMS_ContentInfo *object = smime_parse(cms, size);
    bool is_compressed = object && OBJ_obj2nid(CMS_get0_type(object)) == NID_id_smime_ct_compressedData;
    ASN1_OCTET_STRING **packed = is_compressed ? CMS_get0_content(object) : NULL;
    bool ok = packed && *packed ? inflate_all(*packed, clear, err) : err_set(err, ERR_INPUT, "this is no compressed-data, or broken");
    if (!ok)
        buf_reset(clear);
    CMS_ContentInfo_free(object);
    ERR_clear_error();
    return ok;
}
