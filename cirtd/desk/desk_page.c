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

/* next: the cursor of the page behind, or 0. */
static void add_rows(struct desk_call *call, const struct db_rows *rows, size_t from, size_t until, int64_t next)
{
    struct buf *body = &call->answer->body;
    call->answer->status = 200;
    buf_add_text(body, "{\"items\":[");
    for (size_t i = from; i < until; i++) {
        buf_add_text(body, i > from ? "," : "");
        buf_add_text(body, db_get_text(rows, i, 0));
    }
    if (next)
        buf_printf(body, "],\"next\":\"%lld\"", (long long)next);
    else
        buf_add_text(body, "],\"next\":null");
}

void desk_page_add(struct desk_call *call, const struct db_rows *rows, const struct desk_page *page)
{
    size_t count = db_row_count(rows);
    add_rows(call, rows, 0, count, page && count == (size_t)page->limit ? page->offset + page->limit : 0);
}

bool desk_page_answer(struct desk_call *call, struct db_rows *rows, struct err *err)
{
    struct desk_page page;
    bool ok = desk_page_read(call, &page, err);
    if (ok) {
        size_t count = db_row_count(rows), from = (size_t)page.offset < count ? (size_t)page.offset : count, until = count;
        if (desk_query_text(call, "limit") && count - from > (size_t)page.limit)
            until = from + (size_t)page.limit;
        add_rows(call, rows, from, until, until < count ? (int64_t)until : 0);
        buf_add_char(&call->answer->body, '}');
    }
    db_rows_free(rows);
    return ok;
}
