#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

const char *schema_version(void)
{
    return sql_schema_version;
}

static bool digest_matches(struct db *db, const struct sql_script *script, const char *recorded, struct err *err)
{
    struct db_params *params = db_params_new();
    struct db_rows *rows = NULL;
    db_text(params, script->text);
    bool ok = db_run(db, SQL_MIGRATE_DIGEST, params, &rows, err);
    if (ok && !str_equal(db_get_text(rows, 0, 0), recorded))
        ok = err_set(err, ERR_INTERNAL, "migration %s was changed after it had run here", script->name);
    db_rows_free(rows);
    db_params_free(params);
    return ok;
}

static bool apply(struct db *db, const struct sql_script *script, struct err *err)
{
    struct db_params *params = db_params_new();
    db_text(params, script->name);
    db_text(params, script->text);
    bool ok =
        db_begin(db, err) && db_script(db, script->text, err) && db_run(db, SQL_MIGRATE_RECORD, params, NULL, err) && db_commit(db, err);
    db_params_free(params);
    if (ok)
        return true;
    db_rollback(db);
    return err_context(err, "migration %s", script->name);
}

static const char *recorded_digest(const struct db_rows *rows, const char *name)
{
    for (size_t i = 0; i < db_row_count(rows); i++)
        if (str_equal(db_get_text(rows, i, 0), name))
            return db_get_text(rows, i, 1);
    return NULL;
}

static bool apply_missing(struct db *db, int *applied, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!db_run(db, SQL_MIGRATE_APPLIED, NULL, &rows, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < sql_script_count; i++) {
        if (!str_equal(sql_scripts[i].kind, "migrations"))
            continue;
        const char *recorded = recorded_digest(rows, sql_scripts[i].name);
        ok = recorded ? digest_matches(db, &sql_scripts[i], recorded, err) : apply(db, &sql_scripts[i], err);
        *applied += ok && !recorded;
    }
    db_rows_free(rows);
    return ok;
}

static bool run_kind(struct db *db, const char *kind, struct err *err)
{
    for (size_t i = 0; i < sql_script_count; i++)
        if (str_equal(sql_scripts[i].kind, kind) && !db_script(db, sql_scripts[i].text, err))
            return err_context(err, "%s/%s", kind, sql_scripts[i].name);
    return true;
}

static bool record_site(struct db *db, const struct schema_site *site, struct err *err)
{
    struct db_params *params = db_params_new();
    db_text(params, schema_version());
    bool ok = db_run(db, SQL_MIGRATE_VERSION, params, NULL, err);
    db_params_reset(params);
    db_text(params, site->name);
    db_text(params, site->prefix);
    db_text(params, site->domain);
    db_text(params, site->zone);
    ok = ok && db_run(db, SQL_MIGRATE_SITE, params, NULL, err);
    db_params_free(params);
    return ok;
}

bool schema_migrate(struct db *db, const struct schema_site *site, int *applied, struct err *err)
{
    *applied = 0;
    if (!run_kind(db, "opening", err) || !apply_missing(db, applied, err))
        return false;
    if (db_begin(db, err) && run_kind(db, "functions", err) && run_kind(db, "revoke", err) && run_kind(db, "grants", err) &&
        record_site(db, site, err) && db_commit(db, err))
        return true;
    db_rollback(db);
    return false;
}

bool schema_first_admin(struct db *db, const char *login, const char *key, struct err *err)
{
    struct db_params *params = db_params_new();
    db_text(params, login);
    db_text(params, key);
    bool ok = db_run(db, SQL_MIGRATE_FIRST_ADMIN, params, NULL, err);
    db_params_free(params);
    return ok;
}
