/*
 * cirtd/desk/desk.h - the analysts' API: one request in, one answer out, one transaction each. Knows no socket: cirtd/desk/desk_role.c
 * feeds it from the gate, tests call it directly.
 *
 * Who calls is decided by the pinned key, read at every request; what they may do by the endpoint table (wire/api.h); what they see by
 * the views of sql/functions/020_views.sql. The answers' JSON is made by PostgreSQL; the desk passes it on.
 */
#ifndef CIRT_CIRTD_DESK_DESK_H
#define CIRT_CIRTD_DESK_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/db.h"
#include "wire/message.h"

struct desk_settings {
    const char *const *place_files; /* MaxMind DB files of this machine, NULL-terminated; or NULL */

    const char *data_path; /* on the file system of PostgreSQL's data, NULL or "" where unknown: for doctor */
    const char *wal_path;  /* the same of its WAL, where that is another */
    int64_t reserve_mb;    /* below this doctor complains */
    const char *address;   /* ours, in what leaves by mail */
    const char *templates; /* folder of the templates of mail */
    int recall_s;          /* how long a mail can be recalled */
};

struct desk;
/* db is borrowed, connected as cirt_desk; settings are copied. */
struct desk *desk_new(struct db *db, const struct desk_settings *settings);
void desk_free(struct desk *desk); /* NULL is fine */

struct desk_answer {
    int status;
    const char *content_type; /* "" for none; static */
    const char *headers;      /* further header lines, each with CRLF, or ""; static */
    struct buf body;          /* the answer's own: buf_clear() it */
};

/* Always fills *answer, which comes in uninitialised. */
void desk_handle(struct desk *desk, const struct message_request *request, struct desk_answer *answer);

#endif
