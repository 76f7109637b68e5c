/* Where parts begin and end, byte for byte, and what stands in them. The samples are written with | for CRLF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "codec/mime.h"
#include "codec/mime_body.h"

struct mail {
    char *bytes; /* exactly its size, so that a sanitizer sees who reads on */
    size_t size;
    struct mime *mime;
};

static struct mail mail_of(const char *text)
{
    struct mail mail = {0};
    struct buf out;
    struct err err;
    buf_init(&out, 1024 * 1024);
    for (; *text; text++)
        *text == '|' ? buf_add_text(&out, "\r\n") : buf_add_char(&out, *text);
    mail.size = out.size;
    mail.bytes = malloc(out.size ? out.size : 1);
    memcpy(mail.bytes, buf_text(&out), out.size);
    buf_clear(&out);
    if (!mime_parse(mail.bytes, mail.size, MIME_DEPTH_MAX, &mail.mime, &err))
        fail_msg("%s: %s", err.at, err.text);
    return mail;
}

static void mail_free(struct mail *mail)
{
    mime_free(mail->mime);
    free(mail->bytes);
}

static const struct mime_part *part(const struct mail *mail, const char *path)
{
    for (size_t i = 0; i < mail->mime->part_count; i++)
        if (strcmp(mail->mime->parts[i].path, path) == 0)
            return &mail->mime->parts[i];
    fail_msg("no part %s", path);
    return NULL;
}

static void expect_signed_bytes(const struct mail *mail, const char *path, const char *wanted)
{
    struct buf seen, with_bars;
    buf_init(&seen, 10000);
    buf_init(&with_bars, 10000);
    assert_true(mime_signed_bytes(mail->mime, part(mail, path), &seen));
    for (size_t i = 0; i < seen.size; i++) {
        if (seen.bytes[i] == '\r' && seen.bytes[i + 1] == '\n') {
            buf_add_char(&with_bars, '|');
            i++;
        } else {
            buf_add_char(&with_bars, seen.bytes[i]);
        }
    }
    assert_string_equal(buf_text(&with_bars), wanted);
    buf_clear(&seen);
    buf_clear(&with_bars);
}

static void expect_text(const struct mail *mail, const char *path, const char *wanted)
{
    struct buf text;
    buf_init(&text, 10000);
    assert_true(mime_body_text(mail->mime, part(mail, path), &text));
    assert_string_equal(buf_text(&text), wanted);
    buf_clear(&text);
}

#define HEAD "From: a@b.example|Subject: x|"

static void test_cuts_exactly(void **state)
{
    UNUSED(state);
    struct mail mail =
        mail_of(HEAD "Content-Type: multipart/mixed; boundary=\"a b\"||preamble|--a b  |Content-Type: text/plain||one|  |--a b|"
                     "|two||--a bc|--a b--|--a b|epilogue|");
    assert_int_equal(mail.mime->part_count, 3);
    /* the line end before a delimiter is the delimiter's; a longer word is no delimiter; nothing counts after the last */
    expect_signed_bytes(&mail, "1.1", "Content-Type: text/plain||one|  ");
    expect_signed_bytes(&mail, "1.2", "|two||--a bc");
    assert_true(mime_is_agreed(mail.mime, part(&mail, "1")));
    assert_false(part(&mail, "1")->is_broken);
    mail_free(&mail);
}

static void test_canonical_line_ends(void **state)
{
    UNUSED(state);
    struct mail mail =
        mail_of("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n\nblank at end \nlone \r in it\n\n--b--\n");
    expect_signed_bytes(&mail, "1.1", "X: y||blank at end |lone \r in it|");
    mail_free(&mail);
}

static void test_nesting(void **state)
{
    UNUSED(state);
    struct mail mail =
        mail_of(HEAD "Content-Type: multipart/mixed; boundary=o||--o|Content-Type: multipart/alternative; boundary=oi||--oi||plain|--oi|"
                     "Content-Type: text/html||<p>|--oi--||--o|Content-Type: message/rfc822||Subject: inner||text|--o|"
                     "Content-Type: multipart/digest; boundary=d||--d||Subject: in a digest||t|--d--|--o--|");
    static const char *const wanted[][2] = {{"1", "multipart/mixed"},    {"1.1", "multipart/alternative"}, {"1.1.1", "text/plain"},
                                            {"1.1.2", "text/html"},      {"1.2", "message/rfc822"},        {"1.2.1", "text/plain"},
                                            {"1.3", "multipart/digest"}, {"1.3.1", "message/rfc822"},      {"1.3.1.1", "text/plain"}};
    assert_int_equal(mail.mime->part_count, ARRAY_SIZE(wanted));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        assert_string_equal(mail.mime->parts[i].path, wanted[i][0]);
        assert_string_equal(mail.mime->parts[i].type, wanted[i][1]);
    }
    assert_string_equal(mime_header(mail.mime, part(&mail, "1.2.1"), "subject", 0), "inner");
    assert_true(mime_is_agreed(mail.mime, part(&mail, "1")));
    mail_free(&mail);
}

/* Borne, but never agreed: no signature may rest on them. */
static void test_broken_structures(void **state)
{
    static const char *const rows[] = {
        HEAD "Content-Type: multipart/mixed||no boundary|",
        HEAD "Content-Type: multipart/mixed; boundary=b||no delimiter|",
        HEAD "Content-Type: multipart/mixed; boundary=b||--b||no end|",
        HEAD "Content-Type: multipart/mixed; boundary=b||--b--|",
        HEAD "Content-Type: multipart/mixed; boundary=a|Content-Type: multipart/mixed; boundary=b||--a||x|--a--|--b||y|--b--|",
        HEAD "Content-Type: multipart/mixed; boundary=a||--a|Content-Transfer-Encoding: base64|Content-Transfer-Encoding: 7bit||x|--a--|",
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail mail = mail_of(rows[i]);
        bool is_agreed = true;
        for (size_t k = 0; k < mail.mime->part_count; k++)
            is_agreed = is_agreed && mime_is_agreed(mail.mime, &mail.mime->parts[k]);
        if (is_agreed)
            fail_msg("agreed: %s", rows[i]);
        mail_free(&mail);
    }
}

/* What is broken says nothing about what is around it, and everything about what is in it. */
static void test_broken_inside(void **state)
{
    UNUSED(state);
    struct mail mail =
        mail_of(HEAD "Content-Type: multipart/mixed; boundary=a||--a|X: y||fine|--a|Content-Type: message/rfc822||Subject: y|"
                     "Content-Type: multipart/mixed; boundary=b||--b||cut|--a--|");
    assert_true(mime_is_agreed(mail.mime, part(&mail, "1")));
    assert_true(mime_is_agreed(mail.mime, part(&mail, "1.1")));
    assert_true(mime_is_agreed(mail.mime, part(&mail, "1.2")));
    assert_false(mime_is_agreed(mail.mime, part(&mail, "1.2.1")));
    assert_false(mime_is_agreed(mail.mime, part(&mail, "1.2.1.1")));
    mail_free(&mail);
}

static void test_headers(void **state)
{
    UNUSED(state);
    struct mail mail = mail_of("From: =?utf-8?Q?J=C3=B6rg?= <a@b.example>,|\t\"x, y\" <c@d.example>|From: group: e@f.example;|"
                               "Subject: =?iso-2022-jp?B?GyRCJUYlOSVIGyhC?= and|  folded \xff|Date: Fri, 20 Nov 2026 10:15:00 +0100|"
                               "Content-Disposition: attachment; filename*0*=utf-8''r%C3%A9; filename*1=port.txt|X-Empty:||body");
    const struct mime_part *root = part(&mail, "1");
    size_t count;
    struct mime_address *from = mime_addresses(mail.mime, root, "From", &count);
    assert_int_equal(count, 3);
    assert_string_equal(from[0].name, "J\xc3\xb6rg");
    assert_string_equal(from[0].address, "a@b.example");
    assert_string_equal(from[1].name, "x, y");
    assert_string_equal(from[2].address, "e@f.example");
    const char *subject = mime_header_text(mail.mime, root, "Subject");
    assert_true(str_starts(subject, "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88 and"));
    assert_true(str_is_utf8(subject, strlen(subject), NULL));
    int64_t moment;
    const char *rule;
    assert_true(mime_date(mail.mime, root, &moment, &rule));
    assert_string_equal(rule, "rfc5322");
    char text[TIMESTAMP_TEXT_SIZE];
    timestamp_format(moment, text);
    assert_string_equal(text, "2026-11-20T09:15:00Z");
    assert_string_equal(root->name, "r\xc3\xa9port.txt");
    assert_string_equal(root->disposition, "attachment");
    assert_string_equal(mime_header(mail.mime, root, "X-Empty", 0), "");
    assert_null(mime_header(mail.mime, root, "X-Empt", 0));
    mail_free(&mail);
}

static void test_bodies(void **state)
{
    static const struct {
        const char *mail, *text;
    } rows[] = {
        {HEAD "Content-Transfer-Encoding: base64||SGVsbG8s|ISB3b3JsZA==|", "Hello,! world"},
        {HEAD "Content-Transfer-Encoding: BASE64||SGk=SGk=", "HiHi"},
        {HEAD "Content-Transfer-Encoding: quoted-printable||a=|b=20 |=E4=zz=|", "ab \n\xc3\xa4=zz"},
        {HEAD "Content-Type: text/plain; charset=koi8-r||\xf0\xf2\xe9", "\xd0\x9f\xd0\xa0\xd0\x98"},
        {HEAD "Content-Type: text/plain; charset=big5||\xa4\xa4\xa4\xe5", "\xe4\xb8\xad\xe6\x96\x87"},
        {HEAD "Content-Type: text/plain; charset=windows-1256||\xe3\xd1", "\xd9\x85\xd8\xb1"},
        {HEAD "Content-Type: text/plain; charset=utf-8||a\xc3|b\xff", "a\xef\xbf\xbd\nb\xef\xbf\xbd"},
        {HEAD "Content-Type: text/plain; charset=../../x||caf\xe9", "caf\xc3\xa9"},
        {HEAD "Content-Type: text/plain; charset=ISO-2022-CN-EXT||ok", "ok"},
        {HEAD "|lone\rreturn|", "lone\nreturn\n"},
        {HEAD "Content-Transfer-Encoding: x-uuencode||begin 644 x|%2&5L;&\\ |`|end|", "Hello"},
        /* claims that the bytes belie */
        {HEAD "Content-Type: text/plain; charset=windows-1252||\xd0\x9f\xd1\x80", "\xd0\x9f\xd1\x80"},
        {HEAD "Content-Type: text/plain; charset=utf-8||\xe9t\xe9 \xe0", "\xc3\xa9t\xc3\xa9 \xc3\xa0"},
        {HEAD "Content-Type: text/html||<meta charset='koi8-r'>\xf0\xf2\xe9", "<meta charset='koi8-r'>\xd0\x9f\xd0\xa0\xd0\x98"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail mail = mail_of(rows[i].mail);
        expect_text(&mail, "1", rows[i].text);
        mail_free(&mail);
    }
}

/* 8-bit letters in a header are the text's. */
static void test_raw_header(void **state)
{
    UNUSED(state);
    struct mail mail = mail_of("From: \"\xf0\xf2\xe9\" <a@b.example>|Subject: \xf0\xf2\xe9|Content-Type: text/plain; charset=koi8-r||x|");
    size_t count;
    assert_string_equal(mime_header_text(mail.mime, part(&mail, "1"), "Subject"), "\xd0\x9f\xd0\xa0\xd0\x98");
    struct mime_address *from = mime_addresses(mail.mime, part(&mail, "1"), "From", &count);
    assert_int_equal(count, 1);
    assert_string_equal(from[0].name, "\xd0\x9f\xd0\xa0\xd0\x98");
    mail_free(&mail);
}

/* Made to have GMime recurse until the stack ends, or build parts without end: read, but nothing in it is agreed. */
static void test_hostile(void **state)
{
    static const struct {
        const char *before, *again, *after;
        int times;
    } rows[] = {
        {"From: ", "g: ", "a@b.example;\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", 60000},
        {"From: a@b.example\r\nContent-Type: message/news\r\n\r\nTo: ", "g: ", "a@b.example;\r\n\r\nx", 60000},
        {"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\nCc:\r\n", " g:\r\n", "\r\n\r\nx", 40000},
        {"From: a@b.example\r\nContent-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\n", "", 100000},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf bytes;
        struct mime *mime;
        struct err err;
        size_t count;
        buf_init(&bytes, 4 * 1024 * 1024);
        buf_add_text(&bytes, rows[i].before);
        for (int k = 0; k < rows[i].times; k++)
            buf_add_text(&bytes, rows[i].again);
        buf_add_text(&bytes, rows[i].after);
        if (!mime_parse(bytes.bytes, bytes.size, MIME_DEPTH_MAX, &mime, &err))
            fail_msg("%zu: %s: %s", i, err.at, err.text);
        assert_false(mime_is_agreed(mime, &mime->parts[0]));
        assert_true(mime_addresses(mime, &mime->parts[0], "From", &count) != NULL || i == 0);
        mime_free(mime);
        buf_clear(&bytes);
    }
}

/* Kinds of mails in mails; one that is transfer-encoded is no structure of these bytes, for GMime neither. */
static void test_messages(void **state)
{
    static const char *const types[] = {"message/rfc822", "message/global", "message/news"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        for (int encoded = 0; encoded < 2; encoded++) {
            char text[400];
            snprintf(text, sizeof text, HEAD "Content-Type: multipart/mixed; boundary=b||--b|Content-Type: %s|%s|%s|--b--|", types[i],
                     encoded ? "Content-Transfer-Encoding: base64|" : "",
                     encoded ? "U3ViamVjdDogaW5uZXINCg0KdGV4dA0K" : "Subject: inner||text");
            struct mail mail = mail_of(text);
            assert_true(mime_is_message(part(&mail, "1.1")));
            assert_int_equal(part(&mail, "1.1")->child_count, !encoded);
            if (!mime_is_agreed(mail.mime, part(&mail, "1")))
                fail_msg("not agreed: %s", text);
            mail_free(&mail);
        }
    }
}

static enum err_code refusal(const char *bytes, size_t size)
{
    struct mime *mime = NULL;
    struct err err;
    if (!mime_parse(bytes, size, MIME_DEPTH_MAX, &mime, &err))
        return err.code;
    mime_free(mime);
    return ERR_NONE;
}

static void test_limits(void **state)
{
    struct buf mail;
    UNUSED(state);
    buf_init(&mail, 4 * 1024 * 1024);
    buf_add_text(&mail, "From: a@b.example\r\n");
    while (mail.size <= MIME_HEADER_SIZE_MAX)
        buf_printf(&mail, "X-Long: %01000d\r\n", 0);
    assert_int_equal(refusal(mail.bytes, mail.size), ERR_LIMIT);
    for (int parts = MIME_PARTS_MAX - 1; parts <= MIME_PARTS_MAX; parts++) {
        buf_reset(&mail);
        buf_add_text(&mail, "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
        for (int i = 0; i < parts; i++)
            buf_add_text(&mail, "--b\r\n\r\nx\r\n");
        buf_add_text(&mail, "--b--\r\n");
        assert_int_equal(refusal(mail.bytes, mail.size), parts < MIME_PARTS_MAX ? ERR_NONE : ERR_LIMIT);
    }
    assert_int_equal(refusal("", 0), ERR_INPUT);
    assert_int_equal(refusal("\r\nbody", 6), ERR_INPUT);
    buf_clear(&mail);
}

/* What is not sure is called so, and what is no time is none. */
static void test_dates(void **state)
{
    static const struct {
        const char *text, *moment, *rule;
    } dates[] = {
        {"Fri, 20 Nov 2026 10:00:00 +0100 (CET)", "2026-11-20T09:00:00Z", "rfc5322"},
        {"Fri,  20 Nov 2026\r\n  10:00:00 (a (b) c) +0100", "2026-11-20T09:00:00Z", "rfc5322"},
        {"Fri, 20 Nov 2026 10:00:00 EST", "2026-11-20T15:00:00Z", "rfc5322"},
        {"Fri, 20 Nov 2026 10:00:00 GMT", "2026-11-20T10:00:00Z", "rfc5322"},
        {"20 Nov 26 10:00 -0000", "2026-11-20T10:00:00Z", "rfc5322"},
        {"Fri, 20 Nov 2026 10:00:00 CET", "2026-11-20T10:00:00Z", "rfc5322-utc-assumed"},
        {"Fri, 20 Nov 2026 10:00:00", "2026-11-20T10:00:00Z", "rfc5322-utc-assumed"},
        {"2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", "rfc3339"},
    };
    static const char *const none[] = {
        "Fri, 20 Nov 2026 10:00:00 GMT+2", "Fri, 20 Nov 2026 10.00.00 +0100", "Fri, 20 Nov 2026 10:00:00 +9959", "", "(",
        "Thu, 01 Jan 1970 00:00:00 +0000"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
        int64_t moment;
        const char *rule;
        char text[TIMESTAMP_TEXT_SIZE];
        assert_true(mime_date_text(dates[i].text, &moment, &rule));
        timestamp_format(moment, text);
        assert_string_equal(text, dates[i].moment);
        assert_string_equal(rule, dates[i].rule);
    }
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        int64_t moment = 7;
        const char *rule;
        assert_false(mime_date_text(none[i], &moment, &rule));
        assert_int_equal(moment, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_exactly), cmocka_unit_test(test_canonical_line_ends),
        cmocka_unit_test(test_nesting),      cmocka_unit_test(test_broken_structures),
        cmocka_unit_test(test_headers),      cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_broken_inside),
        cmocka_unit_test(test_raw_header),   cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_messages),     cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
