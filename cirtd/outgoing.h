/*
 * cirtd/outgoing.h - a mail that is about to leave: read from its rows, judged (rules/mail_disclosure.h), and made into the pieces that
 * seal signs (codec/mail_write.h). desk does it for people, clock for what a machine writes; mail_send() in the database holds the same
 * rules.
 */
#ifndef CIRT_CIRTD_OUTGOING_H
#define CIRT_CIRTD_OUTGOING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/mail_write.h"
#include "rules/mail_disclosure.h"
#include "store/db.h"

/* The role's own statements for mail_outline(), mail_routes() and mail_files(); each takes the mail's number. */
struct outgoing_statements {
    enum sql_statement outline, routes, files;
};

struct outgoing {
    struct arena *arena; /* the caller's; owns all below */
    int64_t id;
    const char *state, *sender, *team, *occasion;
    enum tlp case_tlp;
    struct mail_draft draft; /* without date, message_id, is_encrypted */
    size_t count;
    struct mail_disclosure_recipient *recipients;
    const char **names;   /* of the recipients, or NULL each */
    bool *is_known;       /* vouched for */
    const char **bounced; /* since when mail to them comes back, or NULL each */
    int *numbers;         /* of their rows */
    struct mail_disclosure_mail mail;
    struct mail_disclosure_outcome *outcomes;
    struct mail_disclosure_verdict verdict;
};

/* Reads and judges. strict_by: who decided that it may go though it is AMBER+STRICT or answers in clear what came encrypted; NULL: nobody.
 * ERR_NOT_FOUND where there is no such mail for the viewer. */
bool outgoing_read(struct db *db, struct db_params *params, const struct outgoing_statements *statements, int64_t id, const char *strict_by,
                   struct arena *arena, struct outgoing *out, struct err *err) MUST_CHECK;

/* A Message-ID of 128 random bits at the sender's domain, without brackets. In the arena. */
const char *outgoing_message_id(struct arena *arena, const char *sender);

/* The pieces as mail_send() takes them: *pieces (the caller's, json_decref) and their payloads added to the array, in the same order.
 * Only where verdict.is_sendable. ERR_INPUT where the mail cannot be written (err->at: the field). */
bool outgoing_pieces(const struct outgoing *outgoing, const char *message_id, int64_t date, json_t **pieces, struct db_array *payloads,
                     struct err *err) MUST_CHECK;

/* What would happen: the API's preview (docs/API.md). The caller's. */
json_t *outgoing_preview(const struct outgoing *outgoing);

#endif
