#include "codec/mail_layers.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/html_text.h"
#include "codec/mail_cms.h"
#include "codec/mail_pgp.h"
#include "codec/mime_body.h"
#include "codec/sha256.h"

enum { LOOK_AT = 4096 };

/* The walk over the parts. */
struct finder {
    const struct mime *mime;
    struct mail_layers *layers;
    const struct mail_inside *inside;
    int chain;      /* the part where the envelope goes on, or MIME_NONE */
    int payload;    /* where it ended, or MIME_NONE */
    bool *is_taken; /* per part: belongs to a layer already */
    size_t budget;  /* bytes that may still be copied: nested layers cover the same bytes again and again */
    bool has_envelope, payload_is_text;
};

/* --- parts --- */

static const struct mime_part *child_of(const struct mime *mime, const struct mime_part *part, unsigned n)
{
    int index = part->first_child;
    while (n-- > 0 && index != MIME_NONE)
        index = mime->parts[index].next;
    return index == MIME_NONE ? NULL : &mime->parts[index];
}

static bool is_type(const struct mime_part *part, const char *const *types)
{
    for (; part && *types; types++)
        if (str_equal(part->type, *types))
            return true;
    return false;
}

static const char *const cms_signature_types[] = {"application/pkcs7-signature", "application/x-pkcs7-signature", NULL};
static const char *const cms_message_types[] = {"application/pkcs7-mime", "application/x-pkcs7-mime", NULL};
static const char *const pgp_signature_types[] = {"application/pgp-signature", NULL};

/* The beginning of the decoded body: enough to see what it is. */
static void body_start(const struct mime *mime, const struct mime_part *part, struct buf *out)
{
    struct mime_part start = *part;
    if (start.body_size > LOOK_AT)
        start.body_size = LOOK_AT;
    mime_body(mime, &start, out);
}

static enum mail_pgp_kind peek_pgp(const struct mime *mime, const struct mime_part *part, bool *is_armoured)
{
    struct buf start;
    buf_init(&start, LOOK_AT + 1);
    body_start(mime, part, &start);
    const char *text = buf_text(&start);
    text += strspn(text, " \t\r\n");
    *is_armoured = str_starts(text, "-----BEGIN PGP ");
    enum mail_pgp_kind kind = mail_pgp_peek(buf_text(&start), start.size);
    buf_clear(&start);
    return kind;
}

static bool is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", bytes[i]) || !bytes[i])
            return false;
    return true;
}

static bool part_is_blank(const struct mime *mime, const struct mime_part *part)
{
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(mime, part, &body);
    bool blank = is_blank(buf_text(&body), body.size);
    buf_clear(&body);
    return blank;
}

/* --- layers --- */

static struct mail_layer *add_layer(struct finder *finder, const struct mime_part *part, enum mail_layer_kind kind,
                                    enum mail_layer_protocol protocol, enum mail_layer_form form)
{
    struct mail_layers *layers = finder->layers;
    layers->layers = arena_grow(layers->arena, layers->layers, &layers->capacity, layers->count, sizeof *layers->layers);
    struct mail_layer *layer = &layers->layers[layers->count++];
    const char *path = arena_strdup(layers->arena, part->path);
    *layer = (struct mail_layer){
        .kind = kind, .protocol = protocol, .form = form, .path = path, .covered_path = path, .is_sound = true, .is_closed = true};
    if (!mime_is_agreed(finder->mime, part)) {
        layer->is_sound = false;
        layer->problem = "where its parts begin and end can be read in two ways";
    }
    return layer;
}

static void set_problem(struct mail_layer *layer, const char *problem)
{
    layer->is_sound = false;
    if (!layer->problem)
        layer->problem = problem;
}

/* Whether so many encoded bytes are worth decoding: they come to a quarter at least (quoted-printable to a third). */
static bool may_keep(struct finder *finder, struct mail_layer *layer, size_t encoded)
{
    if (encoded / 4 > finder->budget)
        set_problem(layer, "layers around layers: more bytes than the mail has");
    return encoded / 4 <= finder->budget;
}

/* A copy for the layer, as far as the budget goes. */
static const char *keep(struct finder *finder, struct mail_layer *layer, const char *bytes, size_t size)
{
    if (size > finder->budget) {
        set_problem(layer, "layers around layers: more bytes than the mail has");
        return NULL;
    }
    finder->budget -= size;
    return arena_strndup(finder->layers->arena, bytes, size);
}

static void keep_content(struct finder *finder, struct mail_layer *layer, const char *bytes, size_t size)
{
    layer->content = keep(finder, layer, bytes, size);
    layer->content_size = layer->content ? size : 0;
}

static void keep_signature(struct finder *finder, struct mail_layer *layer, const char *bytes, size_t size)
{
    layer->signature = keep(finder, layer, bytes, size);
    layer->signature_size = layer->signature ? size : 0;
}

static void keep_body(struct finder *finder, struct mail_layer *layer, const struct mime_part *part, bool as_signature)
{
    struct buf body;
    if (!may_keep(finder, layer, part->body_size))
        return;
    buf_init(&body, part->body_size + 1);
    mime_body(finder->mime, part, &body);
    if (as_signature)
        keep_signature(finder, layer, buf_text(&body), body.size);
    else
        keep_content(finder, layer, buf_text(&body), body.size);
    buf_clear(&body);
}

/* What every layer gets in the end; where the envelope goes on. */
static void settle(struct finder *finder, struct mail_layer *layer, bool in_chain, int inward)
{
    if (!layer->is_sound) {
        layer->content = layer->signature = NULL;
        layer->content_size = layer->signature_size = 0;
    }
    layer->is_envelope = in_chain && layer->is_sound;
    bool is_own = layer->form == MAIL_INLINE || layer->form == MAIL_ATTACHED || layer->kind != MAIL_ENCRYPTED;
    layer->is_openable = layer->is_sound && layer->is_closed && (layer->is_envelope || is_own);
    if (!in_chain)
        return;
    finder->chain = layer->is_envelope && !layer->is_closed ? inward : MIME_NONE;
    finder->has_envelope |= layer->is_envelope;
}

static void take_children(struct finder *finder, const struct mime_part *part)
{
    for (int child = part->first_child; child != MIME_NONE; child = finder->mime->parts[child].next)
        finder->is_taken[child] = true;
}

/* --- multipart/signed (RFC 1847; RFC 3156 section 5; RFC 8551 section 3.5.3) --- */

/* What the protocol parameter says; where it is missing or unknown, what the signature part is. */
static bool signed_protocol(const struct mime_part *part, const struct mime_part *second, enum mail_layer_protocol *protocol)
{
    if (part->protocol && (str_equal(part->protocol, cms_signature_types[0]) || str_equal(part->protocol, cms_signature_types[1])))
        *protocol = MAIL_SMIME;
    else if (str_equal(part->protocol, pgp_signature_types[0]))
        *protocol = MAIL_OPENPGP;
    else if (is_type(second, cms_signature_types))
        *protocol = MAIL_SMIME;
    else if (is_type(second, pgp_signature_types))
        *protocol = MAIL_OPENPGP;
    else
        return false;
    return true;
}

static void fill_signed(struct finder *finder, struct mail_layer *layer, const struct mime_part *first, const struct mime_part *second)
{
    struct buf covered;
    if (!may_keep(finder, layer, first->body_size))
        return;
    buf_init(&covered, 2 * (first->header_size + first->body_size) + 8);
    mime_signed_bytes(finder->mime, first, &covered);
    keep_content(finder, layer, buf_text(&covered), covered.size);
    buf_clear(&covered);
    keep_body(finder, layer, second, true);
    if (!layer->signature)
        return;
    /* Content within the signature beside the content it is for: one is verified, the other shown (Johnny, you are fired: C1). */
    if (layer->protocol == MAIL_SMIME && mail_cms_peek(layer->signature, layer->signature_size).has_content)
        set_problem(layer, "the signature holds content of its own beside what it is for");
}

static bool find_signed(struct finder *finder, const struct mime_part *part, bool in_chain)
{
    const struct mime_part *first = child_of(finder->mime, part, 0), *second = child_of(finder->mime, part, 1);
    enum mail_layer_protocol protocol;
    if (!str_equal(part->type, "multipart/signed") || !signed_protocol(part, second, &protocol))
        return false;
    struct mail_layer *layer = add_layer(finder, part, MAIL_SIGNED, protocol, MAIL_MULTIPART);
    layer->is_closed = false;
    if (part->child_count != 2)
        set_problem(layer, "not exactly two parts, a content and its signature");
    else if (!is_type(second, protocol == MAIL_SMIME ? cms_signature_types : pgp_signature_types))
        set_problem(layer, "the second part is no signature of the protocol that is named");
    if (first)
        layer->covered_path = arena_strdup(finder->layers->arena, first->path);
    if (layer->is_sound) {
        fill_signed(finder, layer, first, second);
        finder->is_taken[first->next] = true;
    }
    settle(finder, layer, in_chain, part->first_child);
    return true;
}

/* --- multipart/encrypted (RFC 3156 section 4) --- */

static void fill_encrypted(struct finder *finder, struct mail_layer *layer, const struct mime_part *message)
{
    keep_body(finder, layer, message, false);
    if (layer->content && mail_pgp_peek(layer->content, layer->content_size) != MAIL_PGP_ENCRYPTED)
        set_problem(layer, "what it holds is not encrypted");
}

static bool find_encrypted(struct finder *finder, const struct mime_part *part, bool in_chain)
{
    const struct mime_part *first = child_of(finder->mime, part, 0), *second = child_of(finder->mime, part, 1);
    bool is_pgp = str_equal(part->protocol, "application/pgp-encrypted") || (first && str_equal(first->type, "application/pgp-encrypted"));
    if (!str_equal(part->type, "multipart/encrypted") || !is_pgp)
        return false;
    struct mail_layer *layer = add_layer(finder, part, MAIL_ENCRYPTED, MAIL_OPENPGP, MAIL_MULTIPART);
    if (part->child_count != 2 || !str_equal(first->type, "application/pgp-encrypted") ||
        !str_equal(second->type, "application/octet-stream"))
        set_problem(layer, "not exactly two parts, a version and the encrypted message");
    else if (layer->is_sound)
        fill_encrypted(finder, layer, second);
    take_children(finder, part);
    settle(finder, layer, in_chain, MIME_NONE);
    return true;
}

/* Exchange makes multipart/mixed of it, with an empty text in front. With nothing else in it, it holds the whole message as before. */
static bool find_mangled(struct finder *finder, const struct mime_part *part, bool in_chain)
{
    const struct mime *mime = finder->mime;
    const struct mime_part *first = child_of(mime, part, 0);
    unsigned at = part->child_count == 3 ? 1 : 0;
    bool is_armoured;
    if (!in_chain || !str_equal(part->type, "multipart/mixed") || part->child_count != 2 + at)
        return false;
    const struct mime_part *version = child_of(mime, part, at), *message = child_of(mime, part, at + 1);
    if (at == 1 && (!str_equal(first->type, "text/plain") || !part_is_blank(mime, first)))
        return false;
    if (!str_equal(version->type, "application/pgp-encrypted") || !str_equal(message->type, "application/octet-stream") ||
        peek_pgp(mime, message, &is_armoured) != MAIL_PGP_ENCRYPTED)
        return false;
    struct mail_layer *layer = add_layer(finder, part, MAIL_ENCRYPTED, MAIL_OPENPGP, MAIL_MULTIPART);
    fill_encrypted(finder, layer, message);
    take_children(finder, part);
    settle(finder, layer, in_chain, MIME_NONE);
    return true;
}

/* --- application/pkcs7-mime (RFC 8551 section 3.2) --- */

static enum mail_layer_kind kind_of_cms(enum mail_cms_type type)
{
    return type == MAIL_CMS_SIGNED ? MAIL_SIGNED : type == MAIL_CMS_COMPRESSED ? MAIL_COMPRESSED : MAIL_ENCRYPTED;
}

/* What smime-type says it would be: only for what is no CMS message at all. */
static enum mail_layer_kind kind_claimed(const struct mime *mime, const struct mime_part *part)
{
    const char *claim = mime_parameter(mime, part, "smime-type");
    if (str_equal_nocase(claim, "signed-data"))
        return MAIL_SIGNED;
    return str_equal_nocase(claim, "compressed-data") ? MAIL_COMPRESSED : MAIL_ENCRYPTED;
}

static bool has_extension(const char *name, const char *const *extensions)
{
    size_t size = name ? strlen(name) : 0;
    for (; *extensions; extensions++)
        if (size > strlen(*extensions) && strcasecmp(name + size - strlen(*extensions), *extensions) == 0)
            return true;
    return false;
}

static bool find_opaque(struct finder *finder, const struct mime_part *part, bool in_chain)
{
    static const char *const extensions[] = {".p7m", ".p7z", NULL};
    bool is_declared = is_type(part, cms_message_types);
    bool is_named = str_equal(part->type, "application/octet-stream") && has_extension(part->name, extensions);
    if (!is_declared && !is_named)
        return false;
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(finder->mime, part, &body);
    struct mail_cms cms = mail_cms_peek(buf_text(&body), body.size);
    bool is_certificates = cms.type == MAIL_CMS_SIGNED ? !cms.has_content && !cms.has_signers
                                                       : str_equal_nocase(mime_parameter(finder->mime, part, "smime-type"), "certs-only");
    if ((cms.type == MAIL_CMS_NONE && !is_declared) || is_certificates) {
        buf_clear(&body);
        return false;
    }
    enum mail_layer_kind kind = cms.type == MAIL_CMS_NONE ? kind_claimed(finder->mime, part) : kind_of_cms(cms.type);
    struct mail_layer *layer = add_layer(finder, part, kind, MAIL_SMIME, MAIL_OPAQUE);
    if (cms.type == MAIL_CMS_NONE)
        set_problem(layer, "no CMS message");
    else if (cms.type == MAIL_CMS_SIGNED && !cms.has_content)
        set_problem(layer, "a signature without what it signs");
    keep_content(finder, layer, buf_text(&body), body.size);
    buf_clear(&body);
    settle(finder, layer, in_chain, MIME_NONE);
    return true;
}

/* --- armoured blocks in text --- */

static bool is_layer_kind(enum mail_pgp_kind kind)
{
    return mail_pgp_is_closed(kind) || kind == MAIL_PGP_CLEAR;
}

/* A cleartext signature becomes what a detached one over the same text is: what is verified is what is shown. */
static void fill_clear(struct finder *finder, struct mail_layer *layer, const char *text, const struct mail_pgp_block *block)
{
    struct buf covered;
    buf_init(&covered, 2 * (block->text_end - block->text_at) + 2);
    mail_pgp_clear_text(text, block, &covered);
    keep_content(finder, layer, buf_text(&covered), covered.size);
    buf_clear(&covered);
    keep_signature(finder, layer, text + block->text_end, block->end - block->text_end);
    layer->is_closed = false;
}

static void add_block(struct finder *finder, const struct mime_part *part, const char *text, const struct mail_pgp_block *block,
                      unsigned number, bool is_whole, bool in_chain)
{
    enum mail_layer_kind kind = block->kind == MAIL_PGP_ENCRYPTED ? MAIL_ENCRYPTED : MAIL_SIGNED;
    struct mail_layer *layer = add_layer(finder, part, kind, MAIL_OPENPGP, MAIL_INLINE);
    if (!is_whole)
        layer->path = layer->covered_path = arena_printf(finder->layers->arena, "%s#%u", part->path, number);
    if (!block->is_sound)
        set_problem(layer, "a block without end, or with lines in it that can be read in two ways");
    if (block->kind == MAIL_PGP_CLEAR)
        fill_clear(finder, layer, text, block);
    else
        keep_content(finder, layer, text + block->at, block->end - block->at);
    settle(finder, layer, in_chain && is_whole, MIME_NONE);
    finder->payload_is_text |= layer->is_envelope && !layer->is_closed;
}

static void find_blocks(struct finder *finder, const struct mime_part *part, const struct buf *body, bool in_chain)
{
    struct mail_pgp_block block;
    const char *text = buf_text(body);
    unsigned number = 0;
    for (size_t at = 0; mail_pgp_next(text, body->size, at, &block) && finder->layers->count < MAIL_LAYERS_MAX; at = block.end) {
        if (!is_layer_kind(block.kind))
            continue;
        bool is_whole = number == 0 && is_blank(text, block.at) && is_blank(text + block.end, body->size - block.end);
        add_block(finder, part, text, &block, ++number, is_whole, in_chain);
    }
}

static bool body_has(const struct mime *mime, const struct mime_part *part, const char *text)
{
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(mime, part, &body);
    bool found = body.size > 0 && memmem(body.bytes, body.size, text, strlen(text)) != NULL;
    buf_clear(&body);
    return found;
}

/* Webmail encrypts into HTML. What is closed there is opened apart; a signature would say nothing about how the page looks. */
static void find_in_html(struct finder *finder, const struct mime_part *part)
{
    struct buf html, text;
    struct mail_pgp_block block;
    unsigned number = 0;
    if (!body_has(finder->mime, part, "-----BEGIN PGP MESSAGE"))
        return;
    buf_init(&html, 4 * part->body_size + 16);
    buf_init(&text, 16 * part->body_size + 16);
    mime_body_text(finder->mime, part, &html);
    html_text(buf_text(&html), html.size, &text);
    for (size_t at = 0; mail_pgp_next(buf_text(&text), text.size, at, &block) && finder->layers->count < MAIL_LAYERS_MAX; at = block.end)
        if (mail_pgp_is_closed(block.kind))
            add_block(finder, part, buf_text(&text), &block, ++number, false, false);
    buf_clear(&html);
    buf_clear(&text);
}

static bool is_text(const struct mime_part *part)
{
    return (str_starts(part->type, "text/") && !str_equal(part->type, "text/html")) || str_equal(part->type, "application/pgp");
}

static void find_inline(struct finder *finder, const struct mime_part *part, bool in_chain)
{
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(finder->mime, part, &body);
    find_blocks(finder, part, &body, in_chain);
    buf_clear(&body);
}

/* --- files --- */

static const char *const pgp_extensions[] = {".asc", ".gpg", ".pgp", ".sig", NULL};

/* The file of that name beside the part. */
static const struct mime_part *sibling_named(const struct mime *mime, const struct mime_part *part, const char *name)
{
    if (part->parent == MIME_NONE || !name)
        return NULL;
    for (int i = mime->parts[part->parent].first_child; i != MIME_NONE; i = mime->parts[i].next)
        if (&mime->parts[i] != part && str_equal(mime->parts[i].name, name) && mime->parts[i].child_count == 0)
            return &mime->parts[i];
    return NULL;
}

/* The file as it lay where it was signed. Text that travelled as lines has lost its own line ends; those who sign files mostly have LF. */
static void keep_file(struct finder *finder, struct mail_layer *layer, const struct mime_part *file)
{
    struct buf body;
    if (!may_keep(finder, layer, file->body_size))
        return;
    buf_init(&body, file->body_size + 1);
    mime_body(finder->mime, file, &body);
    if (str_starts(file->type, "text/") && !str_equal(file->encoding, "base64")) {
        size_t size = 0;
        for (size_t i = 0; i < body.size; i++)
            if (body.bytes[i] != '\r' || i + 1 == body.size || body.bytes[i + 1] != '\n')
                body.bytes[size++] = body.bytes[i];
        body.size = size;
    }
    keep_content(finder, layer, buf_text(&body), body.size);
    buf_clear(&body);
}

static void add_file(struct finder *finder, const struct mime_part *part, enum mail_pgp_kind kind, const char *name)
{
    const struct mime_part *file = kind == MAIL_PGP_SIGNATURE ? sibling_named(finder->mime, part, name) : NULL;
    if (kind == MAIL_PGP_SIGNATURE && !file)
        return;
    enum mail_layer_kind layer_kind = kind == MAIL_PGP_ENCRYPTED ? MAIL_ENCRYPTED : MAIL_SIGNED;
    struct mail_layer *layer = add_layer(finder, part, layer_kind, MAIL_OPENPGP, MAIL_ATTACHED);
    layer->name = name;
    if (file) {
        layer->covered_path = arena_strdup(finder->layers->arena, file->path);
        layer->is_closed = false;
        keep_file(finder, layer, file);
        keep_body(finder, layer, part, true);
    } else if (kind == MAIL_PGP_CLEAR) {
        struct buf body;
        struct mail_pgp_block block;
        buf_init(&body, part->body_size + 1);
        mime_body(finder->mime, part, &body);
        if (mail_pgp_next(buf_text(&body), body.size, 0, &block) && block.kind == MAIL_PGP_CLEAR && block.is_sound)
            fill_clear(finder, layer, buf_text(&body), &block);
        else
            set_problem(layer, "lines in it can be read in two ways");
        layer->is_closed = false;
        buf_clear(&body);
    } else {
        keep_body(finder, layer, part, false);
    }
    settle(finder, layer, false, MIME_NONE);
}

static bool is_file(const struct mime_part *part, bool in_chain)
{
    if (str_starts(part->type, "text/"))
        return str_equal(part->disposition, "attachment") || (!in_chain && has_extension(part->name, pgp_extensions));
    return str_equal(part->type, "application/octet-stream") || str_starts(part->type, "application/pgp") ||
           has_extension(part->name, pgp_extensions);
}

static void find_file(struct finder *finder, const struct mime_part *part)
{
    bool is_named = has_extension(part->name, pgp_extensions), is_armoured;
    enum mail_pgp_kind kind = peek_pgp(finder->mime, part, &is_armoured);
    /* Bytes may look like a packet by chance; a name or type must say so too. */
    if (!is_armoured && !is_named && !str_starts(part->type, "application/pgp"))
        return;
    if (!is_layer_kind(kind) && kind != MAIL_PGP_SIGNATURE)
        return;
    const char *name = part->name ? arena_strndup(finder->layers->arena, part->name, strlen(part->name) - (is_named ? 4 : 0)) : NULL;
    add_file(finder, part, kind, name);
}

/* --- all of them --- */

static void find_in_leaf(struct finder *finder, const struct mime_part *part, bool in_chain)
{
    if (find_opaque(finder, part, in_chain))
        return;
    if (is_file(part, in_chain))
        find_file(finder, part);
    else if (str_equal(part->type, "text/html"))
        find_in_html(finder, part);
    else if (is_text(part))
        find_inline(finder, part, in_chain);
}

static void find_in_part(struct finder *finder, int index)
{
    const struct mime_part *part = &finder->mime->parts[index];
    bool in_chain = index == finder->chain;
    if (finder->is_taken[index])
        return;
    bool found = find_signed(finder, part, in_chain) || find_encrypted(finder, part, in_chain) || find_mangled(finder, part, in_chain);
    if (!found && part->child_count == 0)
        find_in_leaf(finder, part, in_chain);
    /* Where no layer took the chain further, the envelope ends: this is the payload. */
    if (in_chain && (finder->chain == index || finder->payload_is_text)) {
        finder->payload = index;
        finder->chain = MIME_NONE;
    }
}

static void fill_protected(struct finder *finder)
{
    const struct mime *mime = finder->mime;
    struct mail_layers *layers = finder->layers;
    bool is_opened_root = finder->payload == 0 && finder->inside->steps > 0;
    if (finder->payload == MIME_NONE)
        return;
    layers->payload_path = arena_strdup(layers->arena, mime->parts[finder->payload].path);
    if ((finder->has_envelope || finder->inside->steps > 0) && (finder->payload > 0 || is_opened_root) && !finder->payload_is_text)
        mail_protected_read(mime, &mime->parts[finder->payload], is_opened_root, layers->from, layers->from_count, layers->arena,
                            &layers->protected);
}

/* What mail_layers_open() took out of a layer stands behind the outer fields, up to the end. */
static void fill_payload_hash(struct finder *finder)
{
    const struct mime *mime = finder->mime;
    struct mail_layers *layers = finder->layers;
    for (size_t i = 0; i < layers->count; i++) {
        const struct mail_layer *layer = &layers->layers[i];
        if (layer->is_envelope && layer->kind == MAIL_SIGNED && layer->content) {
            sha256_hex(layer->content, layer->content_size, layers->payload_sha256);
            return;
        }
    }
    if (finder->inside->steps > 0) {
        size_t at = mail_protected_begin(mime);
        sha256_hex(mime->bytes + at, mime->size - at, layers->payload_sha256);
    }
}

/* How many "@" stand in the From fields outside of quoted words and comments. */
static size_t count_at_signs(const struct mime *mime)
{
    const char *raw;
    size_t count = 0;
    for (unsigned n = 0; n < 20 && (raw = mime_header(mime, &mime->parts[0], "From", n)); n++) {
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

struct mail_layers *mail_layers_of(const struct mime *mime, const struct mail_inside *inside)
{
    static const struct mail_inside as_it_came = {0};
    struct arena *arena = arena_new();
    struct mail_layers *layers = arena_calloc(arena, 1, sizeof *layers);
    struct finder finder = {.mime = mime,
                            .layers = layers,
                            .inside = inside ? inside : &as_it_came,
                            .payload = MIME_NONE,
                            .budget = 4 * mime->size + LOOK_AT,
                            .is_taken = arena_calloc(arena, mime->part_count, sizeof(bool))};
    layers->arena = arena;
    fill_from(mime, layers);
    for (size_t i = 0; i < mime->part_count && layers->count < MAIL_LAYERS_MAX; i++)
        find_in_part(&finder, (int)i);
    fill_protected(&finder);
    fill_payload_hash(&finder);
    return layers;
}

bool mail_layers_read(const char *bytes, size_t size, const struct codec_limits *limits, const struct mail_inside *inside,
                      struct mail_layers **out, struct err *err)
{
    struct mime *mime = NULL;
    if (!mime_parse(bytes, size, limits->depth_max, &mime, err))
        return false;
    *out = mail_layers_of(mime, inside);
    mime_free(mime);
    return true;
}

void mail_layers_free(struct mail_layers *layers)
{
    if (layers)
        arena_free(layers->arena);
}

const struct mail_layer *mail_layers_closed(const struct mail_layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        if (layers->layers[i].is_envelope && layers->layers[i].is_closed)
            return &layers->layers[i];
    return NULL;
}

const struct mail_layer *mail_layers_find(const struct mail_layers *layers, const char *path)
{
    for (size_t i = 0; i < layers->count; i++)
        if (str_equal(layers->layers[i].path, path))
            return &layers->layers[i];
    return NULL;
}

const char *mail_layer_kind_name(enum mail_layer_kind kind)
{
    return kind == MAIL_SIGNED ? "signed" : kind == MAIL_ENCRYPTED ? "encrypted" : "compressed";
}

const char *mail_layer_protocol_name(enum mail_layer_protocol protocol)
{
    return protocol == MAIL_OPENPGP ? "openpgp" : "smime";
}

const char *mail_layer_form_name(enum mail_layer_form form)
{
    static const char *const names[] = {"multipart", "opaque", "inline", "attached"};
    return names[form - 1];
}
