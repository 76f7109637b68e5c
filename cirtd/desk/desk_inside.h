/*
 * cirtd/desk/desk_inside.h - what the files of the desk share. A handler reads its parameters and body, runs statements, and adds the
 * answer's JSON; begin, viewer, commit and problems are desk.c's.
 */
#ifndef CIRT_CIRTD_DESK_DESK_INSIDE_H
#define CIRT_CIRTD_DESK_DESK_INSIDE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "cirtd/desk/desk.h"
#include "cirtd/places.h"
#include "model/filter.h"
#include "model/observable.h"
#include "store/db.h"
#include "wire/api.h"
#include "wire/message.h"

enum {
    DESK_BODY_BYTES_MAX = 4 * 1024 * 1024,
    DESK_ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    DESK_RAW_BYTES_MAX = 512 * 1024 * 1024,
    DESK_LIST_DEFAULT = 50,
    DESK_LIST_MAX = 500,
};

/* What an RFC 9457 problem says beyond the err. */
struct desk_problem {
    int status;     /* 0: as the err's code says */
    char hint[512]; /* or "" */
    char *members;  /* a JSON object of further members, or NULL; the problem's */
    bool is_late;   /* a statement took longer than it may */
};

struct desk_caller {
    int64_t id;
    char login[64], role[16];
    int zone_minutes;
};

struct desk_call {
    const struct desk *desk;
    struct db *db;
    struct db_params *params; /* empty at the start; desk_run() empties it again */
    const struct message_request *request;
    const struct api_endpoint *endpoint;
    const char *name;     /* what stood for {case}, {report}, {name}: the first parameter, or "" */
    const char *revision; /* If-Match as a number in text, or NULL */
    struct desk_caller caller;
    struct arena *arena;
    json_t *body; /* an object, empty where nothing was sent; the call's */
    struct desk_answer *answer;
    struct desk_problem problem;
    bool keeps_state; /* what is decided is asked for its state then, not before: somebody else may decide meanwhile */
    bool has_common;  /* something that a filter looks up was common, so the list had little time (find_look) */
    bool looks_again; /* the second try, after problem.is_late */
};

typedef bool (*desk_handler)(struct desk_call *call, struct err *err);

struct desk_route {
    const char *id; /* of the endpoint table */
    desk_handler handle;
};
/* To add an endpoint: its row in wire/api.c and a row here, in the file of its noun. A row without id ends each table. */
extern const struct desk_route desk_case_routes[], desk_report_routes[], desk_share_routes[], desk_record_routes[], desk_find_routes[],
    desk_rule_routes[], desk_doctor_routes[], desk_key_routes[], desk_mail_routes[], desk_verify_routes[], desk_evidence_routes[],
    desk_warninglist_routes[], desk_constituent_routes[], desk_setting_routes[], desk_class_routes[], desk_indicator_routes[];

/* --- desk_constituent.c --- */

/* What a constituent's record says is checked as an import's; networks (of a range several), AS numbers and domains become their normal
 * forms. */
bool desk_constituent_check(struct desk_call *call, struct err *err) MUST_CHECK;

/* --- desk.c --- */

struct desk {
    struct db *db;
    char *data_path, *wal_path;
    int64_t reserve_mb;
    char *address, *templates;
    struct places *places; /* or NULL */
    int recall_s;
};

/* --- desk_run.c: statements --- */

/* Runs with call->params, which it empties; a refusal of the database fills call->problem. rows as in db_run(). */
bool desk_run(struct desk_call *call, enum sql_statement statement, struct db_rows **rows, struct err *err) MUST_CHECK;
bool desk_run_filtered(struct desk_call *call, enum sql_statement statement, const char *condition, struct db_rows **rows,
                       struct err *err) MUST_CHECK;
/* The first column of the first row is the answer, with this status; no row is ERR_NOT_FOUND: `there is no <noun> "<name>"`. */
bool desk_run_one(struct desk_call *call, enum sql_statement statement, int status, const char *noun, struct err *err) MUST_CHECK;
/* A whole answer {"items":[..],"next":..} of a statement whose parameters are limit, offset and, where third is not "", that text (NULL is
 * SQL NULL). */
bool desk_run_page(struct desk_call *call, enum sql_statement statement, const char *third, struct err *err) MUST_CHECK;

/* --- desk_page.c --- */

struct desk_page {
    int64_t limit, offset;
};
/* ?limit= and ?cursor=. */
bool desk_page_read(struct desk_call *call, struct desk_page *page, struct err *err) MUST_CHECK;
/* The rows' first column as a list; page NULL for a list that is whole. Leaves the object open: close it with '}'. */
void desk_page_add(struct desk_call *call, const struct db_rows *rows, const struct desk_page *page);
/* The whole answer of rows that are all there are, or of them the page that ?limit= and ?cursor= ask for; frees them. */
bool desk_page_answer(struct desk_call *call, struct db_rows *rows, struct err *err) MUST_CHECK;

/* --- desk_query.c: what the path says --- */

/* The value of ?name=, or NULL; in the call's arena. */
const char *desk_query_text(struct desk_call *call, const char *name);
/* A number behind a letter ("r81"), or alone. */
bool desk_query_id(struct desk_call *call, char letter, const char *text, int64_t *id, struct err *err) MUST_CHECK;

/* --- desk_body.c: the request's JSON --- */

bool desk_body_read(struct desk_call *call, struct err *err) MUST_CHECK;
/* A text member; NULL where absent or null. ERR_INPUT with its place for another type. Borrowed from the body. */
bool desk_body_text(struct desk_call *call, const char *member, const char **out, struct err *err) MUST_CHECK;
/* "case": a full id, or a number, which may be one in JSON too. */
bool desk_body_case(struct desk_call *call, const char **out, struct err *err) MUST_CHECK;
bool desk_body_bool(struct desk_call *call, const char *member, bool *out, struct err *err) MUST_CHECK;
/* ["a","b"] as {"a","b"}, what text[] reads; NULL stays NULL. ERR_INPUT where it is no list of texts. In the call's arena. */
bool desk_body_array(struct desk_call *call, const char *member, const char **out, struct err *err) MUST_CHECK;

/* --- desk_problem.c --- */

/* Sets the err and the problem's status and hint; returns false. hint may be NULL. */
bool desk_problem_set(struct desk_call *call, int status, const char *hint, struct err *err, const char *format, ...) PRINTF_LIKE(5, 6);
/* What the database said about its last failed statement. */
void desk_problem_take(struct desk_problem *problem, enum sql_statement statement, const struct db *db, struct err *err);
/* Replaces the answer by a problem document. */
void desk_problem_answer(struct desk_answer *answer, const struct desk_problem *problem, const struct err *err);
void desk_problem_clear(struct desk_problem *problem);

/* --- desk_place.c --- */

/* Adds the member "places" to the answer, which is one object: of one value, or of the addresses of a case whose reports do not say where
 * they are. */
bool desk_place_add(struct desk_call *call, enum observable_type type, const char *value, struct err *err) MUST_CHECK;
bool desk_place_add_case(struct desk_call *call, struct err *err) MUST_CHECK;
/* Handlers of the registries' files; their rows stand in desk_warninglist_routes[]. */
bool desk_place_import(struct desk_call *call, struct err *err) MUST_CHECK;
bool desk_place_import_more(struct desk_call *call, struct err *err) MUST_CHECK;
bool desk_place_list(struct desk_call *call, struct err *err) MUST_CHECK;
bool desk_place_remove(struct desk_call *call, struct err *err) MUST_CHECK;

/* --- desk_class.c --- */

/* The body's `class` becomes the name that is stored: a class, or a type ("fraud"); "*" becomes null. 422 for anything else. */
bool desk_class_name(struct desk_call *call, struct err *err) MUST_CHECK;

/* --- desk_list.c: lists by filter --- */

/* What a filter asks for, as a condition and its parameters behind the statement's own two. In the call's arena and params. */
struct desk_list_query {
    const char *condition;
    const struct filter_parameter *parameters;
    size_t parameter_count;
    struct filter *filter; /* the caller's */
};
/* text NULL: all. What the filter looks up is looked up here. The caller frees query->filter, on false too. */
bool desk_list_query(struct desk_call *call, unsigned object, const char *text, struct desk_list_query *query, struct err *err) MUST_CHECK;
/* {ids} of the cases (object FILTER_CASE) or reports with a value, in the call's arena; NULL where they are too many: find_look(). */
bool desk_look(struct desk_call *call, unsigned object, const char *field, const char *wanted, const char **found,
               struct err *err) MUST_CHECK;
/* A list with a filter in ?q=, left open as desk_page_add() does. *count: rows on the page. */
bool desk_list_run(struct desk_call *call, unsigned object, enum sql_statement statement, const struct desk_page *page, size_t *count,
                   struct err *err) MUST_CHECK;

#endif
