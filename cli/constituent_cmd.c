#include "cli/constituent_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/constituent_file.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/record_cmd.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

enum { TOUCHED_SHOWN_MAX = 20, EXPORT_SIZE_MAX = 256 * 1024 * 1024, MARGIN = 12 };

const struct option_rule constituent_cmd_import_options[] = {
    {"dry-run", OPTION_SWITCH, NULL, N_("only show what would change")},
    {"prune", OPTION_SWITCH, NULL, N_("the file is the whole register: what it does not name ends today")},
    {"yes", OPTION_SWITCH, NULL, N_("do not ask")},
    {0},
};
const struct option_rule constituent_cmd_export_options[] = {
    {"format", OPTION_ONE, "csv|json", N_("csv where it is not given")},
    {0},
};
const struct option_rule constituent_cmd_show_options[] = {
    {"history", OPTION_SWITCH, NULL, N_("all that it holds and held, from when until when")},
    {"at", OPTION_ONE, "DAY", N_("what it held on that day")},
    {0},
};
const struct option_rule constituent_cmd_who_options[] = {
    {"at", OPTION_ONE, "DAY", N_("whose it was on that day; else today")},
    {0},
};

/* --- import --- */

struct upload {
    struct session *session;
    int64_t import; /* 0: no part was taken yet */
    json_t *faults; /* what is wrong by the file, and then by the daemon */
};

static int by_place(const void *a, const void *b)
{
    const json_t *const *one = a, *const *other = b;
    long first = strtol(field_or(*one, "at", "") + strcspn(field_or(*one, "at", ""), "0123456789"), NULL, 10);
    long second = strtol(field_or(*other, "at", "") + strcspn(field_or(*other, "at", ""), "0123456789"), NULL, 10);

    return first < second ? -1 : first > second;
}

/* All that is wrong, in the order of the file: the first as the problem, the others below it. */
static void tell_faults(struct session *session, const json_t *faults)
{
    size_t count = json_array_size(faults);
    json_t **list = mem_calloc(count, sizeof *list), *sorted = json_array(), *answer;
    char *hint = count > 1 ? mem_printf(ngettext("%zu more is wrong too", "%zu more are wrong too", count - 1), count - 1) : NULL;

    for (size_t i = 0; i < count; i++)
        list[i] = json_array_get(faults, i);
    qsort(list, count, sizeof *list, by_place);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !json_equal(list[i], list[i - 1]))
            json_array_append(sorted, list[i]);
    answer = json_pack("{s:i, s:O, s:O}", "status", 422, "at", json_object_get(list[0], "at"), "errors", sorted);
    session->printer.kind->problem(&session->printer, &(struct printer_problem){.what = field_or(list[0], "error", "-"),
                                                                                .where = field_text(list[0], "at"),
                                                                                .hint = hint,
                                                                                .answer = answer});
    session->exit_code = EXIT_REFUSED;
    for (size_t i = 1; i < count && !session->has_json; i++) {
        char *at = screen_clean(&session->printer.screen, field_or(list[i], "at", "-"), false);
        char *error = screen_clean(&session->printer.screen, field_or(list[i], "error", "-"), false);
        fprintf(stderr, "  %s: %s\n", at, error);
        free(at);
        free(error);
    }
    json_decref(answer);
    json_decref(sorted);
    free(hint);
    free(list);
}

/* As session_post(), but lines of the file that are wrong are added to faults, to be told all at once. */
static json_t *post(struct session *session, char *path, json_t *body, json_t *faults)
{
    char *text = json_dumps(body, JSON_COMPACT);
    struct http_client_request request = {.method = "POST",
                                          .content_type = "application/json",
                                          .body = text,
                                          .body_size = (int64_t)strlen(text),
                                          .body_fd = -1,
                                          .output_fd = -1};
    struct http_client_answer answer;
    json_t *value = NULL;

    if (session_send(session, &request, path, &answer)) {
        json_t *got = json_loadb(buf_text(&answer.body), answer.body.size, 0, NULL);
        if (answer.status / 100 == 2 && got)
            value = json_incref(got);
        else if (field_list(got, "errors"))
            json_array_extend(faults, json_object_get(got, "errors"));
        else
            session_refused(session, &answer, NULL);
        json_decref(got);
    }
    http_client_answer_clear(&answer);
    json_decref(body);
    free(text);
    free(path);
    return value;
}

/* After a part with faults the rest is only looked at. */
static bool send_part(void *context, json_t *items, struct err *err)
{
    struct upload *upload = context;
    json_t *import = upload->import ? json_integer(upload->import) : json_null();
    json_t *answer =
        post(upload->session, mem_strdup("/v1/imports"), json_pack("{s:o, s:o}", "import", import, "items", items), upload->faults);

    if (!answer && json_array_size(upload->faults) == 0)
        return err_set(err, ERR_DENIED, "refused");
    if (answer)
        upload->import = field_number(answer, "import", 0);
    json_decref(answer);
    return true;
}

static const struct {
    const char *member, *title;
} counted[] = {{"constituents", N_("constituents")},
               {"networks", N_("networks")},
               {"asns", N_("AS numbers")},
               {"domains", N_("domains")},
               {"contacts", N_("contacts")}};

static int64_t count_of(const json_t *answer, const char *member, const char *what)
{
    return field_number(field_object(answer, member), what, 0);
}

static void render_counts(struct screen *screen, const json_t *answer)
{
    static const struct table_column columns[] = {{"", 0, false, true},
                                                  {N_("NEW"), 0, true, false},
                                                  {N_("CHANGED"), 0, true, false},
                                                  {N_("ENDED"), 0, true, false},
                                                  {N_("AS BEFORE"), 0, true, false}};
    static const char *const whats[] = {"added", "changed", "ended", "unchanged"};
    struct table *table = table_new(columns, ARRAY_SIZE(columns));

    for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
        table_add(table, STYLE_PLAIN, _(counted[i].title));
        for (size_t k = 0; k < ARRAY_SIZE(whats); k++) {
            int64_t count = count_of(answer, counted[i].member, whats[k]);
            char text[PHRASE_SIZE];
            screen_number(screen, count, text);
            table_add(table, count > 0 && k == 2 ? STYLE_YELLOW : STYLE_PLAIN, text);
        }
    }
    table_print(table, screen);
    table_free(table);
}

static void render_touched(struct screen *screen, const json_t *answer)
{
    const json_t *items = field_list(answer, "items");

    for (size_t i = 0; i < json_array_size(items) && i < TOUCHED_SHOWN_MAX; i++) {
        const json_t *item = json_array_get(items, i);
        const char *action = field_or(item, "action", "");
        char *name = screen_clean(screen, field_or(item, "constituent", "-"), false);
        screen_printf(screen, "  %s: %s", name,
                      strcmp(action, "add") == 0       ? _("new")
                      : strcmp(action, "disable") == 0 ? _("not in the file, no longer served")
                      : field_is(item, "record")       ? _("changed")
                                                       : _("holds other things"));
        if (field_number(item, "added", 0) > 0)
            screen_printf(screen, _(", +%lld"), (long long)field_number(item, "added", 0));
        if (field_number(item, "changed", 0) > 0)
            screen_printf(screen, _(", %lld with other dates"), (long long)field_number(item, "changed", 0));
        if (field_number(item, "ended", 0) > 0)
            screen_printf(screen, _(", %lld end"), (long long)field_number(item, "ended", 0));
        screen_text(screen, "\n");
        free(name);
    }
    if (field_number(answer, "total", 0) > TOUCHED_SHOWN_MAX)
        screen_printf(screen, _("  and %lld more\n"), (long long)field_number(answer, "total", 0) - TOUCHED_SHOWN_MAX);
}

static void render_plan(struct screen *screen, const json_t *answer, const void *context)
{
    bool is_applied = field_is(answer, "applied");
    unsigned long count = (unsigned long)field_number(answer, "total", 0);
    char total[PHRASE_SIZE];

    screen_number(screen, (int64_t)count, total);
    if (count == 0) {
        int64_t unchanged = count_of(answer, "constituents", "unchanged");
        screen_number(screen, unchanged, total);
        screen_printf(screen,
                      ngettext("Nothing to change: %s constituent is as the file says\n",
                               "Nothing to change: %s constituents are as the file says\n", (unsigned long)unchanged),
                      total);
        return;
    }
    /* Who was asked has seen them. */
    if (!context) {
        render_counts(screen, answer);
        render_touched(screen, answer);
    }
    screen_printf(screen,
                  is_applied ? ngettext("%s constituent changed\n", "%s constituents changed\n", count)
                             : ngettext("%s constituent would change; nothing was changed\n",
                                        "%s constituents would change; nothing was changed\n", count),
                  total);
}

/* NULL: told. */
static json_t *ask(const struct upload *upload, bool is_dry)
{
    char id[32];
    json_t *answer;

    snprintf(id, sizeof id, "%lld", (long long)upload->import);
    answer = post(upload->session, url_path("/v1/imports/{}", id),
                  json_pack("{s:b, s:b}", "prune", options_has(&upload->session->options, "prune"), "dry_run", is_dry), upload->faults);
    if (!answer && json_array_size(upload->faults) > 0)
        tell_faults(upload->session, upload->faults);
    return answer;
}

/* On a terminal a person sees the plan first. */
static bool agreed(struct session *session, const json_t *plan)
{
    if (!options_has(&session->options, "yes") && !session->has_json)
        session_print(session, plan, render_plan, NULL);
    return session_confirm(session, _("Apply it?"));
}

static bool upload_file(struct upload *upload)
{
    struct session *session = upload->session;
    struct err err = {0};
    bool ok = constituent_file_read(session_operand(session, 0), send_part, upload, upload->faults, &err);

    if (!ok && session->exit_code == EXIT_DONE)
        session_fail_err(session, err.at[0] ? EXIT_REFUSED : EXIT_USAGE, NULL, &err);
    else if (ok && json_array_size(upload->faults) > 0)
        tell_faults(session, upload->faults);
    else if (ok && upload->import == 0)
        session_fail(session, EXIT_USAGE, NULL, _("the file names no constituent"));
    return session->exit_code == EXIT_DONE;
}

static void apply(struct upload *upload)
{
    struct session *session = upload->session;
    json_t *plan = ask(upload, true), *done;

    if (!plan)
        return;
    if (options_has(&session->options, "dry-run") || field_number(plan, "total", 0) == 0) {
        session_print(session, plan, render_plan, NULL);
    } else if (agreed(session, plan)) {
        done = ask(upload, false);
        if (done)
            session_print(session, done, render_plan, options_has(&session->options, "yes") ? NULL : session);
        json_decref(done);
    }
    json_decref(plan);
}

int constituent_cmd_import(struct session *session)
{
    struct upload upload = {.session = session, .faults = json_array()};

    if (upload_file(&upload))
        apply(&upload);
    json_decref(upload.faults);
    return session->exit_code;
}

/* --- export --- */

static void render_csv(struct screen *screen, const json_t *answer, const void *context)
{
    struct buf out;

    UNUSED(context);
    buf_init(&out, EXPORT_SIZE_MAX);
    constituent_file_write(&out, field_list(answer, "items"));
    buf_add(&screen->out, buf_text(&out), out.size);
    buf_clear(&out);
}

int constituent_cmd_export(struct session *session)
{
    const char *format = options_text(&session->options, "format");
    bool is_json = session->has_json || (format && strcmp(format, "json") == 0);
    json_t *answer;

    if (format && !is_json && strcmp(format, "csv") != 0)
        return session_fail(session, EXIT_USAGE, NULL, _("'%s' is neither csv nor json"), format);
    answer = session_get(session, mem_strdup("/v1/holdings"));
    if (answer && is_json)
        session->printer.kind = &printer_json_kind;
    if (answer)
        session_print(session, answer, render_csv, NULL);
    json_decref(answer);
    return session->exit_code;
}

/* --- history --- */

static const struct table_column history_columns[] = {
    {N_("KIND"), 0, false, false},
    {N_("VALUE"), 0, false, true},
    {N_("FROM"), 0, false, false},
    {N_("UNTIL"), 0, false, false},
};

static void history_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "kind"));
    cell_text(table, screen, field_text(item, "value"));
    if (field_is(item, "dated"))
        cell_when(table, screen, item, "from");
    else
        cell_text(table, screen, NULL);
    cell_last_day(table, screen, item, "until");
}

static const struct list_view history_view = {history_columns, ARRAY_SIZE(history_columns), history_row, NULL, NULL};

static void render_history(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *history = field_list(answer, "history");
    char *name = screen_clean(screen, field_or(answer, "title", field_or(answer, "name", "-")), false);

    UNUSED(context);
    screen_printf(screen, "%s\n", name);
    if (json_array_size(history) > 0)
        list_table(screen, history, &history_view);
    else
        screen_text(screen, _("It held nothing.\n"));
    free(name);
}

/* Takes out of a history what did not hold at a moment. */
static void keep_held(json_t *answer, int64_t moment)
{
    json_t *history = json_object_get(answer, "history");

    for (size_t i = json_array_size(history); i-- > 0;) {
        const json_t *held = json_array_get(history, i);
        int64_t from = field_time(held, "from"), until = field_time(held, "until");
        if ((field_is(held, "dated") && from > moment) || (until != TIMESTAMP_NONE && until <= moment))
            json_array_remove(history, i);
    }
}

/* --at as a moment; TIMESTAMP_NONE where it is not given. False: told. */
static bool read_moment(struct session *session, int64_t *moment)
{
    const char *at = options_text(&session->options, "at");

    *moment = TIMESTAMP_NONE;
    if (!at || phrase_read(at, timestamp_now(), false, moment))
        return true;
    session_fail(session, EXIT_USAGE, NULL, _("'%s' is no day or time; for example 2026-03-31, yesterday"), at);
    return false;
}

int constituent_cmd_show(struct session *session)
{
    int64_t moment;
    json_t *list, *one;

    if (!options_has(&session->options, "history") && !options_has(&session->options, "at"))
        return record_cmd_show(session);
    if (!read_moment(session, &moment))
        return session->exit_code;
    list = session_get(session, url_path("/v1/holdings?name={}", session_operand(session, 0)));
    one = json_incref(json_array_get(field_list(list, "items"), 0));
    json_decref(list);
    if (!one)
        return session->exit_code;
    if (moment != TIMESTAMP_NONE)
        keep_held(one, moment);
    session_print(session, one, render_history, NULL);
    json_decref(one);
    return session->exit_code;
}

/* --- whose is it --- */

/* "longest network around it, 198.51.100.0/24, since 24 Dec 2025" */
static void render_match(struct screen *screen, const json_t *item, bool is_shared)
{
    const char *kind = field_or(item, "kind", ""), *match = field_or(item, "match", "-");
    bool is_owner = field_is(item, "owner");
    char text[PHRASE_SIZE];

    if (strcmp(kind, "network") == 0)
        screen_printf(screen, is_owner ? _("longest network, %s") : _("network %s"), match);
    else if (strcmp(kind, "asn") == 0)
        screen_printf(screen, "AS%s", match);
    else
        screen_printf(screen, is_owner ? _("longest domain, %s") : _("domain %s"), match);
    if (field_is(item, "dated") || field_time(item, "until") == TIMESTAMP_NONE) {
        screen_when(screen, field_time(item, "from"), text);
        screen_printf(screen, field_is(item, "dated") ? _(", since %s") : _(", registered %s"), text);
    }
    if (field_time(item, "until") != TIMESTAMP_NONE) {
        screen_when(screen, field_time(item, "until") - 1, text);
        screen_printf(screen, _(" until %s"), text);
    }
    if (is_shared)
        screen_text(screen, _(", held by several"));
}

static void render_who(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *items = field_list(answer, "items");
    size_t owners = 0;

    UNUSED(context);
    for (size_t i = 0; i < json_array_size(items); i++)
        owners += field_is(json_array_get(items, i), "owner");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        bool is_owner = field_is(item, "owner");
        char *name = screen_clean(screen, field_or(item, "constituent", "-"), false);
        screen_style(screen, is_owner ? STYLE_BOLD : STYLE_DIM,
                     i == 0 && is_owner ? _("owner")
                     : is_owner         ? _("owner too")
                                        : _("around it"));
        screen_pad(screen, MARGIN);
        screen_printf(screen, "%s  ", name);
        if (field_text(item, "title")) {
            screen_value(screen, field_text(item, "title"), 40);
            screen_text(screen, "  ");
        }
        render_match(screen, item, is_owner && owners > 1);
        screen_end_line(screen);
        free(name);
    }
    if (json_array_size(items) == 0)
        screen_text(screen, _("Nobody we serve holds it.\n"));
}

int constituent_cmd_who(struct session *session)
{
    char when[TIMESTAMP_TEXT_SIZE];
    int64_t moment;
    json_t *answer;
    char *path;

    if (!read_moment(session, &moment))
        return session->exit_code;
    path = url_path("/v1/owners?value={}", session_operand(session, 0));
    if (moment != TIMESTAMP_NONE) {
        timestamp_format(moment, when);
        path = url_with(path, "at", when);
    }
    answer = session_get(session, path);
    if (answer)
        session_print(session, answer, render_who, NULL);
    json_decref(answer);
    return session->exit_code;
}
