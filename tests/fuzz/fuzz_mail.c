/*
 * Any bytes as a mail, and their second half as what is in its closed layers: opened step by step as decode does, and parts apart. Layers
 * that are not sound have no bytes, nothing but a closed layer of the envelope can be opened, and what is told is text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "codec/mail_facts.h"

static const struct codec_limits limits = {.document_bytes_max = 1 << 20, .depth_max = 20, .observations_max = 1000};

static void check_text(const char *text)
{
    if (text && !str_is_utf8(text, strlen(text), NULL))
        BUG("not UTF-8: %s", text);
}

static void check_layers(const struct mail_layers *layers, const char *bytes, size_t size)
{
    const struct mail_layer *closed = mail_layers_closed(layers);
    for (size_t i = 0; i < layers->count; i++) {
        const struct mail_layer *layer = &layers->layers[i];
        struct mail_inside inside = {0};
        struct buf out;
        struct err err;
        if (layer->is_sound != (layer->content != NULL) || layer->is_sound != !layer->problem ||
            (layer->is_openable && !layer->is_closed) || (layer->is_envelope && !layer->is_sound))
            BUG("layer %s", layer->path);
        if (mail_layers_find(layers, layer->path) != layer)
            BUG("two layers at %s", layer->path);
        check_text(layer->name);
        buf_init(&out, 4 << 20);
        if (layer != closed && i < 4 && mail_layers_open(bytes, size, layer->path, "x", 1, &inside, &out, &err))
            BUG("%s was opened", layer->path);
        buf_clear(&out);
    }
    if (layers->payload_sha256[0] && strlen(layers->payload_sha256) != 64)
        BUG("no digest: %s", layers->payload_sha256);
    for (size_t i = 0; i < layers->from_count; i++)
        check_text(layers->from[i]);
    check_text(layers->protected.subject);
    check_text(layers->protected.from_address);
}

static void check_report(const char *bytes, size_t size, const struct mail_layers *layers, const struct mail_hints *inside,
                         const char *clear, size_t clear_size)
{
    struct mail_opened opened[8];
    struct mail_hints mail = {.inside = inside->inside, .opened = opened};
    struct codec_hints hints = {.mail = &mail};
    struct report *report = NULL;
    struct err err = {0};
    for (size_t i = 0; i < layers->count && mail.opened_count < 8; i++)
        opened[mail.opened_count++] = (struct mail_opened){.path = layers->layers[i].path, .clear = clear, .clear_size = clear_size};
    if (!codec_decode(codec_find("mail"), bytes, size, &limits, &hints, &report, &err)) {
        if (err.code != ERR_INPUT && err.code != ERR_LIMIT)
            BUG("refused as %s: %s", err_code_name(err.code), err.text);
        return;
    }
    check_text(report->description);
    check_text(report->summary);
    check_text(report->reference);
    check_text(report->extra);
    report_free(report);
}

static void check_facts(const char *bytes, size_t size, const struct mail_inside *inside)
{
    struct mail_facts_context context = {.inside = *inside, .authserv_id = "mx.xx-cert.example"};
    struct mail_facts *facts;
    struct err err = {0};
    if (!mail_facts_read(bytes, size, &limits, &context, &facts, &err))
        return;
    check_text(facts->message_id);
    check_text(facts->in_reply_to);
    check_text(facts->author);
    check_text(facts->auth.dmarc_domain);
    check_text(facts->bounce.about);
    for (size_t i = 0; i < facts->tag_count; i++)
        check_text(facts->tags[i]);
    for (size_t i = 0; i < facts->reference_count; i++)
        check_text(facts->references[i]);
    for (size_t i = 0; i < facts->bounce.recipient_count; i++) {
        check_text(facts->bounce.recipients[i].address);
        check_text(facts->bounce.recipients[i].reason);
        check_text(facts->bounce.recipients[i].status);
    }
    mail_facts_free(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const char *bytes = (const char *)input, *clear = bytes + size / 2;
    size_t clear_size = size - size / 2;
    struct mail_hints hints = {.opened_count = 0};
    struct buf documents[2];
    buf_init(&documents[0], 4 << 20);
    buf_init(&documents[1], 4 << 20);
    for (unsigned step = 0; step <= MAIL_STEPS_MAX; step++) {
        struct mail_layers *layers;
        struct err err = {0};
        struct buf *next = &documents[step % 2];
        if (!mail_layers_read(bytes, size, &limits, &hints.inside, &layers, &err))
            break;
        check_layers(layers, bytes, size);
        check_report(bytes, size, layers, &hints, clear, clear_size);
        check_facts(bytes, size, &hints.inside);
        const struct mail_layer *closed = mail_layers_closed(layers);
        buf_reset(next);
        bool ok = closed && mail_layers_open(bytes, size, closed->path, clear, clear_size, &hints.inside, next, &err);
        mail_layers_free(layers);
        if (!ok)
            break;
        if (hints.inside.steps != step + 1)
            BUG("step %u counts as %u", step + 1, hints.inside.steps);
        bytes = buf_text(next);
        size = next->size;
    }
    buf_clear(&documents[0]);
    buf_clear(&documents[1]);
    return 0;
}
