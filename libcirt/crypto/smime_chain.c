/* Whether a certificate leads to one of our CAs at a moment, and what it may be used for. */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/timestamp.h"
#include "crypto/smime_context.h"

enum { DEPTH_MAX = 8, AUTH_LEVEL = 2, RSA_BITS_MIN = 2048, EC_BITS_MIN = 224 };

/* --- use --- */

static bool has_explicit_curve(EVP_PKEY *key)
{
    int is_explicit = 0;
    return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) != 1 || is_explicit;
}

static const char *unfit_key(EVP_PKEY *key)
{
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN ? "the RSA key is shorter than 2048 bits" : NULL;
    case EVP_PKEY_EC:
        if (has_explicit_curve(key))
            return "the key brings a curve of its own";
        return EVP_PKEY_get_bits(key) < EC_BITS_MIN ? "the EC key is shorter than 224 bits" : NULL;
    case EVP_PKEY_ED25519:
        return NULL;
    default:
        return "the key's algorithm is not one for signatures that count (RSA, ECDSA, Ed25519)";
    }
}

/* RFC 8550 section 4.4.2 and 4.4.4; both are all ones where the extension is absent. */
const char *smime_unfit_to_sign(X509 *certificate)
{
    if ((X509_get_key_usage(certificate) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
        return "the certificate is not for signing (keyUsage)";
    if ((X509_get_extended_key_usage(certificate) & (XKU_SMIME | XKU_ANYEKU)) == 0)
        return "the certificate is not for mail (extendedKeyUsage)";
    return unfit_key(X509_get0_pubkey(certificate));
}

/* --- the path --- */

/* True where the store holds a CRL of the certificate's issuer: then "no CRL" means it could not be used, and must count. */
static bool issuer_has_crl(X509_STORE_CTX *path)
{
    STACK_OF(X509_CRL) *found = X509_STORE_CTX_get1_crls(path, X509_get_issuer_name(X509_STORE_CTX_get_current_cert(path)));
    bool has_crl = sk_X509_CRL_num(found) > 0;
    sk_X509_CRL_pop_free(found, X509_CRL_free);
    return has_crl;
}

/* Dates and revocation are noted, so that each can be told apart; everything else that is wrong ends the search. */
static int on_problem(int ok, X509_STORE_CTX *path)
{
    struct smime_trust *trust = X509_STORE_CTX_get_app_data(path);
    if (ok)
        return 1;
    switch (X509_STORE_CTX_get_error(path)) {
    case X509_V_ERR_CERT_REVOKED:
        trust->is_revoked = true;
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED: /* the certificate's own dates are looked at anyway */
        if (X509_STORE_CTX_get_error_depth(path) > 0)
            trust->ca_has_ended = true;
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID: /* a CA whose certificate was renewed since: it vouches now for what it issued then */
    case X509_V_ERR_CRL_HAS_EXPIRED:    /* what it lists stays revoked */
    case X509_V_ERR_CRL_NOT_YET_VALID:  /* a signature older than the CRL */
        break;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        if (!issuer_has_crl(path))
            break;
        return 0;
    default:
        return 0;
    }
    X509_STORE_CTX_set_error(path, X509_V_OK);
    return 1;
}

/* A CA that is limited to other uses (a TLS one) vouches for no mail. The anchor is the site's own choice. */
static bool cas_are_for_mail(X509_STORE_CTX *path)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(path);
    for (int i = 1; i < sk_X509_num(chain) - 1; i++)
        if ((X509_get_extended_key_usage(sk_X509_value(chain, i)) & (XKU_SMIME | XKU_ANYEKU)) == 0)
            return false;
    return true;
}

static void judge_path(X509_STORE_CTX *path, int64_t at, struct smime_trust *out)
{
    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(path);
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(rules, (time_t)(at / TIMESTAMP_SECOND));
    X509_VERIFY_PARAM_set_depth(rules, DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(rules, AUTH_LEVEL);
    X509_STORE_CTX_set_verify_cb(path, on_problem);
    X509_STORE_CTX_set_app_data(path, out);
    if (X509_verify_cert(path) != 1)
        snprintf(out->why_no_chain, sizeof out->why_no_chain, "no path to a CA of ours: %s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(path)));
    else if (!cas_are_for_mail(path))
        snprintf(out->why_no_chain, sizeof out->why_no_chain, "no path to a CA of ours: a CA in it is not for mail");
    else
        out->has_chain = true;
}

void smime_judge_certificate(struct smime *smime, X509 *certificate, STACK_OF(X509) * extra, int64_t at, struct smime_trust *out)
{
    int64_t from = smime_moment(X509_get0_notBefore(certificate)), until = smime_moment(X509_get0_notAfter(certificate));
    *out = (struct smime_trust){.has_ended = until == TIMESTAMP_NONE || until < at,
                                .is_not_yet_valid = from == TIMESTAMP_NONE || at < from - TIMESTAMP_SECOND};
    X509_STORE_CTX *path = X509_STORE_CTX_new();
    if (path && X509_STORE_CTX_init(path, smime->store, certificate, extra) == 1)
        judge_path(path, at, out);
    else
        snprintf(out->why_no_chain, sizeof out->why_no_chain, "no path to a CA of ours: no memory");
    X509_STORE_CTX_free(path);
    ERR_clear_error();
}
