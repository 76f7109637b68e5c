#include "store/report_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* The arrays of reports_insert() and report_rows() in sql/functions, in their order: a row here is a parameter there. */
enum column {
    R_ID,
    R_ROUTE,
    R_SENDER,
    R_CHANNEL,
    R_ASSURANCE,
    R_SHA256,
    R_SIZE,
    R_NAME,
    R_MEDIA_TYPE,
    R_STATE,
    R_FORMAT,
    R_TLP,
    R_TLP_ASSUMED,
    R_CLASS,
    R_CLASS_CLAIM,
    R_DESCRIPTION,
    R_SUMMARY,
    R_LANG,
    R_REFERENCE,
    R_REFERENCE_ISSUER,
    R_TIME,
    R_TIME_TEXT,
    R_TIME_RULE,
    R_EXTRA,
    R_OBSERVATIONS,
    R_REJECTED_TOTAL,
    R_REJECTED,
    R_ERROR,
    R_ERROR_AT,
    R_REPORTER_NAME,
    R_REPORTER_EMAIL,
    R_PAP,
    R_CASE_KIND,
    B_ORD,
    B_NO,
    B_BYTES,
    O_ORD,
    O_NO,
    O_TIME,
    O_TIME_TEXT,
    O_TIME_RULE,
    O_CLASS,
    O_CLASS_CLAIM,
    O_COUNT,
    O_DESCRIPTION,
    O_PROTOCOL,
    O_SOURCE_PORT,
    O_TARGET_PORT,
    O_EXTRA,
    O_STATEMENT,
    S_ORD,
    S_OBSERVATION,
    S_TYPE,
    S_ROLE,
    S_TLP,
    S_INDICATOR,
    S_ADDR,
    S_HOST,
    S_VALUE,
    S_PAP,
    S_CONFIDENCE,
    S_VALID_UNTIL,
    S_ORIGINAL,
    S_INDICATOR_ID,
    S_INDICATOR_TIME,
    W_ORD,
    W_INDICATOR_ID,
    W_TIME,
    COLUMN_COUNT
};

static const enum db_array_kind kinds[COLUMN_COUNT] = {
    [R_ID] = DB_INT8_ARRAY,
    [R_SENDER] = DB_INT8_ARRAY,
    [R_SHA256] = DB_BYTES_ARRAY,
    [R_SIZE] = DB_INT8_ARRAY,
    [R_ROUTE] = DB_TEXT_ARRAY,
    [R_CHANNEL] = DB_TEXT_ARRAY,
    [R_ASSURANCE] = DB_TEXT_ARRAY,
    [R_NAME] = DB_TEXT_ARRAY,
    [R_MEDIA_TYPE] = DB_TEXT_ARRAY,
    [R_STATE] = DB_TEXT_ARRAY,
    [R_FORMAT] = DB_TEXT_ARRAY,
    [R_TLP] = DB_INT2_ARRAY,
    [R_TLP_ASSUMED] = DB_BOOL_ARRAY,
    [R_CLASS] = DB_TEXT_ARRAY,
    [R_CLASS_CLAIM] = DB_TEXT_ARRAY,
    [R_DESCRIPTION] = DB_TEXT_ARRAY,
    [R_SUMMARY] = DB_TEXT_ARRAY,
    [R_LANG] = DB_TEXT_ARRAY,
    [R_REFERENCE] = DB_TEXT_ARRAY,
    [R_REFERENCE_ISSUER] = DB_TEXT_ARRAY,
    [R_TIME] = DB_TIME_ARRAY,
    [R_TIME_TEXT] = DB_TEXT_ARRAY,
    [R_TIME_RULE] = DB_TEXT_ARRAY,
    [R_EXTRA] = DB_TEXT_ARRAY,
    [R_OBSERVATIONS] = DB_INT4_ARRAY,
    [R_REJECTED_TOTAL] = DB_INT4_ARRAY,
    [R_REJECTED] = DB_TEXT_ARRAY,
    [R_ERROR] = DB_TEXT_ARRAY,
    [R_ERROR_AT] = DB_TEXT_ARRAY,
    [R_REPORTER_NAME] = DB_TEXT_ARRAY,
    [R_REPORTER_EMAIL] = DB_TEXT_ARRAY,
    [R_PAP] = DB_INT2_ARRAY,
    [R_CASE_KIND] = DB_TEXT_ARRAY,
    [B_ORD] = DB_INT4_ARRAY,
    [B_NO] = DB_INT4_ARRAY,
    [B_BYTES] = DB_BYTES_ARRAY,
    [O_ORD] = DB_INT4_ARRAY,
    [O_NO] = DB_INT4_ARRAY,
    [O_TIME] = DB_TIME_ARRAY,
    [O_TIME_TEXT] = DB_TEXT_ARRAY,
    [O_TIME_RULE] = DB_TEXT_ARRAY,
    [O_CLASS] = DB_TEXT_ARRAY,
    [O_CLASS_CLAIM] = DB_TEXT_ARRAY,
    [O_COUNT] = DB_INT8_ARRAY,
    [O_DESCRIPTION] = DB_TEXT_ARRAY,
    [O_PROTOCOL] = DB_TEXT_ARRAY,
    [O_SOURCE_PORT] = DB_INT4_ARRAY,
    [O_TARGET_PORT] = DB_INT4_ARRAY,
    [O_EXTRA] = DB_TEXT_ARRAY,
    [O_STATEMENT] = DB_INT8_ARRAY,
    [S_ORD] = DB_INT4_ARRAY,
    [S_OBSERVATION] = DB_INT4_ARRAY,
    [S_TYPE] = DB_INT2_ARRAY,
    [S_ROLE] = DB_INT2_ARRAY,
    [S_TLP] = DB_INT2_ARRAY,
    [S_INDICATOR] = DB_BOOL_ARRAY,
    [S_ADDR] = DB_INET_ARRAY,
    [S_HOST] = DB_TEXT_ARRAY,
    [S_VALUE] = DB_TEXT_ARRAY,
    [S_PAP] = DB_INT2_ARRAY,
    [S_CONFIDENCE] = DB_INT2_ARRAY,
    [S_VALID_UNTIL] = DB_TIME_ARRAY,
    [S_ORIGINAL] = DB_TEXT_ARRAY,
    [S_INDICATOR_ID] = DB_INT8_ARRAY,
    [S_INDICATOR_TIME] = DB_TIME_ARRAY,
    [W_ORD] = DB_INT4_ARRAY,
    [W_INDICATOR_ID] = DB_INT8_ARRAY,
    [W_TIME] = DB_TIME_ARRAY,
};

struct report_batch {
    struct db_array columns[COLUMN_COUNT];
    struct db_params *params;
    size_t count;
    struct arena *scratch; /* hosts of sightings */
};

struct report_batch *report_batch_new(void)
{
    struct report_batch *batch = mem_calloc(1, sizeof *batch);
    for (int i = 0; i < COLUMN_COUNT; i++)
        db_array_init(&batch->columns[i], kinds[i]);
    batch->params = db_params_new();
    batch->scratch = arena_new();
    return batch;
}

void report_batch_free(struct report_batch *batch)
{
    if (!batch)
        return;
    for (int i = 0; i < COLUMN_COUNT; i++)
        db_array_clear(&batch->columns[i]);
    db_params_free(batch->params);
    arena_free(batch->scratch);
    free(batch);
}

void report_batch_reset(struct report_batch *batch)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        db_array_reset(&batch->columns[i]);
    db_params_reset(batch->params);
    arena_reset(batch->scratch);
    batch->count = 0;
}

size_t report_batch_count(const struct report_batch *batch)
{
    return batch->count;
}

size_t report_batch_size(const struct report_batch *batch)
{
    size_t size = 0;
    for (int i = 0; i < COLUMN_COUNT; i++)
        size += batch->columns[i].buf.size;
    return size;
}

static void text(struct report_batch *batch, enum column column, const char *value)
{
    db_array_add_text(&batch->columns[column], value);
}

static void int4(struct report_batch *batch, enum column column, int64_t value)
{
    db_array_add_int4(&batch->columns[column], (int32_t)value);
}

/* Below 0: nobody said. */
static void int2(struct report_batch *batch, enum column column, int value)
{
    if (value < 0)
        db_array_add_null(&batch->columns[column]);
    else
        db_array_add_int2(&batch->columns[column], (int16_t)value);
}

static void port(struct report_batch *batch, enum column column, int value)
{
    if (value < 0)
        db_array_add_null(&batch->columns[column]);
    else
        int4(batch, column, value);
}

/* What holds for sightings without a label, what none is wider than, and what holds for all. */
struct labels {
    enum tlp own, least, pap;
    int confidence; /* where nothing is said; -1: nobody did */
};

static struct labels labels_of(const struct report_envelope *envelope, const struct report *report)
{
    return (struct labels){.own = envelope->tlp,
                           .least = envelope->tlp_least,
                           .pap = report ? report->pap : TLP_NONE,
                           .confidence = envelope->has_confidence ? envelope->default_confidence : -1};
}

/* Few have one, and unnest() fills up with NULL what is shorter: nothing is written behind the last. */
static void add_indicator_id(struct report_batch *batch, const struct sighting *sighting)
{
    struct db_array *ids = &batch->columns[S_INDICATOR_ID], *times = &batch->columns[S_INDICATOR_TIME];
    if (!sighting->indicator_id || !sighting->is_indicator)
        return;
    while (ids->count + 1 < batch->columns[S_ORD].count)
        db_array_add_null(ids);
    db_array_add_int8(ids, sighting->indicator_id);
    while (times->count + 1 < ids->count)
        db_array_add_null(times);
    db_array_add_time(times, sighting->indicator_time);
}

static void add_sighting(struct report_batch *batch, int32_t ord, int32_t no, const struct labels *labels, const struct sighting *sighting)
{
    int4(batch, S_ORD, ord);
    int4(batch, S_OBSERVATION, no);
    db_array_add_int2(&batch->columns[S_TYPE], (int16_t)sighting->type);
    db_array_add_int2(&batch->columns[S_ROLE], (int16_t)sighting->role);
    db_array_add_int2(&batch->columns[S_TLP],
                      (int16_t)tlp_strictest(sighting->tlp == TLP_NONE ? labels->own : sighting->tlp, labels->least));
    db_array_add_bool(&batch->columns[S_INDICATOR], sighting->is_indicator);
    bool is_address = sighting->type == OBSERVABLE_IPV4 || sighting->type == OBSERVABLE_IPV6 || sighting->type == OBSERVABLE_CIDR;
    db_array_add_inet(&batch->columns[S_ADDR], is_address ? sighting->value : NULL);
    text(batch, S_HOST, is_address ? NULL : observable_host(batch->scratch, sighting->type, sighting->value));
    text(batch, S_VALUE, sighting->value);
    int2(batch, S_PAP, labels->pap == TLP_NONE ? -1 : (int)labels->pap);
    int2(batch, S_CONFIDENCE, sighting->confidence < 0 ? labels->confidence : sighting->confidence);
    db_array_add_time(&batch->columns[S_VALID_UNTIL], sighting->valid_until);
    text(batch, S_ORIGINAL, sighting->original);
    add_indicator_id(batch, sighting);
}

/* Without its sightings. */
static void add_observation(struct report_batch *batch, int32_t ord, int32_t no, const char *default_class,
                            const struct observation *observation)
{
    int4(batch, O_ORD, ord);
    int4(batch, O_NO, no);
    db_array_add_time(&batch->columns[O_TIME], observation->time);
    text(batch, O_TIME_TEXT, observation->time_text);
    text(batch, O_TIME_RULE, observation->time_rule);
    text(batch, O_CLASS, observation->class_name ? observation->class_name : default_class);
    text(batch, O_CLASS_CLAIM, observation->class_claim);
    db_array_add_int8(&batch->columns[O_COUNT], observation->count);
    text(batch, O_DESCRIPTION, observation->description);
    text(batch, O_PROTOCOL, observation->protocol);
    port(batch, O_SOURCE_PORT, observation->source_port);
    port(batch, O_TARGET_PORT, observation->target_port);
    text(batch, O_EXTRA, observation->extra);
    db_array_add_int8(&batch->columns[O_STATEMENT], report_statement(observation));
}

static void add_envelope(struct report_batch *batch, const struct report_envelope *envelope, const struct report *report)
{
    db_array_add_int8(&batch->columns[R_ID], envelope->id);
    bool is_withdrawal = report && report->withdrawn_count && !report->observation_count && !envelope->observations &&
                         !report->description && str_equal(envelope->route, "triage");
    text(batch, R_ROUTE, is_withdrawal ? "withdrawal" : envelope->route);
    db_array_add_int8(&batch->columns[R_SENDER], envelope->sender_id);
    text(batch, R_CHANNEL, envelope->channel);
    text(batch, R_ASSURANCE, envelope->assurance);
    db_array_add_bytes(&batch->columns[R_SHA256], envelope->sha256, REPORT_SHA256_SIZE);
    db_array_add_int8(&batch->columns[R_SIZE], envelope->size);
    text(batch, R_NAME, envelope->name);
    text(batch, R_MEDIA_TYPE, envelope->media_type);
    text(batch, R_STATE, envelope->state);
    text(batch, R_FORMAT, envelope->format);
    db_array_add_int2(&batch->columns[R_TLP], (int16_t)envelope->tlp);
    db_array_add_bool(&batch->columns[R_TLP_ASSUMED], envelope->tlp_assumed);
    text(batch, R_ERROR, envelope->error);
    text(batch, R_ERROR_AT, envelope->error_at);
}

static const char *rejections_json(struct report_batch *batch, const struct report *report)
{
    if (report->rejection_count == 0)
        return NULL;
    struct buf json;
    buf_init(&json, 1024 * 1024);
    for (size_t i = 0; i < report->rejection_count; i++) {
        buf_add_text(&json, i ? ",{\"at\":" : "[{\"at\":");
        str_add_json(&json, report->rejections[i].at);
        buf_add_text(&json, ",\"error\":");
        str_add_json(&json, report->rejections[i].text);
        buf_add_char(&json, '}');
    }
    buf_add_char(&json, ']');
    const char *copy = json.full ? NULL : arena_strdup(batch->scratch, buf_text(&json));
    buf_clear(&json);
    return copy;
}

/* A member of an object; "null" where the text is NULL. */
static void add_member(struct buf *json, const char *before, const char *value)
{
    buf_add_text(json, before);
    if (value)
        str_add_json(json, value);
    else
        buf_add_text(json, "null");
}

/* The team that wrote the document has no column: it stands first in extra. */
static const char *extra_text(struct report_batch *batch, const struct report *report)
{
    const char *name = report->creator_name, *email = report->creator_email;
    const char *extra = report->extra && !str_equal(report->extra, "{}") ? report->extra : NULL;
    if (str_is_empty(name) && str_is_empty(email))
        return report->extra;
    struct buf json;
    buf_init(&json, SIZE_MAX);
    add_member(&json, "{\"creator\":{\"name\":", name);
    add_member(&json, ",\"email\":", email);
    buf_add_text(&json, extra ? "}," : "}}");
    buf_add_text(&json, extra ? extra + 1 : "");
    const char *copy = arena_strdup(batch->scratch, buf_text(&json));
    buf_clear(&json);
    return copy;
}

static const struct report empty_report = {.time = TIMESTAMP_NONE, .tlp = TLP_NONE, .pap = TLP_NONE};

static void add_content(struct report_batch *batch, const struct report_envelope *envelope, const struct report *report)
{
    text(batch, R_CLASS, report->class_name ? report->class_name : envelope->default_class);
    text(batch, R_CLASS_CLAIM, report->class_claim);
    text(batch, R_DESCRIPTION, report->description);
    text(batch, R_SUMMARY, report->summary);
    text(batch, R_LANG, report->lang);
    text(batch, R_REFERENCE, report->reference);
    text(batch, R_REFERENCE_ISSUER, report->reference_issuer);
    db_array_add_time(&batch->columns[R_TIME], report->time);
    text(batch, R_TIME_TEXT, report->time_text);
    text(batch, R_TIME_RULE, report->time_rule);
    text(batch, R_EXTRA, extra_text(batch, report));
    int4(batch, R_REJECTED_TOTAL, (int64_t)report->rejected_total);
    text(batch, R_REJECTED, rejections_json(batch, report));
    text(batch, R_REPORTER_NAME, report->reporter_name);
    text(batch, R_REPORTER_EMAIL, report->reporter_email);
    int2(batch, R_PAP, report->pap == TLP_NONE ? -1 : (int)report->pap);
    text(batch, R_CASE_KIND, report->case_kind);
}

static void add_raw(struct report_batch *batch, int32_t ord, const char *raw, size_t size)
{
    int32_t no = 0;
    size_t done = 0;
    while (done < size || no == 0) {
        size_t part = size - done < REPORT_RAW_CHUNK ? size - done : REPORT_RAW_CHUNK;
        int4(batch, B_ORD, ord);
        int4(batch, B_NO, no++);
        db_array_add_bytes(&batch->columns[B_BYTES], raw + done, part);
        done += part;
    }
}

void report_envelope_malformed(struct report_envelope *envelope, const char *error, const char *at, const char *bytes, size_t size)
{
    envelope->state = "malformed";
    envelope->route = "none";
    envelope->error = error;
    envelope->error_at = at;
    if (envelope->tlp != TLP_RED && tlp_red_in_bytes(bytes, size)) {
        envelope->tlp = TLP_RED;
        envelope->tlp_assumed = true;
    }
}

void report_batch_add(struct report_batch *batch, const struct report_envelope *envelope, const struct report *report, const char *raw,
                      size_t raw_size)
{
    int32_t ord = (int32_t)++batch->count;
    size_t observations = report ? report->observation_count : 0;
    const struct labels labels = labels_of(envelope, report);
    add_envelope(batch, envelope, report);
    add_content(batch, envelope, report ? report : &empty_report);
    int4(batch, R_OBSERVATIONS, envelope->observations ? envelope->observations : (int64_t)observations);
    if (raw)
        add_raw(batch, ord, raw, raw_size);
    for (size_t i = 0; report && i < report->withdrawn_count; i++) {
        int4(batch, W_ORD, ord);
        db_array_add_int8(&batch->columns[W_INDICATOR_ID], report->withdrawn[i].indicator_id);
        db_array_add_time(&batch->columns[W_TIME], report->withdrawn[i].time);
    }
    for (size_t i = 0; i < observations; i++) {
        const struct observation *observation = &report->observations[i];
        add_observation(batch, ord, (int32_t)i + 1, report->class_name ? report->class_name : envelope->default_class, observation);
        for (size_t j = 0; j < observation->sighting_count; j++)
            add_sighting(batch, ord, (int32_t)i + 1, &labels, &observation->sightings[j]);
    }
}

bool report_batch_store(struct db *db, enum sql_statement statement, struct report_batch *batch, struct report_result *results,
                        struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(batch->params);
    for (int i = 0; i < COLUMN_COUNT; i++)
        db_array(batch->params, &batch->columns[i]);
    if (!db_run(db, statement, batch->params, &rows, err))
        return false;
    if (db_row_count(rows) != batch->count)
        BUG("reports_insert answered %zu rows for %zu reports", db_row_count(rows), batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        struct report_result *result = &results[db_get_int(rows, i, 0) - 1];
        result->id = db_get_int(rows, i, 1);
        result->is_duplicate = db_get_bool(rows, i, 2);
        result->is_malformed = str_equal(db_get_text(rows, i, 3), "malformed");
        result->tlp = db_is_null(rows, i, 4) ? TLP_NONE : (enum tlp)db_get_int(rows, i, 4);
    }
    db_rows_free(rows);
    return true;
}

static void begin_rows(struct report_batch *batch, const struct report_envelope *envelope)
{
    report_batch_reset(batch);
    db_array_add_int8(&batch->columns[R_ID], envelope->id);
    db_array_add_int8(&batch->columns[R_SENDER], envelope->sender_id);
}

static bool send_rows(struct db *db, enum sql_statement statement, struct report_batch *batch, struct err *err)
{
    db_array(batch->params, &batch->columns[R_ID]);
    db_array(batch->params, &batch->columns[R_SENDER]);
    for (int i = O_ORD; i < COLUMN_COUNT; i++)
        db_array(batch->params, &batch->columns[i]);
    /* The next rows are read while these are written. */
    return db_send(db, statement, batch->params, err);
}

/* One statement holds at most this many observations and sightings: a document that is no row of many may have hundreds of thousands, and
 * libpq keeps the largest message it ever sent. */
enum { ROWS_VALUES_MAX = 20000 };

bool report_batch_store_rows(struct db *db, enum sql_statement statement, struct report_batch *batch,
                             const struct report_envelope *envelope, const struct report *report, int32_t *next_no, struct err *err)
{
    const struct labels labels = labels_of(envelope, report);
    const char *default_class = report->class_name ? report->class_name : envelope->default_class;
    bool ok = true;
    begin_rows(batch, envelope);
    for (size_t i = 0; ok && i < report->observation_count; i++) {
        const struct observation *observation = &report->observations[i];
        add_observation(batch, 1, *next_no, default_class, observation);
        for (size_t j = 0; ok && j < observation->sighting_count; j++) {
            add_sighting(batch, 1, *next_no, &labels, &observation->sightings[j]);
            if (batch->columns[O_ORD].count + batch->columns[S_ORD].count < ROWS_VALUES_MAX)
                continue;
            ok = send_rows(db, statement, batch, err);
            begin_rows(batch, envelope);
        }
        (*next_no)++;
    }
    ok = ok && send_rows(db, statement, batch, err);
    report_batch_reset(batch);
    return ok;
}
