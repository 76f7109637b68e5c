#include "cli/doctor_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/session.h"
#include "cli/words.h"
#include "crypto/mtls.h"

enum { WARN_DAYS = 30, ANSWER_MAX = 4 * 1024 * 1024, TIMEOUT_MS = 10000, MARGIN = 23 };

static bool add(json_t *checks, const char *name, bool ok, const char *text, const char *hint)
{
    json_array_append_new(
        checks, json_pack("{s:s, s:b, s:s, s:o}", "name", name, "ok", ok, "text", text, "hint", hint ? json_string(hint) : json_null()));
    return ok;
}

static bool check_profile(struct session *session, json_t *checks)
{
    struct profile *profile = &session->profile;
    struct err err = {0};
    char *text;
    bool ok = profile_load(options_text(&session->options, "profile"), profile, &err);

    text = ok ? mem_printf(_("profile %s of %s"), profile->name, profile->file) : mem_strdup(err.text);
    add(checks, "configuration", ok, text, ok ? NULL : _("CIRT_CONFIG names the configuration; a sandbox's: . DIR/env"));
    free(text);
    return ok;
}

static bool check_dates(json_t *checks, const char *name, const char *path, const char *hint)
{
    int64_t now = timestamp_now(), from, until, days;
    struct err err = {0};
    char shown[PHRASE_SIZE], *text;
    bool ok;

    if (!mtls_file_dates(path, &from, &until, &err))
        return add(checks, name, false, err.text, NULL);
    days = (until - now) / (86400 * TIMESTAMP_SECOND);
    phrase_when(until, now, shown);
    ok = now >= from && now < until && days >= WARN_DAYS;
    if (now < from)
        text = mem_printf(_("%s is not valid yet"), path);
    else if (now >= until)
        text = mem_printf(_("%s expired %s"), path, shown);
    else
        text = mem_printf(_("%s is valid until %s (%lld days)"), path, shown, (long long)days);
    add(checks, name, ok, text, ok ? NULL : hint);
    free(text);
    return ok;
}

static void check_certificates(const struct profile *profile, json_t *checks)
{
    if (profile->cert)
        check_dates(checks, "certificate", profile->cert, _("ask the operator of the CA for a new one: certs/ca renew"));
    else
        add(checks, "certificate", false, _("the profile names none: nobody will know who calls"), NULL);
    if (profile->ca)
        check_dates(checks, "CA", profile->ca, _("everybody needs new certificates before it ends: certs/README.md"));
}

static bool open_client(const struct profile *profile, struct http_client **client, json_t *checks)
{
    struct http_client_settings settings = {.ca_file = profile->ca,
                                            .cert_file = profile->cert,
                                            .key_file = profile->key,
                                            .pin = profile->has_pin ? profile->pin : NULL,
                                            .connect_timeout_ms = TIMEOUT_MS,
                                            .timeout_ms = TIMEOUT_MS,
                                            .answer_bytes_max = ANSWER_MAX};
    struct err err = {0};

    if (!http_client_open(&settings, client, &err))
        return add(checks, "key", false, err.text, NULL);
    return add(checks, "key", true, profile->has_pin ? _("private; the gate's key is pinned") : _("private; the gate's key is not pinned"),
               NULL);
}

static const char *sick_hint(int status)
{
    if (status == 503)
        return _("does PostgreSQL run, and every role? their logs say more; a sandbox: packaging/sandbox status DIR, then start");
    return status == 500 ? _("the log of cirtd has more") : NULL;
}

static enum exit_code check_reach(const struct profile *profile, struct http_client *client, const char *path, json_t *checks)
{
    char *url = mem_printf("%s%s", profile->base_url, path);
    struct http_client_request request = {.method = "GET", .url = url, .body_fd = -1, .output_fd = -1};
    struct http_client_answer answer;
    struct err err = {0};
    bool ok = http_client_send(client, &request, &answer, &err);
    json_t *body = ok ? json_loadb(buf_text(&answer.body), answer.body.size, 0, NULL) : NULL;
    char *text = ok ? mem_printf(_("%s answers"), profile->base_url) : mem_printf("%s: %s", profile->base_url, err.text);
    enum exit_code code = EXIT_DONE;

    add(checks, "reach", ok, text, ok ? NULL : err.code == ERR_DENIED ? session_tls_hint(err.text) : _("is cirtd running?"));
    if (!ok)
        code = err.code == ERR_DENIED ? EXIT_NOT_ALLOWED : EXIT_NOT_REACHED;
    else if (answer.status == 403 || answer.status == 401)
        code = add(checks, "identity", false, field_or(body, "detail", _("the key is not registered or may not do this")),
                   _("an admin registers it: cirt analyst add LOGIN --key CERTFILE"))
                   ? EXIT_DONE
                   : EXIT_NOT_ALLOWED;
    else if (answer.status / 100 != 2)
        code = add(checks, "daemon", false, field_or(body, "detail", _("the daemon is not well")), sick_hint(answer.status)) ? EXIT_DONE
                                                                                                                             : EXIT_REFUSED;
    json_array_extend(checks, json_object_get(body, "checks"));
    json_decref(body);
    http_client_answer_clear(&answer);
    free(text);
    free(url);
    return code;
}

static void render(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *checks = field_list(answer, "checks");

    UNUSED(context);
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *check = json_array_get(checks, i);
        bool ok = field_is(check, "ok"), has_hint = field_text(check, "hint") != NULL;
        char *name = screen_clean(screen, field_text(check, "name"), false), *text = screen_clean(screen, field_text(check, "text"), false);

        /* Nothing is wrong, but somebody is waited for. */
        screen_style(screen, !ok ? STYLE_RED : has_hint ? STYLE_YELLOW : STYLE_GREEN, !ok ? "WRONG " : has_hint ? "look  " : "ok    ");
        screen_printf(screen, "%-16s ", name);
        screen_words(screen, text, MARGIN);
        free(name);
        free(text);
        if (has_hint) {
            text = screen_clean(screen, field_text(check, "hint"), false);
            screen_printf(screen, "%*s", MARGIN, "");
            screen_words(screen, text, MARGIN);
            free(text);
        }
    }
}

int doctor_cmd_doctor(struct session *session)
{
    json_t *checks = json_array(), *answer;
    bool all_ok = true;

    if (check_profile(session, checks)) {
        check_certificates(&session->profile, checks);
        if (open_client(&session->profile, &session->client, checks))
            session->exit_code =
                check_reach(&session->profile, session->client, session->profile.is_feed ? "/healthz" : "/v1/doctor", checks);
    }
    for (size_t i = 0; i < json_array_size(checks); i++)
        all_ok = all_ok && field_is(json_array_get(checks, i), "ok");
    if (!all_ok && session->exit_code == EXIT_DONE)
        session->exit_code = EXIT_REFUSED;
    answer = json_pack("{s:b, s:o}", "ok", all_ok, "checks", checks);
    session_print(session, answer, render, NULL);
    json_decref(answer);
    return session->exit_code;
}
