/*
 * Mails, layer by layer. What is closed is ordered to be opened, all of one step at once, and the mail comes back when that is done; the
 * closed layer of the envelope, once open, is the next step. Where nothing closed is left that was not tried, the innermost document is
 * what the mail says, and the signed parts of all steps go to verify in one row, which gives one verdict.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/signatures.h"
#include "cirtd/stages/decode_inside.h"
#include "codec/mail_facts.h"
#include "codec/mail_layers.h"
#include "codec/mail_voices.h"
#include "codec/mime.h"
#include "codec/mime_body.h"
#include "rules/signature.h"

/* Things opened in one step: what a person sends has few; each costs a process. */
enum { OPENED_MAX = 8 };

/* Those whom a mail names beside its sender, as far as they are looked at. */
enum { NAMED_MAX = 16 };

/* The columns of `steps`. */
enum { STEP, PATH, KIND, PROTOCOL, CLEAR, NEEDED, SIGNATURES, PROBLEM, IS_STALE };

/* One document on the way inward: the mail as it came, or what was in a layer of the one before. */
struct step {
    struct buf opened; /* unused in the first */
    const struct buf *bytes;
    struct mail_inside inside; /* what it stands in */
    struct mime *mime;
    struct mail_layers *layers;
    bool is_open; /* the closed layer of its envelope was opened, and the next step came out */
};

struct reading {
    struct decode_job *job;
    struct db_rows *tried; /* what seal and verify opened; NULL for nothing */
    struct step steps[MAIL_STEPS_MAX + 1];
    size_t count;
    size_t missing[OPENED_MAX]; /* layers of the last step that are to be ordered */
    size_t missing_count;
};

static struct step *last_step(struct reading *reading)
{
    return &reading->steps[reading->count - 1];
}

/* --- walking inward --- */

static bool read_tried(struct reading *reading, struct err *err)
{
    struct stage_run *run = reading->job->run;
    if (!reading->job->has_steps)
        return true;
    db_params_reset(run->params);
    db_int8(run->params, reading->job->report_id);
    return db_run(run->db, SQL_DECODE_STEPS, run->params, &reading->tried, err);
}

/* The row about that layer; false where it was not tried, or is to be tried again. */
static bool find_tried(const struct reading *reading, size_t step, const char *path, size_t *row)
{
    for (size_t i = 0; reading->tried && i < db_row_count(reading->tried); i++) {
        if (db_get_int(reading->tried, i, STEP) != (int64_t)step || !str_equal(db_get_text(reading->tried, i, PATH), path))
            continue;
        *row = i;
        return !db_get_bool(reading->tried, i, IS_STALE);
    }
    return false;
}

static bool is_deepest(const struct step *step)
{
    return step->inside.steps >= MAIL_STEPS_MAX;
}

static void find_missing(struct reading *reading)
{
    const struct step *step = last_step(reading);
    size_t row, wanted = 0;
    for (size_t i = 0; i < step->layers->count && !is_deepest(step); i++) {
        const struct mail_layer *layer = &step->layers->layers[i];
        if (!layer->is_openable || wanted++ >= OPENED_MAX)
            continue;
        if (!find_tried(reading, reading->count - 1, layer->path, &row))
            reading->missing[reading->missing_count++] = i;
    }
}

static bool read_step(const struct reading *reading, struct step *step, struct err *err)
{
    if (!mime_parse(buf_text(step->bytes), step->bytes->size, reading->job->limits->depth_max, &step->mime, err))
        return false;
    step->layers = mail_layers_of(step->mime, &step->inside);
    return true;
}

static void clear_step(struct step *step)
{
    mail_layers_free(step->layers);
    mime_free(step->mime);
    if (step->bytes == &step->opened)
        buf_clear(&step->opened);
}

/* The next document, where the closed layer of the envelope is open. What comes out may be no mail at all, or too large: then the mail
 * stays closed there, and is not malformed for what somebody encrypted. */
static bool step_inward(struct reading *reading)
{
    struct step *step = last_step(reading), *next = step + 1;
    const struct mail_layer *closed = mail_layers_closed(step->layers);
    struct err why;
    size_t row, size;
    if (!closed || is_deepest(step) || !find_tried(reading, reading->count - 1, closed->path, &row) ||
        db_is_null(reading->tried, row, CLEAR))
        return false;
    const char *clear = (const char *)db_get_bytes(reading->tried, row, CLEAR, &size);
    *next = (struct step){.bytes = &next->opened, .inside = step->inside};
    buf_init(&next->opened, 2 * MAIL_SIZE_MAX);
    bool ok = mail_layers_open(buf_text(step->bytes), step->bytes->size, closed->path, clear, size, &next->inside, &next->opened, &why);
    next->inside.is_signed |= !str_equal(db_get_text(reading->tried, row, SIGNATURES), "[]");
    if (!ok || !read_step(reading, next, &why)) {
        log_info("not_read_inside", "report=%lld step=%zu %s", (long long)reading->job->report_id, reading->count, log_err(&why));
        clear_step(next);
        return false;
    }
    step->is_open = true;
    reading->count++;
    return true;
}

/* As far as it is open. */
static bool walk(struct reading *reading, struct err *err)
{
    struct decode_job *job = reading->job;
    struct step *first = &reading->steps[0];
    first->bytes = &job->raw;
    if (!read_step(reading, first, err))
        return false;
    reading->count = 1;
    do
        find_missing(reading);
    while (reading->missing_count == 0 && step_inward(reading));
    return true;
}

/* --- what the mail says --- */

/* Openable layers of the innermost document that are no envelope: shown apart. Their signatures are judged by verify, and told there. */
static void fill_opened(const struct reading *reading, struct mail_opened *opened, struct mail_hints *hints)
{
    const struct step *step = &reading->steps[reading->count - 1];
    size_t row, size;
    for (size_t i = 0; i < step->layers->count && hints->opened_count < OPENED_MAX; i++) {
        const struct mail_layer *layer = &step->layers->layers[i];
        if (!layer->is_openable || layer->is_envelope || !find_tried(reading, reading->count - 1, layer->path, &row))
            continue;
        const unsigned char *clear = db_get_bytes(reading->tried, row, CLEAR, &size);
        char *copy = clear ? mem_calloc(size + 1, 1) : NULL;
        if (copy)
            memcpy(copy, clear, size);
        opened[hints->opened_count++] = (struct mail_opened){.path = layer->path, .clear = copy, .clear_size = clear ? size : 0};
    }
    hints->opened = opened;
}

static bool decode_content(const struct reading *reading, struct report **report, struct err *err)
{
    const struct step *step = &reading->steps[reading->count - 1];
    struct mail_opened opened[OPENED_MAX];
    struct mail_hints mail = {.inside = step->inside, .mime = step->mime, .layers = step->layers};
    fill_opened(reading, opened, &mail);
    struct codec_hints hints = {.mail = &mail};
    bool ok = codec_decode(reading->job->codec, buf_text(step->bytes), step->bytes->size, reading->job->limits, &hints, report, err);
    for (size_t i = 0; i < mail.opened_count; i++)
        free((void *)(uintptr_t)opened[i].clear);
    return ok;
}

/* --- facts --- */

/* What is no UTF-8 is not told: these are names to find by, and no such name is looked for. */
static void set_text(json_t *object, const char *name, const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    json_object_set_new(object, name, value ? value : json_null());
}

static json_t *strings_of(const char *const *strings, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(strings[i]));
    return list;
}

/* Of several recipients a bounce is about, the first that failed is told. */
static void add_bounce(json_t *told, const struct mail_bounce *bounce)
{
    const struct mail_bounce_recipient *recipient = NULL;
    for (size_t i = 0; i < bounce->recipient_count; i++)
        if (!recipient || (str_equal(bounce->recipients[i].action, "failed") && !str_equal(recipient->action, "failed")))
            recipient = &bounce->recipients[i];
    set_text(told, "about", bounce->about);
    set_text(told, "about_recipient", recipient ? recipient->address : NULL);
    set_text(told, "about_status", recipient ? recipient->status : NULL);
    set_text(told, "about_text", recipient ? recipient->reason : NULL);
}

/* The names are report_mail's columns. */
static char *facts_text(const struct mail_facts *facts, const struct mime *mime, const char *said)
{
    json_t *told = json_object();
    size_t voice_count;
    const char **voices = mail_voices(mime, said, facts->arena, &voice_count);
    set_text(told, "message_id", facts->message_id);
    set_text(told, "in_reply_to", facts->in_reply_to);
    json_object_set_new(told, "refs", strings_of(facts->references, facts->reference_count));
    json_object_set_new(told, "tags", strings_of(facts->tags, facts->tag_count));
    set_text(told, "author", facts->author);
    set_text(told, "kind", mail_facts_kind_name(facts->kind));
    json_object_set_new(told, "is_automatic", json_boolean(facts->is_automatic));
    set_text(told, "dmarc", facts->auth.dmarc);
    set_text(told, "spf", facts->auth.spf);
    set_text(told, "dkim", mail_auth_dkim(&facts->auth));
    if (facts->auth.has_spam)
        json_object_set_new(told, "spam", json_boolean(facts->auth.is_spam));
    if (facts->auth.has_spam_score)
        json_object_set_new(told, "spam_score", json_real(facts->auth.spam_score));
    add_bounce(told, &facts->bounce);
    json_object_set_new(told, "voices", strings_of(voices, voice_count));
    char *text = json_dumps(told, JSON_COMPACT);
    json_decref(told);
    return text;
}

/* Keys that came along are looked at by verify, later, and count for nothing before somebody pins them. */
static bool offer_keys(const struct reading *reading, const struct mail_keys *keys, struct err *err)
{
    struct stage_run *run = reading->job->run;
    bool ok = true;
    for (size_t i = 0; ok && i < keys->count; i++) {
        db_params_reset(run->params);
        db_int8(run->params, reading->job->report_id);
        db_text(run->params, mail_key_source_name(keys->items[i].source));
        db_bytes(run->params, keys->items[i].bytes, keys->items[i].size);
        ok = db_run(run->db, SQL_DECODE_KEY_OFFER, run->params, NULL, err);
    }
    return ok;
}

static const struct mime_part *part_of(const struct mime *mime, const char *path)
{
    for (size_t i = 0; path && i < mime->part_count; i++)
        if (str_equal(mime->parts[i].path, path))
            return &mime->parts[i];
    return NULL;
}

/* The files that the mail's report lists are kept as they are once their transfer encoding is undone. */
static bool keep_attachments(const struct reading *reading, const struct report *report, struct err *err)
{
    struct stage_run *run = reading->job->run;
    const struct mime *mime = reading->steps[reading->count - 1].mime;
    json_t *extra = report->extra ? json_loads(report->extra, 0, NULL) : NULL, *list = json_object_get(extra, "attachments");
    struct db_array paths, names, types, bytes;
    db_array_init(&paths, DB_TEXT_ARRAY);
    db_array_init(&names, DB_TEXT_ARRAY);
    db_array_init(&types, DB_TEXT_ARRAY);
    db_array_init(&bytes, DB_BYTES_ARRAY);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct mime_part *part = part_of(mime, json_string_value(json_object_get(json_array_get(list, i), "path")));
        struct buf body;
        if (!part)
            continue;
        buf_init(&body, part->body_size + 1);
        mime_body(mime, part, &body);
        db_array_add_text(&paths, part->path);
        db_array_add_text(&names, part->name);
        db_array_add_text(&types, part->type);
        db_array_add_bytes(&bytes, buf_text(&body), body.size);
        buf_clear(&body);
    }
    db_params_reset(run->params);
    db_int8(run->params, reading->job->report_id);
    db_array(run->params, &paths);
    db_array(run->params, &names);
    db_array(run->params, &types);
    db_array(run->params, &bytes);
    bool ok = json_array_size(list) == 0 || db_run(run->db, SQL_DECODE_ATTACHMENTS, run->params, NULL, err);
    db_array_clear(&paths);
    db_array_clear(&names);
    db_array_clear(&types);
    db_array_clear(&bytes);
    json_decref(extra);
    return ok;
}

static bool add_facts(const struct reading *reading, const struct report *report, struct err *err)
{
    struct decode_job *job = reading->job;
    const struct step *step = &reading->steps[reading->count - 1];
    struct mail_facts_context context = {
        .inside = step->inside, .authserv_id = job->run->context->config->decode_authserv_id, .envelope_from = job->envelope_from};
    struct mail_facts *facts = mail_facts_of(step->mime, step->layers, &context);
    char *text = facts_text(facts, step->mime, report->description);
    decode_batch_add_facts(job->batch, job->report_id, text);
    bool ok = offer_keys(reading, &facts->keys, err);
    free(text);
    mail_facts_free(facts);
    return ok;
}

/* --- ordering --- */

static bool order_opening(struct reading *reading, struct err *err)
{
    struct stage_run *run = reading->job->run;
    const struct mail_layers *layers = last_step(reading)->layers;
    struct db_array paths, kinds, protocols, bytes;
    db_array_init(&paths, DB_TEXT_ARRAY);
    db_array_init(&kinds, DB_TEXT_ARRAY);
    db_array_init(&protocols, DB_TEXT_ARRAY);
    db_array_init(&bytes, DB_BYTES_ARRAY);
    for (size_t i = 0; i < reading->missing_count; i++) {
        const struct mail_layer *layer = &layers->layers[reading->missing[i]];
        db_array_add_text(&paths, layer->path);
        db_array_add_text(&kinds, mail_layer_kind_name(layer->kind));
        db_array_add_text(&protocols, mail_layer_protocol_name(layer->protocol));
        db_array_add_bytes(&bytes, layer->content, layer->content_size);
    }
    db_params_reset(run->params);
    db_int8(run->params, reading->job->report_id);
    db_int4(run->params, (int32_t)(reading->count - 1));
    db_array(run->params, &paths);
    db_array(run->params, &kinds);
    db_array(run->params, &protocols);
    db_array(run->params, &bytes);
    bool ok = db_run(run->db, SQL_DECODE_TO_OPEN, run->params, NULL, err);
    db_array_clear(&paths);
    db_array_clear(&kinds);
    db_array_clear(&protocols);
    db_array_clear(&bytes);
    return ok;
}

static void add_layer(const struct reading *reading, size_t step, const struct mail_layer *layer, json_t *layers)
{
    size_t row;
    bool was_tried = layer->is_closed && find_tried(reading, step, layer->path, &row);
    const char *problem = layer->problem;
    /* The closed layer of an envelope counts as open when what was in it could be read. */
    bool is_open =
        layer->is_envelope && layer->is_closed ? reading->steps[step].is_open : was_tried && !db_is_null(reading->tried, row, CLEAR);
    if (was_tried && !is_open)
        problem = db_is_null(reading->tried, row, CLEAR) ? db_get_text(reading->tried, row, PROBLEM) : "what is in it cannot be read";
    json_array_append_new(layers,
                          json_pack("{s:I, s:s, s:s, s:s, s:b, s:b, s:b, s:s?}", "step", (json_int_t)step, "path", layer->path, "kind",
                                    mail_layer_kind_name(layer->kind), "protocol", mail_layer_protocol_name(layer->protocol), "envelope",
                                    layer->is_envelope, "sound", layer->is_sound, "opened", is_open, "problem", problem));
}

/* The keys that could open what is closed, and the signatures that were seen where it was opened. */
static void add_tried(const struct reading *reading, size_t step, const struct mail_layer *layer, json_t *needed, json_t *found)
{
    size_t row, i;
    json_t *item;
    if (!layer->is_closed || !find_tried(reading, step, layer->path, &row))
        return;
    json_t *keys = json_loads(db_get_text(reading->tried, row, NEEDED), 0, NULL);
    if (db_is_null(reading->tried, row, CLEAR))
        json_array_extend(needed, keys);
    json_decref(keys);
    json_t *signatures = json_loads(db_get_text(reading->tried, row, SIGNATURES), 0, NULL);
    json_array_foreach(signatures, i, item)
    {
        json_object_set_new(item, "step", json_integer((json_int_t)step));
        json_object_set_new(item, "path", json_string(layer->path));
        json_object_set_new(item, "envelope", json_boolean(layer->is_envelope));
        json_array_append(found, item);
    }
    json_decref(signatures);
}

static void add_named(const struct mime *mime, const char *field, json_t *named)
{
    size_t count;
    struct mime_address *addresses = mime_addresses(mime, &mime->parts[0], field, &count);
    for (size_t i = 0; i < count && json_array_size(named) < NAMED_MAX; i++)
        if (*addresses[i].address)
            json_array_append_new(named, json_string(addresses[i].address));
}

/* An address in the place of a name: From: "manager@bank.example" <somebody@else.example>. */
static void add_named_in_from(const struct mime *mime, json_t *named)
{
    static const char blanks[] = " \t<>()[]{}\"',;:";
    size_t count;
    struct mime_address *addresses = mime_addresses(mime, &mime->parts[0], "From", &count);
    for (size_t i = 0; i < count; i++) {
        for (const char *at = addresses[i].name; at && *at && json_array_size(named) < NAMED_MAX;) {
            size_t size = strcspn(at, blanks);
            const char *sign = memchr(at, '@', size);
            if (sign && sign > at && sign + 1 < at + size)
                json_array_append_new(named, json_stringn(at, size));
            at += size;
            at += strspn(at, blanks);
        }
    }
}

/* Whom the mail names beside its sender: those that people see, or that answers go to. */
static json_t *named_of(const struct mime *mime)
{
    json_t *named = json_array();
    add_named(mime, "Sender", named);
    add_named(mime, "Reply-To", named);
    add_named_in_from(mime, named);
    return named;
}

/* What verify must know beside the parts: verify_inside.h has its form. */
static json_t *message_of(const struct reading *reading)
{
    const struct mail_layers *outer = reading->steps[0].layers, *inner = reading->steps[reading->count - 1].layers;
    json_t *layers = json_array(), *needed = json_array(), *found = json_array();
    for (size_t step = 0; step < reading->count; step++) {
        for (size_t i = 0; i < reading->steps[step].layers->count; i++) {
            add_layer(reading, step, &reading->steps[step].layers->layers[i], layers);
            add_tried(reading, step, &reading->steps[step].layers->layers[i], needed, found);
        }
    }
    return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "from", strings_of(outer->from, outer->from_count), "from_differs",
                     inner->protected.from_differs, "named", named_of(reading->steps[0].mime), "to",
                     strings_of(inner->protected.recipients, inner->protected.recipient_count), "layers", layers, "needed", needed, "found",
                     found);
}

static bool is_detached(const struct mail_layer *layer)
{
    return layer->kind == MAIL_SIGNED && layer->is_sound && layer->signature;
}

static void order_verdict(const struct reading *reading)
{
    struct decode_batch *batch = reading->job->batch;
    json_t *message = message_of(reading);
    char *text = json_dumps(message, JSON_COMPACT);
    decode_batch_add_message(batch, reading->job->report_id, text);
    for (size_t step = 0; step < reading->count; step++) {
        for (size_t i = 0; i < reading->steps[step].layers->count; i++) {
            const struct mail_layer *layer = &reading->steps[step].layers->layers[i];
            if (!is_detached(layer))
                continue;
            struct decode_part part = {.step = (int32_t)step,
                                       .path = layer->path,
                                       .protocol = mail_layer_protocol_name(layer->protocol),
                                       .bytes = layer->content,
                                       .size = layer->content_size,
                                       .signature = layer->signature,
                                       .signature_size = layer->signature_size};
            decode_batch_add_part(batch, &part);
        }
    }
    free(text);
    json_decref(message);
}

/* --- the end --- */

static bool has_protection(const struct reading *reading)
{
    for (size_t step = 0; step < reading->count; step++)
        if (reading->steps[step].layers->count > 0)
            return true;
    return false;
}

/* Nothing in it is signed or encrypted: no key is needed to say so. */
static void add_unprotected(const struct reading *reading)
{
    struct verdict verdict = {.report_id = reading->job->report_id,
                              .summary = signature_summary_name(SIGNATURE_UNPROTECTED),
                              .encryption = signature_encryption_name(ENCRYPTION_NONE),
                              .signed_at = TIMESTAMP_NONE,
                              .parts = "[]"};
    verdict_init(&verdict);
    decode_batch_add_verdict(reading->job->batch, &verdict);
    verdict_clear(&verdict);
}

/* What can be read while the rest is closed is stored the first time only, for people to see that something came. */
static bool store(struct reading *reading, struct report *report, struct err *err)
{
    bool is_closed = reading->missing_count > 0, is_first = reading->job->is_first;
    if (!is_closed || is_first)
        decode_add(reading->job, report, is_first ? "decoding" : "received", "none", NULL);
    if (is_closed)
        return order_opening(reading, err);
    if (!keep_attachments(reading, report, err) || !add_facts(reading, report, err))
        return false;
    if (has_protection(reading))
        order_verdict(reading);
    else
        add_unprotected(reading);
    return true;
}

bool decode_mail(struct decode_job *job, bool *is_malformed, struct err *err)
{
    struct reading *reading = mem_calloc(1, sizeof *reading);
    struct report *report = NULL;
    reading->job = job;
    bool ok = read_tried(reading, err);
    if (ok && !(walk(reading, err) && decode_content(reading, &report, err))) {
        *is_malformed = err->code == ERR_INPUT || err->code == ERR_LIMIT;
        ok = false;
    }
    ok = ok && store(reading, report, err);
    report_free(report);
    for (size_t i = 0; i < reading->count; i++)
        clear_step(&reading->steps[i]);
    db_rows_free(reading->tried);
    free(reading);
    return ok;
}
