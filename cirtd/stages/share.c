/*
 * Writes an ordered share as a RID Report with an IODEF document, and reads what peers answer to it. Has no network: push carries.
 *
 * What goes was decided when it was ordered and proved by the database then. Here every item is judged once more as things stand now,
 * and the document is read back: it must say the items that were decided, and nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "codec/iodef.h"
#include "codec/json_value.h"
#include "codec/rid.h"
#include "crypto/digest.h"
#include "rules/disclosure.h"

enum { POLL_MS = 5000, CLASSES_MAX = 200 };

/* The columns of `claim`, `head`, `items` and `answer`. */
enum { CLAIM_ID, CLAIM_ATTEMPTS, CLAIM_KIND, CLAIM_SHARE, CLAIM_VERSION, CLAIM_DELIVERY };
enum {
    HEAD_VERSION,
    HEAD_TLP,
    HEAD_ORDERED,
    HEAD_CASE,
    HEAD_CLASS,
    HEAD_PEER_ID,
    HEAD_PEER,
    HEAD_PEER_ENABLED,
    HEAD_RID_URL,
    HEAD_CEILING,
    HEAD_CLASSES,
    HEAD_AGREED,
    HEAD_FROM,
    HEAD_UNTIL,
    HEAD_TEAM,
    HEAD_PREFIX,
    HEAD_DOMAIN
};
enum { ITEM_NO, ITEM_KIND, ITEM_REF, ITEM_CONTENT, ITEM_SHA256, ITEM_TLP, ITEM_ORIGIN, ITEM_PERSONAL, ITEM_SHAREABLE, ITEM_RESTRICTED };
enum { ANSWER_STATUS, ANSWER_BODY, ANSWER_CASE, ANSWER_PREFIX };

/* A list of texts on the heap. */
struct texts {
    char **items;
    size_t count, capacity;
};

static void texts_add(struct texts *texts, char *text)
{
    texts->items = mem_grow(texts->items, &texts->capacity, texts->count, sizeof *texts->items);
    texts->items[texts->count++] = text;
}

static void texts_clear(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

/* One order at hand. */
struct writing {
    struct stage_run *run;
    struct db_rows *head, *items;
    const char *classes[CLASSES_MAX];
    size_t class_count;
    struct disclosure_peer peer;
    struct disclosure_agreement agreement;
    struct report *report;
    struct texts keys;   /* of the observations, in their order: what their sightings have in common */
    struct buf notes;    /* the description */
    struct texts wanted; /* what the document must say, a sighting each */
};

static const char *head_text(const struct writing *writing, int column)
{
    return db_get_text(writing->head, 0, column);
}

/* --- may it go, today --- */

static bool read_classes(struct writing *writing, char *list, struct err *err)
{
    for (char *rest = list, *word; (word = strtok_r(rest, " ", &rest));) {
        if (writing->class_count == CLASSES_MAX)
            return err_set(err, ERR_DENIED, "an agreement of more than %d classes cannot be judged", CLASSES_MAX);
        writing->classes[writing->class_count++] = word;
    }
    return true;
}

static bool judge_item(const struct writing *writing, size_t row, int64_t now, struct err *err)
{
    const struct db_rows *items = writing->items;
    const char *kind = db_get_text(items, row, ITEM_KIND);
    const struct disclosure_item item = {
        .kind = str_equal(kind, "case")   ? DISCLOSURE_CASE
                : str_equal(kind, "note") ? DISCLOSURE_NOTE
                                          : DISCLOSURE_SIGHTING,
        .tlp = (enum tlp)db_get_int(items, row, ITEM_TLP),
        .origin_peer = db_get_int(items, row, ITEM_ORIGIN),
        .class_name = head_text(writing, HEAD_CLASS),
        .is_personal = db_is_null(items, row, ITEM_PERSONAL) || db_get_bool(items, row, ITEM_PERSONAL),
        .is_restricted = db_is_null(items, row, ITEM_RESTRICTED) || db_get_bool(items, row, ITEM_RESTRICTED),
        .is_shareable = !db_is_null(items, row, ITEM_SHAREABLE) && db_get_bool(items, row, ITEM_SHAREABLE),
    };
    struct disclosure_verdict verdict =
        disclosure_decide(&item, db_is_null(writing->head, 0, HEAD_CEILING) ? NULL : &writing->agreement, &writing->peer, now);
    if (verdict.reason != DISCLOSURE_GOES)
        return err_set(err, ERR_DENIED, "\"%.100s\" stays: %s", db_get_text(items, row, ITEM_REF), verdict.text);
    if (item.tlp > (enum tlp)db_get_int(writing->head, 0, HEAD_TLP))
        return err_set(err, ERR_DENIED, "\"%.100s\" stays: %s does not fit into a document of %s", db_get_text(items, row, ITEM_REF),
                       tlp_label(item.tlp), tlp_label((enum tlp)db_get_int(writing->head, 0, HEAD_TLP)));
    return true;
}

static bool judge(struct writing *writing, struct err *err)
{
    int64_t now = timestamp_now();
    char *list = mem_strdup(db_is_null(writing->head, 0, HEAD_CLASSES) ? "" : head_text(writing, HEAD_CLASSES));
    bool ok = read_classes(writing, list, err);
    writing->peer = (struct disclosure_peer){.id = db_get_int(writing->head, 0, HEAD_PEER_ID),
                                             .name = head_text(writing, HEAD_PEER),
                                             .enabled = db_get_bool(writing->head, 0, HEAD_PEER_ENABLED)};
    writing->agreement = (struct disclosure_agreement){.valid_from = db_get_time(writing->head, 0, HEAD_FROM),
                                                       .valid_until = db_get_time(writing->head, 0, HEAD_UNTIL),
                                                       .enabled = db_get_bool(writing->head, 0, HEAD_AGREED),
                                                       .ceiling = (enum tlp)db_get_int(writing->head, 0, HEAD_CEILING),
                                                       .classes = writing->classes,
                                                       .class_count = writing->class_count};
    if (ok && db_row_count(writing->items) == 0)
        ok = err_set(err, ERR_DENIED, "there is nothing to share");
    for (size_t row = 0; ok && row < db_row_count(writing->items); row++)
        ok = judge_item(writing, row, now, err);
    writing->class_count = 0;
    free(list);
    return ok;
}

/* --- the report --- */

/* Text as XML can hold it and gives it back: without control characters, blanks at the ends and carriage returns. */
static void add_clean(struct buf *out, const char *text)
{
    size_t start = out->size;
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') {
            if (*text != '\r')
                buf_add_char(out, ' ');
        } else if (out->size > start || !strchr(" \n\t", *text)) {
            buf_add_char(out, *text);
        }
    }
    while (out->size > start && strchr(" \n\t", out->bytes[out->size - 1]))
        out->bytes[--out->size] = '\0';
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool take_case(struct writing *writing, const json_t *content)
{
    struct report *report = writing->report;
    struct buf text;
    buf_init(&text, 64 * 1024);
    add_clean(&text, member(content, "summary") ? member(content, "summary") : "");
    report->class_claim = report->class_name = arena_strdup(report->arena, member(content, "class"));
    report->summary = text.size ? arena_strdup(report->arena, buf_text(&text)) : NULL;
    buf_clear(&text);
    return true;
}

/* TLP 2.0: in running text the label stands before what it marks. */
static bool take_note(struct writing *writing, enum tlp tlp, const json_t *content)
{
    if (writing->notes.size)
        buf_add_text(&writing->notes, "\n\n");
    buf_printf(&writing->notes, "%s %s\n", tlp_label(tlp), member(content, "time") ? member(content, "time") : "");
    add_clean(&writing->notes, member(content, "text") ? member(content, "text") : "");
    return true;
}

static int port_of(const json_t *content, const char *name)
{
    const json_t *port = json_object_get(content, name);
    return json_is_integer(port) ? (int)json_integer_value(port) : -1;
}

static void fill_observation(struct report *report, struct observation *observation, const json_t *content)
{
    struct arena *arena = report_row_arena(report);
    const json_t *count = json_object_get(content, "count");
    const char *first = member(content, "first"), *last = member(content, "last");
    if (first && timestamp_parse_rfc3339(first, &observation->time)) {
        observation->time_text = arena_strdup(arena, first);
        observation->time_rule = "rfc3339";
    }
    observation->class_claim = observation->class_name = arena_strdup(arena, member(content, "class"));
    observation->count = json_is_integer(count) && json_integer_value(count) > 0 ? json_integer_value(count) : 1;
    observation->protocol = arena_strdup(arena, member(content, "protocol"));
    observation->source_port = port_of(content, "source_port");
    observation->target_port = port_of(content, "target_port");
    if (last && !str_equal(first, last))
        observation->extra = arena_printf(arena, "{\"last\":\"%s\"}", last); /* RFC 3339: nothing to escape */
}

/* Values seen at the same times, as often and in the same manner stand in one observation. */
static struct observation *observation_for(struct writing *writing, const json_t *content)
{
    char *key = mem_printf(
        "%s %s %lld %s %s %d %d", member(content, "first") ? member(content, "first") : "-",
        member(content, "last") ? member(content, "last") : "-", (long long)json_integer_value(json_object_get(content, "count")),
        member(content, "class") ? member(content, "class") : "-", member(content, "protocol") ? member(content, "protocol") : "-",
        port_of(content, "source_port"), port_of(content, "target_port"));
    for (size_t i = 0; i < writing->keys.count; i++) {
        if (str_equal(writing->keys.items[i], key)) {
            free(key);
            return &writing->report->observations[i];
        }
    }
    texts_add(&writing->keys, key);
    struct observation *observation = report_add_observation(writing->report);
    fill_observation(writing->report, observation, content);
    return observation;
}

/* What a sighting says, for comparing. */
static char *sighting_text(const char *type, const char *role, enum tlp tlp, bool is_indicator, const char *value)
{
    return mem_printf("%s %s %s %s%s", type, role, tlp_label(tlp), is_indicator ? "indicator " : "", value);
}

static bool take_sighting(struct writing *writing, enum tlp tlp, const json_t *content, const char *ref, struct err *err)
{
    enum observable_type type;
    enum sighting_role role;
    const char *value = member(content, "value");
    if (!value || !member(content, "type") || !member(content, "role") || !observable_type_parse(member(content, "type"), &type) ||
        !sighting_role_parse(member(content, "role"), &role))
        return err_set(err, ERR_INPUT, "\"%.100s\" is no sighting that can be written", ref);
    struct observation *observation = observation_for(writing, content);
    if (!report_add_sighting(writing->report, observation, type, role, value))
        return err_set(err, ERR_INPUT, "\"%.100s\" is no %s that can be written", ref, observable_type_name(type));
    struct sighting *sighting = &observation->sightings[observation->sighting_count - 1];
    sighting->tlp = tlp;
    sighting->is_indicator = json_is_true(json_object_get(content, "indicator")) && role != ROLE_VICTIM;
    texts_add(&writing->wanted, sighting_text(observable_type_name(type), sighting_role_name(role), tlp, sighting->is_indicator, value));
    return true;
}

static bool is_as_decided(const char *content, const char *decided)
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    digest_sha256(content, strlen(content), digest);
    str_hex(digest, sizeof digest, hex);
    return str_equal(hex, decided);
}

static bool take_item(struct writing *writing, size_t row, struct err *err)
{
    const char *kind = db_get_text(writing->items, row, ITEM_KIND), *ref = db_get_text(writing->items, row, ITEM_REF);
    const char *text = db_get_text(writing->items, row, ITEM_CONTENT);
    enum tlp tlp = (enum tlp)db_get_int(writing->items, row, ITEM_TLP);
    json_t *content = NULL;
    if (!is_as_decided(text, db_get_text(writing->items, row, ITEM_SHA256)))
        return err_set(err, ERR_DENIED, "\"%.100s\" stays: it is not what was decided", ref);
    if (!json_value_parse(text, strlen(text), &codec_limits_default, &content, err))
        return err_context(err, "item \"%.100s\"", ref);
    bool ok = str_equal(kind, "case")   ? take_case(writing, content)
              : str_equal(kind, "note") ? take_note(writing, tlp, content)
                                        : take_sighting(writing, tlp, content, ref, err);
    json_decref(content);
    return ok;
}

/* Our name for the case, who we are, and the items; nothing of reporters, of other items or of the case's history is at hand here. */
static bool build(struct writing *writing, struct err *err)
{
    struct report *report = writing->report = report_new(iodef_codec.name);
    report->reference = arena_strdup(report->arena, head_text(writing, HEAD_CASE));
    report->reference_issuer = arena_strdup(report->arena, head_text(writing, HEAD_PREFIX));
    report->time = db_get_time(writing->head, 0, HEAD_ORDERED); /* not the clock: written again it is the same document */
    report->tlp = (enum tlp)db_get_int(writing->head, 0, HEAD_TLP);
    report->creator_name = arena_strdup(report->arena, head_text(writing, HEAD_TEAM));
    report->creator_email = arena_printf(report->arena, "incident@%s", head_text(writing, HEAD_DOMAIN));
    for (size_t row = 0; row < db_row_count(writing->items); row++)
        if (!take_item(writing, row, err))
            return false;
    if (writing->notes.full)
        return err_set(err, ERR_LIMIT, "the notes are longer than %zu bytes", writing->notes.size_max);
    report->description = writing->notes.size ? buf_text(&writing->notes) : NULL;
    return true;
}

/* --- the document --- */

/* The host in "https://HOST:PORT/", without the brackets of an IPv6 address; the caller's. NULL where there is none. */
static char *host_of(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    if (!host)
        return NULL;
    host += strlen("://");
    size_t size = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":/");
    return size ? mem_printf("%.*s", (int)size, host) : NULL;
}

static bool encode(const struct writing *writing, struct buf *out, struct err *err)
{
    struct buf iodef;
    char *host = host_of(head_text(writing, HEAD_RID_URL));
    const struct rid_envelope envelope = {
        .node = host, .incident_id = writing->report->reference, .incident_issuer = writing->report->reference_issuer};
    buf_init(&iodef, codec_limits_default.document_bytes_max);
    bool ok = host || err_set(err, ERR_DENIED, "peer %s has no RID address (cirt peer set %s --rid-url URL)", writing->peer.name,
                              writing->peer.name);
    ok = ok && iodef_codec.encode(writing->report, &iodef, err) && rid_encode_report(&envelope, iodef.bytes, iodef.size, out, err);
    buf_clear(&iodef);
    free(host);
    return ok;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool same_text(const char *a, const char *b)
{
    return str_equal(a ? a : "", b ? b : "");
}

static void collect_sightings(const struct report *read, struct texts *said)
{
    for (size_t i = 0; i < read->observation_count; i++) {
        const struct observation *observation = &read->observations[i];
        for (size_t j = 0; j < observation->sighting_count; j++) {
            const struct sighting *s = &observation->sightings[j];
            texts_add(said, sighting_text(observable_type_name(s->type), sighting_role_name(s->role),
                                          s->tlp == TLP_NONE ? read->tlp : s->tlp, s->is_indicator, s->value));
        }
    }
}

static bool same_sightings(const struct report *read, const struct texts *wanted, struct err *err)
{
    struct texts said = {0};
    collect_sightings(read, &said);
    if (said.count)
        qsort(said.items, said.count, sizeof *said.items, compare_texts);
    if (wanted->count)
        qsort(wanted->items, wanted->count, sizeof *wanted->items, compare_texts);
    bool ok = said.count == wanted->count ||
              err_set(err, ERR_INPUT, "the document says %zu values, not the %zu decided", said.count, wanted->count);
    for (size_t i = 0; ok && i < said.count; i++)
        ok = str_equal(said.items[i], wanted->items[i]) ||
             err_set(err, ERR_INPUT, "the document says \"%.100s\" where \"%.100s\" was decided", said.items[i], wanted->items[i]);
    texts_clear(&said);
    return ok;
}

static bool observations_add_no_text(const struct report *read)
{
    for (size_t i = 0; i < read->observation_count; i++)
        if (read->observations[i].description)
            return false;
    return true;
}

/* The document as its receiver reads it. */
static bool check(struct writing *writing, const struct buf *document, struct err *err)
{
    const struct report *meant = writing->report;
    struct codec_hints hints = {0};
    struct report *read = NULL;
    if (!codec_decode(&rid_codec, document->bytes, document->size, &codec_limits_default, &hints, &read, err))
        return err_context(err, "the document cannot be read back");
    bool ok = same_text(read->reference, meant->reference) && same_text(read->reference_issuer, meant->reference_issuer) &&
              read->tlp == meant->tlp && same_text(read->class_claim, meant->class_claim) && same_text(read->summary, meant->summary) &&
              same_text(read->description, meant->description) && same_text(read->creator_name, meant->creator_name) &&
              !read->reporter_name && !read->reporter_email && observations_add_no_text(read);
    if (!ok)
        err_set(err, ERR_INPUT, "the document does not say what was decided");
    ok = ok && same_sightings(read, &writing->wanted, err);
    report_free(read);
    return ok;
}

static bool queue(struct writing *writing, int64_t share, const struct buf *document, struct err *err)
{
    struct db_params *params = writing->run->params;
    unsigned char digest[DIGEST_SHA256_SIZE];
    digest_sha256(document->bytes, document->size, digest);
    db_params_reset(params);
    db_int8(params, share);
    db_int4(params, (int32_t)db_get_int(writing->head, 0, HEAD_VERSION));
    db_bytes(params, document->bytes, document->size);
    db_bytes(params, digest, sizeof digest);
    return db_run(writing->run->db, SQL_SHARE_QUEUED, params, NULL, err);
}

static bool write_document(struct writing *writing, int64_t share, struct err *err)
{
    struct buf document;
    buf_init(&document, codec_limits_default.document_bytes_max);
    bool ok = judge(writing, err) && build(writing, err) && encode(writing, &document, err) && check(writing, &document, err) &&
              queue(writing, share, &document, err);
    if (ok)
        log_info("share_queued", "share=s%lld peer=%s items=%zu bytes=%zu", (long long)share, writing->peer.name,
                 db_row_count(writing->items), document.size);
    buf_clear(&document);
    return ok;
}

static bool take_order(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct writing writing = {.run = run};
    bool ok = db_run(run->db, SQL_SHARE_HEAD, NULL, &writing.head, err);
    buf_init(&writing.notes, 1024 * 1024);
    /* Withdrawn, or ordered anew meanwhile: that order has a row of its own. */
    bool is_current =
        ok && db_row_count(writing.head) == 1 && db_get_int(writing.head, 0, HEAD_VERSION) == db_get_int(rows, row, CLAIM_VERSION);
    if (is_current)
        ok = db_run(run->db, SQL_SHARE_ITEMS, NULL, &writing.items, err) &&
             write_document(&writing, db_get_int(rows, row, CLAIM_SHARE), err);
    report_free(writing.report);
    texts_clear(&writing.keys);
    texts_clear(&writing.wanted);
    buf_clear(&writing.notes);
    db_rows_free(writing.items);
    db_rows_free(writing.head);
    return ok;
}

/* --- answers --- */

struct verdict {
    const char *state; /* as SQL_SHARE_ANSWERED takes it */
    char text[200];    /* "" for nothing to say */
};

static void judge_acknowledgement(const struct rid *rid, const char *case_name, struct verdict *verdict)
{
    const char *why = rid_justification_name(rid->justification);
    if (rid->incident_id && !str_equal(rid->incident_id, case_name)) {
        snprintf(verdict->text, sizeof verdict->text, "the peer's answer is about another case");
    } else if (rid->status == RID_APPROVED) {
        verdict->state = "acknowledged";
    } else if (rid->status == RID_DENIED) {
        verdict->state = "failed";
        snprintf(verdict->text, sizeof verdict->text, "denied by the peer: %s", why ? why : "no reason given");
    } else {
        snprintf(verdict->text, sizeof verdict->text, "the peer has not decided yet");
    }
}

/* RFC 6546: a Report is answered by an Acknowledgement, an empty 200, or 202 and a message later. */
static void judge_answer(struct db_rows *answer, struct verdict *verdict)
{
    size_t size = 0;
    const char *body = (const char *)db_get_bytes(answer, 0, ANSWER_BODY, &size);
    const char *case_name = db_get_text(answer, 0, ANSWER_CASE);
    struct rid *rid = NULL;
    struct err err;
    verdict->state = "sent";
    if (size == 0) {
        bool is_taken = db_get_int(answer, 0, ANSWER_STATUS) != 202;
        if (is_taken)
            verdict->state = "acknowledged";
        else
            snprintf(verdict->text, sizeof verdict->text, "the peer has not decided yet");
    } else if (rid_parse_acknowledgement(body, size, &codec_limits_default, &rid, &err)) {
        judge_acknowledgement(rid, case_name, verdict);
    } else {
        snprintf(verdict->text, sizeof verdict->text, "the peer's answer cannot be read: %.150s", err.text);
    }
    rid_free(rid);
}

static bool take_answer(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct verdict verdict = {0};
    struct db_rows *answer = NULL;
    int64_t delivery = db_get_int(rows, row, CLAIM_DELIVERY);
    db_params_reset(run->params);
    db_int8(run->params, delivery);
    if (!db_run(run->db, SQL_SHARE_ANSWER, run->params, &answer, err))
        return false;
    bool is_there = db_row_count(answer) == 1;
    if (is_there)
        judge_answer(answer, &verdict);
    db_rows_free(answer);
    if (!is_there)
        return true;
    log_info("share_answered", "share=s%lld delivery=%lld state=%s %s", (long long)db_get_int(rows, row, CLAIM_SHARE), (long long)delivery,
             verdict.state, log_quote(verdict.text));
    db_params_reset(run->params);
    db_int8(run->params, delivery);
    db_text(run->params, verdict.state);
    db_text(run->params, verdict.text[0] ? verdict.text : NULL);
    return db_run(run->db, SQL_SHARE_ANSWERED, run->params, NULL, err);
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(rows, row, CLAIM_SHARE));
    if (!db_run(run->db, SQL_SHARE_OPEN, run->params, NULL, err))
        return false;
    if (str_equal(db_get_text(rows, row, CLAIM_KIND), "order"))
        return take_order(run, rows, row, err);
    return take_answer(run, rows, row, err);
}

bool share_run(const struct role_context *context, struct err *err)
{
    static const struct stage stage = {
        .role = "share",
        .listen = SQL_SHARE_LISTEN,
        .claim = SQL_SHARE_CLAIM,
        .settle = SQL_SHARE_SETTLE,
        .fail = SQL_SHARE_FAIL,
        .poll_ms = POLL_MS,
        .work = work,
    };
    return stage_loop(&stage, context, err);
}
