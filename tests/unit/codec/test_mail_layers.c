/* Which layers hold the message, and which only a part of it; and what an opened mail looks like. | is CRLF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "codec/mail_layers.h"

#define HEAD "From: Alice <Alice@YY.example>|Subject: x|"
#define SIGNED_AS(protocol, type, boundary, inner)                                                                                         \
    "Content-Type: multipart/signed; " protocol "boundary=" boundary "||--" boundary "|" inner "|--" boundary "|Content-Type: " type       \
    "||SIG|--" boundary "--|"
#define SIGNED(boundary, inner) SIGNED_AS("protocol=\"application/pgp-signature\"; ", "application/pgp-signature", boundary, inner)
#define SMIME(boundary, inner)  SIGNED_AS("protocol=\"application/pkcs7-signature\"; ", "application/pkcs7-signature", boundary, inner)
/* Real first packets: a session key and protected data; a one-pass signature; compressed data; a signature; a literal. */
#define ARMOUR(what, data) "-----BEGIN PGP " what "-----||" data "|-----END PGP " what "-----|"
#define CIPHER             ARMOUR("MESSAGE", "hAIDANIBAA==")
#define ONE_PASS           ARMOUR("MESSAGE", "kAEDywEA")
#define PACKED             ARMOUR("MESSAGE", "owECAw==")
#define LITERAL            ARMOUR("MESSAGE", "ywEA")
#define PUBLIC_KEY         ARMOUR("PUBLIC KEY BLOCK", "mAEE")
#define PGP_SIGNATURE      ARMOUR("SIGNATURE", "iAEE")
#define CLEAR(text)        "-----BEGIN PGP SIGNED MESSAGE-----|Hash: SHA256||" text "|" PGP_SIGNATURE
#define SEALED_IN(boundary, message)                                                                                                       \
    "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=" boundary "||--" boundary                        \
    "|Content-Type: application/pgp-encrypted||Version: 1|--" boundary "|Content-Type: application/octet-stream||" message "--" boundary   \
    "--|"
#define SEALED(boundary)         SEALED_IN(boundary, CIPHER)
#define TEXT_PLAIN               "Content-Type: text/plain"
#define TEXT                     TEXT_PLAIN "||text|"
#define MIXED(parts)             "Content-Type: multipart/mixed; boundary=m||--m|" parts "|--m--|"
#define AND                      "|--m|"
#define FILE_PART(name, content) "Content-Type: application/octet-stream; name=\"" name "\"|Content-Disposition: attachment||" content
#define CMS(parameters, data)                                                                                                              \
    "Content-Type: application/pkcs7-mime" parameters "|Content-Transfer-Encoding: base64|Content-Disposition: attachment||" data "|"
/* ContentInfo with content and signers; the same in BER with indefinite lengths; without content; certificates only; ... */
#define CMS_OPAQUE     "MC8GCSqGSIb3DQEHAqAiMCACAQExAjAAMBAGCSqGSIb3DQEHAaADBAF4MQUwAwIBAQ=="
#define CMS_OPAQUE_BER "MIAGCSqGSIb3DQEHAqCAMIACAQExAjAAMIAGCSqGSIb3DQEHAaCAJIAEAXgAAAAAAAAxgDADAgEBAAAAAAAAAAA="
#define CMS_DETACHED   "MCoGCSqGSIb3DQEHAqAdMBsCAQExAjAAMAsGCSqGSIb3DQEHATEFMAMCAQE="
#define CMS_CERTS      "MCUGCSqGSIb3DQEHAqAYMBYCAQExAjAAMAsGCSqGSIb3DQEHATEA"
#define CMS_ENVELOPED  "MA8GCSqGSIb3DQEHA6ACMAA="
#define CMS_AUTH       "MBEGCyqGSIb3DQEJEAEXoAIwAA=="
#define CMS_COMPRESSED "MIAGCyqGSIb3DQEJEAEJoIAwgAAAAAAAAA=="

static char *with_crlf(const char *text, size_t *size)
{
    struct buf out;
    buf_init(&out, 1024 * 1024);
    for (; *text; text++)
        *text == '|' ? buf_add_text(&out, "\r\n") : buf_add_char(&out, *text);
    *size = out.size;
    return out.bytes;
}

static struct mail_layers *layers_of(const char *text)
{
    struct mail_layers *layers;
    struct err err;
    size_t size;
    char *bytes = with_crlf(text, &size);
    if (!mail_layers_read(bytes, size, &codec_limits_default, NULL, &layers, &err))
        fail_msg("%s: %s", err.at, err.text);
    free(bytes);
    return layers;
}

/* Each layer as kind and path; "!" the envelope, "?" not sound, "+" closed and openable, "-" closed for good. S/MIME's kinds begin with s/.
 */
static void expect_layers(const char *what, const char *mail, const char *wanted)
{
    struct mail_layers *layers = layers_of(mail);
    struct buf seen;
    buf_init(&seen, 1000);
    for (size_t i = 0; i < layers->count; i++) {
        const struct mail_layer *layer = &layers->layers[i];
        buf_printf(&seen, "%s%s%s:%s%s%s%s", i ? " " : "", layer->protocol == MAIL_SMIME ? "s/" : "", mail_layer_kind_name(layer->kind),
                   layer->path, layer->is_envelope ? "!" : "", layer->is_sound ? "" : "?",
                   layer->is_openable ? "+"
                   : layer->is_closed ? "-"
                                      : "");
        assert_true(layer->is_sound == !layer->problem);
        assert_true(layer->is_sound == (layer->content != NULL));
        assert_true((layer->signature != NULL) == (layer->is_sound && !layer->is_closed));
    }
    if (strcmp(buf_text(&seen), wanted) != 0)
        fail_msg("%s: %s, not %s", what, buf_text(&seen), wanted);
    buf_clear(&seen);
    mail_layers_free(layers);
}

struct row {
    const char *what, *mail, *layers;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_layers(rows[i].what, rows[i].mail, rows[i].layers);
}

static void test_multiparts(void **state)
{
    static const struct row rows[] = {
        {"plain", HEAD TEXT, ""},
        {"signed", HEAD SIGNED("a", TEXT), "signed:1!"},
        {"encrypted", HEAD SEALED("a"), "encrypted:1!+"},
        {"signed around encrypted", HEAD SIGNED("a", SEALED("b")), "signed:1! encrypted:1.1!+"},
        {"signed twice", HEAD SIGNED("a", SIGNED("b", TEXT)), "signed:1! signed:1.1!"},
        {"signed part behind a prepended one", HEAD MIXED(TEXT AND SIGNED("a", TEXT)), "signed:1.2"},
        {"signed part alone in a wrapper", HEAD MIXED(SIGNED("a", TEXT)), "signed:1.1"},
        {"signed mail forwarded", HEAD "Content-Type: message/rfc822||" HEAD SIGNED("a", TEXT), "signed:1.1"},
        {"a forwarded signed mail, signed", HEAD SIGNED("a", "Content-Type: message/rfc822||" HEAD SIGNED("b", TEXT)),
         "signed:1! signed:1.1.1"},
        {"encrypted part beside text", HEAD MIXED(TEXT AND SEALED("a")), "encrypted:1.2-"},
        {"a third part within the signed one",
         HEAD "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=a||--a|" TEXT "|--a|" TEXT
              "|--a|Content-Type: application/pgp-signature||SIG|--a--|",
         "signed:1?"},
        {"no signature part",
         HEAD "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=a||--a|" TEXT "|--a|" TEXT "|--a--|",
         "signed:1?"},
        {"end cut off",
         HEAD "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=a||--a|" TEXT
              "|--a|Content-Type: application/pgp-signature||SIG|",
         "signed:1?"},
        {"protocol missing", HEAD SIGNED_AS("", "application/pgp-signature", "a", TEXT), "signed:1!"},
        {"protocol in capitals", HEAD SIGNED_AS("protocol=Application/PGP-Signature; ", "Application/PGP-signature", "a", TEXT),
         "signed:1!"},
        {"another protocol than the signature's",
         HEAD SIGNED_AS("protocol=\"application/pkcs7-signature\"; ", "application/pgp-signature", "a", TEXT), "s/signed:1?"},
        {"a protocol nobody knows", HEAD SIGNED_AS("protocol=application/moss-signature; ", "application/moss-signature", "a", TEXT), ""},
        {"encrypted, but what it holds is not", HEAD SEALED_IN("a", LITERAL), "encrypted:1?-"},
        {"encrypted, but it is only signed", HEAD SEALED_IN("a", ONE_PASS), "encrypted:1?-"},
        {"as Exchange leaves it",
         HEAD MIXED("Content-Type: text/plain|||" AND
                    "Content-Type: application/pgp-encrypted||Version: 1" AND FILE_PART("encrypted.asc", CIPHER)),
         "encrypted:1!+"},
        {"the same with text",
         HEAD MIXED(TEXT AND "Content-Type: application/pgp-encrypted||Version: 1" AND FILE_PART("encrypted.asc", CIPHER)),
         "encrypted:1.3+"},
    };
    UNUSED(state);
    expect_rows(rows, ARRAY_SIZE(rows));
}

static void test_smime(void **state)
{
    static const struct row rows[] = {
        {"detached", HEAD SMIME("a", TEXT), "s/signed:1!"},
        {"detached, old names", HEAD SIGNED_AS("protocol=\"application/x-pkcs7-signature\"; ", "application/pkcs7-signature", "a", TEXT),
         "s/signed:1!"},
        {"content in the detached signature",
         HEAD "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=a||--a|" TEXT
              "|--a|Content-Type: application/pkcs7-signature|Content-Transfer-Encoding: base64||" CMS_OPAQUE "|--a--|",
         "s/signed:1?"},
        {"enveloped", HEAD CMS("; smime-type=enveloped-data; name=smime.p7m", CMS_ENVELOPED), "s/encrypted:1!+"},
        {"opaque", HEAD CMS("; smime-type=signed-data", CMS_OPAQUE), "s/signed:1!+"},
        {"what smime-type says counts for nothing", HEAD CMS("; smime-type=enveloped-data", CMS_OPAQUE), "s/signed:1!+"},
        {"smime-type missing, BER", HEAD CMS("", CMS_OPAQUE_BER), "s/signed:1!+"},
        {"authEnveloped", HEAD CMS("; smime-type=authEnveloped-data", CMS_AUTH), "s/encrypted:1!+"},
        {"compressed", HEAD CMS("; smime-type=compressed-data", CMS_COMPRESSED), "s/compressed:1!+"},
        {"certificates only", HEAD CMS("; smime-type=certs-only", CMS_CERTS), ""},
        {"certificates only, unsaid", HEAD CMS("", CMS_CERTS), ""},
        {"opaque without content", HEAD CMS("; smime-type=signed-data", CMS_DETACHED), "s/signed:1?-"},
        {"no CMS", HEAD CMS("; smime-type=signed-data", "SGVsbG8="), "s/signed:1?-"},
        {"octet-stream, as Outlook sends",
         HEAD "Content-Type: application/octet-stream; name=\"smime.p7m\"|Content-Transfer-Encoding: base64||" CMS_ENVELOPED "|",
         "s/encrypted:1!+"},
        {"octet-stream that only has the name", HEAD "Content-Type: application/octet-stream; name=\"smime.p7m\"||hello|", ""},
        {"triple wrap, from outside", HEAD SMIME("a", CMS("", CMS_ENVELOPED)), "s/signed:1! s/encrypted:1.1!+"},
        {"PGP inside S/MIME", HEAD SMIME("a", SEALED("b")), "s/signed:1! encrypted:1.1!+"},
        {"S/MIME inside PGP", HEAD SIGNED("a", CMS("", CMS_ENVELOPED)), "signed:1! s/encrypted:1.1!+"},
        {"enveloped part beside text", HEAD MIXED(TEXT AND CMS("; name=smime.p7m", CMS_ENVELOPED)), "s/encrypted:1.2-"},
        {"opaque part behind a list's text", HEAD MIXED(CMS("", CMS_OPAQUE) AND TEXT), "s/signed:1.1+"},
    };
    UNUSED(state);
    expect_rows(rows, ARRAY_SIZE(rows));
}

static void test_inline(void **state)
{
    static const struct row rows[] = {
        {"clear-signed", HEAD "|" CLEAR("hello"), "signed:1!"},
        {"with blank lines around", HEAD TEXT_PLAIN "|| | " CLEAR("hello") "||", ""},
        {"with blank lines around", HEAD TEXT_PLAIN "|| |" CLEAR("hello") "||", "signed:1!"},
        {"text in front", HEAD "|hi|" CLEAR("hello"), "signed:1#1"},
        {"text behind", HEAD "|" CLEAR("hello") "hi|", "signed:1#1"},
        {"two", HEAD "|" CLEAR("hello") CLEAR("again"), "signed:1#1 signed:1#2"},
        {"quoted", HEAD "|> -----BEGIN PGP SIGNED MESSAGE-----|> ||> hello|", ""},
        {"encrypted", HEAD "|" CIPHER, "encrypted:1!+"},
        {"encrypted, text in front", HEAD "|hi|" CIPHER, "encrypted:1#1+"},
        {"encrypted block in HTML",
         HEAD "Content-Type: text/html||<div>-----BEGIN PGP MESSAGE-----</div><br>&nbsp;<br>hAIDANIBAA==<br>-----END PGP MESSAGE-----",
         "encrypted:1#1+"},
        {"clear-signed block in HTML", HEAD "Content-Type: text/html||<pre>|" CLEAR("hello") "</pre>", ""},
        {"encrypted, transfer-encoded",
         HEAD "Content-Transfer-Encoding: quoted-printable||-----BEGIN PGP MESSAGE-----||hAIDANIBAA=3D=3D|-----END PGP MESSAGE-----|",
         "encrypted:1!+"},
        {"a signed message, not clear", HEAD "|" ONE_PASS, "signed:1!+"},
        {"a compressed one", HEAD "|" PACKED, "signed:1!+"},
        {"a literal protects nothing", HEAD "|" LITERAL, ""},
        {"a key is no layer", HEAD "|" PUBLIC_KEY, ""},
        {"a key behind the signed text", HEAD "|" CLEAR("hello") PUBLIC_KEY, "signed:1#1"},
        {"no end", HEAD "|-----BEGIN PGP SIGNED MESSAGE-----|Hash: SHA256||hello|", "signed:1?"},
        {"text among the armour headers", HEAD "|-----BEGIN PGP SIGNED MESSAGE-----|Hash: SHA256|Pay Eve||hello|" PGP_SIGNATURE,
         "signed:1?"},
        {"text as hash", HEAD "|-----BEGIN PGP SIGNED MESSAGE-----|Hash: SHA256; pay Eve||hello|" PGP_SIGNATURE, "signed:1?"},
        {"a blank line that is not empty", HEAD "|-----BEGIN PGP SIGNED MESSAGE-----| ||hello|" PGP_SIGNATURE, "signed:1?"},
        {"dashes not escaped", HEAD "|" CLEAR("-hello"), "signed:1?"},
        {"inside a signed part", HEAD SIGNED("a", TEXT_PLAIN "||" CIPHER), "signed:1! encrypted:1.1!+"},
        {"in one alternative", HEAD MIXED(TEXT_PLAIN "||" CIPHER AND TEXT), "encrypted:1.1+"},
    };
    UNUSED(state);
    expect_rows(rows, ARRAY_SIZE(rows));
}

static void test_files(void **state)
{
    static const struct row rows[] = {
        {"encrypted file", HEAD MIXED(TEXT AND FILE_PART("report.csv.gpg", CIPHER)), "encrypted:1.2+"},
        {"binary",
         HEAD MIXED(TEXT AND "Content-Type: application/octet-stream; name=r.gpg|Content-Transfer-Encoding: base64||hAIDANIBAA==|"),
         "encrypted:1.2+"},
        {"binary by chance",
         HEAD MIXED(TEXT AND "Content-Type: application/octet-stream; name=r.png|Content-Transfer-Encoding: base64||hAIDANIBAA==|"), ""},
        {"signed file", HEAD MIXED(TEXT AND FILE_PART("report.csv.asc", ONE_PASS)), "signed:1.2+"},
        {"clear-signed file", HEAD MIXED(TEXT AND FILE_PART("report.txt.asc", CLEAR("hello"))), "signed:1.2"},
        {"signature beside its file", HEAD MIXED(TEXT AND FILE_PART("r.csv", "data|") AND FILE_PART("r.csv.sig", PGP_SIGNATURE)),
         "signed:1.3"},
        {"signature without its file", HEAD MIXED(TEXT AND FILE_PART("r.csv", "data|") AND FILE_PART("q.csv.sig", PGP_SIGNATURE)), ""},
        {"a key", HEAD MIXED(TEXT AND FILE_PART("alice.asc", PUBLIC_KEY)), ""},
        {"nothing but an encrypted file", HEAD FILE_PART("report.gpg", CIPHER), "encrypted:1+"},
    };
    UNUSED(state);
    expect_rows(rows, ARRAY_SIZE(rows));
}

static void test_file_bytes(void **state)
{
    UNUSED(state);
    struct mail_layers *layers = layers_of(HEAD MIXED(FILE_PART("r.csv", "data") AND FILE_PART("r.csv.sig", PGP_SIGNATURE)));
    const struct mail_layer *layer = mail_layers_find(layers, "1.2");
    assert_non_null(layer);
    assert_string_equal(layer->covered_path, "1.1");
    assert_string_equal(layer->name, "r.csv");
    assert_int_equal(layer->content_size, 4);
    assert_true(str_starts(layer->signature, "-----BEGIN PGP SIGNATURE-----"));
    mail_layers_free(layers);
    layers = layers_of(HEAD MIXED("Content-Type: text/csv; name=r.csv||a|b" AND FILE_PART("r.csv.sig", PGP_SIGNATURE)));
    layer = mail_layers_find(layers, "1.2");
    assert_non_null(layer);
    assert_int_equal(layer->content_size, 3);
    assert_memory_equal(layer->content, "a\nb", 3);
    mail_layers_free(layers);
}

/* What is verified is what is shown: escapes undone, blanks at line ends gone, no line end behind the last line. */
static void test_clear_text(void **state)
{
    UNUSED(state);
    struct mail_layers *layers = layers_of(HEAD "|" CLEAR("- - dash \t|- From me||last"));
    assert_int_equal(layers->count, 1);
    assert_int_equal(layers->layers[0].content_size, 23);
    assert_memory_equal(layers->layers[0].content, "- dash\r\nFrom me\r\n\r\nlast", 23);
    mail_layers_free(layers);
}

/* Signatures around signatures cover the same bytes again; nobody may make us copy them a hundred times. */
static void test_copies_are_bounded(void **state)
{
    struct buf mail;
    UNUSED(state);
    buf_init(&mail, 4 * 1024 * 1024);
    buf_add_text(&mail, HEAD "Content-Type: multipart/mixed; boundary=m||--m|" FILE_PART("r", ""));
    for (int i = 0; i < 100000; i++)
        buf_add_text(&mail, "0123456789");
    for (int i = 0; i < 90; i++)
        buf_add_text(&mail, AND FILE_PART("r.sig", PGP_SIGNATURE));
    buf_add_text(&mail, "|--m--|");
    struct mail_layers *layers = layers_of(mail.bytes);
    size_t kept = 0;
    for (size_t i = 0; i < layers->count; i++)
        kept += layers->layers[i].content_size;
    assert_int_equal(layers->count, 90);
    assert_true(kept > 0 && kept <= 5 * mail.size);
    mail_layers_free(layers);
    buf_clear(&mail);
}

static void test_bytes(void **state)
{
    UNUSED(state);
    struct mail_layers *layers = layers_of(HEAD SIGNED("a", TEXT));
    assert_int_equal(layers->layers[0].content_size, 34);
    assert_memory_equal(layers->layers[0].content, "Content-Type: text/plain\r\n\r\ntext\r\n", 34);
    assert_int_equal(layers->layers[0].signature_size, 3);
    assert_memory_equal(layers->layers[0].signature, "SIG", 3);
    mail_layers_free(layers);
    layers = layers_of(HEAD SEALED("a"));
    assert_true(str_starts(layers->layers[0].content, "-----BEGIN PGP MESSAGE-----\r\n\r\nhAIDANIBAA==\r\n-----END PGP MESSAGE-----"));
    mail_layers_free(layers);
}

static void test_from(void **state)
{
    static const struct {
        const char *mail, *from;
    } rows[] = {
        {"From: Alice <Alice@YY.example>||", "alice@yy.example"},
        {"From: \"boss@xx.example\" <alice@yy.example>||", "alice@yy.example"},
        {"From: alice@yy.example (boss@xx.example)||", "alice@yy.example"},
        {"From: alice@yy.example, bob@yy.example||", "alice@yy.example bob@yy.example"},
        {"From: alice@yy.example|From: bob@yy.example||", "alice@yy.example bob@yy.example"},
        {"From: group: alice@yy.example, bob@yy.example;||", "alice@yy.example bob@yy.example"},
        /* two readings: never one address */
        {"From: boss@xx.example <alice@yy.example>||", "alice@yy.example "},
        {"To: alice@yy.example||", ""},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_layers *layers = layers_of(rows[i].mail);
        struct buf seen;
        buf_init(&seen, 1000);
        for (size_t k = 0; k < layers->from_count; k++)
            buf_printf(&seen, "%s%s", k ? " " : "", layers->from[k]);
        assert_string_equal(buf_text(&seen), rows[i].from);
        buf_clear(&seen);
        mail_layers_free(layers);
    }
}

struct step {
    struct mail_hints hints;
    struct buf mail;
};

/* Opens the closed envelope layer at path with what is clear in it (| is CRLF). */
static void open_step(struct step *step, const char *path, const char *clear)
{
    struct buf next;
    struct err err;
    size_t clear_size;
    char *bytes = with_crlf(clear, &clear_size);
    buf_init(&next, 1024 * 1024);
    if (!mail_layers_open(step->mail.bytes, step->mail.size, path, bytes, clear_size, &step->hints.inside, &next, &err))
        fail_msg("%s: %s", err.at, err.text);
    buf_clear(&step->mail);
    step->mail = next;
    free(bytes);
}

static void expect_step(const struct step *step, const char *path, const char *protected_subject)
{
    struct mail_layers *layers;
    struct err err;
    assert_true(mail_layers_read(step->mail.bytes, step->mail.size, &codec_limits_default, &step->hints.inside, &layers, &err));
    const struct mail_layer *closed = mail_layers_closed(layers);
    if (!str_equal(closed ? closed->path : NULL, path))
        fail_msg("closed is %s, not %s, in\n%s", closed ? closed->path : "nothing", path ? path : "nothing", step->mail.bytes);
    if (!str_equal(layers->protected.subject, protected_subject))
        fail_msg("inner subject is %s", layers->protected.subject ? layers->protected.subject : "absent");
    mail_layers_free(layers);
}

static void start(struct step *step, const char *mail)
{
    size_t size;
    char *bytes = with_crlf(mail, &size);
    *step = (struct step){.hints = {.opened_count = 0}};
    buf_init(&step->mail, 1024 * 1024);
    buf_add(&step->mail, bytes, size);
    free(bytes);
}

#define INNER "From: Boss <boss@xx.example>|Subject: secret|Content-Type: text/plain; charset=utf-8; hp=\"cipher\"||clear|"

/* The outer header stays, without what says how to read the content; the inner one is kept apart. */
static void test_opened(void **state)
{
    struct step step;
    UNUSED(state);
    start(&step, "Received: z|" HEAD "X-Cirt-Inside-Subject: forged|MIME-Version: 1.0|" SEALED("a"));
    expect_step(&step, "1", NULL);
    open_step(&step, "1", INNER);
    assert_string_equal(step.mail.bytes,
                        "Received: z\r\nFrom: Alice <Alice@YY.example>\r\nSubject: x\r\nX-Cirt-Inside-From: Boss <boss@xx.example>\r\n"
                        "X-Cirt-Inside-Subject: secret\r\nContent-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\n\r\nclear\r\n");
    assert_true(step.hints.inside.is_encrypted && !step.hints.inside.is_signed && step.hints.inside.steps == 1);
    expect_step(&step, NULL, "secret");
    buf_clear(&step.mail);
    start(&step, HEAD SEALED("a"));
    open_step(&step, "1", "no header");
    assert_true(str_ends(step.mail.bytes, "Subject: x\r\n\r\nno header"));
    buf_clear(&step.mail);
}

static void test_open_refuses(void **state)
{
    static const struct {
        const char *mail, *path;
    } rows[] = {
        {HEAD MIXED(SEALED("a")), "1.1"},     {HEAD MIXED(TEXT AND FILE_PART("r.gpg", CIPHER)), "1.2"},
        {HEAD "|hi|" CIPHER, "1#1"},          {HEAD SIGNED("a", TEXT), "1"},
        {HEAD SIGNED("a", SEALED("b")), "1"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct step step;
        struct buf out;
        struct err err;
        start(&step, rows[i].mail);
        buf_init(&out, 10000);
        if (mail_layers_open(step.mail.bytes, step.mail.size, rows[i].path, "x", 1, &step.hints.inside, &out, &err))
            fail_msg("opened: %s", rows[i].mail);
        assert_int_equal(err.code, ERR_INPUT);
        assert_int_equal(step.hints.inside.steps, 0);
        buf_clear(&out);
        buf_clear(&step.mail);
    }
    struct step step;
    struct buf out;
    struct err err;
    start(&step, HEAD SEALED("a"));
    buf_init(&out, 20);
    assert_false(mail_layers_open(step.mail.bytes, step.mail.size, "1", "clear", 5, &step.hints.inside, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&out);
    buf_clear(&step.mail);
}

static void test_step_by_step(void **state)
{
    struct step step;
    UNUSED(state);
    /* sign(encrypt(sign(x))), PGP */
    start(&step, HEAD SIGNED("a", SEALED("b")));
    expect_step(&step, "1.1", NULL);
    open_step(&step, "1.1", SIGNED("c", INNER));
    assert_true(step.hints.inside.is_signed && step.hints.inside.is_encrypted);
    expect_step(&step, NULL, "secret");
    buf_clear(&step.mail);
    /* S/MIME: encrypt(opaque(compress(x))) */
    start(&step, HEAD CMS("", CMS_ENVELOPED));
    expect_step(&step, "1", NULL);
    open_step(&step, "1", CMS("", CMS_OPAQUE_BER));
    assert_false(step.hints.inside.is_signed);
    expect_step(&step, "1", NULL);
    open_step(&step, "1", CMS("", CMS_COMPRESSED));
    assert_true(step.hints.inside.is_signed);
    expect_step(&step, "1", NULL);
    open_step(&step, "1", INNER);
    assert_int_equal(step.hints.inside.steps, 3);
    expect_step(&step, NULL, "secret");
    buf_clear(&step.mail);
    /* inline: encrypt(clear-sign(x)) */
    start(&step, HEAD "Content-Type: text/plain; charset=koi8-r||" CIPHER);
    expect_step(&step, "1", NULL);
    open_step(&step, "1", CLEAR("\xf0\xf2\xe9"));
    expect_layers("clear-signed inside", "From: a@b.example|Content-Type: text/plain; charset=koi8-r||" CLEAR("\xf0\xf2\xe9"), "signed:1!");
    assert_non_null(strstr(step.mail.bytes, "charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n\r\n-----BEGIN PGP SIGNED"));
    expect_step(&step, NULL, NULL);
    buf_clear(&step.mail);
}

struct protected_row {
    const char *mail, *subject, *from_address;
    bool from_differs, subject_differs;
    const char *fields;
};

static void test_protected(void **state)
{
    static const struct protected_row rows[] = {
        {HEAD SIGNED("a", "Subject: real|From: Alice <alice@yy.example>|HP-Outer: Subject: x|Content-Type: text/plain; hp=clear||t|"),
         "real", "alice@yy.example", false, true, "Subject From"},
        {HEAD SIGNED("a", "Subject: x|From: eve@zz.example|Content-Type: text/plain; protected-headers=v1||t|"), "x", "eve@zz.example",
         true, false, "Subject From"},
        {HEAD SIGNED("a", "Subject: x|From: a@b.example, alice@yy.example|Content-Type: text/plain; hp=clear||t|"), "x", NULL, true, false,
         "Subject From"},
        /* without the parameter they are no protected headers */
        {HEAD SIGNED("a", "Subject: real|Content-Type: text/plain||t|"), NULL, NULL, false, false, ""},
        /* outside of an envelope they are nothing */
        {HEAD "Content-Type: text/plain; hp=clear||t|", NULL, NULL, false, false, ""},
        {HEAD MIXED(SIGNED("a", "Subject: real|Content-Type: text/plain; hp=clear||t|")), NULL, NULL, false, false, ""},
        /* not on the payload itself */
        {HEAD SIGNED("a", MIXED("Subject: real|Content-Type: text/plain; hp=clear||t|")), NULL, NULL, false, false, ""},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mail_layers *layers = layers_of(rows[i].mail);
        const struct mail_protected *inside = &layers->protected;
        struct buf fields;
        buf_init(&fields, 1000);
        for (size_t k = 0; k < inside->field_count; k++)
            buf_printf(&fields, "%s%s", k ? " " : "", inside->fields[k]);
        if (!str_equal(inside->subject, rows[i].subject) || !str_equal(inside->from_address, rows[i].from_address) ||
            inside->from_differs != rows[i].from_differs || inside->subject_differs != rows[i].subject_differs ||
            strcmp(buf_text(&fields), rows[i].fields) != 0)
            fail_msg("row %zu: %s by %s, covered: %s", i, inside->subject, inside->from_address, buf_text(&fields));
        buf_clear(&fields);
        mail_layers_free(layers);
    }
}

/* The same payload is the same whatever the way put around it; another is another. */
static void test_payload_hash(void **state)
{
    static const char *const same[] = {HEAD SIGNED("a", TEXT), "Received: elsewhere|" HEAD SIGNED("b", TEXT)};
    UNUSED(state);
    struct mail_layers *first = layers_of(same[0]), *second = layers_of(same[1]), *other = layers_of(HEAD SIGNED("a", TEXT "more|"));
    assert_int_equal(strlen(first->payload_sha256), 64);
    assert_string_equal(first->payload_sha256, second->payload_sha256);
    assert_string_not_equal(first->payload_sha256, other->payload_sha256);
    mail_layers_free(first);
    mail_layers_free(second);
    mail_layers_free(other);
    char seen[3][65];
    static const char *const heads[] = {HEAD SEALED("a"), "Received: elsewhere|" HEAD SEALED("b"), HEAD SEALED("a")};
    static const char *const clears[] = {INNER, INNER, INNER "more|"};
    for (size_t i = 0; i < 3; i++) {
        struct step step;
        struct mail_layers *layers;
        struct err err;
        start(&step, heads[i]);
        open_step(&step, "1", clears[i]);
        assert_true(mail_layers_read(step.mail.bytes, step.mail.size, &codec_limits_default, &step.hints.inside, &layers, &err));
        memcpy(seen[i], layers->payload_sha256, sizeof seen[i]);
        mail_layers_free(layers);
        buf_clear(&step.mail);
    }
    assert_string_equal(seen[0], seen[1]);
    assert_string_not_equal(seen[0], seen[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiparts),   cmocka_unit_test(test_smime),
        cmocka_unit_test(test_inline),       cmocka_unit_test(test_files),
        cmocka_unit_test(test_bytes),        cmocka_unit_test(test_file_bytes),
        cmocka_unit_test(test_clear_text),   cmocka_unit_test(test_from),
        cmocka_unit_test(test_opened),       cmocka_unit_test(test_protected),
        cmocka_unit_test(test_open_refuses), cmocka_unit_test(test_step_by_step),
        cmocka_unit_test(test_payload_hash), cmocka_unit_test(test_copies_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
