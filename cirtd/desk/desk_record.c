#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "cirtd/share_document.h"
#include "codec/codec.h"
#include "codec/csv_mapping.h"
#include "crypto/mtls.h"
#include "model/rsit.h"
#include "rules/triage_rules.h"

/* To add a kind of record: a row here, its five rows in the routes and in wire/api.c, its view and functions in
 * sql/functions/040_record.sql. */
static const struct kind {
    const char *noun; /* the endpoint ids begin with it */
    enum sql_statement list, write, remove;
} kinds[] = {
    {"peer", SQL_DESK_PEER_LIST, SQL_DESK_PEER_WRITE, SQL_DESK_PEER_REMOVE},
    {"agreement", SQL_DESK_AGREEMENT_LIST, SQL_DESK_AGREEMENT_WRITE, SQL_DESK_AGREEMENT_REMOVE},
    {"constituent", SQL_DESK_CONSTITUENT_LIST, SQL_DESK_CONSTITUENT_WRITE, SQL_DESK_CONSTITUENT_REMOVE},
    {"suppression", SQL_DESK_SUPPRESSION_LIST, SQL_DESK_SUPPRESSION_WRITE, SQL_DESK_SUPPRESSION_REMOVE},
    {"rule", SQL_DESK_RULE_LIST, SQL_DESK_RULE_WRITE, SQL_DESK_RULE_REMOVE},
    {"mapping", SQL_DESK_MAPPING_LIST, SQL_DESK_MAPPING_WRITE, SQL_DESK_MAPPING_REMOVE},
    {"analyst", SQL_DESK_ANALYST_LIST, SQL_DESK_ANALYST_WRITE, SQL_DESK_ANALYST_REMOVE},
    {"feed", SQL_DESK_FEED_LIST, SQL_DESK_FEED_WRITE, SQL_DESK_FEED_REMOVE},
    {"alias", SQL_DESK_ALIAS_LIST, SQL_DESK_ALIAS_WRITE, SQL_DESK_ALIAS_REMOVE},
    {"contact", SQL_DESK_CONTACT_LIST, SQL_DESK_CONTACT_WRITE, SQL_DESK_CONTACT_REMOVE},
};

static const struct kind *kind_of(const struct desk_call *call)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_starts(call->endpoint->id, kinds[i].noun))
            return &kinds[i];
    BUG("%s is no kind of record", call->endpoint->id);
}

/* --- rules are shown one by one, with how often each had an effect --- */

static json_t *rule_lines(const char *text, const json_t *hits)
{
    json_t *lines = json_array();
    struct triage_rules *rules = NULL;
    struct err ignored;
    if (!triage_rules_parse(text, &rules, &ignored))
        return lines;
    for (size_t i = 0; i < triage_rules_count(rules); i++) {
        const struct triage_rule *rule = triage_rules_at(rules, i);
        json_t *line = json_pack("{s:I, s:s, s:s, s:I}", "line", (json_int_t)rule->line, "name", rule->name, "text", rule->text, "hits",
                                 json_integer_value(json_object_get(hits, rule->name)));
        if (rule->until != TIMESTAMP_NONE) {
            char until[TIMESTAMP_TEXT_SIZE];
            timestamp_format(rule->until, until);
            json_object_set_new(line, "until", json_string(until));
            json_object_set_new(line, "over", json_boolean(rule->until <= timestamp_now()));
        }
        json_array_append_new(lines, line);
    }
    triage_rules_free(rules);
    return lines;
}

static void add_rule_lines(struct desk_call *call, size_t from)
{
    struct buf *body = &call->answer->body;
    json_t *record = json_loads(buf_text(body) + from, 0, NULL);
    const char *text = json_string_value(json_object_get(record, "text"));
    if (!record)
        BUG("a rule set that is no JSON");
    json_object_set_new(record, "rules", text ? rule_lines(text, json_object_get(record, "hits")) : json_array());
    char *whole = json_dumps(record, JSON_COMPACT);
    body->size = from;
    buf_add_text(body, whole);
    free(whole);
    json_decref(record);
}

static void finish_one(struct desk_call *call, const struct kind *kind)
{
    if (str_equal(kind->noun, "rule"))
        add_rule_lines(call, 0);
}

/* --- the five calls --- */

static bool list_records(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    db_null(call->params);
    return desk_run(call, kind_of(call)->list, &rows, err) && desk_page_answer(call, rows, err);
}

static bool show_record(struct desk_call *call, struct err *err)
{
    const struct kind *kind = kind_of(call);
    db_text(call->params, call->name);
    if (!desk_run_one(call, kind->list, 200, str_equal(kind->noun, "rule") ? "rule set" : kind->noun, err))
        return false;
    finish_one(call, kind);
    return true;
}

/* A text that does not parse never becomes the rules in force. */
static bool check_rules(struct desk_call *call, struct err *err)
{
    struct triage_rules *rules = NULL;
    const char *text;
    if (!desk_body_text(call, "text", &text, err))
        return false;
    if (!text)
        return true;
    bool ok = triage_rules_parse(text, &rules, err);
    triage_rules_free(rules);
    if (!ok)
        call->problem.status = 422;
    return ok;
}

/* The CAs that a server's certificate may come from. */
static bool check_ca(struct desk_call *call, struct err *err)
{
    const char *ca;
    if (!desk_body_text(call, "ca", &ca, err))
        return false;
    if (!ca || mtls_only_certificates(ca, err))
        return true;
    call->problem.status = 422;
    return err_context(err, "ca");
}

/* What a feed is read as, and what its reports are where they do not say. */
static bool check_feed(struct desk_call *call, struct err *err)
{
    const char *format, *class;
    if (!desk_body_text(call, "format", &format, err) || !desk_body_text(call, "default_class", &class, err) || !check_ca(call, err))
        return false;
    if (format && !codec_find(format))
        return desk_problem_set(call, 422, "docs/FORMATS.md lists them", err, "\"%.40s\" is no format we read", format);
    if (class && !rsit_find(class))
        return desk_problem_set(call, 422, rsit_nearest(class), err, "\"%.60s\" is no class", class);
    if (class)
        json_object_set_new(call->body, "default_class", json_string(rsit_find(class)));
    return true;
}

static bool check_peer(struct desk_call *call, struct err *err)
{
    const char *format;
    if (!desk_body_text(call, "format", &format, err) || !check_ca(call, err))
        return false;
    return !format || share_format_is_known(format) ||
           desk_problem_set(call, 422, SHARE_FORMATS, err, "nothing is shared as \"%.60s\"", format);
}

/* The class as it is stored. */
static bool check_alias(struct desk_call *call, struct err *err)
{
    const char *class;
    if (!desk_body_text(call, "class", &class, err))
        return false;
    if (class && !rsit_find(class))
        return desk_problem_set(call, 422, rsit_nearest(class), err, "\"%.60s\" is no class", class);
    if (class)
        json_object_set_new(call->body, "class", json_string(rsit_find(class)));
    return true;
}

static bool check_mapping(struct desk_call *call, struct err *err)
{
    struct csv_mapping mapping;
    const char *text;
    if (!desk_body_text(call, "text", &text, err))
        return false;
    if (!text || csv_mapping_parse(text, call->arena, &mapping, err))
        return true;
    call->problem.status = 422;
    return false;
}

static bool write_record(struct desk_call *call, const char *name, int status, struct err *err)
{
    const struct kind *kind = kind_of(call);
    if (str_equal(kind->noun, "rule") && !check_rules(call, err))
        return false;
    if (str_equal(kind->noun, "mapping") && !check_mapping(call, err))
        return false;
    if (str_equal(kind->noun, "suppression") && !desk_class_name(call, err))
        return false;
    if (str_equal(kind->noun, "constituent") && !desk_constituent_check(call, err))
        return false;
    if (str_equal(kind->noun, "feed") && !check_feed(call, err))
        return false;
    if (str_equal(kind->noun, "peer") && !check_peer(call, err))
        return false;
    if (str_equal(kind->noun, "alias") && !check_alias(call, err))
        return false;
    char *body = json_dumps(call->body, JSON_COMPACT);
    db_text(call->params, name);
    db_text(call->params, body);
    bool ok = desk_run_one(call, kind->write, status, kind->noun, err);
    free(body);
    if (ok)
        finish_one(call, kind);
    return ok;
}

static bool add_record(struct desk_call *call, struct err *err)
{
    return write_record(call, NULL, 201, err);
}

static bool set_record(struct desk_call *call, struct err *err)
{
    return write_record(call, call->name, 200, err);
}

static bool remove_record(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    if (!desk_run(call, kind_of(call)->remove, NULL, err))
        return false;
    call->answer->status = 204;
    call->answer->content_type = "";
    return true;
}

static bool list_unmapped(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    return desk_run(call, SQL_DESK_ALIAS_UNMAPPED, &rows, err) && desk_page_answer(call, rows, err);
}

/* --- feeds --- */

static bool run_feed(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    return desk_run_one(call, SQL_DESK_FEED_RUN, 200, "feed", err);
}

/* {"paused": false} resumes. */
static bool pause_feed(struct desk_call *call, struct err *err)
{
    const json_t *said = json_object_get(call->body, "paused");
    bool is_paused = true;
    if (said && !desk_body_bool(call, "paused", &is_paused, err))
        return false;
    db_text(call->params, call->name);
    db_bool(call->params, is_paused);
    return desk_run_one(call, SQL_DESK_FEED_PAUSE, 200, "feed", err);
}

static bool see_feed(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    return desk_run_one(call, SQL_DESK_FEED_SEEN, 200, "feed", err);
}

/* A list that may be long is made page by page: it is its own file's. */
#define RECORD_BUT_LIST(noun)                                                                                                              \
    {noun "_show", show_record}, {noun "_add", add_record}, {noun "_set", set_record},                                                     \
    {                                                                                                                                      \
        noun "_remove", remove_record                                                                                                      \
    }
#define RECORD(noun) {noun "_list", list_records}, RECORD_BUT_LIST(noun)
const struct desk_route desk_record_routes[] = {
    RECORD("peer"),
    RECORD("agreement"),
    RECORD_BUT_LIST("constituent"),
    RECORD("suppression"),
    RECORD("rule"),
    RECORD("mapping"),
    RECORD("analyst"),
    RECORD_BUT_LIST("contact"),
    RECORD("feed"),
    RECORD("alias"),
    {"alias_unmapped", list_unmapped},
    {"feed_run", run_feed},
    {"feed_pause", pause_feed},
    {"feed_seen", see_feed},
    {NULL, NULL},
};
