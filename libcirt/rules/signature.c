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

/* Envelope inside envelope: only what was opened to its end was read. */
static enum signature_encryption summarise_encryption(const struct signature_mail *mail)
{
    enum signature_encryption encryption = ENCRYPTION_NONE;
    for (size_t i = 0; i < mail->cipher_count; i++) {
        const struct signature_cipher *cipher = &mail->ciphers[i];
        if (cipher->is_envelope && !cipher->is_opened)
            return ENCRYPTION_UNDECRYPTABLE;
        if (cipher->is_envelope)
            encryption = ENCRYPTION_WHOLE;
        else if (encryption == ENCRYPTION_NONE)
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

/* The mail passes itself off as somebody else's whom we know, or has its answers go there. */
static bool names_another(const struct signature_mail *mail, const struct signature_identity *identity)
{
    for (size_t i = 0; i < mail->named_count; i++)
        if (strcmp(mail->named[i], identity->id) != 0)
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
    if (mail->from_count != 1 || mail->from_differs || !has_address(part->identity, mail->from[0]) || names_another(mail, part->identity))
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

static bool is_of_the_same(const struct signature_part *a, const struct signature_part *b)
{
    if (!a->identity || !b->identity)
        return a->identity == b->identity;
    return strcmp(a->identity->id, b->identity->id) == 0;
}

/* Several signatures over the whole: with two that differ, which of them would the screen name? */
static void judge_whole(const struct signature_mail *mail, struct signature_result *result)
{
    for (size_t i = 0; i < mail->part_count; i++) {
        const struct signature_part *part = &mail->parts[i];
        if (!part->is_envelope)
            continue;
        enum signature_summary summary = judge(mail, part);
        bool is_named = summary == SIGNATURE_VERIFIED || summary == SIGNATURE_NOT_SENDER;
        if (!result->part) {
            result->part = part;
            result->summary = summary;
            result->key_now = part->key_now;
        } else if (summary != result->summary || (is_named && !is_of_the_same(part, result->part))) {
            result->part = NULL;
            result->key_now = NULL;
            result->summary = SIGNATURE_MIXED;
            return;
        } else if (part->key_now && result->key_now && strcmp(result->key_now, "valid") == 0) {
            result->key_now = part->key_now;
        }
    }
    const char *fingerprint = result->part->fingerprint;
    result->fingerprint = fingerprint && *fingerprint ? fingerprint : NULL;
    if (result->summary == SIGNATURE_VERIFIED || result->summary == SIGNATURE_NOT_SENDER)
        result->signer = result->part->identity->name;
}

struct signature_result signature_summarise(const struct signature_mail *mail)
{
    struct signature_result result = {.summary = SIGNATURE_UNPROTECTED, .encryption = summarise_encryption(mail)};
    bool has_whole = false;
    for (size_t i = 0; i < mail->part_count; i++)
        has_whole |= mail->parts[i].is_envelope;
    if (mail->part_count == 0)
        return result;
    result.covers = has_whole ? "whole" : "part";
    if (has_whole)
        judge_whole(mail, &result);
    else
        result.summary = judge_parts(mail);
    return result;
}
