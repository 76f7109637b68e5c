#include "cli/submit_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/editor.h"
#include "cli/field.h"
#include "cli/form.h"
#include "cli/progress.h"
#include "cli/report_view.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"
#include "model/tlp.h"

enum { REJECTED_SHOWN = 10, REJECTED_KEPT = 100, WAIT_MAX_MS = 60000 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Standard input is spooled, so that its size is known and a busy daemon can be tried again. */
static int spool(int from, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    int fd = open(str_is_empty(folder) ? "/tmp" : folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char block[65536];
    ssize_t got = -1;

    while (fd >= 0 && (got = read(from, block, sizeof block)) != 0)
        if (got < 0 ? errno != EINTR : write(fd, block, (size_t)got) != got)
            break;
    if (got == 0)
        return fd;
    err_set(err, ERR_INPUT, _("standard input cannot be spooled: %s"), strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A descriptor at the start of a regular file, and its size; -1 with err set. */
static int open_document(const char *path, int64_t *size, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0) {
        err_set(err, ERR_INPUT, _("%s cannot be read: %s"), path, strerror(errno));
        return -1;
    }
    if (is_stdin || !S_ISREG(status.st_mode)) {
        int spooled = S_ISDIR(status.st_mode) ? -1 : spool(fd, err);
        if (S_ISDIR(status.st_mode))
            err_set(err, ERR_INPUT, _("%s is a folder"), path);
        if (!is_stdin)
            close(fd);
        fd = spooled;
        if (fd < 0 || fstat(fd, &status) != 0)
            return -1;
    }
    *size = status.st_size;
    return fd;
}

/* One line of an NDJSON answer: what became of one line of ours. */
static void count_line(json_t *summary, json_t *line)
{
    int64_t status = field_number(line, "status", 0);
    const char *member = status == 201 ? "accepted" : status == 200 ? "duplicates" : "rejected_total";
    json_t *rejected = json_object_get(summary, "rejected");

    json_object_set_new(summary, member, json_integer(field_number(summary, member, 0) + 1));
    json_object_set_new(summary, "lines", json_integer(field_number(summary, "lines", 0) + 1));
    if (field_text(line, "tlp"))
        json_object_set_new(summary, "wider", json_integer(field_number(summary, "wider", 0) + 1));
    if (status / 100 == 2) {
        if (field_text(line, "report"))
            json_array_append(json_object_get(summary, "reports"), json_object_get(line, "report"));
    } else if (json_array_size(rejected) < REJECTED_KEPT) {
        char *at = mem_printf("line %lld", (long long)field_number(line, "line", 0));
        json_array_append_new(rejected, json_pack("{s:s, s:s}", "at", at, "error", field_or(line, "error", "-")));
        free(at);
    }
}

static json_t *summarise(const struct buf *body)
{
    json_t *summary = json_pack("{s:i, s:i, s:i, s:[], s:i, s:[]}", "lines", 0, "accepted", 0, "duplicates", 0, "rejected",
                                "rejected_total", 0, "reports");
    const char *at = buf_text(body);

    while (*at) {
        size_t size = strcspn(at, "\n");
        json_t *line = json_loadb(at, size, 0, NULL);
        if (line)
            count_line(summary, line);
        json_decref(line);
        at += size + (at[size] == '\n');
    }
    return summary;
}

static void render_rejected(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "rejected");
    int64_t total = field_number(answer, "rejected_total", 0);
    size_t shown = 0;

    for (; shown < json_array_size(list) && shown < REJECTED_SHOWN; shown++) {
        const json_t *item = json_array_get(list, shown);
        screen_text(screen, "      ");
        screen_outside(screen, field_text(item, "at"));
        screen_text(screen, ": ");
        screen_outside(screen, field_text(item, "error"));
        screen_text(screen, "\n");
    }
    if (total > (int64_t)shown)
        screen_printf(screen, _("      … and %lld more\n"), (long long)(total - (int64_t)shown));
}

static void render_report(struct screen *screen, const json_t *answer, const void *context)
{
    const int *status = context;
    char count[PHRASE_SIZE], rejected[PHRASE_SIZE];
    int64_t duplicates = field_number(answer, "duplicates", 0);

    screen_number(screen, field_number(answer, "observations", 0), count);
    screen_number(screen, field_number(answer, "rejected_total", 0), rejected);
    screen_text(screen, field_or(answer, "report", field_or(answer, "id", "-")));
    enum tlp held;
    if (*status == 200 && field_text(answer, "tlp") && tlp_parse(field_text(answer, "tlp"), &held))
        screen_printf(screen, _(": had this already, as %s, and that stays (to narrow its case: cirt tlp)"), tlp_label(held));
    else if (*status == 200)
        screen_text(screen, _(": had this already"));
    else if (str_equal(field_text(answer, "state"), "decoding"))
        screen_text(screen, _(": taken, and read now")); /* a mail: nothing is known of its observations yet */
    else
        screen_printf(screen, ngettext(": %s observation", ": %s observations", (unsigned long)field_number(answer, "observations", 0)),
                      count);
    if (duplicates > 0)
        screen_printf(screen, _(", %lld duplicates"), (long long)duplicates);
    if (field_number(answer, "rejected_total", 0) > 0)
        screen_printf(screen, _(", %s rejected"), rejected);
    screen_printf(screen, "   (cirt report show %s)\n", field_or(answer, "report", field_or(answer, "id", "-")));
    render_rejected(screen, answer);
}

static void render_lines(struct screen *screen, const json_t *answer, const void *context)
{
    static const struct {
        const char *member, *text;
    } counts[] = {{"lines", N_("lines: ")},
                  {"accepted", N_(" accepted, ")},
                  {"duplicates", N_(" had already, ")},
                  {"rejected_total", N_(" rejected")}};

    UNUSED(context);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        char text[PHRASE_SIZE];
        screen_number(screen, field_number(answer, counts[i].member, 0), text);
        screen_printf(screen, i ? "%s%s" : "%s %s", text, _(counts[i].text));
    }
    screen_text(screen, "\n");
    if (field_number(answer, "wider", 0) > 0)
        screen_printf(screen, _("      %lld of those had already keep a wider label than --tlp says (to narrow their cases: cirt tlp)\n"),
                      (long long)field_number(answer, "wider", 0));
    render_rejected(screen, answer);
}

/* "r81: triaged, 12 observations, case 42", "r82: dropped by rule "our scanner": yearly audit". */
static void render_settled(struct screen *screen, const json_t *answer, const void *context)
{
    char *cases = report_view_cases(answer);
    int64_t observations = field_number(answer, "observations", 0);

    UNUSED(context);
    screen_printf(screen, "%s: ", field_or(answer, "id", "-"));
    if (cases || !report_view_reason(screen, answer)) {
        screen_text(screen, field_or(answer, "state", "-"));
        /* Of a mail nothing was known when it was taken. */
        if (str_equal(field_text(answer, "format"), "mail"))
            screen_printf(screen, ngettext(", %lld observation", ", %lld observations", (unsigned long)observations),
                          (long long)observations);
        screen_printf(screen, cases ? ", %s\n" : "\n", cases);
    }
    free(cases);
}

/* Waits until the report has left the states of the way in; told where that takes more than a minute. */
static void wait_for(struct session *session, const char *report)
{
    int64_t until = timestamp_monotonic_ms() + WAIT_MAX_MS;
    struct timespec pause = {0, 50 * 1000 * 1000};

    for (;;) {
        json_t *answer = session_get(session, url_path("/v1/reports/{}?observations=0", report)); /* how it fares is all we ask */
        const char *state = field_text(answer, "state");
        bool is_on_its_way = str_equal(state, "received") || str_equal(state, "decoding");

        if (answer && !is_on_its_way && !session->has_json)
            session_print(session, answer, render_settled, NULL);
        json_decref(answer);
        if (!answer || !is_on_its_way)
            return;
        if (timestamp_monotonic_ms() > until) {
            session_fail(session, EXIT_NOT_REACHED, "cirt doctor", _("%s is still on its way after %d s"), report, WAIT_MAX_MS / 1000);
            return;
        }
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 400 * 1000 * 1000)
            pause.tv_nsec *= 2;
    }
}

static int accepted(struct session *session, const struct http_client_answer *answer)
{
    bool is_lines = strcmp(answer->content_type, "application/x-ndjson") == 0;
    json_t *body = is_lines ? summarise(&answer->body) : json_loadb(buf_text(&answer->body), answer->body.size, 0, NULL);
    const json_t *reports = json_object_get(body, "reports");
    const char *report = is_lines ? json_string_value(json_array_get(reports, json_array_size(reports) - 1)) : field_text(body, "report");
    int64_t rejected = field_number(body, "rejected_total", 0);
    bool none_taken = is_lines && rejected > 0 && rejected == field_number(body, "lines", 0);

    if (!body)
        return session_fail(session, EXIT_DAEMON, NULL, _("the daemon's answer is not JSON"));
    if (none_taken || (rejected > 0 && options_has(&session->options, "strict")))
        session->exit_code = EXIT_NOT_ACCEPTED;
    session_print(session, body, is_lines ? render_lines : render_report, &answer->status);
    if (report && options_has(&session->options, "wait")) {
        if (!session->has_json && !screen_flush(&session->printer.screen))
            session->exit_code = EXIT_DAEMON;
        wait_for(session, report);
    }
    json_decref(body);
    return session->exit_code;
}

/* What became of a document that was not accepted; NULL: nothing was kept. The caller's. */
static char *kept_hint(const json_t *body)
{
    const char *report = field_text(body, "report");
    int64_t kept = field_number(body, "kept", -1);

    if (!report)
        return NULL;
    if (kept >= 0)
        return mem_printf(_("only its first %lld bytes were kept, as malformed report %s: send it again, changed or in parts"),
                          (long long)kept, report);
    return mem_printf(_("kept as malformed report %s; after a fix: cirt report replay %s"), report, report);
}

/* "scan.xml was not accepted: line 14: ..."; "kept as malformed report r90" */
static int not_accepted(struct session *session, const struct http_client_answer *answer, const char *name)
{
    json_t *body = json_loadb(buf_text(&answer->body), answer->body.size, 0, NULL);
    const char *at = field_text(body, "at");
    /* The words of the API for what is an option here. */
    at = str_starts(at ? at : "", "?format=") ? "--format" : at;
    bool is_document = answer->status == 400 || answer->status == 413 || answer->status == 415 || answer->status == 422;

    if (!is_document || !body) {
        json_decref(body);
        return session_refused(session, answer, NULL);
    }
    /* Of the document's own place the fault is told ("/observations/3/time: is missing"); as a whole it has none, and its media type is our
     * choice. */
    bool has_place = at && *at && !str_equal(at, "/") && !str_equal(at, "Content-Type");
    char *what = mem_printf(_("%s was not accepted: %s%s%s"), name, has_place ? at : "", has_place ? ": " : "",
                            field_or(body, "detail", field_or(body, "title", "-")));
    char *hint = kept_hint(body);
    struct printer_problem problem = {what, has_place || session->has_json ? at : NULL, hint ? hint : field_text(body, "hint"), body};

    session->exit_code = EXIT_NOT_ACCEPTED;
    session->printer.kind->problem(&session->printer, &problem);
    free(what);
    free(hint);
    json_decref(body);
    return session->exit_code;
}

/* Sends the request to /v1/reports and tells what came back; path is taken. */
static int send_report(struct session *session, struct http_client_request *request, char *path, const char *name)
{
    struct http_client_answer answer;

    session->is_submit = true;
    bool is_answered = session_send(session, request, path, &answer);
    if (request->on_progress)
        progress_end(request->context);
    if (is_answered) {
        if (answer.status / 100 == 2)
            accepted(session, &answer);
        else
            not_accepted(session, &answer, name);
    }
    http_client_answer_clear(&answer);
    free(path);
    return session->exit_code;
}

/* RFC 1952, section 2.3.1: what is packed goes as it is and is unpacked there. */
static bool is_gzip(int fd)
{
    unsigned char magic[3];

    return pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic && magic[0] == 0x1f && magic[1] == 0x8b && magic[2] == 8;
}

/* The file's name as it was before it was packed; the caller's. */
static char *unpacked_name(const char *name, bool was_packed)
{
    size_t size = name ? strlen(name) : 0;

    if (!name)
        return NULL;
    return was_packed && str_ends(name, ".gz") ? mem_printf("%.*s", (int)size - 3, name) : mem_strdup(name);
}

static char *path_with(const struct options *options, const char *name)
{
    char *path = url_with(mem_strdup("/v1/reports"), "format", options_text(options, "format"));

    path = url_with(path, "tlp", options_text(options, "tlp"));
    path = url_with(path, "channel", options_text(options, "channel"));
    return url_with(path, "name", name);
}

int submit_cmd_submit(struct session *session)
{
    const char *file = session_operand(session, 0), *name = options_text(&session->options, "name");
    const char *format = options_text(&session->options, "format");
    bool is_stdin = strcmp(file, "-") == 0, is_packed;
    char *plain;
    struct http_client_request request = {.method = "POST", .content_type = "application/octet-stream", .output_fd = -1};
    struct progress progress;
    struct err err = {0};

    request.body_fd = open_document(file, &request.body_size, &err);
    if (request.body_fd < 0)
        return session_fail_err(session, EXIT_USAGE, NULL, &err);
    is_packed = is_gzip(request.body_fd);
    request.content_encoding = is_packed ? "gzip" : NULL;
    plain = unpacked_name(name ? name : is_stdin ? NULL : base_name(file), is_packed);
    if (str_equal(format, "ndjson") || (!format && plain && (str_ends(plain, ".ndjson") || str_ends(plain, ".jsonl"))))
        request.content_type = "application/x-ndjson";
    if (!session->has_json) {
        request.on_progress = progress_step;
        request.context = &progress;
    }
    progress_start(&progress, NULL);
    send_report(session, &request, path_with(&session->options, plain), is_stdin ? _("the input") : file);
    free(plain);
    close(request.body_fd);
    return session->exit_code;
}

/* What somebody typed while listening is not typed again. */
static void keep(const char *text, const char *channel)
{
    char *path = text && isatty(STDIN_FILENO) && !form_is_empty(text) ? editor_keep(text) : NULL;

    if (path)
        screen_remark_command(_("      what you wrote is kept; put it right and:"), "cirt report new --channel %s < %s", channel, path);
    free(path);
}

int submit_cmd_report_new(struct session *session)
{
    const char *message = options_text(&session->options, "message");
    struct http_client_request request = {.method = "POST", .content_type = "application/json", .body_fd = -1, .output_fd = -1};
    struct err err = {0};
    char *text = NULL, *body = NULL;

    if (!options_text(&session->options, "channel"))
        return session_fail(session, EXIT_USAGE, NULL, _("how did it come in? cirt report new --channel phone|walk-in|chat|letter"));
    if (!message && !editor_text(form_template, _(form_help), &text, &err))
        return session_fail_err(session, EXIT_USAGE, NULL, &err);
    body = form_to_report(message ? message : text, message != NULL, &err);
    if (body) {
        request.body = body;
        request.body_size = (int64_t)strlen(body);
        send_report(session, &request, path_with(&session->options, NULL), _("the report"));
    } else {
        session_fail_err(session, EXIT_NOT_ACCEPTED, NULL, &err);
    }
    if (session->exit_code != EXIT_DONE)
        keep(text, options_text(&session->options, "channel"));
    free(text);
    free(body);
    return session->exit_code;
}
