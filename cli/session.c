#include "cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/phrase.h"
#include "cli/words.h"

enum { TRIES_MAX = 5, RETRY_WAIT_MAX_S = 5, ANSWER_MAX = 256 * 1024 * 1024, CONNECT_TIMEOUT_MS = 10000 };

/* Contracts, section 2. The first row that fits; 0 stands for any status. */
static const struct {
    int status;
    enum exit_code plain, submit;
} exits[] = {
    {400, EXIT_USAGE, EXIT_NOT_ACCEPTED},      {401, EXIT_NOT_ALLOWED, EXIT_NOT_ALLOWED}, {403, EXIT_NOT_ALLOWED, EXIT_NOT_ALLOWED},
    {404, EXIT_REFUSED, EXIT_REFUSED},         {409, EXIT_REFUSED, EXIT_REFUSED},         {412, EXIT_REFUSED, EXIT_REFUSED},
    {413, EXIT_REFUSED, EXIT_NOT_ACCEPTED},    {415, EXIT_REFUSED, EXIT_NOT_ACCEPTED},    {422, EXIT_REFUSED, EXIT_NOT_ACCEPTED},
    {428, EXIT_REFUSED, EXIT_REFUSED},         {429, EXIT_NOT_REACHED, EXIT_NOT_REACHED}, {502, EXIT_NOT_REACHED, EXIT_NOT_REACHED},
    {503, EXIT_NOT_REACHED, EXIT_NOT_REACHED}, {504, EXIT_NOT_REACHED, EXIT_NOT_REACHED},
};

static enum exit_code exit_of(const struct session *session, int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
        if (exits[i].status == status)
            return session->is_submit ? exits[i].submit : exits[i].plain;
    return status >= 500 ? EXIT_DAEMON : EXIT_REFUSED;
}

int session_fail_err(struct session *session, enum exit_code code, const char *hint, const struct err *err)
{
    struct printer_problem problem = {.what = err->text, .where = err->at, .hint = hint};

    session->printer.kind->problem(&session->printer, &problem);
    return session->exit_code = code;
}

int session_fail(struct session *session, enum exit_code code, const char *hint, const char *format, ...)
{
    struct err err = {0};
    va_list list;

    va_start(list, format);
    vsnprintf(err.text, sizeof err.text, format, list);
    va_end(list);
    return session_fail_err(session, code, hint, &err);
}

bool session_open(struct session *session)
{
    struct profile *profile = &session->profile;
    struct http_client_settings settings = {.connect_timeout_ms = CONNECT_TIMEOUT_MS, .answer_bytes_max = ANSWER_MAX};
    struct err err = {0};

    if (!profile_load(options_text(&session->options, "profile"), profile, &err)) {
        session_fail_err(session, EXIT_USAGE, _("CIRT_CONFIG names the configuration; a sandbox's: . DIR/env"), &err);
        return false;
    }
    settings.ca_file = profile->ca;
    settings.cert_file = profile->cert;
    settings.key_file = profile->key;
    settings.pin = profile->has_pin ? profile->pin : NULL;
    if (!http_client_open(&settings, &session->client, &err)) {
        session_fail_err(session, EXIT_USAGE, "cirt doctor", &err);
        return false;
    }
    return true;
}

void session_close(struct session *session)
{
    http_client_close(session->client);
    profile_clear(&session->profile);
    options_clear(&session->options);
    screen_clear(&session->printer.screen);
}

const char *session_operand(const struct session *session, size_t index)
{
    return index < session->options.operand_count ? session->options.operands[index] : NULL;
}

/* Whose fault a broken handshake is: of our side an alert tells, of the gate's our own library. */
const char *session_tls_hint(const char *why)
{
    if (strstr(why, "pinned"))
        return _("That is not the gate this profile pins: another CIRT's CIRT_DESK_URL, or its key was renewed.  cirt doctor");
    if (strstr(why, "certificate problem"))
        return _("The gate's certificate is not of the CA in CIRT_CA, or not in date.  cirt doctor");
    return _("Is the certificate in date and registered?  cirt doctor");
}

static void tell_not_reached(struct session *session, const struct err *err)
{
    const char *url = session->profile.base_url;

    switch (err->code) {
    case ERR_DENIED:
        session_fail(session, EXIT_NOT_ALLOWED, session_tls_hint(err->text), _("%s: refused by TLS (%s)"), url, err->text);
        break;
    case ERR_AGAIN:
        session_fail(session, EXIT_NOT_REACHED, _("Is cirtd running?  cirt doctor"), _("%s does not answer (%s)"), url, err->text);
        break;
    case ERR_INPUT:
        session_fail(session, EXIT_USAGE, "cirt doctor", "%s: %s", url, err->text);
        break;
    default:
        session_fail(session, EXIT_DAEMON, NULL, "%s: %s", url, err->text);
    }
}

/* Busy for a moment. Who is told to come back in minutes (a feed's quota, a pause) is told so instead. */
static bool is_busy(const struct http_client_answer *answer)
{
    return (answer->status == 429 || answer->status == 503) && answer->retry_after_s <= RETRY_WAIT_MAX_S;
}

/* Retry-After, plus up to half a second so that many clients do not come back at once. */
static void wait_before_retry(const struct session *session, const struct http_client_answer *answer, unsigned tried)
{
    long seconds = answer->retry_after_s >= 0 ? answer->retry_after_s : 1L << (tried - 1);
    long jitter_ms = (long)(timestamp_now() / 1000 % 500);
    struct timespec pause;

    if (session->printer.screen.is_terminal && !session->has_json)
        screen_remark(_("cirt: the daemon is busy (%d), trying again in %ld s"), answer->status, seconds);
    pause = (struct timespec){seconds, jitter_ms * 1000000};
    nanosleep(&pause, NULL);
}

bool session_send(struct session *session, struct http_client_request *request, const char *path, struct http_client_answer *answer)
{
    char *url = mem_printf("%s%s", session->profile.base_url, path);
    struct err err = {0};
    bool ok = false;

    request->url = url;
    for (unsigned tried = 1;; tried++) {
        ok = http_client_send(session->client, request, answer, &err);
        if (!ok || !is_busy(answer) || tried == TRIES_MAX)
            break;
        wait_before_retry(session, answer, tried);
        http_client_answer_clear(answer);
    }
    free(url);
    request->url = NULL;
    if (!ok)
        tell_not_reached(session, &err);
    return ok;
}

/* "case 40 changed 10 s ago: analyst took it (revision 8)" */
static char *collision(const struct session *session, const json_t *problem)
{
    char age[PHRASE_SIZE];
    const char *operand = session_operand(session, 0);
    int64_t revision = field_number(problem, "revision", -1);

    if (field_time(problem, "changed_at") == TIMESTAMP_NONE || revision < 0 || !operand)
        return NULL;
    screen_age(&session->printer.screen, field_time(problem, "changed_at"), age);
    return mem_printf(_("case %s changed %s: %s %s (revision %lld)"), operand, age, field_or(problem, "changed_by", "-"),
                      field_or(problem, "change", ""), (long long)revision);
}

/* Of a member of the body that the command made: the option it came from. What came from none, or is the whole of it, helps nobody to find
 * it. */
static const char *place(const struct session *session, const char *at, char option[64])
{
    if (session->has_json || !str_starts(at ? at : "", "/"))
        return at;
    for (const struct option_rule *rule = session->command->options; rule && rule->name; rule++) {
        snprintf(option, 64, "%s", rule->name);
        for (char *c = option; *c; c++)
            *c = *c == '-' ? '_' : *c;
        bool is_this = strcmp(option, at + 1) == 0 || (str_starts(at, "/default_") && strcmp(option, at + strlen("/default_")) == 0);
        snprintf(option, 64, "--%s", rule->name);
        if (is_this)
            return option;
    }
    return NULL;
}

int session_refused(struct session *session, const struct http_client_answer *answer, const char *hint)
{
    json_t *body = json_loadb(buf_text(&answer->body), answer->body.size, 0, NULL);
    struct printer_problem problem = {.answer = json_is_object(body) ? body : NULL};
    char *plain = mem_printf(_("the daemon answered %d"), answer->status);
    char option[64], when[PHRASE_SIZE];
    int64_t now = timestamp_now();
    char *later = NULL, *changed = answer->status == 412 && problem.answer ? collision(session, body) : NULL;

    problem.what = field_or(body, "detail", field_or(body, "title", plain));
    if (changed)
        problem.what = changed;
    problem.where = place(session, field_or(body, "at", answer->status == 503 ? session->profile.base_url : NULL), option);
    problem.hint = field_or(body, "hint", answer->status == 503 ? _("What is wrong: cirt doctor   then say it again") : hint);
    if (answer->retry_after_s > RETRY_WAIT_MAX_S) {
        phrase_due(now + answer->retry_after_s * 1000000, now, when);
        problem.hint = later = mem_printf(_("say it again %s"), when);
    }
    session->exit_code = exit_of(session, answer->status);
    session->printer.kind->problem(&session->printer, &problem);
    free(plain);
    free(later);
    free(changed);
    json_decref(body);
    return session->exit_code;
}

/* What helps where the daemon says nothing of its own. */
static const char *hint_for(const struct session *session, int status, char hint[200])
{
    const char *operand = session_operand(session, 0);

    if (status == 412 && operand)
        snprintf(hint, 200, _("See it: cirt show %.60s   then say it again"), operand);
    else if (status == 403)
        snprintf(hint, 200, _("Who you are: cirt doctor   another profile: cirt --profile NAME ..."));
    else
        return NULL;
    return hint;
}

static json_t *parse(struct session *session, const struct http_client_answer *answer)
{
    json_error_t why;
    json_t *value;

    if (answer->status == 204 || answer->body.size == 0)
        return json_object();
    value = json_loadb(buf_text(&answer->body), answer->body.size, JSON_DECODE_ANY, &why);
    if (!value)
        session_fail(session, EXIT_DAEMON, NULL, _("the daemon's answer is not JSON: line %d, %s"), why.line, why.text);
    return value;
}

static json_t *exchange(struct session *session, struct http_client_request *request, char *path)
{
    struct http_client_answer answer;
    char hint[200];
    json_t *value = NULL;

    request->output_fd = -1;
    request->body_fd = -1;
    if (!session_send(session, request, path, &answer))
        value = NULL;
    else if (answer.status / 100 == 2)
        value = parse(session, &answer);
    else
        session_refused(session, &answer, hint_for(session, answer.status, hint));
    http_client_answer_clear(&answer);
    free(path);
    return value;
}

json_t *session_get(struct session *session, char *path)
{
    struct http_client_request request = {.method = "GET"};

    return exchange(session, &request, path);
}

json_t *session_post(struct session *session, char *path, json_t *body, int64_t revision)
{
    char if_match[32];
    char *text = json_dumps(body, JSON_COMPACT);
    struct http_client_request request = {
        .method = "POST", .content_type = "application/json", .body = text, .body_size = (int64_t)strlen(text)};
    json_t *answer;

    if (revision >= 0) {
        snprintf(if_match, sizeof if_match, "\"%lld\"", (long long)revision);
        request.if_match = if_match;
    }
    answer = exchange(session, &request, path);
    free(text);
    json_decref(body);
    return answer;
}

json_t *session_delete(struct session *session, char *path)
{
    struct http_client_request request = {.method = "DELETE"};

    return exchange(session, &request, path);
}

bool session_fetch(struct session *session, char *path, int fd)
{
    struct http_client_request request = {.method = "GET", .accept = "*/*", .body_fd = -1, .output_fd = fd};
    struct http_client_answer answer;
    bool ok = session_send(session, &request, path, &answer);

    if (ok && answer.status / 100 != 2) {
        session_refused(session, &answer, NULL);
        ok = false;
    }
    http_client_answer_clear(&answer);
    free(path);
    return ok;
}

int session_print(struct session *session, const json_t *answer, printer_render render, const void *context)
{
    session->printer.kind->value(&session->printer, answer, render, context);
    return session->exit_code;
}

static void render_line(struct screen *screen, const json_t *answer, const void *context)
{
    char *text = screen_clean(screen, context, false);

    UNUSED(answer);
    screen_printf(screen, "%s\n", text);
    free(text);
}

int session_done(struct session *session, const json_t *answer, const char *format, ...)
{
    va_list list;
    char *text = NULL;
    int code;

    va_start(list, format);
    if (vasprintf(&text, format, list) < 0)
        text = NULL;
    va_end(list);
    code = session_print(session, answer, render_line, text ? text : "");
    free(text);
    return code;
}

int session_each_file(struct session *session, void (*import)(struct session *session, const char *path))
{
    const char *path;
    int first = EXIT_DONE;

    for (size_t i = 0; (path = session_operand(session, i)); i++) {
        session->exit_code = EXIT_DONE;
        import(session, path);
        first = first == EXIT_DONE ? session->exit_code : first;
        if (session->exit_code != EXIT_DONE && session->exit_code != EXIT_REFUSED && session->exit_code != EXIT_NOT_ACCEPTED)
            break;
    }
    return session->exit_code = first;
}

bool session_confirm(struct session *session, const char *question)
{
    char line[16] = "", *asked;

    if (options_has(&session->options, "yes"))
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        session_fail(session, EXIT_USAGE, _("--yes says yes in a script"), _("%s Nobody is here to ask"), question);
        return false;
    }
    /* What is asked about must stand above the question. */
    if (!screen_flush(&session->printer.screen))
        return false;
    asked = mem_printf("%s [y/N]", question);
    screen_ask(asked);
    free(asked);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
        return true;
    session_fail(session, EXIT_REFUSED, NULL, _("nothing was changed"));
    return false;
}
