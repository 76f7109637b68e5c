/*
 * cli/letter.h - one mail from its draft at the desk until it is on its way: written, looked at, asked about, sent. The draft is at the
 * desk from the beginning, so that nothing is lost where a step fails; what was typed and did not get there is kept in a file.
 */
#ifndef CIRT_CLI_LETTER_H
#define CIRT_CLI_LETTER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"
#include "cli/session.h"

struct letter {
    struct session *session;
    json_t *mail;  /* as the desk has it */
    bool is_typed; /* somebody wrote it here in an editor: never dropped without being asked */
};

/* Orders a draft; body is taken. Several threads and none named: asks which, on a terminal. False: told. */
bool letter_order(struct letter *letter, struct session *session, const char *case_operand, json_t *body) MUST_CHECK;
/* Fetches one. */
bool letter_fetch(struct letter *letter, struct session *session, const char *id) MUST_CHECK;
void letter_clear(struct letter *letter);

const char *letter_id(const struct letter *letter);

/* Changes it at the desk; body is taken. False: told. */
bool letter_change(struct letter *letter, json_t *body) MUST_CHECK;
/* In $EDITOR, or from standard input in the same form (cli/mail_form.h). False: told, and the typed text kept. */
bool letter_edit(struct letter *letter) MUST_CHECK;

/* Shows what sending would do, asks, and sends; with --dry-run only shows. Returns the exit code. */
int letter_send(struct letter *letter);

#endif
