#include "cli/rule_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/file.h"
#include "cli/list.h"
#include "cli/record_cmd.h"
#include "cli/record_kind.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

enum { CHANGE_SIZE_MAX = 64 * 1024 };

/* --- rule test --- */

/* "priority medium > high, tags - > bank". The caller's. */
static char *changes_text(const json_t *changes)
{
    struct buf out;
    const char *kind;
    json_t *change;
    char *text;

    buf_init(&out, CHANGE_SIZE_MAX);
    json_object_foreach((json_t *)changes, kind, change)
        buf_printf(&out, "%s%s %s > %s", out.size ? ", " : "", kind, field_or(change, "from", "-"), field_or(change, "to", "-"));
    text = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return text;
}

static void test_row(struct table *table, const struct screen *screen, const json_t *item)
{
    char *changes = changes_text(field_object(item, "changes"));
    int64_t others = field_number(item, "reports", 1) - 1;

    cell_text(table, screen, field_text(item, "case"));
    if (others > 0)
        table_take(table, STYLE_PLAIN, mem_printf("%s +%lld", field_or(item, "report", "-"), (long long)others));
    else
        cell_text(table, screen, field_text(item, "report"));
    cell_number(table, screen, item, "observations");
    table_take(table, STYLE_PLAIN, screen_clean(screen, field_or(item, "rule", "-"), false)); /* our own words: not defanged */
    cell_text(table, screen, changes);
    free(changes);
}

static const struct table_column test_columns[] = {
    {N_("CASE"), 2, false, false}, {N_("REPORT"), 1, false, false}, {N_("OBS"), 3, true, false},
    {N_("RULE"), 0, false, true},  {N_("CHANGE"), 0, false, true},
};
static const struct list_view test_view = {test_columns, ARRAY_SIZE(test_columns), test_row, NULL, NULL};

/* How many lines are wrong. Each with its place, and what is only told. */
static size_t render_faults(struct screen *screen, const json_t *rules)
{
    size_t wrong = 0;

    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *error = field_text(rule, "error"), *warning = field_text(rule, "warning");

        if (error)
            screen_printf(screen, "%s: ", field_or(rule, "at", "-"));
        else if (warning)
            screen_printf(screen, _("line %lld, warning: "), (long long)field_number(rule, "line", 0));
        else
            continue;
        screen_own_lines(screen, error ? error : warning, 0);
        wrong += error != NULL;
    }
    return wrong;
}

/* Which lines matched nothing at all: often a mistake. */
static void render_idle(struct screen *screen, const json_t *rules)
{
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        if (field_number(rule, "hits", -1) == 0) {
            char *line = screen_clean(screen, field_or(rule, "text", "-"), false); /* our own words: not defanged */
            screen_printf(screen, _("line %lld matched nothing: %s\n"), (long long)field_number(rule, "line", 0), line);
            free(line);
        }
    }
}

static void render_test(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *rules = field_list(answer, "rules"), *items = field_list(answer, "items");
    char changed[PHRASE_SIZE], total[PHRASE_SIZE], reports[PHRASE_SIZE];
    size_t wrong = render_faults(screen, rules);

    if (wrong > 0) {
        screen_printf(screen, ngettext("%zu of %zu line is wrong\n", "%zu of %zu lines are wrong\n", json_array_size(rules)), wrong,
                      json_array_size(rules));
        return;
    }
    if (!context || !items) {
        screen_printf(screen,
                      ngettext("%zu line read; what it would change: --against 'last 7d'\n",
                               "%zu lines read; what they would change: --against 'last 7d'\n", json_array_size(rules)),
                      json_array_size(rules));
        return;
    }
    if (json_array_size(items) > 0)
        list_table(screen, items, &test_view);
    if (field_number(answer, "hidden", 0) > 0)
        screen_printf(screen,
                      ngettext("... and %lld more observation that changes\n", "... and %lld more observations that change\n",
                               (unsigned long)field_number(answer, "hidden", 0)),
                      (long long)field_number(answer, "hidden", 0));
    render_idle(screen, rules);
    screen_number(screen, field_number(answer, "changed", 0), changed);
    screen_number(screen, field_number(answer, "observations", 0), total);
    screen_number(screen, field_number(answer, "reports", 0), reports);
    screen_printf(screen,
                  field_is(answer, "replaces")
                      ? ngettext("%s of %s observations in %s report would fare otherwise than under the rules in force\n",
                                 "%s of %s observations in %s reports would fare otherwise than under the rules in force\n",
                                 (unsigned long)field_number(answer, "reports", 0))
                      : ngettext("%s of %s observations in %s report would fare otherwise with this set beside the rules in force\n",
                                 "%s of %s observations in %s reports would fare otherwise with this set beside the rules in force\n",
                                 (unsigned long)field_number(answer, "reports", 0)),
                  changed, total, reports);
    if (field_is(answer, "sampled"))
        screen_text(screen, _("(a sample: there are more than were looked at)\n"));
}

/* "dir/triage.rules" is the text of the set triage. The caller's. */
static char *set_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return mem_printf("%.*s", (int)strcspn(name, "."), name);
}

/* What waits of this set; NULL: told. */
static char *waiting_text(struct session *session, const char *name)
{
    json_t *record = session_get(session, url_path("/v1/rules/{}", name));
    const char *text = field_text(field_object(record, "waiting"), "text");
    char *copy = text ? mem_strdup(text) : NULL;

    if (record && !text)
        session_fail(session, EXIT_REFUSED, "cirt rule ls", _("nothing of %s waits for a second person"), name);
    json_decref(record);
    return copy;
}

/* The operand's file, or what --waiting names; NULL: told. */
static char *tried_text(struct session *session, const char *path, const char *waiting)
{
    struct err err = {0};
    char *text;

    if ((path != NULL) == (waiting != NULL)) {
        session_fail(session, EXIT_USAGE, NULL, _("either a file or --waiting RULES"));
        return NULL;
    }
    if (waiting)
        return waiting_text(session, waiting);
    text = file_text(path, &err);
    if (!text)
        session_fail_err(session, EXIT_USAGE, NULL, &err);
    return text;
}

int rule_cmd_test(struct session *session)
{
    const char *path = session_operand(session, 0), *against = options_text(&session->options, "against");
    const char *as = options_text(&session->options, "as"), *waiting = options_text(&session->options, "waiting");
    char *text = tried_text(session, path, waiting), *name = NULL;
    json_t *body, *answer;
    const json_t *rules;

    if (!text)
        return session->exit_code;
    name = as ? mem_strdup(as) : waiting ? mem_strdup(waiting) : set_name(path);
    body = json_pack("{s:s, s:s?, s:s}", "text", text, "against", against, "name", *name ? name : "triage");
    free(name);
    free(text);
    if (!body)
        return session_fail(session, EXIT_USAGE, NULL, _("%s is not UTF-8 text"), path);
    answer = session_post(session, mem_strdup("/v1/rules/test"), body, -1);
    rules = field_list(answer, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (field_text(json_array_get(rules, i), "error"))
            session->exit_code = EXIT_REFUSED;
    if (answer)
        session_print(session, answer, render_test, against);
    json_decref(answer);
    return session->exit_code;
}

/* --- the second person --- */

void rule_cmd_waiting(struct screen *screen, const json_t *record)
{
    const json_t *waiting = field_object(record, "waiting");
    char *drops = field_plain(json_object_get(waiting, "drops")), *clean = drops ? screen_clean(screen, drops, false) : NULL;

    if (waiting && !drops)
        screen_printf(screen, _("it waits for a second person, who reads it and says\n  cirt suppression approve %s\n"),
                      field_or(record, "name", "-"));
    else if (waiting)
        screen_printf(screen,
                      _("it throws away what the rules in force do not (%s): it waits for a second person, who reads it and says\n"
                        "  cirt rule approve %s\n"),
                      clean ? clean : "-", field_or(record, "name", "-"));
    free(drops);
    free(clean);
}

static void render_suppression(struct screen *screen, const json_t *record, const json_t *waiting)
{
    static const char *const members[] = {"class", "constituent", "sender", "value", "reason"};
    char until[PHRASE_SIZE];

    screen_printf(screen, _("%s asks that machine reports open no case, by %s:\n"), field_or(waiting, "asked_by", "-"),
                  field_or(record, "name", "-"));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *text = field_or(waiting, members[i], field_text(record, members[i])); /* another reason waits there */
        if (!text)
            continue;
        screen_printf(screen, "  %-12s ", members[i]);
        screen_own_lines(screen, text, 0);
    }
    screen_when(screen, field_time(waiting, "until"), until);
    screen_printf(screen, "  %-12s %s\n", "until", until);
}

static void render_ask(struct screen *screen, const json_t *record, const void *context)
{
    const json_t *waiting = field_object(record, "waiting");
    if (!field_list(waiting, "drops")) {
        render_suppression(screen, record, waiting);
        return;
    }
    char *drops = field_plain(json_object_get(waiting, "drops"));

    UNUSED(context);
    screen_printf(screen, _("%s asks for this text of %s:\n"), field_or(waiting, "asked_by", "-"), field_or(record, "name", "-"));
    screen_own_lines(screen, field_or(waiting, "text", ""), 4);
    screen_text(screen, _("what it newly throws away: "));
    screen_own_lines(screen, drops ? drops : "-", 0);
    screen_printf(screen, _("  try it first: cirt rule test --waiting %s --against 'last 7d'\n"), field_or(record, "name", "-"));
    free(drops);
}

static char *verb_path(const struct session *session, const char *verb)
{
    char *path = record_cmd_path(session), *whole = mem_printf("%s%s", path, verb);

    free(path);
    return whole;
}

/* Shows what is approved, asks, and says which text it was. */
int rule_cmd_approve(struct session *session)
{
    json_t *record = session_get(session, record_cmd_path(session)), *answer = NULL;
    const json_t *waiting = field_object(record, "waiting");
    char *question;
    bool sure, is_rule = session->command->record == &record_kind_rule;

    if (!record)
        return session->exit_code;
    if (!waiting) {
        json_decref(record);
        return session_fail(session, EXIT_REFUSED, is_rule ? "cirt rule ls" : "cirt suppression ls",
                            _("nothing of %s waits for a second person"), session_operand(session, 0));
    }
    if (!session->has_json && !options_has(&session->options, "yes"))
        session_print(session, record, render_ask, NULL);
    question =
        mem_printf(is_rule ? _("Put these rules of %s into force?") : _("Put the suppression %s into force?"), session_operand(session, 0));
    sure = session_confirm(session, question);
    free(question);
    if (sure)
        answer =
            session_post(session, verb_path(session, "/approve"), json_pack("{s:I}", "id", (json_int_t)field_number(waiting, "id", 0)), -1);
    if (answer && is_rule)
        session_done(session, answer, _("%s is in force as version %lld"), field_or(answer, "name", "-"),
                     (long long)field_number(answer, "version", 0));
    else if (answer)
        session_done(session, answer, _("suppression %s is in force"), field_or(answer, "name", "-"));
    json_decref(answer);
    json_decref(record);
    return session->exit_code;
}

int rule_cmd_refuse(struct session *session)
{
    json_t *answer =
        session_post(session, verb_path(session, "/refuse"), json_pack("{s:s?}", "reason", options_text(&session->options, "message")), -1);

    if (answer)
        session_done(session, answer, _("what waited of %s is gone; what is in force stays"), field_or(answer, "name", "-"));
    json_decref(answer);
    return session->exit_code;
}

/* --- rule swallowed --- */

static void swallowed_row(struct table *table, const struct screen *screen, const json_t *item)
{
    char *values = field_plain(json_object_get(item, "values"));

    cell_when(table, screen, item, "at");
    cell_text(table, screen, field_text(item, "rule"));
    cell_text(table, screen, field_text(item, "did"));
    cell_text(table, screen, field_text(item, "report"));
    cell_number(table, screen, item, "observations");
    cell_number(table, screen, item, "in_cases");
    cell_text(table, screen, field_text(item, "state"));
    cell_text(table, screen, field_text(item, "sender"));
    cell_outside(table, screen, values && *values ? values : field_text(item, "summary"));
    free(values);
}

static const struct table_column swallowed_columns[] = {
    {N_("WHEN"), 0, false, false},   {N_("RULE"), 3, false, false},   {N_("DID"), 0, false, false},
    {N_("REPORT"), 0, false, false}, {N_("OBS"), 1, true, false},     {N_("IN CASES"), 2, true, false},
    {N_("STATE"), 2, false, false},  {N_("SENDER"), 4, false, false}, {N_("WHAT"), 0, false, true},
};
static const struct list_view swallowed_view = {swallowed_columns, ARRAY_SIZE(swallowed_columns), swallowed_row,
                                                N_("It swallowed nothing in that time."), NULL};

int rule_cmd_swallowed(struct session *session)
{
    const char *since = options_text(&session->options, "since");
    char *path = url_path("/v1/swallowed?rule={}", session_operand(session, 0));

    if (since) {
        char *more = url_path("&since={}", since), *whole = mem_printf("%s%s", path, more);
        free(path);
        free(more);
        path = whole;
    }
    return list_print(session, list_get(session, path), &swallowed_view, NULL);
}
