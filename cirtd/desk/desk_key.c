/* Contacts as a list, waivers, and keys. The desk reads no key: facts come with it (cirt reads the file), and verify confirms them. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"

/* --- contacts --- */

/* ?q= a part of the address, name, constituent, peer or login; ?known=true|false. */
static bool list_contacts(struct desk_call *call, struct err *err)
{
    const char *known = desk_query_text(call, "known");
    struct desk_page page;
    struct db_rows *rows = NULL;
    if (known && !str_equal(known, "true") && !str_equal(known, "false"))
        return err_set(err, ERR_INPUT, "known is true or false, not \"%.40s\"", known);
    if (!desk_page_read(call, &page, err))
        return false;
    db_int8(call->params, page.limit);
    db_int8(call->params, page.offset);
    db_text(call->params, desk_query_text(call, "q"));
    db_text(call->params, known);
    if (!desk_run(call, SQL_DESK_CONTACT_PAGE, &rows, err))
        return false;
    desk_page_add(call, rows, &page);
    buf_add_char(&call->answer->body, '}');
    db_rows_free(rows);
    return true;
}

static bool write_waiver(struct desk_call *call, enum sql_statement statement, const char *noun, struct err *err)
{
    const char *up_to, *until, *reason;
    if (!desk_body_text(call, "up_to", &up_to, err) || !desk_body_text(call, "until", &until, err) ||
        !desk_body_text(call, "reason", &reason, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, up_to);
    db_text(call->params, until);
    db_text(call->params, reason);
    return desk_run_one(call, statement, 200, noun, err);
}

static bool end_waiver(struct desk_call *call, enum sql_statement statement, struct err *err)
{
    db_text(call->params, call->name);
    if (!desk_run(call, statement, NULL, err))
        return false;
    call->answer->status = 204;
    call->answer->content_type = "";
    return true;
}

static bool write_contact_waiver(struct desk_call *call, struct err *err)
{
    return write_waiver(call, SQL_DESK_CONTACT_WAIVER, "contact", err);
}

static bool end_contact_waiver(struct desk_call *call, struct err *err)
{
    return end_waiver(call, SQL_DESK_CONTACT_WAIVER_END, err);
}

static bool write_peer_waiver(struct desk_call *call, struct err *err)
{
    return write_waiver(call, SQL_DESK_PEER_WAIVER, "peer", err);
}

static bool end_peer_waiver(struct desk_call *call, struct err *err)
{
    return end_waiver(call, SQL_DESK_PEER_WAIVER_END, err);
}

/* --- keys --- */

/* ?q= a state, peer, login, protocol, address or the end of a fingerprint; ?expiring= within so many days. */
static bool list_keys(struct desk_call *call, struct err *err)
{
    const char *q = desk_query_text(call, "q"), *state = desk_query_text(call, "state"), *days = desk_query_text(call, "expiring");
    struct desk_page page;
    struct db_rows *rows = NULL;
    int64_t number;
    if (days && !str_to_int64(days, 0, 3660, &number))
        return err_set(err, ERR_INPUT, "expiring is a number of days, not \"%.40s\"", days);
    if (!desk_page_read(call, &page, err))
        return false;
    db_int8(call->params, page.limit);
    db_int8(call->params, page.offset);
    db_text(call->params, q ? q : state);
    db_text(call->params, days);
    if (!desk_run(call, SQL_DESK_KEY_LIST, &rows, err))
        return false;
    desk_page_add(call, rows, &page);
    buf_add_char(&call->answer->body, '}');
    db_rows_free(rows);
    return true;
}

static bool show_key(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    return desk_run_one(call, SQL_DESK_KEY_SHOW, 200, "key", err);
}

/* What we hand to others: a text that GnuPG and OpenSSL read. */
static bool export_own(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!desk_run(call, SQL_DESK_KEY_OWN, &rows, err))
        return false;
    for (size_t i = 0; i < db_row_count(rows); i++) {
        buf_add_text(&call->answer->body, db_get_text(rows, i, 0));
        buf_add_char(&call->answer->body, '\n');
    }
    call->answer->content_type = "text/plain; charset=utf-8";
    db_rows_free(rows);
    return true;
}

static bool add_key(struct desk_call *call, struct err *err)
{
    char *body = json_dumps(call->body, JSON_COMPACT);
    db_text(call->params, body);
    bool ok = desk_run_one(call, SQL_DESK_KEY_ADD, 200, "key", err);
    if (ok && strstr(buf_text(&call->answer->body), "\"outcome\" : \"new\""))
        call->answer->status = 201;
    free(body);
    return ok;
}

static bool pin_key(struct desk_call *call, struct err *err)
{
    const char *contact, *peer, *analyst, *addresses;
    if (!desk_body_text(call, "contact", &contact, err) || !desk_body_text(call, "peer", &peer, err) ||
        !desk_body_text(call, "analyst", &analyst, err) || !desk_body_array(call, "addresses", &addresses, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, contact);
    db_text(call->params, peer);
    db_text(call->params, analyst);
    db_text(call->params, addresses);
    return desk_run_one(call, SQL_DESK_KEY_PIN, 200, "key", err);
}

static bool distrust_key(struct desk_call *call, struct err *err)
{
    const char *reason;
    if (!desk_body_text(call, "reason", &reason, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, reason);
    return desk_run_one(call, SQL_DESK_KEY_DISTRUST, 200, "key", err);
}

const struct desk_route desk_key_routes[] = {
    {"contact_list", list_contacts},
    {"contact_waiver", write_contact_waiver},
    {"contact_waiver_end", end_contact_waiver},
    {"peer_waiver", write_peer_waiver},
    {"peer_waiver_end", end_peer_waiver},
    {"key_list", list_keys},
    {"key_own", export_own},
    {"key_show", show_key},
    {"key_add", add_key},
    {"key_pin", pin_key},
    {"key_distrust", distrust_key},
    {NULL, NULL},
};
