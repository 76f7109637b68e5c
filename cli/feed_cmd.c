#include "cli/feed_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/record_cmd.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/url.h"
#include "cli/words.h"

enum { WAIT_MAX_MS = 10 * 60 * 1000, MARGIN = 15 };

static int set_paused(struct session *session, bool is_paused)
{
    const char *name = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/feeds/{}/pause", name), json_pack("{s:b}", "paused", is_paused), -1);

    if (answer)
        session_done(session, answer, is_paused ? _("feed %s is paused; go on with: cirt feed resume %s") : _("feed %s goes on"), name,
                     name);
    json_decref(answer);
    return session->exit_code;
}

int feed_cmd_pause(struct session *session)
{
    return set_paused(session, true);
}

int feed_cmd_resume(struct session *session)
{
    return set_paused(session, false);
}

int feed_cmd_seen(struct session *session)
{
    const char *name = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/feeds/{}/seen", name), json_object(), -1);

    if (answer)
        session_done(session, answer,
                     json_array_size(field_list(answer, "notices")) ? _("feed %s: what is still amiss: cirt feed show %s")
                                                                    : _("feed %s: seen"),
                     name, name);
    json_decref(answer);
    return session->exit_code;
}

/* Has it been fetched, or failed, since that moment, or may it not go on in this hour? */
static bool is_over(const json_t *feed, int64_t asked)
{
    return field_text(feed, "used_up") || field_time(feed, "fetched") >= asked || field_time(feed, "failed") >= asked;
}

static json_t *wait_for(struct session *session, const char *name, int64_t asked)
{
    int64_t until = timestamp_monotonic_ms() + WAIT_MAX_MS;
    struct timespec pause = {0, 250 * 1000 * 1000};
    json_t *answer;

    while ((answer = session_get(session, url_path("/v1/feeds/{}", name))) && !is_over(answer, asked)) {
        json_decref(answer);
        if (timestamp_monotonic_ms() > until) {
            session_fail(session, EXIT_NOT_REACHED, "cirt doctor", _("%s was not fetched within %d minutes"), name, WAIT_MAX_MS / 60000);
            return NULL;
        }
        nanosleep(&pause, NULL);
    }
    return answer;
}

static int finish(struct session *session, const char *name, const json_t *answer, int64_t asked)
{
    if (field_time(answer, "fetched") >= asked)
        return session_done(session, answer, field_time(answer, "brought") >= asked ? _("feed %s was fetched") : _("feed %s: nothing new"),
                            name);
    if (field_text(answer, "used_up"))
        return session_fail(session, EXIT_REFUSED, NULL, _("feed %s: its %s are used up, and it goes on in the next hour"), name,
                            field_text(answer, "used_up"));
    return session_fail(session, EXIT_REFUSED, NULL, _("feed %s: %s"), name, field_or(answer, "error", "-"));
}

int feed_cmd_run(struct session *session)
{
    const char *name = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/feeds/{}/run", name), json_object(), -1);
    int64_t asked = field_time(answer, "asked");

    if (answer && !options_has(&session->options, "wait"))
        session_done(session, answer, _("feed %s is fetched now; how it went: cirt feed show %s"), name, name);
    else if (answer) {
        json_decref(answer);
        answer = wait_for(session, name, asked);
        if (answer)
            finish(session, name, answer, asked);
    }
    json_decref(answer);
    return session->exit_code;
}

/* --- one for people --- */

/* "90 s", "15 min", "2 h", "5 days": whole units, rounded down beyond two of the smaller. */
static void span_text(int64_t seconds, char text[PHRASE_SIZE])
{
    if (seconds < 120)
        snprintf(text, PHRASE_SIZE, _("%lld s"), (long long)seconds);
    else if (seconds < 2 * 3600)
        snprintf(text, PHRASE_SIZE, _("%lld min"), (long long)seconds / 60);
    else if (seconds < 48 * 3600)
        snprintf(text, PHRASE_SIZE, _("%lld h"), (long long)seconds / 3600);
    else
        snprintf(text, PHRASE_SIZE, _("%lld days"), (long long)seconds / 86400);
}

static void text_line(struct screen *screen, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    screen_printf(screen, "%-14s ", name);
    screen_value_line(screen, text, false, MARGIN);
}

static void line_of(struct screen *screen, const json_t *feed, const char *name, const char *member)
{
    char *plain = field_plain(json_object_get(feed, member));
    text_line(screen, name, plain);
    free(plain);
}

static void when_line(struct screen *screen, const json_t *feed, const char *name, const char *member)
{
    char text[PHRASE_SIZE];
    if (field_time(feed, member) == TIMESTAMP_NONE)
        return;
    screen_when(screen, field_time(feed, member), text);
    text_line(screen, name, text);
}

static void span_line(struct screen *screen, const json_t *feed, const char *name, const char *member)
{
    char text[PHRASE_SIZE];
    if (!json_is_integer(json_object_get(feed, member)))
        return;
    span_text(field_number(feed, member, 0), text);
    text_line(screen, name, text);
}

static void bytes_line(struct screen *screen, const json_t *feed, const char *name, const char *member)
{
    char text[PHRASE_SIZE];
    if (!json_is_integer(json_object_get(feed, member)))
        return;
    phrase_bytes(field_number(feed, member, 0), text);
    text_line(screen, name, text);
}

static void render_way(struct screen *screen, const json_t *feed)
{
    const char *kind = field_or(feed, "kind", "");
    if (str_equal(kind, "drop")) {
        const char *folder = field_text(feed, "folder");
        char *text = folder ? mem_printf(_("files put into %s"), folder) : NULL;
        text_line(screen, "comes", folder ? text : _("files, but no folder is watched: fetch { drop = ... } in cirtd.conf"));
        free(text);
    } else if (str_equal(kind, "push")) {
        text_line(screen, "comes", _("by itself, known by its keys"));
    }
    line_of(screen, feed, kind, "url");
    span_line(screen, feed, "every", "every");
    line_of(screen, feed, "credentials", "credentials");
    if (field_text(feed, "ca"))
        text_line(screen, "ca", _("its own (--json shows it)"));
    for (size_t i = 0; i < json_array_size(field_list(feed, "keys")); i++)
        text_line(screen, i ? "" : "keys", json_string_value(json_array_get(field_list(feed, "keys"), i)));
}

static void render_settings(struct screen *screen, const json_t *feed)
{
    line_of(screen, feed, "format", "format");
    line_of(screen, feed, "tlp", "default_tlp");
    line_of(screen, feed, "class", "default_class");
    line_of(screen, feed, "confidence", "confidence");
    span_line(screen, feed, "fresh", "fresh");
    line_of(screen, feed, "documents/hour", "documents_per_hour");
    bytes_line(screen, feed, "bytes/hour", "bytes_per_hour");
    bytes_line(screen, feed, "document max", "document_max");
    line_of(screen, feed, "mail", "mail");
    line_of(screen, feed, "peer", "peer");
    if (str_equal(field_or(feed, "kind", ""), "drop"))
        text_line(screen, "keep", field_is(feed, "keep") ? _("taken files stay, in done/") : _("taken files are removed"));
}

static void render_fetching(struct screen *screen, const json_t *feed)
{
    char since[PHRASE_SIZE];
    if (field_time(feed, "fetching") != TIMESTAMP_NONE) {
        screen_when(screen, field_time(feed, "fetching"), since);
        char *text = mem_printf(_("now, since %s"), since);
        text_line(screen, "fetching", text);
        free(text);
    }
    when_line(screen, feed, "fetched", "fetched");
    when_line(screen, feed, "next", "next");
    line_of(screen, feed, "used up", "used_up");
    line_of(screen, feed, "cursor", "cursor");
    if (!field_text(feed, "error"))
        return;
    when_line(screen, feed, "failed", "failed");
    text_line(screen, "error", field_text(feed, "error"));
}

static void render_notices(struct screen *screen, const json_t *notices, const char *name, const char *time)
{
    for (size_t i = 0; i < json_array_size(notices); i++) {
        const json_t *notice = json_array_get(notices, i);
        char when[PHRASE_SIZE];
        screen_when(screen, field_time(notice, time), when);
        char *text = mem_printf("%s, %s: %s", field_or(notice, "kind", "-"), when, field_or(notice, "text", "-"));
        text_line(screen, i ? "" : name, text);
        if (field_text(notice, "hint"))
            text_line(screen, "", field_text(notice, "hint"));
        free(text);
    }
}

/* Days on which nothing came say nothing. */
static void render_days(struct screen *screen, const json_t *days)
{
    static const struct table_column columns[] = {
        {N_("DAY"), 0, false, false},    {N_("DOCUMENTS"), 1, true, false}, {N_("DUPLICATES"), 4, true, false},
        {N_("BYTES"), 8, true, false},   {N_("ROWS"), 0, true, false},      {N_("NEW"), 5, true, false},
        {N_("KNOWN"), 7, true, false},   {N_("REJECTED"), 1, true, false},  {N_("MALFORMED"), 2, true, false},
        {N_("REFUSED"), 6, true, false}, {N_("LAG"), 3, true, false}};
    static const char *const members[] = {"documents", "duplicates", "bytes", "rows", "new", "known", "rejected", "malformed", "refused"};
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    bool has_any = false;
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *day = json_array_get(days, i);
        char text[PHRASE_SIZE] = "-";
        if (field_number(day, "documents", 0) == 0 && field_number(day, "refused", 0) == 0)
            continue;
        has_any = true;
        table_take(table, STYLE_PLAIN, screen_clean(screen, field_or(day, "day", "-"), false));
        for (size_t k = 0; k < ARRAY_SIZE(members); k++) {
            char number[PHRASE_SIZE];
            if (str_equal(members[k], "bytes"))
                phrase_bytes(field_number(day, "bytes", 0), number);
            else
                screen_number(screen, field_number(day, members[k], 0), number);
            table_add(table, STYLE_PLAIN, number);
        }
        if (json_is_integer(json_object_get(day, "lag")))
            span_text(field_number(day, "lag", 0), text);
        table_add(table, STYLE_PLAIN, text);
    }
    if (has_any) {
        screen_text(screen, "\n");
        table_print(table, screen);
    }
    table_free(table);
}

static void render_feed(struct screen *screen, const json_t *feed, const void *context)
{
    UNUSED(context);
    line_of(screen, feed, "name", "name");
    line_of(screen, feed, "title", "title");
    line_of(screen, feed, "state", "state");
    when_line(screen, feed, "last", "last");
    render_notices(screen, field_list(feed, "notices"), "notices", "since");
    render_way(screen, feed);
    render_settings(screen, feed);
    render_fetching(screen, feed);
    render_days(screen, field_list(feed, "days"));
    if (json_array_size(field_list(feed, "past_notices")))
        screen_text(screen, "\n");
    render_notices(screen, field_list(feed, "past_notices"), "before", "ended");
}

int feed_cmd_show(struct session *session)
{
    json_t *answer = session_get(session, record_cmd_path(session));
    if (answer)
        session_print(session, answer, render_feed, NULL);
    json_decref(answer);
    return session->exit_code;
}
