/* Correspondence: drafts, what would go to whom and how, sending and recalling. What may leave is judged by rules/mail_disclosure and held
 * by mail_send() in the database. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "cirtd/outgoing.h"
#include "cirtd/outgoing_text.h"
#include "codec/base64.h"

enum { QUOTE_LINES_MAX = 200, PEOPLE_MAX = 200, ADDRESS_SIZE_MAX = 320 };

static const struct outgoing_statements statements = {SQL_DESK_MAIL_OUTLINE, SQL_DESK_MAIL_ROUTES, SQL_DESK_MAIL_FILES};

/* The columns of `mail_quoted`. */
enum { QUOTED_NAME, QUOTED_ADDRESS, QUOTED_AT, QUOTED_TEXT, QUOTED_SUMMARY, QUOTED_CASE };

/* --- what the body says --- */

/* "Name <a@b>", "<a@b>" or "a@b". */
static void split_person(struct arena *arena, const char *text, const char **name, const char **address)
{
    const char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
    *name = NULL;
    *address = text;
    if (!close)
        return;
    size_t size = (size_t)(open - text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '"'))
        size--;
    *name = arena_strndup(arena, text + (*text == '"'), size > 0 && *text == '"' ? size - 1 : size);
    *address = arena_strndup(arena, open + 1, (size_t)(close - open - 1));
}

static bool add_person(struct desk_call *call, const char *kind, size_t index, const json_t *value, json_t *people, struct err *err)
{
    const char *name = NULL, *address = json_string_value(value), *at = arena_printf(call->arena, "/%s/%zu", kind, index);
    struct buf normal;
    if (address)
        split_person(call->arena, address, &name, &address);
    else if (json_is_object(value)) {
        address = json_string_value(json_object_get(value, "address"));
        name = json_string_value(json_object_get(value, "name"));
    }
    if (!address)
        return err_set_at(err, ERR_INPUT, at, "%s holds addresses: \"a@b.example\" or {address, name}", kind);
    buf_init(&normal, ADDRESS_SIZE_MAX);
    bool ok = mail_field_address(&normal, address, err) && !normal.full;
    if (!ok) {
        call->problem.status = 422;
        err_set_at(err, ERR_INPUT, at, "\"%.100s\" is no mail address", address);
    } else {
        json_array_append_new(people, json_pack("{s:s, s:s, s:s?}", "kind", kind, "address", buf_text(&normal), "name", name));
    }
    buf_clear(&normal);
    return ok;
}

/* [{kind, address, name}] as mail_draft() takes it, in the arena; NULL where the body names nobody at all. */
static bool read_people(struct desk_call *call, const char **out, struct err *err)
{
    static const char *const kinds[] = {"to", "cc", "bcc"};
    json_t *people = json_array();
    bool ok = true, is_there = false;
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        const json_t *list = json_object_get(call->body, kinds[k]);
        is_there = is_there || (list && !json_is_null(list));
        if (list && !json_is_null(list) && (!json_is_array(list) || json_array_size(list) > PEOPLE_MAX))
            ok = ok && err_set_at(err, ERR_INPUT, arena_printf(call->arena, "/%s", kinds[k]), "%s must be a list of at most %d", kinds[k],
                                  PEOPLE_MAX);
        for (size_t i = 0; ok && i < json_array_size(list); i++)
            ok = add_person(call, kinds[k], i, json_array_get(list, i), people, err);
    }
    char *text = json_dumps(people, JSON_COMPACT);
    *out = is_there ? arena_strdup(call->arena, text) : NULL;
    free(text);
    json_decref(people);
    return ok;
}

static bool read_mail_id(struct desk_call *call, int64_t *id, struct err *err)
{
    return desk_query_id(call, 'm', call->name, id, err);
}

/* --- what leaves with it --- */

static bool attach_bytes(struct desk_call *call, int64_t id, const json_t *file, const char *at, struct err *err)
{
    const char *name = json_string_value(json_object_get(file, "name")), *text = json_string_value(json_object_get(file, "base64"));
    const char *type = json_string_value(json_object_get(file, "media_type"));
    size_t size = 0, room = text ? strlen(text) / 4 * 3 + 3 : 0;
    if (str_is_empty(name) || !text)
        return err_set_at(err, ERR_INPUT, at, "an attachment is {name, media_type, base64} or {evidence}");
    unsigned char *bytes = arena_calloc(call->arena, room + 1, 1);
    if (!base64_decode(text, bytes, room, &size))
        return err_set_at(err, ERR_INPUT, at, "base64 is not RFC 4648 section 4");
    db_int8(call->params, id);
    db_text(call->params, name);
    db_text(call->params, type ? type : "application/octet-stream");
    db_bytes(call->params, bytes, size);
    return desk_run(call, SQL_DESK_MAIL_ATTACH, NULL, err);
}

/* They are added; an empty list takes those away that are there. */
static bool attach_all(struct desk_call *call, int64_t id, struct err *err)
{
    const json_t *files = json_object_get(call->body, "attachments");
    if (json_is_array(files) && json_array_size(files) == 0) {
        db_int8(call->params, id);
        return desk_run(call, SQL_DESK_MAIL_DETACH, NULL, err);
    }
    bool ok =
        !files || json_is_null(files) || json_is_array(files) || err_set_at(err, ERR_INPUT, "/attachments", "attachments must be a list");
    for (size_t i = 0; ok && i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i), *evidence = json_object_get(file, "evidence");
        const char *at = arena_printf(call->arena, "/attachments/%zu", i);
        if (json_is_integer(evidence)) {
            db_int8(call->params, id);
            db_int8(call->params, json_integer_value(evidence));
            ok = desk_run(call, SQL_DESK_MAIL_ATTACH_EVIDENCE, NULL, err);
        } else {
            ok = attach_bytes(call, id, file, at, err);
        }
    }
    return ok;
}

/* --- the text to begin with --- */

/* The quote of what is answered, and the subject that an answer to it has; NULL each where nothing may be quoted. */
static bool read_quote(struct desk_call *call, int64_t id, const char **quote, const char **subject, struct err *err)
{
    struct db_rows *rows = NULL;
    struct buf text;
    *quote = *subject = NULL;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_MAIL_QUOTED, &rows, err))
        return false;
    buf_init(&text, OUTGOING_TEXT_BYTES_MAX);
    if (db_row_count(rows) > 0 && !db_is_null(rows, 0, QUOTED_TEXT)) {
        const struct mail_quote what = {.name = db_get_text(rows, 0, QUOTED_NAME),
                                        .address = db_get_text(rows, 0, QUOTED_ADDRESS),
                                        .date = db_get_time(rows, 0, QUOTED_AT),
                                        .text = db_get_text(rows, 0, QUOTED_TEXT),
                                        .lines_max = QUOTE_LINES_MAX};
        if (mail_write_quote(&what, &text))
            *quote = arena_strdup(call->arena, buf_text(&text));
    }
    buf_reset(&text);
    if (db_row_count(rows) > 0 && !db_is_null(rows, 0, QUOTED_SUMMARY)) {
        mail_write_reply_subject(db_get_text(rows, 0, QUOTED_SUMMARY), db_get_text(rows, 0, QUOTED_CASE), &text);
        *subject = arena_strdup(call->arena, buf_text(&text));
    }
    buf_clear(&text);
    db_rows_free(rows);
    return true;
}

/* A letter that is no answer to a template: the quote, room to write, who we are. */
static const char *plain_text(struct desk_call *call, const struct outgoing_values *values, const char *quote)
{
    const char *signature = "";
    for (size_t i = 0; i < values->count; i++)
        if (str_equal(values->items[i].name, "signature") && values->items[i].value)
            signature = values->items[i].value;
    return arena_printf(call->arena, "%s%s\n\n-- \n%s\n", quote ? quote : "", quote ? "\n" : "", signature);
}

static bool set_text(struct desk_call *call, int64_t id, const char *subject, const char *text, struct err *err)
{
    db_int8(call->params, id);
    db_text(call->params, subject);
    db_text(call->params, text);
    return desk_run(call, SQL_DESK_MAIL_TEXT, NULL, err);
}

/* Where the body says no text, the template of the occasion does; a reply and a free mail have none but for the one that is named. */
static bool make_text(struct desk_call *call, int64_t id, const char *occasion, const char *language, struct err *err)
{
    const char *text, *subject, *template, *quote = NULL, *reply_subject = NULL, *made_subject = NULL, *made_text = NULL;
    struct outgoing_values values;
    bool is_free = str_equal(occasion, "reply") || str_equal(occasion, "mail");
    if (!desk_body_text(call, "text", &text, err) || !desk_body_text(call, "subject", &subject, err) ||
        !desk_body_text(call, "template", &template, err))
        return false;
    if (is_free && !read_quote(call, id, &quote, &reply_subject, err))
        return false;
    if (text && (is_free || subject) && !template)
        return set_text(call, id, subject ? subject : reply_subject, text, err);
    if (!outgoing_text_values(call->db, call->params, SQL_DESK_MAIL_VARIABLES, id, call->arena, &values, err))
        return false;
    outgoing_text_add(&values, "text", text);
    outgoing_text_add(&values, "quote", quote);
    outgoing_text_add(&values, "due", NULL);
    if (is_free && !template)
        return set_text(call, id, subject ? subject : reply_subject, plain_text(call, &values, quote), err);
    if (template && strspn(template, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(template))
        return desk_problem_set(call, 422, "one of acknowledgement, notice, question, closing, or your own", err,
                                "\"%.60s\" is no name of a template", template);
    if (!outgoing_text_render(call->desk->templates, template ? template : occasion, language, &values, call->arena, &made_subject,
                              &made_text, err)) {
        call->problem.status = err->code == ERR_NOT_FOUND ? 422 : 500;
        return false;
    }
    return set_text(call, id, subject ? subject : made_subject, made_text, err);
}

/* --- drafts --- */

/* The draft of this occasion in the case that the path names; thread, people and so on as the body says. */
static bool make_draft(struct desk_call *call, const char *occasion, const char *thread, const char *people, int64_t answers, int64_t *id,
                       struct err *err)
{
    const char *subject, *language, *tlp;
    struct db_rows *rows = NULL;
    if (!desk_body_text(call, "subject", &subject, err) || !desk_body_text(call, "lang", &language, err) ||
        !desk_body_text(call, "tlp", &tlp, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, occasion);
    db_text(call->params, thread);
    db_text(call->params, people ? people : "[]");
    db_text(call->params, call->desk->address);
    db_text(call->params, subject);
    db_text(call->params, language);
    db_text(call->params, tlp);
    if (answers > 0)
        db_int8(call->params, answers);
    else
        db_null(call->params);
    if (!desk_run(call, SQL_DESK_MAIL_DRAFT, &rows, err))
        return false;
    *id = db_get_int(rows, 0, 0);
    language = arena_strdup(call->arena, db_get_text(rows, 0, 1));
    db_rows_free(rows);
    return make_text(call, *id, occasion, language, err);
}

static bool read_occasion(struct desk_call *call, const char **occasion, struct err *err)
{
    static const char *const occasions[] = {"reply", "mail", "notice", "question", "closing"};
    if (!desk_body_text(call, "occasion", occasion, err))
        return false;
    *occasion = *occasion ? *occasion : "reply";
    for (size_t i = 0; i < ARRAY_SIZE(occasions); i++)
        if (str_equal(*occasion, occasions[i]))
            return true;
    return desk_problem_set(call, 422, "one of reply, mail, notice, question, closing", err, "\"%.60s\" is no occasion for a mail",
                            *occasion);
}

static bool show(struct desk_call *call, int64_t id, int status, struct err *err)
{
    db_int8(call->params, id);
    return desk_run_one(call, SQL_DESK_MAIL_SHOW, status, "mail", err);
}

static bool add_mail(struct desk_call *call, struct err *err)
{
    const char *occasion, *thread, *people, *answers;
    int64_t id = 0, report = 0;
    if (!read_occasion(call, &occasion, err) || !desk_body_text(call, "thread", &thread, err) ||
        !desk_body_text(call, "answers", &answers, err) || !read_people(call, &people, err) ||
        (answers && !desk_query_id(call, 'r', answers, &report, err)))
        return false;
    return make_draft(call, occasion, thread, people, report, &id, err) && attach_all(call, id, err) && show(call, id, 201, err);
}

static bool edit_mail(struct desk_call *call, struct err *err)
{
    const char *people;
    int64_t id;
    if (!read_mail_id(call, &id, err) || !read_people(call, &people, err))
        return false;
    char *values = json_dumps(call->body, JSON_COMPACT);
    db_int8(call->params, id);
    db_text(call->params, call->revision);
    db_text(call->params, values);
    db_text(call->params, people);
    bool ok = desk_run(call, SQL_DESK_MAIL_EDIT, NULL, err) && attach_all(call, id, err) && show(call, id, 200, err);
    free(values);
    return ok;
}

static bool drop_mail(struct desk_call *call, struct err *err)
{
    int64_t id;
    if (!read_mail_id(call, &id, err))
        return false;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_MAIL_DROP, NULL, err))
        return false;
    call->answer->status = 204;
    call->answer->content_type = "";
    return true;
}

/* --- judging and sending --- */

static bool read_outgoing(struct desk_call *call, int64_t id, bool is_strict, struct outgoing *outgoing, struct err *err)
{
    return outgoing_read(call->db, call->params, &statements, id, is_strict ? call->caller.login : NULL, call->arena, outgoing, err);
}

static char *preview_text(const struct outgoing *outgoing)
{
    json_t *preview = outgoing_preview(outgoing);
    char *text = json_dumps(preview, JSON_COMPACT);
    json_decref(preview);
    return text;
}

static bool preview_mail(struct desk_call *call, struct err *err)
{
    struct outgoing outgoing;
    bool is_strict;
    int64_t id;
    if (!read_mail_id(call, &id, err) || !desk_body_bool(call, "strict", &is_strict, err) ||
        !read_outgoing(call, id, is_strict, &outgoing, err))
        return false;
    char *text = preview_text(&outgoing);
    buf_add_text(&call->answer->body, text);
    free(text);
    return true;
}

/* Sends what was judged; *when: until then it can be recalled. A refusal tells what the preview tells. */
static bool send_outgoing(struct desk_call *call, const struct outgoing *outgoing, const char *revision, bool is_strict, struct err *err)
{
    const char *message_id = outgoing_message_id(call->arena, outgoing->sender);
    struct db_array payloads;
    json_t *pieces = NULL;
    if (!outgoing->verdict.is_sendable) {
        desk_problem_set(call, 422, outgoing->verdict.hint, err, "%s", outgoing->verdict.text);
        call->problem.members = preview_text(outgoing);
        return false;
    }
    db_array_init(&payloads, DB_BYTES_ARRAY);
    bool ok = outgoing_pieces(outgoing, message_id, timestamp_now(), &pieces, &payloads, err);
    char *text = ok ? json_dumps(pieces, JSON_COMPACT) : NULL;
    if (ok) {
        db_int8(call->params, outgoing->id);
        db_text(call->params, revision);
        db_bool(call->params, is_strict);
        db_text(call->params, message_id);
        db_int4(call->params, call->desk->recall_s);
        db_text(call->params, text);
        db_array(call->params, &payloads);
        ok = desk_run(call, SQL_DESK_MAIL_SEND, NULL, err);
    } else if (err->code == ERR_INPUT) {
        call->problem.status = 422;
    }
    free(text);
    json_decref(pieces);
    db_array_clear(&payloads);
    return ok;
}

static bool send_mail(struct desk_call *call, struct err *err)
{
    struct outgoing outgoing;
    bool is_strict;
    int64_t id;
    return read_mail_id(call, &id, err) && desk_body_bool(call, "strict", &is_strict, err) &&
           read_outgoing(call, id, is_strict, &outgoing, err) && send_outgoing(call, &outgoing, call->revision, is_strict, err) &&
           show(call, id, 200, err);
}

static bool recall_mail(struct desk_call *call, struct err *err)
{
    int64_t id;
    if (!read_mail_id(call, &id, err))
        return false;
    db_int8(call->params, id);
    return desk_run(call, SQL_DESK_MAIL_RECALL, NULL, err) && show(call, id, 200, err);
}

/* --- lists --- */

static bool list_mails(struct desk_call *call, struct err *err)
{
    const char *state = desk_query_text(call, "state");
    return desk_run_page(call, SQL_DESK_MAIL_LIST, state && *state ? state : NULL, err);
}

static bool show_mail(struct desk_call *call, struct err *err)
{
    int64_t id;
    return read_mail_id(call, &id, err) && show(call, id, 200, err);
}

static bool list_threads(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    return desk_run_one(call, SQL_DESK_MAIL_THREADS, 200, "case", err);
}

/* --- everybody who reported is told --- */

struct telling {
    bool is_dry, is_strict;
    json_t *items;
};

static bool take_answer(struct desk_call *call, int64_t id, json_t *items, struct err *err)
{
    struct db_rows *rows = NULL;
    db_int8(call->params, id);
    if (!desk_run(call, SQL_DESK_MAIL_SHOW, &rows, err))
        return false;
    json_array_append_new(items, json_loads(db_get_text(rows, 0, 0), 0, NULL));
    db_rows_free(rows);
    return true;
}

/* One reporter: a draft in the thread and language of theirs, sent where it may go; what may not stays a draft, and the answer says why. */
static bool tell_one(struct desk_call *call, struct telling *telling, int64_t report, struct err *err)
{
    struct outgoing outgoing;
    int64_t id = 0;
    if (!make_draft(call, "closing", NULL, NULL, report, &id, err) || !read_outgoing(call, id, telling->is_strict, &outgoing, err))
        return false;
    if (!telling->is_dry && outgoing.verdict.is_sendable)
        return send_outgoing(call, &outgoing, "1", telling->is_strict, err) && take_answer(call, id, telling->items, err);
    json_array_append_new(telling->items, outgoing_preview(&outgoing));
    if (!telling->is_dry)
        return true;
    db_int8(call->params, id);
    return desk_run(call, SQL_DESK_MAIL_FORGET, NULL, err);
}

static bool tell_reporters(struct desk_call *call, struct err *err)
{
    struct telling telling = {.items = json_array()};
    struct db_rows *rows = NULL;
    bool ok = desk_body_bool(call, "dry_run", &telling.is_dry, err) && desk_body_bool(call, "strict", &telling.is_strict, err);
    if (ok) {
        db_text(call->params, call->name);
        ok = desk_run(call, SQL_DESK_MAIL_TELL, &rows, err);
    }
    for (size_t row = 0; ok && row < db_row_count(rows); row++)
        ok = tell_one(call, &telling, db_get_int(rows, row, 1), err);
    db_rows_free(rows);
    if (ok) {
        char *text = json_dumps(telling.items, JSON_COMPACT);
        buf_printf(&call->answer->body, "{\"items\":%s,\"next\":null}", text);
        free(text);
    }
    json_decref(telling.items);
    return ok;
}

const struct desk_route desk_mail_routes[] = {
    {"mail_threads", list_threads},
    {"mail_add", add_mail},
    {"mail_list", list_mails},
    {"mail_show", show_mail},
    {"mail_edit", edit_mail},
    {"mail_drop", drop_mail},
    {"mail_preview", preview_mail},
    {"mail_send", send_mail},
    {"mail_recall", recall_mail},
    {"case_tell", tell_reporters},
    {NULL, NULL},
};
