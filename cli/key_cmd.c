#include "cli/key_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/key_file.h"
#include "cli/key_view.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

enum { EXPIRING_DAYS = 30, INDENT = 6 };

/* ---- lists ---- */

int key_cmd_ls(struct session *session)
{
    return key_view_list(session, list_get(session, url_with(mem_strdup("/v1/keys"), "q", session_operand(session, 0))),
                         N_("No such key: cirt key import FILE brings one in."));
}

int key_cmd_expiring(struct session *session)
{
    const char *within = options_text(&session->options, "within");
    int64_t seconds = EXPIRING_DAYS * INT64_C(86400);
    char days[24];

    if (within && !timestamp_parse_duration(within, &seconds))
        return session_fail(session, EXIT_USAGE, NULL, _("--within takes days or weeks, as 30d or 8w, not '%s'"), within);
    snprintf(days, sizeof days, "%lld", (long long)((seconds + 86399) / 86400));
    return key_view_list(session, list_get(session, url_with(mem_strdup("/v1/keys"), "expiring", days)),
                         N_("Neither one of ours nor a pinned one ends in that time."));
}

int key_cmd_show(struct session *session)
{
    json_t *answer = session_get(session, url_path("/v1/keys/{}", options_joined(&session->options, 0)));

    if (answer)
        session_print(session, answer, key_view_one, NULL);
    json_decref(answer);
    return session->exit_code;
}

int key_cmd_export(struct session *session)
{
    const char *name = options_joined(&session->options, 0);
    json_t *answer;

    if (!*name) {
        (void)!session_fetch(session, mem_strdup("/v1/keys/own/export"), STDOUT_FILENO);
        return session->exit_code;
    }
    answer = session_get(session, url_path("/v1/keys/{}", name));
    if (answer && session->has_json)
        session_print(session, answer, key_view_one, NULL);
    else if (answer)
        screen_text(&session->printer.screen, field_or(answer, "text", ""));
    json_decref(answer);
    return session->exit_code;
}

/* ---- bringing in ---- */

/* The desk's copy, if it has one. False: told. */
static bool get_known(struct session *session, const char *fingerprint, json_t **known)
{
    struct http_client_request request = {.method = "GET", .body_fd = -1, .output_fd = -1};
    struct http_client_answer answer;
    char *path = url_path("/v1/keys/{}", fingerprint);
    bool ok = session_send(session, &request, path, &answer);

    *known = NULL;
    if (ok && answer.status == 200)
        *known = json_loadb(buf_text(&answer.body), answer.body.size, 0, NULL);
    else if (ok && answer.status != 404)
        ok = session_refused(session, &answer, NULL) == EXIT_DONE;
    http_client_answer_clear(&answer);
    free(path);
    return ok;
}

/* Sends one key of a file; false: told. *kept gets the desk's answer, nothing where the key is unknown and has to be known. */
static bool bring_in(struct session *session, json_t *key, bool must_be_known, json_t *kept)
{
    struct err err = {0};
    json_t *known = NULL, *answer = NULL;
    bool ok = get_known(session, field_or(key, "fingerprint", ""), &known);

    if (ok && known && !field_is(known, "own") && field_text(known, "text") && !key_file_merge(key, field_text(known, "text"), &err)) {
        session_fail_err(session, EXIT_USAGE, NULL, &err);
        ok = false;
    }
    if (ok && (known || !must_be_known)) {
        answer = session_post(session, mem_strdup("/v1/keys"), json_incref(key), -1);
        ok = answer && json_array_append_new(kept, answer) == 0;
    }
    json_decref(known);
    return ok;
}

static void render_brought(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *items = field_list(answer, "items");

    UNUSED(context);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *key = json_array_get(items, i);
        const char *outcome = field_text(key, "outcome"), *claim = json_string_value(json_array_get(field_list(key, "claims"), 0));
        char *state = key_view_state(screen, key), *says = screen_clean(screen, field_text(key, "user_id"), true);
        char *address = screen_clean(screen, claim ? claim : "ADDRESS", false), *end = key_view_end(screen, key);

        screen_printf(screen, "%s  ", field_or(key, "fingerprint", "-"));
        screen_words(screen, says, INDENT);
        if (str_equal(outcome, "known"))
            screen_printf(screen, _("      known: %s; nothing new\n"), state);
        else if (str_equal(field_text(key, "state"), "revoked"))
            screen_text(screen, _("      REVOKED: counts nowhere; mail that rested on it is judged anew\n"));
        else if (str_equal(outcome, "changed"))
            screen_printf(screen, _("      newer copy taken: %s, ends %s\n"), state, end);
        else
            screen_printf(screen,
                          _("      new candidate, ends %s; compare its digits with the owner, then:\n      cirt key pin %s --contact %s\n"),
                          end, key_view_short(key), address);
        free(state);
        free(says);
        free(address);
        free(end);
    }
}

static int bring(struct session *session, bool must_be_known)
{
    json_t *kept = json_array(), *answer;
    bool ok = true;

    for (size_t i = 0; ok && i < session->options.operand_count; i++) {
        struct err err = {0};
        json_t *keys = key_file_read(session_operand(session, i), &err);

        if (!keys)
            session_fail_err(session, EXIT_USAGE, NULL, &err);
        ok = keys != NULL;
        for (size_t j = 0; ok && j < json_array_size(keys); j++)
            ok = bring_in(session, json_array_get(keys, j), must_be_known, kept);
        json_decref(keys);
    }
    answer = json_pack("{s:o, s:n}", "items", kept, "next");
    if (json_array_size(kept) > 0)
        session_print(session, answer, render_brought, NULL);
    else if (ok)
        session_fail(session, EXIT_REFUSED, _("cirt key import FILE brings it in"), _("none of these keys is known here"));
    json_decref(answer);
    return session->exit_code;
}

int key_cmd_import(struct session *session)
{
    return bring(session, false);
}

int key_cmd_refresh(struct session *session)
{
    return bring(session, true);
}

/* ---- deciding ---- */

static json_t *pin_body(const struct options *options)
{
    static const char *const owners[] = {"contact", "peer", "analyst"};
    json_t *body = json_object(), *addresses = json_array();
    const char *text;

    for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
        if (options_has(options, owners[i]))
            json_object_set_new(body, owners[i], json_string(options_text(options, owners[i])));
    for (size_t i = 0; (text = options_item(options, "mail", i)); i++)
        json_array_append_new(addresses, json_string(text));
    if (json_array_size(addresses) > 0)
        json_object_set(body, "addresses", addresses);
    json_decref(addresses);
    return body;
}

static bool is_whole(const char *text, const char *fingerprint)
{
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        if ((*text & ~0x20) != *fingerprint && *text != *fingerprint)
            return false;
        fingerprint++;
    }
    return *fingerprint == '\0';
}

/* Who pins has compared: the whole fingerprint was typed with --yes, or the digits shown are confirmed. */
static bool is_compared(struct session *session, const json_t *key, const char *typed, const char *whose)
{
    char groups[KEY_VIEW_GROUPS_SIZE], *says, *question;
    bool sure;

    if (options_has(&session->options, "yes") && !is_whole(typed, field_or(key, "fingerprint", ""))) {
        session_fail(session, EXIT_USAGE, _("without --yes the digits are shown to be compared"),
                     _("--yes needs the whole fingerprint: cirt key pin %s"), field_or(key, "fingerprint", "FINGERPRINT"));
        return false;
    }
    if (!options_has(&session->options, "yes") && !isatty(STDIN_FILENO)) {
        session_fail(session, EXIT_USAGE, _("in a script: the whole fingerprint, and --yes"),
                     _("the digits are to be compared, and nobody is here"));
        return false;
    }
    says = screen_clean(&session->printer.screen, field_text(key, "user_id"), true);
    key_view_groups(field_or(key, "fingerprint", ""), groups);
    question = mem_printf(_("  %s\n  says: %s   (a claim)\nDid %s tell you these digits, another way than by mail?"), groups, says, whose);
    sure = session_confirm(session, question);
    free(question);
    free(says);
    return sure;
}

static int pinned(struct session *session, const json_t *answer)
{
    const char *name = key_view_short(answer), *owner = key_view_owner(answer);
    const json_t *addresses = json_object_get(answer, "addresses");
    char *all = field_plain(addresses);

    if (str_equal(field_text(answer, "state"), "asked"))
        session_done(session, answer, _("asked: a second person compares it too, then: cirt key pin %s --peer %s"), name, owner);
    else if (json_array_size(addresses) == 1 && str_equal(all, owner))
        session_done(session, answer, _("key %s pinned to %s   (undo: cirt key distrust %s -m WHY)"), name, owner, name);
    else
        session_done(session, answer, _("key %s pinned to %s, for %s   (undo: cirt key distrust %s -m WHY)"), name, owner, all ? all : "-",
                     name);
    free(all);
    return session->exit_code;
}

int key_cmd_pin(struct session *session)
{
    const char *typed = options_joined(&session->options, 0);
    json_t *body = pin_body(&session->options), *key = NULL, *answer = NULL;
    const char *whose = json_string_value(json_object_iter_value(json_object_iter(body)));

    if (json_object_size(body) - (json_object_get(body, "addresses") != NULL) != 1) {
        json_decref(body);
        return session_fail(session, EXIT_USAGE, NULL, _("pinned to whom? one of --contact ADDRESS, --peer PEER, --analyst LOGIN"));
    }
    key = session_get(session, url_path("/v1/keys/{}", typed));
    if (key && is_compared(session, key, typed, whose))
        answer = session_post(session, url_path("/v1/keys/{}/pin", field_or(key, "fingerprint", "-")), json_incref(body), -1);
    if (answer)
        pinned(session, answer);
    json_decref(answer);
    json_decref(key);
    json_decref(body);
    return session->exit_code;
}

int key_cmd_distrust(struct session *session)
{
    const char *name = options_joined(&session->options, 0), *reason = options_text(&session->options, "message");
    json_t *answer;

    if (str_is_empty(reason))
        return session_fail(session, EXIT_USAGE, NULL, _("distrusting a key needs a reason: cirt key distrust %s -m WHY"), name);
    answer = session_post(session, url_path("/v1/keys/{}/distrust", name), json_pack("{s:s}", "reason", reason), -1);
    if (answer)
        session_done(session, answer, _("key %s counts nowhere any more; mail that rested on it is judged anew   (undo: cirt key pin)"),
                     key_view_short(answer));
    json_decref(answer);
    return session->exit_code;
}
