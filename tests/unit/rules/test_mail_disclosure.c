#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "rules/mail_disclosure.h"

enum { NOW = 1500, MOST = 6 };

#define PGP_KEY                                                                                                                            \
    {                                                                                                                                      \
        .state = MAIL_DISCLOSURE_KEY_USABLE, .fingerprint = "8A30"                                                                         \
    }
#define CMS_KEY                                                                                                                            \
    {                                                                                                                                      \
        .state = MAIL_DISCLOSURE_KEY_USABLE, .fingerprint = "C0FFEE"                                                                       \
    }
#define BAD(how)                                                                                                                           \
    {                                                                                                                                      \
        .state = MAIL_DISCLOSURE_KEY_##how, .fingerprint = "DEAD"                                                                          \
    }

static const struct mail_disclosure_waiver to_amber = {.up_to = TLP_AMBER, .from = 1000, .until = 2000, .granted_by = "lead"};
static const struct mail_disclosure_waiver to_green = {.up_to = TLP_GREEN, .from = 1000, .until = 2000, .granted_by = "lead"};
static const struct mail_disclosure_waiver to_red = {.up_to = TLP_RED, .from = 1000, .until = 2000, .granted_by = "lead"};

/* The people of the tables below, by a letter. */
static const struct {
    char letter;
    struct mail_disclosure_recipient recipient;
} people[] = {
    {'p', {.address = "p@yy.example", .openpgp = PGP_KEY}},
    {'s', {.address = "s@yy.example", .smime = CMS_KEY}},
    {'b', {.address = "b@yy.example", .openpgp = PGP_KEY, .smime = CMS_KEY}},
    {'n', {.address = "n@yy.example"}},
    {'w', {.address = "w@yy.example", .waiver = &to_amber}},
    {'g', {.address = "g@yy.example", .waiver = &to_green}},
    {'r', {.address = "r@yy.example", .waiver = &to_red}},
    {'P', {.address = "P@yy.example", .openpgp = PGP_KEY, .waiver = &to_amber}},
    {'H', {.address = "h@yy.example", .place = MAIL_DISCLOSURE_BCC}},                       /* hidden, no key */
    {'K', {.address = "k@yy.example", .place = MAIL_DISCLOSURE_BCC, .openpgp = PGP_KEY}},   /* hidden, key */
    {'W', {.address = "hw@yy.example", .place = MAIL_DISCLOSURE_BCC, .waiver = &to_amber}}, /* hidden, waiver */
    {'c', {.address = "c@yy.example", .openpgp = BAD(CANDIDATE)}},
    {'x', {.address = "x@yy.example", .openpgp = BAD(EXPIRED), .smime = CMS_KEY}},
    {'i', {.address = "incident@xx.example", .openpgp = PGP_KEY, .is_intake = true}},
    {'d', {.address = "d@yy.example", .openpgp = PGP_KEY, .is_disabled = true}},
    {'o', {.address = "o@xx.example", .openpgp = PGP_KEY, .is_ours = true}},
    {'O', {.address = "O@xx.example", .openpgp = PGP_KEY, .is_ours = true, .may_read = true}},
    {'D', {.address = "D@yy.example", .openpgp = PGP_KEY, .takes_part = true}},
};

static size_t choose(const char *letters, struct mail_disclosure_recipient *out)
{
    size_t count = 0;
    for (; *letters; letters++) {
        size_t i = 0;
        while (i < ARRAY_SIZE(people) && people[i].letter != *letters)
            i++;
        if (i == ARRAY_SIZE(people) || count == MOST)
            fail_msg("who is %c?", *letters);
        out[count++] = people[i].recipient;
    }
    return count;
}

static struct mail_disclosure_mail mail_with(enum tlp label, const struct mail_disclosure_recipient *recipients, size_t count)
{
    return (struct mail_disclosure_mail){
        .tlp = label, .attached = TLP_NONE, .signs_openpgp = true, .signs_smime = true, .recipients = recipients, .recipient_count = count};
}

/* Each recipient: "e" OpenPGP, "m" S/MIME, "c" in clear, "-" stays of himself, "." stays because of others. */
static void outcome_letters(const struct mail_disclosure_mail *mail, const struct mail_disclosure_outcome *outcomes, char *letters)
{
    for (size_t i = 0; i < mail->recipient_count; i++) {
        const struct mail_disclosure_outcome *o = &outcomes[i];
        *letters++ = o->goes == MAIL_DISCLOSURE_CLEAR       ? 'c'
                     : o->goes == MAIL_DISCLOSURE_STAYS     ? (o->reason == MAIL_DISCLOSURE_OTHERS ? '.' : '-')
                     : o->scheme == MAIL_DISCLOSURE_OPENPGP ? 'e'
                                                            : 'm';
    }
    *letters = '\0';
}

static void expect(const char *what, const struct mail_disclosure_mail *mail, const char *wanted)
{
    struct mail_disclosure_outcome outcomes[MOST];
    struct mail_disclosure_verdict verdict = mail_disclosure_decide(mail, NOW, outcomes);
    char seen[MOST + 1];
    outcome_letters(mail, outcomes, seen);
    if (strcmp(seen, wanted) != 0)
        fail_msg("%s: %s, not %s (%s)", what, seen, wanted, verdict.text);
    bool all_go = !strpbrk(wanted, "-.");
    if (verdict.is_sendable != all_go || (verdict.reason == MAIL_DISCLOSURE_OK) != all_go || (verdict.text[0] == '\0') != all_go)
        fail_msg("%s: verdict %d, %d, \"%s\"", what, verdict.is_sendable, (int)verdict.reason, verdict.text);
    for (size_t i = 0; i < mail->recipient_count; i++) {
        bool is_encrypted = outcomes[i].goes == MAIL_DISCLOSURE_ENCRYPTED;
        if ((outcomes[i].fingerprint != NULL) != is_encrypted || !outcomes[i].text[0])
            fail_msg("%s: recipient %zu: \"%s\"", what, i, outcomes[i].text);
    }
}

/* The outcome for labels none, clear, green, amber, amber+strict (undecided), amber+strict (decided), red. */
static void labels(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who;
        const char *expected[7];
    } rows[] = {
        {"p", {"-", "e", "e", "e", "-", "e", "-"}},         {"s", {"-", "m", "m", "m", "-", "m", "-"}},
        {"b", {"-", "e", "e", "e", "-", "e", "-"}},         {"n", {"-", "c", "c", "-", "-", "c", "-"}},
        {"w", {"-", "c", "c", "c", "-", "c", "-"}},         {"g", {"-", "c", "c", "-", "-", "c", "-"}},
        {"r", {"-", "c", "c", "c", "-", "c", "-"}},         {"c", {"-", "c", "c", "-", "-", "c", "-"}},
        {"x", {"-", "m", "m", "m", "-", "m", "-"}},         {"pp", {"--", "ee", "ee", "ee", "--", "ee", "--"}},
        {"pb", {"--", "ee", "ee", "ee", "--", "ee", "--"}}, {"sb", {"--", "mm", "mm", "mm", "--", "mm", "--"}},
        {"ps", {"--", "em", "em", "em", "--", "em", "--"}}, {"psb", {"---", "eme", "eme", "eme", "---", "eme", "---"}},
        {"pn", {"--", "cc", "cc", "--", "--", "cc", "--"}}, {"Pn", {"--", "cc", "cc", ".-", "--", "cc", "--"}},
        {"pw", {"--", "cc", "cc", "-.", "--", "cc", "--"}}, {"Pw", {"--", "cc", "cc", "cc", "--", "cc", "--"}},
        {"wn", {"--", "cc", "cc", ".-", "--", "cc", "--"}}, {"pK", {"--", "ee", "ee", "ee", "--", "ee", "--"}},
        {"pH", {"--", "ec", "ec", "e-", "--", "ec", "--"}}, {"pW", {"--", "ec", "ec", "ec", "--", "ec", "--"}},
        {"nK", {"--", "ce", "ce", "-e", "--", "ce", "--"}}, {"KH", {"--", "ec", "ec", "e-", "--", "ec", "--"}},
    };
    static const struct {
        enum tlp label;
        const char *decided_by;
    } columns[] = {{TLP_NONE, "lead"},       {TLP_CLEAR, NULL},          {TLP_GREEN, NULL}, {TLP_AMBER, NULL},
                   {TLP_AMBER_STRICT, NULL}, {TLP_AMBER_STRICT, "lead"}, {TLP_RED, "lead"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(columns); k++) {
            struct mail_disclosure_recipient recipients[MOST];
            struct mail_disclosure_mail mail = mail_with(columns[k].label, recipients, choose(rows[i].who, recipients));
            char what[40];
            mail.strict_decided_by = columns[k].decided_by;
            snprintf(what, sizeof what, "%s, column %zu", rows[i].who, k);
            expect(what, &mail, rows[i].expected[k]);
        }
    }
}

static void odd_labels_stay(void **state)
{
    UNUSED(state);
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_mail mail = mail_with((enum tlp)17, recipients, choose("p", recipients));
    mail.strict_decided_by = "lead";
    expect("17", &mail, "-");
    mail.tlp = (enum tlp) - 2;
    expect("-2", &mail, "-");
}

/* What makes a key usable, and what only looks like it. */
static void keys(void **state)
{
    UNUSED(state);
    static const struct {
        const char *what;
        struct mail_disclosure_key openpgp, smime;
        const char *expected, *text;
    } rows[] = {
        {"none",
         {.state = MAIL_DISCLOSURE_KEY_NONE},
         {.state = MAIL_DISCLOSURE_KEY_NONE},
         "-",
         "no key, and no waiver for TLP:AMBER in clear"},
        {"usable", PGP_KEY, {.state = MAIL_DISCLOSURE_KEY_NONE}, "e", "encrypted, OpenPGP"},
        {"certificate", {.state = MAIL_DISCLOSURE_KEY_NONE}, CMS_KEY, "m", "encrypted, S/MIME"},
        {"candidate", BAD(CANDIDATE), {.state = MAIL_DISCLOSURE_KEY_NONE}, "-", "a key pinned to nobody (DEAD)"},
        {"expired", BAD(EXPIRED), {.state = MAIL_DISCLOSURE_KEY_NONE}, "-", "its key expired (DEAD)"},
        {"revoked", BAD(REVOKED), {.state = MAIL_DISCLOSURE_KEY_NONE}, "-", "its key was revoked (DEAD)"},
        {"distrusted", BAD(DISTRUSTED), {.state = MAIL_DISCLOSURE_KEY_NONE}, "-", "its key is distrusted (DEAD)"},
        {"signs only", BAD(SIGNS_ONLY), {.state = MAIL_DISCLOSURE_KEY_NONE}, "-", "its key cannot encrypt (DEAD)"},
        {"revoked beside a certificate", BAD(REVOKED), CMS_KEY, "m", "encrypted, S/MIME"},
        {"expired certificate beside a candidate", BAD(CANDIDATE), BAD(EXPIRED), "-", "a key pinned to nobody"},
        {"usable without a fingerprint",
         {.state = MAIL_DISCLOSURE_KEY_USABLE},
         {.state = MAIL_DISCLOSURE_KEY_NONE},
         "-",
         "a key of a kind"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_disclosure_recipient recipient = {.address = "a@yy.example", .openpgp = rows[i].openpgp, .smime = rows[i].smime};
        struct mail_disclosure_mail mail = mail_with(TLP_AMBER, &recipient, 1);
        struct mail_disclosure_outcome outcome;
        expect(rows[i].what, &mail, rows[i].expected);
        mail_disclosure_decide(&mail, NOW, &outcome);
        if (!strstr(outcome.text, rows[i].text))
            fail_msg("%s: \"%s\"", rows[i].what, outcome.text);
    }
}

/* A scheme that we cannot sign in cannot be used: everything is signed. */
static void own_keys(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who;
        bool openpgp, smime;
        const char *expected;
    } rows[] = {
        {"p", true, false, "e"}, {"p", false, true, "-"},   {"s", false, true, "m"},   {"s", true, false, "-"},  {"b", false, true, "m"},
        {"b", true, false, "e"}, {"ps", true, false, ".-"}, {"bs", false, true, "mm"}, {"b", false, false, "-"}, {"w", false, true, "c"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_disclosure_recipient recipients[MOST];
        struct mail_disclosure_mail mail = mail_with(TLP_AMBER, recipients, choose(rows[i].who, recipients));
        char what[40];
        mail.signs_openpgp = rows[i].openpgp;
        mail.signs_smime = rows[i].smime;
        snprintf(what, sizeof what, "row %zu", i);
        if (strcmp(rows[i].expected, ".-") == 0)
            recipients[0].waiver = &to_amber;
        expect(what, &mail, rows[i].expected);
    }
}

/* In clear there is one message and one signature. */
static void scheme_in_clear(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who;
        bool openpgp, smime;
        enum mail_disclosure_scheme scheme;
    } rows[] = {
        {"n", true, true, MAIL_DISCLOSURE_OPENPGP},   {"ns", true, true, MAIL_DISCLOSURE_SMIME},
        {"np", true, true, MAIL_DISCLOSURE_OPENPGP},  {"nsp", true, true, MAIL_DISCLOSURE_OPENPGP},
        {"ns", true, false, MAIL_DISCLOSURE_OPENPGP}, {"np", false, true, MAIL_DISCLOSURE_SMIME},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_disclosure_recipient recipients[MOST];
        struct mail_disclosure_outcome outcomes[MOST];
        struct mail_disclosure_mail mail = mail_with(TLP_GREEN, recipients, choose(rows[i].who, recipients));
        mail.signs_openpgp = rows[i].openpgp;
        mail.signs_smime = rows[i].smime;
        assert_true(mail_disclosure_decide(&mail, NOW, outcomes).is_sendable);
        for (size_t k = 0; k < mail.recipient_count; k++) {
            assert_int_equal(outcomes[k].goes, MAIL_DISCLOSURE_CLEAR);
            assert_int_equal(outcomes[k].scheme, rows[i].scheme);
        }
    }
}

static void waivers_have_their_time(void **state)
{
    UNUSED(state);
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_mail mail = mail_with(TLP_AMBER, recipients, choose("w", recipients));
    struct mail_disclosure_outcome outcome;
    static const struct {
        int64_t now;
        bool goes;
        const char *text;
    } rows[] = {
        {999, false, "the waiver begins 1970-01-01"},
        {1000, true, "in clear: waiver of lead up to TLP:AMBER until 1970-01-01"},
        {1999, true, "in clear: waiver of lead up to TLP:AMBER"},
        {2000, false, "no key, and the waiver ended 1970-01-01"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(mail_disclosure_decide(&mail, rows[i].now, &outcome).is_sendable, rows[i].goes);
        if (!strstr(outcome.text, rows[i].text))
            fail_msg("%s", outcome.text);
        assert_ptr_equal(outcome.waiver, rows[i].goes ? &to_amber : NULL);
    }
    struct mail_disclosure_waiver of_agreement = to_amber;
    of_agreement.is_of_agreement = true;
    recipients[0].waiver = &of_agreement;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_non_null(strstr(outcome.text, "waiver of lead in the agreement up to"));
    recipients[0].waiver = &to_green;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_string_equal(outcome.text, "no key, and the waiver ends at TLP:GREEN");
    recipients[0].waiver = &to_red; /* none reaches beyond AMBER */
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_non_null(strstr(outcome.text, "up to TLP:AMBER until"));
    /* A waiver that was not needed is not named. */
    mail.tlp = TLP_GREEN;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_null(outcome.waiver);
    assert_string_equal(outcome.text, "in clear: TLP:GREEN");
}

static void restricted_cases(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who, *expected;
    } rows[] = {{"p", "e"}, {"n", "-"}, {"w", "-"}, {"o", "-"}, {"O", "e"}, {"po", ".-"}, {"pO", "ee"}, {"pw", "--"}, {"pH", "e-"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int label = TLP_CLEAR; label <= TLP_AMBER_STRICT; label++) {
            struct mail_disclosure_recipient recipients[MOST];
            struct mail_disclosure_mail mail = mail_with((enum tlp)label, recipients, choose(rows[i].who, recipients));
            mail.is_restricted = true;
            mail.strict_decided_by = "lead";
            expect(rows[i].who, &mail, rows[i].expected);
        }
    }
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_outcome outcome;
    struct mail_disclosure_mail mail = mail_with(TLP_GREEN, recipients, choose("w", recipients));
    mail.is_restricted = true;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_string_equal(outcome.text, "no key, and a restricted case goes in clear to nobody");
    assert_null(strstr(outcome.hint, "waiver"));
    /* Elsewhere our own people get what others get. */
    mail = mail_with(TLP_AMBER, recipients, choose("o", recipients));
    expect("own, not restricted", &mail, "e");
}

/* What came encrypted is answered encrypted, or by a decision, or where the waiver says so. Labels clear, green, amber; then the first two
 * decided. */
static void answers_to_encrypted(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who, *expected[5];
    } rows[] = {
        {"p", {"e", "e", "e", "e", "e"}},       {"n", {"-", "-", "-", "c", "c"}},       {"w", {"c", "c", "c", "c", "c"}},
        {"g", {"-", "-", "-", "c", "c"}},       {"pn", {"--", "--", "--", "cc", "cc"}}, {"Pw", {"cc", "cc", "cc", "cc", "cc"}},
        {"pH", {"e-", "e-", "e-", "ec", "ec"}},
    };
    static const enum tlp columns[] = {TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_CLEAR, TLP_GREEN};
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_outcome outcome;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(columns); k++) {
            struct mail_disclosure_mail mail = mail_with(columns[k], recipients, choose(rows[i].who, recipients));
            mail.answers_encrypted = true;
            mail.strict_decided_by = k > 2 ? "lead" : NULL;
            expect(rows[i].who, &mail, rows[i].expected[k]);
        }
    }
    struct mail_disclosure_mail mail = mail_with(TLP_GREEN, recipients, choose("n", recipients));
    mail.answers_encrypted = true;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_string_equal(outcome.text, "no key, and what came encrypted is not answered in clear");
    assert_non_null(strstr(outcome.hint, "; or decide that it may go in clear: --strict"));
    mail.strict_decided_by = "lead";
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_string_equal(outcome.text, "in clear: TLP:GREEN, though it answers what came encrypted, decided by lead for this mail");
    recipients[0].waiver = &to_amber;
    mail.strict_decided_by = NULL;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_ptr_equal(outcome.waiver, &to_amber);
}

static void attachments(void **state)
{
    UNUSED(state);
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_outcome outcomes[MOST];
    struct mail_disclosure_mail mail = mail_with(TLP_GREEN, recipients, choose("p", recipients));
    mail.attached = TLP_GREEN;
    expect("the same label", &mail, "e");
    mail.attached = TLP_AMBER;
    expect("a stricter one", &mail, "-");
    struct mail_disclosure_verdict verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_int_equal(verdict.reason, MAIL_DISCLOSURE_ATTACHED);
    assert_string_equal(verdict.text, "an attachment is TLP:AMBER, the mail only TLP:GREEN");
    assert_string_equal(verdict.hint, "--tlp amber, or leave it out");
}

static void exercises(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who, *expected;
    } rows[] = {{"p", "-"}, {"D", "e"}, {"Dp", ".-"}, {"n", "-"}, {"DK", "e-"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_disclosure_recipient recipients[MOST];
        struct mail_disclosure_mail mail = mail_with(TLP_CLEAR, recipients, choose(rows[i].who, recipients));
        mail.is_drill = true;
        expect(rows[i].who, &mail, rows[i].expected);
    }
}

static void intake_and_disabled(void **state)
{
    UNUSED(state);
    static const struct {
        const char *who, *expected;
    } rows[] = {{"i", "-"}, {"d", "-"}, {"pi", ".-"}, {"pd", ".-"}, {"ni", ".-"}, {"iK", "-e"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_disclosure_recipient recipients[MOST];
        struct mail_disclosure_mail mail = mail_with(TLP_CLEAR, recipients, choose(rows[i].who, recipients));
        expect(rows[i].who, &mail, rows[i].expected);
    }
}

/* Who stands in the way, and what would help, ready for a shell. */
static void words(void **state)
{
    UNUSED(state);
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_outcome outcomes[MOST];
    struct mail_disclosure_mail mail = mail_with(TLP_AMBER, recipients, choose("pnc", recipients));
    struct mail_disclosure_verdict verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_int_equal(verdict.reason, MAIL_DISCLOSURE_NO_KEY);
    assert_int_equal(verdict.stays_count, 3);
    assert_string_equal(verdict.text, "n@yy.example: no key, and no waiver for TLP:AMBER in clear (and 2 more)");
    assert_string_equal(
        verdict.hint,
        "a key: cirt key import FILE, then cirt key pin FINGERPRINT --contact n@yy.example; or a waiver: cirt contact waiver n@yy.example "
        "--up-to amber --until DAY -m WHY; or leave out n@yy.example");
    assert_string_equal(outcomes[0].text, "not everybody has a key, and no waiver for TLP:AMBER in clear");
    assert_int_equal(outcomes[0].reason, MAIL_DISCLOSURE_NOT_IN_CLEAR);
    assert_non_null(strstr(outcomes[2].hint, "check the key with its owner, then: cirt key pin DEAD --contact c@yy.example; or"));

    recipients[1].address = "$(id)'x@yy.example";
    verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_non_null(strstr(verdict.hint, "--contact '$(id)'\\''x@yy.example';"));

    mail = mail_with(TLP_RED, recipients, choose("p", recipients));
    verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_string_equal(verdict.text, "TLP:RED, never by mail");
    mail.tlp = TLP_AMBER_STRICT;
    verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_int_equal(verdict.reason, MAIL_DISCLOSURE_LABEL_STRICT);
    assert_string_equal(verdict.hint, "decide it: --strict");

    mail = mail_with(TLP_AMBER_STRICT, recipients, choose("pn", recipients));
    mail.strict_decided_by = "lead";
    verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_int_equal(verdict.clear_count, 2);
    assert_int_equal(verdict.visible, MAIL_DISCLOSURE_CLEAR);
    assert_string_equal(outcomes[0].text, "in clear: TLP:AMBER+STRICT, decided by lead for this mail");
}

static void the_whole(void **state)
{
    UNUSED(state);
    struct mail_disclosure_recipient recipients[MOST];
    struct mail_disclosure_outcome outcomes[MOST];
    struct mail_disclosure_mail mail = mail_with(TLP_GREEN, NULL, 0);
    struct mail_disclosure_verdict verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_false(verdict.is_sendable);
    assert_int_equal(verdict.reason, MAIL_DISCLOSURE_NOBODY);
    mail.tlp = TLP_RED;
    assert_int_equal(mail_disclosure_decide(&mail, NOW, outcomes).reason, MAIL_DISCLOSURE_LABEL_RED);

    mail = mail_with(TLP_GREEN, recipients, choose("pH", recipients));
    verdict = mail_disclosure_decide(&mail, NOW, outcomes);
    assert_true(verdict.is_sendable);
    assert_int_equal(verdict.visible, MAIL_DISCLOSURE_ENCRYPTED);
    assert_int_equal(verdict.clear_count, 1);
    mail = mail_with(TLP_GREEN, recipients, choose("KH", recipients));
    assert_int_equal(mail_disclosure_decide(&mail, NOW, outcomes).visible, MAIL_DISCLOSURE_CLEAR);
    mail = mail_with(TLP_GREEN, recipients, choose("KK", recipients));
    assert_int_equal(mail_disclosure_decide(&mail, NOW, outcomes).visible, MAIL_DISCLOSURE_ENCRYPTED);
}

/* The longest values leave every text whole and ended. */
static void long_values(void **state)
{
    UNUSED(state);
    char address[255], fingerprint[65], login[200];
    memset(address, 'a', sizeof address - 1);
    memcpy(address + 60, "@", 1);
    address[254] = '\0';
    memset(fingerprint, 'F', 64);
    fingerprint[64] = '\0';
    memset(login, 'l', sizeof login - 1);
    login[199] = '\0';
    struct mail_disclosure_waiver waiver = to_amber;
    waiver.granted_by = login;
    struct mail_disclosure_recipient recipient = {.address = address,
                                                  .openpgp = {.state = MAIL_DISCLOSURE_KEY_CANDIDATE, .fingerprint = fingerprint}};
    struct mail_disclosure_mail mail = mail_with(TLP_AMBER, &recipient, 1);
    struct mail_disclosure_outcome outcome;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_non_null(strstr(outcome.hint, "--until DAY -m WHY"));
    assert_null(strstr(outcome.hint, "leave out")); /* there is nobody else */
    assert_non_null(strstr(outcome.hint, fingerprint));
    recipient.waiver = &waiver;
    mail_disclosure_decide(&mail, NOW, &outcome);
    assert_non_null(strstr(outcome.text, " until 1970-01-01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),           cmocka_unit_test(odd_labels_stay),      cmocka_unit_test(keys),
        cmocka_unit_test(own_keys),         cmocka_unit_test(scheme_in_clear),      cmocka_unit_test(waivers_have_their_time),
        cmocka_unit_test(restricted_cases), cmocka_unit_test(answers_to_encrypted), cmocka_unit_test(attachments),
        cmocka_unit_test(exercises),        cmocka_unit_test(intake_and_disabled),  cmocka_unit_test(words),
        cmocka_unit_test(the_whole),        cmocka_unit_test(long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
