#include "rules/signature.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"

static const char *const verdict_names[] = {
    [SIGNATURE_GOOD] = "good",
    [SIGNATURE_BAD] = "bad",
    [SIGNATURE_UNKNOWN_KEY] = "unknown-key",
    [SIGNATURE_EXPIRED_KEY] = "expired-key",
    [SIGNATURE_REVOKED_KEY] = "revoked-key",
    [SIGNATURE_EXPIRED] = "expired-signature",
    [SIGNATURE_ERROR] = "error",
};

static const char *const summary_names[] = {
    [SIGNATURE_UNPROTECTED] = "unprotected", [SIGNATURE_VERIFIED] = "verified", [SIGNATURE_SUMMARY_UNKNOWN_KEY] = "unknown-key",
    [SIGNATURE_NOT_SENDER] = "not-sender",   [SIGNATURE_SUMMARY_BAD] = "bad",   [SIGNATURE_SUMMARY_EXPIRED] = "expired",
    [SIGNATURE_SUMMARY_REVOKED] = "revoked", [SIGNATURE_MIXED] = "mixed",
};

const char *signature_summary_name(enum signature_summary summary)
{
    return summary_names[summary];
}

const char *signature_verdict_name(enum signature_verdict verdict)
{
    return verdict_names[verdict];
}

bool signature_verdict_parse(const char *name, enum signature_verdict *verdict)
{
    for (size_t i = SIGNATURE_GOOD; i < ARRAY_SIZE(verdict_names); i++) {
        if (strcmp(name, verdict_names[i]) == 0) {
            *verdict = (enum signature_verdict)i;
            return true;
        }
    }
    return false;
}

const char *signature_encryption_name(enum signature_encryption encryption)
{
    static const char *const names[] = {"none", "part", "whole", "undecryptable"};
    return names[encryption];
}

static enum signature_encryption summarise_encryption(const struct signature_mail *mail)
{
    enum signature_encryption encryption = ENCRYPTION_NONE;
    for (size_t i = 0; i < mail->cipher_count; i++) {
        const struct signature_cipher *cipher = &mail->ciphers[i];
        if (cipher->is_envelope)
            return cipher->is_opened ? ENCRYPTION_WHOLE : ENCRYPTION_UNDECRYPTABLE;
        encryption = ENCRYPTION_PART;
    }
    return encryption;
}

static bool has_address(const struct signature_identity *identity, const char *address)
{
    for (size_t i = 0; i < identity->address_count; i++)
        if (strcasecmp(identity->addresses[i], address) == 0)
            return true;
    return false;
}

/* What one signature over the whole message says. A good one of a key that nobody vouches for is as good as an unknown key's. */
static enum signature_summary judge(const struct signature_mail *mail, const struct signature_part *part)
{
    switch (part->verdict) {
    case SIGNATURE_GOOD:
        break;
    case SIGNATURE_UNKNOWN_KEY:
        return SIGNATURE_SUMMARY_UNKNOWN_KEY;
    case SIGNATURE_EXPIRED_KEY:
    case SIGNATURE_EXPIRED:
        return SIGNATURE_SUMMARY_EXPIRED;
    case SIGNATURE_REVOKED_KEY:
        return SIGNATURE_SUMMARY_REVOKED;
    case SIGNATURE_BAD:
    case SIGNATURE_ERROR:
        return SIGNATURE_SUMMARY_BAD;
    }
    /* Shorter than a version 4 fingerprint: a key id, which anybody can make a key for. */
    if (!part->identity || !part->fingerprint || strlen(part->fingerprint) < 40)
        return SIGNATURE_SUMMARY_UNKNOWN_KEY;
    if (mail->from_count != 1 || !has_address(part->identity, mail->from[0]))
        return SIGNATURE_NOT_SENDER;
    return SIGNATURE_VERIFIED;
}

/* No signature holds the whole: a part's good signature says nothing about the message, a bad one still warns. */
static enum signature_summary judge_parts(const struct signature_mail *mail)
{
    enum signature_summary summary = judge(mail, &mail->parts[0]);
    for (size_t i = 1; i < mail->part_count; i++)
        if (judge(mail, &mail->parts[i]) != summary)
            return SIGNATURE_MIXED;
    return summary == SIGNATURE_VERIFIED || summary == SIGNATURE_NOT_SENDER ? SIGNATURE_MIXED : summary;
}

struct signature_result signature_summarise(const struct signature_mail *mail)
{
    struct signature_result result = {.summary = SIGNATURE_UNPROTECTED, .encryption = summarise_encryption(mail)};
    const struct signature_part *whole = NULL;
    size_t whole_count = 0;
    for (size_t i = 0; i < mail->part_count; i++) {
        if (!mail->parts[i].is_envelope)
            continue;
        whole = &mail->parts[i];
        whole_count++;
    }
    if (mail->part_count == 0)
        return result;
    result.covers = whole ? "whole" : "part";
    if (whole_count == 0) {
        result.summary = judge_parts(mail);
    } else if (whole_count > 1) {
        /* Exactly one: with two, which of them would the screen name? */
        result.summary = SIGNATURE_MIXED;
    } else {
        result.summary = judge(mail, whole);
        result.fingerprint = whole->fingerprint && *whole->fingerprint ? whole->fingerprint : NULL;
        result.key_now = whole->key_now;
        if (result.summary == SIGNATURE_VERIFIED || result.summary == SIGNATURE_NOT_SENDER)
            result.signer = whole->identity->name;
    }
    return result;
}
