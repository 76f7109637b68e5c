/* The opened mail: mail_layers_open() of codec/mail_layers.h. */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/mail_layers.h"

/* Of the clear part's own header this much is kept: together with the outer one it must still be a header. */
enum { INSIDE_SIZE_MAX = 64 * 1024 };

static bool begins(const char *line, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);
    return size >= length && strncasecmp(line, prefix, length) == 0;
}

static bool is_content_field(const char *line, size_t size)
{
    return begins(line, size, "Content-") || begins(line, size, "MIME-Version");
}

static void add_field(const char *field, size_t size, struct buf *out)
{
    buf_add(out, field, size);
    if (field[size - 1] != '\n')
        buf_add_text(out, "\r\n");
}

/* Who sent it, and what the way added; nothing that says how the content is to be read, or pretends to stand inside. */
static void add_outer_fields(const struct mime *mime, struct buf *out)
{
    const struct mime_part *root = &mime->parts[0];
    size_t end = root->header_at + root->header_size;
    for (size_t at = root->header_at, next; at < end; at = next) {
        next = mime_field_end(mime->bytes, at, end);
        const char *field = mime->bytes + at;
        if (!is_content_field(field, next - at) && !begins(field, next - at, MAIL_PROTECTED_PREFIX))
            add_field(field, next - at, out);
    }
}

static void add_inner_fields(const char *clear, size_t header_size, struct buf *out)
{
    for (size_t at = 0, next; at < header_size; at = next) {
        next = mime_field_end(clear, at, header_size);
        const char *field = clear + at;
        bool is_content = is_content_field(field, next - at);
        if (!is_content && (next > INSIDE_SIZE_MAX || !memchr(field, ':', next - at)))
            continue;
        if (!is_content)
            buf_add_text(out, MAIL_PROTECTED_PREFIX);
        add_field(field, next - at, out);
    }
}

static void add_entity(const char *clear, size_t size, struct buf *out)
{
    size_t header_size = 0, body_at = 0;
    if (mime_head(clear, size, &header_size, &body_at))
        add_inner_fields(clear, header_size, out);
    buf_add_text(out, "\r\n"); /* without a field it is text that was encrypted as it was */
    buf_add(out, clear + body_at, size - body_at);
}

static bool is_token(const char *text)
{
    return text && *text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(text);
}

/* The text of an armoured block is no MIME. OpenPGP means UTF-8; mailers that do not know have encrypted in the charset they declare. */
static void add_text(const struct mime *mime, const char *path, const char *clear, size_t size, struct buf *out)
{
    const char *charset = "utf-8";
    for (size_t i = 0; i < mime->part_count; i++) {
        const struct mime_part *part = &mime->parts[i];
        bool may_be_other =
            !str_is_utf8(clear, size, NULL) || (memchr(clear, 0x1b, size) && begins(part->charset ? part->charset : "", 9, "iso-2022-"));
        if (str_equal(part->path, path) && is_token(part->charset) && may_be_other)
            charset = part->charset;
    }
    buf_printf(out, "Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", charset);
    buf_add(out, clear, size);
}

static void carry_on(const struct mail_layers *layers, const struct mail_layer *closed, struct mail_inside *inside)
{
    for (const struct mail_layer *layer = layers->layers; layer < closed; layer++)
        inside->is_signed |= layer->is_envelope && layer->kind == MAIL_SIGNED;
    inside->is_signed |= closed->kind == MAIL_SIGNED && closed->protocol == MAIL_SMIME;
    inside->is_encrypted |= closed->kind == MAIL_ENCRYPTED;
    inside->steps++;
}

bool mail_layers_open(const char *bytes, size_t size, const char *path, const char *clear, size_t clear_size, struct mail_inside *inside,
                      struct buf *out, struct err *err)
{
    struct mime *mime = NULL;
    if (!mime_parse(bytes, size, MIME_DEPTH_MAX, &mime, err))
        return false;
    struct mail_layers *layers = mail_layers_of(mime, inside);
    const struct mail_layer *closed = mail_layers_closed(layers);
    bool ok = closed && str_equal(closed->path, path);
    if (!ok)
        err_set_at(err, ERR_INPUT, path, "no closed layer of the envelope");
    if (ok) {
        add_outer_fields(mime, out);
        if (closed->form == MAIL_INLINE)
            add_text(mime, path, clear, clear_size, out);
        else
            add_entity(clear, clear_size, out);
        ok = out->full ? err_set_at(err, ERR_LIMIT, path, "the opened mail is larger than %zu bytes", out->size_max) : true;
    }
    if (ok)
        carry_on(layers, closed, inside);
    mail_layers_free(layers);
    mime_free(mime);
    return ok;
}
