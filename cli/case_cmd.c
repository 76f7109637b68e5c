#include "cli/case_cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/case_view.h"
#include "cli/editor.h"
#include "cli/field.h"
#include "cli/indicator_cmd.h"
#include "cli/list.h"
#include "cli/mail_cmd.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

static const char needs_me[] = "is:open (owner:me OR owner:none)";

int case_cmd_ls(struct session *session)
{
    bool is_default = session->options.operand_count == 0;
    const char *filter = is_default ? needs_me : options_joined(&session->options, 0);
    char *path = url_with(url_path("/v1/cases?q={}", filter), "sort", options_text(&session->options, "sort"));

    return list_print(session, list_get(session, path), &case_view_list, is_default ? needs_me : NULL);
}

int case_cmd_show(struct session *session)
{
    json_t *answer;

    if (options_has(&session->options, "format"))
        return indicator_cmd_show_case(session);
    if (options_has(&session->options, "out"))
        return session_fail(session, EXIT_USAGE, NULL, _("--out goes with --format"));
    answer = session_get(session, url_path("/v1/cases/{}", session_operand(session, 0)));
    if (answer)
        session_print(session, answer, case_view_show, NULL);
    json_decref(answer);
    return session->exit_code;
}

/* The case as it is now, in its short form, for its revision; with --revision N nothing is read and *before is an empty object. */
static bool read_before(struct session *session, json_t **before, int64_t *revision)
{
    const char *text = options_text(&session->options, "revision");

    if (text && !str_to_int64(text, 0, INT64_MAX, revision)) {
        session_fail(session, EXIT_USAGE, NULL, _("--revision takes a number, not '%s'"), text);
        return false;
    }
    *before = text ? json_object() : session_get(session, url_path("/v1/cases/{}?short=1", session_operand(session, 0)));
    if (*before && !text)
        *revision = field_number(*before, "revision", 0);
    return *before != NULL;
}

/* What an edit was, so that its line can say from what to what. */
struct edit {
    json_t *before, *after; /* NULL where it failed: told */
    char name[64];          /* "42" */
};

static void clear(struct edit *edit)
{
    json_decref(edit->before);
    json_decref(edit->after);
}

/* Reads, then sends; takes body. */
static bool apply(struct session *session, const char *verb, json_t *body, struct edit *edit)
{
    const char *operand = session_operand(session, 0);
    int64_t revision = -1, number;

    memset(edit, 0, sizeof *edit);
    if (!read_before(session, &edit->before, &revision)) {
        json_decref(body);
        return false;
    }
    edit->after = session_post(session, url_path("/v1/cases/{}/{}", operand, verb), body, revision);
    number = field_number(edit->after, "number", -1);
    if (number >= 0)
        snprintf(edit->name, sizeof edit->name, "%lld", (long long)number);
    else
        snprintf(edit->name, sizeof edit->name, "%.60s", operand);
    return edit->after != NULL;
}

/* The common shape: one member changed, its old value told where it is known. */
static int change(struct session *session, const char *verb, const char *member, json_t *body, const char *undo)
{
    struct edit edit;

    if (apply(session, verb, body, &edit)) {
        const char *before = field_text(edit.before, member), *after = field_or(edit.after, member, "-");
        char *was = before && strcmp(before, after) == 0 ? mem_strdup(_(" already"))
                    : before                             ? mem_printf(_(" (was %s)"), before)
                                                         : mem_strdup("");
        char *back =
            undo && before && strcmp(before, after) != 0 ? mem_printf(_("; undo: cirt %s %s %s"), undo, edit.name, before) : mem_strdup("");

        session_done(session, edit.after, _("case %s: %s %s%s%s"), edit.name, member, after, was, back);
        free(was);
        free(back);
    }
    clear(&edit);
    return session->exit_code;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

int case_cmd_take(struct session *session)
{
    bool steal = options_has(&session->options, "steal");
    const char *reason = options_text(&session->options, "message");
    struct edit edit;

    if (steal && str_is_empty(reason))
        return session_fail(session, EXIT_USAGE, NULL, _("stealing needs a reason: cirt take %s --steal -m WHY"),
                            session_operand(session, 0));
    if (apply(session, "take", json_pack("{s:b, s:o}", "steal", steal, "reason", text_or_null(reason)), &edit)) {
        const char *owner = field_text(edit.before, "owner");

        if (owner && !str_equal(owner, field_text(edit.after, "owner")))
            session_done(session, edit.after, _("case %s is yours (was %s's); undo: cirt assign %s %s"), edit.name, owner, edit.name,
                         owner);
        else
            session_done(session, edit.after, _("case %s is yours; undo: cirt unassign %s"), edit.name, edit.name);
    }
    clear(&edit);
    return session->exit_code;
}

int case_cmd_assign(struct session *session)
{
    return change(session, "assign", "owner", json_pack("{s:s}", "to", session_operand(session, 1)), "assign");
}

int case_cmd_unassign(struct session *session)
{
    return change(session, "unassign", "owner", json_object(), "assign");
}

int case_cmd_escalate(struct session *session)
{
    const char *to = options_text(&session->options, "to"), *reason = options_text(&session->options, "message");
    struct edit edit;

    if (str_is_empty(reason))
        return session_fail(session, EXIT_USAGE, NULL, _("escalating needs a reason: cirt escalate %s -m WHY"),
                            session_operand(session, 0));
    if (apply(session, "escalate", json_pack("{s:o, s:s}", "to", text_or_null(to), "reason", reason), &edit))
        session_done(session, edit.after, _("case %s: escalated to %s, owner %s"), edit.name,
                     to ? to : field_or(edit.after, "level", _("the next level")), field_or(edit.after, "owner", "-"));
    clear(&edit);
    return session->exit_code;
}

int case_cmd_priority(struct session *session)
{
    return change(session, "priority", "priority", json_pack("{s:s}", "priority", session_operand(session, 1)), "priority");
}

int case_cmd_summary(struct session *session)
{
    return change(session, "summary", "summary", json_pack("{s:s}", "summary", session_operand(session, 1)), NULL);
}

int case_cmd_classify(struct session *session)
{
    return change(session, "classify", "class", json_pack("{s:s}", "class", session_operand(session, 1)), "classify");
}

int case_cmd_tlp(struct session *session)
{
    return change(session, "tlp", "tlp", json_pack("{s:s}", "tlp", session_operand(session, 1)), NULL);
}

int case_cmd_tag(struct session *session)
{
    json_t *add = json_array(), *remove = json_array();
    const char *tag;
    struct edit edit;

    for (size_t i = 1; (tag = session_operand(session, i)); i++) {
        if (tag[0] == '-' && tag[1])
            json_array_append_new(remove, json_string(tag + 1));
        else
            json_array_append_new(add, json_string(*tag == '+' ? tag + 1 : tag));
    }
    if (apply(session, "tag", json_pack("{s:o, s:o}", "add", add, "remove", remove), &edit))
        session_done(session, edit.after, _("case %s: tags %s"), edit.name, options_joined(&session->options, 1));
    clear(&edit);
    return session->exit_code;
}

static void keep(const char *text, const char *operand)
{
    char *path = editor_keep(text);

    if (path)
        screen_remark_command(_("      what you wrote is kept:"), "cirt note %s < %s", operand, path);
    free(path);
}

int case_cmd_note(struct session *session)
{
    const char *given = options_text(&session->options, "message"), *tlp = options_text(&session->options, "tlp");
    bool share = options_has(&session->options, "share");
    struct err err = {0};
    struct edit edit;
    char *text = NULL;

    if (given)
        text = mem_strdup(given);
    else if (!editor_text("", _("What is written above this line becomes the note."), &text, &err))
        return session_fail_err(session, EXIT_USAGE, "cirt note CASE -m TEXT", &err);
    if (str_is_empty(text)) {
        free(text);
        return session_fail(session, EXIT_USAGE, "cirt note CASE -m TEXT", _("an empty note is not written"));
    }
    if (apply(session, "note", json_pack("{s:s, s:o, s:b}", "text", text, "tlp", text_or_null(tlp), "share", share), &edit))
        session_done(session, edit.after, share ? _("case %s: note written, goes with shares") : _("case %s: note written, stays home"),
                     edit.name);
    else if (!given && isatty(STDIN_FILENO))
        keep(text, session_operand(session, 0));
    clear(&edit);
    free(text);
    return session->exit_code;
}

/* The tasks' numbers are their places in the case: what the database calls them is nobody's business. */
static int64_t task_id(struct session *session, const char *text)
{
    json_t *answer = session_get(session, url_path("/v1/cases/{}", session_operand(session, 0)));
    const json_t *list = field_list(answer, "task_list");
    int64_t place = 0, id = -1;

    if (str_to_int64(text, 1, (int64_t)json_array_size(list), &place))
        id = field_number(json_array_get(list, (size_t)place - 1), "id", -1);
    else if (answer)
        session_fail(session, EXIT_REFUSED, NULL, _("case %s has no task %s: cirt task %s"), session_operand(session, 0), text,
                     session_operand(session, 0));
    json_decref(answer);
    return id;
}

static int add_task(struct session *session)
{
    const char *due = options_text(&session->options, "due");
    char when[TIMESTAMP_TEXT_SIZE];
    int64_t moment;
    struct edit edit;

    if (due && !phrase_read(due, session->printer.screen.now, false, &moment))
        return session_fail(session, EXIT_USAGE, _("for example 2h, 14:00, tomorrow, friday, 2026-12-01"),
                            _("--due does not understand '%s'"), due);
    if (due)
        timestamp_format(moment, when);
    if (apply(session, "task", json_pack("{s:s, s:o}", "add", options_joined(&session->options, 2), "due", text_or_null(due ? when : NULL)),
              &edit))
        session_done(session, edit.after, _("case %s: task %lld added"), edit.name, (long long)field_number(edit.after, "task", 0));
    clear(&edit);
    return session->exit_code;
}

int case_cmd_task(struct session *session)
{
    const char *verb = session->options.operand_count > 1 ? session_operand(session, 1) : "ls";
    bool has_more = session->options.operand_count > 2;
    struct edit edit;

    if (strcmp(verb, "add") == 0 && has_more)
        return add_task(session);
    if (strcmp(verb, "done") == 0 && session->options.operand_count == 3) {
        int64_t id = task_id(session, session_operand(session, 2));
        if (id < 0)
            return session->exit_code;
        if (apply(session, "task", json_pack("{s:I}", "done", (json_int_t)id), &edit))
            session_done(session, edit.after, _("case %s: task %s is done"), edit.name, session_operand(session, 2));
        clear(&edit);
        return session->exit_code;
    }
    if (strcmp(verb, "ls") != 0 || has_more)
        return session_fail(session, EXIT_USAGE, "cirt help task", "cirt task CASE [ls|add TEXT...|done N]");
    json_t *answer = session_get(session, url_path("/v1/cases/{}", session_operand(session, 0)));
    json_t *list = answer ? json_pack("{s:O, s:n}", "items", json_object_get(answer, "task_list"), "next") : NULL;
    if (list)
        session_print(session, list, case_view_tasks, NULL);
    json_decref(list);
    json_decref(answer);
    return session->exit_code;
}

int case_cmd_state(struct session *session)
{
    return change(session, "state", "state", json_pack("{s:s}", "state", session_operand(session, 1)), NULL);
}

int case_cmd_wait(struct session *session)
{
    const char *who = options_text(&session->options, "for"), *until = options_text(&session->options, "until");
    char when[TIMESTAMP_TEXT_SIZE], shown[PHRASE_SIZE];
    struct edit edit;
    int64_t moment;

    if (!who || !until)
        return session_fail(session, EXIT_USAGE, NULL, _("waiting needs for whom and until when: cirt wait %s --for WHO --until T"),
                            session_operand(session, 0));
    if (!phrase_read(until, session->printer.screen.now, false, &moment))
        return session_fail(session, EXIT_USAGE, _("for example 2h, 14:00, tomorrow, friday, 2026-12-01"),
                            _("--until does not understand '%s'"), until);
    timestamp_format(moment, when);
    if (apply(session, "wait", json_pack("{s:s, s:s}", "for", who, "until", when), &edit)) {
        screen_when(&session->printer.screen, moment, shown);
        session_done(session, edit.after, _("case %s: waiting for %s until %s"), edit.name, who, shown);
    }
    clear(&edit);
    return session->exit_code;
}

int case_cmd_close(struct session *session)
{
    const char *as = options_text(&session->options, "as"), *note = options_text(&session->options, "message");
    bool tells = options_has(&session->options, "tell-reporters");
    struct edit edit;

    if (!as)
        return session_fail(session, EXIT_USAGE, NULL,
                            _("case %s needs a resolution: cirt close %s --as fixed|mitigated|false-positive|not-ours|no-answer|duplicate"),
                            session_operand(session, 0), session_operand(session, 0));
    if (!tells && (options_has(&session->options, "tell") || options_has(&session->options, "dry-run")))
        return session_fail(session, EXIT_USAGE, NULL, _("--tell and --dry-run go with --tell-reporters"));
    if (tells && !mail_cmd_tell_asked(session))
        return session->exit_code;
    if (apply(session, "close", json_pack("{s:s, s:o}", "as", as, "note", text_or_null(note)), &edit)) {
        if (!tells || !session->has_json)
            session_done(session, edit.after, _("case %s: closed as %s; undo: cirt reopen %s"), edit.name, as, edit.name);
        if (tells)
            mail_cmd_tell(session);
    }
    clear(&edit);
    return session->exit_code;
}

int case_cmd_reopen(struct session *session)
{
    const char *reason = options_text(&session->options, "message");

    return change(session, "reopen", "state", json_pack("{s:o}", "reason", text_or_null(reason)), NULL);
}
