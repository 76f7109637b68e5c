#include "cli/journal_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

static const struct table_column columns[] = {
    {N_("SEQ"), 2, true, false},     {N_("TIME"), 0, false, false}, {N_("WHO"), 0, false, false},
    {N_("ACTION"), 1, false, false}, {N_("WHAT"), 0, false, true},
};

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_plain(table, screen, json_object_get(item, "seq"));
    cell_when(table, screen, item, "time");
    cell_text(table, screen, field_text(item, "actor"));
    cell_text(table, screen, field_text(item, "action"));
    cell_outside(table, screen, field_text(item, "text"));
}

int journal_cmd_journal(struct session *session)
{
    static const struct list_view view = {columns, ARRAY_SIZE(columns), row, N_("The journal is empty."), NULL};
    const char *operand = session_operand(session, 0);

    if (options_has(&session->options, "export"))
        return session_fetch(session, url_path("/v1/cases/{}/journal?export=1", operand), STDOUT_FILENO) ? EXIT_DONE : session->exit_code;
    /* Hashes and salts are most of its bytes, and nobody reads them: on a bad line they are waited for. */
    bool is_whole = session->has_json || options_has(&session->options, "fields");
    return list_print(session, list_get(session, url_path(is_whole ? "/v1/cases/{}/journal" : "/v1/cases/{}/journal?short=1", operand)),
                      &view, NULL);
}

static void render_verify(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *bad = field_list(answer, "bad");
    char entries[PHRASE_SIZE], cases[PHRASE_SIZE];

    UNUSED(context);
    screen_number(screen, field_number(answer, "entries", 0), entries);
    screen_number(screen, field_number(answer, "cases", 0), cases);
    screen_printf(screen, ngettext("%s entries of %s case: ", "%s entries of %s cases: ", (unsigned long)field_number(answer, "cases", 0)),
                  entries, cases);
    screen_style(screen, field_is(answer, "ok") ? STYLE_GREEN : STYLE_RED,
                 field_is(answer, "ok") ? _("the chain is whole\n") : _("the chain is BROKEN\n"));
    for (size_t i = 0; i < json_array_size(bad); i++) {
        const json_t *item = json_array_get(bad, i);
        char *number = field_plain(json_object_get(item, "case"));
        screen_printf(screen, _("case %s, entry %lld: "), number ? number : "-", (long long)field_number(item, "seq", 0));
        screen_outside(screen, field_text(item, "why"));
        screen_text(screen, "\n");
        free(number);
    }
}

int journal_cmd_verify(struct session *session)
{
    json_t *answer = session_get(session, url_with(mem_strdup("/v1/journal/verify"), "case", session_operand(session, 0)));

    if (!answer)
        return session->exit_code;
    if (!field_is(answer, "ok"))
        session->exit_code = EXIT_REFUSED;
    session_print(session, answer, render_verify, NULL);
    json_decref(answer);
    return session->exit_code;
}

static void render_change(struct screen *screen, const json_t *item, const void *context)
{
    char text[PHRASE_SIZE];
    char *number = field_plain(json_object_get(item, "case"));

    UNUSED(context);
    screen_when(screen, field_time(item, "time"), text);
    screen_printf(screen, _("%s  case %s  "), text, number ? number : "-");
    screen_outside(screen, field_text(item, "actor"));
    screen_text(screen, "  ");
    screen_outside(screen, field_or(item, "text", field_or(item, "action", "-")));
    screen_text(screen, "\n");
    free(number);
}

/* Prints what is new; *cursor becomes where to go on. */
static bool poll_once(struct session *session, char **cursor)
{
    json_t *answer = session_get(session, url_with(mem_strdup("/v1/changes"), "after", *cursor));
    const json_t *items = field_list(answer, "items");
    char *next = answer ? field_plain(json_object_get(answer, "next")) : NULL;
    bool ok = answer != NULL;

    for (size_t i = 0; i < json_array_size(items); i++)
        session_print(session, json_array_get(items, i), render_change, NULL);
    if (next) {
        free(*cursor);
        *cursor = next;
    }
    json_decref(answer);
    return ok && screen_flush(&session->printer.screen);
}

int journal_cmd_watch(struct session *session)
{
    const char *every = options_text(&session->options, "interval"), *after = options_text(&session->options, "after");
    char *cursor = after ? mem_strdup(after) : NULL;
    int64_t seconds = 2;

    if (every && !str_to_int64(every, 1, 3600, &seconds)) {
        free(cursor);
        return session_fail(session, EXIT_USAGE, NULL, _("--interval takes seconds from 1 to 3600, not '%s'"), every);
    }
    if (!after && options_has(&session->options, "once")) {
        free(cursor);
        return session_fail(session, EXIT_USAGE, "cirt watch --once --after CURSOR",
                            _("--once needs --after: from now on nothing has changed yet"));
    }
    session->printer.is_stream = true;
    while (poll_once(session, &cursor) && !options_has(&session->options, "once")) {
        struct timespec pause = {seconds, 0};
        nanosleep(&pause, NULL);
        session->printer.screen.now = timestamp_now();
    }
    free(cursor);
    return session->exit_code;
}
