/* What a mail reads as, by what was opened of it. | is CRLF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/mail_layers.h"
#include "support/file.h"

#define HEAD               "From: Alice <alice@yy.example>|Subject: [...]|"
#define ARMOUR(what, data) "-----BEGIN PGP " what "-----||" data "|-----END PGP " what "-----|"
#define CIPHER             ARMOUR("MESSAGE", "hAIDANIBAA==")
#define PGP_SIGNATURE      ARMOUR("SIGNATURE", "iAEE")
#define CLEAR(text)        "-----BEGIN PGP SIGNED MESSAGE-----|Hash: SHA256||" text "|" PGP_SIGNATURE
#define SEALED                                                                                                                             \
    "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=s||--s|Content-Type: application/pgp-encrypted||" \
    "Version: 1|--s|Content-Type: application/octet-stream||" CIPHER "--s--|"
#define SIGNED(inner)                                                                                                                      \
    "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=g||--g|" inner                                       \
    "|--g|Content-Type: application/pgp-signature||SIG|--g--|"
#define MIXED(parts)             "Content-Type: multipart/mixed; boundary=m||--m|" parts "|--m--|"
#define AND                      "|--m|"
#define TEXT                     "Content-Type: text/plain||Please have a look.|"
#define FILE_PART(name, content) "Content-Type: application/octet-stream; name=\"" name "\"|Content-Disposition: attachment||" content

static char *with_crlf(const char *text, size_t *size)
{
    struct buf out;
    buf_init(&out, 1024 * 1024);
    for (; *text; text++)
        *text == '|' ? buf_add_text(&out, "\r\n") : buf_add_char(&out, *text);
    *size = out.size;
    return out.bytes;
}

struct read {
    struct report *report;
    json_t *extra;
};

static struct read read_bytes(const char *bytes, size_t size, const struct mail_hints *mail)
{
    struct read read = {.report = NULL};
    struct err err;
    struct codec_hints hints = {.mail = mail};
    if (!codec_decode(codec_find("mail"), bytes, size, &codec_limits_default, &hints, &read.report, &err))
        fail_msg("%s: %s", err.at, err.text);
    read.extra = json_loads(read.report->extra, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(read.extra);
    return read;
}

static struct read read_mail(const char *mail, const struct mail_hints *hints)
{
    size_t size;
    char *bytes = with_crlf(mail, &size);
    struct read read = read_bytes(bytes, size, hints);
    free(bytes);
    return read;
}

/* The mail once its closed layer was opened. */
static struct read read_opened(const char *mail, const char *path, const char *clear)
{
    struct mail_hints hints = {.opened_count = 0};
    struct buf opened;
    struct err err;
    size_t size, clear_size;
    char *bytes = with_crlf(mail, &size), *clear_bytes = with_crlf(clear, &clear_size);
    buf_init(&opened, 1024 * 1024);
    if (!mail_layers_open(bytes, size, path, clear_bytes, clear_size, &hints.inside, &opened, &err))
        fail_msg("%s: %s", err.at, err.text);
    struct read read = read_bytes(opened.bytes, opened.size, &hints);
    buf_clear(&opened);
    free(bytes);
    free(clear_bytes);
    return read;
}

static void read_free(struct read *read)
{
    json_decref(read->extra);
    report_free(read->report);
}

/* A member by its path ("opened_parts 0 text"). */
static const json_t *member(const struct read *read, const char *path)
{
    char *copy = mem_strdup(path), *rest = copy, *word;
    const json_t *at = read->extra;
    while ((word = strsep(&rest, " ")))
        at = json_is_array(at) ? json_array_get(at, strtoul(word, NULL, 10)) : json_object_get(at, word);
    free(copy);
    return at;
}

static const char *text_of(const struct read *read, const char *path)
{
    return json_string_value(member(read, path));
}

#define INNER(scheme)                                                                                                                      \
    "From: eve@zz.example|To: incident@xx.example|Subject: Leak at [XX-CERT-2026-000042]|Message-ID: <1@yy>|Content-Type: "                \
    "text/plain; " scheme "||clear|"

static void test_subject(void **state)
{
    UNUSED(state);
    struct read opened = read_opened(HEAD SEALED, "1", INNER("hp=\"cipher\""));
    assert_string_equal(opened.report->summary, "Leak at [XX-CERT-2026-000042]");
    assert_string_equal(opened.report->description, "clear");
    assert_string_equal(opened.report->reporter_email, "alice@yy.example"); /* who sent it is what the outer header says */
    assert_string_equal(text_of(&opened, "protected scheme"), "rfc9788");
    assert_string_equal(text_of(&opened, "protected message_id"), "<1@yy>");
    assert_true(json_is_true(member(&opened, "protected from_differs")));
    assert_int_equal(json_array_size(member(&opened, "protected fields")), 4);
    read_free(&opened);
    opened = read_opened(HEAD SEALED, "1", INNER("charset=utf-8"));
    assert_string_equal(opened.report->summary, "[...]");
    assert_null(member(&opened, "protected"));
    read_free(&opened);
    /* signed only: nobody has verified it yet */
    struct read signed_only = read_mail(HEAD SIGNED(INNER("protected-headers=v1")), NULL);
    assert_string_equal(signed_only.report->summary, "[...]");
    assert_string_equal(text_of(&signed_only, "protected subject"), "Leak at [XX-CERT-2026-000042]");
    assert_string_equal(text_of(&signed_only, "protected scheme"), "draft");
    read_free(&signed_only);
}

static void test_legacy_display(void **state)
{
    static const struct {
        const char *clear, *description;
    } rows[] = {
        {"Subject: s|Content-Type: text/plain; hp=\"cipher\"; hp-legacy-display=\"1\"||Subject: s|From: Alice|  folded||the text|",
         "the text"},
        /* not where the sender did not say so, not in the middle, not what has no end */
        {"Subject: s|Content-Type: text/plain; hp=\"cipher\"||Subject: s||the text|", "Subject: s\n\nthe text"},
        {"Subject: s|Content-Type: text/plain; hp=\"clear\"; hp-legacy-display=\"1\"||Subject: s||the text|", "Subject: s\n\nthe text"},
        {"Subject: s|Content-Type: text/plain; hp=\"cipher\"; hp-legacy-display=\"1\"||Hello: this is|the text||more|",
         "Hello: this is\nthe text\n\nmore"},
        {"Subject: s|Content-Type: text/plain; hp=\"cipher\"; hp-legacy-display=\"1\"||no header||more|", "no header\n\nmore"},
        {"Subject: s|Content-Type: text/html; hp=\"cipher\"; hp-legacy-display=\"1\"||<html><body>"
         "<div class=\"header-protection-legacy-display\"><pre>Subject: s</pre></div><p>the text</p></body>|",
         "the text"},
        {"Subject: s|Content-Type: multipart/mixed; boundary=m; protected-headers=v1||--m|"
         "Content-Type: text/plain; protected-headers=v1|Content-Disposition: inline||Subject: s|--m|Content-Type: text/plain||the "
         "text|--m--|",
         "the text"},
        {"Subject: s|Content-Type: multipart/mixed; boundary=m; protected-headers=v1||--m|"
         "Content-Type: text/rfc822-headers; protected-headers=v1||Subject: s|--m|Content-Type: text/plain||the text|--m--|",
         "the text"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct read read = read_opened(HEAD SEALED, "1", rows[i].clear);
        if (!str_equal(read.report->description, rows[i].description))
            fail_msg("row %zu: %s", i, read.report->description);
        read_free(&read);
    }
}

/* Text outside of a signed block is never taken for what is in it. */
static void test_inline_marks(void **state)
{
    UNUSED(state);
    struct read whole = read_mail(HEAD "|" CLEAR("- -- the text"), NULL);
    assert_string_equal(whole.report->description, "-- the text");
    assert_string_equal(text_of(&whole, "texts 0 covered"), "whole");
    assert_string_equal(text_of(&whole, "protection 0 covers"), "whole");
    read_free(&whole);
    struct read part = read_mail(HEAD "|before|" CLEAR("the text") "after|" CIPHER, NULL);
    assert_string_equal(part.report->description,
                        "[part 1: not signed]\nbefore\n\n[part 1#1: signed on its own, not with the message]\nthe text"
                        "\n\n[part 1: not signed]\nafter\n\n[part 1#2: encrypted, not opened]");
    read_free(&part);
    /* what could be read in two ways is shown as it stands, and not signed */
    struct read broken = read_mail(HEAD "|-----BEGIN PGP SIGNED MESSAGE-----|Hash: SHA256|Pay Eve||the text|" PGP_SIGNATURE, NULL);
    assert_non_null(strstr(broken.report->description, "Pay Eve"));
    assert_string_equal(text_of(&broken, "texts 0 covered"), "none");
    read_free(&broken);
}

/* A team forwards a broken mail, signed: the signature holds, but says nothing about what can be cut in two ways. */
static void test_signed_broken(void **state)
{
    UNUSED(state);
    struct read read = read_mail(HEAD SIGNED(MIXED(TEXT AND "Content-Type: message/rfc822||Subject: spam|Content-Type: multipart/mixed; "
                                                            "boundary=q||--q|Content-Type: text/plain||cut off|")),
                                 NULL);
    assert_string_equal(
        read.report->description,
        "Please have a look.\n\n[forwarded message]\nSubject: spam\n\n\n[part 1.1.2.1.1: not covered by the signature, as it can be "
        "cut in two ways]\ncut off");
    assert_string_equal(text_of(&read, "protection 0 covers"), "whole");
    assert_true(json_is_true(member(&read, "protection 0 sound")));
    assert_string_equal(text_of(&read, "texts 0 covered"), "whole");
    assert_string_equal(text_of(&read, "texts 2 covered"), "none");
    read_free(&read);
}

static void test_html_block(void **state)
{
    static const struct mail_opened opened[] = {{.path = "1#1", .clear = "secret", .clear_size = 6}};
    struct mail_hints hints = {.opened = opened, .opened_count = 1};
    UNUSED(state);
    struct read read =
        read_mail(HEAD "Content-Type: text/html; charset=iso-8859-1||<p>caf\xe9</p><div>-----BEGIN PGP MESSAGE-----</div><br>&nbsp;<br>"
                       "hAIDANIBAA==<br>-----END PGP MESSAGE-----<br>bye",
                  &hints);
    assert_string_equal(read.report->description, "caf\xc3\xa9\n\n[part 1#1: encrypted, opened apart from the message]\n\nbye");
    assert_string_equal(text_of(&read, "opened_parts 0 text"), "secret");
    read_free(&read);
}

static void test_inside_signed(void **state)
{
    UNUSED(state);
    struct read read = read_opened(HEAD SIGNED(SEALED), "1.1", "Content-Type: text/plain||clear|");
    assert_string_equal(read.report->description, "clear");
    assert_string_equal(text_of(&read, "texts 0 covered"), "whole");
    read_free(&read);
}

/* The label in a text that was closed is the mail's own: what was agreed does not bind beside it. */
static void test_label_in_opened_text(void **state)
{
    static const char *const labels[] = {"TLP:GREEN\nx", "TLP:AMBER\nx"};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        const struct mail_opened opened = {.path = "1.2", .clear = labels[i], .clear_size = strlen(labels[i])};
        struct mail_hints hints = {.opened = &opened, .opened_count = 1};
        struct read read = read_mail(HEAD MIXED(TEXT AND FILE_PART("notes.txt.asc", CIPHER)), &hints);
        assert_int_equal(report_label_agreed(read.report, TLP_RED), i == 0 ? TLP_GREEN : TLP_AMBER);
        assert_int_equal(report_label_agreed(read.report, TLP_NONE), i == 0 ? TLP_GREEN : TLP_AMBER);
        read_free(&read);
    }
}

/* What was opened apart is shown apart: never in the message's text. */
static void test_opened_parts(void **state)
{
    static const char json[] =
        "{\"description\": \"d\", \"tlp\": \"amber\", \"observables\": [{\"type\": \"ipv4\", \"value\": \"192.0.2.7\"}]}";
    static const struct mail_opened opened[] = {
        {.path = "1.2", .clear = json, .clear_size = sizeof json - 1},
        {.path = "1.3", .clear = "TLP:RED\nbeacon to http://c2.example.net/x", .clear_size = 41, .signatures = "[{\"status\": \"good\"}]"},
        {.path = "1.4", .clear = NULL},
        {.path = "1.5#1", .clear = "stolen secret", .clear_size = 13},
        {.path = "1.6", .clear = "must stay closed", .clear_size = 16},
        {.path = "1.7",
         .clear = "Content-Type: multipart/mixed; boundary=q\n\n--q\n\nhello\n--q\nContent-Type: image/png; name=x.png\n\nPNG\n--q--\n",
         .clear_size = 103},
        {.path = "1.99", .clear = "no such part", .clear_size = 12},
    };
    static const char mail[] =
        HEAD MIXED(TEXT AND FILE_PART("report.json.gpg", CIPHER) AND FILE_PART("notes.txt.asc", CIPHER) AND FILE_PART("other.gpg", CIPHER)
                       AND "Content-Type: text/plain||look:|" CIPHER AND SEALED AND FILE_PART("encrypted.asc", CIPHER));
    struct mail_hints hints = {.opened = opened, .opened_count = ARRAY_SIZE(opened)};
    UNUSED(state);
    struct read read = read_mail(mail, &hints);
    assert_string_equal(read.report->description,
                        "Please have a look.\n\nlook:\n\n[part 1.5#1: encrypted, opened apart from the message]\n\n"
                        "[part 1.6: encrypted, not opened]");
    assert_int_equal(json_array_size(member(&read, "opened_parts")), 5);
    assert_string_equal(text_of(&read, "attached_reports 0 format"), "json");
    assert_null(member(&read, "opened_parts 0 text"));
    assert_string_equal(text_of(&read, "opened_parts 0 name"), "report.json");
    assert_string_equal(text_of(&read, "opened_parts 1 text"), "TLP:RED\nbeacon to http://c2.example.net/x");
    assert_string_equal(text_of(&read, "opened_parts 1 signatures 0 status"), "good");
    assert_string_equal(text_of(&read, "opened_parts 1 covered"), "own");
    assert_true(json_is_false(member(&read, "opened_parts 2 opened")));
    assert_string_equal(text_of(&read, "opened_parts 3 text"), "stolen secret");
    assert_string_equal(text_of(&read, "opened_parts 4 text"), "hello");
    assert_string_equal(text_of(&read, "opened_parts 4 attachments 0 name"), "x.png");
    assert_int_equal(strlen(text_of(&read, "opened_parts 0 sha256")), 64);
    assert_int_equal(read.report->tlp, TLP_RED);
    assert_int_equal(read.report->observation_count, 2); /* the attached report's, and the notes' */
    assert_string_equal(read.report->observations[1].extra, "{\"opened_part\":\"1.3\"}");
    assert_null(strstr(read.report->extra, "must stay closed"));
    read_free(&read);
    /* and when nobody opens them, they stay closed */
    read = read_mail(mail, NULL);
    assert_null(member(&read, "opened_parts"));
    assert_int_equal(read.report->observation_count, 0);
    read_free(&read);
}

/* What is opened apart is read as a mail is: its HTML and its text files count for what they name, and for their label. */
static void test_opened_unshown(void **state)
{
    static const char entity[] =
        "Content-Type: multipart/mixed; boundary=q\n\n--q\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\n"
        "see http://shown.example.net/\n--a\nContent-Type: text/html\n\n<a href=\"http://shown.example.net/\">x</a>"
        "<a href=\"http://link.example.net/\">y</a>\n--a--\n--q\nContent-Type: application/octet-stream; name=list.txt\n\n"
        "TLP:RED 192.0.2.77\n--q--\n";
    static const struct mail_opened opened[] = {{.path = "1.2", .clear = entity, .clear_size = sizeof entity - 1}};
    struct mail_hints hints = {.opened = opened, .opened_count = 1};
    UNUSED(state);
    struct read read = read_mail(HEAD MIXED(TEXT AND FILE_PART("mail.gpg", CIPHER)), &hints);
    const struct report *report = read.report;
    assert_int_equal(report->observation_count, 2);
    assert_string_equal(report->observations[0].extra, "{\"opened_part\":\"1.2\"}");
    assert_string_equal(report->observations[1].extra, "{\"opened_part\":\"1.2\",\"shown\":false}");
    assert_int_equal(report->observations[1].sighting_count, 3);
    assert_string_equal(report->observations[1].sightings[0].value, "http://link.example.net/");
    assert_string_equal(report->observations[1].sightings[2].value, "192.0.2.77");
    assert_int_equal(report->tlp, TLP_RED);
    read_free(&read);
}

/* One alternative is shown; links and files of the others count all the same. */
static void test_alternatives(void **state)
{
    UNUSED(state);
    struct read read =
        read_mail(HEAD "Content-Type: multipart/alternative; boundary=a||--a|Content-Type: text/plain||See the page.|--a|"
                       "Content-Type: multipart/mixed; boundary=m||--m|Content-Type: text/html||<a href=\"https://evil.example/x\">the "
                       "page</a>|--m|Content-Type: application/pdf; name=x.pdf||PDF|--m--||--a--|",
                  NULL);
    assert_string_equal(read.report->description, "See the page.");
    assert_int_equal(read.report->observation_count, 1);
    assert_string_equal(read.report->observations[0].sightings[0].value, "https://evil.example/x");
    assert_string_equal(text_of(&read, "attachments 0 name"), "x.pdf");
    assert_int_equal(json_array_size(member(&read, "texts")), 1);
    read_free(&read);
    read = read_mail(HEAD "Content-Type: multipart/alternative; boundary=a||--a|Content-Type: text/plain|| |--a|Content-Type: text/html||"
                          "<p>only here</p>|--a--|",
                     NULL);
    assert_string_equal(read.report->description, "only here");
    read_free(&read);
}

/* What was parsed already need not be parsed again. */
static void test_parsed_already(void **state)
{
    struct mime *mime;
    struct err err;
    size_t size;
    UNUSED(state);
    char *bytes = with_crlf(HEAD SIGNED(TEXT), &size);
    assert_true(mime_parse(bytes, size, MIME_DEPTH_MAX, &mime, &err));
    struct mail_layers *layers = mail_layers_of(mime, NULL);
    struct mail_hints hints = {.mime = mime, .layers = layers};
    struct read again = read_bytes(bytes, size, &hints), read = read_bytes(bytes, size, NULL);
    assert_string_equal(again.report->extra, read.report->extra);
    assert_string_equal(again.report->description, read.report->description);
    read_free(&again);
    read_free(&read);
    mail_layers_free(layers);
    mime_free(mime);
    free(bytes);
}

/* Each mail in the mail says for itself where it came from; what is around it stays the message's. */
static void test_forwarded(void **state)
{
    static const char mail[] = HEAD MIXED(
        "Content-Type: text/plain||see http://outside.example/x|" AND
        "Content-Type: message/rfc822||Received: from a (b [198.51.100.23]) by c [203.0.113.1]; z|Received: from [10.0.0.1] by d; z|"
        "Received: from mx.evil.example (203.0.113.66) by x (203.0.113.2) with z|Received: from u (HELO x) (203.0.113.67) by d|"
        "X-Originating-IP: [203.0.113.99]|From: eve@evil.example|Subject: s|Message-ID: <1@evil>|Date: Fri, 20 Nov 2026 09:00:00 +0100||"
        "go to http://inside.example/y|" AND "Content-Type: text/plain||and http://behind.example/z|");
    static const char *const wanted[] = {"eve@evil.example", "198.51.100.23",           "203.0.113.66",  "203.0.113.67",
                                         "203.0.113.99",     "http://inside.example/y", "inside.example"};
    UNUSED(state);
    struct read read = read_mail(mail, NULL);
    assert_int_equal(read.report->observation_count, 2);
    const struct observation *inner = &read.report->observations[0], *outer = &read.report->observations[1];
    assert_int_equal(inner->sighting_count, ARRAY_SIZE(wanted));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_string_equal(inner->sightings[i].value, wanted[i]);
    assert_int_equal(inner->sightings[0].role, ROLE_SOURCE);
    assert_string_equal(inner->extra, "{\"forwarded\":{\"date\":\"Fri, 20 Nov 2026 09:00:00 +0100\",\"from\":\"eve@evil.example\","
                                      "\"message_id\":\"<1@evil>\",\"path\":\"1.2\",\"subject\":\"s\"}}");
    assert_int_equal(outer->sighting_count, 4);
    assert_string_equal(outer->sightings[0].value, "http://outside.example/x");
    assert_string_equal(outer->sightings[2].value, "http://behind.example/z");
    read_free(&read);
}

/* "?id=12" in what says that it is quoted-printable, but is not. */
static void test_control_character(void **state)
{
    UNUSED(state);
    struct read read = read_mail(HEAD "Content-Transfer-Encoding: quoted-printable||see http://notqp.example.com/?id=123 there|", NULL);
    assert_int_equal(read.report->observation_count, 1);
    const struct observation *observation = &read.report->observations[0];
    assert_int_equal(observation->sighting_count, 2);
    assert_string_equal(observation->sightings[0].value, "http://notqp.example.com/?id");
    assert_string_equal(observation->sightings[1].value, "notqp.example.com");
    read_free(&read);
}

/* A signed mail inside of an encoded one was verified by nobody, and an encrypted one is not opened. */
static void test_encoded_mail(void **state)
{
    UNUSED(state);
    struct read read =
        read_mail(HEAD MIXED("Content-Type: message/rfc822|Content-Transfer-Encoding: quoted-printable||Subject: inner|" SIGNED(
                      "Content-Type: text/plain||signed inside")),
                  NULL);
    assert_string_equal(read.report->description, "[forwarded message]\nSubject: inner\n\n\nsigned inside");
    assert_string_equal(text_of(&read, "texts 1 path"), "1.1:1.1");
    assert_string_equal(text_of(&read, "texts 1 covered"), "none");
    assert_null(member(&read, "protection"));
    read_free(&read);
    read = read_mail(HEAD MIXED("Content-Type: message/rfc822|Content-Transfer-Encoding: quoted-printable||Subject: inner||" CIPHER), NULL);
    assert_string_equal(read.report->description, "[forwarded message]\nSubject: inner\n\n\n[part 1.1:1: encrypted, not opened]");
    read_free(&read);
}

/* The test vectors of the draft before RFC 9788: the payload is what stands in the file beside. */
static void test_draft_vectors(void **state)
{
    static const struct {
        const char *name, *subject, *from;
    } rows[] = {
        {"pgpmime-layered", "BarCorp contract signed, let's go!", "Alice Lovelace <alice@openpgp.example>"},
        {"pgpmime-layered+legacy-disp", "BarCorp contract signed, let's go!", "Alice Lovelace <alice@openpgp.example>"},
        {"pgpmime-sign+enc+legacy-disp", "BarCorp contract signed, let's go!", "Alice Lovelace <alice@openpgp.example>"},
        {"unfortunately-complex", "BarCorp contract signed, let's go!", "Alice Lovelace <alice@openpgp.example>"},
    };
    UNUSED(state);
    if (access(TEST_CORPUS "/mail/protected-headers", R_OK) != 0) {
        print_message("no corpus: skipped\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf mail, clear, opened;
        struct err err;
        struct mail_hints hints = {.opened_count = 0};
        static const char *const suffixes[] = {"eml", "inner"};
        for (size_t k = 0; k < 2; k++) {
            size_t size;
            char *path = mem_printf(TEST_CORPUS "/mail/protected-headers/%s.%s", rows[i].name, suffixes[k]);
            char *bytes = file_read(path, &size);
            assert_non_null(bytes);
            buf_init(k ? &clear : &mail, 1024 * 1024);
            buf_add(k ? &clear : &mail, bytes, size);
            free(bytes);
            free(path);
        }
        buf_init(&opened, 1024 * 1024);
        assert_true(mail_layers_open(mail.bytes, mail.size, "1", clear.bytes, clear.size, &hints.inside, &opened, &err));
        struct read read = read_bytes(opened.bytes, opened.size, &hints);
        if (!str_equal(read.report->summary, rows[i].subject) || !str_equal(text_of(&read, "protected from"), rows[i].from) ||
            json_is_true(member(&read, "protected from_differs")))
            fail_msg("%s: %s by %s", rows[i].name, read.report->summary, text_of(&read, "protected from"));
        /* the copy of the subject for old readers is gone */
        if (strstr(read.report->description, rows[i].subject))
            fail_msg("%s: %s", rows[i].name, read.report->description);
        read_free(&read);
        buf_clear(&mail);
        buf_clear(&clear);
        buf_clear(&opened);
    }
}

/* Each id once, and none that never ends: a header of a quarter megabyte is not kept a hundred times. */
static void test_references(void **state)
{
    UNUSED(state);
    struct buf mail;
    buf_init(&mail, 1024 * 1024);
    buf_add_text(&mail, "From: alice@yy.example|References: <1@yy.example> <<<");
    for (int i = 0; i < 200000; i++)
        buf_add_char(&mail, '<');
    buf_add_text(&mail, "2@yy.example> <3@yy.example|Subject: x||text|");
    struct read read = read_mail(buf_text(&mail), NULL);
    assert_string_equal(text_of(&read, "headers references 0"), "1@yy.example");
    assert_string_equal(text_of(&read, "headers references 1"), "2@yy.example");
    assert_string_equal(text_of(&read, "headers references 2"), "3@yy.example");
    assert_int_equal(json_array_size(member(&read, "headers references")), 3);
    assert_true(strlen(read.report->extra) < 10000);
    read_free(&read);
    buf_clear(&mail);
}

/* Only names are read, and no more is unpacked for them than a bound, also where a zip has no directory. */
static void test_archives(void **state)
{
    static const char zip[] =
        "UEsDBBQAAAAAAAAAIVxDvrfoAQAAAAEAAAAFAAAAYS50eHRhUEsDBBQAAAAAAAAAIVyuG661AgAAAAIAAAAFAAAAYi5leGViYlBLAQIUAxQAAA"
        "AAAAAAIVxDvrfoAQAAAAEAAAAFAAAAAAAAAAAAAACAAQAAAABhLnR4dFBLAQIUAxQAAAAAAAAAIVyuG661AgAAAAIAAAAFAAAAAAAAAAAAAACA"
        "ASQAAABiLmV4ZVBLBQYAAAAAAgACAGYAAABJAAAAAAA=";
    static const char packed_tar[] =
        "H4sIAAAAAAACA+3TQQqDQAwF0BzFE4hT7PQ8I3iBdgoev9OuxL1K8b3ND9lkEX7p61JjX0OTx/GXzTabtJq/+/xI9+iGOMD7VcuznYxrKsGVTf"
        "28zKf3/7btf85J/w/5/6QDAAAAAAAAAAD/7AMXTLVeACgAAA==";
    static const char no_directory[] = "UEsDBBQACAAIAAAAAAAAAAAAAAAAAAAAAAAFAAAAYS50eHQDAFBLBwgAAAAAAAAAAAAAAAA=";
    static const char *const files[] = {zip, packed_tar, no_directory};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *mail = mem_printf(
            "%sContent-Type: application/octet-stream; name=x|Content-Disposition: attachment|Content-Transfer-Encoding: base64||%s|", HEAD,
            files[i]);
        struct read read = read_mail(mail, NULL);
        assert_string_equal(text_of(&read, "attachments 0 archive format"), i == 1 ? "tar" : "zip");
        assert_int_equal(json_array_size(member(&read, "attachments 0 archive entries")), i == 2 ? 1 : 2);
        if (i < 2)
            assert_string_equal(text_of(&read, "attachments 0 archive entries 1 name"), "b.exe");
        else
            assert_non_null(text_of(&read, "attachments 0 archive problem"));
        read_free(&read);
        free(mail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_character), cmocka_unit_test(test_archives),
        cmocka_unit_test(test_references),        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_legacy_display),    cmocka_unit_test(test_inline_marks),
        cmocka_unit_test(test_signed_broken),     cmocka_unit_test(test_html_block),
        cmocka_unit_test(test_inside_signed),     cmocka_unit_test(test_label_in_opened_text),
        cmocka_unit_test(test_opened_parts),      cmocka_unit_test(test_opened_unshown),
        cmocka_unit_test(test_forwarded),         cmocka_unit_test(test_parsed_already),
        cmocka_unit_test(test_alternatives),      cmocka_unit_test(test_encoded_mail),
        cmocka_unit_test(test_draft_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
