#include "support/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/mem.h"

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        fail_msg("%s is not set: run this program through tests/support/with-cluster", name);
    return value;
}

const char *cluster_host(void)
{
    return setting("PGHOST");
}

const char *cluster_conninfo(const char *role, char conninfo[CLUSTER_CONNINFO_SIZE])
{
    bool superuser = strcmp(role, "postgres") == 0;
    snprintf(conninfo, CLUSTER_CONNINFO_SIZE, "host=%s port=%s dbname=%s user=%s%s", setting("PGHOST"), setting("PGPORT"),
             setting("PGDATABASE"), superuser ? "" : "cirt_", role);
    return conninfo;
}

static PGconn *connect_as(const char *role)
{
    char conninfo[CLUSTER_CONNINFO_SIZE];
    PGconn *connection = PQconnectdb(cluster_conninfo(role, conninfo));
    if (PQstatus(connection) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(connection));
    return connection;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

void cluster_execute(const char *sql)
{
    PGconn *connection = connect_as("postgres");
    PGresult *result = PQexec(connection, sql);
    if (!is_good(result))
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

char *cluster_text(const char *sql)
{
    PGconn *connection = connect_as("postgres");
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    char *text = mem_strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(connection);
    return text;
}

long long cluster_number(const char *sql)
{
    char *text = cluster_text(sql);
    char *end = NULL;
    long long number = strtoll(text, &end, 10);
    if (!*text || *end)
        fail_msg("%s: \"%s\" is not a number", sql, text);
    free(text);
    return number;
}

static bool judge(PGconn *connection, PGresult *result, char sqlstate[6], char **message)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool good = is_good(result);
    snprintf(sqlstate, 6, "%s", state ? state : "");
    if (message)
        *message = good ? NULL : mem_strdup(PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    return good;
}

bool cluster_may(const char *role, const char *sql, char sqlstate[6])
{
    PGconn *connection = connect_as(role);
    return judge(connection, PQexec(connection, sql), sqlstate, NULL);
}

bool cluster_prepares(const char *role, const char *sql, char sqlstate[6], char **message)
{
    PGconn *connection = connect_as(role);
    return judge(connection, PQprepare(connection, "s", sql, 0, NULL), sqlstate, message);
}
