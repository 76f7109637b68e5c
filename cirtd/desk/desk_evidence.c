/* Evidence: the files of a case. */
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "codec/base64.h"

#define PAGE_SIZE 1000 /* where nobody asks for less */

static bool list_evidence(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    struct desk_page page;
    if (!desk_page_read(call, &page, err))
        return false;
    if (!desk_query_text(call, "limit"))
        page.limit = PAGE_SIZE;
    db_text(call->params, call->name);
    db_bool(call->params, str_equal(desk_query_text(call, "verify"), "1"));
    db_int8(call->params, page.limit);
    db_int8(call->params, page.offset);
    if (!desk_run(call, SQL_DESK_EVIDENCE_LIST, &rows, err))
        return false;
    desk_page_add(call, rows, &page);
    buf_add_char(&call->answer->body, '}');
    call->answer->status = 200;
    db_rows_free(rows);
    return true;
}

static bool add_evidence(struct desk_call *call, struct err *err)
{
    const char *name, *type, *text, *tlp;
    size_t size = 0;
    if (!desk_body_text(call, "name", &name, err) || !desk_body_text(call, "media_type", &type, err) ||
        !desk_body_text(call, "base64", &text, err) || !desk_body_text(call, "tlp", &tlp, err))
        return false;
    if (!text)
        return err_set_at(err, ERR_INPUT, "/base64", "evidence is {name, media_type, base64}");
    size_t room = strlen(text) / 4 * 3 + 3;
    unsigned char *bytes = arena_calloc(call->arena, room + 1, 1);
    if (!base64_decode(text, bytes, room, &size))
        return err_set_at(err, ERR_INPUT, "/base64", "base64 is not RFC 4648 section 4");
    db_text(call->params, call->name);
    db_text(call->params, call->revision);
    db_text(call->params, name);
    db_text(call->params, type ? type : "application/octet-stream");
    db_bytes(call->params, bytes, size);
    db_text(call->params, tlp);
    return desk_run_one(call, SQL_DESK_EVIDENCE_ADD, 201, "case", err);
}

static bool get_evidence(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    int64_t id;
    size_t size;
    if (!desk_query_id(call, 'e', call->name, &id, err))
        return false;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_EVIDENCE_BYTES, &rows, err))
        return false;
    if (db_row_count(rows) == 0) {
        db_rows_free(rows);
        return err_set(err, ERR_NOT_FOUND, "there is no evidence \"%.60s\"", call->name);
    }
    const unsigned char *bytes = db_get_bytes(rows, 0, 0, &size);
    buf_clear(&call->answer->body);
    buf_init(&call->answer->body, DESK_RAW_BYTES_MAX);
    buf_add(&call->answer->body, bytes, size);
    call->answer->content_type = "application/octet-stream";
    call->answer->status = 200;
    db_rows_free(rows);
    return true;
}

const struct desk_route desk_evidence_routes[] = {
    {"evidence_list", list_evidence},
    {"evidence_add", add_evidence},
    {"evidence_get", get_evidence},
    {NULL, NULL},
};
