/* What a signature is worth, from what GnuPG saw and what we know of the key. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/timestamp.h"
#include "crypto/openpgp_context.h"

const char *openpgp_status_name(enum openpgp_status status)
{
    static const char *const names[] = {"good", "bad", "unknown-key", "expired-key", "revoked-key", "expired-signature", "error"};
    return names[status];
}

const char *openpgp_key_now_name(enum openpgp_key_now key_now)
{
    static const char *const names[] = {NULL, "valid", "expired", "revoked", "disabled"};
    return names[key_now];
}

/* RFC 9580 section 9.5 */
/* "" where unknown */
static const char *hash_name(int hash)
{
    static const char *const names[] = {[1] = "MD5",     [2] = "SHA1",    [3] = "RIPEMD160", [8] = "SHA256",   [9] = "SHA384",
                                        [10] = "SHA512", [11] = "SHA224", [12] = "SHA3-256", [14] = "SHA3-512"};
    return hash > 0 && (size_t)hash < sizeof names / sizeof names[0] && names[hash] ? names[hash] : "";
}

/* RFC 9580 section 9.1 */
static const char *algorithm_name(int algorithm)
{
    static const char *const names[] = {[1] = "RSA", [3] = "RSA", [17] = "DSA", [19] = "ECDSA", [22] = "EdDSA", [27] = "EdDSA"};
    return algorithm > 0 && (size_t)algorithm < sizeof names / sizeof names[0] && names[algorithm] ? names[algorithm] : "";
}

static bool is_weak(int hash)
{
    return hash >= 1 && hash <= 7;
}

void openpgp_refuse(struct openpgp_signature *out, const char *text)
{
    out->status = OPENPGP_ERROR;
    snprintf(out->text, sizeof out->text, "%s", text);
}

/* Where the signer's key is known: its primary, its state now, and whether it had ended when the signature was made. */
static void judge_key(struct openpgp_signature *out, const struct openpgp_known *key)
{
    snprintf(out->fingerprint, sizeof out->fingerprint, "%s", key->primary);
    out->key_now = openpgp_key_state(key->is_revoked, key->is_disabled, key->expires);
    if (out->status == OPENPGP_EXPIRED_KEY && out->made != TIMESTAMP_NONE && key->expires != TIMESTAMP_NONE && out->made < key->expires)
        out->status = OPENPGP_GOOD;
    else if (out->status == OPENPGP_GOOD && key->is_revoked)
        out->status = OPENPGP_REVOKED_KEY;
    else if (out->status == OPENPGP_GOOD && key->is_disabled)
        openpgp_refuse(out, "the key is disabled or invalid");
}

void openpgp_judge(struct openpgp *openpgp, const struct openpgp_seen *seen, struct openpgp_signature *out)
{
    *out = (struct openpgp_signature){.status = seen->status, .made = seen->made};
    snprintf(out->signer, sizeof out->signer, "%s", seen->signer);
    snprintf(out->hash, sizeof out->hash, "%s", hash_name(seen->hash));
    snprintf(out->algorithm, sizeof out->algorithm, "%s", algorithm_name(seen->algorithm));
    if (out->status == OPENPGP_ERROR) {
        openpgp_refuse(out, seen->text);
        return;
    }
    const struct openpgp_known *key = openpgp_find_known(openpgp, out->signer);
    if (key)
        judge_key(out, key);
    else if (out->status == OPENPGP_GOOD)
        openpgp_refuse(out, "the key vanished while it was used");
    if (out->status == OPENPGP_GOOD && is_weak(seen->hash))
        openpgp_refuse(out, "made with a hash that is broken (SHA-1, MD5 or RIPEMD-160)");
}
