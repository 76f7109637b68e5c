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
#define SIGNED(boundary, inner)                                                                                                            \
    "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=" boundary "||--" boundary "|" inner "|--" boundary  \
    "|Content-Type: application/pgp-signature||SIG|--" boundary "--|"
#define SEALED(boundary)                                                                                                                   \
    "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=" boundary "||--" boundary                        \
    "|Content-Type: application/pgp-encrypted||Version: 1|--" boundary "|Content-Type: application/octet-stream||CIPHER|--" boundary "--|"
#define TEXT "Content-Type: text/plain||text|"

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
    if (!mail_layers_read(bytes, size, &codec_limits_default, &layers, &err))
        fail_msg("%s: %s", err.at, err.text);
    free(bytes);
    return layers;
}

/* Each layer as kind and path, with "!" for the envelope and "?" for one that is not sound. */
static void expect_layers(const char *what, const char *mail, const char *wanted)
{
    struct mail_layers *layers = layers_of(mail);
    struct buf seen;
    buf_init(&seen, 1000);
    for (size_t i = 0; i < layers->count; i++)
        buf_printf(&seen, "%s%s:%s%s%s", i ? " " : "", layers->layers[i].kind == MAIL_SIGNED ? "signed" : "encrypted",
                   layers->layers[i].path, layers->layers[i].is_envelope ? "!" : "", layers->layers[i].is_sound ? "" : "?");
    if (strcmp(buf_text(&seen), wanted) != 0)
        fail_msg("%s: %s, not %s", what, buf_text(&seen), wanted);
    buf_clear(&seen);
    mail_layers_free(layers);
}

static void test_structures(void **state)
{
    static const struct {
        const char *what, *mail, *layers;
    } rows[] = {
        {"plain", HEAD TEXT, ""},
        {"signed", HEAD SIGNED("a", TEXT), "signed:1!"},
        {"encrypted", HEAD SEALED("a"), "encrypted:1!"},
        {"signed around encrypted", HEAD SIGNED("a", SEALED("b")), "signed:1! encrypted:1.1!"},
        {"signed twice", HEAD SIGNED("a", SIGNED("b", TEXT)), "signed:1! signed:1.1!"},
        {"signed part behind a prepended one",
         HEAD "Content-Type: multipart/mixed; boundary=m||--m|" TEXT "|--m|" SIGNED("a", TEXT) "|--m--|", "signed:1.2"},
        {"signed part alone in a wrapper", HEAD "Content-Type: multipart/mixed; boundary=m||--m|" SIGNED("a", TEXT) "|--m--|",
         "signed:1.1"},
        {"signed mail forwarded", HEAD "Content-Type: message/rfc822||" HEAD SIGNED("a", TEXT), "signed:1.1"},
        {"a forwarded signed mail, signed", HEAD SIGNED("a", "Content-Type: message/rfc822||" HEAD SIGNED("b", TEXT)),
         "signed:1! signed:1.1.1"},
        {"encrypted part beside text", HEAD "Content-Type: multipart/mixed; boundary=m||--m|" TEXT "|--m|" SEALED("a") "|--m--|",
         "encrypted:1.2"},
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
        {"S/MIME",
         HEAD "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=a||--a|" TEXT "|--a|" TEXT "|--a--|", ""},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_layers(rows[i].what, rows[i].mail, rows[i].layers);
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
    assert_int_equal(layers->layers[0].content_size, 6);
    assert_memory_equal(layers->layers[0].content, "CIPHER", 6);
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

static void test_opened(void **state)
{
    static const char clear[] = "Content-Type: text/plain; charset=utf-8\r\nFrom: boss@xx.example\r\n\r\nsecret\r\n";
    struct buf out;
    struct err err;
    size_t size;
    UNUSED(state);
    char *sealed = with_crlf("Received: z|" HEAD "MIME-Version: 1.0|" SEALED("a"), &size);
    buf_init(&out, 10000);
    assert_true(mail_layers_open(sealed, size, clear, sizeof clear - 1, &out, &err));
    /* who sent it is what the outer header says */
    assert_string_equal(buf_text(&out),
                        "Received: z\r\nFrom: Alice <Alice@YY.example>\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
                        "\r\nsecret\r\n");
    buf_reset(&out);
    assert_true(mail_layers_open(sealed, size, "no header", 9, &out, &err));
    assert_true(str_ends(buf_text(&out), "Subject: x\r\n\r\nno header"));
    out.size_max = 20;
    buf_reset(&out);
    assert_false(mail_layers_open(sealed, size, clear, sizeof clear - 1, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    free(sealed);
    char *mixed = with_crlf(HEAD "Content-Type: multipart/mixed; boundary=m||--m|" SEALED("a") "|--m--|", &size);
    assert_false(mail_layers_open(mixed, size, clear, sizeof clear - 1, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    free(mixed);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_structures), cmocka_unit_test(test_bytes), cmocka_unit_test(test_from),
                                       cmocka_unit_test(test_opened)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
