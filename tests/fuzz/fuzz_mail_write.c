/* A draft of any values: what is written has 7 bits, no line that a transport changes, only our fields and each once, the text and the
 * attachment come back as they went in, and the bytes that were signed are those that a reader checks. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/mail_layers.h"
#include "codec/mail_write.h"
#include "codec/mime_body.h"

enum { VALUES = 15, ROOM = 8 * 1024 * 1024 };
#define SIGNATURE "-----BEGIN PGP SIGNATURE-----\n\niQ==\n=abcd\n-----END PGP SIGNATURE-----\n"

static void fail(const char *why, const struct buf *out)
{
    fprintf(stderr, "%s:\n%s\n", why, buf_text(out));
    abort();
}

static void check_bytes(const struct buf *out)
{
    size_t line = 0;
    for (size_t i = 0; i < out->size; i++) {
        unsigned char c = (unsigned char)out->bytes[i], before = i ? (unsigned char)out->bytes[i - 1] : 0;
        if (c == 0 || c >= 0x80 || (c == '\n') != (before == '\r' && i > 0) || (before == '\r' && c != '\n'))
            fail("a byte that does not travel", out);
        if (c == '\n' && i >= 2 && strchr(" \t", out->bytes[i - 2]))
            fail("a blank at the end of a line", out);
        if (i == line && strncmp(out->bytes + i, "From ", 5) == 0)
            fail("an mbox line", out);
        if (c == '\n')
            line = i + 1;
        if (i + 1 > line + 1000)
            fail("a long line", out);
    }
}

static void check_fields(const struct mime *mime, const struct buf *out)
{
    static const char *const known[] = {"Date",
                                        "From",
                                        "To",
                                        "Cc",
                                        "Subject",
                                        "Message-ID",
                                        "In-Reply-To",
                                        "References",
                                        "Autocrypt",
                                        "HP-Outer",
                                        "Auto-Submitted",
                                        "Content-Type",
                                        "MIME-Version",
                                        "Content-Language",
                                        "Content-Disposition",
                                        "Content-Transfer-Encoding"};
    const struct mime_part *root = &mime->parts[0];
    unsigned seen[ARRAY_SIZE(known)] = {0};
    for (const char *line = mime->bytes, *end = mime->bytes + root->header_size; line < end; line = strchr(line, '\n') + 1) {
        size_t i = 0, size = strcspn(line, ":");
        if (*line == ' ' || *line == '\t')
            continue;
        while (i < ARRAY_SIZE(known) && (strlen(known[i]) != size || strncasecmp(line, known[i], size) != 0))
            i++;
        if (i == ARRAY_SIZE(known) || (seen[i]++ && strcmp(known[i], "HP-Outer") != 0))
            fail("a field that nobody wrote", out);
    }
}

/* The part's bytes are those that were given; text: behind what stands above it. */
static void check_body(const struct mime *mime, size_t index, const char *wanted, size_t wanted_size, bool is_text, const struct buf *out)
{
    struct buf body;
    buf_init(&body, ROOM);
    if (is_text)
        mime_body_text(mime, &mime->parts[index], &body);
    else
        mime_body(mime, &mime->parts[index], &body);
    if (body.size < wanted_size || (!is_text && body.size != wanted_size) ||
        memcmp(buf_text(&body) + body.size - wanted_size, wanted, wanted_size) != 0)
        fail("a part did not come back", out);
    buf_clear(&body);
}

/* As the readers see text: LF, ended by one. What mime_body_text() makes of a lone CR is its business. */
static char *as_read(const char *text)
{
    struct buf out;
    buf_init(&out, ROOM);
    for (const char *c = text; *c; c++)
        if (*c != '\r' || c[1] != '\n')
            buf_add_char(&out, *c);
    if (out.size && out.bytes[out.size - 1] != '\n')
        buf_add_char(&out, '\n');
    char *copy = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return copy;
}

static void check_payload(const struct mail_draft *draft, const struct buf *payload)
{
    struct mime *mime;
    struct err err;
    check_bytes(payload);
    if (!mime_parse(payload->bytes, payload->size, MIME_DEPTH_MAX, &mime, &err) || mime->part_count != (draft->file_count ? 3 : 1) ||
        !mime_is_agreed(mime, &mime->parts[0]))
        fail("another structure", payload);
    check_fields(mime, payload);
    char *text = as_read(draft->text);
    if (!strchr(text, '\r') && !strchr(text, '\f'))
        check_body(mime, draft->file_count ? 1 : 0, text, strlen(text), true, payload);
    if (draft->file_count)
        check_body(mime, 2, draft->files[0].bytes, draft->files[0].size, false, payload);
    free(text);
    mime_free(mime);
}

static void check_signed(const struct mail_draft *draft, const struct buf *payload)
{
    struct buf entity, message;
    struct mail_layers *layers;
    struct err err;
    buf_init(&entity, ROOM);
    buf_init(&message, ROOM);
    if (!mail_write_signed(MAIL_WRITE_OPENPGP, payload->bytes, payload->size, SIGNATURE, strlen(SIGNATURE), "sha512", draft->message_id,
                           &entity, &err) ||
        !mail_write_message(draft, entity.bytes, entity.size, &message, &err))
        fail(err.text, payload);
    check_bytes(&message);
    if (!mail_layers_read(message.bytes, message.size, &codec_limits_default, NULL, &layers, &err) || layers->count < 1 ||
        !layers->layers[0].is_envelope || layers->layers[0].content_size != payload->size ||
        memcmp(layers->layers[0].content, payload->bytes, payload->size) != 0)
        fail("what was signed is not what is checked", &message);
    mail_layers_free(layers);
    buf_clear(&entity);
    buf_clear(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *values[VALUES] = {0};
    size_t sizes[VALUES] = {0};
    /* Values are parted by 0xFE, which stands in no UTF-8; the first byte chooses. */
    if (size == 0)
        return 0;
    const char *at = (const char *)bytes + 1, *end = (const char *)bytes + size;
    for (size_t i = 0; i < VALUES; i++) {
        const char *stop = at < end ? memchr(at, 0xFE, (size_t)(end - at)) : NULL;
        stop = stop ? stop : end;
        sizes[i] = (size_t)(stop - at);
        values[i] = mem_printf("%.*s", (int)sizes[i], at);
        at = stop < end ? stop + 1 : end;
    }
    const struct mail_person to[] = {{values[2], values[3]}};
    const char *const references[] = {values[9]};
    const struct mail_write_file file = {values[12], values[13], values[14], strlen(values[14])};
    struct mail_draft draft = {.from = {values[0], values[1]},
                               .to = to,
                               .to_count = bytes[0] & 1,
                               .cc = to,
                               .cc_count = bytes[0] >> 1 & 1,
                               .subject = values[4],
                               .reference = values[5],
                               .label = values[6],
                               .message_id = values[7],
                               .in_reply_to = values[8],
                               .references = references,
                               .reference_count = 1,
                               .language = values[10][0] ? values[10] : NULL,
                               .text = values[11],
                               .files = &file,
                               .file_count = bytes[0] >> 2 & 1,
                               .is_encrypted = bytes[0] >> 3 & 1,
                               .auto_submitted = bytes[0] >> 4 & 1 ? "auto-replied" : NULL,
                               .autocrypt = bytes[0] >> 5 & 1 ? values[14] : NULL,
                               .autocrypt_size = strlen(values[14])};
    struct buf payload;
    struct err err, early;
    buf_init(&payload, ROOM);
    bool ok = mail_write_payload(&draft, &payload, &err);
    if (ok != mail_write_check(&draft, &early))
        fail("check and payload differ", &payload);
    if (ok) {
        check_payload(&draft, &payload);
        check_signed(&draft, &payload);
    }
    buf_clear(&payload);
    for (size_t i = 0; i < VALUES; i++)
        free(values[i]);
    return 0;
}
