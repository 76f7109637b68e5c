#include "codec/mail_layers.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/mime_body.h"

static const struct mime_part *child_of(const struct mime *mime, const struct mime_part *part, unsigned n)
{
    int index = part->first_child;
    while (n-- > 0 && index != MIME_NONE)
        index = mime->parts[index].next;
    return index == MIME_NONE ? NULL : &mime->parts[index];
}

static bool kind_of(const struct mime_part *part, enum mail_layer_kind *kind)
{
    if (str_equal(part->type, "multipart/signed") && str_equal(part->protocol, "application/pgp-signature"))
        *kind = MAIL_SIGNED;
    else if (str_equal(part->type, "multipart/encrypted") && str_equal(part->protocol, "application/pgp-encrypted"))
        *kind = MAIL_ENCRYPTED;
    else
        return false;
    return true;
}

/* RFC 3156 sections 4 and 5: exactly two parts of these types. */
static bool is_sound(const struct mime *mime, const struct mime_part *part, enum mail_layer_kind kind)
{
    if (part->child_count != 2 || !part->is_agreed)
        return false;
    const struct mime_part *first = child_of(mime, part, 0), *second = child_of(mime, part, 1);
    if (kind == MAIL_SIGNED)
        return str_equal(second->type, "application/pgp-signature");
    return str_equal(first->type, "application/pgp-encrypted") && str_equal(second->type, "application/octet-stream");
}

/* Everything is bounded by the mail: canonical line ends double it at most. */
static void fill_bytes(const struct mime *mime, const struct mime_part *part, struct mail_layers *layers, struct mail_layer *layer)
{
    const struct mime_part *first = child_of(mime, part, 0), *second = child_of(mime, part, 1);
    struct buf bytes;
    buf_init(&bytes, 2 * part->body_size + 2);
    if (layer->kind == MAIL_SIGNED) {
        mime_signed_bytes(mime, first, &bytes);
        layer->content_size = bytes.size;
        layer->content = arena_strndup(layers->arena, buf_text(&bytes), bytes.size);
        buf_reset(&bytes);
    }
    mime_body(mime, second, &bytes);
    const char *copy = arena_strndup(layers->arena, buf_text(&bytes), bytes.size);
    if (layer->kind == MAIL_SIGNED) {
        layer->signature = copy;
        layer->signature_size = bytes.size;
    } else {
        layer->content = copy;
        layer->content_size = bytes.size;
    }
    buf_clear(&bytes);
}

static void add_layer(const struct mime *mime, const struct mime_part *part, enum mail_layer_kind kind, bool in_chain,
                      struct mail_layers *layers)
{
    layers->layers = arena_grow(layers->arena, layers->layers, &layers->capacity, layers->count, sizeof *layers->layers);
    struct mail_layer *layer = &layers->layers[layers->count++];
    *layer = (struct mail_layer){.kind = kind, .path = arena_strdup(layers->arena, part->path), .is_sound = is_sound(mime, part, kind)};
    layer->is_envelope = in_chain && layer->is_sound;
    if (layer->is_sound)
        fill_bytes(mime, part, layers, layer);
}

/* How many "@" stand in the From fields outside of quoted words and comments. */
static size_t count_at_signs(const struct mime *mime)
{
    const char *raw;
    size_t count = 0;
    for (unsigned n = 0; (raw = mime_header(mime, &mime->parts[0], "From", n)); n++) {
        bool quoted = false;
        unsigned comment = 0;
        for (; *raw; raw++) {
            if (*raw == '\\' && raw[1] && (quoted || comment))
                raw++;
            else if (*raw == '"' && !comment)
                quoted = !quoted;
            else if (*raw == '(' && !quoted)
                comment++;
            else if (*raw == ')' && !quoted && comment)
                comment--;
            else if (*raw == '@' && !quoted && !comment)
                count++;
        }
    }
    return count;
}

/* A From field that can be read in two ways ("a@b <c@d>") counts as several addresses: no verdict may rest on our reading. */
static void fill_from(const struct mime *mime, struct mail_layers *layers)
{
    size_t count, at_signs = count_at_signs(mime);
    struct mime_address *addresses = mime_addresses(mime, &mime->parts[0], "From", &count);
    size_t total = count == 1 && at_signs > 1 ? at_signs : count;
    layers->from = arena_calloc(layers->arena, total + 1, sizeof *layers->from);
    for (size_t i = 0; i < total; i++) {
        char *address = arena_strdup(layers->arena, i < count ? addresses[i].address : "");
        str_lower(address);
        layers->from[i] = address;
    }
    layers->from_count = total;
}

struct mail_layers *mail_layers_of(const struct mime *mime)
{
    struct arena *arena = arena_new();
    struct mail_layers *layers = arena_calloc(arena, 1, sizeof *layers);
    layers->arena = arena;
    int next_in_chain = 0;
    for (size_t i = 0; i < mime->part_count; i++) {
        enum mail_layer_kind kind;
        if (!kind_of(&mime->parts[i], &kind))
            continue;
        bool in_chain = (int)i == next_in_chain;
        add_layer(mime, &mime->parts[i], kind, in_chain, layers);
        if (in_chain && kind == MAIL_SIGNED && layers->layers[layers->count - 1].is_sound)
            next_in_chain = mime->parts[i].first_child;
    }
    fill_from(mime, layers);
    return layers;
}

bool mail_layers_read(const char *bytes, size_t size, const struct codec_limits *limits, struct mail_layers **out, struct err *err)
{
    struct mime *mime = NULL;
    if (!mime_parse(bytes, size, limits->depth_max, &mime, err))
        return false;
    *out = mail_layers_of(mime);
    mime_free(mime);
    return true;
}

void mail_layers_free(struct mail_layers *layers)
{
    if (layers)
        arena_free(layers->arena);
}

/* --- the opened mail --- */

/* The field that begins at `at`: behind it, with its folded lines. */
static size_t field_end(const char *bytes, size_t at, size_t end)
{
    do {
        const char *newline = memchr(bytes + at, '\n', end - at);
        at = newline ? (size_t)(newline - bytes) + 1 : end;
    } while (at < end && (bytes[at] == ' ' || bytes[at] == '\t'));
    return at;
}

static bool is_content_field(const char *line, size_t size)
{
    static const char content[] = "Content-", version[] = "MIME-Version";
    return (size >= sizeof content - 1 && strncasecmp(line, content, sizeof content - 1) == 0) ||
           (size >= sizeof version - 1 && strncasecmp(line, version, sizeof version - 1) == 0);
}

/* Adds the fields of the root's header: those about content, or the others. */
static void add_fields(const struct mime *mime, bool about_content, struct buf *out)
{
    const struct mime_part *root = &mime->parts[0];
    size_t end = root->header_at + root->header_size;
    for (size_t at = root->header_at; at < end;) {
        size_t next = field_end(mime->bytes, at, end);
        if (is_content_field(mime->bytes + at, next - at) == about_content) {
            buf_add(out, mime->bytes + at, next - at);
            if (mime->bytes[next - 1] != '\n')
                buf_add_text(out, "\r\n");
        }
        at = next;
    }
}

static bool add_clear(const char *clear, size_t clear_size, unsigned depth_max, struct buf *out, struct err *err)
{
    struct mime *inner = NULL;
    if (!mime_parse(clear, clear_size, depth_max, &inner, err)) {
        if (err->code != ERR_INPUT)
            return false;
        /* Not MIME: text that was encrypted as it was. */
        buf_add_text(out, "\r\n");
        buf_add(out, clear, clear_size);
        return true;
    }
    add_fields(inner, true, out);
    buf_add_text(out, "\r\n");
    buf_add(out, clear + inner->parts[0].body_at, inner->parts[0].body_size);
    mime_free(inner);
    return true;
}

bool mail_layers_open(const char *bytes, size_t size, const char *clear, size_t clear_size, struct buf *out, struct err *err)
{
    struct mime *mime = NULL;
    enum mail_layer_kind kind;
    bool ok = false;
    if (!mime_parse(bytes, size, MIME_DEPTH_MAX, &mime, err))
        return false;
    const struct mime_part *root = &mime->parts[0];
    if (!kind_of(root, &kind) || kind != MAIL_ENCRYPTED || !is_sound(mime, root, kind)) {
        err_set_at(err, ERR_INPUT, "1", "not encrypted as a whole");
        goto done;
    }
    add_fields(mime, false, out);
    if (!add_clear(clear, clear_size, MIME_DEPTH_MAX, out, err))
        goto done;
    ok = !out->full;
    if (!ok)
        err_set_at(err, ERR_LIMIT, "1", "the opened mail is larger than %zu bytes", out->size_max);
done:
    mime_free(mime);
    return ok;
}
