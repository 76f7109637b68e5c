/*
 * Parts that were opened apart from the message: attached files, blocks inside other text. Whoever wrote the mail need not have been able
 * to read them (EFAIL, covert content), so nothing of them stands in the message's text or is ever quoted from there.
 */
#include <string.h>

#include "base/str.h"
#include "codec/extract.h"
#include "codec/mail_attachment.h"
#include "codec/mail_reading.h"
#include "codec/mime_body.h"
#include "codec/sha256.h"

/* Of each part's text; the clear bytes are kept by whoever opened them. */
enum { OWN_TEXT_SIZE_MAX = 64 * 1024 };

/* A MIME entity of its own, as S/MIME and Exchange's leftovers hold: it begins with a Content- field. */
static bool is_entity(const struct mail_opened *opened)
{
    static const char first[] = "content-", version[] = "mime-version:";
    size_t header_size, body_at;
    if (!mime_head(opened->clear, opened->clear_size, &header_size, &body_at))
        return false;
    for (size_t at = 0; at < header_size; at = mime_field_end(opened->clear, at, header_size))
        if (str_starts_nocase(opened->clear + at, first) || str_starts_nocase(opened->clear + at, version))
            return true;
    return false;
}

static const char *path_of(const json_t *item)
{
    return json_string_value(json_object_get(item, "path"));
}

/* True where it names anything. */
static bool set_text(json_t *item, struct mail_reading *reading, const struct buf *text, bool is_cut)
{
    json_object_set_new(item, "text", json_stringn(buf_text(text), text->size));
    if (is_cut)
        json_object_set_new(item, "text_is_cut", json_true());
    mail_label_read(reading, buf_text(text));
    struct observation *observation = report_add_observation(reading->report);
    if (extract_observables(buf_text(text), reading->report, observation) == 0) {
        reading->report->observation_count--;
        return false;
    }
    observation->extra = arena_printf(report_row_arena(reading->report), "{\"opened_part\":\"%s\"}", path_of(item));
    return true;
}

/* Its text and attachments, read as a mail's are, into lists of its own. */
static bool read_entity(struct mail_reading *reading, const struct mail_opened *opened, json_t *item)
{
    struct mime *mime = NULL;
    struct err err;
    if (!mime_parse(opened->clear, opened->clear_size, reading->limits->depth_max, &mime, &err)) {
        json_object_set_new(item, "error", json_string(err.text));
        return false;
    }
    struct mail_layers *layers = mail_layers_of(mime, NULL);
    struct mail_reading own = {.mime = mime,
                               .layers = layers,
                               .limits = reading->limits,
                               .report = reading->report,
                               .depth = 1,
                               .attachments = json_array(),
                               .texts = json_array(),
                               .reports = reading->reports,
                               .field_label = TLP_NONE,
                               .own_label = TLP_NONE};
    buf_init(&own.text, OWN_TEXT_SIZE_MAX);
    buf_init(&own.aside, OWN_TEXT_SIZE_MAX);
    mail_parts_read(&own, 0, MAIL_COVER_OWN);
    bool has_shown = own.text.size > 0 && set_text(item, reading, &own.text, own.is_cut);
    mail_unshown_label(reading->report, &own.aside);
    mail_fields_label(reading->report, own.field_label);
    mail_unshown_read(reading->report, &own.aside, has_shown,
                      arena_printf(report_row_arena(reading->report), "{\"opened_part\":\"%s\",\"shown\":false}", path_of(item)));
    if (json_array_size(own.attachments) > 0)
        json_object_set(item, "attachments", own.attachments);
    json_decref(own.attachments);
    json_decref(own.texts);
    buf_clear(&own.text);
    buf_clear(&own.aside);
    mail_layers_free(layers);
    mime_free(mime);
    return true;
}

static bool is_readable(const struct mail_opened *opened)
{
    return str_is_utf8(opened->clear, opened->clear_size, NULL);
}

static void read_text(struct mail_reading *reading, const struct mail_opened *opened, const char *charset, json_t *item)
{
    struct buf text;
    size_t size = opened->clear_size < OWN_TEXT_SIZE_MAX ? opened->clear_size : OWN_TEXT_SIZE_MAX;
    buf_init(&text, 4 * size + 16);
    mime_text(is_readable(opened) ? "utf-8" : charset, opened->clear, size, &text);
    if (text.size > 0)
        UNUSED(set_text(item, reading, &text, size < opened->clear_size));
    buf_clear(&text);
}

static void read_file(struct mail_reading *reading, const struct mail_layer *layer, const struct mail_opened *opened, json_t *item)
{
    struct mail_attachment attachment = {
        .path = layer->path, .name = layer->name, .type = "application/octet-stream", .bytes = opened->clear, .size = opened->clear_size};
    json_t *told = mail_attachment_read(&attachment, reading->limits, reading->report);
    if (told)
        json_array_append_new(reading->reports, told);
    else
        mail_attachment_unread(&attachment, reading->report);
    if (!told && is_readable(opened))
        read_text(reading, opened, NULL, item);
}

static const char *charset_of(const struct mail_reading *reading, const char *path)
{
    size_t size = strcspn(path, "#");
    for (size_t i = 0; i < reading->mime->part_count; i++)
        if (strlen(reading->mime->parts[i].path) == size && strncmp(reading->mime->parts[i].path, path, size) == 0)
            return reading->mime->parts[i].charset;
    return NULL;
}

static void read_one(struct mail_reading *reading, const struct mail_layer *layer, const struct mail_opened *opened)
{
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "path", layer->path, "kind", mail_layer_kind_name(layer->kind), "protocol",
                             mail_layer_protocol_name(layer->protocol), "form", mail_layer_form_name(layer->form), "covered",
                             mail_cover_name(MAIL_COVER_OWN), "opened", opened->clear != NULL);
    json_t *signatures = opened->signatures ? json_loads(opened->signatures, 0, NULL) : NULL;
    if (layer->name)
        json_object_set_new(item, "name", json_string(layer->name));
    if (signatures)
        json_object_set_new(item, "signatures", signatures);
    if (opened->clear) {
        char sha256[SHA256_HEX_SIZE];
        sha256_hex(opened->clear, opened->clear_size, sha256);
        json_object_set_new(item, "size", json_integer((json_int_t)opened->clear_size));
        json_object_set_new(item, "sha256", json_string(sha256));
        if (layer->form == MAIL_INLINE)
            read_text(reading, opened, charset_of(reading, layer->path), item);
        else if (layer->form != MAIL_ATTACHED || is_entity(opened))
            UNUSED(read_entity(reading, opened, item));
        else
            read_file(reading, layer, opened, item);
    }
    json_array_append_new(reading->opened, item);
}

void mail_opened_read(struct mail_reading *reading)
{
    for (size_t i = 0; reading->hints && i < reading->hints->opened_count && i < MAIL_LAYERS_MAX; i++) {
        const struct mail_opened *opened = &reading->hints->opened[i];
        const struct mail_layer *layer = mail_layers_find(reading->layers, opened->path);
        if (layer && layer->is_openable && !layer->is_envelope)
            read_one(reading, layer, opened);
    }
}
