/* Outgoing mail: the bytes, what our own parser and Python's make of them, and what never gets into them. | is CRLF in the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "codec/mail_layers.h"
#include "codec/mail_write.h"
#include "codec/mime_body.h"

enum { ROOM = 4 * 1024 * 1024 };

#define ARMOURED_SIGNATURE "-----BEGIN PGP SIGNATURE-----\n\niQ==\n=abcd\n-----END PGP SIGNATURE-----\n"
#define ARMOURED_MESSAGE   "-----BEGIN PGP MESSAGE-----\n\nhQ==\n=abcd\n-----END PGP MESSAGE-----\n"

static const struct mail_person to_one[] = {{"Alice Example", "alice@yy.example"}};
static const struct mail_draft simple = {
    .from = {"XX-CERT", "incident@xx-cert.example"},
    .to = to_one,
    .to_count = 1,
    .reference = "XX-CERT-2026-000042",
    .label = "TLP:GREEN",
    .subject = "Phishing of a bank",
    .date = INT64_C(1795169533) * TIMESTAMP_SECOND,
    .message_id = "<42.1@xx-cert.example>",
    .text = "Hello,\n\nplease look.\n",
};

static void expect_bytes(const char *what, const struct buf *seen, const char *wanted)
{
    struct buf bytes;
    buf_init(&bytes, ROOM);
    for (const char *c = wanted; *c; c++)
        *c == '|' ? buf_add_text(&bytes, "\r\n") : buf_add_char(&bytes, *c);
    if (strcmp(buf_text(seen), buf_text(&bytes)) != 0)
        fail_msg("%s:\n%s\nnot\n%s", what, buf_text(seen), buf_text(&bytes));
    buf_clear(&bytes);
}

static void payload_of(const struct mail_draft *draft, struct buf *out)
{
    struct err err;
    buf_init(out, ROOM);
    if (!mail_write_check(draft, &err))
        fail_msg("check: %s: %s", err.at, err.text);
    if (!mail_write_payload(draft, out, &err))
        fail_msg("%s: %s", err.at, err.text);
}

static void message_of(const struct mail_draft *draft, const struct buf *entity, struct buf *out)
{
    struct err err;
    buf_init(out, ROOM);
    if (!mail_write_message(draft, buf_text(entity), entity->size, out, &err))
        fail_msg("%s: %s", err.at, err.text);
}

static void signed_entity(const struct mail_draft *draft, struct buf *out)
{
    struct err err;
    struct buf payload;
    payload_of(draft, &payload);
    buf_init(out, ROOM);
    if (!mail_write_signed(MAIL_WRITE_OPENPGP, buf_text(&payload), payload.size, ARMOURED_SIGNATURE, strlen(ARMOURED_SIGNATURE), "SHA256",
                           draft->message_id, out, &err))
        fail_msg("%s", err.text);
    buf_clear(&payload);
}

static void signed_message(const struct mail_draft *draft, struct buf *out)
{
    struct buf entity;
    signed_entity(draft, &entity);
    message_of(draft, &entity, out);
    buf_clear(&entity);
}

/* --- golden bytes --- */

static void golden_signed(void **state)
{
    UNUSED(state);
    struct buf message;
    signed_message(&simple, &message);
    expect_bytes("signed", &message,
                 "Date: Fri, 20 Nov 2026 10:12:13 +0000|From: XX-CERT <incident@xx-cert.example>|To: Alice Example <alice@yy.example>|"
                 "Subject: [XX-CERT-2026-000042] TLP:GREEN Phishing of a bank|Message-ID: <42.1@xx-cert.example>|MIME-Version: 1.0|"
                 "Content-Type: multipart/signed; micalg=\"pgp-sha256\";| protocol=\"application/pgp-signature\";|"
                 " boundary=\"=_signed_acae77c343f94871\"||--=_signed_acae77c343f94871|"
                 "Date: Fri, 20 Nov 2026 10:12:13 +0000|From: XX-CERT <incident@xx-cert.example>|To: Alice Example <alice@yy.example>|"
                 "Subject: [XX-CERT-2026-000042] TLP:GREEN Phishing of a bank|Message-ID: <42.1@xx-cert.example>|"
                 "Content-Type: text/plain; charset=\"utf-8\"; hp=\"clear\";| protected-headers=\"v1\"|"
                 "Content-Disposition: inline|Content-Transfer-Encoding: 7bit||"
                 "TLP:GREEN||Hello,||please look.||--=_signed_acae77c343f94871|"
                 "Content-Type: application/pgp-signature; name=\"signature.asc\"|"
                 "Content-Disposition: attachment; filename=\"signature.asc\"||"
                 "-----BEGIN PGP SIGNATURE-----||iQ==|=abcd|-----END PGP SIGNATURE-----|--=_signed_acae77c343f94871--|");
    buf_clear(&message);
}

static void golden_encrypted(void **state)
{
    UNUSED(state);
    static const char *const references[] = {"<1@yy.example>", "2@yy.example"};
    struct mail_draft draft = simple;
    struct buf payload, entity, message;
    struct err err;
    draft.is_encrypted = true;
    draft.label = "TLP:AMBER";
    draft.in_reply_to = "<2@yy.example>";
    draft.references = references;
    draft.reference_count = 2;
    draft.language = "en";
    payload_of(&draft, &payload);
    expect_bytes("payload", &payload,
                 "Date: Fri, 20 Nov 2026 10:12:13 +0000|From: XX-CERT <incident@xx-cert.example>|To: Alice Example <alice@yy.example>|"
                 "Subject: [XX-CERT-2026-000042] TLP:AMBER Phishing of a bank|Message-ID: <42.1@xx-cert.example>|"
                 "In-Reply-To: <2@yy.example>|References: <1@yy.example> <2@yy.example>|"
                 "HP-Outer: Date: Fri, 20 Nov 2026 10:12:13 +0000|HP-Outer: From: XX-CERT <incident@xx-cert.example>|"
                 "HP-Outer: To: Alice Example <alice@yy.example>|HP-Outer: Subject: [XX-CERT-2026-000042]|"
                 "HP-Outer: Message-ID: <42.1@xx-cert.example>|HP-Outer: In-Reply-To: <2@yy.example>|"
                 "HP-Outer: References: <1@yy.example> <2@yy.example>|"
                 "Content-Type: text/plain; charset=\"utf-8\"; hp=\"cipher\";| hp-legacy-display=\"1\"; protected-headers=\"v1\"|"
                 "Content-Language: en|Content-Disposition: inline|Content-Transfer-Encoding: 7bit||"
                 "Subject: [XX-CERT-2026-000042] TLP:AMBER Phishing of a bank||TLP:AMBER||Hello,||please look.|");
    buf_init(&entity, ROOM);
    assert_true(mail_write_encrypted(MAIL_WRITE_OPENPGP, ARMOURED_MESSAGE, strlen(ARMOURED_MESSAGE), draft.message_id, &entity, &err));
    message_of(&draft, &entity, &message);
    expect_bytes("encrypted", &message,
                 "Date: Fri, 20 Nov 2026 10:12:13 +0000|From: XX-CERT <incident@xx-cert.example>|To: Alice Example <alice@yy.example>|"
                 "Subject: [XX-CERT-2026-000042]|Message-ID: <42.1@xx-cert.example>|"
                 "In-Reply-To: <2@yy.example>|References: <1@yy.example> <2@yy.example>|MIME-Version: 1.0|"
                 "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";| boundary=\"=_encrypted_acae77c343f94871\"||"
                 "--=_encrypted_acae77c343f94871|Content-Type: application/pgp-encrypted||Version: 1|--=_encrypted_acae77c343f94871|"
                 "Content-Type: application/octet-stream; name=\"encrypted.asc\"|Content-Disposition: inline; filename=\"encrypted.asc\"||"
                 "-----BEGIN PGP MESSAGE-----||hQ==|=abcd|-----END PGP MESSAGE-----|--=_encrypted_acae77c343f94871--|");
    assert_null(strstr(buf_text(&message), "Phishing"));
    assert_null(strstr(buf_text(&message), "TLP"));
    buf_clear(&payload);
    buf_clear(&entity);
    buf_clear(&message);
}

static void golden_smime(void **state)
{
    UNUSED(state);
    static const unsigned char enveloped[] = {0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03};
    static const unsigned char sealed[] = {0x30, 0x82, 1, 2, 0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 0x10, 1, 0x17};
    struct buf out;
    struct err err;
    buf_init(&out, ROOM);
    assert_true(mail_write_signed(MAIL_WRITE_SMIME, "A: b\r\n\r\nc\r\n", 11, "\x30\x03", 2, "sha512", "<x@y>", &out, &err));
    expect_bytes("signed", &out,
                 "Content-Type: multipart/signed; micalg=\"sha-512\";| protocol=\"application/pkcs7-signature\";|"
                 " boundary=\"=_signed_797f81f4165651c8\"||--=_signed_797f81f4165651c8|A: b||c||--=_signed_797f81f4165651c8|"
                 "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"|Content-Disposition: attachment; filename=\"smime.p7s\"|"
                 "Content-Transfer-Encoding: base64||MAM=|--=_signed_797f81f4165651c8--|");
    buf_reset(&out);
    assert_true(mail_write_encrypted(MAIL_WRITE_SMIME, enveloped, sizeof enveloped, "<x@y>", &out, &err));
    expect_bytes("enveloped", &out,
                 "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=\"smime.p7m\"|"
                 "Content-Disposition: attachment; filename=\"smime.p7m\"|Content-Transfer-Encoding: base64||MIAGCSqGSIb3DQEHAw==|");
    buf_reset(&out);
    assert_true(mail_write_encrypted(MAIL_WRITE_SMIME, sealed, sizeof sealed, "<x@y>", &out, &err));
    assert_non_null(strstr(buf_text(&out), "smime-type=authEnveloped-data;"));
    buf_clear(&out);
}

/* --- parsed back --- */

static const struct mime_part *part_at(const struct mime *mime, const char *path)
{
    for (size_t i = 0; i < mime->part_count; i++)
        if (strcmp(mime->parts[i].path, path) == 0)
            return &mime->parts[i];
    fail_msg("no part %s", path);
    return NULL;
}

static void expect_text(const struct mime *mime, const char *path, const char *wanted)
{
    struct buf text;
    buf_init(&text, ROOM);
    assert_true(mime_body_text(mime, part_at(mime, path), &text));
    assert_string_equal(buf_text(&text), wanted);
    buf_clear(&text);
}

/* Texts that a transport, an encoding or a boundary could change. */
static void texts_come_back(void **state)
{
    UNUSED(state);
    static const struct {
        const char *what, *text, *encoding;
    } rows[] = {
        {"plain", "Hello\n", "7bit"},
        {"mbox line", "From me to you\nFrom: x\n", "quoted-printable"},
        {"trailing blanks", "two  \nand a tab\t\n", "quoted-printable"},
        {"dots", ".\n..\n", "quoted-printable"},
        {"our boundary", "--=_signed_acae77c343f94871--\n", "quoted-printable"},
        {"long line",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
         "quoted-printable"},
        {"equals", "a=b =3D = \n", "quoted-printable"},
        {"accents", "une m\xC3\xA9saventure\n", "quoted-printable"},
        {"Arabic", "\xD8\xA7\xD9\x84\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85 \xD8\xB9\xD9\x84\xD9\x8A\xD9\x83\xD9\x85\n", "base64"},
        {"Chinese", "\xE6\x82\xA8\xE5\xA5\xBD\n\xE8\xAF\xB7\n", "base64"},
        {"blank lines at both ends", "\n\nx\n\n\n", "7bit"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_draft draft = simple;
        struct buf message;
        struct mime *mime;
        struct err err;
        draft.label = NULL;
        draft.text = rows[i].text;
        signed_message(&draft, &message);
        assert_true(mime_parse(buf_text(&message), message.size, MIME_DEPTH_MAX, &mime, &err));
        assert_int_equal(mime->part_count, 3);
        assert_true(mime_is_agreed(mime, &mime->parts[0]));
        if (strcmp(part_at(mime, "1.1")->encoding, rows[i].encoding) != 0)
            fail_msg("%s: %s", rows[i].what, part_at(mime, "1.1")->encoding);
        expect_text(mime, "1.1", rows[i].text);
        mime_free(mime);
        buf_clear(&message);
    }
}

static void signed_bytes_are_the_payload(void **state)
{
    UNUSED(state);
    struct buf payload, message;
    struct mail_layers *layers;
    struct err err;
    payload_of(&simple, &payload);
    signed_message(&simple, &message);
    assert_true(mail_layers_read(buf_text(&message), message.size, &codec_limits_default, NULL, &layers, &err));
    assert_int_equal(layers->count, 1);
    assert_true(layers->layers[0].is_envelope);
    assert_int_equal(layers->layers[0].content_size, payload.size);
    assert_memory_equal(layers->layers[0].content, buf_text(&payload), payload.size);
    assert_int_equal(layers->from_count, 1);
    assert_string_equal(layers->from[0], "incident@xx-cert.example");
    mail_layers_free(layers);
    buf_clear(&payload);
    buf_clear(&message);
}

static const struct mail_person many[] = {
    {"M\xC3\xBCller, Gr\xC3\xA9gory (CERT)", "greg@b\xC3\xBC"
                                             "cher.example"},
    {"Doe, John \"JD\"", "john.doe@yy.example"},
    {NULL, "plain@yy.example"},
    {"\xD9\x81\xD8\xB1\xD9\x8A\xD9\x82 \xD8\xA7\xD9\x84\xD8\xA7\xD8\xB3\xD8\xAA\xD8\xAC\xD8\xA7\xD8\xA8\xD8\xA9 "
     "\xD9\x84\xD9\x84\xD8\xB7\xD9\x88\xD8\xA7\xD8\xB1\xD8\xA6 \xD8\xA7\xD9\x84\xD9\x88\xD8\xB7\xD9\x86\xD9\x8A",
     "team@zz.example"},
    {"=?utf-8?q?boss?=", "b..oss@yy.example"},
};
static const struct mail_write_file files[] = {
    {"list \xE2\x82\xAC of hosts that answered on the twentieth of November in the second run.csv", "text/csv", "a,b\r\n", 5},
    {"../etc/passwd", "bad type", "\0\1\2", 3},
    {"forward.eml", "message/rfc822", "Subject: x\r\n\r\ny", 15},
};

static struct mail_draft rich_draft(void)
{
    struct mail_draft draft = simple;
    draft.to = many;
    draft.to_count = ARRAY_SIZE(many);
    draft.cc = to_one;
    draft.cc_count = 1;
    draft.subject = "Hame\xC3\xA7onnage d\xE2\x80\x99une banque =?utf-8?q?x?= at "
                    "https://very.long.example/0123456789012345678901234567890123456789012345678901234567890123456789 end";
    draft.files = files;
    draft.file_count = ARRAY_SIZE(files);
    draft.language = "fr-CA";
    draft.auto_submitted = "auto-replied";
    draft.autocrypt = "\x98\x33\x04";
    draft.autocrypt_size = 3;
    return draft;
}

static void fields_come_back(void **state)
{
    UNUSED(state);
    struct mail_draft draft = rich_draft();
    struct buf message;
    struct mime *mime;
    struct err err;
    size_t count;
    signed_message(&draft, &message);
    assert_true(mime_parse(buf_text(&message), message.size, MIME_DEPTH_MAX, &mime, &err));
    assert_true(mime_is_agreed(mime, &mime->parts[0]));
    char *subject = mem_printf("[XX-CERT-2026-000042] TLP:GREEN %s", draft.subject);
    for (size_t i = 0; i < 2; i++) { /* outside, and protected within */
        const struct mime_part *part = &mime->parts[i];
        assert_string_equal(mime_header_text(mime, part, "Subject"), subject);
        struct mime_address *people = mime_addresses(mime, part, "To", &count);
        assert_int_equal(count, ARRAY_SIZE(many));
        assert_non_null(strstr(mime_header(mime, part, "To", 0), "<greg@xn--bcher-kva.example>"));
        assert_string_equal(people[4].address, "\"b..oss\"@yy.example");
        for (size_t k = 0; k < 4; k++)
            many[k].name ? assert_string_equal(people[k].name, many[k].name) : assert_null(people[k].name);
        assert_string_equal(mime_header(mime, part, "Auto-Submitted", 0), "auto-replied");
        assert_string_equal(mime_header(mime, part, "Autocrypt", 0), "addr=incident@xx-cert.example; prefer-encrypt=mutual; keydata= mDME");
    }
    assert_string_equal(part_at(mime, "1.1.2")->name, files[0].name);
    assert_string_equal(part_at(mime, "1.1.2")->type, "text/csv");
    assert_string_equal(part_at(mime, "1.1.3")->name, ".._etc_passwd");
    assert_string_equal(part_at(mime, "1.1.3")->type, "application/octet-stream");
    assert_string_equal(part_at(mime, "1.1.4")->type, "application/octet-stream");
    assert_null(mime_header(mime, &mime->parts[0], "Bcc", 0));
    free(subject);
    mime_free(mime);
    buf_clear(&message);
}

/* Runs tests/support/mail-parts.py on the bytes; the caller frees. */
static char *python_reads(const struct buf *message)
{
    char name[] = "/tmp/mail-write-XXXXXX";
    int file = mkstemp(name);
    assert_true(file >= 0 && write(file, buf_text(message), message->size) == (ssize_t)message->size);
    close(file);
    char *command = mem_printf("python3 '%s/tests/support/mail-parts.py' <'%s' 2>&1", SOURCE_DIR, name);
    FILE *pipe = popen(command, "r");
    struct buf said;
    buf_init(&said, ROOM);
    char piece[4096];
    for (size_t size; (size = fread(piece, 1, sizeof piece, pipe)) > 0;)
        buf_add(&said, piece, size);
    if (pclose(pipe) != 0)
        fail_msg("%s", buf_text(&said));
    unlink(name);
    free(command);
    return said.bytes;
}

static void python_agrees(void **state)
{
    UNUSED(state);
    struct mail_draft draft = rich_draft();
    struct buf message, payload;
    if (system("python3 -c '' 2>/dev/null") != 0)
        skip();
    draft.text = "Bonjour,\n\nFrom here  \n.\n\xC3\xA9t\xC3\xA9 = summer\n";
    signed_message(&draft, &message);
    char *said = python_reads(&message);
    static const char *const lines[] = {
        ("\nTo: \"M\xC3\xBCller, Gr\xC3\xA9gory (CERT)\" <greg@xn--bcher-kva.example>, \"Doe, John \\\"JD\\\"\" <john.doe@yy.example>, "
         "plain@yy.example, "),
        "\nCc: Alice Example <alice@yy.example>\n",
        "\n    | TLP:GREEN\n    | \n    | Bonjour,\n    | \n    | From here  \n    | .\n    | \xC3\xA9t\xC3\xA9 = summer\n",
        "\n    name list \xE2\x82\xAC of hosts that answered on the twentieth of November in the second run.csv, 5 bytes\n",
        "\n    name .._etc_passwd, 3 bytes\n",
        "\n    name forward.eml, 15 bytes\n",
        "\n    Content-Language: fr-CA\n",
        "\n  name signature.asc, ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (!strstr(said, lines[i]))
            fail_msg("no \"%s\" in\n%s", lines[i], said);
    if (strstr(said, "BAD "))
        fail_msg("%s", said);
    char *subject = mem_printf("Subject: [XX-CERT-2026-000042] TLP:GREEN %s\n", draft.subject);
    assert_non_null(strstr(said, subject));
    free(subject);
    free(said);
    draft.is_encrypted = true;
    payload_of(&draft, &payload);
    said = python_reads(&payload);
    assert_non_null(strstr(said, "\nHP-Outer: Subject: [XX-CERT-2026-000042]\n"));
    assert_non_null(strstr(said, "hp-legacy-display=\"1\""));
    if (strstr(said, "BAD "))
        fail_msg("%s", said);
    free(said);
    buf_clear(&message);
    buf_clear(&payload);
}

static void lines_stay_short(void **state)
{
    UNUSED(state);
    struct mail_draft draft = rich_draft();
    struct buf message;
    draft.is_encrypted = true;
    signed_message(&draft, &message);
    for (const char *line = buf_text(&message), *end; (end = strstr(line, "\r\n")); line = end + 2)
        if (end - line > 78)
            fail_msg("%.*s", (int)(end - line), line);
    buf_clear(&message);
}

/* --- refusals --- */

static void hostile_values(void **state)
{
    UNUSED(state);
    static const struct mail_person injected[] = {{"x\r\nBcc: evil@zz.example", "a@yy.example"}};
    static const struct mail_person newline[] = {{"x", "a@yy.example\nBcc: evil@zz.example"}};
    static const struct mail_person local[] = {{"x", "b\xC3\xB6se@yy.example"}};
    static const struct mail_person lone[] = {{"x", "root"}};
    static const struct mail_person two[] = {{"x", "a@yy.example, b@zz.example"}};
    static const struct mail_person framed[] = {{"x", "Boss <a@yy.example>"}};
    static const struct mail_person quote[] = {{"x", "\"a\" b\"@yy.example"}};
    static const struct mail_person empty[] = {{"x", NULL}};
    static const struct mail_person escape[] = {{"x\x1b[31m", "a@yy.example"}};
    static const struct mail_write_file smuggled[] = {{"a\r\nBcc: x", NULL, "", 0}};
    static const struct mail_write_file unnamed[] = {{"", NULL, "", 0}};
    static const char *const ids[] = {"<1@x>\r\nBcc: y"};
    const struct {
        const char *what, *at, *text;
        struct mail_draft draft;
    } rows[] = {
#define ROW(what_, at_, text_, ...)                                                                                                        \
    {                                                                                                                                      \
        what_, at_, text_,                                                                                                                 \
        {                                                                                                                                  \
            .date = 0, __VA_ARGS__                                                                                                         \
        }                                                                                                                                  \
    }
        ROW("fields in a name", "To", "control character", .to = injected),
        ROW("fields in an address", "Cc", "control character", .cc = newline, .cc_count = 1),
        ROW("escape in a name", "From", "control character", .from = escape[0]),
        ROW("local part", "To", "RFC 6531", .to = local),
        ROW("no domain", "To", "is no mail address", .to = lone),
        ROW("two addresses", "To", "is no mail address", .to = two),
        ROW("name and address", "To", "there can be no such mail domain", .to = framed),
        ROW("broken quotes", "To", "is no mail address", .to = quote),
        ROW("no address", "To", "is no mail address", .to = empty),
        ROW("fields in the subject", "Subject", "control character", .subject = "a\r\nBcc: x"),
        ROW("lone CR in the subject", "Subject", "control character", .subject = "a\rBcc: x"),
        ROW("reference", "Subject", "control character", .reference = "X\n1"),
        ROW("subject that is no UTF-8", "Subject", "no UTF-8", .subject = "a\xFF"),
        ROW("Message-ID", "Message-ID", "<id@host>", .message_id = "1 2"),
        ROW("Message-ID with a line end", "Message-ID", "<id@host>", .message_id = "<1@x>\r\nX: y"),
        ROW("In-Reply-To", "In-Reply-To", "control character", .in_reply_to = ids[0]),
        ROW("References", "References", "control character", .references = ids, .reference_count = 1),
        ROW("language", "Content-Language", "language tag", .language = "fr\r\nX: y"),
        ROW("Auto-Submitted", "Auto-Submitted", "auto-replied", .auto_submitted = "no\r\nX: y"),
        ROW("file name", "Content-Disposition", "control character", .files = smuggled, .file_count = 1),
        ROW("file without a name", "attachment", "no name", .files = unnamed, .file_count = 1),
        ROW("text that is no UTF-8", "text", "no UTF-8", .text = "a\xC3("),
        ROW("no text", "text", "none", .text = " \n"),
        ROW("another label in the text", "text", "begins with TLP:GREEN, but the mail's label is TLP:AMBER", .label = "TLP:AMBER",
            .text = "TLP:green\n\nx"),
        ROW("a label in the text only", "text", "the mail's label is none", .text = "tlp:red x"),
#undef ROW
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf out;
        struct err err = {.code = ERR_NONE}, early = {.code = ERR_NONE};
        buf_init(&out, ROOM);
        struct mail_draft draft = rows[i].draft;
        draft.from = draft.from.address ? draft.from : simple.from;
        draft.to = draft.to ? draft.to : to_one;
        draft.to_count = 1;
        draft.message_id = draft.message_id ? draft.message_id : "<1@x>";
        draft.text = draft.text ? draft.text : "x";
        if (mail_write_payload(&draft, &out, &err))
            fail_msg("%s: taken", rows[i].what);
        if (mail_write_check(&draft, &early) || strcmp(err.text, early.text) != 0)
            fail_msg("%s: check says \"%s\", payload \"%s\"", rows[i].what, early.text, err.text);
        if (err.code != ERR_INPUT || !strstr(err.text, rows[i].text) || strcmp(err.at, rows[i].at) != 0)
            fail_msg("%s: \"%s\": \"%s\"", rows[i].what, err.at, err.text);
        buf_clear(&out);
    }
}

static void too_large(void **state)
{
    UNUSED(state);
    struct err err;
    struct buf out;
    buf_init(&out, 200);
    assert_false(mail_write_payload(&simple, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_reset(&out);
    assert_false(mail_write_message(&simple, "Content-Type: text/plain\r\n\r\nx", 29, &out, &err));
    buf_clear(&out);
}

/* The payload is not sent as it is; a signature is what it says. */
static void layers_refuse(void **state)
{
    UNUSED(state);
    struct err err;
    struct buf payload, out;
    payload_of(&simple, &payload);
    buf_init(&out, ROOM);
    assert_false(mail_write_message(&simple, buf_text(&payload), payload.size, &out, &err));
    assert_false(
        mail_write_signed(MAIL_WRITE_OPENPGP, "x", 1, ARMOURED_SIGNATURE, strlen(ARMOURED_SIGNATURE), "SHA1", "<1@x>", &out, &err));
    assert_non_null(strstr(err.text, "SHA1"));
    assert_false(mail_write_signed(MAIL_WRITE_OPENPGP, "x", 1, "\x88\x75", 2, "SHA256", "<1@x>", &out, &err));
    assert_false(mail_write_encrypted(MAIL_WRITE_OPENPGP, "Hello", 5, "<1@x>", &out, &err));
    assert_false(mail_write_signed(MAIL_WRITE_OPENPGP, "=_signed_797f81f4165651c8", 25, ARMOURED_SIGNATURE, strlen(ARMOURED_SIGNATURE),
                                   "SHA256", "<x@y>", &out, &err));
    buf_clear(&payload);
    buf_clear(&out);
}

/* What came from outside and cannot be written is left out; a long thread keeps its first and its last. */
static void ids_from_outside(void **state)
{
    UNUSED(state);
    const char *ids[40];
    struct mail_draft draft = simple;
    struct buf payload;
    draft.in_reply_to = "<an id@x>";
    draft.references = ids;
    draft.reference_count = ARRAY_SIZE(ids);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = mem_printf("<%zu@x>", i);
    payload_of(&draft, &payload);
    assert_null(strstr(buf_text(&payload), "In-Reply-To"));
    assert_non_null(strstr(buf_text(&payload), "References: <0@x> <21@x> <22@x>"));
    assert_non_null(strstr(buf_text(&payload), "<39@x>\r\n"));
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        free((void *)ids[i]);
    buf_clear(&payload);
}

static void no_recipient_in_sight(void **state)
{
    UNUSED(state);
    struct mail_draft draft = simple;
    struct buf payload;
    draft.to_count = 0;
    payload_of(&draft, &payload);
    assert_non_null(strstr(buf_text(&payload), "\r\nTo: undisclosed-recipients:;\r\n"));
    buf_clear(&payload);
}

/* --- subjects, quotes --- */

static void subjects(void **state)
{
    UNUSED(state);
    static const struct {
        const char *theirs, *reply;
    } replies[] = {
        {"Phishing", "Re: Phishing"},
        {"Re: RE: Fwd: AW: Phishing", "Re: Phishing"},
        {"Re[2]: [XX-CERT-2026-000042] TLP:AMBER Re: Phishing", "Re: Phishing"},
        {"\xE5\x9B\x9E\xE5\xA4\x8D\xEF\xBC\x9A x", "Re: x"},
        {"[YY-CERT-2026-000001] x", "Re: [YY-CERT-2026-000001] x"},
        {"Report: x", "Re: Report: x"},
        {"a\x1b[31m\xE2\x80\xAE", "Re: a\xEF\xBF\xBD[31m\xEF\xBF\xBD"},
        {"TLP:AMBER+STRICT x", "Re: x"},
        {"tlp:nonsense x", "Re: tlp:nonsense x"},
        {"", "Re: "},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        buf_reset(&out);
        mail_write_reply_subject(replies[i].theirs, "XX-CERT-2026-000042", &out);
        assert_string_equal(buf_text(&out), replies[i].reply);
    }
    struct mail_draft draft = simple;
    draft.subject = "[XX-CERT-2026-000042] TLP:AMBER+STRICT x";
    buf_reset(&out);
    mail_write_subject(&draft, false, &out);
    assert_string_equal(buf_text(&out), "[XX-CERT-2026-000042] TLP:GREEN x");
    draft.subject = "Re: [XX-CERT-2026-000042] x [YY-CERT-2026-000001]";
    buf_reset(&out);
    mail_write_subject(&draft, false, &out);
    assert_string_equal(buf_text(&out), "[XX-CERT-2026-000042] TLP:GREEN Re: x [YY-CERT-2026-000001]");
    draft.is_encrypted = true;
    draft.reference = NULL;
    buf_reset(&out);
    mail_write_subject(&draft, true, &out);
    assert_string_equal(buf_text(&out), "[...]");
    buf_clear(&out);
}

static void quotes(void **state)
{
    UNUSED(state);
    struct mail_quote quote = {.name = "Alice\r\n",
                               .address = "alice@yy.example",
                               .date = simple.date,
                               .text = "Hello  \n\n> older\nred: \x1b[31m \xE2\x80\xAEgnp.exe\n\n \n-- \nAlice\n",
                               .lines_max = 10};
    struct buf out;
    buf_init(&out, 10000);
    assert_true(mail_write_quote(&quote, &out));
    assert_string_equal(buf_text(&out), "2026-11-20 10:12 UTC, Alice\\r\\n <alice@yy.example>:\n> Hello\n>\n>> older\n"
                                        "> red: \xEF\xBF\xBD[31m \xEF\xBF\xBDgnp.exe\n");
    quote.lines_max = 2;
    quote.name = NULL;
    buf_reset(&out);
    assert_true(mail_write_quote(&quote, &out));
    assert_string_equal(buf_text(&out), "2026-11-20 10:12 UTC, <alice@yy.example>:\n> Hello\n> [...]\n");
    buf_clear(&out);
    buf_init(&out, 20);
    assert_false(mail_write_quote(&quote, &out));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_signed),
        cmocka_unit_test(golden_encrypted),
        cmocka_unit_test(golden_smime),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(signed_bytes_are_the_payload),
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(python_agrees),
        cmocka_unit_test(lines_stay_short),
        cmocka_unit_test(hostile_values),
        cmocka_unit_test(too_large),
        cmocka_unit_test(layers_refuse),
        cmocka_unit_test(ids_from_outside),
        cmocka_unit_test(no_recipient_in_sight),
        cmocka_unit_test(subjects),
        cmocka_unit_test(quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
