/* Every statement prepares as the login that sends it; grants are what sql/grants says; names in SQL are those of libcirt/model. */
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
#include "base/str.h"
#include "cirtd/role.h"
#include "cirtd/selfcheck.h"
#include "codec/codec.h"
#include "model/observable.h"
#include "model/tlp.h"
#include "store/db.h"
#include "store/schema.h"
#include "support/cluster.h"

static struct db *open_as(const char *role)
{
    struct db_config config = {.host = cluster_host(), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = role};
    return db_new(&config);
}

static void prepare_those_of(const char *role, const char *login)
{
    char conninfo[CLUSTER_CONNINFO_SIZE];
    PGconn *connection = PQconnectdb(cluster_conninfo(login, conninfo));
    PQclear(PQexec(connection, "SET search_path = cirt, pg_temp"));
    for (int i = 0; i < SQL_STATEMENT_COUNT; i++) {
        const struct sql_statement_text *statement = &sql_statement_texts[i];
        if (!str_equal(statement->role, role) || strstr(statement->text, "/*filter*/"))
            continue;
        PGresult *result = PQprepare(connection, statement->name, statement->text, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail_msg("%s.%s: %s", login, statement->name, PQerrorMessage(connection));
        PQclear(result);
    }
    PQfinish(connection);
}

static void each_role_can_say_its_statements(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < role_count; i++) {
        const char *login = role_table[i].database;
        if (!login)
            continue;
        prepare_those_of(login, login);
        prepare_those_of("common", login);
    }
}

/* A place for a filter stands in lists; with "true" there they prepare like the others. */
static void lists_prepare_with_any_filter(void **state)
{
    UNUSED(state);
    for (int i = 0; i < SQL_STATEMENT_COUNT; i++) {
        const struct sql_statement_text *statement = &sql_statement_texts[i];
        const char *place = strstr(statement->text, "/*filter*/");
        if (!place)
            continue;
        char sqlstate[6], *message = NULL;
        char *text = mem_printf("SET search_path = cirt; PREPARE x AS %.*strue%s", (int)(place - statement->text), statement->text,
                                place + strlen("/*filter*/"));
        if (!cluster_may(statement->role, text, sqlstate))
            fail_msg("%s.%s: SQLSTATE %s", statement->role, statement->name, sqlstate);
        free(text);
        free(message);
    }
}

static void rights_are_those_of_the_grants(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < role_count; i++) {
        struct err err;
        if (!role_table[i].database)
            continue;
        struct db *db = open_as(role_table[i].database);
        assert_true(db_ready(db, &err));
        if (!selfcheck_rights(&role_table[i], db, &err))
            fail_msg("%s: %s", role_table[i].name, err.text);
        db_free(db);
    }
}

static void expect_refusal(const char *grant, const char *revoke, const char *said)
{
    struct err err = {0};
    struct db *db = open_as("intake");
    cluster_execute(grant);
    assert_true(db_ready(db, &err));
    assert_false(selfcheck_rights(role_find("intake"), db, &err));
    cluster_execute(revoke);
    db_free(db);
    assert_int_equal(err.code, ERR_DENIED);
    if (!strstr(err.text, said))
        fail_msg("'%s' does not say '%s'", err.text, said);
}

static void too_many_rights_are_refused(void **state)
{
    UNUSED(state);
    expect_refusal("GRANT SELECT ON cirt.report TO cirt_intake", "REVOKE SELECT ON cirt.report FROM cirt_intake",
                   "too much: SELECT report");
    expect_refusal("GRANT SELECT ON cirt.report TO PUBLIC", "REVOKE SELECT ON cirt.report FROM PUBLIC", "too much: SELECT report");
    expect_refusal("GRANT cirt_desk TO cirt_intake", "REVOKE cirt_desk FROM cirt_intake", "too much: MEMBER cirt_desk");
    expect_refusal("ALTER ROLE cirt_intake CREATEDB", "ALTER ROLE cirt_intake NOCREATEDB", "too much: ATTRIBUTE createdb");
    expect_refusal("REVOKE EXECUTE ON FUNCTION cirt.report_begin FROM cirt_intake",
                   "GRANT EXECUTE ON FUNCTION cirt.report_begin TO cirt_intake", "lacks a right: EXECUTE report_begin");
}

/* What a role must not be able to do, said in SQL and as that role. */
static void roles_cannot_touch_tables(void **state)
{
    UNUSED(state);
    static const char *const tries[] = {
        "SELECT * FROM cirt.report LIMIT 1",
        "INSERT INTO cirt.journal (case_id, seq, previous, commitment, hash) VALUES (0, 9, '', '', '')",
        "UPDATE cirt.journal SET hash = ''",
        "DELETE FROM cirt.report",
        "TRUNCATE cirt.journal",
        "CREATE TABLE cirt.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "SET ROLE cirt_owner",
    };
    for (size_t i = 0; i < role_count; i++) {
        for (size_t n = 0; role_table[i].database && n < ARRAY_SIZE(tries); n++) {
            char sqlstate[6];
            if (cluster_may(role_table[i].database, tries[n], sqlstate))
                fail_msg("%s may: %s", role_table[i].name, tries[n]);
            assert_string_equal(sqlstate, "42501");
        }
    }
}

static void the_owner_cannot_rewrite_history(void **state)
{
    UNUSED(state);
    static const char *const tries[] = {"UPDATE cirt.journal SET hash = ''", "DELETE FROM cirt.journal", "TRUNCATE cirt.journal",
                                        "UPDATE cirt.journal_payload SET payload = ''"};
    cluster_execute("SELECT cirt.journal_append(0, 'test', 'tested', 'for the chain')");
    for (size_t n = 0; n < ARRAY_SIZE(tries); n++) {
        char sqlstate[6];
        if (cluster_may("postgres", tries[n], sqlstate))
            fail_msg("history can be rewritten: %s", tries[n]);
        assert_string_equal(sqlstate, "CI403");
    }
    char *bad = cluster_text("SELECT count(*) FROM cirt.journal_verify(NULL)");
    assert_string_equal(bad, "0");
    free(bad);
}

static void formats_are_those_of_the_codecs(void **state)
{
    UNUSED(state);
    char sql[120];
    for (size_t i = 0; i < codec_count; i++) {
        snprintf(sql, sizeof sql, "SELECT cirt.report_formats() @> '{%s}'", codec_registry[i]->name);
        char *is_known = cluster_text(sql);
        assert_string_equal(is_known, "t");
        free(is_known);
    }
    assert_int_equal(cluster_number("SELECT cardinality(cirt.report_formats())"), codec_count);
}

static void names_are_those_of_the_model(void **state)
{
    UNUSED(state);
    char sql[120];
    for (int i = TLP_CLEAR; i <= TLP_RED; i++) {
        snprintf(sql, sizeof sql, "SELECT cirt.tlp_name(%d) || cirt.tlp_number(cirt.tlp_name(%d))", i, i);
        char *name = cluster_text(sql), *expected = mem_printf("%s%d", tlp_name((enum tlp)i), i);
        assert_string_equal(name, expected);
        free(name);
        free(expected);
    }
    for (int i = 1; i < OBSERVABLE_TYPE_COUNT; i++) {
        snprintf(sql, sizeof sql, "SELECT cirt.observable_type_name(%d)", i);
        char *name = cluster_text(sql);
        assert_string_equal(name, observable_type_name((enum observable_type)i));
        free(name);
    }
    for (int i = 1; i < ROLE_COUNT; i++) {
        snprintf(sql, sizeof sql, "SELECT cirt.sighting_role_name(%d)", i);
        char *name = cluster_text(sql);
        assert_string_equal(name, sighting_role_name((enum sighting_role)i));
        free(name);
    }
}

static void a_migration_again_changes_nothing(void **state)
{
    UNUSED(state);
    struct err err;
    int applied = -1;
    struct db_config config = {
        .host = cluster_host(), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = "migrate", .user = "cirt_migrator"};
    struct schema_site site = {"XX-CERT", "XX-CERT", "xx-cert.example", "+00:00"};
    struct db *db = db_new(&config);
    if (!db_ready(db, &err) || !schema_migrate(db, &site, &applied, &err))
        fail_msg("%s", err.text);
    assert_int_equal(applied, 0);
    db_free(db);
    rights_are_those_of_the_grants(NULL);
}

static void a_changed_migration_is_refused(void **state)
{
    UNUSED(state);
    struct err err = {0};
    int applied;
    struct db_config config = {
        .host = cluster_host(), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = "migrate", .user = "cirt_migrator"};
    struct schema_site site = {"XX-CERT", "XX-CERT", "xx-cert.example", "+00:00"};
    struct db *db = db_new(&config);
    cluster_execute("UPDATE cirt.schema_migration SET sha256 = 'x' || sha256 WHERE name = '0001_base'");
    assert_true(db_ready(db, &err));
    assert_false(schema_migrate(db, &site, &applied, &err));
    assert_non_null(strstr(err.text, "0001_base was changed"));
    cluster_execute("UPDATE cirt.schema_migration SET sha256 = substr(sha256, 2) WHERE name = '0001_base'");
    db_free(db);
}

static void another_schema_is_refused(void **state)
{
    UNUSED(state);
    struct err err = {0};
    struct db *db = open_as("intake");
    cluster_execute("UPDATE cirt.schema_version SET version = 'x' || version");
    assert_false(db_ready(db, &err));
    cluster_execute("UPDATE cirt.schema_version SET version = substr(version, 2)");
    assert_int_equal(err.code, ERR_INTERNAL);
    assert_non_null(strstr(err.text, "run cirtd migrate"));
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_can_say_its_statements),  cmocka_unit_test(lists_prepare_with_any_filter),
        cmocka_unit_test(rights_are_those_of_the_grants),    cmocka_unit_test(too_many_rights_are_refused),
        cmocka_unit_test(roles_cannot_touch_tables),         cmocka_unit_test(the_owner_cannot_rewrite_history),
        cmocka_unit_test(names_are_those_of_the_model),      cmocka_unit_test(formats_are_those_of_the_codecs),
        cmocka_unit_test(a_migration_again_changes_nothing), cmocka_unit_test(a_changed_migration_is_refused),
        cmocka_unit_test(another_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
