#include "cli/mail_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/attachment.h"
#include "cli/editor.h"
#include "cli/field.h"
#include "cli/letter.h"
#include "cli/list.h"
#include "cli/mail_form.h"
#include "cli/mail_view.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

/* --- what the options say --- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* --to, --cc, --bcc */
static bool add_people(struct session *session, const char *name, json_t *body)
{
    json_t *list = json_array();
    const char *text;
    struct err err = {0};

    for (size_t i = 0; (text = options_item(&session->options, name, i)); i++) {
        if (!mail_form_people(text, list, &err)) {
            json_decref(list);
            return session_fail_err(session, EXIT_USAGE, NULL, &err) == EXIT_DONE;
        }
    }
    if (json_array_size(list) > 0)
        json_object_set(body, name, list);
    json_decref(list);
    return true;
}

/* --attach FILE..., --evidence N... */
static bool add_attachments(struct session *session, json_t *body)
{
    json_t *list = json_array();
    const char *text;
    struct err err = {0};
    bool ok = true;
    int64_t number;

    for (size_t i = 0; ok && (text = options_item(&session->options, "attach", i)); i++)
        ok = attachment_read(text, list, &err);
    for (size_t i = 0; ok && (text = options_item(&session->options, "evidence", i)); i++) {
        ok = str_to_int64(text + (*text == 'e'), 1, INT64_MAX, &number) ||
             err_set(&err, ERR_INPUT, _("'%s' is no number of evidence"), text);
        if (ok)
            json_array_append_new(list, json_pack("{s:I}", "evidence", (json_int_t)number));
    }
    if (ok && json_array_size(list) > 0)
        json_object_set(body, "attachments", list);
    json_decref(list);
    return ok || session_fail_err(session, EXIT_USAGE, NULL, &err) == EXIT_DONE;
}

/* The order as far as options say it. NULL: told. */
static json_t *order_of(struct session *session, const char *occasion)
{
    const struct options *options = &session->options;
    json_t *body =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "occasion", occasion, "thread", text_or_null(options_text(options, "thread")),
                  "subject", text_or_null(options_text(options, "subject")), "lang", text_or_null(options_text(options, "lang")), "tlp",
                  text_or_null(options_text(options, "tlp")), "answers", text_or_null(options_text(options, "answer")));

    if (add_people(session, "to", body) && add_people(session, "cc", body) && add_people(session, "bcc", body) &&
        add_attachments(session, body))
        return body;
    json_decref(body);
    return NULL;
}

/* -m TEXT, or what a pipe brings; *text NULL where it is to be written in the editor. The caller's. */
static bool given_text(struct session *session, bool reads_pipe, char **text)
{
    const char *message = options_text(&session->options, "message");
    struct err err = {0};

    *text = message ? mem_strdup(message) : NULL;
    if (message || !reads_pipe || isatty(STDIN_FILENO))
        return true;
    if (!editor_text("", "", text, &err))
        return session_fail_err(session, EXIT_USAGE, NULL, &err) == EXIT_DONE;
    if (!str_is_empty(*text))
        return true;
    free(*text);
    *text = NULL;
    return session_fail(session, EXIT_USAGE, _("-m TEXT, or the text on standard input"), _("an empty mail is not sent")) == EXIT_DONE;
}

/* A dry run keeps nothing: nobody should write for it. */
static bool wants_editor(const struct session *session, const char *text)
{
    return !text && isatty(STDIN_FILENO) && !session->has_json && !options_has(&session->options, "yes") &&
           !options_has(&session->options, "dry-run");
}

/* Orders, writes, shows, asks, sends. template: what is given with -m goes into it; NULL: it is the mail. */
static int compose(struct session *session, const char *occasion, const char *template)
{
    struct letter letter = {.session = session};
    char *text = NULL;
    json_t *body;
    bool ok;

    if (!given_text(session, !template, &text))
        return session->exit_code;
    body = order_of(session, occasion);
    ok = body != NULL;
    if (ok) {
        json_object_set_new(body, "text", text_or_null(text));
        json_object_set_new(body, "template", text_or_null(template));
        ok = letter_order(&letter, session, session_operand(session, 0), body);
    }
    if (ok && wants_editor(session, text))
        ok = letter_edit(&letter);
    if (ok)
        letter_send(&letter);
    else if (letter.mail && !session->has_json)
        screen_remark(_("      the draft: cirt draft edit|rm %s"), letter_id(&letter));
    letter_clear(&letter);
    free(text);
    return session->exit_code;
}

int mail_cmd_reply(struct session *session)
{
    return compose(session, "reply", NULL);
}

int mail_cmd_notify(struct session *session)
{
    return compose(session, "notice", "notice");
}

/* A template that is an occasion of its own says what the mail is for. */
int mail_cmd_mail(struct session *session)
{
    static const char *const occasions[] = {"notice", "question", "closing"};
    const char *template = options_text(&session->options, "template");

    if (!options_has(&session->options, "to") && !options_has(&session->options, "thread") && !options_has(&session->options, "bcc"))
        return session_fail(session, EXIT_USAGE, NULL, _("to whom? cirt mail %s --to ADDRESS, or --thread T"), session_operand(session, 0));
    for (size_t i = 0; i < ARRAY_SIZE(occasions); i++)
        if (str_equal(template, occasions[i]))
            return compose(session, occasions[i], template);
    return compose(session, "mail", template);
}

/* --- drafts --- */

int mail_cmd_draft_ls(struct session *session)
{
    return list_print(session,
                      list_get(session, url_with(mem_strdup("/v1/mails"), "state", options_has(&session->options, "all") ? NULL : "draft")),
                      &mail_view_list, NULL);
}

int mail_cmd_draft_show(struct session *session)
{
    struct letter letter;

    if (letter_fetch(&letter, session, session_operand(session, 0)))
        session_print(session, letter.mail, mail_view_show, NULL);
    letter_clear(&letter);
    return session->exit_code;
}

static bool has_changes(const struct session *session)
{
    static const char *const names[] = {"to", "cc", "bcc", "subject", "tlp", "lang", "message"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (options_has(&session->options, names[i]))
            return true;
    return false;
}

/* Only what the options name. */
static bool change_by_options(struct letter *letter)
{
    static const char *const names[][2] = {{"subject", "subject"}, {"tlp", "tlp"}, {"lang", "lang"}, {"message", "text"}};
    struct session *session = letter->session;
    json_t *body = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (options_has(&session->options, names[i][0]))
            json_object_set_new(body, names[i][1], json_string(options_text(&session->options, names[i][0])));
    if (add_people(session, "to", body) && add_people(session, "cc", body) && add_people(session, "bcc", body) &&
        add_attachments(session, body))
        return letter_change(letter, body);
    json_decref(body);
    return false;
}

int mail_cmd_draft_edit(struct session *session)
{
    struct letter letter;
    bool ok = letter_fetch(&letter, session, session_operand(session, 0));

    if (ok)
        ok = has_changes(session) ? change_by_options(&letter) : letter_edit(&letter);
    if (ok)
        session_done(session, letter.mail, _("%s changed; send it: cirt draft send %s"), letter_id(&letter), letter_id(&letter));
    letter_clear(&letter);
    return session->exit_code;
}

int mail_cmd_draft_send(struct session *session)
{
    struct letter letter;

    if (letter_fetch(&letter, session, session_operand(session, 0)))
        letter_send(&letter);
    letter_clear(&letter);
    return session->exit_code;
}

int mail_cmd_draft_rm(struct session *session)
{
    const char *id = session_operand(session, 0);
    char *question = mem_printf(_("Throw the draft %s away?"), id);
    json_t *answer = NULL;

    if (session_confirm(session, question))
        answer = session_delete(session, url_path("/v1/mails/{}", id));
    if (answer)
        session_done(session, answer, _("%s is gone"), id);
    json_decref(answer);
    free(question);
    return session->exit_code;
}

int mail_cmd_recall(struct session *session)
{
    const char *id = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/mails/{}/recall", id), json_object(), -1);

    if (answer)
        session_done(session, answer, _("%s was taken back and is a draft again: cirt draft edit|send|rm %s"), id, id);
    json_decref(answer);
    return session->exit_code;
}

int mail_cmd_mails(struct session *session)
{
    json_t *answer = session_get(session, url_path("/v1/cases/{}/mails", session_operand(session, 0)));

    if (answer)
        session_print(session, answer, mail_view_threads, session_operand(session, 0));
    json_decref(answer);
    return session->exit_code;
}

/* --- close --tell-reporters --- */

static json_t *post_tell(struct session *session, bool is_dry)
{
    const struct options *options = &session->options;

    return session_post(session, url_path("/v1/cases/{}/tell", session_operand(session, 0)),
                        json_pack("{s:s, s:o, s:b, s:b}", "occasion", "closing", "text", text_or_null(options_text(options, "tell")),
                                  "dry_run", is_dry, "strict", options_has(options, "strict")),
                        -1);
}

/* How many would get it, and how many of these in clear. */
static size_t count_told(const json_t *answer, size_t *clear)
{
    const json_t *items = field_list(answer, "items");
    size_t goes = 0;

    *clear = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        goes += field_is(item, "sendable");
        *clear += field_is(item, "sendable") && json_array_size(field_list(item, "clear")) > 0;
    }
    return goes;
}

static bool confirm_tell(struct session *session, const json_t *answer)
{
    size_t clear, goes = count_told(answer, &clear);
    char *who = mem_printf(ngettext("%zu reporter", "%zu reporters", goes), goes);
    char *question = clear ? mem_printf(_("Close it and write to %s, %zu of them IN CLEAR?"), who, clear)
                           : mem_printf(_("Close it and write to %s?"), who);
    bool ok = session_confirm(session, question);

    free(who);
    free(question);
    return ok;
}

bool mail_cmd_tell_asked(struct session *session)
{
    struct screen *screen = &session->printer.screen;
    bool is_dry = options_has(&session->options, "dry-run");
    json_t *answer = post_tell(session, true);
    bool ok = answer != NULL;

    if (ok && session->has_json && is_dry)
        session_print(session, answer, NULL, NULL);
    if (ok && !session->has_json) {
        mail_view_told(screen, answer, "");
        ok = screen_flush(screen);
    }
    if (ok && is_dry && !session->has_json)
        session_done(session, answer, _("Nothing was sent, nothing closed."));
    ok = ok && !is_dry && confirm_tell(session, answer);
    json_decref(answer);
    return ok;
}

int mail_cmd_tell(struct session *session)
{
    json_t *answer = post_tell(session, false);

    if (answer)
        session_print(session, answer, mail_view_told, NULL);
    for (size_t i = 0; i < json_array_size(field_list(answer, "items")); i++)
        if (json_is_false(json_object_get(json_array_get(field_list(answer, "items"), i), "sendable")))
            session->exit_code = EXIT_REFUSED;
    json_decref(answer);
    return session->exit_code;
}
