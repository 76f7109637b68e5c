/* What may leave, item by item with its reason, and the order to send it; what peers sent. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "cirtd/share_document.h"
#include "model/observable.h"
#include "model/tlp.h"
#include "rules/disclosure.h"
#include "rules/priority.h"

/* SHARE_*_MAX: of one document, as share_candidates() has them; of fewer than FEW_VALUES none is made because the document would be too
 * long. */
enum { CLASSES_MAX = 256, SHARE_VALUES_MAX = 20000, SHARE_BYTES_MAX = 8 * 1024 * 1024, WHY_SIZE = 200 };
enum { FEW_VALUES = 100 };
enum {
    AGREEMENT_ID,
    AGREEMENT_VERSION,
    AGREEMENT_CEILING,
    AGREEMENT_ENABLED,
    AGREEMENT_FROM,
    AGREEMENT_UNTIL,
    AGREEMENT_CLASSES,
    AGREEMENT_JSON,
    AGREEMENT_PEER_ENABLED,
    AGREEMENT_PEER_NAME,
    AGREEMENT_PEER_ID,
    AGREEMENT_PEER_FORMAT,
    AGREEMENT_PEER_RID_URL,
    AGREEMENT_PEER_DOCUMENT_URL,
    AGREEMENT_PEER_MAIL,
    AGREEMENT_TEAM,
    AGREEMENT_PREFIX,
    AGREEMENT_DOMAIN
};
enum {
    ITEM_KIND,
    ITEM_REF,
    ITEM_TEXT,
    ITEM_TYPE,
    ITEM_VALUE,
    ITEM_ROLE,
    ITEM_CLASS,
    ITEM_TLP,
    ITEM_TO_SHARE,
    ITEM_PERSONAL,
    ITEM_ORIGIN,
    ITEM_RESTRICTED,
    ITEM_CONTENT
};

/* What the caller asked for. */
struct order {
    const char *only;      /* or NULL */
    struct filter *filter; /* of only; NULL for all */
    enum tlp tlp;          /* the document's label, TLP_NONE: as strict as what goes */
    const char *format;    /* NULL: what each peer's record says */
    const char *by;        /* "https", "mail"; NULL: HTTPS, where the peer has an address for that */
    const char *after;     /* the ref of the value that the document before ended with; NULL: the first document */
    bool is_dry;
};

/* One peer's part of it. */
struct plan {
    struct disclosure_peer peer;
    struct disclosure_agreement agreement;
    bool has_agreement, is_by_mail;
    int64_t agreement_id, agreement_version;
    struct share_head head; /* of the document */
    json_t *answer;         /* {peer, agreement, format, by, to, protection, not_carried, next, share, state} */
    struct buf items;       /* its last member as text: they may be many */
    const char **reasons;   /* why each candidate stays; NULL: it goes; LATER: it has its turn in the next document */
    size_t values, bytes;   /* of this document's turn, whether they go or stay, and how long they are */
    const char *next;       /* the ref of the last of them; NULL: there are no more */
    struct buf going;       /* [{kind, ref}] as text */
    size_t going_count;
    enum tlp strictest;
    char why[WHY_SIZE]; /* why the first item stays, or "" */
};

/* --- the peer and its agreement --- */

static void read_classes(struct desk_call *call, const char *text, struct disclosure_agreement *agreement)
{
    const char **classes = arena_calloc(call->arena, CLASSES_MAX, sizeof *classes);
    agreement->classes = classes;
    while (text && *text && agreement->class_count < CLASSES_MAX) {
        size_t size = strcspn(text, " ");
        classes[agreement->class_count++] = arena_strndup(call->arena, text, size);
        text += size + (text[size] == ' ');
    }
}

static void read_head(struct desk_call *call, const struct order *order, const struct db_rows *rows, struct plan *plan)
{
    const char *format = order->format ? order->format : db_get_text(rows, 0, AGREEMENT_PEER_FORMAT);
    bool has_url = !db_is_null(rows, 0, AGREEMENT_PEER_RID_URL) || !db_is_null(rows, 0, AGREEMENT_PEER_DOCUMENT_URL);
    plan->is_by_mail = order->by ? str_equal(order->by, "mail") : !has_url && !db_is_null(rows, 0, AGREEMENT_PEER_MAIL);
    /* RID is how HTTPS carries IODEF (RFC 6546). */
    if (plan->is_by_mail && str_equal(format, SHARE_FORMAT_RID))
        format = "iodef";
    plan->head = (struct share_head){
        .format = arena_strdup(call->arena, format),
        .team = arena_strdup(call->arena, db_get_text(rows, 0, AGREEMENT_TEAM)),
        .prefix = arena_strdup(call->arena, db_get_text(rows, 0, AGREEMENT_PREFIX)),
        .domain = arena_strdup(call->arena, db_get_text(rows, 0, AGREEMENT_DOMAIN)),
        .peer = plan->peer.name,
        .rid_url = arena_strdup(call->arena, db_get_text(rows, 0, AGREEMENT_PEER_RID_URL)),
        .time = timestamp_now(),
        .bytes_max = share_document_bytes_max(plan->is_by_mail),
    };
}

static bool read_agreement(struct desk_call *call, const struct order *order, const char *name, struct plan *plan, struct err *err)
{
    struct db_rows *rows = NULL;
    db_text(call->params, name);
    if (!desk_run(call, SQL_DESK_SHARE_AGREEMENTS, &rows, err))
        return false;
    bool is_there = db_row_count(rows) > 0;
    if (is_there) {
        plan->peer = (struct disclosure_peer){.id = db_get_int(rows, 0, AGREEMENT_PEER_ID),
                                              .name = arena_strdup(call->arena, db_get_text(rows, 0, AGREEMENT_PEER_NAME)),
                                              .enabled = db_get_bool(rows, 0, AGREEMENT_PEER_ENABLED)};
        plan->has_agreement = !db_is_null(rows, 0, AGREEMENT_ID);
        read_head(call, order, rows, plan);
    }
    if (plan->has_agreement) {
        plan->agreement_id = db_get_int(rows, 0, AGREEMENT_ID);
        plan->agreement_version = db_get_int(rows, 0, AGREEMENT_VERSION);
        plan->agreement.ceiling = (enum tlp)db_get_int(rows, 0, AGREEMENT_CEILING);
        plan->agreement.enabled = db_get_bool(rows, 0, AGREEMENT_ENABLED);
        plan->agreement.valid_from = db_get_int(rows, 0, AGREEMENT_FROM);
        plan->agreement.valid_until = db_get_int(rows, 0, AGREEMENT_UNTIL);
        read_classes(call, db_get_text(rows, 0, AGREEMENT_CLASSES), &plan->agreement);
    }
    plan->answer = json_pack("{s:s, s:o?, s:s?, s:{}, s:n, s:n, s:n}", "peer", is_there ? plan->peer.name : name, "agreement",
                             plan->has_agreement ? json_loads(db_get_text(rows, 0, AGREEMENT_JSON), 0, NULL) : NULL, "format",
                             plan->head.format, "not_carried", "next", "share", "state");
    json_object_set_new(plan->answer, "by", json_string(plan->is_by_mail ? "mail" : "https"));
    if (is_there && plan->is_by_mail && !db_is_null(rows, 0, AGREEMENT_PEER_MAIL))
        json_object_set_new(plan->answer, "to", json_string(db_get_text(rows, 0, AGREEMENT_PEER_MAIL)));
    plan->strictest = TLP_CLEAR;
    db_rows_free(rows);
    return is_there || desk_problem_set(call, 404, "cirt peer ls", err, "there is no peer \"%.60s\"", name);
}

/* --- --only FILTER --- */

struct item {
    const struct db_rows *rows;
    size_t row;
    const char *peer;
    struct arena *arena;
};

static size_t one(struct filter_value *values, const char *text)
{
    values[0] = (struct filter_value){.text = text};
    return text != NULL;
}

static size_t observable_value(const struct item *item, const char *field, struct filter_value *values)
{
    const char *type = db_get_text(item->rows, item->row, ITEM_TYPE), *value = db_get_text(item->rows, item->row, ITEM_VALUE);
    enum observable_type number;
    if (!type || !value || !observable_type_parse(type, &number))
        return 0;
    if (str_equal(field, "domain"))
        return one(values, observable_host(item->arena, number, value));
    if (str_equal(field, "ip"))
        return number <= OBSERVABLE_CIDR ? one(values, value) : 0;
    if (str_equal(field, "hash"))
        return number >= OBSERVABLE_MD5 && number <= OBSERVABLE_SHA512 ? one(values, value) : 0;
    return str_equal(field, type) ? one(values, value) : 0;
}

static size_t item_value(const void *object, const char *field, struct filter_value *values, size_t max)
{
    static const struct {
        const char *field;
        int column;
    } texts[] = {{"kind", ITEM_KIND}, {"type", ITEM_TYPE}, {"class", ITEM_CLASS}, {"text", ITEM_TEXT}};
    const struct item *item = object;
    UNUSED(max);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (str_equal(texts[i].field, field))
            return one(values, db_get_text(item->rows, item->row, texts[i].column));
    if (str_equal(field, "tlp"))
        return one(values, tlp_name((enum tlp)db_get_int(item->rows, item->row, ITEM_TLP)));
    if (str_equal(field, "peer"))
        return one(values, item->peer);
    return observable_value(item, field, values);
}

/* --- item by item --- */

static enum disclosure_kind kind_of(const char *name)
{
    return str_equal(name, "case") ? DISCLOSURE_CASE : str_equal(name, "note") ? DISCLOSURE_NOTE : DISCLOSURE_SIGHTING;
}

/* Why the item stays, in text; NULL where it goes. class_name is the case's: that is what an agreement covers. */
static const char *why_stays(struct desk_call *call, const struct order *order, const struct plan *plan, const struct db_rows *rows,
                             size_t row, const char *class_name, char text[WHY_SIZE])
{
    struct disclosure_item item = {
        .kind = kind_of(db_get_text(rows, row, ITEM_KIND)),
        .tlp = (enum tlp)db_get_int(rows, row, ITEM_TLP),
        .origin_peer = db_get_int(rows, row, ITEM_ORIGIN),
        .class_name = class_name,
        .is_personal = db_get_bool(rows, row, ITEM_PERSONAL),
        .is_restricted = db_get_bool(rows, row, ITEM_RESTRICTED),
        .is_shareable = db_get_bool(rows, row, ITEM_TO_SHARE),
    };
    struct disclosure_verdict verdict =
        disclosure_decide(&item, plan->has_agreement ? &plan->agreement : NULL, &plan->peer, timestamp_now());
    if (verdict.reason != DISCLOSURE_GOES)
        return memcpy(text, verdict.text, sizeof verdict.text);
    if (plan->is_by_mail && item.tlp == TLP_AMBER_STRICT)
        return "TLP:AMBER+STRICT goes by no mail that nobody decides on";
    if (order->tlp != TLP_NONE && item.tlp > order->tlp) {
        snprintf(text, WHY_SIZE, "%s, above %s that was asked for", tlp_label(item.tlp), tlp_label(order->tlp));
        return text;
    }
    const struct item filtered = {.rows = rows, .row = row, .peer = plan->peer.name, .arena = call->arena};
    if (order->filter && item.kind != DISCLOSURE_CASE && !filter_matches(order->filter, &filtered, item_value))
        return "not among what was asked for";
    return NULL;
}

/* The next of a list as text. */
static void add_text(struct buf *list, json_t *item)
{
    char *text = json_dumps(item, JSON_COMPACT);
    buf_add_text(list, list->size ? "," : "[");
    buf_add_text(list, text);
    free(text);
    json_decref(item);
}

static const char LATER[] = "";

/* The case stands in every document, and is told, and ordered, with the first. */
static void plan_item(const struct order *order, struct plan *plan, const struct db_rows *rows, size_t row)
{
    const char *reason = plan->reasons[row];
    if (reason == LATER)
        return;
    enum tlp tlp = (enum tlp)db_get_int(rows, row, ITEM_TLP);
    if (!reason)
        plan->strictest = tlp_strictest(plan->strictest, tlp);
    if (row == 0 && order->after)
        return;
    const char *kind = db_get_text(rows, row, ITEM_KIND), *ref = db_get_text(rows, row, ITEM_REF);
    add_text(&plan->items, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:b, s:s?}", "kind", kind, "ref", ref, "text",
                                     db_get_text(rows, row, ITEM_TEXT), "type", db_get_text(rows, row, ITEM_TYPE), "role",
                                     db_get_text(rows, row, ITEM_ROLE), "tlp", tlp_name(tlp), "goes", reason == NULL, "reason", reason));
    if (!reason) {
        add_text(&plan->going, json_pack("{s:s, s:s}", "kind", kind, "ref", ref));
        plan->going_count++;
    } else if (!plan->why[0]) {
        snprintf(plan->why, sizeof plan->why, "%s", reason);
    }
}

static bool is_value(const struct db_rows *rows, size_t row)
{
    return kind_of(db_get_text(rows, row, ITEM_KIND)) == DISCLOSURE_SIGHTING;
}

/* What no longer has room in this document, or lies behind so many values, is for the next one. */
static void leave_for_later(struct desk_call *call, struct plan *plan, const struct db_rows *rows, size_t values_max)
{
    const char *last = NULL;
    plan->values = plan->bytes = 0;
    plan->next = NULL;
    for (size_t row = 0; row < db_row_count(rows); row++) {
        if (!is_value(rows, row))
            continue;
        size_t size = strlen(db_get_text(rows, row, ITEM_VALUE));
        if (!plan->next && (plan->values == values_max || (plan->bytes + size > SHARE_BYTES_MAX && last)))
            plan->next = arena_strdup(call->arena, last);
        if (plan->next) {
            plan->reasons[row] = LATER;
            continue;
        }
        plan->values++;
        plan->bytes += size;
        last = db_get_text(rows, row, ITEM_REF);
    }
}

/* The case comes first; where it may not go, nothing of it does. */
static void decide_items(struct desk_call *call, const struct order *order, struct plan *plan, const struct db_rows *rows)
{
    const char *class_name = db_row_count(rows) ? db_get_text(rows, 0, ITEM_CLASS) : NULL;
    char text[WHY_SIZE];
    plan->reasons = arena_calloc(call->arena, db_row_count(rows) + 1, sizeof *plan->reasons);
    for (size_t row = 0; row < db_row_count(rows); row++) {
        const char *why = why_stays(call, order, plan, rows, row, class_name, text);
        if (!why && plan->reasons[0])
            why = "the case itself stays";
        /* Mostly the same as that of the item before. */
        plan->reasons[row] = row && str_equal(why, plan->reasons[row - 1]) ? plan->reasons[row - 1] : arena_strdup(call->arena, why);
    }
    leave_for_later(call, plan, rows, SHARE_VALUES_MAX);
}

/* --- what the format has no place for --- */

static enum tlp strictest_of(const struct plan *plan, const struct db_rows *rows)
{
    enum tlp strictest = TLP_CLEAR;
    for (size_t row = 0; row < db_row_count(rows); row++)
        if (!plan->reasons[row])
            strictest = tlp_strictest(strictest, (enum tlp)db_get_int(rows, row, ITEM_TLP));
    return strictest;
}

static bool add_items(struct share_document *document, const struct plan *plan, const struct db_rows *rows, struct err *err)
{
    bool ok = true;
    for (size_t row = 0; ok && row < db_row_count(rows); row++)
        if (!plan->reasons[row])
            ok = share_document_add(document, db_get_text(rows, row, ITEM_KIND), db_get_text(rows, row, ITEM_REF),
                                    (enum tlp)db_get_int(rows, row, ITEM_TLP), db_get_text(rows, row, ITEM_CONTENT), err);
    return ok;
}

/* Values are items, and stay; notes too. All else is told in numbers. */
static void tell_losses(const struct plan *plan, const struct losses *losses)
{
    for (size_t i = 0; i < losses_member_count; i++) {
        size_t count = *(const size_t *)((const char *)losses + losses_members[i].offset);
        bool is_item =
            losses_members[i].offset == offsetof(struct losses, values) || losses_members[i].offset == offsetof(struct losses, notes);
        if (count && !is_item)
            json_object_set_new(json_object_get(plan->answer, "not_carried"), losses_members[i].name, json_integer((json_int_t)count));
    }
}

static bool try_document(const struct order *order, struct plan *plan, const struct db_rows *rows, bool *is_carried, struct losses *losses,
                         struct err *err)
{
    plan->head.case_name = db_get_text(rows, 0, ITEM_REF);
    plan->head.tlp = order->tlp == TLP_NONE ? strictest_of(plan, rows) : order->tlp;
    struct share_document *document = share_document_new(&plan->head);
    bool ok = add_items(document, plan, rows, err) && share_document_try(document, is_carried, losses, err);
    share_document_free(document);
    return ok;
}

/* What goes is tried in that format: items that it cannot say stay, and what is too long is halved. */
static void try_format(struct desk_call *call, const struct order *order, struct plan *plan, const struct db_rows *rows)
{
    if (db_row_count(rows) == 0 || plan->reasons[0])
        return;
    struct err err = {0};
    struct losses losses = {0};
    bool *is_carried = arena_calloc(call->arena, db_row_count(rows) + 1, sizeof *is_carried), ok;
    while (!(ok = try_document(order, plan, rows, is_carried, &losses, &err)) && err.code == ERR_LIMIT && plan->values >= 2 * FEW_VALUES) {
        leave_for_later(call, plan, rows, plan->values / 2);
        memset(is_carried, 0, db_row_count(rows) * sizeof *is_carried);
        losses = (struct losses){0};
    }
    const char *why = ok ? arena_printf(call->arena, "%s has no place for it", plan->head.format)
                         : arena_printf(call->arena, "nothing goes as %s: %s", plan->head.format, err.text);
    for (size_t row = 0, item = 0; row < db_row_count(rows); row++)
        if (!plan->reasons[row] && !is_carried[item++])
            plan->reasons[row] = why;
    if (ok)
        tell_losses(plan, &losses);
}

/* Encrypted, or in clear where the label or a waiver lets it go so, as any mail; else nothing goes. */
static bool judge_mail(struct desk_call *call, const struct order *order, struct plan *plan, const struct db_rows *items, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!plan->is_by_mail || db_row_count(items) == 0 || plan->reasons[0])
        return true;
    db_text(call->params, call->name);
    db_text(call->params, plan->peer.name);
    db_int4(call->params, order->tlp == TLP_NONE ? strictest_of(plan, items) : order->tlp);
    if (!desk_run(call, SQL_DESK_SHARE_MAIL_HOW, &rows, err))
        return false;
    const char *goes = db_get_text(rows, 0, 0);
    const char *why = arena_printf(call->arena, "by mail: %s", db_is_null(rows, 0, 1) ? "" : db_get_text(rows, 0, 1));
    if (goes)
        json_object_set_new(plan->answer, "protection", json_string(goes));
    for (size_t row = 0; !goes && row < db_row_count(items); row++)
        plan->reasons[row] = plan->reasons[row] ? plan->reasons[row] : why;
    db_rows_free(rows);
    return true;
}

/* --- the order --- */

static bool place_order(struct desk_call *call, const struct order *order, struct plan *plan, struct err *err)
{
    struct db_rows *rows = NULL;
    buf_add_text(&plan->going, plan->going.size ? "]" : "[]");
    db_text(call->params, call->name);
    db_text(call->params, plan->peer.name);
    db_int8(call->params, plan->agreement_id);
    db_int4(call->params, (int32_t)plan->agreement_version);
    db_int4(call->params, order->tlp == TLP_NONE ? plan->strictest : order->tlp);
    db_text(call->params, order->only);
    db_text(call->params, buf_text(&plan->going));
    db_text(call->params, plan->head.format);
    db_text(call->params, order->after);
    db_text(call->params, plan->next);
    db_bool(call->params, plan->is_by_mail);
    bool ok = desk_run(call, SQL_DESK_SHARE_ORDER, &rows, err);
    if (ok) {
        json_t *share = json_loads(db_get_text(rows, 0, 0), 0, NULL);
        json_object_set(plan->answer, "share", json_object_get(share, "id"));
        json_object_set(plan->answer, "state", json_object_get(share, "state"));
        json_decref(share);
    }
    db_rows_free(rows);
    return ok;
}

/* False with ERR_LIMIT where the answer has no room for it. */
static bool write_plan(struct desk_call *call, struct plan *plan, struct err *err)
{
    struct buf *body = &call->answer->body;
    char *head = json_dumps(plan->answer, JSON_COMPACT);
    buf_add(body, head, strlen(head) - 1);
    buf_printf(body, ",\"items\":%s]}", plan->items.size ? buf_text(&plan->items) : "[");
    free(head);
    return (!body->full && !plan->items.full) || err_set(err, ERR_LIMIT, "the answer is too large: ask for fewer peers at once");
}

static bool order_peer(struct desk_call *call, const struct order *order, struct plan *plan, struct err *err)
{
    bool is_order = !order->is_dry && (plan->going_count > 0 || order->after);
    if (plan->next && (is_order || order->is_dry))
        json_object_set_new(plan->answer, "next", json_string(plan->next));
    return !is_order || place_order(call, order, plan, err);
}

static bool plan_peer(struct desk_call *call, const struct order *order, const char *name, struct plan *plan, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!read_agreement(call, order, name, plan, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, name);
    db_text(call->params, order->after);
    if (!desk_run(call, SQL_DESK_SHARE_CANDIDATES, &rows, err))
        return false;
    decide_items(call, order, plan, rows);
    bool ok = judge_mail(call, order, plan, rows, err);
    if (ok)
        try_format(call, order, plan, rows);
    for (size_t row = 0; ok && row < db_row_count(rows); row++)
        plan_item(order, plan, rows, row);
    db_rows_free(rows);
    return ok && order_peer(call, order, plan, err) && write_plan(call, plan, err);
}

static bool share_with_all(struct desk_call *call, const struct order *order, const json_t *peers, struct err *err)
{
    size_t i, going = 0;
    json_t *name;
    char why[300] = "";
    buf_add_text(&call->answer->body, "{\"items\":[");
    json_array_foreach(peers, i, name)
    {
        struct plan plan = {.strictest = TLP_CLEAR};
        buf_init(&plan.items, DESK_ANSWER_BYTES_MAX);
        buf_init(&plan.going, DESK_ANSWER_BYTES_MAX);
        if (i)
            buf_add_char(&call->answer->body, ',');
        bool ok = json_is_string(name) ? plan_peer(call, order, json_string_value(name), &plan, err)
                                       : err_set_at(err, ERR_INPUT, "/with", "with must be a list of peers");
        going += plan.going_count;
        if (ok && !why[0])
            snprintf(why, sizeof why, "%.60s: %.200s", plan.peer.name, plan.why);
        json_decref(plan.answer);
        buf_clear(&plan.items);
        buf_clear(&plan.going);
        if (!ok)
            return false;
    }
    buf_add_text(&call->answer->body, "],\"next\":null}");
    if (going == 0 && !order->is_dry && !order->after)
        return desk_problem_set(call, 422, "the same with --dry-run says why, item by item", err, "nothing may go to %s", why);
    return true;
}

static bool read_order(struct desk_call *call, struct order *order, struct err *err)
{
    const struct filter_context context = {
        .object = FILTER_ITEM, .now = timestamp_now(), .zone_minutes = call->caller.zone_minutes, .me = call->caller.login};
    const char *tlp;
    if (!desk_body_text(call, "only", &order->only, err) || !desk_body_text(call, "tlp", &tlp, err) ||
        !desk_body_text(call, "format", &order->format, err) || !desk_body_text(call, "after", &order->after, err) ||
        !desk_body_text(call, "by", &order->by, err) || !desk_body_bool(call, "dry_run", &order->is_dry, err))
        return false;
    if (tlp && !tlp_parse(tlp, &order->tlp))
        return desk_problem_set(call, 422, "one of clear, green, amber, amber+strict", err, "\"%.40s\" is no label", tlp);
    if (order->format && !share_format_is_known(order->format))
        return desk_problem_set(call, 422, SHARE_FORMATS, err, "nothing is shared as \"%.60s\"", order->format);
    if (order->by && !str_equal(order->by, "https") && !str_equal(order->by, "mail"))
        return desk_problem_set(call, 422, "by https, or by mail", err, "nothing is shared by \"%.40s\"", order->by);
    if (order->by && order->format && str_equal(order->by, "mail") && str_equal(order->format, SHARE_FORMAT_RID))
        return desk_problem_set(call, 422, "--format iodef: the document that RID carries", err, "RID goes by HTTPS");
    if (order->tlp == TLP_RED)
        return desk_problem_set(call, 422, NULL, err, "TLP:RED is for named persons and is never shared");
    return !order->only || filter_parse(order->only, &context, &order->filter, err);
}

static bool share_case(struct desk_call *call, struct err *err)
{
    struct order order = {.tlp = TLP_NONE};
    const json_t *peers = json_object_get(call->body, "with");
    bool ok = read_order(call, &order, err);
    if (ok && json_array_size(peers) == 0)
        ok = desk_problem_set(call, 422, "cirt share CASE --with PEER", err, "no peer is named");
    ok = ok && share_with_all(call, &order, peers, err);
    filter_free(order.filter);
    return ok;
}

/* --- shares and incoming documents --- */

static bool list_shares(struct desk_call *call, struct err *err)
{
    const char *name = desk_query_text(call, "case");
    struct db_rows *rows = NULL;
    /* By itself: where there is no share at all, the list would not look whether there is such a case. */
    if (name && *name) {
        db_text(call->params, name);
        if (!desk_run(call, SQL_DESK_CASE_CHAIN, &rows, err))
            return false;
        db_rows_free(rows);
    }
    return desk_run_page(call, SQL_DESK_SHARE_LIST, name && *name ? name : NULL, err);
}

static bool show_share(struct desk_call *call, struct err *err)
{
    int64_t id;
    if (!desk_query_id(call, 's', call->name, &id, err))
        return false;
    db_int8(call->params, id);
    db_text(call->params, desk_query_text(call, "part"));
    return desk_run_one(call, SQL_DESK_SHARE_SHOW, 200, "share", err);
}

static bool list_incoming(struct desk_call *call, struct err *err)
{
    const char *state = desk_query_text(call, "state");
    return desk_run_page(call, SQL_DESK_INCOMING_LIST, state && *state ? state : NULL, err);
}

static bool show_incoming(struct desk_call *call, struct err *err)
{
    int64_t id;
    if (!desk_query_id(call, 'i', call->name, &id, err))
        return false;
    db_int8(call->params, id);
    return desk_run_one(call, SQL_DESK_INCOMING_SHOW, 200, "incoming document", err);
}

static bool accept_incoming(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    const char *name;
    int64_t id;
    if (!desk_query_id(call, 'i', call->name, &id, err) || !desk_body_case(call, &name, err))
        return false;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_INCOMING_CLASS, &rows, err))
        return false;
    int priority = priority_of_class(db_row_count(rows) ? db_get_text(rows, 0, 0) : NULL);
    db_rows_free(rows);
    db_int8(call->params, id);
    db_text(call->params, name);
    db_int4(call->params, priority);
    return desk_run_one(call, SQL_DESK_INCOMING_ACCEPT, 200, "incoming document", err);
}

static bool decline_incoming(struct desk_call *call, struct err *err)
{
    const char *reason;
    int64_t id;
    if (!desk_query_id(call, 'i', call->name, &id, err) || !desk_body_text(call, "reason", &reason, err))
        return false;
    db_int8(call->params, id);
    db_text(call->params, reason);
    return desk_run_one(call, SQL_DESK_INCOMING_DECLINE, 200, "incoming document", err);
}

const struct desk_route desk_share_routes[] = {
    {"case_share", share_case},
    {"share_list", list_shares},
    {"share_show", show_share},
    {"incoming_list", list_incoming},
    {"incoming_show", show_incoming},
    {"incoming_accept", accept_incoming},
    {"incoming_decline", decline_incoming},
    {NULL, NULL},
};
