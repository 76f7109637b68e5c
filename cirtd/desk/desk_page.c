#include "base/str.h"
#include "cirtd/desk/desk_inside.h"

bool desk_page_read(struct desk_call *call, struct desk_page *page, struct err *err)
{
    const char *limit = desk_query_text(call, "limit"), *cursor = desk_query_text(call, "cursor");
    *page = (struct desk_page){.limit = DESK_LIST_DEFAULT};
    if (limit && !str_to_int64(limit, 1, DESK_LIST_MAX, &page->limit))
        return err_set(err, ERR_INPUT, "limit is a number from 1 to %d", DESK_LIST_MAX);
    if (cursor && *cursor && !str_to_int64(cursor, 0, INT32_MAX, &page->offset))
        return err_set(err, ERR_INPUT, "\"%.60s\" is no cursor: send the next of the page before", cursor);
    return true;
}

void desk_page_add(struct desk_call *call, const struct db_rows *rows, const struct desk_page *page)
{
    struct buf *body = &call->answer->body;
    size_t count = db_row_count(rows);
    call->answer->status = 200;
    buf_add_text(body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(body, i ? "," : "");
        buf_add_text(body, db_get_text(rows, i, 0));
    }
    if (page && count == (size_t)page->limit)
        buf_printf(body, "],\"next\":\"%lld\"", (long long)(page->offset + page->limit));
    else
        buf_add_text(body, "],\"next\":null");
}
