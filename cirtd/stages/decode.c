/*
 * Decodes what lies in the inbox: mail as it came or as seal opened it, and whatever is replayed. Sees the worst bytes and has no key:
 * signed parts are cut out for verify, the encrypted root for seal.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "codec/codec.h"
#include "codec/mail_layers.h"
#include "rules/signature.h"
#include "store/report_store.h"
#include "store/verdict_store.h"

/* What came in was bounded by the door it came through; this bounds what is read at once. */
enum { DOCUMENT_SIZE_MAX = 64 * 1024 * 1024 };

/* The columns of `claim`. */
enum { ID, ATTEMPTS, REPORT, SENDER, CHANNEL, NAME, MEDIA_TYPE, FORMAT, TLP, DEFAULT_TLP, DEFAULT_CLASS };

struct decode {
    struct codec_limits limits;
    struct report_batch *batch;
};

/* One report at hand. */
struct decode_job {
    struct stage_run *run;
    struct db_rows *rows;
    size_t row;
    int64_t report_id;
    struct buf raw, opened;
    const struct buf *bytes; /* raw, or opened */
    const struct codec *codec;
    struct mail_layers *layers;
    struct mail_hints mail;
    bool has_cipher, was_tried, is_opened; /* the root is encrypted; seal tried; seal could */
    char *embedded;                        /* JSON array of the signatures inside the encryption, or NULL */
};

static bool is_mail(const struct decode_job *job)
{
    return str_equal(job->codec->name, "mail");
}

/* --- reading --- */

static bool read_bytes(struct decode_job *job, struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    if (!db_run(job->run->db, SQL_DECODE_BYTES, job->run->params, &rows, err))
        return false;
    for (size_t i = 0; i < db_row_count(rows); i++) {
        size_t size;
        const unsigned char *bytes = db_get_bytes(rows, i, 0, &size);
        buf_add(&job->raw, bytes, size);
    }
    db_rows_free(rows);
    return true;
}

static void choose_codec(struct decode_job *job)
{
    struct codec_hints hints = {.name = db_get_text(job->rows, job->row, NAME), .media_type = db_get_text(job->rows, job->row, MEDIA_TYPE)};
    const char *format = db_get_text(job->rows, job->row, FORMAT);
    bool came_by_mail = str_equal(db_get_text(job->rows, job->row, CHANNEL), "mail");
    job->codec = codec_find(came_by_mail ? "mail" : format);
    if (!job->codec)
        job->codec = codec_probe(buf_text(&job->raw), job->raw.size, &hints);
    if (!job->codec)
        job->codec = codec_find_media_type(hints.media_type);
}

/* What seal made of the encrypted root. */
static bool read_clear(struct decode_job *job, struct err *err)
{
    struct db_rows *rows = NULL;
    bool ok = true;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    if (!db_run(job->run->db, SQL_DECODE_CLEAR, job->run->params, &rows, err))
        return false;
    job->was_tried = db_row_count(rows) == 1;
    if (job->was_tried && !db_is_null(rows, 0, 0)) {
        size_t size;
        const char *clear = (const char *)db_get_bytes(rows, 0, 0, &size);
        job->embedded = mem_strdup(db_get_text(rows, 0, 1));
        ok = mail_layers_open(job->raw.bytes, job->raw.size, "1", clear, size, &job->mail.inside, &job->opened, err);
        job->mail.inside.is_signed |= job->embedded && !str_equal(job->embedded, "[]");
        job->is_opened = ok;
    }
    db_rows_free(rows);
    return ok;
}

/* The layers of the mail; where its root is encrypted, of what is inside as far as seal could open it. */
static bool read_layers(struct decode_job *job, struct err *err)
{
    const struct decode *decode = job->run->state;
    if (!mail_layers_read(buf_text(&job->raw), job->raw.size, &decode->limits, &job->mail.inside, &job->layers, err))
        return false;
    const struct mail_layer *root = job->layers->count ? &job->layers->layers[0] : NULL;
    job->has_cipher =
        root && root->kind == MAIL_ENCRYPTED && root->protocol == MAIL_OPENPGP && root->is_envelope && str_equal(root->path, "1");
    if (!job->has_cipher)
        return true;
    if (!read_clear(job, err))
        return false;
    if (!job->is_opened)
        return true;
    mail_layers_free(job->layers);
    job->layers = NULL;
    job->bytes = &job->opened;
    return mail_layers_read(job->opened.bytes, job->opened.size, &decode->limits, &job->mail.inside, &job->layers, err);
}

/* --- writing --- */

/* The document's own label and what was said when it came, the strictest; else the sender's; else amber, assumed. */
static enum tlp effective_tlp(const struct decode_job *job, const struct report *report, bool *is_assumed)
{
    enum tlp said = report ? report->tlp : TLP_NONE;
    if (!db_is_null(job->rows, job->row, TLP))
        said = tlp_strictest(said, (enum tlp)db_get_int(job->rows, job->row, TLP));
    if (said == TLP_NONE && !db_is_null(job->rows, job->row, DEFAULT_TLP))
        said = (enum tlp)db_get_int(job->rows, job->row, DEFAULT_TLP);
    *is_assumed = said == TLP_NONE;
    return *is_assumed ? TLP_AMBER : said;
}

static bool store_content(struct decode_job *job, const struct report *report, const char *state, const char *route, const struct err *why,
                          struct err *err)
{
    struct decode *decode = job->run->state;
    struct report_result result;
    struct report_envelope envelope = {.id = job->report_id,
                                       .route = route,
                                       .sender_id = db_get_int(job->rows, job->row, SENDER),
                                       .state = state,
                                       .format = job->codec ? job->codec->name : NULL,
                                       .error = why ? why->text : NULL,
                                       .error_at = why ? why->at : NULL,
                                       .default_class = db_get_text(job->rows, job->row, DEFAULT_CLASS)};
    envelope.tlp = effective_tlp(job, report, &envelope.tlp_assumed);
    envelope.tlp_least = db_is_null(job->rows, job->row, TLP) ? TLP_NONE : (enum tlp)db_get_int(job->rows, job->row, TLP);
    report_batch_reset(decode->batch);
    report_batch_add(decode->batch, &envelope, report, NULL, 0);
    bool ok = report_batch_store(job->run->db, SQL_DECODE_REPORTS_DECODED, decode->batch, &result, err);
    report_batch_reset(decode->batch);
    return ok;
}

static bool order_opening(struct decode_job *job, struct err *err)
{
    const struct mail_layer *root = &job->layers->layers[0];
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    db_text(job->run->params, root->path);
    db_bytes(job->run->params, root->content, root->content_size);
    return db_run(job->run->db, SQL_DECODE_TO_OPEN, job->run->params, NULL, err);
}

/* What verify must know beside the parts: {"from","layers":[{"path","kind","envelope","sound"}],"has_cipher","is_opened","embedded":[..]}
 */
static char *message_text(const struct decode_job *job)
{
    json_t *from = json_array(), *layers = json_array();
    for (size_t i = 0; i < job->layers->from_count; i++)
        json_array_append_new(from, json_string(job->layers->from[i]));
    for (size_t i = 0; i < job->layers->count; i++) {
        const struct mail_layer *layer = &job->layers->layers[i];
        json_array_append_new(layers, json_pack("{s:s, s:s, s:b, s:b}", "path", layer->path, "kind", mail_layer_kind_name(layer->kind),
                                                "envelope", layer->is_envelope, "sound", layer->is_sound));
    }
    json_t *embedded = job->embedded ? json_loads(job->embedded, 0, NULL) : NULL;
    json_t *message = json_pack("{s:o, s:o, s:b, s:b, s:o}", "from", from, "layers", layers, "has_cipher", job->has_cipher, "is_opened",
                                job->is_opened, "embedded", embedded ? embedded : json_array());
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return text;
}

/* What verify can check: OpenPGP, detached. */
static bool is_checked(const struct mail_layer *layer)
{
    return layer->kind == MAIL_SIGNED && layer->protocol == MAIL_OPENPGP && layer->signature;
}

static bool order_verdict(struct decode_job *job, struct err *err)
{
    struct db_array paths, bytes, signatures;
    char *message = message_text(job);
    db_array_init(&paths, DB_TEXT_ARRAY);
    db_array_init(&bytes, DB_BYTES_ARRAY);
    db_array_init(&signatures, DB_BYTES_ARRAY);
    for (size_t i = 0; i < job->layers->count; i++) {
        const struct mail_layer *layer = &job->layers->layers[i];
        if (!is_checked(layer))
            continue;
        db_array_add_text(&paths, layer->path);
        db_array_add_bytes(&bytes, layer->content, layer->content_size);
        db_array_add_bytes(&signatures, layer->signature, layer->signature_size);
    }
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    db_text(job->run->params, message);
    db_array(job->run->params, &paths);
    db_array(job->run->params, &bytes);
    db_array(job->run->params, &signatures);
    bool ok = db_run(job->run->db, SQL_DECODE_TO_VERIFY, job->run->params, NULL, err);
    db_array_clear(&paths);
    db_array_clear(&bytes);
    db_array_clear(&signatures);
    free(message);
    return ok;
}

/* Nothing in it is signed: no key is needed to say so. What could not be opened waits for somebody to look. */
static bool store_unsigned(struct decode_job *job, struct err *err)
{
    struct signature_cipher ciphers[1] = {{.is_envelope = job->has_cipher, .is_opened = job->is_opened}};
    bool has_part = false;
    for (size_t i = 0; i < job->layers->count; i++)
        has_part |= job->layers->layers[i].kind == MAIL_ENCRYPTED;
    struct signature_mail mail = {
        .from = job->layers->from, .from_count = job->layers->from_count, .ciphers = ciphers, .cipher_count = job->has_cipher || has_part};
    struct signature_result result = signature_summarise(&mail);
    struct verdict verdict = {.report_id = job->report_id,
                              .summary = signature_summary_name(result.summary),
                              .encryption = signature_encryption_name(result.encryption),
                              .signed_at = TIMESTAMP_NONE,
                              .parts = "[]",
                              .route = result.encryption == ENCRYPTION_UNDECRYPTABLE ? "hold" : "triage"};
    return verdict_store(job->run->db, SQL_DECODE_VERDICT, job->run->params, &verdict, err);
}

static bool has_signatures(const struct decode_job *job)
{
    for (size_t i = 0; i < job->layers->count; i++)
        if (job->layers->layers[i].kind == MAIL_SIGNED)
            return true;
    return job->embedded && !str_equal(job->embedded, "[]");
}

static bool store_mail(struct decode_job *job, const struct report *report, struct err *err)
{
    if (!store_content(job, report, "decoding", "none", NULL, err))
        return false;
    if (job->has_cipher && !job->was_tried)
        return order_opening(job, err);
    return has_signatures(job) ? order_verdict(job, err) : store_unsigned(job, err);
}

static bool decode_job_run(struct decode_job *job, struct report **report, struct err *why)
{
    const struct decode *decode = job->run->state;
    struct codec_hints hints = {
        .name = db_get_text(job->rows, job->row, NAME), .media_type = db_get_text(job->rows, job->row, MEDIA_TYPE), .mail = &job->mail};
    if (!job->codec)
        return err_set_at(why, ERR_INPUT, "Content-Type", "this is none of the formats we read");
    if (is_mail(job) && !read_layers(job, why))
        return false;
    return codec_decode(job->codec, buf_text(job->bytes), job->bytes->size, &decode->limits, &hints, report, why);
}

static bool decode_work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct decode *decode = run->state;
    struct decode_job job = {.run = run, .rows = rows, .row = row, .report_id = db_get_int(rows, row, REPORT)};
    struct report *report = NULL;
    struct err why;
    buf_init(&job.raw, SIZE_MAX / 4);
    buf_init(&job.opened, 2 * decode->limits.document_bytes_max);
    job.bytes = &job.raw;
    bool ok = read_bytes(&job, err);
    if (!ok)
        goto done;
    choose_codec(&job);
    err_clear(&why);
    if (decode_job_run(&job, &report, &why))
        ok = is_mail(&job) ? store_mail(&job, report, err) : store_content(&job, report, "received", "triage", NULL, err);
    else if (why.code == ERR_INPUT || why.code == ERR_LIMIT)
        ok = store_content(&job, NULL, "malformed", "none", &why, err);
    else {
        *err = why;
        ok = false;
    }
done:
    report_free(report);
    mail_layers_free(job.layers);
    free(job.embedded);
    buf_clear(&job.raw);
    buf_clear(&job.opened);
    return ok;
}

static bool decode_start(struct stage_run *run, struct err *err)
{
    UNUSED(err);
    if (run->state)
        return true;
    struct decode *decode = mem_calloc(1, sizeof *decode);
    decode->limits = codec_limits_default;
    decode->limits.document_bytes_max = DOCUMENT_SIZE_MAX;
    decode->batch = report_batch_new();
    run->state = decode;
    return true;
}

static void decode_stop(struct stage_run *run)
{
    struct decode *decode = run->state;
    if (!decode)
        return;
    report_batch_free(decode->batch);
    free(decode);
}

bool decode_run(const struct role_context *context, struct err *err)
{
    static const struct stage stage = {.role = "decode",
                                       .listen = SQL_DECODE_LISTEN,
                                       .claim = SQL_DECODE_CLAIM,
                                       .settle = SQL_DECODE_SETTLE,
                                       .fail = SQL_DECODE_FAIL,
                                       .poll_ms = 2000,
                                       .is_batched = true,
                                       .work = decode_work,
                                       .start = decode_start,
                                       .stop = decode_stop};
    return stage_loop(&stage, context, err);
}
