#include "cli/evidence_cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/attachment.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

static const char usage[] = "cirt evidence CASE ls|add FILE|get N|verify";

static const struct table_column columns[] = {
    {N_("NO"), 0, false, false},  {N_("ADDED"), 2, false, false},   {N_("FROM"), 1, false, false}, {N_("TLP"), 3, false, false},
    {N_("SIZE"), 0, true, false}, {N_("SHA-256"), 4, false, false}, {N_("NAME"), 0, false, true},
};

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    const char *from = field_text(item, "report") ? field_text(item, "report") : field_text(item, "added_by");
    const char *sha256 = field_or(item, "sha256", "");
    char size[PHRASE_SIZE];

    phrase_bytes(field_number(item, "size", 0), size);
    cell_text(table, screen, field_text(item, "id"));
    cell_when(table, screen, item, "added");
    cell_text(table, screen, from);
    cell_tlp(table, screen, item, "tlp");
    cell_text(table, screen, size);
    table_take(table, STYLE_PLAIN, strlen(sha256) == 64 ? mem_printf("%.4s…%s", sha256, sha256 + 60) : mem_strdup(sha256));
    cell_outside(table, screen, field_text(item, "name"));
}

static int list(struct session *session)
{
    static const struct list_view view = {columns, ARRAY_SIZE(columns), row,
                                          N_("No evidence yet. Mail brings it, or: cirt evidence CASE add FILE"), NULL};

    return list_print(session, list_get_all(session, url_path("/v1/cases/{}/evidence", session_operand(session, 0))), &view, NULL);
}

static int add(struct session *session)
{
    const char *name = session_operand(session, 0), *tlp = options_text(&session->options, "tlp");
    json_t *files = json_array(), *before, *answer;
    struct err err = {0};

    if (!attachment_read(session_operand(session, 2), files, &err)) {
        json_decref(files);
        return session_fail_err(session, EXIT_USAGE, NULL, &err);
    }
    before = session_get(session, url_path("/v1/cases/{}?short=1", name));
    if (before) {
        if (tlp)
            json_object_set_new(json_array_get(files, 0), "tlp", json_string(tlp));
        answer = session_post(session, url_path("/v1/cases/{}/evidence", name), json_incref(json_array_get(files, 0)),
                              field_number(before, "revision", 0));
        if (answer)
            session_done(session, answer, _("case %s: %s kept as evidence %s, SHA-256 %s"), name, field_or(answer, "name", "-"),
                         field_or(answer, "id", "-"), field_or(answer, "sha256", "-"));
        json_decref(answer);
    }
    json_decref(before);
    json_decref(files);
    return session->exit_code;
}

/* False: told. Another case's evidence has its own case to be asked of. */
static bool is_of_case(struct session *session, const char *name, const char *evidence)
{
    json_t *answer = list_get_all(session, url_path("/v1/cases/{}/evidence", name));
    const json_t *items = field_list(answer, "items");
    bool is_there = false;

    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *id = field_or(json_array_get(items, i), "id", "-");
        is_there = is_there || str_equal_nocase(id, evidence) || str_equal(id + 1, evidence);
    }
    if (answer && !is_there) {
        char *hint = mem_printf("cirt evidence %s ls", name);
        session_fail(session, EXIT_REFUSED, hint, _("case %s has no evidence \"%s\""), name, evidence);
        free(hint);
    }
    json_decref(answer);
    return is_there;
}

/* What strangers send does not get near a terminal, and runs nowhere by itself: it goes where it is told to. */
static int get(struct session *session)
{
    if (isatty(STDOUT_FILENO))
        return session_fail(session, EXIT_USAGE, NULL, _("evidence is not shown on a terminal: cirt evidence %s get %s > FILE"),
                            session_operand(session, 0), session_operand(session, 2));
    if (!is_of_case(session, session_operand(session, 0), session_operand(session, 2)))
        return session->exit_code;
    return session_fetch(session, url_path("/v1/evidence/{}", session_operand(session, 2)), STDOUT_FILENO) ? EXIT_DONE : session->exit_code;
}

static void render_verify(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *items = field_list(answer, "items");
    size_t bad = 0;

    UNUSED(context);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (field_is(item, "intact"))
            continue;
        bad++;
        screen_style(screen, STYLE_RED, _("CHANGED "));
        screen_printf(screen, "%s  ", field_or(item, "id", "-"));
        screen_outside(screen, field_text(item, "name"));
        screen_text(screen, "\n");
    }
    screen_printf(screen, bad ? _("%zu of %zu are not what their SHA-256 says\n") : _("%zu changed, %zu are what their SHA-256 says\n"),
                  bad, json_array_size(items));
}

static int verify(struct session *session)
{
    json_t *answer = list_get_all(session, url_path("/v1/cases/{}/evidence?verify=1", session_operand(session, 0)));
    const json_t *items = field_list(answer, "items");

    for (size_t i = 0; i < json_array_size(items); i++)
        if (!field_is(json_array_get(items, i), "intact"))
            session->exit_code = EXIT_REFUSED;
    if (answer)
        session_print(session, answer, render_verify, NULL);
    json_decref(answer);
    return session->exit_code;
}

int evidence_cmd_evidence(struct session *session)
{
    static const struct {
        const char *name;
        size_t operands;
        int (*run)(struct session *session);
    } verbs[] = {{"ls", 2, list}, {"add", 3, add}, {"get", 3, get}, {"verify", 2, verify}};
    const char *verb = session->options.operand_count > 1 ? session_operand(session, 1) : "ls";

    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        size_t count = session->options.operand_count > 1 ? session->options.operand_count : 2;
        if (strcmp(verbs[i].name, verb) == 0 && verbs[i].operands == count)
            return verbs[i].run(session);
    }
    return session_fail(session, EXIT_USAGE, NULL, "%s", _(usage));
}
