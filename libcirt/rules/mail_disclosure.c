#include "rules/mail_disclosure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/timestamp.h"

static void date_of(int64_t moment, char date[TIMESTAMP_TEXT_SIZE])
{
    timestamp_format(moment, date);
    date[strcspn(date, "T")] = '\0';
}

static void say(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

static void say(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(text, size, format, args);
    va_end(args);
}

/* An address as a word of a shell command: people send from addresses like $(id)@zz.example. */
static void shell_word(const char *address, char *word, size_t size)
{
    struct buf out;
    buf_init(&out, size - 1);
    if (address[strspn(address, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._+-")] == '\0' && address[0] != '-') {
        buf_add_text(&out, address);
    } else {
        buf_add_char(&out, '\'');
        for (; *address; address++)
            *address == '\'' ? buf_add_text(&out, "'\\''") : buf_add_char(&out, *address);
        buf_add_char(&out, '\'');
    }
    say(word, size, "%s", out.full ? "ADDRESS" : buf_text(&out));
    buf_clear(&out);
}

static const struct mail_disclosure_key *usable_key(const struct mail_disclosure_mail *mail,
                                                    const struct mail_disclosure_recipient *recipient, enum mail_disclosure_scheme scheme)
{
    bool signs = scheme == MAIL_DISCLOSURE_OPENPGP ? mail->signs_openpgp : mail->signs_smime;
    const struct mail_disclosure_key *key = scheme == MAIL_DISCLOSURE_OPENPGP ? &recipient->openpgp : &recipient->smime;
    return signs && key->state == MAIL_DISCLOSURE_KEY_USABLE && key->fingerprint ? key : NULL;
}

static bool has_key(const struct mail_disclosure_mail *mail, const struct mail_disclosure_recipient *recipient)
{
    return usable_key(mail, recipient, MAIL_DISCLOSURE_OPENPGP) || usable_key(mail, recipient, MAIL_DISCLOSURE_SMIME);
}

/* --- what holds for one recipient, whatever the others have --- */

static struct mail_disclosure_outcome stays(enum mail_disclosure_reason reason, const char *text)
{
    struct mail_disclosure_outcome outcome = {.goes = MAIL_DISCLOSURE_STAYS, .reason = reason};
    say(outcome.text, sizeof outcome.text, "%s", text);
    return outcome;
}

static struct mail_disclosure_outcome decide_label(const struct mail_disclosure_mail *mail)
{
    bool is_label = mail->tlp >= TLP_CLEAR && mail->tlp <= TLP_RED;
    struct mail_disclosure_outcome outcome = {.reason = MAIL_DISCLOSURE_OK};
    if (!mail->signs_openpgp && !mail->signs_smime) {
        outcome = stays(MAIL_DISCLOSURE_NO_OWN_KEY, "we have no key that signs");
        say(outcome.hint, sizeof outcome.hint, "cirt doctor");
    } else if (!is_label) {
        outcome = stays(MAIL_DISCLOSURE_LABEL_RED, "no label, counts as TLP:RED");
        say(outcome.hint, sizeof outcome.hint, "label it first: cirt tlp CASE LABEL, or --tlp LABEL");
    } else if (mail->tlp == TLP_RED) {
        outcome = stays(MAIL_DISCLOSURE_LABEL_RED, "TLP:RED, never by mail");
        say(outcome.hint, sizeof outcome.hint, "tell them yourself, or write what is not RED and say so with --tlp LABEL");
    } else if (mail->tlp == TLP_AMBER_STRICT && !mail->strict_decided_by) {
        outcome = stays(MAIL_DISCLOSURE_LABEL_STRICT, "TLP:AMBER+STRICT, leaves only where somebody decides it for this mail");
        say(outcome.hint, sizeof outcome.hint, "decide it: --strict");
    } else if (mail->attached > mail->tlp) {
        outcome = stays(MAIL_DISCLOSURE_ATTACHED, "");
        say(outcome.text, sizeof outcome.text, "an attachment is %s, the mail only %s", tlp_label(mail->attached), tlp_label(mail->tlp));
        say(outcome.hint, sizeof outcome.hint, "--tlp %s, or leave it out", tlp_name(mail->attached));
    }
    return outcome;
}

static struct mail_disclosure_outcome decide_person(const struct mail_disclosure_mail *mail,
                                                    const struct mail_disclosure_recipient *recipient)
{
    struct mail_disclosure_outcome outcome = {.reason = MAIL_DISCLOSURE_OK};
    char word[300];
    shell_word(recipient->address, word, sizeof word);
    if (recipient->is_intake) {
        outcome = stays(MAIL_DISCLOSURE_INTAKE, "our own address: it would come back as a report");
        say(outcome.hint, sizeof outcome.hint, "leave it out");
    } else if (recipient->is_disabled) {
        outcome = stays(MAIL_DISCLOSURE_DISABLED, "the contact is disabled");
        say(outcome.hint, sizeof outcome.hint, "leave it out, or: cirt contact set %s --enabled yes", word);
    } else if (recipient->is_ours && mail->is_restricted && !recipient->may_read) {
        outcome = stays(MAIL_DISCLOSURE_NOT_READER, "may not read this restricted case");
        say(outcome.hint, sizeof outcome.hint, "leave them out");
    } else if (mail->is_drill && !recipient->takes_part) {
        outcome = stays(MAIL_DISCLOSURE_NOT_IN_DRILL, "takes no part in the exercise");
        say(outcome.hint, sizeof outcome.hint, "leave them out");
    }
    return outcome;
}

static bool waiver_is_in_force(const struct mail_disclosure_waiver *waiver, int64_t now)
{
    return waiver && now >= waiver->from && now < waiver->until;
}

static bool waiver_covers(const struct mail_disclosure_waiver *waiver, enum tlp label, int64_t now)
{
    return waiver_is_in_force(waiver, now) && waiver->up_to >= label && label <= TLP_AMBER;
}

/* Without a waiver: by the label, or by the decision. */
static bool may_all_get_in_clear(const struct mail_disclosure_mail *mail)
{
    if (mail->tlp == TLP_AMBER_STRICT)
        return mail->strict_decided_by != NULL;
    return mail->tlp <= TLP_GREEN && (!mail->answers_encrypted || mail->strict_decided_by);
}

static bool may_get_in_clear(const struct mail_disclosure_mail *mail, const struct mail_disclosure_recipient *recipient, int64_t now)
{
    if (mail->is_restricted)
        return false;
    return may_all_get_in_clear(mail) || waiver_covers(recipient->waiver, mail->tlp > TLP_AMBER ? mail->tlp : TLP_AMBER, now);
}

/* --- words --- */

static const char *scheme_name(enum mail_disclosure_scheme scheme)
{
    return scheme == MAIL_DISCLOSURE_SMIME ? "S/MIME" : "OpenPGP";
}

/* The key to speak of where none can be used: the one whose trouble is the smaller. */
static const struct mail_disclosure_key *nearest_key(const struct mail_disclosure_recipient *recipient)
{
    if (recipient->openpgp.state == MAIL_DISCLOSURE_KEY_NONE)
        return &recipient->smime;
    if (recipient->smime.state == MAIL_DISCLOSURE_KEY_NONE)
        return &recipient->openpgp;
    return recipient->openpgp.state <= recipient->smime.state ? &recipient->openpgp : &recipient->smime;
}

static void say_key(const struct mail_disclosure_recipient *recipient, char *text, size_t size)
{
    static const char *const words[] = {"no key",
                                        "a key of a kind that we have no key to sign with",
                                        "a key pinned to nobody",
                                        "its key expired",
                                        "its key was revoked",
                                        "its key is distrusted",
                                        "its key cannot encrypt"};
    const struct mail_disclosure_key *key = nearest_key(recipient);
    if (key->fingerprint && key->state != MAIL_DISCLOSURE_KEY_NONE)
        say(text, size, "%s (%.64s)", words[key->state], key->fingerprint);
    else
        say(text, size, "%s", words[key->state]);
}

static void say_waiver(const struct mail_disclosure_mail *mail, const struct mail_disclosure_recipient *recipient, int64_t now, char *text,
                       size_t size)
{
    const struct mail_disclosure_waiver *waiver = recipient->waiver;
    char date[TIMESTAMP_TEXT_SIZE];
    if (mail->is_restricted)
        say(text, size, "a restricted case goes in clear to nobody");
    else if (!waiver && mail->tlp <= TLP_GREEN)
        say(text, size, "what came encrypted is not answered in clear");
    else if (!waiver)
        say(text, size, "no waiver for %s in clear", tlp_label(mail->tlp));
    else if (waiver_is_in_force(waiver, now))
        say(text, size, "the waiver ends at %s", tlp_label(waiver->up_to > TLP_AMBER ? TLP_AMBER : waiver->up_to));
    else {
        date_of(now < waiver->from ? waiver->from : waiver->until, date);
        say(text, size, "the waiver %s %s", now < waiver->from ? "begins" : "ended", date);
    }
}

/* What would help somebody who may not get it in clear, and (without_key) cannot get it otherwise. */
static void hint_for(const struct mail_disclosure_mail *mail, const struct mail_disclosure_recipient *recipient, bool without_key,
                     char *hint, size_t size)
{
    const struct mail_disclosure_key *key = nearest_key(recipient);
    char word[300], key_hint[480] = "", waiver_hint[480] = "", leave_hint[320] = "";
    shell_word(recipient->address, word, sizeof word);
    if (without_key && key->state == MAIL_DISCLOSURE_KEY_CANDIDATE && key->fingerprint)
        say(key_hint, sizeof key_hint, "check the key with its owner, then: cirt key pin %.64s --contact %s", key->fingerprint, word);
    else if (without_key)
        say(key_hint, sizeof key_hint, "a key: cirt key import FILE, then cirt key pin FINGERPRINT --contact %s", word);
    if (!mail->is_restricted && mail->tlp <= TLP_GREEN)
        say(waiver_hint, sizeof waiver_hint, "%sdecide that it may go in clear: --strict", without_key ? "; or " : "");
    else if (!mail->is_restricted && mail->tlp == TLP_AMBER)
        say(waiver_hint, sizeof waiver_hint, "%sa waiver: cirt contact waiver %s --up-to amber --until DAY -m WHY",
            without_key ? "; or " : "", word);
    if (mail->recipient_count > 1)
        say(leave_hint, sizeof leave_hint, "%sleave out %s", without_key || *waiver_hint ? "; or " : "", word);
    say(hint, size, "%s%s%s", key_hint, waiver_hint, leave_hint);
}

static void say_clear(const struct mail_disclosure_mail *mail, const struct mail_disclosure_recipient *recipient,
                      struct mail_disclosure_outcome *outcome)
{
    const struct mail_disclosure_waiver *waiver = recipient->waiver;
    char date[TIMESTAMP_TEXT_SIZE];
    if (!may_all_get_in_clear(mail)) {
        outcome->waiver = waiver;
        date_of(waiver->until, date);
        say(outcome->text, sizeof outcome->text, "in clear: waiver of %.60s%s up to %s until %s",
            waiver->granted_by ? waiver->granted_by : "?", waiver->is_of_agreement ? " in the agreement" : "",
            tlp_label(waiver->up_to > TLP_AMBER ? TLP_AMBER : waiver->up_to), date);
    } else if (mail->tlp == TLP_AMBER_STRICT || mail->answers_encrypted) {
        say(outcome->text, sizeof outcome->text, "in clear: %s%s, decided by %.60s for this mail", tlp_label(mail->tlp),
            mail->answers_encrypted ? ", though it answers what came encrypted" : "", mail->strict_decided_by);
    } else {
        say(outcome->text, sizeof outcome->text, "in clear: %s", tlp_label(mail->tlp));
    }
}

/* --- one message: everybody in To and Cc, or one hidden recipient --- */

struct group {
    const struct mail_disclosure_mail *mail;
    struct mail_disclosure_outcome *outcomes;
    int64_t now;
    size_t hidden; /* index of the hidden recipient, or SIZE_MAX for the visible ones */
    bool all_have_keys, all_may_clear, none_stays;
    bool all_openpgp, all_smime; /* everybody has a usable key of that scheme */
};

static bool is_member(const struct group *group, size_t i)
{
    bool is_hidden = group->mail->recipients[i].place == MAIL_DISCLOSURE_BCC;
    return group->hidden == SIZE_MAX ? !is_hidden : i == group->hidden;
}

static void look_at_members(struct group *group)
{
    const struct mail_disclosure_mail *mail = group->mail;
    struct mail_disclosure_outcome label = decide_label(mail);
    group->all_have_keys = group->all_may_clear = group->none_stays = group->all_openpgp = group->all_smime = true;
    for (size_t i = 0; i < mail->recipient_count; i++) {
        if (!is_member(group, i))
            continue;
        const struct mail_disclosure_recipient *recipient = &mail->recipients[i];
        group->outcomes[i] = label.reason != MAIL_DISCLOSURE_OK ? label : decide_person(mail, recipient);
        group->none_stays = group->none_stays && group->outcomes[i].reason == MAIL_DISCLOSURE_OK;
        group->all_have_keys = group->all_have_keys && has_key(mail, recipient);
        group->all_openpgp = group->all_openpgp && usable_key(mail, recipient, MAIL_DISCLOSURE_OPENPGP);
        group->all_smime = group->all_smime && usable_key(mail, recipient, MAIL_DISCLOSURE_SMIME);
        group->all_may_clear = group->all_may_clear && may_get_in_clear(mail, recipient, group->now);
    }
}

/* One piece for all where one scheme serves all; else each by what he has, OpenPGP first. */
static enum mail_disclosure_scheme scheme_for(const struct group *group, const struct mail_disclosure_recipient *recipient)
{
    if (group->all_smime && !group->all_openpgp)
        return MAIL_DISCLOSURE_SMIME;
    return usable_key(group->mail, recipient, MAIL_DISCLOSURE_OPENPGP) ? MAIL_DISCLOSURE_OPENPGP : MAIL_DISCLOSURE_SMIME;
}

/* In clear the message is one, so its signature is too: S/MIME where that is all we have, or all that anybody of them has. */
static enum mail_disclosure_scheme scheme_in_clear(const struct group *group)
{
    const struct mail_disclosure_mail *mail = group->mail;
    bool any_smime = false, any_openpgp = false;
    for (size_t i = 0; i < mail->recipient_count; i++) {
        if (!is_member(group, i))
            continue;
        any_openpgp = any_openpgp || mail->recipients[i].openpgp.state != MAIL_DISCLOSURE_KEY_NONE;
        any_smime = any_smime || mail->recipients[i].smime.state != MAIL_DISCLOSURE_KEY_NONE;
    }
    if (!mail->signs_openpgp || (mail->signs_smime && any_smime && !any_openpgp))
        return MAIL_DISCLOSURE_SMIME;
    return MAIL_DISCLOSURE_OPENPGP;
}

static void let_go(const struct group *group, size_t i)
{
    const struct mail_disclosure_recipient *recipient = &group->mail->recipients[i];
    struct mail_disclosure_outcome *outcome = &group->outcomes[i];
    if (group->all_have_keys) {
        outcome->goes = MAIL_DISCLOSURE_ENCRYPTED;
        outcome->scheme = scheme_for(group, recipient);
        outcome->fingerprint = usable_key(group->mail, recipient, outcome->scheme)->fingerprint;
        say(outcome->text, sizeof outcome->text, "encrypted, %s", scheme_name(outcome->scheme));
    } else {
        outcome->goes = MAIL_DISCLOSURE_CLEAR;
        outcome->scheme = scheme_in_clear(group);
        say_clear(group->mail, recipient, outcome);
    }
}

/* The message cannot go; says what this recipient has to do with it. */
static void hold_back(const struct group *group, size_t i)
{
    const struct mail_disclosure_recipient *recipient = &group->mail->recipients[i];
    struct mail_disclosure_outcome *outcome = &group->outcomes[i];
    char key[120], waiver[120];
    if (outcome->reason != MAIL_DISCLOSURE_OK)
        return; /* he himself, or the label */
    outcome->goes = MAIL_DISCLOSURE_STAYS;
    if (group->all_have_keys || may_get_in_clear(group->mail, recipient, group->now)) {
        *outcome = stays(MAIL_DISCLOSURE_OTHERS, "stays: another one stands in the way");
        return;
    }
    bool without_key = !has_key(group->mail, recipient);
    say_key(recipient, key, sizeof key);
    say_waiver(group->mail, recipient, group->now, waiver, sizeof waiver);
    outcome->reason = without_key ? MAIL_DISCLOSURE_NO_KEY : MAIL_DISCLOSURE_NOT_IN_CLEAR;
    if (without_key)
        say(outcome->text, sizeof outcome->text, "%s, and %s", key, waiver);
    else
        say(outcome->text, sizeof outcome->text, "not everybody has a key, and %s", waiver);
    hint_for(group->mail, recipient, without_key, outcome->hint, sizeof outcome->hint);
}

static void decide_group(const struct mail_disclosure_mail *mail, struct mail_disclosure_outcome *outcomes, int64_t now, size_t hidden)
{
    struct group group = {.mail = mail, .outcomes = outcomes, .now = now, .hidden = hidden};
    look_at_members(&group);
    bool goes = group.none_stays && (group.all_have_keys || group.all_may_clear);
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (is_member(&group, i))
            goes ? let_go(&group, i) : hold_back(&group, i);
}

/* --- the whole --- */

/* About the mail itself, not about one of its recipients. */
static bool is_general(enum mail_disclosure_reason reason)
{
    return reason >= MAIL_DISCLOSURE_NOBODY && reason <= MAIL_DISCLOSURE_ATTACHED;
}

/* Whom to name in the refusal: who lacks a key before those who only may not get it in clear. */
static size_t first_in_the_way(const struct mail_disclosure_mail *mail, const struct mail_disclosure_outcome *outcomes)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (outcomes[i].goes == MAIL_DISCLOSURE_STAYS && outcomes[i].reason != MAIL_DISCLOSURE_OTHERS &&
            (found == SIZE_MAX || outcomes[i].reason < outcomes[found].reason))
            found = i;
    return found;
}

static void refuse(const struct mail_disclosure_mail *mail, const struct mail_disclosure_outcome *outcomes,
                   struct mail_disclosure_verdict *verdict)
{
    size_t first = first_in_the_way(mail, outcomes), others = 0;
    for (size_t i = 0; i < mail->recipient_count; i++)
        others += i != first && outcomes[i].goes == MAIL_DISCLOSURE_STAYS && outcomes[i].reason != MAIL_DISCLOSURE_OTHERS;
    verdict->reason = outcomes[first].reason;
    say(verdict->hint, sizeof verdict->hint, "%s", outcomes[first].hint);
    if (is_general(verdict->reason))
        say(verdict->text, sizeof verdict->text, "%s", outcomes[first].text);
    else if (others > 0)
        say(verdict->text, sizeof verdict->text, "%.120s: %.200s (and %zu more)", mail->recipients[first].address, outcomes[first].text,
            others);
    else
        say(verdict->text, sizeof verdict->text, "%.120s: %.200s", mail->recipients[first].address, outcomes[first].text);
}

static void count(const struct mail_disclosure_mail *mail, const struct mail_disclosure_outcome *outcomes,
                  struct mail_disclosure_verdict *verdict)
{
    bool has_visible = false;
    enum mail_disclosure_goes visible = MAIL_DISCLOSURE_STAYS, hidden = MAIL_DISCLOSURE_STAYS;
    for (size_t i = 0; i < mail->recipient_count; i++) {
        enum mail_disclosure_goes *place = mail->recipients[i].place == MAIL_DISCLOSURE_BCC ? &hidden : &visible;
        has_visible = has_visible || place == &visible;
        *place = outcomes[i].goes > *place ? outcomes[i].goes : *place;
        verdict->clear_count += outcomes[i].goes == MAIL_DISCLOSURE_CLEAR;
        verdict->stays_count += outcomes[i].goes == MAIL_DISCLOSURE_STAYS;
    }
    verdict->visible = has_visible ? visible : hidden;
}

struct mail_disclosure_verdict mail_disclosure_decide(const struct mail_disclosure_mail *mail, int64_t now,
                                                      struct mail_disclosure_outcome *outcomes)
{
    struct mail_disclosure_verdict verdict = {.reason = MAIL_DISCLOSURE_OK};
    if (mail->recipient_count == 0) {
        struct mail_disclosure_outcome label = decide_label(mail);
        verdict.reason = label.reason ? label.reason : MAIL_DISCLOSURE_NOBODY;
        say(verdict.text, sizeof verdict.text, "%s", label.reason ? label.text : "there is nobody to send it to");
        say(verdict.hint, sizeof verdict.hint, "%s", label.reason ? label.hint : "--to ADDRESS");
        return verdict;
    }
    decide_group(mail, outcomes, now, SIZE_MAX);
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (mail->recipients[i].place == MAIL_DISCLOSURE_BCC)
            decide_group(mail, outcomes, now, i);
    count(mail, outcomes, &verdict);
    verdict.is_sendable = verdict.stays_count == 0;
    if (!verdict.is_sendable)
        refuse(mail, outcomes, &verdict);
    return verdict;
}
