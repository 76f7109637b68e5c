/* What a mail says about itself, and which of it is believed. | is CRLF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/mail_facts.h"
#include "codec/mail_voices.h"
#include "support/file.h"

#define CORPUS TEST_CORPUS "/mail"

static struct mail_facts *facts_of_bytes(const char *bytes, size_t size, const struct mail_facts_context *context)
{
    struct mail_facts *facts;
    struct err err;
    if (!mail_facts_read(bytes, size, &codec_limits_default, context, &facts, &err))
        fail_msg("%s: %s", err.at, err.text);
    return facts;
}

static struct mail_facts *facts_of(const char *text, const struct mail_facts_context *context)
{
    struct buf mail;
    buf_init(&mail, 1024 * 1024);
    for (; *text; text++)
        *text == '|' ? buf_add_text(&mail, "\r\n") : buf_add_char(&mail, *text);
    struct mail_facts *facts = facts_of_bytes(mail.bytes, mail.size, context);
    buf_clear(&mail);
    return facts;
}

static struct mail_facts *facts_of_file(const char *path)
{
    size_t size;
    char *full = mem_printf(CORPUS "/%s", path), *mail = file_read(full, &size);
    if (!mail)
        fail_msg("%s cannot be read", full);
    struct mail_facts *facts = facts_of_bytes(mail, size, NULL);
    free(mail);
    free(full);
    return facts;
}

static void skip_without_corpus(void)
{
    if (access(CORPUS, R_OK) != 0) {
        print_message("no corpus at " CORPUS ": skipped\n");
        skip();
    }
}

#define HEAD "From: Alice <alice@yy.example>|Subject: x|"

static void test_numbers_and_tags(void **state)
{
    UNUSED(state);
    struct mail_facts *facts =
        facts_of("From: Alice <Alice@YY.example>|Message-ID: <1@yy.example>|In-Reply-To: Your mail <2@xx.example>|"
                 "References: <0@xx.example>| <2@xx.example>|"
                 "Subject: Re: [XX-CERT-2026-000042] [rt.yy.example #17] =?utf-8?Q?[=C3=A9]?= [] [open [XX-CERT-2026-000042]||text|",
                 NULL);
    assert_string_equal(facts->message_id, "1@yy.example");
    assert_string_equal(facts->in_reply_to, "2@xx.example");
    assert_int_equal(facts->reference_count, 2);
    assert_string_equal(facts->references[1], "2@xx.example");
    assert_int_equal(facts->tag_count, 3);
    assert_string_equal(facts->tags[0], "XX-CERT-2026-000042");
    assert_string_equal(facts->tags[1], "rt.yy.example #17");
    assert_string_equal(facts->tags[2], "\xc3\xa9");
    assert_string_equal(facts->author, "alice@yy.example");
    assert_int_equal(facts->kind, MAIL_KIND_MESSAGE);
    assert_false(facts->is_automatic);
    mail_facts_free(facts);
}

/* A tag that stands only inside the ciphertext is one, too. */
static void test_protected_tag(void **state)
{
    UNUSED(state);
    struct mail_facts_context context = {.inside = {.steps = 1, .is_encrypted = true}};
    struct mail_facts *facts = facts_of("From: a@b.example|Subject: [...]|X-Cirt-Inside-Subject: [XX-CERT-2026-000042] leak|"
                                        "Content-Type: text/plain; hp=\"cipher\"||text|",
                                        &context);
    assert_int_equal(facts->tag_count, 2);
    assert_string_equal(facts->tags[1], "XX-CERT-2026-000042");
    mail_facts_free(facts);
    /* in a mail as it came, the same field is nothing */
    facts = facts_of(
        "From: a@b.example|Subject: x|X-Cirt-Inside-Subject: [XX-CERT-2026-000042] leak|Content-Type: text/plain; hp=\"cipher\"||text|",
        NULL);
    assert_int_equal(facts->tag_count, 0);
    mail_facts_free(facts);
}

static void test_kinds(void **state)
{
    static const struct {
        const char *mail;
        enum mail_facts_kind kind;
        bool is_automatic;
    } rows[] = {
        {HEAD "Auto-Submitted: no||x|", MAIL_KIND_MESSAGE, false},
        {HEAD "Auto-Submitted: auto-replied (vacation)||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "Auto-Submitted: auto-notified; owner-email=\"a@b\"||x|", MAIL_KIND_AUTO_REPLY, true},
        /* a program's report is a report */
        {HEAD "Auto-Submitted: auto-generated||x|", MAIL_KIND_MESSAGE, true},
        {HEAD "Auto-Submitted: auto-generated|X-Auto-Response-Suppress: All||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "Auto-Submitted: auto-generated|In-Reply-To: <1@xx.example>||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "X-Auto-Response-Suppress: OOF||x|", MAIL_KIND_MESSAGE, true},
        {HEAD "X-Autoreply: yes||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "X-Autoreply: no||x|", MAIL_KIND_MESSAGE, false},
        {HEAD "Precedence: auto_reply||x|", MAIL_KIND_AUTO_REPLY, true},
        {"From: a@b.example|Subject: Automatic reply: Re: x||x|", MAIL_KIND_AUTO_REPLY, true},
        {"From: a@b.example|Subject: =?utf-8?B?6Ieq5Yqo5Zue5aSN?=: x||x|", MAIL_KIND_AUTO_REPLY, true},
        {"From: a@b.example|Subject: Re: Automatic reply: x||x|", MAIL_KIND_MESSAGE, false},
        {HEAD "List-Id: <cert.lists.example>||x|", MAIL_KIND_LIST, true},
        {HEAD "Precedence: list||x|", MAIL_KIND_LIST, true},
        {HEAD "Precedence: bulk|List-Unsubscribe: <mailto:x@yy.example>||x|", MAIL_KIND_LIST, true},
        {HEAD "Precedence: bulk|List-Id: <a.yy.example>|In-Reply-To: <1@xx.example>||x|", MAIL_KIND_LIST, true},
        {HEAD "Precedence: Junk|List-Post: <mailto:x@yy.example>||x|", MAIL_KIND_LIST, true},
        {HEAD "List-Unsubscribe: <mailto:x@yy.example>||x|", MAIL_KIND_MESSAGE, false},
        /* notices that a program sends to many, who are on no list */
        {HEAD "Precedence: bulk||x|", MAIL_KIND_MESSAGE, true},
        {HEAD "Precedence: Junk||x|", MAIL_KIND_MESSAGE, true},
        {HEAD "Precedence: bulk|Auto-Submitted: auto-generated||x|", MAIL_KIND_MESSAGE, true},
        {"Return-Path: <>|" HEAD "Precedence: bulk|Auto-Submitted: auto-generated||x|", MAIL_KIND_MESSAGE, true},
        /* what vacation(1) and its kin answer */
        {"Return-Path: <>|" HEAD "Precedence: bulk||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "Precedence: junk|In-Reply-To: <1@xx.example>||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "Precedence: bulk|References: <1@xx.example>||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "Precedence: bulk|X-Auto-Response-Suppress: All||x|", MAIL_KIND_AUTO_REPLY, true},
        {HEAD "Precedence: bulk|Auto-Submitted: auto-replied||x|", MAIL_KIND_AUTO_REPLY, true},
        {"From: a@b.example|Subject: Re: your mail|Precedence: bulk||I am away.|", MAIL_KIND_AUTO_REPLY, true},
        {"Return-Path: <>|From: MAILER-DAEMON@yy.example|Subject: Undelivered Mail|Precedence: bulk||<bob@zz.example>: 550 5.1.1 unknown|",
         MAIL_KIND_BOUNCE, true},
        /* a person who writes through RTIR */
        {HEAD "Precedence: bulk|RT-Ticket: rt.yy.example #17||x|", MAIL_KIND_MESSAGE, true},
        {HEAD "Precedence: bulk|RT-Ticket: rt.yy.example #17|In-Reply-To: <1@xx.example>||x|", MAIL_KIND_MESSAGE, true},
        {"Return-Path: <>|" HEAD "|x|", MAIL_KIND_MESSAGE, true},
        {"Return-Path: <>|From: MAILER-DAEMON@yy.example|Subject: Undelivered Mail||<bob@zz.example>: 550 5.1.1 unknown|", MAIL_KIND_BOUNCE,
         true},
        {"From: postmaster@yy.example|Subject: hello||I am the postmaster, let us talk.|", MAIL_KIND_MESSAGE, false},
        {HEAD "|The mail I sent could not be delivered, can you help?|", MAIL_KIND_MESSAGE, false},
        {HEAD "Content-Type: multipart/report; report-type=delivery-status; boundary=b||--b||text|--b--|", MAIL_KIND_MESSAGE, false},
        {HEAD
         "Content-Type: multipart/report; report-type=feedback-report; boundary=b||--b||text|--b|Content-Type: message/feedback-report||"
         "Feedback-Type: abuse|--b--|",
         MAIL_KIND_MESSAGE, false},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of(rows[i].mail, NULL);
        if (facts->kind != rows[i].kind || facts->is_automatic != rows[i].is_automatic)
            fail_msg("%s%s: %s", mail_facts_kind_name(facts->kind), facts->is_automatic ? ", automatic" : "", rows[i].mail);
        mail_facts_free(facts);
    }
}

static void test_null_sender(void **state)
{
    static const struct {
        const char *mail, *envelope_from;
        bool is_null;
    } rows[] = {
        {"Return-Path: <>|" HEAD "|x|", NULL, true},
        {"Return-Path: <MAILER-DAEMON>|" HEAD "|x|", NULL, true},
        {"Return-Path: <a@b.example>|" HEAD "|x|", NULL, false},
        {"Return-Path: <>|" HEAD "|x|", "a@b.example", false},
        {"Return-Path: <a@b.example>|" HEAD "|x|", "", true},
        {HEAD "|x|", NULL, false},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts_context context = {.envelope_from = rows[i].envelope_from};
        struct mail_facts *facts = facts_of(rows[i].mail, &context);
        if (facts->has_null_sender != rows[i].is_null)
            fail_msg("row %zu", i);
        mail_facts_free(facts);
    }
}

/* --- bounces of the corpus --- */

static const struct {
    const char *path, *about, *address, *action, *status, *reason;
    size_t recipients;
} bounces[] = {
    {"sisimai-autoreply-dsn/rfc3464-03.eml", "220000000022.0000.0000000000000000222@NEKO.NYAAN", "kijitora@example.com", "failed", "5.0.0",
     "rejected for policy reasons", 1},
    {"sisimai-autoreply-dsn/rfc3464-04.eml", "00000000000.000000@mx4.example.co.jp", "kijitora@mailx-53.neko.example.edu", "failed",
     "5.5.0", NULL, 1},
    {"sisimai-autoreply-dsn/rfc3464-07.eml", "000000000000000@list.example.jp", "kijitora@example.net", "delayed", "4.4.0", NULL, 1},
    {"sisimai-autoreply-dsn/rfc3464-08.eml", "000000000000000000000000000000@mx.example.or.jp", "kijitora@example.net", "failed", "5.7.1",
     "Message content rejected", 1},
    {"sisimai-autoreply-dsn/rfc3464-10.eml", "c15e793e1c6acf9fbc39d1547bbd98b4@example.com", "kijitora@example.jp", "failed", "5.1.6",
     "recipient no longer on server", 1},
    {"sisimai-autoreply-dsn/rfc3464-26.eml", "ALSMTP02OCIIZS2TRqf0001e76b@example.net", "kijitora@example.or.jp", "failed", "5.1.1",
     "User unknown", 1},
    {"sisimai-autoreply-dsn/rfc3464-29.eml", "neko-nyaan-cats@example.org", "kijitora@example.com", "failed", "5.5.0", "Improper sequence",
     1},
    {"sisimai-autoreply-dsn/rfc3464-34.eml", "20170429233445.FFFFFFFF02@smtp.neko.example.org", "kijitora@example.com", "delayed", "4.4.1",
     "No route to host", 1},
    {"sisimai-autoreply-dsn/rfc3464-36.eml", NULL, "kijitora@nyaan.example.com", "failed", "4.0.0", "connection timed out", 1},
    {"sisimai-intl-dsn/lhost-biglobe-01.eml", "000000000000000000000000000000@example.com", "postmaster@mxr.biglobe.ne.jp", "failed", NULL,
     "exceeded the local limit", 1},
    {"sisimai-intl-dsn/lhost-kddi-02.eml", "00000000.000000000000000@exampe.cat", "kijitora@00000000000000.dion.ne.jp", "failed", NULL,
     "mailbox is full", 1},
    {"sisimai-intl-dsn/lhost-mailru-02.eml", "13452610-064D-4EF7-BAB5-FF1B6CAC1385@mail.example.ru", "kijitora@example.jp", "failed",
     "5.2.2", "Mailbox Full", 1},
    {"sisimai-intl-dsn/lhost-mailru-03.eml", "520967C8-075C-4B93-929C-E0EEAD268A25@mail.example.ru", "mikeneko@example.jp", "failed",
     "5.2.2", "Mailbox Full", 2},
    {"sisimai-intl-dsn/lhost-mailru-05.eml", "1493701798.665756489@f374.i.mail.ru", "neko@libsisimai.org", "failed", NULL,
     "no SMTP service", 1},
    {"sisimai-intl-dsn/lhost-mailru-06.eml", "1493701750.688484291@f424.i.mail.ru", "nyan@haineko.org", "failed", NULL,
     "Unrouteable address", 1},
    {"sisimai-intl-dsn/lhost-mailru-08.eml", "1526973782.485262328@f42.i.mail.ru", "otsu-sakaba-hunter-neko-nyaaaaaaan@ezweb.ne.jp",
     "failed", "5.0.0", "User unknown", 1},
    {"sisimai-intl-dsn/lhost-yandex-01.eml", "446281417885946@web20h.yandex.ru", "kijitora@example.jp", "failed", "5.1.1", "User Unknown",
     1},
    {"sisimai-intl-dsn/lhost-yandex-03.eml", "623501417887788@web9g.yandex.example.com", "kijitora@6jo.example.jp", "failed", "4.4.1",
     "Connection timed out", 1},
    {"mikel-mail/multipart_report_emails/multi_address_bounce1.eml", "118707422.15521266992174819.JavaMail.root@lvmail01",
     "bbbbvhvbbvkjbhfbvbvjhb@gmail.com", "failed", "5.1.1", "does not exist", 5},
    {"mikel-mail/multipart_report_emails/report_530.eml", "200712232303.lBNN3jDq002941@mail12.rrrr.com.au", "edwin@zzzzzzz.com", "failed",
     "5.3.0", "Unknown E-Mail Address", 1},
    {"webklex/example_bounce.eml", "UyVznI5nOyYGnv7Ij0hi6ro4gvxwGT999eQAtc4o@127.0.0.1", "ding@ding.de", "failed", "5.0.0",
     "Unrouteable address", 1},
};

static void test_bounces(void **state)
{
    UNUSED(state);
    skip_without_corpus();
    for (size_t i = 0; i < ARRAY_SIZE(bounces); i++) {
        struct mail_facts *facts = facts_of_file(bounces[i].path);
        const struct mail_bounce *bounce = &facts->bounce;
        const struct mail_bounce_recipient *to = bounce->recipients;
        if (facts->kind != MAIL_KIND_BOUNCE || !facts->is_automatic || bounce->recipient_count != bounces[i].recipients)
            fail_msg("%s: %s, %zu recipients", bounces[i].path, mail_facts_kind_name(facts->kind), bounce->recipient_count);
        if (!str_equal(bounce->about, bounces[i].about) || !str_equal(to->address, bounces[i].address) ||
            !str_equal(to->action, bounces[i].action) || !str_equal(to->status, bounces[i].status) ||
            (bounces[i].reason && !(to->reason && strstr(to->reason, bounces[i].reason))))
            fail_msg("%s: about %s: %s %s %s (%s)", bounces[i].path, bounce->about, to->address, to->action, to->status, to->reason);
        mail_facts_free(facts);
    }
}

/* Our own words for what qmail, Exchange and Gmail write. */
static void test_words(void **state)
{
    static const struct {
        const char *mail, *address, *status, *about;
    } rows[] = {
        {"Return-Path: <>|From: MAILER-DAEMON@mx.zz.example|Subject: failure notice||Hi. This is the qmail-send program at mx.zz.example.|"
         "I'm afraid I wasn't able to deliver your message to the following addresses.||<bob@zz.example>:|"
         "Sorry, no mailbox here by that name. (#5.1.1)||--- Below this line is a copy of the message.||Return-Path: <incident@xx.example>|"
         "Message-ID: <7@xx.example>|To: carol@zz.example||text|",
         "bob@zz.example", "5.1.1", "7@xx.example"},
        {"Return-Path: <>|From: MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@zz.example|Subject: Undeliverable: x||"
         "Delivery has failed to these recipients or groups:||bob@zz.example|The email address you entered couldn't be found.||"
         "Diagnostic information for administrators:||Generating server: mx.zz.example||"
         "bob@zz.example|#550 5.1.10 RESOLVER.ADR.RecipientNotFound ##||Original message headers:||Message-ID: <8@xx.example>|",
         "bob@zz.example", "5.1.10", "8@xx.example"},
        {"Return-Path: <>|From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>|X-Failed-Recipients: bob@zz.example|Subject: x||"
         "The response from the remote server was:|550 5.7.26 unauthenticated|",
         "bob@zz.example", NULL, NULL},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of(rows[i].mail, NULL);
        const struct mail_bounce *bounce = &facts->bounce;
        if (facts->kind != MAIL_KIND_BOUNCE || bounce->recipient_count != 1 || !str_equal(bounce->recipients[0].address, rows[i].address) ||
            !str_equal(bounce->about, rows[i].about) || !str_equal(bounce->recipients[0].status, rows[i].status))
            fail_msg("row %zu: %s, %zu recipients, %s, about %s", i, mail_facts_kind_name(facts->kind), bounce->recipient_count,
                     bounce->recipient_count ? bounce->recipients[0].status : "", bounce->about);
        mail_facts_free(facts);
    }
}

static void test_other_kinds_of_the_corpus(void **state)
{
    static const struct {
        const char *path;
        enum mail_facts_kind kind;
    } rows[] = {
        {"sisimai-autoreply-dsn/rfc3834-01.eml", MAIL_KIND_AUTO_REPLY},
        {"sisimai-autoreply-dsn/rfc3834-03.eml", MAIL_KIND_AUTO_REPLY},
        {"sisimai-autoreply-dsn/rfc3834-04.eml", MAIL_KIND_AUTO_REPLY},
        {"mimekit/messages/disposition-notification.anonymized.eml", MAIL_KIND_MDN},
        {"mimekit/messages/delivery-status.anonymized.eml", MAIL_KIND_BOUNCE},
        {"arabic/lkml-2020-arabic-scam.eml", MAIL_KIND_LIST},
        {"notmuch/duplicate/msg-3-1_2,", MAIL_KIND_LIST},
        {"tb-openpgp/unsigned-unencrypted-from-bob-to-alice.eml", MAIL_KIND_MESSAGE},
        /* only looks like a bounce: names no recipient, no mail */
        {"spoof-covert/01-enc/pgp_mime/01-reply-mix-822.eml", MAIL_KIND_MESSAGE},
    };
    UNUSED(state);
    skip_without_corpus();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of_file(rows[i].path);
        if (facts->kind != rows[i].kind)
            fail_msg("%s: %s", rows[i].path, mail_facts_kind_name(facts->kind));
        mail_facts_free(facts);
    }
    struct mail_facts *mdn = facts_of_file(rows[3].path);
    assert_string_equal(mdn->bounce.about, "xxxxxxxxxxxx.xxxxx@xxxxxxx.xxx");
    mail_facts_free(mdn);
}

static void test_mdn(void **state)
{
    UNUSED(state);
    struct mail_facts *facts =
        facts_of(HEAD "Content-Type: multipart/report; report-type=disposition-notification; boundary=b||--b||Your mail was read.|--b|"
                      "Content-Type: message/disposition-notification||Reporting-UA: x|Final-Recipient: rfc822; Bob@zz.example|"
                      "Original-Message-ID: <9@xx.example>|Disposition: manual-action/MDN-sent-manually; displayed|--b--|",
                 NULL);
    assert_int_equal(facts->kind, MAIL_KIND_MDN);
    assert_string_equal(facts->bounce.about, "9@xx.example");
    assert_int_equal(facts->bounce.recipient_count, 1);
    assert_string_equal(facts->bounce.recipients[0].address, "bob@zz.example");
    assert_string_equal(facts->bounce.recipients[0].status, "displayed");
    mail_facts_free(facts);
}

/* --- what our MTA says --- */

#define OURS "Authentication-Results: mx.xx.example"

static void test_authentication(void **state)
{
    static const struct {
        const char *mail, *dmarc, *dmarc_domain, *spf, *spf_domain, *dkim;
    } rows[] = {
        {OURS "; dmarc=pass (p=reject dis=none) header.from=YY.example; spf=pass smtp.mailfrom=bounce@mail.yy.example;|"
              " dkim=pass (2048-bit; \"x;y\") header.d=yy.example header.s=k header.b=\"a=;b\"|Received: a|" HEAD "|x|",
         "pass", "yy.example", "pass", "mail.yy.example", "pass"},
        {"Received: us|" OURS " 1; dmarc=fail header.from=yy.example|Received: a|" HEAD "|x|", "fail", "yy.example", NULL, NULL, NULL},
        {"Received: us|" OURS ";|\tspf=none smtp.helo=mx.yy.example|" OURS "; dkim=fail reason=\"bad; very\" header.i=@yy.example|" HEAD
         "|x|",
         NULL, NULL, "none", "mx.yy.example", "fail"},
        /* somebody else's, somebody who begins like us, and ours below the first Received */
        {"Authentication-Results: mx.zz.example; dmarc=pass header.from=yy.example|" HEAD "|x|", NULL, NULL, NULL, NULL, NULL},
        {"Authentication-Results: mx.xx.example.zz.example; dmarc=pass|" HEAD "|x|", NULL, NULL, NULL, NULL, NULL},
        {"Authentication-Results: (mx.xx.example) mx.zz.example; dmarc=pass|" HEAD "|x|", NULL, NULL, NULL, NULL, NULL},
        {OURS "; dmarc=fail header.from=yy.example|Received: a|" OURS "; dmarc=pass header.from=yy.example; spf=pass|" HEAD "|x|", "fail",
         "yy.example", NULL, NULL, NULL},
        /* the topmost word counts */
        {OURS "; dmarc=none|" OURS "; dmarc=pass header.from=yy.example|" HEAD "|x|", "none", NULL, NULL, NULL, NULL},
        {OURS "; none|" HEAD "|x|", NULL, NULL, NULL, NULL, NULL},
        {OURS "; dmarc=splendid; dmarc; =; ;; dmarc=|" HEAD "|x|", NULL, NULL, NULL, NULL, NULL},
        {"ARC-Authentication-Results: i=1; mx.xx.example; dmarc=pass|" HEAD "|x|", NULL, NULL, NULL, NULL, NULL},
    };
    UNUSED(state);
    struct mail_facts_context context = {.authserv_id = "MX.xx.example"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of(rows[i].mail, &context);
        const struct mail_auth *auth = &facts->auth;
        if (!str_equal(auth->dmarc, rows[i].dmarc) || !str_equal(auth->dmarc_domain, rows[i].dmarc_domain) ||
            !str_equal(auth->spf, rows[i].spf) || !str_equal(auth->spf_domain, rows[i].spf_domain) ||
            !str_equal(mail_auth_dkim(auth), rows[i].dkim))
            fail_msg("row %zu: dmarc=%s of %s, spf=%s of %s, dkim=%s", i, auth->dmarc, auth->dmarc_domain, auth->spf, auth->spf_domain,
                     mail_auth_dkim(auth));
        mail_facts_free(facts);
    }
    /* nobody is believed unless the operator says who */
    struct mail_facts *facts = facts_of(rows[0].mail, NULL);
    assert_null(facts->auth.dmarc);
    mail_facts_free(facts);
}

static void test_spam(void **state)
{
    static const struct {
        const char *mail;
        bool has_spam, is_spam;
        double score;
    } rows[] = {
        {"X-Spam-Flag: YES|" HEAD "|x|", true, true, 0},
        {"X-Spam-Status: Yes, score=7.2 required=5.0 tests=A,B|" HEAD "|x|", true, true, 7.2},
        {"X-Spam-Status: No, hits=-1.5 required=5.0|" HEAD "|x|", true, false, -1.5},
        {"X-Spamd-Result: default: False [3.20 / 15.00]; A(1)[]|" HEAD "|x|", true, false, 3.2},
        {"X-Spamd-Result: default: True [23.00 / 15.00]|" HEAD "|x|", true, true, 23},
        {"X-Rspamd-Action: add header|X-Rspamd-Score: 8.5|" HEAD "|x|", true, true, 8.5},
        {"X-Spam-Score: 1.5|" HEAD "|x|", false, false, 1.5},
        {"X-Spam-Score: nan|X-Spam-Flag: maybe|" HEAD "|x|", false, false, 0},
        /* the topmost is our filter's */
        {"X-Spam-Flag: YES|X-Spam-Flag: NO|" HEAD "|x|", true, true, 0},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of(rows[i].mail, NULL);
        const struct mail_auth *auth = &facts->auth;
        if (auth->has_spam != rows[i].has_spam || auth->is_spam != rows[i].is_spam ||
            (int)(auth->spam_score * 10) != (int)(rows[i].score * 10))
            fail_msg("row %zu: %d %d %.2f", i, auth->has_spam, auth->is_spam, auth->spam_score);
        mail_facts_free(facts);
    }
}

/* --- keys --- */

/* A public key packet, shortest form that is recognised: tag 6. */
#define KEYDATA      "mAEE"
#define ARMOURED     "-----BEGIN PGP PUBLIC KEY BLOCK-----||" KEYDATA "|-----END PGP PUBLIC KEY BLOCK-----|"
#define MIXED(parts) "Content-Type: multipart/mixed; boundary=m||--m||text|--m|" parts "|--m--|"

static void test_autocrypt(void **state)
{
    static const struct {
        const char *mail;
        bool is_taken, is_mutual;
    } rows[] = {
        {HEAD "Autocrypt: addr=alice@yy.example; prefer-encrypt=mutual; keydata=|  mA| EE||x|", true, true},
        {HEAD "Autocrypt: addr=Alice@YY.example; keydata=" KEYDATA "||x|", true, false},
        {HEAD "Autocrypt: addr=alice@yy.example; _hint=x; keydata=" KEYDATA "||x|", true, false},
        {HEAD "Autocrypt: addr=alice@yy.example; critical=x; keydata=" KEYDATA "||x|", false, false},
        {HEAD "Autocrypt: addr=bob@yy.example; keydata=" KEYDATA "||x|", false, false},
        {HEAD "Autocrypt: addr=alice@yy.example; keydata=SGVsbG8=||x|", false, false},
        {HEAD "Autocrypt: addr=alice@yy.example; keydata=???||x|", false, false},
        {HEAD "Autocrypt: addr=alice@yy.example||x|", false, false},
        /* two valid ones are none; of a valid and a foreign one the valid counts */
        {HEAD "Autocrypt: addr=alice@yy.example; keydata=" KEYDATA "|Autocrypt: addr=alice@yy.example; keydata=" KEYDATA "||x|", false,
         false},
        {HEAD "Autocrypt: addr=bob@yy.example; keydata=" KEYDATA "|Autocrypt: addr=alice@yy.example; keydata=" KEYDATA "||x|", true, false},
        {"From: alice@yy.example, bob@yy.example|Autocrypt: addr=alice@yy.example; keydata=" KEYDATA "||x|", false, false},
        {HEAD "Autocrypt: addr=alice@yy.example; keydata=" KEYDATA "|Content-Type: multipart/report; boundary=b||--b||x|--b--|", false,
         false},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of(rows[i].mail, NULL);
        if (facts->keys.count != rows[i].is_taken)
            fail_msg("row %zu: %zu keys", i, facts->keys.count);
        if (rows[i].is_taken) {
            assert_int_equal(facts->keys.items[0].source, MAIL_KEY_AUTOCRYPT);
            assert_string_equal(facts->keys.items[0].address, "alice@yy.example");
            assert_int_equal(facts->keys.items[0].prefers_encrypted, rows[i].is_mutual);
            assert_int_equal(facts->keys.items[0].size, 3);
        }
        mail_facts_free(facts);
    }
}

static void test_attached_keys(void **state)
{
    static const struct {
        const char *mail;
        size_t keys, certificates;
    } rows[] = {
        {HEAD MIXED("Content-Type: application/pgp-keys||" ARMOURED), 1, 0},
        {HEAD MIXED("Content-Type: text/plain; name=alice.asc||" ARMOURED), 1, 0},
        {HEAD MIXED("Content-Type: application/octet-stream; name=alice.asc||" ARMOURED
                    "|--m|Content-Type: application/pgp-keys||" ARMOURED),
         2, 0},
        {HEAD MIXED("Content-Type: application/pgp-keys||hello"), 0, 0},
        {HEAD MIXED("Content-Type: application/pgp-keys||-----BEGIN PGP PRIVATE KEY BLOCK-----||lAEE|-----END PGP PRIVATE KEY BLOCK-----|"),
         0, 0},
        /* somebody else's mail, forwarded */
        {HEAD MIXED("Content-Type: message/rfc822||From: bob@zz.example|Content-Type: application/pgp-keys||" ARMOURED), 0, 0},
        {HEAD MIXED("Content-Type: application/pkix-cert; name=alice.cer|Content-Transfer-Encoding: base64||MIIBAjCCAQACAQE="), 0, 1},
        {HEAD MIXED("Content-Type: application/x-x509-user-cert||-----BEGIN CERTIFICATE-----|MIIB|-----END CERTIFICATE-----|"), 0, 1},
        {HEAD MIXED("Content-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c|Content-Transfer-Encoding: base64||"
                    "MCUGCSqGSIb3DQEHAqAYMBYCAQExAjAAMAsGCSqGSIb3DQEHATEA"),
         0, 1},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of(rows[i].mail, NULL);
        size_t keys = 0, certificates = 0;
        for (size_t k = 0; k < facts->keys.count; k++)
            *(facts->keys.items[k].is_certificate ? &certificates : &keys) += 1;
        if (keys != rows[i].keys || certificates != rows[i].certificates)
            fail_msg("row %zu: %zu keys, %zu certificates", i, keys, certificates);
        mail_facts_free(facts);
    }
}

/* KDE's and Thunderbird's cases. */
static void test_keys_of_the_corpus(void **state)
{
    static const struct {
        const char *path;
        size_t keys;
    } rows[] = {
        {"messagelib/autocrypt/gossipheader.mbox", 1},
        {"messagelib/autocrypt/mdn.mbox", 0},
        {"messagelib/autocrypt/multiple_autocryptheaders.mbox", 0},
        {"messagelib/autocrypt/multiple_from.mbox", 0},
        {"tb-openpgp/unsigned-unencrypted-0x3099ff1238852b9f-autocrypt.eml", 1},
        {"tb-openpgp/unrelated-and-fake-keys-attached.eml", 3},
        {"tb-openpgp/signed-by-0xfbfcc82a015e7330-to-0xf231550c4f47e38e-unencrypted-with-key.eml", 2},
    };
    UNUSED(state);
    skip_without_corpus();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_facts *facts = facts_of_file(rows[i].path);
        if (facts->keys.count != rows[i].keys)
            fail_msg("%s: %zu keys", rows[i].path, facts->keys.count);
        mail_facts_free(facts);
    }
}

/* Who speaks in it: its authors, those of mails within it, and those whose words its text passes on; none who is only named. */
static void test_voices(void **state)
{
    UNUSED(state);
    static const struct {
        const char *head, *text, *voices;
    } rows[] = {
        {"From: A <A@a.example>|", "write to b@b.example, or|mail: c@c.example|", "a@a.example"},
        {"From: a@a.example, b@b.example|Sender: c@c.example|", NULL, "a@a.example b@b.example c@c.example"},
        {"From: a@a.example|", "> From: \"B\" <b@b.example>|> To: c@c.example|> Subject: from d@d.example|", "a@a.example b@b.example"},
        {"From: a@a.example|", "*Von:* B [mailto:b@b.example]|*Gesendet:* heute|", "a@a.example b@b.example"},
        {"From: a@a.example|", "De : b@b.example;|", "a@a.example b@b.example"},
        {"From: a@a.example|", "\xe5\x8f\x91\xe4\xbb\xb6\xe4\xba\xba\xef\xbc\x9a B <b@b.example>|", "a@a.example b@b.example"},
        {"From: a@a.example|", "On Monday, B <b@b.example> wrote:|> see c@c.example|", "a@a.example b@b.example"},
        {"From: a@a.example|", "Am 1. Mai schrieb B <B@b.example.>|eines Tages:||text", "a@a.example b@b.example"},
        {"From: a@a.example|", "my address is b@b.example|and yours?|", "a@a.example"},
        {"From: a@a.example|", "b@b.example||the rest:|", "a@a.example"},
        {"Subject: x|", "@|From: @b.example|From: b@|From|:|", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf mail, text;
        struct mime *mime;
        struct err err;
        size_t count;
        buf_init(&mail, 100000);
        buf_init(&text, 100000);
        for (const char *c = rows[i].head; *c; c++)
            *c == '|' ? buf_add_text(&mail, "\r\n") : buf_add_char(&mail, *c);
        buf_add_text(&mail, "\r\nx\r\n");
        for (const char *c = rows[i].text; c && *c; c++)
            buf_add_char(&text, *c == '|' ? '\n' : *c);
        assert_true(mime_parse(mail.bytes, mail.size, 10, &mime, &err));
        struct arena *arena = arena_new();
        const char **voices = mail_voices(mime, rows[i].text ? buf_text(&text) : NULL, arena, &count);
        buf_reset(&text);
        for (size_t k = 0; k < count; k++)
            buf_printf(&text, "%s%s", k ? " " : "", voices[k]);
        assert_string_equal(buf_text(&text), rows[i].voices);
        arena_free(arena);
        mime_free(mime);
        buf_clear(&mail);
        buf_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_and_tags),
        cmocka_unit_test(test_protected_tag),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_null_sender),
        cmocka_unit_test(test_bounces),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_mdn),
        cmocka_unit_test(test_other_kinds_of_the_corpus),
        cmocka_unit_test(test_authentication),
        cmocka_unit_test(test_spam),
        cmocka_unit_test(test_autocrypt),
        cmocka_unit_test(test_attached_keys),
        cmocka_unit_test(test_keys_of_the_corpus),
        cmocka_unit_test(test_voices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
