#include "cirtd/desk/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "cirtd/desk/desk_inside.h"

struct desk *desk_new(struct db *db, const struct desk_settings *settings)
{
    struct desk *desk = mem_calloc(1, sizeof *desk);
    desk->db = db;
    desk->data_path = settings->data_path ? mem_strdup(settings->data_path) : NULL;
    desk->wal_path = settings->wal_path ? mem_strdup(settings->wal_path) : NULL;
    desk->reserve_mb = settings->reserve_mb;
    desk->address = settings->address ? mem_strdup(settings->address) : NULL;
    desk->templates = settings->templates ? mem_strdup(settings->templates) : NULL;
    desk->recall_s = settings->recall_s;
    desk->places = settings->place_files ? places_new(settings->place_files) : NULL;
    return desk;
}

void desk_free(struct desk *desk)
{
    if (!desk)
        return;
    free(desk->data_path);
    free(desk->wal_path);
    free(desk->address);
    free(desk->templates);
    places_free(desk->places);
    free(desk);
}

static desk_handler find_handler(const char *id)
{
    static const struct desk_route *const tables[] = {
        desk_case_routes,        desk_report_routes,  desk_share_routes,    desk_record_routes,
        desk_find_routes,        desk_rule_routes,    desk_doctor_routes,   desk_key_routes,
        desk_mail_routes,        desk_verify_routes,  desk_evidence_routes, desk_warninglist_routes,
        desk_constituent_routes, desk_setting_routes, desk_class_routes,    desk_indicator_routes};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (const struct desk_route *route = tables[i]; route->id; route++)
            if (str_equal(route->id, id))
                return route->handle;
    return NULL;
}

/* Who calls, and from here to the end of the transaction the viewer. */
static bool read_caller(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    char key[2 * MESSAGE_KEY_SIZE + 1];
    str_hex(call->request->key, MESSAGE_KEY_SIZE, key);
    db_text(call->params, key);
    if (!desk_run(call, SQL_DESK_CALLER, &rows, err))
        return false;
    bool is_known = db_row_count(rows) > 0 && !db_is_null(rows, 0, 2), is_enabled = is_known && db_get_bool(rows, 0, 3);
    if (is_known) {
        call->caller.id = db_get_int(rows, 0, 0);
        snprintf(call->caller.login, sizeof call->caller.login, "%s", db_get_text(rows, 0, 1));
        snprintf(call->caller.role, sizeof call->caller.role, "%s", db_get_text(rows, 0, 2));
        call->caller.zone_minutes = (int)db_get_int(rows, 0, 6);
    }
    db_rows_free(rows);
    if (is_enabled)
        return true;
    log_warn("caller_refused", "key=%.16s address=%s reason=%s", key, log_quote(call->request->peer_address),
             is_known ? "disabled" : "unregistered");
    return err_set(err, ERR_DENIED, is_known ? "this identity is disabled" : "this key is registered for nobody here");
}

static bool find_endpoint(struct desk_call *call, struct api_match *match, struct err *err)
{
    const struct message_request *request = call->request;
    if (!api_find(request->listener, request->method, request->path, match))
        return err_set(err, ERR_INPUT, "the path is not well-formed");
    if (match->other_method)
        return desk_problem_set(call, 405, NULL, err, "this path has no such method");
    if (match->other_listener)
        return err_set(err, ERR_DENIED, "this call is not served here");
    if (!match->endpoint || match->endpoint->worker != API_DESK)
        return err_set(err, ERR_NOT_FOUND, "there is no such path");
    call->endpoint = match->endpoint;
    call->name = arena_strdup(call->arena, match->parameters[0]);
    return true;
}

static bool check_permission(struct desk_call *call, struct err *err)
{
    if (api_role_may(call->caller.role, call->endpoint->permission))
        return true;
    log_warn("caller_refused", "login=%s role=%s call=%s address=%s reason=role", log_quote(call->caller.login), call->caller.role,
             call->endpoint->id, log_quote(call->request->peer_address));
    const char *whose = call->endpoint->permission == API_ADMIN   ? "admins"
                        : call->endpoint->permission == API_SHARE ? "leads and admins"
                                                                  : "analysts, leads and admins";
    return err_set(err, ERR_DENIED, "%s is %s %s, and this is for %s", call->caller.login,
                   strchr("aeiou", call->caller.role[0]) ? "an" : "a", call->caller.role, whose);
}

/* "7", also bare: the revision that the edit was made on. */
static bool read_revision(struct desk_call *call, struct err *err)
{
    const char *text = call->request->if_match;
    size_t size = strlen(text);
    int64_t revision;
    if (!call->endpoint->needs_revision)
        return true;
    if (size == 0)
        return desk_problem_set(call, 428, "read the case first, then send If-Match with its revision", err,
                                "an edit needs the revision it was made on (If-Match)");
    if (size > 2 && text[0] == '"' && text[size - 1] == '"')
        call->revision = arena_strndup(call->arena, text + 1, size - 2);
    else
        call->revision = arena_strdup(call->arena, text);
    return str_to_int64(call->revision, 1, INT32_MAX, &revision) || err_set(err, ERR_INPUT, "If-Match is no revision: \"%.40s\"", text);
}

static bool run_handler(struct desk_call *call, struct err *err)
{
    struct api_match match;
    if (!read_caller(call, err) || !find_endpoint(call, &match, err) || !check_permission(call, err) || !read_revision(call, err))
        return false;
    desk_handler handle = find_handler(call->endpoint->id);
    if (!handle)
        return err_set(err, ERR_INTERNAL, "the desk has no handler for %s", call->endpoint->id);
    return (call->body || desk_body_read(call, err)) && handle(call, err);
}

static bool in_transaction(struct desk_call *call, struct err *err)
{
    buf_reset(&call->answer->body);
    db_params_reset(call->params);
    if (!db_ready(call->db, err) || !db_begin(call->db, err))
        return false;
    if (!run_handler(call, err)) {
        db_rollback(call->db);
        return false;
    }
    if (call->answer->body.full) {
        db_rollback(call->db);
        return err_set(err, ERR_LIMIT, "the answer is too large: ask for less");
    }
    return db_commit(call->db, err);
}

static bool try_twice(struct desk_call *call, struct err *err)
{
    if (in_transaction(call, err))
        return true;
    if (!call->problem.is_late || !call->has_common || call->looks_again)
        return false;
    desk_problem_clear(&call->problem);
    err_clear(err);
    call->looks_again = true;
    return in_transaction(call, err);
}

void desk_handle(struct desk *desk, const struct message_request *request, struct desk_answer *answer)
{
    struct desk_call call = {.desk = desk, .db = desk->db, .request = request, .name = "", .answer = answer};
    struct err err;
    err_clear(&err);
    *answer = (struct desk_answer){.status = 200, .content_type = "application/json", .headers = ""};
    buf_init(&answer->body, DESK_ANSWER_BYTES_MAX);
    call.arena = arena_new();
    call.params = db_params_new();
    if (!try_twice(&call, &err)) {
        desk_problem_answer(answer, &call.problem, &err);
        if (answer->status >= 500)
            log_event(answer->status >= 503 ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "call_failed", "path=%s status=%d %s",
                      log_quote(request->path), answer->status, log_err(&err));
    }
    desk_problem_clear(&call.problem);
    json_decref(call.body);
    db_params_free(call.params);
    arena_free(call.arena);
}
