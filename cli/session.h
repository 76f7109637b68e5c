/*
 * cli/session.h - one run of cirt: the words, who we are, the connection, where results go, and the exit code.
 *
 * A call that fails has told the user and set the exit code; the command only returns session->exit_code. Exit codes: contracts
 * section 2, in one table in session.c.
 */
#ifndef CIRT_CLI_SESSION_H
#define CIRT_CLI_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/printer.h"
#include "cli/profile.h"
#include "wire/http_client.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_ALLOWED = 3,
    EXIT_NOT_REACHED = 4,
    EXIT_NOT_ACCEPTED = 5,
    EXIT_DAEMON = 6
};

struct session {
    const struct command *command;
    struct options options;
    struct profile profile;
    struct http_client *client;
    struct printer printer;
    bool has_json;  /* --json */
    bool is_submit; /* 400, 413, 415 and 422 mean the document: exit 5 */
    int exit_code;
};

/* Reads the profile and opens the client; false: told. */
bool session_open(struct session *session) MUST_CHECK;
void session_close(struct session *session);

const char *session_operand(const struct session *session, size_t index); /* NULL where not given */

/* Sends; path is taken (the caller's memory, from url_path). The answer as JSON (204: an empty object), or NULL: told. */
json_t *session_get(struct session *session, char *path) MUST_CHECK;
/* body is taken; revision below 0: no If-Match. */
json_t *session_post(struct session *session, char *path, json_t *body, int64_t revision) MUST_CHECK;
json_t *session_delete(struct session *session, char *path) MUST_CHECK;
/* The body of the answer goes to fd as it comes. */
bool session_fetch(struct session *session, char *path, int fd) MUST_CHECK;

/* The same in two steps, for commands that look at the status themselves. session_send(): false where no answer came: told. Statuses
 * 429 and 503 have been tried again. The caller clears the answer either way. path stays the caller's. */
bool session_send(struct session *session, struct http_client_request *request, const char *path,
                  struct http_client_answer *answer) MUST_CHECK;
/* Tells an answer that is no success and sets the exit code; returns it. */
int session_refused(struct session *session, const struct http_client_answer *answer, const char *hint);

/* What may help where TLS refused, by the library's text. */
const char *session_tls_hint(const char *why);

/* Tells an error of our own; returns the exit code. hint may be NULL. */
int session_fail(struct session *session, enum exit_code code, const char *hint, const char *format, ...) PRINTF_LIKE(4, 5);
int session_fail_err(struct session *session, enum exit_code code, const char *hint, const struct err *err);

/* Prints a result; render makes it text. Returns the exit code so far. */
int session_print(struct session *session, const json_t *answer, printer_render render, const void *context);
/* One line of success, formatted; with --json the answer instead. */
int session_done(struct session *session, const json_t *answer, const char *format, ...) PRINTF_LIKE(3, 4);

/* import() with each operand, a file. One that is not taken for what it is has been told, and the rest goes on; it stops where the daemon
 * does not answer, or may not. Returns the exit code of the first that failed. */
int session_each_file(struct session *session, void (*import)(struct session *session, const char *path));

/* "really?" on a terminal; true with --yes; else told. */
bool session_confirm(struct session *session, const char *question) MUST_CHECK;

#endif
