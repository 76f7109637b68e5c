#include "cli/contact_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/key_view.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

enum { MARGIN = 10 };

static const struct table_column columns[] = {
    {N_("ADDRESS"), 0, false, true}, {N_("KEY"), 0, false, false},  {N_("WAIVER"), 1, false, false}, {N_("OF"), 2, false, false},
    {N_("NOTE"), 3, false, false},   {N_("NAME"), 4, false, false}, {N_("LANG"), 5, false, false},
};

/* "pinned" where one key is, else the state of the best of them. */
static const char *key_word(const json_t *contact)
{
    const json_t *keys = field_list(contact, "keys");

    for (size_t i = 0; i < json_array_size(keys); i++)
        if (str_equal(field_text(json_array_get(keys, i), "state"), "pinned"))
            return field_text(json_array_get(keys, i), "protocol");
    return json_array_size(keys) > 0 ? field_text(json_array_get(keys, 0), "state") : NULL;
}

static char *label_of(const struct screen *screen, const json_t *waiver)
{
    char *label = screen_clean(screen, field_text(waiver, "up_to"), false);

    for (char *c = label; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return label;
}

/* "AMBER to 2027-03-31" */
static char *waiver_word(const struct screen *screen, const json_t *contact)
{
    const json_t *waiver = json_array_get(field_list(contact, "waivers"), 0);
    char until[PHRASE_SIZE], *label, *text;

    if (!waiver)
        return mem_strdup("-");
    screen_due(screen, field_time(waiver, "until"), until);
    label = label_of(screen, waiver);
    text = mem_printf(_("%s to %s"), label, until);
    free(label);
    return text;
}

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    const char *peer = field_text(item, "peer"), *analyst = field_text(item, "analyst"), *key = key_word(item);
    bool is_known = field_is(item, "known"), bounced = field_time(item, "bounced") != TIMESTAMP_NONE;

    cell_text(table, screen, field_text(item, "address"));
    cell_text(table, screen, key);
    table_take(table, STYLE_PLAIN, waiver_word(screen, item));
    cell_text(table, screen, peer ? peer : analyst ? analyst : field_text(item, "constituent"));
    table_add(table, bounced ? STYLE_RED : STYLE_DIM,
              bounced                      ? _("bounced")
              : !field_is(item, "enabled") ? _("disabled")
              : !is_known                  ? _("only remembered")
                                           : "");
    cell_text(table, screen, field_text(item, "name"));
    cell_text(table, screen, field_text(item, "lang"));
}

int contact_cmd_ls(struct session *session)
{
    static const struct list_view view = {columns, ARRAY_SIZE(columns), row, N_("No such contact: cirt contact add ADDRESS"), NULL};
    const char *q = options_joined(&session->options, 0);

    return list_print(session, list_get(session, url_with(mem_strdup("/v1/contacts"), "q", *q ? q : NULL)), &view, NULL);
}

/* ---- one ---- */

static void line(struct screen *screen, const char *name, const char *text)
{
    char *clean = text ? screen_clean(screen, text, false) : NULL;

    if (!clean)
        return;
    screen_style(screen, STYLE_DIM, name);
    screen_pad(screen, MARGIN);
    screen_words(screen, clean, MARGIN);
    free(clean);
}

static void render_keys(struct screen *screen, const json_t *contact)
{
    const json_t *keys = field_list(contact, "keys");
    const char *used = field_text(contact, "key"), *why = field_text(contact, "key_reason"), *hint = field_text(contact, "key_hint");
    char *text;

    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        char *end = key_view_end(screen, key);
        bool is_used = str_equal(used, field_text(key, "fingerprint"));

        text = mem_printf(_("%s  %s, %s, ends %s%s"), key_view_short(key), field_or(key, "protocol", "-"), field_or(key, "state", "-"), end,
                          is_used ? _("   mail to it is encrypted with this") : "");
        line(screen, i ? "" : _("key"), text);
        free(text);
        free(end);
    }
    if (!used) {
        text = mem_printf(_("%s   (%s)"), why ? why : _("none"), hint ? hint : "cirt key import FILE");
        line(screen, json_array_size(keys) ? "" : _("key"), text);
        free(text);
    }
}

static void render_waivers(struct screen *screen, const json_t *contact)
{
    const json_t *waivers = field_list(contact, "waivers");

    for (size_t i = 0; i < json_array_size(waivers); i++) {
        const json_t *waiver = json_array_get(waivers, i);
        char until[PHRASE_SIZE], *text, *label = label_of(screen, waiver);

        screen_due(screen, field_time(waiver, "until"), until);
        text = mem_printf(_("in clear up to TLP:%s until %s, by %s: %s"), label, until, field_or(waiver, "granted_by", "-"),
                          field_or(waiver, "reason", "-"));
        line(screen, i ? "" : _("waiver"), text);
        free(label);
        free(text);
    }
}

static void render_one(struct screen *screen, const json_t *contact, const void *context)
{
    const char *peer = field_text(contact, "peer"), *analyst = field_text(contact, "analyst");
    char *address = screen_clean(screen, field_text(contact, "address"), false), when[PHRASE_SIZE], *bounce;

    UNUSED(context);
    screen_printf(screen, "%s\n", address);
    line(screen, _("name"), field_text(contact, "name"));
    line(screen, _("of"), peer ? peer : analyst ? analyst : field_text(contact, "constituent"));
    line(screen, _("reads"), field_text(contact, "lang"));
    if (!field_is(contact, "known"))
        line(screen, _("known"), _("no: only remembered, nobody vouches for it"));
    if (!field_is(contact, "enabled"))
        line(screen, _("enabled"), _("no: nobody writes to it"));
    if (field_time(contact, "bounced") != TIMESTAMP_NONE) {
        screen_when(screen, field_time(contact, "bounced"), when);
        bounce = mem_printf(_("since %s mail to it comes back: %s"), when, field_or(contact, "bounce", "-"));
        line(screen, _("bounced"), bounce);
        free(bounce);
    }
    render_keys(screen, contact);
    render_waivers(screen, contact);
    free(address);
}

int contact_cmd_show(struct session *session)
{
    json_t *answer = session_get(session, url_path("/v1/contacts/{}", session_operand(session, 0)));

    if (answer)
        session_print(session, answer, render_one, NULL);
    json_decref(answer);
    return session->exit_code;
}

/* ---- waivers ---- */

static json_t *waiver_body(struct session *session)
{
    const struct options *options = &session->options;
    const char *up_to = options_text(options, "up-to"), *until = options_text(options, "until"), *reason = options_text(options, "message");
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t moment;

    if (!up_to || !until || str_is_empty(reason)) {
        session_fail(session, EXIT_USAGE, NULL,
                     _("a waiver needs a label, an end and a reason: cirt %s %s --up-to amber --until DATE -m WHY"),
                     session->command->words, session_operand(session, 0));
        return NULL;
    }
    if (!phrase_read(until, timestamp_now(), true, &moment)) {
        session_fail(session, EXIT_USAGE, NULL, _("'%s' is no day or time; for example 2027-03-31, tomorrow, 30d"), until);
        return NULL;
    }
    timestamp_format(moment, text);
    return json_pack("{s:s, s:s, s:s}", "up_to", up_to, "until", text, "reason", reason);
}

static int waiver(struct session *session, const char *pattern)
{
    const char *whose = session_operand(session, 0);
    char *path = url_path(pattern, whose);
    json_t *body, *answer = NULL;

    if (options_has(&session->options, "end")) {
        answer = session_delete(session, path);
        if (answer)
            session_done(session, answer, _("the waiver of %s has ended"), whose);
    } else if ((body = waiver_body(session)) != NULL) {
        answer = session_post(session, path, body, -1);
        if (answer) {
            const json_t *given = json_array_get(field_list(answer, "waivers"), 0);
            char until[PHRASE_SIZE], *label = label_of(&session->printer.screen, given);
            screen_due(&session->printer.screen, field_time(given, "until"), until);
            session_done(session, answer, _("mail to %s may go in clear up to TLP:%s until %s   (undo: cirt %s %s --end)"), whose, label,
                         until, session->command->words, whose);
        }
    } else {
        free(path);
    }
    json_decref(answer);
    return session->exit_code;
}

int contact_cmd_waiver(struct session *session)
{
    return waiver(session, "/v1/contacts/{}/waiver");
}

int contact_cmd_peer_waiver(struct session *session)
{
    return waiver(session, "/v1/peers/{}/waiver");
}
