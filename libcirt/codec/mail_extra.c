#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/mail_reading.h"

enum { MESSAGE_ID_SIZE = 1000 };

const char *mail_extra_message_id(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    const char *start = strchr(text, '<');
    start = start ? start + 1 : text;
    size_t size = strcspn(start, "> ");
    return size > 0 && size < MESSAGE_ID_SIZE ? arena_strndup(arena, start, size) : NULL;
}

const char *mail_extra_next_id(const char **text, size_t *size)
{
    for (const char *at; *text && (at = strchr(*text, '<')) != NULL;) {
        *size = strcspn(++at, "<> ");
        *text = at + *size;
        if (*size > 0 && *size < MESSAGE_ID_SIZE)
            return at;
    }
    return NULL;
}

static void set_addresses(json_t *object, const struct mime *mime, const char *field, const char *name)
{
    size_t count;
    struct mime_address *addresses = mime_addresses(mime, &mime->parts[0], field, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < MAIL_LISTED_MAX; i++) {
        json_t *item = json_pack("{s:s}", "address", addresses[i].address);
        if (addresses[i].name)
            json_object_set_new(item, "name", json_string(addresses[i].name));
        json_array_append_new(list, item);
    }
    if (count > 0)
        json_object_set(object, name, list);
    json_decref(list);
}

static void set_references(json_t *object, const struct mime *mime)
{
    const char *text = mime_header_text(mime, &mime->parts[0], "References"), *id;
    json_t *list = json_array();
    size_t size;
    while (json_array_size(list) < MAIL_LISTED_MAX && (id = mail_extra_next_id(&text, &size)) != NULL)
        json_array_append_new(list, json_stringn(id, size));
    if (json_array_size(list) > 0)
        json_object_set(object, "references", list);
    json_decref(list);
}

static json_t *headers_of(const struct mail_reading *reading)
{
    static const char *const addresses[][2] = {
        {"From", "from"}, {"Sender", "sender"}, {"Reply-To", "reply_to"}, {"To", "to"}, {"Cc", "cc"}};
    static const char *const texts[][2] = {
        {"Auto-Submitted", "auto_submitted"}, {"Precedence", "precedence"}, {"List-Id", "list_id"}, {"X-Mailer", "mailer"}};
    const struct mime *mime = reading->mime;
    json_t *headers = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
        set_addresses(headers, mime, addresses[i][0], addresses[i][1]);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *value = mime_header_text(mime, &mime->parts[0], texts[i][0]);
        if (!str_is_empty(value))
            json_object_set_new(headers, texts[i][1], json_string(value));
    }
    const char *parent = mail_extra_message_id(reading->report->arena, mime_header_text(mime, &mime->parts[0], "In-Reply-To"));
    if (parent)
        json_object_set_new(headers, "in_reply_to", json_string(parent));
    set_references(headers, mime);
    return headers;
}

static json_t *layers_told(const struct mail_layers *layers)
{
    json_t *list = json_array();
    for (size_t i = 0; i < layers->count; i++) {
        const struct mail_layer *layer = &layers->layers[i];
        json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "path", layer->path, "kind", mail_layer_kind_name(layer->kind),
                                 "protocol", mail_layer_protocol_name(layer->protocol), "form", mail_layer_form_name(layer->form), "covers",
                                 layer->is_envelope ? "whole" : "part", "sound", layer->is_sound);
        if (layer->problem)
            json_object_set_new(item, "problem", json_string(layer->problem));
        json_array_append_new(list, item);
    }
    return list;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

/* The header fields that stand inside the envelope. Whether to believe them is the verdict's to say. */
static void set_protected(json_t *extra, const struct mail_protected *inside)
{
    if (inside->scheme == MAIL_PROTECTED_NONE)
        return;
    json_t *fields = json_array(), *told = json_object();
    for (size_t i = 0; i < inside->field_count; i++)
        json_array_append_new(fields, json_string(inside->fields[i]));
    json_object_set_new(told, "scheme", json_string(inside->scheme == MAIL_PROTECTED_RFC9788 ? "rfc9788" : "draft"));
    set_text(told, "subject", inside->subject);
    set_text(told, "from", inside->from);
    set_text(told, "to", inside->to);
    set_text(told, "date", inside->date);
    set_text(told, "message_id", inside->message_id);
    set_text(told, "in_reply_to", inside->in_reply_to);
    set_text(told, "references", inside->references);
    json_object_set_new(told, "from_differs", json_boolean(inside->from_differs));
    json_object_set_new(told, "subject_differs", json_boolean(inside->subject_differs));
    json_object_set_new(told, "fields", fields);
    json_object_set_new(extra, "protected", told);
}

static void set_list(json_t *object, const char *name, json_t *list)
{
    if (json_array_size(list) > 0)
        json_object_set(object, name, list);
    json_decref(list);
}

void mail_extra_write(struct mail_reading *reading)
{
    struct report *report = reading->report;
    json_t *extra = json_object();
    json_object_set_new(extra, "headers", headers_of(reading));
    set_list(extra, "attachments", reading->attachments);
    set_list(extra, "texts", reading->texts);
    set_list(extra, "attached_reports", reading->reports);
    set_list(extra, "opened_parts", reading->opened);
    set_list(extra, "protection", layers_told(reading->layers));
    set_protected(extra, &reading->layers->protected);
    if (reading->attachment_total > MAIL_LISTED_MAX)
        json_object_set_new(extra, "attachment_total", json_integer((json_int_t)reading->attachment_total));
    if (reading->is_cut)
        json_object_set_new(extra, "text_is_cut", json_true());
    char *text = json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS);
    report->extra = arena_strdup(report->arena, text);
    free(text);
    json_decref(extra);
}
