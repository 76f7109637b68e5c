#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/html_text.h"
#include "codec/mail_flowed.h"
#include "codec/mail_pgp.h"
#include "codec/mail_reading.h"
#include "codec/mail_xarf.h"
#include "codec/mime_body.h"

const char *mail_cover_name(enum mail_cover cover)
{
    static const char *const names[] = {"none", "none", "part", "whole", "own"};
    return names[cover];
}

/* --- text --- */

void mail_parts_add(struct mail_reading *reading, const char *text)
{
    if (!buf_add_text(&reading->text, text))
        reading->is_cut = true;
}

static void add_formatted(struct mail_reading *reading, char *text)
{
    mail_parts_add(reading, text);
    free(text);
}

/* Text under another protection than the rest never stands in it unmarked. */
void mail_parts_mark(struct mail_reading *reading, const char *path, enum mail_cover cover)
{
    static const char *const marks[] = {"not signed", "not covered by the signature, as it can be cut in two ways",
                                        "signed on its own, not with the message"};
    if (reading->text.size > 0)
        mail_parts_add(reading, "\n\n");
    if (reading->has_signed && cover < ARRAY_SIZE(marks))
        add_formatted(reading, mem_printf("[part %s: %s]\n", path, marks[cover]));
}

/* As much as there is room for, ending with a whole character. */
static void add_cut(struct mail_reading *reading, const struct buf *text)
{
    size_t room = reading->text.size_max - reading->text.size, size = text->size;
    if (size > room) {
        reading->is_cut = true;
        size = room;
        while (size > 0 && ((unsigned char)text->bytes[size] & 0xc0) == 0x80)
            size--;
    }
    buf_add(&reading->text, buf_text(text), size);
}

void mail_parts_list(struct mail_reading *reading, const char *path, const char *type, enum mail_cover cover, size_t at)
{
    if (!reading->is_aside && json_array_size(reading->texts) < MAIL_LISTED_MAX)
        json_array_append_new(reading->texts,
                              json_pack("{s:s, s:s, s:s, s:I, s:I}", "path", path, "type", type, "covered", mail_cover_name(cover), "at",
                                        (json_int_t)at, "size", (json_int_t)(reading->text.size - at)));
}

/* Adds readable text that is all under one protection. */
static void add_piece(struct mail_reading *reading, const struct mime_part *part, const char *path, struct buf *text, enum mail_cover cover)
{
    while (text->size > 0 && strchr(" \t\n", text->bytes[text->size - 1]))
        text->bytes[--text->size] = '\0';
    if (text->size == 0)
        return;
    mail_parts_mark(reading, path, cover);
    size_t at = reading->text.size;
    add_cut(reading, text);
    mail_parts_list(reading, path, part->type, cover, at);
}

/* What is closed is told where it stands; the envelope needs no mark, it is the mail. */
static void add_closed(struct mail_reading *reading, const struct mail_layer *layer)
{
    bool is_opened = false;
    for (size_t i = 0; reading->hints && i < reading->hints->opened_count; i++)
        is_opened |= layer->is_openable && str_equal(reading->hints->opened[i].path, layer->path) && reading->hints->opened[i].clear;
    if (layer->is_envelope && reading->depth == 0)
        return;
    if (reading->text.size > 0)
        mail_parts_add(reading, "\n\n");
    add_formatted(reading, mem_printf("[part %s: %s, %s]", layer->path, mail_layer_kind_name(layer->kind),
                                      is_opened ? "opened apart from the message" : "not opened"));
}

/* --- text with armoured blocks in it --- */

static void read_outside(struct mail_reading *reading, const struct mime_part *part, const char *charset, const char *text, size_t size,
                         enum mail_cover cover)
{
    struct buf piece;
    if (size > MAIL_SOURCE_SIZE_MAX) {
        size = MAIL_SOURCE_SIZE_MAX;
        reading->is_cut = true;
    }
    buf_init(&piece, 4 * size + 16);
    mime_text(charset, text, size, &piece);
    size_t blank = strspn(buf_text(&piece), " \t\n");
    buf_consume(&piece, blank);
    add_piece(reading, part, part->path, &piece, cover);
    buf_clear(&piece);
}

/* How what a sound signed layer holds is protected. Layers of what was taken out of the mail are verified by nobody. */
static enum mail_cover inner_cover(const struct mail_reading *reading, const struct mail_layer *layer, enum mail_cover cover)
{
    if (reading->depth > 0)
        return cover;
    if (layer->is_envelope)
        return MAIL_COVER_WHOLE;
    return cover < MAIL_COVER_PART ? MAIL_COVER_PART : cover;
}

static void read_block(struct mail_reading *reading, const struct mime_part *part, const struct mail_layer *layer, const char *charset,
                       const char *text, const struct mail_pgp_block *block, enum mail_cover cover)
{
    if (layer->is_closed) {
        add_closed(reading, layer);
        return;
    }
    if (!layer->is_sound) {
        read_outside(reading, part, charset, text + block->at, block->end - block->at, cover);
        return;
    }
    struct buf covered, piece;
    buf_init(&covered, 2 * (block->end - block->at) + 2);
    buf_init(&piece, 8 * (block->end - block->at) + 16);
    mail_pgp_clear_text(text, block, &covered);
    mime_text(charset, buf_text(&covered), covered.size, &piece);
    add_piece(reading, part, layer->path, &piece, inner_cover(reading, layer, cover));
    buf_clear(&covered);
    buf_clear(&piece);
}

/* The inline layer that is this block; its number counts as mail_layers_of() did. */
static const struct mail_layer *layer_of_block(const struct mail_reading *reading, const struct mime_part *part, unsigned number)
{
    char path[200];
    const struct mail_layer *whole = mail_layers_find(reading->layers, part->path);
    if (whole && number == 1)
        return whole;
    snprintf(path, sizeof path, "%s#%u", part->path, number);
    return mail_layers_find(reading->layers, path);
}

/* body: the part's text in that charset; of HTML what html_text() makes of it. */
static void read_blocks(struct mail_reading *reading, const struct mime_part *part, const char *charset, const struct buf *body,
                        enum mail_cover cover)
{
    const char *text = buf_text(body);
    struct mail_pgp_block block;
    size_t outside = 0;
    unsigned number = 0;
    bool is_html = str_equal(part->type, "text/html");
    for (size_t at = 0; number < MAIL_LAYERS_MAX && mail_pgp_next(text, body->size, at, &block); at = block.end) {
        bool is_layer = mail_pgp_is_closed(block.kind) || (block.kind == MAIL_PGP_CLEAR && !is_html);
        const struct mail_layer *layer = is_layer ? layer_of_block(reading, part, ++number) : NULL;
        if (!layer)
            continue;
        read_outside(reading, part, charset, text + outside, block.at - outside, cover);
        read_block(reading, part, layer, charset, text, &block, cover);
        outside = block.end;
    }
    read_outside(reading, part, charset, text + outside, body->size - outside, cover);
}

static bool has_inline(const struct mail_reading *reading, const struct mime_part *part)
{
    size_t size = strlen(part->path);
    for (size_t i = 0; i < reading->layers->count; i++) {
        const struct mail_layer *layer = &reading->layers->layers[i];
        if (layer->form == MAIL_INLINE && str_starts(layer->path, part->path) && (!layer->path[size] || layer->path[size] == '#'))
            return true;
    }
    return false;
}

static void read_inline(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover)
{
    struct buf body;
    buf_init(&body, part->body_size + 1);
    mime_body(reading->mime, part, &body);
    read_blocks(reading, part, part->charset, &body, cover);
    buf_clear(&body);
}

static bool is_flowed(const struct mime *mime, const struct mime_part *part)
{
    return str_equal_nocase(mime_parameter(mime, part, "format"), "flowed") && str_equal_nocase(mime_parameter(mime, part, "delsp"), "yes");
}

static void read_text(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover)
{
    struct buf text, plain;
    struct mime_part start = *part;
    bool is_html = str_equal(part->type, "text/html"), has_blocks = has_inline(reading, part);
    if (has_blocks && !is_html) {
        read_inline(reading, part, cover);
        return;
    }
    /* No more than the text can come to is read. */
    if (start.body_size > MAIL_SOURCE_SIZE_MAX && !has_blocks) {
        start.body_size = MAIL_SOURCE_SIZE_MAX;
        reading->is_cut = true;
    }
    buf_init(&text, 4 * start.body_size + 16);
    buf_init(&plain, 16 * start.body_size + 16);
    mime_body_text(reading->mime, &start, &text);
    if (!is_html && is_flowed(reading->mime, part))
        mail_flowed_join(&text);
    if (str_equal(part->type, "text/calendar"))
        mail_calendar_join(&text);
    if (reading->layers->protected.is_cipher)
        mail_protected_strip_legacy(reading->mime, part, &text);
    if (is_html)
        html_text(buf_text(&text), text.size, &plain);
    if (has_blocks)
        read_blocks(reading, part, "utf-8", &plain, cover);
    else
        add_piece(reading, part, part->path, is_html ? &plain : &text, cover);
    buf_clear(&text);
    buf_clear(&plain);
}

/* --- the tree --- */

static void read_children(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover)
{
    for (int child = part->first_child; child != MIME_NONE; child = reading->mime->parts[child].next)
        mail_parts_read(reading, child, cover);
}

/* How good a child of multipart/alternative is to read. */
static int rank(const struct mime_part *part)
{
    if (str_equal(part->type, "text/plain"))
        return 3;
    if (str_starts(part->type, "multipart/"))
        return 2;
    return str_equal(part->type, "text/html") ? 1 : 0;
}

/* What is read between these two is not shown; but a link or a file may stand there only. */
struct aside {
    struct buf shown;
    bool was_cut, was_aside;
};

static struct aside begin_aside(struct mail_reading *reading)
{
    struct aside before = {.shown = reading->text, .was_cut = reading->is_cut, .was_aside = reading->is_aside};
    if (!before.was_aside)
        reading->text = reading->aside;
    reading->is_aside = true;
    return before;
}

static void end_aside(struct mail_reading *reading, struct aside before)
{
    if (!before.was_aside) {
        reading->aside = reading->text;
        reading->text = before.shown;
    }
    reading->is_aside = before.was_aside;
    reading->is_cut = before.was_cut;
}

/* The best of them that says anything is shown. */
static void read_alternative(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover)
{
    size_t before = reading->text.size;
    for (int wanted = 3; wanted >= 0; wanted--) {
        for (int child = part->first_child; child != MIME_NONE; child = reading->mime->parts[child].next) {
            if (rank(&reading->mime->parts[child]) != wanted)
                continue;
            struct aside aside = {0};
            bool is_aside = reading->text.size != before;
            if (is_aside)
                aside = begin_aside(reading);
            mail_parts_read(reading, child, cover);
            if (is_aside)
                end_aside(reading, aside);
        }
    }
}

static void read_signed(struct mail_reading *reading, const struct mime_part *part, const struct mail_layer *layer, enum mail_cover cover)
{
    if (!layer->is_sound)
        read_children(reading, part, cover);
    else
        mail_parts_read(reading, part->first_child, inner_cover(reading, layer, cover));
}

/* A mail that is nothing but a text is that text, whatever it calls it: there is no other to read. */
static bool is_whole_mail(const struct mime_part *part)
{
    return part->parent == MIME_NONE && str_equal(part->type, "text/plain") &&
           (!part->name || !strchr(part->name, '.') || str_ends(part->name, ".txt"));
}

static bool is_shown(const struct mime_part *part)
{
    if (str_equal(part->disposition, "attachment") && !is_whole_mail(part))
        return false;
    return str_equal(part->type, "text/plain") || (str_equal(part->type, "text/html") && !part->name) ||
           (!part->name && str_starts(part->type, "text/") && !codec_find_media_type(part->type));
}

/* Types that say nothing: then the name's ending counts. */
static bool is_of_any_kind(const struct mime_part *part)
{
    static const char *const types[] = {"application/octet-stream", "binary/octet-stream", "application/x-download",
                                        "application/force-download"};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_equal(part->type, types[i]))
            return true;
    return false;
}

/* A mail that was saved and attached as a file. */
static bool is_mail_file(const struct mime_part *part)
{
    return part->child_count == 0 &&
           (str_equal(part->type, "application/eml") || (is_of_any_kind(part) && str_ends_nocase(part->name, ".eml")));
}

/* Windows calls a csv Excel's. */
static bool is_table_file(const struct mime_part *part)
{
    bool is_named = is_of_any_kind(part) || str_equal(part->type, "application/vnd.ms-excel") || str_equal(part->type, "application/csv");
    return is_named && str_ends_nocase(part->name, ".csv");
}

/* A list of indicators as teams attach it, a log, a page, an invitation: read for what it names. Cards name their sender only, and what
 * has a format of its own is told where it cannot be read. */
static bool is_text_file(const struct mime *mime, const struct mime_part *part)
{
    static const char *const cards[] = {"text/vcard", "text/x-vcard", "text/directory"};
    static const char *const endings[] = {".txt", ".log", ".html", ".htm", ".md", ".ics", ".ioc", ".tsv", ".rules", ".yml", ".yaml"};
    if (mail_xarf_is_part(mime, part))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(cards); i++)
        if (str_equal(part->type, cards[i]))
            return false;
    if (str_starts(part->type, "text/"))
        return true;
    if (is_table_file(part))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
        if (is_of_any_kind(part) && str_ends_nocase(part->name, endings[i]))
            return true;
    return false;
}

static bool is_multipart_layer(const struct mail_layer *layer)
{
    return layer && layer->form == MAIL_MULTIPART;
}

static void read_leaf(struct mail_reading *reading, const struct mime_part *part, const struct mail_layer *layer, enum mail_cover cover)
{
    if (layer && layer->is_envelope && layer->is_closed && reading->depth == 0)
        return; /* the mail itself, sealed: told in extra, opened by another */
    if (layer && layer->form == MAIL_OPAQUE && layer->is_closed)
        add_closed(reading, layer);
    if (mail_protected_is_legacy_part(reading->mime, part) && reading->layers->protected.scheme == MAIL_PROTECTED_DRAFT)
        return;
    bool is_inline = (!layer || layer->form == MAIL_INLINE) && !mail_xarf_is_part(reading->mime, part);
    bool is_text = is_text_file(reading->mime, part);
    if (str_starts(part->type, "multipart/") || (is_inline && (is_shown(part) || has_inline(reading, part))))
        read_text(reading, part, cover);
    else if (!mail_file_read(reading, part, cover, is_text) && is_text) {
        struct aside aside = begin_aside(reading);
        read_text(reading, part, cover);
        end_aside(reading, aside);
    }
}

/* Depth is bounded by mime_parse(). */
void mail_parts_read(struct mail_reading *reading, int index, enum mail_cover cover)
{
    const struct mime_part *part = &reading->mime->parts[index];
    const struct mail_layer *layer = mail_layers_find(reading->layers, part->path);
    bool is_signed = cover == MAIL_COVER_PART || cover == MAIL_COVER_WHOLE;
    if (is_signed && reading->depth == 0 && !mime_is_agreed(reading->mime, part))
        cover = MAIL_COVER_UNCLEAR;
    mail_fields_read(reading, part);
    if (is_multipart_layer(layer) && layer->kind == MAIL_SIGNED)
        read_signed(reading, part, layer, cover);
    else if (is_multipart_layer(layer) && layer->is_sound)
        add_closed(reading, layer);
    else if (str_equal(part->type, "multipart/alternative"))
        read_alternative(reading, part, cover);
    else if (mime_is_message(part) || (!layer && is_mail_file(part)))
        mail_forward_read(reading, part, cover);
    else if (part->child_count > 0)
        read_children(reading, part, cover);
    else
        read_leaf(reading, part, layer, cover);
}
