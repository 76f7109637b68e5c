#include "cli/letter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/editor.h"
#include "cli/field.h"
#include "cli/mail_form.h"
#include "cli/mail_view.h"
#include "cli/url.h"
#include "cli/words.h"

const char *letter_id(const struct letter *letter)
{
    return field_or(letter->mail, "id", "-");
}

void letter_clear(struct letter *letter)
{
    json_decref(letter->mail);
    letter->mail = NULL;
}

static bool is_person_there(const struct session *session)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !session->has_json && !options_has(&session->options, "yes");
}

/* "y", "n" or one of `letters`; 'n' where nobody is there. question ends with the choices. */
static char ask(const char *question, const char *letters)
{
    char line[80] = "";

    screen_ask(question);
    if (!fgets(line, sizeof line, stdin))
        return 'n';
    line[0] = (char)tolower((unsigned char)line[0]);
    return line[0] && strchr(letters, line[0]) ? line[0] : 'n';
}

/* --- a new one --- */

/* Which of the threads is meant: its id or, where it has none yet, its address; the caller's. NULL: none. */
static char *choose_thread(struct session *session, const json_t *threads)
{
    struct screen *screen = &session->printer.screen;
    char line[16] = "";
    int64_t chosen;

    for (size_t i = 0; i < json_array_size(threads); i++) {
        const json_t *thread = json_array_get(threads, i);
        json_t *person = json_pack("{s:s, s:s?}", "address", field_or(thread, "contact", "-"), "name", field_text(thread, "name"));
        char *text = mail_view_person(screen, person);
        fprintf(stderr, "%3zu  %s  %s\n", i + 1, text, field_or(thread, "id", ""));
        free(text);
        json_decref(person);
    }
    fprintf(stderr, _("Whom? [1-%zu] "), json_array_size(threads));
    if (!fgets(line, sizeof line, stdin))
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    if (!str_to_int64(line, 1, (int64_t)json_array_size(threads), &chosen))
        return NULL;
    const json_t *thread = json_array_get(threads, (size_t)chosen - 1);
    return mem_strdup(field_or(thread, "id", field_or(thread, "contact", "")));
}

/* Sends the order once; *threads where the desk asks back which is meant (the caller's). */
static json_t *post_order(struct session *session, const char *case_operand, const json_t *body, json_t **threads)
{
    char *path = url_path("/v1/cases/{}/mails", case_operand), *text = json_dumps(body, JSON_COMPACT);
    struct http_client_request request = {.method = "POST",
                                          .content_type = "application/json",
                                          .body = text,
                                          .body_size = (int64_t)strlen(text),
                                          .body_fd = -1,
                                          .output_fd = -1};
    struct http_client_answer answer;
    json_t *mail = NULL, *problem;

    if (session_send(session, &request, path, &answer)) {
        problem = json_loadb(buf_text(&answer.body), answer.body.size, 0, NULL);
        if (answer.status / 100 == 2)
            mail = json_incref(problem);
        else if (answer.status == 409 && field_list(problem, "threads") && is_person_there(session))
            *threads = json_incref(json_object_get(problem, "threads"));
        else
            session_refused(session, &answer, NULL);
        json_decref(problem);
    }
    http_client_answer_clear(&answer);
    free(path);
    free(text);
    return mail;
}

bool letter_order(struct letter *letter, struct session *session, const char *case_operand, json_t *body)
{
    json_t *threads = NULL;

    *letter = (struct letter){.session = session};
    letter->mail = post_order(session, case_operand, body, &threads);
    if (threads) {
        char *thread = choose_thread(session, threads);
        if (thread) {
            json_object_set_new(body, "thread", json_string(thread));
            json_decref(threads);
            threads = NULL;
            letter->mail = post_order(session, case_operand, body, &threads);
        } else {
            session_fail(session, EXIT_REFUSED, NULL, _("nobody was chosen; nothing was written"));
        }
        free(thread);
    }
    json_decref(threads);
    json_decref(body);
    return letter->mail != NULL;
}

bool letter_fetch(struct letter *letter, struct session *session, const char *id)
{
    *letter = (struct letter){.session = session};
    letter->mail = session_get(session, url_path("/v1/mails/{}", id));
    return letter->mail != NULL;
}

/* --- writing --- */

bool letter_change(struct letter *letter, json_t *body)
{
    json_t *after =
        session_post(letter->session, url_path("/v1/mails/{}", letter_id(letter)), body, field_number(letter->mail, "revision", 0));

    if (!after)
        return false;
    json_decref(letter->mail);
    letter->mail = after;
    return true;
}

/* What was typed and is not at the desk. */
static void keep_typed(const struct letter *letter, const char *text)
{
    char *path = editor_keep(text);

    if (path && !letter->session->has_json)
        screen_remark_command(_("      what you wrote is kept; put it right and:"), "cirt draft edit %s < %s", letter_id(letter), path);
    free(path);
}

/* An answer of which nothing but what stood there is left: the quote and who signs. */
static bool is_unwritten(const struct letter *letter, const char *start, const json_t *edit)
{
    struct err err = {0};
    json_t *before = mail_form_read(start, &err);
    bool is_same = str_equal(letter->session->command->words, "reply") && !options_has(&letter->session->options, "message") &&
                   str_equal(field_text(before, "text"), field_text(edit, "text"));

    json_decref(before);
    return is_same;
}

bool letter_edit(struct letter *letter)
{
    bool is_first = !letter->is_typed, is_unwritten_yet = false;
    char *start = mail_form_write(letter->mail), *typed = NULL;
    struct err err = {0};
    json_t *edit = NULL;
    bool ok = editor_text(start, _(mail_form_help), &typed, &err);

    if (ok) {
        letter->is_typed = true;
        edit = mail_form_read(typed, &err);
        ok = edit != NULL;
    }
    if (!ok)
        session_fail_err(letter->session, EXIT_USAGE, NULL, &err);
    else if (str_is_empty(field_text(edit, "text")))
        ok = session_fail(letter->session, EXIT_REFUSED, NULL, _("an empty mail is not sent")) == EXIT_DONE;
    else if ((is_unwritten_yet = is_first && is_unwritten(letter, start, edit)))
        ok = session_fail(letter->session, EXIT_REFUSED, NULL, _("nothing was written, nothing was sent")) == EXIT_DONE;
    else
        ok = letter_change(letter, json_incref(edit));
    if (!ok && typed && !is_unwritten_yet && !(edit && str_is_empty(field_text(edit, "text"))))
        keep_typed(letter, typed);
    json_decref(edit);
    free(start);
    free(typed);
    return ok;
}

/* --- sending --- */

static json_t *preview(struct letter *letter)
{
    bool strict = options_has(&letter->session->options, "strict");

    return session_post(letter->session, url_path("/v1/mails/{}/preview", letter_id(letter)), json_pack("{s:b}", "strict", strict), -1);
}

static void tell_kept(const struct letter *letter)
{
    if (!letter->session->has_json)
        screen_remark(_("      %s is kept as a draft: cirt draft edit|send|rm %s"), letter_id(letter), letter_id(letter));
}

/* It may not go: who stands in the way, and what would help. */
static int refused(struct letter *letter, const json_t *shown)
{
    const json_t *why = field_object(shown, "refused");
    json_t *answer = json_deep_copy(shown);
    char *what = mem_printf(_("%s stays: %s"), letter_id(letter), field_or(why, "text", _("it may not go")));
    struct printer_problem problem = {.what = what, .hint = field_text(why, "hint"), .answer = answer};

    json_object_set_new(answer, "mail", json_string(letter_id(letter)));
    json_object_set_new(answer, "status", json_integer(422));
    letter->session->printer.kind->problem(&letter->session->printer, &problem);
    json_decref(answer);
    free(what);
    return letter->session->exit_code = EXIT_REFUSED;
}

static char *question(const struct letter *letter, const json_t *shown)
{
    size_t all = json_array_size(field_list(shown, "recipients")), clear = json_array_size(field_list(shown, "clear"));
    bool strict = options_has(&letter->session->options, "strict");
    char *in_clear = clear == 0     ? mem_strdup(_(", encrypted"))
                     : clear == all ? mem_strdup(_(", IN CLEAR"))
                                    : mem_printf(_(", %zu of them IN CLEAR"), clear);
    char *text = mem_printf(_("%sSend %s to %zu %s%s? [y/N, e to edit]"), strict ? _("You decide it for this mail. ") : "",
                            letter_id(letter), all, all == 1 ? _("person") : _("people"), in_clear);

    free(in_clear);
    return text;
}

static int post_send(struct letter *letter)
{
    struct session *session = letter->session;
    bool strict = options_has(&session->options, "strict");
    json_t *after = session_post(session, url_path("/v1/mails/{}/send", letter_id(letter)), json_pack("{s:b}", "strict", strict),
                                 field_number(letter->mail, "revision", 0));
    int64_t until = field_time(after, "recall_until"), left;

    if (!after)
        return session->exit_code;
    left = until == TIMESTAMP_NONE ? 0 : (until - timestamp_now() + TIMESTAMP_SECOND - 1) / TIMESTAMP_SECOND;
    if (left > 0)
        session_done(session, after, _("%s leaves in %lld s; take it back: cirt recall %s"), letter_id(letter), (long long)left,
                     letter_id(letter));
    else
        session_done(session, after, _("%s is on its way"), letter_id(letter));
    json_decref(after);
    return session->exit_code;
}

static int nothing_sent(struct letter *letter, const json_t *shown)
{
    struct session *session = letter->session;

    if (session->has_json)
        session_print(session, shown, NULL, NULL);
    if (!field_is(shown, "sendable"))
        refused(letter, shown);
    else if (!session->has_json)
        session_done(session, shown, _("Nothing was sent."));
    return session->exit_code;
}

/* What the person says: 'y', 'n', 'e'; --yes and no person are "yes" and "no". */
static char decide(struct letter *letter, const json_t *shown)
{
    struct session *session = letter->session;
    char *text, said;

    if (options_has(&session->options, "yes"))
        return 'y';
    if (!is_person_there(session)) {
        session_fail(session, EXIT_USAGE, _("--yes says yes in a script; --dry-run only shows"),
                     _("%s was not sent: nobody is here to ask"), letter_id(letter));
        return 'n';
    }
    text = question(letter, shown);
    said = ask(text, "ye");
    if (said == 'n')
        session_fail(session, EXIT_REFUSED, NULL, _("nothing was sent"));
    free(text);
    return said;
}

static void show(struct letter *letter, const json_t *shown)
{
    struct screen *screen = &letter->session->printer.screen;

    if (letter->session->has_json)
        return;
    mail_view_preview(screen, shown, letter->mail);
    if (!letter->is_typed) {
        screen_text(screen, "\n");
        mail_view_text(screen, letter->mail);
        screen_text(screen, "\n");
    }
    if (!screen_flush(screen))
        perror("cirt");
}

/* A dry run leaves nothing behind but what somebody typed. */
static void leave(struct letter *letter, bool is_new)
{
    if (letter->is_typed || !is_new) {
        tell_kept(letter);
        return;
    }
    json_decref(session_delete(letter->session, url_path("/v1/mails/{}", letter_id(letter))));
}

int letter_send(struct letter *letter)
{
    struct session *session = letter->session;
    bool is_dry = options_has(&session->options, "dry-run"), is_new = !str_starts(session->command->words, "draft");

    for (;;) {
        json_t *shown = preview(letter);
        bool goes = field_is(shown, "sendable");
        char said = 'n';

        if (shown)
            show(letter, shown);
        if (shown && is_dry)
            nothing_sent(letter, shown);
        else if (shown && !goes)
            refused(letter, shown);
        else if (shown)
            said = decide(letter, shown);
        json_decref(shown);
        if (said == 'e' && letter_edit(letter))
            continue;
        if (said == 'y' && post_send(letter) == EXIT_DONE)
            return EXIT_DONE;
        if (is_dry)
            leave(letter, is_new);
        else
            tell_kept(letter);
        return session->exit_code;
    }
}
