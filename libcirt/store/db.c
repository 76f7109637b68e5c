#include "store/db.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "store/db_params.h"
#include "store/schema.h"

enum { CHANNELS_MAX = 4, CONNECT_TIMEOUT_S = 5, STATEMENT_TIMEOUT_MS = 30000, TCP_USER_TIMEOUT_MS = 20000 };
enum { RECONNECT_MS_MIN = 50, RECONNECT_MS_MAX = 2000 };

struct db {
    char *host, *port, *name, *role, *user, *password, *sslmode;
    int statement_timeout_ms;
    PGconn *connection;                 /* NULL before the first try */
    const char *sent;                   /* name of the statement whose answer was not taken yet, or NULL */
    bool is_ready;                      /* connected, to the right schema */
    bool prepared[SQL_STATEMENT_COUNT]; /* on this connection */
    int64_t retry_at_ms;
    int retry_wait_ms;
    char sqlstate[6];
    char *detail, *hint;
    enum sql_statement channels[CHANNELS_MAX];
    int channel_count;
};

struct db_rows {
    PGresult *result;
    unsigned char *bytes; /* the last decoded bytea */
};

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

struct db *db_new(const struct db_config *config)
{
    struct db *db = mem_calloc(1, sizeof *db);
    db->host = copy(config->host);
    db->port = copy(config->port);
    db->name = copy(config->name);
    db->role = copy(config->role);
    db->user = config->user ? copy(config->user) : mem_printf("cirt_%s", config->role);
    db->password = copy(config->password);
    db->sslmode = copy(config->sslmode);
    db->statement_timeout_ms = config->statement_timeout_ms ? config->statement_timeout_ms : STATEMENT_TIMEOUT_MS;
    return db;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    PQfinish(db->connection);
    free(db->host);
    free(db->port);
    free(db->name);
    free(db->role);
    free(db->user);
    if (db->password)
        explicit_bzero(db->password, strlen(db->password));
    free(db->password);
    free(db->sslmode);
    free(db->detail);
    free(db->hint);
    free(db);
}

/* --- errors --- */

/* What a SQLSTATE means to the caller. The first row whose start fits counts. */
static const struct {
    const char *start;
    enum err_code code;
} sqlstate_codes[] = {
    {"CI403", ERR_DENIED},   {"CI404", ERR_NOT_FOUND}, {"CI409", ERR_CONFLICT}, {"CI412", ERR_CONFLICT},
    {"CI428", ERR_CONFLICT}, {"CI429", ERR_LIMIT},     {"CI", ERR_INPUT},       {"08", ERR_AGAIN},
    {"40", ERR_AGAIN},       {"53", ERR_AGAIN},        {"55P03", ERR_AGAIN},    {"57", ERR_AGAIN},
    {"58", ERR_AGAIN},       {"25006", ERR_AGAIN},     {"22", ERR_INPUT},       {"23", ERR_CONFLICT},
};

static enum err_code code_of(const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_SIZE(sqlstate_codes); i++)
        if (str_starts(sqlstate, sqlstate_codes[i].start))
            return sqlstate_codes[i].code;
    return ERR_INTERNAL;
}

static void remember(char **slot, const char *text)
{
    free(*slot);
    *slot = copy(text);
}

static bool fail_connection(struct db *db, struct err *err)
{
    char text[256];
    snprintf(text, sizeof text, "%s", PQerrorMessage(db->connection));
    text[strcspn(text, "\n")] = '\0';
    memcpy(db->sqlstate, "08006", 6);
    db->is_ready = false;
    return err_set(err, ERR_AGAIN, "the database does not answer: %s", text);
}

static bool fail_result(struct db *db, const PGresult *result, struct err *err)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (PQstatus(db->connection) != CONNECTION_OK || !sqlstate)
        return fail_connection(db, err);
    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", sqlstate);
    remember(&db->detail, PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    remember(&db->hint, PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
    return err_set(err, code_of(sqlstate), "%s", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

const char *db_sqlstate(const struct db *db)
{
    return db->sqlstate;
}

const char *db_detail(const struct db *db)
{
    return db->detail ? db->detail : "";
}

const char *db_hint(const struct db *db)
{
    return db->hint ? db->hint : "";
}

/* --- connecting --- */

static void on_notice(void *unused, const char *message)
{
    UNUSED(unused);
    log_debug("database_notice", "text=%s", log_quote(message));
}

/* The answer to what db_send() sent. */
static bool settle(struct db *db, struct err *err)
{
    if (!db->sent)
        return true;
    const char *name = db->sent;
    bool ok = true;
    db->sent = NULL;
    for (PGresult *result; (result = PQgetResult(db->connection)); PQclear(result)) {
        ExecStatusType status = PQresultStatus(result);
        if (ok && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            ok = fail_result(db, result, err) || err_context(err, "%s", name);
    }
    return ok;
}

static bool simple(struct db *db, const char *text, struct err *err)
{
    if (!settle(db, err))
        return false;
    PGresult *result = PQexec(db->connection, text);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY || fail_result(db, result, err);
    PQclear(result);
    return ok;
}

static void statement_name(enum sql_statement statement, char name[64])
{
    snprintf(name, 64, "%s_%s", sql_statement_texts[statement].role, sql_statement_texts[statement].name);
}

/* A role says what stands in its own file, and in common.sql. */
static bool belongs(const struct db *db, enum sql_statement statement)
{
    const char *role = sql_statement_texts[statement].role;
    return str_equal(role, db->role) || str_equal(role, "common");
}

/* At its first use: no role needs all it may say at once, and a connection that is made anew is ready at once. */
static bool prepare(struct db *db, enum sql_statement statement, const char *name, struct err *err)
{
    if (db->prepared[statement])
        return true;
    PGresult *result = PQprepare(db->connection, name, sql_statement_texts[statement].text, 0, NULL);
    db->prepared[statement] = PQresultStatus(result) == PGRES_COMMAND_OK;
    bool ok = db->prepared[statement] || fail_result(db, result, err);
    PQclear(result);
    return ok;
}

/* cirtd migrate meets databases of any age: no schema to check, nothing that can be prepared. */
static bool is_migration(const struct db *db)
{
    return str_equal(db->role, "migrate");
}

static bool check_schema(struct db *db, struct err *err)
{
    PGresult *result = PQexec(db->connection, sql_statement_texts[SQL_COMMON_SCHEMA_VERSION].text);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK || fail_result(db, result, err);
    if (ok && !str_equal(PQgetvalue(result, 0, 0), schema_version())) {
        ok = err_set(err, ERR_INTERNAL, "the database has schema %s, this program needs %s: run cirtd migrate", PQgetvalue(result, 0, 0),
                     schema_version());
    }
    PQclear(result);
    return ok;
}

static bool listen_all(struct db *db, struct err *err)
{
    for (int i = 0; i < db->channel_count; i++)
        if (!simple(db, sql_statement_texts[db->channels[i]].text, err))
            return false;
    return true;
}

static bool connect_now(struct db *db, struct err *err)
{
    char options[200], connect_timeout[16], user_timeout[16];
    /* temp_buffers: what triage lays out of a large report stays in memory; it is taken as it is used. jit: where kinds of joins are ruled
     * out, plans look so expensive that PostgreSQL would compile each. */
    snprintf(
        options, sizeof options,
        "-c statement_timeout=%d -c search_path=cirt,pg_temp -c idle_in_transaction_session_timeout=60000 -c temp_buffers=32MB -c jit=off",
        db->statement_timeout_ms);
    snprintf(connect_timeout, sizeof connect_timeout, "%d", CONNECT_TIMEOUT_S);
    snprintf(user_timeout, sizeof user_timeout, "%d", TCP_USER_TIMEOUT_MS);
    const char *const keys[] = {"host",
                                "port",
                                "dbname",
                                "user",
                                "password",
                                "sslmode",
                                "options",
                                "connect_timeout",
                                "tcp_user_timeout",
                                "keepalives_idle",
                                "application_name",
                                NULL};
    const char *const values[] = {db->host, db->port,        db->name,     db->user, db->password, db->sslmode,
                                  options,  connect_timeout, user_timeout, "10",     db->user,     NULL};
    PQfinish(db->connection);
    db->sent = NULL;
    db->is_ready = false;
    memset(db->prepared, 0, sizeof db->prepared);
    db->connection = PQconnectdbParams(keys, values, 0);
    if (!db->connection)
        BUG("out of memory in PQconnectdbParams");
    if (PQstatus(db->connection) != CONNECTION_OK)
        return fail_connection(db, err);
    PQsetNoticeProcessor(db->connection, on_notice, NULL);
    if (is_migration(db)) {
        db->is_ready = true;
        return true;
    }
    if (!check_schema(db, err) || !listen_all(db, err))
        return false;
    db->is_ready = true;
    return true;
}

void db_give_back(struct db *db)
{
    PQfinish(db->connection);
    db->connection = NULL;
    db->sent = NULL;
    db->is_ready = false;
}

bool db_ready(struct db *db, struct err *err)
{
    if (db->is_ready && PQstatus(db->connection) == CONNECTION_OK)
        return true;
    int64_t now_ms = timestamp_monotonic_ms();
    if (now_ms < db->retry_at_ms)
        return err_set(err, ERR_AGAIN, "the database does not answer");
    if (connect_now(db, err)) {
        db->retry_wait_ms = 0;
        db->retry_at_ms = 0;
        return true;
    }
    db->retry_wait_ms = db->retry_wait_ms ? db->retry_wait_ms * 2 : RECONNECT_MS_MIN;
    if (db->retry_wait_ms > RECONNECT_MS_MAX)
        db->retry_wait_ms = RECONNECT_MS_MAX;
    db->retry_at_ms = timestamp_monotonic_ms() + db->retry_wait_ms;
    return false;
}

bool db_is_connected(const struct db *db)
{
    return db->is_ready && PQstatus(db->connection) == CONNECTION_OK;
}

/* --- transactions --- */

bool db_begin(struct db *db, struct err *err)
{
    return simple(db, "BEGIN", err);
}

bool db_commit(struct db *db, struct err *err)
{
    if (!settle(db, err))
        return false;
    PGresult *result = PQexec(db->connection, "COMMIT");
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK || fail_result(db, result, err);
    /* COMMIT of a failed transaction answers ROLLBACK and is no error to libpq. */
    if (ok && !str_equal(PQcmdStatus(result), "COMMIT"))
        ok = err_set(err, ERR_INTERNAL, "the transaction had failed before COMMIT");
    PQclear(result);
    return ok;
}

void db_rollback(struct db *db)
{
    struct err ignored;
    if (db->connection && !settle(db, &ignored))
        log_debug("sent_statement_failed", "%s", log_err(&ignored));
    if (db->connection && db_in_transaction(db) && !simple(db, "ROLLBACK", &ignored))
        db->is_ready = false;
}

bool db_in_transaction(const struct db *db)
{
    PGTransactionStatusType status = PQtransactionStatus(db->connection);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* --- running --- */

static bool take_result(struct db *db, PGresult *result, struct db_rows **rows, struct err *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_result(db, result, err);
        PQclear(result);
        return false;
    }
    if (!rows) {
        PQclear(result);
        return true;
    }
    *rows = mem_calloc(1, sizeof **rows);
    (*rows)->result = result;
    return true;
}

static const struct db_params no_params;

bool db_run(struct db *db, enum sql_statement statement, const struct db_params *params, struct db_rows **rows, struct err *err)
{
    if (!belongs(db, statement))
        BUG("role %s runs a statement of %s", db->role, sql_statement_texts[statement].role);
    if (!settle(db, err))
        return false;
    char name[64];
    statement_name(statement, name);
    if (!params)
        params = &no_params;
    if (!is_migration(db) && !prepare(db, statement, name, err))
        return err_context(err, "%s", sql_statement_texts[statement].name);
    PGresult *result = is_migration(db)
                           ? PQexecParams(db->connection, sql_statement_texts[statement].text, params->count, NULL, params->values,
                                          params->lengths, params->formats, 0)
                           : PQexecPrepared(db->connection, name, params->count, params->values, params->lengths, params->formats, 0);
    return take_result(db, result, rows, err) || err_context(err, "%s", sql_statement_texts[statement].name);
}

bool db_send(struct db *db, enum sql_statement statement, const struct db_params *params, struct err *err)
{
    if (!belongs(db, statement))
        BUG("role %s runs a statement of %s", db->role, sql_statement_texts[statement].role);
    if (!settle(db, err))
        return false;
    char name[64];
    statement_name(statement, name);
    if (!prepare(db, statement, name, err))
        return err_context(err, "%s", sql_statement_texts[statement].name);
    if (!PQsendQueryPrepared(db->connection, name, params->count, params->values, params->lengths, params->formats, 0))
        return fail_connection(db, err);
    db->sent = sql_statement_texts[statement].name;
    return true;
}

bool db_run_filtered(struct db *db, enum sql_statement statement, const char *condition, const struct db_params *params,
                     struct db_rows **rows, struct err *err)
{
    const char *text = sql_statement_texts[statement].text;
    const char *place = strstr(text, "/*filter*/");
    if (!place || !str_equal(sql_statement_texts[statement].role, db->role))
        BUG("statement %s has no place for a filter", sql_statement_texts[statement].name);
    if (!settle(db, err))
        return false;
    char *whole = mem_printf("%.*s%s%s", (int)(place - text), text, condition, place + strlen("/*filter*/"));
    PGresult *result = PQexecParams(db->connection, whole, params->count, NULL, params->values, params->lengths, params->formats, 0);
    free(whole);
    return take_result(db, result, rows, err) || err_context(err, "%s", sql_statement_texts[statement].name);
}

bool db_script(struct db *db, const char *text, struct err *err)
{
    return simple(db, text, err);
}

/* --- rows --- */

size_t db_row_count(const struct db_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

bool db_is_null(const struct db_rows *rows, size_t row, int column)
{
    return PQgetisnull(rows->result, (int)row, column);
}

const char *db_get_text(const struct db_rows *rows, size_t row, int column)
{
    if (column >= PQnfields(rows->result) || row >= db_row_count(rows))
        BUG("row %zu column %d of %zu x %d", row, column, db_row_count(rows), PQnfields(rows->result));
    return db_is_null(rows, row, column) ? NULL : PQgetvalue(rows->result, (int)row, column);
}

int64_t db_get_int(const struct db_rows *rows, size_t row, int column)
{
    const char *text = db_get_text(rows, row, column);
    int64_t value = 0;
    if (text && !str_to_int64(text, INT64_MIN, INT64_MAX, &value))
        BUG("'%s' is no integer", text);
    return value;
}

bool db_get_bool(const struct db_rows *rows, size_t row, int column)
{
    const char *text = db_get_text(rows, row, column);
    return text && text[0] == 't';
}

int64_t db_get_time(const struct db_rows *rows, size_t row, int column)
{
    return db_is_null(rows, row, column) ? TIMESTAMP_NONE : db_get_int(rows, row, column);
}

const unsigned char *db_get_bytes(struct db_rows *rows, size_t row, int column, size_t *size)
{
    const char *text = db_get_text(rows, row, column);
    PQfreemem(rows->bytes);
    rows->bytes = NULL;
    *size = 0;
    if (!text)
        return NULL;
    rows->bytes = PQunescapeBytea((const unsigned char *)text, size);
    if (!rows->bytes)
        BUG("out of memory in PQunescapeBytea");
    return rows->bytes;
}

void db_rows_free(struct db_rows *rows)
{
    if (!rows)
        return;
    PQclear(rows->result);
    PQfreemem(rows->bytes);
    free(rows);
}

/* --- notifications --- */

bool db_listen(struct db *db, enum sql_statement listen, struct err *err)
{
    if (db->channel_count == CHANNELS_MAX)
        BUG("more than %d channels", CHANNELS_MAX);
    db->channels[db->channel_count++] = listen;
    return !db->is_ready || listen_all(db, err);
}

static bool take_notifications(struct db *db)
{
    bool any = false;
    for (PGnotify *notification; (notification = PQnotifies(db->connection)); any = true)
        PQfreemem(notification);
    return any;
}

void db_wait(struct db *db, int timeout_ms)
{
    UNUSED(db_wait_also(db, -1, timeout_ms));
}

bool db_wait_also(struct db *db, int fd, int timeout_ms)
{
    if (!db_is_connected(db)) {
        poll(NULL, 0, timeout_ms < RECONNECT_MS_MAX ? timeout_ms : RECONNECT_MS_MAX);
        return false;
    }
    /* What came in with the last results counts too. */
    if (take_notifications(db))
        return true;
    struct pollfd wait[] = {{.fd = PQsocket(db->connection), .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    return poll(wait, ARRAY_SIZE(wait), timeout_ms) > 0 && wait[0].revents && PQconsumeInput(db->connection) && take_notifications(db);
}
