#include "cli/report_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/report_view.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

/* OBSERVATIONS_MOST: as many as the desk gives in one answer. */
enum { OBSERVATIONS_MOST = 10000 };

int report_cmd_ls(struct session *session)
{
    char *path = url_path("/v1/reports?q={}", options_joined(&session->options, 0));

    json_t *answer = list_get(session, path);

    return list_print(session, answer, report_view_are_held(answer) ? &report_view_held : &report_view_list, NULL);
}

/* How many observations; false: told. */
static bool most_of(struct session *session, int64_t *most)
{
    const char *limit = options_text(&session->options, "limit");

    *most = options_has(&session->options, "all") ? OBSERVATIONS_MOST : REPORT_VIEW_OBSERVATIONS;
    if (!limit || str_to_int64(limit, 1, OBSERVATIONS_MOST, most))
        return true;
    session_fail(session, EXIT_USAGE, NULL, _("--limit takes a number from 1 to %d, not '%s'"), OBSERVATIONS_MOST, limit);
    return false;
}

int report_cmd_show(struct session *session)
{
    char *path = url_path("/v1/reports/{}", session_operand(session, 0)), text[24];
    json_t *answer;
    int64_t most;

    if (!most_of(session, &most)) {
        free(path);
        return session->exit_code;
    }
    /* No more than is shown: a hundred of them are waited for on a bad line. */
    if (!session->has_json || options_has(&session->options, "limit") || options_has(&session->options, "all")) {
        snprintf(text, sizeof text, "%lld", (long long)most);
        path = url_with(path, "observations", text);
    }
    answer = session_get(session, path);
    if (answer)
        session_print(session, answer, report_view_render, &most);
    json_decref(answer);
    return session->exit_code;
}

/* To a terminal: through a memory file, so that no byte of it moves the cursor. */
static int show_raw(struct session *session, char *path)
{
    int fd = memfd_create("raw", MFD_CLOEXEC);
    struct buf bytes;
    char block[4096];
    ssize_t got;

    if (fd < 0) {
        free(path);
        return session_fail(session, EXIT_DAEMON, NULL, _("no memory file: %s"), strerror(errno));
    }
    buf_init(&bytes, SIZE_MAX / 2);
    if (session_fetch(session, path, fd) && lseek(fd, 0, SEEK_SET) == 0)
        while ((got = read(fd, block, sizeof block)) > 0) {
            for (char *c = block; c < block + got; c++)
                *c = *c ? *c : '.';
            buf_add(&bytes, block, (size_t)got);
        }
    str_add_harmless(&session->printer.screen.out, buf_text(&bytes), true);
    buf_clear(&bytes);
    close(fd);
    return session->exit_code;
}

/* Beside the bytes, so that nobody takes a head for the whole. */
static void tell_cut(const json_t *report)
{
    int64_t kept = field_number(report, "kept", INT64_MAX), size = field_number(report, "size", 0);

    if (kept < size)
        fprintf(stderr, _("of %lld bytes only the first %lld were kept: its sender has to send it again\n"), (long long)size,
                (long long)kept);
}

int report_cmd_raw(struct session *session)
{
    json_t *report = session_get(session, url_path("/v1/reports/{}?observations=0", session_operand(session, 0)));
    char *path = url_path("/v1/reports/{}/raw", session_operand(session, 0));

    if (!report) {
        free(path);
    } else if (session->printer.screen.is_terminal && !session->printer.screen.raw) {
        show_raw(session, path);
        tell_cut(report);
    } else if (session_fetch(session, path, STDOUT_FILENO)) {
        tell_cut(report);
    }
    json_decref(report);
    return session->exit_code;
}

/* The decode stage reads it: until it has, or for ten seconds. NULL: told. */
static json_t *wait_for(struct session *session, json_t *answer)
{
    struct timespec pause = {0, 50 * 1000 * 1000};

    for (int tries = 0; answer && str_equal(field_text(answer, "state"), "decoding") && tries < 200; tries++) {
        json_decref(answer);
        nanosleep(&pause, NULL);
        answer = session_get(session,
                             url_path(session->has_json ? "/v1/reports/{}" : "/v1/reports/{}?observations=0", session_operand(session, 0)));
    }
    return answer;
}

static int replay_one(struct session *session)
{
    const char *operand = session_operand(session, 0), *format = options_text(&session->options, "format");
    json_t *body = format ? json_pack("{s:s}", "format", format) : json_object();
    json_t *answer = wait_for(session, session_post(session, url_path("/v1/reports/{}/replay", operand), body, -1));
    const char *state = field_or(answer, "state", "-");

    if (!answer)
        return session->exit_code;
    if (str_equal(state, "malformed")) {
        session->exit_code = EXIT_REFUSED;
        session_print(session, answer, report_view_render, NULL);
    } else if (str_equal(state, "decoding")) {
        session_done(session, answer, _("%s: waits to be read again; see: cirt report show %s"), operand, operand);
    } else {
        session_done(session, answer, _("%s: understood now, %lld observations, %s"), operand,
                     (long long)field_number(answer, "observations", 0), state);
    }
    json_decref(answer);
    return session->exit_code;
}

/* --- what is held --- */

static bool is_id(const char *word)
{
    int64_t number;

    return str_to_int64(word + (*word == 'r' || *word == 'R'), 1, INT64_MAX, &number);
}

/* {"reports":[..]} where all operands are ids, else {"q":FILTER}. */
static json_t *chosen(const struct session *session)
{
    const char *word;
    json_t *list = json_array();
    bool are_ids = true;

    for (size_t i = 0; (word = session_operand(session, i)); i++) {
        are_ids = are_ids && is_id(word);
        json_array_append_new(list, json_string(word));
    }
    if (are_ids)
        return json_pack("{s:o}", "reports", list);
    json_decref(list);
    return json_pack("{s:s}", "q", options_joined(&session->options, 0));
}

/* What would be read again, or is. */
static void render_replay(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *items = field_list(answer, "items");
    char count[PHRASE_SIZE], unchanged[PHRASE_SIZE];
    bool is_dry = *(const bool *)context;

    if (is_dry && json_array_size(items) > 0)
        list_table(screen, items, &report_view_list);
    screen_number(screen, field_number(answer, "count", 0), count);
    screen_number(screen, field_number(answer, "unchanged", 0), unchanged);
    screen_printf(screen,
                  is_dry ? _("%s would be read again; nothing was changed")
                         : ngettext("%s is read again; what is still malformed: cirt report ls state:malformed",
                                    "%s are read again; what is still malformed: cirt report ls state:malformed",
                                    (unsigned long)field_number(answer, "count", 0)),
                  count);
    if (field_number(answer, "unchanged", 0) > 0)
        screen_printf(screen, _("; %s are not malformed, or only their head was kept"), unchanged);
    screen_text(screen, "\n");
}

/* How many, and is that meant? */
static bool is_replay_meant(struct session *session, json_t *body)
{
    char count[PHRASE_SIZE];
    json_t *plan;
    bool is_sure = true;

    if (json_object_get(body, "reports") || options_has(&session->options, "yes"))
        return true;
    json_object_set_new(body, "dry_run", json_true());
    plan = session_post(session, mem_strdup("/v1/reports/replay"), json_incref(body), -1);
    json_object_set_new(body, "dry_run", json_false());
    if (!plan)
        return false;
    if (field_number(plan, "count", 0) > 0) {
        screen_number(&session->printer.screen, field_number(plan, "count", 0), count);
        char *text = mem_printf(_("Read %s malformed reports again?"), count);
        is_sure = session_confirm(session, text);
        free(text);
    }
    json_decref(plan);
    return is_sure;
}

int report_cmd_replay(struct session *session)
{
    const char *first = session_operand(session, 0), *format = options_text(&session->options, "format");
    bool is_dry = options_has(&session->options, "dry-run");
    json_t *body, *answer = NULL;

    if (is_id(first) && !session_operand(session, 1) && !is_dry)
        return replay_one(session);
    body = chosen(session);
    json_object_set_new(body, "dry_run", json_boolean(is_dry));
    if (format)
        json_object_set_new(body, "format", json_string(format));
    if (is_dry || is_replay_meant(session, body))
        answer = session_post(session, mem_strdup("/v1/reports/replay"), json_incref(body), -1);
    json_decref(body);
    if (!answer)
        return session->exit_code;
    session_print(session, answer, render_replay, &is_dry);
    json_decref(answer);
    return session->exit_code;
}

/* What would be done: the first hundred. */
static void render_plan(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *items = field_list(answer, "items");
    char count[PHRASE_SIZE];

    if (json_array_size(items) > 0)
        list_table(screen, items, &report_view_held);
    screen_number(screen, field_number(answer, "count", 0), count);
    screen_printf(screen,
                  *(const bool *)context ? _("%s would be accepted; nothing was changed.\n")
                                         : _("%s would be rejected; nothing was changed.\n"),
                  count);
}

static void render_done(struct screen *screen, const json_t *answer, const void *context)
{
    char count[PHRASE_SIZE], unchanged[PHRASE_SIZE];

    screen_number(screen, field_number(answer, "count", 0), count);
    screen_number(screen, field_number(answer, "unchanged", 0), unchanged);
    screen_printf(screen,
                  *(const bool *)context ? _("%s accepted: they go on to triage") : _("%s rejected; cirt report accept brings them back"),
                  count);
    if (field_number(answer, "unchanged", 0) > 0)
        screen_printf(screen,
                      *(const bool *)context ? _("; of %s nothing was held or dropped that you may let go")
                                             : _("; %s were not held, or are not yours to turn away"),
                      unchanged);
    screen_text(screen, "\n");
}

/* A filter may choose many: how many is asked for first, and whether that is meant. */
static bool is_meant(struct session *session, const char *path, json_t *body, bool accepts)
{
    char count[PHRASE_SIZE];
    json_t *plan;
    bool is_sure = true;

    if (json_object_get(body, "reports") || options_has(&session->options, "yes"))
        return true;
    json_object_set_new(body, "dry_run", json_true());
    plan = session_post(session, mem_strdup(path), json_incref(body), -1);
    json_object_set_new(body, "dry_run", json_false());
    if (!plan)
        return false;
    if (field_number(plan, "count", 0) > 0) {
        screen_number(&session->printer.screen, field_number(plan, "count", 0), count);
        char *text = mem_printf(accepts ? _("Accept %s held reports?") : _("Reject %s held reports?"), count);
        is_sure = session_confirm(session, text);
        free(text);
    }
    json_decref(plan);
    return is_sure;
}

static int decide(struct session *session, json_t *body, const char *path, bool accepts)
{
    bool is_dry = options_has(&session->options, "dry-run");
    json_t *answer = NULL;

    json_object_set_new(body, "dry_run", json_boolean(is_dry));
    if (is_dry || is_meant(session, path, body, accepts))
        answer = session_post(session, mem_strdup(path), json_incref(body), -1);
    json_decref(body);
    if (!answer)
        return session->exit_code;
    if (field_number(answer, "count", 0) == 0 && field_number(answer, "unchanged", 0) > 0)
        session_fail(session, EXIT_REFUSED, _("cirt report ls state:held lists what waits; what a peer sent: cirt incoming ls"),
                     accepts ? _("nothing of them is held, dropped or suppressed") : _("no held report among them"));
    else
        session_print(session, answer, is_dry ? render_plan : render_done, &accepts);
    json_decref(answer);
    return session->exit_code;
}

int report_cmd_accept(struct session *session)
{
    return decide(session, chosen(session), "/v1/reports/accept", true);
}

int report_cmd_reject(struct session *session)
{
    const char *why = options_text(&session->options, "message");
    json_t *body;

    if (str_is_empty(why))
        return session_fail(session, EXIT_USAGE, NULL, _("why? cirt report reject %s -m WHY"), options_joined(&session->options, 0));
    body = chosen(session);
    json_object_set_new(body, "reason", json_string(why));
    return decide(session, body, "/v1/reports/reject", false);
}
