/*
 * Writes an ordered share, as a RID Report with an IODEF document or in the format that was asked for, and reads what peers answer to it.
 * Has no network: push carries.
 *
 * What goes was decided when it was ordered and proved by the database then. Here every item is judged once more as things stand now,
 * and the document is read back: it must say the items that were decided, and nothing else.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/share_document.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
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
    HEAD_DOMAIN,
    HEAD_FORMAT,
    HEAD_PART,
    HEAD_BY_MAIL
};
enum { ITEM_NO, ITEM_KIND, ITEM_REF, ITEM_CONTENT, ITEM_SHA256, ITEM_TLP, ITEM_ORIGIN, ITEM_PERSONAL, ITEM_SHAREABLE, ITEM_RESTRICTED };
enum { ANSWER_STATUS, ANSWER_BODY, ANSWER_CASE, ANSWER_PREFIX, ANSWER_FORMAT };

/* One order at hand. */
struct writing {
    struct stage_run *run;
    struct db_rows *head, *items;
    const char *classes[CLASSES_MAX];
    size_t class_count;
    struct disclosure_peer peer;
    struct disclosure_agreement agreement;
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

/* --- the document --- */

static bool is_as_decided(const char *content, const char *decided)
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    digest_sha256(content, strlen(content), digest);
    str_hex(digest, sizeof digest, hex);
    return str_equal(hex, decided);
}

static bool take_item(const struct writing *writing, struct share_document *document, size_t row, struct err *err)
{
    const char *ref = db_get_text(writing->items, row, ITEM_REF), *content = db_get_text(writing->items, row, ITEM_CONTENT);
    if (!is_as_decided(content, db_get_text(writing->items, row, ITEM_SHA256)))
        return err_set(err, ERR_DENIED, "\"%.100s\" stays: it is not what was decided", ref);
    return share_document_add(document, db_get_text(writing->items, row, ITEM_KIND), ref,
                              (enum tlp)db_get_int(writing->items, row, ITEM_TLP), content, err);
}

/* Our name for the case, who we are, and the items; nothing of reporters, of other items or of the case's history is at hand here. */
static bool build(const struct writing *writing, struct buf *out, struct err *err)
{
    const struct share_head head = {
        .format = head_text(writing, HEAD_FORMAT),
        .case_name = head_text(writing, HEAD_CASE),
        .prefix = head_text(writing, HEAD_PREFIX),
        .team = head_text(writing, HEAD_TEAM),
        .domain = head_text(writing, HEAD_DOMAIN),
        .peer = writing->peer.name,
        .rid_url = head_text(writing, HEAD_RID_URL),
        .tlp = (enum tlp)db_get_int(writing->head, 0, HEAD_TLP),
        .time = db_get_time(writing->head, 0, HEAD_ORDERED),
        .part = (int)db_get_int(writing->head, 0, HEAD_PART),
        .bytes_max = share_document_bytes_max(db_get_bool(writing->head, 0, HEAD_BY_MAIL)),
    };
    if (!share_format_is_known(head.format))
        return err_set(err, ERR_INPUT, "nothing is shared as \"%.60s\"", head.format);
    struct share_document *document = share_document_new(&head);
    bool ok = true;
    for (size_t row = 0; ok && row < db_row_count(writing->items); row++)
        ok = take_item(writing, document, row, err);
    ok = ok && share_document_write(document, out, err);
    share_document_free(document);
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
    db_text(params, share_format_media_type(head_text(writing, HEAD_FORMAT)));
    return db_run(writing->run->db, SQL_SHARE_QUEUED, params, NULL, err);
}

static bool write_document(struct writing *writing, int64_t share, struct err *err)
{
    struct buf document;
    buf_init(&document, codec_limits_default.document_bytes_max);
    bool ok = judge(writing, err) && build(writing, &document, err) && queue(writing, share, &document, err);
    if (ok)
        log_info("share_queued", "share=s%lld peer=%s format=%s part=%lld items=%zu bytes=%zu", (long long)share, writing->peer.name,
                 head_text(writing, HEAD_FORMAT), (long long)db_get_int(writing->head, 0, HEAD_PART), db_row_count(writing->items),
                 document.size);
    buf_clear(&document);
    return ok;
}

static bool take_order(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct writing writing = {.run = run};
    bool ok = db_run(run->db, SQL_SHARE_HEAD, NULL, &writing.head, err);
    /* Withdrawn, or ordered anew meanwhile: that order has a row of its own. */
    bool is_current =
        ok && db_row_count(writing.head) == 1 && db_get_int(writing.head, 0, HEAD_VERSION) == db_get_int(rows, row, CLAIM_VERSION);
    if (is_current)
        ok = db_run(run->db, SQL_SHARE_ITEMS, NULL, &writing.items, err) &&
             write_document(&writing, db_get_int(rows, row, CLAIM_SHARE), err);
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

/* RFC 9457: what a refusal has to say for itself; nothing where it is something else. */
static void judge_refusal(const char *body, size_t size, struct verdict *verdict)
{
    json_t *problem = NULL;
    struct err err;
    verdict->state = "failed";
    if (!json_value_parse(body, size, &codec_limits_default, &problem, &err))
        return;
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    size_t cut;
    snprintf(verdict->text, sizeof verdict->text, "%s", detail ? detail : "");
    if (!str_is_utf8(verdict->text, strlen(verdict->text), &cut)) /* within a letter */
        verdict->text[cut] = '\0';
    json_decref(problem);
}

/* RFC 6546: a Report is answered by an Acknowledgement, an empty 200, or 202 and a message later. Any other document is a plain POST: what
 * counts is its status. */
static void judge_answer(struct db_rows *answer, struct verdict *verdict)
{
    size_t size = 0;
    const char *body = (const char *)db_get_bytes(answer, 0, ANSWER_BODY, &size);
    const char *case_name = db_get_text(answer, 0, ANSWER_CASE);
    struct rid *rid = NULL;
    struct err err;
    verdict->state = "sent";
    if (db_get_int(answer, 0, ANSWER_STATUS) >= 300) {
        judge_refusal(body, size, verdict);
    } else if (size == 0 || !str_equal(db_get_text(answer, 0, ANSWER_FORMAT), SHARE_FORMAT_RID)) {
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
