#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "wire/problem.h"

bool desk_problem_set(struct desk_call *call, int status, const char *hint, struct err *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    call->problem.status = status;
    snprintf(call->problem.hint, sizeof call->problem.hint, "%s", hint ? hint : "");
    return err_set(err, status == 404 ? ERR_NOT_FOUND : ERR_INPUT, "%s", text);
}

/* db_run() puts the statement's name before what the database said; people need what it said. */
static void strip_context(enum sql_statement statement, struct err *err)
{
    const char *name = sql_statement_texts[statement].name;
    size_t size = strlen(name);
    if (str_starts(err->text, name) && str_starts(err->text + size, ": "))
        memmove(err->text, err->text + size + 2, strlen(err->text + size + 2) + 1);
}

void desk_problem_take(struct desk_problem *problem, enum sql_statement statement, const struct db *db, struct err *err)
{
    const char *state = db_sqlstate(db), *detail = db_detail(db);
    int64_t status;
    if (str_starts(state, "CI") && str_to_int64(state + 2, 400, 499, &status)) {
        strip_context(statement, err);
        problem->status = (int)status;
        snprintf(problem->hint, sizeof problem->hint, "%s", db_hint(db));
        free(problem->members);
        problem->members = *detail == '{' ? mem_strdup(detail) : NULL;
    } else if (str_equal(state, "57014")) {
        problem->is_late = true;
        problem->status = 504; /* no 503: whoever says it again waits as long for as little */
        snprintf(problem->hint, sizeof problem->hint, "ask for less, as is:open or a shorter time");
    } else if (str_starts(state, "22")) {
        strip_context(statement, err);
        problem->status = 422;
    } else if (str_starts(state, "23")) {
        problem->status = 409;
    }
}

static int status_of(const struct desk_problem *problem, const struct err *err)
{
    static const int statuses[] = {
        [ERR_NONE] = 500,   [ERR_INPUT] = 400, [ERR_NOT_FOUND] = 404, [ERR_CONFLICT] = 409,
        [ERR_DENIED] = 403, [ERR_LIMIT] = 413, [ERR_AGAIN] = 503,     [ERR_INTERNAL] = 500,
    };
    return problem->status ? problem->status : statuses[err->code];
}

static void add_member(struct buf *body, const char *name, const char *text)
{
    if (*text) {
        buf_printf(body, ",\"%s\":", name);
        str_add_json(body, text);
    }
}

/* The members of an object, without its braces. */
static void add_members(struct buf *body, const char *members)
{
    const char *start = strchr(members, '{'), *end = strrchr(members, '}');
    if (!start || !end || start + strspn(start + 1, " ") + 1 >= end)
        return;
    buf_add_char(body, ',');
    buf_add(body, start + 1, (size_t)(end - start - 1));
}

void desk_problem_answer(struct desk_answer *answer, const struct desk_problem *problem, const struct err *err)
{
    int status = status_of(problem, err);
    struct buf *body = &answer->body;
    bool has_at = problem->members && strstr(problem->members, "\"at\"");
    buf_reset(body);
    answer->status = status;
    answer->content_type = "application/problem+json";
    answer->headers = status == 503 || status == 429 ? "Retry-After: 2\r\n" : "";
    problem_begin(body, status,
                  status == 500   ? "an error of ours; the log of desk has more"
                  : status == 503 ? PROBLEM_AGAIN
                  : status == 504 ? "it took longer than a call may"
                                  : err->text);
    if (status != 500)
        add_member(body, "hint", problem->hint);
    if (!has_at)
        add_member(body, "at", err->at);
    if (problem->members)
        add_members(body, problem->members);
    buf_add_char(body, '}');
}

void desk_problem_clear(struct desk_problem *problem)
{
    free(problem->members);
    *problem = (struct desk_problem){.status = 0};
}
