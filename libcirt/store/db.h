/*
 * store/db.h - one connection to PostgreSQL: connect, transaction, run a named statement. Nothing above this layer sees
 * libpq or SQL text; what a role can say stands in sql/statements/<role>.sql, embedded at build (sql_statements.h) and prepared when first
 * said.
 *
 * Errors: ERR_AGAIN for a lost or refused connection, serialisation failure, deadlock, lock and statement time-out, full disk;
 * the codes that sql/functions raise (CI403 DENIED, CI404 NOT_FOUND, CI409 CI412 CI428 CONFLICT, CI400 CI422 INPUT, CI429 LIMIT);
 * ERR_INPUT for values that PostgreSQL refuses (class 22), ERR_CONFLICT for a broken constraint (class 23); else ERR_INTERNAL.
 */
#ifndef CIRT_STORE_DB_H
#define CIRT_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/sql_statements.h"

struct db_config {
    const char *host; /* socket directory, or a list of hosts */
    const char *port;
    const char *name;         /* database */
    const char *role;         /* "intake": logs in as cirt_intake, says what is in sql/statements/intake.sql */
    const char *user;         /* NULL: cirt_<role> */
    const char *password;     /* NULL: peer authentication */
    const char *sslmode;      /* for hosts; NULL: libpq's default */
    int statement_timeout_ms; /* 0: 30 s */
};

struct db;
/* Never connects: the first db_ready() does, so that a role starts while PostgreSQL is away. Copies the configuration. */
struct db *db_new(const struct db_config *config);
void db_free(struct db *db);

/* Connects where there is no good connection; cheap otherwise. Call between transactions. ERR_AGAIN while PostgreSQL is
 * away; ERR_INTERNAL for a database of another schema version. */
bool db_ready(struct db *db, struct err *err) MUST_CHECK;
bool db_is_connected(const struct db *db);
/* Closes the connection, for libpq keeps the memory that its largest statement took; the next db_ready() opens another. Between
 * transactions. */
void db_give_back(struct db *db);

bool db_begin(struct db *db, struct err *err) MUST_CHECK;
/* After false from db_commit() it is unknown whether the transaction stands (the connection may have died inside COMMIT). */
bool db_commit(struct db *db, struct err *err) MUST_CHECK;
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);

/* The SQLSTATE, DETAIL and HINT of the last failed statement ("" where none); the db's until the next call. */
const char *db_sqlstate(const struct db *db);
const char *db_detail(const struct db *db);
const char *db_hint(const struct db *db);

/* --- parameters: added in the statement's order; types must be the statement's own ($1::bigint takes db_int8). They borrow texts,
 * bytes and arrays until the run. --- */
enum { DB_PARAMETERS_MAX = 96 };
struct db_params;
struct db_params *db_params_new(void);
void db_params_free(struct db_params *params);
void db_params_reset(struct db_params *params); /* keeps memory for the next run */

void db_text(struct db_params *params, const char *text); /* NULL is SQL NULL; any type that reads text (jsonb, inet, ranges, ...) */
void db_bytes(struct db_params *params, const void *bytes, size_t size); /* bytes NULL is SQL NULL */
void db_bool(struct db_params *params, bool value);
void db_int2(struct db_params *params, int16_t value);
void db_int4(struct db_params *params, int32_t value);
void db_int8(struct db_params *params, int64_t value);
void db_time(struct db_params *params, int64_t moment); /* timestamptz; TIMESTAMP_NONE is SQL NULL */
void db_null(struct db_params *params);

/* A one-dimensional array in PostgreSQL's binary form, built item by item; kept for many runs. */
enum db_array_kind {
    DB_BOOL_ARRAY,
    DB_BYTES_ARRAY,
    DB_INT2_ARRAY,
    DB_INT4_ARRAY,
    DB_INT8_ARRAY,
    DB_TEXT_ARRAY,
    DB_TIME_ARRAY,
    DB_INET_ARRAY
};
struct db_array {
    struct buf buf;
    uint32_t count;
};
void db_array_init(struct db_array *array, enum db_array_kind kind);
void db_array_reset(struct db_array *array); /* empties; keeps memory, but what one large batch took */
void db_array_clear(struct db_array *array);
/* Items must be of the array's kind. */
void db_array_add_text(struct db_array *array, const char *text);                /* NULL is an SQL NULL element */
void db_array_add_bytes(struct db_array *array, const void *bytes, size_t size); /* so here */
void db_array_add_bool(struct db_array *array, bool value);
void db_array_add_int2(struct db_array *array, int16_t value);
void db_array_add_int4(struct db_array *array, int32_t value);
void db_array_add_int8(struct db_array *array, int64_t value);
void db_array_add_time(struct db_array *array, int64_t moment); /* TIMESTAMP_NONE is NULL */
void db_array_add_null(struct db_array *array);
/* A normalised ipv4, ipv6 or cidr observable as inet; anything else becomes NULL. */
void db_array_add_inet(struct db_array *array, const char *value);
/* Items of an array of texts or bytes, as the text that PostgreSQL reads an array from: for arrays whose items are arrays of any length. A
 * list is of texts or of bytes, not of both. */
struct db_list {
    struct buf buf;
};
void db_list_init(struct db_list *list);
void db_list_clear(struct db_list *list);
void db_list_add_text(struct db_list *list, const char *text); /* no NULL */
void db_list_add_bytes(struct db_list *list, const void *bytes, size_t size);
void db_array_add_list(struct db_array *array, const struct db_list *list); /* of a DB_TEXT_ARRAY */

/* As the next parameter; the array stays the caller's, untouched until the run is over. */
void db_array(struct db_params *params, struct db_array *array);

/* --- running --- */
struct db_rows;
/* params NULL for none; rows NULL where nothing is wanted. Outside a transaction the statement is one by itself. *rows is the caller's. */
bool db_run(struct db *db, enum sql_statement statement, const struct db_params *params, struct db_rows **rows, struct err *err) MUST_CHECK;
/* The same without waiting for the answer, so that the caller works on while the database does; nothing is returned. What went wrong is
 * told by the next call about this connection, whatever it is. params are free again at once. */
bool db_send(struct db *db, enum sql_statement statement, const struct db_params *params, struct err *err) MUST_CHECK;
/* A statement with a place for a filter: the text of `statement` with its filter mark (see any list in sql/statements/desk.sql) replaced by
 * condition, run unprepared. condition comes from filter_to_sql() and holds no values; its parameters follow the statement's own in params.
 */
bool db_run_filtered(struct db *db, enum sql_statement statement, const char *condition, const struct db_params *params,
                     struct db_rows **rows, struct err *err) MUST_CHECK;
size_t db_row_count(const struct db_rows *rows);
bool db_is_null(const struct db_rows *rows, size_t row, int column);
const char *db_get_text(const struct db_rows *rows, size_t row, int column); /* NULL for SQL NULL; borrowed from rows */
int64_t db_get_int(const struct db_rows *rows, size_t row, int column);      /* 0 for NULL; a broken number is a BUG */
bool db_get_bool(const struct db_rows *rows, size_t row, int column);
int64_t db_get_time(const struct db_rows *rows, size_t row, int column); /* of a column selected as extract epoch in microseconds, bigint */
/* Decoded bytea, in memory of rows until the next db_get_bytes() of the same rows. NULL for SQL NULL. */
const unsigned char *db_get_bytes(struct db_rows *rows, size_t row, int column, size_t *size);
void db_rows_free(struct db_rows *rows); /* NULL is fine */

/* Waits until a notification on a channel the role listens on arrives, or timeout; also returns on a signal or a lost connection. */
/* listen: a statement such as SQL_TRIAGE_LISTEN; remembered over reconnects. */
bool db_listen(struct db *db, enum sql_statement listen, struct err *err) MUST_CHECK;
void db_wait(struct db *db, int timeout_ms);
/* The same, and until fd can be read; -1: none. True: there was a notification, whatever else there was. */
bool db_wait_also(struct db *db, int fd, int timeout_ms);

/* Runs a script (several statements; migrations) as one text. Only for `cirtd migrate`. */
bool db_script(struct db *db, const char *text, struct err *err) MUST_CHECK;

#endif
