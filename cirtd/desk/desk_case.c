#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "model/rsit.h"
#include "rules/priority.h"

/* --- lists --- */

static const struct {
    const char *name;
    enum sql_statement statement;
} sorts[] = {
    {"due", SQL_DESK_CASE_LIST_DUE},           {"-due", SQL_DESK_CASE_LIST_DUE_BACK},
    {"priority", SQL_DESK_CASE_LIST_PRIORITY}, {"-priority", SQL_DESK_CASE_LIST_PRIORITY_BACK},
    {"opened", SQL_DESK_CASE_LIST_OPENED},     {"-opened", SQL_DESK_CASE_LIST_OPENED_BACK},
    {"updated", SQL_DESK_CASE_LIST_UPDATED},   {"-updated", SQL_DESK_CASE_LIST_UPDATED_BACK},
    {"number", SQL_DESK_CASE_LIST_NUMBER},     {"-number", SQL_DESK_CASE_LIST_NUMBER_BACK},
};

static bool find_sort(struct desk_call *call, enum sql_statement *statement, struct err *err)
{
    const char *sort = desk_query_text(call, "sort");
    *statement = SQL_DESK_CASE_LIST_DUE;
    if (!sort || !*sort)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(sorts); i++) {
        if (str_equal(sorts[i].name, sort)) {
            *statement = sorts[i].statement;
            return true;
        }
    }
    return err_set(err, ERR_INPUT, "\"%.40s\" is no order: due, priority, opened, updated or number, turned round by a leading -", sort);
}

static bool list_cases(struct desk_call *call, struct err *err)
{
    struct desk_page page;
    enum sql_statement statement;
    struct db_rows *rows = NULL;
    size_t count;
    if (!desk_page_read(call, &page, err) || !find_sort(call, &statement, err) ||
        !desk_list_run(call, FILTER_CASE, statement, &page, &count, err) || !desk_run(call, SQL_DESK_CASE_OPEN_COUNT, &rows, err))
        return false;
    buf_printf(&call->answer->body, ",\"open\":%lld", (long long)db_get_int(rows, 0, 0));
    db_rows_free(rows);
    /* The last page tells how many there are; to count the rest would cost more than to show the first. */
    if (count < (size_t)page.limit && (count > 0 || page.offset == 0))
        buf_printf(&call->answer->body, ",\"matching\":%lld}", (long long)page.offset + (long long)count);
    else
        buf_add_text(&call->answer->body, ",\"matching\":null}");
    return true;
}

static bool show_case(struct desk_call *call, struct err *err)
{
    const char *is_short = desk_query_text(call, "short");
    db_text(call->params, call->name);
    if (str_equal(is_short, "1"))
        return desk_run_one(call, SQL_DESK_CASE_SHORT, 200, "case", err);
    return desk_run_one(call, SQL_DESK_CASE_SHOW, 200, "case", err) && desk_place_add_case(call, err);
}

/* --- the verbs --- */

/* The stored name of a class in whatever words; NULL where the member is absent. */
static bool body_class(struct desk_call *call, const char **name, struct err *err)
{
    const char *text;
    *name = NULL;
    if (!desk_body_text(call, "class", &text, err))
        return false;
    if (!text)
        return true;
    *name = rsit_find(text);
    const char *nearest = *name ? NULL : rsit_nearest(text);
    const char *hint = nearest ? arena_printf(call->arena, "did you mean \"%s\"?", nearest)
                               : "an RSIT class, as fraud/phishing, or a word for one, as ransomware";
    return *name || desk_problem_set(call, 422, hint, err, "\"%.100s\" is no class of the taxonomy", text);
}

static bool add_case(struct desk_call *call, struct err *err)
{
    const char *summary, *class_name, *kind, *tlp, *priority;
    if (!desk_body_text(call, "summary", &summary, err) || !body_class(call, &class_name, err) ||
        !desk_body_text(call, "kind", &kind, err) || !desk_body_text(call, "tlp", &tlp, err) ||
        !desk_body_text(call, "priority", &priority, err))
        return false;
    db_text(call->params, summary);
    db_text(call->params, class_name ? class_name : RSIT_UNDETERMINED);
    db_text(call->params, kind);
    db_text(call->params, tlp);
    db_text(call->params, priority ? priority : priority_name(priority_of_class(class_name)));
    return desk_run_one(call, SQL_DESK_CASE_ADD, 201, "case", err);
}

/* Most verbs are the case, the revision and some texts of the body. */
static bool run_verb(struct desk_call *call, enum sql_statement statement, const char *const *members, struct err *err)
{
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    for (; *members; members++) {
        const char *text;
        if (!desk_body_text(call, *members, &text, err))
            return false;
        db_text(call->params, text);
    }
    return desk_run_one(call, statement, 200, "case", err);
}

static bool take_case(struct desk_call *call, struct err *err)
{
    const char *reason;
    bool is_stolen;
    if (!desk_body_bool(call, "steal", &is_stolen, err) || !desk_body_text(call, "reason", &reason, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_bool(call->params, is_stolen);
    db_text(call->params, reason);
    return desk_run_one(call, SQL_DESK_CASE_TAKE, 200, "case", err);
}

static bool assign_case(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"to", NULL};
    return run_verb(call, SQL_DESK_CASE_ASSIGN, members, err);
}

static bool unassign_case(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {NULL};
    return run_verb(call, SQL_DESK_CASE_UNASSIGN, members, err);
}

static bool escalate_case(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"to", "reason", NULL};
    return run_verb(call, SQL_DESK_CASE_ESCALATE, members, err);
}

static bool set_priority(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"priority", NULL};
    return run_verb(call, SQL_DESK_CASE_PRIORITY, members, err);
}

static bool set_summary(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"summary", NULL};
    return run_verb(call, SQL_DESK_CASE_SUMMARY, members, err);
}

static bool classify_case(struct desk_call *call, struct err *err)
{
    const char *class_name;
    if (!body_class(call, &class_name, err))
        return false;
    if (!class_name)
        return desk_problem_set(call, 422, "cirt classify CASE CLASS", err, "the class is missing");
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_text(call->params, class_name);
    return desk_run_one(call, SQL_DESK_CASE_CLASSIFY, 200, "case", err);
}

static bool label_case(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"tlp", NULL};
    return run_verb(call, SQL_DESK_CASE_TLP, members, err);
}

static bool tag_case(struct desk_call *call, struct err *err)
{
    const char *added, *removed;
    if (!desk_body_array(call, "add", &added, err) || !desk_body_array(call, "remove", &removed, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_text(call->params, added ? added : "{}");
    db_text(call->params, removed ? removed : "{}");
    return desk_run_one(call, SQL_DESK_CASE_TAG, 200, "case", err);
}

static bool note_case(struct desk_call *call, struct err *err)
{
    const char *text, *tlp;
    bool is_shared;
    if (!desk_body_text(call, "text", &text, err) || !desk_body_text(call, "tlp", &tlp, err) ||
        !desk_body_bool(call, "share", &is_shared, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_text(call->params, text);
    db_text(call->params, tlp);
    db_bool(call->params, is_shared);
    return desk_run_one(call, SQL_DESK_CASE_NOTE, 200, "case", err);
}

static bool set_state(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"state", NULL};
    return run_verb(call, SQL_DESK_CASE_STATE, members, err);
}

/* An RFC 3339 member in the form that the database reads; NULL where the body has none. */
static bool body_time(struct desk_call *call, const char *name, char text[TIMESTAMP_TEXT_SIZE], const char **out, struct err *err)
{
    int64_t moment;
    if (!desk_body_text(call, name, out, err))
        return false;
    if (*out && !timestamp_parse_rfc3339(*out, &moment))
        return desk_problem_set(call, 422, "RFC 3339: 2026-01-05T12:00:00Z", err, "\"%.60s\" is no time", *out);
    if (*out) {
        timestamp_format(moment, text);
        *out = text;
    }
    return true;
}

static bool task_case(struct desk_call *call, struct err *err)
{
    const char *added, *due;
    char text[TIMESTAMP_TEXT_SIZE];
    const json_t *done = json_object_get(call->body, "done");
    if (!desk_body_text(call, "add", &added, err) || !body_time(call, "due", text, &due, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_text(call->params, added);
    db_text(call->params, due);
    if (json_is_integer(done))
        db_int8(call->params, json_integer_value(done));
    else
        db_null(call->params);
    return desk_run_one(call, SQL_DESK_CASE_TASK, 200, "case", err);
}

static bool wait_case(struct desk_call *call, struct err *err)
{
    const char *whom, *until;
    char text[TIMESTAMP_TEXT_SIZE];
    if (!desk_body_text(call, "for", &whom, err) || !body_time(call, "until", text, &until, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_text(call->params, whom);
    db_text(call->params, until);
    return desk_run_one(call, SQL_DESK_CASE_WAIT, 200, "case", err);
}

static bool close_case(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"as", "note", NULL};
    return run_verb(call, SQL_DESK_CASE_CLOSE, members, err);
}

static bool reopen_case(struct desk_call *call, struct err *err)
{
    static const char *const members[] = {"reason", NULL};
    return run_verb(call, SQL_DESK_CASE_REOPEN, members, err);
}

/* --- the journal --- */

static bool show_journal(struct desk_call *call, struct err *err)
{
    struct desk_page page;
    struct db_rows *rows = NULL, *chain = NULL;
    bool is_export = str_equal(desk_query_text(call, "export"), "1");
    if (!desk_page_read(call, &page, err))
        return false;
    if (is_export)
        page = (struct desk_page){.limit = INT32_MAX};
    db_text(call->params, call->name);
    if (!desk_run(call, SQL_DESK_CASE_CHAIN, &chain, err))
        return false;
    db_text(call->params, call->name);
    db_int8(call->params, page.limit);
    db_int8(call->params, page.offset);
    db_bool(call->params, !is_export && str_equal(desk_query_text(call, "short"), "1"));
    bool ok = desk_run(call, SQL_DESK_CASE_JOURNAL, &rows, err);
    if (ok) {
        desk_page_add(call, rows, &page);
        /* Which chain of the database it is: its first entry follows from this number, not from the case's. */
        buf_printf(&call->answer->body, ",\"chain\":%lld,\"case\":%lld}", (long long)db_get_int(chain, 0, 0),
                   (long long)db_get_int(chain, 0, 1));
    }
    db_rows_free(chain);
    db_rows_free(rows);
    return ok;
}

static bool verify_journal(struct desk_call *call, struct err *err)
{
    const char *name = desk_query_text(call, "case");
    db_text(call->params, name && *name ? name : NULL);
    return desk_run_one(call, SQL_DESK_JOURNAL_VERIFY, 200, "case", err);
}

const struct desk_route desk_case_routes[] = {
    {"case_list", list_cases},        {"case_show", show_case},           {"case_add", add_case},
    {"case_take", take_case},         {"case_assign", assign_case},       {"case_unassign", unassign_case},
    {"case_escalate", escalate_case}, {"case_priority", set_priority},    {"case_summary", set_summary},
    {"case_classify", classify_case}, {"case_tlp", label_case},           {"case_tag", tag_case},
    {"case_note", note_case},         {"case_task", task_case},           {"case_state", set_state},
    {"case_wait", wait_case},         {"case_close", close_case},         {"case_reopen", reopen_case},
    {"case_journal", show_journal},   {"journal_verify", verify_journal}, {NULL, NULL},
};
